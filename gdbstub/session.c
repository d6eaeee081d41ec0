/* One debugger's conversation: its life, its input and output, and the stops it is told of.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

#include "gdbstub/trace.h"
#include "util/error.h"

/* Printf output kept for a client that is not listening for it. */
enum { CONSOLE_MAX = 0x10000 };

/* ---- replies ---- */

Reply reply_error(GdbSession *s, unsigned code, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_vprintf(s->error_text, fmt, ap);
    va_end(ap);
    s->error_code = code;
    return REPLY_ERROR;
}

Reply reply_gerror(GdbSession *s, unsigned code, GError *err)
{
    reply_error(s, code, "%s", err ? err->message : "refused");
    g_clear_error(&err);
    return REPLY_ERROR;
}

Reply reply_malformed(GdbSession *s)
{
    return reply_error(s, EINVAL, "malformed packet");
}

void put_hex(GString *out, const void *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *p = bytes;

    for (size_t i = 0; i < len; i++) {
        g_string_append_c(out, digits[p[i] >> 4]);
        g_string_append_c(out, digits[p[i] & 15]);
    }
}

void put_hex_text(GString *out, const char *text)
{
    put_hex(out, text, strlen(text));
}

/* ---- output ---- */

/* A packet's text for the trace: binary parts would not be readable there. */
static int trace_length(const char *data, size_t len)
{
    size_t n = 0;

    while (n < len && n < 200 && g_ascii_isprint(data[n])) {
        n++;
    }
    return n;
}

void session_send(GdbSession *s, const char *data, size_t len)
{
    trace_text(gdb_send, "%.*s", trace_length(data, len), data);
    g_byte_array_set_size(s->last, 0);
    rsp_encode(s->last, '$', (const uint8_t *)data, len, true);
    s->io->write(s->io_opaque, s->last->data, s->last->len);
}

void session_notify(GdbSession *s, const char *name, const GString *text)
{
    g_autoptr(GString) all = g_string_new(name);
    GByteArray *wire = g_byte_array_new();

    g_string_append_len(all, text->str, text->len);
    trace_text(gdb_send, "%.*s", trace_length(all->str, all->len), all->str);
    rsp_encode(wire, '%', (const uint8_t *)all->str, all->len, true);
    s->io->write(s->io_opaque, wire->data, wire->len);
    g_byte_array_unref(wire);
}

static void send_console_parts(GdbSession *s, const char *text, size_t len)
{
    g_autoptr(GString) part = g_string_new(NULL);

    while (len) {
        size_t n = MIN(len, (GDB_PACKET_SIZE - 1) / 2);

        g_string_assign(part, "O");
        put_hex(part, text, n);
        session_send(s, part->str, part->len);
        text += n;
        len -= n;
    }
}

static bool transport_ready(const GdbSession *s)
{
    return !s->io->ready || s->io->ready(s->io_opaque);
}

void session_console(GdbSession *s, const char *text, bool now)
{
    if (now || (s->owed && transport_ready(s))) {
        send_console_parts(s, text, strlen(text));
    } else if (s->console->len < CONSOLE_MAX) {
        g_string_append(s->console, text);
    }
}

static void console_flush(GdbSession *s)
{
    send_console_parts(s, s->console->str, s->console->len);
    g_string_truncate(s->console, 0);
}

static void send_error(GdbSession *s)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (s->features & CLIENT_ERROR_MESSAGE) {
        g_string_printf(text, "E.%s", s->error_text->str);
    } else {
        g_string_printf(text, "E%02x", s->error_code & 0xff);
        if (s->features & CLIENT_ERROR_STRINGS) {
            g_string_append_c(text, ';');
            put_hex_text(text, s->error_text->str);
        }
    }
    session_send(s, text->str, text->len);
}

static void send_reply(GdbSession *s, Reply reply)
{
    switch (reply) {
    case REPLY_TEXT:
        session_send(s, s->out->str, s->out->len);
        break;
    case REPLY_OK:
        session_send(s, "OK", 2);
        break;
    case REPLY_ERROR:
        send_error(s);
        break;
    case REPLY_UNSUPPORTED:
        session_send(s, "", 0);
        break;
    case REPLY_LATER:
    case REPLY_NONE:
        break;
    }
}

/* ---- stops ---- */

Reply session_owe_stop(GdbSession *s, bool hold)
{
    s->owed++;
    s->hold |= hold;
    console_flush(s);
    return REPLY_LATER;
}

static void pending_feed(GdbSession *s)
{
    g_autoptr(GByteArray) bytes = s->pending;

    s->pending = g_byte_array_new();
    gdb_session_receive(s, bytes->data, bytes->len);
    if (!gdb_session_held(s)) {
        s->io->resume_input(s->io_opaque);
    }
}

