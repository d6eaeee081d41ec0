/* Vector operations of the IR: the x86-64 instruction of the same name, with three operands where
 * the host has AVX.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

#define P66 (O_0F | O_66)
#define PF3 (O_0F | O_F3)
#define PF2 (O_0F | O_F2)

/* Opcodes by operation. Shifts by a constant have their /digit in bits 24..27. */
#define DIGIT(n) ((unsigned)(n) << 24)
#define DIGIT_OF(op) ((op) >> 24 & 7)
#define FP4(name, byte) \
    [VOP_##name##PS] = O_0F | (byte), [VOP_##name##PD] = P66 | (byte), \
    [VOP_##name##SS] = PF3 | (byte), [VOP_##name##SD] = PF2 | (byte)

static const uint32_t code[VOP_NUM] = {
    [VOP_PADDB] = P66 | 0xfc,
    [VOP_PADDW] = P66 | 0xfd,
    [VOP_PADDD] = P66 | 0xfe,
    [VOP_PADDQ] = P66 | 0xd4,
    [VOP_PSUBB] = P66 | 0xf8,
    [VOP_PSUBW] = P66 | 0xf9,
    [VOP_PSUBD] = P66 | 0xfa,
    [VOP_PSUBQ] = P66 | 0xfb,
    [VOP_PADDSB] = P66 | 0xec,
    [VOP_PADDSW] = P66 | 0xed,
    [VOP_PADDUSB] = P66 | 0xdc,
    [VOP_PADDUSW] = P66 | 0xdd,
    [VOP_PSUBSB] = P66 | 0xe8,
    [VOP_PSUBSW] = P66 | 0xe9,
    [VOP_PSUBUSB] = P66 | 0xd8,
    [VOP_PSUBUSW] = P66 | 0xd9,
    [VOP_PMULLW] = P66 | 0xd5,
    [VOP_PMULHW] = P66 | 0xe5,
    [VOP_PMULHUW] = P66 | 0xe4,
    [VOP_PMULUDQ] = P66 | 0xf4,
    [VOP_PMADDWD] = P66 | 0xf5,
    [VOP_PAVGB] = P66 | 0xe0,
    [VOP_PAVGW] = P66 | 0xe3,
    [VOP_PSADBW] = P66 | 0xf6,
    [VOP_PMINUB] = P66 | 0xda,
    [VOP_PMAXUB] = P66 | 0xde,
    [VOP_PMINSW] = P66 | 0xea,
    [VOP_PMAXSW] = P66 | 0xee,
    [VOP_PCMPEQB] = P66 | 0x74,
    [VOP_PCMPEQW] = P66 | 0x75,
    [VOP_PCMPEQD] = P66 | 0x76,
    [VOP_PCMPGTB] = P66 | 0x64,
    [VOP_PCMPGTW] = P66 | 0x65,
    [VOP_PCMPGTD] = P66 | 0x66,
    [VOP_PAND] = P66 | 0xdb,
    [VOP_PANDN] = P66 | 0xdf,
    [VOP_POR] = P66 | 0xeb,
    [VOP_PXOR] = P66 | 0xef,
    [VOP_PSLLW] = P66 | 0xf1,
    [VOP_PSLLD] = P66 | 0xf2,
    [VOP_PSLLQ] = P66 | 0xf3,
    [VOP_PSRLW] = P66 | 0xd1,
    [VOP_PSRLD] = P66 | 0xd2,
    [VOP_PSRLQ] = P66 | 0xd3,
    [VOP_PSRAW] = P66 | 0xe1,
    [VOP_PSRAD] = P66 | 0xe2,
    [VOP_PSLLW_I] = P66 | 0x71 | DIGIT(6),
    [VOP_PSLLD_I] = P66 | 0x72 | DIGIT(6),
    [VOP_PSLLQ_I] = P66 | 0x73 | DIGIT(6),
    [VOP_PSRLW_I] = P66 | 0x71 | DIGIT(2),
    [VOP_PSRLD_I] = P66 | 0x72 | DIGIT(2),
    [VOP_PSRLQ_I] = P66 | 0x73 | DIGIT(2),
    [VOP_PSRAW_I] = P66 | 0x71 | DIGIT(4),
    [VOP_PSRAD_I] = P66 | 0x72 | DIGIT(4),
    [VOP_PSLLDQ_I] = P66 | 0x73 | DIGIT(7),
    [VOP_PSRLDQ_I] = P66 | 0x73 | DIGIT(3),
    [VOP_PUNPCKLBW] = P66 | 0x60,
    [VOP_PUNPCKLWD] = P66 | 0x61,
    [VOP_PUNPCKLDQ] = P66 | 0x62,
    [VOP_PUNPCKLQDQ] = P66 | 0x6c,
    [VOP_PUNPCKHBW] = P66 | 0x68,
    [VOP_PUNPCKHWD] = P66 | 0x69,
    [VOP_PUNPCKHDQ] = P66 | 0x6a,
    [VOP_PUNPCKHQDQ] = P66 | 0x6d,
    [VOP_PACKSSWB] = P66 | 0x63,
    [VOP_PACKUSWB] = P66 | 0x67,
    [VOP_PACKSSDW] = P66 | 0x6b,
    [VOP_PSHUFD] = P66 | 0x70,
    [VOP_PSHUFHW] = PF3 | 0x70,
    [VOP_PSHUFLW] = PF2 | 0x70,
    [VOP_SHUFPS] = O_0F | 0xc6,
    [VOP_SHUFPD] = P66 | 0xc6,
    [VOP_UNPCKLPS] = O_0F | 0x14,
    [VOP_UNPCKHPS] = O_0F | 0x15,
    [VOP_UNPCKLPD] = P66 | 0x14,
    [VOP_UNPCKHPD] = P66 | 0x15,
    [VOP_MOVSS] = PF3 | 0x10,
    [VOP_MOVSD] = PF2 | 0x10,
    [VOP_MOVHLPS] = O_0F | 0x12,
    [VOP_MOVLHPS] = O_0F | 0x16,
    FP4(ADD, 0x58),
    FP4(SUB, 0x5c),
    FP4(MUL, 0x59),
    FP4(DIV, 0x5e),
    FP4(MIN, 0x5d),
    FP4(MAX, 0x5f),
    FP4(SQRT, 0x51),
    FP4(CMP, 0xc2),
    [VOP_RCPPS] = O_0F | 0x53,
    [VOP_RSQRTPS] = O_0F | 0x52,
    [VOP_RCPSS] = PF3 | 0x53,
    [VOP_RSQRTSS] = PF3 | 0x52,
    [VOP_CVTDQ2PS] = O_0F | 0x5b,
    [VOP_CVTPS2DQ] = P66 | 0x5b,
    [VOP_CVTTPS2DQ] = PF3 | 0x5b,
    [VOP_CVTDQ2PD] = PF3 | 0xe6,
    [VOP_CVTPD2DQ] = PF2 | 0xe6,
    [VOP_CVTTPD2DQ] = P66 | 0xe6,
    [VOP_CVTPS2PD] = O_0F | 0x5a,
    [VOP_CVTPD2PS] = P66 | 0x5a,
    [VOP_CVTSS2SD] = PF3 | 0x5a,
    [VOP_CVTSD2SS] = PF2 | 0x5a,
    [VOP_MOVD_TO] = P66 | 0x7e,
    [VOP_MOVQ_TO] = P66 | 0x7e | O_W,
    [VOP_PMOVMSKB] = P66 | 0xd7,
    [VOP_MOVMSKPS] = O_0F | 0x50,
    [VOP_MOVMSKPD] = P66 | 0x50,
    [VOP_CVTSS2SI32] = PF3 | 0x2d,
    [VOP_CVTSS2SI64] = PF3 | 0x2d | O_W,
    [VOP_CVTTSS2SI32] = PF3 | 0x2c,
    [VOP_CVTTSS2SI64] = PF3 | 0x2c | O_W,
    [VOP_CVTSD2SI32] = PF2 | 0x2d,
    [VOP_CVTSD2SI64] = PF2 | 0x2d | O_W,
    [VOP_CVTTSD2SI32] = PF2 | 0x2c,
    [VOP_CVTTSD2SI64] = PF2 | 0x2c | O_W,
    [VOP_PEXTRW] = P66 | 0xc5,
    [VOP_PEXTRQ] = O_3A | O_66 | O_W | 0x16,
    [VOP_MOVD_FROM] = P66 | 0x6e,
    [VOP_MOVQ_FROM] = P66 | 0x6e | O_W,
    [VOP_CVTSI32_SS] = PF3 | 0x2a,
    [VOP_CVTSI64_SS] = PF3 | 0x2a | O_W,
    [VOP_CVTSI32_SD] = PF2 | 0x2a,
    [VOP_CVTSI64_SD] = PF2 | 0x2a | O_W,
    [VOP_PINSRW] = P66 | 0xc4,
    [VOP_PINSRQ] = O_3A | O_66 | O_W | 0x22,
    [VOP_UCOMISS] = O_0F | 0x2e,
    [VOP_UCOMISD] = P66 | 0x2e,
    [VOP_COMISS] = O_0F | 0x2f,
    [VOP_COMISD] = P66 | 0x2f,
};

/* Shapes, from the same table as the enumeration: those with a constant. */
enum { V1, V1I, V2, V2I, VI, VII, IV, IV2, IV2I, VF };
static const uint8_t shape[VOP_NUM] = {
#define VEC_OP(name, s) [VOP_##name] = s,
#include "accel/tcg/vec.def"
};

static unsigned vop_of(const IrInsn *in)
{
    return (uint32_t)in->imm;
}

static void constant(Jit *j, const IrInsn *in)
{
    unsigned s = shape[vop_of(in)], imm8 = in->imm >> 32 & 0xff;

    if (s == V1I || s == V2I || s == VII || s == IV2I) {
        if (vop_of(in) >= VOP_CMPPS && vop_of(in) <= VOP_CMPSD) {
            imm8 &= 7;          /* the VEX forms would know more predicates */
        }
        e8(&j->e, imm8);
    }
}

/* d = op(a, b) with b in a vector or general register. */
static void emit3(Jit *j, uint32_t op, unsigned rd, unsigned ra, unsigned rb)
{
    if (j->avx) {
        e_vrr(&j->e, op, rd, ra, rb);
        return;
    }
    if (rd != ra) {
        e_rr(&j->e, OP_MOVAPS, rd, ra);
    }
    e_rr(&j->e, op, rd, rb);
}

static void emit2(Jit *j, uint32_t op, unsigned reg, unsigned rm)
{
    if (j->avx) {
        e_vrr(&j->e, op, reg, 0, rm);
    } else {
        e_rr(&j->e, op, reg, rm);
    }
}

void jit_vop1(Jit *j, const IrInsn *in)
{
    uint32_t op = code[vop_of(in)];
    unsigned ra = val_use(j, in->a), rd;

    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (!DIGIT_OF(op)) {
        emit2(j, op, rd, ra);
    } else if (j->avx) {
        e_vrr(&j->e, op, DIGIT_OF(op), rd, ra);
    } else {
        if (rd != ra) {
            e_rr(&j->e, OP_MOVAPS, rd, ra);
        }
        e_rr(&j->e, op, DIGIT_OF(op), rd);
    }
    constant(j, in);
    val_set(j, in->d, rd, 0);
}

/* Is the result of op(x, x) the same for every x? Then x need not be loaded. */
static bool ignores_operand(unsigned vop)
{
    return vop == VOP_PXOR || (vop >= VOP_PSUBB && vop <= VOP_PSUBQ) || vop == VOP_PANDN ||
           (vop >= VOP_PCMPEQB && vop <= VOP_PCMPEQD) || (vop >= VOP_PCMPGTB && vop <= VOP_PCMPGTD);
}

void jit_vop2(Jit *j, const IrInsn *in)
{
    unsigned vop = vop_of(in), ra, rb, rd;

    if (in->a == in->b && ignores_operand(vop)) {
        val_deaths(j, in);
        rd = val_dest(j, in->d, NO_REG);
        e_rr(&j->e, code[vop], rd, rd);
        val_set(j, in->d, rd, 0);
        return;
    }
    ra = val_use(j, in->a);
    rb = val_use(j, in->b);
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    emit3(j, code[vop], rd, ra, rb);
    constant(j, in);
    val_set(j, in->d, rd, 0);
}

void jit_vtoi(Jit *j, const IrInsn *in)
{
    unsigned vop = vop_of(in), ra = val_use(j, in->a), rd;
    bool store_form = vop == VOP_MOVD_TO || vop == VOP_MOVQ_TO || vop == VOP_PEXTRQ;

    val_deaths(j, in);
    rd = val_dest(j, in->d, NO_REG);
    emit2(j, code[vop], store_form ? ra : rd, store_form ? rd : ra);
    constant(j, in);
    val_set(j, in->d, rd, code[vop] & O_W ? 0 : VAL_Z32);
}

void jit_itov(Jit *j, const IrInsn *in)
{
    unsigned vop = vop_of(in), ra = NO_REG, rb, rd;

    rb = val_use(j, in->b);
    if (shape[vop] != IV) {
        ra = val_use(j, in->a);
    }
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (ra == NO_REG) {
        emit2(j, code[vop], rd, rb);
    } else {
        emit3(j, code[vop], rd, ra, rb);
    }
    constant(j, in);
    val_set(j, in->d, rd, 0);
}

/* ZF, PF and CF as LAHF gives them: bit 1 is always set, SF and AF are clear. */
void jit_vcmpf(Jit *j, const IrInsn *in)
{
    unsigned ra, rb, rd;

    val_take(j, RAX);
    ra = val_use(j, in->a);
    rb = val_use(j, in->b);
    emit2(j, code[vop_of(in)], ra, rb);
    jit_flags_unknown(j);
    j->flags.kind = FLAGS_VCMP;     /* keep them over what val_dest() may load */
    val_deaths(j, in);
    rd = val_dest(j, in->d, RAX);
    e8(&j->e, 0x9f);
    e8(&j->e, 0x0f);
    e8(&j->e, 0xb6);
    e8(&j->e, 0xc4);
    e_rm(&j->e, OP_LEA, rd, RAX, -2);
    val_set(j, in->d, rd, VAL_Z32);
    j->flags.res = j->version[rd];
}
