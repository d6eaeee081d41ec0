/* Translates jumps, calls, returns, loops and software interrupts.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

/* ---- near ---- */

static vaddr_t relative_target(const X86Tr *tr)
{
    vaddr_t pc = x86tr_wrap(tr, tr->next + (uint64_t)tr->op[0].imm.value.s);

    return !tr->code64 && tr->opsize == 2 ? (uint16_t)pc : pc;
}

/* A target in a register or memory, as wide as the operand size says: a temporary. */
static IrRef indirect_target(X86Tr *tr)
{
    IrRef v = x86tr_op_read(tr, 0), t;

    if (!x86tr_is_reg(&tr->op[0])) {
        return v;
    }
    if (tr->opsize < 8) {
        return x86tr_extend(tr, v, tr->opsize, false);
    }
    t = ir_temp(tr->ir);
    ir_mov(tr->ir, IR_I64, t, v);
    return t;
}

/* What must hold of a target before anything else is done: below CS's limit, canonical in 64-bit
 * mode. Returns the label of the fault's code, to be placed after the block's exit, or -1. */
static int check_target(X86Tr *tr, IrRef target)
{
    IrBlock *b = tr->ir;
    IrRef t;
    int bad;

    if (!tr->code64) {
        x86tr_check_target(tr, target);
        return -1;
    }
    bad = ir_label(b);
    t = ir_temp(b);
    ir_op2i(b, IR_SHL, IR_I64, t, target, 16);
    ir_op2i(b, IR_SAR, IR_I64, t, t, 16);
    ir_brcond(b, IR_NE, IR_I64, t, target, bad);
    return bad;
}

static void fault_code(X86Tr *tr, int label)
{
    if (label >= 0) {
        ir_put_label(tr->ir, label);
        x86tr_raise_error(tr, X86_EXC_GP, 0);
    }
}

void x86tr_jmp(X86Tr *tr)
{
    vaddr_t pc;
    IrRef t;
    int bad;

    if (tr->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
        x86tr_far(tr, false);
    } else if (tr->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        pc = relative_target(tr);
        x86tr_check_target(tr, ir_const(tr->ir, pc));
        x86tr_exit_jump(tr, 0, pc);
    } else {
        t = indirect_target(tr);
        bad = check_target(tr, t);
        x86tr_exit_jumpr(tr, t);
        fault_code(tr, bad);
    }
}

void x86tr_call_insn(X86Tr *tr)
{
    IrRef ret = ir_const(tr->ir, tr->next), t;
    vaddr_t pc;
    int bad;

    if (tr->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
        x86tr_far(tr, true);
    } else if (tr->op[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        pc = relative_target(tr);
        x86tr_check_target(tr, ir_const(tr->ir, pc));
        x86tr_push(tr, ret, tr->opsize);
        x86tr_exit_jump(tr, 0, pc);
    } else {
        t = indirect_target(tr);
        bad = check_target(tr, t);
        x86tr_push(tr, ret, tr->opsize);
        x86tr_exit_jumpr(tr, t);
        fault_code(tr, bad);
    }
}

void x86tr_ret(X86Tr *tr)
{
    unsigned extra = tr->insn.operand_count_visible ? (unsigned)tr->op[0].imm.value.u & 0xffff : 0;
    IrRef t;
    int bad;

    if (tr->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
        x86tr_call(tr, IR_NONE, (void *)x86_helper_lret, ir_const(tr->ir, tr->opsize),
                   ir_const(tr->ir, extra), IR_NONE, IR_NONE);
        x86tr_exit_moved(tr);
        return;
    }
    t = ir_temp(tr->ir);
    x86tr_stack_load(tr, t, tr->opsize);
    bad = check_target(tr, t);
    x86tr_stack_add(tr, (int32_t)(tr->opsize + extra));
    x86tr_exit_jumpr(tr, t);
    fault_code(tr, bad);
}

/* ---- conditional ---- */

/* Both ways out of a conditional branch; the label is where it is taken. */
static void two_ways(X86Tr *tr, int taken)
{
    vaddr_t pc = relative_target(tr);

    x86tr_exit_jump(tr, 0, tr->next);
    ir_put_label(tr->ir, taken);
    x86tr_check_target(tr, ir_const(tr->ir, pc));
    x86tr_exit_jump(tr, 1, pc);
}

void x86tr_jcc(X86Tr *tr)
{
    X86Cond c = x86tr_cond(tr, tr->row->arg);
    bool yes;
    int taken;

    if (x86tr_cond_known(tr, &c, &yes)) {
        if (yes) {
            x86tr_jmp(tr);
        }
        return;
    }
    taken = ir_label(tr->ir);
    ir_brcond(tr->ir, c.cond, c.type, c.a, c.b, taken);
    two_ways(tr, taken);
}

/* JCXZ, JECXZ, JRCXZ. */
void x86tr_jcxz(X86Tr *tr)
{
    int taken = ir_label(tr->ir);

    ir_brcond(tr->ir, IR_EQ, x86tr_cmp_type(tr->adsize), G_REG(R_RCX), ir_const(tr->ir, 0), taken);
    two_ways(tr, taken);
}

/* LOOP; LOOPE and LOOPNE (arg: X86_COND_* + 1). */
void x86tr_loop(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef n = ir_temp(b), t = IR_NONE, more;
    int taken = ir_label(b);

    ir_op2i(b, IR_SUB, x86tr_type(tr->adsize), n, G_REG(R_RCX), 1);
    if (tr->row->arg) {
        t = x86tr_cond_value(tr, tr->row->arg - 1);
    }
    x86tr_gpr_write(tr, R_RCX, tr->adsize, n);
    if (t) {
        more = ir_temp(b);
        ir_setcond(b, IR_NE, x86tr_cmp_type(tr->adsize), more, n, ir_const(b, 0));
        ir_brcond(b, IR_TSTNE, IR_I64, more, t, taken);
    } else {
        ir_brcond(b, IR_NE, x86tr_cmp_type(tr->adsize), n, ir_const(b, 0), taken);
    }
    two_ways(tr, taken);
}

/* ---- far ---- */

/* JMP and CALL with a selector, immediate or in memory. */
void x86tr_far(X86Tr *tr, bool call)
{
    IrRef sel, off, addr;

    if (tr->op[0].type == ZYDIS_OPERAND_TYPE_POINTER) {
        sel = ir_const(tr->ir, tr->op[0].ptr.segment);
        off = ir_const(tr->ir,
                       tr->opsize == 2 ? tr->op[0].ptr.offset & 0xffff : tr->op[0].ptr.offset);
    } else {
        sel = ir_temp(tr->ir);
        off = ir_temp(tr->ir);
        addr = x86tr_linear(tr, &tr->op[0], tr->opsize + 2u, X86_READ);
        x86tr_load(tr, off, (X86Addr){ addr, 0 }, x86tr_log2(tr->opsize));
        x86tr_load(tr, sel, (X86Addr){ addr, tr->opsize }, MO_16);
    }
    x86tr_call(tr, IR_NONE, call ? (void *)x86_helper_lcall : (void *)x86_helper_ljmp, sel, off,
               ir_const(tr->ir, tr->opsize), ir_const(tr->ir, tr->next));
    x86tr_exit_moved(tr);
}

void x86tr_iret(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_iret, ir_const(tr->ir, tr->row->arg),
               ir_const(tr->ir, tr->next), IR_NONE, IR_NONE);
    x86tr_exit_moved(tr);
}

