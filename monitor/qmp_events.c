/* QMP's events: what the debug core and the machine tell, as a session's client hears it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

/* ---- words ---- */

typedef struct CauseRow {
    bool guest;
    unsigned reason;            /* ShutdownCause */
} CauseRow;

static const CauseRow cause_rows[] = {
    [VM_CAUSE_GUEST_SHUTDOWN] = { true, QMP_SHUTDOWN_CAUSE_GUEST_SHUTDOWN },
    [VM_CAUSE_GUEST_RESET] = { true, QMP_SHUTDOWN_CAUSE_GUEST_RESET },
    [VM_CAUSE_TRIPLE_FAULT] = { true, QMP_SHUTDOWN_CAUSE_GUEST_RESET },
    [VM_CAUSE_DEBUG_EXIT] = { true, QMP_SHUTDOWN_CAUSE_GUEST_SHUTDOWN },
    [VM_CAUSE_GUEST_PANIC] = { true, QMP_SHUTDOWN_CAUSE_GUEST_PANIC },
    [VM_CAUSE_HOST_QUIT] = { false, QMP_SHUTDOWN_CAUSE_HOST_QMP_QUIT },
    [VM_CAUSE_HOST_RESET] = { false, QMP_SHUTDOWN_CAUSE_HOST_QMP_SYSTEM_RESET },
    [VM_CAUSE_HOST_SIGNAL] = { false, QMP_SHUTDOWN_CAUSE_HOST_SIGNAL },
    [VM_CAUSE_ERROR] = { false, QMP_SHUTDOWN_CAUSE_HOST_ERROR },
};

/* The schema's words are in the order of our enumerations. */
G_STATIC_ASSERT(QMP_XDEBUG_STOP_REASON_COUNT == STOP_HISTORY_END + 1);
G_STATIC_ASSERT((int)QMP_XDEBUG_POINT_KIND_COUNT == (int)POINT_KINDS);
G_STATIC_ASSERT(QMP_XDEBUG_CAUSE_COUNT == VM_CAUSE_ERROR + 1);

static void put_word(JsonOut *o, const char *key, const QmpType *type, unsigned index)
{
    json_out_str(o, key, type->values[index]);
}

unsigned qmp_run_state(QmpSession *s)
{
    static const uint8_t of_stop[] = {
        [STOP_NONE] = QMP_RUN_STATE_PAUSED,
        [STOP_START] = QMP_RUN_STATE_PRELAUNCH,
        [STOP_POINT] = QMP_RUN_STATE_DEBUG,
        [STOP_STEP] = QMP_RUN_STATE_DEBUG,
        [STOP_INTERRUPT] = QMP_RUN_STATE_PAUSED,
        [STOP_EVENT] = QMP_RUN_STATE_DEBUG,
        [STOP_PANIC] = QMP_RUN_STATE_GUEST_PANICKED,
        [STOP_SHUTDOWN] = QMP_RUN_STATE_SHUTDOWN,
        [STOP_ERROR] = QMP_RUN_STATE_INTERNAL_ERROR,
        [STOP_HISTORY_START] = QMP_RUN_STATE_DEBUG,
        [STOP_HISTORY_END] = QMP_RUN_STATE_DEBUG,
    };
    const Vm *vm = debug_vm(s->debug);
    const StopInfo *stop = debug_stop_info(s->client);

    if (vm_ended(vm) || vm_powered_off(vm)) {
        return QMP_RUN_STATE_SHUTDOWN;
    }
    if (!stop) {
        return QMP_RUN_STATE_RUNNING;
    }
    if (qmp_server_fresh(s->server) && stop->kind != STOP_START) {
        return QMP_RUN_STATE_PAUSED;    /* why it stood is over since a reset */
    }
    return of_stop[stop->kind];
}

/* ---- sending ---- */

/* False: the client is not to be told of anything yet. */
static bool event_begin(QmpSession *s, unsigned event, JsonOut *o)
{
    int64_t now = g_get_real_time();

    if (!s->negotiated) {
        return false;
    }
    json_out_init(o, qmp_server_pretty(s->server));
    json_out_object(o, NULL);
    json_out_object(o, "timestamp");
    json_out_int(o, "seconds", now / G_USEC_PER_SEC);
    json_out_int(o, "microseconds", now % G_USEC_PER_SEC);
    json_out_end(o);
    json_out_str(o, "event", qmp_events[event].name);
    return true;
}

