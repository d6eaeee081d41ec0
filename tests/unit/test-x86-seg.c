/* x86 segments, transfers, events: exact exceptions, stacks, double faults, task switches.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake-x86.h"
#include "target/i386/flags.h"
#include "target/i386/helper.h"

enum { GDT = 0x10000, IDT = 0x11000, TSS = 0x12000, TSS2 = 0x12800, LDT = 0x13000,
       KSTACK = 0x21000, IST = 0x22000, USTACK = 0x23000, CODE = 0x30000 };

/* Selectors of the test's GDT. */
enum {
    S_KCODE = 0x08, S_KDATA = 0x10, S_UCODE = 0x18 | 3, S_UDATA = 0x20 | 3, S_TSS = 0x28,
    S_CONF = 0x38, S_ABSENT = 0x40, S_GATE = 0x48, S_LDT = 0x58, S_TSS2 = 0x68, S_SMALL = 0x70,
    S_KCODE64 = 0x78, S_RO = 0x80, S_XONLY = 0x88, S_TGATE = 0x90, S_UDATA_K = 0x20,
};

static uint64_t descriptor(uint32_t base, uint32_t limit, uint32_t flags)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(flags & 0xf0ff00) << 32 |
           (uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base >> 24) << 56;
}

static void put_desc(unsigned sel, uint32_t base, uint32_t limit, uint32_t flags)
{
    fake_x86_put(GDT + (sel & 0xfff8), 8, descriptor(base, limit, flags));
}

#define DPL(n) ((n) << X86_SEG_DPL_SHIFT)
#define CODE32 (X86_FLAT_CODE32 & ~X86_SEG_A)
#define DATA32 (X86_FLAT_DATA32 & ~X86_SEG_A)
#define SYSTEM(type) (X86_SEG_P | (type) << 8)

static void put_tables(bool lm)
{
    put_desc(S_KCODE, 0, 0xfffff, CODE32);
    put_desc(S_KDATA, 0, 0xfffff, DATA32);
    put_desc(S_UCODE, 0, 0xfffff, lm ? (X86_FLAT_CODE64 & ~X86_SEG_A) | DPL(3u) : CODE32 | DPL(3u));
    put_desc(S_UDATA, 0, 0xfffff, DATA32 | DPL(3u));
    put_desc(S_TSS, TSS, 0x2ff, SYSTEM(9u));
    put_desc(S_CONF, 0, 0xfffff, CODE32 | X86_SEG_C);
    put_desc(S_ABSENT, 0, 0xfffff, DATA32 & ~X86_SEG_P);
    fake_x86_put(GDT + S_GATE, 8, 0x0000ec0000080000 | (CODE & 0xffff) | (uint64_t)(CODE >> 16) << 48);
    put_desc(S_LDT, LDT, 0xff, SYSTEM(2u));
    put_desc(S_TSS2, TSS2, 0x67, SYSTEM(9u));
    put_desc(S_SMALL, 0x5000, 0xfff, DATA32 & ~X86_SEG_G);
    put_desc(S_KCODE64, 0, 0xfffff, X86_FLAT_CODE64 & ~X86_SEG_A);
    put_desc(S_RO, 0, 0xfffff, DATA32 & ~X86_SEG_W);
    put_desc(S_XONLY, 0, 0xfffff, CODE32 & ~X86_SEG_R);
    fake_x86_put(GDT + S_TGATE, 8, (uint64_t)S_TSS2 << 16 | UINT64_C(0xe500) << 32);
    if (lm) {
        fake_x86_put(GDT + S_TSS + 8, 8, 0);
        fake_x86_put(TSS + 4, 8, KSTACK);
        fake_x86_put(TSS + 0x24, 8, IST);
    } else {
        fake_x86_put(TSS + 4, 4, KSTACK);
        fake_x86_put(TSS + 8, 4, S_KDATA);
    }
    fake_x86_put(TSS + 102, 2, 0x68);
}

static void load_tables(X86State *s, bool lm)
{
    x86_seg_put(&s->gdt, 0, GDT, 0xff, 0);
    x86_seg_put(&s->idt, 0, IDT, 0xfff, 0);
    x86_seg_put(&s->tr, S_TSS, TSS, 0x2ff, SYSTEM(11u));
}

/* Protected mode, or long mode with 1 GiB of identity-mapped memory, for the user too. */
static X86State *start(bool lm)
{
    X86Entry e = { .rip = CODE, .cr3 = 0x1000, .cs = lm ? S_KCODE64 : S_KCODE, .ds = S_KDATA };

    fake_x86_init("max", 1);
    put_tables(lm);
    X86State *s = fake_x86_state(0);
    if (lm) {
        fake_x86_put(0x1000, 8, 0x2007);
        fake_x86_put(0x2000, 8, 0x87);
        x86_enter_long64(fx.cpu[0], &e);
    } else {
        x86_enter_flat32(fx.cpu[0], &e);
    }
    load_tables(s, lm);
    s->gpr[R_RSP] = KSTACK - 0x100;
    x86_eflags_set(s, 0x202);
    x86_mode_update(s);
    return s;
}

