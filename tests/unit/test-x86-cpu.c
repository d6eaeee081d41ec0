/* x86: CPU models and CPUID, control registers, MSRs, the register table.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake-x86.h"
#include "target/i386/cpuid.h"
#include "target/i386/event_names.h"
#include "target/i386/flags.h"
#include "target/i386/helper.h"
#include "target/i386/msr.h"
#include "target/i386/regs.h"
#include "util/bytes.h"
#include "util/error.h"

/* ---- models ---- */

static void expect_model_error(const char *arg, const char *word)
{
    GError *err = NULL;

    g_assert_null(x86_model_new(arg, NULL, &err));
    g_assert_nonnull(err);
    g_assert_nonnull(strstr(err->message, word));
    g_assert_null(strchr(err->message, '\n'));
    g_error_free(err);
}

static void test_model_errors(void)
{
    expect_model_error("pentium9", "pentium9");
    expect_model_error("max,+frobnicate", "frobnicate");
    expect_model_error("max,-frobnicate", "frobnicate");
    expect_model_error("max,smep=perhaps", "perhaps");
    expect_model_error("qemu64,+avx512f", "avx512f");
    expect_model_error("max,", "empty");
}

static void test_models(void)
{
    X86Model *m = x86_model_new(NULL, NULL, NULL);

    g_assert_cmpstr(m->name, ==, "max");
    g_assert_true(x86_model_has(m, X86_F_SMEP));
    g_assert_false(x86_model_has(m, X86_F_HYPERVISOR));
    g_assert_false(x86_model_has(m, X86_F_LA57));
    g_free(m);
    m = x86_model_new("max,-smep,smap=off,+hypervisor,-tsc_adjust", NULL, NULL);
    g_assert_false(x86_model_has(m, X86_F_SMEP));
    g_assert_false(x86_model_has(m, X86_F_SMAP));
    g_assert_true(x86_model_has(m, X86_F_HYPERVISOR));
    g_assert_false(x86_model_has(m, X86_F_TSC_ADJUST));
    g_free(m);
    m = x86_model_new("qemu64,+smep", NULL, NULL);
    g_assert_true(m->amd);
    g_assert_true(x86_model_has(m, X86_F_SMEP));
    g_assert_false(x86_model_has(m, X86_F_XSAVE));
    g_free(m);
    m = x86_model_new("max,-apic", NULL, NULL);
    g_assert_false(x86_model_has(m, X86_F_X2APIC));
    g_assert_false(x86_model_has(m, X86_F_TSC_DEADLINE));
    g_free(m);
}

static void test_cpuid(void)
{
    fake_x86_init("max", 4);
    X86State *s = fake_x86_state(2);
    X86Cpuid r = x86_cpuid(s, 2, 4, 0, 0);

    g_assert_cmpuint(r.eax, ==, 0x16);
    g_assert_cmphex(r.ebx, ==, 0x756e6547);
    g_assert_cmphex(r.edx, ==, 0x49656e69);
    g_assert_cmphex(r.ecx, ==, 0x6c65746e);
    r = x86_cpuid(s, 2, 4, 1, 0);
    g_assert_cmphex(r.eax, ==, 0x106ca);
    g_assert_cmphex(r.ebx, ==, 0x02040800);
    g_assert_true(r.edx & 1u << 28);
    g_assert_false(r.ecx & 1u << 27);
    s->cr4 |= X86_CR4_OSXSAVE;
    g_assert_true(x86_cpuid(s, 2, 4, 1, 0).ecx & 1u << 27);
    g_assert_true(x86_cpuid(s, 2, 4, 1, 0).edx & 1u << 9);
    s->apic_base &= ~UINT64_C(0x800);
    g_assert_false(x86_cpuid(s, 2, 4, 1, 0).edx & 1u << 9);
    r = x86_cpuid(s, 2, 4, 0xb, 1);
    g_assert_cmpuint(r.eax, ==, 2);
    g_assert_cmpuint(r.ebx, ==, 4);
    g_assert_cmpuint(r.edx, ==, 2);
    g_assert_cmpuint(x86_cpuid(s, 2, 4, 4, 0).eax >> 26, ==, 3);
    g_assert_cmpuint(x86_cpuid(s, 2, 4, 4, 3).eax, ==, 0);
    r = x86_cpuid(s, 2, 4, 0x15, 0);
    g_assert_cmpuint(r.ecx / r.eax * r.ebx, ==, X86_TSC_HZ);
    r = x86_cpuid(s, 0, 1, 0xd, 0);
    g_assert_cmpuint(r.eax, ==, 3);
    g_assert_cmpuint(r.ecx, ==, 576);
    /* Beyond the last leaf: the last basic one's answer. */
    g_assert_cmpuint(x86_cpuid(s, 0, 1, 0x40000000, 0).eax, ==, x86_cpuid(s, 0, 1, 0x16, 0).eax);
    g_assert_cmpuint(x86_cpuid(s, 0, 1, 0x80000008, 0).eax & 0xff, ==, 40);
    fake_x86_done();
}

