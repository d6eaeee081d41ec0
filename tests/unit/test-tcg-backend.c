/* The JIT's backends against each other: random IR blocks run on the interpreter, as built, and on
 * the host's code generator, after ir_analyse(), must leave equal registers, memory and exits, and
 * every piece of C code that they call must see equal state.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tcg-fake.h"

static Side *side_new(const TcgBackend *backend, uint64_t code_size)
{
    Side *s = g_new0(Side, 1);
    size_t accel = CPU_ACCEL_DISTANCE(sizeof(TcgCpu)), size = accel + sizeof(Env);
    g_autoptr(GError) err = NULL;

    s->whole = g_aligned_alloc0(1, (size + 63) & ~(size_t)63, 64);
    s->tc = s->whole;
    s->env = (Env *)((char *)s->whole + accel);
    s->cpu = cpu_from_env(s->env);
    s->cpu->env = s->env;
    s->cpu->accel = s->tc;
    s->ram = g_aligned_alloc0(1, RAM, 4096);
    s->tcg = g_new0(TcgState, 1);
    s->tcg->fe = &fake_frontend;
    s->tcg->code_size = code_size;
    s->tcg->backend = s->backend = backend;
    s->tc->tcg = s->tcg;
    s->tc->cpu = s->cpu;
    backend->init(s->tcg, s->cpu, &err);
    g_assert_no_error(err);
    return s;
}

static void side_free(Side *s)
{
    s->backend->fini(s->tcg);
    g_free(s->tcg);
    g_aligned_free(s->ram);
    g_aligned_free(s->whole);
    g_free(s);
}

static void side_fill(Side *s, uint64_t seed)
{
    uint64_t r = seed * 77 + 5;

    memset(s->tc->tlb, 0xff, sizeof(s->tc->tlb));
    for (unsigned p = 0; p < PAGES; p++) {
        for (unsigned k = 0; k < 2; k++) {
            uint64_t va = fake_base[k] + p * 4096;
            TcgTlbEntry *e = &s->tc->tlb[0][va >> 12 & (TCG_TLB_SIZE - 1)];
            uint64_t tag = va | (p == P_SLOW                     ? TCG_TLB_SLOW
                                 : p == P_WATCH || p == P_WATCH2 ? TCG_TLB_WATCH
                                                                 : 0);

            if (p == P_ABSENT || p == P_FAULT) {
                continue;
            }
            e->read = tag;
            e->write = p == P_READ_ONLY ? ~0ull : tag;
            e->addend = (uint64_t)(uintptr_t)(s->ram + p * 4096) - va;
            if (p == P_WATCH || p == P_WATCH2) {
                e->watch = &s->watch[k][p == P_WATCH2];
                s->watch[k][p == P_WATCH2].addend = e->addend;
            }
        }
    }
    random_seed(r);
    for (unsigned i = 0; i < RAM / 8; i++) {
        ((uint64_t *)(void *)s->ram)[i] = random_u64();
    }
    for (unsigned i = 0; i < TCG_PAGE_SIZE / 8; i++) {
        s->watch[0][0].map[i] = s->watch[1][0].map[i] = random_chance(3);
        s->watch[0][1].map[i] = s->watch[1][1].map[i] = random_chance(20);
    }
    memset(s->env, 0, sizeof(*s->env));
    for (unsigned i = 0; i < NGPR; i++) {
        s->env->gpr[i] = random_interesting();
    }
    for (unsigned i = 0; i < NXMM; i++) {
        for (unsigned k = 0; k < 4; k++) {
            s->env->xmm[i].l[k] = random_chance(50)
                                      ? (uint32_t)random_u64()
                                      : 0x3f800000u + (uint32_t)(random_u64() & 0xffffff);
        }
        if (random_chance(50)) {
            s->env->xmm[i].d[0] = (double)(int64_t)random_interesting();
        }
    }
    s->env->cc[0] = random_interesting();
    s->env->cc_op = (uint32_t)random_u64();
    s->env->word = (uint32_t)random_u64();
    for (unsigned i = 0; i < 8; i++) {
        s->env->field[i] = random_u64();
    }
    s->env->count = random_below(6);
    s->nlog = 0;
    s->unwound = false;
}

typedef struct Blocks {
    TcgBlock main, second;
} Blocks;

static void blocks_make(Side *s, IrBlock *ir, IrBlock *ir2, Blocks *b, uint64_t mode, bool analyse)
{
    memset(b, 0, sizeof(*b));
    b->main.pc = ir->insn[0].imm;
    b->main.ninsns = 3;
    b->second.pc = PC_HIT;
    b->second.ninsns = 1;
    b->main.mode = b->second.mode = mode;
    if (analyse) {
        ir_analyse(ir);
        ir_analyse(ir2);
    }
    if (!s->backend->compile(s->tcg, s->cpu, ir, &b->main) ||
        !s->backend->compile(s->tcg, s->cpu, ir2, &b->second)) {
        /* The buffer is full: as the execution loop does it. */
        s->backend->reset(s->tcg);
        g_assert_true(s->backend->compile(s->tcg, s->cpu, ir, &b->main));
        g_assert_true(s->backend->compile(s->tcg, s->cpu, ir2, &b->second));
    }
}

