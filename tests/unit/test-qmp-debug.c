/* QMP's x-debug-* commands: control, running, points, memory, registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "qmp-client.h"

#define TEST(name, fn) g_test_add(name, QmpFixture, NULL, qf_setup, fn, qf_teardown)

/* An expression that gives a constant, and one that gives r0 & 1. */
#define CODE_TRUE "220127"
#define CODE_ODD "26000022010f27"

static int64_t point(QmpFixture *f, const char *args)
{
    return qf_int(qf_object(f, "x-debug-point-add", args), "id");
}

static JsonArray *list(QmpFixture *f, const char *command, const char *args)
{
    return json_node_get_array(qf_run(f, command, args));
}

static int64_t reg(QmpFixture *f, unsigned cpu, const char *name)
{
    g_autofree char *args = g_strdup_printf("{\"names\": [\"%s\"], \"cpu-index\": %u}", name, cpu);

    return qf_int(json_array_get_object_element(list(f, "x-debug-registers", args), 0), "value");
}

/* ---- status and control ---- */

static void test_status(QmpFixture *f, gconstpointer data)
{
    JsonObject *o = qf_object(f, "x-debug-status", NULL);

    g_assert_cmpstr(qf_str(o, "status"), ==, "prelaunch");
    g_assert_true(qf_bool(o, "stopped"));
    g_assert_false(qf_bool(o, "own"));
    g_assert_false(json_object_has_member(o, "holder"));
    g_assert_cmpstr(qf_str(json_object_get_object_member(o, "stop"), "reason"), ==, "start");
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "cpus")), ==, 2);
    qf_cont(f);
    o = qf_object(f, "x-debug-status", NULL);
    g_assert_cmpstr(qf_str(o, "status"), ==, "running");
    g_assert_false(json_object_has_member(o, "stop"));
}

static void test_control(QmpFixture *f, gconstpointer data)
{
    JsonArray *clients = list(f, "x-debug-clients", NULL);
    JsonObject *o;

    g_assert_cmpuint(json_array_get_length(clients), ==, 3);
    g_assert_cmpstr(qf_str(json_array_get_object_element(clients, 0), "name"), ==, "one");
    g_assert_true(qf_bool(json_array_get_object_element(clients, 2), "own"));
    qf_run(f, "x-debug-take-control", NULL);
    o = qf_event(f, "X_DEBUG_CONTROL");
    g_assert_true(qf_bool(o, "own"));
    g_assert_cmpstr(qf_str(o, "holder"), ==, "QMP client 1 of pair.a");
    g_assert_true(qf_bool(qf_object(f, "x-debug-status", NULL), "own"));
    g_assert_false(debug_continue(f->m.client[0].c, NULL));
    qf_run(f, "x-debug-release-control", NULL);
    qf_event(f, "X_DEBUG_CONTROL");
    g_assert_true(debug_control_take(f->m.client[0].c, NULL));
    qf_event(f, "X_DEBUG_CONTROL");
    qf_fail(f, "x-debug-take-control", NULL, "one controls");
    qf_fail(f, "x-debug-cont", NULL, "one controls");
    qf_fail(f, "x-debug-set-nonstop", "{\"on\": true}", "one controls");
    qf_run(f, "x-debug-take-control", "{\"force\": true}");
    g_assert_true(qf_bool(qf_event(f, "X_DEBUG_CONTROL"), "own"));
    clients = list(f, "x-debug-clients", NULL);
    g_assert_true(qf_bool(json_array_get_object_element(clients, 2), "control"));
    g_assert_false(qf_bool(json_array_get_object_element(clients, 0), "control"));
}

/* ---- running ---- */

