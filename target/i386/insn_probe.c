/* Looks at the instruction at rip once more, after it has faulted: the exception to raise depends
 * on how it addresses memory.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <Zydis/Zydis.h>

#include "target/i386/mmu.h"
#include "target/i386/system.h"

typedef struct Probe {
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
} Probe;

static bool probe(const Cpu *cpu, Probe *p)
{
    const X86State *s = cpu->env;
    uint8_t code[15];
    ZydisDecoder d;
    unsigned n = x86_peek(cpu, cpu_pc(cpu), code, sizeof(code));

    if (x86_in_64(s)) {
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    } else if (s->mode & X86_MODE_CS32) {
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_COMPAT_32, ZYDIS_STACK_WIDTH_32);
    } else {
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_COMPAT_16, ZYDIS_STACK_WIDTH_16);
    }
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, n, &p->insn, p->op));
}

static uint64_t gpr_value(const X86State *s, ZydisRegister r, uint64_t next)
{
    if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP) {
        return next;
    }
    if (ZydisRegisterGetClass(r) == ZYDIS_REGCLASS_GPR64) {
        return s->gpr[ZydisRegisterGetId(r)];
    }
    if (ZydisRegisterGetClass(r) == ZYDIS_REGCLASS_GPR32) {
        return (uint32_t)s->gpr[ZydisRegisterGetId(r)];
    }
    return 0;
}

/* Linear address of a memory operand in 64-bit mode. */
static uint64_t operand_address(const X86State *s, const Probe *p, const ZydisDecodedOperand *o)
{
    uint64_t next = s->rip + p->insn.length;
    uint64_t a = gpr_value(s, o->mem.base, next) + gpr_value(s, o->mem.index, next) * o->mem.scale;

    if (o->mem.disp.has_displacement) {
        a += (uint64_t)o->mem.disp.value;
    }
    if (p->insn.address_width == 32) {
        a = (uint32_t)a;
    }
    if (o->mem.segment == ZYDIS_REGISTER_FS) {
        a += s->seg[R_FS].base;
    } else if (o->mem.segment == ZYDIS_REGISTER_GS) {
        a += s->seg[R_GS].base;
    }
    return a;
}

bool x86_insn_uses_stack(Cpu *cpu, vaddr_t va)
{
    const X86State *s = cpu->env;
    Probe p;
    bool stack = false;

    if (!x86_in_64(s) || !probe(cpu, &p)) {
        return false;
    }
    for (unsigned i = 0; i < p.insn.operand_count; i++) {
        const ZydisDecodedOperand *o = &p.op[i];

        if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->mem.type == ZYDIS_MEMOP_TYPE_AGEN) {
            continue;
        }
        if (o->mem.segment == ZYDIS_REGISTER_SS) {
            stack = true;       /* unless another operand is at the very address */
        } else if (va - operand_address(s, &p, o) < MAX(o->size / 8u, 1u)) {
            return false;
        }
    }
    return stack;
}

unsigned x86_insn_operand_size(Cpu *cpu)
{
    Probe p;
    unsigned size = 0;

    if (!probe(cpu, &p)) {
        return 0;
    }
    for (unsigned i = 0; i < p.insn.operand_count; i++) {
        if (p.op[i].type == ZYDIS_OPERAND_TYPE_MEMORY) {
            size = MAX(size, p.op[i].size / 8u);
        }
    }
    return size;
}
