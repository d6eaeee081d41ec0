/* Multiboot 1 images: ELF or with addresses in the header, with modules.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/boot_int.h"

#include <inttypes.h>
#include <string.h>

#include "hw/i386/pc_layout.h"
#include "util/bytes.h"
#include "util/error.h"
#include "util/log.h"

/* Multiboot specification 0.6.96. */
#define HEADER_MAGIC 0x1badb002
#define BOOT_MAGIC 0x2badb002
#define HEADER_SIZE 12
#define HEADER_SIZE_ADDRESSES 32
#define FLAG_PAGE_ALIGN 0x00000001
#define FLAG_MEMORY 0x00000002
#define FLAG_VIDEO 0x00000004
#define FLAGS_REQUIRED 0x0000ffff
#define FLAG_ADDRESSES 0x00010000

/* The information handed over. */
#define INFO_SIZE 88
#define INFO_MEMORY 0x001
#define INFO_CMDLINE 0x004
#define INFO_MODULES 0x008
#define INFO_MMAP 0x040
#define INFO_LOADER 0x200
#define MODULE_SIZE 16
#define MMAP_ENTRY 24        /* with the size field, which does not count itself */
#define MODULES_MAX 256

int boot_multiboot_find(BootHead h)
{
    for (size_t at = 0; at + HEADER_SIZE <= h.len; at += 4) {
        if (load_le32(h.p + at) == HEADER_MAGIC &&
            load_le32(h.p + at) + load_le32(h.p + at + 4) + load_le32(h.p + at + 8) == 0) {
            return (int)at;
        }
    }
    return -1;
}

/* The image's addresses stand in its header. */
static bool place_by_header(BootImage *img, BootFile *f, BootHead h, unsigned at, paddr_t *end,
                            GError **errp)
{
    uint32_t header, load, load_end, bss_end;
    uint64_t offset, len, size;
    GBytes *data;

    if (at + HEADER_SIZE_ADDRESSES > h.len) {
        return boot_file_error(f, errp, "is truncated: it ends within its multiboot header");
    }
    header = load_le32(h.p + at + 12);
    load = load_le32(h.p + at + 16);
    load_end = load_le32(h.p + at + 20);
    bss_end = load_le32(h.p + at + 24);
    if (load > header || header - load > at || (load_end && load_end < load) ||
        (bss_end && bss_end < MAX(load, load_end))) {
        return boot_file_error(f, errp, "the addresses in its multiboot header contradict each "
                               "other");
    }
    offset = at - (header - load);
    len = load_end ? load_end - load : f->size - offset;
    size = bss_end ? bss_end - load : len;
    if (size < len) {
        return boot_file_error(f, errp, "its multiboot header ends the image at 0x%x, before its "
                               "data", bss_end);
    }
    if (!boot_place(img, f, "kernel", load, size, NULL, true, errp)) {
        return false;
    }
    if (!size) {
        return boot_file_error(f, errp, "its multiboot header loads nothing");
    }
    data = boot_file_read(f, offset, len, errp);
    if (!data) {
        return false;
    }
    g_array_index(img->pieces, BootPiece, img->pieces->len - 1).data = data;
    img->entry.rip = load_le32(h.p + at + 28);
    *end = load + size;
    return true;
}

static bool place_kernel(BootImage *img, BootFile *f, BootHead h, unsigned at, paddr_t *end,
                         GError **errp)
{
    uint32_t flags = load_le32(h.p + at + 4);
    uint32_t unknown = flags & FLAGS_REQUIRED & ~(FLAG_PAGE_ALIGN | FLAG_MEMORY | FLAG_VIDEO);
    BootElf elf;

    if (unknown) {
        return boot_file_error(f, errp, "requires multiboot features (flags 0x%x) that do not "
                               "exist here", unknown);
    }
    if (flags & FLAG_VIDEO) {
        warn_report("kernel '%s' asks for a video mode, but there is no display", f->path);
    }
    if (flags & FLAG_ADDRESSES) {
        return place_by_header(img, f, h, at, end, errp);
    }
    if (!boot_elf_is(h)) {
        return boot_file_error(f, errp, "has a multiboot header without addresses and is not an "
                               "ELF file");
    }
    if (!boot_elf_probe(&elf, f, h, errp) || !boot_elf_check_entry(&elf, f, errp) ||
        !boot_elf_place(img, &elf, f, h, errp)) {
        return false;
    }
    img->entry.rip = elf.entry;
    *end = elf.end;
    return true;
}

