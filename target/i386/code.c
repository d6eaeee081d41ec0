/* What debuggers ask of the code that a CPU runs: which registers it has, where a
 * kernel's code lies.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/code.h"

#include "target/i386/mmu.h"
#include "target/i386/regs.h"
#include "target/i386/x86.h"
#include "util/bytes.h"

#define GATE_BYTES 16u

const RegSet *x86_code_regs(const Cpu *cpu)
{
    const X86State *s = cpu->env;

    return x86_in_64(s) ? &x86_regs_64 : s->mode & X86_MODE_CS32 ? &x86_regs_32 : NULL;
}

/* The handler that a gate of the 64-bit IDT names; 0: none. */
static vaddr_t handler(const Cpu *cpu, unsigned vector)
{
    const X86State *s = cpu->env;
    uint8_t gate[GATE_BYTES];

    if (GATE_BYTES * vector + GATE_BYTES - 1 > s->idt.limit ||
        x86_peek(cpu, s->idt.base + GATE_BYTES * vector, gate, sizeof(gate)) < sizeof(gate) ||
        !(gate[5] & 0x80)) {
        return 0;
    }
    return load_le16(gate) | (vaddr_t)load_le16(gate + 6) << 16 |
           (vaddr_t)load_le32(gate + 8) << 32;
}

unsigned x86_code_entries(const Cpu *cpu, vaddr_t *out, unsigned max)
{
    static const uint8_t vectors[] = { 14, 0, 13, 3, 2 };
    const X86State *s = cpu->env;
    unsigned n = 0;

    if (!(s->efer & X86_EFER_LMA)) {
        return 0;
    }
    if (n < max && (s->efer & X86_EFER_SCE) && s->lstar) {
        out[n++] = s->lstar;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(vectors) && n < max; i++) {
        vaddr_t at = handler(cpu, vectors[i]);

        if (at) {
            out[n++] = at;
        }
    }
    return n;
}
