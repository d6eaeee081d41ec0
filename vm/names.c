/* Names of stops, causes, points, backings and exits.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "accel/accel.h"
#include "vm/stop.h"

static const char *const stop_names[] = {
    [STOP_NONE] = "none",
    [STOP_START] = "start",
    [STOP_POINT] = "point",
    [STOP_STEP] = "step",
    [STOP_INTERRUPT] = "interrupt",
    [STOP_EVENT] = "event",
    [STOP_PANIC] = "guest panic",
    [STOP_SHUTDOWN] = "powered off",
    [STOP_ERROR] = "error",
    [STOP_HISTORY_START] = "start of history",
    [STOP_HISTORY_END] = "end of history",
};

const char *stop_kind_name(StopKind k)
{
    return (unsigned)k < G_N_ELEMENTS(stop_names) ? stop_names[k] : "?";
}

static const char *const cause_names[] = {
    [VM_CAUSE_GUEST_SHUTDOWN] = "guest power-off",
    [VM_CAUSE_GUEST_RESET] = "guest reset",
    [VM_CAUSE_TRIPLE_FAULT] = "triple fault",
    [VM_CAUSE_DEBUG_EXIT] = "debug exit",
    [VM_CAUSE_GUEST_PANIC] = "guest panic",
    [VM_CAUSE_HOST_QUIT] = "quit",
    [VM_CAUSE_HOST_RESET] = "reset by the user",
    [VM_CAUSE_HOST_SIGNAL] = "signal",
    [VM_CAUSE_ERROR] = "error",
};

const char *vm_cause_name(VmCause c)
{
    return (unsigned)c < G_N_ELEMENTS(cause_names) ? cause_names[c] : "?";
}

static const char *const kind_names[POINT_KINDS] = {
    [POINT_EXEC] = "exec",
    [POINT_WRITE] = "write",
    [POINT_READ] = "read",
    [POINT_ACCESS] = "access",
    [POINT_EXCEPTION] = "exception",
    [POINT_INTERRUPT] = "interrupt",
    [POINT_MSR] = "msr",
    [POINT_CR] = "cr",
    [POINT_IO] = "io",
    [POINT_ASPACE] = "aspace",
    [POINT_MODE] = "mode",
    [POINT_TRIPLE] = "triple-fault",
    [POINT_RESET] = "reset",
};

const char *point_kind_name(PointKind k)
{
    return k < POINT_KINDS ? kind_names[k] : "?";
}

static const char *const backing_names[] = {
    [BACKING_NATIVE] = "native",
    [BACKING_SLOT] = "slot",
    [BACKING_PATCH] = "patch",
    [BACKING_PROTECT] = "protect",
    [BACKING_CORE] = "core",
};

const char *backing_name(Backing b)
{
    return (unsigned)b < G_N_ELEMENTS(backing_names) ? backing_names[b] : "?";
}

static const char *const exit_names[] = {
    [EXIT_KICK] = "kick",
    [EXIT_HALT] = "halt",
    [EXIT_POINT] = "point",
    [EXIT_STEP] = "step",
    [EXIT_EVENT] = "event",
    [EXIT_BUDGET] = "budget",
    [EXIT_RESET] = "reset",
    [EXIT_SHUTDOWN] = "shutdown",
    [EXIT_ERROR] = "error",
};

const char *exit_kind_name(ExitKind k)
{
    return (unsigned)k < G_N_ELEMENTS(exit_names) ? exit_names[k] : "?";
}
