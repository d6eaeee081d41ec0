/* Breakpoints, more than a CPU has debug registers for: hit where they should, and nobody but the CPU
 * knows of them. What happens to the code under them is test-code.c's subject.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

#define TEN 10

static uint64_t ten_at(unsigned n)
{
    g_autofree char *name = g_strdup_printf("pp_f%u", n);

    return sym(name);
}

/* Every other one as a hardware breakpoint. */
static int ten_type(unsigned n)
{
    return n % 2;
}

static void ten_set(Machine *m)
{
    for (unsigned n = 0; n < TEN; n++) {
        machine_point(m, ten_type(n), ten_at(n), 1);
    }
}

/* Each is met once, in turn; rax counts those that ran before. */
static void ten_hit(Machine *m)
{
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    for (unsigned n = 0; n < TEN; n++) {
        machine_go_to(m, ten_at(n), ten_type(n) ? "hwbreak" : "swbreak");
        g_assert_cmpuint(rsp_get(machine_rsp(m), "rax"), ==, n);
    }
    g_assert_cmpuint(machine_finish(m), ==, TEN);
}

static void test_four(Machine *m)
{
    for (unsigned n = 0; n < 3; n++) {      /* pup_done is the fourth */
        machine_point(m, 1, ten_at(n), 1);
    }
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    for (unsigned n = 0; n < 3; n++) {
        machine_go_to(m, ten_at(n), "hwbreak");
    }
    g_assert_cmpuint(machine_finish(m), ==, TEN);
}

static void test_ten(Machine *m)
{
    ten_set(m);
    ten_hit(m);
    ten_hit(m);
    machine_unpoint_all(m);
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, TEN);
}

/* Where the debugger has moved the CPU, the point is met before anything is executed; where its stop was
 * told, the CPU goes on, by a step too. */
static void test_here(Machine *m)
{
    RspStop stop;

    ten_set(m);
    machine_enter(m, 1, sym("pp_f0"), 0, 0, 0);
    machine_go_to(m, sym("pp_f0"), "swbreak");
    machine_finish(m);
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    machine_go_to(m, sym("pp_f0"), "swbreak");
    stop = machine_step(m);
    assert_place(stop.pc, sym("pp_f0") + 2, __FILE__, __LINE__);
    machine_go_to(m, sym("pp_f1"), "hwbreak");
    machine_unpoint_all(m);
    g_assert_cmpuint(machine_finish(m), ==, TEN);
}

/* Both kinds at one place are one stop, and each can go alone. */
static void test_two_kinds(Machine *m)
{
    uint64_t at = sym("pp_f3");

    machine_point(m, 0, at, 1);
    machine_point(m, 1, at, 1);
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    machine_go_to(m, at, NULL);
    machine_unpoint(m, 1, at, 1);
    machine_finish(m);
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    machine_go_to(m, at, "swbreak");
    machine_finish(m);
}

/* ---- what others see -------------------------------------------------------------------- */

static void test_memory(Machine *m)
{
    uint64_t at = sym("pp_ten");
    unsigned n = (unsigned)(sym("pp_one") - at);
    g_autofree char *bytes = g_strdup_printf("x/%uxb 0x%" G_GINT64_MODIFIER "x", n, at);
    g_autofree char *phys = g_strdup_printf("xp/%uxb 0x%" G_GINT64_MODIFIER "x", n, at);
    g_autofree char *code = g_strdup_printf("x/20i 0x%" G_GINT64_MODIFIER "x", at);
    const char *const command[] = { bytes, phys, code };
    g_autofree char *before[3] = { NULL };
    uint8_t seen[256];

    g_assert_cmpuint(n, <=, sizeof(seen));
    for (unsigned i = 0; i < G_N_ELEMENTS(command); i++) {
        before[i] = rsp_monitor(machine_rsp(m), command[i]);
        g_assert_cmpuint(strlen(before[i]), >, 20);
    }
    ten_set(m);
    ten_hit(m);
    rsp_read(machine_rsp(m), at, seen, n);
    g_assert_cmpmem(seen, n, image_bytes(at, n), n);
    for (unsigned i = 0; i < G_N_ELEMENTS(command); i++) {
        g_autofree char *now = rsp_monitor(machine_rsp(m), command[i]);

        g_assert_cmpstr(now, ==, before[i]);
        g_clear_pointer(&before[i], g_free);
    }
}

/* The debugger writes over the point's own byte: the point stays, and under it is what was written. */
static void test_written_over(Machine *m)
{
    uint64_t at = sym("pp_one");
    static const uint8_t to_ecx = 0xb9, number[4] = { 0x78, 0x56, 0x34, 0x12 };
    uint8_t whole[5], seen[5];

    memcpy(whole, image_bytes(at, 5), 5);
    ten_set(m);     /* so that this one gets no debug register */
    machine_point(m, 0, at, 1);
    rsp_write(machine_rsp(m), at, &to_ecx, 1);
    rsp_write(machine_rsp(m), at + 1, number, 4);
    rsp_read(machine_rsp(m), at, seen, 5);
    g_assert_cmphex(seen[0], ==, 0xb9);
    machine_enter(m, 1, at, 0, 0, 0);
    machine_go_to(m, at, "swbreak");
    machine_finish(m);
    g_assert_cmphex(rsp_get(machine_rsp(m), "rcx"), ==, 0x12345678);
    machine_enter(m, 1, sym("pp_call"), at, 0, 0);
    machine_go_to(m, at, "swbreak");
    machine_finish(m);
    g_assert_cmphex(rsp_get(machine_rsp(m), "rcx"), ==, 0x12345678);
    machine_unpoint(m, 0, at, 1);
    rsp_read(machine_rsp(m), at, seen, 5);
    g_assert_cmphex(seen[0], ==, 0xb9);
    g_assert_cmpmem(seen + 1, 4, number, 4);
    rsp_write(machine_rsp(m), at, whole, 5);
    g_assert_cmphex(machine_call(m, "pp_one", 0, 0, 0), ==, 0x11111112);
}

