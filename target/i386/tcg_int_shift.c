/* Translates shifts and rotations.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Counts are taken modulo 32 (64 for 64-bit operands), which is what the IR's shifts do by
 * themselves: operands of 8 and 16 bits are shifted as 32. A count of 0 leaves the flags alone. */
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

/* A shift's count: a constant in n, or (var) CL in `ref`, masked. */
typedef struct Count {
    bool var;
    unsigned n;
    IrRef ref;
} Count;

static Count read_count(X86Tr *tr, unsigned operand, unsigned size)
{
    const ZydisDecodedOperand *o = &tr->op[operand];
    unsigned mask = size == 8 ? 63 : 31;
    Count c = { .var = x86tr_is_reg(o) };

    if (c.var) {
        c.ref = ir_temp(tr->ir);
        ir_op2i(tr->ir, IR_AND, IR_I64, c.ref, G_REG(R_RCX), mask);
    } else {
        c.n = (unsigned)o->imm.value.u & mask;
        c.ref = ir_const(tr->ir, c.n);
    }
    return c;
}

/* The count less one, for the bit shifted out last. */
static IrRef count_before(X86Tr *tr, const Count *c)
{
    IrRef t;

    if (!c->var) {
        return ir_const(tr->ir, c->n - 1);
    }
    t = ir_temp(tr->ir);
    ir_op2i(tr->ir, IR_SUB, IR_I32, t, c->ref, 1);
    return t;
}

static IrRef op2(X86Tr *tr, IrOp op, IrType type, IrRef a, IrRef b)
{
    IrRef t = ir_temp(tr->ir);

    ir_op2(tr->ir, op, type, t, a, b);
    return t;
}

/* Flags of a shift: its result and the operand shifted by one less. Written after the operand. */
static void shift_flags(X86Tr *tr, unsigned kind, unsigned size, IrRef result, IrRef before,
                        const Count *c)
{
    if (c->var) {
        x86tr_cc_set_if(tr, kind, size, result, before, c->ref);
    } else {
        ir_mov(tr->ir, IR_I64, G_CC_SRC, before);
        ir_mov(tr->ir, IR_I64, G_CC_DST, result);
        x86tr_cc_set(tr, kind, size, IR_NONE, IR_NONE, IR_NONE);
    }
}

/* A count of 0: nothing but the access (and the zero extension of a 32-bit register). */
static bool count_is_zero(X86Tr *tr, const Count *c)
{
    X86Addr a;
    IrRef v;

    if (c->var || c->n != 0) {
        return false;
    }
    v = x86tr_modify_read(tr, 0, &a);
    x86tr_modify_write(tr, 0, &a, v);
    return true;
}

/* SHL, SHR, SAR (arg: IR_*). */
void x86tr_shift(X86Tr *tr)
{
    IrOp op = (IrOp)tr->row->arg;
    unsigned size = x86tr_op_size(tr, 0);
    unsigned kind = op == IR_SHL ? X86_CC_SHLB : op == IR_SHR ? X86_CC_SHRB : X86_CC_SARB;
    IrType type = x86tr_type(size);
    Count c = read_count(tr, 1, size);
    X86Addr a;
    IrRef x, r, before;

    if (count_is_zero(tr, &c)) {
        return;
    }
    x = x86tr_modify_read(tr, 0, &a);
    if (size < 4 && op != IR_SHL) {
        x = x86tr_extend(tr, x, size, op == IR_SAR);
    }
    if (!c.var && x86tr_is_reg(&tr->op[0])) {
        before = G_CC_SRC;      /* nothing can fault any more */
        ir_op2i(tr->ir, op, type, before, x, c.n - 1);
    } else {
        before = op2(tr, op, type, x, count_before(tr, &c));
    }
    r = x86tr_dest(tr, 0);
    ir_op2(tr->ir, op, type, r, x, c.ref);
    x86tr_dest_write(tr, 0, &a, r);
    shift_flags(tr, kind, size, r, before, &c);
}

/* The operand repeated to 32 bits, so that a rotation of those is a rotation of it. */
static IrRef repeat(X86Tr *tr, IrRef x, unsigned size)
{
    x = x86tr_extend(tr, x, size, false);
    return op2(tr, IR_MUL, IR_I32, x, ir_const(tr->ir, size == 1 ? 0x01010101 : 0x00010001));
}

/* ROL, ROR (arg: IR_ROTL, IR_ROTR). */
void x86tr_rotate(X86Tr *tr)
{
    IrOp op = (IrOp)tr->row->arg;
    unsigned size = x86tr_op_size(tr, 0);
    Count c = read_count(tr, 1, size);
    X86Addr a;
    IrRef x, r;

    if (count_is_zero(tr, &c)) {
        return;
    }
    x = x86tr_modify_read(tr, 0, &a);
    if (size < 4) {
        x = repeat(tr, x, size);
    }
    r = x86tr_dest(tr, 0);
    ir_op2(tr->ir, op, x86tr_type(size), r, x, c.ref);
    x86tr_dest_write(tr, 0, &a, r);
    if (c.var) {
        x86tr_cc_set_rotate_if(tr, op == IR_ROTR, r, size, c.ref);
    } else {
        x86tr_cc_set_rotate(tr, op == IR_ROTR, r, size);
    }
}

