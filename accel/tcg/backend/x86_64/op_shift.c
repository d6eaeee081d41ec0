/* Shifts, rotations, extensions and bit fields of the IR as x86-64 instructions.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

static unsigned shift_digit(IrOp op)
{
    switch (op) {
    case IR_SHL: return SH_SHL;
    case IR_SHR: return SH_SHR;
    case IR_SAR: return SH_SAR;
    case IR_ROTL: return SH_ROL;
    default: return SH_ROR;
    }
}

static void shift_by_const(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), bits = w ? 64 : 32, n = (unsigned)j->val[in->b].k & (bits - 1);
    unsigned ra = val_use(j, in->a), rd;

    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (rd != ra && j->bmi2 && (in->op == IR_ROTL || in->op == IR_ROTR)) {
        e_vex(&j->e, OP_RORX | w, rd, 0, 0, ra);
        e_modrm_rr(&j->e, rd, ra);
        e8(&j->e, in->op == IR_ROTR ? n : -n & (bits - 1));
        val_set(j, in->d, rd, jit_z(in));
        return;
    }
    if (rd != ra && in->op == IR_SHL && n >= 1 && n <= 3) {
        if (n == 1) {
            e_rmx(&j->e, OP_LEA | w, rd, ra, ra, 0, 0);
        } else {
            e_rm_scaled(&j->e, OP_LEA | w, rd, ra, n, 0);
        }
        val_set(j, in->d, rd, jit_z(in));
        return;
    }
    if (rd != ra || (n == 0 && !w)) {
        e_mov(&j->e, w, rd, ra);
    }
    if (n) {
        e_shift_imm(&j->e, shift_digit(in->op), w, rd, n);
        jit_flags_unknown(j);
    }
    val_set(j, in->d, rd, jit_z(in));
}

void jit_shift(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra, rb, rd, rt;
    bool rotate = in->op == IR_ROTL || in->op == IR_ROTR;

    if (val_const(j, in->b)) {
        shift_by_const(j, in);
        return;
    }
    if (j->bmi2 && !rotate) {
        unsigned op = in->op == IR_SHL ? OP_SHLX : in->op == IR_SHR ? OP_SHRX : OP_SARX;

        ra = val_use(j, in->a);
        rb = val_use(j, in->b);
        val_deaths(j, in);
        rd = val_dest(j, in->d, ra);
        e_vrr(&j->e, op | w, rd, rb, ra);
        val_set(j, in->d, rd, jit_z(in));
        return;
    }
    /* The count has to be in CL, the result in a register that is not. */
    val_take(j, RCX);
    ra = val_use(j, in->a);
    rb = val_use(j, in->b);
    e_mov(&j->e, 0, RCX, rb);
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    rt = rd;
    if (rd != ra) {
        e_mov(&j->e, w, rt, ra);
    }
    e_rr(&j->e, 0xd3 | w, shift_digit(in->op), rt);
    jit_flags_unknown(j);
    val_set(j, in->d, rd, jit_z(in));
}

/* Counting by BSF/BSR where the host has no TZCNT/LZCNT: 0 gives the width. */
static void count_by_scan(Jit *j, const IrInsn *in, unsigned rd, unsigned ra)
{
    unsigned w = jit_w(in), bits = w ? 64 : 32, rt = val_scratch(j);

    if (in->op == IR_CTZ) {
        e_mov_imm(&j->e, rt, bits);
        e_rr(&j->e, OP_BSF | w, rd, ra);
        e_rr(&j->e, (OP_CMOV | CC_E) | w, rd, rt);
        return;
    }
    e_mov_imm(&j->e, rt, 2 * bits - 1);
    e_rr(&j->e, OP_BSR | w, rd, ra);
    e_rr(&j->e, (OP_CMOV | CC_E) | w, rd, rt);
    e_alu_imm(&j->e, ALU_XOR, w, rd, (int32_t)bits - 1);
}

void jit_count_bits(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra = val_use(j, in->a), rd;

    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    jit_flags_unknown(j);
    if (in->op == IR_POPCNT) {
        e_rr(&j->e, OP_POPCNT | w, rd, ra);
    } else if (in->op == IR_CTZ ? j->bmi1 : j->lzcnt) {
        e_rr(&j->e, (in->op == IR_CTZ ? OP_TZCNT : OP_LZCNT) | w, rd, ra);
    } else {
        count_by_scan(j, in, rd, ra);
    }
    val_set(j, in->d, rd, VAL_Z32);
}

void jit_bswap(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra = val_use(j, in->a), rd;

    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (rd != ra) {
        e_mov(&j->e, w, rd, ra);
    }
    e_opcode(&j->e, (0xc8 | (rd & 7)) | O_0F | w, 0, 0, rd);
    val_set(j, in->d, rd, jit_z(in));
}

void jit_ext(Jit *j, const IrInsn *in)
{
    static const unsigned code[] = {
        [IR_EXT8U] = OP_MOVZX8 | O_M8, [IR_EXT16U] = OP_MOVZX16, [IR_EXT32U] = OP_MOV_LOAD,
        [IR_EXT8S] = OP_MOVSX8 | O_M8, [IR_EXT16S] = OP_MOVSX16, [IR_EXT32S] = OP_MOVSXD,
    };
    unsigned ra, rd, w = 0, z = VAL_Z32;

    if (in->op == IR_EXT32S) {
        z = 0;
    } else if (in->op == IR_EXT8S || in->op == IR_EXT16S) {
        w = jit_w(in);
        z = jit_z(in);
    }
    if (in->op == IR_EXT32U && !val_const(j, in->a)) {
        IrInsn mov = *in;

        mov.type = IR_I32;
        jit_mov(j, &mov);
        return;
    }
    ra = val_use(j, in->a);
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    e_rr(&j->e, code[in->op] | w, rd, ra);
    val_set(j, in->d, rd, z);
}

