/* The 8259 pair: initialisation, priorities, ends of interrupt, cascade, spurious interrupts.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-vm.h"
#include "hw/intc/i8259.h"

static Device *pic;
static IrqLine *in;
static int intr;

static void set_intr(void *opaque, unsigned n, int level)
{
    intr = level;
}

static IrqLine intr_line = { .handler = set_intr };

static void init_chips(uint8_t icw4)
{
    fake_out(0x20, 0x11);
    fake_out(0x21, 0x30);
    fake_out(0x21, 0x04);
    fake_out(0x21, icw4);
    fake_out(0xa0, 0x11);
    fake_out(0xa1, 0x38);
    fake_out(0xa1, 0x02);
    fake_out(0xa1, icw4 & 0x0f);
}

static void begin(void)
{
    fake_vm_init();
    pic = fake_vm_device(&i8259_class);
    in = i8259_inputs(pic);
    i8259_set_output(pic, &intr_line);
}

static void end(void)
{
    device_free(pic);
    fake_vm_done();
}

static uint8_t read_irr(uint16_t port)
{
    fake_out(port, 0x0a);
    return fake_in(port);
}

static uint8_t read_isr(uint16_t port)
{
    fake_out(port, 0x0b);
    return fake_in(port);
}

static void test_before_init(void)
{
    begin();
    irq_raise(&in[1]);
    g_assert_cmpint(intr, ==, 0);
    init_chips(1);
    g_assert_cmpint(intr, ==, 0);    /* an edge from before the ICWs is forgotten */
    irq_lower(&in[1]);
    irq_raise(&in[1]);
    g_assert_cmpint(intr, ==, 1);
    end();
}

static void test_single(void)
{
    begin();
    init_chips(1);
    fake_out(0x21, 0xfb);
    g_assert_cmphex(fake_in(0x21), ==, 0xfb);    /* what kernels probe */
    fake_out(0x21, 0);
    irq_raise(&in[4]);
    g_assert_cmpint(intr, ==, 1);
    g_assert_cmphex(read_irr(0x20), ==, 0x10);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x34);
    g_assert_cmpint(intr, ==, 0);
    g_assert_cmphex(read_irr(0x20), ==, 0);
    g_assert_cmphex(read_isr(0x20), ==, 0x10);
    irq_raise(&in[4]);                           /* no new edge */
    fake_out(0x20, 0x20);
    g_assert_cmpint(intr, ==, 0);
    g_assert_cmphex(read_isr(0x20), ==, 0);
    end();
}

static void test_priority(void)
{
    begin();
    init_chips(1);
    irq_raise(&in[4]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x34);
    irq_raise(&in[5]);
    g_assert_cmpint(intr, ==, 0);                /* lower than the one in service */
    irq_raise(&in[1]);
    g_assert_cmpint(intr, ==, 1);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x31);
    fake_out(0x20, 0x20);                        /* ends 1, the highest */
    g_assert_cmphex(read_isr(0x20), ==, 0x10);
    fake_out(0x20, 0x64);                        /* specific: 4 */
    g_assert_cmphex(read_isr(0x20), ==, 0);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x35);
    end();
}

static void test_rotation(void)
{
    begin();
    init_chips(1);
    irq_raise(&in[3]);
    i8259_acknowledge(pic);
    fake_out(0x20, 0xa0);                        /* rotate on non-specific EOI: 3 is lowest */
    irq_lower(&in[3]);
    irq_raise(&in[3]);
    irq_raise(&in[6]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x36);
    fake_out(0x20, 0x20);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x33);
    fake_out(0x20, 0x20);
    fake_out(0x20, 0xc0 | 5);                    /* set priority: 6 is highest */
    irq_lower(&in[6]);
    irq_raise(&in[6]);
    irq_raise(&in[0]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x36);
    end();
}

static void test_auto_end(void)
{
    begin();
    init_chips(3);
    irq_raise(&in[2]);                           /* the cascade is no line of the bus */
    g_assert_cmpint(intr, ==, 0);
    irq_raise(&in[1]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x31);
    g_assert_cmphex(read_isr(0x20), ==, 0);
    fake_out(0x20, 0x80);                        /* rotate in automatic mode */
    irq_lower(&in[1]);
    irq_raise(&in[1]);
    i8259_acknowledge(pic);
    irq_lower(&in[1]);
    irq_raise(&in[1]);
    irq_raise(&in[7]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x37);
    end();
}

static void test_special_mask(void)
{
    begin();
    init_chips(1);
    irq_raise(&in[1]);
    i8259_acknowledge(pic);
    irq_raise(&in[6]);
    g_assert_cmpint(intr, ==, 0);
    fake_out(0x21, 0x02);
    fake_out(0x20, 0x68);                        /* special mask mode: 1 no longer holds 6 back */
    g_assert_cmpint(intr, ==, 1);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x36);
    fake_out(0x20, 0x20);
    g_assert_cmphex(read_isr(0x20), ==, 0x02);
    fake_out(0x20, 0x48);
    fake_out(0x20, 0x20);
    g_assert_cmphex(read_isr(0x20), ==, 0);
    end();
}

