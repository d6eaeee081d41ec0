/* The VM's clock and its timers: the only time that devices and CPUs may know.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * It counts nanoseconds of running: it stands while the machine is stopped, and no timer expires
 * then. Timers' callbacks run on the main-loop thread with the VM lock held.
 *
 * A manual clock is moved by its owner alone, whether the machine runs or is stopped, and time that
 * passes on the host is nothing to it: so a run can be repeated. */
#ifndef GLASSBOX_VM_CLOCK_H
#define GLASSBOX_VM_CLOCK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Vm Vm;
typedef struct VmTimer VmTimer;

#define NS_PER_US INT64_C(1000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_SEC INT64_C(1000000000)

/* Nanoseconds since the machine's start, without the time it was stopped; never goes back, not
 * even over a reset. Any thread, no lock, cheap (about one clock_gettime). */
int64_t vm_clock_ns(const Vm *vm);
/* Does the clock stand? A manual one always does. Any thread. */
bool vm_clock_frozen(const Vm *vm);

/* The host's monotonic time at which it last began to stand. While it does; for accelerators that have
 * clocks of their own. */
int64_t vm_clock_frozen_since(const Vm *vm);

/* The date at clock value 0, in nanoseconds since 1970 UTC: -rtc base, else the host's at start.
 * Date now = vm_clock_base_ns + vm_clock_ns. */
int64_t vm_clock_base_ns(const Vm *vm);
void vm_clock_set_base_ns(Vm *vm, int64_t ns);

/* ---- the manual clock ---- */

/* A date at 0 for runs that are to be repeated, and for which nobody has set another: 2000-01-01
 * 00:00:00 UTC. */
#define VM_CLOCK_MANUAL_BASE_NS (INT64_C(946684800) * NS_PER_SEC)

/* A manual clock ends here, after some 146 years: sums of two times still are times. */
#define VM_CLOCK_MANUAL_MAX_NS (INT64_MAX / 2)

/* Makes the clock manual for good, with its date. Before the machine first runs. */
void vm_clock_set_manual(Vm *vm);
bool vm_clock_is_manual(const Vm *vm);
/* Moves a manual clock to this value. Timers that are due by then expire on the way, in order, the
 * clock showing each one's own time meanwhile; nothing else ever makes them expire. False, the
 * clock being where it got to: the value lies in the past or behind the end, or an absurd number
 * of timers expired.
 * Control thread, not under the VM lock; no vCPU may execute (parked, or in a rendezvous). */
bool vm_clock_advance_to(Vm *vm, int64_t ns, GError **errp);
/* When the next timer expires; -1: none is armed. Any thread. */
int64_t vm_clock_next_ns(const Vm *vm);

/* ---- timers ---- */

/* A timer that is not armed. Any thread. */
VmTimer *vm_timer_new(Vm *vm, void (*cb)(void *opaque), void *opaque);
/* Disarms and frees. NULL is allowed. On the main-loop thread, or under the VM lock: no callback
 * is then under way or comes later. */
void vm_timer_free(VmTimer *t);
/* Arms (or rearms) it for this value of the clock; one in the past expires at once, but never
 * inside this call (a manual clock: when it is next moved, even by nothing). Any thread. */
void vm_timer_mod(VmTimer *t, int64_t expire_ns);
/* Disarms it; under the VM lock no callback comes afterwards. Any thread. */
void vm_timer_del(VmTimer *t);
bool vm_timer_pending(const VmTimer *t);
/* -1 when not armed. */
int64_t vm_timer_expire_ns(const VmTimer *t);

/* muldiv: a * b / c without overflow in between (ticks <-> nanoseconds). */
static inline uint64_t clock_muldiv(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

#endif
