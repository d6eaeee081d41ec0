/* Keyboard controller, ACPI hardware, reset ports, debug exit, pvpanic.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-vm.h"
#include "hw/acpi/pm.h"
#include "hw/input/i8042.h"
#include "hw/misc/debug_exit.h"
#include "hw/misc/pvpanic.h"
#include "hw/misc/reset_ports.h"

static Device *dev;

static void begin(const DeviceClass *cls)
{
    fake_vm_init();
    dev = fake_vm_device(cls);
}

static void end(void)
{
    device_free(dev);
    fake_vm_done();
}

/* ---- keyboard controller ------------------------------------------------------------------ */

static int next_byte(void)
{
    return fake_in(0x64) & 1 ? fake_in(0x60) : -1;
}

static void test_i8042_probe(void)
{
    begin(&i8042_class);
    g_assert_cmpint(next_byte(), ==, -1);
    fake_out(0x64, 0xaa);
    g_assert_cmphex(next_byte(), ==, 0x55);
    fake_out(0x64, 0x20);
    g_assert_cmphex(next_byte() & 0x44, ==, 0x44);
    fake_out(0x64, 0x60);
    fake_out(0x60, 0x74);                        /* all off, no interrupts */
    fake.rises[1] = 0;
    fake_out(0x64, 0x20);
    g_assert_cmphex(next_byte(), ==, 0x74);
    fake_out(0x64, 0xd3);                        /* loops through the auxiliary buffer */
    fake_out(0x60, 0x5a);
    g_assert_cmphex(fake_in(0x64) & 0x21, ==, 0x21);
    g_assert_cmphex(next_byte(), ==, 0x5a);
    fake_out(0x64, 0xa9);
    g_assert_cmphex(next_byte(), ==, 0);
    fake_out(0x64, 0xd0);
    g_assert_cmphex(next_byte() & 3, ==, 3);
    fake_out(0x64, 0xd4);                        /* nobody is there */
    fake_out(0x60, 0xf2);
    g_assert_cmphex(fake_in(0x64) & 0x61, ==, 0x61);
    g_assert_cmphex(next_byte(), ==, 0xfe);
    g_assert_cmpuint(fake.rises[1] + fake.rises[12], ==, 0);
    end();
}

static void test_i8042_keyboard(void)
{
    static const uint8_t press_release[] = { 0x1c, 0xf0, 0x1c, 0xe0, 0x75 };

    begin(&i8042_class);
    fake_out(0x60, 0xff);
    g_assert_cmpint(fake.level[1], ==, 1);
    g_assert_cmphex(next_byte(), ==, 0xfa);
    g_assert_cmphex(next_byte(), ==, 0xaa);
    g_assert_cmpint(fake.level[1], ==, 0);
    g_assert_cmpuint(fake.rises[1], ==, 2);
    fake_out(0x60, 0xf2);
    g_assert_cmphex(next_byte(), ==, 0xfa);
    g_assert_cmphex(next_byte(), ==, 0xab);
    g_assert_cmphex(next_byte(), ==, 0x41);      /* 83h, translated */
    fake_out(0x60, 0xed);
    fake_out(0x60, 0x07);
    g_assert_cmphex(next_byte(), ==, 0xfa);
    g_assert_cmphex(next_byte(), ==, 0xfa);
    fake_out(0x60, 0x01);                        /* no command */
    g_assert_cmphex(next_byte(), ==, 0xfe);
    g_assert_true(i8042_key(dev, press_release, sizeof(press_release)));
    g_assert_cmphex(next_byte(), ==, 0x1e);
    g_assert_cmphex(next_byte(), ==, 0x9e);
    g_assert_cmphex(next_byte(), ==, 0xe0);
    g_assert_cmphex(next_byte(), ==, 0x48);
    g_assert_cmpint(next_byte(), ==, -1);
    fake_out(0x60, 0xf5);
    g_assert_cmphex(next_byte(), ==, 0xfa);
    g_assert_false(i8042_key(dev, press_release, sizeof(press_release)));
    fake_out(0x60, 0xf4);
    g_assert_cmphex(next_byte(), ==, 0xfa);
    while (i8042_key(dev, press_release, sizeof(press_release))) {
    }
    fake_out(0x60, 0xee);                        /* answers still find room */
    for (int last = 0, v; (v = next_byte()) >= 0; last = v) {
        g_assert_cmpint(last, !=, 0xee);
    }
    end();
}

