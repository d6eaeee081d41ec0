/* Plain back ends: null, file, open descriptors, connected pairs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

static const ChardevOps plain_ops = { 0 };

Chardev *chardev_new_null(const char *label)
{
    Chardev *c = chardev_alloc(sizeof(*c), &plain_ops, label);

    chardev_set_open(c, true);
    return c;
}

Chardev *chardev_new_file(const char *path, bool append, const char *label, GError **errp)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC),
                  0666);
    Chardev *c;

    if (fd < 0) {
        error_set(errp, FAILED, "cannot write '%s': %s", path, g_strerror(errno));
        return NULL;
    }
    c = chardev_alloc(sizeof(*c), &plain_ops, label);
    chardev_set_fds(c, -1, fd);
    chardev_set_open(c, true);
    return c;
}

Chardev *chardev_new_fd(int in_fd, int out_fd, const char *label)
{
    Chardev *c = chardev_alloc(sizeof(*c), &plain_ops, label);

    fcntl(in_fd, F_SETFL, fcntl(in_fd, F_GETFL) | O_NONBLOCK);
    fcntl(out_fd, F_SETFL, fcntl(out_fd, F_GETFL) | O_NONBLOCK);
    chardev_set_fds(c, in_fd, out_fd);
    chardev_set_open(c, true);
    return c;
}

void chardev_new_pair(Chardev **a, Chardev **b)
{
    int fd[2], res = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd);

    g_assert(res == 0);
    *a = chardev_new_fd(fd[0], fd[0], "pair.a");
    *b = chardev_new_fd(fd[1], fd[1], "pair.b");
}
