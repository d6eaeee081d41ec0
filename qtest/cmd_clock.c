/* The clock, and waiting for the vCPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "qtest/qtest_int.h"
#include "util/error.h"

#define WAIT_DEFAULT_MS 60000u

/* ---- the clock -------------------------------------------------------------------------- */

typedef struct Move {
    Vm *vm;
    int64_t to;
    bool ok;
    GError *err;
} Move;

static void move_clock(void *opaque)
{
    Move *m = opaque;

    m->ok = vm_clock_advance_to(m->vm, m->to, &m->err);
}

static bool may_move(Vm *vm, GError **errp)
{
    unsigned cpu;

    switch (vm_activity(vm, &cpu)) {
    case VM_ACTIVITY_CHANGES:
        return error_set(errp, BUSY, "a stop, a reset or the end of the machine is under way");
    case VM_ACTIVITY_EXECUTES:
        return error_set(errp, BUSY, "CPU %u executes guest code: the clock moves only while all "
                         "have halted or are stopped", cpu);
    default:
        return true;
    }
}

/* Halted vCPUs are parked meanwhile, so that whom a timer wakes sees the clock at its new place. */
static QtestAnswer clock_move(QtestServer *s, int64_t to, GString *out, GError **errp)
{
    Vm *vm = s->m->vm;
    Move m = { .vm = vm, .to = to };

    if (!may_move(vm, errp)) {
        return QTEST_FAIL;
    }
    vm_rendezvous(vm, move_clock, &m);
    if (!m.ok) {
        g_propagate_error(errp, m.err);
        return QTEST_FAIL;
    }
    g_string_append_printf(out, "%" G_GINT64_FORMAT, vm_clock_ns(vm));
    return QTEST_OK;
}

QtestAnswer qtest_cmd_clock_step(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                 GString *out, GError **errp)
{
    int64_t now = vm_clock_ns(s->m->vm), to = vm_clock_next_ns(s->m->vm);

    if (a->n) {
        /* Beyond the end is refused below. */
        to = (int64_t)MIN((uint64_t)now + a->num[0], INT64_MAX);
    } else if (to < 0) {
        error_set(errp, NOT_FOUND, "no timer is armed: say how far");
        return QTEST_FAIL;
    }
    return clock_move(s, MAX(to, now), out, errp);
}

QtestAnswer qtest_cmd_clock_set(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                GString *out, GError **errp)
{
    return clock_move(s, (int64_t)a->num[0], out, errp);
}

/* ---- waiting ---------------------------------------------------------------------------- */

void qtest_wait_cancel(QtestServer *s)
{
    if (s->waiting) {
        s->waiting = false;
        vm_watch_activity(s->m->vm, NULL, NULL);
        main_timer_set(s->timeout, -1);
        if (s->held) {
            g_string_free(g_steal_pointer(&s->held), TRUE);
        }
    }
}

static void wait_end(QtestServer *s, bool ok, const char *text)
{
    qtest_wait_cancel(s);
    qtest_answer(s, ok, text);
}

/* Has what is waited for come? */
static void wait_look(void *opaque)
{
    QtestServer *s = opaque;
    unsigned cpu;
    VmActivity now = vm_activity(s->m->vm, &cpu);

    if (!s->waiting) {
        return;
    }
    if (s->held && now != VM_ACTIVITY_CHANGES) {
        g_autoptr(GString) text = g_steal_pointer(&s->held);

        wait_end(s, true, text->str);
    } else if (!s->held && now == VM_ACTIVITY_HALTED) {
        wait_end(s, true, "halted");
    } else if (!s->held && now == VM_ACTIVITY_STOPPED && !s->want_halted) {
        wait_end(s, true, "stopped");
    }
}

void qtest_wait_timeout(void *opaque)
{
    QtestServer *s = opaque;
    g_autofree char *text = NULL;
    unsigned cpu;

    wait_look(s);
    if (!s->waiting) {
        return;         /* just in time */
    }
    switch (vm_activity(s->m->vm, &cpu)) {
    case VM_ACTIVITY_CHANGES:
        text = g_strdup("a stop, a reset or the end of the machine is still under way");
        break;
    case VM_ACTIVITY_EXECUTES:
        text = g_strdup_printf("CPU %u still executes guest code after %u ms", cpu, s->wait_ms);
        break;
    default:
        text = g_strdup_printf("the machine is still stopped after %u ms", s->wait_ms);
        break;
    }
    wait_end(s, false, text);
}

/* The answer may come at once, from in here. */
static QtestAnswer wait_begin(QtestServer *s, const QtestArgs *a, bool halted)
{
    s->waiting = true;
    s->want_halted = halted;
    s->wait_ms = a->n ? (unsigned)a->num[0] : WAIT_DEFAULT_MS;
    main_timer_set(s->timeout, s->wait_ms * NS_PER_MS);
    vm_watch_activity(s->m->vm, wait_look, s);
    wait_look(s);       /* after the watch is set: nothing can be missed */
    return QTEST_LATER;
}

void qtest_settle(QtestServer *s)
{
    s->waiting = true;
    vm_watch_activity(s->m->vm, wait_look, s);
    wait_look(s);
}

QtestAnswer qtest_cmd_wait_idle(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                GString *out, GError **errp)
{
    return wait_begin(s, a, false);
}

QtestAnswer qtest_cmd_wait_halted(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                  GString *out, GError **errp)
{
    return wait_begin(s, a, true);
}