/* A field that is a whole low part: one partial move. True if done. */
static bool deposit_low(Jit *j, const IrInsn *in, unsigned len)
{
    unsigned ra, rb, rd;

    if (len != 8 && len != 16) {
        return false;
    }
    if (val_const(j, in->b)) {
        uint64_t k = j->val[in->b].k;

        ra = val_use(j, in->a);
        val_deaths(j, in);
        rd = val_dest(j, in->d, ra);
        if (rd != ra) {
            e_mov(&j->e, O_W, rd, ra);
        }
        if (len == 8) {
            e_opcode(&j->e, (0xb0 | (rd & 7)) | O_M8, 0, 0, rd);
            e8(&j->e, (uint8_t)k);
        } else {
            e_opcode(&j->e, (0xb8 | (rd & 7)) | O_66, 0, 0, rd);
            e8(&j->e, (uint8_t)k);
            e8(&j->e, (uint8_t)(k >> 8));
        }
        val_set(j, in->d, rd, 0);
        return true;
    }
    ra = val_use(j, in->a);
    rb = val_use(j, in->b);
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (rd == rb && rd != ra) {
        unsigned rt = val_scratch(j);

        e_mov(&j->e, O_W, rt, ra);
        e_rr(&j->e, len == 8 ? OP_MOV8_RR : OP_MOV16_STORE, rb, rt);
        e_mov(&j->e, O_W, rd, rt);
    } else {
        if (rd != ra) {
            e_mov(&j->e, O_W, rd, ra);
        }
        e_rr(&j->e, len == 8 ? OP_MOV8_RR : OP_MOV16_STORE, rb, rd);
    }
    val_set(j, in->d, rd, 0);
    return true;
}

/* Any field: rotate it to the bottom, shift b's bits in from the top, rotate back. */
void jit_deposit(Jit *j, const IrInsn *in)
{
    unsigned pos = in->imm & 0xff, len = in->imm >> 8 & 0xff, ra, rb, rd, rt;

    if (len == 64) {
        IrInsn mov = { .op = IR_MOV, .type = IR_I64, .d = in->d, .a = in->b,
                       .life = in->life & IR_LIFE_B ? IR_LIFE_A : 0 };

        jit_mov(j, &mov);
        return;
    }
    if (pos == 0 && deposit_low(j, in, len)) {
        return;
    }
    ra = val_use(j, in->a);
    rb = val_use(j, in->b);
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    rt = rd == rb && rd != ra ? val_scratch(j) : rd;
    if (rt == rb) {
        /* a and b are the same value. */
        rb = val_scratch(j);
        e_mov(&j->e, O_W, rb, rt);
    }
    if (rt != ra) {
        e_mov(&j->e, O_W, rt, ra);
    }
    if (pos) {
        e_shift_imm(&j->e, SH_ROR, O_W, rt, pos);
    }
    if (len == 8) {
        e_rr(&j->e, OP_MOV8_RR, rb, rt);
        e_shift_imm(&j->e, SH_ROL, O_W, rt, pos);
    } else {
        e_rr(&j->e, OP_SHRD_IMM | O_W, rb, rt);
        e8(&j->e, len);
        if ((pos + len) & 63) {
            e_shift_imm(&j->e, SH_ROL, O_W, rt, (pos + len) & 63);
        }
    }
    jit_flags_unknown(j);
    if (rt != rd) {
        e_mov(&j->e, O_W, rd, rt);
    }
    val_set(j, in->d, rd, 0);
}

void jit_extract(Jit *j, const IrInsn *in)
{
    unsigned pos = in->imm & 0xff, len = in->imm >> 8 & 0xff, ra = val_use(j, in->a), rd;
    bool narrow = pos + len <= 32;
    unsigned w = narrow ? 0 : O_W;

    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (len == 64) {
        if (rd != ra) {
            e_mov(&j->e, O_W, rd, ra);
        }
        val_set(j, in->d, rd, 0);
        return;
    }
    if (rd != ra || (narrow && !pos)) {
        e_mov(&j->e, w, rd, ra);
    }
    jit_flags_unknown(j);
    if (pos + len == (narrow ? 32u : 64u) && pos) {
        e_shift_imm(&j->e, SH_SHR, w, rd, pos);
    } else if (len < 32) {
        if (pos) {
            e_shift_imm(&j->e, SH_SHR, w, rd, pos);
        }
        if (len == 8 || len == 16) {
            e_rr(&j->e, len == 8 ? OP_MOVZX8 | O_M8 : OP_MOVZX16, rd, rd);
        } else {
            e_alu_imm(&j->e, ALU_AND, 0, rd, (int32_t)((1u << len) - 1));
        }
    } else {
        e_shift_imm(&j->e, SH_SHL, O_W, rd, 64 - pos - len);
        e_shift_imm(&j->e, SH_SHR, O_W, rd, 64 - len);
    }
    val_set(j, in->d, rd, len <= 32 ? VAL_Z32 : 0);
}
