/* The protocol: every command, everything that is refused, hostile bytes, several clients, the log.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void test_bus(void)
{
    QTest *q = qtest_start_bare(NULL);

    g_assert_cmpstr(qtest_ok(q, "endianness"), ==, "little");
    qtest_ok(q, "writeb 0x1000 0x11");
    qtest_ok(q, "writew 0x1002 0x2233");
    qtest_ok(q, "writel 0x1004 0x44556677");
    qtest_ok(q, "writeq 4104 0x8899aabbccddeeff");
    g_assert_cmpstr(qtest_ok(q, "readb 0x1000"), ==, "0x0000000000000011");
    g_assert_cmpstr(qtest_ok(q, "readw 0x1002"), ==, "0x0000000000002233");
    g_assert_cmpstr(qtest_ok(q, "readl 0x1004"), ==, "0x0000000044556677");
    g_assert_cmpstr(qtest_ok(q, "readq 0x1008"), ==, "0x8899aabbccddeeff");
    g_assert_cmpstr(qtest_ok(q, "read 0x1000 16"), ==, "0x1100332277665544ffeeddccbbaa9988");
    qtest_ok(q, "write 0x1000 6 0x0102030a");           /* what is missing is zero */
    g_assert_cmpstr(qtest_ok(q, "read 0x1000 8"), ==, "0x0102030a00005544");
    qtest_ok(q, "memset 0x1001 3 0xa5");
    g_assert_cmpstr(qtest_ok(q, "b64read 0x1000 4"), ==, "AaWlpQ==");
    qtest_ok(q, "b64write 0x1000 5 aGVsbG8=");
    g_assert_cmpstr(qtest_ok(q, "read 0x1000 5"), ==, "0x68656c6c6f");
    /* Ports: sizes, and that nothing is there. */
    qtest_ok(q, "outb 0x80 0x42");
    g_assert_cmpstr(qtest_ok(q, "inb 0x80"), ==, "0x0042");
    g_assert_cmpstr(qtest_ok(q, "inw 0x1234"), ==, "0xffff");
    g_assert_cmpstr(qtest_ok(q, "inl 0xfffc"), ==, "0xffffffff");
    qtest_ok(q, "outw 0x1234 0");
    qtest_ok(q, "outl 0x1234 0xffffffff");
    g_assert_cmphex(qtest_readl(q, 0xd0000000), ==, 0xffffffff);
    /* Blanks and a carriage return do no harm. */
    qtest_ok(q, "  inb \t 0x80 \r");
    qtest_quit(q);
}

static void test_big(void)
{
    QTest *q = qtest_start_bare(NULL);
    g_autoptr(GString) hex = g_string_new("0x");

    for (unsigned i = 0; i < 1u << 20; i++) {
        g_string_append_printf(hex, "%02x", (i * 7 + (i >> 8)) & 0xff);
    }
    qtest_ok(q, "write 0x200000 0x100000 %s", hex->str);
    g_assert_cmpstr(qtest_ok(q, "read 0x200000 0x100000"), ==, hex->str);
    qtest_ok(q, "memset 0x1000000 0x4000000 0x5a");
    g_assert_cmphex(qtest_readq(q, 0x4fffff8), ==, 0x5a5a5a5a5a5a5a5a);
    g_assert_cmphex(qtest_readq(q, 0x5000000), ==, 0);
    qtest_quit(q);
}

