/* Which backing realises each location. A pure function with its own table of tests.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/alloc.h"

#include "util/error.h"

typedef struct Pool {
    const AccelCaps *caps;
    unsigned exec_used, data_used;
} Pool;

unsigned alloc_data_slots(vaddr_t addr, uint64_t len, unsigned max)
{
    unsigned n = 0;

    while (len && n < 255) {
        uint64_t piece = max;

        while (piece > 1 && ((addr & (piece - 1)) || piece > len)) {
            piece /= 2;
        }
        addr += piece;
        len -= MIN(piece, len);
        n++;
    }
    return n;
}

static unsigned slots_total(const Pool *p, bool data)
{
    return data && !p->caps->shared_slots ? p->caps->data_slots : p->caps->exec_slots;
}

static unsigned slots_used(const Pool *p, bool data)
{
    if (p->caps->shared_slots) {
        return p->exec_used + p->data_used;
    }
    return data ? p->data_used : p->exec_used;
}

static unsigned slots_free(const Pool *p, bool data)
{
    return slots_total(p, data) - slots_used(p, data);
}

static bool choose_event(const Pool *p, const AllocWish *w, AllocChoice *c, GError **errp)
{
    if (p->caps->events & 1u << w->kind) {
        c->backing = BACKING_NATIVE;
        return true;
    }
    if (w->kind == POINT_RESET || w->kind == POINT_TRIPLE) {
        c->backing = BACKING_CORE;
        return true;
    }
    return error_set(errp, UNSUPPORTED, "this accelerator cannot stop on %s events",
                     point_kind_name(w->kind));
}

static bool choose_data(Pool *p, const AllocWish *w, AllocChoice *c, GError **errp)
{
    unsigned total = slots_total(p, true), need;

    if (p->caps->native_data) {
        c->backing = BACKING_NATIVE;
        return true;
    }
    if (w->kind == POINT_READ && !p->caps->data_read_only) {
        return error_set(errp, UNSUPPORTED,
                         "this accelerator cannot watch reads without writes; watch accesses");
    }
    need = alloc_data_slots(w->addr, w->len, MAX(p->caps->data_max_len, 1));
    if (w->akind == ADDR_VIRT && need <= slots_free(p, true)) {
        p->data_used += need;
        c->backing = BACKING_SLOT;
        return true;
    }
    if (p->caps->protect_data && w->kind == POINT_WRITE) {
        c->backing = BACKING_PROTECT;
        c->pending = !w->mapped;
        return true;
    }
    if (w->akind == ADDR_PHYS) {
        return error_set(errp, UNSUPPORTED,
                         "this accelerator can watch virtual addresses only");
    }
    if (!total) {
        return error_set(errp, UNSUPPORTED, "this accelerator has no watchpoints");
    }
    if (need > total) {
        return error_set(errp, UNSUPPORTED, "needs %u debug registers, there are %u", need,
                         total);
    }
    return error_set(errp, BUSY, "needs %u debug register%s, %u of %u are free", need,
                     need == 1 ? "" : "s", slots_free(p, true), total);
}

static bool choose_exec(Pool *p, const AllocWish *w, AllocChoice *c, GError **errp)
{
    if (p->caps->native_exec) {
        c->backing = BACKING_NATIVE;
        return true;
    }
    if (w->akind == ADDR_VIRT && slots_free(p, false) > 0) {
        p->exec_used++;
        c->backing = BACKING_SLOT;
        return true;
    }
    if (p->caps->patch_exec) {
        c->backing = BACKING_PATCH;
        c->pending = !w->mapped;
        return true;
    }
    if (w->akind == ADDR_PHYS) {
        return error_set(errp, UNSUPPORTED,
                         "this accelerator can break at virtual addresses only");
    }
    if (!p->caps->exec_slots) {
        return error_set(errp, UNSUPPORTED, "this accelerator has no breakpoints");
    }
    return error_set(errp, BUSY, "needs 1 debug register, 0 of %u are free",
                     p->caps->exec_slots);
}

/* Turns at the slots: those that have no other way go first. */
typedef enum Turn { TURN_EVENT, TURN_DATA, TURN_HARD, TURN_UNMAPPED, TURN_EXEC, TURNS } Turn;

static Turn wish_turn(const AllocWish *w)
{
    if (point_kind_is_event(w->kind)) {
        return TURN_EVENT;
    }
    if (point_kind_is_data(w->kind)) {
        return TURN_DATA;
    }
    return w->hard ? TURN_HARD : !w->mapped ? TURN_UNMAPPED : TURN_EXEC;
}

static bool choose_one(Pool *p, const AllocWish *w, AllocChoice *c, GError **errp)
{
    *c = (AllocChoice){ 0 };
    switch (wish_turn(w)) {
    case TURN_EVENT:
        return choose_event(p, w, c, errp);
    case TURN_DATA:
        return choose_data(p, w, c, errp);
    default:
        return choose_exec(p, w, c, errp);
    }
}

bool alloc_choose(const AccelCaps *caps, const AllocWish *wish, unsigned n, AllocChoice *out,
                  unsigned *failed, GError **errp)
{
    Pool pool = { .caps = caps };

    for (Turn turn = 0; turn < TURNS; turn++) {
        for (unsigned i = 0; i < n; i++) {
            if (wish_turn(&wish[i]) == turn && !choose_one(&pool, &wish[i], &out[i], errp)) {
                *failed = i;
                return false;
            }
        }
    }
    return true;
}
