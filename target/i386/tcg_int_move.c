/* Translates moves between registers and memory, conditional moves, stack moves and the like.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

static IrRef copy(X86Tr *tr, IrRef v)
{
    IrRef t = ir_temp(tr->ir);

    ir_mov(tr->ir, IR_I64, t, v);
    return t;
}

static bool is_class(const ZydisDecodedOperand *o, ZydisRegister first, ZydisRegister last)
{
    return x86tr_is_reg(o) && o->reg.value >= first && o->reg.value <= last;
}

/* ---- MOV ---- */

/* A load that may go straight into its register; mop says how it is extended. */
static void load_reg(X86Tr *tr, ZydisRegister reg, const ZydisDecodedOperand *from, unsigned mop)
{
    X86Addr a = x86tr_addr(tr, from, from->size / 8u, X86_READ);
    unsigned size = x86tr_reg_size(reg);
    bool high;
    unsigned n = x86tr_reg_num(reg, &high);
    IrRef t;

    if (size >= 4) {
        x86tr_load(tr, G_REG(n), a, mop);
        return;
    }
    t = ir_temp(tr->ir);
    x86tr_load(tr, t, a, mop);
    x86tr_reg_write(tr, reg, t);
}

static void mov_from_seg(X86Tr *tr)
{
    unsigned seg = x86tr_reg_index(tr->op[1].reg.value, ZYDIS_REGISTER_ES);
    IrRef t = ir_temp(tr->ir);

    ir_lds(tr->ir, t, MO_16, offsetof(X86State, seg[seg].selector));
    x86tr_op_write(tr, 0, t);
}

static void mov_to_seg(X86Tr *tr)
{
    unsigned seg = x86tr_reg_index(tr->op[0].reg.value, ZYDIS_REGISTER_ES);
    IrRef t;

    if (seg == R_CS) {
        x86tr_raise(tr, X86_EXC_UD);
        return;
    }
    t = ir_temp(tr->ir);
    if (x86tr_is_mem(&tr->op[1])) {
        x86tr_load(tr, t, x86tr_addr(tr, &tr->op[1], 2, X86_READ), MO_16);
    } else {
        ir_op1(tr->ir, IR_EXT16U, IR_I64, t, x86tr_op_read(tr, 1));
    }
    x86tr_call(tr, IR_NONE, (void *)x86_helper_load_seg, ir_const(tr->ir, seg), t, IR_NONE,
               IR_NONE);
    x86tr_exit_next(tr, tr->next);
}

void x86tr_mov(X86Tr *tr)
{
    const ZydisDecodedOperand *d = &tr->op[0], *s = &tr->op[1];

    if (is_class(d, ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS)) {
        mov_to_seg(tr);
    } else if (is_class(s, ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS)) {
        mov_from_seg(tr);
    } else if (is_class(d, ZYDIS_REGISTER_CR0, ZYDIS_REGISTER_DR15) ||
               is_class(s, ZYDIS_REGISTER_CR0, ZYDIS_REGISTER_DR15)) {
        x86tr_mov_control(tr);
    } else if (x86tr_is_reg(d) && x86tr_is_mem(s)) {
        load_reg(tr, d->reg.value, s, x86tr_log2(s->size / 8u));
    } else {
        x86tr_op_write(tr, 0, x86tr_op_read(tr, 1));
    }
}

/* Straight into the register where that is one operation: 64 bits, or zero extension. */
static void extend_reg(X86Tr *tr, unsigned size, unsigned from, bool sign)
{
    static const uint8_t op[2][3] = { { IR_EXT8U, IR_EXT16U, IR_EXT32U },
                                      { IR_EXT8S, IR_EXT16S, IR_EXT32S } };
    ZydisRegister reg = tr->op[1].reg.value;
    bool high;
    unsigned n = x86tr_reg_num(reg, &high);

    if (size < 4 || high || (size == 4 && sign && from == 4)) {
        x86tr_op_write(tr, 0, x86tr_reg_read_ext(tr, reg, sign));
    } else {
        ir_op1(tr->ir, (IrOp)op[sign][x86tr_log2(from)], x86tr_type(size), x86tr_dest(tr, 0),
               G_REG(n));
    }
}

