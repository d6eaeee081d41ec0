/* Run control: going, parking, rendezvous, halting, kicks, work items, reset and end.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "script-machine.h"

typedef struct Fixture {
    ScriptMachine m;
    unsigned parked, cpu_parked, resets, ended, running, paused;
    int status;
    VmCause cause;
    bool catch_reset;
    VmVerdict verdict;
} Fixture;

static VmVerdict judge_exit(void *opaque, Cpu *cpu, VcpuExit *e, RunArgs *args)
{
    return ((Fixture *)opaque)->verdict;
}

static void on_parked(void *opaque)
{
    ((Fixture *)opaque)->parked++;
}

static void on_cpu_parked(void *opaque, Cpu *cpu)
{
    ((Fixture *)opaque)->cpu_parked++;
    vm_cpu_parked_clear(cpu);
}

static bool on_reset_hook(void *opaque, VmCause cause)
{
    return ((Fixture *)opaque)->catch_reset;
}

static const VmRunHooks hooks = {
    .exit = judge_exit, .parked = on_parked, .cpu_parked = on_cpu_parked, .reset = on_reset_hook,
};

static void ob_running(void *opaque)
{
    ((Fixture *)opaque)->running++;
}

static void ob_paused(void *opaque)
{
    ((Fixture *)opaque)->paused++;
}

static void ob_reset(void *opaque, VmCause cause)
{
    ((Fixture *)opaque)->resets++;
    ((Fixture *)opaque)->cause = cause;
}

static void ob_ended(void *opaque, VmCause cause, int status)
{
    Fixture *f = opaque;

    f->ended++;
    f->cause = cause;
    f->status = status;
}

static const VmObserverOps observer = {
    .running = ob_running, .paused = ob_paused, .reset = ob_reset, .ended = ob_ended,
};

static void setup(Fixture *f, unsigned ncpus, const AccelOps *ops)
{
    memset(f, 0, sizeof(*f));
    f->verdict = VM_STOP_ALL;
    sm_init(&f->m, ncpus, ops, NULL);
    vm_set_run_hooks(f->m.vm, &hooks, f);
    vm_add_observer(f->m.vm, &observer, f);
}

static void park(Fixture *f)
{
    unsigned before = f->parked;

    g_assert_true(vm_park_all(f->m.vm, STOP_INTERRUPT));
    sm_wait_count(&f->m, &f->parked, before + 1);
}

/* Each CPU counts in r1 and, atomically, in memory at 0x8000. */
static void load_counters(Fixture *f)
{
    for (unsigned i = 0; i < f->m.vm->ncpus; i++) {
        SM_CODE(&f->m, 0x1000 + 0x100 * i,
                SCRIPT_INSN_I(SCRIPT_LI, 3, 1),
                SCRIPT_INSN_I(SCRIPT_LI, 2, 0x4000), SCRIPT_INSN(SCRIPT_SHL, 2, 2, 1),
                SCRIPT_INSN(SCRIPT_XADD, 0, 2, 3),
                SCRIPT_INSN(SCRIPT_ADDI, 1, 1, 1),
                SCRIPT_INSN_I(SCRIPT_JMP, 0, -2));
    }
}

static uint64_t counters_expected(Fixture *f)
{
    uint64_t sum = 0;

    for (unsigned i = 0; i < f->m.vm->ncpus; i++) {
        ScriptState *s = sm_cpu(&f->m, i);

        sum += s->r[1] + (s->pc == 0x1000 + 0x100 * i + 0x10);
    }
    return sum;
}

static void test_go_park(void)
{
    Fixture f;

    setup(&f, 2, NULL);
    load_counters(&f);
    g_assert_false(vm_park_all(f.m.vm, STOP_INTERRUPT));
    for (unsigned i = 1; i <= 50; i++) {
        vm_go_all(f.m.vm);
        g_assert_true(vm_running(f.m.vm));
        g_assert_false(vm_clock_frozen(f.m.vm));
        vm_park_all(f.m.vm, STOP_INTERRUPT);
        park(&f);
        g_assert_cmpuint(f.parked, ==, i);
        g_assert_cmpuint(f.running, ==, i);
        g_assert_cmpuint(f.paused, ==, i);
        g_assert_false(vm_running(f.m.vm));
        g_assert_true(vm_clock_frozen(f.m.vm));
        g_assert_cmpint(vm_stop_why(f.m.vm), ==, STOP_INTERRUPT);
        g_assert_cmpuint(sm_peek64(&f.m, 0x8000), ==, counters_expected(&f));
    }
    sm_flush(&f.m);
    g_assert_cmpuint(f.parked, ==, 50);
    sm_fini(&f.m);
}

