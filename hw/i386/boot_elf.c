/* ELF kernels: segments, the PVH note, and entry without one.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_int.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "hw/i386/pc_layout.h"
#include "util/bytes.h"
#include "util/error.h"

/* The note that names a 32-bit entry, and what is handed to it (xen/include/public/elfnote.h and
 * arch-x86/hvm/start_info.h describe them). */
#define NOTE_NAME "Xen"
#define NOTE_PHYS32_ENTRY 18
#define START_MAGIC 0x336ec578
#define START_VERSION 1
#define START_SIZE 56
#define MODULE_SIZE 32
#define MAP_ENTRY_SIZE 24

#define SEGMENTS_MAX 1024
#define NOTES_MAX (UINT64_C(1) << 20)

/* A program header of either class. */
typedef struct Segment {
    uint32_t type;
    uint64_t offset, vaddr, paddr, filesz, memsz, align;
} Segment;

bool boot_elf_is(BootHead h)
{
    return h.len >= SELFMAG && !memcmp(h.p, ELFMAG, SELFMAG);
}

/* ---- reading ---------------------------------------------------------------------------- */

static Segment parse_segment(const uint8_t *p, bool is_64)
{
    Segment s;

    if (is_64) {
        s = (Segment){ load_le32(p), load_le64(p + 8), load_le64(p + 16), load_le64(p + 24),
                       load_le64(p + 32), load_le64(p + 40), load_le64(p + 48) };
    } else {
        s = (Segment){ load_le32(p), load_le32(p + 4), load_le32(p + 8), load_le32(p + 12),
                       load_le32(p + 16), load_le32(p + 20), load_le32(p + 28) };
    }
    return s;
}

static bool check_ident(BootFile *f, BootHead h, bool *is_64, GError **errp)
{
    unsigned machine, type;

    if (h.len < sizeof(Elf32_Ehdr)) {
        return boot_file_error(f, errp, "is truncated: it ends within its ELF header");
    }
    *is_64 = h.p[EI_CLASS] == ELFCLASS64;
    if ((!*is_64 && h.p[EI_CLASS] != ELFCLASS32) || h.p[EI_DATA] != ELFDATA2LSB) {
        return boot_file_error(f, errp, "is an ELF file of a class or byte order that x86 does "
                               "not have");
    }
    if (*is_64 && h.len < sizeof(Elf64_Ehdr)) {
        return boot_file_error(f, errp, "is truncated: it ends within its ELF header");
    }
    type = load_le16(h.p + 16);
    machine = load_le16(h.p + 18);
    if (machine != (*is_64 ? EM_X86_64 : EM_386)) {
        return boot_file_error(f, errp, "is an ELF file for another machine (e_machine %u)",
                               machine);
    }
    if (type != ET_EXEC) {
        return boot_file_error(f, errp, "is an ELF file of type %u, not an executable with fixed "
                               "addresses", type);
    }
    return true;
}

static bool check_segment(BootFile *f, const Segment *s, unsigned i, GError **errp)
{
    if (s->type != PT_LOAD && s->type != PT_NOTE) {
        return true;
    }
    if (s->type == PT_LOAD && s->filesz > s->memsz) {
        return boot_file_error(f, errp, "ELF segment %u is longer in the file than in memory", i);
    }
    if (s->offset > f->size || s->filesz > f->size - s->offset) {
        return boot_file_error(f, errp, "is truncated: ELF segment %u ends at byte %" PRIu64
                               " of %" PRIu64, i, s->offset + s->filesz, f->size);
    }
    if (s->type == PT_LOAD && s->paddr + s->memsz < s->paddr) {
        return boot_file_error(f, errp, "ELF segment %u wraps around the end of memory", i);
    }
    return true;
}

