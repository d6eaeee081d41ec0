/* Two equal machines without threads, one for each backend.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest-pair.h"

#include <inttypes.h>
#include <string.h>

#include "accel/tcg/tcg.h"
#include "chardev/chardev.h"
#include "mem/mem.h"
#include "target/i386/lapic.h"

/* ---- somebody who watches the time ---- */

#define WATCH_TICK_MS 50
#define ENDLESS_TICKS 3         /* as many ticks without an instruction, */
#define PATIENT_TICKS 200       /* or as many when the other machine came to an end */
#define HANG_TICKS 1200         /* and as many without looking at a kick */

static struct {
    GThread *thread;
    GMutex lock;
    GCond cond;
    Cpu *cpu;                   /* that runs; NULL: none */
    unsigned ticks;             /* since it was entered */
    bool end;
} watch;

static void *watch_thread(void *opaque)
{
    g_mutex_lock(&watch.lock);
    while (!watch.end) {
        g_cond_wait_until(&watch.cond, &watch.lock, g_get_monotonic_time() + WATCH_TICK_MS * 1000);
        if (watch.cpu) {
            atomic_or_old(&watch.cpu->attn, CPU_ATTN_EXIT);
            if (++watch.ticks > HANG_TICKS) {
                g_error("a vCPU does not look at a kick");
            }
        }
    }
    g_mutex_unlock(&watch.lock);
    return NULL;
}

static void watch_set(Cpu *cpu)
{
    g_mutex_lock(&watch.lock);
    watch.cpu = cpu;
    watch.ticks = 0;
    g_mutex_unlock(&watch.lock);
}

/* ---- machines ---- */

static void rig_init(GuestRig *r, const char *name, const char *accel)
{
    static const uint32_t base[] = { 0, 0xc0000 };
    GError *err = NULL;
    MemSection sec;

    r->name = name;
    r->opt = (MachineOptions){ .ram_size = PAIR_RAM, .ncpus = 1, .rtc_fixed = true };
    for (unsigned n = 0; n < MACHINE_SERIAL_MAX; n++) {
        r->opt.serial[n] = chardev_new("null", "serial", &err);
        g_assert_no_error(err);
    }
    r->vm = vm_new();
    vm_clock_set_base_ns(r->vm, 0);
    vm_set_accel(r->vm, &tcg_accel_ops, &x86_cpu_class, accel, &err);
    g_assert_no_error(err);
    r->m = g_malloc0(pc_machine_class.size);
    r->m->cls = &pc_machine_class;
    r->m->opt = &r->opt;
    r->m->vm = r->m->host.vm = r->vm;
    device_list_init(&r->m->devices);
    g_assert_true(pc_machine_class.create(r->m, &err));
    r->cpu = r->vm->cpus[0];
    g_assert_true(tcg_accel_ops.vcpu_init(r->cpu, &err));
    for (unsigned n = 0; n < G_N_ELEMENTS(base); n++) {
        g_assert_true(mem_find(r->vm->memory, base[n], &sec) && sec.host);
        g_assert_true(!n || (uint8_t *)sec.host == r->ram + base[n]);
        r->ram = n ? r->ram : sec.host;
    }
}

void pair_init(GuestPair *p)
{
    rig_init(&p->rig[0], "jit", "backend=jit");
    rig_init(&p->rig[1], "interp", "backend=interp");
    watch.thread = g_thread_new("watch", watch_thread, NULL);
}

static void rig_done(GuestRig *r)
{
    tcg_accel_ops.vcpu_fini(r->cpu);
    device_list_free_all(&r->m->devices);
    vm_free(r->vm);
    pc_machine_class.destroy(r->m);
    g_free(r->m);
    for (unsigned n = 0; n < MACHINE_SERIAL_MAX; n++) {
        chardev_free(r->opt.serial[n]);
    }
}

void pair_done(GuestPair *p)
{
    g_mutex_lock(&watch.lock);
    watch.end = true;
    g_cond_signal(&watch.cond);
    g_mutex_unlock(&watch.lock);
    g_thread_join(watch.thread);
    rig_done(&p->rig[0]);
    rig_done(&p->rig[1]);
}

/* ---- runs ---- */

