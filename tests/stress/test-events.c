/* Stops on events with the JIT: what is told of each, where, and once; that each then takes its
 * course, so that the guest ends with the memory and registers of a run that nobody looked at.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <string.h>

#include "guest-machine.h"
#include "target/i386/x86.h"
#include "util/mainloop.h"

#define RAM_SIZE (16ull << 20)
#define MAX_EVENTS 120
#define ANY UINT64_MAX

/* What is expected to be told, in this order. pc is a symbol of the guest's. */
typedef struct Expected {
    PointKind kind;
    const char *pc;
    uint64_t number;
    bool write;
    uint64_t error, old, now;
} Expected;

static const Expected all[] = {
    { POINT_IO, "ev_out", 0x80, true, 0, 0, 0x5a },
    { POINT_IO, NULL, 0x21, true, 0, 0, 0xa5 },
    { POINT_IO, "ev_in_next", 0x21, false, 0, 0, 0xa5 },
    { POINT_IO, "ev_outs", 0x80, true, 0, 0, 'a' },
    { POINT_IO, "ev_outs", 0x80, true, 0, 0, 'b' },
    { POINT_IO, "ev_outs", 0x80, true, 0, 0, 'c' },
    { POINT_IO, "ev_ins", 0x21, false, 0, 0, 0xa5 },
    { POINT_IO, "ev_ins_next", 0x21, false, 0, 0, 0xa5 },
    { POINT_MSR, "ev_rdmsr", 0x277, false, 0, 0x0007040600070406, 0x0007040600070406 },
    { POINT_MSR, "ev_wrmsr", 0x174, true, 0, 0, 0x33 },
    { POINT_MSR, "ev_badmsr", 0xdead, false, 0, 0, 0 },
    { POINT_EXCEPTION, "ev_badmsr", 13, false, 0, 0, 0 },
    { POINT_CR, "ev_cr3", 3, true, 0, ANY, ANY },
    { POINT_ASPACE, "ev_cr3_next", 0, false, 0, ANY, ANY },
    { POINT_CR, "ev_cr3_same", 3, true, 0, ANY, ANY },
    { POINT_CR, "ev_cr4", 4, true, 0, 0x628, 0x628 },
    { POINT_CR, "ev_clts", 0, true, 0, 0x80010033, 0x80010033 },
    { POINT_CR, "ev_lmsw", 0, true, 0, 0x80010033, 0x80010033 },
    { POINT_CR, "ev_cr8", 8, true, 0, 0, 2 },
    { POINT_CR, NULL, 8, true, 0, 2, 0 },
    { POINT_CR, "ev_cr3_back", 3, true, 0, ANY, ANY },
    { POINT_ASPACE, NULL, 0, false, 0, ANY, ANY },
    { POINT_EXCEPTION, "ev_ud", 6, false, 0, 0, 0 },
    { POINT_EXCEPTION, "ev_pf", 14, false, 2, 0, 0 },
    { POINT_EXCEPTION, "ev_int3", 3, false, 0, 0, 0 },
    { POINT_EXCEPTION, "ev_int1", 1, false, 0, 0xffff0ff0, 0xffff0ff0 },
    { POINT_INTERRUPT, "ev_int", 0x50, false, 0, 0, 0 },
    { POINT_INTERRUPT, "ev_ipi", 0x60, false, 0, 0, 0 },
    { POINT_INTERRUPT, "ev_nmi", 2, false, 0, 0, 0 },
    { POINT_MODE, "ev_compat", 0, false, 0, 5 << 2, 4 << 2 },
    { POINT_MODE, "ev_long", 0, false, 0, 4 << 2, 5 << 2 },
    { POINT_CR, NULL, 3, true, 0, ANY, ANY },
    { POINT_ASPACE, NULL, 0, false, 0, ANY, ANY },
    { POINT_MODE, "ev_user", 0, false, 0, 5 << 2, 5 << 2 | 3 },
    { POINT_INTERRUPT, "ev_user", 0x51, false, 0, 0, 0 },
    { POINT_MODE, NULL, 0, false, 0, 5 << 2 | 3, 5 << 2 },
};

