/* The register table of x86 CPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_REGS_H
#define GLASSBOX_TARGET_I386_REGS_H

#include "cpu/cpu.h"

/* 64-bit view (the default) and 32-bit view of the same CPU. */
extern const RegSet x86_regs_64, x86_regs_32;
/* CpuClass.regs_for_arch: "i386:x86-64" or "i386". */
const RegSet *x86_regs_for_arch(const Cpu *cpu, const char *arch);

#endif