/* Tells those who keep something of a page's old bytes, as a loader's write does. */
static void ram_changed(GuestRig *r)
{
    MemSection sec;

    for (paddr_t at = 0; at < PAIR_RAM; at += MEM_PAGE_SIZE) {
        if (mem_find(r->vm->memory, at, &sec) && sec.host && mem_flags_get(sec.flags) & MEM_PAGE_CODE) {
            mem_section_written(r->vm->memory, at, &sec, MEM_PAGE_SIZE);
        }
    }
}

static void rig_begin(GuestRig *r, PairSetup *setup, uint32_t seed, void *opaque)
{
    X86State *s = x86_state(r->cpu);

    tcg_accel_ops.reset(r->vm);
    r->cpu->class->reset(r->cpu);
    device_list_reset(&r->m->devices);
    atomic_put(&r->cpu->power, CPU_POWER_ON);
    atomic_put(&r->cpu->irq_pending, 0);
    setup(r, seed, opaque);
    ram_changed(r);
    x86_mode_update(s);
    x86_resync(r->cpu);
    r->cpu->insns = 0;
}

/* One call of the executor. False: the run has ended. */
static bool rig_turn(GuestRig *r, const RunArgs *args, uint64_t *left, PairEnd *end)
{
    static const PairEnd ends[] = { [EXIT_HALT] = PAIR_HALT, [EXIT_RESET] = PAIR_RESET,
                                    [EXIT_SHUTDOWN] = PAIR_SHUTDOWN, [EXIT_BUDGET] = PAIR_BUDGET };
    uint64_t before = r->cpu->insns;
    VcpuExit e;

    atomic_and_old(&r->cpu->attn, ~(uint32_t)CPU_ATTN_EXIT);
    watch_set(r->cpu);
    e = tcg_accel_ops.vcpu_run(r->cpu, args);
    watch_set(NULL);
    if (e.kind == EXIT_KICK) {
        *left -= r->cpu->insns - before;
        return true;
    }
    if (e.kind == EXIT_STEP) {
        *end = PAIR_BUDGET;
        return --*left;
    }
    g_assert_cmpint(e.kind, <, (int)G_N_ELEMENTS(ends));
    g_assert_true(e.kind == EXIT_HALT || ends[e.kind]  || e.kind == EXIT_BUDGET);
    *end = ends[e.kind];
    return false;
}

static PairEnd rig_run(GuestRig *r, uint64_t budget, bool step, unsigned patience)
{
    PairEnd end = PAIR_BUDGET;
    uint64_t left = budget;
    unsigned idle = 0;

    while (left) {
        uint64_t before = left;
        RunArgs args = { .step = step, .budget = step ? 0 : left };

        if (!rig_turn(r, &args, &left, &end)) {
            break;
        }
        idle = left == before ? idle + 1 : 0;
        if (idle == patience) {
            return PAIR_ENDLESS;
        }
    }
    return end;
}

/* ---- comparison ---- */

static void compare_registers(GuestPair *p, GString *out)
{
    const RegSet *set = p->rig[0].cpu->class->regs;

    for (unsigned f = 0; set->features[f]; f++) {
        for (unsigned n = 0; n < set->features[f]->n; n++) {
            const RegDesc *d = &set->features[f]->regs[n];
            uint8_t le[2][64] = { { 0 } };

            for (unsigned k = 0; k < 2; k++) {
                reg_read(p->rig[k].cpu, d, le[k]);
            }
            if (memcmp(le[0], le[1], sizeof(le[0]))) {
                g_string_append_printf(out, "  %s:", d->name);
                for (unsigned k = 0; k < 2; k++) {
                    g_string_append_c(out, ' ');
                    for (unsigned b = (d->bits + 7u) / 8u; b-- > 0;) {
                        g_string_append_printf(out, "%02x", le[k][b]);
                    }
                }
                g_string_append_c(out, '\n');
            }
        }
    }
}

