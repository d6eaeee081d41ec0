/* From frame to frame: who called the code that a CPU is in.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYMBOLS_UNWIND_H
#define GLASSBOX_SYMBOLS_UNWIND_H

#include "symbols/symbols.h"

#define UNWIND_REGS 64u         /* DWARF numbers below this are followed */

/* Register values by DWARF number. */
typedef struct UnwindRegs {
    uint64_t v[UNWIND_REGS];
    uint64_t known;             /* bit n: v[n] is known */
} UnwindRegs;

/* What unwinding has to know of a CPU as it is now. */
typedef struct UnwindArch {
    uint8_t word;               /* bytes of an address and of a register on the stack: 4 or 8 */
    bool big_endian;
    bool call_pushes;           /* a call leaves the return address on the stack */
    uint8_t pc, sp, fp;         /* DWARF numbers below UNWIND_REGS */
    uint8_t n;                  /* DWARF numbers below n are registers of the CPU */
} UnwindArch;

/* How a frame was found from the one that it called. */
typedef enum UnwindHow {
    UNWIND_REGISTERS,           /* the first: the CPU itself */
    UNWIND_CFI,                 /* a loaded file's .eh_frame or .debug_frame */
    UNWIND_ORC,                 /* the Linux kernel's ORC tables */
    UNWIND_FP,                  /* the chain of frame pointers: right only for code that keeps it */
} UnwindHow;

typedef struct UnwindFrame {
    vaddr_t pc;
    vaddr_t sp;
    vaddr_t fp;                 /* 0 where it is not known */
    UnwindHow how;
    /* pc is the next instruction to run (the CPU's own, or that of interrupted code), not the one
     * after a call: look up pc itself, else pc - 1. */
    bool exact;
} UnwindFrame;

/* Fills out[max], innermost frame first, and returns how many there are (at least 1 if max is).
 * *why (may be NULL) becomes NULL if the outermost frame was reached, else a sentence that says
 * what ended it; free it. Never endless: each step must move up the stack, or switch stacks as
 * interrupts do, and max ends all. */
unsigned symbols_backtrace(const Symbols *s, const UnwindArch *arch, const UnwindRegs *regs,
                           SymbolsRead *read, void *opaque, UnwindFrame *out, unsigned max,
                           char **why);

/* Appends the name that a frame's code has: "name+0x12", with the offset of pc itself, also where a
 * call is the function's last instruction. False (nothing appended) where there is none. */
bool symbols_format_frame(const Symbols *s, const UnwindFrame *f, GString *out);

/* "cfi", "orc", "fp"; "registers" for the first. */
const char *unwind_how_name(UnwindHow how);

#endif
