/* A compare-and-swap of 16 bytes, sequentially consistent.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_ATOMIC128_H
#define GLASSBOX_UTIL_ATOMIC128_H

#include <stdbool.h>
#include <stdint.h>

/* As little-endian memory holds it. */
typedef struct Pair128 { uint64_t low, high; } Pair128;

/* If *p (16-byte aligned) equals expect, stores neu there. Returns what *p held. Any thread. */
static inline Pair128 pair128_cas(void *p, Pair128 expect, Pair128 neu)
{
#if defined(__x86_64__)
    __asm__ __volatile__("lock cmpxchg16b %2"
                         : "+a"(expect.low), "+d"(expect.high), "+m"(*(Pair128 *)p)
                         : "b"(neu.low), "c"(neu.high)
                         : "cc", "memory");
    return expect;
#else
    __atomic_compare_exchange((Pair128 *)p, &expect, &neu, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expect;
#endif
}

#endif
