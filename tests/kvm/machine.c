/* The machine under test: cases, and a guest that does as it is told.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine_int.h"

#include <signal.h>
#include <string.h>

#include "giveup.h"

/* As they come in the g packet. */
enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R15 = 15, RIP, GENERAL };

#define LOST 0xfa017ed          /* rax behind pup_lost */

typedef struct Case {
    MachineCase *fn;
    unsigned cpus, started;
    const void *data;
} Case;

static Machine *current;
static GPtrArray *others;       /* further ones of the case */

/* ---- cases ------------------------------------------------------------------------------ */

void machine_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    g_test_set_nonfatal_assertions();
    if (*argc < 3) {
        g_error("usage: %s EMULATOR GUEST", (*argv)[0]);
    }
    signal(SIGPIPE, SIG_IGN);
    expect_init();
    machine_program((*argv)[1], (*argv)[2]);
    image_load((*argv)[2]);
    others = g_ptr_array_new_with_free_func((GDestroyNotify)machine_end);
}

static void case_begin(const Case *c)
{
    if (current && (current->cpus != c->cpus || current->started != c->started)) {
        g_clear_pointer(&current, machine_end);
    }
    if (!current) {
        current = machine_start(expect_accel, c->cpus, c->started, false);
        machine_await(current);
        machine_connect(current);
    }
    machine_clear(current);
    current->data = c->data;
}

static void case_whole(void *data)
{
    const Case *c = data;

    case_begin(c);
    c->fn(current);
    machine_unpoint_all(current);
}

static void case_run(gconstpointer data)
{
    bool done = test_try(case_whole, (void *)data);

    g_ptr_array_set_size(others, 0);
    if (current && (!done || g_test_failed())) {
        current->tell = g_test_failed();
        g_clear_pointer(&current, machine_end);
    }
}

void machine_case(const char *path, MachineCase *fn, unsigned cpus, unsigned started)
{
    Case *c = g_new(Case, 1);

    *c = (Case){ fn, cpus, started, NULL };
    g_test_add_data_func_full(path, c, case_run, g_free);
}

void machine_case_with(const char *path, MachineCase *fn, const void *data)
{
    Case *c = g_new(Case, 1);

    *c = (Case){ fn, 1, 1, data };
    g_test_add_data_func_full(path, c, case_run, g_free);
}

const void *machine_data(const Machine *m)
{
    return m->data;
}

int machine_run_cases(void)
{
    int status = g_test_run();

    g_clear_pointer(&current, machine_end);
    return status;
}

Machine *machine_start_other(const char *accel)
{
    Machine *m = machine_start(accel, 1, 1, true);

    g_ptr_array_add(others, m);
    machine_await(m);
    machine_connect(m);
    return m;
}

/* ---- points ----------------------------------------------------------------------------- */

/* Is the point beyond what the accelerator says it has? Then the case has nothing to test, unless all
 * is wanted. */
G_GNUC_NORETURN static void refused(Machine *m, int type, uint64_t at)
{
    const char *what = type < 2 ? "breakpoints: " : "watchpoints: ";
    g_autofree char *caps = rsp_monitor(m->rsp, "info debug");
    g_auto(GStrv) line = g_strsplit(caps, "\n", -1);

    for (unsigned i = 0; line[i] && !g_getenv("GLASSBOX_TEST_ALL"); i++) {
        if (g_str_has_prefix(line[i], what) && !strstr(line[i], "any number") &&
            !strstr(line[i], "then")) {
            test_give_up_skipped(line[i]);
        }
    }
    test_give_up("no point (Z%d) at %s", type, place(at));
}

void machine_point(Machine *m, int type, uint64_t at, unsigned len)
{
    Point p = { type, at, len };

    if (!rsp_point(m->rsp, type, at, len)) {
        refused(m, type, at);
    }
    g_array_append_val(m->points, p);
}

void machine_unpoint(Machine *m, int type, uint64_t at, unsigned len)
{
    rsp_unpoint(m->rsp, type, at, len);
    for (unsigned i = 0; i < m->points->len; i++) {
        Point *p = &g_array_index(m->points, Point, i);

        if (p->type == type && p->at == at && p->len == len) {
            g_array_remove_index(m->points, i);
            return;
        }
    }
}

void machine_unpoint_all(Machine *m)
{
    for (unsigned i = 0; i < m->points->len; i++) {
        Point *p = &g_array_index(m->points, Point, i);

        rsp_unpoint(m->rsp, p->type, p->at, p->len);
    }
    g_array_set_size(m->points, 0);
}

