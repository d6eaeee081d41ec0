/* Inside the x86 front end: SSE, MMX and x87 translators that share a table (tcg_sse.c).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_TCG_VEC_H
#define GLASSBOX_TARGET_I386_TCG_VEC_H

#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_insn.h"

/* --- tcg_sse.c --- */
/* #UD or #NM where SSE may not be used now; then false. */
bool x86tr_sse_ok(X86Tr *);
/* The form with an 8-bit constant of a shift by a vector. */
unsigned x86tr_shift_by_constant(unsigned vop);
/* Operand n as a word: a general register's low bits, or 2 bytes of memory. */
IrRef x86tr_word_operand(X86Tr *, unsigned n);

/* --- tcg_mmx.c --- */
void x86tr_mmx_v2(X86Tr *, unsigned vop);
void x86tr_mmx_shift(X86Tr *, unsigned vop);
void x86tr_mmx_movd(X86Tr *);
void x86tr_mmx_mask(X86Tr *);
void x86tr_mmx_pextrw(X86Tr *);
void x86tr_mmx_pinsrw(X86Tr *);
void x86tr_mmx_pshufw(X86Tr *);
void x86tr_mmx_movntq(X86Tr *);
void x86tr_mmx_maskmovq(X86Tr *);
void x86tr_mmx_emms(X86Tr *);
void x86tr_movq2dq(X86Tr *);
void x86tr_movdq2q(X86Tr *);
/* Conversions between an MMX and an XMM register; row->arg is the vector operation. */
void x86tr_cvt_from_mmx(X86Tr *);
void x86tr_cvt_to_mmx(X86Tr *);
/* Linear address of DS:rDI for MASKMOVQ and MASKMOVDQU. */
IrRef x86tr_mask_address(X86Tr *, unsigned size);

#define X86_ROWS_MMX \
    { ZYDIS_MNEMONIC_PSHUFW, 0, X86_F_SSE, 0, x86tr_mmx_pshufw, 0 }, \
    { ZYDIS_MNEMONIC_MOVNTQ, 0, X86_F_SSE, 0, x86tr_mmx_movntq, 0 }, \
    { ZYDIS_MNEMONIC_MASKMOVQ, 0, X86_F_SSE, 0, x86tr_mmx_maskmovq, 0 }, \
    { ZYDIS_MNEMONIC_EMMS, 0, X86_F_MMX, 0, x86tr_mmx_emms, 0 }, \
    { ZYDIS_MNEMONIC_MOVQ2DQ, 0, X86_F_SSE2, 0, x86tr_movq2dq, 0 }, \
    { ZYDIS_MNEMONIC_MOVDQ2Q, 0, X86_F_SSE2, 0, x86tr_movdq2q, 0 }

/* --- tcg_x87.c --- */
void x86tr_x87(X86Tr *);
void x86tr_x87_wait(X86Tr *);

#define X87(m) { ZYDIS_MNEMONIC_##m, 0, X86_F_FPU, 0, x86tr_x87, 0 }
#define X86_ROWS_X87 \
    X87(F2XM1), X87(FABS), X87(FADD), X87(FADDP), X87(FBLD), X87(FBSTP), X87(FCHS), X87(FCMOVB), X87(FCMOVBE), \
    X87(FCMOVE), X87(FCMOVNB), X87(FCMOVNBE), X87(FCMOVNE), X87(FCMOVNU), X87(FCMOVU), X87(FCOM), X87(FCOMI), \
    X87(FCOMIP), X87(FCOMP), X87(FCOMPP), X87(FCOS), X87(FDECSTP), X87(FDIV), X87(FDIVP), X87(FDIVR), \
    X87(FDIVRP), X87(FFREE), X87(FFREEP), X87(FIADD), X87(FICOM), X87(FICOMP), X87(FIDIV), X87(FIDIVR), \
    X87(FILD), X87(FIMUL), X87(FINCSTP), X87(FIST), X87(FISTP), X87(FISUB), X87(FISUBR), X87(FLD), X87(FLD1), \
    X87(FLDCW), X87(FLDENV), X87(FLDL2E), X87(FLDL2T), X87(FLDLG2), X87(FLDLN2), X87(FLDPI), X87(FLDZ), \
    X87(FMUL), X87(FMULP), X87(FNCLEX), X87(FNINIT), X87(FNOP), X87(FNSAVE), X87(FNSTCW), X87(FNSTENV), \
    X87(FNSTSW), X87(FPATAN), X87(FPREM), X87(FPREM1), X87(FPTAN), X87(FRNDINT), X87(FRSTOR), X87(FSCALE), \
    X87(FSIN), X87(FSINCOS), X87(FSQRT), X87(FST), X87(FSTP), X87(FSTPNCE), X87(FSUB), X87(FSUBP), X87(FSUBR), \
    X87(FSUBRP), X87(FTST), X87(FUCOM), X87(FUCOMI), X87(FUCOMIP), X87(FUCOMP), X87(FUCOMPP), X87(FXAM), \
    X87(FXCH), X87(FXTRACT), X87(FYL2X), X87(FYL2XP1), X87(FENI8087_NOP), X87(FDISI8087_NOP), \
    X87(FSETPM287_NOP), { ZYDIS_MNEMONIC_FWAIT, 0, X86_F_FPU, 0, x86tr_x87_wait, 0 }

#endif
