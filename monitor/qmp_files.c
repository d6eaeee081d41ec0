/* QMP's commands that write files of the host: memory and core dumps.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include <string.h>
#include "monitor/save.h"
#include "util/error.h"

static QmpResult save(QmpSession *s, JsonObject *args, AddrKind kind, GError **errp)
{
    uint64_t at = qmp_arg_uint(args, "val", 0), size = qmp_arg_uint(args, "size", 0);
    const char *name = qmp_arg_str(args, "filename");
    unsigned cpu;

    if (!qmp_arg_cpu(s, args, 0, &cpu, errp)) {
        return QMP_FAILED;
    }
    return save_memory(s->debug, cpu, kind, at, size, name, errp) ? QMP_RETURN : QMP_FAILED;
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
    return save_core(s->debug, &o, name, errp) ? QMP_RETURN : QMP_FAILED;
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
