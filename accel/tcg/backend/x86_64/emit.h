/* x86-64 machine code: registers, opcodes and the bytes of an instruction (SDM vol. 2, chapter 2).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_BACKEND_X86_64_EMIT_H
#define GLASSBOX_ACCEL_TCG_BACKEND_X86_64_EMIT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Host registers: general ones, then vector ones. */
enum {
    RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15,
    XMM0, XMM15 = XMM0 + 15,
    NUM_REGS, NO_REG = 0xff,
};
#define REG_BIT(r) (1u << (r))
#define GPR_MASK 0x0000ffffu
#define XMM_MASK 0xffff0000u

/* Where code goes: `p` is the next byte. */
typedef struct Emit {
    uint8_t *p;
} Emit;

/* An opcode is its byte plus its map, its mandatory prefix and its width. */
enum {
    O_0F = 0x100, O_38 = 0x200, O_3A = 0x300, O_MAP = 0x300,
    O_66 = 0x1000, O_F3 = 0x2000, O_F2 = 0x4000, O_PREFIX = 0x7000,
    O_W = 0x10000,          /* REX.W */
    O_R8 = 0x20000,         /* the register operand is a byte register: SPL... need a REX prefix */
    O_M8 = 0x40000,         /* so is the register in the r/m field */
    O_LOCK = 0x80000,
};

/* Opcodes by name. ALU operations are 8 apart, in the order of the /digit of group 1. */
enum {
    ALU_ADD, ALU_OR, ALU_ADC, ALU_SBB, ALU_AND, ALU_SUB, ALU_XOR, ALU_CMP,
};
enum {
    SH_ROL, SH_ROR, SH_RCL, SH_RCR, SH_SHL, SH_SHR, SH_SAR = 7,
};
/* Condition codes. */
enum {
    CC_O,
    CC_NO,
    CC_B,
    CC_AE,
    CC_E,
    CC_NE,
    CC_BE,
    CC_A,
    CC_S,
    CC_NS,
    CC_P,
    CC_NP,
    CC_L,
    CC_GE,
    CC_LE,
    CC_G,
};
enum {
    OP_MOV_LOAD = 0x8b,
    OP_MOV_STORE = 0x89,
    OP_MOV8_STORE = 0x88 | O_R8,
    OP_MOV16_STORE = 0x89 | O_66,
    OP_MOV8_RR = 0x88 | O_R8 | O_M8,
    OP_LEA = 0x8d,
    OP_TEST = 0x85,
    OP_TEST8 = 0x84 | O_R8 | O_M8,
    OP_XCHG = 0x87,
    OP_MOVSXD = 0x63 | O_W,
    OP_MOVZX8 = 0xb6 | O_0F,
    OP_MOVZX16 = 0xb7 | O_0F,
    OP_MOVSX8 = 0xbe | O_0F,
    OP_MOVSX16 = 0xbf | O_0F,
    OP_IMUL = 0xaf | O_0F,
    OP_CMOV = 0x40 | O_0F,
    OP_SETCC = 0x90 | O_0F | O_M8,
    OP_BSF = 0xbc | O_0F,
    OP_BSR = 0xbd | O_0F,
    OP_TZCNT = 0xbc | O_0F | O_F3,
    OP_LZCNT = 0xbd | O_0F | O_F3,
    OP_POPCNT = 0xb8 | O_0F | O_F3,
    OP_SHRD_IMM = 0xac | O_0F,
    OP_CMPXCHG = 0xb1 | O_0F,
    OP_XADD = 0xc1 | O_0F,
    OP_BT = 0xa3 | O_0F,
    OP_MOVUPS_LOAD = 0x10 | O_0F,
    OP_MOVUPS_STORE = 0x11 | O_0F,
    OP_MOVAPS = 0x28 | O_0F,
    OP_MOVSS_LOAD = 0x10 | O_0F | O_F3,
    OP_MOVSS_STORE = 0x11 | O_0F | O_F3,
    OP_MOVQ_LOAD = 0x7e | O_0F | O_F3,
    OP_MOVQ_STORE = 0xd6 | O_0F | O_66,
    OP_PXOR = 0xef | O_0F | O_66,
    /* VEX, three operands */
    OP_SHLX = 0xf7 | O_38 | O_66,
    OP_SHRX = 0xf7 | O_38 | O_F2,
    OP_SARX = 0xf7 | O_38 | O_F3,
    OP_ANDN = 0xf2 | O_38,
    OP_RORX = 0xf0 | O_3A | O_F2,
};

static inline void e8(Emit *e, unsigned v)
{
    *e->p++ = (uint8_t)v;
}

