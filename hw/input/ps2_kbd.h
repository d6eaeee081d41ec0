/* A PS/2 keyboard: the commands it understands and the bytes it sends, in scan code set 2.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_INPUT_PS2_KBD_H
#define GLASSBOX_HW_INPUT_PS2_KBD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PS2_KBD_QUEUE 64

/* No device of its own: the keyboard controller holds it. */
typedef struct Ps2Kbd {
    uint8_t queue[PS2_KBD_QUEUE];   /* bytes on their way to the controller, a ring */
    uint8_t head, count;
    uint8_t command;                /* whose argument is awaited; 0: none */
    uint8_t leds, rate, last;       /* last: what 'resend' repeats */
    bool scanning;
} Ps2Kbd;

/* Power-on, without the self-test's answer. */
void ps2_kbd_reset(Ps2Kbd *k);

/* A byte from the host: command or argument. Answers are queued. */
void ps2_kbd_write(Ps2Kbd *k, uint8_t v);

/* The next byte to the host, or -1. */
int ps2_kbd_read(Ps2Kbd *k);

/* Scan codes (set 2) of a key that goes down or up: all are queued or, if there is no room or the
 * host has turned scanning off, none. */
bool ps2_kbd_key(Ps2Kbd *k, const uint8_t *codes, size_t n);

#endif
