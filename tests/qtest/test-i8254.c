/* The interval timer by its data sheet (Intel 8254, order 231164): modes, gate, latches, read-back,
 * and the line of counter 0. Counter 2's gate is bit 0 of port 61h, its OUT bit 5.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

enum { CONTROL = 0x43, PORT61 = 0x61 };
enum { LOW = 1, HIGH = 2, BOTH = 3 };

static QTest *q;
static int64_t tick;            /* of the 1.193181... MHz input, where the clock stands */

static void begin(void)
{
    q = qtest_start_bare(NULL);
    tick = 0;
}

/* To the beginning of a tick. */
static void go(int64_t to)
{
    g_autofree char *ns = g_strdup_printf("%" G_GINT64_FORMAT, (to * 88000 + 104) / 105);

    tick = to;
    qtest_ok(q, "clock_set %s", ns);
}

static void pass(int64_t ticks)
{
    go(tick + ticks);
}

static void control(unsigned counter, unsigned access, unsigned mode, bool bcd)
{
    qtest_outb(q, CONTROL, (uint8_t)(counter << 6 | access << 4 | mode << 1 | bcd));
}

static void load(unsigned counter, uint16_t count)
{
    qtest_outb(q, (uint16_t)(0x40 + counter), (uint8_t)count);
    qtest_outb(q, (uint16_t)(0x40 + counter), (uint8_t)(count >> 8));
}

static uint16_t read_both(unsigned counter)
{
    uint8_t low = qtest_inb(q, (uint16_t)(0x40 + counter));

    return (uint16_t)(low | qtest_inb(q, (uint16_t)(0x40 + counter)) << 8);
}

static void gate(bool on)
{
    qtest_outb(q, PORT61, on);
}

static bool out2(void)
{
    return qtest_inb(q, PORT61) >> 5 & 1;
}

/* Asserts OUT of counter 2 for so many ticks from now on, and is then behind them. */
static void expect_out(bool level, unsigned ticks)
{
    for (unsigned i = 0; i < ticks; i++) {
        g_assert_cmpint(out2(), ==, level);
        pass(1);
    }
}

/* Interrupt on terminal count. */
static void test_mode0(void)
{
    begin();
    gate(true);
    control(2, BOTH, 0, false);
    g_assert_false(out2());
    load(2, 5);
    expect_out(false, 6);               /* N + 1 pulses after the write */
    expect_out(true, 20);               /* and stays */
    g_assert_cmphex(read_both(2), ==, (uint16_t)(5 - 25));      /* which counts on */
    load(2, 4);                         /* a new count begins anew */
    expect_out(false, 3);
    g_assert_cmphex(read_both(2), ==, 2);
    gate(false);                        /* holds */
    expect_out(false, 50);
    g_assert_cmphex(read_both(2), ==, 2);
    gate(true);
    expect_out(false, 2);
    expect_out(true, 2);
    qtest_outb(q, 0x42, 3);             /* the first of two bytes stops it, OUT falls at once */
    expect_out(false, 10);
    qtest_outb(q, 0x42, 0);
    expect_out(false, 4);
    expect_out(true, 1);
    qtest_quit(q);
}

/* Hardware retriggerable one-shot. */
static void test_mode1(void)
{
    begin();
    gate(false);
    control(2, BOTH, 1, false);
    load(2, 4);
    expect_out(true, 10);
    gate(true);                         /* the trigger */
    expect_out(true, 1);
    expect_out(false, 4);
    expect_out(true, 5);
    gate(false);
    expect_out(true, 2);
    gate(true);
    expect_out(true, 1);
    expect_out(false, 2);
    gate(false);                        /* the level is nothing to it */
    gate(true);                         /* a second trigger makes it longer */
    expect_out(false, 5);
    expect_out(true, 3);
    load(2, 2);                         /* a new count waits for the next trigger */
    expect_out(true, 5);
    gate(false);
    gate(true);
    expect_out(true, 1);
    expect_out(false, 2);
    expect_out(true, 2);
    qtest_quit(q);
}

/* Rate generator. */
static void test_mode2(void)
{
    begin();
    gate(true);
    control(2, BOTH, 2, false);
    g_assert_true(out2());
    load(2, 4);
    pass(1);
    for (unsigned i = 0; i < 5; i++) {
        expect_out(true, 3);
        expect_out(false, 1);
    }
    load(2, 6);                         /* comes with the next cycle */
    expect_out(true, 3);
    expect_out(false, 1);
    expect_out(true, 5);
    expect_out(false, 1);
    expect_out(true, 2);
    gate(false);                        /* OUT is high while the gate is low */
    expect_out(true, 20);
    gate(true);                         /* which then loads the count anew */
    pass(1);
    expect_out(true, 5);
    expect_out(false, 1);
    g_assert_cmphex(read_both(2), ==, 6);
    qtest_quit(q);
}

