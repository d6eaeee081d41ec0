/* Looking changes nothing: the embedded guest's stress mode on several CPUs, with thousands of random stops,
 * steps, points set and removed, memory and registers written back, ends with the same memory and registers as a
 * run that nobody looked at.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * STRESS_STOPS says how many actions (default 20000), STRESS_SEED which ones. Each run of the guest is a process
 * of its own, so that every machine starts from nothing. */
#include <elf.h>
#include <glib.h>
#include <stdlib.h>

#include "guest-machine.h"
#include "util/mainloop.h"

#define RAM_SIZE (32ull << 20)
#define NCPUS 4
#define MAX_POINTS 48

/* What one run of the guest gives. */
typedef struct Outcome {
    uint64_t memory, registers;
    uint64_t actions, stops, steps, points, hits;
    bool finished;
} Outcome;

typedef struct Run {
    GuestMachine g;
    DebugClient *c;
    GRand *rand;
    uint64_t budget;            /* actions left; 0: do nothing but wait */
    uint64_t text, text_end, data, data_end, done;
    PointId done_point, point[MAX_POINTS];
    unsigned npoints;
    Outcome out;
    guint timer;
} Run;

/* ---- the guest ---- */

/* The section of code, and the zeroed data. */
static void find_sections(Run *r)
{
    const Elf64_Ehdr *eh = (const Elf64_Ehdr *)r->g.image;
    const Elf64_Shdr *sh = (const Elf64_Shdr *)(r->g.image + eh->e_shoff);

    for (unsigned i = 0; i < eh->e_shnum; i++) {
        if (sh[i].sh_type == SHT_PROGBITS && sh[i].sh_flags & SHF_EXECINSTR) {
            r->text = r->text ? MIN(r->text, sh[i].sh_addr) : sh[i].sh_addr;
            r->text_end = MAX(r->text_end, sh[i].sh_addr + sh[i].sh_size);
        }
        if (sh[i].sh_type == SHT_NOBITS && sh[i].sh_flags & SHF_WRITE) {
            r->data = sh[i].sh_addr;
            r->data_end = sh[i].sh_addr + sh[i].sh_size;
        }
    }
    r->done = gm_symbol(&r->g, "stress_done");
    g_assert_true(r->text && r->data);
}

/* ---- random actions, all while everything is stopped ---- */

static uint64_t pick(Run *r, uint64_t n)
{
    return ((uint64_t)g_rand_int(r->rand) << 32 | g_rand_int(r->rand)) % n;
}

static void point_set(Run *r)
{
    static const PointKind data[] = { POINT_WRITE, POINT_READ, POINT_ACCESS };
    unsigned sort = (unsigned)pick(r, 5);
    PointSpec spec = { .kind = POINT_EXEC, .len = 1 };
    GError *err = NULL;

    if (sort == 0) {
        spec.kind = POINT_EXCEPTION + (unsigned)pick(r, POINT_TRIPLE - POINT_EXCEPTION);
        spec.len = point_kind_has_number(spec.kind) ? 0x10000 : 1;
        spec.rw = (uint8_t)pick(r, 4);
    } else if (sort < 3) {
        spec.addr = pick(r, 4) ? r->text + pick(r, r->text_end - r->text)
                               : cpu_pc(r->g.vm->cpus[pick(r, NCPUS)]);
        spec.once = !pick(r, 3);
    } else {
        spec.kind = data[pick(r, 3)];
        spec.addr = r->data + pick(r, r->data_end - r->data);
        spec.len = 1ull << pick(r, 8);
        spec.on_change = spec.kind == POINT_WRITE && !pick(r, 4);
    }
    if (!pick(r, 3)) {
        spec.ignore = pick(r, 100);
    }
    if (r->npoints < MAX_POINTS) {
        debug_point_add(r->c, &spec, &r->point[r->npoints], &err);
        g_assert_no_error(err);
        r->npoints++;
        r->out.points++;
    }
}

static void point_remove(Run *r)
{
    unsigned n;

    if (r->npoints) {
        n = (unsigned)pick(r, r->npoints);
        debug_point_remove(r->g.d, r->point[n], NULL);    /* once-points may be gone */
        r->point[n] = r->point[--r->npoints];
        r->out.points++;
    }
}

static void memory_back(Run *r)
{
    uint8_t buf[256];
    uint64_t at = pick(r, 2) ? r->text + pick(r, r->text_end - r->text) : r->data + pick(r, r->data_end - r->data);
    unsigned cpu = (unsigned)pick(r, NCPUS);
    size_t n = debug_read_some(r->g.d, cpu, ADDR_VIRT, at, buf, 1 + pick(r, sizeof(buf)));

    if (n) {
        debug_write(r->g.d, cpu, ADDR_VIRT, at, buf, n, false, NULL);
    }
}

static void register_back(Run *r)
{
    unsigned cpu = (unsigned)pick(r, NCPUS);
    const RegFeature *f = r->g.vm->cpus[cpu]->class->regs->features[pick(r, 2)];
    const RegDesc *d = &f->regs[pick(r, f->n)];
    uint8_t le[64];

    if (debug_reg_read(r->g.d, cpu, d, le, NULL)) {
        debug_reg_write(r->g.d, cpu, d, le, NULL);
    }
}

static int on_timer(gpointer opaque)
{
    Run *r = opaque;

    r->timer = 0;
    debug_interrupt(r->c);
    return G_SOURCE_REMOVE;
}

