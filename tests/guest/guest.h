/* The embedded test guest: what its files share. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GUEST_GUEST_H
#define GLASSBOX_GUEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_CPUS 16
#define PAGE 4096u
#define WINDOW_BASE 0xA0000000ul        /* one 2 MiB window of 4 KiB pages per CPU */
#define WINDOW_SIZE 0x200000ul
#define VECTOR_TIMER 0x40
#define VECTOR_SPURIOUS 0xFF

/* What a trap leaves on the stack, lowest address first; matches vectors.S. */
typedef struct Frame {
#ifdef __x86_64__
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
#endif
    unsigned long di, si, bp, bx, dx, cx, ax;
    unsigned long vector, error;
    unsigned long ip, cs, flags;
#ifdef __x86_64__
    unsigned long sp, ss;
#endif
} Frame;

typedef void TrapHandler(Frame *);

/* One row of the table of modes: what `mode=NAME` on the command line runs; its result is the
 * status that the machine ends with. */
typedef struct Mode {
    const char *name;
    unsigned (*run)(void);
} Mode;

static inline void out8(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port)); }
static inline uint8_t in8(uint16_t port)
{
    uint8_t v;
    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

/* console.c */
void console_init(void);
void console_put(char c);
int console_get(void);
void print(const char *text);
void print_dec(unsigned long v);
void print_hex(unsigned long v);
void print_line(const char *name, unsigned long v);

/* options.c */
void options_set(const char *line);
unsigned long option_number(const char *name, unsigned long otherwise);
bool option_is(const char *name, const char *value);
bool text_equal(const char *a, const char *b);

/* cpu.c */
void cpu_tables_init(void);
void cpu_load_tables(void);
void trap_handle(unsigned vector, TrapHandler *handler);
void trap_gate_set(unsigned vector, const void *entry);
void trap_gate_for_user(unsigned vector);
void trap(Frame *f);
void window_map(unsigned cpu, unsigned page, void *phys, bool writable);
void window_unmap(unsigned cpu, unsigned page);
_Noreturn void machine_exit(unsigned status);
_Noreturn void cpu_halt(void);

/* apic.c */
unsigned apic_id(void);
void apic_enable(void);
void apic_timer_start(uint32_t count);
void apic_timer_stop(void);
void apic_start_others(uint8_t page);

/* smp.c */
typedef void CpuWork(unsigned cpu);
unsigned smp_start(unsigned cpus);
void smp_run(CpuWork *work);
void smp_wait(void);
void ap_main(unsigned cpu);

/* modes */
unsigned tour_run(void);
unsigned prompt_run(void);
unsigned smp_mode_run(void);
unsigned debugregs_run(void);
unsigned stress_run(void);
unsigned bench_run(void);
unsigned rewrite_run(void);
unsigned spin_run(void);
unsigned faults_run(void);
unsigned reset_run(void);
unsigned triple_run(void);
unsigned events_run(void);
unsigned ticks_run(void);
unsigned puppet_run(void);      /* 64-bit only */

#endif
