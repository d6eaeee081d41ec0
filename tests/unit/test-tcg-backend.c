/* The JIT's backends against each other: random IR blocks run on the interpreter, as built, and on the host's
 * code generator, after ir_analyse(), must leave equal registers, memory and exits, and every piece of C code
 * that they call must see equal state.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accel/tcg/tcg_state.h"

/* ---- a target with registers and nothing else ---- */

enum { NGPR = 16, NXMM = 16 };

typedef struct Env {
    uint64_t gpr[NGPR];
    uint64_t pc;
    uint64_t cc[3];
    uint32_t cc_op, word;
    V128 xmm[NXMM];
    uint64_t field[8];
    uint64_t count;         /* turns of a block that jumps to itself */
    uint64_t pad;
} Env;

static IrGlobal globals[NGPR + 3 + 2 + NXMM + 1];
static TcgFrontend frontend;
enum { G_CC = NGPR, G_CC_OP = NGPR + 3, G_WORD, G_XMM, G_COUNT = G_XMM + NXMM };

static const char *const gpr_name[NGPR] = { "g0", "g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9", "g10",
                                            "g11", "g12", "g13", "g14", "g15" };

static void target_init(unsigned npin)
{
    unsigned n = 0;

    for (unsigned i = 0; i < NGPR; i++) {
        globals[n++] = (IrGlobal){ gpr_name[i],
                                   (uint32_t)(offsetof(Env, gpr) + 8 * i), IR_I64, (uint8_t)(i < npin ? i + 1 : 0) };
    }
    for (unsigned i = 0; i < 3; i++) {
        globals[n++] = (IrGlobal){ "cc", (uint32_t)(offsetof(Env, cc) + 8 * i), IR_I64, 0 };
    }
    globals[n++] = (IrGlobal){ "cc_op", offsetof(Env, cc_op), IR_I32, 0 };
    globals[n++] = (IrGlobal){ "word", offsetof(Env, word), IR_I32, 0 };
    for (unsigned i = 0; i < NXMM; i++) {
        globals[n++] = (IrGlobal){ "xmm", (uint32_t)(offsetof(Env, xmm) + 16 * i), IR_V128, 0 };
    }
    globals[n++] = (IrGlobal){ "count", offsetof(Env, count), IR_I64, 0 };
    frontend = (TcgFrontend){ .globals = globals, .nglobals = n, .nmmu = 2, .pc_offset = offsetof(Env, pc) };
}

/* ---- guest memory: 16 pages of different nature, seen at two addresses ---- */

enum { PAGES = 16, RAM = PAGES * 4096 };
static const uint64_t base_at[2] = { 0x10000, 0xffff888000000000ull };
enum { P_READ_ONLY = 8, P_WATCH, P_SLOW, P_ABSENT, P_FAULT, P_WATCH2 };

typedef struct LogEntry {
    uint64_t what, addr, value, pc;
    Env env;
} LogEntry;

/* One side: a vCPU with its memory, and what C code saw. */
typedef struct Side {
    const TcgBackend *backend;
    TcgState *tcg;
    Cpu *cpu;
    TcgCpu *tc;
    Env *env;
    void *whole;
    uint8_t *ram;
    uint8_t watch[2][64];
    LogEntry log[1024];
    unsigned nlog;
    sigjmp_buf unwind;
    TcgRunResult result;
    bool unwound;
} Side;

static Side *now;           /* the side that runs */

static uint64_t hash(const void *p, size_t n, uint64_t h)
{
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3ull;
    }
    return h;
}

/* All that C code may look at; the pc only where it was promised. */
static void note(uint64_t what, uint64_t addr, uint64_t value, uint64_t pc)
{
    if (now->nlog < G_N_ELEMENTS(now->log)) {
        now->log[now->nlog] = (LogEntry){ what, addr, value, pc, *now->env };
        now->log[now->nlog++].env.pc = 0;
    }
}

/* Which part of the state differs; NULL if none does. */
static const char *env_difference(const Env *x, const Env *y)
{
    static char text[100];
    const uint64_t *a = (const void *)x, *b = (const void *)y;

    for (unsigned i = 0; i < sizeof(Env) / 8; i++) {
        if (a[i] != b[i] && i * 8 != offsetof(Env, pc)) {
            snprintf(text, sizeof(text), "state at offset %u: %llx, %llx", i * 8, (unsigned long long)a[i],
                     (unsigned long long)b[i]);
            return text;
        }
    }
    return NULL;
}

static unsigned page_of(uint64_t addr)
{
    return addr >> 12 & (PAGES - 1);
}

static void guest_bytes(uint64_t addr, void *buf, unsigned n, bool write)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = &now->ram[(addr + i) & (RAM - 1)];

        if (write) {
            *p = ((uint8_t *)buf)[i];
        } else {
            ((uint8_t *)buf)[i] = *p;
        }
    }
}

