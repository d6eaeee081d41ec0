/* LLDB's additions to the protocol.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

#include "gdbstub/target_xml.h"

/* ---- what the client can do ---- */

Reply cmd_thread_suffix(GdbSession *s, Cursor *args)
{
    s->features |= CLIENT_THREAD_SUFFIX | CLIENT_LLDB;
    return REPLY_OK;
}

Reply cmd_list_threads(GdbSession *s, Cursor *args)
{
    s->features |= CLIENT_LIST_THREADS | CLIENT_LLDB;
    return REPLY_OK;
}

Reply cmd_error_strings(GdbSession *s, Cursor *args)
{
    s->features |= CLIENT_ERROR_STRINGS | CLIENT_LLDB;
    return REPLY_OK;
}

/* ---- what we are ---- */

/* gdb's architecture names and LLVM's. */
static const struct {
    const char *arch, *triple;
    unsigned pointer;
} triples[] = {
    { "i386:x86-64", "x86_64-unknown-unknown", 8 },
    { "i386", "i386-unknown-unknown", 4 },
    { "aarch64", "aarch64-unknown-unknown", 8 },
    { "arm", "arm-unknown-unknown", 4 },
};

static void put_architecture(GdbSession *s, GString *out)
{
    const char *arch = reg_layout_set(s->layout)->arch;

    for (unsigned i = 0; i < G_N_ELEMENTS(triples); i++) {
        if (!strcmp(arch, triples[i].arch)) {
            g_string_append(out, "triple:");
            put_hex_text(out, triples[i].triple);
            g_string_append_printf(out, ";ptrsize:%u;", triples[i].pointer);
        }
    }
    g_string_append_printf(out, "endian:%s;",
                           session_cpu(s, 0)->class->big_endian ? "big" : "little");
}

Reply cmd_host_info(GdbSession *s, Cursor *args)
{
    put_architecture(s, s->out);
    g_string_append_printf(s->out, "watchpoint_exceptions_received:%s;",
                           session_cpu(s, 0)->class->watch_before ? "before" : "after");
    return REPLY_TEXT;
}

Reply cmd_process_info(GdbSession *s, Cursor *args)
{
    g_string_append(s->out, "pid:1;");
    put_architecture(s, s->out);
    return REPLY_TEXT;
}

Reply cmd_server_version(GdbSession *s, Cursor *args)
{
    g_string_append(s->out, "name:glassbox;version:" GLASSBOX_VERSION ";");
    return REPLY_TEXT;
}

Reply cmd_watch_info(GdbSession *s, Cursor *args)
{
    const AccelCaps *caps = &debug_vm(s->debug)->caps;
    unsigned n = caps->native_data || caps->protect_data ? UINT16_MAX : caps->data_slots;

    cursor_char(args, ':');
    if (!args_done(args)) {
        return reply_malformed(s);
    }
    g_string_append_printf(s->out, "num:%u;", n);
    return REPLY_TEXT;
}

/* qRegisterInfo N, N in hex; an error ends LLDB's walk. */
Reply cmd_register_info(GdbSession *s, Cursor *args)
{
    const RegDesc *r;
    uint64_t n;

    if (!cursor_hex(args, &n) || !args_done(args)) {
        return reply_malformed(s);
    }
    r = n < reg_layout_count(s->layout) ? reg_layout_get(s->layout, n) : NULL;
    if (!r || r->flags & REG_F_HIDDEN) {
        return reply_error(s, EINVAL, "no register has this number");
    }
    target_register_info(s->out, r, n, g_packet_offset(s, n));
    return REPLY_TEXT;
}

/* ---- memory ---- */

/* Page-table walks that one packet may cost. */
enum { REGION_WALKS = 8192 };

static bool same_access(const Translation *a, const Translation *b)
{
    return a->read == b->read && a->write == b->write && a->exec == b->exec;
}

/* Extends a region that begins at addr with the first walk's result over its neighbours of the same
 * kind; returns its size. */
static uint64_t region_size(GdbSession *s, vaddr_t addr, bool mapped, const Translation *first)
{
    uint64_t size = first->left;

    for (unsigned i = 0; i < REGION_WALKS; i++) {
        vaddr_t next = addr + size;
        Translation t = { 0 };

        if (next <= addr) {
            return -addr;       /* to the end of all addresses; 0 is all of them */
        }
        if (debug_translate(s->debug, s->g_cpu, next, &t) != mapped ||
            (mapped && !same_access(first, &t)) || !t.left) {
            break;
        }
        size += t.left;
    }
    return size;
}

Reply cmd_region_info(GdbSession *s, Cursor *args)
{
    Translation t = { 0 };
    uint64_t addr, size;
    bool mapped;

    if (!cursor_hex(args, &addr) || !args_done(args)) {
        return reply_malformed(s);
    }
    mapped = debug_translate(s->debug, s->g_cpu, addr, &t);
    if (!t.left) {
        return reply_error(s, EFAULT, "this address cannot be looked up");
    }
    size = region_size(s, addr, mapped, &t);
    g_string_append_printf(s->out, "start:%" G_GINT64_MODIFIER "x;size:%" G_GINT64_MODIFIER "x;",
                           addr, size ? size : UINT64_MAX);
    if (mapped) {
        g_string_append_printf(s->out, "permissions:%s%s%s;", t.read ? "r" : "",
                               t.write ? "w" : "", t.exec ? "x" : "");
    }
    return REPLY_TEXT;
}

/* ---- threads ---- */

/* qThreadStopInfo TID */
Reply cmd_thread_stop_info(GdbSession *s, Cursor *args)
{
    ThreadName name;
    unsigned cpu;

    if (!cursor_thread(args, &name) || !args_done(args)) {
        return reply_malformed(s);
    }
    if (!session_find_thread(s, &name, &cpu)) {
        return reply_error(s, ESRCH, "no such thread");
    }
    stop_reply_cpu(s, cpu, s->out);
    return REPLY_TEXT;
}

static void put_json_registers(GdbSession *s, unsigned cpu, GString *out)
{
    const char *comma = "";

    g_string_append(out, "\"registers\":{");
    for (unsigned n = 0; n < reg_layout_count(s->layout); n++) {
        const RegDesc *r = reg_layout_get(s->layout, n);
        g_autoptr(GString) value = g_string_new(NULL);

        if (r && r->flags & REG_F_EXPEDITE && put_register(s, value, cpu, r, NULL)) {
            g_string_append_printf(out, "%s\"%u\":\"%s\"", comma, n, value->str);
            comma = ",";
        }
    }
    g_string_append_c(out, '}');
}

/* All threads with their stop reasons and main registers, in one answer. */
Reply cmd_threads_json(GdbSession *s, Cursor *args)
{
    g_string_append_c(s->out, '[');
    for (unsigned i = 0; i < session_ncpus(s); i++) {
        StopInfo stop = { .kind = STOP_NONE };
        const char *reason;

        debug_cpu_stop_info(s->client, i, &stop);
        reason = stop_reason_name(&stop);
        g_string_append_printf(s->out, "%s{\"tid\":%u,\"name\":\"CPU#%u\",", i ? "," : "", i + 1,
                               i);
        if (reason) {
            g_string_append_printf(s->out, "\"reason\":\"%s\",", reason);
        }
        put_json_registers(s, i, s->out);
        g_string_append_c(s->out, '}');
    }
    g_string_append_c(s->out, ']');
    return REPLY_TEXT;
}
