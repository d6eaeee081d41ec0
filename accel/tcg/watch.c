/* Data points: which pages they lie in, and which of them an access hits.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An access to a page with points is sorted out by a map of the page. When it comes near a point, the
 * instruction is run again from its start, alone ("careful"), before it has had any effect; then every access
 * is compared with the points themselves, and hits are reported when the instruction has ended. So an access
 * that was made is never made twice. */
#include "accel/tcg/watch.h"

#include <string.h>

#include "accel/tcg/tcg_state.h"
#include "accel/tcg/tlb.h"
#include "vm/vm.h"

static void mark_range(TcgWatchPage *w, uint64_t page, uint64_t at, uint64_t len)
{
    uint64_t from = MAX(page, at), to = MIN(page + TCG_PAGE_SIZE - 1, at + (len ? len - 1 : 0));

    for (uint64_t b = (from - page) / 8; b <= (to - page) / 8; b++) {
        w->map[b] = 1;
    }
}

static bool in_page(uint64_t page, uint64_t at, uint64_t len)
{
    return at <= page + (TCG_PAGE_SIZE - 1) && at + (len ? len - 1 : 0) >= page;
}

typedef struct WatchedPage {
    vaddr_t vpage;
    paddr_t ppage;
    TcgWatchPage map;
} WatchedPage;

/* The page's map from an earlier fill, or a new one. */
static WatchedPage *page_for(TcgCpu *tc, vaddr_t vpage, paddr_t ppage, bool *is_new)
{
    WatchedPage *w;

    *is_new = false;
    for (unsigned i = 0; i < tc->watched->len; i++) {
        w = tc->watched->pdata[i];
        if (w->vpage == vpage && w->ppage == ppage) {
            return w;
        }
    }
    w = g_new0(WatchedPage, 1);
    w->vpage = vpage;
    w->ppage = ppage;
    g_ptr_array_add(tc->watched, w);
    *is_new = true;
    return w;
}

const TcgWatchPage *watch_page(Cpu *cpu, vaddr_t vpage, paddr_t ppage, uint64_t addend)
{
    TcgCpu *tc = tcg_cpu(cpu);
    const DebugPlan *plan = tc->tcg->plan;
    WatchedPage *w = NULL;
    bool is_new;

    if (!tc->has_watch) {
        return NULL;
    }
    for (unsigned i = 0; i < (plan ? plan->n : 0) + tc->nguest_watch; i++) {
        bool own = plan && i < plan->n;
        const PlanPoint *p = own ? &plan->point[i] : NULL;
        const TcgGuestWatch *g = own ? NULL : &tc->guest_watch[i - (plan ? plan->n : 0)];
        uint64_t page = own && p->akind == ADDR_PHYS ? ppage : vpage;
        uint64_t at = own ? p->addr : g->addr, len = own ? p->len : g->len;

        if ((own && !point_kind_is_data(p->kind)) || !in_page(page, at, len)) {
            continue;
        }
        if (!w) {
            w = page_for(tc, vpage, ppage, &is_new);
            w->map.addend = addend;
            if (!is_new) {
                break;
            }
        }
        mark_range(&w->map, page, at, len);
    }
    return w ? &w->map : NULL;
}

bool watch_touches(const TcgWatchPage *page, vaddr_t va, unsigned size)
{
    unsigned first = (va & ~TCG_PAGE_MASK) / 8, last = ((va & ~TCG_PAGE_MASK) + size - 1) / 8;

    for (unsigned b = first; b <= last; b++) {
        if (page->map[b]) {
            return true;
        }
    }
    return false;
}

/* The watched bytes as they are now, up to 8 of them. */
static bool read_point(Cpu *cpu, const PlanPoint *p, uint64_t *value)
{
    uint64_t n = MIN(p->len, 8), done = 0, got;
    uint8_t *buf = (uint8_t *)value;

    *value = 0;
    while (done < n) {
        uint64_t at = p->addr + done, left = n - done;
        Translation t = { .paddr = at, .left = left };

        if (p->akind == ADDR_VIRT && !cpu->class->translate(cpu, at, &t)) {
            return false;
        }
        got = mem_peek(cpu->vm->memory, t.paddr, buf + done, MIN(left, t.left));
        if (!got) {
            return false;
        }
        done += got;
    }
    return true;
}

static bool kind_wants(PointKind k, bool write)
{
    return k == POINT_ACCESS || k == (write ? POINT_WRITE : POINT_READ);
}

static bool overlaps(uint64_t a, uint64_t alen, uint64_t b, uint64_t blen)
{
    return a - b < blen || b - a < alen;
}

static void record_plan(Cpu *cpu, const PlanPoint *p, uint64_t at, unsigned size, bool write)
{
    TcgCpu *tc = tcg_cpu(cpu);
    VcpuHit *h;

    for (unsigned i = 0; i < tc->exit.nhit; i++) {
        h = &tc->exit.hit[i];
        if (h->loc == p->loc && h->write == write) {
            return;
        }
    }
    if (tc->exit.nhit == VCPU_HITS) {
        return;
    }
    h = &tc->exit.hit[tc->exit.nhit++];
    *h = (VcpuHit){ .loc = p->loc, .len = size, .access = at, .write = write };
    h->has_values = read_point(cpu, p, &h->old);
    h->now = h->old;
}

void watch_record(Cpu *cpu, vaddr_t va, paddr_t pa, unsigned size, bool write)
{
    TcgCpu *tc = tcg_cpu(cpu);
    const DebugPlan *plan = tc->tcg->plan;

    for (unsigned i = 0; plan && i < plan->n; i++) {
        const PlanPoint *p = &plan->point[i];
        uint64_t at = p->akind == ADDR_PHYS ? pa : va;

        if (point_kind_is_data(p->kind) && kind_wants(p->kind, write) &&
            overlaps(at, size, p->addr, p->len) && scope_has(&p->scope, cpu)) {
            record_plan(cpu, p, at, size, write);
        }
    }
    for (unsigned i = 0; i < tc->nguest_watch; i++) {
        const TcgGuestWatch *g = &tc->guest_watch[i];

        if ((write ? g->on_write : g->on_read) && overlaps(va, size, g->addr, g->len)) {
            tc->guest_hits |= 1u << g->tag;
        }
    }
}

void watch_finish(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    const DebugPlan *plan = tc->tcg->plan;

    for (unsigned i = 0; i < tc->exit.nhit; i++) {
        VcpuHit *h = &tc->exit.hit[i];

        for (unsigned k = 0; plan && h->write && k < plan->n; k++) {
            if (plan->point[k].loc == h->loc) {
                h->has_values = h->has_values && read_point(cpu, &plan->point[k], &h->now);
            }
        }
    }
}

void watch_changed(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    const DebugPlan *plan = tc->tcg->plan;

    tc->has_watch = tc->nguest_watch > 0;
    for (unsigned i = 0; plan && i < plan->n && !tc->has_watch; i++) {
        tc->has_watch = point_kind_is_data(plan->point[i].kind);
    }
    tlb_flush_all(cpu);
}

void tcg_guest_watch_set(Cpu *cpu, const TcgGuestWatch *w, unsigned n)
{
    TcgCpu *tc = tcg_cpu(cpu);

    g_assert(n <= G_N_ELEMENTS(tc->guest_watch));
    memcpy(tc->guest_watch, w, n * sizeof(*w));
    tc->nguest_watch = n;
    watch_changed(cpu);
}
