/* The guest does what no guest should: the machine does not spin, and can be debugged afterwards.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

/* After whatever: stopped, it can be looked at and made to work. */
static void still_works(Machine *m)
{
    g_autofree char *status = rsp_monitor(machine_rsp(m), "info status");

    g_test_message("%s", status);
    rsp_get(machine_rsp(m), "cr0");
    rsp_read_u64(machine_rsp(m), sym("pup_data"));
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, 10);
}

/* The guest has started anew, by itself, and goes to pup_idle. */
static void comes_to_rest(Machine *m)
{
    g_free(machine_line(m, "puppet: ready"));
    rsp_interrupt(machine_rsp(m));
    g_assert_cmpuint(rsp_wait(machine_rsp(m)).signal, ==, 2);
    machine_to_idle(m);
}

static void triple(Machine *m, const char *routine)
{
    machine_enter(m, 1, sym(routine), 0, 0, 0);
    rsp_send(machine_rsp(m), "vCont;c");
    comes_to_rest(m);
    still_works(m);
}

static void test_triple(Machine *m)
{
    triple(m, "ph_triple");
}

static void test_no_stack(Machine *m)
{
    triple(m, "ph_no_stack");
}

/* With points set, which are there after the reset. */
static void test_triple_points(Machine *m)
{
    static const char *const at[] = { "pp_f0", "pp_f1", "pp_f2", "pp_f3", "pp_f4", "pp_f5" };

    triple(m, "ph_triple");
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        machine_point(m, 0, sym(at[i]), 1);
    }
    machine_enter(m, 1, sym("ph_triple"), 0, 0, 0);
    rsp_send(machine_rsp(m), "vCont;c");
    comes_to_rest(m);
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        machine_go_to(m, sym(at[i]), "swbreak");
    }
    machine_finish(m);
}

/* Asked for, the stop comes before the reset, with the registers of the fault, unless the accelerator says that
 * it has none. */
static void test_triple_caught(Machine *m)
{
    g_autofree char *caps = rsp_monitor(machine_rsp(m), "info debug");
    g_autofree char *said = rsp_monitor(machine_rsp(m), "catch triple-fault"), *gone = NULL;
    RspStop stop;

    g_test_message("%s", said);
    machine_enter(m, 1, sym("ph_triple"), 0x4711, 0, 0);
    stop = machine_go(m);
    g_assert_cmpuint(stop.signal, ==, 5);
    if (!strstr(caps, "no:  a triple fault leaves the registers")) {
        assert_at(stop, "ph_triple_at");
        g_assert_cmphex(rsp_get(machine_rsp(m), "rdi"), ==, 0x4711);
        g_assert_cmphex(rsp_get(machine_rsp(m), "idtr_limit"), ==, 0);
    }
    rsp_send(machine_rsp(m), "vCont;c");
    comes_to_rest(m);
    gone = rsp_monitor(machine_rsp(m), "delete");
    still_works(m);
}

/* A step into the abyss ends, too. */
static void test_triple_step(Machine *m)
{
    RspStop stop;

    machine_enter(m, 1, sym("ph_triple"), 0, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        stop = machine_step(m);
    }
    assert_at(stop, "ph_triple_at");
    rsp_send(machine_rsp(m), "vCont;s:1");
    stop = rsp_wait(machine_rsp(m));
    g_test_message("after the step: signal %u at %s", stop.signal, place(stop.pc));
    g_assert_cmpuint(stop.signal, !=, 0);
    machine_point(m, 1, sym("pup_idle"), 1);
    if (stop.pc == sym("ph_triple_at")) {
        g_free(rsp_monitor(machine_rsp(m), "system_reset"));
    }
    machine_go_to(m, sym("pup_idle"), "hwbreak");
    g_free(machine_line(m, "puppet: ready"));
    machine_unpoint_all(m);
    still_works(m);
}

/* ---- jumps to nowhere ------------------------------------------------------------------- */

/* Who has no debugger reads it: the reason, and the registers. */
static void stop_is_told(Machine *m, uint64_t at)
{
    g_autofree char *said = machine_errors(m), *pc = g_strdup_printf("rip=0x%016" G_GINT64_MODIFIER "x", at);

    if (!strstr(said, "CPU 0 cannot go on: ") || !strstr(said, pc)) {
        test_fail("the emulator says: %s", said);
    }
}

/* Either the guest gets a fault and comes back, or the machine stops and says why. */
static void jump(Machine *m, uint64_t at, unsigned vector)
{
    RspStop stop;

    machine_enter(m, 1, sym("ph_jump"), at, 0, 0);
    stop = machine_go(m);
    g_test_message("a jump to %" G_GINT64_MODIFIER "x: signal %u at %s, %u traps, the first %u", at,
                   stop.signal, place(stop.pc), machine_traps(m),
                   (unsigned)machine_trap(m, 0).vector);
    if (stop.pc == sym("pup_done")) {
        g_assert_cmpuint(machine_traps(m), >=, 1);
        if (vector) {
            g_assert_cmpuint(machine_trap(m, 0).vector, ==, vector);
        }
    } else {
        g_assert_false(expect->runs_anywhere);
        g_assert_cmpuint(vector, ==, 0);
        g_assert_cmpuint(stop.signal, ==, 4);
        g_assert_cmphex(stop.pc, ==, at);
        stop_is_told(m, at);
    }
    still_works(m);
}

