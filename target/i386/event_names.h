/* Events in words: vectors, MSRs, control registers, modes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_EVENT_NAMES_H
#define GLASSBOX_TARGET_I386_EVENT_NAMES_H

#include "cpu/cpu.h"

/* As CpuClass has them. Pure. */
const char *x86_event_name(unsigned kind, uint64_t number);
bool x86_event_number(unsigned kind, const char *name, uint64_t *number);
/* Bits 0-1: CPL; above: the sort of mode. Owner's thread. */
uint64_t x86_mode_code(const Cpu *cpu);
void x86_mode_text(uint64_t mode, GString *out);

#endif
