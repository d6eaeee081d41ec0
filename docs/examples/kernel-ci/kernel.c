/* A kernel small enough to be read at once: a console, a timer, and two tasks that take turns.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdint.h>

enum { COM1 = 0x3f8, PIC = 0x20, PIT = 0x40, DEBUG_EXIT = 0x501 };
enum { TIMER_VECTOR = 0x20, HZ = 100, TICKS = 10, TASKS = 2 };
enum { PASS = 0x10, FAIL = 0x11 };      /* the machine ends with 2 * value + 1: 33 and 35 */

typedef struct Task {
    const char *name;
    unsigned long slices;
} Task;

struct __attribute__((packed)) Gate {
    uint16_t low, selector, type, middle;
    uint32_t high, zero;
};

Task tasks[TASKS] = { { "even", 0 }, { "odd", 0 } };
unsigned current;
volatile unsigned long jiffies;

static struct Gate idt[TIMER_VECTOR + 1] __attribute__((aligned(16)));
extern char timer_stub[];

static void out8(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static void print(const char *text)
{
    for (; *text; text++) {
        while (!(in8(COM1 + 5) & 0x20)) {
        }
        out8(COM1, (uint8_t)*text);
    }
}

static void print_number(unsigned long v)
{
    char digits[21], *p = digits + sizeof(digits) - 1;

    *p = 0;
    do {
        *--p = (char)('0' + v % 10);
    } while (v /= 10);
    print(p);
}

/* Gives the CPU to the next task. */
void schedule(void)
{
    current = (current + 1) % TASKS;
    tasks[current].slices++;
}

/* Called by timer_stub with interrupts off. */
void timer_interrupt(void)
{
    jiffies++;
    schedule();
    out8(PIC, 0x20);
}

static void timer_start(void)
{
    uint64_t at = (uint64_t)timer_stub;
    struct __attribute__((packed)) {
        uint16_t limit;
        uint64_t base;
    } pointer = { sizeof(idt) - 1, (uint64_t)idt };
    unsigned count = 1193182 / HZ;

    idt[TIMER_VECTOR] = (struct Gate){ (uint16_t)at, 8, 0x8e00, (uint16_t)(at >> 16),
                                       (uint32_t)(at >> 32), 0 };
    __asm__ volatile("lidt %0" ::"m"(pointer));
    out8(PIC, 0x11);
    out8(PIC + 1, TIMER_VECTOR);
    out8(PIC + 1, 0x04);
    out8(PIC + 1, 0x01);
    out8(PIC + 1, 0xfe);
    out8(PIT + 3, 0x34);
    out8(PIT, (uint8_t)count);
    out8(PIT, (uint8_t)(count >> 8));
}

void kernel_main(void)
{
    print("kernel: up\n");
    timer_start();
    while (jiffies < TICKS) {
        __asm__ volatile("sti; hlt; cli" ::: "memory");
    }
    for (unsigned i = 0; i < TASKS; i++) {
        print("kernel: ");
        print(tasks[i].name);
        print(" had ");
        print_number(tasks[i].slices);
        print(" slices\n");
    }
    out8(DEBUG_EXIT, tasks[0].slices == tasks[1].slices ? PASS : FAIL);
}
