/* Option strings and the values in them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include "util/error.h"
#include "util/keyval.h"

typedef struct KeyValPair {
    char *key, *value;
    bool used;
} KeyValPair;

struct KeyVal {
    GArray *pair;
};

static void pair_clear(gpointer p)
{
    KeyValPair *pair = p;

    g_free(pair->key);
    g_free(pair->value);
}

static KeyValPair *keyval_find(KeyVal *kv, const char *key)
{
    for (guint i = 0; i < kv->pair->len; i++) {
        KeyValPair *p = &g_array_index(kv->pair, KeyValPair, i);
        if (g_str_equal(p->key, key)) {
            return p;
        }
    }
    return NULL;
}

static bool keyval_add(KeyVal *kv, const char *key, const char *value, GError **errp)
{
    KeyValPair p;

    if (!*key) {
        return error_set(errp, INVALID, "there is an option without a name before '='");
    }
    if (keyval_find(kv, key)) {
        return error_set(errp, INVALID, "'%s' is given twice", key);
    }
    p = (KeyValPair){ .key = g_strdup(key), .value = g_strdup(value) };
    g_array_append_val(kv->pair, p);
    return true;
}

/* Take one item off *text, turning doubled commas into single ones. */
static char *item_take(const char **text)
{
    GString *s = g_string_new(NULL);
    const char *p = *text;

    for (; *p; p++) {
        if (*p == ',') {
            if (p[1] != ',') {
                break;
            }
            p++;
        }
        g_string_append_c(s, *p);
    }
    *text = *p ? p + 1 : NULL;
    return g_string_free(s, FALSE);
}

/* A flag without '='. */
static bool keyval_add_flag(KeyVal *kv, const char *item, const char *const *negatable,
                            GError **errp)
{
    if (g_str_has_prefix(item, "no") && negatable && g_strv_contains(negatable, item + 2)) {
        return keyval_add(kv, item + 2, "off", errp);
    }
    return keyval_add(kv, item, "on", errp);
}

static bool keyval_add_item(KeyVal *kv, char *item, const char *implied,
                            const char *const *negatable, GError **errp)
{
    char *eq = strchr(item, '=');

    if (eq) {
        *eq = 0;
        return keyval_add(kv, item, eq + 1, errp);
    }
    if (implied) {
        return keyval_add(kv, implied, item, errp);
    }
    if (!*item) {
        return error_set(errp, INVALID, "there is nothing between two commas");
    }
    return keyval_add_flag(kv, item, negatable, errp);
}

KeyVal *keyval_parse(const char *text, const char *implied, const char *const *negatable,
                     GError **errp)
{
    KeyVal *kv = g_new0(KeyVal, 1);

    kv->pair = g_array_new(FALSE, FALSE, sizeof(KeyValPair));
    g_array_set_clear_func(kv->pair, pair_clear);
    while (text) {
        g_autofree char *item = item_take(&text);
        if (!*item && !implied && !text) {
            break;   /* an empty string, or a comma at the end */
        }
        if (!keyval_add_item(kv, item, implied, negatable, errp)) {
            keyval_free(kv);
            return NULL;
        }
        implied = NULL;
    }
    return kv;
}

void keyval_free(KeyVal *kv)
{
    if (kv) {
        g_array_free(kv->pair, TRUE);
        g_free(kv);
    }
}

const char *keyval_get(KeyVal *kv, const char *key)
{
    KeyValPair *p = keyval_find(kv, key);

    if (!p) {
        return NULL;
    }
    p->used = true;
    return p->value;
}

/* Puts the key in front of the reason why its value is bad. */
static bool keyval_prefix(bool ok, const char *key, GError **errp)
{
    if (!ok) {
        g_prefix_error(errp, "%s: ", key);
    }
    return ok;
}

bool keyval_get_bool(KeyVal *kv, const char *key, bool *out, GError **errp)
{
    const char *v = keyval_get(kv, key);

    return !v || keyval_prefix(parse_bool(v, out, errp), key, errp);
}

bool keyval_get_uint(KeyVal *kv, const char *key, uint64_t max, uint64_t *out, GError **errp)
{
    const char *v = keyval_get(kv, key);

    return !v || keyval_prefix(parse_uint(v, max, out, errp), key, errp);
}

bool keyval_get_size(KeyVal *kv, const char *key, uint64_t *out, GError **errp)
{
    const char *v = keyval_get(kv, key);

    return !v || keyval_prefix(parse_size(v, 1, out, errp), key, errp);
}

bool keyval_check_used(KeyVal *kv, GError **errp)
{
    for (guint i = 0; i < kv->pair->len; i++) {
        KeyValPair *p = &g_array_index(kv->pair, KeyValPair, i);
        if (!p->used) {
            return error_set(errp, NOT_FOUND, "there is no option '%s' here", p->key);
        }
    }
    return true;
}

bool keyval_foreach(KeyVal *kv, bool (*fn)(const char *key, const char *value, void *opaque,
                                           GError **errp),
                    void *opaque, GError **errp)
{
    for (guint i = 0; i < kv->pair->len; i++) {
        KeyValPair *p = &g_array_index(kv->pair, KeyValPair, i);
        p->used = true;
        if (!fn(p->key, p->value, opaque, errp)) {
            return false;
        }
    }
    return true;
}

bool parse_bool(const char *text, bool *out, GError **errp)
{
    static const char *const on[] = { "on", "yes", "true", "1", NULL };
    static const char *const off[] = { "off", "no", "false", "0", NULL };

    if (g_strv_contains(on, text)) {
        *out = true;
        return true;
    }
    if (g_strv_contains(off, text)) {
        *out = false;
        return true;
    }
    return error_set(errp, INVALID, "'%s' is neither on nor off", text);
}

bool parse_uint(const char *text, uint64_t max, uint64_t *out, GError **errp)
{
    char *end;
    uint64_t v;

    errno = 0;
    if (!g_ascii_isdigit(*text)) {   /* strtoull would take blanks and signs */
        return error_set(errp, INVALID, "'%s' is not a number", text);
    }
    v = g_ascii_strtoull(text, &end, 0);
    if (*end) {
        return error_set(errp, INVALID, "'%s' is not a number", text);
    }
    if (errno == ERANGE || v > max) {
        return error_set(errp, INVALID, "%s is too large, %" G_GUINT64_FORMAT " is the most", text,
                         max);
    }
    *out = v;
    return true;
}

bool parse_size(const char *text, uint64_t unit, uint64_t *out, GError **errp)
{
    static const char letters[] = "BKMGT";
    const char *letter = NULL;
    char *end;
    double v;

    if (!g_ascii_isdigit(*text)) {
        return error_set(errp, INVALID, "'%s' is not a size", text);
    }
    /* 1.5G is a size too; a double holds every size that we can ever have exactly enough. */
    if (g_str_has_prefix(text, "0x") || g_str_has_prefix(text, "0X")) {
        v = (double)g_ascii_strtoull(text, &end, 16);
    } else {
        v = g_ascii_strtod(text, &end);
    }
    if (*end) {
        letter = strchr(letters, g_ascii_toupper(*end));
        if (!letter || end[1]) {
            return error_set(errp, INVALID, "'%s' is not a size (units are B, K, M, G, T)", text);
        }
        unit = UINT64_C(1) << (10 * (letter - letters));
    }
    v *= (double)unit;
    if (!(v < 9e18)) {
        return error_set(errp, INVALID, "%s is too large", text);
    }
    *out = (uint64_t)v;
    return true;
}
