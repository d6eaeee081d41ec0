/* The monitor's commands on a script machine: what each prints, what it does, what it refuses.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include <glib/gstdio.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "debug-machine.h"
#include "monitor-host.h"
#include "monitor/terminal.h"
#include "vm/state.h"

/* A device with a view and some state. */
typedef struct Gadget {
    Device dev;
    uint32_t level;
} Gadget;

static void gadget_print(const Device *dev, GString *out)
{
    g_string_append_printf(out, "level %u\n", ((const Gadget *)dev)->level);
}

static bool gadget_realize(Device *dev, GError **errp)
{
    ((Gadget *)dev)->level = 77;
    return true;
}

static const StateField gadget_state[] = { STATE_U(Gadget, level), STATE_LAST };
static const DeviceView gadget_views[] = {
    { "gadgets", "the gadgets", gadget_print },
    { NULL }
};
static const DeviceClass gadget_class = {
    .name = "gadget", .desc = "does nothing much", .size = sizeof(Gadget), .state = gadget_state,
    .realize = gadget_realize, .views = gadget_views,
};

typedef struct Fixture {
    DebugMachine m;
    TestHost host;
    Monitor *mon;
    GString *out, *notices;
    unsigned dones;
    char *dir;
} Fixture;

static void on_notice(void *opaque, const char *text)
{
    g_string_append(((Fixture *)opaque)->notices, text);
}

static void on_done(void *opaque)
{
    ((Fixture *)opaque)->dones++;
}

static const MonitorOps ops = { .notice = on_notice, .done = on_done };

/* r1 counts at 0x1000.., stored at 0x2000 + 0x100 * cpu; 0x1010: jump back. */
static void fixture_init(Fixture *f, gconstpointer data)
{
    static const DeviceHost device_host;

    dm_init(&f->m, 2, "native");
    for (unsigned i = 0; i < 2; i++) {
        SM_CODE(&f->m.m, 0x1000 + 0x100 * i, SCRIPT_INSN_I(SCRIPT_LI, 2, 0x2000 + 0x100 * (int)i),
                SCRIPT_INSN(SCRIPT_ADDI, 1, 1, 1), SCRIPT_INSN(SCRIPT_ST, 1, 2, 0),
                SCRIPT_INSN(SCRIPT_EXC, 6, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, -3));
    }
    test_host_init(&f->host, f->m.d);
    g_assert_nonnull(device_list_create(&f->host.machine.devices, &gadget_class, &device_host,
                                        NULL, NULL, NULL));
    f->out = g_string_new(NULL);
    f->notices = g_string_new(NULL);
    f->mon = monitor_new(&f->host.host, "monitor", &ops, f);
    f->dir = g_dir_make_tmp("glassbox-monitor-XXXXXX", NULL);
}

static void fixture_fini(Fixture *f, gconstpointer data)
{
    monitor_free(f->mon);
    test_host_fini(&f->host);
    dm_fini(&f->m);
    g_string_free(f->out, TRUE);
    g_string_free(f->notices, TRUE);
    g_rmdir(f->dir);
    g_free(f->dir);
}

static const char *run(Fixture *f, const char *line, bool ok)
{
    g_string_truncate(f->out, 0);
    if (g_utf8_validate(line, -1, NULL)) {
        g_test_message("> %s", line);
    }
    bool did = monitor_run(f->mon, line, f->out);
    if (did != ok) {
        g_error("'%s' %s: %s", line, did ? "worked" : "failed", f->out->str);
    }
    return f->out->str;
}

static void has(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        g_error("'%s' lacks '%s'", text, part);
    }
}

#define RUN_HAS(f, line, part) has(run(f, line, true), part)
#define BAD_HAS(f, line, part) has(run(f, line, false), part)

static void wait_done(Fixture *f)
{
    unsigned before = f->dones;

    sm_wait_count(&f->m.m, &f->dones, before + 1);
}

/* ---- looking ---- */

