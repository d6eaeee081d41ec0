/* x86 paging: the walk, its rights and error codes, accessed and dirty bits, the debugger's view.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake-x86.h"
#include "target/i386/mmu.h"

#define P 1u
#define W 2u
#define U 4u
#define A 0x20u
#define D 0x40u
#define PS 0x80u
#define G 0x100u
#define NX (UINT64_C(1) << 63)

enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000 };

/* Long mode with one page of each size: 4 KiB at 0x5000, 2 MiB at 0x200000, 1 GiB at 0x40000000. */
static void map_long(uint64_t leaf)
{
    X86Entry e = { .rip = 0, .cr3 = PML4, .gdt_limit = 0xff };

    x86_enter_long64(fx.cpu[0], &e);
    fake_x86_state(0)->efer |= X86_EFER_NXE;
    fake_x86_state(0)->cr0 |= X86_CR0_WP;
    fake_x86_put(PML4, 8, PDPT | P | W | U);
    fake_x86_put(PDPT, 8, PD | P | W | U);
    fake_x86_put(PDPT + 8, 8, PS | P | W | U);
    fake_x86_put(PD, 8, PT | P | W | U);
    fake_x86_put(PD + 8, 8, 0x200000 | PS | P | W | U);
    fake_x86_put(PT + 5 * 8, 8, leaf);
}

static void set_cpl(unsigned cpl)
{
    X86State *s = fake_x86_state(0);

    s->seg[R_SS].flags = X86_FLAT_DATA32 | cpl << X86_SEG_DPL_SHIFT;
    x86_mode_update(s);
}

/* ---- rights ---- */

typedef struct RightRow {
    const char *name;
    uint64_t leaf;
    uint64_t cr4, cr0_clear, efer_clear;
    TcgAccess access;
    unsigned mmu;
    int error;              /* -1: it works */
} RightRow;

#define X 0x7000u
static const RightRow right_rows[] = {
    { "supervisor reads", X | P, 0, 0, 0, TCG_LOAD, X86_MMU_KERNEL, -1 },
    { "supervisor writes read-only", X | P, 0, 0, 0, TCG_STORE, X86_MMU_KERNEL, 3 },
    { "and without WP", X | P, 0, X86_CR0_WP, 0, TCG_STORE, X86_MMU_KERNEL, -1 },
    { "supervisor writes", X | P | W, 0, 0, 0, TCG_STORE, X86_MMU_KERNEL, -1 },
    { "user reads supervisor's", X | P | W, 0, 0, 0, TCG_LOAD, X86_MMU_USER, 5 },
    { "user writes supervisor's", X | P | W, 0, 0, 0, TCG_STORE, X86_MMU_USER, 7 },
    { "user writes read-only", X | P | U, 0, X86_CR0_WP, 0, TCG_STORE, X86_MMU_USER, 7 },
    { "user writes", X | P | W | U, 0, 0, 0, TCG_STORE, X86_MMU_USER, -1 },
    { "user executes", X | P | U, 0, 0, 0, TCG_FETCH, X86_MMU_USER, -1 },
    { "user executes NX", X | P | U | NX, 0, 0, 0, TCG_FETCH, X86_MMU_USER, 0x15 },
    { "user reads NX", X | P | U | NX, 0, 0, 0, TCG_LOAD, X86_MMU_USER, -1 },
    { "NX without NXE is reserved", X | P | U | NX, 0, 0, X86_EFER_NXE, TCG_LOAD, X86_MMU_USER, 0xd },
    { "fetch error without NXE, SMEP", X, 0, 0, X86_EFER_NXE, TCG_FETCH, X86_MMU_KERNEL, 0 },
    { "fetch error with SMEP", X, X86_CR4_SMEP, 0, X86_EFER_NXE, TCG_FETCH, X86_MMU_KERNEL, 0x10 },
    { "SMEP", X | P | U, X86_CR4_SMEP, 0, 0, TCG_FETCH, X86_MMU_KERNEL, 0x11 },
    { "SMEP lets supervisor pages", X | P, X86_CR4_SMEP, 0, 0, TCG_FETCH, X86_MMU_KERNEL, -1 },
    { "SMAP", X | P | U | W, X86_CR4_SMAP, 0, 0, TCG_LOAD, X86_MMU_SMAP, 1 },
    { "SMAP write", X | P | U | W, X86_CR4_SMAP, 0, 0, TCG_STORE, X86_MMU_SMAP, 3 },
    { "SMAP with AC", X | P | U | W, X86_CR4_SMAP, 0, 0, TCG_STORE, X86_MMU_KERNEL, -1 },
    { "not present", X, 0, 0, 0, TCG_LOAD, X86_MMU_KERNEL, 0 },
    { "not present, user writes", X, 0, 0, 0, TCG_STORE, X86_MMU_USER, 6 },
    { "not present, user executes", X, 0, 0, 0, TCG_FETCH, X86_MMU_USER, 0x14 },
    { "reserved address bit", X | P | UINT64_C(1) << 41, 0, 0, 0, TCG_LOAD, X86_MMU_KERNEL, 9 },
    { "ignored bits", X | P | UINT64_C(0x7ff) << 52 | 0xe00, 0, 0, 0, TCG_LOAD, X86_MMU_KERNEL, -1 },
};

