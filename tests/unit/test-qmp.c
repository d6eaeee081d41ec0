/* QMP: the session, the machine's commands and events, bad input, clients that do not read.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include "monitor/qmp_schema.h"
#include "qmp-client.h"

#define TEST(name, fn) g_test_add(name, QmpFixture, NULL, qf_setup, fn, qf_teardown)

/* ---- the session ---- */

static void test_greeting(void)
{
    QmpFixture f;
    JsonObject *o, *version;

    qf_setup_raw(&f, NULL, false);
    o = json_object_get_object_member(qf_next(&f), "QMP");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "capabilities")), ==, 0);
    version = json_object_get_object_member(o, "version");
    g_assert_cmpstr(qf_str(version, "package"), ==, "Glassbox 9.9");
    version = json_object_get_object_member(version, "qemu");
    g_assert_cmpint(qf_int(version, "major"), ==, 9);
    g_assert_cmpint(qf_int(version, "minor"), ==, 9);
    g_assert_cmpint(qf_int(version, "micro"), ==, 0);
    qf_teardown(&f, NULL);
}

static void check_class(QmpFixture *f, const char *text, const char *class, const char *part)
{
    JsonObject *o;

    qf_send(f, text);
    o = json_object_get_object_member(qf_answer(f), "error");
    g_assert_nonnull(o);
    g_assert_cmpstr(qf_str(o, "class"), ==, class);
    if (!strstr(qf_str(o, "desc"), part)) {
        g_error("'%s' fails with '%s', which lacks '%s'", text, qf_str(o, "desc"), part);
    }
}

static void test_negotiation(void)
{
    QmpFixture f;

    qf_setup_raw(&f, NULL, false);
    qf_next(&f);
    check_class(&f, "{\"execute\": \"query-status\"}", "CommandNotFound", "qmp_capabilities");
    check_class(&f, "{\"execute\": \"nonsense\"}", "CommandNotFound", "qmp_capabilities");
    /* nothing is told before */
    debug_continue(f.m.client[0].c, NULL);
    debug_interrupt(f.m.client[0].c);
    sm_wait_count(&f.m.m, &f.m.client[0].stops, 1);
    qf_no_event(&f);
    qf_fail(&f, "qmp_capabilities", "{\"enable\": [\"oob\"]}", "not offered");
    qf_fail(&f, "qmp_capabilities", "{\"enable\": [\"warp\"]}", "warp");
    qf_run(&f, "qmp_capabilities", "{\"enable\": []}");
    check_class(&f, "{\"execute\": \"qmp_capabilities\"}", "CommandNotFound", "already");
    check_class(&f, "{\"execute\": \"nonsense\"}", "CommandNotFound", "nonsense");
    check_class(&f, "{'execute': 'nonsense', 'id': 'a'}", "CommandNotFound", "nonsense");
    qf_run(&f, "query-status", NULL);
    qf_teardown(&f, NULL);
}

