/* The host's files that a machine boots from: opened once, read by pieces.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/error.h"

#define CHUNK (1u << 20)

bool boot_file_error(const BootFile *f, GError **errp, const char *fmt, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return error_set(errp, INVALID, "%s '%s': %s", f->what, f->path, text);
}

/* Read from the descriptor's place (offset < 0) or at an offset; short only at the end. */
static ssize_t read_fully(int fd, uint8_t *p, size_t len, int64_t offset)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = offset < 0 ? read(fd, p + done, len - done)
                               : pread(fd, p + done, len - done, offset + (int64_t)done);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return -1;
        }
        if (n == 0) {
            break;
        }
        done += (size_t)n;
    }
    return (ssize_t)done;
}

static bool slurp(BootFile *f, uint64_t limit, GError **errp)
{
    g_autoptr(GByteArray) b = g_byte_array_new();
    ssize_t n;

    do {
        unsigned at = b->len;

        g_byte_array_set_size(b, at + CHUNK);
        n = read_fully(f->fd, b->data + at, CHUNK, -1);
        if (n < 0) {
            return boot_file_error(f, errp, "%s", g_strerror(errno));
        }
        g_byte_array_set_size(b, at + (unsigned)n);
        if (b->len > limit || b->len > G_MAXINT32) {
            return boot_file_error(f, errp, "does not fit into the machine's memory");
        }
    } while (n == CHUNK);
    f->size = b->len;
    f->all = g_byte_array_free_to_bytes(g_steal_pointer(&b));
    close(f->fd);
    f->fd = -1;
    return true;
}

BootFile *boot_file_open(const char *path, const char *what, uint64_t limit, GError **errp)
{
    g_autoptr(BootFile) f = g_new0(BootFile, 1);
    struct stat st;

    f->path = g_strdup(path);
    f->what = what;
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0 || fstat(f->fd, &st) < 0) {
        boot_file_error(f, errp, "%s", g_strerror(errno));
        return NULL;
    }
    if (S_ISREG(st.st_mode)) {
        f->size = (uint64_t)st.st_size;
    } else if (S_ISDIR(st.st_mode)) {
        boot_file_error(f, errp, "is a directory");
        return NULL;
    } else if (!slurp(f, limit, errp)) {
        return NULL;
    }
    if (f->size == 0) {
        boot_file_error(f, errp, "is empty");
        return NULL;
    }
    return g_steal_pointer(&f);
}

void boot_file_close(BootFile *f)
{
    if (!f) {
        return;
    }
    if (f->fd >= 0) {
        close(f->fd);
    }
    g_clear_pointer(&f->all, g_bytes_unref);
    g_free(f->path);
    g_free(f);
}

GBytes *boot_file_read(BootFile *f, uint64_t offset, uint64_t len, GError **errp)
{
    g_autofree uint8_t *p = NULL;
    ssize_t n;

    if (offset > f->size || len > f->size - offset) {
        boot_file_error(f, errp, "is truncated: %" PRIu64 " bytes at offset %" PRIu64
                        " are missing", len - (offset > f->size ? 0 : MIN(len, f->size - offset)),
                        MAX(offset, f->size));
        return NULL;
    }
    if (f->all) {
        return g_bytes_new_from_bytes(f->all, offset, len);
    }
    p = g_try_malloc(len ? len : 1);
    if (!p) {
        boot_file_error(f, errp, "the host has no memory for %" PRIu64 " bytes of it", len);
        return NULL;
    }
    n = read_fully(f->fd, p, len, (int64_t)offset);
    if (n < 0) {
        boot_file_error(f, errp, "%s", g_strerror(errno));
        return NULL;
    }
    if ((uint64_t)n != len) {
        boot_file_error(f, errp, "became shorter while it was read");
        return NULL;
    }
    return g_bytes_new_take(g_steal_pointer(&p), len);
}
