/* The local APIC: priorities, messages, timer, registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-x86.h"
#include "mem/mem.h"
#include "target/i386/flags.h"
#include "target/i386/lapic.h"
#include "target/i386/msr.h"

enum { ID = 0x20, TPR = 0x80, PPR = 0xa0, EOI = 0xb0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0, ISR = 0x100,
       TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320,
       LVT_LINT0 = 0x350, LVT_LINT1 = 0x360, LVT_ERROR = 0x370, TMICT = 0x380, TMCCT = 0x390, TDCR = 0x3e0 };

static MemRegion *region;
static unsigned eois, acks;
static uint8_t last_eoi;

static void chip_eoi(void *opaque, uint8_t vector)
{
    eois++;
    last_eoi = vector;
}

static uint8_t chip_acknowledge(void *opaque)
{
    acks++;
    x86_intc_cpu_ops.set_extint(&fake.vm, false);
    return 0x38;
}

static const IntcChipOps chip = { .eoi = chip_eoi, .acknowledge = chip_acknowledge };

static uint32_t rd(int cpu, unsigned reg)
{
    uint64_t v;

    mem_load(fake.mem, X86_APIC_BASE + reg, MEM_ATTRS_CPU(cpu), 4, &v);
    return (uint32_t)v;
}

static void wr(int cpu, unsigned reg, uint32_t v)
{
    mem_store(fake.mem, X86_APIC_BASE + reg, MEM_ATTRS_CPU(cpu), 4, v);
}

static void start(const char *model, unsigned n)
{
    fake_x86_init(model, n);
    eois = acks = 0;
    x86_lapic_connect(&fake.vm, &chip, NULL);
    region = x86_lapic_region_new(&fake.vm);
    mem_space_map_all(fake.mem, X86_APIC_BASE, region, 0);
    for (unsigned i = 0; i < n; i++) {
        fx.cpu[i]->irq_pending = 0;
        wr((int)i, SVR, 0x1ff);
    }
}

static void finish(void)
{
    fake_x86_done();
    mem_region_free(region);
}

static X86Lapic *lapic(unsigned i)
{
    return fake_x86_state(i)->lapic;
}

static bool message(IntcMode mode, uint32_t dest, bool logical, uint8_t vector, IntcTrigger trigger)
{
    IntcMessage m = { .dest = dest, .logical = logical, .mode = mode, .vector = vector,
                      .trigger = trigger, .level = true };

    return x86_intc_cpu_ops.deliver(&fake.vm, &m);
}

static void test_priority(void)
{
    start("max", 1);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, -1);
    g_assert_true(message(INTC_MODE_FIXED, 0, false, 0x31, INTC_TRIGGER_EDGE));
    g_assert_true(fx.cpu[0]->irq_pending & X86_IRQ_HARD);
    g_assert_true(message(INTC_MODE_FIXED, 0, false, 0x52, INTC_TRIGGER_LEVEL));
    g_assert_true(message(INTC_MODE_FIXED, 0, false, 0x58, INTC_TRIGGER_EDGE));
    g_assert_cmphex(rd(0, IRR + 0x20), ==, 1u << 18 | 1u << 24);
    g_assert_cmphex(rd(0, IRR + 0x10), ==, 1u << 17);
    g_assert_cmphex(rd(0, TMR + 0x20), ==, 1u << 18);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x58);
    g_assert_cmphex(rd(0, PPR), ==, 0x50);
    g_assert_cmphex(rd(0, ISR + 0x20), ==, 1u << 24);
    /* The same class waits. */
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, -1);
    fx.cpu[0]->irq_pending = 0;
    wr(0, EOI, 0);
    g_assert_true(fx.cpu[0]->irq_pending & X86_IRQ_HARD);
    g_assert_cmpuint(eois, ==, 0);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x52);
    wr(0, EOI, 0);
    g_assert_cmpuint(eois, ==, 1);
    g_assert_cmpuint(last_eoi, ==, 0x52);
    /* TPR and CR8. */
    wr(0, TPR, 0x30);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, -1);
    g_assert_cmpuint(x86_lapic_cr8(lapic(0)), ==, 3);
    fx.cpu[0]->irq_pending = 0;
    x86_lapic_set_cr8(lapic(0), 2);
    g_assert_cmphex(rd(0, TPR), ==, 0x20);
    g_assert_true(fx.cpu[0]->irq_pending & X86_IRQ_HARD);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x31);
    wr(0, EOI, 0);
    wr(0, EOI, 0);      /* one too many: nothing */
    finish();
}