/* Square wave. */
static void test_mode3(void)
{
    begin();
    gate(true);
    control(2, BOTH, 3, false);
    g_assert_true(out2());
    load(2, 6);
    pass(1);
    for (unsigned i = 0; i < 3; i++) {
        expect_out(true, 3);
        expect_out(false, 3);
    }
    control(2, BOTH, 3, false);
    load(2, 5);                         /* odd: high for one tick more */
    pass(1);
    for (unsigned i = 0; i < 3; i++) {
        expect_out(true, 3);
        expect_out(false, 2);
    }
    g_assert_cmphex(read_both(2), ==, 4);       /* counts by two, from an even number */
    pass(1);
    g_assert_cmphex(read_both(2), ==, 2);
    gate(false);
    expect_out(true, 9);
    gate(true);
    pass(1);
    expect_out(true, 3);
    expect_out(false, 2);
    qtest_quit(q);
}

/* Software triggered strobe. */
static void test_mode4(void)
{
    begin();
    gate(true);
    control(2, BOTH, 4, false);
    g_assert_true(out2());
    load(2, 3);
    expect_out(true, 4);
    expect_out(false, 1);
    expect_out(true, 10);
    load(2, 3);
    expect_out(true, 2);
    gate(false);
    expect_out(true, 10);
    gate(true);
    expect_out(true, 2);
    expect_out(false, 1);
    expect_out(true, 1);
    qtest_quit(q);
}

/* Hardware triggered strobe. */
static void test_mode5(void)
{
    begin();
    gate(false);
    control(2, BOTH, 5, false);
    load(2, 3);
    expect_out(true, 10);
    gate(true);
    expect_out(true, 4);
    expect_out(false, 1);
    expect_out(true, 5);
    gate(false);
    gate(true);
    expect_out(true, 2);
    gate(false);
    gate(true);                         /* triggered again before its end */
    expect_out(true, 4);
    expect_out(false, 1);
    expect_out(true, 3);
    qtest_quit(q);
}

/* Modes 6 and 7 are 2 and 3. */
static void test_mode_alias(void)
{
    begin();
    for (unsigned mode = 6; mode < 8; mode++) {
        control(0, BOTH, mode, false);
        qtest_outb(q, CONTROL, 0xe2);
        g_assert_cmphex(qtest_inb(q, 0x40) >> 1 & 7, ==, mode - 4);
    }
    qtest_quit(q);
}

static void test_bcd(void)
{
    begin();
    gate(true);
    control(2, BOTH, 2, true);
    load(2, 0x1000);
    pass(1);
    g_assert_cmphex(read_both(2), ==, 0x1000);
    pass(1);
    g_assert_cmphex(read_both(2), ==, 0x0999);
    pass(998);
    g_assert_cmphex(read_both(2), ==, 0x0001);
    g_assert_false(out2());
    pass(1);
    g_assert_cmphex(read_both(2), ==, 0x1000);
    control(2, BOTH, 0, true);
    load(2, 0);                         /* ten thousand */
    pass(2);
    g_assert_cmphex(read_both(2), ==, 0x9999);
    pass(9998);
    g_assert_false(out2());
    pass(1);
    g_assert_true(out2());
    qtest_quit(q);
}

static void test_access(void)
{
    begin();
    gate(true);
    control(2, LOW, 2, false);
    qtest_outb(q, 0x42, 0x80);
    pass(1);
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0x80);
    pass(1);
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0x7f);
    control(2, HIGH, 2, false);
    qtest_outb(q, 0x42, 0x12);
    pass(2);
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0x11);
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0x11);
    control(2, BOTH, 2, false);
    load(2, 0);                         /* 65536 */
    pass(2);
    g_assert_cmphex(read_both(2), ==, 0xffff);
    g_assert_cmphex(qtest_inb(q, CONTROL), ==, 0xff);   /* can't be read */
    qtest_quit(q);
}

static void test_latch(void)
{
    begin();
    gate(true);
    control(2, BOTH, 2, false);
    load(2, 1000);
    pass(101);
    qtest_outb(q, CONTROL, 0x80);               /* counter latch */
    pass(50);
    qtest_outb(q, CONTROL, 0x80);               /* a second one waits for the first to be read */
    g_assert_cmpuint(read_both(2), ==, 900);
    g_assert_cmpuint(read_both(2), ==, 850);    /* not latched */
    qtest_outb(q, CONTROL, 0xe8);               /* read-back: status of counter 2 */
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0x80 | BOTH << 4 | 2 << 1);
    g_assert_cmpuint(read_both(2), ==, 850);
    qtest_outb(q, CONTROL, 0xc8);               /* both: the status comes first */
    pass(10);
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0x80 | BOTH << 4 | 2 << 1);
    g_assert_cmpuint(read_both(2), ==, 850);
    g_assert_cmpuint(read_both(2), ==, 840);
    /* All three at once. */
    control(0, LOW, 3, false);
    qtest_outb(q, 0x40, 10);
    control(1, HIGH, 2, true);
    qtest_outb(q, CONTROL, 0xee);
    pass(1);
    g_assert_cmphex(qtest_inb(q, 0x40) & 0x3f, ==, LOW << 4 | 3 << 1);
    g_assert_cmphex(qtest_inb(q, 0x41) & 0x3f, ==, HIGH << 4 | 2 << 1 | 1);
    g_assert_cmphex(qtest_inb(q, 0x42) & 0x3f, ==, BOTH << 4 | 2 << 1);
    qtest_quit(q);
}

