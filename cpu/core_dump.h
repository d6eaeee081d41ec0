/* What a target puts into ELF core files (debug/dump.h).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_CPU_CORE_DUMP_H
#define GLASSBOX_CPU_CORE_DUMP_H

#include "cpu/cpu.h"

typedef struct CoreDumpClass {
    uint16_t machine;           /* ELF's e_machine; files are ELF64, little endian */
    /* Appends the notes of one CPU: NT_PRSTATUS first. Owner's thread, everything fetched. */
    void (*notes)(const Cpu *cpu, GByteArray *out);
} CoreDumpClass;

/* Appends one note, padded as ELF64 core files have it (to 4 bytes). */
void core_note_add(GByteArray *out, const char *name, uint32_t type, const void *desc,
                   size_t len);

#endif
