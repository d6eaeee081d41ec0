/* A QMP session: commands come, one answer goes for each.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include <string.h>
#include "util/error.h"
#include "util/mainloop.h"

enum { RECEIVE_MAX = 64 << 10 };

/* ---- output ---- */

void qmp_session_send(QmpSession *s, JsonOut *o)
{
    g_string_append(o->text, "\r\n");
    qmp_server_write(s->server, o->text->str, o->text->len);
    json_out_clear(o);
}

static void answer_begin(QmpSession *s, JsonOut *o)
{
    json_out_init(o, qmp_server_pretty(s->server));
    json_out_object(o, NULL);
}

static void answer_end(QmpSession *s, JsonOut *o, const char *id)
{
    if (id) {
        json_out_raw(o, "id", id);
    }
    json_out_end(o);
    qmp_session_send(s, o);
}

static void answer_error(QmpSession *s, const char *class, const char *text)
{
    JsonOut o;

    answer_begin(s, &o);
    json_out_object(&o, "error");
    json_out_str(&o, "class", class);
    json_out_str(&o, "desc", text);
    json_out_end(&o);
    answer_end(s, &o, s->id);
}

static void answer_empty(JsonOut *o)
{
    json_out_object(o, "return");
    json_out_end(o);
}

static void call_go_on(void *opaque)
{
    qmp_session_go_on(opaque);
}

void qmp_session_answer(QmpSession *s, const char *value)
{
    g_autofree char *id = g_steal_pointer(&s->pending_id);
    JsonOut o;

    g_assert(s->pending != QMP_PENDING_NONE);
    s->pending = QMP_PENDING_NONE;
    answer_begin(s, &o);
    if (value) {
        json_out_raw(&o, "return", value);
    } else {
        answer_empty(&o);
    }
    answer_end(s, &o, id);
    mainloop_call(call_go_on, s);
}

static void greet(QmpSession *s)
{
    JsonOut o;

    answer_begin(s, &o);
    json_out_object(&o, "QMP");
    qmp_put_version(s, &o, "version");
    json_out_array(&o, "capabilities");
    json_out_end(&o);
    json_out_end(&o);
    answer_end(s, &o, NULL);
}

/* ---- commands ---- */

/* The command's name; *args is left alone if it has no arguments. */
static const char *take_command(JsonNode *node, JsonNode **args, GError **errp)
{
    const char *name, *execute = NULL;
    JsonObjectIter it;
    JsonNode *value;

    if (!JSON_NODE_HOLDS_OBJECT(node)) {
        error_set(errp, INVALID, "a command must be a JSON object");
        return NULL;
    }
    json_object_iter_init(&it, json_node_get_object(node));
    while (json_object_iter_next(&it, &name, &value)) {
        if (!strcmp(name, "execute")) {
            if (!JSON_NODE_HOLDS_VALUE(value) ||
                json_node_get_value_type(value) != G_TYPE_STRING) {
                error_set(errp, INVALID, "a command's member 'execute' must be a string");
                return NULL;
            }
            execute = json_node_get_string(value);
        } else if (!strcmp(name, "arguments")) {
            *args = value;
        } else if (!strcmp(name, "exec-oob")) {
            error_set(errp, UNSUPPORTED, "commands that overtake others are not offered: use "
                      "'execute'");
            return NULL;
        } else if (strcmp(name, "id")) {
            error_set(errp, INVALID, "a command's member '%s' is unexpected", name);
            return NULL;
        }
    }
    if (!execute) {
        error_set(errp, INVALID, "a command's member 'execute' is missing");
    }
    return execute;
}

/* Commands that are not there at all, or not now. */
static const QmpCommand *find_command(QmpSession *s, const char *name)
{
    const QmpCommand *c = qmp_command_find(name);
    bool negotiates = !strcmp(name, "qmp_capabilities");
    g_autofree char *text = NULL;

    if (!s->negotiated && !negotiates) {
        text = g_strdup_printf("'%s' must wait: capabilities are being negotiated, and the first "
                               "command has to be 'qmp_capabilities'", name);
    } else if (s->negotiated && negotiates) {
        text = g_strdup("capabilities have been negotiated already");
    } else if (!c) {
        text = g_strdup_printf("there is no command '%s'", name);
    }
    if (text) {
        answer_error(s, "CommandNotFound", text);
        return NULL;
    }
    return c;
}

