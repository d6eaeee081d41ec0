/* The 16550A as Linux's driver probes and uses it, and isa-serial and isa-debugcon on their bus.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "hw/char/debugcon.h"
#include "hw/char/isa_serial.h"
#include "hw/char/uart16550.h"
#include "util/mainloop.h"
#include "vm/run_int.h"
#include "vm/vm.h"

enum { RBR = 0, THR = 0, IER = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

typedef struct Fixture {
    Vm *vm;
    IrqLine *irq;
    int level;
    unsigned edges;
    Chardev *mine, *other;
    GString *out;
    Uart16550 uart;
} Fixture;

static void fixture_irq(void *opaque, unsigned n, int level)
{
    Fixture *f = opaque;

    f->edges += level && !f->level;
    f->level = level;
}

static void out_receive(void *opaque, const uint8_t *buf, size_t len)
{
    g_string_append_len(((Fixture *)opaque)->out, (const char *)buf, len);
}

static const ChardevHandlers out_handlers = { .receive = out_receive };

static void setup(Fixture *f, gconstpointer unused)
{
    GError *err = NULL;

    memset(f, 0, sizeof(*f));
    f->vm = vm_new();
    f->irq = irq_lines_new(fixture_irq, f, 1);
    f->out = g_string_new(NULL);
    chardev_new_pair(&f->mine, &f->other);
    chardev_attach(f->other, &out_handlers, f, &err);
    uart16550_init(&f->uart, f->vm, f->irq, f->mine, &err);
    g_assert_no_error(err);
    uart16550_reset(&f->uart);
}

static void teardown(Fixture *f, gconstpointer unused)
{
    uart16550_fini(&f->uart);
    chardev_free(f->mine);
    chardev_free(f->other);
    irq_lines_free(f->irq);
    g_string_free(f->out, TRUE);
    vm_free(f->vm);
}

static uint8_t in(Fixture *f, unsigned reg)
{
    return uart16550_read(&f->uart, reg);
}

static void out(Fixture *f, unsigned reg, uint8_t value)
{
    uart16550_write(&f->uart, reg, value);
}

/* Let `n` more bytes from the other end arrive in the receiver. */
static void type(Fixture *f, const char *text, unsigned expect)
{
    chardev_write(f->other, text, strlen(text));
    while (f->uart.rx_count != expect) {
        mainloop_iterate(true);
    }
}

static void run_idle(void)
{
    for (int i = 0; i < 20; i++) {
        mainloop_iterate(false);
    }
}

static void test_probe(Fixture *f, gconstpointer unused)
{
    out(f, IER, 0);
    g_assert_cmphex(in(f, IER), ==, 0);
    out(f, IER, 0xff);
    g_assert_cmphex(in(f, IER), ==, 0x0f);
    out(f, IER, 0);
    out(f, MCR, 0x1a);
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0x90);
    out(f, MCR, 0);
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0xb0);
    out(f, LCR, 0xbf);
    out(f, 2, 0);                                   /* EFR of other chips */
    out(f, LCR, 0);
    g_assert_cmphex(in(f, IIR) >> 6, ==, 0);
    out(f, FCR, 1);
    g_assert_cmphex(in(f, IIR) >> 6, ==, 3);
    out(f, FCR, 0x21);                              /* 64-byte FIFO of the 16750: not here */
    g_assert_cmphex(in(f, IIR) >> 5, ==, 6);
    out(f, MCR, 0xff);
    g_assert_cmphex(in(f, MCR), ==, 0x1f);          /* no flow control bit */
    out(f, MCR, 0);
    out(f, SCR, 0x5a);
    g_assert_cmphex(in(f, SCR), ==, 0x5a);
    out(f, LCR, 0x83);
    out(f, 0, 0x01);
    out(f, 1, 0x02);
    g_assert_cmphex(in(f, 0), ==, 0x01);
    g_assert_cmphex(in(f, 1), ==, 0x02);
    out(f, LCR, 3);
    g_assert_cmphex(in(f, IER), ==, 0);             /* the latch was not the register */
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    g_assert_cmpuint(f->edges, ==, 0);
}