/* Is it an access that the interpreter makes by C and the code generator without? */
static bool is_private(uint64_t addr, unsigned mop, unsigned mmu, bool atomic)
{
    unsigned size = 1u << (mop & MO_SIZE), p = page_of(addr);
    const uint8_t *bits = now->watch[p == P_WATCH2];

    if (mmu || (addr & 4095) + size > 4096 || (mop & MO_ALIGN && addr & (size - 1))) {
        return false;
    }
    if (atomic && (p < P_READ_ONLY || p > P_WATCH2)) {
        return true;
    }
    if ((p != P_WATCH && p != P_WATCH2) || atomic) {
        return false;
    }
    for (unsigned i = (addr & 4095) / 8; i <= ((addr & 4095) + size - 1) / 8; i++) {
        if (bits[i / 8] >> (i % 8) & 1) {
            return false;
        }
    }
    return true;
}

/* Log, and sometimes an exception. */
static void slow(uint64_t kind, void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu, uint64_t pc,
                 bool atomic)
{
    g_assert(env == now->env);
    if (!is_private(addr, mop_mmu & 0xff, mop_mmu >> 16 & 0xff, atomic)) {
        note(kind << 32 | mop_mmu, addr, value, pc);
        if (page_of(addr) == P_FAULT && (addr & 0x70) == 0x70) {
            now->unwound = true;
            siglongjmp(now->unwind, 1);
        }
    }
}

static uint64_t extend(uint64_t v, unsigned mop)
{
    unsigned drop = 64 - (8u << (mop & MO_SIZE));

    if (mop & MO_SIGN) {
        v = (uint64_t)((int64_t)(v << drop) >> drop);
        return mop & MO_SIGN32 ? (uint32_t)v : v;
    }
    return v << drop >> drop;
}

/* C code may use every vector register and all flags. */
static void spoil_registers(void)
{
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0\n movaps %%xmm0, %%xmm1\n movaps %%xmm0, %%xmm2\n"
                     "movaps %%xmm0, %%xmm3\n movaps %%xmm0, %%xmm4\n movaps %%xmm0, %%xmm5\n"
                     "movaps %%xmm0, %%xmm6\n movaps %%xmm0, %%xmm7\n movaps %%xmm0, %%xmm8\n"
                     "movaps %%xmm0, %%xmm9\n movaps %%xmm0, %%xmm10\n movaps %%xmm0, %%xmm11\n"
                     "movaps %%xmm0, %%xmm12\n movaps %%xmm0, %%xmm13\n movaps %%xmm0, %%xmm14\n"
                     "movaps %%xmm0, %%xmm15\n mov $-1, %%rax\n mov %%rax, %%rcx\n mov %%rax, %%rdx\n"
                     "mov %%rax, %%rsi\n mov %%rax, %%rdi\n mov %%rax, %%r8\n mov %%rax, %%r9\n"
                     "mov %%rax, %%r10\n mov %%rax, %%r11\n"
                     ::: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",
                     "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13",
                     "xmm14", "xmm15", "cc", "memory");
}

uint64_t tcg_slow_load(void *env, uint64_t addr, uint32_t mop_mmu, uint64_t pc)
{
    uint64_t v = 0;

    slow(1, env, addr, 0, mop_mmu, pc, false);
    guest_bytes(addr, &v, 1u << (mop_mmu & MO_SIZE), false);
    spoil_registers();
    return extend(v, mop_mmu & 0xff);
}

void tcg_slow_store(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu, uint64_t pc)
{
    slow(2, env, addr, extend(value, mop_mmu & MO_SIZE), mop_mmu, pc, false);
    guest_bytes(addr, &value, 1u << (mop_mmu & MO_SIZE), true);
    spoil_registers();
}

void tcg_slow_load_v(void *env, uint64_t addr, V128 *v, uint32_t mop_mmu, uint64_t pc)
{
    slow(3, env, addr, 0, mop_mmu, pc, false);
    memset(v, 0, 16);
    guest_bytes(addr, v, 1u << (mop_mmu & MO_SIZE), false);
    spoil_registers();
}

void tcg_slow_store_v(void *env, uint64_t addr, const V128 *v, uint32_t mop_mmu, uint64_t pc)
{
    slow(4, env, addr, hash(v, 1u << (mop_mmu & MO_SIZE), 7), mop_mmu, pc, false);
    guest_bytes(addr, (void *)(uintptr_t)v, 1u << (mop_mmu & MO_SIZE), true);
    spoil_registers();
}

uint64_t tcg_slow_amo(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu_amo, uint64_t pc)
{
    unsigned size = 1u << (mop_mmu_amo & MO_SIZE);
    uint64_t old = 0, new;

    slow(5, env, addr, extend(value, mop_mmu_amo & MO_SIZE), mop_mmu_amo, pc, true);
    guest_bytes(addr, &old, size, false);
    switch (mop_mmu_amo >> 24) {
    case IR_AMO_ADD: new = old + value; break;
    case IR_AMO_AND: new = old & value; break;
    case IR_AMO_OR: new = old | value; break;
    case IR_AMO_XOR: new = old ^ value; break;
    default: new = value; break;
    }
    guest_bytes(addr, &new, size, true);
    spoil_registers();
    return extend(old, mop_mmu_amo & 0xff);
}

