/* Descriptors: reading, checking, loading into segment registers; stacks.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/frontend.h"
#include "target/i386/helper.h"
#include "target/i386/seg_int.h"

static unsigned mop_of(unsigned size)
{
    return size == 8 ? MO_64 : size == 4 ? MO_32 : size == 2 ? MO_16 : MO_8;
}

uint64_t sys_load(Cpu *cpu, vaddr_t addr, unsigned size)
{
    return tcg_load(cpu, addr, mop_of(size), x86_mmu_system(cpu->env));
}

void sys_store(Cpu *cpu, vaddr_t addr, unsigned size, uint64_t value)
{
    tcg_store(cpu, addr, value, mop_of(size), x86_mmu_system(cpu->env));
}

uint32_t desc_limit(const X86Desc *d)
{
    uint32_t limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

    return d->hi & X86_SEG_G ? limit << 12 | 0xfff : limit;
}

void desc_to_seg(X86Seg *seg, uint32_t selector, const X86Desc *d)
{
    seg->selector = selector & 0xffff;
    seg->flags = d->hi & 0xf0ff00;
    seg->base = desc_base(d);
    seg->limit = desc_limit(d);
}

void x86_seg_put(X86Seg *seg, uint32_t selector, uint64_t base, uint32_t limit, uint32_t flags)
{
    seg->selector = selector & 0xffff;
    seg->flags = flags;
    seg->base = base;
    seg->limit = limit;
}

static vaddr_t table_addr(const X86State *s, uint64_t addr)
{
    return s->efer & X86_EFER_LMA ? addr : addr & 0xffffffffu;
}

bool desc_fetch(Cpu *cpu, uint32_t sel, X86Desc *d)
{
    X86State *s = cpu->env;
    const X86Seg *table = sel & 4 ? &s->ldt : &s->gdt;

    if ((sel & 4) && !(table->flags & X86_SEG_P)) {
        return false;
    }
    if ((sel | 7u) > table->limit) {
        return false;
    }
    d->addr = table_addr(s, table->base + (sel & 0xfff8));
    uint64_t v = sys_load(cpu, d->addr, 8);
    d->lo = (uint32_t)v;
    d->hi = (uint32_t)(v >> 32);
    return true;
}

void desc_fetch_or_raise(Cpu *cpu, uint32_t sel, X86Desc *d, unsigned vector)
{
    if (!desc_fetch(cpu, sel, d)) {
        x86_raise_sel(cpu, vector, sel);
    }
}

uint32_t desc_fetch_high(Cpu *cpu, uint32_t sel, const X86Desc *d, unsigned vector)
{
    X86State *s = cpu->env;
    const X86Seg *table = sel & 4 ? &s->ldt : &s->gdt;

    if ((sel | 7u) + 8 > table->limit || (sys_load(cpu, d->addr + 12, 4) & 0x1f00)) {
        x86_raise_sel(cpu, vector, sel);
    }
    return (uint32_t)sys_load(cpu, d->addr + 8, 4);
}

void desc_set_accessed(Cpu *cpu, X86Desc *d)
{
    if (!(d->hi & X86_SEG_A)) {
        d->hi |= X86_SEG_A;
        sys_store(cpu, d->addr + 5, 1, d->hi >> 8 & 0xff);
    }
}

void desc_set_busy(Cpu *cpu, X86Desc *d, bool busy)
{
    d->hi = busy ? d->hi | 0x200 : d->hi & ~0x200u;
    sys_store(cpu, d->addr + 5, 1, d->hi >> 8 & 0xff);
}

void seg_put_null(X86Seg *seg, uint32_t sel, unsigned dpl)
{
    seg->selector = sel & 0xffff;
    seg->flags = dpl << X86_SEG_DPL_SHIFT;
    seg->base = 0;
    seg->limit = 0;
}

void seg_put_real(X86Seg *seg, uint32_t sel)
{
    seg->selector = sel & 0xffff;
    seg->base = (sel & 0xffff) << 4;
}

void seg_put_vm86(X86Seg *seg, uint32_t sel)
{
    x86_seg_put(seg, sel, (sel & 0xffff) << 4, 0xffff,
                X86_SEG_P | X86_SEG_S | X86_SEG_W | X86_SEG_A | 3u << X86_SEG_DPL_SHIFT);
}

bool seg_limit_ok(const X86Seg *seg, uint64_t off, unsigned len)
{
    uint64_t last = off + len - 1;

    if ((seg->flags & (X86_SEG_S | X86_SEG_CODE | X86_SEG_E)) == (X86_SEG_S | X86_SEG_E)) {
        uint64_t top = seg->flags & X86_SEG_B ? 0xffffffffu : 0xffff;
        return off > seg->limit && last <= top;
    }
    return last <= seg->limit;
}

void seg_check_stack(Cpu *cpu, uint32_t sel, unsigned cpl, unsigned vector, X86Seg *seg)
{
    X86Desc d;

    if (sel_is_null(sel)) {
        x86_raise_error(cpu, vector, 0);
    }
    desc_fetch_or_raise(cpu, sel, &d, vector);
    if (!desc_is_data(&d) || !(d.hi & X86_SEG_W) || desc_dpl(&d) != cpl || (sel & 3) != cpl) {
        x86_raise_sel(cpu, vector, sel);
    }
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_SS, sel);
    }
    desc_set_accessed(cpu, &d);
    desc_to_seg(seg, sel, &d);
}

/* SS in protected mode: null is allowed in 64-bit mode below ring 3. */
static void seg_load_ss(Cpu *cpu, uint32_t sel)
{
    X86State *s = cpu->env;
    unsigned cpl = x86_cpl(s);

    if (sel_is_null(sel) && x86_in_64(s) && cpl < 3 && (sel & 3) == cpl) {
        seg_put_null(&s->seg[R_SS], sel, cpl);
        return;
    }
    X86Seg seg;
    seg_check_stack(cpu, sel, cpl, X86_EXC_GP, &seg);
    s->seg[R_SS] = seg;
}

