/* The plan's points, as KVM realises them beside debug registers: breakpoint instructions in guest
 * memory, by physical address, and watches of protected pages.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A page with a patch is protected, so that a guest's write to it is executed with the patches
 * lifted, and what it wrote lies below them afterwards. */
#include "accel/kvm/kvm_int.h"

#include <string.h>

#include "util/bytes.h"
#include "util/error.h"
#include "vm/vm.h"

#define BRK_MAX 4u

typedef struct Patch {
    paddr_t paddr;
    MemRegion *region;
    uint64_t offset;
    uint8_t *host;
    uint8_t shadow[BRK_MAX];    /* what the guest has there */
    bool wanted;
} Patch;

/* What lies in one page of a watched range. */
typedef struct Piece {
    paddr_t paddr;
    MemRegion *region;
    uint64_t offset, len;
    const uint8_t *host;
} Piece;

typedef struct Watch {
    const PlanPoint *row;
    GArray *pieces;             /* of Piece; may cover only a part of the range */
    GByteArray *held;           /* what the pieces held when last looked at */
} Watch;

/* A row that has no debug register on a CPU, because the guest has them. */
typedef struct Spill {
    const PlanPoint *row;
    bool realised;          /* by a patch or a watch */
} Spill;

struct KvmPoints {
    const DebugPlan *plan;
    bool events;                /* it has rows of events */
    Mutex lock;                 /* patches, against writers outside the guest; spills, against readers */
    GHashTable *patches;        /* paddr -> Patch */
    bool lifted;
    GPtrArray *watches;         /* of Watch */
    GArray *spilled[VM_MAX_CPUS];       /* of Spill */
};

static void watch_free(gpointer p)
{
    Watch *w = p;

    g_array_unref(w->pieces);
    g_byte_array_unref(w->held);
    g_free(w);
}

void kvm_points_init(KvmVm *kvm)
{
    static const DebugPlan none;
    KvmPoints *p = g_new0(KvmPoints, 1);

    p->plan = &none;
    mutex_init(&p->lock);
    p->patches = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    p->watches = g_ptr_array_new_with_free_func(watch_free);
    for (unsigned i = 0; i < VM_MAX_CPUS; i++) {
        p->spilled[i] = g_array_new(FALSE, FALSE, sizeof(Spill));
    }
    kvm->points = p;
}

void kvm_points_fini(KvmVm *kvm)
{
    KvmPoints *p = kvm->points;

    for (unsigned i = 0; i < VM_MAX_CPUS; i++) {
        g_array_unref(p->spilled[i]);
    }
    g_ptr_array_unref(p->watches);
    g_hash_table_unref(p->patches);
    mutex_destroy(&p->lock);
    g_clear_pointer(&kvm->points, g_free);
}

/* ---- patches ---- */

static unsigned brk_len(const KvmVm *kvm)
{
    return kvm->class->brk_len;
}

static Patch *patch_find(KvmVm *kvm, paddr_t paddr)
{
    gint64 key = (gint64)paddr;

    return g_hash_table_lookup(kvm->points->patches, &key);
}

static bool patch_add(KvmVm *kvm, paddr_t paddr, GError **errp)
{
    MemSection sec;
    Patch *patch = patch_find(kvm, paddr);

    if (patch) {
        patch->wanted = true;
        return true;
    }
    if (!mem_find(kvm->vm->memory, paddr, &sec) || sec.kind != MEM_KIND_RAM ||
        sec.avail < brk_len(kvm)) {
        return error_set(errp, UNSUPPORTED, "a breakpoint cannot be written at physical 0x%"
                         G_GINT64_MODIFIER "x, which is no RAM", (guint64)paddr);
    }
    patch = g_new0(Patch, 1);
    *patch = (Patch){ .paddr = paddr, .region = sec.region, .offset = sec.offset, .host = sec.host,
                      .wanted = true };
    memcpy(patch->shadow, sec.host, brk_len(kvm));
    g_hash_table_insert(kvm->points->patches, &patch->paddr, patch);
    mem_flags_set(sec.flags, MEM_PAGE_CODE);    /* who writes there from outside tells us */
    if (!kvm->points->lifted) {
        memcpy(patch->host, kvm->class->brk, brk_len(kvm));
    }
    kvm_protect_page(kvm, patch->region, patch->offset, true);
    return true;
}

