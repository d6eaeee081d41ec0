/* Word header: the basic address types, 64 bits wide for every target.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_TYPES_H
#define GLASSBOX_UTIL_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t vaddr_t;   /* guest virtual address */
typedef uint64_t paddr_t;   /* guest physical address */

/* A 128-bit guest vector register as memory holds it. */
typedef union V128 {
    uint8_t b[16];
    uint16_t w[8];
    uint32_t l[4];
    uint64_t q[2];
    float s[4];
    double d[2];
} V128 __attribute__((aligned(16)));

/* Integers at any address, as the guest's memory has them. The attribute counts in a typedef only. */
typedef uint16_t __attribute__((may_alias, aligned(1))) Any16;
typedef uint32_t __attribute__((may_alias, aligned(1))) Any32;
typedef uint64_t __attribute__((may_alias, aligned(1))) Any64;

#endif