/* How a run looks at the guest. */
typedef enum Way {
    WAY_ALONE,          /* no points */
    WAY_CATCH,          /* all events, continuing */
    WAY_STEP,           /* the same, stepping from the first instruction to the last */
    WAY_REMOVE,         /* each point is removed when it stops, and set again at the next stop */
    WAY_COND,           /* a condition that is never true */
    WAY_IGNORE,         /* each kind's first two do not stop */
    WAY_RANGE,          /* range steps over everything */
    WAY_BREAK,          /* a breakpoint at each place, too */
    WAY_WATCH,          /* a watchpoint on the stack, too */
} Way;

typedef struct Told {
    DebugEvent event;
    vaddr_t pc;
} Told;

typedef struct Outcome {
    uint64_t memory, registers;
    unsigned n, stops, steps, breaks, watches, others;
    Told told[MAX_EVENTS];
} Outcome;

typedef struct Run Run;

typedef struct Order {
    const char *accel, *append;
    Way way;
    unsigned ncpus;
    void (*on_stop)(Run *r, const StopInfo *stop);
} Order;

struct Run {
    GuestMachine g;
    const Order *order;
    DebugClient *c;
    Way way;
    unsigned resets;
    uint64_t begin, end;
    bool inside;
    PointId end_point, event_point[POINT_KINDS];
    Outcome *out;
};

static const char *kernel_path;

static PointId point_add(Run *r, const PointSpec *spec)
{
    GError *err = NULL;
    PointId id = 0;

    debug_point_add(r->c, spec, &id, &err);
    g_assert_no_error(err);
    return id;
}

/* Agent expression: constant 0. */
static const uint8_t never[] = { 0x22, 0x00, 0x27 };

static void catch_kind(Run *r, PointKind kind)
{
    g_autoptr(GBytes) cond = g_bytes_new_static(never, sizeof(never));
    PointSpec spec = { .kind = kind, .len = point_kind_has_number(kind) ? 0x10000 : 1 };

    if (kind == POINT_TRIPLE) {
        return;
    }
    if (r->way == WAY_COND) {
        spec.cond = &cond;
        spec.ncond = 1;
    }
    spec.ignore = r->way == WAY_IGNORE ? 2 : 0;
    r->event_point[kind] = point_add(r, &spec);
}

static void catch_all(Run *r)
{
    for (PointKind k = POINT_EXCEPTION; k < POINT_TRIPLE; k++) {
        if (!r->event_point[k]) {
            catch_kind(r, k);
        }
    }
}

/* The points of this way, when the guest has come to its first event. */
static void look(Run *r)
{
    r->inside = true;
    if (r->way == WAY_ALONE) {
        return;
    }
    catch_all(r);
    for (unsigned i = 0; i < G_N_ELEMENTS(all) && r->way == WAY_BREAK; i++) {
        uint64_t at = all[i].pc ? gm_symbol(&r->g, all[i].pc) : 0;

        if (at && !debug_point_find(r->c, POINT_EXEC, WISH_ANY, ADDR_VIRT, at, 1)) {
            point_add(r, &(PointSpec){ .kind = POINT_EXEC, .len = 1, .addr = at });
        }
    }
    if (r->way == WAY_WATCH) {
        uint64_t sp = x86_state(r->g.vm->cpus[0])->gpr[R_RSP];

        point_add(r, &(PointSpec){ .kind = POINT_ACCESS, .len = 512, .addr = sp - 512 });
    }
}

static void note_event(Run *r, const StopInfo *stop)
{
    Outcome *o = r->out;

    g_assert_cmpuint(stop->nmine, >=, 1);
    g_assert_true(point_kind_is_event(stop->point_kind));
    g_assert_cmpuint(stop->hit[0], ==, r->event_point[stop->event.kind]);
    g_assert_cmpuint(o->n, <, MAX_EVENTS);
    o->told[o->n++] = (Told){ .event = stop->event, .pc = stop->pc };
    o->others += stop->nmine - 1;
    if (r->way == WAY_REMOVE) {
        catch_all(r);
        debug_point_remove(r->g.d, stop->hit[0], NULL);
        r->event_point[stop->event.kind] = 0;
    }
}

