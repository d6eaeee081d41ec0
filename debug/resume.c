/* Resuming and interrupting, as clients wish.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/debug_int.h"
#include "util/error.h"
#include "util/mainloop.h"

/* ---- going ---- */

bool resume_stands_on_point(const Debug *d, const Cpu *cpu)
{
    const DebugCpu *dc = &d->cpu[cpu->index];
    vaddr_t pc = cpu_pc(cpu);

    return dc->told && dc->told_pc == pc && !cpu->pc_written && points_exec_at(d, cpu, pc);
}

static RunArgs resume_args(Debug *d, Cpu *cpu)
{
    DebugCpu *dc = &d->cpu[cpu->index];
    bool step = dc->want == RESUME_STEP || dc->want == RESUME_RANGE;
    RunArgs args = {
        .step = step,
        .mask_irq = step && d->mask_irq,
        .skip_here = d->vm->caps.resume_skips_point && resume_stands_on_point(d, cpu),
    };

    dc->told = false;
    dc->stopped = false;
    return args;
}

static void resume_go(Debug *d)
{
    VmGo go[VM_MAX_CPUS];
    unsigned n = 0;
    bool only_steps = true;

    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        Cpu *cpu = d->vm->cpus[i];

        if (d->cpu[i].want == RESUME_STAY || vm_cpu_running(cpu)) {
            continue;
        }
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        go[n++] = (VmGo){ .cpu = cpu, .args = resume_args(d, cpu) };
        /* A halted CPU is woken by a timer: its step needs the clock. */
        only_steps &= d->cpu[i].want == RESUME_STEP && cpu->power == CPU_POWER_ON;
    }
    if (d->phase != PHASE_RUNNING) {
        d->phase = PHASE_RUNNING;
    }
    relook_arm(d);
    vm_go(d->vm, go, n, d->freeze_timers && only_steps);
}

/* The plan in force, then those CPUs that must leave their location first, then all. */
static bool resume_start(Debug *d, GError **errp)
{
    if (!vm_running(d->vm)) {
        vm_finish_caught_reset(d->vm);
        if (stepover_needed(d)) {
            return stepover_start(d, errp);
        }
        if (!plan_apply(d, NULL, NULL, errp)) {
            return false;
        }
    }
    resume_go(d);
    return true;
}

void resume_on(Debug *d)
{
    g_autoptr(GError) err = NULL;

    if (!resume_start(d, &err)) {
        park_tell_error(d, err->message);
    }
}

/* ---- what is left to tell ---- */

/* Is this fact still worth a stop, now that clients have changed points and registers? */
static bool fact_stands(const Debug *d, unsigned i)
{
    StopFact f = d->cpu[i].fact;
    const Cpu *cpu = d->vm->cpus[i];

    if (!f.valid || d->cpu[i].want == RESUME_STAY) {
        return f.valid;
    }
    if (f.exit.kind == EXIT_ERROR) {
        return true;
    }
    if (f.exit.nhit == 0) {
        return false;           /* a step that another stop overtook */
    }
    const Location *l = points_location(d, f.exit.hit[0].loc);
    if (!l || !point_kind_at_insn(l->kind)) {
        return true;
    }
    /* A breakpoint would be hit again; an event takes its course, unless the pc is elsewhere. */
    return cpu_pc(cpu) == f.pc && !(l->kind == POINT_EXEC && cpu->pc_written);
}

/* True if a stop that was not told comes first. */
static bool left_over(Debug *d)
{
    bool any = false;

    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        fact_drop_gone(d, &d->cpu[i].fact);
        if (!fact_stands(d, i)) {
            fact_clear(&d->cpu[i].fact);
        }
        any |= d->cpu[i].fact.valid && d->cpu[i].want != RESUME_STAY;
    }
    return any;
}

static void tell_later(void *opaque)
{
    Debug *d = opaque;

    if (park_first_fact(d) >= 0) {
        park_tell_left_over(d);
    } else {
        resume_on(d);
    }
}

/* A machine that is powered off cannot go: its last stop is told again. */
static void tell_again(void *opaque)
{
    Debug *d = opaque;

    if (d->phase == PHASE_STOPPED) {
        stop_tell_all(d, &d->stop);
    }
}

