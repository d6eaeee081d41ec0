/* Interrupt lines with several ends; devices' properties, lists and order of calls.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "hw/device.h"
#include "hw/irq.h"
#include "util/error.h"


static void record(void *opaque, unsigned n, int level)
{
    g_string_append_printf(opaque, "%u%c ", n, level ? '+' : '-');
}

static void test_lines(void)
{
    g_autoptr(GString) log = g_string_new(NULL);
    IrqLine *lines = irq_lines_new(record, log, 3), *in, *split;
    IrqLine *outs[] = { &lines[1], NULL, &lines[2] };

    irq_raise(&lines[0]);
    irq_pulse(&lines[2]);
    irq_set(NULL, 1);
    g_assert_cmpstr(log->str, ==, "0+ 2+ 2- ");

    g_string_truncate(log, 0);
    in = irq_or_new(&lines[0], 2);
    irq_raise(&in[0]);
    irq_raise(&in[1]);
    irq_raise(&in[1]);
    irq_lower(&in[0]);
    g_assert_cmpstr(log->str, ==, "0+ ");
    irq_lower(&in[1]);
    irq_lower(&in[1]);
    g_assert_cmpstr(log->str, ==, "0+ 0- ");
    irq_or_free(in);

    g_string_truncate(log, 0);
    split = irq_split_new(outs, 3);
    irq_raise(split);
    irq_lower(split);
    g_assert_cmpstr(log->str, ==, "1+ 2+ 1- 2- ");
    irq_split_free(split);
    irq_lines_free(lines);
}

/* Two listeners on one line hear it before the receiver does; without them it is as it was. */
static void test_tap(void)
{
    g_autoptr(GString) log = g_string_new(NULL);
    IrqLine *lines = irq_lines_new(record, log, 2), nowhere = { 0 };
    IrqTap *a = irq_tap_new(&lines[1], record, log, 7), *b = irq_tap_new(&lines[1], record, log, 8);

    irq_raise(&lines[1]);
    irq_tap_free(b);
    irq_lower(&lines[1]);
    irq_tap_free(a);
    irq_raise(&lines[1]);
    g_assert_cmpstr(log->str, ==, "8+ 7+ 1+ 7- 1- 1+ ");
    a = irq_tap_new(&nowhere, record, log, 9);
    irq_raise(&nowhere);
    irq_tap_free(a);
    irq_tap_free(NULL);
    irq_raise(&nowhere);
    g_assert_cmpstr(log->str, ==, "8+ 7+ 1+ 7- 1- 1+ 9+ ");
    irq_lines_free(lines);
}

typedef struct Toy {
    Device dev;
    bool flag;
    uint8_t byte;
    uint32_t word;
    uint64_t size;
    char *text;
    Chardev *chr;
    bool refuse;
    IrqLine *in, *out;
} Toy;

static GString *calls;

static bool toy_realize(Device *dev, GError **errp)
{
    if (((Toy *)dev)->refuse) {
        return error_set(errp, FAILED, "it refuses");
    }
    g_string_append_printf(calls, "realize ");
    return true;
}

static void toy_reset(Device *dev)
{
    g_string_append_printf(calls, "reset:%s ", dev->id);
}

static void toy_pause(Device *dev)
{
    g_string_append_printf(calls, "pause:%s ", dev->id);
}

static void toy_destroy(Device *dev)
{
    g_string_append_printf(calls, "destroy:%s ", dev->id);
}

static const DeviceProp toy_props[] = {
    { "flag", PROP_TYPE_BOOL, offsetof(Toy, flag), "on", "" },
    { "byte", PROP_TYPE_UINT8, offsetof(Toy, byte), "7", "" },
    { "word", PROP_TYPE_UINT32, offsetof(Toy, word), NULL, "" },
    { "size", PROP_TYPE_SIZE, offsetof(Toy, size), "4k", "" },
    { "text", PROP_TYPE_STRING, offsetof(Toy, text), "none", "" },
    { "chardev", PROP_TYPE_CHARDEV, offsetof(Toy, chr), NULL, "" },
    { "refuse", PROP_TYPE_BOOL, offsetof(Toy, refuse), NULL, "" },
    { NULL }
};

static const DeviceClass toy_class = {
    .name = "toy", .size = sizeof(Toy), .props = toy_props, .realize = toy_realize,
    .reset = toy_reset, .pause = toy_pause, .destroy = toy_destroy,
};

