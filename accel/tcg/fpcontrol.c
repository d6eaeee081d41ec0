/* The floating-point control word of the host's CPU, which guest code and C code take turns to use.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/exec.h"
#include "util/host_fp.h"

static uint32_t *guest_fp_control(Cpu *cpu)
{
    const TcgFrontend *fe = tcg_state(cpu)->fe;

    return fe->fp_control_offset ? (uint32_t *)((char *)cpu->env + fe->fp_control_offset) : NULL;
}

void tcg_fp_enter(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    uint32_t *control = guest_fp_control(cpu);

    if (control && !tc->guest_fp) {
        tc->host_fp_control = host_fp_get();
        host_fp_set((*control & 0xffff) | HOST_FP_MASKS);
        tc->guest_fp = true;
    }
}

void tcg_fp_leave(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);

    if (tc->guest_fp) {
        *guest_fp_control(cpu) |= host_fp_get() & HOST_FP_FLAGS;
        host_fp_set(tc->host_fp_control);
        tc->guest_fp = false;
    }
}

void tcg_fp_control_changed(Cpu *cpu)
{
    if (tcg_cpu(cpu)->guest_fp) {
        host_fp_set((*guest_fp_control(cpu) & 0xffff) | HOST_FP_MASKS);
    }
}

void tcg_fp_control_sync(Cpu *cpu)
{
    if (tcg_cpu(cpu)->guest_fp) {
        *guest_fp_control(cpu) |= host_fp_get() & HOST_FP_FLAGS;
    }
}
