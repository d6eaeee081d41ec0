/* Trace events of the gdb stub.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#define TRACE_GROUP gdb
#define TRACE_DEF "gdbstub/trace.def"
#include "util/trace_impl.h"
