/* How fast debugging is: the same questions to several emulators in turn, each with the same guest.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: kvm-bench ROUNDS GUEST [NAME ACCELERATOR COMMAND]...
 *
 * A line of output: 'rate', figure, unit, name, rate per second, by tabs; the rate is 'none' where
 * the emulator refuses. What a server can do by itself is tried, not known by its name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine_int.h"

#define SECONDS 0.15            /* for one rate; a few operations in any case */
#define OPS_MIN 3
#define ENDLESS (1ull << 40)
#define FAST 1000000            /* rounds of a loop that nothing holds up */
#define SLOW 300                /* ... that comes out each time */
#define NEVER "X7,26000422001327"       /* the fifth register (rsi) is zero */

typedef struct Peer {
    const char *name;
    Machine *m;
    bool tells_pc;              /* in its stops; else a client has to read registers to know it */
    bool passes;                /* goes on from a breakpoint; else a client has to step beyond it */
    unsigned piece;             /* bytes of memory in one packet, at most */
    double aside;               /* seconds that do not count */
    double units;               /* what was done, where the guest does not show it */
} Peer;

/* op is repeated; what it did is told by done, or counted in Peer.units. */
typedef struct Figure {
    const char *name, *unit;
    void (*begin)(Peer *p, const struct Figure *f);
    void (*op)(Peer *p, const struct Figure *f);
    double (*done)(Peer *p);
    int of;                     /* for begin and op: which kind */
    unsigned each;              /* for op: how many */
} Figure;

static double now(void)
{
    return (double)g_get_monotonic_time() / G_USEC_PER_SEC;
}

static Rsp *rsp(Peer *p)
{
    return machine_rsp(p->m);
}

static void go(Peer *p)
{
    if (machine_go(p->m).ended) {
        test_give_up("%s has ended", p->name);
    }
}

static uint64_t pc_of_g(const char *hex)
{
    uint64_t pc = 0;

    for (unsigned i = 0; i < 8 && strlen(hex) > 2 * (16 * 8 + 7) + 1; i++) {
        const char *two = hex + 2 * (16 * 8 + i);

        pc |= (uint64_t)(g_ascii_xdigit_value(two[0]) << 4 | g_ascii_xdigit_value(two[1])) << 8 * i;
    }
    return pc;
}

static uint64_t reg(Peer *p, const char *name)
{
    rsp_ask(rsp(p), "g");       /* QEMU answers p with what it read last; this makes it look */
    return rsp_get(rsp(p), name);
}

/* ---- the loop pw_again: three instructions ---- */

static void loop_enter(Peer *p, uint64_t rounds)
{
    machine_enter(p->m, 1, sym("pw_again"), sym("pup_data"), rounds, 0);
}

static double loop_rounds(Peer *p)
{
    return (double)(ENDLESS - reg(p, "rsi"));
}

static double loop_insns(Peer *p)
{
    uint64_t pc = reg(p, "rip"), after = sym("pw_again_after");
    double left = (double)reg(p, "rsi");

    return 3 * ((double)ENDLESS - left) + (pc == after) - (pc > after);
}

static void loop_begin(Peer *p, const Figure *f)
{
    loop_enter(p, ENDLESS);
}

/* From the beginning to pup_done, where there is a breakpoint. */
static void loop_whole(Peer *p, const Figure *f)
{
    double start = now();

    loop_enter(p, f->each);
    p->aside += now() - start;
    p->units += f->each;
    go(p);
    if (reg(p, "rsi") || reg(p, "rip") != sym("pup_done")) {
        test_give_up("the loop was left early, at %s", place(reg(p, "rip")));
    }
}

/* ---- breakpoints ---- */

/* Fills the debug registers with what is never met. */
static void fill_registers(Peer *p, int type, uint64_t at)
{
    for (unsigned i = 0; i < 4; i++) {
        machine_point(p->m, type, at + 8 * i, type == 1 ? 1 : 8);
    }
}

