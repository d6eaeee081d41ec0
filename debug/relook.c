/* While the machine runs: looks again where the points lie that are realised by physical address. A
 * page that was not mapped when a point was set may be by now, one that was may lie elsewhere.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/debug_int.h"
#include "util/mainloop.h"
#include "vm/clock.h"

/* The longest that a page newly mapped goes unnoticed, and that one which moved does. */
#define PENDING_NS (10 * NS_PER_MS)
#define MOVED_NS (100 * NS_PER_MS)

/* How soon the next look is due; 0: nothing to look at. */
static int64_t look_due(const Debug *d)
{
    GHashTableIter it;
    gpointer key;
    int64_t due = 0;

    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        const Location *l = key;
        bool by_page = l->choice.backing == BACKING_PATCH || l->choice.backing == BACKING_PROTECT;

        if (l->points->len && l->akind == ADDR_VIRT && by_page) {
            if (l->choice.pending) {
                return PENDING_NS;
            }
            due = MOVED_NS;
        }
    }
    return due;
}

static void look(void *opaque)
{
    plan_apply(opaque, NULL, NULL, NULL);
}

static void look_now(void *opaque)
{
    Debug *d = opaque;

    if (d->phase == PHASE_RUNNING && vm_running(d->vm) && look_due(d)) {
        vm_rendezvous(d->vm, look, d);
        relook_arm(d);
    }
}

/* On the main loop with the VM's lock held, under which nobody waits for vCPUs. */
static void timer_fired(void *opaque)
{
    mainloop_call(look_now, opaque);
}

void relook_init(Debug *d)
{
    d->relook = vm_timer_new(d->vm, timer_fired, d);
}

void relook_fini(Debug *d)
{
    mainloop_call_cancel(look_now, d);
    vm_timer_free(d->relook);
}

void relook_arm(Debug *d)
{
    int64_t due = d->vm->caps.patch_exec || d->vm->caps.protect_data ? look_due(d) : 0;

    if (due) {
        vm_timer_mod(d->relook, vm_clock_ns(d->vm) + due);
    }
}
