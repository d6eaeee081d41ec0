/* Far jumps, calls and returns, call gates, and IRET (SDM vol. 2, JMP, CALL, RET, IRET).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/frontend.h"
#include "target/i386/flags.h"
#include "target/i386/helper.h"
#include "target/i386/seg_int.h"

static uint64_t cut(uint64_t v, unsigned size)
{
    return size == 8 ? v : size == 4 ? v & 0xffffffffu : v & 0xffff;
}

/* Which of L and D a code segment may have in long mode. */
static bool code_bits_ok(const X86State *s, const X86Desc *d)
{
    return !(s->efer & X86_EFER_LMA) ||
           (d->hi & (X86_SEG_L | X86_SEG_B)) != (X86_SEG_L | X86_SEG_B);
}

/* The checks of a far jump or call straight to a code segment. */
static void code_check_direct(Cpu *cpu, uint32_t sel, const X86Desc *d)
{
    const X86State *s = cpu->env;
    unsigned cpl = x86_cpl(s), dpl = desc_dpl(d);
    bool ok = d->hi & X86_SEG_C ? dpl <= cpl : dpl == cpl && (sel & 3) <= cpl;

    if (!ok || !code_bits_ok(s, d)) {
        x86_raise_sel(cpu, X86_EXC_GP, sel);
    }
    if (!(d->hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, sel);
    }
}

/* Real and virtual-8086 mode: no descriptor. */
static void far_plain(Cpu *cpu, uint32_t sel, uint64_t off)
{
    X86State *s = cpu->env;

    if (off > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu);
    }
    if (x86_in_vm86(s)) {
        seg_put_vm86(&s->seg[R_CS], sel);
    } else {
        seg_put_real(&s->seg[R_CS], sel);
    }
    s->rip = off;
    x86_mode_update(s);
}

/* A call gate's target, its privilege checks done; cs becomes the code segment. */
typedef struct CallTarget {
    X86Desc gate, cs;
    uint32_t sel;
    uint64_t off;
    unsigned size;          /* of what is pushed */
} CallTarget;

static void gate_resolve(Cpu *cpu, uint32_t gate_sel, const X86Desc *gate, bool jump, CallTarget *t)
{
    const X86State *s = cpu->env;
    bool lm = s->efer & X86_EFER_LMA;
    unsigned cpl = x86_cpl(s);

    t->gate = *gate;
    if (desc_dpl(gate) < cpl || desc_dpl(gate) < (gate_sel & 3)) {
        x86_raise_sel(cpu, X86_EXC_GP, gate_sel);
    }
    if (!(gate->hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, gate_sel);
    }
    t->sel = desc_gate_sel(gate);
    t->off = desc_gate_offset(gate);
    t->size = lm ? 8 : desc_type(gate) == X86_SYS_CALL ? 4 : 2;
    if (lm) {
        t->off |= (uint64_t)desc_fetch_high(cpu, gate_sel, gate, X86_EXC_GP) << 32;
    } else if (t->size == 2) {
        t->off &= 0xffff;
    }
    if (sel_is_null(t->sel)) {
        x86_raise_gp0(cpu);
    }
    desc_fetch_or_raise(cpu, t->sel, &t->cs, X86_EXC_GP);
    unsigned dpl = desc_dpl(&t->cs);
    bool conforming = t->cs.hi & X86_SEG_C;
    if (!desc_is_code(&t->cs) || dpl > cpl || (jump && !conforming && dpl != cpl) ||
        (lm && (t->cs.hi & (X86_SEG_L | X86_SEG_B)) != X86_SEG_L)) {
        x86_raise_sel(cpu, X86_EXC_GP, t->sel);
    }
    if (!(t->cs.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, t->sel);
    }
}

/* Is this descriptor a call gate, TSS or task gate that a far transfer may name here? */
static bool is_call_gate(const X86State *s, const X86Desc *d)
{
    unsigned type = desc_type(d);

    return type == X86_SYS_CALL || (type == X86_SYS_CALL16 && !(s->efer & X86_EFER_LMA));
}

