/* Instructions about segments and rings: MOV to segment registers, LLDT..., LAR..., SYSCALL...
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/frontend.h"
#include "target/i386/cpuid.h"
#include "target/i386/flags.h"
#include "target/i386/helper.h"
#include "target/i386/seg_int.h"
#include "target/i386/system.h"

static void need_cpl0(Cpu *cpu)
{
    if (x86_cpl(cpu->env) != 0) {
        x86_raise_gp0(cpu);
    }
}

static void need_umip(Cpu *cpu)
{
    const X86State *s = cpu->env;

    if ((s->cr4 & X86_CR4_UMIP) && x86_cpl(s) != 0) {
        x86_raise_gp0(cpu);
    }
}

static void need_prot(Cpu *cpu)
{
    if (!x86_in_prot(cpu->env)) {
        x86_raise(cpu, X86_EXC_UD);
    }
}

uint64_t x86_helper_load_seg(void *env, uint64_t seg, uint64_t sel)
{
    X86State *s = env;
    uint32_t mode = s->mode;

    seg_load(cpu_from_env(env), (unsigned)seg, (uint32_t)sel);
    x86_mode_update(s);
    if (seg == R_SS) {
        s->mode |= X86_MODE_SS_SHADOW;
    }
    return s->mode != mode || seg == R_SS;
}

uint64_t x86_helper_check_canonical(void *env, uint64_t addr)
{
    if (!x86_canonical(addr)) {
        x86_raise_gp0(cpu_from_env(env));
    }
    return 0;
}

uint64_t x86_helper_seg_check(void *env, uint64_t offset, uint64_t arg)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    unsigned n = arg & 7, len = arg >> 8 & 0xff, vector = n == R_SS ? X86_EXC_SS : X86_EXC_GP;
    bool write = arg >> 16 & 1;
    const X86Seg *seg = &s->seg[n];
    uint32_t type = seg->flags & (X86_SEG_CODE | X86_SEG_W);
    bool ok = true;

    if (x86_in_64(s)) {
        offset += n == R_FS || n == R_GS ? seg->base : 0;
        if (!x86_canonical(offset) || !x86_canonical(offset + (len ? len - 1 : 0))) {
            x86_raise_error(cpu, vector, 0);
        }
        return offset;
    }
    if (x86_in_prot(s)) {
        ok = (seg->flags & X86_SEG_P) && (write ? type == X86_SEG_W : type != X86_SEG_CODE);
    }
    if (!ok || !seg_limit_ok(seg, offset, len ? len : 1)) {
        x86_raise_error(cpu, vector, 0);
    }
    return (seg->base + offset) & 0xffffffffu;
}

/* ---- descriptor tables ---- */

uint64_t x86_helper_lldt(void *env, uint64_t sel)
{
    Cpu *cpu = cpu_from_env(env);

    need_prot(cpu);
    need_cpl0(cpu);
    ldt_load(cpu, (uint32_t)sel & 0xffff, X86_EXC_GP);
    return 0;
}

uint64_t x86_helper_ltr(void *env, uint64_t sel)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    X86Desc d;

    need_prot(cpu);
    need_cpl0(cpu);
    sel &= 0xffff;
    if (sel_is_null((uint32_t)sel) || (sel & 4)) {
        x86_raise_sel(cpu, X86_EXC_GP, (uint32_t)sel);
    }
    desc_fetch_or_raise(cpu, (uint32_t)sel, &d, X86_EXC_GP);
    bool lm = s->efer & X86_EFER_LMA;
    unsigned type = desc_type(&d);
    if ((d.hi & X86_SEG_S) || (type != X86_SYS_TSS && (lm || type != X86_SYS_TSS16))) {
        x86_raise_sel(cpu, X86_EXC_GP, (uint32_t)sel);
    }
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, (uint32_t)sel);
    }
    uint64_t high = lm ? desc_fetch_high(cpu, (uint32_t)sel, &d, X86_EXC_GP) : 0;
    if (lm && !x86_canonical(high << 32 | desc_base(&d))) {
        x86_raise_gp0(cpu);
    }
    desc_set_busy(cpu, &d, true);
    desc_to_seg(&s->tr, (uint32_t)sel, &d);
    s->tr.base |= high << 32;
    return 0;
}

uint64_t x86_helper_sldt(void *env)
{
    need_prot(cpu_from_env(env));
    need_umip(cpu_from_env(env));
    return ((X86State *)env)->ldt.selector;
}

uint64_t x86_helper_str(void *env)
{
    need_prot(cpu_from_env(env));
    need_umip(cpu_from_env(env));
    return ((X86State *)env)->tr.selector;
}

