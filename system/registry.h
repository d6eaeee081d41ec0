/* What there is: machines, accelerators, devices, trace groups.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYSTEM_REGISTRY_H
#define GLASSBOX_SYSTEM_REGISTRY_H

#include "accel/accel.h"
#include "hw/device.h"
#include "hw/machine.h"
#include "util/trace.h"

/* NULL-ended arrays; the first machine and the first accelerator are the defaults. */
extern const MachineClass *const registry_machines[];
extern const AccelOps *const registry_accels[];
extern const DeviceClass *const registry_devices[];
extern const TraceGroup *const registry_traces[];

/* The row of a name, or NULL. */
const MachineClass *registry_machine(const char *name);
const AccelOps *registry_accel(const char *name);
const DeviceClass *registry_device(const char *name);

#endif
