/* KVM's own local APICs: their picture here, their timers over a stop, what is to do before an entry.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "target/i386/kvm_chips.h"
#include "target/i386/lapic_int.h"
#include "target/i386/mmu.h"
#include "target/i386/msr.h"
#include "util/bytes.h"

/* Offsets of registers (SDM vol. 3, table 11-1). */
enum {
    AT_ID = 0x20, AT_TPR = 0x80, AT_LDR = 0xd0, AT_DFR = 0xe0, AT_SVR = 0xf0, AT_ISR = 0x100, AT_TMR = 0x180,
    AT_IRR = 0x200, AT_ESR = 0x280, AT_ICR = 0x300, AT_ICR_HIGH = 0x310, AT_LVT = 0x320, AT_INITIAL = 0x380,
    AT_CURRENT = 0x390, AT_DIVIDE = 0x3e0,
};

#define STEP 0x10           /* from one register to the next */
#define POLL_US 1000

static uint32_t reg_get(const struct kvm_lapic_state *a, unsigned at)
{
    return load_le32(a->regs + at);
}

static void reg_put(struct kvm_lapic_state *a, unsigned at, uint32_t v)
{
    store_le32(a->regs + at, v);
}

static void get_lapic(Cpu *cpu, struct kvm_lapic_state *a)
{
    x86_kvm_do(cpu, KVM_GET_LAPIC, a, "reading the local APIC");
}

static void put_lapic(Cpu *cpu, struct kvm_lapic_state *a)
{
    x86_kvm_do(cpu, KVM_SET_LAPIC, a, "writing the local APIC");
}

/* 0 where the CPU has no such register, too. */
static uint64_t get_deadline(Cpu *cpu)
{
    struct kvm_msr_entry m = { .index = X86_MSR_TSC_DEADLINE };

    return x86_kvm_msrs(cpu, false, &m, 1) == 1 ? m.data : 0;
}

static void put_deadline(Cpu *cpu, uint64_t v)
{
    struct kvm_msr_entry m = { .index = X86_MSR_TSC_DEADLINE, .data = v };

    x86_kvm_msrs(cpu, true, &m, 1);
}

/* ---- whether it executes ---- */

void x86_kvm_power_fetch(Cpu *cpu)
{
    struct kvm_mp_state m;
    CpuPower power;

    x86_kvm_do(cpu, KVM_GET_MP_STATE, &m, "reading whether it is halted");
    switch (m.mp_state) {
    case KVM_MP_STATE_RUNNABLE:
        power = CPU_POWER_ON;
        break;
    case KVM_MP_STATE_HALTED:
        power = CPU_POWER_HALTED;
        break;
    default:
        power = CPU_POWER_WAIT;
        break;
    }
    atomic_put(&cpu->power, (uint32_t)power);
}

static void put_power(Cpu *cpu, CpuPower power)
{
    struct kvm_mp_state m = {
        .mp_state = power == CPU_POWER_ON ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_INIT_RECEIVED,
    };

    x86_kvm_do(cpu, KVM_SET_MP_STATE, &m, "writing whether it is halted");
    atomic_put(&cpu->power, (uint32_t)power);
}

/* ---- the picture ---- */

/* The timer's fields, so that they tell this count at this moment. */
static void picture_timer(X86Lapic *l, uint32_t initial, uint32_t current)
{
    unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);
    int64_t tick = INT64_C(1) << ((code + 1) & 7);

    l->initial = initial;
    l->expire_ns = -1;
    if (current) {
        l->expire_ns = vm_clock_ns(l->cpu->vm) + current * tick;
        l->start_ns = l->expire_ns - initial * tick;
    }
}

void x86_kvm_lapic_fetch(Cpu *cpu)
{
    X86State *s = cpu->env;
    X86Lapic *l = s->lapic;
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_lapic_state a;

    get_lapic(cpu, &a);
    for (unsigned i = 0; i < 8; i++) {
        l->isr[i] = reg_get(&a, AT_ISR + i * STEP);
        l->tmr[i] = reg_get(&a, AT_TMR + i * STEP);
        l->irr[i] = reg_get(&a, AT_IRR + i * STEP);
    }
    for (unsigned i = 0; i < X86_NUM_LVT; i++) {
        l->lvt[i] = reg_get(&a, AT_LVT + i * STEP);
    }
    l->mode = !(s->apic_base & X86_APIC_BASE_ENABLE) ? X86_APIC_OFF
            : s->apic_base & X86_APIC_BASE_X2 ? X86_APIC_X2 : X86_APIC_X1;
    l->id = reg_get(&a, AT_ID) >> 24;
    l->tpr = reg_get(&a, AT_TPR);
    l->ldr = reg_get(&a, AT_LDR);
    l->dfr = reg_get(&a, AT_DFR);
    l->svr = reg_get(&a, AT_SVR);
    l->esr = reg_get(&a, AT_ESR);
    l->icr = reg_get(&a, AT_ICR);
    l->icr_dest = l->mode == X86_APIC_X2 ? reg_get(&a, AT_ICR_HIGH) : reg_get(&a, AT_ICR_HIGH) >> 24;
    l->divide = reg_get(&a, AT_DIVIDE);
    if (k->timer.held && k->timer.current) {
        picture_timer(l, k->timer.initial, k->timer.current);
    } else {
        picture_timer(l, reg_get(&a, AT_INITIAL), reg_get(&a, AT_CURRENT));
    }
    l->deadline = get_deadline(cpu);
    if (k->timer.held && !l->deadline) {
        l->deadline = k->timer.deadline;
    }
    k->deadline = l->deadline;
}

