/* What happens on the vCPU's thread when it comes out with a hit or a step: conditions, ignore
 * counts, commands, ranges. Nothing is parked for them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug/agent.h"
#include "debug/debug_int.h"
#include "util/mainloop.h"

/* ---- what expressions see ---- */

typedef struct Eval {
    Debug *d;
    Cpu *cpu;
    DebugClient *client;
    GString *out;
} Eval;

static bool eval_read(void *opaque, vaddr_t at, void *buf, size_t len)
{
    Eval *e = opaque;

    return view_read(e->cpu, ADDR_VIRT, at, buf, len) == len;
}

static bool eval_reg(void *opaque, unsigned num, uint64_t *value)
{
    Eval *e = opaque;
    const RegDesc *r = reg_layout_get(e->client->layout, num);

    if (!r) {
        return false;
    }
    cpu_fetch(e->cpu, r->fetch ? r->fetch : REGS_GENERAL);
    *value = reg_read_u64(e->cpu, r);
    return true;
}

/* Variables spring into being with 0, as gdb's do. */
static bool eval_get_var(void *opaque, unsigned num, uint64_t *value)
{
    Eval *e = opaque;

    mutex_lock(&e->d->lock);
    const uint64_t *v = g_hash_table_lookup(e->client->vars, GUINT_TO_POINTER(num));
    *value = v ? *v : 0;
    mutex_unlock(&e->d->lock);
    return true;
}

static bool eval_set_var(void *opaque, unsigned num, uint64_t value)
{
    Eval *e = opaque;

    mutex_lock(&e->d->lock);
    g_hash_table_replace(e->client->vars, GUINT_TO_POINTER(num),
                         g_memdup2(&value, sizeof(value)));
    mutex_unlock(&e->d->lock);
    return true;
}

static void eval_print(void *opaque, const char *text)
{
    g_string_append(((Eval *)opaque)->out, text);
}

static const AgentOps eval_ops = {
    .read = eval_read, .reg = eval_reg, .get_var = eval_get_var, .set_var = eval_set_var,
    .print = eval_print,
};

/* ---- text that commands print ---- */

static void output_free(gpointer p)
{
    g_free(((DebugOutput *)p)->text);
    g_free(p);
}

static void output_deliver(void *opaque)
{
    filter_flush_output(opaque);
}

void filter_output(Debug *d, DebugClient *client, char *text)
{
    DebugOutput *o = g_new(DebugOutput, 1);

    o->client = client;
    o->text = text;
    mutex_lock(&d->lock);
    bool first = g_queue_is_empty(&d->output);
    g_queue_push_tail(&d->output, o);
    mutex_unlock(&d->lock);
    if (first) {
        mainloop_call(output_deliver, d);
    }
}

void filter_flush_output(Debug *d)
{
    DebugOutput *o;

    debug_tell_begin(d);
    do {
        mutex_lock(&d->lock);
        o = g_queue_pop_head(&d->output);
        mutex_unlock(&d->lock);
        for (unsigned i = 0; o && i < d->clients->len; i++) {
            DebugClient *c = d->clients->pdata[i];

            if (c == o->client && c->ops && c->ops->output) {
                c->ops->output(c->opaque, o->text);
            }
        }
        g_clear_pointer(&o, output_free);
        mutex_lock(&d->lock);
        bool more = !g_queue_is_empty(&d->output);
        mutex_unlock(&d->lock);
        if (!more) {
            break;
        }
    } while (true);
    debug_tell_end(d);
}

void filter_init(Debug *d)
{
    mutex_init(&d->lock);
    g_queue_init(&d->output);
}

void filter_fini(Debug *d)
{
    mainloop_call_cancel(output_deliver, d);
    g_queue_clear_full(&d->output, output_free);
    mutex_destroy(&d->lock);
}

/* ---- one point ---- */

static bool eval_one(Eval *e, GBytes *expr, uint64_t *value, GError **errp)
{
    gsize len;
    const uint8_t *code = g_bytes_get_data(expr, &len);

    return agent_eval(code, len, &eval_ops, e, e->cpu->class->big_endian, value, errp);
}

typedef struct EvalCall {
    Eval eval;
    GBytes *code;
    uint64_t *value;
    bool ok;
    GError **errp;
} EvalCall;

