/* The serial ports by their data sheet (National PC16550D): FIFO and its trigger levels, interrupts
 * and their order, line status, modem lines, loop-back, break, and the line that two ports share.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COM1 = 0x3f8, COM3 = 0x3e8 };
enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = 2, DLL = 0, DLM = 1 };
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_RX = 4, IIR_LINE = 6, IIR_TIMEOUT = 0x0c };
enum { MCR_LOOP = 0x10, MCR_OUT2 = 8, LCR_8N1 = 3, LCR_DLAB = 0x80 };

/* Start, eight data, one stop bit at 9600 baud. */
#define CHARACTER_NS (10 * NS_PER_SEC / 9600)

static QTest *q;

static uint8_t in(unsigned reg)
{
    return qtest_inb(q, (uint16_t)(COM1 + reg));
}

static void out(unsigned reg, uint8_t v)
{
    qtest_outb(q, (uint16_t)(COM1 + reg), v);
}

static uint8_t cause(void)
{
    return in(IIR) & 0x0f;
}

/* A port without a peer, looped back: what is sent is received at once. */
static void begin_loop(void)
{
    q = qtest_start_bare("-serial null");
    out(LCR, LCR_8N1);
    out(MCR, MCR_LOOP);
}

/* A port whose other end we hold. */
static int begin_peer(const char *kind)
{
    g_autofree char *args = g_strdup_printf("-accel qtest -display none -serial %s:{serial}", kind);
    int fd;

    q = qtest_start_stream(args, "serial", &fd);
    qtest_intercept_out(q, "isa-serial");
    out(LCR, LCR_8N1);
    out(MCR, MCR_OUT2);
    return fd;
}

static void peer_send(int fd, const char *text, size_t len)
{
    g_assert_cmpint(send(fd, text, len, 0), ==, (gssize)len);
}

static void send_many(unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        out(DATA, (uint8_t)(0x30 + i));
    }
}

static void test_registers(void)
{
    q = qtest_start_bare("-serial null");
    g_assert_cmphex(in(IER), ==, 0);
    g_assert_cmphex(in(IIR), ==, IIR_NONE);
    g_assert_cmphex(in(LCR), ==, 0);
    g_assert_cmphex(in(MCR), ==, 0);
    g_assert_cmphex(in(LSR), ==, 0x60);
    out(SCR, 0xa5);
    g_assert_cmphex(in(SCR), ==, 0xa5);
    out(IER, 0xff);
    g_assert_cmphex(in(IER), ==, 0x0f);
    out(MCR, 0xff);
    g_assert_cmphex(in(MCR), ==, 0x1f);
    out(LCR, LCR_DLAB | LCR_8N1);
    out(DLL, 0x34);
    out(DLM, 0x12);
    g_assert_cmphex(in(DLL), ==, 0x34);
    g_assert_cmphex(in(DLM), ==, 0x12);
    out(LCR, LCR_8N1);
    g_assert_cmphex(in(IER), ==, 0x0f);         /* the divisor lay in front of it */
    out(FCR, 0x01);
    g_assert_cmphex(in(IIR) & 0xc0, ==, 0xc0);
    out(FCR, 0x00);
    g_assert_cmphex(in(IIR) & 0xc0, ==, 0);
    g_assert_cmphex(qtest_inb(q, COM3 + LSR), ==, 0xff);        /* not there */
    qtest_quit(q);
}

static void test_trigger_levels(void)
{
    static const struct {
        uint8_t fcr, level;
    } row[] = { { 0x01, 1 }, { 0x41, 4 }, { 0x81, 8 }, { 0xc1, 14 } };

    begin_loop();
    out(IER, 1);
    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        out(FCR, row[i].fcr | 0x06);
        send_many(row[i].level - 1u);
        g_assert_cmphex(cause(), ==, IIR_NONE);
        out(DATA, 0x7f);
        g_assert_cmphex(cause(), ==, IIR_RX);
        g_assert_cmphex(cause(), ==, IIR_RX);   /* until the FIFO falls below its level */
        in(DATA);
        g_assert_cmphex(cause(), ==, IIR_NONE);
        send_many(16u - row[i].level + 1);
        for (unsigned k = 16; k >= row[i].level; k--) {
            g_assert_cmphex(cause(), ==, IIR_RX);
            in(DATA);
        }
        g_assert_cmphex(cause(), ==, IIR_NONE);
    }
    qtest_quit(q);
}

