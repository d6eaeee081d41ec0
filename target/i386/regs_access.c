/* Getters and setters of the register table.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "mem/mem.h"
#include "target/i386/cpuid.h"
#include "target/i386/dr7.h"
#include "target/i386/excp.h"
#include "target/i386/flags.h"
#include "target/i386/lapic.h"
#include "target/i386/mmu.h"
#include "target/i386/msr.h"
#include "target/i386/regs_int.h"
#include "target/i386/seg_int.h"
#include "target/i386/x86.h"
#include "target/i386/x87.h"
#include "util/bytes.h"
#include "util/error.h"

#define GET(name) void x86_reg_get_##name(const Cpu *cpu, const RegDesc *r, uint8_t *le)
#define SET(name) \
    bool x86_reg_set_##name(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp)

static void put(const RegDesc *r, uint8_t *le, uint64_t v)
{
    store_le(le, v, MIN(reg_bytes(r), 8u));
}

static uint64_t value(const RegDesc *r, const uint8_t *le)
{
    return load_le(le, MIN(reg_bytes(r), 8u));
}

static bool refuse(const RegDesc *r, const char *why, GError **errp)
{
    return error_set(errp, INVALID, "%s: %s", r->name, why);
}

/* ---- general ---- */

GET(rip)
{
    put(r, le, x86_state(cpu)->rip);
}

SET(rip)
{
    X86State *s = cpu->env;
    uint64_t v = value(r, le);

    if (x86_in_64(s) && !x86_canonical(v)) {
        return refuse(r, "the address is not canonical", errp);
    }
    s->rip = x86_in_64(s) ? v : (uint32_t)v;
    return true;
}

GET(flags)
{
    put(r, le, x86_eflags_get(cpu->env));
}

SET(flags)
{
    X86State *s = cpu->env;
    uint64_t v = value(r, le);

    if ((v & X86_VM) && (s->efer & X86_EFER_LMA)) {
        return refuse(r, "there is no virtual-8086 mode in long mode", errp);
    }
    if ((v ^ x86_eflags_get(s)) & X86_VM) {
        return refuse(r, "VM cannot be changed without the segment registers", errp);
    }
    x86_eflags_set(s, v);
    x86_resync(cpu);
    return true;
}

/* ---- segments ---- */

static X86Seg *seg_at(const Cpu *cpu, unsigned i)
{
    X86State *s = cpu->env;

    switch (i) {
    case X86_SEGIDX_LDT:
        return &s->ldt;
    case X86_SEGIDX_TR:
        return &s->tr;
    case X86_SEGIDX_GDT:
        return &s->gdt;
    case X86_SEGIDX_IDT:
        return &s->idt;
    default:
        return &s->seg[i];
    }
}

GET(sel)
{
    put(r, le, seg_at(cpu, (unsigned)r->arg)->selector);
}

/* A descriptor, read without side effects. */
static bool desc_peek(const Cpu *cpu, uint32_t sel, X86Desc *d, uint32_t *high)
{
    const X86State *s = cpu->env;
    const X86Seg *table = sel & 4 ? &s->ldt : &s->gdt;
    uint32_t raw[4] = { 0 };

    if ((sel | 7u) > table->limit || ((sel & 4) && !(table->flags & X86_SEG_P)) ||
        x86_peek(cpu, table->base + (sel & 0xfff8), raw, 16) < 8) {
        return false;
    }
    *d = (X86Desc){ .lo = raw[0], .hi = raw[1] };
    *high = raw[2];
    return true;
}

/* Why a descriptor cannot be in this register; NULL if it can. */
static const char *desc_refuse(const X86State *s, unsigned i, const X86Desc *d)
{
    unsigned type = desc_type(d);

    if (!(d->hi & X86_SEG_P)) {
        return "the selector's descriptor is not present";
    }
    if (i == X86_SEGIDX_LDT || i == X86_SEGIDX_TR) {
        bool tss = type == X86_SYS_TSS || type == X86_SYS_TSS_BUSY;

        if ((d->hi & X86_SEG_S) || (i == X86_SEGIDX_LDT ? type != X86_SYS_LDT : !tss)) {
            return "the selector names another kind of descriptor";
        }
        return NULL;
    }
    if (i == R_CS ? !desc_is_code(d) : !(d->hi & X86_SEG_S)) {
        return "the selector names another kind of descriptor";
    }
    if (i == R_SS && (!desc_is_data(d) || !(d->hi & X86_SEG_W))) {
        return "the stack needs a writable data segment";
    }
    if ((i == R_SS || (i == R_CS && !(d->hi & X86_SEG_C))) && desc_dpl(d) != x86_cpl(s)) {
        return "the descriptor's privilege is not the present one";
    }
    if (i != R_CS && desc_is_code(d) && !(d->hi & X86_SEG_R)) {
        return "the code segment is not readable";
    }
    return NULL;
}

