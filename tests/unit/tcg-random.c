/* Random IR blocks that keep the rules of accel/tcg/ir.h.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/tcg-fake.h"

static uint64_t rng;

void random_seed(uint64_t seed)
{
    rng = seed;
}

uint64_t random_u64(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * 0x2545f4914f6cdd1dull;
}

unsigned random_below(unsigned n)
{
    return (unsigned)((random_u64() >> 32) % n);
}

bool random_chance(unsigned percent)
{
    return random_below(100) < percent;
}

enum { MAX_TEMPS = 24 };

typedef struct Gen {
    IrBlock *b;
    IrRef temp[MAX_TEMPS], vtemp[MAX_TEMPS], local[3];
    IrRef frame;            /* a base that several accesses share */
    unsigned ntemp, nvtemp, nlocal, nslots;
    int self_slot;          /* of a jump to the block itself; -1: none */
    bool no_calls;
    uint64_t pc;
} Gen;

uint64_t random_interesting(void)
{
    static const uint64_t some[] = {
        0,
        1,
        2,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff,
        0x8000,
        0xffff,
        0x7fffffff,
        0x80000000,
        0xffffffff,
        0x100000000,
        0x7fffffffffffffff,
        0x8000000000000000,
        ~0ull,
        ~0ull - 1,
        0xffffffff80000000,
        0xffffffffffffff80,
        0x45,
        0x41,
        4,
    };

    return random_chance(70)   ? some[random_below(G_N_ELEMENTS(some))]
           : random_chance(50) ? random_u64()
                               : random_u64() >> random_below(64);
}

static IrRef src(Gen *g)
{
    unsigned k = random_below(100);

    if (k < 40 || (k >= 50 && k < 80 && !g->ntemp)) {
        return IR_GLOBAL(random_below(NGPR));
    }
    if (k < 50) {
        return IR_GLOBAL(G_CC + random_below(5));
    }
    if (k < 80) {
        return g->temp[random_below(g->ntemp)];
    }
    if (k < 87 && g->nlocal) {
        return g->local[random_below(g->nlocal)];
    }
    return ir_const(g->b, random_interesting());
}

static IrRef dst(Gen *g)
{
    unsigned k = random_below(100);

    if (k < 40) {
        return IR_GLOBAL(random_below(NGPR));
    }
    if (k < 52) {
        return IR_GLOBAL(G_CC + random_below(5));
    }
    if (k < 58 && g->nlocal) {
        return g->local[random_below(g->nlocal)];
    }
    if (g->ntemp == MAX_TEMPS || (g->ntemp && random_chance(40))) {
        return g->temp[random_below(g->ntemp)];
    }
    g->temp[g->ntemp] = ir_temp(g->b);
    return g->temp[g->ntemp++];
}

static IrRef vsrc(Gen *g)
{
    return g->nvtemp && random_chance(40) ? g->vtemp[random_below(g->nvtemp)]
                                          : IR_GLOBAL(G_XMM + random_below(NXMM));
}

/* A new temporary only becomes known after its instruction, so that it is not its own source. */
static IrRef vdst(Gen *g)
{
    if (random_chance(60)) {
        return IR_GLOBAL(G_XMM + random_below(NXMM));
    }
    if (g->nvtemp == MAX_TEMPS || (g->nvtemp && random_chance(40))) {
        return g->vtemp[random_below(g->nvtemp)];
    }
    g->vtemp[g->nvtemp] = ir_vtemp(g->b);
    return g->vtemp[g->nvtemp++];
}

static IrType itype(void)
{
    return random_chance(50) ? IR_I32 : IR_I64;
}

static IrType ctype(void)
{
    return (IrType)random_below(4);
}

