/* Integer arithmetic of the IR as x86-64 instructions.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/backend/x86_64/jit.h"

/* The flags are about d's new value, unless that was cut to fit. */
static void flags_result(Jit *j, FlagKind kind, IrType type, IrRef d, unsigned reg)
{
    if (type == IR_I64 && j->val[d].type == IR_I32) {
        jit_flags_unknown(j);
    } else {
        j->flags =
            (JitFlags){ .kind = (uint8_t)kind, .type = (uint8_t)type, .res = j->version[reg] };
    }
}

void jit_mov(Jit *j, const IrInsn *in)
{
    bool narrow = in->type == IR_I32 || j->val[in->d].type == IR_I32;

    if (in->type != IR_V128 && val_const(j, in->a)) {
        val_set_const(j, in->d, narrow ? (uint32_t)j->val[in->a].k : j->val[in->a].k);
        if (in->a != in->d) {
            val_deaths(j, in);
        }
        return;
    }
    if (in->type != IR_V128 && narrow && !(j->val[in->a].flags & VAL_Z32)) {
        unsigned ra = val_use(j, in->a), rd;

        /* A 32-bit global that comes from memory is known to be extended only now. */
        if (!(j->val[in->a].flags & VAL_Z32)) {
            val_deaths(j, in);
            rd = val_dest(j, in->d, ra);
            e_mov(&j->e, 0, rd, ra);
            val_set(j, in->d, rd, VAL_Z32);
            return;
        }
    }
    val_copy(j, in->d, in->a);
    if (in->a != in->d) {
        val_deaths(j, in);
    }
}

/* Operands of a commutative operation: a constant goes second. */
static void order(const Jit *j, const IrInsn *in, IrRef *a, IrRef *b)
{
    *a = in->a;
    *b = in->b;
    if (val_const(j, *a) && !val_const(j, *b)) {
        *a = in->b;
        *b = in->a;
    }
}

/* d = a op b by two-operand instructions; rb is NO_REG for an immediate. Returns the register of d.
 */
static unsigned two_operand(Jit *j, const IrInsn *in, unsigned alu, unsigned w, bool comm,
                            unsigned ra, unsigned rb, int32_t imm)
{
    unsigned rd = val_dest2(j, in->d, ra, comm ? rb : NO_REG);

    if (rb == NO_REG) {
        if (rd != ra) {
            e_mov(&j->e, w, rd, ra);
        }
        e_alu_imm(&j->e, alu, w, rd, imm);
        return rd;
    }
    if (rd == rb && rd != ra) {
        if (comm) {
            e_alu(&j->e, alu, w, rd, ra);
            return rd;
        }
        /* Only subtraction does not commute: a - b = -b + a. */
        e_rr(&j->e, 0xf7 | w, 3, rd);
        e_alu(&j->e, ALU_ADD, w, rd, ra);
        jit_flags_unknown(j);
        return rd;
    }
    if (rd != ra) {
        e_mov(&j->e, w, rd, ra);
    }
    e_alu(&j->e, alu, w, rd, rb);
    return rd;
}

void jit_add(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra, rb = NO_REG, rd;
    int32_t imm = 0;
    IrRef a, b;

    order(j, in, &a, &b);
    ra = val_use(j, a);
    if (!val_imm(j, b, w, &imm)) {
        rb = val_use(j, b);
    }
    val_deaths(j, in);
    rd = val_dest2(j, in->d, ra, rb);
    if (rd == ra || rd == rb) {
        if (rb == NO_REG) {
            e_alu_imm(&j->e, ALU_ADD, w, rd, imm);
        } else {
            e_alu(&j->e, ALU_ADD, w, rd, rd == ra ? rb : ra);
        }
        val_set(j, in->d, rd, jit_z(in));
        flags_result(j, FLAGS_ZS, (IrType)in->type, in->d, rd);
        return;
    }
    if (rb == NO_REG) {
        e_rm(&j->e, OP_LEA | w, rd, ra, imm);
    } else {
        e_rmx(&j->e, OP_LEA | w, rd, ra, rb, 0, 0);
    }
    val_set(j, in->d, rd, jit_z(in));
}

static void do_sub(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra = val_use(j, in->a), rb = NO_REG, rd;
    JitFlags f = { .kind = FLAGS_CMP, .type = in->type, .a = j->version[ra] };
    int32_t imm = 0;

    if (val_imm(j, in->b, w, &imm)) {
        f.b_const = true;
        f.k = j->val[in->b].k;
    } else {
        rb = val_use(j, in->b);
        f.b = j->version[rb];
    }
    val_deaths(j, in);
    j->flags = f;
    rd = two_operand(j, in, ALU_SUB, w, false, ra, rb, imm);
    val_set(j, in->d, rd, jit_z(in));
    if (j->flags.kind != FLAGS_UNKNOWN && !(w && j->val[in->d].type == IR_I32)) {
        j->flags.res = j->version[rd];
    }
}

