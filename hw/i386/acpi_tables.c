/* The ACPI tables of machine pc.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/acpi_tables.h"

#include <string.h>

#include "hw/acpi/aml.h"
#include "hw/acpi/pm.h"
#include "hw/i386/pc_layout.h"
#include "hw/misc/pvpanic.h"
#include "hw/misc/reset_ports.h"
#include "util/bytes.h"

/* ACPI specification 6.4, chapter 5. The machine is 'full hardware': PM1 block, PM timer, SCI, no
 * GPE block, always in ACPI mode (SMI_CMD is 0). */

#define HEADER_SIZE 36
#define RSDP_SIZE 36
#define RSDP_SIZE_V1 20
#define FACS_SIZE 64
#define FADT_SIZE 268
#define GAS_SIZE 12

/* FADT: IA-PC boot architecture flags. */
#define BOOT_LEGACY_DEVICES 0x0001
#define BOOT_8042 0x0002
#define BOOT_NO_VGA 0x0004
/* FADT: fixed feature flags. The power button is of the fixed kind (PWR_BUTTON clear). */
#define FEATURE_WBINVD (1u << 0)
#define FEATURE_PROC_C1 (1u << 2)
#define FEATURE_NO_FIXED_SLEEP_BUTTON (1u << 5)
#define FEATURE_TIMER_32 (1u << 8)
#define FEATURE_RESET_REGISTER (1u << 10)
#define FEATURE_HEADLESS (1u << 12)
/* MADT: flags of interrupt source overrides. */
#define MPS_ACTIVE_HIGH 0x0001
#define MPS_LEVEL 0x000c

typedef struct Tables {
    GByteArray *out;
    paddr_t base;
} Tables;

static uint8_t checksum(const uint8_t *p, size_t n)
{
    uint8_t sum = 0;

    while (n--) {
        sum += *p++;
    }
    return (uint8_t)-sum;
}

static void put(GByteArray *b, uint64_t v, unsigned size)
{
    uint8_t bytes[8];

    store_le(bytes, v, size);
    g_byte_array_append(b, bytes, size);
}

/* Begin a piece at an aligned place; returns its offset. */
static unsigned piece_begin(Tables *t, unsigned align)
{
    while (t->out->len % align) {
        put(t->out, 0, 1);
    }
    return t->out->len;
}

static unsigned table_begin(Tables *t, const char *signature, uint8_t revision)
{
    unsigned at = piece_begin(t, 16);

    g_byte_array_append(t->out, (const guint8 *)signature, 4);
    put(t->out, 0, 4);    /* length: table_end() */
    put(t->out, revision, 1);
    put(t->out, 0, 1);    /* checksum: table_end() */
    g_byte_array_append(t->out, (const guint8 *)"GLSBOX", 6);
    g_byte_array_append(t->out, (const guint8 *)"GLASSBOX", 8);
    put(t->out, 1, 4);    /* OEM revision */
    g_byte_array_append(t->out, (const guint8 *)"GLBX", 4);
    put(t->out, 1, 4);    /* creator's revision */
    return at;
}

/* Set length and checksum; returns the table's address. */
static paddr_t table_end(Tables *t, unsigned at)
{
    unsigned len = t->out->len - at;

    store_le32(t->out->data + at + 4, len);
    t->out->data[at + 9] = checksum(t->out->data + at, len);
    return t->base + at;
}

/* ---- DSDT ------------------------------------------------------------------------------- */

typedef struct LegacyDevice {
    const char *name, *hid;
    struct {
        uint16_t port;
        uint8_t len;
    } io[5];
    int irq;              /* -1: none */
    int uid;              /* 0: none */
    int serial;           /* only if this serial port is there; -1: always */
} LegacyDevice;

static const LegacyDevice legacy_devices[] = {
    { "PIC_", "PNP0000", { { 0x20, 2 }, { 0xa0, 2 }, { 0x4d0, 2 } }, 2, 0, -1 },
    { "TIMR", "PNP0100", { { 0x40, 4 } }, 0, 0, -1 },
    { "SPKR", "PNP0800", { { 0x61, 1 } }, -1, 0, -1 },
    { "RTC_", "PNP0B00", { { 0x70, 2 } }, 8, 0, -1 },
    { "KBD_", "PNP0303", { { 0x60, 1 }, { 0x64, 1 } }, 1, 0, -1 },
    { "COM1", "PNP0501", { { 0x3f8, 8 } }, 4, 1, 0 },
    { "COM2", "PNP0501", { { 0x2f8, 8 } }, 3, 2, 1 },
    { "COM3", "PNP0501", { { 0x3e8, 8 } }, 4, 3, 2 },
    { "COM4", "PNP0501", { { 0x2e8, 8 } }, 3, 4, 3 },
    { "PVP_", "QEMU0001", { { PVPANIC_PORT, 1 } }, -1, 0, -1 },
    { "MBRS", "PNP0C02",
      { { PC_PM_BASE, ACPI_PM_SIZE }, { 0x80, 1 }, { 0x92, 1 }, { RESET_CONTROL_PORT, 1 } },
      -1, 0, -1 },
};