static void test_step(void)
{
    Fixture f;

    setup(&f, 2, NULL);
    load_counters(&f);
    for (unsigned i = 1; i <= 3; i++) {
        VmGo go = { .cpu = f.m.vm->cpus[1], .args.step = true };

        vm_go(f.m.vm, &go, 1, false);
        sm_wait_count(&f.m, &f.parked, i);
        g_assert_cmphex(sm_cpu(&f.m, 1)->pc, ==, 0x1100 + 4 * i);
        g_assert_cmphex(sm_cpu(&f.m, 0)->pc, ==, 0x1000);
        const VmParked *p = vm_cpu_parked_with(go.cpu);
        g_assert_cmpint(p->exit.kind, ==, EXIT_STEP);
        g_assert_cmpuint(p->order, !=, 0);
        g_assert_cmpuint(vm_cpu_parked_with(f.m.vm->cpus[0])->order, ==, 0);
        vm_cpu_parked_clear(go.cpu);
    }
    sm_fini(&f.m);
}

/* Every CPU ends its step in the same drain: none is lost. */
static void test_all_step(void)
{
    Fixture f;
    VmGo go[4];

    setup(&f, 4, NULL);
    load_counters(&f);
    for (unsigned round = 0; round < 200; round++) {
        unsigned told = 0, moved = 0;
        uint64_t before[4];

        for (unsigned i = 0; i < 4; i++) {
            before[i] = f.m.vm->cpus[i]->insns;
            go[i] = (VmGo){ .cpu = f.m.vm->cpus[i], .args.step = true };
        }
        vm_go(f.m.vm, go, 4, false);
        sm_wait_count(&f.m, &f.parked, round + 1);
        for (unsigned i = 0; i < 4; i++) {
            told += vm_cpu_parked_with(go[i].cpu)->order != 0;
            moved += go[i].cpu->insns != before[i];
            vm_cpu_parked_clear(go[i].cpu);
        }
        g_assert_cmpuint(told, >=, 1);
        g_assert_cmpuint(told, ==, moved);
    }
    sm_fini(&f.m);
}

