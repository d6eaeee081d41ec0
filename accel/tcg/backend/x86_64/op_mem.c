/* Guest memory: the software TLB in line, with its slow path out of line.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The slow path is laid down in two parts. The first, before the fast path touches anything: stores
 * of what is dirty, the arguments, the call of a shared piece that keeps all registers (thunks.c).
 * The second, when the result's register is known: the result from the frame, and back. Between
 * them nothing else goes to the cold half. Registers that the fast path chooses after the first
 * part may only be written behind the check. */
#include "accel/tcg/backend/x86_64/jit.h"

typedef struct Access {
    const IrInsn *in;
    unsigned ra; /* address before the displacement; NO_REG: the displacement is all */
    int32_t disp;
    bool known;                 /* the address is a constant, k before the displacement */
    uint64_t k;
    unsigned t1, t2; /* t1 becomes the addend; t2 is scratch, NO_REG if a check was made before */
    unsigned sz, mop;
    bool write;                 /* the write tag counts */
    int32_t first, end;         /* the stretch to be checked, as displacements */
    unsigned align;             /* bits that must be 0 in the address of its end */
    bool same_place;            /* all of the group is where the first access is, and of its kind */
    IrRef addend;               /* value of the group's, IR_NONE if it is alone */
    const uint8_t *slow;        /* first part of the slow path */
    uint8_t *miss;              /* the jump taken when the tag is another; NULL: patched already */
    const uint8_t *hit;         /* where the access goes on with the addend in t1 */
} Access;

/* Operands that all accesses have. Takes two scratch registers, so it comes after val_use() of the
 * others. */
static void access_begin(Jit *j, Access *m, const IrInsn *in, bool write)
{
    *m = (Access){ .in = in, .disp = (int32_t)in->imm, .sz = in->mop & MO_SIZE, .mop = in->mop,
                   .write = write || in->mop & MO_WRITE };
    if (val_const(j, in->a)) {
        int64_t whole = (int64_t)(j->val[in->a].k + (uint64_t)(int64_t)m->disp);

        m->known = true;
        if (whole > INT32_MIN + 8192 && whole < INT32_MAX - 8192) {
            m->disp = (int32_t)whole;
            m->ra = NO_REG;
        } else {
            m->k = j->val[in->a].k;
            m->ra = val_use(j, in->a);
        }
    } else {
        m->ra = val_use(j, in->a);
    }
    m->first = m->disp;
    m->end = (int32_t)((uint32_t)m->disp + (1u << m->sz));
    m->align = m->mop & MO_ALIGN ? (1u << m->sz) - 1 : 0;
}

/* Registers for a check of its own. */
static void access_scratch(Jit *j, Access *m)
{
    m->t1 = val_scratch(j);
    m->t2 = val_scratch(j);
}

/* The same for loads and stores, which can be in a group. */
static void access_begin_grouped(Jit *j, Access *m, const IrInsn *in, bool write)
{
    unsigned g = j->group_of[j->at];
    JitGroup *grp = &j->group[g];

    access_begin(j, m, in, write);
    if (!g || grp->count == 1) {
        access_scratch(j, m);
        return;
    }
    m->addend = jit_group_value(g);
    if (grp->started) {
        m->t1 = val_use(j, m->addend);
        m->t2 = NO_REG;
        return;
    }
    access_scratch(j, m);
    grp->started = true;
    j->val[m->addend] = (JitVal){ .reg = NO_REG, .kind = IR_VAL_TEMP, .type = IR_I64 };
    m->same_place = grp->first == grp->leader && grp->end == grp->leader + (1 << m->sz) &&
                    m->align == grp->align && m->write == grp->write;
    m->write = grp->write;
    m->first = (int32_t)(m->disp + (grp->first - grp->leader));
    m->end = (int32_t)(m->disp + (grp->end - grp->leader));
    m->end += (int32_t)((uint64_t)(grp->align_at - grp->end) & grp->align);
    m->align = grp->align;
}

/* After the access: the addend lives until the last access of the group. */
static void access_done(Jit *j, Access *m)
{
    if (!m->addend) {
        return;
    }
    if (m->t2 != NO_REG) {
        val_set(j, m->addend, m->t1, 0);
    }
    if (j->group[j->group_of[j->at]].last_insn == j->at) {
        val_kill(j, m->addend);
    }
}

static void frame_store_imm(Jit *j, unsigned w, int32_t at, uint32_t v)
{
    e_rm(&j->e, 0xc7 | w, 0, RSP, at);
    e32(&j->e, v);
}

