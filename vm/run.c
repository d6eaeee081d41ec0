/* Run control: the only writer of run state. Lets vCPUs go, parks them, brings them together.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A vCPU is PARKED (its state belongs to the control thread), RUNNING, or DRAINING (asked to
 * park). A drain asks all of them; the last one to park wakes the main loop, which handles what
 * was asked for (reset, end), then tells the hooks once. A rendezvous is a drain that nobody
 * hears of. */
#include "vm/run_int.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "util/error.h"

static const DebugPlan no_plan;

void run_notify(Vm *vm)
{
    uint64_t one = 1;

    if (write(vm->run->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN) {
        g_error("writing an eventfd: %s", g_strerror(errno));
    }
}

void run_kick_locked(Cpu *cpu)
{
    atomic_or_old(&cpu->attn, CPU_ATTN_EXIT);
    if (cpu_current() == cpu) {
        return;
    }
    if (atomic_get(&cpu->asleep)) {
        cond_signal(&cpu->run->cond);
    } else if (cpu->ops->vcpu_kick) {
        cpu->ops->vcpu_kick(cpu);
    }
}

/* Cpu.kick: CPU_ATTN_EXIT is set. A thread that falls asleep after our look sees the wish that
 * was set before the kick. */
static void run_kick(Cpu *cpu)
{
    struct VmRun *run = cpu->vm->run;

    if (atomic_get(&cpu->asleep)) {
        mutex_lock(&run->lock);
        cond_signal(&cpu->run->cond);
        mutex_unlock(&run->lock);
    } else if (cpu->ops->vcpu_kick) {
        cpu->ops->vcpu_kick(cpu);
    }
}

/* Cpu.wake: irq_pending has changed. */
static void run_wake(Cpu *cpu)
{
    struct VmRun *run = cpu->vm->run;

    if (atomic_get(&cpu->asleep)) {
        mutex_lock(&run->lock);
        cond_signal(&cpu->run->cond);
        mutex_unlock(&run->lock);
    } else if (cpu->ops->vcpu_irq) {
        cpu->ops->vcpu_irq(cpu);
    }
}

static void park_locked(Cpu *cpu)
{
    if (atomic_get(&cpu->run_state) == RUN_PARKED) {
        return;
    }
    atomic_put(&cpu->run_state, RUN_DRAINING);
    atomic_or_old(&cpu->run->wish, WISH_PARK);
    run_kick_locked(cpu);
}

static void park_all_locked(Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        park_locked(vm->cpus[i]);
    }
}

void run_drain_locked(Vm *vm)
{
    struct VmRun *run = vm->run;

    if (run->draining) {
        return;
    }
    run->draining = true;
    if (run->nrunning) {
        park_all_locked(vm);
    } else {
        run_notify(vm);
    }
}

bool vm_park_all(Vm *vm, StopKind why)
{
    struct VmRun *run = vm->run;
    bool did;

    mutex_lock(&run->lock);
    did = run->nrunning > 0 || run->draining || run->rendezvous;
    if (did) {
        if (run->why == STOP_NONE) {
            run->why = why;
        }
        run_drain_locked(vm);
    }
    mutex_unlock(&run->lock);
    return did;
}

void vm_park_cpu(Cpu *cpu)
{
    struct VmRun *run = cpu->vm->run;

    mutex_lock(&run->lock);
    if (atomic_get(&cpu->run_state) != RUN_PARKED) {
        cpu->run->alone = true;
        park_locked(cpu);
    }
    mutex_unlock(&run->lock);
}

StopKind vm_stop_why(const Vm *vm)
{
    mutex_lock(&vm->run->lock);
    StopKind why = vm->run->why;
    mutex_unlock(&vm->run->lock);
    return why;
}

const VmParked *vm_cpu_parked_with(const Cpu *cpu)
{
    return &cpu->run->parked;
}

void vm_cpu_parked_clear(Cpu *cpu)
{
    g_clear_pointer(&cpu->run->parked.exit.error, g_free);
    cpu->run->parked = (VmParked){ .exit.kind = EXIT_KICK };
}