void seg_load(Cpu *cpu, unsigned n, uint32_t sel)
{
    X86State *s = cpu->env;
    X86Desc d;

    sel &= 0xffff;
    if (x86_in_vm86(s)) {
        seg_put_vm86(&s->seg[n], sel);
        return;
    }
    if (x86_in_real(s)) {
        seg_put_real(&s->seg[n], sel);
        return;
    }
    if (n == R_SS) {
        seg_load_ss(cpu, sel);
        return;
    }
    if (sel_is_null(sel)) {
        seg_put_null(&s->seg[n], sel, 0);
        return;
    }
    desc_fetch_or_raise(cpu, sel, &d, X86_EXC_GP);
    bool conforming = desc_is_code(&d) && (d.hi & X86_SEG_C);
    if (!(d.hi & X86_SEG_S) || (desc_is_code(&d) && !(d.hi & X86_SEG_R)) ||
        (!conforming && (desc_dpl(&d) < x86_cpl(s) || desc_dpl(&d) < (sel & 3)))) {
        x86_raise_sel(cpu, X86_EXC_GP, sel);
    }
    if (!(d.hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, sel);
    }
    desc_set_accessed(cpu, &d);
    desc_to_seg(&s->seg[n], sel, &d);
}

void seg_put_cs(Cpu *cpu, uint32_t sel, unsigned cpl, const X86Desc *d)
{
    X86State *s = cpu->env;

    desc_to_seg(&s->seg[R_CS], (sel & 0xfffc) | cpl, d);
    x86_mode_update(s);
}

