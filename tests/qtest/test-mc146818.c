/* The real-time clock by its data sheet (Motorola MC146818A): date and its formats, update cycle,
 * alarm, periodic interrupt, and what a reset leaves.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

enum { SECOND, SECOND_ALARM, MINUTE, MINUTE_ALARM, HOUR, HOUR_ALARM, WEEKDAY, DAY, MONTH, YEAR,
       REG_A, REG_B, REG_C, REG_D, CENTURY = 0x32 };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_BINARY = 4, B_24H = 2 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10 };

static QTest *q;

static uint8_t get(uint8_t r)
{
    qtest_outb(q, 0x70, r);
    return qtest_inb(q, 0x71);
}

static void set(uint8_t r, uint8_t v)
{
    qtest_outb(q, 0x70, r);
    qtest_outb(q, 0x71, v);
}

static void begin(const char *more)
{
    q = qtest_start_bare(more);
    qtest_intercept_out(q, "mc146818");
}

static bool line(void)
{
    return qtest_irq(q, 0);
}

static void set_time(uint8_t b, uint8_t hour, uint8_t minute, uint8_t second)
{
    set(REG_B, B_SET | b);
    set(HOUR, hour);
    set(MINUTE, minute);
    set(SECOND, second);
    set(REG_B, b);
}

static void expect_time(uint8_t hour, uint8_t minute, uint8_t second)
{
    g_assert_cmphex(get(HOUR), ==, hour);
    g_assert_cmphex(get(MINUTE), ==, minute);
    g_assert_cmphex(get(SECOND), ==, second);
}

static void expect_date(uint8_t century, uint8_t year, uint8_t month, uint8_t day, uint8_t weekday)
{
    g_assert_cmphex(get(CENTURY), ==, century);
    g_assert_cmphex(get(YEAR), ==, year);
    g_assert_cmphex(get(MONTH), ==, month);
    g_assert_cmphex(get(DAY), ==, day);
    g_assert_cmphex(get(WEEKDAY), ==, weekday);
}

static void test_date(void)
{
    begin("-rtc base=2000-01-01");
    g_assert_cmphex(get(REG_B), ==, B_24H);
    g_assert_cmphex(get(REG_D), ==, 0x80);
    expect_date(0x20, 0x00, 0x01, 0x01, 7);     /* a Saturday */
    expect_time(0, 0, 0);
    qtest_clock_step(q, (23 * 3600 + 59 * 60 + 58) * NS_PER_SEC);
    expect_time(0x23, 0x59, 0x58);
    qtest_clock_step(q, 2 * NS_PER_SEC);
    expect_date(0x20, 0x00, 0x01, 0x02, 1);
    qtest_clock_step(q, (31 + 28 - 1) * 86400 * NS_PER_SEC);
    expect_date(0x20, 0x00, 0x02, 0x29, 3);     /* 2000 is a leap year */
    qtest_quit(q);
    begin("-rtc base=1999-12-31T23:59:59");
    expect_date(0x19, 0x99, 0x12, 0x31, 6);
    expect_time(0x23, 0x59, 0x59);
    qtest_clock_step(q, NS_PER_SEC);
    expect_date(0x20, 0x00, 0x01, 0x01, 7);
    expect_time(0, 0, 0);
    qtest_quit(q);
}

static void test_formats(void)
{
    begin("-rtc base=2024-02-29T13:45:59");
    expect_time(0x13, 0x45, 0x59);
    set(REG_B, B_24H | B_BINARY);
    expect_time(13, 45, 59);
    expect_date(20, 24, 2, 29, 5);
    set(REG_B, B_BINARY);                       /* 12 hours: bit 7 is p.m. */
    expect_time(0x80 | 1, 45, 59);
    set(REG_B, 0);
    expect_time(0x81, 0x45, 0x59);
    set_time(0, 0x12, 0, 0);                    /* twelve a.m. is midnight */
    set(REG_B, B_24H);
    expect_time(0, 0, 0);
    set_time(0, 0x92, 0, 0);                    /* twelve p.m. is noon */
    set(REG_B, B_24H);
    expect_time(0x12, 0, 0);
    set(REG_B, B_BINARY);
    set_time(B_BINARY, 0x8b, 59, 59);           /* eleven p.m. */
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_cmphex(get(HOUR), ==, 12);
    expect_date(20, 24, 3, 1, 6);
    qtest_quit(q);
}

/* While SET is on, the registers are memory; then the date goes on from there. */
static void test_set(void)
{
    begin("-rtc base=2000-01-01");
    set(REG_B, B_SET | B_24H);
    qtest_clock_step(q, 10 * NS_PER_SEC);
    expect_time(0, 0, 0);
    set(YEAR, 0x23);
    set(MONTH, 0x12);
    set(DAY, 0x31);
    set(WEEKDAY, 3);
    set(HOUR, 0x23);
    set(MINUTE, 0x59);
    set(SECOND, 0x55);
    qtest_clock_step(q, 100 * NS_PER_SEC);
    expect_time(0x23, 0x59, 0x55);
    set(REG_B, B_24H);
    expect_time(0x23, 0x59, 0x55);
    qtest_clock_step(q, 5 * NS_PER_SEC);
    expect_time(0, 0, 0);
    expect_date(0x20, 0x24, 0x01, 0x01, 4);     /* the guest's weekday counts on, too */
    qtest_outb(q, 0xcf9, 0x06);                 /* the date is on a battery */
    expect_date(0x20, 0x24, 0x01, 0x01, 4);
    qtest_quit(q);
}

