/* The host's floating-point control word (x86: MXCSR), which guest code and C code share a CPU's one of.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_HOST_FP_H
#define GLASSBOX_UTIL_HOST_FP_H

#include <stdint.h>

/* Bits of the word: the sticky exception flags, and the masks that keep the host from trapping. On a host
 * without such a word, reads give 0 and writes do nothing. */
#define HOST_FP_FLAGS 0x3fu
#define HOST_FP_MASKS 0x1f80u

uint32_t host_fp_get(void);
void host_fp_set(uint32_t control);

#endif
