/* Guest memory and port spaces: RAM, ROM, devices, and who is told of changes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MEM_MEM_H
#define GLASSBOX_MEM_MEM_H

#include <glib.h>
#include "util/types.h"

/*
 * A MemSpace is a range of addresses (guest memory, or the 64 KiB of x86 ports). MemRegions are
 * mapped into it; where several overlap the higher priority wins, then the later mapping. From the
 * mappings a flat, sorted, immutable view is computed. Lookups read that view through one atomic
 * pointer, so they need no lock and may run on any thread at any time.
 *
 * The map itself may be changed only by the control thread while every vCPU is parked. A view that
 * has been replaced is kept until mem_space_reclaim(), so that a device that is in the middle of an
 * access cannot lose it.
 *
 * Accesses that may reach a device are made with the VM lock held, except for regions whose ops are
 * `lockless`. Accesses to RAM and ROM need no lock.
 */

#define MEM_PAGE_BITS 12
#define MEM_PAGE_SIZE (UINT64_C(1) << MEM_PAGE_BITS)

typedef struct MemSpace MemSpace;
typedef struct MemRegion MemRegion;
typedef struct MemSection MemSection;

/* How an access ended: bits, because an access that spans several sections can end in several
 * ways. */
typedef enum MemResult {
    MEM_OK = 0,
    MEM_UNASSIGNED = 1 << 0,  /* nothing is there: reads gave all ones, writes were ignored */
    MEM_REFUSED = 1 << 1,     /* ROM written, or a device that said no: reads gave what it gave */
} MemResult;

/* Who asks. */
typedef struct MemAttrs {
    int16_t cpu;   /* index of the vCPU, or MEM_CPU_NONE for a device or the host */
    bool debug;    /* a debugger's access: devices must not let it have side effects */
} MemAttrs;

#define MEM_CPU_NONE (-1)
#define MEM_ATTRS_DEVICE ((MemAttrs){ .cpu = MEM_CPU_NONE })
#define MEM_ATTRS_CPU(index) ((MemAttrs){ .cpu = (int16_t)(index) })

/*
 * A device's registers. Offsets are from the start of the region. The device sees only accesses
 * whose size is a power of two from min_size to max_size (both powers of two up to 8; 0 stands
 * for 1 and 8) and whose offset is a multiple of the size:
 * - a wider or unaligned access is split, lowest address first;
 * - a narrower read becomes an aligned one of min_size, of which the part is taken;
 * - a narrower write does not reach the device: MEM_REFUSED.
 * Values are in the low bits; bits above the size are 0 on entry and ignored on return.
 * A NULL read gives all ones; a NULL write is ignored (both MEM_REFUSED).
 */
typedef struct MmioOps {
    MemResult (*read)(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                      MemAttrs attrs);
    MemResult (*write)(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                       MemAttrs attrs);
    uint8_t min_size, max_size;
    bool lockless;     /* may be called without the VM lock, on several threads at once */
} MmioOps;

typedef enum MemKind {
    MEM_KIND_RAM,
    MEM_KIND_ROM,      /* read like RAM; guest writes are refused */
    MEM_KIND_MMIO,
} MemKind;

/* ---- regions ---------------------------------------------------------------------------- */

/*
 * RAM of `size` bytes (rounded up to whole pages), zero, given by the host page by page as it is
 * touched. It is a memfd, so that it can be mapped again. NULL if the host refuses.
 */
MemRegion *mem_region_new_ram(const char *name, uint64_t size, GError **errp);

/* The same, but guest writes are refused; filled by mem_region_host() or mem_poke(MEM_POKE_ROM). */
MemRegion *mem_region_new_rom(const char *name, uint64_t size, GError **errp);

/* A device's registers; ops and opaque must outlive the region. */
MemRegion *mem_region_new_mmio(const char *name, const MmioOps *ops, void *opaque, uint64_t size);

/* Free a region that is mapped nowhere any more (after mem_space_reclaim() or the spaces' end). */
void mem_region_free(MemRegion *r);

const char *mem_region_name(const MemRegion *r);
MemKind mem_region_kind(const MemRegion *r);
uint64_t mem_region_size(const MemRegion *r);
const MmioOps *mem_region_ops(const MemRegion *r);    /* MMIO only */
void *mem_region_opaque(const MemRegion *r);          /* MMIO only */

