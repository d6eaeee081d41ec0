/* The guest debugs itself - breakpoint instructions, TF, the debug registers - while the debugger does
 * its own: each gets what is its, and neither sees the other.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

enum { WRITE = 2, ACCESS = 4, FOUR = 4 };

#define DR7_FIXED 0x400ull
#define DR6_FIXED 0xffff0ff0ull
#define DR7_MODEL 0x800ull      /* bits that another CPU model has */
#define DR6_MODEL 0x10800ull

static uint64_t own(unsigned n)
{
    return sym("pup_data") + 0x1000 + 64 * n;
}

static uint64_t theirs(unsigned n)
{
    return sym("pup_data") + 0x2000 + 64 * n;
}

static uint64_t label(const char *name, unsigned n)
{
    g_autofree char *text = g_strdup_printf("%s%u", name, n);

    return sym(text);
}

/* DR7 with the first n registers on, each for four bytes written. */
static uint64_t dr7_writes(unsigned n)
{
    uint64_t v = DR7_FIXED;

    for (unsigned i = 0; i < n; i++) {
        v |= 1ull << 2 * i | 0xdull << (16 + 4 * i);
    }
    return v;
}

static void guest_dr(Machine *m, unsigned n, uint64_t v)
{
    g_autofree char *name = g_strdup_printf("po_dr%u", n);

    machine_call(m, name, v, 0, 0);
}

/* The guest takes the first n registers for its own words, one after the other. */
static void guest_takes(Machine *m, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        guest_dr(m, i, own(i));
        guest_dr(m, 7, dr7_writes(i + 1));
    }
}

static void guest_frees(Machine *m)
{
    guest_dr(m, 7, DR7_FIXED);
}

/* What the guest reads, and what the debugger shows as the guest's, is what the guest wrote. */
static void reads_back(Machine *m, unsigned n)
{
    machine_call(m, "po_read", 0, 0, 0);
    for (unsigned i = 0; i < n; i++) {
        g_autofree char *name = g_strdup_printf("dr%u", i);

        g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 8 * i), ==, own(i));
        g_assert_cmphex(rsp_get(machine_rsp(m), name), ==, own(i));
    }
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 32), ==, DR6_FIXED);
    g_assert_cmphex(rsp_get(machine_rsp(m), "dr6"), ==, DR6_FIXED);
    g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 40), ==, dr7_writes(n));
    g_assert_cmphex(rsp_get(machine_rsp(m), "dr7"), ==, dr7_writes(n));
}

static void watch_theirs(Machine *m, int type)
{
    for (unsigned i = 0; i < FOUR; i++) {
        machine_point(m, type, theirs(i), 4);
    }
}

/* The guest's traps so far: its own first n words, each in its place with its bit of DR6. */
static void traps_are_own(Machine *m, unsigned n)
{
    g_assert_cmpuint(machine_traps(m), ==, n);
    for (unsigned i = 0; i < n; i++) {
        Trap t = machine_trap(m, i);

        g_assert_cmpuint(t.vector, ==, 1);
        assert_place(t.ip, label("po_own", i), __FILE__, __LINE__);
        g_assert_cmphex(t.dr6, ==, DR6_FIXED | 1u << i);
        g_assert_cmphex(t.flags & 0x100, ==, 0);
    }
}

/* po_work; how many of the debugger's words were told, each at its place. */
static unsigned work(Machine *m, const char *reason)
{
    unsigned told = 0, next = 0;
    RspStop stop;

    machine_clear(m);
    machine_enter(m, 1, sym("po_work"), 0, 0, 0);
    for (stop = machine_go(m); stop.pc != sym("pup_done") && stop.signal; stop = machine_go(m)) {
        while (next < FOUR && stop.pc != label("po_theirs", next)) {
            next++;
        }
        if (next == FOUR) {
            test_fail("stopped at %s for '%s'", place(stop.pc), stop.reason);
            return told;
        }
        assert_reason(stop, reason);
        g_assert_cmpuint(stop.address - theirs(next), <, 4);
        next++;
        told++;
    }
    return told;
}