static void test_look(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *line, *part;
    } rows[] = {
        { "help", "system_powerdown" }, { "help break", "break|b " }, { "? info", "info|i" },
        { "help info status", "running or stopped" }, { "info", "info gadgets" },
        { "info", "all-registers" }, { "info gadgets", "gadget.0:\nlevel 77\n" },
        { "info devices", "does nothing much" }, { "info devices gadget.0", "level              77\n" },
        { "info status", "paused (start)" }, { "info version", "Glassbox 9.9" },
        { "info name", "no name" }, { "info registers", "pc=0x0000000000001000" },
        { "info registers pc", "pc=0x0000000000001000\n" },
        { "info registers cpu=1 pc", "pc=0x0000000000001100\n" },
        { "info all-registers", "r15=0x" }, { "i reg", "r0=0x" },
        { "info cpus", "* CPU #0: running  pc=0x0000000000001000  level 0  (stopped)\n" },
        { "info mtree", "ram" }, { "info breakpoints", "there are no points" },
        { "info debug", "breakpoints: any number, exact" }, { "info debug", "control: nobody" },
        { "info clients", "  one\n" }, { "info clients", "* monitor\n" },
        { "info symbols", "0 names" }, { "info trace", "" }, { "info trace 3", "" },
        { "cpu", "CPU 0 of 0 to 1" }, { "cpu 1", "" }, { "cpu", "CPU 1 of" }, { "cpu 0", "" },
        { "print 6 * 7", "0x2a\n" }, { "p/d $pc", "4096\n" }, { "p/t 5", "101\n" },
        { "p/c 'A'", "65 'A'\n" }, { "p/c 10", "10 '\\012'" }, { "p/o 8", "010\n" },
        { "p/db 255", "-1\n" }, { "p/u -1", "18446744073709551615\n" },
        { "p/a 0x1234", "0x0000000000001234\n" }, { "p/fw 0x3f800000", "1\n" },
        { "p/f 0x4000000000000000", "2\n" }, { "p/z 1", "0x0000000000000001" },
        { "x/2xw 0x1000", "0x0000000000001000: 0x20000201 0x01010102\n" },
        { "x", "0x0000000000001008: 0x00020106\n" },        /* goes on */
        { "x/4xb 0x1000", ": 0x01 0x02 0x00 0x20\n" }, { "x/db 0x1003", ": 32\n" },
        { "xp/xg 0x1000", ": 0x0101010220000201\n" }, { "x/i $pc", "li 2, 0, 32\n" },
        { "x/2i", "0x0000000000001004:" }, { "x/xh 0x1000", ": 0x0201\n" },
        { "x/a 0x1000", "0x0101010220000201\n" }, { "x/9tb 0x1000", ": 1 10 0 100000 " },
        { "x/c 0x1003", "32 ' '" }, { "gva2gpa 0x1000", "gpa: 0x1000\n" },
        { "gva2gpa 0xffff800000001000", "gpa: 0x1000\n" }, { "sum 0 0", "00000\n" },
        { "trace", "" }, { "log help", "guest_errors" }, { "log none", "" },
        { "log int,mmu", "" }, { "log none", "" }, { "history", "log none\n" },
        { "info history", "history\n" }, { "", "" }, { "   ", "" }, { "symbols", "0 names" },
        { "symbols slide=0x100", "moved by 0x100" }, { "symbols slide=-0x10", "-0x10" },
        { "symbols none", "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        RUN_HAS(f, rows[i].line, rows[i].part);
    }
}

