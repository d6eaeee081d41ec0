/* Running a vCPU until there is something to tell.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/exec.h"

void kvm_settle(Cpu *cpu, VcpuExit *e)
{
    while (!kvm_cpu(cpu)->held && !kvm_complete(cpu) && kvm_serve(cpu, e)) {
    }
}

/* What a run that leaves with hits ends with. */
static ExitKind kind_of(const VcpuExit *e)
{
    return e->kind == EXIT_EVENT ? EXIT_EVENT : EXIT_POINT;
}

KvmStep kvm_step(Cpu *cpu, VcpuExit *e)
{
    KvmVm *kvm = kvm_of(cpu);
    KvmStep r;

    kvm_settle(cpu, e);
    kvm_exclusive_begin(cpu);
    kvm_patches_lift(kvm);
    r = kvm->arch->step(cpu, e);
    kvm_settle(cpu, e);
    if (r != KVM_STEP_KICK) {
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    }
    kvm_watches_check(cpu, r == KVM_STEP_DONE, e);
    kvm_patches_restore(kvm);
    kvm_reprotect(kvm);
    kvm_exclusive_end(cpu);
    return r;
}

/* One entry. True: *e is to be returned. */
static bool run_once(Cpu *cpu, VcpuExit *e)
{
    switch (kvm_enter(cpu, e)) {
    case KVM_ENTER_KICK:
        return false;
    case KVM_ENTER_ERROR:
        return true;
    case KVM_ENTER_FAULT:
        if (kvm_step(cpu, e) == KVM_STEP_EXIT) {
            return true;
        }
        break;
    case KVM_ENTER_EXIT:
        if (!kvm_serve(cpu, e)) {
            return kvm_of(cpu)->arch->exit(cpu, e);
        }
        break;
    }
    if (e->nhit) {
        kvm_settle(cpu, e);
        e->kind = kind_of(e);
        return true;
    }
    return false;
}

/* A step that was asked for, or the one over the point at the pc. True: *e is to be returned. */
static bool step_once(Cpu *cpu, bool asked, VcpuExit *e)
{
    switch (kvm_step(cpu, e)) {
    case KVM_STEP_KICK:
        return false;
    case KVM_STEP_EXIT:
        e->skip_left = false;
        e->step_done = asked && e->kind == EXIT_HALT;
        return true;
    case KVM_STEP_DONE:
        break;
    }
    e->skip_left = false;
    e->step_done = asked;
    e->kind = e->nhit ? kind_of(e) : EXIT_STEP;
    return asked || e->nhit;
}

/* The guest runs freely again: pages barred for a step are open to it. */
static void unbar(Cpu *cpu)
{
    if (kvm_any_barred(kvm_of(cpu))) {
        kvm_exclusive_begin(cpu);
        kvm_bar(cpu, 0, 0);
        kvm_exclusive_end(cpu);
    }
}

/* The write that was told at the last exit. True: it was the step that was asked for. */
static bool release(Cpu *cpu, const RunArgs *args, VcpuExit *e)
{
    bool made = kvm_port_release(cpu);

    kvm_settle(cpu, e);
    e->skip_left = e->skip_left && !made;
    e->step_done = made && args->step;
    e->kind = e->nhit ? kind_of(e) : e->step_done ? EXIT_STEP : EXIT_KICK;
    return e->step_done || e->nhit;
}

static VcpuExit run_on(Cpu *cpu, const RunArgs *args)
{
    KvmVm *kvm = kvm_of(cpu);
    KvmCpu *kc = kvm_cpu(cpu);
    VcpuExit e = { .kind = EXIT_KICK, .skip_left = args->skip_here };

    if (kc->held && release(cpu, args, &e)) {
        return e;
    }
    for (;;) {
        atomic_put(&kc->run->immediate_exit, 0);
        if (atomic_get(&cpu->attn) & CPU_ATTN_EXIT) {
            break;
        }
        KvmReady ready = kvm->arch->prepare(cpu, e.skip_left || (args->step && args->mask_irq), args->step);

        if (ready == KVM_READY_HALT) {
            e.kind = EXIT_HALT;
            break;
        }
        if (args->step || e.skip_left || ready == KVM_READY_STEP) {
            if (step_once(cpu, args->step, &e)) {
                return e;
            }
            e.kind = EXIT_KICK;
            continue;
        }
        unbar(cpu);
        if (run_once(cpu, &e)) {
            return e;
        }
    }
    kvm_settle(cpu, &e);
    if (e.nhit) {
        e.kind = kind_of(&e);
    }
    return e;
}

VcpuExit kvm_vcpu_run(Cpu *cpu, const RunArgs *args)
{
    VcpuExit e = run_on(cpu, args);

    if (kvm_cpu(cpu)->held) {
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        kvm_cpu(cpu)->held_pc = cpu_pc(cpu);
    }
    return e;
}
