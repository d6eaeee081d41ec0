/* Comparisons, what hangs on them, and labels.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

static const uint8_t cond_code[] = {
    [IR_EQ] = CC_E,   [IR_NE] = CC_NE, [IR_LTU] = CC_B,   [IR_GEU] = CC_AE,
    [IR_LEU] = CC_BE, [IR_GTU] = CC_A, [IR_LT] = CC_L,    [IR_GE] = CC_GE,
    [IR_LE] = CC_LE,  [IR_GT] = CC_G,  [IR_TSTEQ] = CC_E, [IR_TSTNE] = CC_NE,
};

/* The condition with its operands exchanged. */
static const uint8_t cond_swap[] = {
    [IR_EQ] = IR_EQ, [IR_NE] = IR_NE, [IR_LTU] = IR_GTU, [IR_GEU] = IR_LEU, [IR_LEU] = IR_GEU,
    [IR_GTU] = IR_LTU, [IR_LT] = IR_GT, [IR_GE] = IR_LE, [IR_LE] = IR_GE, [IR_GT] = IR_LT,
    [IR_TSTEQ] = IR_TSTEQ, [IR_TSTNE] = IR_TSTNE,
};

static uint64_t type_mask(unsigned type)
{
    return type == IR_I8 ? 0xff : type == IR_I16 ? 0xffff : type == IR_I32 ? 0xffffffffu : ~0ull;
}

static bool is_const(const Jit *j, IrRef r, unsigned type, uint64_t k)
{
    return val_const(j, r) && (j->val[r].k & type_mask(type)) == (k & type_mask(type));
}

static uint32_t version_of(const Jit *j, IrRef r)
{
    return j->val[r].reg == NO_REG ? 0 : j->version[j->val[r].reg];
}

/* After UCOMIS: which single condition is a test of these EFLAGS bits? -1 if none. */
static int vcmp_code(IrCond c, uint64_t mask)
{
    int cc;

    switch (mask) {
    case 0x01: cc = CC_B; break;
    case 0x40: cc = CC_E; break;
    case 0x04: cc = CC_P; break;
    case 0x41: cc = CC_BE; break;
    default: return -1;
    }
    return c == IR_TSTNE ? cc : c == IR_TSTEQ ? cc ^ 1 : -1;
}

/* The condition code, if the flags already say what `a cond b` is; else -1. */
static int flags_reuse(const Jit *j, IrCond c, unsigned type, IrRef a, IrRef b)
{
    const JitFlags *f = &j->flags;
    uint32_t va = version_of(j, a);
    bool tst = c == IR_TSTEQ || c == IR_TSTNE, zero;

    if (f->kind == FLAGS_UNKNOWN || !va) {
        return -1;
    }
    if (f->kind == FLAGS_VCMP) {
        return va == f->res && val_const(j, b) ? vcmp_code(c, j->val[b].k) : -1;
    }
    if (f->kind == FLAGS_CMP && f->type == type && !tst && f->a == va) {
        if (f->b_const ? is_const(j, b, type, f->k)
                       : !val_const(j, b) && version_of(j, b) == f->b) {
            return cond_code[c];
        }
    }
    /* Is it a test of the last result against zero? */
    zero = tst ? a == b || version_of(j, b) == va || is_const(j, b, type, ~0ull)
               : is_const(j, b, type, 0);
    if (!zero || va != f->res) {
        return -1;
    }
    if (c == IR_EQ || c == IR_TSTEQ || c == IR_NE || c == IR_TSTNE) {
        return type == f->type || (f->type == IR_I32 && type == IR_I64) ? cond_code[c] : -1;
    }
    if (type != f->type) {
        return -1;
    }
    if (f->kind == FLAGS_LOGIC) {
        return cond_code[c];
    }
    return c == IR_LT ? CC_S : c == IR_GE ? CC_NS : -1;
}

typedef struct Compare {
    int cc;                     /* -1: not yet made */
    unsigned ra, rb;            /* rb NO_REG: immediate */
    int32_t imm;
    IrCond cond;
} Compare;

/* Finds operands, and whether the flags are there already. */
static void compare_begin(Jit *j, Compare *cmp, const IrInsn *in, IrCond c)
{
    IrRef a = in->a, b = in->b;
    bool wide = in->type == IR_I64;

    if (val_const(j, a) && !val_const(j, b)) {
        a = in->b;
        b = in->a;
        c = (IrCond)cond_swap[c];
    }
    *cmp = (Compare){ .cond = c, .ra = NO_REG, .rb = NO_REG };
    cmp->cc = flags_reuse(j, c, in->type, a, b);
    if (cmp->cc >= 0) {
        return;
    }
    cmp->ra = val_use(j, a);
    if (!val_imm(j, b, wide, &cmp->imm)) {
        cmp->rb = val_use(j, b);
    }
}

/* Narrow immediates as the instruction takes them. */
static void test_imm(Jit *j, unsigned type, unsigned reg, uint32_t imm)
{
    if (type == IR_I8 || (imm <= 0x7f)) {
        e_rr(&j->e, 0xf6 | O_M8, 0, reg);
        e8(&j->e, (uint8_t)imm);
    } else if (type == IR_I16) {
        e_rr(&j->e, 0xf7 | O_66, 0, reg);
        e8(&j->e, (uint8_t)imm);
        e8(&j->e, (uint8_t)(imm >> 8));
    } else {
        e_rr(&j->e, 0xf7 | (type == IR_I64 ? O_W : 0), 0, reg);
        e32(&j->e, imm);
    }
}