static void patch_remove(KvmVm *kvm, Patch *patch)
{
    if (!kvm->points->lifted) {
        memcpy(patch->host, patch->shadow, brk_len(kvm));
    }
    kvm_protect_page(kvm, patch->region, patch->offset, false);
}

static gboolean patch_drop_unwanted(gpointer key, gpointer value, gpointer kvm)
{
    Patch *patch = value;

    if (!patch->wanted) {
        patch_remove(kvm, patch);
    }
    return !patch->wanted;
}

/* Somebody outside the guest (a debugger, a device) has written to a page of code: his bytes are the
 * guest's now. */
static void code_hook(void *opaque, MemRegion *region, uint64_t offset, paddr_t addr, uint64_t len)
{
    KvmVm *kvm = opaque;
    KvmPoints *p = kvm->points;
    unsigned n = brk_len(kvm);

    mutex_lock(&p->lock);
    for (paddr_t at = addr >= n ? addr - n + 1 : 0; !p->lifted && at < addr + len; at++) {
        Patch *patch = patch_find(kvm, at);

        for (unsigned i = 0; patch && i < n; i++) {
            if (at + i >= addr && at + i < addr + len) {
                patch->shadow[i] = patch->host[i];
                patch->host[i] = kvm->class->brk[i];
            }
        }
    }
    mutex_unlock(&p->lock);
}

void kvm_points_unpatch(Vm *vm, paddr_t at, uint8_t *buf, uint64_t len)
{
    KvmVm *kvm = kvm_of_vm(vm);
    KvmPoints *p = kvm->points;
    GHashTableIter it;
    gpointer value;

    mutex_lock(&p->lock);
    g_hash_table_iter_init(&it, p->patches);
    while (!p->lifted && g_hash_table_iter_next(&it, NULL, &value)) {
        const Patch *patch = value;

        for (unsigned i = 0; i < brk_len(kvm); i++) {
            if (patch->paddr + i - at < len) {
                buf[patch->paddr + i - at] = patch->shadow[i];
            }
        }
    }
    mutex_unlock(&p->lock);
}

void kvm_patches_lift(KvmVm *kvm)
{
    GHashTableIter it;
    gpointer value;

    mutex_lock(&kvm->points->lock);
    g_hash_table_iter_init(&it, kvm->points->patches);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        const Patch *patch = value;

        memcpy(patch->host, patch->shadow, brk_len(kvm));
    }
    kvm->points->lifted = true;
    mutex_unlock(&kvm->points->lock);
}

void kvm_patches_restore(KvmVm *kvm)
{
    GHashTableIter it;
    gpointer value;

    mutex_lock(&kvm->points->lock);
    g_hash_table_iter_init(&it, kvm->points->patches);
    while (g_hash_table_iter_next(&it, NULL, &value)) {
        Patch *patch = value;

        memcpy(patch->shadow, patch->host, brk_len(kvm));
        memcpy(patch->host, kvm->class->brk, brk_len(kvm));
    }
    kvm->points->lifted = false;
    mutex_unlock(&kvm->points->lock);
}

bool kvm_patches_any(const KvmVm *kvm)
{
    return g_hash_table_size(kvm->points->patches) != 0;
}

bool kvm_patch_at_pc(Cpu *cpu)
{
    Translation t;

    return cpu->class->translate(cpu, cpu_pc(cpu), &t) && patch_find(kvm_of(cpu), t.paddr);
}

bool kvm_temporary_patch(Cpu *cpu, vaddr_t at, uint8_t *saved, bool on)
{
    KvmVm *kvm = kvm_of(cpu);
    Translation t;
    MemSection sec;

    if (!cpu->class->translate(cpu, at, &t) || !mem_find(cpu->vm->memory, t.paddr, &sec) ||
        sec.kind != MEM_KIND_RAM || sec.avail < brk_len(kvm)) {
        return false;
    }
    if (on) {
        memcpy(saved, sec.host, brk_len(kvm));
    }
    memcpy(sec.host, on ? kvm->class->brk : saved, brk_len(kvm));
    return true;
}

/* ---- watches ---- */