const RunArgs *vm_cpu_args(const Cpu *cpu)
{
    return &cpu->run->args;
}

bool vm_cpu_running(const Cpu *cpu)
{
    return atomic_get(&cpu->run_state) != RUN_PARKED;
}

/* Executes, asleep without a reason to wake, or parked? Lock held. A sleeper is inside its wait as
 * long as we hold the lock, so that its state can be looked at. */
static VmActivity cpu_activity_locked(const Cpu *cpu)
{
    switch (atomic_get(&cpu->run_state)) {
    case RUN_PARKED:
        return VM_ACTIVITY_STOPPED;
    case RUN_RUNNING:
        if (!cpu->vm->caps.executes || (atomic_get(&cpu->asleep) && !atomic_get(&cpu->run->wish) &&
                                        !vcpu_can_run(cpu))) {
            return VM_ACTIVITY_HALTED;
        }
        return VM_ACTIVITY_EXECUTES;
    default:
        return VM_ACTIVITY_EXECUTES;        /* on its way to the parking place */
    }
}

VmActivity vm_activity(Vm *vm, unsigned *cpu)
{
    struct VmRun *run = vm->run;
    VmActivity all = VM_ACTIVITY_STOPPED;

    mutex_lock(&run->lock);
    *cpu = 0;
    if ((run->draining && !run->rendezvous) || (run->requests && !run->ended)) {
        all = VM_ACTIVITY_CHANGES;
    }
    for (unsigned i = 0; i < vm->ncpus && all > VM_ACTIVITY_EXECUTES; i++) {
        VmActivity one = cpu_activity_locked(vm->cpus[i]);

        if (one < all) {
            all = one;
            *cpu = i;
        }
    }
    mutex_unlock(&run->lock);
    return all;
}

void vm_watch_activity(Vm *vm, void (*fn)(void *opaque), void *opaque)
{
    struct VmRun *run = vm->run;

    mutex_lock(&run->lock);
    g_assert(!fn || !run->activity);
    run->activity = fn;
    run->activity_opaque = opaque;
    mutex_unlock(&run->lock);
}

bool vm_running(const Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        if (vm_cpu_running(vm->cpus[i])) {
            return true;
        }
    }
    return false;
}

/* Lets one parked vCPU go with run->args. */
static void go_locked(Cpu *cpu)
{
    struct VcpuRun *r = cpu->run;

    g_assert(atomic_get(&cpu->run_state) == RUN_PARKED);
    vm_cpu_parked_clear(cpu);
    r->alone = false;
    r->again = false;
    r->go = true;
    cpu->pc_written = false;
    atomic_put(&cpu->run_state, RUN_RUNNING);
    cpu->vm->run->nrunning++;
    cond_signal(&r->cond);
}

/* The clock, the executor's clocks and the devices go. Nothing runs. */
static void machine_resume(Vm *vm, bool hold_clock)
{
    struct VmRun *run = vm->run;

    if (!hold_clock) {
        if (vm->accel->clock_freeze) {
            vm->accel->clock_freeze(vm, false);
        }
        clock_thaw(vm);
    }
    if (!run->going) {
        run->going = true;
        power_notify_running(vm);
    }
}

static void machine_pause(Vm *vm)
{
    struct VmRun *run = vm->run;

    if (!run->going) {
        return;
    }
    clock_freeze(vm);
    if (vm->accel->clock_freeze) {
        vm->accel->clock_freeze(vm, true);
    }
    run->going = false;
    power_notify_paused(vm);
}

