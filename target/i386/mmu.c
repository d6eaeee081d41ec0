/* The page-table walk: 32-bit, PAE and 4-level paging (SDM vol. 3, chapter 4).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/mmu.h"

#include "mem/mem.h"
#include "target/i386/cpuid.h"
#include "target/i386/system.h"
#include "util/bytes.h"
#include "vm/vm.h"

#define PTE_P (UINT64_C(1) << 0)
#define PTE_W (UINT64_C(1) << 1)
#define PTE_U (UINT64_C(1) << 2)
#define PTE_A (UINT64_C(1) << 5)
#define PTE_D (UINT64_C(1) << 6)
#define PTE_PS (UINT64_C(1) << 7)
#define PTE_G (UINT64_C(1) << 8)
#define PTE_NX (UINT64_C(1) << 63)
#define PTE_ADDR UINT64_C(0x000ffffffffff000)

enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_FETCH = 16 };

uint64_t x86_phys_reserved(const X86State *s)
{
    return mask_bits(52) & ~mask_bits(x86_phys_bits(s));
}

uint64_t x86_phys_reserved_all(const X86State *s)
{
    return ~mask_bits(x86_phys_bits(s));
}

/* Takes one entry into account. False if it is not present. */
static bool walk_entry(const X86State *s, const X86WalkMem *mem, X86Walk *w, paddr_t at)
{
    uint64_t e = mem->load(mem->opaque, at, w->size);

    w->at[w->n] = at;
    w->entry[w->n++] = e;
    if (!(e & PTE_P)) {
        return false;
    }
    w->user &= (e & PTE_U) != 0;
    w->write &= (e & PTE_W) != 0;
    if (e & PTE_NX) {
        w->nx |= (s->efer & X86_EFER_NXE) != 0;
        w->reserved |= w->size == 8 && !(s->efer & X86_EFER_NXE);
    }
    return true;
}

static void walk_leaf(const X86State *s, X86Walk *w, uint64_t base, vaddr_t va)
{
    uint64_t e = w->entry[w->n - 1];

    w->present = true;
    w->dirty = e & PTE_D;
    w->global = (e & PTE_G) && (s->cr4 & X86_CR4_PGE);
    w->phys = (base & ~mask_bits(w->bits)) | (va & mask_bits(w->bits));
}

/* Entries of 8 bytes from a table of the given level (3 = PML4 ... 0 = page table) down. */
static void walk_wide(const X86State *s, const X86WalkMem *mem, vaddr_t va, X86Walk *w, paddr_t table,
                      int level)
{
    uint64_t reserved = x86_phys_reserved(s);

    if (!(s->efer & X86_EFER_LMA)) {
        reserved |= UINT64_C(0x7ff) << 52;
    }
    w->size = 8;
    for (; level >= 0; level--) {
        w->bits = (uint8_t)(12 + 9 * level);
        if (!walk_entry(s, mem, w, table + bits_get(va, w->bits, 9) * 8)) {
            return;
        }
        uint64_t e = w->entry[w->n - 1];
        bool large = e & PTE_PS;
        w->reserved |= (e & reserved) != 0;
        if (level == 3 && large) {
            w->reserved = true;
        }
        if (level == 2 && large && !x86_has(s, X86_F_PDPE1GB)) {
            w->reserved = true;
        }
        if (level == 0 || (level < 3 && large)) {
            /* A large page's address bits below its size are reserved, but for PAT in bit 12. */
            w->reserved |= level && (e & mask_bits(w->bits) & PTE_ADDR & ~UINT64_C(0x1000));
            walk_leaf(s, w, e & PTE_ADDR, va);
            return;
        }
        if (w->reserved) {
            w->present = true;
            return;
        }
        table = e & PTE_ADDR;
    }
}

/* 32-bit paging with 4 KiB and 4 MiB pages. */
static void walk_narrow(const X86State *s, const X86WalkMem *mem, vaddr_t va, X86Walk *w)
{
    w->size = 4;
    w->bits = 22;
    if (!walk_entry(s, mem, w, (s->cr3 & 0xfffff000u) + bits_get(va, 22, 10) * 4)) {
        return;
    }
    uint64_t e = w->entry[0];
    if ((e & PTE_PS) && (s->cr4 & X86_CR4_PSE)) {
        /* PSE-36: bits 13 to 20 are bits 32 to 39 of the address; 21 is reserved. */
        uint64_t high = x86_has(s, X86_F_PSE36) ? bits_get(e, 13, 8) : 0;

        w->reserved = e & (x86_has(s, X86_F_PSE36) ? 0x200000 : 0x3fe000);
        walk_leaf(s, w, (e & 0xffc00000u) | high << 32, va);
        return;
    }
    w->bits = 12;
    if (walk_entry(s, mem, w, (e & 0xfffff000u) + bits_get(va, 12, 10) * 4)) {
        walk_leaf(s, w, w->entry[1] & 0xfffff000u, va);
    }
}