/* ---- the guest's watchpoints and the debugger's ----------------------------------------- */

/* Registers are taken while four watchpoints of the debugger are on, and given back. */
static void test_in_turn(Machine *m)
{
    watch_theirs(m, WRITE);
    for (unsigned n = 0; n <= FOUR; n++) {
        guest_takes(m, n);
        g_assert_cmpuint(work(m, "watch"), ==, FOUR);
        traps_are_own(m, n);
        reads_back(m, n);
    }
    for (unsigned n = FOUR; n-- > 0;) {
        guest_dr(m, 7, dr7_writes(n));
        g_assert_cmpuint(work(m, "watch"), ==, FOUR);
        traps_are_own(m, n);
    }
    guest_frees(m);
}

/* The same with watchpoints that a hypervisor has only debug registers for: what finds no room is
 * suspended, never the guest's, and comes back. */
static void test_in_turn_access(Machine *m)
{
    watch_theirs(m, ACCESS);
    for (unsigned n = 0; n <= FOUR; n++) {
        unsigned told;

        guest_takes(m, n);
        told = work(m, "awatch");
        g_assert_cmpuint(told, >=, expect->access_always ? FOUR : FOUR - n);
        g_assert_cmpuint(told, <=, FOUR);
        traps_are_own(m, n);
        reads_back(m, n);
    }
    guest_frees(m);
    g_assert_cmpuint(work(m, "awatch"), ==, FOUR);
    traps_are_own(m, 0);
}

/* The guest was there first. */
static void test_guest_first(Machine *m)
{
    guest_takes(m, FOUR);
    g_assert_cmpuint(work(m, "watch"), ==, 0);
    traps_are_own(m, FOUR);
    watch_theirs(m, WRITE);
    g_assert_cmpuint(work(m, "watch"), ==, FOUR);
    traps_are_own(m, FOUR);
    reads_back(m, FOUR);
    machine_unpoint_all(m);
    g_assert_cmpuint(work(m, "watch"), ==, 0);
    traps_are_own(m, FOUR);
    guest_frees(m);
}

/* One word that both watch: the debugger is told, and the guest is. */
static void test_same_word(Machine *m)
{
    guest_takes(m, 1);
    machine_point(m, WRITE, own(0), 4);
    machine_clear(m);
    machine_enter(m, 1, sym("po_work"), 0, 0, 0);
    g_assert_cmpstr(machine_go(m).reason, ==, "watch");
    machine_finish(m);
    traps_are_own(m, 1);
    guest_frees(m);
}

/* The debugger steps over the guest's hit: its DR6 tells of no step. */
static void test_hit_under_step(Machine *m)
{
    guest_takes(m, 1);
    watch_theirs(m, WRITE);
    machine_clear(m);
    machine_enter(m, 1, sym("po_work"), 0, 0, 0);
    machine_step(m);
    for (unsigned i = 0; i < 100 && rsp_get(machine_rsp(m), "rip") != label("po_own", 0); i++) {
        machine_step(m);
    }
    traps_are_own(m, 1);
    for (unsigned i = 0; i < FOUR; i++) {
        machine_go_to(m, label("po_theirs", i), "watch");
    }
    machine_finish(m);
    traps_are_own(m, 1);
    guest_frees(m);
}

/* A hit told by a step has its own address, whatever the guest has in its registers. */
static void test_told_by_step(Machine *m)
{
    uint64_t at = 0x8000;           /* below the code */
    RspStop stop;

    guest_dr(m, 0, sym("po_function"));
    guest_dr(m, 7, DR7_FIXED | 1);
    machine_point(m, WRITE, at, 8);
    machine_enter(m, 1, sym("pw_store8"), at, 5, 0);
    stop = machine_step(m);
    assert_at(stop, "pw_store8_after");
    assert_reason(stop, "watch");
    g_assert_cmphex(stop.address, ==, at);
    machine_finish(m);
    guest_frees(m);
}

