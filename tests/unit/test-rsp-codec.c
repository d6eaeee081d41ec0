/* Tests of the packet framing and of the argument cursor.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/cursor.h"
#include "gdbstub/rsp_codec.h"

#include <string.h>

enum { MAX = 0x10000 };

static RspEvent feed(RspDecoder *d, const char *s, size_t len)
{
    size_t used;
    RspEvent ev = rsp_decoder_feed(d, (const uint8_t *)s, len, &used);

    g_assert_cmpuint(used, ==, len);
    return ev;
}

static void test_checksum(void)
{
    GByteArray *out = g_byte_array_new();

    rsp_encode(out, '$', (const uint8_t *)"OK", 2, true);
    g_assert_cmpmem(out->data, out->len, "$OK#9a", 6);
    g_byte_array_set_size(out, 0);
    rsp_encode(out, '$', (const uint8_t *)"", 0, true);
    g_assert_cmpmem(out->data, out->len, "$#00", 4);
    g_byte_array_set_size(out, 0);
    rsp_encode(out, '%', (const uint8_t *)"Stop:T05", 8, true);
    g_assert_cmpmem(out->data, out->len, "%Stop:T05#99", 12);
    g_byte_array_unref(out);
}

static void test_events(void)
{
    static const struct { const char *bytes; RspEvent ev; const char *data; } rows[] = {
        { "$OK#9a", RSP_EVENT_PACKET, "OK" },
        { "$OK#9A", RSP_EVENT_PACKET, "OK" },
        { "$OK#9b", RSP_EVENT_BAD_CHECKSUM, NULL },
        { "$OK#9x", RSP_EVENT_BAD_CHECKSUM, NULL },
        { "$OK#\3""a", RSP_EVENT_BAD_CHECKSUM, NULL },
        { "$#00", RSP_EVENT_PACKET, "" },
        { "noise\n$?#3f", RSP_EVENT_PACKET, "?" },
        { "$lost$?#3f", RSP_EVENT_PACKET, "?" },
        { "%x#78", RSP_EVENT_NOTIFICATION, "x" },
        { "%x$?#3f", RSP_EVENT_PACKET, "?" },
        { "$}\3#80", RSP_EVENT_PACKET, "#" },
        { "$}\x5d#da", RSP_EVENT_PACKET, "}" },
        { "${}#f8", RSP_EVENT_PACKET, "{}" },   /* an escape of nothing is itself */
        { "$a* #ab", RSP_EVENT_PACKET, "a* " }, /* a request has no runs */
        { "+", RSP_EVENT_ACK, NULL },
        { "-", RSP_EVENT_NAK, NULL },
        { "\3", RSP_EVENT_INTERRUPT, NULL },
        { "$\3+-#5b", RSP_EVENT_PACKET, "\3+-" },
        { "xyz", RSP_EVENT_NONE, NULL },
        { "$?#3", RSP_EVENT_NONE, NULL },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        RspDecoder d;

        rsp_decoder_init(&d, MAX, false);
        g_assert_cmpint(feed(&d, rows[i].bytes, strlen(rows[i].bytes)), ==, rows[i].ev);
        if (rows[i].data) {
            g_assert_cmpmem(d.data, d.len, rows[i].data, strlen(rows[i].data));
        }
        rsp_decoder_clear(&d);
    }
}

/* Bytes may arrive one by one, several packets at once, with an interrupt between. */
static void test_stream(void)
{
    static const char bytes[] = "+$g#67\3$m0,4#fd-";
    static const RspEvent want[] = {
        RSP_EVENT_ACK, RSP_EVENT_PACKET, RSP_EVENT_INTERRUPT, RSP_EVENT_PACKET, RSP_EVENT_NAK,
    };

    for (unsigned step = 1; step <= sizeof(bytes); step++) {
        unsigned seen = 0;
        RspDecoder d;

        rsp_decoder_init(&d, MAX, false);
        for (size_t at = 0; at < sizeof(bytes) - 1; ) {
            size_t used, n = MIN(step, sizeof(bytes) - 1 - at);
            RspEvent ev = rsp_decoder_feed(&d, (const uint8_t *)bytes + at, n, &used);

            at += used;
            if (ev != RSP_EVENT_NONE) {
                g_assert_cmpuint(seen, <, G_N_ELEMENTS(want));
                g_assert_cmpint(ev, ==, want[seen++]);
            }
        }
        g_assert_cmpuint(seen, ==, G_N_ELEMENTS(want));
        g_assert_true(rsp_decoder_idle(&d));
        rsp_decoder_clear(&d);
    }
}

