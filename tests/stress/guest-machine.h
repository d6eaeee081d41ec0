/* Test helper: the embedded guest on a real machine under the JIT, with a debug core; and what
 * its state comes to.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_STRESS_GUEST_MACHINE_H
#define GLASSBOX_TESTS_STRESS_GUEST_MACHINE_H

#include "debug/debug.h"
#include "hw/i386/pc.h"

typedef struct GuestMachine {
    Vm *vm;
    Machine *m;
    MachineOptions opt;
    Debug *d;
    unsigned ncpus;
    char *image;                /* the kernel's ELF file */
} GuestMachine;

/* Makes the machine, parked at its start. `accel` are the accelerator's options. One to a
 * process: it is not taken apart. */
void gm_init(GuestMachine *g, const char *kernel, const char *append, const char *accel,
             unsigned ncpus, uint64_t ram_size);
/* A symbol of the kernel (64-bit ELF). Asserts that there is one. */
uint64_t gm_symbol(const GuestMachine *g, const char *name);
/* What RAM, and all registers of all CPUs but running counters, come to. */
uint64_t gm_hash_memory(const GuestMachine *g);
uint64_t gm_hash_registers(const GuestMachine *g);
/* Runs fn in a child process and returns the `size` bytes that it left in out. Asserts that it
 * came to its end. */
void gm_apart(void (*fn)(void *out, const void *arg), const void *arg, void *out, size_t size);

#endif
