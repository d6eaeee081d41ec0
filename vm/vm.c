/* The machine object: making, its lock, its executor and its vCPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/vm.h"

#include <sched.h>

#include "util/error.h"
#include "vm/run_int.h"

/* Whose lock this thread holds, and how often. A thread works for one machine at a time. */
static __thread const Vm *locked_vm;
static __thread unsigned locked_depth;

/* A guest that polls a device takes and drops the lock without a pause, and the host's mutex is
 * not fair: without this the main loop could wait for it for a long time. */
static void give_way(Vm *vm)
{
    for (unsigned i = 0; i < 100 && atomic_get_relaxed(&vm->lock_wanted); i++) {
        sched_yield();
    }
}

void vm_lock(Vm *vm)
{
    if (locked_depth && locked_vm == vm) {
        locked_depth++;
        return;
    }
    g_assert(!locked_depth);
    if (cpu_current()) {
        give_way(vm);
        mutex_lock(&vm->lock);
    } else {
        atomic_add_old(&vm->lock_wanted, 1);
        mutex_lock(&vm->lock);
        atomic_add_old(&vm->lock_wanted, -1);
    }
    locked_vm = vm;
    locked_depth = 1;
}

void vm_unlock(Vm *vm)
{
    g_assert(locked_depth && locked_vm == vm);
    if (--locked_depth == 0) {
        mutex_unlock(&vm->lock);
    }
}

bool vm_lock_held(const Vm *vm)
{
    return locked_depth && locked_vm == vm;
}

Vm *vm_new(void)
{
    Vm *vm = g_new0(Vm, 1);

    mutex_init(&vm->lock);
    vm->policy.panic_stops = true;
    run_init(vm);
    clock_init(vm);
    power_init(vm);
    return vm;
}

void vm_free(Vm *vm)
{
    if (!vm) {
        return;
    }
    run_fini(vm);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        cpu_free(vm->cpus[i]);
    }
    vm->ncpus = 0;      /* the executor's fini must not look at them */
    if (vm->accel && vm->accel->fini) {
        vm->accel->fini(vm);
    }
    power_fini(vm);
    clock_fini(vm);
    mutex_destroy(&vm->lock);
    g_free(vm);
}

bool vm_set_accel(Vm *vm, const AccelOps *ops, const CpuClass *class, const char *options,
                  GError **errp)
{
    g_assert(!vm->accel && vm->ncpus == 0);
    if (ops->probe && !ops->probe(class, errp)) {
        return false;
    }
    vm->accel = ops;
    if (ops->init && !ops->init(vm, class, options, &vm->caps, errp)) {
        vm->accel = NULL;
        return false;
    }
    /* An executor that steps or knows points, and has forgotten to say so? */
    g_assert(vm->caps.executes || !(vm->caps.step || vm->caps.native_exec ||
                                    vm->caps.patch_exec || vm->caps.exec_slots));
    return true;
}

Cpu *vm_add_cpu(Vm *vm, const CpuClass *class, const char *model, GError **errp)
{
    g_assert(vm->accel && !vm->run->started);
    if (vm->ncpus == VM_MAX_CPUS) {
        error_set(errp, INVALID, "a machine has at most %d vCPUs", VM_MAX_CPUS);
        return NULL;
    }
    Cpu *cpu = cpu_new(class, vm, vm->ncpus, vm->accel->vcpu_size, model, errp);
    if (cpu) {
        vm->cpus[vm->ncpus++] = cpu;
    }
    return cpu;
}
