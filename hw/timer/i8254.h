/* The PC's interval timer: an 8254 at ports 40h-43h and the port 61h that goes with it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_TIMER_I8254_H
#define GLASSBOX_HW_TIMER_I8254_H

#include "hw/device.h"

/* Counter 0 drives ISA interrupt line 0. Counter 2 is gated and read through port 61h. */
extern const DeviceClass i8254_class;

#endif
