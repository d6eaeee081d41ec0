/* The gate to generated code: who is in it, and exclusive sections, which close it for all others.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/gate.h"

#include "vm/vm.h"

void gate_enter(Cpu *cpu)
{
    TcgState *tcg = tcg_state(cpu);
    TcgCpu *tc = tcg_cpu(cpu);

    for (;;) {
        atomic_put(&tc->in_code, 1);
        if (!atomic_get(&tcg->closed)) {
            return;
        }
        mutex_lock(&tcg->gate_lock);
        atomic_put(&tc->in_code, 0);
        cond_broadcast(&tcg->gate);
        while (atomic_get(&tcg->closed)) {
            cond_wait(&tcg->gate, &tcg->gate_lock);
        }
        mutex_unlock(&tcg->gate_lock);
    }
}

void gate_leave(Cpu *cpu)
{
    TcgState *tcg = tcg_state(cpu);

    atomic_put(&tcg_cpu(cpu)->in_code, 0);
    if (G_UNLIKELY(atomic_get(&tcg->closed))) {
        mutex_lock(&tcg->gate_lock);
        cond_broadcast(&tcg->gate);
        mutex_unlock(&tcg->gate_lock);
    }
}

static bool others_in_code(Cpu *cpu)
{
    for (unsigned i = 0; i < cpu->vm->ncpus; i++) {
        if (cpu->vm->cpus[i] != cpu && atomic_get(&tcg_cpu(cpu->vm->cpus[i])->in_code)) {
            return true;
        }
    }
    return false;
}

void tcg_exclusive_begin(Cpu *cpu)
{
    TcgState *tcg = tcg_state(cpu);
    TcgCpu *tc = tcg_cpu(cpu);

    tc->was_in_code = atomic_get(&tc->in_code);
    gate_leave(cpu);
    mutex_lock(&tcg->exclusive);
    tc->exclusive = true;
    atomic_put(&tcg->closed, 1);
    for (unsigned i = 0; i < cpu->vm->ncpus; i++) {
        if (cpu->vm->cpus[i] != cpu) {
            atomic_or_old(&cpu->vm->cpus[i]->attn, CPU_ATTN_ACCEL);
        }
    }
    mutex_lock(&tcg->gate_lock);
    while (others_in_code(cpu)) {
        cond_wait(&tcg->gate, &tcg->gate_lock);
    }
    mutex_unlock(&tcg->gate_lock);
}

void tcg_exclusive_end(Cpu *cpu)
{
    TcgState *tcg = tcg_state(cpu);
    TcgCpu *tc = tcg_cpu(cpu);

    mutex_lock(&tcg->gate_lock);
    atomic_put(&tcg->closed, 0);
    cond_broadcast(&tcg->gate);
    mutex_unlock(&tcg->gate_lock);
    tc->exclusive = false;
    mutex_unlock(&tcg->exclusive);
    if (tc->was_in_code) {
        gate_enter(cpu);
    }
}