static void test_cont_stop(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    qf_run(f, "x-debug-cont", NULL);
    qf_event(f, "RESUME");
    qf_fail(f, "x-debug-cont", NULL, "running");
    qf_fail(f, "x-debug-stop", "{\"cpu-index\": 0}", "non-stop");
    qf_run(f, "x-debug-stop", NULL);
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "interrupt");
    g_assert_true(qf_bool(o, "all-stopped"));
    qf_run(f, "x-debug-stop", NULL);        /* stands already */
    qf_no_event(f);
    qf_fail(f, "x-debug-cont", "{\"backward\": true}", "recorded");
    qf_fail(f, "x-debug-cont", "{\"others\": \"step\"}", "'others'");
    qf_fail(f, "x-debug-cont", "{\"others\": \"stay\"}", "no CPU");
    qf_fail(f, "x-debug-cont", "{\"actions\": [{\"cpu-index\": 9, \"action\": \"cont\"}]}",
            "no CPU 9");
    qf_fail(f, "x-debug-cont", "{\"actions\": [{\"cpu-index\": 0, \"action\": \"range\"}]}",
            "go together");
    qf_fail(f, "x-debug-cont", "{\"actions\": [{\"cpu-index\": 0, \"action\": \"cont\", "
            "\"low\": 1, \"high\": 2}]}", "go together");
    qf_no_event(f);
}

/* Only the CPU that is named moves. */
static void test_plan(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    qf_run(f, "x-debug-cont", "{\"actions\": [{\"cpu-index\": 1, \"action\": \"step\"}], "
           "\"others\": \"stay\", \"mask-irq\": true, \"freeze-timers\": true}");
    qf_event(f, "RESUME");
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "step");
    g_assert_cmpint(qf_int(o, "cpu-index"), ==, 1);
    g_assert_cmpint(qf_int(o, "pc"), ==, 0x1104);
    g_assert_true(qf_bool(o, "step-done"));
    g_assert_cmpint(reg(f, 0, "pc"), ==, 0x1000);
    qf_run(f, "x-debug-cont", "{\"actions\": [{\"cpu-index\": 0, \"action\": \"range\", "
           "\"low\": 4096, \"high\": \"0x1010\"}], \"others\": \"stay\"}");
    qf_event(f, "RESUME");
    g_assert_cmpint(qf_int(qf_stop_event(f), "pc"), ==, 0x1010);
}

static void test_step(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    qf_run(f, "x-debug-step", NULL);
    qf_event(f, "RESUME");
    g_assert_cmpint(qf_int(qf_stop_event(f), "pc"), ==, 0x1004);
    qf_run(f, "x-debug-step", "{\"count\": 3, \"cpu-index\": 1}");
    qf_event(f, "RESUME");
    o = qf_stop_event(f);                   /* one stop for all steps */
    g_assert_cmpint(qf_int(o, "cpu-index"), ==, 1);
    g_assert_cmpint(qf_int(o, "pc"), ==, 0x110c);
    qf_no_event(f);
    /* the CPU of the last stop is meant from now on; a point ends the steps */
    point(f, "{\"kind\": \"exec\", \"address\": 4356}");
    qf_run(f, "x-debug-step", "{\"count\": 100}");
    qf_event(f, "RESUME");
    o = qf_stop_event(f);
    g_assert_cmpint(qf_int(o, "pc"), ==, 0x1104);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "points")), ==, 1);
    qf_no_event(f);
    qf_run(f, "x-debug-step", "{\"low\": 4356, \"high\": 4364}");
    qf_event(f, "RESUME");
    g_assert_cmpint(qf_int(qf_stop_event(f), "pc"), ==, 0x110c);
    qf_fail(f, "x-debug-step", "{\"count\": 0}", "'count'");
    qf_fail(f, "x-debug-step", "{\"low\": 1}", "go together");
    qf_fail(f, "x-debug-step", "{\"low\": 2, \"high\": 2}", "empty");
    qf_fail(f, "x-debug-step", "{\"low\": 2, \"high\": 3, \"count\": 2}", "'count'");
    qf_fail(f, "x-debug-step", "{\"others\": \"range\"}", "'others'");
    qf_fail(f, "x-debug-step", "{\"cpu-index\": 2}", "no CPU 2");
}

/* Many steps can be stopped; and somebody who takes control ends them. */
static void test_step_stopped(QmpFixture *f, gconstpointer data)
{
    qf_run(f, "x-debug-step", "{\"count\": 1000000000}");
    qf_event(f, "RESUME");
    for (unsigned i = 0; i < 20; i++) {
        mainloop_iterate(true);
    }
    qf_run(f, "stop", NULL);
    qf_stop_event(f);
    qf_no_event(f);
    qf_run(f, "x-debug-step", "{\"count\": 1000000000}");
    qf_event(f, "RESUME");
    debug_control_force(f->m.client[0].c);
    qf_event(f, "X_DEBUG_CONTROL");
    g_assert_cmpstr(qf_str(qf_stop_event(f), "reason"), ==, "step");
    qf_no_event(f);
}

