/* Packets that ask or set how the session itself works.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

/* The answer still goes out as the old mode wants it; the client's last '+' is ignored anyway. */
Reply cmd_noack(GdbSession *s, Cursor *args)
{
    s->no_ack = true;
    return REPLY_OK;
}

/* The machine was there before the client: quitting detaches. */
Reply cmd_attached(GdbSession *s, Cursor *args)
{
    ThreadName name = { .has_pid = true, .tid = THREAD_ALL };
    uint64_t pid;

    if (cursor_char(args, ':')) {
        if (!cursor_hex_max(args, INT64_MAX, &pid)) {
            return reply_malformed(s);
        }
        name.pid = pid;
        if (!session_means_all(&name)) {
            return reply_error(s, ESRCH, "no such process");
        }
    }
    if (!args_done(args)) {
        return reply_malformed(s);
    }
    g_string_append_c(s->out, '1');
    return REPLY_TEXT;
}

/* We need no symbols of the client's. */
Reply cmd_symbol(GdbSession *s, Cursor *args)
{
    return REPLY_OK;
}

/* ---- what a step holds back, in QEMU's words ---- */

enum { SSTEP_ALL = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER };

Reply cmd_sstep_bits(GdbSession *s, Cursor *args)
{
    g_string_append_printf(s->out, "ENABLE=%x,NOIRQ=%x,NOTIMER=%x", SSTEP_ENABLE, SSTEP_NOIRQ,
                           SSTEP_NOTIMER);
    return REPLY_TEXT;
}

Reply cmd_sstep_get(GdbSession *s, Cursor *args)
{
    g_string_append_printf(s->out, "0x%x", s->sstep);
    return REPLY_TEXT;
}

Reply cmd_sstep_set(GdbSession *s, Cursor *args)
{
    uint64_t bits;

    cursor_text(args, "0x");
    if (!cursor_hex(args, &bits) || !args_done(args)) {
        return reply_malformed(s);
    }
    if (bits & ~(uint64_t)SSTEP_ALL) {
        return reply_error(s, EINVAL, "only bits 0x%x exist", SSTEP_ALL);
    }
    s->sstep = bits;
    return REPLY_OK;
}

/* ---- whether memory packets mean physical addresses ---- */

Reply cmd_phys_get(GdbSession *s, Cursor *args)
{
    g_string_append_c(s->out, s->phys_mem ? '1' : '0');
    return REPLY_TEXT;
}

Reply cmd_phys_set(GdbSession *s, Cursor *args)
{
    uint64_t on;

    if (!cursor_hex_max(args, 1, &on) || !args_done(args)) {
        return reply_malformed(s);
    }
    s->phys_mem = on;
    return REPLY_OK;
}
