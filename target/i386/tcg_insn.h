/* Inside the x86 front end: one decoded instruction on its way to IR, and what translators build
 * with.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A translator is a function of an X86Tr. It reads operands, builds IR, and writes registers and
 * flags only after everything in the instruction that can fault. It either leaves the block open
 * (the next instruction follows) or closes it by one of the x86tr_*exit functions below.
 * Instructions hang on tables of X86InsnRow: x86_insn_table (integer and system) and
 * x86_insn_table_fp (x87, MMX, SSE). */
#ifndef GLASSBOX_TARGET_I386_TCG_INSN_H
#define GLASSBOX_TARGET_I386_TCG_INSN_H

#include <Zydis/Zydis.h>

#include "accel/tcg/frontend.h"
#include "target/i386/cpuid.h"
#include "target/i386/flags.h"
#include "target/i386/state.h"

typedef struct X86Tr X86Tr;

#define X86_FEATURE_NONE X86_F_NUM      /* X86InsnRow.feature: every CPU has it */

/* X86InsnRow.flags */
enum {
    X86I_LOCK = 1,          /* LOCK is allowed when the first operand is memory */
    X86I_PROT = 2,          /* #UD in real and VM86 mode */
    X86I_CPL0 = 4,          /* #GP(0) unless CPL is 0 */
    X86I_NO64 = 8,          /* #UD in 64-bit mode */
    X86I_ONLY64 = 16,       /* #UD outside 64-bit mode */
    X86I_ENDS = 32,         /* the block ends after it unless the translator has ended it already */
    X86I_SETS_RF = 64,      /* does not clear RF when it ends (IRET) */
};

/* One instruction. A mnemonic may have several rows, told apart by `isa`; they must stand
 * together. */
typedef struct X86InsnRow {
    uint16_t mnemonic;      /* ZYDIS_MNEMONIC_* */
    uint16_t isa;           /* ZYDIS_ISA_SET_* that the row is for, or 0 for any */
    uint16_t feature;       /* X86Feature that CPUID must offer, else #UD; X86_FEATURE_NONE: none */
    uint16_t flags;         /* X86I_* */
    void (*translate)(X86Tr *);
    uint32_t arg;           /* the translator's own: a condition, a sub-operation */
} X86InsnRow;

extern const X86InsnRow x86_insn_table[];       /* ends with translate == NULL */
extern const X86InsnRow x86_insn_table_fp[];

#define X86TR_MAX_OPERANDS ZYDIS_MAX_OPERAND_COUNT

struct X86Tr {
    TcgTranslate *t;
    IrBlock *ir;
    const X86State *env;    /* for CPUID only: state that matters is in mode */
    const X86InsnRow *row;
    uint32_t mode;          /* X86_MODE_* */
    uint8_t mmu;            /* context of ordinary accesses */
    bool code64;            /* 64-bit mode */
    uint8_t opsize;         /* operand size attribute in bytes: 2, 4, 8 (1 in byte forms) */
    uint8_t adsize;         /* address size in bytes: 2, 4, 8 */
    uint8_t stsize;         /* stack pointer size in bytes: 2, 4, 8 */
    uint8_t rep;            /* last of F2, F3 among the prefixes, or 0 */
    bool lock;
    bool ended;             /* the block has its exit */
    int8_t pop_adjust;      /* added to rsp in an address (POP to memory) */
    vaddr_t pc, next;       /* of this and the following instruction */
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[X86TR_MAX_OPERANDS];     /* the visible ones */
};

