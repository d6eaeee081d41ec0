/* Inside the JIT: the gate to generated code. tcg_exclusive_begin() and _end() close and open it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_GATE_H
#define GLASSBOX_ACCEL_TCG_GATE_H

#include "accel/tcg/tcg_state.h"

/* This vCPU goes into generated code (with the helpers it calls); waits while another one has it closed. */
void gate_enter(Cpu *cpu);
/* This vCPU has left it; harmless when it was not in. */
void gate_leave(Cpu *cpu);

#endif
