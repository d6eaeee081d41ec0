/* One counter of an 8254 as a pure function of time: no clock, no lines, no machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/timer/pit_counter.h"

/* Intel 8254 data sheet (order 231164). "Elapsed" is the number of clock pulses since the one that
 * loaded the counting element, which comes one tick after the write or trigger. */

#define STATUS_OUT 0x80
#define STATUS_NULL 0x40

enum { ACCESS_LATCH, ACCESS_LOW, ACCESS_HIGH, ACCESS_BOTH };

/* What the gate does in each mode. */
typedef struct ModeTraits {
    bool gate_stops;     /* low holds the count */
    bool gate_loads;     /* rising loads the counting element */
    bool periodic;       /* reloads itself; low gate also forces OUT high */
    bool need_gate;      /* counts only after a rise of the gate */
} ModeTraits;

static const ModeTraits mode_traits[6] = {
    [0] = { .gate_stops = true },
    [1] = { .gate_loads = true, .need_gate = true },
    [2] = { .gate_stops = true, .gate_loads = true, .periodic = true },
    [3] = { .gate_stops = true, .gate_loads = true, .periodic = true },
    [4] = { .gate_stops = true },
    [5] = { .gate_loads = true, .need_gate = true },
};

void pit_counter_reset(PitCounter *c)
{
    bool gate = c->gate;

    *c = (PitCounter){ .gate = gate, .access = ACCESS_BOTH, .modulus = 65536 };
}

/* ---- time --------------------------------------------------------------------------------- */

static int64_t counter_elapsed(const PitCounter *c, int64_t now)
{
    int64_t d = c->stopped ? c->held : now - c->start;

    return d < 0 ? 0 : d;
}

/* Mode 3: ticks that OUT is high within one period; the rest it is low. */
static uint32_t square_high(uint32_t modulus)
{
    return (modulus + 1) / 2;
}

/* Let a count that waited take effect. */
static void counter_sync(PitCounter *c, int64_t now)
{
    if (c->next && now >= c->switch_at) {
        c->modulus = c->next;
        c->start = c->switch_start;
        c->next = 0;
    }
}

/* A new count for a counter of mode 2 or 3 that runs: it waits for the end of the cycle, in mode 3
 * of the half cycle. */
static void counter_schedule(PitCounter *c, uint32_t count, int64_t now)
{
    int64_t high = square_high(c->modulus), pos = (now - c->start) % c->modulus;

    c->next = count;
    if (c->stopped) {
        c->switch_at = INT64_MAX;
    } else if (c->mode == 3 && pos < high) {
        c->switch_at = now - pos + high;
        c->switch_start = c->switch_at - square_high(count);    /* the low half follows */
    } else {
        c->switch_at = c->switch_start = now - pos + c->modulus;
    }
}

/* The clock pulse after this tick puts the count into the counting element. */
static void counter_start(PitCounter *c, int64_t now)
{
    if (c->next) {
        c->modulus = c->next;
        c->next = 0;
    }
    c->counting = true;
    c->start = now + 1;
    c->stopped = mode_traits[c->mode].gate_stops && !c->gate;
    c->held = 0;
}

static void counter_load(PitCounter *c, uint32_t count, int64_t now)
{
    const ModeTraits *t = &mode_traits[c->mode];

    counter_sync(c, now);
    c->loaded = true;
    if (c->counting && t->periodic && now >= c->start) {
        counter_schedule(c, count, now);
    } else if (c->counting && t->need_gate) {
        c->next = count;
        c->switch_at = INT64_MAX;
    } else {
        c->modulus = count;
        c->next = 0;
        if (!t->need_gate) {
            counter_start(c, now);
        }
    }
}

/* The counting element, 0 to 65535, before the conversion to decimal digits. */
static uint32_t counter_element(const PitCounter *c, int64_t now)
{
    uint32_t wrap = c->bcd ? 10000 : 65536, n = c->modulus;
    int64_t d = counter_elapsed(c, now), pos = d % n;

    switch (c->mode) {
    case 2:
        return (uint32_t)(n - pos) % wrap;
    case 3:
        if (pos >= (int64_t)square_high(n)) {
            pos -= square_high(n);
        }
        return (uint32_t)((n & ~1u) - 2 * pos) % wrap;
    default:
        return (uint32_t)((n % wrap + wrap - d % wrap) % wrap);
    }
}

static uint16_t to_digits(uint32_t v)
{
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}

uint16_t pit_counter_count(PitCounter *c, int64_t now)
{
    uint32_t v;

    counter_sync(c, now);
    if (!c->counting) {
        return c->idle_count;
    }
    v = counter_element(c, now);
    return c->bcd ? to_digits(v) : (uint16_t)v;
}

bool pit_counter_out(PitCounter *c, int64_t now)
{
    int64_t d;

    counter_sync(c, now);
    d = counter_elapsed(c, now);
    if (!c->counting) {
        return c->mode != 0;
    }
    switch (c->mode) {
    case 0:
        return d >= c->modulus;
    case 1:
        return now < c->start ? !c->was_low : d >= c->modulus;
    case 2:
        return c->stopped || d % c->modulus != c->modulus - 1;
    case 3:
        return c->stopped || d % c->modulus < square_high(c->modulus);
    default:
        return d != c->modulus;
    }
}

