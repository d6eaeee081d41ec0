/* Interrupts, messages and time under KVM, with the interrupt controllers in this process.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <sys/ioctl.h>

#include "target/i386/kvm_chips.h"
#include "target/i386/lapic.h"
#include "target/i386/msr.h"
#include "target/i386/reset.h"
#include "target/i386/system.h"
#include "util/log.h"
#include "vm/vm.h"

static void forget_events(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);

    k->events = (struct kvm_vcpu_events){ 0 };
    k->requeue = -1;
}

/* INIT and start-up messages. */
static void take_messages(Cpu *cpu, uint32_t pending)
{
    X86State *s = cpu->env;

    if (pending & X86_IRQ_RESYNC) {
        cpu_interrupt_clear(cpu, X86_IRQ_RESYNC);       /* the store has made all anew */
    }
    if (pending & X86_IRQ_INIT) {
        cpu_touch(cpu);
        x86_cpu_init(cpu);
        forget_events(cpu);
        return;
    }
    if (pending & X86_IRQ_SIPI) {
        cpu_interrupt_clear(cpu, X86_IRQ_SIPI);
        if (cpu->power == CPU_POWER_WAIT) {
            cpu_touch(cpu);
            x86_cpu_startup(cpu, atomic_get(&s->sipi_vector));
        }
    }
}

/* The vector to be delivered next, or -1. The bit is cleared before the APIC is looked at: a request
 * that comes in between sets it again. */
static int take_vector(Cpu *cpu, uint32_t pending)
{
    X86State *s = cpu->env;
    X86Kvm *k = x86_kvm(cpu);
    int v = k->requeue;

    if (v >= 0) {
        k->requeue = -1;
        return v;
    }
    if (pending & X86_IRQ_HARD) {
        cpu_interrupt_clear(cpu, X86_IRQ_HARD);
        v = x86_lapic_take(s->lapic);
        if (v >= 0) {
            return v;
        }
    }
    if ((pending & X86_IRQ_EXTINT) && x86_lapic_extint(s->lapic)) {
        return x86_lapic_acknowledge(s->lapic);
    }
    return -1;
}

static bool anything_pending(const Cpu *cpu, uint32_t pending)
{
    const X86State *s = cpu->env;

    return x86_kvm(cpu)->requeue >= 0 || ((pending & X86_IRQ_HARD) && x86_lapic_pending(s->lapic) >= 0) ||
           ((pending & X86_IRQ_EXTINT) && x86_lapic_extint(s->lapic));
}

/* Would the CPU take an interrupt now? Before a run it need not be known: KVM tells when. A step has to
 * know, because what it lets in comes first. */
static bool takes_interrupt(Cpu *cpu, bool step)
{
    X86Kvm *k = x86_kvm(cpu);
    const X86State *s = cpu->env;
    const struct kvm_run *run = kvm_cpu(cpu)->run;

    if (!step) {
        return !k->ready_unknown && run->ready_for_interrupt_injection && run->if_flag;
    }
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
    return (s->eflags & X86_IF) && !(s->mode & (X86_MODE_SHADOW | X86_MODE_SS_SHADOW)) &&
           !k->events.interrupt.injected && !k->events.exception.injected && !k->events.nmi.injected;
}

static void give_interrupts(Cpu *cpu, uint32_t pending, bool step)
{
    struct kvm_run *run = kvm_cpu(cpu)->run;

    if (pending & X86_IRQ_NMI) {
        cpu_interrupt_clear(cpu, X86_IRQ_NMI);
        x86_kvm_do(cpu, KVM_NMI, NULL, "raising NMI");
        cpu->fetched &= ~(RegGroups)REGS_EVENTS;
    }
    if (anything_pending(cpu, pending) && takes_interrupt(cpu, step)) {
        int v = take_vector(cpu, pending);

        if (v >= 0) {
            struct kvm_interrupt irq = { .irq = (uint32_t)v };

            x86_kvm_do(cpu, KVM_INTERRUPT, &irq, "raising an interrupt");
            run->ready_for_interrupt_injection = 0;
            cpu->fetched &= ~(RegGroups)REGS_EVENTS;
        }
    }
    run->request_interrupt_window = !step && anything_pending(cpu, cpu_interrupt_pending(cpu));
}

