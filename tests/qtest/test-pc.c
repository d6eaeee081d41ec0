/* What ends, resets and describes a PC: ACPI hardware, reset ports, keyboard controller, debug exit,
 * panic port, debug console.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

#include <string.h>

enum { PM_STATUS = 0x600, PM_ENABLE = 0x602, PM_CONTROL = 0x604, PM_TIMER = 0x608, POST = 0x80 };
enum { TIMER = 1, POWER_BUTTON = 0x100, RTC = 0x400 };

static QTest *q;

/* ---- ACPI (specification 6.4, 4.8.3) ------------------------------------------------------ */

static void test_pm_timer(void)
{
    uint32_t before;

    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "acpi-pm");
    g_assert_cmpuint(qtest_inl(q, PM_TIMER), ==, 0);
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_cmpuint(qtest_inl(q, PM_TIMER), ==, 3579545);
    qtest_outl(q, PM_TIMER, 0);                 /* read-only */
    g_assert_cmpuint(qtest_inl(q, PM_TIMER), ==, 3579545);
    before = qtest_inl(q, PM_TIMER);
    qtest_clock_step(q, 3600 * NS_PER_SEC);     /* wraps after 1200 seconds */
    g_assert_cmpuint(qtest_inl(q, PM_TIMER) - before, ==, (uint32_t)(UINT64_C(3600) * 315000000 / 88));
    g_assert_cmphex(qtest_inw(q, PM_STATUS), ==, TIMER);
    g_assert_false(qtest_irq(q, 0));
    qtest_outw(q, PM_STATUS, TIMER);
    g_assert_cmphex(qtest_inw(q, PM_STATUS), ==, 0);
    qtest_quit(q);
}

/* Each change of the timer's top bit is an event, at that very tick. */
static void test_pm_timer_event(void)
{
    int64_t half = (INT64_C(1) << 31) * 88000 / 315 + 1;

    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "acpi-pm");
    qtest_outw(q, PM_ENABLE, TIMER);
    g_assert_cmpint(qtest_clock_next(q), ==, half);
    g_assert_cmphex(qtest_inl(q, PM_TIMER), ==, 0x80000000);
    g_assert_true(qtest_irq(q, 0));
    qtest_outw(q, PM_STATUS, TIMER);
    g_assert_false(qtest_irq(q, 0));
    qtest_clock_next(q);
    g_assert_cmphex(qtest_inl(q, PM_TIMER), ==, 0);
    g_assert_true(qtest_irq(q, 0));
    qtest_quit(q);
}

static void test_power_button(void)
{
    q = qtest_start_bare(NULL);
    qtest_intercept_in(q, "i8259");             /* the SCI is ISA line 9 */
    g_assert_cmphex(qtest_inw(q, PM_CONTROL), ==, 1);   /* ACPI mode always */
    qtest_set_irq_in(q, "acpi-pm", "power-button", 0, true);
    g_assert_cmphex(qtest_inw(q, PM_STATUS), ==, POWER_BUTTON);
    g_assert_false(qtest_irq(q, 9));
    qtest_outw(q, PM_ENABLE, POWER_BUTTON);
    g_assert_true(qtest_irq(q, 9));
    qtest_outw(q, PM_STATUS, POWER_BUTTON);
    g_assert_false(qtest_irq(q, 9));
    qtest_set_irq_in(q, "acpi-pm", "power-button", 0, true);    /* held: no second press */
    g_assert_cmphex(qtest_inw(q, PM_STATUS), ==, 0);
    qtest_set_irq_in(q, "acpi-pm", "power-button", 0, false);
    qtest_set_irq_in(q, "acpi-pm", "power-button", 0, true);
    g_assert_true(qtest_irq(q, 9));
    qtest_outb(q, 0xcf9, 6);
    g_assert_cmphex(qtest_inl(q, PM_STATUS), ==, 0);
    g_assert_false(qtest_irq(q, 9));
    qtest_quit(q);
}

/* The real-time clock's interrupt wakes. */
static void test_rtc_event(void)
{
    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "acpi-pm");
    qtest_outw(q, PM_ENABLE, RTC);
    qtest_outb(q, 0x70, 0x0b);
    qtest_outb(q, 0x71, 0x12);
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_cmphex(qtest_inw(q, PM_STATUS), ==, RTC);
    g_assert_true(qtest_irq(q, 0));
    qtest_quit(q);
}

static void test_power_off(void)
{
    q = qtest_start_bare(NULL);
    qtest_outw(q, PM_CONTROL, 5 << 10);         /* the type alone */
    qtest_outw(q, PM_CONTROL, 1 << 13 | 1 << 10);       /* no such state */
    g_assert_cmphex(qtest_inw(q, PM_CONTROL), ==, 1 << 10 | 1);
    qtest_outw(q, PM_CONTROL, 1 << 13 | 5 << 10);       /* S5 */
    g_assert_cmpint(qtest_wait_exit(q), ==, 0);
    q = qtest_start_bare("-no-shutdown");
    qtest_outw(q, PM_CONTROL, 1 << 13 | 5 << 10);
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "stopped");
    qtest_outb(q, POST, 0x33);                  /* off, but still there to be looked at */
    g_assert_cmphex(qtest_inb(q, POST), ==, 0x33);
    qtest_quit(q);
}

