/* The guest does things to code that has breakpoints in it: rewrites, reads, copies, maps it twice,
 * unmaps it, maps it elsewhere.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

#define INT3 0xcc
#define ONE 0x11111112u         /* what pp_one and pp_two return */
#define TWO 0x22222220u
#define CODE 16u                /* bytes to copy of each */

/* A page of RAM for code, and another. */
static uint64_t buffer(unsigned n)
{
    return sym("pup_data") + (2 + n) * PAGE;
}

/* Takes the debug registers, so that the points of the case are patches where there are such. */
static void fill_slots(Machine *m)
{
    static const char *const name[] = { "pp_f0", "pp_f1", "pp_f2", "pp_f3" };

    for (unsigned i = 0; i < G_N_ELEMENTS(name); i++) {
        machine_point(m, 1, sym(name[i]), 1);
    }
}

static void put(Machine *m, uint64_t to, const char *routine)
{
    rsp_write(machine_rsp(m), to, image_bytes(sym(routine), CODE), CODE);
}

/* The code at `at` is called: one stop at the point there, then its result. */
static void call_hits(Machine *m, uint64_t at, uint32_t want)
{
    machine_enter(m, 1, sym("pp_call"), at, 0, 0);
    machine_go_to(m, at, "swbreak");
    g_assert_cmphex(machine_finish(m), ==, want);
}

static void call_passes(Machine *m, uint64_t at, uint32_t want)
{
    g_assert_cmphex(machine_call(m, "pp_call", at, 0, 0), ==, want);
}

static uint8_t byte_at(Machine *m, uint64_t at)
{
    uint8_t v;

    rsp_read(machine_rsp(m), at, &v, 1);
    return v;
}

/* ---- rewriting -------------------------------------------------------------------------- */

/* The guest writes other code there with this routine: the point is met in the new code, which is what
 * the debugger reads and what is left without the point. */
static void rewrite(Machine *m, const char *routine)
{
    uint64_t at = buffer(0);
    uint8_t seen[CODE];

    fill_slots(m);
    put(m, at, "pp_one");
    machine_point(m, 0, at, 1);
    machine_point(m, 0, at + 5, 1);
    machine_enter(m, 1, sym(routine), at, sym("pp_two"), CODE);
    machine_go_to(m, at, "swbreak");
    rsp_read(machine_rsp(m), at, seen, CODE);
    g_assert_cmpmem(seen, CODE, image_bytes(sym("pp_two"), CODE), CODE);
    machine_go_to(m, at + 5, "swbreak");
    g_assert_cmphex(rsp_get(machine_rsp(m), "rax"), ==, 0x22222222);
    g_assert_cmphex(machine_finish(m), ==, TWO);
    machine_unpoint(m, 0, at + 5, 1);
    call_hits(m, at, TWO);
    machine_unpoint_all(m);
    rsp_read(machine_rsp(m), at, seen, CODE);
    g_assert_cmpmem(seen, CODE, image_bytes(sym("pp_two"), CODE), CODE);
    call_passes(m, at, TWO);
}

static void test_rewrite_bytes(Machine *m)
{
    rewrite(m, "pp_copy_bytes");
}

static void test_rewrite_rep(Machine *m)
{
    rewrite(m, "pp_copy_rep");
}

static void test_rewrite_wide(Machine *m)
{
    rewrite(m, "pp_copy_wide");
}

/* Again and again, while the point stays. */
static void test_rewrite_often(Machine *m)
{
    uint64_t at = buffer(0);

    fill_slots(m);
    machine_point(m, 0, at, 1);
    for (unsigned i = 0; i < 10; i++) {
        machine_enter(m, 1, sym("pp_copy_rep"), at, sym(i % 2 ? "pp_two" : "pp_one"), CODE);
        machine_go_to(m, at, "swbreak");
        g_assert_cmphex(machine_finish(m), ==, i % 2 ? TWO : ONE);
    }
}

/* The guest's own breakpoint instruction, written where the debugger's point is: both get theirs. */
static void test_rewrite_int3(Machine *m)
{
    uint64_t at = buffer(0);

    fill_slots(m);
    put(m, at, "pp_one");
    machine_point(m, 0, at, 1);
    machine_call(m, "pp_poke", at, INT3, 0);
    g_assert_cmphex(byte_at(m, at), ==, INT3);
    machine_enter(m, 1, sym("pp_call"), at, 0, 0);
    machine_go_to(m, at, "swbreak");
    g_assert_cmpuint(machine_traps(m), ==, 0);
    rsp_write(machine_rsp(m), at + 1, "\xc3", 1);
    machine_finish(m);
    g_assert_cmpuint(machine_traps(m), ==, 1);
    g_assert_cmpuint(machine_trap(m, 0).vector, ==, 3);
    g_assert_cmphex(machine_trap(m, 0).ip, ==, at + 1);
    machine_unpoint(m, 0, at, 1);
    machine_call(m, "pp_call", at, 0, 0);
    g_assert_cmpuint(machine_traps(m), ==, 2);
    machine_call(m, "pp_poke", at, 0xb8, 0);
    g_assert_cmphex(byte_at(m, at), ==, 0xb8);
}

