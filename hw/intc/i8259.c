/* The pair of 8259 interrupt controllers of a PC, with the edge/level registers at ports 4D0h/4D1h.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/intc/i8259.h"

#include <inttypes.h>

#include "util/log.h"
#include "vm/state.h"

/* Intel 8259A data sheet (order 231468); edge/level registers as in the 82371AB (PIIX4), which also
 * ignores the LTIM bit of ICW1. */

#define CASCADE 2

/* ICW1, at port 0 with bit 4 set. */
#define ICW1_INIT 0x10
#define ICW1_SINGLE 0x02
#define ICW1_NEED4 0x01
/* ICW4 */
#define ICW4_SFNM 0x10
#define ICW4_AEOI 0x02
#define ICW4_8086 0x01
/* OCW2: three bits of command and a level. OCW3 has bit 3 set. */
#define OCW3_SELECT 0x08
#define OCW3_ESMM 0x40
#define OCW3_SMM 0x20
#define OCW3_POLL 0x04
#define OCW3_RR 0x02
#define OCW3_RIS 0x01

/* What the next write to port 1 is. */
typedef enum IcwStep {
    ICW_STEP_OFF,        /* never initialised: asks for nothing */
    ICW_STEP_2,
    ICW_STEP_3,
    ICW_STEP_4,
    ICW_STEP_DONE,       /* OCW1 */
} IcwStep;

typedef struct Chip {
    uint8_t level;       /* inputs as they are now */
    uint8_t irr, isr, imr;
    uint8_t elcr;        /* 1: level-triggered */
    uint8_t base;        /* ICW2: vector of input 0 */
    uint8_t icw1, icw3;
    uint8_t icw4;
    uint8_t step;        /* IcwStep */
    uint8_t top;         /* input of highest priority */
    bool special_mask, poll, read_isr, rotate_aeoi;
} Chip;

enum { MASTER, SLAVE };

typedef struct I8259 {
    Device dev;
    Chip chip[2];
    uint8_t output;      /* INT of the master */
    IrqLine *inputs, *out;
    MemRegion *port[2], *elcr;
    uint64_t taken[16];  /* interrupts acknowledged, for people: no state of the guest's */
} I8259;

static const StateField chip_fields[] = {
    /* The inputs belong to the devices behind them, which drive them anew when they are reset. */
    { .name = "level", .type = STATE_UINT, .flags = STATE_F_HEX | STATE_F_NO_RESET,
      .off = offsetof(Chip, level), .size = 1, .count = 1 },
    STATE_X(Chip, irr),
    STATE_X(Chip, isr),
    STATE_X(Chip, imr),
    STATE_X(Chip, elcr),
    STATE_X(Chip, base),
    STATE_X(Chip, icw1),
    STATE_X(Chip, icw3),
    STATE_X(Chip, icw4),
    STATE_U(Chip, step),
    STATE_U(Chip, top),
    STATE_B(Chip, special_mask),
    STATE_B(Chip, poll),
    STATE_B(Chip, read_isr),
    STATE_B(Chip, rotate_aeoi),
    STATE_LAST
};

static const StateField i8259_fields[] = {
    STATE_SUBA(I8259, chip, chip_fields),
    STATE_U(I8259, output),
    STATE_LAST
};

/* ---- one chip --------------------------------------------------------------------------- */

static bool chip_is_single(const Chip *c)
{
    return c->icw1 & ICW1_SINGLE;
}

/* How far an input is from the highest priority, 0 to 7; of several bits the best; 8 for none. */
static unsigned chip_rank(const Chip *c, uint8_t bits)
{
    for (unsigned rank = 0; rank < 8; rank++) {
        if (bits & (1u << ((c->top + rank) & 7))) {
            return rank;
        }
    }
    return 8;
}

/* The input to be served next, or -1. */
static int chip_pending(const Chip *c, bool is_master)
{
    uint8_t service = c->isr;
    unsigned want;

    if (c->step != ICW_STEP_DONE) {
        return -1;
    }
    if (c->special_mask) {
        service &= (uint8_t)~c->imr;
    }
    if (is_master && (c->icw4 & ICW4_SFNM) && !chip_is_single(c)) {
        service &= (uint8_t)~(1u << CASCADE);    /* the slave nests by itself */
    }
    want = chip_rank(c, c->irr & (uint8_t)~c->imr);
    return want < chip_rank(c, service) ? (int)((c->top + want) & 7) : -1;
}

