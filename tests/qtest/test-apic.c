/* The I/O APIC (Intel 82093AA, order 290566) and the local APICs behind it (SDM vol. 3, chapter 11),
 * as far as they are seen without a CPU that takes interrupts: requests stay in IRR.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

#define IOAPIC UINT64_C(0xfec00000)
#define LAPIC UINT64_C(0xfee00000)

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, PPR = 0xa0, LDR = 0xd0, DFR = 0xe0, SVR = 0xf0,
       TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR_HIGH = 0x310, LVT_TIMER = 0x320,
       LVT_ERROR = 0x370, INITIAL = 0x380, CURRENT = 0x390, DIVIDE = 0x3e0 };

enum { MASKED = 1 << 16, LEVEL = 1 << 15, REMOTE_IRR = 1 << 14, LOGICAL = 1 << 11, LOWEST = 1 << 8 };

static QTest *q;

/* ---- access ------------------------------------------------------------------------------- */

static uint32_t io_get(uint8_t index)
{
    qtest_writel(q, IOAPIC, index);
    return qtest_readl(q, IOAPIC + 0x10);
}

static void io_set(uint8_t index, uint32_t v)
{
    qtest_writel(q, IOAPIC, index);
    qtest_writel(q, IOAPIC + 0x10, v);
}

static void entry(unsigned pin, uint32_t low, uint8_t dest)
{
    io_set((uint8_t)(0x11 + 2 * pin), (uint32_t)dest << 24);
    io_set((uint8_t)(0x10 + 2 * pin), low);
}

static uint32_t entry_low(unsigned pin)
{
    return io_get((uint8_t)(0x10 + 2 * pin));
}

static void line(unsigned pin, bool level)
{
    qtest_set_irq_in(q, "ioapic", "in", pin, level);
}

/* As a CPU, for one access. */
static uint32_t cpu_get(unsigned cpu, unsigned reg)
{
    qtest_ok(q, "access_as %u", cpu);
    uint32_t v = qtest_readl(q, LAPIC + reg);
    qtest_ok(q, "access_as device");
    return v;
}

static void cpu_set(unsigned cpu, unsigned reg, uint32_t v)
{
    qtest_ok(q, "access_as %u", cpu);
    qtest_writel(q, LAPIC + reg, v);
    qtest_ok(q, "access_as device");
}

static bool requested(unsigned cpu, uint8_t vector)
{
    return cpu_get(cpu, IRR + (vector / 32u) * 16) >> vector % 32 & 1;
}

static void begin(const char *more)
{
    q = qtest_start_bare(more);
    cpu_set(0, SVR, 0x1ff);
}

/* ---- I/O APIC ----------------------------------------------------------------------------- */

static void test_io_registers(void)
{
    begin(NULL);
    g_assert_cmphex(io_get(1), ==, 0x00170020);         /* 24 entries, version 20h */
    io_set(0, 0x05000000);
    g_assert_cmphex(io_get(0), ==, 0x05000000);
    g_assert_cmphex(io_get(2), ==, 0x05000000);         /* arbitration follows */
    io_set(1, 0xffffffff);
    g_assert_cmphex(io_get(1), ==, 0x00170020);
    for (unsigned pin = 0; pin < 24; pin++) {
        g_assert_cmphex(entry_low(pin), ==, MASKED);
        entry(pin, 0xffffffff & ~(uint32_t)0x700, 0xab);
        g_assert_cmphex(entry_low(pin), ==, 0x1a8ff);   /* status bits can't be written */
        g_assert_cmphex(io_get((uint8_t)(0x11 + 2 * pin)), ==, 0xab000000);
    }
    g_assert_cmphex(io_get(0x40), ==, 0);
    g_assert_cmphex(qtest_readl(q, IOAPIC), ==, 0x40);
    qtest_ok(q, "writeb 0x%" G_GINT64_MODIFIER "x 0x01", IOAPIC + 0x10);        /* too narrow */
    qtest_quit(q);
}

static void test_io_edge(void)
{
    begin(NULL);
    line(5, true);                              /* masked: this edge is lost */
    entry(5, 0x31, 0);
    g_assert_false(requested(0, 0x31));
    line(5, false);
    g_assert_false(requested(0, 0x31));
    line(5, true);
    g_assert_true(requested(0, 0x31));
    g_assert_cmphex(entry_low(5), ==, 0x31);    /* no remote IRR for edges */
    g_assert_cmphex(cpu_get(0, TMR + 0x10), ==, 0);
    entry(5, 0x32, 0);
    line(5, true);                              /* no edge */
    g_assert_false(requested(0, 0x32));
    line(5, false);
    line(5, true);
    g_assert_true(requested(0, 0x32));
    qtest_quit(q);
}

