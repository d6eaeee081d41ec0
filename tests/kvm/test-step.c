/* Single steps over what shows, saves, changes or ends TF, and over what is not one instruction to a
 * hypervisor: each must lead where the CPU goes, and leave what a run without steps leaves.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "machine.h"

#define STEPS_MAX 400

typedef struct Row {
    const char *name;           /* the routine: /step/NAME without "ps_" */
    uint64_t arg;               /* in rdi */
    const char *at, *to;        /* the instruction and what a step over it leads to */
    const char *at2, *to2;      /* another one; NULL: none */
    unsigned traps;             /* that the guest notes */
    unsigned times;             /* steps at `at`, if not one: a repeated instruction */
} Row;

#define BACK "pup_trap_iret"

static const Row rows[] = {
    { "ps_pushf", 0, "ps_pushf_at", "ps_pushf_to" },
    { "ps_pushfw", 0, "ps_pushfw_at", "ps_pushfw_to" },
    { "ps_popf", 0, "ps_popf_at", "ps_popf_to" },
    { "ps_popfw", 0, "ps_popfw_at", "ps_popfw_to" },
    { "ps_iret", 0, "ps_iret_at", "ps_iret_to" },
    { "ps_int", 0, "ps_int_at", "pup_trap_soft", BACK, "ps_int_to", 1 },
    { "ps_int3", 0, "ps_int3_at", "pup_trap_3", BACK, "ps_int3_to", 1 },
    { "ps_int3_long", 0, "ps_int3_long_at", "pup_trap_3", BACK, "ps_int3_long_to", 1 },
    { "ps_icebp", 0, "ps_icebp_at", "pup_trap_1", BACK, "ps_icebp_to", 1 },
    { "ps_syscall", 0, "ps_syscall_at", "ps_syscall_to", "ps_sysret_at", "ps_sysret_to", 1 },
    { "ps_syscall", 0x100, "ps_syscall_at", "ps_syscall_to", "ps_sysret_at", "ps_sysret_to", 1 },
    { "ps_syscall", 0x47700, "ps_syscall_at", "ps_syscall_to", "ps_user_at", "pup_trap_6", 1 },
    { "ps_user_int", 0, "ps_user_int_at", "pup_trap_back", BACK, "ps_user_int_back", 1 },
    { "ps_cli", 0, "ps_cli_at", "ps_cli_to" },
    { "ps_sti", 0, "ps_sti_at", "ps_sti_to" },
    { "ps_mov_ss", 0, "ps_mov_ss_at", "ps_mov_ss_to" },
    { "ps_pop_ss", 0, "ps_pop_ss_at", "ps_pop_ss_to" },
    { "ps_out", 0, "ps_out_at", "ps_out_to" },
    { "ps_in", 0, "ps_in_at", "ps_in_to" },
    { "ps_outs", 0, "ps_outs_at", "ps_outs_to", .times = 3 },
    { "ps_ins", 0, "ps_ins_at", "ps_ins_to", .times = 3 },
    { "ps_mmio_write", 0, "ps_mmio_write_at", "ps_mmio_write_to", "ps_mmio_read_at",
      "ps_mmio_read_to" },
    { "ps_mmio_rmw", 0, "ps_mmio_rmw_at", "ps_mmio_rmw_to" },
    { "ps_cpuid", 0, "ps_cpuid_at", "ps_cpuid_to" },
    { "ps_msr", 0, "ps_msr_at", "ps_msr_to", "ps_rdmsr_at", "ps_rdmsr_to" },
    { "ps_cr3", 0, "ps_cr3_at", "ps_cr3_to" },
    { "ps_rep", 0, "ps_rep_at", "ps_rep_to", .times = 5 },
    { "ps_ud", 0, "ps_ud_at", "pup_trap_6", BACK, "ps_ud_to", 1 },
    { "ps_de", 0, "ps_de_at", "pup_trap_0", BACK, "ps_de_to", 1 },
    { "ps_pf", 0, "ps_pf_at", "pup_trap_14", BACK, "ps_pf_to", 1 },
    { "ps_gp", 0, "ps_gp_at", "pup_trap_13", BACK, "ps_gp_to", 1 },
    /* The guest steps itself, too: its #DB comes in between. */
    { "ps_tf", 0, "ps_tf_at", "ps_tf_to", "ps_tf_to", "pup_trap_1", 4 },
    { "ps_tf_more", 0, "ps_tf_more_at", "ps_tf_more_to", "ps_tf_more_to", "pup_trap_1", 9 },
    { "ps_iret_tf", 0, "ps_iret_tf_at", "ps_iret_tf_to", "ps_iret_tf_to", "pup_trap_1", 3 },
};

