/* Mode ticks: sleeps between interrupts of two timers, and tells the time at each. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

enum { PIC = 0x20, PIT = 0x40, POST = 0x80, VECTOR_PIC = 0x30 };
enum { APIC_MS = 62500, PIT_COUNT = 2500 };     /* 1 ms of 1 GHz / 16; 2.095 ms */

extern volatile unsigned long timer_ticks;
volatile unsigned long ticks_seen, ticks_pit;

static uint64_t time_stamp(void)
{
    uint32_t low, high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

static unsigned pit_count(void)
{
    unsigned low;

    out8(PIT + 3, 0);
    low = in8(PIT);
    return low | (unsigned)in8(PIT) << 8;
}

static void pit_interrupt(Frame *f)
{
    (void)f;
    ticks_pit++;
    out8(PIC, 0x20);
}

/* The 8259 with its vectors at 30h, all masked but the 8254, which runs in mode 2. */
static void pit_start(void)
{
    static const uint8_t master[] = {VECTOR_PIC, 0x04, 0x01, 0xfe};

    trap_handle(VECTOR_PIC, pit_interrupt);
    out8(PIC, 0x11);
    for (unsigned i = 0; i < sizeof(master); i++) {
        out8(PIC + 1, master[i]);
    }
    out8(PIT + 3, 0x34);
    out8(PIT, PIT_COUNT & 0xff);
    out8(PIT, PIT_COUNT >> 8);
}

/* After each interrupt. A debugger's breakpoint is here. */
__attribute__((noinline)) void ticks_step(unsigned n)
{
    ticks_seen = n;
    out8(POST, (uint8_t)n);
    print_line("tick", n);
    print_line("  time stamp", (unsigned long)time_stamp());
    print_line("  8254 at", pit_count());
    print_line("  8254 interrupts", ticks_pit);
    print_line("  APIC interrupts", timer_ticks);
}

unsigned ticks_run(void)
{
    unsigned ticks = (unsigned)option_number("ticks", 10);

    apic_timer_start(APIC_MS);
    pit_start();
    for (unsigned i = 1; i <= ticks; i++) {
        __asm__ volatile("sti; hlt; cli" ::: "memory");
        ticks_step(i);
    }
    apic_timer_stop();
    return 0;
}