uint64_t tcg_slow_cas(void *env, uint64_t addr, uint64_t expect, uint64_t value, uint32_t mop_mmu, uint64_t pc)
{
    unsigned size = 1u << (mop_mmu & MO_SIZE);
    uint64_t old = 0;

    slow(6, env, addr, extend(expect, mop_mmu & MO_SIZE) ^ extend(value, mop_mmu & MO_SIZE) * 3, mop_mmu, pc,
         true);
    guest_bytes(addr, &old, size, false);
    if (old == extend(expect, mop_mmu & MO_SIZE)) {
        guest_bytes(addr, &value, size, true);
    }
    spoil_registers();
    return extend(old, mop_mmu & 0xff);
}

/* ---- functions that blocks call ---- */

static uint64_t fn_pure(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    spoil_registers();
    return a * 3 + b * 5 + c * 7 + d * 11;
}

static uint64_t fn_pure0(void *env)
{
    spoil_registers();
    return 0x123456789abcdefull;
}

static uint64_t fn_reads(void *env, uint64_t a, uint64_t b)
{
    note(100, a, b, 0);
    spoil_registers();
    return hash(env, offsetof(Env, pc), 1);
}

static uint64_t fn_looks(void *env, uint64_t a)
{
    spoil_registers();
    return hash(env, offsetof(Env, pc), a);
}

static uint64_t fn_writes(void *env, uint64_t a, uint64_t b, uint64_t c)
{
    Env *e = env;

    note(101, a, b, c);
    e->gpr[a & 15] += b;
    e->xmm[b & 15].q[1] ^= c;
    e->cc[c % 3] = a;
    e->cc_op ^= (uint32_t)a;
    spoil_registers();
    return e->gpr[c & 15];
}

static uint64_t fn_raises(void *env, uint64_t a)
{
    Env *e = env;

    note(102, a, 0, e->pc);
    if ((a & 31) == 5) {
        now->unwound = true;
        siglongjmp(now->unwind, 1);
    }
    spoil_registers();
    return a ^ 0x5555;
}

static uint64_t fn_effect(void *env, uint64_t a)
{
    if (now->nlog < G_N_ELEMENTS(now->log)) {
        now->log[now->nlog++] = (LogEntry){ 103, a };
    }
    spoil_registers();
    return ~a;
}

/* ---- random blocks ---- */

static uint64_t rng;

static uint64_t rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * 0x2545f4914f6cdd1dull;
}

static unsigned below(unsigned n)
{
    return (unsigned)((rnd() >> 32) % n);
}

static bool chance(unsigned percent)
{
    return below(100) < percent;
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

static uint64_t interesting(void)
{
    static const uint64_t some[] = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        0x100000000, 0x7fffffffffffffff, 0x8000000000000000, ~0ull, ~0ull - 1, 0xffffffff80000000,
        0xffffffffffffff80, 0x45, 0x41, 4,
    };

    return chance(70) ? some[below(G_N_ELEMENTS(some))] : chance(50) ? rnd() : rnd() >> below(64);
}

static IrRef src(Gen *g)
{
    unsigned k = below(100);

    if (k < 40 || (k >= 50 && k < 80 && !g->ntemp)) {
        return IR_GLOBAL(below(NGPR));
    }
    if (k < 50) {
        return IR_GLOBAL(G_CC + below(5));
    }
    if (k < 80) {
        return g->temp[below(g->ntemp)];
    }
    if (k < 87 && g->nlocal) {
        return g->local[below(g->nlocal)];
    }
    return ir_const(g->b, interesting());
}

static IrRef dst(Gen *g)
{
    unsigned k = below(100);

    if (k < 40) {
        return IR_GLOBAL(below(NGPR));
    }
    if (k < 52) {
        return IR_GLOBAL(G_CC + below(5));
    }
    if (k < 58 && g->nlocal) {
        return g->local[below(g->nlocal)];
    }
    if (g->ntemp == MAX_TEMPS || (g->ntemp && chance(40))) {
        return g->temp[below(g->ntemp)];
    }
    g->temp[g->ntemp] = ir_temp(g->b);
    return g->temp[g->ntemp++];
}

static IrRef vsrc(Gen *g)
{
    return g->nvtemp && chance(40) ? g->vtemp[below(g->nvtemp)] : IR_GLOBAL(G_XMM + below(NXMM));
}

/* A new temporary only becomes known after its instruction, so that it is not its own source. */
static IrRef vdst(Gen *g)
{
    if (chance(60)) {
        return IR_GLOBAL(G_XMM + below(NXMM));
    }
    if (g->nvtemp == MAX_TEMPS || (g->nvtemp && chance(40))) {
        return g->vtemp[below(g->nvtemp)];
    }
    g->vtemp[g->nvtemp] = ir_vtemp(g->b);
    return g->vtemp[g->nvtemp++];
}

static IrType itype(void)
{
    return chance(50) ? IR_I32 : IR_I64;
}

static IrType ctype(void)
{
    return (IrType)below(4);
}