static void resume(Run *r)
{
    GError *err = NULL;
    ResumeAction action = { .cpu = (unsigned)pick(r, NCPUS) };
    ResumePlan plan = { .others = RESUME_CONT };

    r->out.actions++;
    switch (r->budget ? pick(r, 6) : 5) {
    case 0: case 1:
        action.kind = RESUME_STEP;
        plan.others = pick(r, 2) ? RESUME_STAY : RESUME_CONT;
        plan.n = 1;
        r->out.steps++;
        break;
    case 2:
        action.kind = RESUME_RANGE;
        action.lo = cpu_pc(r->g.vm->cpus[action.cpu]);
        action.hi = action.lo + 1 + pick(r, 64);
        plan.n = 1;
        r->out.steps++;
        break;
    default:
        break;
    }
    plan.action = &action;
    plan.mask_irq = pick(r, 2);
    debug_resume(r->c, &plan, &err);
    g_assert_no_error(err);
    if (r->budget && !r->timer) {
        r->timer = pick(r, 3) ? g_idle_add(on_timer, r) : g_timeout_add(1, on_timer, r);
    }
}

static bool is_done(Run *r)
{
    return cpu_pc(r->g.vm->cpus[0]) == r->done;
}

/* The other CPUs are on their way to their last HLT: lets them get there. */
static bool settle(Run *r)
{
    ResumeAction stay = { .cpu = 0, .kind = RESUME_STAY };
    ResumePlan plan = { .others = RESUME_CONT, .n = 1, .action = &stay };
    bool all = true;

    for (unsigned cpu = 1; cpu < NCPUS; cpu++) {
        all = all && r->g.vm->cpus[cpu]->power == CPU_POWER_HALTED;
    }
    if (!all) {
        debug_resume(r->c, &plan, NULL);
        if (!r->timer) {
            r->timer = g_timeout_add(1, on_timer, r);
        }
    }
    return all;
}

static void on_stop(void *opaque, const StopInfo *stop)
{
    Run *r = opaque;
    unsigned n = (unsigned)pick(r, 4);

    r->out.stops++;
    r->out.hits += stop->kind == STOP_POINT;
    if (is_done(r)) {
        debug_points_remove_all(r->c);
        if (settle(r)) {
            r->out.finished = true;
            mainloop_quit(0);
        }
        return;
    }
    while (n-- && r->budget) {
        static void (*const what[])(Run *) = { point_set, point_remove, memory_back, register_back };

        what[pick(r, G_N_ELEMENTS(what))](r);
        r->out.actions++;
        r->budget--;
    }
    if (r->budget) {
        r->budget--;
    } else if (r->npoints) {
        while (r->npoints) {
            point_remove(r);
        }
    }
    resume(r);
}

/* ---- one run ---- */

/* What is to be run. */
typedef struct Order {
    const char *kernel, *accel;
    unsigned rounds;
    uint32_t seed;
    uint64_t actions;
} Order;

static void run_once(void *out, const void *arg)
{
    static const DebugClientOps ops = { .stopped = on_stop };
    const Order *o = arg;
    Run r = { .rand = g_rand_new_with_seed(o->seed), .budget = o->actions };
    PointSpec done = { .kind = POINT_EXEC, .len = 1 };
    g_autofree char *append = g_strdup_printf("mode=stress cpus=%d rounds=%u", NCPUS, o->rounds);
    GError *err = NULL;

    gm_init(&r.g, o->kernel, append, o->accel, NCPUS, RAM_SIZE);
    find_sections(&r);
    r.c = debug_client_new(r.g.d, "random", &ops, &r);
    done.addr = r.done;
    debug_point_add(r.c, &done, &r.done_point, &err);
    g_assert_no_error(err);
    resume(&r);
    mainloop_run();
    r.out.memory = gm_hash_memory(&r.g);
    r.out.registers = gm_hash_registers(&r.g);
    *(Outcome *)out = r.out;
}

static Outcome run_apart(const char *kernel, unsigned rounds, const char *accel, uint32_t seed, uint64_t actions)
{
    Order o = { kernel, accel, rounds, seed, actions };
    Outcome out;

    gm_apart(run_once, &o, &out, sizeof(out));
    return out;
}

static unsigned setting(const char *name, unsigned otherwise)
{
    const char *v = g_getenv(name);

    return v ? (unsigned)strtoul(v, NULL, 0) : otherwise;
}

static const char *kernel_path;

static void random_stops(gconstpointer accel)
{
    unsigned rounds = setting("STRESS_ROUNDS", 3000), seed = setting("STRESS_SEED", 1);
    uint64_t wanted = setting("STRESS_STOPS", 20000), actions = 0, stops = 0, hits = 0, runs = 0;
    Outcome alone = run_apart(kernel_path, rounds, accel, 0, 0);

    g_assert_true(alone.finished);
    while (actions < wanted) {
        Outcome o = run_apart(kernel_path, rounds, accel, seed++, wanted - actions);

        g_assert_true(o.finished);
        g_assert_cmphex(o.memory, ==, alone.memory);
        g_assert_cmphex(o.registers, ==, alone.registers);
        actions += o.actions;
        stops += o.stops;
        hits += o.hits;
        runs++;
    }
    g_test_message("%" G_GUINT64_FORMAT " actions, %" G_GUINT64_FORMAT " stops, %" G_GUINT64_FORMAT " of them at "
                   "points, in %" G_GUINT64_FORMAT " runs", actions, stops, hits, runs);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    kernel_path = argc > 1 ? argv[1] : g_getenv("STRESS_GUEST");
    g_assert_nonnull(kernel_path);
    g_test_add_data_func("/stress/random-stops/jit", "backend=jit", random_stops);
    g_test_add_data_func("/stress/random-stops/interp", "backend=interp", random_stops);
    return g_test_run();
}
