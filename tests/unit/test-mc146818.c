/* The real-time clock: calendar, formats, holding, alarms, periodic and update interrupts.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-vm.h"
#include "hw/rtc/civil.h"
#include "hw/rtc/mc146818.h"

#include <time.h>

static Device *rtc;

static uint8_t get(uint8_t reg)
{
    fake_out(0x70, reg);
    return fake_in(0x71);
}

static void set(uint8_t reg, uint8_t v)
{
    fake_out(0x70, reg);
    fake_out(0x71, v);
}

/* 2026-11-21 09:16:54 UTC, a Saturday, at the clock's 0. */
static void begin(void)
{
    fake_vm_init();
    fake.now = 0;
    fake.base = INT64_C(1795252614) * NS_PER_SEC;
    rtc = fake_vm_device(&mc146818_class);
}

static void end(void)
{
    device_free(rtc);
    fake_vm_done();
}

static void check_date(const uint8_t *want)
{
    static const uint8_t regs[] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };

    for (unsigned i = 0; i < G_N_ELEMENTS(regs); i++) {
        g_assert_cmphex(get(regs[i]), ==, want[i]);
    }
}
#define CHECK_DATE(...) check_date((const uint8_t[]){ __VA_ARGS__ })

static void test_civil(void)
{
    for (int64_t s = -70 * INT64_C(31556952); s < 500 * INT64_C(31556952); s += 86400 * 3 + 7919) {
        time_t t = (time_t)s;
        struct tm tm;
        CivilTime c = civil_from_seconds(s);

        gmtime_r(&t, &tm);
        g_assert_cmpint(c.year, ==, tm.tm_year + 1900);
        g_assert_cmpint(c.month, ==, tm.tm_mon + 1);
        g_assert_cmpint(c.day, ==, tm.tm_mday);
        g_assert_cmpint(c.hour * 3600 + c.minute * 60 + c.second, ==,
                        tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec);
        g_assert_cmpint(c.weekday, ==, tm.tm_wday);
        g_assert_cmpint(civil_to_seconds(&c), ==, s);
    }
}

static void test_formats(void)
{
    begin();
    CHECK_DATE(0x20, 0x26, 0x11, 0x21, 7, 0x09, 0x16, 0x54);
    set(0x0b, 0x06);
    CHECK_DATE(20, 26, 11, 21, 7, 9, 16, 54);
    fake_vm_advance(5 * 3600 * NS_PER_SEC);
    set(0x0b, 0x04);
    g_assert_cmphex(get(4), ==, 0x82);           /* 2 p.m. */
    set(0x0b, 0x00);
    fake_vm_advance(10 * 3600 * NS_PER_SEC);     /* past midnight */
    g_assert_cmphex(get(4), ==, 0x12);
    g_assert_cmphex(get(7), ==, 0x22);
    g_assert_cmphex(get(6), ==, 1);
    g_assert_cmphex(get(0x0d), ==, 0x80);
    end();
}

static void test_set(void)
{
    begin();
    fake_vm_advance(300 * NS_PER_MS);
    set(0x0b, 0x82);                             /* hold */
    set(9, 0x24);
    set(8, 0x02);                                /* on its way through 31 February */
    set(7, 0x28);
    set(6, 4);
    set(4, 0x23);
    set(2, 0x59);
    set(0, 0x59);
    fake_vm_advance(10 * NS_PER_SEC);
    CHECK_DATE(0x20, 0x24, 0x02, 0x28, 4, 0x23, 0x59, 0x59);
    set(0x0b, 0x02);
    fake_vm_advance(699 * NS_PER_MS);            /* the divider has gone on */
    CHECK_DATE(0x20, 0x24, 0x02, 0x28, 4, 0x23, 0x59, 0x59);
    fake_vm_advance(2 * NS_PER_MS);
    CHECK_DATE(0x20, 0x24, 0x02, 0x29, 5, 0, 0, 0);
    set(0x0a, 0x76);                             /* the divider in reset */
    fake_vm_advance(5 * NS_PER_SEC);
    CHECK_DATE(0x20, 0x24, 0x02, 0x29, 5, 0, 0, 0);
    set(0x0a, 0x26);
    fake_vm_advance(499 * NS_PER_MS);
    g_assert_cmphex(get(0), ==, 0);
    fake_vm_advance(2 * NS_PER_MS);
    g_assert_cmphex(get(0), ==, 1);
    set(2, 0x30);                                /* without holding it */
    CHECK_DATE(0x20, 0x24, 0x02, 0x29, 5, 0, 0x30, 1);
    end();
}

static void test_update_in_progress(void)
{
    begin();
    g_assert_cmphex(get(0x0a), ==, 0x26);
    fake_vm_advance(NS_PER_SEC - 100 * NS_PER_US);
    g_assert_cmphex(get(0x0a), ==, 0xa6);
    g_assert_cmphex(get(0), ==, 0x54);
    fake_vm_advance(100 * NS_PER_US);
    g_assert_cmphex(get(0x0a), ==, 0x26);
    g_assert_cmphex(get(0), ==, 0x55);
    end();
}

