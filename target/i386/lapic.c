/* The local APIC's heart: requests, priorities, messages between CPUs (SDM vol. 3, chapter 11).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/lapic.h"

#include <string.h>

#include "target/i386/cpuid.h"
#include "target/i386/lapic_int.h"
#include "target/i386/x86.h"
#include "util/log.h"
#include "vm/vm.h"

static X86Lapic *lapic_of(const Cpu *cpu)
{
    return x86_state(cpu)->lapic;
}

static void bit_set(uint32_t *map, unsigned n)
{
    atomic_or_old(&map[n / 32], 1u << (n % 32));
}

static void bit_clear(uint32_t *map, unsigned n)
{
    atomic_and_old(&map[n / 32], ~(1u << (n % 32)));
}

static bool bit_get(const uint32_t *map, unsigned n)
{
    return atomic_get_relaxed(&map[n / 32]) >> (n % 32) & 1;
}

static int bit_highest(const uint32_t *map)
{
    for (int i = 7; i >= 0; i--) {
        uint32_t w = atomic_get(&map[i]);

        if (w) {
            return i * 32 + 31 - __builtin_clz(w);
        }
    }
    return -1;
}

/* ---- requests and priorities ---- */

static unsigned priority(const X86Lapic *l)
{
    int isr = bit_highest(l->isr);
    unsigned class = isr < 0 ? 0 : (unsigned)isr >> 4;

    return l->tpr >> 4 >= class ? l->tpr : class << 4;
}

uint32_t lapic_ppr(const X86Lapic *l)
{
    return priority(l);
}

int x86_lapic_pending(const X86Lapic *l)
{
    int v = bit_highest(l->irr);

    return v >= 0 && l->mode != X86_APIC_OFF && (unsigned)v >> 4 > priority(l) >> 4 ? v : -1;
}

int x86_lapic_take(X86Lapic *l)
{
    int v = x86_lapic_pending(l);

    if (v >= 0) {
        bit_clear(l->irr, (unsigned)v);
        bit_set(l->isr, (unsigned)v);
    }
    return v;
}

void lapic_update(X86Lapic *l)
{
    if (x86_lapic_pending(l) >= 0) {
        cpu_interrupt(l->cpu, X86_IRQ_HARD);
    }
}

void lapic_eoi(X86Lapic *l)
{
    int v = bit_highest(l->isr);

    if (v < 0) {
        return;
    }
    bit_clear(l->isr, (unsigned)v);
    if (bit_get(l->tmr, (unsigned)v) && l->chip) {
        vm_lock(l->cpu->vm);
        l->chip->eoi(l->chip_opaque, (uint8_t)v);
        vm_unlock(l->cpu->vm);
    }
    lapic_update(l);
}

void lapic_error(X86Lapic *l, uint32_t bit)
{
    uint32_t old = atomic_or_old(&l->esr_new, bit);

    if (!(old & bit) && !(atomic_get_relaxed(&l->lvt[X86_LVT_ERROR]) & LVT_MASKED)) {
        uint8_t vector = atomic_get_relaxed(&l->lvt[X86_LVT_ERROR]) & 0xff;

        if (vector >= 16) {
            lapic_accept(l, INTC_MODE_FIXED, vector, INTC_TRIGGER_EDGE);
        }
    }
}

static bool accept_fixed(X86Lapic *l, uint8_t vector, IntcTrigger trigger)
{
    if (atomic_get_relaxed(&l->mode) == X86_APIC_OFF ||
        !(atomic_get_relaxed(&l->svr) & SVR_ENABLE)) {
        return false;
    }
    if (vector < 16) {
        lapic_error(l, ESR_RECEIVE_VECTOR);
        return true;
    }
    if (trigger == INTC_TRIGGER_LEVEL) {
        bit_set(l->tmr, vector);
    } else {
        bit_clear(l->tmr, vector);
    }
    bit_set(l->irr, vector);
    cpu_interrupt(l->cpu, X86_IRQ_HARD);
    return true;
}

