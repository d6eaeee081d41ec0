/* A kernel's own type information (BTF), as far as places of structure members need it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/btf.h"

#include <string.h>

#include "util/bytes.h"

#define MAGIC 0xeb9fu
#define HEADER 24u
#define RECORD 12u
#define MEMBER 12u

enum { KIND_STRUCT = 4, KINDS = 20 };

/* Bytes behind a record: once, and for each of its elements (Linux's Documentation/bpf/btf.rst). */
static const uint8_t extra[KINDS] = { [1] = 4, [3] = 12, [14] = 4, [17] = 4 };
static const uint8_t each[KINDS] = { [4] = 12, [5] = 12, [6] = 8, [13] = 8, [15] = 12, [19] = 12 };

bool sym_btf_open(SymBtf *b, const uint8_t *p, size_t len)
{
    uint64_t head, types, types_len, strings, strings_len;

    if (len < HEADER || load_le16(p) != MAGIC) {
        return false;
    }
    head = load_le32(p + 4);
    types = head + load_le32(p + 8);
    types_len = load_le32(p + 12);
    strings = head + load_le32(p + 16);
    strings_len = load_le32(p + 20);
    if (types + types_len > len || strings + strings_len > len || !strings_len ||
        p[strings + strings_len - 1]) {
        return false;
    }
    *b = (SymBtf){ .types = p + types, .types_len = types_len,
                   .strings = (const char *)p + strings, .strings_len = strings_len };
    return true;
}

static bool named(const SymBtf *b, uint32_t at, const char *name)
{
    return at < b->strings_len && !strcmp(b->strings + at, name);
}

/* The first structure of that name that has members; *n: how many. */
static const uint8_t *structure(const SymBtf *b, const char *name, unsigned *n, bool *packed)
{
    size_t at = 0;

    while (b->types_len - at >= RECORD) {
        const uint8_t *p = b->types + at;
        uint32_t info = load_le32(p + 4);
        unsigned kind = info >> 24 & 31;
        uint64_t size;

        if (kind >= KINDS) {
            return NULL;
        }
        size = RECORD + extra[kind] + (uint64_t)(info & 0xffff) * each[kind];
        if (size > b->types_len - at) {
            return NULL;
        }
        if (kind == KIND_STRUCT && (info & 0xffff) && named(b, load_le32(p), name)) {
            *n = info & 0xffff;
            *packed = info >> 31;
            return p + RECORD;
        }
        at += size;
    }
    return NULL;
}

bool sym_btf_offset(const SymBtf *b, const char *type, const char *member, uint32_t *offset)
{
    unsigned n = 0;
    bool packed = false;
    const uint8_t *p = structure(b, type, &n, &packed);

    for (unsigned i = 0; p && i < n; i++) {
        if (named(b, load_le32(p + MEMBER * i), member)) {
            uint32_t bits = load_le32(p + MEMBER * i + 8);

            /* With bit fields about, the upper byte is the width. */
            *offset = (packed ? bits & 0xffffff : bits) / 8;
            return true;
        }
    }
    return false;
}