/* ---- leaving ---------------------------------------------------------------------------- */

/* The guest, alone now, tells the checksum of its code: not a byte is left of the points. */
static void left_clean(Machine *m)
{
    g_autofree char *want = g_strdup_printf("0x%x traps 0", image_sum());
    g_autofree char *said = machine_line(m, "puppet: sum ");

    g_assert_cmpstr(said, ==, want);
    machine_connect(m);
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, TEN);
}

static void report(Machine *m)
{
    uint64_t at, n;

    image_text(&at, &n);
    machine_enter(m, 1, sym("puppet_report"), at, n, 0);
}

static void test_detach(Machine *m)
{
    ten_set(m);
    ten_hit(m);
    report(m);
    machine_detach(m);
    left_clean(m);
}

/* In the middle of a function that has a point, with more before it. */
static void test_detach_at_point(Machine *m)
{
    uint64_t at, n;

    image_text(&at, &n);
    ten_set(m);
    machine_enter(m, 1, sym("po_rounds"), 1, at, n);
    machine_point(m, 0, sym("po_function"), 1);
    machine_go_to(m, sym("po_function"), "swbreak");
    machine_detach(m);
    left_clean(m);
}

static void test_client_dies(Machine *m)
{
    ten_set(m);
    report(m);
    machine_disconnect(m);
    left_clean(m);
}

/* The socket closes while the machine runs, by the debugger's own wish. The guest looks at its code when
 * that has long been noticed. */
static void test_client_dies_running(Machine *m)
{
    uint64_t at, n;

    ten_set(m);
    image_text(&at, &n);
    machine_enter(m, 1, sym("po_rounds"), 20000, at, n);
    rsp_send(machine_rsp(m), "vCont;c");
    machine_disconnect(m);
    left_clean(m);
}

/* ---- from the very beginning ------------------------------------------------------------ */

/* The machine is reset, stopped at the loader's entry with paging off. */
static void reset(Machine *m)
{
    g_autofree char *said = rsp_monitor(machine_rsp(m), "system_reset");

    g_assert_cmpstr(said, ==, "");
    g_assert_cmphex(rsp_get(machine_rsp(m), "rip"), ==, sym("start_pvh"));
    g_assert_cmphex(rsp_get(machine_rsp(m), "cr0") >> 31, ==, 0);
}

static void boot(Machine *m)
{
    machine_go_to(m, sym("pup_idle"), NULL);
    g_free(machine_line(m, "puppet: ready"));
}

/* Points before paging is on, some in code that is reached before it, some behind, one in memory that
 * is empty until the guest puts code there. */
static void test_before_paging(Machine *m)
{
    uint64_t buffer = sym("pup_data") + PAGE;

    reset(m);
    machine_point(m, 0, sym("common32"), 1);
    machine_point(m, 0, sym("enter64"), 1);
    machine_point(m, 0, sym("pup_idle"), 1);
    machine_point(m, 0, buffer, 1);
    ten_set(m);
    machine_go_to(m, sym("common32"), "swbreak");
    machine_go_to(m, sym("enter64"), "swbreak");
    boot(m);
    machine_enter(m, 1, sym("pp_copy_bytes"), buffer, sym("pp_one"), 10);
    machine_go_to(m, buffer, "swbreak");
    g_assert_cmphex(machine_finish(m), ==, 0x11111112);
    ten_hit(m);
}

/* They stay over a reset, which loads the guest anew. */
static void test_reset(Machine *m)
{
    ten_set(m);
    ten_hit(m);
    machine_point(m, 1, sym("pup_idle"), 1);
    reset(m);
    boot(m);
    ten_hit(m);
    report(m);
    machine_detach(m);
    left_clean(m);
}

/* Removed before the guest runs again: the reset's fresh code must not be patched back. */
static void test_reset_removed(Machine *m)
{
    ten_set(m);
    ten_hit(m);
    reset(m);
    machine_unpoint_all(m);
    machine_point(m, 1, sym("pup_idle"), 1);
    boot(m);
    report(m);
    machine_detach(m);
    left_clean(m);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        MachineCase *fn;
    } row[] = {
        { "/points/four", test_four },
        { "/points/ten", test_ten },
        { "/points/here", test_here },
        { "/points/two-kinds", test_two_kinds },
        { "/points/memory-shows-none", test_memory },
        { "/points/written-over-by-debugger", test_written_over },
        { "/points/detach", test_detach },
        { "/points/detach-at-point", test_detach_at_point },
        { "/points/client-dies", test_client_dies },
        { "/points/client-dies-running", test_client_dies_running },
        { "/points/before-paging", test_before_paging },
        { "/points/reset", test_reset },
        { "/points/reset-removed", test_reset_removed },
    };

    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        machine_case(row[i].path, row[i].fn, 1, 1);
    }
    return machine_run_cases();
}