static void event_end(QmpSession *s, JsonOut *o)
{
    json_out_end(o);
    qmp_session_send(s, o);
}

/* An event without data. */
static void event_bare(QmpSession *s, unsigned event)
{
    JsonOut o;

    if (event_begin(s, event, &o)) {
        event_end(s, &o);
    }
}

/* SHUTDOWN, RESET */
static void event_cause(QmpSession *s, unsigned event, VmCause cause)
{
    const CauseRow *row = &cause_rows[cause];
    JsonOut o;

    if (event_begin(s, event, &o)) {
        json_out_object(&o, "data");
        json_out_bool(&o, "guest", row->guest);
        put_word(&o, "reason", &qmp_type_ShutdownCause, row->reason);
        json_out_end(&o);
        event_end(s, &o);
    }
}

static void event_shutdown(QmpSession *s, VmCause cause)
{
    if (!s->told_shutdown) {
        s->told_shutdown = true;
        event_cause(s, QMP_EVENT_SHUTDOWN, cause);
    }
}

static void event_panicked(QmpSession *s, unsigned action)
{
    JsonOut o;

    if (event_begin(s, QMP_EVENT_GUEST_PANICKED, &o)) {
        json_out_object(&o, "data");
        put_word(&o, "action", &qmp_type_GuestPanicAction, action);
        json_out_end(&o);
        event_end(s, &o);
    }
}

void qmp_event_powerdown(QmpSession *s)
{
    event_bare(s, QMP_EVENT_POWERDOWN);
}

void qmp_event_resume(QmpSession *s)
{
    if (!s->told_running) {
        s->told_running = true;
        event_bare(s, QMP_EVENT_RESUME);
    }
}

void qmp_event_last(QmpSession *s)
{
    Vm *vm = debug_vm(s->debug);

    if (vm_ended(vm)) {
        event_shutdown(s, vm_end_cause(vm, NULL));
    }
}

/* ---- stops ---- */

static void put_event(QmpSession *s, JsonOut *o, unsigned cpu, const DebugEvent *e)
{
    const CpuClass *class = debug_vm(s->debug)->cpus[cpu]->class;
    const char *name = class->event_name ? class->event_name(e->kind, e->number) : NULL;

    json_out_object(o, "event");
    put_word(o, "kind", &qmp_type_XDebugPointKind, e->kind);
    json_out_uint(o, "number", e->number);
    if (name) {
        json_out_str(o, "name", name);
    }
    json_out_bool(o, "write", e->write);
    if (e->has_error) {
        json_out_uint(o, "error", e->error);
    }
    json_out_uint(o, "address", e->address);
    json_out_uint(o, "old", e->old);
    json_out_uint(o, "new", e->now);
    json_out_end(o);
}

static void put_points(JsonOut *o, const StopInfo *stop)
{
    json_out_array(o, "points");
    for (unsigned i = 0; i < stop->nhit; i++) {
        json_out_uint(o, NULL, stop->hit[i]);
    }
    json_out_end(o);
    json_out_uint(o, "own-points", stop->nmine);
    put_word(o, "point-kind", &qmp_type_XDebugPointKind, stop->point_kind);
    json_out_uint(o, "point-address", stop->point_addr);
    json_out_bool(o, "hard", stop->hard);
    if (point_kind_is_data(stop->point_kind)) {
        json_out_uint(o, "access", stop->access);
        json_out_bool(o, "write", stop->write);
    }
    if (stop->has_values) {
        json_out_uint(o, "old", stop->old);
        json_out_uint(o, "new", stop->now);
    }
}

