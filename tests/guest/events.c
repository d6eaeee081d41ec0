/* One of each event that a debugger can catch, at places that have names (ev_*): tests look at
 * what it is told there. The guest's state at ev_end says whether each event took its course
 * once. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define VECTOR_SOFT 0x50
#define VECTOR_BACK 0x51
#define VECTOR_IPI 0x60

extern uint64_t page_dirs[2048];

volatile unsigned events_seen[256];
static uint8_t bytes_in[16];
static const char bytes_out[] = "abcdef";
static uint64_t root[512] __attribute__((aligned(4096)));
static uint64_t dirs[2048] __attribute__((aligned(4096)));
static uint8_t window[PAGE] __attribute__((aligned(4096)));

static void note(Frame *f)
{
    events_seen[f->vector]++;
}

static void note_and_skip(Frame *f)
{
    note(f);
    f->ip += 2;
}

static void note_and_map(Frame *f)
{
    note(f);
    window_map(0, 0, window, true);
}

static void note_and_eoi(Frame *f)
{
    note(f);
    *(volatile uint32_t *)0xFEE000B0ul = 0;
}

static void events_ports(void)
{
    unsigned long count = 3;
    const char *from = bytes_out;
    uint8_t *to = bytes_in;

    __asm__ volatile(".globl ev_out, ev_in, ev_in_next\n"
                     "ev_out: outb %%al, $0x80\n"
                     "        movb $0xa5, %%al\n"
                     "        outb %%al, $0x21\n"
                     "ev_in:  inb $0x21, %%al\n"
                     "ev_in_next: movb %%al, %0" : "=m"(bytes_in[8]) : "a"(0x5a));
    __asm__ volatile(".globl ev_outs, ev_ins, ev_ins_next\n"
                     "ev_outs: rep outsb" : "+S"(from), "+c"(count) : "d"(0x80) : "memory");
    count = 2;
    __asm__ volatile("ev_ins: rep insb\n"
                     "ev_ins_next:" : "+D"(to), "+c"(count) : "d"(0x21) : "memory");
}

static void events_registers(void)
{
    unsigned long cr3, value;

    __asm__ volatile(".globl ev_rdmsr, ev_wrmsr, ev_badmsr\n"
                     "ev_rdmsr: rdmsr" ::"c"(0x277) : "eax", "edx");
    __asm__ volatile("ev_wrmsr: wrmsr" ::"c"(0x174), "a"(0x33), "d"(0));
    __asm__ volatile("ev_badmsr: rdmsr" ::"c"(0xdead) : "eax", "edx");
    __asm__ volatile(".globl ev_cr3, ev_cr3_next, ev_cr3_same, ev_cr4\n"
                     ".globl ev_clts, ev_lmsw, ev_cr3_back\n"
                     "mov %%cr3, %0\n"
                     "ev_cr3: mov %2, %%cr3\n"
                     "ev_cr3_next: mov %2, %1\n"
                     "ev_cr3_same: mov %1, %%cr3\n"
                     "mov %%cr4, %1\n"
                     "ev_cr4: mov %1, %%cr4\n"
                     "ev_clts: clts\n"
                     "smsw %1\n"
                     "ev_lmsw: lmsw %w1" : "=&r"(cr3), "=&r"(value) : "r"(root) : "memory");
#ifdef __x86_64__
    __asm__ volatile(".globl ev_cr8\n"
                     "ev_cr8: mov %0, %%cr8\n"
                     "mov %1, %%cr8" ::"r"(2ul), "r"(0ul));
#endif
    __asm__ volatile("ev_cr3_back: mov %0, %%cr3" ::"r"(cr3) : "memory");
}

static void events_exceptions(void)
{
    __asm__ volatile(".globl ev_ud, ev_pf, ev_int3, ev_int1, ev_int\n"
                     "ev_ud: ud2\n"
                     "ev_pf: movb $7, (%0)\n"
                     "ev_int3: int3\n"
                     "ev_int1: .byte 0xf1\n"
                     "ev_int: int %1" ::"r"(WINDOW_BASE + 0x10), "i"(VECTOR_SOFT) : "memory");
}

/* Sent to itself, so that each comes in at a place that is always the same: STI's and MOV SS's
 * shadow hold it for one instruction. */
