/* Inside insn.h: an instruction as Zydis decodes it, shared by the insn_*.c files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_INSN_INT_H
#define GLASSBOX_TARGET_I386_INSN_INT_H

#include <Zydis/Zydis.h>

#include "target/i386/insn.h"
#include "target/i386/state.h"

typedef struct X86InsnZydis {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
} X86InsnZydis;

/* Fills nref, ref and refs_complete. The rest of out is there. */
void x86_insn_refs(const Cpu *cpu, const X86InsnZydis *z, X86Insn *out);

/* Bits that an address on the stack can have: SS.B, or all in 64-bit mode. */
uint64_t x86_insn_stack_mask(const X86State *s);
/* Linear address of an offset in a segment (R_*), as this mode has it. */
vaddr_t x86_insn_linear(const X86State *s, unsigned seg, uint64_t offset);

#endif
