/* What QMP's parts share: the session's state, answers, events, helpers of commands.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MONITOR_QMP_INT_H
#define GLASSBOX_MONITOR_QMP_INT_H

#include "monitor/qmp.h"
#include "monitor/qmp_framing.h"
#include "monitor/qmp_schema.h"
#include "monitor/qmp_table.h"
#include "vm/vm.h"

/* What an answer waits for; input waits with it. */
typedef enum QmpPending {
    QMP_PENDING_NONE,
    QMP_PENDING_STOP,       /* `stop`: the machine stands */
    QMP_PENDING_MONITOR,    /* human-monitor-command: its steps are done */
} QmpPending;

/* One client's conversation. */
struct QmpSession {
    QmpServer *server;
    MonitorHost *host;
    Debug *debug;
    DebugClient *client;
    Monitor *monitor;           /* NULL until human-monitor-command wants it */
    GString *monitor_text;      /* what it has printed while the answer waits */
    QmpFramer framer;
    GByteArray *in;             /* input that has come, but was not looked at */
    size_t in_at;
    char *id;                   /* of the command under way, as JSON; NULL: it has none */
    char *pending_id;
    QmpPending pending;
    bool negotiated;
    bool quit;                  /* nothing further is listened to */
    bool closing;               /* the server lets go of it soon */
    bool told_running;          /* by the events STOP and RESUME */
    bool told_shutdown;
    bool nonstop;               /* this session has turned it on */
    unsigned cpu;               /* that of the last stop */
    /* x-debug-step: what is left of it */
    uint64_t steps;
    unsigned step_cpu;
    ResumeKind step_others;
    bool step_mask_irq, step_freeze;
};

/* ---- qmp.c: the server ---- */

/* Queues text for the client; one that does not read is hung up on. */
void qmp_server_write(QmpServer *q, const char *text, size_t len);
/* Is there room for more answers? If not, qmp_session_go_on is called when there is. */
bool qmp_server_ready(QmpServer *q);
/* Input may be waiting in the stream. */
void qmp_server_accept(QmpServer *q);
bool qmp_server_pretty(const QmpServer *q);
/* The machine was reset and has not run since. */
bool qmp_server_fresh(const QmpServer *q);

/* ---- qmp_session.c ---- */

/* Greets. */
QmpSession *qmp_session_new(QmpServer *q, MonitorHost *host, const char *name);
void qmp_session_free(QmpSession *s);
/* How many bytes it can take. */
size_t qmp_session_room(const QmpSession *s);
void qmp_session_receive(QmpSession *s, const uint8_t *buf, size_t len);
void qmp_session_go_on(QmpSession *s);
/* The answer to what is pending; value is JSON or NULL for the empty object. */
void qmp_session_answer(QmpSession *s, const char *value);
/* Puts together and sends one line. */
void qmp_session_send(QmpSession *s, JsonOut *o);

/* ---- qmp_events.c ---- */

extern const DebugClientOps qmp_client_ops;     /* opaque: the QmpSession */
void qmp_event_powerdown(QmpSession *s);
void qmp_event_resume(QmpSession *s);
/* A stop that was held back after all. */
void qmp_event_stopped(QmpSession *s, const StopInfo *stop);
/* What is left to tell at the end of the program. */
void qmp_event_last(QmpSession *s);
/* RunState, as an index of its type. */
unsigned qmp_run_state(QmpSession *s);
/* The members of an XDebugStop, in an object of that name. */
void qmp_put_stop(QmpSession *s, JsonOut *o, const char *key, const StopInfo *stop);

/* ---- qmp_debug_run.c ---- */

/* A step has ended with this stop and a further one is wanted: true, and it is under way. */
bool qmp_step_goes_on(QmpSession *s, const StopInfo *stop);
/* No further steps are made. */
void qmp_step_cancel(QmpSession *s);
/* The same by a command: the stop after the last step, which was kept back, is told. */
void qmp_step_end(QmpSession *s);

/* ---- qmp_commands.c ---- */

/* A VersionInfo. */
void qmp_put_version(QmpSession *s, JsonOut *o, const char *key);
/* The session's monitor command has come to its end: it is answered. */
void qmp_monitor_done(void *session);

/* ---- helpers of commands ---- */

/* The CPU of "cpu-index". False if there is none such. */
bool qmp_arg_cpu(QmpSession *s, JsonObject *args, unsigned otherwise, unsigned *cpu,
                 GError **errp);

#endif
