/* Inside the JIT: from guest code to a block.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_TRANSLATE_H
#define GLASSBOX_ACCEL_TCG_TRANSLATE_H

#include "accel/tcg/tcg_state.h"

/* Finds or makes the block for a pc and mode; the vCPU is not in generated code. NULL: fetching raised, the
 * exception is in the state. */
TcgBlock *tcg_block_get(Cpu *cpu, vaddr_t pc, uint64_t mode);

#endif
