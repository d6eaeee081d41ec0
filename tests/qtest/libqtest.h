/* Tests of devices: starts the emulator with -qtest and speaks the protocol.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A function whose command fails, or is not answered within a minute, fails the test and shows what
 * the emulator wrote to its standard error. One test uses one QTest at a time, from one thread. */
#ifndef GLASSBOX_TESTS_QTEST_LIBQTEST_H
#define GLASSBOX_TESTS_QTEST_LIBQTEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

typedef struct QTest QTest;

/* g_test_init, and takes the emulator's path from the first argument that is left (and what follows
 * it from there on, for tests that want more). */
void qtest_init(int *argc, char ***argv);
const char *qtest_argument(unsigned n);

/* Starts the emulator with these arguments, split as a shell does. {NAME} in them is a file's
 * path in the test's own folder. */
QTest *qtest_start(const char *args);
/* The machine of the device tests: nothing executes, no streams, and what else is said. */
QTest *qtest_start_bare(const char *more);
/* The same; {NAME} is a socket that the emulator connects to, and *fd the other end. */
QTest *qtest_start_stream(const char *args, const char *name, int *fd);
/* The arguments say all, -qtest too; returns when the socket {NAME} is there. No commands can be
 * sent by the functions below. */
QTest *qtest_start_listening(const char *args, const char *name);
/* Ends it by SIGTERM, by its process id; it has to end with status 0. */
void qtest_quit(QTest *q);
/* The same in two parts, for a look at its files in between. */
void qtest_stop(QTest *q);
void qtest_free(QTest *q);
/* Waits until it has ended by itself; returns its exit status and frees q. */
int qtest_wait_exit(QTest *q);
/* The path of a file in its folder, for g_free. */
char *qtest_path(QTest *q, const char *name);

/* A command that must be answered OK: what stands behind the OK, good until the next command. */
const char *qtest_ok(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* A command that must be answered FAIL: the reason. */
const char *qtest_fail(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Bytes as they are, and the next line of whatever kind. */
void qtest_send_raw(QTest *q, const void *bytes, size_t len);
const char *qtest_line(QTest *q);

uint8_t qtest_inb(QTest *q, uint16_t port);
uint16_t qtest_inw(QTest *q, uint16_t port);
uint32_t qtest_inl(QTest *q, uint16_t port);
void qtest_outb(QTest *q, uint16_t port, uint8_t v);
void qtest_outw(QTest *q, uint16_t port, uint16_t v);
void qtest_outl(QTest *q, uint16_t port, uint32_t v);
uint32_t qtest_readl(QTest *q, uint64_t addr);
uint64_t qtest_readq(QTest *q, uint64_t addr);
void qtest_writel(QTest *q, uint64_t addr, uint32_t v);
void qtest_writeq(QTest *q, uint64_t addr, uint64_t v);

/* The clock: by so much, to the next timer, what it shows now. Each returns that. */
int64_t qtest_clock_step(QTest *q, int64_t ns);
int64_t qtest_clock_next(QTest *q);
int64_t qtest_clock(QTest *q);

/* Interrupt lines that are intercepted: level as last told, and how often it rose. */
void qtest_intercept_in(QTest *q, const char *device);
void qtest_intercept_out(QTest *q, const char *device);
bool qtest_irq(QTest *q, unsigned n);
unsigned qtest_irq_rises(QTest *q, unsigned n);
void qtest_set_irq_in(QTest *q, const char *device, const char *name, unsigned n, bool level);

/* Until (inb(port) & mask) == want, for what comes from a stream: that takes the host's time. */
void qtest_wait_port(QTest *q, uint16_t port, uint8_t mask, uint8_t want);

#endif