/* TSS descriptors and task gates named by a jump or call. */
static void far_task(Cpu *cpu, uint32_t sel, X86Desc *d, X86TaskCause why, uint64_t next)
{
    const X86State *s = cpu->env;
    unsigned type = desc_type(d), dpl = desc_dpl(d);
    bool tss = type == X86_SYS_TSS || type == X86_SYS_TSS16;

    if ((s->efer & X86_EFER_LMA) || (!tss && type != X86_SYS_TASK_GATE) || dpl < x86_cpl(s) ||
        dpl < (sel & 3) || (tss && (sel & 4))) {
        x86_raise_sel(cpu, X86_EXC_GP, sel);
    }
    if (!(d->hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, sel);
    }
    if (tss) {
        task_switch(cpu, sel, d, why, next, false, 0);
    } else {
        task_gate(cpu, d, why, next, false, 0);
    }
}

uint64_t x86_helper_ljmp(void *env, uint64_t sel, uint64_t off, uint64_t size, uint64_t next)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    X86Desc d;
    CallTarget t;

    sel &= 0xffff;
    off = cut(off, (unsigned)size);
    if (!x86_in_prot(s)) {
        far_plain(cpu, (uint32_t)sel, off);
        return 0;
    }
    if (sel_is_null((uint32_t)sel)) {
        x86_raise_gp0(cpu);
    }
    desc_fetch_or_raise(cpu, (uint32_t)sel, &d, X86_EXC_GP);
    if (desc_is_code(&d)) {
        code_check_direct(cpu, (uint32_t)sel, &d);
        t = (CallTarget){ .cs = d, .sel = (uint32_t)sel, .off = off };
    } else if (d.hi & X86_SEG_S) {
        x86_raise_sel(cpu, X86_EXC_GP, (uint32_t)sel);
    } else if (is_call_gate(s, &d)) {
        gate_resolve(cpu, (uint32_t)sel, &d, true, &t);
    } else {
        far_task(cpu, (uint32_t)sel, &d, X86_TASK_JMP, next);
        return 0;
    }
    rip_check(cpu, &t.cs, t.off);
    desc_set_accessed(cpu, &t.cs);
    s->rip = t.off;
    seg_put_cs(cpu, t.sel, x86_cpl(s), &t.cs);
    return 0;
}

/* A call at the same level: pushes on the present stack. */
static void call_same(Cpu *cpu, const CallTarget *target, uint64_t next)
{
    X86State *s = cpu->env;
    X86Stack st = stack_now(cpu);
    X86Desc cs = target->cs;

    rip_check(cpu, &cs, target->off);
    stack_push(&st, target->size, s->seg[R_CS].selector);
    stack_push(&st, target->size, next);
    desc_set_accessed(cpu, &cs);
    s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    s->rip = target->off;
    seg_put_cs(cpu, target->sel, x86_cpl(s), &cs);
}

static X86Stack inner_stack(Cpu *cpu, unsigned cpl, X86Seg *ss)
{
    const X86State *s = cpu->env;
    X86Stack st = { .cpu = cpu, .mmu = cpl == 3 ? X86_MMU_USER : x86_mmu(s->mode & ~X86_MODE_CPL) };

    if ((s->cr4 & X86_CR4_SMAP) && !(s->eflags & X86_AC) && cpl < 3) {
        st.mmu = X86_MMU_SMAP;
    }
    if (s->efer & X86_EFER_LMA) {
        st.sp = tss_stack64(cpu, cpl);
        st.mask = UINT64_MAX;
        seg_put_null(ss, cpl, cpl);
    } else {
        uint32_t sel, esp;

        tss_inner_stack(cpu, cpl, &sel, &esp);
        seg_check_stack(cpu, sel, cpl, X86_EXC_TS, ss);
        st.ss = ss;
        st.sp = esp;
        st.mask = ss->flags & X86_SEG_B ? 0xffffffffu : 0xffff;
        st.error = sel & 0xfffc;
    }
    return st;
}

