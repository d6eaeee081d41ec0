/* Translates SSE and SSE2: tables of operations that are one vector operation of the IR, and the moves and
 * conversions that are not.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_vec.h"
#include "target/i386/x87.h"

/* ---- what every SSE instruction asks first ---- */

bool x86tr_sse_ok(X86Tr *tr)
{
    if ((tr->mode & X86_MODE_EM) || !(tr->mode & X86_MODE_OSFXSR)) {
        x86tr_raise(tr, X86_EXC_UD);
        return false;
    }
    if (tr->mode & X86_MODE_TS) {
        x86tr_raise(tr, X86_EXC_NM);
        return false;
    }
    return true;
}

static bool is_xmm(const ZydisDecodedOperand *o)
{
    return x86tr_is_reg(o) && o->reg.value >= ZYDIS_REGISTER_XMM0 && o->reg.value <= ZYDIS_REGISTER_XMM15;
}

static IrRef xmm(const X86Tr *tr, unsigned n)
{
    return G_XMM(tr->op[n].reg.value - ZYDIS_REGISTER_XMM0);
}

/* Operand n must be aligned to 16 bytes: #GP(0). The IR's alignment check serves, but where the mode has it mean
 * the alignment exception. */
static unsigned aligned_mop(X86Tr *tr, X86Addr a)
{
    int label;
    IrRef t;

    if (!(tr->mode & X86_MODE_AC)) {
        return MO_128 | MO_ALIGN;
    }
    label = ir_label(tr->ir);
    t = ir_temp(tr->ir);
    ir_lea(tr->ir, IR_I64, t, a.base, IR_NONE, 0, a.disp);
    ir_brcond(tr->ir, IR_TSTEQ, IR_I64, t, ir_const(tr->ir, 15), label);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_raise_error, ir_const(tr->ir, X86_EXC_GP), ir_const(tr->ir, 0),
               IR_NONE, IR_NONE);
    ir_put_label(tr->ir, label);
    return MO_128;
}

static void load128(X86Tr *tr, IrRef d, unsigned n, bool aligned)
{
    X86Addr a = x86tr_addr(tr, &tr->op[n], 16, X86_READ);
    unsigned mop = MO_128;

    if (aligned) {
        mop = aligned_mop(tr, a);
        if (mop == MO_128) {
            a = x86tr_addr(tr, &tr->op[n], 16, X86_READ);   /* temporaries died at the label */
        }
    }
    ir_ld(tr->ir, d, a.base, a.disp, mop, tr->mmu);
}

static void store128(X86Tr *tr, unsigned n, IrRef v, bool aligned)
{
    X86Addr a = x86tr_addr(tr, &tr->op[n], 16, X86_WRITE);
    unsigned mop = MO_128;

    if (aligned) {
        mop = aligned_mop(tr, a);
        if (mop == MO_128) {
            a = x86tr_addr(tr, &tr->op[n], 16, X86_WRITE);
        }
    }
    ir_st(tr->ir, a.base, a.disp, v, mop, tr->mmu);
}

/* Operand n as a vector: a register, or `size` bytes of memory (16: aligned). */
static IrRef vec_read(X86Tr *tr, unsigned n, unsigned size)
{
    IrRef t;

    if (x86tr_is_reg(&tr->op[n])) {
        return xmm(tr, n);
    }
    t = ir_vtemp(tr->ir);
    if (size == 16) {
        load128(tr, t, n, true);
    } else {
        X86Addr a = x86tr_addr(tr, &tr->op[n], size, X86_READ);

        ir_ld(tr->ir, t, a.base, a.disp, x86tr_mop(tr, size == 8 ? MO_64V : MO_32V), tr->mmu);
    }
    return t;
}

/* ---- arithmetic ---- */

/* row->arg: the operation, the bytes it reads in memory, and whether it can raise SSE exceptions. */
#define ARG(vop, size, fp) ((vop) | (uint32_t)(size) << 16 | (uint32_t)(fp) << 24)
#define ARG_VOP(tr) ((tr)->row->arg & 0xffff)
#define ARG_SIZE(tr) ((tr)->row->arg >> 16 & 0xff)
#define ARG_FP(tr) ((tr)->row->arg >> 24)

static bool careful_fp(const X86Tr *tr)
{
    return ARG_FP(tr) && (tr->mode & X86_MODE_FPEXC);
}

