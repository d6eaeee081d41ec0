/* The monitor on a byte stream: a prompt, lines in, text out.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MONITOR_TERMINAL_H
#define GLASSBOX_MONITOR_TERMINAL_H

#include "chardev/chardev.h"
#include "monitor/monitor.h"

typedef struct MonitorTerminal MonitorTerminal;

/* Who edits the lines. */
typedef enum MonitorEdit {
    MONITOR_EDIT_AUTO,      /* we do if there is a terminal at the other end */
    MONITOR_EDIT_ON,        /* we do: editing, history, completion, echo */
    MONITOR_EDIT_OFF,       /* the other end does: whole lines come, nothing is echoed */
} MonitorEdit;

/* Serves the monitor on a chardev: a greeting and a prompt to each peer that connects. A peer that
 * goes away takes its points with it. False names: the chardev has a user already. Control
 * thread. */
MonitorTerminal *monitor_terminal_new(MonitorHost *host, Chardev *chr, const char *name,
                                      MonitorEdit edit, GError **errp);
/* Lets go of the stream. NULL is fine. Before the Debug is freed. */
void monitor_terminal_free(MonitorTerminal *t);

#endif
