/* The contract of a guest CPU: its class (one const table per architecture) and its object.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may touch what. A CPU's state (env and the fields marked [state]) belongs to its vCPU
 * thread while RUNNING and to the control thread (the main loop's) while PARKED; no lock guards
 * it. Fields marked [atomic] may be touched by every thread, with the atomics of util/thread.h.
 * Anything else a thread wants from a running CPU is a work item (vm_run_on_cpu, vm/vm.h). */
#ifndef GLASSBOX_CPU_CPU_H
#define GLASSBOX_CPU_CPU_H

#include <glib.h>
#include "cpu/regs.h"
#include "util/thread.h"
#include "util/types.h"

typedef struct Vm Vm;
typedef struct CpuClass CpuClass;
struct AccelOps;
struct TcgFrontend;
struct KvmArch;
struct HvfArch;
struct CoreDumpClass;

/* What the guest made of this CPU; nothing to do with being stopped by a debugger. */
typedef enum CpuPower {
    CPU_POWER_ON,       /* executes instructions */
    CPU_POWER_HALTED,   /* HLT, WFI: an interrupt goes on */
    CPU_POWER_OFF,      /* not started, or turned off by the guest */
    CPU_POWER_WAIT,     /* waits for its start-up message (x86: INIT seen, SIPI awaited) */
} CpuPower;

/* Who executes on behalf of the CPU; written by vm/run.c only. */
typedef enum RunState {
    RUN_PARKED,         /* state belongs to the control thread */
    RUN_RUNNING,        /* state belongs to the vCPU's thread (also while the guest is halted) */
    RUN_DRAINING,       /* was asked to park and has not yet done so */
} RunState;

/* Cpu.attn: the one word that generated code compares with zero at block entry. */
enum {
    CPU_ATTN_EXIT = 1,  /* vcpu_run must return (EXIT_KICK); stays set until vcpu_arm */
    CPU_ATTN_IRQ = 2,   /* irq_pending changed: the vCPU clears this bit first, then looks */
    CPU_ATTN_ACCEL = 4, /* free for the accelerator's own use (block flush, TLB shootdown) */
};

/* What a page-table walk found. */
typedef struct Translation {
    paddr_t paddr;      /* of the very address asked for */
    uint64_t left;      /* bytes from there to the end of its page, at least 1 */
    uint64_t page_size; /* 4096, 2 MiB...; 1 << 63 when paging is off */
    bool read, write, exec;     /* what the guest's own access rights would allow at the CPU's
                                   present privilege: for qMemoryRegionInfo; a debugger's access
                                   is not bound by them */
    bool user;          /* reachable from the lowest privilege */
    bool hole;          /* when translate failed: `left` tells how far the hole goes */
} Translation;

/* What `info NAME` shows of one CPU beyond its registers: its local interrupt controller, its page
 * tables. print runs on the owner's thread, with the groups in `fetch` fetched. */
typedef struct CpuView {
    const char *name;           /* the word behind `info`; NULL ends a table */
    const char *help;           /* one line */
    RegGroups fetch;
    void (*print)(const Cpu *cpu, GString *out);
} CpuView;

struct CpuClass {
    const char *name;           /* "x86_64" */
    const char *gdb_arch;       /* NULL: regs->arch */
    const RegSet *regs;         /* the default description */
    /* The description for a named architecture (-gdb ...,arch=i386); NULL when unknown. May
     * be NULL. */
    const RegSet *(*regs_for_arch)(const Cpu *cpu, const char *arch);
    size_t state_size;          /* bytes of env */
    bool big_endian;
    bool watch_before;          /* hardware watchpoints trap before the access (AArch64) */
    uint8_t addr_bits;          /* bits of a virtual address that count: 48, 57, 32 */
    uint8_t insn_max;           /* longest instruction in bytes */
    uint8_t insn_min;           /* and the shortest, also their alignment: 1 or 4 */
    uint8_t brk_len;            /* length of a breakpoint instruction */
    uint8_t brk[4];

