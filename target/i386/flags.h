/* The arithmetic flags, kept lazily (state.h): computing, testing and setting them.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything here works on one CPU's state and is called on the thread that owns it. */
#ifndef GLASSBOX_TARGET_I386_FLAGS_H
#define GLASSBOX_TARGET_I386_FLAGS_H

#include "target/i386/state.h"

/* The conditions of Jcc, SETcc and CMOVcc in the order of their encoding. */
enum {
    X86_COND_O, X86_COND_NO, X86_COND_B, X86_COND_AE,
    X86_COND_E, X86_COND_NE, X86_COND_BE, X86_COND_A,
    X86_COND_S, X86_COND_NS, X86_COND_P, X86_COND_NP,
    X86_COND_L, X86_COND_GE, X86_COND_LE, X86_COND_G,
};

/* The parts of the lazy form, as in X86State. */
typedef struct X86LazyFlags {
    uint32_t op;
    uint64_t dst, src, src2, over, step;
} X86LazyFlags;

/* All six arithmetic flags at their places in EFLAGS, from the parts of the lazy form. */
uint32_t x86_flags_from(const X86LazyFlags *f);

/* The same from the state. */
uint32_t x86_flags_compute(const X86State *env);

/* The whole EFLAGS as RFLAGS shows it. */
uint64_t x86_eflags_get(const X86State *env);

/* Sets the whole EFLAGS, bit 1 forced to one, reserved bits to zero. The caller sees to the mode
 * (x86_mode_update). */
void x86_eflags_set(X86State *env, uint64_t value);

/* Is condition `cond` (X86_COND_*) true of these flag bits? */
bool x86_flags_test(uint32_t flags, unsigned cond);

/* For translated code: x86_flags_compute (IR_CALL_READS). */
uint64_t x86_helper_flags(void *env);

#endif
