/* Room in guest memory for a boot image's pieces, and writing them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_int.h"

#include <inttypes.h>
#include <string.h>

#include "hw/i386/pc_layout.h"
#include "util/bytes.h"
#include "util/error.h"

#define LOW_START UINT64_C(0x1000)        /* the first page holds the BIOS data area */
#define BDA UINT64_C(0x400)
#define BDA_SIZE 0x100
#define BDA_EBDA 0x0e                     /* segment of the extended BIOS data area */
#define BDA_KIB 0x13                      /* conventional memory in KiB */
#define BDA_KEYBOARD 0x1a                 /* head and tail of the key buffer, at its start */

static void add_range(BootImage *img, paddr_t addr, paddr_t end, uint32_t type)
{
    if (end > addr) {
        g_assert(img->ranges < BOOT_RANGES_MAX);
        img->range[img->ranges++] = (BootRange){ addr, end - addr, type };
    }
}

void boot_image_init(BootImage *img, uint64_t ram_size)
{
    *img = (BootImage){
        .ram_size = ram_size,
        .pieces = g_array_new(FALSE, TRUE, sizeof(BootPiece)),
    };
    add_range(img, 0, PC_EBDA, BOOT_RANGE_RAM);
    add_range(img, PC_EBDA, PC_VIDEO, BOOT_RANGE_RESERVED);
    add_range(img, PC_TABLES, PC_HIGH, BOOT_RANGE_RESERVED);
    add_range(img, PC_HIGH, boot_low_end(img), BOOT_RANGE_RAM);
    if (ram_size > PC_HOLE) {
        add_range(img, PC_HOLE_END, PC_HOLE_END + ram_size - PC_HOLE, BOOT_RANGE_RAM);
    }
}

void boot_image_clear(BootImage *img)
{
    for (unsigned i = 0; img->pieces && i < img->pieces->len; i++) {
        g_clear_pointer(&g_array_index(img->pieces, BootPiece, i).data, g_bytes_unref);
    }
    g_clear_pointer(&img->pieces, g_array_unref);
}

uint64_t boot_low_end(const BootImage *img)
{
    return MIN(img->ram_size, PC_HOLE);
}

/* The piece that a range of addresses touches, or NULL. */
static const BootPiece *find_piece(const BootImage *img, paddr_t addr, uint64_t size)
{
    for (unsigned i = 0; i < img->pieces->len; i++) {
        const BootPiece *p = &g_array_index(img->pieces, BootPiece, i);

        if (addr < p->addr + p->size && p->addr < addr + size) {
            return p;
        }
    }
    return NULL;
}

static bool is_usable(const BootImage *img, paddr_t addr, uint64_t size)
{
    for (unsigned i = 0; i < img->ranges; i++) {
        const BootRange *r = &img->range[i];

        if (r->type == BOOT_RANGE_RAM && addr >= r->addr && addr - r->addr <= r->size &&
            size <= r->size - (addr - r->addr)) {
            return true;
        }
    }
    return false;
}

static void add_piece(BootImage *img, const char *what, paddr_t addr, uint64_t size, GBytes *data,
                      bool zero)
{
    BootPiece p = { .addr = addr, .size = size, .data = data, .zero = zero, .what = what };

    g_assert(!data || g_bytes_get_size(data) <= size);
    g_array_append_val(img->pieces, p);
}

bool boot_place(BootImage *img, const BootFile *f, const char *what, paddr_t addr, uint64_t size,
                GBytes *data, bool zero, GError **errp)
{
    g_autoptr(GBytes) mine = data;
    const BootPiece *other;

    if (!size) {
        return true;
    }
    if (!is_usable(img, addr, size)) {
        return boot_file_error(f, errp, "%s (0x%" PRIx64 " bytes at 0x%" PRIx64
                               ") does not fit into the machine's memory of %" PRIu64 " MiB",
                               what, size, addr, img->ram_size >> 20);
    }
    other = find_piece(img, addr, size);
    if (other) {
        return boot_file_error(f, errp, "%s (0x%" PRIx64 " bytes at 0x%" PRIx64
                               ") overlaps the %s at 0x%" PRIx64,
                               what, size, addr, other->what, other->addr);
    }
    add_piece(img, what, addr, size, g_steal_pointer(&mine), zero);
    return true;
}

/* Room within one range, or UINT64_MAX. */
static paddr_t room_in_range(const BootImage *img, paddr_t lo, paddr_t hi, uint64_t size,
                             uint64_t align, bool top_down)
{
    paddr_t at;

    if (hi < lo || hi - lo < size) {
        return UINT64_MAX;
    }
    at = top_down ? round_down(hi - size, align) : round_up(lo, align);
    while (at >= lo && at <= hi - size) {
        const BootPiece *p = find_piece(img, at, size);

        if (!p) {
            return at;
        }
        if (!top_down) {
            at = round_up(p->addr + p->size, align);
        } else if (p->addr < size) {
            break;
        } else {
            at = round_down(p->addr - size, align);
        }
    }
    return UINT64_MAX;
}

bool boot_find_room(BootImage *img, const char *what, uint64_t size, uint64_t align, paddr_t min,
                    paddr_t max, bool top_down, GBytes *data, paddr_t *addr)
{
    g_autoptr(GBytes) mine = data;

    for (unsigned i = 0; i < img->ranges; i++) {
        const BootRange *r = &img->range[top_down ? img->ranges - 1 - i : i];
        paddr_t at = UINT64_MAX;

        if (r->type == BOOT_RANGE_RAM) {
            at = room_in_range(img, MAX(min, MAX(r->addr, LOW_START)), MIN(max, r->addr + r->size),
                               size, align, top_down);
        }
        if (at != UINT64_MAX) {
            add_piece(img, what, at, size, g_steal_pointer(&mine), true);
            *addr = at;
            return true;
        }
    }
    return false;
}

