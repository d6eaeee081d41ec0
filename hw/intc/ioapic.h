/* The I/O APIC: 24 inputs, each with a redirection entry that makes a message for the CPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_INTC_IOAPIC_H
#define GLASSBOX_HW_INTC_IOAPIC_H

#include "hw/device.h"
#include "hw/intc.h"

#define IOAPIC_PINS 24
#define IOAPIC_BASE UINT64_C(0xfec00000)

/* All functions: with the VM lock held, or before the machine runs. */

extern const DeviceClass ioapic_class;

/* The inputs; they live as long as dev. */
IrqLine *ioapic_inputs(Device *dev);

/* Who takes the messages; before the machine runs. */
void ioapic_set_cpu_ops(Device *dev, const IntcCpuOps *ops);

/* A line for each pin: its redirection entry, and whether it is asserted (a bit per pin). */
void ioapic_print_pins(const uint64_t *entry, uint32_t level, GString *out);

/* A CPU has ended a level-triggered interrupt of this vector. */
void ioapic_eoi(Device *dev, uint8_t vector);

#endif
