/* The gdb stub over the scripted machine: points, running, stopping, ending, several clients.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdb-client.h"

#include <string.h>

/* ---- running ---- */

static void test_breakpoint(GdbFixture *f, gconstpointer data)
{
    const char *r;

    gc_ask(&f->c, "qSupported:swbreak+;hwbreak+");
    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_expect(&f->c, "Z0,1008,1", "OK");        /* the same again is no second point */
    r = gc_ask(&f->c, "c");
    gc_expect_has(r, "T05swbreak:;");
    gc_expect_has(r, "thread:1;core:0;");
    gc_expect_has(r, "10:0810000000000000;");      /* pc comes along */
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1008);
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 1);
    gc_expect_has(gc_ask(&f->c, "?"), "swbreak:;");        /* repeats */
    gc_expect_has(gc_ask(&f->c, "vCont;c"), "swbreak:;");
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 2);
    gc_expect(&f->c, "z1,1008,1", "OK");        /* not there; and no Z0 */
    gc_expect_has(gc_ask(&f->c, "c"), "swbreak:;");
    gc_expect(&f->c, "Z1,100c,1", "OK");
    gc_expect(&f->c, "z0,1008,1", "OK");
    gc_expect(&f->c, "z0,1008,1", "OK");
    gc_expect_has(gc_ask(&f->c, "c"), "T05hwbreak:;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x100c);
    gc_expect(&f->c, "z1,100c,1", "OK");
    /* Without the feature the word is not said. */
    gc_fini(&f->c);
    gc_init(&f->c, &f->m, f->debug);
    gc_ask(&f->c, "?");
    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_expect_lacks(gc_ask(&f->c, "c"), "swbreak");
}

static void test_watchpoints(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "Z2,2000,8", "OK");
    gc_expect_has(gc_ask(&f->c, "c"), "T05watch:2000;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x100c);
    gc_expect(&f->c, "z2,2000,8", "OK");
    gc_expect(&f->c, "Z3,200c,2", "OK");        /* within the 8 bytes that are read at 2008 */
    gc_expect_has(gc_ask(&f->c, "c"), "T05rwatch:200c;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1010);
    gc_expect(&f->c, "z2,200c,2", "OK");        /* another kind: stays */
    gc_expect_has(gc_ask(&f->c, "c"), "rwatch:200c;");
    gc_expect(&f->c, "z3,200c,2", "OK");
    gc_expect(&f->c, "Z4,2007,1", "OK");
    gc_expect_has(gc_ask(&f->c, "c"), "T05awatch:2007;");
    gc_expect(&f->c, "z4,2007,1", "OK");
    gc_expect(&f->c, "Z2,1fff,83", "OK");     /* any length: the hit tells where */
    gc_expect_has(gc_ask(&f->c, "c"), "T05watch:2000;");
    gc_expect(&f->c, "z2,1fff,83", "OK");
    gc_expect_error(&f->c, "Z2,2000,0");
    gc_expect_error(&f->c, "Z2,ffffffffffffffff,2");
}

/* After a step that ended on a watchpoint the next continue runs. */
static void test_step_watch(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "Z2,2000,8", "OK");
    gc_expect_has(gc_ask(&f->c, "vCont;s:1"), "thread:1;");
    gc_expect_has(gc_ask(&f->c, "vCont;s:1"), "thread:1;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1008);
    gc_expect_has(gc_ask(&f->c, "vCont;s:1"), "watch:2000;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x100c);
    gc_expect_has(gc_ask(&f->c, "vCont;c"), "watch:2000;");
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 2);
    gc_expect_nothing(&f->c);
}

static void test_conditions(GdbFixture *f, gconstpointer data)
{
    /* r0 == 5: reg 0, const8 5, equal, end. */
    gc_expect(&f->c, "Z0,1008,1;X7,26000022051327", "OK");
    gc_ask(&f->c, "c");
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 5);
    /* Replaced by: r0 == 9, or r0 == 12. */
    gc_expect(&f->c, "Z0,1008,1;X7,26000022091327X7,260000220c1327", "OK");
    gc_ask(&f->c, "c");
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 9);
    gc_ask(&f->c, "c");
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 12);
    gc_expect(&f->c, "Z0,1008,1", "OK");        /* and by none */
    gc_ask(&f->c, "c");
    g_assert_cmphex(gc_reg(&f->c, REG_R0), ==, 13);
    gc_expect(&f->c, "z0,1008,1", "OK");
    gc_expect_error(&f->c, "Z0,1008,1;");
    gc_expect_error(&f->c, "Z0,1008,1;X");
    gc_expect_error(&f->c, "Z0,1008,1;X7,2600");
    gc_expect_error(&f->c, "Z0,1008,1;X0,");
    gc_expect_error(&f->c, "Z0,1008,1;Xffffffffffffffff,00");
    gc_expect_error(&f->c, "Z0,1008,1;X1,ff");  /* no such operation */
    gc_expect_error(&f->c, "Z0,1008,1;Y1,00");
    gc_expect_error(&f->c, "Z0,1008,1;cmds:");
    gc_expect_error(&f->c, "Z0,1008,1;cmds:1,");
    /* None of these was set. */
    gc_expect(&f->c, "Z0,100c,1", "OK");
    gc_ask(&f->c, "c");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x100c);
}

