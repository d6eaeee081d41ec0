/* Inside vm/: run control's data, shared by run.c, vcpu.c and power.c.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_VM_RUN_INT_H
#define GLASSBOX_VM_RUN_INT_H

#include "util/mainloop.h"
#include "vm/vm.h"

/* VcpuRun.wish: what other threads want from a vCPU thread. */
enum {
    WISH_PARK = 1,
    WISH_WORK = 2,
    WISH_QUIT = 4,
};

/* VmRun.requests */
enum {
    REQUEST_RESET = 1,
    REQUEST_SHUTDOWN = 2,
};

typedef struct WorkItem {
    void (*fn)(Cpu *cpu, void *data);
    void *data;
    void (*free_data)(void *data);
    bool *done;             /* set under the lock; NULL: nobody waits */
} WorkItem;

/* One vCPU's part. Under VmRun.lock, except where said. */
struct VcpuRun {
    Cond cond;              /* the thread waits here: parked, or asleep while halted */
    uint32_t wish;          /* [atomic] WISH_*; changed under the lock */
    bool go;                /* parked thread: leave the parking place */
    bool serve;             /* parked thread: run the work items, the control thread waits */
    bool again;             /* it parked without anything to tell: may go on with args */
    bool alone;             /* it parked alone, and the control thread has not looked yet */
    bool ready, failed;     /* start-up */
    GError *error;
    RunArgs args;           /* owned like the state: by the thread while running */
    VmParked parked;
    GQueue work;            /* WorkItem */
};

struct VmRun {
    Mutex lock;
    Cond control;           /* the control thread waits here for vCPUs */
    int event_fd;           /* tells the main loop to look */
    FdWatch *watch;
    unsigned nrunning;      /* vCPUs that are not PARKED */
    bool draining;          /* all were asked to park, for a reason to be told or handled */
    bool rendezvous;        /* ... or for a rendezvous only */
    bool started;
    StopKind why;
    uint64_t order;
    uint32_t requests;
    VmCause reset_cause, shutdown_cause;    /* of requests */
    int status;
    VmCause caught_cause, end_cause;        /* of what was handled; control thread's */
    int end_status;
    bool going;             /* observers know the machine as running; the control thread's */
    bool hold_clock;
    bool reset_caught;      /* a hook took the reset as a stop: it happens at the next vm_go */
    bool ended, powered_off;
    const VmRunHooks *hooks;
    void *hooks_opaque;
    const DebugPlan *plan;
    void (*activity)(void *opaque);         /* vm_watch_activity */
    void *activity_opaque;
};

/* vm/run.c */
void run_init(Vm *vm);
void run_fini(Vm *vm);
/* Tells the main loop to look at what happened. Any thread. */
void run_notify(Vm *vm);
/* Asks all running vCPUs to park. Lock held. */
void run_drain_locked(Vm *vm);
/* Gets one out of the guest or out of its sleep. Lock held. */
void run_kick_locked(Cpu *cpu);

/* vm/vcpu.c: a vCPU's thread. */
void *vcpu_main(void *cpu);
/* Is there a reason to enter the accelerator: not halted, or woken? On the CPU's thread, or while
 * that sleeps, under the lock. */
bool vcpu_can_run(const Cpu *cpu);
void vcpu_work_clear(Cpu *cpu);

/* vm/power.c */
void power_init(Vm *vm);
void power_fini(Vm *vm);
/* Handles what was asked for, all parked. True: vCPUs must not go on by themselves, because
 * there is something to tell or the machine ended. Control thread, no locks. */
bool power_handle_requests(Vm *vm);
void power_do_reset(Vm *vm, VmCause cause);
void power_notify_running(Vm *vm);
void power_notify_paused(Vm *vm);

/* vm/clock.c */
void clock_init(Vm *vm);
void clock_fini(Vm *vm);
/* Stops and starts the clock. Any thread; a second stop or start does nothing. */
void clock_freeze(Vm *vm);
void clock_thaw(Vm *vm);

#endif
