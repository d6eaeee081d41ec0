/* ACPI fixed hardware: power-management event and control blocks and the PM timer.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/acpi/pm.h"

#include "util/bytes.h"
#include "util/log.h"
#include "vm/clock.h"
#include "vm/state.h"
#include "vm/vm.h"

/* ACPI specification 6.4, 4.8.3. The machine is always in ACPI mode: SCI_EN reads 1. */

/* Status register (write 1 to clear) and enable register. */
#define EVENT_TIMER 0x0001
#define EVENT_GLOBAL 0x0020
#define EVENT_POWER_BUTTON 0x0100
#define EVENT_RTC 0x0400
#define EVENT_ENABLES (EVENT_TIMER | EVENT_GLOBAL | EVENT_POWER_BUTTON | EVENT_RTC)

#define CONTROL_SCI_EN 0x0001
#define CONTROL_BM_RLD 0x0002
#define CONTROL_GBL_RLS 0x0004
#define CONTROL_SLP_TYP 0x1c00
#define CONTROL_SLP_SHIFT 10
#define CONTROL_SLP_EN 0x2000
#define CONTROL_KEPT (CONTROL_BM_RLD | CONTROL_SLP_TYP)

/* The timer counts 315/88 = 3.579545... MHz in 32 bits; each change of its top bit is an event. */
#define TIMER_TICKS 315
#define TIMER_NS 88000
#define TIMER_EVENT_SHIFT 31

typedef struct AcpiPm {
    Device dev;
    uint16_t iobase;
    uint16_t status, enable, control;
    int64_t half;            /* of the timer's range: seen up to here */
    VmTimer *timer;
    bool rtc_level, button_level;
    IrqLine *sci, *rtc_input, *button_input;
    MemRegion *event_ports, *control_ports, *timer_port;
} AcpiPm;

static const StateField acpi_pm_fields[] = {
    STATE_X(AcpiPm, status),
    STATE_X(AcpiPm, enable),
    STATE_X(AcpiPm, control),
    { .name = "half", .type = STATE_INT, .flags = STATE_F_NO_RESET,
      .off = offsetof(AcpiPm, half), .size = sizeof(int64_t), .count = 1 },
    { .name = "rtc_level", .type = STATE_BOOL, .flags = STATE_F_NO_RESET,
      .off = offsetof(AcpiPm, rtc_level), .size = sizeof(bool), .count = 1 },
    { .name = "button_level", .type = STATE_BOOL, .flags = STATE_F_NO_RESET,
      .off = offsetof(AcpiPm, button_level), .size = sizeof(bool), .count = 1 },
    STATE_T(AcpiPm, timer),
    STATE_LAST
};

static const DeviceProp acpi_pm_props[] = {
    { "iobase", PROP_TYPE_UINT16, offsetof(AcpiPm, iobase), "0x600", "first port" },
    { NULL }
};

static int64_t timer_ticks(const AcpiPm *s)
{
    return (int64_t)clock_muldiv((uint64_t)vm_clock_ns(s->dev.host->vm), TIMER_TICKS, TIMER_NS);
}

/* Has the top bit of the timer changed since we looked? */
static void acpi_pm_sync(AcpiPm *s)
{
    int64_t half = timer_ticks(s) >> TIMER_EVENT_SHIFT;

    if (half != s->half) {
        s->half = half;
        s->status |= EVENT_TIMER;
    }
}

static void acpi_pm_update(AcpiPm *s)
{
    irq_set(s->sci, (s->status & s->enable & EVENT_ENABLES) != 0);
    if ((s->enable & EVENT_TIMER) && !(s->status & EVENT_TIMER)) {
        uint64_t tick = (uint64_t)(s->half + 1) << TIMER_EVENT_SHIFT;

        vm_timer_mod(s->timer, (int64_t)clock_muldiv(tick, TIMER_NS, TIMER_TICKS) + 1);
    } else {
        vm_timer_del(s->timer);
    }
}

static void acpi_pm_expire(void *opaque)
{
    acpi_pm_sync(opaque);
    acpi_pm_update(opaque);
}

static void acpi_pm_rtc(void *opaque, unsigned n, int level)
{
    AcpiPm *s = opaque;

    if (level && !s->rtc_level) {
        s->status |= EVENT_RTC;
        acpi_pm_update(s);
    }
    s->rtc_level = level;
}

IrqLine *acpi_pm_rtc_input(Device *dev)
{
    return ((AcpiPm *)dev)->rtc_input;
}

void acpi_pm_press_power_button(Device *dev)
{
    AcpiPm *s = (AcpiPm *)dev;

    s->status |= EVENT_POWER_BUTTON;
    acpi_pm_update(s);
}

/* The button as a line: on while it is pressed. */
static void acpi_pm_button(void *opaque, unsigned n, int level)
{
    AcpiPm *s = opaque;

    if (level && !s->button_level) {
        acpi_pm_press_power_button(&s->dev);
    }
    s->button_level = level;
}

static MemResult event_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                            MemAttrs attrs)
{
    AcpiPm *s = opaque;
    uint32_t both;

    acpi_pm_sync(s);
    both = s->status | (uint32_t)s->enable << 16;
    *value = both >> (offset * 8);
    return MEM_OK;
}

static MemResult event_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                             MemAttrs attrs)
{
    AcpiPm *s = opaque;
    uint32_t written = (uint32_t)(mask_bytes(size) << (offset * 8));
    uint32_t bits = (uint32_t)(value << (offset * 8));

    acpi_pm_sync(s);
    s->status &= (uint16_t)~bits;
    s->enable = (uint16_t)((s->enable & ~(written >> 16)) | (bits >> 16 & EVENT_ENABLES));
    acpi_pm_update(s);
    return MEM_OK;
}