/* The value operand of a store, for the slow path. */
static void frame_value(Jit *j, int32_t at, unsigned reg, int32_t imm)
{
    if (reg == NO_REG) {
        frame_store_imm(j, O_W, at, (uint32_t)imm);
    } else if (reg >= XMM0) {
        e_rm(&j->e, OP_MOVUPS_STORE, reg, RSP, at);
    } else {
        e_store(&j->e, reg, RSP, at);
    }
}

/* First part; leaves the emitter in the cold half after the values have been put by the caller. */
static void slow_begin(Jit *j, Access *m)
{
    jit_cold_begin(j);
    m->slow = j->e.p;
    val_emit_exact(j);
    if (m->ra == NO_REG) {
        frame_store_imm(j, O_W, FRAME_ADDR, (uint32_t)m->disp);
        return;
    }
    e_store(&j->e, m->ra, RSP, FRAME_ADDR);
    if (m->disp) {
        e_rm(&j->e, (fits8(m->disp) ? 0x83 : 0x81) | O_W, ALU_ADD, RSP, FRAME_ADDR);
        if (fits8(m->disp)) {
            e8(&j->e, (uint8_t)m->disp);
        } else {
            e32(&j->e, (uint32_t)m->disp);
        }
    }
}

static void slow_call(Jit *j, Access *m, SlowKind kind, unsigned amo)
{
    uint32_t mop = TCG_MOP_MMU(m->mop, m->in->sub) | amo << 24;

    if (j->used & XMM_MASK) {
        mop |= FRAME_MOP_XMM;
    }
    frame_store_imm(j, 0, FRAME_MOP, mop);
    if (fits32((int64_t)j->pc)) {
        frame_store_imm(j, O_W, FRAME_PC, (uint32_t)j->pc);
    } else {
        frame_store_imm(j, 0, FRAME_PC, (uint32_t)j->pc);
        frame_store_imm(j, 0, FRAME_PC + 4, (uint32_t)(j->pc >> 32));
    }
    e_call(&j->e, j->slow[kind][m->sz][m->in->sub]);
    jit_cold_end(j);
}

/* Second part, after the result (if any) has been fetched in the cold half. */
static void slow_end(Jit *j, const Access *m)
{
    if (m->addend && m->t2 != NO_REG) {
        if (m->same_place) {
            e_load(&j->e, m->t1, RSP, FRAME_ADDEND);
        } else {
            e_alu(&j->e, ALU_XOR, 0, m->t1, m->t1);
        }
    }
    e_jmp(&j->e, j->cold);
    jit_cold_end(j);
}

/* The check of an address that is known: the entry is, too. */
static void tlb_check_known(Jit *j, Access *m)
{
    uint64_t first = m->k + (uint64_t)(int64_t)m->first,
             last = m->k + (uint64_t)(int64_t)m->end - 1;
    uint64_t page = last & TCG_PAGE_MASK;
    int32_t entry = j->tlb_disp[m->in->sub] +
                    (int32_t)((first >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1)) * sizeof(TcgTlbEntry));
    int32_t tag =
        entry + (int32_t)(m->write ? offsetof(TcgTlbEntry, write) : offsetof(TcgTlbEntry, read));

    if ((first & TCG_PAGE_MASK) != page || (last + 1) & m->align) {
        e_jmp(&j->e, m->slow);
    } else if (fits32((int64_t)page)) {
        e_rm(&j->e, 0x81 | O_W, ALU_CMP, RBP, tag);
        e32(&j->e, (uint32_t)page);
        m->miss = e_jcc(&j->e, CC_NE);
    } else {
        e_mov_imm(&j->e, m->t2, page);
        e_rm(&j->e, 0x3b | O_W, m->t2, RBP, tag);
        m->miss = e_jcc(&j->e, CC_NE);
    }
    e_load(&j->e, m->t1, RBP, entry + (int32_t)offsetof(TcgTlbEntry, addend));
    m->hit = j->e.p;
}