static void go_user(X86State *s)
{
    bool lm = s->efer & X86_EFER_LMA;

    x86_seg_put(&s->seg[R_CS], S_UCODE, 0, 0xffffffffu,
                (lm ? X86_FLAT_CODE64 : X86_FLAT_CODE32) | DPL(3u));
    x86_seg_put(&s->seg[R_SS], S_UDATA, 0, 0xffffffffu, X86_FLAT_DATA32 | DPL(3u));
    s->gpr[R_RSP] = USTACK;
    x86_mode_update(s);
}

static void put_gate(bool lm, unsigned vector, unsigned sel, unsigned type, unsigned dpl, unsigned ist)
{
    uint32_t offset = CODE + 0x100 + vector;
    uint64_t lo = (offset & 0xffff) | (uint64_t)sel << 16 |
                  (uint64_t)(0x8000 | dpl << 13 | type << 8 | ist) << 32 | (uint64_t)(offset >> 16) << 48;

    fake_x86_put(IDT + vector * (lm ? 16 : 8), 8, lo);
    if (lm) {
        fake_x86_put(IDT + vector * 16 + 8, 8, 0);
    }
}

static void expect(FakeLeft left, int vector, uint32_t error)
{
    X86State *s = fake_x86_state(0);

    if (left != FAKE_RAISED || s->exc_vector != vector || s->exc_error != error) {
        g_error("wanted %d(%x), got left %d, %d(%x)", vector, error, left, s->exc_vector,
                s->exc_error);
    }
    s->exc_vector = -1;
    s->exc_error = 0;
}

/* ---- loads of segment registers ---- */

typedef struct LoadRow {
    unsigned seg, sel;
    bool user;
    int vector;         /* -1: works */
    uint32_t error;
} LoadRow;

static const LoadRow load_rows[] = {
    { R_DS, S_KDATA, false, -1, 0 },
    { R_DS, 0, false, -1, 0 },
    { R_DS, 3, true, -1, 0 },
    { R_DS, S_UDATA, false, -1, 0 },
    { R_DS, S_KDATA, true, X86_EXC_GP, S_KDATA },
    { R_DS, S_KDATA | 3, false, X86_EXC_GP, S_KDATA },
    { R_DS, S_KCODE, false, -1, 0 },
    { R_DS, S_XONLY, false, X86_EXC_GP, S_XONLY },
    { R_DS, S_CONF | 3, true, -1, 0 },
    { R_DS, S_TSS, false, X86_EXC_GP, S_TSS },
    { R_DS, S_ABSENT, false, X86_EXC_NP, S_ABSENT },
    { R_DS, 0x100, false, X86_EXC_GP, 0x100 },
    { R_DS, 0x14, false, X86_EXC_GP, 0x14 },            /* there is no LDT */
    { R_SS, 0, false, X86_EXC_GP, 0 },
    { R_SS, S_KDATA, false, -1, 0 },
    { R_SS, S_KDATA | 1, false, X86_EXC_GP, S_KDATA },
    { R_SS, S_UDATA_K, false, X86_EXC_GP, S_UDATA_K },
    { R_SS, S_UDATA, true, -1, 0 },
    { R_SS, S_RO, false, X86_EXC_GP, S_RO },
    { R_SS, S_KCODE, false, X86_EXC_GP, S_KCODE },
    { R_SS, S_ABSENT, false, X86_EXC_SS, S_ABSENT },
};

static void test_load(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(load_rows); i++) {
        const LoadRow *r = &load_rows[i];
        X86State *s = start(false);
        FakeLeft left;

        if (r->user) {
            go_user(s);
        }
        FAKE_TRY(left, x86_helper_load_seg(s, r->seg, r->sel));
        if (r->vector >= 0) {
            expect(left, r->vector, r->error);
        } else {
            g_assert_cmpint(left, ==, FAKE_DONE);
            g_assert_cmphex(s->seg[r->seg].selector, ==, r->sel);
            if (r->sel & 0xfffc) {
                g_assert_true(s->seg[r->seg].flags & X86_SEG_A);
                g_assert_true(fake_x86_get(GDT + (r->sel & 0xf8) + 5, 1) & 1);
            }
        }
        fake_x86_done();
    }
}

