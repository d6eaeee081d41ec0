/* Runs 32-bit and 16-bit code on the host's own CPU, in segments of a local descriptor table.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_TCG_NATIVE_LEGACY_H
#define GLASSBOX_TESTS_TCG_NATIVE_LEGACY_H

#include "tests/tcg/insn-native.h"

/* Data and stack segments of 16-bit code start at INSN_BUFFER and have this limit. */
#define LEGACY_LIMIT (INSN_BUFFER_SIZE - 1)

/* After native_init(). False if the host lets us make no segments or has the addresses taken. */
bool native_legacy_init(void);
/* Runs bytes[len] with the low 32 bits of the first eight registers of *s and its flags; returns
 * the signal it ended in, 0 if none. bits: 32 (flat) or 16. */
int native_legacy_run(InsnState *s, const uint8_t *bytes, unsigned len, unsigned bits);

#endif
