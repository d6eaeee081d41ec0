/* What came out of the vCPUs becomes stops: each told once, the first one first.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/debug_int.h"

/* Takes over what this CPU parked with. */
static void collect_cpu(Debug *d, Cpu *cpu)
{
    DebugCpu *dc = &d->cpu[cpu->index];
    const VmParked *p = vm_cpu_parked_with(cpu);

    cpu_fetch(cpu, REGS_GENERAL);
    if (vm_cpu_args(cpu)->skip_here && !cpu->pc_written) {
        /* It was let go from a told point and has executed nothing since. */
        dc->told = true;
        dc->told_pc = cpu_pc(cpu);
    }
    if (p->order == 0) {
        return;
    }
    if (!(dc->over && p->exit.kind == EXIT_POINT && p->exit.nhit == 0)) {
        fact_clear(&dc->fact);
        dc->fact = (StopFact){
            .valid = true, .exit = p->exit, .order = p->order, .pc = cpu_pc(cpu),
        };
        dc->fact.exit.error = g_strdup(p->exit.error);
    }
    vm_cpu_parked_clear(cpu);
}

int park_first_fact(const Debug *d)
{
    int first = -1;

    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        const StopFact *f = &d->cpu[i].fact;

        if (f->valid && d->cpu[i].want != RESUME_STAY &&
            (first < 0 || f->order < d->cpu[first].fact.order)) {
            first = (int)i;
        }
    }
    return first;
}

/* How well a CPU serves as the one that an interrupt is told of: one that was running, and whose
 * guest was not asleep, so that a step from there goes somewhere. */
static unsigned interrupt_rank(const Debug *d, unsigned i)
{
    return (d->cpu[i].want != RESUME_STAY) * 4u + (d->vm->cpus[i]->power == CPU_POWER_ON) * 2u +
           (i == d->last_cpu);
}

static unsigned choose_cpu(const Debug *d)
{
    unsigned best = d->last_cpu;

    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        if (interrupt_rank(d, i) > interrupt_rank(d, best)) {
            best = i;
        }
    }
    return best;
}

static void mark_told(Debug *d, unsigned cpu)
{
    DebugCpu *dc = &d->cpu[cpu];

    dc->told = true;
    dc->told_pc = cpu_pc(d->vm->cpus[cpu]);
    dc->over = false;
    d->vm->cpus[cpu]->pc_written = false;
}

typedef struct OnceSweep {
    Debug *d;
    VcpuExit exit;
} OnceSweep;

static void once_sweep(void *opaque)
{
    OnceSweep *s = opaque;

    points_remove_once(s->d, &s->exit);
}

/* In non-stop others may be running while a point goes. */
static void remove_once(Debug *d, unsigned cpu)
{
    OnceSweep s = { .d = d };

    s.exit.nhit = d->cpu[cpu].nhit;
    memcpy(s.exit.hit, d->cpu[cpu].hit, sizeof(s.exit.hit));
    if (s.exit.nhit) {
        points_quiesce(d, once_sweep, &s);
    }
}

/* All-stop: one stop for the whole machine. */
static void tell_machine(Debug *d, unsigned cpu, const StopFact *f, StopKind kind)
{
    debug_tell_begin(d);
    suspend_tell(d);
    filter_flush_output(d);
    stop_from_fact(d, cpu, f, &d->stop, &d->stop_text);
    d->stop.kind = kind != STOP_NONE ? kind : d->stop.kind;
    if (d->stop.kind == STOP_SHUTDOWN) {
        d->stop.cause = vm_end_cause(d->vm, &d->stop.status);
    } else if (d->stop.kind == STOP_PANIC) {
        d->stop.cause = VM_CAUSE_GUEST_PANIC;
    } else if (d->stop.kind == STOP_EVENT && d->caught_reset) {
        d->stop.cause = d->reset_cause;
    }
    d->caught_reset = false;
    d->phase = PHASE_STOPPED;
    d->last_cpu = cpu;
    mark_told(d, cpu);
    stop_tell_all(d, &d->stop);
    remove_once(d, cpu);
    debug_tell_end(d);
}

void park_tell_left_over(Debug *d)
{
    int cpu = park_first_fact(d);
    StopFact f;

    g_assert(cpu >= 0);
    f = d->cpu[cpu].fact;
    memset(&d->cpu[cpu].fact, 0, sizeof(f));
    tell_machine(d, (unsigned)cpu, &f, STOP_NONE);
    fact_clear(&f);
}

void park_tell_error(Debug *d, const char *text)
{
    StopFact f = { .exit.kind = EXIT_ERROR, .exit.error = g_strdup(text) };
    unsigned cpu = choose_cpu(d);

    f.pc = cpu_pc(d->vm->cpus[cpu]);
    tell_machine(d, cpu, &f, STOP_ERROR);
    fact_clear(&f);
}

