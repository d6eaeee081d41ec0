/* Stops on events: which of them a point asks for, and how each is told once.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * There are two sorts. What is told before it happens (the delivery of an exception, a write
 * of a port) leaves where it would happen, with nothing done. The next run comes to the same
 * place, finds in `told` that it may pass, and forgets that when the instruction or delivery has
 * ended. What is told afterwards (a port's read, a new mode) waits in `late` until then. Nothing
 * of it is in generated code: helpers ask a bit of the CPU. */
#include "accel/tcg/events.h"

#include <string.h>

#include "accel/event.h"
#include "accel/tcg/exec.h"
#include "accel/tcg/watch.h"
#include "vm/vm.h"

#define EVENT_BIT(kind) (1u << (kind))

static vaddr_t state_pc(const Cpu *cpu)
{
    return *(const uint64_t *)((const char *)cpu->env + tcg_state(cpu)->fe->pc_offset);
}

/* ---- the plan ---- */

void events_plan(TcgState *tcg, const DebugPlan *plan)
{
    uint32_t kinds = 0;

    g_ptr_array_set_size(tcg->event_rows, 0);
    for (unsigned i = 0; i < plan->n; i++) {
        if (point_kind_is_event(plan->point[i].kind)) {
            kinds |= EVENT_BIT(plan->point[i].kind);
            g_ptr_array_add(tcg->event_rows, (gpointer)&plan->point[i]);
        }
    }
    for (unsigned i = 0; i < tcg->vm->ncpus; i++) {
        tcg->vm->cpus[i]->events = kinds;
    }
}

/* Adds the rows that ask for an event, as hits. */
static bool add_rows(Cpu *cpu, const DebugEvent *e, VcpuExit *exit)
{
    const GPtrArray *rows = tcg_state(cpu)->event_rows;

    for (unsigned i = 0; i < rows->len; i++) {
        event_add_hit(cpu, rows->pdata[i], e, exit);
    }
    return exit->nhit > 0;
}

static bool is_wanted(Cpu *cpu, const DebugEvent *e)
{
    VcpuExit exit = { .nhit = 0 };

    return add_rows(cpu, e, &exit);
}

void events_add_hits(Cpu *cpu, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);

    watch_finish(cpu);
    for (unsigned i = 0; i < tc->exit.nhit && exit->nhit < VCPU_HITS; i++) {
        exit->hit[exit->nhit++] = tc->exit.hit[i];
    }
    tc->exit.nhit = 0;
}

/* ---- told before ---- */

/* What was told elsewhere is void. */
static void be_here(Cpu *cpu)
{
    TcgEvents *ev = &tcg_cpu(cpu)->events;
    vaddr_t pc = state_pc(cpu);

    if (ev->pc != pc) {
        ev->pc = pc;
        ev->ntold = 0;
    }
}

static bool was_told(Cpu *cpu, const DebugEvent *e)
{
    const TcgEvents *ev = &tcg_cpu(cpu)->events;

    for (unsigned i = 0; i < ev->ntold; i++) {
        if (ev->told[i].kind == e->kind && ev->told[i].number == e->number) {
            return true;
        }
    }
    return false;
}

static void tell_before(Cpu *cpu, const DebugEvent *e, bool pending)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgEvents *ev = &tc->events;
    VcpuExit exit = { .kind = EXIT_EVENT, .event = *e };

    if (!add_rows(cpu, e, &exit)) {
        return;
    }
    be_here(cpu);
    if (was_told(cpu, e)) {
        return;
    }
    if (pending) {
        events_add_hits(cpu, &exit);    /* of the instruction that a trap follows */
    }
    ev->ntold = MIN(ev->ntold, TCG_EVENTS - 1);
    ev->told[ev->ntold++] = *e;
    ev->deliver = pending;
    tcg_exit(cpu, &exit);
}

void tcg_event(Cpu *cpu, const DebugEvent *e)
{
    if (tcg_event_wanted(cpu, e->kind)) {
        tell_before(cpu, e, false);
    }
}

void tcg_event_pending(Cpu *cpu, const DebugEvent *e)
{
    if (tcg_event_wanted(cpu, e->kind)) {
        tell_before(cpu, e, true);
    }
}

/* ---- told after ---- */

bool tcg_event_expected(Cpu *cpu, const DebugEvent *e)
{
    if (!tcg_event_wanted(cpu, e->kind) || !is_wanted(cpu, e)) {
        return false;
    }
    if (!tcg_cpu(cpu)->careful) {
        tcg_restart_careful(cpu, state_pc(cpu));
    }
    return true;
}

void tcg_event_done(Cpu *cpu, const DebugEvent *e)
{
    TcgEvents *ev = &tcg_cpu(cpu)->events;

    if (ev->nlate < TCG_EVENTS) {
        ev->late[ev->nlate++] = *e;
    }
}

static uint64_t mode_now(const Cpu *cpu)
{
    return cpu->class->mode ? cpu->class->mode(cpu) : 0;
}

static uint64_t aspace_now(const Cpu *cpu)
{
    return cpu->class->address_space ? cpu->class->address_space(cpu) : 0;
}

static void look_at(Cpu *cpu, PointKind kind, uint64_t *seen, uint64_t now)
{
    DebugEvent e = { .kind = kind, .old = *seen, .now = now };

    if (*seen != now && is_wanted(cpu, &e)) {
        tcg_event_done(cpu, &e);
    }
    *seen = now;
}

void events_look(Cpu *cpu)
{
    TcgEvents *ev = &tcg_cpu(cpu)->events;

    if (cpu->events & (EVENT_BIT(POINT_ASPACE) | EVENT_BIT(POINT_MODE))) {
        look_at(cpu, POINT_ASPACE, &ev->aspace, aspace_now(cpu));
        look_at(cpu, POINT_MODE, &ev->mode, mode_now(cpu));
    }
}

bool events_tell(Cpu *cpu, VcpuExit *exit)
{
    TcgEvents *ev = &tcg_cpu(cpu)->events;

    while (ev->nlate) {
        *exit = (VcpuExit){ .kind = EXIT_EVENT, .event = ev->late[0] };
        memmove(&ev->late[0], &ev->late[1], --ev->nlate * sizeof(ev->late[0]));
        if (add_rows(cpu, &exit->event, exit)) {
            be_here(cpu);
            return true;
        }
    }
    return false;
}

/* ---- from run to run ---- */

void events_forget(Cpu *cpu)
{
    tcg_cpu(cpu)->events = (TcgEvents){ .pc = 0 };
}

void events_begin(Cpu *cpu)
{
    TcgEvents *ev = &tcg_cpu(cpu)->events;
    vaddr_t pc = state_pc(cpu);

    if (ev->pc != pc && (ev->ntold || ev->nlate || ev->deliver)) {
        ev->nlate = 0;
        ev->deliver = ev->deliver && tcg_state(cpu)->fe->moved(cpu);
        ev->ntold = ev->deliver ? ev->ntold : 0;
        ev->pc = pc;
    }
    if (cpu->events) {
        ev->mode = mode_now(cpu);
        ev->aspace = aspace_now(cpu);
    }
}
