/* The machine: its vCPUs, its lock, who starts, stops, resets and ends it.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Threads. The control thread is the one that runs the main loop; functions are for it alone
 * unless marked [any]. Each vCPU has one thread, which is either parked or inside the
 * accelerator's vcpu_run. Nobody waits for a vCPU while holding vm_lock. Lock order: vm_lock,
 * then the locks inside vm/, which call nobody.
 *
 * Word use: *park* is what a vCPU thread does when it is told to (its state then belongs to the
 * control thread), *stop* is what clients are told, *halt*, *off* and *wait* are the guest's
 * (CpuPower). */
#ifndef GLASSBOX_VM_VM_H
#define GLASSBOX_VM_VM_H

#include <glib.h>
#include "accel/accel.h"
#include "cpu/cpu.h"
#include "util/thread.h"
#include "vm/clock.h"
#include "vm/stop.h"

#define VM_MAX_CPUS 64

typedef struct MemSpace MemSpace;

/* What becomes of a wish of the guest, by the command line. */
typedef struct VmPolicy {
    bool no_reboot;         /* a reset ends the machine instead */
    bool no_shutdown;       /* a shutdown by the guest stops the machine instead of ending it */
    bool panic_stops;       /* a guest panic stops (default) instead of ending it */
} VmPolicy;

struct Vm {
    unsigned ncpus;
    Cpu *cpus[VM_MAX_CPUS];
    const AccelOps *accel;
    AccelCaps caps;
    void *accel_data;               /* the accelerator's own, machine-wide */
    const void *cpu_host;           /* the real processor that executes, in the target's own terms;
                                       set by init of such an accelerator, else NULL */
    MemSpace *memory;               /* physical memory; set by the machine */
    MemSpace *io;                   /* x86 port space; NULL elsewhere */
    VmPolicy policy;
    const char *name;               /* -name; NULL: none */
    struct VmRun *run;              /* vm/run.c */
    struct VmClock *clock;          /* vm/clock.c */
    struct VmPower *power;          /* vm/power.c: reset, shutdown, observers */
    Mutex lock;                     /* by vm_lock */
    int lock_wanted;                /* [atomic] threads other than vCPUs that wait for it */
};

/* Makes an empty machine: no CPUs, clock frozen at 0, not started. The caller's thread becomes
 * its control thread; mainloop_init (util/mainloop.h) has been called. */
Vm *vm_new(void);
/* Ends all vCPU threads, finishes the accelerator, frees CPUs. Memory stays its owner's. */
void vm_free(Vm *vm);

/* Chooses the executor: probe and init. Before vm_add_cpu. */
bool vm_set_accel(Vm *vm, const AccelOps *ops, const CpuClass *class, const char *options,
                  GError **errp);
/* Makes the next vCPU; `model` is -cpu's argument or NULL. Before vm_start. */
Cpu *vm_add_cpu(Vm *vm, const CpuClass *class, const char *model, GError **errp);
/* Starts the vCPU threads, all parked. Nothing runs yet. */
bool vm_start(Vm *vm, GError **errp);
bool vm_started(const Vm *vm);

/* The lock of device code. Recursive: a device may call into another. [any] */
void vm_lock(Vm *vm);
void vm_unlock(Vm *vm);
bool vm_lock_held(const Vm *vm);        /* by the calling thread */

/* ---- run control: vm/run.c ---- */

/* How one vCPU is to run. */
typedef struct VmGo {
    Cpu *cpu;
    RunArgs args;
} VmGo;

/* What the hook says to an exit. */
typedef enum VmVerdict {
    VM_GO,              /* go on with *args as it now is */
    VM_STOP_ALL,        /* this vCPU parks and all others are asked to */
    VM_STOP_ONE,        /* this vCPU parks alone (non-stop) */
} VmVerdict;

