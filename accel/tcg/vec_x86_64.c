/* Vector operations in C for x86-64 hosts, by compiler intrinsics: exact in results, NaNs and MXCSR flags,
 * because each is the very instruction. The interpreter runs them with the guest's MXCSR loaded.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <emmintrin.h>
#include <string.h>

#include "accel/tcg/tcg_int.h"

static inline __m128i I(const V128 *v) { return _mm_load_si128((const __m128i *)v); }
static inline __m128 S(const V128 *v) { return _mm_castsi128_ps(I(v)); }
static inline __m128d D(const V128 *v) { return _mm_castsi128_pd(I(v)); }
static inline void putI(V128 *d, __m128i x) { _mm_store_si128((__m128i *)d, x); }
static inline void putS(V128 *d, __m128 x) { putI(d, _mm_castps_si128(x)); }
static inline void putD(V128 *d, __m128d x) { putI(d, _mm_castpd_si128(x)); }

/* Compilers exchange the operands of additions and multiplications at will; which NaN comes out says no. */
#define EXACT(T, insn) \
    static inline T exact_##insn(T a, T b) { __asm__(#insn " %1, %0" : "+x"(a) : "x"(b)); return a; }
EXACT(__m128, addps)
EXACT(__m128d, addpd)
EXACT(__m128, addss)
EXACT(__m128d, addsd)
EXACT(__m128, mulps)
EXACT(__m128d, mulpd)
EXACT(__m128, mulss)
EXACT(__m128d, mulsd)

/* Kind of operand and result, then the intrinsic. */
#define V2(name, K, f) \
    static void v_##name(V128 *d, const V128 *a, const V128 *b, unsigned imm8) { put##K(d, f(K(a), K(b))); }
#define V1(name, R, K, f) \
    static void v_##name(V128 *d, const V128 *a, const V128 *b, unsigned imm8) { put##R(d, f(K(a))); }

