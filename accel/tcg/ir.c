/* Building IR blocks: values, builders with the cheap folds, liveness.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/ir.h"

#include <string.h>

const IrOpInfo ir_op_info[IR_NUM_OPS] = {
#define IR_OP(name, nres, nargs, flags) [IR_##name] = { #name, nres, nargs, flags },
#include "accel/tcg/ir.def"
};

#define IR_MAX_INSNS 16384

IrBlock *ir_block_new(const IrGlobal *globals, unsigned n)
{
    IrBlock *b = g_new0(IrBlock, 1);

    g_assert(n <= IR_MAX_GLOBALS);
    b->global = globals;
    b->nglobals = n;
    b->cap = 1024;
    b->insn = g_new(IrInsn, b->cap);
    b->valcap = IR_MAX_VALUES;
    b->value = g_new0(IrValue, b->valcap);
    for (unsigned i = 0; i < n; i++) {
        b->value[IR_GLOBAL(i)] = (IrValue){ .kind = IR_VAL_GLOBAL, .type = globals[i].type };
    }
    ir_block_reset(b);
    return b;
}

void ir_block_free(IrBlock *b)
{
    g_free(b->insn);
    g_free(b->value);
    g_free(b);
}

void ir_block_reset(IrBlock *b)
{
    b->ninsns = 0;
    b->nvalues = IR_MAX_GLOBALS + 1;
    b->nlabels = 0;
    b->overflow = false;
}

/* When a block grows too big the rest of its building goes into the last slot and is thrown away. */
static IrRef value_new(IrBlock *b, IrValueKind kind, IrType type, uint64_t value)
{
    IrRef r = (IrRef)b->nvalues;

    if (b->nvalues == b->valcap - 1) {
        b->overflow = true;
    } else {
        b->nvalues++;
    }
    b->value[r] = (IrValue){ .kind = (uint8_t)kind, .type = (uint8_t)type, .value = value };
    return r;
}

IrRef ir_const(IrBlock *b, uint64_t value)
{
    unsigned first = b->nvalues > IR_MAX_GLOBALS + 17 ? b->nvalues - 16 : IR_MAX_GLOBALS + 1;

    /* Only the newest values are looked at: constants that repeat do so close by. */
    for (unsigned i = first; i < b->nvalues; i++) {
        if (b->value[i].kind == IR_VAL_CONST && b->value[i].value == value) {
            return (IrRef)i;
        }
    }
    return value_new(b, IR_VAL_CONST, IR_I64, value);
}

IrRef ir_temp(IrBlock *b)
{
    return value_new(b, IR_VAL_TEMP, IR_I64, 0);
}

IrRef ir_vtemp(IrBlock *b)
{
    return value_new(b, IR_VAL_TEMP, IR_V128, 0);
}

IrRef ir_local(IrBlock *b)
{
    return value_new(b, IR_VAL_LOCAL, IR_I64, 0);
}

int ir_label(IrBlock *b)
{
    return (int)b->nlabels++;
}

static IrInsn *emit(IrBlock *b, IrOp op, IrType t)
{
    IrInsn *i;

    if (b->ninsns == b->cap) {
        if (b->cap == IR_MAX_INSNS) {
            b->overflow = true;
            b->ninsns--;
        } else {
            b->cap *= 2;
            b->insn = g_renew(IrInsn, b->insn, b->cap);
        }
    }
    i = &b->insn[b->ninsns++];
    memset(i, 0, sizeof(*i));
    i->op = (uint8_t)op;
    i->type = (uint8_t)t;
    return i;
}

void ir_insn(IrBlock *b, vaddr_t pc)
{
    emit(b, IR_INSN, IR_I64)->imm = pc;
}

void ir_put_label(IrBlock *b, int label)
{
    emit(b, IR_LABEL, IR_I64)->imm = (uint64_t)label;
}

void ir_mov(IrBlock *b, IrType t, IrRef d, IrRef a)
{
    IrInsn *i;

    if (d == a && t != IR_I32) {
        return;
    }
    i = emit(b, IR_MOV, t);
    i->d = d;
    i->a = a;
}

