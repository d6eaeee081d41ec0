/* The names that every stock Linux kernel carries for itself, found in its image and decoded.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel keeps its names compressed: 256 tokens (texts), names as strings of token numbers, a
 * marker (offset into the names) for every 256th name, and addresses, mostly as 32-bit offsets from
 * a base. A stripped image says nowhere where these tables lie, so they are found by their shape:
 * the token table holds the ten digits in a row, the index behind it must repeat the table's own
 * offsets, and the markers must agree with the names. What has changed with time:
 * - until 4.5 there are whole addresses and no base;
 * - until 4.19 markers and the count have 8 bytes;
 * - from 6.1 a name's length may have two bytes;
 * - from 6.2 the order of the names (three bytes each) lies behind the markers;
 * - from 6.4 offsets and base lie behind the token index instead of before the names.
 * Searches have budgets: a file that was made to look like tables everywhere ends them. */
#include "symbols/symbols_int.h"

#include <string.h>

#include "util/bytes.h"
#include "util/error.h"

#define TOKENS 256u
#define INDEX_BYTES (2 * TOKENS)
#define TOKEN_LIMIT 1024u
#define NAME_LIMIT 1024u            /* the kernel's own is 512 */
#define GROUP 256u                  /* names for each marker */
#define GROUP_MIN (2 * GROUP)       /* a length and one token each */
#define GROUP_MAX (GROUP * 513u)
#define MARKERS_MIN 8u
#define MARKERS_REACH (64u << 20)   /* how far before the tokens */
#define PLACES_TOKENS 256u
#define PLACES_MARKERS 256u

typedef struct Tables {
    const uint8_t *data;
    size_t len;
    size_t tokens;                  /* offset of the table */
    size_t index_end;
    uint32_t token[TOKENS];         /* offset of each text */
    size_t names, count_at;
    uint32_t count;
    bool absolute;                  /* whole addresses */
    bool negative;                  /* offsets below zero count back from the base */
    size_t addrs;
    uint64_t base;
} Tables;

/* ---- tokens ---- */

/* The offset behind the NUL at or after `at`; 0 if there is none within a token's length. */
static size_t text_end(const Tables *t, size_t at)
{
    size_t most = at < t->len ? MIN(TOKEN_LIMIT, t->len - at) : 0;
    const uint8_t *nul = most ? memchr(t->data + at, 0, most) : NULL;

    return nul ? (size_t)(nul - t->data) + 1 : 0;
}

/* Whether the texts begin at `start` and lie one after the other up to `end`, as the index says. */
static bool tokens_agree(Tables *t, size_t start, size_t end, const uint8_t *index)
{
    size_t at = start;

    for (unsigned i = 0; i < TOKENS; i++) {
        if (at - start != load_le16(index + 2 * i) || !t->data[at]) {
            return false;
        }
        t->token[i] = (uint32_t)at;
        at = text_end(t, at);
        if (!at || at > end) {
            return false;
        }
    }
    return at == end;
}

static bool tokens_around(Tables *t, size_t digits)
{
    size_t end = digits;

    for (unsigned i = '0'; i < TOKENS; i++) {
        end = text_end(t, end);
        if (!end) {
            return false;
        }
    }
    for (size_t at = end; at < end + 16 && at + INDEX_BYTES <= t->len; at++) {
        const uint8_t *index = t->data + at;
        unsigned back = load_le16(index + 2 * '0');

        if (load_le16(index) == 0 && back <= digits &&
            tokens_agree(t, digits - back, end, index)) {
            t->tokens = digits - back;
            t->index_end = at + INDEX_BYTES;
            return true;
        }
    }
    return false;
}

static bool find_tokens(Tables *t)
{
    static const char digits[20] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
    size_t from = 0;

    for (unsigned i = 0; i < PLACES_TOKENS && from < t->len; i++) {
        const uint8_t *at = memmem(t->data + from, t->len - from, digits, sizeof(digits));

        if (!at) {
            return false;
        }
        if (tokens_around(t, (size_t)(at - t->data))) {
            return true;
        }
        from = (size_t)(at - t->data) + 1;
    }
    return false;
}

/* ---- names ---- */

