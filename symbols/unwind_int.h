/* Inside symbols/: one step of unwinding, and the tables it goes by.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYMBOLS_UNWIND_INT_H
#define GLASSBOX_SYMBOLS_UNWIND_INT_H

#include <libelf.h>

#include "symbols/symbols_int.h"
#include "symbols/unwind.h"

/* A frame that is about to be left for its caller. */
typedef struct Unwind {
    const Symbols *s;
    const UnwindArch *arch;
    SymbolsRead *read;
    void *opaque;
    UnwindRegs regs;
    bool exact;             /* as in UnwindFrame */
    bool switched;          /* the step may have gone to another stack */
    char *why;
} Unwind;

typedef enum StepResult {
    STEP_DONE,              /* regs and exact are the caller's */
    STEP_UNKNOWN,           /* this method knows nothing of that code */
    STEP_END,               /* there is no caller */
    STEP_BROKEN,            /* why says what is wrong */
} StepResult;

/* One word of guest memory; false with why set. */
bool unwind_word(Unwind *u, vaddr_t at, uint64_t *value);
/* Sets why and returns STEP_BROKEN. */
StepResult unwind_broken(Unwind *u, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static inline bool unwind_knows(const UnwindRegs *r, unsigned n)
{
    return n < UNWIND_REGS && (r->known >> n & 1);
}

static inline void unwind_put(UnwindRegs *r, unsigned n, uint64_t value)
{
    r->v[n] = value;
    r->known |= UINT64_C(1) << n;
}

/* ---- call frame information of ELF files (cfi.c) ---- */

/* NULL if the file has none. fd is duplicated; the tables are read when first asked. */
SymCfi *sym_cfi_new(Elf *elf, int fd);
void sym_cfi_free(SymCfi *c);
/* pc as the file was linked; already that of the call, where it is a caller's. */
StepResult sym_cfi_step(SymCfi *c, uint64_t pc, Unwind *u);

/* ---- ORC (orc.c) ---- */

/* The tables of a kernel whose symbols are read, names not in place yet; NULL if it has none. */
SymOrc *sym_orc_load(const SymFile *f, Elf *elf);
/* Tables of n entries; ips lie at ips_at in the guest. They speak of [low, high), and count as
 * those of the kernel do (NULL: as most of their own entries). */
SymOrc *sym_orc_new(const uint8_t *ips, uint64_t ips_at, const uint8_t *raw, size_t n,
                    uint64_t low, uint64_t high, const SymOrc *kernel);
void sym_orc_free(SymOrc *o);
/* Whether the tables speak of that link address. */
bool sym_orc_covers(const SymOrc *o, uint64_t pc);
/* As sym_cfi_step. */
StepResult sym_orc_step(const SymOrc *o, uint64_t pc, Unwind *u);

#endif
