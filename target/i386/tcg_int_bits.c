/* Translates bit tests, bit scans, counts, and the BMI instructions.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

static IrRef op2(X86Tr *tr, IrOp op, IrType type, IrRef a, IrRef b)
{
    IrRef t = ir_temp(tr->ir);

    ir_op2(tr->ir, op, type, t, a, b);
    return t;
}

static IrRef op2i(X86Tr *tr, IrOp op, IrType type, IrRef a, uint64_t imm)
{
    return op2(tr, op, type, a, ir_const(tr->ir, imm));
}

/* ---- BT, BTS, BTR, BTC ---- */

/* The linear address of the word that holds the bit: a bit number in a register reaches beyond the
 * operand. */
static IrRef bit_address(X86Tr *tr, unsigned size, IrRef bit, X86Access access)
{
    const ZydisDecodedOperand *o = &tr->op[0];
    IrRef t, off;

    if (!x86tr_is_reg(&tr->op[1])) {
        return x86tr_linear(tr, o, size, access);
    }
    t = op2i(tr, IR_SAR, IR_I64, x86tr_extend(tr, bit, size, true), 3 + x86tr_log2(size));
    t = op2i(tr, IR_SHL, IR_I64, t, x86tr_log2(size));
    off = op2(tr, IR_ADD, x86tr_type(tr->adsize), x86tr_offset(tr, o), t);
    if (tr->adsize == 2) {
        ir_op1(tr->ir, IR_EXT16U, IR_I64, off, off);
    }
    return x86tr_segment(tr, x86tr_reg_index(o->mem.segment, ZYDIS_REGISTER_ES), off, size, access);
}

/* The operand with its bit changed. */
static IrRef changed(X86Tr *tr, unsigned kind, IrRef x, IrRef mask)
{
    static const uint8_t op[] = { 0, IR_OR, IR_ANDC, IR_XOR };

    return op2(tr, (IrOp)op[kind], IR_I64, x, mask);
}

/* arg: X86_BT, X86_BTS, X86_BTR, X86_BTC. */
void x86tr_bit_test(X86Tr *tr)
{
    static const uint8_t amo[] = { 0, IR_AMO_OR, IR_AMO_AND, IR_AMO_XOR };
    IrBlock *b = tr->ir;
    unsigned kind = tr->row->arg, size = x86tr_op_size(tr, 0), mop = x86tr_log2(size);
    IrRef n = x86tr_op_read(tr, 1), bit, mask = IR_NONE, x, addr = IR_NONE;
    bool mem = x86tr_is_mem(&tr->op[0]);

    if (ir_is_const(b, n)) {
        bit = ir_const(b, b->value[n].value & (size * 8 - 1));
    } else {
        bit = op2i(tr, IR_AND, IR_I64, n, size * 8 - 1);
    }
    if (kind != X86_BT) {
        mask = op2(tr, IR_SHL, IR_I64, ir_const(b, 1), bit);
    }
    if (mem && kind == X86_BT && !x86tr_is_reg(&tr->op[1])) {
        x = ir_temp(b);
        x86tr_load(tr, x, x86tr_addr(tr, &tr->op[0], size, X86_READ), mop);
    } else if (mem) {
        addr = bit_address(tr, size, n, kind == X86_BT ? X86_READ : X86_WRITE);
        x = ir_temp(b);
        if (tr->lock) {
            if (kind == X86_BTR) {
                ir_op1(b, IR_NOT, IR_I64, mask, mask);
            }
            ir_amo(b, (IrAmo)amo[kind], x, addr, mask, x86tr_mop(tr, mop), tr->mmu);
        } else {
            ir_ld(b, x, addr, 0, x86tr_mop(tr, kind == X86_BT ? mop : mop | MO_WRITE), tr->mmu);
        }
    } else {
        x = x86tr_op_read(tr, 0);
    }
    n = op2(tr, IR_SHR, IR_I64, x, bit);
    if (kind != X86_BT && mem && !tr->lock) {
        ir_st(b, addr, 0, changed(tr, kind, x, mask), x86tr_mop(tr, mop), tr->mmu);
    } else if (kind != X86_BT && !mem) {
        x86tr_op_write(tr, 0, changed(tr, kind, x, mask));
    }
    x86tr_cc_set_carry(tr, n, false);
}

