/* Reset, panic and the machine's end, asked for from any thread and done on the control thread
 * when all vCPUs are parked; and those who observe the machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/run_int.h"

static const DebugPlan no_plan;

typedef struct ResetHandler {
    int order;
    void (*fn)(void *opaque);
    void *opaque;
} ResetHandler;

struct VmObserver {
    const VmObserverOps *ops;       /* NULL: removed */
    void *opaque;
};

struct VmPower {
    GArray *resets;         /* ResetHandler, by order */
    GPtrArray *observers;   /* VmObserver */
    unsigned telling;       /* depth of notifications: removed observers are freed after */
};

void power_init(Vm *vm)
{
    struct VmPower *p = g_new0(struct VmPower, 1);

    p->resets = g_array_new(FALSE, FALSE, sizeof(ResetHandler));
    p->observers = g_ptr_array_new_with_free_func(g_free);
    vm->power = p;
}

void power_fini(Vm *vm)
{
    g_array_free(vm->power->resets, TRUE);
    g_ptr_array_free(vm->power->observers, TRUE);
    g_clear_pointer(&vm->power, g_free);
}

VmObserver *vm_add_observer(Vm *vm, const VmObserverOps *ops, void *opaque)
{
    VmObserver *o = g_new0(VmObserver, 1);

    o->ops = ops;
    o->opaque = opaque;
    g_ptr_array_add(vm->power->observers, o);
    return o;
}

static void observers_sweep(struct VmPower *p)
{
    for (unsigned i = 0; i < p->observers->len && !p->telling;) {
        VmObserver *o = p->observers->pdata[i];

        if (o->ops) {
            i++;
        } else {
            g_ptr_array_remove_index(p->observers, i);
        }
    }
}

void vm_remove_observer(Vm *vm, VmObserver *o)
{
    o->ops = NULL;
    observers_sweep(vm->power);
}

/* Runs a statement for each observer that has this callback. Observers may come and go in it. */
#define TELL(vm_, cb_, ...) \
    do { \
        struct VmPower *p_ = (vm_)->power; \
        p_->telling++; \
        for (unsigned i_ = 0; i_ < p_->observers->len; i_++) { \
            VmObserver *o_ = p_->observers->pdata[i_]; \
            if (o_->ops && o_->ops->cb_) { \
                o_->ops->cb_(__VA_ARGS__); \
            } \
        } \
        p_->telling--; \
        observers_sweep(p_); \
    } while (0)

void power_notify_running(Vm *vm)
{
    TELL(vm, running, o_->opaque);
}

void power_notify_paused(Vm *vm)
{
    TELL(vm, paused, o_->opaque);
}

void vm_tell_powerdown(Vm *vm)
{
    TELL(vm, powerdown, o_->opaque);
}

void vm_add_reset(Vm *vm, int order, void (*fn)(void *opaque), void *opaque)
{
    GArray *a = vm->power->resets;
    ResetHandler h = { order, fn, opaque };
    unsigned at = a->len;

    while (at > 0 && g_array_index(a, ResetHandler, at - 1).order > order) {
        at--;
    }
    g_array_insert_val(a, at, h);
}

void vm_remove_reset(Vm *vm, void (*fn)(void *opaque), void *opaque)
{
    GArray *a = vm->power->resets;

    for (unsigned i = 0; i < a->len; i++) {
        ResetHandler *h = &g_array_index(a, ResetHandler, i);

        if (h->fn == fn && h->opaque == opaque) {
            g_array_remove_index(a, i);
            return;
        }
    }
}

static void reset_cpus(Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        Cpu *cpu = vm->cpus[i];

        atomic_put(&cpu->irq_pending, 0);
        cpu->fetched = REGS_ALL;
        cpu->dirty = true;
        cpu->class->reset(cpu);
    }
}

void power_do_reset(Vm *vm, VmCause cause)
{
    GArray *a = vm->power->resets;
    bool cpus_done = false;

    if (vm->accel && vm->caps.patch_exec) {
        /* Patches must not survive in memory that is loaded anew: the debug core sets its plan
         * again when it is told of the reset. */
        vm_set_plan(vm, &no_plan, NULL);
    }
    vm_lock(vm);
    for (unsigned i = 0; i < a->len; i++) {
        const ResetHandler *h = &g_array_index(a, ResetHandler, i);

        if (h->order >= VM_RESET_CPUS && !cpus_done) {
            cpus_done = true;
            reset_cpus(vm);
        }
        h->fn(h->opaque);
    }
    if (!cpus_done) {
        reset_cpus(vm);
    }
    vm_unlock(vm);
    if (vm->accel && vm->accel->reset) {
        vm->accel->reset(vm);
    }
    vm->run->powered_off = false;
    TELL(vm, reset, o_->opaque, cause);
}

