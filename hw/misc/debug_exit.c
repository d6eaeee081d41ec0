/* isa-debug-exit: a port whose writes end the machine with an exit status.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/misc/debug_exit.h"

#include "util/bytes.h"
#include "util/error.h"
#include "vm/state.h"
#include "vm/vm.h"

typedef struct DebugExit {
    Device dev;
    uint32_t iobase, iosize;
    MemRegion *ports;
} DebugExit;

static const StateField debug_exit_fields[] = { STATE_LAST };

static const DeviceProp debug_exit_props[] = {
    { "iobase", PROP_TYPE_UINT32, offsetof(DebugExit, iobase), "0x501", "first port" },
    { "iosize", PROP_TYPE_UINT32, offsetof(DebugExit, iosize), "2", "number of ports, 1 to 4" },
    { NULL }
};

static MemResult debug_exit_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                                 MemAttrs attrs)
{
    *value = 0;
    return MEM_OK;
}

static MemResult debug_exit_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                                  MemAttrs attrs)
{
    DebugExit *s = opaque;

    /* A process has eight bits to tell. */
    vm_request_shutdown(s->dev.host->vm, VM_CAUSE_DEBUG_EXIT, (int)((value << 1 | 1) & 0xff));
    return MEM_OK;
}

static const MmioOps debug_exit_ops = {
    .read = debug_exit_read, .write = debug_exit_write, .min_size = 1, .max_size = 4,
};

static bool debug_exit_realize(Device *dev, GError **errp)
{
    DebugExit *s = (DebugExit *)dev;

    if (!dev->host->io) {
        return error_set(errp, UNSUPPORTED, "isa-debug-exit needs a machine with I/O ports");
    }
    if (s->iosize < 1 || s->iosize > 4) {
        return error_set(errp, INVALID, "isa-debug-exit: iosize must be 1 to 4, not %u", s->iosize);
    }
    if (s->iobase > 0x10000 - s->iosize) {
        return error_set(errp, INVALID, "isa-debug-exit: iobase 0x%x is not a port", s->iobase);
    }
    s->ports = mem_region_new_mmio("isa-debug-exit", &debug_exit_ops, s, s->iosize);
    mem_space_map_all(dev->host->io, s->iobase, s->ports, 0);
    return true;
}

static void debug_exit_destroy(Device *dev)
{
    DebugExit *s = (DebugExit *)dev;

    mem_space_unmap(dev->host->io, s->ports);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->ports);
}

const DeviceClass isa_debug_exit_class = {
    .name = "isa-debug-exit",
    .desc = "port that ends the machine with an exit status",
    .size = sizeof(DebugExit),
    .state = debug_exit_fields,
    .props = debug_exit_props,
    .user_creatable = true,
    .realize = debug_exit_realize,
    .destroy = debug_exit_destroy,
};
