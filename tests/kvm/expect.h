/* Where accelerators may differ, said once: what the tests expect of the one they run with.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_KVM_EXPECT_H
#define GLASSBOX_TESTS_KVM_EXPECT_H

#include <stdbool.h>

typedef struct Expect {
    const char *accel;          /* as GLASSBOX_ACCEL begins */
    bool read_watch;            /* a watchpoint for reads alone can be had */
    bool guest_sees_patch;      /* the guest's own reads may find a breakpoint instruction */
    bool exact_access;          /* a hit tells the first byte accessed; else one of the watched ones */
    bool access_always;         /* access watchpoints go on when the guest uses all debug registers */
    bool port_traps;            /* the guest's own debug registers trap ports: KVM serves ports past them */
    bool access_many;           /* more than four of them can be had at once */
    bool kvmclock;              /* -cpu's flag of that name can be had */
    bool runs_anywhere;         /* code in device memory is executed; else the machine stops with an error */
} Expect;

/* The row for GLASSBOX_ACCEL, and that text. */
extern const Expect *expect;
extern const char *expect_accel;

/* A number that the environment may give in its place. */
unsigned expect_setting(const char *name, unsigned usual);

/* To be called once. Another accelerator than the known ones is an error. */
void expect_init(void);

#endif
