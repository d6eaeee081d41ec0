/* qtest beside a debugger: what moves the clock when, and that a debugged run repeats exactly.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: qtest-debug EMULATOR GUEST
 * QTEST_RUNS is how many times a run is repeated (100). */
#include "libqtest.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "libgdb.h"

/* A symbol's address in the guest's file (64-bit, little-endian, ours). */
static uint64_t symbol(const char *name)
{
    g_autofree char *file = NULL;
    gsize len;
    GError *err = NULL;

    g_file_get_contents(qtest_argument(1), &file, &len, &err);
    g_assert_no_error(err);
    const Elf64_Ehdr *e = (const Elf64_Ehdr *)(void *)file;
    const Elf64_Shdr *sh = (const Elf64_Shdr *)(void *)(file + e->e_shoff);

    for (unsigned i = 0; i < e->e_shnum; i++) {
        const Elf64_Sym *sym = (const Elf64_Sym *)(void *)(file + sh[i].sh_offset);
        const char *names = file + sh[sh[i].sh_link].sh_offset;

        for (uint64_t k = 0; sh[i].sh_type == SHT_SYMTAB && k < sh[i].sh_size / sizeof(*sym); k++) {
            if (g_str_equal(names + sym[k].st_name, name)) {
                return sym[k].st_value;
            }
        }
    }
    g_error("%s has no symbol '%s'", qtest_argument(1), name);
}

static QTest *start(const char *accel, const char *mode, const char *more)
{
    g_autofree char *args = g_strdup_printf(
        "-accel %s -display none -serial file:{serial} -device isa-debug-exit -kernel %s "
        "-append 'mode=%s' %s", accel, qtest_argument(1), mode, more);

    return qtest_start(args);
}

/* ---- when the clock moves ----------------------------------------------------------------- */

static void test_running(gconstpointer accel)
{
    QTest *q = start(accel, "spin", "");

    g_assert_nonnull(strstr(qtest_fail(q, "clock_step 1000"), "CPU 0 executes guest code"));
    g_assert_nonnull(strstr(qtest_fail(q, "clock_step"), "CPU 0 executes guest code"));
    g_assert_nonnull(strstr(qtest_fail(q, "clock_set 1000"), "CPU 0 executes guest code"));
    g_assert_nonnull(strstr(qtest_fail(q, "wait_idle 30"), "CPU 0 still executes guest code"));
    qtest_outb(q, 0x80, 0x42);          /* the buses are open all the time */
    g_assert_cmphex(qtest_inb(q, 0x80), ==, 0x42);
    qtest_ok(q, "access_as 0");
    qtest_readl(q, 0xfee00030);
    g_assert_cmpstr(qtest_fail(q, "clock_set 0"), !=, "");
    qtest_quit(q);
}

/* A debugger stops what never halts, and then the clock may be moved. */
static void test_stopped(gconstpointer accel)
{
    QTest *q = start(accel, "spin", "-S -gdb unix:{gdb}");
    Gdb *g = gdb_connect(q, "gdb");

    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "stopped");
    g_assert_cmpint(qtest_clock_step(q, 100), ==, 100);
    gdb_send(g, "vCont;c");
    gdb_interrupt(g);
    gdb_receive(g);
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "stopped");
    g_assert_cmpint(qtest_clock_step(q, 100), ==, 200);
    gdb_close(g);
    qtest_quit(q);
}

/* Where nothing executes a debugger still looks, and takes back a step that can't end. */
static void test_nobody(void)
{
    QTest *q = qtest_start_bare("-smp 2 -gdb unix:{gdb}");
    Gdb *g = gdb_connect(q, "gdb");

    qtest_ok(q, "write 0xfff0 4 0xdeadbeef");
    gdb_ask(g, "?");
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "stopped");
    g_assert_cmpstr(gdb_ask(g, "mfff0,4"), ==, "deadbeef");
    g_autofree char *before = g_strdup(gdb_ask(g, "g"));
    gdb_send(g, "vCont;s");
    gdb_interrupt(g);
    g_assert_true(g_str_has_prefix(gdb_receive(g), "T02"));
    g_assert_cmpstr(gdb_ask(g, "g"), ==, before);
    gdb_send(g, "vCont;c");
    g_assert_cmpstr(qtest_ok(q, "wait_halted"), ==, "halted");
    qtest_outb(q, 0xcf9, 0x06);
    g_assert_cmpstr(qtest_ok(q, "wait_idle"), ==, "halted");
    gdb_interrupt(g);
    gdb_receive(g);
    gdb_close(g);
    qtest_quit(q);
}

