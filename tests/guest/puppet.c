/* Mode 'puppet': a guest that does nothing by itself. A debugger sets a CPU's pc to one of its
 * routines (puppet_*.S, or any function), with pup_done as the return address, and lets it run to there. So
 * one boot serves many tests, and the guest that nobody looks at waits in pup_idle. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define PUPPETS 4

enum { VECTOR_SOFT = 0x50, VECTOR_BACK = 0x51, VECTOR_IPI = 0x60 };

/* What the traps of puppet_traps.S leave behind; `dr6` of #DB only. */
typedef struct PuppetTrap {
    uint64_t vector, error, ip, cs, flags, sp, ss, dr6;
} PuppetTrap;

extern uint64_t gdt[];
extern char pup_trap_0[], pup_trap_1[], pup_trap_2[], pup_trap_3[], pup_trap_6[], pup_trap_13[], pup_trap_14[],
    pup_trap_soft[], pup_trap_back[], pup_trap_ipi[];
_Noreturn void pup_idle(void);

uint8_t pup_stacks[PUPPETS][2 * PAGE] __attribute__((aligned(4096)));
uint8_t pup_data[8 * PAGE] __attribute__((aligned(4096)));
PuppetTrap pup_log[32];
uint32_t pup_log_count;
uint64_t pup_rf_mask;   /* bits of DR6 whose #DB is a fault: its return sets RF */
uint64_t pup_user_sp;

static uint64_t puppet_gdt[8];
static uint8_t trap_stack[PAGE] __attribute__((aligned(16)));
static struct __attribute__((packed)) {
    uint32_t zero;
    uint64_t rsp0;
    uint8_t rest[92];
} tss;

/* User segments in the order that SYSRET wants, and a task state for the way back. */
static void descriptors_load(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } p = {sizeof(puppet_gdt) - 1, (unsigned long)puppet_gdt};
    unsigned long at = (unsigned long)&tss;

    for (unsigned i = 0; i < 4; i++) {
        puppet_gdt[i] = gdt[i];
    }
    puppet_gdt[4] = 0x00CFF3000000FFFF;
    puppet_gdt[5] = 0x00AFFB000000FFFF;
    puppet_gdt[6] = 103 | (at & 0xffffff) << 16 | 0x89ull << 40 | (at >> 24 & 0xff) << 56;
    puppet_gdt[7] = at >> 32;
    tss.rsp0 = (unsigned long)(trap_stack + sizeof(trap_stack));
    __asm__ volatile("lgdt %0; ltr %w1" ::"m"(p), "r"(0x30));
}

static void gates_set(void)
{
    static const struct {
        unsigned vector;
        const char *entry;
    } gates[] = {
        {0, pup_trap_0}, {1, pup_trap_1}, {2, pup_trap_2}, {3, pup_trap_3}, {6, pup_trap_6},
        {13, pup_trap_13}, {14, pup_trap_14}, {VECTOR_SOFT, pup_trap_soft}, {VECTOR_BACK, pup_trap_back},
        {VECTOR_IPI, pup_trap_ipi},
    };

    for (unsigned i = 0; i < sizeof(gates) / sizeof(gates[0]); i++) {
        trap_gate_set(gates[i].vector, gates[i].entry);
    }
    trap_gate_for_user(VECTOR_BACK);
}

/* Ring 3 may use the guest's own memory. */
static void pages_for_user(void)
{
    unsigned long cr3;
    uint64_t *table;

    __asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
    table = (uint64_t *)cr3;
    for (unsigned level = 0; level < 3; level++) {
        table[0] |= 4;
        table = (uint64_t *)(table[0] & ~0xffful);
    }
    __asm__ volatile("mov %0, %%cr3" ::"r"(cr3) : "memory");
}

/* A checksum of memory, printed, then rest. For what a debugger that went has left behind. */
_Noreturn void puppet_report(const uint8_t *from, unsigned long n);

_Noreturn void puppet_report(const uint8_t *from, unsigned long n)
{
    uint32_t h = 2166136261u;

    for (unsigned long i = 0; i < n; i++) {
        h = (h ^ from[i]) * 16777619u;
    }
    print("puppet: sum ");
    print_hex(h);
    print(" traps ");
    print_dec(pup_log_count);
    print("\n");
    pup_idle();
}

/* Other CPUs come here and stay; each debugger's call gives them a stack. */
static void other_idle(unsigned cpu)
{
    (void)cpu;
    pup_idle();
}

/* For a debugger to call, when there are CPUs that still wait for their start-up. */
void puppet_start_others(unsigned cpus);

void puppet_start_others(unsigned cpus)
{
    smp_start(cpus);
    smp_run(other_idle);
}

unsigned puppet_run(void)
{
    descriptors_load();
    gates_set();
    pages_for_user();
    puppet_start_others((unsigned)option_number("cpus", 1));
    print("puppet: ready\n");
    pup_idle();
}
