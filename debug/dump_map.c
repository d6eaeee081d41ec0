/* Which memory a core file holds, and at which addresses it shows it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/dump_int.h"

#include <errno.h>
#include <unistd.h>

#include "mem/mem.h"
#include "util/error.h"

/* A guest's page tables may map the same memory over and over, up to all of the address space. */
#define LOADS_MAX (1u << 20)
#define WALKS_MAX (UINT64_C(1) << 24)

/* ---- blocks ---- */

typedef struct Collect {
    GArray *blocks;
    paddr_t first, last;
    uint64_t offset;
} Collect;

static bool collect(void *opaque, paddr_t addr, const MemSection *sec)
{
    Collect *c = opaque;
    paddr_t first = MAX(addr, c->first), last = MIN(addr + (sec->avail - 1), c->last);
    DumpBlock b;

    if (!sec->host || first > last) {
        return true;
    }
    b = (DumpBlock){ .at = first, .size = last - first + 1, .offset = c->offset,
                     .fd = mem_region_fd(sec->region), .fd_offset = sec->offset + (first - addr) };
    c->offset += b.size;
    g_array_append_val(c->blocks, b);
    return true;
}

GArray *dump_blocks(Vm *vm, const DumpOptions *o)
{
    Collect c = { .blocks = g_array_new(FALSE, FALSE, sizeof(DumpBlock)), .last = UINT64_MAX };

    if (o->filter) {
        c.first = o->begin;
        c.last = o->length - 1 > UINT64_MAX - o->begin ? UINT64_MAX : o->begin + (o->length - 1);
    }
    mem_space_foreach(vm->memory, collect, &c);
    return c.blocks;
}

bool dump_block_data(const DumpBlock *b, uint64_t from, uint64_t *start, uint64_t *end)
{
    off_t data, hole;

    if (from >= b->size) {
        return false;
    }
    *start = from;
    *end = b->size;
    data = lseek(b->fd, (off_t)(b->fd_offset + from), SEEK_DATA);
    if (data < 0) {
        return errno != ENXIO;      /* nothing but a hole; or the host can't tell holes */
    }
    if ((uint64_t)data - b->fd_offset >= b->size) {
        return false;
    }
    *start = (uint64_t)data - b->fd_offset;
    hole = lseek(b->fd, data, SEEK_HOLE);
    if (hole > data) {
        *end = MIN((uint64_t)hole - b->fd_offset, b->size);
    }
    return true;
}

/* ---- segments ---- */

static void add_load(GArray *loads, DumpLoad l)
{
    DumpLoad *last = loads->len ? &g_array_index(loads, DumpLoad, loads->len - 1) : NULL;

    if (last && last->va + last->size == l.va && last->pa + last->size == l.pa &&
        last->offset + last->size == l.offset) {
        last->size += l.size;
    } else {
        g_array_append_val(loads, l);
    }
}

/* What of [pa, pa + len), seen at va, lies in blocks. */
static void add_mapping(GArray *loads, const GArray *blocks, vaddr_t va, paddr_t pa, uint64_t len)
{
    for (guint i = 0; i < blocks->len; i++) {
        const DumpBlock *b = &g_array_index(blocks, DumpBlock, i);
        uint64_t skip = b->at > pa ? b->at - pa : 0;
        paddr_t first = pa + skip;

        if (skip < len && first - b->at < b->size) {
            add_load(loads, (DumpLoad){
                .va = va + skip, .pa = first, .offset = b->offset + (first - b->at),
                .size = MIN(len - skip, b->size - (first - b->at)),
            });
        }
    }
}

static bool walk(const Cpu *cpu, const GArray *blocks, GArray *loads, GError **errp)
{
    vaddr_t va = 0;

    for (uint64_t walks = 0; walks < WALKS_MAX && loads->len < LOADS_MAX; walks++) {
        Translation t = { .left = 0 };
        bool mapped = cpu->class->translate(cpu, va, &t);

        if (mapped) {
            add_mapping(loads, blocks, va, t.paddr, t.left);
        }
        if (!t.left || t.left > UINT64_MAX - va) {      /* the end of the address space */
            return true;
        }
        va += t.left;
    }
    return error_set(errp, UNSUPPORTED, "the guest's page tables map too many pieces of memory; a "
                     "dump without paging holds everything too");
}

GArray *dump_loads(const Cpu *cpu, const GArray *blocks, bool paging, GError **errp)
{
    GArray *loads = g_array_new(FALSE, FALSE, sizeof(DumpLoad));

    if (!paging) {
        add_mapping(loads, blocks, 0, 0, UINT64_MAX);
    } else if (!walk(cpu, blocks, loads, errp)) {
        g_array_free(loads, TRUE);
        return NULL;
    }
    return loads;
}