static void test_steps(GdbFixture *f, gconstpointer data)
{
    uint64_t other;

    gc_expect(&f->c, "vCont?", "vCont;c;C;s;S;t;r");
    gc_expect_has(gc_ask(&f->c, "s"), "T05");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1004);
    gc_expect(&f->c, "Hg2", "OK");
    other = gc_reg(&f->c, REG_PC);
    gc_expect(&f->c, "Hg1", "OK");
    for (unsigned i = 0; i < 4; i++) {          /* alone: the other one stays where it is */
        gc_expect_has(gc_ask(&f->c, "vCont;s:1"), "thread:1;");
    }
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1004);
    gc_expect(&f->c, "Hg2", "OK");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, other);
    gc_expect_has(gc_ask(&f->c, "vCont;S05:2;c:1"), "thread:2;");
    gc_expect(&f->c, "Hc1", "OK");
    gc_expect_has(gc_ask(&f->c, "S05"), "thread:1;");
    /* A range: from 1004 round to the jump, out of it at 1010. */
    gc_expect(&f->c, "Hg1", "OK");
    gc_expect(&f->c, "P10=0410000000000000", "OK");
    gc_expect_has(gc_ask(&f->c, "vCont;r1004,1010:1"), "thread:1;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1010);
    gc_expect_has(gc_ask(&f->c, "s1008"), "thread:1;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x100c);
    /* Nothing to run: told at once. */
    gc_expect_has(gc_ask(&f->c, "vCont;t"), "T05");
    gc_expect_nothing(&f->c);
}

static void test_interrupt(GdbFixture *f, gconstpointer data)
{
    gc_send(&f->c, "c");
    gc_expect_nothing(&f->c);
    gc_expect(&f->c, "qAttached", "1");         /* a packet while it runs is just answered */
    gc_expect_nothing(&f->c);
    gc_raw(&f->c, "\3", 1);
    g_assert_true(g_str_has_prefix(gc_next(&f->c), "T02"));
    gc_raw(&f->c, "\3\3\3", 3);                 /* stopped already: no answer */
    gc_expect_nothing(&f->c);
    gc_send(&f->c, "c");
    gc_expect(&f->c, "vCtrlC", "OK");
    g_assert_true(g_str_has_prefix(gc_next(&f->c), "T02"));
    gc_expect_nothing(&f->c);
}

/* Two CPUs hit at once: both are told, one after the other. */
static void test_two_stops(GdbFixture *f, gconstpointer data)
{
    unsigned seen[2] = { 0 };

    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_expect(&f->c, "Z0,1108,1", "OK");
    for (unsigned i = 0; i < 40; i++) {
        const char *r = gc_ask(&f->c, "c");

        seen[strstr(r, "thread:2;") != NULL]++;
    }
    gc_expect(&f->c, "Hg1", "OK");
    g_assert_cmpuint(gc_reg(&f->c, REG_R0), >=, seen[0]);
    g_assert_cmpuint(gc_reg(&f->c, REG_R0), <=, seen[0] + 1);
    gc_expect(&f->c, "Hg2", "OK");
    g_assert_cmpuint(gc_reg(&f->c, REG_R0), >=, seen[1]);
    g_assert_cmpuint(gc_reg(&f->c, REG_R0), <=, seen[1] + 1);
}

/* ---- the end of things ---- */

static void test_detach(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_expect_error(&f->c, "D;99");
    g_assert_false(gf_running(f));
    gc_expect(&f->c, "D;1", "OK");
    g_assert_true(gf_running(f));
    /* Everything still answers. */
    g_assert_cmpuint(strlen(gc_ask(&f->c, "g")), ==, 17 * 16);
    gc_expect(&f->c, "m2008,8", "0000000000000000");
    gc_expect(&f->c, "qfThreadInfo", "m1,2");
    gc_expect(&f->c, "?", "W00");
    gc_expect_error(&f->c, "c");
    gc_expect_error(&f->c, "Z0,1008,1");
    gc_raw(&f->c, "\3", 1);
    gc_expect_nothing(&f->c);
    g_assert_true(gf_running(f));
    gc_expect_error(&f->c, "vAttach;2");
    gc_expect_prefix(&f->c, "vAttach;1", "T05");
    g_assert_false(gf_running(f));
    gc_expect(&f->c, "D1", "OK");
    g_assert_false(gf_running(f));
}

static void test_lost(GdbFixture *f, gconstpointer data)
{
    /* A client that said nothing leaves all as it was: stopped... */
    gc_fini(&f->c);
    g_assert_false(gf_running(f));
    gc_init(&f->c, &f->m, f->debug);
    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_ask(&f->c, "c");
    gc_fini(&f->c);             /* lost: its points go, the guest runs */
    g_assert_true(gf_running(f));
    gc_init(&f->c, &f->m, f->debug);    /* ... or running */
    gc_fini(&f->c);
    g_assert_true(gf_running(f));
    gc_init(&f->c, &f->m, f->debug);    /* half a packet */
    gc_raw(&f->c, "$Z0,10", 6);
    gc_fini(&f->c);
    g_assert_true(gf_running(f));
    for (unsigned i = 0; i < 20; i++) {
        gc_init(&f->c, &f->m, f->debug);
        gc_expect_prefix(&f->c, "?", "T05");
        g_assert_false(gf_running(f));
        gc_fini(&f->c);
    }
    g_assert_true(gf_running(f));
    gc_init(&f->c, &f->m, f->debug);
    gc_ask(&f->c, "?");
}

static void test_exit(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "P10=0018000000000000", "OK");
    gc_expect(&f->c, "c", "W07");
    gc_expect(&f->c, "?", "W07");
    gc_expect_error(&f->c, "c");
    gc_expect_error(&f->c, "vCont;c");
    gc_ask(&f->c, "qSupported:multiprocess+");
    gc_expect(&f->c, "?", "W07;process:1");
}

