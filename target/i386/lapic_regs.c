/* The local APIC's registers: by memory (xAPIC) and by MSR (x2APIC).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/mem.h"
#include "target/i386/cpuid.h"
#include "target/i386/lapic_int.h"
#include "target/i386/x86.h"
#include "vm/vm.h"

/* Register numbers: the offset in memory / 16, and the MSR - 0x800. */
enum {
    REG_ID = 0x02, REG_VERSION = 0x03, REG_TPR = 0x08, REG_APR = 0x09, REG_PPR = 0x0a,
    REG_EOI = 0x0b, REG_RRD = 0x0c, REG_LDR = 0x0d, REG_DFR = 0x0e, REG_SVR = 0x0f,
    REG_ISR = 0x10, REG_TMR = 0x18, REG_IRR = 0x20, REG_ESR = 0x28, REG_ICR = 0x30,
    REG_ICR_HIGH = 0x31, REG_LVT = 0x32, REG_INITIAL = 0x38, REG_CURRENT = 0x39,
    REG_DIVIDE = 0x3e, REG_SELF_IPI = 0x3f,
};

#define VERSION (0x14u | (X86_NUM_LVT - 1u) << 16)

/* Bits of each LVT entry that can be written. */
static const uint32_t lvt_mask[X86_NUM_LVT] = {
    [X86_LVT_TIMER] = 0x700ff, [X86_LVT_THERMAL] = 0x107ff, [X86_LVT_PERF] = 0x107ff,
    [X86_LVT_LINT0] = 0x1a7ff, [X86_LVT_LINT1] = 0x1a7ff, [X86_LVT_ERROR] = 0x100ff,
};

bool lapic_reg_read(const X86Lapic *l, unsigned reg, uint32_t *v)
{
    if (reg >= REG_ISR && reg < REG_ESR) {
        const uint32_t *map = reg < REG_TMR ? l->isr : reg < REG_IRR ? l->tmr : l->irr;

        *v = atomic_get_relaxed(&map[reg & 7]);
        return true;
    }
    if (reg >= REG_LVT && reg < REG_LVT + X86_NUM_LVT) {
        *v = l->lvt[reg - REG_LVT];
        return true;
    }
    switch (reg) {
    case REG_ID:
        *v = l->mode == X86_APIC_X2 ? l->id : l->id << 24;
        return true;
    case REG_VERSION:
        *v = VERSION;
        return true;
    case REG_TPR:
        *v = l->tpr;
        return true;
    case REG_APR:
    case REG_RRD:
    case REG_EOI:
        *v = 0;
        return true;
    case REG_PPR:
        *v = lapic_ppr(l);
        return true;
    case REG_LDR:
        *v = l->ldr;
        return true;
    case REG_DFR:
        *v = l->dfr;
        return true;
    case REG_SVR:
        *v = l->svr;
        return true;
    case REG_ESR:
        *v = l->esr;
        return true;
    case REG_ICR:
        *v = l->icr;
        return true;
    case REG_ICR_HIGH:
        *v = l->icr_dest << 24;
        return true;
    case REG_INITIAL:
        *v = l->initial;
        return true;
    case REG_CURRENT:
        *v = lapic_timer_current((X86Lapic *)(uintptr_t)l);
        return true;
    case REG_DIVIDE:
        *v = l->divide;
        return true;
    default:
        *v = 0;
        return false;
    }
}

static void lvt_write(X86Lapic *l, unsigned n, uint32_t v)
{
    v &= lvt_mask[n];
    if (n == X86_LVT_TIMER && !x86_has(x86_state(l->cpu), X86_F_TSC_DEADLINE)) {
        v &= ~LVT_TIMER_DEADLINE;
    }
    if (!(l->svr & SVR_ENABLE)) {
        v |= LVT_MASKED;
    }
    if (n == X86_LVT_TIMER) {
        lapic_timer_set_lvt(l, v);
        return;
    }
    atomic_put_relaxed(&l->lvt[n], v);
    if (n == X86_LVT_LINT0) {
        /* The line may rise meanwhile: what it sets is not cleared here. */
        if (!x86_lapic_extint(l)) {
            cpu_interrupt_clear(l->cpu, X86_IRQ_EXTINT);
        } else if (atomic_get(&l->extint)) {
            cpu_interrupt(l->cpu, X86_IRQ_EXTINT);
        }
    }
}

static void svr_write(X86Lapic *l, uint32_t v)
{
    bool on = v & SVR_ENABLE;

    atomic_put_relaxed(&l->svr, v & 0x1ff);
    for (unsigned i = 0; i < X86_NUM_LVT && !on; i++) {
        lvt_write(l, i, l->lvt[i]);
    }
}

static void icr_write(X86Lapic *l, uint32_t v)
{
    l->icr = v & 0xcdfff & ~(1u << 12);
    lapic_send(l, l->icr, l->icr_dest);
}