/* The pieces of a range that are RAM, as the viewer sees it. */
static GArray *pieces_of(KvmVm *kvm, Cpu *viewer, const PlanPoint *row)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Piece));
    uint64_t done = 0;

    while (done < row->len) {
        Translation t = { .paddr = row->addr + done };
        uint64_t left = MEM_PAGE_SIZE - ((row->addr + done) & (MEM_PAGE_SIZE - 1));
        uint64_t n = MIN(left, row->len - done);
        MemSection sec;

        if ((row->akind == ADDR_PHYS || viewer->class->translate(viewer, row->addr + done, &t)) &&
            mem_find(kvm->vm->memory, t.paddr, &sec) && sec.kind == MEM_KIND_RAM) {
            Piece p = { t.paddr, sec.region, sec.offset, n, sec.host };

            g_array_append_val(list, p);
        }
        done += n;
    }
    return list;
}

/* A CPU on which a row counts and that has its first byte mapped. */
static Cpu *viewer_for(KvmVm *kvm, Cpu *asking, const PlanPoint *row)
{
    Translation t;

    if (asking) {
        return asking;
    }
    for (unsigned i = 0; i < kvm->vm->ncpus; i++) {
        Cpu *cpu = kvm->vm->cpus[i];

        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        if (scope_has(&row->scope, cpu) && cpu->class->translate(cpu, row->addr, &t)) {
            return cpu;
        }
    }
    return kvm->vm->cpus[0];
}

static void watch_look(Watch *w)
{
    g_byte_array_set_size(w->held, 0);
    for (unsigned i = 0; i < w->pieces->len; i++) {
        const Piece *p = &g_array_index(w->pieces, Piece, i);

        g_byte_array_append(w->held, p->host, (guint)p->len);
    }
}

static void watch_protect(KvmVm *kvm, const Watch *w, bool on)
{
    for (unsigned i = 0; i < w->pieces->len; i++) {
        const Piece *p = &g_array_index(w->pieces, Piece, i);

        kvm_protect_page(kvm, p->region, p->offset, on);
    }
}

static void watch_add(KvmVm *kvm, Cpu *asking, GPtrArray *list, const PlanPoint *row)
{
    Watch *w = g_new0(Watch, 1);

    w->row = row;
    w->pieces = pieces_of(kvm, viewer_for(kvm, asking, row), row);
    w->held = g_byte_array_new();
    watch_look(w);
    watch_protect(kvm, w, true);
    g_ptr_array_add(list, w);
}

static uint64_t held_value(const Watch *w, const uint8_t *bytes)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < MIN(w->held->len, 8); i++) {
        v |= (uint64_t)bytes[i] << (8 * i);
    }
    return v;
}

/* The first byte of a watch that differs from what it held; false: none does. */
static bool watch_changed(const Watch *w, const uint8_t *old, vaddr_t *at)
{
    for (unsigned i = 0; i < w->held->len; i++) {
        if (old[i] != w->held->data[i]) {
            *at = w->row->addr + i;
            return true;
        }
    }
    return false;
}

void kvm_watches_check(Cpu *cpu, bool stepped, VcpuExit *e)
{
    KvmVm *kvm = kvm_of(cpu);
    GPtrArray *list = kvm->points->watches;

    for (unsigned i = 0; i < list->len; i++) {
        Watch *w = list->pdata[i];
        KvmWrote by_insn = stepped && w->row->akind == ADDR_VIRT
                               ? kvm->arch->step_wrote(cpu, w->row->addr, w->row->len) : KVM_WROTE_PERHAPS;

        if (by_insn == KVM_WROTE_NO && w->held->len > MEM_PAGE_SIZE) {
            continue;           /* too long to be looked through at each step */
        }
        g_autofree uint8_t *old = g_memdup2(w->held->data, MAX(w->held->len, 1));
        vaddr_t at = w->row->addr;
        bool changed;

        watch_look(w);
        changed = watch_changed(w, old, &at);
        if (!scope_has(&w->row->scope, cpu)) {
            continue;
        }
        /* What the processor writes by itself (a page table's accessed bit) or through another mapping
         * changes it, and is no hit; as with debug registers. */
        if (by_insn == KVM_WROTE_YES || (by_insn == KVM_WROTE_PERHAPS && changed)) {
            VcpuHit hit = {
                .loc = w->row->loc, .len = (uint32_t)MIN(w->row->len, UINT32_MAX), .access = at,
                .write = true, .has_values = w->held->len > 0,
                .old = held_value(w, old), .now = held_value(w, w->held->data),
            };
            kvm_add_hit(e, &hit);
        }
    }
}