static inline void e32(Emit *e, uint32_t v)
{
    memcpy(e->p, &v, 4);
    e->p += 4;
}

static inline void e64(Emit *e, uint64_t v)
{
    memcpy(e->p, &v, 8);
    e->p += 8;
}

/* The immediate of a store of 1 << sz bytes. */
static inline void e_imm(Emit *e, unsigned sz, int32_t v)
{
    if (sz == 0) {
        e8(e, (uint8_t)v);
    } else if (sz == 1) {
        e8(e, (uint8_t)v);
        e8(e, (uint8_t)(v >> 8));
    } else {
        e32(e, (uint32_t)v);
    }
}

static inline bool fits8(int64_t v) { return v == (int8_t)v; }
static inline bool fits32(int64_t v) { return v == (int32_t)v; }

/* Prefixes, REX and opcode. Numbers of vector registers may be passed as they are. */
static inline void e_opcode(Emit *e, unsigned op, unsigned reg, unsigned index, unsigned rm)
{
    unsigned rex = (op & O_W ? 8u : 0) | (reg >> 1 & 4) | (index >> 2 & 2) | (rm >> 3 & 1);

    if (op & (O_LOCK | O_PREFIX)) {
        if (op & O_LOCK) {
            e8(e, 0xf0);
        }
        if (op & O_66) {
            e8(e, 0x66);
        }
        if (op & O_F3) {
            e8(e, 0xf3);
        }
        if (op & O_F2) {
            e8(e, 0xf2);
        }
    }
    if (rex || ((op & O_R8) && reg >= 4) || ((op & O_M8) && rm >= 4)) {
        e8(e, 0x40 | rex);
    }
    if (op & O_MAP) {
        e8(e, 0x0f);
        if ((op & O_MAP) != O_0F) {
            e8(e, (op & O_MAP) == O_38 ? 0x38 : 0x3a);
        }
    }
    e8(e, op & 0xff);
}

static inline void e_vex(Emit *e, unsigned op, unsigned reg, unsigned v, unsigned index,
                         unsigned rm)
{
    unsigned map = op >> 8 & 3;
    unsigned pp = op & O_66 ? 1 : op & O_F3 ? 2 : op & O_F2 ? 3 : 0;
    unsigned r = reg & 8 ? 0 : 0x80, x = index & 8 ? 0 : 0x40, b = rm & 8 ? 0 : 0x20;
    unsigned last = (~v & 15) << 3 | pp;

    if (x && b && map == 1 && !(op & O_W)) {
        e8(e, 0xc5);
        e8(e, r | last);
    } else {
        e8(e, 0xc4);
        e8(e, r | x | b | map);
        e8(e, (op & O_W ? 0x80u : 0) | last);
    }
    e8(e, op & 0xff);
}

static inline void e_modrm_rr(Emit *e, unsigned reg, unsigned rm)
{
    e8(e, 0xc0 | (reg & 7) << 3 | (rm & 7));
}

/* [base + (index << scale) + disp]; index NO_REG: none. */
static inline void e_modrm_mem(Emit *e, unsigned reg, unsigned base, unsigned index, unsigned scale,
                               int32_t disp)
{
    bool sib = index != NO_REG || (base & 7) == RSP;
    unsigned mod = disp == 0 && (base & 7) != RBP ? 0 : fits8(disp) ? 1 : 2;

    e8(e, mod << 6 | (reg & 7) << 3 | (sib ? 4 : base & 7));
    if (sib) {
        e8(e, scale << 6 | (index == NO_REG ? 4 : index & 7) << 3 | (base & 7));
    }
    if (mod == 1) {
        e8(e, (uint8_t)disp);
    } else if (mod == 2) {
        e32(e, (uint32_t)disp);
    }
}

/* op reg, rm (or op rm, reg: as the opcode says) */
static inline void e_rr(Emit *e, unsigned op, unsigned reg, unsigned rm)
{
    e_opcode(e, op, reg, 0, rm);
    e_modrm_rr(e, reg, rm);
}

/* op with a register and [base + disp] */
static inline void e_rm(Emit *e, unsigned op, unsigned reg, unsigned base, int32_t disp)
{
    e_opcode(e, op & ~(unsigned)O_M8, reg, 0, base);
    e_modrm_mem(e, reg, base, NO_REG, 0, disp);
}

static inline void e_rmx(Emit *e, unsigned op, unsigned reg, unsigned base, unsigned index,
                         unsigned scale, int32_t disp)
{
    e_opcode(e, op & ~(unsigned)O_M8, reg, index == NO_REG ? 0 : index, base);
    e_modrm_mem(e, reg, base, index, scale, disp);
}