/* Other bytes of the same page: data beside code, many writes, no stop and nothing lost. */
static void test_page_shared(Machine *m)
{
    uint64_t at = buffer(0), data = at + 0x800;
    uint8_t seen[200], want[200];

    fill_slots(m);
    put(m, at, "pp_one");
    machine_point(m, 0, at, 1);
    machine_call(m, "pw_sweep", data, sizeof(seen), 0);
    memset(want, 0x5a, sizeof(want));
    rsp_read(machine_rsp(m), data, seen, sizeof(seen));
    g_assert_cmpmem(seen, sizeof(seen), want, sizeof(want));
    call_hits(m, at, ONE);
}

/* ---- reading and copying ---------------------------------------------------------------- */

/* What the guest reads at a point is its own byte, or the breakpoint instruction where accelerators
 * put one and cannot hide it. The debugger reads the guest's byte always. */
static void test_read(Machine *m)
{
    uint64_t at = buffer(0), own;

    fill_slots(m);
    put(m, at, "pp_one");
    machine_point(m, 0, at, 1);
    own = machine_call(m, "pp_peek", at, 0, 0);
    g_assert_true(own == 0xb8 || (own == INT3 && expect->guest_sees_patch));
    g_test_message("the guest reads %02x", (unsigned)own);
    g_assert_cmphex(machine_call(m, "pp_peek", at + 1, 0, 0), ==, 0x11);
    g_assert_cmphex(byte_at(m, at), ==, 0xb8);
}

/* A copy that the guest makes has no point; what was read stands there. */
static void test_copy(Machine *m)
{
    uint64_t at = buffer(0), to = buffer(1);
    uint8_t first;

    fill_slots(m);
    put(m, at, "pp_one");
    machine_point(m, 0, at, 1);
    machine_enter(m, 1, sym("pp_copy_rep"), to, at, CODE);
    machine_point(m, 1, to + 5, 1);
    machine_go_to(m, to + 5, "hwbreak");
    machine_unpoint(m, 1, to + 5, 1);
    first = byte_at(m, to);
    if (first == 0xb8) {
        g_assert_cmphex(machine_finish(m), ==, ONE);
        g_assert_cmpuint(machine_traps(m), ==, 0);
    } else {
        /* The copied breakpoint instruction was the guest's to handle. */
        g_assert_true(expect->guest_sees_patch);
        g_assert_cmphex(first, ==, INT3);
        g_assert_cmphex(machine_trap(m, 0).ip, ==, to + 1);
    }
}

/* ---- mapping ---------------------------------------------------------------------------- */

/* One page at three addresses: the point counts at the one where it was set. */
static void test_two_addresses(Machine *m)
{
    uint64_t at = buffer(0);

    fill_slots(m);
    put(m, at, "pp_one");
    machine_map(m, 0, at, false);
    machine_map(m, 1, at, false);
    machine_point(m, 0, WINDOW, 1);
    call_hits(m, WINDOW, ONE);
    call_passes(m, WINDOW + PAGE, ONE);
    call_passes(m, at, ONE);
    machine_point(m, 0, WINDOW + PAGE, 1);
    call_hits(m, WINDOW, ONE);
    call_hits(m, WINDOW + PAGE, ONE);
    call_passes(m, at, ONE);
    machine_unpoint(m, 0, WINDOW, 1);
    call_passes(m, WINDOW, ONE);
    call_hits(m, WINDOW + PAGE, ONE);
    g_assert_cmpuint(machine_traps(m), ==, 0);
}

/* The guest writes through another address than that of the point. */
static void test_rewrite_elsewhere(Machine *m)
{
    uint64_t at = buffer(0);

    fill_slots(m);
    put(m, at, "pp_one");
    machine_map(m, 0, at, false);
    machine_map(m, 1, at, true);
    machine_point(m, 0, WINDOW, 1);
    call_hits(m, WINDOW, ONE);
    machine_call(m, "pp_copy_rep", WINDOW + PAGE, sym("pp_two"), CODE);
    call_hits(m, WINDOW, TWO);
    call_passes(m, at, TWO);
}

