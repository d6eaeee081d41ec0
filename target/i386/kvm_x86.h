/* Inside the x86 pin of KVM: shared by target/i386/kvm_*.c.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_KVM_X86_H
#define GLASSBOX_TARGET_I386_KVM_X86_H

#include "accel/kvm/kvm_arch.h"
#include "target/i386/cpuid.h"
#include "target/i386/dr7.h"
#include "target/i386/insn.h"
#include "target/i386/x86.h"

#define X86_KVM_MSRS 64
#define X86_KVM_ROWS X86_DR_WISHES

/* What this host's KVM can, by asking and by trying in a scratch virtual machine. */
typedef struct X86KvmCaps {
    bool tried;             /* the scratch machine ran; else nothing below is known */
    bool step;              /* KVM_GUESTDBG_SINGLESTEP */
    bool sw;                /* int3 comes out with KVM_GUESTDBG_USE_SW_BP */
    bool exec, data;        /* debug registers break on execution, on writes */
    bool cause;             /* DR6 of an exit tells which register it was */
    bool gd;                /* the guest's moves to debug registers come out */
    bool block_irq;         /* KVM_GUESTDBG_BLOCKIRQ */
    bool fault;             /* a store to a read-only host page is EFAULT, and is done afterwards */
    bool triple;            /* a triple fault leaves the registers as they were */
    bool bar;               /* an exception whose gate lies in an inaccessible page shows as pending */
} X86KvmCaps;

/* The machine's own: KvmVm.arch_data. */
typedef struct X86KvmVm {
    X86KvmCaps caps;
    X86ModelHost host;
    uint32_t msr[X86_KVM_MSRS];     /* those that KVM has, of the table in kvm_msr.c */
    unsigned nmsr;
    bool frozen;            /* time stands ... */
    uint64_t tsc_frozen;    /* ... and the first CPU's TSC here ... */
    uint64_t clock_frozen;  /* ... and KVM's clock here, if the guest may use it */
} X86KvmVm;

/* A vCPU's own: KvmCpu.arch. */
typedef struct X86Kvm {
    struct kvm_sregs sregs;             /* as last fetched: what env does not hold */
    struct kvm_vcpu_events events;
    uint64_t events_rip;                /* where they were seen */
    struct kvm_xsave *xsave;
    int requeue;            /* an interrupt taken back from KVM before it was delivered; -1: none */
    bool hold;              /* the next step lets no interrupt in */
    bool nmi;               /* KVM's own controllers: an NMI was taken back, too; else X86_IRQ_NMI */
    uint64_t deadline;      /* IA32_TSC_DEADLINE as last fetched */
    struct {                /* the timer of KVM's local APIC while time stands: what to put back */
        bool held;
        uint32_t initial, current;
        uint64_t deadline;
    } timer;
    bool can_shadow;        /* KVM takes interrupt shadows */
    bool ready_unknown;     /* registers were stored: run's interrupt flags are old */
    bool reset;             /* the next store is the first after a reset */
    uint8_t cr8;            /* what KVM was given */

    struct kvm_guest_debug armed;       /* what KVM_SET_GUEST_DEBUG was last given */
    const DebugPlan *plan;
    const PlanPoint *row[X86_KVM_ROWS]; /* rows of the plan that want registers here */
    X86DrWish wish[X86_KVM_ROWS];
    unsigned nrow;
    X86DrMerge merge;       /* who has which register; valid while `hw` */
    bool hw;                /* some register is ours: env->dr is the truth of the guest's own */
    uint64_t held[X86_DR_SLOTS];        /* what data registers watched when the guest was entered */
    bool dr_dirty;          /* the guest's own changed: merge again before entering */

    bool shadow;            /* a step put an interrupt shadow back, and nothing has run since */
    bool passed;            /* RF is set for an execute breakpoint that the guest has had at this pc */
    unsigned since_step;    /* entries since the last step */
    X86Insn insn;           /* the instruction that was stepped last */
    bool insn_known;
} X86Kvm;

