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
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "accel/tcg/tcg.h"
#include "debug/debug.h"
#include "hw/i386/pc.h"
#include "target/i386/x86.h"
#include "mem/mem.h"
#include "util/mainloop.h"

#define RAM_SIZE (32ull << 20)
#define NCPUS 4
#define MAX_POINTS 48
#define DONE_STATUS 77

/* What one run of the guest gives. */
typedef struct Outcome {
    uint64_t memory, registers;
    uint64_t actions, stops, steps, points, hits;
    bool finished;
} Outcome;

typedef struct Run {
    Vm *vm;
    Machine *m;
    MachineOptions opt;
    Debug *d;
    DebugClient *c;
    GRand *rand;
    uint64_t budget;            /* actions left; 0: do nothing but wait */
    uint64_t text, text_end, data, data_end, done;
    PointId done_point, point[MAX_POINTS];
    unsigned npoints;
    Outcome out;
    guint timer;
} Run;

/* ---- the guest's symbols ---- */

static void find_symbols(Run *r, const char *path)
{
    g_autofree char *file = NULL;
    const Elf64_Ehdr *eh;
    const Elf64_Shdr *sh;
    gsize size;

    g_assert_true(g_file_get_contents(path, &file, &size, NULL));
    eh = (const Elf64_Ehdr *)file;
    sh = (const Elf64_Shdr *)(file + eh->e_shoff);
    for (unsigned i = 0; i < eh->e_shnum; i++) {
        if (sh[i].sh_type == SHT_PROGBITS && sh[i].sh_flags & SHF_EXECINSTR) {
            r->text = r->text ? MIN(r->text, sh[i].sh_addr) : sh[i].sh_addr;
            r->text_end = MAX(r->text_end, sh[i].sh_addr + sh[i].sh_size);
        }
        if (sh[i].sh_type == SHT_NOBITS && sh[i].sh_flags & SHF_WRITE) {
            r->data = sh[i].sh_addr;
            r->data_end = sh[i].sh_addr + sh[i].sh_size;
        }
        if (sh[i].sh_type == SHT_SYMTAB) {
            const Elf64_Sym *s = (const Elf64_Sym *)(file + sh[i].sh_offset);
            const char *names = file + sh[sh[i].sh_link].sh_offset;

            for (unsigned n = 0; n < sh[i].sh_size / sizeof(*s); n++) {
                if (!strcmp(names + s[n].st_name, "stress_done")) {
                    r->done = s[n].st_value;
                }
            }
        }
    }
    g_assert_true(r->done && r->text && r->data);
}

/* ---- hashing ---- */

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t hash_memory(Run *r)
{
    static uint64_t page[512];
    uint64_t h = 1;

    for (uint64_t at = 0; at < RAM_SIZE; at += sizeof(page)) {
        if (mem_peek(r->vm->memory, at, page, sizeof(page)) < sizeof(page)) {
            continue;   /* the hole of the old video memory */
        }
        for (unsigned n = 0; n < 512; n++) {
            h = mix(h, page[n] + at);
        }
    }
    return h;
}

static uint64_t hash_registers(Run *r)
{
    uint64_t h = 1;

    for (unsigned cpu = 0; cpu < NCPUS; cpu++) {
        const RegSet *set = r->vm->cpus[cpu]->class->regs;

        for (unsigned f = 0; set->features[f]; f++) {
            for (unsigned n = 0; n < set->features[f]->n; n++) {
                const RegDesc *d = &set->features[f]->regs[n];
                uint8_t le[64] = { 0 };
                uint64_t v;

                /* Counters that run by themselves. */
                if (strstr(d->name, "tsc") || !debug_reg_read(r->d, cpu, d, le, NULL)) {
                    continue;
                }
                for (unsigned k = 0; k < sizeof(le); k += 8) {
                    memcpy(&v, le + k, 8);
                    h = mix(h, v + n);
                }
                if (g_getenv("STRESS_DUMP")) {
                    memcpy(&v, le, 8);
                    g_printerr("cpu %u %s %" G_GINT64_MODIFIER "x\n", cpu, d->name, v);
                }
            }
        }
    }
    return h;
}

/* ---- random actions, all while everything is stopped ---- */

static uint64_t pick(Run *r, uint64_t n)
{
    return ((uint64_t)g_rand_int(r->rand) << 32 | g_rand_int(r->rand)) % n;
}

static void point_set(Run *r)
{
    static const PointKind data[] = { POINT_WRITE, POINT_READ, POINT_ACCESS };
    bool exec = pick(r, 2);
    PointSpec spec = { .kind = POINT_EXEC, .len = 1 };
    GError *err = NULL;

    if (exec) {
        spec.addr = pick(r, 4) ? r->text + pick(r, r->text_end - r->text)
                               : cpu_pc(r->vm->cpus[pick(r, NCPUS)]);
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
        debug_point_remove(r->d, r->point[n], NULL);    /* once-points may be gone */
        r->point[n] = r->point[--r->npoints];
        r->out.points++;
    }
}

