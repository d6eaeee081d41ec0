/* Machine pc: a PC without firmware, for x86-64.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/pc.h"

#include <inttypes.h>
#include <time.h>

#include "hw/acpi/pm.h"
#include "hw/char/debugcon.h"
#include "hw/char/isa_serial.h"
#include "hw/i386/acpi_tables.h"
#include "hw/i386/boot.h"
#include "hw/i386/firmware.h"
#include "hw/i386/pc_layout.h"
#include "hw/input/i8042.h"
#include "hw/intc.h"
#include "hw/intc/accel_chips.h"
#include "hw/intc/i8259.h"
#include "hw/intc/ioapic.h"
#include "hw/misc/pvpanic.h"
#include "hw/misc/reset_ports.h"
#include "hw/rtc/mc146818.h"
#include "hw/timer/i8254.h"
#include "target/i386/cpuid.h"
#include "target/i386/lapic.h"
#include "target/i386/x86.h"
#include "util/error.h"
#include "vm/vm.h"

#define ISA_LINES 16
#define CPUS_MAX 16

#define LINE_RTC 8

/* ISA lines that two of the machine's own devices drive: COM1 and COM3, COM2 and COM4. */
#define LINE_COM13 4
#define LINE_COM24 3

typedef struct PcMachine {
    Machine m;
    MemRegion *ram, *lapics;
    Device *pic, *ioapic;                /* NULL if the accelerator has such itself: chips */
    Device *chips, *rtc, *pm;
    IrqLine *isa_in[ISA_LINES];          /* what devices drive */
    IrqLine *split[ISA_LINES];           /* behind it: to the 8259 and to the I/O APIC */
    IrqLine *shared[2];                  /* two inputs each: COM1 and 3, COM2 and 4 */
    IrqLine *isa_second[ISA_LINES];      /* what the second device of a shared line drives */
    DeviceHost second_host;
    IrqLine *extint;                     /* the 8259's output */
    BootImage image;
    GByteArray *acpi;
} PcMachine;

static PcMachine *pc_of(Machine *m)
{
    return (PcMachine *)m;
}

/* ---- interrupts --------------------------------------------------------------------------- */

static void pc_extint(void *opaque, unsigned n, int level)
{
    PcMachine *pc = opaque;

    x86_intc_cpu_ops.set_extint(pc->m.vm, level);
}

static void pc_chip_eoi(void *opaque, uint8_t vector)
{
    ioapic_eoi(((PcMachine *)opaque)->ioapic, vector);
}

static uint8_t pc_chip_acknowledge(void *opaque)
{
    return i8259_acknowledge(((PcMachine *)opaque)->pic);
}

static const IntcChipOps pc_chip_ops = {
    .eoi = pc_chip_eoi, .acknowledge = pc_chip_acknowledge,
};

static Device *pc_device(PcMachine *pc, const DeviceClass *cls, const char *const *props,
                         GError **errp)
{
    return device_list_create(&pc->m.devices, cls, &pc->m.host, NULL, props, errp);
}

static bool pc_create_own_chips(PcMachine *pc, GError **errp)
{
    pc->pic = pc_device(pc, &i8259_class, NULL, errp);
    pc->ioapic = pc->pic ? pc_device(pc, &ioapic_class, NULL, errp) : NULL;
    if (!pc->ioapic) {
        return false;
    }
    ioapic_set_cpu_ops(pc->ioapic, &x86_intc_cpu_ops);
    pc->extint = irq_lines_new(pc_extint, pc, 1);
    i8259_set_output(pc->pic, pc->extint);
    return true;
}

static bool pc_create_chips(PcMachine *pc, GError **errp)
{
    AccelIrqchipState state;

    if (!pc->m.vm->caps.irqchip) {
        return pc_create_own_chips(pc, errp);
    }
    pc->chips = pc_device(pc, &accel_chips_class, NULL, errp);
    if (pc->chips) {
        pc_firmware_accel_chips(&state, pc->m.opt->ncpus);
        accel_chips_set_firmware(pc->chips, &state);
    }
    return pc->chips != NULL;
}

/* Where ISA line n leads; how many. */
static unsigned pc_line_ends(PcMachine *pc, unsigned n, IrqLine **outs)
{
    unsigned count = 0;

    if (pc->chips) {
        outs[count++] = &accel_chips_inputs(pc->chips)[n];
    } else {
        outs[count++] = &i8259_inputs(pc->pic)[n];
        outs[count++] = &ioapic_inputs(pc->ioapic)[n == 0 ? PC_TIMER_PIN : n];
    }
    if (n == LINE_RTC) {
        outs[count++] = acpi_pm_rtc_input(pc->pm);
    }
    return count;
}