static RspEvent feed_letters(RspDecoder *d, size_t n)
{
    g_autofree char *body = g_malloc(n);
    g_autofree char *packet = NULL;

    memset(body, 'a', n);
    packet = g_strdup_printf("$%.*s#%02x", (int)n, body, rsp_checksum((uint8_t *)body, n));
    return feed(d, packet, n + 4);
}

static void test_size(void)
{
    RspDecoder d;

    rsp_decoder_init(&d, MAX, false);
    g_assert_cmpint(feed_letters(&d, MAX), ==, RSP_EVENT_PACKET);
    g_assert_cmpuint(d.len, ==, MAX);
    g_assert_cmpint(feed_letters(&d, MAX + 1), ==, RSP_EVENT_TOO_LONG);
    g_assert_cmpint(feed_letters(&d, 10 * MAX), ==, RSP_EVENT_TOO_LONG);
    g_assert_cmpint(feed(&d, "$?#3f", 5), ==, RSP_EVENT_PACKET);
    g_assert_cmpint(d.len, ==, 1);
    rsp_decoder_clear(&d);
}

static void assert_round_trip(const uint8_t *data, size_t len, bool runs)
{
    GByteArray *wire = g_byte_array_new();
    RspDecoder d;
    size_t used;

    rsp_encode(wire, '$', data, len, runs);
    rsp_decoder_init(&d, 2 * len + 1, true);
    g_assert_cmpint(rsp_decoder_feed(&d, wire->data, wire->len, &used), ==, RSP_EVENT_PACKET);
    g_assert_cmpuint(used, ==, wire->len);
    g_assert_cmpmem(d.data, d.len, data, len);
    g_assert_cmpuint(wire->len, <=, rsp_escaped_size(data, len) + 4);
    rsp_decoder_clear(&d);
    g_byte_array_unref(wire);
}

static void test_runs(void)
{
    uint8_t buf[512];

    /* Every length of a run, of plain and of special characters. */
    for (unsigned n = 0; n < 300; n++) {
        static const char fill[] = "0#$*}\3\x9d";

        for (const char *f = fill; *f; f++) {
            memset(buf, 'x', sizeof(buf));
            memset(buf + 20, *f, n);
            assert_round_trip(buf, 40 + n, true);
            assert_round_trip(buf, 40 + n, false);
        }
    }
}

static void test_run_bytes(void)
{
    GByteArray *out = g_byte_array_new();
    char want[] = "$" "a* b*!" "cccdddeeefffggghhhiiijjjkkklllmmmnnn";

    /* 4 a's: 'a' and three more (' '); 5 b's: 'b' and four more ('!'); three are left alone. */
    rsp_encode(out, '$', (const uint8_t *)"aaaabbbbbcccdddeeefffggghhhiiijjjkkklllmmmnnn", 45,
               true);
    g_assert_cmpmem(out->data, out->len - 3, want, sizeof(want) - 1);
    /* Six and seven more may not be sent as '#' and '$'. */
    for (unsigned n = 6; n <= 7; n++) {
        char body[64];

        g_byte_array_set_size(out, 0);
        for (unsigned i = 0; i < sizeof(body); i++) {
            body[i] = i < n + 1 ? 'z' : 'A' + i % 2;
        }
        rsp_encode(out, '$', (const uint8_t *)body, sizeof(body), true);
        g_assert_cmpmem(out->data, 4, "$z*\"", 4);
    }
    g_byte_array_unref(out);
}

static void test_random(void)
{
    uint8_t buf[300];

    for (unsigned i = 0; i < 2000; i++) {
        unsigned len = g_test_rand_int_range(0, sizeof(buf));
        unsigned span = g_test_rand_int_range(1, 257);

        for (unsigned k = 0; k < len; k++) {
            buf[k] = g_test_rand_int_range(0, span);
        }
        assert_round_trip(buf, len, i & 1);
    }
}

