/* What firmware would have done before the kernel: chips set up by their own registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_FIRMWARE_H
#define GLASSBOX_HW_I386_FIRMWARE_H

#include "mem/mem.h"

/* After every reset, VM lock held: 8259 pair at vectors 08h and 70h with all inputs masked, SCI
 * level-triggered, the timer at 18.2 Hz, the I/O APIC's id. (A CPU's reset does its local APIC.) */
void pc_firmware_run(MemSpace *mem, MemSpace *io, unsigned ioapic_id);

#endif
