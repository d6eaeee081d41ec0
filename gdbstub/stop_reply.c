/* What a client is told of a stop: signal, thread, reason, the registers it will ask for anyway.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include "accel/point.h"

typedef struct StopRow {
    uint8_t signal;             /* gdb's number */
    const char *reason;         /* LLDB's word */
    const char *text;           /* for people */
} StopRow;

static const StopRow stop_rows[] = {
    [STOP_NONE] = { 0, NULL, NULL },
    [STOP_START] = { 5, NULL, "not started yet" },
    [STOP_POINT] = { 5, "breakpoint", NULL },
    [STOP_STEP] = { 5, "trace", NULL },
    [STOP_INTERRUPT] = { 2, "signal", "interrupted" },
    [STOP_EVENT] = { 5, "exception", NULL },
    [STOP_PANIC] = { 6, "exception", "the guest panicked" },
    [STOP_SHUTDOWN] = { 3, "exception", "the guest is powered off" },
    [STOP_ERROR] = { 4, "exception", "the machine cannot go on" },
    [STOP_HISTORY_START] = { 5, "history boundary", NULL },
    [STOP_HISTORY_END] = { 5, "history boundary", NULL },
};

static const StopRow *stop_row(const StopInfo *stop)
{
    return stop->kind < G_N_ELEMENTS(stop_rows) ? &stop_rows[stop->kind] : &stop_rows[STOP_START];
}

static bool hit_data(const StopInfo *stop)
{
    return stop->nmine && point_kind_is_data(stop->point_kind);
}

const char *stop_reason_name(const StopInfo *stop)
{
    if (hit_data(stop)) {
        return "watchpoint";
    }
    if (stop->kind == STOP_POINT && !stop->nmine) {
        return "signal";
    }
    return stop_row(stop)->reason;
}

/* Ctrl-C and a monitor's stop are SIGINT; being stopped by attaching is not, and a single thread
 * that was asked to stop has no signal at all. */
static unsigned stop_signal(const GdbSession *s, const StopInfo *stop)
{
    if (stop->kind == STOP_INTERRUPT && s->nonstop) {
        return 0;
    }
    if (stop->kind == STOP_INTERRUPT && !s->has_run) {
        return 5;
    }
    return stop_row(stop)->signal;
}

/* Only its own points are told to a client: gdb would take another's for a breakpoint instruction
 * in the program. */
static void put_point_reason(GdbSession *s, const StopInfo *stop, GString *out)
{
    static const char *const names[] = {
        [POINT_WRITE] = "watch", [POINT_READ] = "rwatch", [POINT_ACCESS] = "awatch",
    };

    if (hit_data(stop)) {
        g_string_append_printf(out, "%s:%" G_GINT64_MODIFIER "x;", names[stop->point_kind],
                               stop->access);
    } else if (stop->kind == STOP_POINT && stop->nmine && stop->point_kind == POINT_EXEC) {
        if (stop->hard && s->features & CLIENT_HWBREAK) {
            g_string_append(out, "hwbreak:;");
        } else if (!stop->hard && s->features & CLIENT_SWBREAK) {
            g_string_append(out, "swbreak:;");
        }
    }
}

static void put_expedited(GdbSession *s, unsigned cpu, GString *out)
{
    for (unsigned n = 0; n < reg_layout_count(s->layout); n++) {
        const RegDesc *r = reg_layout_get(s->layout, n);
        gsize before = out->len;

        if (!r || !(r->flags & REG_F_EXPEDITE) || r->flags & REG_F_HIDDEN) {
            continue;
        }
        g_string_append_printf(out, "%02x:", n);
        if (!put_register(s, out, cpu, r, NULL)) {
            g_string_truncate(out, before);
            continue;
        }
        g_string_append_c(out, ';');
    }
}

static uint64_t pc_of(GdbSession *s, unsigned cpu)
{
    uint8_t value[REG_MAX_BYTES] = { 0 };
    uint64_t pc = 0;

    for (unsigned n = 0; n < reg_layout_count(s->layout); n++) {
        const RegDesc *r = reg_layout_get(s->layout, n);

        if (r && !g_strcmp0(r->generic, "pc") &&
            debug_reg_read(s->debug, cpu, r, value, NULL)) {
            for (int i = MIN(reg_bytes(r), 8) - 1; i >= 0; i--) {
                pc = pc << 8 | value[i];
            }
            break;
        }
    }
    return pc;
}

static void put_thread_lists(GdbSession *s, GString *out)
{
    unsigned n = session_ncpus(s);

    g_string_append(out, "threads:");
    for (unsigned i = 0; i < n; i++) {
        put_thread(s, out, i);
        g_string_append_c(out, i + 1 < n ? ',' : ';');
    }
    g_string_append(out, "thread-pcs:");
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(out, "%" G_GINT64_MODIFIER "x%c", pc_of(s, i),
                               i + 1 < n ? ',' : ';');
    }
}

/* LLDB's watchpoint description: point's address, index (unknown), accessed address. */
static void put_lldb_reason(const StopInfo *stop, GString *out)
{
    const char *reason = stop_reason_name(stop);
    g_autofree char *text = NULL;

    if (reason) {
        g_string_append_printf(out, "reason:%s;", reason);
    }
    if (hit_data(stop)) {
        text = g_strdup_printf("%" G_GUINT64_FORMAT " 0 %" G_GUINT64_FORMAT, stop->point_addr,
                               stop->access);
    } else {
        text = g_strdup(stop->text ? stop->text : stop_row(stop)->text);
    }
    if (text) {
        g_string_append(out, "description:");
        put_hex_text(out, text);
        g_string_append_c(out, ';');
    }
}

static void put_stop(GdbSession *s, const StopInfo *stop, unsigned cpu, GString *out)
{
    g_string_append_printf(out, "T%02x", stop_signal(s, stop));
    put_point_reason(s, stop, out);
    put_expedited(s, cpu, out);
    g_string_append(out, "thread:");
    put_thread(s, out, cpu);
    g_string_append_printf(out, ";core:%x;", cpu);
    if (s->features & CLIENT_LLDB) {
        g_string_append_printf(out, "name:CPU#%u;", cpu);
        put_lldb_reason(stop, out);
    }
    if (s->features & CLIENT_LIST_THREADS) {
        put_thread_lists(s, out);
    }
}

void stop_reply_build(GdbSession *s, const StopInfo *stop, GString *out)
{
    put_stop(s, stop, stop->cpu < session_ncpus(s) ? stop->cpu : s->g_cpu, out);
}

void stop_reply_cpu(GdbSession *s, unsigned cpu, GString *out)
{
    StopInfo stop = { .kind = STOP_NONE };

    debug_cpu_stop_info(s->client, cpu, &stop);
    put_stop(s, &stop, cpu, out);
}

void stop_reply_exit(GdbSession *s, GString *out)
{
    g_string_append_printf(out, "W%02x", s->end_status & 0xff);
    if (s->features & CLIENT_MULTIPROCESS) {
        g_string_append(out, ";process:1");
    }
}
