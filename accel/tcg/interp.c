/* The IR interpreter: the reference for every backend, and the executor on hosts that have none.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/tcg/guest_ram.h"
#include "accel/tcg/tcg_state.h"

/* An operand is an offset from env, or into the block's constants. */
typedef enum { AT_NONE, AT_ENV64, AT_ENV32, AT_CONST } At;
typedef struct Operand {
    int32_t off;
    uint8_t at;
} Operand;

typedef struct InterpInsn {
    uint8_t op, type, cond, sub, mop;
    Operand d, a, b, c, e;
    uint64_t imm;
} InterpInsn;

typedef struct InterpBlock {
    unsigned n;
    uint64_t *constants;
    InterpInsn insn[];
} InterpBlock;

static Operand operand(const Cpu *cpu, const IrBlock *ir, IrRef r, uint64_t *constants, unsigned *nconst)
{
    const IrValue *v = &ir->value[r];

    if (!r) {
        return (Operand){ 0, AT_NONE };
    }
    switch (v->kind) {
    case IR_VAL_GLOBAL:
        return (Operand){ (int32_t)ir->global[r - 1].offset, v->type == IR_I32 ? AT_ENV32 : AT_ENV64 };
    case IR_VAL_CONST:
        constants[*nconst] = v->value;
        return (Operand){ (int32_t)(*nconst)++, AT_CONST };
    default:
        return (Operand){ (int32_t)(TCG_ENV_OFFSET(cpu, frame) + r * (int64_t)sizeof(V128)), AT_ENV64 };
    }
}

static bool interp_compile(TcgState *tcg, const Cpu *cpu, const IrBlock *ir, TcgBlock *tb)
{
    InterpBlock *ib = g_malloc(sizeof(*ib) + ir->ninsns * sizeof(InterpInsn));
    g_autofree unsigned *label_at = g_new0(unsigned, ir->nlabels + 1);
    unsigned n = 0, nconst = 0;

    ib->constants = g_new(uint64_t, 5 * ir->ninsns + 1);
    for (unsigned k = 0; k < ir->ninsns; k++) {
        const IrInsn *i = &ir->insn[k];

        if (i->op == IR_LABEL) {
            label_at[i->imm] = n;
            continue;
        }
        ib->insn[n++] = (InterpInsn){
            .op = i->op, .type = i->type, .cond = i->cond, .sub = i->sub, .mop = i->mop, .imm = i->imm,
            .d = operand(cpu, ir, i->d, ib->constants, &nconst),
            .a = operand(cpu, ir, i->a, ib->constants, &nconst),
            .b = operand(cpu, ir, i->b, ib->constants, &nconst),
            .c = operand(cpu, ir, i->c, ib->constants, &nconst),
            .e = operand(cpu, ir, i->e, ib->constants, &nconst),
        };
    }
    ib->n = n;
    ib->constants = g_renew(uint64_t, ib->constants, nconst + 1);
    for (unsigned k = 0; k < n; k++) {
        if (ib->insn[k].op == IR_BR || ib->insn[k].op == IR_BRCOND) {
            ib->insn[k].imm = label_at[ib->insn[k].imm];
        }
        if (ib->insn[k].op == IR_JUMP && ib->insn[k].sub < 2) {
            tb->patch[ib->insn[k].sub] = tb;
        }
    }
    tb->interp = ib;
    tb->code = tb;
    return true;
}

static void interp_free(TcgBlock *tb)
{
    InterpBlock *ib = tb->interp;

    if (ib) {
        g_free(ib->constants);
        g_free(ib);
        tb->interp = NULL;
    }
}

typedef struct Frame {
    char *env;
    const uint64_t *constants;
} Frame;

static inline uint64_t get(const Frame *f, Operand o)
{
    if (o.at == AT_ENV64) {
        return *(uint64_t *)(f->env + o.off);
    }
    return o.at == AT_CONST ? f->constants[o.off] : o.at == AT_ENV32 ? *(uint32_t *)(f->env + o.off) : 0;
}