/* The point's address shows another page: it counts there, and no longer in the first. */
static void test_remap(Machine *m)
{
    uint64_t first = buffer(0), second = buffer(1);
    uint8_t seen[CODE];

    fill_slots(m);
    put(m, first, "pp_one");
    put(m, second, "pp_two");
    machine_map(m, 0, first, false);
    machine_point(m, 0, WINDOW, 1);
    call_hits(m, WINDOW, ONE);
    machine_map(m, 0, second, false);
    call_hits(m, WINDOW, TWO);
    call_passes(m, first, ONE);
    call_passes(m, second, TWO);
    machine_map(m, 3, first, false);
    call_passes(m, WINDOW + 3 * PAGE, ONE);
    rsp_read(machine_rsp(m), first, seen, CODE);
    g_assert_cmpmem(seen, CODE, image_bytes(sym("pp_one"), CODE), CODE);
    rsp_read(machine_rsp(m), second, seen, CODE);
    g_assert_cmpmem(seen, CODE, image_bytes(sym("pp_two"), CODE), CODE);
    g_assert_cmpuint(machine_traps(m), ==, 0);
}

/* A call to where nothing is: a page fault. Before it the point may be met, as a debug register's is. */
static void call_faults(Machine *m, uint64_t at)
{
    RspStop stop;

    machine_enter(m, 1, sym("pp_try"), at, 0, 0);
    stop = machine_go(m);
    if (stop.pc == at) {
        assert_reason(stop, "swbreak");
        stop = machine_go(m);
    }
    assert_at(stop, "pup_done");
    g_assert_cmphex(rsp_get(machine_rsp(m), "rax"), ==, 0xfa017);
}

/* Nothing is there, then something, then nothing. */
static void test_unmap(Machine *m)
{
    fill_slots(m);
    put(m, buffer(0), "pp_one");
    machine_call(m, "window_unmap", 0, 0, 0);
    machine_point(m, 0, WINDOW, 1);
    for (unsigned i = 0; i < 2; i++) {
        call_faults(m, WINDOW);
        g_assert_cmpuint(machine_traps(m), ==, i + 1);
        g_assert_cmpuint(machine_trap(m, i).vector, ==, 14);
        g_assert_cmphex(machine_trap(m, i).ip, ==, WINDOW);
        machine_map(m, 0, buffer(0), false);
        call_hits(m, WINDOW, ONE);
        machine_call(m, "window_unmap", 0, 0, 0);
    }
    call_passes(m, buffer(0), ONE);
}

/* The debugger goes while code with a point is mapped somewhere else than where it was set. */
static void test_detach_remapped(Machine *m)
{
    uint64_t first = buffer(0), second = buffer(1);
    uint8_t seen[CODE];

    fill_slots(m);
    put(m, first, "pp_one");
    put(m, second, "pp_two");
    machine_map(m, 0, first, false);
    machine_point(m, 0, WINDOW, 1);
    call_hits(m, WINDOW, ONE);
    machine_map(m, 0, second, false);
    call_hits(m, WINDOW, TWO);
    machine_map(m, 0, first, false);
    machine_enter(m, 1, sym("puppet_report"), first, 2 * PAGE, 0);
    machine_detach(m);
    g_free(machine_line(m, "puppet: sum "));
    machine_connect(m);
    g_assert_cmphex(machine_call(m, "pp_peek", first, 0, 0), ==, 0xb8);
    g_assert_cmphex(machine_call(m, "pp_peek", second, 0, 0), ==, 0xb8);
    rsp_read(machine_rsp(m), second, seen, CODE);
    g_assert_cmpmem(seen, CODE, image_bytes(sym("pp_two"), CODE), CODE);
    call_passes(m, WINDOW, ONE);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        MachineCase *fn;
    } row[] = {
        { "/code/rewritten/bytes", test_rewrite_bytes },
        { "/code/rewritten/rep-movs", test_rewrite_rep },
        { "/code/rewritten/wide-and-cmpxchg", test_rewrite_wide },
        { "/code/rewritten/often", test_rewrite_often },
        { "/code/rewritten/with-int3", test_rewrite_int3 },
        { "/code/rewritten/elsewhere", test_rewrite_elsewhere },
        { "/code/data-in-its-page", test_page_shared },
        { "/code/read", test_read },
        { "/code/copied", test_copy },
        { "/code/two-addresses", test_two_addresses },
        { "/code/remapped", test_remap },
        { "/code/unmapped", test_unmap },
        { "/code/detach-remapped", test_detach_remapped },
    };

    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        machine_case(row[i].path, row[i].fn, 1, 1);
    }
    return machine_run_cases();
}
