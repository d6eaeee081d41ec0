/* Leaving a point on executors that cannot skip one: the CPUs that stand on their location step
 * alone, with that location lifted; then everything runs. Clients see one resume.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/debug_int.h"

bool stepover_needed(Debug *d)
{
    bool any = false;

    if (d->vm->caps.resume_skips_point) {
        return false;
    }
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        DebugCpu *dc = &d->cpu[i];
        Cpu *cpu = d->vm->cpus[i];

        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        dc->over = (dc->over && !cpu->pc_written) || resume_stands_on_point(d, cpu);
        any |= dc->over && dc->want != RESUME_STAY;
    }
    return any;
}

/* Does this CPU take part? */
static bool steps_over(const Debug *d, unsigned i)
{
    return d->cpu[i].over && d->cpu[i].want != RESUME_STAY;
}

typedef struct FindLoc {
    const Location *l;
    bool found;
} FindLoc;

static void find_loc(Location *l, void *opaque)
{
    FindLoc *f = opaque;

    f->found |= l == f->l;
}

/* Is this location at the pc of a CPU that has to step over it? */
static bool is_lifted(const Location *l, void *opaque)
{
    const Debug *d = opaque;
    FindLoc f = { .l = l };

    for (unsigned i = 0; l->kind == POINT_EXEC && i < d->vm->ncpus; i++) {
        Cpu *cpu = d->vm->cpus[i];

        if (steps_over(d, i)) {
            points_exec_foreach(d, cpu, cpu_pc(cpu), find_loc, &f);
        }
    }
    return f.found;
}

bool stepover_start(Debug *d, GError **errp)
{
    VmGo go[VM_MAX_CPUS];
    unsigned n = 0;

    if (!plan_apply(d, is_lifted, d, errp)) {
        return false;
    }
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        if (steps_over(d, i)) {
            d->cpu[i].told = false;
            go[n++] = (VmGo){
                .cpu = d->vm->cpus[i],
                .args = { .step = true, .mask_irq = d->vm->caps.step_masks_irq },
            };
        }
    }
    d->phase = PHASE_OVER;
    vm_go(d->vm, go, n, false);
    return true;
}

/* Was this step all that its CPU came out with, and did nobody ask for it? */
static bool step_is_ours_alone(const DebugCpu *dc)
{
    const StopFact *f = &dc->fact;

    if (f->exit.nhit || (f->exit.kind != EXIT_STEP && f->exit.kind != EXIT_HALT)) {
        return false;
    }
    return dc->want == RESUME_CONT ||
           (dc->want == RESUME_RANGE && f->pc >= dc->lo && f->pc < dc->hi);
}

bool stepover_finish(Debug *d)
{
    bool remain = false, facts = false;
    g_autoptr(GError) err = NULL;

    d->phase = PHASE_RUNNING;
    for (unsigned i = 0; i < d->vm->ncpus; i++) {
        DebugCpu *dc = &d->cpu[i];

        if (steps_over(d, i) && dc->fact.valid) {
            dc->over = false;
            if (step_is_ours_alone(dc)) {
                fact_clear(&dc->fact);
            }
        }
        remain |= steps_over(d, i);
        facts |= dc->fact.valid;
    }
    if (!remain || facts || vm_stop_why(d->vm) != STOP_NONE) {
        return true;
    }
    if (!stepover_start(d, &err)) {
        park_tell_error(d, err->message);
    }
    return false;
}
