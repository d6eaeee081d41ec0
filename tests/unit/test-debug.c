/* The debug core on a script machine, each test on executors with different capabilities.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "debug-machine.h"
#include "util/error.h"

/* Executors that must look the same to clients. */
static const char *const kinds[] = {
    "native", "patch", "patch,noskip", "slots=4", "slots=4,noskip", "slots=2,patch,noskip",
};

/* A loop of three instructions at 0x1000 after two of set-up: counts in r1, stores r1 at
 * r2 = 0x8000. */
#define LOOP 0x1008
#define STORE 0x100c
#define JUMP 0x1010
static void load_loop(DebugMachine *m, unsigned cpu)
{
    paddr_t at = 0x1000 + 0x100 * cpu;

    SM_CODE(&m->m, at, SCRIPT_INSN_I(SCRIPT_LI, 2, 0x4000), SCRIPT_INSN(SCRIPT_SHL, 2, 2, 1),
            SCRIPT_INSN(SCRIPT_ADDI, 1, 1, 1), SCRIPT_INSN(SCRIPT_ST, 1, 2, 0),
            SCRIPT_INSN_I(SCRIPT_JMP, 0, -2));
}

static void test_exec(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    PointId id = dm_point(&m, 0, POINT_EXEC, STORE, 1);
    for (unsigned i = 1; i <= 20; i++) {
        const StopInfo *s = dm_continue(&m);

        g_assert_cmpint(s->kind, ==, STOP_POINT);
        g_assert_cmphex(s->pc, ==, STORE);
        g_assert_cmpuint(s->nhit, ==, 1);
        g_assert_cmpuint(s->nmine, ==, 1);
        g_assert_cmpuint(s->hit[0], ==, id);
        g_assert_cmpint(s->point_kind, ==, POINT_EXEC);
        g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, i);
        g_assert_cmpuint(sm_peek64(&m.m, 0x8000), ==, i - 1);   /* before the instruction */
    }
    /* The other client was told each of them too, as not its own. */
    g_assert_cmpuint(m.client[1].stops, ==, 20);
    g_assert_cmpuint(m.client[1].last.nmine, ==, 0);
    g_assert_cmpuint(m.client[1].resumes, ==, 20);
    g_assert_cmpuint(m.client[0].resumes, ==, 0);
    /* Gone, it does not stop any more; its byte is as it was. */
    g_assert_true(debug_point_remove(m.d, id, NULL));
    ResumePlan plan = { .others = RESUME_CONT };
    g_assert_true(debug_resume(m.client[0].c, &plan, NULL));
    while (sm_peek64(&m.m, 0x8000) < 1000) {
        g_usleep(100);
    }
    g_assert_cmpint(dm_interrupt(&m)->kind, ==, STOP_INTERRUPT);
    g_assert_cmpuint(sm_peek64(&m.m, STORE) & 0xff, ==, SCRIPT_ST);
    dm_fini(&m);
}

/* Steps land on each instruction, also onto and off points; a point met by a step is told with
 * it and not again. */
static void test_step(gconstpointer options)
{
    DebugMachine m;
    static const vaddr_t path[] = { 0x1004, LOOP, STORE, JUMP, LOOP, STORE, JUMP, LOOP };

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    PointId id = dm_point(&m, 1, POINT_EXEC, STORE, 1);
    for (unsigned i = 0; i < G_N_ELEMENTS(path); i++) {
        const StopInfo *s = dm_step(&m, 0);

        g_assert_cmphex(s->pc, ==, path[i]);
        g_assert_true(s->step_done);
        g_assert_cmpuint(s->nhit, ==, path[i] == STORE);
        g_assert_cmpuint(s->nmine, ==, 0);
    }
    PointInfo info;
    g_assert_true(debug_point_info(m.d, id, &info));
    g_assert_cmpuint(info.hits, ==, 2);
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    g_assert_cmphex(dm_step(&m, 0)->pc, ==, JUMP);
    dm_fini(&m);
}

/* Writing the pc, even to the same address, makes the point there hit. */
static void test_pc_write(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    dm_continue(&m);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 1);
    g_assert_true(debug_pc_write(m.d, 0, STORE, NULL));
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpint(s->kind, ==, STOP_POINT);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 1);
    dm_continue(&m);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 2);
    dm_fini(&m);
}

/* Two clients' wishes share a location; each has its own condition, count and end. */
static void test_share(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    PointId a = dm_point(&m, 0, POINT_EXEC, STORE, 1);
    PointId b = dm_point_spec(&m, 1, (PointSpec){ .kind = POINT_EXEC, .addr = STORE, .len = 1,
                                                  .wish = WISH_HARD, .ignore = 2 });
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpuint(s->nhit, ==, 2);
    g_assert_cmpuint(s->nmine, ==, 1);
    g_assert_cmpuint(s->hit[0], ==, a);
    g_assert_false(s->hard);
    g_assert_cmpuint(m.client[1].last.hit[0], ==, b);
    g_assert_true(m.client[1].last.hard);
    g_assert_true(debug_point_remove(m.d, a, NULL));
    PointInfo info;
    g_assert_true(debug_point_info(m.d, b, &info));
    g_assert_cmpuint(info.ignore_left, ==, 1);
    s = dm_continue(&m);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 3);     /* the second was ignored */
    g_assert_cmpuint(s->nmine, ==, 0);
    g_assert_cmpuint(s->hit[0], ==, b);
    g_assert_true(debug_point_enable(m.d, b, false, NULL));
    dm_point(&m, 0, POINT_EXEC, JUMP, 1);
    g_assert_cmphex(dm_continue(&m)->pc, ==, JUMP);
    g_assert_cmphex(dm_continue(&m)->pc, ==, JUMP);
    g_assert_true(debug_point_enable(m.d, b, true, NULL));
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    dm_fini(&m);
}

