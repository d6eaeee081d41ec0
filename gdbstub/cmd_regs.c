/* Packets that read and write registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

/* Rows keep values little endian; packets carry the target's order. Its own inverse. */
static void swap_order(const GdbSession *s, uint8_t *bytes, unsigned n)
{
    if (!session_cpu(s, 0)->class->big_endian) {
        return;
    }
    for (unsigned i = 0; i < n / 2; i++) {
        uint8_t t = bytes[i];

        bytes[i] = bytes[n - 1 - i];
        bytes[n - 1 - i] = t;
    }
}

bool put_register(GdbSession *s, GString *out, unsigned cpu, const RegDesc *r, GError **errp)
{
    uint8_t value[REG_MAX_BYTES];

    if (!debug_reg_read(s->debug, cpu, r, value, errp)) {
        return false;
    }
    swap_order(s, value, reg_bytes(r));
    put_hex(out, value, reg_bytes(r));
    return true;
}

/* A register that clients may name by number. */
static const RegDesc *visible_register(const GdbSession *s, uint64_t num)
{
    const RegDesc *r = num < reg_layout_count(s->layout) ? reg_layout_get(s->layout, num) : NULL;

    return r && !(r->flags & REG_F_HIDDEN) ? r : NULL;
}

/* The g packet is the registers marked for it from number 0 on, up to the first that isn't: gdb can
 * tell only a packet's missing end from its contents. */
static unsigned g_packet_end(const GdbSession *s)
{
    unsigned n = 0;

    while (n < reg_layout_count(s->layout)) {
        const RegDesc *r = visible_register(s, n);

        if (r && !(r->flags & REG_F_IN_G)) {
            break;
        }
        n++;
    }
    return n;
}

int64_t g_packet_offset(const GdbSession *s, unsigned num)
{
    int64_t at = 0;

    if (num >= g_packet_end(s)) {
        return -1;
    }
    for (unsigned n = 0; n < num; n++) {
        const RegDesc *r = visible_register(s, n);

        at += r ? reg_bytes(r) : 0;
    }
    return at;
}

/* LLDB ends register packets with ";thread:N;". */
bool take_thread_suffix(GdbSession *s, Cursor *args, unsigned *cpu)
{
    ThreadName name;

    if (!cursor_text(args, ";thread:")) {
        return true;
    }
    if (!cursor_thread(args, &name) || !session_find_thread(s, &name, cpu)) {
        return false;
    }
    cursor_char(args, ';');
    return true;
}

Reply cmd_g(GdbSession *s, Cursor *args)
{
    unsigned cpu = s->g_cpu, end = g_packet_end(s);
    GError *err = NULL;

    if (!take_thread_suffix(s, args, &cpu) || !args_done(args)) {
        return reply_malformed(s);
    }
    for (unsigned n = 0; n < end; n++) {
        const RegDesc *r = visible_register(s, n);

        if (r && !put_register(s, s->out, cpu, r, &err)) {
            return reply_gerror(s, EIO, err);
        }
    }
    return REPLY_TEXT;
}

/* A register's new value beside its old one. */
typedef struct RegChange {
    const RegDesc *reg;
    uint8_t old[REG_MAX_BYTES], now[REG_MAX_BYTES];
} RegChange;

/* Writes those that differ; on a refusal those written before get their old values back. */
static bool changes_apply(GdbSession *s, unsigned cpu, GArray *changes, GError **errp)
{
    for (guint i = 0; i < changes->len; i++) {
        RegChange *c = &g_array_index(changes, RegChange, i);

        if (!debug_reg_read(s->debug, cpu, c->reg, c->old, errp)) {
            return false;
        }
    }
    for (guint i = 0; i < changes->len; i++) {
        const RegChange *c = &g_array_index(changes, RegChange, i);

        if (!memcmp(c->old, c->now, reg_bytes(c->reg)) ||
            debug_reg_write(s->debug, cpu, c->reg, c->now, errp)) {
            continue;
        }
        while (i--) {
            c = &g_array_index(changes, RegChange, i);
            if (memcmp(c->old, c->now, reg_bytes(c->reg))) {
                debug_reg_write(s->debug, cpu, c->reg, c->old, NULL);
            }
        }
        return false;
    }
    return true;
}

static void change_add(GArray *changes, const RegDesc *r, const uint8_t *now)
{
    RegChange c = { .reg = r };

    memcpy(c.now, now, reg_bytes(r));
    g_array_append_val(changes, c);
}

Reply cmd_G(GdbSession *s, Cursor *args)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(RegChange));
    unsigned cpu = s->g_cpu, end = g_packet_end(s);
    GError *err = NULL;

    for (unsigned n = 0; n < end; n++) {
        const RegDesc *r = visible_register(s, n);
        uint8_t value[REG_MAX_BYTES];

        if (!r) {
            continue;
        }
        if (!cursor_bytes(args, value, reg_bytes(r))) {
            return reply_error(s, EINVAL, "the G packet ends within register %s, or is not hex",
                               r->name);
        }
        swap_order(s, value, reg_bytes(r));
        change_add(changes, r, value);
    }
    if (!take_thread_suffix(s, args, &cpu) || !args_done(args)) {
        return reply_error(s, EINVAL, "the G packet is longer than the g packet");
    }
    return changes_apply(s, cpu, changes, &err) ? REPLY_OK : reply_gerror(s, EPERM, err);
}