/* Index, tag comparison, addend into t1. In a group, later: is there an addend? */
static void tlb_check(Jit *j, Access *m)
{
    int32_t tlb = j->tlb_disp[m->in->sub], last = m->end - 1 - (int32_t)m->align;

    _Static_assert(sizeof(TcgTlbEntry) == 32, "the index is scaled by a shift");
    jit_flags_unknown(j);
    if (m->t2 == NO_REG) {
        e_rr(&j->e, OP_TEST | O_W, m->t1, m->t1);
        e_patch(e_jcc(&j->e, CC_E), m->slow);
        return;
    }
    if (m->known) {
        tlb_check_known(j, m);
        return;
    }
    if (m->first) {
        e_rm(&j->e, OP_LEA | O_W, m->t1, m->ra, m->first);
        e_shift_imm(&j->e, SH_SHR, O_W, m->t1, TCG_PAGE_BITS - 5);
    } else if (j->bmi2) {
        e_vex(&j->e, OP_RORX | O_W, m->t1, 0, 0, m->ra);
        e_modrm_rr(&j->e, m->t1, m->ra);
        e8(&j->e, TCG_PAGE_BITS - 5);
    } else {
        e_mov(&j->e, O_W, m->t1, m->ra);
        e_shift_imm(&j->e, SH_SHR, O_W, m->t1, TCG_PAGE_BITS - 5);
    }
    if (last) {
        e_rm(&j->e, OP_LEA | O_W, m->t2, m->ra, last);
    } else {
        e_mov(&j->e, O_W, m->t2, m->ra);
    }
    e_alu_imm(&j->e, ALU_AND, 0, m->t1, (TCG_TLB_SIZE - 1) << 5);
    e_alu_imm(&j->e, ALU_AND, O_W, m->t2, (int32_t)(TCG_PAGE_MASK | m->align));
    e_rmx(&j->e, 0x3b | O_W, m->t2, RBP, m->t1, 0,
          tlb + (int32_t)(m->write ? offsetof(TcgTlbEntry, write) : offsetof(TcgTlbEntry, read)));
    m->miss = e_jcc(&j->e, CC_NE);
    e_rmx(&j->e, OP_MOV_LOAD | O_W, m->t1, RBP, m->t1, 0,
          tlb + (int32_t)offsetof(TcgTlbEntry, addend));
    m->hit = j->e.p;
}

/* Atomic accesses leave everything out of the ordinary to C. */
static void tlb_miss_is_slow(Access *m)
{
    if (m->miss) {
        e_patch(m->miss, m->slow);
    }
}

/* Compares `n` bytes of a page's map (its address in t2) with zero, from index t1 (NO_REG: none) +
 * at. */
static void map_compare(Jit *j, const Access *m, unsigned index, int32_t at, unsigned n)
{
    unsigned op = n > 4 ? 0x83 | O_W : n > 2 ? 0x83 : n > 1 ? 0x83 | O_66 : 0x80;
    int32_t disp = (int32_t)offsetof(TcgWatchPage, map) + at;

    if (index == NO_REG) {
        e_rm(&j->e, op, ALU_CMP, m->t2, disp);
    } else {
        e_rmx(&j->e, op, ALU_CMP, m->t2, index, 0, disp);
    }
    e8(&j->e, 0);
    e_patch(e_jcc(&j->e, CC_NE), m->slow);
}

/* Is the tag the page's with the watch flag? t2: the page as the fast path left it, then its map.
 */
static void watch_tag_known(Jit *j, const Access *m)
{
    uint64_t first = m->k + (uint64_t)(int64_t)m->first,
             last = m->k + (uint64_t)(int64_t)m->end - 1;
    int32_t entry = j->tlb_disp[m->in->sub] +
                    (int32_t)((first >> TCG_PAGE_BITS & (TCG_TLB_SIZE - 1)) * sizeof(TcgTlbEntry));

    e_mov_imm(&j->e, m->t2, (last & TCG_PAGE_MASK) | TCG_TLB_WATCH);
    e_rm(&j->e, 0x3b | O_W, m->t2, RBP,
         entry + (int32_t)(m->write ? offsetof(TcgTlbEntry, write) : offsetof(TcgTlbEntry, read)));
    e_patch(e_jcc(&j->e, CC_NE), m->slow);
    e_load(&j->e, m->t2, RBP, entry + (int32_t)offsetof(TcgTlbEntry, watch));
    map_compare(j, m, NO_REG, (int32_t)((first & ~TCG_PAGE_MASK) / 8),
                (unsigned)((last & ~TCG_PAGE_MASK) / 8 - (first & ~TCG_PAGE_MASK) / 8 + 1));
}