/* The globals of the IR: state that generated code works on as variables. */
enum {
    X86_G_RAX = 0, X86_G_RSP = R_RSP,
    X86_G_CC_DST = 16, X86_G_CC_SRC, X86_G_CC_SRC2, X86_G_CC_OVER, X86_G_CC_STEP, X86_G_CC_OP,
    X86_G_EFLAGS,
    X86_G_XMM0,
    X86_NUM_GLOBALS = X86_G_XMM0 + 16,
};
#define G_REG(n) IR_GLOBAL(n)
#define G_XMM(n) IR_GLOBAL(X86_G_XMM0 + (n))
#define G_CC_DST IR_GLOBAL(X86_G_CC_DST)
#define G_CC_SRC IR_GLOBAL(X86_G_CC_SRC)
#define G_CC_SRC2 IR_GLOBAL(X86_G_CC_SRC2)
#define G_CC_OVER IR_GLOBAL(X86_G_CC_OVER)
#define G_CC_STEP IR_GLOBAL(X86_G_CC_STEP)
#define G_CC_OP IR_GLOBAL(X86_G_CC_OP)
#define G_EFLAGS IR_GLOBAL(X86_G_EFLAGS)

/* IR type of an operand of this many bytes: the type comparisons use, and arithmetic (never below
 * I32). */
static inline IrType x86tr_cmp_type(unsigned size)
{
    return size == 8 ? IR_I64 : size == 4 ? IR_I32 : size == 2 ? IR_I16 : IR_I8;
}
static inline IrType x86tr_type(unsigned size)
{
    return size == 8 ? IR_I64 : IR_I32;
}
/* log2 of a size in bytes: MO_8.. and the order of sizes in X86_CC_*. */
static inline unsigned x86tr_log2(unsigned size)
{
    return (unsigned)__builtin_ctz(size);
}

/* --- Registers (tcg_operand.c) --- */
/* Number of a general register operand; *high is set for AH..BH. */
unsigned x86tr_reg_num(ZydisRegister r, bool *high);
/* Size of a general register in bytes. */
unsigned x86tr_reg_size(ZydisRegister r);
/* Number of an MMX, XMM, ST or segment register operand in its class. */
static inline unsigned x86tr_reg_index(ZydisRegister r, ZydisRegister first)
{
    return (unsigned)(r - first);
}
/* A value whose low bits are the register's; those above its size are anything. Read only. */
IrRef x86tr_reg_read(X86Tr *, ZydisRegister);
/* Extended to 64 bits (a temporary, or the global itself for 64-bit registers). */
IrRef x86tr_reg_read_ext(X86Tr *, ZydisRegister, bool sign);
/* Writes the low bits of a value; 32-bit registers are zero-extended, smaller ones leave the rest
 * alone. */
void x86tr_reg_write(X86Tr *, ZydisRegister, IrRef value);
/* The same by number and size (not for AH..BH). */
void x86tr_gpr_write(X86Tr *, unsigned num, unsigned size, IrRef value);

/* --- Memory (tcg_operand.c) --- */
typedef enum X86Access { X86_READ = 0, X86_WRITE = 1 } X86Access;
/* A linear address in two parts: what LD and ST take. */
typedef struct X86Addr {
    IrRef base;
    int32_t disp;
} X86Addr;
/* Offset of a memory operand, cut to the address size, without its segment (LEA). */
IrRef x86tr_offset(X86Tr *, const ZydisDecodedOperand *);
/* Computes it straight into a value, as an operation of `type`. */
void x86tr_lea(X86Tr *, const ZydisDecodedOperand *, IrType type, IrRef d);
/* The segment of an implicit memory operand: the override, or this one. */
unsigned x86tr_override(const X86Tr *, unsigned seg);
/* Linear address of a memory operand for an access of size bytes, its segment checked. Registers
 * in it are used as they are: build the access before writing any. */
X86Addr x86tr_addr(X86Tr *, const ZydisDecodedOperand *, unsigned size, X86Access);
/* The same as one value, for helpers, AMO and the like. Read only; it may be a register itself. */
IrRef x86tr_linear(X86Tr *, const ZydisDecodedOperand *, unsigned size, X86Access);
/* Linear address of offset (cut to the address size already) in segment seg. */
IrRef x86tr_segment(X86Tr *, unsigned seg, IrRef offset, unsigned size, X86Access);
/* Adds what the mode asks for (alignment checks) to MO_* flags of an integer access. */
unsigned x86tr_mop(const X86Tr *, unsigned mop);
void x86tr_load(X86Tr *, IrRef d, X86Addr, unsigned mop);
void x86tr_store(X86Tr *, X86Addr, IrRef value, unsigned mop);

