/* Inside the JIT: data points, the plan's and the guest's own.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_WATCH_H
#define GLASSBOX_ACCEL_TCG_WATCH_H

#include "accel/tcg/tcg_int.h"

/* The map of a page that is being entered into the TLB with this addend; NULL if no data point lies in it. Owned
 * by the vCPU till its next full flush. Under tlb_lock. */
const TcgWatchPage *watch_page(Cpu *cpu, vaddr_t vpage, paddr_t ppage, uint64_t addend);
/* Does an access come near a data point of its page (in the same 8 bytes)? It must not cross the page. */
bool watch_touches(const TcgWatchPage *page, vaddr_t va, unsigned size);
/* Records the points that an access hits, in the instruction that runs alone (careful). */
void watch_record(Cpu *cpu, vaddr_t va, paddr_t pa, unsigned size, bool write);
/* The instruction has ended: gives written points their new values. */
void watch_finish(Cpu *cpu);
/* The set of points of this vCPU changed: sets has_watch and flushes its TLB. Own thread or parked. */
void watch_changed(Cpu *cpu);

#endif
