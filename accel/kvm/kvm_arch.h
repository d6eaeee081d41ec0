/* The plug of KVM: what a target gives to it (KvmArch, the pin), and what it offers the pin.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Words. *Enter* is one KVM_RUN. A *patch* is a breakpoint instruction in guest memory. A page is
 * *protected* when KVM's mapping of it is read-only on the host, so that the guest's stores come
 * out; *barred* when KVM's mapping of it has no access at all, for as long as a step lasts. An
 * *exclusive section* has all other vCPUs out of the guest. */
#ifndef GLASSBOX_ACCEL_KVM_KVM_ARCH_H
#define GLASSBOX_ACCEL_KVM_KVM_ARCH_H

#include <linux/kvm.h>

#include "accel/accel.h"
#include "util/thread.h"
#include "vm/vm.h"

typedef struct KvmVm KvmVm;
typedef struct KvmMemory KvmMemory;
typedef struct KvmPoints KvmPoints;
typedef struct KvmProtect KvmProtect;

/* How a single step ended. */
typedef enum KvmStep {
    KVM_STEP_DONE,      /* one instruction, or the delivery of one event; *e may hold hits */
    KVM_STEP_KICK,      /* asked to come out; nothing, or all of it, was done: begin again */
    KVM_STEP_EXIT,      /* *e says what happened instead: halted (the step is done), reset, error */
} KvmStep;

/* What a vCPU does next. */
typedef enum KvmReady {
    KVM_READY_HALT,     /* the guest has halted it, or has not started it, and nothing wakes it */
    KVM_READY_RUN,
    KVM_READY_STEP,     /* one step with interrupts held, then look again */
} KvmReady;

/* Did an instruction write there, by its operands? */
typedef enum KvmWrote { KVM_WROTE_NO, KVM_WROTE_YES, KVM_WROTE_PERHAPS } KvmWrote;

typedef struct KvmArch {
    /* After the virtual machine was made, before its CPUs: sets it up, tries what this host's KVM
     * can, and says it in *caps. [control] */
    bool (*vm_init)(KvmVm *kvm, AccelCaps *caps, GError **errp);
    void (*vm_fini)(KvmVm *kvm);
    bool (*vcpu_init)(Cpu *cpu, GError **errp);         /* [vcpu] */
    void (*vcpu_fini)(Cpu *cpu);                        /* [vcpu] */
    void (*fetch)(Cpu *cpu, RegGroups groups);          /* as AccelOps.vcpu_fetch */
    void (*store)(Cpu *cpu);
    /* Has the processor forget the translations that it has cached. [vcpu] */
    void (*flush)(Cpu *cpu);
    /* The machine was reset: forget what belongs to the guest that was. [control] */
    void (*reset)(Cpu *cpu);
    /* Guest time stands (true) or goes on where it stood. All parked. [control] */
    void (*freeze)(KvmVm *kvm, bool frozen);
    /* The plan's rows that concern this CPU have changed. All parked. [control] */
    void (*plan)(Cpu *cpu, const DebugPlan *plan);
    /* What is left to do before each entry: messages, interrupts (unless held), debug registers. step: a
     * step follows. [vcpu] */
    KvmReady (*prepare)(Cpu *cpu, bool hold, bool step);
    /* After KVM_RUN returned, whatever it returned. [vcpu] */
    void (*left)(Cpu *cpu);
    /* An exit that is not generic. True: *e is to be returned. [vcpu] */
    bool (*exit)(Cpu *cpu, VcpuExit *e);
    /* Executes one instruction, or delivers the event that is on its way, with interrupts held and
     * without a trace of it in the guest. In an exclusive section; patches are lifted. [vcpu] */
    KvmStep (*step)(Cpu *cpu, VcpuExit *e);
    /* Did what was stepped last write to these virtual addresses? [vcpu] */
    KvmWrote (*step_wrote)(Cpu *cpu, vaddr_t at, uint64_t len);
    /* Is the instruction at the pc a port's access that KVM has yet to finish? [vcpu] */
    bool (*at_port_access)(Cpu *cpu);
    /* Lines for `info debug`: what this host's KVM can and cannot do. */
    void (*describe)(KvmVm *kvm, GString *out);
    /* KVM's own interrupt controllers, as AccelIrqchipOps; NULL: they cannot be had. */
    void (*chips_nmi)(KvmVm *kvm);
    void (*chips_get)(KvmVm *kvm, AccelIrqchipState *state);
    void (*chips_set)(KvmVm *kvm, const AccelIrqchipState *state);
} KvmArch;

struct KvmVm {
    Vm *vm;
    const CpuClass *class;
    const KvmArch *arch;
    void *arch_data;            /* the pin's own */
    int dev, fd;                /* /dev/kvm, the virtual machine */
    bool irqchip;               /* the interrupt controllers are KVM's: kernel-irqchip=on */
    size_t run_size;            /* bytes of the shared page(s) of a vCPU */
    KvmMemory *memory;
    KvmPoints *points;
    KvmProtect *protect;

