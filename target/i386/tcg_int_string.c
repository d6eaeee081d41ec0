/* Translates string instructions: single ones to IR, repeated ones to calls that work page by page.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

/* What is added to the index registers: the size, or its negative if DF is set. */
static IrRef step(X86Tr *tr, unsigned size)
{
    IrRef t = ir_temp(tr->ir);

    ir_extract(tr->ir, t, G_EFLAGS, 10, 1);
    ir_op2i(tr->ir, IR_SHL, IR_I64, t, t, x86tr_log2(size) + 1);
    ir_op2(tr->ir, IR_SUB, IR_I64, t, ir_const(tr->ir, size), t);
    return t;
}

static void advance(X86Tr *tr, unsigned reg, IrRef delta)
{
    IrRef t;

    if (tr->adsize >= 4) {
        ir_op2(tr->ir, IR_ADD, x86tr_type(tr->adsize), G_REG(reg), G_REG(reg), delta);
        return;
    }
    t = ir_temp(tr->ir);
    ir_op2(tr->ir, IR_ADD, IR_I32, t, G_REG(reg), delta);
    x86tr_gpr_write(tr, reg, 2, t);
}

static IrRef source(X86Tr *tr, unsigned size)
{
    return x86tr_segment(tr, x86tr_override(tr, R_DS),
                         x86tr_extend(tr, G_REG(R_RSI), tr->adsize, false), size, X86_READ);
}

static IrRef destination(X86Tr *tr, unsigned size, X86Access access)
{
    return x86tr_segment(tr, R_ES, x86tr_extend(tr, G_REG(R_RDI), tr->adsize, false), size, access);
}

static void load(X86Tr *tr, IrRef d, IrRef addr, unsigned size)
{
    x86tr_load(tr, d, (X86Addr){ addr, 0 }, x86tr_log2(size));
}

static void movs(X86Tr *tr, unsigned size)
{
    IrRef v = ir_temp(tr->ir), from = source(tr, size), to = destination(tr, size, X86_WRITE),
          delta;

    load(tr, v, from, size);
    x86tr_store(tr, (X86Addr){ to, 0 }, v, x86tr_log2(size));
    delta = step(tr, size);
    advance(tr, R_RSI, delta);
    advance(tr, R_RDI, delta);
}

static void stos(X86Tr *tr, unsigned size)
{
    x86tr_store(tr, (X86Addr){ destination(tr, size, X86_WRITE), 0 }, G_REG(R_RAX),
                x86tr_log2(size));
    advance(tr, R_RDI, step(tr, size));
}

static void lods(X86Tr *tr, unsigned size)
{
    IrRef v = ir_temp(tr->ir);

    load(tr, v, source(tr, size), size);
    x86tr_gpr_write(tr, R_RAX, size, v);
    advance(tr, R_RSI, step(tr, size));
}

static void cmps(X86Tr *tr, unsigned size)
{
    IrRef a = ir_temp(tr->ir), b = ir_temp(tr->ir), delta;

    load(tr, a, source(tr, size), size);
    load(tr, b, destination(tr, size, X86_READ), size);
    delta = step(tr, size);
    advance(tr, R_RSI, delta);
    advance(tr, R_RDI, delta);
    ir_mov(tr->ir, IR_I64, G_CC_DST, a);
    ir_mov(tr->ir, IR_I64, G_CC_SRC, b);
    x86tr_cc_set(tr, X86_CC_SUBB, size, IR_NONE, IR_NONE, IR_NONE);
}

static void scas(X86Tr *tr, unsigned size)
{
    IrRef b = ir_temp(tr->ir);

    load(tr, b, destination(tr, size, X86_READ), size);
    advance(tr, R_RDI, step(tr, size));
    ir_mov(tr->ir, IR_I64, G_CC_DST, G_REG(R_RAX));
    ir_mov(tr->ir, IR_I64, G_CC_SRC, b);
    x86tr_cc_set(tr, X86_CC_SUBB, size, IR_NONE, IR_NONE, IR_NONE);
}

