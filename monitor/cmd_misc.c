/* Commands about the monitor, its log, and the machine as a whole.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "monitor/monitor_int.h"
#include "util/error.h"
#include "util/log.h"
#include "util/trace.h"

#define SHOWN_HISTORY 30

/* ---- help ---- */

static void put_usage_row(const MonitorCommand *c, GString *out)
{
    g_autofree char *left = g_strdup_printf("%s%s%s %s", c->name, c->alias ? "|" : "",
                                            c->alias ? c->alias : "", c->params);

    g_string_append_printf(out, "%-38s %s\n", left, c->help);
}

static const MonitorCommand *row_of(const MonitorCommand *table, const char *word)
{
    for (; table->name; table++) {
        if (!strcmp(table->name, word) || !g_strcmp0(table->alias, word)) {
            return table;
        }
    }
    return NULL;
}

bool mon_help(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree char *word = args_word(a);
    const MonitorCommand *row;

    if (!word) {
        for (row = monitor_commands; row->name; row++) {
            put_usage_row(row, out);
        }
        g_string_append(out, "info alone lists what it shows; 'cpu=N' is a CPU; expressions are "
                        "C's, registers $rip, symbols by name\n");
        return true;
    }
    if (!strcmp(word, "info") && !args_end(a)) {
        g_free(word);
        word = args_word(a);
        row = row_of(monitor_infos, word);
    } else {
        row = row_of(monitor_commands, word);
    }
    if (!row) {
        return error_set(errp, NOT_FOUND, "there is no help about '%s'", word);
    }
    put_usage_row(row, out);
    return true;
}

/* ---- info ---- */

static void put_info_row(void *opaque, const char *name, const char *help)
{
    g_string_append_printf(opaque, "info %-33s %s\n", name, help);
}

static void collect_name(void *opaque, const char *name, const char *help)
{
    g_ptr_array_add(opaque, (gpointer)name);
}

static bool no_such_info(Monitor *m, const char *word, GError **errp)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    const char *near;

    for (const MonitorCommand *row = monitor_infos; row->name; row++) {
        g_ptr_array_add(names, (gpointer)row->name);
    }
    monitor_views_foreach(m, collect_name, names);
    g_ptr_array_add(names, NULL);
    near = suggest(word, (const char *const *)names->pdata);
    return error_set(errp, NOT_FOUND, "info knows nothing of '%s'%s%s%s", word,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* The row of this name, or the only one that begins so. */
static const MonitorCommand *info_row(const char *word)
{
    const MonitorCommand *found = row_of(monitor_infos, word);

    for (const MonitorCommand *row = monitor_infos; !found && row->name; row++) {
        if (g_str_has_prefix(row->name, word)) {
            for (const MonitorCommand *other = row + 1; other->name; other++) {
                if (g_str_has_prefix(other->name, word)) {
                    return NULL;
                }
            }
            found = row;
        }
    }
    return found;
}

bool mon_info(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree char *word = args_word(a);
    const MonitorCommand *row;

    if (!word) {
        for (row = monitor_infos; row->name; row++) {
            g_autofree char *left = g_strdup_printf("%s %s", row->name, row->params);

            put_info_row(out, left, row->help);
        }
        monitor_views_foreach(m, put_info_row, out);
        return true;
    }
    row = row_of(monitor_infos, word);
    if (!row) {
        gsize before = out->len;

        if (monitor_view(m, word, out)) {
            if (out->len == before) {
                g_string_append(out, "nothing to show\n");
            }
            return args_done(a, errp);
        }
        row = info_row(word);
    }
    if (!row) {
        return no_such_info(m, word, errp);
    }
    return row->run(m, a, out, errp) && args_done(a, errp);
}

bool mon_history(Monitor *m, Args *a, GString *out, GError **errp)
{
    unsigned n = m->history->len;

    for (unsigned i = n > SHOWN_HISTORY ? n - SHOWN_HISTORY : 0; i < n; i++) {
        g_string_append_printf(out, "%4u  %s\n", i + 1, (char *)m->history->pdata[i]);
    }
    return true;
}

/* ---- CPUs, log, trace ---- */

bool mon_cpu(Monitor *m, Args *a, GString *out, GError **errp)
{
    unsigned n = debug_vm(m->debug)->ncpus;
    uint64_t v = m->cpu;

    if (args_end(a)) {
        g_string_append_printf(out, "CPU %u of 0 to %u\n", m->cpu, n - 1);
        return true;
    }
    if (!args_value(a, "CPU", &v, errp) || !args_done(a, errp)) {
        return false;
    }
    if (v >= n) {
        return error_set(errp, NOT_FOUND, "there is no CPU %" PRIu64 " (0 to %u)", v, n - 1);
    }
    m->cpu = (unsigned)v;
    return true;
}

bool mon_log(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree char *items = args_word(a);
    uint32_t mask = 0;

    if (!items || !strcmp(items, "help")) {
        g_autofree char *text = log_items_help();

        g_string_append_printf(out, "none         nothing\n%s", text);
        return true;
    }
    if (!args_done(a, errp)) {
        return false;
    }
    if (strcmp(items, "none") && !log_parse_items(items, &mask, errp)) {
        return false;
    }
    log_set_mask(mask);
    return true;
}

bool mon_logfile(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree char *path = args_need(a, "file", errp);

    return path && args_done(a, errp) && log_set_file(path, errp);
}

bool mon_trace(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree char *pattern = args_word(a), *on = args_word(a);

    if (!pattern) {
        trace_list(out);
        return true;
    }
    if (on && strcmp(on, "on") && strcmp(on, "off")) {
        return error_set(errp, INVALID, "'%s' is neither on nor off", on);
    }
    return args_done(a, errp) && trace_enable(pattern, !on || !strcmp(on, "on"), errp);
}

/* ---- the machine ---- */

bool mon_quit(Monitor *m, Args *a, GString *out, GError **errp)
{
    uint64_t status = 0;

    if (!args_value_opt(a, "status", &status, errp) || !args_done(a, errp)) {
        return false;
    }
    if (status > 255) {
        return error_set(errp, INVALID, "status: 0 to 255");
    }
    debug_request_quit(m->client, (int)status);
    return true;
}

bool mon_system_reset(Monitor *m, Args *a, GString *out, GError **errp)
{
    if (!args_done(a, errp)) {
        return false;
    }
    debug_request_reset(m->client);
    return true;
}

/* A button of the machine's case. */
static bool press(Monitor *m, Args *a, void (*button)(Machine *), const char *what, GError **errp)
{
    Machine *machine = m->host->machine;

    if (!args_done(a, errp)) {
        return false;
    }
    if (!button) {
        return error_set(errp, UNSUPPORTED, "machine '%s' has no %s", machine->cls->name, what);
    }
    vm_lock(machine->vm);
    button(machine);
    vm_unlock(machine->vm);
    return true;
}

bool mon_system_powerdown(Monitor *m, Args *a, GString *out, GError **errp)
{
    return press(m, a, m->host->machine->cls->power_button, "power button", errp);
}

bool mon_nmi(Monitor *m, Args *a, GString *out, GError **errp)
{
    return press(m, a, m->host->machine->cls->nmi, "NMI button", errp);
}

bool mon_gdbserver(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree char *spec = args_word(a);

    if (!args_done(a, errp)) {
        return false;
    }
    if (!m->host->gdbserver) {
        return error_set(errp, UNSUPPORTED, "there is no gdb server in this program");
    }
    return m->host->gdbserver(m->host->opaque, spec ? spec : "tcp::1234", out, errp);
}
