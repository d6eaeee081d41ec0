/* The contract of an executor (TCG, KVM, hvf, scripted): capabilities, the plan of debug points
 * it has to realise, the facts it reports.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Wishes come down as a DebugPlan and RunArgs; facts go up as a VcpuExit. An executor knows
 * nothing of clients, conditions or packets, and it never guesses: a hit names its location. */
#ifndef GLASSBOX_ACCEL_ACCEL_H
#define GLASSBOX_ACCEL_ACCEL_H

#include <glib.h>
#include "accel/point.h"
#include "cpu/cpu.h"
#include "util/types.h"

#define VCPU_HITS 8             /* locations told with one exit; further ones are dropped */
#define LOC_NONE 0u             /* no location; real ones count from 1 */

/* How the guest's own debug registers live with ours. */
typedef enum GuestDebug {
    GUEST_DEBUG_FULL,           /* both work together */
    GUEST_DEBUG_LOST,           /* the guest's own have no effect while a slot is ours */
} GuestDebug;

typedef struct AccelCaps {
    bool executes;                      /* guest code runs; else vCPUs only wait, and a machine
                                           needs nothing to boot */
    bool native_exec, native_data;      /* points without slots or patches: unlimited (TCG) */
    bool patch_exec;                    /* breakpoint instructions in guest memory */
    uint8_t exec_slots, data_slots;     /* debug registers; shared_slots: one pool of exec_slots */
    bool shared_slots;
    uint8_t data_max_len;               /* bytes that one data slot can watch, a power of two */
    bool data_read_only;                /* a slot can trap reads without writes */
    bool protect_data;                  /* write watchpoints by page protection, unlimited */
    bool step;                          /* RunArgs.step works */
    bool step_masks_irq;                /* RunArgs.mask_irq works */
    bool resume_skips_point;            /* RunArgs.skip_here works */
    bool icount;                        /* RunArgs.budget works, and is exact */
    uint32_t events;                    /* bit per PointKind >= POINT_EXCEPTION it can report */
    bool irqchip;                       /* the interrupt controllers are its own: AccelOps.irqchip. Halted
                                           vCPUs then wait inside vcpu_run */
    GuestDebug guest_debug;
} AccelCaps;

/* One location to be armed. Rows are sorted by (akind, addr, kind). */
typedef struct PlanPoint {
    PointKind kind;
    Backing backing;
    AddrKind akind;
    vaddr_t addr;               /* canonical virtual address, physical address, or number */
    uint64_t len;               /* bytes (exec: 1) or numbers */
    uint8_t rw;                 /* POINT_RW_*: of POINT_MSR and POINT_IO */
    Scope scope;                /* an executor may test it; the core tests it again */
    paddr_t paddr;              /* BACKING_PATCH and _PROTECT: where addr lies physically */
    uint32_t loc;               /* what to report */
    const Filter *filter;       /* not the executor's business; NULL: every hit stops */
} PlanPoint;

/* Immutable. `gen` changes exactly when the rows do; 0 is the empty plan at the start. */
typedef struct DebugPlan {
    uint64_t gen;
    unsigned n;
    const PlanPoint *point;
} DebugPlan;

typedef struct VcpuHit {
    uint32_t loc;
    uint32_t len;               /* bytes of the access (0: unknown) */
    vaddr_t access;             /* first address the access touched, of the plan row's AddrKind */
    bool write;
    bool has_values;            /* old and now are known */
    uint64_t old, now;          /* the watched bytes before and after, up to 8 from row's addr */
} VcpuHit;

/* Details of an event (EXIT_EVENT). Most are told before they happen, with the registers of the
 * instruction or of what is interrupted; nothing has been done then. The others are told when the
 * instruction, or the delivery of an exception or interrupt, has ended, with the pc that follows.
 *
 * EXCEPTION  before its delivery. number: vector; error; address: a page fault's; old, now: of a
 *            debug exception, its status register before and after.
 * INTERRUPT  before its delivery, when its controller has handed it out. number: vector; software:
 *            by an instruction.
 * MSR        before the instruction, after its privilege check. number; a write: old, now: the
 *            value there and the one to be written; a read: both are the value. An MSR that does
 *            not exist is told with zeroes.
 * CR         before the instruction, after its privilege check. number; old, now: the operand.
 * IO         a write (write): before it, now: the data. A read: after its instruction (a repeated
 *            one: its iteration), now: the data. number: first port; size: bytes.
 * ASPACE     after; old, now: page-table roots as CpuClass.address_space gives them.
 * MODE       after; old, now: as CpuClass.mode gives them.
 * TRIPLE     before the machine is reset for it, with the registers at the fault. */
