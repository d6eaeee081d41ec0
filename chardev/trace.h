/* Trace events of byte streams.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_CHARDEV_TRACE_H
#define GLASSBOX_CHARDEV_TRACE_H

#define TRACE_DEF "chardev/trace.def"
#include "util/trace_decl.h"

extern const TraceGroup trace_group_chardev;

#endif