static void nothing(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void work_count(Cpu *cpu, void *data)
{
    g_assert_true(cpu_current() == cpu);
    ++*(unsigned *)data;
}

/* Random wishes on four CPUs; counts must agree whenever they are parked. */
static void test_random(void)
{
    Fixture f;
    unsigned n_rdv = 0, want_rdv = 0, parks = 0, nwork = 0, want_work = 0;
    GRand *rnd = g_rand_new_with_seed(1);

    setup(&f, 4, NULL);
    load_counters(&f);
    for (unsigned round = 0; round < 600; round++) {
        VmGo go[4];
        unsigned n = 0;
        bool any_step = false;

        for (unsigned i = 0; i < 4; i++) {
            if (g_rand_int(rnd) & 3) {
                bool step = g_rand_int(rnd) & 1;

                any_step |= step;
                go[n++] = (VmGo){ .cpu = f.m.vm->cpus[i], .args.step = step };
            }
        }
        if (!n) {
            continue;
        }
        vm_go(f.m.vm, go, n, g_rand_int(rnd) & 1);
        for (unsigned k = g_rand_int_range(rnd, 0, 4); k > 0; k--) {
            if (g_rand_int(rnd) & 1) {
                vm_rendezvous(f.m.vm, nothing, &n_rdv);
                want_rdv++;
            } else {
                vm_run_on_cpu(f.m.vm->cpus[g_rand_int_range(rnd, 0, 4)], work_count, &nwork);
                want_work++;
            }
        }
        if (!any_step) {
            vm_park_all(f.m.vm, STOP_INTERRUPT);
        }
        sm_wait_count(&f.m, &f.parked, ++parks);
        g_assert_cmpuint(f.parked, ==, parks);
        g_assert_cmpuint(sm_peek64(&f.m, 0x8000), ==, counters_expected(&f));
        for (unsigned i = 0; i < 4; i++) {
            vm_cpu_parked_clear(f.m.vm->cpus[i]);
        }
    }
    g_assert_cmpuint(n_rdv, ==, want_rdv);
    g_assert_cmpuint(nwork, ==, want_work);
    g_rand_free(rnd);
    sm_fini(&f.m);
}

/* Wishes of all sorts from another thread while the control thread lets everything go again. */
typedef struct Meddler {
    Fixture *f;
    unsigned work, asked_work;
    bool done;
} Meddler;

static void meddler_work(Cpu *cpu, void *data)
{
    atomic_add_old((unsigned *)data, 1);
}

static void *meddle(void *opaque)
{
    Meddler *md = opaque;
    Vm *vm = md->f->m.vm;
    GRand *rnd = g_rand_new_with_seed(5);

    for (unsigned i = 0; i < 3000; i++) {
        Cpu *cpu = vm->cpus[g_rand_int_range(rnd, 0, 4)];

        switch (g_rand_int_range(rnd, 0, 8)) {
        case 0:
            vm_park_all(vm, STOP_INTERRUPT);
            break;
        case 1:
            vm_request_reset(vm, VM_CAUSE_HOST_RESET);
            break;
        case 2:
            cpu_kick(cpu);
            break;
        case 3:
            vm_run_on_cpu_async(cpu, meddler_work, &md->work, NULL);
            md->asked_work++;
            break;
        default:
            cpu_interrupt(cpu, SCRIPT_IRQ);
            break;
        }
        if (g_rand_int_range(rnd, 0, 4) == 0) {
            g_usleep(20);
        }
    }
    g_rand_free(rnd);
    atomic_put(&md->done, true);
    vm_request_panic(vm);       /* wakes the main loop: the last one */
    return NULL;
}

static void test_meddle(void)
{
    Fixture f;
    Meddler md = { .f = &f };
    Thread t = { 0 };
    unsigned n = 0;

    setup(&f, 4, NULL);
    load_counters(&f);
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, -1));
    SM_CODE(&f.m, 0x1100, SCRIPT_INSN(SCRIPT_RESET, 0, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    vm_go_all(f.m.vm);
    thread_start(&t, "meddler", meddle, &md);
    main_timer_set(f.m.guard, 60 * NS_PER_SEC);
    while (!atomic_get(&md.done)) {
        unsigned parked = f.parked;

        mainloop_iterate(true);
        if (f.parked != parked) {
            vm_go_all(f.m.vm);
        }
        if (n++ % 7 == 0) {
            unsigned count = 0;

            vm_rendezvous(f.m.vm, nothing, &count);
            g_assert_cmpuint(count, ==, 1);
        }
    }
    thread_join(&t);
    vm_park_all(f.m.vm, STOP_INTERRUPT);
    vm_wait_parked(f.m.vm);
    sm_flush(&f.m);
    /* All is as it should be: it runs, and stops, once each. */
    unsigned resets = f.resets, parked = f.parked;
    SM_CODE(&f.m, 0x1100, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    for (unsigned i = 0; i < 4; i++) {
        g_assert_false(vm_cpu_running(f.m.vm->cpus[i]));
    }
    vm_go_all(f.m.vm);
    for (unsigned i = 0; i < 4; i++) {
        vm_run_on_cpu(f.m.vm->cpus[i], work_count, &n);
    }
    g_assert_cmpuint(atomic_get(&md.work), ==, md.asked_work);
    park(&f);
    g_assert_cmpuint(f.parked, ==, parked + 1);
    g_assert_cmpuint(f.resets, ==, resets);
    sm_fini(&f.m);
}

/* ---- kicks ---- */

static Fixture *kick_fixture;
static AccelOps kick_ops;
static bool kick_in_arm;
static unsigned kick_pending;

static void *kick_thread(void *opaque)
{
    vm_park_all(kick_fixture->m.vm, STOP_INTERRUPT);
    return NULL;
}

/* Another thread asks to park, wholly, at this very point. */
static void kick_now(void)
{
    Thread t = { 0 };

    if (atomic_swap(&kick_pending, 0)) {
        thread_start(&t, "kicker", kick_thread, NULL);
        thread_join(&t);
    }
}

static void kick_arm(Cpu *cpu)
{
    atomic_and_old(&cpu->attn, ~(uint32_t)CPU_ATTN_EXIT);
    if (kick_in_arm) {
        kick_now();
    }
}

static VcpuExit kick_run(Cpu *cpu, const RunArgs *args)
{
    if (!kick_in_arm) {
        kick_now();
    }
    return scripted_accel_ops.vcpu_run(cpu, args);
}

/* A wish that comes right after arming, or right before entering the guest, is not lost: the
 * guest loops for ever, so losing it would hang. */
static void test_kick(void)
{
    Fixture f;

    kick_ops = scripted_accel_ops;
    kick_ops.vcpu_arm = kick_arm;
    kick_ops.vcpu_run = kick_run;
    setup(&f, 1, &kick_ops);
    kick_fixture = &f;
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    for (unsigned i = 1; i <= 100; i++) {
        kick_in_arm = i & 1;
        atomic_put(&kick_pending, 1);
        vm_go_all(f.m.vm);
        sm_wait_count(&f.m, &f.parked, i);
    }
    sm_fini(&f.m);
}

/* ---- halted guests ---- */

static void test_halt(void)
{
    Fixture f;

    setup(&f, 1, NULL);
    Cpu *cpu = f.m.vm->cpus[0];
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, -1));
    vm_go_all(f.m.vm);
    while (!atomic_get(&cpu->asleep)) {
        g_usleep(100);
    }
    park(&f);
    g_assert_cmpint(cpu->power, ==, CPU_POWER_HALTED);
    g_assert_cmphex(sm_cpu(&f.m, 0)->pc, ==, 0x1004);
    uint64_t runs = scripted_run_count(cpu);
    vm_go_all(f.m.vm);
    while (!atomic_get(&cpu->asleep)) {
        g_usleep(100);
    }
    park(&f);
    /* Asleep, it does not go round and round. */
    g_assert_cmpuint(scripted_run_count(cpu), ==, runs);
    /* An interrupt that comes while parked is seen at resume, one while asleep wakes. */
    for (unsigned i = 1; i <= 200; i++) {
        if (i & 1) {
            cpu_interrupt(cpu, SCRIPT_IRQ);
            vm_go_all(f.m.vm);
        } else {
            vm_go_all(f.m.vm);
            cpu_interrupt(cpu, SCRIPT_IRQ);
        }
        while (cpu_interrupt_pending(cpu) || !atomic_get(&cpu->asleep)) {
            g_usleep(10);
        }
        park(&f);
        g_assert_cmpuint(sm_cpu(&f.m, 0)->r[15], ==, i);
        g_assert_cmpint(cpu->power, ==, CPU_POWER_HALTED);
    }
    sm_fini(&f.m);
}

