/* Spaces: mappings, the flat view made of them, look-up, listeners.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>
#include "mem/mem_int.h"
#include "util/bytes.h"

/* ---- look-up ---------------------------------------------------------------------------- */

/* The first range whose last address is not below addr; view->n if there is none. */
static unsigned view_search(const MemView *v, paddr_t addr)
{
    unsigned lo = 0, hi = v->n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (v->range[mid].last < addr) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

void mem_range_section(const MemRange *r, paddr_t addr, MemSection *out)
{
    uint64_t offset = r->offset + (addr - r->start);
    MemRegion *region = r->region;

    *out = (MemSection){
        .region = region,
        .offset = offset,
        .avail = r->last - addr + 1,
        .host = region->host ? region->host + offset : NULL,
        .flags = mem_region_page_flags(region, offset),
        .kind = region->kind,
        .writable = region->kind == MEM_KIND_RAM,
    };
    if (out->avail == 0) {
        out->avail = UINT64_MAX;   /* the whole of 2^64 */
    }
}

bool mem_find(const MemSpace *s, paddr_t addr, MemSection *out)
{
    const MemView *v = mem_space_view(s);
    unsigned i = view_search(v, addr);

    if (i < v->n && v->range[i].start <= addr) {
        mem_range_section(&v->range[i], addr, out);
        return true;
    }
    *out = (MemSection){ .kind = MEM_KIND_MMIO };
    out->avail = (i < v->n ? v->range[i].start : 0) - addr;
    if (out->avail == 0) {
        out->avail = UINT64_MAX;
    }
    return false;
}

bool mem_find_region(const MemSpace *s, const MemRegion *r, uint64_t offset, paddr_t *addr)
{
    const MemView *v = mem_space_view(s);

    for (unsigned i = 0; i < v->n; i++) {
        const MemRange *g = &v->range[i];
        if (g->region == r && offset >= g->offset && offset - g->offset <= g->last - g->start) {
            *addr = g->start + (offset - g->offset);
            return true;
        }
    }
    return false;
}

void mem_space_foreach(const MemSpace *s,
                       bool (*fn)(void *opaque, paddr_t addr, const MemSection *sec), void *opaque)
{
    const MemView *v = mem_space_view(s);

    for (unsigned i = 0; i < v->n; i++) {
        MemSection sec;
        mem_range_section(&v->range[i], v->range[i].start, &sec);
        if (!fn(opaque, v->range[i].start, &sec)) {
            return;
        }
    }
}

void mem_space_print(const MemSpace *s, GString *out)
{
    static const char *const kind[] = { "ram", "rom", "device" };
    const MemView *v = mem_space_view(s);
    int width = s->last > UINT32_MAX ? 16 : s->last > UINT16_MAX ? 8 : 4;

    g_string_append_printf(out, "%s:\n", s->name);
    for (unsigned i = 0; i < v->n; i++) {
        const MemRange *r = &v->range[i];
        g_string_append_printf(out, "  %0*" PRIx64 "-%0*" PRIx64 " %-6s %s", width, r->start, width,
                               r->last, kind[r->region->kind], r->region->name);
        if (r->offset) {
            g_string_append_printf(out, "+0x%" PRIx64, r->offset);
        }
        g_string_append_c(out, '\n');
    }
}

/* ---- the view --------------------------------------------------------------------------- */

/*
 * Lays a mapping over the ranges made so far (sorted, without overlaps), which are weaker: those
 * below it vanish, are cut, or are cut in two.
 */
static void ranges_overlay(GArray *ranges, const MemRange *top)
{
    GArray *out = g_array_new(FALSE, FALSE, sizeof(MemRange));
    bool placed = false;

    for (guint i = 0; i < ranges->len; i++) {
        MemRange r = g_array_index(ranges, MemRange, i);
        if (r.start < top->start) {
            MemRange left = r;
            left.last = MIN(r.last, top->start - 1);
            g_array_append_val(out, left);
        }
        if (!placed && r.last >= top->start) {
            g_array_append_vals(out, top, 1);
            placed = true;
        }
        if (r.last > top->last) {
            MemRange right = r;
            right.start = MAX(r.start, top->last + 1);
            right.offset += right.start - r.start;
            g_array_append_val(out, right);
        }
    }
    if (!placed) {
        g_array_append_vals(out, top, 1);
    }
    g_array_set_size(ranges, 0);
    g_array_append_vals(ranges, out->data, out->len);
    g_array_free(out, TRUE);
}

/* Neighbours that show one region without a break become one range. */
static unsigned ranges_merge(MemRange *r, unsigned n)
{
    unsigned out = 0;

    for (unsigned i = 1; i < n; i++) {
        MemRange *p = &r[out];
        if (p->region == r[i].region && p->last + 1 == r[i].start &&
            p->offset + (r[i].start - p->start) == r[i].offset) {
            p->last = r[i].last;
        } else {
            r[++out] = r[i];
        }
    }
    return n ? out + 1 : 0;
}

static MemView *view_new(const MemSpace *s, uint64_t generation)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(MemRange));
    MemView *v;

    for (guint i = 0; i < s->mapping->len; i++) {
        ranges_overlay(ranges, &g_array_index(s->mapping, MemMapping, i).range);
    }
    v = g_malloc0(sizeof(*v) + ranges->len * sizeof(MemRange));
    v->generation = generation;
    v->n = ranges_merge((MemRange *)(void *)ranges->data, ranges->len);
    if (v->n) {
        memcpy(v->range, ranges->data, v->n * sizeof(MemRange));
    }
    return v;
}