static void run_command(QmpSession *s, const QmpCommand *c, JsonObject *args)
{
    g_autoptr(GError) err = NULL;
    QmpResult result;
    JsonOut o;
    gsize empty;

    answer_begin(s, &o);
    empty = o.text->len;
    result = c->fn(s, args, &o, &err);
    if (result == QMP_RETURN) {
        if (o.text->len == empty) {
            answer_empty(&o);
        }
        answer_end(s, &o, s->id);
        return;
    }
    json_out_clear(&o);
    if (result == QMP_FAILED) {
        answer_error(s, "GenericError", err ? err->message : "refused");
    } else {
        g_assert(s->pending != QMP_PENDING_NONE);
        s->pending_id = g_strdup(s->id);
    }
}

static void session_value(QmpSession *s)
{
    g_autoptr(GError) err = NULL;
    g_autoptr(JsonNode) node = NULL, none = json_node_new(JSON_NODE_OBJECT);
    const QmpCommand *c;
    const char *name;
    JsonNode *args = none;

    json_node_take_object(none, json_object_new());
    g_clear_pointer(&s->id, g_free);
    node = qmp_json_parse(s->framer.text->str, s->framer.text->len, &s->id, &err);
    name = node ? take_command(node, &args, &err) : NULL;
    if (!name) {
        answer_error(s, "GenericError", err->message);
        return;
    }
    c = find_command(s, name);
    if (!c) {
        return;
    }
    if (!qmp_check(c->args, args, "", &err)) {
        answer_error(s, "GenericError", err->message);
        return;
    }
    run_command(s, c, json_node_get_object(args));
}

/* ---- input ---- */

void qmp_session_go_on(QmpSession *s)
{
    while (!s->closing && !s->quit && s->pending == QMP_PENDING_NONE && s->in_at < s->in->len &&
           qmp_server_ready(s->server)) {
        size_t used;
        QmpFrameEvent ev = qmp_framer_feed(&s->framer, s->in->data + s->in_at,
                                           s->in->len - s->in_at, &used);

        s->in_at += used;
        if (ev == QMP_FRAME_VALUE) {
            session_value(s);
        } else if (ev == QMP_FRAME_ERROR) {
            g_clear_pointer(&s->id, g_free);
            answer_error(s, "GenericError", s->framer.error);
        }
    }
    if (s->in_at == s->in->len) {
        g_byte_array_set_size(s->in, 0);
        s->in_at = 0;
    }
    if (qmp_session_room(s)) {
        qmp_server_accept(s->server);
    }
}

size_t qmp_session_room(const QmpSession *s)
{
    return s->closing || s->pending != QMP_PENDING_NONE || s->in->len ? 0 : RECEIVE_MAX;
}

void qmp_session_receive(QmpSession *s, const uint8_t *buf, size_t len)
{
    g_byte_array_append(s->in, buf, len);
    qmp_session_go_on(s);
}

/* ---- life ---- */

QmpSession *qmp_session_new(QmpServer *q, MonitorHost *host, const char *name)
{
    QmpSession *s = g_new0(QmpSession, 1);

    s->server = q;
    s->host = host;
    s->debug = host->debug;
    s->monitor_text = g_string_new(NULL);
    s->in = g_byte_array_new();
    qmp_framer_init(&s->framer, QMP_SIZE_MAX);
    s->client = debug_client_new(s->debug, name, &qmp_client_ops, s);
    s->told_running = !debug_stopped(s->debug);
    s->told_shutdown = vm_ended(debug_vm(s->debug)) || vm_powered_off(debug_vm(s->debug));
    greet(s);
    return s;
}

/* A machine that is stopped stays so: a program may well come back to it. But leaving the non-stop
 * mode stops it, and then what ran goes on. */
static bool leave_nonstop(QmpSession *s)
{
    bool ran = !debug_stopped(s->debug);

    return s->nonstop && debug_set_nonstop(s->client, false, NULL) && ran &&
           debug_control_take(s->client, NULL);
}

void qmp_session_free(QmpSession *s)
{
    if (!s) {
        return;
    }
    mainloop_call_cancel(call_go_on, s);
    qmp_step_cancel(s);
    if (s->monitor) {
        monitor_free(s->monitor);
    }
    debug_client_free(s->client, leave_nonstop(s));
    qmp_framer_clear(&s->framer);
    g_byte_array_unref(s->in);
    g_string_free(s->monitor_text, TRUE);
    g_free(s->pending_id);
    g_free(s->id);
    g_free(s);
}