static void test_clock(void)
{
    QTest *q = qtest_start_bare(NULL);

    g_assert_cmpstr(qtest_ok(q, "clock_step 0"), ==, "0");
    g_assert_cmpstr(qtest_fail(q, "clock_step"), ==,
                    "clock_step: no timer is armed: say how far");
    g_assert_cmpstr(qtest_ok(q, "clock_step 1000"), ==, "1000");
    g_assert_cmpstr(qtest_ok(q, "clock_set 5000"), ==, "5000");
    g_assert_cmpstr(qtest_fail(q, "clock_set 4999"), ==,
                    "clock_set: the clock shows 5000 ns and never goes back");
    g_assert_nonnull(strstr(qtest_fail(q, "clock_step 9223372036854775807"), "the clock ends"));
    g_assert_nonnull(strstr(qtest_fail(q, "clock_set 9223372036854775807"), "the clock ends"));
    qtest_outb(q, 0x43, 0x34);                  /* counter 0, mode 2: 100 ticks of 838.1 ns */
    qtest_outb(q, 0x40, 100);
    qtest_outb(q, 0x40, 0);
    g_assert_cmpint(qtest_clock_next(q), >, 5000 + 83000);
    g_assert_cmpint(qtest_clock(q), <, 5000 + 86000);
    /* A step that would take for ever ends with a reason, the clock being where it says. */
    g_assert_nonnull(strstr(qtest_fail(q, "clock_step 1000000000000000"), "moves no further"));
    g_assert_cmpint(qtest_clock(q), >, NS_PER_SEC);
    qtest_quit(q);
}

/* At the end of time devices still do their sums. */
static void test_clock_end(void)
{
    QTest *q = qtest_start_bare("-rtc base=2261-12-31 -smp 2 -serial null");

    qtest_outb(q, 0x70, 0x0b);
    qtest_ok(q, "clock_set 4611686018427387900");
    for (unsigned port = 0; port < 0x1000; port++) {
        if (port != 0x505 && port != 0x604 && port != 0x605) {
            qtest_ok(q, "inb %u", port);
            qtest_ok(q, "outb %u %u", port, 0x30 | (port & 7));
        }
    }
    qtest_ok(q, "access_as 0");
    qtest_writel(q, 0xfee000f0, 0x1ff);
    qtest_writel(q, 0xfee00320, 0x20030);
    qtest_writel(q, 0xfee00380, 0xffffffff);
    qtest_ok(q, "clock_step 1");
    qtest_fail(q, "clock_step 100");
    qtest_quit(q);
}

/* The host's time is nothing to the machine. */
static void test_clock_stands(void)
{
    QTest *q = qtest_start_bare(NULL);
    uint32_t before = qtest_inl(q, 0x608);

    g_usleep(20000);
    g_assert_cmphex(qtest_inl(q, 0x608), ==, before);
    g_assert_cmpint(qtest_clock(q), ==, 0);
    qtest_quit(q);
}

static void test_wait(void)
{
    QTest *q = qtest_start_bare(NULL);

    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "halted");
    g_assert_cmpstr(qtest_ok(q, "wait_halted 0"), ==, "halted");
    qtest_quit(q);
    q = qtest_start_bare("-S");
    g_assert_cmpstr(qtest_ok(q, "wait_idle 1000"), ==, "stopped");
    g_assert_cmpstr(qtest_fail(q, "wait_halted 20"), ==, "the machine is still stopped after 20 ms");
    g_assert_cmpint(qtest_clock_step(q, 7), ==, 7);     /* also while stopped */
    qtest_quit(q);
}

static void test_irq(void)
{
    QTest *q = qtest_start_bare(NULL);

    qtest_intercept_in(q, "ioapic");
    qtest_intercept_in(q, "ioapic");                    /* the same again is no mistake */
    qtest_set_irq_in(q, "ioapic", "unnamed-gpio-in", 5, true);
    g_assert_true(qtest_irq(q, 5));
    qtest_set_irq_in(q, "/machine/chips/ioapic.0", "in", 5, true);      /* no change: not told */
    qtest_set_irq_in(q, "ioapic.0", "in", 5, false);
    g_assert_false(qtest_irq(q, 5));
    g_assert_cmpuint(qtest_irq_rises(q, 5), ==, 1);
    qtest_fail(q, "irq_intercept_in i8259");
    qtest_fail(q, "irq_intercept_out i8254");
    qtest_quit(q);
    q = qtest_start_bare(NULL);
    qtest_intercept_out(q, "i8042");                    /* keyboard is 0, aux is 1 */
    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x03);                          /* both interrupts on */
    qtest_outb(q, 0x64, 0xd3);
    qtest_outb(q, 0x60, 0x77);
    g_assert_true(qtest_irq(q, 1));
    g_assert_false(qtest_irq(q, 0));
    qtest_quit(q);
    q = qtest_start_bare(NULL);
    qtest_ok(q, "irq_intercept_out i8042 aux");         /* by name: numbered by itself */
    qtest_outb(q, 0x64, 0x60);
    qtest_outb(q, 0x60, 0x03);
    qtest_outb(q, 0x64, 0xd3);
    qtest_outb(q, 0x60, 0x77);
    g_assert_true(qtest_irq(q, 0));
    qtest_quit(q);
}

