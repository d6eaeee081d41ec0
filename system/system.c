/* Wiring: byte streams, machine, executor, debug core and gdb servers, and their end.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/system.h"
#include <string.h>
#include "chardev/chardev.h"
#include "debug/debug.h"
#include "gdbstub/server.h"
#include "monitor/terminal.h"
#include "symbols/symbols.h"
#include "qtest/qtest.h"
#include "system/registry.h"
#include "system/signals.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"
#include "util/mainloop.h"
#include "vm/vm.h"

typedef struct System {
    Config *config;
    GPtrArray *chardevs;        /* all, in the order of their making */
    Vm *vm;
    Machine *machine;
    VmObserver *observer;
    Debug *debug;
    DebugClient *client;        /* the command line's own */
    GPtrArray *servers;         /* GdbServer */
    MonitorHost host;
    GPtrArray *terminals;       /* MonitorTerminal */
    Chardev *implied;           /* the channel for the monitor that "mon:" brings along */
    QtestServer *qtest;
} System;

/* ---- byte streams ----------------------------------------------------------------------- */

/* Ctrl-A x */
static void system_quit(void *opaque)
{
    System *s = opaque;

    if (s->vm && s->debug) {
        vm_request_shutdown(s->vm, VM_CAUSE_HOST_QUIT, 0);
    } else {
        mainloop_quit(0);
    }
}

/* Keep a new chardev, tell where it is if nobody could know, and wait for its peer if it is to. */
static bool system_add_chardev(System *s, Chardev *c, GError **errp)
{
    if (!c) {
        return false;
    }
    g_ptr_array_add(s->chardevs, c);
    if (chardev_is_mux(c)) {
        chardev_mux_set_quit(c, system_quit, s);
    }
    if (chardev_address(c) && g_str_has_prefix(chardev_address(c), "/dev/")) {
        fprintf(stderr, "char device redirected to %s (label %s)\n", chardev_address(c),
                chardev_label(c));
    }
    if (chardev_must_wait(c)) {
        fprintf(stderr, "glassbox: waiting for a connection to %s\n", chardev_address(c));
    }
    return chardev_wait_connected(c, errp);
}

static Chardev *system_find_raw(System *s, const char *id)
{
    for (unsigned i = 0; i < s->chardevs->len; i++) {
        Chardev *c = g_ptr_array_index(s->chardevs, i);
        if (g_str_equal(chardev_label(c), id)) {
            return c;
        }
    }
    return NULL;
}

/* What a front end attaches to: the chardev, or a new channel of a mux. */
static Chardev *front_of(Chardev *c, const char *label, GError **errp)
{
    return chardev_is_mux(c) ? chardev_mux_channel(c, label, errp) : c;
}

static Chardev *system_find_chardev(void *opaque, const char *id)
{
    Chardev *c = system_find_raw(opaque, id);

    return c ? front_of(c, id, NULL) : NULL;
}

static bool system_make_chardevs(System *s, GError **errp)
{
    for (unsigned i = 0; i < s->config->chardevs->len; i++) {
        Chardev *c = chardev_new_option(g_ptr_array_index(s->config->chardevs, i), errp);
        if (c && system_find_raw(s, chardev_label(c))) {
            error_set(errp, INVALID, "there are two chardevs '%s'", chardev_label(c));
            chardev_free(c);
            c = NULL;
        }
        if (!system_add_chardev(s, c, errp)) {
            g_prefix_error(errp, "-chardev: ");
            return false;
        }
    }
    return true;
}

/* The stream of a -serial or -debugcon argument; *out stays NULL for "none". */
static bool system_make_stream(System *s, const char *spec, const char *label, Chardev **out,
                               GError **errp)
{
    Chardev *c;

    if (g_str_equal(spec, "none")) {
        return true;
    }
    if (g_str_has_prefix(spec, "chardev:")) {
        const char *id = spec + strlen("chardev:");
        c = system_find_raw(s, id);
        if (!c) {
            return error_set(errp, NOT_FOUND, "there is no chardev '%s'", id);
        }
    } else {
        c = chardev_new(spec, label, errp);
        if (!system_add_chardev(s, c, errp)) {
            return false;
        }
    }
    *out = front_of(c, label, errp);
    if (*out && g_str_has_prefix(spec, "mon:")) {
        s->implied = chardev_mux_channel(c, "monitor", errp);
        return s->implied != NULL;
    }
    return *out != NULL;
}

