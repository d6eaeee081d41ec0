/* Translates system instructions, flag instructions and port accesses: mostly calls of the
 * system's helpers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/tcg_int.h"

/* ---- instructions without operands ---- */

typedef uint64_t PlainHelper(void *env);

static PlainHelper *const plain[] = {
    [X86_SYS_SWAPGS] = x86_helper_swapgs, [X86_SYS_CLTS] = x86_helper_clts,
    [X86_SYS_WBINVD] = x86_helper_wbinvd, [X86_SYS_CLAC] = x86_helper_clac,
    [X86_SYS_STAC] = x86_helper_stac,     [X86_SYS_RDMSR] = x86_helper_rdmsr,
    [X86_SYS_WRMSR] = x86_helper_wrmsr,   [X86_SYS_RDTSC] = x86_helper_rdtsc,
    [X86_SYS_RDTSCP] = x86_helper_rdtscp, [X86_SYS_RDPMC] = x86_helper_rdpmc,
    [X86_SYS_CPUID] = x86_helper_cpuid,   [X86_SYS_XGETBV] = x86_helper_xgetbv,
    [X86_SYS_XSETBV] = x86_helper_xsetbv, [X86_SYS_STI] = x86_helper_sti,
};

/* arg: X86_SYS_*. */
void x86tr_plain(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)plain[tr->row->arg], IR_NONE, IR_NONE, IR_NONE, IR_NONE);
}

void x86tr_nop(X86Tr *tr)
{
}

/* Orders this vCPU's stores before its later loads, for the other host threads. */
void x86tr_fence(X86Tr *tr)
{
    ir_call(tr->ir, IR_CALL_EFFECT, IR_NONE, (void *)x86_helper_fence, IR_NONE, IR_NONE, IR_NONE,
            IR_NONE);
}

/* CLFLUSH and relatives: fault as a load of a byte would. */
void x86tr_flush_line(X86Tr *tr)
{
    x86tr_load(tr, ir_temp(tr->ir), x86tr_addr(tr, &tr->op[0], 1, X86_READ), MO_8);
}

void x86tr_pause(X86Tr *tr)
{
    IrRef t;
    int on;

    if (x86tr_one_by_one(tr->mode) || tr->t->single) {
        return;
    }
    t = ir_temp(tr->ir);
    on = ir_label(tr->ir);
    x86tr_call(tr, t, (void *)x86_helper_pause, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    ir_brcond(tr->ir, IR_EQ, IR_I64, t, ir_const(tr->ir, 0), on);
    ir_sts(tr->ir, ir_const(tr->ir, tr->next), MO_64, offsetof(X86State, rip));
    ir_exit(tr->ir, TCG_EXIT_YIELD);
    ir_put_label(tr->ir, on);
}

void x86tr_hlt(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_hlt, ir_const(tr->ir, tr->next), IR_NONE, IR_NONE,
               IR_NONE);
    if (x86tr_one_by_one(tr->mode)) {
        x86tr_insn_end(tr);
    }
    ir_exit(tr->ir, TCG_EXIT_HALT);
    tr->ended = true;
}

/* ---- SYSCALL and the like: they set rip ---- */

void x86tr_syscall(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_syscall, ir_const(tr->ir, tr->next), IR_NONE,
               IR_NONE, IR_NONE);
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

void x86tr_sysret(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_sysret, ir_const(tr->ir, tr->opsize == 8 ? 8 : 4),
               IR_NONE, IR_NONE, IR_NONE);
    ir_exit(tr->ir, TCG_EXIT_NEXT);
    tr->ended = true;
}

void x86tr_sysenter(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_sysenter, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86tr_exit_moved(tr);
}

void x86tr_sysexit(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_sysexit, ir_const(tr->ir, tr->opsize == 8 ? 8 : 4),
               IR_NONE, IR_NONE, IR_NONE);
    x86tr_exit_moved(tr);
}

/* ---- descriptor tables and selectors ---- */

/* SGDT, SIDT, LGDT, LIDT (arg). */
void x86tr_table_register(X86Tr *tr)
{
    static uint64_t (*const helper[])(void *, uint64_t, uint64_t) = {
        x86_helper_sgdt, x86_helper_sidt, x86_helper_lgdt, x86_helper_lidt,
    };
    unsigned size = tr->code64 ? 8 : tr->opsize, kind = tr->row->arg;
    IrRef addr = x86tr_linear(tr, &tr->op[0], size == 8 ? 10 : 6, kind < 2 ? X86_WRITE : X86_READ);

    x86tr_call(tr, IR_NONE, (void *)helper[kind], addr, ir_const(tr->ir, size), IR_NONE, IR_NONE);
}

