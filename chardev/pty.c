/* A pseudo terminal that anyone may open.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

/* How often we look if somebody has opened it: the kernel has no event for that. */
#define PTY_POLL_NS (INT64_C(100) * 1000000)

typedef struct ChardevPty {
    Chardev base;
    MainTimer *timer;
} ChardevPty;

static bool pty_has_peer(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };

    return poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP);
}

/* The descriptors stay; only the watch of the input sleeps while nobody is there. */
static void pty_look(void *opaque)
{
    ChardevPty *p = opaque;
    Chardev *c = &p->base;

    if (!pty_has_peer(c->in_fd)) {
        main_timer_set(p->timer, PTY_POLL_NS);
        return;
    }
    if (c->handlers) {
        fd_watch_set(c->in_watch, POLLIN);
    }
    chardev_set_open(c, true);
}

static void pty_lost(Chardev *c)
{
    ChardevPty *p = (ChardevPty *)c;

    fd_watch_set(c->in_watch, 0);
    main_timer_set(p->timer, PTY_POLL_NS);
    chardev_set_open(c, false);
}

static void pty_input(Chardev *c)
{
    if (chardev_is_open(c)) {
        fd_watch_set(c->in_watch, POLLIN);
    }
}

static void pty_free(Chardev *c)
{
    main_timer_free(((ChardevPty *)c)->timer);
}

static const ChardevOps pty_ops = { .input = pty_input, .lost = pty_lost, .free = pty_free };

/* Opens the other side once, to make it raw; from then on a hang-up tells that nobody has it. */
static bool pty_prepare(const char *path, GError **errp)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios t;

    if (fd < 0) {
        return error_set(errp, FAILED, "cannot open the pseudo terminal '%s': %s", path,
                         g_strerror(errno));
    }
    if (tcgetattr(fd, &t) == 0) {
        cfmakeraw(&t);
        tcsetattr(fd, TCSANOW, &t);
    }
    close(fd);
    return true;
}

Chardev *chardev_new_pty(const char *label, GError **errp)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    char path[64];
    ChardevPty *p;

    if (fd < 0 || grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, path, sizeof(path))) {
        error_set(errp, FAILED, "the host gives no pseudo terminal: %s", g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return NULL;
    }
    if (!pty_prepare(path, errp)) {
        close(fd);
        return NULL;
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    p = (ChardevPty *)chardev_alloc(sizeof(*p), &pty_ops, label);
    p->base.address = g_strdup(path);
    p->base.terminal = true;
    chardev_set_fds(&p->base, fd, fd);
    p->timer = main_timer_new(pty_look, p);
    main_timer_set(p->timer, PTY_POLL_NS);
    return &p->base;
}