void vm_go(Vm *vm, const VmGo *go, unsigned n, bool hold_clock)
{
    struct VmRun *run = vm->run;

    g_assert(!vm_lock_held(vm) && !run->ended && !run->powered_off);
    if (n == 0) {
        return;
    }
    vm_finish_caught_reset(vm);
    mutex_lock(&run->lock);
    bool first = run->nrunning++ == 0;  /* a token: nobody freezes the clock meanwhile */
    run->hold_clock = hold_clock;
    run->draining = run->requests != 0;
    run->why = STOP_NONE;
    mutex_unlock(&run->lock);
    if (first) {
        machine_resume(vm, hold_clock);
    }
    mutex_lock(&run->lock);
    for (unsigned i = 0; i < n; i++) {
        go[i].cpu->run->args = go[i].args;
        go_locked(go[i].cpu);
    }
    run->nrunning--;
    if (run->draining) {
        park_all_locked(vm);    /* a request came meanwhile: they park again at once */
    }
    mutex_unlock(&run->lock);
}

void vm_go_all(Vm *vm)
{
    VmGo go[VM_MAX_CPUS];
    unsigned n = 0;

    for (unsigned i = 0; i < vm->ncpus; i++) {
        if (!vm_cpu_running(vm->cpus[i])) {
            go[n++] = (VmGo){ .cpu = vm->cpus[i] };
        }
    }
    vm_go(vm, go, n, false);
}

void vm_wait_parked(Vm *vm)
{
    struct VmRun *run = vm->run;

    g_assert(!vm_lock_held(vm) && !cpu_current());
    mutex_lock(&run->lock);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        while (atomic_get(&vm->cpus[i]->run_state) == RUN_DRAINING) {
            cond_wait(&run->control, &run->lock);
        }
    }
    mutex_unlock(&run->lock);
}

/* Those that parked with nothing to tell go on as they were. Lock held. */
static void again_locked(Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        struct VcpuRun *r = vm->cpus[i]->run;

        if (r->again && !r->alone) {
            go_locked(vm->cpus[i]);
        }
    }
}

void vm_rendezvous(Vm *vm, void (*fn)(void *opaque), void *opaque)
{
    struct VmRun *run = vm->run;

    g_assert(!vm_lock_held(vm) && !cpu_current());
    mutex_lock(&run->lock);
    bool was_running = run->nrunning > 0;
    if (was_running) {
        run->rendezvous = true;
        park_all_locked(vm);
        while (run->nrunning) {
            cond_wait(&run->control, &run->lock);
        }
    }
    mutex_unlock(&run->lock);
    fn(opaque);
    if (!was_running) {
        return;
    }
    mutex_lock(&run->lock);
    run->rendezvous = false;
    if (run->draining) {
        run_notify(vm);         /* a stop or a request came in between: it goes its way */
    } else {
        again_locked(vm);
    }
    if (run->nrunning == 0) {
        clock_freeze(vm);
    }
    mutex_unlock(&run->lock);
}

/* vCPUs that parked alone are told one by one. */
static void dispatch_alone(Vm *vm)
{
    struct VmRun *run = vm->run;

    for (unsigned i = 0; i < vm->ncpus; i++) {
        Cpu *cpu = vm->cpus[i];

        mutex_lock(&run->lock);
        bool tell = cpu->run->alone && atomic_get(&cpu->run_state) == RUN_PARKED;
        if (tell) {
            cpu->run->alone = false;
            cpu->run->again = false;
        }
        mutex_unlock(&run->lock);
        if (tell && run->hooks && run->hooks->cpu_parked) {
            run->hooks->cpu_parked(run->hooks_opaque, cpu);
        }
    }
}

/* Lets go on what parked with nothing to tell. Its caller has taken a token of nrunning, so that
 * nobody takes the machine for stopped meanwhile. */
static void go_on(Vm *vm)
{
    struct VmRun *run = vm->run;

    machine_resume(vm, run->hold_clock);
    mutex_lock(&run->lock);
    again_locked(vm);
    run->nrunning--;
    if (run->draining) {
        park_all_locked(vm);    /* asked for meanwhile */
    }
    mutex_unlock(&run->lock);
}

/* A drain is complete: requests first, then, if there is anything to tell, the hooks; if not,
 * what ran goes on. `draining` stays set until it is decided, so that a wish that comes meanwhile
 * takes part in the decision. */
