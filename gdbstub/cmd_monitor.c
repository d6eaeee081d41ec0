/* qRcmd: gdb's "monitor" command runs lines of the monitor's language.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The session's monitor is a client of its own: what it sets is not gdb's, and it may not resume a
 * machine that gdb controls, because gdb would not know. */
#include "gdbstub/session_int.h"

#include <string.h>

#include "monitor/monitor.h"

static Monitor *session_monitor(GdbSession *s)
{
    if (!s->monitor && s->config->monitor) {
        g_autofree char *name = g_strdup_printf("monitor of %s", debug_client_name(s->client));

        s->monitor = monitor_new(s->config->monitor, name, NULL, NULL);
    }
    return s->monitor;
}

void session_monitor_free(GdbSession *s)
{
    g_clear_pointer(&s->monitor, monitor_free);
}

void session_explain_stop(GdbSession *s, const StopInfo *stop)
{
    g_autoptr(GString) text = g_string_new(NULL);
    bool others = (stop->kind == STOP_POINT && !stop->nmine) || stop->kind == STOP_EVENT ||
                  stop->kind == STOP_PANIC || stop->kind == STOP_ERROR;

    if (others && s->has_run && session_monitor(s)) {
        monitor_describe_stop(s->monitor, stop, text);
        session_console(s, text->str, true);
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
    if (!session_monitor(s)) {
        return reply_error(s, EOPNOTSUPP, "there is no monitor in this program");
    }
    monitor_set_cpu(s->monitor, s->g_cpu);
    monitor_run(s->monitor, line, out);
    session_console(s, out->str, true);
    return REPLY_OK;
}