void vm_reset_now(Vm *vm, VmCause cause)
{
    g_assert(!vm_running(vm) && !vm_lock_held(vm));
    power_do_reset(vm, cause);
}

void vm_finish_caught_reset(Vm *vm)
{
    struct VmRun *run = vm->run;

    if (run->reset_caught) {
        run->reset_caught = false;
        power_do_reset(vm, run->caught_cause);
    }
}

static bool cause_is_guest(VmCause c)
{
    return c == VM_CAUSE_GUEST_RESET || c == VM_CAUSE_TRIPLE_FAULT;
}

void vm_request_reset(Vm *vm, VmCause cause)
{
    struct VmRun *run = vm->run;

    if (vm->policy.no_reboot && cause_is_guest(cause)) {
        vm_request_shutdown(vm, cause, 0);
        return;
    }
    mutex_lock(&run->lock);
    if (!(run->requests & REQUEST_RESET)) {
        run->requests |= REQUEST_RESET;
        run->reset_cause = cause;
    }
    run_drain_locked(vm);
    mutex_unlock(&run->lock);
}

void vm_request_shutdown(Vm *vm, VmCause cause, int status)
{
    struct VmRun *run = vm->run;

    mutex_lock(&run->lock);
    if (!(run->requests & REQUEST_SHUTDOWN)) {
        run->requests |= REQUEST_SHUTDOWN;
        run->shutdown_cause = cause;
        run->status = status;
    }
    run_drain_locked(vm);
    mutex_unlock(&run->lock);
}

void vm_request_panic(Vm *vm)
{
    struct VmRun *run = vm->run;

    if (!vm->policy.panic_stops) {
        vm_request_shutdown(vm, VM_CAUSE_GUEST_PANIC, 1);
        return;
    }
    mutex_lock(&run->lock);
    if ((run->nrunning || run->rendezvous) && run->why == STOP_NONE) {
        run->why = STOP_PANIC;
        run_drain_locked(vm);
    }
    mutex_unlock(&run->lock);
}

bool vm_ended(const Vm *vm)
{
    return vm->run->ended;
}

bool vm_powered_off(const Vm *vm)
{
    return vm->run->powered_off;
}

VmCause vm_end_cause(const Vm *vm, int *status)
{
    if (status) {
        *status = vm->run->end_status;
    }
    return vm->run->end_cause;
}

/* Does a wish of the host, or of a guest without -no-shutdown, end the process's machine? */
static bool shutdown_is_final(const Vm *vm)
{
    static const bool host_wish[] = {
        [VM_CAUSE_HOST_QUIT] = true,
        [VM_CAUSE_HOST_SIGNAL] = true,
        [VM_CAUSE_DEBUG_EXIT] = true,
        [VM_CAUSE_ERROR] = true,
    };
    VmCause c = vm->run->end_cause;

    return !vm->policy.no_shutdown || (c < G_N_ELEMENTS(host_wish) && host_wish[c]);
}

static bool handle_shutdown(Vm *vm)
{
    struct VmRun *run = vm->run;

    mutex_lock(&run->lock);
    run->end_cause = run->shutdown_cause;
    run->end_status = run->status;
    mutex_unlock(&run->lock);
    if (shutdown_is_final(vm)) {
        run->ended = true;
        TELL(vm, ended, o_->opaque, run->end_cause, run->end_status);
        return true;
    }
    run->powered_off = true;
    mutex_lock(&run->lock);
    run->why = STOP_SHUTDOWN;
    mutex_unlock(&run->lock);
    return true;
}

bool power_handle_requests(Vm *vm)
{
    struct VmRun *run = vm->run;
    uint32_t requests;
    VmCause cause;

    mutex_lock(&run->lock);
    requests = run->requests;
    cause = run->reset_cause;
    run->requests = 0;
    mutex_unlock(&run->lock);
    if (run->ended) {
        return true;
    }
    if (requests & REQUEST_SHUTDOWN) {
        return handle_shutdown(vm);
    }
    if (requests & REQUEST_RESET) {
        if (run->hooks && run->hooks->reset && run->hooks->reset(run->hooks_opaque, cause)) {
            run->reset_caught = true;
            run->caught_cause = cause;
            return true;
        }
        power_do_reset(vm, cause);
    }
    return run->powered_off;
}