/* --- Operands: register, memory or immediate (tcg_operand.c) --- */
static inline bool x86tr_is_mem(const ZydisDecodedOperand *o)
{
    return o->type == ZYDIS_OPERAND_TYPE_MEMORY;
}
static inline bool x86tr_is_reg(const ZydisDecodedOperand *o)
{
    return o->type == ZYDIS_OPERAND_TYPE_REGISTER;
}
static inline unsigned x86tr_op_size(const X86Tr *tr, unsigned n) { return tr->op[n].size / 8u; }
/* Reads operand n: low bits valid, upper bits anything (memory operands come zero-extended). */
IrRef x86tr_op_read(X86Tr *, unsigned n);
/* Reads it extended to 64 bits. */
IrRef x86tr_op_read_ext(X86Tr *, unsigned n, bool sign);
/* Writes operand n (memory: computes the address anew; do not use after writing registers). */
void x86tr_op_write(X86Tr *, unsigned n, IrRef value);

/* Where an operation of the operand's type may put the new value of operand n: the global itself
 * for a 32- or 64-bit register, else a new temporary. x86tr_dest_write then stores it where it is
 * not there yet. To be used only when nothing can fault any more, for a register. */
IrRef x86tr_dest(X86Tr *, unsigned n);
void x86tr_dest_write(X86Tr *, unsigned n, const X86Addr *a, IrRef value);
/* Reads operand n to change it: the address of a memory operand stays in *a for the write that
 * must follow. */
IrRef x86tr_modify_read(X86Tr *, unsigned n, X86Addr *a);
void x86tr_modify_write(X86Tr *, unsigned n, const X86Addr *a, IrRef value);
/* Extends the low `size` bytes of a value to 64 bits. */
IrRef x86tr_extend(X86Tr *, IrRef v, unsigned size, bool sign);

/* --- Stack (tcg_operand.c) --- */
/* Stores at the new top of the stack, then lowers rsp. size: 2, 4, 8. */
void x86tr_push(X86Tr *, IrRef value, unsigned size);
/* Loads the top of the stack into d (a temporary); rsp stays. */
void x86tr_stack_load(X86Tr *, IrRef d, unsigned size);
/* The same `offset` bytes above the top. */
void x86tr_stack_load_at(X86Tr *, IrRef d, unsigned size, int32_t offset);
/* Adds to rsp as wide as the stack is. */
void x86tr_stack_add(X86Tr *, int32_t n);

/* --- Flags (tcg_flags.c) --- */
/* Call after all that can fault: the flags are now those of kind (X86_CC_ADDB and so on: the byte
 * form; this adds the size) on cc_dst and cc_src (cc_src2), which the translator has just written
 * with ir_mov or the like. Constants that were written may be named for better code, and `result`
 * may name the general register that holds the result (or 0). */
void x86tr_cc_set(X86Tr *, unsigned byte_kind, unsigned size, IrRef const_dst, IrRef const_src,
                  IrRef result);
/* Flags := the six bits in value (an integer): what COMISS and SAHF do. */
void x86tr_cc_set_eflags(X86Tr *, IrRef value);
/* Flags := X86_CC_LOGIC of a result. */
void x86tr_cc_set_logic(X86Tr *, IrRef result, unsigned size);
/* Flags := those of an INC or DEC, CF stays. x86tr_cc_keep_carry comes before the operand is
 * written, and its result goes to x86tr_cc_set_step, which comes after. */
bool x86tr_cc_keep_carry(X86Tr *);
void x86tr_cc_set_step(X86Tr *, bool kept, bool down, IrRef result, unsigned size);
/* Only CF := bit 0 of value; the other flags stay (keep_of: OF too; else it is cleared, which
 * costs less). */