/* ---- running ---------------------------------------------------------------------------- */

static void put_le(GString *hex, unsigned at, uint64_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        g_autofree char *two = g_strdup_printf("%02x", (unsigned)(v >> 8 * i) & 0xff);

        memcpy(hex->str + 2 * (at + i), two, 2);
    }
}

void machine_enter(Machine *m, unsigned thread, uint64_t at, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t sp = sym("pup_stacks") + thread * 2 * PAGE - 64 - 8;
    uint64_t value[GENERAL] = { 0 };
    g_autoptr(GString) hex = NULL;

    rsp_thread(m->rsp, thread);
    hex = g_string_new(rsp_ask(m->rsp, "g"));
    if (hex->len < 2 * (8 * GENERAL + 4)) {
        test_give_up("the g packet is too short: '%s'", hex->str);
    }
    for (unsigned i = 0; i < GENERAL; i++) {
        value[i] = 0x0101010101010101ull * (i + 1);
    }
    value[RDI] = a;
    value[RSI] = b;
    value[RDX] = c;
    value[RSP] = sp;
    value[RIP] = at;
    value[R15] = sym("pup_lost");
    for (unsigned i = 0; i < GENERAL; i++) {
        put_le(hex, 8 * i, value[i], 8);
    }
    put_le(hex, 8 * GENERAL, 2, 4);
    g_assert_true(rsp_ask_ok(m->rsp, "G%s", hex->str));
    rsp_write_u64(m->rsp, sp, sym("pup_done"));
}

RspStop machine_resume(Machine *m, const char *vcont)
{
    rsp_send(m->rsp, vcont);
    return rsp_wait(m->rsp);
}

RspStop machine_go(Machine *m)
{
    return machine_resume(m, "vCont;c");
}

RspStop machine_step(Machine *m)
{
    return machine_resume(m, "vCont;s:1");
}

void assert_place(uint64_t pc, uint64_t want, const char *file, int line)
{
    if (pc != want) {
        test_give_up("%s:%d: at %s, not %s", file, line, place(pc), place(want));
    }
}

void machine_go_to(Machine *m, uint64_t at, const char *reason)
{
    RspStop stop = machine_go(m);

    if (stop.pc != at || (reason && !g_str_equal(stop.reason, reason))) {
        test_give_up("stopped at %s for '%s', not at %s for '%s'", place(stop.pc),
                           stop.reason, place(at), reason ? reason : "any");
    }
}

void machine_to_idle(Machine *m)
{
    machine_point(m, 1, sym("pup_idle"), 1);
    machine_go_to(m, sym("pup_idle"), "hwbreak");
    machine_unpoint(m, 1, sym("pup_idle"), 1);
}

uint64_t machine_finish(Machine *m)
{
    uint64_t result;

    machine_go_to(m, sym("pup_done"), "hwbreak");
    result = rsp_get(m->rsp, "rax");
    if (result == LOST) {
        Trap t = machine_trap(m, machine_traps(m) - 1);

        test_give_up("the guest has a fault, vector %u at %s", (unsigned)t.vector, place(t.ip));
    }
    return result;
}

uint64_t machine_call(Machine *m, const char *name, uint64_t a, uint64_t b, uint64_t c)
{
    machine_enter(m, 1, sym(name), a, b, c);
    return machine_finish(m);
}

void machine_map(Machine *m, unsigned page, uint64_t to, bool writable)
{
    machine_enter(m, 1, sym("window_map"), 0, page, to);
    rsp_set(m->rsp, "rcx", writable);
    machine_finish(m);
}

/* ---- what the guest has noted ----------------------------------------------------------- */

unsigned machine_traps(Machine *m)
{
    return rsp_read_u32(m->rsp, sym("pup_log_count"));
}

Trap machine_trap(Machine *m, unsigned n)
{
    Trap t;

    rsp_read(m->rsp, sym("pup_log") + n % 32 * sizeof(t), &t, sizeof(t));
    return t;
}

void machine_clear(Machine *m)
{
    static const uint8_t zero[PAGE];

    rsp_write(m->rsp, sym("pup_log_count"), zero, 4);
    rsp_write(m->rsp, sym("pup_log"), zero, 32 * sizeof(Trap));
    rsp_write(m->rsp, sym("pup_data"), zero, PAGE);
}