/* ---- the state that a routine leaves ---------------------------------------------------- */

#define STACK 1024

typedef struct State {
    char *general;              /* the g packet */
    uint64_t dr6, dr7;
    uint32_t traps;
    Trap trap[32];
    uint8_t data[512], stack[STACK];
} State;

static uint64_t stack_at(void)
{
    return sym("pup_stacks") + 2 * PAGE - STACK;
}

static void state_reset(Machine *m, const char *routine, uint64_t arg)
{
    static const uint8_t zero[STACK];

    /* Emulated SVM takes a software interrupt that is the first to touch the guest's table for another event. */
    machine_call(m, "ps_ud", 0, 0, 0);
    machine_clear(m);
    rsp_write(machine_rsp(m), stack_at(), zero, STACK);
    rsp_set(machine_rsp(m), "dr6", 0xffff0ff0);
    rsp_set(machine_rsp(m), "kernel_gs_base", 0);
    machine_enter(m, 1, sym(routine), arg, 0, 0);
}

static void state_take(Machine *m, State *s)
{
    Rsp *r = machine_rsp(m);

    memset(s, 0, sizeof(*s));
    s->general = g_strdup(rsp_ask(r, "g"));
    s->dr6 = rsp_get(r, "dr6");
    s->dr7 = rsp_get(r, "dr7");
    s->traps = machine_traps(m);
    rsp_read(r, sym("pup_log"), s->trap, sizeof(s->trap));
    rsp_read(r, sym("pup_data"), s->data, sizeof(s->data));
    rsp_read(r, stack_at(), s->stack, STACK);
}

static void memory_compare(const char *what, const uint8_t *got, const uint8_t *want, unsigned n)
{
    for (unsigned i = 0; i < n; i += 8) {
        if (memcmp(got + i, want + i, 8)) {
            uint64_t a, b;

            memcpy(&a, got + i, 8);
            memcpy(&b, want + i, 8);
            test_fail("%s + 0x%x: %" G_GINT64_MODIFIER "x, without steps %" G_GINT64_MODIFIER "x",
                      what, i, a, b);
        }
    }
}

static void state_compare(const char *name, const State *got, const State *want)
{
    if (g_strcmp0(got->general, want->general)) {
        test_fail("%s: registers\n%s, without steps\n%s", name, got->general, want->general);
    }
    g_assert_cmphex(got->dr6, ==, want->dr6);
    g_assert_cmphex(got->dr7, ==, want->dr7);
    g_assert_cmpuint(got->traps, ==, want->traps);
    memory_compare("traps", (const uint8_t *)got->trap, (const uint8_t *)want->trap,
                   sizeof(want->trap));
    memory_compare("data", got->data, want->data, sizeof(want->data));
    memory_compare("stack", got->stack, want->stack, STACK);
}

static void state_clear(State *s)
{
    g_free(s->general);
}

/* ---- steps ------------------------------------------------------------------------------ */

static void step_lands(uint64_t before, uint64_t after, const char *at, const char *to, bool *seen)
{
    if (!at || before != sym(at) || *seen) {
        return;
    }
    *seen = true;
    if (after != sym(to)) {
        test_fail("a step at %s leads to %s, not to %s", at, place(after), to);
    }
}

/* Steps from the routine's beginning to pup_done. */
static void step_all(Machine *m, const Row *row)
{
    uint64_t pc = sym(row->name), done = sym("pup_done");
    bool seen = false, seen2 = !row->at2;
    unsigned times = 1, steps = 0;

    while (pc != done && ++steps < STEPS_MAX) {
        uint64_t before = pc;

        pc = machine_step(m).pc;
        if (before == sym(row->at) && pc == before) {
            times++;
            continue;
        }
        step_lands(before, pc, row->at, row->to, &seen);
        step_lands(before, pc, row->at2, row->to2, &seen2);
    }
    g_assert_cmpuint(steps, <, STEPS_MAX);
    g_assert_true(seen && seen2);
    g_assert_cmpuint(times, ==, MAX(row->times, 1));
}

/* One step, over the instruction in question, and then a run: nothing is left of the step. With `kept`
 * the breakpoint that led there stays, and is none of a debug register. */
