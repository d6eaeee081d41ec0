/* Hosts without an SSE-like control word.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/host_fp.h"

uint32_t host_fp_get(void)
{
    return 0;
}

void host_fp_set(uint32_t control)
{
}
