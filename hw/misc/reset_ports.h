/* The chipset's small ports: system control A (92h), reset control (CF9h), POST code (80h).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_MISC_RESET_PORTS_H
#define GLASSBOX_HW_MISC_RESET_PORTS_H

#include "hw/device.h"

/* The ACPI reset register, and what to write to it. */
#define RESET_CONTROL_PORT 0xcf9
#define RESET_CONTROL_VALUE 0x06

extern const DeviceClass reset_ports_class;

#endif
