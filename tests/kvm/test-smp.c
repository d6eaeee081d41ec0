/* Several CPUs: each hit told once, all can be stopped at any time, one steps while others run, and
 * those that wait for their start-up can be looked at.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

enum { CPUS = 4, ROUNDS = 8, STORM = 30 };

/* All CPUs at the beginning of the rounds through pm_hit, the first one waiting for the others there. */
static void rounds_enter(Machine *m)
{
    rsp_write_u64(machine_rsp(m), sym("pm_hits"), 0);
    rsp_write_u64(machine_rsp(m), sym("pm_finished"), 0);
    for (unsigned thread = CPUS; thread > 1; thread--) {
        machine_enter(m, thread, sym("pm_rounds_other"), ROUNDS, CPUS, 0);
    }
    machine_enter(m, 1, sym("pm_rounds"), ROUNDS, CPUS, 0);
}

/* Runs until pup_done; each CPU must have been told this often, at this place. */
static void count_stops(Machine *m, const char *at, const char *reason, unsigned each)
{
    unsigned told[CPUS + 1] = { 0 };
    RspStop stop;

    for (stop = machine_go(m); stop.pc != sym("pup_done") && stop.signal == 5;
         stop = machine_go(m)) {
        assert_at(stop, at);
        assert_reason(stop, reason);
        g_assert_true(stop.thread >= 1 && stop.thread <= CPUS);
        if (stop.thread > CPUS || ++told[stop.thread] > each) {
            break;
        }
    }
    assert_at(stop, "pup_done");
    for (unsigned thread = 1; thread <= CPUS; thread++) {
        g_assert_cmpuint(told[thread], ==, each);
    }
    g_assert_cmpuint(rsp_read_u64(machine_rsp(m), sym("pm_hits")), ==, CPUS * ROUNDS);
}

static void test_breakpoint(Machine *m)
{
    machine_point(m, 1, sym("pm_hit"), 1);
    rounds_enter(m);
    count_stops(m, "pm_hit", "hwbreak", ROUNDS);
}

/* The same with more points than debug registers. */
static void test_breakpoint_many(Machine *m)
{
    static const char *const more[] = { "pp_f0", "pp_f1", "pp_f2", "pp_f3" };

    for (unsigned i = 0; i < G_N_ELEMENTS(more); i++) {
        machine_point(m, 1, sym(more[i]), 1);
    }
    machine_point(m, 0, sym("pm_hit"), 1);
    rounds_enter(m);
    count_stops(m, "pm_hit", "swbreak", ROUNDS);
}

static void test_watchpoint(Machine *m)
{
    rounds_enter(m);
    machine_point(m, 2, sym("pm_hits"), 4);
    count_stops(m, "pm_hit_after", "watch", ROUNDS);
}

/* A locked counter of all CPUs on a page that is watched without a debug register. */
static void test_watchpoint_many(Machine *m)
{
    rounds_enter(m);
    for (unsigned i = 0; i < 6; i++) {
        machine_point(m, 2, sym("pup_data") + 0x400 + 16 * i, 8);
    }
    machine_point(m, 2, sym("pm_hits"), 4);
    count_stops(m, "pm_hit_after", "watch", ROUNDS);
}

/* ... and nothing is lost when none of it is looked at. */
static void test_page_of_counter(Machine *m)
{
    rounds_enter(m);
    for (unsigned i = 0; i < 6; i++) {
        machine_point(m, 2, sym("pm_spins") + 8 + 16 * i, 4);
    }
    count_stops(m, "pm_hit_after", "watch", 0);
}

/* The debugger goes while all CPUs come through the point. */
static void test_detach(Machine *m)
{
    g_autofree char *want = g_strdup_printf("0x%x traps 0", image_sum());
    g_autofree char *said = NULL;
    uint64_t at, size, sp;

    machine_point(m, 0, sym("pm_hit"), 1);
    rounds_enter(m);
    image_text(&at, &size);
    sp = rsp_get(machine_rsp(m), "rsp");
    rsp_write_u64(machine_rsp(m), sp, sym("pm_report"));
    for (unsigned i = 0; i < 2 * CPUS; i++) {
        machine_go_to(m, sym("pm_hit"), "swbreak");
    }
    rsp_write_u64(machine_rsp(m), sym("pup_data"), at);
    rsp_write_u64(machine_rsp(m), sym("pup_data") + 8, size);
    machine_detach(m);
    said = machine_line(m, "puppet: sum ");
    g_assert_cmpstr(said, ==, want);
    machine_connect(m);
    g_assert_cmpuint(rsp_read_u64(machine_rsp(m), sym("pm_hits")), ==, CPUS * ROUNDS);
}

/* ---- stopping --------------------------------------------------------------------------- */

static uint64_t spins(Machine *m, unsigned thread)
{
    return rsp_read_u64(machine_rsp(m), sym("pm_spins") + 64 * (thread - 1));
}

static void spin_enter(Machine *m)
{
    rsp_write_u64(machine_rsp(m), sym("pm_stop"), 0);
    for (unsigned thread = CPUS; thread >= 1; thread--) {
        rsp_write_u64(machine_rsp(m), sym("pm_spins") + 64 * (thread - 1), 0);
        machine_enter(m, thread, sym("pm_spin"), sym("pm_spins") + 64 * (thread - 1), 0, 0);
    }
}

