/* Gates of the IDT and the code segments behind them, as a debugger reads them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/gate.h"

#include "target/i386/mmu.h"
#include "target/i386/x86.h"
#include "util/bytes.h"

/* Types of gates (SDM vol. 3, table 3-2). */
enum { INT_GATE_16 = 6, TRAP_GATE_16 = 7, INT_GATE = 14, TRAP_GATE = 15 };

static bool read_table(const Cpu *cpu, vaddr_t at, void *buf, unsigned size)
{
    return x86_peek(cpu, at, buf, size) == size;
}

bool x86_gate_address(const Cpu *cpu, unsigned vector, vaddr_t *linear, unsigned *size)
{
    const X86State *s = x86_state(cpu);
    bool long_mode = s->efer & X86_EFER_LMA;
    uint64_t at;

    *size = x86_in_real(s) ? 4 : long_mode ? 16 : 8;
    at = s->idt.base + (uint64_t)vector * *size;
    *linear = long_mode ? at : at & 0xffffffffu;
    return vector < 256 && vector * *size + *size - 1 <= s->idt.limit;
}

bool x86_code_base(const Cpu *cpu, uint32_t sel, vaddr_t *base)
{
    const X86State *s = x86_state(cpu);
    const X86Seg *table = sel & 4 ? &s->ldt : &s->gdt;
    uint64_t at = table->base + (sel & 0xfff8);
    uint8_t d[8];

    if (!(sel & 0xfffc) || (sel | 7u) > table->limit ||
        ((sel & 4) && !(table->flags & X86_SEG_P))) {
        return false;
    }
    if (!read_table(cpu, s->efer & X86_EFER_LMA ? at : at & 0xffffffffu, d, sizeof(d))) {
        return false;
    }
    uint32_t hi = load_le32(d + 4), need = X86_SEG_P | X86_SEG_S | X86_SEG_CODE;
    bool flat = (s->efer & X86_EFER_LMA) && (hi & X86_SEG_L);

    *base = flat ? 0 : load_le16(d + 2) | (hi & 0xff) << 16 | (hi & 0xff000000u);
    return (hi & need) == need;
}

static bool real_target(const Cpu *cpu, vaddr_t at, vaddr_t *linear)
{
    uint8_t entry[4];

    if (!read_table(cpu, at, entry, sizeof(entry))) {
        return false;
    }
    *linear = load_le16(entry) + ((vaddr_t)load_le16(entry + 2) << 4);
    return true;
}

static bool long_target(const uint8_t *gate, unsigned type, vaddr_t *linear)
{
    *linear = load_le16(gate) | (vaddr_t)load_le16(gate + 6) << 16 | (vaddr_t)load_le32(gate + 8) << 32;
    return type == INT_GATE || type == TRAP_GATE;
}

static bool legacy_target(const uint8_t *gate, unsigned type, vaddr_t *linear)
{
    bool wide = type == INT_GATE || type == TRAP_GATE;

    *linear = load_le16(gate) | (wide ? (vaddr_t)load_le16(gate + 6) << 16 : 0);
    return wide || type == INT_GATE_16 || type == TRAP_GATE_16;
}

bool x86_gate_target(const Cpu *cpu, unsigned vector, vaddr_t *linear)
{
    const X86State *s = x86_state(cpu);
    bool long_mode = s->efer & X86_EFER_LMA;
    uint8_t gate[16];
    vaddr_t at, base;
    unsigned size;

    if (!x86_gate_address(cpu, vector, &at, &size)) {
        return false;
    }
    if (x86_in_real(s)) {
        return real_target(cpu, at, linear);
    }
    /* Type with the S bit, which gates have clear; then P. */
    if (!read_table(cpu, at, gate, size) || !(gate[5] & 0x80) ||
        !(long_mode ? long_target(gate, gate[5] & 31, linear) : legacy_target(gate, gate[5] & 31, linear)) ||
        !x86_code_base(cpu, load_le16(gate + 2), &base)) {
        return false;
    }
    *linear += base;
    if (!long_mode) {
        *linear &= 0xffffffffu;
    }
    return true;
}
