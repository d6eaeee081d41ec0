/* Between the files of the machine under test.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_KVM_MACHINE_INT_H
#define GLASSBOX_TESTS_KVM_MACHINE_INT_H

#include "machine.h"

typedef struct Point {
    int type;
    uint64_t at;
    unsigned len;
} Point;

struct Machine {
    GPid pid;
    bool ended;                 /* and waited for */
    bool end_asked, tell;       /* tell: its messages are of interest, since a test fails */
    char *dir;
    int serial;
    GString *said;              /* by the guest, not yet taken */
    Rsp *rsp;
    unsigned cpus, started;
    bool held;
    int listener;               /* for the guest's serial port, until it is there */
    GArray *points;             /* Point */
    const void *data;           /* of the case */
};

void image_load(const char *path);

/* life.c: the emulator is spawned; then it has to come up, held before its first instruction or not. */
void machine_program(const char *emulator, const char *guest);
Machine *machine_start(const char *accel, unsigned cpus, unsigned started, bool held);
void machine_await(Machine *m);
void machine_end(Machine *m);

#endif
