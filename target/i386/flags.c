/* Computes x86 arithmetic flags from their lazy form (Intel SDM vol. 1, 3.4.3.1 and the
 * instructions' pages).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/flags.h"

#define EFLAGS_VALID 0x003f7fd7u    /* bits of EFLAGS that exist */

/* Kinds of cc_op without their size: (op - 1) / 4. */
enum {
    KIND_ADD, KIND_SUB, KIND_ADC, KIND_SBB, KIND_LOGIC, KIND_INC, KIND_DEC,
    KIND_SHL, KIND_SHR, KIND_SAR, KIND_MUL, KIND_IMUL,
};

/* SF, ZF and PF of a result whose upper bits are zero. */
static uint32_t result_flags(uint64_t result, unsigned bits)
{
    uint32_t f = (result >> (bits - 1) & 1) ? X86_SF : 0;

    f |= result == 0 ? X86_ZF : 0;
    f |= __builtin_parity((unsigned)result & 0xff) ? 0 : X86_PF;
    return f;
}

/* CF, OF and AF of a sum from the carries out of each bit. */
static uint32_t carry_flags(uint64_t carries, unsigned bits)
{
    uint32_t out = carries >> (bits - 1) & 1;
    uint32_t in = carries >> (bits - 2) & 1;

    return out | (out ^ in ? X86_OF : 0) | (carries >> 3 & 1 ? X86_AF : 0);
}

static uint32_t sum_flags(uint64_t a, uint64_t b, uint64_t carry, unsigned bits, uint64_t mask)
{
    uint64_t r = (a + b + carry) & mask;

    return result_flags(r, bits) | carry_flags((a & b) | ((a | b) & ~r), bits);
}

static uint32_t difference_flags(uint64_t a, uint64_t b, uint64_t borrow, unsigned bits,
                                 uint64_t mask)
{
    uint64_t r = (a - b - borrow) & mask;

    return result_flags(r, bits) | carry_flags((~a & b) | ((~a | b) & r), bits);
}

/* The result of an INC or DEC: OF and AF show in the result alone; CF is what it was. */
static uint32_t step_flags(uint64_t r, uint64_t cf, bool up, unsigned bits)
{
    uint64_t top = 1ull << (bits - 1);
    bool overflow = r == (up ? top : top - 1);
    bool half = (r & 15) == (up ? 0 : 15);

    return result_flags(r, bits) | (cf ? X86_CF : 0) | (overflow ? X86_OF : 0) |
           (half ? X86_AF : 0);
}

static uint32_t shift_flags(unsigned kind, uint64_t r, uint64_t src, unsigned bits)
{
    uint32_t cf = kind == KIND_SHL ? src >> (bits - 1) & 1 : src & 1;
    uint32_t top = r >> (bits - 1) & 1;
    uint32_t of = kind == KIND_SHL ? top ^ cf : top ^ (src >> (bits - 1) & 1);

    return result_flags(r, bits) | cf | (of ? X86_OF : 0);
}

