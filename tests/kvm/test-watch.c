/* Watchpoints: which accesses hit, where they tell it, and that the guest's memory takes no harm.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

enum { WRITE = 2, READ = 3, ACCESS = 4 };       /* digits of the Z packet */

static const char *const reason_of[] = { [WRITE] = "watch", [READ] = "rwatch", [ACCESS] = "awatch" };

static uint64_t data(unsigned offset)
{
    return sym("pup_data") + PAGE + offset;
}

/* A stop at this instruction for an access of `size` bytes at `access`, with this range watched. */
static void hits(Machine *m, int type, const char *after, uint64_t access, unsigned size, uint64_t at,
                 unsigned len)
{
    RspStop stop = machine_go(m);
    uint64_t first = MAX(access, at), end = MIN(access + size, at + len);

    assert_at(stop, after);
    assert_reason(stop, reason_of[type]);
    if (expect->exact_access ? stop.address != access && stop.address != first
                             : stop.address < at || stop.address >= at + len) {
        test_fail("%s: told is %s; accessed were %s to %s", after, place(stop.address),
                  place(first), place(end - 1));
    }
}

/* ---- every byte of every range ---------------------------------------------------------- */

typedef struct Range {
    unsigned offset, len;
    unsigned registers;         /* that it takes, if more than four */
} Range;

/* All that a register can watch; then what takes several. */
static const Range ranges[] = {
    { 8, 1 }, { 9, 1 }, { 15, 1 }, { 8, 2 }, { 14, 2 }, { 8, 4 }, { 12, 4 }, { 8, 8 },
    { 9, 2 }, { 9, 3 }, { 11, 5 }, { 9, 7 }, { 12, 8 }, { 8, 12 }, { 8, 16 }, { 9, 14, 6 },
};

/* 32 bytes are written one by one: those of the range hit, and no other. */
static void sweep(Machine *m, int type, const char *routine, const char *after)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ranges); i++) {
        uint64_t at = data(ranges[i].offset);

        if (type == ACCESS && ranges[i].registers > 4 && !expect->access_many) {
            continue;
        }
        machine_point(m, type, at, ranges[i].len);
        machine_enter(m, 1, sym(routine), data(0), 32, 0);
        for (unsigned n = 0; n < ranges[i].len; n++) {
            hits(m, type, after, at + n, 1, at, ranges[i].len);
            g_assert_cmphex(rsp_get(machine_rsp(m), "rdi"), ==, at + n);
        }
        machine_finish(m);
        machine_unpoint(m, type, at, ranges[i].len);
    }
}

static void test_lengths(Machine *m)
{
    sweep(m, WRITE, "pw_sweep", "pw_sweep_after");
}

static void test_lengths_access(Machine *m)
{
    sweep(m, ACCESS, "pw_sweep_read", "pw_sweep_read_after");
}

/* Wider accesses that touch a range from below and from above. */
static void test_overlaps(Machine *m)
{
    static const struct {
        const char *routine, *after;
        unsigned size;
    } store[] = {
        { "pw_store2", "pw_store2_after", 2 }, { "pw_store4", "pw_store4_after", 4 },
        { "pw_store8", "pw_store8_after", 8 },
    };
    uint64_t at = data(32);

    machine_point(m, WRITE, at, 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(store); i++) {
        uint64_t below = at - store[i].size + 1, above = at + 3;

        machine_call(m, store[i].routine, at - store[i].size, 0, 0);
        machine_enter(m, 1, sym(store[i].routine), below, 0, 0);
        hits(m, WRITE, store[i].after, below, store[i].size, at, 4);
        machine_finish(m);
        machine_enter(m, 1, sym(store[i].routine), above, 0, 0);
        hits(m, WRITE, store[i].after, above, store[i].size, at, 4);
        machine_finish(m);
        machine_call(m, store[i].routine, at + 4, 0, 0);
    }
}

/* ---- kinds ------------------------------------------------------------------------------ */

static void test_write_not_read(Machine *m)
{
    machine_point(m, WRITE, data(8), 8);
    machine_call(m, "pw_load8", data(8), 0, 0);
    machine_call(m, "pw_load1", data(9), 0, 0);
    machine_enter(m, 1, sym("pw_store1"), data(9), 7, 0);
    hits(m, WRITE, "pw_store1_after", data(9), 1, data(8), 8);
    machine_finish(m);
}