static void test_rights(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(right_rows); i++) {
        const RightRow *r = &right_rows[i];
        TcgPage page;

        fake_x86_init("max", 1);
        map_long(r->leaf);
        X86State *s = fake_x86_state(0);
        s->cr4 |= r->cr4;
        s->cr0 &= ~r->cr0_clear;
        s->efer &= ~r->efer_clear;
        bool ok = x86_tcg_page(fx.cpu[0], 0x5123, r->access, r->mmu, &page);
        int error = ok ? -1 : (int)s->exc_error;

        if (ok != (r->error < 0) || error != r->error) {
            g_error("%s: error %d", r->name, error);
        }
        if (ok) {
            g_assert_cmphex(page.phys, ==, 0x7123);
            g_assert_cmphex(fake_x86_get(PT + 5 * 8, 8) & A, ==, A);
            g_assert_cmphex(fake_x86_get(PT + 5 * 8, 8) & D, ==, r->access == TCG_STORE ? D : 0);
        } else {
            g_assert_cmpint(s->exc_vector, ==, X86_EXC_PF);
            g_assert_cmphex(s->cr2, ==, 0x5123);
            g_assert_cmphex(fake_x86_get(PT + 5 * 8, 8) & (A | D), ==, 0);
        }
        fake_x86_done();
    }
}

/* Upper levels take part: one that is read-only or the supervisor's makes the page so. */
static void test_levels(void)
{
    static const paddr_t level[] = { PML4, PDPT, PD };
    uint32_t want[3][2] = { { 5, 7 }, { 5, 7 }, { 5, 7 } };

    for (unsigned i = 0; i < 3; i++) {
        TcgPage page;

        fake_x86_init("max", 1);
        map_long(0x7000 | P | W | U);
        uint64_t e = fake_x86_get(level[i], 8);
        fake_x86_put(level[i], 8, e & ~(uint64_t)U);
        g_assert_false(x86_tcg_page(fx.cpu[0], 0x5000, TCG_LOAD, X86_MMU_USER, &page));
        g_assert_cmphex(fake_x86_state(0)->exc_error, ==, want[i][0]);
        fake_x86_put(level[i], 8, e & ~(uint64_t)W);
        fake_x86_state(0)->exc_vector = -1;
        g_assert_false(x86_tcg_page(fx.cpu[0], 0x5000, TCG_STORE, X86_MMU_USER, &page));
        g_assert_cmphex(fake_x86_state(0)->exc_error, ==, want[i][1]);
        fake_x86_put(level[i], 8, e | NX);
        g_assert_false(x86_tcg_page(fx.cpu[0], 0x5000, TCG_FETCH, X86_MMU_USER, &page));
        g_assert_cmphex(fake_x86_state(0)->exc_error, ==, 0x15);
        fake_x86_put(level[i], 8, e & ~(uint64_t)P);
        g_assert_false(x86_tcg_page(fx.cpu[0], 0x5000, TCG_LOAD, X86_MMU_KERNEL, &page));
        g_assert_cmphex(fake_x86_state(0)->exc_error, ==, 0);
        fake_x86_put(level[i], 8, e);
        g_assert_true(x86_tcg_page(fx.cpu[0], 0x5000, TCG_LOAD, X86_MMU_USER, &page));
        g_assert_true(fake_x86_get(level[i], 8) & A);
        fake_x86_done();
    }
}

