/* A device's end of a byte stream: a chardev's callbacks under the VM lock.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_CHAR_FRONTEND_H
#define GLASSBOX_HW_CHAR_FRONTEND_H

#include "chardev/chardev.h"

typedef struct Vm Vm;

/* Embedded in a device. A front without a chardev swallows output and never has input. */
typedef struct CharFront {
    Chardev *chr;
    Vm *vm;
    const ChardevHandlers *handlers;
    void *opaque;
} CharFront;

/*
 * Attach to a chardev (NULL: to nothing). The handlers are called with the VM lock held, on the
 * main-loop thread; none of them may be NULL. False if the chardev has a front end already.
 */
bool char_front_attach(CharFront *f, Vm *vm, Chardev *chr, const ChardevHandlers *handlers,
                       void *opaque, GError **errp);

/* Let go of it; the chardev stays its owner's. Main-loop thread. */
void char_front_detach(CharFront *f);

/* Write; what doesn't fit is lost, as on a line without flow control. VM lock held, any thread. */
void char_front_write(CharFront *f, const void *buf, size_t len);

/* can_receive may have grown. Any thread. */
void char_front_accept(CharFront *f);

#endif
