/* The x87 unit: what translated code calls, and its state in the layouts that memory wants.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_X87_H
#define GLASSBOX_TARGET_I386_X87_H

#include "target/i386/state.h"

/* The status word with TOP in it. */
uint16_t x87_status(const X86Fpu *f);
void x87_set_status(X86Fpu *f, uint16_t status);
/* The full tag word, two bits for each physical register: valid, zero, special, empty. */
uint16_t x87_tag_word(const X86Fpu *f);
void x87_set_tag_word(X86Fpu *f, uint16_t tags);
/* FNINIT. */
void x87_init(X86Fpu *f);
/* ST(n)'s physical register. */
static inline uint8_t *x87_st(X86Fpu *f, unsigned n)
{
    return f->st[(f->top + n) & 7];
}

/* All raise what their instruction raises. `code` is opcode << 8 | modrm; `next` is the pc to be remembered. */
/* #MF if an unmasked exception is pending (FWAIT, and before every waiting instruction). */
uint64_t x86_helper_x87_wait(void *env);
/* Register forms; `eflags` for FCMOV; returns EFLAGS after it. */
uint64_t x86_helper_x87_reg(void *env, uint64_t code, uint64_t eflags, uint64_t pc);
/* Memory forms at a linear address; `offset` and `seg` (in code's bits 16..18) are remembered. */
uint64_t x86_helper_x87_mem(void *env, uint64_t code, uint64_t linear, uint64_t offset, uint64_t pc);
/* FNSTENV, FLDENV, FNSAVE, FRSTOR: `form` is 0 for 16 bits real, 1 16 protected, 2 32 real, 3 32 protected. */
uint64_t x86_helper_x87_fstenv(void *env, uint64_t linear, uint64_t form);
uint64_t x86_helper_x87_fldenv(void *env, uint64_t linear, uint64_t form);
uint64_t x86_helper_x87_fsave(void *env, uint64_t linear, uint64_t form);
uint64_t x86_helper_x87_frstor(void *env, uint64_t linear, uint64_t form);
uint64_t x86_helper_x87_fninit(void *env);
uint64_t x86_helper_x87_fnclex(void *env);
uint64_t x86_helper_x87_fldcw(void *env, uint64_t control);
uint64_t x86_helper_x87_status(void *env);
/* FXSAVE, FXRSTOR, XSAVE, XRSTOR; wide: REX.W. */
uint64_t x86_helper_fxsave(void *env, uint64_t linear, uint64_t wide);
uint64_t x86_helper_fxrstor(void *env, uint64_t linear, uint64_t wide);
uint64_t x86_helper_xsave(void *env, uint64_t linear, uint64_t wide, uint64_t optimised);
uint64_t x86_helper_xrstor(void *env, uint64_t linear, uint64_t wide);
/* LDMXCSR: #GP for reserved bits. STMXCSR's value. */
uint64_t x86_helper_ldmxcsr(void *env, uint64_t value);
uint64_t x86_helper_stmxcsr(void *env);
/* Around an SSE operation with exceptions unmasked: begin forgets the host's flags, end raises #XM if the
 * operation met an unmasked one. */
uint64_t x86_helper_sse_begin(void *env);
uint64_t x86_helper_sse_end(void *env);
/* MASKMOVQ, MASKMOVDQU: data and mask as offsets in env, `count` bytes. */
uint64_t x86_helper_maskmov(void *env, uint64_t linear, uint64_t data, uint64_t mask, uint64_t count);

#endif