static void watch_tag(Jit *j, const Access *m)
{
    int32_t tlb = j->tlb_disp[m->in->sub];

    e_alu_imm(&j->e, ALU_OR, O_W, m->t2, TCG_TLB_WATCH);
    e_rmx(&j->e, 0x3b | O_W, m->t2, RBP, m->t1, 0,
          tlb + (int32_t)(m->write ? offsetof(TcgTlbEntry, write) : offsetof(TcgTlbEntry, read)));
    e_patch(e_jcc(&j->e, CC_NE), m->slow);
    e_rmx(&j->e, OP_MOV_LOAD | O_W, m->t2, RBP, m->t1, 0,
          tlb + (int32_t)offsetof(TcgTlbEntry, watch));
    e_rm(&j->e, OP_LEA | O_W, m->t1, m->ra, m->first);
    e_shift_imm(&j->e, SH_SHR, 0, m->t1, 3);
    e_alu_imm(&j->e, ALU_AND, 0, m->t1, TCG_PAGE_SIZE / 8 - 1);
    map_compare(j, m, m->t1, 0, (unsigned)(m->end - m->first + 14) / 8);
}

/* Out of line, when the tag is not the bare page: an access beside data points goes on from here.
 * What is near one (the map is coarse, and a group's stretch is tested as a whole) takes the slow
 * path, which looks closely. */
static void watch_path(Jit *j, const Access *m)
{
    if (!m->miss) {
        return;
    }
    if (m->end - m->first > 48) {
        e_patch(m->miss, m->slow);
        return;
    }
    jit_cold_begin(j);
    e_patch(m->miss, j->e.p);
    if (m->known) {
        watch_tag_known(j, m);
    } else {
        watch_tag(j, m);
    }
    e_load(&j->e, m->t1, m->t2, (int32_t)offsetof(TcgWatchPage, addend));
    e_jmp(&j->e, m->hit);
    jit_cold_end(j);
}

void jit_ld(Jit *j, const IrInsn *in)
{
    bool vec = in->mop & MO_VEC || (in->mop & MO_SIZE) == MO_128;
    unsigned op = jit_load_opcode(in->mop), rd;
    Access m;

    access_begin_grouped(j, &m, in, false);
    slow_begin(j, &m);
    slow_call(j, &m, vec ? SLOW_LOAD_V : in->mop & MO_WRITE ? SLOW_LOAD_W : SLOW_LOAD, 0);
    val_deaths(j, in);
    rd = val_dest(j, in->d, vec ? NO_REG : m.t2);
    tlb_check(j, &m);
    e_rmx(&j->e, op, rd, m.t1, m.ra, 0, m.disp);
    jit_cold_begin(j);
    e_rm(&j->e, op, rd, RSP, FRAME_RESULT);
    slow_end(j, &m);
    watch_path(j, &m);
    access_done(j, &m);
    val_set(j, in->d, rd, jit_load_zero_extends(in->mop) ? VAL_Z32 : 0);
}

void jit_st(Jit *j, const IrInsn *in)
{
    bool vec = in->mop & MO_VEC || (in->mop & MO_SIZE) == MO_128;
    unsigned rv = NO_REG;
    int32_t imm = 0;
    Access m;

    if (vec || !val_imm(j, in->b, (in->mop & MO_SIZE) == MO_64, &imm)) {
        rv = val_use(j, in->b);
    }
    access_begin_grouped(j, &m, in, true);
    slow_begin(j, &m);
    frame_value(j, FRAME_VALUE, rv, imm);
    slow_call(j, &m, vec ? SLOW_STORE_V : SLOW_STORE, 0);
    tlb_check(j, &m);
    if (rv == NO_REG) {
        e_rmx(&j->e, jit_store_imm_opcode(m.sz), 0, m.t1, m.ra, 0, m.disp);
        e_imm(&j->e, m.sz, imm);
    } else {
        e_rmx(&j->e, jit_store_opcode(m.sz, vec), rv, m.t1, m.ra, 0, m.disp);
    }
    jit_cold_begin(j);
    slow_end(j, &m);
    watch_path(j, &m);
    access_done(j, &m);
    val_deaths(j, in);
}

/* An opcode whose byte form is one less than its word form. */
static unsigned sized(unsigned op, unsigned sz)
{
    return sz == MO_8 ? (op - 1) | O_R8 : sz == MO_16 ? op | O_66 : sz == MO_64 ? op | O_W : op;
}

/* A value of the access's size in RAX (its upper part may be anything) becomes the result in rd. */
static void extend_result(Jit *j, const IrInsn *in, unsigned rd, unsigned from)
{
    unsigned op = jit_load_opcode(in->mop);

    if ((in->mop & MO_SIZE) == MO_8) {
        op |= O_M8;
    }
    e_rr(&j->e, op, rd, from);
}

