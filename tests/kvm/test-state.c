/* Registers: what the debugger writes it reads, and the guest has; what they are after a reset.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

/* Random values: bits that are free, and bits that are always set. */
typedef struct Row {
    const char *name;
    uint64_t free, set;
} Row;

#define ANY UINT64_MAX
#define CANONICAL 0x00007fffffffffffull

static const Row rows[] = {
    { "rax", ANY }, { "rbx", ANY }, { "rcx", ANY }, { "rdx", ANY }, { "rsi", ANY }, { "rdi", ANY },
    { "rbp", ANY }, { "rsp", ANY }, { "r8", ANY }, { "r9", ANY }, { "r10", ANY }, { "r11", ANY },
    { "r12", ANY }, { "r13", ANY }, { "r14", ANY }, { "r15", ANY }, { "eflags", 0xcd5, 2 },
    { "fs_base", CANONICAL }, { "gs_base", CANONICAL }, { "kernel_gs_base", CANONICAL },
    { "dr0", ANY }, { "dr1", ANY }, { "dr2", ANY }, { "dr3", ANY }, { "dr6", 0xe00f, 0xffff0ff0 },
    { "dr7", 0xffff0000, 0x400 }, { "cr2", ANY }, { "star", ANY }, { "lstar", CANONICAL },
    { "cstar", CANONICAL }, { "sfmask", 0xffffffff }, { "sysenter_cs", 0xffffffff },
    { "sysenter_esp", CANONICAL }, { "sysenter_eip", CANONICAL }, { "pat", 0x0004040000040400, 0x0007000600070006 },
    { "fctrl", 0xf3f, 0x40 }, { "mxcsr", 0xffbf },
};

/* rax rbx rcx rdx rsi rdi rbp rsp r8..r15 flags: the first rows, as pg_store has them. */
enum { GENERAL = 17, SYSTEM = 9 };

static uint64_t random_of(GRand *rand, const Row *row)
{
    uint64_t v = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);

    return (v & row->free) | row->set;
}

/* All registers, to be put back later. */
typedef struct Saved {
    const char *name;
    unsigned bytes;
    uint8_t value[64];
} Saved;

static GArray *save(Machine *m)
{
    const char *const *name = rsp_register_names(machine_rsp(m));
    GArray *all = g_array_new(FALSE, FALSE, sizeof(Saved));

    for (unsigned i = 0; name[i]; i++) {
        Saved s = { .name = name[i], .bytes = rsp_register_bytes(machine_rsp(m), name[i]) };

        rsp_register_read(machine_rsp(m), s.name, s.value, sizeof(s.value));
        g_array_append_val(all, s);
    }
    return all;
}

/* Every register takes the value that it has. */
static void put_back(Machine *m, GArray *all)
{
    for (unsigned i = 0; i < all->len; i++) {
        Saved *s = &g_array_index(all, Saved, i);

        if (g_str_has_prefix(s->name, "tsc")) {
            continue;       /* time: the write would put it back */
        }
        if (!rsp_register_write(machine_rsp(m), s->name, s->value, s->bytes)) {
            test_fail("%s does not take the value that it has", s->name);
        }
    }
    g_array_free(all, TRUE);
}

/* ---- what is written is read ------------------------------------------------------------ */

/* Random values, `round` times each; what is refused must be an error and change nothing. */
static void test_written(Machine *m)
{
    GRand *rand = g_rand_new_with_seed(11);
    Rsp *r = machine_rsp(m);
    GArray *all = save(m);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t before = rsp_get(r, rows[i].name);
        uint64_t v = random_of(rand, &rows[i]);

        if (rsp_register_write(r, rows[i].name, &v, 8)) {
            g_assert_cmphex(rsp_get(r, rows[i].name), ==, v);
        } else {
            g_test_message("%s is refused", rows[i].name);
            g_assert_cmphex(rsp_get(r, rows[i].name), ==, before);
        }
    }
    put_back(m, all);
    g_rand_free(rand);
}

