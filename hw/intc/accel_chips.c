/* Interrupt controllers that the accelerator has itself, as a device of the machine: lines lead to them,
 * their state is shown, and what devices write where the local APICs lie becomes a message.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/intc/accel_chips.h"

#include "hw/intc/ioapic.h"
#include "vm/state.h"
#include "vm/vm.h"

#define MESSAGES_BASE UINT64_C(0xfee00000)
#define MESSAGES_SIZE 0x100000

typedef struct AccelChips {
    Device dev;
    IrqLine *inputs;
    MemRegion *messages;
    AccelIrqchipState firmware;
} AccelChips;

/* The chips' state is the accelerator's. */
static const StateField accel_chips_fields[] = { STATE_LAST };

static const AccelIrqchipOps *chips_ops(const Device *dev)
{
    return dev->host->vm->accel->irqchip;
}

static void chips_input(void *opaque, unsigned n, int level)
{
    Device *dev = opaque;

    chips_ops(dev)->set_line(dev->host->vm, n, level);
}

/* A CPU that comes out here has its local APIC elsewhere, or none. */
static MemResult messages_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value, MemAttrs attrs)
{
    *value = UINT64_MAX;
    return MEM_UNASSIGNED;
}

static MemResult messages_write(void *opaque, uint64_t offset, unsigned size, uint64_t value, MemAttrs attrs)
{
    Device *dev = opaque;
    Vm *vm = dev->host->vm;

    if (attrs.cpu >= 0 || attrs.debug) {
        return MEM_UNASSIGNED;
    }
    return chips_ops(dev)->message(vm, MESSAGES_BASE + offset, (uint32_t)value) ? MEM_OK : MEM_REFUSED;
}

static const MmioOps messages_ops = {
    .read = messages_read, .write = messages_write, .min_size = 4, .max_size = 4, .lockless = true,
};

static bool accel_chips_realize(Device *dev, GError **errp)
{
    AccelChips *s = (AccelChips *)dev;

    s->inputs = irq_lines_new(chips_input, s, ACCEL_IOAPIC_PINS);
    s->messages = mem_region_new_mmio("messages", &messages_ops, s, MESSAGES_SIZE);
    mem_space_map_all(dev->host->mem, MESSAGES_BASE, s->messages, 0);
    return true;
}

static void accel_chips_reset(Device *dev)
{
    chips_ops(dev)->set(dev->host->vm, &((AccelChips *)dev)->firmware);
}

static void accel_chips_destroy(Device *dev)
{
    AccelChips *s = (AccelChips *)dev;

    mem_space_unmap(dev->host->mem, s->messages);
    mem_space_reclaim(dev->host->mem);
    mem_region_free(s->messages);
    irq_lines_free(s->inputs);
}

IrqLine *accel_chips_inputs(Device *dev)
{
    return ((AccelChips *)dev)->inputs;
}

void accel_chips_set_firmware(Device *dev, const AccelIrqchipState *state)
{
    ((AccelChips *)dev)->firmware = *state;
}

static void pic_print(const AccelPic *c, const char *name, GString *out)
{
    g_string_append_printf(out, "8259 %s: irr %02x imr %02x isr %02x inputs %02x level %02x, "
                           "vectors from 0x%02x, input %u first%s%s%s\n", name, c->irr, c->imr, c->isr,
                           c->inputs, c->level, c->base, c->first, c->auto_eoi ? ", automatic end" : "",
                           c->nested ? ", fully nested" : "", c->special_mask ? ", special mask" : "");
}

static void accel_chips_print(const Device *dev, GString *out)
{
    AccelIrqchipState s;

    chips_ops(dev)->get(dev->host->vm, &s);
    pic_print(&s.pic[0], "master", out);
    pic_print(&s.pic[1], "slave ", out);
    ioapic_print_pins(s.pin, s.ioapic_inputs, out);
}

static const DeviceView accel_chips_views[] = {
    { "pic", "the interrupt controllers", accel_chips_print },
    { NULL }
};

static const DeviceLine accel_chips_lines[] = {
    { "in", DEVICE_LINE_INPUT, offsetof(AccelChips, inputs), ACCEL_IOAPIC_PINS },
    { NULL }
};

const DeviceClass accel_chips_class = {
    .name = "accel-chips",
    .desc = "the accelerator's own interrupt controllers",
    .size = sizeof(AccelChips),
    .state = accel_chips_fields,
    .realize = accel_chips_realize,
    .reset = accel_chips_reset,
    .destroy = accel_chips_destroy,
    .views = accel_chips_views,
    .lines = accel_chips_lines,
};
