/* Debug core: one instruction of a guest, disassembled in its CPU's mode.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/debug.h"

#include "debug/debug_int.h"

typedef struct Disas {
    vaddr_t at;
    size_t have;
    DebugInsn *insn;
    GString *text;
} Disas;

static void disas_on_cpu(Cpu *cpu, void *data)
{
    Disas *d = data;
    unsigned used;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    used = cpu->class->disas ? cpu->class->disas(cpu, d->at, d->insn->code, d->have, d->text) : 0;
    d->insn->valid = used != 0;
    d->insn->len = used ? used : MIN(cpu->class->insn_min, d->have);
}

bool debug_disassemble(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, DebugInsn *insn,
                       GString *text)
{
    gsize start = text->len;
    Disas a = { .at = at, .insn = insn, .text = text };

    a.have = debug_read_some(d, cpu, kind, at, insn->code,
                             MIN(sizeof(insn->code), d->vm->cpus[cpu]->class->insn_max));
    if (!a.have) {
        return false;
    }
    debug_on_cpu(d, cpu, disas_on_cpu, &a);
    if (!insn->valid) {
        g_string_truncate(text, start);
    }
    return true;
}
