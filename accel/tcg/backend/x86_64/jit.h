/* Inside the x86-64 backend: the compiler's state and what its files offer each other.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How values live. RBP holds env + JIT_BIAS, RSP the frame. Globals with a wish for it
 * (IrGlobal.pin) are *pinned*: each has a host register of its own in all generated code, and its
 * memory is written when C code may look, and on the way out. Every other value is, at each point
 * of a block, in any of: a register (several values may share one, as copies do), its memory home
 * (the state's field, or a slot of the frame), or known as a constant. What is newer than its home
 * is *dirty*; it is stored when something can observe it: at exits, labels and calls in line,
 * before the slow path of a memory access only in the slow path.
 *
 * Code goes to two places: the straight line to the hot half of the buffer, slow paths to the cold
 * half. */
#ifndef GLASSBOX_ACCEL_TCG_BACKEND_X86_64_JIT_H
#define GLASSBOX_ACCEL_TCG_BACKEND_X86_64_JIT_H

#include "accel/tcg/backend/x86_64/emit.h"
#include "accel/tcg/tcg_state.h"

#define JIT_BIAS 128            /* so that 8-bit displacements reach env[0..255] */
#define JIT_MAX_PIN 8
#define JIT_SNAPSHOTS 4         /* register states kept for labels that one branch leads to */

/* Frame, from RSP up: what slow paths pass, room for their registers, then slots of values. */
enum {
    FRAME_ADDR = 0,             /* address of the access */
    FRAME_VALUE2 = 8,           /* new value of CAS */
    FRAME_VALUE = 16,           /* value to store: 16 bytes */
    FRAME_RESULT = 32,          /* value loaded: 16 bytes */
    FRAME_MOP = 48,             /* TCG_MOP_MMU | FRAME_MOP_XMM */
    FRAME_PC = 56,
    FRAME_GPR = 64,             /* 16 registers */
    FRAME_ADDEND = FRAME_GPR + 8 * RSP,     /* of the page, 0 if C made the access */
    FRAME_XMM = 192,            /* 16 registers */
    FRAME_SLOTS = 448,
    FRAME_SIZE = FRAME_SLOTS + (IR_MAX_VALUES + 512) * 16,
};
#define FRAME_MOP_XMM 0x80000000u   /* vector registers are live over the slow path */

/* DIRTY is not used for globals: Jit.dirty has them. Z32: bits 32..63 are known to be 0. */
enum { VAL_DIRTY = 1, VAL_CONST = 2, VAL_Z32 = 4 };

typedef struct JitVal {
    uint8_t reg;                /* NO_REG: none */
    uint8_t flags;
    uint8_t kind;               /* IrValueKind */
    uint8_t type;               /* IrType: IR_I32 and IR_I64 are integers, IR_V128 vectors */
    uint16_t next;              /* next value in the same register */
    bool pinned;
    int32_t home;               /* globals: from RBP; others: from RSP, 0 = none yet */
    uint64_t k;                 /* VAL_CONST */
} JitVal;

/* What the host's flags are known to say. */
typedef enum FlagKind {
    FLAGS_UNKNOWN,
    FLAGS_CMP,                  /* of a - b; `res` is the difference if not 0 */
    FLAGS_LOGIC,                /* of res, with CF = OF = 0 */
    FLAGS_ZS,                   /* ZF and SF of res */
    FLAGS_VCMP,                 /* ZF, PF, CF as res has them in its bits */
} FlagKind;

typedef struct JitFlags {
    uint8_t kind, type;
    bool b_const;
    uint32_t a, b, res;         /* version numbers of register contents */
    uint64_t k;
} JitFlags;

typedef struct JitSnapshot {
    int label;                  /* -1: free */
    JitVal val[IR_MAX_GLOBALS + 1];
    uint32_t version[NUM_REGS];
    uint64_t dirty;
    JitFlags flags;
} JitSnapshot;