static void build_device(Aml *a, const LegacyDevice *d)
{
    aml_begin_device(a, d->name);
    aml_name(a, "_HID");
    if (strlen(d->hid) == 7) {
        aml_eisa_id(a, d->hid);
    } else {
        aml_string(a, d->hid);
    }
    if (d->uid) {
        aml_name(a, "_UID");
        aml_int(a, (uint64_t)d->uid);
    }
    aml_name(a, "_STA");
    aml_int(a, 0x0f);    /* there, decoding, shown, working */
    aml_name(a, "_CRS");
    aml_begin_resources(a);
    for (unsigned i = 0; i < G_N_ELEMENTS(d->io) && d->io[i].len; i++) {
        aml_resource_io(a, d->io[i].port, d->io[i].len);
    }
    if (d->irq >= 0) {
        aml_resource_irq(a, (unsigned)d->irq);
    }
    aml_end(a);
    aml_end(a);
}

static paddr_t build_dsdt(Tables *t, const PcAcpiConfig *c)
{
    unsigned at = table_begin(t, "DSDT", 2);
    Aml a;

    aml_init(&a, t->out);
    aml_begin_scope(&a, "\\_SB_");
    for (size_t i = 0; i < G_N_ELEMENTS(legacy_devices); i++) {
        const LegacyDevice *d = &legacy_devices[i];

        if (d->serial < 0 || (c->serial >> d->serial & 1)) {
            build_device(&a, d);
        }
    }
    aml_end(&a);
    aml_name(&a, "\\_S5_");
    aml_begin_package(&a, 4);
    aml_int(&a, ACPI_PM_SLEEP_S5);
    aml_int(&a, ACPI_PM_SLEEP_S5);
    aml_int(&a, 0);
    aml_int(&a, 0);
    aml_end(&a);
    return table_end(t, at);
}

/* ---- FACS, FADT, MADT ------------------------------------------------------------------- */

static paddr_t build_facs(Tables *t)
{
    unsigned at = piece_begin(t, 64);
    uint8_t *p;

    g_byte_array_set_size(t->out, at + FACS_SIZE);
    p = t->out->data + at;
    memset(p, 0, FACS_SIZE);
    memcpy(p, "FACS", 4);
    store_le32(p + 4, FACS_SIZE);
    p[32] = 2;    /* version; no waking vector, no global lock use */
    return t->base + at;
}

/* A generic address structure for a register in I/O space, in bytes. */
static void put_gas(uint8_t *p, uint64_t port, unsigned size)
{
    p[0] = 1;
    p[1] = (uint8_t)(size * 8);
    p[2] = 0;
    p[3] = size == 1 ? 1 : size == 2 ? 2 : 3;
    store_le64(p + 4, port);
}