/* All program headers, checked against the file. NULL on failure. */
static GArray *read_segments(BootFile *f, BootHead h, bool is_64, GError **errp)
{
    g_autoptr(GArray) out = g_array_new(FALSE, FALSE, sizeof(Segment));
    uint64_t at = is_64 ? load_le64(h.p + 32) : load_le32(h.p + 28);
    unsigned size = load_le16(h.p + (is_64 ? 54 : 42)), n = load_le16(h.p + (is_64 ? 56 : 44));
    g_autoptr(GBytes) table = NULL;
    const uint8_t *p;

    if (size < (is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr)) || n > SEGMENTS_MAX) {
        boot_file_error(f, errp, "its ELF program headers are malformed");
        return NULL;
    }
    table = boot_file_read(f, at, (uint64_t)size * n, errp);
    if (!table) {
        return NULL;
    }
    p = g_bytes_get_data(table, NULL);
    for (unsigned i = 0; i < n; i++) {
        Segment s = parse_segment(p + (size_t)i * size, is_64);

        if (!check_segment(f, &s, i, errp)) {
            return NULL;
        }
        g_array_append_val(out, s);
    }
    return g_steal_pointer(&out);
}

/* Look for the PVH note among the notes of one segment. Sizes are rounded up to the alignment. */
static void search_notes(BootElf *elf, const uint8_t *p, size_t len, uint64_t align)
{
    while (len >= 12) {
        uint64_t name = load_le32(p), desc = load_le32(p + 4), type = load_le32(p + 8);
        uint64_t desc_at = 12 + round_up(name, align), end = desc_at + round_up(desc, align);

        if (desc_at > len || desc > len - desc_at) {
            return;
        }
        if (type == NOTE_PHYS32_ENTRY && name == sizeof(NOTE_NAME) &&
            !memcmp(p + 12, NOTE_NAME, sizeof(NOTE_NAME)) && (desc == 4 || desc == 8)) {
            elf->has_pvh = true;
            elf->pvh_entry = load_le(p + desc_at, (unsigned)desc);
            return;
        }
        if (end >= len) {
            return;
        }
        p += end;
        len -= end;
    }
}

/* Linux gives its physical entry, others a virtual one: find the segment and make it physical. */
static bool find_entry(BootElf *elf, const GArray *segments, uint64_t entry)
{
    for (int by_vaddr = 0; by_vaddr < 2; by_vaddr++) {
        for (unsigned i = 0; i < segments->len; i++) {
            const Segment *s = &g_array_index(segments, Segment, i);
            uint64_t from = by_vaddr ? s->vaddr : s->paddr;

            if (s->type == PT_LOAD && entry >= from && entry - from < s->memsz) {
                elf->entry = entry - from + s->paddr;
                return true;
            }
        }
    }
    return false;
}

bool boot_elf_check_entry(const BootElf *elf, const BootFile *f, GError **errp)
{
    if (!elf->has_entry) {
        return boot_file_error(f, errp, "its ELF entry lies in no segment");
    }
    if (elf->entry > UINT32_MAX) {
        return boot_file_error(f, errp, "its entry 0x%" PRIx64 " is beyond 4 GiB", elf->entry);
    }
    return true;
}

bool boot_elf_probe(BootElf *elf, BootFile *f, BootHead h, GError **errp)
{
    g_autoptr(GArray) segments = NULL;
    bool loads = false;

    *elf = (BootElf){ 0 };
    if (!check_ident(f, h, &elf->is_64, errp)) {
        return false;
    }
    segments = read_segments(f, h, elf->is_64, errp);
    if (!segments) {
        return false;
    }
    for (unsigned i = 0; i < segments->len; i++) {
        const Segment *s = &g_array_index(segments, Segment, i);

        loads |= s->type == PT_LOAD && s->memsz;
        if (s->type == PT_NOTE && !elf->has_pvh && s->filesz <= NOTES_MAX) {
            g_autoptr(GBytes) notes = boot_file_read(f, s->offset, s->filesz, errp);

            if (!notes) {
                return false;
            }
            search_notes(elf, g_bytes_get_data(notes, NULL), s->filesz, s->align == 8 ? 8 : 4);
        }
    }
    if (!loads) {
        return boot_file_error(f, errp, "is an ELF file with nothing to load");
    }
    elf->has_entry = find_entry(elf, segments, elf->is_64 ? load_le64(h.p + 24)
                                                          : load_le32(h.p + 24));
    return true;
}