/* ---- resets ------------------------------------------------------------------------------- */

/* What has to be anew, and what must not be. */
static void expect_reset(bool yes)
{
    g_assert_cmphex(qtest_inb(q, POST), ==, yes ? 0 : 0x5a);
    g_assert_cmphex(qtest_readl(q, 0x1000), ==, 0x12345678);    /* memory keeps what it has */
    g_assert_cmpint(qtest_clock(q), >=, 1000);                  /* time goes on */
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "halted");    /* the CPUs, too */
    qtest_outb(q, POST, 0x5a);
}

static void test_resets(void)
{
    q = qtest_start_bare("-smp 2");
    qtest_writel(q, 0x1000, 0x12345678);
    qtest_outb(q, POST, 0x5a);
    qtest_clock_step(q, 1000);
    qtest_outb(q, 0xcf9, 0x02);                 /* chooses, does not do */
    expect_reset(false);
    qtest_outb(q, 0xcf9, 0x06);
    expect_reset(true);
    qtest_outb(q, 0xcf9, 0x0e);
    expect_reset(true);
    qtest_outl(q, 0xcf8, 0x80000600);           /* an address for PCI, which is no reset */
    expect_reset(false);
    g_assert_cmphex(qtest_inb(q, 0x92), ==, 0x02);
    qtest_outb(q, 0x92, 0x02);
    expect_reset(false);
    qtest_outb(q, 0x92, 0x03);
    expect_reset(true);
    g_assert_cmphex(qtest_inb(q, 0x92), ==, 0x02);
    qtest_outb(q, 0x64, 0xff);                  /* pulses no line */
    expect_reset(false);
    qtest_outb(q, 0x64, 0xfe);
    expect_reset(true);
    qtest_outb(q, 0x64, 0xd1);                  /* the output port's reset line */
    qtest_outb(q, 0x60, 0xde);
    expect_reset(true);
    qtest_quit(q);
}

static void test_no_reboot(void)
{
    static const struct {
        uint16_t port;
        uint8_t value;
    } row[] = { { 0xcf9, 0x06 }, { 0x92, 0x01 }, { 0x64, 0xfe } };

    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        q = qtest_start_bare("-no-reboot");
        qtest_outb(q, row[i].port, row[i].value);
        g_assert_cmpint(qtest_wait_exit(q), ==, 0);
    }
}

/* ---- ends --------------------------------------------------------------------------------- */

static void test_debug_exit(void)
{
    q = qtest_start_bare("-device isa-debug-exit");
    g_assert_cmphex(qtest_inw(q, 0x501), ==, 0);
    qtest_outb(q, 0x501, 0x10);
    g_assert_cmpint(qtest_wait_exit(q), ==, 0x21);
    q = qtest_start_bare("-device isa-debug-exit");
    qtest_outb(q, 0x501, 0);
    g_assert_cmpint(qtest_wait_exit(q), ==, 1);
    q = qtest_start_bare("-device isa-debug-exit,iobase=0xf4,iosize=4");
    qtest_outb(q, 0x501, 0);                    /* not there */
    qtest_outl(q, 0xf4, 0xffffffff);            /* a process has eight bits to tell */
    g_assert_cmpint(qtest_wait_exit(q), ==, 0xff);
}

static void test_pvpanic(void)
{
    q = qtest_start_bare(NULL);
    g_assert_cmphex(qtest_inb(q, 0x505), ==, 3);
    qtest_outb(q, 0x505, 2);                    /* a crash kernel takes over */
    qtest_outb(q, 0x505, 0);
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "halted");
    qtest_outb(q, 0x505, 1);
    g_assert_cmpint(qtest_wait_exit(q), ==, 1);
    q = qtest_start_bare("-gdb unix:{gdb}");    /* somebody can look at it */
    qtest_outb(q, 0x505, 1);
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "stopped");
    qtest_quit(q);
}

static void test_debugcon(void)
{
    g_autofree char *path = NULL, *text = NULL;

    q = qtest_start_bare("-debugcon file:{console}");
    g_assert_cmphex(qtest_inb(q, 0xe9), ==, 0xe9);      /* that it is there */
    for (const char *p = "glass"; *p; p++) {
        qtest_outb(q, 0xe9, (uint8_t)*p);
    }
    qtest_outl(q, 0xe9, 0x21212121);            /* one of its bytes is this port's */
    path = qtest_path(q, "console");
    qtest_stop(q);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "glass!");
    qtest_free(q);
}