/* A call through a gate to an inner level: new stack, parameters copied. */
static void call_inner(Cpu *cpu, const CallTarget *target, uint64_t next)
{
    X86State *s = cpu->env;
    unsigned cpl = desc_dpl(&target->cs), size = target->size;
    unsigned params = size == 8 ? 0 : target->gate.hi & 31;
    uint64_t param[32];
    X86Seg ss;
    X86Desc cs = target->cs;
    X86Stack old = stack_now(cpu), st = inner_stack(cpu, cpl, &ss);

    rip_check(cpu, &cs, target->off);
    for (unsigned i = 0; i < params; i++) {
        param[i] = stack_pop(&old, size);
    }
    stack_push(&st, size, s->seg[R_SS].selector);
    stack_push(&st, size, s->gpr[R_RSP]);
    for (unsigned i = params; i-- > 0;) {
        stack_push(&st, size, param[i]);
    }
    stack_push(&st, size, s->seg[R_CS].selector);
    stack_push(&st, size, next);
    desc_set_accessed(cpu, &cs);
    s->seg[R_SS] = ss;
    s->gpr[R_RSP] = stack_rsp(&st, st.sp);
    s->rip = target->off;
    seg_put_cs(cpu, target->sel, cpl, &cs);
}

static void call_plain(Cpu *cpu, uint32_t sel, uint64_t off, unsigned size, uint64_t next)
{
    X86State *s = cpu->env;
    X86Stack st = stack_now(cpu);

    if (off > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu);
    }
    stack_push(&st, size, s->seg[R_CS].selector);
    stack_push(&st, size, next);
    s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    far_plain(cpu, sel, off);
}

uint64_t x86_helper_lcall(void *env, uint64_t sel, uint64_t off, uint64_t size, uint64_t next)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    X86Desc d;
    CallTarget t;

    sel &= 0xffff;
    off = cut(off, (unsigned)size);
    if (!x86_in_prot(s)) {
        call_plain(cpu, (uint32_t)sel, off, (unsigned)size, next);
        return 0;
    }
    if (sel_is_null((uint32_t)sel)) {
        x86_raise_gp0(cpu);
    }
    desc_fetch_or_raise(cpu, (uint32_t)sel, &d, X86_EXC_GP);
    if (desc_is_code(&d)) {
        code_check_direct(cpu, (uint32_t)sel, &d);
        t = (CallTarget){ .cs = d, .sel = (uint32_t)sel, .off = off, .size = (unsigned)size };
        call_same(cpu, &t, next);
    } else if (d.hi & X86_SEG_S) {
        x86_raise_sel(cpu, X86_EXC_GP, (uint32_t)sel);
    } else if (is_call_gate(s, &d)) {
        gate_resolve(cpu, (uint32_t)sel, &d, false, &t);
        if (!(t.cs.hi & X86_SEG_C) && desc_dpl(&t.cs) < x86_cpl(s)) {
            call_inner(cpu, &t, next);
        } else {
            call_same(cpu, &t, next);
        }
    } else {
        far_task(cpu, (uint32_t)sel, &d, X86_TASK_CALL, next);
    }
    return 0;
}

/* ---- returns ---- */

/* What a return pops first, and the flags of IRET. */
typedef struct Return {
    X86Stack st;
    uint64_t rip;
    uint32_t cs;
    unsigned size, rpl;
    X86Desc d;
    uint64_t rsp;           /* of the outer level */
    X86Seg ss;
    bool outer, load_ss;
} Return;

/* The code segment that a return goes to. */
static void return_check_cs(Cpu *cpu, Return *r)
{
    const X86State *s = cpu->env;

    if (sel_is_null(r->cs)) {
        x86_raise_gp0(cpu);
    }
    desc_fetch_or_raise(cpu, r->cs, &r->d, X86_EXC_GP);
    r->rpl = r->cs & 3;
    unsigned dpl = desc_dpl(&r->d);
    bool ok = r->d.hi & X86_SEG_C ? dpl <= r->rpl : dpl == r->rpl;
    if (!desc_is_code(&r->d) || r->rpl < x86_cpl(s) || !ok || !code_bits_ok(s, &r->d)) {
        x86_raise_sel(cpu, X86_EXC_GP, r->cs);
    }
    if (!(r->d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, r->cs);
    }
    r->outer = r->rpl > x86_cpl(s);
}

