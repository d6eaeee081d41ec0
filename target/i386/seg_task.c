/* Hardware task switches (SDM vol. 3, chapter 8).
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Faults up to the point where the old task is saved belong to the old task; from there on they
 * are raised in the new one, whose registers are then already loaded, as on hardware. */
#include "accel/tcg/frontend.h"
#include "target/i386/flags.h"
#include "target/i386/seg_int.h"
#include "target/i386/system.h"

/* Where a task's registers lie in the two kinds of TSS. */
typedef struct TssLayout {
    uint8_t word;           /* bytes of a register */
    uint8_t cr3, ip, flags, gpr, seg, ldt, nseg, trap;
    uint16_t limit;         /* the least */
} TssLayout;

static const TssLayout layout16 = { .word = 2, .ip = 14, .flags = 16, .gpr = 18, .seg = 34,
                                    .nseg = 4, .ldt = 42, .limit = 0x2b };
static const TssLayout layout32 = { .word = 4, .cr3 = 28, .ip = 32, .flags = 36, .gpr = 40,
                                    .seg = 72, .nseg = 6, .ldt = 96, .trap = 100, .limit = 0x67 };

static const TssLayout *layout_of(uint32_t flags)
{
    return flags >> 8 & 8 ? &layout32 : &layout16;
}

/* A task's state as its TSS holds it. */
typedef struct Task {
    uint32_t cr3, ip, flags, gpr[8], seg[6], ldt, trap;
} Task;

static void task_read(Cpu *cpu, vaddr_t base, const TssLayout *l, Task *t)
{
    t->cr3 = l->cr3 ? (uint32_t)sys_load(cpu, base + l->cr3, 4) : 0;
    t->ip = (uint32_t)sys_load(cpu, base + l->ip, l->word);
    t->flags = (uint32_t)sys_load(cpu, base + l->flags, l->word);
    for (unsigned i = 0; i < 8; i++) {
        t->gpr[i] = (uint32_t)sys_load(cpu, base + l->gpr + i * l->word, l->word);
        if (l->word == 2) {
            t->gpr[i] |= 0xffff0000u;
        }
    }
    for (unsigned i = 0; i < 6; i++) {
        t->seg[i] = i < l->nseg ? (uint32_t)sys_load(cpu, base + l->seg + i * l->word, 2) : 0;
    }
    t->ldt = (uint32_t)sys_load(cpu, base + l->ldt, 2);
    t->trap = l->trap ? (uint32_t)sys_load(cpu, base + l->trap, 2) & 1 : 0;
}

static void task_save(Cpu *cpu, const TssLayout *l, uint64_t next, uint32_t flags)
{
    const X86State *s = cpu->env;
    vaddr_t base = s->tr.base;

    sys_store(cpu, base + l->ip, l->word, next);
    sys_store(cpu, base + l->flags, l->word, flags);
    for (unsigned i = 0; i < 8; i++) {
        sys_store(cpu, base + l->gpr + i * l->word, l->word, s->gpr[i]);
    }
    for (unsigned i = 0; i < l->nseg; i++) {
        sys_store(cpu, base + l->seg + i * l->word, 2, s->seg[i].selector);
    }
}

/* A data, stack or code segment of the new task; faults are #TS but for absence. */
static void task_load_seg(Cpu *cpu, unsigned n, uint32_t sel, unsigned cpl)
{
    X86State *s = cpu->env;
    X86Desc d;

    if (n == R_SS) {
        X86Seg ss;

        seg_check_stack(cpu, sel, cpl, X86_EXC_TS, &ss);
        s->seg[R_SS] = ss;
        return;
    }
    if (sel_is_null(sel)) {
        if (n == R_CS) {
            x86_raise_sel(cpu, X86_EXC_TS, sel);
        }
        return;
    }
    desc_fetch_or_raise(cpu, sel, &d, X86_EXC_TS);
    bool conforming = desc_is_code(&d) && (d.hi & X86_SEG_C), ok;
    unsigned dpl = desc_dpl(&d), rpl = sel & 3;

    if (n == R_CS) {
        ok = desc_is_code(&d) && (conforming ? dpl <= rpl : dpl == rpl);
    } else {
        ok = (d.hi & X86_SEG_S) && (!desc_is_code(&d) || (d.hi & X86_SEG_R)) &&
             (conforming || (dpl >= cpl && dpl >= rpl));
    }
    if (!ok) {
        x86_raise_sel(cpu, X86_EXC_TS, sel);
    }
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, sel);
    }
    desc_set_accessed(cpu, &d);
    desc_to_seg(&s->seg[n], sel, &d);
}

void ldt_load(Cpu *cpu, uint32_t sel, unsigned vector)
{
    X86State *s = cpu->env;
    X86Desc d;

    if (sel_is_null(sel)) {
        seg_put_null(&s->ldt, sel, 0);
        return;
    }
    if (sel & 4) {
        x86_raise_sel(cpu, vector, sel);
    }
    desc_fetch_or_raise(cpu, sel, &d, vector);
    if ((d.hi & X86_SEG_S) || desc_type(&d) != X86_SYS_LDT) {
        x86_raise_sel(cpu, vector, sel);
    }
    uint64_t high = s->efer & X86_EFER_LMA ? desc_fetch_high(cpu, sel, &d, vector) : 0;
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, vector == X86_EXC_TS ? X86_EXC_TS : X86_EXC_NP, sel);
    }
    desc_to_seg(&s->ldt, sel, &d);
    s->ldt.base |= high << 32;
}

