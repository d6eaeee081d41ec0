/* From locations to the plan that the executor realises.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/debug_int.h"
#include "util/error.h"

/* Locations in the order of their ids, so that older ones keep what they have. */
static gint by_id(gconstpointer pa, gconstpointer pb)
{
    const Location *a = *(Location *const *)pa, *b = *(Location *const *)pb;

    return a->id < b->id ? -1 : a->id > b->id;
}

static GPtrArray *locations_sorted(Debug *d)
{
    GPtrArray *list = g_ptr_array_sized_new(g_hash_table_size(d->locations));
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        if (((Location *)key)->points->len) {
            g_ptr_array_add(list, key);
        }
    }
    g_ptr_array_sort(list, by_id);
    return list;
}

/* Where a location lies physically, seen by the CPUs it counts on. */
static void location_map(const Debug *d, Location *l)
{
    Translation t;

    l->mapped = l->akind == ADDR_PHYS;
    l->paddr = l->addr;
    for (unsigned i = 0; !l->mapped && i < d->vm->ncpus; i++) {
        Cpu *cpu = d->vm->cpus[i];

        if (l->scope.cpus && !(l->scope.cpus >> i & 1)) {
            continue;
        }
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        if (l->scope.by_aspace && cpu->class->address_space &&
            cpu->class->address_space(cpu) != l->scope.aspace) {
            continue;
        }
        if (cpu->class->translate(cpu, l->addr, &t)) {
            l->mapped = true;
            l->paddr = t.paddr;
        }
    }
}

static bool needs_mapping(const AccelCaps *caps, const Location *l)
{
    return !point_kind_is_event(l->kind) &&
           (l->kind == POINT_EXEC ? !caps->native_exec : !caps->native_data);
}

static bool wishes_hard(const Location *l)
{
    for (unsigned i = 0; i < l->points->len; i++) {
        if (((const Point *)l->points->pdata[i])->spec.wish == WISH_HARD) {
            return true;
        }
    }
    return false;
}

static AllocWish location_wish(Debug *d, Location *l)
{
    if (needs_mapping(&d->vm->caps, l)) {
        location_map(d, l);
    }
    return (AllocWish){
        .kind = l->kind, .akind = l->akind, .addr = l->addr, .len = l->len,
        .hard = wishes_hard(l), .mapped = l->mapped,
    };
}

/* With points of the executor's own, nothing competes: each is decided once. */
static bool allocate_native(Debug *d, GError **errp)
{
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        Location *l = key;
        unsigned failed;

        if (l->chosen || l->points->len == 0) {
            continue;
        }
        AllocWish w = location_wish(d, l);
        if (!alloc_choose(&d->vm->caps, &w, 1, &l->choice, &failed, errp)) {
            return false;
        }
        l->chosen = true;
    }
    return true;
}

bool plan_allocate(Debug *d, GError **errp)
{
    const AccelCaps *caps = &d->vm->caps;

    if (!d->plan_dirty) {
        return true;
    }
    if (caps->native_exec && caps->native_data) {
        return allocate_native(d, errp);
    }
    GPtrArray *list = locations_sorted(d);
    g_autofree AllocWish *wish = g_new0(AllocWish, list->len + 1);
    g_autofree AllocChoice *choice = g_new0(AllocChoice, list->len + 1);
    unsigned failed;

    for (unsigned i = 0; i < list->len; i++) {
        wish[i] = location_wish(d, list->pdata[i]);
    }
    bool ok = alloc_choose(caps, wish, list->len, choice, &failed, errp);
    for (unsigned i = 0; ok && i < list->len; i++) {
        ((Location *)list->pdata[i])->choice = choice[i];
    }
    g_ptr_array_free(list, TRUE);
    return ok;
}

static int row_compare(const void *pa, const void *pb)
{
    const PlanPoint *a = pa, *b = pb;

    if (a->akind != b->akind) {
        return a->akind < b->akind ? -1 : 1;
    }
    if (a->addr != b->addr) {
        return a->addr < b->addr ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    return a->loc < b->loc ? -1 : a->loc > b->loc;
}

static bool location_has_filter(const Location *l)
{
    for (unsigned i = 0; i < l->points->len; i++) {
        const PointSpec *s = &((const Point *)l->points->pdata[i])->spec;

        if (!s->ncond && !s->ncommand && !s->ignore && !s->on_change) {
            return false;
        }
    }
    return true;
}

static PlanPoint location_row(const Location *l)
{
    PlanPoint row;

    memset(&row, 0, sizeof(row));       /* rows are compared as bytes */
    row.kind = l->kind;
    row.backing = l->choice.backing;
    row.akind = l->akind;
    row.addr = l->addr;
    row.len = l->len;
    row.rw = l->rw;
    row.scope.cpus = l->scope.cpus;
    row.scope.aspace = l->scope.aspace;
    row.scope.by_aspace = l->scope.by_aspace;
    row.scope.levels = l->scope.levels;
    row.paddr = l->choice.backing == BACKING_PATCH || l->choice.backing == BACKING_PROTECT
                    ? l->paddr : 0;
    row.loc = l->id;
    row.filter = location_has_filter(l) ? (const Filter *)l : NULL;
    return row;
}

static DebugPlan *plan_build(Debug *d, bool (*lifted)(const Location *l, void *opaque),
                             void *opaque)
{
    DebugPlan *plan = g_new0(DebugPlan, 1);
    PlanPoint *row = g_new0(PlanPoint, g_hash_table_size(d->locations) + 1);
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        const Location *l = key;

        if (l->choice.backing != BACKING_CORE && !l->choice.pending &&
            !(lifted && lifted(l, opaque))) {
            row[plan->n++] = location_row(l);
        }
    }
    qsort(row, plan->n, sizeof(*row), row_compare);
    plan->point = row;
    return plan;
}

void plan_free(DebugPlan *p)
{
    if (p) {
        g_free((gpointer)p->point);
        g_free(p);
    }
}

static bool plan_equal(const DebugPlan *a, const DebugPlan *b)
{
    unsigned na = a ? a->n : 0;

    return na == b->n && (na == 0 || !memcmp(a->point, b->point, na * sizeof(*a->point)));
}

/* Patches need to know where their page lies now: looked at again at every chance. */
static bool any_mapping_matters(Debug *d)
{
    return d->vm->caps.patch_exec || d->vm->caps.protect_data;
}

bool plan_apply(Debug *d, bool (*lifted)(const Location *l, void *opaque), void *opaque,
                GError **errp)
{
    if (any_mapping_matters(d) && g_hash_table_size(d->locations)) {
        d->plan_dirty = true;
        if (!plan_allocate(d, errp)) {
            return false;
        }
    }
    if (!d->plan_dirty && !lifted) {
        return true;
    }
    points_drop_empty(d);
    DebugPlan *plan = plan_build(d, lifted, opaque);
    if (plan_equal(d->plan, plan)) {
        plan_free(plan);
    } else {
        plan->gen = ++d->gen;
        if (!vm_set_plan(d->vm, plan, errp)) {
            plan_free(plan);
            return false;
        }
        plan_free(d->plan);
        d->plan = plan;
    }
    d->plan_dirty = lifted != NULL;
    return true;
}

void plan_forget(Debug *d)
{
    g_clear_pointer(&d->plan, plan_free);
    d->plan_dirty = true;
}