static void eval_on_cpu(Cpu *cpu, void *data)
{
    EvalCall *call = data;

    cpu_fetch(cpu, REGS_GENERAL);
    call->eval.cpu = cpu;
    call->ok = eval_one(&call->eval, call->code, call->value, call->errp);
}

bool debug_eval(DebugClient *c, unsigned cpu, GBytes *code, uint64_t *value, GError **errp)
{
    g_autoptr(GString) out = g_string_new(NULL);
    EvalCall call = {
        .eval = { .d = c->debug, .client = c, .out = out },
        .code = code, .value = value, .errp = errp,
    };
    gsize len;
    const uint8_t *bytes = g_bytes_get_data(code, &len);

    if (!agent_check(bytes, len, errp)) {
        return false;
    }
    debug_on_cpu(c->debug, cpu, eval_on_cpu, &call);
    if (out->len && c->ops && c->ops->output) {
        c->ops->output(c->opaque, out->str);
    }
    return call.ok;
}

static void eval_flush(Eval *e)
{
    if (e->out->len) {
        filter_output(e->d, e->client, g_string_free(e->out, FALSE));
    } else {
        g_string_free(e->out, TRUE);
    }
}

/* A condition that cannot be evaluated counts as true, and its owner is told why. */
static bool cond_passes(Debug *d, Cpu *cpu, const Point *p)
{
    Eval e = { .d = d, .cpu = cpu, .client = p->owner };
    bool pass = p->spec.ncond == 0;

    if (pass) {
        return true;
    }
    e.out = g_string_new(NULL);
    for (unsigned i = 0; i < p->spec.ncond && !pass; i++) {
        g_autoptr(GError) err = NULL;
        uint64_t value = 0;

        pass = !eval_one(&e, p->spec.cond[i], &value, &err) || value != 0;
        if (err) {
            g_string_append_printf(e.out, "Condition of point %u: %s\n", p->id, err->message);
        }
    }
    eval_flush(&e);
    return pass;
}

static void commands_run(Debug *d, Cpu *cpu, const Point *p)
{
    Eval e = { .d = d, .cpu = cpu, .client = p->owner, .out = g_string_new(NULL) };

    for (unsigned i = 0; i < p->spec.ncommand; i++) {
        g_autoptr(GError) err = NULL;
        uint64_t value;

        if (!eval_one(&e, p->spec.command[i], &value, &err)) {
            g_string_append_printf(e.out, "Command of point %u: %s\n", p->id, err->message);
        }
    }
    eval_flush(&e);
}

/* Takes one from the ignore count; true while there was something to take. */
static bool ignore_take(Point *p)
{
    uint64_t left = atomic_get(&p->ignore_left);

    while (left) {
        if (__atomic_compare_exchange_n(&p->ignore_left, &left, left - 1, false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
            return true;
        }
    }
    return false;
}

/* Does this hit stop, for this point's owner? */
static bool point_passes(Debug *d, Cpu *cpu, Point *p, const VcpuHit *hit)
{
    if (p->spec.on_change && hit && hit->has_values && hit->old == hit->now) {
        return false;
    }
    if (!cond_passes(d, cpu, p)) {
        return false;
    }
    atomic_add_old(&p->hits, 1);
    if (ignore_take(p)) {
        return false;
    }
    if (p->spec.ncommand) {
        commands_run(d, cpu, p);
        return p->spec.stop_too;
    }
    return true;
}

/* All points of a location are asked, so that each one's counts go on. */
bool filter_location_passes(Debug *d, Cpu *cpu, const Location *l, const VcpuHit *hit)
{
    bool pass = false;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    if (!scope_has(&l->scope, cpu)) {
        return false;
    }
    for (unsigned i = 0; i < l->points->len; i++) {
        pass |= point_passes(d, cpu, l->points->pdata[i], hit);
    }
    return pass;
}

/* ---- one exit ---- */

/* Keeps the hits that stop; true if any does. *exec: an exec point was among them all. */
static bool hits_pass(Debug *d, Cpu *cpu, VcpuExit *exit, bool *exec)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < exit->nhit; i++) {
        const Location *l = points_location(d, exit->hit[i].loc);

        *exec |= l && l->kind == POINT_EXEC;
        if (l && filter_location_passes(d, cpu, l, &exit->hit[i])) {
            exit->hit[kept++] = exit->hit[i];
        }
    }
    exit->nhit = kept;
    exit_fit_kind(d, exit);
    return kept > 0;
}

