/* Descriptor tables, traps, the per-CPU windows of small pages, and the ways to end. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#ifdef __x86_64__
typedef struct Gate {
    uint16_t low, selector, type, mid;
    uint32_t high, zero;
} Gate;
#else
typedef struct Gate {
    uint16_t low, selector, type, mid;
} Gate;
#endif

typedef struct __attribute__((packed)) TablePointer {
    uint16_t limit;
    unsigned long base;
} TablePointer;

extern char vector_stubs[];
extern uint64_t page_dirs[];

static Gate idt[256] __attribute__((aligned(16)));
static TrapHandler *handlers[256];
static uint64_t window_tables[MAX_CPUS][512] __attribute__((aligned(4096)));

/* A vector's own way in, in place of the stub that calls trap(). */
void trap_gate_set(unsigned vector, const void *entry)
{
    unsigned long at = (unsigned long)entry;

    idt[vector].low = (uint16_t)at;
    idt[vector].selector = 0x08;
    idt[vector].type = 0x8E00;
    idt[vector].mid = (uint16_t)(at >> 16);
#ifdef __x86_64__
    idt[vector].high = (uint32_t)(at >> 32);
#endif
}

void cpu_tables_init(void)
{
    /* The stubs are 16 bytes each, in the order of the vectors. */
    for (unsigned v = 0; v < 256; v++) {
        trap_gate_set(v, vector_stubs + 16ul * v);
    }
    /* Each CPU's 2 MiB window is one directory entry of the identity map, replaced by a table. */
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        page_dirs[(WINDOW_BASE + cpu * WINDOW_SIZE) >> 21] = (unsigned long)window_tables[cpu] | 3;
    }
}

/* On every CPU: its table of interrupt gates, and a fresh view of the page tables. */
void cpu_load_tables(void)
{
    TablePointer p = {sizeof(idt) - 1, (unsigned long)idt};
    unsigned long cr3;

    __asm__ volatile("lidt %0" ::"m"(p));
    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3)::"memory");
}

void trap_handle(unsigned vector, TrapHandler *handler)
{
    handlers[vector] = handler;
}

/* Lets ring 3 raise this vector by INT. */
void trap_gate_for_user(unsigned vector)
{
    idt[vector].type |= 0x6000;
}

/* Called by every vector's stub with interrupts off. */
void trap(Frame *f)
{
    unsigned long cr2;

    if (handlers[f->vector]) {
        handlers[f->vector](f);
        return;
    }
    __asm__ volatile("mov %%cr2, %0" : "=r"(cr2));
    print("guest: unexpected trap ");
    print_dec(f->vector);
    print(" error ");
    print_hex(f->error);
    print(" ip ");
    print_hex(f->ip);
    print(" cr2 ");
    print_hex(cr2);
    print("\n");
    machine_exit(100);
}

void window_map(unsigned cpu, unsigned page, void *phys, bool writable)
{
    window_tables[cpu][page] = (unsigned long)phys | (writable ? 3 : 1);
    __asm__ volatile("invlpg (%0)" ::"r"(WINDOW_BASE + cpu * WINDOW_SIZE + page * PAGE) : "memory");
}

void window_unmap(unsigned cpu, unsigned page)
{
    window_tables[cpu][page] = 0;
    __asm__ volatile("invlpg (%0)" ::"r"(WINDOW_BASE + cpu * WINDOW_SIZE + page * PAGE) : "memory");
}

/* Ends the machine through isa-debug-exit: its exit status becomes 2 * status + 1. Without that
 * device the CPU halts. */
_Noreturn void machine_exit(unsigned status)
{
    print("guest: exit ");
    print_dec(status);
    print("\n");
    out8((uint16_t)option_number("exitport", 0x501), (uint8_t)status);
    cpu_halt();
}

_Noreturn void cpu_halt(void)
{
    for (;;) {
        __asm__ volatile("cli; hlt");
    }
}