static void table_store(Cpu *cpu, const X86Seg *table, uint64_t addr, uint64_t size)
{
    const X86State *s = cpu->env;
    unsigned mmu = x86_mmu(s->mode), wide = x86_in_64(s) ? 8 : 4;

    need_umip(cpu);
    tcg_probe_write(cpu, addr, 2 + wide, mmu);
    tcg_store(cpu, addr, table->limit, MO_16, mmu);
    tcg_store(cpu, addr + 2, table->base, wide == 8 ? MO_64 : MO_32, mmu);
}

static void table_load(Cpu *cpu, X86Seg *table, uint64_t addr, uint64_t size)
{
    const X86State *s = cpu->env;
    unsigned mmu = x86_mmu(s->mode);

    need_cpl0(cpu);
    uint32_t limit = (uint32_t)tcg_load(cpu, addr, MO_16, mmu);
    uint64_t base = tcg_load(cpu, addr + 2, x86_in_64(s) ? MO_64 : MO_32, mmu);
    if (!x86_in_64(s) && size == 2) {
        base &= 0xffffff;
    }
    if (x86_in_64(s) && !x86_canonical(base)) {
        x86_raise_gp0(cpu);
    }
    table->base = base;
    table->limit = limit;
}

uint64_t x86_helper_sgdt(void *env, uint64_t addr, uint64_t size)
{
    table_store(cpu_from_env(env), &((X86State *)env)->gdt, addr, size);
    return 0;
}

uint64_t x86_helper_sidt(void *env, uint64_t addr, uint64_t size)
{
    table_store(cpu_from_env(env), &((X86State *)env)->idt, addr, size);
    return 0;
}

uint64_t x86_helper_lgdt(void *env, uint64_t addr, uint64_t size)
{
    table_load(cpu_from_env(env), &((X86State *)env)->gdt, addr, size);
    return 0;
}

uint64_t x86_helper_lidt(void *env, uint64_t addr, uint64_t size)
{
    table_load(cpu_from_env(env), &((X86State *)env)->idt, addr, size);
    return 0;
}

/* ---- LAR, LSL, VERR, VERW ---- */

/* Which system descriptors LAR and LSL accept: bit per type, outside and in long mode. */
#define LAR_TYPES 0x1a3eu       /* 1, 2, 3, 4, 5, 9, 11, 12 */
#define LAR_TYPES_LM 0x1a04u    /* 2, 9, 11, 12 */
#define LSL_TYPES 0x0a0eu       /* 1, 2, 3, 9, 11 */
#define LSL_TYPES_LM 0x0a04u    /* 2, 9, 11 */

/* The descriptor, if this selector may be looked at by this instruction. */
static bool desc_visible(Cpu *cpu, uint32_t sel, uint32_t types, uint32_t types_lm, X86Desc *d)
{
    const X86State *s = cpu->env;

    need_prot(cpu);
    if (sel_is_null(sel) || !desc_fetch(cpu, sel, d)) {
        return false;
    }
    if (!(d->hi & X86_SEG_S)) {
        uint32_t ok = s->efer & X86_EFER_LMA ? types_lm : types;

        if (!(ok >> desc_type(d) & 1)) {
            return false;
        }
    } else if (desc_is_code(d) && (d->hi & X86_SEG_C)) {
        return true;
    }
    return desc_dpl(d) >= x86_cpl(s) && desc_dpl(d) >= (sel & 3);
}

uint64_t x86_helper_lar(void *env, uint64_t sel)
{
    X86Desc d;

    if (!desc_visible(cpu_from_env(env), sel & 0xffff, LAR_TYPES, LAR_TYPES_LM, &d)) {
        return 0;
    }
    return (d.hi & 0xf0ff00) | UINT64_C(1) << 63;
}

uint64_t x86_helper_lsl(void *env, uint64_t sel)
{
    X86Desc d;

    if (!desc_visible(cpu_from_env(env), sel & 0xffff, LSL_TYPES, LSL_TYPES_LM, &d)) {
        return 0;
    }
    return desc_limit(&d) | UINT64_C(1) << 63;
}

uint64_t x86_helper_verr(void *env, uint64_t sel)
{
    X86Desc d;

    return desc_visible(cpu_from_env(env), sel & 0xffff, 0, 0, &d) &&
           (!desc_is_code(&d) || (d.hi & X86_SEG_R));
}

uint64_t x86_helper_verw(void *env, uint64_t sel)
{
    X86Desc d;

    return desc_visible(cpu_from_env(env), sel & 0xffff, 0, 0, &d) && desc_is_data(&d) &&
           (d.hi & X86_SEG_W);
}

/* ---- fast system calls ---- */

/* SYSCALL and SYSRET end with the single-step trap of the flags they leave. */
static void step_after(Cpu *cpu)
{
    X86State *s = cpu->env;

    if (s->eflags & X86_TF) {
        x86_raise_db(cpu, X86_EVENT_TRAP, X86_DR6_BS);
    }
}

