/* What qtest stands on: the clock that is moved by hand, what the vCPUs are about, the executor that
 * executes nothing.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/qtest/qtest.h"
#include "script-machine.h"
#include "util/error.h"

static void machine(ScriptMachine *m, unsigned ncpus, const AccelOps *ops)
{
    sm_init(m, ncpus, ops, NULL);
    vm_clock_set_manual(m->vm);
}

/* ---- the clock -------------------------------------------------------------------------- */

typedef struct Probe {
    Vm *vm;
    VmTimer *t;
    GString *log;
    char name;
    int64_t again;              /* rearm after so many ns; 0: not */
} Probe;

static void fired(void *opaque)
{
    Probe *p = opaque;

    g_assert_true(vm_lock_held(p->vm));
    if (p->log) {
        g_string_append_printf(p->log, "%c%" G_GINT64_FORMAT " ", p->name, vm_clock_ns(p->vm));
    }
    if (p->again) {
        vm_timer_mod(p->t, vm_clock_ns(p->vm) + p->again);
    }
}

static void probe_init(Probe *p, Vm *vm, char name, GString *log)
{
    *p = (Probe){ .vm = vm, .name = name, .log = log };
    p->t = vm_timer_new(vm, fired, p);
}

static void advance(Vm *vm, int64_t ns)
{
    GError *err = NULL;

    vm_clock_advance_to(vm, ns, &err);
    g_assert_no_error(err);
    g_assert_cmpint(vm_clock_ns(vm), ==, ns);
}

static void test_clock_order(void)
{
    g_autoptr(GString) log = g_string_new(NULL);
    ScriptMachine m;
    Probe p[3];

    machine(&m, 1, NULL);
    Vm *vm = m.vm;
    g_assert_true(vm_clock_is_manual(vm));
    g_assert_cmpint(vm_clock_next_ns(vm), ==, -1);
    for (unsigned i = 0; i < 3; i++) {
        probe_init(&p[i], vm, (char)('a' + i), log);
    }
    p[0].again = 100;
    vm_timer_mod(p[0].t, 100);
    vm_timer_mod(p[2].t, 250);
    vm_timer_mod(p[1].t, 250);          /* equal times: in the order of arming */
    g_assert_cmpint(vm_clock_next_ns(vm), ==, 100);
    advance(vm, 99);
    g_assert_cmpstr(log->str, ==, "");
    advance(vm, 310);
    g_assert_cmpstr(log->str, ==, "a100 a200 c250 b250 a300 ");
    g_assert_cmpint(vm_clock_next_ns(vm), ==, 400);
    /* One that is late already waits for the clock to be moved, if only by nothing. */
    vm_timer_mod(p[1].t, 5);
    g_string_truncate(log, 0);
    advance(vm, 310);
    g_assert_cmpstr(log->str, ==, "b310 ");
    for (unsigned i = 0; i < 3; i++) {
        vm_timer_free(p[i].t);
    }
    sm_fini(&m);
}