static bool sel_load(Cpu *cpu, const RegDesc *r, unsigned i, uint32_t sel, GError **errp)
{
    X86State *s = cpu->env;
    X86Desc d;
    uint32_t high;

    if (sel_is_null(sel)) {
        if (i == R_CS || i == X86_SEGIDX_TR || (i == R_SS && (!x86_in_64(s) || x86_cpl(s) == 3))) {
            return refuse(r, "a null selector cannot be here", errp);
        }
        seg_put_null(seg_at(cpu, i), sel, i == R_SS ? x86_cpl(s) : 0);
        return true;
    }
    if (!desc_peek(cpu, sel, &d, &high)) {
        return refuse(r, "the selector is beyond its descriptor table", errp);
    }
    const char *no = desc_refuse(s, i, &d);
    if (no) {
        return refuse(r, no, errp);
    }
    desc_to_seg(seg_at(cpu, i), sel, &d);
    if (i >= X86_SEGIDX_LDT && (s->efer & X86_EFER_LMA)) {
        seg_at(cpu, i)->base |= (uint64_t)high << 32;
    }
    return true;
}

/* Loads the segment as the guest would; what it already is stays untouched. */
SET(sel)
{
    X86State *s = cpu->env;
    unsigned i = (unsigned)r->arg;
    uint64_t v = value(r, le);
    X86Seg *seg = seg_at(cpu, i);

    if (v >> 16) {
        return refuse(r, "a selector has 16 bits", errp);
    }
    if (v == seg->selector) {
        return true;
    }
    if (x86_in_vm86(s) && i < X86_NUM_SEGS) {
        seg_put_vm86(seg, (uint32_t)v);
    } else if (x86_in_real(s) && i < X86_NUM_SEGS) {
        seg_put_real(seg, (uint32_t)v);
    } else if (!sel_load(cpu, r, i, (uint32_t)v, errp)) {
        return false;
    }
    x86_resync(cpu);
    return true;
}

GET(seg)
{
    const X86Seg *seg = seg_at(cpu, r->arg & 0xff);
    unsigned field = (unsigned)(r->arg >> 8);

    put(r, le, field == X86_SEGFIELD_BASE ? seg->base
               : field == X86_SEGFIELD_LIMIT ? seg->limit : seg->flags >> 8);
}

SET(seg)
{
    X86State *s = cpu->env;
    unsigned i = r->arg & 0xff, field = (unsigned)(r->arg >> 8);
    X86Seg *seg = seg_at(cpu, i);
    uint64_t v = value(r, le);
    bool lm = s->efer & X86_EFER_LMA;

    if (field == X86_SEGFIELD_BASE) {
        if (lm ? !x86_canonical(v) : v >> 32) {
            return refuse(r, lm ? "the address is not canonical" : "a base has 32 bits here", errp);
        }
        seg->base = v;
    } else if (field == X86_SEGFIELD_LIMIT) {
        if (i >= X86_SEGIDX_GDT && v >> 16) {
            return refuse(r, "this limit has 16 bits", errp);
        }
        seg->limit = (uint32_t)v;
    } else {
        if (v & ~UINT64_C(0xf0ff)) {
            return refuse(r, "attributes are bits 0-7 and 12-15", errp);
        }
        seg->flags = (uint32_t)v << 8;
    }
    x86_resync(cpu);
    return true;
}

/* ---- x87 and SSE ---- */

GET(st)
{
    memcpy(le, x87_st(&x86_state(cpu)->fpu, (unsigned)r->arg), 10);
}

SET(st)
{
    memcpy(x87_st(&x86_state(cpu)->fpu, (unsigned)r->arg), le, 10);
    return true;
}

GET(fpu)
{
    const X86Fpu *f = &x86_state(cpu)->fpu;

    switch (r->arg) {
    case X86_FPU_CONTROL:
        put(r, le, f->control);
        break;
    case X86_FPU_STATUS:
        put(r, le, x87_status(f));
        break;
    case X86_FPU_TAG:
        put(r, le, x87_tag_word(f));
        break;
    case X86_FPU_IP_SEL:
        put(r, le, f->ip_sel);
        break;
    case X86_FPU_IP:
        put(r, le, f->ip);
        break;
    case X86_FPU_DP_SEL:
        put(r, le, f->dp_sel);
        break;
    case X86_FPU_DP:
        put(r, le, f->dp);
        break;
    default:
        put(r, le, f->opcode & 0x7ff);
        break;
    }
}

/* The 32-bit view of a pointer keeps the upper half if the lower one is as it was. */
static void fpu_pointer(const RegDesc *r, uint64_t *p, uint64_t v)
{
    if (r->bits == 64 || (uint32_t)*p != v) {
        *p = v;
    }
}

