/* Writing a core file: every byte, or an error.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/dump_int.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"

#define PIPE_PIECE 4096u        /* does not block once poll() says that there is room */
#define READER_MS 30000

static bool refused(const char *why, GError **errp)
{
    return error_set(errp, FAILED, "the core file cannot be written: %s", why);
}

void dump_file_init(DumpFile *f, int fd)
{
    struct stat st;
    off_t at = lseek(fd, 0, SEEK_CUR);
    int flags = fcntl(fd, F_GETFL);

    *f = (DumpFile){ .fd = fd };
    /* What may be behind this place goes, so that a gap reads as zeros. */
    if (at >= 0 && flags >= 0 && !(flags & O_APPEND) && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
        !ftruncate(fd, at)) {
        f->sparse = true;
        f->start = (uint64_t)at;
    }
}

/* A pipe's reader may be slow, but must not hold the machine forever. */
static bool wait_for_room(const DumpFile *f, GError **errp)
{
    struct pollfd p = { .fd = f->fd, .events = POLLOUT };
    int n;

    do {
        n = poll(&p, 1, READER_MS);
    } while (n < 0 && errno == EINTR);
    return n > 0 || refused(n ? g_strerror(errno) : "nobody reads it", errp);
}

bool dump_file_write(DumpFile *f, const void *buf, size_t len, GError **errp)
{
    const uint8_t *p = buf;

    while (len) {
        ssize_t n;

        if (f->sparse) {
            n = pwrite(f->fd, p, len, (off_t)(f->start + f->at));
        } else {
            if (!wait_for_room(f, errp)) {
                return false;
            }
            n = write(f->fd, p, MIN(len, PIPE_PIECE));
        }
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
            continue;
        }
        if (n <= 0) {
            return refused(n ? g_strerror(errno) : "it takes no more bytes", errp);
        }
        p += n;
        len -= (size_t)n;
        f->at += (uint64_t)n;
    }
    return true;
}

bool dump_file_zeros(DumpFile *f, uint64_t len, GError **errp)
{
    static const uint8_t zero[PIPE_PIECE];

    if (f->sparse) {
        f->at += len;
        return true;
    }
    while (len) {
        size_t n = (size_t)MIN(len, sizeof(zero));

        if (!dump_file_write(f, zero, n, errp)) {
            return false;
        }
        len -= n;
    }
    return true;
}

bool dump_file_finish(DumpFile *f, GError **errp)
{
    off_t end = (off_t)(f->start + f->at);

    if (f->sparse && (ftruncate(f->fd, end) || lseek(f->fd, end, SEEK_SET) != end)) {
        return refused(g_strerror(errno), errp);
    }
    return true;
}
