/* pvpanic: a port by which a guest tells that it has crashed.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/misc/pvpanic.h"

#include "util/error.h"
#include "util/log.h"
#include "vm/state.h"
#include "vm/vm.h"

/* A read tells which events are understood, a write says that they have come. */
#define EVENT_PANICKED 0x01
#define EVENT_CRASH_LOADED 0x02    /* the guest's own crash kernel takes over: no stop */

typedef struct Pvpanic {
    Device dev;
    uint16_t ioport;
    MemRegion *port;
} Pvpanic;

static const StateField pvpanic_fields[] = { STATE_LAST };

static const DeviceProp pvpanic_props[] = {
    { "ioport", PROP_TYPE_UINT16, offsetof(Pvpanic, ioport), "0x505", "the port" },
    { NULL }
};

static MemResult pvpanic_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                              MemAttrs attrs)
{
    *value = EVENT_PANICKED | EVENT_CRASH_LOADED;
    return MEM_OK;
}

static MemResult pvpanic_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                               MemAttrs attrs)
{
    Pvpanic *s = opaque;

    if (value & EVENT_PANICKED) {
        vm_request_panic(s->dev.host->vm);
    } else if (!(value & EVENT_CRASH_LOADED)) {
        log_guest("pvpanic: event 0x%02x is unknown", (unsigned)value);
    }
    return MEM_OK;
}

static const MmioOps pvpanic_ops = {
    .read = pvpanic_read, .write = pvpanic_write, .min_size = 1, .max_size = 1,
};

static bool pvpanic_realize(Device *dev, GError **errp)
{
    Pvpanic *s = (Pvpanic *)dev;

    if (!dev->host->io) {
        return error_set(errp, UNSUPPORTED, "pvpanic needs a machine with I/O ports");
    }
    s->port = mem_region_new_mmio("pvpanic", &pvpanic_ops, s, 1);
    mem_space_map_all(dev->host->io, s->ioport, s->port, 0);
    return true;
}

static void pvpanic_destroy(Device *dev)
{
    Pvpanic *s = (Pvpanic *)dev;

    mem_space_unmap(dev->host->io, s->port);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->port);
}

const DeviceClass pvpanic_class = {
    .name = "pvpanic",
    .desc = "port by which a guest tells that it has crashed",
    .size = sizeof(Pvpanic),
    .state = pvpanic_fields,
    .props = pvpanic_props,
    .realize = pvpanic_realize,
    .destroy = pvpanic_destroy,
};