/* For gdb, which wants to know it at each stop. */
static uint64_t where(Peer *p, const RspStop *stop)
{
    return p->tells_pc ? stop->pc : pc_of_g(rsp_ask(rsp(p), "g"));
}

static void go_as_gdb(Peer *p, uint64_t to)
{
    RspStop stop = machine_go(p->m);

    if (where(p, &stop) != to) {
        test_give_up("%s does not stop at %s", p->name, place(to));
    }
}

static void break_step_over(Peer *p, const Figure *f, bool as_gdb)
{
    uint64_t at = sym("pw_again_after");

    rsp_unpoint(rsp(p), f->of, at, 1);
    RspStop stop = machine_step(p->m);
    if (as_gdb && where(p, &stop) == at) {
        test_give_up("%s does not step from %s", p->name, place(at));
    }
    if (!rsp_point(rsp(p), f->of, at, 1)) {
        test_give_up("no breakpoint any more");
    }
}

static void break_begin(Peer *p, const Figure *f)
{
    loop_begin(p, f);
    machine_point(p->m, f->of, sym("pw_again_after"), 1);
    go(p);
}

/* As a Z0 does that finds no register free. */
static void patch_begin(Peer *p, const Figure *f)
{
    fill_registers(p, 1, sym("pp_one"));
    break_begin(p, f);
}

/* gdb 13 for a breakpoint that is ignored, or whose condition it evaluates. */
static void break_gdb(Peer *p, const Figure *f)
{
    break_step_over(p, f, true);
    go_as_gdb(p, sym("pw_again_after"));
}

static void break_short(Peer *p, const Figure *f)
{
    if (!p->passes) {
        break_step_over(p, f, false);
    }
    go(p);
}

static void condition_begin(Peer *p, const Figure *f)
{
    uint64_t at = sym("pw_again_after");

    if (f->of == 2) {
        fill_registers(p, 1, sym("pp_one"));
    }
    machine_point(p->m, 0, sym("pup_done"), 1);
    loop_enter(p, SLOW);
    machine_point(p->m, 0, at, 1);
    if (p->passes && !rsp_ask_ok(rsp(p), "Z0,%" G_GINT64_MODIFIER "x,1;" NEVER, at)) {
        test_give_up("no condition");
    }
}

static void condition(Peer *p, const Figure *f)
{
    static const Figure plain = { .of = 0 };
    unsigned rounds = 8;
    double start = now();

    if (p->passes) {
        loop_whole(p, f);
        return;
    }
    loop_enter(p, ENDLESS);
    go_as_gdb(p, sym("pw_again_after"));
    p->aside += now() - start;
    for (; rounds; rounds--, p->units++) {
        break_gdb(p, &plain);
    }
}

/* ---- steps ---- */

/* To where the guest has come by itself: QEMU loses the first step after the pc was written. */
static void step_begin(Peer *p, const Figure *f)
{
    uint64_t at = sym(f->of ? "ps_mix" : "pw_again");

    machine_enter(p->m, 1, at, f->of ? ENDLESS : sym("pup_data"), ENDLESS, 0);
    machine_point(p->m, 1, f->of ? at + 11 : sym("pw_again_after"), 1);
    go(p);
    machine_unpoint_all(p->m);
}

static void step_short(Peer *p, const Figure *f)
{
    machine_step(p->m);
    p->units++;
}

static void step_gdb(Peer *p, const Figure *f)
{
    RspStop stop = machine_step(p->m);
    uint64_t pc = where(p, &stop);

    for (unsigned i = 0; i < 2; i++) {
        rsp_ask(rsp(p), "m%" G_GINT64_MODIFIER "x,1", pc);
    }
    rsp_ask(rsp(p), "m%" G_GINT64_MODIFIER "x,40", pc & ~UINT64_C(63));
}

/* ---- registers and memory ---- */

static void registers_g(Peer *p, const Figure *f)
{
    if (strlen(rsp_ask(rsp(p), "g")) < 2 * 17 * 8) {
        test_give_up("no registers");
    }
    p->units++;
}

