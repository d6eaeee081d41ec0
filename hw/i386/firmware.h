/* What firmware would have done before the kernel: chips set up by their own registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_FIRMWARE_H
#define GLASSBOX_HW_I386_FIRMWARE_H

#include "accel/accel.h"
#include "mem/mem.h"

/* After every reset, VM lock held. (A CPU's reset does its local APIC.) */

/* 8259 pair at vectors 08h and 70h with all inputs masked, SCI level-triggered, the I/O APIC's id. */
void pc_firmware_chips(MemSpace *mem, MemSpace *io, unsigned ioapic_id);
/* The same for chips that are the accelerator's. */
void pc_firmware_accel_chips(AccelIrqchipState *state, unsigned ioapic_id);
/* The timer at 18.2 Hz. */
void pc_firmware_timer(MemSpace *io);

#endif