/* First of all devices those that the lines of the others lead to. */
static bool pc_create_interrupts(PcMachine *pc, GError **errp)
{
    pc->pm = pc_create_chips(pc, errp) ? pc_device(pc, &acpi_pm_class, NULL, errp) : NULL;
    if (!pc->pm) {
        return false;
    }
    for (unsigned n = 0; n < ISA_LINES; n++) {
        IrqLine *outs[3];

        if (n == PC_TIMER_PIN) {
            continue;    /* the cascade: no such line on the bus */
        }
        pc->split[n] = irq_split_new(outs, pc_line_ends(pc, n, outs));
        pc->isa_in[n] = pc->isa_second[n] = pc->split[n];
    }
    for (unsigned i = 0; i < 2; i++) {
        unsigned n = i ? LINE_COM24 : LINE_COM13;

        pc->shared[i] = irq_or_new(pc->split[n], 2);
        pc->isa_in[n] = &pc->shared[i][0];
        pc->isa_second[n] = &pc->shared[i][1];
    }
    acpi_pm_set_sci(pc->pm, pc->isa_in[PC_SCI]);
    pc->m.host.isa_irq = pc->isa_in;
    pc->second_host = pc->m.host;
    pc->second_host.isa_irq = pc->isa_second;
    return true;
}

/* ---- devices ------------------------------------------------------------------------------ */

/* Seconds by which the real-time clock differs from UTC. */
static int64_t pc_clock_zone(const PcMachine *pc)
{
    time_t now = (time_t)(vm_clock_base_ns(pc->m.vm) / NS_PER_SEC);
    struct tm tm;

    return pc->m.opt->rtc_localtime && localtime_r(&now, &tm) ? tm.tm_gmtoff : 0;
}

/* What firmware writes into the clock's memory: sizes, and the number of CPUs. */
static void pc_fill_rtc(PcMachine *pc)
{
    uint64_t ram = pc->m.opt->ram_size, low = MIN(ram, PC_HOLE);
    uint64_t ext_k = MIN((low - PC_HIGH) >> 10, 0xffff);
    uint64_t ext_64k = low > (16u << 20) ? (low - (16u << 20)) >> 16 : 0;
    uint64_t high_64k = (ram - low) >> 16;
    const struct {
        uint8_t index;
        uint64_t value;
    } bytes[] = {
        { 0x14, 0x02 },                                     /* coprocessor, nothing else */
        { 0x15, 640 & 0xff }, { 0x16, 640 >> 8 },
        { 0x17, ext_k }, { 0x18, ext_k >> 8 }, { 0x30, ext_k }, { 0x31, ext_k >> 8 },
        { 0x34, ext_64k }, { 0x35, ext_64k >> 8 },
        { 0x5b, high_64k }, { 0x5c, high_64k >> 8 }, { 0x5d, high_64k >> 16 },
        { 0x5f, pc->m.opt->ncpus - 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bytes); i++) {
        mc146818_set_memory(pc->rtc, bytes[i].index, (uint8_t)bytes[i].value);
    }
    mc146818_checksum(pc->rtc);
}

static bool pc_create_rtc(PcMachine *pc, GError **errp)
{
    g_autofree char *zone = g_strdup_printf("zone=%" PRIu64, (uint64_t)pc_clock_zone(pc));
    const char *const props[] = { zone, NULL };

    pc->rtc = pc_device(pc, &mc146818_class, props, errp);
    if (pc->rtc) {
        pc_fill_rtc(pc);
    }
    return pc->rtc != NULL;
}

/* A device with a chardev that has no name on the command line. */
static bool pc_create_stream(PcMachine *pc, const DeviceClass *cls, const DeviceHost *host,
                             const char *prop, const char *value, Chardev *chr, GError **errp)
{
    Device *dev = device_new(cls, host, NULL);

    device_set_chardev(dev, "chardev", chr);
    if ((prop && !device_set(dev, prop, value, errp)) || !device_realize(dev, errp)) {
        device_free(dev);
        return false;
    }
    device_list_append(&pc->m.devices, dev);
    return true;
}

static bool pc_create_streams(PcMachine *pc, GError **errp)
{
    static const char *const index[MACHINE_SERIAL_MAX] = { "0", "1", "2", "3" };

    for (unsigned i = 0; i < MACHINE_SERIAL_MAX; i++) {
        if (pc->m.opt->serial[i] &&
            !pc_create_stream(pc, &isa_serial_class, i < 2 ? &pc->m.host : &pc->second_host,
                              "index", index[i], pc->m.opt->serial[i], errp)) {
            return false;
        }
    }
    return !pc->m.opt->debugcon ||
           pc_create_stream(pc, &isa_debugcon_class, &pc->m.host, NULL, NULL, pc->m.opt->debugcon,
                            errp);
}