static void test_bad(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *line, *part;
    } rows[] = {
        { "stpe", "unknown command 'stpe'; did you mean 'step'?" },
        { "frobnicate", "unknown command 'frobnicate'; 'help' lists all" },
        { "st", "'st' may be step, stop" }, { "help nothing", "no help about 'nothing'" },
        { "info statsu", "did you mean 'status'?" }, { "info gadget5", "did you mean 'gadgets'?" },
        { "info qqqqqqq", "info knows nothing of 'qqqqqqq'" }, { "info status now", "'now'" },
        { "info devices nix", "no device 'nix'" }, { "info registers nix", "no register 'nix'" },
        { "info registers cpu=2", "there is no CPU 2 (0 to 1)" },
        { "cpu 2", "there is no CPU 2" }, { "cpu x", "there is no symbol 'x'" },
        { "print", "print: value is missing\nusage: print [/FMT] EXPR" },
        { "print 1 2", "what is '2' for?" }, { "print/2x 1", "print shows one value" },
        { "print/q 1", "'q' is none of the formats" }, { "p/fb 1", "no floating-point numbers of 1" },
        { "x/fh 0", "no floating-point" }, { "x/1000000x 0", "too many" },
        { "x 0x800000000000", "cannot read memory at virtual address 0x800000000000" },
        { "xp 0x800000000000", "cannot read memory at physical" },
        { "x/i 0x800000000000", "cannot read" }, { "x/s 0x800000000000", "cannot read" },
        { "gva2gpa 0x800000000000", "not mapped on CPU 0" }, { "gpa2hva 0", "gpa2hva: addresses" },
        { "memsave 0", "size is missing" }, { "memsave 0 16", "file is missing" },
        { "memsave 0 16 /nowhere/f", "/nowhere/f: No such file" },
        { "memsave 0 16 /dev/null x", "what is 'x' for?" },
        { "pmemsave 0x800000000000 16 /dev/null", "cannot read memory" },
        { "pmemsave 0 16 /dev/full", "" }, { "sum 0 0x100000000000", "cannot read" },
        { "break nonsense", "break: address: there is no symbol 'nonsense'" },
        { "break 0x1000 junk", "what is 'junk' for?" }, { "break 0x1000 if", "condition is missing" },
        { "break cpu=7 0x1000", "there is no CPU 7" }, { "break level=9 0x1000", "level= " },
        { "break change 0x1000", "only a watchpoint" }, { "break phys", "address is missing" },
        { "watch 0x1000 0", "length of at least 1" }, { "rwatch change 0x1000", "use watch" },
        { "watch", "address is missing" }, { "catch", "the event is missing\nusage: catch" },
        { "catch exceptoin", "did you mean 'exception'?" },
        { "catch msr", "cannot stop on msr events" }, { "catch exception x", "neither a number" },
        { "catch exception 5-3", "ends before it begins" }, { "catch reset 5", "what is '5' for?" },
        { "catch io 1 2", "what is '2' for?" }, { "catch phys reset", "events have no address" },
        { "delete 99", "there is no point number 99" }, { "delete 0", "no point number 0" },
        { "enable 99", "no point number" }, { "disable 4294967296", "no point number 4294967296" },
        { "condition 99", "no point number 99" }, { "ignore 99 1", "no point number 99" },
        { "ignore 1", "count is missing" }, { "step 0", "0 steps are none" },
        { "step cpu=5", "there is no CPU 5" }, { "step 1 2 3", "what is '2 3' for?" },
        { "cont cpu=3", "there is no CPU 3" }, { "cont now", "what is 'now' for?" },
        { "stop it", "what is 'it' for?" }, { "quit 256", "0 to 255" }, { "quit x", "no symbol" },
        { "log nonsense", "nonsense" }, { "logfile", "file is missing" },
        { "logfile /nowhere/x", "/nowhere/x" }, { "trace nix*", "nix*" },
        { "trace gdb_* maybe", "neither on nor off" }, { "gdbserver", "no gdb server" },
        { "symbols /nowhere/x", "/nowhere/x" }, { "symbols slide=zz", "zz" },
        { "symbols slide=auto", "" }, { "symbols a b", "what is 'b' for?" },
        { "backtrace 0", "1 to 256" }, { "info trace x", "no symbol" },
        { "\xff\xfe", "no UTF-8" }, { "!", "unknown command '!'" }, { "/x", "unknown command" },
        { "system_reset now", "what is 'now' for?" }, { "nmi 5", "what is '5' for?" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        BAD_HAS(f, rows[i].line, rows[i].part);
    }
    g_autofree char *longer = g_strnfill(10000, 'x');
    BAD_HAS(f, longer, "too long");
}

/* ---- files ---- */