/* ---- clients' resumes ---- */

static bool resume_allowed(DebugClient *c, const ResumePlan *plan, GError **errp)
{
    Debug *d = c->debug;

    if (vm_ended(d->vm)) {
        return error_set(errp, FAILED, "the machine has ended");
    }
    if (d->holder && d->holder != c) {
        return error_set(errp, BUSY, "%s controls the machine", d->holder->name);
    }
    if (plan->backward) {
        return error_set(errp, UNSUPPORTED, "the machine's run is not recorded, so it cannot go "
                         "backward");
    }
    if (!d->nonstop && d->phase != PHASE_STOPPED) {
        return error_set(errp, BUSY, "the machine is running");
    }
    for (unsigned i = 0; i < plan->n; i++) {
        if (plan->action[i].cpu >= d->vm->ncpus) {
            return error_set(errp, NOT_FOUND, "there is no CPU %u", plan->action[i].cpu);
        }
    }
    return true;
}

static void set_wants(Debug *d, const ResumePlan *plan)
{
    bool named[VM_MAX_CPUS] = { false };

    d->mask_irq = plan->mask_irq;
    d->freeze_timers = plan->freeze_timers;
    for (unsigned i = 0; i < plan->n; i++) {
        const ResumeAction *a = &plan->action[i];
        DebugCpu *dc = &d->cpu[a->cpu];

        /* The first action that names a CPU counts. */
        if (!named[a->cpu] && !vm_cpu_running(d->vm->cpus[a->cpu])) {
            dc->want = a->kind;
            dc->lo = a->lo;
            dc->hi = a->hi;
        }
        named[a->cpu] = true;
    }
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        if (!named[i] && !vm_cpu_running(d->vm->cpus[i])) {
            d->cpu[i].want = plan->others;
        }
    }
}

static bool anyone_goes(const Debug *d)
{
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        if (d->cpu[i].want != RESUME_STAY && !vm_cpu_running(d->vm->cpus[i])) {
            return true;
        }
    }
    return false;
}

static void tell_resumed(Debug *d, DebugClient *by)
{
    debug_tell_begin(d);
    for (unsigned i = 0; i < d->clients->len; i++) {
        DebugClient *c = d->clients->pdata[i];

        if (c != by && c->ops && c->ops->resumed) {
            c->ops->resumed(c->opaque, by ? by->name : "the machine");
        }
    }
    debug_tell_end(d);
}

static ResumePlan *plan_dup(const ResumePlan *p)
{
    ResumePlan *copy = g_memdup2(p, sizeof(*p));

    copy->action = g_memdup2(p->action, p->n * sizeof(*p->action));
    return copy;
}

static void deferred_clear(Debug *d)
{
    if (d->deferred) {
        g_free((gpointer)d->deferred->action);
        g_clear_pointer(&d->deferred, g_free);
    }
}

static bool resume_now(Debug *d, DebugClient *c, const ResumePlan *plan, GError **errp)
{
    set_wants(d, plan);
    if (!anyone_goes(d)) {
        return error_set(errp, INVALID, "no CPU would run");
    }
    if (vm_powered_off(d->vm)) {
        mainloop_call(tell_again, d);
        return true;
    }
    if (!d->nonstop && left_over(d)) {
        d->phase = PHASE_RUNNING;
        mainloop_call(tell_later, d);
    } else if (!resume_start(d, errp)) {
        d->phase = PHASE_STOPPED;
        return false;
    }
    tell_resumed(d, c);
    return true;
}

bool debug_resume(DebugClient *c, const ResumePlan *plan, GError **errp)
{
    Debug *d = c->debug;

    if (!resume_allowed(c, plan, errp)) {
        return false;
    }
    if (d->telling) {
        deferred_clear(d);
        d->deferred = plan_dup(plan);
        d->deferred_by = c;
        return true;
    }
    return resume_now(d, c, plan, errp);
}