SET(fpu)
{
    X86Fpu *f = &x86_state(cpu)->fpu;
    uint64_t v = value(r, le);

    if (r->arg != X86_FPU_IP && r->arg != X86_FPU_DP && v >> 16) {
        return refuse(r, "it has 16 bits", errp);
    }
    switch (r->arg) {
    case X86_FPU_CONTROL:
        f->control = (uint16_t)((v & 0x1f3f) | 0x40);
        break;
    case X86_FPU_STATUS:
        x87_set_status(f, (uint16_t)v);
        break;
    case X86_FPU_TAG:
        x87_set_tag_word(f, (uint16_t)v);
        break;
    case X86_FPU_IP_SEL:
        f->ip_sel = (uint16_t)v;
        break;
    case X86_FPU_IP:
        fpu_pointer(r, &f->ip, v);
        break;
    case X86_FPU_DP_SEL:
        f->dp_sel = (uint16_t)v;
        break;
    case X86_FPU_DP:
        fpu_pointer(r, &f->dp, v);
        break;
    default:
        f->opcode = v & 0x7ff;
        break;
    }
    return true;
}

GET(mxcsr)
{
    put(r, le, x86_state(cpu)->mxcsr);
}

SET(mxcsr)
{
    uint64_t v = value(r, le);

    if (v >> 16) {
        return refuse(r, "reserved bits are set", errp);
    }
    x86_state(cpu)->mxcsr = (uint32_t)v;
    x86_resync(cpu);
    return true;
}

/* ---- system ---- */

GET(cr)
{
    const X86State *s = cpu->env;
    const uint64_t v[9] = { [0] = s->cr0, [2] = s->cr2, [3] = s->cr3, [4] = s->cr4,
                            [8] = x86_lapic_cr8(s->lapic) };

    put(r, le, v[r->arg]);
}

static const char *cr_refuse(const X86State *s, unsigned n, uint64_t v)
{
    switch (n) {
    case 0:
        return x86_cr0_refuse(s, v);
    case 3:
        return x86_cr3_refuse(s, v);
    case 4:
        return x86_cr4_refuse(s, v);
    case 8:
        return v >> 4 ? "it has four bits" : NULL;
    default:
        return NULL;
    }
}

SET(cr)
{
    X86State *s = cpu->env;
    uint64_t v = value(r, le);
    X86Flush flush = X86_FLUSH_NONE;
    const char *no = cr_refuse(s, (unsigned)r->arg, v);
    bool ok = true;

    if (no) {
        return refuse(r, no, errp);
    }
    switch (r->arg) {
    case 0:
        ok = x86_cr0_put(cpu, v, &flush);
        break;
    case 2:
        s->cr2 = v;
        break;
    case 3:
        ok = x86_cr3_put(cpu, v, &flush);
        break;
    case 4:
        ok = x86_cr4_put(cpu, v, &flush);
        break;
    default:
        x86_lapic_set_cr8(s->lapic, (unsigned)v);
        break;
    }
    if (!ok) {
        return refuse(r, "a page-directory pointer has reserved bits set", errp);
    }
    x86_resync(cpu);
    return true;
}

GET(xcr0)
{
    put(r, le, x86_state(cpu)->xcr0);
}

SET(xcr0)
{
    X86State *s = cpu->env;
    uint64_t v = value(r, le);

    if (!(v & 1) || (v & ~x86_xcr0_mask(s)) || ((v & 4) && !(v & 2))) {
        return refuse(r, "this combination of components is not allowed", errp);
    }
    s->xcr0 = v;
    x86_resync(cpu);
    return true;
}

GET(dr)
{
    put(r, le, x86_state(cpu)->dr[r->arg]);
}

SET(dr)
{
    X86State *s = cpu->env;
    uint64_t v = value(r, le);

    if (r->arg >= 6 && v >> 32) {
        return refuse(r, "the upper half must be zero", errp);
    }
    s->dr[r->arg] = r->arg == 7 ? x86_dr7_legal(v)
                    : r->arg == 6 ? (v & X86_DR6_BITS) | X86_DR6_FIXED : v;
    x86_resync(cpu);
    return true;
}

GET(msr)
{
    uint64_t v = 0;

    x86_msr_read(cpu, (uint32_t)r->arg, &v);
    put(r, le, v);
}

SET(msr)
{
    X86Flush flush = X86_FLUSH_NONE;
    const char *why = "it cannot be written";
    uint64_t v = value(r, le), old;

    if (x86_msr_read(cpu, (uint32_t)r->arg, &old) && old == v) {
        return true;
    }
    if (!x86_msr_write(cpu, (uint32_t)r->arg, v, &flush, &why)) {
        return refuse(r, why, errp);
    }
    x86_resync(cpu);
    return true;
}

GET(pseudo)
{
    const X86State *s = cpu->env;

    put(r, le, r->arg == X86_PSEUDO_CPL ? x86_cpl(s) : s->mode);
}

SET(pseudo)
{
    return refuse(r, "it follows from other registers", errp);
}
