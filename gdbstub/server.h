/* Listens for debuggers and gives each connection a session.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GDBSTUB_SERVER_H
#define GLASSBOX_GDBSTUB_SERVER_H

#include <glib.h>
#include "debug/debug.h"
#include "monitor/monitor.h"

typedef struct GdbServer GdbServer;

/* What the spec does not say; all may be NULL. */
typedef struct GdbServerOptions {
    const char *exec_file;      /* absolute path of the guest's ELF file, told to gdb */
    MonitorHost *monitor;       /* for gdb's "monitor" command */
} GdbServerOptions;

/*
 * Listen where `spec` says: "tcp::PORT" (loopback), "tcp:HOST:PORT", "unix:PATH" or "stdio", with
 * these after commas: arch=NAME (describe the registers as this architecture), stay=on (a lost
 * client leaves the machine stopped). Any number of clients at once. NULL with one clear sentence.
 * Control thread.
 */
GdbServer *gdb_server_new(Debug *debug, const char *spec, const GdbServerOptions *options,
                          GError **errp);

/* "127.0.0.1:1234", with the real port. */
const char *gdb_server_address(const GdbServer *server);

/* Tell the clients what is still to be told, hang up, stop listening. NULL is fine. Before the
 * Debug is freed. */
void gdb_server_free(GdbServer *server);

#endif