static void test_clock_bad(void)
{
    GError *err = NULL;
    ScriptMachine m;
    Probe p;

    machine(&m, 1, NULL);
    Vm *vm = m.vm;
    advance(vm, 1000);
    g_assert_false(vm_clock_advance_to(vm, 999, &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID);
    g_clear_error(&err);
    g_assert_cmpint(vm_clock_ns(vm), ==, 1000);
    /* A timer that never lets time pass ends the move, not the program. */
    probe_init(&p, vm, 'p', NULL);
    p.again = -1;
    vm_timer_mod(p.t, 2000);
    g_assert_false(vm_clock_advance_to(vm, 3000, &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_FAILED);
    g_clear_error(&err);
    g_assert_cmpint(vm_clock_ns(vm), ==, 2000);
    vm_timer_free(p.t);
    sm_fini(&m);
}

/* Neither running nor the host's time moves it. */
static void test_clock_stands(void)
{
    g_autoptr(GString) log = g_string_new(NULL);
    ScriptMachine m;
    Probe p;

    machine(&m, 1, NULL);
    SM_CODE(&m, 0x1000, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    probe_init(&p, m.vm, 'p', log);
    vm_timer_mod(p.t, 1);
    for (unsigned i = 0; i < 3; i++) {
        vm_go_all(m.vm);
        g_usleep(2000);
        sm_flush(&m);
        g_assert_cmpint(vm_clock_ns(m.vm), ==, 0);
        vm_park_all(m.vm, STOP_INTERRUPT);
        vm_wait_parked(m.vm);
        sm_flush(&m);
    }
    g_assert_cmpstr(log->str, ==, "");
    advance(m.vm, 10);
    g_assert_cmpstr(log->str, ==, "p1 ");
    vm_timer_free(p.t);
    sm_fini(&m);
}

/* ---- activity --------------------------------------------------------------------------- */

static void count(void *opaque)
{
    ++*(unsigned *)opaque;
}

/* Turns the main loop until the vCPUs are about this. */
static void wait_activity(ScriptMachine *m, VmActivity want)
{
    unsigned cpu, looks = 0;

    vm_watch_activity(m->vm, count, &looks);
    while (vm_activity(m->vm, &cpu) != want) {
        sm_wait_count(m, &looks, looks + 1);
    }
    vm_watch_activity(m->vm, NULL, NULL);
}

static void test_activity(void)
{
    ScriptMachine m;
    unsigned cpu;

    machine(&m, 2, NULL);
    /* CPU 0 halts, and once more after each interrupt; CPU 1 runs until its memory says so. */
    SM_CODE(&m, 0x1000, SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, -1));
    SM_CODE(&m, 0x1100, SCRIPT_INSN_I(SCRIPT_LI, 1, 0x2000), SCRIPT_INSN(SCRIPT_LD, 2, 1, 0),
            SCRIPT_INSN(SCRIPT_ADDI, 3, 2, -1), SCRIPT_INSN_I(SCRIPT_BNZ, 3, -2),
            SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, -1));
    g_assert_cmpint(vm_activity(m.vm, &cpu), ==, VM_ACTIVITY_STOPPED);
    vm_go_all(m.vm);
    while (!atomic_get(&m.vm->cpus[0]->asleep)) {
        sm_flush(&m);
    }
    g_assert_cmpint(vm_activity(m.vm, &cpu), ==, VM_ACTIVITY_EXECUTES);
    g_assert_cmpuint(cpu, ==, 1);
    mem_poke(m.vm->memory, 0x2000, &(uint64_t){ 1 }, 8, 0);
    wait_activity(&m, VM_ACTIVITY_HALTED);
    /* Woken is not idle, however soon one looks. */
    for (unsigned i = 0; i < 1000; i++) {
        unsigned woken = i & 1;

        cpu_interrupt(m.vm->cpus[woken], SCRIPT_IRQ);
        wait_activity(&m, VM_ACTIVITY_HALTED);
        g_assert_cmpuint(cpu_interrupt_pending(m.vm->cpus[woken]), ==, 0);
        g_assert_cmpuint(sm_cpu(&m, woken)->r[15], ==, i / 2 + 1);
    }
    /* Some parked and some halted: the clock may be moved. */
    vm_park_cpu(m.vm->cpus[1]);
    wait_activity(&m, VM_ACTIVITY_HALTED);
    vm_park_all(m.vm, STOP_INTERRUPT);
    wait_activity(&m, VM_ACTIVITY_STOPPED);
    sm_fini(&m);
}

/* ---- the executor ----------------------------------------------------------------------- */

static void on_cpu(Cpu *cpu, void *data)
{
    g_assert_true(cpu_current() == cpu);
    ++*(unsigned *)data;
}

static void test_executor(void)
{
    unsigned n = 0, cpu;
    ScriptMachine m;

    machine(&m, 2, &qtest_accel_ops);
    g_assert_false(m.vm->caps.executes);
    for (unsigned i = 1; i <= 500; i++) {
        vm_go_all(m.vm);
        g_assert_cmpint(vm_activity(m.vm, &cpu), ==, VM_ACTIVITY_HALTED);
        cpu_interrupt(m.vm->cpus[0], SCRIPT_IRQ);       /* means nothing to it */
        vm_run_on_cpu(m.vm->cpus[i & 1], on_cpu, &n);
        g_assert_cmpuint(n, ==, i);
        if (i % 7 == 0) {
            vm_request_reset(m.vm, VM_CAUSE_HOST_RESET);
            sm_flush(&m);
        }
        vm_park_all(m.vm, STOP_INTERRUPT);
        vm_wait_parked(m.vm);
        sm_flush(&m);
        g_assert_cmpint(vm_activity(m.vm, &cpu), ==, VM_ACTIVITY_STOPPED);
        g_assert_cmphex(sm_cpu(&m, 0)->pc, ==, 0x1000);
    }
    vm_go_all(m.vm);
    sm_fini(&m);        /* ends while they wait */
}

static void test_executor_options(void)
{
    GError *err = NULL;
    Vm *vm = vm_new();

    g_assert_false(vm_set_accel(vm, &qtest_accel_ops, &script_cpu_class, "fast", &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID);
    g_error_free(err);
    vm_free(vm);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm/manual/order", test_clock_order);
    g_test_add_func("/vm/manual/bad", test_clock_bad);
    g_test_add_func("/vm/manual/stands", test_clock_stands);
    g_test_add_func("/vm/activity", test_activity);
    g_test_add_func("/accel/qtest/life", test_executor);
    g_test_add_func("/accel/qtest/options", test_executor_options);
    return g_test_run();
}