static void go(Run *r)
{
    GError *err = NULL;
    ResumeAction action = { .kind = RESUME_CONT, .lo = 0, .hi = UINT64_MAX };
    ResumePlan plan = { .n = 1, .action = &action };

    if (r->inside) {
        action.kind = r->way == WAY_STEP ? RESUME_STEP
                      : r->way == WAY_RANGE ? RESUME_RANGE : RESUME_CONT;
    }
    debug_resume(r->c, &plan, &err);
    g_assert_no_error(err);
}

/* Goes through everything in one of the ways. */
static void stop_in_way(Run *r, const StopInfo *stop)
{
    if (stop->pc == r->begin && !r->inside) {
        look(r);
    } else if (stop->kind == STOP_EVENT) {
        note_event(r, stop);
    } else if (stop->pc == r->end) {
        mainloop_quit(0);
        return;
    } else if (stop->kind == STOP_POINT) {
        r->out->breaks += stop->point_kind == POINT_EXEC;
        r->out->watches += stop->point_kind == POINT_ACCESS;
    } else {
        g_assert_cmpint(stop->kind, ==, STOP_STEP);
        r->out->steps++;
    }
    go(r);
}

static void on_stop(void *opaque, const StopInfo *stop)
{
    Run *r = opaque;

    r->out->stops++;
    r->order->on_stop(r, stop);
}

static void on_reset(void *opaque, VmCause cause)
{
    g_assert_cmpint(cause, ==, VM_CAUSE_TRIPLE_FAULT);
    ((Run *)opaque)->resets++;
}

static void run_once(void *out, const void *arg)
{
    static const DebugClientOps ops = { .stopped = on_stop, .reset = on_reset };
    const Order *o = arg;
    Run r = { .order = o, .way = o->way, .out = out };

    memset(out, 0, sizeof(Outcome));
    gm_init(&r.g, kernel_path, o->append, o->accel, o->ncpus, RAM_SIZE);
    r.c = debug_client_new(r.g.d, "events", &ops, &r);
    r.begin = gm_symbol(&r.g, "ev_begin");
    r.end = gm_symbol(&r.g, "ev_end");
    if (!strcmp(o->append, "mode=events")) {
        point_add(&r, &(PointSpec){ .kind = POINT_EXEC, .len = 1, .addr = r.begin });
    } else {
        point_add(&r, &(PointSpec){ .kind = POINT_EXEC, .len = 1, .once = true,
                                    .addr = cpu_pc(r.g.vm->cpus[0]) });
    }
    point_add(&r, &(PointSpec){ .kind = POINT_EXEC, .len = 1, .addr = r.end });
    go(&r);
    mainloop_run();
    r.out->memory = gm_hash_memory(&r.g);
    r.out->registers = gm_hash_registers(&r.g);
}

static Outcome run(const char *accel, Way way)
{
    Order order = { accel, "mode=events", way, 1, stop_in_way };
    Outcome out;

    gm_apart(run_once, &order, &out, sizeof(out));
    return out;
}

/* ---- what is told ---- */

static uint64_t symbol_of(const char *name)
{
    GuestMachine g = { 0 };
    uint64_t at;

    g_assert_true(g_file_get_contents(kernel_path, &g.image, NULL, NULL));
    at = gm_symbol(&g, name);
    g_free(g.image);
    return at;
}