void qmp_put_stop(QmpSession *s, JsonOut *o, const char *key, const StopInfo *stop)
{
    bool reset = stop->kind == STOP_EVENT &&
                 (stop->event.kind == POINT_RESET || stop->event.kind == POINT_TRIPLE);

    json_out_object(o, key);
    put_word(o, "reason", &qmp_type_XDebugStopReason, stop->kind);
    json_out_uint(o, "cpu-index", stop->cpu);
    json_out_uint(o, "pc", stop->pc);
    json_out_bool(o, "all-stopped", debug_stopped(s->debug));
    json_out_bool(o, "step-done", stop->step_done);
    if (stop->nhit) {
        put_points(o, stop);
    }
    if (stop->kind == STOP_EVENT) {
        put_event(s, o, stop->cpu, &stop->event);
    }
    if (stop->kind == STOP_SHUTDOWN || stop->kind == STOP_PANIC || reset) {
        put_word(o, "cause", &qmp_type_XDebugCause, stop->cause);
    }
    if (stop->kind == STOP_SHUTDOWN) {
        json_out_int(o, "status", stop->status);
    }
    if (stop->text) {
        json_out_str(o, "text", stop->text);
    }
    json_out_end(o);
}

/* Who waited for the machine to stand is answered. A monitor's command may have more to do. */
static void pending_stopped(QmpSession *s)
{
    if (s->pending == QMP_PENDING_STOP) {
        qmp_session_answer(s, NULL);
    } else if (s->pending == QMP_PENDING_MONITOR && !monitor_busy(s->monitor)) {
        qmp_monitor_done(s);
    }
}

/* A stop is told again when a stopped machine is reset, or is powered off and cannot go: that is no
 * news here. */
static void event_stopped(QmpSession *s, const StopInfo *stop, bool all)
{
    JsonOut o;

    if (stop->kind == STOP_SHUTDOWN) {
        event_shutdown(s, stop->cause);
    } else if (stop->kind == STOP_PANIC) {
        event_panicked(s, QMP_GUEST_PANIC_ACTION_PAUSE);
    }
    if (all) {
        s->told_running = false;
        event_bare(s, QMP_EVENT_STOP);
    }
    if (event_begin(s, QMP_EVENT_X_DEBUG_STOP, &o)) {
        qmp_put_stop(s, &o, "data", stop);
        event_end(s, &o);
    }
}

void qmp_event_stopped(QmpSession *s, const StopInfo *stop)
{
    bool all = debug_stopped(s->debug);

    s->cpu = stop->cpu;
    if (s->told_running) {
        event_stopped(s, stop, all);
    }
    if (all) {
        pending_stopped(s);
    }
}

/* ---- what the debug core tells ---- */

static void on_stopped(void *opaque, const StopInfo *stop)
{
    QmpSession *s = opaque;

    if (!qmp_step_goes_on(s, stop)) {
        qmp_event_stopped(s, stop);
    }
}

static void on_resumed(void *opaque, const char *by)
{
    qmp_event_resume(opaque);
}

static void on_ended(void *opaque, VmCause cause, int status)
{
    QmpSession *s = opaque;

    qmp_step_cancel(s);
    s->told_running = false;
    if (cause == VM_CAUSE_GUEST_PANIC) {
        event_panicked(s, QMP_GUEST_PANIC_ACTION_POWEROFF);
    }
    event_shutdown(s, cause);
    if (s->pending == QMP_PENDING_MONITOR) {
        qmp_monitor_done(s);
    }
    pending_stopped(s);
}

static void on_reset(void *opaque, VmCause cause)
{
    QmpSession *s = opaque;

    s->told_shutdown = false;
    event_cause(s, QMP_EVENT_RESET, cause);
}

static void on_output(void *opaque, const char *text)
{
    QmpSession *s = opaque;
    JsonOut o;

    if (event_begin(s, QMP_EVENT_X_DEBUG_OUTPUT, &o)) {
        json_out_object(&o, "data");
        json_out_str(&o, "text", text);
        json_out_end(&o);
        event_end(s, &o);
    }
}

static void on_control(void *opaque, const char *holder)
{
    QmpSession *s = opaque;
    JsonOut o;

    if (event_begin(s, QMP_EVENT_X_DEBUG_CONTROL, &o)) {
        json_out_object(&o, "data");
        if (holder) {
            json_out_str(&o, "holder", holder);
        }
        json_out_bool(&o, "own", debug_control_has(s->client));
        json_out_end(&o);
        event_end(s, &o);
    }
}

const DebugClientOps qmp_client_ops = {
    .stopped = on_stopped, .cpu_stopped = on_stopped, .resumed = on_resumed, .ended = on_ended,
    .reset = on_reset, .output = on_output, .control = on_control,
};
