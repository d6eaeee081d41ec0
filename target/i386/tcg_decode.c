/* Decodes x86 instructions with Zydis and finds their rows in the instruction tables.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_insn.h"

#define MAX_LENGTH 15

/* Made once by decoder_tables(), constant afterwards. */
typedef struct DecoderTables {
    ZydisDecoder decoder[3];    /* 16, 32, 64 bits */
    uint16_t row[2][ZYDIS_MNEMONIC_MAX_VALUE + 1];     /* of both tables: first row's number + 1 */
} DecoderTables;

static const X86InsnRow *const row_table[2] = { x86_insn_table, x86_insn_table_fp };

static void index_rows(uint16_t *first, const X86InsnRow *rows)
{
    for (unsigned n = 0; rows[n].translate; n++) {
        bool goes_on = n > 0 && rows[n].mnemonic == rows[n - 1].mnemonic;

        g_assert(goes_on || !first[rows[n].mnemonic]);
        if (!goes_on) {
            first[rows[n].mnemonic] = (uint16_t)(n + 1);
        }
    }
}

/* Bounds, CET's and LZCNT's encodings have a meaning of their own only where CPUID says so: what
 * is not offered decodes as the reserved NOP or older instruction that it is there. LZCNT and
 * TZCNT decide by themselves. */
static void decoder_init(ZydisDecoder *d, ZydisMachineMode mode, ZydisStackWidth width)
{
    static const uint8_t off[] = { ZYDIS_DECODER_MODE_MPX, ZYDIS_DECODER_MODE_CET,
                                   ZYDIS_DECODER_MODE_CLDEMOTE };

    ZydisDecoderInit(d, mode, width);
    for (unsigned n = 0; n < G_N_ELEMENTS(off); n++) {
        ZydisDecoderEnableMode(d, (ZydisDecoderMode)off[n], ZYAN_FALSE);
    }
}

static gpointer make_tables(gpointer unused)
{
    DecoderTables *t = g_new0(DecoderTables, 1);

    decoder_init(&t->decoder[0], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    decoder_init(&t->decoder[1], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    decoder_init(&t->decoder[2], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    for (unsigned n = 0; n < 2; n++) {
        index_rows(t->row[n], row_table[n]);
    }
    return t;
}

static const DecoderTables *decoder_tables(void)
{
    static GOnce once = G_ONCE_INIT;

    return g_once(&once, make_tables, NULL);
}

static const X86InsnRow *find_row(const DecoderTables *tables, const ZydisDecodedInstruction *insn)
{
    for (unsigned n = 0; n < 2; n++) {
        unsigned first = tables->row[n][insn->mnemonic];

        if (!first) {
            continue;
        }
        for (const X86InsnRow *r = &row_table[n][first - 1]; r->mnemonic == insn->mnemonic; r++) {
            if (!r->isa || r->isa == insn->meta.isa_set) {
                return r;
            }
        }
    }
    return NULL;
}

/* The last of F2 and F3 counts, whatever Zydis makes of it. */
static void read_prefixes(X86Tr *tr)
{
    tr->rep = 0;
    tr->lock = false;
    for (unsigned n = 0; n < tr->insn.raw.prefix_count; n++) {
        uint8_t v = tr->insn.raw.prefixes[n].value;

        if (v == 0xf2 || v == 0xf3) {
            tr->rep = v;
        } else if (v == 0xf0) {
            tr->lock = true;
        }
    }
}

static X86DecodeResult failure(ZyanStatus status)
{
    switch (status) {
    case ZYDIS_STATUS_NO_MORE_DATA:
        return X86_DECODE_SHORT;
    case ZYDIS_STATUS_INSTRUCTION_TOO_LONG:
        return X86_DECODE_LONG;
    default:
        return X86_DECODE_BAD;
    }
}

X86DecodeResult x86_decode(X86Tr *tr)
{
    const DecoderTables *tables = decoder_tables();
    const ZydisDecoder *d = &tables->decoder[tr->code64 ? 2 : tr->mode & X86_MODE_CS32 ? 1 : 0];
    unsigned avail = MIN(tr->t->nbytes, MAX_LENGTH);
    ZydisDecoderContext ctx;
    ZyanStatus status;

    tr->row = NULL;
    status = ZydisDecoderDecodeInstruction(d, &ctx, tr->t->bytes, avail, &tr->insn);
    if (!ZYAN_SUCCESS(status)) {
        return failure(status);
    }
    status = ZydisDecoderDecodeOperands(d, &ctx, &tr->insn, tr->op, tr->insn.operand_count_visible);
    if (!ZYAN_SUCCESS(status)) {
        return X86_DECODE_BAD;
    }
    read_prefixes(tr);
    tr->opsize = (uint8_t)(tr->insn.operand_width / 8);
    tr->adsize = (uint8_t)(tr->insn.address_width / 8);
    tr->next = x86tr_wrap(tr, tr->pc + tr->insn.length);
    tr->row = find_row(tables, &tr->insn);
    return X86_DECODE_OK;
}
