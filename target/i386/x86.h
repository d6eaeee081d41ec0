/* The x86 CPU as machines and the rest of this folder see it: class, modes, segments, checks.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_X86_H
#define GLASSBOX_TARGET_I386_X86_H

#include "cpu/cpu.h"
#include "target/i386/state.h"

extern const CpuClass x86_cpu_class;

/* What a vCPU's env is: the architectural state, followed by its local APIC. */
static inline X86State *x86_state(const Cpu *cpu)
{
    return cpu->env;
}

/* Recomputes mode after a change of anything it is made of. The bits that live in mode alone
 * (SHADOW, SS_SHADOW) stay. Owner's thread. */
void x86_mode_update(X86State *s);

static inline unsigned x86_cpl(const X86State *s)
{
    return s->mode & X86_MODE_CPL;
}
static inline bool x86_in_64(const X86State *s)
{
    return s->mode & X86_MODE_CS64;
}
static inline bool x86_in_real(const X86State *s)
{
    return !(s->mode & X86_MODE_PE);
}
static inline bool x86_in_vm86(const X86State *s)
{
    return s->mode & X86_MODE_VM86;
}
/* Protected mode proper: the selectors name descriptors. */
static inline bool x86_in_prot(const X86State *s)
{
    return (s->mode & (X86_MODE_PE | X86_MODE_VM86)) == X86_MODE_PE;
}

/* 48 bits of virtual address. */
static inline bool x86_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* The MMU context of ordinary data accesses in this mode, and of the processor's own accesses to
 * descriptor tables and task states (supervisor's, SMAP regardless of AC). */
static inline unsigned x86_mmu(uint32_t mode)
{
    return (mode & X86_MODE_CPL) == 3 ? X86_MMU_USER
           : mode & X86_MODE_SMAP ? X86_MMU_SMAP : X86_MMU_KERNEL;
}
static inline unsigned x86_mmu_system(const X86State *s)
{
    return s->cr4 & X86_CR4_SMAP ? X86_MMU_SMAP : X86_MMU_KERNEL;
}

/* Sets a segment register with its hidden part (flags as in X86Seg), without any check; the
 * caller calls x86_mode_update. For loaders and for real mode. */
void x86_seg_put(X86Seg *seg, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags);

/* Flat segments' flags: a code and a data segment of 4 GiB, ring 0, accessed. */
#define X86_FLAT_CODE32 (X86_SEG_G | X86_SEG_B | X86_SEG_P | X86_SEG_S | X86_SEG_CODE | X86_SEG_R | X86_SEG_A)
#define X86_FLAT_CODE64 (X86_SEG_G | X86_SEG_L | X86_SEG_P | X86_SEG_S | X86_SEG_CODE | X86_SEG_R | X86_SEG_A)
#define X86_FLAT_DATA32 (X86_SEG_G | X86_SEG_B | X86_SEG_P | X86_SEG_S | X86_SEG_W | X86_SEG_A)

/* For loaders, after reset: flat 32-bit protected mode, paging off, at eip; or long mode with
 * these page tables at rip. Selectors: code 0x10 (or `cs`), data 0x18 (or `ds`); the descriptor
 * tables are the caller's (gdt base and limit). CPU owned by the caller. */
typedef struct X86Entry {
    uint64_t rip, cr3;              /* cr3: long mode only */
    uint64_t gdt_base;
    uint16_t gdt_limit, cs, ds;
} X86Entry;
void x86_enter_flat32(Cpu *cpu, const X86Entry *e);
void x86_enter_long64(Cpu *cpu, const X86Entry *e);

/* Why a value cannot go into a control register; NULL if it can. The helpers raise #GP then,
 * the register table refuses with the reason. */
const char *x86_cr0_refuse(const X86State *s, uint64_t v);
const char *x86_cr3_refuse(const X86State *s, uint64_t v);
const char *x86_cr4_refuse(const X86State *s, uint64_t v);
const char *x86_efer_refuse(const X86State *s, uint64_t v);
/* Put the value there with what hangs on it (LMA, PDPTEs, mode). False, nothing changed: PAE
 * page-directory pointers with reserved bits. *flush: what the TLB has to forget. */
typedef enum X86Flush { X86_FLUSH_NONE, X86_FLUSH_LOCAL, X86_FLUSH_ALL } X86Flush;
bool x86_cr0_put(Cpu *cpu, uint64_t v, X86Flush *flush);
bool x86_cr3_put(Cpu *cpu, uint64_t v, X86Flush *flush);
bool x86_cr4_put(Cpu *cpu, uint64_t v, X86Flush *flush);
void x86_efer_put(Cpu *cpu, uint64_t v, X86Flush *flush);

/* DR7 and DR0-3 changed: mode bits; on the vCPU's thread x86_debug_arm follows (system.h). */
#define X86_DR6_BITS 0xE00Fu            /* B0-3, BD, BS, BT */
#define X86_DR6_FIXED 0xFFFF0FF0u
#define X86_DR6_BD (1u << 13)
#define X86_DR6_BS (1u << 14)
#define X86_DR6_BT (1u << 15)
#define X86_DR7_GD (1u << 13)
#define X86_DR7_FIXED 0x400u

/* After something that may open the way for a pending interrupt (IF, TPR, end of a shadow):
 * makes the vCPU look again. vCPU's thread. */
void x86_irq_recheck(Cpu *cpu);
/* Registers were changed by a debugger: see X86_IRQ_RESYNC. Owner's thread. */
void x86_resync(Cpu *cpu);

/* The time stamp counter: 1 GHz, the VM clock's nanoseconds plus IA32_TSC_ADJUST. */
#define X86_TSC_HZ UINT64_C(1000000000)
uint64_t x86_tsc(const Cpu *cpu);

#endif
