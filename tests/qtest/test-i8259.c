/* The pair of interrupt controllers by their data sheet (Intel 8259A, order 231468). A poll command
 * is the acknowledge: it takes the request and tells its number.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

enum { MASTER = 0x20, SLAVE = 0xa0 };
enum { EOI = 0x20, EOI_ROTATE = 0xa0, EOI_SPECIFIC = 0x60, EOI_SPECIFIC_ROTATE = 0xe0,
       SET_PRIORITY = 0xc0, ROTATE_AEOI_ON = 0x80, ROTATE_AEOI_OFF = 0x00 };
enum { READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, SPECIAL_MASK_ON = 0x68,
       SPECIAL_MASK_OFF = 0x48 };

static QTest *q;

static void out(uint16_t port, uint8_t v)
{
    qtest_outb(q, port, v);
}

static void init_chip(uint16_t chip, uint8_t base, uint8_t icw3, uint8_t icw4)
{
    out(chip, 0x11);
    out(chip + 1, base);
    out(chip + 1, icw3);
    out(chip + 1, icw4);
}

static void init_both(uint8_t icw4)
{
    init_chip(MASTER, 0x20, 0x04, icw4);
    init_chip(SLAVE, 0x28, 0x02, icw4 & ~0x10);
}

static void begin(uint8_t icw4)
{
    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "i8259");
    init_both(icw4);
}

static void line(unsigned n, bool level)
{
    qtest_set_irq_in(q, "i8259", "in", n, level);
}

static void edge(unsigned n)
{
    line(n, false);
    line(n, true);
}

static bool asks(void)
{
    return qtest_irq(q, 0);
}

static uint8_t reg(uint16_t chip, uint8_t which)
{
    out(chip, which);
    return qtest_inb(q, chip);
}

/* The number of the request that is taken; -1: none. */
static int poll_chip(uint16_t chip)
{
    uint8_t v;

    out(chip, POLL);
    v = qtest_inb(q, chip);
    g_assert_cmphex(v & 0x78, ==, 0);
    return v & 0x80 ? v & 7 : -1;
}

static void test_init(void)
{
    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "i8259");
    edge(3);
    g_assert_false(asks());                     /* never initialised: asks for nothing */
    out(MASTER + 1, 0xff);
    init_both(1);
    g_assert_cmphex(qtest_inb(q, MASTER + 1), ==, 0);       /* ICW1 clears the mask */
    g_assert_false(asks());                     /* and forgets edges */
    g_assert_cmphex(reg(MASTER, READ_IRR), ==, 0);
    edge(3);
    g_assert_true(asks());
    g_assert_cmphex(reg(MASTER, READ_IRR), ==, 0x08);
    out(MASTER, 0x11);                          /* half an initialisation */
    g_assert_false(asks());
    edge(4);
    g_assert_false(asks());
    out(MASTER + 1, 0x20);
    out(MASTER + 1, 0x04);
    g_assert_false(asks());
    out(MASTER + 1, 0x01);
    g_assert_true(asks());
    /* Without ICW4 (bit 0), and single (bit 1): no ICW3. */
    out(MASTER, 0x12);
    out(MASTER + 1, 0x20);
    edge(1);
    g_assert_true(asks());
    out(MASTER + 1, 0x02);                      /* is the mask already */
    g_assert_false(asks());
    g_assert_cmphex(qtest_inb(q, MASTER + 1), ==, 0x02);
    qtest_quit(q);
}

static void test_edge_and_mask(void)
{
    begin(1);
    line(5, true);
    g_assert_true(asks());
    line(5, false);                             /* withdrawn before it was taken */
    g_assert_false(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, -1);
    line(5, true);
    out(MASTER + 1, 0x20);
    g_assert_false(asks());
    g_assert_cmphex(reg(MASTER, READ_IRR), ==, 0x20);       /* masked, but remembered */
    out(MASTER + 1, 0x00);
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 5);
    g_assert_false(asks());
    g_assert_cmphex(reg(MASTER, READ_IRR), ==, 0);
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x20);
    out(MASTER, EOI);
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0);
    g_assert_false(asks());                     /* the level alone asks no more */
    edge(5);
    g_assert_true(asks());
    qtest_quit(q);
}

