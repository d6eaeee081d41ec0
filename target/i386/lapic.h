/* The local APIC of a CPU: xAPIC by memory, x2APIC by MSRs, its timer, interprocessor interrupts.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Threads. Requests (irr, tmr) come from every thread by atomics; everything else is changed by
 * the CPU's own thread (or its owner while parked) and read by senders with relaxed atomics; the
 * timer's few fields are under a lock of their own, which is a leaf. Nobody waits for a vCPU: a
 * sender sets bits and wakes the receiver.
 *
 * The timer counts a crystal of 1 GHz (X86_TSC_HZ), which CPUID leaf 0x15 tells. */
#ifndef GLASSBOX_TARGET_I386_LAPIC_H
#define GLASSBOX_TARGET_I386_LAPIC_H

#include "cpu/cpu.h"
#include "hw/intc.h"
#include "target/i386/state.h"
#include "util/thread.h"
#include "vm/clock.h"

typedef struct MemRegion MemRegion;

#define X86_APIC_BASE UINT64_C(0xfee00000)
#define X86_APIC_BASE_BSP (1u << 8)
#define X86_APIC_BASE_X2 (1u << 10)
#define X86_APIC_BASE_ENABLE (1u << 11)

enum { X86_LVT_TIMER, X86_LVT_THERMAL, X86_LVT_PERF, X86_LVT_LINT0, X86_LVT_LINT1, X86_LVT_ERROR,
       X86_NUM_LVT };

typedef enum X86ApicMode { X86_APIC_OFF, X86_APIC_X1, X86_APIC_X2 } X86ApicMode;

typedef struct X86Lapic {
    Cpu *cpu;
    const IntcChipOps *chip;    /* the IOAPICs and the 8259 pair; NULL: none */
    void *chip_opaque;

    uint32_t irr[8], tmr[8];    /* [atomic] requested; level-triggered */
    uint32_t isr[8];            /* in service */
    uint32_t mode;              /* X86ApicMode */
    uint32_t id, tpr, ldr, dfr, svr;
    uint32_t esr, esr_new;      /* esr_new: [atomic] errors since the last write of ESR */
    uint32_t icr, icr_dest;
    uint32_t lvt[X86_NUM_LVT];
    uint32_t extint;            /* [atomic] level of LINT0 (the 8259's INTR) */

    Mutex timer_lock;
    VmTimer *timer;
    uint32_t divide, initial;   /* TDCR, TMICT */
    int64_t start_ns, expire_ns;        /* expire: -1 when it does not run */
    uint64_t deadline;          /* IA32_TSC_DEADLINE; 0: not armed */
} X86Lapic;

/* Once for a CPU, and its end. Main thread. */
void x86_lapic_init(X86Lapic *l, Cpu *cpu);
void x86_lapic_fini(X86Lapic *l);
/* Power-on state. The boot CPU's is what firmware leaves: enabled, LINT0 to the 8259, LINT1 NMI.
 * With init: keeps id and mode (INIT message). Owner's thread. */
void x86_lapic_reset(X86Lapic *l, bool init);

/* ---- for the machine ---- */
/* Tells all CPUs of a machine who the chipset is. Before the machine runs. */
void x86_lapic_connect(Vm *vm, const IntcChipOps *chip, void *opaque);
/* What the chipset calls. */
extern const IntcCpuOps x86_intc_cpu_ops;
/* The memory at X86_APIC_BASE (1 MiB, to be mapped there): each CPU sees its own registers; a
 * device's write is a message-signalled interrupt. Free with mem_region_free. */
MemRegion *x86_lapic_region_new(Vm *vm);

/* ---- for the CPU; vCPU's thread ---- */
/* The vector that could be taken now by priority, or -1. */
int x86_lapic_pending(const X86Lapic *l);
/* Takes it: from requested to in service. -1: none. */
int x86_lapic_take(X86Lapic *l);
/* Is an interrupt of the 8259 let through, and its vector, acknowledged. Takes the VM lock. */
bool x86_lapic_extint(const X86Lapic *l);
uint8_t x86_lapic_acknowledge(X86Lapic *l);
unsigned x86_lapic_cr8(const X86Lapic *l);
void x86_lapic_set_cr8(X86Lapic *l, unsigned v);
/* IA32_APIC_BASE: NULL, or why the value is refused. */
const char *x86_lapic_set_base(X86Lapic *l, uint64_t v);
uint64_t x86_lapic_deadline(const X86Lapic *l);
void x86_lapic_set_deadline(X86Lapic *l, uint64_t v);
/* The TSC was set: the deadline moves. */
void x86_lapic_tsc_changed(X86Lapic *l);
/* x2APIC registers by MSR number less 0x800; false: #GP. */
bool x86_lapic_msr_read(const X86Lapic *l, uint32_t reg, uint64_t *v);
bool x86_lapic_msr_write(X86Lapic *l, uint32_t reg, uint64_t v, const char **why);

#endif
