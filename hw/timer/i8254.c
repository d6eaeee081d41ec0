/* The PC's interval timer: an 8254 at ports 40h-43h and the port 61h that goes with it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/timer/i8254.h"

#include "hw/timer/pit_counter.h"
#include "vm/clock.h"
#include "vm/state.h"

/* The clock input is 105/88 MHz = 1.1931818... MHz. */
#define CLOCK_TICKS 105
#define CLOCK_NS 88000

#define ISA_IRQ_TIMER 0
#define PORT_CONTROL 3

/* Port 61h. */
#define P61_GATE2 0x01
#define P61_SPEAKER 0x02
#define P61_WRITABLE 0x0f    /* with the enables of the parity and channel checks */
#define P61_REFRESH 0x10
#define P61_OUT2 0x20
#define REFRESH_NS 15085     /* the refresh request toggles its bit this often */

/* However fast a guest makes counter 0 run, the line moves no more often than this. */
#define EDGE_MIN_NS (20 * NS_PER_US)

typedef struct I8254 {
    Device dev;
    PitCounter counter[3];
    uint8_t port61;
    bool level;              /* of the interrupt line */
    int64_t edge;            /* tick that the timer waits for; INT64_MAX: none */
    bool edge_rises;
    VmTimer *timer;
    MemRegion *ports, *port61_region;
} I8254;

static const StateField counter_fields[] = {
    STATE_I(PitCounter, start),
    STATE_I(PitCounter, held),
    STATE_I(PitCounter, switch_at),
    STATE_I(PitCounter, switch_start),
    STATE_U(PitCounter, modulus),
    STATE_U(PitCounter, next),
    STATE_U(PitCounter, idle_count),
    STATE_U(PitCounter, latch),
    STATE_U(PitCounter, mode),
    STATE_U(PitCounter, access),
    STATE_U(PitCounter, low),
    STATE_X(PitCounter, status),
    STATE_B(PitCounter, bcd),
    STATE_B(PitCounter, gate),
    STATE_B(PitCounter, loaded),
    STATE_B(PitCounter, counting),
    STATE_B(PitCounter, stopped),
    STATE_B(PitCounter, was_low),
    STATE_B(PitCounter, latched),
    STATE_B(PitCounter, status_latched),
    STATE_B(PitCounter, read_high),
    STATE_B(PitCounter, write_high),
    STATE_LAST
};

static const StateField i8254_fields[] = {
    STATE_SUBA(I8254, counter, counter_fields),
    STATE_X(I8254, port61),
    STATE_B(I8254, level),
    STATE_I(I8254, edge),
    STATE_B(I8254, edge_rises),
    STATE_T(I8254, timer),
    STATE_LAST
};

static int64_t now_tick(const I8254 *s)
{
    return (int64_t)clock_muldiv((uint64_t)vm_clock_ns(s->dev.host->vm), CLOCK_TICKS, CLOCK_NS);
}

/* A time by which this tick has come, at most a nanosecond late. */
static int64_t tick_ns(int64_t tick)
{
    return (int64_t)clock_muldiv((uint64_t)tick, CLOCK_NS, CLOCK_TICKS) + 1;
}

static void i8254_line(I8254 *s, bool level)
{
    s->level = level;
    irq_set(s->dev.host->isa_irq ? s->dev.host->isa_irq[ISA_IRQ_TIMER] : NULL, level);
}

/* Wait for the edge of OUT that follows `tick`, but at least so long. */
static void i8254_arm(I8254 *s, int64_t tick, int64_t min_ns)
{
    s->edge = pit_counter_next_edge(&s->counter[0], tick, &s->edge_rises);
    if (s->edge == INT64_MAX) {
        vm_timer_del(s->timer);
    } else {
        vm_timer_mod(s->timer, MAX(tick_ns(s->edge), vm_clock_ns(s->dev.host->vm) + min_ns));
    }
}

static void i8254_expire(void *opaque)
{
    I8254 *s = opaque;
    PitCounter *c = &s->counter[0];
    int64_t now = now_tick(s), next;
    bool unused;

    if (s->edge > now) {
        i8254_arm(s, now, 0);
        return;
    }
    /* Pulses that are low for one tick only are not worth a timer: the line falls here. */
    i8254_line(s, false);
    if (s->edge_rises) {
        i8254_line(s, true);
    }
    /* Late by more than a cycle: what was missed is lost, as on a PC that holds interrupts off. */
    next = pit_counter_next_edge(c, s->edge, &unused);
    i8254_arm(s, next <= now && now - s->edge > c->modulus ? now : s->edge, EDGE_MIN_NS);
}

/* After the guest has changed counter 0. */
static void i8254_changed(I8254 *s, int64_t now)
{
    bool out = pit_counter_out(&s->counter[0], now);

    if (out != s->level) {
        i8254_line(s, out);
    }
    i8254_arm(s, now, 0);
}

