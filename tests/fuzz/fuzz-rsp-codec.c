/* Fuzz target: any bytes through the packet decoder, and what it found back through the encoder.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/cursor.h"
#include "gdbstub/rsp_codec.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

enum { MAX = 4096 };

/* What is encoded must decode to the same. */
static void check_round_trip(const uint8_t *data, size_t len, bool runs)
{
    GByteArray *wire = g_byte_array_new();
    RspDecoder d;
    size_t used;

    rsp_encode(wire, '$', data, len, runs);
    rsp_decoder_init(&d, 2 * len + 1, true);
    g_assert(rsp_decoder_feed(&d, wire->data, wire->len, &used) == RSP_EVENT_PACKET);
    g_assert(used == wire->len && d.len == len && !memcmp(d.data, data, len));
    rsp_decoder_clear(&d);
    g_byte_array_unref(wire);
}

static void check_cursor(const char *p, size_t len)
{
    Cursor c = cursor_make(p, len);
    ThreadName name;
    uint64_t v;

    while (!cursor_at_end(&c)) {
        const char *before = c.p;
        GByteArray *bytes;

        (void)cursor_thread(&c, &name);
        (void)cursor_hex(&c, &v);
        (void)cursor_dec(&c, &v);
        (void)cursor_until(&c, ';');
        bytes = cursor_rest_bytes(&c);
        if (bytes) {
            g_byte_array_unref(bytes);
        }
        g_assert(c.p >= before && c.p <= c.end);
        if (!cursor_at_end(&c)) {
            c.p++;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    RspDecoder d;
    size_t used;

    if (!size) {
        return 0;
    }
    rsp_decoder_init(&d, MAX, data[0] & 1);
    for (size_t at = 1; at < size; at += used) {
        RspEvent ev = rsp_decoder_feed(&d, data + at, size - at, &used);

        g_assert(used > 0 && used <= size - at && d.len <= MAX);
        if (ev == RSP_EVENT_PACKET || ev == RSP_EVENT_NOTIFICATION) {
            check_round_trip(d.data, d.len, data[0] & 2);
            check_cursor((const char *)d.data, d.len);
        }
    }
    rsp_decoder_clear(&d);
    check_round_trip(data, size, data[0] & 2);
    return 0;
}