static bool any_on_stdio(const GPtrArray *specs)
{
    for (unsigned i = 0; i < specs->len; i++) {
        if (g_str_has_prefix(g_ptr_array_index(specs, i), "stdio")) {
            return true;
        }
    }
    return false;
}

/*
 * What a machine has if no serial port was asked for. There are no graphics, so that the first port
 * is on the terminal, as with -nographic, unless the terminal is not to be used.
 */
static const char *default_serial(const Config *c)
{
    if (c->nodefaults) {
        return "none";
    }
    if (any_on_stdio(c->gdb) || any_on_stdio(c->monitors) ||
        (c->qtest && g_str_has_prefix(c->qtest, "stdio")) ||
        (c->display_none && !c->nographic)) {
        return "null";
    }
    return c->no_monitor ? "stdio" : "mon:stdio";
}

static bool system_make_serials(System *s, GError **errp)
{
    Config *c = s->config;

    if (c->serials->len == 0) {
        g_ptr_array_add(c->serials, (gpointer)default_serial(c));
    }
    for (unsigned i = 0; i < c->serials->len; i++) {
        g_autofree char *label = g_strdup_printf("serial%u", i);
        if (!system_make_stream(s, g_ptr_array_index(c->serials, i), label, &c->opt.serial[i],
                                errp)) {
            g_prefix_error(errp, "-serial: ");
            return false;
        }
    }
    if (c->debugcon && !system_make_stream(s, c->debugcon, "debugcon", &c->opt.debugcon, errp)) {
        g_prefix_error(errp, "-debugcon: ");
        return false;
    }
    return true;
}

/* ---- the machine ------------------------------------------------------------------------ */

static void machine_reset(void *opaque)
{
    Machine *m = opaque;

    m->cls->reset(m);
}

static void machine_running(void *opaque)
{
    System *s = opaque;

    vm_lock(s->vm);
    device_list_resume(&s->machine->devices);
    vm_unlock(s->vm);
}

static void machine_paused(void *opaque)
{
    System *s = opaque;

    vm_lock(s->vm);
    device_list_pause(&s->machine->devices);
    vm_unlock(s->vm);
}

static void machine_ended(void *opaque, VmCause cause, int status)
{
    mainloop_quit(status);
}

static const VmObserverOps machine_observer = {
    .running = machine_running, .paused = machine_paused, .ended = machine_ended,
};

static Machine *machine_new(System *s)
{
    const MachineClass *cls = s->config->machine;
    Machine *m = g_malloc0(cls->size);

    m->cls = cls;
    m->opt = &s->config->opt;
    m->vm = s->vm;
    m->host.vm = s->vm;
    m->host.chardev_find = m->opt->chardev_find;
    m->host.opaque = m->opt->opaque;
    device_list_init(&m->devices);
    return m;
}

/* Collects "prop=value" strings; "driver" and "id" are not properties. */
static bool device_collect(const char *key, const char *value, void *opaque, GError **errp)
{
    GPtrArray *props = opaque;

    if (!g_str_equal(key, "driver") && !g_str_equal(key, "id")) {
        g_ptr_array_add(props, g_strdup_printf("%s=%s", key, value));
    }
    return true;
}

static bool system_make_device(System *s, const char *text, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(text, "driver", NULL, errp);
    g_autoptr(GPtrArray) props = g_ptr_array_new_with_free_func(g_free);
    const char *driver, *id;

    if (!kv) {
        return false;
    }
    driver = keyval_get(kv, "driver");
    id = keyval_get(kv, "id");
    keyval_foreach(kv, device_collect, props, NULL);
    g_ptr_array_add(props, NULL);
    return device_list_create(&s->machine->devices, registry_device(driver), &s->machine->host, id,
                              (const char *const *)props->pdata, errp) != NULL;
}

static bool system_make_devices(System *s, GError **errp)
{
    for (unsigned i = 0; i < s->config->devices->len; i++) {
        if (!system_make_device(s, g_ptr_array_index(s->config->devices, i), errp)) {
            g_prefix_error(errp, "-device: ");
            return false;
        }
    }
    return true;
}