/* ---- scans and counts ---- */

/* BSF, BSR: nothing is written for 0, and only ZF is defined. */
static void bit_scan(X86Tr *tr, bool reverse)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrType type = x86tr_type(size);
    IrRef x = x86tr_op_read_ext(tr, 1, false), old = x86tr_op_read(tr, 0), t = ir_temp(b);

    ir_op1(b, reverse ? IR_CLZ : IR_CTZ, type, t, x);
    if (reverse) {
        ir_op2i(b, IR_XOR, type, t, t, size == 8 ? 63 : 31);
    }
    ir_mov(b, IR_I64, G_CC_DST, x);
    if (size >= 4) {
        ir_movcond(b, IR_NE, IR_I64, old, x, ir_const(b, 0), t, old);
    } else {
        ir_movcond(b, IR_NE, IR_I64, t, x, ir_const(b, 0), t, old);
        x86tr_op_write(tr, 0, t);
    }
    x86tr_cc_set(tr, X86_CC_LOGICB, size, IR_NONE, IR_NONE, IR_NONE);
}

void x86tr_bsf(X86Tr *tr)
{
    bit_scan(tr, false);
}

void x86tr_bsr(X86Tr *tr)
{
    bit_scan(tr, true);
}

/* CF: the source is 0; ZF: the result is. */
static void count_flags(X86Tr *tr, IrRef source, IrRef result)
{
    IrBlock *b = tr->ir;
    IrRef c = ir_temp(b), z = ir_temp(b);

    ir_setcond(b, IR_EQ, IR_I64, c, source, ir_const(b, 0));
    ir_setcond(b, IR_EQ, IR_I64, z, result, ir_const(b, 0));
    ir_op2i(b, IR_SHL, IR_I64, z, z, 6);
    x86tr_cc_set_eflags(tr, op2(tr, IR_OR, IR_I64, c, z));
}

/* Without BMI1 its encoding is BSF with an ignored prefix. */
void x86tr_tzcnt(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef x, y, t;

    if (!x86_has(tr->env, X86_F_BMI1)) {
        bit_scan(tr, false);
        return;
    }
    x = y = x86tr_op_read_ext(tr, 1, false);
    t = ir_temp(tr->ir);
    if (size == 2) {
        y = op2i(tr, IR_OR, IR_I32, x, 0x10000);
    }
    ir_op1(tr->ir, IR_CTZ, x86tr_type(size), t, y);
    count_flags(tr, x, t);
    x86tr_op_write(tr, 0, t);
}

void x86tr_lzcnt(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef x, t;

    if (!x86_has(tr->env, X86_F_ABM)) {
        bit_scan(tr, true);
        return;
    }
    x = x86tr_op_read_ext(tr, 1, false);
    t = ir_temp(tr->ir);
    ir_op1(tr->ir, IR_CLZ, x86tr_type(size), t, x);
    if (size == 2) {
        ir_op2i(tr->ir, IR_SUB, IR_I32, t, t, 16);
    }
    count_flags(tr, x, t);
    x86tr_op_write(tr, 0, t);
}

void x86tr_popcnt(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef x = x86tr_op_read_ext(tr, 1, false), t = ir_temp(b), z = ir_temp(b);

    ir_op1(b, IR_POPCNT, IR_I64, t, x);
    ir_setcond(b, IR_EQ, IR_I64, z, x, ir_const(b, 0));
    ir_op2i(b, IR_SHL, IR_I64, z, z, 6);
    x86tr_op_write(tr, 0, t);
    x86tr_cc_set_eflags(tr, z);
}

/* ---- BMI ---- */