/* LLDT, LTR (arg 1). */
void x86tr_load_system_seg(X86Tr *tr)
{
    IrRef sel = x86tr_op_read_ext(tr, 0, false);

    x86tr_call(tr, IR_NONE, tr->row->arg ? (void *)x86_helper_ltr : (void *)x86_helper_lldt, sel,
               IR_NONE, IR_NONE, IR_NONE);
}

/* SLDT, STR, SMSW (arg 0, 1, 2). */
void x86tr_store_system(X86Tr *tr)
{
    static uint64_t (*const helper[])(void *) = { x86_helper_sldt, x86_helper_str,
                                                  x86_helper_smsw };
    IrRef t = ir_temp(tr->ir);

    x86tr_call(tr, t, (void *)helper[tr->row->arg], IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86tr_op_write(tr, 0, t);
}

static void set_zf(X86Tr *tr, IrRef zf)
{
    IrRef flags = x86tr_cc_eflags(tr);

    ir_deposit(tr->ir, flags, flags, zf, 6, 1);
    x86tr_cc_set_eflags(tr, flags);
}

/* VERR, VERW (arg 1). */
void x86tr_verify(X86Tr *tr)
{
    IrRef sel = x86tr_op_read_ext(tr, 0, false), t = ir_temp(tr->ir);

    x86tr_call(tr, t, tr->row->arg ? (void *)x86_helper_verw : (void *)x86_helper_verr, sel,
               IR_NONE, IR_NONE, IR_NONE);
    set_zf(tr, t);
}

/* LAR, LSL (arg 1): nothing is written for a bad selector. */
void x86tr_access_rights(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    unsigned size = x86tr_op_size(tr, 0);
    IrRef sel = ir_temp(b), t = ir_temp(b), zf = ir_temp(b), old = x86tr_op_read(tr, 0);

    ir_op1(b, IR_EXT16U, IR_I64, sel, x86tr_op_read(tr, 1));
    x86tr_call(tr, t, tr->row->arg ? (void *)x86_helper_lsl : (void *)x86_helper_lar, sel, IR_NONE,
               IR_NONE, IR_NONE);
    ir_op2i(b, IR_SHR, IR_I64, zf, t, 63);
    ir_op1(b, IR_EXT32U, IR_I64, t, t);
    if (size >= 4) {
        ir_movcond(b, IR_NE, IR_I64, old, zf, ir_const(b, 0), t, old);
    } else {
        ir_movcond(b, IR_NE, IR_I64, t, zf, ir_const(b, 0), t, old);
        x86tr_op_write(tr, 0, t);
    }
    set_zf(tr, zf);
}

void x86tr_arpl(X86Tr *tr)
{
    IrBlock *b = tr->ir;
    IrRef rpl = ir_temp(b), own = ir_temp(b), zf = ir_temp(b), neu = ir_temp(b), old;
    X86Addr a;

    ir_op2i(b, IR_AND, IR_I64, rpl, x86tr_op_read(tr, 1), 3);
    old = x86tr_modify_read(tr, 0, &a);
    ir_op2i(b, IR_AND, IR_I64, own, old, 3);
    ir_setcond(b, IR_LTU, IR_I64, zf, own, rpl);
    ir_deposit(b, neu, old, rpl, 0, 2);
    ir_movcond(b, IR_NE, IR_I64, neu, zf, ir_const(b, 0), neu, old);
    x86tr_modify_write(tr, 0, &a, neu);
    set_zf(tr, zf);
}

/* ---- control and debug registers ---- */

void x86tr_mov_control(X86Tr *tr)
{
    bool write = tr->op[0].reg.value >= ZYDIS_REGISTER_CR0;
    ZydisRegister special = tr->op[write ? 0 : 1].reg.value;
    bool debug = special >= ZYDIS_REGISTER_DR0;
    IrRef n = ir_const(tr->ir,
                       (uint64_t)(special - (debug ? ZYDIS_REGISTER_DR0 : ZYDIS_REGISTER_CR0))),
          t;

    if (write) {
        t = x86tr_reg_read_ext(tr, tr->op[1].reg.value, false);
        x86tr_call(tr, IR_NONE, debug ? (void *)x86_helper_write_dr : (void *)x86_helper_write_cr,
                   n, t, IR_NONE, IR_NONE);
        x86tr_exit_next(tr, tr->next);
    } else {
        t = ir_temp(tr->ir);
        x86tr_call(tr, t, debug ? (void *)x86_helper_read_dr : (void *)x86_helper_read_cr, n,
                   IR_NONE, IR_NONE, IR_NONE);
        x86tr_reg_write(tr, tr->op[0].reg.value, t);
    }
}

void x86tr_lmsw(X86Tr *tr)
{
    x86tr_call(tr, IR_NONE, (void *)x86_helper_lmsw, x86tr_op_read_ext(tr, 0, false), IR_NONE,
               IR_NONE, IR_NONE);
}

/* The address counts, not whether it can be reached: no segment check. */
void x86tr_invlpg(X86Tr *tr)
{
    unsigned seg = x86tr_reg_index(tr->op[0].mem.segment, ZYDIS_REGISTER_ES);
    IrRef off = x86tr_offset(tr, &tr->op[0]), t = ir_temp(tr->ir);

    if (tr->code64) {
        off = x86tr_segment(tr, seg, off, 1, X86_READ);
    } else {
        ir_lds(tr->ir, t, MO_32, offsetof(X86State, seg[seg].base));
        ir_op2(tr->ir, IR_ADD, IR_I32, t, t, off);
        off = t;
    }
    x86tr_call(tr, IR_NONE, (void *)x86_helper_invlpg, off, IR_NONE, IR_NONE, IR_NONE);
}

void x86tr_invpcid(X86Tr *tr)
{
    IrRef type = x86tr_op_read_ext(tr, 0, false), addr = x86tr_linear(tr, &tr->op[1], 16, X86_READ);

    x86tr_call(tr, IR_NONE, (void *)x86_helper_invpcid, type, addr, IR_NONE, IR_NONE);
}

void x86tr_rdpid(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    ir_call(tr->ir, IR_CALL_READS, t, (void *)x86_helper_rdpid, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
    x86tr_op_write(tr, 0, t);
}

/* RDFSBASE, RDGSBASE, WRFSBASE, WRGSBASE (arg: segment, and 8 to write). */
void x86tr_segment_base(X86Tr *tr)
{
    unsigned seg = tr->row->arg & 7;
    bool write = tr->row->arg & 8;
    int64_t off = (int64_t)offsetof(X86State, seg[seg].base);
    IrRef t;

    if (!(tr->mode & X86_MODE_FSGSBASE)) {
        x86tr_raise(tr, X86_EXC_UD);
        return;
    }
    if (!write) {
        t = ir_temp(tr->ir);
        ir_lds(tr->ir, t, MO_64, off);
        x86tr_op_write(tr, 0, t);
        return;
    }
    t = x86tr_op_read_ext(tr, 0, false);
    if (x86tr_op_size(tr, 0) == 8) {
        ir_call(tr->ir, IR_CALL_READS | IR_CALL_RAISES, IR_NONE, (void *)x86_helper_check_canonical,
                t, IR_NONE, IR_NONE, IR_NONE);
    }
    ir_sts(tr->ir, t, MO_64, off);
}

/* ---- flags ---- */

void x86tr_cli(X86Tr *tr)
{
    if (tr->mode & X86_MODE_IOPL_OK) {
        ir_op2i(tr->ir, IR_AND, IR_I32, G_EFLAGS, G_EFLAGS, (uint32_t)~X86_IF);
    } else {
        x86tr_call(tr, IR_NONE, (void *)x86_helper_cli, IR_NONE, IR_NONE, IR_NONE, IR_NONE);
        x86tr_exit_next(tr, tr->next);
    }
}

/* CLD, STD (arg 1). */
void x86tr_direction(X86Tr *tr)
{
    if (tr->row->arg) {
        ir_op2i(tr->ir, IR_OR, IR_I32, G_EFLAGS, G_EFLAGS, X86_DF);
    } else {
        ir_op2i(tr->ir, IR_AND, IR_I32, G_EFLAGS, G_EFLAGS, (uint32_t)~X86_DF);
    }
}

/* CLC, STC, CMC (arg 0, 1, 2). */
void x86tr_carry(X86Tr *tr)
{
    IrRef t;

    if (tr->row->arg < 2) {
        x86tr_cc_set_carry(tr, ir_const(tr->ir, tr->row->arg), true);
    } else {
        t = ir_temp(tr->ir);
        ir_op2i(tr->ir, IR_XOR, IR_I64, t, x86tr_cond_value(tr, X86_COND_B), 1);
        x86tr_cc_set_carry(tr, t, true);
    }
}

static bool lahf_missing(X86Tr *tr)
{
    if (tr->code64 && !x86_has(tr->env, X86_F_LAHF_LM)) {
        x86tr_raise(tr, X86_EXC_UD);
        return true;
    }
    return false;
}

void x86tr_lahf(X86Tr *tr)
{
    IrRef t;

    if (!lahf_missing(tr)) {
        t = x86tr_cc_eflags(tr);
        ir_op2i(tr->ir, IR_OR, IR_I64, t, t, 2);
        ir_deposit(tr->ir, G_REG(R_RAX), G_REG(R_RAX), t, 8, 8);
    }
}

/* OF stays, the other five come from AH. */
void x86tr_sahf(X86Tr *tr)
{
    IrRef t, of;

    if (!lahf_missing(tr)) {
        of = x86tr_cond_value(tr, X86_COND_O);
        t = ir_temp(tr->ir);
        ir_extract(tr->ir, t, G_REG(R_RAX), 8, 8);
        ir_op2i(tr->ir, IR_AND, IR_I64, t, t, X86_ARITH & 0xff);
        ir_deposit(tr->ir, t, t, of, 11, 1);
        x86tr_cc_set_eflags(tr, t);
    }
}

void x86tr_salc(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    ir_op1(tr->ir, IR_NEG, IR_I64, t, x86tr_cond_value(tr, X86_COND_B));
    x86tr_gpr_write(tr, R_RAX, 1, t);
}

void x86tr_pushf(X86Tr *tr)
{
    IrRef t, f;

    if (tr->mode & X86_MODE_VM86) {
        t = ir_temp(tr->ir);
        x86tr_call(tr, t, (void *)x86_helper_pushf, ir_const(tr->ir, tr->row->arg), IR_NONE,
                   IR_NONE, IR_NONE);
    } else {
        t = x86tr_cc_eflags(tr);
        f = ir_temp(tr->ir);
        ir_op2i(tr->ir, IR_AND, IR_I32, f, G_EFLAGS, (uint32_t)~(X86_RF | X86_VM | X86_ARITH));
        ir_op2(tr->ir, IR_OR, IR_I32, t, t, f);
    }
    x86tr_push(tr, t, tr->row->arg);
}

void x86tr_popf(X86Tr *tr)
{
    IrRef t = ir_temp(tr->ir);

    x86tr_stack_load(tr, t, tr->row->arg);
    x86tr_call(tr, IR_NONE, (void *)x86_helper_popf, t, ir_const(tr->ir, tr->row->arg), IR_NONE,
               IR_NONE);
    x86tr_stack_add(tr, (int32_t)tr->row->arg);
    x86tr_exit_next(tr, tr->next);
}

/* ---- ports ---- */

static IrRef port(X86Tr *tr, unsigned operand)
{
    IrRef t;

    if (!x86tr_is_reg(&tr->op[operand])) {
        return ir_const(tr->ir, tr->op[operand].imm.value.u & 0xff);
    }
    t = ir_temp(tr->ir);
    ir_op1(tr->ir, IR_EXT16U, IR_I64, t, G_REG(R_RDX));
    return t;
}

static void port_end(X86Tr *tr)
{
    if (tr->mode & X86_MODE_IOBP) {
        x86tr_exit_insn_end(tr, tr->next);
    }
}

void x86tr_in(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 0);
    IrRef t = ir_temp(tr->ir);

    x86tr_call(tr, t, (void *)x86_helper_in, port(tr, 1), ir_const(tr->ir, size), IR_NONE, IR_NONE);
    x86tr_gpr_write(tr, R_RAX, size, t);
    port_end(tr);
}

void x86tr_out(X86Tr *tr)
{
    unsigned size = x86tr_op_size(tr, 1);
    IrRef v = x86tr_extend(tr, G_REG(R_RAX), size, false);

    x86tr_call(tr, IR_NONE, (void *)x86_helper_out, port(tr, 0), ir_const(tr->ir, size), v,
               IR_NONE);
    port_end(tr);
}
