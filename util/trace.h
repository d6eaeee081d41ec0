/* Trace events: a table per folder, and an always-on ring of the last events.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_TRACE_H
#define GLASSBOX_UTIL_TRACE_H

#include <glib.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A folder that wants events has three files:
 *
 *   foo/trace.def   one row for each event:
 *                     TRACE_EVENT(foo_open, 2, "id %" PRIu64 " size 0x%" PRIx64)
 *                     TRACE_TEXT(foo_packet)
 *   foo/trace.h     #define TRACE_DEF "foo/trace.def"
 *                   #include "util/trace_decl.h"          (inside its include guard)
 *   foo/trace.c     #define TRACE_GROUP foo
 *                   #define TRACE_DEF "foo/trace.def"
 *                   #include "util/trace_impl.h"
 *
 * Code then calls trace_foo_open(id, size): 0 to 4 arguments, all uint64_t; or, for TRACE_TEXT,
 * trace_text(foo_packet, "%s", text), of which the ring keeps the first characters only. system/
 * lists the groups in a const array. An event costs some 50 ns (text: 300 ns), so none belongs in a
 * path that runs for every guest instruction or memory access.
 */

typedef struct TraceEvent {
    const char *name;
    const char *fmt;     /* printf format over uint64_t values; NULL for a text event */
    uint8_t nargs;
    bool on;             /* also written to the log when it happens */
} TraceEvent;

typedef struct TraceGroup {
    const char *name;
    TraceEvent *const *event;
    unsigned n;
} TraceGroup;

/* Tell which groups exist: a NULL-ended array that stays. Once, at start, before other threads. */
void trace_set_groups(const TraceGroup *const *groups);

/* Switch events on or off by a pattern with * and ?. False if none matches. */
bool trace_enable(const char *pattern, bool on, GError **errp);

/* Record an event. Called by the generated functions; any thread, no lock. */
void trace_emit(TraceEvent *ev, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
void trace_emit_text(TraceEvent *ev, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Record a text event: trace_text(foo_packet, "%s", text). */
#define trace_text(NAME, ...) trace_emit_text(&trace_event_##NAME, __VA_ARGS__)

/* Append the last n events, oldest first, one line each, to out. Any thread. */
void trace_ring_print(GString *out, unsigned n);

/* Append the name of every event, one line each. */
void trace_list(GString *out);

/* Print the last events on stderr when a g_assert() or abort() ends the process, after calling
 * `first` (may be NULL; it must be safe in a signal handler). Once, at start. */
void trace_on_abort(void (*first)(void));

#endif
