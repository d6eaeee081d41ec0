/* Points (clients' wishes) and locations (what is armed for them).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/agent.h"
#include "debug/debug_int.h"
#include "util/error.h"

/* ---- locations ---- */

static guint location_hash(gconstpointer p)
{
    const Location *l = p;
    uint64_t h = l->addr * UINT64_C(0x9e3779b97f4a7c15) + l->len * 31 + (unsigned)l->kind;

    return (guint)(h ^ h >> 32);
}

static gboolean location_equal(gconstpointer pa, gconstpointer pb)
{
    const Location *a = pa, *b = pb;

    return a->addr == b->addr && a->len == b->len && a->kind == b->kind &&
           a->akind == b->akind && a->rw == b->rw && a->scope.cpus == b->scope.cpus &&
           a->scope.by_aspace == b->scope.by_aspace && a->scope.aspace == b->scope.aspace &&
           a->scope.levels == b->scope.levels;
}

static void location_free(gpointer p)
{
    Location *l = p;

    g_ptr_array_free(l->points, TRUE);
    g_free(l);
}

static void addr_list_free(gpointer p)
{
    g_ptr_array_free(p, TRUE);
}

void points_init(Debug *d)
{
    d->points = g_ptr_array_new();
    d->locations = g_hash_table_new_full(location_hash, location_equal, location_free, NULL);
    d->loc_by_id = g_hash_table_new(NULL, NULL);
    d->exec_by_addr = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free,
                                            addr_list_free);
}

static void index_add(Debug *d, Location *l)
{
    g_hash_table_insert(d->loc_by_id, GUINT_TO_POINTER(l->id), l);
    if (l->kind != POINT_EXEC) {
        return;
    }
    if (l->akind == ADDR_PHYS) {
        d->n_phys_exec++;
        return;
    }
    GPtrArray *list = g_hash_table_lookup(d->exec_by_addr, &l->addr);
    if (!list) {
        list = g_ptr_array_new();
        g_hash_table_insert(d->exec_by_addr, g_memdup2(&l->addr, sizeof(l->addr)), list);
    }
    g_ptr_array_add(list, l);
}

static void index_remove(Debug *d, Location *l)
{
    g_hash_table_remove(d->loc_by_id, GUINT_TO_POINTER(l->id));
    if (l->kind != POINT_EXEC) {
        return;
    }
    if (l->akind == ADDR_PHYS) {
        d->n_phys_exec--;
        return;
    }
    GPtrArray *list = g_hash_table_lookup(d->exec_by_addr, &l->addr);
    g_ptr_array_remove(list, l);
    if (list->len == 0) {
        g_hash_table_remove(d->exec_by_addr, &l->addr);
    }
}

Location *points_location(const Debug *d, uint32_t loc)
{
    return g_hash_table_lookup(d->loc_by_id, GUINT_TO_POINTER(loc));
}

void points_exec_foreach(const Debug *d, const Cpu *cpu, vaddr_t pc,
                         void (*fn)(Location *l, void *opaque), void *opaque)
{
    vaddr_t addr = cpu_canonical(cpu, pc);
    GPtrArray *list = g_hash_table_lookup(d->exec_by_addr, &addr);
    Translation t;

    for (unsigned i = 0; list && i < list->len; i++) {
        fn(list->pdata[i], opaque);
    }
    if (!d->n_phys_exec || !cpu->class->translate(cpu, pc, &t)) {
        return;
    }
    GHashTableIter it;
    gpointer key;
    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        Location *l = key;

        if (l->kind == POINT_EXEC && l->akind == ADDR_PHYS && l->addr == t.paddr) {
            fn(l, opaque);
        }
    }
}

static void note_used(Location *l, void *opaque)
{
    *(bool *)opaque |= l->points->len > 0;
}

bool points_exec_at(const Debug *d, const Cpu *cpu, vaddr_t pc)
{
    bool found = false;

    points_exec_foreach(d, cpu, pc, note_used, &found);
    return found;
}

