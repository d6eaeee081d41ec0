/* Typed reading of a packet's arguments.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/cursor.h"

#include <string.h>

Cursor cursor_make(const char *p, size_t len)
{
    return (Cursor){ p, p + len };
}

size_t cursor_left(const Cursor *c)
{
    return c->end - c->p;
}

bool cursor_at_end(const Cursor *c)
{
    return c->p == c->end;
}

int cursor_peek(const Cursor *c)
{
    return cursor_at_end(c) ? -1 : (unsigned char)*c->p;
}

bool cursor_char(Cursor *c, char want)
{
    if (cursor_at_end(c) || *c->p != want) {
        return false;
    }
    c->p++;
    return true;
}

bool cursor_text(Cursor *c, const char *want)
{
    size_t n = strlen(want);

    if (cursor_left(c) < n || memcmp(c->p, want, n)) {
        return false;
    }
    c->p += n;
    return true;
}

static bool cursor_number(Cursor *c, unsigned base, uint64_t *v)
{
    const char *p = c->p;
    uint64_t n = 0;

    for (; p < c->end; p++) {
        int digit = g_ascii_xdigit_value(*p);

        if (digit < 0 || digit >= (int)base) {
            break;
        }
        if (__builtin_mul_overflow(n, base, &n) || __builtin_add_overflow(n, digit, &n)) {
            return false;
        }
    }
    if (p == c->p) {
        return false;
    }
    c->p = p;
    *v = n;
    return true;
}

bool cursor_hex(Cursor *c, uint64_t *v)
{
    return cursor_number(c, 16, v);
}

bool cursor_dec(Cursor *c, uint64_t *v)
{
    return cursor_number(c, 10, v);
}

bool cursor_hex_max(Cursor *c, uint64_t max, uint64_t *v)
{
    Cursor try = *c;
    uint64_t n;

    if (!cursor_hex(&try, &n) || n > max) {
        return false;
    }
    *c = try;
    *v = n;
    return true;
}

bool cursor_bytes(Cursor *c, uint8_t *buf, size_t len)
{
    if (cursor_left(c) / 2 < len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int hi = g_ascii_xdigit_value(c->p[2 * i]);
        int lo = g_ascii_xdigit_value(c->p[2 * i + 1]);

        if (hi < 0 || lo < 0) {
            return false;
        }
        buf[i] = hi << 4 | lo;
    }
    c->p += 2 * len;
    return true;
}

GByteArray *cursor_rest_bytes(Cursor *c)
{
    size_t n = cursor_left(c) / 2;
    GByteArray *bytes;

    if (cursor_left(c) % 2) {
        return NULL;
    }
    bytes = g_byte_array_sized_new(n + 1);
    g_byte_array_set_size(bytes, n);
    if (!cursor_bytes(c, bytes->data, n)) {
        g_byte_array_unref(bytes);
        return NULL;
    }
    return bytes;
}

Cursor cursor_until(Cursor *c, char stop)
{
    const char *at = cursor_at_end(c) ? NULL : memchr(c->p, stop, cursor_left(c));
    Cursor part = { c->p, at ? at : c->end };

    c->p = part.end;
    return part;
}

static bool cursor_thread_part(Cursor *c, int64_t *v)
{
    uint64_t n;

    if (cursor_text(c, "-1")) {
        *v = THREAD_ALL;
        return true;
    }
    if (!cursor_hex_max(c, INT64_MAX, &n)) {
        return false;
    }
    *v = n;
    return true;
}

bool cursor_thread(Cursor *c, ThreadName *name)
{
    Cursor try = *c;
    ThreadName n = { .pid = THREAD_ANY, .tid = THREAD_ALL };

    if (cursor_char(&try, 'p')) {
        n.has_pid = true;
        if (!cursor_thread_part(&try, &n.pid) ||
            (cursor_char(&try, '.') && !cursor_thread_part(&try, &n.tid))) {
            return false;
        }
        if (n.pid == THREAD_ALL && n.tid != THREAD_ALL) {
            return false;
        }
    } else if (!cursor_thread_part(&try, &n.tid)) {
        return false;
    }
    *c = try;
    *name = n;
    return true;
}

bool cursor_is(const Cursor *c, const char *want)
{
    size_t n = strlen(want);

    return cursor_left(c) == n && !memcmp(c->p, want, n);
}