bool boot_elf_place(BootImage *img, BootElf *elf, BootFile *f, BootHead h, GError **errp)
{
    g_autoptr(GArray) segments = read_segments(f, h, elf->is_64, errp);

    for (unsigned i = 0; segments && i < segments->len; i++) {
        const Segment *s = &g_array_index(segments, Segment, i);
        GBytes *data;

        if (s->type != PT_LOAD || !s->memsz) {
            continue;
        }
        /* Of a segment that cannot be placed nothing is read, however long the file is. */
        if (!boot_place(img, f, "kernel", s->paddr, s->memsz, NULL, true, errp)) {
            return false;
        }
        data = boot_file_read(f, s->offset, s->filesz, errp);
        if (!data) {
            return false;
        }
        g_array_index(img->pieces, BootPiece, img->pieces->len - 1).data = data;
        elf->end = MAX(elf->end, s->paddr + s->memsz);
    }
    return segments != NULL;
}

/* ---- entering --------------------------------------------------------------------------- */

static bool put_start_info(BootImage *img, const BootConfig *c, paddr_t initrd,
                           uint64_t initrd_size, paddr_t *addr, GError **errp)
{
    uint8_t info[START_SIZE] = { 0 }, module[MODULE_SIZE] = { 0 };
    uint8_t map[BOOT_RANGES_MAX * MAP_ENTRY_SIZE] = { 0 };
    paddr_t modules = 0, cmdline, map_at;

    store_le64(module, initrd);
    store_le64(module + 8, initrd_size);
    for (unsigned i = 0; i < img->ranges; i++) {
        store_le64(map + i * MAP_ENTRY_SIZE, img->range[i].addr);
        store_le64(map + i * MAP_ENTRY_SIZE + 8, img->range[i].size);
        store_le32(map + i * MAP_ENTRY_SIZE + 16, img->range[i].type);
    }
    if (!boot_put_text(img, "command line", c->append ? c->append : "", &cmdline, errp) ||
        !boot_put(img, "memory map", 8, map, img->ranges * MAP_ENTRY_SIZE, &map_at, errp) ||
        (initrd_size && !boot_put(img, "module list", 8, module, sizeof(module), &modules, errp))) {
        return false;
    }
    store_le32(info, START_MAGIC);
    store_le32(info + 4, START_VERSION);
    store_le32(info + 12, initrd_size ? 1 : 0);
    store_le64(info + 16, modules);
    store_le64(info + 24, cmdline);
    store_le64(info + 32, c->rsdp);
    store_le64(info + 40, map_at);
    store_le32(info + 48, img->ranges);
    return boot_put(img, "start information", 8, info, sizeof(info), addr, errp);
}

bool boot_elf_load(BootImage *img, const BootConfig *c, BootFile *f, BootHead h,
                   const BootElf *probed, GError **errp)
{
    BootElf elf = *probed;
    paddr_t initrd, info;
    uint64_t initrd_size;

    if (!boot_elf_place(img, &elf, f, h, errp) ||
        !boot_put_initrd(img, c->initrd, PC_HIGH, PC_HOLE, &initrd, &initrd_size, errp)) {
        return false;
    }
    if (elf.has_pvh) {
        if (elf.pvh_entry > UINT32_MAX) {
            return boot_file_error(f, errp, "its PVH entry 0x%" PRIx64 " is beyond 4 GiB",
                                   elf.pvh_entry);
        }
        if (!put_start_info(img, c, initrd, initrd_size, &info, errp) ||
            !boot_put_cpu_tables(img, false, errp)) {
            return false;
        }
        img->entry.rip = elf.pvh_entry;
        img->entry.rbx = info;
        img->format = elf.is_64 ? "64-bit ELF, PVH entry" : "32-bit ELF, PVH entry";
        return true;
    }
    if (!boot_elf_check_entry(&elf, f, errp) ||
        !boot_linux_put_params(img, c, initrd, initrd_size, &info, errp) ||
        !boot_put_cpu_tables(img, elf.is_64, errp)) {
        return false;
    }
    img->entry.rip = elf.entry;
    img->entry.rsi = info;
    img->format = elf.is_64 ? "64-bit ELF" : "32-bit ELF";
    return true;
}
