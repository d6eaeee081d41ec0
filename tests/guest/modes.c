/* The other modes: several CPUs, code rewritten under a running CPU, loops, faults, resets. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#ifdef __x86_64__
#define AX "rax"
#define PC_RELATIVE "(%%rip)"
#else
#define AX "eax"
#define PC_RELATIVE ""
#endif

volatile unsigned smp_counter;
volatile unsigned long spin_counter, spin_beside;
static volatile unsigned done_flag, rewrite_rounds;
static volatile unsigned rewrite_back, rewrite_last, rewrite_own;
static uint8_t shared_code[PAGE] __attribute__((aligned(4096)));

__attribute__((noinline)) void ap_work(unsigned cpu)
{
    for (unsigned i = 0; i < 1000 * (cpu + 1); i++) {
        __asm__ volatile("lock incl %0" : "+m"(smp_counter));
    }
}

unsigned smp_mode_run(void)
{
    unsigned cpus = (unsigned)option_number("cpus", 2);

    smp_start(cpus);
    smp_run(ap_work);
    ap_work(0);
    smp_wait();
    print_line("cpus", cpus);
    print_line("counter", smp_counter);
    return smp_counter == 1000 * cpus * (cpus + 1) / 2 ? 0 : 1;
}

static unsigned shared_call(void)
{
    unsigned v;

    __asm__ volatile("call *%1" : "=a"(v) : "r"(shared_code + 3) : "memory", "cc");
    return v;
}

/* Calls the function that the first CPU rewrites: what it returns may never go back. */
static void rewrite_reader(unsigned cpu)
{
    unsigned last = 0, now;

    (void)cpu;
    while (!done_flag) {
        now = shared_call();
        if (now < last) {
            rewrite_back = rewrite_back + 1;
        }
        last = now;
    }
    /* The flag is written after the last value; CPUID discards what was fetched before. */
    __asm__ volatile("cpuid" : "=a"(now) : "a"(0) : "ebx", "ecx", "edx", "memory");
    if (shared_call() != rewrite_rounds) {
        rewrite_last = rewrite_last + 1;
    }
}

unsigned rewrite_run(void)
{
    unsigned cpus = (unsigned)option_number("cpus", 2);
    unsigned rounds = (unsigned)option_number("rounds", 100000);
    volatile uint32_t *value = (volatile uint32_t *)(void *)(shared_code + 4);

    shared_code[3] = 0xB8; /* mov $imm, %eax with its value on an aligned word; ret */
    shared_code[8] = 0xC3;
    rewrite_rounds = rounds;
    smp_start(cpus);
    smp_run(rewrite_reader);
    for (unsigned i = 1; i <= rounds; i++) {
        *value = i;
        if (i % 16 == 0 && shared_call() != i) {
            rewrite_own = rewrite_own + 1;
        }
    }
    done_flag = 1;
    smp_wait();
    print_line("rounds", rounds);
    print_line("other CPU's value went back", rewrite_back);
    print_line("other CPU's last value stale", rewrite_last);
    print_line("own value stale", rewrite_own);
    print_line("wrong", rewrite_back + rewrite_last + rewrite_own);
    return rewrite_back + rewrite_last + rewrite_own ? 1 : 0;
}

__attribute__((noinline)) void spin_step(void)
{
    spin_counter++;
    spin_beside += spin_counter & 3;
}

static void spin_work(unsigned cpu)
{
    (void)cpu;
    for (;;) {
        spin_step();
    }
}

/* Runs `rounds` steps (0: for ever) while the other CPUs spin too. */
unsigned spin_run(void)
{
    unsigned long rounds = option_number("rounds", 0);

    smp_start((unsigned)option_number("cpus", 1));
    smp_run(spin_work);
    for (unsigned long i = 0; rounds == 0 || i < rounds; i++) {
        spin_step();
    }
    print_line("steps", rounds);
    return 0;
}

/* What the last trap said, and where to go on. */
static volatile unsigned long seen_vector, seen_error, resume_ip;

static void fault_note(Frame *f)
{
    seen_vector = f->vector;
    seen_error = f->error;
    f->ip = resume_ip;
}

#define FAULT(code, ...)                                                                           \
    __asm__ volatile("lea 1f" PC_RELATIVE ", %%" AX "\n\tmov %%" AX ", %0\n\t" code "\n1:"          \
                     : "=m"(resume_ip)                                                             \
                     : __VA_ARGS__                                                                 \
                     : AX, "ecx", "edx", "memory", "cc")

static bool fault_was(const char *name, unsigned long vector, unsigned long error)
{
    bool good = seen_vector == vector && seen_error == error;

    print("guest: ");
    print(name);
    print(good ? " right\n" : " wrong\n");
    if (!good) {
        print_line("  vector", seen_vector);
        print_line("  error", seen_error);
    }
    seen_vector = 999;
    return good;
}

/* One fault of each common kind, with its exact error code. */
unsigned faults_run(void)
{
    unsigned long window = WINDOW_BASE;
    static uint8_t page[PAGE] __attribute__((aligned(4096)));
    static const unsigned vectors[] = {0, 3, 6, 13, 14};
    bool good = true;

    for (unsigned i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        trap_handle(vectors[i], fault_note);
    }
    FAULT("xor %%ecx, %%ecx; xor %%edx, %%edx; mov $1, %%eax; div %%ecx", "m"(page[0]));
    good &= fault_was("divide", 0, 0);
    FAULT("int3", "m"(page[0]));
    good &= fault_was("breakpoint", 3, 0);
    FAULT("ud2", "m"(page[0]));
    good &= fault_was("invalid opcode", 6, 0);
    FAULT("mov $0x48, %%ecx; mov %%ecx, %%ds", "m"(page[0]));
    good &= fault_was("bad selector", 13, 0x48);
    FAULT("movb $1, (%1)", "r"(window));
    good &= fault_was("write of no page", 14, 2);
    FAULT("movb (%1), %%cl", "r"(window));
    good &= fault_was("read of no page", 14, 0);
    window_map(0, 0, page, false);
    FAULT("movb $1, (%1)", "r"(window));
    good &= fault_was("write of read-only page", 14, 3);
    return good ? 0 : 1;
}

/* A reset by the keyboard controller; the loader starts the guest anew. */
unsigned reset_run(void)
{
    out8(0x64, 0xFE);
    cpu_halt();
}

/* A fault with no table to take it: shutdown, which resets the machine. */
unsigned triple_run(void)
{
    static const char none[10];

    __asm__ volatile("lidt %0; int3" ::"m"(none));
    cpu_halt();
}