static void test_priority(void)
{
    begin(1);
    edge(6);
    edge(1);
    edge(4);
    g_assert_cmpint(poll_chip(MASTER), ==, 1);
    g_assert_false(asks());                     /* 4 and 6 wait for 1's end */
    g_assert_cmpint(poll_chip(MASTER), ==, -1);
    edge(0);                                    /* nests */
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 0);
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x03);
    out(MASTER, EOI);                           /* of the highest in service */
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x02);
    g_assert_false(asks());
    out(MASTER, EOI);
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 4);
    edge(1);
    g_assert_cmpint(poll_chip(MASTER), ==, 1);
    out(MASTER, EOI_SPECIFIC | 4);
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x02);
    out(MASTER, EOI_SPECIFIC | 1);
    g_assert_cmpint(poll_chip(MASTER), ==, 6);
    out(MASTER, EOI);
    out(MASTER, EOI);                           /* one too many does nothing */
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0);
    qtest_quit(q);
}

static void test_rotation(void)
{
    begin(1);
    edge(3);
    g_assert_cmpint(poll_chip(MASTER), ==, 3);
    out(MASTER, EOI_ROTATE);                    /* 3 becomes the lowest, 4 the highest */
    edge(3);
    edge(0);
    edge(4);
    g_assert_cmpint(poll_chip(MASTER), ==, 4);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 0);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 3);
    out(MASTER, EOI_SPECIFIC_ROTATE | 3);
    out(MASTER, SET_PRIORITY | 5);              /* 6 is the highest */
    edge(0);
    edge(5);
    edge(6);
    edge(7);
    g_assert_cmpint(poll_chip(MASTER), ==, 6);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 7);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 0);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 5);
    out(MASTER, EOI);
    init_both(1);                               /* ICW1: 0 is the highest again */
    edge(7);
    edge(0);
    g_assert_cmpint(poll_chip(MASTER), ==, 0);
    qtest_quit(q);
}

static void test_automatic_end(void)
{
    begin(3);
    edge(2 + 1);
    edge(5);
    g_assert_cmpint(poll_chip(MASTER), ==, 3);
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0);
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 5);
    out(MASTER, ROTATE_AEOI_ON);
    edge(3);
    g_assert_cmpint(poll_chip(MASTER), ==, 3);  /* and is the lowest now */
    edge(3);
    edge(4);
    edge(1);
    g_assert_cmpint(poll_chip(MASTER), ==, 4);
    g_assert_cmpint(poll_chip(MASTER), ==, 1);
    g_assert_cmpint(poll_chip(MASTER), ==, 3);
    out(MASTER, ROTATE_AEOI_OFF);
    edge(5);
    g_assert_cmpint(poll_chip(MASTER), ==, 5);  /* leaves the priorities: 4 is the highest */
    edge(5);
    edge(3);
    g_assert_cmpint(poll_chip(MASTER), ==, 5);
    qtest_quit(q);
}

static void test_special_mask(void)
{
    begin(1);
    edge(4);
    g_assert_cmpint(poll_chip(MASTER), ==, 4);
    edge(6);
    g_assert_false(asks());
    out(MASTER + 1, 0x10);                      /* 4 masks itself */
    g_assert_false(asks());
    out(MASTER, SPECIAL_MASK_ON);
    g_assert_true(asks());                      /* now lower ones come through */
    g_assert_cmpint(poll_chip(MASTER), ==, 6);
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x50);
    out(MASTER, EOI);                           /* does not touch the masked one */
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x10);
    edge(7);
    g_assert_true(asks());
    out(MASTER, SPECIAL_MASK_OFF);
    g_assert_false(asks());
    out(MASTER, EOI_SPECIFIC | 4);
    g_assert_true(asks());
    qtest_quit(q);
}

static void test_cascade(void)
{
    begin(1);
    edge(14);
    g_assert_true(asks());
    g_assert_cmphex(reg(MASTER, READ_IRR), ==, 0x04);
    g_assert_cmphex(reg(SLAVE, READ_IRR), ==, 0x40);
    edge(3);                                    /* the slave stands at 2: before 3 */
    g_assert_cmpint(poll_chip(MASTER), ==, 2);
    g_assert_cmpint(poll_chip(SLAVE), ==, 6);
    g_assert_false(asks());
    g_assert_cmphex(reg(MASTER, READ_ISR), ==, 0x04);
    g_assert_cmphex(reg(SLAVE, READ_ISR), ==, 0x40);
    edge(9);                                    /* higher in the slave, but the master serves it */
    g_assert_false(asks());
    edge(1);
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 1);
    out(MASTER, EOI);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 2);
    g_assert_cmpint(poll_chip(SLAVE), ==, 1);
    out(SLAVE, EOI);
    out(SLAVE, EOI);
    out(MASTER, EOI);
    g_assert_cmpint(poll_chip(MASTER), ==, 3);
    out(MASTER, EOI);
    out(MASTER + 1, 0x04);                      /* all of the slave's */
    edge(15);
    g_assert_false(asks());
    out(MASTER + 1, 0);
    g_assert_true(asks());
    out(SLAVE + 1, 0x80);
    g_assert_false(asks());
    line(2, true);                              /* the cascade is no line from outside */
    g_assert_false(asks());
    qtest_quit(q);
}

