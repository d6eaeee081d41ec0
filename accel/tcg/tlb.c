/* The software TLB: filling, flushing, and taking write access away from pages with code.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Generated code reads entries without a lock. They are written under tlb_lock: by the owner when it fills
 * and flushes, by others when a page gets its first code. A fill tests the page's CODE flag under the lock,
 * and whoever sets the flag takes the lock of every vCPU afterwards, so no fill can miss it. */
#include "accel/tcg/tlb.h"

#include <string.h>

#include "accel/tcg/tcg_state.h"
#include "accel/tcg/watch.h"
#include "util/log.h"
#include "vm/vm.h"

static void entry_clear(TcgTlbEntry *e, TcgTlbInfo *info)
{
    __atomic_store_n(&e->write, ~0ull, __ATOMIC_RELAXED);
    e->read = ~0ull;
    info->exec = ~0ull;
    info->global = false;
}

static void note_large(TcgCpu *tc, vaddr_t va, unsigned bits)
{
    vaddr_t first = va & ~((1ull << bits) - 1), last = first + ((1ull << bits) - 1);

    if (tc->large_first > tc->large_last) {
        tc->large_first = first;
        tc->large_last = last;
    } else {
        tc->large_first = MIN(tc->large_first, first);
        tc->large_last = MAX(tc->large_last, last);
    }
}

/* What the tags of a page are, given what is there. Under tlb_lock. */
static void entry_set(Cpu *cpu, TcgTlbEntry *e, TcgTlbInfo *info, vaddr_t va, TcgAccess access,
                      const TcgPage *page, const MemSection *sec)
{
    vaddr_t vpage = va & TCG_PAGE_MASK;
    paddr_t ppage = page->phys & TCG_PAGE_MASK;
    bool same = tlb_tag_is(info->exec, vpage) || tlb_tag_is(e->read, vpage) || tlb_tag_is(e->write, vpage);
    bool whole = sec->host && sec->avail >= TCG_PAGE_SIZE;
    uint64_t flags = whole ? 0 : TCG_TLB_SLOW;

    if (!same || info->phys != ppage) {
        entry_clear(e, info);
    }
    info->phys = ppage;
    info->global = page->global;
    info->flags = whole ? sec->flags : NULL;
    e->addend = whole ? (uint64_t)(uintptr_t)sec->host - vpage : 0;
    e->watch = watch_page(cpu, vpage, ppage, e->addend);
    if (e->watch) {
        flags |= TCG_TLB_WATCH;
    }
    if (access == TCG_FETCH) {
        info->exec = vpage;
        return;
    }
    e->read = vpage | flags;
    if (!page->write) {
        return;
    }
    if (whole && (!sec->writable || mem_flags_get(sec->flags) & MEM_PAGE_CODE)) {
        flags |= TCG_TLB_SLOW;
    }
    if (whole && sec->writable) {
        mem_flags_set(sec->flags, MEM_PAGE_DIRTY);
    }
    __atomic_store_n(&e->write, vpage | flags, __ATOMIC_RELAXED);
}

bool tlb_try_fill(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgTlbEntry *e = &tc->tlb[mmu][tlb_index(va)];
    TcgTlbInfo *info = &tc->tlb_info[mmu][tlb_index(va)];
    TcgPage page = { 0 };
    MemSection sec;

    if (!tc->tcg->fe->page(cpu, va, access, mmu, &page)) {
        return false;
    }
    if (!mem_find(cpu->vm->memory, page.phys & TCG_PAGE_MASK, &sec)) {
        sec.host = NULL;
    }
    mutex_lock(&tc->tlb_lock);
    entry_set(cpu, e, info, va, access, &page, &sec);
    if (page.page_bits > TCG_PAGE_BITS) {
        note_large(tc, va, page.page_bits);
    }
    mutex_unlock(&tc->tlb_lock);
    return true;
}

void tlb_fill(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu)
{
    if (!tlb_try_fill(cpu, va, access, mmu)) {
        tcg_raise(cpu);
    }
}

bool tlb_fetch_phys(Cpu *cpu, vaddr_t va, unsigned mmu, paddr_t *phys)
{
    TcgTlbInfo *info = &tcg_cpu(cpu)->tlb_info[mmu][tlb_index(va)];

    if (!tlb_tag_is(info->exec, va) && !tlb_try_fill(cpu, va, TCG_FETCH, mmu)) {
        return false;
    }
    *phys = info->phys | (va & ~TCG_PAGE_MASK);
    return true;
}

/* ---- jump entries ---- */

static unsigned page_bit(vaddr_t va)
{
    return va >> TCG_PAGE_BITS & (TCG_JC_SIZE - 1);
}

static void bit_set(uint64_t *map, unsigned n, bool on)
{
    uint64_t bit = 1ull << (n % 64);

    map[n / 64] = on ? map[n / 64] | bit : map[n / 64] & ~bit;
}

void tlb_jump_filled(Cpu *cpu, const TcgBlock *tb)
{
    TcgCpu *tc = tcg_cpu(cpu);
    vaddr_t va = tb->pc + tb->base;
    const TcgTlbInfo *info = &tc->tlb_info[tc->tcg->fe->fetch_mmu(tb->mode)][tlb_index(va)];
    unsigned n = tcg_jc_index(tb->pc);

    bit_set(tc->jump_used, n, true);
    bit_set(tc->jump_global, n, info->global && tlb_tag_is(info->exec, va) && tb->page[1] == TCG_NO_PAGE);
    bit_set(tc->jump_pages, page_bit(va), true);
}