/* ---- keyboard controller (IBM PS/2 technical reference) ------------------------------------ */

static uint8_t answer(void)
{
    g_assert_cmphex(qtest_inb(q, 0x64) & 1, ==, 1);
    return qtest_inb(q, 0x60);
}

static void expect_nothing(void)
{
    g_assert_cmphex(qtest_inb(q, 0x64) & 1, ==, 0);
}

static void test_i8042_controller(void)
{
    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "i8042");            /* keyboard: 0, aux: 1 */
    expect_nothing();
    qtest_outb(q, 0x64, 0xaa);                  /* self-test */
    g_assert_cmphex(answer(), ==, 0x55);
    qtest_outb(q, 0x64, 0xab);
    g_assert_cmphex(answer(), ==, 0x00);
    qtest_outb(q, 0x64, 0x60);                  /* command byte: interrupts off */
    g_assert_cmphex(qtest_inb(q, 0x64) & 8, ==, 8);
    qtest_outb(q, 0x60, 0x44);
    g_assert_cmphex(qtest_inb(q, 0x64) & 8, ==, 0);
    qtest_outb(q, 0x64, 0x20);
    g_assert_cmphex(answer(), ==, 0x44);
    unsigned rises = qtest_irq_rises(q, 0);
    qtest_outb(q, 0x64, 0xd2);                  /* as if the keyboard had sent it */
    qtest_outb(q, 0x60, 0x99);
    g_assert_false(qtest_irq(q, 0));
    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x47);                  /* interrupts on */
    g_assert_true(qtest_irq(q, 0));
    g_assert_cmphex(answer(), ==, 0x99);
    g_assert_false(qtest_irq(q, 0));
    g_assert_cmpuint(qtest_irq_rises(q, 0), ==, rises + 1);
    qtest_outb(q, 0x64, 0xd3);
    qtest_outb(q, 0x60, 0x98);
    g_assert_true(qtest_irq(q, 1));
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x21, ==, 0x21);
    g_assert_cmphex(answer(), ==, 0x98);
    g_assert_false(qtest_irq(q, 1));
    qtest_outb(q, 0x64, 0xd0);                  /* output port: A20 and reset are high */
    g_assert_cmphex(answer() & 3, ==, 3);
    qtest_outb(q, 0x64, 0xd1);
    qtest_outb(q, 0x60, 0xdd);                  /* A20 can't be taken away */
    qtest_outb(q, 0x64, 0xd0);
    g_assert_cmphex(answer() & 3, ==, 3);
    qtest_outb(q, 0x64, 0xd4);                  /* there is no mouse */
    qtest_outb(q, 0x60, 0xff);
    g_assert_cmphex(qtest_inb(q, 0x64) & 0x61, ==, 0x61);
    g_assert_cmphex(answer(), ==, 0xfe);
    qtest_quit(q);
}

static void test_i8042_keyboard(void)
{
    q = qtest_start_bare(NULL);
    qtest_outb(q, 0x60, 0xff);
    g_assert_cmphex(answer(), ==, 0xfa);
    g_assert_cmphex(answer(), ==, 0xaa);
    qtest_outb(q, 0x60, 0xf2);
    g_assert_cmphex(answer(), ==, 0xfa);
    g_assert_cmphex(answer(), ==, 0xab);
    g_assert_cmphex(answer(), ==, 0x41);        /* 83h, translated */
    qtest_outb(q, 0x60, 0xee);
    g_assert_cmphex(answer(), ==, 0xee);
    qtest_outb(q, 0x60, 0xed);
    g_assert_cmphex(answer(), ==, 0xfa);
    qtest_outb(q, 0x60, 0x02);
    g_assert_cmphex(answer(), ==, 0xfa);
    qtest_outb(q, 0x60, 0x01);
    g_assert_cmphex(answer(), ==, 0xfe);        /* no such command */
    qtest_outb(q, 0x64, 0xad);                  /* its port off: nothing comes through */
    expect_nothing();
    qtest_outb(q, 0x64, 0xae);
    expect_nothing();
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/acpi/timer", test_pm_timer);
    g_test_add_func("/qtest/acpi/timer-event", test_pm_timer_event);
    g_test_add_func("/qtest/acpi/power-button", test_power_button);
    g_test_add_func("/qtest/acpi/rtc-event", test_rtc_event);
    g_test_add_func("/qtest/acpi/power-off", test_power_off);
    g_test_add_func("/qtest/reset/ports", test_resets);
    g_test_add_func("/qtest/reset/no-reboot", test_no_reboot);
    g_test_add_func("/qtest/debug-exit", test_debug_exit);
    g_test_add_func("/qtest/pvpanic", test_pvpanic);
    g_test_add_func("/qtest/debugcon", test_debugcon);
    g_test_add_func("/qtest/i8042/controller", test_i8042_controller);
    g_test_add_func("/qtest/i8042/keyboard", test_i8042_keyboard);
    return g_test_run();
}
