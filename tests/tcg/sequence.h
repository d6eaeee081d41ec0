/* Random sequences of integer instructions, made so that no flag is read that the manual leaves
 * undefined.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_TCG_SEQUENCE_H
#define GLASSBOX_TESTS_TCG_SEQUENCE_H

#include <Zydis/Zydis.h>
#include <glib.h>

#define SEQUENCE_MAX 24

typedef struct Sequence {
    unsigned bits;                      /* 64, 32 or 16: the mode it is for */
    uint8_t bytes[SEQUENCE_MAX * 16];
    unsigned len, ninsns;
    unsigned at[SEQUENCE_MAX + 1];      /* where each instruction starts */
    uint32_t undefined;                 /* flags that cannot be compared afterwards */
} Sequence;

/* Makes one of 2 to SEQUENCE_MAX instructions. Memory operands are [rbx + disp8]; rbx is not
 * written, rsp only by pushes (of up to 32 bytes each) and their opposites. */
void sequence_make(GRand *r, Sequence *s, unsigned bits);
/* Its text, one instruction a line. */
char *sequence_text(const Sequence *s);

#endif
