/* Random sequences of integer instructions run as blocks, against the host's own CPU, on both backends: what is
 * known of flags from one instruction to the next, and the order of effects.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "accel/tcg/tcg.h"
#include "mem/mem.h"
#include "target/i386/flags.h"
#include "target/i386/x86.h"
#include "tests/tcg/insn-native.h"
#include "tests/tcg/sequence.h"
#include "util/mainloop.h"
#include "vm/vm.h"

#define GUEST_RAM 0x30000000ul
#define GUEST_CODE 0x100000ul
#define GUEST_TABLES 0x10000ul

typedef struct Guest {
    Vm *vm;
    Cpu *cpu;
    MemRegion *ram;
    uint8_t *host;
} Guest;

static void guest_init(Guest *g, const char *options)
{
    GError *err = NULL;
    uint64_t *t;

    g->vm = vm_new();
    g->vm->memory = mem_space_new("memory", ~0ull >> 16);
    g->vm->io = mem_space_new("io", 0xffff);
    g->ram = mem_region_new_ram("ram", GUEST_RAM, &err);
    g_assert_no_error(err);
    mem_space_map_all(g->vm->memory, 0, g->ram, 0);
    g->host = mem_region_host(g->ram);
    vm_set_accel(g->vm, &tcg_accel_ops, &x86_cpu_class, options, &err);
    g_assert_no_error(err);
    g->cpu = vm_add_cpu(g->vm, &x86_cpu_class, NULL, &err);
    g_assert_no_error(err);
    g_assert_true(tcg_accel_ops.vcpu_init(g->cpu, &err));
    t = (uint64_t *)(g->host + GUEST_TABLES);
    t[0] = (GUEST_TABLES + 0x1000) | 7;
    t[512] = 0x87;
}

/* Runs the sequence and a HLT behind it. */
static bool guest_run(Guest *g, InsnState *st, const Sequence *q)
{
    X86Entry e = { .rip = GUEST_CODE, .cr3 = GUEST_TABLES, .cs = 0x10, .ds = 0x18 };
    X86State *s = x86_state(g->cpu);
    RunArgs args = { 0 };
    uint8_t hlt = 0xf4;
    VcpuExit out;

    g->cpu->class->reset(g->cpu);
    atomic_put(&g->cpu->power, CPU_POWER_ON);
    x86_enter_long64(g->cpu, &e);
    memcpy(s->gpr, st->gpr, sizeof(s->gpr));
    x86_eflags_set(s, ((uint32_t)st->flags & ~X86_IF) | 2);
    x86_mode_update(s);
    mem_poke(g->vm->memory, GUEST_CODE, q->bytes, q->len, 0);
    mem_poke(g->vm->memory, GUEST_CODE + q->len, &hlt, 1, 0);
    out = tcg_accel_ops.vcpu_run(g->cpu, &args);
    memcpy(st->gpr, s->gpr, sizeof(s->gpr));
    st->flags = x86_eflags_get(s);
    return out.kind == EXIT_HALT && s->rip == GUEST_CODE + q->len + 1;
}

static uint64_t value(GRand *r)
{
    static const uint64_t corner[] = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        0x7fffffffffffffff, 0x8000000000000000, ~0ull,
    };

    return g_rand_boolean(r) ? (uint64_t)g_rand_int(r) << 32 | g_rand_int(r)
                             : corner[g_rand_int_range(r, 0, G_N_ELEMENTS(corner))];
}

static char *difference(const Sequence *q, const InsnState *host, const InsnState *ours, const uint8_t *memory,
                        const uint8_t *our_memory)
{
    uint32_t flags = X86_ARITH & ~q->undefined;

    for (unsigned n = 0; n < 16; n++) {
        if (host->gpr[n] != ours->gpr[n]) {
            return g_strdup_printf("register %u: host %#" G_GINT64_MODIFIER "x, ours %#" G_GINT64_MODIFIER "x", n,
                                   host->gpr[n], ours->gpr[n]);
        }
    }
    if ((host->flags ^ ours->flags) & flags) {
        return g_strdup_printf("flags: host %#x, ours %#x", (unsigned)host->flags & flags,
                               (unsigned)ours->flags & flags);
    }
    for (unsigned n = 0; n < INSN_BUFFER_SIZE; n++) {
        if (memory[n] != our_memory[n]) {
            return g_strdup_printf("memory +%#x: host %#x, ours %#x", n, memory[n], our_memory[n]);
        }
    }
    return NULL;
}

static bool one(Guest *g, GRand *r)
{
    static uint8_t start[INSN_BUFFER_SIZE];
    InsnState before = { .fx = { [0] = 0x7f, [1] = 3, [24] = 0x80, [25] = 0x1f } }, host, ours;
    g_autofree char *text = NULL, *diff = NULL;
    Sequence q;

    sequence_make(r, &q);
    for (unsigned n = 0; n < 16; n++) {
        before.gpr[n] = value(r);
    }
    before.gpr[R_RBX] = INSN_BUFFER + 0x1000;
    before.gpr[R_RSP] = INSN_BUFFER + 0x3000;
    before.flags = ((uint64_t)g_rand_int(r) & X86_ARITH) | 0x202;
    for (unsigned n = 0; n < INSN_BUFFER_SIZE; n += 8) {
        uint64_t v = value(r);

        memcpy(start + n, &v, 8);
    }
    memcpy((void *)INSN_BUFFER, start, INSN_BUFFER_SIZE);
    memcpy(g->host + INSN_BUFFER, start, INSN_BUFFER_SIZE);
    host = ours = before;
    if (native_run(&host, q.bytes, q.len)) {
        return false;
    }
    if (!guest_run(g, &ours, &q)) {
        diff = g_strdup("did not reach its end");
    } else {
        diff = difference(&q, &host, &ours, (const uint8_t *)INSN_BUFFER, g->host + INSN_BUFFER);
    }
    if (diff) {
        text = sequence_text(&q);
        g_test_message("%s:\n%s", diff, text);
        g_test_fail();
    }
    return true;
}

/* SEQUENCE_SEED and SEQUENCE_COUNT choose others. Sequences that the host's CPU cannot run are left out. */
static void random_sequences(gconstpointer options)
{
    const char *seed = g_getenv("SEQUENCE_SEED"), *count = g_getenv("SEQUENCE_COUNT");
    GRand *r = g_rand_new_with_seed(seed ? (guint32)atoi(seed) : 20261121);
    unsigned wanted = count ? (unsigned)atoi(count) : 20000, done = 0, refused = 0;
    Guest g;

    guest_init(&g, options);
    while (done < wanted && !g_test_failed() && refused < wanted * 10) {
        if (one(&g, r)) {
            done++;
        } else {
            refused++;
        }
    }
    g_assert_cmpuint(done, >, wanted / 2);
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    mainloop_init();
    if (!native_init()) {
        g_printerr("the addresses of the test's buffer are taken on this host\n");
        return 77;
    }
    g_test_add_data_func("/tcg/sequence/interp", "backend=interp", random_sequences);
    g_test_add_data_func("/tcg/sequence/jit", "backend=jit", random_sequences);
    return g_test_run();
}