static bool system_make_machine(System *s, GError **errp)
{
    Config *c = s->config;

    s->vm = vm_new();
    s->vm->name = c->opt.name;
    s->vm->policy.no_reboot = c->opt.no_reboot;
    s->vm->policy.no_shutdown = c->no_shutdown;
    /* Else nobody could look at it. */
    s->vm->policy.panic_stops = c->gdb->len || c->monitors->len || c->mons->len;
    c->opt.chardev_find = system_find_chardev;
    c->opt.opaque = s;
    if (!vm_set_accel(s->vm, c->accel, c->machine->cpu_class, c->accel_options, errp)) {
        g_prefix_error(errp, "-accel: ");
        return false;
    }
    if (c->qtest || !s->vm->caps.executes) {
        vm_clock_set_manual(s->vm);     /* before devices look at the date */
    }
    s->machine = machine_new(s);
    if (!c->machine->create(s->machine, errp) || !system_make_devices(s, errp) ||
        !c->machine->load(s->machine, errp)) {
        return false;
    }
    vm_add_reset(s->vm, VM_RESET_LOADER, machine_reset, s->machine);
    s->observer = vm_add_observer(s->vm, &machine_observer, s);
    if (!vm_start(s->vm, errp)) {
        return false;
    }
    vm_reset_now(s->vm, VM_CAUSE_HOST_RESET);
    machine_paused(s);   /* until the first resume */
    return true;
}

/* ---- tests ------------------------------------------------------------------------------ */

static bool system_make_qtest(System *s, GError **errp)
{
    Config *c = s->config;
    Chardev *chr = NULL;

    if (!c->qtest) {
        return true;
    }
    if (!system_make_stream(s, c->qtest, "qtest", &chr, errp)) {
        g_prefix_error(errp, "-qtest: ");
        return false;
    }
    s->qtest = qtest_server_new(s->machine, chr, c->qtest_log, errp);
    if (!s->qtest) {
        g_prefix_error(errp, "-qtest-log: ");
    }
    return s->qtest != NULL;
}

/* ---- debugging -------------------------------------------------------------------------- */

