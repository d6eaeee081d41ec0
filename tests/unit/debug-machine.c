/* Test helper: a script machine with a debug core and clients.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug-machine.h"

#include <string.h>

static void tc_stopped(void *opaque, const StopInfo *stop)
{
    TestClient *t = opaque;

    t->stops++;
    t->last = *stop;
    g_strlcpy(t->text, stop->text ? stop->text : "", sizeof(t->text));
    if (t->resume_at_once) {
        t->resume_at_once = false;
        g_assert_true(debug_continue(t->c, NULL));
    }
}

static void tc_cpu_stopped(void *opaque, const StopInfo *stop)
{
    TestClient *t = opaque;

    t->cpu_stops++;
    t->last = *stop;
    t->of_cpu[stop->cpu] = *stop;
}

static void tc_resumed(void *opaque, const char *by)
{
    ((TestClient *)opaque)->resumes++;
}

static void tc_ended(void *opaque, VmCause cause, int status)
{
    ((TestClient *)opaque)->ends++;
    ((TestClient *)opaque)->status = status;
}

static void tc_reset(void *opaque, VmCause cause)
{
    ((TestClient *)opaque)->resets++;
}

static void tc_output(void *opaque, const char *text)
{
    g_string_append(((TestClient *)opaque)->output, text);
}

static void tc_control(void *opaque, const char *holder)
{
    ((TestClient *)opaque)->controls++;
}

static const DebugClientOps client_ops = {
    .stopped = tc_stopped, .cpu_stopped = tc_cpu_stopped, .resumed = tc_resumed,
    .ended = tc_ended, .reset = tc_reset, .output = tc_output, .control = tc_control,
};

void dm_init(DebugMachine *m, unsigned ncpus, const char *options)
{
    memset(m, 0, sizeof(*m));
    sm_init(&m->m, ncpus, NULL, options);
    m->d = debug_new(m->m.vm);
    for (unsigned i = 0; i < 2; i++) {
        m->client[i].output = g_string_new(NULL);
        m->client[i].c = debug_client_new(m->d, i ? "two" : "one", &client_ops, &m->client[i]);
    }
}

void dm_fini(DebugMachine *m)
{
    debug_free(m->d);
    sm_fini(&m->m);
    for (unsigned i = 0; i < 2; i++) {
        g_string_free(m->client[i].output, TRUE);
    }
}

PointId dm_point_spec(DebugMachine *m, unsigned client, PointSpec spec)
{
    GError *err = NULL;
    PointId id = 0;

    debug_point_add(m->client[client].c, &spec, &id, &err);
    g_assert_no_error(err);
    g_assert_cmpuint(id, !=, 0);
    return id;
}

PointId dm_point(DebugMachine *m, unsigned client, PointKind kind, uint64_t addr, uint64_t len)
{
    return dm_point_spec(m, client, (PointSpec){ .kind = kind, .addr = addr, .len = len });
}

const StopInfo *dm_resume(DebugMachine *m, const ResumePlan *plan)
{
    unsigned before = m->client[0].stops;
    GError *err = NULL;

    debug_resume(m->client[0].c, plan, &err);
    g_assert_no_error(err);
    sm_wait_count(&m->m, &m->client[0].stops, before + 1);
    g_assert_cmpuint(m->client[0].stops, ==, before + 1);
    return &m->client[0].last;
}

const StopInfo *dm_continue(DebugMachine *m)
{
    ResumePlan plan = { .others = RESUME_CONT };

    return dm_resume(m, &plan);
}

const StopInfo *dm_step(DebugMachine *m, unsigned cpu)
{
    ResumeAction a = { .cpu = cpu, .kind = RESUME_STEP };
    ResumePlan plan = { .others = RESUME_STAY, .n = 1, .action = &a };

    return dm_resume(m, &plan);
}

const StopInfo *dm_interrupt(DebugMachine *m)
{
    unsigned before = m->client[0].stops;

    debug_interrupt(m->client[0].c);
    sm_wait_count(&m->m, &m->client[0].stops, before + 1);
    return &m->client[0].last;
}