void seg_drop_inner(X86State *s, unsigned cpl)
{
    static const uint8_t data[] = { R_ES, R_DS, R_FS, R_GS };

    for (unsigned i = 0; i < sizeof(data); i++) {
        X86Seg *seg = &s->seg[data[i]];
        bool conforming = (seg->flags & (X86_SEG_CODE | X86_SEG_C)) == (X86_SEG_CODE | X86_SEG_C);
        unsigned dpl = seg->flags >> X86_SEG_DPL_SHIFT & 3;

        if (sel_is_null(seg->selector)) {
            seg->selector = 0;
        } else if (!conforming && dpl < cpl) {
            uint64_t base = seg->base;

            seg_put_null(seg, 0, 0);
            /* 64-bit mode: what FS and GS hold as base stays until something is loaded. */
            seg->base = s->efer & X86_EFER_LMA ? base : 0;
        }
    }
}

void rip_check(Cpu *cpu, const X86Desc *cs, uint64_t rip)
{
    const X86State *s = cpu->env;
    bool is64 = (s->efer & X86_EFER_LMA) && (cs->hi & X86_SEG_L);

    if (is64 ? !x86_canonical(rip) : rip > desc_limit(cs)) {
        x86_raise_gp0(cpu);
    }
}

/* ---- stacks ---- */

X86Stack stack_now(Cpu *cpu)
{
    X86State *s = cpu->env;
    X86Stack st = { .cpu = cpu, .ss = &s->seg[R_SS], .sp = s->gpr[R_RSP], .mmu = x86_mmu(s->mode) };

    if (x86_in_64(s)) {
        st.ss = NULL;
        st.mask = UINT64_MAX;
    } else {
        st.mask = s->seg[R_SS].flags & X86_SEG_B ? 0xffffffffu : 0xffff;
    }
    return st;
}

static vaddr_t stack_addr(const X86Stack *st, uint64_t sp, unsigned size)
{
    if (!st->ss) {
        if (!x86_canonical(sp) || !x86_canonical(sp + size - 1)) {
            x86_raise_error(st->cpu, X86_EXC_SS, st->error);
        }
        return sp;
    }
    if (!seg_limit_ok(st->ss, sp, size)) {
        x86_raise_error(st->cpu, X86_EXC_SS, st->error);
    }
    return (st->ss->base + sp) & 0xffffffffu;
}

void stack_push(X86Stack *st, unsigned size, uint64_t v)
{
    uint64_t sp = (st->sp - size) & st->mask;

    tcg_store(st->cpu, stack_addr(st, sp, size), v, mop_of(size), st->mmu);
    st->sp = sp;
}

uint64_t stack_pop(X86Stack *st, unsigned size)
{
    uint64_t sp = st->sp & st->mask;
    uint64_t v = tcg_load(st->cpu, stack_addr(st, sp, size), mop_of(size), st->mmu);

    st->sp = (sp + size) & st->mask;
    return v;
}

uint64_t stack_rsp(const X86Stack *st, uint64_t old)
{
    return st->mask == 0xffff ? (old & ~UINT64_C(0xffff)) | (st->sp & 0xffff) : st->sp & st->mask;
}

void tss_inner_stack(Cpu *cpu, unsigned cpl, uint32_t *ss, uint32_t *esp)
{
    const X86State *s = cpu->env;
    bool wide = s->tr.flags >> 8 & 8;
    unsigned off = wide ? 4 + 8 * cpl : 2 + 4 * cpl;

    if (off + (wide ? 5 : 3) > s->tr.limit) {
        x86_raise_sel(cpu, X86_EXC_TS, s->tr.selector);
    }
    *esp = (uint32_t)sys_load(cpu, s->tr.base + off, wide ? 4 : 2);
    *ss = (uint32_t)sys_load(cpu, s->tr.base + off + (wide ? 4 : 2), 2);
}

uint64_t tss_stack64(Cpu *cpu, unsigned slot)
{
    const X86State *s = cpu->env;
    unsigned off = 4 + 8 * slot;

    if (off + 7 > s->tr.limit) {
        x86_raise_sel(cpu, X86_EXC_TS, s->tr.selector);
    }
    uint64_t rsp = sys_load(cpu, s->tr.base + off, 8);
    if (!x86_canonical(rsp)) {
        x86_raise_error(cpu, X86_EXC_SS, 0);
    }
    return rsp;
}