static void gen_alu(Gen *g)
{
    static const IrOp op2[] = { IR_ADD, IR_SUB,  IR_AND,  IR_OR,    IR_XOR,   IR_ADD,
                                IR_SUB, IR_ANDC, IR_MUL,  IR_MULHU, IR_MULHS, IR_SHL,
                                IR_SHR, IR_SAR,  IR_ROTL, IR_ROTR };
    static const IrOp op1[] = { IR_NEG,   IR_NOT,    IR_CLZ,    IR_CTZ,   IR_POPCNT, IR_BSWAP,
                                IR_EXT8U, IR_EXT16U, IR_EXT32U, IR_EXT8S, IR_EXT16S, IR_EXT32S };
    unsigned k = random_below(100), pos, len;
    IrRef a = src(g), x = src(g), d;

    if (k < 45) {
        d = random_chance(30) && (ir_is_global(a)) ? a : dst(g);
        ir_op2(g->b, op2[random_below(G_N_ELEMENTS(op2))], itype(), d, a, x);
    } else if (k < 60) {
        ir_op1(g->b, op1[random_below(G_N_ELEMENTS(op1))], itype(), dst(g), a);
    } else if (k < 75) {
        ir_mov(g->b, itype(), dst(g), a);
    } else if (k < 82) {
        pos = random_chance(40) ? 0 : random_chance(30) ? 8 : random_below(64);
        len = random_chance(50) && pos <= 56 ? 8 : 1 + random_below(64 - pos);
        d = random_chance(50) && ir_is_global(a) ? a : dst(g);
        ir_deposit(g->b, d, a, x, pos, len);
    } else if (k < 88) {
        pos = random_chance(30) ? 0 : random_chance(30) ? 8 : random_below(64);
        len = random_chance(50) && pos <= 56 ? 8 : 1 + random_below(64 - pos);
        ir_extract(g->b, dst(g), a, pos, len);
    } else {
        bool no_base = random_chance(15);

        ir_lea(g->b, itype(), dst(g), no_base ? IR_NONE : a,
               no_base || random_chance(70) ? x : IR_NONE, random_below(4),
               random_chance(50) ? (int32_t)random_interesting() : (int32_t)random_below(64) - 32);
    }
}

static void gen_cond(Gen *g)
{
    IrRef a = src(g), x = random_chance(40)
                              ? ir_const(g->b, random_chance(50) ? 0 : random_interesting())
                              : src(g);
    IrRef c = src(g), e = src(g);
    IrCond cond = (IrCond)random_below(12);

    if (random_chance(50)) {
        /* As flags are used: an operation, then a question about it or its operands. */
        IrType t = itype();
        IrRef left = dst(g), right = dst(g), res = dst(g);

        ir_mov(g->b, IR_I64, left, a);
        ir_mov(g->b, IR_I64, right, x);
        ir_op2(g->b,
               random_chance(60)   ? IR_SUB
               : random_chance(50) ? IR_ADD
                                   : IR_AND,
               t, res, left, right);
        if (random_chance(30)) {
            a = src(g);
            ir_mov(g->b, IR_I64, dst(g), a);
        }
        if (random_chance(50)) {
            ir_setcond(g->b, cond, t, dst(g), left, right);
        } else {
            ir_movcond(g->b, cond, random_chance(80) ? t : ctype(), dst(g), res,
                       random_chance(80) ? ir_const(g->b, 0) : res, c, e);
        }
    } else if (random_chance(50)) {
        ir_setcond(g->b, cond, ctype(), dst(g), a, x);
    } else {
        ir_movcond(g->b, cond, ctype(), dst(g), a, x, c, e);
    }
}

/* An address that is mostly inside the memory; sometimes a constant away from the last one. */
static IrRef address(Gen *g, int32_t *disp)
{
    unsigned at = random_below(2);
    IrRef a = ir_temp(g->b), last = g->frame;

    if (last && random_chance(50)) {
        *disp = (int32_t)random_below(200) - 100;
        if (random_chance(40)) {
            g->frame = random_chance(30) ? last : random_chance(30) ? IR_GLOBAL(4) : a;
            if (random_chance(50)) {
                ir_op2i(g->b, random_chance(50) ? IR_ADD : IR_SUB, IR_I64, g->frame, last,
                        8 * random_below(5));
            } else {
                ir_lea(g->b, IR_I64, g->frame, last, IR_NONE, 0, (int32_t)random_below(100) - 50);
            }
        }
        return g->frame;
    }

    *disp = random_chance(40) ? 0 : (int32_t)random_below(256) - 128;
    if (random_chance(3)) {
        return src(g);
    }
    if (random_chance(10)) {
        return ir_const(g->b, fake_base[at] + random_below(RAM));
    }
    ir_op2i(g->b, IR_AND, IR_I64, a, src(g), random_chance(80) ? RAM - 1 : 0xfff8);
    if (at) {
        ir_op2i(g->b, IR_ADD, IR_I64, a, a, fake_base[1]);
    } else {
        ir_lea(g->b, IR_I64, a, a, IR_NONE, 0, (int32_t)fake_base[0]);
    }
    g->frame = random_chance(30) ? a : IR_NONE;
    if (random_chance(30)) {
        g->frame = IR_GLOBAL(5 + 5 * random_below(2));
        ir_mov(g->b, IR_I64, g->frame, a);
    }
    return a;
}