#define ALL_V2(X) \
    X(PADDB, I, _mm_add_epi8) X(PADDW, I, _mm_add_epi16) X(PADDD, I, _mm_add_epi32) X(PADDQ, I, _mm_add_epi64) \
    X(PSUBB, I, _mm_sub_epi8) X(PSUBW, I, _mm_sub_epi16) X(PSUBD, I, _mm_sub_epi32) X(PSUBQ, I, _mm_sub_epi64) \
    X(PADDSB, I, _mm_adds_epi8) X(PADDSW, I, _mm_adds_epi16) \
    X(PADDUSB, I, _mm_adds_epu8) X(PADDUSW, I, _mm_adds_epu16) \
    X(PSUBSB, I, _mm_subs_epi8) X(PSUBSW, I, _mm_subs_epi16) \
    X(PSUBUSB, I, _mm_subs_epu8) X(PSUBUSW, I, _mm_subs_epu16) \
    X(PMULLW, I, _mm_mullo_epi16) X(PMULHW, I, _mm_mulhi_epi16) X(PMULHUW, I, _mm_mulhi_epu16) \
    X(PMULUDQ, I, _mm_mul_epu32) X(PMADDWD, I, _mm_madd_epi16) X(PAVGB, I, _mm_avg_epu8) \
    X(PAVGW, I, _mm_avg_epu16) X(PSADBW, I, _mm_sad_epu8) X(PMINUB, I, _mm_min_epu8) \
    X(PMAXUB, I, _mm_max_epu8) X(PMINSW, I, _mm_min_epi16) X(PMAXSW, I, _mm_max_epi16) \
    X(PCMPEQB, I, _mm_cmpeq_epi8) X(PCMPEQW, I, _mm_cmpeq_epi16) X(PCMPEQD, I, _mm_cmpeq_epi32) \
    X(PCMPGTB, I, _mm_cmpgt_epi8) X(PCMPGTW, I, _mm_cmpgt_epi16) X(PCMPGTD, I, _mm_cmpgt_epi32) \
    X(PAND, I, _mm_and_si128) X(PANDN, I, _mm_andnot_si128) X(POR, I, _mm_or_si128) X(PXOR, I, _mm_xor_si128) \
    X(PSLLW, I, _mm_sll_epi16) X(PSLLD, I, _mm_sll_epi32) X(PSLLQ, I, _mm_sll_epi64) \
    X(PSRLW, I, _mm_srl_epi16) X(PSRLD, I, _mm_srl_epi32) X(PSRLQ, I, _mm_srl_epi64) \
    X(PSRAW, I, _mm_sra_epi16) X(PSRAD, I, _mm_sra_epi32) \
    X(PUNPCKLBW, I, _mm_unpacklo_epi8) X(PUNPCKLWD, I, _mm_unpacklo_epi16) \
    X(PUNPCKLDQ, I, _mm_unpacklo_epi32) X(PUNPCKLQDQ, I, _mm_unpacklo_epi64) \
    X(PUNPCKHBW, I, _mm_unpackhi_epi8) X(PUNPCKHWD, I, _mm_unpackhi_epi16) \
    X(PUNPCKHDQ, I, _mm_unpackhi_epi32) X(PUNPCKHQDQ, I, _mm_unpackhi_epi64) \
    X(PACKSSWB, I, _mm_packs_epi16) X(PACKUSWB, I, _mm_packus_epi16) X(PACKSSDW, I, _mm_packs_epi32) \
    X(UNPCKLPS, S, _mm_unpacklo_ps) X(UNPCKHPS, S, _mm_unpackhi_ps) \
    X(UNPCKLPD, D, _mm_unpacklo_pd) X(UNPCKHPD, D, _mm_unpackhi_pd) \
    X(MOVSS, S, _mm_move_ss) X(MOVSD, D, _mm_move_sd) X(MOVHLPS, S, _mm_movehl_ps) X(MOVLHPS, S, _mm_movelh_ps) \
    X(ADDPS, S, exact_addps) X(ADDPD, D, exact_addpd) X(ADDSS, S, exact_addss) X(ADDSD, D, exact_addsd) \
    X(SUBPS, S, _mm_sub_ps) X(SUBPD, D, _mm_sub_pd) X(SUBSS, S, _mm_sub_ss) X(SUBSD, D, _mm_sub_sd) \
    X(MULPS, S, exact_mulps) X(MULPD, D, exact_mulpd) X(MULSS, S, exact_mulss) X(MULSD, D, exact_mulsd) \
    X(DIVPS, S, _mm_div_ps) X(DIVPD, D, _mm_div_pd) X(DIVSS, S, _mm_div_ss) X(DIVSD, D, _mm_div_sd) \
    X(MINPS, S, _mm_min_ps) X(MINPD, D, _mm_min_pd) X(MINSS, S, _mm_min_ss) X(MINSD, D, _mm_min_sd) \
    X(MAXPS, S, _mm_max_ps) X(MAXPD, D, _mm_max_pd) X(MAXSS, S, _mm_max_ss) X(MAXSD, D, _mm_max_sd) \
    X(SQRTSD, D, _mm_sqrt_sd)
ALL_V2(V2)

#define ALL_V1(X) \
    X(SQRTPS, S, S, _mm_sqrt_ps) X(SQRTPD, D, D, _mm_sqrt_pd) X(RCPPS, S, S, _mm_rcp_ps) \
    X(RSQRTPS, S, S, _mm_rsqrt_ps) X(CVTDQ2PS, S, I, _mm_cvtepi32_ps) X(CVTPS2DQ, I, S, _mm_cvtps_epi32) \
    X(CVTTPS2DQ, I, S, _mm_cvttps_epi32) X(CVTDQ2PD, D, I, _mm_cvtepi32_pd) X(CVTPD2DQ, I, D, _mm_cvtpd_epi32) \
    X(CVTTPD2DQ, I, D, _mm_cvttpd_epi32) X(CVTPS2PD, D, S, _mm_cvtps_pd) X(CVTPD2PS, S, D, _mm_cvtpd_ps)
ALL_V1(V1)