static void test_access(Machine *m)
{
    machine_point(m, ACCESS, data(8), 8);
    machine_enter(m, 1, sym("pw_load4"), data(8), 0, 0);
    hits(m, ACCESS, "pw_load4_after", data(8), 4, data(8), 8);
    machine_finish(m);
    machine_enter(m, 1, sym("pw_store4"), data(12), 0, 0);
    hits(m, ACCESS, "pw_store4_after", data(12), 4, data(8), 8);
    machine_finish(m);
    machine_call(m, "pw_load8", data(16), 0, 0);
    machine_call(m, "pw_load8", data(0), 0, 0);
}

/* Where there is none the answer says so, and nothing is set. */
static void test_read(Machine *m)
{
    if (!rsp_point(machine_rsp(m), READ, data(8), 8)) {
        g_assert_false(expect->read_watch);
        machine_call(m, "pw_load8", data(8), 0, 0);
        return;
    }
    g_assert_true(expect->read_watch);
    machine_call(m, "pw_store8", data(8), 0, 0);
    machine_enter(m, 1, sym("pw_load8"), data(8), 0, 0);
    hits(m, READ, "pw_load8_after", data(8), 8, data(8), 8);
    machine_finish(m);
    rsp_unpoint(machine_rsp(m), READ, data(8), 8);
}

/* ---- kinds of instructions -------------------------------------------------------------- */

typedef struct Access {
    const char *routine, *after;
    unsigned size;
    int below;                  /* what is written lies so far below rdi */
    uint64_t first;             /* the first 8 bytes afterwards; they were 0x40 */
} Access;

static const Access accesses[] = {
    { "pw_store8", "pw_store8_after", 8, 0, 0x1234 },
    { "pw_xchg", "pw_xchg_after", 4, 0, 0x77 },
    { "pw_lock_add", "pw_lock_add_after", 4, 0, 0x43 },
    { "pw_cmpxchg", "pw_cmpxchg_after", 4, 0, 0x99 },
    { "pw_cmpxchg16b", "pw_cmpxchg16b_after", 16, 0, 0x40 },
    { "pw_bts", "pw_bts_after", 4, 0, 0x60 },
    { "pw_movups", "pw_movups_after", 16, 0, 0 },
    { "pw_push", "pw_push_after", 8, 8, 0x0101010101010101 },
    { "pw_call", "pw_call_after", 8, 8, 0 },            /* the return address */
    { "pw_int3", "pup_trap_3", 8, 32, 0x08 },           /* the frame's CS */
    { "pw_ud2", "pup_trap_6", 8, 32, 0x08 },
};

/* All with the same points set: the one in question, and `more` beside it. */
static void kinds(Machine *m, unsigned more)
{
    static const uint8_t zero[16];

    for (unsigned i = 0; i < more; i++) {
        machine_point(m, WRITE, data(0x400 + 16 * i), 8);
    }
    rsp_register_write(machine_rsp(m), "xmm0", zero, 16);
    for (unsigned i = 0; i < G_N_ELEMENTS(accesses); i++) {
        const Access *a = &accesses[i];
        uint64_t want = g_str_equal(a->routine, "pw_call") ? sym("pw_call_after") : a->first;
        uint64_t to = data(0x100), at = to - (uint64_t)a->below;

        rsp_write_u64(machine_rsp(m), at, 0x40);
        machine_point(m, WRITE, at, 8);
        machine_enter(m, 1, sym(a->routine), to, 0x1234, 0);
        hits(m, WRITE, a->after, at, a->size, at, 8);
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), at), ==, want);
        machine_finish(m);
        machine_unpoint(m, WRITE, at, 8);
    }
}

static void test_instructions(Machine *m)
{
    kinds(m, 0);
}

/* So many that the one in question is none of a debug register. */
static void test_instructions_many(Machine *m)
{
    kinds(m, 6);
}