static void test_cascade(void)
{
    begin();
    init_chips(1);
    irq_raise(&in[12]);
    irq_raise(&in[8]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x38);
    g_assert_cmphex(read_isr(0x20), ==, 0x04);
    g_assert_cmphex(read_isr(0xa0), ==, 0x01);
    g_assert_cmpint(intr, ==, 0);
    fake_out(0xa0, 0x20);
    fake_out(0x20, 0x20);
    g_assert_cmpint(intr, ==, 1);                /* 12 waited */
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x3c);
    end();
}

static void test_nesting_in_slave(void)
{
    begin();
    init_chips(0x11);                            /* special fully nested */
    irq_raise(&in[12]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x3c);
    irq_raise(&in[9]);
    g_assert_cmpint(intr, ==, 1);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x39);
    end();
}

static void test_spurious(void)
{
    begin();
    init_chips(1);
    irq_raise(&in[4]);
    irq_lower(&in[4]);
    g_assert_cmpint(intr, ==, 0);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x37);
    g_assert_cmphex(read_isr(0x20), ==, 0);
    /* A slave that has nothing to say any more when it is asked. */
    irq_raise(&in[10]);
    fake_out(0xa1, 0xff);
    g_assert_cmpint(intr, ==, 0);
    end();
}

static void test_level(void)
{
    begin();
    init_chips(1);
    fake_out(0x4d0, 0xff);
    fake_out(0x4d1, 0xff);
    g_assert_cmphex(fake_in(0x4d0), ==, 0xf8);
    g_assert_cmphex(fake_in(0x4d1), ==, 0xde);
    irq_raise(&in[5]);
    g_assert_cmphex(i8259_acknowledge(pic), ==, 0x35);
    fake_out(0x20, 0x20);
    g_assert_cmpint(intr, ==, 1);                /* still asserted: again */
    irq_lower(&in[5]);
    g_assert_cmpint(intr, ==, 0);
    end();
}

static void test_poll(void)
{
    begin();
    init_chips(1);
    fake_out(0x20, 0x0c);
    g_assert_cmphex(fake_in(0x20), ==, 0);
    irq_raise(&in[6]);
    fake_out(0x20, 0x0c);
    g_assert_cmphex(fake_in(0x20), ==, 0x86);
    g_assert_cmphex(read_isr(0x20), ==, 0x40);
    g_assert_cmpint(intr, ==, 0);
    end();
}

static void disturb(Device *dev)
{
    init_chips(3);
    fake_out(0x21, 0x12);
    fake_out(0x20, 0x68);
    fake_out(0x4d0, 0x20);
    irq_raise(&in[3]);
    irq_raise(&in[11]);
}

static void test_reset(void)
{
    begin();
    fake_vm_check_reset(pic, disturb);
    g_assert_cmpint(intr, ==, 0);
    end();
}

static void test_views(void)
{
    begin();
    g_autofree char *off = fake_vm_view(pic, "pic");
    g_assert_cmpstr(off, ==,
                    "8259 master: irr 00 imr 00 isr 00 inputs 00 level 00, vectors from 0x00, "
                    "input 0 first, not initialised\n"
                    "8259 slave : irr 00 imr 00 isr 00 inputs 00 level 00, vectors from 0x00, "
                    "input 0 first, not initialised\n");
    g_autofree char *nothing = fake_vm_view(pic, "irq");
    g_assert_cmpstr(nothing, ==, "");
    init_chips(1);
    fake_out(0x21, 0x08);
    for (unsigned i = 0; i < 3; i++) {
        irq_pulse(&in[4]);
        irq_raise(&in[4]);
        i8259_acknowledge(pic);
        irq_lower(&in[4]);
        fake_out(0x20, 0x20);
    }
    irq_raise(&in[9]);
    i8259_acknowledge(pic);
    irq_raise(&in[3]);
    g_autofree char *text = fake_vm_view(pic, "pic");
    g_assert_cmpstr(text, ==,
                    "8259 master: irr 08 imr 08 isr 04 inputs 08 level 00, vectors from 0x30, "
                    "input 0 first\n"
                    "8259 slave : irr 00 imr 00 isr 02 inputs 02 level 00, vectors from 0x38, "
                    "input 0 first\n");
    /* Counts outlive a reset, as what happened did happen. */
    pic->cls->reset(pic);
    g_autofree char *counts = fake_vm_view(pic, "irq");
    g_assert_cmpstr(counts, ==, "8259 input  4: 3\n8259 input  9: 1\n");
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/i8259/before-init", test_before_init);
    g_test_add_func("/i8259/single", test_single);
    g_test_add_func("/i8259/priority", test_priority);
    g_test_add_func("/i8259/rotation", test_rotation);
    g_test_add_func("/i8259/auto-end", test_auto_end);
    g_test_add_func("/i8259/special-mask", test_special_mask);
    g_test_add_func("/i8259/cascade", test_cascade);
    g_test_add_func("/i8259/nesting-in-slave", test_nesting_in_slave);
    g_test_add_func("/i8259/spurious", test_spurious);
    g_test_add_func("/i8259/level", test_level);
    g_test_add_func("/i8259/poll", test_poll);
    g_test_add_func("/i8259/reset", test_reset);
    g_test_add_func("/i8259/views", test_views);
    return g_test_run();
}
