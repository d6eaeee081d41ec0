/* Where values are while a block is compiled: registers, homes in memory, constants.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

/* General registers in the order they are given out: the ones that instructions want by name come
 * last. */
static const uint8_t give_order[] = { RSI, RDI, R8,  RDX, RCX, RAX, RBX,
                                      R12, R13, R14, R15, R9,  R10, R11 };

static inline uint64_t global_bit(IrRef r)
{
    return 1ull << (r - 1);
}

static inline bool is_dirty(const Jit *j, IrRef r)
{
    return ir_is_global(r) ? j->dirty >> (r - 1) & 1 : j->val[r].flags & VAL_DIRTY;
}

static inline void set_dirty(Jit *j, IrRef r)
{
    if (ir_is_global(r)) {
        j->dirty |= global_bit(r);
    } else {
        j->val[r].flags |= VAL_DIRTY;
    }
}

static inline void set_clean(Jit *j, IrRef r)
{
    if (ir_is_global(r)) {
        j->dirty &= ~global_bit(r);
    } else {
        j->val[r].flags &= (uint8_t)~VAL_DIRTY;
    }
}

static inline uint32_t class_of(const Jit *j, IrRef r)
{
    return val_is_vec(j, r) ? XMM_MASK : j->temp_regs;
}

static inline unsigned home_base(IrRef r)
{
    return ir_is_global(r) ? RBP : RSP;
}

static void link_to(Jit *j, IrRef r, unsigned reg)
{
    JitVal *v = &j->val[r];

    v->reg = (uint8_t)reg;
    v->next = j->head[reg];
    j->head[reg] = r;
    j->used |= REG_BIT(reg);
}

static void unlink_from(Jit *j, IrRef r)
{
    JitVal *v = &j->val[r];
    uint16_t *p;

    if (v->reg == NO_REG) {
        return;
    }
    for (p = &j->head[v->reg]; *p != r; p = &j->val[*p].next) {
    }
    *p = v->next;
    if (!j->head[v->reg]) {
        j->used &= ~REG_BIT(v->reg);
    }
    v->reg = NO_REG;
}

static void touch(Jit *j, unsigned reg)
{
    j->stamp[reg] = j->at;
    j->locked |= REG_BIT(reg);
}

void val_begin(Jit *j, const IrBlock *ir)
{
    memcpy(j->val, j->template, (ir->nglobals + 1) * sizeof(JitVal));
    memset(j->head, 0, sizeof(j->head));
    j->used = j->pin_regs;
    j->dirty = j->pinned;
    j->locked = 0;
    j->next_slot = FRAME_SLOTS;
    j->nlocals = 0;
    jit_flags_unknown(j);
    for (unsigned i = 0; i < j->npin; i++) {
        j->head[j->pin[i].reg] = j->pin[i].global;
        j->version[j->pin[i].reg] = ++j->nversions;
    }
    for (unsigned r = IR_MAX_GLOBALS + 1; r < ir->nvalues; r++) {
        const IrValue *v = &ir->value[r];

        j->val[r] = (JitVal){ .reg = NO_REG, .kind = v->kind, .type = v->type };
        if (v->kind == IR_VAL_CONST) {
            j->val[r].flags = VAL_CONST;
            j->val[r].k = v->value;
        } else if (v->kind == IR_VAL_LOCAL) {
            if (j->nlocals == j->local_cap) {
                j->local_cap = j->local_cap ? 2 * j->local_cap : 64;
                j->local = g_renew(IrRef, j->local, j->local_cap);
            }
            j->local[j->nlocals++] = (IrRef)r;
            j->val[r].home = j->next_slot;
            j->next_slot += 16;
        }
    }
}

void jit_load_const(Jit *j, unsigned reg, uint64_t k)
{
    if (k == 0 && j->flags.kind == FLAGS_UNKNOWN) {
        e_alu(&j->e, ALU_XOR, 0, reg, reg);
    } else {
        e_mov_imm(&j->e, reg, k);
    }
}

/* A 64-bit constant that no instruction can store at once. */
static void store_wide_const(Jit *j, uint64_t k, unsigned base, int32_t disp)
{
    uint32_t free = j->no_scratch ? 0 : j->temp_regs & ~j->used & ~j->locked;

    if (free) {
        unsigned t = (unsigned)__builtin_ctz(free);

        e_mov_imm(&j->e, t, k);
        e_store(&j->e, t, base, disp);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        e_rm(&j->e, 0xc7, 0, base, disp + 4 * (int32_t)i);
        e32(&j->e, (uint32_t)(k >> (32 * i)));
    }
}