static void expect(const Expected *x, const Told *t)
{
    const DebugEvent *e = &t->event;

    g_assert_cmpint(e->kind, ==, x->kind);
    g_assert_cmphex(e->number, ==, x->number);
    if (x->pc) {
        g_assert_cmphex(t->pc, ==, symbol_of(x->pc));
    }
    g_assert_cmpint(e->write, ==, x->write);
    g_assert_cmphex(e->error, ==, x->error);
    if (x->old != ANY) {
        g_assert_cmphex(e->old, ==, x->old);
        g_assert_cmphex(e->now, ==, x->now);
    }
    bool exception = e->kind == POINT_EXCEPTION, interrupt = e->kind == POINT_INTERRUPT;

    g_assert_cmpint(e->has_error, ==, exception && (e->number == 13 || e->number == 14));
    g_assert_cmphex(e->address, ==, exception && e->number == 14 ? 0xa0000010 : 0);
    g_assert_cmpint(e->software, ==, interrupt && (e->number == 0x50 || e->number == 0x51));
    g_assert_cmpint(e->size, ==, e->kind == POINT_IO);
}

static void expect_all(const Outcome *o)
{
    for (unsigned i = 0; i < MIN(o->n, G_N_ELEMENTS(all)); i++) {
        g_test_message("event %u", i);
        expect(&all[i], &o->told[i]);
    }
    g_assert_cmpuint(o->n, ==, G_N_ELEMENTS(all));
}

static void expect_same(const Outcome *a, const Outcome *b)
{
    g_assert_cmphex(a->memory, ==, b->memory);
    g_assert_cmphex(a->registers, ==, b->registers);
}

static void test_ways(gconstpointer accel)
{
    static const Way ways[] = { WAY_CATCH, WAY_STEP, WAY_RANGE, WAY_REMOVE, WAY_BREAK, WAY_WATCH };
    Outcome alone = run(accel, WAY_ALONE);

    g_assert_cmpuint(alone.stops, ==, 2);
    for (unsigned i = 0; i < G_N_ELEMENTS(ways); i++) {
        Outcome o = run(accel, ways[i]);

        g_test_message("way %u: %u stops, %u breaks, %u others", ways[i], o.stops, o.breaks,
                       o.others);
        if (ways[i] != WAY_REMOVE) {
            expect_all(&o);
        }
        expect_same(&o, &alone);
        g_assert_true(ways[i] != WAY_STEP || o.steps > 100);
        g_assert_true(ways[i] != WAY_WATCH || o.watches > 10);
        /* Each time at each place is told once, alone or with the event that ended there: 20
         * places where an event is told before it happens, of them one instruction with two more
         * iterations and one that is run again. */
        g_assert_true(ways[i] != WAY_BREAK || (o.breaks == 23 && o.others == 7));
        g_assert_true(ways[i] == WAY_BREAK || ways[i] == WAY_WATCH || !o.others);
    }
}

static void test_filters(gconstpointer accel)
{
    Outcome alone = run(accel, WAY_ALONE), o;
    unsigned n = 0, kinds[POINT_KINDS] = { 0 };

    o = run(accel, WAY_COND);
    g_assert_cmpuint(o.n, ==, 0);
    expect_same(&o, &alone);
    o = run(accel, WAY_IGNORE);
    expect_same(&o, &alone);
    for (unsigned i = 0; i < G_N_ELEMENTS(all); i++) {
        if (++kinds[all[i].kind] > 2) {
            g_assert_cmpuint(n, <, o.n);
            expect(&all[i], &o.told[n++]);
        }
    }
    g_assert_cmpuint(n, ==, o.n);
}

/* ---- what a debugger changes ---- */

static uint32_t guest_seen(Run *r, unsigned vector)
{
    uint64_t at = gm_symbol(&r->g, "events_seen") + 4 * vector;
    uint32_t n;

    g_assert_true(debug_read(r->g.d, 0, ADDR_VIRT, at, &n, sizeof(n), NULL));
    return n;
}

static bool is_at(Run *r, const StopInfo *stop, const char *name)
{
    return stop->pc == gm_symbol(&r->g, name);
}

