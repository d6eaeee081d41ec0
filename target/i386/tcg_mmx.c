/* Translates MMX: the low halves of vector operations, on registers that are the x87's mantissas.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_vec.h"
#include "target/i386/x87.h"

#define FPU(field) offsetof(X86State, fpu.field)

static bool is_mm(const ZydisDecodedOperand *o)
{
    return x86tr_is_reg(o) && o->reg.value >= ZYDIS_REGISTER_MM0 && o->reg.value <= ZYDIS_REGISTER_MM7;
}

static unsigned mm_offset(const X86Tr *tr, unsigned n)
{
    return (unsigned)FPU(st) + 16 * (unsigned)(tr->op[n].reg.value - ZYDIS_REGISTER_MM0);
}

/* #UD, #NM, #MF; then false or not. */
static bool mmx_ok(X86Tr *tr)
{
    if (tr->mode & X86_MODE_EM) {
        x86tr_raise(tr, X86_EXC_UD);
        return false;
    }
    if (tr->mode & X86_MODE_TS) {
        x86tr_raise(tr, X86_EXC_NM);
        return false;
    }
    ir_call(tr->ir, IR_CALL_READS | IR_CALL_RAISES | IR_CALL_EFFECT, IR_NONE, (void *)x86_helper_x87_wait,
            IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    return true;
}

/* Every MMX instruction but EMMS makes TOP 0 and all registers valid; after what can fault. */
static void mmx_enter(X86Tr *tr)
{
    ir_sts(tr->ir, ir_const(tr->ir, 0), MO_8, FPU(top));
    ir_sts(tr->ir, ir_const(tr->ir, 0xff), MO_8, FPU(tags));
}

static IrRef mm_reg(X86Tr *tr, unsigned n)
{
    IrRef t = ir_vtemp(tr->ir);

    ir_lds(tr->ir, t, MO_64V, mm_offset(tr, n));
    return t;
}

/* Operand n: a register, or `size` bytes of memory. */
static IrRef mm_read(X86Tr *tr, unsigned n, unsigned size)
{
    X86Addr a;
    IrRef t;

    if (is_mm(&tr->op[n])) {
        return mm_reg(tr, n);
    }
    a = x86tr_addr(tr, &tr->op[n], size, X86_READ);
    t = ir_vtemp(tr->ir);
    ir_ld(tr->ir, t, a.base, a.disp, x86tr_mop(tr, size == 8 ? MO_64V : MO_32V), tr->mmu);
    return t;
}

static void mm_write(X86Tr *tr, unsigned n, IrRef v)
{
    mmx_enter(tr);
    ir_sts(tr->ir, v, MO_64V, mm_offset(tr, n));
    ir_sts(tr->ir, ir_const(tr->ir, 0xffff), MO_16, mm_offset(tr, n) + 8);
}

/* The low half of the 128-bit operation is the 64-bit one, but for these. */
static void mmx_op(X86Tr *tr, unsigned vop, IrRef d, IrRef a, IrRef b)
{
    static const struct { uint16_t high, low; } unpack[] = {
        { VOP_PUNPCKHBW, VOP_PUNPCKLBW }, { VOP_PUNPCKHWD, VOP_PUNPCKLWD }, { VOP_PUNPCKHDQ, VOP_PUNPCKLDQ },
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(unpack); n++) {
        if (unpack[n].high == vop) {
            /* The upper half of interleaving the low halves. */
            ir_vop2(tr->ir, unpack[n].low, d, a, b, 0);
            ir_vop2(tr->ir, VOP_PUNPCKHQDQ, d, d, d, 0);
            return;
        }
    }
    if (vop == VOP_PACKSSWB || vop == VOP_PACKUSWB || vop == VOP_PACKSSDW) {
        ir_vop2(tr->ir, VOP_PUNPCKLQDQ, d, a, b, 0);
        ir_vop2(tr->ir, vop, d, d, d, 0);
        return;
    }
    ir_vop2(tr->ir, vop, d, a, b, 0);
}

void x86tr_mmx_v2(X86Tr *tr, unsigned vop)
{
    bool half = vop == VOP_PUNPCKLBW || vop == VOP_PUNPCKLWD || vop == VOP_PUNPCKLDQ;
    IrRef s, d;

    if (mmx_ok(tr)) {
        s = mm_read(tr, 1, half ? 4 : 8);
        d = ir_vtemp(tr->ir);
        mmx_op(tr, vop, d, mm_reg(tr, 0), s);
        mm_write(tr, 0, d);
    }
}

void x86tr_mmx_shift(X86Tr *tr, unsigned vop)
{
    IrRef d;

    if (tr->op[1].type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        x86tr_mmx_v2(tr, vop);
    } else if (mmx_ok(tr)) {
        d = ir_vtemp(tr->ir);
        ir_vop1(tr->ir, x86tr_shift_by_constant(vop), d, mm_reg(tr, 0), (uint8_t)tr->op[1].imm.value.u);
        mm_write(tr, 0, d);
    }
}

void x86tr_mmx_movd(X86Tr *tr)
{
    bool wide = tr->row->mnemonic == ZYDIS_MNEMONIC_MOVQ;
    unsigned size = wide ? 8 : 4;
    IrRef t, v;
    X86Addr a;

    if (!mmx_ok(tr)) {
        return;
    }
    if (is_mm(&tr->op[0])) {
        if (x86tr_is_mem(&tr->op[1]) || is_mm(&tr->op[1])) {
            v = mm_read(tr, 1, size);
        } else {
            v = ir_vtemp(tr->ir);
            ir_itov(tr->ir, wide ? VOP_MOVQ_FROM : VOP_MOVD_FROM, v, IR_NONE, x86tr_op_read(tr, 1), 0);
        }
        mm_write(tr, 0, v);
        return;
    }
    v = mm_reg(tr, 1);
    if (x86tr_is_mem(&tr->op[0])) {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        ir_st(tr->ir, a.base, a.disp, v, x86tr_mop(tr, wide ? MO_64V : MO_32V), tr->mmu);
        mmx_enter(tr);
        return;
    }
    t = ir_temp(tr->ir);
    ir_vtoi(tr->ir, wide ? VOP_MOVQ_TO : VOP_MOVD_TO, t, v, 0);
    mmx_enter(tr);
    x86tr_reg_write(tr, tr->op[0].reg.value, t);
}

void x86tr_mmx_mask(X86Tr *tr)
{
    IrRef t;

    if (mmx_ok(tr)) {
        t = ir_temp(tr->ir);
        ir_vtoi(tr->ir, VOP_PMOVMSKB, t, mm_reg(tr, 1), 0);
        mmx_enter(tr);
        ir_op2i(tr->ir, IR_AND, IR_I32, t, t, 0xff);
        x86tr_reg_write(tr, tr->op[0].reg.value, t);
    }
}

void x86tr_mmx_pextrw(X86Tr *tr)
{
    IrRef t;

    if (mmx_ok(tr)) {
        t = ir_temp(tr->ir);
        ir_vtoi(tr->ir, VOP_PEXTRW, t, mm_reg(tr, 1), tr->op[2].imm.value.u & 3);
        mmx_enter(tr);
        x86tr_reg_write(tr, tr->op[0].reg.value, t);
    }
}

void x86tr_mmx_pinsrw(X86Tr *tr)
{
    IrRef d, w;

    if (mmx_ok(tr)) {
        w = x86tr_word_operand(tr, 1);
        d = ir_vtemp(tr->ir);
        ir_itov(tr->ir, VOP_PINSRW, d, mm_reg(tr, 0), w, tr->op[2].imm.value.u & 3);
        mm_write(tr, 0, d);
    }
}

void x86tr_mmx_pshufw(X86Tr *tr)
{
    IrRef s, d;

    if (mmx_ok(tr)) {
        s = mm_read(tr, 1, 8);
        d = ir_vtemp(tr->ir);
        ir_vop1(tr->ir, VOP_PSHUFLW, d, s, (uint8_t)tr->op[2].imm.value.u);
        mm_write(tr, 0, d);
    }
}

void x86tr_mmx_movntq(X86Tr *tr)
{
    X86Addr a;

    if (mmx_ok(tr)) {
        a = x86tr_addr(tr, &tr->op[0], 8, X86_WRITE);
        ir_st(tr->ir, a.base, a.disp, mm_reg(tr, 1), x86tr_mop(tr, MO_64V), tr->mmu);
        mmx_enter(tr);
    }
}

IrRef x86tr_mask_address(X86Tr *tr, unsigned size)
{
    unsigned seg = R_DS;
    IrRef t = ir_temp(tr->ir);

    for (unsigned n = 0; n < tr->insn.raw.prefix_count; n++) {
        switch (tr->insn.raw.prefixes[n].value) {
        case 0x26: seg = R_ES; break;
        case 0x2e: seg = R_CS; break;
        case 0x36: seg = R_SS; break;
        case 0x3e: seg = R_DS; break;
        case 0x64: seg = R_FS; break;
        case 0x65: seg = R_GS; break;
        default: break;
        }
    }
    if (tr->adsize == 8) {
        ir_mov(tr->ir, IR_I64, t, G_REG(R_RDI));
    } else {
        ir_op1(tr->ir, tr->adsize == 4 ? IR_EXT32U : IR_EXT16U, IR_I64, t, G_REG(R_RDI));
    }
    return x86tr_segment(tr, seg, t, size, X86_WRITE);
}

void x86tr_mmx_maskmovq(X86Tr *tr)
{
    if (mmx_ok(tr)) {
        x86tr_call(tr, IR_NONE, (void *)x86_helper_maskmov, x86tr_mask_address(tr, 8),
                   ir_const(tr->ir, mm_offset(tr, 0)), ir_const(tr->ir, mm_offset(tr, 1)), ir_const(tr->ir, 8));
        mmx_enter(tr);
    }
}

void x86tr_mmx_emms(X86Tr *tr)
{
    if (mmx_ok(tr)) {
        ir_sts(tr->ir, ir_const(tr->ir, 0), MO_8, FPU(top));
        ir_sts(tr->ir, ir_const(tr->ir, 0), MO_8, FPU(tags));
    }
}

void x86tr_movq2dq(X86Tr *tr)
{
    if (x86tr_sse_ok(tr) && mmx_ok(tr)) {
        ir_mov(tr->ir, IR_V128, G_XMM(tr->op[0].reg.value - ZYDIS_REGISTER_XMM0), mm_reg(tr, 1));
        mmx_enter(tr);
    }
}

void x86tr_movdq2q(X86Tr *tr)
{
    if (x86tr_sse_ok(tr) && mmx_ok(tr)) {
        mm_write(tr, 0, G_XMM(tr->op[1].reg.value - ZYDIS_REGISTER_XMM0));
    }
}

/* With exceptions unmasked, as tcg_sse.c does it. */
static void fp_call(X86Tr *tr, void *helper)
{
    if (tr->mode & X86_MODE_FPEXC) {
        x86tr_call(tr, IR_NONE, helper, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    }
}

/* CVTPI2PS writes the low half, CVTPI2PD the whole register. */
void x86tr_cvt_from_mmx(X86Tr *tr)
{
    IrRef d = G_XMM(tr->op[0].reg.value - ZYDIS_REGISTER_XMM0), s, t;
    bool to_double = tr->row->arg == VOP_CVTDQ2PD;

    if (!x86tr_sse_ok(tr)) {
        return;
    }
    if (is_mm(&tr->op[1]) && !mmx_ok(tr)) {
        return;
    }
    s = mm_read(tr, 1, 8);
    t = ir_vtemp(tr->ir);
    fp_call(tr, (void *)x86_helper_sse_begin);
    ir_vop1(tr->ir, tr->row->arg, t, s, 0);
    fp_call(tr, (void *)x86_helper_sse_end);
    if (is_mm(&tr->op[1])) {
        mmx_enter(tr);
    }
    if (to_double) {
        ir_mov(tr->ir, IR_V128, d, t);
    } else {
        ir_vop2(tr->ir, VOP_MOVSD, d, d, t, 0);
    }
}

void x86tr_cvt_to_mmx(X86Tr *tr)
{
    bool from_double = tr->row->arg == VOP_CVTPD2DQ || tr->row->arg == VOP_CVTTPD2DQ;
    IrRef s, t;
    X86Addr a;

    if (!x86tr_sse_ok(tr) || !mmx_ok(tr)) {
        return;
    }
    if (x86tr_is_reg(&tr->op[1])) {
        s = G_XMM(tr->op[1].reg.value - ZYDIS_REGISTER_XMM0);
    } else {
        a = x86tr_addr(tr, &tr->op[1], from_double ? 16 : 8, X86_READ);
        s = ir_vtemp(tr->ir);
        ir_ld(tr->ir, s, a.base, a.disp, from_double ? MO_128 | MO_ALIGN : x86tr_mop(tr, MO_64V), tr->mmu);
    }
    t = ir_vtemp(tr->ir);
    fp_call(tr, (void *)x86_helper_sse_begin);
    if (!from_double) {
        /* Only the low two lanes count: the others must raise no flags. */
        ir_vop2(tr->ir, VOP_PUNPCKLQDQ, t, s, s, 0);
        s = t;
    }
    ir_vop1(tr->ir, tr->row->arg, t, s, 0);
    fp_call(tr, (void *)x86_helper_sse_end);
    mm_write(tr, 0, t);
}
