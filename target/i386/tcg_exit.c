/* How a translated x86 block leaves: jumps, faults, ends of instructions that run one to a block.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_insn.h"

#define ONE_BY_ONE (X86_MODE_TF | X86_MODE_RF | X86_MODE_SHADOW | X86_MODE_SS_SHADOW)

bool x86tr_one_by_one(uint32_t mode)
{
    return mode & ONE_BY_ONE;
}

vaddr_t x86tr_wrap(const X86Tr *tr, vaddr_t pc)
{
    return tr->code64 ? pc : (uint32_t)pc;
}

void x86tr_call(X86Tr *tr, IrRef d, void *fn, IrRef a, IrRef b, IrRef c, IrRef e)
{
    ir_call(tr->ir, IR_CALL_ALL, d, fn, a, b, c, e);
}

static void store_pc(X86Tr *tr, IrRef pc)
{
    ir_sts(tr->ir, pc, MO_64, offsetof(X86State, rip));
}

/* What the end of an instruction does in modes that have it: rip is in the state. It may raise
 * #DB, with rip as it is, so it is not called as a helper of this instruction that may raise. */
void x86tr_insn_end(X86Tr *tr)
{
    uint32_t mode = tr->mode;

    if (tr->row && (tr->row->flags & X86I_SETS_RF)) {
        mode &= ~X86_MODE_RF;
    }
    ir_call(tr->ir, IR_CALL_READS | IR_CALL_WRITES | IR_CALL_EFFECT, IR_NONE,
            (void *)x86_helper_insn_end, ir_const(tr->ir, mode), IR_NONE, IR_NONE, IR_NONE);
}

/* Nothing is read anew after a call that does not come back. */
#define CALL_LEAVES (IR_CALL_READS | IR_CALL_RAISES | IR_CALL_EFFECT)

void x86tr_raise(X86Tr *tr, unsigned vector)
{
    ir_call(tr->ir, CALL_LEAVES, IR_NONE, (void *)x86_helper_raise, ir_const(tr->ir, vector),
            IR_NONE, IR_NONE, IR_NONE);
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

void x86tr_raise_error(X86Tr *tr, unsigned vector, unsigned error)
{
    ir_call(tr->ir, CALL_LEAVES, IR_NONE, (void *)x86_helper_raise_error, ir_const(tr->ir, vector),
            ir_const(tr->ir, error), IR_NONE, IR_NONE);
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

bool x86tr_flat_code(const X86Tr *tr)
{
    return tr->code64 || (tr->mode & X86_MODE_FLAT);
}

void x86tr_check_target(X86Tr *tr, IrRef pc)
{
    if (!x86tr_flat_code(tr)) {
        ir_call(tr->ir, IR_CALL_READS | IR_CALL_RAISES, IR_NONE, (void *)x86_helper_cs_limit, pc,
                IR_NONE, IR_NONE, IR_NONE);
    }
}

void x86tr_exit_insn_end(X86Tr *tr, vaddr_t pc)
{
    store_pc(tr, ir_const(tr->ir, pc));
    x86tr_insn_end(tr);
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

void x86tr_exit_moved(X86Tr *tr)
{
    if (x86tr_one_by_one(tr->mode)) {
        x86tr_insn_end(tr);
    }
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

void x86tr_exit_next(X86Tr *tr, vaddr_t pc)
{
    store_pc(tr, ir_const(tr->ir, pc));
    x86tr_exit_moved(tr);
}

void x86tr_exit_jump(X86Tr *tr, unsigned slot, vaddr_t pc)
{
    if (x86tr_one_by_one(tr->mode)) {
        x86tr_exit_next(tr, pc);
    } else {
        ir_jump(tr->ir, slot, pc);
        tr->ended = true;
    }
}

void x86tr_exit_jumpr(X86Tr *tr, IrRef pc)
{
    if (x86tr_one_by_one(tr->mode)) {
        store_pc(tr, pc);
        x86tr_exit_moved(tr);
    } else {
        ir_jumpr(tr->ir, pc);
        tr->ended = true;
    }
}