typedef struct JitLabel {
    uint8_t *at;                /* NULL: not yet placed */
    uint8_t *fixup; /* last jump that waits; each rel32 holds the distance to the one before */
    uint16_t refs;
    bool single;                /* one BRCOND before it leads here, and nothing else */
} JitLabel;

/* Accesses of a block that share a check of the TLB (groups.c). `first`, `end` and `leader` (the
 * first access made) are offsets from the same unknown number. */
typedef struct JitGroup {
    int64_t first, end, leader;
    int64_t align_at;           /* an access that is aligned */
    uint8_t align;              /* and how: these bits of its address are 0 */
    uint32_t epoch, branch;
    uint32_t last_insn;
    uint16_t count;
    uint8_t mmu;
    bool write;
    bool started;               /* the compilation has come to it */
} JitGroup;
#define JIT_MAX_GROUPS 512
#define JIT_MAX_ROOTS 16384
#define JIT_MAX_IR 16384        /* instructions of a block */

/* In front of each block's code. */
typedef struct JitHeader {
    const uint8_t *cold;
    uint32_t cold_size;
    uint8_t loop;               /* offset of the head of the loop that the block is */
    uint8_t loop_slots;         /* bit n: slot n jumps there, with the state that it asks for */
    uint8_t body; /* offset behind the checks of the entry; 0: they must not be left out */
} JitHeader;

typedef uint64_t JitEnter(void *env, const void *code, uint64_t *from);

/* A kind of slow path, by what it is told and what it calls. */
typedef enum SlowKind {
    SLOW_LOAD, SLOW_LOAD_W, SLOW_STORE, SLOW_LOAD_V, SLOW_STORE_V, SLOW_AMO, SLOW_CAS, NUM_SLOW,
} SlowKind;

/* Everything the backend has for a machine; also the state of the one compilation that can be under
 * way. */
typedef struct Jit {
    /* The host and the buffer */
    bool bmi1, bmi2, lzcnt, avx;
    uint8_t *buffer;
    size_t size;
    uint8_t *hot_start, *hot_end, *cold_start, *cold_end;   /* after the shared pieces */
    JitEnter *enter;
    const uint8_t *exit_plain, *exit_from;
    const uint8_t *find; /* goes to the code for the state's pc and the mode in RSI, or leaves */
    const uint8_t *slow[NUM_SLOW][5][TCG_MAX_MMU];

    /* The target and the layout of env, as displacements from RBP */
    const TcgFrontend *fe;
    int32_t pc_disp, attn_disp, budget_disp, jump_disp, tlb_disp[TCG_MAX_MMU];
    int32_t globals_first, globals_end;     /* the fields that globals occupy lie in here */
    JitVal template[IR_MAX_GLOBALS + 1];
    unsigned npin;
    struct { uint8_t reg; IrRef global; } pin[JIT_MAX_PIN];
    uint64_t pinned;            /* bit n: global n is pinned */
    uint32_t pin_regs;          /* host registers that are taken by them */
    uint32_t temp_regs;         /* general registers for everything else */

    /* The compilation */
    Emit e;                     /* hot code, or cold between jit_cold_begin() and jit_cold_end() */
    uint8_t *cold;              /* the other one */
    const IrBlock *ir;
    TcgBlock *tb;
    uint64_t pc;                /* of the guest instruction */
    unsigned at;                /* index of the IR instruction */
    JitVal val[IR_MAX_VALUES + JIT_MAX_GROUPS];     /* the IR's, then the addends of groups */
    uint16_t head[NUM_REGS];    /* first value in each register */
    uint32_t version[NUM_REGS]; /* number of what is in it: equal numbers, equal contents */
    uint32_t stamp[NUM_REGS];   /* last use */
    uint32_t nversions;
    uint32_t locked;            /* registers in use by the instruction under way */
    uint64_t dirty;             /* globals that are dirty, pinned ones too: bit n for global n */
    uint32_t used;              /* registers with values in them, the pinned ones' always */
    bool no_scratch;            /* stores may not use free registers */
    int32_t next_slot;
    JitFlags flags;
    IrRef *local;
    unsigned nlocals, local_cap;
    JitLabel *label;
    unsigned label_cap;
    JitGroup group[JIT_MAX_GROUPS];
    unsigned ngroups;
    uint16_t group_of[JIT_MAX_IR];      /* of LD and ST; 0: none */
    struct JitGrouping *grouping;
    struct {
        bool active;
        uint8_t slots;          /* bit n: slot n jumps back */
        unsigned n;
        const uint8_t *at;
        struct { IrRef global; uint8_t reg; bool written; } head[16];
    } loop;
    const uint8_t *body;        /* behind the entry's checks */
    bool reachable;             /* the straight line gets here */
    JitSnapshot snapshot[JIT_SNAPSHOTS];
} Jit;

