/* What debuggers ask of the code that a CPU runs: which registers it has, where a
 * kernel's code lies.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/code.h"

#include "target/i386/gate.h"
#include "target/i386/regs.h"
#include "target/i386/x86.h"

const RegSet *x86_code_regs(const Cpu *cpu)
{
    const X86State *s = cpu->env;

    return x86_in_64(s) ? &x86_regs_64 : s->mode & X86_MODE_CS32 ? &x86_regs_32 : NULL;
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
        if (x86_gate_target(cpu, vectors[i], &out[n]) && out[n]) {
            n++;
        }
    }
    return n;
}