static void jump_clear(TcgCpu *tc, unsigned n)
{
    tc->jump[n].pc = ~0ull;
    tc->jump[n].mode = 0;
}

/* Entries on global pages may stay when the address space changes. */
static void jump_flush(TcgCpu *tc, bool keep_global)
{
    for (unsigned w = 0; w < TCG_JC_SIZE / 64; w++) {
        uint64_t keep = keep_global ? tc->jump_global[w] : 0;

        for (uint64_t set = tc->jump_used[w] & ~keep; set; set &= set - 1) {
            jump_clear(tc, w * 64 + (unsigned)__builtin_ctzll(set));
        }
        tc->jump_used[w] &= keep;
        tc->jump_global[w] &= keep;
    }
    if (!keep_global) {
        memset(tc->jump_pages, 0, sizeof(tc->jump_pages));
    }
}

void tcg_jump_flush(Cpu *cpu)
{
    jump_flush(tcg_cpu(cpu), false);
}

/* Forgets entries on a page, and on the one before: a block may begin there and reach into this one. */
static void jump_flush_page(TcgCpu *tc, vaddr_t va)
{
    unsigned bit = page_bit(va), before = page_bit(va - TCG_PAGE_SIZE);
    bool others[2] = { false, false };

    if (!(tc->jump_pages[bit / 64] >> (bit % 64) & 1) && !(tc->jump_pages[before / 64] >> (before % 64) & 1)) {
        return;
    }
    for (unsigned w = 0; w < TCG_JC_SIZE / 64; w++) {
        for (uint64_t set = tc->jump_used[w]; set; set &= set - 1) {
            unsigned n = w * 64 + (unsigned)__builtin_ctzll(set);
            vaddr_t pc = tc->jump[n].pc + tc->fetch_base;

            if (((pc ^ va) & TCG_PAGE_MASK) == 0 || (((pc + TCG_PAGE_SIZE) ^ va) & TCG_PAGE_MASK) == 0) {
                jump_clear(tc, n);
                tc->jump_used[w] &= ~(set & -set);
                tc->jump_global[w] &= ~(set & -set);
            } else {
                others[0] |= page_bit(pc) == bit;
                others[1] |= page_bit(pc) == before;
            }
        }
    }
    bit_set(tc->jump_pages, bit, others[0]);
    bit_set(tc->jump_pages, before, others[1]);
}

/* ---- flushing ---- */

static void flush_locked(TcgCpu *tc, bool keep_global)
{
    for (unsigned m = 0; m < tc->tcg->fe->nmmu; m++) {
        for (unsigned i = 0; i < TCG_TLB_SIZE; i++) {
            if (!keep_global || !tc->tlb_info[m][i].global) {
                entry_clear(&tc->tlb[m][i], &tc->tlb_info[m][i]);
            }
        }
    }
    if (!keep_global) {
        tc->large_first = 1;
        tc->large_last = 0;
        g_ptr_array_set_size(tc->watched, 0);
    }
}

void tcg_tlb_flush(Cpu *cpu, bool keep_global)
{
    TcgCpu *tc = tcg_cpu(cpu);

    log_item(LOG_MMU, "cpu %u: TLB flush%s\n", cpu->index, keep_global ? ", global entries stay" : "");
    mutex_lock(&tc->tlb_lock);
    flush_locked(tc, keep_global);
    jump_flush(tc, keep_global);
    mutex_unlock(&tc->tlb_lock);
}

void tlb_flush_all(Cpu *cpu)
{
    tcg_tlb_flush(cpu, false);
}

void tcg_tlb_flush_page(Cpu *cpu, vaddr_t va)
{
    TcgCpu *tc = tcg_cpu(cpu);
    unsigned n = tlb_index(va);

    if (va >= tc->large_first && va <= tc->large_last) {
        tcg_tlb_flush(cpu, false);
        return;
    }
    mutex_lock(&tc->tlb_lock);
    for (unsigned m = 0; m < tc->tcg->fe->nmmu; m++) {
        TcgTlbEntry *e = &tc->tlb[m][n];

        if (tlb_tag_is(e->read, va) || tlb_tag_is(e->write, va) || tlb_tag_is(tc->tlb_info[m][n].exec, va)) {
            entry_clear(e, &tc->tlb_info[m][n]);
        }
    }
    jump_flush_page(tc, va);
    mutex_unlock(&tc->tlb_lock);
}

bool tlb_protect_page(Cpu *cpu, paddr_t page)
{
    TcgCpu *tc = tcg_cpu(cpu);
    bool had = false;

    mutex_lock(&tc->tlb_lock);
    for (unsigned m = 0; m < tc->tcg->fe->nmmu; m++) {
        for (unsigned i = 0; i < TCG_TLB_SIZE; i++) {
            TcgTlbEntry *e = &tc->tlb[m][i];

            if (e->write != ~0ull && !(e->write & TCG_TLB_SLOW) && tc->tlb_info[m][i].phys == page) {
                __atomic_store_n(&e->write, e->write | TCG_TLB_SLOW, __ATOMIC_SEQ_CST);
                had = true;
            }
        }
    }
    mutex_unlock(&tc->tlb_lock);
    return had;
}