static void dispatch_drained(Vm *vm)
{
    struct VmRun *run = vm->run;
    bool stay = false, anyone = false;

    do {
        stay |= power_handle_requests(vm);
        mutex_lock(&run->lock);
        if (!run->requests || run->ended) {
            break;
        }
        mutex_unlock(&run->lock);
    } while (true);
    stay |= run->why != STOP_NONE;
    for (unsigned i = 0; i < vm->ncpus; i++) {
        stay |= vm->cpus[i]->run->parked.order != 0;
        anyone |= vm->cpus[i]->run->again;
    }
    for (unsigned i = 0; stay && i < vm->ncpus; i++) {
        vm->cpus[i]->run->again = false;
    }
    run->draining = false;
    if (!stay && anyone) {
        run->nrunning++;
    }
    mutex_unlock(&run->lock);
    if (!stay && anyone) {
        go_on(vm);
    } else if (stay) {
        machine_pause(vm);
        if (!run->ended && run->hooks && run->hooks->parked) {
            run->hooks->parked(run->hooks_opaque);
        }
    }
}

/* Something parked: the main loop's part. */
static void run_dispatch(void *opaque, int fd, unsigned revents)
{
    Vm *vm = opaque;
    struct VmRun *run = vm->run;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN) {
        g_error("reading an eventfd: %s", g_strerror(errno));
    }
    dispatch_alone(vm);
    mutex_lock(&run->lock);
    bool idle = run->nrunning == 0;
    bool drained = run->draining && idle;
    mutex_unlock(&run->lock);
    if (drained) {
        dispatch_drained(vm);
    } else if (idle && run->going) {
        machine_pause(vm);      /* the last one parked alone */
    }
    if (run->activity) {
        run->activity(run->activity_opaque);
    }
}

void vm_set_run_hooks(Vm *vm, const VmRunHooks *hooks, void *opaque)
{
    g_assert(!vm_running(vm));
    vm->run->hooks = hooks;
    vm->run->hooks_opaque = opaque;
}

static void work_push(Cpu *cpu, WorkItem item)
{
    struct VmRun *run = cpu->vm->run;

    g_assert(run->started);
    g_queue_push_tail(&cpu->run->work, g_memdup2(&item, sizeof(item)));
    atomic_or_old(&cpu->run->wish, WISH_WORK);
    if (atomic_get(&cpu->run_state) != RUN_PARKED) {
        run_kick_locked(cpu);
    } else if (item.done) {
        cpu->run->serve = true;
        cond_signal(&cpu->run->cond);
    }
}

void vm_run_on_cpu_async(Cpu *cpu, void (*fn)(Cpu *cpu, void *data), void *data,
                         void (*free_data)(void *data))
{
    struct VmRun *run = cpu->vm->run;

    mutex_lock(&run->lock);
    work_push(cpu, (WorkItem){ .fn = fn, .data = data, .free_data = free_data });
    mutex_unlock(&run->lock);
}

void vm_run_on_cpu(Cpu *cpu, void (*fn)(Cpu *cpu, void *data), void *data)
{
    struct VmRun *run = cpu->vm->run;
    bool done = false;

    if (cpu_current() == cpu) {
        fn(cpu, data);
        return;
    }
    g_assert(!vm_lock_held(cpu->vm) && !cpu_current());
    mutex_lock(&run->lock);
    work_push(cpu, (WorkItem){ .fn = fn, .data = data, .done = &done });
    while (!done) {
        cond_wait(&run->control, &run->lock);
    }
    mutex_unlock(&run->lock);
}

static bool plan_for_cpus(Vm *vm, const DebugPlan *plan, unsigned *failed, GError **errp)
{
    for (unsigned i = 0; i < vm->ncpus && vm->accel->vcpu_plan; i++) {
        if (!vm->accel->vcpu_plan(vm->cpus[i], plan, errp)) {
            *failed = i;
            return false;
        }
    }
    return true;
}

