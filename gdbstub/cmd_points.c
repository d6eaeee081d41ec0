/* Packets that set and remove points: Z0 to Z4, with conditions and commands for the target to run.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include "util/error.h"

typedef struct PointRow {
    PointKind kind;
    PointWish wish;
} PointRow;

/* By the digit behind Z. */
static const PointRow point_rows[] = {
    { POINT_EXEC, WISH_SOFT },
    { POINT_EXEC, WISH_HARD },
    { POINT_WRITE, WISH_HARD },
    { POINT_READ, WISH_HARD },
    { POINT_ACCESS, WISH_HARD },
};

enum { EXPRESSIONS_MAX = 64 };

/* "type,addr,kind": REPLY_OK, or what to answer. */
static Reply take_point(GdbSession *s, Cursor *args, PointSpec *spec)
{
    uint64_t type, addr, len;

    if (!cursor_hex(args, &type) || !cursor_char(args, ',') || !cursor_hex(args, &addr) ||
        !cursor_char(args, ',') || !cursor_hex(args, &len)) {
        return reply_malformed(s);
    }
    if (type >= G_N_ELEMENTS(point_rows)) {
        return REPLY_UNSUPPORTED;
    }
    spec->kind = point_rows[type].kind;
    spec->wish = point_rows[type].wish;
    spec->akind = ADDR_VIRT;
    spec->addr = addr;
    spec->len = len;
    if (point_kind_is_data(spec->kind)) {
        if (!len || len - 1 > UINT64_MAX - addr) {
            return reply_error(s, EINVAL, "a watched range must be at least 1 byte and not wrap");
        }
    } else {
        spec->len = len ? len : 1;
    }
    return REPLY_OK;
}

/* "Xlen,bytes": one agent expression in hex. */
static bool take_expression(Cursor *args, GPtrArray *list)
{
    g_autofree uint8_t *code = NULL;
    uint64_t len;

    if (list->len >= EXPRESSIONS_MAX || !cursor_char(args, 'X') ||
        !cursor_hex_max(args, cursor_left(args), &len) || !cursor_char(args, ',') || !len) {
        return false;
    }
    code = g_malloc(len);
    if (!cursor_bytes(args, code, len)) {
        return false;
    }
    g_ptr_array_add(list, g_bytes_new(code, len));
    return true;
}

/* ";X..X.." conditions, ";cmds:persist,X..X.." commands. The persistence flag is about points that
 * outlive their client, which ours never do. */
static bool take_expressions(Cursor *args, GPtrArray *cond, GPtrArray *commands)
{
    GPtrArray *list = cond;

    while (cursor_char(args, ';')) {
        uint64_t persist;

        if (cursor_text(args, "cmds:")) {
            if (!cursor_hex(args, &persist) || !cursor_char(args, ',')) {
                return false;
            }
            list = commands;
        }
        do {
            if (!take_expression(args, list)) {
                return false;
            }
        } while (cursor_peek(args) == 'X');
    }
    return args_done(args);
}

/* Only where points of a kind can never be set may a client hear that the packet does not exist: it
 * would not send another one, or would put breakpoints into memory itself. */
static bool never_possible(const GError *err)
{
    return g_error_matches(err, GLASSBOX_ERROR, GLASSBOX_ERROR_UNSUPPORTED);
}

/* A point that is there already takes the new conditions and commands; the old one is removed last,
 * so that on a refusal it is still there. */
static Reply point_set(GdbSession *s, const PointSpec *spec)
{
    PointId old = debug_point_find(s->client, spec->kind, spec->wish, spec->akind, spec->addr,
                                   spec->len);
    GError *err = NULL;
    PointInfo info;
    PointId id;

    if (old && !spec->ncond && !spec->ncommand && debug_point_info(s->debug, old, &info) &&
        !info.spec.ncond && !info.spec.ncommand) {
        return REPLY_OK;
    }
    if (!debug_point_add(s->client, spec, &id, &err)) {
        if (spec->kind == POINT_READ && never_possible(err)) {
            g_error_free(err);
            return REPLY_UNSUPPORTED;
        }
        return reply_gerror(s, ENOSPC, err);
    }
    if (old) {
        debug_point_remove(s->debug, old, NULL);
    }
    return REPLY_OK;
}

Reply cmd_Z(GdbSession *s, Cursor *args)
{
    g_autoptr(GPtrArray) cond = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    PointSpec spec = { 0 };
    Reply reply = take_point(s, args, &spec);

    if (reply != REPLY_OK) {
        return reply;
    }
    if (!take_expressions(args, cond, commands)) {
        return reply_malformed(s);
    }
    spec.cond = (GBytes *const *)cond->pdata;
    spec.ncond = cond->len;
    spec.command = (GBytes *const *)commands->pdata;
    spec.ncommand = commands->len;
    return point_set(s, &spec);
}

/* Removing what is not there is no error: the packet may be repeated. */
Reply cmd_z(GdbSession *s, Cursor *args)
{
    PointSpec spec = { 0 };
    Reply reply = take_point(s, args, &spec);
    GError *err = NULL;
    PointId id;

    if (reply != REPLY_OK) {
        return reply;
    }
    if (!args_done(args)) {
        return reply_malformed(s);
    }
    id = debug_point_find(s->client, spec.kind, spec.wish, spec.akind, spec.addr, spec.len);
    if (id && !debug_point_remove(s->debug, id, &err)) {
        return reply_gerror(s, EIO, err);
    }
    return REPLY_OK;
}