/* LDS, LES, LSS, LFS, LGS (arg: the segment register). */
void x86tr_load_far(X86Tr *tr)
{
    IrRef sel = ir_temp(tr->ir), off = ir_temp(tr->ir);
    IrRef addr = x86tr_linear(tr, &tr->op[1], tr->opsize + 2u, X86_READ);

    x86tr_load(tr, off, (X86Addr){ addr, 0 }, x86tr_log2(tr->opsize));
    x86tr_load(tr, sel, (X86Addr){ addr, tr->opsize }, MO_16);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_load_seg, ir_const(tr->ir, tr->row->arg), sel,
               IR_NONE, IR_NONE);
    x86tr_op_write(tr, 0, off);
    x86tr_exit_next(tr, tr->next);
}

/* ---- software interrupts: the helpers do not come back ---- */

static void interrupt(X86Tr *tr, void *helper, IrRef a, IrRef b)
{
    x86tr_call(tr, IR_NONE, helper, a, b, IR_NONE, IR_NONE);
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

void x86tr_int(X86Tr *tr)
{
    interrupt(tr, (void *)x86_helper_int, ir_const(tr->ir, tr->op[0].imm.value.u & 0xff),
              ir_const(tr->ir, tr->next));
}

void x86tr_int3(X86Tr *tr)
{
    interrupt(tr, (void *)x86_helper_int3, ir_const(tr->ir, tr->next), IR_NONE);
}

void x86tr_icebp(X86Tr *tr)
{
    interrupt(tr, (void *)x86_helper_icebp, ir_const(tr->ir, tr->next), IR_NONE);
}

void x86tr_into(X86Tr *tr)
{
    int taken = ir_label(tr->ir);
    X86Cond c = x86tr_cond(tr, X86_COND_O);

    ir_brcond(tr->ir, c.cond, c.type, c.a, c.b, taken);
    x86tr_exit_jump(tr, 0, tr->next);
    ir_put_label(tr->ir, taken);
    interrupt(tr, (void *)x86_helper_into, ir_const(tr->ir, tr->next), IR_NONE);
}

void x86tr_bound(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0), mop = x86tr_log2(size) | MO_SIGN;
    X86Addr a = x86tr_addr(tr, &tr->op[1], size * 2, X86_READ);
    IrRef lower = ir_temp(tr->ir), upper = ir_temp(tr->ir), linear = ir_temp(tr->ir);

    ir_lea(tr->ir, IR_I64, linear, a.base, IR_NONE, 0, a.disp);
    x86tr_load(tr, lower, (X86Addr){ linear, 0 }, mop);
    x86tr_load(tr, upper, (X86Addr){ linear, (int32_t)size }, mop);
    ir_call(tr->ir, IR_CALL_READS | IR_CALL_RAISES, IR_NONE, (void *)x86_helper_bound,
            x86tr_op_read_ext(tr, 0, true), lower, upper, IR_NONE);
}

void x86tr_ud(X86Tr *tr)
{
    x86tr_raise(tr, X86_EXC_UD);
}
