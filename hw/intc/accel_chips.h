/* Interrupt controllers that the accelerator has itself, as a device of the machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_INTC_ACCEL_CHIPS_H
#define GLASSBOX_HW_INTC_ACCEL_CHIPS_H

#include "accel/accel.h"
#include "hw/device.h"

/* In place of the 8259s, the I/O APIC and the memory of the local APICs, where AccelCaps.irqchip says so. */
extern const DeviceClass accel_chips_class;

/* The lines of the ISA bus, then further pins of the I/O APIC: ACCEL_IOAPIC_PINS of them. They live as dev
 * does. */
IrqLine *accel_chips_inputs(Device *dev);

/* What a reset makes of the chips: as firmware leaves them. Before the machine runs. */
void accel_chips_set_firmware(Device *dev, const AccelIrqchipState *state);

#endif
