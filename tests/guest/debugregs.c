/* Mode 'debugregs': the guest uses its own DR0-DR3 and TF, and counts what it gets. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define TF 0x100ul
#define RF 0x10000ul
#define DR7_BASE 0x400ul

#define SCRATCH_PORT 0x80
#ifdef __x86_64__
#define STACK "rsp"
#else
#define STACK "esp"
#endif

static volatile unsigned own_hits[4], own_steps, own_other;
volatile uint32_t watched_write, watched_access;

/* Noted by #DB: which of DR0-3, single step, or neither. */
static void debug_trap(Frame *f)
{
    unsigned long dr6, clear = 0xFFFF0FF0ul;
    bool known = false;

    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("mov %0, %%dr6" ::"r"(clear));
    for (unsigned i = 0; i < 4; i++) {
        if (dr6 & (1ul << i)) {
            own_hits[i]++;
            known = true;
        }
    }
    if (dr6 & 0x4000) {
        own_steps++;
        known = true;
    }
    if (!known) {
        own_other++;
    }
    if (dr6 & 1) {
        f->flags |= RF; /* an execute breakpoint is a fault: let the instruction run now */
    }
}

__attribute__((noinline)) unsigned own_function(unsigned v)
{
    __asm__ volatile("" : "+r"(v));
    return v + 1;
}

/* Executes three one-byte instructions with TF set around them. */
static void step_self(void)
{
    __asm__ volatile("pushf\n\t"
                     "orl $0x100, (%%" STACK ")\n\t"
                     "popf\n\t"
                     "nop\n\t"
                     "nop\n\t"
                     "nop\n\t"
                     "pushf\n\t"
                     "andl $0xfffffeff, (%%" STACK ")\n\t"
                     "popf" ::
                         : "memory", "cc");
}

static void registers_arm(void)
{
    /* DR0: execute; DR1: write of 4; DR2: read or write of 4; DR3: I/O of 1 (CR4.DE is on). */
    unsigned long dr7 = DR7_BASE | 0xAAul | 0x0ul << 16 | 0xDul << 20 | 0xFul << 24 | 0x2ul << 28;

    __asm__ volatile("mov %0, %%dr0" ::"r"((unsigned long)own_function));
    __asm__ volatile("mov %0, %%dr1" ::"r"((unsigned long)&watched_write));
    __asm__ volatile("mov %0, %%dr2" ::"r"((unsigned long)&watched_access));
    __asm__ volatile("mov %0, %%dr3" ::"r"((unsigned long)SCRATCH_PORT));
    __asm__ volatile("mov %0, %%dr7" ::"r"(dr7));
}

static bool expect(const char *name, unsigned long got, unsigned long want)
{
    print_line(name, got);
    if (got != want) {
        print_line("  wanted", want);
    }
    return got == want;
}

unsigned debugregs_run(void)
{
    unsigned rounds = (unsigned)option_number("rounds", 5);
    uint32_t sum = 0;
    bool good = true;

    trap_handle(1, debug_trap);
    registers_arm();
    for (unsigned i = 0; i < rounds; i++) {
        sum += own_function(i);
        watched_write = i;
        sum += watched_write;    /* a read: not for DR1 */
        watched_access = i;
        sum += watched_access;
        out8(SCRATCH_PORT, 0);
        step_self();
    }
    __asm__ volatile("mov %0, %%dr7" ::"r"(DR7_BASE));
    sum += own_function(0);
    good &= expect("own execute hits", own_hits[0], rounds);
    good &= expect("own write hits", own_hits[1], rounds);
    good &= expect("own access hits", own_hits[2], 2ul * rounds);
    good &= expect("own port hits", own_hits[3], rounds);
    /* After popf sets TF: three nops, pushf, and, popf each end in a trap. */
    good &= expect("own steps", own_steps, 6ul * rounds);
    good &= expect("other traps", own_other, 0);
    print_line("sum", sum);
    return good ? 0 : 1;
}