static void events_interrupts(void)
{
    volatile uint32_t *icr = (volatile uint32_t *)0xFEE00300ul;

    *icr = 0x44000 | VECTOR_IPI;
    __asm__ volatile(".globl ev_ipi\n"
                     "sti\n"
                     "hlt\n"
                     "ev_ipi: nop\n"
                     "cli" ::: "memory");
    icr[4] = 0;
    __asm__ volatile(".globl ev_nmi\n"
                     "mov %%ss, %%eax\n"
                     "mov %%eax, %%ss\n"
                     "movl $0x4400, %0\n"
                     "ev_nmi: nop" : "=m"(*icr)::"eax", "memory");
}

#ifdef __x86_64__
extern uint64_t gdt[];
static uint64_t own_gdt[8];
static struct __attribute__((packed)) {
    uint32_t zero;
    uint64_t rsp0;
    uint8_t rest[92];
} tss;
static uint8_t trap_stack[4096] __attribute__((aligned(16)));
static volatile unsigned long back_ip, back_sp;

static void go_back(Frame *f)
{
    note(f);
    f->cs = 0x08;
    f->ss = 0x10;
    f->ip = back_ip;
    f->sp = back_sp;
}

/* A table with user segments and a task state, for the way to ring 3 and back. */
static void tables_for_user(void)
{
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } p = {sizeof(own_gdt) - 1, (unsigned long)own_gdt};
    unsigned long at = (unsigned long)&tss;

    for (unsigned i = 0; i < 4; i++) {
        own_gdt[i] = gdt[i];
    }
    own_gdt[4] = 0x00AFFB000000FFFF;
    own_gdt[5] = 0x00CFF3000000FFFF;
    own_gdt[6] = 103 | (at & 0xffffff) << 16 | 0x89ull << 40 | (at >> 24 & 0xff) << 56;
    own_gdt[7] = at >> 32;
    tss.rsp0 = (unsigned long)(trap_stack + sizeof(trap_stack));
    __asm__ volatile("lgdt %0; ltr %w1" ::"m"(p), "r"(0x30));
    trap_gate_for_user(VECTOR_BACK);
}

static void events_modes(void)
{
    __asm__ volatile(".globl ev_compat, ev_long\n"
                     "pushq $0x18\n"
                     "pushq $ev_compat\n"
                     "lretq\n"
                     ".code32\n"
                     "ev_compat: ljmp $0x08, $ev_long\n"
                     ".code64\n"
                     "ev_long:" ::: "memory");
    tables_for_user();
    __asm__ volatile("mov %0, %%cr3" ::"r"(root) : "memory");
    __asm__ volatile(".globl ev_user, ev_back\n"
                     "movq $ev_back, %0\n"
                     "movq %%rsp, %1\n"
                     "pushq $0x2b\n"
                     "pushq %1\n"
                     "pushq $2\n"
                     "pushq $0x23\n"
                     "pushq $ev_user\n"
                     "iretq\n"
                     "ev_user: int %2\n"
                     "ev_back:" : "=m"(back_ip), "=m"(back_sp) : "i"(VECTOR_BACK) : "memory", "cc");
}
#else
static void events_modes(void)
{
}
#endif

/* A second address space that shows the same. */
static void root_make(void)
{
    const uint64_t user = sizeof(long) == 8 ? 6 : 0;    /* not in PAE page-directory pointers */
    static uint64_t pointers[512] __attribute__((aligned(4096)));
    uint64_t *top = sizeof(long) == 8 ? pointers : root;

    for (unsigned i = 0; i < 2048; i++) {
        dirs[i] = page_dirs[i] | 4;
    }
    for (unsigned i = 0; i < 4; i++) {
        top[i] = (unsigned long)(dirs + 512 * i) | 1 | user;
    }
    if (sizeof(long) == 8) {
        root[0] = (unsigned long)pointers | 7;
    }
}

unsigned events_run(void)
{
    static const struct { unsigned vector; TrapHandler *handler; } handlers[] = {
        {1, note}, {2, note}, {3, note}, {6, note_and_skip}, {13, note_and_skip},
        {14, note_and_map}, {VECTOR_SOFT, note}, {VECTOR_IPI, note_and_eoi},
#ifdef __x86_64__
        {VECTOR_BACK, go_back},
#endif
    };
    unsigned good = 0;

    for (unsigned i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        trap_handle(handlers[i].vector, handlers[i].handler);
    }
    root_make();
    __asm__ volatile(".globl ev_begin\nev_begin: nop");
    events_ports();
    events_registers();
    events_exceptions();
    events_interrupts();
    events_modes();
    __asm__ volatile(".globl ev_end\nev_end: nop");
    for (unsigned i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        good += events_seen[handlers[i].vector] == 1;
    }
    print_line("events seen once", good);
    return good == sizeof(handlers) / sizeof(handlers[0]) ? 0 : 1;
}