static bool pc_create_devices(PcMachine *pc, GError **errp)
{
    static const DeviceClass *const simple[] = {
        &i8254_class, &i8042_class, &reset_ports_class, &pvpanic_class,
    };

    if (!pc_create_interrupts(pc, errp)) {
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(simple); i++) {
        if (!pc_device(pc, simple[i], NULL, errp)) {
            return false;
        }
    }
    return pc_create_rtc(pc, errp) && pc_create_streams(pc, errp);
}

/* ---- memory and CPUs ---------------------------------------------------------------------- */

static bool pc_check_options(const MachineOptions *opt, GError **errp)
{
    if (opt->ram_size < PC_RAM_MIN || opt->ram_size > PC_RAM_MAX) {
        return error_set(errp, INVALID, "-m: machine 'pc' takes %u MiB to %u GiB of memory, not %"
                         PRIu64 " bytes", (unsigned)(PC_RAM_MIN >> 20),
                         (unsigned)(PC_RAM_MAX >> 30), opt->ram_size);
    }
    if (opt->ram_size % MEM_PAGE_SIZE) {
        return error_set(errp, INVALID, "-m: %" PRIu64 " bytes are not a whole number of pages",
                         opt->ram_size);
    }
    if (opt->ncpus < 1 || opt->ncpus > CPUS_MAX) {
        return error_set(errp, INVALID, "-smp: machine 'pc' takes 1 to %u CPUs, not %u", CPUS_MAX,
                         opt->ncpus);
    }
    return true;
}

static bool pc_create_memory(PcMachine *pc, GError **errp)
{
    uint64_t ram = pc->m.opt->ram_size, low = MIN(ram, PC_HOLE);
    MemSpace *mem = mem_space_new("memory", UINT64_MAX >> 12);
    MemSpace *io = mem_space_new("io", 0xffff);

    pc->m.vm->memory = pc->m.host.mem = mem;
    pc->m.vm->io = pc->m.host.io = io;
    pc->ram = mem_region_new_ram("ram", ram, errp);
    if (!pc->ram) {
        return false;
    }
    mem_space_begin(mem);
    mem_space_map(mem, 0, pc->ram, 0, PC_VIDEO, 0);
    mem_space_map(mem, PC_VIDEO_END, pc->ram, PC_VIDEO_END, low - PC_VIDEO_END, 0);
    if (ram > low) {
        mem_space_map(mem, PC_HOLE_END, pc->ram, low, ram - low, 0);
    }
    mem_space_commit(mem);
    return true;
}

static bool pc_create_cpus(PcMachine *pc, GError **errp)
{
    const MachineOptions *opt = pc->m.opt;
    const char *model = opt->cpu_model ? opt->cpu_model : pc->m.cls->default_cpu;

    for (unsigned i = 0; i < opt->ncpus; i++) {
        if (!vm_add_cpu(pc->m.vm, pc->m.cls->cpu_class, model, errp)) {
            return false;
        }
    }
    if (pc->m.vm->caps.irqchip) {
        return true;
    }
    x86_lapic_connect(pc->m.vm, &pc_chip_ops, pc);
    pc->lapics = x86_lapic_region_new(pc->m.vm);
    mem_space_map_all(pc->m.host.mem, PC_LAPIC_BASE, pc->lapics, 0);
    return true;
}

/* ---- the machine -------------------------------------------------------------------------- */

static bool pc_create(Machine *m, GError **errp)
{
    PcMachine *pc = pc_of(m);

    if (!pc_check_options(m->opt, errp)) {
        return false;
    }
    if (m->opt->rtc_fixed) {
        vm_clock_set_base_ns(m->vm, m->opt->rtc_base * NS_PER_SEC);
    }
    return pc_create_memory(pc, errp) && pc_create_cpus(pc, errp) && pc_create_devices(pc, errp);
}