/* ---- destinations ---- */

static unsigned who(void)
{
    unsigned m = 0;

    for (unsigned i = 0; i < 4; i++) {
        m |= (unsigned)(x86_lapic_take(lapic(i)) == 0x40) << i;
        wr((int)i, EOI, 0);
    }
    return m;
}

static void test_destinations(void)
{
    start("max", 4);
    for (unsigned i = 0; i < 4; i++) {
        wr((int)i, LDR, 1u << (24 + i));
    }
    message(INTC_MODE_FIXED, 2, false, 0x40, INTC_TRIGGER_EDGE);
    g_assert_cmphex(who(), ==, 4);
    message(INTC_MODE_FIXED, 0xff, false, 0x40, INTC_TRIGGER_EDGE);
    g_assert_cmphex(who(), ==, 15);
    g_assert_false(message(INTC_MODE_FIXED, 9, false, 0x40, INTC_TRIGGER_EDGE));
    message(INTC_MODE_FIXED, 5, true, 0x40, INTC_TRIGGER_EDGE);
    g_assert_cmphex(who(), ==, 5);
    /* Clusters. */
    for (unsigned i = 0; i < 4; i++) {
        wr((int)i, DFR, 0);
        wr((int)i, LDR, (i / 2) << 28 | 1u << (24 + i % 2));
    }
    message(INTC_MODE_FIXED, 0x13, true, 0x40, INTC_TRIGGER_EDGE);
    g_assert_cmphex(who(), ==, 12);
    message(INTC_MODE_FIXED, 0xf1, true, 0x40, INTC_TRIGGER_EDGE);
    g_assert_cmphex(who(), ==, 5);
    /* Lowest priority: one, by task priority. */
    wr(0, TPR, 0x20);
    wr(1, TPR, 0x20);
    wr(3, TPR, 0x20);
    message(INTC_MODE_LOWEST, 0xff, true, 0x40, INTC_TRIGGER_EDGE);
    g_assert_cmphex(who(), ==, 4);
    /* Shorthands. */
    wr(1, ICR, 0x40000 | 0x40);
    g_assert_cmphex(who(), ==, 2);
    wr(1, ICR, 0x80000 | 0x40);
    g_assert_cmphex(who(), ==, 15);
    wr(1, ICR, 0xc0000 | 0x40);
    g_assert_cmphex(who(), ==, 13);
    wr(1, ICR_HIGH, 3u << 24);
    wr(1, ICR, 0x40);
    g_assert_cmphex(who(), ==, 8);
    g_assert_cmphex(rd(1, ICR) & 0x1000, ==, 0);
    /* A disabled APIC takes nothing. */
    wr(3, SVR, 0xff);
    wr(1, ICR, 0x40);
    g_assert_cmphex(who(), ==, 0);
    finish();
}

static void test_startup(void)
{
    start("max", 2);
    Cpu *ap = fx.cpu[1];

    g_assert_cmpint(ap->power, ==, CPU_POWER_WAIT);
    g_assert_cmpint(fx.cpu[0]->power, ==, CPU_POWER_ON);
    wr(0, ICR_HIGH, 1u << 24);
    wr(0, ICR, 0xc500);         /* INIT, level, assert */
    g_assert_true(ap->class->has_work(ap));
    g_assert_true(x86_tcg_interrupt(ap, false));
    g_assert_cmpint(ap->power, ==, CPU_POWER_WAIT);
    g_assert_false(ap->class->has_work(ap));
    wr(0, ICR, 0x8500);         /* de-assert: nothing */
    g_assert_false(ap->class->has_work(ap));
    wr(0, ICR, 0x4698);
    g_assert_true(ap->class->has_work(ap));
    g_assert_true(x86_tcg_interrupt(ap, false));
    g_assert_cmpint(ap->power, ==, CPU_POWER_ON);
    g_assert_cmphex(x86_cpu_class.get_pc(ap), ==, 0x98000);
    g_assert_cmphex(fake_x86_state(1)->seg[R_CS].selector, ==, 0x9800);
    /* The second one is ignored. */
    fake_x86_state(1)->rip = 0x10;
    wr(0, ICR, 0x4698);
    g_assert_false(x86_tcg_interrupt(ap, false));
    g_assert_cmphex(fake_x86_state(1)->rip, ==, 0x10);
    g_assert_cmphex(ap->irq_pending, ==, 0);
    finish();
}

