/* Builder of ACPI definition blocks: nested terms are appended and closed again.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/acpi/aml.h"

#include <string.h>

/* ACPI specification 6.4, chapter 20 (AML) and 6.4 (resource descriptors). */

enum {
    OP_ZERO = 0x00, OP_ONE = 0x01, OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD = 0x0b, OP_DWORD = 0x0c,
    OP_STRING = 0x0d, OP_QWORD = 0x0e, OP_SCOPE = 0x10, OP_BUFFER = 0x11, OP_PACKAGE = 0x12,
    OP_DUAL_NAME = 0x2e, OP_MULTI_NAME = 0x2f, OP_EXTENDED = 0x5b, OP_DEVICE = 0x82,
    RESOURCE_IO = 0x47, RESOURCE_IRQ = 0x22, RESOURCE_END = 0x79,
    IO_DECODES_16 = 1,
};

enum { KIND_TERM, KIND_RESOURCES };

void aml_init(Aml *a, GByteArray *bytes)
{
    a->bytes = bytes;
    a->depth = 0;
}

static void aml_byte(Aml *a, uint8_t v)
{
    g_byte_array_append(a->bytes, &v, 1);
}

static void aml_le(Aml *a, uint64_t v, unsigned n)
{
    while (n--) {
        aml_byte(a, (uint8_t)v);
        v >>= 8;
    }
}

static void aml_open(Aml *a, uint8_t kind)
{
    g_assert(a->depth < AML_DEPTH_MAX);
    a->open[a->depth].start = a->bytes->len;
    a->open[a->depth].kind = kind;
    a->depth++;
}

/* PkgLength counts itself: one byte up to 63, else a nibble and one to three bytes. */
static unsigned encode_length(uint8_t *out, unsigned body)
{
    unsigned n = 1;

    if (body + 1 < 1u << 6) {
        out[0] = (uint8_t)(body + 1);
        return 1;
    }
    while (body + n + 1 >= 1u << (4 + 8 * n)) {
        n++;
    }
    g_assert(n <= 3);
    body += n + 1;
    out[0] = (uint8_t)(n << 6 | (body & 15));
    for (unsigned i = 1; i <= n; i++) {
        out[i] = (uint8_t)(body >> (8 * i - 4));
    }
    return n + 1;
}

static void aml_insert(Aml *a, unsigned at, const uint8_t *p, unsigned n)
{
    unsigned tail = a->bytes->len - at;

    g_byte_array_set_size(a->bytes, a->bytes->len + n);
    memmove(a->bytes->data + at + n, a->bytes->data + at, tail);
    memcpy(a->bytes->data + at, p, n);
}

void aml_end(Aml *a)
{
    uint8_t head[8];
    unsigned start;

    g_assert(a->depth > 0);
    a->depth--;
    start = a->open[a->depth].start;
    if (a->open[a->depth].kind == KIND_RESOURCES) {
        aml_byte(a, RESOURCE_END);
        aml_byte(a, 0);    /* no checksum */
        head[0] = OP_WORD;
        head[1] = (uint8_t)(a->bytes->len - start);
        head[2] = (uint8_t)((a->bytes->len - start) >> 8);
        aml_insert(a, start, head, 3);
    }
    aml_insert(a, start, head, encode_length(head, a->bytes->len - start));
}

static void aml_segment(Aml *a, const char *s, size_t n)
{
    g_assert(n >= 1 && n <= 4);
    for (size_t i = 0; i < 4; i++) {
        aml_byte(a, i < n ? (uint8_t)s[i] : '_');
    }
}

static void aml_path(Aml *a, const char *path)
{
    g_auto(GStrv) part = NULL;
    unsigned n;

    if (*path == '\\') {
        aml_byte(a, '\\');
        path++;
    }
    part = g_strsplit(path, ".", -1);
    n = g_strv_length(part);
    if (n == 0) {
        aml_byte(a, 0);
    } else if (n == 2) {
        aml_byte(a, OP_DUAL_NAME);
    } else if (n > 2) {
        aml_byte(a, OP_MULTI_NAME);
        aml_byte(a, (uint8_t)n);
    }
    for (unsigned i = 0; i < n; i++) {
        aml_segment(a, part[i], strlen(part[i]));
    }
}

void aml_begin_scope(Aml *a, const char *path)
{
    aml_byte(a, OP_SCOPE);
    aml_open(a, KIND_TERM);
    aml_path(a, path);
}

void aml_begin_device(Aml *a, const char *name)
{
    aml_byte(a, OP_EXTENDED);
    aml_byte(a, OP_DEVICE);
    aml_open(a, KIND_TERM);
    aml_path(a, name);
}

void aml_begin_package(Aml *a, uint8_t elements)
{
    aml_byte(a, OP_PACKAGE);
    aml_open(a, KIND_TERM);
    aml_byte(a, elements);
}

void aml_name(Aml *a, const char *path)
{
    aml_byte(a, OP_NAME);
    aml_path(a, path);
}

void aml_int(Aml *a, uint64_t v)
{
    if (v <= 1) {
        aml_byte(a, v ? OP_ONE : OP_ZERO);
    } else if (v <= UINT8_MAX) {
        aml_byte(a, OP_BYTE);
        aml_le(a, v, 1);
    } else if (v <= UINT16_MAX) {
        aml_byte(a, OP_WORD);
        aml_le(a, v, 2);
    } else if (v <= UINT32_MAX) {
        aml_byte(a, OP_DWORD);
        aml_le(a, v, 4);
    } else {
        aml_byte(a, OP_QWORD);
        aml_le(a, v, 8);
    }
}

void aml_string(Aml *a, const char *text)
{
    aml_byte(a, OP_STRING);
    g_byte_array_append(a->bytes, (const guint8 *)text, (guint)strlen(text) + 1);
}

/* Three letters of five bits and four hexadecimal digits, big-endian. */
void aml_eisa_id(Aml *a, const char *id)
{
    uint32_t v = 0;

    g_assert(strlen(id) == 7);
    for (unsigned i = 0; i < 3; i++) {
        v = v << 5 | ((uint32_t)(id[i] - '@') & 31);
    }
    for (unsigned i = 3; i < 7; i++) {
        v = v << 4 | (uint32_t)g_ascii_xdigit_value(id[i]);
    }
    aml_byte(a, OP_DWORD);
    aml_le(a, GUINT32_SWAP_LE_BE(v), 4);
}

void aml_begin_resources(Aml *a)
{
    aml_byte(a, OP_BUFFER);
    aml_open(a, KIND_RESOURCES);
}

void aml_resource_io(Aml *a, uint16_t port, uint8_t len)
{
    aml_byte(a, RESOURCE_IO);
    aml_byte(a, IO_DECODES_16);
    aml_le(a, port, 2);    /* lowest and highest base */
    aml_le(a, port, 2);
    aml_byte(a, 1);        /* alignment */
    aml_byte(a, len);
}

void aml_resource_irq(Aml *a, unsigned irq)
{
    aml_byte(a, RESOURCE_IRQ);
    aml_le(a, 1u << irq, 2);
}
