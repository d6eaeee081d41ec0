/* x86's lazily kept flags against those of the host's own instructions, and conditions against its
 * SETcc.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "target/i386/flags.h"

#if defined(__x86_64__)

#define ROUNDS 2000

/* An instruction as the host does it: operands, CF before; the result, and the flags after (LAHF
 * and OF). */
typedef struct HostResult {
    uint64_t result;
    uint32_t flags;
} HostResult;
typedef HostResult HostFn(uint64_t a, uint64_t b, unsigned cf);

static uint32_t unpack_flags(uint16_t ax)
{
    return (ax >> 8 & (X86_ARITH & 0xff)) | (ax & 1 ? X86_OF : 0);
}

/* `text` works on %0 (a) and %1 (b, also in cl). */
#define HOST(name, text) \
static HostResult name(uint64_t a, uint64_t b, unsigned cf) \
{ \
    uint16_t ax; \
    __asm__ volatile("btl $0, %k3\n\t" text "\n\tlahf\n\tseto %%al" \
                     : "+d"(a), "+c"(b), "=a"(ax) : "r"(cf) : "cc"); \
    return (HostResult){ a, unpack_flags(ax) }; \
}
#define HOST_SIZES(name, op) \
    HOST(name##_b, op "b %b1, %b0") HOST(name##_w, op "w %w1, %w0") \
    HOST(name##_l, op "l %k1, %k0") HOST(name##_q, op "q %q1, %q0")
#define HOST_SIZES1(name, op)                                                                      \
    HOST(name##_b, op "b %b0")                                                                     \
    HOST(name##_w, op "w %w0") HOST(name##_l, op "l %k0") HOST(name##_q, op "q %q0")
#define HOST_SIZES_CL(name, op) \
    HOST(name##_b, op "b %%cl, %b0") HOST(name##_w, op "w %%cl, %w0") \
    HOST(name##_l, op "l %%cl, %k0") HOST(name##_q, op "q %%cl, %q0")
#define FOUR(name) { name##_b, name##_w, name##_l, name##_q }

HOST_SIZES(host_add, "add")
HOST_SIZES(host_sub, "sub")
HOST_SIZES(host_adc, "adc")
HOST_SIZES(host_sbb, "sbb")
HOST_SIZES(host_and, "and")
HOST_SIZES1(host_inc, "inc")
HOST_SIZES1(host_dec, "dec")
HOST_SIZES_CL(host_shl, "shl")
HOST_SIZES_CL(host_shr, "shr")
HOST_SIZES_CL(host_sar, "sar")
HOST_SIZES_CL(host_rol, "rol")
HOST_SIZES_CL(host_ror, "ror")
HOST(host_imul_w, "imulw %w1, %w0")
HOST(host_imul_l, "imull %k1, %k0")
HOST(host_imul_q, "imulq %q1, %q0")

static uint32_t flags_from(uint32_t op, uint64_t dst, uint64_t src, uint64_t src2, uint64_t over,
                           uint64_t step)
{
    X86LazyFlags f = { op, dst, src, src2, over, step };

    return x86_flags_from(&f);
}

/* What cc_dst and cc_src hold for a kind. */
typedef enum Keeps {
    KEEPS_OPERANDS,
    KEEPS_RESULT,
    KEEPS_RESULT_CARRY,
    KEEPS_LEFT,
    KEEPS_RIGHT,
    KEEPS_RIGHT_SIGNED
} Keeps;

typedef struct Kind {
    const char *name;
    unsigned byte_kind;
    Keeps keeps;
    uint32_t defined, defined_one;      /* flags compared; for shifts: with a count of 1 */
    HostFn *host[4];
} Kind;

#define ALL X86_ARITH
#define NO_AF (X86_ARITH & ~X86_AF)
#define SHIFT (X86_ARITH & ~X86_AF & ~X86_OF)

static const Kind kinds[] = {
    { "add", X86_CC_ADDB, KEEPS_OPERANDS, ALL, ALL, FOUR(host_add) },
    { "sub", X86_CC_SUBB, KEEPS_OPERANDS, ALL, ALL, FOUR(host_sub) },
    { "adc", X86_CC_ADCB, KEEPS_OPERANDS, ALL, ALL, FOUR(host_adc) },
    { "sbb", X86_CC_SBBB, KEEPS_OPERANDS, ALL, ALL, FOUR(host_sbb) },
    { "and", X86_CC_LOGICB, KEEPS_RESULT, NO_AF, NO_AF, FOUR(host_and) },
    { "inc", X86_CC_INCB, KEEPS_RESULT_CARRY, ALL, ALL, FOUR(host_inc) },
    { "dec", X86_CC_DECB, KEEPS_RESULT_CARRY, ALL, ALL, FOUR(host_dec) },
    { "shl", X86_CC_SHLB, KEEPS_LEFT, SHIFT, NO_AF, FOUR(host_shl) },
    { "shr", X86_CC_SHRB, KEEPS_RIGHT, SHIFT, NO_AF, FOUR(host_shr) },
    { "sar", X86_CC_SARB, KEEPS_RIGHT_SIGNED, SHIFT, NO_AF, FOUR(host_sar) },
    { "imul", X86_CC_IMULB, KEEPS_OPERANDS, X86_CF | X86_OF, X86_CF | X86_OF,
      { NULL, host_imul_w, host_imul_l, host_imul_q } },
};

static uint64_t operand(GRand *r)
{
    static const uint64_t edges[] = { 0,          1,          0x7f,       0x80,
                                      0xff,       0x7fff,     0x8000,     0xffff,
                                      0x7fffffff, 0x80000000, 0xffffffff, INT64_MAX,
                                      1ull << 63, ~0ull,      0x0f,       0x10 };

    if (g_rand_boolean(r)) {
        return edges[g_rand_int_range(r, 0, G_N_ELEMENTS(edges))];
    }
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

static uint64_t sign_extend(uint64_t v, unsigned bits)
{
    return (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
}

/* The operand shifted by one less than the count, as the front end keeps it. */
static uint64_t shifted_before(const Kind *k, uint64_t a, unsigned n, unsigned bits)
{
    uint64_t zero = bits == 64 ? a : a & ((1ull << bits) - 1);

    switch (k->keeps) {
    case KEEPS_LEFT: return a << (n - 1);
    case KEEPS_RIGHT: return zero >> (n - 1);
    default: return (uint64_t)((int64_t)sign_extend(a, bits) >> (n - 1));
    }
}

static void check_kind(const Kind *k, unsigned log2, GRand *r)
{
    unsigned bits = 8u << log2, cf = (unsigned)g_rand_boolean(r);
    uint64_t a = operand(r), b = operand(r), dst = a, src = b;
    uint32_t defined = k->defined, got;
    HostResult h;

    if (k->keeps >= KEEPS_LEFT) {
        b = (uint64_t)g_rand_int_range(r, 1, (gint32)bits);
        src = shifted_before(k, a, (unsigned)b, bits);
        defined = b == 1 ? k->defined_one : defined;
    }
    h = k->host[log2](a, b, cf);
    if (k->keeps != KEEPS_OPERANDS) {
        dst = h.result;
    }
    if (k->keeps == KEEPS_RESULT_CARRY) {
        src = cf;
    }
    got = flags_from(k->byte_kind + log2, dst, src, cf, 0, 0);
    if ((got ^ h.flags) & defined) {
        g_error("%s of %u bits: a %#" G_GINT64_MODIFIER "x b %#" G_GINT64_MODIFIER
                "x cf %u: flags %#x, host %#x",
                k->name, bits, a, b, cf, got, h.flags);
    }
}

static void test_kinds(void)
{
    GRand *r = g_rand_new_with_seed(20261121);

    for (unsigned n = 0; n < G_N_ELEMENTS(kinds); n++) {
        for (unsigned log2 = 0; log2 < 4; log2++) {
            for (unsigned i = 0; kinds[n].host[log2] && i < ROUNDS; i++) {
                check_kind(&kinds[n], log2, r);
            }
        }
    }
    g_rand_free(r);
}

/* MUL keeps its two halves. */
static void test_mul(void)
{
    GRand *r = g_rand_new_with_seed(7);

    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t a = operand(r), b = operand(r), low = a, high;
        uint8_t cf, of;
        uint32_t f;

        __asm__("mulq %4\n\tsetc %2\n\tseto %3"
                : "+a"(low), "=d"(high), "=qm"(cf), "=qm"(of) : "r"(b) : "cc");
        f = flags_from(X86_CC_MULQ, low, high, 0, 0, 0);
        g_assert_cmpuint(!!(f & X86_CF), ==, cf);
        g_assert_cmpuint(!!(f & X86_OF), ==, of);
    }
    g_rand_free(r);
}

/* A rotation after another instruction: CF and OF are its own, the others stay. */
static void test_rotations(void)
{
    static HostFn *const host[2][4] = { FOUR(host_rol), FOUR(host_ror) };
    GRand *r = g_rand_new_with_seed(8);

    for (unsigned i = 0; i < 8 * ROUNDS; i++) {
        unsigned right = i & 1, log2 = i >> 1 & 3, bits = 8u << log2;
        uint64_t a = operand(r), n = (uint64_t)g_rand_int_range(r, 1, (gint32)bits), x = operand(r),
                 y = operand(r);
        HostResult h = host[right][log2](a, n, 0);
        unsigned over = (right ? X86_CC_OVER_RORB : X86_CC_OVER_ROLB) + log2;
        uint32_t base = flags_from(X86_CC_SBBL, x, y, n & 1, 0, 0);
        uint32_t got =
            flags_from(X86_CC_SBBL | over << X86_CC_OVER_SHIFT, x, y, n & 1, h.result, 0);
        uint32_t own = X86_CF | (n == 1 ? X86_OF : 0);

        g_assert_cmphex(got & own, ==, h.flags & own);
        g_assert_cmphex(got & ~(X86_CF | X86_OF), ==, base & ~(X86_CF | X86_OF));
    }
    g_rand_free(r);
}

/* INC and DEC over a subtraction, before and after a rotation. */
static void test_steps(void)
{
    static HostFn *const host[2][4] = { FOUR(host_inc), FOUR(host_dec) };
    GRand *r = g_rand_new_with_seed(9);

    for (unsigned i = 0; i < 8 * ROUNDS; i++) {
        unsigned down = i & 1, log2 = i >> 1 & 3;
        uint64_t a = operand(r), x = operand(r), y = operand(r);
        uint32_t step = (X86_CC_STEP_INCB + 4 * down + log2) << X86_CC_STEP_SHIFT, got;
        uint32_t over = X86_CC_OVER_ROLB << X86_CC_OVER_SHIFT;
        uint32_t cf = flags_from(X86_CC_SUBQ, x, y, 0, 0, 0) & X86_CF;
        HostResult h = host[down][log2](a, 0, cf);

        got = flags_from(X86_CC_SUBQ | step, x, y, 0, 0, h.result);
        g_assert_cmphex(got, ==, h.flags);
        got = flags_from(X86_CC_SUBQ | over | step, x, y, 0, 0x81, h.result);
        g_assert_cmphex(got, ==, (h.flags & ~X86_CF) | X86_CF);
        got = flags_from(X86_CC_SUBQ | over | step | X86_CC_OVER_LAST, x, y, 0, 1, h.result);
        g_assert_cmphex(got, ==, (h.flags & ~X86_CF) | X86_CF | X86_OF);
    }
    g_rand_free(r);
}

/* Every condition for every set of flags. */
#define HOST_COND(n, cc) \
    __asm__ volatile("movb %2, %%ah\n\taddb %3, %%al\n\tsahf\n\tset" cc " %1" \
                     : "+a"(ax), "=b"(yes) : "c"(low), "d"(of_maker) : "cc"); \
    g_assert_cmpuint(x86_flags_test(flags, n), ==, yes)

static void check_conditions(uint32_t flags)
{
    uint8_t low = (uint8_t)(flags | 2), of_maker = flags & X86_OF ? 0x7f : 0, yes;
    uint16_t ax;

    ax = 1; HOST_COND(X86_COND_O, "o");
    ax = 1; HOST_COND(X86_COND_NO, "no");
    ax = 1; HOST_COND(X86_COND_B, "b");
    ax = 1; HOST_COND(X86_COND_AE, "ae");
    ax = 1; HOST_COND(X86_COND_E, "e");
    ax = 1; HOST_COND(X86_COND_NE, "ne");
    ax = 1; HOST_COND(X86_COND_BE, "be");
    ax = 1; HOST_COND(X86_COND_A, "a");
    ax = 1; HOST_COND(X86_COND_S, "s");
    ax = 1; HOST_COND(X86_COND_NS, "ns");
    ax = 1; HOST_COND(X86_COND_P, "p");
    ax = 1; HOST_COND(X86_COND_NP, "np");
    ax = 1; HOST_COND(X86_COND_L, "l");
    ax = 1; HOST_COND(X86_COND_GE, "ge");
    ax = 1; HOST_COND(X86_COND_LE, "le");
    ax = 1; HOST_COND(X86_COND_G, "g");
}

static void test_conditions(void)
{
    static const uint32_t bit[] = { X86_CF, X86_PF, X86_AF, X86_ZF, X86_SF, X86_OF };

    for (unsigned n = 0; n < 64; n++) {
        uint32_t flags = 0;

        for (unsigned k = 0; k < 6; k++) {
            flags |= n >> k & 1 ? bit[k] : 0;
        }
        check_conditions(flags);
    }
}

#endif

/* The whole register: arithmetic flags go to their lazy form and back, reserved bits are fixed. */
static void test_eflags(void)
{
    X86State *s = g_new0(X86State, 1);

    x86_eflags_set(s, 0);
    g_assert_cmphex(x86_eflags_get(s), ==, 2);
    x86_eflags_set(s, ~0ull);
    g_assert_cmphex(x86_eflags_get(s), ==, 0x3f7fd7);
    x86_eflags_set(s, X86_CF | X86_IF | X86_AC);
    g_assert_cmphex(s->eflags, ==, X86_IF | X86_AC | 2);
    g_assert_cmphex(x86_flags_compute(s), ==, X86_CF);
    s->cc_op = X86_CC_SUBL;
    s->cc_dst = s->cc_src = 5;
    g_assert_cmphex(x86_eflags_get(s), ==, X86_IF | X86_AC | X86_ZF | X86_PF | 2);
    g_free(s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86-flags/eflags", test_eflags);
#if defined(__x86_64__)
    g_test_add_func("/x86-flags/kinds", test_kinds);
    g_test_add_func("/x86-flags/mul", test_mul);
    g_test_add_func("/x86-flags/rotations", test_rotations);
    g_test_add_func("/x86-flags/steps", test_steps);
    g_test_add_func("/x86-flags/conditions", test_conditions);
#endif
    return g_test_run();
}