static void gen_alu(Gen *g)
{
    static const IrOp op2[] = { IR_ADD, IR_SUB, IR_AND, IR_OR, IR_XOR, IR_ADD, IR_SUB, IR_ANDC, IR_MUL, IR_MULHU,
                                IR_MULHS, IR_SHL, IR_SHR, IR_SAR, IR_ROTL, IR_ROTR };
    static const IrOp op1[] = { IR_NEG, IR_NOT, IR_CLZ, IR_CTZ, IR_POPCNT, IR_BSWAP, IR_EXT8U, IR_EXT16U,
                                IR_EXT32U, IR_EXT8S, IR_EXT16S, IR_EXT32S };
    unsigned k = below(100), pos, len;
    IrRef a = src(g), x = src(g), d;

    if (k < 45) {
        d = chance(30) && (ir_is_global(a)) ? a : dst(g);
        ir_op2(g->b, op2[below(G_N_ELEMENTS(op2))], itype(), d, a, x);
    } else if (k < 60) {
        ir_op1(g->b, op1[below(G_N_ELEMENTS(op1))], itype(), dst(g), a);
    } else if (k < 75) {
        ir_mov(g->b, itype(), dst(g), a);
    } else if (k < 82) {
        pos = chance(40) ? 0 : chance(30) ? 8 : below(64);
        len = chance(50) && pos <= 56 ? 8 : 1 + below(64 - pos);
        d = chance(50) && ir_is_global(a) ? a : dst(g);
        ir_deposit(g->b, d, a, x, pos, len);
    } else if (k < 88) {
        pos = chance(30) ? 0 : chance(30) ? 8 : below(64);
        len = chance(50) && pos <= 56 ? 8 : 1 + below(64 - pos);
        ir_extract(g->b, dst(g), a, pos, len);
    } else {
        bool no_base = chance(15);

        ir_lea(g->b, itype(), dst(g), no_base ? IR_NONE : a, no_base || chance(70) ? x : IR_NONE, below(4),
               chance(50) ? (int32_t)interesting() : (int32_t)below(64) - 32);
    }
}

static void gen_cond(Gen *g)
{
    IrRef a = src(g), x = chance(40) ? ir_const(g->b, chance(50) ? 0 : interesting()) : src(g);
    IrRef c = src(g), e = src(g);
    IrCond cond = (IrCond)below(12);

    if (chance(50)) {
        /* As flags are used: an operation, then a question about it or its operands. */
        IrType t = itype();
        IrRef left = dst(g), right = dst(g), res = dst(g);

        ir_mov(g->b, IR_I64, left, a);
        ir_mov(g->b, IR_I64, right, x);
        ir_op2(g->b, chance(60) ? IR_SUB : chance(50) ? IR_ADD : IR_AND, t, res, left, right);
        if (chance(30)) {
            a = src(g);
            ir_mov(g->b, IR_I64, dst(g), a);
        }
        if (chance(50)) {
            ir_setcond(g->b, cond, t, dst(g), left, right);
        } else {
            ir_movcond(g->b, cond, chance(80) ? t : ctype(), dst(g), res,
                       chance(80) ? ir_const(g->b, 0) : res, c, e);
        }
    } else if (chance(50)) {
        ir_setcond(g->b, cond, ctype(), dst(g), a, x);
    } else {
        ir_movcond(g->b, cond, ctype(), dst(g), a, x, c, e);
    }
}

/* An address that is mostly inside the memory; sometimes a constant away from the last one. */
static IrRef address(Gen *g, int32_t *disp)
{
    unsigned at = below(2);
    IrRef a = ir_temp(g->b), last = g->frame;

    if (last && chance(50)) {
        *disp = (int32_t)below(200) - 100;
        if (chance(40)) {
            g->frame = chance(30) ? last : chance(30) ? IR_GLOBAL(4) : a;
            if (chance(50)) {
                ir_op2i(g->b, chance(50) ? IR_ADD : IR_SUB, IR_I64, g->frame, last, 8 * below(5));
            } else {
                ir_lea(g->b, IR_I64, g->frame, last, IR_NONE, 0, (int32_t)below(100) - 50);
            }
        }
        return g->frame;
    }

    *disp = chance(40) ? 0 : (int32_t)below(256) - 128;
    if (chance(3)) {
        return src(g);
    }
    if (chance(10)) {
        return ir_const(g->b, base_at[at] + below(RAM));
    }
    ir_op2i(g->b, IR_AND, IR_I64, a, src(g), chance(80) ? RAM - 1 : 0xfff8);
    if (at) {
        ir_op2i(g->b, IR_ADD, IR_I64, a, a, base_at[1]);
    } else {
        ir_lea(g->b, IR_I64, a, a, IR_NONE, 0, (int32_t)base_at[0]);
    }
    g->frame = chance(30) ? a : IR_NONE;
    if (chance(30)) {
        g->frame = IR_GLOBAL(5 + 5 * below(2));
        ir_mov(g->b, IR_I64, g->frame, a);
    }
    return a;
}

