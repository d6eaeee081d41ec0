/* Memory and core dumps, written into files of the host.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/save.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/error.h"

enum { CHUNK = 1 << 20 };

/* A file that has not become what it should is of no use to anybody. */
static void file_forget(int fd, const char *name)
{
    struct stat st;

    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        unlink(name);
    }
    close(fd);
}

static int file_create(const char *name, GError **errp)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0) {
        error_set(errp, FAILED, "cannot write %s: %s", name, g_strerror(errno));
    }
    return fd;
}

/* Closes what was written, or takes it away where @ok says that it is not whole. */
static bool file_finish(int fd, const char *name, bool ok, GError **errp)
{
    if (!ok) {
        file_forget(fd, name);
        return false;
    }
    return close(fd) == 0 || error_set(errp, FAILED, "cannot write %s: %s", name,
                                       g_strerror(errno));
}

static bool write_all(int fd, const char *name, const uint8_t *p, size_t len, GError **errp)
{
    while (len) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return error_set(errp, FAILED, "cannot write %s: %s", name,
                             g_strerror(errno));
        }
        p += n;
        len -= n;
    }
    return true;
}

static bool save_to(Debug *d, int fd, const char *name, unsigned cpu, AddrKind kind,
                    uint64_t at, uint64_t size, GError **errp)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    while (size) {
        size_t n = MIN(size, CHUNK);

        if (!debug_read(d, cpu, kind, at, buf, n, errp) ||
            !write_all(fd, name, buf, n, errp)) {
            return false;
        }
        at += n;
        size -= n;
    }
    return true;
}

bool save_memory(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, uint64_t size,
                 const char *path, GError **errp)
{
    int fd;

    if (size && at + (size - 1) < at) {
        return error_set(errp, INVALID, "the range wraps around the end of memory");
    }
    fd = file_create(path, errp);
    return fd >= 0 &&
           file_finish(fd, path, save_to(d, fd, path, cpu, kind, at, size, errp), errp);
}

bool save_core(Debug *d, const DumpOptions *options, const char *path, GError **errp)
{
    int fd = file_create(path, errp);

    return fd >= 0 && file_finish(fd, path, debug_dump_core(d, fd, options, errp), errp);
}