static bool view_has(const MemView *v, const MemRange *r)
{
    unsigned i = view_search(v, r->start);
    const MemRange *have = &v->range[i];

    return i < v->n && have->start == r->start && have->last == r->last &&
           have->region == r->region && have->offset == r->offset;
}

/* Tells one listener what `from` has and `to` has not, or the other way round. */
static void listener_tell(MemListener *l, const MemView *from, const MemView *to, bool add)
{
    void (*fn)(void *, paddr_t, const MemSection *) = add ? l->section_add : l->section_del;
    const MemView *has = add ? to : from, *other = add ? from : to;

    for (unsigned i = 0; fn && i < has->n; i++) {
        if (!view_has(other, &has->range[i])) {
            MemSection sec;
            mem_range_section(&has->range[i], has->range[i].start, &sec);
            fn(l->opaque, has->range[i].start, &sec);
        }
    }
}

static void listener_tell_all(MemListener *l, const MemView *from, const MemView *to, MemSpace *s)
{
    listener_tell(l, from, to, false);
    listener_tell(l, from, to, true);
    if (l->commit) {
        l->commit(l->opaque, s);
    }
}

static void space_publish(MemSpace *s)
{
    MemView *old = s->view;
    MemView *now = view_new(s, old->generation + 1);

    __atomic_store_n(&s->view, now, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < s->listeners->len; i++) {
        listener_tell_all(g_ptr_array_index(s->listeners, i), old, now, s);
    }
    old->retired = s->retired;
    s->retired = old;
}

static void space_changed(MemSpace *s)
{
    if (s->depth) {
        s->changed = true;
    } else {
        space_publish(s);
    }
}

/* ---- spaces and mappings ---------------------------------------------------------------- */

MemSpace *mem_space_new(const char *name, paddr_t last)
{
    MemSpace *s = g_new0(MemSpace, 1);

    s->name = g_strdup(name);
    s->last = last;
    s->mapping = g_array_new(FALSE, FALSE, sizeof(MemMapping));
    s->listeners = g_ptr_array_new();
    s->view = view_new(s, 0);
    return s;
}

void mem_space_free(MemSpace *s)
{
    if (!s) {
        return;
    }
    for (guint i = 0; i < s->mapping->len; i++) {
        g_ptr_array_remove_fast(g_array_index(s->mapping, MemMapping, i).range.region->spaces, s);
    }
    mem_space_reclaim(s);
    g_array_free(s->mapping, TRUE);
    g_ptr_array_free(s->listeners, TRUE);
    g_free(s->view);
    g_free(s->name);
    g_free(s);
}

void mem_space_reclaim(MemSpace *s)
{
    while (s->retired) {
        MemView *v = s->retired;
        s->retired = v->retired;
        g_free(v);
    }
}

const char *mem_space_name(const MemSpace *s)
{
    return s->name;
}

paddr_t mem_space_last(const MemSpace *s)
{
    return s->last;
}

uint64_t mem_space_generation(const MemSpace *s)
{
    return mem_space_view(s)->generation;
}

void mem_space_map(MemSpace *s, paddr_t addr, MemRegion *r, uint64_t offset, uint64_t size,
                   int priority)
{
    MemMapping m = {
        .range = { .start = addr, .last = addr + size - 1, .region = r, .offset = offset },
        .priority = priority,
        .seq = s->next_seq++,
    };
    guint at = s->mapping->len;

    g_assert(size > 0 && offset <= r->size && size <= r->size - offset);
    g_assert(m.range.last >= addr && m.range.last <= s->last);
    g_assert(r->kind == MEM_KIND_MMIO || !((addr | offset | size) & (MEM_PAGE_SIZE - 1)));
    while (at > 0 && g_array_index(s->mapping, MemMapping, at - 1).priority > priority) {
        at--;
    }
    g_array_insert_val(s->mapping, at, m);
    g_ptr_array_add(r->spaces, s);
    space_changed(s);
}

void mem_space_map_all(MemSpace *s, paddr_t addr, MemRegion *r, int priority)
{
    mem_space_map(s, addr, r, 0, r->size, priority);
}

void mem_space_map_ram_around(MemSpace *s, MemRegion *ram, paddr_t hole, paddr_t hole_end)
{
    uint64_t low = MIN(ram->size, hole);

    mem_space_begin(s);
    mem_space_map(s, 0, ram, 0, low, 0);
    if (ram->size > low) {
        mem_space_map(s, hole_end, ram, low, ram->size - low, 0);
    }
    mem_space_commit(s);
}

void mem_space_unmap(MemSpace *s, MemRegion *r)
{
    bool any = false;

    for (guint i = s->mapping->len; i-- > 0;) {
        if (g_array_index(s->mapping, MemMapping, i).range.region == r) {
            g_array_remove_index(s->mapping, i);
            g_ptr_array_remove_fast(r->spaces, s);
            any = true;
        }
    }
    if (any) {
        space_changed(s);
    }
}

void mem_space_begin(MemSpace *s)
{
    s->depth++;
}

void mem_space_commit(MemSpace *s)
{
    g_assert(s->depth > 0);
    if (--s->depth == 0 && s->changed) {
        s->changed = false;
        space_publish(s);
    }
}

/* ---- those who are told ----------------------------------------------------------------- */

void mem_listener_add(MemSpace *s, MemListener *l)
{
    MemView *nothing = g_new0(MemView, 1);

    g_ptr_array_add(s->listeners, l);
    listener_tell_all(l, nothing, s->view, s);
    g_free(nothing);
}

void mem_listener_remove(MemSpace *s, MemListener *l)
{
    g_ptr_array_remove(s->listeners, l);
}

void mem_set_code_hook(MemSpace *s, MemCodeHook *hook, void *opaque)
{
    s->code_hook = hook;
    s->code_opaque = opaque;
}