/* Characters below the level are told after four character times. */
static void test_timeout(void)
{
    begin_loop();
    out(IER, 1);
    out(FCR, 0xc7);
    send_many(3);
    qtest_clock_step(q, 4 * CHARACTER_NS - 100);
    g_assert_cmphex(cause(), ==, IIR_NONE);
    out(DATA, 0x55);                            /* begins anew */
    qtest_clock_step(q, 4 * CHARACTER_NS - 100);
    g_assert_cmphex(cause(), ==, IIR_NONE);
    qtest_clock_step(q, 200);
    g_assert_cmphex(cause(), ==, IIR_TIMEOUT);
    g_assert_cmphex(in(DATA), ==, 0x30);        /* reading takes it back */
    g_assert_cmphex(cause(), ==, IIR_NONE);
    qtest_clock_step(q, 5 * CHARACTER_NS);
    g_assert_cmphex(cause(), ==, IIR_TIMEOUT);
    for (unsigned i = 0; i < 3; i++) {
        in(DATA);
    }
    qtest_clock_step(q, NS_PER_SEC);
    g_assert_cmphex(cause(), ==, IIR_NONE);     /* nothing is left */
    qtest_quit(q);
}

static void test_overrun(void)
{
    begin_loop();
    out(IER, 4);
    out(DATA, 'a');
    out(DATA, 'b');                             /* without FIFO the new one replaces the old */
    g_assert_cmphex(cause(), ==, IIR_LINE);
    g_assert_cmphex(in(LSR), ==, 0x63);
    g_assert_cmphex(in(LSR), ==, 0x61);         /* once */
    g_assert_cmphex(cause(), ==, IIR_NONE);
    g_assert_cmphex(in(DATA), ==, 'b');
    g_assert_cmphex(in(LSR), ==, 0x60);
    out(FCR, 0x07);
    send_many(17);                              /* the FIFO keeps its 16 */
    g_assert_cmphex(in(LSR), ==, 0x63);
    for (unsigned i = 0; i < 16; i++) {
        g_assert_cmphex(in(DATA), ==, 0x30 + i);
    }
    g_assert_cmphex(in(LSR), ==, 0x60);
    send_many(5);
    out(FCR, 0x03);                             /* clears the receiver */
    g_assert_cmphex(in(LSR), ==, 0x60);
    send_many(2);
    out(FCR, 0x00);                             /* so does turning it off */
    g_assert_cmphex(in(LSR), ==, 0x60);
    qtest_quit(q);
}

static void test_transmitter_empty(void)
{
    begin_loop();
    out(IER, 2);
    g_assert_cmphex(cause(), ==, IIR_THRE);     /* it is empty when it is enabled */
    g_assert_cmphex(cause(), ==, IIR_NONE);     /* reading IIR takes it back */
    out(DATA, 'x');
    g_assert_cmphex(cause(), ==, IIR_THRE);
    g_assert_cmphex(in(LSR) & 0x60, ==, 0x60);
    out(IER, 0);
    out(IER, 2);
    g_assert_cmphex(cause(), ==, IIR_THRE);
    qtest_quit(q);
}

/* Line status, received data, transmitter empty, modem status: in this order. */
static void test_order(void)
{
    begin_loop();
    out(DATA, 'a');
    out(DATA, 'b');
    out(MCR, MCR_LOOP | 0x02);                  /* RTS: CTS changes */
    out(IER, 0x0f);
    g_assert_cmphex(cause(), ==, IIR_LINE);
    in(LSR);
    g_assert_cmphex(cause(), ==, IIR_RX);
    in(DATA);
    g_assert_cmphex(cause(), ==, IIR_THRE);
    g_assert_cmphex(cause(), ==, IIR_MODEM);
    in(MSR);
    g_assert_cmphex(cause(), ==, IIR_NONE);
    qtest_quit(q);
}