/* Repeated instructions stop after the iteration that hit, with what is left still to do. */
static void repeated(Machine *m, unsigned more)
{
    static const struct {
        const char *routine, *at, *after;
        unsigned size;
    } row[] = {
        { "pw_movsb", "pw_movsb_at", "pw_movsb_after", 1 },
        { "pw_stosb", "pw_stosb_at", "pw_stosb_after", 1 },
        { "pw_stosq", "pw_stosq_at", "pw_stosq_after", 8 },
    };

    for (unsigned i = 0; i < more; i++) {
        machine_point(m, WRITE, data(0x400 + 16 * i), 8);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        unsigned size = row[i].size;
        uint64_t at = data(0x80) + 4 * size;

        machine_point(m, WRITE, at, size);
        machine_enter(m, 1, sym(row[i].routine), data(0x80), sym("pup_log"), 8);
        hits(m, WRITE, row[i].at, at, size, at, size);
        g_assert_cmpuint(rsp_get(machine_rsp(m), "rcx"), ==, 3);
        g_assert_cmphex(rsp_get(machine_rsp(m), "rdi"), ==, at + size);
        machine_finish(m);
        g_assert_cmpuint(rsp_get(machine_rsp(m), "rcx"), ==, 0);
        machine_unpoint(m, WRITE, at, size);
        /* The last iteration's stop is behind the instruction. */
        at = data(0x80) + 7 * size;
        machine_point(m, WRITE, at, size);
        machine_enter(m, 1, sym(row[i].routine), data(0x80), sym("pup_log"), 8);
        hits(m, WRITE, row[i].after, at, size, at, size);
        machine_finish(m);
        machine_unpoint(m, WRITE, at, size);
    }
}

static void test_repeated(Machine *m)
{
    repeated(m, 0);
}

static void test_repeated_many(Machine *m)
{
    repeated(m, 6);
}

/* ---- many, and long --------------------------------------------------------------------- */

/* Every 24 bytes one: pw_stride writes all three words of each 24. */
static void many(Machine *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        machine_point(m, WRITE, data(24 * i), 8);
    }
    machine_enter(m, 1, sym("pw_stride"), data(0), n + 2, 0);
    for (unsigned i = 0; i < n; i++) {
        hits(m, WRITE, "pw_stride_after", data(24 * i), 8, data(24 * i), 8);
        g_assert_cmpuint(rsp_get(machine_rsp(m), "rsi"), ==, n + 2 - i);
    }
    machine_finish(m);
    g_assert_cmpuint(rsp_read_u64(machine_rsp(m), data(24 * n - 8)), ==, 3);
    machine_unpoint_all(m);
    machine_call(m, "pw_stride", data(0), n, 0);
}

static void test_eight(Machine *m)
{
    many(m, 8);
}

static void test_forty(Machine *m)
{
    many(m, 40);
}

/* Beside many breakpoints, which then have to give way. */
static void test_with_breakpoints(Machine *m)
{
    static const char *const at[] = { "pp_f0", "pp_f1", "pp_f2", "pp_f3", "pp_f4", "pp_f5" };

    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        machine_point(m, 1, sym(at[i]), 1);
    }
    for (unsigned i = 0; i < 4; i++) {
        machine_point(m, ACCESS, data(64 * i), 8);
    }
    machine_enter(m, 1, sym("pp_ten"), 0, 0, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(at); i++) {
        machine_go_to(m, sym(at[i]), "hwbreak");
    }
    machine_finish(m);
    for (unsigned i = 0; i < 4; i++) {
        machine_enter(m, 1, sym("pw_load8"), data(64 * i), 0, 0);
        hits(m, ACCESS, "pw_load8_after", data(64 * i), 8, data(64 * i), 8);
        machine_finish(m);
    }
}

/* A fifth for accesses: had, or refused with nothing changed. */
static void test_access_many(Machine *m)
{
    for (unsigned i = 0; i < 4; i++) {
        machine_point(m, ACCESS, data(64 * i), 8);
    }
    if (rsp_point(machine_rsp(m), ACCESS, data(0x300), 8)) {
        g_assert_true(expect->access_many);
        rsp_unpoint(machine_rsp(m), ACCESS, data(0x300), 8);
    } else {
        g_assert_false(expect->access_many);
    }
    for (unsigned i = 0; i < 4; i++) {
        machine_enter(m, 1, sym("pw_store1"), data(64 * i + 7), 0xa0 + i, 0);
        hits(m, ACCESS, "pw_store1_after", data(64 * i + 7), 1, data(64 * i), 8);
        machine_finish(m);
    }
}

