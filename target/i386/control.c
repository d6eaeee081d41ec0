/* Control registers and EFER: which values are legal, and what hangs on them.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Used by MOV CR and WRMSR, and by the register table: what the guest gets #GP for is what a
 * debugger is refused, with the reason. */
#include "mem/mem.h"
#include "target/i386/cpuid.h"
#include "target/i386/mmu.h"
#include "target/i386/x86.h"
#include "vm/vm.h"

#define CR0_DEFINED (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | \
                     X86_CR0_WP | X86_CR0_AM | X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)

const char *x86_cr0_refuse(const X86State *s, uint64_t v)
{
    bool pg = v & X86_CR0_PG, had_pg = s->cr0 & X86_CR0_PG;

    if (v >> 32) {
        return "the upper half of CR0 must be zero";
    }
    if (pg && !(v & X86_CR0_PE)) {
        return "CR0.PG needs CR0.PE";
    }
    if ((v & X86_CR0_NW) && !(v & X86_CR0_CD)) {
        return "CR0.NW needs CR0.CD";
    }
    if (pg && !had_pg && (s->efer & X86_EFER_LME)) {
        if (!(s->cr4 & X86_CR4_PAE)) {
            return "long mode needs CR4.PAE before CR0.PG";
        }
        if (s->seg[R_CS].flags & X86_SEG_L) {
            return "CS.L must be clear when long mode is switched on";
        }
        if (s->tr.flags && !(s->tr.flags >> 8 & 8)) {
            return "long mode needs a 32-bit task state";
        }
    }
    if (!pg && had_pg) {
        if ((s->efer & X86_EFER_LMA) && (s->seg[R_CS].flags & X86_SEG_L)) {
            return "paging cannot be switched off in 64-bit mode";
        }
        if (s->cr4 & X86_CR4_PCIDE) {
            return "paging cannot be switched off while CR4.PCIDE is set";
        }
    }
    return NULL;
}

/* Loads PAE page-directory pointers for these control registers; false if one is malformed. */
static bool pdpte_load(Cpu *cpu, uint64_t cr0, uint64_t cr3, uint64_t cr4, bool lma)
{
    X86State *s = cpu->env;
    uint64_t p[4] = { 0 };

    if (!(cr0 & X86_CR0_PG) || !(cr4 & X86_CR4_PAE) || lma) {
        return true;
    }
    mem_peek(cpu->vm->memory, cr3 & 0xffffffe0u, p, sizeof(p));
    for (unsigned i = 0; i < 4; i++) {
        if ((p[i] & 1) && (p[i] & (x86_phys_reserved(s) | 0x1e6 | UINT64_C(1) << 63))) {
            return false;
        }
    }
    memcpy(s->pdpte, p, sizeof(p));
    return true;
}

bool x86_cr0_put(Cpu *cpu, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;
    uint64_t changed;
    bool lma = s->efer & X86_EFER_LMA;

    v = (v & CR0_DEFINED) | X86_CR0_ET;
    changed = s->cr0 ^ v;
    if (changed & X86_CR0_PG) {
        lma = (v & X86_CR0_PG) && (s->efer & X86_EFER_LME);
    }
    if ((changed & (X86_CR0_PG | X86_CR0_CD | X86_CR0_NW)) &&
        !pdpte_load(cpu, v, s->cr3, s->cr4, lma)) {
        return false;
    }
    s->cr0 = v;
    s->efer = lma ? s->efer | X86_EFER_LMA : s->efer & ~(uint64_t)X86_EFER_LMA;
    if (changed & (X86_CR0_PG | X86_CR0_PE | X86_CR0_WP)) {
        *flush = X86_FLUSH_ALL;
    }
    x86_mode_update(s);
    return true;
}

const char *x86_cr3_refuse(const X86State *s, uint64_t v)
{
    if ((s->cr4 & X86_CR4_PCIDE) && (s->efer & X86_EFER_LMA)) {
        v &= ~(UINT64_C(1) << 63);
    }
    if (s->efer & X86_EFER_LMA) {
        return v & x86_phys_reserved_all(s) ? "CR3 has bits above the physical address width" : NULL;
    }
    return NULL;
}