/* Any date that the registers can hold goes on from there, also beyond what nanoseconds in 64 bits
 * could say. */
static void test_far_dates(void)
{
    static const struct {
        uint8_t century, year, next_century, next_year;
    } row[] = {
        { 0x19, 0x00, 0x19, 0x01 }, { 0x22, 0x61, 0x22, 0x62 }, { 0x22, 0x62, 0x22, 0x63 },
        { 0x32, 0x36, 0x32, 0x37 }, { 0x99, 0x99, 0x00, 0x00 }, { 0x00, 0x00, 0x00, 0x01 },
    };

    begin("-rtc base=2000-01-01");
    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        set(REG_B, B_SET | B_24H);
        set(CENTURY, row[i].century);
        set(YEAR, row[i].year);
        set(MONTH, 0x12);
        set(DAY, 0x31);
        set(HOUR, 0x23);
        set(MINUTE, 0x59);
        set(SECOND, 0x59);
        set(REG_B, B_24H | B_UIE);
        get(REG_C);
        g_assert_cmphex(get(CENTURY), ==, row[i].century);
        g_assert_cmphex(get(YEAR), ==, row[i].year);
        expect_time(0x23, 0x59, 0x59);
        qtest_clock_next(q);
        g_assert_true(line());
        g_assert_cmphex(get(CENTURY), ==, row[i].next_century);
        g_assert_cmphex(get(YEAR), ==, row[i].next_year);
        expect_time(0, 0, 0);
    }
    qtest_quit(q);
}

/* UIP comes 244 us before an update. */
static void test_update_cycle(void)
{
    begin("-rtc base=2000-01-01");
    g_assert_cmphex(get(REG_A) & 0x80, ==, 0);
    qtest_ok(q, "clock_set 999755859");
    g_assert_cmphex(get(REG_A) & 0x80, ==, 0);
    qtest_clock_step(q, 1);
    g_assert_cmphex(get(REG_A) & 0x80, ==, 0x80);
    g_assert_cmphex(get(SECOND), ==, 0);
    qtest_ok(q, "clock_set 999999999");
    g_assert_cmphex(get(REG_A) & 0x80, ==, 0x80);
    qtest_clock_step(q, 1);
    g_assert_cmphex(get(REG_A) & 0x80, ==, 0);
    g_assert_cmphex(get(SECOND), ==, 1);
    set(REG_B, B_SET | B_24H);                  /* no update, no UIP */
    qtest_ok(q, "clock_set 1999000000");
    g_assert_cmphex(get(REG_A) & 0x80, ==, 0);
    set(REG_A, 0xa6);                           /* can't be written */
    g_assert_cmphex(get(REG_A), ==, 0x26);
    qtest_quit(q);
}

/* Half a second after the divider's reset the first update comes. */
static void test_divider(void)
{
    begin("-rtc base=2000-01-01");
    qtest_clock_step(q, 300 * NS_PER_MS);
    set(REG_A, 0x76);
    qtest_clock_step(q, 77 * NS_PER_SEC);
    expect_time(0, 0, 0);
    set(REG_A, 0x26);
    qtest_clock_step(q, 499 * NS_PER_MS);
    expect_time(0, 0, 0);
    qtest_clock_step(q, NS_PER_MS);
    expect_time(0, 0, 1);
    qtest_clock_step(q, NS_PER_SEC);
    expect_time(0, 0, 2);
    qtest_quit(q);
}

static void test_update_interrupt(void)
{
    begin("-rtc base=2000-01-01");
    g_assert_cmphex(get(REG_C), ==, 0);
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_cmphex(get(REG_C) & ~C_PF, ==, C_UF);      /* a flag without an interrupt */
    g_assert_false(line());
    set(REG_B, B_UIE | B_24H);
    qtest_ok(q, "clock_set 1999999999");
    g_assert_false(line());
    qtest_clock_step(q, 1);
    g_assert_true(line());
    qtest_clock_step(q, 5 * NS_PER_SEC);
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 1);     /* until register C is read */
    g_assert_cmphex(get(REG_C) & (C_IRQF | C_UF), ==, C_IRQF | C_UF);
    g_assert_false(line());
    g_assert_cmphex(get(REG_C), ==, 0);
    qtest_clock_next(q);
    g_assert_true(line());
    set(REG_B, B_UIE | B_SET | B_24H);          /* SET takes the enable away */
    g_assert_cmphex(get(REG_B) & B_UIE, ==, 0);
    qtest_quit(q);
}