/* r1 == 5 */
static const uint8_t r1_is_5[] = { 0x26, 0, 1, 0x22, 5, 0x13, 0x27 };
/* printf("r1=%d\n", r1) */
static const uint8_t print_r1[] = {
    0x26, 0, 1, 0x22, 0, 0x22, 0, 0x34, 1, 0, 8, 'r', '1', '=', '%', 'd', '\\', 'n', 0, 0x27,
};
/* *(char *)0 / 0 */
static const uint8_t bad_cond[] = { 0x22, 0, 0x17, 0x22, 0, 0x05, 0x27 };

static void test_cond(gconstpointer options)
{
    DebugMachine m;
    GBytes *cond = g_bytes_new_static(r1_is_5, sizeof(r1_is_5));
    GBytes *cmd = g_bytes_new_static(print_r1, sizeof(print_r1));
    GBytes *bad = g_bytes_new_static(bad_cond, sizeof(bad_cond));
    GError *err = NULL;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    dm_point_spec(&m, 1, (PointSpec){ .kind = POINT_EXEC, .addr = JUMP, .len = 1,
                                      .command = &cmd, .ncommand = 1 });
    PointId id = dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .addr = STORE, .len = 1,
                                                   .cond = &cond, .ncond = 1 });
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpint(s->kind, ==, STOP_POINT);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 5);
    g_assert_cmpstr(m.client[1].output->str, ==, "r1=1\nr1=2\nr1=3\nr1=4\n");
    g_assert_cmpstr(m.client[0].output->str, ==, "");
    /* One that cannot be evaluated stops, and says why. */
    g_assert_true(debug_point_set_cond(m.d, id, &bad, 1, NULL));
    s = dm_continue(&m);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 6);
    g_assert_nonnull(strstr(m.client[0].output->str, "division by zero"));
    /* Nonsense is refused when it is set. */
    GBytes *nonsense = g_bytes_new_static("\xff", 1);
    g_assert_false(debug_point_set_cond(m.d, id, &nonsense, 1, &err));
    g_assert_nonnull(err);
    g_clear_error(&err);
    g_bytes_unref(nonsense);
    g_bytes_unref(cond);
    g_bytes_unref(cmd);
    g_bytes_unref(bad);
    dm_fini(&m);
}

static void test_watch(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    PointId w = dm_point(&m, 0, POINT_WRITE, 0x8000, 8);
    PointId b = dm_point(&m, 1, POINT_WRITE, 0x8001, 1);
    for (unsigned i = 1; i <= 5; i++) {
        const StopInfo *s = dm_continue(&m);

        g_assert_cmpint(s->kind, ==, STOP_POINT);
        g_assert_cmphex(s->pc, ==, JUMP);       /* after the instruction */
        g_assert_cmpuint(s->hit[0], ==, w);
        g_assert_cmphex(s->access, ==, 0x8000);
        g_assert_true(s->write);
        g_assert_true(s->has_values);
        g_assert_cmpuint(s->old, ==, i - 1);
        g_assert_cmpuint(s->now, ==, i);
        g_assert_cmpuint(m.client[1].last.hit[0], ==, b);
        g_assert_cmphex(m.client[1].last.access, ==, 0x8001);
    }
    /* With a step, once: the next one goes on. */
    g_assert_cmphex(dm_step(&m, 0)->pc, ==, LOOP);
    g_assert_cmphex(dm_step(&m, 0)->pc, ==, STORE);
    const StopInfo *s = dm_step(&m, 0);
    g_assert_cmphex(s->pc, ==, JUMP);
    g_assert_cmpint(s->kind, ==, STOP_POINT);
    g_assert_true(s->step_done);
    s = dm_step(&m, 0);
    g_assert_cmphex(s->pc, ==, LOOP);
    g_assert_cmpint(s->kind, ==, STOP_STEP);
    dm_fini(&m);
}

/* A breakpoint right behind the instruction that a watchpoint stops at is told with it, because
 * going on from there passes it. */
static void test_watch_then_break(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    PointId w = dm_point(&m, 0, POINT_WRITE, 0x8000, 8);
    PointId b = dm_point(&m, 0, POINT_EXEC, JUMP, 1);
    for (unsigned i = 1; i <= 5; i++) {
        const StopInfo *s = i == 3 ? dm_step(&m, 0) : dm_continue(&m);

        if (i == 3) {
            g_assert_cmphex(s->pc, ==, LOOP);
            g_assert_cmphex(dm_step(&m, 0)->pc, ==, STORE);
            s = dm_step(&m, 0);
        }
        g_assert_cmphex(s->pc, ==, JUMP);
        g_assert_cmpint(s->point_kind, ==, POINT_WRITE);
        g_assert_cmpuint(s->nhit, ==, 2);
        g_assert_cmpuint(s->hit[0], ==, w);
        g_assert_cmpuint(s->hit[1], ==, b);
        g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, i);
    }
    dm_fini(&m);
}