bool vm_set_plan(Vm *vm, const DebugPlan *plan, GError **errp)
{
    struct VmRun *run = vm->run;
    const DebugPlan *old = run->plan;
    unsigned failed = 0;

    g_assert(!vm_running(vm));
    if (vm->accel->plan && !vm->accel->plan(vm, old, plan, errp)) {
        return false;
    }
    if (!plan_for_cpus(vm, plan, &failed, errp)) {
        for (unsigned i = 0; i < failed; i++) {
            vm->accel->vcpu_plan(vm->cpus[i], old, NULL);
        }
        if (vm->accel->plan) {
            vm->accel->plan(vm, plan, old, NULL);
        }
        return false;
    }
    run->plan = plan;
    return true;
}

void run_init(Vm *vm)
{
    struct VmRun *run = g_new0(struct VmRun, 1);

    mutex_init(&run->lock);
    cond_init(&run->control);
    run->plan = &no_plan;
    run->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (run->event_fd < 0) {
        g_error("eventfd: %s", g_strerror(errno));
    }
    vm->run = run;
    run->watch = fd_watch_new(run->event_fd, POLLIN, run_dispatch, vm);
}

static void vcpu_run_init(Cpu *cpu)
{
    struct VcpuRun *r = g_new0(struct VcpuRun, 1);

    cond_init(&r->cond);
    g_queue_init(&r->work);
    r->parked.exit.kind = EXIT_KICK;
    cpu->run = r;
    cpu->kick = run_kick;
    cpu->wake = run_wake;
    cpu->ops = cpu->vm->accel;
    cpu->fetch = cpu->ops->vcpu_fetch;
    cpu->dirty = true;
}

static void vcpu_run_fini(Cpu *cpu)
{
    struct VcpuRun *r = cpu->run;

    vm_cpu_parked_clear(cpu);
    vcpu_work_clear(cpu);
    g_clear_error(&r->error);
    cond_destroy(&r->cond);
    g_free(r);
    cpu->run = NULL;
}

/* Ends the threads of the first n vCPUs. */
static void run_end_threads(Vm *vm)
{
    struct VmRun *run = vm->run;

    mutex_lock(&run->lock);
    run->rendezvous = true;     /* what happens from here on is told to nobody */
    park_all_locked(vm);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        if (vm->cpus[i]->run) {
            atomic_or_old(&vm->cpus[i]->run->wish, WISH_QUIT);
            cond_signal(&vm->cpus[i]->run->cond);
        }
    }
    mutex_unlock(&run->lock);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        if (vm->cpus[i]->run) {
            thread_join(&vm->cpus[i]->thread);
            vcpu_run_fini(vm->cpus[i]);
        }
    }
    run->started = false;
}

bool vm_start(Vm *vm, GError **errp)
{
    struct VmRun *run = vm->run;
    bool ok = true;

    g_assert(vm->accel && vm->ncpus && !run->started);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        char name[16];

        vcpu_run_init(vm->cpus[i]);
        g_snprintf(name, sizeof(name), "vCPU %u", i);
        thread_start(&vm->cpus[i]->thread, name, vcpu_main, vm->cpus[i]);
    }
    mutex_lock(&run->lock);
    for (unsigned i = 0; i < vm->ncpus; i++) {
        struct VcpuRun *r = vm->cpus[i]->run;

        while (!r->ready) {
            cond_wait(&run->control, &run->lock);
        }
        if (r->failed && ok) {
            ok = false;
            g_propagate_error(errp, g_steal_pointer(&r->error));
        }
    }
    mutex_unlock(&run->lock);
    run->started = true;
    if (!ok) {
        run_end_threads(vm);
    }
    return ok;
}

bool vm_started(const Vm *vm)
{
    return vm->run->started;
}

void run_fini(Vm *vm)
{
    struct VmRun *run = vm->run;

    if (run->started) {
        run_end_threads(vm);
    }
    fd_watch_free(run->watch);
    close(run->event_fd);
    cond_destroy(&run->control);
    mutex_destroy(&run->lock);
    g_free(run);
    vm->run = NULL;
}
