/* Typed reading of a packet's arguments: every call either takes a whole value or nothing.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GDBSTUB_CURSOR_H
#define GLASSBOX_GDBSTUB_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

typedef struct Cursor {
    const char *p, *end;
} Cursor;

/* A process.thread name as packets spell it. */
typedef struct ThreadName {
    bool has_pid;               /* written as p<pid>.<tid> */
    int64_t pid, tid;           /* 0: any; -1: all */
} ThreadName;

enum { THREAD_ANY = 0, THREAD_ALL = -1 };

Cursor cursor_make(const char *p, size_t len);
size_t cursor_left(const Cursor *c);
bool cursor_at_end(const Cursor *c);

/* The next character without taking it; -1 at the end. */
int cursor_peek(const Cursor *c);

/* Takes exactly this character or this text. */
bool cursor_char(Cursor *c, char want);
bool cursor_text(Cursor *c, const char *want);

/* Takes a number of 1 or more digits that fits 64 bits (leading zeros are free). */
bool cursor_hex(Cursor *c, uint64_t *v);
bool cursor_dec(Cursor *c, uint64_t *v);

/* Takes a hexadecimal number not above max. */
bool cursor_hex_max(Cursor *c, uint64_t max, uint64_t *v);

/* Takes len bytes written as pairs of hexadecimal digits. */
bool cursor_bytes(Cursor *c, uint8_t *buf, size_t len);

/* Takes all that is left as pairs of digits; NULL when it isn't. The caller frees. */
GByteArray *cursor_rest_bytes(Cursor *c);

/* Takes everything up to (not including) stop or the end; may be empty. */
Cursor cursor_until(Cursor *c, char stop);

/* Takes a thread name: TID, -1, 0, pPID or pPID.TID. An impossible combination (all processes but
 * one thread) is refused. */
bool cursor_thread(Cursor *c, ThreadName *name);

/* True if the cursor's whole text equals want. */
bool cursor_is(const Cursor *c, const char *want);

#endif