static void test_bad_input(QmpFixture *f, gconstpointer data)
{
    static const struct {
        const char *text, *part;
    } rows[] = {
        { "nonsense\n", "no JSON" },
        { "{execute: \"query-status\"}", "broken" },
        { "{\"execute\": \"query-status\",}", "no JSON" },
        { "{\"execute\": \"query-status\n", "string" },
        { "}\n", "begins" },
        { "{\"a\": ]\n", "bracket" },
        { "{\"execute\xff", "complete" },
        { "{\"execute\": \"\xff", "complete" },
        { "[]", "must be a JSON object" },
        { "42\n", "must be a JSON object" },
        { "\"stop\"", "must be a JSON object" },
        { "{}", "'execute' is missing" },
        { "{\"arguments\": {}}", "'execute' is missing" },
        { "{\"execute\": 1}", "must be a string" },
        { "{\"execute\": null}", "must be a string" },
        { "{\"execute\": \"stop\", \"extra\": 1}", "'extra' is unexpected" },
        { "{\"exec-oob\": \"stop\"}", "not offered" },
        { "{\"execute\": \"stop\", \"arguments\": []}", "'arguments' must be an object" },
        { "{\"execute\": \"stop\", \"arguments\": 1}", "'arguments' must be an object" },
        { "{\"execute\": \"stop\", \"arguments\": {\"now\": 1}}", "'now' is unexpected" },
        { "{\"execute\": \"pmemsave\"}", "'val' is missing" },
        { "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": \"x\", \"size\": 1, "
          "\"filename\": \"f\"}}", "'val' must be a whole number" },
        { "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 1.5, \"size\": 1, "
          "\"filename\": \"f\"}}", "'val' must be a whole number" },
        { "{\"execute\": \"pmemsave\", \"arguments\": {\"val\": 1, \"size\": 1, "
          "\"filename\": 3}}", "'filename' must be a string" },
        { "{\"execute\": \"dump-guest-memory\", \"arguments\": {\"paging\": 0, "
          "\"protocol\": \"file:x\"}}", "'paging' must be true or false" },
        { "{\"execute\": \"x-debug-registers\", \"arguments\": {\"names\": \"pc\"}}",
          "'names' must be an array" },
        { "{\"execute\": \"x-debug-registers\", \"arguments\": {\"names\": [\"pc\", 1]}}",
          "'names[1]' must be a string" },
        { "{\"execute\": \"x-debug-cont\", \"arguments\": {\"actions\": [{}]}}",
          "'actions[0].cpu-index' is missing" },
        { "{\"execute\": \"x-debug-cont\", \"arguments\": {\"actions\": [{\"cpu-index\": 0, "
          "\"action\": \"fly\"}]}}", "'actions[0].action' does not accept the value 'fly'" },
        { "{\"execute\": \"x-debug-point-remove\", \"arguments\": {\"id\": -1}}",
          "'id' must be a number from 0" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        check_class(f, rows[i].text, "GenericError", rows[i].part);
    }
    qf_run(f, "query-status", NULL);
    qf_no_event(f);
}

/* Whatever comes, in whatever pieces, commands afterwards are carried out. */
static void test_garbage(QmpFixture *f, gconstpointer data)
{
    static const char good[] = "{\"execute\": \"query-name\", \"arguments\": {}, \"id\": [1, {}]}";
    char text[sizeof(good) + 1];

    for (unsigned round = 0; round < 2000; round++) {
        memcpy(text, good, sizeof(good));
        for (int n = g_test_rand_int_range(0, 4); n > 0; n--) {
            text[g_test_rand_int_range(0, sizeof(good) - 1)] =
                (char)g_test_rand_int_range(1, 256);
        }
        qf_send(f, text);
        qf_send(f, "\xff");
        if (round % 100 == 0) {
            do {
                qf_send(f, "{\"execute\": \"query-kvm\"}");
                while (!json_object_has_member(qf_next(f), "return") ||
                       !json_object_has_member(json_object_get_object_member(
                           json_node_get_object(f->node), "return"), "enabled")) {
                }
            } while (!g_queue_is_empty(&f->lines));
        }
    }
    qf_send(f, "{\"execute\": \"query-kvm\", \"id\": \"end\"}");
    for (;;) {
        JsonObject *o = qf_next(f);

        if (json_object_has_member(o, "id") &&
            json_node_get_value_type(json_object_get_member(o, "id")) == G_TYPE_STRING) {
            break;
        }
    }
}

static void test_ids(QmpFixture *f, gconstpointer data)
{
    static const char *const ids[] = {
        "1", "-1", "18446744073709551615", "1.5", "\"a\\u00e4\"", "null", "true",
        "{\"a\":[1,2]}", "[]",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(ids); i++) {
        g_autofree char *ok = g_strdup_printf("{\"execute\": \"query-kvm\", \"id\": %s}", ids[i]);
        g_autofree char *bad = g_strdup_printf("{\"id\": %s, \"execute\": \"x\"}", ids[i]);
        g_autofree char *want = g_strdup_printf("\"id\": %s}", ids[i]);

        qf_send(f, ok);
        qf_send(f, bad);
        while (f->lines.length < 2) {
            mainloop_iterate(true);
        }
        g_assert_true(g_str_has_suffix(f->lines.head->data, want));
        g_assert_true(g_str_has_suffix(f->lines.tail->data, want));
        qf_next(f);
        qf_next(f);
    }
}

static void test_pretty(void)
{
    QmpFixture f;

    qf_setup_raw(&f, NULL, true);
    qf_next(&f);
    qf_run(&f, "qmp_capabilities", NULL);
    qf_send(&f, "{\"execute\": \"query-status\"}");
    while (g_queue_is_empty(&f.lines)) {
        mainloop_iterate(true);
    }
    g_assert_cmpstr(f.lines.head->data, ==,
                    "{\n    \"return\": {\n        \"status\": \"prelaunch\",\n "
                    "       \"running\": false,\n        \"singlestep\": false\n    }\n}");
    qf_teardown(&f, NULL);
}

static bool has_command(JsonArray *list, const char *name)
{
    for (unsigned i = 0; i < json_array_get_length(list); i++) {
        if (!strcmp(qf_str(json_array_get_object_element(list, i), "name"), name)) {
            return true;
        }
    }
    return false;
}

/* Every command and every event is described, every type that is named is there. */
static void test_introspection(QmpFixture *f, gconstpointer data)
{
    static const char *const links[] = { "arg-type", "ret-type", "element-type" };
    g_autoptr(JsonNode) node = json_node_ref(qf_run(f, "query-qmp-schema", NULL));
    JsonArray *all = json_node_get_array(node);

    for (unsigned i = 0; i < json_array_get_length(all); i++) {
        JsonObject *o = json_array_get_object_element(all, i);
        JsonArray *members = json_object_has_member(o, "members")
                             ? json_object_get_array_member(o, "members") : NULL;

        for (unsigned k = 0; k < G_N_ELEMENTS(links); k++) {
            g_assert_true(!json_object_has_member(o, links[k]) ||
                          has_command(all, qf_str(o, links[k])));
        }
        for (unsigned k = 0; members && k < json_array_get_length(members); k++) {
            JsonObject *m = json_array_get_object_element(members, k);

            g_assert_true(!json_object_has_member(m, "type") ||
                          has_command(all, qf_str(m, "type")));
        }
    }
    for (unsigned i = 0; i < qmp_nevents; i++) {
        g_assert_true(has_command(all, qmp_events[i].name));
    }
    for (unsigned i = 0; i < qmp_ncommands; i++) {
        g_assert_true(has_command(all, qmp_commands[i].name));
    }
    all = json_node_get_array(qf_run(f, "query-commands", NULL));
    g_assert_cmpuint(json_array_get_length(all), ==, qmp_ncommands);
    g_assert_true(has_command(all, "human-monitor-command"));
}

static void test_queries(QmpFixture *f, gconstpointer data)
{
    JsonArray *cpus;
    JsonObject *o;

    g_assert_cmpstr(qf_str(qf_object(f, "query-version", NULL), "package"), ==, "Glassbox 9.9");
    g_assert_false(json_object_has_member(qf_object(f, "query-name", NULL), "name"));
    f->m.m.vm->name = "box";
    g_assert_cmpstr(qf_str(qf_object(f, "query-name", NULL), "name"), ==, "box");
    g_assert_false(qf_bool(qf_object(f, "query-kvm", NULL), "enabled"));
    cpus = json_node_get_array(qf_run(f, "query-cpus-fast", NULL));
    g_assert_cmpuint(json_array_get_length(cpus), ==, 2);
    o = json_array_get_object_element(cpus, 1);
    g_assert_cmpint(qf_int(o, "cpu-index"), ==, 1);
    g_assert_cmpint(qf_int(o, "thread-id"), ==,
                    (int64_t)thread_host_id(&f->m.m.vm->cpus[1]->thread));
    g_assert_cmpstr(qf_str(o, "target"), ==, "script");
}

/* ---- the machine ---- */

static void check_status(QmpFixture *f, const char *status, bool running)
{
    JsonObject *o = qf_object(f, "query-status", NULL);

    g_assert_cmpstr(qf_str(o, "status"), ==, status);
    g_assert_true(qf_bool(o, "running") == running);
}

static void test_stop_cont(QmpFixture *f, gconstpointer data)
{
    check_status(f, "prelaunch", false);
    qf_run(f, "stop", NULL);
    qf_no_event(f);
    qf_run(f, "cont", NULL);
    g_assert_nonnull(f->events.head);       /* the event comes before the answer */
    qf_event(f, "RESUME");
    check_status(f, "running", true);
    qf_run(f, "cont", NULL);                /* no news */
    qf_no_event(f);
    qf_run(f, "stop", NULL);
    g_assert_cmpuint(f->events.length, ==, 2);
    g_assert_cmpstr(qf_str(qf_stop_event(f), "reason"), ==, "interrupt");
    check_status(f, "paused", false);
    /* commands behind `stop` wait for it */
    qf_cont(f);
    qf_send(f, "{\"execute\": \"stop\"}{\"execute\": \"query-status\"}{\"execute\": \"cont\"}");
    g_assert_true(json_object_has_member(qf_answer(f), "return"));
    g_assert_cmpstr(qf_str(json_object_get_object_member(qf_answer(f), "return"), "status"), ==,
                    "paused");
    qf_answer(f);
    qf_stop_event(f);
    qf_event(f, "RESUME");
    check_status(f, "running", true);
}

/* While somebody else has control, cont is refused by name; stop is not. */
static void test_control(QmpFixture *f, gconstpointer data)
{
    g_assert_true(debug_control_take(f->m.client[0].c, NULL));
    g_assert_cmpstr(qf_str(qf_event(f, "X_DEBUG_CONTROL"), "holder"), ==, "one");
    qf_fail(f, "cont", NULL, "one controls the machine");
    debug_continue(f->m.client[0].c, NULL);
    qf_event(f, "RESUME");
    qf_run(f, "stop", NULL);
    qf_stop_event(f);
    qf_fail(f, "cont", NULL, "one controls the machine");
    debug_control_release(f->m.client[0].c);
    g_assert_false(json_object_has_member(qf_event(f, "X_DEBUG_CONTROL"), "holder"));
    qf_cont(f);
}

static void test_reset(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    qf_run(f, "system_reset", NULL);
    o = qf_event(f, "RESET");
    g_assert_false(qf_bool(o, "guest"));
    g_assert_cmpstr(qf_str(o, "reason"), ==, "host-qmp-system-reset");
    check_status(f, "prelaunch", false);
    sm_cpu(&f->m.m, 0)->pc = 0x1820;
    qf_cont(f);
    o = qf_event(f, "RESET");
    g_assert_true(qf_bool(o, "guest"));
    g_assert_cmpstr(qf_str(o, "reason"), ==, "guest-reset");
    check_status(f, "running", true);
    qf_no_event(f);
}

static void test_buttons(QmpFixture *f, gconstpointer data)
{
    static const MachineClass bare = { .name = "bare" };
    const MachineClass *full = f->host.machine.cls;

    qf_run(f, "system_powerdown", NULL);
    qf_event(f, "POWERDOWN");
    g_assert_cmpuint(f->host.buttons, ==, 1);
    qf_run(f, "inject-nmi", NULL);
    g_assert_cmpuint(f->host.nmis, ==, 1);
    f->host.machine.cls = &bare;
    qf_fail(f, "system_powerdown", NULL, "no power button");
    qf_fail(f, "inject-nmi", NULL, "no NMI button");
    f->host.machine.cls = full;
    qf_run(f, "human-monitor-command", "{\"command-line\": \"system_powerdown\"}");
    qf_event(f, "POWERDOWN");
}

static void test_panic(QmpFixture *f, gconstpointer data)
{
    f->m.m.vm->policy.panic_stops = true;
    qf_cont(f);
    vm_request_panic(f->m.m.vm);
    g_assert_cmpstr(qf_str(qf_event(f, "GUEST_PANICKED"), "action"), ==, "pause");
    g_assert_cmpstr(qf_str(qf_stop_event(f), "cause"), ==, "guest-panic");
    check_status(f, "guest-panicked", false);
    qf_run(f, "system_reset", NULL);
    qf_event(f, "RESET");
    check_status(f, "paused", false);
    qf_cont(f);
    f->m.m.vm->policy.panic_stops = false;
    vm_request_panic(f->m.m.vm);
    g_assert_cmpstr(qf_str(qf_event(f, "GUEST_PANICKED"), "action"), ==, "poweroff");
    g_assert_cmpstr(qf_str(qf_event(f, "SHUTDOWN"), "reason"), ==, "guest-panic");
    check_status(f, "shutdown", false);
}

static void test_no_shutdown(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    f->m.m.vm->policy.no_shutdown = true;
    sm_cpu(&f->m.m, 0)->pc = 0x1800;
    qf_cont(f);
    o = qf_event(f, "SHUTDOWN");
    g_assert_true(qf_bool(o, "guest"));
    g_assert_cmpstr(qf_str(o, "reason"), ==, "guest-shutdown");
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "shutdown");
    g_assert_cmpint(qf_int(o, "status"), ==, 7);
    check_status(f, "shutdown", false);
    qf_fail(f, "cont", NULL, "system_reset");
    qf_fail(f, "x-debug-cont", NULL, "system_reset");
    qf_fail(f, "x-debug-step", NULL, "system_reset");
    debug_continue(f->m.client[0].c, NULL);     /* others may be told again: no news here */
    qf_no_event(f);
    qf_run(f, "system_reset", NULL);
    qf_event(f, "RESET");
    check_status(f, "paused", false);
    qf_cont(f);
    check_status(f, "running", true);
}

