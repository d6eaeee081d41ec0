/* The compressed kernel inside a bzImage.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The setup header says where the payload lies (Linux's Documentation/arch/x86/boot.rst,
 * payload_offset). Its last four bytes are the unpacked size, which some formats have anyway and
 * for the others is put behind: so unpackers here end with the stream, not with the input. */
#include "symbols/symbols_int.h"

#include <inttypes.h>
#include <lz4.h>
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "util/bytes.h"
#include "util/error.h"

#define UNPACKED_LIMIT (UINT64_C(1) << 30)
#define FIRST_SIZE (UINT64_C(64) << 20)
#define LZMA_MEMORY (UINT64_C(512) << 20)

/* Output that grows as needed, up to the limit. */
typedef struct Sink {
    uint8_t *p;
    size_t len, size;
} Sink;

static bool sink_grow(Sink *s)
{
    size_t size = s->size ? MIN(s->size * 2, UNPACKED_LIMIT) : FIRST_SIZE;
    uint8_t *p;

    if (size <= s->size) {
        return false;
    }
    p = g_try_realloc(s->p, size);
    if (!p) {
        return false;
    }
    s->p = p;
    s->size = size;
    return true;
}

/* Each unpacks in[len] into out, to the end of its stream. NULL: it worked; else why not. */
typedef const char *Unpack(const uint8_t *in, size_t len, Sink *out);

static const char broken[] = "its compressed kernel is damaged";
static const char too_long[] = "its kernel is too long when unpacked";

static const char *lzma_run(lzma_stream *z, const uint8_t *in, size_t len, Sink *out)
{
    lzma_ret r = LZMA_OK;

    z->next_in = in;
    z->avail_in = len;
    while (r == LZMA_OK) {
        if (out->len == out->size && !sink_grow(out)) {
            return too_long;
        }
        z->next_out = out->p + out->len;
        z->avail_out = out->size - out->len;
        r = lzma_code(z, LZMA_RUN);
        out->len = out->size - z->avail_out;
    }
    return r == LZMA_STREAM_END ? NULL
           : r == LZMA_MEMLIMIT_ERROR ? "its kernel needs too much memory to unpack" : broken;
}

static const char *unpack_xz(const uint8_t *in, size_t len, Sink *out)
{
    lzma_stream z = LZMA_STREAM_INIT;
    const char *why = broken;

    if (lzma_stream_decoder(&z, LZMA_MEMORY, 0) == LZMA_OK) {
        why = lzma_run(&z, in, len, out);
    }
    lzma_end(&z);
    return why;
}

static const char *unpack_lzma(const uint8_t *in, size_t len, Sink *out)
{
    lzma_stream z = LZMA_STREAM_INIT;
    const char *why = broken;

    if (lzma_alone_decoder(&z, LZMA_MEMORY) == LZMA_OK) {
        why = lzma_run(&z, in, len, out);
    }
    lzma_end(&z);
    return why;
}

static const char *unpack_gzip(const uint8_t *in, size_t len, Sink *out)
{
    z_stream z = { .next_in = (uint8_t *)(uintptr_t)in, .avail_in = (uInt)len };
    const char *why = NULL;
    int r = Z_OK;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        return broken;
    }
    while (r == Z_OK && !why) {
        if (out->len == out->size && !sink_grow(out)) {
            why = too_long;
            break;
        }
        z.next_out = out->p + out->len;
        z.avail_out = (uInt)(out->size - out->len);
        r = inflate(&z, Z_NO_FLUSH);
        out->len = out->size - z.avail_out;
    }
    inflateEnd(&z);
    return why ? why : r == Z_STREAM_END ? NULL : broken;
}

