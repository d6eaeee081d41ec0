/* Names of addresses: from ELF files, System.map, and stock Linux kernel images.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure: reads host files, and guest memory through a function it is given. One thread at a time
 * (the control thread's). */
#ifndef GLASSBOX_SYMBOLS_SYMBOLS_H
#define GLASSBOX_SYMBOLS_SYMBOLS_H

#include <glib.h>
#include <stdbool.h>
#include "util/types.h"

typedef struct Symbols Symbols;

/* An empty table. */
Symbols *symbols_new(void);
void symbols_free(Symbols *s);

/* Reads guest memory at a virtual address: all bytes or false. */
typedef bool SymbolsRead(void *opaque, vaddr_t at, void *buf, size_t len);

/* Adds what a file knows: an ELF file (its symbol table; its unwind tables too), a System.map, or
 * a Linux image (bzImage, vmlinux) by the kallsyms inside it. False with the reason, and nothing
 * was added. */
bool symbols_load(Symbols *s, const char *path, GError **errp);
/* Forgets everything. */
void symbols_clear(Symbols *s);
/* Number of names. */
unsigned symbols_count(const Symbols *s);

/* How far the guest has moved what the files say (KASLR): added to every address. */
void symbols_set_slide(Symbols *s, int64_t slide);
int64_t symbols_slide(const Symbols *s);
/* Looks for the slide in the running guest: pc is an address in its code (or in an interrupt
 * handler that its descriptor tables name), read gives its memory. False with the reason when the
 * kernel is not there (yet); nothing changed then. */
bool symbols_find_slide(Symbols *s, vaddr_t pc, SymbolsRead *read, void *opaque, GError **errp);

/* The address of a name, slide included. size (may be NULL) is 0 when unknown. */
bool symbols_find(const Symbols *s, const char *name, vaddr_t *addr, uint64_t *size);
/* The name that an address lies in, and how far; NULL if none does. The string lives until the
 * next load or clear. */
const char *symbols_at(const Symbols *s, vaddr_t addr, uint64_t *offset);
/* Appends "name+0x12", or "name" at its start; false (nothing appended) where there is none. */
bool symbols_format(const Symbols *s, vaddr_t addr, GString *out);
/* Calls fn for each name that begins with prefix, in order, until it returns false. */
void symbols_complete(const Symbols *s, const char *prefix,
                      bool (*fn)(void *opaque, const char *name), void *opaque);

#endif