/* Registers that need no check: the new task begins here. */
static void task_enter(Cpu *cpu, uint32_t sel, const X86Desc *d, const Task *t, uint32_t flags)
{
    X86State *s = cpu->env;

    desc_to_seg(&s->tr, sel, d);
    s->tr.flags |= 0x200;       /* busy */
    s->cr0 |= X86_CR0_TS;
    if ((s->cr0 & X86_CR0_PG) && layout_of(d->hi) == &layout32 && t->cr3 != s->cr3) {
        X86Flush flush = X86_FLUSH_NONE;

        x86_cr3_put(cpu, t->cr3, &flush);
        x86_tcg_flush(cpu, flush);
    }
    s->rip = t->ip;
    for (unsigned i = 0; i < 8; i++) {
        s->gpr[i] = t->gpr[i];
    }
    /* Selectors first, so that a fault of one shows all of them. */
    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        if (flags & X86_VM) {
            seg_put_vm86(&s->seg[i], t->seg[i]);
        } else {
            seg_put_null(&s->seg[i], t->seg[i], i == R_SS || i == R_CS ? t->seg[R_CS] & 3 : 0);
        }
    }
    seg_put_null(&s->ldt, t->ldt, 0);
    s->dr[7] &= ~UINT64_C(0x155);
    flags_put(cpu, flags, ~0u);
    x86_debug_arm(cpu);
}

static void task_load(Cpu *cpu, const Task *t)
{
    static const uint8_t order[] = { R_CS, R_SS, R_ES, R_DS, R_FS, R_GS };
    X86State *s = cpu->env;
    unsigned cpl = t->seg[R_CS] & 3;

    ldt_load(cpu, t->ldt, X86_EXC_TS);
    if (!x86_in_vm86(s)) {
        for (unsigned i = 0; i < sizeof(order); i++) {
            task_load_seg(cpu, order[i], t->seg[order[i]], cpl);
        }
        x86_mode_update(s);
    }
}

void task_switch(Cpu *cpu, uint32_t sel, X86Desc *d, X86TaskCause why, uint64_t next, bool has_error,
                 uint32_t error)
{
    X86State *s = cpu->env;
    const TssLayout *now = layout_of(s->tr.flags), *l = layout_of(d->hi);
    uint32_t flags = (uint32_t)x86_eflags_get(s), old_sel = s->tr.selector;
    vaddr_t base = desc_base(d);
    X86Desc old;
    Task t;

    if (desc_limit(d) < l->limit) {
        x86_raise_sel(cpu, X86_EXC_TS, sel);
    }
    task_read(cpu, base, l, &t);
    tcg_probe_write(cpu, s->tr.base, now->limit + 1u, x86_mmu_system(s));
    tcg_probe_write(cpu, base, 2, x86_mmu_system(s));
    tcg_probe_write(cpu, d->addr, 8, x86_mmu_system(s));
    if (why == X86_TASK_JMP || why == X86_TASK_IRET) {
        desc_fetch_or_raise(cpu, old_sel, &old, X86_EXC_TS);
        desc_set_busy(cpu, &old, false);
    }
    task_save(cpu, now, next, why == X86_TASK_IRET ? flags & ~X86_NT : flags);
    if (why == X86_TASK_CALL || why == X86_TASK_GATE) {
        sys_store(cpu, base, 2, old_sel);
        t.flags |= X86_NT;
    }
    if (why != X86_TASK_IRET) {
        desc_set_busy(cpu, d, true);
    }
    task_enter(cpu, sel, d, &t, l == &layout16 ? t.flags & 0xffff : t.flags);
    task_load(cpu, &t);
    if (s->rip > s->seg[R_CS].limit) {
        x86_raise_gp0(cpu);
    }
    if (has_error) {
        X86Stack st = stack_now(cpu);

        stack_push(&st, l->word, error);
        s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    }
    if (t.trap) {
        x86_raise_db(cpu, X86_EVENT_TRAP, X86_DR6_BT);
    }
}

void task_gate(Cpu *cpu, const X86Desc *gate, X86TaskCause why, uint64_t next, bool has_error,
               uint32_t error)
{
    uint32_t sel = desc_gate_sel(gate);
    X86Desc d;

    if (sel & 4) {
        x86_raise_sel(cpu, X86_EXC_GP, sel);
    }
    desc_fetch_or_raise(cpu, sel, &d, X86_EXC_GP);
    unsigned type = desc_type(&d);
    if ((d.hi & X86_SEG_S) || (type != X86_SYS_TSS && type != X86_SYS_TSS16)) {
        x86_raise_sel(cpu, X86_EXC_GP, sel);
    }
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, sel);
    }
    task_switch(cpu, sel, &d, why, next, has_error, error);
}

void task_return(Cpu *cpu, uint64_t next)
{
    X86State *s = cpu->env;
    uint32_t sel = (uint32_t)sys_load(cpu, s->tr.base, 2);
    X86Desc d;

    if (sel & 4) {
        x86_raise_sel(cpu, X86_EXC_TS, sel);
    }
    desc_fetch_or_raise(cpu, sel, &d, X86_EXC_TS);
    unsigned type = desc_type(&d);
    if ((d.hi & X86_SEG_S) || (type != X86_SYS_TSS_BUSY && type != X86_SYS_TSS16_BUSY)) {
        x86_raise_sel(cpu, X86_EXC_TS, sel);
    }
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, sel);
    }
    task_switch(cpu, sel, &d, X86_TASK_IRET, next, false, 0);
}