static void test_sizes(void)
{
    TcgPage page;

    fake_x86_init("max", 1);
    map_long(0x7000 | P | W | G);
    fake_x86_state(0)->cr4 |= X86_CR4_PGE;
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x345678, TCG_LOAD, X86_MMU_USER, &page));
    g_assert_cmphex(page.phys, ==, 0x345678);
    g_assert_cmpuint(page.page_bits, ==, 21);
    g_assert_false(page.write);     /* not dirty yet */
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x345678, TCG_STORE, X86_MMU_USER, &page));
    g_assert_true(page.write);
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x40abcdef, TCG_LOAD, X86_MMU_USER, &page));
    g_assert_cmphex(page.phys, ==, 0xabcdef);
    g_assert_cmpuint(page.page_bits, ==, 30);
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x5000, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_true(page.global);
    fake_x86_state(0)->cr4 &= ~(uint64_t)X86_CR4_PGE;
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x5000, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_false(page.global);
    /* Reserved bits of a large page: its address below the size. */
    fake_x86_put(PD + 8, 8, 0x202000 | PS | P);
    g_assert_false(x86_tcg_page(fx.cpu[0], 0x200000, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmphex(fake_x86_state(0)->exc_error, ==, 9);
    fake_x86_done();
}

static void test_canonical(void)
{
    TcgPage page;

    fake_x86_init("max", 1);
    map_long(0x7000 | P);
    X86State *s = fake_x86_state(0);
    s->rip = 0x5000;
    fake_x86_put(0x7000, 8, 0x008b);        /* mov (%rax), %eax */
    s->gpr[R_RAX] = UINT64_C(0x0000800000000000);
    g_assert_false(x86_tcg_page(fx.cpu[0], s->gpr[R_RAX], TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmpint(s->exc_vector, ==, X86_EXC_GP);
    fake_x86_put(0x7000, 8, 0x58);          /* pop %rax */
    s->gpr[R_RSP] = UINT64_C(0x0000800000000000);
    g_assert_false(x86_tcg_page(fx.cpu[0], s->gpr[R_RSP], TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmpint(s->exc_vector, ==, X86_EXC_SS);
    fake_x86_put(0x7000, 8, 0x30ff);        /* push (%rax): the operand is not the stack's */
    s->gpr[R_RSP] = 0x6000;
    g_assert_false(x86_tcg_page(fx.cpu[0], s->gpr[R_RAX], TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmpint(s->exc_vector, ==, X86_EXC_GP);
    fake_x86_done();
}

/* An entry that changes while its bits are set is walked again, and keeps what the other wrote. */
static void test_race(void)
{
    TcgPage page;

    fake_x86_init("max", 1);
    map_long(0x7000 | P | W);
    fx.cas_fails = 1;
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x5000, TCG_STORE, X86_MMU_KERNEL, &page));
    g_assert_cmphex(fake_x86_get(PML4, 8), ==, PDPT | P | W | U | A | 0x200);
    g_assert_cmphex(fake_x86_get(PT + 5 * 8, 8), ==, 0x7000 | P | W | A | D);
    fake_x86_done();
}

/* ---- 32-bit and PAE ---- */

static void enter_32(uint64_t cr4)
{
    X86Entry e = { .rip = 0 };
    X86State *s = fake_x86_state(0);

    x86_enter_flat32(fx.cpu[0], &e);
    s->cr0 |= X86_CR0_PG | X86_CR0_WP;
    s->cr4 = cr4;
    s->cr3 = 0x1000;
}

static void test_narrow(void)
{
    TcgPage page;

    fake_x86_init("max", 1);
    enter_32(0);
    X86State *s = fake_x86_state(0);
    fake_x86_put(0x1000 + 0x300 * 4, 4, 0x2000 | P | W);
    fake_x86_put(0x2000 + 5 * 4, 4, 0x9000 | P | W);
    g_assert_true(x86_tcg_page(fx.cpu[0], 0xc0005678, TCG_STORE, X86_MMU_KERNEL, &page));
    g_assert_cmphex(page.phys, ==, 0x9678);
    g_assert_cmphex(fake_x86_get(0x2000 + 5 * 4, 4), ==, 0x9000 | P | W | A | D);
    g_assert_cmphex(fake_x86_get(0x1000 + 0x300 * 4, 4), ==, 0x2000 | P | W | A);
    g_assert_false(x86_tcg_page(fx.cpu[0], 0xc0005678, TCG_FETCH, X86_MMU_USER, &page));
    g_assert_cmphex(s->exc_error, ==, 5);       /* no I/D bit without NX */
    /* PS counts with CR4.PSE only; bits 13 to 20 are address bits 32 to 39. */
    fake_x86_put(0x1000 + 4, 4, 0x00c00000 | PS | P);
    s->cr4 = X86_CR4_PSE;
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x00523456, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmphex(page.phys, ==, 0x00d23456);
    g_assert_cmpuint(page.page_bits, ==, 22);
    fake_x86_put(0x1000 + 4, 4, 0x00c02000 | PS | P);
    g_assert_true(x86_tcg_page(fx.cpu[0], 0x00523456, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmphex(page.phys, ==, 0x100d23456);
    fake_x86_put(0x1000 + 4, 4, 0x00e00000 | PS | P);
    g_assert_false(x86_tcg_page(fx.cpu[0], 0x00523456, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmphex(s->exc_error, ==, 9);
    fake_x86_done();
}

static void test_pae(void)
{
    TcgPage page;

    fake_x86_init("max", 1);
    enter_32(X86_CR4_PAE);
    X86State *s = fake_x86_state(0);
    s->pdpte[3] = 0x2000 | P;
    fake_x86_put(0x2000, 8, 0x3000 | P | W | U);
    fake_x86_put(0x3000 + 7 * 8, 8, 0xa000 | P | W | U);
    fake_x86_put(0x2008, 8, 0x400000 | PS | P | W);
    g_assert_true(x86_tcg_page(fx.cpu[0], 0xc0007abc, TCG_LOAD, X86_MMU_USER, &page));
    g_assert_cmphex(page.phys, ==, 0xaabc);
    g_assert_true(x86_tcg_page(fx.cpu[0], 0xc0234567, TCG_STORE, X86_MMU_KERNEL, &page));
    g_assert_cmphex(page.phys, ==, 0x434567);
    g_assert_false(x86_tcg_page(fx.cpu[0], 0x1000, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmphex(s->exc_error, ==, 0);
    /* Bits 52 to 62 are reserved here. */
    fake_x86_put(0x3000 + 7 * 8, 8, 0xa000 | P | UINT64_C(1) << 52);
    g_assert_false(x86_tcg_page(fx.cpu[0], 0xc0007abc, TCG_LOAD, X86_MMU_KERNEL, &page));
    g_assert_cmphex(s->exc_error, ==, 9);
    fake_x86_done();
}

/* ---- the debugger's view ---- */

static void test_translate(void)
{
    Translation t;

    fake_x86_init("max", 1);
    g_assert_true(x86_translate(fx.cpu[0], 0xfffffff0, &t));       /* paging off */
    g_assert_cmphex(t.paddr, ==, 0xfffffff0);
    g_assert_cmphex(t.left, ==, 16);
    g_assert_true(t.read && t.write && t.exec);
    map_long(0x7000 | P | U | NX);
    set_cpl(3);
    g_assert_true(x86_translate(fx.cpu[0], 0x5ff0, &t));
    g_assert_cmphex(t.paddr, ==, 0x7ff0);
    g_assert_cmphex(t.left, ==, 16);
    g_assert_cmphex(t.page_size, ==, 0x1000);
    g_assert_true(t.read && !t.write && !t.exec && t.user);
    g_assert_cmphex(fake_x86_get(PT + 5 * 8, 8), ==, 0x7000 | P | U | NX);     /* no accessed bit */
    g_assert_true(x86_translate(fx.cpu[0], 0x3ff000, &t));
    g_assert_cmphex(t.page_size, ==, 0x200000);
    g_assert_cmphex(t.left, ==, 0x1000);
    /* Holes, with their sizes. */
    g_assert_false(x86_translate(fx.cpu[0], 0x6100, &t));
    g_assert_true(t.hole);
    g_assert_cmphex(t.left, ==, 0xf00);
    g_assert_false(x86_translate(fx.cpu[0], 0x410000, &t));
    g_assert_cmphex(t.left, ==, 0x1f0000);
    g_assert_false(x86_translate(fx.cpu[0], UINT64_C(1) << 39, &t));
    g_assert_cmphex(t.left, ==, UINT64_C(1) << 39);
    g_assert_false(x86_translate(fx.cpu[0], UINT64_C(1) << 47, &t));
    g_assert_cmphex(t.left, ==, UINT64_C(0xffff800000000000) - (UINT64_C(1) << 47));
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/mmu/rights", test_rights);
    g_test_add_func("/x86/mmu/levels", test_levels);
    g_test_add_func("/x86/mmu/sizes", test_sizes);
    g_test_add_func("/x86/mmu/canonical", test_canonical);
    g_test_add_func("/x86/mmu/race", test_race);
    g_test_add_func("/x86/mmu/32-bit", test_narrow);
    g_test_add_func("/x86/mmu/pae", test_pae);
    g_test_add_func("/x86/mmu/translate", test_translate);
    return g_test_run();
}
