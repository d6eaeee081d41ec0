/* Random guests: what is in memory, the mode that they begin in, and where their code comes from.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_FUZZ_GARBAGE_H
#define GLASSBOX_TESTS_FUZZ_GARBAGE_H

#include "guest-pair.h"

/* Where the guest's code is from. */
typedef enum GarbageCode {
    GARBAGE_BYTES,              /* random bytes */
    GARBAGE_SHAPED,             /* random instructions: valid encodings, mostly */
    GARBAGE_MUTATED,            /* pieces of a real program with a few bytes changed */
    GARBAGE_DEVICES,            /* accesses to ports and device memory */
    GARBAGE_FAULTS,             /* tables that make exceptions raise exceptions */
} GarbageCode;

/* What garbage_setup() is given as `opaque`. */
typedef struct Garbage {
    GarbageCode code;
    const uint8_t *text;        /* GARBAGE_MUTATED: the program */
    size_t text_len;
} Garbage;

PairSetup garbage_setup;

#endif