void val_emit_store(Jit *j, IrRef r)
{
    JitVal *v = &j->val[r];
    unsigned base = home_base(r), w = v->type == IR_I32 ? 0 : O_W;

    if (!v->home) {
        v->home = j->next_slot;
        j->next_slot += 16;
    }
    if (v->reg != NO_REG) {
        if (v->reg >= XMM0) {
            e_rm(&j->e, OP_MOVUPS_STORE, v->reg, base, v->home);
        } else {
            e_rm(&j->e, OP_MOV_STORE | w, v->reg, base, v->home);
        }
    } else if (!w || fits32((int64_t)v->k)) {
        e_rm(&j->e, 0xc7 | w, 0, base, v->home);
        e32(&j->e, (uint32_t)v->k);
    } else {
        store_wide_const(j, v->k, base, v->home);
    }
}

void val_store(Jit *j, IrRef r)
{
    if (is_dirty(j, r)) {
        val_emit_store(j, r);
        set_clean(j, r);
    }
}

void val_store_globals(Jit *j, uint64_t set)
{
    for (set &= j->dirty; set; set &= set - 1) {
        val_emit_store(j, IR_GLOBAL(__builtin_ctzll(set)));
        j->dirty &= ~(set & -set);
    }
}

void val_store_locals(Jit *j)
{
    for (unsigned i = 0; i < j->nlocals; i++) {
        val_store(j, j->local[i]);
    }
}

void val_emit_exact(Jit *j)
{
    /* Registers that are free now may have got something by the time a slow path is entered. */
    j->no_scratch = true;
    for (uint64_t set = j->dirty & ~j->pinned; set; set &= set - 1) {
        val_emit_store(j, IR_GLOBAL(__builtin_ctzll(set)));
    }
    j->no_scratch = false;
}

void val_evict(Jit *j, unsigned reg)
{
    while (j->head[reg]) {
        IrRef r = j->head[reg];

        if (!val_const(j, r)) {
            val_store(j, r);
        }
        unlink_from(j, r);
    }
}

unsigned val_alloc(Jit *j, uint32_t mask)
{
    uint32_t can = mask & ~j->locked, free = can & ~j->used;
    unsigned best = NO_REG;

    if (free & XMM_MASK) {
        best = (unsigned)__builtin_ctz(free);
    } else if (free) {
        for (const uint8_t *p = give_order;; p++) {
            if (free & REG_BIT(*p)) {
                best = *p;
                break;
            }
        }
    } else {
        g_assert(can);
        for (; can; can &= can - 1) {
            unsigned reg = (unsigned)__builtin_ctz(can);

            if (best == NO_REG || j->stamp[reg] < j->stamp[best]) {
                best = reg;
            }
        }
        val_evict(j, best);
    }
    touch(j, best);
    return best;
}

/* All values in `from` but one go to a free register, or home if there is none. */
static void move_sharers(Jit *j, unsigned from, IrRef except)
{
    uint32_t free = (from >= XMM0 ? XMM_MASK : j->temp_regs) & ~j->used & ~j->locked;
    unsigned to = NO_REG;
    IrRef next;

    for (IrRef r = j->head[from]; r; r = next) {
        next = j->val[r].next;
        if (r == except) {
            continue;
        }
        unlink_from(j, r);
        if (val_const(j, r) || !is_dirty(j, r)) {
            continue;
        }
        if (to == NO_REG && free) {
            to = (unsigned)(from >= XMM0 ? __builtin_ctz(free) : 31 - __builtin_clz(free));
            if (from >= XMM0) {
                e_rr(&j->e, OP_MOVAPS, to, from);
            } else {
                e_mov(&j->e, O_W, to, from);
            }
            j->version[to] = j->version[from];
            j->stamp[to] = j->stamp[from];
        }
        if (to != NO_REG) {
            link_to(j, r, to);
        } else {
            j->val[r].reg = (uint8_t)from;
            val_emit_store(j, r);
            set_clean(j, r);
            j->val[r].reg = NO_REG;
        }
    }
}

