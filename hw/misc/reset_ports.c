/* The chipset's small ports: system control A (92h), reset control (CF9h), POST code (80h).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/misc/reset_ports.h"

#include "util/log.h"
#include "vm/state.h"
#include "vm/vm.h"

/* Intel 82371AB and ICH data sheets. There is no A20 gate, as on PCs since 2013: address line 20 is
 * always passed on, and the bit that would gate it reads as 1. A 'fast reset' of the CPU alone
 * would need firmware to go on with, so it resets the machine. */

#define CONTROL_A_RESET 0x01
#define CONTROL_A_A20 0x02
#define RESET_HARD 0x02
#define RESET_NOW 0x04
#define RESET_FULL 0x08

/* CF9h lies among the ports of PCI's configuration address, which is written as four bytes at CF8h:
 * such an access is not one of the reset control, whatever its second byte holds. */
#define RESET_GROUP_PORT 0xcf8
#define RESET_GROUP_SIZE 4
#define RESET_OFFSET (RESET_CONTROL_PORT - RESET_GROUP_PORT)

typedef struct ResetPorts {
    Device dev;
    uint8_t control_a, reset, post;
    MemRegion *control_a_port, *reset_port, *post_port;
} ResetPorts;

static const StateField reset_ports_fields[] = {
    STATE_X(ResetPorts, control_a),
    STATE_X(ResetPorts, reset),
    STATE_X(ResetPorts, post),
    STATE_LAST
};

static MemResult control_a_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                                MemAttrs attrs)
{
    *value = ((ResetPorts *)opaque)->control_a;
    return MEM_OK;
}

static MemResult control_a_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                                 MemAttrs attrs)
{
    ResetPorts *s = opaque;
    bool rising = (value & CONTROL_A_RESET) && !(s->control_a & CONTROL_A_RESET);

    if (!(value & CONTROL_A_A20)) {
        log_guest("port 92h: address line 20 cannot be turned off");
    }
    s->control_a = (uint8_t)value | CONTROL_A_A20;
    if (rising) {
        vm_request_reset(s->dev.host->vm, VM_CAUSE_GUEST_RESET);
    }
    return MEM_OK;
}

static MemResult reset_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                            MemAttrs attrs)
{
    *value = offset == RESET_OFFSET && size == 1 ? ((ResetPorts *)opaque)->reset : UINT64_MAX;
    return MEM_OK;
}

static MemResult reset_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                             MemAttrs attrs)
{
    ResetPorts *s = opaque;
    bool rising = (value & RESET_NOW) && !(s->reset & RESET_NOW);

    if (offset != RESET_OFFSET || size != 1) {
        return MEM_OK;
    }
    s->reset = value & (RESET_HARD | RESET_NOW | RESET_FULL);
    if (rising) {
        vm_request_reset(s->dev.host->vm, VM_CAUSE_GUEST_RESET);
    }
    return MEM_OK;
}

static MemResult post_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                           MemAttrs attrs)
{
    *value = ((ResetPorts *)opaque)->post;
    return MEM_OK;
}

static MemResult post_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                            MemAttrs attrs)
{
    ((ResetPorts *)opaque)->post = (uint8_t)value;
    return MEM_OK;
}

static const MmioOps control_a_ops = {
    .read = control_a_read, .write = control_a_write, .min_size = 1, .max_size = 1,
};
static const MmioOps reset_ops = {
    .read = reset_read, .write = reset_write, .min_size = 1, .max_size = RESET_GROUP_SIZE,
};
static const MmioOps post_ops = {
    .read = post_read, .write = post_write, .min_size = 1, .max_size = 1,
};

static bool reset_ports_realize(Device *dev, GError **errp)
{
    ResetPorts *s = (ResetPorts *)dev;

    s->control_a_port = mem_region_new_mmio("port 92h", &control_a_ops, s, 1);
    s->reset_port = mem_region_new_mmio("reset control", &reset_ops, s, RESET_GROUP_SIZE);
    s->post_port = mem_region_new_mmio("POST code", &post_ops, s, 1);
    mem_space_map_all(dev->host->io, 0x92, s->control_a_port, 0);
    mem_space_map_all(dev->host->io, RESET_GROUP_PORT, s->reset_port, 0);
    mem_space_map_all(dev->host->io, 0x80, s->post_port, 0);
    return true;
}

static void reset_ports_reset(Device *dev)
{
    ResetPorts *s = (ResetPorts *)dev;

    s->control_a = CONTROL_A_A20;
    s->reset = 0;
    s->post = 0;
}

static void reset_ports_destroy(Device *dev)
{
    ResetPorts *s = (ResetPorts *)dev;
    MemRegion *all[] = { s->control_a_port, s->reset_port, s->post_port };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        mem_space_unmap(dev->host->io, all[i]);
        mem_space_reclaim(dev->host->io);
        mem_region_free(all[i]);
    }
}

const DeviceClass reset_ports_class = {
    .name = "pc-reset-ports",
    .desc = "ports 80h, 92h and CF9h of a PC's chipset",
    .size = sizeof(ResetPorts),
    .state = reset_ports_fields,
    .realize = reset_ports_realize,
    .reset = reset_ports_reset,
    .destroy = reset_ports_destroy,
};