static void test_io_level(void)
{
    begin(NULL);
    entry(9, LEVEL | MASKED | 0x41, 0);
    line(9, true);
    g_assert_false(requested(0, 0x41));
    entry(9, LEVEL | 0x41, 0);                  /* a level is not lost by a mask */
    g_assert_true(requested(0, 0x41));
    g_assert_cmphex(entry_low(9), ==, LEVEL | REMOTE_IRR | 0x41);
    g_assert_cmphex(cpu_get(0, TMR + 0x20), ==, 1u << 1);
    entry(9, LEVEL | 0x41, 0);                  /* writing the entry does not end it */
    g_assert_cmphex(entry_low(9), ==, LEVEL | REMOTE_IRR | 0x41);
    qtest_writel(q, IOAPIC + 0x40, 0x40);       /* another vector's end */
    g_assert_cmphex(entry_low(9) & REMOTE_IRR, ==, REMOTE_IRR);
    qtest_writel(q, IOAPIC + 0x40, 0x41);       /* still asserted: asks at once again */
    g_assert_cmphex(entry_low(9) & REMOTE_IRR, ==, REMOTE_IRR);
    line(9, false);
    g_assert_cmphex(entry_low(9) & REMOTE_IRR, ==, REMOTE_IRR);
    qtest_writel(q, IOAPIC + 0x40, 0x41);
    g_assert_cmphex(entry_low(9) & REMOTE_IRR, ==, 0);
    line(9, true);
    g_assert_cmphex(entry_low(9) & REMOTE_IRR, ==, REMOTE_IRR);
    entry(9, MASKED | 0x41, 0);                 /* to edge and back: the way to end it by force */
    entry(9, LEVEL | MASKED | 0x41, 0);
    g_assert_cmphex(entry_low(9) & REMOTE_IRR, ==, 0);
    qtest_quit(q);
}

static void test_io_destinations(void)
{
    begin("-smp 3");
    cpu_set(1, SVR, 0x1ff);
    entry(3, 0x51, 1);
    line(3, true);
    g_assert_true(requested(1, 0x51));
    g_assert_false(requested(0, 0x51));
    g_assert_false(requested(2, 0x51));
    entry(4, 0x52, 0xff);                       /* everybody whose APIC is on */
    line(4, true);
    g_assert_true(requested(0, 0x52));
    g_assert_true(requested(1, 0x52));
    g_assert_false(requested(2, 0x52));
    cpu_set(0, LDR, 0x01u << 24);
    cpu_set(1, LDR, 0x02u << 24);
    entry(5, LOGICAL | 0x53, 0x02);
    line(5, true);
    g_assert_false(requested(0, 0x53));
    g_assert_true(requested(1, 0x53));
    cpu_set(1, TPR, 0x20);                      /* lowest priority: the one that is least busy */
    entry(6, LOGICAL | LOWEST | 0x54, 0x03);
    line(6, true);
    g_assert_true(requested(0, 0x54));
    g_assert_false(requested(1, 0x54));
    cpu_set(0, TPR, 0x40);
    entry(7, LOGICAL | LOWEST | 0x55, 0x03);
    line(7, true);
    g_assert_false(requested(0, 0x55));
    g_assert_true(requested(1, 0x55));
    entry(8, LEVEL | 0x56, 0x0e);               /* nobody: not served, so no remote IRR */
    line(8, true);
    g_assert_cmphex(entry_low(8) & REMOTE_IRR, ==, 0);
    qtest_quit(q);
}

/* ISA line 0 is pin 2, the others keep their numbers. */
static void test_io_isa(void)
{
    begin(NULL);
    entry(2, 0x61, 0);
    entry(8, 0x62, 0);
    qtest_outb(q, 0x43, 0x30);
    qtest_outb(q, 0x40, 100);
    qtest_outb(q, 0x40, 0);
    qtest_clock_step(q, NS_PER_MS);
    g_assert_true(requested(0, 0x61));
    qtest_outb(q, 0x70, 0x0b);
    qtest_outb(q, 0x71, 0x12);                  /* the clock's update interrupt */
    g_assert_false(requested(0, 0x62));
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_true(requested(0, 0x62));
    qtest_outb(q, 0xcf9, 6);
    g_assert_cmphex(entry_low(2), ==, MASKED);
    g_assert_false(requested(0, 0x61));
    qtest_quit(q);
}

/* ---- local APIC --------------------------------------------------------------------------- */

