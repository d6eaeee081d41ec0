/* The choice of backings: a table of capabilities, wishes and what must come of them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/alloc.h"
#include "util/error.h"

static const AccelCaps native = {
    .native_exec = true, .native_data = true, .events = 1u << POINT_EXCEPTION,
};
static const AccelCaps x86 = {
    .patch_exec = true, .exec_slots = 4, .data_slots = 4, .shared_slots = true,
    .data_max_len = 8,
};
static const AccelCaps x86_protect = {
    .patch_exec = true, .exec_slots = 4, .data_slots = 4, .shared_slots = true,
    .data_max_len = 8, .protect_data = true,
};
static const AccelCaps slots_only = {
    .exec_slots = 2, .data_slots = 2, .shared_slots = true, .data_max_len = 4,
    .data_read_only = true,
};
static const AccelCaps arm = {
    .patch_exec = true, .exec_slots = 6, .data_slots = 4, .data_max_len = 8,
    .data_read_only = true,
};
static const AccelCaps nothing = { 0 };

#define E(a) { .kind = POINT_EXEC, .addr = (a), .len = 1, .mapped = true }
#define U(a) { .kind = POINT_EXEC, .addr = (a), .len = 1 }
#define H(a) { .kind = POINT_EXEC, .addr = (a), .len = 1, .mapped = true, .hard = true }
#define P(a) { .kind = POINT_EXEC, .akind = ADDR_PHYS, .addr = (a), .len = 1, .mapped = true }
#define W(a, n) { .kind = POINT_WRITE, .addr = (a), .len = (n), .mapped = true }
#define R(a, n) { .kind = POINT_READ, .addr = (a), .len = (n), .mapped = true }
#define WP(a, n) \
    { .kind = POINT_WRITE, .akind = ADDR_PHYS, .addr = (a), .len = (n), .mapped = true }
#define EV(k) { .kind = (k), .len = 1 }

static const struct {
    const char *name;
    const AccelCaps *caps;
    AllocWish wish[8];
    const char *want;           /* per wish: n(ative) s(lot) p(atch) w(rite protect) c(ore), capital:
                                   pending; or NULL and the error: */
    const char *error;
    int failed, code;
} cases[] = {
    { "native takes all", &native, { E(1), W(2, 100), R(3, 1), P(4) }, "nnnn" },
    { "native events", &native, { EV(POINT_EXCEPTION), EV(POINT_RESET) }, "nc" },
    { "no such event", &native, { EV(POINT_MSR) }, NULL,
      "this accelerator cannot stop on msr events", 0, GLASSBOX_ERROR_UNSUPPORTED },
    { "exec takes free slots first", &x86, { E(1), E(2), E(3), E(4), E(5), E(6) }, "sssspp" },
    { "data before exec", &x86, { E(1), E(2), W(8, 8), W(16, 4), E(3) }, "ssssp" },
    { "asked-for slots first", &x86, { E(1), E(2), E(3), E(4), H(5) }, "sssps" },
    { "unmapped exec takes a slot", &x86, { E(1), E(2), E(3), E(4), U(5) }, "sssps" },
    { "unmapped exec without a slot", &x86, { W(0, 8), W(8, 8), W(16, 8), W(24, 8), U(5) },
      "ssssP" },
    { "unaligned range takes two", &x86, { W(6, 4), E(1), E(2), E(3) }, "sssp" },
    { "unaligned range takes three", &x86, { W(1, 5), E(1), E(2) }, "ssp" },
    { "long range takes all", &x86, { W(0, 32), E(1) }, "sp" },
    { "too many watchpoints", &x86, { W(0, 8), W(8, 8), W(16, 8), W(24, 8), W(32, 1) }, NULL,
      "needs 1 debug register, 0 of 4 are free", 4, GLASSBOX_ERROR_BUSY },
    { "two needed, one free", &x86, { W(0, 8), W(8, 8), W(16, 8), W(30, 4) }, NULL,
      "needs 2 debug registers, 1 of 4 are free", 3, GLASSBOX_ERROR_BUSY },
    { "too long for ever", &x86, { W(0, 64) }, NULL, "needs 8 debug registers, there are 4", 0,
      GLASSBOX_ERROR_UNSUPPORTED },
    { "no watching of reads alone", &x86, { R(0, 8) }, NULL,
      "this accelerator cannot watch reads without writes; watch accesses", 0,
      GLASSBOX_ERROR_UNSUPPORTED },
    { "reads where they can be", &arm, { R(0, 8) }, "s" },
    { "more by protection", &x86_protect,
      { W(0, 8), W(8, 8), W(16, 8), W(24, 8), W(32, 1), WP(0, 99) }, "ssssww" },
    { "protection of an unmapped page", &x86_protect,
      { { .kind = POINT_WRITE, .addr = 0, .len = 64 } }, "W" },
    { "physical exec is patched", &x86, { P(1), E(2) }, "ps" },
    { "physical data cannot be", &x86, { WP(0, 4) }, NULL,
      "this accelerator can watch virtual addresses only", 0, GLASSBOX_ERROR_UNSUPPORTED },
    { "own pools", &arm, { W(0, 8), W(8, 8), W(16, 8), W(24, 8), E(1), E(2), E(3), E(4), },
      "ssssssss" },
    { "slots only, full", &slots_only, { E(1), E(2), E(3) }, NULL,
      "needs 1 debug register, 0 of 2 are free", 2, GLASSBOX_ERROR_BUSY },
    { "slots only, physical", &slots_only, { P(1) }, NULL,
      "this accelerator can break at virtual addresses only", 0, GLASSBOX_ERROR_UNSUPPORTED },
    { "nothing at all", &nothing, { E(1) }, NULL, "this accelerator has no breakpoints", 0,
      GLASSBOX_ERROR_UNSUPPORTED },
    { "no watchpoints", &nothing, { W(1, 1) }, NULL, "this accelerator has no watchpoints", 0,
      GLASSBOX_ERROR_UNSUPPORTED },
};

