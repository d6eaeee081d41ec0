/* Control registers, flags and interrupts for translated code.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/frontend.h"
#include "target/i386/cpuid.h"
#include "target/i386/event.h"
#include "target/i386/flags.h"
#include "target/i386/helper.h"
#include "target/i386/lapic.h"
#include "target/i386/seg_int.h"
#include "target/i386/system.h"
#include "vm/vm.h"

/* PAUSE instructions after which the host's core is given to others. */
#define PAUSE_YIELD 256

static void need_cpl0(Cpu *cpu)
{
    if (x86_cpl(cpu->env) != 0) {
        x86_raise_gp0(cpu);
    }
}

void x86_tcg_flush(Cpu *cpu, X86Flush what)
{
    if (what != X86_FLUSH_NONE) {
        tcg_tlb_flush(cpu, what == X86_FLUSH_LOCAL);
    }
}

/* ---- control registers ---- */

uint64_t x86_helper_read_cr(void *env, uint64_t n)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);

    need_cpl0(cpu);
    switch (n) {
    case 0:
        return s->cr0;
    case 2:
        return s->cr2;
    case 3:
        return s->cr3;
    case 4:
        return s->cr4;
    case 8:
        return x86_lapic_cr8(s->lapic);
    default:
        x86_raise(cpu, X86_EXC_UD);
    }
}

/* Puts a value into CR0, CR3 or CR4; false: it is not legal. */
static bool cr_put(Cpu *cpu, unsigned n, uint64_t v)
{
    static const struct {
        const char *(*refuse)(const X86State *s, uint64_t v);
        bool (*put)(Cpu *cpu, uint64_t v, X86Flush *flush);
    } row[5] = {
        [0] = { x86_cr0_refuse, x86_cr0_put },
        [3] = { x86_cr3_refuse, x86_cr3_put },
        [4] = { x86_cr4_refuse, x86_cr4_put },
    };
    X86Flush flush = X86_FLUSH_NONE;

    if (row[n].refuse(cpu->env, v) || !row[n].put(cpu, v, &flush)) {
        return false;
    }
    x86_tcg_flush(cpu, flush);
    return true;
}

uint64_t x86_helper_write_cr(void *env, uint64_t n, uint64_t value)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    bool de = s->cr4 & X86_CR4_DE;

    if (n != 0 && n != 2 && n != 3 && n != 4 && n != 8) {
        x86_raise(cpu, X86_EXC_UD);
    }
    need_cpl0(cpu);
    x86_event_cr(cpu, (unsigned)n, value);
    if (n == 2) {
        s->cr2 = value;
        return 0;
    }
    if (n == 8) {
        if (value >> 4) {
            x86_raise_gp0(cpu);
        }
        x86_lapic_set_cr8(s->lapic, (unsigned)value);
        return 0;
    }
    if (!cr_put(cpu, (unsigned)n, value)) {
        x86_raise_gp0(cpu);
    }
    if (de != !!(s->cr4 & X86_CR4_DE)) {
        x86_debug_arm(cpu);
    }
    return 0;
}

uint64_t x86_helper_clts(void *env)
{
    X86State *s = env;

    need_cpl0(cpu_from_env(env));
    x86_event_cr(cpu_from_env(env), 0, s->cr0 & ~(uint64_t)X86_CR0_TS);
    s->cr0 &= ~(uint64_t)X86_CR0_TS;
    x86_mode_update(s);
    return 0;
}

uint64_t x86_helper_lmsw(void *env, uint64_t value)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint64_t v = (s->cr0 & ~UINT64_C(0xe)) | (value & 0xf);     /* PE can be set, not cleared */

    v |= s->cr0 & X86_CR0_PE;
    need_cpl0(cpu);
    x86_event_cr(cpu, 0, v);
    if (!cr_put(cpu, 0, v)) {
        x86_raise_gp0(cpu);
    }
    return 0;
}

uint64_t x86_helper_smsw(void *env)
{
    X86State *s = env;

    if ((s->cr4 & X86_CR4_UMIP) && x86_cpl(s) != 0) {
        x86_raise_gp0(cpu_from_env(env));
    }
    return s->cr0;
}

uint64_t x86_helper_invlpg(void *env, uint64_t addr)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);

    need_cpl0(cpu);
    if (!(s->efer & X86_EFER_LMA)) {
        addr = (uint32_t)addr;
    }
    tcg_tlb_flush_page(cpu, addr);
    return 0;
}

uint64_t x86_helper_invpcid(void *env, uint64_t type, uint64_t addr)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    unsigned mmu = x86_mmu(s->mode);

    if (!x86_has(s, X86_F_INVPCID)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    need_cpl0(cpu);
    uint64_t pcid = tcg_load(cpu, addr, MO_64, mmu), linear = tcg_load(cpu, addr + 8, MO_64, mmu);
    bool bad_pcid = pcid >> 12 || (pcid && !(s->cr4 & X86_CR4_PCIDE));

    if (type > 3 || (type < 2 && bad_pcid) || (type == 0 && !x86_canonical(linear))) {
        x86_raise_gp0(cpu);
    }
    /* The TLB holds the present PCID's entries only. */
    if (type == 0 && pcid == (s->cr4 & X86_CR4_PCIDE ? s->cr3 & 0xfff : 0)) {
        tcg_tlb_flush_page(cpu, linear);
    } else if (type > 0) {
        tcg_tlb_flush(cpu, type != 2);
    }
    return 0;
}

uint64_t x86_helper_wbinvd(void *env)
{
    need_cpl0(cpu_from_env(env));
    return 0;
}

