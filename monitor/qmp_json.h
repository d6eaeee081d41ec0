/* JSON as QMP has it: strict reading (json-glib makes the tree), and writing.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MONITOR_QMP_JSON_H
#define GLASSBOX_MONITOR_QMP_JSON_H

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <stdint.h>

/* ---- reading ---- */

/* Reads one value, by the letter of the standard: json-glib alone would take comments, hexadecimal
 * numbers and more. One exception is QMP's: strings may stand in single quotes, which many a script
 * uses. *id becomes the text of the top object's "id", for g_free; NULL: it has none.
 *
 * Integers from 2^63 to 2^64 - 1 keep their 64 bits and so look negative in the tree: whoever
 * expects an unsigned number casts. Larger ones are floating point.
 *
 * NULL with a sentence. */
JsonNode *qmp_json_parse(const char *text, size_t len, char **id, GError **errp);

/* ---- writing ---- */

/* Writes a value piece by piece. In an object every piece has a key, elsewhere key is NULL. */
typedef struct JsonOut {
    GString *text;
    GString *open;          /* the closing brackets that are due */
    bool pretty;            /* on several lines */
    bool some;              /* there is something before the next member */
} JsonOut;

void json_out_init(JsonOut *o, bool pretty);
void json_out_clear(JsonOut *o);

void json_out_object(JsonOut *o, const char *key);
void json_out_array(JsonOut *o, const char *key);
/* Closes the object or array that was begun last. */
void json_out_end(JsonOut *o);
/* Text that is not UTF-8 is made so. NULL is the empty string. */
void json_out_str(JsonOut *o, const char *key, const char *value);
void json_out_uint(JsonOut *o, const char *key, uint64_t value);
void json_out_int(JsonOut *o, const char *key, int64_t value);
void json_out_bool(JsonOut *o, const char *key, bool value);
/* Bytes as a string of hexadecimal digits. */
void json_out_hex(JsonOut *o, const char *key, const uint8_t *bytes, size_t len);
/* Text that is JSON already. */
void json_out_raw(JsonOut *o, const char *key, const char *text);

#endif
