/* The intermediate representation between a target's front end and the backends.
 *
 * A block is a list of instructions over *values*. A value is a temporary, a constant, a local or a global.
 *
 * - Globals are fields of the target's state that front ends read and write like variables (general
 *   registers, vector registers, lazily kept flags). A backend keeps them wherever it likes while a block
 *   runs, but the state in memory is exact whenever C code can see it: in a CALL with IR_CALL_READS or
 *   IR_CALL_RAISES, in the slow path of LD/ST/AMO/CAS, and at every exit. So the instruction order *is* the
 *   order of architectural effects: write a guest register only after everything in that guest instruction
 *   that can fault.
 * - Temporaries are assigned anywhere, any number of times, and die at LABEL and BR; they survive BRCOND's
 *   fall-through path only. Locals survive labels (they live in the frame).
 * - Integer values are 64-bit containers. An operation of type I32 reads the low 32 bits of its integer
 *   operands and zero-extends its result, also into a 64-bit global. I8 and I16 exist for comparisons only.
 * - A vector value (V128) is a temporary or a global; integer and vector values never mix but in VTOI, ITOV,
 *   VCMPF and in LD/ST/LDS/STS with MO_128 (MO_32V and MO_64V load into the low lane and zero the rest, and
 *   store the low lane).
 *
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_IR_H
#define GLASSBOX_ACCEL_TCG_IR_H

#include <glib.h>

#include "util/types.h"

typedef enum IrOp {
#define IR_OP(name, nres, nargs, flags) IR_##name,
#include "accel/tcg/ir.def"
    IR_NUM_OPS,
} IrOp;

enum {
    IR_F_KEEP = 1,          /* never dead */
    IR_F_BB = 2,            /* ends the life of temporaries */
    IR_F_BRANCH = 4,        /* may leave the straight line; temporaries survive the fall-through */
    IR_F_EXIT = 8,          /* leaves the block */
    IR_F_FAULT = 16,        /* may raise a guest exception: observes all state; never dead */
    IR_F_CALL = 32,         /* see its IR_CALL_* flags */
    IR_F_STATE_READ = 64,
    IR_F_STATE_WRITE = 128,
};

typedef struct IrOpInfo {
    const char *name;
    uint8_t nres, nargs, flags;
} IrOpInfo;
extern const IrOpInfo ir_op_info[IR_NUM_OPS];

typedef enum IrType { IR_I8, IR_I16, IR_I32, IR_I64, IR_V128 } IrType;

typedef enum IrCond {
    IR_EQ, IR_NE, IR_LTU, IR_GEU, IR_LEU, IR_GTU, IR_LT, IR_GE, IR_LE, IR_GT,
    IR_TSTEQ, IR_TSTNE,     /* (a & b) == 0, != 0 */
} IrCond;
static inline IrCond ir_cond_invert(IrCond c) { return (IrCond)(c ^ 1); }

typedef enum IrAmo { IR_AMO_ADD, IR_AMO_AND, IR_AMO_OR, IR_AMO_XOR, IR_AMO_XCHG } IrAmo;

/* Size and nature of a memory access. */
typedef enum IrMemOp {
    MO_8, MO_16, MO_32, MO_64, MO_128,
    MO_SIZE = 7,            /* mask; the size in bytes is 1 << (mop & MO_SIZE) */
    MO_SIGN = 8,            /* sign-extend a load to 64 bits (else zero-extend) */
    MO_SIGN32 = 16,         /* with MO_SIGN: to 32 bits, then zero-extended */
    MO_VEC = 32,            /* MO_32, MO_64: the low lane of a vector, loads zero the rest */
    MO_WRITE = 64,          /* a load that a store to the same place follows: faults as a write would */
    MO_ALIGN = 128,         /* raise the target's alignment exception unless naturally aligned */
} IrMemOp;
#define MO_32V (MO_32 | MO_VEC)
#define MO_64V (MO_64 | MO_VEC)

/* What a load of this kind makes of the bytes it read: extended by sign or with zeros, as mop says. */
static inline uint64_t ir_mem_extend(uint64_t v, unsigned mop)
{
    unsigned drop = 64 - (8u << (mop & MO_SIZE));

    if (mop & MO_SIGN) {
        v = (uint64_t)((int64_t)(v << drop) >> drop);
        return mop & MO_SIGN32 ? (uint32_t)v : v;
    }
    return v << drop >> drop;
}

/* What a called C function does with the state. */
enum {
    IR_CALL_PURE = 0,       /* depends on its arguments alone (dead if its result is) */
    IR_CALL_READS = 1,      /* reads globals or other state */
    IR_CALL_WRITES = 2,     /* may write globals: they are stored before (unless dead) and read anew after */
    IR_CALL_RAISES = 4,     /* may raise a guest exception (tcg_raise): the state's pc is stored before */
    IR_CALL_EFFECT = 8,     /* has an effect other than those: keep it */
    IR_CALL_ALL = 15,
};

/* A reference to a value. 0 is none. */
typedef uint16_t IrRef;
#define IR_NONE 0
#define IR_MAX_GLOBALS 64   /* refs 1..IR_MAX_GLOBALS are globals: global n is n + 1 */
#define IR_GLOBAL(n) ((IrRef)((n) + 1))
#define IR_MAX_VALUES 4096

typedef enum IrValueKind { IR_VAL_GLOBAL, IR_VAL_CONST, IR_VAL_TEMP, IR_VAL_LOCAL } IrValueKind;

typedef struct IrValue {
    uint8_t kind, type;
    uint64_t value;         /* of a constant */
} IrValue;

