/* Inside symbols/: the modules that a running Linux kernel has loaded.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYMBOLS_MODULES_H
#define GLASSBOX_SYMBOLS_MODULES_H

#include "symbols/elf_int.h"

/* Learns from a kernel's type information how its list of modules is made; NULL if it has none. */
SymModuleLayout *sym_modules_layout(Elf *elf);

#endif