void x86_walk(const X86State *s, const X86WalkMem *mem, vaddr_t va, X86Walk *w)
{
    *w = (X86Walk){ .user = true, .write = true };
    if (!(s->cr0 & X86_CR0_PG)) {
        w->present = w->dirty = true;
        w->bits = 63;
        w->phys = va;
    } else if (s->efer & X86_EFER_LMA) {
        walk_wide(s, mem, va, w, s->cr3 & PTE_ADDR, 3);
    } else if (s->cr4 & X86_CR4_PAE) {
        uint64_t e = s->pdpte[va >> 30 & 3];

        w->bits = 30;
        if (e & PTE_P) {
            walk_wide(s, mem, va, w, e & PTE_ADDR, 1);
        }
    } else {
        walk_narrow(s, mem, va, w);
    }
}

static bool rights_allow(const X86State *s, const X86Walk *w, X86MmuAccess access, unsigned mmu)
{
    if (access == X86_ACCESS_FETCH && w->nx) {
        return false;
    }
    if (mmu == X86_MMU_USER) {
        return w->user && (access != X86_ACCESS_WRITE || w->write);
    }
    if (w->user && access == X86_ACCESS_FETCH && (s->cr4 & X86_CR4_SMEP)) {
        return false;
    }
    if (w->user && access != X86_ACCESS_FETCH && mmu == X86_MMU_SMAP) {
        return false;
    }
    return access != X86_ACCESS_WRITE || w->write || !(s->cr0 & X86_CR0_WP);
}

bool x86_walk_allows(const X86State *s, const X86Walk *w, X86MmuAccess access, unsigned mmu,
                     uint32_t *error)
{
    bool nx_on = (s->efer & X86_EFER_NXE) && (s->cr4 & X86_CR4_PAE);

    if (!(s->cr0 & X86_CR0_PG)) {
        return true;
    }
    if (w->present && !w->reserved && rights_allow(s, w, access, mmu)) {
        return true;
    }
    *error = (w->present ? PF_P : 0) | (w->present && w->reserved ? PF_RSVD : 0) |
             (access == X86_ACCESS_WRITE ? PF_W : 0) | (mmu == X86_MMU_USER ? PF_U : 0);
    if (access == X86_ACCESS_FETCH && (nx_on || (s->cr4 & X86_CR4_SMEP))) {
        *error |= PF_FETCH;
    }
    return false;
}

/* ---- for the JIT: with accessed and dirty bits ---- */

static uint64_t walk_load_tcg(void *opaque, paddr_t at, unsigned size)
{
    return tcg_phys_load(opaque, at, size);
}

/* Sets accessed bits, and dirty for a write. False: an entry changed meanwhile. Page tables in
 * memory that cannot be written keep what they have. */
static bool walk_mark(Cpu *cpu, X86Walk *w, bool write)
{
    for (unsigned i = 0; i < w->n; i++) {
        bool leaf = i + 1 == w->n;
        uint64_t now = w->entry[i] | PTE_A | (leaf && write ? PTE_D : 0);

        if (now == w->entry[i] || tcg_phys_cas(cpu, w->at[i], w->size, w->entry[i], now)) {
            continue;
        }
        if (tcg_phys_load(cpu, w->at[i], w->size) != w->entry[i] ||
            tcg_phys_cas(cpu, w->at[i], w->size, w->entry[i], now)) {
            return false;
        }
    }
    w->dirty |= write;
    return true;
}

static bool page_fault(Cpu *cpu, vaddr_t va, uint32_t error)
{
    X86State *s = cpu->env;

    s->cr2 = va;
    x86_exc_set(cpu, X86_EVENT_FAULT, X86_EXC_PF, true, error);
    return false;
}

