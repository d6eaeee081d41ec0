/* The x86 front end of the JIT: state as IR globals, and one instruction after the other.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/system.h"
#include "target/i386/tcg_insn.h"
#include "target/i386/x86.h"

#define GPR(name, n, pin) [n] = { name, offsetof(X86State, gpr[n]), IR_I64, pin }
#define XMM(n) [X86_G_XMM0 + n] = { "xmm" #n, offsetof(X86State, xmm[n]), IR_V128, 0 }

/* Pins in the order in which code uses the registers. */
static const IrGlobal globals[X86_NUM_GLOBALS] = {
    GPR("rax", R_RAX, 2), GPR("rcx", R_RCX, 4), GPR("rdx", R_RDX, 3), GPR("rbx", R_RBX, 7),
    GPR("rsp", R_RSP, 1), GPR("rbp", R_RBP, 8), GPR("rsi", R_RSI, 6), GPR("rdi", R_RDI, 5),
    GPR("r8", R_R8, 11), GPR("r9", R_R9, 12), GPR("r10", R_R10, 15), GPR("r11", R_R11, 16),
    GPR("r12", R_R12, 13), GPR("r13", R_R13, 14), GPR("r14", R_R14, 17), GPR("r15", R_R15, 18),
    [X86_G_CC_DST] = { "cc_dst", offsetof(X86State, cc_dst), IR_I64, 9 },
    [X86_G_CC_SRC] = { "cc_src", offsetof(X86State, cc_src), IR_I64, 10 },
    [X86_G_CC_SRC2] = { "cc_src2", offsetof(X86State, cc_src2), IR_I64, 0 },
    [X86_G_CC_OVER] = { "cc_over", offsetof(X86State, cc_over), IR_I64, 0 },
    [X86_G_CC_STEP] = { "cc_step", offsetof(X86State, cc_step), IR_I64, 0 },
    [X86_G_CC_OP] = { "cc_op", offsetof(X86State, cc_op), IR_I32, 0 },
    [X86_G_EFLAGS] = { "eflags", offsetof(X86State, eflags), IR_I32, 0 },
    XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7),
    XMM(8), XMM(9), XMM(10), XMM(11), XMM(12), XMM(13), XMM(14), XMM(15),
};

static vaddr_t fetch_addr(const Cpu *cpu, vaddr_t pc)
{
    const X86State *s = x86_state(cpu);

    return s->mode & X86_MODE_CS64 ? pc : (uint32_t)(s->seg[R_CS].base + pc);
}

static unsigned fetch_mmu(uint64_t mode)
{
    return (mode & X86_MODE_CPL) == 3 ? X86_MMU_USER : X86_MMU_KERNEL;
}

static void tr_init(X86Tr *tr, TcgTranslate *t)
{
    tr->t = t;
    tr->ir = t->ir;
    tr->env = x86_state(t->cpu);
    tr->row = NULL;
    tr->mode = (uint32_t)t->mode;
    tr->mmu = (uint8_t)x86_mmu(tr->mode);
    tr->code64 = tr->mode & X86_MODE_CS64;
    tr->stsize = tr->code64 ? 8 : tr->mode & X86_MODE_SS32 ? 4 : 2;
    tr->ended = false;
    tr->pop_adjust = 0;
    tr->pc = tr->next = t->pc;
}

/* The guest's execute breakpoints, before anything of the instruction. */
static void check_breakpoint(X86Tr *tr)
{
    if ((tr->mode & (X86_MODE_EXECBP | X86_MODE_RF | X86_MODE_SS_SHADOW)) == X86_MODE_EXECBP) {
        x86tr_call(tr, IR_NONE, (void *)x86_helper_check_exec_bp,
                   ir_const(tr->ir, fetch_addr(tr->t->cpu, tr->pc)), IR_NONE, IR_NONE, IR_NONE);
    }
}

/* Outside 64-bit and flat modes the instruction must lie below CS's limit. The limit is not in the
 * block's key, so the first instruction asks at run time, and one further on that looks beyond it
 * starts a block. */