/* The length of a name in tokens; *width: the bytes that say it. 0: not a name. */
static unsigned name_length(const Tables *t, size_t pos, size_t end, unsigned *width)
{
    unsigned n = t->data[pos];

    *width = 1;
    if (n & 0x80) {
        if (pos + 1 >= end) {
            return 0;
        }
        *width = 2;
        n = (n & 0x7f) | (unsigned)t->data[pos + 1] << 7;
    }
    return n;
}

static uint64_t marker(const Tables *t, size_t at, unsigned size, unsigned i)
{
    return load_le(t->data + at + (size_t)size * i, size);
}

/* How many values at a place could be markers. */
static unsigned marker_chain(const Tables *t, size_t at, unsigned size)
{
    uint64_t last = 0;
    unsigned n = 1;

    while (at + (size_t)size * (n + 1) <= t->tokens) {
        uint64_t v = marker(t, at, size, n);

        if (v < last + GROUP_MIN || v > last + GROUP_MAX) {
            break;
        }
        last = v;
        n++;
    }
    return n;
}

/* Walks the names: they must meet every marker, and end where the markers begin. */
static bool names_fit(const Tables *t, size_t names, uint32_t count, size_t markers, unsigned size)
{
    size_t pos = names;

    for (uint32_t i = 0; i < count; i++) {
        unsigned width, n;

        if (i % GROUP == 0 && marker(t, markers, size, i / GROUP) != pos - names) {
            return false;
        }
        if (pos >= markers) {
            return false;
        }
        n = name_length(t, pos, markers, &width);
        if (!n) {
            return false;
        }
        pos += width + n;
    }
    return pos <= markers && markers - pos < 16;
}

/* The names end at the markers; they begin where the last marker, and the count before, say. */
static bool find_names(Tables *t, size_t markers, unsigned size, unsigned found)
{
    /* What follows the markers may by chance have looked like one or two more of them. */
    for (unsigned used = found; used > 0 && used + 3 > found; used--) {
        uint64_t last = marker(t, markers, size, used - 1);
        uint32_t low = (used - 1) * GROUP;
        size_t most, least;

        if (last > markers) {
            continue;
        }
        most = (markers - (size_t)last) & ~(size_t)3;
        least = most > GROUP_MAX + 64 ? most - GROUP_MAX - 64 : 8;
        for (size_t pos = most; pos >= MAX(least, 8); pos -= 4) {
            for (unsigned gap = 4; gap <= 8; gap += 4) {
                uint32_t count = load_le32(t->data + pos - gap);

                if (count > low && count <= low + GROUP &&
                    names_fit(t, pos, count, markers, size)) {
                    t->names = pos;
                    t->count_at = pos - gap;
                    t->count = count;
                    return true;
                }
            }
        }
    }
    return false;
}

/* Markers begin with a zero. They end at the tokens, or the names' order lies between. */
static bool find_markers(Tables *t, unsigned size)
{
    static const uint8_t zero[8];
    size_t low = t->tokens > MARKERS_REACH ? t->tokens - MARKERS_REACH : 0;
    unsigned places = 0;

    size_t at = t->tokens & ~(size_t)(size - 1);

    while (at >= low + size && places < PLACES_MARKERS) {
        unsigned n;

        at -= size;
        if (memcmp(t->data + at, zero, size)) {
            continue;
        }
        n = marker_chain(t, at, size);
        if (n >= MARKERS_MIN) {
            places++;
            if (find_names(t, at, size, n)) {
                return true;
            }
        }
    }
    return false;
}

/* ---- addresses ---- */

static uint64_t addr_at(const Tables *t, uint32_t i)
{
    int32_t v;

    if (t->absolute) {
        return load_le64(t->data + t->addrs + (size_t)8 * i);
    }
    v = (int32_t)load_le32(t->data + t->addrs + (size_t)4 * i);
    if (t->negative) {
        return v >= 0 ? (uint64_t)v : t->base - 1 - (uint64_t)(int64_t)v;
    }
    return t->base + (uint32_t)v;
}

