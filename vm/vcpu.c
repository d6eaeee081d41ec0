/* A vCPU's thread: parked, running the guest, or asleep because the guest is halted.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "vm/run_int.h"

/* Runs the queued work items; the lock is given up around each. */
static void work_run_locked(Cpu *cpu)
{
    struct VcpuRun *r = cpu->run;
    struct VmRun *run = cpu->vm->run;
    WorkItem *item;

    while ((item = g_queue_pop_head(&r->work))) {
        mutex_unlock(&run->lock);
        item->fn(cpu, item->data);
        if (item->free_data) {
            item->free_data(item->data);
        }
        mutex_lock(&run->lock);
        if (item->done) {
            *item->done = true;
            cond_broadcast(&run->control);
        }
        g_free(item);
    }
    atomic_and_old(&r->wish, ~(uint32_t)WISH_WORK);
}

/* Drops items that will never run: the machine ends. Its thread has ended. */
void vcpu_work_clear(Cpu *cpu)
{
    WorkItem *item;

    while ((item = g_queue_pop_head(&cpu->run->work))) {
        if (item->free_data) {
            item->free_data(item->data);
        }
        g_free(item);
    }
}

bool vcpu_can_run(const Cpu *cpu)
{
    if (cpu->power == CPU_POWER_ON || cpu->vm->caps.irqchip) {
        return true;
    }
    return cpu->class->has_work ? cpu->class->has_work(cpu) : cpu_interrupt_pending(cpu) != 0;
}

/* Sleeps while the guest is halted and nobody wants anything. Wakers set their bits first and
 * then look at `asleep`; we set `asleep` first and then look at the bits: none can be missed. */
static void vcpu_sleep(Cpu *cpu)
{
    struct VmRun *run = cpu->vm->run;

    mutex_lock(&run->lock);
    atomic_put(&cpu->asleep, 1);
    while (!atomic_get(&cpu->run->wish) && !vcpu_can_run(cpu)) {
        if (run->activity) {
            run_notify(cpu->vm);
        }
        cond_wait(&cpu->run->cond, &run->lock);
    }
    atomic_put(&cpu->asleep, 0);
    mutex_unlock(&run->lock);
}

/* Serves wishes. True: the thread has to park. */
static bool vcpu_serve_wishes(Cpu *cpu)
{
    struct VmRun *run = cpu->vm->run;
    bool park;

    if (!atomic_get(&cpu->run->wish)) {
        return false;
    }
    mutex_lock(&run->lock);
    work_run_locked(cpu);
    park = atomic_get(&cpu->run->wish) & (WISH_PARK | WISH_QUIT);
    mutex_unlock(&run->lock);
    return park;
}

/* One trip into the guest. */
static VcpuExit vcpu_enter(Cpu *cpu, RunArgs *args)
{
    const AccelOps *ops = cpu->ops;

    if (args->mask_irq && cpu->power == CPU_POWER_HALTED && !cpu->vm->caps.irqchip) {
        /* An interrupt woke it (or we would sleep), which this step does not let in: the step is
         * the instruction after the halt. */
        cpu_touch(cpu);
        atomic_put(&cpu->power, CPU_POWER_ON);
    }
    if (cpu->dirty && ops->vcpu_store) {
        ops->vcpu_store(cpu);
    }
    cpu->dirty = false;
    if (ops->vcpu_fetch) {
        cpu->fetched = 0;
    }
    VcpuExit e = ops->vcpu_run(cpu, args);
    args->skip_here &= e.skip_left;
    return e;
}

/* What an exit means. True: the thread has to park, with *e to tell if its kind is not
 * EXIT_KICK. */