/* Every stop finds each CPU in its loop, and its counter never less than before. */
static void test_storm(Machine *m)
{
    uint64_t before[CPUS + 1] = { 0 };

    spin_enter(m);
    for (unsigned i = 0; i < STORM; i++) {
        rsp_send(machine_rsp(m), "vCont;c");
        rsp_interrupt(machine_rsp(m));
        g_assert_cmpuint(rsp_wait(machine_rsp(m)).signal, ==, 2);
        for (unsigned thread = 1; thread <= CPUS; thread++) {
            uint64_t now = spins(m, thread), pc;

            rsp_thread(machine_rsp(m), thread);
            pc = rsp_get(machine_rsp(m), "rip");
            g_assert_true(pc >= sym("pm_spin") && pc < sym("pm_spin_end"));
            g_assert_cmpuint(now, >=, before[thread]);
            before[thread] = now;
        }
    }
    rsp_write_u64(machine_rsp(m), sym("pm_stop"), 1);
    for (unsigned thread = 1; thread <= CPUS; thread++) {
        rsp_thread(machine_rsp(m), thread);
        rsp_set(machine_rsp(m), "rip", sym("pup_idle"));
    }
}

/* A stop in the midst of points that are set and removed, and all CPUs run on. */
static void test_storm_points(Machine *m)
{
    rounds_enter(m);
    for (unsigned i = 0; i < 2 * CPUS; i++) {
        RspStop stop;

        machine_point(m, 0, sym("pm_hit"), 1);
        stop = machine_go(m);
        if (stop.pc == sym("pup_done")) {
            return;
        }
        assert_at(stop, "pm_hit");
        machine_unpoint(m, 0, sym("pm_hit"), 1);
        rsp_send(machine_rsp(m), "vCont;s:1");
        rsp_wait(machine_rsp(m));
    }
    machine_finish(m);
    g_assert_cmpuint(rsp_read_u64(machine_rsp(m), sym("pm_hits")), ==, CPUS * ROUNDS);
}

/* One CPU steps, the others run on; then the others stand. */
static void test_one_steps(Machine *m)
{
    uint64_t before, rdi = 0;

    spin_enter(m);
    machine_enter(m, 1, sym("pm_steps"), 0, 0, 0);
    for (unsigned i = 0; i < 40; i++) {
        RspStop stop = machine_resume(m, "vCont;s:1;c");

        g_assert_cmpuint(stop.thread, ==, 1);
        rdi += i % 4 != 3;
        assert_place(stop.pc, sym("pm_steps") + (i % 4 == 3 ? 0 : 3 * (i % 4 + 1)), __FILE__,
                     __LINE__);
    }
    rsp_thread(machine_rsp(m), 1);
    g_assert_cmpuint(rsp_get(machine_rsp(m), "rdi"), ==, rdi);
    before = spins(m, 2);
    for (unsigned i = 0; i < 8; i++) {
        machine_step(m);
    }
    g_assert_cmpuint(spins(m, 2), ==, before);
    for (unsigned thread = 1; thread <= CPUS; thread++) {
        rsp_thread(machine_rsp(m), thread);
        rsp_set(machine_rsp(m), "rip", sym("pup_idle"));
    }
}

/* ---- CPUs that wait --------------------------------------------------------------------- */

/* One has never been started: it is read, stopped with the others, and comes up later with all points. */
static void test_waiting(Machine *m)
{
    Rsp *r = machine_rsp(m);

    rsp_thread(r, 2);
    g_assert_cmphex(rsp_get(r, "rip"), ==, 0xfff0);
    g_assert_cmphex(rsp_get(r, "cs_base"), ==, 0xffff0000);
    g_assert_cmphex(rsp_get(r, "cr0") & 0x80000001, ==, 0);
    for (unsigned i = 0; i < 3; i++) {
        rsp_send(r, "vCont;c");
        rsp_interrupt(r);
        g_assert_cmpuint(rsp_wait(r).signal, ==, 2);
        rsp_thread(r, 2);
        g_assert_cmphex(rsp_get(r, "rip"), ==, 0xfff0);
    }
    machine_point(m, 0, sym("other_idle"), 1);
    machine_enter(m, 1, sym("puppet_start_others"), 2, 0, 0);
    for (unsigned i = 0; i < 2; i++) {
        RspStop stop = machine_go(m);

        /* The new CPU and the end of the call come in either order. */
        if (stop.thread == 2) {
            assert_at(stop, "other_idle");
        } else {
            assert_at(stop, "pup_done");
        }
    }
    rsp_thread(r, 2);
    g_assert_cmphex(rsp_get(r, "cr0") & 0x80000001, ==, 0x80000001);
    g_assert_cmpuint(machine_traps(m), ==, 0);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        MachineCase *fn;
        unsigned cpus, started;
    } row[] = {
        { "/smp/breakpoint", test_breakpoint, CPUS, CPUS },
        { "/smp/breakpoint-many", test_breakpoint_many, CPUS, CPUS },
        { "/smp/watchpoint", test_watchpoint, CPUS, CPUS },
        { "/smp/watchpoint-many", test_watchpoint_many, CPUS, CPUS },
        { "/smp/page-of-a-counter", test_page_of_counter, CPUS, CPUS },
        { "/smp/storm", test_storm, CPUS, CPUS },
        { "/smp/storm-points", test_storm_points, CPUS, CPUS },
        { "/smp/one-steps", test_one_steps, CPUS, CPUS },
        { "/smp/detach", test_detach, CPUS, CPUS },
        { "/smp/waiting", test_waiting, 2, 1 },
    };

    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        machine_case(row[i].path, row[i].fn, row[i].cpus, row[i].started);
    }
    return machine_run_cases();
}
