/* Inside accel/scripted/: the executor's data.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_SCRIPTED_SCRIPTED_INT_H
#define GLASSBOX_ACCEL_SCRIPTED_SCRIPTED_INT_H

#include "accel/scripted/scripted.h"

typedef struct ScriptPatch {
    paddr_t at;
    uint8_t shadow;         /* the guest's own byte */
} ScriptPatch;

typedef struct ScriptVm {
    bool patch;
    unsigned slots;
    const DebugPlan *plan;
    GArray *patches;        /* ScriptPatch */
} ScriptVm;

typedef struct ScriptCpu {
    GQueue *forced;         /* VcpuExit */
    uint64_t runs;
} ScriptCpu;

/* accel/scripted/exec.c */
VcpuExit scripted_vcpu_run(Cpu *cpu, const RunArgs *args);

#endif
