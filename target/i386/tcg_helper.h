/* C functions that translated x86 code calls for integer instructions too long or too rare for IR.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Called from generated code on the vCPU's thread; env is the X86State. [pure] depend on their
 * arguments alone, [raises] may leave by a guest exception with nothing changed, and take
 * IR_CALL_READS | IR_CALL_RAISES; the others change registers and take IR_CALL_ALL. */
#ifndef GLASSBOX_TARGET_I386_TCG_HELPER_H
#define GLASSBOX_TARGET_I386_TCG_HELPER_H

#include <stdint.h>

/* RCL and RCR of x; how = count | size << 8 | right << 16; flags: the six before. The result, and
 * the six flags after. [pure] */
uint64_t x86_helper_rotate_carry(void *env, uint64_t x, uint64_t how, uint64_t flags);
uint64_t x86_helper_rotate_carry_flags(void *env, uint64_t x, uint64_t how, uint64_t flags);

/* Quotients; #DE when it is none. The remainder is lo - quotient * divisor. high:low by width.
 * [raises] */
uint64_t x86_helper_div64(void *env, uint64_t high, uint64_t low, uint64_t divisor);
uint64_t x86_helper_idiv64(void *env, uint64_t high, uint64_t low, uint64_t divisor);
/* Of a dividend of 64 bits by a divisor (extended to 64 bits) with a quotient of `bits` bits. */
uint64_t x86_helper_div(void *env, uint64_t dividend, uint64_t divisor, uint64_t bits);
uint64_t x86_helper_idiv(void *env, uint64_t dividend, uint64_t divisor, uint64_t bits);

/* Decimal adjustments: ax | flags << 16 in, the same out. [pure]; AAM by 0 raises #DE. */
uint64_t x86_helper_daa(void *env, uint64_t ax_flags);
uint64_t x86_helper_das(void *env, uint64_t ax_flags);
uint64_t x86_helper_aaa(void *env, uint64_t ax_flags);
uint64_t x86_helper_aas(void *env, uint64_t ax_flags);
uint64_t x86_helper_aam(void *env, uint64_t al, uint64_t base);

/* PDEP, PEXT, CRC32 (size bytes of data). [pure] */
uint64_t x86_helper_pdep(void *env, uint64_t src, uint64_t mask);
uint64_t x86_helper_pext(void *env, uint64_t src, uint64_t mask);
uint64_t x86_helper_crc32(void *env, uint64_t crc, uint64_t data, uint64_t size);

/* CMPXCHG16B at a linear address, atomic; #GP unless aligned. Loads rdx:rax when not equal;
 * returns ZF. */
uint64_t x86_helper_cmpxchg16b(void *env, uint64_t addr);

/* ENTER with a nesting level above 0. */
uint64_t x86_helper_enter(void *env, uint64_t frame, uint64_t level, uint64_t size);

/* #GP(0) if pc is beyond CS's limit. [raises] */
uint64_t x86_helper_cs_limit(void *env, uint64_t pc);

/* MFENCE, for the other threads. */
uint64_t x86_helper_fence(void *env);

/* BOUND: #BR unless lower <= index <= upper, signed. [raises] */
uint64_t x86_helper_bound(void *env, uint64_t index, uint64_t lower, uint64_t upper);

/* String instructions with REP: as many iterations as are left or until something wants attention.
 * Registers are exact after every iteration, also when one faults. True if it is done, false if
 * the instruction has to be run again. how: see X86_STR_*. */
uint64_t x86_helper_rep_movs(void *env, uint64_t how);
uint64_t x86_helper_rep_stos(void *env, uint64_t how);
uint64_t x86_helper_rep_lods(void *env, uint64_t how);
uint64_t x86_helper_rep_cmps(void *env, uint64_t how);
uint64_t x86_helper_rep_scas(void *env, uint64_t how);
uint64_t x86_helper_rep_ins(void *env, uint64_t how);
uint64_t x86_helper_rep_outs(void *env, uint64_t how);

#define X86_STR_SIZE(how) ((unsigned)(how) & 15)            /* bytes of an element */
#define X86_STR_ADSIZE(how) ((unsigned)(how) >> 4 & 15)     /* bytes of an address */
#define X86_STR_SEG(how) ((unsigned)(how) >> 8 & 7)         /* of the source */
#define X86_STR_REPNE (1u << 12)                            /* CMPS, SCAS: while not equal */
#define X86_STR_ONCE (1u << 13)                             /* one iteration only */
#define X86_STR_NOREP (1u << 14)                            /* the plain instruction, without rcx */

#endif