static void test_alarm(void)
{
    begin("-rtc base=2000-01-01");
    set(HOUR_ALARM, 0x00);
    set(MINUTE_ALARM, 0x01);
    set(SECOND_ALARM, 0x30);
    set(REG_B, B_AIE | B_24H);
    get(REG_C);
    qtest_ok(q, "clock_set 89999999999");
    g_assert_false(line());
    qtest_clock_step(q, 1);
    g_assert_true(line());
    g_assert_cmphex(get(REG_C) & (C_IRQF | C_AF), ==, C_IRQF | C_AF);
    g_assert_false(line());
    qtest_clock_step(q, 86399 * NS_PER_SEC);
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 1);
    qtest_clock_step(q, NS_PER_SEC);            /* once a day */
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 2);
    get(REG_C);
    set(HOUR_ALARM, 0xc0);                      /* any hour */
    qtest_clock_step(q, 3600 * NS_PER_SEC);
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 3);
    get(REG_C);
    set(MINUTE_ALARM, 0xff);                    /* any minute */
    qtest_clock_step(q, 60 * NS_PER_SEC);
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 4);
    get(REG_C);
    set(SECOND_ALARM, 0xc7);                    /* any second */
    for (unsigned i = 0; i < 10; i++) {
        qtest_clock_step(q, NS_PER_SEC);
        g_assert_cmpuint(qtest_irq_rises(q, 0), ==, 5 + i);
        get(REG_C);
    }
    set(REG_B, B_24H);
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_false(line());
    g_assert_cmphex(get(REG_C) & (C_IRQF | C_AF), ==, C_AF);
    qtest_quit(q);
}

/* The alarm in the other formats. */
static void test_alarm_12h(void)
{
    begin("-rtc base=2001-01-01T12:59:00");
    set(REG_B, B_AIE | B_BINARY);
    set(HOUR_ALARM, 0x81);                      /* one p.m. */
    set(MINUTE_ALARM, 0);
    set(SECOND_ALARM, 0);
    qtest_clock_step(q, 59 * NS_PER_SEC);
    g_assert_false(line());
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_true(line());
    qtest_quit(q);
}

/* The rates that register A chooses, with a crystal of 32768 Hz. */
static void test_periodic(void)
{
    static const unsigned hertz[16] = {
        0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8, 4, 2,
    };

    begin("-rtc base=2000-01-01");
    for (uint8_t rate = 0; rate < 16; rate++) {
        unsigned n = 0;
        int64_t end;

        set(REG_B, B_24H);
        set(REG_A, 0x20 | rate);
        get(REG_C);
        set(REG_B, B_PIE | B_24H);
        end = qtest_clock(q) + NS_PER_SEC + 2;  /* a line may rise a nanosecond late */
        /* Each period rings once, if it is answered. */
        while (hertz[rate] && hertz[rate] <= 512 && qtest_clock_next(q) <= end) {
            g_assert_true(line());
            g_assert_cmphex(get(REG_C) & (C_IRQF | C_PF), ==, C_IRQF | C_PF);
            n++;
        }
        if (hertz[rate] && hertz[rate] <= 512) {
            g_assert_cmpuint(n, ==, hertz[rate]);
        } else if (hertz[rate]) {
            int64_t from = qtest_clock_next(q), period;

            get(REG_C);
            period = qtest_clock_next(q) - from;
            g_assert_cmpint(ABS(period - NS_PER_SEC / hertz[rate]), <=, 1);
            get(REG_C);
        } else {
            qtest_clock_step(q, 10 * NS_PER_SEC);
            g_assert_false(line());
        }
    }
    qtest_quit(q);
}

static void test_memory(void)
{
    begin("-m 256 -smp 4");
    g_assert_cmpuint(get(0x15) | get(0x16) << 8, ==, 640);
    g_assert_cmpuint(get(0x34) | get(0x35) << 8, ==, (256 - 16) * 16);
    g_assert_cmpuint(get(0x5f), ==, 3);
    for (unsigned i = 0x40; i < 0x50; i++) {
        set((uint8_t)i, (uint8_t)(i * 5));
    }
    qtest_outb(q, 0xcf9, 0x06);
    for (unsigned i = 0x40; i < 0x50; i++) {
        g_assert_cmphex(get((uint8_t)i), ==, (i * 5) & 0xff);
    }
    g_assert_cmphex(get(0x80 | 0x40), ==, 0x40 * 5 & 0xff);     /* bit 7 is not of the index */
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/mc146818/date", test_date);
    g_test_add_func("/qtest/mc146818/formats", test_formats);
    g_test_add_func("/qtest/mc146818/set", test_set);
    g_test_add_func("/qtest/mc146818/far-dates", test_far_dates);
    g_test_add_func("/qtest/mc146818/update-cycle", test_update_cycle);
    g_test_add_func("/qtest/mc146818/divider", test_divider);
    g_test_add_func("/qtest/mc146818/update-interrupt", test_update_interrupt);
    g_test_add_func("/qtest/mc146818/alarm", test_alarm);
    g_test_add_func("/qtest/mc146818/alarm-12h", test_alarm_12h);
    g_test_add_func("/qtest/mc146818/periodic", test_periodic);
    g_test_add_func("/qtest/mc146818/memory", test_memory);
    return g_test_run();
}