static void test_error(QmpFixture *f, gconstpointer data)
{
    VcpuExit error = { .kind = EXIT_ERROR, .error = g_strdup("the host is tired") };
    JsonObject *o;

    scripted_queue_exit(f->m.m.vm->cpus[0], &error);
    qf_cont(f);
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "error");
    g_assert_cmpstr(qf_str(o, "text"), ==, "the host is tired");
    check_status(f, "internal-error", false);
}

static void test_quit(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;
    int status;

    qf_cont(f);
    qf_send(f, "{\"execute\": \"quit\"}{\"execute\": \"query-status\"}");
    g_assert_true(json_object_has_member(qf_answer(f), "return"));
    o = qf_event(f, "SHUTDOWN");
    g_assert_false(qf_bool(o, "guest"));
    g_assert_cmpstr(qf_str(o, "reason"), ==, "host-qmp-quit");
    qf_no_event(f);                 /* nothing behind it is listened to */
    g_assert_true(vm_ended(f->m.m.vm));
    g_assert_cmpint(vm_end_cause(f->m.m.vm, &status), ==, VM_CAUSE_HOST_QUIT);
    g_assert_cmpint(status, ==, 0);
}

/* An end while `stop` waits answers it. */
static void test_end_in_stop(QmpFixture *f, gconstpointer data)
{
    qf_cont(f);
    vm_request_shutdown(f->m.m.vm, VM_CAUSE_HOST_SIGNAL, 0);
    qf_run(f, "stop", NULL);
    g_assert_cmpstr(qf_str(qf_event(f, "SHUTDOWN"), "reason"), ==, "host-signal");
    qf_fail(f, "x-debug-cont", NULL, "ended");
}

