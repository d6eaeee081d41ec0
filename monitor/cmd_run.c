/* Commands that stop, continue and step the machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "monitor/monitor_int.h"
#include "util/error.h"

#define INSN_MAX 16

/* ---- one step ---- */

/* What stands at a CPU's pc. */
typedef struct Here {
    uint8_t code[INSN_MAX];
    size_t len;
    vaddr_t pc;
    unsigned call;              /* length of an instruction that `next` passes over; else 0 */
} Here;

static void look_here(Cpu *cpu, void *data)
{
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    ((Here *)data)->pc = cpu_pc(cpu);
}

static void look_for_call(Cpu *cpu, void *data)
{
    Here *h = data;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    h->call = cpu->class->call_length ? cpu->class->call_length(cpu, h->code, h->len) : 0;
}

/* "$sp >= what it is now": true in this frame and its callers, not in a deeper call of the same
 * code. NULL when the machine has no stack pointer. */
static GBytes *same_frame(Monitor *m)
{
    g_autofree char *text = NULL;
    const char *p = "$sp";
    g_autoptr(GBytes) now = NULL;
    ExprScope scope;
    uint64_t sp;

    args_scope(m, &scope);
    now = expr_compile(&scope, &p, NULL);
    if (!now || !debug_eval(m->client, m->cpu, now, &sp, NULL)) {
        return NULL;
    }
    p = text = g_strdup_printf("$sp >= 0x%" PRIx64, sp);
    return expr_compile(&scope, &p, NULL);
}

/* A point behind the call, for this CPU in this frame, gone with its first hit. */
static bool set_over_point(Monitor *m, vaddr_t behind, GError **errp)
{
    g_autoptr(GBytes) cond = same_frame(m);
    GBytes *const conds[] = { cond };
    PointSpec spec = {
        .kind = POINT_EXEC, .addr = behind, .once = true, .cond = conds, .ncond = cond != NULL,
        .scope.cpus = m->cpu < 64 ? UINT64_C(1) << m->cpu : 0,
    };

    return debug_point_add(m->client, &spec, &m->over_point, errp);
}

static bool resume(Monitor *m, ResumeKind kind, ResumeKind others, GError **errp)
{
    ResumeAction action = { .cpu = m->cpu, .kind = kind };
    ResumePlan plan = {
        .mask_irq = kind == RESUME_STEP, .freeze_timers = kind == RESUME_STEP, .others = others,
        .n = 1, .action = &action,
    };

    return debug_resume(m->client, &plan, errp);
}

static void drop_over_point(Monitor *m)
{
    if (m->over_point) {
        debug_point_remove(m->debug, m->over_point, NULL);
        m->over_point = 0;
    }
}

/* A call that is passed over runs with all other CPUs, which it may need; a step runs alone. */
static bool step_once(Monitor *m, GError **errp)
{
    Here h = { 0 };
    bool ok;

    debug_on_cpu(m->debug, m->cpu, look_here, &h);
    h.len = m->over ? debug_read_some(m->debug, m->cpu, ADDR_VIRT, h.pc, h.code, INSN_MAX) : 0;
    if (h.len) {
        debug_on_cpu(m->debug, m->cpu, look_for_call, &h);
    }
    if (!h.call) {
        return resume(m, RESUME_STEP, RESUME_STAY, errp);
    }
    ok = set_over_point(m, h.pc + h.call, errp) && resume(m, RESUME_CONT, RESUME_CONT, errp);
    if (!ok) {
        drop_over_point(m);
    }
    return ok;
}

bool mon_run_stopped(Monitor *m, StopInfo *stop)
{
    bool part = m->busy && m->steps_left && stop->cpu == m->cpu &&
                ((stop->kind == STOP_STEP && stop->nhit == 0) ||
                 (m->over_point && stop->nhit == 1 && stop->hit[0] == m->over_point));

    if (!m->busy) {
        return true;
    }
    drop_over_point(m);
    if (part) {
        stop->kind = STOP_STEP;
        stop->nhit = 0;
        if (--m->steps_left && step_once(m, NULL)) {
            return false;
        }
    }
    m->busy = false;
    m->steps_left = 0;
    return true;
}

void mon_run_fini(Monitor *m)
{
    drop_over_point(m);
}

/* ---- commands ---- */

/* Who holds control is said by the core; what can be done about it, here. */
static bool explain_holder(Monitor *m, GError **errp)
{
    if (errp && *errp && g_error_matches(*errp, GLASSBOX_ERROR, GLASSBOX_ERROR_BUSY) &&
        debug_control_holder(m->debug) && !debug_control_has(m->client)) {
        g_autofree char *text = g_strdup((*errp)->message);

        g_clear_error(errp);
        return error_set(errp, BUSY, "%s; cont! takes it away", text);
    }
    return false;
}

bool mon_stop(Monitor *m, Args *a, GString *out, GError **errp)
{
    if (!args_done(a, errp)) {
        return false;
    }
    if (!debug_stopped(m->debug)) {
        m->busy = true;         /* until it is told */
        debug_interrupt(m->client);
    }
    return true;
}

static bool cont(Monitor *m, Args *a, GError **errp)
{
    unsigned cpu = UINT_MAX;
    ResumeAction action = { .kind = RESUME_CONT };
    ResumePlan plan = { .others = RESUME_STAY, .n = 1, .action = &action };

    if (!args_cpu(a, &cpu, errp) || !args_done(a, errp)) {
        return false;
    }
    if (cpu == UINT_MAX) {
        return debug_continue(m->client, errp);
    }
    action.cpu = cpu;
    return debug_resume(m->client, &plan, errp);
}

bool mon_cont(Monitor *m, Args *a, GString *out, GError **errp)
{
    return cont(m, a, errp) || explain_holder(m, errp);
}

bool mon_cont_force(Monitor *m, Args *a, GString *out, GError **errp)
{
    if (!debug_stopped(m->debug)) {
        return error_set(errp, BUSY, "the machine is running");
    }
    debug_control_force(m->client);
    bool ok = cont(m, a, errp);
    debug_control_release(m->client);
    return ok;
}

static bool step(Monitor *m, Args *a, bool over, GError **errp)
{
    unsigned cpu = m->cpu;
    uint64_t count = 1;

    a->apart = true;
    if (!args_cpu(a, &cpu, errp) ||
        (!args_end(a) && !g_str_has_prefix(a->p, "cpu=") && !args_value(a, "count", &count, errp)) ||
        !args_cpu(a, &cpu, errp) || !args_done(a, errp)) {
        return false;
    }
    if (count == 0) {
        return error_set(errp, INVALID, "count: 0 steps are none");
    }
    if (debug_nonstop(m->debug)) {
        return error_set(errp, BUSY, "the machine is in non-stop mode, by a debugger's wish");
    }
    m->cpu = cpu;
    m->over = over;
    m->steps_left = count;
    m->busy = step_once(m, errp);
    return m->busy || explain_holder(m, errp);
}

bool mon_step(Monitor *m, Args *a, GString *out, GError **errp)
{
    return step(m, a, false, errp);
}

bool mon_next(Monitor *m, Args *a, GString *out, GError **errp)
{
    return step(m, a, true, errp);
}