/* SS of the outer level, or of the same one where 64-bit IRET loads it too. */
static void return_check_ss(Cpu *cpu, Return *r, uint32_t sel)
{
    const X86State *s = cpu->env;

    r->load_ss = true;
    if (sel_is_null(sel)) {
        bool to64 = (s->efer & X86_EFER_LMA) && (r->d.hi & X86_SEG_L);

        if (!to64 || r->rpl == 3 || (sel & 3) != r->rpl) {
            x86_raise_gp0(cpu);
        }
        seg_put_null(&r->ss, sel, r->rpl);
        return;
    }
    seg_check_stack(cpu, sel, r->rpl, X86_EXC_GP, &r->ss);
}

/* Everything is checked: goes there. `rsp` is the stack pointer of the level returned to. */
static void return_commit(Cpu *cpu, Return *r)
{
    X86State *s = cpu->env;

    s->rip = r->rip;
    if (r->load_ss) {
        uint64_t mask = (s->efer & X86_EFER_LMA) && (r->d.hi & X86_SEG_L) ? UINT64_MAX
                        : r->ss.flags & X86_SEG_B ? 0xffffffffu : 0xffff;

        s->seg[R_SS] = r->ss;
        s->gpr[R_RSP] = mask == 0xffff ? (s->gpr[R_RSP] & ~mask) | (r->rsp & mask) : r->rsp & mask;
    } else {
        s->gpr[R_RSP] = r->rsp;
    }
    if (r->outer) {
        seg_drop_inner(s, r->rpl);
    }
    seg_put_cs(cpu, r->cs, r->rpl, &r->d);
}

static void lret_plain(Cpu *cpu, unsigned size, unsigned pop_bytes)
{
    X86State *s = cpu->env;
    X86Stack st = stack_now(cpu);
    uint64_t rip = stack_pop(&st, size);
    uint32_t sel = (uint32_t)stack_pop(&st, size) & 0xffff;

    st.sp = (st.sp + pop_bytes) & st.mask;
    if (rip > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu);
    }
    s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    far_plain(cpu, sel, rip);
}

uint64_t x86_helper_lret(void *env, uint64_t size, uint64_t pop_bytes)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    Return r = { .size = (unsigned)size };

    if (!x86_in_prot(s)) {
        lret_plain(cpu, (unsigned)size, (unsigned)pop_bytes);
        return 0;
    }
    r.st = stack_now(cpu);
    r.rip = stack_pop(&r.st, r.size);
    r.cs = (uint32_t)stack_pop(&r.st, r.size) & 0xffff;
    return_check_cs(cpu, &r);
    r.st.sp = (r.st.sp + pop_bytes) & r.st.mask;
    if (r.outer) {
        r.rsp = stack_pop(&r.st, r.size);
        return_check_ss(cpu, &r, (uint32_t)stack_pop(&r.st, r.size) & 0xffff);
        r.rsp += pop_bytes;
    } else {
        r.rsp = stack_rsp(&r.st, s->gpr[R_RSP]);
    }
    rip_check(cpu, &r.d, r.rip);
    desc_set_accessed(cpu, &r.d);
    return_commit(cpu, &r);
    return 0;
}

/* ---- IRET ---- */

static void iret_done(Cpu *cpu)
{
    X86State *s = cpu->env;

    s->nmi_blocked = false;
    x86_irq_recheck(cpu);
}

static void iret_real(Cpu *cpu, unsigned size)
{
    X86State *s = cpu->env;
    X86Stack st = stack_now(cpu);
    uint64_t rip = stack_pop(&st, size);
    uint32_t sel = (uint32_t)stack_pop(&st, size) & 0xffff;
    uint64_t flags = stack_pop(&st, size);
    uint32_t mask = flags_mask(s, 0, size);

    if (x86_in_vm86(s)) {
        mask &= ~X86_IOPL;
    }
    if (rip > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu);
    }
    s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    far_plain(cpu, sel, rip);
    flags_put(cpu, flags, mask | (size > 2 ? X86_RF : 0));
}