static void registers_p(Peer *p, const Figure *f)
{
    for (unsigned i = 0; i < f->each; i++) {
        if (!g_ascii_isxdigit(rsp_ask(rsp(p), "p%x", i)[0])) {
            test_give_up("no register %u", i);
        }
        p->units++;
    }
}

static void memory_m(Peer *p, const Figure *f)
{
    unsigned piece = f->of ? (unsigned)f->of : p->piece;

    for (unsigned i = 0; i < PAGE; i += piece) {
        uint64_t at = sym("pup_data") + i;

        if (strlen(rsp_ask(rsp(p), "m%" G_GINT64_MODIFIER "x,%x", at, piece)) != 2 * piece) {
            test_give_up("no memory");
        }
    }
    p->units++;
}

/* ---- watchpoints ---- */

static void watch_short(Peer *p, const Figure *f)
{
    go(p);
}

static void watch_begin(Peer *p, const Figure *f)
{
    loop_begin(p, f);
    if (f->of) {
        fill_registers(p, 2, sym("pup_data") + PAGE);
    }
    machine_point(p->m, 2, sym("pup_data"), 8);
    watch_short(p, f);
}

/* gdb 13 for a watchpoint that is ignored. */
static void watch_gdb(Peer *p, const Figure *f)
{
    go_as_gdb(p, sym("pw_again_after"));
    rsp_ask(rsp(p), "m%" G_GINT64_MODIFIER "x,8", sym("pup_data"));
}

/* Stores beside nothing (0), beside a watched register's bytes (1), on a protected page (2). */
static void beside_begin(Peer *p, const Figure *f)
{
    machine_point(p->m, 0, sym("pup_done"), 1);
    if (f->of == 2) {
        fill_registers(p, 2, sym("pup_data") + PAGE);
    }
    if (f->of) {
        machine_point(p->m, 2, sym("pup_data") + 64, 8);
    }
}

/* ---- all ---- */

static const Figure figures[] = {
    { "hardware breakpoint", "stops", break_begin, break_short, loop_rounds, 1, 0 },
    { "hardware breakpoint, as gdb", "stops", break_begin, break_gdb, loop_rounds, 1, 0 },
    { "software breakpoint", "stops", break_begin, break_short, loop_rounds, 0, 0 },
    { "software breakpoint, as gdb", "stops", break_begin, break_gdb, loop_rounds, 0, 0 },
    { "breakpoint, registers taken", "stops", patch_begin, break_short, loop_rounds, 0, 0 },
    { "breakpoint, registers taken, as gdb", "stops", patch_begin, break_gdb, loop_rounds, 0, 0 },
    { "false condition", "hits", condition_begin, condition, NULL, 1, SLOW },
    { "false condition, registers taken", "hits", condition_begin, condition, NULL, 2, SLOW },
    { "step, plain", "steps", step_begin, step_short, loop_insns, 0, 0 },
    { "step, plain, as gdb", "steps", step_begin, step_gdb, loop_insns, 0, 0 },
    { "step, mixed", "steps", step_begin, step_short, NULL, 1, 0 },
    { "registers, by g", "packets", loop_begin, registers_g, NULL, 0, 0 },
    { "registers, by p", "registers", loop_begin, registers_p, NULL, 0, 24 },
    { "4 KiB of memory", "reads", loop_begin, memory_m, NULL, 0, 0 },
    { "4 KiB of memory, 2 KiB a packet", "reads", loop_begin, memory_m, NULL, 2048, 0 },
    { "watchpoint", "stops", watch_begin, watch_short, loop_rounds, 0, 0 },
    { "watchpoint, as gdb", "stops", watch_begin, watch_gdb, loop_rounds, 0, 0 },
    { "fifth watchpoint", "stops", watch_begin, watch_short, loop_rounds, 1, 0 },
    { "stores, nothing watched", "stores", beside_begin, loop_whole, NULL, 0, FAST },
    { "stores beside a watchpoint", "stores", beside_begin, loop_whole, NULL, 1, FAST },
    { "stores beside a fifth watchpoint", "stores", beside_begin, loop_whole, NULL, 2, SLOW },
};