/* The tables tell of every COM port, whoever made it: by -serial or by -device. */
static void pc_build_acpi(PcMachine *pc)
{
    static const uint16_t com_ports[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    PcAcpiConfig c = {
        .ncpus = pc->m.opt->ncpus, .ioapic_id = pc->m.opt->ncpus, .sci = PC_SCI,
        .pm_base = PC_PM_BASE,
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(com_ports); i++) {
        MemSection sec;

        c.serial |= (uint8_t)(mem_find(pc->m.host.io, com_ports[i], &sec) << i);
    }
    pc->acpi = pc_acpi_build(&c, PC_TABLES);
    g_assert(pc->acpi->len <= PC_HIGH - PC_TABLES);
}

static bool pc_load(Machine *m, GError **errp)
{
    PcMachine *pc = pc_of(m);
    BootConfig c = {
        .kernel = m->opt->kernel, .initrd = m->opt->initrd, .append = m->opt->append,
        .ram_size = m->opt->ram_size, .rsdp = PC_TABLES,
    };

    if (!c.kernel && (c.initrd || c.append)) {
        return error_set(errp, INVALID, "-initrd and -append say nothing without -kernel");
    }
    if (!c.kernel && !m->vm->caps.executes) {
        return true;
    }
    if (!c.kernel) {
        return error_set(errp, INVALID, "machine 'pc' has no firmware: name a kernel with -kernel");
    }
    boot_image_init(&pc->image, c.ram_size);
    if (!boot_load(&pc->image, &c, errp)) {
        boot_image_clear(&pc->image);
        return false;
    }
    m->gdb_arch = pc->image.is_32bit ? "i386" : NULL;
    pc_build_acpi(pc);
    return true;
}

/* Point the boot CPU at the kernel; the core has reset all CPUs, and the others wait. */
static void pc_enter_kernel(PcMachine *pc)
{
    const BootEntry *e = &pc->image.entry;
    Cpu *cpu = pc->m.vm->cpus[0];
    X86Entry x = {
        .rip = e->rip, .cr3 = e->cr3, .gdt_base = e->gdt_base, .gdt_limit = e->gdt_limit,
        .cs = 0x10, .ds = 0x18,
    };
    X86State *s = x86_state(cpu);

    if (e->long_mode) {
        x86_enter_long64(cpu, &x);
    } else {
        x86_enter_flat32(cpu, &x);
    }
    s->gpr[R_RAX] = e->rax;
    s->gpr[R_RBX] = e->rbx;
    s->gpr[R_RSI] = e->rsi;
}

static void pc_reset(Machine *m)
{
    PcMachine *pc = pc_of(m);

    device_list_reset(&m->devices);
    if (!m->opt->kernel) {
        return;     /* nobody will run: chips as after power-on, no tables */
    }
    boot_image_write(&pc->image, m->host.mem);
    mem_poke(m->host.mem, PC_TABLES, pc->acpi->data, pc->acpi->len, 0);
    if (!pc->chips) {
        pc_firmware_chips(m->host.mem, m->host.io, m->opt->ncpus);
    }
    pc_firmware_timer(m->host.io);
    pc_enter_kernel(pc);
}

static void pc_power_button(Machine *m)
{
    acpi_pm_press_power_button(pc_of(m)->pm);
}

static void pc_nmi(Machine *m)
{
    if (m->vm->caps.irqchip) {
        m->vm->accel->irqchip->nmi(m->vm);
    } else {
        x86_intc_cpu_ops.nmi(m->vm);
    }
}

static void pc_destroy(Machine *m)
{
    PcMachine *pc = pc_of(m);

    device_list_free_all(&m->devices);
    for (unsigned i = 0; i < 2; i++) {
        if (pc->shared[i]) {
            irq_or_free(pc->shared[i]);
        }
    }
    for (unsigned n = 0; n < ISA_LINES; n++) {
        if (pc->split[n]) {
            irq_split_free(pc->split[n]);
        }
    }
    if (pc->extint) {
        irq_lines_free(pc->extint);
    }
    g_clear_pointer(&pc->acpi, g_byte_array_unref);
    boot_image_clear(&pc->image);
    if (m->host.mem) {
        mem_space_free(m->host.mem);
        mem_space_free(m->host.io);
    }
    g_clear_pointer(&pc->lapics, mem_region_free);
    g_clear_pointer(&pc->ram, mem_region_free);
}

const MachineClass pc_machine_class = {
    .name = "pc",
    .desc = "PC without firmware and PCI (8259, I/O APIC, 8254, ACPI, COM1 to COM4)",
    .cpu_class = &x86_cpu_class,
    .default_cpu = "max",
    .cpu_help = x86_model_help,
    .default_ram = UINT64_C(128) << 20,
    .max_cpus = CPUS_MAX,
    .size = sizeof(PcMachine),
    .create = pc_create,
    .load = pc_load,
    .reset = pc_reset,
    .power_button = pc_power_button,
    .nmi = pc_nmi,
    .destroy = pc_destroy,
};