static unsigned wish_count(const AllocWish *w)
{
    unsigned n = 0;

    while (n < 8 && w[n].len) {
        n++;
    }
    return n;
}

static char letter(const AllocChoice *c)
{
    static const char letters[] = {
        [BACKING_NATIVE] = 'n', [BACKING_SLOT] = 's', [BACKING_PATCH] = 'p',
        [BACKING_PROTECT] = 'w', [BACKING_CORE] = 'c',
    };

    return c->pending ? g_ascii_toupper(letters[c->backing]) : letters[c->backing];
}

static void test_table(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        unsigned n = wish_count(cases[i].wish), failed = 99;
        AllocChoice out[8];
        g_autoptr(GError) err = NULL;
        char got[9] = { 0 };

        g_test_message("%s", cases[i].name);
        bool ok = alloc_choose(cases[i].caps, cases[i].wish, n, out, &failed, &err);
        if (!cases[i].want) {
            g_assert_false(ok);
            g_assert_cmpstr(err->message, ==, cases[i].error);
            g_assert_cmpint(err->code, ==, cases[i].code);
            g_assert_cmpuint(failed, ==, (unsigned)cases[i].failed);
            continue;
        }
        g_assert_no_error(err);
        for (unsigned k = 0; k < n; k++) {
            got[k] = letter(&out[k]);
        }
        g_assert_cmpstr(got, ==, cases[i].want);
    }
}

static void test_slots(void)
{
    g_assert_cmpuint(alloc_data_slots(0, 8, 8), ==, 1);
    g_assert_cmpuint(alloc_data_slots(0, 1, 8), ==, 1);
    g_assert_cmpuint(alloc_data_slots(0, 3, 8), ==, 2);
    g_assert_cmpuint(alloc_data_slots(1, 8, 8), ==, 4);
    g_assert_cmpuint(alloc_data_slots(4, 8, 8), ==, 2);
    g_assert_cmpuint(alloc_data_slots(4, 8, 4), ==, 2);
    g_assert_cmpuint(alloc_data_slots(UINT64_MAX, 1, 8), ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/debug/alloc/table", test_table);
    g_test_add_func("/debug/alloc/slots", test_slots);
    return g_test_run();
}
