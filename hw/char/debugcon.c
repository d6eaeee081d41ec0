/* isa-debugcon: a port whose writes go to a byte stream.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/char/debugcon.h"
#include "hw/char/frontend.h"
#include "util/error.h"
#include "vm/state.h"

typedef struct Debugcon {
    Device dev;
    uint32_t iobase, readback;
    Chardev *chardev;
    MemRegion *port;
    CharFront front;
} Debugcon;

static const StateField debugcon_fields[] = { STATE_LAST };   /* it remembers nothing */

static const DeviceProp debugcon_props[] = {
    { "iobase", PROP_TYPE_UINT32, offsetof(Debugcon, iobase), "0xe9", "its port" },
    { "readback", PROP_TYPE_UINT32, offsetof(Debugcon, readback), "0xe9", "what reads give" },
    { "chardev", PROP_TYPE_CHARDEV, offsetof(Debugcon, chardev), NULL, "its byte stream" },
    { NULL }
};

static size_t debugcon_can_receive(void *opaque)
{
    return 0;
}

static void debugcon_receive(void *opaque, const uint8_t *buf, size_t len)
{
}

static void debugcon_event(void *opaque, ChardevEvent event)
{
}

static const ChardevHandlers debugcon_handlers = {
    .can_receive = debugcon_can_receive, .receive = debugcon_receive, .event = debugcon_event,
};

static MemResult debugcon_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                               MemAttrs attrs)
{
    *value = ((Debugcon *)opaque)->readback;
    return MEM_OK;
}

static MemResult debugcon_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                                MemAttrs attrs)
{
    uint8_t byte = (uint8_t)value;

    char_front_write(&((Debugcon *)opaque)->front, &byte, 1);
    return MEM_OK;
}

static const MmioOps debugcon_ops = {
    .read = debugcon_read, .write = debugcon_write, .min_size = 1, .max_size = 1,
};

static bool debugcon_realize(Device *dev, GError **errp)
{
    Debugcon *s = (Debugcon *)dev;
    MemSpace *io = dev->host->io;
    MemSection sec;

    if (!io) {
        return error_set(errp, UNSUPPORTED, "isa-debugcon: this machine has no ports");
    }
    if (s->iobase > mem_space_last(io)) {
        return error_set(errp, INVALID, "isa-debugcon: iobase 0x%x is not a port", s->iobase);
    }
    if (mem_find(io, s->iobase, &sec)) {
        return error_set(errp, BUSY, "isa-debugcon: port 0x%x is in use already", s->iobase);
    }
    if (!char_front_attach(&s->front, dev->host->vm, s->chardev, &debugcon_handlers, s, errp)) {
        return false;
    }
    s->port = mem_region_new_mmio("isa-debugcon", &debugcon_ops, s, 1);
    mem_space_map_all(io, s->iobase, s->port, 0);
    return true;
}

static void debugcon_destroy(Device *dev)
{
    Debugcon *s = (Debugcon *)dev;

    mem_space_unmap(dev->host->io, s->port);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->port);
    char_front_detach(&s->front);
}

const DeviceClass isa_debugcon_class = {
    .name = "isa-debugcon",
    .desc = "port whose writes go to a byte stream",
    .size = sizeof(Debugcon),
    .state = debugcon_fields,
    .props = debugcon_props,
    .user_creatable = true,
    .realize = debugcon_realize,
    .destroy = debugcon_destroy,
};