bool x86_tcg_page(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu, TcgPage *page)
{
    static const X86MmuAccess kinds[] = { [TCG_LOAD] = X86_ACCESS_READ, [TCG_STORE] = X86_ACCESS_WRITE,
                                       [TCG_FETCH] = X86_ACCESS_FETCH };
    X86State *s = cpu->env;
    X86WalkMem mem = { .opaque = cpu, .load = walk_load_tcg };
    X86Walk w;
    uint32_t error;

    if ((s->efer & X86_EFER_LMA) && !x86_canonical(va)) {
        bool stack = access != TCG_FETCH && !s->exc_nest && x86_insn_uses_stack(cpu, va);

        x86_exc_set(cpu, X86_EVENT_FAULT, stack ? X86_EXC_SS : X86_EXC_GP, true, 0);
        return false;
    }
    do {
        x86_walk(s, &mem, va, &w);
        if (!x86_walk_allows(s, &w, kinds[access], mmu, &error)) {
            return page_fault(cpu, va, error);
        }
    } while (!walk_mark(cpu, &w, access == TCG_STORE));
    page->phys = w.phys;
    page->write = w.dirty && x86_walk_allows(s, &w, X86_ACCESS_WRITE, mmu, &error);
    page->exec = x86_walk_allows(s, &w, X86_ACCESS_FETCH, mmu, &error);
    page->global = w.global;
    page->page_bits = MIN(w.bits, 30);
    return true;
}

void x86_tcg_misaligned(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu)
{
    const X86State *s = cpu->env;
    bool wide = x86_insn_operand_size(cpu) >= 16;

    if (!wide && (s->mode & X86_MODE_AC)) {
        x86_exc_set(cpu, X86_EVENT_FAULT, X86_EXC_AC, true, 0);
    } else {
        x86_exc_set(cpu, X86_EVENT_FAULT, X86_EXC_GP, true, 0);
    }
}

/* ---- for the debugger: without side effects ---- */

static uint64_t walk_load_peek(void *opaque, paddr_t at, unsigned size)
{
    const Cpu *cpu = opaque;
    uint64_t v = 0;

    /* Page tables that lie nowhere read as on the bus: all ones, cut to the entry. */
    if (mem_peek(cpu->vm->memory, at, &v, size) < size) {
        v = mask_bytes(size);
    }
    return v;
}

static bool translate_hole(Translation *t, uint64_t left)
{
    *t = (Translation){ .hole = true, .left = left ? left : 1 };
    return false;
}

void x86_walk_peek(const Cpu *cpu, vaddr_t va, X86Walk *w)
{
    X86WalkMem mem = { .opaque = (void *)(uintptr_t)cpu, .load = walk_load_peek };

    x86_walk(cpu->env, &mem, va, w);
}

bool x86_translate(const Cpu *cpu, vaddr_t va, Translation *t)
{
    const X86State *s = cpu->env;
    unsigned mmu = x86_mmu(s->mode);
    X86Walk w;
    uint32_t error;

    if (!(s->efer & X86_EFER_LMA)) {
        if (va >> 32) {
            return translate_hole(t, -va);
        }
    } else if (!x86_canonical(va)) {
        return translate_hole(t, UINT64_C(0xffff800000000000) - va);
    }
    x86_walk_peek(cpu, va, &w);
    uint64_t left = w.bits == 63 ? (UINT64_C(1) << 32) - (va & 0xffffffffu)
                                 : (UINT64_C(1) << w.bits) - (va & mask_bits(w.bits));
    if (!w.present || w.reserved) {
        return translate_hole(t, left);
    }
    *t = (Translation){ .paddr = w.phys, .left = left, .page_size = UINT64_C(1) << w.bits,
                        .user = w.user && (s->cr0 & X86_CR0_PG) };
    t->read = x86_walk_allows(s, &w, X86_ACCESS_READ, mmu, &error);
    t->write = x86_walk_allows(s, &w, X86_ACCESS_WRITE, mmu, &error);
    t->exec = x86_walk_allows(s, &w, X86_ACCESS_FETCH, mmu, &error);
    return true;
}

unsigned x86_peek(const Cpu *cpu, vaddr_t va, void *buf, unsigned len)
{
    unsigned done = 0;

    while (done < len) {
        Translation t;

        if (!x86_translate(cpu, va + done, &t)) {
            break;
        }
        uint64_t n = MIN(len - done, t.left);
        uint64_t got = mem_peek(cpu->vm->memory, t.paddr, (char *)buf + done, n);
        done += (unsigned)got;
        if (got < n) {
            break;
        }
    }
    return done;
}
