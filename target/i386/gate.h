/* Interrupt vectors as a debugger looks at them: where the entry of a vector lies, where it leads.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * No side effects. Owner's thread. */
#ifndef GLASSBOX_TARGET_I386_GATE_H
#define GLASSBOX_TARGET_I386_GATE_H

#include "cpu/cpu.h"

/* Where the vector's entry of the IDT (real mode: of the vector table) lies, and how many bytes it
 * has. False: beyond the table's limit. */
bool x86_gate_address(const Cpu *cpu, unsigned vector, vaddr_t *linear, unsigned *size);

/* Linear address at which control arrives when the vector is delivered now. False: beyond the limit,
 * not readable, not present, no interrupt or trap gate (task gates are not followed), no present
 * code segment behind it. The gate's DPL is not looked at. Virtual-8086 mode goes through the IDT:
 * an INT n that VME's redirection map sends to the program's own vectors is not seen as such. */
bool x86_gate_target(const Cpu *cpu, unsigned vector, vaddr_t *linear);

/* Base of the code segment that a selector names, in protected mode; 0 for a 64-bit one.
 * False: null, beyond its table, not readable, not a present code segment. */
bool x86_code_base(const Cpu *cpu, uint32_t sel, vaddr_t *base);

#endif
