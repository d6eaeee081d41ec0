/* The local APIC by memory: number, timer, start of the other CPUs. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define APIC ((volatile uint32_t *)0xFEE00000ul)
enum {
    REG_ID = 0x20 / 4,
    REG_EOI = 0xB0 / 4,
    REG_SVR = 0xF0 / 4,
    REG_ICR = 0x300 / 4,
    REG_TIMER = 0x320 / 4,
    REG_COUNT = 0x380 / 4,
    REG_DIVIDE = 0x3E0 / 4,
};

volatile unsigned long timer_ticks;

unsigned apic_id(void)
{
    return APIC[REG_ID] >> 24;
}

void apic_enable(void)
{
    APIC[REG_SVR] = 0x100 | VECTOR_SPURIOUS;
}

/* The timer's interrupt: counts, nothing more. */
static void timer_interrupt(Frame *f)
{
    (void)f;
    timer_ticks++;
    APIC[REG_EOI] = 0;
}

/* Periodic timer, every `count` * 16 clocks of the APIC's timer. */
void apic_timer_start(uint32_t count)
{
    trap_handle(VECTOR_TIMER, timer_interrupt);
    APIC[REG_DIVIDE] = 3;
    APIC[REG_TIMER] = 0x20000 | VECTOR_TIMER;
    APIC[REG_COUNT] = count;
}

void apic_timer_stop(void)
{
    APIC[REG_TIMER] = 0x10000 | VECTOR_TIMER;
    APIC[REG_COUNT] = 0;
}

static void icr_send(uint32_t command)
{
    APIC[REG_ICR] = command;
    while (APIC[REG_ICR] & 0x1000) {
        __asm__ volatile("pause");
    }
}

/* INIT and two start-up IPIs to all CPUs but this one; `page` is the page of their first code. */
void apic_start_others(uint8_t page)
{
    icr_send(0xC4500);
    for (unsigned i = 0; i < 10000; i++) {
        out8(0x80, 0);
    }
    icr_send(0xC4600u | page);
    for (unsigned i = 0; i < 300; i++) {
        out8(0x80, 0);
    }
    icr_send(0xC4600u | page);
}
