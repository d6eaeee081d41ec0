/* What the monitor and QMP write into files of the host: memory and core dumps.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MONITOR_SAVE_H
#define MONITOR_SAVE_H

#include "debug/debug.h"
#include "debug/dump.h"

/* Writes @size bytes of @cpu's memory from @at on, without breakpoints' bytes, into a new file
 * @path. On failure no half-written file stays behind. Errors: INVALID where the range wraps
 * around, FAILED with the file's or the memory's reason. Any thread that may call debug_read. */
bool save_memory(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, uint64_t size,
                 const char *path, GError **errp);

/* The same for a core dump; see debug_dump_core for its errors and callers. */
bool save_core(Debug *d, const DumpOptions *options, const char *path, GError **errp);

#endif