static void test_long(Machine *m)
{
    uint64_t at = data(101);
    static const unsigned inside[] = { 0, 1, 7, 128, 255, 299 };

    machine_point(m, WRITE, at, 300);
    machine_call(m, "pw_store1", at - 1, 1, 0);
    machine_call(m, "pw_store1", at + 300, 1, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(inside); i++) {
        machine_enter(m, 1, sym("pw_store1"), at + inside[i], 1, 0);
        hits(m, WRITE, "pw_store1_after", at + inside[i], 1, at, 300);
        machine_finish(m);
    }
}

/* Over the border of two pages. */
static void test_long_two_pages(Machine *m)
{
    uint64_t at = data(PAGE - 100);

    machine_point(m, WRITE, at, 200);
    machine_enter(m, 1, sym("pw_store8"), data(PAGE - 4), ~0ull, 0);
    hits(m, WRITE, "pw_store8_after", data(PAGE - 4), 8, at, 200);
    machine_finish(m);
    machine_enter(m, 1, sym("pw_store1"), data(PAGE + 99), 1, 0);
    hits(m, WRITE, "pw_store1_after", data(PAGE + 99), 1, at, 200);
    machine_finish(m);
    machine_call(m, "pw_store1", data(PAGE + 100), 1, 0);
}

/* ---- pages with something else in them -------------------------------------------------- */

/* Six words that nobody writes, at this address, so that one page more is watched closely. */
static void watch_six(Machine *m, uint64_t at)
{
    for (unsigned i = 0; i < 6; i++) {
        machine_point(m, WRITE, at + 16 * i, 8);
    }
}

/* A store that comes into the page from the one before it, with and without a hit there. */
static void test_crossing(Machine *m)
{
    static const struct {
        const char *routine, *after;
        unsigned size;
        uint64_t value;
    } row[] = {
        { "pw_store8", "pw_store8_after", 8, 0x1122334455667788 },
        { "pw_lock_add", "pw_lock_add_after", 4, 3 },
        { "pw_movups", "pw_movups_after", 16, 0 },
    };
    uint64_t border = data(PAGE);

    watch_six(m, border + 0x100);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        uint64_t at = border - row[i].size / 2;

        rsp_write_u64(machine_rsp(m), at, 0);
        machine_call(m, row[i].routine, at, 0x1122334455667788, 0);
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), at), ==, row[i].value);
        machine_point(m, WRITE, border, 1);
        machine_enter(m, 1, sym(row[i].routine), at, 0x1122334455667788, 0);
        hits(m, WRITE, row[i].after, at, row[i].size, border, 1);
        machine_finish(m);
        machine_unpoint(m, WRITE, border, 1);
        machine_point(m, WRITE, border - 1, 1);
        machine_enter(m, 1, sym(row[i].routine), at, 0x1122334455667788, 0);
        hits(m, WRITE, row[i].after, at, row[i].size, border - 1, 1);
        machine_finish(m);
        machine_unpoint(m, WRITE, border - 1, 1);
    }
    machine_enter(m, 1, sym("pw_movsb"), border - 16, sym("pw_movsb"), 32);
    machine_finish(m);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), border + 8), ==,
                    rsp_read_u64(machine_rsp(m), sym("pw_movsb") + 24));
}

/* The stack's own page: calls, pushes and frames work, a store to the watched words hits. */
static void test_stack(Machine *m)
{
    uint64_t stack = sym("pup_stacks") + PAGE;

    watch_six(m, stack);
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, 10);
    machine_call(m, "ps_int3", 0, 0, 0);
    machine_call(m, "ps_ud", 0, 0, 0);
    machine_call(m, "ps_pf", 0, 0, 0);
    machine_call(m, "ps_int", 0, 0, 0);
    machine_call(m, "pi_sti", 0, 0, 0);
    g_assert_cmpuint(machine_traps(m), ==, 5);
    g_assert_cmphex(machine_trap(m, 0).ip, ==, sym("ps_int3_to"));
    g_assert_cmphex(machine_trap(m, 1).ip, ==, sym("ps_ud_at"));
    g_assert_cmphex(machine_trap(m, 2).ip, ==, sym("ps_pf_at"));
    g_assert_cmphex(machine_trap(m, 3).ip, ==, sym("ps_int_to"));
    g_assert_cmphex(machine_trap(m, 4).ip, ==, sym("pi_sti_2"));
    machine_enter(m, 1, sym("pw_store4"), stack + 36, 1, 0);
    hits(m, WRITE, "pw_store4_after", stack + 36, 4, stack + 32, 8);
    machine_finish(m);
}