bool lapic_reg_write(X86Lapic *l, unsigned reg, uint32_t v)
{
    if (reg >= REG_LVT && reg < REG_LVT + X86_NUM_LVT) {
        lvt_write(l, reg - REG_LVT, v);
        return true;
    }
    switch (reg) {
    case REG_EOI:
        lapic_eoi(l);
        return true;
    case REG_INITIAL:
        lapic_timer_set_initial(l, v);
        return true;
    case REG_TPR:
        atomic_put_relaxed(&l->tpr, v & 0xff);
        lapic_update(l);
        return true;
    case REG_LDR:
        atomic_put_relaxed(&l->ldr, v & 0xff000000u);
        return true;
    case REG_DFR:
        atomic_put_relaxed(&l->dfr, v | 0x0fffffffu);
        return true;
    case REG_SVR:
        svr_write(l, v);
        return true;
    case REG_ESR:
        l->esr = atomic_swap(&l->esr_new, 0u);
        return true;
    case REG_ICR:
        icr_write(l, v);
        return true;
    case REG_ICR_HIGH:
        l->icr_dest = v >> 24;
        return true;
    case REG_DIVIDE:
        lapic_timer_set_divide(l, v);
        return true;
    case REG_ID:
    case REG_VERSION:
    case REG_CURRENT:
    case REG_PPR:
        return true;        /* read-only: no error */
    default:
        return false;
    }
}

/* ---- memory ---- */

static X86Lapic *lapic_at(void *opaque, uint64_t offset, MemAttrs attrs)
{
    Vm *vm = opaque;

    if (attrs.cpu < 0 || (unsigned)attrs.cpu >= vm->ncpus || offset >= 0x1000) {
        return NULL;
    }
    X86Lapic *l = x86_state(vm->cpus[attrs.cpu])->lapic;
    return l->mode == X86_APIC_X1 ? l : NULL;
}

static MemResult mmio_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                           MemAttrs attrs)
{
    X86Lapic *l = lapic_at(opaque, offset, attrs);
    uint32_t v = 0;

    if (!l) {
        *value = UINT64_MAX;
        return MEM_UNASSIGNED;
    }
    if (offset & 0xf) {
        *value = 0;
        return MEM_OK;
    }
    if (!lapic_reg_read(l, (unsigned)offset >> 4, &v) && !attrs.debug) {
        lapic_error(l, ESR_REGISTER);
    }
    *value = v;
    return MEM_OK;
}

/* A device writes into the APICs' window: a message-signalled interrupt. */
static MemResult msi_write(Vm *vm, uint64_t offset, uint64_t data)
{
    IntcMessage m = { .dest = offset >> 12 & 0xff, .logical = offset >> 2 & 1,
                      .mode = (IntcMode)(data >> 8 & 7), .vector = data & 0xff,
                      .trigger = (IntcTrigger)(data >> 15 & 1), .level = data >> 14 & 1 };

    return lapic_broadcast(vm, &m, m.dest == 0xff) ? MEM_OK : MEM_REFUSED;
}

static MemResult mmio_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                            MemAttrs attrs)
{
    if (attrs.cpu < 0) {
        return msi_write(opaque, offset, value);
    }
    X86Lapic *l = lapic_at(opaque, offset, attrs);
    if (!l) {
        return MEM_UNASSIGNED;
    }
    if (!(offset & 0xf) && !lapic_reg_write(l, (unsigned)offset >> 4, (uint32_t)value)) {
        lapic_error(l, ESR_REGISTER);
    }
    return MEM_OK;
}

static const MmioOps apic_ops = {
    .read = mmio_read, .write = mmio_write, .min_size = 4, .max_size = 4, .lockless = true,
};

MemRegion *x86_lapic_region_new(Vm *vm)
{
    return mem_region_new_mmio("lapic", &apic_ops, vm, 0x100000);
}

/* ---- x2APIC ---- */

/* Registers that x2APIC has, beside LVT and the bit maps, which both have. */
static bool x2_has(unsigned reg)
{
    return reg != REG_DFR && reg != REG_ICR_HIGH && reg != REG_APR && reg != REG_RRD;
}

bool x86_lapic_msr_read(const X86Lapic *l, uint32_t reg, uint64_t *v)
{
    uint32_t low;

    if (l->mode != X86_APIC_X2 || !x2_has(reg) || reg == REG_EOI || reg == REG_SELF_IPI ||
        !lapic_reg_read(l, reg, &low)) {
        return false;
    }
    *v = low | (reg == REG_ICR ? (uint64_t)l->icr_dest << 32 : 0);
    return true;
}

bool x86_lapic_msr_write(X86Lapic *l, uint32_t reg, uint64_t v, const char **why)
{
    bool readonly = reg == REG_ID || reg == REG_VERSION || reg == REG_LDR || reg == REG_CURRENT ||
                    reg == REG_PPR || (reg >= REG_ISR && reg < REG_ESR);

    *why = "this register of the local APIC cannot be written";
    if (l->mode != X86_APIC_X2 || !x2_has(reg) || readonly) {
        return false;
    }
    *why = "reserved bits are set";
    if (((reg == REG_EOI || reg == REG_ESR) && v) || (reg != REG_ICR && v >> 32)) {
        return false;
    }
    if (reg == REG_ICR) {
        l->icr_dest = (uint32_t)(v >> 32);
        icr_write(l, (uint32_t)v);
        return true;
    }
    if (reg == REG_SELF_IPI) {
        lapic_send(l, 1u << 18 | (v & 0xff), 0);
        return true;
    }
    return lapic_reg_write(l, reg, (uint32_t)v);
}