static void gen_mem(Gen *g)
{
    unsigned mop = random_below(4) | (random_chance(10) ? MO_ALIGN : 0), mmu = random_chance(8),
             k = random_below(100);
    int32_t disp;
    IrRef a = address(g, &disp), v = src(g);

    if (k < 40) {
        mop |= random_chance(30) ? MO_SIGN : 0;
        mop |= mop & MO_SIGN && random_chance(30) ? MO_SIGN32 : 0;
        mop |= random_chance(15) ? MO_WRITE : 0;
        if ((mop & MO_SIZE) == MO_64) {
            mop &= ~(unsigned)(MO_SIGN | MO_SIGN32);
        }
        ir_ld(g->b, dst(g), a, disp, mop, mmu);
    } else if (k < 70) {
        ir_st(g->b, a, disp, v, mop, mmu);
    } else if (k < 80) {
        mop = (mop & MO_ALIGN) | (random_chance(40) ? MO_128 : random_chance(50) ? MO_32V : MO_64V);
        ir_ld(g->b, vdst(g), a, disp, mop, mmu);
    } else if (k < 90) {
        mop = (mop & MO_ALIGN) | (random_chance(40) ? MO_128 : random_chance(50) ? MO_32V : MO_64V);
        ir_st(g->b, a, disp, vsrc(g), mop, mmu);
    } else if (k < 95) {
        ir_amo(g->b, (IrAmo)random_below(5), dst(g), a, v, mop, mmu);
    } else {
        IrRef expect = src(g);

        ir_cas(g->b, dst(g), a, expect, v, mop, mmu);
    }
}

static void gen_state(Gen *g)
{
    static const unsigned vmops[] = { MO_128, MO_32V, MO_64V };
    bool in_global = random_chance(30);
    unsigned mop, at;

    if (random_chance(30)) {
        mop = vmops[random_below(3)];
        at = in_global ? offsetof(Env, xmm) + 16 * random_below(NXMM)
                       : offsetof(Env, field) + 16 * random_below(4);
        if (random_chance(50)) {
            ir_lds(g->b, vdst(g), mop, at);
        } else {
            ir_sts(g->b, vsrc(g), mop, at);
        }
        return;
    }
    mop = random_below(4);
    at = in_global ? 4 * random_below((offsetof(Env, field) - 8) / 4)
                   : offsetof(Env, field) + 8 * random_below(8);
    if (at >= offsetof(Env, pc) - 7 && at < offsetof(Env, pc) + 8) {
        at = offsetof(Env, field);
    }
    if (random_chance(50)) {
        if (mop < MO_64 && random_chance(30)) {
            mop |= MO_SIGN | (random_chance(30) ? MO_SIGN32 : 0);
        }
        ir_lds(g->b, dst(g), mop, at);
    } else {
        ir_sts(g->b, src(g), mop, at);
    }
}

static void gen_call(Gen *g)
{
    IrRef a = src(g), b = src(g), c = src(g), d = src(g);
    IrRef r = random_chance(80) ? dst(g) : IR_NONE;

    switch (random_below(8)) {
    case 7:
        ir_call(g->b, IR_CALL_READS, r, (void *)(uintptr_t)fake_fn_looks, a, IR_NONE, IR_NONE,
                IR_NONE);
        break;
    case 0: ir_call(g->b, IR_CALL_PURE, r, (void *)(uintptr_t)fake_fn_pure, a, b, c, d); break;
    case 1:
        ir_call(g->b, IR_CALL_PURE, r, (void *)(uintptr_t)fake_fn_pure0, IR_NONE, IR_NONE, IR_NONE,
                IR_NONE);
        break;
    case 2:
        ir_call(g->b, IR_CALL_READS | IR_CALL_EFFECT, r, (void *)(uintptr_t)fake_fn_reads, a, b,
                IR_NONE, IR_NONE);
        break;
    case 3:
        ir_call(g->b, IR_CALL_READS | IR_CALL_WRITES, r, (void *)(uintptr_t)fake_fn_writes, a, b, c,
                IR_NONE);
        break;
    case 4:
        ir_call(g->b, IR_CALL_ALL, r, (void *)(uintptr_t)fake_fn_writes, c, b, a, IR_NONE);
        break;
    case 5:
        ir_call(g->b, IR_CALL_RAISES | IR_CALL_READS, r, (void *)(uintptr_t)fake_fn_raises, a,
                IR_NONE, IR_NONE, IR_NONE);
        break;
    default:
        ir_call(g->b, IR_CALL_EFFECT, r, (void *)(uintptr_t)fake_fn_effect, a, IR_NONE, IR_NONE,
                IR_NONE);
        break;
    }
}

