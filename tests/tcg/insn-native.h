/* Runs one instruction on the host's own CPU, with all its registers given and taken.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_TCG_INSN_NATIVE_H
#define GLASSBOX_TESTS_TCG_INSN_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

/* What an instruction works on; the same for both CPUs. */
typedef struct InsnState {
    uint64_t gpr[16];
    uint64_t flags;                 /* arithmetic flags and DF */
    uint8_t fx[512] __attribute__((aligned(16)));   /* FXSAVE64 image */
} InsnState;

/* Both CPUs see a data buffer of this size at this address. */
#define INSN_BUFFER 0x20000000ul
#define INSN_BUFFER_SIZE 0x4000ul

/* Maps the buffer and the code page. False if the addresses are taken. */
bool native_init(void);
/* Runs bytes[len] on *s; returns the signal it ended in, 0 if none (*s is then the state after it). */
int native_run(InsnState *s, const uint8_t *bytes, unsigned len);

#endif
