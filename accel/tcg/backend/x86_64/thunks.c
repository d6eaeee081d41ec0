/* Code that all blocks share: into and out of generated code, and the slow paths of memory
 * accesses.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

static const uint8_t callee_saved[] = { RBP, RBX, R12, R13, R14, R15 };
static const uint8_t caller_saved[] = { RAX, RCX, RDX, RSI, RDI, R8, R9, R10, R11 };

static bool is_pinned(const Jit *j, unsigned reg)
{
    return j->pin_regs & REG_BIT(reg);
}

static void store_pinned(Jit *j)
{
    for (unsigned i = 0; i < j->npin; i++) {
        e_store(&j->e, j->pin[i].reg, RBP, j->template[j->pin[i].global].home);
    }
}

/* uint64_t enter(env, code, &from): RAX and RDX at the exit become the result and *from. */
static void make_enter(Jit *j)
{
    Emit *e = &j->e;

    j->enter = (JitEnter *)(uintptr_t)e->p;
    for (unsigned i = 0; i < G_N_ELEMENTS(callee_saved); i++) {
        e_opcode(e, 0x50 | (callee_saved[i] & 7), 0, 0, callee_saved[i]);
    }
    e_opcode(e, 0x50 | RDX, 0, 0, RDX);
    e_alu_imm(e, ALU_SUB, O_W, RSP, FRAME_SIZE);
    e_rm(e, OP_LEA | O_W, RBP, RDI, JIT_BIAS);
    for (unsigned i = 0; i < j->npin; i++) {
        if (j->pin[i].reg != RSI) {
            e_load(e, j->pin[i].reg, RBP, j->template[j->pin[i].global].home);
        }
    }
    e_rr(e, 0xff, 4, RSI);

    j->exit_plain = e->p;
    e_alu(e, ALU_XOR, 0, RDX, RDX);
    e8(e, 0xeb);
    e8(e, 5);
    j->exit_from = e->p;
    e_mov_imm(e, RAX, TCG_EXIT_NEXT);
    store_pinned(j);
    e_alu_imm(e, ALU_ADD, O_W, RSP, FRAME_SIZE);
    e_opcode(e, 0x58 | RCX, 0, 0, RCX);
    e_store(e, RDX, RCX, 0);
    for (unsigned i = G_N_ELEMENTS(callee_saved); i-- > 0;) {
        e_opcode(e, 0x58 | (callee_saved[i] & 7), 0, 0, callee_saved[i]);
    }
    e8(e, 0xc3);
}

/* Nothing but pinned globals is in registers here; C keeps some of them. */
static void make_find(Jit *j)
{
    uint8_t *none;

    j->find = j->e.p;
    for (unsigned i = 0; i < j->npin; i++) {
        if (memchr(caller_saved, j->pin[i].reg, sizeof(caller_saved))) {
            e_store(&j->e, j->pin[i].reg, RBP, j->template[j->pin[i].global].home);
        }
    }
    e_rm(&j->e, OP_LEA | O_W, RDI, RBP, -JIT_BIAS);
    jit_call_c(j, tcg_code_find);
    for (unsigned i = 0; i < j->npin; i++) {
        if (memchr(caller_saved, j->pin[i].reg, sizeof(caller_saved))) {
            e_load(&j->e, j->pin[i].reg, RBP, j->template[j->pin[i].global].home);
        }
    }
    e_rr(&j->e, OP_TEST | O_W, RAX, RAX);
    none = e_jcc(&j->e, CC_E);
    e_rr(&j->e, 0xff, 4, RAX);
    e_patch(none, j->e.p);
    e_mov_imm(&j->e, RAX, TCG_EXIT_NEXT);
    e_jmp(&j->e, j->exit_plain);
}

/* Displacement from RSP of a part of the frame, in a shared piece (which has a return address on
 * the stack). */
static int32_t in_frame(int32_t at)
{
    return at + 8;
}

/* The registers that a slow path itself works with, and the others that C may change. */
enum { OWN = REG_BIT(RAX) | REG_BIT(RCX) | REG_BIT(RDX) | REG_BIT(RSI), OTHERS = GPR_MASK & ~OWN };

static void save_gprs(Jit *j, uint32_t which, bool save)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(caller_saved); i++) {
        unsigned reg = caller_saved[i];
        int32_t at = in_frame(FRAME_GPR + 8 * (int32_t)reg);

        if (is_pinned(j, reg) || !(which & REG_BIT(reg))) {
            continue;
        }
        if (save) {
            e_store(&j->e, reg, RSP, at);
        } else {
            e_load(&j->e, reg, RSP, at);
        }
    }
}