/* The debug core's view into run control. */
typedef struct VmRunHooks {
    /* A vCPU came out of the accelerator with something to judge (EXIT_POINT, EXIT_STEP,
     * EXIT_EVENT, EXIT_HALT with step_done, EXIT_BUDGET, EXIT_ERROR). It may change *exit
     * (drop hits that do not pass) and *args (for VM_GO). vCPU's thread, no locks held. */
    VmVerdict (*exit)(void *opaque, Cpu *cpu, VcpuExit *exit, RunArgs *args);
    void (*parked)(void *opaque);   /* all vCPUs parked, after a drain; once per drain. Control. */
    void (*cpu_parked)(void *opaque, Cpu *cpu);     /* one parked after VM_STOP_ONE or
                                                       vm_park_cpu. Control. */
    /* The machine is about to be reset or to end, all parked. True: the hook takes it as a stop
     * (a client catches it); the reset happens when the machine is next resumed. Control. */
    bool (*reset)(void *opaque, VmCause cause);
} VmRunHooks;
void vm_set_run_hooks(Vm *vm, const VmRunHooks *hooks, void *opaque);

/* Lets parked vCPUs go. CPUs not named keep doing what they do. If nothing ran before, the
 * clock (unless hold_clock) and the devices go first. A reset that a hook had caught happens
 * first. Not when the machine has ended or is powered off. Control thread. */
void vm_go(Vm *vm, const VmGo *go, unsigned n, bool hold_clock);
/* All vCPUs, freely. */
void vm_go_all(Vm *vm);
/* Asks all vCPUs to park; hooks->parked follows, from the main loop. `why` is remembered for
 * those who ask vm_stop_why. When all are parked already and no drain is under way, nothing
 * happens and false is returned. [any] */
bool vm_park_all(Vm *vm, StopKind why);
/* Asks one. [any] */
void vm_park_cpu(Cpu *cpu);
/* The first reason given to vm_park_all since the last vm_go; STOP_NONE if none was. */
StopKind vm_stop_why(const Vm *vm);

/* The fact with which a parked CPU came out. exit.kind is EXIT_KICK when it was only asked to
 * park. `order` counts: the lowest was first. Valid until that CPU goes again. */
typedef struct VmParked {
    VcpuExit exit;
    uint64_t order;         /* 0: nothing to tell */
} VmParked;
const VmParked *vm_cpu_parked_with(const Cpu *cpu);
/* Says that the fact has been told. */
void vm_cpu_parked_clear(Cpu *cpu);

/* The arguments with which a parked CPU last ran, as far as it did not use them up: skip_here is
 * still set if it has not executed anything. */
const RunArgs *vm_cpu_args(const Cpu *cpu);

bool vm_cpu_running(const Cpu *cpu);    /* RUNNING or DRAINING. [any] */
bool vm_running(const Vm *vm);          /* any vCPU is. [any] */

/* What the vCPUs are about. */
typedef enum VmActivity {
    VM_ACTIVITY_CHANGES,    /* a stop, a reset or the end was asked for and is not done yet */
    VM_ACTIVITY_EXECUTES,   /* some vCPU executes guest code, or is about to */
    VM_ACTIVITY_HALTED,     /* all that are not parked sleep, because the guest has halted or not
                               started them, and nothing is pending that would wake one */
    VM_ACTIVITY_STOPPED,    /* all are parked */
} VmActivity;

/* With EXECUTES, *cpu is one that does. It stays HALTED or STOPPED until the control thread
 * does something (a timer, input, a resume). Control thread, or within a rendezvous. */
VmActivity vm_activity(Vm *vm, unsigned *cpu);
/* Has fn called on the main loop after a vCPU has fallen asleep or parked: when vm_activity may
 * give another answer. One at a time; NULL ends it. Control thread. */
void vm_watch_activity(Vm *vm, void (*fn)(void *opaque), void *opaque);

/* Waits until every vCPU that was asked to park has parked. Not under vm_lock. Control. */
void vm_wait_parked(Vm *vm);
/* A short rendezvous: brings every running vCPU out of the guest, calls fn, and lets those that
 * have nothing to tell go on with the same arguments. Unseen by observers; the clock goes on.
 * Control thread, not under vm_lock; while all are parked it just calls fn. */