/* Scalar forms whose intrinsics take one operand: the upper lanes come from a. */
#define SCALAR1(name, f) \
    static void v_##name(V128 *d, const V128 *a, const V128 *b, unsigned imm8) \
    { \
        putS(d, _mm_move_ss(S(a), f(S(b)))); \
    }
SCALAR1(SQRTSS, _mm_sqrt_ss)
SCALAR1(RCPSS, _mm_rcp_ss)
SCALAR1(RSQRTSS, _mm_rsqrt_ss)

static void v_CVTSS2SD(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    putD(d, _mm_cvtss_sd(D(a), S(b)));
}

static void v_CVTSD2SS(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    putS(d, _mm_cvtsd_ss(S(a), D(b)));
}

#define SHIFT_I(name, f) \
    static void v_##name(V128 *d, const V128 *a, const V128 *b, unsigned imm8) \
    { \
        putI(d, f(I(a), _mm_cvtsi32_si128((int)imm8))); \
    }
SHIFT_I(PSLLW_I, _mm_sll_epi16) SHIFT_I(PSLLD_I, _mm_sll_epi32) SHIFT_I(PSLLQ_I, _mm_sll_epi64)
SHIFT_I(PSRLW_I, _mm_srl_epi16) SHIFT_I(PSRLD_I, _mm_srl_epi32) SHIFT_I(PSRLQ_I, _mm_srl_epi64)
SHIFT_I(PSRAW_I, _mm_sra_epi16) SHIFT_I(PSRAD_I, _mm_sra_epi32)

static void v_PSLLDQ_I(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    V128 r = { .q = { 0, 0 } };

    for (unsigned i = imm8; i < 16; i++) {
        r.b[i] = a->b[i - imm8];
    }
    *d = r;
}

static void v_PSRLDQ_I(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    V128 r = { .q = { 0, 0 } };

    for (unsigned i = 0; i + imm8 < 16; i++) {
        r.b[i] = a->b[i + imm8];
    }
    *d = r;
}

static void v_PSHUFD(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    V128 x = *a;

    for (unsigned i = 0; i < 4; i++) {
        d->l[i] = x.l[imm8 >> (2 * i) & 3];
    }
}

static void shuffle_words(V128 *d, const V128 *a, unsigned imm8, unsigned from)
{
    V128 x = *a, r = x;

    for (unsigned i = 0; i < 4; i++) {
        r.w[from + i] = x.w[from + (imm8 >> (2 * i) & 3)];
    }
    *d = r;
}

static void v_PSHUFHW(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    shuffle_words(d, a, imm8, 4);
}

static void v_PSHUFLW(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    shuffle_words(d, a, imm8, 0);
}

static void v_SHUFPS(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    V128 r = { .l = { a->l[imm8 & 3], a->l[imm8 >> 2 & 3], b->l[imm8 >> 4 & 3], b->l[imm8 >> 6 & 3] } };

    *d = r;
}

static void v_SHUFPD(V128 *d, const V128 *a, const V128 *b, unsigned imm8)
{
    V128 r = { .q = { a->q[imm8 & 1], b->q[imm8 >> 1 & 1] } };

    *d = r;
}

#define CMP(name, K, s) \
    static void v_##name(V128 *d, const V128 *a, const V128 *b, unsigned imm8) \
    { \
        switch (imm8 & 7) { \
        case 0: put##K(d, _mm_cmpeq_##s(K(a), K(b))); break; \
        case 1: put##K(d, _mm_cmplt_##s(K(a), K(b))); break; \
        case 2: put##K(d, _mm_cmple_##s(K(a), K(b))); break; \
        case 3: put##K(d, _mm_cmpunord_##s(K(a), K(b))); break; \
        case 4: put##K(d, _mm_cmpneq_##s(K(a), K(b))); break; \
        case 5: put##K(d, _mm_cmpnlt_##s(K(a), K(b))); break; \
        case 6: put##K(d, _mm_cmpnle_##s(K(a), K(b))); break; \
        default: put##K(d, _mm_cmpord_##s(K(a), K(b))); break; \
        } \
    }
CMP(CMPPS, S, ps) CMP(CMPPD, D, pd) CMP(CMPSS, S, ss) CMP(CMPSD, D, sd)