void ir_op1(IrBlock *b, IrOp op, IrType t, IrRef d, IrRef a)
{
    IrInsn *i = emit(b, op, t);

    i->d = d;
    i->a = a;
}

static bool const_is(const IrBlock *b, IrRef r, IrType t, uint64_t v)
{
    uint64_t mask = t == IR_I32 ? 0xffffffffu : ~0ull;

    return ir_is_const(b, r) && (b->value[r].value & mask) == (v & mask);
}

/* Folds two constants; false where the operation is not worth it. */
static bool fold2(IrOp op, IrType t, uint64_t x, uint64_t y, uint64_t *out)
{
    unsigned bits = t == IR_I32 ? 32 : 64;

    if (t == IR_I32) {
        x = (uint32_t)x;
        y = (uint32_t)y;
    }
    switch (op) {
    case IR_ADD: x += y; break;
    case IR_SUB: x -= y; break;
    case IR_AND: x &= y; break;
    case IR_OR: x |= y; break;
    case IR_XOR: x ^= y; break;
    case IR_SHL: x <<= y & (bits - 1); break;
    case IR_SHR: x >>= y & (bits - 1); break;
    case IR_MUL: x *= y; break;
    default: return false;
    }
    *out = t == IR_I32 ? (uint32_t)x : x;
    return true;
}

void ir_op2(IrBlock *b, IrOp op, IrType t, IrRef d, IrRef a, IrRef x)
{
    IrInsn *i;
    uint64_t v;

    if (ir_is_const(b, a) && ir_is_const(b, x) &&
        fold2(op, t, b->value[a].value, b->value[x].value, &v)) {
        ir_mov(b, IR_I64, d, ir_const(b, v));
        return;
    }
    if (const_is(b, x, t, 0) && (op == IR_ADD || op == IR_SUB || op == IR_OR || op == IR_XOR ||
                                 op == IR_SHL || op == IR_SHR || op == IR_SAR || op == IR_ROTL ||
                                 op == IR_ROTR)) {
        ir_mov(b, t, d, a);
        return;
    }
    if ((op == IR_XOR || op == IR_SUB) && a == x) {
        ir_mov(b, IR_I64, d, ir_const(b, 0));
        return;
    }
    i = emit(b, op, t);
    i->d = d;
    i->a = a;
    i->b = x;
}

void ir_op2i(IrBlock *b, IrOp op, IrType t, IrRef d, IrRef a, uint64_t imm)
{
    ir_op2(b, op, t, d, a, ir_const(b, imm));
}

void ir_deposit(IrBlock *b, IrRef d, IrRef a, IrRef x, unsigned pos, unsigned len)
{
    IrInsn *i = emit(b, IR_DEPOSIT, IR_I64);

    i->d = d;
    i->a = a;
    i->b = x;
    i->imm = pos | len << 8;
}

void ir_extract(IrBlock *b, IrRef d, IrRef a, unsigned pos, unsigned len)
{
    IrInsn *i;

    if (pos == 0 && (len == 8 || len == 16 || len == 32)) {
        ir_op1(b, len == 8 ? IR_EXT8U : len == 16 ? IR_EXT16U : IR_EXT32U, IR_I64, d, a);
        return;
    }
    i = emit(b, IR_EXTRACT, IR_I64);
    i->d = d;
    i->a = a;
    i->imm = pos | len << 8;
}

void ir_lea(IrBlock *b, IrType t, IrRef d, IrRef base, IrRef index, unsigned shift, int32_t disp)
{
    IrInsn *i;

    if (!index && !disp) {
        ir_mov(b, t, d, base);
        return;
    }
    i = emit(b, IR_LEA, t);
    i->d = d;
    i->a = base;
    i->b = index;
    i->sub = (uint8_t)shift;
    i->imm = (uint64_t)(int64_t)disp;
}

void ir_setcond(IrBlock *b, IrCond c, IrType t, IrRef d, IrRef a, IrRef x)
{
    IrInsn *i = emit(b, IR_SETCOND, t);

    i->cond = (uint8_t)c;
    i->d = d;
    i->a = a;
    i->b = x;
}

