/* What firmware would have done before the kernel: chips set up by their own registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/firmware.h"

#include "hw/i386/pc_layout.h"

typedef struct PortWrite {
    uint16_t port;
    uint8_t value;
} PortWrite;

static const PortWrite port_writes[] = {
    /* 8259 pair: edges, cascade at 2, vectors 08h and 70h, 8086 mode; all masked. */
    { 0x20, 0x11 }, { 0x21, 0x08 }, { 0x21, 0x04 }, { 0x21, 0x01 }, { 0x21, 0xfb },
    { 0xa0, 0x11 }, { 0xa1, 0x70 }, { 0xa1, 0x02 }, { 0xa1, 0x01 }, { 0xa1, 0xff },
    { 0x4d1, 1u << (PC_SCI - 8) },
    /* 8254: counter 0 for 18.2 Hz, counter 1 for the refresh. */
    { 0x43, 0x34 }, { 0x40, 0x00 }, { 0x40, 0x00 }, { 0x43, 0x54 }, { 0x41, 0x12 },
};

void pc_firmware_run(MemSpace *mem, MemSpace *io, unsigned ioapic_id)
{
    const MemAttrs boot_cpu = MEM_ATTRS_CPU(0);

    for (size_t i = 0; i < G_N_ELEMENTS(port_writes); i++) {
        mem_store(io, port_writes[i].port, boot_cpu, 1, port_writes[i].value);
    }
    mem_store(mem, PC_IOAPIC_BASE, boot_cpu, 4, 0);
    mem_store(mem, PC_IOAPIC_BASE + 0x10, boot_cpu, 4, (uint64_t)ioapic_id << 24);
}
