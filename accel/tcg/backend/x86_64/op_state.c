/* State fields, calls of C functions, and the ways into and out of a block.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

/* Registers that a C function may change (System V ABI). */
#define CALLER_SAVED                                                                               \
    (REG_BIT(RAX) | REG_BIT(RCX) | REG_BIT(RDX) | REG_BIT(RSI) | REG_BIT(RDI) | REG_BIT(R8) |      \
     REG_BIT(R9) | REG_BIT(R10) | REG_BIT(R11) | XMM_MASK)

static unsigned global_size(unsigned type)
{
    return type == IR_V128 ? 16 : type == IR_I32 ? 4 : 8;
}

/* Globals that a field of the state lies in: nearly always none. */
static uint64_t globals_at(const Jit *j, int32_t disp, unsigned size)
{
    uint64_t set = 0;

    if (disp >= j->globals_end || disp + (int32_t)size <= j->globals_first) {
        return 0;
    }
    for (unsigned n = 0; n < j->ir->nglobals; n++) {
        const JitVal *v = &j->val[IR_GLOBAL(n)];

        if (disp < v->home + (int32_t)global_size(v->type) && v->home < disp + (int32_t)size) {
            set |= 1ull << n;
        }
    }
    return set;
}

unsigned jit_load_opcode(unsigned mop)
{
    bool wide = mop & MO_SIGN && !(mop & MO_SIGN32);

    switch (mop & MO_SIZE) {
    case MO_8: return mop & MO_SIGN ? OP_MOVSX8 | (wide ? O_W : 0) : OP_MOVZX8;
    case MO_16: return mop & MO_SIGN ? OP_MOVSX16 | (wide ? O_W : 0) : OP_MOVZX16;
    case MO_32: return mop & MO_VEC ? OP_MOVSS_LOAD : wide ? OP_MOVSXD : OP_MOV_LOAD;
    case MO_64: return mop & MO_VEC ? OP_MOVQ_LOAD : OP_MOV_LOAD | O_W;
    default: return OP_MOVUPS_LOAD;
    }
}

unsigned jit_store_opcode(unsigned sz, bool vec)
{
    static const unsigned code[] = { OP_MOV8_STORE, OP_MOV16_STORE, OP_MOV_STORE,
                                     OP_MOV_STORE | O_W };
    static const unsigned vcode[] = { 0, 0, OP_MOVSS_STORE, OP_MOVQ_STORE, OP_MOVUPS_STORE };

    return vec ? vcode[sz] : code[sz];
}

unsigned jit_store_imm_opcode(unsigned sz)
{
    static const unsigned code[] = { 0xc6, 0xc7 | O_66, 0xc7, 0xc7 | O_W };

    return code[sz];
}

void jit_lds(Jit *j, const IrInsn *in)
{
    int32_t disp = (int32_t)in->imm - JIT_BIAS;
    uint64_t set = globals_at(j, disp, 1u << (in->mop & MO_SIZE));
    unsigned rd;

    val_store_globals(j, set);
    rd = val_dest(j, in->d, NO_REG);
    e_rm(&j->e, jit_load_opcode(in->mop), rd, RBP, disp);
    val_set(j, in->d, rd, jit_load_zero_extends(in->mop) ? VAL_Z32 : 0);
}

void jit_sts(Jit *j, const IrInsn *in)
{
    int32_t disp = (int32_t)in->imm - JIT_BIAS, imm;
    unsigned sz = in->mop & MO_SIZE, ra;
    uint64_t set = globals_at(j, disp, 1u << sz);

    val_store_globals(j, set);
    if (in->type != IR_V128 && val_imm(j, in->a, sz == MO_64, &imm)) {
        e_rm(&j->e, jit_store_imm_opcode(sz), 0, RBP, disp);
        e_imm(&j->e, sz, imm);
    } else {
        ra = val_use(j, in->a);
        e_rm(&j->e, jit_store_opcode(sz, in->type == IR_V128), ra, RBP, disp);
    }
    val_deaths(j, in);
    if (set) {
        val_globals_reload(j, set);
    }
}