typedef uint64_t StringHelper(void *env, uint64_t how);

static const struct {
    void (*one)(X86Tr *, unsigned size);    /* NULL: the helper does the plain form, too */
    StringHelper *many;
    bool io;
} strings[] = {
    [X86_MOVS] = { movs, x86_helper_rep_movs, false },
    [X86_STOS] = { stos, x86_helper_rep_stos, false },
    [X86_LODS] = { lods, x86_helper_rep_lods, false },
    [X86_CMPS] = { cmps, x86_helper_rep_cmps, false },
    [X86_SCAS] = { scas, x86_helper_rep_scas, false },
    [X86_INS] = { NULL, x86_helper_rep_ins, true },
    [X86_OUTS] = { NULL, x86_helper_rep_outs, true },
};

/* Between two iterations the guest's execute breakpoint at this instruction has been seen: RF says
 * so. */
static void keep_resume_flag(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    if (!(tr->mode & X86_MODE_EXECBP)) {
        return;
    }
    ir_op2i(tr->ir, IR_OR, IR_I32, G_EFLAGS, G_EFLAGS, X86_RF);
    ir_lds(tr->ir, t, MO_32, offsetof(X86State, mode));
    ir_op2i(tr->ir, IR_OR, IR_I32, t, t, X86_MODE_RF);
    ir_sts(tr->ir, t, MO_32, offsetof(X86State, mode));
}

/* Ends the block after an iteration that was not the last. */
static void exit_again(X86Tr *tr, bool once, bool io_end)
{
    uint32_t mode = tr->mode;

    keep_resume_flag(tr);
    if (mode & X86_MODE_EXECBP) {
        tr->mode &= ~X86_MODE_RF;       /* it stays set for the next iteration */
    }
    if (io_end) {
        x86tr_exit_insn_end(tr, tr->pc);
    } else if (once && !(mode & X86_MODE_EXECBP)) {
        x86tr_exit_jump(tr, 1, tr->pc);
    } else {
        x86tr_exit_next(tr, tr->pc);
    }
    tr->mode = mode;
}

static void string_call(X86Tr *tr, unsigned kind, unsigned size)
{
    bool once = tr->t->single || x86tr_one_by_one(tr->mode) || (tr->t->mode & TCG_MODE_COUNTED) ||
                (strings[kind].io && (tr->mode & X86_MODE_IOBP));
    bool io_end = strings[kind].io && (tr->mode & X86_MODE_IOBP);
    unsigned how = size | (unsigned)tr->adsize << 4 | x86tr_override(tr, R_DS) << 8;
    IrRef done = ir_temp(tr->ir);
    int again = 0;

    how |= tr->rep == 0xf2 ? X86_STR_REPNE : 0;
    how |= once ? X86_STR_ONCE : 0;
    how |= tr->rep ? 0 : X86_STR_NOREP;
    x86tr_call(tr, done, (void *)strings[kind].many, ir_const(tr->ir, how), IR_NONE, IR_NONE,
               IR_NONE);
    if (tr->rep) {
        again = ir_label(tr->ir);
        ir_brcond(tr->ir, IR_EQ, IR_I64, done, ir_const(tr->ir, 0), again);
    }
    if (io_end) {
        x86tr_exit_insn_end(tr, tr->next);
    } else {
        x86tr_exit_jump(tr, 0, tr->next);
    }
    if (tr->rep) {
        ir_put_label(tr->ir, again);
        exit_again(tr, once, io_end);
    }
}

/* arg: X86_MOVS... | size << 4. */
void x86tr_string(X86Tr *tr)
{
    unsigned kind = tr->row->arg & 15, size = tr->row->arg >> 4;

    if (tr->rep || !strings[kind].one) {
        string_call(tr, kind, size);
    } else {
        strings[kind].one(tr, size);
    }
}
