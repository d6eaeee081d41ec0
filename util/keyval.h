/* Option strings: "first,key=value,flag".
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_KEYVAL_H
#define GLASSBOX_UTIL_KEYVAL_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A parsed option string. Keys keep their order; each remembers if someone has looked at it, so
 * that keyval_check_used() can name the one nobody knows. A comma within a value is written twice.
 */
typedef struct KeyVal KeyVal;

/*
 * Parse. If the first item has no '=' it is the value of `implied` (NULL: it is a flag like
 * others). A flag "x" means x=on, "nox" means x=off if x is in the NULL-ended list `negatable`
 * (NULL: none). NULL with an error for an empty or doubled key.
 */
KeyVal *keyval_parse(const char *text, const char *implied, const char *const *negatable,
                     GError **errp);
void keyval_free(KeyVal *kv);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KeyVal, keyval_free)

/* The value of a key or NULL; marks it used. The string lives as long as kv. */
const char *keyval_get(KeyVal *kv, const char *key);

/* Typed forms: leave *out alone and return true if the key is not there; false on a bad value. */
bool keyval_get_bool(KeyVal *kv, const char *key, bool *out, GError **errp);
bool keyval_get_uint(KeyVal *kv, const char *key, uint64_t max, uint64_t *out, GError **errp);
bool keyval_get_size(KeyVal *kv, const char *key, uint64_t *out, GError **errp);

/* False, naming the first key that nobody has asked for. */
bool keyval_check_used(KeyVal *kv, GError **errp);

/* Call fn for each pair in order; stops and returns false when fn does. Marks all used. */
bool keyval_foreach(KeyVal *kv, bool (*fn)(const char *key, const char *value, void *opaque,
                                           GError **errp),
                    void *opaque, GError **errp);

/* "on/off/yes/no/true/false" */
bool parse_bool(const char *text, bool *out, GError **errp);

/* A whole decimal, 0x or 0 (octal) number up to max. */
bool parse_uint(const char *text, uint64_t max, uint64_t *out, GError **errp);

/* A size with an optional unit B K M G T (powers of 1024), bare numbers counted in `unit` bytes. */
bool parse_size(const char *text, uint64_t unit, uint64_t *out, GError **errp);

#endif