/* A page table: the guest's changes of an entry hit, what the CPU's walks do to it does not. */
static void test_page_table(Machine *m)
{
    uint64_t table = sym("window_tables");

    machine_map(m, 7, sym("pup_data") + PAGE, false);
    watch_six(m, table + 8 * 32);
    machine_point(m, WRITE, table + 8 * 7, 8);
    machine_call(m, "pp_peek", WINDOW + 7 * PAGE, 0, 0);
    machine_enter(m, 1, sym("window_map"), 0, 7, sym("pup_data") + 2 * PAGE);
    rsp_set(machine_rsp(m), "rcx", 1);
    g_assert_cmpstr(machine_go(m).reason, ==, "watch");
    machine_finish(m);
    machine_call(m, "pw_store8", WINDOW + 7 * PAGE, 0x4711, 0);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 2 * PAGE), ==, 0x4711);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), table + 8 * 7) & 0x61, ==, 0x61);
    g_assert_cmpuint(machine_traps(m), ==, 0);
}

/* By another address than the one that is watched: as a debug register, no hit, and the store is done. */
static void test_other_address(Machine *m)
{
    machine_map(m, 9, data(0), true);
    watch_six(m, data(0x100));
    machine_point(m, WRITE, data(8), 8);
    machine_call(m, "pw_store8", WINDOW + 9 * PAGE + 8, 0x55, 0);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), data(8)), ==, 0x55);
    machine_enter(m, 1, sym("pw_store8"), data(8), 0x66, 0);
    hits(m, WRITE, "pw_store8_after", data(8), 8, data(8), 8);
    machine_finish(m);
}

/* The same value written again is a write, too. */
static void test_same_value(Machine *m)
{
    rsp_write_u64(machine_rsp(m), data(8), 5);
    machine_point(m, WRITE, data(8), 8);
    for (unsigned i = 0; i < 2; i++) {
        machine_enter(m, 1, sym("pw_store8"), data(8), 5, 0);
        hits(m, WRITE, "pw_store8_after", data(8), 8, data(8), 8);
        machine_finish(m);
    }
}

/* A step over the store tells the hit, once. */
static void step_over_store(Machine *m, unsigned more)
{
    RspStop stop;

    for (unsigned i = 0; i < more; i++) {
        machine_point(m, WRITE, data(0x400 + 16 * i), 8);
    }
    machine_point(m, WRITE, data(8), 8);
    machine_enter(m, 1, sym("pw_store8"), data(8), 5, 0);
    stop = machine_step(m);
    assert_at(stop, "pw_store8_after");
    assert_reason(stop, "watch");
    stop = machine_step(m);
    assert_at(stop, "pup_done");
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), data(8)), ==, 5);
}

static void test_step(Machine *m)
{
    step_over_store(m, 0);
}

static void test_step_many(Machine *m)
{
    step_over_store(m, 6);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        MachineCase *fn;
    } row[] = {
        { "/watch/lengths/write", test_lengths },
        { "/watch/lengths/access", test_lengths_access },
        { "/watch/lengths/overlaps", test_overlaps },
        { "/watch/kinds/write-not-read", test_write_not_read },
        { "/watch/kinds/access", test_access },
        { "/watch/kinds/read", test_read },
        { "/watch/kinds/same-value", test_same_value },
        { "/watch/instructions/few", test_instructions },
        { "/watch/instructions/many", test_instructions_many },
        { "/watch/repeated/few", test_repeated },
        { "/watch/repeated/many", test_repeated_many },
        { "/watch/step/few", test_step },
        { "/watch/step/many", test_step_many },
        { "/watch/many/eight", test_eight },
        { "/watch/many/forty", test_forty },
        { "/watch/many/with-breakpoints", test_with_breakpoints },
        { "/watch/many/access", test_access_many },
        { "/watch/long/in-a-page", test_long },
        { "/watch/long/two-pages", test_long_two_pages },
        { "/watch/page/crossing", test_crossing },
        { "/watch/page/of-the-stack", test_stack },
        { "/watch/page/of-a-page-table", test_page_table },
        { "/watch/page/other-address", test_other_address },
    };

    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        machine_case(row[i].path, row[i].fn, 1, 1);
    }
    return machine_run_cases();
}
