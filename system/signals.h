/* Signals that end the program.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYSTEM_SIGNALS_H
#define GLASSBOX_SYSTEM_SIGNALS_H

/*
 * Have fn(opaque, signal) called on the main-loop thread for the first SIGINT, SIGTERM or SIGHUP; a
 * second one ends the process at once. Also ignores SIGPIPE. Once, at start.
 */
void signals_init(void (*fn)(void *opaque, int sig), void *opaque);

/* Back to the defaults. */
void signals_fini(void);

#endif
