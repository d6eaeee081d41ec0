/* Makes random sequences of integer instructions from templates of encodings.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/tcg/sequence.h"

#include <string.h>

#include "target/i386/state.h"

/* ---- templates ---- */

enum {
    BYTES = 1,          /* the opcode with its lowest bit clear works on bytes */
    IMM8 = 2,           /* an 8-bit immediate follows */
    IMM = 4,            /* an immediate of the operand's size (at most 32 bits) */
    NO_MEM = 8,         /* register operands only */
    NO_16 = 16,         /* no 66 prefix */
    NO_MODRM = 32,
    DIGITS = 64,        /* the opcode's extension is one of `digits`, a bit mask */
    VEX = 128,          /* prefix, map and W in `vex` */
    F3 = 256,           /* mandatory prefix */
    P66 = 512,
    COND = 1024,        /* the condition is in the opcode's low four bits */
    NO_64 = 2048,       /* not in 64-bit mode */
    ONLY_64 = 4096,     /* means something else outside 64-bit mode */
    REG = 8192,         /* a register is in the opcode's low three bits */
    IMM16 = 16384,      /* ENTER: a small frame and level */
};

typedef struct Template {
    uint8_t map;        /* 0: one byte, 1: 0F, 2: 0F38, 3: 0F3A */
    uint8_t opcode;
    uint16_t flags;
    uint8_t digits;
    uint8_t vex_pp;     /* VEX: 0 none, 1 66, 2 F3, 3 F2 */
} Template;