static Chardev *toy_find(void *opaque, const char *id)
{
    return g_str_equal(id, "there") ? opaque : NULL;
}

static void test_props(void)
{
    int there;
    DeviceHost host = { .chardev_find = toy_find, .opaque = &there };
    Device *dev = device_new(&toy_class, &host, "x");
    Toy *t = (Toy *)dev;
    GError *err = NULL;
    static const char *const bad[][2] = {
        { "flag", "maybe" }, { "byte", "256" }, { "byte", "-1" }, { "word", "0x100000000" },
        { "size", "many" }, { "chardev", "absent" }, { "nothing", "1" },
    };

    calls = g_string_new(NULL);
    g_assert_true(t->flag && t->byte == 7 && t->word == 0 && t->size == 4096);
    g_assert_cmpstr(t->text, ==, "none");
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_false(device_set(dev, bad[i][0], bad[i][1], &err));
        g_assert_nonnull(strstr(err->message, bad[i][0]));
        g_clear_error(&err);
    }
    g_assert_true(device_set(dev, "flag", "off", &err) && !t->flag);
    g_assert_true(device_set(dev, "word", "0xffffffff", &err) && t->word == UINT32_MAX);
    g_assert_true(device_set(dev, "text", "some", &err));
    g_assert_true(device_set(dev, "chardev", "there", &err) && t->chr == (Chardev *)&there);
    g_assert_cmpstr(t->text, ==, "some");
    g_assert_cmphex(t->byte, ==, 7);
    device_free(dev);
    g_assert_cmpstr(calls->str, ==, "");   /* never realized, so never destroyed */
    g_string_free(calls, TRUE);
}

static void test_list(void)
{
    DeviceHost host = { 0 };
    DeviceList list;
    GError *err = NULL;
    static const char *const refuse[] = { "refuse", NULL };

    calls = g_string_new(NULL);
    device_list_init(&list);
    g_assert_nonnull(device_list_create(&list, &toy_class, &host, NULL, NULL, &err));
    g_assert_nonnull(device_list_create(&list, &toy_class, &host, "b", NULL, &err));
    g_assert_null(device_list_create(&list, &toy_class, &host, "c", refuse, &err));
    g_assert_cmpstr(err->message, ==, "it refuses");
    g_clear_error(&err);
    g_assert_null(device_list_find(&list, "c"));
    g_assert_nonnull(device_list_find(&list, "toy.0"));
    g_string_truncate(calls, 0);
    device_list_reset(&list);
    device_list_pause(&list);
    device_list_resume(&list);             /* it has none */
    device_list_free_all(&list);
    device_list_free_all(&list);
    g_assert_cmpstr(calls->str, ==, "reset:toy.0 reset:b pause:b pause:toy.0 "
                    "destroy:b destroy:toy.0 ");
    g_string_free(calls, TRUE);
}

static void test_named_lines(void)
{
    static const DeviceLine rows[] = {
        { "in", DEVICE_LINE_INPUT, offsetof(Toy, in), 2 },
        { "out", DEVICE_LINE_OUTPUT, offsetof(Toy, out), 1 },
        { "isa", DEVICE_LINE_ISA, 1, 1 },
        { NULL }
    };
    g_autoptr(GString) log = g_string_new(NULL);
    IrqLine *lines = irq_lines_new(record, log, 4), *isa[16] = { NULL, &lines[3] };
    DeviceHost host = { .isa_irq = isa };
    Toy toy = { .dev.host = &host, .in = lines };

    g_assert_true(device_line(&toy.dev, &rows[0], 1) == &lines[1]);
    g_assert_null(device_line(&toy.dev, &rows[1], 0));
    toy.out = &lines[2];
    g_assert_true(device_line(&toy.dev, &rows[1], 0) == &lines[2]);
    g_assert_true(device_line(&toy.dev, &rows[2], 0) == &lines[3]);
    host.isa_irq = NULL;
    g_assert_null(device_line(&toy.dev, &rows[2], 0));
    irq_lines_free(lines);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/lines", test_lines);
    g_test_add_func("/device/tap", test_tap);
    g_test_add_func("/device/named-lines", test_named_lines);
    g_test_add_func("/device/props", test_props);
    g_test_add_func("/device/list", test_list);
    return g_test_run();
}