/* MOVZX; MOVSX and MOVSXD (arg 1). */
void x86tr_mov_extend(X86Tr *tr)
{
    bool sign = tr->row->arg;
    unsigned size = x86tr_op_size(tr, 0);
    unsigned mop = x86tr_log2(x86tr_op_size(tr, 1));

    if (x86tr_is_mem(&tr->op[1])) {
        if (sign) {
            mop |= size == 8 ? MO_SIGN : MO_SIGN | MO_SIGN32;
        }
        load_reg(tr, tr->op[0].reg.value, &tr->op[1], mop);
    } else {
        extend_reg(tr, size, x86tr_op_size(tr, 1), sign);
    }
}

void x86tr_movnti(X86Tr *tr)
{
    x86tr_op_write(tr, 0, x86tr_op_read(tr, 1));
}

void x86tr_mov_swapped(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef v = x86tr_op_read(tr, 1), t = ir_temp(tr->ir);

    ir_op1(tr->ir, IR_BSWAP, x86tr_type(size), t, v);
    if (size == 2) {
        ir_op2i(tr->ir, IR_SHR, IR_I32, t, t, 16);
    }
    x86tr_op_write(tr, 0, t);
}

/* The result for 16 bits is undefined; processors make it 0. */
void x86tr_bswap(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef v = x86tr_op_read(tr, 0);

    if (size == 2) {
        x86tr_op_write(tr, 0, ir_const(tr->ir, 0));
    } else {
        ir_op1(tr->ir, IR_BSWAP, x86tr_type(size), v, v);
    }
}

void x86tr_lea_insn(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    bool high;

    if (size == 2 || tr->adsize == 2) {
        x86tr_op_write(tr, 0, x86tr_offset(tr, &tr->op[1]));
    } else {
        x86tr_lea(tr, &tr->op[1], x86tr_type(MIN(size, tr->adsize)),
                  G_REG(x86tr_reg_num(tr->op[0].reg.value, &high)));
    }
}