static void save_xmms(Jit *j, bool save)
{
    uint8_t *skip;

    e_rm(&j->e, 0xf6, 0, RSP, in_frame(FRAME_MOP + 3));
    e8(&j->e, FRAME_MOP_XMM >> 24);
    skip = e_jcc(&j->e, CC_E);
    for (unsigned n = 0; n < 16; n++) {
        e_rm(&j->e, save ? OP_MOVUPS_STORE : OP_MOVUPS_LOAD, XMM0 + n, RSP,
             in_frame(FRAME_XMM + 16 * (int32_t)n));
    }
    e_patch(skip, j->e.p);
}

static void load_mop(Jit *j, unsigned reg)
{
    e_rm(&j->e, OP_MOV_LOAD, reg, RSP, in_frame(FRAME_MOP));
    e_alu_imm(&j->e, ALU_AND, 0, reg, (int32_t)~FRAME_MOP_XMM);
}

/* Calls the C function of the kind with everything exact, and returns to the block. The slow path's
 * own registers have been saved. */
static const uint8_t *make_call(Jit *j, SlowKind kind)
{
    static const void *const fn[] = {
        [SLOW_LOAD] = tcg_slow_load,       [SLOW_LOAD_W] = tcg_slow_load,
        [SLOW_STORE] = tcg_slow_store,     [SLOW_LOAD_V] = tcg_slow_load_v,
        [SLOW_STORE_V] = tcg_slow_store_v, [SLOW_AMO] = tcg_slow_amo,
        [SLOW_CAS] = tcg_slow_cas,
    };
    static const uint8_t arg[] = { RDI, RSI, RDX, RCX, R8, R9 };
    const uint8_t *start = j->e.p;
    unsigned n = 2;

    save_gprs(j, OTHERS, true);
    store_pinned(j);
    save_xmms(j, true);
    e_rm(&j->e, OP_LEA | O_W, RDI, RBP, -JIT_BIAS);
    e_load(&j->e, RSI, RSP, in_frame(FRAME_ADDR));
    if (kind == SLOW_LOAD_V) {
        e_rm(&j->e, OP_LEA | O_W, arg[n++], RSP, in_frame(FRAME_RESULT));
    } else if (kind == SLOW_STORE_V) {
        e_rm(&j->e, OP_LEA | O_W, arg[n++], RSP, in_frame(FRAME_VALUE));
    } else if (kind != SLOW_LOAD && kind != SLOW_LOAD_W) {
        e_load(&j->e, arg[n++], RSP, in_frame(FRAME_VALUE));
    }
    if (kind == SLOW_CAS) {
        e_load(&j->e, arg[n++], RSP, in_frame(FRAME_VALUE2));
    }
    load_mop(j, arg[n++]);
    e_load(&j->e, arg[n++], RSP, in_frame(FRAME_PC));
    e_alu_imm(&j->e, ALU_SUB, O_W, RSP, 8);
    jit_call_c(j, fn[kind]);
    e_alu_imm(&j->e, ALU_ADD, O_W, RSP, 8);
    if (kind != SLOW_LOAD_V) {
        e_store(&j->e, RAX, RSP, in_frame(FRAME_RESULT));
    }
    e_rm(&j->e, 0xc7 | O_W, 0, RSP, in_frame(FRAME_ADDEND));
    e32(&j->e, 0);
    save_xmms(j, false);
    for (unsigned i = 0; i < j->npin; i++) {
        if (memchr(caller_saved, j->pin[i].reg, sizeof(caller_saved))) {
            e_load(&j->e, j->pin[i].reg, RBP, j->template[j->pin[i].global].home);
        }
    }
    save_gprs(j, GPR_MASK, false);
    e8(&j->e, 0xc3);
    return start;
}

/* Jumps to `to` if a data point lies in the 8 bytes around RAX + offset. RDX: the page's map. Spoils
 * RSI. */
static void test_watch(Jit *j, int32_t offset, const uint8_t *to)
{
    e_rm(&j->e, OP_LEA | O_W, RSI, RAX, offset);
    e_shift_imm(&j->e, SH_SHR, 0, RSI, 3);
    e_alu_imm(&j->e, ALU_AND, 0, RSI, TCG_PAGE_SIZE / 8 - 1);
    e_rmx(&j->e, 0x80, ALU_CMP, RDX, RSI, 0, (int32_t)offsetof(TcgWatchPage, map));
    e8(&j->e, 0);
    e_patch(e_jcc(&j->e, CC_NE), to);
}

