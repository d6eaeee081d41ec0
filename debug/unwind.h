/* The names and frames of the guest that is debugged: symbols/ with a machine's registers and
 * memory.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_DEBUG_UNWIND_H
#define GLASSBOX_DEBUG_UNWIND_H

#include "debug/debug.h"
#include "symbols/unwind.h"

/* The frames of a CPU, innermost first, as symbols_backtrace gives them: at least one, or 0 with an
 * error. While the CPU runs they are all taken at one moment, on its thread. 32-bit code on a
 * 64-bit CPU is followed as such; of 16-bit code there is only the first frame. *why (may be NULL):
 * what ended it before the outermost frame, else NULL; free it. Control thread. */
unsigned debug_backtrace(Debug *d, unsigned cpu, const Symbols *s, UnwindFrame *out, unsigned max,
                         char **why, GError **errp);

/* symbols_find_slide with this CPU's memory, by all that its registers say of where the guest's
 * kernel may lie. False with the reason, and nothing changed. Control thread. */
bool debug_find_slide(Debug *d, unsigned cpu, Symbols *s, GError **errp);

/* symbols_load_modules with this CPU's memory, at one moment. Control thread. */
bool debug_load_modules(Debug *d, unsigned cpu, Symbols *s, unsigned *n, GError **errp);

#endif
