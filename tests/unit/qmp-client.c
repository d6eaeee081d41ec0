/* Test helper: a script machine with a QMP server, and the client's side of the protocol.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "qmp-client.h"

#include <string.h>
#include "monitor/qmp_schema.h"

/* ---- the machine ---- */

static void load_program(QmpFixture *f)
{
    for (unsigned i = 0; i < f->m.m.vm->ncpus; i++) {
        SM_CODE(&f->m.m, 0x1000 + 0x100 * i,
                SCRIPT_INSN_I(SCRIPT_LI, 1, 0x2000 + 0x100 * i),
                SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1),
                SCRIPT_INSN(SCRIPT_ST, 0, 1, 0),
                SCRIPT_INSN(SCRIPT_LD, 2, 1, 8),
                SCRIPT_INSN_I(SCRIPT_JMP, 0, -3));
    }
    SM_CODE(&f->m.m, 0x1800, SCRIPT_INSN(SCRIPT_OFF, 7, 0, 0));
    SM_CODE(&f->m.m, 0x1820, SCRIPT_INSN(SCRIPT_RESET, 0, 0, 0));
    SM_CODE(&f->m.m, 0x1830, SCRIPT_INSN(SCRIPT_EXC, 14, 5, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
}

/* ---- the stream ---- */

static size_t client_room(void *opaque)
{
    return ((QmpFixture *)opaque)->deaf ? 0 : SIZE_MAX;
}

static void client_receive(void *opaque, const uint8_t *buf, size_t len)
{
    QmpFixture *f = opaque;
    char *end;

    g_string_append_len(f->got, (const char *)buf, len);
    while ((end = strstr(f->got->str, "\r\n"))) {
        g_queue_push_tail(&f->lines, g_strndup(f->got->str, end - f->got->str));
        g_string_erase(f->got, 0, end + 2 - f->got->str);
    }
}

static void client_event(void *opaque, ChardevEvent event)
{
    QmpFixture *f = opaque;

    f->closed = event == CHARDEV_EVENT_CLOSED;
}

static const ChardevHandlers client_handlers = { client_room, client_receive, client_event };

void qf_attach(QmpFixture *f)
{
    GError *err = NULL;

    chardev_attach(f->ours, &client_handlers, f, &err);
    g_assert_no_error(err);
}

/* ---- life ---- */

void qf_setup_raw(QmpFixture *f, const char *options, bool pretty)
{
    GError *err = NULL;

    memset(f, 0, sizeof(*f));
    dm_init(&f->m, 2, options);
    load_program(f);
    test_host_init(&f->host, f->m.d);
    f->got = g_string_new(NULL);
    chardev_new_pair(&f->theirs, &f->ours);
    qf_attach(f);
    f->server = qmp_server_new(&f->host.host, f->theirs, pretty, &err);
    g_assert_no_error(err);
}

void qf_setup(QmpFixture *f, gconstpointer data)
{
    qf_setup_raw(f, data, false);
    g_assert_true(json_object_has_member(qf_next(f), "QMP"));
    qf_run(f, "qmp_capabilities", NULL);
}

void qf_teardown(QmpFixture *f, gconstpointer data)
{
    qmp_server_free(f->server);
    chardev_free(f->theirs);
    chardev_free(f->ours);
    sm_flush(&f->m.m);
    test_host_fini(&f->host);
    dm_fini(&f->m);
    g_queue_clear_full(&f->lines, g_free);
    g_queue_clear_full(&f->events, (GDestroyNotify)json_node_unref);
    g_clear_pointer(&f->node, json_node_unref);
    g_string_free(f->got, TRUE);
}

/* ---- talking ---- */

void qf_send(QmpFixture *f, const char *text)
{
    g_assert_cmpuint(chardev_write(f->ours, text, strlen(text)), ==, strlen(text));
}

static void set_node(QmpFixture *f, JsonNode *node)
{
    if (f->node) {
        json_node_unref(f->node);
    }
    f->node = node;
}

JsonObject *qf_next(QmpFixture *f)
{
    g_autofree char *line = NULL, *id = NULL;
    GError *err = NULL;

    main_timer_set(f->m.m.guard, 30 * NS_PER_SEC);
    while (g_queue_is_empty(&f->lines)) {
        mainloop_iterate(true);
    }
    main_timer_set(f->m.m.guard, -1);
    line = g_queue_pop_head(&f->lines);
    set_node(f, qmp_json_parse(line, strlen(line), &id, &err));
    g_assert_no_error(err);
    return json_node_get_object(f->node);
}

JsonObject *qf_answer(QmpFixture *f)
{
    for (;;) {
        JsonObject *o = qf_next(f);

        if (!json_object_has_member(o, "event")) {
            return o;
        }
        g_queue_push_tail(&f->events, g_steal_pointer(&f->node));
    }
}

static JsonObject *ask(QmpFixture *f, const char *command, const char *args)
{
    g_autofree char *text = g_strdup_printf("{\"execute\": \"%s\"%s%s, \"id\": %u}\n", command,
                                            args ? ", \"arguments\": " : "", args ? args : "",
                                            ++f->id);
    JsonObject *o;

    qf_send(f, text);
    o = qf_answer(f);
    g_assert_cmpint(qf_int(o, "id"), ==, f->id);
    return o;
}

JsonNode *qf_run(QmpFixture *f, const char *command, const char *args)
{
    static const QmpType nothing = { .name = "nothing", .meta = QMP_META_STRUCT };
    const QmpCommand *c = qmp_command_find(command);
    JsonObject *o = ask(f, command, args);
    JsonNode *value = json_object_get_member(o, "return");
    GError *err = NULL;

    if (!value) {
        g_error("%s %s fails: %s", command, args,
                qf_str(json_object_get_object_member(o, "error"), "desc"));
    }
    qmp_check(c->returns ? c->returns : &nothing, value, "return", &err);
    g_assert_no_error(err);
    return value;
}

JsonObject *qf_object(QmpFixture *f, const char *command, const char *args)
{
    return json_node_get_object(qf_run(f, command, args));
}

void qf_fail(QmpFixture *f, const char *command, const char *args, const char *part)
{
    JsonObject *o = ask(f, command, args);
    const char *desc;

    if (!json_object_has_member(o, "error")) {
        g_error("%s %s does not fail", command, args);
    }
    o = json_object_get_object_member(o, "error");
    desc = qf_str(o, "desc");
    g_assert_cmpstr(qf_str(o, "class"), ==, "GenericError");
    if (!strstr(desc, part)) {
        g_error("%s %s fails with '%s', which lacks '%s'", command, args, desc, part);
    }
}

static const QmpType *event_type(const char *name)
{
    for (unsigned i = 0; i < qmp_nevents; i++) {
        if (!strcmp(qmp_events[i].name, name)) {
            return qmp_events[i].data;
        }
    }
    g_error("the schema has no event '%s'", name);
}

JsonObject *qf_event(QmpFixture *f, const char *name)
{
    JsonObject *o;
    JsonNode *data;
    GError *err = NULL;

    if (g_queue_is_empty(&f->events)) {
        o = qf_next(f);
    } else {
        set_node(f, g_queue_pop_head(&f->events));
        o = json_node_get_object(f->node);
    }
    if (!json_object_has_member(o, "event") || strcmp(qf_str(o, "event"), name)) {
        g_autofree char *text = json_to_string(f->node, FALSE);
        g_error("%s instead of the event '%s'", text, name);
    }
    g_assert_cmpint(qf_int(json_object_get_object_member(o, "timestamp"), "seconds"), >, 0);
    g_assert_cmpint(qf_int(json_object_get_object_member(o, "timestamp"), "microseconds"), <,
                    1000000);
    data = json_object_get_member(o, "data");
    if (data) {
        qmp_check(event_type(name), data, "data", &err);
        g_assert_no_error(err);
    } else {
        g_assert_cmpuint(event_type(name)->n, ==, 0);
    }
    return data ? json_node_get_object(data) : NULL;
}

void qf_no_event(QmpFixture *f)
{
    sm_flush(&f->m.m);
    if (!g_queue_is_empty(&f->events)) {
        g_autofree char *text = json_to_string(f->events.head->data, FALSE);
        g_error("unexpected: %s", text);
    }
    if (!g_queue_is_empty(&f->lines)) {
        g_error("unexpected: %s", (char *)f->lines.head->data);
    }
}

void qf_cont(QmpFixture *f)
{
    qf_run(f, "cont", NULL);
    qf_event(f, "RESUME");
}

JsonObject *qf_stop_event(QmpFixture *f)
{
    qf_event(f, "STOP");
    return qf_event(f, "X_DEBUG_STOP");
}
