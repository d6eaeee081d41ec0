/* A debugger beside a test: the few packets of the gdb remote protocol that a stop needs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_QTEST_LIBGDB_H
#define GLASSBOX_TESTS_QTEST_LIBGDB_H

#include "libqtest.h"

typedef struct Gdb Gdb;

/* To the emulator's -gdb unix:{NAME}, without acknowledgements. */
Gdb *gdb_connect(QTest *q, const char *name);
void gdb_close(Gdb *g);
void gdb_send(Gdb *g, const char *packet);
void gdb_interrupt(Gdb *g);
/* The next packet, good until the next call; a minute without one fails the test. */
const char *gdb_receive(Gdb *g);
const char *gdb_ask(Gdb *g, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

#endif
