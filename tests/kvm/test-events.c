/* Stops on accesses to ports: told once, a write before it is made, a read with what came.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

static void catch(Machine *m, const char *what)
{
    g_autofree char *line = g_strdup_printf("catch io %s", what);
    g_autofree char *said = rsp_monitor(machine_rsp(m), line);

    if (!strstr(said, "point ")) {
        test_fail("%s: %s", line, said);
    }
}

static void catch_none(Machine *m)
{
    g_free(rsp_monitor(machine_rsp(m), "delete"));
}

/* Runs to an event at this place, of which the monitor says this. */
static void go_to_event(Machine *m, const char *at, const char *says)
{
    g_autofree char *status = NULL;

    machine_go_to(m, sym(at), "");
    status = rsp_monitor(machine_rsp(m), "info status");
    if (!strstr(status, says)) {
        test_fail("'%s' is not in: %s", says, status);
    }
}

static void test_write(Machine *m)
{
    catch(m, "0x80 w");
    for (unsigned i = 0; i < 3; i++) {
        machine_enter(m, 1, sym("ps_out"), 0, 0, 0);
        go_to_event(m, "ps_out_at", "io 0x80, written: 0x5a");
        machine_finish(m);
    }
    catch_none(m);
    machine_call(m, "ps_out", 0, 0, 0);
}

static void test_read(Machine *m)
{
    catch(m, "0x20-0x21 r");
    for (unsigned i = 0; i < 3; i++) {
        machine_enter(m, 1, sym("ps_in"), 0, 0, 0);
        go_to_event(m, "ps_in_to", "io 0x21, read: 0xff");
        g_assert_cmphex(rsp_get(machine_rsp(m), "rax"), ==, 0xff);
        machine_finish(m);
    }
    catch_none(m);
}

/* A write that the debugger jumps over is not made; one that it lets happen is. */
static void test_void(Machine *m)
{
    g_autofree char *line = NULL;

    catch(m, "0x3f8 w");
    for (const char *c = "_a_b_c\n"; *c; c++) {
        machine_enter(m, 1, sym("pe_say"), (uint8_t)*c, 0, 0);
        go_to_event(m, "pe_say_at", "io 0x3f8, written: ");
        if (*c == '_') {
            rsp_set(machine_rsp(m), "rip", sym("pe_say_to"));
        }
        machine_finish(m);
    }
    catch_none(m);
    line = machine_line(m, "");
    g_assert_cmpstr(line, ==, "abc");
}

/* Steps come to it as runs do, and go on from it. */
static void test_step(Machine *m)
{
    RspStop stop;

    catch(m, "0x80");
    catch(m, "0x21");
    machine_enter(m, 1, sym("ps_out_at"), 0, 0, 0);
    assert_at(machine_step(m), "ps_out_at");
    assert_at(machine_step(m), "ps_out_to");
    machine_finish(m);
    machine_enter(m, 1, sym("ps_in_at"), 0, 0, 0);
    stop = machine_step(m);
    assert_at(stop, "ps_in_to");
    stop = machine_step(m);
    g_assert_cmphex(stop.pc, ==, sym("pup_done"));
    catch_none(m);
}

/* Beside a breakpoint at that instruction and the next: each is told. */
static void test_breakpoint(Machine *m)
{
    for (unsigned type = 0; type < 2; type++) {
        const char *reason = type ? "hwbreak" : "swbreak";

        catch(m, "0x80");
        machine_point(m, (int)type, sym("ps_out_at"), 1);
        machine_point(m, (int)type, sym("ps_out_to"), 1);
        machine_enter(m, 1, sym("ps_out"), 0, 0, 0);
        machine_go_to(m, sym("ps_out_at"), reason);
        go_to_event(m, "ps_out_at", "io 0x80, written: 0x5a");
        machine_go_to(m, sym("ps_out_to"), reason);
        machine_finish(m);
        catch_none(m);
        machine_unpoint_all(m);
    }
}

/* Each iteration of a string instruction, whatever its registers say by then. */
static void test_strings(Machine *m)
{
    unsigned told = 0;
    RspStop stop;

    catch(m, "0x80 w");
    machine_enter(m, 1, sym("ps_outs"), 0, 0, 0);
    for (stop = machine_go(m); stop.pc != sym("pup_done") && told < 10; stop = machine_go(m)) {
        g_assert_true(stop.pc == sym("ps_outs_at") || stop.pc == sym("ps_outs_to"));
        told++;
    }
    g_assert_cmpuint(told, ==, 3);
    g_assert_cmphex(rsp_get(machine_rsp(m), "rcx"), ==, 0);
    g_assert_cmphex(rsp_get(machine_rsp(m), "rsi"), ==, sym("pup_data") + 3);
    catch_none(m);
    catch(m, "0x21 r");
    machine_enter(m, 1, sym("ps_ins"), 0, 0, 0);
    told = 0;
    for (stop = machine_go(m); stop.pc != sym("pup_done") && told < 10; stop = machine_go(m)) {
        told++;
    }
    g_assert_cmpuint(told, >=, 1);
    g_assert_cmpuint(told, <=, 3);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data")) & 0xffffff, ==, 0xffffff);
    catch_none(m);
}

/* A reset while a write is held: it is never made. */
static void test_reset(Machine *m)
{
    catch(m, "0x3f8 w");
    machine_enter(m, 1, sym("pe_say"), '!', 0, 0);
    go_to_event(m, "pe_say_at", "io 0x3f8, written: ");
    catch_none(m);
    g_free(rsp_monitor(machine_rsp(m), "system_reset"));
    machine_to_idle(m);
    g_autofree char *line = machine_line(m, "");
    g_assert_cmpstr(line, ==, "guest: mode puppet");
}

int main(int argc, char **argv)
{
    machine_init(&argc, &argv);
    machine_case("/events/io/write", test_write, 1, 1);
    machine_case("/events/io/read", test_read, 1, 1);
    machine_case("/events/io/void", test_void, 1, 1);
    machine_case("/events/io/step", test_step, 1, 1);
    machine_case("/events/io/breakpoint", test_breakpoint, 1, 1);
    machine_case("/events/io/strings", test_strings, 1, 1);
    machine_case("/events/io/reset", test_reset, 1, 1);
    return machine_run_cases();
}
