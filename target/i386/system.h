/* What the system part of the x86 target gives to the TCG front end, and shares between its files.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * All on the vCPU's thread, inside the JIT's run, unless said otherwise. */
#ifndef GLASSBOX_TARGET_I386_SYSTEM_H
#define GLASSBOX_TARGET_I386_SYSTEM_H

#include "accel/tcg/frontend.h"
#include "target/i386/excp.h"
#include "target/i386/x86.h"

/* ---- callbacks of TcgFrontend ---- */
bool x86_tcg_page(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu, TcgPage *page);
void x86_tcg_misaligned(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu);
void x86_tcg_deliver(Cpu *cpu);
bool x86_tcg_interrupt(Cpu *cpu, bool hold);
bool x86_tcg_moved(Cpu *cpu);
void x86_tcg_guest_watch(Cpu *cpu, uint32_t tags);
void x86_tcg_step_done(Cpu *cpu);

/* ---- shared ---- */
/* Delivers an interrupt or NMI now; may raise. */
void x86_deliver_external(Cpu *cpu, unsigned vector);
/* Makes the TLB forget. */
void x86_tcg_flush(Cpu *cpu, X86Flush what);
/* Gives the guest's data breakpoints to the JIT, after DR0-7 or CR4.DE changed. */
void x86_debug_arm(Cpu *cpu);
/* Notes the I/O breakpoints that an access of a port meets (in pending_dr6). */
void x86_debug_io(Cpu *cpu, uint32_t port, unsigned size);
/* INIT: the CPU as after reset but for caches, FPU and the like; an application processor then
 * waits for its start-up message. */
void x86_cpu_init(Cpu *cpu);
/* The segment that the instruction at rip uses for an access at this linear address: true if it
 * is the stack's. By decoding it again: for the choice of #SS or #GP on a non-canonical address. */
bool x86_insn_uses_stack(Cpu *cpu, vaddr_t va);
/* Bytes of the memory operand of the instruction at rip (0: cannot tell). */
unsigned x86_insn_operand_size(Cpu *cpu);

#endif
