/* QMP's commands that write files of the host: memory and core dumps.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "debug/dump.h"
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
        error_set(errp, FAILED, "cannot write the file '%s': %s", name, g_strerror(errno));
    }
    return fd;
}

static bool file_finish(int fd, const char *name, GError **errp)
{
    return close(fd) == 0 || error_set(errp, FAILED, "cannot write the file '%s': %s", name,
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
            return error_set(errp, FAILED, "cannot write the file '%s': %s", name,
                             g_strerror(errno));
        }
        p += n;
        len -= n;
    }
    return true;
}

static bool save_to(QmpSession *s, int fd, const char *name, unsigned cpu, AddrKind kind,
                    uint64_t at, uint64_t size, GError **errp)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);

    while (size) {
        size_t n = MIN(size, CHUNK);

        if (!debug_read(s->debug, cpu, kind, at, buf, n, errp) ||
            !write_all(fd, name, buf, n, errp)) {
            return false;
        }
        at += n;
        size -= n;
    }
    return true;
}

static QmpResult save(QmpSession *s, JsonObject *args, AddrKind kind, GError **errp)
{
    uint64_t at = qmp_arg_uint(args, "val", 0), size = qmp_arg_uint(args, "size", 0);
    const char *name = qmp_arg_str(args, "filename");
    unsigned cpu;
    int fd;

    if (!qmp_arg_cpu(s, args, 0, &cpu, errp)) {
        return QMP_FAILED;
    }
    if (size && at + (size - 1) < at) {
        error_set(errp, INVALID, "the range wraps around the end of memory");
        return QMP_FAILED;
    }
    fd = file_create(name, errp);
    if (fd < 0) {
        return QMP_FAILED;
    }
    if (!save_to(s, fd, name, cpu, kind, at, size, errp)) {
        file_forget(fd, name);
        return QMP_FAILED;
    }
    return file_finish(fd, name, errp) ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_memsave(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    return save(s, args, ADDR_VIRT, errp);
}

QmpResult qmp_cmd_pmemsave(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    return save(s, args, ADDR_PHYS, errp);
}

/* ---- core dumps ---- */

/* The file's name behind "file:". */
static const char *dump_file(JsonObject *args, GError **errp)
{
    const char *protocol = qmp_arg_str(args, "protocol");

    if (g_str_has_prefix(protocol, "fd:")) {
        error_set(errp, UNSUPPORTED, "descriptors cannot be handed over, so that there is no "
                  "protocol 'fd:'; 'file:' is possible");
        return NULL;
    }
    if (!g_str_has_prefix(protocol, "file:") || !protocol[strlen("file:")]) {
        error_set(errp, INVALID, "the parameter 'protocol' must be 'file:' and a file's name");
        return NULL;
    }
    return protocol + strlen("file:");
}

QmpResult qmp_cmd_dump_guest_memory(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    bool begin = json_object_has_member(args, "begin");
    DumpOptions o = {
        .paging = qmp_arg_bool(args, "paging", false),
        .filter = begin,
        .begin = qmp_arg_uint(args, "begin", 0),
        .length = qmp_arg_uint(args, "length", 0),
    };
    const char *name = dump_file(args, errp);
    int fd;

    if (!name) {
        return QMP_FAILED;
    }
    if (qmp_arg_bool(args, "detach", false)) {
        error_set(errp, UNSUPPORTED, "a dump in the background is not possible");
        return QMP_FAILED;
    }
    if (begin != json_object_has_member(args, "length") || (begin && !o.length)) {
        error_set(errp, INVALID, "'begin' and 'length' go together, and the length is not 0");
        return QMP_FAILED;
    }
    fd = file_create(name, errp);
    if (fd < 0) {
        return QMP_FAILED;
    }
    if (!debug_dump_core(s->debug, fd, &o, errp)) {
        file_forget(fd, name);
        return QMP_FAILED;
    }
    return file_finish(fd, name, errp) ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_query_dump_guest_memory_capability(QmpSession *s, JsonObject *args,
                                                     JsonOut *out, GError **errp)
{
    json_out_object(out, "return");
    json_out_array(out, "formats");
    json_out_str(out, NULL, qmp_type_DumpGuestMemoryFormat.values[0]);
    json_out_end(out);
    json_out_end(out);
    return QMP_RETURN;
}