/* ---- files and the monitor ---- */

static char *temp_name(void)
{
    g_autofree char *name = g_build_filename(g_get_tmp_dir(), "qmp-test-XXXXXX", NULL);
    int fd = g_mkstemp(name);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_unlink(name);
    return g_steal_pointer(&name);
}

static void test_save(QmpFixture *f, gconstpointer data)
{
    g_autofree char *name = temp_name();
    g_autofree char *args = NULL, *got = NULL, *bad = NULL, *high = NULL, *wrap = NULL;
    gsize len;

    args = g_strdup_printf("{\"val\": 4096, \"size\": 20, \"filename\": \"%s\"}", name);
    qf_run(f, "pmemsave", args);
    g_assert_true(g_file_get_contents(name, &got, &len, NULL));
    g_assert_cmpuint(len, ==, 20);
    g_assert_cmpuint(sm_peek64(&f->m.m, 0x1000), ==, *(uint64_t *)got);
    g_unlink(name);
    g_clear_pointer(&got, g_free);
    /* the high half shows the same memory; the address as any client can write it */
    high = g_strdup_printf("{\"val\": 18446603336221200384, \"size\": 8, \"filename\": \"%s\", "
                           "\"cpu-index\": 1}", name);
    qf_run(f, "memsave", high);
    g_assert_true(g_file_get_contents(name, &got, &len, NULL));
    g_assert_cmpuint(len, ==, 8);
    g_assert_cmpuint(sm_peek64(&f->m.m, 0x1000), ==, *(uint64_t *)got);
    g_unlink(name);
    /* what fails leaves nothing */
    bad = g_strdup_printf("{\"val\": 0, \"size\": 1048577, \"filename\": \"%s\"}", name);
    qf_fail(f, "pmemsave", bad, "0x100000");
    g_assert_false(g_file_test(name, G_FILE_TEST_EXISTS));
    wrap = g_strdup_printf("{\"val\": 4096, \"size\": -1, \"filename\": \"%s\"}", name);
    qf_fail(f, "pmemsave", wrap, "wraps");
    qf_fail(f, "pmemsave", "{\"val\": 0, \"size\": 1, \"filename\": \"/nonexistent/x\"}",
            "/nonexistent/x");
    qf_fail(f, "memsave", "{\"val\": 0, \"size\": 1, \"filename\": \"x\", \"cpu-index\": 2}",
            "no CPU 2");
}