    Mutex exclusive;            /* held by who has an exclusive section */
    Mutex gate_lock;
    Cond gate;
    uint32_t closed;            /* [atomic] an exclusive section is wanted or under way */
};

typedef struct KvmCpu {
    int fd;
    struct kvm_run *run;
    void *arch;                 /* the pin's own */
    uint32_t in_guest;          /* [atomic] through the gate */
    bool exclusive;             /* this vCPU has the exclusive section */
    bool stale;                 /* translations are to be forgotten before the next entry */
    bool held;                  /* a port's write was told and is not yet made ... */
    vaddr_t held_pc;            /* ... and the pc was here when the vCPU left */
    bool incomplete;            /* an access was served, KVM has not finished its instruction */
} KvmCpu;

static inline KvmVm *kvm_of_vm(const Vm *vm)
{
    return vm->accel_data;
}
static inline KvmVm *kvm_of(const Cpu *cpu)
{
    return cpu->vm->accel_data;
}
static inline KvmCpu *kvm_cpu(const Cpu *cpu)
{
    return cpu->accel;
}

/* ioctl that is begun again when a signal interrupts it; -errno on failure. */
int kvm_ioctl(int fd, unsigned long request, void *arg);
/* KVM_CHECK_EXTENSION of the virtual machine; 0 where there is none. */
int kvm_check(const KvmVm *kvm, int cap);

/* What an entry ended with. */
typedef enum KvmEnter {
    KVM_ENTER_EXIT,     /* run->exit_reason says */
    KVM_ENTER_KICK,     /* a signal or immediate_exit */
    KVM_ENTER_FAULT,    /* EFAULT: the guest met a page that its host mapping forbids */
    KVM_ENTER_ERROR,    /* *e is EXIT_ERROR */
} KvmEnter;

/* Enters the guest once, through the gate unless in an exclusive section. [vcpu] */
KvmEnter kvm_enter(Cpu *cpu, VcpuExit *e);
/* Lets KVM finish an instruction whose port or memory access was just served, without executing
 * another one. False: there is another exit to be served. [vcpu] */
bool kvm_complete(Cpu *cpu);
/* Serves an exit for a port's or a device's sake. False: it is another kind of exit. [vcpu] */
bool kvm_serve(Cpu *cpu, VcpuExit *e);
/* After kvm_serve: has KVM finish the instruction, and serves what it asks for meanwhile, so that the registers
 * can be looked at. Not while a port's write is held. [vcpu] */
void kvm_settle(Cpu *cpu, VcpuExit *e);
/* Makes a thread's next or present KVM_RUN return. [any] */
void kvm_kick(Cpu *cpu);
/* Writes back what was changed in env and forgets what was fetched: before each entry. [vcpu] */
void kvm_sync(Cpu *cpu);
/* Fills *e: the executor cannot go on. Adds pc, the bytes there, and registers. [vcpu] */
void kvm_error(Cpu *cpu, VcpuExit *e, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* One step in an exclusive section of its own: lifts patches, steps, puts all back, and adds to
 * *e what watched memory it changed. [vcpu] */
KvmStep kvm_step(Cpu *cpu, VcpuExit *e);

/* ---- protected and barred pages: accel/kvm/protect.c; in an exclusive section ---- */
/* Lets the guest write to the protected pages of a virtual range, until the step ends. False: there are none, or
 * they are open already. */
bool kvm_unprotect_at(Cpu *cpu, vaddr_t at, uint64_t len);
/* Lets the guest write to all protected pages, until the step ends. False: that was so already. */
bool kvm_unprotect(KvmVm *kvm);
/* Takes all access from the pages of a virtual range; those barred before and not named are given
 * back. len 0: gives all back. */
void kvm_bar(Cpu *cpu, vaddr_t at, uint64_t len);

/* ---- points: accel/kvm/points.c ---- */
/* Adds the rows of exec points at the CPU's pc to *e. `patched`: those that are patches, else
 * those in debug registers. True if there are any. [vcpu] */
bool kvm_points_exec_at(Cpu *cpu, bool patched, VcpuExit *e);
/* Is there a patch at the CPU's pc, whoever asked for it? [vcpu] */
bool kvm_patch_at_pc(Cpu *cpu);
bool kvm_patches_any(const KvmVm *kvm);
/* Adds a hit. */
void kvm_add_hit(VcpuExit *e, const VcpuHit *hit);
/* Writes a breakpoint instruction at a virtual address for the length of a step (on), and takes it
 * away. False: that is not RAM. In an exclusive section. */
bool kvm_temporary_patch(Cpu *cpu, vaddr_t at, uint8_t *saved, bool on);
/* Rows that found no debug register on this CPU, because the guest has them: a bit per row of the
 * plan. [vcpu] or parked; a change of what needs other means takes an exclusive section. */
void kvm_points_spill(Cpu *cpu, const PlanPoint *const *row, unsigned n);

#endif