void jit_call_c(Jit *j, const void *fn)
{
    if (e_reaches(&j->e, fn)) {
        e_call(&j->e, fn);
    } else {
        e_mov_imm(&j->e, RAX, (uint64_t)(uintptr_t)fn);
        e_rr(&j->e, 0xff, 2, RAX);
    }
}

void jit_store_pc(Jit *j, uint64_t pc, unsigned scratch)
{
    if (fits32((int64_t)pc)) {
        e_rm(&j->e, 0xc7 | O_W, 0, RBP, j->pc_disp);
        e32(&j->e, (uint32_t)pc);
    } else if (scratch != NO_REG) {
        e_mov_imm(&j->e, scratch, pc);
        e_store(&j->e, scratch, RBP, j->pc_disp);
    } else {
        for (unsigned i = 0; i < 2; i++) {
            e_rm(&j->e, 0xc7, 0, RBP, j->pc_disp + 4 * (int32_t)i);
            e32(&j->e, (uint32_t)(pc >> (32 * i)));
        }
    }
}

/* Puts arguments into the registers of the ABI, all at once: a source may be another's target. */
static void call_arguments(Jit *j, const IrInsn *in)
{
    static const uint8_t target[4] = { RSI, RDX, RCX, R8 };
    const IrRef arg[4] = { in->a, in->b, in->c, in->e };
    unsigned from[4];
    uint32_t waiting = 0;

    for (unsigned n = 0; n < 4; n++) {
        from[n] = arg[n] && !val_const(j, arg[n]) ? j->val[arg[n]].reg : NO_REG;
        if (from[n] != NO_REG && from[n] != target[n]) {
            waiting |= 1u << n;
        }
    }
    while (waiting) {
        unsigned n, k;

        for (n = 0; n < 4; n++) {
            if (!(waiting >> n & 1)) {
                continue;
            }
            /* Free to go when no other needs what is in its target. */
            for (k = 0; k < 4 && !(k != n && waiting >> k & 1 && from[k] == target[n]); k++) {
            }
            if (k == 4) {
                break;
            }
        }
        if (n < 4) {
            e_mov(&j->e, O_W, target[n], from[n]);
            waiting &= ~(1u << n);
            continue;
        }
        /* Only cycles are left: one exchange settles at least one of them. */
        n = (unsigned)__builtin_ctz(waiting);
        e_rr(&j->e, OP_XCHG | O_W, target[n], from[n]);
        for (k = 0; k < 4; k++) {
            if (k == n || !(waiting >> k & 1)) {
                continue;
            }
            from[k] = from[k] == target[n] ? from[n] : from[k] == from[n] ? target[n] : from[k];
        }
        waiting &= ~(1u << n);
        for (k = 0; k < 4; k++) {
            if (waiting >> k & 1 && from[k] == target[k]) {
                waiting &= ~(1u << k);
            }
        }
    }
    /* The rest comes from memory or is constant; nothing is waiting in a register any more. */
    for (unsigned n = 0; n < 4; n++) {
        if (arg[n] && from[n] == NO_REG) {
            val_load_into(j, arg[n], target[n]);
        }
    }
}

/* What must be in memory before a call: globals it may look at, and whatever lives in registers it
 * spoils. */
static void call_save(Jit *j, const IrInsn *in)
{
    unsigned flags = in->cond;

    if (flags & (IR_CALL_READS | IR_CALL_RAISES | IR_CALL_WRITES)) {
        val_store_globals(j, ~0ull);
    }
    for (uint32_t set = j->used & CALLER_SAVED; set; set &= set - 1) {
        unsigned reg = (unsigned)__builtin_ctz(set);

        for (IrRef r = j->head[reg]; r; r = j->val[r].next) {
            bool dies =
                (in->life & IR_LIFE_A && r == in->a) || (in->life & IR_LIFE_B && r == in->b) ||
                (in->life & IR_LIFE_C && r == in->c) || (in->life & IR_LIFE_E && r == in->e);

            if (!dies && (j->val[r].pinned || !val_const(j, r))) {
                val_store(j, r);
            }
        }
    }
}

