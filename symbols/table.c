/* The tables over all files: addresses to names, names to addresses, names in order.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/symbols_int.h"

#include <stdlib.h>
#include <string.h>

#define PAGE UINT64_C(4096)

/* ---- addresses ---- */

static int by_address(const void *a, const void *b)
{
    const Symbol *x = *(const Symbol *const *)a, *y = *(const Symbol *const *)b;

    if (x->addr != y->addr) {
        return x->addr < y->addr ? -1 : 1;
    }
    if (x->rank != y->rank) {
        return x->rank < y->rank ? -1 : 1;
    }
    return x->order < y->order ? -1 : x->order > y->order;
}

/* The shown symbols of a kind, sorted, the best of each address. */
static GPtrArray *places(const Symbols *s, bool moves)
{
    GPtrArray *all = g_ptr_array_new();
    bool sorted = true;
    guint kept = 0;

    for (guint i = 0; i < s->files->len; i++) {
        const SymFile *f = g_ptr_array_index(s->files, i);

        for (guint j = 0; j < f->symbols->len; j++) {
            Symbol *sym = &g_array_index(f->symbols, Symbol, j);

            if (!sym->shown || sym->moves != moves) {
                continue;
            }
            sorted &= !all->len || by_address(&all->pdata[all->len - 1], &sym) <= 0;
            g_ptr_array_add(all, sym);
        }
    }
    if (!sorted) {
        qsort(all->pdata, all->len, sizeof(all->pdata[0]), by_address);
    }
    for (guint i = 0; i < all->len; i++) {
        const Symbol *sym = all->pdata[i];

        if (!kept || ((const Symbol *)all->pdata[kept - 1])->addr != sym->addr) {
            all->pdata[kept++] = all->pdata[i];
        }
    }
    g_ptr_array_set_size(all, (gint)kept);
    return all;
}

/* The last address of a label without a size: up to the next symbol, and in its section. */
static uint64_t label_last(const Symbol *sym, const Symbol *next)
{
    uint64_t last = sym->limit > sym->addr ? sym->limit - 1 : sym->addr | (PAGE - 1);

    return next ? MIN(last, next->addr - 1) : last;
}

/* While the addresses go up: who is open, innermost last, and from where on it was not told yet. */
typedef struct Sweep {
    GArray *out;
    GArray *open;           /* SymRange */
    uint64_t from;
} Sweep;

static void sweep_tell(Sweep *w, const SymRange *r, uint64_t last)
{
    if (w->from <= last) {
        SymRange piece = { .start = w->from, .last = last, .sym = r->sym };

        g_array_append_val(w->out, piece);
        w->from = last + 1;
    }
}

/* Everything that ends before an address is closed. */
static void sweep_close(Sweep *w, uint64_t before, bool all)
{
    while (w->open->len) {
        SymRange top = g_array_index(w->open, SymRange, w->open->len - 1);

        if (!all && top.last >= before) {
            return;
        }
        if (top.last >= w->from) {
            sweep_tell(w, &top, top.last);
        }
        g_array_set_size(w->open, w->open->len - 1);
    }
}

/* Stretches that don't overlap. Of symbols that do, the one that starts last has an address; a
 * label within something that has a size is no place of its own. */
static GArray *ranges(const Symbols *s, bool moves)
{
    g_autoptr(GPtrArray) all = places(s, moves);
    Sweep w = { .out = g_array_new(FALSE, FALSE, sizeof(SymRange)),
                .open = g_array_new(FALSE, FALSE, sizeof(SymRange)) };

    for (guint i = 0; i < all->len; i++) {
        const Symbol *sym = all->pdata[i], *next = i + 1 < all->len ? all->pdata[i + 1] : NULL;
        SymRange r = { .start = sym->addr, .sym = sym };

        sweep_close(&w, sym->addr, false);
        if (sym->size) {
            r.last = sym->size - 1 > UINT64_MAX - sym->addr ? UINT64_MAX
                                                            : sym->addr + sym->size - 1;
        } else if (w.open->len) {
            continue;
        } else {
            r.last = label_last(sym, next);
        }
        if (w.open->len && sym->addr) {
            sweep_tell(&w, &g_array_index(w.open, SymRange, w.open->len - 1), sym->addr - 1);
        }
        w.from = sym->addr;
        g_array_append_val(w.open, r);
    }
    sweep_close(&w, 0, true);
    g_array_free(w.open, TRUE);
    return w.out;
}

const SymRange *sym_range_find(const GArray *list, uint64_t addr)
{
    guint low = 0, high = list->len;

    while (low < high) {
        guint mid = low + (high - low) / 2;
        const SymRange *r = &g_array_index(list, SymRange, mid);

        if (addr < r->start) {
            high = mid;
        } else if (addr > r->last) {
            low = mid + 1;
        } else {
            return r;
        }
    }
    return NULL;
}

/* ---- names ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void index_names(Symbols *s)
{
    GHashTableIter it;
    gpointer name;

    s->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    for (guint i = 0; i < s->files->len; i++) {
        const SymFile *f = g_ptr_array_index(s->files, i);

        for (guint j = 0; j < f->symbols->len; j++) {
            Symbol *sym = &g_array_index(f->symbols, Symbol, j);
            const Symbol *had = g_hash_table_lookup(s->by_name, sym->name);

            if (!had || sym->bind < had->bind) {
                g_hash_table_insert(s->by_name, (char *)(uintptr_t)sym->name, sym);
            }
        }
    }
    s->sorted = g_ptr_array_sized_new(g_hash_table_size(s->by_name));
    g_hash_table_iter_init(&it, s->by_name);
    while (g_hash_table_iter_next(&it, &name, NULL)) {
        g_ptr_array_add(s->sorted, name);
    }
    if (s->sorted->len) {
        qsort(s->sorted->pdata, s->sorted->len, sizeof(s->sorted->pdata[0]), by_text);
    }
}

void sym_tables_clear(Symbols *s)
{
    g_clear_pointer(&s->moving, g_array_unref);
    g_clear_pointer(&s->fixed, g_array_unref);
    g_clear_pointer(&s->by_name, g_hash_table_unref);
    g_clear_pointer(&s->sorted, g_ptr_array_unref);
}

void sym_tables_build(Symbols *s)
{
    sym_tables_clear(s);
    s->moving = ranges(s, true);
    s->fixed = ranges(s, false);
    index_names(s);
}
