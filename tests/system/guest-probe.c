/* A machine driven by words on the command line, for tests of what the debug core makes of a guest.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: guest-probe KERNEL INITRD APPEND MIB CPUS WORD...  (INITRD, APPEND: '' for none)
 *   symbols FILE        loads symbols
 *   until NAME[+N]      runs to a breakpoint there, which stays set
 *   run MS              runs for that long, then stops
 *   find N              runs and stops each 20 ms until CPU 0 is in user mode (N=3) or the kernel
 *                       (N=0) and the kernel's slide is found; prints "slide S"
 *   modules             loads the names of the guest's modules; prints "modules N"
 *   bt CPU              "#0 PC HOW NAME" for each frame, then "end" and perhaps a reason
 *   regs CPU            "reg NAME VALUE" for integer registers of the first feature
 *   mem ADDR LEN        "mem HEX", by CPU 0's virtual addresses
 *   core FILE, core-paging FILE, core-part BEGIN LENGTH FILE      core files
 *   core-running FILE   without points, while the machine runs; "running 1 0": it does, and no stop
 *                       was told */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accel/tcg/tcg.h"
#include "debug/dump.h"
#include "debug/unwind.h"
#include "hw/i386/pc.h"
#include "target/i386/x86.h"
#include "util/mainloop.h"

#define FRAMES 64

typedef struct Probe {
    Vm *vm;
    Machine *m;
    MachineOptions opt;
    Debug *d;
    DebugClient *c;
    Symbols *s;
    unsigned stops;
    char **word;
} Probe;

static void fail(const char *what, const GError *err)
{
    fprintf(stderr, "guest-probe: %s: %s\n", what, err ? err->message : "?");
    exit(1);
}

static const char *next(Probe *p)
{
    if (!*p->word) {
        fail("words", NULL);
    }
    return *p->word++;
}

static uint64_t next_number(Probe *p)
{
    return strtoull(next(p), NULL, 0);
}

/* ---- running ---- */

static void on_stop(void *opaque, const StopInfo *stop)
{
    ((Probe *)opaque)->stops++;
}

static void go(Probe *p)
{
    GError *err = NULL;

    if (!debug_continue(p->c, &err)) {
        fail("continue", err);
    }
}

static void wait_stop(Probe *p)
{
    unsigned before = p->stops;

    while (p->stops == before) {
        mainloop_iterate(true);
    }
}

static int on_time(gpointer opaque)
{
    debug_interrupt(((Probe *)opaque)->c);
    return G_SOURCE_REMOVE;
}

static void run_for(Probe *p, unsigned ms)
{
    go(p);
    g_timeout_add(ms, on_time, p);
    wait_stop(p);
}

static void do_until(Probe *p)
{
    const char *text = next(p), *plus = strchr(text, '+');
    g_autofree char *name = g_strndup(text, plus ? (gsize)(plus - text) : strlen(text));
    PointSpec spec = { .kind = POINT_EXEC, .len = 1 };
    GError *err = NULL;
    PointId id;

    if (!symbols_find(p->s, name, &spec.addr, NULL)) {
        fail(name, NULL);
    }
    spec.addr += plus ? strtoull(plus, NULL, 0) : 0;
    if (!debug_point_find(p->c, POINT_EXEC, WISH_ANY, ADDR_VIRT, spec.addr, 1) &&
        !debug_point_add(p->c, &spec, &id, &err)) {
        fail(name, err);
    }
    go(p);
    wait_stop(p);
}

static void do_run(Probe *p)
{
    run_for(p, (unsigned)next_number(p));
}

static void do_find(Probe *p)
{
    unsigned privilege = (unsigned)next_number(p);
    GError *err = NULL;

    for (unsigned i = 0; i < 5000; i++) {
        const Cpu *cpu = p->vm->cpus[0];

        run_for(p, 20);
        if (cpu->class->privilege(cpu) != privilege) {
            continue;
        }
        g_clear_error(&err);
        symbols_set_slide(p->s, 0);
        if (debug_find_slide(p->d, 0, p->s, &err)) {
            printf("slide %" PRIx64 "\n", (uint64_t)symbols_slide(p->s));
            return;
        }
    }
    fail("slide", err);
}

/* ---- looking ---- */

static void do_symbols(Probe *p)
{
    GError *err = NULL;

    if (!symbols_load(p->s, next(p), &err)) {
        fail("symbols", err);
    }
}

static void do_modules(Probe *p)
{
    GError *err = NULL;
    unsigned n;

    if (!debug_load_modules(p->d, 0, p->s, &n, &err)) {
        fail("modules", err);
    }
    printf("modules %u\n", n);
}

static void do_bt(Probe *p)
{
    UnwindFrame frame[FRAMES];
    GError *err = NULL;
    g_autofree char *why = NULL;
    unsigned n = debug_backtrace(p->d, (unsigned)next_number(p), p->s, frame, FRAMES, &why, &err);

    if (!n) {
        fail("bt", err);
    }
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(GString) name = g_string_new(NULL);

        if (!symbols_format_frame(p->s, &frame[i], name)) {
            g_string_append(name, "??");
        }
        printf("#%u %" PRIx64 " %s %s\n", i, frame[i].pc, unwind_how_name(frame[i].how), name->str);
    }
    printf(why ? "end %s\n" : "end\n", why);
}