/* The debugger writes the guest's registers: from then on they are as the guest's own. */
static void test_written_by_debugger(Machine *m)
{
    watch_theirs(m, WRITE);
    rsp_set(machine_rsp(m), "dr0", own(0));
    rsp_set(machine_rsp(m), "dr1", own(1));
    rsp_set(machine_rsp(m), "dr7", dr7_writes(2));
    g_assert_cmpuint(work(m, "watch"), ==, FOUR);
    traps_are_own(m, 2);
    reads_back(m, 2);
    rsp_set(machine_rsp(m), "dr7", DR7_FIXED);
    g_assert_cmpuint(work(m, "watch"), ==, FOUR);
    traps_are_own(m, 0);
}

/* ---- other kinds ------------------------------------------------------------------------ */

/* The guest's execute breakpoint: a fault before the instruction; RF lets it go on. With one of the
 * debugger's at the same place that is told before, and perhaps again when the guest returns there. */
static void test_execute(Machine *m)
{
    uint64_t at = sym("po_function");

    rsp_write_u64(machine_rsp(m), sym("pup_rf_mask"), 1);
    guest_dr(m, 0, at);
    guest_dr(m, 7, DR7_FIXED | 1);
    watch_theirs(m, WRITE);
    for (unsigned both = 0; both < 2; both++) {
        unsigned met = 0;
        RspStop stop;

        if (both) {
            machine_unpoint_all(m);
            machine_point(m, 0, at, 1);
            machine_clear(m);
            machine_enter(m, 1, sym("po_work"), 0, 0, 0);
            for (stop = machine_go(m); stop.pc == at; stop = machine_go(m)) {
                assert_reason(stop, "swbreak");
                met++;
            }
            assert_at(stop, "pup_done");
            g_assert_true(met == 1 || met == 2);
        } else {
            g_assert_cmpuint(work(m, "watch"), ==, FOUR);
        }
        g_assert_cmpuint(machine_traps(m), ==, 1);
        assert_place(machine_trap(m, 0).ip, at, __FILE__, __LINE__);
        g_assert_cmphex(machine_trap(m, 0).dr6, ==, DR6_FIXED | 1);
    }
    guest_frees(m);
    rsp_write_u64(machine_rsp(m), sym("pup_rf_mask"), 0);
}

/* The debugger's is taken away while the guest stands there: the guest's own is met once, neither lost nor
 * told again, whether the debugger goes on at once, steps, or writes a register first. */
static void test_execute_gone(Machine *m)
{
    uint64_t at = sym("po_function");

    rsp_write_u64(machine_rsp(m), sym("pup_rf_mask"), 1);
    guest_dr(m, 0, at);
    guest_dr(m, 7, DR7_FIXED | 1);
    for (unsigned how = 0; how < 6; how++) {
        if (how >= 3) {
            watch_theirs(m, ACCESS);        /* and the debug registers are shared */
        }
        machine_point(m, 0, at, 1);
        machine_clear(m);
        machine_enter(m, 1, sym("po_work"), 0, 0, 0);
        for (unsigned i = 0; rsp_get(machine_rsp(m), "rip") != at; i++) {
            g_assert_cmpuint(i, <, 10);
            machine_go(m);
        }
        machine_unpoint_all(m);
        if (how % 3 == 1) {
            machine_step(m);
        } else if (how % 3 == 2) {
            rsp_set(machine_rsp(m), "r15", how);
        }
        machine_finish(m);
        g_assert_cmpuint(machine_traps(m), ==, 1);
        assert_place(machine_trap(m, 0).ip, at, __FILE__, __LINE__);
    }
    guest_frees(m);
    rsp_write_u64(machine_rsp(m), sym("pup_rf_mask"), 0);
}

/* A port (CR4.DE is on), in the last register. */
static void test_port(Machine *m)
{
    guest_dr(m, 3, 0x80);
    guest_dr(m, 7, DR7_FIXED | 0x40 | 2u << 28);
    watch_theirs(m, WRITE);
    g_assert_cmpuint(work(m, "watch"), ==, FOUR);
    g_assert_cmpuint(machine_traps(m), ==, expect->port_traps ? 1 : 0);
    if (expect->port_traps) {
        assert_place(machine_trap(m, 0).ip, sym("po_port_after"), __FILE__, __LINE__);
        g_assert_cmphex(machine_trap(m, 0).dr6, ==, DR6_FIXED | 8);
    }
    guest_frees(m);
}

