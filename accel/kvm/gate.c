/* Who is in the guest, and exclusive sections, which keep all others out of it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/kvm_int.h"

#include "vm/vm.h"

void kvm_gate_enter(Cpu *cpu)
{
    KvmVm *kvm = kvm_of(cpu);
    KvmCpu *kc = kvm_cpu(cpu);

    if (kc->exclusive) {
        return;
    }
    for (;;) {
        atomic_put(&kc->in_guest, 1);
        if (!atomic_get(&kvm->closed)) {
            return;
        }
        mutex_lock(&kvm->gate_lock);
        atomic_put(&kc->in_guest, 0);
        cond_broadcast(&kvm->gate);
        while (atomic_get(&kvm->closed)) {
            cond_wait(&kvm->gate, &kvm->gate_lock);
        }
        mutex_unlock(&kvm->gate_lock);
    }
}

void kvm_gate_leave(Cpu *cpu)
{
    KvmVm *kvm = kvm_of(cpu);
    KvmCpu *kc = kvm_cpu(cpu);

    if (kc->exclusive) {
        return;
    }
    atomic_put(&kc->in_guest, 0);
    if (atomic_get(&kvm->closed)) {
        mutex_lock(&kvm->gate_lock);
        cond_broadcast(&kvm->gate);
        mutex_unlock(&kvm->gate_lock);
    }
}

static bool others_in_guest(Cpu *cpu)
{
    for (unsigned i = 0; i < cpu->vm->ncpus; i++) {
        if (cpu->vm->cpus[i] != cpu && atomic_get(&kvm_cpu(cpu->vm->cpus[i])->in_guest)) {
            return true;
        }
    }
    return false;
}

void kvm_exclusive_begin(Cpu *cpu)
{
    KvmVm *kvm = kvm_of(cpu);

    g_assert(!vm_lock_held(cpu->vm));
    mutex_lock(&kvm->exclusive);
    kvm_cpu(cpu)->exclusive = true;
    atomic_put(&kvm->closed, 1);
    for (unsigned i = 0; i < cpu->vm->ncpus; i++) {
        if (cpu->vm->cpus[i] != cpu) {
            kvm_kick(cpu->vm->cpus[i]);
        }
    }
    mutex_lock(&kvm->gate_lock);
    while (others_in_guest(cpu)) {
        cond_wait(&kvm->gate, &kvm->gate_lock);
    }
    mutex_unlock(&kvm->gate_lock);
}

void kvm_exclusive_end(Cpu *cpu)
{
    KvmVm *kvm = kvm_of(cpu);

    mutex_lock(&kvm->gate_lock);
    atomic_put(&kvm->closed, 0);
    cond_broadcast(&kvm->gate);
    mutex_unlock(&kvm->gate_lock);
    kvm_cpu(cpu)->exclusive = false;
    mutex_unlock(&kvm->exclusive);
}