static void step_one(Machine *m, const Row *row, bool kept)
{
    static const char *const more[] = { "pp_f0", "pp_f1", "pp_f2", "pp_f3" };
    RspStop stop;

    for (unsigned i = 0; kept && i < G_N_ELEMENTS(more); i++) {
        machine_point(m, 1, sym(more[i]), 1);
    }
    machine_point(m, 0, sym(row->at), 1);
    machine_go_to(m, sym(row->at), "swbreak");
    if (!kept) {
        machine_unpoint_all(m);
    }
    stop = machine_step(m);
    assert_at(stop, row->times ? row->at : row->to);
    if (row->times) {
        machine_unpoint_all(m);     /* it would be met at each iteration */
    }
    machine_finish(m);
    machine_unpoint_all(m);
}

/* Runs the routine this way; it must leave what it left alone. */
static void compare_run(Machine *m, const Row *row, const char *way, const State *want)
{
    State got;

    state_reset(m, row->name, row->arg);
    if (g_str_equal(way, "stepping all")) {
        step_all(m, row);
    } else {
        step_one(m, row, g_str_equal(way, "stepping one, with its point"));
    }
    state_take(m, &got);
    state_compare(way, &got, want);
    state_clear(&got);
}

static void test_row(Machine *m)
{
    const Row *row = machine_data(m);
    State want;

    state_reset(m, row->name, row->arg);
    machine_finish(m);
    state_take(m, &want);
    g_assert_cmpuint(want.traps, ==, row->traps);
    compare_run(m, row, "stepping all", &want);
    compare_run(m, row, "stepping one", &want);
    compare_run(m, row, "stepping one, with its point", &want);
    state_clear(&want);
}

/* ---- with an interrupt waiting ---------------------------------------------------------- */

/* The routine raises an interrupt for itself. A debugger that holds it back while stepping to `upto` and
 * then lets the CPU run: it comes in before `lands`, by the CPU's rules. */
typedef struct Landing {
    const char *routine, *upto, *lands;
} Landing;

static const Landing landings[] = {
    { "pi_sti", NULL, "pi_sti_2" },
    { "pi_sti", "pi_sti_at", "pi_sti_2" },
    { "pi_sti", "pi_sti_1", "pi_sti_2" },       /* in the shadow of STI */
    { "pi_sti", "pi_sti_2", "pi_sti_2" },
    { "pi_sti", "pi_sti_3", "pi_sti_3" },
    { "pi_popf", NULL, "pi_popf_1" },
    { "pi_popf", "pi_popf_at", "pi_popf_1" },
    { "pi_popf", "pi_popf_1", "pi_popf_1" },
    { "pi_popf", "pi_popf_2", "pi_popf_2" },
    { "pi_ss", NULL, "pi_ss_2" },
    { "pi_ss", "pi_ss_2", "pi_ss_2" },
    { "pi_ss", "pi_ss_3", "pi_ss_4" },          /* in the shadow of MOV SS */
    { "pi_ss", "pi_ss_4", "pi_ss_4" },
    { "pi_hlt", NULL, "pi_hlt_1" },
    { "pi_hlt", "pi_hlt_at", "pi_hlt_1" },
    { "pi_hlt", "pi_hlt_1", "pi_hlt_1" },       /* asleep */
};

static void step_until(Machine *m, uint64_t at)
{
    RspStop stop = { 0 };

    for (unsigned i = 0; i < 20 && stop.pc != at; i++) {
        stop = machine_step(m);
    }
    assert_place(stop.pc, at, __FILE__, __LINE__);
}

static void interrupted_once(Machine *m, const char *at)
{
    Trap t = machine_trap(m, 0);

    g_assert_cmpuint(machine_traps(m), ==, 1);
    g_assert_cmphex(t.vector, ==, 0x60);
    assert_place(t.ip, sym(at), __FILE__, __LINE__);
    g_assert_cmphex(t.flags & 0x10300, ==, 0x200);     /* IF, neither TF nor RF */
}

static void test_held(Machine *m)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(landings); i++) {
        const Landing *l = &landings[i];

        g_test_message("%s, steps to %s", l->routine, l->upto ? l->upto : "nowhere");
        machine_clear(m);
        machine_enter(m, 1, sym(l->routine), 0, 0, 0);
        if (l->upto) {
            step_until(m, sym(l->upto));
        }
        g_assert_cmpuint(machine_traps(m), ==, 0);
        machine_finish(m);
        interrupted_once(m, l->lands);
    }
}