void x86tr_xchg(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    unsigned m = x86tr_is_mem(&tr->op[0]) ? 0 : 1;
    IrRef a, b;

    if (x86tr_is_mem(&tr->op[m])) {
        a = ir_temp(tr->ir);
        b = x86tr_op_read(tr, !m);
        ir_amo(tr->ir, IR_AMO_XCHG, a, x86tr_linear(tr, &tr->op[m], size, X86_WRITE), b,
               x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
        x86tr_op_write(tr, !m, a);
        return;
    }
    a = copy(tr, x86tr_op_read(tr, 0));
    b = copy(tr, x86tr_op_read(tr, 1));
    x86tr_op_write(tr, 0, b);
    x86tr_op_write(tr, 1, a);
}

void x86tr_xlat(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef t = ir_temp(b);
    X86Addr a = { .base = t };

    ir_op1(b, IR_EXT8U, IR_I64, t, G_REG(R_RAX));
    ir_op2(b, IR_ADD, x86tr_type(tr->adsize), t, t, G_REG(R_RBX));
    if (tr->adsize == 2) {
        ir_op1(b, IR_EXT16U, IR_I64, t, t);
    }
    a.base = x86tr_segment(tr, x86tr_override(tr, R_DS), t, 1, X86_READ);
    t = ir_temp(b);
    x86tr_load(tr, t, a, MO_8);
    x86tr_gpr_write(tr, R_RAX, 1, t);
}

/* CBW, CWDE, CDQE. */
void x86tr_extend_acc(X86Tr *tr)
{
    static const uint8_t ext[] = { 0, IR_EXT8S, IR_EXT16S, IR_EXT32S };
    IrRef t = ir_temp(tr->ir);

    ir_op1(tr->ir, (IrOp)ext[x86tr_log2(tr->opsize)], IR_I64, t, G_REG(R_RAX));
    x86tr_gpr_write(tr, R_RAX, tr->opsize, t);
}

/* CWD, CDQ, CQO. */
void x86tr_spread_acc(X86Tr *tr)
{
    IrRef t;

    if (tr->opsize >= 4) {
        ir_op2i(tr->ir, IR_SAR, x86tr_type(tr->opsize), G_REG(R_RDX), G_REG(R_RAX),
                tr->opsize * 8 - 1);
        return;
    }
    t = ir_temp(tr->ir);
    ir_op1(tr->ir, IR_EXT16S, IR_I64, t, G_REG(R_RAX));
    ir_op2i(tr->ir, IR_SAR, IR_I64, t, t, 16);
    x86tr_gpr_write(tr, R_RDX, 2, t);
}

/* ---- conditions ---- */

void x86tr_setcc(X86Tr *tr)
{
    x86tr_op_write(tr, 0, x86tr_cond_value(tr, tr->row->arg));
}

void x86tr_cmovcc(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrType type = x86tr_type(size);
    IrRef src = x86tr_op_read(tr, 1), old = x86tr_op_read(tr, 0), t;
    X86Cond c = x86tr_cond(tr, tr->row->arg);
    bool yes;

    if (x86tr_cond_known(tr, &c, &yes)) {
        x86tr_op_write(tr, 0, yes ? src : old);
        return;
    }
    if (c.type != type) {
        t = ir_temp(tr->ir);
        ir_setcond(tr->ir, c.cond, c.type, t, c.a, c.b);
        c = (X86Cond){ IR_NE, type, t, ir_const(tr->ir, 0) };
    }
    if (size >= 4) {
        ir_movcond(tr->ir, c.cond, type, old, c.a, c.b, src, old);
    } else {
        t = ir_temp(tr->ir);
        ir_movcond(tr->ir, c.cond, type, t, c.a, c.b, src, old);
        x86tr_op_write(tr, 0, t);
    }
}

/* ---- stack ---- */

void x86tr_push_insn(X86Tr *tr)
{
    IrRef t;

    if (is_class(&tr->op[0], ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS)) {
        t = ir_temp(tr->ir);
        ir_lds(tr->ir, t, MO_16,
               offsetof(X86State, seg[tr->op[0].reg.value - ZYDIS_REGISTER_ES].selector));
    } else {
        t = x86tr_op_read(tr, 0);
    }
    x86tr_push(tr, t, tr->opsize);
}

static void pop_seg(X86Tr *tr, unsigned seg)
{
    IrRef t = ir_temp(tr->ir), sel = ir_temp(tr->ir);

    x86tr_stack_load(tr, t, tr->opsize);
    ir_op1(tr->ir, IR_EXT16U, IR_I64, sel, t);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_load_seg, ir_const(tr->ir, seg), sel, IR_NONE,
               IR_NONE);
    x86tr_stack_add(tr, tr->opsize);
    x86tr_exit_next(tr, tr->next);
}

void x86tr_pop_insn(X86Tr *tr)
{
    const ZydisDecodedOperand *o = &tr->op[0];
    IrRef t;
    bool high;

    if (is_class(o, ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS)) {
        pop_seg(tr, x86tr_reg_index(o->reg.value, ZYDIS_REGISTER_ES));
        return;
    }
    if (x86tr_is_reg(o) && tr->opsize >= 4 && x86tr_reg_num(o->reg.value, &high) != R_RSP) {
        x86tr_stack_load(tr, G_REG(x86tr_reg_num(o->reg.value, &high)), tr->opsize);
        x86tr_stack_add(tr, tr->opsize);
        return;
    }
    t = ir_temp(tr->ir);
    x86tr_stack_load(tr, t, tr->opsize);
    if (x86tr_is_mem(o)) {
        /* The address is computed with rsp already raised; rsp is raised when the store has
         * succeeded. */
        tr->pop_adjust = (int8_t)tr->opsize;
        x86tr_op_write(tr, 0, t);
        x86tr_stack_add(tr, tr->opsize);
    } else {
        x86tr_stack_add(tr, tr->opsize);
        x86tr_op_write(tr, 0, t);
    }
}

