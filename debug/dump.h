/* The guest's memory and registers as an ELF core file.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_DEBUG_DUMP_H
#define GLASSBOX_DEBUG_DUMP_H

#include "debug/debug.h"

typedef struct DumpOptions {
    bool paging;            /* segments have the virtual addresses of vCPU 0's page tables */
    bool filter;            /* only physical memory [begin, begin + length) */
    paddr_t begin;
    uint64_t length;
} DumpOptions;

/* Writes the core to fd (which stays open): a note for each vCPU's registers, then RAM as the guest
 * has it, without any of our patches. The machine is held still while it is written, unseen by
 * clients. False with the reason; the file is then of no use. Control thread. */
bool debug_dump_core(Debug *d, int fd, const DumpOptions *o, GError **errp);

#endif