/* ---- registers and values (value.c) ---- */
void val_begin(Jit *j, const IrBlock *ir);
/* The register that has the value, locked until the end of the instruction. */
unsigned val_use(Jit *j, IrRef r);
/* A register of the class for the instruction's own use, locked. */
unsigned val_alloc(Jit *j, uint32_t mask);
static inline unsigned val_scratch(Jit *j);
/* That very register, locked; what was in it lives elsewhere afterwards. It must not be locked
 * already. */
void val_take(Jit *j, unsigned reg);
/* Forgets values whose life ends in this instruction. After all val_use(). */
void val_deaths(Jit *j, const IrInsn *in);
/* Where to compute the new value of d: its own register, `prefer` if it is free by now, or another.
 * d's old value is forgotten. Only moves are emitted. */
unsigned val_dest(Jit *j, IrRef d, unsigned prefer);
/* The same with a second choice. */
unsigned val_dest2(Jit *j, IrRef d, unsigned prefer, unsigned prefer2);
/* d's value is now what is in reg, from val_dest(); flags: VAL_Z32 or 0. */
void val_set(Jit *j, IrRef d, unsigned reg, unsigned flags);
/* Moves a result that was computed in `reg` (not from val_dest) to d. */
void val_set_moved(Jit *j, IrRef d, unsigned reg, unsigned flags);
void val_set_const(Jit *j, IrRef d, uint64_t k);
/* d becomes a copy of a, which is not a constant. */
void val_copy(Jit *j, IrRef d, IrRef a);
/* Nothing needs the value any more. */
void val_kill(Jit *j, IrRef r);
/* The register's values leave it, stored first if need be. */
void val_evict(Jit *j, unsigned reg);
/* Emits the store of a value that is dirty, without noting that it is clean. */
void val_emit_store(Jit *j, IrRef r);
/* Stores one dirty value, or all dirty globals of a set, or all dirty locals. */
void val_store(Jit *j, IrRef r);
void val_store_globals(Jit *j, uint64_t set);
void val_store_locals(Jit *j);
/* Emits stores of all dirty globals that are not pinned, for a slow path; nothing changes. */
void val_emit_exact(Jit *j);
/* Emits a load of a value that is in memory or constant to a register; nothing changes. */
void val_load_into(Jit *j, IrRef r, unsigned reg);
/* A pinned global's register keeps no other value; they have been stored. */
void val_only_pinned(Jit *j, unsigned reg, IrRef global);
/* Empties all registers but the pinned; everything that lives on has been stored. */
void val_drop_all(Jit *j);
/* The state at a place that is reached in several ways: all in memory but what is pinned. */
void val_canonical(Jit *j);
/* Globals may have been written by C code: those in `set` are in memory alone, the pinned of them
 * reloaded. */
void val_globals_reload(Jit *j, uint64_t set);
/* Keeps the state of the globals for a label, false if there is no room; and brings it back. */
bool val_snapshot(Jit *j, int label);
bool val_restore(Jit *j, int label);

