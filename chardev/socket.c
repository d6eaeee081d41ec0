/* A stream over a TCP or unix socket: a client, or a server with one peer at a time.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <unistd.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

typedef struct ChardevSocket {
    Chardev base;
    NetAddress address;
    bool wait, nodelay;
    int listen_fd;           /* -1: a client */
    FdWatch *listen_watch;
} ChardevSocket;

/* A peer has come: the listening socket sleeps until it is gone, others wait in its queue. */
static void socket_accept(void *opaque, int fd, unsigned revents)
{
    ChardevSocket *s = opaque;
    int peer = net_accept(fd);

    if (peer < 0) {
        return;
    }
    net_setup(peer, s->nodelay);
    fd_watch_set(s->listen_watch, 0);
    chardev_hold(&s->base);
    chardev_set_fds(&s->base, peer, peer);
    chardev_set_open(&s->base, true);
    chardev_release(&s->base);
}

static void socket_hang_up(Chardev *c)
{
    ChardevSocket *s = (ChardevSocket *)c;

    chardev_close_fds(c);
    if (s->listen_watch) {
        fd_watch_set(s->listen_watch, POLLIN);
    }
    chardev_set_open(c, false);
}

static void socket_free(Chardev *c)
{
    ChardevSocket *s = (ChardevSocket *)c;

    fd_watch_free(s->listen_watch);
    if (s->listen_fd >= 0) {
        close(s->listen_fd);
        net_unlink(&s->address);
    }
    net_address_clear(&s->address);
}

static const ChardevOps socket_ops = {
    .lost = socket_hang_up, .disconnect = socket_hang_up, .free = socket_free,
};

Chardev *chardev_new_socket(NetAddress *a, bool server, bool wait, bool nodelay, const char *label,
                            GError **errp)
{
    char *name = NULL;
    int fd = server ? net_listen(a, &name, errp) : net_connect(a, &name, errp);
    ChardevSocket *s;

    if (fd < 0) {
        net_address_clear(a);
        return NULL;
    }
    s = (ChardevSocket *)chardev_alloc(sizeof(*s), &socket_ops, label);
    s->base.address = name;
    s->address = *a;
    s->nodelay = nodelay;
    s->listen_fd = -1;
    if (server) {
        s->wait = wait;
        s->listen_fd = fd;
        s->listen_watch = fd_watch_new(fd, POLLIN, socket_accept, s);
    } else {
        net_setup(fd, nodelay);
        chardev_set_fds(&s->base, fd, fd);
        chardev_set_open(&s->base, true);
    }
    return &s->base;
}

bool chardev_must_wait(Chardev *c)
{
    return c->ops == &socket_ops && ((ChardevSocket *)c)->wait && !chardev_is_open(c);
}

bool chardev_wait_connected(Chardev *c, GError **errp)
{
    while (chardev_must_wait(c)) {
        if (mainloop_quitting()) {
            return error_set(errp, FAILED, "ended while waiting for a connection");
        }
        mainloop_iterate(true);
    }
    return true;
}