/* An input changes. Edge mode: the request stands from the rising edge until the acknowledge, but
 * falls away with the input, as the data sheet's default IR7 tells. */
static void chip_set_input(Chip *c, unsigned n, bool level)
{
    uint8_t bit = (uint8_t)(1u << n);
    bool rising = level && !(c->level & bit);

    c->level = level ? c->level | bit : c->level & (uint8_t)~bit;
    if (!level) {
        c->irr &= (uint8_t)~bit;
    } else if (rising || (c->elcr & bit)) {
        c->irr |= bit;
    }
}

static void chip_end(Chip *c, unsigned n, bool rotate)
{
    c->isr &= (uint8_t)~(1u << n);
    if (rotate) {
        c->top = (n + 1) & 7;
    }
}

/* The interrupt of input n is taken. */
static void chip_take(Chip *c, unsigned n)
{
    uint8_t bit = (uint8_t)(1u << n);

    c->isr |= bit;
    if (!(c->elcr & bit)) {
        c->irr &= (uint8_t)~bit;
    }
    if (c->icw4 & ICW4_AEOI) {
        chip_end(c, n, c->rotate_aeoi);
    }
}

static void chip_write_icw1(Chip *c, uint8_t v)
{
    c->icw1 = v;
    c->step = ICW_STEP_2;
    c->imr = 0;
    c->isr = 0;
    c->irr = c->level & c->elcr;    /* edges seen before are forgotten */
    c->top = 0;
    c->special_mask = c->read_isr = c->poll = c->rotate_aeoi = false;
    if (!(v & ICW1_NEED4)) {
        c->icw4 = 0;
    }
    if (chip_is_single(c)) {
        c->icw3 = 0;
    }
}

/* End of interrupt without a level: the one of highest priority in service; in special mask mode
 * masked ones don't count. -1: none. */
static int chip_in_service(const Chip *c)
{
    uint8_t service = c->special_mask ? c->isr & (uint8_t)~c->imr : c->isr;
    unsigned rank = chip_rank(c, service);

    return rank < 8 ? (int)((c->top + rank) & 7) : -1;
}

static void chip_write_ocw2(Chip *c, uint8_t v)
{
    enum { ROTATE = 4, SPECIFIC = 2, EOI = 1 };
    unsigned cmd = v >> 5, level = v & 7;

    if (cmd & EOI) {
        int n = cmd & SPECIFIC ? (int)level : chip_in_service(c);

        if (n >= 0) {
            chip_end(c, (unsigned)n, cmd & ROTATE);
        }
    } else if (!(cmd & SPECIFIC)) {
        c->rotate_aeoi = cmd & ROTATE;
    } else if (cmd & ROTATE) {
        c->top = (level + 1) & 7;    /* set priority: the level becomes the lowest */
    }
}

static void chip_write_ocw3(Chip *c, uint8_t v)
{
    if (v & OCW3_ESMM) {
        c->special_mask = v & OCW3_SMM;
    }
    if (v & OCW3_POLL) {
        c->poll = true;
    } else if (v & OCW3_RR) {
        c->read_isr = v & OCW3_RIS;
    }
}

static void chip_write_port1(Chip *c, uint8_t v)
{
    switch (c->step) {
    case ICW_STEP_2:
        c->base = v & 0xf8;
        c->step = !chip_is_single(c) ? ICW_STEP_3 :
                  c->icw1 & ICW1_NEED4 ? ICW_STEP_4 : ICW_STEP_DONE;
        break;
    case ICW_STEP_3:
        c->icw3 = v;
        c->step = c->icw1 & ICW1_NEED4 ? ICW_STEP_4 : ICW_STEP_DONE;
        break;
    case ICW_STEP_4:
        c->icw4 = v & 0x1f;
        c->step = ICW_STEP_DONE;
        if (!(v & ICW4_8086)) {
            log_guest("8259: the 8080 mode gives no vectors that this CPU understands");
        }
        break;
    default:
        c->imr = v;
        break;
    }
}

/* ---- the pair --------------------------------------------------------------------------- */