/* A stop that no debugger asked for is told to the user; without any debugger it is the end. */
static void client_stopped(void *opaque, const StopInfo *stop)
{
    System *s = opaque;

    if (stop->kind == STOP_ERROR) {
        error_report("CPU %u cannot go on: %s", stop->cpu, stop->text ? stop->text : "no reason");
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

static void system_free_servers(void *opaque)
{
    System *s = opaque;

    g_ptr_array_set_size(s->servers, 0);
}

/* The monitor's gdbserver command, which may come from a gdb: that one is not ended under its own
 * feet. */
static bool system_gdbserver(void *opaque, const char *spec, GString *out, GError **errp)
{
    GdbServerOptions options = { 0 };
    System *s = opaque;
    GdbServer *server;

    if (g_str_equal(spec, "none")) {
        mainloop_call(system_free_servers, s);
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

static void system_make_host(System *s)
{
    s->host = (MonitorHost){
        .debug = s->debug, .machine = s->machine, .symbols = symbols_new(),
        .version = GLASSBOX_VERSION, .gdbserver = system_gdbserver, .opaque = s,
    };
}

static bool system_add_terminal(System *s, Chardev *c, MonitorEdit edit, GError **errp)
{
    g_autofree char *name = s->terminals->len ? g_strdup_printf("monitor %u", s->terminals->len)
                                              : g_strdup("monitor");
    MonitorTerminal *t = c ? monitor_terminal_new(&s->host, c, name, edit, errp) : NULL;

    if (t) {
        g_ptr_array_add(s->terminals, t);
    }
    return t;
}

/* -mon [chardev=]ID[,mode=readline][,edit=on|off] */
static bool system_make_mon(System *s, const char *text, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(text, "chardev", NULL, errp);
    const char *id = kv ? keyval_get(kv, "chardev") : NULL;
    const char *mode = kv ? keyval_get(kv, "mode") : NULL;
    bool has_edit = kv && keyval_get(kv, "edit"), edit = false;
    Chardev *c;

    if (!kv || !keyval_get_bool(kv, "edit", &edit, errp) || !keyval_check_used(kv, errp)) {
        return false;
    }
    if (mode && !g_str_equal(mode, "readline")) {
        return error_set(errp, INVALID, "there is no mode '%s' (readline)", mode);
    }
    c = id ? system_find_raw(s, id) : NULL;
    if (!c) {
        return error_set(errp, NOT_FOUND, "there is no chardev '%s'", id ? id : "");
    }
    return system_add_terminal(s, front_of(c, "monitor", errp),
                               !has_edit ? MONITOR_EDIT_AUTO : edit ? MONITOR_EDIT_ON
                                                                    : MONITOR_EDIT_OFF, errp);
}

static bool system_make_monitors(System *s, GError **errp)
{
    const Config *c = s->config;

    for (unsigned i = 0; i < c->monitors->len; i++) {
        g_autofree char *label = g_strdup_printf("monitor%u", i);
        Chardev *chr = NULL;

        if (!system_make_stream(s, g_ptr_array_index(c->monitors, i), label, &chr, errp) ||
            !system_add_terminal(s, chr, MONITOR_EDIT_AUTO, errp)) {
            g_prefix_error(errp, "-monitor: ");
            return false;
        }
    }
    for (unsigned i = 0; i < c->mons->len; i++) {
        if (!system_make_mon(s, g_ptr_array_index(c->mons, i), errp)) {
            g_prefix_error(errp, "-mon: ");
            return false;
        }
    }
    return !s->implied || system_add_terminal(s, s->implied, MONITOR_EDIT_AUTO, errp);
}

static bool system_make_debug(System *s, GError **errp)
{
    GdbServerOptions options = { .monitor = &s->host };

    s->debug = debug_new(s->vm);
    system_make_host(s);
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
    return system_make_monitors(s, errp) &&
           (s->config->stopped || debug_continue(s->client, errp));
}

/* ---- the end ---------------------------------------------------------------------------- */

/* Takes apart what was made, however far that got, in the opposite order. */
static void system_unmake(System *s)
{
    qtest_server_free(s->qtest);
    mainloop_call_cancel(system_free_servers, s);
    g_ptr_array_set_size(s->servers, 0);
    g_ptr_array_set_size(s->terminals, 0);
    symbols_free(s->host.symbols);
    if (s->client) {
        debug_client_free(s->client, false);
    }
    debug_free(s->debug);
    if (s->observer) {
        vm_remove_observer(s->vm, s->observer);
    }
    if (s->machine) {
        vm_lock(s->vm);
        device_list_free_all(&s->machine->devices);
        vm_unlock(s->vm);
    }
    vm_free(s->vm);
    if (s->machine) {
        s->machine->vm = NULL;
        s->machine->cls->destroy(s->machine);
        g_free(s->machine);
    }
    for (unsigned i = s->chardevs->len; i-- > 0;) {
        chardev_free(g_ptr_array_index(s->chardevs, i));
    }
    g_ptr_array_free(s->servers, TRUE);
    g_ptr_array_free(s->terminals, TRUE);
    g_ptr_array_free(s->chardevs, TRUE);
}

static void system_signal(void *opaque, int sig)
{
    System *s = opaque;

    warn_report("ended by signal %d (%s)", sig, g_strsignal(sig));
    if (s->vm && s->debug) {
        vm_request_shutdown(s->vm, VM_CAUSE_HOST_SIGNAL, 0);
    } else {
        mainloop_quit(1);
    }
}

bool system_run(Config *c, int *status, GError **errp)
{
    System s = {
        .config = c, .chardevs = g_ptr_array_new(),
        .servers = g_ptr_array_new_with_free_func((GDestroyNotify)gdb_server_free),
        .terminals = g_ptr_array_new_with_free_func((GDestroyNotify)monitor_terminal_free),
    };
    bool ok;

    signals_init(system_signal, &s);
    ok = system_make_chardevs(&s, errp) && system_make_serials(&s, errp) &&
         system_make_machine(&s, errp) && system_make_qtest(&s, errp) &&
         system_make_debug(&s, errp);
    if (ok) {
        *status = mainloop_run();
    }
    system_unmake(&s);
    signals_fini();
    return ok;
}