static void test_files(Fixture *f, gconstpointer data)
{
    g_autofree char *path = g_build_filename(f->dir, "saved", NULL);
    g_autofree char *line = g_strdup_printf("memsave 0xffff800000001000 8 \"%s\"", path);
    g_autofree char *phys = g_strdup_printf("pmemsave 0x1000 4 %s", path);
    g_autofree char *beyond = g_strdup_printf("pmemsave 0x800000000000 16 %s", path);
    g_autofree char *wraps = g_strdup_printf("pmemsave 0xffffffffffffffff 2 %s", path);
    g_autofree char *log = g_strdup_printf("logfile %s", path);
    g_autofree char *bytes = NULL;
    gsize len;

    run(f, line, true);
    g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
    g_assert_cmpmem(bytes, len, "\x01\x02\x00\x20\x02\x01\x01\x01", 8);
    g_clear_pointer(&bytes, g_free);
    run(f, phys, true);
    g_assert_true(g_file_get_contents(path, &bytes, &len, NULL));
    g_assert_cmpmem(bytes, len, "\x01\x02\x00\x20", 4);
    RUN_HAS(f, "sum 0x1000 2", "32770\n");          /* (1 >> 1 | 1 << 15) + 2 */
    run(f, log, true);
    run(f, "logfile /dev/stderr", true);
    g_unlink(path);
    /* What could not be saved whole leaves no file. */
    BAD_HAS(f, beyond, "cannot read memory");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    BAD_HAS(f, wraps, "wraps around");
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
}

/* ---- running ---- */

static void test_run(Fixture *f, gconstpointer data)
{
    run(f, "step", true);
    g_assert_true(monitor_busy(f->mon));
    wait_done(f);
    g_assert_false(monitor_busy(f->mon));
    g_assert_cmpstr(f->notices->str, ==, "CPU 0: step\n  0x0000000000001004:  addi 1, 1, 1\n");
    g_assert_cmpuint(sm_cpu(&f->m.m, 1)->pc, ==, 0x1100);      /* the others stand still */
    run(f, "step 3", true);
    wait_done(f);
    g_assert_cmpuint(sm_cpu(&f->m.m, 0)->pc, ==, 0x1010);
    run(f, "s 2 cpu=1", true);
    wait_done(f);
    g_assert_cmpuint(sm_cpu(&f->m.m, 1)->pc, ==, 0x1108);
    RUN_HAS(f, "cpu", "CPU 1");
    run(f, "next", true);
    wait_done(f);
    g_assert_cmpuint(sm_cpu(&f->m.m, 1)->pc, ==, 0x110c);
    run(f, "cpu 0", true);
    run(f, "cont", true);
    RUN_HAS(f, "info status", "running");
    BAD_HAS(f, "cont", "the machine is running");
    BAD_HAS(f, "cont!", "the machine is running");
    BAD_HAS(f, "step", "the machine is running");
    RUN_HAS(f, "info registers pc", "pc=0x");       /* while it runs */
    RUN_HAS(f, "x/xw 0x1000", "0x20000201");
    run(f, "stop", true);
    wait_done(f);
    run(f, "stop", true);                           /* is stopped already: nothing to wait for */
    g_assert_false(monitor_busy(f->mon));
    RUN_HAS(f, "info status", "paused (interrupt)\nCPU ");
    has(f->notices->str, "interrupt\n");
    /* One CPU alone. */
    uint64_t before = sm_cpu(&f->m.m, 1)->r[1];
    run(f, "cont cpu=0", true);
    g_usleep(1000);
    run(f, "stop", true);
    wait_done(f);
    g_assert_cmpuint(sm_cpu(&f->m.m, 1)->r[1], ==, before);
}

/* Continues and waits for the stop. */
static void cont(Fixture *f)
{
    unsigned before = f->m.client[0].stops;

    g_string_truncate(f->notices, 0);
    run(f, "cont", true);
    sm_wait_count(&f->m.m, &f->m.client[0].stops, before + 1);
}

