/* Interrupt lines: listening in on a device's, driving its inputs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "qtest/qtest_int.h"
#include "util/error.h"

/* What QEMU's tests call the inputs that have no name of their own. */
#define UNNAMED_IN "unnamed-gpio-in"
#define UNNAMED_OUT "sysbus-irq"

static Device *device_of(QtestServer *s, const char *name, GError **errp)
{
    Device *dev = device_list_find_name(&s->m->devices, name);

    if (!dev) {
        error_set(errp, NOT_FOUND, "there is no device '%s'", name);
    }
    return dev;
}

static bool row_is_output(const DeviceLine *row)
{
    return row->kind != DEVICE_LINE_INPUT;
}

/* The row of this name and direction; the unnamed ones are the first. */
static const DeviceLine *row_find(const Device *dev, const char *name, bool outputs, GError **errp)
{
    const char *unnamed = outputs ? UNNAMED_OUT : UNNAMED_IN;

    for (const DeviceLine *row = dev->cls->lines; row && row->name; row++) {
        if (row_is_output(row) == outputs &&
            (g_str_equal(row->name, name) || g_str_equal(name, unnamed))) {
            return row;
        }
    }
    error_set(errp, NOT_FOUND, "device '%s' has no %s '%s'", dev->id, outputs ? "output" : "input",
              name);
    return NULL;
}

/* VM lock held; any thread. */
static void line_changed(void *opaque, unsigned n, int level)
{
    QtestServer *s = opaque;
    bool *was = &g_array_index(s->levels, bool, n), now = level != 0;

    if (*was != now) {
        *was = now;
        qtest_tell(s, "IRQ %s %u", now ? "raise" : "lower", n);
    }
}

/* A line that leads nowhere keeps its number and is never heard of. */
static void row_tap(QtestServer *s, const Device *dev, const DeviceLine *row)
{
    for (unsigned i = 0; i < row->count; i++) {
        IrqLine *line = device_line(dev, row, i);

        if (line) {
            g_ptr_array_add(s->taps, irq_tap_new(line, line_changed, s, s->levels->len + i));
        }
    }
    g_array_set_size(s->levels, s->levels->len + row->count);
}

void qtest_irq_clear(QtestServer *s)
{
    vm_lock(s->m->vm);
    for (unsigned i = s->taps->len; i-- > 0;) {
        irq_tap_free(g_ptr_array_index(s->taps, i));
    }
    vm_unlock(s->m->vm);
    g_ptr_array_set_size(s->taps, 0);
    g_array_set_size(s->levels, 0);
    s->tapped = NULL;
}

/* One device and direction at a time: the messages have nothing but a number. */
static QtestAnswer intercept(QtestServer *s, const QtestArgs *a, bool outputs, GError **errp)
{
    Device *dev = device_of(s, a->word[0], errp);
    const DeviceLine *only = NULL;

    if (!dev || (a->n > 1 && !(only = row_find(dev, a->word[1], outputs, errp)))) {
        return QTEST_FAIL;
    }
    if (s->tapped == dev && s->tapped_outputs == outputs && s->tapped_row == only) {
        return QTEST_OK;
    }
    if (s->tapped) {
        error_set(errp, BUSY, "lines of device '%s' are intercepted already", s->tapped->id);
        return QTEST_FAIL;
    }
    vm_lock(s->m->vm);
    for (const DeviceLine *row = dev->cls->lines; row && row->name; row++) {
        if (row_is_output(row) == outputs && (!only || row == only)) {
            row_tap(s, dev, row);
        }
    }
    vm_unlock(s->m->vm);
    if (s->levels->len == 0) {
        error_set(errp, NOT_FOUND, "device '%s' has no %s", dev->id,
                  outputs ? "outputs" : "inputs");
        return QTEST_FAIL;
    }
    s->tapped = dev;
    s->tapped_row = only;
    s->tapped_outputs = outputs;
    return QTEST_OK;
}

QtestAnswer qtest_cmd_irq_intercept_in(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                       GString *out, GError **errp)
{
    return intercept(s, a, false, errp);
}

QtestAnswer qtest_cmd_irq_intercept_out(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                        GString *out, GError **errp)
{
    return intercept(s, a, true, errp);
}

QtestAnswer qtest_cmd_set_irq_in(QtestServer *s, const QtestCommand *c, const QtestArgs *a,
                                 GString *out, GError **errp)
{
    Device *dev = device_of(s, a->word[0], errp);
    const DeviceLine *row = dev ? row_find(dev, a->word[1], false, errp) : NULL;

    if (!row) {
        return QTEST_FAIL;
    }
    if (a->num[2] >= row->count) {
        error_set(errp, INVALID, "'%s' of device '%s' has %u lines, numbered from 0", row->name,
                  dev->id, row->count);
        return QTEST_FAIL;
    }
    vm_lock(s->m->vm);
    irq_set(device_line(dev, row, (unsigned)a->num[2]), (int)a->num[3]);
    vm_unlock(s->m->vm);
    return QTEST_OK;
}