static void test_thre(Fixture *f, gconstpointer unused)
{
    out(f, FCR, 1);
    out(f, MCR, 0x08);
    for (int i = 0; i < 3; i++) {
        out(f, IER, 2);
        g_assert_cmpint(f->level, ==, 1);
        g_assert_cmphex(in(f, IIR), ==, 0xc2);
        g_assert_cmpint(f->level, ==, 0);           /* reading it took the cause away */
        g_assert_cmphex(in(f, IIR), ==, 0xc1);
        out(f, IER, 0);
    }
    out(f, IER, 2);
    in(f, IIR);
    for (int i = 0; i < 16; i++) {
        out(f, THR, 'a' + i);
    }
    g_assert_cmpint(f->level, ==, 1);
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    g_assert_cmphex(in(f, IIR), ==, 0xc2);
    out(f, IER, 2);                                 /* no edge of the enable bit */
    g_assert_cmphex(in(f, IIR), ==, 0xc1);
    while (f->out->len < 16) {
        mainloop_iterate(true);
    }
    g_assert_cmpstr(f->out->str, ==, "abcdefghijklmnop");
}

static void test_out2_gate(Fixture *f, gconstpointer unused)
{
    out(f, IER, 2);
    g_assert_cmphex(in(f, MCR), ==, 0);
    g_assert_cmpint(f->level, ==, 0);               /* a cause, but the gate is closed */
    out(f, MCR, 0x08);
    g_assert_cmpint(f->level, ==, 1);
    out(f, MCR, 0x18);                              /* loop-back takes OUT2 away */
    g_assert_cmpint(f->level, ==, 0);
    out(f, MCR, 0x0b);
    g_assert_cmpint(f->level, ==, 1);
}

static void test_receive_single(Fixture *f, gconstpointer unused)
{
    out(f, MCR, 0x08);
    out(f, IER, 1);
    type(f, "xyz", 1);                              /* one character register, the rest waits */
    run_idle();
    g_assert_cmpuint(f->uart.rx_count, ==, 1);
    g_assert_cmphex(in(f, IIR), ==, 0x04);
    g_assert_cmphex(in(f, LSR), ==, 0x61);
    g_assert_cmphex(in(f, RBR), ==, 'x');
    g_assert_cmphex(in(f, IIR), ==, 0x01);
    g_assert_cmpint(f->level, ==, 0);
    for (const char *p = "yz"; *p; p++) {
        while (f->uart.rx_count == 0) {
            mainloop_iterate(true);
        }
        g_assert_cmpint(f->level, ==, 1);
        g_assert_cmphex(in(f, RBR), ==, *p);
    }
    g_assert_cmphex(in(f, LSR), ==, 0x60);
}

static void test_fifo(Fixture *f, gconstpointer unused)
{
    char text[41];

    memset(text, 'q', 40);
    text[40] = 0;
    out(f, MCR, 0x08);
    out(f, FCR, 0x81);                              /* trigger 8 */
    out(f, IER, 1);
    type(f, "1234567", 7);
    g_assert_cmpint(f->level, ==, 0);
    g_assert_true(vm_timer_pending(f->uart.timeout));
    type(f, "8", 8);
    g_assert_cmpint(f->level, ==, 1);
    g_assert_false(vm_timer_pending(f->uart.timeout));
    g_assert_cmphex(in(f, IIR), ==, 0xc4);
    for (int i = 1; i <= 8; i++) {
        g_assert_cmphex(in(f, LSR) & 1, ==, 1);
        g_assert_cmphex(in(f, RBR), ==, '0' + i);
    }
    g_assert_cmphex(in(f, LSR) & 1, ==, 0);
    type(f, text, 16);                              /* never more than the FIFO holds */
    run_idle();
    g_assert_cmpuint(f->uart.rx_count, ==, 16);
    g_assert_cmphex(in(f, LSR), ==, 0x61);          /* and nothing was overrun */
    out(f, FCR, 0x83);                              /* cleared; the rest of the text comes in */
    while (f->uart.rx_count != 16) {
        mainloop_iterate(true);
    }
    out(f, FCR, 0x80);                              /* off: clears too, 8 are left outside */
    g_assert_cmphex(in(f, IIR) & 0xc0, ==, 0);
}

