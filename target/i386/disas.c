/* Disassembles x86 with Zydis, as gdb does by default: in AT&T syntax.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/disas.h"

#include <Zydis/Zydis.h>

#include "target/i386/x86.h"

#define MAX_LENGTH 15

static void decoder_for(const X86State *s, ZydisDecoder *d)
{
    if (s->mode & X86_MODE_CS64) {
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    } else if (s->mode & X86_MODE_CS32) {
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
    } else {
        ZydisDecoderInit(d, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
    }
}

unsigned x86_disas(const Cpu *cpu, vaddr_t pc, const uint8_t *code, size_t len, GString *out)
{
    ZydisDecoder decoder;
    ZydisFormatter formatter;
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char text[128];

    decoder_for(x86_state(cpu), &decoder);
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(&decoder, code, MIN(len, MAX_LENGTH), &insn, operands))) {
        g_string_append(out, "(bad)");
        return 0;
    }
    ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT);
    if (!ZYAN_SUCCESS(ZydisFormatterFormatInstruction(&formatter, &insn, operands,
                                                      insn.operand_count_visible, text,
                                                      sizeof(text), pc, NULL))) {
        g_string_append(out, "(bad)");
        return 0;
    }
    g_string_append(out, text);
    return insn.length;
}

/* CALL, INT n, SYSCALL, SYSENTER, and string instructions with a REP prefix. */
static bool passed_over(const ZydisDecodedInstruction *insn)
{
    return insn->meta.category == ZYDIS_CATEGORY_CALL ||
           insn->meta.category == ZYDIS_CATEGORY_INTERRUPT ||
           insn->meta.category == ZYDIS_CATEGORY_SYSCALL ||
           (insn->attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE |
                                ZYDIS_ATTRIB_HAS_REPNE));
}

unsigned x86_call_length(const Cpu *cpu, const uint8_t *code, size_t len)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction insn;

    decoder_for(x86_state(cpu), &decoder);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(&decoder, NULL, code, MIN(len, MAX_LENGTH),
                                                    &insn))) {
        return 0;
    }
    return passed_over(&insn) ? insn.length : 0;
}