static void i8254_write_control(I8254 *s, uint8_t v, int64_t now)
{
    unsigned n = v >> 6;

    if (n < 3) {
        pit_counter_control(&s->counter[n], v & 0x3f, now);
    } else {
        for (unsigned i = 0; i < 3; i++) {
            if (v & (2u << i)) {
                /* Both bits of the command are active when low. */
                pit_counter_read_back(&s->counter[i], !(v & 0x20), !(v & 0x10), now);
            }
        }
    }
    if (n == 0 && (v & 0x30)) {
        i8254_changed(s, now);
    }
}

static MemResult i8254_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                            MemAttrs attrs)
{
    I8254 *s = opaque;
    int64_t now = now_tick(s);

    if (offset == PORT_CONTROL) {
        *value = 0xff;    /* write-only */
        return MEM_OK;
    }
    *value = attrs.debug ? pit_counter_peek(&s->counter[offset], now)
                         : pit_counter_read(&s->counter[offset], now);
    return MEM_OK;
}

static MemResult i8254_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                             MemAttrs attrs)
{
    I8254 *s = opaque;
    int64_t now = now_tick(s);

    if (offset == PORT_CONTROL) {
        i8254_write_control(s, (uint8_t)value, now);
        return MEM_OK;
    }
    pit_counter_write(&s->counter[offset], (uint8_t)value, now);
    if (offset == 0) {
        i8254_changed(s, now);
    }
    return MEM_OK;
}

static MemResult port61_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                             MemAttrs attrs)
{
    I8254 *s = opaque;
    int64_t ns = vm_clock_ns(s->dev.host->vm);

    *value = s->port61;
    if (ns / REFRESH_NS & 1) {
        *value |= P61_REFRESH;
    }
    if (pit_counter_out(&s->counter[2], now_tick(s))) {
        *value |= P61_OUT2;
    }
    return MEM_OK;
}

static MemResult port61_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                              MemAttrs attrs)
{
    I8254 *s = opaque;

    s->port61 = (uint8_t)value & P61_WRITABLE;
    pit_counter_set_gate(&s->counter[2], value & P61_GATE2, now_tick(s));
    return MEM_OK;
}

static const MmioOps i8254_ops = {
    .read = i8254_read, .write = i8254_write, .min_size = 1, .max_size = 1,
};
static const MmioOps port61_ops = {
    .read = port61_read, .write = port61_write, .min_size = 1, .max_size = 1,
};

static bool i8254_realize(Device *dev, GError **errp)
{
    I8254 *s = (I8254 *)dev;

    s->timer = vm_timer_new(dev->host->vm, i8254_expire, s);
    s->ports = mem_region_new_mmio("8254", &i8254_ops, s, 4);
    s->port61_region = mem_region_new_mmio("port 61h", &port61_ops, s, 1);
    mem_space_map_all(dev->host->io, 0x40, s->ports, 0);
    mem_space_map_all(dev->host->io, 0x61, s->port61_region, 0);
    return true;
}

static void i8254_reset(Device *dev)
{
    I8254 *s = (I8254 *)dev;

    for (unsigned i = 0; i < 3; i++) {
        s->counter[i].gate = i != 2;    /* 0 and 1 are tied high, 2 follows port 61h */
        pit_counter_reset(&s->counter[i]);
    }
    s->port61 = 0;
    s->edge_rises = false;
    s->edge = INT64_MAX;
    vm_timer_del(s->timer);
    i8254_line(s, false);
}

static void i8254_destroy(Device *dev)
{
    I8254 *s = (I8254 *)dev;

    mem_space_unmap(dev->host->io, s->ports);
    mem_space_unmap(dev->host->io, s->port61_region);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->ports);
    mem_region_free(s->port61_region);
    vm_timer_free(s->timer);
}

/* Looking moves a counter on to the time of the look: a copy is looked at. */
static void counter_print(const PitCounter *counter, unsigned n, int64_t now, GString *out)
{
    PitCounter c = *counter;
    uint16_t count = pit_counter_count(&c, now);

    g_string_append_printf(out, "counter %u: mode %u%s, count %u of %u, gate %s, out %s%s\n", n,
                           c.mode, c.bcd ? " bcd" : "", count, c.modulus, c.gate ? "on" : "off",
                           pit_counter_out(&c, now) ? "high" : "low",
                           !c.loaded ? ", not loaded" : c.counting ? "" : ", waits for its gate");
}

static void i8254_print(const Device *dev, GString *out)
{
    const I8254 *s = (const I8254 *)dev;

    for (unsigned n = 0; n < 3; n++) {
        counter_print(&s->counter[n], n, now_tick(s), out);
    }
    g_string_append_printf(out, "port 61h: %02x\n", s->port61);
}

static const DeviceView i8254_views[] = {
    { "pit", "the interval timer", i8254_print },
    { NULL }
};

static const DeviceLine i8254_lines[] = {
    { "out0", DEVICE_LINE_ISA, ISA_IRQ_TIMER, 1 },
    { NULL }
};

const DeviceClass i8254_class = {
    .name = "i8254",
    .desc = "8254 interval timer and port 61h",
    .size = sizeof(I8254),
    .state = i8254_fields,
    .realize = i8254_realize,
    .reset = i8254_reset,
    .destroy = i8254_destroy,
    .views = i8254_views,
    .lines = i8254_lines,
};
