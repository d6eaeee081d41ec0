/* Exceptions of x86: raising them, and how two of them become a double fault.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_EXCP_H
#define GLASSBOX_TARGET_I386_EXCP_H

#include "cpu/cpu.h"
#include "target/i386/state.h"

/* X86State.exc_nest: the class of the event being delivered, and whether EXT is to be set. */
enum {
    X86_NEST_NONE, X86_NEST_BENIGN, X86_NEST_CONTRIBUTORY, X86_NEST_PAGE, X86_NEST_DOUBLE,
    X86_NEST_CLASS = 0x0f,
    X86_NEST_EXT = 0x80,
};

/* Puts an exception into the state, merged with the event being delivered, if any (double fault,
 * shutdown; EXT in the error code). It does not leave. vCPU's thread. */
void x86_exc_set(Cpu *cpu, unsigned kind, unsigned vector, bool has_error, uint32_t error);

/* Set a fault and leave the instruction by tcg_raise. vCPU's thread. */
void x86_raise(Cpu *cpu, unsigned vector) __attribute__((noreturn));
void x86_raise_error(Cpu *cpu, unsigned vector, uint32_t error) __attribute__((noreturn));
/* #GP(0), and the faults that name a selector (RPL is dropped). */
void x86_raise_gp0(Cpu *cpu) __attribute__((noreturn));
void x86_raise_sel(Cpu *cpu, unsigned vector, uint32_t selector) __attribute__((noreturn));
/* #DB with these bits for DR6: X86_EVENT_FAULT or X86_EVENT_TRAP. */
void x86_raise_db(Cpu *cpu, unsigned kind, uint64_t dr6) __attribute__((noreturn));

/* Is the exception in the state an interrupt: external, NMI, or by INT n? INT 3 and INT 4 count as
 * the exceptions #BP and #OF, whose short forms cannot be told from them. */
bool x86_exc_is_interrupt(const X86State *s);

/* "#PF", NULL for a number that has no name. */
const char *x86_exc_name(unsigned vector);
/* X86_NEST_*: its class in the table of double faults. */
unsigned x86_exc_class(unsigned vector);
/* Does this exception push an error code? */
bool x86_exc_has_error(unsigned vector);

#endif
