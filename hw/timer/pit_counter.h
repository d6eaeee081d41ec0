/* One counter of an 8254 as a pure function of time: no clock, no lines, no machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_TIMER_PIT_COUNTER_H
#define GLASSBOX_HW_TIMER_PIT_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Time is in ticks of the counter's clock input and never goes back. Nothing counts by itself: the
 * counter remembers when it was loaded, and everything else follows from the time asked about.
 */
typedef struct PitCounter {
    int64_t start;          /* tick at which the counting element held `modulus` */
    int64_t held;           /* while stopped: ticks counted since start */
    int64_t switch_at;      /* when `next` takes effect; INT64_MAX: at the gate's next rise */
    int64_t switch_start;   /* and what start becomes then */
    uint32_t modulus;       /* count in force, 1 to 65536 */
    uint32_t next;          /* a count that waits for switch_at; 0: none */
    uint16_t idle_count;    /* the counting element while not counting */
    uint16_t latch;         /* count latch; valid if latched */
    uint8_t mode;           /* 0 to 5 */
    uint8_t access;         /* control word's RW bits: 1 low, 2 high, 3 low then high */
    uint8_t low;            /* low byte of a count whose high byte is still to come */
    uint8_t status;         /* status latch */
    bool bcd, gate;
    bool loaded;            /* a count was written since the control word */
    bool counting;          /* loaded and (modes 1 and 5) triggered: start means something */
    bool stopped;           /* counting is held by the gate */
    bool was_low;           /* mode 1: OUT before the trigger's clock pulse */
    bool latched, status_latched, read_high, write_high;
} PitCounter;

/* Power-on: counts nothing until a control word comes. The gate is kept. */
void pit_counter_reset(PitCounter *c);

/* A control word for this counter (bits 0-5; the latch command too). */
void pit_counter_control(PitCounter *c, uint8_t word, int64_t now);
/* Read-back command: latch the count, the status, or both. */
void pit_counter_read_back(PitCounter *c, bool count, bool status, int64_t now);
/* The counter's own port. */
void pit_counter_write(PitCounter *c, uint8_t v, int64_t now);
uint8_t pit_counter_read(PitCounter *c, int64_t now);
/* The same value, without moving any latch or byte order on: a debugger's look. */
uint8_t pit_counter_peek(const PitCounter *c, int64_t now);
void pit_counter_set_gate(PitCounter *c, bool gate, int64_t now);

/* OUT at this time. */
bool pit_counter_out(PitCounter *c, int64_t now);
/* The counting element at this time. */
uint16_t pit_counter_count(PitCounter *c, int64_t now);

/*
 * The first tick after `now` at which OUT rises, or in mode 3 also falls; INT64_MAX if it never
 * does by itself. The short low pulses of modes 2, 4 and 5 are told by their end. *rising tells.
 */
int64_t pit_counter_next_edge(PitCounter *c, int64_t now, bool *rising);

#endif