static void test_cursor_numbers(void)
{
    static const struct { const char *s; bool ok; uint64_t v; } rows[] = {
        { "0", true, 0 }, { "ff", true, 255 }, { "FF", true, 255 }, { "", false }, { "g", false },
        { "ffffffffffffffff", true, UINT64_MAX }, { "10000000000000000", false },
        { "00000000000000000000001", true, 1 }, { "-1", false }, { "0x1", true, 0 },
    };
    uint64_t v;
    Cursor c;

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        c = cursor_make(rows[i].s, strlen(rows[i].s));
        g_assert_cmpint(cursor_hex(&c, &v), ==, rows[i].ok);
        if (rows[i].ok) {
            g_assert_cmphex(v, ==, rows[i].v);
        } else {
            g_assert_true(c.p == rows[i].s);
        }
    }
    c = cursor_make("18446744073709551616", 20);
    g_assert_false(cursor_dec(&c, &v));
    c = cursor_make("12a", 3);
    g_assert_true(cursor_dec(&c, &v) && v == 12 && cursor_peek(&c) == 'a');
    c = cursor_make("12", 2);
    g_assert_false(cursor_hex_max(&c, 0x11, &v));
    g_assert_true(cursor_hex_max(&c, 0x12, &v) && cursor_at_end(&c));
}

static void test_cursor_bytes(void)
{
    Cursor c = cursor_make("0aFFzz", 6);
    GByteArray *all;
    uint8_t b[2];

    g_assert_false(cursor_bytes(&c, b, 3));
    g_assert_true(cursor_bytes(&c, b, 2));
    g_assert_cmphex(b[0], ==, 0x0a);
    g_assert_cmphex(b[1], ==, 0xff);
    g_assert_null(cursor_rest_bytes(&c));
    c = cursor_make("123", 3);
    g_assert_null(cursor_rest_bytes(&c));
    c = cursor_make("1234", 4);
    all = cursor_rest_bytes(&c);
    g_assert_cmpmem(all->data, all->len, "\x12\x34", 2);
    g_byte_array_unref(all);
    c = cursor_make("ab;cd", 5);
    {
        Cursor part = cursor_until(&c, ';');

        g_assert_true(cursor_is(&part, "ab") && cursor_char(&c, ';') && cursor_is(&c, "cd"));
        part = cursor_until(&c, ';');
        g_assert_true(cursor_is(&part, "cd") && cursor_at_end(&c));
    }
}

static void test_cursor_threads(void)
{
    static const struct { const char *s; bool ok, has_pid; int64_t pid, tid; } rows[] = {
        { "1", true, false, 0, 1 }, { "-1", true, false, 0, -1 }, { "0", true, false, 0, 0 },
        { "p1.2", true, true, 1, 2 }, { "p1.-1", true, true, 1, -1 }, { "p1", true, true, 1, -1 },
        { "p-1", true, true, -1, -1 }, { "p-1.-1", true, true, -1, -1 }, { "p-1.1", false },
        { "p", false }, { "p.", false }, { "p1.", false }, { "", false }, { "-", false },
        { "p99.-1", true, true, 0x99, -1 }, { "ffffffffffffffff", false },
        { "p0.0", true, true, 0, 0 },
        { "-2", false }, { "zz", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        Cursor c = cursor_make(rows[i].s, strlen(rows[i].s));
        ThreadName t;

        g_assert_cmpint(cursor_thread(&c, &t), ==, rows[i].ok);
        if (rows[i].ok) {
            g_assert_true(cursor_at_end(&c));
            g_assert_cmpint(t.has_pid, ==, rows[i].has_pid);
            g_assert_cmpint(t.pid, ==, rows[i].pid);
            g_assert_cmpint(t.tid, ==, rows[i].tid);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rsp/checksum", test_checksum);
    g_test_add_func("/rsp/events", test_events);
    g_test_add_func("/rsp/stream", test_stream);
    g_test_add_func("/rsp/size", test_size);
    g_test_add_func("/rsp/runs", test_runs);
    g_test_add_func("/rsp/run-bytes", test_run_bytes);
    g_test_add_func("/rsp/random", test_random);
    g_test_add_func("/rsp/cursor/numbers", test_cursor_numbers);
    g_test_add_func("/rsp/cursor/bytes", test_cursor_bytes);
    g_test_add_func("/rsp/cursor/threads", test_cursor_threads);
    return g_test_run();
}