void ir_movcond(IrBlock *b, IrCond c, IrType t, IrRef d, IrRef a, IrRef x, IrRef if_true, IrRef if_false)
{
    IrInsn *i = emit(b, IR_MOVCOND, t);

    i->cond = (uint8_t)c;
    i->d = d;
    i->a = a;
    i->b = x;
    i->c = if_true;
    i->e = if_false;
}

void ir_brcond(IrBlock *b, IrCond c, IrType t, IrRef a, IrRef x, int label)
{
    IrInsn *i = emit(b, IR_BRCOND, t);

    i->cond = (uint8_t)c;
    i->a = a;
    i->b = x;
    i->imm = (uint64_t)label;
}

void ir_br(IrBlock *b, int label)
{
    emit(b, IR_BR, IR_I64)->imm = (uint64_t)label;
}

void ir_lds(IrBlock *b, IrRef d, unsigned mop, int64_t off)
{
    IrInsn *i = emit(b, IR_LDS, b->value[d].type);

    i->d = d;
    i->mop = (uint8_t)mop;
    i->imm = (uint64_t)off;
}

void ir_sts(IrBlock *b, IrRef a, unsigned mop, int64_t off)
{
    IrInsn *i = emit(b, IR_STS, b->value[a].type);

    i->a = a;
    i->mop = (uint8_t)mop;
    i->imm = (uint64_t)off;
}

static IrInsn *emit_mem(IrBlock *b, IrOp op, IrType t, IrRef addr, int32_t disp, unsigned mop,
                        unsigned mmu)
{
    IrInsn *i = emit(b, op, t);

    i->a = addr;
    i->imm = (uint64_t)(int64_t)disp;
    i->mop = (uint8_t)mop;
    i->sub = (uint8_t)mmu;
    return i;
}

void ir_ld(IrBlock *b, IrRef d, IrRef addr, int32_t disp, unsigned mop, unsigned mmu)
{
    emit_mem(b, IR_LD, b->value[d].type, addr, disp, mop, mmu)->d = d;
}

void ir_st(IrBlock *b, IrRef addr, int32_t disp, IrRef value, unsigned mop, unsigned mmu)
{
    emit_mem(b, IR_ST, b->value[value].type, addr, disp, mop, mmu)->b = value;
}

void ir_amo(IrBlock *b, IrAmo op, IrRef d, IrRef addr, IrRef value, unsigned mop, unsigned mmu)
{
    IrInsn *i = emit_mem(b, IR_AMO, IR_I64, addr, 0, mop, mmu);

    i->cond = (uint8_t)op;
    i->d = d;
    i->b = value;
}

void ir_cas(IrBlock *b, IrRef d, IrRef addr, IrRef expect, IrRef value, unsigned mop, unsigned mmu)
{
    IrInsn *i = emit_mem(b, IR_CAS, IR_I64, addr, 0, mop, mmu);

    i->d = d;
    i->b = expect;
    i->c = value;
}

void ir_call(IrBlock *b, unsigned flags, IrRef d, void *fn, IrRef a, IrRef x, IrRef c, IrRef e)
{
    IrInsn *i = emit(b, IR_CALL, IR_I64);

    i->cond = (uint8_t)flags;
    i->d = d;
    i->a = a;
    i->b = x;
    i->c = c;
    i->e = e;
    i->imm = (uint64_t)(uintptr_t)fn;
}

void ir_jump(IrBlock *b, unsigned slot, vaddr_t pc)
{
    IrInsn *i = emit(b, IR_JUMP, IR_I64);

    i->sub = (uint8_t)slot;
    i->imm = pc;
}

void ir_jumpr(IrBlock *b, IrRef pc)
{
    emit(b, IR_JUMPR, IR_I64)->a = pc;
}

void ir_exit(IrBlock *b, unsigned reason)
{
    emit(b, IR_EXIT, IR_I64)->imm = reason;
}

static IrInsn *emit_vec(IrBlock *b, IrOp op, unsigned vop, IrRef d, IrRef a, IrRef x, uint8_t imm8)
{
    IrInsn *i = emit(b, op, IR_V128);

    i->d = d;
    i->a = a;
    i->b = x;
    i->imm = vop | (uint64_t)imm8 << 32;
    return i;
}

void ir_vop1(IrBlock *b, unsigned vop, IrRef d, IrRef a, uint8_t imm8)
{
    emit_vec(b, IR_VOP1, vop, d, a, IR_NONE, imm8);
}

