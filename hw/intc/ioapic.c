/* The I/O APIC: 24 inputs, each with a redirection entry that makes a message for the CPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/intc/ioapic.h"

#include <inttypes.h>

#include "util/bytes.h"
#include "util/log.h"
#include "vm/state.h"

/* Intel 82093AA data sheet (order 290566), and of version 20h, as in the ICH family, the EOI
 * register. Lines carry 'asserted or not', so the polarity bit is only kept. */

#define REG_SELECT 0x00
#define REG_WINDOW 0x10
#define REG_EOI 0x40

#define INDEX_ID 0x00
#define INDEX_VERSION 0x01
#define INDEX_ARBITRATION 0x02
#define INDEX_ENTRIES 0x10

#define VERSION 0x20

/* A redirection entry. */
#define ENTRY_VECTOR UINT64_C(0xff)
#define ENTRY_MODE_SHIFT 8
#define ENTRY_LOGICAL (UINT64_C(1) << 11)
#define ENTRY_STATUS (UINT64_C(1) << 12)
#define ENTRY_REMOTE_IRR (UINT64_C(1) << 14)
#define ENTRY_LEVEL (UINT64_C(1) << 15)
#define ENTRY_MASKED (UINT64_C(1) << 16)
#define ENTRY_DEST_SHIFT 56
#define ENTRY_READ_ONLY (ENTRY_STATUS | ENTRY_REMOTE_IRR)
#define ENTRY_WRITABLE ((UINT64_C(0x1ffff) & ~ENTRY_READ_ONLY) | UINT64_C(0xff) << ENTRY_DEST_SHIFT)

typedef struct Ioapic {
    Device dev;
    uint64_t entry[IOAPIC_PINS];
    uint32_t level;          /* inputs as they are now */
    uint8_t select, id;
    IrqLine *inputs;
    const IntcCpuOps *cpu;
    MemRegion *region;
    uint64_t sent[IOAPIC_PINS];  /* messages that a CPU took, for people: no state of the guest's */
} Ioapic;

static const StateField ioapic_fields[] = {
    STATE_XA(Ioapic, entry),
    { .name = "level", .type = STATE_UINT, .flags = STATE_F_HEX | STATE_F_NO_RESET,
      .off = offsetof(Ioapic, level), .size = sizeof(uint32_t), .count = 1 },
    STATE_X(Ioapic, select),
    STATE_U(Ioapic, id),
    STATE_LAST
};

static bool mode_has_level(IntcMode mode)
{
    return mode == INTC_MODE_FIXED || mode == INTC_MODE_LOWEST;
}

/* Send the message of a pin's entry, if the entry lets it. */
static void ioapic_send(Ioapic *s, unsigned n)
{
    uint64_t e = s->entry[n];
    IntcMessage msg = {
        .dest = (uint32_t)(e >> ENTRY_DEST_SHIFT),
        .logical = e & ENTRY_LOGICAL,
        .mode = (IntcMode)bits_get(e, ENTRY_MODE_SHIFT, 3),
        .vector = (uint8_t)(e & ENTRY_VECTOR),
        .trigger = e & ENTRY_LEVEL ? INTC_TRIGGER_LEVEL : INTC_TRIGGER_EDGE,
        .level = true,
    };

    if (!mode_has_level(msg.mode)) {
        msg.trigger = INTC_TRIGGER_EDGE;
    }
    if (msg.mode == INTC_MODE_STARTUP || (unsigned)msg.mode == 3) {
        log_guest("ioapic: pin %u has the reserved delivery mode %u", n, (unsigned)msg.mode);
        return;
    }
    if (msg.trigger == INTC_TRIGGER_LEVEL) {
        /* Set first: the CPU may end the interrupt before deliver() returns. */
        s->entry[n] |= ENTRY_REMOTE_IRR;
    }
    if (s->cpu && s->cpu->deliver(s->dev.host->vm, &msg)) {
        s->sent[n]++;
    } else {
        s->entry[n] &= ~ENTRY_REMOTE_IRR;
    }
}

/* A level-triggered pin that is asserted and not yet being served asks again. */
static void ioapic_check_level(Ioapic *s, unsigned n)
{
    uint64_t e = s->entry[n];

    if ((e & ENTRY_LEVEL) && !(e & (ENTRY_MASKED | ENTRY_REMOTE_IRR)) && (s->level & (1u << n))) {
        ioapic_send(s, n);
    }
}

static void ioapic_input(void *opaque, unsigned n, int level)
{
    Ioapic *s = opaque;
    uint32_t bit = 1u << n;
    bool rising = level && !(s->level & bit);

    s->level = level ? s->level | bit : s->level & ~bit;
    if (s->entry[n] & ENTRY_LEVEL) {
        ioapic_check_level(s, n);
    } else if (rising && !(s->entry[n] & ENTRY_MASKED)) {
        ioapic_send(s, n);    /* an edge on a masked pin is lost, as the data sheet has it */
    }
}

void ioapic_eoi(Device *dev, uint8_t vector)
{
    Ioapic *s = (Ioapic *)dev;

    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        if ((s->entry[n] & ENTRY_REMOTE_IRR) && (s->entry[n] & ENTRY_VECTOR) == vector) {
            s->entry[n] &= ~ENTRY_REMOTE_IRR;
            ioapic_check_level(s, n);
        }
    }
}

static uint32_t ioapic_read_index(const Ioapic *s)
{
    unsigned n = (s->select - INDEX_ENTRIES) / 2u;

    switch (s->select) {
    case INDEX_ID:
    case INDEX_ARBITRATION:
        return (uint32_t)s->id << 24;
    case INDEX_VERSION:
        return VERSION | (IOAPIC_PINS - 1) << 16;
    default:
        if (s->select < INDEX_ENTRIES || n >= IOAPIC_PINS) {
            return 0;
        }
        return (uint32_t)(s->entry[n] >> (s->select & 1 ? 32 : 0));
    }
}

