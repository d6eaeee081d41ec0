/* The store of translated blocks: found by physical address, linked to each other, dropped when their bytes
 * are written or a point in them changes.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Blocks are never freed while a vCPU may be in them: a dropped block is unlinked and waits for the next flush
 * of everything, which happens with all vCPUs outside generated code. */
#include "accel/tcg/blocks.h"

#include <string.h>

#include "accel/tcg/tlb.h"
#include "util/log.h"
#include "vm/vm.h"

#define PAGE_OF(a) ((a) & TCG_PAGE_MASK)

static unsigned hash_of(paddr_t phys, vaddr_t pc, uint64_t mode)
{
    uint64_t h = (phys ^ pc * 0x9e3779b97f4a7c15ull ^ mode * 0xff51afd7ed558ccdull) * 0x9e3779b97f4a7c15ull;

    return (unsigned)(h >> (64 - TCG_HASH_BITS));
}

static unsigned virt_slot(vaddr_t va)
{
    return (va >> TCG_PAGE_BITS) % TCG_VIRT_SIZE;
}

void blocks_init(TcgState *tcg)
{
    mutex_init(&tcg->lock);
    mutex_init(&tcg->guard_lock);
    tcg->pages = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    tcg->dead = g_ptr_array_new();
    tcg->limbo = g_ptr_array_new();
}

TcgBlock *blocks_find(TcgState *tcg, paddr_t phys, vaddr_t pc, vaddr_t base, uint64_t mode)
{
    TcgBlock *tb = atomic_get_acquire(&tcg->hash[hash_of(phys, pc, mode)]);

    for (; tb; tb = atomic_get_acquire(&tb->hash_next)) {
        if (tb->phys == phys && tb->pc == pc && tb->mode == mode && tb->base == base &&
            !atomic_get_relaxed(&tb->invalid)) {
            return tb;
        }
    }
    return NULL;
}

static TcgCodePage *page_get(TcgState *tcg, paddr_t page)
{
    return g_hash_table_lookup(tcg->pages, &page);
}

static uint64_t line_mask(paddr_t page, paddr_t at, uint64_t len)
{
    uint64_t from = MAX(at, page) - page, to = MIN(at + len - 1, page + TCG_PAGE_SIZE - 1) - page;
    uint64_t first = from / 64, last = to / 64;

    return (~0ull << first) & (~0ull >> (63 - last));
}

/* The part of a block that lies in page n of its pages. */
static void block_range(const TcgBlock *tb, unsigned n, paddr_t *at, uint64_t *len)
{
    uint64_t first = MIN(tb->size, TCG_PAGE_SIZE - (tb->phys & ~TCG_PAGE_MASK));

    *at = n ? tb->page[1] : tb->phys;
    *len = n ? tb->size - first : first;
}

static void page_add(TcgState *tcg, TcgBlock *tb, unsigned n)
{
    TcgCodePage *p = page_get(tcg, tb->page[n]);    /* guarded, so it is there */
    paddr_t at;
    uint64_t len;

    block_range(tb, n, &at, &len);
    p->lines |= len ? line_mask(p->page, at, len) : 0;
    tb->page_next[n] = p->first;
    p->first = tb;
}

void blocks_add(TcgState *tcg, TcgBlock *tb)
{
    unsigned h = hash_of(tb->phys, tb->pc, tb->mode), v = virt_slot(tb->pc + tb->base);

    page_add(tcg, tb, 0);
    if (tb->page[1] != TCG_NO_PAGE) {
        page_add(tcg, tb, 1);
    }
    tb->virt_next = tcg->virt[v];
    tb->virt_prev = &tcg->virt[v];
    if (tb->virt_next) {
        tb->virt_next->virt_prev = &tb->virt_next;
    }
    tcg->virt[v] = tb;
    tb->hash_next = tcg->hash[h];
    atomic_put_release(&tcg->hash[h], tb);
    tcg->nblocks++;
}

/* ---- links ---- */

static TcgBlock *link_block(uintptr_t l)
{
    return (TcgBlock *)(l & ~(uintptr_t)1);
}

void blocks_link(TcgState *tcg, TcgBlock *from, unsigned slot, TcgBlock *to)
{
    mutex_lock(&tcg->lock);
    if (!from->invalid && !to->invalid && !from->jump[slot]) {
        from->in_next[slot] = to->in_list;
        to->in_list = (uintptr_t)from | slot;
        atomic_put_release(&from->jump[slot], to);
        tcg->backend->link(from, slot, to);
    }
    mutex_unlock(&tcg->lock);
}

/* Takes from's slot out of the list that its target heads. */
static void unlink_out(TcgState *tcg, TcgBlock *from, unsigned slot)
{
    TcgBlock *to = from->jump[slot];
    uintptr_t *l;

    if (!to) {
        return;
    }
    for (l = &to->in_list; *l; l = &link_block(*l)->in_next[*l & 1]) {
        if (*l == ((uintptr_t)from | slot)) {
            *l = from->in_next[slot];
            break;
        }
    }
    atomic_put_release(&from->jump[slot], NULL);
    tcg->backend->link(from, slot, NULL);
}

