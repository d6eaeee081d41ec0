/* The whole: byte streams, the machine with its executor, its front ends, and their end.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/system.h"

#include "system/registry.h"
#include "system/signals.h"
#include "system/system_int.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"
#include "util/mainloop.h"

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

/* The first accelerator that works. Those before it are told of in a line each. */
static bool system_choose_accel(System *s, GError **errp)
{
    const Config *c = s->config;
    AccelChoice standard = { .ops = registry_accels[0] };

    for (unsigned i = 0; i < MAX(c->accels->len, 1); i++) {
        const AccelChoice *a = c->accels->len ? &g_array_index(c->accels, AccelChoice, i) : &standard;
        g_autoptr(GError) err = NULL;

        if (vm_set_accel(s->vm, a->ops, c->machine->cpu_class, a->options, &err)) {
            return true;
        }
        if (i + 1 >= c->accels->len) {
            g_propagate_prefixed_error(errp, g_steal_pointer(&err), "-accel: ");
            return false;
        }
        warn_report("-accel: %s; going on with %s", err->message, g_array_index(c->accels, AccelChoice, i + 1).ops->name);
    }
    return false;
}

static bool system_make_machine(System *s, GError **errp)
{
    Config *c = s->config;

    s->vm = vm_new();
    s->vm->name = c->opt.name;
    s->vm->policy.no_reboot = c->reboot_ends;
    s->vm->policy.no_shutdown = c->shutdown_stops;
    /* Unless told, by whether anybody could look at it. */
    s->vm->policy.panic_stops = c->panic != PANIC_BY_VIEWERS ? c->panic == PANIC_STOPS
        : c->gdb->len || c->monitors->len || c->mons->len || c->qmp->len || c->qmp_pretty->len;
    c->opt.chardev_find = streams_find_front;
    c->opt.opaque = s;
    if (!system_choose_accel(s, errp)) {
        return false;
    }
    if (c->qtest || !s->vm->caps.executes) {
        vm_clock_set_manual(s->vm);
        /* Before devices look at the date. What a guest computes is to be the same in each run; where
         * none runs it is the host's, as tests written for QEMU expect. */
        if (s->vm->caps.executes) {
            vm_clock_set_base_ns(s->vm, VM_CLOCK_MANUAL_BASE_NS);
        }
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

/* ---- the end ---------------------------------------------------------------------------- */

/* Takes apart what was made, however far that got, in the opposite order. */
static void system_unmake(System *s)
{
    frontends_unmake(s);
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
        .config = c, .chardevs = g_ptr_array_new(), .implied = g_ptr_array_new(),
    };
    bool ok;

    signals_init(system_signal, &s);
    ok = streams_make_chardevs(&s, errp) && streams_make_serials(&s, errp) &&
         system_make_machine(&s, errp) && frontends_make_qtest(&s, errp) &&
         frontends_make(&s, errp);
    if (ok) {
        *status = mainloop_run();
    }
    system_unmake(&s);
    signals_fini();
    return ok;
}