/* ---- registers ---- */

static const RegDesc *find(RegLayout *l, const char *name)
{
    int n = reg_layout_find(l, name);

    if (n < 0) {
        g_error("no register %s", name);
    }
    return reg_layout_get(l, (unsigned)n);
}

/* What is read can be written back, for every register in every feature, and changes nothing. */
static void round_trip(Cpu *cpu, const RegSet *set)
{
    RegLayout *l = reg_layout_new(cpu, set);
    g_autofree void *before = g_memdup2(cpu->env, sizeof(X86State));

    for (unsigned i = 0; i < reg_layout_count(l); i++) {
        const RegDesc *r = reg_layout_get(l, i);
        uint8_t le[REG_MAX_BYTES], again[REG_MAX_BYTES];
        GError *err = NULL;

        g_assert_nonnull(r);
        if ((r->flags & REG_F_READONLY) || !strcmp(r->name, "tsc") || !strcmp(r->name, "tsc_deadline")) {
            continue;
        }
        reg_read(cpu, r, le);
        if (!reg_write(cpu, r, le, &err)) {
            g_error("%s: %s", r->name, err->message);
        }
        reg_read(cpu, r, again);
        g_assert_cmpmem(le, reg_bytes(r), again, reg_bytes(r));
    }
    g_assert_cmpmem(before, sizeof(X86State), cpu->env, sizeof(X86State));
    reg_layout_free(l);
}

static void enter_long(unsigned i)
{
    X86Entry e = { .rip = 0xffffffff81000000, .cr3 = 0x1000, .gdt_base = 0x5000, .gdt_limit = 0xff };

    x86_enter_long64(fx.cpu[i], &e);
}

static void test_round_trip(void)
{
    fake_x86_init("max", 1);
    round_trip(fx.cpu[0], &x86_regs_64);
    round_trip(fx.cpu[0], &x86_regs_32);
    enter_long(0);
    fake_x86_state(0)->fpu.tags = 0x5a;
    fake_x86_state(0)->fpu.top = 5;
    fake_x86_state(0)->fpu.ip = 0xffffffff81234567;
    round_trip(fx.cpu[0], &x86_regs_64);
    fake_x86_done();
}