static void unlink_in(TcgState *tcg, TcgBlock *to)
{
    while (to->in_list) {
        TcgBlock *from = link_block(to->in_list);
        unsigned slot = to->in_list & 1;

        to->in_list = from->in_next[slot];
        atomic_put_release(&from->jump[slot], NULL);
        tcg->backend->link(from, slot, NULL);
    }
}

/* ---- dropping ---- */

static void page_remove(TcgState *tcg, TcgBlock *tb, unsigned n)
{
    TcgCodePage *p = page_get(tcg, tb->page[n]);
    TcgBlock **l = &p->first;

    while (*l != tb) {
        l = &(*l)->page_next[(*l)->page[0] == p->page ? 0 : 1];
    }
    *l = tb->page_next[n];
}

static void block_drop(TcgState *tcg, TcgBlock *tb)
{
    TcgBlock **l = &tcg->hash[hash_of(tb->phys, tb->pc, tb->mode)];

    atomic_put(&tb->invalid, true);
    while (*l != tb) {
        l = &(*l)->hash_next;
    }
    atomic_put_release(l, tb->hash_next);
    *tb->virt_prev = tb->virt_next;
    if (tb->virt_next) {
        tb->virt_next->virt_prev = tb->virt_prev;
    }
    page_remove(tcg, tb, 0);
    if (tb->page[1] != TCG_NO_PAGE) {
        page_remove(tcg, tb, 1);
    }
    unlink_out(tcg, tb, 0);
    unlink_out(tcg, tb, 1);
    unlink_in(tcg, tb);
    for (unsigned i = 0; i < tcg->vm->ncpus; i++) {
        TcgCpu *tc = tcg_cpu(tcg->vm->cpus[i]);
        TcgJumpEntry *e = &tc->jump[tcg_jc_index(tb->pc)];

        mutex_lock(&tc->tlb_lock);
        if (e->block == tb) {
            __atomic_store_n(&e->pc, ~0ull, __ATOMIC_RELAXED);
        }
        mutex_unlock(&tc->tlb_lock);
    }
    g_ptr_array_add(tcg->dead, tb);
}

void blocks_drop(TcgState *tcg, TcgBlock *tb)
{
    mutex_lock(&tcg->lock);
    if (!tb->invalid) {
        block_drop(tcg, tb);
    }
    mutex_unlock(&tcg->lock);
}

static uint8_t *page_flags(TcgState *tcg, paddr_t page)
{
    MemSection sec;

    return mem_find(tcg->vm->memory, page, &sec) ? sec.flags : NULL;
}

static void page_written(TcgState *tcg, TcgCodePage *p, paddr_t at, uint64_t len)
{
    TcgBlock *next;

    if (!(p->lines & line_mask(p->page, at, len))) {
        return;
    }
    for (TcgBlock *tb = p->first; tb; tb = next) {
        unsigned n = tb->page[0] == p->page ? 0 : 1;
        paddr_t from;
        uint64_t size;

        next = tb->page_next[n];
        block_range(tb, n, &from, &size);
        if (from < at + len && at < from + size) {
            block_drop(tcg, tb);
        }
    }
    if (!p->first) {
        uint8_t *flags = page_flags(tcg, p->page);

        p->lines = 0;
        p->guarded = false;
        if (flags) {
            mem_flags_clear(flags, MEM_PAGE_CODE);
        }
    }
}

void blocks_written(TcgState *tcg, paddr_t at, uint64_t len)
{
    mutex_lock(&tcg->lock);
    for (paddr_t page = PAGE_OF(at); page < at + len; page += TCG_PAGE_SIZE) {
        TcgCodePage *p = page_get(tcg, page);

        if (p) {
            paddr_t from = MAX(page, at);

            page_written(tcg, p, from, MIN(at + len, page + TCG_PAGE_SIZE) - from);
        }
    }
    mutex_unlock(&tcg->lock);
}

bool blocks_would_hit_pc(TcgState *tcg, paddr_t at, uint64_t len, vaddr_t pc)
{
    TcgCodePage *p;
    bool hit = false;

    mutex_lock(&tcg->lock);
    p = page_get(tcg, PAGE_OF(at));
    if (p && p->lines & line_mask(p->page, at, len)) {
        for (TcgBlock *tb = p->first; tb && !hit; tb = tb->page_next[tb->page[0] == p->page ? 0 : 1]) {
            paddr_t from;
            uint64_t size;

            block_range(tb, tb->page[0] == p->page ? 0 : 1, &from, &size);
            hit = from < at + len && at < from + size && pc - tb->pc < tb->size;
        }
    }
    mutex_unlock(&tcg->lock);
    return hit;
}

void blocks_drop_virt(TcgState *tcg, vaddr_t va)
{
    mutex_lock(&tcg->lock);
    for (unsigned back = 0; back < 2; back++) {
        TcgBlock *next;

        for (TcgBlock *tb = tcg->virt[virt_slot(va - back * TCG_PAGE_SIZE)]; tb; tb = next) {
            next = tb->virt_next;
            if (va - (tb->pc + tb->base) < tb->size) {
                block_drop(tcg, tb);
            }
        }
    }
    mutex_unlock(&tcg->lock);
}

