/* x86 instructions as text.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_DISAS_H
#define GLASSBOX_TARGET_I386_DISAS_H

#include "cpu/cpu.h"

/* CpuClass.disas: one instruction at pc from code[len], in AT&T syntax, for the mode the CPU is
 * in. Returns its length, 0 if len is too short or there is no such instruction; the text then
 * says so. Owner's thread. */
unsigned x86_disas(const Cpu *cpu, vaddr_t pc, const uint8_t *code, size_t len, GString *out);
/* CpuClass.call_length: CALL, INT n, SYSCALL, SYSENTER, string instructions with a REP prefix.
 * Owner's thread. */
unsigned x86_call_length(const Cpu *cpu, const uint8_t *code, size_t len);

#endif