static void test_stops(Fixture *f, gconstpointer data)
{
    RUN_HAS(f, "break 0x1008 if $r1 == 5", "point 1: exec 0x0000000000001008\n");
    cont(f);
    has(f->notices->str, "CPU 0: breakpoint 1\n  0x0000000000001008:  st 1, 2, 0\n");
    g_assert_cmpuint(sm_cpu(&f->m.m, 0)->r[1], ==, 5);
    RUN_HAS(f, "info breakpoints", "1    y  exec 0x0000000000001008  hits 1  conditional  of "
                                   "monitor\n");
    run(f, "condition 1 $r1 == 8", true);
    run(f, "ignore 1 0", true);
    cont(f);
    g_assert_cmpuint(sm_cpu(&f->m.m, 0)->r[1], ==, 8);
    run(f, "disable 1", true);
    RUN_HAS(f, "info breakpoints", "1    n  ");
    RUN_HAS(f, "tbreak cpu=1 0x110c", "temporary point 2: ");
    cont(f);
    has(f->notices->str, "CPU 1: breakpoint 2\n");
    has(run(f, "info breakpoints", true), "1    n");
    g_assert_null(strstr(f->out->str, "\n2 "));
    RUN_HAS(f, "watch cpu=0 change 0x2000", "point 3: write 0x0000000000002000, 8 bytes, when "
                                            "changed\n");
    cont(f);
    has(f->notices->str, "CPU 0: watchpoint 3 (write) at 0x2000, 0x");
    has(f->notices->str, " -> 0x");
    run(f, "delete", true);
    RUN_HAS(f, "info breakpoints", "no points");
    RUN_HAS(f, "catch cpu=0 exception 6", "exception 6\n");
    cont(f);
    has(f->notices->str, "CPU 0: catchpoint 4, exception 6");
    run(f, "d 4", true);
    RUN_HAS(f, "awatch phys 0x2100 4", "access physical 0x2100, 4 bytes");
    cont(f);
    has(f->notices->str, "CPU 1: watchpoint 5 (write)");
    RUN_HAS(f, "catch level=3 exception any", "exception any\n");
    RUN_HAS(f, "catch exception 3-6", "exception 3 to 6\n");
    RUN_HAS(f, "catch io 0x3f8 w if $r1 == 3", "io 0x3f8 written\n");
    RUN_HAS(f, "catch reset", "reset\n");
    RUN_HAS(f, "hbreak space=0x55 level=1 level=2 0x1000", "exec (hardware)");
    RUN_HAS(f, "info debug", "space 0x55  level 1 2  hits 0  of monitor  [native]\n");
    RUN_HAS(f, "break space=here", "point ");
    run(f, "delete", true);
}

/* A step that something else ends; points of others. */
static void test_stop_in_step(Fixture *f, gconstpointer data)
{
    PointId id = dm_point(&f->m, 0, POINT_EXEC, 0x1008, 1);
    g_autofree char *line = g_strdup_printf("condition %u 1", id);

    run(f, "step 50", true);
    wait_done(f);
    g_assert_cmpuint(sm_cpu(&f->m.m, 0)->pc, ==, 0x1008);
    has(f->notices->str, "CPU 0: step, breakpoint 1 of one\n");
    BAD_HAS(f, line, "point 1 is one's");
    RUN_HAS(f, "delete 1", "");                     /* any client may */
    g_assert_false(debug_point_info(f->m.d, id, &(PointInfo){ 0 }));
}

/* ---- control ---- */

static void test_control(Fixture *f, gconstpointer data)
{
    DebugClient *gdb = f->m.client[1].c;

    g_assert_true(debug_control_take(gdb, NULL));
    has(f->notices->str, "two controls the machine\n");
    BAD_HAS(f, "cont", "cont: two controls the machine; cont! takes it away\n");
    BAD_HAS(f, "step", "step: two controls the machine; cont! takes it away\n");
    g_assert_false(monitor_busy(f->mon));
    RUN_HAS(f, "info clients", "  two  (control)\n");
    run(f, "cont!", true);
    RUN_HAS(f, "info debug", "machine: running\ncontrol: nobody");
    run(f, "stop", true);
    wait_done(f);
    g_assert_true(debug_control_take(gdb, NULL));
    debug_control_release(gdb);
    has(f->notices->str, "nobody controls the machine\n");
}