void jit_alu_op(Jit *j, const IrInsn *in)
{
    static const uint8_t code[] = { [IR_AND] = ALU_AND, [IR_OR] = ALU_OR, [IR_XOR] = ALU_XOR };
    unsigned w = jit_w(in), ra, rb = NO_REG, rd, z = jit_z(in);
    IrType type = (IrType)in->type;
    int32_t imm = 0;
    IrRef a, b;

    if (in->op == IR_SUB) {
        do_sub(j, in);
        return;
    }
    order(j, in, &a, &b);
    if (in->op == IR_AND && w && val_const(j, b) && j->val[b].k == (uint32_t)j->val[b].k) {
        /* The upper half of the result is 0: the 32-bit form does it. */
        w = 0;
        z = VAL_Z32;
        type = IR_I32;
    }
    ra = val_use(j, a);
    if (!val_imm(j, b, w, &imm)) {
        rb = val_use(j, b);
    }
    val_deaths(j, in);
    rd = two_operand(j, in, code[in->op], w, true, ra, rb, imm);
    val_set(j, in->d, rd, z);
    flags_result(j, FLAGS_LOGIC, type, in->d, rd);
}

void jit_andc(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra = val_use(j, in->a), rb = val_use(j, in->b), rd, rt;

    val_deaths(j, in);
    if (j->bmi1) {
        rd = val_dest(j, in->d, ra);
        e_vrr(&j->e, OP_ANDN | w, rd, rb, ra);
    } else {
        rt = val_scratch(j);
        e_mov(&j->e, w, rt, rb);
        e_rr(&j->e, 0xf7 | w, 2, rt);
        rd = val_dest(j, in->d, ra);
        if (rd != ra) {
            e_alu(&j->e, ALU_AND, w, rt, ra);
            e_mov(&j->e, w, rd, rt);
        } else {
            e_alu(&j->e, ALU_AND, w, rd, rt);
        }
    }
    val_set(j, in->d, rd, jit_z(in));
    flags_result(j, FLAGS_LOGIC, (IrType)in->type, in->d, rd);
}

void jit_mul(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra, rb = NO_REG, rd;
    int32_t imm = 0;
    IrRef a, b;

    order(j, in, &a, &b);
    ra = val_use(j, a);
    if (!val_imm(j, b, w, &imm)) {
        rb = val_use(j, b);
    }
    val_deaths(j, in);
    rd = val_dest2(j, in->d, ra, rb);
    if (rb == NO_REG) {
        e_rr(&j->e, (fits8(imm) ? 0x6b : 0x69) | w, rd, ra);
        if (fits8(imm)) {
            e8(&j->e, (uint8_t)imm);
        } else {
            e32(&j->e, (uint32_t)imm);
        }
    } else if (rd == ra || rd == rb) {
        e_rr(&j->e, OP_IMUL | w, rd, rd == ra ? rb : ra);
    } else {
        e_mov(&j->e, w, rd, ra);
        e_rr(&j->e, OP_IMUL | w, rd, rb);
    }
    jit_flags_unknown(j);
    val_set(j, in->d, rd, jit_z(in));
}

void jit_mulh(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra, rb, digit = in->op == IR_MULHU ? 4 : 5;

    val_take(j, RAX);
    val_take(j, RDX);
    ra = val_use(j, in->a);
    rb = val_use(j, in->b);
    e_mov(&j->e, w, RAX, ra);
    e_rr(&j->e, 0xf7 | w, digit, rb);
    jit_flags_unknown(j);
    val_deaths(j, in);
    val_set_moved(j, in->d, RDX, jit_z(in));
}

void jit_neg_not(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra = val_use(j, in->a), rd;

    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (rd != ra) {
        e_mov(&j->e, w, rd, ra);
    }
    e_rr(&j->e, 0xf7 | w, in->op == IR_NEG ? 3 : 2, rd);
    val_set(j, in->d, rd, jit_z(in));
    if (in->op == IR_NEG) {
        flags_result(j, FLAGS_ZS, (IrType)in->type, in->d, rd);
    }
}

void jit_lea(Jit *j, const IrInsn *in)
{
    unsigned w = jit_w(in), ra = NO_REG, rb = NO_REG, rd, scale = in->sub;
    int64_t disp = (int32_t)in->imm, more;

    /* Constants go into the displacement where they fit. */
    if (in->a && val_const(j, in->a) &&
        fits32(more = (int64_t)((uint64_t)disp + j->val[in->a].k))) {
        disp = more;
    } else if (in->a) {
        ra = val_use(j, in->a);
    }
    if (in->b && val_const(j, in->b) &&
        fits32(more = (int64_t)((uint64_t)disp + (j->val[in->b].k << scale)))) {
        disp = more;
    } else if (in->b) {
        rb = val_use(j, in->b);
    }
    val_deaths(j, in);
    rd = val_dest(j, in->d, ra);
    if (ra == NO_REG && rb == NO_REG) {
        e_mov_imm(&j->e, rd, w ? (uint64_t)disp : (uint32_t)disp);
    } else if (ra == NO_REG) {
        e_rm_scaled(&j->e, OP_LEA | w, rd, rb, scale, (int32_t)disp);
    } else if (rb == NO_REG && disp == 0) {
        e_mov(&j->e, w, rd, ra);
    } else {
        e_rmx(&j->e, OP_LEA | w, rd, ra, rb, scale, (int32_t)disp);
    }
    val_set(j, in->d, rd, jit_z(in));
}
