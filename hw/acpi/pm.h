/* ACPI fixed hardware: power-management event and control blocks and the PM timer.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_ACPI_PM_H
#define GLASSBOX_HW_ACPI_PM_H

#include "hw/device.h"

/* Ports from the property iobase (0x600) on: events (4 bytes), control (2), timer (4). */
#define ACPI_PM_EVENT 0
#define ACPI_PM_CONTROL 4
#define ACPI_PM_TIMER 8
#define ACPI_PM_SIZE 12

/* The SLP_TYP value of S5 (soft off), for the \_S5 object. */
#define ACPI_PM_SLEEP_S5 5

/* All functions: with the VM lock held, or before the machine runs. */

extern const DeviceClass acpi_pm_class;

/* The system control interrupt: level-triggered, active high. */
void acpi_pm_set_sci(Device *dev, IrqLine *sci);

/* The real-time clock's interrupt: its rise is an event. Lives as long as dev. */
IrqLine *acpi_pm_rtc_input(Device *dev);

/* Somebody presses the power button. */
void acpi_pm_press_power_button(Device *dev);

#endif