static void test_modem_lines(void)
{
    static const struct {
        uint8_t out, in, changed;
    } row[] = { { 0x02, 0x10, 0x01 }, { 0x01, 0x20, 0x02 }, { 0x08, 0x80, 0x08 } };

    q = qtest_start_bare("-serial null");
    g_assert_cmphex(in(MSR) & 0xf0, ==, 0xb0);  /* the modem is there: DCD, DSR, CTS */
    out(MCR, MCR_LOOP);
    g_assert_cmphex(in(MSR), ==, 0x0b);
    g_assert_cmphex(in(MSR), ==, 0x00);
    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        out(MCR, MCR_LOOP | row[i].out);
        g_assert_cmphex(in(MSR), ==, row[i].in | row[i].changed);
        g_assert_cmphex(in(MSR), ==, row[i].in);
        out(MCR, MCR_LOOP);
        g_assert_cmphex(in(MSR), ==, row[i].changed);
    }
    out(MCR, MCR_LOOP | 0x04);                  /* OUT1 is RI: its end alone is told */
    g_assert_cmphex(in(MSR), ==, 0x40);
    out(IER, 8);
    g_assert_cmphex(cause(), ==, IIR_NONE);
    out(MCR, MCR_LOOP);
    g_assert_cmphex(cause(), ==, IIR_MODEM);
    g_assert_cmphex(in(MSR), ==, 0x04);
    g_assert_cmphex(cause(), ==, IIR_NONE);
    qtest_quit(q);
}

static void test_loop(void)
{
    char buf[4];
    int fd = begin_peer("unix");

    out(MCR, MCR_LOOP | MCR_OUT2);
    out(IER, 1);
    out(DATA, 0xff);
    g_assert_cmphex(cause(), ==, IIR_RX);
    g_assert_false(qtest_irq(q, 0));            /* the loop takes OUT2 off the pin */
    g_assert_cmphex(in(DATA), ==, 0xff);
    for (unsigned bits = 5; bits <= 8; bits++) {
        out(LCR, (uint8_t)(bits - 5));
        out(DATA, 0xff);
        g_assert_cmphex(in(DATA), ==, 0xff >> (8 - bits));
    }
    peer_send(fd, "z", 1);                      /* waits outside */
    g_usleep(20000);
    g_assert_cmphex(in(LSR) & 1, ==, 0);
    out(LCR, LCR_8N1);
    out(MCR, MCR_OUT2);
    qtest_wait_port(q, COM1 + LSR, 1, 1);
    g_assert_cmphex(in(DATA), ==, 'z');
    g_assert_cmpint(recv(fd, buf, sizeof(buf), MSG_DONTWAIT), ==, -1);   /* nothing came out */
    qtest_quit(q);
    close(fd);
}

static void test_receive(void)
{
    char text[200];
    int fd = begin_peer("unix");

    for (unsigned i = 0; i < sizeof(text); i++) {
        text[i] = (char)(i * 3 + 1);
    }
    out(FCR, 0x07);
    peer_send(fd, "a", 1);
    qtest_wait_port(q, COM1 + LSR, 1, 1);
    g_assert_false(qtest_irq(q, 0));            /* not enabled yet */
    out(IER, 1);
    g_assert_true(qtest_irq(q, 0));
    out(MCR, 0);                                /* the gate of the PC: OUT2 */
    g_assert_false(qtest_irq(q, 0));
    out(MCR, MCR_OUT2);
    g_assert_true(qtest_irq(q, 0));
    g_assert_cmphex(in(DATA), ==, 'a');
    g_assert_false(qtest_irq(q, 0));
    peer_send(fd, text, sizeof(text));          /* more than a FIFO: nothing is lost */
    for (unsigned i = 0; i < sizeof(text); i++) {
        qtest_wait_port(q, COM1 + LSR, 1, 1);
        g_assert_cmphex(in(DATA), ==, (uint8_t)text[i]);
    }
    g_assert_cmphex(in(LSR), ==, 0x60);
    qtest_quit(q);
    close(fd);
}

