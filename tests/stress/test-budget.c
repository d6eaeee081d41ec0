/* The instruction budget: however a run is split, it ends in the same state, on both backends.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <string.h>

#include "accel/tcg/tcg.h"
#include "hw/i386/pc.h"
#include "mem/mem.h"
#include "target/i386/x86.h"
#include "util/mainloop.h"
#include "vm/vm.h"

#define RAM_SIZE (16ull << 20)
#define TOTAL 3000000ull

typedef struct Rig {
    Vm *vm;
    Machine *m;
    MachineOptions opt;
    Cpu *cpu;
} Rig;

static const char *kernel_path;

/* The machine without its threads: the test runs the vCPU itself. */
static void rig_init(Rig *r, const char *accel, const char *append)
{
    GError *err = NULL;

    r->opt = (MachineOptions){ .ram_size = RAM_SIZE, .ncpus = 1, .kernel = kernel_path,
                               .append = append };
    r->vm = vm_new();
    vm_clock_set_base_ns(r->vm, 0);
    vm_set_accel(r->vm, &tcg_accel_ops, &x86_cpu_class, accel, &err);
    g_assert_no_error(err);
    r->m = g_malloc0(pc_machine_class.size);
    r->m->cls = &pc_machine_class;
    r->m->opt = &r->opt;
    r->m->vm = r->m->host.vm = r->vm;
    device_list_init(&r->m->devices);
    g_assert_true(pc_machine_class.create(r->m, &err) && pc_machine_class.load(r->m, &err));
    r->cpu = r->vm->cpus[0];
    g_assert_true(tcg_accel_ops.vcpu_init(r->cpu, &err));
    r->cpu->class->reset(r->cpu);
    pc_machine_class.reset(r->m);
}

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9e3779b97f4a7c15ull;
    return h ^ h >> 29;
}

static uint64_t hash_state(Rig *r)
{
    static uint64_t page[512];
    const RegSet *set = r->cpu->class->regs;
    uint64_t h = 1, v;

    for (uint64_t at = 0; at < RAM_SIZE; at += sizeof(page)) {
        if (mem_peek(r->vm->memory, at, page, sizeof(page)) == sizeof(page)) {
            for (unsigned n = 0; n < 512; n++) {
                h = mix(h, page[n] + at);
            }
        }
    }
    for (unsigned f = 0; set->features[f]; f++) {
        for (unsigned n = 0; n < set->features[f]->n; n++) {
            uint8_t le[64] = { 0 };

            reg_read(r->cpu, &set->features[f]->regs[n], le);
            for (unsigned k = 0; k < sizeof(le); k += 8) {
                memcpy(&v, le + k, 8);
                h = mix(h, v + n);
            }
        }
    }
    return h;
}

/* Runs TOTAL instructions in pieces of at most `most` (0: in one). */
static uint64_t run_split(const char *accel, uint64_t most, GRand *rand)
{
    Rig r = { 0 };
    uint64_t left = TOTAL, h;

    rig_init(&r, accel, "mode=stress cpus=1 rounds=1000000");
    while (left) {
        uint64_t n = most ? 1 + g_rand_int(rand) % most : left;
        RunArgs args = { .budget = MIN(n, left) };
        VcpuExit e = tcg_accel_ops.vcpu_run(r.cpu, &args);

        g_assert_cmpint(e.kind, ==, EXIT_BUDGET);
        left -= args.budget;
    }
    g_assert_cmpuint(r.cpu->insns, ==, TOTAL);
    h = hash_state(&r);
    vm_free(r.vm);
    return h;
}

static void splits(void)
{
    static const char *const accel[] = { "backend=jit", "backend=interp" };
    static const uint64_t most[] = { 0, 3, 40, 1000, 100000 };
    GRand *rand = g_rand_new_with_seed(7);
    uint64_t want = run_split(accel[0], 0, rand);

    for (unsigned a = 0; a < G_N_ELEMENTS(accel); a++) {
        for (unsigned n = 0; n < G_N_ELEMENTS(most); n++) {
            g_test_message("%s, pieces of at most %" G_GUINT64_FORMAT, accel[a], most[n]);
            g_assert_cmphex(run_split(accel[a], most[n], rand), ==, want);
        }
    }
    g_rand_free(rand);
}

/* ---- with stops on all events ---- */

/* Any number of each kind. Rows are sorted. */
static unsigned event_rows(PlanPoint *row)
{
    unsigned n = 0;

    for (PointKind k = POINT_EXCEPTION; k < POINT_TRIPLE; k++) {
        row[n] = (PlanPoint){ .kind = k, .len = UINT64_MAX, .loc = n + 1 };
        n++;
    }
    return n;
}

/* Runs the guest of events to its end, in pieces of at most `most` instructions (0: in one). */
static uint64_t run_events(const char *accel, uint64_t most, bool stops, GRand *rand,
                           uint64_t *insns, unsigned *events)
{
    Rig r = { 0 };
    PlanPoint row[POINT_KINDS];
    DebugPlan plan = { .gen = 1, .point = row }, none = { 0 };
    uint64_t h, before;
    VcpuExit e = { .kind = EXIT_BUDGET };

    rig_init(&r, accel, "mode=events");
    plan.n = event_rows(row);
    if (stops) {
        g_assert_true(tcg_accel_ops.plan(r.vm, &none, &plan, NULL));
    }
    *events = 0;
    /* HLT with an interrupt pending goes on. */
    while (e.kind != EXIT_HALT || r.cpu->class->has_work(r.cpu)) {
        RunArgs args = { .budget = most ? 1 + g_rand_int(rand) % most : TOTAL };

        before = r.cpu->insns;
        e = tcg_accel_ops.vcpu_run(r.cpu, &args);
        *events += e.kind == EXIT_EVENT;
        g_assert_true(e.kind == EXIT_HALT || e.kind == EXIT_EVENT || e.kind == EXIT_BUDGET);
        g_assert_true(e.kind != EXIT_BUDGET || r.cpu->insns - before == args.budget);
    }
    *insns = r.cpu->insns;
    h = hash_state(&r);
    vm_free(r.vm);
    return h;
}

/* A run that stops on events counts the same instructions and ends in the same state. */
static void splits_with_events(void)
{
    static const char *const accel[] = { "backend=jit", "backend=interp" };
    static const uint64_t most[] = { 0, 1, 2, 7, 1000 };
    GRand *rand = g_rand_new_with_seed(8);
    uint64_t want_insns, insns;
    unsigned events, want_events = 0;
    uint64_t want = run_events(accel[0], 0, false, rand, &want_insns, &events);

    g_assert_cmpuint(events, ==, 0);
    for (unsigned a = 0; a < G_N_ELEMENTS(accel); a++) {
        for (unsigned n = 0; n < G_N_ELEMENTS(most); n++) {
            uint64_t h = run_events(accel[a], most[n], true, rand, &insns, &events);

            g_test_message("%s, pieces of at most %" G_GUINT64_FORMAT ": %u events", accel[a],
                           most[n], events);
            g_assert_cmphex(h, ==, want);
            g_assert_cmpuint(insns, ==, want_insns);
            want_events = want_events ? want_events : events;
            g_assert_cmpuint(events, ==, want_events);
        }
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    kernel_path = argc > 1 ? argv[1] : NULL;
    g_assert_nonnull(kernel_path);
    mainloop_init();
    g_test_add_func("/stress/budget/splits", splits);
    g_test_add_func("/stress/budget/events", splits_with_events);
    return g_test_run();
}