static inline JitVal *val_of(Jit *j, IrRef r) { return &j->val[r]; }
static inline bool val_const(const Jit *j, IrRef r) { return j->val[r].flags & VAL_CONST; }
static inline bool val_is_vec(const Jit *j, IrRef r) { return j->val[r].type == IR_V128; }
static inline bool reg_is_free(const Jit *j, unsigned reg)
{
    return !(j->used & REG_BIT(reg));
}
static inline unsigned val_scratch(Jit *j) { return val_alloc(j, j->temp_regs); }
/* Is it a constant that fits a sign-extended 32-bit immediate at the width of an operation? */
static inline bool val_imm(const Jit *j, IrRef r, bool w64, int32_t *imm)
{
    const JitVal *v = &j->val[r];

    if (!(v->flags & VAL_CONST) || (w64 && !fits32((int64_t)v->k))) {
        return false;
    }
    *imm = (int32_t)v->k;
    return true;
}

static inline void jit_flags_unknown(Jit *j) { j->flags.kind = FLAGS_UNKNOWN; }
static inline unsigned jit_w(const IrInsn *in) { return in->type == IR_I32 ? 0 : O_W; }
static inline unsigned jit_z(const IrInsn *in) { return in->type == IR_I32 ? VAL_Z32 : 0; }

/* A constant into a register; keeps the flags if they are known to be worth something. */
void jit_load_const(Jit *j, unsigned reg, uint64_t k);

static inline void jit_cold_begin(Jit *j)
{
    uint8_t *p = j->e.p;

    j->e.p = j->cold;
    j->cold = p;
}
static inline void jit_cold_end(Jit *j) { jit_cold_begin(j); }

/* A call of C code from generated code; clobbers RAX if it is far away. */
void jit_call_c(Jit *j, const void *fn);
/* pc_disp = pc; may use `scratch`. */
void jit_store_pc(Jit *j, uint64_t pc, unsigned scratch);

/* ---- instructions, one function for each IR operation ---- */
typedef void JitOp(Jit *j, const IrInsn *in);
/* op_int.c, op_shift.c */
JitOp jit_mov, jit_add, jit_alu_op, jit_andc, jit_mul, jit_mulh, jit_neg_not, jit_lea;
JitOp jit_shift, jit_count_bits, jit_bswap, jit_ext, jit_deposit, jit_extract;
/* op_cond.c */
JitOp jit_setcond, jit_movcond, jit_brcond, jit_br, jit_label;
/* op_state.c */
JitOp jit_lds, jit_sts, jit_call, jit_jump, jit_jumpr, jit_exit;
/* op_mem.c */
JitOp jit_ld, jit_st, jit_amo, jit_cas;
/* op_vec.c */
JitOp jit_vop1, jit_vop2, jit_vtoi, jit_itov, jit_vcmpf;

/* The checks at the start of a block. */
void jit_entry(Jit *j);

/* ---- accesses that share a check (groups.c) ---- */
void jit_find_groups(Jit *j, const IrBlock *ir);
/* The value that holds a group's addend. */
static inline IrRef jit_group_value(unsigned g) { return (IrRef)(IR_MAX_VALUES + g); }

/* ---- blocks that are loops (loop.c) ---- */
/* Before the entry's checks: loads what the head has in registers. */
void jit_loop_begin(Jit *j);
/* Emits stores of the head's dirty registers. */
void jit_loop_store(Jit *j);
/* Before the jump back: everything as the head wants it. */
void jit_loop_back(Jit *j);

/* ---- shared pieces of code (thunks.c) ---- */
void jit_make_thunks(Jit *j);

/* The extension of a load, as an opcode for a memory operand. */
unsigned jit_load_opcode(unsigned mop);
/* Of a store of 1 << sz bytes from a register, and of an immediate. */
unsigned jit_store_opcode(unsigned sz, bool vec);
unsigned jit_store_imm_opcode(unsigned sz);
static inline bool jit_load_zero_extends(unsigned mop)
{
    return (mop & MO_SIZE) <= MO_32 && (!(mop & MO_SIGN) || mop & MO_SIGN32);
}

#endif