void val_take(Jit *j, unsigned reg)
{
    g_assert(!(j->locked & REG_BIT(reg)));
    j->locked |= REG_BIT(reg);
    if (j->head[reg]) {
        move_sharers(j, reg, IR_NONE);
    }
    touch(j, reg);
}

/* Emits the load of a value from its home or as a constant. */
static void load_value(Jit *j, IrRef r, unsigned reg)
{
    JitVal *v = &j->val[r];

    if (v->flags & VAL_CONST) {
        jit_load_const(j, reg, v->k);
    } else if (!v->home) {
        /* A temporary that was never assigned. */
        if (reg >= XMM0) {
            e_rr(&j->e, OP_PXOR, reg, reg);
        } else {
            jit_load_const(j, reg, 0);
        }
    } else if (reg >= XMM0) {
        e_rm(&j->e, OP_MOVUPS_LOAD, reg, home_base(r), v->home);
    } else if (v->type == IR_I32) {
        e_rm(&j->e, OP_MOV_LOAD, reg, home_base(r), v->home);
        v->flags |= VAL_Z32;
    } else {
        e_load(&j->e, reg, home_base(r), v->home);
    }
    j->version[reg] = ++j->nversions;
}

void val_load_into(Jit *j, IrRef r, unsigned reg)
{
    uint32_t version = j->version[reg];

    load_value(j, r, reg);
    j->version[reg] = version;
}

unsigned val_use(Jit *j, IrRef r)
{
    JitVal *v = &j->val[r];

    if (v->reg == NO_REG) {
        unsigned reg = val_alloc(j, class_of(j, r));

        load_value(j, r, reg);
        link_to(j, r, reg);
    }
    touch(j, v->reg);
    return v->reg;
}

void val_kill(Jit *j, IrRef r)
{
    JitVal *v = &j->val[r];

    if (v->pinned) {
        return;
    }
    unlink_from(j, r);
    if (v->kind != IR_VAL_CONST) {
        v->flags = 0;
        set_clean(j, r);
    }
}

void val_deaths(Jit *j, const IrInsn *in)
{
    if (!(in->life & 15)) {
        return;
    }
    if (in->life & IR_LIFE_A) {
        val_kill(j, in->a);
    }
    if (in->life & IR_LIFE_B) {
        val_kill(j, in->b);
    }
    if (in->life & IR_LIFE_C) {
        val_kill(j, in->c);
    }
    if (in->life & IR_LIFE_E) {
        val_kill(j, in->e);
    }
}

unsigned val_dest2(Jit *j, IrRef d, unsigned prefer, unsigned prefer2)
{
    JitVal *v = &j->val[d];

    if (v->pinned) {
        if (v->next || j->head[v->reg] != d) {
            move_sharers(j, v->reg, d);
        }
        touch(j, v->reg);
        return v->reg;
    }
    val_kill(j, d);
    if (prefer == NO_REG || !reg_is_free(j, prefer)) {
        prefer = prefer2;
    }
    if (prefer != NO_REG && reg_is_free(j, prefer)) {
        touch(j, prefer);
        return prefer;
    }
    return val_alloc(j, class_of(j, d));
}

unsigned val_dest(Jit *j, IrRef d, unsigned prefer)
{
    return val_dest2(j, d, prefer, NO_REG);
}

void val_set(Jit *j, IrRef d, unsigned reg, unsigned flags)
{
    JitVal *v = &j->val[d];

    if (v->type == IR_I32 && !(flags & VAL_Z32)) {
        e_mov(&j->e, 0, reg, reg);
        flags |= VAL_Z32;
    }
    if (!v->pinned) {
        link_to(j, d, reg);
    }
    v->flags = (uint8_t)flags;
    set_dirty(j, d);
    j->version[reg] = ++j->nversions;
}

void val_set_moved(Jit *j, IrRef d, unsigned reg, unsigned flags)
{
    unsigned rd = val_dest(j, d, reg);

    if (rd != reg) {
        if (rd >= XMM0) {
            e_rr(&j->e, OP_MOVAPS, rd, reg);
        } else {
            e_mov(&j->e, O_W, rd, reg);
        }
    }
    val_set(j, d, rd, flags);
}