static void gen_mem(Gen *g)
{
    unsigned mop = below(4) | (chance(10) ? MO_ALIGN : 0), mmu = chance(8), k = below(100);
    int32_t disp;
    IrRef a = address(g, &disp), v = src(g);

    if (k < 40) {
        mop |= chance(30) ? MO_SIGN : 0;
        mop |= mop & MO_SIGN && chance(30) ? MO_SIGN32 : 0;
        mop |= chance(15) ? MO_WRITE : 0;
        if ((mop & MO_SIZE) == MO_64) {
            mop &= ~(unsigned)(MO_SIGN | MO_SIGN32);
        }
        ir_ld(g->b, dst(g), a, disp, mop, mmu);
    } else if (k < 70) {
        ir_st(g->b, a, disp, v, mop, mmu);
    } else if (k < 80) {
        mop = (mop & MO_ALIGN) | (chance(40) ? MO_128 : chance(50) ? MO_32V : MO_64V);
        ir_ld(g->b, vdst(g), a, disp, mop, mmu);
    } else if (k < 90) {
        mop = (mop & MO_ALIGN) | (chance(40) ? MO_128 : chance(50) ? MO_32V : MO_64V);
        ir_st(g->b, a, disp, vsrc(g), mop, mmu);
    } else if (k < 95) {
        ir_amo(g->b, (IrAmo)below(5), dst(g), a, v, mop, mmu);
    } else {
        IrRef expect = src(g);

        ir_cas(g->b, dst(g), a, expect, v, mop, mmu);
    }
}

static void gen_state(Gen *g)
{
    static const unsigned vmops[] = { MO_128, MO_32V, MO_64V };
    bool in_global = chance(30);
    unsigned mop, at;

    if (chance(30)) {
        mop = vmops[below(3)];
        at = in_global ? offsetof(Env, xmm) + 16 * below(NXMM) : offsetof(Env, field) + 16 * below(4);
        if (chance(50)) {
            ir_lds(g->b, vdst(g), mop, at);
        } else {
            ir_sts(g->b, vsrc(g), mop, at);
        }
        return;
    }
    mop = below(4);
    at = in_global ? 4 * below((offsetof(Env, field) - 8) / 4) : offsetof(Env, field) + 8 * below(8);
    if (at >= offsetof(Env, pc) - 7 && at < offsetof(Env, pc) + 8) {
        at = offsetof(Env, field);
    }
    if (chance(50)) {
        if (mop < MO_64 && chance(30)) {
            mop |= MO_SIGN | (chance(30) ? MO_SIGN32 : 0);
        }
        ir_lds(g->b, dst(g), mop, at);
    } else {
        ir_sts(g->b, src(g), mop, at);
    }
}

static void gen_call(Gen *g)
{
    IrRef a = src(g), b = src(g), c = src(g), d = src(g);
    IrRef r = chance(80) ? dst(g) : IR_NONE;

    switch (below(8)) {
    case 7: ir_call(g->b, IR_CALL_READS, r, (void *)(uintptr_t)fn_looks, a, IR_NONE, IR_NONE, IR_NONE); break;
    case 0: ir_call(g->b, IR_CALL_PURE, r, (void *)(uintptr_t)fn_pure, a, b, c, d); break;
    case 1: ir_call(g->b, IR_CALL_PURE, r, (void *)(uintptr_t)fn_pure0, IR_NONE, IR_NONE, IR_NONE, IR_NONE); break;
    case 2: ir_call(g->b, IR_CALL_READS | IR_CALL_EFFECT, r, (void *)(uintptr_t)fn_reads, a, b, IR_NONE, IR_NONE); break;
    case 3: ir_call(g->b, IR_CALL_READS | IR_CALL_WRITES, r, (void *)(uintptr_t)fn_writes, a, b, c, IR_NONE); break;
    case 4: ir_call(g->b, IR_CALL_ALL, r, (void *)(uintptr_t)fn_writes, c, b, a, IR_NONE); break;
    case 5: ir_call(g->b, IR_CALL_RAISES | IR_CALL_READS, r, (void *)(uintptr_t)fn_raises, a, IR_NONE, IR_NONE, IR_NONE); break;
    default: ir_call(g->b, IR_CALL_EFFECT, r, (void *)(uintptr_t)fn_effect, a, IR_NONE, IR_NONE, IR_NONE); break;
    }
}

static unsigned shape_count(unsigned first, unsigned last)
{
    return first + below(last - first + 1);
}

static void gen_vec(Gen *g)
{
    unsigned k = below(100), vop;
    uint8_t imm8 = (uint8_t)rnd();
    IrRef a = vsrc(g), x = chance(10) ? a : vsrc(g), n = src(g);

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
            ir_vop2(g->b, vop, chance(40) && ir_is_global(a) ? a : vdst(g), a, x, imm8);
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
        if (chance(60)) {
            ir_setcond(g->b, chance(50) ? IR_TSTNE : IR_TSTEQ, chance(50) ? IR_I64 : IR_I32, dst(g), d,
                       ir_const(g->b, mask[below(6)]));
        }
    } else {
        ir_mov(g->b, IR_V128, vdst(g), a);
    }
}

