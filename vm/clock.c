/* The VM's clock, which stands while the machine is stopped, and its timers.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The clock is the host's monotonic clock plus an offset, or a fixed value while frozen; readers
 * take both by a sequence lock, so that no reader sees it go back. Timers are a sorted list;
 * the first one's time is given to a timerfd, which the main loop watches. A manual clock is one
 * that stays frozen, at values that vm_clock_advance_to chooses. */
#include "vm/clock.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "util/error.h"
#include "util/mainloop.h"
#include "util/thread.h"
#include "vm/run_int.h"
#include "vm/vm.h"

struct VmTimer {
    Vm *vm;
    void (*cb)(void *opaque);
    void *opaque;
    int64_t expire;         /* -1: not armed */
    VmTimer *next;
};

struct VmClock {
    Mutex lock;             /* timers, and writers of the sequence */
    uint32_t seq;           /* odd while being changed */
    uint32_t frozen;
    bool manual;            /* the control thread's own */
    int64_t value;          /* while frozen */
    int64_t offset;         /* clock - host's clock, while not frozen */
    int64_t base;           /* date at 0 */
    VmTimer *first;
    int64_t armed;          /* what the timerfd waits for, in the clock's time; INT64_MAX: none */
    int fd;
    FdWatch *watch;
};

int64_t vm_clock_ns(const Vm *vm)
{
    const struct VmClock *c = vm->clock;

    for (;;) {
        uint32_t seq = atomic_get(&c->seq);
        int64_t now = atomic_get(&c->frozen) ? atomic_get(&c->value)
                                             : host_monotonic_ns() + atomic_get(&c->offset);

        if (!(seq & 1) && atomic_get(&c->seq) == seq) {
            return now;
        }
    }
}

bool vm_clock_frozen(const Vm *vm)
{
    return atomic_get(&vm->clock->frozen);
}

int64_t vm_clock_frozen_since(const Vm *vm)
{
    return atomic_get(&vm->clock->value) - atomic_get(&vm->clock->offset);
}

int64_t vm_clock_base_ns(const Vm *vm)
{
    return atomic_get(&vm->clock->base);
}

void vm_clock_set_base_ns(Vm *vm, int64_t ns)
{
    atomic_put(&vm->clock->base, ns);
}

/* Makes the timerfd wait for the first timer. An earlier setting is left: it only wakes the main
 * loop once for nothing, while timers are moved later far more often than they expire. */
static void clock_arm_locked(struct VmClock *c)
{
    if (c->frozen || !c->first || c->first->expire >= c->armed) {
        return;
    }
    int64_t at = MAX(c->first->expire - c->offset, 1);
    struct itimerspec spec = {
        .it_value = { .tv_sec = at / NS_PER_SEC, .tv_nsec = at % NS_PER_SEC },
    };
    int err = timerfd_settime(c->fd, TFD_TIMER_ABSTIME, &spec, NULL);

    g_assert(err == 0);
    c->armed = c->first->expire;
}

void clock_freeze(Vm *vm)
{
    struct VmClock *c = vm->clock;

    mutex_lock(&c->lock);
    if (!c->frozen) {
        atomic_put(&c->seq, c->seq + 1);
        atomic_put(&c->value, host_monotonic_ns() + c->offset);
        atomic_put(&c->frozen, 1);
        atomic_put(&c->seq, c->seq + 1);
    }
    mutex_unlock(&c->lock);
}

void clock_thaw(Vm *vm)
{
    struct VmClock *c = vm->clock;

    mutex_lock(&c->lock);
    if (c->frozen && !c->manual) {
        atomic_put(&c->seq, c->seq + 1);
        atomic_put(&c->offset, c->value - host_monotonic_ns());
        atomic_put(&c->frozen, 0);
        atomic_put(&c->seq, c->seq + 1);
        c->armed = INT64_MAX;       /* the offset moved: what was set is too early */
        clock_arm_locked(c);
    }
    mutex_unlock(&c->lock);
}

static void timer_unlink_locked(struct VmClock *c, VmTimer *t)
{
    if (t->expire < 0) {
        return;
    }
    for (VmTimer **p = &c->first; *p; p = &(*p)->next) {
        if (*p == t) {
            *p = t->next;
            break;
        }
    }
    atomic_put(&t->expire, -1);
}

/* Takes the first timer off the list if its time has come; NULL if not. */
static VmTimer *clock_take_expired(Vm *vm)
{
    struct VmClock *c = vm->clock;
    VmTimer *t = NULL;

    mutex_lock(&c->lock);
    if (!c->frozen && c->first && c->first->expire <= vm_clock_ns(vm)) {
        t = c->first;
        timer_unlink_locked(c, t);
    }
    mutex_unlock(&c->lock);
    return t;
}

/* The timerfd fired: runs what is due. A bounded number, so that a timer that always rearms
 * itself in the past cannot keep the main loop from its other work. */