static void flat_cs(X86State *s, uint32_t sel, unsigned dpl, bool is64)
{
    uint32_t flags = is64 ? X86_FLAT_CODE64 : X86_FLAT_CODE32;

    x86_seg_put(&s->seg[R_CS], sel, 0, 0xffffffffu, flags | dpl << X86_SEG_DPL_SHIFT);
}

static void flat_ss(X86State *s, uint32_t sel, unsigned dpl)
{
    x86_seg_put(&s->seg[R_SS], sel, 0, 0xffffffffu, X86_FLAT_DATA32 | dpl << X86_SEG_DPL_SHIFT);
}

uint64_t x86_helper_syscall(void *env, uint64_t next)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t sel = (uint32_t)(s->star >> 32) & 0xfffc;
    bool lm = s->efer & X86_EFER_LMA, legacy_ok = s->model->amd;

    if (!(s->efer & X86_EFER_SCE) || (!x86_in_64(s) && !legacy_ok) || x86_in_real(s) ||
        x86_in_vm86(s)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    s->gpr[R_RCX] = next;
    if (lm) {
        uint64_t flags = x86_eflags_get(s) & ~(uint64_t)X86_RF;
        bool from64 = x86_in_64(s);

        s->gpr[R_R11] = flags;
        s->rip = from64 ? s->lstar : s->cstar;
        flat_cs(s, sel, 0, true);
        flat_ss(s, sel + 8, 0);
        flags_put(cpu, flags & ~(uint64_t)(uint32_t)s->sfmask, ~0u);
    } else {
        s->rip = (uint32_t)s->star;
        flat_cs(s, sel, 0, false);
        flat_ss(s, sel + 8, 0);
        flags_put(cpu, 0, X86_IF | X86_RF | X86_VM);
    }
    step_after(cpu);
    return 0;
}

uint64_t x86_helper_sysret(void *env, uint64_t size)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t sel = (uint32_t)(s->star >> 48);
    bool lm = s->efer & X86_EFER_LMA;

    if (!(s->efer & X86_EFER_SCE) || (!x86_in_64(s) && !s->model->amd)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    if (!x86_in_prot(s) || x86_cpl(s) != 0 || (size == 8 && !x86_canonical(s->gpr[R_RCX]))) {
        x86_raise_gp0(cpu);
    }
    s->rip = size == 8 ? s->gpr[R_RCX] : (uint32_t)s->gpr[R_RCX];
    flat_cs(s, (size == 8 ? sel + 16 : sel) | 3, 3, size == 8);
    flat_ss(s, (sel + 8) | 3, 3);
    if (lm) {
        flags_put(cpu, s->gpr[R_R11] & 0x3c7fd7, ~0u & ~X86_VM);
    } else {
        flags_put(cpu, X86_IF, X86_IF);
    }
    step_after(cpu);
    return 0;
}

uint64_t x86_helper_sysenter(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t sel = (uint32_t)s->sysenter_cs & 0xfffc;
    bool lm = s->efer & X86_EFER_LMA;

    if (lm && s->model->amd) {
        x86_raise(cpu, X86_EXC_UD);
    }
    if (x86_in_real(s) || !sel) {
        x86_raise_gp0(cpu);
    }
    s->rip = lm ? s->sysenter_eip : (uint32_t)s->sysenter_eip;
    s->gpr[R_RSP] = lm ? s->sysenter_esp : (uint32_t)s->sysenter_esp;
    flat_cs(s, sel, 0, lm);
    flat_ss(s, sel + 8, 0);
    flags_put(cpu, 0, X86_IF | X86_RF | X86_VM);
    return 0;
}

uint64_t x86_helper_sysexit(void *env, uint64_t size)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t sel = (uint32_t)s->sysenter_cs & 0xfffc;
    uint64_t rip = s->gpr[R_RDX], rsp = s->gpr[R_RCX];

    if ((s->efer & X86_EFER_LMA) && s->model->amd) {
        x86_raise(cpu, X86_EXC_UD);
    }
    if (!x86_in_prot(s) || !sel || x86_cpl(s) != 0 ||
        (size == 8 && (!x86_canonical(rip) || !x86_canonical(rsp)))) {
        x86_raise_gp0(cpu);
    }
    s->rip = size == 8 ? rip : (uint32_t)rip;
    s->gpr[R_RSP] = size == 8 ? rsp : (uint32_t)rsp;
    flat_cs(s, (sel + (size == 8 ? 32 : 16)) | 3, 3, size == 8);
    flat_ss(s, (sel + (size == 8 ? 40 : 24)) | 3, 3);
    x86_mode_update(s);
    x86_irq_recheck(cpu);
    return 0;
}

uint64_t x86_helper_swapgs(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint64_t base = s->seg[R_GS].base;

    if (!x86_in_64(s)) {
        x86_raise(cpu, X86_EXC_UD);
    }
    need_cpl0(cpu);
    s->seg[R_GS].base = s->kernel_gs_base;
    s->kernel_gs_base = base;
    return 0;
}
