/* Where instructions lead that enter or leave a system.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/flags.h"
#include "target/i386/gate.h"
#include "target/i386/insn_int.h"
#include "target/i386/mmu.h"
#include "target/i386/x86.h"
#include "util/bytes.h"

static bool at(vaddr_t *linear, vaddr_t where)
{
    *linear = where;
    return true;
}

static bool in_long_mode(const X86State *s)
{
    return s->efer & X86_EFER_LMA;
}

static bool syscall_target(const X86State *s, vaddr_t *linear)
{
    if (!(s->efer & X86_EFER_SCE) || !(s->mode & X86_MODE_PE)) {
        return false;
    }
    return at(linear, x86_in_64(s) ? s->lstar : in_long_mode(s) ? s->cstar : (uint32_t)s->star);
}

static bool sysenter_target(const X86State *s, vaddr_t *linear)
{
    if (!(s->mode & X86_MODE_PE) || !(s->sysenter_cs & 0xfffc)) {
        return false;
    }
    return at(linear, in_long_mode(s) ? s->sysenter_eip : (uint32_t)s->sysenter_eip);
}

/* SYSRET and SYSEXIT: to rcx or rdx, in 64-bit mode by the operand size. */
static bool sys_return(const X86State *s, const X86Insn *insn, unsigned reg, vaddr_t *linear)
{
    uint64_t to = s->gpr[reg];

    if (!x86_in_prot(s) || x86_cpl(s) != 0) {
        return false;
    }
    if (insn->op_size < 8) {
        return at(linear, (uint32_t)to);
    }
    return x86_canonical(to) && at(linear, to);
}

/* An element of the frame that IRET pops. */
static bool frame(const Cpu *cpu, const X86Insn *insn, unsigned i, uint64_t *v)
{
    const X86State *s = x86_state(cpu);
    uint64_t offset = (s->gpr[R_RSP] + i * insn->op_size) & x86_insn_stack_mask(s);
    uint8_t raw[8];

    if (x86_peek(cpu, x86_insn_linear(s, R_SS, offset), raw, insn->op_size) < insn->op_size) {
        return false;
    }
    *v = load_le(raw, insn->op_size);
    return true;
}

static bool iret_target(const Cpu *cpu, const X86Insn *insn, vaddr_t *linear)
{
    const X86State *s = x86_state(cpu);
    uint64_t ip, cs, flags;
    vaddr_t base;

    if (!frame(cpu, insn, 0, &ip) || !frame(cpu, insn, 1, &cs) || !frame(cpu, insn, 2, &flags)) {
        return false;
    }
    cs &= 0xffff;
    if (!x86_in_prot(s)) {
        return at(linear, ((cs << 4) + ip) & 0xffffffffu);
    }
    if (s->eflags & X86_NT) {
        return false;
    }
    if (!in_long_mode(s) && (flags & X86_VM) && x86_cpl(s) == 0) {
        return at(linear, (cs << 4) + (ip & 0xffff));
    }
    if (!x86_code_base(cpu, (uint32_t)cs, &base)) {
        return false;
    }
    if (!in_long_mode(s) || base) {
        return at(linear, (base + ip) & 0xffffffffu);
    }
    return x86_canonical(ip) && at(linear, ip);
}

static bool into_target(const Cpu *cpu, const X86Insn *insn, vaddr_t *linear)
{
    if (!(x86_flags_compute(x86_state(cpu)) & X86_OF)) {
        return at(linear, insn->next);
    }
    return x86_gate_target(cpu, insn->vector, linear);
}

bool x86_insn_target(const Cpu *cpu, const X86Insn *insn, vaddr_t *linear)
{
    const X86State *s = x86_state(cpu);

    switch (insn->kind) {
    case X86_INSN_SYSCALL: return syscall_target(s, linear);
    case X86_INSN_SYSENTER: return sysenter_target(s, linear);
    case X86_INSN_SYSRET: return (s->efer & X86_EFER_SCE) && sys_return(s, insn, R_RCX, linear);
    case X86_INSN_SYSEXIT: return (s->sysenter_cs & 0xfffc) && sys_return(s, insn, R_RDX, linear);
    case X86_INSN_IRET: return iret_target(cpu, insn, linear);
    case X86_INSN_INTO: return into_target(cpu, insn, linear);
    case X86_INSN_INT: case X86_INSN_INT3: case X86_INSN_ICEBP:
        return x86_gate_target(cpu, insn->vector, linear);
    default: return false;
    }
}
