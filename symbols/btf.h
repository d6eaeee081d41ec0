/* Inside symbols/: a kernel's own type information.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYMBOLS_BTF_H
#define GLASSBOX_SYMBOLS_BTF_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct SymBtf {
    const uint8_t *types;
    const char *strings;        /* ends with a NUL */
    size_t types_len, strings_len;
} SymBtf;

/* Over the contents of a .BTF section, which must stay. False if they are none. */
bool sym_btf_open(SymBtf *b, const uint8_t *p, size_t len);
/* Where a member of a structure lies, in bytes. False if there is no such member. */
bool sym_btf_offset(const SymBtf *b, const char *type, const char *member, uint32_t *offset);

#endif