/* The access itself, on the host address in RAX. */
static void access_here(Jit *j, SlowKind kind, unsigned sz)
{
    unsigned n = sz == MO_128 ? 2 : 1, part = sz == MO_128 ? MO_64 : sz;

    for (int32_t k = 0; k < (int32_t)n; k++) {
        if (kind == SLOW_STORE || kind == SLOW_STORE_V) {
            e_load(&j->e, RCX, RSP, in_frame(FRAME_VALUE + 8 * k));
            e_rm(&j->e, jit_store_opcode(part, false), RCX, RAX, 8 * k);
        } else {
            e_rm(&j->e, jit_load_opcode(part), RCX, RAX, 8 * k);
            e_store(&j->e, RCX, RSP, in_frame(FRAME_RESULT + 8 * k));
        }
    }
}

/* RAX: address. RCX becomes the offset of its TLB entry. Goes on when the access can be made here:
 * the tag is right (it was not asked for: another access of a group failed), or watches other bytes
 * of the page. */
static void check_tag(Jit *j, int32_t tlb, int32_t tag, unsigned sz, const uint8_t *call)
{
    int32_t size = 1 << sz;
    uint8_t *plain;

    e_mov(&j->e, O_W, RCX, RAX);
    e_shift_imm(&j->e, SH_SHR, O_W, RCX, TCG_PAGE_BITS - 5);
    e_alu_imm(&j->e, ALU_AND, 0, RCX, (TCG_TLB_SIZE - 1) << 5);
    e_rm(&j->e, OP_LEA | O_W, RDX, RAX, size - 1);
    e_alu_imm(&j->e, ALU_AND, O_W, RDX, (int32_t)TCG_PAGE_MASK);
    e_rmx(&j->e, OP_MOV_LOAD | O_W, RSI, RBP, RCX, 0, tlb + tag);
    e_alu(&j->e, ALU_CMP, O_W, RDX, RSI);
    plain = e_jcc(&j->e, CC_E);
    e_alu_imm(&j->e, ALU_OR, O_W, RDX, TCG_TLB_WATCH);
    e_alu(&j->e, ALU_CMP, O_W, RDX, RSI);
    e_patch(e_jcc(&j->e, CC_NE), call);
    e_rmx(&j->e, OP_MOV_LOAD | O_W, RDX, RBP, RCX, 0, tlb + (int32_t)offsetof(TcgTlbEntry, watch));
    for (int32_t at = 0; at < size; at += 8) {
        test_watch(j, at, call);
    }
    if (sz) {
        test_watch(j, size - 1, call);
    }
    e_patch(plain, j->e.p);
}

/* A slow path's entry. What needs no C code after all is done here. */
static const uint8_t *make_slow(Jit *j, SlowKind kind, unsigned sz, unsigned mmu,
                                const uint8_t *call)
{
    bool write = kind == SLOW_STORE || kind == SLOW_STORE_V || kind == SLOW_LOAD_W;
    const uint8_t *start = j->e.p;
    uint8_t *aligned;

    save_gprs(j, OWN, true);
    if (kind == SLOW_AMO || kind == SLOW_CAS) {
        e_jmp(&j->e, call);
        return start;
    }
    e_load(&j->e, RAX, RSP, in_frame(FRAME_ADDR));
    if (sz) {
        e_rm(&j->e, 0xf6, 0, RSP, in_frame(FRAME_MOP));
        e8(&j->e, MO_ALIGN);
        aligned = e_jcc(&j->e, CC_E);
        e_rr(&j->e, 0xf6 | O_M8, 0, RAX);
        e8(&j->e, (1u << sz) - 1);
        e_patch(e_jcc(&j->e, CC_NE), call);
        e_patch(aligned, j->e.p);
    }
    check_tag(j, j->tlb_disp[mmu],
              (int32_t)(write ? offsetof(TcgTlbEntry, write) : offsetof(TcgTlbEntry, read)), sz,
              call);
    e_rmx(&j->e, OP_MOV_LOAD | O_W, RCX, RBP, RCX, 0,
          j->tlb_disp[mmu] + (int32_t)offsetof(TcgTlbEntry, addend));
    e_store(&j->e, RCX, RSP, in_frame(FRAME_ADDEND));
    e_alu(&j->e, ALU_ADD, O_W, RAX, RCX);
    access_here(j, kind, sz);
    save_gprs(j, OWN, false);
    e8(&j->e, 0xc3);
    return start;
}

void jit_make_thunks(Jit *j)
{
    make_enter(j);
    make_find(j);
    for (SlowKind kind = 0; kind < NUM_SLOW; kind++) {
        bool vec = kind == SLOW_LOAD_V || kind == SLOW_STORE_V;
        const uint8_t *call = make_call(j, kind);

        for (unsigned sz = vec ? MO_32 : MO_8; sz <= (unsigned)(vec ? MO_128 : MO_64); sz++) {
            for (unsigned mmu = 0; mmu < j->fe->nmmu; mmu++) {
                j->slow[kind][sz][mmu] = make_slow(j, kind, sz, mmu, call);
            }
        }
    }
}