static void ioapic_write_entry(Ioapic *s, unsigned n, bool high, uint32_t v)
{
    uint64_t e = bits_put(s->entry[n], high ? 32 : 0, 32, v);

    e = (e & ENTRY_WRITABLE) | (s->entry[n] & ENTRY_READ_ONLY);
    if (!(e & ENTRY_LEVEL)) {
        e &= ~ENTRY_REMOTE_IRR;    /* undefined for edges; kernels use this to end an interrupt */
    }
    s->entry[n] = e;
    ioapic_check_level(s, n);
}

static void ioapic_write_index(Ioapic *s, uint32_t v)
{
    unsigned n = (s->select - INDEX_ENTRIES) / 2u;

    if (s->select == INDEX_ID) {
        s->id = (v >> 24) & 0x0f;
    } else if (s->select >= INDEX_ENTRIES && n < IOAPIC_PINS) {
        ioapic_write_entry(s, n, s->select & 1, v);
    }
}

static MemResult ioapic_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                             MemAttrs attrs)
{
    Ioapic *s = opaque;

    *value = offset == REG_SELECT ? s->select : offset == REG_WINDOW ? ioapic_read_index(s) : 0;
    return MEM_OK;
}

static MemResult ioapic_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                              MemAttrs attrs)
{
    Ioapic *s = opaque;

    switch (offset) {
    case REG_SELECT:
        s->select = (uint8_t)value;    /* one byte is enough for this one */
        break;
    case REG_WINDOW:
        if (size != 4) {
            log_guest("ioapic: a write of %u bytes to the window is ignored", size);
            return MEM_REFUSED;
        }
        ioapic_write_index(s, (uint32_t)value);
        break;
    case REG_EOI:
        ioapic_eoi(&s->dev, (uint8_t)value);
        break;
    default:
        break;
    }
    return MEM_OK;
}

static const MmioOps ioapic_ops = {
    .read = ioapic_read, .write = ioapic_write, .min_size = 1, .max_size = 4,
};

IrqLine *ioapic_inputs(Device *dev)
{
    return ((Ioapic *)dev)->inputs;
}

void ioapic_set_cpu_ops(Device *dev, const IntcCpuOps *ops)
{
    ((Ioapic *)dev)->cpu = ops;
}

static bool ioapic_realize(Device *dev, GError **errp)
{
    Ioapic *s = (Ioapic *)dev;

    s->inputs = irq_lines_new(ioapic_input, s, IOAPIC_PINS);
    s->region = mem_region_new_mmio("ioapic", &ioapic_ops, s, 0x1000);
    mem_space_map_all(dev->host->mem, IOAPIC_BASE, s->region, 0);
    return true;
}

static void ioapic_reset(Device *dev)
{
    Ioapic *s = (Ioapic *)dev;

    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        s->entry[n] = ENTRY_MASKED;
    }
    s->select = 0;
    s->id = 0;
}

static void ioapic_destroy(Device *dev)
{
    Ioapic *s = (Ioapic *)dev;

    mem_space_unmap(dev->host->mem, s->region);
    mem_space_reclaim(dev->host->mem);
    mem_region_free(s->region);
    irq_lines_free(s->inputs);
}

void ioapic_print_pins(const uint64_t *entry, uint32_t level, GString *out)
{
    static const char *const mode[8] = {
        "fixed", "lowest", "SMI", "reserved", "NMI", "INIT", "startup", "ExtINT",
    };

    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        uint64_t e = entry[n];

        g_string_append_printf(out, "pin %2u: vector 0x%02x %-8s %s %s to %s 0x%02x%s%s\n", n,
                               (unsigned)(e & ENTRY_VECTOR),
                               mode[bits_get(e, ENTRY_MODE_SHIFT, 3)],
                               e & ENTRY_LEVEL ? "level" : "edge ",
                               e & ENTRY_MASKED ? "masked" : "open  ",
                               e & ENTRY_LOGICAL ? "logical" : "APIC",
                               (unsigned)(e >> ENTRY_DEST_SHIFT),
                               e & ENTRY_REMOTE_IRR ? " being served" : "",
                               level & (1u << n) ? " asserted" : "");
    }
}

static void ioapic_print(const Device *dev, GString *out)
{
    const Ioapic *s = (const Ioapic *)dev;

    ioapic_print_pins(s->entry, s->level, out);
}

static void ioapic_print_counts(const Device *dev, GString *out)
{
    const Ioapic *s = (const Ioapic *)dev;

    for (unsigned n = 0; n < IOAPIC_PINS; n++) {
        if (s->sent[n]) {
            g_string_append_printf(out, "ioapic pin %2u: %" PRIu64 "\n", n, s->sent[n]);
        }
    }
}

static const DeviceView ioapic_views[] = {
    { "pic", "the interrupt controllers", ioapic_print },
    { "irq", "how many interrupts each line has brought", ioapic_print_counts },
    { NULL }
};

static const DeviceLine ioapic_lines[] = {
    { "in", DEVICE_LINE_INPUT, offsetof(Ioapic, inputs), IOAPIC_PINS },
    { NULL }
};

const DeviceClass ioapic_class = {
    .name = "ioapic",
    .desc = "I/O APIC with 24 inputs",
    .size = sizeof(Ioapic),
    .state = ioapic_fields,
    .realize = ioapic_realize,
    .reset = ioapic_reset,
    .destroy = ioapic_destroy,
    .views = ioapic_views,
    .lines = ioapic_lines,
};
