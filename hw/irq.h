/* Interrupt lines between devices and chips.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_IRQ_H
#define GLASSBOX_HW_IRQ_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A line carries a level (0 or not) from one driver to one receiver, whose handler is called for
 * every irq_set(), also if the level stays (edges are the receiver's matter). All with the VM lock.
 */
typedef void IrqHandler(void *opaque, unsigned n, int level);

typedef struct IrqLine {
    IrqHandler *handler;   /* NULL: leads nowhere */
    void *opaque;
    unsigned n;
} IrqLine;

/* An array of count lines 0..count-1 of one receiver; free with irq_lines_free(). */
IrqLine *irq_lines_new(IrqHandler *handler, void *opaque, unsigned count);
void irq_lines_free(IrqLine *lines);

/* Set the level. A NULL line, or one that leads nowhere, ignores it. */
static inline void irq_set(IrqLine *line, int level)
{
    if (line && line->handler) {
        line->handler(line->opaque, line->n, level);
    }
}
static inline void irq_raise(IrqLine *line)
{
    irq_set(line, 1);
}
static inline void irq_lower(IrqLine *line)
{
    irq_set(line, 0);
}
static inline void irq_pulse(IrqLine *line)
{
    irq_set(line, 1);
    irq_set(line, 0);
}

/*
 * Listening in on a line: fn(opaque, n, level) is called at every irq_set() before the receiver is.
 * The line itself is changed, so that nobody pays who isn't listened to. Of several taps on a line
 * the last is freed first; a tap is freed before its line.
 */
typedef struct IrqTap IrqTap;
IrqTap *irq_tap_new(IrqLine *line, IrqHandler *fn, void *opaque, unsigned n);
void irq_tap_free(IrqTap *tap);

/*
 * A line that several devices drive: level is on while one of them says so. irq_or_new(out, n)
 * gives n inputs; their array is the shared line's handle.
 */
IrqLine *irq_or_new(IrqLine *out, unsigned n);
void irq_or_free(IrqLine *inputs);

/* One line in, several out: ISA line n goes to the 8259 and to the IOAPIC. outs are copied. */
IrqLine *irq_split_new(IrqLine *const *outs, unsigned n);
void irq_split_free(IrqLine *line);

#endif