static void test_access_as(void)
{
    QTest *q = qtest_start_bare("-smp 2");

    g_assert_cmphex(qtest_readl(q, 0xfee00020), ==, 0xffffffff);        /* a device sees no APIC */
    for (unsigned i = 0; i < 2; i++) {
        qtest_ok(q, "access_as %u", i);
        g_assert_cmphex(qtest_readl(q, 0xfee00020), ==, i << 24);
    }
    qtest_ok(q, "writel 0x1000 0x12345678");
    g_assert_cmphex(qtest_readl(q, 0x1000), ==, 0x12345678);
    qtest_ok(q, "access_as device");
    g_assert_cmphex(qtest_readl(q, 0x1000), ==, 0x12345678);
    qtest_quit(q);
}

static const char *const bad_lines[][2] = {
    { "", "the line is empty" },
    { "   ", "the line is empty" },
    { "nonsense", "there is no command 'nonsense'" },
    { "INB 0x80", "there is no command 'INB'" },
    { "inb", "inb: the wrong number of arguments: it is inb PORT" },
    { "inb 1 2", "the wrong number" },
    { "inb 1 2 3 4 5 6 7", "the wrong number" },
    { "endianness now", "the wrong number" },
    { "inb x", "inb: PORT: 'x' is not a number" },
    { "inb -1", "not a number" },
    { "inb 0x", "not a number" },
    { "inb 1x", "not a number" },
    { "inb 0x10000", "PORT: 0x10000 is too large" },
    { "inb 99999999999999999999999", "too large" },
    { "inl 0xffff", "4 bytes at 0xffff end beyond the last address" },
    { "outb 0x80 0x100", "VALUE: 0x100 is too large, 255" },
    { "outw 0x80 0x10000", "VALUE" },
    { "outl 0x80 0x100000000", "VALUE" },
    { "writeb 0 256", "VALUE" },
    { "writel 0 0x100000000", "VALUE" },
    { "writeq 0 0x10000000000000000", "VALUE" },
    { "readb 0xffffffffffffffff", "end beyond the last address" },
    { "readq 0xffffffffffffffff", "end beyond the last address" },
    { "read 0 0", "nothing to do" },
    { "read 0 0x100001", "SIZE: 0x100001 is too large" },
    { "read 0xffffffffffffffff 16", "end beyond" },
    { "write 0 4", "the wrong number" },
    { "write 0 0 0x", "nothing to do" },
    { "write 0 4 01020304", "DATA: not 0x" },
    { "write 0 4 0x123", "DATA: not 0x" },
    { "write 0 4 0x0102030405", "DATA: 5 bytes, which are more than SIZE" },
    { "write 0 4 0x01zz", "DATA: 'zz' is no byte" },
    { "write 0 0x100001 0x00", "SIZE" },
    { "memset 0 0 1", "nothing to do" },
    { "memset 0 4 256", "BYTE" },
    { "memset 0 0x4000001 0", "SIZE" },
    { "b64read 0 0", "nothing to do" },
    { "b64write 0 4 AAAA", "DATA: 3 bytes, not SIZE" },
    { "b64write 0 3 A@AA", "DATA: not in base64" },
    { "b64write 0 3 AA=A", "DATA: not in base64" },
    { "clock_step x", "NANOSECONDS" },
    { "clock_step 9223372036854775808", "NANOSECONDS" },
    { "clock_set", "the wrong number" },
    { "wait_idle 3600001", "MILLISECONDS" },
    { "access_as 1", "neither 'device' nor a CPU" },
    { "access_as me", "neither 'device' nor a CPU" },
    { "irq_intercept_in", "the wrong number" },
    { "irq_intercept_in nobody", "there is no device 'nobody'" },
    { "irq_intercept_in i8254", "device 'i8254.0' has no inputs" },
    { "irq_intercept_out ioapic", "device 'ioapic.0' has no outputs" },
    { "irq_intercept_out pvpanic", "has no outputs" },
    { "irq_intercept_out i8254 int", "has no output 'int'" },
    { "set_irq_in ioapic in 24 1", "has 24 lines" },
    { "set_irq_in ioapic in 4 2", "LEVEL" },
    { "set_irq_in ioapic out 4 1", "has no input 'out'" },
    { "set_irq_in nobody in 4 1", "there is no device" },
    { "set_irq_in ioapic in 4", "the wrong number" },
};

