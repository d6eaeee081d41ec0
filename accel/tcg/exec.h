/* Inside the JIT: the execution loop's services to the other files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_EXEC_H
#define GLASSBOX_ACCEL_TCG_EXEC_H

#include "accel/tcg/tcg_state.h"

VcpuExit tcg_vcpu_run(Cpu *cpu, const RunArgs *args);
/* Starts the running instruction again, alone and with every access compared with the data points. Nothing
 * of it may have happened yet. */
void tcg_restart_careful(Cpu *cpu, vaddr_t pc) __attribute__((noreturn));
/* Loads the guest's floating-point control into the host, or takes it out; harmless when done already. */
void tcg_fp_enter(Cpu *cpu);
void tcg_fp_leave(Cpu *cpu);

#endif