static const Template templates[] = {
    { 0, 0x00, BYTES },
    { 0, 0x08, BYTES },
    { 0, 0x10, BYTES },
    { 0, 0x18, BYTES },
    { 0, 0x20, BYTES },
    { 0, 0x28, BYTES },
    { 0, 0x30, BYTES },
    { 0, 0x38, BYTES },
    { 0, 0x02, BYTES },
    { 0, 0x0a, BYTES },
    { 0, 0x12, BYTES },
    { 0, 0x1a, BYTES },
    { 0, 0x22, BYTES },
    { 0, 0x2a, BYTES },
    { 0, 0x32, BYTES },
    { 0, 0x3a, BYTES },
    { 0, 0x83, IMM8 | DIGITS, 0xff },
    { 0, 0x80, IMM8 | DIGITS | BYTES, 0xff },
    { 0, 0x81, IMM | DIGITS, 0xff },
    { 0, 0x84, BYTES },
    { 0, 0xf6, BYTES | DIGITS, 0x0c },
    { 0, 0xf7, IMM | DIGITS, 0x01 },
    { 0, 0xf7, DIGITS, 0x3c },
    { 0, 0xf6, BYTES | DIGITS, 0x30 },
    { 0, 0xfe, BYTES | DIGITS, 0x03 },
    { 0, 0xff, DIGITS, 0x03 },
    { 0, 0xff, DIGITS, 0x03 },
    { 0, 0xc0, IMM8 | BYTES | DIGITS, 0xff },
    { 0, 0xc1, IMM8 | DIGITS, 0xff },
    { 0, 0xd0, BYTES | DIGITS, 0xff },
    { 0, 0xd1, DIGITS, 0xff },
    { 0, 0xd2, BYTES | DIGITS, 0xff },
    { 0, 0xd3, DIGITS, 0xff },
    { 1, 0xa4, IMM8 | NO_16 },
    { 1, 0xa5, NO_16 },
    { 1, 0xac, IMM8 | NO_16 },
    { 1, 0xad, NO_16 },
    { 1, 0xa3, NO_MEM },
    { 1, 0xab, NO_MEM },
    { 1, 0xb3, NO_MEM },
    { 1, 0xbb, NO_MEM },
    { 1, 0xba, IMM8 | DIGITS, 0xf0 },
    { 1, 0xaf, 0 },
    { 0, 0x6b, IMM8 },
    { 0, 0x69, IMM },
    { 1, 0xbc, 0 },
    { 1, 0xbd, 0 },
    { 1, 0xbc, F3 },
    { 1, 0xbd, F3 },
    { 1, 0xb8, F3 },
    { 1, 0xb6, 0 },
    { 1, 0xbe, 0 },
    { 1, 0xb7, NO_16 },
    { 1, 0xbf, NO_16 },
    { 0, 0x88, BYTES },
    { 0, 0x8a, BYTES },
    { 0, 0x86, BYTES },
    { 1, 0xc0, BYTES },
    { 1, 0xb0, BYTES },
    { 0, 0x63, NO_16 | ONLY_64 },
    { 1, 0x90, COND },
    { 1, 0x90, COND },
    { 1, 0x90, COND },
    { 1, 0x40, COND },
    { 1, 0x40, COND },
    { 1, 0x40, COND },
    { 0, 0xf8, NO_MODRM },
    { 0, 0xf9, NO_MODRM },
    { 0, 0xf5, NO_MODRM },
    { 0, 0x9f, NO_MODRM },
    { 0, 0x9e, NO_MODRM },
    { 0, 0x98, NO_MODRM },
    { 0, 0x99, NO_MODRM },
    { 0, 0x70, NO_MODRM | COND | IMM8 },
    { 0, 0x70, NO_MODRM | COND | IMM8 },
    { 0, 0x90, NO_MODRM },
    { 0, 0xd7, NO_MODRM },
    { 0, 0x50, NO_MODRM | REG },
    { 0, 0x50, NO_MODRM | REG },
    { 0, 0x58, NO_MODRM | REG },
    { 0, 0x9c, NO_MODRM },
    { 0, 0x6a, NO_MODRM | IMM8 },
    { 0, 0xc8, NO_MODRM | IMM16 },
    { 0, 0x40, NO_MODRM | REG | NO_64 },
    { 0, 0x48, NO_MODRM | REG | NO_64 },
    { 0, 0x27, NO_MODRM | NO_64 },
    { 0, 0x2f, NO_MODRM | NO_64 },
    { 0, 0x37, NO_MODRM | NO_64 },
    { 0, 0x3f, NO_MODRM | NO_64 },
    { 0, 0xd4, NO_MODRM | IMM8 | NO_64 },
    { 0, 0xd5, NO_MODRM | IMM8 | NO_64 },
    { 0, 0xd6, NO_MODRM | NO_64 },
    { 0, 0x60, NO_MODRM | NO_64 },
    { 2, 0xf6, P66 | NO_16 },
    { 2, 0xf6, F3 | NO_16 },
    { 2, 0xf0, 0 },
    { 2, 0xf1, 0 },
    { 2, 0xf2, VEX | NO_16 },
    { 2, 0xf3, VEX | DIGITS | NO_16, 0x0e },
    { 2, 0xf7, VEX | NO_16 },
    { 2, 0xf5, VEX | NO_16 },
    { 2, 0xf5, VEX | NO_16, 0, 2 },
    { 2, 0xf5, VEX | NO_16, 0, 3 },
    { 2, 0xf6, VEX | NO_16, 0, 3 },
    { 2, 0xf7, VEX | NO_16, 0, 1 },
    { 2, 0xf7, VEX | NO_16, 0, 2 },
    { 2, 0xf7, VEX | NO_16, 0, 3 },
    { 3, 0xf0, VEX | NO_16 | IMM8, 0, 3 },
};

/* ---- encoding ---- */

static unsigned pick(GRand *r, unsigned n)
{
    return (unsigned)g_rand_int_range(r, 0, (gint32)n);
}

/* A register that may be written: not rbx, rsp; of byte operations without REX not BH. */
static unsigned pick_reg(GRand *r, bool bytes, bool rex)
{
    unsigned n;

    do {
        n = pick(r, rex ? 16 : 8);
    } while (n == 3 || n == 4 || (n == 7 && bytes && !rex));
    return n;
}

typedef struct Encoder {
    GRand *r;
    unsigned bits;
    const Template *t;
    uint8_t *p;
    bool bytes, word, rex, wide, mem;
    unsigned reg, rm, v;
} Encoder;

