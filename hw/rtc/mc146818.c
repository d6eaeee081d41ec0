/* The PC's real-time clock and battery-backed memory, at ports 70h/71h.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/rtc/mc146818.h"

#include "hw/rtc/civil.h"
#include "vm/clock.h"
#include "vm/state.h"

/* Motorola MC146818A data sheet. The date is an offset to the VM's clock; while the guest holds
 * updates (SET, or the divider in reset) the time registers are plain bytes, and become the date
 * when it lets go. The flags of register C are brought up to date when somebody looks; the timer
 * only serves interrupts that are enabled. */

#define ISA_IRQ_RTC 8

enum {
    REG_SECOND = 0x00, REG_SECOND_ALARM, REG_MINUTE, REG_MINUTE_ALARM, REG_HOUR, REG_HOUR_ALARM,
    REG_WEEKDAY, REG_DAY, REG_MONTH, REG_YEAR, REG_A, REG_B, REG_C, REG_D,
    REG_CENTURY = 0x32,
};

#define A_UIP 0x80
#define A_DIVIDER_32K 0x20
#define A_DIVIDER_RESET 0x60    /* either value of the lowest bit */
#define A_RATE 0x0f
#define B_SET 0x80
#define B_PIE 0x40
#define B_AIE 0x20
#define B_UIE 0x10
#define B_SQWE 0x08
#define B_BINARY 0x04
#define B_24H 0x02
#define C_IRQF 0x80
#define C_PF 0x40
#define C_AF 0x20
#define C_UF 0x10
#define D_VALID 0x80

#define HOUR_PM 0x80
#define ALARM_ANY 0xc0

/* An update is announced 244 us (eight periods of 32768 Hz) before, and takes no time itself: the new
 * time is there at once, so nobody can read a half of it. The chip takes 1984 us. */
#define ANNOUNCE_NS (8 * NS_PER_SEC / 32768)
/* After the divider's reset the first update comes half a second later. */
#define RESTART_NS (NS_PER_SEC / 2)
#define CRYSTAL_HZ 32768
#define NEVER INT64_MAX

typedef struct Mc146818 {
    Device dev;
    uint64_t zone;           /* property: seconds to add to UTC, as a signed number */
    int64_t seconds;         /* date = base + clock + seconds + offset: the guest's years are too */
    int64_t offset;          /* many for nanoseconds; offset is below a few seconds */
    int64_t seen;            /* ns of the VM's clock: C's flags are right up to here */
    uint8_t weekday_shift;   /* the guest's idea of the weekday against ours */
    uint8_t index;           /* port 70h */
    uint8_t a, b, c;
    uint8_t memory[MC146818_SIZE];    /* alarms, the time while held, the guest's own */
    VmTimer *timer;
    MemRegion *ports;
} Mc146818;

#define KEPT(type_, m) { .name = #m, .type = (type_), .flags = STATE_F_NO_RESET, \
    .off = offsetof(Mc146818, m), .size = sizeof(((Mc146818 *)0)->m), .count = 1 }

static const StateField mc146818_fields[] = {
    KEPT(STATE_INT, seconds),
    KEPT(STATE_INT, offset),
    KEPT(STATE_INT, seen),
    KEPT(STATE_UINT, weekday_shift),
    KEPT(STATE_UINT, a),
    KEPT(STATE_BYTES, memory),
    STATE_X(Mc146818, index),
    STATE_X(Mc146818, b),
    STATE_X(Mc146818, c),
    STATE_T(Mc146818, timer),
    STATE_LAST
};

static const DeviceProp mc146818_props[] = {
    { "zone", PROP_TYPE_UINT64, offsetof(Mc146818, zone), NULL,
      "seconds to add to UTC (two's complement)" },
    { NULL }
};

/* ---- date ------------------------------------------------------------------------------- */

static int64_t clock_ns(const Mc146818 *s)
{
    return vm_clock_ns(s->dev.host->vm);
}

static bool divider_runs(const Mc146818 *s)
{
    return (s->a & A_DIVIDER_RESET) != A_DIVIDER_RESET;
}

static bool is_held(const Mc146818 *s)
{
    return (s->b & B_SET) || !divider_runs(s);
}

static int64_t floor_seconds(int64_t ns)
{
    return ns / NS_PER_SEC - (ns % NS_PER_SEC < 0);
}

/* The date but for whole seconds of its base, in nanoseconds. */
static int64_t near_date(const Mc146818 *s, int64_t clock)
{
    int64_t base = vm_clock_base_ns(s->dev.host->vm);

    return base - floor_seconds(base) * NS_PER_SEC + clock + s->offset;
}

/* The date in seconds since 1970 at a value of the VM's clock, were it not held... */
static int64_t second_at(const Mc146818 *s, int64_t clock)
{
    int64_t base = floor_seconds(vm_clock_base_ns(s->dev.host->vm));

    return base + floor_seconds(near_date(s, clock)) + s->seconds;
}