    /* One-time set-up of a zeroed state after cpu_new; `model` is the -cpu argument or NULL.
     * May be NULL. fini undoes it. */
    bool (*init)(Cpu *cpu, const char *model, GError **errp);
    void (*fini)(Cpu *cpu);
    /* Power-on or reset state; also sets cpu->power. On the owner's thread. */
    void (*reset)(Cpu *cpu);
    vaddr_t (*get_pc)(const Cpu *cpu);          /* linear: x86 gives CS base + RIP */
    void (*set_pc)(Cpu *cpu, vaddr_t pc);       /* the same meaning */
    /* Page-table walk without side effects; false: nothing mapped (t->hole, t->left set). */
    bool (*translate)(const Cpu *cpu, vaddr_t va, Translation *t);
    /* Disassembles one instruction at pc from code[len]; appends its text. Returns its length
     * in bytes, 0 if len is too short or there is no such instruction. */
    unsigned (*disas)(const Cpu *cpu, vaddr_t pc, const uint8_t *code, size_t len, GString *out);
    /* If code[len], at this CPU's pc, is an instruction that is passed over by who steps from one
     * to the next of a function (a call, a software interrupt or system call, a repeated string
     * operation): its length, else 0. May be NULL. */
    unsigned (*call_length)(const Cpu *cpu, const uint8_t *code, size_t len);
    /* Would this CPU go on now, being halted or waiting: is an interrupt pending that is not
     * masked, or its start-up message? Reads irq_pending by atomic_get. Called on the vCPU's
     * thread only. NULL: any pending bit. */
    bool (*has_work)(const Cpu *cpu);
    /* Sign-extends or strips tags: the form that points compare by. NULL: as it is. */
    vaddr_t (*canonical)(const Cpu *cpu, vaddr_t va);
    uint64_t (*address_space)(const Cpu *cpu);  /* page-table root (CR3 without flags) */
    unsigned (*privilege)(const Cpu *cpu);      /* 0 = most (x86: CPL; AArch64: 3 - EL) */
    /* Words for qThreadExtraInfo: mode, privilege ("64-bit, ring 0"). May be NULL. */
    void (*describe)(const Cpu *cpu, GString *out);
    /* The registers as the code that runs now sees them, for unwinding: 32-bit code on a 64-bit CPU
     * has other ones. NULL: code whose frames can't be followed (16-bit). NULL pin: always regs. */
    const RegSet *(*code_regs)(const Cpu *cpu);
    /* Addresses of the guest kernel's code that system registers and their tables name (system
     * call entry, exception handlers), best first. Everything is fetched. May be NULL. */
    unsigned (*code_entries)(const Cpu *cpu, vaddr_t *out, unsigned max);
    /* Mode and privilege as one number, for events of kind POINT_MODE, and such a number in words
     * ("64-bit, ring 0"). May be NULL, both or none. */
    uint64_t (*mode)(const Cpu *cpu);
    void (*mode_text)(uint64_t mode, GString *out);
    /* A number of an exception vector, MSR... as people write it: "#PF", NULL if unknown.
     * kind is a PointKind (accel/point.h). May be NULL. */
    const char *(*event_name)(unsigned kind, uint64_t number);
    /* The reverse, whatever the case of the letters and without marks and prefixes that people
     * leave out ("pf", "efer"). False: no such name. Numbers in digits are the caller's business.
     * May be NULL. */
    bool (*event_number)(unsigned kind, const char *name, uint64_t *number);
    const struct StateField *state;             /* describes env; vm/state.h */
    const CpuView *views;       /* may be NULL */
    const struct CoreDumpClass *core;   /* cpu/core_dump.h; NULL: no core files */

    const struct TcgFrontend *tcg;              /* pins: NULL where there is none */
    const struct KvmArch *const *kvm;           /* the pointer is NULL where the host has no KVM for it */
    const struct HvfArch *hvf;
};

