/* Looks at the instruction at rip once more, after it has faulted: the exception to raise depends
 * on how it addresses memory.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/insn.h"
#include "target/i386/system.h"

bool x86_insn_uses_stack(Cpu *cpu, vaddr_t va)
{
    X86Insn insn;
    bool stack = false;

    if (!x86_in_64(cpu->env) || !x86_insn_at_pc(cpu, &insn)) {
        return false;
    }
    for (unsigned i = 0; i < insn.nref; i++) {
        const X86MemRef *r = &insn.ref[i];

        if (r->stack) {
            stack = true;       /* unless another operand is at the very address */
        } else if (va - r->addr < r->size) {
            return false;
        }
    }
    return stack;
}

unsigned x86_insn_operand_size(Cpu *cpu)
{
    X86Insn insn;
    unsigned size = 0;

    if (!x86_insn_at_pc(cpu, &insn)) {
        return 0;
    }
    for (unsigned i = 0; i < insn.nref; i++) {
        size = MAX(size, insn.ref[i].size);
    }
    return size;
}