static void fp_begin(X86Tr *tr)
{
    if (careful_fp(tr)) {
        ir_call(tr->ir, IR_CALL_READS | IR_CALL_EFFECT, IR_NONE, (void *)x86_helper_sse_begin, IR_NONE, IR_NONE,
                IR_NONE, IR_NONE);
    }
}

static void fp_end(X86Tr *tr)
{
    if (careful_fp(tr)) {
        x86tr_call(tr, IR_NONE, (void *)x86_helper_sse_end, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    }
}

/* Where the result goes: the register, or with unmasked exceptions first a temporary. */
static IrRef fp_dest(X86Tr *tr, IrRef reg)
{
    return careful_fp(tr) ? ir_vtemp(tr->ir) : reg;
}

static void fp_done(X86Tr *tr, IrRef reg, IrRef d)
{
    fp_end(tr);
    if (d != reg) {
        ir_mov(tr->ir, IR_V128, reg, d);
    }
}

static uint8_t imm8(const X86Tr *tr, unsigned n)
{
    return (uint8_t)tr->op[n].imm.value.u;
}

/* op xmm, xmm/m */
static void sse_v2(X86Tr *tr)
{
    IrRef s, d;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    s = vec_read(tr, 1, ARG_SIZE(tr));
    fp_begin(tr);
    d = fp_dest(tr, xmm(tr, 0));
    ir_vop2(tr->ir, ARG_VOP(tr), d, xmm(tr, 0), s, tr->insn.operand_count_visible > 2 ? imm8(tr, 2) : 0);
    fp_done(tr, xmm(tr, 0), d);
}

/* op xmm, xmm/m [, imm8]: the destination is not read */
static void sse_v1(X86Tr *tr)
{
    IrRef s, d;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    s = vec_read(tr, 1, ARG_SIZE(tr));
    fp_begin(tr);
    d = fp_dest(tr, xmm(tr, 0));
    ir_vop1(tr->ir, ARG_VOP(tr), d, s, tr->insn.operand_count_visible > 2 ? imm8(tr, 2) : 0);
    fp_done(tr, xmm(tr, 0), d);
}

static const struct { uint16_t by_vector, by_constant; } shift_pair[] = {
    { VOP_PSLLW, VOP_PSLLW_I }, { VOP_PSLLD, VOP_PSLLD_I }, { VOP_PSLLQ, VOP_PSLLQ_I },
    { VOP_PSRLW, VOP_PSRLW_I }, { VOP_PSRLD, VOP_PSRLD_I }, { VOP_PSRLQ, VOP_PSRLQ_I },
    { VOP_PSRAW, VOP_PSRAW_I }, { VOP_PSRAD, VOP_PSRAD_I },
};

unsigned x86tr_shift_by_constant(unsigned vop)
{
    for (unsigned n = 0; n < G_N_ELEMENTS(shift_pair); n++) {
        if (shift_pair[n].by_vector == vop) {
            return shift_pair[n].by_constant;
        }
    }
    return vop;
}

static void sse_shift(X86Tr *tr)
{
    if (tr->op[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        sse_v2(tr);
    } else if (x86tr_sse_ok(tr)) {
        ir_vop1(tr->ir, x86tr_shift_by_constant(ARG_VOP(tr)), xmm(tr, 0), xmm(tr, 0), imm8(tr, 1));
    }
}

/* One row serves the MMX form too where the mnemonic and the operation are the same. */
static void int_v2(X86Tr *tr)
{
    if (is_xmm(&tr->op[0])) {
        sse_v2(tr);
    } else {
        x86tr_mmx_v2(tr, ARG_VOP(tr));
    }
}

static void int_shift(X86Tr *tr)
{
    if (is_xmm(&tr->op[0])) {
        sse_shift(tr);
    } else {
        x86tr_mmx_shift(tr, ARG_VOP(tr));
    }
}

static void sse_compare(X86Tr *tr)
{
    IrRef t, s;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    s = vec_read(tr, 1, ARG_SIZE(tr));
    fp_begin(tr);
    t = ir_temp(tr->ir);
    ir_vcmpf(tr->ir, ARG_VOP(tr), t, xmm(tr, 0), s);
    if (careful_fp(tr)) {
        IrRef l = ir_local(tr->ir);

        ir_mov(tr->ir, IR_I64, l, t);
        fp_end(tr);
        t = l;
    }
    x86tr_cc_set_eflags(tr, t);
}

/* ---- moves ---- */

/* MOVAPS and MOVDQA (arg 1: aligned), MOVUPS, MOVDQU, and the non-temporal stores. */
static void sse_move(X86Tr *tr)
{
    bool aligned = tr->row->arg;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    if (x86tr_is_mem(&tr->op[0])) {
        store128(tr, 0, xmm(tr, 1), aligned);
    } else if (x86tr_is_mem(&tr->op[1])) {
        load128(tr, xmm(tr, 0), 1, aligned);
    } else {
        ir_mov(tr->ir, IR_V128, xmm(tr, 0), xmm(tr, 1));
    }
}

/* MOVSS, MOVSD: arg is the merge of the register form; loads zero the rest. */
static void sse_move_scalar(X86Tr *tr)
{
    unsigned size = tr->row->arg == VOP_MOVSS ? 4 : 8, mop = size == 4 ? MO_32V : MO_64V;
    X86Addr a;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    if (x86tr_is_mem(&tr->op[0])) {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        ir_st(tr->ir, a.base, a.disp, xmm(tr, 1), x86tr_mop(tr, mop), tr->mmu);
    } else if (x86tr_is_mem(&tr->op[1])) {
        a = x86tr_addr(tr, &tr->op[1], size, X86_READ);
        ir_ld(tr->ir, xmm(tr, 0), a.base, a.disp, x86tr_mop(tr, mop), tr->mmu);
    } else {
        ir_vop2(tr->ir, tr->row->arg, xmm(tr, 0), xmm(tr, 0), xmm(tr, 1), 0);
    }
}

/* MOVLPS, MOVLPD (arg 0), MOVHPS, MOVHPD (arg 1): 8 bytes of memory and one half of a register. */
static void sse_move_half(X86Tr *tr)
{
    bool high = tr->row->arg;
    IrRef t;
    X86Addr a;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    t = ir_vtemp(tr->ir);
    if (x86tr_is_mem(&tr->op[1])) {
        a = x86tr_addr(tr, &tr->op[1], 8, X86_READ);
        ir_ld(tr->ir, t, a.base, a.disp, x86tr_mop(tr, MO_64V), tr->mmu);
        ir_vop2(tr->ir, high ? VOP_MOVLHPS : VOP_MOVSD, xmm(tr, 0), xmm(tr, 0), t, 0);
        return;
    }
    a = x86tr_addr(tr, &tr->op[0], 8, X86_WRITE);
    if (high) {
        ir_vop2(tr->ir, VOP_PUNPCKHQDQ, t, xmm(tr, 1), xmm(tr, 1), 0);
    }
    ir_st(tr->ir, a.base, a.disp, high ? t : xmm(tr, 1), x86tr_mop(tr, MO_64V), tr->mmu);
}

static void sse_move_halves(X86Tr *tr)
{
    if (x86tr_sse_ok(tr)) {
        ir_vop2(tr->ir, tr->row->arg, xmm(tr, 0), xmm(tr, 0), xmm(tr, 1), 0);
    }
}

/* MOVD, MOVQ between general registers or memory and vector registers; MOVQ between vector registers. */
static void sse_movd(X86Tr *tr)
{
    bool wide = tr->row->mnemonic == ZYDIS_MNEMONIC_MOVQ;
    unsigned size = wide ? 8 : 4;
    IrRef t;
    X86Addr a;

    if (!is_xmm(&tr->op[0]) && !is_xmm(&tr->op[1])) {
        x86tr_mmx_movd(tr);
        return;
    }
    if (!x86tr_sse_ok(tr)) {
        return;
    }
    if (is_xmm(&tr->op[0])) {
        if (x86tr_is_mem(&tr->op[1])) {
            a = x86tr_addr(tr, &tr->op[1], size, X86_READ);
            ir_ld(tr->ir, xmm(tr, 0), a.base, a.disp, x86tr_mop(tr, wide ? MO_64V : MO_32V), tr->mmu);
        } else if (is_xmm(&tr->op[1])) {
            t = ir_temp(tr->ir);
            ir_vtoi(tr->ir, VOP_MOVQ_TO, t, xmm(tr, 1), 0);
            ir_itov(tr->ir, VOP_MOVQ_FROM, xmm(tr, 0), IR_NONE, t, 0);
        } else {
            ir_itov(tr->ir, wide ? VOP_MOVQ_FROM : VOP_MOVD_FROM, xmm(tr, 0), IR_NONE, x86tr_op_read(tr, 1), 0);
        }
        return;
    }
    if (x86tr_is_mem(&tr->op[0])) {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        ir_st(tr->ir, a.base, a.disp, xmm(tr, 1), x86tr_mop(tr, wide ? MO_64V : MO_32V), tr->mmu);
        return;
    }
    t = ir_temp(tr->ir);
    ir_vtoi(tr->ir, wide ? VOP_MOVQ_TO : VOP_MOVD_TO, t, xmm(tr, 1), 0);
    x86tr_reg_write(tr, tr->op[0].reg.value, t);
}

static void sse_movnti(X86Tr *tr)
{
    x86tr_op_write(tr, 0, x86tr_op_read(tr, 1));
}

/* MOVMSKPS, MOVMSKPD, PMOVMSKB */
static void sse_mask(X86Tr *tr)
{
    IrRef t;

    if (!is_xmm(&tr->op[1])) {
        x86tr_mmx_mask(tr);
        return;
    }
    if (!x86tr_sse_ok(tr)) {
        return;
    }
    t = ir_temp(tr->ir);
    ir_vtoi(tr->ir, tr->row->arg, t, xmm(tr, 1), 0);
    x86tr_reg_write(tr, tr->op[0].reg.value, t);
}

static void sse_pextrw(X86Tr *tr)
{
    IrRef t;

    if (!is_xmm(&tr->op[1])) {
        x86tr_mmx_pextrw(tr);
        return;
    }
    if (!x86tr_sse_ok(tr)) {
        return;
    }
    t = ir_temp(tr->ir);
    ir_vtoi(tr->ir, VOP_PEXTRW, t, xmm(tr, 1), imm8(tr, 2) & 7);
    x86tr_reg_write(tr, tr->op[0].reg.value, t);
}

IrRef x86tr_word_operand(X86Tr *tr, unsigned n)
{
    X86Addr a;
    IrRef t;

    if (x86tr_is_reg(&tr->op[n])) {
        return x86tr_reg_read(tr, tr->op[n].reg.value);
    }
    t = ir_temp(tr->ir);
    a = x86tr_addr(tr, &tr->op[n], 2, X86_READ);
    x86tr_load(tr, t, a, MO_16);
    return t;
}

static void sse_pinsrw(X86Tr *tr)
{
    if (!is_xmm(&tr->op[0])) {
        x86tr_mmx_pinsrw(tr);
    } else if (x86tr_sse_ok(tr)) {
        ir_itov(tr->ir, VOP_PINSRW, xmm(tr, 0), xmm(tr, 0), x86tr_word_operand(tr, 1), imm8(tr, 2) & 7);
    }
}

/* ---- conversions ---- */

/* CVTSI2SS, CVTSI2SD: arg is the 32-bit form, the 64-bit one follows it. */
static void sse_from_int(X86Tr *tr)
{
    bool wide = tr->op[1].size == 64;
    IrRef s, d;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    s = x86tr_op_read(tr, 1);
    fp_begin(tr);
    d = fp_dest(tr, xmm(tr, 0));
    ir_itov(tr->ir, ARG_VOP(tr) + wide, d, xmm(tr, 0), s, 0);
    fp_done(tr, xmm(tr, 0), d);
}

/* CVTSS2SI and kin: arg is the 32-bit form, the 64-bit one follows it. */
static void sse_to_int(X86Tr *tr)
{
    bool wide = tr->op[0].size == 64;
    IrRef s, t;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    s = vec_read(tr, 1, ARG_SIZE(tr));
    fp_begin(tr);
    t = ir_temp(tr->ir);
    ir_vtoi(tr->ir, ARG_VOP(tr) + wide, t, s, 0);
    if (careful_fp(tr)) {
        IrRef l = ir_local(tr->ir);

        ir_mov(tr->ir, IR_I64, l, t);
        fp_end(tr);
        t = l;
    }
    x86tr_reg_write(tr, tr->op[0].reg.value, t);
}

/* ---- state ---- */

static void sse_ldmxcsr(X86Tr *tr)
{
    IrRef t;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    t = ir_temp(tr->ir);
    x86tr_load(tr, t, x86tr_addr(tr, &tr->op[0], 4, X86_READ), MO_32);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_ldmxcsr, t, IR_NONE, IR_NONE, IR_NONE);
    x86tr_exit_next(tr, tr->next);      /* the mode may have changed */
}

static void sse_stmxcsr(X86Tr *tr)
{
    IrRef t;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    t = ir_temp(tr->ir);
    ir_call(tr->ir, IR_CALL_READS | IR_CALL_EFFECT, t, (void *)x86_helper_stmxcsr, IR_NONE, IR_NONE, IR_NONE,
            IR_NONE);
    x86tr_store(tr, x86tr_addr(tr, &tr->op[0], 4, X86_WRITE), t, MO_32);
}

static void sse_maskmovdqu(X86Tr *tr)
{
    IrRef linear;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    linear = x86tr_mask_address(tr, 16);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_maskmov, linear,
               ir_const(tr->ir, offsetof(X86State, xmm) + 16 * (tr->op[0].reg.value - ZYDIS_REGISTER_XMM0)),
               ir_const(tr->ir, offsetof(X86State, xmm) + 16 * (tr->op[1].reg.value - ZYDIS_REGISTER_XMM0)),
               ir_const(tr->ir, 16));
}

