/* Integer instructions in C that translated code calls: division, rotation through carry, decimal
 * adjustment, bit scattering, CMPXCHG16B, ENTER (Intel SDM vol. 2).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_helper.h"

#include "accel/tcg/frontend.h"
#include "target/i386/excp.h"
#include "target/i386/helper.h"
#include "target/i386/x86.h"
#include "util/atomic128.h"

/* ---- rotation through carry ---- */

/* What one is made of: the operand and CF above it, `count` steps in a ring of bits + 1. */
typedef struct Ring {
    unsigned bits, count;
    bool right;
    unsigned __int128 value;
} Ring;

static Ring ring_make(uint64_t x, uint64_t how, uint64_t flags)
{
    Ring r = { .bits = (unsigned)(how >> 8 & 255) * 8, .right = how >> 16 & 1 };

    r.count = (unsigned)(how & 63) % (r.bits + 1);
    r.value = r.bits == 64 ? x : x & ((1ull << r.bits) - 1);
    r.value |= (unsigned __int128)(flags & X86_CF) << r.bits;
    return r;
}

static unsigned __int128 ring_turn(const Ring *r)
{
    unsigned n = r->right && r->count ? r->bits + 1 - r->count : r->count;
    unsigned __int128 mask = ((unsigned __int128)1 << (r->bits + 1)) - 1;

    return n ? ((r->value << n) | (r->value >> (r->bits + 1 - n))) & mask : r->value;
}

uint64_t x86_helper_rotate_carry(void *env, uint64_t x, uint64_t how, uint64_t flags)
{
    Ring r = ring_make(x, how, flags);
    uint64_t v = (uint64_t)ring_turn(&r);

    return r.bits == 64 ? v : v & ((1ull << r.bits) - 1);
}

uint64_t x86_helper_rotate_carry_flags(void *env, uint64_t x, uint64_t how, uint64_t flags)
{
    Ring r = ring_make(x, how, flags);
    unsigned __int128 v = ring_turn(&r);
    uint64_t top = v >> (r.bits - 1) & 1, next = v >> (r.bits - 2) & 1, cf = v >> r.bits & 1;

    if ((how & 63) == 0) {
        return flags;
    }
    flags &= ~(uint64_t)(X86_CF | X86_OF);
    return flags | cf | ((r.right ? top ^ next : top ^ cf) ? X86_OF : 0);
}

/* ---- division ---- */

static void divide_error(void *env)
{
    x86_raise(cpu_from_env(env), X86_EXC_DE);
}

uint64_t x86_helper_div64(void *env, uint64_t high, uint64_t low, uint64_t divisor)
{
    if (high >= divisor) {
        divide_error(env);
    }
    if (high == 0) {
        return low / divisor;
    }
    return (uint64_t)(((unsigned __int128)high << 64 | low) / divisor);
}

uint64_t x86_helper_idiv64(void *env, uint64_t high, uint64_t low, uint64_t divisor)
{
    unsigned __int128 n = (unsigned __int128)high << 64 | low, q;
    bool n_neg = (int64_t)high < 0, d_neg = (int64_t)divisor < 0;
    uint64_t d = d_neg ? -divisor : divisor;

    n = n_neg ? -n : n;
    if (d == 0 || n >> 64 >= d) {
        divide_error(env);
    }
    q = n / d;
    if (q > (n_neg != d_neg ? (uint64_t)1 << 63 : INT64_MAX)) {
        divide_error(env);
    }
    return n_neg != d_neg ? -(uint64_t)q : (uint64_t)q;
}

uint64_t x86_helper_div(void *env, uint64_t dividend, uint64_t divisor, uint64_t bits)
{
    uint64_t q;

    if (divisor == 0) {
        divide_error(env);
    }
    q = dividend / divisor;
    if (q >> bits) {
        divide_error(env);
    }
    return q;
}

uint64_t x86_helper_idiv(void *env, uint64_t dividend, uint64_t divisor, uint64_t bits)
{
    int64_t n = (int64_t)dividend, d = (int64_t)divisor, q, limit = (int64_t)1 << (bits - 1);

    if (d == 0 || (n == INT64_MIN && d == -1)) {
        divide_error(env);
    }
    q = n / d;
    if (q < -limit || q >= limit) {
        divide_error(env);
    }
    return (uint64_t)q;
}