typedef struct DebugEvent {
    PointKind kind;             /* POINT_EXCEPTION...; meaningful with EXIT_EVENT only */
    bool has_error, write, software;
    uint8_t size;               /* bytes of a port access */
    uint64_t number;            /* vector, MSR, port, control register; else 0 */
    uint64_t error;             /* error code */
    uint64_t old, now;
    vaddr_t address;
} DebugEvent;

typedef enum ExitKind {
    EXIT_KICK,          /* CPU_ATTN_EXIT was seen; nothing else to tell */
    EXIT_HALT,          /* cpu->power is no longer ON; with step_done if that was the step */
    EXIT_POINT,         /* hit[0..nhit) */
    EXIT_STEP,          /* the step is done, nothing hit */
    EXIT_EVENT,         /* event, and hit[] begins with the rows that asked for it; data points that
                           the instruction hit may follow. When the CPU goes again, the event
                           takes its course and is not reported again. If the pc was changed
                           meanwhile, what belonged to the instruction there is void: a fault or a
                           software interrupt is not delivered, a port not written. A trap after
                           an instruction and an external interrupt are delivered all the same */
    EXIT_BUDGET,        /* RunArgs.budget instructions were executed */
    EXIT_RESET,         /* the CPU wants the machine reset: triple fault */
    EXIT_SHUTDOWN,      /* the executor wants the machine to end; status in `status` */
    EXIT_ERROR,         /* cannot go on: `error` says why (g_malloc'ed; the run loop frees it) */
} ExitKind;

/* What happened. Exec points are reported before their instruction, data points after the
 * instruction that accessed, with pc at the next one (class->watch_before says otherwise for an
 * executor that cannot). An EXIT_POINT may carry step_done: the stepped instruction was
 * executed and hit. At the end of a step at an address that has an exec point, the executor may
 * report EXIT_STEP or EXIT_POINT|step_done; the core finds the point either way. */
typedef struct VcpuExit {
    ExitKind kind;
    bool step_done;
    bool skip_left;             /* EXIT_KICK, EXIT_HALT: RunArgs.skip_here was given and is not
                                   used up; the run loop will give it again */
    unsigned nhit;
    VcpuHit hit[VCPU_HITS];
    DebugEvent event;
    int status;
    char *error;
} VcpuExit;

typedef struct RunArgs {
    bool step;          /* execute one instruction (a REP: one iteration), then EXIT_STEP. An
                           instruction that faults: the step ends at the handler's first. */
    bool mask_irq;      /* no external interrupt is delivered during this run (with step) */
    bool skip_here;     /* exec points at the present pc are not reported for the first
                           instruction, which is executed before any interrupt is delivered. An
                           exit before it was executed says so by VcpuExit.skip_left */
    uint64_t budget;    /* leave with EXIT_BUDGET after so many instructions; 0: no limit */
} RunArgs;

#define ACCEL_IOAPIC_PINS 24

/* One 8259. */
typedef struct AccelPic {
    uint8_t irr, imr, isr, inputs;
    uint8_t level;              /* inputs that are level-triggered */
    uint8_t base;               /* first vector */
    uint8_t first;              /* the input of the highest priority */
    bool auto_eoi, special_mask, nested;
} AccelPic;

/* What the chips hold that a machine has one of. A zeroed one with all pins masked is a chip set
 * that firmware has initialised and nobody has used. */
typedef struct AccelIrqchipState {
    AccelPic pic[2];            /* master, slave */
    uint8_t ioapic_id;
    uint32_t ioapic_inputs;     /* pins that are asserted; not for set */
    uint64_t pin[ACCEL_IOAPIC_PINS];    /* redirection entries */
} AccelIrqchipState;

/* Interrupt controllers of the executor's own, where AccelCaps.irqchip says so: those of a PC, that
 * is a pair of 8259s, an I/O APIC, and a local APIC in each CPU. A machine then makes none, and maps
 * nothing where their registers lie. Local APICs are reset and shown with their CPU. */
typedef struct AccelIrqchipOps {
    /* Line 0 to 15 of the ISA bus, to both chips (line 0: to pin 2 of the I/O APIC); from 16 on pins
     * of the I/O APIC alone. VM lock held, or before the machine runs. */
    void (*set_line)(Vm *vm, unsigned line, int level);
    /* A message-signalled interrupt, as a device writes it. False: no CPU accepts it. [any] */
    bool (*message)(Vm *vm, uint64_t address, uint32_t data);
    /* A pulse of the NMI line, which goes to LINT1 of all CPUs. [any] */
    void (*nmi)(Vm *vm);
    /* set: all parked, [control]. */
    void (*get)(Vm *vm, AccelIrqchipState *state);
    void (*set)(Vm *vm, const AccelIrqchipState *state);
} AccelIrqchipOps;

/* Where a location is not realised as its backing says, because the guest has taken debug registers for
 * itself: a bit per vCPU. */