static void gen_some(Gen *g, unsigned n)
{
    for (; n; n--) {
        unsigned k = below(100);

        if (chance(40)) {
            g->pc += 1 + below(8);
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
    if (chance(40)) {
        IrRef left = src(g), right = src(g);

        ir_op2(g->b, IR_SUB, IR_I64, dst(g), left, right);
        ir_brcond(g->b, (IrCond)below(10), IR_I64, left, right, label);
    } else {
        IrRef left = src(g), right = src(g);

        ir_brcond(g->b, (IrCond)below(12), ctype(), left, right, label);
    }
}

enum { PC_NEXT = 0x400000, PC_HIT = 0x7f1234567008 };

static void gen_exit(Gen *g)
{
    switch (below(g->nslots < 2 ? 6 : 3)) {
    case 0: ir_exit(g->b, TCG_EXIT_HALT); break;
    case 1: ir_jumpr(g->b, chance(50) ? src(g) : ir_const(g->b, PC_HIT)); break;
    case 2: ir_jump(g->b, 2, PC_NEXT); break;
    default: ir_jump(g->b, g->nslots++, chance(50) ? PC_NEXT : PC_HIT); break;
    }
}

/* Back to the start of the block, a few times. */
static void gen_self(Gen *g, uint64_t pc)
{
    int label = ir_label(g->b);
    bool jumps = chance(50);

    g->self_slot = (int)g->nslots++;
    ir_brcond(g->b, jumps ? IR_GT : IR_LE, IR_I64, IR_GLOBAL(G_COUNT), ir_const(g->b, 0), label);
    gen_some(g, below(3));
    if (jumps) {
        gen_exit(g);
        put_label(g, label);
        gen_some(g, below(3));
    }
    ir_jump(g->b, (unsigned)g->self_slot, pc);
    if (!jumps) {
        put_label(g, label);
        gen_some(g, below(3));
        gen_exit(g);
    }
}

static int gen_block(IrBlock *b, uint64_t seed)
{
    Gen g = { .b = b, .self_slot = -1, .pc = seed & 1 ? 0xffffffff81000000ull : 0x7f00dead0000ull };
    unsigned parts, loop_max;
    uint64_t pc = g.pc;
    bool loops;
    int label;

    rng = seed * 0x9e3779b97f4a7c15ull + 1;
    for (unsigned i = 0; i < 8; i++) {
        rnd();
    }
    ir_block_reset(b);
    ir_insn(b, g.pc);
    loops = chance(30);
    g.no_calls = loops && chance(70);
    ir_op2i(b, IR_SUB, IR_I64, IR_GLOBAL(G_COUNT), IR_GLOBAL(G_COUNT), 1);
    for (g.nlocal = 0; g.nlocal < 3; g.nlocal++) {
        g.local[g.nlocal] = ir_local(b);
        ir_mov(b, IR_I64, g.local[g.nlocal], IR_GLOBAL(below(NGPR)));
    }
    parts = 1 + below(5);
    for (unsigned i = 0; i < parts; i++) {
        gen_some(&g, 1 + below(25));
        switch (below(5)) {
        case 0:             /* skip something */
            label = ir_label(b);
            gen_branch(&g, label);
            gen_some(&g, 1 + below(10));
            put_label(&g, label);
            break;
        case 1:             /* leave sometimes */
            label = ir_label(b);
            gen_branch(&g, label);
            gen_some(&g, below(6));
            gen_exit(&g);
            put_label(&g, label);
            break;
        case 2:             /* one of two */
        {
            int end = ir_label(b);

            label = ir_label(b);
            gen_branch(&g, label);
            gen_some(&g, below(8));
            ir_br(b, end);
            put_label(&g, label);
            gen_some(&g, below(8));
            put_label(&g, end);
            break;
        }
        case 3:             /* a loop */
        {
            IrRef count = ir_local(b);

            loop_max = 1 + below(4);
            ir_mov(b, IR_I64, count, ir_const(b, loop_max));
            label = ir_label(b);
            put_label(&g, label);
            gen_some(&g, 1 + below(8));
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
    if (chance(70)) {
        gen_branch(&g, label);
        gen_some(&g, below(4));
        gen_exit(&g);
        put_label(&g, label);
    }
    gen_some(&g, below(4));
    gen_exit(&g);
    return -1;
}

/* ---- running ---- */

static Side *side_new(const TcgBackend *backend)
{
    Side *s = g_new0(Side, 1);
    size_t accel = CPU_ACCEL_DISTANCE(sizeof(TcgCpu)), size = accel + sizeof(Env);
    g_autoptr(GError) err = NULL;

    s->whole = g_aligned_alloc0(1, (size + 63) & ~(size_t)63, 64);
    s->tc = s->whole;
    s->env = (Env *)((char *)s->whole + accel);
    s->cpu = cpu_from_env(s->env);
    s->cpu->env = s->env;
    s->cpu->accel = s->tc;
    s->ram = g_aligned_alloc0(1, RAM, 4096);
    s->tcg = g_new0(TcgState, 1);
    s->tcg->fe = &frontend;
    s->tcg->backend = s->backend = backend;
    s->tc->tcg = s->tcg;
    s->tc->cpu = s->cpu;
    backend->init(s->tcg, s->cpu, &err);
    g_assert_no_error(err);
    return s;
}

static void side_free(Side *s)
{
    s->backend->fini(s->tcg);
    g_free(s->tcg);
    g_aligned_free(s->ram);
    g_aligned_free(s->whole);
    g_free(s);
}

static void side_fill(Side *s, uint64_t seed)
{
    uint64_t r = seed * 77 + 5;

    memset(s->tc->tlb, 0xff, sizeof(s->tc->tlb));
    for (unsigned p = 0; p < PAGES; p++) {
        for (unsigned k = 0; k < 2; k++) {
            uint64_t va = base_at[k] + p * 4096;
            TcgTlbEntry *e = &s->tc->tlb[0][va >> 12 & (TCG_TLB_SIZE - 1)];
            uint64_t tag = va | (p == P_SLOW ? TCG_TLB_SLOW : p == P_WATCH || p == P_WATCH2 ? TCG_TLB_WATCH : 0);

            if (p == P_ABSENT || p == P_FAULT) {
                continue;
            }
            e->read = tag;
            e->write = p == P_READ_ONLY ? ~0ull : tag;
            e->addend = (uint64_t)(uintptr_t)(s->ram + p * 4096) - va;
            e->watch = s->watch[p == P_WATCH2];
        }
    }
    rng = r;
    for (unsigned i = 0; i < RAM / 8; i++) {
        ((uint64_t *)(void *)s->ram)[i] = rnd();
    }
    memset(s->watch, 0, sizeof(s->watch));
    for (unsigned i = 0; i < 64; i++) {
        s->watch[0][i] = chance(20) ? (uint8_t)(1u << below(8)) : 0;
        s->watch[1][i] = chance(20) ? (uint8_t)rnd() : 0;
    }
    memset(s->env, 0, sizeof(*s->env));
    for (unsigned i = 0; i < NGPR; i++) {
        s->env->gpr[i] = interesting();
    }
    for (unsigned i = 0; i < NXMM; i++) {
        for (unsigned k = 0; k < 4; k++) {
            s->env->xmm[i].l[k] = chance(50) ? (uint32_t)rnd() : 0x3f800000u + (uint32_t)(rnd() & 0xffffff);
        }
        if (chance(50)) {
            s->env->xmm[i].d[0] = (double)(int64_t)interesting();
        }
    }
    s->env->cc[0] = interesting();
    s->env->cc_op = (uint32_t)rnd();
    s->env->word = (uint32_t)rnd();
    for (unsigned i = 0; i < 8; i++) {
        s->env->field[i] = rnd();
    }
    s->env->count = below(6);
    s->nlog = 0;
    s->unwound = false;
}

typedef struct Blocks {
    TcgBlock main, second;
} Blocks;

static void blocks_make(Side *s, IrBlock *ir, IrBlock *ir2, Blocks *b, uint64_t mode, bool analyse)
{
    memset(b, 0, sizeof(*b));
    b->main.pc = ir->insn[0].imm;
    b->main.ninsns = 3;
    b->second.pc = PC_HIT;
    b->second.ninsns = 1;
    b->main.mode = b->second.mode = mode;
    if (analyse) {
        ir_analyse(ir);
        ir_analyse(ir2);
    }
    if (!s->backend->compile(s->tcg, s->cpu, ir, &b->main) ||
        !s->backend->compile(s->tcg, s->cpu, ir2, &b->second)) {
        /* The buffer is full: as the execution loop does it. */
        s->backend->reset(s->tcg);
        g_assert_true(s->backend->compile(s->tcg, s->cpu, ir, &b->main));
        g_assert_true(s->backend->compile(s->tcg, s->cpu, ir2, &b->second));
    }
}

static void side_run(Side *s, Blocks *b, unsigned link, int self_slot)
{
    TcgJumpEntry *e = &s->tc->jump[tcg_jc_index(PC_HIT)];

    for (unsigned i = 0; i < TCG_JC_SIZE; i++) {
        s->tc->jump[i] = (TcgJumpEntry){ .pc = ~0ull };
    }
    *e = (TcgJumpEntry){ PC_HIT, b->main.mode, b->second.code, &b->second };
    for (unsigned slot = 0; slot < 2; slot++) {
        if (b->main.patch[slot] && (int)slot == self_slot && link & 6) {
            b->main.jump[slot] = &b->main;
            s->backend->link(&b->main, slot, &b->main);
        } else if (b->main.patch[slot] && link >> slot & 1 && (int)slot != self_slot) {
            b->main.jump[slot] = &b->second;
            s->backend->link(&b->main, slot, &b->second);
        } else if (b->main.patch[slot] && link & 4) {
            s->backend->link(&b->main, slot, &b->second);
            s->backend->link(&b->main, slot, NULL);
        }
    }
    now = s;
    if (!sigsetjmp(s->unwind, 0)) {
        s->result = s->backend->run(s->cpu, &b->main);
    }
}

static void dump(IrBlock *ir, Side *jit, Blocks *b)
{
    g_autoptr(GString) text = g_string_new("");

    ir_dump(ir, text);
    g_string_append(text, "----\n");
    jit->backend->disas(&b->main, text);
    printf("%s\n", text->str);
    fflush(stdout);
}

static const char *difference(const Side *x, const Side *y, const Blocks *bx, const Blocks *by)
{
    static char text[300];
    const char *env;

    if (x->unwound != y->unwound) {
        return "one was left by an exception";
    }
    for (unsigned i = 0; i < MAX(x->nlog, y->nlog); i++) {
        const LogEntry *a = &x->log[i], *b = &y->log[i];

        env = env_difference(&a->env, &b->env);
        if (env || a->what != b->what || a->addr != b->addr || a->value != b->value || a->pc != b->pc) {
            snprintf(text, sizeof(text), "entry %u of what C code saw: %llx %llx %llx %llx, %llx %llx %llx %llx, %s",
                     i, (unsigned long long)a->what, (unsigned long long)a->addr, (unsigned long long)a->value,
                     (unsigned long long)a->pc, (unsigned long long)b->what, (unsigned long long)b->addr,
                     (unsigned long long)b->value, (unsigned long long)b->pc, env ? env : "same state");
            return text;
        }
    }
    if (x->nlog != y->nlog) {
        return "how often C code was called";
    }
    env = env_difference(x->env, y->env);
    if (env) {
        return env;
    }
    if (memcmp(x->ram, y->ram, RAM)) {
        return "memory";
    }
    if (!x->unwound) {
        if (x->result.why != y->result.why || (x->result.from && x->result.slot != y->result.slot) ||
            (x->result.from == &bx->main) != (y->result.from == &by->main)) {
            snprintf(text, sizeof(text), "how the block was left: %d, %d; slots %u, %u%s", x->result.why,
                     y->result.why, x->result.slot, y->result.slot, y->result.from ? "" : "; none");
            return text;
        }
        if (x->env->pc != y->env->pc && x->result.why != TCG_EXIT_HALT) {
            return "pc";
        }
    }
    if (x->tc->budget != y->tc->budget) {
        return "budget";
    }
    return NULL;
}

typedef struct Pair {
    Side *interp, *jit;
    IrBlock *ir, *ir2;
} Pair;

static Pair pair_new(unsigned npin)
{
    Pair p;

    target_init(npin);
    p.interp = side_new(&tcg_backend_interp);
    p.jit = side_new(&tcg_backend_native);
    p.ir = ir_block_new(globals, frontend.nglobals);
    p.ir2 = ir_block_new(globals, frontend.nglobals);
    return p;
}

static void pair_free(Pair *p)
{
    side_free(p->interp);
    side_free(p->jit);
    ir_block_free(p->ir);
    ir_block_free(p->ir2);
}

static void gen_second(IrBlock *b)
{
    ir_block_reset(b);
    ir_insn(b, PC_HIT);
    ir_op2i(b, IR_ADD, IR_I64, IR_GLOBAL(3), IR_GLOBAL(3), 1);
    ir_mov(b, IR_I64, IR_GLOBAL(12), IR_GLOBAL(1));
    ir_exit(b, TCG_EXIT_HALT);
}

static void run_seed(Pair *p, uint64_t seed, bool verbose)
{
    uint64_t mode = seed % 5 == 0 ? TCG_MODE_COUNTED | 9 : 0x12345;
    unsigned link = (unsigned)(seed >> 3 & 7);
    Blocks bi, bj;
    const char *diff;
    int self_slot;
    char *bad;

    for (unsigned k = 0; k < 2; k++) {
        Side *s = k ? p->jit : p->interp;

        side_fill(s, seed);
        s->tc->budget = (int32_t)(seed % 13);
        s->cpu->attn = seed % 61 == 0;
        self_slot = gen_block(p->ir, seed);
        gen_second(p->ir2);
        bad = ir_validate(p->ir);
        if (bad) {
            g_test_message("seed %llu: %s", (unsigned long long)seed, bad);
            dump(p->ir, p->jit, &bj);
        }
        g_assert_null(bad);
        blocks_make(s, p->ir, p->ir2, k ? &bj : &bi, mode, k);
        if (k && verbose) {
            dump(p->ir, p->jit, &bj);
        }
        side_run(s, k ? &bj : &bi, link, self_slot);
    }
    diff = difference(p->interp, p->jit, &bi, &bj);
    if (diff) {
        printf("# seed %llu differs: %s\n", (unsigned long long)seed, diff);
        if (verbose || getenv("TCG_BACKEND_DUMP")) {
            dump(p->ir, p->jit, &bj);
        }
        g_test_message("seed %llu differs: %s", (unsigned long long)seed, diff);
        g_test_fail();
    }
    if (p->interp->backend->block_free) {
        p->interp->backend->block_free(&bi.main);
        p->interp->backend->block_free(&bi.second);
    }
}

/* TCG_BACKEND_SEEDS=first:count runs others than the usual ones. */
static void test_random(gconstpointer data)
{
    Pair p = pair_new(GPOINTER_TO_UINT(data));
    const char *seeds = getenv("TCG_BACKEND_SEEDS");
    unsigned long long first = 1, count = 4000;

    if (seeds) {
        sscanf(seeds, "%llu:%llu", &first, &count);
    }
    for (uint64_t seed = first; seed < first + count && !g_test_failed(); seed++) {
        run_seed(&p, seed, seeds && count == 1);
    }
    pair_free(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!tcg_backend_native.name) {
        g_test_skip("no code generator for this host");
        return 0;
    }
    g_test_add_data_func("/tcg/backend/random/8-pinned", GUINT_TO_POINTER(8), test_random);
    g_test_add_data_func("/tcg/backend/random/3-pinned", GUINT_TO_POINTER(3), test_random);
    g_test_add_data_func("/tcg/backend/random/none-pinned", GUINT_TO_POINTER(0), test_random);
    return g_test_run();
}