static void side_run(Side *s, Blocks *b, unsigned link, int self_slot)
{
    TcgJumpEntry *e = &s->tc->jump[tcg_jc_index(PC_HIT)];

    for (unsigned i = 0; i < TCG_JC_SIZE; i++) {
        s->tc->jump[i] = (TcgJumpEntry){ .pc = ~0ull };
    }
    s->second = b->second.code;
    s->second_mode = b->main.mode;
    if (link & 1 || s->backend == &tcg_backend_interp) {
        *e = (TcgJumpEntry){ PC_HIT, b->main.mode, b->second.code, &b->second };
    }
    for (unsigned slot = 0; slot < 2; slot++) {
        if (b->main.patch[slot] && (int)slot == self_slot && link & 6) {
            b->main.jump[slot] = &b->main;
            s->backend->link(&b->main, slot, &b->main);
        } else if (b->main.patch[slot] && link >> slot & 1 && (int)slot != self_slot) {
            b->main.jump[slot] = &b->second;
            s->backend->link(&b->main, slot, &b->second);
        } else if (b->main.patch[slot] && link & 4) {
            s->backend->link(&b->main, slot, &b->second);
            s->backend->link(&b->main, slot, NULL);
        }
    }
    fake_now = s;
    if (!sigsetjmp(s->unwind, 0)) {
        s->result = s->backend->run(s->cpu, &b->main);
    }
}

static void dump(IrBlock *ir, Side *jit, Blocks *b)
{
    g_autoptr(GString) text = g_string_new("");

    ir_dump(ir, text);
    g_string_append(text, "----\n");
    jit->backend->disas(&b->main, text);
    printf("%s\n", text->str);
    fflush(stdout);
}

static const char *difference(const Side *x, const Side *y, const Blocks *bx, const Blocks *by)
{
    static char text[300];
    const char *env;

    if (x->unwound != y->unwound) {
        return "one was left by an exception";
    }
    for (unsigned i = 0; i < MAX(x->nlog, y->nlog); i++) {
        const LogEntry *a = &x->log[i], *b = &y->log[i];

        env = fake_env_difference(&a->env, &b->env);
        if (env || a->what != b->what || a->addr != b->addr || a->value != b->value ||
            a->pc != b->pc) {
            snprintf(text, sizeof(text),
                     "entry %u of what C code saw: %llx %llx %llx %llx, %llx %llx %llx %llx, %s", i,
                     (unsigned long long)a->what, (unsigned long long)a->addr,
                     (unsigned long long)a->value, (unsigned long long)a->pc,
                     (unsigned long long)b->what, (unsigned long long)b->addr,
                     (unsigned long long)b->value, (unsigned long long)b->pc,
                     env ? env : "same state");
            return text;
        }
    }
    if (x->nlog != y->nlog) {
        return "how often C code was called";
    }
    env = fake_env_difference(x->env, y->env);
    if (env) {
        return env;
    }
    if (memcmp(x->ram, y->ram, RAM)) {
        return "memory";
    }
    if (!x->unwound) {
        if (x->result.why != y->result.why ||
            (x->result.from && x->result.slot != y->result.slot) ||
            (x->result.from == &bx->main) != (y->result.from == &by->main)) {
            snprintf(text, sizeof(text), "how the block was left: %d, %d; slots %u, %u%s",
                     x->result.why, y->result.why, x->result.slot, y->result.slot,
                     y->result.from ? "" : "; none");
            return text;
        }
        if (x->env->pc != y->env->pc && x->result.why != TCG_EXIT_HALT) {
            return "pc";
        }
    }
    if (x->tc->budget != y->tc->budget) {
        return "budget";
    }
    return NULL;
}

