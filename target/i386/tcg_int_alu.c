/* Translates addition, subtraction, logic, comparison and exchange, with their LOCK forms.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

static const struct {
    uint8_t op, cc, amo;
} alu[] = {
    [X86_ALU_ADD] = { IR_ADD, X86_CC_ADDB, IR_AMO_ADD },
    [X86_ALU_OR] = { IR_OR, X86_CC_LOGICB, IR_AMO_OR },
    [X86_ALU_ADC] = { IR_ADD, X86_CC_ADCB, 0 },
    [X86_ALU_SBB] = { IR_SUB, X86_CC_SBBB, 0 },
    [X86_ALU_AND] = { IR_AND, X86_CC_LOGICB, IR_AMO_AND },
    [X86_ALU_SUB] = { IR_SUB, X86_CC_SUBB, IR_AMO_ADD },
    [X86_ALU_XOR] = { IR_XOR, X86_CC_LOGICB, IR_AMO_XOR },
};

/* The result of an ALU operation on values of `size` bytes, into d. */
static void alu_result(X86Tr *tr, unsigned kind, unsigned size, IrRef d, IrRef l, IrRef r,
                       IrRef carry)
{
    IrType type = x86tr_type(size);
    IrRef t;

    if (kind == X86_ALU_ADC || kind == X86_ALU_SBB) {
        t = ir_temp(tr->ir);
        ir_op2(tr->ir, (IrOp)alu[kind].op, type, t, l, r);
        ir_op2(tr->ir, (IrOp)alu[kind].op, type, d, t, carry);
    } else {
        ir_op2(tr->ir, (IrOp)alu[kind].op, type, d, l, r);
    }
}

/* Saves what the flags are made of: before the destination changes for those that keep operands,
 * after for those that keep the result. */
static void save_operands(X86Tr *tr, unsigned kind, IrRef l, IrRef r, IrRef carry)
{
    if (alu[kind].cc == X86_CC_LOGICB) {
        return;
    }
    ir_mov(tr->ir, IR_I64, G_CC_DST, l);
    ir_mov(tr->ir, IR_I64, G_CC_SRC, r);
    if (carry) {
        ir_mov(tr->ir, IR_I64, G_CC_SRC2, carry);
    }
}

static void save_result(X86Tr *tr, unsigned kind, unsigned size, IrRef r, IrRef result, IrRef where)
{
    if (alu[kind].cc == X86_CC_LOGICB) {
        x86tr_cc_set_logic(tr, result, size);
    } else {
        x86tr_cc_set(tr, alu[kind].cc, size, IR_NONE, r, where);
    }
}

/* x op x for XOR, SUB and SBB: the result does not depend on x. */
static bool alu_same(X86Tr *tr, unsigned kind, unsigned size)
{
    IrRef zero = ir_const(tr->ir, 0), c, t;

    if (!x86tr_is_reg(&tr->op[1]) || tr->op[0].reg.value != tr->op[1].reg.value) {
        return false;
    }
    switch (kind) {
    case X86_ALU_XOR:
        x86tr_op_write(tr, 0, zero);
        x86tr_cc_set_logic(tr, zero, size);
        return true;
    case X86_ALU_SUB:
        x86tr_op_write(tr, 0, zero);
        ir_mov(tr->ir, IR_I64, G_CC_DST, zero);
        ir_mov(tr->ir, IR_I64, G_CC_SRC, zero);
        x86tr_cc_set(tr, X86_CC_SUBB, size, zero, zero, IR_NONE);
        return true;
    case X86_ALU_SBB:
        c = x86tr_cond_value(tr, X86_COND_B);
        t = ir_temp(tr->ir);
        ir_op1(tr->ir, IR_NEG, x86tr_type(size), t, c);
        x86tr_op_write(tr, 0, t);
        save_operands(tr, kind, zero, zero, c);
        x86tr_cc_set(tr, X86_CC_SBBB, size, zero, zero, IR_NONE);
        return true;
    default:
        return false;
    }
}

