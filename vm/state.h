/* State fields: one table describes a struct's guest-visible state, for reset tests, checkpoints,
 * snapshots and `info`.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_VM_STATE_H
#define GLASSBOX_VM_STATE_H

#include <glib.h>
#include "util/types.h"

typedef enum StateType {
    STATE_END = 0,
    STATE_UINT,         /* unsigned integer of `size` bytes: 1, 2, 4, 8 */
    STATE_INT,          /* signed */
    STATE_BOOL,
    STATE_BYTES,        /* size bytes as they are */
    STATE_STRUCT,       /* embedded struct of `size` bytes, described by sub */
    STATE_TIMER,        /* VmTimer *: its expiry (-1: not armed) */
} StateType;

enum {
    STATE_F_NO_RESET = 1,   /* survives a reset (battery-backed, strapped): reset tests skip it */
    STATE_F_HEX = 2,        /* shown in hexadecimal */
    STATE_F_QUIET = 4,      /* not shown by info: buffers */
};

typedef struct StateField {
    const char *name;
    StateType type;
    uint8_t flags;
    uint32_t off;           /* in the struct */
    uint32_t size;          /* bytes of one element */
    uint32_t count;         /* elements of an array; 0 and 1: a single one */
    const struct StateField *sub;
} StateField;

/* Rows. STATE_U also serves enums. Arrays: the _A forms, for fields declared as arrays. */
#define STATE_ROW_(t, f, s, m, n, fl, sb) { .name = #m, .type = (t), .flags = (fl), \
    .off = (uint32_t)offsetof(s, m), .size = (uint32_t)(f), .count = (n), .sub = (sb) }
#define STATE_SIZE_(s, m) sizeof(((s *)0)->m)
#define STATE_ELEM_(s, m) sizeof(((s *)0)->m[0])
#define STATE_LEN_(s, m) ((uint32_t)(STATE_SIZE_(s, m) / STATE_ELEM_(s, m)))
#define STATE_U(s, m) STATE_ROW_(STATE_UINT, STATE_SIZE_(s, m), s, m, 1, 0, NULL)
#define STATE_X(s, m) STATE_ROW_(STATE_UINT, STATE_SIZE_(s, m), s, m, 1, STATE_F_HEX, NULL)
#define STATE_I(s, m) STATE_ROW_(STATE_INT, STATE_SIZE_(s, m), s, m, 1, 0, NULL)
#define STATE_B(s, m) STATE_ROW_(STATE_BOOL, STATE_SIZE_(s, m), s, m, 1, 0, NULL)
#define STATE_UA(s, m) STATE_ROW_(STATE_UINT, STATE_ELEM_(s, m), s, m, STATE_LEN_(s, m), 0, NULL)
#define STATE_XA(s, m) \
    STATE_ROW_(STATE_UINT, STATE_ELEM_(s, m), s, m, STATE_LEN_(s, m), STATE_F_HEX, NULL)
#define STATE_BA(s, m) STATE_ROW_(STATE_BOOL, STATE_ELEM_(s, m), s, m, STATE_LEN_(s, m), 0, NULL)
#define STATE_RAW(s, m) \
    STATE_ROW_(STATE_BYTES, STATE_SIZE_(s, m), s, m, 1, STATE_F_QUIET, NULL)
#define STATE_SUB(s, m, fields) STATE_ROW_(STATE_STRUCT, STATE_SIZE_(s, m), s, m, 1, 0, fields)
#define STATE_SUBA(s, m, fields) \
    STATE_ROW_(STATE_STRUCT, STATE_ELEM_(s, m), s, m, STATE_LEN_(s, m), 0, fields)
#define STATE_T(s, m) STATE_ROW_(STATE_TIMER, sizeof(void *), s, m, 1, 0, NULL)
#define STATE_TA(s, m) STATE_ROW_(STATE_TIMER, sizeof(void *), s, m, STATE_LEN_(s, m), 0, NULL)
#define STATE_LAST { .type = STATE_END }

/* Appends the state of obj, little endian, in the table's order: the same bytes for the same
 * state on every host. */
void state_save(const StateField *fields, const void *obj, GByteArray *out);
/* Puts saved bytes back and moves *pos on. False, with nothing changed, when they are too short
 * for the table. Under the VM lock if there are timers. */
bool state_load(const StateField *fields, void *obj, const uint8_t *data, size_t len,
                size_t *pos, GError **errp);
/* Bytes that state_save appends. */
size_t state_size(const StateField *fields);
/* Compares two objects; for each difference appends "name: a != b\n". Fields of any flag in
 * `skip` are passed over. Returns the number of differences. */
unsigned state_diff(const StateField *fields, const void *a, const void *b, uint8_t skip,
                    GString *out);
/* "name value" lines for `info`, each after `indent` spaces. */
void state_print(const StateField *fields, const void *obj, unsigned indent, GString *out);

#endif