static void test_int3(Machine *m)
{
    static const char *const more[] = { "pp_f0", "pp_f1", "pp_f2", "pp_f3" };

    for (unsigned i = 0; i < G_N_ELEMENTS(more); i++) {
        machine_point(m, 1, sym(more[i]), 1);
    }
    machine_point(m, 0, sym("po_int3_next"), 1);
    machine_enter(m, 1, sym("po_int3"), 0, 0, 0);
    machine_go_to(m, sym("po_int3_next"), "swbreak");
    g_assert_cmpuint(machine_traps(m), ==, 1);
    assert_place(machine_trap(m, 0).ip, sym("po_int3_next"), __FILE__, __LINE__);
    machine_finish(m);
    /* ... and one at the guest's own: the debugger comes first. */
    machine_point(m, 0, sym("po_int3_at"), 1);
    machine_clear(m);
    machine_enter(m, 1, sym("po_int3"), 0, 0, 0);
    machine_go_to(m, sym("po_int3_at"), "swbreak");
    g_assert_cmpuint(machine_traps(m), ==, 0);
    machine_go_to(m, sym("po_int3_next"), "swbreak");
    g_assert_cmpuint(machine_traps(m), ==, 1);
    g_assert_cmpuint(machine_trap(m, 0).vector, ==, 3);
    machine_finish(m);
}

static void test_icebp(Machine *m)
{
    for (unsigned points = 0; points < 2; points++) {
        if (points) {
            watch_theirs(m, WRITE);
        }
        machine_clear(m);
        machine_call(m, "ps_icebp", 0, 0, 0);
        g_assert_cmpuint(machine_traps(m), ==, 1);
        g_assert_cmpuint(machine_trap(m, 0).vector, ==, 1);
        g_assert_cmphex(machine_trap(m, 0).dr6, ==, DR6_FIXED);
        assert_place(machine_trap(m, 0).ip, sym("ps_icebp_to"), __FILE__, __LINE__);
    }
}

/* What the guest's steps of itself leave, whatever the debugger does meanwhile. */
static void stepped_itself(Machine *m)
{
    static const char *const ip[] = { "ps_tf_2", "ps_tf_3", NULL, "ps_tf_end" };

    g_assert_cmpuint(machine_traps(m), ==, G_N_ELEMENTS(ip));
    for (unsigned i = 0; i < G_N_ELEMENTS(ip); i++) {
        Trap t = machine_trap(m, i);

        g_assert_cmpuint(t.vector, ==, 1);
        g_assert_cmphex(t.dr6, ==, DR6_FIXED | 0x4000);
        g_assert_cmphex(t.flags & 0x100, ==, i == 3 ? 0 : 0x100);
        if (ip[i]) {
            assert_place(t.ip, sym(ip[i]), __FILE__, __LINE__);
        }
    }
}

static void test_steps_itself(Machine *m)
{
    machine_call(m, "ps_tf", 0, 0, 0);
    stepped_itself(m);
    watch_theirs(m, WRITE);
    machine_clear(m);
    machine_call(m, "ps_tf", 0, 0, 0);
    stepped_itself(m);
    /* Points at instructions that the guest steps, and in its handler. */
    machine_point(m, 0, sym("ps_tf_2"), 1);
    machine_point(m, 0, sym("pup_trap_1"), 1);
    machine_clear(m);
    machine_enter(m, 1, sym("ps_tf"), 0, 0, 0);
    machine_go_to(m, sym("pup_trap_1"), "swbreak");
    machine_go_to(m, sym("ps_tf_2"), "swbreak");
    machine_go_to(m, sym("pup_trap_1"), "swbreak");
    machine_step(m);
    machine_go_to(m, sym("pup_trap_1"), "swbreak");
    machine_go_to(m, sym("pup_trap_1"), "swbreak");
    machine_finish(m);
    stepped_itself(m);
}