void x86_kvm_lapic_store(Cpu *cpu)
{
    const X86State *s = cpu->env;
    X86Kvm *k = x86_kvm(cpu);
    uint64_t deadline = s->lapic->deadline;

    if (deadline == k->deadline) {
        return;
    }
    k->deadline = deadline;
    if (k->timer.held) {
        k->timer.deadline = deadline;
        deadline = 0;
    }
    put_deadline(cpu, deadline);
}

/* KVM_SET_LAPIC loses what arrives meanwhile, and is therefore for a machine that stands. */
void x86_kvm_lapic_reset(Cpu *cpu)
{
    const X86State *s = cpu->env;
    const X86Lapic *l = s->lapic;
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_lapic_state a;
    struct kvm_sregs r;
    uint32_t power = cpu->power;

    x86_kvm_power_fetch(cpu);       /* messages on their way end here */
    x86_kvm_do(cpu, KVM_GET_SREGS, &r, "reading system registers");
    r.apic_base = s->apic_base;
    r.cr8 = 0;
    memset(r.interrupt_bitmap, 0, sizeof(r.interrupt_bitmap));
    x86_kvm_do(cpu, KVM_SET_SREGS, &r, "writing system registers");
    get_lapic(cpu, &a);
    for (unsigned i = 0; i < 8; i++) {
        reg_put(&a, AT_ISR + i * STEP, 0);
        reg_put(&a, AT_TMR + i * STEP, 0);
        reg_put(&a, AT_IRR + i * STEP, 0);
    }
    for (unsigned i = 0; i < X86_NUM_LVT; i++) {
        reg_put(&a, AT_LVT + i * STEP, l->lvt[i]);
    }
    reg_put(&a, AT_ID, l->id << 24);
    reg_put(&a, AT_TPR, 0);
    reg_put(&a, AT_LDR, l->ldr);
    reg_put(&a, AT_DFR, l->dfr);
    reg_put(&a, AT_SVR, l->svr);
    reg_put(&a, AT_ESR, 0);
    reg_put(&a, AT_ICR, 0);
    reg_put(&a, AT_ICR_HIGH, 0);
    reg_put(&a, AT_INITIAL, 0);
    reg_put(&a, AT_CURRENT, 0);
    reg_put(&a, AT_DIVIDE, 0);
    put_deadline(cpu, 0);
    put_lapic(cpu, &a);
    put_power(cpu, (CpuPower)power);
    k->nmi = k->timer.held = false;
    k->deadline = 0;
}

/* ---- the timer over a stop ---- */

void x86_kvm_lapic_hold(Cpu *cpu, int64_t late)
{
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_lapic_state a;

    if (k->timer.held) {
        return;
    }
    get_lapic(cpu, &a);
    uint32_t divide = reg_get(&a, AT_DIVIDE), initial = reg_get(&a, AT_INITIAL);
    uint64_t current = reg_get(&a, AT_CURRENT);
    unsigned shift = (((divide & 3) | (divide >> 1 & 4)) + 1) & 7;

    if (late < 0 && initial == k->timer.initial && current && current < k->timer.current) {
        current = k->timer.current;
    }
    k->timer.held = true;
    k->timer.initial = initial;
    k->timer.deadline = get_deadline(cpu);
    if (current) {
        /* It may have gone round since the clock was stopped: then that is yet to come. */
        current += (uint64_t)MAX(late, 0) >> shift;
        current = current > initial ? MAX(current - initial, 1) : current;
        reg_put(&a, AT_INITIAL, 0);
        reg_put(&a, AT_CURRENT, 0);
        put_lapic(cpu, &a);
    }
    k->timer.current = (uint32_t)MIN(current, initial);
    if (k->timer.deadline) {
        put_deadline(cpu, 0);
    }
}

/* What the guest itself has set meanwhile, in steps, stays. */
void x86_kvm_lapic_release(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_lapic_state a;

    if (!k->timer.held) {
        return;
    }
    k->timer.held = false;
    if (k->timer.current) {
        get_lapic(cpu, &a);
        if (!reg_get(&a, AT_INITIAL)) {
            reg_put(&a, AT_INITIAL, k->timer.initial);
            reg_put(&a, AT_CURRENT, k->timer.current);
            put_lapic(cpu, &a);
        }
    }
    if (k->timer.deadline && !get_deadline(cpu)) {
        put_deadline(cpu, k->timer.deadline);
    }
}

/* ---- before an entry ---- */