static void test_on_change(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    /* stores 0 (no change) again and again until r3 counts down, then 7 */
    SM_CODE(&m.m, 0x1000, SCRIPT_INSN_I(SCRIPT_LI, 2, 0x4000), SCRIPT_INSN_I(SCRIPT_LI, 3, 5),
            SCRIPT_INSN(SCRIPT_ST, 1, 2, 0), SCRIPT_INSN(SCRIPT_ADDI, 3, 3, -1),
            SCRIPT_INSN_I(SCRIPT_BNZ, 3, -2), SCRIPT_INSN_I(SCRIPT_LI, 1, 7),
            SCRIPT_INSN(SCRIPT_ST, 1, 2, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_WRITE, .addr = 0x4000, .len = 8,
                                      .on_change = true });
    const StopInfo *s = dm_continue(&m);
    g_assert_cmphex(s->pc, ==, 0x101c);
    g_assert_cmpuint(s->old, ==, 0);
    g_assert_cmpuint(s->now, ==, 7);
    dm_fini(&m);
}

static void test_once(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    PointId id = dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .addr = STORE, .len = 1,
                                                   .once = true });
    dm_point(&m, 0, POINT_EXEC, JUMP, 1);
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpuint(s->hit[0], ==, id);
    g_assert_cmphex(s->pc, ==, STORE);
    PointInfo info;
    g_assert_false(debug_point_info(m.d, id, &info));
    g_assert_cmphex(dm_continue(&m)->pc, ==, JUMP);
    g_assert_cmphex(dm_continue(&m)->pc, ==, JUMP);
    dm_fini(&m);
}

static void test_range(gconstpointer options)
{
    DebugMachine m;
    ResumeAction a = { .kind = RESUME_RANGE, .lo = 0x1000, .hi = JUMP };
    ResumePlan plan = { .others = RESUME_STAY, .n = 1, .action = &a };

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    const StopInfo *s = dm_resume(&m, &plan);
    g_assert_cmphex(s->pc, ==, JUMP);
    g_assert_cmpint(s->kind, ==, STOP_STEP);
    /* A point in the range ends it. */
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    a.lo = 0x1000;
    a.hi = 0x1014;
    s = dm_resume(&m, &plan);
    g_assert_cmphex(s->pc, ==, STORE);
    g_assert_cmpuint(s->nhit, ==, 1);
    s = dm_resume(&m, &plan);
    g_assert_cmphex(s->pc, ==, STORE);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 3);
    dm_fini(&m);
}

static void test_range_cond(gconstpointer options)
{
    DebugMachine m;
    GBytes *cond = g_bytes_new_static(r1_is_5, sizeof(r1_is_5));
    ResumeAction a = { .kind = RESUME_RANGE, .lo = 0x1000, .hi = 0x1014 };
    ResumePlan plan = { .others = RESUME_STAY, .n = 1, .action = &a };

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .addr = STORE, .len = 1,
                                      .cond = &cond, .ncond = 1 });
    const StopInfo *s = dm_resume(&m, &plan);
    g_assert_cmphex(s->pc, ==, STORE);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 5);
    g_bytes_unref(cond);
    dm_fini(&m);
}

/* Patches are seen by nobody who reads, and a write below one becomes the guest's byte. */
static void test_memory(gconstpointer options)
{
    DebugMachine m;
    uint8_t buf[32], code[20];
    GError *err = NULL;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    mem_peek(m.m.vm->memory, 0x1000, code, sizeof(code));
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    dm_continue(&m);
    g_assert_true(debug_read(m.d, 0, ADDR_VIRT, 0x1000, buf, sizeof(code), NULL));
    g_assert_cmpmem(buf, sizeof(code), code, sizeof(code));
    g_assert_true(debug_read(m.d, 0, ADDR_PHYS, STORE, buf, 1, NULL));
    g_assert_cmpuint(buf[0], ==, SCRIPT_ST);
    g_assert_true(debug_read(m.d, 0, ADDR_VIRT, SCRIPT_HIGH + STORE, buf, 1, NULL));
    g_assert_cmpuint(buf[0], ==, SCRIPT_ST);
    /* Over the patch: becomes a NOP, and the point still hits. */
    memset(buf, 0, 4);
    g_assert_true(debug_write(m.d, 0, ADDR_VIRT, STORE, buf, 4, false, NULL));
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 2);
    g_assert_cmpuint(sm_peek64(&m.m, 0x8000), ==, 0);
    /* Partly readable. */
    sm_cpu(&m.m, 0)->hole_lo = 0x20000;
    sm_cpu(&m.m, 0)->hole_hi = 0x21000;
    g_assert_cmpuint(debug_read_some(m.d, 0, ADDR_VIRT, 0x1fff0, buf, 32), ==, 16);
    g_assert_false(debug_read(m.d, 0, ADDR_VIRT, 0x1fff0, buf, 32, &err));
    g_assert_cmpstr(err->message, ==, "cannot read memory at virtual address 0x20000");
    g_clear_error(&err);
    g_assert_cmpuint(debug_read_some(m.d, 0, ADDR_PHYS, SM_RAM - 3, buf, 32), ==, 3);
    /* All or nothing. */
    memset(buf, 0x77, sizeof(buf));
    g_assert_false(debug_write(m.d, 0, ADDR_VIRT, 0x1fff0, buf, 32, false, &err));
    g_assert_cmpstr(err->message, ==, "cannot write memory at virtual address 0x20000");
    g_clear_error(&err);
    g_assert_cmpuint(sm_peek64(&m.m, 0x1fff0), ==, 0);
    /* Searching over the chunk's border. */
    bool found;
    uint64_t where;
    mem_poke(m.m.vm->memory, 0x50000 + 65530, "needle-in-hay", 13, 0);
    g_assert_true(debug_search(m.d, 0, ADDR_PHYS, 0x50000, 0x20000,
                               (const uint8_t *)"needle-in-hay", 13, &found, &where, NULL));
    g_assert_true(found);
    g_assert_cmphex(where, ==, 0x50000 + 65530);
    g_assert_true(debug_search(m.d, 0, ADDR_PHYS, 0x50000, 65530 + 12,
                               (const uint8_t *)"needle-in-hay", 13, &found, &where, NULL));
    g_assert_false(found);
    dm_fini(&m);
}