static paddr_t build_fadt(Tables *t, const PcAcpiConfig *c, paddr_t dsdt, paddr_t facs)
{
    unsigned at = table_begin(t, "FACP", 5);
    uint8_t *p;

    g_byte_array_set_size(t->out, at + FADT_SIZE);
    p = t->out->data + at;
    memset(p + HEADER_SIZE, 0, FADT_SIZE - HEADER_SIZE);
    store_le32(p + 36, (uint32_t)facs);
    store_le32(p + 40, (uint32_t)dsdt);
    p[45] = 1;                                          /* a desktop */
    store_le16(p + 46, (uint16_t)c->sci);
    store_le32(p + 56, c->pm_base + ACPI_PM_EVENT);
    store_le32(p + 64, c->pm_base + ACPI_PM_CONTROL);
    store_le32(p + 76, c->pm_base + ACPI_PM_TIMER);
    p[88] = 4;
    p[89] = 2;
    p[91] = 4;
    store_le16(p + 96, 101);                            /* no C2 */
    store_le16(p + 98, 1001);                           /* no C3 */
    p[108] = 0x32;                                      /* century, in the clock's memory */
    store_le16(p + 109, BOOT_LEGACY_DEVICES | BOOT_8042 | BOOT_NO_VGA);
    store_le32(p + 112, FEATURE_WBINVD | FEATURE_PROC_C1 | FEATURE_NO_FIXED_SLEEP_BUTTON |
               FEATURE_TIMER_32 | FEATURE_RESET_REGISTER | FEATURE_HEADLESS);
    put_gas(p + 116, RESET_CONTROL_PORT, 1);
    p[128] = RESET_CONTROL_VALUE;
    p[131] = 1;                                         /* revision 5.1 */
    store_le64(p + 140, dsdt);
    put_gas(p + 148, c->pm_base + ACPI_PM_EVENT, 4);
    p[148 + 3] = 2;                                     /* status and enable are words */
    put_gas(p + 172, c->pm_base + ACPI_PM_CONTROL, 2);
    put_gas(p + 208, c->pm_base + ACPI_PM_TIMER, 4);
    return table_end(t, at);
}

static void put_override(GByteArray *b, uint8_t source, uint32_t gsi, uint16_t flags)
{
    put(b, 2, 1);
    put(b, 10, 1);
    put(b, 0, 1);    /* bus: ISA */
    put(b, source, 1);
    put(b, gsi, 4);
    put(b, flags, 2);
}

static paddr_t build_madt(Tables *t, const PcAcpiConfig *c)
{
    unsigned at = table_begin(t, "APIC", 3);
    GByteArray *b = t->out;

    put(b, PC_LAPIC_BASE, 4);
    put(b, 1, 4);                /* there is a pair of 8259 */
    for (unsigned i = 0; i < c->ncpus; i++) {
        put(b, 0, 1);
        put(b, 8, 1);
        put(b, i, 1);            /* processor's number */
        put(b, i, 1);            /* APIC id */
        put(b, 1, 4);            /* enabled */
    }
    put(b, 1, 1);
    put(b, 12, 1);
    put(b, c->ioapic_id, 1);
    put(b, 0, 1);
    put(b, PC_IOAPIC_BASE, 4);
    put(b, 0, 4);                /* first GSI */
    put_override(b, 0, PC_TIMER_PIN, 0);
    put_override(b, (uint8_t)c->sci, c->sci, MPS_ACTIVE_HIGH | MPS_LEVEL);
    put(b, 4, 1);                /* NMI: LINT1 of every CPU */
    put(b, 6, 1);
    put(b, 0xff, 1);
    put(b, 0, 2);
    put(b, 1, 1);
    return table_end(t, at);
}

/* ---- roots ------------------------------------------------------------------------------ */

static paddr_t build_root(Tables *t, const char *signature, unsigned entry_size, paddr_t fadt,
                          paddr_t madt)
{
    unsigned at = table_begin(t, signature, 1);

    put(t->out, fadt, entry_size);
    put(t->out, madt, entry_size);
    return table_end(t, at);
}

GByteArray *pc_acpi_build(const PcAcpiConfig *config, paddr_t base)
{
    Tables t = { .out = g_byte_array_new(), .base = base };
    paddr_t facs, dsdt, fadt, madt, rsdt, xsdt;
    uint8_t rsdp[RSDP_SIZE] = { 0 };

    g_assert(base % 64 == 0);
    g_byte_array_append(t.out, rsdp, sizeof(rsdp));
    facs = build_facs(&t);
    dsdt = build_dsdt(&t, config);
    fadt = build_fadt(&t, config, dsdt, facs);
    madt = build_madt(&t, config);
    rsdt = build_root(&t, "RSDT", 4, fadt, madt);
    xsdt = build_root(&t, "XSDT", 8, fadt, madt);
    memcpy(rsdp, "RSD PTR ", 8);
    memcpy(rsdp + 9, "GLSBOX", 6);
    rsdp[15] = 2;
    store_le32(rsdp + 16, (uint32_t)rsdt);
    store_le32(rsdp + 20, RSDP_SIZE);
    store_le64(rsdp + 24, xsdt);
    rsdp[8] = checksum(rsdp, RSDP_SIZE_V1);
    rsdp[32] = checksum(rsdp, RSDP_SIZE);
    memcpy(t.out->data, rsdp, RSDP_SIZE);
    return t.out;
}