/* ... and the nanoseconds that have passed of that second. */
static int64_t part_at(const Mc146818 *s, int64_t clock)
{
    int64_t ns = near_date(s, clock);

    return ns - floor_seconds(ns) * NS_PER_SEC;
}

static uint8_t encode(const Mc146818 *s, int v)
{
    return (uint8_t)(s->b & B_BINARY ? v : v / 10 << 4 | v % 10);
}

static int decode(const Mc146818 *s, uint8_t v)
{
    return s->b & B_BINARY ? v : (v >> 4) * 10 + (v & 15);
}

static uint8_t encode_hour(const Mc146818 *s, int hour)
{
    if (s->b & B_24H) {
        return encode(s, hour);
    }
    return encode(s, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static int decode_hour(const Mc146818 *s, uint8_t v)
{
    if (s->b & B_24H) {
        return decode(s, v);
    }
    return decode(s, v & (uint8_t)~HOUR_PM) % 12 + (v & HOUR_PM ? 12 : 0);
}

static const uint8_t time_registers[] = {
    REG_SECOND, REG_MINUTE, REG_HOUR, REG_WEEKDAY, REG_DAY, REG_MONTH, REG_YEAR, REG_CENTURY,
};

/* The running date as the time registers show it; their bytes go to their places in `to`. */
static void show_time(const Mc146818 *s, int64_t now, uint8_t *to)
{
    CivilTime t = civil_from_seconds(second_at(s, now));
    int year = (int)(((t.year % 10000) + 10000) % 10000);

    to[REG_SECOND] = encode(s, t.second);
    to[REG_MINUTE] = encode(s, t.minute);
    to[REG_HOUR] = encode_hour(s, t.hour);
    to[REG_WEEKDAY] = encode(s, (t.weekday + s->weekday_shift) % 7 + 1);
    to[REG_DAY] = encode(s, t.day);
    to[REG_MONTH] = encode(s, t.month);
    to[REG_YEAR] = encode(s, year % 100);
    to[REG_CENTURY] = encode(s, year / 100);
}

/* Make the bytes of the time registers the date. What is out of range counts on, as in a calendar;
 * within the second the clock keeps its place. */
static void adopt_time(Mc146818 *s, int64_t now, const uint8_t *from)
{
    CivilTime t = {
        .second = decode(s, from[REG_SECOND]),
        .minute = decode(s, from[REG_MINUTE]),
        .hour = decode_hour(s, from[REG_HOUR]),
        .day = decode(s, from[REG_DAY]),
        .month = CLAMP(decode(s, from[REG_MONTH]), 1, 12),
        .year = decode(s, from[REG_CENTURY]) * 100 + decode(s, from[REG_YEAR]),
    };
    int64_t seconds = civil_to_seconds(&t);

    s->seconds += seconds - second_at(s, now);
    t = civil_from_seconds(seconds);
    s->weekday_shift = (uint8_t)((decode(s, from[REG_WEEKDAY]) + 13 - t.weekday) % 7);
}

static uint8_t read_time(const Mc146818 *s, unsigned reg, int64_t now)
{
    uint8_t bytes[MC146818_SIZE];

    if (is_held(s)) {
        return s->memory[reg];
    }
    show_time(s, now, bytes);
    return bytes[reg];
}

static void write_time(Mc146818 *s, unsigned reg, uint8_t v, int64_t now)
{
    uint8_t bytes[MC146818_SIZE];

    if (is_held(s)) {
        s->memory[reg] = v;
    } else {
        show_time(s, now, bytes);
        bytes[reg] = v;
        adopt_time(s, now, bytes);
    }
}

/* ---- events ----------------------------------------------------------------------------- */

/* The crystal's cycles between two periodic interrupts; 0: none. */
static uint32_t period_cycles(const Mc146818 *s)
{
    unsigned rate = s->a & A_RATE;

    /* The time base is 32768 Hz whatever else the divider says, as for the date. */
    if (!rate || !divider_runs(s)) {
        return 0;
    }
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

static int64_t cycles_at(int64_t clock)
{
    return (int64_t)clock_muldiv((uint64_t)clock, CRYSTAL_HZ, NS_PER_SEC);
}

/* The first value of the clock after `clock` that begins a period. */
static int64_t next_period(int64_t clock, uint32_t cycles)
{
    uint64_t n = (uint64_t)(cycles_at(clock) / cycles + 1) * cycles;

    return (int64_t)clock_muldiv(n, NS_PER_SEC, CRYSTAL_HZ) + 1;
}

static bool alarm_matches(uint8_t alarm, uint8_t now)
{
    return (alarm & ALARM_ANY) == ALARM_ANY || alarm == now;
}

/* The first second after `from` at which the alarm goes, NEVER if none within a day. */
static int64_t next_alarm(const Mc146818 *s, int64_t from)
{
    for (int64_t t = from + 1; t <= from + 86400;) {
        int second = (int)(((t % 86400) + 86400) % 86400);

        if (!alarm_matches(s->memory[REG_HOUR_ALARM], encode_hour(s, second / 3600))) {
            t += 3600 - second % 3600;
        } else if (!alarm_matches(s->memory[REG_MINUTE_ALARM], encode(s, second / 60 % 60))) {
            t += 60 - second % 60;
        } else if (!alarm_matches(s->memory[REG_SECOND_ALARM], encode(s, second % 60))) {
            t++;
        } else {
            return t;
        }
    }
    return NEVER;
}

/* Bring register C up to this value of the clock. */
static void sync_flags(Mc146818 *s, int64_t now)
{
    uint32_t cycles = period_cycles(s);

    if (cycles && cycles_at(now) / cycles != cycles_at(s->seen) / cycles) {
        s->c |= C_PF;
    }
    if (!is_held(s)) {
        int64_t from = second_at(s, s->seen), to = second_at(s, now);

        if (to > from) {
            int64_t alarm = s->c & C_AF ? NEVER : next_alarm(s, from);

            s->c |= C_UF | (alarm <= to ? C_AF : 0);
        }
    }
    s->seen = now;
}

/* When the next enabled event comes; INT64_MAX: none. */
static int64_t next_event(const Mc146818 *s, int64_t now)
{
    uint32_t cycles = period_cycles(s);
    int64_t at = INT64_MAX;

    if ((s->b & B_PIE) && cycles) {
        at = next_period(now, cycles);
    }
    if (!is_held(s) && (s->b & (B_UIE | B_AIE))) {
        int64_t second = second_at(s, now), due;

        if (s->b & B_UIE) {
            due = second + 1;
        } else {
            due = next_alarm(s, second);
        }
        if (due != NEVER) {
            at = MIN(at, now + (due - second) * NS_PER_SEC - part_at(s, now));
        }
    }
    return at;
}

/* Drive the line and the timer from the flags. While the interrupt stands nothing can be added. */
static void update_irq(Mc146818 *s, int64_t now)
{
    bool irq = s->c & s->b & (C_PF | C_AF | C_UF);
    int64_t at;

    s->c = (uint8_t)((s->c & ~C_IRQF) | (irq ? C_IRQF : 0));
    irq_set(s->dev.host->isa_irq ? s->dev.host->isa_irq[ISA_IRQ_RTC] : NULL, irq);
    at = irq ? INT64_MAX : next_event(s, now);
    if (at == INT64_MAX) {
        vm_timer_del(s->timer);
    } else {
        vm_timer_mod(s->timer, at);
    }
}

static void mc146818_expire(void *opaque)
{
    Mc146818 *s = opaque;
    int64_t now = clock_ns(s);

    sync_flags(s, now);
    update_irq(s, now);
}

/* ---- registers -------------------------------------------------------------------------- */

/* A and B get new values: the date is held at its value, or goes on from the time registers. */
static void write_control(Mc146818 *s, uint8_t a, uint8_t b, int64_t now)
{
    bool was_held = is_held(s), ran = divider_runs(s);
    uint8_t bytes[MC146818_SIZE];

    show_time(s, now, bytes);
    s->a = a;
    s->b = b;
    if (!was_held && is_held(s)) {
        for (size_t i = 0; i < G_N_ELEMENTS(time_registers); i++) {
            s->memory[time_registers[i]] = bytes[time_registers[i]];
        }
    }
    if (!ran && divider_runs(s)) {
        s->offset += RESTART_NS - part_at(s, now);
    }
    if (was_held && !is_held(s)) {
        adopt_time(s, now, s->memory);
    }
}

static uint8_t read_a(const Mc146818 *s, int64_t now)
{
    if (is_held(s)) {
        return s->a;
    }
    return s->a | (part_at(s, now) >= NS_PER_SEC - ANNOUNCE_NS ? A_UIP : 0);
}

static uint8_t read_register(Mc146818 *s, bool debug)
{
    int64_t now = clock_ns(s);
    uint8_t v;

    switch (s->index) {
    case REG_SECOND:
    case REG_MINUTE:
    case REG_HOUR:
    case REG_WEEKDAY:
    case REG_DAY:
    case REG_MONTH:
    case REG_YEAR:
    case REG_CENTURY:
        return read_time(s, s->index, now);
    case REG_A:
        return read_a(s, now);
    case REG_B:
        return s->b;
    case REG_C:
        sync_flags(s, now);
        update_irq(s, now);
        v = s->c;
        if (!debug) {
            s->c = 0;
            update_irq(s, now);
        }
        return v;
    case REG_D:
        return D_VALID;
    default:
        return s->memory[s->index];
    }
}

static void write_register(Mc146818 *s, uint8_t v)
{
    int64_t now = clock_ns(s);

    sync_flags(s, now);
    switch (s->index) {
    case REG_SECOND:
    case REG_MINUTE:
    case REG_HOUR:
    case REG_WEEKDAY:
    case REG_DAY:
    case REG_MONTH:
    case REG_YEAR:
    case REG_CENTURY:
        write_time(s, s->index, v, now);
        break;
    case REG_A:
        write_control(s, v & (uint8_t)~A_UIP, s->b, now);
        break;
    case REG_B:
        /* Holding updates also stops the update-ended interrupt. */
        write_control(s, s->a, v & B_SET ? v & (uint8_t)~B_UIE : v, now);
        break;
    case REG_C:
    case REG_D:
        return;
    default:
        s->memory[s->index] = v;
        break;
    }
    update_irq(s, now);
}

static MemResult mc146818_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                               MemAttrs attrs)
{
    *value = offset ? read_register(opaque, attrs.debug) : 0xff;    /* port 70h is write-only */
    return MEM_OK;
}

static MemResult mc146818_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                                MemAttrs attrs)
{
    Mc146818 *s = opaque;

    if (offset) {
        write_register(s, (uint8_t)value);
    } else {
        s->index = value & 0x7f;    /* bit 7 gates NMI, which nothing here makes */
    }
    return MEM_OK;
}

static const MmioOps mc146818_ops = {
    .read = mc146818_read, .write = mc146818_write, .min_size = 1, .max_size = 1,
};

/* ---- the device ------------------------------------------------------------------------- */

void mc146818_set_memory(Device *dev, unsigned index, uint8_t value)
{
    g_assert(index > REG_D && index < MC146818_SIZE && index != REG_CENTURY);
    ((Mc146818 *)dev)->memory[index] = value;
}

void mc146818_checksum(Device *dev)
{
    Mc146818 *s = (Mc146818 *)dev;
    unsigned sum = 0;

    for (unsigned i = 0x10; i <= 0x2d; i++) {
        sum += s->memory[i];
    }
    s->memory[0x2e] = (uint8_t)(sum >> 8);
    s->memory[0x2f] = (uint8_t)sum;
}

static bool mc146818_realize(Device *dev, GError **errp)
{
    Mc146818 *s = (Mc146818 *)dev;

    s->a = A_DIVIDER_32K | 6;
    s->b = B_24H;
    s->seconds = (int64_t)s->zone;
    s->timer = vm_timer_new(dev->host->vm, mc146818_expire, s);
    s->ports = mem_region_new_mmio("mc146818", &mc146818_ops, s, 2);
    mem_space_map_all(dev->host->io, 0x70, s->ports, 0);
    return true;
}

/* The date, the memory and register A live on a battery; firmware makes the rest usual. */
static void mc146818_reset(Device *dev)
{
    Mc146818 *s = (Mc146818 *)dev;
    int64_t now = clock_ns(s);

    write_control(s, A_DIVIDER_32K | 6, B_24H, now);
    s->seen = now;
    s->c = 0;
    s->index = 0;
    update_irq(s, now);
}

static void mc146818_destroy(Device *dev)
{
    Mc146818 *s = (Mc146818 *)dev;

    mem_space_unmap(dev->host->io, s->ports);
    mem_space_reclaim(dev->host->io);
    mem_region_free(s->ports);
    vm_timer_free(s->timer);
}

static void mc146818_print(const Device *dev, GString *out)
{
    const Mc146818 *s = (const Mc146818 *)dev;
    CivilTime t = civil_from_seconds(second_at(s, clock_ns(s)));

    if (is_held(s)) {
        g_string_append(out, "date held by the guest");
    } else {
        g_string_append_printf(out, "date %04d-%02d-%02d %02d:%02d:%02d", (int)t.year, t.month,
                               t.day, t.hour, t.minute, t.second);
    }
    g_string_append_printf(out, ", A 0x%02x B 0x%02x C 0x%02x\n", s->a, s->b, s->c);
}

static const DeviceView mc146818_views[] = {
    { "rtc", "the real-time clock", mc146818_print },
    { NULL }
};

static const DeviceLine mc146818_lines[] = {
    { "irq", DEVICE_LINE_ISA, ISA_IRQ_RTC, 1 },
    { NULL }
};

const DeviceClass mc146818_class = {
    .name = "mc146818",
    .desc = "real-time clock with 128 bytes of memory",
    .size = sizeof(Mc146818),
    .state = mc146818_fields,
    .props = mc146818_props,
    .realize = mc146818_realize,
    .reset = mc146818_reset,
    .destroy = mc146818_destroy,
    .views = mc146818_views,
    .lines = mc146818_lines,
};