/* gdb takes all its points out and in around every stop: the executor hears nothing of it. */
static const AccelOps *real_ops;
static unsigned plan_calls;

static bool count_plan(Vm *vm, const DebugPlan *old, const DebugPlan *now, GError **errp)
{
    plan_calls++;
    return real_ops->plan(vm, old, now, errp);
}

static void test_plan_quiet(void)
{
    DebugMachine m;
    PointId id[100];
    AccelOps ops = scripted_accel_ops;

    dm_init(&m, 1, NULL);
    load_loop(&m, 0);
    real_ops = &scripted_accel_ops;
    ops.plan = count_plan;
    m.m.vm->accel = &ops;
    plan_calls = 0;
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 100; i++) {
            id[i] = dm_point(&m, 0, POINT_EXEC, i ? 0x3000 + 4 * i : STORE, 1);
        }
        dm_continue(&m);
        for (unsigned i = 0; i < 100; i++) {
            g_assert_true(debug_point_remove(m.d, id[99 - i], NULL));
        }
    }
    g_assert_cmpuint(plan_calls, ==, 1);
    m.m.vm->accel = &scripted_accel_ops;
    dm_fini(&m);
}

/* Points set, changed and removed while the guest runs take effect at once. */
static void test_running(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 2, options);
    load_loop(&m, 0);
    load_loop(&m, 1);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    for (unsigned i = 0; i < 20; i++) {
        PointId far = dm_point(&m, 0, POINT_EXEC, 0x5000, 1);

        g_assert_true(debug_point_remove(m.d, far, NULL));
        g_assert_true(vm_running(m.m.vm));
    }
    g_assert_cmpuint(m.client[0].stops, ==, 0);
    dm_point(&m, 0, POINT_EXEC, JUMP + 0x100, 1);
    sm_wait_count(&m.m, &m.client[0].stops, 1);
    g_assert_cmpuint(m.client[0].last.cpu, ==, 1);
    g_assert_cmphex(m.client[0].last.pc, ==, JUMP + 0x100);
    /* Memory and registers while running. */
    debug_points_remove_all(m.client[0].c);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    uint64_t v = 0;
    g_assert_true(debug_read(m.d, 1, ADDR_VIRT, SCRIPT_HIGH + 0x1100, &v, 8, NULL));
    g_assert_cmphex(v & 0xff, ==, SCRIPT_LI);
    const RegDesc *r1 = reg_layout_get(debug_client_regs(m.client[0].c), 1);
    g_assert_true(debug_reg_read(m.d, 1, r1, (uint8_t *)&v, NULL));
    g_assert_cmpuint(v, >, 0);
    v = 0;
    g_assert_true(debug_reg_write(m.d, 1, r1, (uint8_t *)&v, NULL));
    g_assert_true(vm_running(m.m.vm));
    dm_interrupt(&m);
    dm_fini(&m);
}

/* Several CPUs hit at once: each stop is told once, none is lost, and each hit has its own
 * instruction executed once. */
static void test_many(gconstpointer options)
{
    DebugMachine m;
    uint64_t stops[4] = { 0 };

    dm_init(&m, 4, options);
    for (unsigned i = 0; i < 4; i++) {
        load_loop(&m, i);
        dm_point(&m, 0, POINT_EXEC, STORE + 0x100 * i, 1);
    }
    for (unsigned n = 0; n < 400; n++) {
        const StopInfo *s = dm_continue(&m);

        g_assert_cmpint(s->kind, ==, STOP_POINT);
        g_assert_cmphex(s->pc, ==, STORE + 0x100 * s->cpu);
        stops[s->cpu]++;
        /* Each iteration of a CPU's loop is one stop of it. */
        g_assert_cmpuint(sm_cpu(&m.m, s->cpu)->r[1], ==, stops[s->cpu]);
    }
    /* A stop that waits to be told goes with its point. */
    for (unsigned i = 0; i < 4; i++) {
        debug_points_remove_all(m.client[0].c);
    }
    unsigned before = m.client[0].stops;
    g_assert_true(debug_continue(m.client[0].c, NULL));
    g_usleep(2000);
    sm_flush(&m.m);
    g_assert_cmpuint(m.client[0].stops, ==, before);
    dm_interrupt(&m);
    dm_fini(&m);
}

/* A step of one CPU while others run and hit. */
static void test_step_and_run(gconstpointer options)
{
    DebugMachine m;
    ResumeAction a = { .cpu = 1, .kind = RESUME_STEP };
    ResumePlan plan = { .others = RESUME_CONT, .n = 1, .action = &a };
    unsigned steps = 0, hits = 0;

    dm_init(&m, 3, options);
    for (unsigned i = 0; i < 3; i++) {
        load_loop(&m, i);
    }
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    for (unsigned i = 0; i < 200; i++) {
        const StopInfo *s = dm_resume(&m, &plan);

        if (s->cpu == 1) {
            g_assert_true(s->step_done);
            steps++;
        } else {
            g_assert_cmpuint(s->cpu, ==, 0);
            g_assert_cmphex(s->pc, ==, STORE);
            hits++;
            g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, hits);
        }
    }
    g_assert_cmpuint(steps + hits, ==, 200);
    dm_fini(&m);
}