static void test_limits(void)
{
    X86State *s = start(false);
    FakeLeft left;
    uint64_t a = 0;

    g_assert_true(s->mode & X86_MODE_FLAT);
    FAKE_TRY(left, x86_helper_load_seg(s, R_DS, S_SMALL));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_false(s->mode & X86_MODE_FLAT);
    FAKE_TRY(left, a = x86_helper_seg_check(s, 0xffc, R_DS | 4 << 8));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(a, ==, 0x5ffc);
    FAKE_TRY(left, x86_helper_seg_check(s, 0xffd, R_DS | 4 << 8));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_seg_check(s, 0xffffffff, R_SS | 4 << 8));
    expect(left, X86_EXC_SS, 0);
    FAKE_TRY(left, x86_helper_seg_check(s, 0, R_CS | 4 << 8 | 1 << 16));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_load_seg(s, R_ES, 0));
    FAKE_TRY(left, x86_helper_seg_check(s, 0, R_ES | 1 << 8));
    expect(left, X86_EXC_GP, 0);
    /* Expand down: above the limit it begins. */
    put_desc(S_SMALL, 0, 0xfff, (DATA32 | X86_SEG_E) & ~X86_SEG_G);
    FAKE_TRY(left, x86_helper_load_seg(s, R_DS, S_SMALL));
    FAKE_TRY(left, x86_helper_seg_check(s, 0xfff, R_DS | 1 << 8));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_seg_check(s, 0x1000, R_DS | 1 << 8));
    g_assert_cmpint(left, ==, FAKE_DONE);
    fake_x86_done();
}

/* ---- events ---- */

static FakeLeft raise_and_deliver(X86State *s, unsigned vector, bool has_error, uint32_t error)
{
    x86_exc_set(fx.cpu[0], X86_EVENT_FAULT, vector, has_error, error);
    return fake_x86_deliver(0);
}

