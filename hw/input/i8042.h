/* The PC's keyboard controller, an 8042 at ports 60h and 64h, with a keyboard.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_INPUT_I8042_H
#define GLASSBOX_HW_INPUT_I8042_H

#include "hw/device.h"

/* Interrupt lines 1 (keyboard) and 12 (auxiliary port, to which nothing is connected). */
extern const DeviceClass i8042_class;

/* Scan codes (set 2) of a key that goes down or up; false if the guest does not want or cannot take
 * them. VM lock held. */
bool i8042_key(Device *dev, const uint8_t *codes, size_t n);

#endif