static bool starts_block(const X86Tr *tr)
{
    return !x86tr_flat_code(tr) && tr->t->ninsns > 0 &&
           tr->pc + tr->insn.length - 1 > tr->env->seg[R_CS].limit;
}

static void check_limit(X86Tr *tr)
{
    if (!x86tr_flat_code(tr) && tr->t->ninsns == 0) {
        x86tr_check_target(tr, ir_const(tr->ir, tr->pc + tr->insn.length - 1));
    }
}

/* The fault that the instruction's place and prefixes are, or -1. */
static int row_fault(const X86Tr *tr)
{
    const X86InsnRow *row = tr->row;
    bool prot = (tr->mode & (X86_MODE_PE | X86_MODE_VM86)) == X86_MODE_PE;

    if (!row || (row->feature != X86_FEATURE_NONE && !x86_has(tr->env, (X86Feature)row->feature))) {
        return X86_EXC_UD;
    }
    if (((row->flags & X86I_PROT) || tr->insn.encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) &&
        !prot) {
        return X86_EXC_UD;
    }
    if ((row->flags & X86I_NO64 && tr->code64) || (row->flags & X86I_ONLY64 && !tr->code64)) {
        return X86_EXC_UD;
    }
    if (tr->lock && (!(row->flags & X86I_LOCK) || !x86tr_is_mem(&tr->op[0]))) {
        return X86_EXC_UD;
    }
    if ((row->flags & X86I_CPL0) && (tr->mode & X86_MODE_CPL) != 0) {
        return X86_EXC_GP;
    }
    return -1;
}

static void translate(X86Tr *tr)
{
    int fault = row_fault(tr);

    if (fault == X86_EXC_GP) {
        x86tr_raise_error(tr, X86_EXC_GP, 0);
    } else if (fault >= 0) {
        x86tr_raise(tr, (unsigned)fault);
    } else {
        tr->row->translate(tr);
    }
    if (!tr->ended && (x86tr_one_by_one(tr->mode) || (tr->row->flags & X86I_ENDS))) {
        x86tr_exit_next(tr, tr->next);
    }
}

static TcgNext x86_insn(TcgTranslate *t, unsigned *len)
{
    X86Tr tr;
    X86DecodeResult result;

    tr_init(&tr, t);
    result = x86_decode(&tr);
    if (result == X86_DECODE_SHORT) {
        return TCG_NEXT_SHORT;
    }
    *len = result == X86_DECODE_OK ? tr.insn.length : MIN(t->nbytes, 15u);
    if (result == X86_DECODE_OK && starts_block(&tr)) {
        return TCG_NEXT_SHORT;
    }
    check_breakpoint(&tr);
    if (result == X86_DECODE_LONG) {
        x86tr_raise_error(&tr, X86_EXC_GP, 0);
    } else if (result == X86_DECODE_BAD) {
        x86tr_raise(&tr, X86_EXC_UD);
    } else {
        check_limit(&tr);
        translate(&tr);
    }
    return tr.ended ? TCG_NEXT_END : TCG_NEXT_GO;
}

static void x86_end(TcgTranslate *t, vaddr_t pc)
{
    bool code64 = t->mode & X86_MODE_CS64;

    ir_jump(t->ir, 0, code64 ? pc : (uint32_t)pc);
}

const TcgFrontend x86_tcg_frontend = {
    .globals = globals,
    .nglobals = X86_NUM_GLOBALS,
    .nmmu = X86_NUM_MMU,
    .pc_offset = offsetof(X86State, rip),
    .mode_offset = offsetof(X86State, mode),
    .fp_control_offset = offsetof(X86State, mxcsr),
    .max_insn_bytes = 15,
    .fetch_addr = fetch_addr,
    .fetch_mmu = fetch_mmu,
    .insn = x86_insn,
    .end = x86_end,
    .page = x86_tcg_page,
    .misaligned = x86_tcg_misaligned,
    .deliver = x86_tcg_deliver,
    .interrupt = x86_tcg_interrupt,
    .moved = x86_tcg_moved,
    .guest_watch = x86_tcg_guest_watch,
    .step_done = x86_tcg_step_done,
};
