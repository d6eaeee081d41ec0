/* Mode 'stress': locked counters, string instructions, page faults, code that rewrites itself and
 * floating point on every CPU, with no timer and no result that depends on who is first. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define POOL_PAGES 16
#define CODE_SIZE 64

typedef struct Worker {
    uint8_t area[4 * PAGE];
    uint8_t code[PAGE];
    uint8_t pool[POOL_PAGES][PAGE];
    double value;
    uint64_t hash;
    uint32_t faults, compares;
    uint8_t pad[PAGE - 32];
} Worker;

volatile unsigned long stress_counter;
volatile uint32_t stress_bits[MAX_CPUS];
volatile unsigned stress_rounds;
static Worker workers[MAX_CPUS] __attribute__((aligned(4096)));

static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v;
    h *= 0x9E3779B97F4A7C15ull;
    return h ^ (h >> 29);
}

/* A fault in this CPU's window brings in the page; anywhere else it is an error. */
static void page_fault(Frame *f)
{
    unsigned cpu = apic_id();
    unsigned long cr2, base = WINDOW_BASE + cpu * WINDOW_SIZE;
    unsigned page;

    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    page = (unsigned)((cr2 - base) / PAGE);
    if (cr2 < base || page >= POOL_PAGES) {
        trap_handle(14, NULL);
        trap(f);
    }
    workers[cpu].faults++;
    /* A read brings the page in read-only, a later write makes it writable: two faults. */
    window_map(cpu, page, workers[cpu].pool[page], (f->error & 2) != 0);
}

static void locked_counters(unsigned cpu)
{
    __asm__ volatile("lock incl %0" : "+m"(stress_counter)::"cc");
    __asm__ volatile("lock addl %1, %0" : "+m"(stress_counter) : "r"(cpu + 1) : "cc");
    __asm__ volatile("lock btcl %1, %0" : "+m"(stress_bits[cpu]) : "r"(cpu) : "cc");
    __atomic_fetch_xor(&stress_bits[(cpu + 1) % MAX_CPUS], 1u << (16 + cpu % 8), __ATOMIC_SEQ_CST);
}

static void string_moves(Worker *w, unsigned round)
{
    unsigned long n = 1 + (round * 37u) % (2 * PAGE);
    void *to = w->area + PAGE + round % 61, *from = w->area + round % 53;

    __asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(n)::"memory");
    n = 64 + round % 64;
    to = w->area + PAGE - 32;
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(n) : "a"(round * 0x01010101u) : "memory");
    n = 256;
    to = w->area + 64;
    from = w->area + 64 + round % 2;
    __asm__ volatile("repe cmpsb" : "+S"(from), "+D"(to), "+c"(n)::"memory", "cc");
    w->compares += (uint32_t)n;
}

static void window_touch(Worker *w, unsigned cpu, unsigned round)
{
    volatile uint8_t *p = (volatile uint8_t *)(WINDOW_BASE + cpu * WINDOW_SIZE);
    unsigned page = round % POOL_PAGES;

    w->hash = mix(w->hash, p[page * PAGE + round % PAGE]);
    p[page * PAGE + round % PAGE] = (uint8_t)(round + cpu);
    /* Across the border of two pages. */
    *(volatile uint32_t *)(p + (page ? page : 1) * PAGE - 2) = round;
    if (round % 3 == 0) {
        window_unmap(cpu, page);
    }
    if (round % 5 == 0) {
        window_unmap(cpu, (page + POOL_PAGES - 1) % POOL_PAGES);
    }
}

/* mov $imm, %eax; add $imm, %eax; ret - written anew each round at a moving place. */
static void code_rewrite(Worker *w, unsigned round)
{
    uint8_t *p = w->code + (round % 8) * CODE_SIZE;
    uint32_t result;

    p[0] = 0xB8;
    *(uint32_t *)(void *)(p + 1) = round;
    p[5] = 0x05;
    *(uint32_t *)(void *)(p + 6) = round ^ 0x5A5A;
    p[10] = 0xC3;
    __asm__ volatile("call *%1" : "=a"(result) : "r"(p) : "memory", "cc");
    w->hash = mix(w->hash, result);
}

static void floating(Worker *w, unsigned round)
{
    double v = w->value;

    v = v * 1.0000001 + (double)round / 3.0;
    if (v > 1e9) {
        v -= 1e9;
    }
    w->value = v;
    w->hash = mix(w->hash, (uint64_t)(uint32_t)v);
}

__attribute__((noinline)) void stress_round(unsigned cpu, unsigned round)
{
    Worker *w = &workers[cpu];

    locked_counters(cpu);
    string_moves(w, round);
    window_touch(w, cpu, round);
    code_rewrite(w, round);
    floating(w, round);
}

static void stress_work(unsigned cpu)
{
    Worker *w = &workers[cpu];

    for (unsigned i = 0; i < sizeof(w->area); i++) {
        w->area[i] = (uint8_t)(i * 7 + cpu);
    }
    for (unsigned round = 0; round < stress_rounds; round++) {
        stress_round(cpu, round);
    }
    for (unsigned i = 0; i < sizeof(w->area); i++) {
        w->hash = mix(w->hash, w->area[i]);
    }
}

/* Nothing runs after this on the first CPU but the end of the machine: look at memory here. */
__attribute__((noinline)) void stress_done(uint64_t hash)
{
    __asm__ volatile("" ::"r"((unsigned long)hash) : "memory");
}

unsigned stress_run(void)
{
    unsigned cpus = (unsigned)option_number("cpus", 1);
    uint64_t hash = 0;

    stress_rounds = (unsigned)option_number("rounds", 1000);
    trap_handle(14, page_fault);
    smp_start(cpus);
    smp_run(stress_work);
    stress_work(0);
    smp_wait();
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        print_line("cpu", cpu);
        print_line("  faults", workers[cpu].faults);
        print_line("  compares", workers[cpu].compares);
        hash = mix(hash, workers[cpu].hash);
    }
    print_line("counter", stress_counter);
    print("guest: hash ");
    print_hex((unsigned long)(uint32_t)hash);
    print("\n");
    smp_run(NULL);
    smp_wait();
    stress_done(hash);
    return 0;
}
