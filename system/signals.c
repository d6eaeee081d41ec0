/* Signals that end the program: a handler writes to a pipe that the main loop watches.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>
#include "chardev/chardev.h"
#include "system/signals.h"
#include "util/mainloop.h"

/* The process's signals are the process's. */
static struct {
    int pipe[2];
    volatile sig_atomic_t seen;
    FdWatch *watch;
    void (*fn)(void *opaque, int sig);
    void *opaque;
} signals;

static const int signals_caught[] = { SIGINT, SIGTERM, SIGHUP };

static void signals_handler(int sig)
{
    int err = errno;
    char byte = (char)sig;
    ssize_t ignored;

    if (signals.seen) {
        terminal_restore();
        _exit(128 + sig);
    }
    signals.seen = 1;
    ignored = write(signals.pipe[1], &byte, 1);
    (void)ignored;
    errno = err;
}

static void signals_ready(void *opaque, int fd, unsigned revents)
{
    char sig;

    if (read(fd, &sig, 1) == 1) {
        signals.fn(signals.opaque, sig);
    }
}

static void signals_set(void (*handler)(int))
{
    struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

    sigemptyset(&sa.sa_mask);
    for (size_t i = 0; i < G_N_ELEMENTS(signals_caught); i++) {
        sigaction(signals_caught[i], &sa, NULL);
    }
}

void signals_init(void (*fn)(void *opaque, int sig), void *opaque)
{
    int res = pipe(signals.pipe);

    g_assert(res == 0);
    for (int i = 0; i < 2; i++) {
        fcntl(signals.pipe[i], F_SETFD, FD_CLOEXEC);
        fcntl(signals.pipe[i], F_SETFL, O_NONBLOCK);
    }
    signals.fn = fn;
    signals.opaque = opaque;
    signals.watch = fd_watch_new(signals.pipe[0], POLLIN, signals_ready, NULL);
    signals_set(signals_handler);
    signal(SIGPIPE, SIG_IGN);
}

void signals_fini(void)
{
    signals_set(SIG_DFL);
    fd_watch_free(signals.watch);
    close(signals.pipe[0]);
    close(signals.pipe[1]);
}