/* The debugger sees the guest's TF, while stepping too. */
static void test_tf_shown(Machine *m)
{
    machine_point(m, 0, sym("ps_tf_to"), 1);
    machine_enter(m, 1, sym("ps_tf"), 0, 0, 0);
    machine_go_to(m, sym("ps_tf_to"), "swbreak");
    g_assert_cmphex(rsp_get(machine_rsp(m), "eflags"), ==, 0x102);
    machine_step(m);
    g_assert_cmphex(rsp_get(machine_rsp(m), "eflags") & 0x100, ==, 0);
    machine_point(m, 0, sym("ps_tf_2"), 1);
    machine_go_to(m, sym("ps_tf_2"), "swbreak");
    g_assert_cmphex(rsp_get(machine_rsp(m), "eflags") & 0x100, ==, 0x100);
    machine_finish(m);
    stepped_itself(m);
}

/* ---- the registers themselves ----------------------------------------------------------- */

static void read_back_all(Machine *m)
{
    static const uint64_t address[] = { 0, 1, 0xfffffffffffff000, 0x1234567890abcdef };
    static const struct {
        unsigned n;
        uint64_t write, read, model;
    } control[] = {
        { 6, 0, DR6_FIXED, DR6_MODEL }, { 6, 0xffffffff, 0xffffefff, DR6_MODEL },
        { 6, 0x4003, 0xffff4ff3, DR6_MODEL }, { 6, DR6_FIXED, DR6_FIXED, DR6_MODEL },
        { 7, 0, DR7_FIXED, DR7_MODEL }, { 7, 0xffffdfff, 0xffff07ff, DR7_MODEL },
        { 7, 0x300, 0x700, DR7_MODEL }, { 7, DR7_FIXED, DR7_FIXED, DR7_MODEL },
    };
    Rsp *r = machine_rsp(m);

    for (unsigned i = 0; i < G_N_ELEMENTS(address); i++) {
        guest_dr(m, i, address[i]);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(control); i++) {
        unsigned n = control[i].n;
        uint64_t seen;

        guest_dr(m, n, control[i].write);
        machine_call(m, "po_read", 0, 0, 0);
        seen = rsp_read_u64(r, sym("pup_data") + (n == 6 ? 32 : 40));
        g_assert_cmphex(seen & ~control[i].model, ==, control[i].read & ~control[i].model);
        g_assert_cmphex(rsp_get(r, n == 6 ? "dr6" : "dr7"), ==, seen);
        for (unsigned k = 0; k < G_N_ELEMENTS(address); k++) {
            g_assert_cmphex(rsp_read_u64(r, sym("pup_data") + 8 * k), ==, address[k]);
        }
    }
}

static void test_read_back(Machine *m)
{
    read_back_all(m);
    watch_theirs(m, WRITE);
    read_back_all(m);
}

/* Bits above 31 are a #GP, DR4 a #UD (CR4.DE); both also while the debugger uses the registers. */
static void test_refused(Machine *m)
{
    for (unsigned points = 0; points < 2; points++) {
        if (points) {
            watch_theirs(m, WRITE);
        }
        machine_clear(m);
        machine_enter(m, 1, sym("po_dr7"), 1ull << 32 | 0x401, 0, 0);
        rsp_set(machine_rsp(m), "r15", sym("pup_done"));
        machine_finish(m);
        machine_call(m, "po_dr4", 0, 0, 0);
        g_assert_cmpuint(machine_traps(m), ==, 2);
        g_assert_cmpuint(machine_trap(m, 0).vector, ==, 13);
        assert_place(machine_trap(m, 0).ip, sym("po_dr7"), __FILE__, __LINE__);
        g_assert_cmpuint(machine_trap(m, 1).vector, ==, 6);
        g_assert_cmphex(rsp_get(machine_rsp(m), "dr7"), ==, DR7_FIXED);
    }
}

