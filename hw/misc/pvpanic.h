/* pvpanic: a port by which a guest tells that it has crashed.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_MISC_PVPANIC_H
#define GLASSBOX_HW_MISC_PVPANIC_H

#include "hw/device.h"

#define PVPANIC_PORT 0x505

/* Property ioport (0x505). */
extern const DeviceClass pvpanic_class;

#endif