/* Could an interrupt come in before the next instruction? */
static bool is_open(Cpu *cpu)
{
    const X86State *s = cpu->env;
    const struct kvm_vcpu_events *v = &x86_kvm(cpu)->events;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
    return (s->eflags & X86_IF) && !(s->mode & (X86_MODE_SHADOW | X86_MODE_SS_SHADOW)) &&
           !v->interrupt.injected && !v->exception.injected && !v->exception.pending && !v->nmi.injected;
}

int x86_kvm_next_interrupt(Cpu *cpu)
{
    const X86State *s = cpu->env;
    int v = -1;

    /* Without execute breakpoints nothing would end a step at the handler: steps hold interrupts then. */
    if (!x86_kvm_vm(cpu)->caps.exec || !is_open(cpu)) {
        return -1;
    }
    if (x86_lapic_extint(s->lapic)) {
        v = x86_kvm_pic_vector(kvm_of(cpu));
    }
    return v >= 0 ? v : x86_lapic_pending(s->lapic);
}

/* Gives KVM what was taken back from it. False: it cannot be delivered now. */
static bool give_back(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);

    if (k->nmi) {
        k->nmi = false;
        x86_kvm_do(cpu, KVM_NMI, NULL, "raising NMI");
        cpu->fetched &= ~(RegGroups)REGS_EVENTS;
    }
    if (k->requeue < 0) {
        return true;
    }
    if (!is_open(cpu)) {
        return false;
    }
    k->events.interrupt.injected = 1;
    k->events.interrupt.soft = 0;
    k->events.interrupt.nr = (uint8_t)k->requeue;
    k->requeue = -1;
    x86_kvm_put_events(cpu);
    return true;
}

/* The NMI line leads to LINT1. */
static void take_nmi_line(Cpu *cpu)
{
    const X86Lapic *l = ((const X86State *)cpu->env)->lapic;
    uint32_t lvt;

    cpu_interrupt_clear(cpu, X86_IRQ_NMI);
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
    lvt = l->lvt[X86_LVT_LINT1];
    if (l->mode == X86_APIC_OFF || (!(lvt & LVT_MASKED) && (lvt >> 8 & 7) == INTC_MODE_NMI)) {
        x86_kvm_do(cpu, KVM_NMI, NULL, "raising NMI");
        cpu->fetched &= ~(RegGroups)REGS_EVENTS;
    }
}

/* A halted CPU that is to be stepped: KVM wakes it, and comes out at a breakpoint at its pc before it
 * executes anything, with interrupts held. In the step itself, which keeps all others out of the guest,
 * nobody would wake it. */
static void wait_halted(Cpu *cpu)
{
    X86DrMerge m = { 0 };
    VcpuExit e = { 0 };

    if (!x86_kvm_vm(cpu)->caps.exec) {
        put_power(cpu, CPU_POWER_ON);
        return;
    }
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    m.slot[0] = (X86DrPoint){ .on = true, .kind = X86_DR_EXEC, .len = 1, .addr = cpu_pc(cpu) };
    m.dr7 = x86_dr_put(X86_DR7_FIXED, 0, &m.slot[0]);
    x86_kvm_arm_with(cpu, KVM_GUESTDBG_BLOCKIRQ | KVM_GUESTDBG_USE_HW_BP, &m, false);
    kvm_enter(cpu, &e);
    g_free(e.error);
    x86_kvm_power_fetch(cpu);
}

/* Before a step. False: it does not execute. */
static bool is_awake(Cpu *cpu)
{
    x86_kvm_power_fetch(cpu);
    if (cpu->power == CPU_POWER_HALTED) {
        wait_halted(cpu);
    } else if (cpu->power == CPU_POWER_WAIT) {
        g_usleep(POLL_US);      /* a start-up message is taken in when we look again */
        x86_kvm_power_fetch(cpu);
        cpu->fetched = 0;
    }
    return cpu->power == CPU_POWER_ON;
}

KvmReady x86_kvm_chips_prepare(Cpu *cpu, bool hold, bool step)
{
    X86Kvm *k = x86_kvm(cpu);
    uint32_t pending = cpu_interrupt_pending(cpu);
    bool first = x86_kvm_goes_first(cpu, hold, step, k->shadow);

    cpu_interrupt_clear(cpu, pending & ~(uint32_t)X86_IRQ_NMI);
    kvm_sync(cpu);
    if (!k->timer.deadline) {
        x86_kvm_lapic_release(cpu);     /* a step while the clock stands; a deadline waits for the clock */
    }
    if ((hold || step) && !is_awake(cpu)) {
        return KVM_READY_HALT;
    }
    k->hold = hold || first;
    if (k->hold) {
        x86_kvm_take_back(cpu);
    } else {
        if (pending & X86_IRQ_NMI) {
            take_nmi_line(cpu);
        }
        k->hold = first = !give_back(cpu);
    }
    x86_kvm_arm(cpu);
    return first ? KVM_READY_STEP : KVM_READY_RUN;
}

void x86_kvm_chips_nmi(KvmVm *kvm)
{
    for (unsigned i = 0; i < kvm->vm->ncpus; i++) {
        cpu_interrupt(kvm->vm->cpus[i], X86_IRQ_NMI);
    }
}