static void test_bad(void)
{
    QTest *q = qtest_start_bare(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(bad_lines); i++) {
        const char *reason = qtest_fail(q, "%s", bad_lines[i][0]);

        if (!strstr(reason, bad_lines[i][1])) {
            g_error("'%s' fails with '%s', not with '%s'", bad_lines[i][0], reason,
                    bad_lines[i][1]);
        }
    }
    qtest_quit(q);
}

/* Whatever comes, each line gets one answer and the next good one is understood. */
static void test_hostile(void)
{
    QTest *q = qtest_start_bare(NULL);
    g_autofree char *big = g_malloc(5u << 20);
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    memset(big, 'x', 5u << 20);
    qtest_send_raw(q, big, 5u << 20);           /* one line, told once that it is too long */
    qtest_send_raw(q, "\n", 1);
    g_assert_true(g_str_has_prefix(qtest_line(q), "FAIL a line has at most"));
    qtest_ok(q, "endianness");
    qtest_send_raw(q, "inb\0 0x80\n\xff\xfe\n\x1b[2J\n", 19);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpstr(qtest_line(q), ==, "FAIL the line has bytes that are no text");
    }
    /* A long word is not repeated at length. */
    memset(big, 'y', 100000);
    qtest_send_raw(q, big, 100000);
    qtest_send_raw(q, "\n", 1);
    g_assert_cmpuint(strlen(qtest_line(q)), <, 300);
    for (unsigned i = 0; i < 300; i++) {
        char noise[200];
        unsigned n = (unsigned)g_rand_int_range(rand, 1, sizeof(noise));

        for (unsigned k = 0; k < n; k++) {
            noise[k] = (char)g_rand_int_range(rand, 0, 256);
            noise[k] = noise[k] == '\n' ? ' ' : noise[k];
        }
        noise[n - 1] = '\n';
        qtest_send_raw(q, noise, n);
        g_assert_true(g_str_has_prefix(qtest_line(q), "FAIL "));
    }
    qtest_ok(q, "endianness");
    qtest_quit(q);
}

/* Many lines at once, and one in pieces. */
static void test_pipeline(void)
{
    QTest *q = qtest_start_bare(NULL);
    g_autoptr(GString) many = g_string_new(NULL);

    for (unsigned i = 0; i < 3000; i++) {
        g_string_append_printf(many, "writel 0x%x %u\nwait_idle\nreadl 0x%x\n", 4 * i, i, 4 * i);
    }
    qtest_send_raw(q, many->str, many->len);
    for (unsigned i = 0; i < 3000; i++) {
        g_autofree char *want = g_strdup_printf("OK 0x%016x", i);

        g_assert_cmpstr(qtest_line(q), ==, "OK");
        g_assert_cmpstr(qtest_line(q), ==, "OK halted");
        g_assert_cmpstr(qtest_line(q), ==, want);
    }
    for (const char *p = "readl 0x8\n"; *p; p++) {
        qtest_send_raw(q, p, 1);
        g_usleep(200);
    }
    g_assert_cmpstr(qtest_line(q), ==, "OK 0x0000000000000002");
    qtest_quit(q);
}

