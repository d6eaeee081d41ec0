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

/* Reads guest memory at a virtual address: all bytes or false. */
typedef bool SymbolsRead(void *opaque, vaddr_t at, void *buf, size_t len);

/* An empty table. */
Symbols *symbols_new(void);
void symbols_free(Symbols *s);

/* Adds what a file knows: an ELF file (its symbol table; its unwind tables too), a System.map or
 * /proc/kallsyms, or a Linux image (bzImage, vmlinux) by the kallsyms inside it. False with the
 * reason, and nothing was added. */
bool symbols_load(Symbols *s, const char *path, GError **errp);
/* The same for a file that lies elsewhere than it was linked for: `at` is added to its addresses
 * (a shared object, a position-independent program); of a relocatable object (a kernel module) it
 * is where its .text lies, and only that section's names are taken. The slide does not apply. */
bool symbols_load_at(Symbols *s, const char *path, vaddr_t at, GError **errp);
/* Adds the names, and unwind tables, of the modules that a running Linux kernel has loaded; those
 * of an earlier call go. Its image is loaded and its slide is known. *n: how many modules there
 * are. False with the reason, and nothing changed. */
bool symbols_load_modules(Symbols *s, SymbolsRead *read, void *opaque, unsigned *n, GError **errp);
/* Forgets everything. */
void symbols_clear(Symbols *s);
/* Number of names. */
unsigned symbols_count(const Symbols *s);
/* Appends one line for each file: path, kind, number of names. */
void symbols_describe(const Symbols *s, GString *out);

/* How far the guest has moved what the files say (KASLR): added to every address. Constants and
 * offsets (absolute symbols, per-CPU data of a kernel) stay. */
void symbols_set_slide(Symbols *s, int64_t slide);
int64_t symbols_slide(const Symbols *s);
/* Looks for the slide in the running guest. pc is an address in its code, best the start of an
 * entry that a system register names (system call, exception handler): with it the kernel is found
 * also while user space's page tables hide all the rest. read gives the guest's memory. False with
 * the reason when the kernel is not there (yet); nothing changed then. */
bool symbols_find_slide(Symbols *s, vaddr_t pc, SymbolsRead *read, void *opaque, GError **errp);

/* The address of a name, slide included; of several with that name the first global one. size
 * (may be NULL) is 0 when unknown. */
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
