/* Trace events of byte streams.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#define TRACE_GROUP chardev
#define TRACE_DEF "chardev/trace.def"
#include "util/trace_impl.h"
