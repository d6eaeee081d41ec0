/* One debugger's conversation: bytes in, bytes out, no transport of its own.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything here runs on the control thread. */
#ifndef GLASSBOX_GDBSTUB_SESSION_H
#define GLASSBOX_GDBSTUB_SESSION_H

#include <glib.h>
#include "debug/debug.h"
#include "monitor/monitor.h"

typedef struct GdbSession GdbSession;

/* Characters of the longest packet we take, and of the longest reply before escapes. */
enum { GDB_PACKET_SIZE = 0x10000 };

/* What a server gives to each of its sessions; it outlives them. */
typedef struct GdbConfig {
    Debug *debug;
    const char *arch;           /* -gdb ...,arch=NAME; NULL: the CPU's own description */
    const char *exec_file;      /* absolute path of the guest's executable for gdb, or NULL */
    bool stay;                  /* a lost client leaves the machine stopped */
    MonitorHost *monitor;       /* for gdb's "monitor" command; NULL: there is none */
} GdbConfig;

/* Where a session's bytes go. */
typedef struct GdbTransport {
    /* Takes all of them, never waits. */
    void (*write)(void *opaque, const uint8_t *buf, size_t len);
    /* Is there room for some answers? While not, the session looks at no further packet; the
     * transport calls gdb_session_continue() when it has. NULL: always. */
    bool (*ready)(void *opaque);
    /* A held session takes input again (see gdb_session_held). */
    void (*resume_input)(void *opaque);
} GdbTransport;

/* Begins a session: the machine is stopped, nothing is sent. NULL with a reason when the
 * architecture asked for does not exist. `name` is for people. */
GdbSession *gdb_session_new(const GdbConfig *config, const char *name, const GdbTransport *io,
                            void *io_opaque, GError **errp);

/* Ends it: its points go; the machine resumes, unless configured to stay, or the client never
 * said a word to a machine that stood before. */
void gdb_session_free(GdbSession *s);

/* Takes any bytes. Everything is answered in form; nothing a client sends is fatal. */
void gdb_session_receive(GdbSession *s, const uint8_t *buf, size_t len);

/* True while further input has to wait: for an answer that is under way, or for room. Bytes given
 * anyway are kept. */
bool gdb_session_held(const GdbSession *s);

/* There is room again: goes on with what was kept. */
void gdb_session_continue(GdbSession *s);

/* Is the description of this architecture known to the machine's CPUs? */
bool gdb_arch_check(Debug *debug, const char *arch, GError **errp);

#endif