static void cmp_imm(Jit *j, unsigned type, unsigned reg, int32_t imm)
{
    if (type == IR_I8) {
        e_rr(&j->e, 0x80 | O_M8, ALU_CMP, reg);
        e8(&j->e, (uint8_t)imm);
    } else if (type == IR_I16) {
        if (fits8((int16_t)imm)) {
            e_rr(&j->e, 0x83 | O_66, ALU_CMP, reg);
            e8(&j->e, (uint8_t)imm);
        } else {
            e_rr(&j->e, 0x81 | O_66, ALU_CMP, reg);
            e8(&j->e, (uint8_t)imm);
            e8(&j->e, (uint8_t)(imm >> 8));
        }
    } else {
        e_alu_imm(&j->e, ALU_CMP, type == IR_I64 ? O_W : 0, reg, imm);
    }
}

/* Emits the comparison if it is not in the flags; the condition code. */
static unsigned compare_emit(Jit *j, Compare *cmp, unsigned type)
{
    unsigned w = type == IR_I64 ? O_W : type == IR_I16 ? O_66 : 0, byte = type == IR_I8;
    bool tst = cmp->cond == IR_TSTEQ || cmp->cond == IR_TSTNE;
    JitFlags f = { .type = (uint8_t)type };

    if (cmp->cc >= 0) {
        return (unsigned)cmp->cc;
    }
    if (tst && cmp->rb == NO_REG) {
        test_imm(j, type, cmp->ra, (uint32_t)cmp->imm);
    } else if (tst ||
               (cmp->rb == NO_REG && ((uint32_t)cmp->imm & (uint32_t)type_mask(type)) == 0)) {
        e_rr(&j->e, byte ? OP_TEST8 : OP_TEST | w, tst ? cmp->rb : cmp->ra, cmp->ra);
    } else if (cmp->rb == NO_REG) {
        cmp_imm(j, type, cmp->ra, cmp->imm);
    } else {
        e_rr(&j->e, byte ? 0x3a | O_R8 | O_M8 : 0x3b | w, cmp->ra, cmp->rb);
    }
    if (tst) {
        jit_flags_unknown(j);
    } else {
        f.kind = FLAGS_CMP;
        f.a = j->version[cmp->ra];
        f.b_const = cmp->rb == NO_REG;
        f.k = (uint64_t)(int64_t)cmp->imm;
        f.b = f.b_const ? 0 : j->version[cmp->rb];
        j->flags = f;
    }
    return cond_code[cmp->cond];
}

void jit_setcond(Jit *j, const IrInsn *in)
{
    Compare cmp;
    unsigned rd, cc;
    bool clear;

    compare_begin(j, &cmp, in, (IrCond)in->cond);
    val_deaths(j, in);
    rd = val_dest(j, in->d, NO_REG);
    clear = cmp.cc < 0 && rd != cmp.ra && rd != cmp.rb;
    if (clear) {
        e_alu(&j->e, ALU_XOR, 0, rd, rd);
    }
    cc = compare_emit(j, &cmp, in->type);
    e_rr(&j->e, OP_SETCC | cc, 0, rd);
    if (!clear) {
        e_rr(&j->e, OP_MOVZX8 | O_M8, rd, rd);
    }
    val_set(j, in->d, rd, VAL_Z32);
}

void jit_movcond(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), rc, re, rd, cc;
    Compare cmp;

    /* Constants are loaded by MOV when the flags are worth keeping. */
    rc = val_use(j, in->c);
    re = val_use(j, in->e);
    compare_begin(j, &cmp, in, (IrCond)in->cond);
    cc = compare_emit(j, &cmp, in->type);
    val_deaths(j, in);
    rd = val_dest2(j, in->d, re, rc);
    if (rd == rc && rd != re) {
        e_rr(&j->e, (OP_CMOV | (cc ^ 1)) | w, rd, re);
    } else {
        if (rd != re) {
            e_mov(&j->e, w, rd, re);
        }
        e_rr(&j->e, (OP_CMOV | cc) | w, rd, rc);
    }
    val_set(j, in->d, rd, jit_z(in));
}

/* A jump to a label: its rel32, threaded on the label's list while it has no place. */
static void jump_to(Jit *j, uint8_t *rel32, unsigned label)
{
    JitLabel *l = &j->label[label];

    if (l->at) {
        e_patch(rel32, l->at);
        return;
    }
    e_patch(rel32, l->fixup ? l->fixup : rel32 + 4);
    l->fixup = rel32;
}

void jit_brcond(Jit *j, const IrInsn *in)
{
    unsigned label = (unsigned)in->imm, cc;
    Compare cmp;
    bool kept;

    compare_begin(j, &cmp, in, (IrCond)in->cond);
    val_deaths(j, in);
    val_store_locals(j);
    kept = j->label[label].single;
    if (!kept) {
        val_store_globals(j, ~j->pinned);
    }
    cc = compare_emit(j, &cmp, in->type);
    if (kept && !val_snapshot(j, (int)label)) {
        val_store_globals(j, ~j->pinned);
        j->label[label].single = false;
    }
    jump_to(j, e_jcc(&j->e, cc), label);
}

void jit_br(Jit *j, const IrInsn *in)
{
    val_store_locals(j);
    val_store_globals(j, ~j->pinned);
    jump_to(j, e_jmp_later(&j->e), (unsigned)in->imm);
    j->reachable = false;
}

void jit_label(Jit *j, const IrInsn *in)
{
    JitLabel *l = &j->label[in->imm];
    uint8_t *fix, *next;

    if (j->reachable) {
        val_store_locals(j);
        val_store_globals(j, ~j->pinned);
    }
    if (!l->single || j->reachable || !val_restore(j, (int)in->imm)) {
        val_canonical(j);
    }
    j->reachable = true;
    l->at = j->e.p;
    for (fix = l->fixup; fix; fix = next) {
        int32_t d;

        memcpy(&d, fix, 4);
        next = d ? fix + 4 + d : NULL;
        e_patch(fix, l->at);
    }
}
