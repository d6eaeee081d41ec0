/* Arithmetic flags in translated code: what is known of their lazy form, and conditions as
 * comparisons.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Within a block, once an instruction has set the flags, cc_op is known while translating; then a
 * condition is a comparison of the saved operands, and no flag is ever computed. At a block's
 * start it is not known. */
#include <string.h>

#include "target/i386/flags.h"
#include "target/i386/tcg_insn.h"

/* What is known of the flags between two instructions of a block: lies in TcgTranslate.own. */
typedef struct CcState {
    uint16_t known;         /* cc_op + 1, or 0: not known */
    uint16_t result_insn;   /* number in the block of the instruction at which `result` holds */
    IrRef const_dst, const_src;     /* constants that cc_dst and cc_src hold, or 0 */
    IrRef result;           /* global that holds the result, or 0 */
    uint8_t over, step;     /* X86_CC_OVER_*, _STEP_* where the kind below is not known; else 0 */
} CcState;

G_STATIC_ASSERT(sizeof(CcState) <= sizeof(((TcgTranslate *)NULL)->own));

enum {
    KIND_NONE = -1, KIND_ADD, KIND_SUB, KIND_ADC, KIND_SBB, KIND_LOGIC, KIND_INC, KIND_DEC,
    KIND_SHL, KIND_SHR, KIND_SAR, KIND_MUL, KIND_IMUL,
};

/* The known flags taken apart. */
typedef struct Known {
    int kind;               /* KIND_*; KIND_NONE: bits in cc_dst */
    unsigned over;          /* X86_CC_OVER_* */
    unsigned size;          /* of the base kind's operands */
    IrType cmp, type;       /* for comparisons and for arithmetic of this size */
    IrRef dst, src;         /* cc_dst and cc_src, or the constants they hold */
    IrRef result;           /* where ADD or SUB left the result, or 0 */
} Known;

static CcState *cc_state(X86Tr *tr)
{
    return (CcState *)tr->t->own;
}

/* ---- setting ---- */

static void set_op(X86Tr *tr, unsigned op)
{
    CcState *s = cc_state(tr);

    if (s->known != op + 1) {
        ir_mov(tr->ir, IR_I32, G_CC_OP, ir_const(tr->ir, op));
    }
    *s = (CcState){ .known = (uint16_t)(op + 1) };
}

void x86tr_cc_set(X86Tr *tr, unsigned byte_kind, unsigned size, IrRef const_dst, IrRef const_src,
                  IrRef result)
{
    CcState *s = cc_state(tr);

    set_op(tr, byte_kind + x86tr_log2(size));
    s->const_dst = ir_is_const(tr->ir, const_dst) ? const_dst : 0;
    s->const_src = ir_is_const(tr->ir, const_src) ? const_src : 0;
    s->result = result;
    s->result_insn = (uint16_t)(tr->t->ninsns + 1);
}

void x86tr_cc_set_eflags(X86Tr *tr, IrRef value)
{
    ir_mov(tr->ir, IR_I32, G_CC_DST, value);
    set_op(tr, X86_CC_EFLAGS);
}

void x86tr_cc_set_logic(X86Tr *tr, IrRef result, unsigned size)
{
    ir_mov(tr->ir, IR_I64, G_CC_DST, result);
    x86tr_cc_set(tr, X86_CC_LOGICB, size, result, IR_NONE, IR_NONE);
}

void x86tr_cc_forget(X86Tr *tr)
{
    memset(cc_state(tr), 0, sizeof(CcState));
}