/* `stop` right behind `cont`, on CPUs that hit points at the same time, so that stops are left over
 * from one resume to the next: every one is answered, and events come in pairs. */
static void test_cont_and_stop(QmpFixture *f, gconstpointer data)
{
    unsigned resumes = 0, stops = 0;

    point(f, "{\"kind\": \"exec\", \"address\": 4104}");
    point(f, "{\"kind\": \"exec\", \"address\": 4360}");
    for (unsigned i = 0; i < 300; i++) {
        qf_send(f, i % 3 ? "{\"execute\": \"cont\"}{\"execute\": \"stop\"}"
                         : "{\"execute\": \"x-debug-step\", \"arguments\": {\"count\": 50}}"
                           "{\"execute\": \"stop\"}");
        g_assert_true(json_object_has_member(qf_answer(f), "return"));
        g_assert_true(json_object_has_member(qf_answer(f), "return"));
        while (!g_queue_is_empty(&f->events)) {
            JsonObject *o = json_node_get_object(f->events.head->data);

            resumes += !strcmp(qf_str(o, "event"), "RESUME");
            stops += !strcmp(qf_str(o, "event"), "STOP");
            g_assert_cmpuint(resumes - stops, <=, 1);
            json_node_unref(g_queue_pop_head(&f->events));
        }
        g_assert_cmpuint(resumes, ==, i + 1);
        g_assert_cmpuint(stops, ==, i + 1);
    }
}

static void test_nonstop(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    qf_run(f, "x-debug-set-nonstop", "{\"on\": true}");
    g_assert_true(qf_bool(qf_object(f, "x-debug-status", NULL), "nonstop"));
    qf_run(f, "x-debug-cont", NULL);
    qf_event(f, "RESUME");
    qf_run(f, "x-debug-stop", "{\"cpu-index\": 1}");
    o = qf_event(f, "X_DEBUG_STOP");
    g_assert_cmpint(qf_int(o, "cpu-index"), ==, 1);
    g_assert_false(qf_bool(o, "all-stopped"));
    g_assert_true(qf_bool(qf_object(f, "query-status", NULL), "running"));
    o = qf_object(f, "x-debug-status", NULL);
    o = json_array_get_object_element(json_object_get_array_member(o, "cpus"), 1);
    g_assert_cmpstr(qf_str(json_object_get_object_member(o, "stop"), "reason"), ==, "interrupt");
    qf_run(f, "stop", NULL);
    g_assert_cmpint(qf_int(qf_stop_event(f), "cpu-index"), ==, 0);
    qf_run(f, "x-debug-cont", "{\"actions\": [{\"cpu-index\": 0, \"action\": \"cont\"}], "
           "\"others\": \"stay\"}");
    qf_event(f, "RESUME");
    qf_run(f, "x-debug-set-nonstop", "{\"on\": false}");
    qf_stop_event(f);
    qf_cont(f);
}

/* ---- points ---- */

static void test_exec_point(QmpFixture *f, gconstpointer data)
{
    int64_t id = point(f, "{\"kind\": \"exec\", \"address\": \"0x1008\", \"wish\": \"hard\"}");
    JsonArray *hit;
    JsonObject *o;

    qf_cont(f);
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "point");
    g_assert_cmpint(qf_int(o, "pc"), ==, 0x1008);
    g_assert_true(qf_bool(o, "hard"));
    g_assert_cmpstr(qf_str(o, "point-kind"), ==, "exec");
    g_assert_cmpint(qf_int(o, "own-points"), ==, 1);
    hit = json_object_get_array_member(o, "points");
    g_assert_cmpint(json_array_get_int_element(hit, 0), ==, id);
    g_assert_cmpstr(qf_str(qf_object(f, "query-status", NULL), "status"), ==, "debug");
}