static void test_numbers(void)
{
    static const struct { const char *name; int num; } rows[] = {
        { "rax", 0 }, { "rsp", 7 }, { "rip", 16 }, { "eflags", 17 }, { "cs", 18 }, { "gs", 23 },
        { "st0", 24 }, { "fctrl", 32 }, { "fop", 39 }, { "xmm0", 40 }, { "xmm15", 55 },
        { "mxcsr", 56 }, { "fs_base", 57 }, { "gs_base", 58 }, { "pc", 16 }, { "sp", 7 },
    };
    fake_x86_init("max", 1);
    RegLayout *l = reg_layout_new(fx.cpu[0], &x86_regs_64);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(reg_layout_find(l, rows[i].name), ==, rows[i].num);
    }
    reg_layout_free(l);
    l = reg_layout_new(fx.cpu[0], &x86_regs_32);
    g_assert_cmpint(reg_layout_find(l, "esp"), ==, 4);
    g_assert_cmpint(reg_layout_find(l, "st0"), ==, 16);
    g_assert_cmpint(reg_layout_find(l, "xmm7"), ==, 39);
    g_assert_cmpint(reg_layout_find(l, "mxcsr"), ==, 40);
    reg_layout_free(l);
    g_assert_true(x86_regs_for_arch(fx.cpu[0], "i386") == &x86_regs_32);
    g_assert_null(x86_regs_for_arch(fx.cpu[0], "arm"));
    fake_x86_done();
}

typedef struct SetRow {
    const char *reg;
    uint64_t value;
    bool ok;
    uint64_t want;      /* afterwards */
} SetRow;

/* In 64-bit mode. */
static const SetRow set_rows[] = {
    { "rip", 0x1234, true, 0x1234 },
    { "rip", 0x8000000000000000, false, 0x1234 },
    { "eflags", 0x246, true, 0x246 },
    { "eflags", 0x20246, false, 0x246 },
    { "cr0", 0x80000010, false, 0x80000011 },       /* PG without PE */
    { "cr0", 0x11, false, 0x80000011 },             /* paging off in 64-bit mode */
    { "cr0", 0xa0000011, false, 0x80000011 },       /* NW without CD */
    { "cr0", 0x80010011, true, 0x80010011 },
    { "cr0", 0x180010011, false, 0x80010011 },
    { "cr3", 0x10000000000, false, 0x1000 },        /* beyond 40 bits */
    { "cr3", 0x2000, true, 0x2000 },
    { "cr4", 0, false, 0x20 },                      /* PAE */
    { "cr4", 0x1020, false, 0x20 },                 /* LA57 */
    { "cr4", 0x300020, true, 0x300020 },
    { "cr8", 16, false, 0 },
    { "cr8", 5, true, 5 },
    { "efer", 0x400, false, 0x500 },                /* LME with paging on */
    { "efer", 0xd01, true, 0xd01 },
    { "efer", 0x1d01, false, 0xd01 },               /* SVME */
    { "fs_base", 0x7fff00000000, true, 0x7fff00000000 },
    { "fs_base", 0x8000deadbeef0000, false, 0x7fff00000000 },
    { "lstar", 0x8000000000000000, false, 0 },
    { "lstar", 0xffffffff81000000, true, 0xffffffff81000000 },
    { "dr7", 0x1ffffffff, false, 0x400 },
    { "dr7", 0xd0402, true, 0xd0402 },
    { "dr6", 0, true, 0xffff0ff0 },
    { "dr6", 0x4001, true, 0xffff4ff1 },
    { "mxcsr", 0x10000, false, 0x1f80 },
    { "mxcsr", 0x1f00, true, 0x1f00 },
    { "xcr0", 0, false, 1 },
    { "xcr0", 3, true, 3 },
    { "pat", 0x02, false, 0x0007040600070406 },     /* there is no memory type 2 */
    { "pat", 0x0407050600070106, true, 0x0407050600070106 },
    { "apic_base", 0xfec00900, false, 0xfee00900 },
    { "cpl", 3, false, 0 },
    { "fctrl", 0x37f, true, 0x37f },
    { "fstat", 0x3800, true, 0x3800 },
    { "ftag", 0xffff, true, 0xffff },
    { "ftag", 0x3fff, true, 0x7fff },               /* register 7 in use holds zero */
    { "cs_limit", 0xfffff, true, 0xfffff },
    { "cs_attr", 0x1a09b, false, 0xa09b },
    { "gdtr_limit", 0x7f, true, 0x7f },
    { "cs", 0x99, false, 0x10 },                    /* beyond the GDT */
};