static void test_kill(GdbFixture *f, gconstpointer data)
{
    gc_expect_error(&f->c, "vKill;2");
    gc_expect_error(&f->c, "vKill;");
    gc_expect(&f->c, "R00", "");
    gc_expect(&f->c, "!", "OK");
    gc_expect(&f->c, "vKill;1", "OK");
    sm_flush(&f->m);
    gc_expect(&f->c, "?", "W00");
}

static void test_halted(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "P10=1018000000000000", "OK");
    gc_expect_has(gc_ask(&f->c, "vCont;s:1"), "thread:1;");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1814);
    gc_send(&f->c, "vCont;c:1");
    gc_expect_nothing(&f->c);
    gc_raw(&f->c, "\3", 1);
    g_assert_true(g_str_has_prefix(gc_next(&f->c), "T02"));
}

/* ---- clients beside each other ---- */

static void test_two_clients(GdbFixture *f, gconstpointer data)
{
    GdbClient second;

    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_init(&second, &f->m, f->debug);
    gc_expect_prefix(&second, "?", "T05");
    gc_expect_prefix(&second, "c", "O74657374");    /* "test controls...": gdb 13 shows no reasons */
    g_assert_true(g_str_has_prefix(gc_next(&second), "E"));     /* the first one holds the machine */
    gc_expect(&second, "m2000,1", "00");
    gc_expect(&second, "Z0,1010,1", "OK");
    gc_expect_has(gc_ask(&f->c, "c"), "T05");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1008);
    gc_expect_nothing(&second);                 /* not unasked */
    gc_expect(&f->c, "z0,1008,1", "OK");
    gc_send(&f->c, "c");
    g_assert_true(g_str_has_prefix(gc_next(&f->c), "O435055"));       /* "CPU 0: breakpoint 2 of ...": said first */
    gc_expect_has(gc_next(&f->c), "thread:1;");    /* the other's point stops both */
    gc_fini(&second);
    g_assert_false(gf_running(f));                 /* leaving without control resumes nothing */
    gc_send(&f->c, "c");
    gc_expect_nothing(&f->c);
    gc_init(&second, &f->m, f->debug);
    gc_expect_nothing(&f->c);                   /* joining does not disturb */
    gc_send(&second, "c");                      /* waits for the next stop */
    gc_expect_nothing(&second);
    gc_raw(&f->c, "\3", 1);
    g_assert_true(g_str_has_prefix(gc_next(&f->c), "T02"));
    g_assert_true(g_str_has_prefix(gc_next(&second), "T0"));
    gc_fini(&second);
}

