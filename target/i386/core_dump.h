/* x86-64 CPUs in ELF core files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_CORE_DUMP_H
#define GLASSBOX_TARGET_I386_CORE_DUMP_H

#include "cpu/core_dump.h"

extern const CoreDumpClass x86_core_dump;

#endif