void jit_call(Jit *j, const IrInsn *in)
{
    unsigned flags = in->cond;

    call_save(j, in);
    call_arguments(j, in);
    if (flags & IR_CALL_RAISES) {
        jit_store_pc(j, j->pc, RAX);
    }
    e_rm(&j->e, OP_LEA | O_W, RDI, RBP, -JIT_BIAS);
    jit_call_c(j, (const void *)(uintptr_t)in->imm);
    jit_flags_unknown(j);
    j->locked |= REG_BIT(RAX);
    val_deaths(j, in);
    for (uint32_t set = j->used & CALLER_SAVED & ~j->pin_regs; set; set &= set - 1) {
        val_evict(j, (unsigned)__builtin_ctz(set));
    }
    for (unsigned i = 0; i < j->npin; i++) {
        if (CALLER_SAVED >> j->pin[i].reg & 1) {
            val_only_pinned(j, j->pin[i].reg, j->pin[i].global);
            if (!(flags & IR_CALL_WRITES)) {
                e_load(&j->e, j->pin[i].reg, RBP, j->val[j->pin[i].global].home);
            }
        }
    }
    if (flags & IR_CALL_WRITES) {
        val_globals_reload(j, ~0ull);
    }
    if (in->d && !(in->life & IR_LIFE_D_DEAD && j->val[in->d].kind == IR_VAL_TEMP)) {
        val_set_moved(j, in->d, RAX, 0);
    }
}

/* ---- the way in ---- */

void jit_entry(Jit *j)
{
    uint8_t *to_request, *to_budget = NULL;

    jit_loop_begin(j);
    j->loop.at = j->e.p;
    e_rm(&j->e, 0x83, ALU_CMP, RBP, j->attn_disp);
    e8(&j->e, 0);
    to_request = e_jcc(&j->e, CC_NE);
    if (j->tb->mode & TCG_MODE_COUNTED) {
        e_rm(&j->e, 0x81, ALU_SUB, RBP, j->budget_disp);
        e32(&j->e, j->tb->ninsns);
        to_budget = e_jcc(&j->e, CC_L);
    }
    j->body = j->e.p;
    jit_cold_begin(j);
    e_patch(to_request, j->e.p);
    jit_loop_store(j);
    jit_store_pc(j, j->tb->pc, RAX);
    e_mov_imm(&j->e, RAX, TCG_EXIT_REQUEST);
    e_jmp(&j->e, j->exit_plain);
    if (to_budget) {
        e_patch(to_budget, j->e.p);
        e_rm(&j->e, 0x81, ALU_ADD, RBP, j->budget_disp);
        e32(&j->e, j->tb->ninsns);
        jit_loop_store(j);
        jit_store_pc(j, j->tb->pc, RAX);
        e_mov_imm(&j->e, RAX, TCG_EXIT_BUDGET);
        e_jmp(&j->e, j->exit_plain);
    }
    jit_cold_end(j);
}

/* ---- the ways out ---- */