void val_set_const(Jit *j, IrRef d, uint64_t k)
{
    JitVal *v = &j->val[d];

    if (v->type == IR_I32) {
        k = (uint32_t)k;
    }
    if (v->pinned) {
        unsigned reg = val_dest(j, d, NO_REG);

        jit_load_const(j, reg, k);
        j->version[reg] = ++j->nversions;
        v->flags = VAL_CONST;
    } else {
        val_kill(j, d);
        v->flags = VAL_CONST;
    }
    v->k = k;
    set_dirty(j, d);
}

void val_copy(Jit *j, IrRef d, IrRef a)
{
    JitVal *v = &j->val[d], *s = &j->val[a];
    uint8_t z32;

    if (d == a) {
        return;
    }
    if (!v->pinned) {
        unsigned reg = val_use(j, a);

        z32 = s->flags & VAL_Z32;
        val_kill(j, d);
        link_to(j, d, reg);
    } else if (s->reg == v->reg) {
        z32 = s->flags & VAL_Z32;
    } else {
        val_dest(j, d, NO_REG);
        if (s->reg == NO_REG) {
            load_value(j, a, v->reg);
        } else {
            e_mov(&j->e, O_W, v->reg, s->reg);
            j->version[v->reg] = j->version[s->reg];
        }
        z32 = s->flags & VAL_Z32;
    }
    v->flags = z32;
    set_dirty(j, d);
}

void val_only_pinned(Jit *j, unsigned reg, IrRef global)
{
    IrRef next;

    for (IrRef r = j->head[reg]; r; r = next) {
        next = j->val[r].next;
        if (r != global) {
            unlink_from(j, r);
        }
    }
}

void val_drop_all(Jit *j)
{
    for (uint32_t set = j->used & ~j->pin_regs; set; set &= set - 1) {
        unsigned reg = (unsigned)__builtin_ctz(set);

        while (j->head[reg]) {
            unlink_from(j, j->head[reg]);
        }
    }
    for (unsigned i = 0; i < j->npin; i++) {
        val_only_pinned(j, j->pin[i].reg, j->pin[i].global);
    }
}

void val_canonical(Jit *j)
{
    val_drop_all(j);
    memcpy(j->val, j->template, (j->ir->nglobals + 1) * sizeof(JitVal));
    j->dirty = j->pinned;
    for (unsigned i = 0; i < j->npin; i++) {
        j->version[j->pin[i].reg] = ++j->nversions;
    }
    for (unsigned i = 0; i < j->nlocals; i++) {
        j->val[j->local[i]].flags = 0;
    }
    jit_flags_unknown(j);
}

void val_globals_reload(Jit *j, uint64_t set)
{
    for (unsigned n = 0; n < j->ir->nglobals; n++) {
        JitVal *v = &j->val[IR_GLOBAL(n)];

        if (!(set >> n & 1)) {
            continue;
        }
        if (v->pinned) {
            move_sharers(j, v->reg, IR_GLOBAL(n));
            e_load(&j->e, v->reg, RBP, v->home);
            j->version[v->reg] = ++j->nversions;
        } else {
            unlink_from(j, IR_GLOBAL(n));
        }
        v->flags = 0;
    }
    j->dirty &= ~set;
}

bool val_snapshot(Jit *j, int label)
{
    for (unsigned i = 0; i < JIT_SNAPSHOTS; i++) {
        JitSnapshot *s = &j->snapshot[i];

        if (s->label < 0) {
            s->label = label;
            memcpy(s->val, j->val, (j->ir->nglobals + 1) * sizeof(JitVal));
            memcpy(s->version, j->version, sizeof(s->version));
            s->dirty = j->dirty;
            s->flags = j->flags;
            return true;
        }
    }
    return false;
}

bool val_restore(Jit *j, int label)
{
    JitSnapshot *s = j->snapshot;

    while (s->label != label) {
        if (++s == j->snapshot + JIT_SNAPSHOTS) {
            return false;
        }
    }
    s->label = -1;
    val_canonical(j);
    memset(j->head, 0, sizeof(j->head));
    j->used = j->pin_regs;
    memcpy(j->val, s->val, (j->ir->nglobals + 1) * sizeof(JitVal));
    memcpy(j->version, s->version, sizeof(s->version));
    j->dirty = s->dirty;
    j->flags = s->flags;
    for (unsigned n = 0; n < j->ir->nglobals; n++) {
        if (j->val[IR_GLOBAL(n)].reg != NO_REG) {
            link_to(j, IR_GLOBAL(n), j->val[IR_GLOBAL(n)].reg);
        }
    }
    return true;
}