/* The location that a point needs: one that exists, or a new one. */
static void location_attach(Debug *d, Point *p)
{
    const PointSpec *s = &p->spec;
    Location key = {
        .kind = s->kind,
        .akind = point_kind_is_event(s->kind) ? ADDR_VIRT : s->akind,
        .addr = s->addr,
        .len = s->kind == POINT_EXEC ? 1 : s->len,
        .rw = s->rw,
        .scope = s->scope,
    };
    Location *l = g_hash_table_lookup(d->locations, &key);

    if (!l) {
        l = g_memdup2(&key, sizeof(key));
        l->id = ++d->last_loc;
        l->points = g_ptr_array_new();
        g_hash_table_add(d->locations, l);
        index_add(d, l);
    }
    d->plan_dirty = true;
    g_ptr_array_add(l->points, p);
    p->loc = l;
}

static void location_detach(Debug *d, Point *p)
{
    Location *l = p->loc;

    if (!l) {
        return;
    }
    g_ptr_array_remove(l->points, p);
    p->loc = NULL;
    d->plan_dirty = true;
}

/* A location that lost its last point stays until the next plan is made: gdb removes and sets
 * all its points around every stop, and one that comes back must be the same to the executor. */
void points_drop_empty(Debug *d)
{
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        Location *l = key;

        if (l->points->len == 0) {
            index_remove(d, l);
            g_hash_table_iter_remove(&it);
        }
    }
}

/* ---- points ---- */

static GBytes *const *bytes_dup(GBytes *const *list, unsigned n)
{
    GBytes **copy = g_new0(GBytes *, n);

    for (unsigned i = 0; i < n; i++) {
        copy[i] = g_bytes_ref(list[i]);
    }
    return copy;
}

static void bytes_free(GBytes *const *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_bytes_unref(list[i]);
    }
    g_free((gpointer)list);
}

static void point_free(Point *p)
{
    bytes_free(p->spec.cond, p->spec.ncond);
    bytes_free(p->spec.command, p->spec.ncommand);
    g_free(p);
}

void points_fini(Debug *d)
{
    for (unsigned i = 0; i < d->points->len; i++) {
        point_free(d->points->pdata[i]);
    }
    g_ptr_array_free(d->points, TRUE);
    g_hash_table_destroy(d->exec_by_addr);
    g_hash_table_destroy(d->loc_by_id);
    g_hash_table_destroy(d->locations);
}

