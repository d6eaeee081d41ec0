/* Test helper: a script machine with a QMP server, and the client's side of the protocol.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_QMP_CLIENT_H
#define GLASSBOX_TESTS_UNIT_QMP_CLIENT_H

#include <json-glib/json-glib.h>
#include "debug-machine.h"
#include "monitor/qmp.h"
#include "monitor-host.h"

/* The machine's program is that of gdb-client.h: CPU i at 0x1000 + 0x100 * i counts in r0 and
 * writes it to 0x2000 + 0x100 * i; at 0x1800 the end with status 7, at 0x1820 a reset. */
typedef struct QmpFixture {
    DebugMachine m;
    TestHost host;              /* version 9.9 */
    QmpServer *server;
    Chardev *ours, *theirs;
    GString *got;               /* bytes that are no whole line yet */
    GQueue lines;               /* char * */
    GQueue events;              /* JsonNode *, in order */
    JsonNode *node;             /* the last answer or event */
    unsigned id;
    bool closed;                /* the other end hung up */
    bool deaf;                  /* this client does not read */
} QmpFixture;

/* Two CPUs, a server, a client that has negotiated. */
void qf_setup(QmpFixture *f, gconstpointer data);
void qf_teardown(QmpFixture *f, gconstpointer data);
/* The same before the greeting was taken; options as dm_init has them. */
void qf_setup_raw(QmpFixture *f, const char *options, bool pretty);

/* Makes the fixture the front end of its stream `ours`. */
void qf_attach(QmpFixture *f);

/* Sends text as it is. */
void qf_send(QmpFixture *f, const char *text);
/* The next line that comes, parsed; it is good until the next call of anything. */
JsonObject *qf_next(QmpFixture *f);
/* The next answer; events before it are kept. */
JsonObject *qf_answer(QmpFixture *f);
/* Runs a command; arguments are JSON text or NULL. What it returns, checked against the schema. */
JsonNode *qf_run(QmpFixture *f, const char *command, const char *args);
JsonObject *qf_object(QmpFixture *f, const char *command, const char *args);
/* It must fail with a text that has this part. */
void qf_fail(QmpFixture *f, const char *command, const char *args, const char *part);
/* The next event must be of this name. Its data, checked against the schema, or NULL. */
JsonObject *qf_event(QmpFixture *f, const char *name);
/* No event has come. */
void qf_no_event(QmpFixture *f);
/* Lets both CPUs run, by `cont`, and takes the event. */
void qf_cont(QmpFixture *f);
/* Waits for STOP and X_DEBUG_STOP, and gives the latter's data. */
JsonObject *qf_stop_event(QmpFixture *f);

#define qf_int(object, name) json_object_get_int_member(object, name)
#define qf_str(object, name) json_object_get_string_member(object, name)
#define qf_bool(object, name) json_object_get_boolean_member(object, name)

#endif