Reply cmd_p(GdbSession *s, Cursor *args)
{
    unsigned cpu = s->g_cpu;
    GError *err = NULL;
    const RegDesc *r;
    uint64_t num;

    if (!cursor_hex(args, &num) || !take_thread_suffix(s, args, &cpu) || !args_done(args)) {
        return reply_malformed(s);
    }
    r = visible_register(s, num);
    if (!r) {
        return reply_error(s, EINVAL, "no register has this number");
    }
    return put_register(s, s->out, cpu, r, &err) ? REPLY_TEXT : reply_gerror(s, EIO, err);
}

/* After calling a guest function gdb for x86 writes back every register, whatever the description says
 * of saving. System registers that have kept their values are left alone, so that nothing comes of it:
 * neither an error, where they are read-only, nor an effect. */
static bool is_restored(GdbSession *s, unsigned cpu, const RegDesc *r, const uint8_t *value)
{
    uint8_t old[REG_MAX_BYTES];

    return r->flags & (REG_F_READONLY | REG_F_NO_SAVE) &&
           debug_reg_read(s->debug, cpu, r, old, NULL) && !memcmp(old, value, reg_bytes(r));
}

Reply cmd_P(GdbSession *s, Cursor *args)
{
    unsigned cpu = s->g_cpu;
    uint8_t value[REG_MAX_BYTES];
    GError *err = NULL;
    const RegDesc *r;
    uint64_t num;

    if (!cursor_hex(args, &num) || !cursor_char(args, '=')) {
        return reply_malformed(s);
    }
    r = visible_register(s, num);
    if (!r) {
        return reply_error(s, EINVAL, "no register has this number");
    }
    if (!cursor_bytes(args, value, reg_bytes(r)) || !take_thread_suffix(s, args, &cpu) ||
        !args_done(args)) {
        return reply_error(s, EINVAL, "register %s takes %u bytes", r->name, reg_bytes(r));
    }
    swap_order(s, value, reg_bytes(r));
    if (is_restored(s, cpu, r, value)) {
        return REPLY_OK;
    }
    return debug_reg_write(s->debug, cpu, r, value, &err) ? REPLY_OK
                                                          : reply_gerror(s, EPERM, err);
}

/* ---- LLDB's saved states: all writable registers, around a call of a function ---- */

enum { SAVES_MAX = 256 };

Reply cmd_save_registers(GdbSession *s, Cursor *args)
{
    GByteArray *all = g_byte_array_new();
    unsigned cpu = s->g_cpu;
    GError *err = NULL;

    if (!take_thread_suffix(s, args, &cpu) || !args_done(args) ||
        g_hash_table_size(s->saves) >= SAVES_MAX) {
        g_byte_array_unref(all);
        return reply_malformed(s);
    }
    for (unsigned n = 0; n < reg_layout_count(s->layout); n++) {
        const RegDesc *r = visible_register(s, n);
        uint8_t value[REG_MAX_BYTES];

        if (!r || r->flags & (REG_F_READONLY | REG_F_NO_SAVE)) {
            continue;
        }
        if (!debug_reg_read(s->debug, cpu, r, value, &err)) {
            g_byte_array_unref(all);
            return reply_gerror(s, EIO, err);
        }
        g_byte_array_append(all, value, reg_bytes(r));
    }
    s->save_next++;
    g_hash_table_insert(s->saves, GUINT_TO_POINTER(s->save_next), g_byte_array_free_to_bytes(all));
    g_string_append_printf(s->out, "%u", s->save_next);
    return REPLY_TEXT;
}

Reply cmd_restore_registers(GdbSession *s, Cursor *args)
{
    g_autoptr(GArray) changes = g_array_new(FALSE, FALSE, sizeof(RegChange));
    unsigned cpu = s->g_cpu;
    const uint8_t *value;
    GError *err = NULL;
    GBytes *all;
    uint64_t id;

    if (!cursor_dec(args, &id) || id > UINT_MAX || !take_thread_suffix(s, args, &cpu) ||
        !args_done(args)) {
        return reply_malformed(s);
    }
    all = g_hash_table_lookup(s->saves, GUINT_TO_POINTER(id));
    if (!all) {
        return reply_error(s, ENOENT, "no registers are saved under this number");
    }
    value = g_bytes_get_data(all, NULL);
    for (unsigned n = 0; n < reg_layout_count(s->layout); n++) {
        const RegDesc *r = visible_register(s, n);

        if (!r || r->flags & (REG_F_READONLY | REG_F_NO_SAVE)) {
            continue;
        }
        change_add(changes, r, value);
        value += reg_bytes(r);
    }
    g_hash_table_remove(s->saves, GUINT_TO_POINTER(id));
    return changes_apply(s, cpu, changes, &err) ? REPLY_OK : reply_gerror(s, EPERM, err);
}