/* Gives the answers that are due: one for each packet that waits. */
static void owed_pay(GdbSession *s, const char *text, size_t len)
{
    bool held = s->hold;

    console_flush(s);
    for (unsigned n = s->owed; n; n--) {
        session_send(s, text, len);
    }
    s->owed = 0;
    s->hold = false;
    if (held) {
        pending_feed(s);
    }
}

static void on_stopped(void *opaque, const StopInfo *stop)
{
    GdbSession *s = opaque;

    if (stop->cpu < session_ncpus(s)) {
        s->g_cpu = stop->cpu;
        s->c_cpu = THREAD_ALL;
    }
    if (s->owed && s->attached) {
        session_explain_stop(s, stop);
        g_string_truncate(s->out, 0);
        stop_reply_build(s, stop, s->out);
        owed_pay(s, s->out->str, s->out->len);
    }
}

/* The machine is in non-stop mode, which this client may not have asked for. */
static void on_cpu_stopped(void *opaque, const StopInfo *stop)
{
    GdbSession *s = opaque;

    if (s->nonstop) {
        nonstop_cpu_stopped(s, stop);
    } else {
        on_stopped(s, stop);
    }
}

static void on_ended(void *opaque, VmCause cause, int status)
{
    GdbSession *s = opaque;

    s->ended = true;
    s->end_cause = cause;
    s->end_status = status;
    if (s->nonstop && s->attached) {
        nonstop_ended(s);
    } else if (s->owed) {
        g_string_truncate(s->out, 0);
        stop_reply_exit(s, s->out);
        owed_pay(s, s->out->str, s->out->len);
    }
}

static void on_output(void *opaque, const char *text)
{
    session_console(opaque, text, false);
}

static const DebugClientOps client_ops = {
    .stopped = on_stopped,
    .cpu_stopped = on_cpu_stopped,
    .ended = on_ended,
    .output = on_output,
};

/* ---- input ---- */

static void session_packet(GdbSession *s)
{
    bool no_ack = s->no_ack;
    Reply reply;

    trace_text(gdb_receive, "%.*s", trace_length((char *)s->in.data, s->in.len),
               (char *)s->in.data);
    s->talked = true;
    if (!no_ack) {
        s->io->write(s->io_opaque, (const uint8_t *)"+", 1);
    }
    g_string_truncate(s->out, 0);
    reply = dispatch_packet(s, (const char *)s->in.data, s->in.len);
    send_reply(s, reply);
    if (s->nonstop) {
        nonstop_after_packet(s);
    }
}

/* A damaged packet is asked for again; without acknowledgements that cannot be done. */
static void session_damaged(GdbSession *s)
{
    if (!s->no_ack) {
        s->io->write(s->io_opaque, (const uint8_t *)"-", 1);
        return;
    }
    send_reply(s, reply_error(s, EILSEQ, "the packet's checksum is wrong"));
}

static void session_too_long(GdbSession *s)
{
    if (!s->no_ack) {
        s->io->write(s->io_opaque, (const uint8_t *)"+", 1);
    }
    send_reply(s, reply_error(s, EMSGSIZE, "the packet is longer than %#x characters",
                              GDB_PACKET_SIZE));
}

void session_interrupt(GdbSession *s)
{
    if (!s->attached || s->ended) {
        return;
    }
    if (s->nonstop) {
        nonstop_interrupt(s);
        return;
    }
    /* Who stops a machine that nobody holds holds it: it goes on when this client leaves. */
    session_control(s, NULL);
    debug_interrupt(s->client);
}

static void session_event(GdbSession *s, RspEvent ev)
{
    switch (ev) {
    case RSP_EVENT_PACKET:
        session_packet(s);
        break;
    case RSP_EVENT_BAD_CHECKSUM:
        session_damaged(s);
        break;
    case RSP_EVENT_TOO_LONG:
        session_too_long(s);
        break;
    case RSP_EVENT_NAK:
        if (!s->no_ack && s->last->len) {
            s->io->write(s->io_opaque, s->last->data, s->last->len);
        }
        break;
    case RSP_EVENT_INTERRUPT:
        s->talked = true;
        session_interrupt(s);
        break;
    case RSP_EVENT_ACK:
    case RSP_EVENT_NOTIFICATION:    /* no client sends any: not answered */
    case RSP_EVENT_NONE:
        break;
    }
}

bool gdb_session_held(const GdbSession *s)
{
    return s->hold || s->pending->len;
}