static void test_dump_arguments(QmpFixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "{\"paging\": false, \"protocol\": \"fd:x\"}", "fd:" },
        { "{\"paging\": false, \"protocol\": \"file:\"}", "protocol" },
        { "{\"paging\": false, \"protocol\": \"tape:x\"}", "protocol" },
        { "{\"paging\": false, \"protocol\": \"file:/nonexistent/x\"}", "/nonexistent/x" },
        { "{\"paging\": false, \"protocol\": \"file:x\", \"detach\": true}", "background" },
        { "{\"paging\": false, \"protocol\": \"file:x\", \"begin\": 0}", "together" },
        { "{\"paging\": false, \"protocol\": \"file:x\", \"length\": 1}", "together" },
        { "{\"paging\": false, \"protocol\": \"file:x\", \"begin\": 0, \"length\": 0}", "not 0" },
        { "{\"paging\": false, \"protocol\": \"file:x\", \"format\": \"kdump-lzo\"}",
          "kdump-lzo" },
    };
    JsonObject *o = qf_object(f, "query-dump-guest-memory-capability", NULL);

    g_assert_cmpstr(json_array_get_string_element(json_object_get_array_member(o, "formats"), 0),
                    ==, "elf");
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        qf_fail(f, "dump-guest-memory", rows[i][0], rows[i][1]);
    }
}