static void test_timeout(Fixture *f, gconstpointer unused)
{
    out(f, MCR, 0x08);
    out(f, LCR, 0x83);
    out(f, 0, 1);                                   /* 115200 baud */
    out(f, 1, 0);
    out(f, LCR, 0x03);
    out(f, FCR, 0xc1);                              /* trigger 14 */
    out(f, IER, 1);
    type(f, "ab", 2);
    /* four characters of ten bits, at 115200 bits a second */
    g_assert_cmpint(vm_timer_expire_ns(f->uart.timeout), ==, 4 * 86805);
    g_assert_cmphex(in(f, IIR), ==, 0xc1);
    clock_thaw(f->vm);
    while (!f->level) {
        mainloop_iterate(true);
    }
    g_assert_cmphex(in(f, IIR), ==, 0xcc);
    g_assert_cmphex(in(f, RBR), ==, 'a');
    g_assert_cmpint(f->level, ==, 0);               /* reading begins a new wait */
    while (!f->level) {
        mainloop_iterate(true);
    }
    g_assert_cmphex(in(f, RBR), ==, 'b');
    g_assert_cmphex(in(f, IIR), ==, 0xc1);
    clock_freeze(f->vm);
}

static void test_loopback(Fixture *f, gconstpointer unused)
{
    out(f, LCR, 0x03);
    out(f, FCR, 0x01);
    out(f, MCR, 0x10);
    g_assert_cmphex(in(f, MSR) & 0xf0, ==, 0);
    g_assert_cmphex(in(f, MSR) & 0x0f, ==, 0);      /* the first read took the deltas */
    out(f, MCR, 0x14);                              /* OUT1 is RI */
    g_assert_cmphex(in(f, MSR), ==, 0x40);
    out(f, MCR, 0x10);
    g_assert_cmphex(in(f, MSR), ==, 0x04);          /* its trailing edge */
    chardev_write(f->other, "!", 1);                /* the line is cut off meanwhile */
    for (int i = 0; i < 17; i++) {
        out(f, THR, 'A' + i);
    }
    run_idle();
    g_assert_cmphex(in(f, LSR), ==, 0x63);          /* overrun, told once */
    g_assert_cmphex(in(f, LSR), ==, 0x61);
    for (int i = 0; i < 16; i++) {
        g_assert_cmphex(in(f, RBR), ==, 'A' + i);
    }
    g_assert_cmphex(in(f, LSR), ==, 0x60);
    g_assert_cmpuint(f->out->len, ==, 0);
    out(f, MCR, 0);
    while (f->uart.rx_count == 0) {
        mainloop_iterate(true);
    }
    g_assert_cmphex(in(f, RBR), ==, '!');
}

static void test_break_and_order(Fixture *f, gconstpointer unused)
{
    out(f, FCR, 0x01);
    out(f, MCR, 0x08);
    out(f, IER, 0x0f);
    f->uart.front.handlers->event(&f->uart, CHARDEV_EVENT_BREAK);
    f->uart.front.handlers->receive(&f->uart, (const uint8_t *)"z", 1);
    out(f, MCR, 0x18);                              /* changes modem lines */
    out(f, MCR, 0x08);
    g_assert_cmphex(in(f, IIR), ==, 0xc6);          /* strongest first */
    g_assert_cmphex(in(f, LSR), ==, 0xf1);          /* break, error in FIFO */
    g_assert_cmphex(in(f, IIR), ==, 0xc4);
    g_assert_cmphex(in(f, RBR), ==, 0);
    g_assert_cmphex(in(f, RBR), ==, 'z');
    g_assert_cmphex(in(f, IIR), ==, 0xc2);
    g_assert_cmphex(in(f, IIR), ==, 0xc0);
    in(f, MSR);
    g_assert_cmphex(in(f, IIR), ==, 0xc1);
    g_assert_cmpint(f->level, ==, 0);
}

static void test_pause(Fixture *f, gconstpointer unused)
{
    out(f, FCR, 0x01);
    uart16550_pause(&f->uart);
    chardev_write(f->other, "abc", 3);
    run_idle();
    g_assert_cmpuint(f->uart.rx_count, ==, 0);      /* a stopped guest's state stands still */
    uart16550_resume(&f->uart);
    while (f->uart.rx_count < 3) {
        mainloop_iterate(true);
    }
}

static void test_state(Fixture *f, gconstpointer unused)
{
    g_autoptr(GByteArray) saved = g_byte_array_new();
    g_autoptr(GString) diff = g_string_new(NULL);
    GError *err = NULL;
    Uart16550 fresh = { 0 };
    size_t pos = 0;

    uart16550_init(&fresh, f->vm, NULL, NULL, &err);
    uart16550_reset(&fresh);
    out(f, FCR, 0xc1);
    out(f, IER, 5);
    out(f, SCR, 9);
    type(f, "hello", 5);
    g_assert_cmpuint(state_diff(uart16550_fields, &fresh, &f->uart, 0, diff), >, 5);
    state_save(uart16550_fields, &f->uart, saved);
    g_assert_true(state_load(uart16550_fields, &fresh, saved->data, saved->len, &pos, &err));
    g_string_truncate(diff, 0);
    g_assert_cmpuint(state_diff(uart16550_fields, &fresh, &f->uart, 0, diff), ==, 0);
    g_assert_cmphex(uart16550_read(&fresh, RBR), ==, 'h');
    uart16550_fini(&fresh);
}

