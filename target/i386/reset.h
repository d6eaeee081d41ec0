/* Power-on, reset and INIT states.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_RESET_H
#define GLASSBOX_TARGET_I386_RESET_H

#include "cpu/cpu.h"

/* CpuClass.reset: power-on state of everything, APIC included. The boot CPU is on, the others
 * wait for their start-up message. What firmware would have set up is set up: memory is cached
 * (MTRRs), the boot CPU's APIC passes the 8259's interrupts. Owner's thread. */
void x86_cpu_reset(Cpu *cpu);
/* The start-up message: real mode at page `vector`. Owner's thread. */
void x86_cpu_startup(Cpu *cpu, uint8_t vector);

#endif
