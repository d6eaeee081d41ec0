/* DR7 as data: encoding, matching, merging.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <string.h>

#include "target/i386/dr7.h"

/* ---- encoding ---- */

typedef struct DecodeRow {
    uint64_t dr7, addr;
    unsigned i;
    X86DrPoint want;
} DecodeRow;

static const DecodeRow decode_rows[] = {
    { 0x400, 0x1000, 0, { false, X86_DR_EXEC, 1, 0x1000 } },
    { 0x401, 0x1001, 0, { true, X86_DR_EXEC, 1, 0x1001 } },
    { 0x402, 0x1001, 0, { true, X86_DR_EXEC, 1, 0x1001 } },
    /* An execute breakpoint's length does not count. */
    { 0xc0402, 0x1003, 0, { true, X86_DR_EXEC, 1, 0x1003 } },
    { 0x10402, 0x1003, 0, { true, X86_DR_WRITE, 1, 0x1003 } },
    { 0x50402, 0x1003, 0, { true, X86_DR_WRITE, 2, 0x1002 } },
    { 0xd0402, 0x1003, 0, { true, X86_DR_WRITE, 4, 0x1000 } },
    { 0x90402, 0x100f, 0, { true, X86_DR_WRITE, 8, 0x1008 } },
    { 0x20402, 0x3f8, 0, { true, X86_DR_IO, 1, 0x3f8 } },
    { 0xf0000000u | 0x480, 0x2002, 3, { true, X86_DR_RW, 4, 0x2000 } },
    { 0x00700404 | 0x400, 0x2003, 1, { true, X86_DR_RW, 2, 0x2002 } },
    { 0x0b000420, 0xffffffff8100000f, 2, { true, X86_DR_RW, 8, 0xffffffff81000008 } },
};

static void assert_point(const X86DrPoint *got, const X86DrPoint *want, unsigned row)
{
    if (got->on != want->on || got->kind != want->kind || got->len != want->len ||
        got->addr != want->addr) {
        g_error("row %u: got on %d kind %u len %u addr %" G_GINT64_MODIFIER "x", row, got->on,
                got->kind, got->len, got->addr);
    }
}

static void test_decode(void)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(decode_rows); n++) {
        const DecodeRow *r = &decode_rows[n];
        X86DrPoint p = x86_dr_get(r->dr7, r->addr, r->i);

        assert_point(&p, &r->want, n);
    }
}

/* Every kind, length and register comes back as it was put, and the others stay. */
static void test_round_trip(void)
{
    static const uint8_t lens[] = { 1, 2, 4, 8 };

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        for (unsigned kind = 0; kind < 4; kind++) {
            for (unsigned l = 0; l < 4; l++) {
                X86DrPoint p = { true, (uint8_t)kind, kind ? lens[l] : 1, 0x4000 };
                uint64_t others = UINT64_C(0xffffffff) &
                                  ~(UINT64_C(15) << (16 + 4 * i) | UINT64_C(3) << (2 * i));
                uint64_t dr7 = x86_dr_put(0xffffffffu, i, &p);
                X86DrPoint q = x86_dr_get(dr7, 0x4000, i);

                assert_point(&q, &p, i * 100 + kind * 10 + l);
                g_assert_cmphex(dr7 & others, ==, others);
                p.on = false;
                g_assert_false(x86_dr_get(x86_dr_put(dr7, i, &p), 0x4000, i).on);
            }
        }
    }
}

static void test_legal(void)
{
    g_assert_cmphex(x86_dr7_legal(0), ==, 0x400);
    g_assert_cmphex(x86_dr7_legal(0xffffffffu), ==, 0xffff27ffu);
    g_assert_cmphex(x86_dr7_legal(0x2000), ==, 0x2400);
    g_assert_true(x86_dr7_any(0x402, X86_DR_EXEC));
    g_assert_false(x86_dr7_any(0x400, X86_DR_EXEC));
    g_assert_true(x86_dr7_any(0x20000480u | 0x20000000u, X86_DR_IO));
    g_assert_false(x86_dr7_any(0x402, X86_DR_RW));
}

/* ---- matching ---- */

typedef struct MatchRow {
    uint64_t addr;
    unsigned size;
    bool write;
    uint32_t want;
} MatchRow;