static void check_monitor(QmpFixture *f, const char *line, const char *part)
{
    g_autofree char *args = g_strdup_printf("{\"command-line\": \"%s\"}", line);
    const char *text = json_node_get_string(qf_run(f, "human-monitor-command", args));

    if (!strstr(text, part)) {
        g_error("'%s' prints '%s', which lacks '%s'", line, text, part);
    }
}

static void test_monitor(QmpFixture *f, gconstpointer data)
{
    check_monitor(f, "no-such-command", "no-such-command");
    check_monitor(f, "", "");
    check_monitor(f, "info version", "9.9");
    qf_run(f, "human-monitor-command", "{\"command-line\": \"\", \"cpu-index\": 1}");
    /* a command that takes time is answered at its end, with what it printed */
    check_monitor(f, "step", "1104:");
    qf_event(f, "RESUME");
    g_assert_cmpint(qf_int(qf_stop_event(f), "pc"), ==, 0x1104);
    check_monitor(f, "cont", "");
    qf_event(f, "RESUME");
    qf_send(f, "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": "
            "\"stop\"}}{\"execute\": \"query-status\"}");
    g_assert_true(json_object_has_member(qf_answer(f), "return"));
    g_assert_cmpstr(qf_str(json_object_get_object_member(qf_answer(f), "return"), "status"), ==,
                    "paused");
    qf_stop_event(f);
    qf_fail(f, "human-monitor-command", "{\"command-line\": \"\", \"cpu-index\": 2}", "no CPU 2");
    qf_fail(f, "human-monitor-command", NULL, "'command-line' is missing");
}

/* ---- clients ---- */

/* Fills the stream with events until the server has had enough. */
static void flood(QmpFixture *f)
{
    for (unsigned i = 0; i < 1000000 && chardev_queued(f->theirs) < 31 << 20; i++) {
        vm_tell_powerdown(f->m.m.vm);
    }
}

/* A client that does not read costs memory up to a limit; its own commands wait as soon as answers
 * pile up. */
static void test_slow_client(QmpFixture *f, gconstpointer data)
{
    unsigned answers = 0;

    f->deaf = true;
    for (unsigned i = 0; i < 200; i++) {
        qf_send(f, "{\"execute\": \"query-qmp-schema\"}");
        sm_flush(&f->m.m);
    }
    g_assert_cmpuint(chardev_queued(f->theirs), >, 128 << 10);
    g_assert_cmpuint(chardev_queued(f->theirs), <, 512 << 10);
    f->deaf = false;
    chardev_accept_input(f->ours);
    while (answers < 200) {
        answers += json_object_has_member(qf_next(f), "return");
    }
    qf_run(f, "query-status", NULL);
}