static void test_machine(Fixture *f, gconstpointer data)
{
    unsigned resets = f->m.client[0].resets;

    run(f, "system_powerdown", true);
    run(f, "nmi", true);
    g_assert_cmpuint(f->host.buttons, ==, 1);
    g_assert_cmpuint(f->host.nmis, ==, 1);
    run(f, "system_reset", true);
    sm_wait_count(&f->m.m, &f->m.client[0].resets, resets + 1);
    has(f->notices->str, "the machine was reset (reset by the user)\n");
    run(f, "q 3", true);
    sm_wait_count(&f->m.m, &f->m.client[0].ends, 1);
    g_assert_cmpint(f->m.client[0].status, ==, 3);
    BAD_HAS(f, "cont", "the machine has ended");
}

/* ---- completion ---- */

static void complete(Fixture *f, const char *line, size_t at, const char *want)
{
    size_t start = 0;
    char **words = monitor_complete(f->mon, line, &start);
    g_autofree char *all = g_strjoinv(" ", words);

    g_assert_cmpstr(all, ==, want);
    g_assert_cmpuint(start, ==, at);
    g_strfreev(words);
}

static void test_complete(Fixture *f, gconstpointer data)
{
    g_autofree char *file = g_build_filename(f->dir, "some.map", NULL);
    g_autofree char *line = g_strdup_printf("symbols %s/so", f->dir);

    complete(f, "sy", 0, "symbols system_powerdown system_reset");
    complete(f, "info ga", 5, "gadgets");
    complete(f, "info devices ga", 13, "gadget.0");
    complete(f, "catch ex", 6, "exception");
    complete(f, "print 1+$asi", 8, "$asid");
    complete(f, "x/4x $pc", 5, "$pc");
    complete(f, "help cont", 5, "cont cont!");
    complete(f, "nothing he", 8, "");
    complete(f, "stop x", 5, "");
    run(f, "break 0x1000", true);
    complete(f, "delete ", 7, "1");
    g_assert_true(g_file_set_contents(file, "0000000000001000 T start\n0000000000001010 T stop\n",
                                      -1, NULL));
    complete(f, line, 8, file);
    g_clear_pointer(&line, g_free);
    line = g_strdup_printf("symbols %s", file);
    RUN_HAS(f, line, "2 names");
    complete(f, "break st", 6, "start stop");
    complete(f, "break 1+sta", 8, "start");
    RUN_HAS(f, "x/i start+8", "0x0000000000001008 <start+0x8>:");
    RUN_HAS(f, "x/i 0x100c", "exc");
    RUN_HAS(f, "break stop", "<stop>");
    g_unlink(file);
}

/* ---- a terminal ---- */

typedef struct Peer {
    Chardev *near, *far;
    GString *got;
    MonitorTerminal *t;
} Peer;

static void peer_receive(void *opaque, const uint8_t *buf, size_t len)
{
    g_string_append_len(opaque, (const char *)buf, (gssize)len);
}

static const ChardevHandlers peer_handlers = { .receive = peer_receive };

static void peer_init(Fixture *f, Peer *p, MonitorEdit edit)
{
    chardev_new_pair(&p->near, &p->far);
    p->got = g_string_new(NULL);
    g_assert_true(chardev_attach(p->far, &peer_handlers, p->got, NULL));
    p->t = monitor_terminal_new(&f->host.host, p->near, "terminal", edit, NULL);
    g_assert_nonnull(p->t);
}

static void peer_fini(Peer *p)
{
    monitor_terminal_free(p->t);
    chardev_free(p->near);
    chardev_free(p->far);
    g_string_free(p->got, TRUE);
}