static void test_i8042_reset_line(void)
{
    begin(&i8042_class);
    fake_out(0x64, 0xff);
    g_assert_cmpuint(fake.resets, ==, 0);
    fake_out(0x64, 0xfe);
    g_assert_cmpuint(fake.resets, ==, 1);
    fake_out(0x64, 0xd1);
    fake_out(0x60, 0xde);
    g_assert_cmpuint(fake.resets, ==, 2);
    end();
}

static void disturb_i8042(Device *d)
{
    fake_out(0x64, 0x60);
    fake_out(0x60, 0x02);
    fake_out(0x60, 0xff);
    fake_out(0x64, 0xd3);
    fake_out(0x60, 0x01);
}

/* ---- ACPI --------------------------------------------------------------------------------- */

static uint32_t io_load(uint16_t port, unsigned size)
{
    uint64_t v;

    mem_load(fake.io, port, MEM_ATTRS_CPU(0), size, &v);
    return (uint32_t)v;
}

static void io_store(uint16_t port, unsigned size, uint32_t v)
{
    mem_store(fake.io, port, MEM_ATTRS_CPU(0), size, v);
}

static void test_pm_timer(void)
{
    uint32_t before;

    begin(&acpi_pm_class);
    before = io_load(0x608, 4);
    fake_vm_advance(NS_PER_SEC);
    g_assert_cmpuint(io_load(0x608, 4) - before, >=, 3579545);
    g_assert_cmpuint(io_load(0x608, 4) - before, <=, 3579546);
    io_store(0x608, 4, 0);
    g_assert_cmpuint(io_load(0x608, 4) - before, >=, 3579545);
    acpi_pm_set_sci(dev, fake.isa[9]);
    io_store(0x600, 2, 0xffff);
    io_store(0x602, 2, 0x0001);
    fake_vm_advance(1200 * NS_PER_SEC);          /* the top bit changes every 600 seconds */
    g_assert_cmpint(fake.level[9], ==, 1);
    g_assert_cmphex(io_load(0x600, 4), ==, 0x00010001);
    io_store(0x600, 2, 1);
    g_assert_cmpint(fake.level[9], ==, 0);
    end();
}

static void test_pm_button_and_off(void)
{
    begin(&acpi_pm_class);
    acpi_pm_set_sci(dev, fake.isa[9]);
    g_assert_cmphex(io_load(0x604, 2), ==, 1);   /* always in ACPI mode */
    acpi_pm_press_power_button(dev);
    g_assert_cmpint(fake.level[9], ==, 0);
    io_store(0x603, 1, 0x01);                    /* enable, by bytes */
    g_assert_cmpint(fake.level[9], ==, 1);
    g_assert_cmphex(io_load(0x600, 2), ==, 0x100);
    io_store(0x600, 2, 0x100);
    g_assert_cmpint(fake.level[9], ==, 0);
    io_store(0x602, 2, 0x0400);
    g_assert_cmphex(io_load(0x602, 2), ==, 0x0400);
    irq_raise(acpi_pm_rtc_input(dev));
    g_assert_cmphex(io_load(0x600, 2), ==, 0x400);
    g_assert_cmpint(fake.level[9], ==, 1);
    io_store(0x600, 2, 0x400);
    irq_raise(acpi_pm_rtc_input(dev));           /* no rise */
    g_assert_cmpint(fake.level[9], ==, 0);
    io_store(0x604, 2, 0x1400);                  /* the type alone */
    g_assert_cmpuint(fake.shutdowns, ==, 0);
    g_assert_cmphex(io_load(0x604, 2), ==, 0x1401);
    io_store(0x604, 2, 0x2000);                  /* no such state */
    g_assert_cmpuint(fake.shutdowns, ==, 0);
    io_store(0x604, 2, 0x3400);
    g_assert_cmpuint(fake.shutdowns, ==, 1);
    g_assert_cmpint(fake.status, ==, 0);
    end();
}

static void disturb_pm(Device *d)
{
    io_store(0x602, 2, 0x0121);
    io_store(0x604, 2, 0x1400);
    acpi_pm_press_power_button(d);
}

/* ---- small ports -------------------------------------------------------------------------- */

