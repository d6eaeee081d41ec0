/* Inside debug/: core files in the making.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_DEBUG_DUMP_INT_H
#define GLASSBOX_DEBUG_DUMP_INT_H

#include "debug/dump.h"

/* ---- the file (dump_file.c) ---- */

/* Bytes go out in order. Of a regular file stretches of zeros are left out. */
typedef struct DumpFile {
    int fd;
    bool sparse;
    uint64_t start;             /* where fd stood */
    uint64_t at;                /* bytes so far */
} DumpFile;

void dump_file_init(DumpFile *f, int fd);
bool dump_file_write(DumpFile *f, const void *buf, size_t len, GError **errp);
bool dump_file_zeros(DumpFile *f, uint64_t len, GError **errp);
/* The end: the file gets its length. */
bool dump_file_finish(DumpFile *f, GError **errp);

/* ---- what goes into it (dump_map.c) ---- */

/* A stretch of RAM or ROM, in the order of physical addresses. */
typedef struct DumpBlock {
    paddr_t at;
    uint64_t size;
    uint64_t offset;            /* in the file, from the first block on */
    int fd;                     /* the memory's own file, and where in it the block lies */
    uint64_t fd_offset;
} DumpBlock;

/* One PT_LOAD. */
typedef struct DumpLoad {
    vaddr_t va;
    paddr_t pa;
    uint64_t size, offset;
} DumpLoad;

/* All RAM and ROM that is wanted (DumpBlock). */
GArray *dump_blocks(Vm *vm, const DumpOptions *o);
/* Segments (DumpLoad) of the blocks by physical address, or as a CPU's page tables map them. NULL
 * with the reason. Owner's thread of cpu, everything fetched. */
GArray *dump_loads(const Cpu *cpu, const GArray *blocks, bool paging, GError **errp);
/* The first stretch of a block at or after `from` that may hold anything but zeros: memory that was
 * never touched is none, and is not looked at. False at the block's end. */
bool dump_block_data(const DumpBlock *b, uint64_t from, uint64_t *start, uint64_t *end);

#endif
