/* Those who look at the machine and drive it: debug core, gdb servers, monitors, QMP, qtest.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "gdbstub/server.h"
#include "monitor/qmp.h"
#include "monitor/terminal.h"
#include "system/system_int.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"
#include "util/mainloop.h"

/* ---- tests ------------------------------------------------------------------------------ */

bool frontends_make_qtest(System *s, GError **errp)
{
    Config *c = s->config;
    Chardev *chr = NULL;

    if (!c->qtest) {
        return true;
    }
    if (!streams_make(s, c->qtest, "qtest", &chr, errp)) {
        g_prefix_error(errp, "-qtest: ");
        return false;
    }
    s->qtest = qtest_server_new(s->machine, chr, c->qtest_log, errp);
    if (!s->qtest) {
        g_prefix_error(errp, "-qtest: ");
    }
    return s->qtest != NULL;
}

/* ---- debugging -------------------------------------------------------------------------- */

/* An executor that cannot go on: with what the CPU held, for who has nothing else to look at it. */
static void tell_error(System *s, const StopInfo *stop)
{
    g_autofree char *line = g_strdup_printf("info registers cpu=%u", stop->cpu);
    g_autoptr(GString) out = g_string_new(NULL);
    Monitor *m = monitor_new(&s->host, "command line", NULL, NULL);

    error_report("CPU %u cannot go on: %s", stop->cpu, stop->text ? stop->text : "no reason");
    monitor_run(m, line, out);
    fputs(out->str, stderr);
    monitor_free(m);
}

/* A stop that no debugger asked for is told to the user; without any debugger it is the end. */
static void client_stopped(void *opaque, const StopInfo *stop)
{
    System *s = opaque;

    if (stop->kind == STOP_ERROR) {
        tell_error(s, stop);
        if (!s->vm->policy.panic_stops) {
            vm_request_shutdown(s->vm, VM_CAUSE_ERROR, 1);
        }
    } else if (stop->kind == STOP_PANIC) {
        warn_report("the guest has panicked; the machine is stopped");
    }
}

static const DebugClientOps client_ops = { .stopped = client_stopped };

/* gdb refuses a description that does not go with its symbol file's architecture. */
static void warn_of_arch(System *s, const char *spec)
{
    const char *arch = s->machine->gdb_arch;

    if (arch && !strstr(spec, ",arch=")) {
        warn_report("the kernel is made for %s: a gdb that reads its file needs -gdb %s,arch=%s", arch,
                    spec, arch);
    }
}

/* ---- monitors --------------------------------------------------------------------------- */

static void frontends_free_servers(void *opaque)
{
    System *s = opaque;

    g_ptr_array_set_size(s->servers, 0);
}

/* The monitor's gdbserver command, which may come from a gdb: that one is not ended under its own
 * feet. */
static bool frontends_gdbserver(void *opaque, const char *spec, GString *out, GError **errp)
{
    GdbServerOptions options = { 0 };
    System *s = opaque;
    GdbServer *server;

    if (g_str_equal(spec, "none")) {
        mainloop_call(frontends_free_servers, s);
        return true;
    }
    options.monitor = &s->host;
    server = gdb_server_new(s->debug, spec, &options, errp);
    if (!server) {
        return false;
    }
    g_ptr_array_add(s->servers, server);
    g_string_append_printf(out, "waiting for gdb on %s\n", gdb_server_address(server));
    return true;
}

static void frontends_make_host(System *s)
{
    s->host = (MonitorHost){
        .debug = s->debug, .machine = s->machine, .symbols = symbols_new(),
        .version = GLASSBOX_VERSION, .gdbserver = frontends_gdbserver, .opaque = s,
    };
}

static bool frontends_add_terminal(System *s, Chardev *c, MonitorEdit edit, GError **errp)
{
    g_autofree char *name = s->terminals->len ? g_strdup_printf("monitor %u", s->terminals->len)
                                              : g_strdup("monitor");
    MonitorTerminal *t = c ? monitor_terminal_new(&s->host, c, name, edit, errp) : NULL;

    if (t) {
        g_ptr_array_add(s->terminals, t);
    }
    return t;
}

static bool frontends_add_qmp(System *s, Chardev *c, bool pretty, GError **errp)
{
    QmpServer *q = c ? qmp_server_new(&s->host, c, pretty, errp) : NULL;

    if (q) {
        g_ptr_array_add(s->qmp, q);
    }
    return q;
}

static bool frontends_make_qmp(System *s, const GPtrArray *streams, bool pretty, GError **errp)
{
    for (unsigned i = 0; i < streams->len; i++) {
        g_autofree char *label = g_strdup_printf("qmp%u", s->qmp->len);
        Chardev *chr = NULL;

        if (!streams_make(s, g_ptr_array_index(streams, i), label, &chr, errp) ||
            !frontends_add_qmp(s, chr, pretty, errp)) {
            g_prefix_error(errp, pretty ? "-qmp-pretty: " : "-qmp: ");
            return false;
        }
    }
    return true;
}