/* ---- on the bus ------------------------------------------------------------------------- */

static Chardev *find_chardev(void *opaque, const char *id)
{
    Fixture *f = opaque;

    return g_str_equal(id, "x") ? f->mine : NULL;
}

static void test_devices(void)
{
    Fixture f = { 0 };
    IrqLine *lines = irq_lines_new(fixture_irq, &f, 16), *isa[16];
    DeviceHost host = { .vm = vm_new(), .io = mem_space_new("io", 0xffff), .isa_irq = isa,
                        .chardev_find = find_chardev, .opaque = &f };
    DeviceList list;
    GError *err = NULL;
    uint64_t v;
    static const char *const at_com1[] = { "iobase=0x3f8", NULL };
    static const char *const debugcon[] = { "iobase=0x402", "chardev=x", NULL };
    static const char *const bad[][2] = {
        { "index=4" }, { "iobase=0xfff9" }, { "irq=16" }, { "chardev=nope" }, { "bogus=1" },
        { "iobase=abc" }, { "iobase=0x3fa" },
    };

    for (int i = 0; i < 16; i++) {
        isa[i] = &lines[i];
    }
    f.vm = host.vm;
    f.out = g_string_new(NULL);
    chardev_new_pair(&f.mine, &f.other);
    chardev_attach(f.other, &out_handlers, &f, &err);
    device_list_init(&list);
    g_assert_nonnull(device_list_create(&list, &isa_serial_class, &host, NULL, at_com1, &err));
    g_assert_nonnull(device_list_create(&list, &isa_serial_class, &host, "second", NULL, &err));
    g_assert_nonnull(device_list_create(&list, &isa_debugcon_class, &host, NULL, debugcon, &err));
    g_assert_no_error(err);
    device_list_reset(&list);
    g_assert_nonnull(device_list_find(&list, "isa-serial.0"));
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_assert_null(device_list_create(&list, &isa_serial_class, &host, NULL, bad[i], &err));
        g_assert_nonnull(err);
        g_clear_error(&err);
    }
    g_assert_null(device_list_create(&list, &isa_serial_class, &host, "second", NULL, &err));
    g_clear_error(&err);
    mem_load(host.io, 0x2fd, MEM_ATTRS_CPU(0), 1, &v);
    g_assert_cmphex(v, ==, 0x60);
    mem_load(host.io, 0x3ed, MEM_ATTRS_CPU(0), 1, &v);
    g_assert_cmphex(v, ==, 0xff);
    mem_load(host.io, 0x402, MEM_ATTRS_CPU(0), 1, &v);
    g_assert_cmphex(v, ==, 0xe9);
    mem_store(host.io, 0x402, MEM_ATTRS_CPU(0), 1, 'D');
    while (f.out->len < 1) {
        mainloop_iterate(true);
    }
    g_assert_cmpstr(f.out->str, ==, "D");
    device_list_free_all(&list);
    mem_load(host.io, 0x2fd, MEM_ATTRS_CPU(0), 1, &v);
    g_assert_cmphex(v, ==, 0xff);
    mem_space_free(host.io);
    vm_free(host.vm);
    irq_lines_free(lines);
    chardev_free(f.mine);
    chardev_free(f.other);
    g_string_free(f.out, TRUE);
}

#define ADD(path, fn) g_test_add(path, Fixture, NULL, setup, fn, teardown)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    mainloop_init();
    ADD("/uart/probe", test_probe);
    ADD("/uart/thre", test_thre);
    ADD("/uart/out2-gate", test_out2_gate);
    ADD("/uart/receive-single", test_receive_single);
    ADD("/uart/fifo", test_fifo);
    ADD("/uart/timeout", test_timeout);
    ADD("/uart/loopback", test_loopback);
    ADD("/uart/break-and-order", test_break_and_order);
    ADD("/uart/pause", test_pause);
    ADD("/uart/state", test_state);
    g_test_add_func("/uart/devices", test_devices);
    return g_test_run();
}
