/* A machine for tests of devices: a clock that the test moves, and wishes that are only counted.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_FAKE_VM_H
#define GLASSBOX_TESTS_UNIT_FAKE_VM_H

#include "hw/device.h"
#include "vm/clock.h"
#include "vm/state.h"
#include "vm/vm.h"

#define FAKE_LINES 16

/* One at a time. Interrupt lines keep their level and count their rising edges. */
typedef struct FakeVm {
    Vm vm;
    int64_t now, base;
    MemSpace *mem, *io;
    DeviceHost host;
    IrqLine *lines, *isa[FAKE_LINES];
    int level[FAKE_LINES];
    unsigned rises[FAKE_LINES];
    unsigned resets, shutdowns, panics;
    int status;
} FakeVm;

extern FakeVm fake;

void fake_vm_init(void);
void fake_vm_done(void);

/* Let time pass; timers expire on the way, each at its time. */
void fake_vm_advance(int64_t ns);
/* Let time pass at once, as on a host that was busy: timers expire afterwards. */
void fake_vm_stall(int64_t ns);

/* A realized and reset device; our bug if it fails. */
Device *fake_vm_device(const DeviceClass *cls);

uint8_t fake_in(uint16_t port);
void fake_out(uint16_t port, uint8_t v);

/* What `info name` shows of a device. Free it. */
char *fake_vm_view(const Device *dev, const char *name);

/* A reset brings every state field back to what it was after the first one. */
void fake_vm_check_reset(Device *dev, void (*disturb)(Device *dev));

#endif
