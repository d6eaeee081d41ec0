/* Inside qtest/: the server's data, and what a command is.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_QTEST_QTEST_INT_H
#define GLASSBOX_QTEST_QTEST_INT_H

#include <stdio.h>

#include "qtest/qtest.h"
#include "util/mainloop.h"
#include "util/thread.h"
#include "vm/vm.h"

#define QTEST_DATA_MAX (1u << 20)       /* bytes that one command reads or writes */
#define QTEST_SET_MAX (64u << 20)       /* bytes that one memset fills */
#define QTEST_LINE_MAX (2 * QTEST_DATA_MAX + 256)
#define QTEST_ARGS_MAX 4
#define QTEST_AS_DEVICE (-1)

struct QtestServer {
    Machine *m;
    Chardev *chr;
    FILE *log;
    Mutex out_lock;         /* whole lines go out, and into the log, one after the other */
    bool lost;              /* under out_lock: the client does not read; it is hung up on */
    GString *in;            /* bytes that are not handled yet */
    bool skip_line;         /* the present line was too long: what is left of it is dropped */
    bool in_lines;          /* lines are being handled */
    MainTimer *drain;       /* looks whether the client reads again */

    /* An answer that is still to come; no other line is handled before. */
    bool waiting;
    GString *held;          /* the answer, when the machine has settled; NULL: the wait below */
    bool want_halted;       /* stopped will not do */
    unsigned wait_ms;
    MainTimer *timeout;

    int as_cpu;             /* whose accesses they are; QTEST_AS_DEVICE */
    Device *tapped;         /* whose lines are intercepted; NULL: none */
    const DeviceLine *tapped_row;       /* NULL: all of a direction */
    bool tapped_outputs;
    GPtrArray *taps;        /* IrqTap */
    GArray *levels;         /* bool for each, as last told */
};

typedef struct QtestCommand QtestCommand;

typedef struct QtestArgs {
    unsigned n;
    const char *word[QTEST_ARGS_MAX];
    uint64_t num[QTEST_ARGS_MAX];       /* of those that are numbers */
} QtestArgs;

typedef enum QtestAnswer {
    QTEST_FAIL,             /* *errp says why; nothing was done */
    QTEST_OK,               /* with what stands in `out` behind it */
    QTEST_LATER,            /* qtest_answer will be called */
} QtestAnswer;

typedef QtestAnswer QtestHandler(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                 GString *out, GError **errp);

struct QtestCommand {
    const char *name;
    const char *args;       /* a letter for each (protocol.c); those behind '?' may be missing */
    unsigned size;          /* bytes of an access */
    QtestHandler *fn;
};

/* ---- server.c: control thread unless marked ---- */

/* The answer to the line that was answered QTEST_LATER. */
void qtest_answer(QtestServer *s, bool ok, const char *text);
/* Sends a line that nobody asked for. [any] */
void qtest_tell(QtestServer *s, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- protocol.c ---- */

/* Handles a line, which it changes. */
QtestAnswer qtest_run(QtestServer *s, char *line, GString *out, GError **errp);

/* ---- the commands ---- */

QtestHandler qtest_cmd_in, qtest_cmd_out, qtest_cmd_load, qtest_cmd_store, qtest_cmd_read,
    qtest_cmd_write, qtest_cmd_b64read, qtest_cmd_b64write, qtest_cmd_memset, qtest_cmd_endianness,
    qtest_cmd_access_as;
QtestHandler qtest_cmd_clock_step, qtest_cmd_clock_set, qtest_cmd_wait_idle, qtest_cmd_wait_halted;
QtestHandler qtest_cmd_irq_intercept_in, qtest_cmd_irq_intercept_out, qtest_cmd_set_irq_in;

/* Takes back a wait that is under way. */
void qtest_wait_cancel(QtestServer *s);
void qtest_wait_timeout(void *opaque);
/* Watches until no reset, stop or end is under way, then sends the held answer. */
void qtest_settle(QtestServer *s);
/* Ends all interception. */
void qtest_irq_clear(QtestServer *s);

#endif
