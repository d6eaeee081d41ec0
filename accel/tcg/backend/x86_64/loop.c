/* Blocks that jump to their own start: what they read and write stays in registers from turn to
 * turn.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Globals that are not pinned and are read before they are written get a register at the head of
 * the loop. The block's ordinary entry loads them; the jump back only sees to it that each is in
 * its register again, so that a sum in a vector register never goes through memory. Those that the
 * loop writes count as dirty at its head, so all that looks at the state stores them. */
#include "accel/tcg/backend/x86_64/jit.h"

#define MAX_GPRS 3
#define MAX_XMMS 10

typedef struct Usage {
    uint64_t read_first, written;
    uint8_t uses[IR_MAX_GLOBALS];
} Usage;

static void count_operand(Usage *u, IrRef r)
{
    if (ir_is_global(r)) {
        uint64_t bit = 1ull << (r - 1);

        if (!(u->written & bit)) {
            u->read_first |= bit;
        }
        u->uses[r - 1] += u->uses[r - 1] < 255;
    }
}

/* False if it is no loop, or calls functions: those would take all registers away each time. */
static bool find_usage(const IrBlock *ir, const TcgBlock *tb, Usage *u)
{
    bool loops = false;

    for (unsigned n = 0; n < ir->ninsns; n++) {
        const IrInsn *in = &ir->insn[n];

        loops |= in->op == IR_JUMP && in->imm == tb->pc && in->sub < 2;
        if (in->op == IR_CALL) {
            return false;
        }
    }
    if (!loops) {
        return false;
    }
    memset(u, 0, sizeof(*u));
    for (unsigned n = 0; n < ir->ninsns; n++) {
        const IrInsn *in = &ir->insn[n];

        count_operand(u, in->a);
        count_operand(u, in->b);
        count_operand(u, in->c);
        count_operand(u, in->e);
        if (ir_is_global(in->d)) {
            u->written |= 1ull << (in->d - 1);
        }
    }
    return true;
}

void jit_loop_begin(Jit *j)
{
    unsigned gprs = 0, xmms = 0;
    Usage u;

    j->loop.n = 0;
    j->loop.slots = 0;
    j->loop.active = find_usage(j->ir, j->tb, &u);
    if (!j->loop.active) {
        return;
    }
    /* The most used first. */
    for (uint64_t set = u.read_first & ~j->pinned; set;) {
        unsigned best = (unsigned)__builtin_ctzll(set);
        bool vec;

        for (uint64_t s = set; s; s &= s - 1) {
            unsigned n = (unsigned)__builtin_ctzll(s);

            best = u.uses[n] > u.uses[best] ? n : best;
        }
        set &= ~(1ull << best);
        vec = val_is_vec(j, IR_GLOBAL(best));
        if (vec ? xmms++ < MAX_XMMS : gprs++ < MAX_GPRS) {
            unsigned reg = val_use(j, IR_GLOBAL(best));

            j->loop.head[j->loop.n].global = IR_GLOBAL(best);
            j->loop.head[j->loop.n].written = u.written >> best & 1;
            j->loop.head[j->loop.n++].reg = (uint8_t)reg;
            if (u.written >> best & 1) {
                j->dirty |= 1ull << best;
            }
        }
    }
}

void jit_loop_store(Jit *j)
{
    for (unsigned i = 0; i < j->loop.n; i++) {
        unsigned reg = j->loop.head[i].reg;
        const JitVal *v = &j->val[j->loop.head[i].global];

        if (j->loop.head[i].written) {
            e_rm(&j->e,
                 reg >= XMM0         ? OP_MOVUPS_STORE
                 : v->type == IR_I32 ? OP_MOV_STORE
                                     : OP_MOV_STORE | O_W,
                 reg, RBP, v->home);
        }
    }
}

static void move(Jit *j, unsigned d, unsigned s)
{
    if (d >= XMM0) {
        e_rr(&j->e, OP_MOVAPS, d, s);
    } else {
        e_mov(&j->e, O_W, d, s);
    }
}

/* A register of the class of `like` that is neither source nor target of a move. */
static unsigned spare(const Jit *j, unsigned like, const uint8_t *from, unsigned n)
{
    uint32_t set = like >= XMM0 ? XMM_MASK : j->temp_regs;

    for (unsigned i = 0; i < n; i++) {
        set &= ~REG_BIT(j->loop.head[i].reg);
        if (from[i] != NO_REG) {
            set &= ~REG_BIT(from[i]);
        }
    }
    return set ? (unsigned)__builtin_ctz(set) : NO_REG;
}

/* Brings the head's globals from wherever they are into their registers, all at once. */
static void settle(Jit *j)
{
    uint8_t from[MAX_GPRS + MAX_XMMS];
    unsigned n = j->loop.n, i, k;
    uint32_t waiting = 0;

    for (i = 0; i < n; i++) {
        const JitVal *v = &j->val[j->loop.head[i].global];

        from[i] = v->flags & VAL_CONST ? NO_REG : v->reg;
        if (from[i] != NO_REG && from[i] != j->loop.head[i].reg) {
            waiting |= 1u << i;
        }
    }
    while (waiting) {
        for (i = 0; i < n; i++) {
            if (!(waiting >> i & 1)) {
                continue;
            }
            for (k = 0; k < n && !(k != i && waiting >> k & 1 && from[k] == j->loop.head[i].reg);
                 k++) {
            }
            if (k == n) {
                break;
            }
        }
        if (i == n) {
            /* A cycle: one source steps aside. There is always a spare: more registers than the
             * head has. */
            unsigned t;

            i = (unsigned)__builtin_ctz(waiting);
            t = spare(j, from[i], from, n);
            g_assert(t != NO_REG);
            move(j, t, from[i]);
            for (k = 0; k < n; k++) {
                if (k != i && waiting >> k & 1 && from[k] == from[i]) {
                    from[k] = (uint8_t)t;
                }
            }
            from[i] = (uint8_t)t;
            continue;
        }
        move(j, j->loop.head[i].reg, from[i]);
        waiting &= ~(1u << i);
    }
    for (i = 0; i < n; i++) {
        if (from[i] == NO_REG) {
            val_load_into(j, j->loop.head[i].global, j->loop.head[i].reg);
        }
    }
}

void jit_loop_back(Jit *j)
{
    uint64_t carried = 0;

    for (unsigned i = 0; i < j->loop.n; i++) {
        carried |= 1ull << (j->loop.head[i].global - 1);
    }
    /* What the loop does not write is in its home anyway. */
    val_store_globals(j, ~(j->pinned | carried));
    settle(j);
}