/* A CPU that stays parked keeps its place, and its stop that nobody was told of. */
static void test_stay(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 2, options);
    load_loop(&m, 0);
    load_loop(&m, 1);
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    const StopInfo *s = dm_step(&m, 0);
    s = dm_continue(&m);
    g_assert_cmpuint(s->cpu, ==, 0);
    uint64_t r1 = sm_cpu(&m.m, 0)->r[1];
    /* Others move; CPU 0 was told its stop, so it then goes on from it without another. */
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpuint(dm_step(&m, 1)->cpu, ==, 1);
    }
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, r1);
    s = dm_continue(&m);
    g_assert_cmpuint(s->cpu, ==, 0);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, r1 + 1);
    dm_fini(&m);
}

static void test_refuse(void)
{
    DebugMachine m;
    PointId id = 0;
    GError *err = NULL;

    dm_init(&m, 1, "slots=2,maxlen=8");
    load_loop(&m, 0);
    dm_point(&m, 0, POINT_WRITE, 0x8000, 8);
    PointId b = dm_point(&m, 0, POINT_EXEC, STORE, 1);
    dm_point(&m, 1, POINT_EXEC, STORE, 1);      /* shares */
    PointSpec spec = { .kind = POINT_EXEC, .addr = JUMP, .len = 1 };
    g_assert_false(debug_point_add(m.client[0].c, &spec, &id, &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_BUSY);
    g_assert_cmpstr(err->message, ==, "needs 1 debug register, 0 of 2 are free");
    g_clear_error(&err);
    spec = (PointSpec){ .kind = POINT_READ, .addr = 0x8000, .len = 8 };
    g_assert_false(debug_point_add(m.client[0].c, &spec, &id, &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_UNSUPPORTED);
    g_clear_error(&err);
    spec = (PointSpec){ .kind = POINT_WRITE, .addr = UINT64_MAX, .len = 2 };
    g_assert_false(debug_point_add(m.client[0].c, &spec, &id, &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID);
    g_clear_error(&err);
    /* What was there works as before. */
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    g_assert_cmphex(dm_continue(&m)->pc, ==, JUMP);
    g_assert_true(debug_point_remove(m.d, b, NULL));
    g_assert_cmpuint(debug_point_find(m.client[1].c, POINT_EXEC, WISH_ANY, ADDR_VIRT, STORE, 1),
                     !=, 0);
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    dm_fini(&m);
}

static void test_control(void)
{
    DebugMachine m;
    GError *err = NULL;

    dm_init(&m, 1, NULL);
    load_loop(&m, 0);
    g_assert_true(debug_control_take(m.client[0].c, NULL));
    g_assert_cmpstr(debug_control_holder(m.d), ==, "one");
    g_assert_cmpuint(m.client[1].controls, ==, 1);
    g_assert_false(debug_control_take(m.client[1].c, &err));
    g_assert_cmpstr(err->message, ==, "one controls the machine");
    g_clear_error(&err);
    g_assert_false(debug_continue(m.client[1].c, &err));
    g_assert_cmpstr(err->message, ==, "one controls the machine");
    g_clear_error(&err);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    g_assert_false(debug_continue(m.client[0].c, &err));
    g_assert_cmpstr(err->message, ==, "the machine is running");
    g_clear_error(&err);
    /* Anybody may stop; a client without control resumes nothing when it goes. */
    debug_interrupt(m.client[1].c);
    sm_wait_count(&m.m, &m.client[0].stops, 1);
    dm_point(&m, 1, POINT_EXEC, STORE, 1);
    debug_client_free(m.client[1].c, true);
    g_assert_true(debug_stopped(m.d));
    PointInfo info;
    g_assert_false(debug_point_next(m.d, 0, &info));
    /* The holder's death resumes. */
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    debug_client_free(m.client[0].c, true);
    g_assert_false(debug_stopped(m.d));
    g_assert_null(debug_control_holder(m.d));
    uint64_t v = sm_peek64(&m.m, 0x8000);
    while (sm_peek64(&m.m, 0x8000) < v + 1000) {
        g_usleep(100);
    }
    dm_fini(&m);
}

/* A client that asks to go on while it is being told of the stop. */
static void test_resume_in_callback(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    load_loop(&m, 0);
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    for (unsigned i = 0; i < 10; i++) {
        m.client[0].resume_at_once = true;
        g_assert_true(debug_continue(m.client[0].c, NULL));
        sm_wait_count(&m.m, &m.client[1].stops, 2 * i + 2);
        g_assert_cmpuint(m.client[0].stops, ==, 2 * i + 2);
        g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 2 * i + 2);
    }
    dm_fini(&m);
}

static void test_pending(void)
{
    DebugMachine m;
    PointInfo info;

    dm_init(&m, 1, "patch,noskip");
    load_loop(&m, 0);
    sm_cpu(&m.m, 0)->hole_lo = 0x1000;
    sm_cpu(&m.m, 0)->hole_hi = 0x2000;
    PointId id = dm_point(&m, 0, POINT_EXEC, STORE, 1);
    g_assert_true(debug_point_info(m.d, id, &info));
    g_assert_true(info.pending);
    sm_cpu(&m.m, 0)->hole_hi = 0x1000;
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    g_assert_true(debug_point_info(m.d, id, &info));
    g_assert_false(info.pending);
    g_assert_cmpint(info.backing, ==, BACKING_PATCH);
    dm_fini(&m);
}

static void test_scope(void)
{
    DebugMachine m;

    dm_init(&m, 2, NULL);
    load_loop(&m, 0);
    load_loop(&m, 1);
    sm_cpu(&m.m, 1)->asid = 7;
    sm_cpu(&m.m, 1)->pc = 0x1000;
    dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .addr = STORE, .len = 1,
                                      .scope.cpus = 2 });
    g_assert_cmpuint(dm_continue(&m)->cpu, ==, 1);
    debug_points_remove_all(m.client[0].c);
    dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .addr = JUMP, .len = 1,
                                      .scope = { .by_aspace = true, .aspace = 7 } });
    g_assert_cmpuint(dm_continue(&m)->cpu, ==, 1);
    debug_points_remove_all(m.client[0].c);
    sm_cpu(&m.m, 1)->level = 3;
    dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .addr = STORE, .len = 1,
                                      .scope.levels = 1 << 0 });
    g_assert_cmpuint(dm_continue(&m)->cpu, ==, 0);
    debug_points_remove_all(m.client[0].c);
    /* By physical address, whatever the virtual one. */
    sm_cpu(&m.m, 1)->pc = SCRIPT_HIGH + LOOP;
    dm_point_spec(&m, 0, (PointSpec){ .kind = POINT_EXEC, .akind = ADDR_PHYS, .addr = JUMP,
                                      .len = 1, .scope.cpus = 2 });
    g_assert_cmphex(dm_continue(&m)->pc, ==, SCRIPT_HIGH + JUMP);
    g_assert_cmphex(dm_continue(&m)->pc, ==, SCRIPT_HIGH + JUMP);
    dm_fini(&m);
}