static void ac_put(Cpu *cpu, uint64_t value)
{
    X86State *s = cpu->env;

    if (x86_cpl(s) != 0 || !x86_has(s, X86_F_SMAP)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    s->eflags = (s->eflags & ~X86_AC) | (uint32_t)value;
    x86_mode_update(s);
}

uint64_t x86_helper_clac(void *env)
{
    ac_put(cpu_from_env(env), 0);
    return 0;
}

uint64_t x86_helper_stac(void *env)
{
    ac_put(cpu_from_env(env), X86_AC);
    return 0;
}

uint64_t x86_helper_xgetbv(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);

    if (!(s->cr4 & X86_CR4_OSXSAVE)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    if ((uint32_t)s->gpr[R_RCX] != 0) {
        x86_raise_gp0(cpu);
    }
    s->gpr[R_RAX] = (uint32_t)s->xcr0;
    s->gpr[R_RDX] = s->xcr0 >> 32;
    return 0;
}

uint64_t x86_helper_xsetbv(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint64_t v = (uint32_t)s->gpr[R_RAX] | s->gpr[R_RDX] << 32;

    if (!(s->cr4 & X86_CR4_OSXSAVE)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    need_cpl0(cpu);
    if ((uint32_t)s->gpr[R_RCX] != 0 || !(v & 1) || (v & ~x86_xcr0_mask(s)) ||
        ((v & 4) && !(v & 2))) {
        x86_raise_gp0(cpu);
    }
    s->xcr0 = v;
    x86_mode_update(s);
    return 0;
}

uint64_t x86_helper_cpuid(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    X86Cpuid r = x86_cpuid(s, cpu->index, cpu->vm->ncpus, (uint32_t)s->gpr[R_RAX],
                           (uint32_t)s->gpr[R_RCX]);

    s->gpr[R_RAX] = r.eax;
    s->gpr[R_RBX] = r.ebx;
    s->gpr[R_RCX] = r.ecx;
    s->gpr[R_RDX] = r.edx;
    return 0;
}

/* ---- flags ---- */

/* CLI and STI where IOPL forbids them: virtual interrupts of VM86 and PVI, else #GP. True if
 * VIF stands for IF. */
static bool use_vif(Cpu *cpu)
{
    X86State *s = cpu->env;
    unsigned iopl = (s->eflags & X86_IOPL) >> 12;

    if (x86_in_real(s) || x86_cpl(s) <= iopl) {
        return false;
    }
    bool vme = x86_in_vm86(s) && (s->cr4 & X86_CR4_VME);
    bool pvi = x86_in_prot(s) && (s->cr4 & X86_CR4_PVI) && x86_cpl(s) == 3;
    if (!vme && !pvi) {
        x86_raise_gp0(cpu);
    }
    return true;
}

uint64_t x86_helper_cli(void *env)
{
    X86State *s = env;

    s->eflags &= use_vif(cpu_from_env(env)) ? ~X86_VIF : ~X86_IF;
    return 0;
}

uint64_t x86_helper_sti(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);

    if (use_vif(cpu)) {
        if (s->eflags & X86_VIP) {
            x86_raise_gp0(cpu);
        }
        s->eflags |= X86_VIF;
        return 0;
    }
    if (!(s->eflags & X86_IF)) {
        s->eflags |= X86_IF;
        s->mode |= X86_MODE_SHADOW;
        x86_irq_recheck(cpu);
    }
    return 0;
}

uint64_t x86_helper_pushf(void *env, uint64_t size)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint64_t flags = x86_eflags_get(s) & ~(uint64_t)(X86_RF | X86_VM);

    if (x86_in_vm86(s) && (s->eflags & X86_IOPL) != X86_IOPL) {
        if (!(s->cr4 & X86_CR4_VME) || size != 2) {
            x86_raise_gp0(cpu);
        }
        flags = (flags & ~(uint64_t)X86_IF) | X86_IOPL | (flags & X86_VIF ? X86_IF : 0);
    }
    return flags;
}

uint64_t x86_helper_popf(void *env, uint64_t value, uint64_t size)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t mask = flags_mask(s, x86_cpl(s), (unsigned)size);

    if (x86_in_vm86(s) && (s->eflags & X86_IOPL) != X86_IOPL) {
        if (!(s->cr4 & X86_CR4_VME) || size != 2 || (value & X86_TF) ||
            ((value & X86_IF) && (s->eflags & X86_VIP))) {
            x86_raise_gp0(cpu);
        }
        value = (value & ~(uint64_t)X86_VIF) | (value & X86_IF ? X86_VIF : 0);
        mask = (mask & ~(X86_IF | X86_IOPL)) | X86_VIF;
    }
    if (size > 2) {
        mask |= X86_RF;         /* POPF clears it */
        value &= ~(uint64_t)X86_RF;
    }
    flags_put(cpu, value, mask);
    return 0;
}

uint64_t x86_helper_hlt(void *env, uint64_t next)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t mode = s->mode;

    need_cpl0(cpu);
    s->rip = next;
    x86_helper_insn_end(env, mode);     /* a single-step trap comes instead of the sleep */
    atomic_put(&cpu->power, (uint32_t)CPU_POWER_HALTED);
    x86_irq_recheck(cpu);
    return 0;
}

uint64_t x86_helper_pause(void *env)
{
    X86State *s = env;

    if (++s->pause_count < PAUSE_YIELD) {
        return 0;
    }
    s->pause_count = 0;
    return 1;
}