void x86tr_cc_set_carry(X86Tr *, IrRef value, bool keep_of);
/* Only CF and OF, as a rotation with this result sets them. */
void x86tr_cc_set_rotate(X86Tr *, bool right, IrRef result, unsigned size);
/* The same two only if count is not 0 (then all flags stay; what they are is not known
 * afterwards). */
void x86tr_cc_set_rotate_if(X86Tr *, bool right, IrRef result, unsigned size, IrRef count);
/* Flags := kind of dst and src, if count is not 0. */
void x86tr_cc_set_if(X86Tr *, unsigned byte_kind, unsigned size, IrRef dst, IrRef src, IrRef count);
/* The kind of flags is no longer known here (after code that may or may not have set them). */
void x86tr_cc_forget(X86Tr *);
/* The six flags as a value (a temporary). Afterwards they are kept as bits. */
IrRef x86tr_cc_eflags(X86Tr *);
/* A condition as a comparison, to be used in BRCOND, SETCOND, MOVCOND at once. */
typedef struct X86Cond {
    IrCond cond;
    IrType type;
    IrRef a, b;
} X86Cond;
X86Cond x86tr_cond(X86Tr *, unsigned cond);
/* Is it known while translating (CF after AND, say)? */
bool x86tr_cond_known(const X86Tr *, const X86Cond *, bool *yes);
/* A condition as 0 or 1 (a temporary or a constant). */
IrRef x86tr_cond_value(X86Tr *, unsigned cond);

/* --- Calls, faults and ends (tcg_exit.c) --- */
/* Calls a helper with IR_CALL_ALL, which may raise. Result in d, or IR_NONE. */
void x86tr_call(X86Tr *, IrRef d, void *fn, IrRef a, IrRef b, IrRef c, IrRef e);
/* Ends the block with a fault. */
void x86tr_raise(X86Tr *, unsigned vector);
void x86tr_raise_error(X86Tr *, unsigned vector, unsigned error);
/* Ends the block: goes on at a known pc. slot 0 or 1, each used once. */
void x86tr_exit_jump(X86Tr *, unsigned slot, vaddr_t pc);
/* Ends the block: goes on at the pc in a value (cut to the mode's width already). */
void x86tr_exit_jumpr(X86Tr *, IrRef pc);
/* Ends the block: back to the execution loop, at a pc. */
void x86tr_exit_next(X86Tr *, vaddr_t pc);
/* Ends the block after a helper that left the right pc in the state. */
void x86tr_exit_moved(X86Tr *);
/* Cuts a pc to the width of the mode. */
vaddr_t x86tr_wrap(const X86Tr *, vaddr_t pc);
/* 64-bit mode or a flat CS: no limit to check. */
bool x86tr_flat_code(const X86Tr *);
/* Raises #GP(0) at run time if pc is beyond CS's limit (does nothing where the code is flat). */
void x86tr_check_target(X86Tr *, IrRef pc);
/* The call that ends an instruction in such modes: rip is in the state. The exits make it by
 * themselves. */
void x86tr_insn_end(X86Tr *);
/* Ends the block as x86tr_exit_next does, with the end of an instruction in any mode (I/O
 * breakpoints). */
void x86tr_exit_insn_end(X86Tr *, vaddr_t pc);
/* Must each instruction be a block of its own in this mode? */
bool x86tr_one_by_one(uint32_t mode);

/* --- Decoding (tcg_decode.c) --- */
typedef enum X86DecodeResult {
    X86_DECODE_OK,
    X86_DECODE_SHORT,
    X86_DECODE_BAD,
    X86_DECODE_LONG
} X86DecodeResult;
/* Decodes the instruction at tr->t->bytes and fills in insn, op, the sizes and prefixes, next and
 * row (NULL: not one of ours). tr->t, env and mode are set. */
X86DecodeResult x86_decode(X86Tr *);

#endif