bool boot_put(BootImage *img, const char *what, uint64_t align, const void *data, uint64_t size,
              paddr_t *addr, GError **errp)
{
    GBytes *bytes = g_bytes_new(data, size);

    if (boot_find_room(img, what, size, align, LOW_START, PC_HOLE, false, bytes, addr)) {
        return true;
    }
    return error_set(errp, INVALID, "there is no room in memory for the %s (%" PRIu64
                     " bytes) beside the kernel", what, size);
}

bool boot_put_text(BootImage *img, const char *what, const char *text, paddr_t *addr,
                   GError **errp)
{
    return boot_put(img, what, 16, text, strlen(text) + 1, addr, errp);
}

/* PML4, page-directory pointers, and four page directories of 2 MiB pages. */
static bool put_page_tables(BootImage *img, GError **errp)
{
    enum { TABLES = 6, PRESENT_WRITE = 0x03, LARGE = 0x80 };
    g_autofree uint8_t *t = g_malloc0(TABLES * BOOT_PAGE);
    GBytes *bytes;
    paddr_t at;

    if (!boot_find_room(img, "page tables", TABLES * BOOT_PAGE, BOOT_PAGE, LOW_START, PC_HOLE,
                        false, NULL, &at)) {
        return error_set(errp, INVALID, "there is no room in memory for page tables beside the "
                         "kernel");
    }
    store_le64(t, (at + BOOT_PAGE) | PRESENT_WRITE);
    for (unsigned i = 0; i < 4; i++) {
        store_le64(t + BOOT_PAGE + i * 8, (at + (2 + i) * BOOT_PAGE) | PRESENT_WRITE);
    }
    for (unsigned i = 0; i < 4 * 512; i++) {
        store_le64(t + 2 * BOOT_PAGE + i * 8, ((uint64_t)i << 21) | LARGE | PRESENT_WRITE);
    }
    bytes = g_bytes_new_take(g_steal_pointer(&t), TABLES * BOOT_PAGE);
    g_array_index(img->pieces, BootPiece, img->pieces->len - 1).data = bytes;
    img->entry.cr3 = at;
    return true;
}

bool boot_put_cpu_tables(BootImage *img, bool long_mode, GError **errp)
{
    enum { CODE32 = 0x00cf9b00, CODE64 = 0x00af9b00, DATA = 0x00cf9300, LIMIT = 0xffff };
    uint8_t gdt[32] = { 0 };

    store_le32(gdt + BOOT_CS, LIMIT);
    store_le32(gdt + BOOT_CS + 4, long_mode ? CODE64 : CODE32);
    store_le32(gdt + BOOT_DS, LIMIT);
    store_le32(gdt + BOOT_DS + 4, DATA);
    img->entry.long_mode = long_mode;
    img->entry.gdt_limit = sizeof(gdt) - 1;
    return boot_put(img, "descriptor table", 16, gdt, sizeof(gdt), &img->entry.gdt_base, errp) &&
           (!long_mode || put_page_tables(img, errp));
}

bool boot_put_initrd(BootImage *img, const char *path, paddr_t min, paddr_t max, paddr_t *addr,
                     uint64_t *size, GError **errp)
{
    g_autoptr(BootFile) f = NULL;
    GBytes *data;

    *addr = *size = 0;
    if (!path) {
        return true;
    }
    f = boot_file_open(path, "initrd", img->ram_size, errp);
    if (!f) {
        return false;
    }
    if (f->size <= max && f->size <= boot_low_end(img)) {
        data = boot_file_read(f, 0, f->size, errp);
        if (!data) {
            return false;
        }
        if (boot_find_room(img, "initrd", f->size, BOOT_PAGE, min, max, true, data, addr)) {
            *size = f->size;
            return true;
        }
    }
    return boot_file_error(f, errp, "%" PRIu64 " bytes do not fit into the machine's memory of %"
                           PRIu64 " MiB beside the kernel; give it more with -m",
                           f->size, img->ram_size >> 20);
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_zero(MemSpace *mem, paddr_t addr, uint64_t size)
{
    static const uint8_t zero[65536];

    while (size) {
        uint64_t n = MIN(size, sizeof(zero));

        mem_poke(mem, addr, zero, n, 0);
        addr += n;
        size -= n;
    }
}

/* The few words of the BIOS data area that kernels look at. */
static void write_bda(MemSpace *mem)
{
    uint8_t bda[BDA_SIZE] = { 0 };
    uint8_t ebda[2] = { (PC_VIDEO - PC_EBDA) >> 10, 0 };    /* its size in KiB */

    store_le16(bda + BDA_EBDA, PC_EBDA >> 4);
    store_le16(bda + BDA_KIB, PC_EBDA >> 10);
    store_le16(bda + BDA_KEYBOARD, 0x1e);
    store_le16(bda + BDA_KEYBOARD + 2, 0x1e);
    mem_poke(mem, BDA, bda, sizeof(bda), 0);
    mem_poke(mem, PC_EBDA, ebda, sizeof(ebda), 0);
}

void boot_image_write(BootImage *img, MemSpace *mem)
{
    write_bda(mem);
    for (unsigned i = 0; i < img->pieces->len; i++) {
        const BootPiece *p = &g_array_index(img->pieces, BootPiece, i);
        gsize len = 0;
        const void *data = p->data ? g_bytes_get_data(p->data, &len) : NULL;
        uint64_t done = data ? mem_poke(mem, p->addr, data, len, 0) : 0;

        g_assert(done == len);
        if (p->zero && img->written) {
            write_zero(mem, p->addr + len, p->size - len);    /* RAM that is fresh is zero */
        }
    }
    img->written = true;
}
