/* All of a vCPU's state in one piece, and the table that describes it for checkpoints.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_X86_STATE_H
#define GLASSBOX_TARGET_I386_X86_STATE_H

#include "target/i386/lapic.h"
#include "target/i386/state.h"
#include "vm/state.h"

/* What env points at. */
typedef struct X86Full {
    X86State s;
    X86Lapic lapic;
} X86Full;

extern const StateField x86_state_fields[];

#endif
