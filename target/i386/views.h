/* What `info` shows of an x86 CPU beyond its registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_VIEWS_H
#define GLASSBOX_TARGET_I386_VIEWS_H

#include "cpu/cpu.h"

/* CpuClass.views. */
extern const CpuView x86_views[];

/* Lines that `info mem` and `info tlb` print at most, and page-table walks that they make. */
#define X86_VIEW_LINES 100000u
#define X86_VIEW_WALKS 4000000u

/* The mapped ranges with their rights, and the pages one by one, of at most so many lines and
 * walks: page tables may be a thousand times larger than memory, by pointing at themselves.
 * Owner's thread. */
void x86_view_mem(const Cpu *cpu, GString *out, unsigned lines, unsigned walks);
void x86_view_tlb(const Cpu *cpu, GString *out, unsigned lines, unsigned walks);

#endif
