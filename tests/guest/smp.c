/* The other CPUs: their start, and work handed to all of them at once. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define TRAMPOLINE_PAGE 8

extern const char trampoline[], trampoline_end[];

static volatile unsigned smp_here;   /* CPUs that have arrived, the first one not counted */
static volatile unsigned smp_turn;   /* rises with each piece of work */
static volatile unsigned smp_ready;  /* CPUs that have finished the piece */
static CpuWork *volatile smp_work;
static unsigned smp_others;

/* Once round a loop that waits. The access to a port is for emulated SVM, which takes its host's interrupts
 * while its guest has IF off only when that comes out. */
static void wait_round(void)
{
    out8(0x80, 0);
    __asm__ volatile("pause");
}

/* Starts `cpus` - 1 other CPUs and waits until all have arrived; the number that runs now. */
unsigned smp_start(unsigned cpus)
{
    volatile char *to = (volatile char *)(TRAMPOLINE_PAGE * 4096ul);

    for (const char *p = trampoline; p < trampoline_end; p++) {
        *to++ = *p;
    }
    smp_others = cpus - 1;
    if (smp_others) {
        apic_start_others(TRAMPOLINE_PAGE);
    }
    while (smp_here < smp_others) {
        wait_round();
    }
    return smp_others + 1;
}

/* First C function of every other CPU: takes work for ever. */
void ap_main(unsigned cpu)
{
    unsigned turn = 0;

    cpu_load_tables();
    apic_enable();
    if (cpu > smp_others) {
        cpu_halt(); /* the machine has more CPUs than the command line wants */
    }
    __asm__ volatile("lock incl %0" : "+m"(smp_here));
    for (;;) {
        while (smp_turn == turn) {
            wait_round();
        }
        turn++;
        if (!smp_work) {
            break;
        }
        smp_work(cpu);
        __asm__ volatile("lock incl %0" : "+m"(smp_ready));
    }
    /* The flags tell in which order the CPUs came here: make them the same every time. */
    __asm__ volatile("lock incl %0; test %%esp, %%esp" : "+m"(smp_ready)::"cc");
    cpu_halt();
}

/* Hands `work` to every other CPU (NULL: halt for good); returns without waiting. */
void smp_run(CpuWork *work)
{
    smp_ready = 0;
    smp_work = work;
    smp_turn = smp_turn + 1;
}

void smp_wait(void)
{
    while (smp_ready < smp_others) {
        wait_round();
    }
}