/* DR0: write of 4 at 0x1000; DR1: read or write of 2 at 0x1006; DR2: execute at 0x1000; DR3: I/O of 2 at 0x60. */
static const uint64_t match_dr[4] = { 0x1002, 0x1007, 0x1000, 0x61 };
#define MATCH_DR7 (0x400u | 0xaa | 0xd0000u | 0x700000u | 0u | 0x60000000u)

static const MatchRow match_rows[] = {
    { 0x1000, 1, true, 1 },  { 0x1000, 1, false, 0 }, { 0x1003, 1, true, 1 },
    { 0x1004, 2, true, 0 },  { 0x0fff, 1, true, 0 },  { 0x0fff, 2, true, 1 },
    { 0x1004, 4, false, 2 }, { 0x1000, 8, true, 3 },  { 0x1000, 8, false, 2 },
    { 0x1007, 1, true, 2 },  { 0x1008, 8, true, 0 },  { 0x0ff0, 16, true, 0 },
    { 0x0ff8, 16, true, 3 }, { 0x0f00, 0x200, true, 3 }, { 0xffffffffffffffff, 1, true, 0 },
};

static void test_match(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(match_rows); i++) {
        const MatchRow *r = &match_rows[i];
        uint32_t got = x86_dr_match_data(match_dr, MATCH_DR7, r->addr, r->size, r->write);

        if (got != r->want) {
            g_error("row %u: got %x", i, got);
        }
    }
    g_assert_cmphex(x86_dr_match_exec(match_dr, MATCH_DR7, 0x1000), ==, 4);
    g_assert_cmphex(x86_dr_match_exec(match_dr, MATCH_DR7, 0x1001), ==, 0);
    g_assert_cmphex(x86_dr_match_exec(match_dr, 0x400, 0x1000), ==, 0);
    g_assert_cmphex(x86_dr_match_io(match_dr, MATCH_DR7, 0x60, 1), ==, 8);
    g_assert_cmphex(x86_dr_match_io(match_dr, MATCH_DR7, 0x61, 1), ==, 8);
    g_assert_cmphex(x86_dr_match_io(match_dr, MATCH_DR7, 0x62, 1), ==, 0);
    g_assert_cmphex(x86_dr_match_io(match_dr, MATCH_DR7, 0x5e, 4), ==, 8);
}

/* ---- merging ---- */

typedef struct MergeRow {
    const char *name;
    uint64_t guest_dr[4], guest_dr7;
    unsigned n;
    X86DrWish wish[8];
    uint64_t spill;
    unsigned used;          /* registers in use afterwards */
    uint64_t dr7;           /* the real one */
} MergeRow;