/* ---- to integers ---- */

#define VI(name, expr) \
    static uint64_t i_##name(const V128 *a, const V128 *b, unsigned imm8) { return (uint64_t)(expr); }
VI(MOVD_TO, a->l[0])
VI(MOVQ_TO, a->q[0])
VI(PMOVMSKB, (uint32_t)_mm_movemask_epi8(I(a)))
VI(MOVMSKPS, (uint32_t)_mm_movemask_ps(S(a)))
VI(MOVMSKPD, (uint32_t)_mm_movemask_pd(D(a)))
VI(CVTSS2SI32, (uint32_t)_mm_cvtss_si32(S(a)))
VI(CVTSS2SI64, _mm_cvtss_si64(S(a)))
VI(CVTTSS2SI32, (uint32_t)_mm_cvttss_si32(S(a)))
VI(CVTTSS2SI64, _mm_cvttss_si64(S(a)))
VI(CVTSD2SI32, (uint32_t)_mm_cvtsd_si32(D(a)))
VI(CVTSD2SI64, _mm_cvtsd_si64(D(a)))
VI(CVTTSD2SI32, (uint32_t)_mm_cvttsd_si32(D(a)))
VI(CVTTSD2SI64, _mm_cvttsd_si64(D(a)))
VI(PEXTRW, a->w[imm8 & 7])
VI(PEXTRQ, a->q[imm8 & 1])

/* Flags of a comparison: ZF 0x40, PF 0x04, CF 0x01 (SDM vol. 2, UCOMISS). */
#define COMPARE(name, insn) \
    static uint64_t i_##name(const V128 *a, const V128 *b, unsigned imm8) \
    { \
        uint64_t f; \
        __m128i x = I(a), y = I(b); \
        __asm__ volatile(insn " %2, %1; pushfq; popq %0" : "=r"(f) : "x"(x), "x"(y) : "cc", "memory"); \
        return f & 0x45; \
    }
COMPARE(UCOMISS, "ucomiss") COMPARE(UCOMISD, "ucomisd") COMPARE(COMISS, "comiss") COMPARE(COMISD, "comisd")

/* ---- from integers ---- */

static void f_MOVD_FROM(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    *d = (V128){ .q = { (uint32_t)x, 0 } };
}

static void f_MOVQ_FROM(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    *d = (V128){ .q = { x, 0 } };
}

static void f_CVTSI32_SS(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    putS(d, _mm_cvtsi32_ss(S(a), (int)x));
}

static void f_CVTSI64_SS(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    putS(d, _mm_cvtsi64_ss(S(a), (long long)x));
}

static void f_CVTSI32_SD(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    putD(d, _mm_cvtsi32_sd(D(a), (int)x));
}

static void f_CVTSI64_SD(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    putD(d, _mm_cvtsi64_sd(D(a), (long long)x));
}

static void f_PINSRW(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    V128 r = *a;

    r.w[imm8 & 7] = (uint16_t)x;
    *d = r;
}

static void f_PINSRQ(V128 *d, const V128 *a, uint64_t x, unsigned imm8)
{
    V128 r = *a;

    r.q[imm8 & 1] = x;
    *d = r;
}

/* By shape: which of the three function types an operation has. */
#define IMPL_V1(op) [VOP_##op] = { .name = #op, .v = v_##op },
#define IMPL_V1I IMPL_V1
#define IMPL_V2 IMPL_V1
#define IMPL_V2I IMPL_V1
#define IMPL_VI(op) [VOP_##op] = { .name = #op, .vi = i_##op },
#define IMPL_VII IMPL_VI
#define IMPL_VF IMPL_VI
#define IMPL_IV(op) [VOP_##op] = { .name = #op, .iv = f_##op },
#define IMPL_IV2 IMPL_IV
#define IMPL_IV2I IMPL_IV

const VecOpImpl vec_op_impl[VOP_NUM] = {
#define VEC_OP(name, shape) IMPL_##shape(name)
#include "accel/tcg/vec.def"
};
