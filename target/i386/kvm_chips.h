/* KVM's own interrupt controllers (kernel-irqchip=on), in the x86 pin.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * KVM then delivers interrupts, INIT and start-up messages by itself, and halted CPUs wait inside KVM_RUN.
 * X86Lapic is a picture of a CPU's local APIC, fetched with REGS_EVENTS and REGS_MSR. Of what a debugger can
 * change of it, CR8 and IA32_APIC_BASE go back with the system registers, IA32_TSC_DEADLINE by itself. */
#ifndef GLASSBOX_TARGET_I386_KVM_CHIPS_H
#define GLASSBOX_TARGET_I386_KVM_CHIPS_H

#include "target/i386/kvm_x86.h"

/* ---- kvm_chips.c: what a machine has one of ---- */
/* Before any vCPU is made. Says why not. */
bool x86_kvm_chips_create(KvmVm *kvm, GError **errp);
void x86_kvm_chips_get(KvmVm *kvm, AccelIrqchipState *s);
void x86_kvm_chips_set(KvmVm *kvm, const AccelIrqchipState *s);
/* The vector that the 8259s would hand out now, or -1. */
int x86_kvm_pic_vector(KvmVm *kvm);

/* ---- kvm_lapic.c: each CPU's ---- */
/* cpu->power. Before registers are fetched: KVM takes INIT and start-up messages in at that. */
void x86_kvm_power_fetch(Cpu *cpu);
void x86_kvm_lapic_fetch(Cpu *cpu);
void x86_kvm_lapic_store(Cpu *cpu);
/* Puts the reset state of X86Lapic, and the CPU's power, into KVM. All parked. */
void x86_kvm_lapic_reset(Cpu *cpu);
/* The timer stands, and goes on where it stood. `late`: nanoseconds that it has gone on too far; -1: time
 * stood already, and what it has gone on in steps is nothing. */
void x86_kvm_lapic_hold(Cpu *cpu, int64_t late);
void x86_kvm_lapic_release(Cpu *cpu);
/* The vector of an interrupt that KVM would deliver before the next instruction, or -1. */
int x86_kvm_next_interrupt(Cpu *cpu);
/* KvmArch.prepare and chips_nmi. */
KvmReady x86_kvm_chips_prepare(Cpu *cpu, bool hold, bool step);
void x86_kvm_chips_nmi(KvmVm *kvm);

#endif
