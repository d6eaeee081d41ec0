/* Translates multiplication, division and decimal arithmetic.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

static IrRef op2(X86Tr *tr, IrOp op, IrType type, IrRef a, IrRef b)
{
    IrRef t = ir_temp(tr->ir);

    ir_op2(tr->ir, op, type, t, a, b);
    return t;
}

/* IMUL with two or three operands. Whether the product fits is left to who asks for the flags. */
static void imul_short(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    bool three = tr->insn.operand_count_visible == 3;
    IrRef a = x86tr_op_read(tr, three ? 1 : 0), b = x86tr_op_read(tr, three ? 2 : 1), p;

    ir_mov(tr->ir, IR_I64, G_CC_DST, a);
    ir_mov(tr->ir, IR_I64, G_CC_SRC, b);
    p = x86tr_dest(tr, 0);
    ir_op2(tr->ir, IR_MUL, x86tr_type(size), p, a, b);
    x86tr_dest_write(tr, 0, NULL, p);
    x86tr_cc_set(tr, X86_CC_IMULB, size, a, b, IR_NONE);
}

/* The product of the accumulator and operand 0: low half, and high half in *high (sizes below 8:
 * both in the result, which is then 64 bits wide). */
static IrRef wide_product(X86Tr *tr, unsigned size, bool sign, IrRef b, IrRef *high)
{
    IrRef a = x86tr_extend(tr, G_REG(R_RAX), size, sign);

    if (size == 8) {
        *high = op2(tr, sign ? IR_MULHS : IR_MULHU, IR_I64, a, b);
        return op2(tr, IR_MUL, IR_I64, a, b);
    }
    a = op2(tr, IR_MUL, IR_I64, a, x86tr_extend(tr, b, size, sign));
    *high = op2(tr, IR_SHR, IR_I64, a, ir_const(tr->ir, size * 8));
    return a;
}

static void mul_wide(X86Tr *tr, bool sign)
{
    IrBlock *ir = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef b = x86tr_op_read(tr, 0), high, low;

    low = wide_product(tr, size, sign, b, &high);
    if (sign) {
        ir_mov(ir, IR_I64, G_CC_DST, G_REG(R_RAX));
        ir_mov(ir, IR_I64, G_CC_SRC, b);
    } else {
        ir_mov(ir, IR_I64, G_CC_DST, low);
        ir_mov(ir, IR_I64, G_CC_SRC, high);
    }
    if (size == 1) {
        x86tr_gpr_write(tr, R_RAX, 2, low);
    } else {
        x86tr_gpr_write(tr, R_RAX, size, low);
        x86tr_gpr_write(tr, R_RDX, size, high);
    }
    x86tr_cc_set(tr, sign ? X86_CC_IMULB : X86_CC_MULB, size, IR_NONE, IR_NONE, IR_NONE);
}

void x86tr_imul(X86Tr *tr)
{
    if (tr->insn.operand_count_visible == 1) {
        mul_wide(tr, true);
    } else {
        imul_short(tr);
    }
}

void x86tr_mul(X86Tr *tr)
{
    mul_wide(tr, false);
}

/* MULX: high half to operand 0, low half to operand 1; the same register gets the high half. */
void x86tr_mulx(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef x = x86tr_op_read(tr, 2), high, low;

    if (x86tr_op_size(tr, 0) == 8) {
        high = op2(tr, IR_MULHU, IR_I64, G_REG(R_RDX), x);
        low = op2(tr, IR_MUL, IR_I64, G_REG(R_RDX), x);
    } else {
        low = op2(tr, IR_MUL, IR_I64, x86tr_extend(tr, G_REG(R_RDX), 4, false),
                  x86tr_extend(tr, x, 4, false));
        high = op2(tr, IR_SHR, IR_I64, low, ir_const(b, 32));
    }
    x86tr_op_write(tr, 1, low);
    x86tr_op_write(tr, 0, high);
}

/* ---- division ---- */

/* What is divided, in 64 bits, for operands below 8 bytes. */
static IrRef dividend(X86Tr *tr, unsigned size, bool sign)
{
    IrRef t;

    if (size == 1) {
        return x86tr_extend(tr, G_REG(R_RAX), 2, sign);
    }
    t = ir_temp(tr->ir);
    ir_deposit(tr->ir, t, G_REG(R_RAX), G_REG(R_RDX), size * 8, size * 8);
    return size == 2 ? x86tr_extend(tr, t, 4, sign) : t;
}

/* DIV, IDIV (arg 1). */
void x86tr_div(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    bool sign = tr->row->arg;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef d = x86tr_op_read_ext(tr, 0, sign), q = ir_temp(b), n, rest;

    if (size == 8) {
        n = G_REG(R_RAX);
        ir_call(b, IR_CALL_READS | IR_CALL_RAISES, q,
                sign ? (void *)x86_helper_idiv64 : (void *)x86_helper_div64, G_REG(R_RDX), n, d,
                IR_NONE);
    } else {
        n = dividend(tr, size, sign);
        ir_call(b, IR_CALL_READS | IR_CALL_RAISES, q,
                sign ? (void *)x86_helper_idiv : (void *)x86_helper_div, n, d,
                ir_const(b, size * 8), IR_NONE);
    }
    rest = op2(tr, IR_SUB, IR_I64, n, op2(tr, IR_MUL, IR_I64, q, d));
    x86tr_gpr_write(tr, R_RAX, size, q);
    if (size == 1) {
        ir_deposit(b, G_REG(R_RAX), G_REG(R_RAX), rest, 8, 8);
    } else {
        x86tr_gpr_write(tr, R_RDX, size, rest);
    }
}

/* ---- decimal ---- */

/* DAA, DAS, AAA, AAS (arg: which). */
void x86tr_decimal(X86Tr *tr)
{
    static void *const helper[] = {
        (void *)x86_helper_daa,
        (void *)x86_helper_das,
        (void *)x86_helper_aaa,
        (void *)x86_helper_aas,
    };
    IrBlock *b = tr->ir;
    IrRef flags = x86tr_cc_eflags(tr), t = ir_temp(b);

    ir_deposit(b, t, flags, flags, 16, 16);
    ir_deposit(b, t, t, G_REG(R_RAX), 0, 16);
    ir_call(b, IR_CALL_PURE, t, helper[tr->row->arg], t, IR_NONE, IR_NONE, IR_NONE);
    x86tr_gpr_write(tr, R_RAX, 2, t);
    ir_op2i(b, IR_SHR, IR_I64, t, t, 16);
    x86tr_cc_set_eflags(tr, t);
}

void x86tr_aam(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    ir_call(tr->ir, IR_CALL_READS | IR_CALL_RAISES, t, (void *)x86_helper_aam, G_REG(R_RAX),
            x86tr_op_read(tr, 0), IR_NONE, IR_NONE);
    x86tr_gpr_write(tr, R_RAX, 2, t);
    x86tr_cc_set_logic(tr, t, 1);
}

void x86tr_aad(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef t = ir_temp(b);

    ir_extract(b, t, G_REG(R_RAX), 8, 8);
    ir_op2(b, IR_MUL, IR_I32, t, t, x86tr_op_read(tr, 0));
    ir_op2(b, IR_ADD, IR_I32, t, t, G_REG(R_RAX));
    ir_op1(b, IR_EXT8U, IR_I64, t, t);
    x86tr_gpr_write(tr, R_RAX, 2, t);
    x86tr_cc_set_logic(tr, t, 1);
}
