/* qtest: a test drives the machine's buses, interrupt lines and clock by lines of text.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The protocol is the one of QEMU's qtest, described in docs/user/qtest.rst. Each line is answered
 * by one line, OK or FAIL with a reason; IRQ lines may come in between. No line can end the
 * program, and none is too long to be refused. */
#ifndef GLASSBOX_QTEST_QTEST_H
#define GLASSBOX_QTEST_QTEST_H

#include "chardev/chardev.h"
#include "hw/machine.h"

typedef struct QtestServer QtestServer;

/* Serves one client after the other at a byte stream. The machine's clock must be manual. `log`: a
 * file in which both directions are written down; "none": nowhere; NULL: standard error. Control
 * thread; before the machine first runs. */
QtestServer *qtest_server_new(Machine *m, Chardev *chr, const char *log, GError **errp);
/* While the machine is still there. The chardev stays its owner's. NULL is fine. */
void qtest_server_free(QtestServer *s);

#endif
