/* A machine for tests of devices: a clock that the test moves, and wishes that are only counted.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-vm.h"

#include <string.h>

FakeVm fake;

struct VmTimer {
    void (*cb)(void *opaque);
    void *opaque;
    int64_t expire;
    VmTimer *next;
};

static VmTimer *timers;

int64_t vm_clock_ns(const Vm *vm)
{
    return fake.now;
}

int64_t vm_clock_base_ns(const Vm *vm)
{
    return fake.base;
}

int64_t vm_clock_frozen_since(const Vm *vm)
{
    return fake.now;
}

VmTimer *vm_timer_new(Vm *vm, void (*cb)(void *opaque), void *opaque)
{
    VmTimer *t = g_new0(VmTimer, 1);

    t->cb = cb;
    t->opaque = opaque;
    t->expire = -1;
    t->next = timers;
    timers = t;
    return t;
}

void vm_timer_free(VmTimer *t)
{
    VmTimer **p = &timers;

    if (!t) {
        return;
    }
    while (*p != t) {
        p = &(*p)->next;
    }
    *p = t->next;
    g_free(t);
}

void vm_timer_mod(VmTimer *t, int64_t expire_ns)
{
    t->expire = expire_ns;
}

void vm_timer_del(VmTimer *t)
{
    t->expire = -1;
}

bool vm_timer_pending(const VmTimer *t)
{
    return t->expire >= 0;
}

int64_t vm_timer_expire_ns(const VmTimer *t)
{
    return t->expire;
}

void vm_lock(Vm *vm)
{
}

void vm_unlock(Vm *vm)
{
}

bool vm_lock_held(const Vm *vm)
{
    return false;
}

void vm_request_reset(Vm *vm, VmCause cause)
{
    fake.resets++;
}

void vm_request_shutdown(Vm *vm, VmCause cause, int status)
{
    fake.shutdowns++;
    fake.status = status;
}

void vm_request_panic(Vm *vm)
{
    fake.panics++;
}

static VmTimer *first_due(int64_t until)
{
    VmTimer *best = NULL;

    for (VmTimer *t = timers; t; t = t->next) {
        if (t->expire >= 0 && t->expire <= until && (!best || t->expire < best->expire)) {
            best = t;
        }
    }
    return best;
}

static void run_timers(int64_t until, bool late)
{
    VmTimer *t;

    while ((t = first_due(until))) {
        if (!late) {
            fake.now = MAX(fake.now, t->expire);
        }
        t->expire = -1;
        t->cb(t->opaque);
    }
}

void fake_vm_advance(int64_t ns)
{
    int64_t until = fake.now + ns;

    run_timers(until, false);
    fake.now = until;
}

void fake_vm_stall(int64_t ns)
{
    fake.now += ns;
    run_timers(fake.now, true);
}

static void fake_line(void *opaque, unsigned n, int level)
{
    fake.rises[n] += level && !fake.level[n];
    fake.level[n] = level != 0;
}

void fake_vm_init(void)
{
    memset(&fake, 0, sizeof(fake));
    fake.now = 1000 * NS_PER_SEC;
    fake.mem = mem_space_new("memory", UINT32_MAX);
    fake.io = mem_space_new("io", 0xffff);
    fake.lines = irq_lines_new(fake_line, NULL, FAKE_LINES);
    for (unsigned i = 0; i < FAKE_LINES; i++) {
        fake.isa[i] = &fake.lines[i];
    }
    fake.host = (DeviceHost){
        .vm = &fake.vm, .mem = fake.mem, .io = fake.io, .isa_irq = fake.isa,
    };
}

void fake_vm_done(void)
{
    g_assert_null(timers);
    irq_lines_free(fake.lines);
    mem_space_free(fake.mem);
    mem_space_free(fake.io);
}

Device *fake_vm_device(const DeviceClass *cls)
{
    Device *dev = device_new(cls, &fake.host, "dev");
    GError *err = NULL;

    device_realize(dev, &err);
    g_assert_no_error(err);
    if (cls->reset) {
        cls->reset(dev);
    }
    return dev;
}

uint8_t fake_in(uint16_t port)
{
    uint64_t v;

    mem_load(fake.io, port, MEM_ATTRS_CPU(0), 1, &v);
    return (uint8_t)v;
}

void fake_out(uint16_t port, uint8_t v)
{
    mem_store(fake.io, port, MEM_ATTRS_CPU(0), 1, v);
}

char *fake_vm_view(const Device *dev, const char *name)
{
    GString *out = g_string_new(NULL);

    for (const DeviceView *v = dev->cls->views; v->name; v++) {
        if (!strcmp(v->name, name)) {
            v->print(dev, out);
            return g_string_free(out, FALSE);
        }
    }
    g_error("%s has no view %s", dev->cls->name, name);
}

void fake_vm_check_reset(Device *dev, void (*disturb)(Device *dev))
{
    g_autofree void *before = g_malloc(dev->cls->size);
    g_autoptr(GString) diff = g_string_new(NULL);

    dev->cls->reset(dev);
    memcpy(before, dev, dev->cls->size);
    disturb(dev);
    g_assert_cmpuint(state_diff(dev->cls->state, before, dev, STATE_F_NO_RESET, diff), >, 0);
    g_string_truncate(diff, 0);
    dev->cls->reset(dev);
    state_diff(dev->cls->state, before, dev, STATE_F_NO_RESET, diff);
    g_assert_cmpstr(diff->str, ==, "");
}
