/* A PS/2 keyboard: the commands it understands and the bytes it sends, in scan code set 2.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/input/ps2_kbd.h"

/* IBM PS/2 hardware interface technical reference, keyboards (101- and 102-key). */

enum {
    CMD_LEDS = 0xed, CMD_ECHO = 0xee, CMD_CODE_SET = 0xf0, CMD_IDENTIFY = 0xf2, CMD_RATE = 0xf3,
    CMD_ENABLE = 0xf4, CMD_DISABLE = 0xf5, CMD_DEFAULTS = 0xf6, CMD_RESEND = 0xfe,
    CMD_RESET = 0xff,
    ANSWER_SELF_TEST = 0xaa, ANSWER_ACK = 0xfa, ANSWER_RESEND = 0xfe,
};

#define RATE_DEFAULT 0x2b      /* 10.9 characters a second after half a second */
#define CODE_SET 2

/* Answers to commands keep this much room, so that keys cannot crowd them out. */
#define ROOM_FOR_ANSWERS 16

void ps2_kbd_reset(Ps2Kbd *k)
{
    *k = (Ps2Kbd){ .rate = RATE_DEFAULT, .scanning = true };
}

static void kbd_send(Ps2Kbd *k, uint8_t v)
{
    if (k->count < PS2_KBD_QUEUE) {
        k->queue[(k->head + k->count) % PS2_KBD_QUEUE] = v;
        k->count++;
    }
}

static void kbd_argument(Ps2Kbd *k, uint8_t v)
{
    uint8_t command = k->command;

    k->command = 0;
    switch (command) {
    case CMD_LEDS:
        k->leds = v & 7;
        break;
    case CMD_RATE:
        k->rate = v & 0x7f;
        break;
    case CMD_CODE_SET:
        if (v != 0 && v != CODE_SET) {
            kbd_send(k, ANSWER_RESEND);    /* only set 2 is known */
            return;
        }
        kbd_send(k, ANSWER_ACK);
        if (v == 0) {
            kbd_send(k, CODE_SET);
        }
        return;
    }
    kbd_send(k, ANSWER_ACK);
}

static void kbd_defaults(Ps2Kbd *k, bool scanning)
{
    k->rate = RATE_DEFAULT;
    k->count = 0;
    k->scanning = scanning;
}

static void kbd_command(Ps2Kbd *k, uint8_t v)
{
    switch (v) {
    case CMD_LEDS:
    case CMD_CODE_SET:
    case CMD_RATE:
        k->command = v;
        break;
    case CMD_ECHO:
        kbd_send(k, CMD_ECHO);
        return;
    case CMD_IDENTIFY:
        kbd_send(k, ANSWER_ACK);
        kbd_send(k, 0xab);
        kbd_send(k, 0x83);
        return;
    case CMD_ENABLE:
        k->count = 0;
        k->scanning = true;
        break;
    case CMD_DISABLE:
        kbd_defaults(k, false);
        break;
    case CMD_DEFAULTS:
        kbd_defaults(k, k->scanning);
        break;
    case CMD_RESEND:
        kbd_send(k, k->last);
        return;
    case CMD_RESET:
        ps2_kbd_reset(k);
        kbd_send(k, ANSWER_ACK);
        kbd_send(k, ANSWER_SELF_TEST);
        return;
    default:
        kbd_send(k, ANSWER_RESEND);
        return;
    }
    kbd_send(k, ANSWER_ACK);
}

void ps2_kbd_write(Ps2Kbd *k, uint8_t v)
{
    /* A command takes the place of an argument that was awaited. */
    if (k->command && v < CMD_LEDS) {
        kbd_argument(k, v);
    } else {
        k->command = 0;
        kbd_command(k, v);
    }
}

int ps2_kbd_read(Ps2Kbd *k)
{
    uint8_t v;

    if (!k->count) {
        return -1;
    }
    v = k->queue[k->head];
    k->head = (uint8_t)((k->head + 1) % PS2_KBD_QUEUE);
    k->count--;
    if (v != ANSWER_RESEND) {
        k->last = v;
    }
    return v;
}

bool ps2_kbd_key(Ps2Kbd *k, const uint8_t *codes, size_t n)
{
    if (!k->scanning || n > (size_t)(PS2_KBD_QUEUE - ROOM_FOR_ANSWERS) ||
        k->count + n > PS2_KBD_QUEUE - ROOM_FOR_ANSWERS) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        kbd_send(k, codes[i]);
    }
    return true;
}