struct Cpu {
    const CpuClass *class;
    Vm *vm;
    void *env;                  /* target's state, at a constant distance behind this */
    void *accel;                /* accelerator's per-vCPU data, in front of this */
    const struct AccelOps *ops; /* the accelerator's operations; set by vm_start */
    unsigned index;             /* 0 ... n-1: place in Vm.cpus */

    uint32_t attn;              /* [atomic] CPU_ATTN_* */
    uint32_t irq_pending;       /* [atomic] bits defined by the target */
    uint32_t asleep;            /* [atomic] the thread sleeps because the guest is halted */
    uint32_t run_state;         /* [atomic] RunState, written by vm/run.c only */
    uint32_t power;             /* [state] CpuPower; others may read it atomically */
    bool dirty;                 /* [state] must be given to the accelerator before it runs */
    RegGroups fetched;          /* [state] groups that env holds; TCG: always REGS_ALL */
    bool pc_written;            /* [state] by a debugger, since the last stop */
    uint32_t events;            /* [state] kinds of events that the accelerator has points for: bit
                                   per PointKind */

    struct VcpuRun *run;        /* vm/run.c's own */
    void (*kick)(Cpu *cpu);     /* set by vm/run.c: gets the thread out of the guest or sleep */
    void (*wake)(Cpu *cpu);     /* set by vm/run.c: irq_pending changed */
    void (*fetch)(Cpu *cpu, RegGroups groups);      /* the executor's vcpu_fetch, or NULL */
    Thread thread;
    uint64_t insns;             /* [state] instructions executed, where the accelerator counts */
};

#define CPU_ALIGN 64u
#define CPU_ENV_OFFSET (((uint32_t)sizeof(Cpu) + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN)

/* The Cpu that a target's state belongs to. */
static inline Cpu *cpu_from_env(const void *env)
{
    return (Cpu *)((char *)(uintptr_t)env - CPU_ENV_OFFSET);
}

/* What the accelerator's data is, seen from env: env - CPU_ACCEL_DISTANCE(accel_size). */
#define CPU_ACCEL_DISTANCE(accel_size) \
    (CPU_ENV_OFFSET + ((uint32_t)(accel_size) + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN)

/* Makes a CPU: one zeroed allocation [accelerator's data][Cpu][state], runs class->init, then
 * class->reset. Threads are started later, by vm_start. Main thread. */
Cpu *cpu_new(const CpuClass *class, Vm *vm, unsigned index, size_t accel_size,
             const char *model, GError **errp);
void cpu_free(Cpu *cpu);

/* The CPU that runs on the calling thread; NULL on any other. */
Cpu *cpu_current(void);
void cpu_set_current(Cpu *cpu);         /* for vm/run.c */

/* Sets pending bits and makes the CPU look at them soon, waking it when halted. Any thread. */
void cpu_interrupt(Cpu *cpu, uint32_t mask);
/* Clears pending bits. Any thread. */
void cpu_interrupt_clear(Cpu *cpu, uint32_t mask);
static inline uint32_t cpu_interrupt_pending(const Cpu *cpu)
{
    return atomic_get(&cpu->irq_pending);
}

/* Makes vcpu_run return soon with EXIT_KICK. A kick after vcpu_arm is never lost. Any thread. */
void cpu_kick(Cpu *cpu);

/* Fetches groups of registers that env does not yet hold. Owner's thread. */
void cpu_fetch(Cpu *cpu, RegGroups groups);
/* To be called before a debugger changes env: fetches all and marks it changed. Owner's thread. */
void cpu_touch(Cpu *cpu);

/* The pc. Owner's thread. */
vaddr_t cpu_pc(const Cpu *cpu);
/* An address in the form that points compare by. */
vaddr_t cpu_canonical(const Cpu *cpu, vaddr_t va);
const char *cpu_power_name(CpuPower power);     /* "running", "halted"... */
/* Writes the registers of up to 64 bits to the log (-d cpu). Owner's thread; fetched already. */
void cpu_log(const Cpu *cpu);

#endif