void x86tr_andn(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef t = op2(tr, IR_ANDC, x86tr_type(size), x86tr_op_read(tr, 2), x86tr_op_read(tr, 1));

    x86tr_op_write(tr, 0, t);
    x86tr_cc_set_logic(tr, t, size);
}

/* BLSR, BLSMSK, BLSI (arg): of the lowest bit set. */
void x86tr_lowest_bit(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned kind = tr->row->arg, size = x86tr_op_size(tr, 0);
    IrType type = x86tr_type(size);
    IrRef x = x86tr_op_read_ext(tr, 1, false), t = ir_temp(b), r = ir_temp(b), c = ir_temp(b);

    if (kind == X86_BLSI) {
        ir_op1(b, IR_NEG, type, t, x);
    } else {
        ir_op2i(b, IR_SUB, type, t, x, 1);
    }
    ir_op2(b, kind == X86_BLSMSK ? IR_XOR : IR_AND, type, r, t, x);
    ir_setcond(b, kind == X86_BLSI ? IR_NE : IR_EQ, type, c, x, ir_const(b, 0));
    x86tr_op_write(tr, 0, r);
    x86tr_cc_set_logic(tr, r, size);
    x86tr_cc_set_carry(tr, c, true);
}

void x86tr_bextr(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef x = x86tr_op_read_ext(tr, 1, false), control = x86tr_op_read(tr, 2), start = ir_temp(b),
          len = ir_temp(b);
    IrRef width = ir_const(b, size * 8), t, mask;

    ir_op1(b, IR_EXT8U, IR_I64, start, control);
    ir_extract(b, len, control, 8, 8);
    t = op2(tr, IR_SHR, IR_I64, x, start);
    ir_movcond(b, IR_LTU, IR_I64, t, start, width, t, ir_const(b, 0));
    mask = op2i(tr, IR_SUB, IR_I64, op2(tr, IR_SHL, IR_I64, ir_const(b, 1), len), 1);
    ir_movcond(b, IR_LTU, IR_I64, mask, len, width, mask, ir_const(b, ~0ull));
    ir_op2(b, IR_AND, IR_I64, t, t, mask);
    x86tr_op_write(tr, 0, t);
    x86tr_cc_set_logic(tr, t, size);
}

void x86tr_bzhi(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef x = x86tr_op_read(tr, 1), n = ir_temp(b), width = ir_const(b, size * 8), t,
          c = ir_temp(b);

    ir_op1(b, IR_EXT8U, IR_I64, n, x86tr_op_read(tr, 2));
    t = op2i(tr, IR_SUB, IR_I64, op2(tr, IR_SHL, IR_I64, ir_const(b, 1), n), 1);
    ir_op2(b, IR_AND, IR_I64, t, t, x);
    ir_movcond(b, IR_LTU, IR_I64, t, n, width, t, x);
    ir_setcond(b, IR_GEU, IR_I64, c, n, width);
    x86tr_op_write(tr, 0, t);
    x86tr_cc_set_logic(tr, t, size);
    x86tr_cc_set_carry(tr, c, true);
}

/* PDEP, PEXT (arg 1). */
void x86tr_bit_scatter(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);
    IrRef x = x86tr_op_read_ext(tr, 1, false), mask = x86tr_op_read_ext(tr, 2, false);

    ir_call(tr->ir, IR_CALL_PURE, t,
            tr->row->arg ? (void *)x86_helper_pext : (void *)x86_helper_pdep, x, mask, IR_NONE,
            IR_NONE);
    x86tr_op_write(tr, 0, t);
}

void x86tr_crc32(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    ir_call(tr->ir, IR_CALL_PURE, t, (void *)x86_helper_crc32, x86tr_op_read(tr, 0),
            x86tr_op_read_ext(tr, 1, false), ir_const(tr->ir, x86tr_op_size(tr, 1)), IR_NONE);
    ir_op1(tr->ir, IR_EXT32U, IR_I64, t, t);
    x86tr_op_write(tr, 0, t);
}