/* ---- decimal ---- */

static uint64_t pack(uint32_t ax, uint32_t flags)
{
    return (ax & 0xffff) | (uint64_t)(flags & X86_ARITH) << 16;
}

static uint32_t result_flags(uint8_t al)
{
    return (al & 0x80 ? X86_SF : 0) | (al == 0 ? X86_ZF : 0) | (__builtin_parity(al) ? 0 : X86_PF);
}

/* DAA and DAS differ in the sign of what is added. */
static uint64_t decimal(uint64_t in, bool subtract)
{
    uint8_t al = (uint8_t)in, old = al;
    uint32_t flags = (uint32_t)(in >> 16), cf = 0, af = 0;

    if ((al & 15) > 9 || (flags & X86_AF)) {
        cf = subtract ? (flags & X86_CF) | (al < 6) : (flags & X86_CF) | (al > 0xf9);
        al = (uint8_t)(subtract ? al - 6 : al + 6);
        af = X86_AF;
    }
    if (old > 0x99 || (flags & X86_CF)) {
        al = (uint8_t)(subtract ? al - 0x60 : al + 0x60);
        cf = X86_CF;
    } else if (!subtract) {
        cf = 0;
    }
    return pack(((uint32_t)in & 0xff00) | al, result_flags(al) | af | (cf ? X86_CF : 0));
}

uint64_t x86_helper_daa(void *env, uint64_t ax_flags)
{
    return decimal(ax_flags, false);
}

uint64_t x86_helper_das(void *env, uint64_t ax_flags)
{
    return decimal(ax_flags, true);
}

static uint64_t ascii(uint64_t in, bool subtract)
{
    uint32_t ax = (uint32_t)in & 0xffff, flags = (uint32_t)(in >> 16), out = 0;

    if ((ax & 15) > 9 || (flags & X86_AF)) {
        ax = subtract ? ax - 0x106 : ax + 0x106;
        out = X86_AF | X86_CF;
    }
    ax &= 0xff0f;
    return pack(ax, out | result_flags((uint8_t)ax));
}

uint64_t x86_helper_aaa(void *env, uint64_t ax_flags)
{
    return ascii(ax_flags, false);
}

uint64_t x86_helper_aas(void *env, uint64_t ax_flags)
{
    return ascii(ax_flags, true);
}

uint64_t x86_helper_aam(void *env, uint64_t al, uint64_t base)
{
    uint8_t a = (uint8_t)al, b = (uint8_t)base;

    if (b == 0) {
        divide_error(env);
    }
    return (uint64_t)(a / b) << 8 | a % b;
}

/* ---- bits ---- */

uint64_t x86_helper_pdep(void *env, uint64_t src, uint64_t mask)
{
    uint64_t r = 0;

    for (; mask; mask &= mask - 1, src >>= 1) {
        r |= src & 1 ? mask & -mask : 0;
    }
    return r;
}

uint64_t x86_helper_pext(void *env, uint64_t src, uint64_t mask)
{
    uint64_t r = 0;

    for (unsigned n = 0; mask; mask &= mask - 1, n++) {
        r |= src & mask & -mask ? 1ull << n : 0;
    }
    return r;
}

#define CRC32C_REVERSED 0x82f63b78u

uint64_t x86_helper_crc32(void *env, uint64_t crc, uint64_t data, uint64_t size)
{
    uint32_t c = (uint32_t)crc;

    for (unsigned n = 0; n < size; n++) {
        c ^= data >> (n * 8) & 0xff;
        for (unsigned bit = 0; bit < 8; bit++) {
            c = c >> 1 ^ (c & 1 ? CRC32C_REVERSED : 0);
        }
    }
    return c;
}

/* ---- memory and stack ---- */

