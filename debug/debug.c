/* The debug core's life: clients, control, what the machine tells.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/debug.h"

#include "debug/debug_int.h"
#include "util/error.h"

static void client_destroy(DebugClient *c)
{
    reg_layout_free(c->layout);
    g_hash_table_destroy(c->vars);
    g_free(c->name);
    g_free(c);
}

void debug_tell_begin(Debug *d)
{
    d->telling++;
}

void debug_tell_end(Debug *d)
{
    g_assert(d->telling);
    if (--d->telling) {
        return;
    }
    for (unsigned i = 0; i < d->clients->len;) {
        DebugClient *c = d->clients->pdata[i];

        if (c->ops) {
            i++;
        } else {
            g_ptr_array_remove_index(d->clients, i);
            client_destroy(c);
        }
    }
    resume_deferred(d);
}

/* Calls one callback of every client. */
#define TELL_CLIENTS(d_, cb_, ...) \
    do { \
        debug_tell_begin(d_); \
        for (unsigned i_ = 0; i_ < (d_)->clients->len; i_++) { \
            DebugClient *c_ = (d_)->clients->pdata[i_]; \
            if (c_->ops && c_->ops->cb_) { \
                c_->ops->cb_(__VA_ARGS__); \
            } \
        } \
        debug_tell_end(d_); \
    } while (0)

/* ---- what the machine tells ---- */

static void on_reset(void *opaque, VmCause cause)
{
    Debug *d = opaque;

    resume_after_reset(d);
    if (d->vm->caps.patch_exec) {
        plan_forget(d);         /* run control lifted it */
        if (d->phase != PHASE_STOPPED) {
            plan_apply(d, NULL, NULL, NULL);
        }
    }
    TELL_CLIENTS(d, reset, c_->opaque, cause);
}

static void on_ended(void *opaque, VmCause cause, int status)
{
    Debug *d = opaque;

    filter_flush_output(d);
    d->phase = PHASE_STOPPED;
    cpu_fetch(d->vm->cpus[d->last_cpu], REGS_GENERAL);
    d->stop = (StopInfo){
        .kind = STOP_SHUTDOWN, .cpu = d->last_cpu, .cause = cause, .status = status,
        .pc = cpu_pc(d->vm->cpus[d->last_cpu]),
    };
    TELL_CLIENTS(d, ended, c_->opaque, cause, status);
}

static const VmObserverOps observer_ops = { .reset = on_reset, .ended = on_ended };

/* ---- life ---- */

Debug *debug_new(Vm *vm)
{
    Debug *d = g_new0(Debug, 1);

    g_assert(vm_started(vm) && !vm_running(vm));
    d->vm = vm;
    d->clients = g_ptr_array_new();
    d->phase = PHASE_STOPPED;
    d->stop = (StopInfo){ .kind = STOP_START, .pc = cpu_pc(vm->cpus[0]) };
    points_init(d);
    filter_init(d);
    relook_init(d);
    d->observer = vm_add_observer(vm, &observer_ops, d);
    vm_set_run_hooks(vm, &park_hooks, d);
    return d;
}

void debug_free(Debug *d)
{
    static const DebugPlan no_plan;

    if (!d) {
        return;
    }
    if (vm_running(d->vm)) {
        vm_park_all(d->vm, STOP_INTERRUPT);
        vm_wait_parked(d->vm);
    }
    vm_set_plan(d->vm, &no_plan, NULL);
    vm_set_run_hooks(d->vm, NULL, NULL);
    vm_remove_observer(d->vm, d->observer);
    while (d->clients->len) {
        client_destroy(g_ptr_array_steal_index(d->clients, d->clients->len - 1));
    }
    g_ptr_array_free(d->clients, TRUE);
    relook_fini(d);
    resume_fini(d);
    filter_fini(d);
    points_fini(d);
    plan_free(d->plan);
    g_free(d->stop_text);
    g_free(d);
}

Vm *debug_vm(Debug *d)
{
    return d->vm;
}

DebugClient *debug_client_new(Debug *d, const char *name, const DebugClientOps *ops,
                              void *opaque)
{
    DebugClient *c = g_new0(DebugClient, 1);

    c->debug = d;
    c->name = g_strdup(name);
    c->ops = ops;
    c->opaque = opaque;
    c->layout = reg_layout_new(d->vm->cpus[0], d->vm->cpus[0]->class->regs);
    c->vars = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    g_ptr_array_add(d->clients, c);
    return c;
}

