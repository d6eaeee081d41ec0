/* The mode word, made of everything that changes what an instruction means; EFLAGS changes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/dr7.h"
#include "target/i386/flags.h"
#include "target/i386/seg_int.h"
#include "target/i386/x86.h"
#include "util/thread.h"

/* A flat data segment: all of the 4 GiB, up, writable. */
static bool seg_is_flat(const X86Seg *seg, bool prot)
{
    uint32_t need = X86_SEG_P | X86_SEG_S | X86_SEG_W, no = X86_SEG_CODE | X86_SEG_E;

    return seg->base == 0 && seg->limit == 0xffffffffu &&
           (!prot || (seg->flags & (need | no)) == need);
}

static uint32_t mode_segments(const X86State *s, bool prot)
{
    const X86Seg *cs = &s->seg[R_CS];
    uint32_t m = 0;

    if ((s->efer & X86_EFER_LMA) && (cs->flags & X86_SEG_L)) {
        return X86_MODE_LMA | X86_MODE_CS64 | X86_MODE_CS32 | X86_MODE_SS32 | X86_MODE_FLAT;
    }
    m |= s->efer & X86_EFER_LMA ? X86_MODE_LMA : 0;
    m |= cs->flags & X86_SEG_B ? X86_MODE_CS32 : 0;
    m |= s->seg[R_SS].flags & X86_SEG_B ? X86_MODE_SS32 : 0;
    if (cs->base == 0 && cs->limit == 0xffffffffu && seg_is_flat(&s->seg[R_DS], prot) &&
        seg_is_flat(&s->seg[R_ES], prot) && seg_is_flat(&s->seg[R_SS], prot)) {
        m |= X86_MODE_FLAT;
    }
    return m;
}

static unsigned cpl_now(const X86State *s)
{
    if (!(s->cr0 & X86_CR0_PE)) {
        return 0;
    }
    return s->eflags & X86_VM ? 3 : s->seg[R_SS].flags >> X86_SEG_DPL_SHIFT & 3;
}

/* Bits that follow one bit of a register. */
static uint32_t mode_simple(const X86State *s, unsigned cpl)
{
    uint32_t m = 0;

    m |= s->cr0 & X86_CR0_TS ? X86_MODE_TS : 0;
    m |= s->cr0 & X86_CR0_EM ? X86_MODE_EM : 0;
    m |= s->cr0 & X86_CR0_MP ? X86_MODE_MP : 0;
    m |= s->cr4 & X86_CR4_OSFXSR ? X86_MODE_OSFXSR : 0;
    m |= s->cr4 & X86_CR4_OSXSAVE ? X86_MODE_OSXSAVE : 0;
    m |= s->cr4 & X86_CR4_FSGSBASE ? X86_MODE_FSGSBASE : 0;
    m |= (s->cr4 & X86_CR4_TSD) && cpl ? X86_MODE_TSD : 0;
    m |= (s->cr4 & X86_CR4_UMIP) && cpl ? X86_MODE_UMIP : 0;
    m |= (s->mxcsr >> 7 & 0x3f) != 0x3f ? X86_MODE_FPEXC : 0;
    m |= s->eflags & X86_TF ? X86_MODE_TF : 0;
    m |= s->eflags & X86_RF ? X86_MODE_RF : 0;
    return m;
}

void x86_mode_update(X86State *s)
{
    unsigned cpl = cpl_now(s), iopl = (s->eflags & X86_IOPL) >> 12;
    bool pe = s->cr0 & X86_CR0_PE, vm86 = pe && (s->eflags & X86_VM), ac = s->eflags & X86_AC;
    uint32_t m = s->mode & (X86_MODE_SHADOW | X86_MODE_SS_SHADOW);

    m |= cpl | mode_segments(s, pe && !vm86) | mode_simple(s, cpl);
    m |= pe ? X86_MODE_PE : 0;
    m |= vm86 ? X86_MODE_VM86 : 0;
    m |= !pe || cpl <= iopl ? X86_MODE_IOPL_OK : 0;
    m |= (s->cr4 & X86_CR4_SMAP) && !ac && cpl < 3 ? X86_MODE_SMAP : 0;
    m |= (s->cr0 & X86_CR0_AM) && ac && cpl == 3 ? X86_MODE_AC : 0;
    if (s->dr[7] & X86_DR7_ENABLE_ALL) {
        m |= x86_dr7_any(s->dr[7], X86_DR_EXEC) ? X86_MODE_EXECBP : 0;
        m |= (s->cr4 & X86_CR4_DE) && x86_dr7_any(s->dr[7], X86_DR_IO) ? X86_MODE_IOBP : 0;
    }
    s->mode = m;
}

uint32_t flags_mask(const X86State *s, unsigned cpl, unsigned size)
{
    uint32_t mask = X86_ARITH | X86_TF | X86_DF | X86_NT | X86_AC | X86_ID;
    unsigned iopl = (s->eflags & X86_IOPL) >> 12;

    mask |= cpl <= iopl || !(s->cr0 & X86_CR0_PE) ? X86_IF : 0;
    mask |= cpl == 0 ? X86_IOPL : 0;
    return size == 2 ? mask & 0xffff : mask;
}

void flags_put(Cpu *cpu, uint64_t value, uint32_t mask)
{
    X86State *s = cpu->env;
    uint32_t old = (uint32_t)x86_eflags_get(s);
    uint32_t now = (old & ~mask) | ((uint32_t)value & mask);

    x86_eflags_set(s, now);
    x86_mode_update(s);
    if ((now & X86_RF) && !(s->mode & X86_MODE_EXECBP)) {
        /* RF only tells execute breakpoints to let an instruction pass: there are none. */
        s->eflags &= ~X86_RF;
        s->mode &= ~X86_MODE_RF;
    }
    if (now & X86_IF) {
        x86_irq_recheck(cpu);
    }
}

void x86_irq_recheck(Cpu *cpu)
{
    if (cpu_interrupt_pending(cpu)) {
        atomic_or_old(&cpu->attn, CPU_ATTN_IRQ);
    }
}

void x86_resync(Cpu *cpu)
{
    x86_mode_update(cpu->env);
    cpu_interrupt(cpu, X86_IRQ_RESYNC);
}