/* Indirect jump to the pc in `rp`: the entry of the jump cache, if it is the right one. */
static void lookup(Jit *j, unsigned rp, bool known, uint64_t pc)
{
    int32_t base = j->jump_disp;
    uint64_t mode = j->tb->mode;
    unsigned ri = NO_REG;
    uint8_t *miss, *miss2;

    if (known) {
        base += (int32_t)(tcg_jc_index(pc) * sizeof(TcgJumpEntry));
    } else {
        ri = val_scratch(j);
        if (j->bmi2) {
            e_vex(&j->e, OP_RORX | O_W, ri, 0, 0, rp);
            e_modrm_rr(&j->e, ri, rp);
            e8(&j->e, TCG_JC_BITS);
        } else {
            e_mov(&j->e, O_W, ri, rp);
            e_shift_imm(&j->e, SH_SHR, O_W, ri, TCG_JC_BITS);
        }
        e_alu(&j->e, ALU_XOR, 0, ri, rp);
        e_alu_imm(&j->e, ALU_AND, 0, ri, TCG_JC_SIZE - 1);
        e_shift_imm(&j->e, SH_SHL, 0, ri, 5);
    }
    e_rmx(&j->e, 0x3b | O_W, rp, RBP, ri, 0, base + (int32_t)offsetof(TcgJumpEntry, pc));
    miss = e_jcc(&j->e, CC_NE);
    if (fits32((int64_t)mode)) {
        e_rmx(&j->e, 0x81 | O_W, ALU_CMP, RBP, ri, 0, base + (int32_t)offsetof(TcgJumpEntry, mode));
        e32(&j->e, (uint32_t)mode);
    } else {
        unsigned rm = val_scratch(j);

        e_mov_imm(&j->e, rm, mode);
        e_rmx(&j->e, 0x3b | O_W, rm, RBP, ri, 0, base + (int32_t)offsetof(TcgJumpEntry, mode));
    }
    miss2 = e_jcc(&j->e, CC_NE);
    e_rmx(&j->e, 0xff, 4, RBP, ri, 0, base + (int32_t)offsetof(TcgJumpEntry, code));
    jit_cold_begin(j);
    e_patch(miss, j->e.p);
    e_patch(miss2, j->e.p);
    e_store(&j->e, rp, RBP, j->pc_disp);
    e_mov_imm(&j->e, RSI, mode);
    e_jmp(&j->e, j->find);
    jit_cold_end(j);
}

static void leave_to(Jit *j, unsigned rp)
{
    e_store(&j->e, rp, RBP, j->pc_disp);
    e_mov_imm(&j->e, RAX, TCG_EXIT_NEXT);
    e_jmp(&j->e, j->exit_plain);
}

static void jump_by_lookup(Jit *j, uint64_t pc)
{
    unsigned rp = val_scratch(j);

    e_mov_imm(&j->e, rp, pc);
    if (j->tb->mode & TCG_MODE_SINGLE) {
        leave_to(j, rp);
    } else {
        lookup(j, rp, true, pc);
    }
}

void jit_jump(Jit *j, const IrInsn *in)
{
    bool back = j->loop.active && in->imm == j->tb->pc && in->sub < 2;
    uint8_t *rel32;

    j->reachable = false;
    if (back) {
        jit_loop_back(j);
        j->loop.slots |= (uint8_t)(1u << in->sub);
    } else {
        val_store_globals(j, ~j->pinned);
    }
    if (in->sub > 1) {
        jump_by_lookup(j, in->imm);
        return;
    }
    /* The rel32 is patched while others may run it: it must not cross a cache line. */
    e_nops(&j->e, -((uintptr_t)j->e.p + 1) & 3);
    rel32 = e_jmp_later(&j->e);
    jit_cold_begin(j);
    e_patch(rel32, j->e.p);
    j->tb->patch[in->sub] = rel32;
    j->tb->unlinked[in->sub] = j->e.p;
    if (back) {
        jit_loop_store(j);
    }
    jit_store_pc(j, in->imm, RAX);
    e_mov_imm(&j->e, RDX, (uint64_t)(uintptr_t)j->tb | in->sub);
    e_jmp(&j->e, j->exit_from);
    jit_cold_end(j);
}

void jit_jumpr(Jit *j, const IrInsn *in)
{
    bool known = val_const(j, in->a);
    uint64_t pc = known ? j->val[in->a].k : 0;
    unsigned rp = val_use(j, in->a);

    val_store_globals(j, ~j->pinned);
    j->reachable = false;
    if (j->tb->mode & TCG_MODE_SINGLE) {
        leave_to(j, rp);
    } else {
        lookup(j, rp, known, pc);
    }
}

void jit_exit(Jit *j, const IrInsn *in)
{
    val_store_globals(j, ~j->pinned);
    j->reachable = false;
    e_mov_imm(&j->e, RAX, in->imm);
    e_jmp(&j->e, j->exit_plain);
}
