/* Inside the x86 front end: the translators of integer and system instructions, and the numbers
 * that their table rows give them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_TCG_INT_H
#define GLASSBOX_TARGET_I386_TCG_INT_H

#include "target/i386/tcg_insn.h"

/* Values of X86InsnRow.arg. */
enum { X86_ALU_ADD, X86_ALU_OR, X86_ALU_ADC, X86_ALU_SBB, X86_ALU_AND, X86_ALU_SUB, X86_ALU_XOR };
enum { X86_BT, X86_BTS, X86_BTR, X86_BTC };
enum { X86_BLSR, X86_BLSMSK, X86_BLSI };
enum { X86_MOVS, X86_STOS, X86_LODS, X86_CMPS, X86_SCAS, X86_INS, X86_OUTS };
enum {
    X86_SYS_SWAPGS,
    X86_SYS_CLTS,
    X86_SYS_WBINVD,
    X86_SYS_CLAC,
    X86_SYS_STAC,
    X86_SYS_RDMSR,
    X86_SYS_WRMSR,
    X86_SYS_RDTSC,
    X86_SYS_RDTSCP,
    X86_SYS_RDPMC,
    X86_SYS_CPUID,
    X86_SYS_XGETBV,
    X86_SYS_XSETBV,
    X86_SYS_STI,
};

/* tcg_int_move.c */
void x86tr_mov(X86Tr *);
void x86tr_mov_extend(X86Tr *);
void x86tr_movnti(X86Tr *);
void x86tr_mov_swapped(X86Tr *);
void x86tr_bswap(X86Tr *);
void x86tr_lea_insn(X86Tr *);
void x86tr_xchg(X86Tr *);
void x86tr_xlat(X86Tr *);
void x86tr_extend_acc(X86Tr *);
void x86tr_spread_acc(X86Tr *);
void x86tr_setcc(X86Tr *);
void x86tr_cmovcc(X86Tr *);
void x86tr_push_insn(X86Tr *);
void x86tr_pop_insn(X86Tr *);
void x86tr_pusha(X86Tr *);
void x86tr_popa(X86Tr *);
void x86tr_enter(X86Tr *);
void x86tr_leave(X86Tr *);

/* tcg_int_alu.c */
void x86tr_alu(X86Tr *);
void x86tr_cmp(X86Tr *);
void x86tr_test(X86Tr *);
void x86tr_incdec(X86Tr *);
void x86tr_neg(X86Tr *);
void x86tr_not(X86Tr *);
void x86tr_adx(X86Tr *);
void x86tr_xadd(X86Tr *);
void x86tr_cmpxchg(X86Tr *);
void x86tr_cmpxchg8b(X86Tr *);
void x86tr_cmpxchg16b(X86Tr *);

/* tcg_int_shift.c */
void x86tr_shift(X86Tr *);
void x86tr_rotate(X86Tr *);
void x86tr_rotate_carry(X86Tr *);
void x86tr_double_shift(X86Tr *);
void x86tr_shift_x(X86Tr *);
void x86tr_rorx(X86Tr *);

/* tcg_int_mul.c */
void x86tr_imul(X86Tr *);
void x86tr_mul(X86Tr *);
void x86tr_mulx(X86Tr *);
void x86tr_div(X86Tr *);
void x86tr_decimal(X86Tr *);
void x86tr_aam(X86Tr *);
void x86tr_aad(X86Tr *);

/* tcg_int_bits.c */
void x86tr_bit_test(X86Tr *);
void x86tr_bsf(X86Tr *);
void x86tr_bsr(X86Tr *);
void x86tr_tzcnt(X86Tr *);
void x86tr_lzcnt(X86Tr *);
void x86tr_popcnt(X86Tr *);
void x86tr_andn(X86Tr *);
void x86tr_lowest_bit(X86Tr *);
void x86tr_bextr(X86Tr *);
void x86tr_bzhi(X86Tr *);
void x86tr_bit_scatter(X86Tr *);
void x86tr_crc32(X86Tr *);

/* tcg_int_string.c */
void x86tr_string(X86Tr *);

/* tcg_int_flow.c */
void x86tr_jmp(X86Tr *);
void x86tr_call_insn(X86Tr *);
void x86tr_ret(X86Tr *);
void x86tr_jcc(X86Tr *);
void x86tr_jcxz(X86Tr *);
void x86tr_loop(X86Tr *);
void x86tr_far(X86Tr *, bool call);
void x86tr_iret(X86Tr *);
void x86tr_load_far(X86Tr *);
void x86tr_int(X86Tr *);
void x86tr_int3(X86Tr *);
void x86tr_icebp(X86Tr *);
void x86tr_into(X86Tr *);
void x86tr_bound(X86Tr *);
void x86tr_ud(X86Tr *);

/* tcg_int_sys.c */
void x86tr_plain(X86Tr *);
void x86tr_nop(X86Tr *);
void x86tr_fence(X86Tr *);
void x86tr_flush_line(X86Tr *);
void x86tr_pause(X86Tr *);
void x86tr_hlt(X86Tr *);
void x86tr_syscall(X86Tr *);
void x86tr_sysret(X86Tr *);
void x86tr_sysenter(X86Tr *);
void x86tr_sysexit(X86Tr *);
void x86tr_table_register(X86Tr *);
void x86tr_load_system_seg(X86Tr *);
void x86tr_store_system(X86Tr *);
void x86tr_verify(X86Tr *);
void x86tr_access_rights(X86Tr *);
void x86tr_arpl(X86Tr *);
void x86tr_mov_control(X86Tr *);
void x86tr_lmsw(X86Tr *);
void x86tr_invlpg(X86Tr *);
void x86tr_invpcid(X86Tr *);
void x86tr_rdpid(X86Tr *);
void x86tr_segment_base(X86Tr *);
void x86tr_cli(X86Tr *);
void x86tr_direction(X86Tr *);
void x86tr_carry(X86Tr *);
void x86tr_lahf(X86Tr *);
void x86tr_sahf(X86Tr *);
void x86tr_salc(X86Tr *);
void x86tr_pushf(X86Tr *);
void x86tr_popf(X86Tr *);
void x86tr_in(X86Tr *);
void x86tr_out(X86Tr *);

#endif