static void test_events(void)
{
    DebugMachine m;
    GError *err = NULL;
    PointId id;

    dm_init(&m, 1, NULL);
    SM_CODE(&m.m, 0x1000, SCRIPT_INSN(SCRIPT_EXC, 13, 5, 0), SCRIPT_INSN_I(SCRIPT_IO, 1, 0x80),
            SCRIPT_INSN(SCRIPT_EXC, 3, 0, 0), SCRIPT_INSN(SCRIPT_RESET, 0, 0, 0),
            SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    id = dm_point(&m, 0, POINT_EXCEPTION, 8, 8);
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpint(s->kind, ==, STOP_EVENT);
    g_assert_cmpuint(s->hit[0], ==, id);
    g_assert_cmpint(s->event.kind, ==, POINT_EXCEPTION);
    g_assert_cmpuint(s->event.number, ==, 13);
    g_assert_cmpuint(s->event.error, ==, 5);
    dm_point(&m, 0, POINT_IO, 0x80, 1);
    PointId r = dm_point(&m, 1, POINT_RESET, 0, 1);
    s = dm_continue(&m);
    g_assert_cmpint(s->event.kind, ==, POINT_IO);
    /* The reset is told before it happens, and happens when the machine goes on. */
    s = dm_continue(&m);
    g_assert_cmpint(s->kind, ==, STOP_EVENT);
    g_assert_cmpint(s->event.kind, ==, POINT_RESET);
    g_assert_cmpint(s->cause, ==, VM_CAUSE_GUEST_RESET);
    g_assert_cmpuint(m.client[1].last.hit[0], ==, r);
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[14], ==, 2);
    s = dm_continue(&m);
    g_assert_cmpuint(m.client[0].resets, ==, 1);
    g_assert_cmpint(s->event.kind, ==, POINT_EXCEPTION);        /* points outlive it */
    g_assert_cmpuint(sm_cpu(&m.m, 0)->r[14], ==, 1);
    PointSpec spec = { .kind = POINT_MSR, .addr = 1, .len = 1 };
    g_assert_false(debug_point_add(m.client[0].c, &spec, &id, &err));
    g_assert_cmpstr(err->message, ==, "this accelerator cannot stop on msr events");
    g_clear_error(&err);
    dm_fini(&m);
}

/* Points hold over a reset, though memory is loaded anew under the patches. */
static void reload(void *opaque)
{
    load_loop(opaque, 0);
    SM_CODE(&((DebugMachine *)opaque)->m, JUMP, SCRIPT_INSN(SCRIPT_RESET, 0, 0, 0));
}

static void test_reset(gconstpointer options)
{
    DebugMachine m;

    dm_init(&m, 1, options);
    reload(&m);
    vm_add_reset(m.m.vm, VM_RESET_LOADER, reload, &m);
    dm_point(&m, 0, POINT_EXEC, STORE, 1);
    for (unsigned i = 1; i < 6; i++) {
        const StopInfo *s = dm_continue(&m);

        g_assert_cmphex(s->pc, ==, STORE);
        g_assert_cmpuint(sm_cpu(&m.m, 0)->r[1], ==, 1);
        g_assert_cmpuint(m.client[0].resets, ==, i - 1);
    }
    /* Asked for by a client while stopped: it stays stopped, which is no new stop. */
    unsigned stops = m.client[1].stops;
    debug_request_reset(m.client[0].c);
    sm_wait_count(&m.m, &m.client[0].resets, 5);
    sm_flush(&m.m);
    g_assert_cmpuint(m.client[1].stops, ==, stops);
    g_assert_true(debug_stopped(m.d));
    g_assert_cmphex(debug_stop_info(m.client[0].c)->pc, ==, 0x1000);
    g_assert_cmphex(dm_continue(&m)->pc, ==, STORE);
    /* The same when it was a client who stopped it. */
    debug_points_remove_all(m.client[0].c);
    ResumePlan plan = { .others = RESUME_CONT };
    g_assert_true(debug_resume(m.client[0].c, &plan, NULL));
    g_assert_cmpint(dm_interrupt(&m)->kind, ==, STOP_INTERRUPT);
    stops = m.client[1].stops;
    debug_request_reset(m.client[0].c);
    sm_wait_count(&m.m, &m.client[0].resets, 6);
    sm_flush(&m.m);
    g_assert_cmpuint(m.client[1].stops, ==, stops);
    dm_fini(&m);
}

