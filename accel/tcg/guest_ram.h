/* The one place where C code reads and writes guest RAM as the guest's own accesses do.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A guest's CPUs may race for its memory as they like: an access of 1, 2, 4 or 8 bytes is one instruction of the
 * host, at any alignment, and ThreadSanitizer is told not to look. */
#ifndef GLASSBOX_ACCEL_TCG_GUEST_RAM_H
#define GLASSBOX_ACCEL_TCG_GUEST_RAM_H

#include "util/types.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GUEST_RAM_RACES __attribute__((no_sanitize("thread"), noinline))
#endif
#elif defined(__SANITIZE_THREAD__)
#define GUEST_RAM_RACES __attribute__((no_sanitize("thread"), noinline))
#endif
#ifndef GUEST_RAM_RACES
#define GUEST_RAM_RACES
#endif

GUEST_RAM_RACES static inline uint64_t guest_ram_load(const void *p, unsigned size)
{
    switch (size) {
    case 1: return *(const uint8_t *)p;
    case 2: return *(const Any16 *)p;
    case 4: return *(const Any32 *)p;
    default: return *(const Any64 *)p;
    }
}

GUEST_RAM_RACES static inline void guest_ram_store(void *p, unsigned size, uint64_t v)
{
    switch (size) {
    case 1: *(uint8_t *)p = (uint8_t)v; break;
    case 2: *(Any16 *)p = (uint16_t)v; break;
    case 4: *(Any32 *)p = (uint32_t)v; break;
    default: *(Any64 *)p = v; break;
    }
}

#endif
