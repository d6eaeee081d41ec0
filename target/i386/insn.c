/* One instruction at the CPU's pc: its kind and length. Its memory is in insn_refs.c.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/insn.h"

#include "target/i386/insn_int.h"
#include "target/i386/mmu.h"
#include "target/i386/x86.h"

#define MAX_LENGTH 15

/* Bounds and CLDEMOTE off: their encodings are NOPs on processors without them, and touch no memory. */
static bool decode(const X86State *s, const uint8_t *code, size_t len, X86InsnZydis *z)
{
    ZydisStackWidth stack = s->mode & X86_MODE_SS32 ? ZYDIS_STACK_WIDTH_32 : ZYDIS_STACK_WIDTH_16;
    ZydisDecoder d;

    if (x86_in_64(s)) {
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    } else if (s->mode & X86_MODE_CS32) {
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LEGACY_32, stack);
    } else {
        ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LEGACY_16, stack);
    }
    ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(&d, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
    return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&d, code, MIN(len, MAX_LENGTH), &z->insn, z->op));
}

/* Is the instruction's first operand, which it changes, the stack segment register? */
static bool loads_ss(const X86InsnZydis *z)
{
    return z->op[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
           z->op[0].reg.value == ZYDIS_REGISTER_SS;
}

static bool is_reg_of(const ZydisDecodedOperand *o, ZydisRegisterClass class)
{
    return o->type == ZYDIS_OPERAND_TYPE_REGISTER && ZydisRegisterGetClass(o->reg.value) == class;
}

static X86InsnKind mov_kind(const X86InsnZydis *z, X86Insn *out)
{
    unsigned dr = is_reg_of(&z->op[0], ZYDIS_REGCLASS_DEBUG) ? 0 : 1;

    if (is_reg_of(&z->op[0], ZYDIS_REGCLASS_CONTROL) || is_reg_of(&z->op[1], ZYDIS_REGCLASS_CONTROL)) {
        return X86_INSN_SYSTEM;
    }
    if (!is_reg_of(&z->op[dr], ZYDIS_REGCLASS_DEBUG)) {
        return loads_ss(z) ? X86_INSN_LOAD_SS : X86_INSN_PLAIN;
    }
    out->dr = (uint8_t)ZydisRegisterGetId(z->op[dr].reg.value);
    out->gpr = (uint8_t)ZydisRegisterGetId(z->op[!dr].reg.value);
    out->dr_write = dr == 0;
    return X86_INSN_MOV_DR;
}

static X86InsnKind vectored(X86Insn *out, X86InsnKind kind, uint64_t vector)
{
    out->vector = (uint8_t)vector;
    return kind;
}

static bool is_system(ZydisMnemonic mnemonic)
{
    switch (mnemonic) {
    case ZYDIS_MNEMONIC_CPUID: case ZYDIS_MNEMONIC_RDMSR: case ZYDIS_MNEMONIC_WRMSR:
    case ZYDIS_MNEMONIC_RDPMC: case ZYDIS_MNEMONIC_XSETBV:
    case ZYDIS_MNEMONIC_CLTS: case ZYDIS_MNEMONIC_LMSW: case ZYDIS_MNEMONIC_SMSW:
    case ZYDIS_MNEMONIC_INVD: case ZYDIS_MNEMONIC_WBINVD:
    case ZYDIS_MNEMONIC_INVLPG: case ZYDIS_MNEMONIC_INVPCID:
    case ZYDIS_MNEMONIC_MONITOR: case ZYDIS_MNEMONIC_MWAIT:
    case ZYDIS_MNEMONIC_VMCALL: case ZYDIS_MNEMONIC_VMMCALL:
        return true;
    default:
        return false;
    }
}

static X86InsnKind kind_of(const X86InsnZydis *z, X86Insn *out)
{
    switch (z->insn.mnemonic) {
    case ZYDIS_MNEMONIC_PUSHF: case ZYDIS_MNEMONIC_PUSHFD: case ZYDIS_MNEMONIC_PUSHFQ:
        return X86_INSN_PUSHF;
    case ZYDIS_MNEMONIC_POPF: case ZYDIS_MNEMONIC_POPFD: case ZYDIS_MNEMONIC_POPFQ:
        return X86_INSN_POPF;
    case ZYDIS_MNEMONIC_IRET: case ZYDIS_MNEMONIC_IRETD: case ZYDIS_MNEMONIC_IRETQ:
        return X86_INSN_IRET;
    case ZYDIS_MNEMONIC_INT: return vectored(out, X86_INSN_INT, z->op[0].imm.value.u);
    case ZYDIS_MNEMONIC_INT3: return vectored(out, X86_INSN_INT3, X86_EXC_BP);
    case ZYDIS_MNEMONIC_INTO: return vectored(out, X86_INSN_INTO, X86_EXC_OF);
    case ZYDIS_MNEMONIC_INT1: return vectored(out, X86_INSN_ICEBP, X86_EXC_DB);
    case ZYDIS_MNEMONIC_SYSCALL: return X86_INSN_SYSCALL;
    case ZYDIS_MNEMONIC_SYSRET: return X86_INSN_SYSRET;
    case ZYDIS_MNEMONIC_SYSENTER: return X86_INSN_SYSENTER;
    case ZYDIS_MNEMONIC_SYSEXIT: return X86_INSN_SYSEXIT;
    case ZYDIS_MNEMONIC_STI: return X86_INSN_STI;
    case ZYDIS_MNEMONIC_CLI: return X86_INSN_CLI;
    case ZYDIS_MNEMONIC_HLT: return X86_INSN_HLT;
    case ZYDIS_MNEMONIC_POP: return loads_ss(z) ? X86_INSN_LOAD_SS : X86_INSN_PLAIN;
    case ZYDIS_MNEMONIC_MOV: return mov_kind(z, out);
    default: break;
    }
    if (z->insn.meta.category == ZYDIS_CATEGORY_IO || z->insn.meta.category == ZYDIS_CATEGORY_IOSTRINGOP) {
        return X86_INSN_IO;
    }
    if (is_system(z->insn.mnemonic)) {
        return X86_INSN_SYSTEM;
    }
    return z->insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ? X86_INSN_FAR : X86_INSN_PLAIN;
}

bool x86_insn_decode(const Cpu *cpu, const uint8_t *code, size_t len, X86Insn *out)
{
    const X86State *s = x86_state(cpu);
    X86InsnZydis z;

    if (!decode(s, code, len, &z)) {
        return false;
    }
    *out = (X86Insn){ .len = z.insn.length, .op_size = (uint8_t)(z.insn.operand_width / 8) };
    out->rep = z.insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE);
    out->next = x86_in_64(s) ? s->rip + out->len
                             : x86_insn_linear(s, R_CS, (uint32_t)(s->rip + out->len));
    out->kind = kind_of(&z, out);
    x86_insn_refs(cpu, &z, out);
    return true;
}

bool x86_insn_at_pc(const Cpu *cpu, X86Insn *out)
{
    uint8_t code[MAX_LENGTH];
    unsigned n = x86_peek(cpu, cpu_pc(cpu), code, sizeof(code));

    return x86_insn_decode(cpu, code, n, out);
}