/* Types, and waits for text to come back after it. */
static void type(Fixture *f, Peer *p, const char *text, const char *want)
{
    gint64 end = g_get_monotonic_time() + 30 * G_USEC_PER_SEC;

    g_string_truncate(p->got, 0);
    chardev_write(p->far, text, strlen(text));
    while (!strstr(p->got->str, want)) {
        if (g_get_monotonic_time() > end) {
            g_error("no '%s' in '%s'", want, p->got->str);
        }
        if (!mainloop_iterate(false)) {
            g_usleep(1000);
        }
    }
}

static void test_plain_terminal(Fixture *f, gconstpointer data)
{
    Peer p;

    peer_init(f, &p, MONITOR_EDIT_AUTO);
    type(f, &p, "", "Glassbox 9.9 monitor: 'help' lists commands\n(glassbox) ");
    type(f, &p, "print 1+1\r\n", "0x2\n(glassbox) ");
    g_assert_cmpstr(p.got->str, ==, "0x2\n(glassbox) ");        /* nothing is echoed */
    /* A line behind a step waits for its end. */
    type(f, &p, "step\nprint $pc\n", "0x1004\n(glassbox) ");
    g_assert_cmpstr(p.got->str, ==, "CPU 0: step\n  0x0000000000001004:  addi 1, 1, 1\n"
                    "(glassbox) 0x1004\n(glassbox) ");
    type(f, &p, "break 0x1100\n", "(glassbox) ");
    RUN_HAS(f, "info clients", "  terminal\n");
    /* Who hangs up takes the points along, but not before the lines are run. */
    chardev_write(p.far, "step\nstep\n", 10);
    chardev_free(p.far);
    p.far = NULL;
    for (unsigned i = 0; i < 3000 && strstr(run(f, "info clients", true), "terminal"); i++) {
        mainloop_iterate(false);
        g_usleep(1000);
    }
    g_assert_null(strstr(f->out->str, "terminal"));
    RUN_HAS(f, "info breakpoints", "no points");
    g_assert_cmphex(sm_cpu(&f->m.m, 0)->pc, ==, 0x100c);
    peer_fini(&p);
}

static void test_edited_terminal(Fixture *f, gconstpointer data)
{
    Peer p, q;

    peer_init(f, &p, MONITOR_EDIT_ON);
    type(f, &p, "", "(glassbox) ");
    type(f, &p, "prinx\bt 1+2", "t 1+2");                       /* echoed, corrected */
    type(f, &p, "\r", "0x3\r\n(glassbox) ");
    type(f, &p, "inf\tdebu\t\r", "control: nobody\r\n");        /* completed */
    type(f, &p, "\033[A\033[A\r", "0x3\r\n");                   /* two lines back */
    type(f, &p, "sy\t\t", "system_powerdown");                  /* what it may be */
    /* A second one in between, with a line of its own. */
    peer_init(f, &q, MONITOR_EDIT_ON);
    type(f, &q, "print 7", "7");
    type(f, &p, "mbols\r", "0 names");
    type(f, &q, "7\r", "0x4d\r\n");
    type(f, &q, "\033[A\r", "0x4d\r\n");                        /* its own history */
    /* A notice comes before the line that is being typed, which stays. */
    type(f, &p, "print 5", "5");
    g_string_truncate(p.got, 0);
    run(f, "step", true);
    wait_done(f);
    type(f, &p, "5\r", "0x37\r\n");
    type(f, &p, "\004print 1\r", "0x1\r\n");                    /* Ctrl-D ends nothing */
    peer_fini(&p);
    type(f, &q, "print 8\r", "0x8\r\n");
    peer_fini(&q);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*fn)(Fixture *f, gconstpointer data);
    } tests[] = {
        { "look", test_look }, { "bad", test_bad }, { "files", test_files }, { "run", test_run },
        { "stops", test_stops }, { "stop-in-step", test_stop_in_step },
        { "control", test_control }, { "machine", test_machine }, { "complete", test_complete },
        { "plain-terminal", test_plain_terminal }, { "edited-terminal", test_edited_terminal },
    };

    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/monitor/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, fixture_init, tests[i].fn, fixture_fini);
    }
    return g_test_run();
}