bool lapic_accept(X86Lapic *l, IntcMode mode, uint8_t vector, IntcTrigger trigger)
{
    switch (mode) {
    case INTC_MODE_FIXED:
    case INTC_MODE_LOWEST:
        return accept_fixed(l, vector, trigger);
    case INTC_MODE_NMI:
        cpu_interrupt(l->cpu, X86_IRQ_NMI);
        return true;
    case INTC_MODE_INIT:
        cpu_interrupt(l->cpu, X86_IRQ_INIT);
        return true;
    case INTC_MODE_STARTUP:
        atomic_put(&x86_state(l->cpu)->sipi_vector, vector);
        cpu_interrupt(l->cpu, X86_IRQ_SIPI);
        return true;
    case INTC_MODE_EXTINT:
        cpu_interrupt(l->cpu, X86_IRQ_EXTINT);
        return true;
    default:
        log_guest("cpu %u: interrupt message of mode %d: there is no SMM", l->cpu->index, mode);
        return false;
    }
}

void lapic_local(X86Lapic *l, unsigned n)
{
    uint32_t lvt = atomic_get_relaxed(&l->lvt[n]);

    if (!(lvt & LVT_MASKED)) {
        lapic_accept(l, (IntcMode)(lvt >> 8 & 7), lvt & 0xff, INTC_TRIGGER_EDGE);
    }
}

/* ---- messages ---- */

static bool match_logical(const X86Lapic *l, uint32_t dest)
{
    uint32_t ldr = atomic_get_relaxed(&l->ldr);

    if (atomic_get_relaxed(&l->mode) == X86_APIC_X2) {
        return dest >> 16 == ldr >> 16 && (dest & ldr & 0xffff);
    }
    if (dest > 0xff) {
        return false;
    }
    if (atomic_get_relaxed(&l->dfr) >> 28 == 0xf) {
        return dest & ldr >> 24;
    }
    return (dest >> 4 == 0xf || dest >> 4 == ldr >> 28) && (dest & ldr >> 24 & 0xf);
}

static bool match(const X86Lapic *l, const IntcMessage *m, bool everybody)
{
    if (everybody) {
        return true;
    }
    return m->logical ? match_logical(l, m->dest) : atomic_get_relaxed(&l->id) == m->dest;
}

/* Of the CPUs that match, the one with the lowest task priority; equal ones take turns by vector. */
static X86Lapic *lowest(Vm *vm, const IntcMessage *m, bool everybody)
{
    X86Lapic *best = NULL;

    for (unsigned i = 0; i < vm->ncpus; i++) {
        X86Lapic *l = lapic_of(vm->cpus[(i + m->vector) % vm->ncpus]);

        if (match(l, m, everybody) && (atomic_get_relaxed(&l->svr) & SVR_ENABLE) &&
            (!best || atomic_get_relaxed(&l->tpr) < atomic_get_relaxed(&best->tpr))) {
            best = l;
        }
    }
    return best;
}

bool lapic_broadcast(Vm *vm, const IntcMessage *m, bool everybody)
{
    bool any = false;

    if (m->mode == INTC_MODE_INIT && m->trigger == INTC_TRIGGER_LEVEL && !m->level) {
        return true;        /* de-assert: nothing since the Pentium */
    }
    if (m->mode == INTC_MODE_LOWEST) {
        X86Lapic *l = lowest(vm, m, everybody);

        return l && lapic_accept(l, m->mode, m->vector, m->trigger);
    }
    for (unsigned i = 0; i < vm->ncpus; i++) {
        X86Lapic *l = lapic_of(vm->cpus[i]);

        if (match(l, m, everybody)) {
            any |= lapic_accept(l, m->mode, m->vector, m->trigger);
        }
    }
    return any;
}