/* Stepping onto HLT is a complete step; stepping a halted CPU waits for its interrupt. */
static void test_step_halt(void)
{
    Fixture f;

    setup(&f, 1, NULL);
    Cpu *cpu = f.m.vm->cpus[0];
    VmGo go = { .cpu = cpu, .args = { .step = true, .mask_irq = true } };
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0), SCRIPT_INSN(SCRIPT_NOP, 0, 0, 0));
    vm_go(f.m.vm, &go, 1, false);
    sm_wait_count(&f.m, &f.parked, 1);
    g_assert_cmphex(sm_cpu(&f.m, 0)->pc, ==, 0x1004);
    g_assert_cmpint(vm_cpu_parked_with(cpu)->exit.kind, ==, EXIT_HALT);
    vm_cpu_parked_clear(cpu);
    vm_go(f.m.vm, &go, 1, false);
    while (!atomic_get(&cpu->asleep)) {
        g_usleep(100);
    }
    sm_flush(&f.m);
    g_assert_cmpuint(f.parked, ==, 1);
    cpu_interrupt(cpu, SCRIPT_IRQ);
    sm_wait_count(&f.m, &f.parked, 2);
    g_assert_cmphex(sm_cpu(&f.m, 0)->pc, ==, 0x1008);
    g_assert_cmpuint(sm_cpu(&f.m, 0)->r[15], ==, 0);      /* held during the step */
    g_assert_cmpuint(cpu_interrupt_pending(cpu), ==, SCRIPT_IRQ);
    sm_fini(&f.m);
}