/* Does a store touch a watch? Each is told by its own row's addresses. */
static void store_check(Cpu *cpu, paddr_t at, unsigned len, VcpuExit *e)
{
    GPtrArray *list = kvm_of(cpu)->points->watches;

    for (unsigned i = 0; i < list->len; i++) {
        Watch *w = list->pdata[i];
        uint64_t before = 0, old = held_value(w, w->held->data);
        bool hit = false;

        for (unsigned k = 0; k < w->pieces->len && !hit; k++) {
            const Piece *p = &g_array_index(w->pieces, Piece, k);

            hit = p->paddr < at + len && at < p->paddr + p->len;
            before += hit ? (at > p->paddr ? at - p->paddr : 0) : p->len;
        }
        watch_look(w);
        if (hit && scope_has(&w->row->scope, cpu)) {
            VcpuHit h = { .loc = w->row->loc, .len = len, .access = w->row->addr + before,
                          .write = true, .has_values = true, .old = old,
                          .now = held_value(w, w->held->data) };
            kvm_add_hit(e, &h);
        }
    }
}

void kvm_points_store(Cpu *cpu, paddr_t at, const uint8_t *data, unsigned len, VcpuExit *e)
{
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    mem_write(cpu->vm->memory, at, MEM_ATTRS_CPU(cpu->index), data, len);   /* tells code_hook */
    store_check(cpu, at, len, e);
}

/* ---- the plan ---- */

/* All rows that need a patch or a watch: those of the plan, and those that lost their register. */
static void for_rows(KvmVm *kvm, bool (*fn)(KvmVm *kvm, const PlanPoint *row, Cpu *asking, void *opaque),
                     void *opaque)
{
    KvmPoints *p = kvm->points;

    for (unsigned i = 0; i < p->plan->n; i++) {
        if (p->plan->point[i].backing != BACKING_SLOT && !point_kind_is_event(p->plan->point[i].kind)) {
            fn(kvm, &p->plan->point[i], NULL, opaque);
        }
    }
    for (unsigned c = 0; c < kvm->vm->ncpus; c++) {
        for (unsigned i = 0; i < p->spilled[c]->len; i++) {
            Spill *s = &g_array_index(p->spilled[c], Spill, i);

            s->realised = fn(kvm, s->row, kvm->vm->cpus[c], opaque);
        }
    }
}

typedef struct Realise {
    GPtrArray *watches;
    GError *error;
} Realise;

static bool realise_row(KvmVm *kvm, const PlanPoint *row, Cpu *asking, void *opaque)
{
    Realise *r = opaque;
    Translation t = { .paddr = row->paddr };

    if (asking && !asking->class->translate(asking, row->addr, &t)) {
        return false;
    }
    switch (row->kind) {
    case POINT_EXEC:
        return patch_add(kvm, t.paddr, r->error ? NULL : &r->error);
    case POINT_WRITE:
        watch_add(kvm, asking, r->watches, row);
        return true;
    default:
        return false;
    }
}

static void patch_unwant(gpointer key, gpointer value, gpointer opaque)
{
    ((Patch *)value)->wanted = false;
}

const DebugPlan *kvm_points_planned(const KvmVm *kvm)
{
    return kvm->points->plan;
}

bool kvm_points_any_event(const KvmVm *kvm)
{
    return kvm->points->events;
}

static void plan_take(KvmPoints *p, const DebugPlan *plan)
{
    p->plan = plan;
    p->events = false;
    for (unsigned i = 0; i < plan->n; i++) {
        p->events |= point_kind_is_event(plan->point[i].kind);
    }
}

/* Makes patches and watches what the plan and the spills want. In an exclusive section or all
 * parked. False: something cannot be had; the rest is in force. */
static bool realise(KvmVm *kvm, GError **errp)
{
    KvmPoints *p = kvm->points;
    Realise r = { .watches = g_ptr_array_new_with_free_func(watch_free) };

    mutex_lock(&p->lock);
    g_hash_table_foreach(p->patches, patch_unwant, NULL);
    for_rows(kvm, realise_row, &r);
    g_hash_table_foreach_remove(p->patches, patch_drop_unwanted, kvm);
    mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->watches->len; i++) {
        watch_protect(kvm, p->watches->pdata[i], false);
    }
    g_ptr_array_unref(p->watches);
    p->watches = r.watches;
    if (r.error) {
        g_propagate_error(errp, r.error);
        return false;
    }
    return true;
}

