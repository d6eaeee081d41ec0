/* QMP's own commands: the session, the machine, the human monitor.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include <string.h>
#include "util/error.h"
#include "util/keyval.h"

/* ---- the session ---- */

QmpResult qmp_cmd_qmp_capabilities(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    JsonNode *enable = json_object_get_member(args, "enable");

    if (enable && json_array_get_length(json_node_get_array(enable))) {
        error_set(errp, UNSUPPORTED, "the capability '%s' is not offered",
                  json_array_get_string_element(json_node_get_array(enable), 0));
        return QMP_FAILED;
    }
    s->negotiated = true;
    return QMP_RETURN;
}

void qmp_put_version(QmpSession *s, JsonOut *o, const char *key)
{
    static const char *const names[] = { "major", "minor", "micro" };
    g_auto(GStrv) parts = g_strsplit(s->host->version, ".", 3);
    g_autofree char *package = g_strdup_printf("Glassbox %s", s->host->version);
    unsigned given = g_strv_length(parts);

    json_out_object(o, key);
    json_out_object(o, "qemu");
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        json_out_uint(o, names[i], i < given ? g_ascii_strtoull(parts[i], NULL, 10) : 0);
    }
    json_out_end(o);
    json_out_str(o, "package", package);
    json_out_end(o);
}

QmpResult qmp_cmd_query_version(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    qmp_put_version(s, out, "return");
    return QMP_RETURN;
}