static void test_transmit(void)
{
    static const char text[] = "the quick brown fox";
    char buf[sizeof(text)];
    size_t n = 0;
    int fd = begin_peer("unix");

    out(IER, 2);
    g_assert_true(qtest_irq(q, 0));
    cause();
    g_assert_false(qtest_irq(q, 0));
    for (const char *p = text; *p; p++) {
        out(DATA, (uint8_t)*p);
        g_assert_true(qtest_irq(q, 0));
        cause();
    }
    while (n < sizeof(text) - 1) {
        ssize_t got = recv(fd, buf + n, sizeof(text) - 1 - n, 0);

        g_assert_cmpint(got, >, 0);
        n += (size_t)got;
    }
    g_assert_cmpmem(buf, n, text, sizeof(text) - 1);
    qtest_quit(q);
    close(fd);
}

/* A break is a character of zero with its own status; the mux sends one for Ctrl-A b. */
static void test_break(void)
{
    int fd = begin_peer("mon:unix");

    out(FCR, 0x07);
    out(IER, 5);
    peer_send(fd, "q", 1);
    qtest_wait_port(q, COM1 + IIR, 0x0f, IIR_RX);
    peer_send(fd, "\x01" "b", 2);
    /* It stands behind the 'q', and bit 7 says that there is one in the FIFO. */
    qtest_wait_port(q, COM1 + LSR, 0x80, 0x80);
    g_assert_cmphex(in(LSR) & 0x1f, ==, 0x01);
    g_assert_cmphex(in(DATA), ==, 'q');
    g_assert_cmphex(cause(), ==, IIR_LINE);
    g_assert_true(qtest_irq(q, 0));
    g_assert_cmphex(in(LSR) & 0x91, ==, 0x91);
    g_assert_cmphex(in(LSR) & 0x91, ==, 0x01);  /* the status is read once, the data is still there */
    g_assert_cmphex(in(DATA), ==, 0);
    g_assert_cmphex(in(LSR), ==, 0x60);
    g_assert_false(qtest_irq(q, 0));
    qtest_quit(q);
    close(fd);
}

/* COM1 and COM3 drive line 4: it is on while one of them says so. */
static void test_shared_line(void)
{
    q = qtest_start_bare("-serial null -serial null -serial null");
    qtest_intercept_in(q, "ioapic");
    for (unsigned i = 0; i < 2; i++) {
        uint16_t base = i ? COM3 : COM1;

        qtest_outb(q, base + MCR, MCR_OUT2);
        qtest_outb(q, base + IER, 2);
        g_assert_true(qtest_irq(q, 4));
    }
    g_assert_cmpuint(qtest_irq_rises(q, 4), ==, 1);
    g_assert_cmphex(qtest_inb(q, COM1 + IIR), ==, IIR_THRE);
    g_assert_true(qtest_irq(q, 4));
    g_assert_cmphex(qtest_inb(q, COM3 + IIR), ==, IIR_THRE);
    g_assert_false(qtest_irq(q, 4));
    qtest_outb(q, 0x2f8 + MCR, MCR_OUT2);
    qtest_outb(q, 0x2f8 + IER, 2);
    g_assert_true(qtest_irq(q, 3));
    qtest_outb(q, 0xcf9, 6);                    /* a reset lets go of it */
    g_assert_false(qtest_irq(q, 3));
    g_assert_cmphex(qtest_inb(q, 0x2f8 + IER), ==, 0);
    qtest_quit(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/uart/registers", test_registers);
    g_test_add_func("/qtest/uart/trigger-levels", test_trigger_levels);
    g_test_add_func("/qtest/uart/timeout", test_timeout);
    g_test_add_func("/qtest/uart/overrun", test_overrun);
    g_test_add_func("/qtest/uart/transmitter-empty", test_transmitter_empty);
    g_test_add_func("/qtest/uart/order", test_order);
    g_test_add_func("/qtest/uart/modem-lines", test_modem_lines);
    g_test_add_func("/qtest/uart/loop", test_loop);
    g_test_add_func("/qtest/uart/receive", test_receive);
    g_test_add_func("/qtest/uart/transmit", test_transmit);
    g_test_add_func("/qtest/uart/break", test_break);
    g_test_add_func("/qtest/uart/shared-line", test_shared_line);
    return g_test_run();
}
