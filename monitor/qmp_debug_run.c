/* QMP's x-debug-* commands about control, running and stopping.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include "util/error.h"
#include "util/mainloop.h"

/* ---- status and control ---- */

static void put_cpu(QmpSession *s, JsonOut *out, unsigned i)
{
    StopInfo stop;

    json_out_object(out, NULL);
    json_out_uint(out, "cpu-index", i);
    json_out_bool(out, "stopped", debug_cpu_stopped(s->debug, i));
    json_out_str(out, "power",
                 cpu_power_name(atomic_get(&debug_vm(s->debug)->cpus[i]->power)));
    if (debug_cpu_stop_info(s->client, i, &stop)) {
        qmp_put_stop(s, out, "stop", &stop);
    }
    json_out_end(out);
}

QmpResult qmp_cmd_x_debug_status(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    const char *holder = debug_control_holder(s->debug);
    const StopInfo *stop = debug_stop_info(s->client);

    json_out_object(out, "return");
    json_out_str(out, "status", qmp_type_RunState.values[qmp_run_state(s)]);
    json_out_bool(out, "stopped", debug_stopped(s->debug));
    json_out_bool(out, "nonstop", debug_nonstop(s->debug));
    if (holder) {
        json_out_str(out, "holder", holder);
    }
    json_out_bool(out, "own", debug_control_has(s->client));
    if (stop) {
        qmp_put_stop(s, out, "stop", stop);
    }
    json_out_array(out, "cpus");
    for (unsigned i = 0; i < debug_vm(s->debug)->ncpus; i++) {
        put_cpu(s, out, i);
    }
    json_out_end(out);
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_x_debug_clients(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    const char *holder = debug_control_holder(s->debug);
    const DebugClient *c = NULL;

    json_out_array(out, "return");
    while ((c = debug_client_next(s->debug, c))) {
        json_out_object(out, NULL);
        json_out_str(out, "name", debug_client_name(c));
        json_out_bool(out, "own", c == s->client);
        json_out_bool(out, "control", debug_client_name(c) == holder);
        json_out_end(out);
    }
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_x_debug_take_control(QmpSession *s, JsonObject *args, JsonOut *out,
                                       GError **errp)
{
    if (qmp_arg_bool(args, "force", false)) {
        debug_control_force(s->client);
        return QMP_RETURN;
    }
    return debug_control_take(s->client, errp) ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_release_control(QmpSession *s, JsonObject *args, JsonOut *out,
                                          GError **errp)
{
    debug_control_release(s->client);
    return QMP_RETURN;
}

QmpResult qmp_cmd_x_debug_set_nonstop(QmpSession *s, JsonObject *args, JsonOut *out,
                                      GError **errp)
{
    bool on = qmp_arg_bool(args, "on", false);

    if (!debug_set_nonstop(s->client, on, errp)) {
        return QMP_FAILED;
    }
    s->nonstop = on;
    return QMP_RETURN;
}

/* ---- running ---- */

/* What the other CPUs do: they can't step, as nobody would wait for their end. */
static bool take_others(JsonObject *args, ResumeKind otherwise, ResumeKind *out, GError **errp)
{
    *out = qmp_arg_enum(args, "others", &qmp_type_XDebugAction, otherwise);
    return *out == RESUME_CONT || *out == RESUME_STAY ||
           error_set(errp, INVALID, "the parameter 'others' must be cont or stay");
}

/* The bounds of a range of code, which come together or not at all. */
static bool take_range(JsonObject *args, bool wanted, uint64_t *lo, uint64_t *hi, GError **errp)
{
    bool low = json_object_has_member(args, "low"), high = json_object_has_member(args, "high");

    if (low != wanted || high != wanted) {
        return error_set(errp, INVALID, "'low' and 'high' go together, and with a range only");
    }
    if (!qmp_arg_number(args, "low", lo, errp) || !qmp_arg_number(args, "high", hi, errp)) {
        return false;
    }
    return !wanted || *lo < *hi || error_set(errp, INVALID, "the range is empty");
}

static bool take_action(QmpSession *s, JsonObject *args, ResumeAction *a, GError **errp)
{
    a->kind = qmp_arg_enum(args, "action", &qmp_type_XDebugAction, RESUME_CONT);
    return qmp_arg_cpu(s, args, 0, &a->cpu, errp) &&
           take_range(args, a->kind == RESUME_RANGE, &a->lo, &a->hi, errp);
}

static bool resume(QmpSession *s, const ResumePlan *plan, GError **errp)
{
    if (vm_powered_off(debug_vm(s->debug))) {
        return error_set(errp, FAILED, "the guest has powered the machine off: system_reset must "
                         "come first");
    }
    if (!debug_resume(s->client, plan, errp)) {
        return false;
    }
    qmp_event_resume(s);
    return true;
}

QmpResult qmp_cmd_x_debug_cont(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    JsonNode *node = json_object_get_member(args, "actions");
    JsonArray *list = node ? json_node_get_array(node) : NULL;
    unsigned n = list ? json_array_get_length(list) : 0;
    g_autofree ResumeAction *action = g_new0(ResumeAction, n + 1);
    ResumePlan plan = {
        .backward = qmp_arg_bool(args, "backward", false),
        .mask_irq = qmp_arg_bool(args, "mask-irq", false),
        .freeze_timers = qmp_arg_bool(args, "freeze-timers", false),
        .n = n, .action = action,
    };

    qmp_step_end(s);
    for (unsigned i = 0; i < n; i++) {
        if (!take_action(s, json_array_get_object_element(list, i), &action[i], errp)) {
            return QMP_FAILED;
        }
    }
    return take_others(args, RESUME_CONT, &plan.others, errp) && resume(s, &plan, errp)
           ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_stop(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    unsigned cpu;

    qmp_step_end(s);
    if (!json_object_has_member(args, "cpu-index")) {
        debug_interrupt(s->client);
        return QMP_RETURN;
    }
    if (!qmp_arg_cpu(s, args, 0, &cpu, errp)) {
        return QMP_FAILED;
    }
    if (!debug_nonstop(s->debug)) {
        error_set(errp, INVALID, "one CPU alone can be stopped in non-stop mode only");
        return QMP_FAILED;
    }
    debug_interrupt_cpu(s->client, cpu);
    return QMP_RETURN;
}

/* ---- stepping ---- */

static bool step_resume(QmpSession *s, const ResumeAction *action, GError **errp)
{
    ResumePlan plan = {
        .mask_irq = s->step_mask_irq, .freeze_timers = s->step_freeze, .others = s->step_others,
        .n = 1, .action = action,
    };

    return resume(s, &plan, errp);
}

/* The next of several steps. If it can't be made, the stop that was kept back is told. */
static void step_more(void *opaque)
{
    QmpSession *s = opaque;
    ResumeAction action = { .cpu = s->step_cpu, .kind = RESUME_STEP };

    if (!step_resume(s, &action, NULL)) {
        qmp_step_end(s);
    }
}

bool qmp_step_goes_on(QmpSession *s, const StopInfo *stop)
{
    if (s->steps < 2 || stop->kind != STOP_STEP || stop->nhit || stop->cpu != s->step_cpu) {
        qmp_step_cancel(s);
        return false;
    }
    s->steps--;
    mainloop_call(step_more, s);
    return true;
}

void qmp_step_cancel(QmpSession *s)
{
    s->steps = 0;
    mainloop_call_cancel(step_more, s);
}

void qmp_step_end(QmpSession *s)
{
    qmp_step_cancel(s);
    if (s->told_running && debug_stopped(s->debug)) {
        qmp_event_stopped(s, debug_stop_info(s->client));
    }
}

QmpResult qmp_cmd_x_debug_step(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    bool range = json_object_has_member(args, "low") || json_object_has_member(args, "high");
    uint64_t count = qmp_arg_uint(args, "count", 1);
    ResumeAction action = { .kind = range ? RESUME_RANGE : RESUME_STEP };

    if (!qmp_arg_cpu(s, args, s->cpu, &action.cpu, errp) ||
        !take_range(args, range, &action.lo, &action.hi, errp)) {
        return QMP_FAILED;
    }
    if (count == 0 || (range && count > 1)) {
        error_set(errp, INVALID, "the parameter 'count' must be 1 or more, and 1 with a range");
        return QMP_FAILED;
    }
    qmp_step_end(s);
    if (!take_others(args, RESUME_STAY, &s->step_others, errp)) {
        return QMP_FAILED;
    }
    s->step_mask_irq = qmp_arg_bool(args, "mask-irq", true);
    s->step_freeze = qmp_arg_bool(args, "freeze-timers", true);
    s->step_cpu = action.cpu;
    if (!step_resume(s, &action, errp)) {
        return QMP_FAILED;
    }
    s->steps = count;
    return QMP_RETURN;
}