void lapic_send(X86Lapic *l, uint32_t icr, uint32_t dest)
{
    bool x2 = l->mode == X86_APIC_X2;
    unsigned shorthand = icr >> 18 & 3;
    IntcMessage m = { .dest = dest, .logical = icr >> 11 & 1, .mode = (IntcMode)(icr >> 8 & 7),
                      .vector = icr & 0xff, .trigger = (IntcTrigger)(icr >> 15 & 1),
                      .level = icr >> 14 & 1 };

    if (m.mode != INTC_MODE_INIT) {
        m.trigger = INTC_TRIGGER_EDGE;
    }
    if ((m.mode == INTC_MODE_FIXED || m.mode == INTC_MODE_LOWEST) && m.vector < 16) {
        lapic_error(l, ESR_SEND_VECTOR);
        return;
    }
    if (shorthand == 0) {
        lapic_broadcast(l->cpu->vm, &m, dest == (x2 ? 0xffffffffu : 0xff));
        return;
    }
    for (unsigned i = 0; i < l->cpu->vm->ncpus; i++) {
        X86Lapic *to = lapic_of(l->cpu->vm->cpus[i]);
        bool self = to == l;

        if (shorthand == 1 ? self : shorthand == 2 || !self) {
            if (m.mode == INTC_MODE_INIT && m.trigger == INTC_TRIGGER_LEVEL && !m.level) {
                continue;
            }
            lapic_accept(to, m.mode, m.vector, m.trigger);
        }
    }
}

/* ---- the chipset's side ---- */

static bool chip_deliver(Vm *vm, const IntcMessage *m)
{
    return lapic_broadcast(vm, m, m->dest == 0xff);
}

bool x86_lapic_extint(const X86Lapic *l)
{
    uint32_t lvt = atomic_get_relaxed(&l->lvt[X86_LVT_LINT0]);

    return atomic_get_relaxed(&l->mode) == X86_APIC_OFF ||
           (!(lvt & LVT_MASKED) && (lvt >> 8 & 7) == INTC_MODE_EXTINT);
}

static void chip_set_extint(Vm *vm, bool level)
{
    X86Lapic *l = lapic_of(vm->cpus[0]);
    bool was = atomic_swap(&l->extint, (uint32_t)level);

    if (!level) {
        cpu_interrupt_clear(l->cpu, X86_IRQ_EXTINT);
    } else if (x86_lapic_extint(l)) {
        cpu_interrupt(l->cpu, X86_IRQ_EXTINT);
    } else if (!was) {
        lapic_local(l, X86_LVT_LINT0);      /* an interrupt of the entry's own vector */
    }
}

/* The line goes to LINT1 of all; kernels leave it open on the boot CPU only. */
static void chip_nmi(Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        X86Lapic *l = lapic_of(vm->cpus[i]);

        if (atomic_get_relaxed(&l->mode) == X86_APIC_OFF) {
            cpu_interrupt(l->cpu, X86_IRQ_NMI);
        } else {
            lapic_local(l, X86_LVT_LINT1);
        }
    }
}

const IntcCpuOps x86_intc_cpu_ops = {
    .deliver = chip_deliver,
    .set_extint = chip_set_extint,
    .nmi = chip_nmi,
};

uint8_t x86_lapic_acknowledge(X86Lapic *l)
{
    Vm *vm = l->cpu->vm;
    uint8_t vector = l->svr & 0xff;

    vm_lock(vm);
    if (l->chip && l->chip->acknowledge) {
        vector = l->chip->acknowledge(l->chip_opaque);
    }
    if (!atomic_get(&l->extint)) {
        cpu_interrupt_clear(l->cpu, X86_IRQ_EXTINT);
    }
    vm_unlock(vm);
    return vector;
}

void x86_lapic_connect(Vm *vm, const IntcChipOps *chip, void *opaque)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        X86Lapic *l = lapic_of(vm->cpus[i]);

        l->chip = chip;
        l->chip_opaque = opaque;
    }
}

