/* Reading and writing spaces: as CPUs and devices do, and as debuggers and loaders do.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>
#include "mem/mem_int.h"
#include "util/bytes.h"
#include "util/log.h"

/* ---- RAM -------------------------------------------------------------------------------- */

static bool is_atomic_size(const void *host, uint64_t len)
{
    return len <= 8 && is_pow2(len) && !((uintptr_t)host & (len - 1));
}

static void ram_load(const uint8_t *host, void *buf, uint64_t len)
{
    if (!is_atomic_size(host, len)) {
        memcpy(buf, host, len);
        return;
    }
    switch (len) {
    case 1:
        *(uint8_t *)buf = __atomic_load_n(host, __ATOMIC_RELAXED);
        break;
    case 2: {
        uint16_t v = __atomic_load_n((const uint16_t *)host, __ATOMIC_RELAXED);
        memcpy(buf, &v, 2);
        break;
    }
    case 4: {
        uint32_t v = __atomic_load_n((const uint32_t *)host, __ATOMIC_RELAXED);
        memcpy(buf, &v, 4);
        break;
    }
    default: {
        uint64_t v = __atomic_load_n((const uint64_t *)host, __ATOMIC_RELAXED);
        memcpy(buf, &v, 8);
        break;
    }
    }
}

static void ram_store(uint8_t *host, const void *buf, uint64_t len)
{
    if (!is_atomic_size(host, len)) {
        memcpy(host, buf, len);
        return;
    }
    switch (len) {
    case 1:
        __atomic_store_n(host, *(const uint8_t *)buf, __ATOMIC_RELAXED);
        break;
    case 2: {
        uint16_t v;
        memcpy(&v, buf, 2);
        __atomic_store_n((uint16_t *)host, v, __ATOMIC_RELAXED);
        break;
    }
    case 4: {
        uint32_t v;
        memcpy(&v, buf, 4);
        __atomic_store_n((uint32_t *)host, v, __ATOMIC_RELAXED);
        break;
    }
    default: {
        uint64_t v;
        memcpy(&v, buf, 8);
        __atomic_store_n((uint64_t *)host, v, __ATOMIC_RELAXED);
        break;
    }
    }
}

void mem_section_written(MemSpace *s, paddr_t addr, const MemSection *sec, uint64_t len)
{
    uint64_t offset = sec->offset;

    while (len > 0) {
        uint64_t n = MIN(len, MEM_PAGE_SIZE - (offset & (MEM_PAGE_SIZE - 1)));
        uint8_t *flags = mem_region_page_flags(sec->region, offset);
        /* The read-modify-write is the barrier between our bytes and our look at CODE. */
        if ((mem_flags_set(flags, MEM_PAGE_DIRTY) & MEM_PAGE_CODE) && s->code_hook) {
            s->code_hook(s->code_opaque, sec->region, offset, addr, n);
        }
        offset += n;
        addr += n;
        len -= n;
    }
}

/* ---- devices ---------------------------------------------------------------------------- */

typedef struct MmioSizes {
    unsigned min, max;
} MmioSizes;

static MmioSizes mmio_sizes(const MmioOps *ops)
{
    return (MmioSizes){ ops->min_size ? ops->min_size : 1, ops->max_size ? ops->max_size : 8 };
}

/* The largest size a device may see at this offset for `left` bytes; may be below its minimum. */
static unsigned mmio_piece(MmioSizes sz, uint64_t offset, unsigned left)
{
    unsigned n = sz.max;

    while (n > left || (offset & (n - 1))) {
        n /= 2;
    }
    return n;
}

static MemResult mmio_read_one(MemRegion *r, uint64_t offset, unsigned size, uint64_t *value,
                               MemAttrs attrs)
{
    MemResult res;

    *value = 0;
    if (!r->ops->read) {
        *value = mask_bytes(size);
        return MEM_REFUSED;
    }
    res = r->ops->read(r->opaque, offset, size, value, attrs);
    *value &= mask_bytes(size);
    return res;
}

