/* QMP's x-debug-* commands about points.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include "util/error.h"

/* The schema's words are in the order of our enumerations. */
G_STATIC_ASSERT(QMP_XDEBUG_WISH_COUNT == WISH_HARD + 1);
G_STATIC_ASSERT(QMP_XDEBUG_SPACE_COUNT == ADDR_PHYS + 1);
G_STATIC_ASSERT(QMP_XDEBUG_BACKING_COUNT == BACKING_CORE + 1);
G_STATIC_ASSERT((int)QMP_XDEBUG_RW_READ == (int)POINT_RW_READ);
G_STATIC_ASSERT((int)QMP_XDEBUG_RW_WRITE == (int)POINT_RW_WRITE);

enum { EXPRESSIONS_MAX = 64 };

/* ---- setting ---- */

/* A list of expressions in hexadecimal; absent is empty. */
static bool take_expressions(JsonObject *args, const char *name, GPtrArray *list, GError **errp)
{
    JsonNode *node = json_object_get_member(args, name);
    JsonArray *array = node ? json_node_get_array(node) : NULL;
    unsigned n = array ? json_array_get_length(array) : 0;

    if (n > EXPRESSIONS_MAX) {
        return error_set(errp, INVALID, "the parameter '%s' has more than %d expressions", name,
                         EXPRESSIONS_MAX);
    }
    for (unsigned i = 0; i < n; i++) {
        GBytes *code = qmp_decode(json_array_get_string_element(array, i), false, name, errp);

        if (!code) {
            return false;
        }
        g_ptr_array_add(list, code);
    }
    return true;
}

/* A list of small numbers as bits; absent is 0. */
static bool take_bits(JsonObject *args, const char *name, unsigned limit, uint64_t *out,
                      GError **errp)
{
    JsonNode *node = json_object_get_member(args, name);
    JsonArray *array = node ? json_node_get_array(node) : NULL;

    *out = 0;
    if (array && !json_array_get_length(array)) {
        return error_set(errp, INVALID, "the parameter '%s' is empty", name);
    }
    for (unsigned i = 0; array && i < json_array_get_length(array); i++) {
        int64_t v = json_array_get_int_element(array, i);

        if (v >= limit) {
            return error_set(errp, INVALID, "the parameter '%s' has the number %" G_GINT64_FORMAT
                             ", but %u is the highest", name, v, limit - 1);
        }
        *out |= UINT64_C(1) << v;
    }
    return true;
}

static bool take_scope(QmpSession *s, JsonObject *args, Scope *scope, GError **errp)
{
    uint64_t levels;

    if (!take_bits(args, "cpus", debug_vm(s->debug)->ncpus, &scope->cpus, errp) ||
        !take_bits(args, "levels", 4, &levels, errp)) {
        return false;
    }
    scope->levels = (uint8_t)levels;
    scope->by_aspace = json_object_has_member(args, "address-space");
    return qmp_arg_number(args, "address-space", &scope->aspace, errp);
}

static bool take_spec(QmpSession *s, JsonObject *args, PointSpec *spec, GError **errp)
{
    spec->kind = qmp_arg_enum(args, "kind", &qmp_type_XDebugPointKind, 0);
    spec->wish = qmp_arg_enum(args, "wish", &qmp_type_XDebugWish, WISH_ANY);
    spec->akind = qmp_arg_enum(args, "space", &qmp_type_XDebugSpace, ADDR_VIRT);
    spec->rw = (uint8_t)qmp_arg_enum(args, "rw", &qmp_type_XDebugRw, 0);
    spec->once = qmp_arg_bool(args, "once", false);
    spec->on_change = qmp_arg_bool(args, "on-change", false);
    spec->disabled = !qmp_arg_bool(args, "enabled", true);
    spec->stop_too = qmp_arg_bool(args, "stop-too", false);
    spec->ignore = qmp_arg_uint(args, "ignore", 0);
    spec->len = 1;
    if (!qmp_arg_number(args, "address", &spec->addr, errp) ||
        !qmp_arg_number(args, "length", &spec->len, errp) ||
        !take_scope(s, args, &spec->scope, errp)) {
        return false;
    }
    return spec->len || error_set(errp, INVALID, "the parameter 'length' must not be 0");
}

