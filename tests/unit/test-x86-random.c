/* x86 system helpers on random states: nothing crashes, a fault leaves the registers as they were, and what
 * is cached (mode) always follows from the rest.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake-x86.h"
#include "target/i386/cpuid.h"
#include "target/i386/flags.h"
#include "target/i386/helper.h"

#define ROUNDS 60000

static GRand *rng;

static uint64_t rnd(void)
{
    return (uint64_t)g_rand_int(rng) << 32 | g_rand_int(rng);
}

static bool chance(unsigned percent)
{
    return g_rand_int_range(rng, 0, 100) < (int)percent;
}

/* A value near what matters. */
static uint64_t rnd_address(void)
{
    static const uint64_t some[] = { 0, 0x1000, 0xffff, 0x10000, 0xfffff000, 0xffffffff, 0x7fffffffffff,
                                     0x800000000000, 0xffff800000000000, UINT64_MAX };

    return chance(70) ? rnd() & (FAKE_X86_RAM - 1) : some[g_rand_int_range(rng, 0, G_N_ELEMENTS(some))];
}

enum { GDT = 0x10000, IDT = 0x11000, TSS = 0x12000, LDT = 0x13000 };

/* Descriptors of all types, mostly sane. */
static void put_descriptors(paddr_t at, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        uint64_t hi = rnd() & 0xff00ff;

        hi |= (chance(90) ? 0x8000u : 0) | (chance(75) ? 0x1000u : 0) | (rnd() & 0xf00) |
              (chance(60) ? 0 : rnd() & 0x6000) | (rnd() & 0xf00000);
        if (chance(70)) {
            hi &= ~UINT64_C(0xff0000ff);        /* low base */
        }
        fake_x86_put(at + i * 8, 4, rnd());
        fake_x86_put(at + i * 8 + 4, 4, hi);
    }
}

static void rnd_seg(X86Seg *seg, unsigned cpl, bool code)
{
    uint32_t flags = code ? X86_FLAT_CODE32 : X86_FLAT_DATA32;

    x86_seg_put(seg, (uint32_t)((rnd() & 0xfc) | cpl), chance(80) ? 0 : rnd() & 0xffffff,
                chance(80) ? 0xffffffffu : (uint32_t)rnd() & 0xfffff,
                (chance(90) ? flags : (uint32_t)rnd() & 0xf0ff00) & ~(3u << X86_SEG_DPL_SHIFT));
    seg->flags |= cpl << X86_SEG_DPL_SHIFT;
}

/* Real, protected, virtual-8086, compatibility or 64-bit mode. */
static void rnd_state(X86State *s)
{
    unsigned kind = (unsigned)g_rand_int_range(rng, 0, 5), cpl = kind == 0 ? 0 : rnd() & 3;
    uint32_t flags = (uint32_t)rnd() & 0x3f7fd7 & ~X86_VM;

    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = rnd_address();
    }
    s->rip = rnd_address() & 0xfffff;
    s->cr0 = X86_CR0_ET | (kind ? X86_CR0_PE : 0) | (rnd() & (X86_CR0_AM | X86_CR0_WP | X86_CR0_TS));
    s->cr4 = rnd() & (X86_CR4_VME | X86_CR4_PVI | X86_CR4_DE | X86_CR4_UMIP | X86_CR4_TSD);
    s->efer = rnd() & X86_EFER_SCE;
    if (kind == 1) {
        cpl = 3;
        flags |= X86_VM;
    } else if (kind >= 3) {
        s->cr0 |= X86_CR0_PG;
        s->cr3 = 0x1000;
        s->cr4 |= X86_CR4_PAE;
        s->efer |= X86_EFER_LME | X86_EFER_LMA;
    }
    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        rnd_seg(&s->seg[i], cpl, i == R_CS);
    }
    if (kind == 4) {
        x86_seg_put(&s->seg[R_CS], 8 | cpl, 0, 0xffffffffu, X86_FLAT_CODE64 | cpl << X86_SEG_DPL_SHIFT);
    }
    x86_seg_put(&s->gdt, 0, GDT, (uint32_t)rnd() & 0x3ff, 0);
    x86_seg_put(&s->idt, 0, IDT, (uint32_t)rnd() & 0xfff, 0);
    x86_seg_put(&s->ldt, 8, LDT, (uint32_t)rnd() & 0xff, chance(50) ? X86_SEG_P | 2 << 8 : 0);
    x86_seg_put(&s->tr, 16, TSS, (uint32_t)rnd() & 0xff, X86_SEG_P | (chance(70) ? 11u : 3u) << 8);
    for (unsigned i = 0; i < 4; i++) {
        s->dr[i] = rnd_address();
    }
    s->dr[7] = 0x400 | (chance(80) ? 0 : rnd() & 0xffff23ff);
    s->star = rnd();
    s->lstar = s->cstar = rnd_address();
    s->sysenter_cs = rnd() & 0xffff;
    s->exc_vector = -1;
    s->exc_nest = 0;
    s->pending_dr6 = 0;
    s->mode = 0;
    x86_eflags_set(s, flags);
    x86_mode_update(s);
}

static unsigned rnd_size(const X86State *s)
{
    return x86_in_64(s) ? 4u << (rnd() & 1) : 2u << (rnd() & 1);
}