int64_t pit_counter_next_edge(PitCounter *c, int64_t now, bool *rising)
{
    int64_t t, d, pos;

    counter_sync(c, now);
    *rising = true;
    if (!c->counting || c->stopped) {
        return INT64_MAX;
    }
    d = now < c->start ? 0 : now - c->start;
    pos = d % c->modulus;
    switch (c->mode) {
    case 2:
        t = c->start + d - pos + c->modulus;
        break;
    case 3:
        if (c->modulus == 1) {
            return INT64_MAX;    /* a forbidden count: OUT has no low half */
        }
        *rising = pos >= (int64_t)square_high(c->modulus);
        t = c->start + d - pos + (*rising ? c->modulus : square_high(c->modulus));
        break;
    case 4:
    case 5:
        t = c->start + c->modulus + 1;
        break;
    default:
        t = c->start + c->modulus;
        break;
    }
    return t > now ? t : INT64_MAX;
}

/* ---- access --------------------------------------------------------------------------------- */

static void counter_latch(PitCounter *c, int64_t now)
{
    if (!c->latched) {
        c->latch = pit_counter_count(c, now);
        c->latched = true;
        c->read_high = false;
    }
}

void pit_counter_read_back(PitCounter *c, bool count, bool status, int64_t now)
{
    if (count) {
        counter_latch(c, now);
    }
    if (status && !c->status_latched) {
        bool out = pit_counter_out(c, now);
        bool null = !c->loaded || c->next || (c->counting && !c->stopped && now < c->start) ||
                    (!c->counting && mode_traits[c->mode].need_gate);

        c->status = (uint8_t)((out ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) |
                              c->access << 4 | c->mode << 1 | c->bcd);
        c->status_latched = true;
    }
}

void pit_counter_control(PitCounter *c, uint8_t word, int64_t now)
{
    unsigned access = word >> 4 & 3, mode = word >> 1 & 7;

    if (access == ACCESS_LATCH) {
        counter_latch(c, now);
        return;
    }
    c->idle_count = pit_counter_count(c, now);
    c->access = (uint8_t)access;
    c->mode = (uint8_t)(mode > 5 ? mode - 4 : mode);    /* bit 2 counts for modes 4 and 5 only */
    c->bcd = word & 1;
    c->next = 0;
    c->loaded = c->counting = c->stopped = false;
    c->latched = c->status_latched = c->read_high = c->write_high = false;
}

void pit_counter_write(PitCounter *c, uint8_t v, int64_t now)
{
    uint32_t count;

    if (c->access == ACCESS_BOTH && !c->write_high) {
        c->low = v;
        c->write_high = true;
        if (c->mode == 0 && c->counting) {
            c->idle_count = pit_counter_count(c, now);    /* half a count stops mode 0 */
            c->counting = false;
        }
        return;
    }
    count = c->access == ACCESS_BOTH ? c->low | (uint32_t)v << 8 :
            c->access == ACCESS_HIGH ? (uint32_t)v << 8 : v;
    c->write_high = false;
    if (c->bcd) {
        count = (count & 15) + (count >> 4 & 15) * 10 + (count >> 8 & 15) * 100 +
                (count >> 12 & 15) * 1000;
    }
    counter_load(c, count ? count : c->bcd ? 10000 : 65536, now);
}

uint8_t pit_counter_read(PitCounter *c, int64_t now)
{
    uint16_t v;
    bool high;

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    v = c->latched ? c->latch : pit_counter_count(c, now);
    high = c->access == ACCESS_HIGH || (c->access == ACCESS_BOTH && c->read_high);
    if (c->access == ACCESS_BOTH) {
        c->read_high = !high;
    }
    if (c->access != ACCESS_BOTH || high) {
        c->latched = false;
    }
    return (uint8_t)(high ? v >> 8 : v);
}

uint8_t pit_counter_peek(const PitCounter *c, int64_t now)
{
    PitCounter copy = *c;

    return pit_counter_read(&copy, now);
}

void pit_counter_set_gate(PitCounter *c, bool gate, int64_t now)
{
    const ModeTraits *t = &mode_traits[c->mode];
    bool rising = gate && !c->gate;

    if (gate == c->gate) {
        return;
    }
    counter_sync(c, now);
    if (rising && t->gate_loads && c->loaded) {
        c->was_low = !pit_counter_out(c, now);
        c->gate = gate;
        counter_start(c, now);
        return;
    }
    c->gate = gate;
    if (!c->counting || !t->gate_stops) {
        return;
    }
    if (gate) {
        c->start = now - c->held;
        c->stopped = false;
    } else {
        c->held = counter_elapsed(c, now);
        c->stopped = true;
        if (c->next) {
            c->switch_at = INT64_MAX;
        }
    }
}
