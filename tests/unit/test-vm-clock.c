/* The VM's clock and timers: standing while stopped, order, rearming, locks.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "script-machine.h"

typedef struct Probe {
    Vm *vm;
    VmTimer *t;
    GString *log;
    char name;
    unsigned fired;
    int64_t at;                 /* the clock when it fired */
    int64_t again;              /* rearm after so many ns; 0: not */
    bool free_self;
} Probe;

static void fired(void *opaque)
{
    Probe *p = opaque;

    g_assert_true(vm_lock_held(p->vm));
    g_assert_true(mainloop_is_current());
    g_assert_false(vm_clock_frozen(p->vm));
    p->fired++;
    p->at = vm_clock_ns(p->vm);
    if (p->log) {
        g_string_append_c(p->log, p->name);
    }
    if (p->again) {
        vm_timer_mod(p->t, p->at + p->again);
    }
    if (p->free_self) {
        vm_timer_free(g_steal_pointer(&p->t));
    }
}

static void probe_init(Probe *p, ScriptMachine *m, char name, GString *log)
{
    memset(p, 0, sizeof(*p));
    p->vm = m->vm;
    p->name = name;
    p->log = log;
    p->t = vm_timer_new(m->vm, fired, p);
}

static void machine(ScriptMachine *m)
{
    sm_init(m, 1, NULL, NULL);
    SM_CODE(m, 0x1000, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
}

static void stop(ScriptMachine *m)
{
    vm_park_all(m->vm, STOP_INTERRUPT);
    vm_wait_parked(m->vm);
}

static void test_stands(void)
{
    ScriptMachine m;
    Probe p;

    machine(&m);
    probe_init(&p, &m, 'p', NULL);
    g_assert_cmpint(vm_clock_ns(m.vm), ==, 0);
    g_usleep(2000);
    g_assert_cmpint(vm_clock_ns(m.vm), ==, 0);
    g_assert_false(vm_timer_pending(p.t));
    g_assert_cmpint(vm_timer_expire_ns(p.t), ==, -1);
    vm_timer_mod(p.t, 1);
    g_usleep(2000);
    sm_flush(&m);
    g_assert_cmpuint(p.fired, ==, 0);           /* long due, but the clock stands */
    vm_go_all(m.vm);
    sm_wait_count(&m, &p.fired, 1);
    g_assert_false(vm_timer_pending(p.t));
    stop(&m);
    g_assert_true(vm_clock_frozen(m.vm));
    int64_t t = vm_clock_ns(m.vm);
    g_assert_cmpint(t, >=, p.at);
    vm_timer_mod(p.t, t + NS_PER_MS);
    g_usleep(5000);
    sm_flush(&m);
    g_assert_cmpint(vm_clock_ns(m.vm), ==, t);
    g_assert_cmpuint(p.fired, ==, 1);
    vm_go_all(m.vm);
    sm_wait_count(&m, &p.fired, 2);
    g_assert_cmpint(p.at, >=, t + NS_PER_MS);   /* the 5 ms stopped do not count */
    vm_timer_free(p.t);
    sm_fini(&m);
}

static void test_order(void)
{
    ScriptMachine m;
    Probe p[6];
    GString *log = g_string_new(NULL);

    machine(&m);
    for (unsigned i = 0; i < 6; i++) {
        probe_init(&p[i], &m, (char)('a' + i), log);
    }
    vm_timer_mod(p[2].t, 300);
    vm_timer_mod(p[0].t, 100);
    vm_timer_mod(p[3].t, 300);          /* the same time: in the order of arming */
    vm_timer_mod(p[1].t, 9999);
    vm_timer_mod(p[1].t, 200);          /* moved */
    vm_timer_mod(p[4].t, 150);
    vm_timer_del(p[4].t);
    vm_timer_mod(p[5].t, 10 * NS_PER_MS);
    vm_go_all(m.vm);
    sm_wait_count(&m, &p[5].fired, 1);
    g_assert_cmpstr(log->str, ==, "abcdf");
    g_assert_cmpint(p[5].at, >=, 10 * NS_PER_MS);
    for (unsigned i = 0; i < 6; i++) {
        vm_timer_free(p[i].t);
    }
    g_string_free(log, TRUE);
    sm_fini(&m);
}

/* Rearming in the callback, even in the past, never starves the main loop; a timer may free
 * itself. */
static void test_again(void)
{
    ScriptMachine m;
    Probe p, q;

    machine(&m);
    probe_init(&p, &m, 'p', NULL);
    probe_init(&q, &m, 'q', NULL);
    p.again = -1000;
    q.free_self = true;
    vm_timer_mod(p.t, 1);
    vm_timer_mod(q.t, NS_PER_MS);
    vm_go_all(m.vm);
    sm_wait_count(&m, &p.fired, 10000);
    sm_wait_count(&m, &q.fired, 1);
    g_assert_null(q.t);
    stop(&m);
    vm_timer_free(p.t);
    sm_fini(&m);
}

/* Timers set by a vCPU's thread. */
static void arm_on_cpu(Cpu *cpu, void *data)
{
    Probe *p = data;

    vm_timer_mod(p->t, vm_clock_ns(cpu->vm) + 10000);
}

static void test_threads(void)
{
    ScriptMachine m;
    Probe p, late;

    machine(&m);
    probe_init(&p, &m, 'p', NULL);
    probe_init(&late, &m, 'l', NULL);
    vm_timer_mod(late.t, 3600 * NS_PER_SEC);    /* the timerfd waits for this one */
    vm_go_all(m.vm);
    for (unsigned i = 1; i <= 100; i++) {
        vm_run_on_cpu_async(m.vm->cpus[0], arm_on_cpu, &p, NULL);
        sm_wait_count(&m, &p.fired, i);
    }
    g_assert_cmpuint(late.fired, ==, 0);
    stop(&m);
    vm_timer_free(p.t);
    vm_timer_free(late.t);
    sm_fini(&m);
}

/* Read by many threads while it starts and stops, it never goes back. */
static bool readers_done;

static void *reader(void *opaque)
{
    Vm *vm = opaque;
    int64_t last = 0;

    while (!atomic_get(&readers_done)) {
        int64_t now = vm_clock_ns(vm);

        g_assert_cmpint(now, >=, last);
        last = now;
    }
    return NULL;
}

static void test_monotonic(void)
{
    ScriptMachine m;
    Thread t[2] = { { 0 } };

    machine(&m);
    atomic_put(&readers_done, false);
    for (unsigned i = 0; i < 2; i++) {
        thread_start(&t[i], "reader", reader, m.vm);
    }
    for (unsigned i = 0; i < 300; i++) {
        vm_go_all(m.vm);
        stop(&m);
    }
    atomic_put(&readers_done, true);
    for (unsigned i = 0; i < 2; i++) {
        thread_join(&t[i]);
    }
    sm_fini(&m);
}

static void test_muldiv(void)
{
    g_assert_cmpuint(clock_muldiv(UINT64_MAX, 1000, 1000), ==, UINT64_MAX);
    g_assert_cmpuint(clock_muldiv(3, 1000000000, 1193182), ==, 2514);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm/clock/stands", test_stands);
    g_test_add_func("/vm/clock/order", test_order);
    g_test_add_func("/vm/clock/again", test_again);
    g_test_add_func("/vm/clock/threads", test_threads);
    g_test_add_func("/vm/clock/monotonic", test_monotonic);
    g_test_add_func("/vm/clock/muldiv", test_muldiv);
    return g_test_run();
}