bool x86_kvm_goes_first(const Cpu *cpu, bool hold, bool step, bool shadowed)
{
    return !hold && !step && (x86_kvm(cpu)->passed || shadowed);
}

KvmReady x86_kvm_prepare(Cpu *cpu, bool hold, bool step)
{
    struct kvm_run *run = kvm_cpu(cpu)->run;
    X86State *s = cpu->env;
    uint32_t pending = cpu_interrupt_pending(cpu);

    if (kvm_of(cpu)->irqchip) {
        return x86_kvm_chips_prepare(cpu, hold, step);
    }
    x86_kvm(cpu)->hold = hold;
    if (pending & (X86_IRQ_RESYNC | X86_IRQ_INIT | X86_IRQ_SIPI)) {
        take_messages(cpu, pending);
    }
    if (cpu->power != CPU_POWER_ON) {
        if (!cpu->class->has_work(cpu) || cpu->power != CPU_POWER_HALTED) {
            return KVM_READY_HALT;
        }
        atomic_put(&cpu->power, (uint32_t)CPU_POWER_ON);
    }
    run->request_interrupt_window = 0;
    kvm_sync(cpu);
    bool first = x86_kvm_goes_first(cpu, hold, step, x86_kvm(cpu)->shadow && anything_pending(cpu, pending));

    if (hold || first) {
        x86_kvm_take_back(cpu);
    } else {
        give_interrupts(cpu, pending, step);
    }
    run->cr8 = x86_kvm(cpu)->cr8 = (uint8_t)x86_lapic_cr8(s->lapic);
    x86_kvm_arm(cpu);
    return first ? KVM_READY_STEP : KVM_READY_RUN;
}

void x86_kvm_left(Cpu *cpu)
{
    X86State *s = cpu->env;
    X86Kvm *k = x86_kvm(cpu);
    const struct kvm_run *run = kvm_cpu(cpu)->run;

    k->ready_unknown = false;
    k->shadow = false;
    k->since_step++;
    k->passed = false;
    if (kvm_of(cpu)->irqchip) {
        return;
    }
    if (run->cr8 != k->cr8) {
        x86_lapic_set_cr8(s->lapic, (unsigned)run->cr8);
    }
    if (run->apic_base != s->apic_base) {
        const char *no = x86_lapic_set_base(s->lapic, run->apic_base);

        if (no) {
            log_guest("IA32_APIC_BASE: %s", no);
        }
    }
}

void x86_kvm_take_back(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);

    cpu_fetch(cpu, REGS_EVENTS);
    bool irq = k->events.interrupt.injected && !k->events.interrupt.soft && k->requeue < 0;
    bool nmi = k->events.nmi.injected || k->events.nmi.pending;

    if (irq) {
        k->requeue = k->events.interrupt.nr;
        k->events.interrupt.injected = 0;
    }
    if (nmi) {
        k->events.nmi.injected = k->events.nmi.pending = 0;
        if (kvm_of(cpu)->irqchip) {
            k->nmi = true;
        } else {
            atomic_or_old(&cpu->irq_pending, X86_IRQ_NMI);
        }
    }
    if (irq || nmi) {
        x86_kvm_put_events(cpu);
    }
}

/* ---- time ---- */

#define TSC_OFFSET_ATTR { .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET }

/* The offset of the guest's TSC to the host's, exact; false: an older kernel (before 5.16). */
static bool tsc_offset(Cpu *cpu, int64_t *offset, bool set)
{
    struct kvm_device_attr a = TSC_OFFSET_ATTR;

    a.addr = (uintptr_t)offset;
    return kvm_ioctl(kvm_cpu(cpu)->fd, set ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR, &a) == 0;
}

