/* What a machine's memory and boot CPU hold when it starts: read once, written at every reset.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_BOOT_H
#define GLASSBOX_HW_I386_BOOT_H

#include <glib.h>
#include <stdbool.h>
#include "mem/mem.h"

/* Types of the memory map, the same in all boot protocols. */
enum { BOOT_RANGE_RAM = 1, BOOT_RANGE_RESERVED = 2 };
#define BOOT_RANGES_MAX 8

typedef struct BootRange {
    paddr_t addr;
    uint64_t size;
    uint32_t type;
} BootRange;

/* A stretch of guest memory that is spoken for. */
typedef struct BootPiece {
    paddr_t addr;
    uint64_t size;
    GBytes *data;          /* its first bytes; NULL: only kept free */
    bool zero;             /* the rest is made zero */
    const char *what;
} BootPiece;

/* Where the boot CPU begins. Flat segments: code 0x10, data 0x18. */
typedef struct BootEntry {
    bool long_mode;        /* with page tables at cr3; else protected mode, paging off */
    uint64_t rip, cr3;
    uint64_t gdt_base;
    uint16_t gdt_limit;
    uint64_t rax, rbx, rsi;
} BootEntry;

typedef struct BootImage {
    uint64_t ram_size;
    BootRange range[BOOT_RANGES_MAX];
    unsigned ranges;
    GArray *pieces;        /* BootPiece, no two overlap */
    BootEntry entry;
    const char *format;    /* for `info`: "bzImage, 64-bit entry" */
    bool is_32bit;         /* a 32-bit image: gdb may want a 32-bit description */
    bool written;          /* memory is no longer fresh */
} BootImage;

typedef struct BootConfig {
    const char *kernel, *initrd, *append;    /* initrd, append may be NULL */
    uint64_t ram_size;
    paddr_t rsdp;
} BootConfig;

/* An image with the memory map of a machine of this size and nothing in it. */
void boot_image_init(BootImage *img, uint64_t ram_size);
void boot_image_clear(BootImage *img);

/*
 * Find out what the kernel is, read it and what goes with it, and lay all of it out. All that can
 * be wrong with the files or their sizes is said here, in one sentence; then clear the image.
 */
bool boot_load(BootImage *img, const BootConfig *config, GError **errp);

/* Write it into the machine's memory. All vCPUs parked. */
void boot_image_write(BootImage *img, MemSpace *mem);

#endif