bool kvm_points_plan(Vm *vm, const DebugPlan *old, const DebugPlan *now, GError **errp)
{
    KvmVm *kvm = kvm_of_vm(vm);

    mem_set_code_hook(vm->memory, code_hook, kvm);
    plan_take(kvm->points, now);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        g_array_set_size(kvm->points->spilled[i], 0);   /* rows of the old plan */
    }
    if (!realise(kvm, errp)) {
        plan_take(kvm->points, old);
        realise(kvm, NULL);
        return false;
    }
    return true;
}

static bool same_spills(const GArray *list, const PlanPoint *const *row, unsigned n)
{
    for (unsigned i = 0; n == list->len && i < n; i++) {
        if (g_array_index(list, Spill, i).row != row[i]) {
            return false;
        }
    }
    return n == list->len;
}

void kvm_points_spill(Cpu *cpu, const PlanPoint *const *row, unsigned n)
{
    KvmVm *kvm = kvm_of(cpu);
    GArray *list = kvm->points->spilled[cpu->index];
    bool section = cpu_current() == cpu && !kvm_cpu(cpu)->exclusive;

    if (same_spills(list, row, n)) {
        return;
    }
    if (section) {
        kvm_exclusive_begin(cpu);
    }
    mutex_lock(&kvm->points->lock);
    g_array_set_size(list, 0);
    for (unsigned i = 0; i < n; i++) {
        Spill s = { .row = row[i] };

        g_array_append_val(list, s);
    }
    mutex_unlock(&kvm->points->lock);
    realise(kvm, NULL);
    if (section) {
        kvm_exclusive_end(cpu);
    }
}

PointNow kvm_points_now(Vm *vm, uint32_t loc)
{
    KvmPoints *p = kvm_of_vm(vm)->points;
    PointNow now = { 0 };

    mutex_lock(&p->lock);
    for (unsigned c = 0; c < vm->ncpus; c++) {
        for (unsigned i = 0; i < p->spilled[c]->len; i++) {
            const Spill *s = &g_array_index(p->spilled[c], Spill, i);

            if (s->row->loc == loc) {
                *(s->realised ? &now.moved : &now.suspended) |= UINT64_C(1) << c;
            }
        }
    }
    mutex_unlock(&p->lock);
    return now;
}

/* ---- hits ---- */

void kvm_add_hit(VcpuExit *e, const VcpuHit *hit)
{
    for (unsigned i = 0; i < e->nhit; i++) {
        if (e->hit[i].loc == hit->loc) {
            return;
        }
    }
    if (e->nhit < VCPU_HITS) {
        e->hit[e->nhit++] = *hit;
    }
}

static bool is_spilled(const KvmVm *kvm, const Cpu *cpu, const PlanPoint *row)
{
    const GArray *list = kvm->points->spilled[cpu->index];

    for (unsigned i = 0; i < list->len; i++) {
        if (g_array_index(list, Spill, i).row == row) {
            return true;
        }
    }
    return false;
}

/* The first row that is not before (akind, addr). */
static unsigned rows_from(const DebugPlan *plan, AddrKind akind, vaddr_t addr)
{
    unsigned lo = 0, hi = plan->n;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        const PlanPoint *r = &plan->point[mid];

        if (r->akind < akind || (r->akind == akind && r->addr < addr)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static bool exec_rows(Cpu *cpu, AddrKind akind, vaddr_t addr, bool patched, VcpuExit *e)
{
    KvmVm *kvm = kvm_of(cpu);
    const DebugPlan *plan = kvm->points->plan;
    bool any = false;

    for (unsigned i = rows_from(plan, akind, addr); i < plan->n; i++) {
        const PlanPoint *r = &plan->point[i];

        if (r->akind != akind || r->addr != addr) {
            break;
        }
        bool is_patch = r->backing == BACKING_PATCH || is_spilled(kvm, cpu, r);
        if (r->kind == POINT_EXEC && is_patch == patched && scope_has(&r->scope, cpu)) {
            VcpuHit hit = { .loc = r->loc, .access = r->addr };

            any = true;
            kvm_add_hit(e, &hit);
        }
    }
    return any;
}

bool kvm_points_exec_at(Cpu *cpu, bool patched, VcpuExit *e)
{
    vaddr_t pc = cpu_pc(cpu);
    Translation t;
    bool any = exec_rows(cpu, ADDR_VIRT, pc, patched, e);

    if (cpu->class->translate(cpu, pc, &t)) {
        any |= exec_rows(cpu, ADDR_PHYS, t.paddr, patched, e);
    }
    return any;
}