static void choose(Encoder *e, GRand *r, const Template *t, unsigned bits)
{
    *e = (Encoder){ .r = r, .t = t };
    e->bits = bits;
    e->bytes = (t->flags & BYTES) && pick(r, 2);
    e->word = !(t->flags & (NO_16 | VEX)) && !e->bytes && !(bits == 16 ? !pick(r, 4) : pick(r, 4));
    e->rex = bits == 64 && (pick(r, 2) || t->flags & VEX);
    e->wide = e->rex && !e->bytes && !e->word && pick(r, 2);
    e->mem = !(t->flags & (NO_MEM | NO_MODRM)) && !pick(r, 4);
    /* MOVBE exists with memory only. */
    e->mem =
        e->mem || (t->map == 2 && (t->opcode == 0xf0 || t->opcode == 0xf1) && !(t->flags & VEX));
    e->reg = pick_reg(r, true, e->rex);
    e->rm = e->mem ? (bits == 16 ? 7 : 3) : pick_reg(r, true, e->rex);
    e->v = pick_reg(r, false, bits == 64);
    if (t->flags & DIGITS) {
        do {
            e->reg = pick(r, 8);
        } while (!(t->digits >> e->reg & 1));
    }
}

static void put(Encoder *e, unsigned byte)
{
    *e->p++ = (uint8_t)byte;
}

static void put_vex(Encoder *e)
{
    put(e, 0xc4);
    put(e, (e->reg >> 3 ? 0 : 0x80) | 0x40 | (e->rm >> 3 ? 0 : 0x20) | e->t->map);
    put(e, (unsigned)e->wide << 7 | (~e->v & 15) << 3 | e->t->vex_pp);
}

static void put_prefixes(Encoder *e)
{
    if ((e->bytes ? false : e->word == (e->bits != 16)) != !!(e->t->flags & P66)) {
        put(e, 0x66);
    }
    if (e->t->flags & F3) {
        put(e, 0xf3);
    }
    if (e->rex) {
        put(e, 0x40u | (unsigned)e->wide << 3 | e->reg >> 3 << 2 | e->rm >> 3);
    }
    if (e->t->map) {
        put(e, 0x0f);
    }
    if (e->t->map > 1) {
        put(e, e->t->map == 2 ? 0x38 : 0x3a);
    }
}

static void put_immediate(Encoder *e)
{
    unsigned n = e->t->flags & IMM8    ? 1
                 : e->t->flags & IMM   ? (e->word ? 2 : 4)
                 : e->t->flags & IMM16 ? 3
                                       : 0;
    uint32_t v = pick(e->r, 3) ? g_rand_int(e->r) : pick(e->r, 4);

    if (e->t->flags & IMM16) {
        v = pick(e->r, 32) | pick(e->r, 4) / 3 << 16;
    }

    memcpy(e->p, &v, n);
    e->p += n;
}

/* One instruction at p; returns its length. A conditional jump gets its distance later. */
static unsigned encode(GRand *r, const Template *t, unsigned bits, uint8_t *p)
{
    Encoder e;
    unsigned opcode = t->opcode;

    choose(&e, r, t, bits);
    e.p = p;
    if (t->flags & COND) {
        opcode |= pick(r, 16);
    } else if (t->flags & REG) {
        opcode |= pick_reg(r, false, false);
    } else if ((t->flags & BYTES) && !e.bytes) {
        opcode |= 1;
    }
    if (t->flags & VEX) {
        put_vex(&e);
    } else if (t->flags & NO_MODRM) {
        if (bits == 64 && (opcode == 0x98 || opcode == 0x99)) {
            put(&e, 0x40u | (unsigned)e.wide << 3);
        }
    } else {
        put_prefixes(&e);
    }
    put(&e, opcode);
    if (!(t->flags & NO_MODRM)) {
        put(&e, (e.mem ? 0x40u : 0xc0u) | (e.reg & 7) << 3 | (e.rm & 7));
        if (e.mem) {
            put(&e, pick(r, 256));
        }
    }
    put_immediate(&e);
    return (unsigned)(e.p - p);
}