static void test_extint(void)
{
    start("max", 1);
    X86State *s = fake_x86_state(0);
    Cpu *cpu = fx.cpu[0];

    s->gpr[R_RSP] = 0x1000;
    x86_eflags_set(s, 0x202);
    x86_intc_cpu_ops.set_extint(&fake.vm, true);
    g_assert_true(cpu->irq_pending & X86_IRQ_EXTINT);
    fake_x86_put(0x38 * 4, 4, 0x10000200);
    cpu->power = CPU_POWER_HALTED;
    g_assert_true(cpu->class->has_work(cpu));
    g_assert_false(x86_tcg_interrupt(cpu, true));       /* held by the debugger */
    g_assert_true(x86_tcg_interrupt(cpu, false));
    g_assert_cmpint(cpu->power, ==, CPU_POWER_ON);
    g_assert_cmphex(s->rip, ==, 0x200);
    g_assert_cmpuint(acks, ==, 1);
    g_assert_false(cpu->irq_pending & X86_IRQ_EXTINT);
    /* Masked in LINT0; unmasked while the line is up. */
    wr(0, LVT_LINT0, 0x10700);
    x86_intc_cpu_ops.set_extint(&fake.vm, true);
    g_assert_false(cpu->irq_pending & X86_IRQ_EXTINT);
    wr(0, LVT_LINT0, 0x700);
    g_assert_true(cpu->irq_pending & X86_IRQ_EXTINT);
    x86_intc_cpu_ops.set_extint(&fake.vm, false);
    g_assert_false(cpu->irq_pending & X86_IRQ_EXTINT);
    /* As an ordinary vector. */
    wr(0, LVT_LINT0, 0x45);
    x86_intc_cpu_ops.set_extint(&fake.vm, true);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x45);
    finish();
}

/* ---- timer ---- */

static void test_one_shot(void)
{
    start("max", 1);
    wr(0, TDCR, 3);             /* by 16 */
    wr(0, LVT_TIMER, 0x40);
    wr(0, TMICT, 1000);
    g_assert_cmpuint(rd(0, TMCCT), ==, 1000);
    fake_vm_advance(8000);
    g_assert_cmpuint(rd(0, TMCCT), ==, 500);
    g_assert_cmpint(x86_lapic_pending(lapic(0)), ==, -1);
    fake_vm_advance(8000);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x40);
    g_assert_cmpuint(rd(0, TMCCT), ==, 0);
    wr(0, EOI, 0);
    fake_vm_advance(100000);
    g_assert_cmpint(x86_lapic_pending(lapic(0)), ==, -1);
    /* Masked: it counts, and says nothing. Zero stops it. */
    wr(0, LVT_TIMER, 0x10040);
    wr(0, TMICT, 1000);
    fake_vm_advance(16000);
    g_assert_cmpint(x86_lapic_pending(lapic(0)), ==, -1);
    wr(0, LVT_TIMER, 0x40);
    wr(0, TMICT, 1000);
    wr(0, TMICT, 0);
    fake_vm_advance(100000);
    g_assert_cmpint(x86_lapic_pending(lapic(0)), ==, -1);
    finish();
}