/* Recompute the slave's line into the master and the master's into the CPU. */
static void pair_update(I8259 *s)
{
    bool want = chip_pending(&s->chip[SLAVE], false) >= 0;

    if (want != !!(s->chip[MASTER].level & (1u << CASCADE))) {
        chip_set_input(&s->chip[MASTER], CASCADE, want);
    }
    want = chip_pending(&s->chip[MASTER], true) >= 0;
    if (want != s->output) {
        s->output = want;
        irq_set(s->out, want);
    }
}

static void i8259_input(void *opaque, unsigned n, int level)
{
    I8259 *s = opaque;

    if (n == CASCADE) {
        return;
    }
    chip_set_input(&s->chip[n / 8], n % 8, level);
    pair_update(s);
}

/* A chip's own acknowledge, by a poll or by an acknowledge cycle; -1: nothing was pending. */
static int chip_acknowledge(I8259 *s, unsigned which)
{
    int n = chip_pending(&s->chip[which], which == MASTER);

    if (n >= 0) {
        chip_take(&s->chip[which], (unsigned)n);
        s->taken[which * 8 + (unsigned)n]++;
        if (which == SLAVE) {
            /* INT falls during the acknowledge; what still waits makes a new edge. */
            chip_set_input(&s->chip[MASTER], CASCADE, false);
        }
    }
    return n;
}

uint8_t i8259_acknowledge(Device *dev)
{
    I8259 *s = (I8259 *)dev;
    const Chip *from = &s->chip[MASTER];
    int n = chip_acknowledge(s, MASTER);

    if (n == CASCADE && (from->icw3 & (1u << CASCADE))) {
        from = &s->chip[SLAVE];
        n = chip_acknowledge(s, SLAVE);
    }
    pair_update(s);
    return from->base | (n >= 0 ? (unsigned)n : 7);
}

static MemResult pair_read(I8259 *s, unsigned which, uint64_t port, uint64_t *value, bool debug)
{
    Chip *c = &s->chip[which];

    if (c->poll && !debug) {
        int n = chip_acknowledge(s, which);

        c->poll = false;
        *value = n >= 0 ? 0x80u | (unsigned)n : 0;
        pair_update(s);
    } else if (port == 1) {
        *value = c->imr;
    } else {
        *value = c->read_isr ? c->isr : c->irr;
    }
    return MEM_OK;
}

static MemResult pair_write(I8259 *s, unsigned which, uint64_t port, uint8_t v)
{
    Chip *c = &s->chip[which];

    if (port == 1) {
        chip_write_port1(c, v);
    } else if (v & ICW1_INIT) {
        chip_write_icw1(c, v);
    } else if (v & OCW3_SELECT) {
        chip_write_ocw3(c, v);
    } else {
        chip_write_ocw2(c, v);
    }
    pair_update(s);
    return MEM_OK;
}

static MemResult master_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                             MemAttrs attrs)
{
    return pair_read(opaque, MASTER, offset, value, attrs.debug);
}

static MemResult master_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                              MemAttrs attrs)
{
    return pair_write(opaque, MASTER, offset, (uint8_t)value);
}

static MemResult slave_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                            MemAttrs attrs)
{
    return pair_read(opaque, SLAVE, offset, value, attrs.debug);
}

static MemResult slave_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                             MemAttrs attrs)
{
    return pair_write(opaque, SLAVE, offset, (uint8_t)value);
}

static MemResult elcr_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                           MemAttrs attrs)
{
    I8259 *s = opaque;

    *value = s->chip[offset].elcr;
    return MEM_OK;
}

static MemResult elcr_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                            MemAttrs attrs)
{
    /* Timer, keyboard and cascade; real-time clock and coprocessor: always edges. */
    static const uint8_t can_be_level[2] = { 0xf8, 0xde };
    I8259 *s = opaque;
    Chip *c = &s->chip[offset];
    uint8_t was = c->elcr;

    c->elcr = (uint8_t)value & can_be_level[offset];
    c->irr |= c->level & c->elcr & (uint8_t)~was;
    pair_update(s);
    return MEM_OK;
}

static const MmioOps port_ops[2] = {
    { .read = master_read, .write = master_write, .min_size = 1, .max_size = 1 },
    { .read = slave_read, .write = slave_write, .min_size = 1, .max_size = 1 },
};
static const MmioOps elcr_ops = {
    .read = elcr_read, .write = elcr_write, .min_size = 1, .max_size = 1,
};

/* ---- the device ------------------------------------------------------------------------- */

IrqLine *i8259_inputs(Device *dev)
{
    return ((I8259 *)dev)->inputs;
}