static void test_deliver_protected(void)
{
    X86State *s = start(false);

    put_gate(false, X86_EXC_PF, S_KCODE, 14, 0, 0);
    go_user(s);
    s->rip = 0x1234;
    g_assert_cmpint(raise_and_deliver(s, X86_EXC_PF, true, 6), ==, FAKE_DONE);
    g_assert_cmpuint(x86_cpl(s), ==, 0);
    g_assert_cmphex(s->rip, ==, CODE + 0x100 + X86_EXC_PF);
    g_assert_cmphex(s->seg[R_SS].selector, ==, S_KDATA);
    g_assert_cmphex(s->gpr[R_RSP], ==, KSTACK - 24);
    g_assert_cmphex(fake_x86_get(KSTACK - 24, 4), ==, 6);
    g_assert_cmphex(fake_x86_get(KSTACK - 20, 4), ==, 0x1234);
    g_assert_cmphex(fake_x86_get(KSTACK - 16, 4), ==, S_UCODE);
    g_assert_cmphex(fake_x86_get(KSTACK - 12, 4), ==, 0x202 | X86_RF);
    g_assert_cmphex(fake_x86_get(KSTACK - 8, 4), ==, USTACK);
    g_assert_cmphex(fake_x86_get(KSTACK - 4, 4), ==, S_UDATA);
    g_assert_false(s->eflags & X86_IF);
    /* And back. */
    FakeLeft left;
    s->gpr[R_RSP] += 4;
    FAKE_TRY(left, x86_helper_iret(s, 4, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(s->rip, ==, 0x1234);
    g_assert_cmpuint(x86_cpl(s), ==, 3);
    g_assert_cmphex(s->gpr[R_RSP], ==, USTACK);
    g_assert_cmphex(x86_eflags_get(s), ==, 0x202);      /* RF means nothing without breakpoints */
    g_assert_cmphex(s->seg[R_DS].selector, ==, 0);      /* the kernel's data segment is dropped */
    fake_x86_done();
}

static void test_deliver_long(void)
{
    X86State *s = start(true);
    FakeLeft left;

    put_gate(true, X86_EXC_UD, S_KCODE64, 14, 0, 0);
    put_gate(true, X86_EXC_NMI, S_KCODE64, 14, 0, 1);
    put_gate(true, 0x80, S_KCODE64, 15, 3, 0);
    go_user(s);
    s->rip = 0x1234;
    g_assert_cmpint(raise_and_deliver(s, X86_EXC_UD, false, 0), ==, FAKE_DONE);
    g_assert_cmpuint(x86_cpl(s), ==, 0);
    g_assert_cmphex(s->seg[R_SS].selector, ==, 0);
    g_assert_cmphex(s->gpr[R_RSP], ==, KSTACK - 40);
    g_assert_cmphex(fake_x86_get(KSTACK - 40, 8), ==, 0x1234);
    g_assert_cmphex(fake_x86_get(KSTACK - 8, 8), ==, S_UDATA);
    /* NMI on its own stack, from ring 0. */
    uint64_t rsp = s->gpr[R_RSP];
    cpu_interrupt(fx.cpu[0], X86_IRQ_NMI);
    g_assert_true(x86_tcg_interrupt(fx.cpu[0], false));
    g_assert_cmphex(s->gpr[R_RSP], ==, IST - 40);
    g_assert_cmphex(fake_x86_get(IST - 16, 8), ==, rsp);
    g_assert_true(s->nmi_blocked);
    cpu_interrupt(fx.cpu[0], X86_IRQ_NMI);
    g_assert_false(x86_tcg_interrupt(fx.cpu[0], false));
    FAKE_TRY(left, x86_helper_iret(s, 8, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_false(s->nmi_blocked);
    g_assert_cmphex(s->gpr[R_RSP], ==, rsp);
    g_assert_true(x86_tcg_interrupt(fx.cpu[0], false));
    FAKE_TRY(left, x86_helper_iret(s, 8, 0));
    FAKE_TRY(left, x86_helper_iret(s, 8, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmpuint(x86_cpl(s), ==, 3);
    g_assert_cmphex(s->rip, ==, 0x1234);
    g_assert_cmphex(s->gpr[R_RSP], ==, USTACK);
    /* INT n saves the next instruction, a trap gate leaves IF. */
    FAKE_TRY(left, x86_helper_int(s, 0x80, 0x1236));
    g_assert_cmpint(left, ==, FAKE_RAISED);
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(fake_x86_get(KSTACK - 40, 8), ==, 0x1236);
    g_assert_true(s->eflags & X86_IF);
    fake_x86_done();
}

/* A soft interrupt through a gate that is not for ring 3. */
static void test_soft_dpl(void)
{
    X86State *s = start(true);
    FakeLeft left;

    put_gate(true, 0x20, S_KCODE64, 14, 0, 0);
    go_user(s);
    FAKE_TRY(left, x86_helper_int(s, 0x20, 0));
    FAKE_TRY(left, x86_tcg_deliver(fx.cpu[0]));
    expect(left, X86_EXC_GP, 0x20 * 8 + 2);     /* not external: EXT clear */
    /* An absent gate, for INT n and for an interrupt. */
    s->exc_nest = 0;
    fake_x86_put(IDT + 0x20 * 16 + 5, 1, 0x6e);
    FAKE_TRY(left, x86_helper_int(s, 0x20, 0));
    FAKE_TRY(left, x86_tcg_deliver(fx.cpu[0]));
    expect(left, X86_EXC_NP, 0x20 * 8 + 2);
    s->exc_nest = 0;
    FAKE_TRY(left, x86_deliver_external(fx.cpu[0], 0x20));
    expect(left, X86_EXC_NP, 0x20 * 8 + 3);
    fake_x86_done();
}

/* What two faults in a row become. */
typedef struct DoubleRow { unsigned first, second; int becomes; } DoubleRow;

static const DoubleRow double_rows[] = {
    { X86_EXC_UD, X86_EXC_PF, X86_EXC_PF },  { X86_EXC_UD, X86_EXC_GP, X86_EXC_GP },
    { X86_EXC_GP, X86_EXC_GP, X86_EXC_DF },  { X86_EXC_GP, X86_EXC_PF, X86_EXC_PF },
    { X86_EXC_DE, X86_EXC_NP, X86_EXC_DF },  { X86_EXC_PF, X86_EXC_PF, X86_EXC_DF },
    { X86_EXC_PF, X86_EXC_SS, X86_EXC_DF },  { X86_EXC_PF, X86_EXC_UD, X86_EXC_UD },
    { X86_EXC_DF, X86_EXC_PF, X86_EXC_TRIPLE }, { X86_EXC_DF, X86_EXC_GP, X86_EXC_TRIPLE },
    { X86_EXC_DB, X86_EXC_TS, X86_EXC_TS },
};

static void test_double(void)
{
    X86State *s = start(true);

    for (unsigned i = 0; i < G_N_ELEMENTS(double_rows); i++) {
        const DoubleRow *r = &double_rows[i];

        s->exc_nest = (uint8_t)x86_exc_class(r->first);
        x86_exc_set(fx.cpu[0], X86_EVENT_FAULT, r->second, true, 0x55);
        if (s->exc_vector != r->becomes) {
            g_error("%u then %u: %d", r->first, r->second, s->exc_vector);
        }
        if (r->becomes == X86_EXC_DF) {
            g_assert_cmphex(s->exc_error, ==, 0);
        }
    }
    fake_x86_done();
}

static void test_triple(void)
{
    X86State *s = start(true);

    s->idt.limit = 0;
    g_assert_cmpint(raise_and_deliver(s, X86_EXC_UD, false, 0), ==, FAKE_EXITED);
    g_assert_cmpint(fx.exit.kind, ==, EXIT_RESET);
    fake_x86_done();
}

/* ---- debug exceptions ---- */

static void test_debug(void)
{
    X86State *s = start(true);
    FakeLeft left;

    put_gate(true, X86_EXC_DB, S_KCODE64, 14, 0, 0);
    s->dr[0] = 0x1234;
    FAKE_TRY(left, x86_helper_write_dr(s, 7, 0x402));
    g_assert_true(s->mode & X86_MODE_EXECBP);
    s->rip = 0x1234;
    FAKE_TRY(left, x86_helper_check_exec_bp(s, 0x1233));
    g_assert_cmpint(left, ==, FAKE_DONE);
    FAKE_TRY(left, x86_helper_check_exec_bp(s, 0x1234));
    g_assert_cmpint(left, ==, FAKE_RAISED);
    s->dr[7] |= X86_DR7_GD;
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->dr[6], ==, 0xffff0ff1);
    g_assert_false(s->dr[7] & X86_DR7_GD);
    g_assert_cmphex(fake_x86_get(s->gpr[R_RSP] + 16, 8) & X86_RF, ==, 0);
    /* The handler sets RF and returns: the instruction runs in a mode of its own. */
    fake_x86_put(s->gpr[R_RSP] + 16, 8, 0x202 | X86_RF);
    FAKE_TRY(left, x86_helper_iret(s, 8, 0));
    g_assert_true(s->mode & X86_MODE_RF);
    FAKE_TRY(left, x86_helper_insn_end(s, s->mode));
    g_assert_false(s->mode & X86_MODE_RF);
    g_assert_cmphex(x86_eflags_get(s), ==, 0x202);
    /* GD. */
    s->dr[7] |= X86_DR7_GD;
    FAKE_TRY(left, x86_helper_read_dr(s, 0));
    g_assert_cmpint(left, ==, FAKE_RAISED);
    s->dr[6] = X86_DR6_FIXED;
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->dr[6], ==, 0xffff2ff0);
    /* DR4 is DR6 without CR4.DE. */
    FAKE_TRY(left, x86_helper_read_dr(s, 4));
    g_assert_cmpint(left, ==, FAKE_DONE);
    s->cr4 |= X86_CR4_DE;
    FAKE_TRY(left, x86_helper_read_dr(s, 4));
    expect(left, X86_EXC_UD, 0);
    fake_x86_done();
}

static void test_step_and_watch(void)
{
    X86State *s = start(true);
    FakeLeft left;

    put_gate(true, X86_EXC_DB, S_KCODE64, 14, 0, 0);
    s->dr[1] = 0x5004;
    FAKE_TRY(left, x86_helper_write_dr(s, 7, 0xd00408));
    g_assert_cmpuint(fx.nwatch, ==, 1);
    g_assert_cmphex(fx.watch[0].addr, ==, 0x5004);
    g_assert_cmpuint(fx.watch[0].len, ==, 4);
    g_assert_true(fx.watch[0].on_write && !fx.watch[0].on_read && fx.watch[0].tag == 1);
    /* A write hit and single step in one trap. */
    x86_eflags_set(s, 0x102);
    x86_mode_update(s);
    g_assert_true(s->mode & X86_MODE_TF);
    fx.guest_hits = 2;
    FAKE_TRY(left, x86_helper_insn_end(s, s->mode));
    g_assert_cmpint(left, ==, FAKE_RAISED);
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->dr[6], ==, 0xffff4ff2);
    g_assert_false(s->eflags & X86_TF);
    /* MOV SS holds it back for one instruction. */
    s->dr[6] = X86_DR6_FIXED;
    FAKE_TRY(left, x86_helper_load_seg(s, R_SS, S_KDATA));
    g_assert_true(s->mode & X86_MODE_SS_SHADOW);
    FAKE_TRY(left, x86_tcg_guest_watch(fx.cpu[0], 2));
    g_assert_cmpint(left, ==, FAKE_DONE);
    FAKE_TRY(left, x86_helper_insn_end(s, s->mode));
    g_assert_cmpint(left, ==, FAKE_RAISED);
    g_assert_cmpint(s->exc_vector, ==, X86_EXC_DB);
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->dr[6], ==, 0xffff0ff2);
    /* INT1 sets no bit. */
    s->dr[6] = X86_DR6_FIXED;
    FAKE_TRY(left, x86_helper_icebp(s, 0x77));
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->dr[6], ==, 0xffff0ff0);
    g_assert_cmphex(fake_x86_get(s->gpr[R_RSP], 8), ==, 0x77);
    /* But after MOV SS from a watched place it brings what is held back; no second #DB follows. */
    s->dr[6] = X86_DR6_FIXED;
    s->pending_dr6 = 2;
    FAKE_TRY(left, x86_helper_icebp(s, 0x99));
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->dr[6], ==, 0xffff0ff2);
    g_assert_cmphex(s->pending_dr6, ==, 0);
    g_assert_cmphex(fake_x86_get(s->gpr[R_RSP], 8), ==, 0x99);
    fake_x86_done();
}

