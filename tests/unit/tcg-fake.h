/* For tests of the JIT's backends: a target with registers and nothing else, memory behind a
 * software TLB that the test fills, what C code saw, and random blocks.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_TCG_FAKE_H
#define GLASSBOX_TESTS_UNIT_TCG_FAKE_H

#include <setjmp.h>

#include "accel/tcg/tcg_state.h"

enum { NGPR = 16, NXMM = 16 };

typedef struct Env {
    uint64_t gpr[NGPR];
    uint64_t pc;
    uint64_t cc[3];
    uint32_t cc_op, word;
    V128 xmm[NXMM];
    uint64_t field[8];
    uint64_t count;         /* turns of a block that jumps to itself */
    uint64_t pad;
} Env;

/* Indices of globals; the general registers come first. */
enum { G_CC = NGPR, G_CC_OP = NGPR + 3, G_WORD, G_XMM, G_COUNT = G_XMM + NXMM };
extern IrGlobal fake_globals[NGPR + 3 + 2 + NXMM + 1];
extern TcgFrontend fake_frontend;
/* With so many of the general registers wishing to be pinned. */
void fake_target_init(unsigned npin);

/* 16 pages, at two addresses; some are of another nature. */
enum { PAGES = 16, RAM = PAGES * 4096 };
extern const uint64_t fake_base[2];
enum { P_READ_ONLY = 8, P_WATCH, P_SLOW, P_ABSENT, P_FAULT, P_WATCH2 };

typedef struct LogEntry {
    uint64_t what, addr, value, pc;
    Env env;
} LogEntry;

/* One side: a vCPU with its memory, and what C code saw. */
typedef struct Side {
    const TcgBackend *backend;
    TcgState *tcg;
    Cpu *cpu;
    TcgCpu *tc;
    Env *env;
    void *whole;
    uint8_t *ram;
    TcgWatchPage watch[2][2];   /* by base, and by page: the maps are the same under both bases */
    LogEntry log[1024];
    unsigned nlog;
    sigjmp_buf unwind;
    TcgRunResult result;
    bool unwound;
    const void *second;         /* code that tcg_code_find() finds at PC_HIT, and its mode */
    uint64_t second_mode;
} Side;

extern Side *fake_now;      /* the side that runs */
/* Which part of the state differs; NULL if none does. The pc does not count. */
const char *fake_env_difference(const Env *x, const Env *y);

/* What blocks call. */
uint64_t fake_fn_pure(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
uint64_t fake_fn_pure0(void *env);
uint64_t fake_fn_reads(void *env, uint64_t a, uint64_t b);
uint64_t fake_fn_looks(void *env, uint64_t a);
uint64_t fake_fn_writes(void *env, uint64_t a, uint64_t b, uint64_t c);
uint64_t fake_fn_raises(void *env, uint64_t a);
uint64_t fake_fn_effect(void *env, uint64_t a);

/* Random numbers: all 64 bits; less than n; true in so many of 100 cases; near the edges of number
 * ranges. */
void random_seed(uint64_t seed);
uint64_t random_u64(void);
unsigned random_below(unsigned n);
bool random_chance(unsigned percent);
uint64_t random_interesting(void);

enum { PC_NEXT = 0x400000, PC_HIT = 0x7f1234567008 };
/* Builds a block; the same for the same seed. Returns the slot of a jump to the block itself, or
 * -1. */
int random_block(IrBlock *b, uint64_t seed);

#endif