/* AND, OR, XOR with the old value wanted: a loop of compare and exchange. */
static void amo_loop(Jit *j, const Access *m, unsigned alu, unsigned rv)
{
    unsigned w = m->sz == MO_64 ? O_W : 0;
    const uint8_t *again;

    e_rmx(&j->e, OP_LEA | O_W, m->t1, m->t1, m->ra, 0, m->disp);
    e_rm(&j->e,
         m->sz == MO_8    ? OP_MOVZX8
         : m->sz == MO_16 ? OP_MOVZX16
                          : OP_MOV_LOAD | w,
         RAX, m->t1, 0);
    again = j->e.p;
    e_mov(&j->e, w, m->t2, RAX);
    e_alu(&j->e, alu, w, m->t2, rv);
    e_rm(&j->e, sized(OP_CMPXCHG, m->sz) | O_LOCK, m->t2, m->t1, 0);
    e_patch(e_jcc(&j->e, CC_NE), again);
}

void jit_amo(Jit *j, const IrInsn *in)
{
    static const uint8_t alu[] = {
        [IR_AMO_ADD] = ALU_ADD, [IR_AMO_AND] = ALU_AND, [IR_AMO_OR] = ALU_OR, [IR_AMO_XOR] = ALU_XOR
    };
    bool unused = !in->d || in->life & IR_LIFE_D_DEAD;
    unsigned rv, rd = NO_REG, w;
    Access m;

    val_take(j, RAX);
    rv = val_use(j, in->b);
    access_begin(j, &m, in, true);
    access_scratch(j, &m);
    slow_begin(j, &m);
    frame_value(j, FRAME_VALUE, rv, 0);
    slow_call(j, &m, SLOW_AMO, in->cond);
    val_deaths(j, in);
    if (in->d) {
        rd = val_dest(j, in->d, RAX);
    }
    tlb_check(j, &m);
    tlb_miss_is_slow(&m);
    w = m.sz == MO_64 ? O_W : 0;
    if (in->cond == IR_AMO_XCHG || (in->cond == IR_AMO_ADD && !unused)) {
        e_mov(&j->e, w, RAX, rv);
        e_rmx(&j->e, in->cond == IR_AMO_XCHG ? sized(OP_XCHG, m.sz) : sized(OP_XADD, m.sz) | O_LOCK,
              RAX, m.t1, m.ra, 0, m.disp);
    } else if (unused) {
        e_rmx(&j->e, sized((unsigned)alu[in->cond] << 3 | 1, m.sz) | O_LOCK, rv, m.t1, m.ra, 0,
              m.disp);
    } else {
        amo_loop(j, &m, alu[in->cond], rv);
    }
    if (in->d && !unused) {
        extend_result(j, in, rd, RAX);
    }
    jit_cold_begin(j);
    if (in->d) {
        e_load(&j->e, rd, RSP, FRAME_RESULT);
    }
    slow_end(j, &m);
    if (in->d) {
        val_set(j, in->d, rd, jit_load_zero_extends(in->mop) ? VAL_Z32 : 0);
    }
}

void jit_cas(Jit *j, const IrInsn *in)
{
    unsigned re, rv, rd;
    Access m;

    val_take(j, RAX);
    re = val_use(j, in->b);
    rv = val_use(j, in->c);
    access_begin(j, &m, in, true);
    access_scratch(j, &m);
    slow_begin(j, &m);
    frame_value(j, FRAME_VALUE, re, 0);
    frame_value(j, FRAME_VALUE2, rv, 0);
    slow_call(j, &m, SLOW_CAS, 0);
    val_deaths(j, in);
    rd = in->d ? val_dest(j, in->d, RAX) : RAX;
    tlb_check(j, &m);
    tlb_miss_is_slow(&m);
    e_mov(&j->e, m.sz == MO_64 ? O_W : 0, RAX, re);
    e_rmx(&j->e, sized(OP_CMPXCHG, m.sz) | O_LOCK, rv, m.t1, m.ra, 0, m.disp);
    if (in->d) {
        extend_result(j, in, rd, RAX);
    }
    jit_cold_begin(j);
    if (in->d) {
        e_load(&j->e, rd, RSP, FRAME_RESULT);
    }
    slow_end(j, &m);
    if (in->d) {
        val_set(j, in->d, rd, jit_load_zero_extends(in->mop) ? VAL_Z32 : 0);
    }
}