static const char *unpack_zstd(const uint8_t *in, size_t len, Sink *out)
{
    ZSTD_DStream *z = ZSTD_createDStream();
    ZSTD_inBuffer from = { .src = in, .size = len };
    const char *why = z ? NULL : broken;
    size_t left = 1;

    while (!why && left) {
        ZSTD_outBuffer to;

        if (out->len == out->size && !sink_grow(out)) {
            why = too_long;
            break;
        }
        to = (ZSTD_outBuffer){ .dst = out->p, .size = out->size, .pos = out->len };
        left = ZSTD_decompressStream(z, &to, &from);
        out->len = to.pos;
        if (ZSTD_isError(left) || (left && from.pos == from.size && to.pos < to.size)) {
            why = broken;
        }
    }
    ZSTD_freeDStream(z);
    return why;
}

/* The old frame of lz4: blocks of up to 8 MiB, each after its compressed length. */
#define LZ4_BLOCK (8u << 20)

static const char *unpack_lz4(const uint8_t *in, size_t len, Sink *out)
{
    size_t at = 4;

    while (len - at > 4) {      /* the four bytes at the end are the size */
        uint32_t n = load_le32(in + at);
        int got;

        at += 4;
        if (!n || n > len - at) {
            return broken;
        }
        while (out->size - out->len < LZ4_BLOCK) {
            if (!sink_grow(out)) {
                return too_long;
            }
        }
        got = LZ4_decompress_safe((const char *)in + at, (char *)out->p + out->len, (int)n,
                                  (int)LZ4_BLOCK);
        if (got <= 0) {
            return broken;
        }
        out->len += (size_t)got;
        at += n;
        if (got < (int)LZ4_BLOCK) {
            break;
        }
    }
    return NULL;
}

static const char *refuse_bzip2(const uint8_t *in, size_t len, Sink *out)
{
    return "its kernel is compressed with bzip2, which is not supported";
}

static const char *refuse_lzo(const uint8_t *in, size_t len, Sink *out)
{
    return "its kernel is compressed with LZO, which is not supported";
}

typedef struct Packer {
    const char *magic;
    unsigned len;
    Unpack *unpack;
} Packer;

static const Packer packers[] = {
    { "\xfd" "7zXZ\0", 6, unpack_xz },
    { "\x1f\x8b", 2, unpack_gzip },
    { "\x28\xb5\x2f\xfd", 4, unpack_zstd },
    { "\x02\x21\x4c\x18", 4, unpack_lz4 },
    { "\x5d\0\0", 3, unpack_lzma },
    { "BZh", 3, refuse_bzip2 },
    { "\x89" "LZO", 4, refuse_lzo },
};

static const Packer *packer_of(const uint8_t *in, size_t len)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(packers); i++) {
        if (len > packers[i].len && !memcmp(in, packers[i].magic, packers[i].len)) {
            return &packers[i];
        }
    }
    return NULL;
}

/* The payload's place by the setup header; false if the file does not hold it. */
static bool payload_find(const uint8_t *data, size_t len, size_t *at, size_t *size)
{
    size_t setup;

    if (len < 0x260 || memcmp(data + 0x202, "HdrS", 4) || load_le16(data + 0x206) < 0x208) {
        return false;
    }
    setup = ((data[0x1f1] ? data[0x1f1] : 4u) + 1u) * 512u;
    *at = setup + load_le32(data + 0x248);
    *size = load_le32(data + 0x24c);
    return *size && *at <= len && *size <= len - *at;
}

GBytes *sym_unpack(const SymFile *f, const uint8_t *data, size_t len, GError **errp)
{
    Sink out = { 0 };
    size_t at, size;
    const Packer *p;
    const char *why;

    if (!payload_find(data, len, &at, &size)) {
        sym_file_error(f, errp, "is truncated, or a Linux image before boot protocol 2.08");
        return NULL;
    }
    p = packer_of(data + at, size);
    why = p ? p->unpack(data + at, size, &out) : "its kernel is compressed in an unknown way";
    if (!why && (out.len < 64 || memcmp(out.p, "\177ELF", 4))) {
        why = "it holds no ELF file";
    }
    if (why) {
        g_free(out.p);
        sym_file_error(f, errp, "cannot be used: %s", why);
        return NULL;
    }
    return g_bytes_new_take(out.p, out.len);
}
