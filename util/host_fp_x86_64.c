/* MXCSR of an x86-64 host (SDM vol. 1, 10.2.3).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/host_fp.h"

uint32_t host_fp_get(void)
{
    uint32_t v;

    __asm__ volatile("stmxcsr %0" : "=m"(v));
    return v;
}

void host_fp_set(uint32_t control)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(control) : "memory");
}