static void test_data_point(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    point(f, "{\"kind\": \"write\", \"address\": 8192, \"length\": 8}");
    qf_cont(f);
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "point-kind"), ==, "write");
    g_assert_cmpint(qf_int(o, "access"), ==, 0x2000);
    g_assert_true(qf_bool(o, "write"));
    g_assert_cmpint(qf_int(o, "old"), ==, 0);
    g_assert_cmpint(qf_int(o, "new"), ==, 1);
    g_assert_cmpint(qf_int(o, "pc"), ==, 0x100c);
}

static void test_event_point(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    point(f, "{\"kind\": \"exception\", \"address\": 14, \"length\": 1}");
    sm_cpu(&f->m.m, 0)->pc = 0x1830;
    qf_cont(f);
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "event");
    o = json_object_get_object_member(o, "event");
    g_assert_cmpstr(qf_str(o, "kind"), ==, "exception");
    g_assert_cmpint(qf_int(o, "number"), ==, 14);
    g_assert_cmpint(qf_int(o, "error"), ==, 5);
}

static void test_reset_point(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    point(f, "{\"kind\": \"reset\"}");
    sm_cpu(&f->m.m, 0)->pc = 0x1820;
    qf_cont(f);
    o = qf_stop_event(f);
    g_assert_cmpstr(qf_str(o, "reason"), ==, "event");
    g_assert_cmpstr(qf_str(o, "cause"), ==, "guest-reset");
    qf_run(f, "cont", NULL);
    qf_event(f, "RESET");
    qf_event(f, "RESUME");
}

static void test_point_options(QmpFixture *f, gconstpointer data)
{
    int64_t id = point(f, "{\"kind\": \"exec\", \"address\": 4104, \"once\": true, "
                       "\"ignore\": 3, \"cpus\": [0], \"levels\": [0, 3], "
                       "\"address-space\": \"0\", \"conditions\": [\"" CODE_TRUE "\"]}");
    JsonObject *o = json_array_get_object_element(list(f, "x-debug-points", NULL), 0);
    g_autofree char *args = g_strdup_printf("{\"id\": %d}", (int)id);

    g_assert_cmpint(qf_int(o, "id"), ==, id);
    g_assert_true(qf_bool(o, "once"));
    g_assert_true(qf_bool(o, "own"));
    g_assert_cmpint(qf_int(o, "ignore"), ==, 3);
    g_assert_cmpint(qf_int(o, "conditions"), ==, 1);
    g_assert_cmpint(qf_int(o, "address-space"), ==, 0);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(o, "cpus")), ==, 1);
    g_assert_cmpint(json_array_get_int_element(json_object_get_array_member(o, "levels"), 1), ==,
                    3);
    qf_cont(f);
    qf_stop_event(f);
    g_assert_cmpint(reg(f, 0, "r0"), ==, 4);
    g_assert_cmpuint(json_array_get_length(list(f, "x-debug-points", NULL)), ==, 0);
    qf_fail(f, "x-debug-point-remove", args, "no point");
    qf_fail(f, "x-debug-point-enable", args, "no point");
    qf_fail(f, "x-debug-point-disable", args, "no point");
}

static void test_point_changes(QmpFixture *f, gconstpointer data)
{
    int64_t id = point(f, "{\"kind\": \"exec\", \"address\": 4104, \"enabled\": false}");
    g_autofree char *args = g_strdup_printf("{\"id\": %d}", (int)id);
    g_autofree char *odd = g_strdup_printf("{\"id\": %d, \"conditions\": [\"" CODE_ODD "\"]}",
                                           (int)id);
    g_autofree char *ignore = g_strdup_printf("{\"id\": %d, \"ignore\": 2}", (int)id);

    qf_cont(f);
    qf_run(f, "stop", NULL);
    g_assert_cmpstr(qf_str(qf_stop_event(f), "reason"), ==, "interrupt");
    sm_cpu(&f->m.m, 0)->pc = 0x1000;
    sm_cpu(&f->m.m, 0)->r[0] = 0;
    qf_run(f, "x-debug-point-enable", args);
    qf_run(f, "x-debug-point-set-conditions", odd);
    qf_cont(f);
    qf_stop_event(f);
    g_assert_cmpint(reg(f, 0, "r0"), ==, 1);
    qf_cont(f);
    qf_stop_event(f);
    g_assert_cmpint(reg(f, 0, "r0"), ==, 3);
    qf_run(f, "x-debug-point-set-ignore", ignore);
    qf_cont(f);
    qf_stop_event(f);
    g_assert_cmpint(reg(f, 0, "r0"), ==, 9);
    qf_run(f, "x-debug-point-disable", args);
    qf_run(f, "x-debug-point-remove", args);
    g_assert_cmpuint(json_array_get_length(list(f, "x-debug-points", NULL)), ==, 0);
}