IrRef x86tr_cc_eflags(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    if (cc_state(tr)->known == X86_CC_EFLAGS + 1) {
        ir_mov(tr->ir, IR_I64, t, G_CC_DST);
        return t;
    }
    ir_call(tr->ir, IR_CALL_READS, t, (void *)x86_helper_flags, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86tr_cc_set_eflags(tr, t);
    return t;
}

#define KIND_MASK ((1u << X86_CC_OVER_SHIFT) - 1)

/* The override that the flags have now, as far as it is known; X86_CC_OVER_NONE for none, -1: not
 * known. */
static int current_override(const CcState *s)
{
    return s->known ? (s->known - 1) >> X86_CC_OVER_SHIFT : s->over ? s->over : -1;
}

/* Where the new override takes CF only and OF has to stay, an older one may not be hidden. */
static void prepare_override(X86Tr *tr, bool keep_of)
{
    int over = current_override(cc_state(tr));

    if (keep_of && over != X86_CC_OVER_NONE && over != X86_CC_OVER_CF) {
        x86tr_cc_eflags(tr);
    }
}

/* cc_op with this override over the kind that it has: a constant where that is known. */
static IrRef overridden_op(X86Tr *tr, unsigned over)
{
    unsigned known = cc_state(tr)->known;
    IrRef t;

    if (known) {
        return ir_const(tr->ir, ((known - 1) & KIND_MASK) | over << X86_CC_OVER_SHIFT);
    }
    t = ir_temp(tr->ir);
    ir_op2i(tr->ir, IR_AND, IR_I32, t, G_CC_OP, KIND_MASK | 0xff << X86_CC_STEP_SHIFT);
    ir_op2i(tr->ir, IR_OR, IR_I32, t, t, over << X86_CC_OVER_SHIFT | X86_CC_OVER_LAST);
    return t;
}

static void set_override(X86Tr *tr, unsigned over, IrRef value)
{
    CcState *s = cc_state(tr);

    ir_mov(tr->ir, IR_I64, G_CC_OVER, value);
    if (s->known && (s->known - 1u) >> X86_CC_OVER_SHIFT == over) {
        return;
    }
    ir_mov(tr->ir, IR_I32, G_CC_OP, overridden_op(tr, over));
    if (s->known) {
        s->known = (uint16_t)((((s->known - 1u) & KIND_MASK) | over << X86_CC_OVER_SHIFT) + 1);
    } else {
        *s = (CcState){ .over = (uint8_t)over };
    }
}

void x86tr_cc_set_carry(X86Tr *tr, IrRef value, bool keep_of)
{
    prepare_override(tr, keep_of);
    set_override(tr, keep_of ? X86_CC_OVER_CF : X86_CC_OVER_BT, value);
}

void x86tr_cc_set_rotate(X86Tr *tr, bool right, IrRef result, unsigned size)
{
    set_override(tr, (right ? X86_CC_OVER_RORB : X86_CC_OVER_ROLB) + x86tr_log2(size), result);
}

/* Moves value into a global if count is not 0. */
static void move_if(X86Tr *tr, IrType type, IrRef global, IrRef value, IrRef count)
{
    ir_movcond(tr->ir, IR_NE, type, global, count, ir_const(tr->ir, 0), value, global);
}

void x86tr_cc_set_rotate_if(X86Tr *tr, bool right, IrRef result, unsigned size, IrRef count)
{
    unsigned over = (right ? X86_CC_OVER_RORB : X86_CC_OVER_ROLB) + x86tr_log2(size);

    move_if(tr, IR_I64, G_CC_OVER, result, count);
    move_if(tr, IR_I32, G_CC_OP, overridden_op(tr, over), count);
    x86tr_cc_forget(tr);
}

void x86tr_cc_set_if(X86Tr *tr, unsigned byte_kind, unsigned size, IrRef dst, IrRef src,
                     IrRef count)
{
    move_if(tr, IR_I64, G_CC_DST, dst, count);
    move_if(tr, IR_I64, G_CC_SRC, src, count);
    move_if(tr, IR_I32, G_CC_OP, ir_const(tr->ir, byte_kind + x86tr_log2(size)), count);
    x86tr_cc_forget(tr);
}

bool x86tr_cc_keep_carry(X86Tr *tr)
{
    CcState *s = cc_state(tr);

    if (!s->known && !s->over) {
        return false;
    }
    if (s->known < X86_CC_INCB + 1 || s->known > X86_CC_DECQ + 1) {
        ir_mov(tr->ir, IR_I64, G_CC_SRC, x86tr_cond_value(tr, X86_COND_B));
    }
    return true;
}

/* Where the carry is not known either, the step goes over whatever the flags are. */
void x86tr_cc_set_step(X86Tr *tr, bool kept, bool down, IrRef result, unsigned size)
{
    unsigned step = (down ? X86_CC_STEP_DECB : X86_CC_STEP_INCB) + x86tr_log2(size);
    IrRef t;

    if (kept) {
        ir_mov(tr->ir, IR_I64, G_CC_DST, result);
        x86tr_cc_set(tr, down ? X86_CC_DECB : X86_CC_INCB, size, IR_NONE, IR_NONE, IR_NONE);
        return;
    }
    ir_mov(tr->ir, IR_I64, G_CC_STEP, result);
    t = ir_temp(tr->ir);
    ir_op2i(tr->ir, IR_AND, IR_I32, t, G_CC_OP, KIND_MASK | 0xff << X86_CC_OVER_SHIFT);
    ir_op2i(tr->ir, IR_OR, IR_I32, G_CC_OP, t, step << X86_CC_STEP_SHIFT);
    *cc_state(tr) = (CcState){ .step = (uint8_t)step };
}

/* ---- asking ---- */

static Known known_flags(X86Tr *tr)
{
    CcState *s = cc_state(tr);
    unsigned op = (s->known - 1u) & KIND_MASK;
    Known k = { .kind = KIND_NONE, .over = (s->known - 1u) >> X86_CC_OVER_SHIFT };

    k.size = op ? 1u << ((op - 1) & 3) : 4;
    k.kind = op ? (int)((op - 1) >> 2) : KIND_NONE;
    k.cmp = x86tr_cmp_type(k.size);
    k.type = x86tr_type(k.size);
    k.dst = s->const_dst ? s->const_dst : G_CC_DST;
    k.src = s->const_src ? s->const_src : G_CC_SRC;
    k.result = s->result_insn == tr->t->ninsns ? s->result : 0;
    return k;
}

static X86Cond always(X86Tr *tr, bool yes)
{
    IrRef zero = ir_const(tr->ir, 0);

    return (X86Cond){ yes ? IR_EQ : IR_NE, IR_I32, zero, zero };
}

static X86Cond compare(IrCond c, IrType t, IrRef a, IrRef b)
{
    return (X86Cond){ c, t, a, b };
}

static X86Cond compare_imm(X86Tr *tr, IrCond c, IrType t, IrRef a, uint64_t imm)
{
    return (X86Cond){ c, t, a, ir_const(tr->ir, imm) };
}

/* Is bit n of v set? */
static X86Cond bit_set(X86Tr *tr, IrRef v, unsigned n)
{
    return compare_imm(tr, IR_TSTNE, IR_I64, v, 1ull << n);
}

static IrRef op2(X86Tr *tr, IrOp op, IrType t, IrRef a, IrRef b)
{
    IrRef d = ir_temp(tr->ir);

    ir_op2(tr->ir, op, t, d, a, b);
    return d;
}

/* The result of the base kind; for LOGIC and later kinds it is cc_dst itself. */
static IrRef base_result(X86Tr *tr, const Known *k)
{
    IrRef r;

    switch (k->kind) {
    case KIND_ADD:
        return k->result ? k->result : op2(tr, IR_ADD, k->type, k->dst, k->src);
    case KIND_SUB:
        return k->result ? k->result : op2(tr, IR_SUB, k->type, k->dst, k->src);
    case KIND_ADC:
        r = op2(tr, IR_ADD, k->type, k->dst, k->src);
        return op2(tr, IR_ADD, k->type, r, G_CC_SRC2);
    case KIND_SBB:
        r = op2(tr, IR_SUB, k->type, k->dst, k->src);
        return op2(tr, IR_SUB, k->type, r, G_CC_SRC2);
    case KIND_IMUL:
        return op2(tr, IR_MUL, k->type, k->dst, k->src);
    default:
        return k->dst;
    }
}

/* Carry out of ADC or borrow of SBB: in the top bit of the value. */
static IrRef carry_vector(X86Tr *tr, const Known *k)
{
    IrRef r = base_result(tr, k), x, y;

    if (k->kind == KIND_ADC) {
        x = op2(tr, IR_AND, k->type, k->dst, k->src);
        y = op2(tr, IR_OR, k->type, k->dst, k->src);
        y = op2(tr, IR_ANDC, k->type, y, r);
    } else {
        x = op2(tr, IR_ANDC, k->type, k->src, k->dst);
        y = op2(tr, IR_XOR, k->type, k->src, k->dst);
        y = op2(tr, IR_ANDC, k->type, r, y);
    }
    return op2(tr, IR_OR, k->type, x, y);
}

/* Did a product leave its low half? */
static X86Cond product_overflow(X86Tr *tr, const Known *k)
{
    static const uint8_t sext[] = { IR_EXT8S, IR_EXT16S, IR_EXT32S };
    IrBlock *b = tr->ir;
    IrRef x = ir_temp(b), y = ir_temp(b), p, low;

    if (k->size == 8) {
        p = op2(tr, IR_MULHS, IR_I64, k->dst, k->src);
        low = op2(tr, IR_MUL, IR_I64, k->dst, k->src);
        return compare(IR_NE, IR_I64, p, op2(tr, IR_SAR, IR_I64, low, ir_const(b, 63)));
    }
    ir_op1(b, (IrOp)sext[x86tr_log2(k->size)], IR_I64, x, k->dst);
    ir_op1(b, (IrOp)sext[x86tr_log2(k->size)], IR_I64, y, k->src);
    p = op2(tr, IR_MUL, IR_I64, x, y);
    low = ir_temp(b);
    ir_op1(b, (IrOp)sext[x86tr_log2(k->size)], IR_I64, low, p);
    return compare(IR_NE, IR_I64, p, low);
}

static X86Cond carry(X86Tr *tr, const Known *k)
{
    if (k->over >= X86_CC_OVER_CF && k->over <= X86_CC_OVER_ROLQ) {
        return bit_set(tr, G_CC_OVER, 0);
    }
    if (k->over) {
        return bit_set(tr, G_CC_OVER, (8u << (k->over - X86_CC_OVER_RORB)) - 1);
    }
    switch (k->kind) {
    case KIND_NONE:
        return bit_set(tr, k->dst, 0);
    case KIND_ADD:
        return compare(IR_LTU, k->cmp, base_result(tr, k), k->dst);
    case KIND_SUB:
        return compare(IR_LTU, k->cmp, k->dst, k->src);
    case KIND_ADC:
    case KIND_SBB:
        return bit_set(tr, carry_vector(tr, k), k->size * 8 - 1);
    case KIND_LOGIC:
        return always(tr, false);
    case KIND_SHL:
        return bit_set(tr, k->src, k->size * 8 - 1);
    case KIND_SHR:
    case KIND_SAR:
    case KIND_INC:
    case KIND_DEC:
        return bit_set(tr, k->src, 0);
    case KIND_MUL:
        return compare_imm(tr, IR_NE, IR_I64, k->src, 0);
    default:
        return product_overflow(tr, k);
    }
}

static X86Cond zero(X86Tr *tr, const Known *k)
{
    switch (k->kind) {
    case KIND_NONE:
        return bit_set(tr, k->dst, 6);
    case KIND_SUB:
        return compare(IR_EQ, k->cmp, k->dst, k->src);
    default:
        return compare_imm(tr, IR_EQ, k->cmp, base_result(tr, k), 0);
    }
}

static X86Cond sign(X86Tr *tr, const Known *k)
{
    if (k->kind == KIND_NONE) {
        return bit_set(tr, k->dst, 7);
    }
    return compare_imm(tr, IR_LT, k->cmp, base_result(tr, k), 0);
}

static X86Cond parity(X86Tr *tr, const Known *k)
{
    IrRef t;

    if (k->kind == KIND_NONE) {
        return bit_set(tr, k->dst, 2);
    }
    t = op2(tr, IR_AND, IR_I32, base_result(tr, k), ir_const(tr->ir, 0xff));
    ir_op1(tr->ir, IR_POPCNT, IR_I32, t, t);
    return compare_imm(tr, IR_TSTEQ, IR_I32, t, 1);
}

/* Signed overflow of ADD, SUB, ADC, SBB: top bit of the value. */
static IrRef overflow_vector(X86Tr *tr, const Known *k)
{
    IrRef r = base_result(tr, k), x, y;

    x = op2(tr, IR_XOR, k->type, k->dst, r);
    y = op2(tr, IR_XOR, k->type, k->dst, k->src);
    return k->kind == KIND_ADD || k->kind == KIND_ADC ? op2(tr, IR_ANDC, k->type, x, y)
                                                      : op2(tr, IR_AND, k->type, x, y);
}

static X86Cond overflow(X86Tr *tr, const Known *k)
{
    unsigned top = k->size * 8 - 1;
    IrRef t;

    if (k->over == X86_CC_OVER_BT) {
        return always(tr, false);
    }
    if (k->over >= X86_CC_OVER_RORB) {
        top = (8u << (k->over - X86_CC_OVER_RORB)) - 1;
        t = op2(tr, IR_SHL, IR_I64, G_CC_OVER, ir_const(tr->ir, 1));
        return bit_set(tr, op2(tr, IR_XOR, IR_I64, t, G_CC_OVER), top);
    }
    if (k->over >= X86_CC_OVER_ROLB) {
        top = (8u << (k->over - X86_CC_OVER_ROLB)) - 1;
        t = op2(tr, IR_SHR, IR_I64, G_CC_OVER, ir_const(tr->ir, top));
        return bit_set(tr, op2(tr, IR_XOR, IR_I64, t, G_CC_OVER), 0);
    }
    switch (k->kind) {
    case KIND_NONE:
        return bit_set(tr, k->dst, 11);
    case KIND_LOGIC:
        return always(tr, false);
    case KIND_INC:
        return compare_imm(tr, IR_EQ, k->cmp, k->dst, 1ull << top);
    case KIND_DEC:
        return compare_imm(tr, IR_EQ, k->cmp, k->dst, (1ull << top) - 1);
    case KIND_SHL:
    case KIND_SHR:
    case KIND_SAR:
        return bit_set(tr, op2(tr, IR_XOR, IR_I64, k->dst, k->src), top);
    case KIND_MUL:
        return compare_imm(tr, IR_NE, IR_I64, k->src, 0);
    case KIND_IMUL:
        return product_overflow(tr, k);
    default:
        return bit_set(tr, overflow_vector(tr, k), top);
    }
}

static IrRef value_of(X86Tr *tr, X86Cond c)
{
    IrRef t = ir_temp(tr->ir);

    ir_setcond(tr->ir, c.cond, c.type, t, c.a, c.b);
    return t;
}

/* Either of two conditions. */
static X86Cond either(X86Tr *tr, X86Cond x, X86Cond y)
{
    IrRef a = value_of(tr, x);

    return compare_imm(tr, IR_NE, IR_I32, op2(tr, IR_OR, IR_I32, a, value_of(tr, y)), 0);
}

/* CF or ZF. */
static X86Cond below_equal(X86Tr *tr, const Known *k)
{
    if (!k->over) {
        if (k->kind == KIND_NONE) {
            return compare_imm(tr, IR_TSTNE, IR_I32, k->dst, X86_CF | X86_ZF);
        }
        if (k->kind == KIND_SUB) {
            return compare(IR_LEU, k->cmp, k->dst, k->src);
        }
        if (k->kind == KIND_LOGIC) {
            return zero(tr, k);
        }
    }
    return either(tr, carry(tr, k), zero(tr, k));
}

/* SF differs from OF. */
static X86Cond less(X86Tr *tr, const Known *k)
{
    IrRef t;

    if (k->over <= X86_CC_OVER_CF) {
        switch (k->kind) {
        case KIND_NONE:
            t = op2(tr, IR_SHR, IR_I32, k->dst, ir_const(tr->ir, 4));
            return bit_set(tr, op2(tr, IR_XOR, IR_I32, t, k->dst), 7);
        case KIND_SUB:
            return compare(IR_LT, k->cmp, k->dst, k->src);
        case KIND_LOGIC:
            return compare_imm(tr, IR_LT, k->cmp, k->dst, 0);
        case KIND_INC:      /* the operand was below -1 */
            t = op2(tr, IR_SUB, k->type, k->dst, ir_const(tr->ir, 1));
            return compare_imm(tr, IR_LT, k->cmp, t, ~0ull);
        case KIND_DEC:      /* the operand was below 1 */
            t = op2(tr, IR_ADD, k->type, k->dst, ir_const(tr->ir, 1));
            return compare_imm(tr, IR_LE, k->cmp, t, 0);
        default:
            break;
        }
    }
    t = value_of(tr, sign(tr, k));
    t = op2(tr, IR_XOR, IR_I32, t, value_of(tr, overflow(tr, k)));
    return compare_imm(tr, IR_NE, IR_I32, t, 0);
}

/* ZF, or SF differs from OF. */
static X86Cond less_equal(X86Tr *tr, const Known *k)
{
    IrRef t;

    if (k->over <= X86_CC_OVER_CF) {
        switch (k->kind) {
        case KIND_SUB:
            return compare(IR_LE, k->cmp, k->dst, k->src);
        case KIND_LOGIC:
            return compare_imm(tr, IR_LE, k->cmp, k->dst, 0);
        case KIND_INC:
            t = op2(tr, IR_SUB, k->type, k->dst, ir_const(tr->ir, 1));
            return compare_imm(tr, IR_LT, k->cmp, t, 0);
        case KIND_DEC:
            t = op2(tr, IR_ADD, k->type, k->dst, ir_const(tr->ir, 1));
            return compare_imm(tr, IR_LE, k->cmp, t, 1);
        default:
            break;
        }
    }
    return either(tr, less(tr, k), zero(tr, k));
}

/* What can be said of a condition although the kind of the flags is not known: an override has CF,
 * and OF; a step has all but CF. False: nothing. */
static bool known_above(X86Tr *tr, unsigned cond, Known *k)
{
    const CcState *s = cc_state(tr);
    bool carry_only = cond >> 1 == X86_COND_B >> 1;
    bool with_carry = carry_only || cond >> 1 == X86_COND_BE >> 1;

    if (s->over && (carry_only || (cond >> 1 == X86_COND_O >> 1 && s->over != X86_CC_OVER_CF))) {
        *k = (Known){ .over = s->over };
        return true;
    }
    if (s->step && !with_carry) {
        *k = (Known){ .kind = s->step < X86_CC_STEP_DECB ? KIND_INC : KIND_DEC,
                      .size = 1u << ((s->step - X86_CC_STEP_INCB) & 3), .dst = G_CC_STEP };
        k->cmp = x86tr_cmp_type(k->size);
        k->type = x86tr_type(k->size);
        return true;
    }
    return false;
}

X86Cond x86tr_cond(X86Tr *tr, unsigned cond)
{
    static X86Cond (*const make[8])(X86Tr *, const Known *) = {
        overflow, carry, zero, below_equal, sign, parity, less, less_equal,
    };
    Known k;
    X86Cond c;

    if (cc_state(tr)->known || !known_above(tr, cond, &k)) {
        if (!cc_state(tr)->known) {
            x86tr_cc_eflags(tr);
        }
        k = known_flags(tr);
    }
    c = make[cond >> 1](tr, &k);
    if (cond & 1) {
        c.cond = ir_cond_invert(c.cond);
    }
    return c;
}

bool x86tr_cond_known(const X86Tr *tr, const X86Cond *c, bool *yes)
{
    *yes = c->cond == IR_EQ;
    return c->a == c->b && ir_is_const(tr->ir, c->a) && (c->cond == IR_EQ || c->cond == IR_NE);
}

IrRef x86tr_cond_value(X86Tr *tr, unsigned cond)
{
    X86Cond c = x86tr_cond(tr, cond);
    IrRef t;
    bool yes;

    if (x86tr_cond_known(tr, &c, &yes)) {
        return ir_const(tr->ir, yes);
    }
    /* A carry kept as a number is its own value. */
    if (c.cond == IR_TSTNE && ir_is_const(tr->ir, c.b) && tr->ir->value[c.b].value != 0 &&
        (tr->ir->value[c.b].value & (tr->ir->value[c.b].value - 1)) == 0) {
        t = ir_temp(tr->ir);
        ir_extract(tr->ir, t, c.a, (unsigned)__builtin_ctzll(tr->ir->value[c.b].value), 1);
        return t;
    }
    return value_of(tr, c);
}
