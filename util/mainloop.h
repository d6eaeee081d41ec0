/* The main loop's thread: run functions on it from anywhere, and watch file descriptors on it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_MAINLOOP_H
#define GLASSBOX_UTIL_MAINLOOP_H

#include <stdbool.h>
#include <stdint.h>

/*
 * One thread runs GLib's default main context; it is the control thread of the design. Nothing here
 * takes the VM lock: a callback that enters device code takes it itself.
 */

/* Make the calling thread the main-loop thread. Once, before all else here. */
void mainloop_init(void);

/* True on the main-loop thread. Any thread. */
bool mainloop_is_current(void);

/* Run until mainloop_quit(); returns the status it was given. Main-loop thread. */
int mainloop_run(void);

/* End mainloop_run() with this status; the first call wins. Any thread. */
void mainloop_quit(int status);

/* True once mainloop_quit() has been called, until mainloop_run() returns. Any thread. */
bool mainloop_quitting(void);

/* Run what is ready now, without waiting unless `block`. For tests and for flushing at the end. */
bool mainloop_iterate(bool block);

typedef void MainloopFn(void *opaque);

/*
 * Have fn(opaque) run on the main-loop thread, soon, never at once even if called there. Calls run
 * in the order in which they were asked for. Any thread; does not wait.
 */
void mainloop_call(MainloopFn *fn, void *opaque);

/* Take back all calls of (fn, opaque) that have not begun. Main-loop thread. */
void mainloop_call_cancel(MainloopFn *fn, void *opaque);

/* Watching a file descriptor. Events: bits of poll(2) (POLLIN, POLLOUT; POLLHUP/POLLERR come
 * too). */
typedef struct FdWatch FdWatch;
typedef void FdWatchFn(void *opaque, int fd, unsigned revents);

/* A new watch, which doesn't own the fd; events may be 0 (asleep, also to POLLHUP). Main-loop
 * thread. */
FdWatch *fd_watch_new(int fd, unsigned events, FdWatchFn *fn, void *opaque);

/* Change what is waited for. Any thread. */
void fd_watch_set(FdWatch *w, unsigned events);

/* End the watch, before the fd is closed; allowed in its own callback. Main-loop thread. NULL is
 * fine. */
void fd_watch_free(FdWatch *w);

/* A timer of the host's monotonic clock (for terminals and timeouts, never for devices). */
typedef struct MainTimer MainTimer;

/* A timer that is not armed. Main-loop thread. */
MainTimer *main_timer_new(MainloopFn *fn, void *opaque);

/* Fire once, `ns` nanoseconds from now (0: at the next turn); negative disarms. Any thread. */
void main_timer_set(MainTimer *t, int64_t ns);

/* Disarm and free; NULL is fine. Main-loop thread; allowed in its own callback. */
void main_timer_free(MainTimer *t);

#endif