/* The same once more, and nothing has changed by it. */
static void test_put_back(Machine *m)
{
    g_autofree char *before = NULL, *after = NULL;

    before = g_strdup(rsp_ask(machine_rsp(m), "g"));
    put_back(m, save(m));
    after = g_strdup(rsp_ask(machine_rsp(m), "g"));
    g_assert_cmpstr(before, ==, after);
    g_assert_true(rsp_ask_ok(machine_rsp(m), "G%s", before));
    g_assert_cmpstr(rsp_ask(machine_rsp(m), "g"), ==, before);
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, 10);
}

/* Writes that the CPU itself would not take. */
static void test_refused(Machine *m)
{
    static const Row bad[] = {
        { "cr0", 0, 0x80000000 }, { "cr4", 0, 0x80000000 }, { "cr8", 0, 0x10 },
        { "efer", 0, 0x8000 }, { "fs_base", 0, 0x0001000000000000 }, { "dr7", 0, 1ull << 32 },
        { "mxcsr", 0, 0x10000 }, { "rip", 0, 0x0001000000000000 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        uint64_t before = rsp_get(machine_rsp(m), bad[i].name);

        if (rsp_register_write(machine_rsp(m), bad[i].name, &bad[i].set, 8)) {
            test_fail("%s takes a value that it cannot have", bad[i].name);
        }
        g_assert_cmphex(rsp_get(machine_rsp(m), bad[i].name), ==, before);
    }
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, 10);
}

/* ---- the guest has it ------------------------------------------------------------------- */

typedef struct Floats {
    uint8_t st[8][10], xmm[16][16];
} Floats;

static void floats_write(Machine *m, GRand *rand, Floats *f)
{
    for (unsigned i = 0; i < sizeof(*f); i++) {
        ((uint8_t *)f)[i] = (uint8_t)g_rand_int(rand);
    }
    for (unsigned i = 0; i < 16; i++) {
        g_autofree char *xmm = g_strdup_printf("xmm%u", i), *st = g_strdup_printf("st%u", i);

        g_assert_true(rsp_register_write(machine_rsp(m), xmm, f->xmm[i], 16));
        if (i < 8) {
            g_assert_true(rsp_register_write(machine_rsp(m), st, f->st[i], 10));
        }
    }
}

/* The guest's FXSAVE. */
static void floats_compare(Machine *m, const Floats *f, uint16_t control, uint32_t mxcsr)
{
    uint8_t fx[512];

    rsp_read(machine_rsp(m), sym("pg_fx"), fx, sizeof(fx));
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmpmem(fx + 160 + 16 * i, 16, f->xmm[i], 16);
        if (i < 8) {
            g_assert_cmpmem(fx + 32 + 16 * i, 10, f->st[i], 10);
        }
    }
    g_assert_cmpmem(fx, 2, &control, 2);
    g_assert_cmpmem(fx + 24, 4, &mxcsr, 4);
}

/* Sets everything at random, lets the guest store it. */
static void test_guest_has(Machine *m)
{
    static const unsigned stored[SYSTEM] = { 17, 18, 19, 20, 21, 22, 23, 24, 25 };
    GRand *rand = g_rand_new_with_seed(12);
    Rsp *r = machine_rsp(m);
    GArray *all = save(m);
    Floats f;

    for (unsigned round = 0; round < 3; round++) {
        uint64_t v[26], general[GENERAL], system[SYSTEM];

        floats_write(m, rand, &f);
        for (unsigned i = 0; i < G_N_ELEMENTS(v); i++) {
            v[i] = random_of(rand, &rows[i]);
            rsp_set(r, rows[i].name, v[i]);
        }
        rsp_set(r, "fctrl", 0x37f - 0x100 * round);
        rsp_set(r, "mxcsr", 0x1f80 | round << 13);
        rsp_set(r, "rip", sym("pg_store"));
        machine_point(m, 1, sym("pg_end"), 1);
        machine_go_to(m, sym("pg_end"), "hwbreak");
        machine_unpoint_all(m);
        rsp_read(r, sym("pg_registers"), general, sizeof(general));
        for (unsigned i = 0; i < GENERAL; i++) {
            if (general[i] != v[i]) {
                test_fail("%s is %" G_GINT64_MODIFIER "x in the guest, not %" G_GINT64_MODIFIER "x",
                          rows[i].name, general[i], v[i]);
            }
        }
        rsp_read(r, sym("pg_system"), system, sizeof(system));
        for (unsigned i = 0; i < SYSTEM; i++) {
            if (system[i] != v[stored[i]]) {
                test_fail("%s is %" G_GINT64_MODIFIER "x in the guest, not %" G_GINT64_MODIFIER "x",
                          rows[stored[i]].name, system[i], v[stored[i]]);
            }
        }
        floats_compare(m, &f, (uint16_t)(0x37f - 0x100 * round), 0x1f80 | round << 13);
    }
    put_back(m, all);
    g_rand_free(rand);
}

