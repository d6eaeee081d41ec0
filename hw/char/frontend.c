/* A device's end of a byte stream.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/char/frontend.h"
#include "util/log.h"
#include "vm/vm.h"

static size_t front_can_receive(void *opaque)
{
    CharFront *f = opaque;
    size_t n;

    vm_lock(f->vm);
    n = f->handlers->can_receive(f->opaque);
    vm_unlock(f->vm);
    return n;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t len)
{
    CharFront *f = opaque;

    vm_lock(f->vm);
    f->handlers->receive(f->opaque, buf, len);
    vm_unlock(f->vm);
}

static void front_event(void *opaque, ChardevEvent event)
{
    CharFront *f = opaque;

    vm_lock(f->vm);
    f->handlers->event(f->opaque, event);
    vm_unlock(f->vm);
}

static const ChardevHandlers front_handlers = {
    .can_receive = front_can_receive, .receive = front_receive, .event = front_event,
};

bool char_front_attach(CharFront *f, Vm *vm, Chardev *chr, const ChardevHandlers *handlers,
                       void *opaque, GError **errp)
{
    *f = (CharFront){ .vm = vm, .handlers = handlers, .opaque = opaque };
    if (chr && !chardev_attach(chr, &front_handlers, f, errp)) {
        return false;
    }
    f->chr = chr;
    return true;
}

void char_front_detach(CharFront *f)
{
    if (f->chr) {
        chardev_detach(f->chr);
        f->chr = NULL;
    }
}

void char_front_write(CharFront *f, const void *buf, size_t len)
{
    if (f->chr && chardev_write(f->chr, buf, len) < len) {
        log_guest("output to '%s' is lost: nobody takes it fast enough", chardev_label(f->chr));
    }
}

void char_front_accept(CharFront *f)
{
    if (f->chr) {
        chardev_accept_input(f->chr);
    }
}