/* One module: a file name, and behind a blank what the kernel is to read beside it. */
static bool put_module(BootImage *img, const char *text, paddr_t min, uint8_t *entry,
                       GError **errp)
{
    g_autofree char *path = g_strndup(text, strcspn(text, " "));
    g_autoptr(BootFile) f = boot_file_open(path, "module", img->ram_size, errp);
    paddr_t at, name;
    GBytes *data;

    if (!f) {
        return false;
    }
    if (f->size > boot_low_end(img)) {
        return boot_file_error(f, errp, "%" PRIu64 " bytes are more than the machine's memory",
                               f->size);
    }
    data = boot_file_read(f, 0, f->size, errp);
    if (!data) {
        return false;
    }
    if (!boot_find_room(img, "module", f->size, BOOT_PAGE, min, PC_HOLE, false, data, &at)) {
        return boot_file_error(f, errp, "%" PRIu64 " bytes do not fit into the machine's memory "
                               "beside the kernel; give it more with -m", f->size);
    }
    if (!boot_put_text(img, "module's name", text, &name, errp)) {
        return false;
    }
    store_le32(entry, (uint32_t)at);
    store_le32(entry + 4, (uint32_t)(at + f->size));
    store_le32(entry + 8, (uint32_t)name);
    store_le32(entry + 12, 0);
    return true;
}

/* -initrd "file1 arguments,file2 arguments"; a comma within is written twice. */
static GPtrArray *split_modules(const char *text)
{
    GPtrArray *out = g_ptr_array_new_with_free_func(g_free);
    GString *one = g_string_new(NULL);

    for (const char *p = text; *p; p++) {
        if (*p == ',' && p[1] == ',') {
            g_string_append_c(one, *p++);
        } else if (*p == ',') {
            g_ptr_array_add(out, g_string_free(one, FALSE));
            one = g_string_new(NULL);
        } else {
            g_string_append_c(one, *p);
        }
    }
    g_ptr_array_add(out, g_string_free(one, FALSE));
    return out;
}

static bool put_modules(BootImage *img, const char *text, paddr_t min, uint8_t *info, GError **errp)
{
    g_autoptr(GPtrArray) part = NULL;
    g_autofree uint8_t *list = NULL;
    paddr_t at;

    if (!text) {
        return true;
    }
    part = split_modules(text);
    if (part->len > MODULES_MAX) {
        return error_set(errp, INVALID, "-initrd names %u modules; at most %u are possible",
                         part->len, MODULES_MAX);
    }
    list = g_malloc0(part->len * MODULE_SIZE);
    for (unsigned i = 0; i < part->len; i++) {
        const char *one = g_strchug(g_ptr_array_index(part, i));

        if (!*one) {
            return error_set(errp, INVALID, "-initrd '%s': module %u has no file name", text,
                             i + 1);
        }
        if (!put_module(img, one, min, list + i * MODULE_SIZE, errp)) {
            return false;
        }
    }
    if (!boot_put(img, "module list", 4, list, part->len * MODULE_SIZE, &at, errp)) {
        return false;
    }
    store_le32(info, load_le32(info) | INFO_MODULES);
    store_le32(info + 20, part->len);
    store_le32(info + 24, (uint32_t)at);
    return true;
}

static bool put_strings_and_map(BootImage *img, const BootConfig *c, uint8_t *info, GError **errp)
{
    g_autofree char *line = c->append && *c->append
        ? g_strconcat(c->kernel, " ", c->append, NULL) : g_strdup(c->kernel);
    uint8_t map[BOOT_RANGES_MAX * MMAP_ENTRY];
    paddr_t at;

    if (!boot_put_text(img, "command line", line, &at, errp)) {
        return false;
    }
    store_le32(info + 16, (uint32_t)at);
    if (!boot_put_text(img, "loader's name", "glassbox", &at, errp)) {
        return false;
    }
    store_le32(info + 64, (uint32_t)at);
    for (unsigned i = 0; i < img->ranges; i++) {
        store_le32(map + i * MMAP_ENTRY, MMAP_ENTRY - 4);
        store_le64(map + i * MMAP_ENTRY + 4, img->range[i].addr);
        store_le64(map + i * MMAP_ENTRY + 12, img->range[i].size);
        store_le32(map + i * MMAP_ENTRY + 20, img->range[i].type);
    }
    if (!boot_put(img, "memory map", 4, map, img->ranges * MMAP_ENTRY, &at, errp)) {
        return false;
    }
    store_le32(info + 44, img->ranges * MMAP_ENTRY);
    store_le32(info + 48, (uint32_t)at);
    return true;
}

bool boot_multiboot_load(BootImage *img, const BootConfig *c, BootFile *f, BootHead h, int at,
                         GError **errp)
{
    uint8_t info[INFO_SIZE] = { 0 };
    paddr_t end = 0, info_at;

    store_le32(info, INFO_MEMORY | INFO_CMDLINE | INFO_MMAP | INFO_LOADER);
    store_le32(info + 4, PC_EBDA >> 10);
    store_le32(info + 8, (uint32_t)((boot_low_end(img) - PC_HIGH) >> 10));
    if (!place_kernel(img, f, h, (unsigned)at, &end, errp) ||
        !put_modules(img, c->initrd, MAX(end, PC_HIGH), info, errp) ||
        !put_strings_and_map(img, c, info, errp) ||
        !boot_put(img, "multiboot information", 8, info, sizeof(info), &info_at, errp) ||
        !boot_put_cpu_tables(img, false, errp)) {
        return false;
    }
    img->entry.rax = BOOT_MAGIC;
    img->entry.rbx = info_at;
    img->format = "multiboot";
    return true;
}