/* A client that does not read: its lines wait, nobody else does. */
static void test_backpressure(void)
{
    QTest *q = qtest_start_bare(NULL);

    qtest_ok(q, "memset 0 0x100000 0x77");
    for (unsigned i = 0; i < 40; i++) {
        qtest_send_raw(q, "read 0 0x100000\n", 16);     /* 80 MiB of answers */
    }
    g_usleep(200000);
    for (unsigned i = 0; i < 40; i++) {
        const char *line = qtest_line(q);

        g_assert_cmpuint(strlen(line), ==, strlen("OK 0x") + (2u << 20));
        g_assert_true(g_str_has_suffix(line, "777777"));
    }
    qtest_ok(q, "endianness");
    qtest_quit(q);
}

/* ---- a server's clients, and the log ---------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(a.sun_path, path);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    return fd;
}

static char *ask(int fd, const char *line)
{
    char buf[256] = "";
    size_t n = 0;

    g_assert_cmpint(send(fd, line, strlen(line), 0), ==, (gssize)strlen(line));
    while (!g_str_has_suffix(buf, "\n") || !strstr(buf, "OK")) {
        ssize_t got = recv(fd, buf + n, sizeof(buf) - 1 - n, 0);

        g_assert_cmpint(got, >, 0);
        n += (size_t)got;
    }
    return g_strndup(buf, n);
}

/* The emulator listens: one client after the other, each of which begins anew. */
static void test_clients(void)
{
    QTest *q = qtest_start_listening("-accel qtest -display none -nodefaults -qtest-log {log} "
                                     "-qtest unix:{server},server=on,wait=off", "server");
    g_autofree char *path = qtest_path(q, "server"), *log_path = qtest_path(q, "log");
    g_autofree char *log = NULL;

    for (unsigned i = 0; i < 3; i++) {
        int fd = connect_to(path);
        g_autofree char *a = ask(fd, "irq_intercept_in ioapic\n");
        g_autofree char *b = ask(fd, "set_irq_in ioapic in 3 1\n");
        g_autofree char *c = ask(fd, "set_irq_in ioapic in 3 0\n");
        g_autofree char *d = ask(fd, "clock_step 10\n");
        g_autofree char *now = g_strdup_printf("OK %u\n", 10 * (i + 1));

        g_assert_cmpstr(a, ==, "OK\n");
        g_assert_true(g_str_has_prefix(b, "IRQ raise 3\n"));
        g_assert_nonnull(c);
        g_assert_true(g_str_has_suffix(d, now));
        g_assert_cmpint(send(fd, "wait_idle\nhalf a li", 19, 0), ==, 19);
        close(fd);
    }
    qtest_stop(q);
    g_assert_true(g_file_get_contents(log_path, &log, NULL, NULL));
    g_assert_nonnull(strstr(log, "[I] OPENED\n[R] irq_intercept_in ioapic\n[S] OK\n"
                                 "[R] set_irq_in ioapic in 3 1\n[S] IRQ raise 3\n[S] OK\n"));
    g_assert_nonnull(strstr(log, "[I] CLOSED\n"));
    qtest_free(q);
}

int main(int argc, char **argv)
{
    qtest_init(&argc, &argv);
    g_test_add_func("/qtest/protocol/bus", test_bus);
    g_test_add_func("/qtest/protocol/big", test_big);
    g_test_add_func("/qtest/protocol/clock", test_clock);
    g_test_add_func("/qtest/protocol/clock-end", test_clock_end);
    g_test_add_func("/qtest/protocol/clock-stands", test_clock_stands);
    g_test_add_func("/qtest/protocol/wait", test_wait);
    g_test_add_func("/qtest/protocol/irq", test_irq);
    g_test_add_func("/qtest/protocol/access-as", test_access_as);
    g_test_add_func("/qtest/protocol/bad", test_bad);
    g_test_add_func("/qtest/protocol/hostile", test_hostile);
    g_test_add_func("/qtest/protocol/pipeline", test_pipeline);
    g_test_add_func("/qtest/protocol/backpressure", test_backpressure);
    g_test_add_func("/qtest/protocol/clients", test_clients);
    return g_test_run();
}