/* The guest's own general detect. */
static void test_general_detect(Machine *m)
{
    for (unsigned points = 0; points < 2; points++) {
        Trap t;

        if (points) {
            watch_theirs(m, WRITE);
        }
        machine_clear(m);
        guest_dr(m, 0, own(0));
        machine_call(m, "po_gd", 0, 0, 0);
        t = machine_trap(m, 0);
        g_assert_cmpuint(machine_traps(m), ==, 1);
        g_assert_cmpuint(t.vector, ==, 1);
        assert_place(t.ip, sym("po_gd_at"), __FILE__, __LINE__);
        g_assert_cmphex(t.dr6, ==, DR6_FIXED | 0x2000);
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data")), ==, own(0));
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 8), ==, DR7_FIXED);
    }
}

/* Steps over the guest's accesses to the registers. */
static void test_step_accesses(Machine *m)
{
    for (unsigned points = 0; points < 2; points++) {
        if (points) {
            watch_theirs(m, WRITE);
        }
        guest_takes(m, 2);
        machine_enter(m, 1, sym("po_read"), 0, 0, 0);
        for (unsigned i = 0; i < 40 && machine_step(m).pc != sym("pup_done"); i++) {
            continue;
        }
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data")), ==, own(0));
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 8), ==, own(1));
        g_assert_cmphex(rsp_read_u64(machine_rsp(m), sym("pup_data") + 40), ==, dr7_writes(2));
        machine_enter(m, 1, sym("po_dr1"), own(2), 0, 0);
        assert_place(machine_step(m).pc, sym("po_dr1") + 3, __FILE__, __LINE__);
        g_assert_cmphex(rsp_get(machine_rsp(m), "dr1"), ==, own(2));
        machine_finish(m);
        guest_frees(m);
    }
}

/* ---- several CPUs ----------------------------------------------------------------------- */

/* po_work on one CPU while the other stands; how many of the debugger's words were told. */
static unsigned work_on(Machine *m, unsigned thread)
{
    g_autofree char *resume = g_strdup_printf("vCont;c:%x", thread);
    unsigned told = 0;
    RspStop stop;

    machine_clear(m);
    machine_enter(m, thread, sym("po_work"), 0, 0, 0);
    for (stop = machine_resume(m, resume); stop.pc != sym("pup_done") && stop.signal;
         stop = machine_resume(m, resume)) {
        g_assert_cmpuint(stop.thread, ==, thread);
        assert_place(stop.pc, label("po_theirs", told), __FILE__, __LINE__);
        if (++told > FOUR) {
            break;
        }
    }
    return told;
}

static void call_on(Machine *m, unsigned thread, const char *name, uint64_t a)
{
    g_autofree char *resume = g_strdup_printf("vCont;c:%x", thread);

    machine_enter(m, thread, sym(name), a, 0, 0);
    assert_at(machine_resume(m, resume), "pup_done");
}

static void test_per_cpu(Machine *m)
{
    watch_theirs(m, WRITE);
    call_on(m, 1, "po_dr0", own(0));
    call_on(m, 2, "po_dr0", own(0));
    call_on(m, 2, "po_dr1", own(1));
    call_on(m, 2, "po_dr2", own(2));
    call_on(m, 1, "po_dr7", dr7_writes(1));
    call_on(m, 2, "po_dr7", dr7_writes(3));
    g_assert_cmpuint(work_on(m, 1), ==, FOUR);
    traps_are_own(m, 1);
    g_assert_cmpuint(work_on(m, 2), ==, FOUR);
    traps_are_own(m, 3);
    rsp_thread(machine_rsp(m), 1);
    g_assert_cmphex(rsp_get(machine_rsp(m), "dr7"), ==, dr7_writes(1));
    rsp_thread(machine_rsp(m), 2);
    g_assert_cmphex(rsp_get(machine_rsp(m), "dr7"), ==, dr7_writes(3));
    call_on(m, 2, "po_dr7", DR7_FIXED);
    g_assert_cmpuint(work_on(m, 2), ==, FOUR);
    traps_are_own(m, 0);
    g_assert_cmpuint(work_on(m, 1), ==, FOUR);
    traps_are_own(m, 1);
    call_on(m, 1, "po_dr7", DR7_FIXED);
}

/* ---- leaving ---------------------------------------------------------------------------- */

