/* Inside symbols/: ELF files through libelf.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYMBOLS_ELF_INT_H
#define GLASSBOX_SYMBOLS_ELF_INT_H

#include <libelf.h>

#include "symbols/symbols_int.h"

/* Bytes as linked at an address, out of the file. False if it holds none there. */
bool sym_elf_read(Elf *elf, uint64_t addr, void *buf, size_t len);
/* The contents of a section by name, in the file's byte order; NULL if there are none. They live
 * as long as elf. */
const uint8_t *sym_elf_section(Elf *elf, const char *name, size_t *len, uint64_t *addr);
/* Whether the file, whose symbols are read, is a Linux kernel: fills f->kernel and f->orc. Names
 * are not in place yet. */
void sym_elf_find_kernel(SymFile *f, Elf *elf);

#endif