static void test_set(void)
{
    fake_x86_init("max", 1);
    enter_long(0);
    Cpu *cpu = fx.cpu[0];
    RegLayout *l = reg_layout_new(cpu, &x86_regs_64);

    for (unsigned i = 0; i < G_N_ELEMENTS(set_rows); i++) {
        const SetRow *row = &set_rows[i];
        const RegDesc *r = find(l, row->reg);
        uint8_t le[REG_MAX_BYTES] = { 0 };
        GError *err = NULL;

        store_le(le, row->value, 8);
        bool ok = reg_write(cpu, r, le, &err);
        if (r->bits <= 32 && row->value >> r->bits) {
            g_error("row %u: does not fit", i);
        }
        if (ok != row->ok || ok == !!err || reg_read_u64(cpu, r) != row->want) {
            g_error("row %u, %s: %s, now %" G_GINT64_MODIFIER "x", i, row->reg,
                    err ? err->message : "ok", reg_read_u64(cpu, r));
        }
        g_clear_error(&err);
    }
    g_assert_true(cpu->irq_pending & X86_IRQ_RESYNC);
    reg_layout_free(l);
    fake_x86_done();
}

/* ST(i) counts from TOP. */
static void test_x87_registers(void)
{
    fake_x86_init("max", 1);
    X86State *s = fake_x86_state(0);
    RegLayout *l = reg_layout_new(fx.cpu[0], &x86_regs_64);
    uint8_t le[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

    s->fpu.top = 6;
    reg_write(fx.cpu[0], find(l, "st3"), le, NULL);
    g_assert_cmpmem(s->fpu.st[1], 10, le, 10);
    reg_layout_free(l);
    fake_x86_done();
}

/* ---- control registers by instruction ---- */

static FakeLeft write_cr(unsigned n, uint64_t v)
{
    FakeLeft left;

    FAKE_TRY(left, x86_helper_write_cr(fx.cpu[0]->env, n, v));
    return left;
}

static void expect_fault(FakeLeft left, int vector, uint32_t error)
{
    X86State *s = fake_x86_state(0);

    g_assert_cmpint(left, ==, FAKE_RAISED);
    g_assert_cmpint(s->exc_vector, ==, vector);
    g_assert_cmphex(s->exc_error, ==, error);
    s->exc_vector = -1;
    s->exc_error = 0;
}

static void test_control(void)
{
    fake_x86_init("max", 1);
    X86State *s = fake_x86_state(0);

    s->efer = X86_EFER_LME;
    expect_fault(write_cr(0, X86_CR0_PG), X86_EXC_GP, 0);
    expect_fault(write_cr(0, X86_CR0_PG | X86_CR0_PE), X86_EXC_GP, 0);      /* without PAE */
    expect_fault(write_cr(1, 0), X86_EXC_UD, 0);
    g_assert_cmpint(write_cr(4, X86_CR4_PAE), ==, FAKE_DONE);
    g_assert_cmpint(write_cr(3, 0x1000), ==, FAKE_DONE);
    fx.flushes = 0;
    g_assert_cmpint(write_cr(0, X86_CR0_PG | X86_CR0_PE), ==, FAKE_DONE);
    g_assert_true(s->efer & X86_EFER_LMA);
    g_assert_true(s->mode & X86_MODE_LMA);
    g_assert_false(s->mode & X86_MODE_CS64);
    g_assert_cmpuint(fx.flushes, ==, 1);
    g_assert_false(fx.kept_global);
    g_assert_cmpint(write_cr(3, 0x2000), ==, FAKE_DONE);
    g_assert_true(fx.kept_global);
    expect_fault(write_cr(4, 0), X86_EXC_GP, 0);
    expect_fault(write_cr(4, UINT64_C(1) << 12), X86_EXC_GP, 0);
    expect_fault(write_cr(8, 16), X86_EXC_GP, 0);
    /* Back to protected mode. */
    g_assert_cmpint(write_cr(0, X86_CR0_PE), ==, FAKE_DONE);
    g_assert_false(s->efer & X86_EFER_LMA);
    /* PAE without long mode: reserved bits in a page-directory pointer. */
    s->efer = 0;
    fake_x86_put(0x3000, 8, 0x1003);
    g_assert_cmpint(write_cr(3, 0x3000), ==, FAKE_DONE);
    expect_fault(write_cr(0, X86_CR0_PG | X86_CR0_PE), X86_EXC_GP, 0);
    fake_x86_put(0x3000, 8, 0x1001);
    g_assert_cmpint(write_cr(0, X86_CR0_PG | X86_CR0_PE), ==, FAKE_DONE);
    g_assert_cmphex(s->pdpte[0], ==, 0x1001);
    fake_x86_done();
}

static void test_msr(void)
{
    fake_x86_init("max", 1);
    X86State *s = fake_x86_state(0);
    X86Flush flush = X86_FLUSH_NONE;
    const char *why;
    uint64_t v;

    g_assert_false(x86_msr_read(fx.cpu[0], 0x12345, &v));
    g_assert_false(x86_msr_write(fx.cpu[0], 0x12345, 0, &flush, &why));
    g_assert_false(x86_msr_write(fx.cpu[0], X86_MSR_LSTAR, UINT64_C(1) << 63, &flush, &why));
    g_assert_true(x86_msr_write(fx.cpu[0], X86_MSR_LSTAR, 0x1234, &flush, &why));
    g_assert_cmphex(s->lstar, ==, 0x1234);
    g_assert_true(x86_msr_write(fx.cpu[0], 0x20f, 0x800, &flush, &why));
    g_assert_cmphex(s->mtrr_var[15], ==, 0x800);
    g_assert_true(x86_msr_write(fx.cpu[0], 0x26f, 0x0606060606060606, &flush, &why));
    g_assert_cmphex(s->mtrr_fixed[10], ==, 0x0606060606060606);
    g_assert_false(x86_msr_write(fx.cpu[0], 0x26f, 2, &flush, &why));
    g_assert_false(x86_msr_write(fx.cpu[0], X86_MSR_PAT, 0x0203, &flush, &why));
    /* The time stamp counter and its adjustment. */
    g_assert_true(x86_msr_read(fx.cpu[0], X86_MSR_TSC, &v));
    g_assert_cmpuint(v, ==, (uint64_t)fake.now);
    g_assert_true(x86_msr_write(fx.cpu[0], X86_MSR_TSC, v + 1000, &flush, &why));
    g_assert_cmpuint(s->tsc_adjust, ==, 1000);
    g_assert_true(x86_msr_write(fx.cpu[0], X86_MSR_TSC_ADJUST, 0, &flush, &why));
    g_assert_cmpuint(x86_tsc(fx.cpu[0]), ==, v);
    g_assert_true(x86_msr_write(fx.cpu[0], X86_MSR_EFER, X86_EFER_NXE, &flush, &why));
    g_assert_cmpint(flush, ==, X86_FLUSH_ALL);
    fake_x86_done();
    /* An MSR without its feature does not exist. */
    fake_x86_init("max,-tsc-deadline,-mtrr", 1);
    g_assert_false(x86_msr_read(fx.cpu[0], X86_MSR_TSC_DEADLINE, &v));
    g_assert_false(x86_msr_read(fx.cpu[0], X86_MSR_MTRR_CAP, &v));
    fake_x86_done();
}

/* ---- events in words ---- */

static void test_event_names(void)
{
    static const struct { PointKind kind; uint64_t number; const char *name; } names[] = {
        { POINT_EXCEPTION, 0, "#DE" }, { POINT_EXCEPTION, 14, "#PF" },
        { POINT_EXCEPTION, 3, "#BP" }, { POINT_EXCEPTION, 19, "#XM" },
        { POINT_EXCEPTION, 2, NULL }, { POINT_EXCEPTION, 9, NULL },
        { POINT_EXCEPTION, UINT64_C(1) << 32 | 14, NULL }, { POINT_INTERRUPT, 2, "NMI" },
        { POINT_INTERRUPT, 14, NULL }, { POINT_MSR, 0xc0000080, "IA32_EFER" },
        { POINT_MSR, 0x277, "IA32_PAT" }, { POINT_MSR, 0xc0010015, "HWCR" },
        { POINT_MSR, 0x12345, NULL }, { POINT_CR, 3, "CR3" }, { POINT_CR, 8, "CR8" },
        { POINT_CR, 1, NULL }, { POINT_IO, 0x80, NULL }, { POINT_MODE, 0, NULL },
        { POINT_KINDS, 0, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        g_assert_cmpstr(x86_event_name(names[i].kind, names[i].number), ==, names[i].name);
    }
}

static void test_event_numbers(void)
{
    static const struct { PointKind kind; const char *name; uint64_t number; } good[] = {
        { POINT_EXCEPTION, "#PF", 14 }, { POINT_EXCEPTION, "pf", 14 }, { POINT_EXCEPTION, "#gp", 13 },
        { POINT_INTERRUPT, "nmi", 2 }, { POINT_MSR, "IA32_EFER", 0xc0000080 },
        { POINT_MSR, "efer", 0xc0000080 }, { POINT_MSR, "MSR_LSTAR", 0xc0000082 },
        { POINT_MSR, "hwcr", 0xc0010015 }, { POINT_MSR, "ia32_mtrr_fix4k", 0x268 },
        { POINT_CR, "cr4", 4 }, { POINT_CR, "CR8", 8 },
    };
    static const struct { PointKind kind; const char *name; } bad[] = {
        { POINT_EXCEPTION, "14" }, { POINT_EXCEPTION, "" }, { POINT_EXCEPTION, "#" },
        { POINT_EXCEPTION, "nmi" }, { POINT_INTERRUPT, "#PF" }, { POINT_MSR, "ia32_" },
        { POINT_MSR, "efe" }, { POINT_CR, "cr1" }, { POINT_IO, "com1" }, { POINT_KINDS, "#PF" },
    };
    uint64_t n;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_true(x86_event_number(good[i].kind, good[i].name, &n));
        g_assert_cmphex(n, ==, good[i].number);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(x86_event_number(bad[i].kind, bad[i].name, &n));
    }
}

static void test_mode_text(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    fake_x86_init(NULL, 1);
    x86_mode_text(x86_mode_code(fx.cpu[0]), out);
    g_assert_cmpstr(out->str, ==, "real mode, ring 0");
    g_string_truncate(out, 0);
    x86_enter_long64(fx.cpu[0], &(X86Entry){ .rip = 0x1000, .cs = 8, .ds = 16 });
    x86_mode_text(x86_mode_code(fx.cpu[0]), out);
    g_assert_cmpstr(out->str, ==, "64-bit, ring 0");
    g_string_truncate(out, 0);
    x86_mode_text(4 << 2 | 3, out);
    g_assert_cmpstr(out->str, ==, "compatibility mode, ring 3");
    g_string_truncate(out, 0);
    x86_mode_text(1000, out);
    g_assert_cmpstr(out->str, ==, "unknown mode, ring 0");
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/model/errors", test_model_errors);
    g_test_add_func("/x86/model/features", test_models);
    g_test_add_func("/x86/cpuid", test_cpuid);
    g_test_add_func("/x86/regs/round-trip", test_round_trip);
    g_test_add_func("/x86/regs/numbers", test_numbers);
    g_test_add_func("/x86/regs/set", test_set);
    g_test_add_func("/x86/regs/x87", test_x87_registers);
    g_test_add_func("/x86/control", test_control);
    g_test_add_func("/x86/msr", test_msr);
    g_test_add_func("/x86/events/names", test_event_names);
    g_test_add_func("/x86/events/numbers", test_event_numbers);
    g_test_add_func("/x86/events/modes", test_mode_text);
    return g_test_run();
}
