/* Regions: RAM and ROM in a memfd, device registers; flags of pages.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "mem/mem_int.h"
#include "util/bytes.h"
#include "util/error.h"

#define HUGE_PAGE_SIZE (UINT64_C(2) << 20)

/*
 * Maps a descriptor at an address that is a multiple of the host's huge pages, so that the host may
 * use them. NORESERVE: a guest's RAM may be larger than what the host has, as long as it is not
 * touched.
 */
static uint8_t *ram_map(int fd, uint64_t size)
{
    uint64_t span = size + HUGE_PAGE_SIZE;
    uint8_t *base, *host;

    base = mmap(NULL, span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) {
        return NULL;
    }
    host = (uint8_t *)(uintptr_t)round_up((uintptr_t)base, HUGE_PAGE_SIZE);
    if (mmap(host, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0) ==
        MAP_FAILED) {
        int err = errno;
        munmap(base, span);
        errno = err;
        return NULL;
    }
    if (host > base) {
        munmap(base, host - base);
    }
    munmap(host + size, base + span - (host + size));
    madvise(host, size, MADV_HUGEPAGE);   /* a wish only */
    madvise(host, size, MADV_DONTDUMP);
    return host;
}

static bool ram_allocate(MemRegion *r, GError **errp)
{
    uint64_t pages = r->size >> MEM_PAGE_BITS;
    void *flags;

    r->fd = memfd_create(r->name, MFD_CLOEXEC);
    if (r->fd < 0 || ftruncate(r->fd, (off_t)r->size) < 0) {
        return error_set(errp, FAILED, "the host gives no memory file of %" G_GUINT64_FORMAT
                         " bytes: %s", r->size, g_strerror(errno));
    }
    r->host = ram_map(r->fd, r->size);
    if (!r->host) {
        return error_set(errp, FAILED, "the host cannot map %" G_GUINT64_FORMAT " bytes: %s",
                         r->size, g_strerror(errno));
    }
    flags = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                 -1, 0);
    if (flags == MAP_FAILED) {
        return error_set(errp, FAILED, "the host gives no memory for page flags: %s",
                         g_strerror(errno));
    }
    r->flags = flags;
    return true;
}

static MemRegion *region_new(const char *name, MemKind kind, uint64_t size)
{
    MemRegion *r = g_new0(MemRegion, 1);

    g_assert(size > 0);
    r->name = g_strdup(name);
    r->kind = kind;
    r->size = size;
    r->fd = -1;
    r->spaces = g_ptr_array_new();
    return r;
}

static MemRegion *region_new_backed(const char *name, MemKind kind, uint64_t size, GError **errp)
{
    MemRegion *r;

    if (size > INT64_MAX - HUGE_PAGE_SIZE) {
        error_set(errp, INVALID, "no host has %" G_GUINT64_FORMAT " bytes of memory", size);
        return NULL;
    }
    r = region_new(name, kind, round_up(size, MEM_PAGE_SIZE));
    if (!ram_allocate(r, errp)) {
        mem_region_free(r);
        return NULL;
    }
    return r;
}

MemRegion *mem_region_new_ram(const char *name, uint64_t size, GError **errp)
{
    return region_new_backed(name, MEM_KIND_RAM, size, errp);
}

MemRegion *mem_region_new_rom(const char *name, uint64_t size, GError **errp)
{
    return region_new_backed(name, MEM_KIND_ROM, size, errp);
}

MemRegion *mem_region_new_mmio(const char *name, const MmioOps *ops, void *opaque, uint64_t size)
{
    MemRegion *r = region_new(name, MEM_KIND_MMIO, size);
    unsigned min = ops->min_size ? ops->min_size : 1, max = ops->max_size ? ops->max_size : 8;

    g_assert(is_pow2(min) && is_pow2(max) && min <= max && max <= 8);
    r->ops = ops;
    r->opaque = opaque;
    return r;
}

void mem_region_free(MemRegion *r)
{
    if (!r) {
        return;
    }
    g_assert(r->spaces->len == 0);
    g_ptr_array_free(r->spaces, TRUE);
    if (r->host) {
        munmap(r->host, r->size);
    }
    if (r->flags) {
        munmap(r->flags, r->size >> MEM_PAGE_BITS);
    }
    if (r->fd >= 0) {
        close(r->fd);
    }
    g_free(r->name);
    g_free(r);
}

const char *mem_region_name(const MemRegion *r)
{
    return r->name;
}

MemKind mem_region_kind(const MemRegion *r)
{
    return r->kind;
}

uint64_t mem_region_size(const MemRegion *r)
{
    return r->size;
}

const MmioOps *mem_region_ops(const MemRegion *r)
{
    return r->ops;
}

void *mem_region_opaque(const MemRegion *r)
{
    return r->opaque;
}

uint8_t *mem_region_host(const MemRegion *r)
{
    return r->host;
}

int mem_region_fd(const MemRegion *r)
{
    return r->fd;
}

uint8_t *mem_region_page_flags(const MemRegion *r, uint64_t offset)
{
    return r->flags ? &r->flags[offset >> MEM_PAGE_BITS] : NULL;
}

void *mem_region_map_again(MemRegion *r, uint64_t offset, uint64_t size, int prot, GError **errp)
{
    void *p;

    g_assert(r->host && offset <= r->size && size <= r->size - offset);
    p = mmap(NULL, size, prot, MAP_SHARED | MAP_NORESERVE, r->fd, (off_t)offset);
    if (p == MAP_FAILED) {
        error_set(errp, FAILED, "the host cannot map '%s' again: %s", r->name, g_strerror(errno));
        return NULL;
    }
    return p;
}

/* Tells the code hook of every space that shows this page that it changed. */
static void region_tell_page(MemRegion *r, uint64_t offset)
{
    for (unsigned i = 0; i < r->spaces->len; i++) {
        MemSpace *s = g_ptr_array_index(r->spaces, i);
        paddr_t addr;
        MemSection sec;
        if (mem_find_region(s, r, offset, &addr) && mem_find(s, addr, &sec)) {
            mem_section_written(s, addr, &sec, MIN(MEM_PAGE_SIZE, sec.avail));
        }
    }
}

void mem_region_clear(MemRegion *r)
{
    uint64_t pages = r->size >> MEM_PAGE_BITS;

    g_assert(r->host);
    if (fallocate(r->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)r->size) < 0) {
        memset(r->host, 0, r->size);
    }
    for (uint64_t i = 0; i < pages; i++) {
        if (mem_flags_set(&r->flags[i], MEM_PAGE_DIRTY) & MEM_PAGE_CODE) {
            region_tell_page(r, i << MEM_PAGE_BITS);
        }
    }
}
