/* Which backing realises each location: decided from the executor's capabilities alone.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_DEBUG_ALLOC_H
#define GLASSBOX_DEBUG_ALLOC_H

#include <glib.h>
#include "accel/accel.h"

typedef struct AllocWish {
    PointKind kind;
    AddrKind akind;
    vaddr_t addr;
    uint64_t len;
    bool hard;          /* the user asked for a debug register: takes a slot before others */
    bool mapped;        /* its physical address is known */
} AllocWish;

typedef struct AllocChoice {
    Backing backing;
    bool pending;       /* cannot be armed before its page is mapped */
} AllocChoice;

/* Chooses for all wishes or for none. Pure. False: *failed is the wish that cannot be had, and
 * the error says why: UNSUPPORTED when this executor never can, BUSY when only for lack of
 * slots. What goes where:
 * - an executor with points of its own takes all of a sort;
 * - data points take slots, aligned pieces of up to data_max_len each, else page protection;
 * - exec points take the slots that are left (asked-for ones, then those whose page is not
 *   mapped yet, then the others in order), because nothing of a slot can be seen by the guest;
 *   the rest are patches, which need a mapped page. */
bool alloc_choose(const AccelCaps *caps, const AllocWish *wish, unsigned n, AllocChoice *out,
                  unsigned *failed, GError **errp);

/* Slots that one data point needs: naturally aligned pieces of a power of two, at most max. */
unsigned alloc_data_slots(vaddr_t addr, uint64_t len, unsigned max);

#endif