/* Special fully nested: a higher one of the same slave comes through while the slave is served. */
static void test_special_nested(void)
{
    begin(0x11);
    edge(14);
    g_assert_cmpint(poll_chip(MASTER), ==, 2);
    g_assert_cmpint(poll_chip(SLAVE), ==, 6);
    edge(15);
    g_assert_false(asks());
    edge(9);
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 2);
    g_assert_cmpint(poll_chip(SLAVE), ==, 1);
    g_assert_cmphex(reg(SLAVE, READ_ISR), ==, 0x42);
    qtest_quit(q);
}

static void test_poll(void)
{
    begin(1);
    g_assert_cmpint(poll_chip(MASTER), ==, -1);
    out(MASTER, READ_ISR);
    edge(2 + 1);
    out(MASTER, POLL);
    g_assert_cmphex(qtest_inb(q, MASTER + 1), ==, 0x83);    /* at either port, once */
    g_assert_cmphex(qtest_inb(q, MASTER + 1), ==, 0);       /* then the mask again */
    g_assert_cmphex(qtest_inb(q, MASTER), ==, 0x08);        /* and what was chosen before: ISR */
    g_assert_cmphex(reg(MASTER, READ_IRR), ==, 0);
    qtest_quit(q);
}

/* Level-triggered inputs: 4D0h, 4D1h. */
static void test_level(void)
{
    begin(1);
    out(0x4d0, 0xff);
    out(0x4d1, 0xff);
    g_assert_cmphex(qtest_inw(q, 0x4d0), ==, 0xdef8);       /* timer, keyboard, cascade, clock,
                                                               coprocessor: always edges */
    line(5, true);
    g_assert_cmpint(poll_chip(MASTER), ==, 5);
    out(MASTER, EOI);
    g_assert_true(asks());                      /* as long as the level stands */
    g_assert_cmpint(poll_chip(MASTER), ==, 5);
    line(5, false);
    out(MASTER, EOI);
    g_assert_false(asks());
    line(9, true);
    init_both(1);
    g_assert_true(asks());                      /* a level survives ICW1 */
    out(0x4d1, 0);
    line(9, false);
    line(9, true);
    g_assert_cmpint(poll_chip(MASTER), ==, 2);
    g_assert_cmpint(poll_chip(SLAVE), ==, 1);
    out(SLAVE, EOI);
    out(MASTER, EOI);
    g_assert_false(asks());
    qtest_quit(q);
}

/* Through the machine: the timer's line arrives, a reset forgets all. */
static void test_machine(void)
{
    begin(1);
    out(0x43, 0x30);
    out(0x40, 10);
    out(0x40, 0);
    g_assert_false(asks());
    qtest_clock_step(q, 20 * NS_PER_US);
    g_assert_true(asks());
    g_assert_cmpint(poll_chip(MASTER), ==, 0);
    edge(3);
    out(0xcf9, 0x06);
    g_assert_false(asks());
    g_assert_cmphex(qtest_inw(q, 0x4d0), ==, 0);
    edge(4);
    g_assert_false(asks());
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/i8259/init", test_init);
    g_test_add_func("/qtest/i8259/edge-and-mask", test_edge_and_mask);
    g_test_add_func("/qtest/i8259/priority", test_priority);
    g_test_add_func("/qtest/i8259/rotation", test_rotation);
    g_test_add_func("/qtest/i8259/automatic-end", test_automatic_end);
    g_test_add_func("/qtest/i8259/special-mask", test_special_mask);
    g_test_add_func("/qtest/i8259/cascade", test_cascade);
    g_test_add_func("/qtest/i8259/special-nested", test_special_nested);
    g_test_add_func("/qtest/i8259/poll", test_poll);
    g_test_add_func("/qtest/i8259/level", test_level);
    g_test_add_func("/qtest/i8259/machine", test_machine);
    return g_test_run();
}