QmpResult qmp_cmd_query_commands(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    json_out_array(out, "return");
    for (unsigned i = 0; i < qmp_ncommands; i++) {
        json_out_object(out, NULL);
        json_out_str(out, "name", qmp_commands[i].name);
        json_out_end(out);
    }
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_query_qmp_schema(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    json_out_raw(out, "return", qmp_introspection);
    return QMP_RETURN;
}

QmpResult qmp_cmd_quit(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    s->quit = true;
    debug_request_quit(s->client, 0);   /* from the main loop, so that the answer goes first */
    return QMP_RETURN;
}

/* ---- asking ---- */

QmpResult qmp_cmd_query_status(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    unsigned state = qmp_run_state(s);

    json_out_object(out, "return");
    json_out_str(out, "status", qmp_type_RunState.values[state]);
    json_out_bool(out, "running", state == QMP_RUN_STATE_RUNNING);
    json_out_bool(out, "singlestep", false);
    json_out_end(out);
    return QMP_RETURN;
}

static void put_cpu(JsonOut *out, const Cpu *cpu)
{
    g_autofree char *path = g_strdup_printf("/machine/cpu[%u]", cpu->index);

    json_out_object(out, NULL);
    json_out_uint(out, "cpu-index", cpu->index);
    json_out_str(out, "qom-path", path);
    json_out_uint(out, "thread-id", thread_host_id(&cpu->thread));
    json_out_object(out, "props");
    json_out_uint(out, "socket-id", 0);
    json_out_uint(out, "core-id", cpu->index);
    json_out_uint(out, "thread-id", 0);
    json_out_end(out);
    json_out_str(out, "target", cpu->class->name);
    json_out_end(out);
}

QmpResult qmp_cmd_query_cpus_fast(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    const Vm *vm = debug_vm(s->debug);

    json_out_array(out, "return");
    for (unsigned i = 0; i < vm->ncpus; i++) {
        put_cpu(out, vm->cpus[i]);
    }
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_query_name(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    const char *name = debug_vm(s->debug)->name;

    json_out_object(out, "return");
    if (name) {
        json_out_str(out, "name", name);
    }
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_query_kvm(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    bool enabled = !strcmp(debug_vm(s->debug)->accel->name, "kvm");

    json_out_object(out, "return");
    json_out_bool(out, "enabled", enabled);
    json_out_bool(out, "present", enabled);
    json_out_end(out);
    return QMP_RETURN;
}

/* ---- running ---- */

QmpResult qmp_cmd_stop(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    qmp_step_end(s);
    if (debug_stopped(s->debug)) {
        return QMP_RETURN;
    }
    debug_interrupt(s->client);
    s->pending = QMP_PENDING_STOP;
    return QMP_LATER;
}

QmpResult qmp_cmd_cont(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    if (vm_powered_off(debug_vm(s->debug))) {
        error_set(errp, FAILED, "the guest has powered the machine off: system_reset must come "
                  "first");
        return QMP_FAILED;
    }
    qmp_step_end(s);
    if (!debug_stopped(s->debug)) {
        return QMP_RETURN;
    }
    if (!debug_continue(s->client, errp)) {
        return QMP_FAILED;
    }
    qmp_event_resume(s);
    return QMP_RETURN;
}

QmpResult qmp_cmd_system_reset(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    debug_request_reset(s->client);
    return QMP_RETURN;
}

/* Presses a button of the machine. */
static bool press(QmpSession *s, void (*button)(Machine *m), const char *what, GError **errp)
{
    Vm *vm = debug_vm(s->debug);

    if (!button) {
        return error_set(errp, UNSUPPORTED, "this machine has no %s", what);
    }
    vm_lock(vm);
    button(s->host->machine);
    vm_unlock(vm);
    return true;
}

QmpResult qmp_cmd_system_powerdown(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    if (!press(s, s->host->machine->cls->power_button, "power button", errp)) {
        return QMP_FAILED;
    }
    vm_tell_powerdown(debug_vm(s->debug));
    return QMP_RETURN;
}

QmpResult qmp_cmd_inject_nmi(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    return press(s, s->host->machine->cls->nmi, "NMI button", errp) ? QMP_RETURN : QMP_FAILED;
}

/* ---- the human monitor ---- */

/* What a step prints at its end belongs to the answer that waits for it. */
static void monitor_notice(void *opaque, const char *text)
{
    QmpSession *s = opaque;

    if (s->pending == QMP_PENDING_MONITOR) {
        g_string_append(s->monitor_text, text);
    }
}

void qmp_monitor_done(void *opaque)
{
    QmpSession *s = opaque;
    JsonOut o;

    if (s->pending != QMP_PENDING_MONITOR) {
        return;
    }
    json_out_init(&o, false);
    json_out_str(&o, NULL, s->monitor_text->str);
    qmp_session_answer(s, o.text->str);
    json_out_clear(&o);
}

static const MonitorOps monitor_ops = { .notice = monitor_notice, .done = qmp_monitor_done };

bool qmp_arg_cpu(QmpSession *s, JsonObject *args, unsigned otherwise, unsigned *cpu,
                 GError **errp)
{
    uint64_t wanted = qmp_arg_uint(args, "cpu-index", otherwise);

    if (wanted >= debug_vm(s->debug)->ncpus) {
        return error_set(errp, NOT_FOUND, "there is no CPU %" G_GUINT64_FORMAT, wanted);
    }
    *cpu = (unsigned)wanted;
    return true;
}

QmpResult qmp_cmd_human_monitor_command(QmpSession *s, JsonObject *args, JsonOut *out,
                                        GError **errp)
{
    unsigned cpu;

    if (!qmp_arg_cpu(s, args, 0, &cpu, errp)) {
        return QMP_FAILED;
    }
    if (!s->monitor) {
        g_autofree char *name = g_strdup_printf("monitor of %s", debug_client_name(s->client));

        s->monitor = monitor_new(s->host, name, &monitor_ops, s);
    }
    if (json_object_has_member(args, "cpu-index")) {
        monitor_set_cpu(s->monitor, cpu);
    }
    g_string_truncate(s->monitor_text, 0);
    monitor_run(s->monitor, qmp_arg_str(args, "command-line"), s->monitor_text);
    if (monitor_busy(s->monitor)) {
        s->pending = QMP_PENDING_MONITOR;
        return QMP_LATER;
    }
    json_out_str(out, "return", s->monitor_text->str);
    return QMP_RETURN;
}
