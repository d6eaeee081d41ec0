/* Expressions of the monitor: C's operators over numbers, registers, symbols and memory.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An expression is compiled to the debug core's agent code, so that what `print` shows and what a
 * condition tests on a vCPU's thread are the same thing. All arithmetic is on 64 bits.
 *
 *   number      1, 0x1f, 017, 'c'
 *   $name       a register: $rip, $pc, $sp, $cr3
 *   name        the address of a symbol
 *   *e          the 64-bit word at e; *(type *)e and {type}e: a value of that type
 *   - ~ ! + ( ) * / % << >> < <= > >= == != & ^ | && || ?:     as in C
 *
 * Types: char, short, int, long with signed or unsigned in front; u8 to u64, i8 to i64; uint8_t to
 * int64_t. Registers, addresses and hexadecimal numbers are unsigned, so that addresses compare as
 * people mean it; decimal numbers are signed. */
#ifndef GLASSBOX_MONITOR_EXPR_H
#define GLASSBOX_MONITOR_EXPR_H

#include <glib.h>
#include "cpu/regs.h"
#include "symbols/symbols.h"

/* What names mean. */
typedef struct ExprScope {
    const RegLayout *regs;      /* register numbers in the code are this layout's */
    const Symbols *symbols;     /* may be NULL */
    /* More arguments may follow: an operator with a blank in front and none behind ("16 /tmp/f",
     * "8 -p") begins the next one. */
    bool apart;
} ExprScope;

/* Compiles the expression at *text and moves *text behind it and the blanks that follow. NULL with
 * a reason that shows the place; *text is then where it was. */
GBytes *expr_compile(const ExprScope *scope, const char **text, GError **errp);

/* Is it a single symbol, and nothing else, that stands at text? Its address and size then. */
bool expr_is_symbol(const ExprScope *scope, const char *text, vaddr_t *addr, uint64_t *size);

#endif