/* ---- CR8, IA32_APIC_BASE ---- */

unsigned x86_lapic_cr8(const X86Lapic *l)
{
    return l->tpr >> 4;
}

void x86_lapic_set_cr8(X86Lapic *l, unsigned v)
{
    atomic_put_relaxed(&l->tpr, v << 4);
    lapic_update(l);
}

const char *x86_lapic_set_base(X86Lapic *l, uint64_t v)
{
    X86State *s = x86_state(l->cpu);
    bool on = v & X86_APIC_BASE_ENABLE, x2 = v & X86_APIC_BASE_X2;

    if ((v & ~UINT64_C(0xfff)) != X86_APIC_BASE) {
        log_guest("cpu %u: the local APIC cannot be moved", l->cpu->index);
        return "the local APIC cannot be moved from 0xfee00000";
    }
    if ((v & 0x2ff) || (x2 && !x86_has(s, X86_F_X2APIC))) {
        return "IA32_APIC_BASE has reserved bits set";
    }
    if (x2 && (!on || l->mode == X86_APIC_OFF)) {
        return "x2APIC mode is entered from the enabled APIC only";
    }
    if (on && !x2 && l->mode == X86_APIC_X2) {
        return "x2APIC mode is left by disabling the APIC only";
    }
    s->apic_base = v;
    if (!on && l->mode != X86_APIC_OFF) {
        x86_lapic_reset(l, true);
        l->svr = 0xff;
    }
    atomic_put_relaxed(&l->mode, !on ? X86_APIC_OFF : x2 ? X86_APIC_X2 : X86_APIC_X1);
    if (l->mode == X86_APIC_X2) {
        atomic_put_relaxed(&l->ldr, (l->id >> 4) << 16 | 1u << (l->id & 15));
    }
    return NULL;
}

/* ---- life ---- */

void x86_lapic_init(X86Lapic *l, Cpu *cpu)
{
    l->cpu = cpu;
    mutex_init(&l->timer_lock);
    /* With the accelerator's own APICs this one is a picture, in which nothing expires. */
    l->timer = cpu->vm && !cpu->vm->caps.irqchip ? vm_timer_new(cpu->vm, lapic_timer_fire, l) : NULL;
}

void x86_lapic_fini(X86Lapic *l)
{
    vm_timer_free(l->timer);
    mutex_destroy(&l->timer_lock);
}

void x86_lapic_reset(X86Lapic *l, bool init)
{
    X86State *s = x86_state(l->cpu);
    bool bsp = l->cpu->index == 0;

    lapic_timer_reset(l);
    memset(l->irr, 0, sizeof(l->irr));
    memset(l->tmr, 0, sizeof(l->tmr));
    memset(l->isr, 0, sizeof(l->isr));
    l->tpr = l->ldr = l->esr = l->esr_new = l->icr = l->icr_dest = 0;
    l->dfr = 0xffffffffu;
    l->svr = 0xff;
    for (unsigned i = 0; i < X86_NUM_LVT; i++) {
        l->lvt[i] = LVT_MASKED;
    }
    if (init) {
        if (l->mode == X86_APIC_X2) {
            l->ldr = (l->id >> 4) << 16 | 1u << (l->id & 15);
        }
        return;
    }
    l->id = l->cpu->index;
    l->mode = x86_has(s, X86_F_APIC) ? X86_APIC_X1 : X86_APIC_OFF;
    s->apic_base = X86_APIC_BASE | (bsp ? X86_APIC_BASE_BSP : 0) |
                   (l->mode == X86_APIC_OFF ? 0 : X86_APIC_BASE_ENABLE);
    if (bsp) {
        l->svr |= SVR_ENABLE;
        l->lvt[X86_LVT_LINT0] = INTC_MODE_EXTINT << 8;
        l->lvt[X86_LVT_LINT1] = INTC_MODE_NMI << 8;
    }
}