/* The kernel sorts its symbols by address; a few weak ones may go back. */
static bool rising(const Tables *t)
{
    uint32_t good = 0;

    for (uint32_t i = 1; i < t->count; i++) {
        good += addr_at(t, i) >= addr_at(t, i - 1);
    }
    return good >= (t->count - 1) / 100 * 99;
}

static bool high_half(uint64_t addr)
{
    return addr >> 47 == 0x1ffff;
}

static bool offsets_fit(Tables *t, size_t offsets, size_t base_at)
{
    uint64_t size = (uint64_t)t->count * 4;

    if (offsets > t->len || size > t->len - offsets || base_at > t->len || t->len - base_at < 8) {
        return false;
    }
    t->base = load_le64(t->data + base_at);
    if (!high_half(t->base) || (t->base & 0xfff)) {
        return false;
    }
    t->addrs = offsets;
    t->negative = false;
    for (uint32_t i = 0; i < t->count && !t->negative; i++) {
        t->negative = load_le32(t->data + offsets + (size_t)4 * i) >> 31;
    }
    return rising(t);
}

static bool absolute_fit(Tables *t)
{
    size_t size = (size_t)t->count * 8;

    if (t->count_at < size) {
        return false;
    }
    t->absolute = true;
    t->addrs = (t->count_at & ~(size_t)7) - size;
    if (rising(t) && high_half(addr_at(t, t->count - 1))) {
        return true;
    }
    t->absolute = false;
    return false;
}

/* Offsets and base lie before the count, or behind the tokens' index. */
static bool find_addresses(Tables *t)
{
    size_t size = round_up((uint64_t)t->count * 4, 8);

    for (unsigned align = 8; align >= 4; align -= 4) {
        size_t base = t->count_at >= 8 ? (t->count_at - 8) & ~(size_t)(align - 1) : 0;
        size_t behind = round_up(t->index_end, align);

        if ((base >= size && offsets_fit(t, base - size, base)) ||
            offsets_fit(t, behind, round_up(behind + (uint64_t)t->count * 4, 8))) {
            return true;
        }
    }
    return absolute_fit(t);
}

/* ---- all together ---- */

/* Appends a name's text; false if it is longer than a name can be. */
static bool expand(const Tables *t, size_t pos, unsigned n, char *text, size_t *len)
{
    *len = 0;
    for (unsigned i = 0; i < n; i++) {
        const char *token = (const char *)t->data + t->token[t->data[pos + i]];
        size_t more = strlen(token);

        if (more > NAME_LIMIT - *len) {
            return false;
        }
        memcpy(text + *len, token, more);
        *len += more;
    }
    return *len > 1;
}

static bool decode(SymFile *f, const Tables *t, GError **errp)
{
    char text[NAME_LIMIT];
    size_t pos = t->names, len;

    for (uint32_t i = 0; i < t->count; i++) {
        unsigned width, n = name_length(t, pos, t->len, &width);
        uint64_t addr = addr_at(t, i);

        pos += width;
        if (!expand(t, pos, n, text, &len)) {
            return sym_file_error(f, errp, "has damaged kallsyms: name %u is too long or empty", i);
        }
        pos += n;
        sym_file_add(f, text + 1, len - 1, (Symbol){
            .addr = addr,
            .bind = g_ascii_isupper(text[0]) ? SYM_GLOBAL
                    : text[0] == 'w' || text[0] == 'v' ? SYM_WEAK : SYM_LOCAL,
            .moves = addr >> 63,
            .shown = addr >> 63 && text[0] != 'A' && text[0] != 'a',
        });
    }
    sym_sizes_by_next(f, 0);
    return true;
}

bool sym_kallsyms_load(SymFile *f, const uint8_t *data, size_t len, GError **errp)
{
    Tables t = { .data = data, .len = MIN(len, UINT32_MAX) };

    if (!find_tokens(&t)) {
        return sym_file_error(f, errp, "has neither symbols nor kallsyms (no token table)");
    }
    if (!find_markers(&t, 4) && !find_markers(&t, 8)) {
        return sym_file_error(f, errp, "has damaged kallsyms: no names before the token table");
    }
    if (!find_addresses(&t)) {
        return sym_file_error(f, errp, "has damaged kallsyms: no addresses beside the names");
    }
    return decode(f, &t, errp);
}