typedef struct Job {
    Peer *p;
    const Figure *f;
    double rate;
} Job;

static void measure(void *data)
{
    Job *job = data;
    Peer *p = job->p;
    const Figure *f = job->f;
    double start, before = 0, units;
    unsigned ops = 0;

    f->begin(p, f);
    for (unsigned i = 0; i < OPS_MIN; i++) {
        f->op(p, f);            /* what is to be touched first, is */
    }
    before = f->done ? f->done(p) : 0;
    p->aside = p->units = 0;
    for (start = now(); ops < OPS_MIN || now() - start - p->aside < SECONDS; ops++) {
        f->op(p, f);
    }
    double took = now() - start - p->aside;

    units = f->done ? f->done(p) - before : p->units;
    if (f->done && units < ops) {
        printf("note\t%s\t%s\t%u operations, of which %.0f had an effect\n", f->name, p->name, ops,
               units);
    }
    job->rate = units / took;
    printf("rate\t%s\t%s\t%s\t%.2f\n", f->name, f->unit, p->name, job->rate);
}

static void figure(Peer *p, const Figure *f)
{
    Job job = { .p = p, .f = f };

    if (!test_try(measure, &job)) {
        printf("rate\t%s\t%s\t%s\tnone\n", f->name, f->unit, p->name);
    }
    machine_unpoint_all(p->m);
    fflush(stdout);
}

static void probe(void *data)
{
    Peer *p = data;
    uint64_t at = sym("pw_again_after");

    loop_enter(p, ENDLESS);
    machine_point(p->m, 1, at, 1);
    p->tells_pc = machine_go(p->m).pc == at;
    go(p);
    p->passes = loop_rounds(p) == 1;
    const char *page = rsp_ask(rsp(p), "m%" G_GINT64_MODIFIER "x,1000", sym("pup_data"));
    p->piece = page[0] == 'E' ? 2048 : PAGE;
    machine_unpoint_all(p->m);
    printf("peer\t%s\t%s, %s, %u bytes a packet\n", p->name,
           p->tells_pc ? "tells the pc" : "does not tell the pc",
           p->passes ? "goes on from a breakpoint" : "has to be stepped over a breakpoint",
           p->piece);
}

typedef struct Start {
    Peer *p;
    char **argv;                /* NAME ACCELERATOR COMMAND */
    const char *guest;
} Start;

static void start(void *data)
{
    Start *s = data;

    s->p->name = s->argv[0];
    machine_program(s->argv[2], s->guest);
    s->p->m = machine_start(s->argv[1], 1, 1, false);
    machine_await(s->p->m);
    machine_connect(s->p->m);
    rsp_unpoint(rsp(s->p), 1, sym("pup_done"), 1);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 2 ? (unsigned)atoi(argv[1]) : 0, n = 0;
    g_autofree Peer *peers = g_new0(Peer, (gsize)MAX(argc, 1));
    const char *only = g_getenv("BENCH_ONLY");

    if (argc < 6 || argc % 3) {
        g_printerr("usage: %s ROUNDS GUEST [NAME ACCELERATOR COMMAND]...\n", argv[0]);
        return 2;
    }
    g_test_init(&(int){ 1 }, &(char **){ argv }, NULL);
    image_load(argv[2]);
    for (int i = 3; i < argc; i += 3) {
        Start s = { &peers[n], argv + i, argv[2] };

        if (test_try(start, &s) && test_try(probe, s.p)) {
            n++;
        }
    }
    for (unsigned r = 0; r < rounds; r++) {
        for (unsigned f = 0; f < G_N_ELEMENTS(figures); f++) {
            for (unsigned i = 0; i < n && (!only || strstr(figures[f].name, only)); i++) {
                figure(&peers[(i + r) % n], &figures[f]);
            }
        }
    }
    for (unsigned i = 0; i < n; i++) {
        machine_end(peers[i].m);
    }
    return n * 3 + 3 == (unsigned)argc ? 0 : 1;
}