static void do_regs(Probe *p)
{
    unsigned cpu = (unsigned)next_number(p);
    const RegFeature *f = p->vm->cpus[cpu]->class->regs->features[0];

    for (unsigned i = 0; i < f->n; i++) {
        uint8_t le[REG_MAX_BYTES] = { 0 };
        uint64_t v;

        if (f->regs[i].bits <= 64 && debug_reg_read(p->d, cpu, &f->regs[i], le, NULL)) {
            memcpy(&v, le, 8);
            printf("reg %s %" PRIx64 "\n", f->regs[i].name, v);
        }
    }
}

static void do_mem(Probe *p)
{
    uint64_t at = next_number(p), len = next_number(p);
    g_autofree uint8_t *buf = g_malloc(len);
    GError *err = NULL;

    if (!debug_read(p->d, 0, ADDR_VIRT, at, buf, len, &err)) {
        fail("mem", err);
    }
    printf("mem ");
    for (uint64_t i = 0; i < len; i++) {
        printf("%02x", buf[i]);
    }
    printf("\n");
}

/* ---- core files ---- */

static void core(Probe *p, const DumpOptions *o)
{
    const char *path = next(p);
    int fd = strcmp(path, "-") ? open(path, O_RDWR | O_CREAT, 0600) : dup(1);
    gint64 start = g_get_monotonic_time();
    GError *err = NULL;

    fflush(stdout);
    if (fd < 0) {
        fail(path, NULL);
    }
    if (!debug_dump_core(p->d, fd, o, &err)) {
        printf("error %s\n", err->message);
        g_clear_error(&err);
    } else if (strcmp(path, "-")) {
        printf("core %.3f\n", (double)(g_get_monotonic_time() - start) / 1e6);
    }
    close(fd);
}

static void do_core(Probe *p)
{
    core(p, &(DumpOptions){ .paging = false });
}

static void do_core_paging(Probe *p)
{
    core(p, &(DumpOptions){ .paging = true });
}

static void do_core_part(Probe *p)
{
    DumpOptions o = { .filter = true };

    o.begin = next_number(p);
    o.length = next_number(p);
    core(p, &o);
}

static void do_core_running(Probe *p)
{
    unsigned before = p->stops;

    debug_points_remove_all(p->c);
    go(p);
    core(p, &(DumpOptions){ .paging = false });
    while (mainloop_iterate(false)) {
    }
    printf("running %d %u\n", vm_running(p->vm), p->stops - before);
    debug_interrupt(p->c);
    wait_stop(p);
}

/* ---- the machine ---- */

static void machine_reset(void *opaque)
{
    Machine *m = opaque;

    m->cls->reset(m);
}

static void check(bool ok, const char *what, GError *err)
{
    if (!ok) {
        fail(what, err);
    }
}

static void make_machine(Probe *p)
{
    GError *err = NULL;

    mainloop_init();
    p->vm = vm_new();
    vm_clock_set_base_ns(p->vm, 0);
    check(vm_set_accel(p->vm, &tcg_accel_ops, &x86_cpu_class, NULL, &err), "accel", err);
    p->m = g_malloc0(pc_machine_class.size);
    p->m->cls = &pc_machine_class;
    p->m->opt = &p->opt;
    p->m->vm = p->m->host.vm = p->vm;
    device_list_init(&p->m->devices);
    check(pc_machine_class.create(p->m, &err), "machine", err);
    check(pc_machine_class.load(p->m, &err), "kernel", err);
    vm_add_reset(p->vm, VM_RESET_LOADER, machine_reset, p->m);
    check(vm_start(p->vm, &err), "start", err);
    vm_reset_now(p->vm, VM_CAUSE_HOST_RESET);
    p->d = debug_new(p->vm);
}

static const struct {
    const char *word;
    void (*run)(Probe *p);
} words[] = {
    { "symbols", do_symbols }, { "until", do_until }, { "run", do_run }, { "find", do_find },
    { "bt", do_bt }, { "modules", do_modules }, { "regs", do_regs },
    { "mem", do_mem }, { "core", do_core },
    { "core-paging", do_core_paging }, { "core-part", do_core_part },
    { "core-running", do_core_running },
};

static void obey(Probe *p, const char *word)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (!strcmp(word, words[i].word)) {
            words[i].run(p);
            fflush(stdout);
            return;
        }
    }
    fail(word, NULL);
}

int main(int argc, char **argv)
{
    static const DebugClientOps ops = { .stopped = on_stop };
    Probe p = { .word = argv + 1 };

    if (argc < 6) {
        fail("usage", NULL);
    }
    p.opt.kernel = next(&p);
    p.opt.initrd = next(&p);
    p.opt.append = next(&p);
    p.opt.ram_size = next_number(&p) << 20;
    p.opt.ncpus = (unsigned)next_number(&p);
    if (!p.opt.initrd[0]) {
        p.opt.initrd = NULL;
    }
    make_machine(&p);
    p.s = symbols_new();
    p.c = debug_client_new(p.d, "probe", &ops, &p);
    while (*p.word) {
        obey(&p, *p.word++);
    }
    symbols_free(p.s);
    fflush(stdout);
    _exit(0);       /* the machine may be in the middle of anything */
}
