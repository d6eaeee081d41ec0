/* Where things lie in machine pc.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_PC_LAYOUT_H
#define GLASSBOX_HW_I386_PC_LAYOUT_H

#include "hw/intc/ioapic.h"

/* Guest-physical memory. */
#define PC_EBDA UINT64_C(0x9fc00)            /* end of conventional memory that is free */
#define PC_VIDEO UINT64_C(0xa0000)           /* hole: no display adapter */
#define PC_VIDEO_END UINT64_C(0xc0000)
#define PC_TABLES UINT64_C(0xf0000)          /* ACPI tables; 64 KiB, reserved in the map */
#define PC_HIGH UINT64_C(0x100000)
#define PC_HOLE UINT64_C(0xc0000000)         /* devices; RAM goes on at 4 GiB */
#define PC_HOLE_END UINT64_C(0x100000000)
#define PC_RAM_MIN UINT64_C(0x200000)        /* 2 MiB */
#define PC_RAM_MAX UINT64_C(0x400000000)     /* 16 GiB */

#define PC_LAPIC_BASE UINT64_C(0xfee00000)
#define PC_IOAPIC_BASE IOAPIC_BASE
#define PC_TIMER_PIN 2                       /* of the I/O APIC; ISA line 0 goes there */
#define PC_SCI 9
#define PC_PM_BASE 0x600

#endif