QmpResult qmp_cmd_x_debug_point_add(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    g_autoptr(GPtrArray) cond = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    g_autoptr(GPtrArray) commands = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    PointSpec spec = { 0 };
    PointInfo info;
    PointId id;

    if (!take_spec(s, args, &spec, errp) || !take_expressions(args, "conditions", cond, errp) ||
        !take_expressions(args, "commands", commands, errp)) {
        return QMP_FAILED;
    }
    spec.cond = (GBytes *const *)cond->pdata;
    spec.ncond = cond->len;
    spec.command = (GBytes *const *)commands->pdata;
    spec.ncommand = commands->len;
    if (!debug_point_add(s->client, &spec, &id, errp)) {
        return QMP_FAILED;
    }
    debug_point_info(s->debug, id, &info);
    json_out_object(out, "return");
    json_out_uint(out, "id", id);
    json_out_str(out, "backing", qmp_type_XDebugBacking.values[info.backing]);
    json_out_bool(out, "pending", info.pending);
    json_out_end(out);
    return QMP_RETURN;
}

/* ---- changing ---- */

static PointId point_id(JsonObject *args)
{
    return (PointId)qmp_arg_uint(args, "id", 0);
}

QmpResult qmp_cmd_x_debug_point_remove(QmpSession *s, JsonObject *args, JsonOut *out,
                                       GError **errp)
{
    return debug_point_remove(s->debug, point_id(args), errp) ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_point_enable(QmpSession *s, JsonObject *args, JsonOut *out,
                                       GError **errp)
{
    return debug_point_enable(s->debug, point_id(args), true, errp) ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_point_disable(QmpSession *s, JsonObject *args, JsonOut *out,
                                        GError **errp)
{
    return debug_point_enable(s->debug, point_id(args), false, errp) ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_point_set_ignore(QmpSession *s, JsonObject *args, JsonOut *out,
                                           GError **errp)
{
    return debug_point_set_ignore(s->debug, point_id(args), qmp_arg_uint(args, "ignore", 0), errp)
           ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_point_set_conditions(QmpSession *s, JsonObject *args, JsonOut *out,
                                               GError **errp)
{
    g_autoptr(GPtrArray) cond = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);

    return take_expressions(args, "conditions", cond, errp) &&
           debug_point_set_cond(s->debug, point_id(args), (GBytes *const *)cond->pdata, cond->len,
                                errp) ? QMP_RETURN : QMP_FAILED;
}

/* ---- telling ---- */

static void put_bits(JsonOut *out, const char *key, uint64_t bits)
{
    if (!bits) {
        return;
    }
    json_out_array(out, key);
    for (unsigned i = 0; i < 64; i++) {
        if (bits >> i & 1) {
            json_out_uint(out, NULL, i);
        }
    }
    json_out_end(out);
}

static void put_spec(JsonOut *out, const PointSpec *spec)
{
    unsigned rw = spec->rw == (POINT_RW_READ | POINT_RW_WRITE) ? 0 : spec->rw;

    json_out_str(out, "kind", qmp_type_XDebugPointKind.values[spec->kind]);
    json_out_uint(out, "address", spec->addr);
    json_out_uint(out, "length", spec->len);
    json_out_str(out, "space", qmp_type_XDebugSpace.values[spec->akind]);
    json_out_str(out, "wish", qmp_type_XDebugWish.values[spec->wish]);
    json_out_str(out, "rw", qmp_type_XDebugRw.values[rw]);
    put_bits(out, "cpus", spec->scope.cpus);
    if (spec->scope.by_aspace) {
        json_out_uint(out, "address-space", spec->scope.aspace);
    }
    put_bits(out, "levels", spec->scope.levels);
    json_out_bool(out, "once", spec->once);
    json_out_bool(out, "on-change", spec->on_change);
    json_out_bool(out, "enabled", !spec->disabled);
    json_out_uint(out, "conditions", spec->ncond);
    json_out_uint(out, "commands", spec->ncommand);
}

QmpResult qmp_cmd_x_debug_points(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    PointInfo info;
    PointId id = 0;

    json_out_array(out, "return");
    while (debug_point_next(s->debug, id, &info)) {
        id = info.id;
        json_out_object(out, NULL);
        json_out_uint(out, "id", id);
        put_spec(out, &info.spec);
        json_out_str(out, "owner", info.owner_name);
        json_out_bool(out, "own", info.owner == s->client);
        json_out_str(out, "backing", qmp_type_XDebugBacking.values[info.backing]);
        json_out_bool(out, "pending", info.pending);
        json_out_uint(out, "hits", info.hits);
        json_out_uint(out, "ignore", info.ignore_left);
        json_out_end(out);
    }
    json_out_end(out);
    return QMP_RETURN;
}