static inline void put(const Frame *f, Operand o, IrType t, uint64_t v)
{
    if (o.at == AT_ENV32) {
        *(uint32_t *)(f->env + o.off) = (uint32_t)v;
    } else if (o.at == AT_ENV64) {
        *(uint64_t *)(f->env + o.off) = t == IR_I32 ? (uint32_t)v : v;
    }
}

static inline V128 *vec(const Frame *f, Operand o)
{
    return (V128 *)(f->env + o.off);
}

static bool compare(IrCond c, IrType t, uint64_t a, uint64_t b)
{
    unsigned drop = t == IR_I8 ? 56 : t == IR_I16 ? 48 : t == IR_I32 ? 32 : 0;
    int64_t sa = (int64_t)(a << drop), sb = (int64_t)(b << drop);

    a <<= drop;
    b <<= drop;
    switch (c) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    case IR_LT: return sa < sb;
    case IR_GE: return sa >= sb;
    case IR_LE: return sa <= sb;
    case IR_GT: return sa > sb;
    case IR_TSTEQ: return !(a & b);
    case IR_TSTNE: return (a & b) != 0;
    }
    return false;
}

static uint64_t field_mask(unsigned len)
{
    return len == 64 ? ~0ull : (1ull << len) - 1;
}

static uint64_t alu1(const InterpInsn *i, uint64_t a)
{
    bool w32 = i->type == IR_I32;

    switch (i->op) {
    case IR_NEG: return -a;
    case IR_NOT: return ~a;
    case IR_CLZ: return w32 ? ((uint32_t)a ? (unsigned)__builtin_clz((uint32_t)a) : 32)
                            : (a ? (unsigned)__builtin_clzll(a) : 64);
    case IR_CTZ: return w32 ? ((uint32_t)a ? (unsigned)__builtin_ctz((uint32_t)a) : 32)
                            : (a ? (unsigned)__builtin_ctzll(a) : 64);
    case IR_POPCNT: return (unsigned)__builtin_popcountll(w32 ? (uint32_t)a : a);
    case IR_BSWAP: return w32 ? __builtin_bswap32((uint32_t)a) : __builtin_bswap64(a);
    case IR_EXT8U: return (uint8_t)a;
    case IR_EXT16U: return (uint16_t)a;
    case IR_EXT32U: return (uint32_t)a;
    case IR_EXT8S: return (uint64_t)(int64_t)(int8_t)a;
    case IR_EXT16S: return (uint64_t)(int64_t)(int16_t)a;
    case IR_EXT32S: return (uint64_t)(int64_t)(int32_t)a;
    case IR_EXTRACT: return a >> (i->imm & 0xff) & field_mask(i->imm >> 8);
    default: return a;
    }
}

static uint64_t alu2(const InterpInsn *i, uint64_t a, uint64_t b)
{
    bool w32 = i->type == IR_I32;
    unsigned n = (unsigned)b & (w32 ? 31 : 63);

    switch (i->op) {
    case IR_ADD: return a + b;
    case IR_SUB: return a - b;
    case IR_AND: return a & b;
    case IR_OR: return a | b;
    case IR_XOR: return a ^ b;
    case IR_ANDC: return a & ~b;
    case IR_MUL: return a * b;
    case IR_MULHU:
        return w32 ? (uint64_t)(uint32_t)a * (uint32_t)b >> 32 : (uint64_t)((unsigned __int128)a * b >> 64);
    case IR_MULHS:
        return w32 ? (uint64_t)((int64_t)(int32_t)a * (int32_t)b >> 32)
                   : (uint64_t)((__int128)(int64_t)a * (int64_t)b >> 64);
    case IR_SHL: return a << n;
    case IR_SHR: return w32 ? (uint32_t)a >> n : a >> n;
    case IR_SAR: return w32 ? (uint64_t)((int32_t)a >> n) : (uint64_t)((int64_t)a >> n);
    case IR_ROTL: return w32 ? (uint32_t)a << n | (uint32_t)a >> (-n & 31) : a << n | a >> (-n & 63);
    case IR_ROTR: return w32 ? (uint32_t)a >> n | (uint32_t)a << (-n & 31) : a >> n | a << (-n & 63);
    case IR_LEA: return a + (b << i->sub) + i->imm;
    case IR_DEPOSIT: {
        uint64_t m = field_mask(i->imm >> 8) << (i->imm & 0xff);

        return (a & ~m) | (b << (i->imm & 0xff) & m);
    }
    default: return a;
    }
}

