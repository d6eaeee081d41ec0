/* The monitor: the human command language, for whoever has lines of text to run.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A Monitor is one user of the language: a terminal (monitor/terminal.h), gdb's `monitor`, QMP's
 * human-monitor-command. It remembers the vCPU that its commands mean, and how `x` was last used.
 * Everything here runs on the control thread, without the VM lock. */
#ifndef GLASSBOX_MONITOR_MONITOR_H
#define GLASSBOX_MONITOR_MONITOR_H

#include <glib.h>
#include "debug/debug.h"
#include "hw/machine.h"
#include "symbols/symbols.h"

/* What the program lends to all monitors and QMP servers; outlives them. */
typedef struct MonitorHost {
    Debug *debug;
    Machine *machine;
    Symbols *symbols;           /* shared: what one loads, all see */
    const char *version;        /* "0.1.0" */
    /* Starts a gdb server at `spec`, or with "none" ends all; where it listens is appended to
     * out. NULL: there is no such thing. */
    bool (*gdbserver)(void *opaque, const char *spec, GString *out, GError **errp);
    void *opaque;
} MonitorHost;

typedef struct Monitor Monitor;

typedef struct MonitorOps {
    /* Text that is no command's answer: stops, what points print, who took control. Whole lines.
     * May be NULL: then it is not told. */
    void (*notice)(void *opaque, const char *text);
    /* A command that goes on (step, next) has come to its end. May be NULL. */
    void (*done)(void *opaque);
} MonitorOps;

/* A new user, and a client of the debug core called `name`, whose points and resumes its commands
 * are. ops may be NULL: then nothing is heard of stops. */
Monitor *monitor_new(MonitorHost *host, const char *name, const MonitorOps *ops, void *opaque);
void monitor_free(Monitor *m);

/* Runs one line and appends what it prints, whole lines. An error is printed like everything
 * else; false then. An empty line prints nothing. */
bool monitor_run(Monitor *m, const char *line, GString *out);

/* Appends a stop in words: why, where, which instruction comes next. */
void monitor_describe_stop(Monitor *m, const StopInfo *stop, GString *out);

/* A step is under way: lines should wait for ops->done. */
bool monitor_busy(const Monitor *m);

/* Chooses the vCPU that commands mean, as a hit does. The index must exist. */
void monitor_set_cpu(Monitor *m, unsigned cpu);

/* What may stand at the end of `line` (up to the cursor): a NULL-ended array of whole words for
 * g_strfreev; *start is where the word begins. */
char **monitor_complete(Monitor *m, const char *line, size_t *start);

#endif
