/* How a test fails.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "giveup.h"

#include <setjmp.h>

static jmp_buf way_out;
static bool trying;

static void fail_va(const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    g_test_message("%s", text);
    g_test_fail();
}

void test_fail(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail_va(fmt, ap);
    va_end(ap);
}

G_GNUC_NORETURN static void leave(void)
{
    if (!trying) {
        g_error("there is no test to give up");
    }
    longjmp(way_out, 1);
}

void test_give_up(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    fail_va(fmt, ap);
    va_end(ap);
    leave();
}

void test_give_up_skipped(const char *why)
{
    g_test_skip(why);
    leave();
}

bool test_try(void (*fn)(void *data), void *data)
{
    bool done;

    trying = true;
    done = setjmp(way_out) == 0;
    if (done) {
        fn(data);
    }
    trying = false;
    return done;
}