/* agent: prints "hi" by its printf, and ends */
#define CODE_PRINT "2200220034000003" "686900" "27"

static void test_commands(QmpFixture *f, gconstpointer data)
{
    point(f, "{\"kind\": \"exec\", \"address\": 4104, \"stop-too\": true, \"commands\": [\""
          CODE_PRINT "\"]}");
    qf_cont(f);
    g_assert_cmpstr(qf_str(qf_event(f, "X_DEBUG_OUTPUT"), "text"), ==, "hi");
    qf_stop_event(f);
}

static void test_bad_points(QmpFixture *f, gconstpointer data)
{
    static const char *const rows[][2] = {
        { "{\"kind\": \"teapot\"}", "teapot" },
        { "{}", "'kind' is missing" },
        { "{\"kind\": \"exec\", \"address\": \"there\"}", "'address'" },
        { "{\"kind\": \"exec\", \"address\": 1.5}", "'address'" },
        { "{\"kind\": \"exec\", \"length\": 0}", "'length'" },
        { "{\"kind\": \"exec\", \"cpus\": []}", "'cpus' is empty" },
        { "{\"kind\": \"exec\", \"cpus\": [2]}", "1 is the highest" },
        { "{\"kind\": \"exec\", \"levels\": [4]}", "3 is the highest" },
        { "{\"kind\": \"exec\", \"conditions\": [\"2\"]}", "hexadecimal" },
        { "{\"kind\": \"exec\", \"conditions\": [\"xx\"]}", "hexadecimal" },
        { "{\"kind\": \"exec\", \"conditions\": [\"ff\"]}", "" },
        { "{\"kind\": \"write\", \"address\": -8, \"length\": 16}", "" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        qf_fail(f, "x-debug-point-add", rows[i][0], rows[i][1]);
    }
    g_assert_cmpuint(json_array_get_length(list(f, "x-debug-points", NULL)), ==, 0);
}

/* Few debug registers: the core's own sentence comes through. */
static void test_no_slots(void)
{
    QmpFixture f;

    qf_setup(&f, "slots=1");
    point(&f, "{\"kind\": \"write\", \"address\": 8192, \"length\": 8}");
    qf_fail(&f, "x-debug-point-add", "{\"kind\": \"write\", \"address\": 8448, \"length\": 8}",
            "debug register");
    qf_teardown(&f, NULL);
}

/* ---- memory and registers ---- */

static void test_memory(QmpFixture *f, gconstpointer data)
{
    JsonObject *o;

    qf_run(f, "x-debug-write-memory", "{\"address\": 12288, \"data\": \"00ff41\"}");
    o = qf_object(f, "x-debug-read-memory", "{\"address\": 12288, \"size\": 4}");
    g_assert_cmpstr(qf_str(o, "data"), ==, "00ff4100");
    g_assert_cmpint(qf_int(o, "size"), ==, 4);
    o = qf_object(f, "x-debug-read-memory", "{\"address\": \"0xffff800000003000\", \"size\": 3, "
                  "\"format\": \"base64\"}");
    g_assert_cmpstr(qf_str(o, "data"), ==, "AP9B");
    g_assert_cmpuint((uint64_t)qf_int(o, "address"), ==, UINT64_C(0xffff800000003000));
    qf_run(f, "x-debug-write-memory", "{\"address\": 12289, \"data\": \"QUI=\", \"space\": "
           "\"physical\", \"format\": \"base64\"}");
    o = qf_object(f, "x-debug-read-memory", "{\"address\": 12288, \"size\": 4, \"space\": "
                  "\"physical\", \"cpu-index\": 1}");
    g_assert_cmpstr(qf_str(o, "data"), ==, "00414200");
    o = qf_object(f, "x-debug-read-memory", "{\"address\": 1048574, \"size\": 10, "
                  "\"partial\": true}");
    g_assert_cmpint(qf_int(o, "size"), ==, 2);
    o = qf_object(f, "x-debug-read-memory", "{\"address\": 0, \"size\": 0}");
    g_assert_cmpstr(qf_str(o, "data"), ==, "");
    o = qf_object(f, "x-debug-search-memory", "{\"address\": 0, \"length\": 65536, "
                  "\"pattern\": \"4142\"}");
    g_assert_cmpint(qf_int(o, "address"), ==, 12289);
    o = qf_object(f, "x-debug-search-memory", "{\"address\": 0, \"length\": 8192, "
                  "\"pattern\": \"QUI=\", \"format\": \"base64\"}");
    g_assert_false(qf_bool(o, "found"));
    qf_cont(f);                             /* and while it runs */
    qf_run(f, "x-debug-write-memory", "{\"address\": 12288, \"data\": \"07\"}");
    o = qf_object(f, "x-debug-read-memory", "{\"address\": 12288, \"size\": 1}");
    g_assert_cmpstr(qf_str(o, "data"), ==, "07");
}

static void test_bad_memory(QmpFixture *f, gconstpointer data)
{
    qf_fail(f, "x-debug-read-memory", "{\"address\": 1048575, \"size\": 2}", "0x100000");
    qf_fail(f, "x-debug-read-memory", "{\"address\": -1, \"size\": 2}", "wraps");
    qf_fail(f, "x-debug-read-memory", "{\"address\": 0, \"size\": 4194305}", "'size'");
    qf_fail(f, "x-debug-read-memory", "{\"address\": 0, \"size\": -1}", "'size'");
    qf_fail(f, "x-debug-read-memory", "{\"address\": 0, \"size\": 1, \"cpu-index\": 2}", "CPU 2");
    qf_fail(f, "x-debug-write-memory", "{\"address\": 0, \"data\": \"0\"}", "hexadecimal");
    qf_fail(f, "x-debug-write-memory", "{\"address\": 0, \"data\": \"!\", \"format\": "
            "\"base64\"}", "base64");
    qf_fail(f, "x-debug-write-memory", "{\"address\": 1048575, \"data\": \"0000\"}", "0x100000");
    qf_fail(f, "x-debug-search-memory", "{\"address\": 0, \"length\": 10, \"pattern\": \"\"}",
            "empty");
    qf_fail(f, "x-debug-search-memory", "{\"address\": 0, \"length\": 9999999, \"pattern\": "
            "\"77\"}", "");
}

static void test_translate(QmpFixture *f, gconstpointer data)
{
    JsonObject *o = qf_object(f, "x-debug-translate", "{\"address\": \"0xffff800000001234\"}");

    g_assert_true(qf_bool(o, "mapped"));
    g_assert_cmpint(qf_int(o, "physical"), ==, 0x1234);
    sm_cpu(&f->m.m, 0)->hole_lo = 0x5000;
    sm_cpu(&f->m.m, 0)->hole_hi = 0x6000;
    g_assert_false(qf_bool(qf_object(f, "x-debug-translate", "{\"address\": 20480}"), "mapped"));
}

static void test_registers(QmpFixture *f, gconstpointer data)
{
    JsonArray *all = list(f, "x-debug-registers", NULL);
    JsonObject *o;

    g_assert_cmpuint(json_array_get_length(all), >, 16);
    qf_run(f, "x-debug-write-register", "{\"name\": \"r3\", \"value\": \"0xfedcba9876543210\", "
           "\"cpu-index\": 1}");
    all = list(f, "x-debug-registers", "{\"names\": [\"r3\"], \"cpu-index\": 1}");
    o = json_array_get_object_element(all, 0);
    g_assert_cmpstr(qf_str(o, "hex"), ==, "fedcba9876543210");
    g_assert_cmpuint((uint64_t)qf_int(o, "value"), ==, UINT64_C(0xfedcba9876543210));
    qf_run(f, "x-debug-write-register", "{\"name\": \"r3\", \"value\": 5}");
    g_assert_cmpint(reg(f, 0, "r3"), ==, 5);
    qf_fail(f, "x-debug-write-register", "{\"name\": \"rax\", \"value\": 5}", "rax");
    qf_fail(f, "x-debug-write-register", "{\"name\": \"r3\", \"value\": \"0x\"}", "no number");
    qf_fail(f, "x-debug-write-register", "{\"name\": \"r3\", \"value\": \"five\"}", "'value'");
    qf_fail(f, "x-debug-write-register", "{\"name\": \"r3\", \"value\": "
            "\"0x10000000000000000\"}", "64 bits");
    qf_fail(f, "x-debug-registers", "{\"names\": [\"nope\"]}", "nope");
    qf_fail(f, "x-debug-registers", "{\"group\": \"nope\"}", "nope");
    qf_fail(f, "x-debug-registers", "{\"names\": [], \"group\": \"general\"}", "go together");
    g_assert_cmpuint(json_array_get_length(list(f, "x-debug-registers",
                                                "{\"group\": \"general\"}")), >, 0);
}

static void test_disassemble(QmpFixture *f, gconstpointer data)
{
    JsonArray *code = list(f, "x-debug-disassemble", "{\"count\": 3}");
    JsonObject *o = json_array_get_object_element(code, 1);

    g_assert_cmpuint(json_array_get_length(code), ==, 3);
    g_assert_cmpint(qf_int(o, "address"), ==, 0x1004);
    g_assert_cmpint(qf_int(o, "length"), ==, 4);
    g_assert_cmpuint(strlen(qf_str(o, "text")), >, 0);
    code = list(f, "x-debug-disassemble", "{\"address\": 1048572, \"count\": 5}");
    g_assert_cmpuint(json_array_get_length(code), ==, 1);       /* as far as there is memory */
    qf_fail(f, "x-debug-disassemble", "{\"address\": 1048576}", "no memory");
    qf_fail(f, "x-debug-disassemble", "{\"count\": 1001}", "'count'");
    g_assert_cmpuint(json_array_get_length(list(f, "x-debug-disassemble", "{\"count\": 0}")), ==,
                     0);
}

static void test_evaluate(QmpFixture *f, gconstpointer data)
{
    sm_cpu(&f->m.m, 1)->r[0] = 7;
    g_assert_cmpint(qf_int(qf_object(f, "x-debug-evaluate", "{\"code\": \"" CODE_ODD "\", "
                                     "\"cpu-index\": 1}"), "value"), ==, 1);
    qf_fail(f, "x-debug-evaluate", "{\"code\": \"ff\"}", "");
    qf_fail(f, "x-debug-evaluate", "{\"code\": \"zz\"}", "hexadecimal");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("/qmp-debug/status", test_status);
    TEST("/qmp-debug/control", test_control);
    TEST("/qmp-debug/cont-stop", test_cont_stop);
    TEST("/qmp-debug/plan", test_plan);
    TEST("/qmp-debug/step", test_step);
    TEST("/qmp-debug/step-stopped", test_step_stopped);
    TEST("/qmp-debug/cont-and-stop", test_cont_and_stop);
    g_test_add("/qmp-debug/cont-and-stop/noskip", QmpFixture, "noskip", qf_setup,
               test_cont_and_stop, qf_teardown);
    g_test_add("/qmp-debug/cont-and-stop/slots", QmpFixture, "slots=4,noskip", qf_setup,
               test_cont_and_stop, qf_teardown);
    TEST("/qmp-debug/nonstop", test_nonstop);
    TEST("/qmp-debug/exec-point", test_exec_point);
    TEST("/qmp-debug/data-point", test_data_point);
    TEST("/qmp-debug/event-point", test_event_point);
    TEST("/qmp-debug/reset-point", test_reset_point);
    TEST("/qmp-debug/point-options", test_point_options);
    TEST("/qmp-debug/point-changes", test_point_changes);
    TEST("/qmp-debug/commands", test_commands);
    TEST("/qmp-debug/bad-points", test_bad_points);
    g_test_add_func("/qmp-debug/no-slots", test_no_slots);
    TEST("/qmp-debug/memory", test_memory);
    TEST("/qmp-debug/bad-memory", test_bad_memory);
    TEST("/qmp-debug/translate", test_translate);
    TEST("/qmp-debug/registers", test_registers);
    TEST("/qmp-debug/disassemble", test_disassemble);
    TEST("/qmp-debug/evaluate", test_evaluate);
    return g_test_run();
}
