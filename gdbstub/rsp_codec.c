/* The framing of the gdb remote protocol: checksum, escapes, run-length encoding.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/rsp_codec.h"

#include <string.h>

enum { STATE_IDLE, STATE_BODY, STATE_COUNT, STATE_SUM_HIGH, STATE_SUM_LOW };

/* A repeat count n is sent as the character n + 29, which must be printable, so n is 3 to 97. */
enum { RUN_BIAS = 29, RUN_MIN = 3, RUN_MAX = 97 };

/* Shorter replies are left as they are: nothing is won, and they stay readable on the wire. */
enum { RUNS_PAY_FROM = 32 };

enum { ESCAPE = 0x7d, ESCAPE_XOR = 0x20 };

void rsp_decoder_init(RspDecoder *d, size_t max, bool expand_runs)
{
    memset(d, 0, sizeof(*d));
    d->max = max;
    d->expand_runs = expand_runs;
    d->data = g_malloc(max + 1);
    d->data[0] = 0;
}

void rsp_decoder_clear(RspDecoder *d)
{
    g_clear_pointer(&d->data, g_free);
    d->len = 0;
}

bool rsp_decoder_idle(const RspDecoder *d)
{
    return d->state == STATE_IDLE;
}

static void decoder_begin(RspDecoder *d, uint8_t lead)
{
    d->state = STATE_BODY;
    d->notification = lead == '%';
    d->len = d->raw = 0;
    d->sum = 0;
    d->escaped = d->overflow = d->bad_digit = false;
}

static void decoder_put(RspDecoder *d, uint8_t c)
{
    if (d->len < d->max) {
        d->data[d->len++] = c;
    } else {
        d->overflow = true;
    }
}

static void decoder_repeat(RspDecoder *d, uint8_t count)
{
    d->state = STATE_BODY;
    if (count < RUN_BIAS + RUN_MIN || count > RUN_BIAS + RUN_MAX || !d->len) {
        d->bad_digit = true;    /* told as a bad checksum: the packet was damaged */
        return;
    }
    for (unsigned n = count - RUN_BIAS; n; n--) {
        decoder_put(d, d->data[d->len - 1]);
    }
}

/* One character between '$' and '#'. */
static void decoder_body(RspDecoder *d, uint8_t c)
{
    if (c == '#') {
        if (d->escaped) {
            decoder_put(d, ESCAPE);     /* nothing follows it: it stands for itself */
        }
        d->state = STATE_SUM_HIGH;
        return;
    }
    if (c == '$') {
        decoder_begin(d, c);            /* the end of the last packet was lost */
        return;
    }
    d->sum += c;
    if (++d->raw > d->max) {
        d->overflow = true;
    }
    if (d->escaped) {
        d->escaped = false;
        decoder_put(d, c ^ ESCAPE_XOR);
    } else if (c == ESCAPE) {
        d->escaped = true;
    } else if (c == '*' && d->expand_runs) {
        d->state = STATE_COUNT;
    } else {
        decoder_put(d, c);
    }
}

static void decoder_digit(RspDecoder *d, uint8_t c)
{
    int v = g_ascii_xdigit_value(c);

    if (v < 0) {
        d->bad_digit = true;
    }
    d->want = d->want << 4 | (v & 15);
}

static RspEvent decoder_end(RspDecoder *d)
{
    d->state = STATE_IDLE;
    d->data[d->len] = 0;
    if (d->bad_digit || d->want != d->sum) {
        return RSP_EVENT_BAD_CHECKSUM;
    }
    if (d->overflow) {
        return RSP_EVENT_TOO_LONG;
    }
    return d->notification ? RSP_EVENT_NOTIFICATION : RSP_EVENT_PACKET;
}

static RspEvent decoder_idle(RspDecoder *d, uint8_t c)
{
    switch (c) {
    case '$':
    case '%':
        decoder_begin(d, c);
        return RSP_EVENT_NONE;
    case '+':
        return RSP_EVENT_ACK;
    case '-':
        return RSP_EVENT_NAK;
    case 0x03:
        return RSP_EVENT_INTERRUPT;
    default:
        return RSP_EVENT_NONE;
    }
}

static RspEvent decoder_byte(RspDecoder *d, uint8_t c)
{
    switch (d->state) {
    case STATE_BODY:
        decoder_body(d, c);
        return RSP_EVENT_NONE;
    case STATE_COUNT:
        d->sum += c;
        d->raw++;
        decoder_repeat(d, c);
        return RSP_EVENT_NONE;
    case STATE_SUM_HIGH:
        decoder_digit(d, c);
        d->state = STATE_SUM_LOW;
        return RSP_EVENT_NONE;
    case STATE_SUM_LOW:
        decoder_digit(d, c);
        return decoder_end(d);
    default:
        return decoder_idle(d, c);
    }
}

RspEvent rsp_decoder_feed(RspDecoder *d, const uint8_t *buf, size_t len, size_t *used)
{
    for (size_t i = 0; i < len; i++) {
        RspEvent ev = decoder_byte(d, buf[i]);

        if (ev != RSP_EVENT_NONE) {
            *used = i + 1;
            return ev;
        }
    }
    *used = len;
    return RSP_EVENT_NONE;
}

static bool must_escape(uint8_t c)
{
    return c == '#' || c == '$' || c == ESCAPE || c == '*';
}

size_t rsp_escaped_size(const uint8_t *data, size_t len)
{
    size_t size = len;

    for (size_t i = 0; i < len; i++) {
        size += must_escape(data[i]);
    }
    return size;
}

uint8_t rsp_checksum(const uint8_t *data, size_t len)
{
    uint8_t sum = 0;

    while (len--) {
        sum += *data++;
    }
    return sum;
}

/* How many repeats of c to announce when n more of it follow: counts that would be sent as '#' or
 * '$' are not allowed, 5 ('"') is sent in their place. */
static unsigned run_count(size_t n)
{
    if (n > RUN_MAX) {
        n = RUN_MAX;
    }
    return n == '#' - RUN_BIAS || n == '$' - RUN_BIAS ? 5 : n;
}

/* Runs are only made of plain characters: LLDB repeats the unescaped one, gdb the one sent. */
static void encode_body(GByteArray *out, const uint8_t *data, size_t len, bool runs)
{
    for (size_t i = 0; i < len; i++) {
        uint8_t c = data[i];
        size_t more = 0;

        if (must_escape(c)) {
            g_byte_array_append(out, (const uint8_t[]){ ESCAPE, c ^ ESCAPE_XOR }, 2);
            continue;
        }
        g_byte_array_append(out, &c, 1);
        if (!runs) {
            continue;
        }
        while (more < RUN_MAX && i + 1 + more < len && data[i + 1 + more] == c) {
            more++;
        }
        if (more >= RUN_MIN) {
            more = run_count(more);
            g_byte_array_append(out, (const uint8_t[]){ '*', RUN_BIAS + more }, 2);
            i += more;
        }
    }
}

void rsp_encode(GByteArray *out, char lead, const uint8_t *data, size_t len, bool runs)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t tail[3] = { '#' };
    uint8_t sum;
    guint from;

    g_byte_array_append(out, (const uint8_t *)&lead, 1);
    from = out->len;
    encode_body(out, data, len, runs && len >= RUNS_PAY_FROM);
    sum = rsp_checksum(out->data + from, out->len - from);
    tail[1] = digits[sum >> 4];
    tail[2] = digits[sum & 15];
    g_byte_array_append(out, tail, sizeof(tail));
}
