/* Which rows of a plan ask for an event: for executors that report some.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_EVENT_H
#define GLASSBOX_ACCEL_EVENT_H

#include "accel/accel.h"

/* Does this row ask for it, whatever its scope? */
static inline bool event_row_wants(const PlanPoint *p, const DebugEvent *e)
{
    unsigned size = MAX(e->size, 1);

    if (p->kind != e->kind) {
        return false;
    }
    if (p->rw && !(p->rw & (e->write ? POINT_RW_WRITE : POINT_RW_READ))) {
        return false;
    }
    return !point_kind_has_number(e->kind) || e->number - p->addr < p->len ||
           p->addr - e->number < size;
}

/* Adds the row as a hit if it asks for the event on this CPU and there is room. On the owner's thread. */
static inline void event_add_hit(Cpu *cpu, const PlanPoint *p, const DebugEvent *e, VcpuExit *exit)
{
    bool values = e->write && (e->kind == POINT_MSR || e->kind == POINT_CR);

    if (exit->nhit < VCPU_HITS && event_row_wants(p, e) && scope_has(&p->scope, cpu)) {
        exit->hit[exit->nhit++] = (VcpuHit){
            .loc = p->loc, .len = e->size, .access = e->number, .write = e->write,
            .has_values = values, .old = e->old, .now = e->now,
        };
    }
}

#endif
