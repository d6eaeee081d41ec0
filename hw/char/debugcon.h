/* isa-debugcon: a port whose writes go to a byte stream.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_CHAR_DEBUGCON_H
#define GLASSBOX_HW_CHAR_DEBUGCON_H

#include "hw/device.h"

/* Properties: iobase (0xe9; firmware often uses 0x402), readback (what reads give), chardev. */
extern const DeviceClass isa_debugcon_class;

#endif