/* ---- work items ---- */

static void work_append(Cpu *cpu, void *data)
{
    GString *s = ((gpointer *)data)[0];

    g_string_append_c(s, (char)GPOINTER_TO_INT(((gpointer *)data)[1]));
}

static void test_work(void)
{
    Fixture f;
    GString *s = g_string_new(NULL);
    unsigned n = 0;

    setup(&f, 2, NULL);
    Cpu *cpu = f.m.vm->cpus[1];
    load_counters(&f);
    vm_run_on_cpu(cpu, work_count, &n);         /* parked */
    g_assert_cmpuint(n, ==, 1);
    for (unsigned round = 0; round < 2; round++) {
        for (int c = 'a'; c <= 'e'; c++) {
            gpointer *data = g_new(gpointer, 2);

            data[0] = s;
            data[1] = GINT_TO_POINTER(c);
            vm_run_on_cpu_async(cpu, work_append, data, g_free);
        }
        if (round == 0) {
            vm_go_all(f.m.vm);
        }
        vm_run_on_cpu(cpu, work_count, &n);     /* running: comes after the others */
    }
    park(&f);
    g_assert_cmpstr(s->str, ==, "abcdeabcde");
    g_assert_cmpuint(n, ==, 3);
    /* Items that never run are freed. */
    vm_run_on_cpu_async(cpu, work_append, g_new(gpointer, 2), g_free);
    sm_fini(&f.m);
    g_string_free(s, TRUE);
}

/* ---- reset and end ---- */

static void test_reset(void)
{
    Fixture f;

    setup(&f, 2, NULL);
    load_counters(&f);
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN(SCRIPT_ADDI, 5, 5, 1), SCRIPT_INSN(SCRIPT_RESET, 0, 0, 0),
            SCRIPT_INSN(SCRIPT_ADDI, 6, 6, 1), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    vm_go_all(f.m.vm);
    sm_wait_count(&f.m, &f.resets, 5);
    park(&f);
    g_assert_cmpuint(f.parked, ==, 1);          /* resets were told to observers only */
    g_assert_cmpuint(f.running, ==, 1);
    g_assert_cmpint(f.cause, ==, VM_CAUSE_GUEST_RESET);
    g_assert_cmpuint(sm_cpu(&f.m, 0)->r[5], <=, 1);
    g_assert_cmpuint(sm_cpu(&f.m, 0)->r[6], ==, 0);
    /* While stopped: done at once, and it stays stopped. */
    sm_flush(&f.m);
    unsigned resets = f.resets;
    vm_request_reset(f.m.vm, VM_CAUSE_HOST_RESET);
    sm_wait_count(&f.m, &f.resets, resets + 1);
    sm_flush(&f.m);
    g_assert_false(vm_running(f.m.vm));
    g_assert_cmphex(sm_cpu(&f.m, 0)->pc, ==, 0x1000);
    g_assert_cmphex(sm_cpu(&f.m, 1)->r[1], ==, 0);
    /* Caught: told as a stop first, done when resumed. */
    f.catch_reset = true;
    unsigned parked = f.parked;
    vm_go_all(f.m.vm);
    sm_wait_count(&f.m, &f.parked, parked + 1);
    g_assert_cmpuint(f.resets, ==, resets + 1);
    g_assert_cmphex(sm_cpu(&f.m, 0)->pc, ==, 0x1008);
    f.catch_reset = false;
    vm_go_all(f.m.vm);
    g_assert_cmpuint(f.resets, ==, resets + 2);
    sm_fini(&f.m);
}

static void test_no_reboot(void)
{
    Fixture f;

    setup(&f, 1, NULL);
    f.m.vm->policy.no_reboot = true;
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN(SCRIPT_RESET, 0, 0, 0));
    vm_go_all(f.m.vm);
    sm_wait_count(&f.m, &f.ended, 1);
    g_assert_cmpint(f.cause, ==, VM_CAUSE_GUEST_RESET);
    g_assert_cmpint(f.status, ==, 0);
    g_assert_true(vm_ended(f.m.vm));
    g_assert_cmpuint(f.parked, ==, 0);
    sm_fini(&f.m);
}

