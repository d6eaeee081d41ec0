/* Defines the events of TRACE_DEF and their group; see util/trace.h. No guard: a template.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/trace.h"

#define TRACE_PASTE2(a, b) a##b
#define TRACE_PASTE(a, b) TRACE_PASTE2(a, b)
#define TRACE_STRING2(a) #a
#define TRACE_STRING(a) TRACE_STRING2(a)

#define TRACE_EVENT(NAME, NARGS, FMT)       \
    extern TraceEvent trace_event_##NAME;   \
    TraceEvent trace_event_##NAME = { .name = #NAME, .fmt = FMT, .nargs = NARGS };
#define TRACE_TEXT(NAME)                    \
    extern TraceEvent trace_event_##NAME;   \
    TraceEvent trace_event_##NAME = { .name = #NAME };
#include TRACE_DEF
#undef TRACE_EVENT
#undef TRACE_TEXT

static TraceEvent *const trace_group_events[] = {
#define TRACE_EVENT(NAME, NARGS, FMT) &trace_event_##NAME,
#define TRACE_TEXT(NAME) &trace_event_##NAME,
#include TRACE_DEF
#undef TRACE_EVENT
#undef TRACE_TEXT
};

extern const TraceGroup TRACE_PASTE(trace_group_, TRACE_GROUP);
const TraceGroup TRACE_PASTE(trace_group_, TRACE_GROUP) = {
    .name = TRACE_STRING(TRACE_GROUP),
    .event = trace_group_events,
    .n = G_N_ELEMENTS(trace_group_events),
};

#undef TRACE_DEF
