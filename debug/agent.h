/* gdb's agent expressions: the bytecode of conditions and of commands at points.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The language is that of the gdb manual's appendix "The GDB Agent Expression Mechanism". */
#ifndef GLASSBOX_DEBUG_AGENT_H
#define GLASSBOX_DEBUG_AGENT_H

#include <glib.h>
#include "util/types.h"

/* What an expression may look at. Functions may be NULL: then what needs them is an error
 * (memory, registers, variables) or is passed over (trace, output). */
typedef struct AgentOps {
    /* All bytes or false. */
    bool (*read)(void *opaque, vaddr_t at, void *buf, size_t len);
    /* A register by its number in the target description; low 64 bits. */
    bool (*reg)(void *opaque, unsigned num, uint64_t *value);
    bool (*get_var)(void *opaque, unsigned num, uint64_t *value);
    bool (*set_var)(void *opaque, unsigned num, uint64_t value);
    /* Collects memory for a trace frame; false when it cannot be read. */
    bool (*trace)(void *opaque, vaddr_t at, uint64_t len);
    bool (*trace_var)(void *opaque, unsigned num);
    void (*print)(void *opaque, const char *text);
} AgentOps;

/* Is the code well formed: known opcodes, whole operands, jumps to instructions' starts, an end?
 * For refusing a bad expression when it is set. */
bool agent_check(const uint8_t *code, size_t len, GError **errp);

/* Runs an expression that agent_check accepted. *value is the top of the stack at the end (0 for
 * an empty stack). False with a reason: memory not readable, division by zero, stack overflow or
 * underflow, too many steps. Any thread. */
bool agent_eval(const uint8_t *code, size_t len, const AgentOps *ops, void *opaque,
                bool big_endian, uint64_t *value, GError **errp);

#endif
