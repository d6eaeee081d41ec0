/* Inside the JIT: the store of translated blocks.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_BLOCKS_H
#define GLASSBOX_ACCEL_TCG_BLOCKS_H

#include "accel/tcg/tcg_state.h"

void blocks_init(TcgState *tcg);
void blocks_fini(TcgState *tcg);
/* Finds a block; any thread, no lock. */
TcgBlock *blocks_find(TcgState *tcg, paddr_t phys, vaddr_t pc, vaddr_t base, uint64_t mode);
/* Enters a new block. Under the lock. */
void blocks_add(TcgState *tcg, TcgBlock *tb);
/* Lets slot of `from` go straight to `to`, if both are still valid. */
void blocks_link(TcgState *tcg, TcgBlock *from, unsigned slot, TcgBlock *to);
/* Sees to it that every write to a physical page is noticed from now on, before its first code is read; may wait
 * for other vCPUs to leave generated code. Not under the lock, and the caller is not in generated code. */
void blocks_guard_page(Cpu *cpu, paddr_t page);
/* Is it still so? Under the lock. */
bool blocks_page_guarded(TcgState *tcg, paddr_t page);
/* Bytes of a page with code were written: drops the blocks made from them. Any thread. */
void blocks_written(TcgState *tcg, paddr_t at, uint64_t len);
/* Would such a write hit the block that is running the instruction at pc? */
bool blocks_would_hit_pc(TcgState *tcg, paddr_t at, uint64_t len, vaddr_t pc);
/* Drops one block, if it is still there. */
void blocks_drop(TcgState *tcg, TcgBlock *tb);
/* Drops blocks with an instruction byte at this virtual (linear) or physical address. */
void blocks_drop_virt(TcgState *tcg, vaddr_t va);
void blocks_drop_phys(TcgState *tcg, paddr_t pa);
/* Forgets everything. No vCPU is in generated code. Under the lock. */
void blocks_flush(TcgState *tcg);

#endif