static const MergeRow merge_rows[] = {
    { .name = "nothing", .guest_dr7 = 0x400, .dr7 = 0x400 },
    { .name = "one exec", .guest_dr7 = 0x400, .n = 1, .wish = { { POINT_EXEC, 0x1000, 1 } },
      .used = 1, .dr7 = 0x402 },
    { .name = "four, and a fifth spills", .guest_dr7 = 0x400, .n = 5,
      .wish = { { POINT_EXEC, 1, 1 }, { POINT_EXEC, 2, 1 }, { POINT_EXEC, 3, 1 },
                { POINT_EXEC, 4, 1 }, { POINT_EXEC, 5, 1 } },
      .spill = 0x10, .used = 4, .dr7 = 0x4aa },
    { .name = "equal ones share", .guest_dr7 = 0x400, .n = 3,
      .wish = { { POINT_WRITE, 0x1000, 4 }, { POINT_WRITE, 0x1000, 4 }, { POINT_READ, 0x1000, 4 } },
      .used = 2, .dr7 = 0x40a | 0xd0000 | 0xf00000 },
    { .name = "guest first", .guest_dr = { 0x10, 0x20, 0x30, 0x40 }, .guest_dr7 = 0x400 | 0x15,
      .n = 2, .wish = { { POINT_EXEC, 0x99, 1 }, { POINT_EXEC, 0x9a, 1 } },
      .spill = 2, .used = 4, .dr7 = 0x4aa },
    { .name = "shared with the guest", .guest_dr = { 0x10, 0x20, 0x30, 0x40 },
      .guest_dr7 = 0x400 | 0x55, .n = 1, .wish = { { POINT_EXEC, 0x30, 1 } },
      .used = 4, .dr7 = 0x4aa },
    { .name = "disabled guest registers are free", .guest_dr = { 0x10, 0x20, 0x30, 0x40 },
      .guest_dr7 = 0xffff0400u, .n = 1, .wish = { { POINT_WRITE, 0x50, 1 } },
      .used = 1, .dr7 = 0x402 | 0x10000 },
    { .name = "unaligned range in pieces", .guest_dr7 = 0x400, .n = 1,
      .wish = { { POINT_WRITE, 0x1001, 7 } },     /* 1 + 2 + 4 */
      .used = 3, .dr7 = 0x42a | 0x1 << 16 | 0x5 << 20 | 0xd << 24 },
    { .name = "pieces all or nothing", .guest_dr7 = 0x400, .n = 3,
      .wish = { { POINT_EXEC, 1, 1 }, { POINT_EXEC, 2, 1 }, { POINT_WRITE, 0x1001, 7 } },
      .spill = 4, .used = 2, .dr7 = 0x40a },
    { .name = "too long", .guest_dr7 = 0x400, .n = 1, .wish = { { POINT_WRITE, 0, 33 } },
      .spill = 1, .dr7 = 0x400 },
    { .name = "32 aligned bytes", .guest_dr7 = 0x400, .n = 1, .wish = { { POINT_ACCESS, 0x20, 32 } },
      .used = 4, .dr7 = 0x4aa | 0xbbbb0000u },
    { .name = "length zero", .guest_dr7 = 0x400, .n = 1, .wish = { { POINT_WRITE, 0, 0 } },
      .spill = 1, .dr7 = 0x400 },
    { .name = "events are not for us", .guest_dr7 = 0x400, .n = 1, .wish = { { POINT_MSR, 1, 1 } },
      .spill = 1, .dr7 = 0x400 },
    { .name = "GD, LE and GE stay", .guest_dr7 = 0x2700, .n = 0, .dr7 = 0x2700 },
};

static void test_merge(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(merge_rows); i++) {
        const MergeRow *r = &merge_rows[i];
        X86DrMerge m;
        unsigned used = 0;

        x86_dr_merge(r->wish, r->n, r->guest_dr, r->guest_dr7, &m);
        for (unsigned k = 0; k < X86_DR_SLOTS; k++) {
            used += m.slot[k].on;
            g_assert_cmpint(m.slot[k].on, ==, m.guest[k] || m.wish[k]);
        }
        if (m.spill != r->spill || used != r->used || m.dr7 != r->dr7) {
            g_error("%s: spill %" G_GINT64_MODIFIER "x, used %u, dr7 %" G_GINT64_MODIFIER "x",
                    r->name, m.spill, used, m.dr7);
        }
    }
}

/* A hit of a shared register is both the guest's and ours. */
static void test_hits(void)
{
    const uint64_t guest[4] = { 0x10, 0x20, 0x10, 0x40 };
    const X86DrWish wish[] = { { POINT_EXEC, 0x20, 1 }, { POINT_EXEC, 0x10, 1 }, { POINT_EXEC, 7, 1 } };
    uint64_t wishes;
    uint32_t b;
    X86DrMerge m;

    /* DR0 and DR2 of the guest are equal and share one register. */
    x86_dr_merge(wish, 3, guest, 0x400 | 0x15, &m);
    g_assert_cmphex(m.spill, ==, 0);
    x86_dr_merge_hits(&m, 1, &b, &wishes);
    g_assert_cmphex(b, ==, 5);
    g_assert_cmphex(wishes, ==, 2);
    x86_dr_merge_hits(&m, 2, &b, &wishes);
    g_assert_cmphex(b, ==, 2);
    g_assert_cmphex(wishes, ==, 1);
    x86_dr_merge_hits(&m, 4, &b, &wishes);
    g_assert_cmphex(b, ==, 0);
    g_assert_cmphex(wishes, ==, 4);
    x86_dr_merge_hits(&m, 0xffff0ff0, &b, &wishes);
    g_assert_cmphex(b, ==, 0);
    g_assert_cmphex(wishes, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dr7/decode", test_decode);
    g_test_add_func("/dr7/round-trip", test_round_trip);
    g_test_add_func("/dr7/legal", test_legal);
    g_test_add_func("/dr7/match", test_match);
    g_test_add_func("/dr7/merge", test_merge);
    g_test_add_func("/dr7/hits", test_hits);
    return g_test_run();
}