static void test_local_registers(void)
{
    begin("-smp 2");
    for (unsigned i = 0; i < 2; i++) {
        g_assert_cmphex(cpu_get(i, ID), ==, i << 24);
        g_assert_cmphex(cpu_get(i, VERSION) & 0xff, >=, 0x10);
        g_assert_cmphex(cpu_get(i, LVT_TIMER), ==, MASKED);
        g_assert_cmphex(cpu_get(i, DFR), ==, 0xffffffff);
    }
    cpu_set(0, TPR, 0x35);
    g_assert_cmphex(cpu_get(0, TPR), ==, 0x35);
    g_assert_cmphex(cpu_get(0, PPR), ==, 0x35);
    cpu_set(0, PPR, 0);                         /* read-only */
    g_assert_cmphex(cpu_get(0, PPR), ==, 0x35);
    g_assert_cmphex(cpu_get(1, TPR), ==, 0);
    cpu_set(0, LVT_ERROR, 0xffffffff);
    g_assert_cmphex(cpu_get(0, LVT_ERROR) & ~0x1000u, ==, 0x100ff);
    qtest_quit(q);
}

static void test_messages(void)
{
    begin("-smp 3");
    cpu_set(1, SVR, 0x1ff);
    cpu_set(2, SVR, 0x1ff);
    cpu_set(0, ICR_HIGH, 2u << 24);
    cpu_set(0, ICR, 0x4071);
    g_assert_true(requested(2, 0x71));
    g_assert_false(requested(1, 0x71));
    cpu_set(1, ICR, 0x44072);                   /* itself */
    g_assert_true(requested(1, 0x72));
    g_assert_false(requested(0, 0x72));
    cpu_set(1, ICR, 0xc4073);                   /* all but itself */
    g_assert_true(requested(0, 0x73));
    g_assert_false(requested(1, 0x73));
    g_assert_true(requested(2, 0x73));
    cpu_set(1, ICR, 0x84074);                   /* all */
    g_assert_true(requested(1, 0x74));
    g_assert_cmphex(cpu_get(1, ICR) & 0x1000, ==, 0);   /* delivered */
    cpu_set(0, ICR, 0x4000 | 0x0f);             /* no such vector */
    cpu_set(0, ESR, 0);
    g_assert_cmphex(cpu_get(0, ESR), ==, 0x20);
    cpu_set(0, ESR, 0);
    g_assert_cmphex(cpu_get(0, ESR), ==, 0);
    /* A device's write is a message, too. */
    qtest_writel(q, LAPIC + (2u << 12), 0x75);
    g_assert_true(requested(2, 0x75));
    g_assert_false(requested(0, 0x75));
    qtest_quit(q);
}

static void test_timer(void)
{
    begin(NULL);
    cpu_set(0, DIVIDE, 0x0b);                   /* by 1: one count is a nanosecond */
    cpu_set(0, LVT_TIMER, 0x81);
    cpu_set(0, INITIAL, 1000);
    qtest_clock_step(q, 400);
    g_assert_cmpuint(cpu_get(0, CURRENT), ==, 600);
    qtest_clock_step(q, 599);
    g_assert_false(requested(0, 0x81));
    qtest_clock_step(q, 1);
    g_assert_true(requested(0, 0x81));
    g_assert_cmpuint(cpu_get(0, CURRENT), ==, 0);
    cpu_set(0, DIVIDE, 0x03);                   /* by 16, periodic */
    cpu_set(0, LVT_TIMER, 0x20082);
    cpu_set(0, INITIAL, 10000);
    g_assert_cmpint(qtest_clock_next(q), ==, 1000 + 160000);
    g_assert_true(requested(0, 0x82));
    qtest_clock_step(q, 1600);
    g_assert_cmpuint(cpu_get(0, CURRENT), ==, 9900);
    g_assert_cmpint(qtest_clock_next(q), ==, 1000 + 320000);
    cpu_set(0, LVT_TIMER, 0x30083);             /* masked: counts, and tells nobody */
    qtest_clock_step(q, NS_PER_MS);
    g_assert_false(requested(0, 0x83));
    cpu_set(0, INITIAL, 0);                     /* stops */
    g_assert_cmpuint(cpu_get(0, CURRENT), ==, 0);
    qtest_fail(q, "clock_step");
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/ioapic/registers", test_io_registers);
    g_test_add_func("/qtest/ioapic/edge", test_io_edge);
    g_test_add_func("/qtest/ioapic/level", test_io_level);
    g_test_add_func("/qtest/ioapic/destinations", test_io_destinations);
    g_test_add_func("/qtest/ioapic/isa", test_io_isa);
    g_test_add_func("/qtest/lapic/registers", test_local_registers);
    g_test_add_func("/qtest/lapic/messages", test_messages);
    g_test_add_func("/qtest/lapic/timer", test_timer);
    return g_test_run();
}
