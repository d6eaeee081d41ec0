/* The 16550A UART's registers, FIFO and interrupts, without its place on a bus.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_CHAR_UART16550_H
#define GLASSBOX_HW_CHAR_UART16550_H

#include "hw/char/frontend.h"
#include "hw/irq.h"
#include "vm/clock.h"
#include "vm/state.h"

#define UART_FIFO_SIZE 16
#define UART_PORTS 8

/* Embedded in a device; everything with the VM lock held. */
typedef struct Uart16550 {
    CharFront front;
    Vm *vm;
    IrqLine *irq;
    VmTimer *timeout;        /* of the receive FIFO */
    bool paused;             /* the machine stands: takes no input */
    bool irq_level;          /* what irq was last told */

    uint8_t ier, lcr, mcr, scr;
    uint8_t fcr;             /* the bits that stay: enable, DMA mode, trigger */
    uint8_t lsr;             /* overrun only; the rest is computed */
    uint8_t msr_delta;       /* changes since MSR was last read */
    uint16_t divisor;
    bool thre_pending;       /* transmitter-empty interrupt not yet seen */
    bool timeout_pending;    /* characters lay in the FIFO for too long */
    uint8_t rx_data[UART_FIFO_SIZE], rx_error[UART_FIFO_SIZE];
    uint8_t rx_head, rx_count;
} Uart16550;

/* Fields for a device's state table: STATE_SUB(Dev, uart, uart16550_fields). */
extern const StateField uart16550_fields[];

/* Attach to the clock, an interrupt line and a chardev (may be NULL). */
bool uart16550_init(Uart16550 *u, Vm *vm, IrqLine *irq, Chardev *chr, GError **errp);
void uart16550_fini(Uart16550 *u);

/* To the state after power-on; what the scratch register holds is lost, too. */
void uart16550_reset(Uart16550 *u);

/* The machine stops and goes on. */
void uart16550_pause(Uart16550 *u);
void uart16550_resume(Uart16550 *u);

/* The state fields were changed from outside: bring the interrupt line in line with them. */
void uart16550_loaded(Uart16550 *u);

/* Read or write register 0 to 7. */
uint8_t uart16550_read(Uart16550 *u, unsigned reg);
void uart16550_write(Uart16550 *u, unsigned reg, uint8_t value);

#endif
