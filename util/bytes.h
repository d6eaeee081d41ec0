/* Loads and stores of little- and big-endian values at any alignment.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_BYTES_H
#define GLASSBOX_UTIL_BYTES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* load_le16(p) ... store_be64(p, v): the address may be unaligned. Not atomic. Any thread. */
#define BYTES_DEFINE(end, END, bits)                                        \
    static inline uint##bits##_t load_##end##bits(const void *p)            \
    {                                                                       \
        uint##bits##_t v;                                                   \
        memcpy(&v, p, sizeof(v));                                           \
        return GUINT##bits##_FROM_##END(v);                                 \
    }                                                                       \
    static inline void store_##end##bits(void *p, uint##bits##_t v)         \
    {                                                                       \
        v = GUINT##bits##_TO_##END(v);                                      \
        memcpy(p, &v, sizeof(v));                                           \
    }

BYTES_DEFINE(le, LE, 16)
BYTES_DEFINE(le, LE, 32)
BYTES_DEFINE(le, LE, 64)
BYTES_DEFINE(be, BE, 16)
BYTES_DEFINE(be, BE, 32)
BYTES_DEFINE(be, BE, 64)
#undef BYTES_DEFINE

/* The little-endian value of n (0 to 8) bytes at p. */
static inline uint64_t load_le(const void *p, unsigned n)
{
    uint64_t v = 0;
    memcpy(&v, p, n);
    return GUINT64_FROM_LE(v);
}

/* Store the low n (0 to 8) bytes of v at p, lowest first. */
static inline void store_le(void *p, uint64_t v, unsigned n)
{
    v = GUINT64_TO_LE(v);
    memcpy(p, &v, n);
}

/* A value with the low n (0 to 64) bits set. */
static inline uint64_t mask_bits(unsigned n)
{
    return n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1;
}

/* A value with the low n (0 to 8) bytes set: what an access of that size can carry. */
static inline uint64_t mask_bytes(unsigned n)
{
    return mask_bits(n * 8);
}

/* n bits of v from bit lo up. */
static inline uint64_t bits_get(uint64_t v, unsigned lo, unsigned n)
{
    return (v >> lo) & mask_bits(n);
}

/* v with n bits from bit lo up replaced by the low bits of field. */
static inline uint64_t bits_put(uint64_t v, unsigned lo, unsigned n, uint64_t field)
{
    uint64_t m = mask_bits(n) << lo;
    return (v & ~m) | ((field << lo) & m);
}

/* v's low n (1 to 64) bits as a signed number. */
static inline int64_t sign_extend(uint64_t v, unsigned n)
{
    return (int64_t)(v << (64 - n)) >> (64 - n);
}

/* True if v is a power of two (0 is not). */
static inline bool is_pow2(uint64_t v)
{
    return v && !(v & (v - 1));
}

/* v rounded down or up to a multiple of a, which is a power of two. */
static inline uint64_t round_down(uint64_t v, uint64_t a)
{
    return v & ~(a - 1);
}
static inline uint64_t round_up(uint64_t v, uint64_t a)
{
    return (v + a - 1) & ~(a - 1);
}

#endif