static uint64_t read_host(const void *p, unsigned mop)
{
    return ir_mem_extend(guest_ram_load(p, 1u << (mop & MO_SIZE)), mop);
}

static void write_host(void *p, unsigned mop, uint64_t v)
{
    guest_ram_store(p, 1u << (mop & MO_SIZE), v);
}

/* Host address on a TLB hit, NULL else. */
static inline void *tlb_hit(TcgCpu *tc, uint64_t addr, unsigned mop, unsigned mmu, bool write)
{
    TcgTlbEntry *e = &tc->tlb[mmu][addr >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1)];
    unsigned size = 1u << (mop & MO_SIZE);
    uint64_t tag = __atomic_load_n(write ? &e->write : &e->read, __ATOMIC_RELAXED);

    if (((addr + size - 1) & TCG_PAGE_MASK) != tag || (mop & MO_ALIGN && addr & (size - 1))) {
        return NULL;
    }
    return (void *)(uintptr_t)(addr + e->addend);
}

static void do_load(TcgCpu *tc, const Frame *f, const InterpInsn *i, uint64_t pc)
{
    uint64_t addr = get(f, i->a) + i->imm;
    void *p = tlb_hit(tc, addr, i->mop, i->sub, i->mop & MO_WRITE);

    if ((i->mop & MO_SIZE) == MO_128 || i->mop & MO_VEC) {
        V128 v = { .q = { 0, 0 } };

        if (!p) {
            tcg_slow_load_v(f->env, addr, &v, TCG_MOP_MMU(i->mop, i->sub), pc);
        } else {
            memcpy(&v, p, 1u << (i->mop & MO_SIZE));
        }
        *vec(f, i->d) = v;
        return;
    }
    put(f, i->d, IR_I64, p ? read_host(p, i->mop)
                           : tcg_slow_load(f->env, addr, TCG_MOP_MMU(i->mop, i->sub), pc));
}

static void do_store(TcgCpu *tc, const Frame *f, const InterpInsn *i, uint64_t pc)
{
    uint64_t addr = get(f, i->a) + i->imm;
    void *p = tlb_hit(tc, addr, i->mop, i->sub, true);

    if ((i->mop & MO_SIZE) == MO_128 || i->mop & MO_VEC) {
        if (!p) {
            tcg_slow_store_v(f->env, addr, vec(f, i->b), TCG_MOP_MMU(i->mop, i->sub), pc);
        } else {
            memcpy(p, vec(f, i->b), 1u << (i->mop & MO_SIZE));
        }
    } else if (p) {
        write_host(p, i->mop, get(f, i->b));
    } else {
        tcg_slow_store(f->env, addr, get(f, i->b), TCG_MOP_MMU(i->mop, i->sub), pc);
    }
}

static void do_lds(const Frame *f, const InterpInsn *i)
{
    const void *p = f->env + (int64_t)i->imm;

    if ((i->mop & MO_SIZE) == MO_128 || i->mop & MO_VEC) {
        V128 v = { .q = { 0, 0 } };

        memcpy(&v, p, 1u << (i->mop & MO_SIZE));
        *vec(f, i->d) = v;
    } else {
        put(f, i->d, IR_I64, read_host(p, i->mop));
    }
}