/* A field of the target's state that front ends use as a variable. */
typedef struct IrGlobal {
    const char *name;
    uint32_t offset;        /* from env */
    uint8_t type;           /* IR_I32, IR_I64 or IR_V128 */
    uint8_t pin;            /* wish to live in a host register all the time: 1 = first to get one; 0 = no */
} IrGlobal;

typedef struct IrInsn {
    uint8_t op, type, cond, sub;
    uint8_t mop;
    uint8_t life;           /* set by ir_analyse: bit n = argument n dies here, bit 7 = result is never used */
    IrRef d, a, b, c, e;    /* result and arguments 0..3 */
    uint64_t imm;
} IrInsn;
#define IR_LIFE_A 1
#define IR_LIFE_B 2
#define IR_LIFE_C 4
#define IR_LIFE_E 8
#define IR_LIFE_D_DEAD 128

/* A block under construction. */
typedef struct IrBlock {
    const IrGlobal *global;
    unsigned nglobals;
    IrInsn *insn;
    unsigned ninsns, cap;
    IrValue *value;         /* by reference; entries 1..IR_MAX_GLOBALS are globals */
    unsigned nvalues, valcap;
    unsigned nlabels;
    bool overflow;          /* too many values or instructions: end the guest block earlier and try again */
} IrBlock;

IrBlock *ir_block_new(const IrGlobal *globals, unsigned n);
void ir_block_free(IrBlock *b);
void ir_block_reset(IrBlock *b);

IrRef ir_const(IrBlock *b, uint64_t value);
IrRef ir_temp(IrBlock *b);              /* integer */
IrRef ir_vtemp(IrBlock *b);             /* vector */
IrRef ir_local(IrBlock *b);             /* integer that survives labels */
int ir_label(IrBlock *b);               /* a new label, to be placed with ir_put_label */
void ir_put_label(IrBlock *b, int label);

static inline bool ir_is_const(const IrBlock *b, IrRef r) { return r && b->value[r].kind == IR_VAL_CONST; }
static inline bool ir_is_global(IrRef r) { return r && r <= IR_MAX_GLOBALS; }

/* Builders. Each appends one instruction, folding constants where that is free. */
void ir_insn(IrBlock *b, vaddr_t pc);
void ir_mov(IrBlock *b, IrType t, IrRef d, IrRef a);
void ir_op1(IrBlock *b, IrOp op, IrType t, IrRef d, IrRef a);
void ir_op2(IrBlock *b, IrOp op, IrType t, IrRef d, IrRef a, IrRef x);
void ir_op2i(IrBlock *b, IrOp op, IrType t, IrRef d, IrRef a, uint64_t imm);
void ir_deposit(IrBlock *b, IrRef d, IrRef a, IrRef x, unsigned pos, unsigned len);
void ir_extract(IrBlock *b, IrRef d, IrRef a, unsigned pos, unsigned len);
void ir_lea(IrBlock *b, IrType t, IrRef d, IrRef base, IrRef index, unsigned shift, int32_t disp);
void ir_setcond(IrBlock *b, IrCond c, IrType t, IrRef d, IrRef a, IrRef x);
void ir_movcond(IrBlock *b, IrCond c, IrType t, IrRef d, IrRef a, IrRef x, IrRef if_true, IrRef if_false);
void ir_brcond(IrBlock *b, IrCond c, IrType t, IrRef a, IrRef x, int label);
void ir_br(IrBlock *b, int label);
void ir_lds(IrBlock *b, IrRef d, unsigned mop, int64_t off);
void ir_sts(IrBlock *b, IrRef a, unsigned mop, int64_t off);
void ir_ld(IrBlock *b, IrRef d, IrRef addr, int32_t disp, unsigned mop, unsigned mmu);
void ir_st(IrBlock *b, IrRef addr, int32_t disp, IrRef value, unsigned mop, unsigned mmu);
void ir_amo(IrBlock *b, IrAmo op, IrRef d, IrRef addr, IrRef value, unsigned mop, unsigned mmu);
void ir_cas(IrBlock *b, IrRef d, IrRef addr, IrRef expect, IrRef value, unsigned mop, unsigned mmu);
/* fn has the type uint64_t (*)(void *env, uint64_t...) with as many arguments as given (IR_NONE ends them). */
void ir_call(IrBlock *b, unsigned flags, IrRef d, void *fn, IrRef a, IrRef x, IrRef c, IrRef e);
void ir_jump(IrBlock *b, unsigned slot, vaddr_t pc);
void ir_jumpr(IrBlock *b, IrRef pc);
void ir_exit(IrBlock *b, unsigned reason);
void ir_vop1(IrBlock *b, unsigned vop, IrRef d, IrRef a, uint8_t imm8);
void ir_vop2(IrBlock *b, unsigned vop, IrRef d, IrRef a, IrRef x, uint8_t imm8);
void ir_vtoi(IrBlock *b, unsigned vop, IrRef d, IrRef a, uint8_t imm8);
void ir_itov(IrBlock *b, unsigned vop, IrRef d, IrRef a, IrRef x, uint8_t imm8);
void ir_vcmpf(IrBlock *b, unsigned vop, IrRef d, IrRef a, IrRef x);

/* Removes dead values and dead writes of globals, and marks where each temporary dies. Once, after building. */
void ir_analyse(IrBlock *b);
/* Checks a block against the rules above; NULL or what is wrong. Tests and -d op use it. */
char *ir_validate(const IrBlock *b);
/* Text of a block, one instruction a line. */
void ir_dump(const IrBlock *b, GString *out);

/* Sub-operations of VOP1, VOP2, VTOI, ITOV and VCMPF (vec.def). */
typedef enum VecOp {
#define VEC_OP(name, ...) VOP_##name,
#include "accel/tcg/vec.def"
    VOP_NUM,
} VecOp;

#endif