/* Beyond the page tables. */
static void test_jump_unmapped(Machine *m)
{
    jump(m, 0x100000000, 14);
}

static void test_jump_not_canonical(Machine *m)
{
    jump(m, 0x0001000000000000, 13);
}

/* Where there is neither memory nor a device. */
static void test_jump_empty(Machine *m)
{
    jump(m, 0x90000000, 0);
}

static void test_jump_device(Machine *m)
{
    jump(m, 0xfee00000, 0);
}

/* Code that runs out of RAM. */
static void test_jump_end(Machine *m)
{
    static const uint8_t nops[8] = { 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90 };
    uint64_t end = 32 << 20;
    RspStop stop;

    rsp_write(machine_rsp(m), end - 8, nops, 8);
    machine_enter(m, 1, sym("ph_jump"), end - 8, 0, 0);
    stop = machine_go(m);
    if (stop.pc == sym("pup_done")) {
        g_assert_cmpuint(machine_traps(m), >=, 1);
    } else {
        g_assert_false(expect->runs_anywhere);
        g_assert_cmpuint(stop.signal, ==, 4);
        g_assert_cmphex(stop.pc, ==, end);
    }
    still_works(m);
}

/* A step there ends as well. */
static void test_step_empty(Machine *m)
{
    RspStop stop;

    machine_enter(m, 1, 0x90000000, 0, 0, 0);
    rsp_set(machine_rsp(m), "r15", sym("pup_done"));
    stop = machine_step(m);
    g_test_message("signal %u at %s", stop.signal, place(stop.pc));
    g_assert_cmpuint(stop.signal, !=, 0);
    still_works(m);
}

/* ---- no progress ------------------------------------------------------------------------ */

/* A fault whose handler returns to it, for ever: the machine can be stopped in it. */
static void test_fault_loop(Machine *m)
{
    for (unsigned i = 0; i < 3; i++) {
        RspStop stop;

        machine_enter(m, 1, sym("ps_ud_at"), 0, 0, 0);
        rsp_set(machine_rsp(m), "r15", sym("ps_ud_at"));
        rsp_send(machine_rsp(m), "vCont;c");
        rsp_interrupt(machine_rsp(m));
        stop = rsp_wait(machine_rsp(m));
        g_assert_cmpuint(stop.signal, ==, 2);
        still_works(m);
    }
}

/* Asleep with interrupts off, which nothing ends. */
static void test_dead_sleep(Machine *m)
{
    machine_enter(m, 1, sym("cpu_halt"), 0, 0, 0);
    rsp_send(machine_rsp(m), "vCont;c");
    rsp_interrupt(machine_rsp(m));
    g_assert_cmpuint(rsp_wait(machine_rsp(m)).signal, ==, 2);
    g_free(rsp_monitor(machine_rsp(m), "system_reset"));
    machine_to_idle(m);
    g_free(machine_line(m, "puppet: ready"));
    still_works(m);
}

/* The debugger's points at odd addresses are refused or harmless. */
static void test_odd_points(Machine *m)
{
    static const uint64_t odd[] = { 0, 0x90000000, 0xfee00000, 0x100000000, 0x0001000000000000,
                                    UINT64_MAX };

    for (unsigned i = 0; i < G_N_ELEMENTS(odd); i++) {
        for (int type = 0; type <= 4; type++) {
            if (rsp_point(machine_rsp(m), type, odd[i], 1)) {
                machine_call(m, "pp_ten", 0, 0, 0);
                rsp_unpoint(machine_rsp(m), type, odd[i], 1);
            }
        }
    }
    still_works(m);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        MachineCase *fn;
    } row[] = {
        { "/hostile/triple/fault", test_triple },
        { "/hostile/triple/no-stack", test_no_stack },
        { "/hostile/triple/with-points", test_triple_points },
        { "/hostile/triple/caught", test_triple_caught },
        { "/hostile/triple/stepped", test_triple_step },
        { "/hostile/jump/unmapped", test_jump_unmapped },
        { "/hostile/jump/not-canonical", test_jump_not_canonical },
        { "/hostile/jump/empty", test_jump_empty },
        { "/hostile/jump/device", test_jump_device },
        { "/hostile/jump/end-of-memory", test_jump_end },
        { "/hostile/jump/stepped", test_step_empty },
        { "/hostile/fault-loop", test_fault_loop },
        { "/hostile/dead-sleep", test_dead_sleep },
        { "/hostile/odd-points", test_odd_points },
    };

    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        machine_case(row[i].path, row[i].fn, 1, 1);
    }
    return machine_run_cases();
}
