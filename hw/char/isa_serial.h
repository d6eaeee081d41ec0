/* isa-serial: a 16550A at COM1 to COM4, or anywhere in the port space.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_CHAR_ISA_SERIAL_H
#define GLASSBOX_HW_CHAR_ISA_SERIAL_H

#include "hw/device.h"

/*
 * Properties: chardev, index (0 to 3: which COM port; default the first whose ports are free),
 * iobase and irq (default those of the index).
 */
extern const DeviceClass isa_serial_class;

#endif
