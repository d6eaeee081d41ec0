/* Random accesses to all devices, random time, random lines: nothing that a guest does may end the
 * program, hang it, or confuse the protocol. Worth most with sanitizers.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * QTEST_SEED chooses another sequence (1), QTEST_COUNT its length in rounds of 100 lines (300). */
#include "libqtest.h"

#include <stdlib.h>
#include <string.h>

enum { LINES = 100 };

/* Where devices are: first address and how many. */
static const struct {
    uint16_t first, count;
} ports[] = {
    { 0x20, 2 }, { 0xa0, 2 }, { 0x4d0, 2 }, { 0x40, 4 }, { 0x60, 2 }, { 0x64, 1 }, { 0x70, 2 },
    { 0x80, 1 }, { 0x92, 1 }, { 0xe9, 1 }, { 0x3f8, 8 }, { 0x2f8, 8 }, { 0x3e8, 8 },
    { 0x600, 4 }, { 0x608, 4 }, { 0xcf8, 4 },
};

static const struct {
    const char *device, *name;
    unsigned count;
} inputs[] = {
    { "i8259", "in", 16 }, { "ioapic", "in", 24 }, { "acpi-pm", "rtc", 1 },
    { "acpi-pm", "power-button", 1 },
};

static uint32_t value(GRand *r, unsigned bits)
{
    uint32_t v = g_rand_int(r);

    if (g_rand_int_range(r, 0, 3) == 0) {
        v = 1u << g_rand_int_range(r, 0, 32);
    }
    return bits == 32 ? v : v & ((1u << bits) - 1);
}

static void port_line(GRand *r, GString *out)
{
    static const char size[] = "bbbbwl";
    unsigned i = (unsigned)g_rand_int_range(r, 0, G_N_ELEMENTS(ports));
    unsigned port = ports[i].first + (unsigned)g_rand_int_range(r, 0, ports[i].count);
    char s = size[g_rand_int_range(r, 0, 6)];

    if (port >= 0x600 && port < 0x604) {
        port = 0x600;           /* a wider write further up would turn the machine off */
    }
    if (g_rand_boolean(r)) {
        g_string_append_printf(out, "in%c 0x%x\n", s, port);
    } else {
        g_string_append_printf(out, "out%c 0x%x 0x%x\n", s, port,
                               value(r, s == 'b' ? 8 : s == 'w' ? 16 : 32));
    }
}

/* I/O APIC, local APIC, and a little memory. */
static void memory_line(GRand *r, GString *out)
{
    static const uint32_t base[] = { 0xfec00000, 0xfee00000, 0x1000 };
    uint32_t at = base[g_rand_int_range(r, 0, 3)];
    uint32_t offset = at == 0xfec00000 ? (uint32_t)g_rand_int_range(r, 0, 2) * 0x10
                                       : (uint32_t)g_rand_int_range(r, 0, 0x40) * 0x10;

    if (g_rand_boolean(r)) {
        g_string_append_printf(out, "readl 0x%x\n", at + offset);
    } else {
        g_string_append_printf(out, "writel 0x%x 0x%x\n", at + offset, value(r, 32));
    }
}

static void other_line(GRand *r, GString *out)
{
    unsigned i = (unsigned)g_rand_int_range(r, 0, G_N_ELEMENTS(inputs));

    switch (g_rand_int_range(r, 0, 5)) {
    case 0:
        g_string_append_printf(out, "clock_step %u\n", value(r, 28));
        break;
    case 1:
        g_string_append_printf(out, "clock_step %u\n", value(r, 12));
        break;
    case 2:
        g_string_append_printf(out, "access_as %s\n", ((const char *[]){ "0", "1", "device" })
                               [g_rand_int_range(r, 0, 3)]);
        break;
    default:
        g_string_append_printf(out, "set_irq_in %s %s %d %d\n", inputs[i].device, inputs[i].name,
                               g_rand_int_range(r, 0, (gint32)inputs[i].count), g_rand_boolean(r));
        break;
    }
}

static void test_devices(void)
{
    const char *seed = getenv("QTEST_SEED"), *rounds = getenv("QTEST_COUNT");
    g_autoptr(GRand) r = g_rand_new_with_seed(seed ? (guint32)atoi(seed) : 1);
    QTest *q = qtest_start_bare("-smp 2 -debugcon null -serial null -serial null -serial null");

    for (int i = rounds ? atoi(rounds) : 300; i > 0; i--) {
        g_autoptr(GString) lines = g_string_new(NULL);

        for (unsigned k = 0; k < LINES; k++) {
            unsigned what = (unsigned)g_rand_int_range(r, 0, 10);

            (what < 6 ? port_line : what < 8 ? memory_line : other_line)(r, lines);
        }
        qtest_send_raw(q, lines->str, lines->len);
        for (unsigned k = 0; k < LINES; k++) {
            const char *answer = qtest_line(q);

            if (!g_str_has_prefix(answer, "OK")) {
                g_error("round %d: '%s'", i, answer);
            }
        }
    }
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "halted");
    qtest_quit(q);
}

/* The same with interrupts told: an IRQ line is never torn. */
static void test_lines(void)
{
    g_autoptr(GRand) r = g_rand_new_with_seed(2);
    QTest *q = qtest_start_bare("-smp 2 -serial null");

    qtest_intercept_in(q, "ioapic");
    for (unsigned i = 0; i < 3000; i++) {
        g_autoptr(GString) line = g_string_new(NULL);

        (i % 4 ? port_line : other_line)(r, line);
        g_string_truncate(line, line->len - 1);
        qtest_ok(q, "%s", line->str);
    }
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/random/devices", test_devices);
    g_test_add_func("/qtest/random/lines", test_lines);
    return g_test_run();
}