/* FXSAVE and FXRSTOR, XSAVE and XRSTOR: arg is the helper; bit 0 of `sub` in the table says XSAVE. */
static void save_area(X86Tr *tr, void *helper, bool xsave, unsigned size, X86Access access)
{
    bool wide = tr->insn.raw.rex.W;
    IrRef linear;

    if (xsave && !(tr->mode & X86_MODE_OSXSAVE)) {
        x86tr_raise(tr, X86_EXC_UD);
        return;
    }
    if (!xsave && (tr->mode & X86_MODE_EM)) {
        x86tr_raise(tr, X86_EXC_NM);
        return;
    }
    if (tr->mode & X86_MODE_TS) {
        x86tr_raise(tr, X86_EXC_NM);
        return;
    }
    linear = x86tr_linear(tr, &tr->op[0], size, access);
    x86tr_call(tr, IR_NONE, helper, linear, ir_const(tr->ir, wide), ir_const(tr->ir, tr->row->arg), IR_NONE);
    if (access == X86_READ) {
        x86tr_exit_next(tr, tr->next);
    }
}

static void sse_fxsave(X86Tr *tr)
{
    save_area(tr, (void *)x86_helper_fxsave, false, 512, X86_WRITE);
}

static void sse_fxrstor(X86Tr *tr)
{
    save_area(tr, (void *)x86_helper_fxrstor, false, 512, X86_READ);
}