static unsigned shape_count(unsigned first, unsigned last)
{
    return first + random_below(last - first + 1);
}

static void gen_vec(Gen *g)
{
    unsigned k = random_below(100), vop;
    uint8_t imm8 = (uint8_t)random_u64();
    IrRef a = vsrc(g), x = random_chance(10) ? a : vsrc(g), n = src(g);

    if (k < 60) {
        enum { V1, V1I, V2, V2I, VI, VII, IV, IV2, IV2I, VF };
        static const uint8_t shape[VOP_NUM] = {
#define VEC_OP(name, s) [VOP_##name] = s,
#include "accel/tcg/vec.def"
        };

        vop = shape_count(0, VOP_MOVD_TO - 1);
        if (shape[vop] == V1 || shape[vop] == V1I) {
            ir_vop1(g->b, vop, vdst(g), a, imm8);
        } else {
            ir_vop2(g->b, vop, random_chance(40) && ir_is_global(a) ? a : vdst(g), a, x, imm8);
        }
    } else if (k < 75) {
        vop = shape_count(VOP_MOVD_TO, VOP_PEXTRQ);
        ir_vtoi(g->b, vop, dst(g), a, vop == VOP_PEXTRQ ? imm8 & 1 : imm8 & 7);
    } else if (k < 90) {
        vop = shape_count(VOP_MOVD_FROM, VOP_PINSRQ);
        if (vop <= VOP_MOVQ_FROM) {
            a = IR_NONE;
        }
        ir_itov(g->b, vop, vdst(g), a, n, vop == VOP_PINSRQ ? imm8 & 1 : imm8 & 7);
    } else if (k < 95) {
        static const uint8_t mask[] = { 1, 4, 0x40, 0x41, 0x45, 0x44 };
        IrRef d = dst(g);

        ir_vcmpf(g->b, shape_count(VOP_UCOMISS, VOP_COMISD), d, a, x);
        if (random_chance(60)) {
            ir_setcond(g->b, random_chance(50) ? IR_TSTNE : IR_TSTEQ,
                       random_chance(50) ? IR_I64 : IR_I32, dst(g), d,
                       ir_const(g->b, mask[random_below(6)]));
        }
    } else {
        ir_mov(g->b, IR_V128, vdst(g), a);
    }
}

static void gen_some(Gen *g, unsigned n)
{
    for (; n; n--) {
        unsigned k = random_below(100);

        if (random_chance(40)) {
            g->pc += 1 + random_below(8);
            ir_insn(g->b, g->pc);
        }
        if (k < 40) {
            gen_alu(g);
        } else if (k < 52) {
            gen_cond(g);
        } else if (k < 72) {
            gen_mem(g);
        } else if (k < 78) {
            gen_state(g);
        } else if (k < 84 && !g->no_calls) {
            gen_call(g);
        } else {
            gen_vec(g);
        }
    }
}

/* Backends may take the pc from the last IR_INSN in the text, so each label needs one. */
static void put_label(Gen *g, int label)
{
    ir_put_label(g->b, label);
    ir_insn(g->b, ++g->pc);
    g->ntemp = g->nvtemp = 0;
    g->frame = ir_is_global(g->frame) ? g->frame : IR_NONE;
}

static void gen_branch(Gen *g, int label)
{
    if (random_chance(40)) {
        IrRef left = src(g), right = src(g);

        ir_op2(g->b, IR_SUB, IR_I64, dst(g), left, right);
        ir_brcond(g->b, (IrCond)random_below(10), IR_I64, left, right, label);
    } else {
        IrRef left = src(g), right = src(g);

        ir_brcond(g->b, (IrCond)random_below(12), ctype(), left, right, label);
    }
}