static void memory_back(Run *r)
{
    uint8_t buf[256];
    uint64_t at = pick(r, 2) ? r->text + pick(r, r->text_end - r->text) : r->data + pick(r, r->data_end - r->data);
    unsigned cpu = (unsigned)pick(r, NCPUS);
    size_t n = debug_read_some(r->d, cpu, ADDR_VIRT, at, buf, 1 + pick(r, sizeof(buf)));

    if (n) {
        debug_write(r->d, cpu, ADDR_VIRT, at, buf, n, false, NULL);
    }
}

static void register_back(Run *r)
{
    unsigned cpu = (unsigned)pick(r, NCPUS);
    const RegFeature *f = r->vm->cpus[cpu]->class->regs->features[pick(r, 2)];
    const RegDesc *d = &f->regs[pick(r, f->n)];
    uint8_t le[64];

    if (debug_reg_read(r->d, cpu, d, le, NULL)) {
        debug_reg_write(r->d, cpu, d, le, NULL);
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
        action.lo = cpu_pc(r->vm->cpus[action.cpu]);
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
    return cpu_pc(r->vm->cpus[0]) == r->done;
}

/* The other CPUs are on their way to their last HLT: lets them get there. */
static bool settle(Run *r)
{
    ResumeAction stay = { .cpu = 0, .kind = RESUME_STAY };
    ResumePlan plan = { .others = RESUME_CONT, .n = 1, .action = &stay };
    bool all = true;

    for (unsigned cpu = 1; cpu < NCPUS; cpu++) {
        all = all && r->vm->cpus[cpu]->power == CPU_POWER_HALTED;
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

static void machine_reset(void *opaque)
{
    Machine *m = opaque;

    m->cls->reset(m);
}

static void make_machine(Run *r, const char *kernel, unsigned rounds, const char *accel)
{
    GError *err = NULL;
    g_autofree char *append = g_strdup_printf("mode=stress cpus=%d rounds=%u", NCPUS, rounds);

    r->opt = (MachineOptions){ .ram_size = RAM_SIZE, .ncpus = NCPUS, .kernel = kernel, .append = g_strdup(append) };
    mainloop_init();
    r->vm = vm_new();
    vm_clock_set_base_ns(r->vm, 0);
    vm_set_accel(r->vm, &tcg_accel_ops, &x86_cpu_class, accel, &err);
    g_assert_no_error(err);
    r->m = g_malloc0(pc_machine_class.size);
    r->m->cls = &pc_machine_class;
    r->m->opt = &r->opt;
    r->m->vm = r->m->host.vm = r->vm;
    device_list_init(&r->m->devices);
    pc_machine_class.create(r->m, &err);
    g_assert_no_error(err);
    pc_machine_class.load(r->m, &err);
    g_assert_no_error(err);
    vm_add_reset(r->vm, VM_RESET_LOADER, machine_reset, r->m);
    vm_start(r->vm, &err);
    g_assert_no_error(err);
    vm_reset_now(r->vm, VM_CAUSE_HOST_RESET);
    r->d = debug_new(r->vm);
}

static Outcome run_once(const char *kernel, unsigned rounds, const char *accel, uint32_t seed, uint64_t actions)
{
    static const DebugClientOps ops = { .stopped = on_stop };
    Run r = { .rand = g_rand_new_with_seed(seed), .budget = actions };
    PointSpec done = { .kind = POINT_EXEC, .len = 1 };
    GError *err = NULL;

    find_symbols(&r, kernel);
    make_machine(&r, kernel, rounds, accel);
    r.c = debug_client_new(r.d, "random", &ops, &r);
    done.addr = r.done;
    debug_point_add(r.c, &done, &r.done_point, &err);
    g_assert_no_error(err);
    resume(&r);
    mainloop_run();
    r.out.memory = hash_memory(&r);
    r.out.registers = hash_registers(&r);
    return r.out;
}

/* In a child: machines share nothing with each other. */
static Outcome run_apart(const char *kernel, unsigned rounds, const char *accel, uint32_t seed, uint64_t actions)
{
    Outcome out = { 0 };
    int fd[2], status;
    pid_t pid;

    g_assert_cmpint(pipe(fd), ==, 0);
    pid = fork();
    if (!pid) {
        out = run_once(kernel, rounds, accel, seed, actions);
        _exit(write(fd[1], &out, sizeof(out)) == sizeof(out) ? DONE_STATUS : 1);
    }
    close(fd[1]);
    if (read(fd[0], &out, sizeof(out)) != sizeof(out)) {
        out.finished = false;
    }
    close(fd[0]);
    waitpid(pid, &status, 0);
    g_assert_true(WIFEXITED(status) && WEXITSTATUS(status) == DONE_STATUS);
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
