/* What there is. To add a machine, accelerator or device, add its row here.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/registry.h"
#include "accel/kvm/kvm.h"
#include "accel/qtest/qtest.h"
#include "accel/tcg/tcg.h"
#include "chardev/trace.h"
#include "gdbstub/trace.h"
#include "hw/char/debugcon.h"
#include "hw/char/isa_serial.h"
#include "hw/i386/pc.h"
#include "hw/misc/debug_exit.h"

const MachineClass *const registry_machines[] = {
    &pc_machine_class,
    NULL
};

const AccelOps *const registry_accels[] = {
    &tcg_accel_ops,
    &kvm_accel_ops,
    &qtest_accel_ops,
    NULL
};

/* Those that -device can make. */
const DeviceClass *const registry_devices[] = {
    &isa_debug_exit_class,
    &isa_debugcon_class,
    &isa_serial_class,
    NULL
};

extern const TraceGroup trace_group_gdb;

const TraceGroup *const registry_traces[] = {
    &trace_group_chardev,
    &trace_group_gdb,
    NULL
};

const MachineClass *registry_machine(const char *name)
{
    for (const MachineClass *const *m = registry_machines; *m; m++) {
        if (g_str_equal((*m)->name, name) ||
            ((*m)->alias && g_str_equal((*m)->alias, name))) {
            return *m;
        }
    }
    return NULL;
}

const AccelOps *registry_accel(const char *name)
{
    for (const AccelOps *const *a = registry_accels; *a; a++) {
        if (g_str_equal((*a)->name, name)) {
            return *a;
        }
    }
    return NULL;
}

const DeviceClass *registry_device(const char *name)
{
    for (const DeviceClass *const *d = registry_devices; *d; d++) {
        if (g_str_equal((*d)->name, name)) {
            return *d;
        }
    }
    return NULL;
}