static void test_periodic(void)
{
    unsigned n = 0;

    start("max", 1);
    wr(0, TDCR, 0xb);           /* by 1 */
    wr(0, LVT_TIMER, 0x20040);
    wr(0, TMICT, 1000000);
    for (unsigned i = 0; i < 100; i++) {
        fake_vm_advance(100000);
        if (x86_lapic_take(lapic(0)) == 0x40) {
            n++;
            wr(0, EOI, 0);
        }
    }
    g_assert_cmpuint(n, ==, 10);
    fake_vm_advance(250000);
    g_assert_cmpuint(rd(0, TMCCT), ==, 750000);
    /* A host that was away: late ticks become one, and the beat is kept. */
    fake_vm_stall(10000000);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x40);
    wr(0, EOI, 0);
    g_assert_cmpuint(rd(0, TMCCT), ==, 750000);
    fake_vm_advance(749999);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, -1);
    fake_vm_advance(1);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x40);
    /* Nonsense does not hang the host. */
    wr(0, TMICT, 1);
    fake_vm_advance(1000000);
    finish();
}

static void test_deadline(void)
{
    X86Flush flush = X86_FLUSH_NONE;
    const char *why;
    uint64_t v;

    start("max", 1);
    Cpu *cpu = fx.cpu[0];

    /* Not in deadline mode: ignored. */
    g_assert_true(x86_msr_write(cpu, X86_MSR_TSC_DEADLINE, x86_tsc(cpu) + 10, &flush, &why));
    g_assert_true(x86_msr_read(cpu, X86_MSR_TSC_DEADLINE, &v));
    g_assert_cmpuint(v, ==, 0);
    wr(0, LVT_TIMER, 0x40041);
    uint64_t at = x86_tsc(cpu) + 5000;
    x86_msr_write(cpu, X86_MSR_TSC_DEADLINE, at, &flush, &why);
    x86_msr_read(cpu, X86_MSR_TSC_DEADLINE, &v);
    g_assert_cmpuint(v, ==, at);
    fake_vm_advance(4999);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, -1);
    fake_vm_advance(1);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x41);
    x86_msr_read(cpu, X86_MSR_TSC_DEADLINE, &v);
    g_assert_cmpuint(v, ==, 0);
    wr(0, EOI, 0);
    /* In the past: at once. */
    x86_msr_write(cpu, X86_MSR_TSC_DEADLINE, 1, &flush, &why);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x41);
    wr(0, EOI, 0);
    /* The counter is set forward: the deadline comes nearer. */
    x86_msr_write(cpu, X86_MSR_TSC_DEADLINE, x86_tsc(cpu) + 5000, &flush, &why);
    x86_msr_write(cpu, X86_MSR_TSC, x86_tsc(cpu) + 4000, &flush, &why);
    fake_vm_advance(1000);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x41);
    /* TMICT does nothing in this mode. */
    wr(0, TMICT, 5);
    g_assert_cmpuint(rd(0, TMCCT), ==, 0);
    finish();
}

/* ---- errors, x2APIC ---- */

static void test_errors(void)
{
    start("max", 1);
    wr(0, LVT_ERROR, 0x50);
    wr(0, ICR, 0x40000 | 5);    /* an illegal vector */
    g_assert_cmphex(rd(0, ESR), ==, 0);
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0x20);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x50);
    rd(0, 0x3f0);
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0x80);
    wr(0, ESR, 0);
    g_assert_cmphex(rd(0, ESR), ==, 0);
    finish();
}

