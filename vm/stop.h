/* Word header: why the machine (or one vCPU) stopped.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_VM_STOP_H
#define GLASSBOX_VM_STOP_H

typedef enum StopKind {
    STOP_NONE,          /* not stopped */
    STOP_START,         /* never run yet (-S) */
    STOP_POINT,         /* a point was hit */
    STOP_STEP,          /* a step or a range step is done */
    STOP_INTERRUPT,     /* a client asked */
    STOP_EVENT,         /* an event that a client catches (exception, MSR, reset...) */
    STOP_PANIC,         /* the guest says that it crashed (pvpanic) */
    STOP_SHUTDOWN,      /* the guest is powered off and the machine was told to stay */
    STOP_ERROR,         /* the executor cannot go on; StopInfo.text says why */
    STOP_HISTORY_START, /* going backward: no more history */
    STOP_HISTORY_END,   /* going forward in a replay: its end */
} StopKind;

/* Why the machine ends or is reset. */
typedef enum VmCause {
    VM_CAUSE_GUEST_SHUTDOWN,    /* power-off by the guest */
    VM_CAUSE_GUEST_RESET,       /* reset port or register */
    VM_CAUSE_TRIPLE_FAULT,
    VM_CAUSE_DEBUG_EXIT,        /* isa-debug-exit; the status is its own */
    VM_CAUSE_GUEST_PANIC,
    VM_CAUSE_HOST_QUIT,         /* monitor's quit, gdb's kill */
    VM_CAUSE_HOST_RESET,        /* monitor's system_reset, gdb's R */
    VM_CAUSE_HOST_SIGNAL,       /* SIGTERM, SIGINT, SIGHUP */
    VM_CAUSE_ERROR,             /* executor's internal error */
} VmCause;

const char *stop_kind_name(StopKind k);
const char *vm_cause_name(VmCause c);

#endif