static void sse_xsave(X86Tr *tr)
{
    save_area(tr, (void *)x86_helper_xsave, true, 576, X86_WRITE);
}

static void sse_xrstor(X86Tr *tr)
{
    save_area(tr, (void *)x86_helper_xrstor, true, 576, X86_READ);
}

/* ---- the table ---- */

#define M(m) ZYDIS_MNEMONIC_##m
#define ISA(i) ZYDIS_ISA_SET_##i
/* Integer operations that MMX has too: its rows come first. */
#define BOTH(m, fn, vop) \
    { M(m), ISA(PENTIUMMMX), X86_F_MMX, 0, fn, ARG(VOP_##vop, 16, 0) }, \
    { M(m), ISA(SSE2MMX), X86_F_SSE2, 0, fn, ARG(VOP_##vop, 16, 0) }, \
    { M(m), ISA(SSE), X86_F_SSE, 0, fn, ARG(VOP_##vop, 16, 0) }, \
    { M(m), ISA(SSE2), X86_F_SSE2, 0, fn, ARG(VOP_##vop, 16, 0) }
#define SSE2(m, fn, arg) { M(m), ISA(SSE2), X86_F_SSE2, 0, fn, arg }
#define SSE1(m, fn, arg) { M(m), ISA(SSE), X86_F_SSE, 0, fn, arg }
#define FOUR(o, fn) \
    SSE1(o##PS, fn, ARG(VOP_##o##PS, 16, 1)), SSE2(o##PD, fn, ARG(VOP_##o##PD, 16, 1)), \
    SSE1(o##SS, sse_v2, ARG(VOP_##o##SS, 4, 1)), SSE2(o##SD, sse_v2, ARG(VOP_##o##SD, 8, 1))

#define ROWS_INTEGER \
    BOTH(PADDB, int_v2, PADDB), BOTH(PADDW, int_v2, PADDW), BOTH(PADDD, int_v2, PADDD), \
    BOTH(PADDQ, int_v2, PADDQ), BOTH(PSUBB, int_v2, PSUBB), BOTH(PSUBW, int_v2, PSUBW), \
    BOTH(PSUBD, int_v2, PSUBD), BOTH(PSUBQ, int_v2, PSUBQ), BOTH(PADDSB, int_v2, PADDSB), \
    BOTH(PADDSW, int_v2, PADDSW), BOTH(PADDUSB, int_v2, PADDUSB), BOTH(PADDUSW, int_v2, PADDUSW), \
    BOTH(PSUBSB, int_v2, PSUBSB), BOTH(PSUBSW, int_v2, PSUBSW), BOTH(PSUBUSB, int_v2, PSUBUSB), \
    BOTH(PSUBUSW, int_v2, PSUBUSW), BOTH(PMULLW, int_v2, PMULLW), BOTH(PMULHW, int_v2, PMULHW), \
    BOTH(PMULHUW, int_v2, PMULHUW), BOTH(PMULUDQ, int_v2, PMULUDQ), BOTH(PMADDWD, int_v2, PMADDWD), \
    BOTH(PAVGB, int_v2, PAVGB), BOTH(PAVGW, int_v2, PAVGW), BOTH(PSADBW, int_v2, PSADBW), \
    BOTH(PMINUB, int_v2, PMINUB), BOTH(PMAXUB, int_v2, PMAXUB), BOTH(PMINSW, int_v2, PMINSW), \
    BOTH(PMAXSW, int_v2, PMAXSW), BOTH(PCMPEQB, int_v2, PCMPEQB), BOTH(PCMPEQW, int_v2, PCMPEQW), \
    BOTH(PCMPEQD, int_v2, PCMPEQD), BOTH(PCMPGTB, int_v2, PCMPGTB), BOTH(PCMPGTW, int_v2, PCMPGTW), \
    BOTH(PCMPGTD, int_v2, PCMPGTD), BOTH(PAND, int_v2, PAND), BOTH(PANDN, int_v2, PANDN), \
    BOTH(POR, int_v2, POR), BOTH(PXOR, int_v2, PXOR), \
    BOTH(PSLLW, int_shift, PSLLW), BOTH(PSLLD, int_shift, PSLLD), BOTH(PSLLQ, int_shift, PSLLQ), \
    BOTH(PSRLW, int_shift, PSRLW), BOTH(PSRLD, int_shift, PSRLD), BOTH(PSRLQ, int_shift, PSRLQ), \
    BOTH(PSRAW, int_shift, PSRAW), BOTH(PSRAD, int_shift, PSRAD), \
    BOTH(PUNPCKLBW, int_v2, PUNPCKLBW), BOTH(PUNPCKLWD, int_v2, PUNPCKLWD), \
    BOTH(PUNPCKLDQ, int_v2, PUNPCKLDQ), BOTH(PUNPCKHBW, int_v2, PUNPCKHBW), \
    BOTH(PUNPCKHWD, int_v2, PUNPCKHWD), BOTH(PUNPCKHDQ, int_v2, PUNPCKHDQ), \
    BOTH(PACKSSWB, int_v2, PACKSSWB), BOTH(PACKUSWB, int_v2, PACKUSWB), BOTH(PACKSSDW, int_v2, PACKSSDW)

static void sse_byte_shift(X86Tr *tr)
{
    if (x86tr_sse_ok(tr)) {
        ir_vop1(tr->ir, tr->row->arg, xmm(tr, 0), xmm(tr, 0), imm8(tr, 1));
    }
}

#define ROWS_SHUFFLE \
    SSE2(PUNPCKLQDQ, sse_v2, ARG(VOP_PUNPCKLQDQ, 16, 0)), SSE2(PUNPCKHQDQ, sse_v2, ARG(VOP_PUNPCKHQDQ, 16, 0)), \
    SSE2(PSLLDQ, sse_byte_shift, VOP_PSLLDQ_I), SSE2(PSRLDQ, sse_byte_shift, VOP_PSRLDQ_I), \
    SSE2(PSHUFD, sse_v1, ARG(VOP_PSHUFD, 16, 0)), SSE2(PSHUFHW, sse_v1, ARG(VOP_PSHUFHW, 16, 0)), \
    SSE2(PSHUFLW, sse_v1, ARG(VOP_PSHUFLW, 16, 0)), SSE1(SHUFPS, sse_v2, ARG(VOP_SHUFPS, 16, 0)), \
    SSE2(SHUFPD, sse_v2, ARG(VOP_SHUFPD, 16, 0)), SSE1(UNPCKLPS, sse_v2, ARG(VOP_UNPCKLPS, 16, 0)), \
    SSE1(UNPCKHPS, sse_v2, ARG(VOP_UNPCKHPS, 16, 0)), SSE2(UNPCKLPD, sse_v2, ARG(VOP_UNPCKLPD, 16, 0)), \
    SSE2(UNPCKHPD, sse_v2, ARG(VOP_UNPCKHPD, 16, 0))

#define ROWS_FLOAT \
    FOUR(ADD, sse_v2), FOUR(SUB, sse_v2), FOUR(MUL, sse_v2), FOUR(DIV, sse_v2), FOUR(MIN, sse_v2), \
    FOUR(MAX, sse_v2), FOUR(SQRT, sse_v1), FOUR(CMP, sse_v2), \
    SSE1(RCPPS, sse_v1, ARG(VOP_RCPPS, 16, 0)), SSE1(RSQRTPS, sse_v1, ARG(VOP_RSQRTPS, 16, 0)), \
    SSE1(RCPSS, sse_v2, ARG(VOP_RCPSS, 4, 0)), SSE1(RSQRTSS, sse_v2, ARG(VOP_RSQRTSS, 4, 0)), \
    SSE1(ANDPS, sse_v2, ARG(VOP_PAND, 16, 0)), SSE2(ANDPD, sse_v2, ARG(VOP_PAND, 16, 0)), \
    SSE1(ANDNPS, sse_v2, ARG(VOP_PANDN, 16, 0)), SSE2(ANDNPD, sse_v2, ARG(VOP_PANDN, 16, 0)), \
    SSE1(ORPS, sse_v2, ARG(VOP_POR, 16, 0)), SSE2(ORPD, sse_v2, ARG(VOP_POR, 16, 0)), \
    SSE1(XORPS, sse_v2, ARG(VOP_PXOR, 16, 0)), SSE2(XORPD, sse_v2, ARG(VOP_PXOR, 16, 0)), \
    SSE1(UCOMISS, sse_compare, ARG(VOP_UCOMISS, 4, 1)), SSE2(UCOMISD, sse_compare, ARG(VOP_UCOMISD, 8, 1)), \
    SSE1(COMISS, sse_compare, ARG(VOP_COMISS, 4, 1)), SSE2(COMISD, sse_compare, ARG(VOP_COMISD, 8, 1))

#define ROWS_CONVERT \
    SSE2(CVTDQ2PS, sse_v1, ARG(VOP_CVTDQ2PS, 16, 1)), SSE2(CVTPS2DQ, sse_v1, ARG(VOP_CVTPS2DQ, 16, 1)), \
    SSE2(CVTTPS2DQ, sse_v1, ARG(VOP_CVTTPS2DQ, 16, 1)), SSE2(CVTDQ2PD, sse_v1, ARG(VOP_CVTDQ2PD, 8, 0)), \
    SSE2(CVTPD2DQ, sse_v1, ARG(VOP_CVTPD2DQ, 16, 1)), SSE2(CVTTPD2DQ, sse_v1, ARG(VOP_CVTTPD2DQ, 16, 1)), \
    SSE2(CVTPS2PD, sse_v1, ARG(VOP_CVTPS2PD, 8, 1)), SSE2(CVTPD2PS, sse_v1, ARG(VOP_CVTPD2PS, 16, 1)), \
    SSE2(CVTSS2SD, sse_v2, ARG(VOP_CVTSS2SD, 4, 1)), SSE2(CVTSD2SS, sse_v2, ARG(VOP_CVTSD2SS, 8, 1)), \
    SSE1(CVTSI2SS, sse_from_int, ARG(VOP_CVTSI32_SS, 0, 1)), SSE2(CVTSI2SD, sse_from_int, ARG(VOP_CVTSI32_SD, 0, 1)), \
    SSE1(CVTSS2SI, sse_to_int, ARG(VOP_CVTSS2SI32, 4, 1)), SSE1(CVTTSS2SI, sse_to_int, ARG(VOP_CVTTSS2SI32, 4, 1)), \
    SSE2(CVTSD2SI, sse_to_int, ARG(VOP_CVTSD2SI32, 8, 1)), SSE2(CVTTSD2SI, sse_to_int, ARG(VOP_CVTTSD2SI32, 8, 1)), \
    SSE1(CVTPI2PS, x86tr_cvt_from_mmx, VOP_CVTDQ2PS), SSE2(CVTPI2PD, x86tr_cvt_from_mmx, VOP_CVTDQ2PD), \
    SSE1(CVTPS2PI, x86tr_cvt_to_mmx, VOP_CVTPS2DQ), SSE1(CVTTPS2PI, x86tr_cvt_to_mmx, VOP_CVTTPS2DQ), \
    SSE2(CVTPD2PI, x86tr_cvt_to_mmx, VOP_CVTPD2DQ), SSE2(CVTTPD2PI, x86tr_cvt_to_mmx, VOP_CVTTPD2DQ)

#define ROWS_MOVE \
    SSE1(MOVAPS, sse_move, 1), SSE2(MOVAPD, sse_move, 1), SSE2(MOVDQA, sse_move, 1), SSE1(MOVUPS, sse_move, 0), \
    SSE2(MOVUPD, sse_move, 0), SSE2(MOVDQU, sse_move, 0), SSE1(MOVNTPS, sse_move, 1), SSE2(MOVNTPD, sse_move, 1), \
    SSE2(MOVNTDQ, sse_move, 1), SSE2(MOVNTI, sse_movnti, 0), \
    SSE1(MOVSS, sse_move_scalar, VOP_MOVSS), SSE2(MOVSD, sse_move_scalar, VOP_MOVSD), \
    SSE1(MOVLPS, sse_move_half, 0), SSE2(MOVLPD, sse_move_half, 0), SSE1(MOVHPS, sse_move_half, 1), \
    SSE2(MOVHPD, sse_move_half, 1), SSE1(MOVHLPS, sse_move_halves, VOP_MOVHLPS), \
    SSE1(MOVLHPS, sse_move_halves, VOP_MOVLHPS), \
    { M(MOVD), ISA(PENTIUMMMX), X86_F_MMX, 0, sse_movd, 0 }, SSE2(MOVD, sse_movd, 0), \
    { M(MOVQ), ISA(PENTIUMMMX), X86_F_MMX, 0, sse_movd, 0 }, SSE2(MOVQ, sse_movd, 0), \
    SSE1(MOVMSKPS, sse_mask, VOP_MOVMSKPS), SSE2(MOVMSKPD, sse_mask, VOP_MOVMSKPD), \
    SSE1(PMOVMSKB, sse_mask, VOP_PMOVMSKB), SSE2(PMOVMSKB, sse_mask, VOP_PMOVMSKB), \
    { M(PEXTRW), ISA(PENTIUMMMX), X86_F_SSE, 0, sse_pextrw, 0 }, SSE2(PEXTRW, sse_pextrw, 0), \
    { M(PINSRW), ISA(PENTIUMMMX), X86_F_SSE, 0, sse_pinsrw, 0 }, SSE1(PINSRW, sse_pinsrw, 0), \
    SSE2(PINSRW, sse_pinsrw, 0), SSE2(MASKMOVDQU, sse_maskmovdqu, 0)

#define ROWS_STATE \
    { M(LDMXCSR), 0, X86_F_SSE, 0, sse_ldmxcsr, 0 }, { M(STMXCSR), 0, X86_F_SSE, 0, sse_stmxcsr, 0 }, \
    { M(FXSAVE), 0, X86_F_FXSR, 0, sse_fxsave, 0 }, { M(FXSAVE64), 0, X86_F_FXSR, 0, sse_fxsave, 0 }, \
    { M(FXRSTOR), 0, X86_F_FXSR, 0, sse_fxrstor, 0 }, { M(FXRSTOR64), 0, X86_F_FXSR, 0, sse_fxrstor, 0 }, \
    { M(XSAVE), 0, X86_F_XSAVE, 0, sse_xsave, 0 }, { M(XSAVE64), 0, X86_F_XSAVE, 0, sse_xsave, 0 }, \
    { M(XSAVEOPT), 0, X86_F_XSAVEOPT, 0, sse_xsave, 1 }, { M(XSAVEOPT64), 0, X86_F_XSAVEOPT, 0, sse_xsave, 1 }, \
    { M(XRSTOR), 0, X86_F_XSAVE, 0, sse_xrstor, 0 }, { M(XRSTOR64), 0, X86_F_XSAVE, 0, sse_xrstor, 0 }

const X86InsnRow x86_insn_table_fp[] = {
    ROWS_INTEGER,
    ROWS_SHUFFLE,
    ROWS_FLOAT,
    ROWS_CONVERT,
    ROWS_MOVE,
    ROWS_STATE,
    X86_ROWS_MMX,
    X86_ROWS_X87,
    { 0 },
};
