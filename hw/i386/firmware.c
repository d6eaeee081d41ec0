/* What firmware would have done before the kernel: chips set up by their own registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/i386/firmware.h"

#include "hw/i386/pc_layout.h"

typedef struct PortWrite {
    uint16_t port;
    uint8_t value;
} PortWrite;

#define PIN_MASKED (UINT64_C(1) << 16)
#define PIC_MASTER_BASE 0x08
#define PIC_SLAVE_BASE 0x70
#define PIC_MASTER_MASK 0xfb    /* all but the cascade */
#define PIC_SLAVE_MASK 0xff
#define PIC_SLAVE_LEVEL (1u << (PC_SCI - 8))

/* 8254: counter 0 for 18.2 Hz, counter 1 for the refresh. */
static const PortWrite pit_writes[] = {
    { 0x43, 0x34 }, { 0x40, 0x00 }, { 0x40, 0x00 }, { 0x43, 0x54 }, { 0x41, 0x12 },
};

/* 8259 pair: edges, cascade at 2, 8086 mode; all masked. */
static const PortWrite pic_writes[] = {
    { 0x20, 0x11 }, { 0x21, PIC_MASTER_BASE }, { 0x21, 0x04 }, { 0x21, 0x01 }, { 0x21, PIC_MASTER_MASK },
    { 0xa0, 0x11 }, { 0xa1, PIC_SLAVE_BASE }, { 0xa1, 0x02 }, { 0xa1, 0x01 }, { 0xa1, PIC_SLAVE_MASK },
    { 0x4d1, PIC_SLAVE_LEVEL },
};

static void ports_write(MemSpace *io, const PortWrite *w, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        mem_store(io, w[i].port, MEM_ATTRS_CPU(0), 1, w[i].value);
    }
}

void pc_firmware_timer(MemSpace *io)
{
    ports_write(io, pit_writes, G_N_ELEMENTS(pit_writes));
}

void pc_firmware_chips(MemSpace *mem, MemSpace *io, unsigned ioapic_id)
{
    const MemAttrs boot_cpu = MEM_ATTRS_CPU(0);

    ports_write(io, pic_writes, G_N_ELEMENTS(pic_writes));
    mem_store(mem, PC_IOAPIC_BASE, boot_cpu, 4, 0);
    mem_store(mem, PC_IOAPIC_BASE + 0x10, boot_cpu, 4, (uint64_t)ioapic_id << 24);
}

void pc_firmware_accel_chips(AccelIrqchipState *state, unsigned ioapic_id)
{
    *state = (AccelIrqchipState){
        .pic = { { .base = PIC_MASTER_BASE, .imr = PIC_MASTER_MASK },
                 { .base = PIC_SLAVE_BASE, .imr = PIC_SLAVE_MASK, .level = PIC_SLAVE_LEVEL } },
        .ioapic_id = (uint8_t)ioapic_id,
    };
    for (unsigned n = 0; n < ACCEL_IOAPIC_PINS; n++) {
        state->pin[n] = PIN_MASKED;
    }
}
