/* One user of the monitor: runs lines, hears of stops.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor.h"

#include <string.h>

#include "monitor/monitor_int.h"
#include "util/error.h"

#define HISTORY_MAX 500
#define LINE_MAX_BYTES 8192

/* ---- notices ---- */

static void notice(Monitor *m, const char *text)
{
    if (m->ops && m->ops->notice) {
        m->ops->notice(m->opaque, text);
    }
}

static void on_stopped(void *opaque, const StopInfo *told)
{
    Monitor *m = opaque;
    bool was_busy = m->busy;
    StopInfo stop = *told;

    if (!mon_run_stopped(m, &stop)) {
        return;
    }
    /* Commands mean the CPU that has something to show; an interrupt is no CPU's own. */
    if (stop.kind != STOP_INTERRUPT && stop.kind != STOP_START) {
        m->cpu = stop.cpu;
    }
    if (stop.kind != STOP_START) {
        g_autoptr(GString) text = g_string_new(NULL);

        put_stop(m, &stop, text);
        notice(m, text->str);
    }
    if (was_busy && m->ops && m->ops->done) {
        m->ops->done(m->opaque);
    }
}

static void on_output(void *opaque, const char *text)
{
    notice(opaque, text);
}

static void on_control(void *opaque, const char *holder)
{
    g_autofree char *text = g_strdup_printf("%s controls the machine\n",
                                            holder ? holder : "nobody");

    notice(opaque, text);
}

static void on_reset(void *opaque, VmCause cause)
{
    g_autofree char *text = g_strdup_printf("the machine was reset (%s)\n", vm_cause_name(cause));

    notice(opaque, text);
}

static const DebugClientOps client_ops = {
    .stopped = on_stopped, .output = on_output, .control = on_control, .reset = on_reset,
};

/* ---- life ---- */

Monitor *monitor_new(MonitorHost *host, const char *name, const MonitorOps *ops, void *opaque)
{
    Monitor *m = g_new0(Monitor, 1);

    m->host = host;
    m->debug = host->debug;
    m->ops = ops;
    m->opaque = opaque;
    m->format = (Format){ .count = 1, .letter = 'x', .size = 4 };
    m->history = g_ptr_array_new_with_free_func(g_free);
    m->client = debug_client_new(host->debug, name, &client_ops, m);
    return m;
}

void monitor_free(Monitor *m)
{
    mon_run_fini(m);
    debug_client_free(m->client, false);
    g_ptr_array_free(m->history, TRUE);
    g_free(m);
}

void monitor_describe_stop(Monitor *m, const StopInfo *stop, GString *out)
{
    put_stop(m, stop, out);
}

bool monitor_busy(const Monitor *m)
{
    return m->busy;
}

void monitor_set_cpu(Monitor *m, unsigned cpu)
{
    g_assert(cpu < debug_vm(m->debug)->ncpus);
    m->cpu = cpu;
}

/* ---- a line ---- */

static bool is_command_char(char ch)
{
    return g_ascii_isalnum(ch) || strchr("_-!?", ch);
}

/* The row of this name or alias, or the only one whose name begins so. */
static const MonitorCommand *command_find(const char *word, bool *ambiguous)
{
    const MonitorCommand *found = NULL;

    *ambiguous = false;
    for (const MonitorCommand *c = monitor_commands; c->name; c++) {
        if (!strcmp(c->name, word) || !g_strcmp0(c->alias, word)) {
            return c;
        }
    }
    for (const MonitorCommand *c = monitor_commands; c->name; c++) {
        if (g_str_has_prefix(c->name, word)) {
            *ambiguous = found != NULL;
            if (found) {
                return NULL;
            }
            found = c;
        }
    }
    return found;
}

static bool no_such_command(const char *word, bool ambiguous, GError **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    if (ambiguous) {
        g_autoptr(GString) list = g_string_new(NULL);

        for (const MonitorCommand *c = monitor_commands; c->name; c++) {
            if (g_str_has_prefix(c->name, word)) {
                g_string_append_printf(list, "%s%s", list->len ? ", " : "", c->name);
            }
        }
        return error_set(errp, NOT_FOUND, "'%s' may be %s", word, list->str);
    }
    for (const MonitorCommand *c = monitor_commands; c->name; c++) {
        g_ptr_array_add(names, (gpointer)c->name);
    }
    g_ptr_array_add(names, NULL);
    near = suggest(word, (const char *const *)names->pdata);
    return error_set(errp, NOT_FOUND, "unknown command '%s'%s%s%s", word,
                     near ? "; did you mean '" : "; 'help' lists all", near ? near : "",
                     near ? "'?" : "");
}

static void remember(Monitor *m, const char *line)
{
    GPtrArray *h = m->history;

    if (h->len && !strcmp(h->pdata[h->len - 1], line)) {
        return;
    }
    if (h->len == HISTORY_MAX) {
        g_ptr_array_remove_index(h, 0);
    }
    g_ptr_array_add(h, g_strdup(line));
}

/* A wrong argument is said first, then how the command is used. */
static void put_error(const MonitorCommand *c, const GError *err, GString *out)
{
    g_string_append_printf(out, "%s%s%s\n", c ? c->name : "", c ? ": " : "", err->message);
    if (c && (g_error_matches(err, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID) ||
              g_error_matches(err, GLASSBOX_ERROR, GLASSBOX_ERROR_NOT_FOUND))) {
        g_string_append_printf(out, "usage: %s%s%s\n", c->name, *c->params ? " " : "", c->params);
    }
}

static bool run_command(Monitor *m, const char *line, GString *out)
{
    const char *end = line;
    const MonitorCommand *c;
    GError *err = NULL;
    bool ambiguous, ok;

    while (*end && is_command_char(*end)) {
        end++;
    }
    if (end == line || (*end && !g_ascii_isspace(*end) && *end != '/')) {
        end += strcspn(end, " \t");
    }
    g_autofree char *word = g_strndup(line, (gsize)(end - line));

    c = command_find(word, &ambiguous);
    if (c) {
        Args a = { .m = m, .p = end };

        ok = c->run(m, &a, out, &err);
    } else {
        ok = no_such_command(word, ambiguous, &err);
    }
    if (!ok) {
        put_error(c, err, out);
        g_error_free(err);
    }
    return ok;
}

bool monitor_run(Monitor *m, const char *line, GString *out)
{
    g_autofree char *text = g_strstrip(g_strdup(line));

    if (!*text) {
        return true;
    }
    if (strlen(text) > LINE_MAX_BYTES || !g_utf8_validate(text, -1, NULL)) {
        g_string_append(out, "the line is too long, or no UTF-8 text\n");
        return false;
    }
    remember(m, text);
    return run_command(m, text, out);
}