/* Where the bytes cannot be reached at once (watched, code, a device) all other CPUs wait. */
static Pair128 exchange_alone(Cpu *cpu, vaddr_t addr, Pair128 expect, Pair128 neu, unsigned mmu)
{
    Pair128 old;

    /* Whatever may leave the instruction does so before the others are stopped. */
    tcg_probe_write(cpu, addr, 16, mmu);
    tcg_load(cpu, addr, MO_64, mmu);
    tcg_load(cpu, addr + 8, MO_64, mmu);
    tcg_exclusive_begin(cpu);
    old.low = tcg_load(cpu, addr, MO_64, mmu);
    old.high = tcg_load(cpu, addr + 8, MO_64, mmu);
    if (old.low != expect.low || old.high != expect.high) {
        neu = old;
    }
    tcg_store(cpu, addr, neu.low, MO_64, mmu);
    tcg_store(cpu, addr + 8, neu.high, MO_64, mmu);
    tcg_exclusive_end(cpu);
    return old;
}

uint64_t x86_helper_cmpxchg16b(void *env, uint64_t addr)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    unsigned mmu = x86_mmu(s->mode), len = 16;
    Pair128 expect = { s->gpr[R_RAX], s->gpr[R_RDX] }, neu = { s->gpr[R_RBX], s->gpr[R_RCX] }, old;
    void *host;

    if (addr & 15) {
        x86_raise_gp0(cpu);
    }
    host = tcg_host(cpu, addr, &len, TCG_STORE, mmu);
    if (host && len == 16) {
        old = pair128_cas(host, expect, neu);
    } else {
        old = exchange_alone(cpu, addr, expect, neu, mmu);
    }
    if (old.low == expect.low && old.high == expect.high) {
        return 1;
    }
    s->gpr[R_RAX] = old.low;
    s->gpr[R_RDX] = old.high;
    return 0;
}

static uint64_t cut(uint64_t v, unsigned size)
{
    return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

static void put(X86State *s, unsigned reg, unsigned size, uint64_t v)
{
    uint64_t keep = size == 2 ? s->gpr[reg] & ~0xffffull : 0;

    s->gpr[reg] = keep | cut(v, size);
}

/* Linear address of a stack offset, checked. */
static vaddr_t stack_linear(X86State *s, uint64_t off, unsigned size, bool write)
{
    if (s->mode & (X86_MODE_CS64 | X86_MODE_FLAT)) {
        return off;
    }
    return x86_helper_seg_check(s, off, R_SS | size << 8 | (unsigned)write << 16);
}

uint64_t x86_helper_enter(void *env, uint64_t frame, uint64_t level, uint64_t size)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    unsigned width = s->mode & X86_MODE_CS64 ? 8 : s->mode & X86_MODE_SS32 ? 4 : 2;
    unsigned mmu = x86_mmu(s->mode), mop = (unsigned)__builtin_ctzll(size), n = (unsigned)size;
    uint64_t sp = cut(s->gpr[R_RSP] - n, width), bp = s->gpr[R_RBP], base = sp;

    tcg_store(cpu, stack_linear(s, sp, n, true), bp, mop, mmu);
    for (unsigned k = 1; k < level; k++) {
        uint64_t v;

        bp = cut(bp - n, width);
        sp = cut(sp - n, width);
        v = tcg_load(cpu, stack_linear(s, bp, n, false), mop, mmu);
        tcg_store(cpu, stack_linear(s, sp, n, true), v, mop, mmu);
    }
    sp = cut(sp - n, width);
    tcg_store(cpu, stack_linear(s, sp, n, true), base, mop, mmu);
    put(s, R_RBP, n, base);
    put(s, R_RSP, width, sp - frame);
    return 0;
}

/* ---- checks ---- */

uint64_t x86_helper_cs_limit(void *env, uint64_t pc)
{
    X86State *s = env;

    if (pc > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu_from_env(env));
    }
    return 0;
}

uint64_t x86_helper_bound(void *env, uint64_t index, uint64_t lower, uint64_t upper)
{
    if ((int64_t)index < (int64_t)lower || (int64_t)index > (int64_t)upper) {
        x86_raise(cpu_from_env(env), X86_EXC_BR);
    }
    return 0;
}

uint64_t x86_helper_fence(void *env)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return 0;
}