/* Index of the first point with an id of at least this one. */
static unsigned points_lower(const Debug *d, PointId id)
{
    unsigned lo = 0, hi = d->points->len;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;

        if (((const Point *)d->points->pdata[mid])->id < id) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

Point *points_find(const Debug *d, PointId id)
{
    unsigned i = points_lower(d, id);
    Point *p = i < d->points->len ? d->points->pdata[i] : NULL;

    return p && p->id == id ? p : NULL;
}

void points_quiesce(Debug *d, void (*fn)(void *opaque), void *opaque)
{
    if (vm_running(d->vm)) {
        vm_rendezvous(d->vm, fn, opaque);
    } else {
        fn(opaque);
    }
}

/* While running, a change takes effect at once; else when the machine goes (on). */
static bool points_changed(Debug *d, GError **errp)
{
    if (d->phase != PHASE_RUNNING) {
        return true;
    }
    relook_arm(d);
    return plan_apply(d, NULL, NULL, errp);
}

static bool check_exprs(GBytes *const *list, unsigned n, GError **errp)
{
    for (unsigned i = 0; i < n; i++) {
        gsize len;
        const uint8_t *code = g_bytes_get_data(list[i], &len);

        if (!agent_check(code, len, errp)) {
            return false;
        }
    }
    return true;
}

static bool spec_check(const PointSpec *s, GError **errp)
{
    if (s->kind >= POINT_KINDS) {
        return error_set(errp, INVALID, "no such kind of point");
    }
    if (s->kind != POINT_EXEC && s->len == 0) {
        return error_set(errp, INVALID, "a point needs a length of at least 1");
    }
    if (s->kind != POINT_EXEC && s->addr + (s->len - 1) < s->addr) {
        return error_set(errp, INVALID, "the point's range goes past the last address");
    }
    return check_exprs(s->cond, s->ncond, errp) && check_exprs(s->command, s->ncommand, errp);
}

/* Addresses in the form that hits are compared by, whatever the client wrote. */
static void spec_normalise(Debug *d, PointSpec *s)
{
    if (s->kind == POINT_EXEC && s->len == 0) {
        s->len = 1;
    }
    if (!point_kind_is_event(s->kind) && s->akind == ADDR_VIRT) {
        s->addr = cpu_canonical(d->vm->cpus[0], s->addr);
    }
    if ((s->kind == POINT_MSR || s->kind == POINT_IO) && !s->rw) {
        s->rw = POINT_RW_READ | POINT_RW_WRITE;
    }
}

typedef struct Change {
    Debug *d;
    Point *p;
    bool on, ok;
    GError **errp;
} Change;

/* Attaches the point; undone wholly if it cannot be armed. No vCPU runs. */
static void change_attach(void *opaque)
{
    Change *c = opaque;

    location_attach(c->d, c->p);
    c->ok = plan_allocate(c->d, c->errp) && points_changed(c->d, c->errp);
    if (!c->ok) {
        location_detach(c->d, c->p);
        plan_allocate(c->d, NULL);
        c->d->plan_dirty = true;
    }
}

static void change_detach(void *opaque)
{
    Change *c = opaque;

    location_detach(c->d, c->p);
    plan_allocate(c->d, NULL);
    points_changed(c->d, NULL);
}

static void change_remove(void *opaque)
{
    Change *c = opaque;

    change_detach(c);
    g_ptr_array_remove_index(c->d->points, points_lower(c->d, c->p->id));
    point_free(c->p);
}

bool debug_point_add(DebugClient *c, const PointSpec *spec, PointId *id, GError **errp)
{
    Debug *d = c->debug;

    if (!spec_check(spec, errp)) {
        return false;
    }
    Point *p = g_new0(Point, 1);
    p->spec = *spec;
    p->spec.cond = bytes_dup(spec->cond, spec->ncond);
    p->spec.command = bytes_dup(spec->command, spec->ncommand);
    spec_normalise(d, &p->spec);
    p->owner = c;
    p->id = d->last_point + 1;
    p->ignore_left = spec->ignore;
    if (!spec->disabled) {
        Change ch = { .d = d, .p = p, .errp = errp };

        points_quiesce(d, change_attach, &ch);
        if (!ch.ok) {
            point_free(p);
            return false;
        }
    }
    d->last_point++;
    g_ptr_array_add(d->points, p);
    *id = p->id;
    return true;
}

static Point *point_get(const Debug *d, PointId id, GError **errp)
{
    Point *p = points_find(d, id);

    if (!p) {
        error_set(errp, NOT_FOUND, "there is no point number %u", id);
    }
    return p;
}

bool debug_point_remove(Debug *d, PointId id, GError **errp)
{
    Change ch = { .d = d, .p = point_get(d, id, errp) };

    if (!ch.p) {
        return false;
    }
    points_quiesce(d, change_remove, &ch);
    return true;
}

bool debug_point_enable(Debug *d, PointId id, bool on, GError **errp)
{
    Change ch = { .d = d, .p = point_get(d, id, errp), .ok = true, .errp = errp };

    if (!ch.p) {
        return false;
    }
    if (on == !ch.p->spec.disabled) {
        return true;
    }
    points_quiesce(d, on ? change_attach : change_detach, &ch);
    if (ch.ok) {
        ch.p->spec.disabled = !on;
    }
    return ch.ok;
}

bool debug_point_set_ignore(Debug *d, PointId id, uint64_t ignore, GError **errp)
{
    Point *p = point_get(d, id, errp);

    if (!p) {
        return false;
    }
    p->spec.ignore = ignore;
    atomic_put(&p->ignore_left, ignore);
    return true;
}

typedef struct CondChange {
    Point *p;
    GBytes *const *cond;
    unsigned n;
} CondChange;

static void change_cond(void *opaque)
{
    CondChange *c = opaque;
    PointSpec *s = &c->p->spec;

    bytes_free(s->cond, s->ncond);
    s->cond = bytes_dup(c->cond, c->n);
    s->ncond = c->n;
}

bool debug_point_set_cond(Debug *d, PointId id, GBytes *const *cond, unsigned n, GError **errp)
{
    CondChange ch = { .p = point_get(d, id, errp), .cond = cond, .n = n };

    if (!ch.p || !check_exprs(cond, n, errp)) {
        return false;
    }
    points_quiesce(d, change_cond, &ch);
    return true;
}

PointId debug_point_find(DebugClient *c, PointKind kind, PointWish wish, AddrKind akind,
                         vaddr_t addr, uint64_t len)
{
    const Debug *d = c->debug;

    if (akind == ADDR_VIRT && !point_kind_is_event(kind)) {
        addr = cpu_canonical(d->vm->cpus[0], addr);
    }
    for (unsigned i = 0; i < d->points->len; i++) {
        const Point *p = d->points->pdata[i];

        if (p->owner == c && p->spec.kind == kind && p->spec.wish == wish &&
            p->spec.akind == akind && p->spec.addr == addr &&
            (kind == POINT_EXEC || p->spec.len == len)) {
            return p->id;
        }
    }
    return 0;
}

static PointNow location_now(const Debug *d, const Location *l)
{
    return l && d->vm->accel->point_now ? d->vm->accel->point_now(d->vm, l->id) : (PointNow){ 0 };
}

static void point_describe(const Debug *d, const Point *p, PointInfo *out)
{
    *out = (PointInfo){
        .id = p->id,
        .spec = p->spec,
        .owner = p->owner,
        .owner_name = p->owner->name,
        .backing = p->loc ? p->loc->choice.backing : BACKING_NATIVE,
        .pending = p->loc && p->loc->choice.pending,
        .now = location_now(d, p->loc),
        .hits = atomic_get(&p->hits),
        .ignore_left = atomic_get(&p->ignore_left),
    };
}

bool debug_point_info(const Debug *d, PointId id, PointInfo *out)
{
    const Point *p = points_find(d, id);

    if (p) {
        point_describe(d, p, out);
    }
    return p;
}

bool debug_point_next(const Debug *d, PointId after, PointInfo *out)
{
    unsigned i = points_lower(d, after + 1);

    if (i == d->points->len) {
        return false;
    }
    point_describe(d, d->points->pdata[i], out);
    return true;
}

typedef struct Sweep {
    Debug *d;
    DebugClient *client;        /* whose points go; NULL: see exit */
    const VcpuExit *exit;       /* points with `once` at these locations go */
} Sweep;

static bool sweep_has(const Sweep *s, const Point *p)
{
    if (s->client) {
        return p->owner == s->client;
    }
    for (unsigned i = 0; p->spec.once && p->loc && i < s->exit->nhit; i++) {
        if (s->exit->hit[i].loc == p->loc->id) {
            return true;
        }
    }
    return false;
}

/* One pass over all points, one change of the plan. No vCPU runs. */
static void sweep_run(void *opaque)
{
    const Sweep *s = opaque;
    GPtrArray *all = s->d->points;
    unsigned kept = 0;

    for (unsigned i = 0; i < all->len; i++) {
        Point *p = all->pdata[i];

        if (sweep_has(s, p)) {
            location_detach(s->d, p);
            point_free(p);
        } else {
            all->pdata[kept++] = p;
        }
    }
    g_ptr_array_set_size(all, (int)kept);
    if (s->d->plan_dirty) {
        plan_allocate(s->d, NULL);
        points_changed(s->d, NULL);
    }
}

void points_remove_once(Debug *d, const VcpuExit *exit)
{
    Sweep s = { .d = d, .exit = exit };

    sweep_run(&s);
}

void points_remove_client(Debug *d, DebugClient *c)
{
    Sweep s = { .d = d, .client = c };

    points_quiesce(d, sweep_run, &s);
}

void debug_points_remove_all(DebugClient *c)
{
    points_remove_client(c->debug, c);
}