/* IRET within virtual-8086 mode; with VME and IOPL < 3 (16 bits only) IF stands for VIF. */
static void iret_vm86(Cpu *cpu, unsigned size)
{
    X86State *s = cpu->env;

    if ((s->eflags & X86_IOPL) == X86_IOPL) {
        iret_real(cpu, size);
        return;
    }
    if (!(s->cr4 & X86_CR4_VME) || size != 2) {
        x86_raise_gp0(cpu);
    }
    X86Stack st = stack_now(cpu);
    uint64_t rip = stack_pop(&st, 2);
    uint32_t sel = (uint32_t)stack_pop(&st, 2);
    uint64_t flags = stack_pop(&st, 2);

    if (((flags & X86_IF) && (s->eflags & X86_VIP)) || (flags & X86_TF) ||
        rip > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu);
    }
    s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    far_plain(cpu, sel, rip);
    flags |= flags & X86_IF ? X86_VIF : 0;
    flags_put(cpu, flags, (flags_mask(s, 3, 2) & ~(X86_IOPL | X86_IF)) | X86_VIF);
}

/* From ring 0 back to a virtual-8086 program: six more words on the stack. */
static void iret_to_vm86(Cpu *cpu, Return *r, uint64_t flags)
{
    static const uint8_t data[] = { R_ES, R_DS, R_FS, R_GS };
    X86State *s = cpu->env;
    uint32_t sel[sizeof(data)], ss;

    r->rsp = stack_pop(&r->st, 4);
    ss = (uint32_t)stack_pop(&r->st, 4);
    for (unsigned i = 0; i < sizeof(data); i++) {
        sel[i] = (uint32_t)stack_pop(&r->st, 4);
    }
    s->rip = r->rip & 0xffff;
    s->gpr[R_RSP] = r->rsp;
    flags_put(cpu, flags, flags_mask(s, 0, 4) | X86_VM | X86_VIF | X86_VIP | X86_RF);
    seg_put_vm86(&s->seg[R_CS], r->cs);
    seg_put_vm86(&s->seg[R_SS], ss);
    for (unsigned i = 0; i < sizeof(data); i++) {
        seg_put_vm86(&s->seg[data[i]], sel[i]);
    }
    x86_mode_update(s);
}

/* Protected, compatibility and 64-bit mode. */
static void iret_protected(Cpu *cpu, unsigned size)
{
    X86State *s = cpu->env;
    Return r = { .st = stack_now(cpu), .size = size };
    unsigned cpl = x86_cpl(s);

    r.rip = stack_pop(&r.st, size);
    r.cs = (uint32_t)stack_pop(&r.st, size) & 0xffff;
    uint64_t flags = stack_pop(&r.st, size);
    if (size == 4 && (flags & X86_VM) && cpl == 0 && !(s->efer & X86_EFER_LMA)) {
        iret_to_vm86(cpu, &r, flags);
        return;
    }
    return_check_cs(cpu, &r);
    if (r.outer || x86_in_64(s)) {
        r.rsp = stack_pop(&r.st, size);
        return_check_ss(cpu, &r, (uint32_t)stack_pop(&r.st, size) & 0xffff);
    } else {
        r.rsp = stack_rsp(&r.st, s->gpr[R_RSP]);
    }
    rip_check(cpu, &r.d, r.rip);
    desc_set_accessed(cpu, &r.d);
    uint32_t mask = flags_mask(s, cpl, size);
    mask |= size > 2 ? X86_RF : 0;
    mask |= size > 2 && cpl == 0 ? X86_VIF | X86_VIP : 0;
    return_commit(cpu, &r);
    flags_put(cpu, flags, mask);
}

uint64_t x86_helper_iret(void *env, uint64_t size, uint64_t next)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);

    if (x86_in_real(s)) {
        iret_real(cpu, (unsigned)size);
    } else if (x86_in_vm86(s)) {
        iret_vm86(cpu, (unsigned)size);
    } else if (s->eflags & X86_NT) {
        if (s->efer & X86_EFER_LMA) {
            x86_raise_gp0(cpu);
        }
        task_return(cpu, next);
    } else {
        iret_protected(cpu, (unsigned)size);
    }
    iret_done(cpu);
    return 0;
}