static void alu_reg(X86Tr *tr, unsigned kind, unsigned size, IrRef carry)
{
    const ZydisDecodedOperand *o = &tr->op[0];
    IrRef r = x86tr_op_read(tr, 1), l = x86tr_op_read(tr, 0), t;
    bool high;
    unsigned n = x86tr_reg_num(o->reg.value, &high);

    save_operands(tr, kind, l, r, carry);
    if (size >= 4) {
        alu_result(tr, kind, size, G_REG(n), l, r, carry);
        save_result(tr, kind, size, r, G_REG(n), G_REG(n));
        return;
    }
    t = ir_temp(tr->ir);
    alu_result(tr, kind, size, t, l, r, carry);
    x86tr_reg_write(tr, o->reg.value, t);
    save_result(tr, kind, size, r, t, high ? IR_NONE : G_REG(n));
}

static void alu_mem(X86Tr *tr, unsigned kind, unsigned size, IrRef carry)
{
    X86Addr a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
    IrRef r = x86tr_op_read(tr, 1), l = ir_temp(tr->ir), t = ir_temp(tr->ir);

    x86tr_load(tr, l, a, x86tr_log2(size) | MO_WRITE);
    alu_result(tr, kind, size, t, l, r, carry);
    x86tr_store(tr, a, t, x86tr_log2(size));
    save_operands(tr, kind, l, r, carry);
    save_result(tr, kind, size, r, t, IR_NONE);
}

/* A read-modify-write that no atomic operation of the IR does: tries until nobody came between. */
typedef IrRef UpdateFn(X86Tr *, unsigned size, IrRef old, IrRef arg);