void gdb_session_receive(GdbSession *s, const uint8_t *buf, size_t len)
{
    while (len && !gdb_session_held(s) && transport_ready(s)) {
        size_t used;
        RspEvent ev = rsp_decoder_feed(&s->in, buf, len, &used);

        buf += used;
        len -= used;
        session_event(s, ev);
    }
    if (len) {
        g_byte_array_append(s->pending, buf, len);
    }
}

void gdb_session_continue(GdbSession *s)
{
    if (s->owed) {
        console_flush(s);
    }
    if (!s->hold) {
        pending_feed(s);
    }
}

/* ---- life ---- */

bool session_control(GdbSession *s, GError **errp)
{
    return debug_control_has(s->client) || debug_control_take(s->client, errp);
}

void session_reset_settings(GdbSession *s)
{
    s->phys_mem = false;
    s->sstep = SSTEP_ENABLE | SSTEP_NOIRQ | SSTEP_NOTIMER;
    s->g_cpu = 0;
    s->c_cpu = THREAD_ALL;
    s->has_run = false;
}

void session_attach(GdbSession *s)
{
    const StopInfo *stop;

    session_reset_settings(s);
    s->attached = true;
    s->found_stopped = debug_stopped(s->debug);
    stop = debug_stop_info(s->client);
    if (stop && stop->cpu < session_ncpus(s)) {
        s->g_cpu = stop->cpu;
    }
    /* Where another client runs the machine, it is stopped only when this one asks how it is. */
    if (session_control(s, NULL) && !s->found_stopped) {
        debug_interrupt(s->client);
    }
}

/* Whole stops again, for whoever comes next. */
static void session_leave_nonstop(GdbSession *s)
{
    nonstop_clear(s);
    if (s->nonstop) {
        s->nonstop = false;
        debug_set_nonstop(s->client, false, NULL);
    }
}

void session_detach(GdbSession *s, bool resume)
{
    debug_points_remove_all(s->client);
    session_monitor_free(s);
    session_leave_nonstop(s);
    if (resume && debug_control_has(s->client) && debug_stopped(s->debug)) {
        debug_continue(s->client, NULL);    /* what is powered off stays so */
    }
    debug_control_release(s->client);
    session_reset_settings(s);
    g_string_truncate(s->console, 0);
    s->attached = false;
    s->owed = 0;
}

static const RegSet *arch_regs(Debug *debug, const char *arch, GError **errp)
{
    const Cpu *cpu = debug_vm(debug)->cpus[0];
    const RegSet *set = NULL;

    if (!arch) {
        return cpu->class->regs;
    }
    if (cpu->class->regs_for_arch) {
        set = cpu->class->regs_for_arch(cpu, arch);
    }
    if (!set) {
        error_set(errp, NOT_FOUND, "%s has no description for gdb named '%s'", cpu->class->name,
                  arch);
    }
    return set;
}

bool gdb_arch_check(Debug *debug, const char *arch, GError **errp)
{
    return arch_regs(debug, arch, errp) != NULL;
}

GdbSession *gdb_session_new(const GdbConfig *config, const char *name, const GdbTransport *io,
                            void *io_opaque, GError **errp)
{
    const RegSet *set = arch_regs(config->debug, config->arch, errp);
    GdbSession *s;

    if (!set) {
        return NULL;
    }
    s = g_new0(GdbSession, 1);
    s->config = config;
    s->debug = config->debug;
    s->io = io;
    s->io_opaque = io_opaque;
    s->layout = reg_layout_new(debug_vm(s->debug)->cpus[0], set);
    rsp_decoder_init(&s->in, GDB_PACKET_SIZE, false);
    s->pending = g_byte_array_new();
    s->last = g_byte_array_new();
    s->out = g_string_new(NULL);
    s->error_text = g_string_new(NULL);
    s->console = g_string_new(NULL);
    s->saves = g_hash_table_new_full(NULL, NULL, NULL, (GDestroyNotify)g_bytes_unref);
    s->client = debug_client_new(s->debug, name, &client_ops, s);
    debug_client_set_regs(s->client, set);
    trace_text(gdb_session, "%s begins", name);
    session_attach(s);
    return s;
}

void gdb_session_free(GdbSession *s)
{
    bool resume = s->attached && !s->config->stay && (s->talked || !s->found_stopped);

    trace_text(gdb_session, "%s ends", debug_client_name(s->client));
    session_leave_nonstop(s);
    session_monitor_free(s);
    debug_client_free(s->client, resume);
    g_hash_table_unref(s->saves);
    g_string_free(s->console, TRUE);
    g_string_free(s->error_text, TRUE);
    g_string_free(s->out, TRUE);
    g_byte_array_unref(s->last);
    g_byte_array_unref(s->pending);
    rsp_decoder_clear(&s->in);
    reg_layout_free(s->layout);
    g_free(s);
}
