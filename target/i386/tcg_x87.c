/* Translates x87: each instruction is a call that runs it on the host's x87 (x87.c).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/tcg_vec.h"
#include "target/i386/x87.h"

static bool x87_ok(X86Tr *tr)
{
    if (tr->mode & (X86_MODE_EM | X86_MODE_TS)) {
        x86tr_raise(tr, X86_EXC_NM);
        return false;
    }
    return true;
}

void x86tr_x87_wait(X86Tr *tr)
{
    if ((tr->mode & X86_MODE_TS) && (tr->mode & X86_MODE_MP)) {
        x86tr_raise(tr, X86_EXC_NM);
        return;
    }
    ir_call(tr->ir, IR_CALL_READS | IR_CALL_RAISES | IR_CALL_EFFECT, IR_NONE, (void *)x86_helper_x87_wait,
            IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

static void call_simple(X86Tr *tr, void *helper)
{
    x86tr_call(tr, IR_NONE, helper, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

/* Forms without memory. */
static void x87_reg(X86Tr *tr, unsigned opcode, unsigned modrm)
{
    unsigned code = opcode << 8 | modrm;
    bool fcmov = (opcode == 0xda || opcode == 0xdb) && modrm < 0xe0;
    bool compare = (opcode == 0xdb || opcode == 0xdf) && modrm >= 0xe8 && modrm < 0xf8;
    IrRef flags, t;

    switch (code) {
    case 0xdbe3:
        call_simple(tr, (void *)x86_helper_x87_fninit);
        return;
    case 0xdbe2:
        call_simple(tr, (void *)x86_helper_x87_fnclex);
        return;
    case 0xdbe0: case 0xdbe1: case 0xdbe4:
        return;     /* FENI, FDISI, FSETPM do nothing since the 80387 */
    case 0xdfe0:
        t = ir_temp(tr->ir);
        ir_call(tr->ir, IR_CALL_READS, t, (void *)x86_helper_x87_status, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        x86tr_gpr_write(tr, R_RAX, 2, t);
        return;
    default:
        break;
    }
    flags = fcmov ? x86tr_cc_eflags(tr) : ir_const(tr->ir, 0);
    t = compare ? ir_temp(tr->ir) : IR_NONE;
    x86tr_call(tr, t, (void *)x86_helper_x87_reg, ir_const(tr->ir, code), flags, ir_const(tr->ir, tr->pc), IR_NONE);
    if (compare) {
        ir_op2i(tr->ir, IR_AND, IR_I32, t, t, X86_ARITH);
        x86tr_cc_set_eflags(tr, t);
    }
}

static unsigned environment_form(const X86Tr *tr)
{
    bool real = !(tr->mode & X86_MODE_PE) || (tr->mode & X86_MODE_VM86);

    return (tr->opsize == 2 ? 0 : 2) + !real;
}

static unsigned environment_size(const X86Tr *tr)
{
    return tr->opsize == 2 ? 14 : 28;
}

static void x87_environment(X86Tr *tr, void *helper, unsigned more, X86Access access)
{
    IrRef linear = x86tr_linear(tr, &tr->op[0], environment_size(tr) + more, access);

    x86tr_call(tr, IR_NONE, helper, linear, ir_const(tr->ir, environment_form(tr)), IR_NONE, IR_NONE);
}

static void x87_store_word(X86Tr *tr, IrRef v)
{
    x86tr_store(tr, x86tr_addr(tr, &tr->op[0], 2, X86_WRITE), v, MO_16);
}

/* Control words and environments; true if it was one. */
static bool x87_control(X86Tr *tr, unsigned opcode, unsigned reg)
{
    IrRef t;

    switch (opcode << 4 | reg) {
    case 0xd94:
        x87_environment(tr, (void *)x86_helper_x87_fldenv, 0, X86_READ);
        return true;
    case 0xd95:
        t = ir_temp(tr->ir);
        x86tr_load(tr, t, x86tr_addr(tr, &tr->op[0], 2, X86_READ), MO_16);
        x86tr_call(tr, IR_NONE, (void *)x86_helper_x87_fldcw, t, IR_NONE, IR_NONE, IR_NONE);
        return true;
    case 0xd96:
        x87_environment(tr, (void *)x86_helper_x87_fstenv, 0, X86_WRITE);
        return true;
    case 0xd97:
        t = ir_temp(tr->ir);
        ir_lds(tr->ir, t, MO_16, offsetof(X86State, fpu.control));
        x87_store_word(tr, t);
        return true;
    case 0xdd4:
        x87_environment(tr, (void *)x86_helper_x87_frstor, 80, X86_READ);
        return true;
    case 0xdd6:
        x87_environment(tr, (void *)x86_helper_x87_fsave, 80, X86_WRITE);
        return true;
    case 0xdd7:
        t = ir_temp(tr->ir);
        ir_call(tr->ir, IR_CALL_READS, t, (void *)x86_helper_x87_status, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        x87_store_word(tr, t);
        return true;
    default:
        return false;
    }
}

static void x87_mem(X86Tr *tr, unsigned opcode, unsigned modrm)
{
    unsigned reg = modrm >> 3 & 7, seg = (unsigned)(tr->op[0].mem.segment - ZYDIS_REGISTER_ES);
    bool writes = (opcode & 1) && (reg == 1 || reg == 2 || reg == 3 || reg >= 6) && opcode != 0xd9;
    IrRef linear, offset;

    if (x87_control(tr, opcode, reg)) {
        return;
    }
    if (opcode == 0xd9) {
        writes = reg != 0;
    }
    linear = x86tr_linear(tr, &tr->op[0], x86tr_op_size(tr, 0), writes ? X86_WRITE : X86_READ);
    offset = x86tr_offset(tr, &tr->op[0]);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_x87_mem,
               ir_const(tr->ir, opcode << 8 | modrm | seg << 16), linear, offset, ir_const(tr->ir, tr->pc));
}

void x86tr_x87(X86Tr *tr)
{
    unsigned opcode = tr->insn.opcode, modrm;

    if (!x87_ok(tr)) {
        return;
    }
    modrm = (unsigned)tr->insn.raw.modrm.mod << 6 | (unsigned)tr->insn.raw.modrm.reg << 3 | tr->insn.raw.modrm.rm;
    if (modrm >= 0xc0) {
        x87_reg(tr, opcode, modrm);
    } else {
        x87_mem(tr, opcode, modrm);
    }
}