/* Three rounds with `n` of the guest's own and all of the debugger's; the debugger goes in the second.
 * The guest then has all its hits, and its code and registers are untouched. */
static void leave(Machine *m, unsigned n, int type, bool in_order)
{
    g_autofree char *want = g_strdup_printf("0x%x traps %u", image_sum(), 3 * n);
    g_autofree char *said = NULL;
    uint64_t at, size;

    image_text(&at, &size);
    guest_takes(m, n);
    watch_theirs(m, type);
    machine_point(m, 0, sym("po_function"), 1);
    machine_clear(m);
    machine_enter(m, 1, sym("po_rounds"), 3, at, size);
    machine_go_to(m, label("po_theirs", 0), NULL);
    for (unsigned i = 1; i < FOUR; i++) {
        machine_go_to(m, label("po_theirs", i), NULL);
    }
    machine_go_to(m, sym("po_function"), "swbreak");
    machine_go_to(m, label("po_theirs", 0), NULL);
    if (in_order) {
        machine_detach(m);
    } else {
        machine_disconnect(m);
    }
    said = machine_line(m, "puppet: sum ");
    g_assert_cmpstr(said, ==, want);
    machine_connect(m);
    reads_back(m, n);
    g_assert_cmpuint(work(m, "watch"), ==, 0);
    traps_are_own(m, n);
    guest_frees(m);
}

static void test_detach(Machine *m)
{
    leave(m, 2, WRITE, true);
}

static void test_detach_full(Machine *m)
{
    leave(m, FOUR, WRITE, true);
}

static void test_client_dies(Machine *m)
{
    leave(m, 3, WRITE, false);
}

/* In the middle of the guest's steps of itself, with a step of the debugger's just done. */
static void test_detach_tf(Machine *m)
{
    uint64_t sp;

    machine_point(m, 0, sym("ps_tf_2"), 1);
    machine_enter(m, 1, sym("ps_tf"), sym("ps_tf"), 1, 0);
    sp = rsp_get(machine_rsp(m), "rsp");
    rsp_write_u64(machine_rsp(m), sp, sym("puppet_report"));
    machine_go_to(m, sym("ps_tf_2"), "swbreak");
    machine_step(m);
    machine_detach(m);
    g_free(machine_line(m, "puppet: sum "));
    machine_connect(m);
    stepped_itself(m);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *path;
        MachineCase *fn;
        unsigned cpus;
    } row[] = {
        { "/own/watch/in-turn", test_in_turn, 1 },
        { "/own/watch/in-turn-access", test_in_turn_access, 1 },
        { "/own/watch/guest-first", test_guest_first, 1 },
        { "/own/watch/same-word", test_same_word, 1 },
        { "/own/watch/hit-under-step", test_hit_under_step, 1 },
        { "/own/watch/told-by-a-step", test_told_by_step, 1 },
        { "/own/watch/written-by-debugger", test_written_by_debugger, 1 },
        { "/own/execute", test_execute, 1 },
        { "/own/execute-gone", test_execute_gone, 1 },
        { "/own/port", test_port, 1 },
        { "/own/int3", test_int3, 1 },
        { "/own/icebp", test_icebp, 1 },
        { "/own/steps-itself", test_steps_itself, 1 },
        { "/own/tf-shown", test_tf_shown, 1 },
        { "/own/registers/read-back", test_read_back, 1 },
        { "/own/registers/refused", test_refused, 1 },
        { "/own/registers/general-detect", test_general_detect, 1 },
        { "/own/registers/stepped", test_step_accesses, 1 },
        { "/own/leave/detach", test_detach, 1 },
        { "/own/leave/detach-full", test_detach_full, 1 },
        { "/own/leave/client-dies", test_client_dies, 1 },
        { "/own/leave/steps-itself", test_detach_tf, 1 },
        { "/own/several/per-cpu", test_per_cpu, 2 },
    };

    machine_init(&argc, &argv);
    for (unsigned i = 0; i < G_N_ELEMENTS(row); i++) {
        machine_case(row[i].path, row[i].fn, row[i].cpus, row[i].cpus);
    }
    return machine_run_cases();
}