void blocks_drop_phys(TcgState *tcg, paddr_t pa)
{
    blocks_written(tcg, pa, 1);
}

/* ---- guarding pages ---- */

static TcgCodePage *page_need(TcgState *tcg, paddr_t page)
{
    TcgCodePage *p = page_get(tcg, page);

    if (!p) {
        p = g_new0(TcgCodePage, 1);
        p->page = page;
        g_hash_table_insert(tcg->pages, &p->page, p);
    }
    return p;
}

bool blocks_page_guarded(TcgState *tcg, paddr_t page)
{
    TcgCodePage *p = page_get(tcg, page);

    return p && p->guarded;
}

/* From here on every write to the page is seen; true if all went well till the end. */
static bool guard_page(Cpu *cpu, paddr_t page)
{
    TcgState *tcg = tcg_state(cpu);
    uint8_t *flags = page_flags(tcg, page);
    bool other_had = false, ok;

    if (flags) {
        mem_flags_set(flags, MEM_PAGE_CODE);
    }
    for (unsigned i = 0; i < cpu->vm->ncpus; i++) {
        Cpu *other = cpu->vm->cpus[i];

        if (tlb_protect_page(other, page) && other != cpu) {
            other_had = true;
        }
    }
    if (other_had) {
        /* Someone may stand between the check of his TLB entry and the store. */
        tcg_exclusive_begin(cpu);
        tcg_exclusive_end(cpu);
    }
    mutex_lock(&tcg->lock);
    /* A flush in between has cleared the flag. */
    ok = !flags || mem_flags_get(flags) & MEM_PAGE_CODE;
    page_need(tcg, page)->guarded = ok;
    mutex_unlock(&tcg->lock);
    return ok;
}

void blocks_guard_page(Cpu *cpu, paddr_t page)
{
    TcgState *tcg = tcg_state(cpu);
    bool done;

    mutex_lock(&tcg->lock);
    done = blocks_page_guarded(tcg, page);
    mutex_unlock(&tcg->lock);
    if (done) {
        return;
    }
    /* One at a time: who finds the flag set must not take it for the whole work done. */
    mutex_lock(&tcg->guard_lock);
    mutex_lock(&tcg->lock);
    done = blocks_page_guarded(tcg, page);
    mutex_unlock(&tcg->lock);
    while (!done) {
        done = guard_page(cpu, page);
    }
    mutex_unlock(&tcg->guard_lock);
}

/* ---- everything ---- */

static void block_free(TcgState *tcg, TcgBlock *tb)
{
    if (tcg->backend->block_free) {
        tcg->backend->block_free(tb);
    }
    g_free(tb->insn_at);
    g_free(tb);
}

/* A vCPU that looked a block up before the flush may still read it (it finds out by the count of flushes before
 * running it), so the memory lives until the flush after that. */
static void limbo_empty(TcgState *tcg)
{
    for (unsigned i = 0; i < tcg->limbo->len; i++) {
        block_free(tcg, tcg->limbo->pdata[i]);
    }
    g_ptr_array_set_size(tcg->limbo, 0);
}

void blocks_flush(TcgState *tcg)
{
    GHashTableIter it;
    gpointer value;

    limbo_empty(tcg);
    for (unsigned h = 0; h < TCG_HASH_SIZE; h++) {
        TcgBlock *next;

        for (TcgBlock *tb = tcg->hash[h]; tb; tb = next) {
            next = tb->hash_next;
            g_ptr_array_add(tcg->limbo, tb);
        }
        atomic_put(&tcg->hash[h], NULL);
    }
    for (unsigned i = 0; i < tcg->dead->len; i++) {
        g_ptr_array_add(tcg->limbo, tcg->dead->pdata[i]);
    }
    g_ptr_array_set_size(tcg->dead, 0);
    memset(tcg->virt, 0, sizeof(tcg->virt));
    g_hash_table_iter_init(&it, tcg->pages);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        uint8_t *flags = page_flags(tcg, ((TcgCodePage *)value)->page);

        if (flags) {
            mem_flags_clear(flags, MEM_PAGE_CODE);
        }
    }
    g_hash_table_remove_all(tcg->pages);
    for (unsigned i = 0; i < tcg->vm->ncpus; i++) {
        Cpu *cpu = tcg->vm->cpus[i];

        mutex_lock(&tcg_cpu(cpu)->tlb_lock);
        tcg_jump_flush(cpu);
        mutex_unlock(&tcg_cpu(cpu)->tlb_lock);
    }
    tcg->nblocks = 0;
    atomic_add_old(&tcg->flushes, 1);
    tcg->backend->reset(tcg);
}

void blocks_fini(TcgState *tcg)
{
    blocks_flush(tcg);
    limbo_empty(tcg);
    g_ptr_array_unref(tcg->limbo);
    g_hash_table_unref(tcg->pages);
    g_ptr_array_unref(tcg->dead);
    mutex_destroy(&tcg->lock);
    mutex_destroy(&tcg->guard_lock);
}