static void test_io(void)
{
    X86State *s = start(false);
    FakeLeft left;

    go_user(s);
    x86_eflags_set(s, 0x202);
    /* The bitmap: port 0x10 is allowed, 0x12 is not. */
    for (unsigned i = 0; i < 0x100; i++) {
        fake_x86_put(TSS + 0x68 + i, 1, 0);
    }
    fake_x86_put(TSS + 0x68 + 2, 1, 4);
    FAKE_TRY(left, x86_helper_in(s, 0x10, 2));
    g_assert_cmpint(left, ==, FAKE_DONE);
    FAKE_TRY(left, x86_helper_in(s, 0x10, 4));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_out(s, 0x12, 1, 0));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_in(s, 0x3000, 1));        /* beyond the TSS */
    expect(left, X86_EXC_GP, 0);
    x86_eflags_set(s, 0x3202);
    x86_mode_update(s);
    fx.port_value = 0xab;
    uint64_t v = 0;
    FAKE_TRY(left, v = x86_helper_in(s, 0x3000, 1));
    g_assert_cmphex(v, ==, 0xab);
    /* I/O breakpoint. */
    s->cr4 |= X86_CR4_DE;
    s->dr[3] = 0x80;
    s->dr[7] = 0x20000480;
    x86_mode_update(s);
    g_assert_true(s->mode & X86_MODE_IOBP);
    FAKE_TRY(left, x86_helper_out(s, 0x80, 1, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    FAKE_TRY(left, x86_helper_insn_end(s, s->mode));
    g_assert_cmpint(left, ==, FAKE_RAISED);
    g_assert_cmphex(s->exc_dr6, ==, 8);
    fake_x86_done();
}

/* ---- transfers ---- */

static void test_far(void)
{
    X86State *s = start(false);
    FakeLeft left;

    FAKE_TRY(left, x86_helper_ljmp(s, S_KCODE, 0x4000, 4, 0));
    g_assert_cmphex(s->rip, ==, 0x4000);
    FAKE_TRY(left, x86_helper_ljmp(s, 0, 0, 4, 0));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_ljmp(s, S_KDATA, 0, 4, 0));
    expect(left, X86_EXC_GP, S_KDATA);
    FAKE_TRY(left, x86_helper_ljmp(s, S_UCODE, 0, 4, 0));
    expect(left, X86_EXC_GP, S_UCODE & ~3u);
    /* A call gate from ring 3, and back. */
    go_user(s);
    FAKE_TRY(left, x86_helper_lcall(s, S_GATE | 3, 0, 4, 0x777));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmpuint(x86_cpl(s), ==, 0);
    g_assert_cmphex(s->rip, ==, CODE);
    g_assert_cmphex(s->gpr[R_RSP], ==, KSTACK - 16);
    g_assert_cmphex(fake_x86_get(KSTACK - 16, 4), ==, 0x777);
    FAKE_TRY(left, x86_helper_lret(s, 4, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmpuint(x86_cpl(s), ==, 3);
    g_assert_cmphex(s->rip, ==, 0x777);
    g_assert_cmphex(s->gpr[R_RSP], ==, USTACK);
    /* A conforming segment keeps the level. */
    FAKE_TRY(left, x86_helper_ljmp(s, S_CONF, 0x10, 4, 0));
    g_assert_cmphex(s->seg[R_CS].selector, ==, S_CONF | 3);
    g_assert_cmpuint(x86_cpl(s), ==, 3);
    FAKE_TRY(left, x86_helper_ljmp(s, S_KCODE, 0, 4, 0));
    expect(left, X86_EXC_GP, S_KCODE);
    fake_x86_done();
}

static void test_syscall(void)
{
    X86State *s = start(true);
    FakeLeft left;

    s->star = UINT64_C(0x0010000800000000);
    s->lstar = 0xffffffff81001000;
    s->sfmask = X86_IF | X86_TF;
    go_user(s);
    s->rip = 0x1000;
    FAKE_TRY(left, x86_helper_syscall(s, 0x1002));
    expect(left, X86_EXC_UD, 0);        /* EFER.SCE */
    s->efer |= X86_EFER_SCE;
    FAKE_TRY(left, x86_helper_syscall(s, 0x1002));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(s->rip, ==, s->lstar);
    g_assert_cmphex(s->gpr[R_RCX], ==, 0x1002);
    g_assert_cmphex(s->gpr[R_R11], ==, 0x202);
    g_assert_cmphex(s->seg[R_CS].selector, ==, 8);
    g_assert_cmphex(s->seg[R_SS].selector, ==, 16);
    g_assert_cmpuint(x86_cpl(s), ==, 0);
    g_assert_false(s->eflags & X86_IF);
    s->kernel_gs_base = 0x1111;
    s->seg[R_GS].base = 0x2222;
    FAKE_TRY(left, x86_helper_swapgs(s));
    g_assert_cmphex(s->seg[R_GS].base, ==, 0x1111);
    FAKE_TRY(left, x86_helper_sysret(s, 8));
    g_assert_cmphex(s->rip, ==, 0x1002);
    g_assert_cmphex(s->seg[R_CS].selector, ==, 0x23);
    g_assert_cmphex(s->seg[R_SS].selector, ==, 0x1b);
    g_assert_cmpuint(x86_cpl(s), ==, 3);
    g_assert_true(s->mode & X86_MODE_CS64);
    g_assert_true(s->eflags & X86_IF);
    FAKE_TRY(left, x86_helper_swapgs(s));
    expect(left, X86_EXC_GP, 0);
    fake_x86_done();
}

static void test_selectors(void)
{
    X86State *s = start(false);
    FakeLeft left;
    uint64_t v = 0;

    FAKE_TRY(left, v = x86_helper_lar(s, S_KDATA));
    g_assert_cmphex(v, ==, (DATA32 & 0xf0ff00) | UINT64_C(1) << 63);
    FAKE_TRY(left, v = x86_helper_lsl(s, S_SMALL));
    g_assert_cmphex(v, ==, 0xfff | UINT64_C(1) << 63);
    FAKE_TRY(left, v = x86_helper_lsl(s, S_GATE));
    g_assert_cmphex(v, ==, 0);
    FAKE_TRY(left, v = x86_helper_verw(s, S_RO));
    g_assert_cmphex(v, ==, 0);
    FAKE_TRY(left, v = x86_helper_verr(s, S_XONLY));
    g_assert_cmphex(v, ==, 0);
    FAKE_TRY(left, v = x86_helper_verr(s, S_KCODE));
    g_assert_cmphex(v, ==, 1);
    FAKE_TRY(left, x86_helper_lldt(s, S_LDT));
    g_assert_cmphex(s->ldt.base, ==, LDT);
    FAKE_TRY(left, x86_helper_lldt(s, S_TSS));
    expect(left, X86_EXC_GP, S_TSS);
    FAKE_TRY(left, x86_helper_ltr(s, S_TSS2));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(fake_x86_get(GDT + S_TSS2 + 5, 1), ==, 0x8b);
    FAKE_TRY(left, x86_helper_ltr(s, S_TSS2));         /* busy */
    expect(left, X86_EXC_GP, S_TSS2);
    go_user(s);
    FAKE_TRY(left, x86_helper_ltr(s, S_TSS));
    expect(left, X86_EXC_GP, 0);
    fake_x86_done();
}

static void test_task(void)
{
    X86State *s = start(false);
    FakeLeft left;

    s->gpr[R_RBX] = 0xb0b;
    fake_x86_put(TSS2 + 32, 4, 0x5555);
    fake_x86_put(TSS2 + 36, 4, 0x2);
    fake_x86_put(TSS2 + 52, 4, 0xcafe);         /* EBX */
    fake_x86_put(TSS2 + 56, 4, 0x24000);        /* ESP */
    for (unsigned i = 0; i < 6; i++) {
        fake_x86_put(TSS2 + 72 + 4 * i, 4, i == R_CS ? S_KCODE : S_KDATA);
    }
    fake_x86_put(GDT + S_TSS + 5, 1, 0x8b);
    FAKE_TRY(left, x86_helper_lcall(s, S_TGATE, 0, 4, 0x4321));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(s->rip, ==, 0x5555);
    g_assert_cmphex(s->gpr[R_RBX], ==, 0xcafe);
    g_assert_cmphex(s->tr.selector, ==, S_TSS2);
    g_assert_true(s->eflags & X86_NT);
    g_assert_true(s->cr0 & X86_CR0_TS);
    g_assert_cmphex(fake_x86_get(TSS2, 2), ==, S_TSS);
    g_assert_cmphex(fake_x86_get(TSS + 32, 4), ==, 0x4321);
    g_assert_cmphex(fake_x86_get(TSS + 52, 4), ==, 0xb0b);
    g_assert_cmphex(fake_x86_get(GDT + S_TSS2 + 5, 1), ==, 0x8b);
    FAKE_TRY(left, x86_helper_iret(s, 4, 0x5556));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(s->rip, ==, 0x4321);
    g_assert_cmphex(s->gpr[R_RBX], ==, 0xb0b);
    g_assert_false(s->eflags & X86_NT);
    g_assert_cmphex(fake_x86_get(GDT + S_TSS2 + 5, 1), ==, 0x89);
    g_assert_cmphex(fake_x86_get(TSS2 + 32, 4), ==, 0x5556);
    fake_x86_done();
}

/* ---- virtual-8086 and real mode ---- */

static void test_vm86(void)
{
    X86State *s = start(false);
    FakeLeft left;
    uint32_t sp = KSTACK - 0x200;
    static const uint32_t frame[] = { 0x100, 0x2000, 0x20202, 0xfff0, 0x3000, 0x111, 0x222, 0x333, 0x444 };

    for (unsigned i = 0; i < G_N_ELEMENTS(frame); i++) {
        fake_x86_put(sp + 4 * i, 4, frame[i]);
    }
    s->gpr[R_RSP] = sp;
    FAKE_TRY(left, x86_helper_iret(s, 4, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_true(s->mode & X86_MODE_VM86);
    g_assert_cmpuint(x86_cpl(s), ==, 3);
    g_assert_cmphex(s->seg[R_CS].base, ==, 0x20000);
    g_assert_cmphex(s->seg[R_GS].selector, ==, 0x444);
    g_assert_cmphex(s->gpr[R_RSP], ==, 0xfff0);
    /* IOPL 0: INT n is #GP; CLI too. */
    FAKE_TRY(left, x86_helper_int(s, 0x21, 0x102));
    expect(left, X86_EXC_GP, 0);
    FAKE_TRY(left, x86_helper_cli(s));
    expect(left, X86_EXC_GP, 0);
    /* A fault goes to ring 0 with the data segments on its stack. */
    put_gate(false, X86_EXC_GP, S_KCODE, 14, 0, 0);
    g_assert_cmpint(raise_and_deliver(s, X86_EXC_GP, true, 0), ==, FAKE_DONE);
    g_assert_false(s->mode & X86_MODE_VM86);
    g_assert_cmphex(s->gpr[R_RSP], ==, KSTACK - 40);
    g_assert_cmphex(fake_x86_get(KSTACK - 4, 4), ==, 0x444);
    g_assert_cmphex(fake_x86_get(KSTACK - 16, 4), ==, 0x111);
    g_assert_cmphex(s->seg[R_DS].selector, ==, 0);
    fake_x86_done();
}

static void test_real(void)
{
    fake_x86_init("max", 1);
    X86State *s = fake_x86_state(0);
    FakeLeft left;

    g_assert_cmphex(x86_cpu_class.get_pc(fx.cpu[0]), ==, 0xfffffff0);
    FAKE_TRY(left, x86_helper_ljmp(s, 0x1000, 0x20, 2, 0));
    g_assert_cmphex(s->seg[R_CS].base, ==, 0x10000);
    FAKE_TRY(left, x86_helper_load_seg(s, R_SS, 0x2000));
    s->mode &= ~X86_MODE_SS_SHADOW;
    s->gpr[R_RSP] = 0x100;
    fake_x86_put(0x21 * 4, 4, 0x30000123);
    FAKE_TRY(left, x86_helper_int(s, 0x21, 0x22));
    g_assert_cmpint(fake_x86_deliver(0), ==, FAKE_DONE);
    g_assert_cmphex(s->rip, ==, 0x123);
    g_assert_cmphex(s->seg[R_CS].base, ==, 0x30000);
    g_assert_cmphex(s->gpr[R_RSP], ==, 0xfa);
    g_assert_cmphex(fake_x86_get(0x200fa, 2), ==, 0x22);
    g_assert_cmphex(fake_x86_get(0x200fc, 2), ==, 0x1000);
    FAKE_TRY(left, x86_helper_iret(s, 2, 0));
    g_assert_cmpint(left, ==, FAKE_DONE);
    g_assert_cmphex(s->rip, ==, 0x22);
    g_assert_cmphex(s->gpr[R_RSP], ==, 0x100);
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/seg/load", test_load);
    g_test_add_func("/x86/seg/limits", test_limits);
    g_test_add_func("/x86/seg/selectors", test_selectors);
    g_test_add_func("/x86/seg/far", test_far);
    g_test_add_func("/x86/seg/syscall", test_syscall);
    g_test_add_func("/x86/seg/task", test_task);
    g_test_add_func("/x86/event/protected", test_deliver_protected);
    g_test_add_func("/x86/event/long", test_deliver_long);
    g_test_add_func("/x86/event/soft", test_soft_dpl);
    g_test_add_func("/x86/event/double", test_double);
    g_test_add_func("/x86/event/triple", test_triple);
    g_test_add_func("/x86/event/vm86", test_vm86);
    g_test_add_func("/x86/event/real", test_real);
    g_test_add_func("/x86/debug/execute", test_debug);
    g_test_add_func("/x86/debug/step-watch", test_step_and_watch);
    g_test_add_func("/x86/io", test_io);
    return g_test_run();
}