/* A rotation through CF by one, the common case. */
static void rotate_carry_one(X86Tr *tr, bool right, unsigned size)
{
    IrBlock *b = tr->ir;
    unsigned top = size * 8 - 1;
    IrRef flags = x86tr_cc_eflags(tr), x, r, cf = ir_temp(b), of = ir_temp(b), in = ir_temp(b);
    X86Addr a;

    x = x86tr_modify_read(tr, 0, &a);
    ir_op2i(b, IR_AND, IR_I64, in, flags, 1);
    if (right) {
        if (size < 4) {
            x = x86tr_extend(tr, x, size, false);
        }
        r = op2(tr, IR_SHR, x86tr_type(size), x, ir_const(b, 1));
        r = op2(tr, IR_OR, IR_I64, r, op2(tr, IR_SHL, IR_I64, in, ir_const(b, top)));
        ir_op2i(b, IR_AND, IR_I64, cf, x, 1);
        of = op2(tr, IR_XOR, IR_I64, r, op2(tr, IR_SHL, IR_I64, r, ir_const(b, 1)));
    } else {
        r = op2(tr, IR_SHL, x86tr_type(size), x, ir_const(b, 1));
        r = op2(tr, IR_OR, IR_I64, r, in);
        ir_extract(b, cf, x, top, 1);
        of = op2(tr, IR_XOR, IR_I64, r, x);
    }
    ir_extract(b, of, of, top, 1);
    ir_deposit(b, flags, flags, cf, 0, 1);
    ir_deposit(b, flags, flags, of, 11, 1);
    x86tr_modify_write(tr, 0, &a, r);
    x86tr_cc_set_eflags(tr, flags);
}

/* RCL, RCR (arg 1). */
void x86tr_rotate_carry(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    bool right = tr->row->arg;
    unsigned size = x86tr_op_size(tr, 0);
    Count c = read_count(tr, 1, size);
    IrRef flags, x, r, how;
    X86Addr a;

    if (count_is_zero(tr, &c)) {
        return;
    }
    if (!c.var && c.n == 1) {
        rotate_carry_one(tr, right, size);
        return;
    }
    flags = x86tr_cc_eflags(tr);
    x = x86tr_modify_read(tr, 0, &a);
    how = op2(tr, IR_OR, IR_I64, c.ref, ir_const(b, size << 8 | (unsigned)right << 16));
    r = ir_temp(b);
    ir_call(b, IR_CALL_PURE, r, (void *)x86_helper_rotate_carry, x, how, flags, IR_NONE);
    ir_call(b, IR_CALL_PURE, flags, (void *)x86_helper_rotate_carry_flags, x, how, flags, IR_NONE);
    x86tr_modify_write(tr, 0, &a, r);
    x86tr_cc_set_eflags(tr, flags);
}

/* The 48 bits that a 16-bit double shift takes its result from, so that counts above 16 give what
 * processors give: the operand, the filler, the operand again. */
static IrRef triple(X86Tr *tr, IrRef x, IrRef fill)
{
    IrRef t = ir_temp(tr->ir);

    ir_op1(tr->ir, IR_EXT16U, IR_I64, t, x);
    ir_deposit(tr->ir, t, t, fill, 16, 16);
    ir_deposit(tr->ir, t, t, x, 32, 16);
    return t;
}

/* SHLD, SHRD (arg 1). */
void x86tr_double_shift(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    bool right = tr->row->arg;
    IrOp op = right ? IR_SHR : IR_SHL, back = right ? IR_SHL : IR_SHR;
    unsigned size = x86tr_op_size(tr, 0);
    IrType type = x86tr_type(size);
    Count c = read_count(tr, 2, size);
    IrRef x, fill, r, before, rest;
    X86Addr a;

    if (count_is_zero(tr, &c)) {
        return;
    }
    x = x86tr_modify_read(tr, 0, &a);
    fill = x86tr_op_read(tr, 1);
    if (size == 2) {
        x = triple(tr, x, fill);
        before = op2(tr, op, IR_I64, x, count_before(tr, &c));
        r = op2(tr, op, IR_I64, x, c.ref);
        if (!right) {
            ir_op2i(b, IR_SHR, IR_I64, before, before, 32);
            ir_op2i(b, IR_SHR, IR_I64, r, r, 32);
        }
    } else {
        before = op2(tr, op, type, x, count_before(tr, &c));
        rest = ir_temp(b);
        ir_op1(b, IR_NOT, IR_I64, rest, c.ref);     /* width - 1 - count, modulo the width */
        fill = op2(tr, back, type, op2(tr, back, type, fill, ir_const(b, 1)), rest);
        r = op2(tr, IR_OR, type, op2(tr, op, type, x, c.ref), fill);
    }
    x86tr_modify_write(tr, 0, &a, r);
    shift_flags(tr, right ? X86_CC_SHRB : X86_CC_SHLB, size, r, before, &c);
}

/* SHLX, SHRX, SARX (arg: IR_*): no flags. */
void x86tr_shift_x(X86Tr *tr)
{
    IrRef x = x86tr_op_read(tr, 1), n = x86tr_op_read(tr, 2);

    ir_op2(tr->ir, (IrOp)tr->row->arg, x86tr_type(x86tr_op_size(tr, 0)), x86tr_dest(tr, 0), x, n);
}

void x86tr_rorx(X86Tr *tr)
{
    IrRef x = x86tr_op_read(tr, 1);

    ir_op2i(tr->ir, IR_ROTR, x86tr_type(x86tr_op_size(tr, 0)), x86tr_dest(tr, 0), x,
            tr->op[2].imm.value.u & 63);
}
