/* Two equal machines without threads, one for each backend: both run the same guest, and every difference between
 * them is a fault of ours.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_FUZZ_GUEST_PAIR_H
#define GLASSBOX_TESTS_FUZZ_GUEST_PAIR_H

#include <glib.h>

#include "hw/i386/pc.h"
#include "target/i386/x86.h"
#include "vm/vm.h"

#define PAIR_RAM (4u << 20)

/* How a run ended. ENDLESS: neither instructions nor an end came for a while, as when delivering an exception
 * raises the next one for ever. */
typedef enum PairEnd { PAIR_BUDGET, PAIR_HALT, PAIR_RESET, PAIR_SHUTDOWN, PAIR_ENDLESS } PairEnd;

typedef struct GuestRig {
    const char *name;           /* of the backend */
    Vm *vm;
    Machine *m;
    MachineOptions opt;
    Cpu *cpu;
    uint8_t *ram;               /* all of it, as the host sees it */
} GuestRig;

typedef struct GuestPair {
    GuestRig rig[2];            /* JIT, interpreter */
} GuestPair;

/* What a guest begins with: writes RAM and the CPU's state (which was just reset) as `seed` says. The caller does
 * what follows from the state. */
typedef void PairSetup(GuestRig *r, uint32_t seed, void *opaque);

void pair_init(GuestPair *p);
void pair_done(GuestPair *p);

/* Runs one guest for that many instructions on both machines, from the same beginning. Fails the test with a
 * description if they differ, and looks for the first instruction that makes a difference. With `step` each
 * instruction and each delivery is a run of its own. */
PairEnd pair_run(GuestPair *p, PairSetup *setup, uint32_t seed, void *opaque, uint64_t budget, bool step);

#endif
