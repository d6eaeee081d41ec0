/* Checking values against QMP's schema, and reading arguments.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_schema.h"

#include <stdlib.h>
#include <string.h>
#include "util/error.h"
#include "util/keyval.h"

/* ---- finding commands ------------------------------------------------------------------- */

static int compare_name(const void *name, const void *command)
{
    return strcmp(name, ((const QmpCommand *)command)->name);
}

const QmpCommand *qmp_command_find(const char *name)
{
    return bsearch(name, qmp_commands, qmp_ncommands, sizeof(qmp_commands[0]), compare_name);
}

/* ---- checking --------------------------------------------------------------------------- */

static bool is_value(JsonNode *node, GType type)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == type;
}

static bool wrong(const char *what, const char *wanted, GError **errp)
{
    return error_set(errp, INVALID, "the parameter '%s' must be %s", what, wanted);
}

static bool check_int(const QmpType *t, JsonNode *node, const char *what, GError **errp)
{
    int64_t v;

    if (!is_value(node, G_TYPE_INT64)) {
        return wrong(what, "a whole number", errp);
    }
    v = json_node_get_int(node);
    if (v < t->min || v > t->max) {
        return error_set(errp, INVALID, "the parameter '%s' must be a number from %"
                         G_GINT64_FORMAT " to %" G_GINT64_FORMAT, what, t->min, t->max);
    }
    return true;
}

static int enum_index(const QmpType *t, const char *word)
{
    for (unsigned i = 0; i < t->n; i++) {
        if (!strcmp(t->values[i], word)) {
            return (int)i;
        }
    }
    return -1;
}

static bool check_enum(const QmpType *t, JsonNode *node, const char *what, GError **errp)
{
    if (!is_value(node, G_TYPE_STRING)) {
        return wrong(what, "a string", errp);
    }
    if (enum_index(t, json_node_get_string(node)) < 0) {
        return error_set(errp, INVALID, "the parameter '%s' does not accept the value '%s'", what,
                         json_node_get_string(node));
    }
    return true;
}

static bool check_array(const QmpType *t, JsonNode *node, const char *what, GError **errp)
{
    JsonArray *array;

    if (!JSON_NODE_HOLDS_ARRAY(node)) {
        return wrong(what, "an array", errp);
    }
    array = json_node_get_array(node);
    for (unsigned i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *name = g_strdup_printf("%s[%u]", what, i);

        if (!qmp_check(t->element, json_array_get_element(array, i), name, errp)) {
            return false;
        }
    }
    return true;
}

static const QmpMember *member_find(const QmpType *t, const char *name)
{
    for (unsigned i = 0; i < t->n; i++) {
        if (!strcmp(t->members[i].name, name)) {
            return &t->members[i];
        }
    }
    return NULL;
}

/* A member's name as the user sees it. */
static char *member_name(const char *what, const char *name)
{
    return *what ? g_strdup_printf("%s.%s", what, name) : g_strdup(name);
}

static bool check_struct(const QmpType *t, JsonNode *node, const char *what, GError **errp)
{
    const char *name;
    JsonObjectIter it;
    JsonObject *object;
    JsonNode *value;

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        return wrong(*what ? what : "arguments", "an object", errp);
    }
    object = json_node_get_object(node);
    for (unsigned i = 0; i < t->n; i++) {
        if (!t->members[i].optional && !json_object_has_member(object, t->members[i].name)) {
            g_autofree char *full = member_name(what, t->members[i].name);
            return error_set(errp, INVALID, "the parameter '%s' is missing", full);
        }
    }
    json_object_iter_init(&it, object);
    while (json_object_iter_next(&it, &name, &value)) {
        const QmpMember *m = member_find(t, name);
        g_autofree char *full = member_name(what, name);

        if (!m) {
            return error_set(errp, INVALID, "the parameter '%s' is unexpected", full);
        }
        if (!qmp_check(m->type, value, full, errp)) {
            return false;
        }
    }
    return true;
}

static bool check_alternate(const QmpType *t, JsonNode *node, const char *what, GError **errp)
{
    for (unsigned i = 0; i < t->n; i++) {
        if (qmp_check(t->of[i], node, what, NULL)) {
            return true;
        }
    }
    return wrong(what, "a whole number, or a string with one", errp);
}

bool qmp_check(const QmpType *t, JsonNode *node, const char *what, GError **errp)
{
    switch (t->meta) {
    case QMP_META_BOOL:
        return is_value(node, G_TYPE_BOOLEAN) || wrong(what, "true or false", errp);
    case QMP_META_INT:
        return check_int(t, node, what, errp);
    case QMP_META_STR:
        return is_value(node, G_TYPE_STRING) || wrong(what, "a string", errp);
    case QMP_META_ENUM:
        return check_enum(t, node, what, errp);
    case QMP_META_ARRAY:
        return check_array(t, node, what, errp);
    case QMP_META_STRUCT:
        return check_struct(t, node, what, errp);
    case QMP_META_ALTERNATE:
        return check_alternate(t, node, what, errp);
    case QMP_META_ANY:
        break;
    }
    return true;
}

/* ---- reading arguments ------------------------------------------------------------------ */

bool qmp_arg_bool(JsonObject *args, const char *name, bool otherwise)
{
    return json_object_get_boolean_member_with_default(args, name, otherwise);
}

uint64_t qmp_arg_uint(JsonObject *args, const char *name, uint64_t otherwise)
{
    return (uint64_t)json_object_get_int_member_with_default(args, name, (int64_t)otherwise);
}

const char *qmp_arg_str(JsonObject *args, const char *name)
{
    return json_object_get_string_member_with_default(args, name, NULL);
}

unsigned qmp_arg_enum(JsonObject *args, const char *name, const QmpType *type, unsigned otherwise)
{
    const char *word = qmp_arg_str(args, name);

    return word ? (unsigned)enum_index(type, word) : otherwise;
}

bool qmp_arg_number(JsonObject *args, const char *name, uint64_t *out, GError **errp)
{
    JsonNode *node = json_object_get_member(args, name);

    if (!node) {
        return true;
    }
    if (is_value(node, G_TYPE_INT64)) {
        *out = (uint64_t)json_node_get_int(node);
        return true;
    }
    if (!parse_uint(json_node_get_string(node), UINT64_MAX, out, errp)) {
        g_prefix_error(errp, "the parameter '%s': ", name);
        return false;
    }
    return true;
}

static GBytes *decode_hex(const char *text)
{
    size_t n = strlen(text) / 2;
    uint8_t *bytes;

    if (strlen(text) % 2 || text[strspn(text, "0123456789abcdefABCDEF")]) {
        return NULL;
    }
    bytes = g_malloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        bytes[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                             g_ascii_xdigit_value(text[2 * i + 1]));
    }
    return g_bytes_new_take(bytes, n);
}

/* GLib passes over what is no base64. */
static GBytes *decode_base64(const char *text)
{
    size_t digits = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                 "0123456789+/");
    size_t pad = strspn(text + digits, "=");
    uint8_t *bytes;
    gsize n;

    if (text[digits + pad] || (digits + pad) % 4 || pad > 2) {
        return NULL;
    }
    bytes = g_base64_decode(text, &n);
    return g_bytes_new_take(bytes, n);
}

GBytes *qmp_decode(const char *text, bool base64, const char *name, GError **errp)
{
    GBytes *bytes = base64 ? decode_base64(text) : decode_hex(text);

    if (!bytes) {
        error_set(errp, INVALID, "the parameter '%s' must be bytes in %s", name,
                  base64 ? "base64" : "hexadecimal");
    }
    return bytes;
}