void debug_client_free(DebugClient *c, bool resume)
{
    Debug *d = c->debug;
    bool held = d->holder == c;

    debug_tell_begin(d);
    points_remove_client(d, c);
    c->ops = NULL;
    if (d->deferred && d->deferred_by == c) {
        g_free((gpointer)d->deferred->action);
        g_clear_pointer(&d->deferred, g_free);
    }
    if (held) {
        debug_control_release(c);
    }
    debug_tell_end(d);
    if (held && resume) {
        resume_all(d, NULL);
    }
}

const char *debug_client_name(const DebugClient *c)
{
    return c->name;
}

/* Those that are gone stay in the list while notifications are under way. */
const DebugClient *debug_client_next(const Debug *d, const DebugClient *after)
{
    bool past = !after;

    for (unsigned i = 0; i < d->clients->len; i++) {
        const DebugClient *c = d->clients->pdata[i];

        if (past && c->ops) {
            return c;
        }
        past |= c == after;
    }
    return NULL;
}

typedef struct LayoutChange {
    DebugClient *c;
    RegLayout *layout;
} LayoutChange;

static void layout_change(void *opaque)
{
    LayoutChange *l = opaque;

    reg_layout_free(l->c->layout);
    l->c->layout = l->layout;
}

void debug_client_set_regs(DebugClient *c, const RegSet *set)
{
    LayoutChange l = { .c = c };

    l.layout = reg_layout_new(c->debug->vm->cpus[0], set);
    points_quiesce(c->debug, layout_change, &l);
}

const RegLayout *debug_client_regs(const DebugClient *c)
{
    return c->layout;
}

/* ---- control ---- */

bool debug_control_take(DebugClient *c, GError **errp)
{
    Debug *d = c->debug;

    if (d->holder && d->holder != c) {
        return error_set(errp, BUSY, "%s controls the machine", d->holder->name);
    }
    if (!d->holder) {
        d->holder = c;
        TELL_CLIENTS(d, control, c_->opaque, c->name);
    }
    return true;
}

void debug_control_release(DebugClient *c)
{
    Debug *d = c->debug;

    if (d->holder == c) {
        d->holder = NULL;
        TELL_CLIENTS(d, control, c_->opaque, NULL);
    }
}

void debug_control_force(DebugClient *c)
{
    Debug *d = c->debug;

    if (d->holder != c) {
        d->holder = c;
        TELL_CLIENTS(d, control, c_->opaque, c->name);
    }
}

bool debug_control_has(const DebugClient *c)
{
    return c->debug->holder == c;
}

const char *debug_control_holder(const Debug *d)
{
    return d->holder ? d->holder->name : NULL;
}

/* ---- asking ---- */

bool debug_nonstop(const Debug *d)
{
    return d->nonstop;
}

bool debug_cpu_stopped(const Debug *d, unsigned cpu)
{
    return d->nonstop ? d->cpu[cpu].stopped : d->phase == PHASE_STOPPED;
}

bool debug_stopped(const Debug *d)
{
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        if (!debug_cpu_stopped(d, i)) {
            return false;
        }
    }
    return true;
}

const StopInfo *debug_stop_info(DebugClient *c)
{
    if (!debug_stopped(c->debug)) {
        return NULL;
    }
    stop_for_client(c, &c->debug->stop, &c->stop);
    return &c->stop;
}

bool debug_cpu_stop_info(DebugClient *c, unsigned cpu, StopInfo *out)
{
    Debug *d = c->debug;

    if (cpu >= d->vm->ncpus || !debug_cpu_stopped(d, cpu)) {
        return false;
    }
    if (d->nonstop) {
        stop_for_client(c, &d->cpu[cpu].info, out);
    } else if (d->stop.cpu == cpu) {
        stop_for_client(c, &d->stop, out);
    } else {
        *out = (StopInfo){ .cpu = cpu, .pc = cpu_pc(d->vm->cpus[cpu]) };
    }
    return true;
}

void debug_request_reset(DebugClient *c)
{
    vm_request_reset(c->debug->vm, VM_CAUSE_HOST_RESET);
}

void debug_request_quit(DebugClient *c, int status)
{
    vm_request_shutdown(c->debug->vm, VM_CAUSE_HOST_QUIT, status);
}