/* Moves the pc behind the instruction: a length for each event. */
static void skip_event(Run *r, const StopInfo *stop)
{
    static const struct { const char *at; PointKind kind; unsigned len; } skips[] = {
        { "ev_out", POINT_IO, 2 }, { "ev_ud", POINT_EXCEPTION, 2 },
        { "ev_int3", POINT_EXCEPTION, 1 }, { "ev_int1", POINT_EXCEPTION, 1 },
        { "ev_int", POINT_INTERRUPT, 2 },
        { "ev_badmsr", POINT_EXCEPTION, 2 }, { "ev_cr4", POINT_CR, 3 },
        { "ev_ipi", POINT_INTERRUPT, 1 },
    };
    X86State *s = x86_state(r->g.vm->cpus[0]);

    for (unsigned i = 0; i < G_N_ELEMENTS(skips); i++) {
        if (is_at(r, stop, skips[i].at) && stop->event.kind == skips[i].kind) {
            g_assert_true(debug_pc_write(r->g.d, 0, stop->pc + skips[i].len, NULL));
        }
    }
    if (is_at(r, stop, "ev_wrmsr")) {
        s->gpr[R_RAX] = 0x44;
    }
    /* What is about to happen uses the registers as the debugger leaves them. */
    g_assert_true(!is_at(r, stop, "ev_badmsr") || s->sysenter_cs == 0x44);
}

static void stop_and_skip(Run *r, const StopInfo *stop)
{
    static const uint8_t never_seen[] = { 1, 3, 6, 13, 0x50 };

    if (stop->pc == r->begin && !r->inside) {
        look(r);
    } else if (stop->kind == STOP_EVENT) {
        note_event(r, stop);
        skip_event(r, stop);
    } else {
        g_assert_cmphex(stop->pc, ==, r->end);
        for (unsigned i = 0; i < sizeof(never_seen); i++) {
            g_assert_cmpuint(guest_seen(r, never_seen[i]), ==, 0);
        }
        /* An external interrupt comes whatever the pc is. */
        g_assert_cmpuint(guest_seen(r, 0x60), ==, 1);
        g_assert_cmpuint(guest_seen(r, 2), ==, 1);
        g_assert_cmpuint(guest_seen(r, 14), ==, 1);
        mainloop_quit(0);
        return;
    }
    go(r);
}

static void test_moved(gconstpointer accel)
{
    Order order = { accel, "mode=events", WAY_CATCH, 1, stop_and_skip };
    Outcome out;

    gm_apart(run_once, &order, &out, sizeof(out));
    expect_all(&out);
}

/* ---- triple faults ---- */

static void stop_at_triple(Run *r, const StopInfo *stop)
{
    g_assert_cmpint(stop->kind, ==, r->out->stops == 1 ? STOP_POINT : STOP_EVENT);
    switch (r->out->stops) {
    case 1:             /* at start64 */
        r->event_point[POINT_TRIPLE] = point_add(r, &(PointSpec){ .kind = POINT_TRIPLE, .len = 1 });
        break;
    case 3:
        g_assert_cmpuint(r->resets, ==, 1);
        r->event_point[POINT_RESET] = point_add(r, &(PointSpec){ .kind = POINT_RESET, .len = 1 });
        break;
    case 4:             /* the reset that follows the triple fault, told for itself */
        g_assert_cmpint(stop->event.kind, ==, POINT_RESET);
        g_assert_cmpint(stop->cause, ==, VM_CAUSE_TRIPLE_FAULT);
        g_assert_cmpuint(r->resets, ==, 1);
        break;
    case 5:
        g_assert_cmpuint(r->resets, ==, 2);
        mainloop_quit(0);
        return;
    default:
        break;
    }
    if (stop->kind == STOP_EVENT && stop->event.kind == POINT_TRIPLE) {
        uint8_t code;

        g_assert_cmpint(stop->cause, ==, VM_CAUSE_TRIPLE_FAULT);
        g_assert_true(debug_read(r->g.d, 0, ADDR_VIRT, stop->pc, &code, 1, NULL));
        g_assert_cmphex(code, ==, 0xcc);
    }
    go(r);
}