static void gen_exit(Gen *g)
{
    switch (random_below(g->nslots < 2 ? 6 : 3)) {
    case 0: ir_exit(g->b, TCG_EXIT_HALT); break;
    case 1: ir_jumpr(g->b, random_chance(50) ? src(g) : ir_const(g->b, PC_HIT)); break;
    case 2: ir_jump(g->b, 2, PC_NEXT); break;
    default: ir_jump(g->b, g->nslots++, random_chance(50) ? PC_NEXT : PC_HIT); break;
    }
}

/* Back to the start of the block, a few times. */
static void gen_self(Gen *g, uint64_t pc)
{
    int label = ir_label(g->b);
    bool jumps = random_chance(50);

    g->self_slot = (int)g->nslots++;
    ir_brcond(g->b, jumps ? IR_GT : IR_LE, IR_I64, IR_GLOBAL(G_COUNT), ir_const(g->b, 0), label);
    gen_some(g, random_below(3));
    if (jumps) {
        gen_exit(g);
        put_label(g, label);
        gen_some(g, random_below(3));
    }
    ir_jump(g->b, (unsigned)g->self_slot, pc);
    if (!jumps) {
        put_label(g, label);
        gen_some(g, random_below(3));
        gen_exit(g);
    }
}

int random_block(IrBlock *b, uint64_t seed)
{
    Gen g = { .b = b, .self_slot = -1, .pc = seed & 1 ? 0xffffffff81000000ull : 0x7f00dead0000ull };
    unsigned parts, loop_max;
    uint64_t pc = g.pc;
    bool loops;
    int label;

    rng = seed * 0x9e3779b97f4a7c15ull + 1;
    for (unsigned i = 0; i < 8; i++) {
        random_u64();
    }
    ir_block_reset(b);
    ir_insn(b, g.pc);
    loops = random_chance(30);
    g.no_calls = loops && random_chance(70);
    ir_op2i(b, IR_SUB, IR_I64, IR_GLOBAL(G_COUNT), IR_GLOBAL(G_COUNT), 1);
    for (g.nlocal = 0; g.nlocal < 3; g.nlocal++) {
        g.local[g.nlocal] = ir_local(b);
        ir_mov(b, IR_I64, g.local[g.nlocal], IR_GLOBAL(random_below(NGPR)));
    }
    parts = 1 + random_below(5);
    for (unsigned i = 0; i < parts; i++) {
        gen_some(&g, 1 + random_below(25));
        switch (random_below(5)) {
        case 0:             /* skip something */
            label = ir_label(b);
            gen_branch(&g, label);
            gen_some(&g, 1 + random_below(10));
            put_label(&g, label);
            break;
        case 1:             /* leave sometimes */
            label = ir_label(b);
            gen_branch(&g, label);
            gen_some(&g, random_below(6));
            gen_exit(&g);
            put_label(&g, label);
            break;
        case 2:             /* one of two */
        {
            int end = ir_label(b);

            label = ir_label(b);
            gen_branch(&g, label);
            gen_some(&g, random_below(8));
            ir_br(b, end);
            put_label(&g, label);
            gen_some(&g, random_below(8));
            put_label(&g, end);
            break;
        }
        case 3:             /* a loop */
        {
            IrRef count = ir_local(b);

            loop_max = 1 + random_below(4);
            ir_mov(b, IR_I64, count, ir_const(b, loop_max));
            label = ir_label(b);
            put_label(&g, label);
            gen_some(&g, 1 + random_below(8));
            ir_op2i(b, IR_SUB, IR_I64, count, count, 1);
            ir_brcond(b, IR_NE, IR_I64, count, ir_const(b, 0), label);
            break;
        }
        default:
            break;
        }
    }
    if (loops && g.nslots < 2) {
        gen_self(&g, pc);
        return g.self_slot;
    }
    label = ir_label(b);
    if (random_chance(70)) {
        gen_branch(&g, label);
        gen_some(&g, random_below(4));
        gen_exit(&g);
        put_label(&g, label);
    }
    gen_some(&g, random_below(4));
    gen_exit(&g);
    return -1;
}