/* A client that does not read: its packets wait, and nobody else does. */
static void test_deaf_client(GdbFixture *f, gconstpointer data)
{
    f->c.full = true;
    for (unsigned i = 0; i < 100; i++) {
        gc_send(&f->c, "m1000,8000");
    }
    gc_expect_nothing(&f->c);
    g_assert_true(gdb_session_held(f->c.session));
    f->c.full = false;
    gdb_session_continue(f->c.session);
    for (unsigned i = 0; i < 100; i++) {
        g_assert_cmpuint(strlen(gc_next(&f->c)), ==, 0x10000);
    }
    g_assert_false(gdb_session_held(f->c.session));
    gc_expect_nothing(&f->c);
}

/* Each vCPU stops and goes for itself; stops are announced one at a time. */
static void test_nonstop(GdbFixture *f, gconstpointer data)
{
    gc_expect_error(&f->c, "QNonStop:2");
    gc_expect_error(&f->c, "QNonStop:");
    gc_expect(&f->c, "QNonStop:1", "OK");
    gc_expect_prefix(&f->c, "?", "T05");
    gc_expect(&f->c, "vStopped", "OK");
    gc_expect_nothing(&f->c);
    gc_expect(&f->c, "qAttached", "1");         /* the other one is told after some other packet */
    gc_expect_has(gc_next(&f->c), "%Stop:T0");
    gc_expect_has(f->c.reply->str, "thread:2;");
    gc_expect(&f->c, "vStopped", "OK");
    gc_expect(&f->c, "vCont;c:2", "OK");
    gc_expect_nothing(&f->c);
    gc_expect(&f->c, "Hg1", "OK");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1000);
    gc_expect(&f->c, "m2008,8", "0000000000000000");    /* memory and points while one runs */
    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_expect(&f->c, "vCont;c:1", "OK");
    gc_expect_has(gc_next(&f->c), "%Stop:T05");
    gc_expect_has(f->c.reply->str, "thread:1;");
    gc_expect(&f->c, "vStopped", "OK");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x1008);
    gc_expect(&f->c, "vCont;s:1", "OK");
    gc_expect_has(gc_next(&f->c), "%Stop:T05");
    gc_expect(&f->c, "vStopped", "OK");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, 0x100c);
    gc_expect(&f->c, "vCont;t:2", "OK");
    gc_expect_has(gc_next(&f->c), "%Stop:T00");
    gc_expect_has(f->c.reply->str, "thread:2;");
    gc_expect(&f->c, "vCont;t:2", "OK");        /* told already */
    gc_expect(&f->c, "vCont;c:2", "OK");        /* not taken note of yet: stays */
    gc_expect(&f->c, "vStopped", "OK");
    gc_expect(&f->c, "z0,1008,1", "OK");
    gc_expect(&f->c, "vCont;c", "OK");
    gc_expect_nothing(&f->c);
    gc_expect(&f->c, "vCtrlC", "OK");
    gc_expect_has(gc_next(&f->c), "%Stop:T00");
    while (strcmp(gc_ask(&f->c, "vStopped"), "OK")) {
        gc_expect_has(f->c.reply->str, "T00");
    }
    gc_expect(&f->c, "QNonStop:0", "OK");
    gc_expect_prefix(&f->c, "?", "T0");
    gc_expect(&f->c, "QNonStop:1", "OK");
    gc_expect(&f->c, "vCont;c", "OK");
    gc_fini(&f->c);             /* lost: all stop modes again, the guest runs */
    g_assert_true(gf_running(f));
    gc_init(&f->c, &f->m, f->debug);
    gc_expect_prefix(&f->c, "?", "T05");
    gc_expect(&f->c, "QNonStop:1", "OK");
    gc_expect(&f->c, "P10=0018000000000000", "OK");
    gc_expect(&f->c, "vCont;c", "OK");
    g_assert_cmpstr(gc_next(&f->c), ==, "%Stop:W07");
}

