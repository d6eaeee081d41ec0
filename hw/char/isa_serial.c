/* isa-serial: a 16550A on the ISA bus.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/char/isa_serial.h"
#include "hw/char/uart16550.h"
#include "util/error.h"

#define UNSET UINT32_MAX

typedef struct IsaSerial {
    Device dev;
    uint32_t index, iobase, irq;
    Chardev *chardev;
    MemRegion *ports;
    Uart16550 uart;
} IsaSerial;

static const struct {
    uint16_t iobase;
    uint8_t irq;
} com_ports[] = { { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 } };

static const StateField isa_serial_fields[] = {
    STATE_SUB(IsaSerial, uart, uart16550_fields), STATE_LAST
};

static const DeviceProp isa_serial_props[] = {
    { "chardev", PROP_TYPE_CHARDEV, offsetof(IsaSerial, chardev), NULL, "its byte stream" },
    { "index", PROP_TYPE_UINT32, offsetof(IsaSerial, index), "0xffffffff", "COM port, from 0" },
    { "iobase", PROP_TYPE_UINT32, offsetof(IsaSerial, iobase), "0xffffffff", "first of 8 ports" },
    { "irq", PROP_TYPE_UINT32, offsetof(IsaSerial, irq), "0xffffffff", "ISA interrupt, 0 to 15" },
    { NULL }
};

static MemResult isa_serial_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                                 MemAttrs attrs)
{
    *value = uart16550_read(&((IsaSerial *)opaque)->uart, (unsigned)offset);
    return MEM_OK;
}

static MemResult isa_serial_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                                  MemAttrs attrs)
{
    uart16550_write(&((IsaSerial *)opaque)->uart, (unsigned)offset, (uint8_t)value);
    return MEM_OK;
}

static const MmioOps isa_serial_ops = {
    .read = isa_serial_read, .write = isa_serial_write, .min_size = 1, .max_size = 1,
};

static bool ports_free(MemSpace *io, uint64_t base)
{
    MemSection sec;

    return !mem_find(io, base, &sec) && sec.avail >= UART_PORTS;
}

/* Fills in what the user did not say. */
static bool isa_serial_place(IsaSerial *s, GError **errp)
{
    MemSpace *io = s->dev.host->io;

    for (uint32_t i = 0; s->index == UNSET && s->iobase == UNSET; i++) {
        if (i == G_N_ELEMENTS(com_ports)) {
            return error_set(errp, INVALID, "isa-serial: COM1 to COM4 are all there already");
        }
        if (ports_free(io, com_ports[i].iobase)) {
            s->index = i;
        }
    }
    if (s->index != UNSET && s->index >= G_N_ELEMENTS(com_ports)) {
        return error_set(errp, INVALID, "isa-serial: index must be 0 to 3, not %u", s->index);
    }
    if (s->index != UNSET && s->iobase == UNSET) {
        s->iobase = com_ports[s->index].iobase;
    }
    if (s->irq == UNSET) {
        s->irq = com_ports[s->index == UNSET ? 0 : s->index].irq;
    }
    if (s->irq > 15) {
        return error_set(errp, INVALID, "isa-serial: irq must be 0 to 15, not %u", s->irq);
    }
    if (s->iobase > mem_space_last(io) + 1 - UART_PORTS) {
        return error_set(errp, INVALID, "isa-serial: iobase 0x%x is not a port", s->iobase);
    }
    if (!ports_free(io, s->iobase)) {
        return error_set(errp, BUSY, "isa-serial: ports 0x%x to 0x%x are in use already", s->iobase,
                         s->iobase + UART_PORTS - 1);
    }
    return true;
}

static bool isa_serial_realize(Device *dev, GError **errp)
{
    IsaSerial *s = (IsaSerial *)dev;
    const DeviceHost *host = dev->host;

    if (!host->io || !host->isa_irq) {
        return error_set(errp, UNSUPPORTED, "isa-serial: this machine has no ISA bus");
    }
    if (!isa_serial_place(s, errp) ||
        !uart16550_init(&s->uart, host->vm, host->isa_irq[s->irq], s->chardev, errp)) {
        return false;
    }
    s->ports = mem_region_new_mmio("isa-serial", &isa_serial_ops, s, UART_PORTS);
    mem_space_map_all(host->io, s->iobase, s->ports, 0);
    return true;
}

static void isa_serial_destroy(Device *dev)
{
    IsaSerial *s = (IsaSerial *)dev;

    mem_space_unmap(dev->host->io, s->ports);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->ports);
    uart16550_fini(&s->uart);
}

static void isa_serial_reset(Device *dev)
{
    uart16550_reset(&((IsaSerial *)dev)->uart);
}

static void isa_serial_pause(Device *dev)
{
    uart16550_pause(&((IsaSerial *)dev)->uart);
}

static void isa_serial_resume(Device *dev)
{
    uart16550_resume(&((IsaSerial *)dev)->uart);
}

static void isa_serial_loaded(Device *dev)
{
    uart16550_loaded(&((IsaSerial *)dev)->uart);
}

static void isa_serial_print(const Device *dev, GString *out)
{
    const IsaSerial *s = (const IsaSerial *)dev;

    g_string_append_printf(out, "16550A at ports 0x%x to 0x%x, irq %u, %s\n", s->iobase,
                           s->iobase + UART_PORTS - 1, s->irq,
                           s->chardev ? chardev_label(s->chardev) : "not connected");
}

static const DeviceView isa_serial_views[] = {
    { "serial", "the serial ports", isa_serial_print },
    { NULL }
};

static const DeviceLine isa_serial_lines[] = {
    { "irq", DEVICE_LINE_OUTPUT, offsetof(IsaSerial, uart.irq), 1 },
    { NULL }
};

const DeviceClass isa_serial_class = {
    .name = "isa-serial",
    .desc = "serial port (16550A)",
    .size = sizeof(IsaSerial),
    .state = isa_serial_fields,
    .props = isa_serial_props,
    .user_creatable = true,
    .realize = isa_serial_realize,
    .reset = isa_serial_reset,
    .pause = isa_serial_pause,
    .resume = isa_serial_resume,
    .loaded = isa_serial_loaded,
    .destroy = isa_serial_destroy,
    .views = isa_serial_views,
    .lines = isa_serial_lines,
};