void vm_rendezvous(Vm *vm, void (*fn)(void *opaque), void *opaque);
/* The same for work that takes long: the clock stands meanwhile. */
void vm_hold(Vm *vm, void (*fn)(void *opaque), void *opaque);

/* Runs fn(cpu, data) on the vCPU's thread, at its next exit from the guest, which is made to
 * come soon; for a parked one, before it goes again. Does not wait. free_data (may be NULL) is
 * called after fn, or if the machine ends before. Items of one CPU run in order. [any] */
void vm_run_on_cpu_async(Cpu *cpu, void (*fn)(Cpu *cpu, void *data), void *data,
                         void (*free_data)(void *data));
/* The same and waits until it is done. Not under vm_lock. Control thread, or the CPU's own (then
 * it is a plain call). */
void vm_run_on_cpu(Cpu *cpu, void (*fn)(Cpu *cpu, void *data), void *data);

/* Makes a plan the one in force: accel->plan and vcpu_plan for all. All parked (or within a
 * rendezvous). The plan must live until the next call. On failure the old one stays. */
bool vm_set_plan(Vm *vm, const DebugPlan *plan, GError **errp);

/* ---- reset, end, observers: vm/power.c ---- */

/* Asks for a reset of the machine. vCPUs execute nothing further (the asking one not after its
 * present instruction); when all are parked, the reset handlers run on the control thread under
 * the VM lock, and what ran before runs on. With policy.no_reboot it is a shutdown with status 0
 * (guest causes only). [any], also under vm_lock. */
void vm_request_reset(Vm *vm, VmCause cause);
/* Asks for the machine's end with this exit status. [any], also under vm_lock. */
void vm_request_shutdown(Vm *vm, VmCause cause, int status);
/* Guest panic (pvpanic): stops or ends the machine, by policy. [any] */
void vm_request_panic(Vm *vm);
/* Has the machine ended (or, with no_shutdown, is it powered off)? */
bool vm_ended(const Vm *vm);
bool vm_powered_off(const Vm *vm);
/* Why it ended (or is powered off), and with which status (may be NULL). */
VmCause vm_end_cause(const Vm *vm, int *status);

/* Order of reset handlers: lower first. */
enum { VM_RESET_DEVICES = 0, VM_RESET_CPUS = 100, VM_RESET_LOADER = 200 };
/* Adds a reset handler. vCPUs are reset by the core itself at VM_RESET_CPUS (class->reset), so
 * that a loader's handler can set the boot CPU's registers. Handlers run on the control thread
 * under the VM lock, all vCPUs parked. */
void vm_add_reset(Vm *vm, int order, void (*fn)(void *opaque), void *opaque);
void vm_remove_reset(Vm *vm, void (*fn)(void *opaque), void *opaque);
/* Resets at once: all parked (before the first run, after loading). Control thread. */
void vm_reset_now(Vm *vm, VmCause cause);
/* Does the reset that a hook had caught, if there is one; vm_go does it too. Control thread. */
void vm_finish_caught_reset(Vm *vm);

/* Observers; each pointer may be NULL. All on the control thread, without the VM lock. */
typedef struct VmObserverOps {
    void (*running)(void *opaque);          /* vCPUs are about to go; the clock goes already */
    void (*paused)(void *opaque);           /* all parked, the clock stands */
    void (*reset)(void *opaque, VmCause cause);         /* after the reset */
    void (*panic)(void *opaque);
    /* The machine has ended (powered off with no_shutdown: it can only be reset). */
    void (*ended)(void *opaque, VmCause cause, int status);
    void (*powerdown)(void *opaque);        /* somebody pressed the power button */
} VmObserverOps;
typedef struct VmObserver VmObserver;
VmObserver *vm_add_observer(Vm *vm, const VmObserverOps *ops, void *opaque);
void vm_remove_observer(Vm *vm, VmObserver *o);
/* Tells observers that the power button was pressed; by whoever had the machine press it. */
void vm_tell_powerdown(Vm *vm);

#endif
