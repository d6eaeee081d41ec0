/* Declares the events of TRACE_DEF as inline functions; see util/trace.h. No guard: a template.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/trace.h"

#ifndef TRACE_PARAMS_0
#define TRACE_PARAMS_0 void
#define TRACE_PARAMS_1 uint64_t a
#define TRACE_PARAMS_2 uint64_t a, uint64_t b
#define TRACE_PARAMS_3 uint64_t a, uint64_t b, uint64_t c
#define TRACE_PARAMS_4 uint64_t a, uint64_t b, uint64_t c, uint64_t d
#define TRACE_VALUES_0 0, 0, 0, 0
#define TRACE_VALUES_1 a, 0, 0, 0
#define TRACE_VALUES_2 a, b, 0, 0
#define TRACE_VALUES_3 a, b, c, 0
#define TRACE_VALUES_4 a, b, c, d
#endif

#define TRACE_EVENT(NAME, NARGS, FMT)                           \
    extern TraceEvent trace_event_##NAME;                       \
    static inline void trace_##NAME(TRACE_PARAMS_##NARGS)       \
    {                                                           \
        trace_emit(&trace_event_##NAME, TRACE_VALUES_##NARGS);  \
    }
#define TRACE_TEXT(NAME)                                        \
    extern TraceEvent trace_event_##NAME;
#include TRACE_DEF
#undef TRACE_EVENT
#undef TRACE_TEXT
#undef TRACE_DEF
