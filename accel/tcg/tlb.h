/* Inside the JIT: the software TLB seen from C.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_TLB_H
#define GLASSBOX_ACCEL_TCG_TLB_H

#include "accel/tcg/tcg_int.h"

static inline unsigned tlb_index(vaddr_t va)
{
    return va >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1);
}

static inline bool tlb_tag_is(uint64_t tag, vaddr_t va)
{
    return ((tag ^ va) & TCG_PAGE_MASK) == 0 && tag != ~0ull;
}

/* Makes the entry of va good for this access, by a walk; raises if the guest may not. */
void tlb_fill(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu);
/* The same, but false instead of raising (the exception is in the state). */
bool tlb_try_fill(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu);
/* Physical address that va is fetched from; false: the exception is in the state. */
bool tlb_fetch_phys(Cpu *cpu, vaddr_t va, unsigned mmu, paddr_t *phys);
/* All entries of a vCPU, from any thread: data points changed, the machine was reset. */
void tlb_flush_all(Cpu *cpu);
/* Takes direct write access to a physical page from a vCPU, any thread; true if it had it. */
bool tlb_protect_page(Cpu *cpu, paddr_t page);
/* Notes that a block's jump entry has been filled. Under tlb_lock, own thread. */
void tlb_jump_filled(Cpu *cpu, const TcgBlock *tb);
/* Forgets the jump entries. Under tlb_lock; own thread, or all parked. */
void tcg_jump_flush(Cpu *cpu);

#endif