/* Where RAM or ROM lies in our address space: one piece. NULL for MMIO. */
uint8_t *mem_region_host(const MemRegion *r);

/* The memfd of RAM or ROM; it stays the region's. */
int mem_region_fd(const MemRegion *r);

/* Map part of RAM or ROM a second time (offset and size in whole pages); munmap() it yourself. */
void *mem_region_map_again(MemRegion *r, uint64_t offset, uint64_t size, int prot, GError **errp);

/* Make RAM or ROM zero again and give its pages back to the host; tells the code hook. Control
 * thread. */
void mem_region_clear(MemRegion *r);

/* ---- page flags ------------------------------------------------------------------------- */

/*
 * One byte of flags for each page of RAM or ROM. All changes are sequentially consistent, so that
 * "set CODE, then read the bytes" against "write the bytes, then test CODE" cannot miss each other.
 */
enum MemPageFlag {
    MEM_PAGE_DIRTY = 1 << 0,  /* written since the flag was last cleared */
    MEM_PAGE_CODE = 1 << 1,   /* translations of this page exist */
    MEM_PAGE_WATCH = 1 << 2,  /* free for the accelerator: data points lie here */
};

/* The flags byte of the page that holds this offset: for atomics by the caller. NULL for MMIO. */
uint8_t *mem_region_page_flags(const MemRegion *r, uint64_t offset);

/* Atomically set or clear flags of one page; returns the flags from before. */
static inline uint8_t mem_flags_set(uint8_t *flags, uint8_t bits)
{
    return __atomic_fetch_or(flags, bits, __ATOMIC_SEQ_CST);
}
static inline uint8_t mem_flags_clear(uint8_t *flags, uint8_t bits)
{
    return __atomic_fetch_and(flags, (uint8_t)~bits, __ATOMIC_SEQ_CST);
}
static inline uint8_t mem_flags_get(const uint8_t *flags)
{
    return __atomic_load_n(flags, __ATOMIC_SEQ_CST);
}

/* ---- spaces and maps -------------------------------------------------------------------- */

/* A space of addresses 0 to last, all unassigned. */
MemSpace *mem_space_new(const char *name, paddr_t last);

/* Free the space, its views and its mappings; the regions stay their owners'. */
void mem_space_free(MemSpace *s);

const char *mem_space_name(const MemSpace *s);
paddr_t mem_space_last(const MemSpace *s);

/*
 * Map `size` bytes of a region from `offset` on at addr. Higher priority wins; 0 is usual. The new
 * view is published at once, or at the end of the outermost mem_space_begin()/commit() pair.
 * Control thread, vCPUs parked (or not yet made). Out of range is our own bug.
 */
void mem_space_map(MemSpace *s, paddr_t addr, MemRegion *r, uint64_t offset, uint64_t size,
                   int priority);

/* The same for a whole region. */
void mem_space_map_all(MemSpace *s, paddr_t addr, MemRegion *r, int priority);

/*
 * Map RAM from address 0 on, leaving the hole [hole, hole_end) to devices: the part that does not
 * fit below the hole goes to hole_end and up.
 */
void mem_space_map_ram_around(MemSpace *s, MemRegion *ram, paddr_t hole, paddr_t hole_end);

/* Take away every mapping of a region. Same rules as mem_space_map(). */
void mem_space_unmap(MemSpace *s, MemRegion *r);

/* Several changes, one new view and one call of the listeners. May nest. */
void mem_space_begin(MemSpace *s);
void mem_space_commit(MemSpace *s);

/* Free views that have been replaced. Control thread, while nobody is inside an access. */
void mem_space_reclaim(MemSpace *s);

/* Goes up with every new view, so that a cache of lookups can tell that it is stale. Any thread. */
uint64_t mem_space_generation(const MemSpace *s);

/* ---- looking up ------------------------------------------------------------------------- */

/* What lies at an address. */
struct MemSection {
    MemRegion *region;   /* NULL: nothing */
    uint64_t offset;     /* of the address, within the region */
    uint64_t avail;      /* bytes from the address to the end of this section or hole, >= 1 */
    uint8_t *host;       /* the address in RAM or ROM; NULL otherwise */
    uint8_t *flags;      /* the page's flags; NULL if not RAM or ROM */
    MemKind kind;
    bool writable;       /* RAM */
};

/* Look up an address; false if nothing is there (out->avail then tells how far). Any thread, no
 * lock. */