static void call_helper(X86State *s, unsigned which)
{
    uint64_t sel = chance(80) ? rnd() & 0x1ff : rnd() & 0xffff;
    uint64_t addr = rnd_address(), size = rnd_size(s);

    if (!x86_in_64(s)) {
        addr = (uint32_t)addr;
    }
    switch (which) {
    case 0: x86_helper_ljmp(s, sel, addr, size, s->rip + 5); break;
    case 1: x86_helper_lcall(s, sel, addr, size, s->rip + 5); break;
    case 2: x86_helper_lret(s, size, rnd() & 0xff); break;
    case 3: x86_helper_iret(s, size, s->rip + 1); break;
    case 4: x86_helper_load_seg(s, (const unsigned[]){ 0, 2, 3, 4, 5 }[rnd() % 5], sel); break;
    case 5: x86_helper_syscall(s, s->rip + 2); break;
    case 6: x86_helper_sysret(s, x86_in_64(s) ? size : 4); break;
    case 7: x86_helper_sysenter(s); break;
    case 8: x86_helper_sysexit(s, x86_in_64(s) ? size : 4); break;
    case 9: x86_helper_lldt(s, sel); break;
    case 10: x86_helper_ltr(s, sel); break;
    case 11: x86_helper_lar(s, sel); break;
    case 12: x86_helper_lsl(s, sel); break;
    case 13: x86_helper_write_cr(s, rnd() & 15, chance(50) ? rnd() : rnd() & 0x80000073); break;
    case 14: x86_helper_write_dr(s, rnd() & 7, rnd() & 0xffffffff); break;
    case 15: x86_helper_popf(s, rnd(), size); break;
    case 16: x86_helper_in(s, rnd() & 0xffff, 1u << (rnd() % 3)); break;
    case 17: x86_helper_seg_check(s, addr, (rnd() % 6) | 4 << 8 | (rnd() & 1) << 16); break;
    case 18: s->gpr[R_RCX] = chance(50) ? 0xc0000080 + rnd() % 8 : rnd() % 0x900; x86_helper_wrmsr(s); break;
    case 19: x86_helper_sti(s); break;
    case 20: x86_helper_sgdt(s, addr, size); break;
    case 21: x86_helper_lidt(s, addr, size); break;
    case 22: x86_helper_swapgs(s); break;
    case 23: x86_helper_verw(s, sel); break;
    default: x86_helper_int(s, rnd() & 0xff, s->rip + 2); break;
    }
}

/* Task switches fault in the new task. */
static bool may_have_switched(unsigned which, const X86State *a, const X86State *b)
{
    return a->tr.selector != b->tr.selector || a->tr.base != b->tr.base;
}

static void check_unchanged(unsigned which, const X86State *before, const X86State *s)
{
    if (may_have_switched(which, before, s)) {
        return;
    }
    if (memcmp(before->gpr, s->gpr, sizeof(s->gpr)) && which != 18) {
        g_error("helper %u changed general registers before it faulted", which);
    }
    if (memcmp(before->seg, s->seg, sizeof(s->seg)) || before->rip != s->rip ||
        before->eflags != s->eflags || before->cr0 != s->cr0 || before->cr3 != s->cr3 ||
        before->cr4 != s->cr4 || before->efer != s->efer) {
        g_error("helper %u changed the state before it faulted with %d", which, s->exc_vector);
    }
}

static void check_mode(unsigned which, X86State *s)
{
    uint32_t mode = s->mode;

    x86_mode_update(s);
    if (mode != s->mode) {
        g_error("helper %u left the mode at %x instead of %x", which, mode, s->mode);
    }
}

static void one_round(void)
{
    X86State *s = fake_x86_state(0);
    X86State before;
    unsigned which = (unsigned)g_rand_int_range(rng, 0, 26);
    FakeLeft left;

    rnd_state(s);
    before = *s;
    FAKE_TRY(left, call_helper(s, which));
    if (left == FAKE_RAISED) {
        bool soft = s->exc_kind == X86_EVENT_SOFT;

        g_assert_cmpint(s->exc_vector, >=, 0);
        if (!soft && !(which == 5 || which == 6)) {
            check_unchanged(which, &before, s);
        }
        left = fake_x86_deliver(0);
        g_assert_cmpint(s->exc_vector, ==, -1);
        g_assert_cmpint(s->exc_nest, ==, 0);
    }
    check_mode(which, s);
    if (chance(20)) {
        FAKE_TRY(left, x86_deliver_external(fx.cpu[0], rnd() & 0xff));
        if (left == FAKE_RAISED) {
            fake_x86_deliver(0);
        }
        check_mode(99, s);
    }
}

static void test_random(void)
{
    fake_x86_init("max", 1);
    rng = g_rand_new_with_seed(g_test_rand_int());
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (i % 64 == 0) {
            put_descriptors(GDT, 0x80);
            put_descriptors(LDT, 0x20);
            put_descriptors(IDT, 0x200);
            for (unsigned k = 0; k < 0x200; k += 8) {
                fake_x86_put(TSS + k, 8, chance(50) ? rnd_address() : rnd());
            }
            fake_x86_put(0x1000, 8, 0x2007);
            fake_x86_put(0x2000, 8, 0x3007);
            for (unsigned k = 0; k < 8; k++) {
                fake_x86_put(0x3000 + k * 8, 8, k * 0x200000 | 0x87);
            }
        }
        one_round();
    }
    g_rand_free(rng);
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/random", test_random);
    return g_test_run();
}
