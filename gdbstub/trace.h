/* Trace events of the gdb stub: see trace.def.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GDBSTUB_TRACE_H
#define GLASSBOX_GDBSTUB_TRACE_H

#define TRACE_DEF "gdbstub/trace.def"
#include "util/trace_decl.h"

#endif
