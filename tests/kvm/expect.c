/* What the tests expect of each accelerator.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "expect.h"

#include <glib.h>

static const Expect rows[] = {
    { .accel = "tcg", .read_watch = true, .exact_access = true, .access_always = true, .port_traps = true,
      .access_many = true, .runs_anywhere = true },
    { .accel = "kvm", .guest_sees_patch = true, .kvmclock = true },
};

const Expect *expect;
const char *expect_accel;

unsigned expect_setting(const char *name, unsigned usual)
{
    const char *text = g_getenv(name);

    return text ? (unsigned)g_ascii_strtoull(text, NULL, 10) : usual;
}

void expect_init(void)
{
    expect_accel = g_getenv("GLASSBOX_ACCEL") ? g_getenv("GLASSBOX_ACCEL") : "kvm";
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (g_str_has_prefix(expect_accel, rows[i].accel)) {
            expect = &rows[i];
            return;
        }
    }
    g_error("GLASSBOX_ACCEL=%s: nothing is known of it", expect_accel);
}
