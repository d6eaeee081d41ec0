/* How a test fails: and goes on, or gives up, when what follows could only wait for what never comes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_KVM_GIVEUP_H
#define GLASSBOX_TESTS_KVM_GIVEUP_H

#include <glib.h>
#include <stdbool.h>

/* Fails the test, says so at once and each time, and returns. */
void test_fail(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* The same, and leaves the innermost test_try; what was allocated on the way is lost. */
G_GNUC_NORETURN void test_give_up(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
/* Leaves it too, with a test that is skipped for this reason. */
G_GNUC_NORETURN void test_give_up_skipped(const char *why);
/* Calls fn; false if it was left. */
bool test_try(void (*fn)(void *data), void *data);

#endif