/* Between the wish and now, the machine may have come to its end or been taken by another. */
void resume_deferred(Debug *d)
{
    ResumePlan *plan = g_steal_pointer(&d->deferred);
    g_autoptr(GError) err = NULL;

    if (!plan) {
        if (d->resume_all_later) {
            resume_all(d, NULL);
        }
        return;
    }
    if (resume_allowed(d->deferred_by, plan, NULL) &&
        !resume_now(d, d->deferred_by, plan, &err)) {
        park_tell_error(d, err->message);
    }
    g_free((gpointer)plan->action);
    g_free(plan);
}

bool debug_continue(DebugClient *c, GError **errp)
{
    ResumePlan plan = { .others = RESUME_CONT };

    return debug_resume(c, &plan, errp);
}

void resume_all(Debug *d, DebugClient *c)
{
    ResumePlan plan = { .others = RESUME_CONT };

    if (d->telling) {
        d->resume_all_later = true;
        return;
    }
    /* A stop that somebody asked for and that is still under way is gone on from once it is told. */
    d->resume_all_later = !d->nonstop && d->phase != PHASE_STOPPED &&
                          vm_stop_why(d->vm) == STOP_INTERRUPT;
    if (!vm_ended(d->vm) && !vm_powered_off(d->vm) &&
        (d->nonstop || d->phase == PHASE_STOPPED)) {
        resume_now(d, c, &plan, NULL);
    }
}

void debug_interrupt_cpu(DebugClient *c, unsigned cpu)
{
    Debug *d = c->debug;

    if (d->nonstop && cpu < d->vm->ncpus && !d->cpu[cpu].stopped) {
        vm_park_cpu(d->vm->cpus[cpu]);
    }
}

void debug_interrupt(DebugClient *c)
{
    Debug *d = c->debug;

    d->resume_all_later = false;
    if (!d->nonstop) {
        vm_park_all(d->vm, STOP_INTERRUPT);
        return;
    }
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        debug_interrupt_cpu(c, i);
    }
}

/* ---- non-stop ---- */

typedef struct Policy {
    Debug *d;
    bool on;
} Policy;

/* No vCPU runs, so none of their threads reads the policy now. */
static void set_policy(void *opaque)
{
    Policy *p = opaque;
    Debug *d = p->d;

    d->nonstop = p->on;
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        DebugCpu *dc = &d->cpu[i];

        dc->stopped = p->on && d->phase == PHASE_STOPPED;
        if (dc->stopped) {
            dc->info = (StopInfo){ .cpu = i, .pc = cpu_pc(d->vm->cpus[i]) };
            if (i == d->stop.cpu) {
                dc->info = d->stop;
                dc->info.text = NULL;
            }
        }
    }
}

bool debug_set_nonstop(DebugClient *c, bool on, GError **errp)
{
    Debug *d = c->debug;
    Policy p = { d, on };

    if (d->nonstop == on) {
        return true;
    }
    if (d->holder && d->holder != c) {
        return error_set(errp, BUSY, "%s controls the machine", d->holder->name);
    }
    if (on && !d->vm->caps.resume_skips_point) {
        return error_set(errp, UNSUPPORTED, "non-stop needs an accelerator that can continue "
                         "from a breakpoint by itself");
    }
    points_quiesce(d, set_policy, &p);
    if (!on && vm_running(d->vm)) {
        vm_park_all(d->vm, STOP_INTERRUPT);
    } else if (!on) {
        d->phase = PHASE_STOPPED;
        d->stop = d->cpu[d->last_cpu].info;
        d->stop.text = NULL;
    }
    return true;
}

void resume_after_reset(Debug *d)
{
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        DebugCpu *dc = &d->cpu[i];

        fact_clear(&dc->fact);
        dc->told = false;
        dc->over = false;
        dc->info.pc = cpu_pc(d->vm->cpus[i]);
    }
    d->stop.pc = cpu_pc(d->vm->cpus[d->stop.cpu]);
}

void resume_fini(Debug *d)
{
    mainloop_call_cancel(tell_later, d);
    mainloop_call_cancel(tell_again, d);
    deferred_clear(d);
    for (unsigned i = 0; i < VM_MAX_CPUS; i++) {
        fact_clear(&d->cpu[i].fact);
        g_free(d->cpu[i].text);
    }
}
