/* The ACPI tables of machine pc.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_I386_ACPI_TABLES_H
#define GLASSBOX_HW_I386_ACPI_TABLES_H

#include <glib.h>
#include "util/types.h"

typedef struct PcAcpiConfig {
    unsigned ncpus;            /* local APIC ids 0 to ncpus - 1 */
    unsigned ioapic_id;
    unsigned sci;              /* interrupt line of the system control interrupt */
    uint16_t pm_base;          /* ports of the fixed hardware */
    uint8_t serial;            /* bit n: COM port n + 1 is there */
} PcAcpiConfig;

/* All tables as they are to lie in memory from `base` on (16-byte aligned, below 4 GiB); the RSDP
 * comes first. */
GByteArray *pc_acpi_build(const PcAcpiConfig *config, paddr_t base);

#endif
