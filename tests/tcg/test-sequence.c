/* Random sequences of integer instructions run as blocks, against the host's own CPU, on both
 * backends: what is known of flags from one instruction to the next, and the order of effects; and
 * string instructions, repeated.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "accel/tcg/tcg.h"
#include "mem/mem.h"
#include "target/i386/flags.h"
#include "target/i386/x86.h"
#include "tests/tcg/insn-native.h"
#include "tests/tcg/native-legacy.h"
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

/* Segments as the host's run has them: flat, or 16-bit ones over the buffer. */
static void enter_mode(Guest *g, unsigned bits)
{
    X86Entry e = { .rip = GUEST_CODE, .cr3 = GUEST_TABLES, .cs = 0x10, .ds = 0x18 };
    X86State *s = x86_state(g->cpu);

    if (bits == 64) {
        x86_enter_long64(g->cpu, &e);
        return;
    }
    x86_enter_flat32(g->cpu, &e);
    if (bits == 16) {
        x86_seg_put(&s->seg[R_CS], 0x10, GUEST_CODE, 0xfff,
                    X86_FLAT_CODE32 & ~(X86_SEG_G | X86_SEG_B));
        for (unsigned n = 0; n < 4; n++) {
            if (n != R_CS) {
                x86_seg_put(&s->seg[n], 0x18, INSN_BUFFER, LEGACY_LIMIT,
                            X86_FLAT_DATA32 & ~(X86_SEG_G | X86_SEG_B));
            }
        }
        s->rip = 0;
    }
}

