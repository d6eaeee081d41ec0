/* The PC's real-time clock and battery-backed memory, at ports 70h/71h.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_RTC_MC146818_H
#define GLASSBOX_HW_RTC_MC146818_H

#include "hw/device.h"

/* It shows the VM's date (vm_clock_base_ns + vm_clock_ns) plus the property zone, in seconds, and
 * drives ISA interrupt line 8. */
extern const DeviceClass mc146818_class;

#define MC146818_SIZE 128

/* Set a byte of the memory (0Eh to 7Fh, but not the century, 32h), as firmware does. VM lock held,
 * or before the machine runs. */
void mc146818_set_memory(Device *dev, unsigned index, uint8_t value);

/* Write the checksum of bytes 10h-2Dh into 2Eh and 2Fh. The same. */
void mc146818_checksum(Device *dev);

#endif
