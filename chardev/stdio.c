/* The terminal (or pipes) that we were started on.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

/* The process has one terminal: what it was like when we came is the process's, too. */
static struct {
    bool used;                       /* there is a stdio chardev */
    volatile bool saved;
    struct termios before;
} terminal;

void terminal_restore(void)
{
    if (terminal.saved) {
        terminal.saved = false;
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
    }
}

/* Each key at once and unechoed; output keeps its line feeds. In the background the terminal is not
 * ours: changing it would stop us. */
static bool terminal_raw(bool signals)
{
    static bool registered;
    struct termios t;
    pid_t owner;

    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &t) < 0) {
        return false;
    }
    owner = tcgetpgrp(STDIN_FILENO);
    if (owner >= 0 && owner != getpgrp()) {
        return true;
    }
    terminal.before = t;
    terminal.saved = true;
    if (!registered) {
        atexit(terminal_restore);
        registered = true;
    }
    t.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_oflag |= OPOST;
    t.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!signals) {
        t.c_lflag &= ~ISIG;
    }
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &t);
    return true;
}

/*
 * A descriptor of our own for standard output that doesn't block. O_NONBLOCK belongs to the open
 * file, which we share with our parent, so it is opened anew where that is possible; where it is
 * not, `blocks` says so.
 */
static int stdout_open(bool *blocks)
{
    struct stat st;
    int fd = -1;

    *blocks = false;
    if (fstat(STDOUT_FILENO, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
        fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        *blocks = fd < 0;
    }
    return fd >= 0 ? fd : fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
}

static void stdio_free(Chardev *c)
{
    terminal_restore();
    terminal.used = false;
}

static const ChardevOps stdio_ops = { .free = stdio_free };

Chardev *chardev_new_stdio(bool signals, const char *label, GError **errp)
{
    int in_fd, out_fd;
    bool blocks;
    Chardev *c;

    if (terminal.used) {
        error_set(errp, BUSY, "stdio is used by something else already");
        return NULL;
    }
    fflush(stdout);
    in_fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
    out_fd = stdout_open(&blocks);
    if (out_fd < 0) {
        if (in_fd >= 0) {
            close(in_fd);
        }
        error_set(errp, FAILED, "there is no standard output: %s", g_strerror(errno));
        return NULL;
    }
    terminal.used = true;
    c = chardev_alloc(sizeof(*c), &stdio_ops, label);
    c->interactive = c->terminal = terminal_raw(signals);
    chardev_set_fds(c, in_fd, out_fd);
    c->out_blocks = blocks;
    chardev_set_open(c, true);
    return c;
}