/* [(index << scale) + disp], no base */
static inline void e_rm_scaled(Emit *e, unsigned op, unsigned reg, unsigned index, unsigned scale,
                               int32_t disp)
{
    e_opcode(e, op, reg, index, 0);
    e8(e, (reg & 7) << 3 | 4);
    e8(e, scale << 6 | (index & 7) << 3 | 5);
    e32(e, (uint32_t)disp);
}

/* VEX: op reg, v, rm */
static inline void e_vrr(Emit *e, unsigned op, unsigned reg, unsigned v, unsigned rm)
{
    e_vex(e, op, reg, v, 0, rm);
    e_modrm_rr(e, reg, rm);
}

/* op reg, imm of group 1; w is O_W or 0. Sets flags. */
static inline void e_alu_imm(Emit *e, unsigned alu, unsigned w, unsigned reg, int32_t imm)
{
    if (fits8(imm)) {
        e_rr(e, 0x83 | w, alu, reg);
        e8(e, (uint8_t)imm);
    } else if (reg == RAX) {
        e_opcode(e, (alu << 3 | 5) | w, 0, 0, 0);
        e32(e, (uint32_t)imm);
    } else {
        e_rr(e, 0x81 | w, alu, reg);
        e32(e, (uint32_t)imm);
    }
}

/* op reg, rm of the eight ALU operations */
static inline void e_alu(Emit *e, unsigned alu, unsigned w, unsigned reg, unsigned rm)
{
    e_rr(e, (alu << 3 | 3) | w, reg, rm);
}

static inline void e_mov(Emit *e, unsigned w, unsigned d, unsigned s)
{
    e_rr(e, OP_MOV_LOAD | w, d, s);
}

/* Leaves the flags alone. */
static inline void e_mov_imm(Emit *e, unsigned d, uint64_t v)
{
    if (v == (uint32_t)v) {
        e_opcode(e, 0xb8 | (d & 7), 0, 0, d);
        e32(e, (uint32_t)v);
    } else if (fits32((int64_t)v)) {
        e_rr(e, 0xc7 | O_W, 0, d);
        e32(e, (uint32_t)v);
    } else {
        e_opcode(e, (0xb8 | (d & 7)) | O_W, 0, 0, d);
        e64(e, v);
    }
}

static inline void e_shift_imm(Emit *e, unsigned sh, unsigned w, unsigned reg, unsigned n)
{
    if (n == 1) {
        e_rr(e, 0xd1 | w, sh, reg);
    } else {
        e_rr(e, 0xc1 | w, sh, reg);
        e8(e, n);
    }
}

static inline void e_load(Emit *e, unsigned d, unsigned base, int32_t disp)
{
    e_rm(e, OP_MOV_LOAD | O_W, d, base, disp);
}

static inline void e_store(Emit *e, unsigned s, unsigned base, int32_t disp)
{
    e_rm(e, OP_MOV_STORE | O_W, s, base, disp);
}

/* A rel32 after its opcode byte(s), to a known place. */
static inline void e_rel32(Emit *e, const void *to)
{
    e32(e, (uint32_t)((const uint8_t *)to - (e->p + 4)));
}

static inline void e_jmp(Emit *e, const void *to)
{
    e8(e, 0xe9);
    e_rel32(e, to);
}

static inline void e_call(Emit *e, const void *to)
{
    e8(e, 0xe8);
    e_rel32(e, to);
}

/* n (0 to 3) bytes that do nothing, as one instruction. */
static inline void e_nops(Emit *e, unsigned n)
{
    if (n == 3) {
        e8(e, 0x0f);
        e8(e, 0x1f);
        e8(e, 0);
    } else if (n) {
        if (n == 2) {
            e8(e, 0x66);
        }
        e8(e, 0x90);
    }
}

/* Returns the rel32 to be set by e_patch(). */
static inline uint8_t *e_jcc(Emit *e, unsigned cc)
{
    e8(e, 0x0f);
    e8(e, 0x80 | cc);
    e32(e, 0);
    return e->p - 4;
}

static inline uint8_t *e_jmp_later(Emit *e)
{
    e8(e, 0xe9);
    e32(e, 0);
    return e->p - 4;
}

static inline void e_patch(uint8_t *rel32, const void *to)
{
    int32_t d = (int32_t)((const uint8_t *)to - (rel32 + 4));

    memcpy(rel32, &d, 4);
}

static inline bool e_reaches(const Emit *e, const void *to)
{
    int64_t d = (int64_t)((intptr_t)to - (intptr_t)e->p);

    return d > -0x7ff00000ll && d < 0x7ff00000ll;
}

#endif