static MemResult control_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                              MemAttrs attrs)
{
    AcpiPm *s = opaque;

    *value = (uint16_t)(s->control | CONTROL_SCI_EN) >> (offset * 8);
    return MEM_OK;
}

static MemResult control_write(void *opaque, uint64_t offset, unsigned size, uint64_t value,
                               MemAttrs attrs)
{
    AcpiPm *s = opaque;
    uint32_t v = (uint32_t)bits_put(s->control, (unsigned)offset * 8, size * 8, value);
    unsigned type = (v & CONTROL_SLP_TYP) >> CONTROL_SLP_SHIFT;

    s->control = v & CONTROL_KEPT;
    if (!(v & CONTROL_SLP_EN)) {
        return MEM_OK;
    }
    if (type == ACPI_PM_SLEEP_S5) {
        vm_request_shutdown(s->dev.host->vm, VM_CAUSE_GUEST_SHUTDOWN, 0);
    } else {
        log_guest("acpi: there is no sleep state with SLP_TYP %u", type);
    }
    return MEM_OK;
}

static MemResult timer_read(void *opaque, uint64_t offset, unsigned size, uint64_t *value,
                            MemAttrs attrs)
{
    *value = (uint32_t)timer_ticks(opaque);
    return MEM_OK;
}

static const MmioOps event_ops = {
    .read = event_read, .write = event_write, .min_size = 1, .max_size = 4,
};
static const MmioOps control_ops = {
    .read = control_read, .write = control_write, .min_size = 1, .max_size = 2,
};
/* Only the clock is looked at, so no lock is wanted: kernels may read this often. */
static const MmioOps timer_ops = {
    .read = timer_read, .min_size = 4, .max_size = 4, .lockless = true,
};

void acpi_pm_set_sci(Device *dev, IrqLine *sci)
{
    ((AcpiPm *)dev)->sci = sci;
}

static bool acpi_pm_realize(Device *dev, GError **errp)
{
    AcpiPm *s = (AcpiPm *)dev;

    s->timer = vm_timer_new(dev->host->vm, acpi_pm_expire, s);
    s->rtc_input = irq_lines_new(acpi_pm_rtc, s, 1);
    s->button_input = irq_lines_new(acpi_pm_button, s, 1);
    s->event_ports = mem_region_new_mmio("acpi event", &event_ops, s, 4);
    s->control_ports = mem_region_new_mmio("acpi control", &control_ops, s, 2);
    s->timer_port = mem_region_new_mmio("acpi timer", &timer_ops, s, 4);
    mem_space_map_all(dev->host->io, s->iobase + ACPI_PM_EVENT, s->event_ports, 0);
    mem_space_map_all(dev->host->io, s->iobase + ACPI_PM_CONTROL, s->control_ports, 0);
    mem_space_map_all(dev->host->io, s->iobase + ACPI_PM_TIMER, s->timer_port, 0);
    return true;
}

static void acpi_pm_reset(Device *dev)
{
    AcpiPm *s = (AcpiPm *)dev;

    s->status = s->enable = s->control = 0;
    s->half = timer_ticks(s) >> TIMER_EVENT_SHIFT;
    acpi_pm_update(s);
}

static void acpi_pm_destroy(Device *dev)
{
    AcpiPm *s = (AcpiPm *)dev;
    MemRegion *all[] = { s->event_ports, s->control_ports, s->timer_port };

    for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
        mem_space_unmap(dev->host->io, all[i]);
        mem_space_reclaim(dev->host->io);
        mem_region_free(all[i]);
    }
    irq_lines_free(s->rtc_input);
    irq_lines_free(s->button_input);
    vm_timer_free(s->timer);
}

static void acpi_pm_print(const Device *dev, GString *out)
{
    static const struct { uint16_t bit; const char *name; } events[] = {
        { EVENT_TIMER, "timer" }, { EVENT_GLOBAL, "global" },
        { EVENT_POWER_BUTTON, "power button" }, { EVENT_RTC, "real-time clock" },
    };
    const AcpiPm *s = (const AcpiPm *)dev;

    for (unsigned i = 0; i < G_N_ELEMENTS(events); i++) {
        g_string_append_printf(out, "%-16s %s%s\n", events[i].name,
                               s->enable & events[i].bit ? "enabled" : "off",
                               s->status & events[i].bit ? ", has happened" : "");
    }
    g_string_append_printf(out, "control %04x, timer %08x, ports from %04x\n",
                           s->control | CONTROL_SCI_EN, (uint32_t)timer_ticks(s), s->iobase);
}

static const DeviceView acpi_pm_views[] = {
    { "pm", "ACPI power management", acpi_pm_print },
    { NULL }
};

static const DeviceLine acpi_pm_lines[] = {
    { "rtc", DEVICE_LINE_INPUT, offsetof(AcpiPm, rtc_input), 1 },
    { "power-button", DEVICE_LINE_INPUT, offsetof(AcpiPm, button_input), 1 },
    { "sci", DEVICE_LINE_OUTPUT, offsetof(AcpiPm, sci), 1 },
    { NULL }
};

const DeviceClass acpi_pm_class = {
    .name = "acpi-pm",
    .desc = "ACPI fixed power-management hardware",
    .size = sizeof(AcpiPm),
    .state = acpi_pm_fields,
    .props = acpi_pm_props,
    .realize = acpi_pm_realize,
    .reset = acpi_pm_reset,
    .destroy = acpi_pm_destroy,
    .views = acpi_pm_views,
    .lines = acpi_pm_lines,
};
