/* What the target tells a debugger that catches events: the instruction's side of it.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * To be called by helpers, on the vCPU's thread, when nothing of the instruction has happened. They
 * leave it if a point asks for the event, and do nothing when it is begun again. */
#ifndef GLASSBOX_TARGET_I386_EVENT_H
#define GLASSBOX_TARGET_I386_EVENT_H

#include "cpu/cpu.h"

void x86_event_msr_read(Cpu *cpu, uint32_t num);
void x86_event_msr_write(Cpu *cpu, uint32_t num, uint64_t value);
void x86_event_cr(Cpu *cpu, unsigned n, uint64_t value);
void x86_event_port_write(Cpu *cpu, uint32_t port, unsigned size, uint64_t value);
/* OUTS, before it loads its data from this linear address: what is no RAM is not read, and is told
 * as 0. */
void x86_event_port_outs(Cpu *cpu, uint32_t port, unsigned size, vaddr_t from);
/* A read is told with its data when the instruction has ended. True: call _done after it. */
bool x86_event_port_read_expected(Cpu *cpu, uint32_t port, unsigned size);
void x86_event_port_read_done(Cpu *cpu, uint32_t port, unsigned size, uint64_t value);
/* INT n that a virtual-8086 program handles itself. */
void x86_event_vm86_int(Cpu *cpu, unsigned vector);

#endif