bool x86_cr3_put(Cpu *cpu, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;
    bool lma = s->efer & X86_EFER_LMA;

    v &= ~(UINT64_C(1) << 63);
    if (!lma && !pdpte_load(cpu, s->cr0, v, s->cr4, lma)) {
        return false;
    }
    s->cr3 = v;
    if (*flush == X86_FLUSH_NONE && (s->cr0 & X86_CR0_PG)) {
        /* The TLB has no PCID tags: other contexts' entries would be seen, so all must go. */
        *flush = X86_FLUSH_LOCAL;
    }
    return true;
}

static uint64_t cr4_defined(const X86State *s)
{
    static const struct { uint32_t bit; X86Feature f; } rows[] = {
        { X86_CR4_VME | X86_CR4_PVI, X86_F_VME }, { X86_CR4_TSD, X86_F_TSC },
        { X86_CR4_DE, X86_F_DE }, { X86_CR4_PSE, X86_F_PSE }, { X86_CR4_PAE, X86_F_PAE },
        { X86_CR4_MCE, X86_F_MCE }, { X86_CR4_PGE, X86_F_PGE }, { X86_CR4_OSFXSR, X86_F_FXSR },
        { X86_CR4_OSXMMEXCPT, X86_F_SSE }, { X86_CR4_UMIP, X86_F_UMIP },
        { X86_CR4_FSGSBASE, X86_F_FSGSBASE }, { X86_CR4_PCIDE, X86_F_PCID },
        { X86_CR4_OSXSAVE, X86_F_XSAVE }, { X86_CR4_SMEP, X86_F_SMEP },
        { X86_CR4_SMAP, X86_F_SMAP },
    };
    uint64_t m = X86_CR4_PCE;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        m |= x86_has(s, rows[i].f) ? rows[i].bit : 0;
    }
    return m;
}

const char *x86_cr4_refuse(const X86State *s, uint64_t v)
{
    uint64_t set = v & ~s->cr4;

    if (v & ~cr4_defined(s)) {
        return "CR4 has a bit that this CPU model does not offer";
    }
    if ((s->efer & X86_EFER_LMA) && !(v & X86_CR4_PAE)) {
        return "CR4.PAE cannot be cleared in long mode";
    }
    if ((set & X86_CR4_PCIDE) && (!(s->efer & X86_EFER_LMA) || (s->cr3 & 0xfff))) {
        return "CR4.PCIDE needs long mode and CR3 with PCID 0";
    }
    return NULL;
}

bool x86_cr4_put(Cpu *cpu, uint64_t v, X86Flush *flush)
{
    const uint64_t paging = X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PGE | X86_CR4_SMEP | X86_CR4_SMAP |
                            X86_CR4_PCIDE;
    X86State *s = cpu->env;
    uint64_t changed = s->cr4 ^ v;

    if ((changed & (X86_CR4_PAE | X86_CR4_PSE | X86_CR4_PGE | X86_CR4_SMEP)) &&
        !pdpte_load(cpu, s->cr0, s->cr3, v, s->efer & X86_EFER_LMA)) {
        return false;
    }
    s->cr4 = v;
    if (changed & paging) {
        *flush = X86_FLUSH_ALL;
    }
    x86_mode_update(s);
    return true;
}

const char *x86_efer_refuse(const X86State *s, uint64_t v)
{
    uint64_t defined = X86_EFER_LMA;

    defined |= x86_has(s, X86_F_SYSCALL) ? X86_EFER_SCE : 0;
    defined |= x86_has(s, X86_F_LM) ? X86_EFER_LME : 0;
    defined |= x86_has(s, X86_F_NX) ? X86_EFER_NXE : 0;
    if (v & ~defined) {
        return "EFER has a bit that this CPU model does not offer";
    }
    if ((s->cr0 & X86_CR0_PG) && ((v ^ s->efer) & X86_EFER_LME)) {
        return "EFER.LME cannot be changed while paging is on";
    }
    return NULL;
}

void x86_efer_put(Cpu *cpu, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;
    uint64_t old = s->efer;

    s->efer = (v & ~(uint64_t)X86_EFER_LMA) | (old & X86_EFER_LMA);
    if ((old ^ s->efer) & X86_EFER_NXE) {
        *flush = X86_FLUSH_ALL;
    }
    x86_mode_update(s);
}
