/* Test helper: a script machine with a debug core and clients that note what they are told.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_DEBUG_MACHINE_H
#define GLASSBOX_TESTS_UNIT_DEBUG_MACHINE_H

#include "debug/debug.h"
#include "script-machine.h"

typedef struct TestClient {
    DebugClient *c;
    unsigned stops, cpu_stops, resumes, ends, resets, controls;
    StopInfo last;              /* text is not kept */
    char text[100];
    StopInfo of_cpu[VM_MAX_CPUS];
    int status;
    GString *output;
    bool resume_at_once;        /* asks to continue from within `stopped` */
} TestClient;

typedef struct DebugMachine {
    ScriptMachine m;
    Debug *d;
    TestClient client[2];
} DebugMachine;

/* n CPUs, accelerator options (accel/scripted/scripted.h), two clients "one" and "two". */
void dm_init(DebugMachine *m, unsigned ncpus, const char *options);
void dm_fini(DebugMachine *m);
/* A point of client i; asserts that it could be set. */
PointId dm_point(DebugMachine *m, unsigned client, PointKind kind, uint64_t addr, uint64_t len);
PointId dm_point_spec(DebugMachine *m, unsigned client, PointSpec spec);
/* Resumes by client 0 and waits for its next stop. */
const StopInfo *dm_continue(DebugMachine *m);
const StopInfo *dm_step(DebugMachine *m, unsigned cpu);
const StopInfo *dm_resume(DebugMachine *m, const ResumePlan *plan);
/* Stops whatever runs, and waits for it. */
const StopInfo *dm_interrupt(DebugMachine *m);

#endif