static void test_reset_ports(void)
{
    begin(&reset_ports_class);
    g_assert_cmphex(fake_in(0x92), ==, 2);
    fake_out(0x92, 0);
    g_assert_cmphex(fake_in(0x92), ==, 2);
    g_assert_cmpuint(fake.resets, ==, 0);
    fake_out(0x92, 3);
    fake_out(0x92, 3);                           /* only the edge counts */
    g_assert_cmpuint(fake.resets, ==, 1);
    fake_out(0xcf9, 0x02);
    g_assert_cmpuint(fake.resets, ==, 1);
    fake_out(0xcf9, RESET_CONTROL_VALUE);
    g_assert_cmpuint(fake.resets, ==, 2);
    /* An address for PCI's configuration, written at CF8h, is no reset. */
    fake_out(0xcf9, 0);
    io_store(0xcf8, 4, 0x80000600);
    fake_out(0xcf8, 6);
    g_assert_cmpuint(fake.resets, ==, 2);
    g_assert_cmphex(fake_in(0xcf9), ==, 0);
    fake_out(0x80, 0x42);
    g_assert_cmphex(fake_in(0x80), ==, 0x42);
    end();
}

static void disturb_ports(Device *d)
{
    fake_out(0x92, 0x40);
    fake_out(0xcf9, 0x0a);
    fake_out(0x80, 0x42);
}

static void test_debug_exit(void)
{
    begin(&isa_debug_exit_class);
    fake_out(0x501, 0x10);
    g_assert_cmpuint(fake.shutdowns, ==, 1);
    g_assert_cmpint(fake.status, ==, 0x21);
    io_store(0x501, 2, 0);
    g_assert_cmpint(fake.status, ==, 1);
    g_assert_cmphex(fake_in(0x502), ==, 0);
    g_assert_cmphex(fake_in(0x503), ==, 0xff);
    end();
}

static void test_debug_exit_bad(void)
{
    static const char *const bad[][2] = {
        { "iosize", "0" }, { "iosize", "5" }, { "iobase", "0xffff" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *err = NULL;

        fake_vm_init();
        dev = device_new(&isa_debug_exit_class, &fake.host, NULL);
        g_assert_true(device_set(dev, bad[i][0], bad[i][1], NULL));
        g_assert_false(device_realize(dev, &err));
        g_assert_nonnull(err);
        g_error_free(err);
        end();
    }
}

static void test_pvpanic(void)
{
    begin(&pvpanic_class);
    g_assert_cmphex(fake_in(0x505), ==, 3);
    fake_out(0x505, 2);
    g_assert_cmpuint(fake.panics, ==, 0);
    fake_out(0x505, 1);
    g_assert_cmpuint(fake.panics, ==, 1);
    end();
}

static void test_resets(void)
{
    static const struct {
        const DeviceClass *cls;
        void (*disturb)(Device *d);
    } row[] = {
        { &i8042_class, disturb_i8042 },
        { &acpi_pm_class, disturb_pm },
        { &reset_ports_class, disturb_ports },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        begin(row[i].cls);
        fake_vm_check_reset(dev, row[i].disturb);
        end();
    }
}

static void test_pm_view(void)
{
    uint64_t timer;

    begin(&acpi_pm_class);
    fake_out(0x603, 0x01);                       /* the power button's enable */
    acpi_pm_press_power_button(dev);
    fake_vm_advance(1000000);
    mem_load(fake.io, 0x608, MEM_ATTRS_CPU(0), 4, &timer);
    g_autofree char *text = fake_vm_view(dev, "pm");
    g_autofree char *want = g_strdup_printf("timer            off\n"
                                            "global           off\n"
                                            "power button     enabled, has happened\n"
                                            "real-time clock  off\n"
                                            "control 0001, timer %08x, ports from 0600\n",
                                            (unsigned)timer);
    g_assert_cmpstr(text, ==, want);
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8042/probe", test_i8042_probe);
    g_test_add_func("/i8042/keyboard", test_i8042_keyboard);
    g_test_add_func("/i8042/reset-line", test_i8042_reset_line);
    g_test_add_func("/acpi-pm/timer", test_pm_timer);
    g_test_add_func("/acpi-pm/button-and-off", test_pm_button_and_off);
    g_test_add_func("/acpi-pm/view", test_pm_view);
    g_test_add_func("/reset-ports", test_reset_ports);
    g_test_add_func("/debug-exit/status", test_debug_exit);
    g_test_add_func("/debug-exit/bad", test_debug_exit_bad);
    g_test_add_func("/pvpanic", test_pvpanic);
    g_test_add_func("/resets", test_resets);
    return g_test_run();
}