static void do_sts(const Frame *f, const InterpInsn *i)
{
    void *p = f->env + (int64_t)i->imm;

    if ((i->mop & MO_SIZE) == MO_128 || i->mop & MO_VEC) {
        memmove(p, vec(f, i->a), 1u << (i->mop & MO_SIZE));
    } else {
        write_host(p, i->mop, get(f, i->a));
    }
}

static void do_call(TcgCpu *tc, const Frame *f, const InterpInsn *i, uint64_t pc)
{
    typedef uint64_t Fn(void *, uint64_t, uint64_t, uint64_t, uint64_t);
    Fn *fn = (Fn *)(uintptr_t)i->imm;
    uint64_t r;

    if (i->cond & IR_CALL_RAISES) {
        *(uint64_t *)(f->env + tc->tcg->fe->pc_offset) = pc;
    }
    r = fn(f->env, get(f, i->a), get(f, i->b), get(f, i->c), get(f, i->e));
    put(f, i->d, IR_I64, r);
}

static void do_vector(const Frame *f, const InterpInsn *i)
{
    const VecOpImpl *op = &vec_op_impl[(uint32_t)i->imm];
    unsigned imm8 = (unsigned)(i->imm >> 32);
    static const V128 zero;

    switch (i->op) {
    case IR_VOP1:
        op->v(vec(f, i->d), vec(f, i->a), vec(f, i->a), imm8);
        break;
    case IR_VOP2:
        op->v(vec(f, i->d), vec(f, i->a), vec(f, i->b), imm8);
        break;
    case IR_ITOV:
        op->iv(vec(f, i->d), i->a.at == AT_NONE ? &zero : vec(f, i->a), get(f, i->b), imm8);
        break;
    default:
        put(f, i->d, IR_I64, op->vi(vec(f, i->a), i->b.at == AT_NONE ? &zero : vec(f, i->b), imm8));
        break;
    }
}

static void do_move(const Frame *f, const InterpInsn *i)
{
    if (i->type == IR_V128) {
        V128 v = *vec(f, i->a);

        *vec(f, i->d) = v;
    } else {
        put(f, i->d, i->type, get(f, i->a));
    }
}