/* Returns the old value, in a local; *fresh is the new one. address, arg: any value. */
static IrRef locked_update(X86Tr *tr, unsigned size, IrRef address, IrRef arg, UpdateFn *update,
                           IrRef *fresh)
{
    IrBlock *b = tr->ir;
    IrRef addr = ir_local(b), operand = ir_local(b), old = ir_local(b), got, neu;
    int again = ir_label(b);

    ir_mov(b, IR_I64, addr, address);
    ir_mov(b, IR_I64, operand, arg);
    *fresh = ir_local(b);
    ir_put_label(b, again);
    ir_ld(b, old, addr, 0, x86tr_mop(tr, x86tr_log2(size) | MO_WRITE), tr->mmu);
    neu = update(tr, size, old, operand);
    ir_mov(b, IR_I64, *fresh, neu);
    got = ir_temp(b);
    ir_cas(b, got, addr, old, *fresh, x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
    ir_brcond(b, IR_NE, x86tr_cmp_type(size), got, old, again);
    return old;
}

static IrRef update_adc(X86Tr *tr, unsigned size, IrRef old, IrRef arg)
{
    IrRef t = ir_temp(tr->ir);

    ir_op2(tr->ir, IR_ADD, x86tr_type(size), t, old, arg);
    return t;
}

static IrRef update_neg(X86Tr *tr, unsigned size, IrRef old, IrRef arg)
{
    IrRef t = ir_temp(tr->ir);

    ir_op1(tr->ir, IR_NEG, x86tr_type(size), t, old);
    return t;
}

/* ADC and SBB with LOCK: what is added is known before. */
static void locked_carry(X86Tr *tr, unsigned kind, unsigned size, IrRef carry)
{
    IrBlock *b = tr->ir;
    IrRef addr = x86tr_linear(tr, &tr->op[0], size, X86_WRITE), sum = ir_temp(b), old, fresh;
    IrRef r = ir_local(b), c = ir_local(b);

    ir_mov(b, IR_I64, r, x86tr_op_read(tr, 1));
    ir_mov(b, IR_I64, c, carry);
    ir_op2(b, IR_ADD, IR_I64, sum, r, c);
    if (kind == X86_ALU_SBB) {
        ir_op1(b, IR_NEG, IR_I64, sum, sum);
    }
    old = locked_update(tr, size, addr, sum, update_adc, &fresh);
    save_operands(tr, kind, old, r, c);
    x86tr_cc_set(tr, alu[kind].cc, size, IR_NONE, IR_NONE, IR_NONE);
}

static void alu_locked(X86Tr *tr, unsigned kind, unsigned size, IrRef carry)
{
    IrBlock *b = tr->ir;
    IrRef addr, r, old, operand, t;

    if (carry) {
        locked_carry(tr, kind, size, carry);
        return;
    }
    addr = x86tr_linear(tr, &tr->op[0], size, X86_WRITE);
    r = operand = x86tr_op_read(tr, 1);
    old = ir_temp(b);
    t = ir_temp(b);
    if (kind == X86_ALU_SUB) {
        operand = ir_temp(b);
        ir_op1(b, IR_NEG, IR_I64, operand, r);
    }
    ir_amo(b, (IrAmo)alu[kind].amo, old, addr, operand, x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
    save_operands(tr, kind, old, r, IR_NONE);
    alu_result(tr, kind, size, t, old, r, IR_NONE);
    save_result(tr, kind, size, r, t, IR_NONE);
}

/* ADD, OR, ADC, SBB, AND, SUB, XOR (arg: X86_ALU_*). */
void x86tr_alu(X86Tr *tr)
{
    unsigned kind = tr->row->arg, size = x86tr_op_size(tr, 0);
    IrRef carry = IR_NONE;

    if (x86tr_is_reg(&tr->op[0]) && alu_same(tr, kind, size)) {
        return;
    }
    if (kind == X86_ALU_ADC || kind == X86_ALU_SBB) {
        carry = x86tr_cond_value(tr, X86_COND_B);
    }
    if (x86tr_is_reg(&tr->op[0])) {
        alu_reg(tr, kind, size, carry);
    } else if (tr->lock) {
        alu_locked(tr, kind, size, carry);
    } else {
        alu_mem(tr, kind, size, carry);
    }
}

/* Memory operands are loaded straight into where the flags want them. */
void x86tr_cmp(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef l, r;

    if (x86tr_is_mem(&tr->op[0])) {
        r = x86tr_op_read(tr, 1);
        x86tr_load(tr, G_CC_DST, x86tr_addr(tr, &tr->op[0], size, X86_READ), x86tr_log2(size));
        ir_mov(tr->ir, IR_I64, G_CC_SRC, r);
    } else if (x86tr_is_mem(&tr->op[1])) {
        l = x86tr_op_read(tr, 0);
        x86tr_load(tr, G_CC_SRC, x86tr_addr(tr, &tr->op[1], size, X86_READ), x86tr_log2(size));
        ir_mov(tr->ir, IR_I64, G_CC_DST, l);
        r = IR_NONE;
    } else {
        l = x86tr_op_read(tr, 0);
        r = x86tr_op_read(tr, 1);
        ir_mov(tr->ir, IR_I64, G_CC_DST, l);
        ir_mov(tr->ir, IR_I64, G_CC_SRC, r);
    }
    x86tr_cc_set(tr, X86_CC_SUBB, size, IR_NONE, r, IR_NONE);
}

void x86tr_test(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef l = x86tr_op_read(tr, 0), r = x86tr_op_read(tr, 1);

    if (l == r) {
        ir_mov(tr->ir, IR_I64, G_CC_DST, l);
    } else {
        ir_op2(tr->ir, IR_AND, x86tr_type(size), G_CC_DST, l, r);
    }
    x86tr_cc_set(tr, X86_CC_LOGICB, size, IR_NONE, IR_NONE, IR_NONE);
}

/* INC, DEC (arg 1): CF stays. */
void x86tr_incdec(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrType type = x86tr_type(size);
    bool down = tr->row->arg, kept;
    IrOp op = down ? IR_SUB : IR_ADD;
    IrRef t = ir_temp(b), old;
    X86Addr a;

    if (x86tr_is_reg(&tr->op[0])) {
        kept = x86tr_cc_keep_carry(tr);
        old = x86tr_op_read(tr, 0);
        t = x86tr_dest(tr, 0);
        ir_op2i(b, op, type, t, old, 1);
        x86tr_dest_write(tr, 0, NULL, t);
    } else if (tr->lock) {
        old = ir_temp(b);
        ir_amo(b, IR_AMO_ADD, old, x86tr_linear(tr, &tr->op[0], size, X86_WRITE),
               ir_const(b, down ? ~0ull : 1), x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
        ir_op2i(b, op, type, t, old, 1);
        kept = x86tr_cc_keep_carry(tr);
    } else {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        x86tr_load(tr, t, a, x86tr_log2(size) | MO_WRITE);
        ir_op2i(b, op, type, t, t, 1);
        x86tr_store(tr, a, t, x86tr_log2(size));
        kept = x86tr_cc_keep_carry(tr);
    }
    x86tr_cc_set_step(tr, kept, down, t, size);
}

/* NEG: flags as of 0 - x. */
void x86tr_neg(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef zero = ir_const(b, 0), t = ir_temp(b), old, fresh;
    X86Addr a;

    if (x86tr_is_reg(&tr->op[0])) {
        old = x86tr_op_read(tr, 0);
        ir_mov(b, IR_I64, G_CC_SRC, old);
        t = x86tr_dest(tr, 0);
        ir_op1(b, IR_NEG, x86tr_type(size), t, old);
        x86tr_dest_write(tr, 0, NULL, t);
    } else if (tr->lock) {
        old = locked_update(tr, size, x86tr_linear(tr, &tr->op[0], size, X86_WRITE), zero,
                            update_neg, &fresh);
        ir_mov(b, IR_I64, G_CC_SRC, old);
    } else {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        old = ir_temp(b);
        x86tr_load(tr, old, a, x86tr_log2(size) | MO_WRITE);
        ir_op1(b, IR_NEG, x86tr_type(size), t, old);
        x86tr_store(tr, a, t, x86tr_log2(size));
        ir_mov(b, IR_I64, G_CC_SRC, old);
    }
    ir_mov(b, IR_I64, G_CC_DST, zero);
    x86tr_cc_set(tr, X86_CC_SUBB, size, zero, IR_NONE, IR_NONE);
}

void x86tr_not(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef t = ir_temp(b), old;
    X86Addr a;

    if (x86tr_is_reg(&tr->op[0])) {
        old = x86tr_op_read(tr, 0);
        t = x86tr_dest(tr, 0);
        ir_op1(b, IR_NOT, x86tr_type(size), t, old);
        x86tr_dest_write(tr, 0, NULL, t);
    } else if (tr->lock) {
        ir_amo(b, IR_AMO_XOR, t, x86tr_linear(tr, &tr->op[0], size, X86_WRITE), ir_const(b, ~0ull),
               x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
    } else {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        x86tr_load(tr, t, a, x86tr_log2(size) | MO_WRITE);
        ir_op1(b, IR_NOT, x86tr_type(size), t, t);
        x86tr_store(tr, a, t, x86tr_log2(size));
    }
}

/* ADCX and ADOX (arg 1): only CF, only OF. */
void x86tr_adx(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrType type = x86tr_type(size);
    bool of = tr->row->arg;
    IrRef r = x86tr_op_read(tr, 1), l = x86tr_op_read(tr, 0);
    IrRef in = x86tr_cond_value(tr, of ? X86_COND_O : X86_COND_B);
    IrRef s = ir_temp(b), c1 = ir_temp(b), c2 = ir_temp(b), t = ir_temp(b), flags;

    ir_op2(b, IR_ADD, type, s, l, r);
    ir_setcond(b, IR_LTU, type, c1, s, l);
    ir_op2(b, IR_ADD, type, t, s, in);
    ir_setcond(b, IR_LTU, type, c2, t, s);
    ir_op2(b, IR_OR, IR_I64, c1, c1, c2);
    x86tr_op_write(tr, 0, t);
    if (of) {
        flags = x86tr_cc_eflags(tr);
        ir_deposit(b, flags, flags, c1, 11, 1);
        x86tr_cc_set_eflags(tr, flags);
    } else {
        x86tr_cc_set_carry(tr, c1, true);
    }
}

/* ---- exchanges ---- */

void x86tr_xadd(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef old = ir_temp(b), r = ir_temp(b), sum = ir_temp(b);
    X86Addr a;

    ir_mov(b, IR_I64, r, x86tr_op_read(tr, 1));
    if (x86tr_is_reg(&tr->op[0])) {
        ir_mov(b, IR_I64, old, x86tr_op_read(tr, 0));
    } else if (tr->lock) {
        ir_amo(b, IR_AMO_ADD, old, x86tr_linear(tr, &tr->op[0], size, X86_WRITE), r,
               x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
    } else {
        a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
        x86tr_load(tr, old, a, x86tr_log2(size) | MO_WRITE);
    }
    ir_op2(b, IR_ADD, x86tr_type(size), sum, old, r);
    if (x86tr_is_mem(&tr->op[0]) && !tr->lock) {
        x86tr_store(tr, a, sum, x86tr_log2(size));
    }
    ir_mov(b, IR_I64, G_CC_DST, old);
    ir_mov(b, IR_I64, G_CC_SRC, r);
    x86tr_op_write(tr, 1, old);
    if (x86tr_is_reg(&tr->op[0])) {
        x86tr_op_write(tr, 0, sum);
    }
    x86tr_cc_set(tr, X86_CC_ADDB, size, IR_NONE, IR_NONE, IR_NONE);
}

/* The accumulator takes what was found when it was not what it holds; a 32-bit accumulator that
 * was equal keeps its upper half. */
static void update_acc(X86Tr *tr, unsigned size, IrRef old)
{
    IrBlock *b = tr->ir;
    IrRef eq;

    if (size == 4) {
        eq = ir_temp(b);
        ir_setcond(b, IR_EQ, IR_I32, eq, G_REG(R_RAX), old);
        ir_movcond(b, IR_NE, IR_I64, G_REG(R_RAX), eq, ir_const(b, 0), G_REG(R_RAX), old);
    } else {
        x86tr_gpr_write(tr, R_RAX, size, old);
    }
}

void x86tr_cmpxchg(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef src = x86tr_op_read(tr, 1), old = ir_temp(b), eq = ir_temp(b), neu = ir_temp(b);
    bool mem = x86tr_is_mem(&tr->op[0]);
    X86Addr a;

    if (mem && tr->lock) {
        ir_cas(b, old, x86tr_linear(tr, &tr->op[0], size, X86_WRITE), G_REG(R_RAX), src,
               x86tr_mop(tr, x86tr_log2(size)), tr->mmu);
    } else {
        if (mem) {
            a = x86tr_addr(tr, &tr->op[0], size, X86_WRITE);
            x86tr_load(tr, old, a, x86tr_log2(size) | MO_WRITE);
        } else {
            ir_mov(b, x86tr_type(size), old, x86tr_op_read(tr, 0));
        }
        ir_setcond(b, IR_EQ, x86tr_cmp_type(size), eq, G_REG(R_RAX), old);
        ir_movcond(b, IR_NE, IR_I64, neu, eq, ir_const(b, 0), src, old);
        if (mem) {
            x86tr_store(tr, a, neu, x86tr_log2(size));
        }
    }
    ir_mov(b, IR_I64, G_CC_DST, G_REG(R_RAX));
    ir_mov(b, IR_I64, G_CC_SRC, old);
    update_acc(tr, size, old);
    if (!mem) {
        x86tr_op_write(tr, 0, neu);
    }
    x86tr_cc_set(tr, X86_CC_SUBB, size, IR_NONE, IR_NONE, IR_NONE);
}

static void set_zf(X86Tr *tr, IrRef zf)
{
    IrRef flags = x86tr_cc_eflags(tr);

    ir_deposit(tr->ir, flags, flags, zf, 6, 1);
    x86tr_cc_set_eflags(tr, flags);
}

void x86tr_cmpxchg8b(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef expect = ir_temp(b), neu = ir_temp(b), old = ir_temp(b), eq = ir_temp(b), t = ir_temp(b);
    IrRef zero = ir_const(b, 0);
    X86Addr a;

    ir_deposit(b, expect, G_REG(R_RAX), G_REG(R_RDX), 32, 32);
    ir_deposit(b, neu, G_REG(R_RBX), G_REG(R_RCX), 32, 32);
    if (tr->lock) {
        ir_cas(b, old, x86tr_linear(tr, &tr->op[0], 8, X86_WRITE), expect, neu,
               x86tr_mop(tr, MO_64), tr->mmu);
        ir_setcond(b, IR_EQ, IR_I64, eq, old, expect);
    } else {
        a = x86tr_addr(tr, &tr->op[0], 8, X86_WRITE);
        x86tr_load(tr, old, a, MO_64 | MO_WRITE);
        ir_setcond(b, IR_EQ, IR_I64, eq, old, expect);
        ir_movcond(b, IR_NE, IR_I64, neu, eq, zero, neu, old);
        x86tr_store(tr, a, neu, MO_64);
    }
    ir_op1(b, IR_EXT32U, IR_I64, t, old);
    ir_movcond(b, IR_NE, IR_I64, G_REG(R_RAX), eq, zero, G_REG(R_RAX), t);
    ir_op2i(b, IR_SHR, IR_I64, t, old, 32);
    ir_movcond(b, IR_NE, IR_I64, G_REG(R_RDX), eq, zero, G_REG(R_RDX), t);
    set_zf(tr, eq);
}

void x86tr_cmpxchg16b(X86Tr *tr)
{
    IrRef eq = ir_temp(tr->ir);

    x86tr_call(tr, eq, (void *)x86_helper_cmpxchg16b, x86tr_linear(tr, &tr->op[0], 16, X86_WRITE),
               IR_NONE, IR_NONE, IR_NONE);
    set_zf(tr, eq);
}
