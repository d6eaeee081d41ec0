/* The guest's console: the first 16550 UART, polled. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define COM1 0x3F8
enum { DATA = COM1, IER = COM1 + 1, FCR = COM1 + 2, LCR = COM1 + 3, MCR = COM1 + 4, LSR = COM1 + 5 };

void console_init(void)
{
    out8(IER, 0);
    out8(LCR, 0x80);
    out8(DATA, 1); /* 115200 baud */
    out8(IER, 0);
    out8(LCR, 0x03);
    out8(FCR, 0x07);
    out8(MCR, 0x03);
}

void console_put(char c)
{
    if (c == '\n') {
        console_put('\r');
    }
    while (!(in8(LSR) & 0x20)) {
        __asm__ volatile("pause");
    }
    out8(DATA, (uint8_t)c);
}

/* The next received byte, or -1 if none waits. */
int console_get(void)
{
    return in8(LSR) & 0x01 ? in8(DATA) : -1;
}

void print(const char *text)
{
    while (*text) {
        console_put(*text++);
    }
}

void print_dec(unsigned long v)
{
    char digits[24];
    unsigned n = sizeof(digits) - 1;

    digits[n] = 0;
    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    print(digits + n);
}

void print_hex(unsigned long v)
{
    char digits[24];
    unsigned n = sizeof(digits) - 1;

    digits[n] = 0;
    do {
        digits[--n] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    print("0x");
    print(digits + n);
}

void print_line(const char *name, unsigned long v)
{
    print("guest: ");
    print(name);
    print(" = ");
    print_dec(v);
    print("\n");
}