/* Reads `size` (up to 8) bytes of registers, by accesses that the device takes. */
static MemResult mmio_load(MemRegion *r, uint64_t offset, unsigned size, uint64_t *value,
                           MemAttrs attrs)
{
    MmioSizes sz = mmio_sizes(r->ops);
    MemResult res = MEM_OK;
    unsigned done = 0;

    *value = 0;
    while (done < size) {
        uint64_t at = offset + done, part;
        unsigned n = mmio_piece(sz, at, size - done);
        if (n >= sz.min) {
            res |= mmio_read_one(r, at, n, &part, attrs);
        } else {
            unsigned skip = at & (sz.min - 1);
            n = MIN(sz.min - skip, size - done);
            res |= mmio_read_one(r, at - skip, sz.min, &part, attrs);
            part = bits_get(part, skip * 8, n * 8);
        }
        *value |= part << (done * 8);
        done += n;
    }
    return res;
}

static MemResult mmio_store(MemRegion *r, uint64_t offset, unsigned size, uint64_t value,
                            MemAttrs attrs)
{
    MmioSizes sz = mmio_sizes(r->ops);
    MemResult res = MEM_OK;
    unsigned done = 0;

    while (done < size) {
        uint64_t at = offset + done;
        unsigned n = mmio_piece(sz, at, size - done);
        if (n < sz.min) {
            n = MIN(sz.min - (unsigned)(at & (sz.min - 1)), size - done);
            log_guest("write of %u bytes to %s+0x%" PRIx64 ", which takes at least %u", n, r->name,
                      at, sz.min);
            res |= MEM_REFUSED;
        } else if (!r->ops->write) {
            res |= MEM_REFUSED;
        } else {
            res |= r->ops->write(r->opaque, at, n, bits_get(value, done * 8, n * 8), attrs);
        }
        done += n;
    }
    return res;
}

/* ---- one value -------------------------------------------------------------------------- */

MemResult mem_section_load(const MemSection *sec, MemAttrs attrs, unsigned size, uint64_t *value)
{
    uint8_t buf[8] = { 0 };

    if (sec->host) {
        ram_load(sec->host, buf, size);
        *value = load_le64(buf);
        return MEM_OK;
    }
    if (!sec->region) {
        *value = mask_bytes(size);
        return MEM_UNASSIGNED;
    }
    return mmio_load(sec->region, sec->offset, size, value, attrs);
}

MemResult mem_section_store(MemSpace *s, paddr_t addr, const MemSection *sec, MemAttrs attrs,
                            unsigned size, uint64_t value)
{
    uint8_t buf[8];

    if (sec->writable) {
        store_le64(buf, value);
        ram_store(sec->host, buf, size);
        mem_section_written(s, addr, sec, size);
        return MEM_OK;
    }
    if (!sec->region) {
        return MEM_UNASSIGNED;
    }
    if (sec->host) {
        log_guest("write of %u bytes to ROM %s+0x%" PRIx64, size, sec->region->name, sec->offset);
        return MEM_REFUSED;
    }
    return mmio_store(sec->region, sec->offset, size, value, attrs);
}

static void log_unassigned(const MemSpace *s, const char *what, paddr_t addr, uint64_t size)
{
    log_guest("%s of %" PRIu64 " bytes at 0x%" PRIx64 " of %s, where nothing is", what, size, addr,
              s->name);
}

MemResult mem_load(MemSpace *s, paddr_t addr, MemAttrs attrs, unsigned size, uint64_t *value)
{
    MemSection sec;
    uint8_t buf[8] = { 0 };
    MemResult res;

    g_assert(size >= 1 && size <= 8);
    mem_find(s, addr, &sec);
    if (G_LIKELY(sec.avail >= size)) {
        if (!sec.region) {
            log_unassigned(s, "read", addr, size);
        }
        return mem_section_load(&sec, attrs, size, value);
    }
    res = mem_read(s, addr, attrs, buf, size);
    *value = load_le64(buf);
    return res;
}

MemResult mem_store(MemSpace *s, paddr_t addr, MemAttrs attrs, unsigned size, uint64_t value)
{
    MemSection sec;
    uint8_t buf[8];

    g_assert(size >= 1 && size <= 8);
    mem_find(s, addr, &sec);
    if (G_LIKELY(sec.avail >= size)) {
        if (!sec.region) {
            log_unassigned(s, "write", addr, size);
        }
        return mem_section_store(s, addr, &sec, attrs, size, value);
    }
    store_le64(buf, value);
    return mem_write(s, addr, attrs, buf, size);
}