/* ---- flags ---- */

static uint32_t shift_undefined(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *op,
                                bool *may_be_zero)
{
    bool rotate = i->meta.category == ZYDIS_CATEGORY_ROTATE;
    const ZydisDecodedOperand *last = &op[i->operand_count_visible - 1];
    unsigned size = op[0].size, count;
    uint32_t others = rotate ? X86_OF : X86_OF | X86_AF;

    if (last->type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        *may_be_zero = true;
        return size < 32 && !rotate ? others | X86_CF : others;
    }
    count = last->imm.value.u & (size == 64 ? 63 : 31);
    *may_be_zero = count == 0;
    if (count == 0) {
        return 0;
    }
    if (count >= size && !rotate) {
        others |= X86_CF;
    }
    return count == 1 ? others & ~X86_OF : others;
}

static uint32_t undefined_after(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *op,
                                bool *may_be_zero)
{
    *may_be_zero = false;
    switch (i->mnemonic) {
    case ZYDIS_MNEMONIC_AND:
    case ZYDIS_MNEMONIC_OR:
    case ZYDIS_MNEMONIC_XOR:
    case ZYDIS_MNEMONIC_TEST: return X86_AF;
    case ZYDIS_MNEMONIC_SHL:
    case ZYDIS_MNEMONIC_SHR:
    case ZYDIS_MNEMONIC_SAR:
    case ZYDIS_MNEMONIC_ROL:
    case ZYDIS_MNEMONIC_ROR:
    case ZYDIS_MNEMONIC_RCL:
    case ZYDIS_MNEMONIC_RCR:
    case ZYDIS_MNEMONIC_SHLD:
    case ZYDIS_MNEMONIC_SHRD:
        return shift_undefined(i, op, may_be_zero);
    case ZYDIS_MNEMONIC_MUL: case ZYDIS_MNEMONIC_IMUL:
        return X86_SF | X86_ZF | X86_AF | X86_PF;
    case ZYDIS_MNEMONIC_BT:
    case ZYDIS_MNEMONIC_BTS:
    case ZYDIS_MNEMONIC_BTR:
    case ZYDIS_MNEMONIC_BTC: return X86_OF | X86_SF | X86_AF | X86_PF;
    case ZYDIS_MNEMONIC_BSF: case ZYDIS_MNEMONIC_BSR:
        return X86_ARITH & ~X86_ZF;
    case ZYDIS_MNEMONIC_TZCNT: case ZYDIS_MNEMONIC_LZCNT:
        return X86_OF | X86_SF | X86_AF | X86_PF;
    case ZYDIS_MNEMONIC_ANDN:
    case ZYDIS_MNEMONIC_BLSI:
    case ZYDIS_MNEMONIC_BLSR:
    case ZYDIS_MNEMONIC_BLSMSK:
    case ZYDIS_MNEMONIC_BZHI:
        return X86_AF | X86_PF;
    case ZYDIS_MNEMONIC_AAA: case ZYDIS_MNEMONIC_AAS:
        return X86_OF | X86_SF | X86_ZF | X86_PF;
    case ZYDIS_MNEMONIC_DAA: case ZYDIS_MNEMONIC_DAS:
        return X86_OF;
    case ZYDIS_MNEMONIC_AAM: case ZYDIS_MNEMONIC_AAD:
        return X86_OF | X86_AF | X86_CF;
    case ZYDIS_MNEMONIC_BEXTR:
        return X86_AF | X86_SF | X86_PF;
    default:
        return 0;
    }
}

/* ---- sequences ---- */