/* Four CPUs, of which three are never started: each sleeps or waits. */
static void test_halted(gconstpointer accel)
{
    QTest *q = start(accel, "ticks ticks=3", "-smp 4");

    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpstr(qtest_ok(q, "wait_halted"), ==, "halted");
        qtest_clock_next(q);
    }
    g_assert_cmpint(qtest_wait_exit(q), ==, 1);
}

/* ---- repetition --------------------------------------------------------------------------- */

/* One debugged run, written down: at each stop the packet, all registers, the clock; at the end all
 * that the guest has sent. The clock moves while the guest sleeps, and while it is stopped. */
static char *run_once(const char *accel, uint64_t at)
{
    QTest *q = start(accel, "ticks ticks=8", "-S -gdb unix:{gdb}");
    Gdb *g = gdb_connect(q, "gdb");
    g_autofree char *serial_path = qtest_path(q, "serial"), *serial = NULL;
    GString *trace = g_string_new(NULL);

    qtest_intercept_in(q, "i8259");
    g_assert_cmpstr(gdb_ask(g, "Z0,%" G_GINT64_MODIFIER "x,1", at), ==, "OK");
    gdb_send(g, "vCont;c");
    for (unsigned i = 0; i < 8; i++) {
        qtest_ok(q, "wait_halted");
        g_string_append_printf(trace, "next %" G_GINT64_FORMAT "\n", qtest_clock_next(q));
        g_string_append_printf(trace, "%s\n", gdb_receive(g));
        g_string_append_printf(trace, "%s\n", gdb_ask(g, "g"));
        g_string_append_printf(trace, "post %02x timers %u\n", qtest_inb(q, 0x80),
                               qtest_irq_rises(q, 0));
        g_string_append_printf(trace, "clock %" G_GINT64_FORMAT "\n",
                               qtest_clock_step(q, 1000 * (i + 1)));
        g_string_append_printf(trace, "%s\n", gdb_ask(g, "vCont;s"));   /* one step, too */
        gdb_send(g, "vCont;c");
    }
    g_string_append_printf(trace, "%s\n", gdb_receive(g));
    gdb_close(g);
    qtest_wait_end(q);
    g_assert_true(g_file_get_contents(serial_path, &serial, NULL, NULL));
    g_string_append(trace, serial);
    g_assert_cmpint(qtest_wait_exit(q), ==, 1);
    return g_string_free(trace, FALSE);
}

static void test_repeats(gconstpointer accel)
{
    uint64_t at = symbol("ticks_step");
    unsigned runs = getenv("QTEST_RUNS") ? (unsigned)atoi(getenv("QTEST_RUNS")) : 100;
    g_autofree char *first = run_once(accel, at);

    g_assert_nonnull(strstr(first, "tick = 8"));
    g_assert_nonnull(strstr(first, "8254 interrupts = 2"));
    for (unsigned i = 1; i < runs; i++) {
        g_autofree char *again = run_once(accel, at);

        g_assert_cmpstr(again, ==, first);
    }
    g_test_message("%u runs, %zu bytes each", runs, strlen(first));
}

/* Both backends see the same world. */
static void test_backends(void)
{
    uint64_t at = symbol("ticks_step");
    g_autofree char *jit = run_once("tcg", at), *interp = run_once("tcg,backend=interp", at);

    g_assert_cmpstr(jit, ==, interp);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *accel;
    } backend[] = { { "jit", "tcg" }, { "interp", "tcg,backend=interp" } };
    static const struct {
        const char *name;
        GTestDataFunc fn;
    } row[] = {
        { "running", test_running }, { "stopped", test_stopped }, { "halted", test_halted },
        { "repeats", test_repeats },
    };

    qtest_init(&argc, &argv);
    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        for (size_t b = 0; b < G_N_ELEMENTS(backend); b++) {
            g_autofree char *path = g_strdup_printf("/qtest/debug/%s/%s", row[i].name,
                                                    backend[b].name);

            g_test_add_data_func(path, backend[b].accel, row[i].fn);
        }
    }
    g_test_add_func("/qtest/debug/nobody", test_nobody);
    g_test_add_func("/qtest/debug/backends", test_backends);
    return g_test_run();
}
