/* Points that the guest has displaced from the debug registers, and that nothing else can realise: their
 * owners are told with the next stop.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "debug/debug_int.h"

static char *cpus_text(uint64_t mask)
{
    GString *s = g_string_new(NULL);

    for (unsigned i = 0; i < 64; i++) {
        if (mask >> i & 1) {
            g_string_append_printf(s, "%s%u", s->len ? ", " : "", i);
        }
    }
    return g_string_free(s, FALSE);
}

static void tell_one(Debug *d, const Location *l, uint64_t cpus)
{
    g_autofree char *which = cpus_text(cpus);

    for (unsigned i = 0; i < l->points->len; i++) {
        const Point *p = l->points->pdata[i];

        filter_output(d, p->owner, g_strdup_printf(
            "point %u (%s of %" PRIu64 " byte%s at 0x%" PRIx64 ") is suspended on CPU %s: the guest uses the debug "
            "registers itself\n", p->id, point_kind_name(l->kind), l->len, l->len == 1 ? "" : "s", l->addr, which));
    }
}

void suspend_tell(Debug *d)
{
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, d->locations);
    while (d->vm->accel->point_now && g_hash_table_iter_next(&it, &key, NULL)) {
        Location *l = key;
        uint64_t now = d->vm->accel->point_now(d->vm, l->id).suspended;

        if (now & ~l->told_suspended) {
            tell_one(d, l, now);
        }
        l->told_suspended = now;
    }
}