static void test_shutdown(void)
{
    Fixture f;

    setup(&f, 2, NULL);
    load_counters(&f);
    SM_CODE(&f.m, 0x1000, SCRIPT_INSN(SCRIPT_OFF, 7, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    f.m.vm->policy.no_shutdown = true;
    vm_go_all(f.m.vm);
    sm_wait_count(&f.m, &f.parked, 1);
    g_assert_cmpint(vm_stop_why(f.m.vm), ==, STOP_SHUTDOWN);
    g_assert_true(vm_powered_off(f.m.vm));
    g_assert_false(vm_ended(f.m.vm));
    vm_reset_now(f.m.vm, VM_CAUSE_HOST_RESET);
    g_assert_false(vm_powered_off(f.m.vm));
    f.m.vm->policy.no_shutdown = false;
    vm_go_all(f.m.vm);
    sm_wait_count(&f.m, &f.ended, 1);
    g_assert_cmpint(f.status, ==, 7);
    g_assert_cmpint(f.cause, ==, VM_CAUSE_GUEST_SHUTDOWN);
    sm_fini(&f.m);
}

/* One CPU parks alone, the others go on (the ground of non-stop). */
static void test_alone(void)
{
    Fixture f;

    setup(&f, 3, NULL);
    load_counters(&f);
    vm_go_all(f.m.vm);
    vm_park_cpu(f.m.vm->cpus[1]);
    sm_wait_count(&f.m, &f.cpu_parked, 1);
    g_assert_false(vm_cpu_running(f.m.vm->cpus[1]));
    g_assert_true(vm_cpu_running(f.m.vm->cpus[0]));
    g_assert_false(vm_clock_frozen(f.m.vm));
    unsigned n = 0;
    vm_rendezvous(f.m.vm, nothing, &n);
    g_assert_false(vm_cpu_running(f.m.vm->cpus[1]));
    g_assert_true(vm_cpu_running(f.m.vm->cpus[2]));
    f.verdict = VM_STOP_ONE;
    VmGo go = { .cpu = f.m.vm->cpus[1], .args.step = true };
    vm_go(f.m.vm, &go, 1, false);
    sm_wait_count(&f.m, &f.cpu_parked, 2);
    g_assert_true(vm_cpu_running(f.m.vm->cpus[0]));
    vm_park_cpu(f.m.vm->cpus[0]);
    vm_park_cpu(f.m.vm->cpus[2]);
    sm_wait_count(&f.m, &f.cpu_parked, 4);
    sm_flush(&f.m);
    g_assert_true(vm_clock_frozen(f.m.vm));
    g_assert_cmpuint(f.parked, ==, 0);
    g_assert_cmpuint(f.paused, ==, 1);
    sm_fini(&f.m);
}

/* An exit that plays no part in the guest: told as it is. */
static void test_forced(void)
{
    Fixture f;
    VcpuExit e = { .kind = EXIT_ERROR };

    setup(&f, 1, NULL);
    e.error = g_strdup("made up");
    scripted_queue_exit(f.m.vm->cpus[0], &e);
    vm_go_all(f.m.vm);
    sm_wait_count(&f.m, &f.parked, 1);
    g_assert_cmpstr(vm_cpu_parked_with(f.m.vm->cpus[0])->exit.error, ==, "made up");
    sm_fini(&f.m);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vm/run/go-park", test_go_park);
    g_test_add_func("/vm/run/step", test_step);
    g_test_add_func("/vm/run/all-step", test_all_step);
    g_test_add_func("/vm/run/random", test_random);
    g_test_add_func("/vm/run/meddle", test_meddle);
    g_test_add_func("/vm/run/kick", test_kick);
    g_test_add_func("/vm/run/halt", test_halt);
    g_test_add_func("/vm/run/step-halt", test_step_halt);
    g_test_add_func("/vm/run/work", test_work);
    g_test_add_func("/vm/run/reset", test_reset);
    g_test_add_func("/vm/run/no-reboot", test_no_reboot);
    g_test_add_func("/vm/run/shutdown", test_shutdown);
    g_test_add_func("/vm/run/alone", test_alone);
    g_test_add_func("/vm/run/forced", test_forced);
    return g_test_run();
}