bool mem_find(const MemSpace *s, paddr_t addr, MemSection *out);

/*
 * The address at which a byte of a region is seen in this space, the lowest one if there are
 * several; false if it is not mapped or is hidden. Any thread.
 */
bool mem_find_region(const MemSpace *s, const MemRegion *r, uint64_t offset, paddr_t *addr);

/* Call fn for each section of the present view, lowest first; stops when fn returns false. */
void mem_space_foreach(const MemSpace *s,
                       bool (*fn)(void *opaque, paddr_t addr, const MemSection *sec), void *opaque);

/* Append the map as text, one line for each section. */
void mem_space_print(const MemSpace *s, GString *out);

/* ---- access as a CPU or a device makes it ----------------------------------------------- */

/*
 * Read or write any number of bytes, over sections, devices by the sizes they want. Values of
 * devices are little-endian in the buffer. Naturally aligned accesses of 1, 2, 4 and 8 bytes of RAM
 * are atomic. Writes set DIRTY and call the code hook. VM lock: see the top.
 */
MemResult mem_read(MemSpace *s, paddr_t addr, MemAttrs attrs, void *buf, uint64_t len);
MemResult mem_write(MemSpace *s, paddr_t addr, MemAttrs attrs, const void *buf, uint64_t len);

/* The same for one value of 1 to 8 bytes. */
MemResult mem_load(MemSpace *s, paddr_t addr, MemAttrs attrs, unsigned size, uint64_t *value);
MemResult mem_store(MemSpace *s, paddr_t addr, MemAttrs attrs, unsigned size, uint64_t value);

/*
 * One value at a section that mem_find() gave for its address, MMIO or not, for callers that have
 * looked it up already; `size` bytes must lie within the section.
 */
MemResult mem_section_load(const MemSection *sec, MemAttrs attrs, unsigned size, uint64_t *value);
MemResult mem_section_store(MemSpace *s, paddr_t addr, const MemSection *sec, MemAttrs attrs,
                            unsigned size, uint64_t value);

/* ---- access as a debugger or loader makes it -------------------------------------------- */

/* Copy RAM and ROM, never touching a device; returns how many bytes lay in RAM or ROM before the
 * first that did not. Any thread, no lock. */
uint64_t mem_peek(const MemSpace *s, paddr_t addr, void *buf, uint64_t len);

enum MemPokeFlag {
    MEM_POKE_ROM = 1 << 0,   /* ROM too: a loader, or a debugger's user who insists */
};

/* Write RAM (ROM only if asked); returns how many bytes before the first that could not be written.
 * Sets DIRTY and calls the code hook. Any thread, no lock of the VM. */
uint64_t mem_poke(MemSpace *s, paddr_t addr, const void *buf, uint64_t len, unsigned flags);

/* ---- those who want to be told ---------------------------------------------------------- */

/*
 * Called after bytes of a page that has CODE were written by anyone outside generated code
 * (devices, debugger, loaders, slow paths through mem_write()): once for each such page, with the
 * range within it. It drops the translations and clears CODE if none are left. `region`/`offset`
 * say which RAM, `addr` at which address it was written. Any thread.
 */
typedef void MemCodeHook(void *opaque, MemRegion *region, uint64_t offset, paddr_t addr,
                         uint64_t len);

/* One hook for a space; NULL takes it away. While all vCPUs are parked or not made. */
void mem_set_code_hook(MemSpace *s, MemCodeHook *hook, void *opaque);

/*
 * For writers that store through a host pointer from mem_find() (a walk's accessed bits, DMA):
 * afterwards, say so. `sec` is the section that was written at addr; len must lie within it.
 */
void mem_section_written(MemSpace *s, paddr_t addr, const MemSection *sec, uint64_t len);

/* Told when a new view is published, by the thread that changes the map, vCPUs being parked. */
typedef struct MemListener MemListener;
struct MemListener {
    void *opaque;
    /* In this order: all that went, all that came, the end. Each may be NULL. */
    void (*section_del)(void *opaque, paddr_t addr, const MemSection *sec);
    void (*section_add)(void *opaque, paddr_t addr, const MemSection *sec);
    void (*commit)(void *opaque, MemSpace *s);
};

/* A listener is first told of every section that is there. The struct stays its owner's. */
void mem_listener_add(MemSpace *s, MemListener *l);
void mem_listener_remove(MemSpace *s, MemListener *l);

#endif