static void compare_ram(GuestPair *p, GString *out)
{
    const uint8_t *a = p->rig[0].ram, *b = p->rig[1].ram;
    unsigned told = 0;

    if (!memcmp(a, b, PAIR_RAM)) {
        return;
    }
    for (uint64_t at = 0; at < PAIR_RAM && told < 8; at++) {
        if (a[at] != b[at]) {
            g_string_append_printf(out, "  RAM %#" PRIx64 ": %02x %02x\n", at, a[at], b[at]);
            told++;
        }
    }
}

/* Runs it on both; returns what differs, or NULL. */
static char *try_pair(GuestPair *p, PairSetup *setup, uint32_t seed, void *opaque, uint64_t budget, bool step,
                      PairEnd *end)
{
    GString *out = g_string_new(NULL);
    PairEnd ends[2];

    for (unsigned k = 0; k < 2; k++) {
        rig_begin(&p->rig[k], setup, seed, opaque);
        ends[k] = rig_run(&p->rig[k], budget, step, ENDLESS_TICKS);
    }
    for (unsigned k = 0; k < 2 && ends[0] != ends[1]; k++) {
        if (ends[k] == PAIR_ENDLESS) {
            ends[k] = rig_run(&p->rig[k], budget - p->rig[k].cpu->insns, step, PATIENT_TICKS);
        }
    }
    *end = ends[0];
    if (ends[0] != ends[1] || p->rig[0].cpu->insns != p->rig[1].cpu->insns) {
        g_string_append_printf(out, "  ends %d %d after %" PRIu64 " %" PRIu64 " instructions\n", ends[0], ends[1],
                               p->rig[0].cpu->insns, p->rig[1].cpu->insns);
    }
    if (ends[0] != PAIR_ENDLESS || ends[1] != PAIR_ENDLESS) {
        compare_registers(p, out);
        compare_ram(p, out);
    }
    if (out->len) {
        return g_string_free(out, FALSE);
    }
    g_string_free(out, TRUE);
    return NULL;
}

/* The instruction that the last run left the CPU at, as text. */
static void describe_place(GuestRig *r, GString *out)
{
    vaddr_t pc = r->cpu->class->get_pc(r->cpu);
    uint8_t code[15];
    Translation t;
    unsigned n = 0;

    while (n < sizeof(code) && r->cpu->class->translate(r->cpu, pc + n, &t) &&
           mem_peek(r->vm->memory, t.paddr, &code[n], 1) == 1) {
        n++;
    }
    g_string_append_printf(out, "  at %#" PRIx64 " mode %#x:", pc, x86_state(r->cpu)->mode);
    for (unsigned k = 0; k < n; k++) {
        g_string_append_printf(out, " %02x", code[k]);
    }
    g_string_append_c(out, ' ');
    r->cpu->class->disas(r->cpu, pc, code, n, out);
    g_string_append_c(out, '\n');
}

/* Finds the shortest run that differs, supposing that a difference stays. */
static char *shortest(GuestPair *p, PairSetup *setup, uint32_t seed, void *opaque, uint64_t budget, bool step)
{
    GString *out = g_string_new(NULL);
    uint64_t same = 0, differs = budget;
    PairEnd end;

    while (differs - same > 1) {
        uint64_t middle = same + (differs - same) / 2;
        g_autofree char *what = try_pair(p, setup, seed, opaque, middle, step, &end);

        *(what ? &differs : &same) = middle;
    }
    g_string_append_printf(out, "first difference after %" PRIu64 ":\n", differs);
    if (same) {
        g_free(try_pair(p, setup, seed, opaque, same, step, &end));
        describe_place(&p->rig[0], out);
    }
    g_autofree char *what = try_pair(p, setup, seed, opaque, differs, step, &end);

    g_string_append(out, what ? what : "  (only in a longer run)\n");
    return g_string_free(out, FALSE);
}

PairEnd pair_run(GuestPair *p, PairSetup *setup, uint32_t seed, void *opaque, uint64_t budget, bool step)
{
    PairEnd end;
    g_autofree char *what = try_pair(p, setup, seed, opaque, budget, step, &end);

    if (what) {
        g_autofree char *first = shortest(p, setup, seed, opaque, budget, step);

        g_test_message("seed %u, %" PRIu64 " instructions%s: JIT and interpreter differ\n%s%s", seed, budget,
                       step ? " by steps" : "", what, first);
        g_test_fail();
    }
    return end;
}
