/* The pair of 8259 interrupt controllers of a PC, with the edge/level registers at ports 4D0h/4D1h.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_INTC_I8259_H
#define GLASSBOX_HW_INTC_I8259_H

#include "hw/device.h"

/* All functions: with the VM lock held, or before the machine runs. */

extern const DeviceClass i8259_class;

/* The 16 inputs of the pair; number 2 is the cascade and leads nowhere. They live as dev does. */
IrqLine *i8259_inputs(Device *dev);

/* Where the master's INT output goes; NULL: nowhere. The line must outlive the device. */
void i8259_set_output(Device *dev, IrqLine *out);

/* The interrupt acknowledge cycle: what a CPU reads as vector. A request that went away gives the
 * vector of input 7 of the chip that was asked, without marking it in service. */
uint8_t i8259_acknowledge(Device *dev);

#endif