static bool tsc_value(Cpu *cpu, uint64_t *value, bool set)
{
    struct kvm_msr_entry m = { .index = X86_MSR_TSC, .data = *value };
    bool ok = x86_kvm_msrs(cpu, set, &m, 1) == 1;

    *value = m.data;
    return ok;
}

/* While time stands the TSC runs on in KVM; when it goes again, it is set to where the VM's clock
 * stopped it. All vCPUs' offsets move by the same amount, so that they stay together. */
static void tsc_stop(KvmVm *kvm)
{
    X86KvmVm *v = kvm->arch_data;
    uint64_t now = 0;
    int64_t late = host_monotonic_ns() - vm_clock_frozen_since(kvm->vm);

    v->frozen = tsc_value(kvm->vm->cpus[0], &now, false);
    v->tsc_frozen = now - clock_muldiv((uint64_t)MAX(late, 0), v->host.tsc_khz, 1000000);
}

static void tsc_go(KvmVm *kvm)
{
    X86KvmVm *v = kvm->arch_data;
    uint64_t now = 0;

    v->frozen = false;
    if (!tsc_value(kvm->vm->cpus[0], &now, false)) {
        return;
    }
    int64_t back = (int64_t)(now - v->tsc_frozen);
    for (unsigned i = 0; i < kvm->vm->ncpus; i++) {
        Cpu *cpu = kvm->vm->cpus[i];
        int64_t offset;

        if (tsc_offset(cpu, &offset, false)) {
            offset -= back;
            tsc_offset(cpu, &offset, true);
        } else if (tsc_value(cpu, &now, false)) {
            now -= (uint64_t)back;
            tsc_value(cpu, &now, true);
        }
    }
}

static bool has_clock(KvmVm *kvm)
{
    return x86_has(kvm->vm->cpus[0]->env, X86_F_KVMCLOCK);
}

/* KVM's clock for guests (kvmclock) goes on from where it stood, and the guest is told that it did stand, so
 * that its watchdogs keep quiet; -EINVAL says that this CPU does not use it. */
static void clock_stop(KvmVm *kvm)
{
    struct kvm_clock_data c = { 0 };

    if (has_clock(kvm) && kvm_ioctl(kvm->fd, KVM_GET_CLOCK, &c) == 0) {
        int64_t late = host_monotonic_ns() - vm_clock_frozen_since(kvm->vm);

        ((X86KvmVm *)kvm->arch_data)->clock_frozen = c.clock - (uint64_t)MAX(late, 0);
    }
}

static void clock_go(KvmVm *kvm)
{
    struct kvm_clock_data c = { .clock = ((X86KvmVm *)kvm->arch_data)->clock_frozen };

    if (!has_clock(kvm)) {
        return;
    }
    kvm_ioctl(kvm->fd, KVM_SET_CLOCK, &c);
    for (unsigned i = 0; i < kvm->vm->ncpus; i++) {
        kvm_ioctl(kvm_cpu(kvm->vm->cpus[i])->fd, KVM_KVMCLOCK_CTRL, NULL);
    }
}

/* The timers of KVM's own local APICs; whether its CPUs are halted is looked at, too. */
static void lapics_freeze(KvmVm *kvm, bool frozen, int64_t late)
{
    for (unsigned i = 0; i < kvm->vm->ncpus; i++) {
        Cpu *cpu = kvm->vm->cpus[i];

        if (!frozen) {
            x86_kvm_lapic_release(cpu);
            continue;
        }
        x86_kvm_lapic_hold(cpu, late);
        if (!cpu->fetched) {
            x86_kvm_power_fetch(cpu);
        }
    }
}

void x86_kvm_freeze(KvmVm *kvm, bool frozen)
{
    const X86KvmVm *v = kvm->arch_data;
    bool was = v->frozen;

    if (frozen && !v->frozen) {
        tsc_stop(kvm);
        clock_stop(kvm);
    } else if (!frozen && v->frozen) {
        tsc_go(kvm);
        clock_go(kvm);
    }
    if (kvm->irqchip) {
        lapics_freeze(kvm, frozen, was ? -1 : host_monotonic_ns() - vm_clock_frozen_since(kvm->vm));
    }
}