typedef struct StepEnd {
    Debug *d;
    Cpu *cpu;
    VcpuExit *exit;
} StepEnd;

static void step_end_location(Location *l, void *opaque)
{
    StepEnd *s = opaque;

    for (unsigned i = 0; i < s->exit->nhit; i++) {
        if (s->exit->hit[i].loc == l->id) {
            return;
        }
    }
    if (s->exit->nhit < VCPU_HITS && filter_location_passes(s->d, s->cpu, l, NULL)) {
        s->exit->hit[s->exit->nhit++] = (VcpuHit){ .loc = l->id, .access = l->addr };
    }
}

void filter_points_here(Debug *d, Cpu *cpu, VcpuExit *exit)
{
    StepEnd s = { .d = d, .cpu = cpu, .exit = exit };

    points_exec_foreach(d, cpu, cpu_pc(cpu), step_end_location, &s);
}

/* A step that ends at an exec point's address is also its hit: told once, with the step. */
static void step_end(Debug *d, Cpu *cpu, VcpuExit *exit)
{
    if (exit->kind == EXIT_STEP) {
        filter_points_here(d, cpu, exit);
    }
}

static bool in_range(const DebugCpu *dc, const Cpu *cpu)
{
    vaddr_t pc = cpu_pc(cpu);

    return dc->want == RESUME_RANGE && pc >= dc->lo && pc < dc->hi;
}

static VmVerdict verdict_stop(const Debug *d)
{
    return d->nonstop ? VM_STOP_ONE : VM_STOP_ALL;
}

/* An exec point's instruction is still to be executed, though it does not stop. */
static VmVerdict pass_over(Debug *d, Cpu *cpu, VcpuExit *exit, RunArgs *args)
{
    if (d->vm->caps.resume_skips_point) {
        args->skip_here = true;
        return VM_GO;
    }
    exit->nhit = 0;
    d->cpu[cpu->index].over = true;     /* the control thread steps it over, with all parked */
    return VM_STOP_ALL;
}

static VmVerdict step_verdict(Debug *d, Cpu *cpu, VcpuExit *exit)
{
    const DebugCpu *dc = &d->cpu[cpu->index];

    if (dc->want != RESUME_CONT) {
        step_end(d, cpu, exit);
    }
    if (d->phase == PHASE_OVER) {
        return VM_STOP_ALL;
    }
    if (exit->nhit == 0 && in_range(dc, cpu)) {
        return VM_GO;
    }
    return verdict_stop(d);
}

/* Has an instruction ended with what this exit tells, so that the one at the pc is still to
 * come? */
static bool told_after(const Cpu *cpu, const VcpuExit *exit)
{
    switch (exit->kind == EXIT_EVENT ? exit->event.kind : POINT_KINDS) {
    case POINT_KINDS:
        return !cpu->class->watch_before;
    case POINT_IO:
        return !exit->event.write;
    case POINT_ASPACE:
    case POINT_MODE:
        return true;
    default:
        return false;
    }
}

static VmVerdict hit_verdict(Debug *d, Cpu *cpu, VcpuExit *exit, RunArgs *args)
{
    bool exec = false;
    bool pass = hits_pass(d, cpu, exit, &exec);

    if (pass) {
        if (!exec && told_after(cpu, exit)) {
            filter_points_here(d, cpu, exit);
        }
        return verdict_stop(d);
    }
    if (exit->step_done) {
        /* The step's own end decides; exec points told with it have just been asked. */
        exit->kind = EXIT_STEP;
        if (!exec) {
            return step_verdict(d, cpu, exit);
        }
        if (d->phase == PHASE_OVER || !in_range(&d->cpu[cpu->index], cpu)) {
            return verdict_stop(d);
        }
    }
    return exec ? pass_over(d, cpu, exit, args) : VM_GO;
}

VmVerdict filter_exit(void *opaque, Cpu *cpu, VcpuExit *exit, RunArgs *args)
{
    Debug *d = opaque;

    cpu_fetch(cpu, REGS_GENERAL);
    switch (exit->kind) {
    case EXIT_POINT:
    case EXIT_EVENT:
        return hit_verdict(d, cpu, exit, args);
    case EXIT_STEP:
    case EXIT_HALT:
        return step_verdict(d, cpu, exit);
    case EXIT_BUDGET:
        return VM_GO;
    default:
        return verdict_stop(d);
    }
}