void ir_vop2(IrBlock *b, unsigned vop, IrRef d, IrRef a, IrRef x, uint8_t imm8)
{
    emit_vec(b, IR_VOP2, vop, d, a, x, imm8);
}

void ir_vtoi(IrBlock *b, unsigned vop, IrRef d, IrRef a, uint8_t imm8)
{
    emit_vec(b, IR_VTOI, vop, d, a, IR_NONE, imm8);
}

void ir_itov(IrBlock *b, unsigned vop, IrRef d, IrRef a, IrRef x, uint8_t imm8)
{
    emit_vec(b, IR_ITOV, vop, d, a, x, imm8);
}

void ir_vcmpf(IrBlock *b, unsigned vop, IrRef d, IrRef a, IrRef x)
{
    emit_vec(b, IR_VCMPF, vop, d, a, x, 0);
}

/* --- Liveness --- */

enum { LIVE_DEAD, LIVE_YES };

/* What an instruction sees of the globals beyond its operands. */
static bool observes_state(const IrInsn *i)
{
    unsigned f = ir_op_info[i->op].flags;

    if (f & IR_F_CALL) {
        return i->cond & (IR_CALL_READS | IR_CALL_RAISES);
    }
    return f & (IR_F_FAULT | IR_F_EXIT | IR_F_BB | IR_F_BRANCH | IR_F_STATE_READ);
}

static bool is_needed(const IrInsn *i, const uint8_t *live)
{
    unsigned f = ir_op_info[i->op].flags;

    if (f & (IR_F_KEEP | IR_F_FAULT | IR_F_STATE_WRITE)) {
        return true;
    }
    if ((f & IR_F_CALL) && i->cond & ~(unsigned)IR_CALL_READS) {
        return true;
    }
    return i->d && live[i->d] != LIVE_DEAD;
}

void ir_analyse(IrBlock *b)
{
    uint8_t live[IR_MAX_VALUES];
    unsigned keep = b->ninsns;
    IrRef *arg[4];

    memset(live, LIVE_DEAD, b->nvalues);
    for (unsigned g = 0; g < b->nglobals; g++) {
        live[IR_GLOBAL(g)] = LIVE_YES;
    }
    for (unsigned r = IR_MAX_GLOBALS + 1; r < b->nvalues; r++) {
        live[r] = b->value[r].kind == IR_VAL_LOCAL ? LIVE_YES : LIVE_DEAD;
    }
    /* Backwards; needed instructions are moved to the end of the array, then down again. */
    for (unsigned n = b->ninsns; n-- > 0;) {
        IrInsn *i = &b->insn[n];
        bool needed = is_needed(i, live);

        if (!needed) {
            continue;
        }
        i->life = 0;
        if (ir_op_info[i->op].flags & (IR_F_BB | IR_F_EXIT)) {
            for (unsigned r = IR_MAX_GLOBALS + 1; r < b->nvalues; r++) {
                live[r] = b->value[r].kind == IR_VAL_LOCAL ? LIVE_YES : LIVE_DEAD;
            }
        }
        if (i->d) {
            if (live[i->d] == LIVE_DEAD) {
                i->life |= IR_LIFE_D_DEAD;
            }
            if (b->value[i->d].kind != IR_VAL_LOCAL) {
                live[i->d] = LIVE_DEAD;
            }
        }
        if (observes_state(i)) {
            memset(live + 1, LIVE_YES, b->nglobals);
        }
        arg[0] = &i->a;
        arg[1] = &i->b;
        arg[2] = &i->c;
        arg[3] = &i->e;
        for (unsigned k = 0; k < 4; k++) {
            if (*arg[k] && live[*arg[k]] == LIVE_DEAD) {
                i->life |= (uint8_t)(1u << k);
            }
        }
        for (unsigned k = 0; k < 4; k++) {
            if (*arg[k]) {
                live[*arg[k]] = LIVE_YES;
            }
        }
        b->insn[--keep] = *i;
    }
    memmove(b->insn, b->insn + keep, (b->ninsns - keep) * sizeof(IrInsn));
    b->ninsns -= keep;
}