/* Runs the sequence and a HLT behind it. */
static bool guest_run(Guest *g, InsnState *st, const Sequence *q)
{
    X86State *s = x86_state(g->cpu);
    RunArgs args = { 0 };
    uint8_t hlt = 0xf4;
    VcpuExit out;
    uint64_t start;

    g->cpu->class->reset(g->cpu);
    atomic_put(&g->cpu->power, CPU_POWER_ON);
    enter_mode(g, q->bits);
    start = s->rip;
    memcpy(s->gpr, st->gpr, sizeof(s->gpr));
    x86_eflags_set(s, (uint32_t)st->flags | 2);
    x86_mode_update(s);
    mem_poke(g->vm->memory, GUEST_CODE, q->bytes, q->len, 0);
    mem_poke(g->vm->memory, GUEST_CODE + q->len, &hlt, 1, 0);
    out = tcg_accel_ops.vcpu_run(g->cpu, &args);
    memcpy(st->gpr, s->gpr, sizeof(s->gpr));
    st->flags = x86_eflags_get(s);
    if (out.kind != EXIT_HALT || s->rip != start + q->len + 1) {
        g_test_message("exit %d at %#" G_GINT64_MODIFIER "x", out.kind, s->rip);
        return false;
    }
    return true;
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

static char *difference(const Sequence *q, const InsnState *host, const InsnState *ours,
                        const uint8_t *memory, const uint8_t *our_memory)
{
    uint32_t flags = X86_ARITH & ~q->undefined;

    for (unsigned n = 0; n < 16; n++) {
        if (host->gpr[n] != ours->gpr[n]) {
            return g_strdup_printf("register %u: host %#" G_GINT64_MODIFIER
                                   "x, ours %#" G_GINT64_MODIFIER "x",
                                   n, host->gpr[n], ours->gpr[n]);
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

/* What both CPUs start from: rbx and rsp point into the buffer. */
static void make_state(GRand *r, InsnState *s, unsigned bits)
{
    uint64_t base = bits == 16 ? 0 : INSN_BUFFER;

    for (unsigned n = 0; n < 16; n++) {
        s->gpr[n] = bits == 64 ? value(r) : (uint32_t)value(r);
    }
    s->gpr[R_RBX] = base + 0x1000;
    s->gpr[R_RSP] = base + 0x3000;
    s->flags = ((uint64_t)g_rand_int(r) & X86_ARITH) | 0x202;
}

static int host_run(InsnState *s, const Sequence *q)
{
    return q->bits == 64 ? native_run(s, q->bytes, q->len)
                         : native_legacy_run(s, q->bytes, q->len, q->bits);
}

/* A string instruction, mostly repeated: long, overlapping, backward, across pages. */
static void make_string(GRand *r, Sequence *q, InsnState *s, unsigned bits)
{
    static const uint8_t opcode[] = { 0xa4, 0xaa, 0xac, 0xae, 0xa6 };
    uint8_t op = opcode[g_rand_int_range(r, 0, G_N_ELEMENTS(opcode))];
    unsigned kind = (unsigned)g_rand_int_range(r, 0, bits == 64 ? 4 : 3), size = 1u << kind;
    uint64_t base = bits == 16 ? 0 : INSN_BUFFER;
    bool down = !g_rand_int_range(r, 0, 4);

    *q = (Sequence){ .bits = bits };
    if (g_rand_int_range(r, 0, 8)) {
        q->bytes[q->len++] = g_rand_boolean(r) ? 0xf3 : 0xf2;
    }
    if (kind == (bits == 16 ? 2 : 1)) {
        q->bytes[q->len++] = 0x66;
    }
    if (kind == 3) {
        q->bytes[q->len++] = 0x48;
    }
    q->bytes[q->len++] = op | (kind > 0);
    q->at[q->ninsns++] = 0;
    q->at[q->ninsns] = q->len;
    s->gpr[R_RCX] = (uint64_t)g_rand_int_range(r, 0, (gint32)(0x1800 / size));
    s->gpr[R_RSI] = base + 20 + (uint64_t)g_rand_int_range(r, 0, 0x800) + (down ? 0x2000 : 0);
    s->gpr[R_RDI] = g_rand_boolean(r)
                        ? base + (uint64_t)g_rand_int_range(r, 0, 0x2000) + (down ? 0x1ff8 : 0)
                        : s->gpr[R_RSI] - 20 + (uint64_t)g_rand_int_range(r, 0, 40);
    s->gpr[R_RDI] = MAX(s->gpr[R_RDI], base + (down ? 0x1ff8 : 0));
    s->flags |= down ? X86_DF : 0;
}

/* Comparisons go on for a while only where memory repeats itself. */
static void make_memory(GRand *r, uint8_t *m, bool plain)
{
    uint64_t same = value(r);

    for (unsigned n = 0; n < INSN_BUFFER_SIZE; n += 8) {
        uint64_t v = plain && g_rand_int_range(r, 0, 200) ? same : value(r);

        memcpy(m + n, &v, 8);
    }
}

static bool one(Guest *g, GRand *r, unsigned bits, bool string)
{
    static uint8_t start[INSN_BUFFER_SIZE];
    InsnState before = { .fx = { [0] = 0x7f, [1] = 3, [24] = 0x80, [25] = 0x1f } }, host, ours;
    g_autofree char *text = NULL, *diff = NULL;
    Sequence q;

    make_state(r, &before, bits);
    make_memory(r, start, string && g_rand_boolean(r));
    if (string) {
        make_string(r, &q, &before, bits);
        memcpy(&before.gpr[R_RAX], start, bits == 64 ? 8 : 4);
    } else {
        sequence_make(r, &q, bits);
    }
    memcpy((void *)INSN_BUFFER, start, INSN_BUFFER_SIZE);
    memcpy(g->host + INSN_BUFFER, start, INSN_BUFFER_SIZE);
    host = ours = before;
    if (host_run(&host, &q)) {
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

/* SEQUENCE_SEED and SEQUENCE_COUNT choose others. Sequences that the host's CPU cannot run are
 * left out. */
typedef struct Case {
    const char *path, *options;
    unsigned bits;
    bool string;
} Case;

static void random_sequences(gconstpointer data)
{
    const Case *c = data;
    const char *seed = g_getenv("SEQUENCE_SEED"), *count = g_getenv("SEQUENCE_COUNT");
    GRand *r = g_rand_new_with_seed(seed ? (guint32)atoi(seed) : 20261121);
    unsigned wanted = count ? (unsigned)atoi(count) : 20000, done = 0, refused = 0;
    Guest g;

    guest_init(&g, c->options);
    while (done < wanted && !g_test_failed() && refused < wanted * 10) {
        if (one(&g, r, c->bits, c->string)) {
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
    static const Case cases[] = {
        { "/tcg/sequence/interp/64", "backend=interp", 64 },
        { "/tcg/sequence/jit/64", "backend=jit", 64 },
        { "/tcg/sequence/interp/32", "backend=interp", 32 },
        { "/tcg/sequence/jit/32", "backend=jit", 32 },
        { "/tcg/sequence/interp/16", "backend=interp", 16 },
        { "/tcg/sequence/jit/16", "backend=jit", 16 },
        { "/tcg/string/interp/64", "backend=interp", 64, true },
        { "/tcg/string/jit/64", "backend=jit", 64, true },
        { "/tcg/string/interp/32", "backend=interp", 32, true },
        { "/tcg/string/jit/16", "backend=jit", 16, true },
    };
    bool legacy;

    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    mainloop_init();
    if (!native_init()) {
        g_printerr("the addresses of the test's buffer are taken on this host\n");
        return 77;
    }
    legacy = native_legacy_init();
    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        if (legacy || cases[n].bits == 64) {
            g_test_add_data_func(cases[n].path, &cases[n], random_sequences);
        }
    }
    return g_test_run();
}