/* PUSHA: eight stores below the top, then the stack pointer. */
void x86tr_pusha(X86Tr *tr)
{
    unsigned size = tr->row->arg;
    IrRef t, lin;

    for (unsigned n = 0; n < 8; n++) {
        t = ir_temp(tr->ir);
        ir_op2i(tr->ir, IR_SUB, IR_I32, t, G_REG(R_RSP), (n + 1) * size);
        if (tr->stsize == 2) {
            ir_op1(tr->ir, IR_EXT16U, IR_I64, t, t);
        }
        lin = x86tr_segment(tr, R_SS, t, size, X86_WRITE);
        ir_st(tr->ir, lin, 0, G_REG(n), x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
    }
    x86tr_stack_add(tr, -(int32_t)(8 * size));
}

void x86tr_popa(X86Tr *tr)
{
    unsigned size = tr->row->arg;
    IrRef v[8];

    for (unsigned n = 0; n < 8; n++) {
        v[n] = ir_temp(tr->ir);
        if (n != R_RSP) {
            x86tr_stack_load_at(tr, v[n], size, (int32_t)((7 - n) * size));
        }
    }
    for (unsigned n = 0; n < 8; n++) {
        if (n != R_RSP) {
            x86tr_gpr_write(tr, n, size, v[n]);
        }
    }
    x86tr_stack_add(tr, (int32_t)(8 * size));
}

/* ENTER: level 0 here, nested frames by C. */
void x86tr_enter(X86Tr *tr)
{
    unsigned frame = (unsigned)tr->op[0].imm.value.u & 0xffff,
             level = (unsigned)tr->op[1].imm.value.u & 31;
    IrRef t;

    if (level) {
        x86tr_call(tr, IR_NONE, (void *)x86_helper_enter, ir_const(tr->ir, frame),
                   ir_const(tr->ir, level), ir_const(tr->ir, tr->opsize), IR_NONE);
        return;
    }
    t = ir_temp(tr->ir);
    ir_op2i(tr->ir, IR_SUB, tr->code64 ? IR_I64 : IR_I32, t, G_REG(R_RSP), tr->opsize);
    if (tr->stsize == 2) {
        ir_op1(tr->ir, IR_EXT16U, IR_I64, t, t);
    }
    x86tr_push(tr, G_REG(R_RBP), tr->opsize);
    x86tr_gpr_write(tr, R_RBP, tr->opsize, t);
    if (frame) {
        x86tr_stack_add(tr, -(int32_t)frame);
    }
}

void x86tr_leave(X86Tr *tr)
{
    IrRef top = ir_temp(tr->ir), v = ir_temp(tr->ir);

    if (tr->code64) {
        ir_ld(tr->ir, v, G_REG(R_RBP), 0, x86tr_mop(tr, x86tr_log2(tr->opsize)), tr->mmu);
        ir_op2i(tr->ir, IR_ADD, IR_I64, G_REG(R_RSP), G_REG(R_RBP), tr->opsize);
        x86tr_gpr_write(tr, R_RBP, tr->opsize, v);
        return;
    }
    if (tr->stsize == 2) {
        ir_op1(tr->ir, IR_EXT16U, IR_I64, top, G_REG(R_RBP));
    } else {
        ir_op1(tr->ir, IR_EXT32U, IR_I64, top, G_REG(R_RBP));
    }
    ir_ld(tr->ir, v, x86tr_segment(tr, R_SS, top, tr->opsize, X86_READ), 0,
          x86tr_mop(tr, x86tr_log2(tr->opsize)), tr->mmu);
    ir_op2i(tr->ir, IR_ADD, IR_I32, top, top, tr->opsize);
    x86tr_gpr_write(tr, R_RSP, tr->stsize, top);
    x86tr_gpr_write(tr, R_RBP, tr->opsize, v);
}
