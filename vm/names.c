/* Names of stops and causes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

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
