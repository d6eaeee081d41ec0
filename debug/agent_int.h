/* Inside debug/: helpers of the agent-expression evaluator.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_DEBUG_AGENT_INT_H
#define GLASSBOX_DEBUG_AGENT_INT_H

#include <glib.h>
#include "util/types.h"

/* Formats in the style of C's printf: the format still has C's escapes in it (\n as two
 * characters). Integers of every length, characters, pointers, and strings of guest memory; NULL
 * with a reason for a malformed format, too few arguments or an unreadable string. */
char *agent_format(const char *format, const uint64_t *args, unsigned nargs,
                   bool (*read)(void *opaque, vaddr_t at, void *buf, size_t len), void *opaque,
                   GError **errp);

/* The nearest double of an x87 extended value. */
double agent_double_from_x87(uint64_t mantissa, uint16_t sign_exponent);

#endif