static void clock_expired(void *opaque, int fd, unsigned revents)
{
    Vm *vm = opaque;
    struct VmClock *c = vm->clock;
    uint64_t count;
    VmTimer *t;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
        g_error("reading a timerfd: %s", g_strerror(errno));
    }
    vm_lock(vm);
    for (int i = 0; i < 64 && (t = clock_take_expired(vm)); i++) {
        t->cb(t->opaque);
    }
    mutex_lock(&c->lock);
    c->armed = INT64_MAX;
    clock_arm_locked(c);
    mutex_unlock(&c->lock);
    vm_unlock(vm);
}

/* ---- the manual clock ---- */

/* More timers than this in one move are a mistake, and would keep the main loop for minutes. */
#define EXPIRE_MAX 10000000

void vm_clock_set_manual(Vm *vm)
{
    g_assert(vm->clock->frozen && vm->clock->value == 0 && !vm_running(vm));
    vm->clock->manual = true;
}

bool vm_clock_is_manual(const Vm *vm)
{
    return vm->clock->manual;
}

int64_t vm_clock_next_ns(const Vm *vm)
{
    struct VmClock *c = vm->clock;

    mutex_lock(&c->lock);
    int64_t ns = c->first ? c->first->expire : -1;
    mutex_unlock(&c->lock);
    return ns;
}

/* Moves the clock to the first timer's time and takes it off the list, or to `ns` and gives NULL if
 * none is due by then. */
static VmTimer *clock_advance_one(struct VmClock *c, int64_t ns)
{
    VmTimer *t = NULL;

    mutex_lock(&c->lock);
    if (c->first && c->first->expire <= ns) {
        t = c->first;
        ns = MAX(t->expire, c->value);
        timer_unlink_locked(c, t);
    }
    atomic_put(&c->seq, c->seq + 1);
    atomic_put(&c->value, ns);
    atomic_put(&c->seq, c->seq + 1);
    mutex_unlock(&c->lock);
    return t;
}

bool vm_clock_advance_to(Vm *vm, int64_t ns, GError **errp)
{
    struct VmClock *c = vm->clock;
    VmTimer *t;
    unsigned n = 0;

    g_assert(c->manual);
    if (ns < c->value) {
        return error_set(errp, INVALID, "the clock shows %" G_GINT64_FORMAT " ns and never goes "
                         "back", c->value);
    }
    if (ns > VM_CLOCK_MANUAL_MAX_NS) {
        return error_set(errp, INVALID, "the clock ends at %" G_GINT64_FORMAT " ns",
                         VM_CLOCK_MANUAL_MAX_NS);
    }
    vm_lock(vm);
    while (n < EXPIRE_MAX && (t = clock_advance_one(c, ns))) {
        t->cb(t->opaque);
        n++;
    }
    vm_unlock(vm);
    if (n == EXPIRE_MAX) {
        return error_set(errp, FAILED, "the clock shows %" G_GINT64_FORMAT " ns: %u timers have "
                         "expired on the way, and it moves no further at once", c->value, n);
    }
    return true;
}

void clock_init(Vm *vm)
{
    struct VmClock *c = g_new0(struct VmClock, 1);

    mutex_init(&c->lock);
    c->frozen = 1;
    c->armed = INT64_MAX;
    c->base = g_get_real_time() * NS_PER_US;
    c->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (c->fd < 0) {
        g_error("timerfd_create: %s", g_strerror(errno));
    }
    vm->clock = c;
    c->watch = fd_watch_new(c->fd, POLLIN, clock_expired, vm);
}

void clock_fini(Vm *vm)
{
    struct VmClock *c = vm->clock;

    fd_watch_free(c->watch);
    close(c->fd);
    mutex_destroy(&c->lock);
    g_free(c);
    vm->clock = NULL;
}

VmTimer *vm_timer_new(Vm *vm, void (*cb)(void *opaque), void *opaque)
{
    VmTimer *t = g_new0(VmTimer, 1);

    t->vm = vm;
    t->cb = cb;
    t->opaque = opaque;
    t->expire = -1;
    return t;
}

void vm_timer_free(VmTimer *t)
{
    if (t) {
        vm_timer_del(t);
        g_free(t);
    }
}

void vm_timer_mod(VmTimer *t, int64_t expire_ns)
{
    struct VmClock *c = t->vm->clock;
    VmTimer **p = &c->first;

    mutex_lock(&c->lock);
    timer_unlink_locked(c, t);
    expire_ns = MAX(expire_ns, 0);
    while (*p && (*p)->expire <= expire_ns) {
        p = &(*p)->next;
    }
    t->next = *p;
    *p = t;
    atomic_put(&t->expire, expire_ns);
    clock_arm_locked(c);
    mutex_unlock(&c->lock);
}

void vm_timer_del(VmTimer *t)
{
    struct VmClock *c = t->vm->clock;

    mutex_lock(&c->lock);
    timer_unlink_locked(c, t);
    mutex_unlock(&c->lock);
}

bool vm_timer_pending(const VmTimer *t)
{
    return atomic_get(&t->expire) >= 0;
}

int64_t vm_timer_expire_ns(const VmTimer *t)
{
    return atomic_get(&t->expire);
}