static inline X86KvmVm *x86_kvm_vm(const Cpu *cpu)
{
    return kvm_of(cpu)->arch_data;
}
static inline X86Kvm *x86_kvm(const Cpu *cpu)
{
    return kvm_cpu(cpu)->arch;
}
/* An ioctl on a vCPU that can fail only by our own fault. */
void x86_kvm_do(Cpu *cpu, unsigned long request, void *arg, const char *what);

/* ---- kvm_model.c ---- */
/* What KVM's guests can be, as Vm.cpu_host. */
bool x86_kvm_host(KvmVm *kvm, X86ModelHost *host, GError **errp);
/* Gives a vCPU its CPUID. */
bool x86_kvm_set_cpuid(Cpu *cpu, GError **errp);

/* ---- kvm_state.c ---- */
void x86_kvm_fetch(Cpu *cpu, RegGroups groups);
void x86_kvm_store(Cpu *cpu);
void x86_kvm_flush(Cpu *cpu);
/* Only general registers, or only pending events, from env and events at once. */
void x86_kvm_put_regs(Cpu *cpu);
void x86_kvm_put_events(Cpu *cpu);
void x86_kvm_put_debugregs(Cpu *cpu);
void x86_kvm_find_msrs(KvmVm *kvm);
/* Reads or writes MSRs; how many, up to the first that KVM refuses. */
int x86_kvm_msrs(Cpu *cpu, bool set, struct kvm_msr_entry *entry, unsigned n);

/* ---- kvm_irq.c ---- */
/* Has the instruction at the pc to be stepped before the guest runs? An emulated processor may lose, at an
 * entry, the RF that lets it pass the guest's own breakpoint, and what shadow a step has put back counts little
 * with KVM (`shadowed`: there is one, and there may be an interrupt to be kept out). */
bool x86_kvm_goes_first(const Cpu *cpu, bool hold, bool step, bool shadowed);
KvmReady x86_kvm_prepare(Cpu *cpu, bool hold, bool step);
void x86_kvm_left(Cpu *cpu);
void x86_kvm_freeze(KvmVm *kvm, bool frozen);
/* An interrupt that KVM has taken and not delivered goes back to us. */
void x86_kvm_take_back(Cpu *cpu);

/* ---- kvm_debug.c ---- */
void x86_kvm_plan(Cpu *cpu, const DebugPlan *plan);
/* Makes KVM's debugging what plan, guest and step (KVM_GUESTDBG_* to add) want. */
void x86_kvm_arm(Cpu *cpu);
/* Arms exactly these: for steps. */
void x86_kvm_arm_with(Cpu *cpu, uint32_t control, const X86DrMerge *m, bool gd);
/* Where exits do not tell which register was met: notes what they watch, and tells which of it changed since. */
void x86_kvm_note_values(Cpu *cpu, const X86DrMerge *m);
uint32_t x86_kvm_changed(Cpu *cpu, const X86DrMerge *m);
/* KVM_EXIT_DEBUG outside a step. True: *e is to be returned. */
bool x86_kvm_debug_exit(Cpu *cpu, VcpuExit *e);
/* Adds hits for those rows (bit per row), by these registers of `m`. */
void x86_kvm_row_hits(Cpu *cpu, uint64_t rows, const X86DrMerge *m, uint32_t met, VcpuExit *e);
/* Has the guest get an exception at its next entry. error < 0: without error code. */
void x86_kvm_inject(Cpu *cpu, unsigned vector, int64_t error);
/* Has it get #DB with these bits of DR6 set. */
void x86_kvm_inject_db(Cpu *cpu, uint32_t bits);
/* Executes the MOV DR at the pc on the guest's own registers. True: an exception was injected. */
bool x86_kvm_mov_dr(Cpu *cpu, const X86Insn *insn);

/* ---- kvm_step.c ---- */
KvmStep x86_kvm_step(Cpu *cpu, VcpuExit *e);
KvmWrote x86_kvm_step_wrote(Cpu *cpu, vaddr_t at, uint64_t len);

/* ---- kvm_probe.c ---- */
void x86_kvm_try(KvmVm *kvm, X86KvmCaps *caps);
void x86_kvm_describe(KvmVm *kvm, GString *out);

#endif