/* A stop that is no CPU's own: an interrupt, a panic, a reset that is caught. */
static void tell_no_fact(Debug *d, StopKind why)
{
    unsigned cpu = choose_cpu(d);
    StopFact f = { .exit.kind = EXIT_KICK, .pc = cpu_pc(d->vm->cpus[cpu]) };

    if (d->caught_reset) {
        const Location *l = points_location(d, d->reset_loc);

        f.exit.kind = EXIT_EVENT;
        f.exit.event.kind = l ? l->kind : POINT_RESET;
        f.exit.nhit = 1;
        f.exit.hit[0].loc = d->reset_loc;
        why = STOP_EVENT;
    } else if (!d->cpu[cpu].told && !d->cpu[cpu].over) {
        filter_points_here(d, d->vm->cpus[cpu], &f.exit);
    }
    tell_machine(d, cpu, &f, why);
}

/* Non-stop: this CPU's stop, with what it parked with. */
static void tell_one(Debug *d, Cpu *cpu, StopKind kind)
{
    DebugCpu *dc = &d->cpu[cpu->index];
    StopFact f = dc->fact;

    if (!f.valid) {
        f.exit.kind = EXIT_KICK;
        f.pc = cpu_pc(cpu);
        if (!dc->told && !dc->over) {
            filter_points_here(d, cpu, &f.exit);
        }
    }
    memset(&dc->fact, 0, sizeof(dc->fact));
    debug_tell_begin(d);
    suspend_tell(d);
    filter_flush_output(d);
    stop_from_fact(d, cpu->index, &f, &dc->info, &dc->text);
    dc->info.kind = kind != STOP_NONE ? kind : dc->info.kind;
    dc->stopped = true;
    dc->want = RESUME_STAY;
    d->last_cpu = cpu->index;
    mark_told(d, cpu->index);
    stop_tell_cpu(d, cpu->index);
    remove_once(d, cpu->index);
    debug_tell_end(d);
    fact_clear(&f);
}

/* Non-stop, but something parked all (a panic, a reset that is caught): each that ran is told. */
static void tell_each(Debug *d, StopKind why)
{
    unsigned chosen = choose_cpu(d);

    d->stop.kind = why;
    d->phase = PHASE_STOPPED;
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        DebugCpu *dc = &d->cpu[i];

        if (!dc->stopped) {
            tell_one(d, d->vm->cpus[i], i == chosen ? why : STOP_NONE);
        }
    }
}

/* All vCPUs are parked. */
static void park_parked(void *opaque)
{
    Debug *d = opaque;
    StopKind why = vm_stop_why(d->vm);

    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        collect_cpu(d, d->vm->cpus[i]);
    }
    if (d->phase == PHASE_OVER && !stepover_finish(d)) {
        return;
    }
    if (!d->nonstop && d->phase == PHASE_STOPPED) {
        return;                 /* a reset while stopped: the stop has been told */
    }
    if (d->nonstop) {
        tell_each(d, d->caught_reset ? STOP_EVENT : why);
    } else if (d->caught_reset || why == STOP_SHUTDOWN) {
        tell_no_fact(d, why);
    } else if (park_first_fact(d) >= 0) {
        park_tell_left_over(d);
    } else if (why != STOP_NONE) {
        tell_no_fact(d, why);
    } else {
        resume_on(d);
    }
}

/* Non-stop: one vCPU parked by itself. */
static void park_cpu_parked(void *opaque, Cpu *cpu)
{
    Debug *d = opaque;

    if (d->nonstop) {
        collect_cpu(d, cpu);
        tell_one(d, cpu, STOP_NONE);
    }
    /* Else the policy changed meanwhile: all are being parked, and are looked at then. */
}

/* The first location of a kind that counts this reset. An executor that tells triple faults itself
 * has told this one. */
static Location *reset_location(Debug *d, VmCause cause)
{
    GHashTableIter it;
    gpointer key;

    g_hash_table_iter_init(&it, d->locations);
    while (g_hash_table_iter_next(&it, &key, NULL)) {
        Location *l = key;

        if ((l->kind == POINT_RESET ||
             (l->kind == POINT_TRIPLE && l->choice.backing == BACKING_CORE &&
              cause == VM_CAUSE_TRIPLE_FAULT)) &&
            filter_location_passes(d, d->vm->cpus[0], l, NULL)) {
            return l;
        }
    }
    return NULL;
}

static bool park_reset(void *opaque, VmCause cause)
{
    Debug *d = opaque;
    Location *l = d->phase == PHASE_STOPPED ? NULL : reset_location(d, cause);

    if (l) {
        d->caught_reset = true;
        d->reset_cause = cause;
        d->reset_loc = l->id;
    }
    return l;
}

const VmRunHooks park_hooks = {
    .exit = filter_exit,
    .parked = park_parked,
    .cpu_parked = park_cpu_parked,
    .reset = park_reset,
};