/* Appends an instruction unless it reads a flag that is not defined there. */
static void append(Sequence *s, GRand *r, const ZydisDecoder *d)
{
    uint8_t bytes[32];
    const Template *t = &templates[pick(r, G_N_ELEMENTS(templates))];
    ZydisDecodedInstruction i;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    uint32_t written, undefined;
    bool may_be_zero;
    unsigned len;

    if (t->flags & (s->bits == 64 ? NO_64 : ONLY_64)) {
        return;
    }
    len = encode(r, t, s->bits, bytes);

    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(d, bytes, len, &i, op)) || i.length != len) {
        return;
    }
    if (i.cpu_flags && i.cpu_flags->tested & s->undefined) {
        return;
    }
    if (i.mnemonic == ZYDIS_MNEMONIC_PUSHF && s->undefined) {
        return;
    }
    /* Whether a failing one zero-extends its destination depends on the vendor. */
    if (i.mnemonic == ZYDIS_MNEMONIC_CMPXCHG && op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
        op[0].size == 32) {
        return;
    }
    written = i.cpu_flags ? (i.cpu_flags->modified | i.cpu_flags->set_0 | i.cpu_flags->set_1 |
                             i.cpu_flags->undefined) & X86_ARITH : 0;
    undefined = undefined_after(&i, op, &may_be_zero);
    if (!may_be_zero) {
        s->undefined &= ~written;
    }
    s->undefined |= undefined;
    s->at[s->ninsns++] = s->len;
    if (i.attributes & ZYDIS_ATTRIB_ACCEPTS_LOCK && op[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
        pick(r, 2)) {
        s->bytes[s->len++] = 0xf0;
    }
    memcpy(s->bytes + s->len, bytes, len);
    s->len += len;
    s->at[s->ninsns] = s->len;
}

/* Every conditional jump skips the instruction after it, or (the last) nothing; what flags are
 * defined then is not known: only those that were before and after. */
static void aim_jumps(Sequence *s)
{
    for (unsigned n = 0; n < s->ninsns; n++) {
        uint8_t *p = s->bytes + s->at[n];

        if ((*p & 0xf0) == 0x70 && s->at[n + 1] - s->at[n] == 2) {
            p[1] = n + 1 < s->ninsns ? (uint8_t)(s->at[n + 2] - s->at[n + 1]) : 0;
        }
    }
}

static bool is_jump(const Sequence *s, unsigned n)
{
    return (s->bytes[s->at[n]] & 0xf0) == 0x70 && s->at[n + 1] - s->at[n] == 2;
}

static void decoder_init(ZydisDecoder *d, unsigned bits)
{
    if (bits == 64) {
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    } else if (bits == 32) {
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    } else {
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    }
}

void sequence_make(GRand *r, Sequence *s, unsigned bits)
{
    unsigned wanted = 2 + pick(r, SEQUENCE_MAX - 2);
    uint32_t before = 0;
    ZydisDecoder d;

    memset(s, 0, sizeof(*s));
    s->bits = bits;
    decoder_init(&d, bits);
    while (s->ninsns < wanted) {
        unsigned had = s->ninsns;

        append(s, r, &d);
        if (s->ninsns > had && had > 0 && is_jump(s, had - 1)) {
            s->undefined |= before;     /* this one may have been skipped */
        } else if (s->ninsns > had) {
            before = s->undefined;
        }
    }
    aim_jumps(s);
}

char *sequence_text(const Sequence *s)
{
    GString *out = g_string_new(NULL);
    ZydisDecoder d;
    ZydisFormatter f;

    decoder_init(&d, s->bits);
    ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
    for (unsigned n = 0; n < s->ninsns; n++) {
        ZydisDecodedInstruction i;
        ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
        char text[128] = "?";

        if (ZYAN_SUCCESS(
                ZydisDecoderDecodeFull(&d, s->bytes + s->at[n], s->len - s->at[n], &i, op))) {
            ZydisFormatterFormatInstruction(&f, &i, op, i.operand_count_visible, text, sizeof(text),
                                            0, NULL);
        }
        for (unsigned k = s->at[n]; k < s->at[n + 1]; k++) {
            g_string_append_printf(out, "%02x", s->bytes[k]);
        }
        g_string_append_printf(out, "  %s\n", text);
    }
    return g_string_free(out, FALSE);
}
