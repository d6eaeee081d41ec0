/* Hosts without an x87.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/host_x87.h"

#include <glib.h>

bool host_x87_present(void)
{
    return false;
}

uint64_t host_x87_reg(HostX87 *state, unsigned opcode, unsigned modrm, uint64_t eflags)
{
    g_assert_not_reached();
}

void host_x87_mem(HostX87 *state, unsigned opcode, unsigned reg, void *mem)
{
    g_assert_not_reached();
}
