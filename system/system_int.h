/* Inside system/: what the program is made of, and who makes which part.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYSTEM_SYSTEM_INT_H
#define GLASSBOX_SYSTEM_SYSTEM_INT_H

#include "chardev/chardev.h"
#include "debug/debug.h"
#include "monitor/monitor.h"
#include "qtest/qtest.h"
#include "system/config.h"
#include "vm/vm.h"

typedef struct System {
    Config *config;
    GPtrArray *chardevs;        /* all, in the order of their making */
    Vm *vm;
    Machine *machine;
    VmObserver *observer;
    Debug *debug;
    DebugClient *client;        /* the command line's own */
    GPtrArray *servers;         /* GdbServer */
    MonitorHost host;
    GPtrArray *terminals;       /* MonitorTerminal */
    GPtrArray *qmp;             /* QmpServer */
    GPtrArray *implied;         /* channels of muxes, for the monitors that "mon:" brings along */
    QtestServer *qtest;
} System;

/* ---- streams.c ---- */
/* The -chardev streams. */
bool streams_make_chardevs(System *s, GError **errp);
/* The serial ports' and the debug console's, into the machine's options. */
bool streams_make_serials(System *s, GError **errp);
/* The stream of an option's argument, new or "chardev:ID"; *out stays NULL for "none". */
bool streams_make(System *s, const char *spec, const char *label, Chardev **out, GError **errp);
/* The chardev of an id, be it a mux; NULL: none. */
Chardev *streams_find(System *s, const char *id);
/* What a front end attaches to: the chardev, or a new channel of a mux. */
Chardev *streams_front(Chardev *c, const char *label, GError **errp);
/* The same by id, for devices. */
Chardev *streams_find_front(void *opaque, const char *id);

/* ---- frontends.c ---- */
/* The debug core, and all who look through it: gdb servers, monitors, QMP. Lets the machine go,
 * unless it is to wait. */
bool frontends_make(System *s, GError **errp);
bool frontends_make_qtest(System *s, GError **errp);
/* Takes them apart, however far that got. */
void frontends_unmake(System *s);

#endif
