/* Inside accel/kvm: shared by its files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_KVM_KVM_INT_H
#define GLASSBOX_ACCEL_KVM_KVM_INT_H

#include "accel/kvm/kvm_arch.h"
#include "mem/mem.h"

/* ---- gate.c ---- */
/* This vCPU goes into the guest; waits while another one has an exclusive section. */
void kvm_gate_enter(Cpu *cpu);
void kvm_gate_leave(Cpu *cpu);
/* All other vCPUs are out of the guest until the end. Not nested. [vcpu] */
void kvm_exclusive_begin(Cpu *cpu);
void kvm_exclusive_end(Cpu *cpu);

/* ---- memory.c ---- */
void kvm_memory_init(KvmVm *kvm);
/* Gives KVM the machine's memory as it is, and follows its changes. Once. */
bool kvm_memory_attach(KvmVm *kvm, GError **errp);
void kvm_memory_fini(KvmVm *kvm);

/* ---- protect.c: in an exclusive section, or all parked ---- */
void kvm_protect_init(KvmVm *kvm);
void kvm_protect_fini(KvmVm *kvm);
/* One more, or one fewer, who needs the page of RAM at this offset protected. */
void kvm_protect_page(KvmVm *kvm, MemRegion *region, uint64_t offset, bool on);
/* Is this page protected? Then its stores come out. */
bool kvm_page_protected(KvmVm *kvm, MemRegion *region, uint64_t offset);
/* Undoes kvm_unprotect and kvm_unprotect_at. */
void kvm_reprotect(KvmVm *kvm);
/* Is a page barred? For who is about to enter without a step. [any] */
bool kvm_any_barred(const KvmVm *kvm);
/* Changes the access that KVM's mapping of a page has. */
void kvm_memory_access(KvmVm *kvm, MemRegion *region, uint64_t offset, int prot);

/* ---- irqchip.c ---- */
extern const AccelIrqchipOps kvm_irqchip_ops;

/* ---- events.c: of a KVM_EXIT_IO; [vcpu] ---- */
/* A write that a point asks for is told in *e, and held. False: there is nothing to tell. */
bool kvm_port_hold(Cpu *cpu, VcpuExit *e);
/* It was served: a read that a point asks for is told in *e. */
void kvm_port_done(Cpu *cpu, VcpuExit *e);

/* ---- vcpu.c ---- */
/* Makes the write that was held, unless the pc has been changed; false then. [vcpu] */
bool kvm_port_release(Cpu *cpu);

/* ---- points.c ---- */
const DebugPlan *kvm_points_planned(const KvmVm *kvm);
/* Has the plan rows of events? */
bool kvm_points_any_event(const KvmVm *kvm);
void kvm_points_init(KvmVm *kvm);
void kvm_points_fini(KvmVm *kvm);
bool kvm_points_plan(Vm *vm, const DebugPlan *old, const DebugPlan *now, GError **errp);
PointNow kvm_points_now(Vm *vm, uint32_t loc);
void kvm_points_unpatch(Vm *vm, paddr_t at, uint8_t *buf, uint64_t len);
/* Around a step: takes the patches out of memory; puts them back, with what the guest wrote there
 * meanwhile below them. */
void kvm_patches_lift(KvmVm *kvm);
void kvm_patches_restore(KvmVm *kvm);
/* Compares watched memory with what it held; adds the rows that were written to *e. stepped: what did
 * it was a step. */
void kvm_watches_check(Cpu *cpu, bool stepped, VcpuExit *e);
/* A store that KVM's emulator handed out, because its page is protected: does it. */
void kvm_points_store(Cpu *cpu, paddr_t at, const uint8_t *data, unsigned len, VcpuExit *e);

#endif