void i8259_set_output(Device *dev, IrqLine *out)
{
    I8259 *s = (I8259 *)dev;

    s->out = out;
    irq_set(out, s->output);
}

static bool i8259_realize(Device *dev, GError **errp)
{
    I8259 *s = (I8259 *)dev;

    s->inputs = irq_lines_new(i8259_input, s, 16);
    s->port[MASTER] = mem_region_new_mmio("8259 master", &port_ops[MASTER], s, 2);
    s->port[SLAVE] = mem_region_new_mmio("8259 slave", &port_ops[SLAVE], s, 2);
    s->elcr = mem_region_new_mmio("8259 edge/level", &elcr_ops, s, 2);
    mem_space_map_all(dev->host->io, 0x20, s->port[MASTER], 0);
    mem_space_map_all(dev->host->io, 0xa0, s->port[SLAVE], 0);
    mem_space_map_all(dev->host->io, 0x4d0, s->elcr, 0);
    return true;
}

static void i8259_reset(Device *dev)
{
    I8259 *s = (I8259 *)dev;

    for (int i = 0; i < 2; i++) {
        uint8_t level = s->chip[i].level;

        s->chip[i] = (Chip){ .level = level };
    }
    s->chip[MASTER].level &= (uint8_t)~(1u << CASCADE);
    s->output = 0;
    irq_set(s->out, 0);
}

static void i8259_loaded(Device *dev)
{
    I8259 *s = (I8259 *)dev;

    irq_set(s->out, s->output);
}

static void i8259_destroy(Device *dev)
{
    I8259 *s = (I8259 *)dev;
    MemRegion *all[] = { s->port[MASTER], s->port[SLAVE], s->elcr };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        mem_space_unmap(dev->host->io, all[i]);
        mem_space_reclaim(dev->host->io);
        mem_region_free(all[i]);
    }
    irq_lines_free(s->inputs);
}

static void chip_print(const Chip *c, const char *name, GString *out)
{
    static const char *const steps[] = {
        [ICW_STEP_OFF] = ", not initialised", [ICW_STEP_2] = ", waits for ICW2",
        [ICW_STEP_3] = ", waits for ICW3", [ICW_STEP_4] = ", waits for ICW4", [ICW_STEP_DONE] = "",
    };

    g_string_append_printf(out, "8259 %s: irr %02x imr %02x isr %02x inputs %02x level %02x, "
                           "vectors from 0x%02x, input %u first%s%s%s%s\n", name, c->irr, c->imr,
                           c->isr, c->level, c->elcr, c->base, c->top,
                           c->icw4 & ICW4_AEOI ? ", automatic end" : "",
                           c->icw4 & ICW4_SFNM ? ", fully nested" : "",
                           c->special_mask ? ", special mask" : "", steps[c->step]);
}

static void i8259_print(const Device *dev, GString *out)
{
    const I8259 *s = (const I8259 *)dev;

    chip_print(&s->chip[MASTER], "master", out);
    chip_print(&s->chip[SLAVE], "slave ", out);
}

/* The cascade is no interrupt of its own. */
static void i8259_print_counts(const Device *dev, GString *out)
{
    const I8259 *s = (const I8259 *)dev;

    for (unsigned n = 0; n < G_N_ELEMENTS(s->taken); n++) {
        if (s->taken[n] && n != CASCADE) {
            g_string_append_printf(out, "8259 input %2u: %" PRIu64 "\n", n, s->taken[n]);
        }
    }
}

static const DeviceView i8259_views[] = {
    { "pic", "the interrupt controllers", i8259_print },
    { "irq", "how many interrupts each line has brought", i8259_print_counts },
    { NULL }
};

static const DeviceLine i8259_lines[] = {
    { "in", DEVICE_LINE_INPUT, offsetof(I8259, inputs), 16 },
    { "int", DEVICE_LINE_OUTPUT, offsetof(I8259, out), 1 },
    { NULL }
};

const DeviceClass i8259_class = {
    .name = "i8259",
    .desc = "pair of 8259 interrupt controllers",
    .size = sizeof(I8259),
    .state = i8259_fields,
    .realize = i8259_realize,
    .reset = i8259_reset,
    .loaded = i8259_loaded,
    .destroy = i8259_destroy,
    .views = i8259_views,
    .lines = i8259_lines,
};
