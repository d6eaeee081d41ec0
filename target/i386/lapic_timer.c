/* The local APIC's timer: one-shot, periodic and TSC deadline, on the VM's clock.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/lapic_int.h"
#include "target/i386/x86.h"
#include "vm/vm.h"

/* A guest that asks for a shorter period gets this one: the host could not follow. */
#define MIN_PERIOD_NS (20 * NS_PER_US)
#define NEVER INT64_C(-1)

static int64_t now_ns(const X86Lapic *l)
{
    return vm_clock_ns(l->cpu->vm);
}

/* Nanoseconds of one count: a crystal of 1 GHz, divided. */
static int64_t tick_ns(const X86Lapic *l)
{
    unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);

    return INT64_C(1) << ((code + 1) & 7);
}

static bool is_mode(const X86Lapic *l, uint32_t mode)
{
    return (atomic_get_relaxed(&l->lvt[X86_LVT_TIMER]) & LVT_TIMER_MODE) == mode;
}

/* All below with the timer's lock held. */
static void stop(X86Lapic *l)
{
    l->expire_ns = NEVER;
    if (l->timer) {
        vm_timer_del(l->timer);
    }
}

static void run_until(X86Lapic *l, int64_t ns)
{
    l->expire_ns = ns;
    if (l->timer) {
        vm_timer_mod(l->timer, ns);
    }
}

/* The clock value at which the TSC reaches the deadline. */
static int64_t deadline_ns(const X86Lapic *l)
{
    uint64_t ns = l->deadline - x86_state(l->cpu)->tsc_adjust;

    return ns > (uint64_t)INT64_MAX ? (l->deadline > x86_tsc(l->cpu) ? INT64_MAX : 0) : (int64_t)ns;
}

static void start(X86Lapic *l)
{
    if (!l->initial) {
        stop(l);
        return;
    }
    l->start_ns = now_ns(l);
    run_until(l, l->start_ns + l->initial * tick_ns(l));
}

/* Main-loop thread. */
void lapic_timer_fire(void *opaque)
{
    X86Lapic *l = opaque;
    bool fire = false;
    int64_t now;

    mutex_lock(&l->timer_lock);
    now = now_ns(l);
    if (l->expire_ns == NEVER || now < l->expire_ns) {
        if (l->expire_ns != NEVER) {
            vm_timer_mod(l->timer, l->expire_ns);
        }
        mutex_unlock(&l->timer_lock);
        return;
    }
    fire = true;
    if (is_mode(l, LVT_TIMER_PERIODIC) && l->initial) {
        int64_t period = l->initial * tick_ns(l);

        l->start_ns += (now - l->start_ns) / period * period;
        run_until(l, MAX(l->start_ns + period, now + MIN_PERIOD_NS));
    } else {
        l->expire_ns = NEVER;
        l->deadline = 0;
    }
    mutex_unlock(&l->timer_lock);
    if (fire) {
        uint32_t lvt = atomic_get_relaxed(&l->lvt[X86_LVT_TIMER]);

        if (!(lvt & LVT_MASKED)) {
            lapic_accept(l, INTC_MODE_FIXED, lvt & 0xff, INTC_TRIGGER_EDGE);
        }
    }
}

void lapic_timer_reset(X86Lapic *l)
{
    mutex_lock(&l->timer_lock);
    l->divide = l->initial = 0;
    l->deadline = 0;
    stop(l);
    mutex_unlock(&l->timer_lock);
}

void lapic_timer_set_initial(X86Lapic *l, uint32_t v)
{
    if (is_mode(l, LVT_TIMER_DEADLINE)) {
        return;
    }
    mutex_lock(&l->timer_lock);
    l->initial = v;
    start(l);
    mutex_unlock(&l->timer_lock);
}

void lapic_timer_set_divide(X86Lapic *l, uint32_t v)
{
    mutex_lock(&l->timer_lock);
    if (l->expire_ns != NEVER && !is_mode(l, LVT_TIMER_DEADLINE)) {
        /* What is left of the count goes on at the new rate. */
        int64_t left = MAX(l->expire_ns - now_ns(l), 0) / tick_ns(l);

        l->divide = v & 0xb;
        run_until(l, now_ns(l) + left * tick_ns(l));
        l->start_ns = l->expire_ns - l->initial * tick_ns(l);
    }
    l->divide = v & 0xb;
    mutex_unlock(&l->timer_lock);
}

void lapic_timer_set_lvt(X86Lapic *l, uint32_t v)
{
    uint32_t old = l->lvt[X86_LVT_TIMER];

    mutex_lock(&l->timer_lock);
    atomic_put_relaxed(&l->lvt[X86_LVT_TIMER], v);
    if (((old ^ v) & LVT_TIMER_DEADLINE)) {
        l->deadline = 0;
        l->initial = 0;
        stop(l);
    }
    mutex_unlock(&l->timer_lock);
}

uint32_t lapic_timer_current(X86Lapic *l)
{
    int64_t left = 0;

    mutex_lock(&l->timer_lock);
    if (l->expire_ns != NEVER && !is_mode(l, LVT_TIMER_DEADLINE)) {
        int64_t tick = tick_ns(l), period = l->initial * tick, gone = now_ns(l) - l->start_ns;

        if (is_mode(l, LVT_TIMER_PERIODIC)) {
            left = (period - gone % period) / tick;
        } else {
            left = MAX(period - gone, 0) / tick;
        }
    }
    mutex_unlock(&l->timer_lock);
    return (uint32_t)left;
}

uint64_t x86_lapic_deadline(const X86Lapic *l)
{
    return atomic_get_relaxed(&l->deadline);
}

void x86_lapic_set_deadline(X86Lapic *l, uint64_t v)
{
    bool now = false;

    if (!is_mode(l, LVT_TIMER_DEADLINE)) {
        return;
    }
    mutex_lock(&l->timer_lock);
    if (!v) {
        l->deadline = 0;
        stop(l);
    } else if (v <= x86_tsc(l->cpu)) {
        now = true;
        l->deadline = 0;
        stop(l);
    } else {
        l->deadline = v;
        run_until(l, deadline_ns(l));
    }
    mutex_unlock(&l->timer_lock);
    if (now && !(l->lvt[X86_LVT_TIMER] & LVT_MASKED)) {
        lapic_accept(l, INTC_MODE_FIXED, l->lvt[X86_LVT_TIMER] & 0xff, INTC_TRIGGER_EDGE);
    }
}

void x86_lapic_tsc_changed(X86Lapic *l)
{
    uint64_t deadline = x86_lapic_deadline(l);

    if (deadline) {
        x86_lapic_set_deadline(l, deadline);
    }
}