static void test_triple(gconstpointer accel)
{
    Order order = { accel, "mode=triple", WAY_CATCH, 1, stop_at_triple };
    Outcome out;

    gm_apart(run_once, &order, &out, sizeof(out));
}

/* ---- the machine's NMI button ---- */

static void stop_at_nmi(Run *r, const StopInfo *stop)
{
    switch (r->out->stops) {
    case 1:             /* at ev_begin: interrupts off, which does not matter */
        g_assert_cmphex(stop->pc, ==, r->begin);
        r->event_point[POINT_INTERRUPT] = point_add(
            r, &(PointSpec){ .kind = POINT_INTERRUPT, .addr = 2, .len = 1, .once = true });
        vm_lock(r->g.vm);
        r->g.m->cls->nmi(r->g.m);
        vm_unlock(r->g.vm);
        break;
    case 2:
        g_assert_cmpint(stop->kind, ==, STOP_EVENT);
        g_assert_cmpint(stop->event.kind, ==, POINT_INTERRUPT);
        g_assert_cmphex(stop->event.number, ==, 2);
        g_assert_cmpuint(stop->cpu, ==, 0);
        g_assert_cmpuint(guest_seen(r, 2), ==, 0);
        break;
    default:            /* with the guest's own one */
        g_assert_cmphex(stop->pc, ==, r->end);
        g_assert_cmpuint(guest_seen(r, 2), ==, 2);
        mainloop_quit(0);
        return;
    }
    g_assert_true(debug_continue(r->c, NULL));
}

static void test_nmi(gconstpointer accel)
{
    Order order = { accel, "mode=events", WAY_CATCH, 2, stop_at_nmi };
    Outcome out;

    gm_apart(run_once, &order, &out, sizeof(out));
    g_assert_cmpuint(out.stops, ==, 3);
}

/* ---- two CPUs: a scope, and both at once ---- */

static void stop_at_mode(Run *r, const StopInfo *stop)
{
    static const unsigned path[] = { 0, 2, 3, 4, 5 };
    unsigned n = r->out->n;

    if (r->out->stops == 1) {
        Scope second = { .cpus = 1 << 1 };

        point_add(r, &(PointSpec){ .kind = POINT_MODE, .len = 1, .scope = second });
        point_add(r, &(PointSpec){ .kind = POINT_EXEC, .len = 1, .scope = second,
                                   .addr = gm_symbol(&r->g, "ap_work") });
    } else if (n < 4) {
        g_assert_cmpint(stop->kind, ==, STOP_EVENT);
        g_assert_cmpuint(stop->cpu, ==, 1);
        g_assert_cmphex(stop->event.old, ==, path[n] << 2);
        g_assert_cmphex(stop->event.now, ==, path[n + 1] << 2);
        r->out->n++;
    } else {
        g_assert_cmpint(stop->kind, ==, STOP_POINT);
        mainloop_quit(0);
        return;
    }
    g_assert_true(debug_continue(r->c, NULL));
}

static void test_cpus(gconstpointer accel)
{
    Order order = { accel, "mode=smp cpus=2", WAY_CATCH, 2, stop_at_mode };
    Outcome out;

    gm_apart(run_once, &order, &out, sizeof(out));
    g_assert_cmpuint(out.n, ==, 4);
}

static void add(const char *name, void (*fn)(gconstpointer accel))
{
    g_autofree char *jit = g_strdup_printf("/stress/events/jit/%s", name);
    g_autofree char *interp = g_strdup_printf("/stress/events/interp/%s", name);

    g_test_add_data_func(jit, "backend=jit", fn);
    g_test_add_data_func(interp, "backend=interp", fn);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    kernel_path = argc > 1 ? argv[1] : NULL;
    g_assert_nonnull(kernel_path);
    add("ways", test_ways);
    add("filters", test_filters);
    add("moved", test_moved);
    add("triple", test_triple);
    add("nmi", test_nmi);
    add("cpus", test_cpus);
    return g_test_run();
}
