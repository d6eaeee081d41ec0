/* QMP's schema as tables, what checks a command's arguments against them, and what reads them.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The tables themselves (monitor/qmp_table.h) are made from monitor/qmp-schema.json by
 * scripts/qmp-gen. */
#ifndef GLASSBOX_MONITOR_QMP_SCHEMA_H
#define GLASSBOX_MONITOR_QMP_SCHEMA_H

#include "monitor/qmp_json.h"

typedef struct QmpSession QmpSession;
typedef struct QmpType QmpType;

typedef enum QmpMeta {
    QMP_META_ANY,
    QMP_META_BOOL,
    QMP_META_INT,           /* min to max; INT64_MIN: any 64 bits, signed or not */
    QMP_META_STR,
    QMP_META_ENUM,          /* values[n] */
    QMP_META_ARRAY,         /* of element */
    QMP_META_STRUCT,        /* members[n] */
    QMP_META_ALTERNATE,     /* of[n] */
} QmpMeta;

typedef struct QmpMember {
    const char *name;
    const QmpType *type;
    bool optional;
} QmpMember;

struct QmpType {
    const char *name;
    QmpMeta meta;
    int64_t min, max;
    const QmpType *element;
    const char *const *values;
    const QmpType *const *of;
    const QmpMember *members;
    unsigned n;
};

/* What a command's function says. */
typedef enum QmpResult {
    QMP_RETURN,             /* `out` has the member "return", or nothing for the empty object */
    QMP_LATER,              /* the session answers when what it waits for has happened */
    QMP_FAILED,             /* *errp is set */
} QmpResult;

/* args fit the schema; never NULL. */
typedef QmpResult QmpCommandFn(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp);

typedef struct QmpCommand {
    const char *name;
    const QmpType *args;
    const QmpType *returns;         /* NULL: an empty object */
    QmpCommandFn *fn;
} QmpCommand;

typedef struct QmpEventDesc {
    const char *name;
    const QmpType *data;
} QmpEventDesc;

extern const QmpCommand qmp_commands[];
extern const unsigned qmp_ncommands;
extern const QmpEventDesc qmp_events[];
extern const unsigned qmp_nevents;
/* The value that query-qmp-schema returns. */
extern const char qmp_introspection[];

/* NULL: there is none. */
const QmpCommand *qmp_command_find(const char *name);

/* Does a value fit a type? `what` names it in the error, which begins with a small letter. */
bool qmp_check(const QmpType *type, JsonNode *node, const char *what, GError **errp);

/* ---- reading arguments that have been checked; what is absent gives `otherwise` ---- */

bool qmp_arg_bool(JsonObject *args, const char *name, bool otherwise);
uint64_t qmp_arg_uint(JsonObject *args, const char *name, uint64_t otherwise);
/* NULL when absent. */
const char *qmp_arg_str(JsonObject *args, const char *name);
/* The place of the word in the enumeration. */
unsigned qmp_arg_enum(JsonObject *args, const char *name, const QmpType *type, unsigned otherwise);
/* An XDebugNumber; *out is left alone when it is absent. False for a string that is no number. */
bool qmp_arg_number(JsonObject *args, const char *name, uint64_t *out, GError **errp);
/* Bytes written in hexadecimal or base64. NULL with an error. */
GBytes *qmp_decode(const char *text, bool base64, const char *name, GError **errp);

#endif