static void test_end(void)
{
    DebugMachine m;
    GError *err = NULL;

    dm_init(&m, 1, NULL);
    SM_CODE(&m.m, 0x1000, SCRIPT_INSN(SCRIPT_OFF, 9, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
    m.m.vm->policy.no_shutdown = true;
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpint(s->kind, ==, STOP_SHUTDOWN);
    g_assert_cmpint(s->status, ==, 9);
    s = dm_continue(&m);                /* answered, once more */
    g_assert_cmpint(s->kind, ==, STOP_SHUTDOWN);
    vm_reset_now(m.m.vm, VM_CAUSE_HOST_RESET);
    m.m.vm->policy.no_shutdown = false;
    g_assert_true(debug_continue(m.client[0].c, NULL));
    sm_wait_count(&m.m, &m.client[0].ends, 1);
    g_assert_cmpint(m.client[0].status, ==, 9);
    g_assert_false(debug_continue(m.client[0].c, &err));
    g_assert_cmpstr(err->message, ==, "the machine has ended");
    g_clear_error(&err);
    dm_fini(&m);
}

static void test_error(void)
{
    DebugMachine m;

    dm_init(&m, 1, NULL);
    SM_CODE(&m.m, 0x1000, 0xee);
    const StopInfo *s = dm_continue(&m);
    g_assert_cmpint(s->kind, ==, STOP_ERROR);
    g_assert_cmpstr(m.client[0].text, ==, "unknown instruction 0x000000ee");
    g_assert_cmphex(s->pc, ==, 0x1000);
    dm_fini(&m);
}

static void test_panic(void)
{
    DebugMachine m;

    dm_init(&m, 1, NULL);
    load_loop(&m, 0);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    vm_request_panic(m.m.vm);
    sm_wait_count(&m.m, &m.client[0].stops, 1);
    g_assert_cmpint(m.client[0].last.kind, ==, STOP_PANIC);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    dm_interrupt(&m);
    dm_fini(&m);
}

/* An interrupt is told of a CPU whose guest is awake. */
static void test_interrupt_choice(void)
{
    DebugMachine m;

    dm_init(&m, 3, NULL);
    for (unsigned i = 0; i < 3; i++) {
        SM_CODE(&m.m, 0x1000 + 0x100 * i, SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0));
    }
    load_loop(&m, 1);
    g_assert_true(debug_continue(m.client[0].c, NULL));
    while (!atomic_get(&m.m.vm->cpus[0]->asleep) || !atomic_get(&m.m.vm->cpus[2]->asleep)) {
        g_usleep(100);
    }
    const StopInfo *s = dm_interrupt(&m);
    g_assert_cmpuint(s->cpu, ==, 1);
    g_assert_cmpint(s->kind, ==, STOP_INTERRUPT);
    g_assert_true(dm_step(&m, 1)->step_done);
    StopInfo other;
    g_assert_true(debug_cpu_stop_info(m.client[0].c, 0, &other));
    g_assert_cmpint(other.kind, ==, STOP_NONE);
    g_assert_cmphex(other.pc, ==, 0x1004);
    dm_fini(&m);
}

static void test_nonstop(void)
{
    DebugMachine m;
    ResumeAction a = { .cpu = 1, .kind = RESUME_CONT };
    ResumePlan one = { .others = RESUME_STAY, .n = 1, .action = &a };
    ResumePlan all = { .others = RESUME_CONT };
    TestClient *t = &m.client[0];

    dm_init(&m, 3, NULL);
    for (unsigned i = 0; i < 3; i++) {
        load_loop(&m, i);
    }
    g_assert_true(debug_set_nonstop(t->c, true, NULL));
    dm_point(&m, 0, POINT_EXEC, STORE + 0x100, 1);
    g_assert_true(debug_resume(t->c, &all, NULL));
    for (unsigned i = 1; i <= 50; i++) {
        sm_wait_count(&m.m, &t->cpu_stops, i);
        g_assert_cmpuint(t->last.cpu, ==, 1);
        g_assert_cmpint(t->last.kind, ==, STOP_POINT);
        g_assert_cmpuint(sm_cpu(&m.m, 1)->r[1], ==, i);
        g_assert_true(vm_cpu_running(m.m.vm->cpus[0]));
        g_assert_true(debug_cpu_stopped(m.d, 1));
        g_assert_false(debug_cpu_stopped(m.d, 2));
        if (i % 2) {
            /* Points come and go while others run. */
            PointId id = dm_point(&m, 1, POINT_EXEC, 0x7000, 1);
            g_assert_true(debug_point_remove(m.d, id, NULL));
        }
        if (i < 50) {
            g_assert_true(debug_resume(t->c, &one, NULL));
        }
    }
    debug_interrupt_cpu(t->c, 2);
    sm_wait_count(&m.m, &t->cpu_stops, 51);
    g_assert_cmpuint(t->last.cpu, ==, 2);
    g_assert_cmpint(t->last.kind, ==, STOP_INTERRUPT);
    g_assert_false(vm_clock_frozen(m.m.vm));
    debug_interrupt(t->c);
    sm_wait_count(&m.m, &t->cpu_stops, 52);
    sm_flush(&m.m);
    g_assert_true(vm_clock_frozen(m.m.vm));
    g_assert_true(debug_stopped(m.d));
    a = (ResumeAction){ .cpu = 0, .kind = RESUME_STEP };
    g_assert_true(debug_resume(t->c, &one, NULL));
    sm_wait_count(&m.m, &t->cpu_stops, 53);
    g_assert_cmpint(t->last.kind, ==, STOP_STEP);
    g_assert_true(debug_resume(t->c, &all, NULL));
    /* Back to all-stop: what runs is stopped, and told as one. */
    g_assert_true(debug_set_nonstop(t->c, false, NULL));
    sm_wait_count(&m.m, &t->stops, 1);
    g_assert_true(debug_stopped(m.d));
    dm_fini(&m);
}

/* Random wishes on four CPUs; every iteration's point is told exactly once. */
static void test_random(gconstpointer options)
{
    DebugMachine m;
    GRand *rnd = g_rand_new_with_seed(3);
    uint64_t hits[4] = { 0 };

    dm_init(&m, 4, options);
    for (unsigned i = 0; i < 4; i++) {
        load_loop(&m, i);
        dm_point(&m, i & 1, POINT_EXEC, STORE + 0x100 * i, 1);
    }
    for (unsigned n = 0; n < 600; n++) {
        ResumeAction a[4];
        ResumePlan plan = { .others = g_rand_int(rnd) % 3 ? RESUME_CONT : RESUME_STAY,
                            .freeze_timers = g_rand_int(rnd) & 1, .action = a };
        for (unsigned i = 0; i < 4; i++) {
            if (g_rand_int(rnd) & 1) {
                a[plan.n++] = (ResumeAction){
                    .cpu = i, .kind = (ResumeKind)g_rand_int_range(rnd, 0, 3),
                };
            }
        }
        unsigned before = m.client[0].stops;
        if (!debug_resume(m.client[0].c, &plan, NULL)) {
            continue;           /* nobody was to go */
        }
        bool room = m.m.vm->caps.native_exec || m.m.vm->caps.patch_exec;
        if (room && (g_rand_int(rnd) & 1)) {
            PointId id = dm_point(&m, 0, POINT_EXEC, 0x6000 + 4 * (n % 50), 1);
            g_assert_true(debug_point_remove(m.d, id, NULL));
        }
        if (g_rand_int(rnd) % 5 == 0) {
            debug_interrupt(m.client[1].c);
        }
        sm_wait_count(&m.m, &m.client[0].stops, before + 1);
        const StopInfo *s = &m.client[0].last;
        g_assert_cmpuint(m.client[1].stops, ==, m.client[0].stops);
        if (s->nhit) {
            hits[s->cpu]++;
            g_assert_cmphex(s->pc, ==, STORE + 0x100 * s->cpu);
            /* Neither lost nor told twice. */
            g_assert_cmpuint(sm_cpu(&m.m, s->cpu)->r[1], ==, hits[s->cpu]);
        }
    }
    g_rand_free(rnd);
    dm_fini(&m);
}

/* A round trip of a step must be short; only a gross failure (a sleep somewhere) is caught. */
static void test_step_cost(void)
{
    DebugMachine m;

    dm_init(&m, 4, NULL);
    for (unsigned i = 0; i < 4; i++) {
        load_loop(&m, i);
    }
    int64_t t0 = host_monotonic_ns();
    for (unsigned i = 0; i < 2000; i++) {
        dm_step(&m, 0);
    }
    g_test_message("%d ns for a step", (int)((host_monotonic_ns() - t0) / 2000));
    dm_fini(&m);
}

static void add_for_kinds(const char *name, void (*fn)(gconstpointer options))
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        g_autofree char *path = g_strdup_printf("/debug/%s/%s", name, kinds[i]);

        g_test_add_data_func(path, kinds[i], fn);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_for_kinds("exec", test_exec);
    add_for_kinds("step", test_step);
    add_for_kinds("pc-write", test_pc_write);
    add_for_kinds("share", test_share);
    add_for_kinds("cond", test_cond);
    g_test_add_data_func("/debug/watch/native", "native", test_watch);
    g_test_add_data_func("/debug/watch/slots", "slots=4,noskip", test_watch);
    g_test_add_data_func("/debug/watch-then-break/native", "native", test_watch_then_break);
    g_test_add_data_func("/debug/watch-then-break/slots", "slots=4,noskip", test_watch_then_break);
    g_test_add_data_func("/debug/on-change", "native", test_on_change);
    add_for_kinds("once", test_once);
    add_for_kinds("range", test_range);
    add_for_kinds("range-cond", test_range_cond);
    add_for_kinds("memory", test_memory);
    g_test_add_func("/debug/plan-quiet", test_plan_quiet);
    add_for_kinds("running", test_running);
    add_for_kinds("many", test_many);
    add_for_kinds("step-and-run", test_step_and_run);
    add_for_kinds("stay", test_stay);
    g_test_add_func("/debug/refuse", test_refuse);
    g_test_add_func("/debug/control", test_control);
    add_for_kinds("resume-in-callback", test_resume_in_callback);
    g_test_add_func("/debug/pending", test_pending);
    g_test_add_func("/debug/scope", test_scope);
    g_test_add_func("/debug/events", test_events);
    add_for_kinds("reset", test_reset);
    g_test_add_func("/debug/end", test_end);
    g_test_add_func("/debug/error", test_error);
    g_test_add_func("/debug/panic", test_panic);
    g_test_add_func("/debug/interrupt-choice", test_interrupt_choice);
    g_test_add_func("/debug/nonstop", test_nonstop);
    add_for_kinds("random", test_random);
    g_test_add_func("/debug/step-cost", test_step_cost);
    return g_test_run();
}