static void test_x2apic(void)
{
    X86Flush flush = X86_FLUSH_NONE;
    const char *why;
    uint64_t v;

    start("max", 2);
    Cpu *cpu = fx.cpu[1];

    g_assert_false(x86_msr_read(cpu, 0x802, &v));
    g_assert_false(x86_msr_write(cpu, X86_MSR_APIC_BASE, X86_APIC_BASE | 0x400, &flush, &why));
    g_assert_true(x86_msr_write(cpu, X86_MSR_APIC_BASE, X86_APIC_BASE | 0xc00, &flush, &why));
    g_assert_true(x86_msr_read(cpu, 0x802, &v));
    g_assert_cmpuint(v, ==, 1);
    g_assert_true(x86_msr_read(cpu, 0x80d, &v));
    g_assert_cmphex(v, ==, 2);
    g_assert_false(x86_msr_read(cpu, 0x80e, &v));       /* no DFR */
    g_assert_false(x86_msr_write(cpu, 0x80d, 1, &flush, &why));
    g_assert_cmphex(rd(1, ID), ==, 0xffffffff);         /* nothing at its memory */
    g_assert_true(x86_msr_write(cpu, 0x830, 0x4041, &flush, &why));
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, 0x41);
    g_assert_true(x86_msr_write(cpu, 0x830, UINT64_C(0xffffffff00000042), &flush, &why));
    g_assert_cmpint(x86_lapic_take(lapic(1)), ==, 0x42);
    g_assert_true(x86_msr_write(cpu, 0x80b, 0, &flush, &why));
    g_assert_false(x86_msr_write(cpu, 0x80b, 1, &flush, &why));
    g_assert_true(x86_msr_write(cpu, 0x83f, 0x43, &flush, &why));
    g_assert_cmpint(x86_lapic_take(lapic(1)), ==, 0x43);
    g_assert_false(x86_msr_write(cpu, X86_MSR_APIC_BASE, X86_APIC_BASE | 0x800, &flush, &why));
    g_assert_true(x86_msr_write(cpu, X86_MSR_APIC_BASE, X86_APIC_BASE, &flush, &why));
    g_assert_true(x86_msr_write(cpu, X86_MSR_APIC_BASE, X86_APIC_BASE | 0x800, &flush, &why));
    finish();
}

/* A device's write into the window is a message. */
static void test_msi(void)
{
    start("max", 2);
    mem_store(fake.mem, X86_APIC_BASE | 1 << 12, MEM_ATTRS_DEVICE, 4, 0x4061);
    g_assert_cmpint(x86_lapic_take(lapic(1)), ==, 0x61);
    g_assert_cmpint(x86_lapic_take(lapic(0)), ==, -1);
    finish();
}

/* The chipset's NMI line: what each CPU's LINT1 makes of it. */
static void test_nmi(void)
{
    start("max", 3);
    wr(2, LVT_LINT1, 0x55);                      /* an ordinary interrupt */
    x86_intc_cpu_ops.nmi(&fake.vm);
    g_assert_cmphex(fx.cpu[0]->irq_pending, ==, X86_IRQ_NMI);
    g_assert_cmphex(fx.cpu[1]->irq_pending, ==, 0);     /* masked, as after a reset */
    g_assert_cmphex(fx.cpu[2]->irq_pending, ==, X86_IRQ_HARD);
    g_assert_cmpint(x86_lapic_pending(fake_x86_state(2)->lapic), ==, 0x55);
    wr(0, LVT_LINT1, 0x10400);
    wr(1, LVT_LINT1, 0x400);
    fx.cpu[0]->irq_pending = fx.cpu[1]->irq_pending = 0;
    x86_intc_cpu_ops.nmi(&fake.vm);
    g_assert_cmphex(fx.cpu[0]->irq_pending, ==, 0);
    g_assert_cmphex(fx.cpu[1]->irq_pending, ==, X86_IRQ_NMI);
    /* Without its APIC the pin is the CPU's own. */
    fake_x86_state(0)->lapic->mode = X86_APIC_OFF;
    x86_intc_cpu_ops.nmi(&fake.vm);
    g_assert_cmphex(fx.cpu[0]->irq_pending, ==, X86_IRQ_NMI);
    finish();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lapic/priority", test_priority);
    g_test_add_func("/lapic/destinations", test_destinations);
    g_test_add_func("/lapic/startup", test_startup);
    g_test_add_func("/lapic/extint", test_extint);
    g_test_add_func("/lapic/nmi", test_nmi);
    g_test_add_func("/lapic/timer/one-shot", test_one_shot);
    g_test_add_func("/lapic/timer/periodic", test_periodic);
    g_test_add_func("/lapic/timer/deadline", test_deadline);
    g_test_add_func("/lapic/errors", test_errors);
    g_test_add_func("/lapic/x2apic", test_x2apic);
    g_test_add_func("/lapic/msi", test_msi);
    return g_test_run();
}
