/* Inside of mem/: regions, views, spaces.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MEM_MEM_INT_H
#define GLASSBOX_MEM_MEM_INT_H

#include "mem/mem.h"

struct MemRegion {
    char *name;
    MemKind kind;
    uint64_t size;
    const MmioOps *ops;      /* MMIO */
    void *opaque;
    uint8_t *host;           /* RAM and ROM */
    uint8_t *flags;          /* one byte for each page */
    int fd;
    GPtrArray *spaces;       /* where it is mapped: one entry for each mapping */
};

/* A piece of a view: addresses start to last show the region from offset on. */
typedef struct MemRange {
    paddr_t start, last;
    MemRegion *region;
    uint64_t offset;
} MemRange;

/* What a space looks like: sorted, without overlaps, never changed once published. */
typedef struct MemView {
    uint64_t generation;
    struct MemView *retired;   /* next in the list of those to be freed */
    unsigned n;
    MemRange range[];
} MemView;

typedef struct MemMapping {
    MemRange range;
    int priority;
    uint64_t seq;              /* later mappings win among equals */
} MemMapping;

struct MemSpace {
    char *name;
    paddr_t last;
    MemView *view;             /* atomic */
    MemView *retired;
    GArray *mapping;           /* MemMapping, in the order of winning, weakest first */
    uint64_t next_seq;
    unsigned depth;            /* of begin/commit */
    bool changed;
    GPtrArray *listeners;
    MemCodeHook *code_hook;
    void *code_opaque;
};

/* Fill in a section for `addr` within a range. */
void mem_range_section(const MemRange *r, paddr_t addr, MemSection *out);

/* The view of now: valid until mem_space_reclaim(). */
static inline const MemView *mem_space_view(const MemSpace *s)
{
    return __atomic_load_n(&s->view, __ATOMIC_ACQUIRE);
}

#endif
