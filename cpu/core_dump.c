/* Notes of ELF core files.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/core_dump.h"

#include "util/bytes.h"

static void pad(GByteArray *out)
{
    static const uint8_t zero[4];

    g_byte_array_append(out, zero, -out->len & 3);
}

void core_note_add(GByteArray *out, const char *name, uint32_t type, const void *desc,
                   size_t len)
{
    uint8_t head[12];

    store_le32(head, (uint32_t)strlen(name) + 1);
    store_le32(head + 4, (uint32_t)len);
    store_le32(head + 8, type);
    g_byte_array_append(out, head, sizeof(head));
    g_byte_array_append(out, (const uint8_t *)name, (guint)strlen(name) + 1);
    pad(out);
    g_byte_array_append(out, desc, (guint)len);
    pad(out);
}
