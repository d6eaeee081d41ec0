/* qRcmd: gdb's "monitor" command. A few commands are the session's own; others go to the monitor.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

typedef struct MonitorRow {
    const char *name, *help;
    void (*run)(GdbSession *s, GString *out);
} MonitorRow;

static void run_help(GdbSession *s, GString *out);

static void put_point(const PointInfo *info, GString *out)
{
    const PointSpec *spec = &info->spec;

    g_string_append_printf(out, "%-4u %-8s %s0x%" G_GINT64_MODIFIER "x+%" G_GUINT64_FORMAT
                           "  %s%s  %" G_GUINT64_FORMAT " hits  %s%s\n",
                           info->id, point_kind_name(spec->kind),
                           spec->akind == ADDR_PHYS ? "phys " : "", spec->addr, spec->len,
                           backing_name(info->backing), info->pending ? ", pending" : "",
                           info->hits, info->owner_name, spec->ncond ? "  conditional" : "");
}

static void run_info_debug(GdbSession *s, GString *out)
{
    const char *holder = debug_control_holder(s->debug);
    PointInfo info;
    PointId id = 0;

    g_string_append_printf(out, "machine: %s, control: %s\n",
                           debug_stopped(s->debug) ? "stopped" : "running",
                           holder ? holder : "nobody");
    while (debug_point_next(s->debug, id, &info)) {
        put_point(&info, out);
        id = info.id;
    }
}

static void run_info_cpus(GdbSession *s, GString *out)
{
    for (unsigned i = 0; i < session_ncpus(s); i++) {
        g_autoptr(GString) text = session_describe_cpu(s, i);

        g_string_append_printf(out, "%c %s\n", i == s->g_cpu ? '*' : ' ', text->str);
    }
}

static void run_reset(GdbSession *s, GString *out)
{
    debug_request_reset(s->client);
}

static void run_quit(GdbSession *s, GString *out)
{
    debug_request_quit(s->client, 0);
}

static const MonitorRow monitor_rows[] = {
    { "help", "this list", run_help },
    { "info cpus", "the vCPUs and what they do", run_info_cpus },
    { "info debug", "who is in control, and all points", run_info_debug },
    { "quit", "end the machine", run_quit },
    { "system_reset", "reset the machine; stopped, it stays stopped", run_reset },
};

static void run_help(GdbSession *s, GString *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(monitor_rows); i++) {
        g_string_append_printf(out, "%-14s %s\n", monitor_rows[i].name, monitor_rows[i].help);
    }
    if (s->config->monitor) {
        s->config->monitor(s->config->monitor_opaque, "help", out);
    }
}

static void monitor_run(GdbSession *s, const char *line, GString *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(monitor_rows); i++) {
        if (!strcmp(line, monitor_rows[i].name)) {
            monitor_rows[i].run(s, out);
            return;
        }
    }
    if (!s->config->monitor || !s->config->monitor(s->config->monitor_opaque, line, out)) {
        g_string_append_printf(out, "unknown command '%s'; 'monitor help' lists all\n", line);
    }
}

Reply cmd_rcmd(GdbSession *s, Cursor *args)
{
    g_autoptr(GString) out = g_string_new(NULL);
    GByteArray *bytes = cursor_rest_bytes(args);
    g_autofree char *line = NULL;

    if (!bytes) {
        return reply_malformed(s);
    }
    line = g_strndup((const char *)bytes->data, bytes->len);
    g_byte_array_unref(bytes);
    if (!g_utf8_validate(line, -1, NULL)) {
        return reply_error(s, EINVAL, "the command is not UTF-8");
    }
    g_strstrip(line);
    monitor_run(s, line, out);
    session_console(s, out->str, true);
    return REPLY_OK;
}