/* Null count: the count that was written is not in the counting element yet. */
static void test_null_count(void)
{
    begin();
    gate(true);
    control(2, BOTH, 2, false);
    qtest_outb(q, CONTROL, 0xe8);
    g_assert_cmphex(qtest_inb(q, 0x42), ==, 0xc0 | BOTH << 4 | 2 << 1);
    load(2, 10);
    qtest_outb(q, CONTROL, 0xe8);
    g_assert_cmphex(qtest_inb(q, 0x42) & 0x40, ==, 0x40);
    pass(1);
    qtest_outb(q, CONTROL, 0xe8);
    g_assert_cmphex(qtest_inb(q, 0x42) & 0x40, ==, 0);
    load(2, 20);
    qtest_outb(q, CONTROL, 0xe8);
    g_assert_cmphex(qtest_inb(q, 0x42) & 0x40, ==, 0x40);
    pass(10);
    qtest_outb(q, CONTROL, 0xe8);
    g_assert_cmphex(qtest_inb(q, 0x42) & 0x40, ==, 0);
    qtest_quit(q);
}

/* Counter 0's line, which is ISA interrupt 0. */
static void test_line(void)
{
    begin();
    qtest_intercept_out(q, "i8254");
    control(0, BOTH, 0, false);
    load(0, 1000);
    go(1000);
    g_assert_false(qtest_irq(q, 0));
    go(1002);
    g_assert_true(qtest_irq(q, 0));
    pass(100000);
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 1);
    control(0, BOTH, 2, false);
    load(0, 1000);
    int64_t from = tick;
    unsigned rises = qtest_irq_rises(q, 0);
    for (unsigned i = 1; i <= 20; i++) {
        go(from + 1 + 1000 * i - 1);
        g_assert_cmpuint(qtest_irq_rises(q, 0) - rises, ==, i - 1);
        pass(2);
        g_assert_cmpuint(qtest_irq_rises(q, 0) - rises, ==, i);
    }
    control(0, BOTH, 3, false);
    load(0, 1000);
    from = tick;
    go(from + 2 + 500);
    g_assert_false(qtest_irq(q, 0));
    go(from + 2 + 1000);
    g_assert_true(qtest_irq(q, 0));
    rises = qtest_irq_rises(q, 0);
    go(from + 2 + 1000 * 101);          /* one long step: each edge has come */
    g_assert_cmpuint(qtest_irq_rises(q, 0) - rises, ==, 100);
    qtest_quit(q);
}

/* The usual 18.2 Hz for a day: 2^16 of 1193181.8... Hz. */
static void test_day(void)
{
    begin();
    qtest_intercept_in(q, "ioapic");    /* ISA line 0 is pin 2 */
    control(0, BOTH, 3, false);
    load(0, 0);
    qtest_clock_step(q, 86400 * NS_PER_SEC);
    g_assert_cmpuint(qtest_irq_rises(q, 2), >=, 1573042);
    g_assert_cmpuint(qtest_irq_rises(q, 2), <=, 1573043);
    qtest_quit(q);
}

static void test_port61(void)
{
    uint8_t last;
    unsigned changes = 0;

    begin();
    qtest_outb(q, PORT61, 0xff);
    g_assert_cmphex(qtest_inb(q, PORT61) & 0x0f, ==, 0x0f);
    last = qtest_inb(q, PORT61) & 0x10;
    for (unsigned i = 0; i < 100; i++) {        /* the refresh bit changes every 15 us */
        qtest_clock_step(q, NS_PER_US);
        changes += (qtest_inb(q, PORT61) & 0x10) != last;
        last = qtest_inb(q, PORT61) & 0x10;
    }
    g_assert_cmpuint(changes, >=, 6);
    g_assert_cmpuint(changes, <=, 7);
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/i8254/mode0", test_mode0);
    g_test_add_func("/qtest/i8254/mode1", test_mode1);
    g_test_add_func("/qtest/i8254/mode2", test_mode2);
    g_test_add_func("/qtest/i8254/mode3", test_mode3);
    g_test_add_func("/qtest/i8254/mode4", test_mode4);
    g_test_add_func("/qtest/i8254/mode5", test_mode5);
    g_test_add_func("/qtest/i8254/mode-alias", test_mode_alias);
    g_test_add_func("/qtest/i8254/bcd", test_bcd);
    g_test_add_func("/qtest/i8254/access", test_access);
    g_test_add_func("/qtest/i8254/latch", test_latch);
    g_test_add_func("/qtest/i8254/null-count", test_null_count);
    g_test_add_func("/qtest/i8254/line", test_line);
    g_test_add_func("/qtest/i8254/day", test_day);
    g_test_add_func("/qtest/i8254/port61", test_port61);
    return g_test_run();
}