/* One that reads nothing at all is given up, whole lines are all that it could read, and the
 * machine never waits for it. */
static void test_deaf_client(QmpFixture *f, gconstpointer data)
{
    f->deaf = true;
    flood(f);
    g_assert_nonnull(debug_client_next(f->m.d, f->m.client[1].c));
    while (debug_client_next(f->m.d, f->m.client[1].c)) {
        vm_tell_powerdown(f->m.m.vm);
        sm_flush(&f->m.m);
    }
    qf_no_event(f);
    f->deaf = false;
    chardev_accept_input(f->ours);
    while (chardev_queued(f->theirs)) {
        mainloop_iterate(true);
    }
    sm_flush(&f->m.m);
    while (!g_queue_is_empty(&f->lines)) {
        qf_event(f, "POWERDOWN");
    }
    g_assert_cmpstr(f->got->str, ==, "");
}

/* Over a socket a client that is gone makes place for the next, who begins anew. */
static void test_reconnect(QmpFixture *f, gconstpointer data)
{
    g_autofree char *name = temp_name();
    g_autofree char *server = g_strdup_printf("unix:%s,server=on,wait=off", name);
    g_autofree char *client = g_strdup_printf("unix:%s", name);
    GError *err = NULL;
    Chardev *chr = chardev_new(server, "qmp0", &err);
    QmpServer *q = qmp_server_new(&f->host.host, chr, false, &err);

    g_assert_no_error(err);
    for (unsigned round = 0; round < 3; round++) {
        QmpFixture c = { .m = f->m, .got = g_string_new(NULL) };

        c.ours = chardev_new(client, "client", &err);
        g_assert_no_error(err);
        qf_attach(&c);
        g_assert_true(json_object_has_member(qf_next(&c), "QMP"));
        check_class(&c, "{\"execute\": \"stop\"}", "CommandNotFound", "qmp_capabilities");
        qf_run(&c, "qmp_capabilities", NULL);
        qf_run(&c, "x-debug-point-add", "{\"kind\": \"exec\", \"address\": 4096}");
        qf_send(&c, "{\"execute\": ");      /* half a command is forgotten */
        chardev_free(c.ours);
        g_queue_clear_full(&c.lines, g_free);
        g_clear_pointer(&c.node, json_node_unref);
        g_string_free(c.got, TRUE);
    }
    while (debug_client_next(f->m.d, debug_client_next(f->m.d, f->m.client[1].c))) {
        mainloop_iterate(true);
    }
    g_assert_cmpuint(json_array_get_length(json_node_get_array(qf_run(f, "x-debug-points", NULL))),
                     ==, 0);
    qmp_server_free(q);
    chardev_free(chr);
}

static void test_two_clients(QmpFixture *f, gconstpointer data)
{
    GError *err = NULL;

    g_assert_null(qmp_server_new(&f->host.host, f->theirs, false, &err));
    g_assert_nonnull(err);
    g_clear_error(&err);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/greeting", test_greeting);
    g_test_add_func("/qmp/negotiation", test_negotiation);
    g_test_add_func("/qmp/pretty", test_pretty);
    TEST("/qmp/bad-input", test_bad_input);
    TEST("/qmp/garbage", test_garbage);
    TEST("/qmp/ids", test_ids);
    TEST("/qmp/introspection", test_introspection);
    TEST("/qmp/queries", test_queries);
    TEST("/qmp/stop-cont", test_stop_cont);
    TEST("/qmp/control", test_control);
    TEST("/qmp/reset", test_reset);
    TEST("/qmp/buttons", test_buttons);
    TEST("/qmp/panic", test_panic);
    TEST("/qmp/no-shutdown", test_no_shutdown);
    TEST("/qmp/error", test_error);
    TEST("/qmp/quit", test_quit);
    TEST("/qmp/end-in-stop", test_end_in_stop);
    TEST("/qmp/save", test_save);
    TEST("/qmp/dump-arguments", test_dump_arguments);
    TEST("/qmp/monitor", test_monitor);
    TEST("/qmp/slow-client", test_slow_client);
    TEST("/qmp/deaf-client", test_deaf_client);
    TEST("/qmp/reconnect", test_reconnect);
    TEST("/qmp/two-clients", test_two_clients);
    return g_test_run();
}