/* Runs one block; returns the next one, or NULL with *out filled. */
static TcgBlock *run_block(Cpu *cpu, TcgBlock *tb, TcgRunResult *out)
{
    TcgCpu *tc = tcg_cpu(cpu);
    const InterpBlock *ib = tb->interp;
    Frame f = { cpu->env, ib->constants };
    uint64_t pc = tb->pc, to;

    for (unsigned n = 0;; n++) {
        const InterpInsn *i = &ib->insn[n];

        switch (i->op) {
        case IR_INSN: pc = i->imm; break;
        case IR_MOV: do_move(&f, i); break;
        case IR_ADD ... IR_MULHS:
        case IR_SHL ... IR_ROTR:
        case IR_DEPOSIT:
        case IR_LEA:
            put(&f, i->d, i->op == IR_DEPOSIT ? IR_I64 : i->type, alu2(i, get(&f, i->a), get(&f, i->b)));
            break;
        case IR_NEG:
        case IR_NOT:
        case IR_CLZ ... IR_EXT16S:
            put(&f, i->d, i->type, alu1(i, get(&f, i->a)));
            break;
        case IR_EXT32S:
        case IR_EXTRACT:
            put(&f, i->d, IR_I64, alu1(i, get(&f, i->a)));
            break;
        case IR_SETCOND:
            put(&f, i->d, IR_I64, compare(i->cond, i->type, get(&f, i->a), get(&f, i->b)));
            break;
        case IR_MOVCOND:
            put(&f, i->d, i->type, compare(i->cond, i->type, get(&f, i->a), get(&f, i->b))
                                   ? get(&f, i->c) : get(&f, i->e));
            break;
        case IR_LDS: do_lds(&f, i); break;
        case IR_STS: do_sts(&f, i); break;
        case IR_LD: do_load(tc, &f, i, pc); break;
        case IR_ST: do_store(tc, &f, i, pc); break;
        case IR_AMO:
            put(&f, i->d, IR_I64, tcg_slow_amo(f.env, get(&f, i->a) + i->imm, get(&f, i->b),
                                               TCG_MOP_MMU(i->mop, i->sub) | (uint32_t)i->cond << 24, pc));
            break;
        case IR_CAS:
            put(&f, i->d, IR_I64, tcg_slow_cas(f.env, get(&f, i->a) + i->imm, get(&f, i->b), get(&f, i->c),
                                               TCG_MOP_MMU(i->mop, i->sub), pc));
            break;
        case IR_CALL: do_call(tc, &f, i, pc); break;
        case IR_BR: n = (unsigned)i->imm - 1; break;
        case IR_BRCOND:
            if (compare(i->cond, i->type, get(&f, i->a), get(&f, i->b))) {
                n = (unsigned)i->imm - 1;
            }
            break;
        case IR_JUMP:
            *(uint64_t *)(f.env + tc->tcg->fe->pc_offset) = i->imm;
            to = (uintptr_t)(i->sub < 2 ? atomic_get_acquire(&tb->jump[i->sub]) : NULL);
            if (to) {
                return (TcgBlock *)(uintptr_t)to;
            }
            *out = (TcgRunResult){ TCG_EXIT_NEXT, i->sub < 2 ? tb : NULL, i->sub };
            return NULL;
        case IR_JUMPR: {
            TcgJumpEntry *e;

            to = get(&f, i->a);
            *(uint64_t *)(f.env + tc->tcg->fe->pc_offset) = to;
            e = &tc->jump[tcg_jc_index(to)];
            if (__atomic_load_n(&e->pc, __ATOMIC_RELAXED) == to && e->mode == tb->mode) {
                return e->block;
            }
            *out = (TcgRunResult){ TCG_EXIT_NEXT, NULL, 0 };
            return NULL;
        }
        case IR_EXIT:
            *out = (TcgRunResult){ (TcgExit)i->imm, NULL, 0 };
            return NULL;
        default: do_vector(&f, i); break;
        }
    }
}

static TcgRunResult interp_run(Cpu *cpu, TcgBlock *tb)
{
    TcgCpu *tc = tcg_cpu(cpu);
    uint64_t *pc = (uint64_t *)((char *)cpu->env + tc->tcg->fe->pc_offset);
    TcgRunResult out = { TCG_EXIT_NEXT, NULL, 0 };

    for (; tb; tb = run_block(cpu, tb, &out)) {
        if (atomic_get_relaxed(&cpu->attn)) {
            *pc = tb->pc;
            out = (TcgRunResult){ TCG_EXIT_REQUEST, NULL, 0 };
            break;
        }
        if (tb->mode & TCG_MODE_COUNTED) {
            if (tc->budget < tb->ninsns) {
                *pc = tb->pc;
                out = (TcgRunResult){ TCG_EXIT_BUDGET, NULL, 0 };
                break;
            }
            tc->budget -= tb->ninsns;
        }
        tc->current = tb;
    }
    return out;
}

static bool interp_init(TcgState *tcg, const Cpu *cpu, GError **errp)
{
    return true;
}

static void interp_fini(TcgState *tcg)
{
}

/* The run loop reads TcgBlock.jump itself. */
static void interp_link(TcgBlock *from, unsigned slot, TcgBlock *to)
{
}

static void interp_reset(TcgState *tcg)
{
}

const TcgBackend tcg_backend_interp = {
    .name = "interp",
    .init = interp_init,
    .fini = interp_fini,
    .compile = interp_compile,
    .block_free = interp_free,
    .run = interp_run,
    .link = interp_link,
    .reset = interp_reset,
};
