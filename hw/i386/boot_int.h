/* Shared by the loaders of hw/i386.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_BOOT_INT_H
#define GLASSBOX_HW_I386_BOOT_INT_H

#include "hw/i386/boot.h"
#include "hw/i386/boot_file.h"

#define BOOT_CS 0x10
#define BOOT_DS 0x18
#define BOOT_PAGE 4096

/* ---- boot_image.c: room in guest memory --------------------------------------------------- */

/* The end of the RAM that lies below 4 GiB. */
uint64_t boot_low_end(const BootImage *img);

/*
 * Speak for a place that the image itself wants: `size` bytes at addr, of which data (taken over,
 * may be NULL) are the first. False if it is not RAM that is free for all, or is taken.
 */
bool boot_place(BootImage *img, const BootFile *f, const char *what, paddr_t addr, uint64_t size,
                GBytes *data, bool zero, GError **errp);

/* Find room within [min, max) and speak for it; from the top down or from the bottom up. Data is
 * taken over. False if there is none. */
bool boot_find_room(BootImage *img, const char *what, uint64_t size, uint64_t align, paddr_t min,
                    paddr_t max, bool top_down, GBytes *data, paddr_t *addr);

/* Small things of the loader's own, below 640 KiB if there is room, else below 4 GiB. */
bool boot_put(BootImage *img, const char *what, uint64_t align, const void *data, uint64_t size,
              paddr_t *addr, GError **errp);

/* The text with its closing zero. */
bool boot_put_text(BootImage *img, const char *what, const char *text, paddr_t *addr,
                   GError **errp);

/* A GDT with the two flat segments, 32-bit or 64-bit code; for long mode also page tables that map
 * the first 4 GiB onto themselves. Fills in the entry. */
bool boot_put_cpu_tables(BootImage *img, bool long_mode, GError **errp);

/* Read the initrd and put it as high as possible below max. Nothing to do if there is none. */
bool boot_put_initrd(BootImage *img, const char *path, paddr_t min, paddr_t max, paddr_t *addr,
                     uint64_t *size, GError **errp);

/* ---- the formats ---------------------------------------------------------------------------- */

/* The beginning of the kernel's file: enough to tell what it is. */
typedef struct BootHead {
    const uint8_t *p;
    size_t len;
} BootHead;
#define BOOT_HEAD_MAX 8192

bool boot_linux_is(BootHead h);
bool boot_linux_load(BootImage *img, const BootConfig *c, BootFile *f, BootHead h, GError **errp);

/* The boot_params block for a kernel that did not bring its own header. */
bool boot_linux_put_params(BootImage *img, const BootConfig *c, paddr_t initrd,
                           uint64_t initrd_size, paddr_t *addr, GError **errp);

typedef struct BootElf {
    bool is_64, has_entry, has_pvh;
    uint64_t entry;          /* physical; if has_entry */
    uint64_t pvh_entry;
    paddr_t end;             /* of the highest segment */
} BootElf;

bool boot_elf_is(BootHead h);
/* Read the headers and notes, place nothing. */
bool boot_elf_probe(BootElf *elf, BootFile *f, BootHead h, GError **errp);
/* Is there an ELF entry that a CPU can begin at? */
bool boot_elf_check_entry(const BootElf *elf, const BootFile *f, GError **errp);
/* Place the segments. */
bool boot_elf_place(BootImage *img, BootElf *elf, BootFile *f, BootHead h, GError **errp);
/* Enter by the PVH note, or by the ELF entry with boot_params. */
bool boot_elf_load(BootImage *img, const BootConfig *c, BootFile *f, BootHead h,
                   const BootElf *probed, GError **errp);

/* Offset of a multiboot header, or -1. */
int boot_multiboot_find(BootHead h);
bool boot_multiboot_load(BootImage *img, const BootConfig *c, BootFile *f, BootHead h, int at,
                         GError **errp);

#endif