/* A page table that the debugger changes counts at once. */
static void test_page_tables(Machine *m)
{
    uint64_t table = sym("window_tables");

    rsp_write_u64(machine_rsp(m), sym("pup_data") + PAGE, 0x11);
    rsp_write_u64(machine_rsp(m), sym("pup_data") + 2 * PAGE, 0x22);
    machine_map(m, 12, sym("pup_data") + PAGE, false);
    g_assert_cmphex(machine_call(m, "pp_peek", WINDOW + 12 * PAGE, 0, 0), ==, 0x11);
    rsp_write_u64(machine_rsp(m), table + 8 * 12, (sym("pup_data") + 2 * PAGE) | 1);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), WINDOW + 12 * PAGE), ==, 0x22);
    g_assert_cmphex(machine_call(m, "pp_peek", WINDOW + 12 * PAGE, 0, 0), ==, 0x22);
}

/* ---- reset ------------------------------------------------------------------------------ */

/* What depends on the CPU's model, the host, or the time. */
static bool by_model(const char *name)
{
    static const char *const names[] = { "rdx", "tsc", "tsc_adjust", "tsc_deadline", "misc_enable",
                                         "mtrr_deftype" };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (g_str_equal(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void differences(Machine *m, Machine *other)
{
    const char *const *name = rsp_register_names(machine_rsp(other));

    for (unsigned i = 0; name[i]; i++) {
        uint8_t a[64], b[64];

        if (by_model(name[i])) {
            continue;
        }
        rsp_register_read(machine_rsp(m), name[i], a, sizeof(a));
        rsp_register_read(machine_rsp(other), name[i], b, sizeof(b));
        for (unsigned k = 0; k < sizeof(a); k++) {
            if (a[k] != b[k]) {
                test_fail("%s, byte %u: %02x; with tcg %02x", name[i], k, a[k], b[k]);
            }
        }
    }
}

/* A machine that has just started, and one that was used and reset, are as under tcg. */
static void test_reset(Machine *m)
{
    Machine *fresh = machine_start_other(expect_accel), *other = machine_start_other("tcg");
    g_autofree char *said = NULL;

    g_test_message("just started");
    differences(fresh, other);
    rsp_set(machine_rsp(m), "dr7", 0x455);
    rsp_set(machine_rsp(m), "kernel_gs_base", 0x4711);
    rsp_set(machine_rsp(m), "cr2", 0x4711);
    said = rsp_monitor(machine_rsp(m), "system_reset");
    g_test_message("reset");
    differences(m, other);
    machine_to_idle(m);
    g_free(machine_line(m, "puppet: ready"));
    g_assert_cmpuint(machine_call(m, "pp_ten", 0, 0, 0), ==, 10);
}

int main(int argc, char **argv)
{
    machine_init(&argc, &argv);
    machine_case("/state/written", test_written, 1, 1);
    machine_case("/state/put-back", test_put_back, 1, 1);
    machine_case("/state/refused", test_refused, 1, 1);
    machine_case("/state/guest-has", test_guest_has, 1, 1);
    machine_case("/state/page-tables", test_page_tables, 1, 1);
    machine_case("/state/reset", test_reset, 1, 1);
    return machine_run_cases();
}