/* Steps that let interrupts in: it comes where it comes without them. */
static void test_let_in(Machine *m)
{
    g_assert_true(rsp_ask_ok(machine_rsp(m), "Qqemu.sstep=1"));
    for (unsigned i = 0; i < G_N_ELEMENTS(landings); i++) {
        const Landing *l = &landings[i];

        if (l->upto) {
            continue;
        }
        g_test_message("%s", l->routine);
        machine_clear(m);
        machine_enter(m, 1, sym(l->routine), 0, 0, 0);
        for (unsigned n = 0; n < 100 && machine_step(m).pc != sym("pup_done"); n++) {
            continue;
        }
        interrupted_once(m, l->lands);
    }
    g_assert_true(rsp_ask_ok(machine_rsp(m), "Qqemu.sstep=7"));
}

/* A step over HLT ends with the CPU asleep; it can be looked at, and what wakes it comes later. */
static void test_hlt(Machine *m)
{
    machine_enter(m, 1, sym("pi_hlt"), 0, 0, 0);
    step_until(m, sym("pi_hlt_1"));
    g_assert_cmphex(rsp_get(machine_rsp(m), "rip"), ==, sym("pi_hlt_1"));
    g_assert_cmphex(rsp_get(machine_rsp(m), "eflags") & 0x200, ==, 0x200);
    machine_point(m, 0, sym("pup_trap_ipi"), 1);
    machine_go_to(m, sym("pup_trap_ipi"), "swbreak");
    machine_finish(m);
    interrupted_once(m, "pi_hlt_1");
}

/* ---- a long way ------------------------------------------------------------------------- */

/* What a round of ps_mix takes, about. */
#define ROUND_ACTIONS 28

/* Steps, with some runs to a breakpoint and some ranges between them, then to the end. */
static void wander(Machine *m, unsigned actions)
{
    GRand *rand = g_rand_new_with_seed(5);
    uint64_t part = sym("ps_mix_part");
    g_autofree char *range = g_strdup_printf("vCont;r%" G_GINT64_MODIFIER "x,%" G_GINT64_MODIFIER
                                             "x:1", sym("ps_mix"), part);
    RspStop stop = { 0 };

    for (unsigned i = 0; i < actions; i++) {
        unsigned what = g_rand_int_range(rand, 0, 100);

        if (what == 0) {
            machine_point(m, 0, part, 1);
            stop = machine_go(m);
            machine_unpoint(m, 0, part, 1);
        } else {
            stop = what == 1 ? machine_resume(m, range) : machine_step(m);
        }
        g_assert_cmpuint(stop.signal, ==, 5);
        if (stop.pc == sym("pup_done")) {
            g_test_message("there after %u actions", i);
            g_rand_free(rand);
            return;
        }
    }
    g_rand_free(rand);
    machine_finish(m);
}

static void test_mixture(Machine *m)
{
    static const uint8_t zero[16];
    unsigned actions = expect_setting("GLASSBOX_TEST_ACTIONS", 3000);
    State want, got;

    rsp_register_write(machine_rsp(m), "xmm1", zero, 16);
    state_reset(m, "ps_mix", actions / ROUND_ACTIONS + 1);
    machine_finish(m);
    state_take(m, &want);
    rsp_register_write(machine_rsp(m), "xmm1", zero, 16);
    state_reset(m, "ps_mix", actions / ROUND_ACTIONS + 1);
    wander(m, actions);
    state_take(m, &got);
    state_compare("a mixture", &got, &want);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data")), !=, 0);
    state_clear(&got);
    state_clear(&want);
}

int main(int argc, char **argv)
{
    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *arg = rows[i].arg ? g_strdup_printf("-%x", (unsigned)rows[i].arg) : NULL;
        g_autofree char *path = g_strdup_printf("/step/%s%s", rows[i].name + 3, arg ? arg : "");

        machine_case_with(path, test_row, &rows[i]);
    }
    machine_case("/step/interrupt/held", test_held, 1, 1);
    machine_case("/step/interrupt/let-in", test_let_in, 1, 1);
    machine_case("/step/interrupt/hlt", test_hlt, 1, 1);
    machine_case("/step/mixture", test_mixture, 1, 1);
    return machine_run_cases();
}