static bool vcpu_judge(Cpu *cpu, VcpuExit *e, RunArgs *args)
{
    struct VmRun *run = cpu->vm->run;
    VmVerdict verdict = VM_STOP_ALL;

    switch (e->kind) {
    case EXIT_KICK:
        return false;
    case EXIT_HALT:
        if (!e->step_done) {
            return false;
        }
        break;
    case EXIT_RESET:
        vm_request_reset(cpu->vm, VM_CAUSE_TRIPLE_FAULT);
        return false;
    case EXIT_SHUTDOWN:
        vm_request_shutdown(cpu->vm, VM_CAUSE_GUEST_SHUTDOWN, e->status);
        return false;
    default:
        break;
    }
    if (run->hooks && run->hooks->exit) {
        verdict = run->hooks->exit(run->hooks_opaque, cpu, e, args);
    }
    if (verdict == VM_GO) {
        g_clear_pointer(&e->error, g_free);
        return false;
    }
    mutex_lock(&run->lock);
    cpu->run->parked.order = ++run->order;
    if (verdict == VM_STOP_ALL) {
        run_drain_locked(cpu->vm);
    } else {
        cpu->run->alone = true;
    }
    mutex_unlock(&run->lock);
    return true;
}

/* Runs the guest until the thread has to park; returns the fact it parks with. */
static VcpuExit vcpu_execute(Cpu *cpu, RunArgs *args)
{
    VcpuExit none = { .kind = EXIT_KICK };

    for (;;) {
        if (cpu->ops->vcpu_arm) {
            cpu->ops->vcpu_arm(cpu);
        } else {
            atomic_and_old(&cpu->attn, ~(uint32_t)CPU_ATTN_EXIT);
        }
        /* From here on every kick makes vcpu_run return; wishes made before are seen now. */
        if (vcpu_serve_wishes(cpu)) {
            return none;
        }
        if (!vcpu_can_run(cpu)) {
            vcpu_sleep(cpu);
            continue;
        }
        VcpuExit e = vcpu_enter(cpu, args);
        if (vcpu_judge(cpu, &e, args)) {
            return e;
        }
    }
}

/* The thread has come out: hands the state to the control thread. */
static void vcpu_park_locked(Cpu *cpu, VcpuExit exit, const RunArgs *args)
{
    struct VcpuRun *r = cpu->run;
    struct VmRun *run = cpu->vm->run;

    work_run_locked(cpu);       /* a caller may be waiting for one */
    r->args = *args;
    r->parked.exit = exit;
    r->again = r->parked.order == 0;
    r->go = false;
    atomic_and_old(&r->wish, ~(uint32_t)WISH_PARK);
    run->nrunning--;
    if (run->nrunning == 0 && !run->rendezvous) {
        clock_freeze(cpu->vm);
    }
    atomic_put(&cpu->run_state, RUN_PARKED);
    if (r->alone || run->activity || (run->draining && run->nrunning == 0)) {
        run_notify(cpu->vm);
    }
    cond_broadcast(&run->control);
}

/* Waits at the parking place until told to go. False: the thread has to end. */
static bool vcpu_wait_go_locked(Cpu *cpu)
{
    struct VcpuRun *r = cpu->run;
    struct VmRun *run = cpu->vm->run;

    while (!r->go && !(atomic_get(&r->wish) & WISH_QUIT)) {
        if (r->serve) {
            r->serve = false;
            work_run_locked(cpu);
        } else {
            cond_wait(&r->cond, &run->lock);
        }
    }
    return r->go;
}

static bool vcpu_start(Cpu *cpu)
{
    struct VcpuRun *r = cpu->run;
    struct VmRun *run = cpu->vm->run;
    GError *err = NULL;
    bool ok = !cpu->ops->vcpu_init || cpu->ops->vcpu_init(cpu, &err);

    mutex_lock(&run->lock);
    r->failed = !ok;
    r->error = err;
    r->ready = true;
    cond_broadcast(&run->control);
    mutex_unlock(&run->lock);
    return ok;
}

void *vcpu_main(void *opaque)
{
    Cpu *cpu = opaque;
    struct VcpuRun *r = cpu->run;
    struct VmRun *run = cpu->vm->run;

    cpu_set_current(cpu);
    if (!vcpu_start(cpu)) {
        return NULL;
    }
    mutex_lock(&run->lock);
    while (vcpu_wait_go_locked(cpu)) {
        RunArgs args = r->args;

        mutex_unlock(&run->lock);
        VcpuExit exit = vcpu_execute(cpu, &args);
        mutex_lock(&run->lock);
        vcpu_park_locked(cpu, exit, &args);
    }
    mutex_unlock(&run->lock);
    if (cpu->ops->vcpu_fini) {
        cpu->ops->vcpu_fini(cpu);
    }
    return NULL;
}
