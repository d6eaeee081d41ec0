/* Telling stops: from the fact to what each client hears.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/debug_int.h"

void fact_clear(StopFact *f)
{
    g_free(f->exit.error);
    memset(f, 0, sizeof(*f));
}

void exit_fit_kind(const Debug *d, VcpuExit *exit)
{
    const Location *first = exit->nhit ? points_location(d, exit->hit[0].loc) : NULL;

    if (exit->kind == EXIT_EVENT && first && !point_kind_is_event(first->kind)) {
        exit->kind = EXIT_POINT;
    }
}

void fact_drop_gone(const Debug *d, StopFact *f)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < f->exit.nhit; i++) {
        const Location *l = points_location(d, f->exit.hit[i].loc);

        if (l && l->points->len) {
            f->exit.hit[kept++] = f->exit.hit[i];
        }
    }
    f->exit.nhit = kept;
    exit_fit_kind(d, &f->exit);
}

static StopKind fact_kind(const StopFact *f)
{
    switch (f->exit.kind) {
    case EXIT_POINT:
        return STOP_POINT;
    case EXIT_EVENT:
        return STOP_EVENT;
    case EXIT_ERROR:
        return STOP_ERROR;
    case EXIT_KICK:
        return STOP_INTERRUPT;
    default:
        return STOP_STEP;
    }
}

/* Hits become point numbers. */
static void add_points(StopInfo *out, const Location *l)
{
    for (unsigned i = 0; i < l->points->len && out->nhit < VCPU_HITS; i++) {
        out->hit[out->nhit++] = ((const Point *)l->points->pdata[i])->id;
    }
}

/* The first byte of an access that lies in the watched range. */
static vaddr_t access_in(const Location *l, const VcpuHit *h)
{
    return l && point_kind_is_data(l->kind) && h->access < l->addr ? l->addr : h->access;
}

void stop_from_fact(Debug *d, unsigned cpu, const StopFact *f, StopInfo *out, char **text)
{
    memset(out, 0, sizeof(*out));
    out->kind = fact_kind(f);
    out->cpu = cpu;
    out->pc = f->pc;
    out->step_done = f->exit.step_done || out->kind == STOP_STEP;
    out->event = f->exit.event;
    out->cause = f->exit.event.kind == POINT_TRIPLE ? VM_CAUSE_TRIPLE_FAULT : out->cause;
    d->cpu[cpu].nhit = f->exit.nhit;
    memcpy(d->cpu[cpu].hit, f->exit.hit, sizeof(f->exit.hit));
    for (unsigned i = 0; i < f->exit.nhit; i++) {
        const VcpuHit *h = &f->exit.hit[i];
        const Location *l = points_location(d, h->loc);

        if (!l) {
            continue;
        }
        if (out->nhit == 0) {
            out->point_kind = l->kind;
            out->point_addr = l->addr;
            out->access = access_in(l, h);
            out->write = h->write;
            out->has_values = h->has_values;
            out->old = h->old;
            out->now = h->now;
        }
        add_points(out, l);
    }
    g_free(*text);
    *text = f->exit.error ? g_strdup(f->exit.error) : NULL;
    out->text = *text;
}

/* One access may hit several locations: the details of this point's own. */
static void stop_values(Debug *d, const Point *p, StopInfo *out)
{
    const DebugCpu *dc = &d->cpu[out->cpu];

    for (unsigned i = 0; p->loc && i < dc->nhit; i++) {
        const VcpuHit *h = &dc->hit[i];

        if (h->loc == p->loc->id) {
            out->access = access_in(p->loc, h);
            out->write = h->write;
            out->has_values = h->has_values;
            out->old = h->old;
            out->now = h->now;
            return;
        }
    }
}

/* The same stop as one client sees it: its own points first, and hit[0]'s details. */
void stop_for_client(DebugClient *c, const StopInfo *info, StopInfo *out)
{
    unsigned n = 0;

    *out = *info;
    for (int mine = 1; mine >= 0; mine--) {
        for (unsigned i = 0; i < info->nhit; i++) {
            const Point *p = points_find(c->debug, info->hit[i]);

            if ((p && p->owner == c) == (mine == 1)) {
                out->hit[n++] = info->hit[i];
            }
        }
        if (mine) {
            out->nmine = n;
        }
    }
    const Point *first = n ? points_find(c->debug, out->hit[0]) : NULL;
    if (first) {
        out->point_kind = first->spec.kind;
        if (out->kind == STOP_EVENT && !point_kind_is_event(out->point_kind)) {
            out->kind = STOP_POINT;     /* another's event, at which a data point of its own hit */
        }
        out->point_addr = first->spec.addr;
        out->hard = first->spec.wish == WISH_HARD;
        stop_values(c->debug, first, out);
    }
}

void stop_tell_all(Debug *d, const StopInfo *info)
{
    debug_tell_begin(d);
    for (unsigned i = 0; i < d->clients->len; i++) {
        DebugClient *c = d->clients->pdata[i];

        stop_for_client(c, info, &c->stop);
        if (c->ops && c->ops->stopped) {
            c->ops->stopped(c->opaque, &c->stop);
        }
    }
    debug_tell_end(d);
}

void stop_tell_cpu(Debug *d, unsigned cpu)
{
    debug_tell_begin(d);
    for (unsigned i = 0; i < d->clients->len; i++) {
        DebugClient *c = d->clients->pdata[i];

        stop_for_client(c, &d->cpu[cpu].info, &c->stop);
        if (c->ops && c->ops->cpu_stopped) {
            c->ops->cpu_stopped(c->opaque, &c->stop);
        } else if (c->ops && c->ops->stopped) {
            c->ops->stopped(c->opaque, &c->stop);
        }
    }
    debug_tell_end(d);
}