static void test_update_interrupt(void)
{
    begin();
    get(0x0c);
    fake_vm_advance(2 * NS_PER_SEC);
    g_assert_cmphex(get(0x0c) & 0x90, ==, 0x10); /* the flag without the interrupt */
    set(0x0b, 0x12);
    fake_vm_advance(NS_PER_SEC);
    g_assert_cmpint(fake.level[8], ==, 1);
    fake_vm_advance(3 * NS_PER_SEC);
    g_assert_cmpuint(fake.rises[8], ==, 1);      /* until C is read */
    g_assert_cmphex(get(0x0c) & 0x90, ==, 0x90);
    g_assert_cmpint(fake.level[8], ==, 0);
    fake_vm_advance(NS_PER_SEC);
    g_assert_cmpuint(fake.rises[8], ==, 2);
    set(0x0b, 0x92);                             /* holding stops it */
    g_assert_cmphex(get(0x0b), ==, 0x82);
    end();
}

static void test_periodic(void)
{
    begin();
    set(0x0a, 0x26);                             /* 1024 Hz */
    set(0x0b, 0x42);
    get(0x0c);
    fake.rises[8] = 0;
    for (unsigned i = 0; i < 1024; i++) {
        fake_vm_advance(NS_PER_SEC / 1024);
        get(0x0c);
    }
    g_assert_cmpuint(fake.rises[8], >=, 1022);
    g_assert_cmpuint(fake.rises[8], <=, 1024);
    set(0x0a, 0x2f);                             /* 2 Hz */
    fake.rises[8] = 0;
    for (unsigned i = 0; i < 100; i++) {
        fake_vm_advance(NS_PER_SEC / 10);
        get(0x0c);
    }
    g_assert_cmpuint(fake.rises[8], ==, 20);
    set(0x0a, 0x20);
    fake.rises[8] = 0;
    fake_vm_advance(NS_PER_SEC);
    g_assert_cmpuint(fake.rises[8], ==, 0);
    end();
}

static void test_alarm(void)
{
    begin();
    set(5, 0x09);
    set(3, 0x17);
    set(1, 0x05);
    set(0x0b, 0x22);
    get(0x0c);
    fake_vm_advance(10 * NS_PER_SEC + NS_PER_SEC / 2);
    g_assert_cmpint(fake.level[8], ==, 0);
    fake_vm_advance(NS_PER_SEC);                 /* 09:17:05 */
    g_assert_cmpint(fake.level[8], ==, 1);
    g_assert_cmphex(get(0x0c) & 0xa0, ==, 0xa0);
    set(5, 0xff);
    set(3, 0xff);                                /* every minute */
    fake.rises[8] = 0;
    for (unsigned i = 0; i < 600; i++) {
        fake_vm_advance(NS_PER_SEC);
        get(0x0c);
    }
    g_assert_cmpuint(fake.rises[8], ==, 10);
    set(1, 0x99);                                /* never */
    fake.rises[8] = 0;
    fake_vm_advance(200000 * NS_PER_SEC);
    g_assert_cmpuint(fake.rises[8], ==, 0);
    end();
}

static void test_memory(void)
{
    unsigned sum = 0;

    begin();
    mc146818_set_memory(rtc, 0x15, 0x80);
    mc146818_set_memory(rtc, 0x20, 0xff);
    mc146818_checksum(rtc);
    for (unsigned i = 0x10; i <= 0x2d; i++) {
        sum += get((uint8_t)i);
    }
    g_assert_cmphex(get(0x2e) << 8 | get(0x2f), ==, sum);
    set(0xff, 0x5a);                             /* bit 7 is not part of the address */
    rtc->cls->reset(rtc);
    g_assert_cmphex(get(0x7f), ==, 0x5a);
    CHECK_DATE(0x20, 0x26, 0x11, 0x21, 7, 0x09, 0x16, 0x54);
    end();
}

static void disturb(Device *dev)
{
    set(0x0a, 0x2a);
    set(0x0b, 0x72);
    fake_vm_advance(5 * NS_PER_SEC);
}

static void test_reset(void)
{
    begin();
    fake_vm_check_reset(rtc, disturb);
    g_assert_cmpint(fake.level[8], ==, 0);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mc146818/civil", test_civil);
    g_test_add_func("/mc146818/formats", test_formats);
    g_test_add_func("/mc146818/set", test_set);
    g_test_add_func("/mc146818/update-in-progress", test_update_in_progress);
    g_test_add_func("/mc146818/update-interrupt", test_update_interrupt);
    g_test_add_func("/mc146818/periodic", test_periodic);
    g_test_add_func("/mc146818/alarm", test_alarm);
    g_test_add_func("/mc146818/memory", test_memory);
    g_test_add_func("/mc146818/reset", test_reset);
    return g_test_run();
}