/* -mon [chardev=]ID[,mode=readline][,edit=on|off] and ID,mode=control[,pretty=on|off] */
static bool frontends_make_mon(System *s, const char *text, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(text, "chardev", NULL, errp);
    const char *id = kv ? keyval_get(kv, "chardev") : NULL;
    const char *mode = kv ? keyval_get(kv, "mode") : NULL;
    bool control = mode && g_str_equal(mode, "control"), edit = false, pretty = false;
    bool has_edit = kv && !control && keyval_get(kv, "edit");
    Chardev *c;

    if (!kv || (!control && !keyval_get_bool(kv, "edit", &edit, errp)) ||
        (control && !keyval_get_bool(kv, "pretty", &pretty, errp)) ||
        !keyval_check_used(kv, errp)) {
        return false;
    }
    if (mode && !control && !g_str_equal(mode, "readline")) {
        return error_set(errp, INVALID, "there is no mode '%s' (readline, control)", mode);
    }
    c = id ? streams_find(s, id) : NULL;
    if (!c) {
        return error_set(errp, NOT_FOUND, "there is no chardev '%s'", id ? id : "");
    }
    if (control) {
        return frontends_add_qmp(s, streams_front(c, "QMP", errp), pretty, errp);
    }
    return frontends_add_terminal(s, streams_front(c, "monitor", errp),
                               !has_edit ? MONITOR_EDIT_AUTO : edit ? MONITOR_EDIT_ON
                                                                    : MONITOR_EDIT_OFF, errp);
}

static bool frontends_make_monitors(System *s, GError **errp)
{
    const Config *c = s->config;

    for (unsigned i = 0; i < c->monitors->len; i++) {
        g_autofree char *label = g_strdup_printf("monitor%u", i);
        Chardev *chr = NULL;

        if (!streams_make(s, g_ptr_array_index(c->monitors, i), label, &chr, errp) ||
            !frontends_add_terminal(s, chr, MONITOR_EDIT_AUTO, errp)) {
            g_prefix_error(errp, "-monitor: ");
            return false;
        }
    }
    for (unsigned i = 0; i < c->mons->len; i++) {
        if (!frontends_make_mon(s, g_ptr_array_index(c->mons, i), errp)) {
            g_prefix_error(errp, "-mon: ");
            return false;
        }
    }
    if (!frontends_make_qmp(s, c->qmp, false, errp) ||
        !frontends_make_qmp(s, c->qmp_pretty, true, errp)) {
        return false;
    }
    for (unsigned i = 0; i < s->implied->len; i++) {
        if (!frontends_add_terminal(s, s->implied->pdata[i], MONITOR_EDIT_AUTO, errp)) {
            return false;
        }
    }
    return true;
}

bool frontends_make(System *s, GError **errp)
{
    GdbServerOptions options = { .monitor = &s->host };

    s->servers = g_ptr_array_new_with_free_func((GDestroyNotify)gdb_server_free);
    s->terminals = g_ptr_array_new_with_free_func((GDestroyNotify)monitor_terminal_free);
    s->qmp = g_ptr_array_new_with_free_func((GDestroyNotify)qmp_server_free);
    s->debug = debug_new(s->vm);
    frontends_make_host(s);
    s->client = debug_client_new(s->debug, "command line", &client_ops, s);
    for (unsigned i = 0; i < s->config->gdb->len; i++) {
        GdbServer *server = gdb_server_new(s->debug, g_ptr_array_index(s->config->gdb, i),
                                           &options, errp);
        if (!server) {
            g_prefix_error(errp, "-gdb: ");
            return false;
        }
        g_ptr_array_add(s->servers, server);
        warn_of_arch(s, g_ptr_array_index(s->config->gdb, i));
    }
    return frontends_make_monitors(s, errp) &&
           (s->config->stopped || debug_continue(s->client, errp));
}

/* ---- the end ---------------------------------------------------------------------------- */

void frontends_unmake(System *s)
{
    qtest_server_free(s->qtest);
    mainloop_call_cancel(frontends_free_servers, s);
    g_clear_pointer(&s->servers, g_ptr_array_unref);
    g_clear_pointer(&s->qmp, g_ptr_array_unref);
    g_clear_pointer(&s->terminals, g_ptr_array_unref);
    g_clear_pointer(&s->implied, g_ptr_array_unref);
    symbols_free(s->host.symbols);
    if (s->client) {
        debug_client_free(s->client, false);
    }
    debug_free(s->debug);
}
