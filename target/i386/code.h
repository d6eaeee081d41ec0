/* What debuggers ask of the code that a CPU runs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_CODE_H
#define GLASSBOX_TARGET_I386_CODE_H

#include "cpu/cpu.h"

/* CpuClass.code_regs and code_entries. Owner's thread. */
const RegSet *x86_code_regs(const Cpu *cpu);
unsigned x86_code_entries(const Cpu *cpu, vaddr_t *out, unsigned max);

#endif