/* ---- any number of bytes ---------------------------------------------------------------- */

/* How much of `len` bytes goes to a device as one value: up to 8, ending on a multiple of 8. */
static unsigned mmio_chunk(uint64_t offset, uint64_t len)
{
    return (unsigned)MIN(len, 8 - (offset & 7));
}

static MemResult mmio_read_bytes(const MemSection *sec, MemAttrs attrs, uint8_t *buf, uint64_t len)
{
    MemResult res = MEM_OK;

    for (uint64_t done = 0; done < len;) {
        unsigned n = mmio_chunk(sec->offset + done, len - done);
        uint64_t v;
        res |= mmio_load(sec->region, sec->offset + done, n, &v, attrs);
        store_le(buf + done, v, n);
        done += n;
    }
    return res;
}

static MemResult mmio_write_bytes(const MemSection *sec, MemAttrs attrs, const uint8_t *buf,
                                  uint64_t len)
{
    MemResult res = MEM_OK;

    for (uint64_t done = 0; done < len;) {
        unsigned n = mmio_chunk(sec->offset + done, len - done);
        res |= mmio_store(sec->region, sec->offset + done, n, load_le(buf + done, n), attrs);
        done += n;
    }
    return res;
}

MemResult mem_read(MemSpace *s, paddr_t addr, MemAttrs attrs, void *buf, uint64_t len)
{
    MemResult res = MEM_OK;
    uint8_t *p = buf;

    while (len > 0) {
        MemSection sec;
        uint64_t n;
        mem_find(s, addr, &sec);
        n = MIN(len, sec.avail);
        if (sec.host) {
            ram_load(sec.host, p, n);
        } else if (sec.region) {
            res |= mmio_read_bytes(&sec, attrs, p, n);
        } else {
            memset(p, 0xff, n);
            log_unassigned(s, "read", addr, n);
            res |= MEM_UNASSIGNED;
        }
        addr += n;
        p += n;
        len -= n;
    }
    return res;
}

MemResult mem_write(MemSpace *s, paddr_t addr, MemAttrs attrs, const void *buf, uint64_t len)
{
    MemResult res = MEM_OK;
    const uint8_t *p = buf;

    while (len > 0) {
        MemSection sec;
        uint64_t n;
        mem_find(s, addr, &sec);
        n = MIN(len, sec.avail);
        if (sec.writable) {
            ram_store(sec.host, p, n);
            mem_section_written(s, addr, &sec, n);
        } else if (sec.host) {
            log_guest("write of %" PRIu64 " bytes to ROM %s", n, sec.region->name);
            res |= MEM_REFUSED;
        } else if (sec.region) {
            res |= mmio_write_bytes(&sec, attrs, p, n);
        } else {
            log_unassigned(s, "write", addr, n);
            res |= MEM_UNASSIGNED;
        }
        addr += n;
        p += n;
        len -= n;
    }
    return res;
}

/* ---- debuggers and loaders -------------------------------------------------------------- */

uint64_t mem_peek(const MemSpace *s, paddr_t addr, void *buf, uint64_t len)
{
    uint64_t done = 0;
    MemSection sec;

    while (done < len && mem_find(s, addr + done, &sec) && sec.host) {
        uint64_t n = MIN(len - done, sec.avail);
        ram_load(sec.host, (uint8_t *)buf + done, n);
        done += n;
        if (addr + done < addr) {
            break;   /* past the end of 2^64 */
        }
    }
    return done;
}

uint64_t mem_poke(MemSpace *s, paddr_t addr, const void *buf, uint64_t len, unsigned flags)
{
    uint64_t done = 0;
    MemSection sec;

    while (done < len && mem_find(s, addr + done, &sec) && sec.host &&
           (sec.writable || (flags & MEM_POKE_ROM))) {
        uint64_t n = MIN(len - done, sec.avail);
        ram_store(sec.host, (const uint8_t *)buf + done, n);
        mem_section_written(s, addr + done, &sec, n);
        done += n;
        if (addr + done < addr) {
            break;
        }
    }
    return done;
}
