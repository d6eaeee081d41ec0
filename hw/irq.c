/* Interrupt lines: arrays of them, lines with several drivers, lines with several receivers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include "hw/irq.h"

IrqLine *irq_lines_new(IrqHandler *handler, void *opaque, unsigned count)
{
    IrqLine *lines = g_new0(IrqLine, count);

    for (unsigned i = 0; i < count; i++) {
        lines[i] = (IrqLine){ .handler = handler, .opaque = opaque, .n = i };
    }
    return lines;
}

void irq_lines_free(IrqLine *lines)
{
    g_free(lines);
}

struct IrqTap {
    IrqLine *line, receiver;    /* receiver: what the line was */
    IrqHandler *fn;
    void *opaque;
    unsigned n;
};

static void irq_tap_input(void *opaque, unsigned n, int level)
{
    IrqTap *tap = opaque;

    tap->fn(tap->opaque, tap->n, level);
    irq_set(&tap->receiver, level);
}

IrqTap *irq_tap_new(IrqLine *line, IrqHandler *fn, void *opaque, unsigned n)
{
    IrqTap *tap = g_new(IrqTap, 1);

    *tap = (IrqTap){ .line = line, .receiver = *line, .fn = fn, .opaque = opaque, .n = n };
    *line = (IrqLine){ .handler = irq_tap_input, .opaque = tap };
    return tap;
}

void irq_tap_free(IrqTap *tap)
{
    if (tap) {
        g_assert(tap->line->opaque == tap);
        *tap->line = tap->receiver;
        g_free(tap);
    }
}

/* The inputs come last, so that the handle that users hold, inputs[0], leads back to the whole. */
typedef struct IrqOr {
    IrqLine *out;
    unsigned n, active;
    bool *level;
    IrqLine inputs[];
} IrqOr;

static void irq_or_input(void *opaque, unsigned n, int level)
{
    IrqOr *o = opaque;
    bool on = level != 0;

    if (o->level[n] == on) {
        return;
    }
    o->level[n] = on;
    o->active += on ? 1 : -1;
    if (o->active == (on ? 1 : 0)) {
        irq_set(o->out, on);
    }
}

IrqLine *irq_or_new(IrqLine *out, unsigned n)
{
    IrqOr *o;

    g_assert(n > 0);
    o = g_malloc0(sizeof(*o) + n * sizeof(o->inputs[0]));
    o->out = out;
    o->n = n;
    o->level = g_new0(bool, n);
    for (unsigned i = 0; i < n; i++) {
        o->inputs[i] = (IrqLine){ .handler = irq_or_input, .opaque = o, .n = i };
    }
    return o->inputs;
}

void irq_or_free(IrqLine *inputs)
{
    if (inputs) {
        IrqOr *o = inputs->opaque;
        g_free(o->level);
        g_free(o);
    }
}

typedef struct IrqSplit {
    IrqLine line;
    unsigned n;
    IrqLine *out[];
} IrqSplit;

static void irq_split_input(void *opaque, unsigned n, int level)
{
    IrqSplit *s = opaque;

    for (unsigned i = 0; i < s->n; i++) {
        irq_set(s->out[i], level);
    }
}

IrqLine *irq_split_new(IrqLine *const *outs, unsigned n)
{
    IrqSplit *s = g_malloc0(sizeof(*s) + n * sizeof(s->out[0]));

    s->n = n;
    for (unsigned i = 0; i < n; i++) {
        s->out[i] = outs[i];
    }
    s->line = (IrqLine){ .handler = irq_split_input, .opaque = s, .n = 0 };
    return &s->line;
}

void irq_split_free(IrqLine *line)
{
    if (line) {
        g_free(line->opaque);
    }
}