typedef struct Pair {
    Side *interp, *jit;
    IrBlock *ir, *ir2;
} Pair;

static Pair pair_new(const TcgBackend *backend, unsigned npin, uint64_t code_size)
{
    Pair p;

    fake_target_init(npin);
    p.interp = side_new(&tcg_backend_interp, 0);
    p.jit = side_new(backend, code_size);
    p.ir = ir_block_new(fake_globals, fake_frontend.nglobals);
    p.ir2 = ir_block_new(fake_globals, fake_frontend.nglobals);
    return p;
}

static void pair_free(Pair *p)
{
    side_free(p->interp);
    side_free(p->jit);
    ir_block_free(p->ir);
    ir_block_free(p->ir2);
}

static void gen_second(IrBlock *b)
{
    ir_block_reset(b);
    ir_insn(b, PC_HIT);
    ir_op2i(b, IR_ADD, IR_I64, IR_GLOBAL(3), IR_GLOBAL(3), 1);
    ir_mov(b, IR_I64, IR_GLOBAL(12), IR_GLOBAL(1));
    ir_exit(b, TCG_EXIT_HALT);
}

static void run_seed(Pair *p, uint64_t seed, bool verbose)
{
    uint64_t mode = seed % 5 == 0 ? TCG_MODE_COUNTED | 9 : 0x12345;
    unsigned link = (unsigned)(seed >> 3 & 7);
    Blocks bi, bj;
    const char *diff;
    int self_slot;
    char *bad;

    for (unsigned k = 0; k < 2; k++) {
        Side *s = k ? p->jit : p->interp;

        side_fill(s, seed);
        s->tc->budget = (int32_t)(seed % 13);
        s->cpu->attn = seed % 61 == 0;
        self_slot = random_block(p->ir, seed);
        gen_second(p->ir2);
        bad = ir_validate(p->ir);
        if (bad) {
            g_test_message("seed %llu: %s", (unsigned long long)seed, bad);
            dump(p->ir, p->jit, &bj);
        }
        g_assert_null(bad);
        blocks_make(s, p->ir, p->ir2, k ? &bj : &bi, mode, k);
        if (k && verbose) {
            dump(p->ir, p->jit, &bj);
        }
        side_run(s, k ? &bj : &bi, link, self_slot);
    }
    diff = difference(p->interp, p->jit, &bi, &bj);
    if (diff) {
        printf("# seed %llu differs: %s\n", (unsigned long long)seed, diff);
        if (verbose || getenv("TCG_BACKEND_DUMP")) {
            dump(p->ir, p->jit, &bj);
        }
        g_test_message("seed %llu differs: %s", (unsigned long long)seed, diff);
        g_test_fail();
    }
    if (p->interp->backend->block_free) {
        p->interp->backend->block_free(&bi.main);
        p->interp->backend->block_free(&bi.second);
    }
}

typedef struct Config {
    const char *name;
    const TcgBackend *backend;
    unsigned npin;
    uint64_t code_size;         /* 0: the usual; a small one is full quickly */
} Config;

static const Config config[] = {
    { "/tcg/backend/random/8-pinned", &tcg_backend_native, 8, 0 },
    { "/tcg/backend/random/3-pinned", &tcg_backend_native, 3, 0 },
    { "/tcg/backend/random/none-pinned", &tcg_backend_native, 0, 0 },
    { "/tcg/backend/random/plain", &tcg_backend_plain, 8, 1 << 20 },
};

/* TCG_BACKEND_SEEDS=first:count runs others than the usual ones. */
static void test_random(gconstpointer data)
{
    const Config *c = data;
    Pair p = pair_new(c->backend, c->npin, c->code_size);
    const char *seeds = getenv("TCG_BACKEND_SEEDS");
    unsigned long long first = 1, count = 4000;

    if (seeds) {
        sscanf(seeds, "%llu:%llu", &first, &count);
    }
    for (uint64_t seed = first; seed < first + count && !g_test_failed(); seed++) {
        run_seed(&p, seed, seeds && count == 1);
    }
    pair_free(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!tcg_backend_native.name) {
        g_test_skip("no code generator for this host");
        return 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(config); i++) {
        g_test_add_data_func(config[i].name, &config[i], test_random);
    }
    return g_test_run();
}