static void test_slots(void)
{
    GdbFixture f;

    gf_setup_options(&f, 1, "slots=2,maxlen=8");
    gc_ask(&f.c, "qSupported:error-message+");
    gc_expect(&f.c, "Z2,2000,8", "OK");
    gc_expect(&f.c, "Z2,2010,8", "OK");
    /* An error, never the empty packet: gdb would patch memory itself. */
    gc_expect_error(&f.c, "Z2,2020,8");
    gc_expect_error(&f.c, "Z1,1008,1");
    gc_expect(&f.c, "Z3,2020,8", "");           /* these registers never trap reads alone */
    gc_expect(&f.c, "z2,2010,8", "OK");
    gc_expect(&f.c, "Z1,1008,1", "OK");
    gc_expect_has(gc_ask(&f.c, "c"), "T05");
    g_assert_cmphex(gc_reg(&f.c, REG_PC), ==, 0x1008);
    gf_teardown(&f, NULL);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*fn)(GdbFixture *, gconstpointer); } rows[] = {
        { "breakpoint", test_breakpoint }, { "watchpoints", test_watchpoints },
        { "step-watch", test_step_watch }, { "conditions", test_conditions },
        { "steps", test_steps }, { "interrupt", test_interrupt }, { "two-stops", test_two_stops },
        { "detach", test_detach }, { "lost", test_lost }, { "exit", test_exit },
        { "kill", test_kill }, { "halted", test_halted }, { "two-clients", test_two_clients },
        { "deaf-client", test_deaf_client }, { "nonstop", test_nonstop },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/gdb-run/", rows[i].name, NULL);

        g_test_add(path, GdbFixture, NULL, gf_setup, rows[i].fn, gf_teardown);
    }
    g_test_add_func("/gdb-run/slots", test_slots);
    return g_test_run();
}