typedef struct PointNow {
    uint64_t moved;             /* by other means meanwhile */
    uint64_t suspended;         /* not at all, until there is room */
} PointNow;

/* Threads: [control] the main loop's thread; [vcpu] the vCPU's own; [any].
 * "All parked" means no vCPU is inside vcpu_run. May be NULL: marked (opt). */
typedef struct AccelOps {
    const char *name;
    size_t vcpu_size;           /* bytes of per-vCPU data in front of Cpu */
    /* Can this accelerator run this class on this host? [control] */
    bool (*probe)(const CpuClass *class, GError **errp);
    /* Once, before any vCPU is made. `options` is what followed the name in -accel
     * ("backend=interp,..."), or NULL. [control] */
    bool (*init)(Vm *vm, const CpuClass *class, const char *options, AccelCaps *caps,
                 GError **errp);
    void (*fini)(Vm *vm);
    bool (*vcpu_init)(Cpu *cpu, GError **errp);         /* [vcpu] (opt) */
    void (*vcpu_fini)(Cpu *cpu);                        /* [vcpu] (opt) */
    /* Clears CPU_ATTN_EXIT and whatever else a former kick left. The run loop calls it, then
     * looks once more whether it shall run, then calls vcpu_run; so a kick that comes after
     * vcpu_arm makes the very next vcpu_run return at once. [vcpu] (opt: the run loop clears
     * CPU_ATTN_EXIT itself) */
    void (*vcpu_arm)(Cpu *cpu);
    /* Executes. Returns at once with EXIT_HALT if cpu->power is not ON and class->has_work is
     * false. Device accesses happen inside, under vm_lock, which is never held at return. */
    VcpuExit (*vcpu_run)(Cpu *cpu, const RunArgs *args);        /* [vcpu] */
    /* CPU_ATTN_EXIT has been set: get the thread out of the guest. [any] (opt) */
    void (*vcpu_kick)(Cpu *cpu);
    /* cpu->irq_pending changed (CPU_ATTN_IRQ has been set). [any] (opt) */
    void (*vcpu_irq)(Cpu *cpu);
    /* Brings groups of registers into env; writes changed env back. [vcpu], or [control] while
     * parked. (opt, both or none: env is the truth) */
    void (*vcpu_fetch)(Cpu *cpu, RegGroups groups);
    void (*vcpu_store)(Cpu *cpu);
    /* A debugger has written memory, page tables perhaps: what this CPU remembers of them counts no more.
     * [vcpu], or [control] while parked. (opt: it remembers nothing) */
    void (*vcpu_flush)(Cpu *cpu);
    /* The plan changed: what is VM-wide (translated blocks, patches). Called once per change,
     * before vcpu_plan of each vCPU. All parked, [control]. On failure the machine stays with
     * `old`. Plans stay valid until the next call has returned. (opt) */
    bool (*plan)(Vm *vm, const DebugPlan *old, const DebugPlan *now, GError **errp);
    /* The same for one vCPU: idempotent, the whole wanted set. All parked, [control]. (opt) */
    bool (*vcpu_plan)(Cpu *cpu, const DebugPlan *plan, GError **errp);
    /* Reads what the guest would see without the executor's patches; changes at[0..len) of buf
     * that were read from physical memory. (opt: no patches) */
    void (*mem_unpatch)(Vm *vm, paddr_t at, uint8_t *buf, uint64_t len);
    /* What has become of a location. [any] (opt: all are as planned) */
    PointNow (*point_now)(Vm *vm, uint32_t loc);
    /* The machine was reset: drop caches. All parked, [control]. (opt) */
    void (*reset)(Vm *vm);
    /* Clocks of the executor itself stand (true) or go. All parked. (opt) */
    void (*clock_freeze)(Vm *vm, bool frozen);
    /* Lines for `info debug`: what this host's kernel or processor can and cannot do, and what follows.
     * [control] (opt) */
    void (*describe)(Vm *vm, GString *out);
    /* (opt) */
    const AccelIrqchipOps *irqchip;
    /* Writes of physical memory from outside the guest reach the executor by mem/mem.h's code
     * hook (mem_set_code_hook), which it sets itself in init or at vm_start. */
} AccelOps;

const char *exit_kind_name(ExitKind k);

/* Is this CPU, now, within a point's scope? On the owner's thread. */
static inline bool scope_has(const Scope *s, const Cpu *cpu)
{
    if (s->cpus && (cpu->index >= 64 || !(s->cpus >> cpu->index & 1))) {
        return false;
    }
    if (s->by_aspace &&
        (!cpu->class->address_space || cpu->class->address_space(cpu) != s->aspace)) {
        return false;
    }
    return !s->levels || !cpu->class->privilege ||
           (s->levels >> cpu->class->privilege(cpu) & 1);
}

#endif
