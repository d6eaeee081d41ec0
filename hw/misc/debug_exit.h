/* isa-debug-exit: a port whose writes end the machine with an exit status.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_MISC_DEBUG_EXIT_H
#define GLASSBOX_HW_MISC_DEBUG_EXIT_H

#include "hw/device.h"

/* Properties iobase (0x501) and iosize (2). Writing v ends with status (v << 1) | 1. */
extern const DeviceClass isa_debug_exit_class;

#endif