static int64_t sign_extend(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

static uint32_t product_flags(uint64_t a, uint64_t b, unsigned bits, uint64_t mask)
{
    __int128 p = (__int128)sign_extend(a, bits) * sign_extend(b, bits);
    bool overflow = p != sign_extend((uint64_t)p, bits);

    return result_flags((uint64_t)p & mask, bits) | (overflow ? X86_CF | X86_OF : 0);
}

static uint32_t kind_flags(unsigned op, uint64_t dst, uint64_t src, uint64_t src2)
{
    unsigned bits, kind;
    uint64_t mask;

    if (op == X86_CC_EFLAGS) {
        return (uint32_t)dst & X86_ARITH;
    }
    bits = 8u << ((op - 1) & 3);
    kind = (op - 1) >> 2;
    mask = bits == 64 ? ~0ull : (1ull << bits) - 1;
    dst &= mask;
    switch (kind) {
    case KIND_ADD:
        return sum_flags(dst, src & mask, 0, bits, mask);
    case KIND_SUB:
        return difference_flags(dst, src & mask, 0, bits, mask);
    case KIND_ADC:
        return sum_flags(dst, src & mask, src2 & 1, bits, mask);
    case KIND_SBB:
        return difference_flags(dst, src & mask, src2 & 1, bits, mask);
    case KIND_LOGIC:
        return result_flags(dst, bits);
    case KIND_INC:
    case KIND_DEC:
        return step_flags(dst, src & 1, kind == KIND_INC, bits);
    case KIND_SHL:
    case KIND_SHR:
    case KIND_SAR:
        return shift_flags(kind, dst, src & mask, bits);
    case KIND_MUL:
        return result_flags(dst, bits) | (src ? X86_CF | X86_OF : 0);
    default:
        return product_flags(dst, src & mask, bits, mask);
    }
}

/* What the override kinds make of flags computed from the base. */
static uint32_t override_flags(uint32_t flags, unsigned over, uint64_t value)
{
    unsigned bits;
    uint32_t top, next, cf, of;

    if (over == X86_CC_OVER_CF) {
        return (flags & ~X86_CF) | (value & 1);
    }
    if (over == X86_CC_OVER_BT) {
        return (flags & ~(X86_CF | X86_OF)) | (value & 1);
    }
    bits = 8u << ((over - X86_CC_OVER_ROLB) & 3);
    top = value >> (bits - 1) & 1;
    next = value >> (bits - 2) & 1;
    if (over < X86_CC_OVER_RORB) {
        cf = value & 1;
        of = top ^ cf;
    } else {
        cf = top;
        of = top ^ next;
    }
    return (flags & ~(X86_CF | X86_OF)) | cf | (of ? X86_OF : 0);
}

/* An INC or DEC over flags computed from the base: all but CF are its own. */
static uint32_t stepped_flags(uint32_t flags, unsigned step, uint64_t value)
{
    unsigned bits = 8u << ((step - X86_CC_STEP_INCB) & 3);

    value = bits == 64 ? value : value & ((1ull << bits) - 1);
    return step_flags(value, flags & X86_CF, step < X86_CC_STEP_DECB, bits);
}

uint32_t x86_flags_from(const X86LazyFlags *f)
{
    unsigned over = f->op >> X86_CC_OVER_SHIFT & 0xff, step = f->op >> X86_CC_STEP_SHIFT & 0xff;
    uint32_t flags = kind_flags(f->op & 0xff, f->dst, f->src, f->src2);

    if (step && f->op & X86_CC_OVER_LAST) {
        flags = stepped_flags(flags, step, f->step);
    }
    if (over) {
        flags = override_flags(flags, over, f->over);
    }
    if (step && !(f->op & X86_CC_OVER_LAST)) {
        flags = stepped_flags(flags, step, f->step);
    }
    return flags;
}

uint32_t x86_flags_compute(const X86State *env)
{
    X86LazyFlags f = { env->cc_op,   env->cc_dst,  env->cc_src,
                       env->cc_src2, env->cc_over, env->cc_step };

    return x86_flags_from(&f);
}

uint64_t x86_eflags_get(const X86State *env)
{
    return (env->eflags & ~X86_ARITH) | x86_flags_compute(env) | 2;
}

void x86_eflags_set(X86State *env, uint64_t value)
{
    uint32_t v = (uint32_t)value & EFLAGS_VALID;

    env->eflags = (v & ~X86_ARITH) | 2;
    env->cc_op = X86_CC_EFLAGS;
    env->cc_dst = v & X86_ARITH;
}

bool x86_flags_test(uint32_t f, unsigned cond)
{
    bool less = !(f & X86_SF) != !(f & X86_OF);
    bool r;

    switch (cond >> 1) {
    case 0: r = f & X86_OF; break;
    case 1: r = f & X86_CF; break;
    case 2: r = f & X86_ZF; break;
    case 3: r = f & (X86_CF | X86_ZF); break;
    case 4: r = f & X86_SF; break;
    case 5: r = f & X86_PF; break;
    case 6: r = less; break;
    default: r = less || (f & X86_ZF); break;
    }
    return r != (cond & 1);
}

uint64_t x86_helper_flags(void *env)
{
    return x86_flags_compute(env);
}
