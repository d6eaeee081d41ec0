/* Operands of x86 instructions as IR: registers, memory through segments, immediates, and the
 * stack.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/helper.h"
#include "target/i386/tcg_insn.h"

/* ---- registers ---- */

unsigned x86tr_reg_size(ZydisRegister r)
{
    if (r >= ZYDIS_REGISTER_RAX && r <= ZYDIS_REGISTER_R15) {
        return 8;
    }
    if (r >= ZYDIS_REGISTER_EAX && r <= ZYDIS_REGISTER_R15D) {
        return 4;
    }
    if (r >= ZYDIS_REGISTER_AX && r <= ZYDIS_REGISTER_R15W) {
        return 2;
    }
    g_assert(r >= ZYDIS_REGISTER_AL && r <= ZYDIS_REGISTER_R15B);
    return 1;
}

unsigned x86tr_reg_num(ZydisRegister r, bool *high)
{
    *high = false;
    switch (x86tr_reg_size(r)) {
    case 8:
        return (unsigned)(r - ZYDIS_REGISTER_RAX);
    case 4:
        return (unsigned)(r - ZYDIS_REGISTER_EAX);
    case 2:
        return (unsigned)(r - ZYDIS_REGISTER_AX);
    default:
        break;
    }
    if (r < ZYDIS_REGISTER_AH) {
        return (unsigned)(r - ZYDIS_REGISTER_AL);
    }
    if (r <= ZYDIS_REGISTER_BH) {
        *high = true;
        return (unsigned)(r - ZYDIS_REGISTER_AH);
    }
    return (unsigned)(r - ZYDIS_REGISTER_SPL) + R_RSP;
}

IrRef x86tr_reg_read(X86Tr *tr, ZydisRegister r)
{
    bool high;
    unsigned n = x86tr_reg_num(r, &high);
    IrRef t;

    if (!high) {
        return G_REG(n);
    }
    t = ir_temp(tr->ir);
    ir_extract(tr->ir, t, G_REG(n), 8, 8);
    return t;
}

IrRef x86tr_extend(X86Tr *tr, IrRef v, unsigned size, bool sign)
{
    static const uint8_t zext[] = { IR_EXT8U, IR_EXT16U, IR_EXT32U };
    static const uint8_t sext[] = { IR_EXT8S, IR_EXT16S, IR_EXT32S };
    IrRef t;

    if (size == 8) {
        return v;
    }
    t = ir_temp(tr->ir);
    ir_op1(tr->ir, (IrOp)(sign ? sext : zext)[x86tr_log2(size)], IR_I64, t, v);
    return t;
}

IrRef x86tr_reg_read_ext(X86Tr *tr, ZydisRegister r, bool sign)
{
    bool high;
    unsigned n = x86tr_reg_num(r, &high);

    if (high && !sign) {
        return x86tr_reg_read(tr, r);
    }
    return x86tr_extend(tr, high ? x86tr_reg_read(tr, r) : G_REG(n), x86tr_reg_size(r), sign);
}

void x86tr_gpr_write(X86Tr *tr, unsigned num, unsigned size, IrRef value)
{
    if (size >= 4) {
        ir_mov(tr->ir, x86tr_type(size), G_REG(num), value);
    } else {
        ir_deposit(tr->ir, G_REG(num), G_REG(num), value, 0, size * 8);
    }
}

void x86tr_reg_write(X86Tr *tr, ZydisRegister r, IrRef value)
{
    bool high;
    unsigned n = x86tr_reg_num(r, &high);

    if (high) {
        ir_deposit(tr->ir, G_REG(n), G_REG(n), value, 8, 8);
    } else {
        x86tr_gpr_write(tr, n, x86tr_reg_size(r), value);
    }
}

/* ---- addresses ---- */

/* The parts of an address: base and index as globals (or IR_NONE), the whole displacement. */
typedef struct Parts {
    IrRef base, index;
    unsigned shift;
    int64_t disp;
} Parts;

static Parts address_parts(X86Tr *tr, const ZydisDecodedOperand *o)
{
    Parts p = { .disp = o->mem.disp.has_displacement ? o->mem.disp.value : 0 };
    bool high;

    if (o->mem.base == ZYDIS_REGISTER_RIP || o->mem.base == ZYDIS_REGISTER_EIP) {
        p.disp += (int64_t)tr->next;
    } else if (o->mem.base != ZYDIS_REGISTER_NONE) {
        unsigned n = x86tr_reg_num(o->mem.base, &high);

        p.base = G_REG(n);
        if (n == R_RSP) {
            p.disp += tr->pop_adjust;
        }
    }
    if (o->mem.index != ZYDIS_REGISTER_NONE) {
        p.index = G_REG(x86tr_reg_num(o->mem.index, &high));
        p.shift = o->mem.scale ? x86tr_log2(o->mem.scale) : 0;
    }
    return p;
}

static uint64_t cut(uint64_t v, unsigned size)
{
    return size == 8 ? v : v & ((1ull << size * 8) - 1);
}

/* Sums the parts at the address size. In 64 bits a displacement may be left for the access. */
static IrRef sum_parts(X86Tr *tr, const Parts *p, int32_t *rest)
{
    IrBlock *b = tr->ir;
    IrType type = x86tr_type(tr->adsize);
    bool small = p->disp == (int32_t)p->disp;
    IrRef t;

    *rest = 0;
    if (!p->base && !p->index) {
        return ir_const(b, cut((uint64_t)p->disp, tr->adsize));
    }
    if (tr->adsize == 8 && !p->index && small) {
        *rest = (int32_t)p->disp;
        return p->base;
    }
    t = ir_temp(b);
    if (!p->base) {
        ir_op2i(b, IR_SHL, type, t, p->index, p->shift);
        if (tr->adsize == 8 && small) {
            *rest = (int32_t)p->disp;
        } else if (p->disp) {
            ir_op2i(b, IR_ADD, type, t, t, (uint64_t)p->disp);
        }
    } else if (small || tr->adsize < 8) {
        ir_lea(b, type, t, p->base, p->index, p->shift, (int32_t)p->disp);
    } else {
        ir_lea(b, type, t, p->base, p->index, p->shift, 0);
        ir_op2i(b, IR_ADD, type, t, t, (uint64_t)p->disp);
    }
    if (tr->adsize == 2) {
        ir_op1(b, IR_EXT16U, IR_I64, t, t);
    }
    return t;
}

IrRef x86tr_offset(X86Tr *tr, const ZydisDecodedOperand *o)
{
    Parts p = address_parts(tr, o);
    int32_t rest;
    IrRef base = sum_parts(tr, &p, &rest), t;

    if (!rest) {
        return base;
    }
    t = ir_temp(tr->ir);
    ir_lea(tr->ir, IR_I64, t, base, IR_NONE, 0, rest);
    return t;
}

void x86tr_lea(X86Tr *tr, const ZydisDecodedOperand *o, IrType type, IrRef d)
{
    Parts p = address_parts(tr, o);
    int32_t rest;

    if (p.base && p.disp == (int32_t)p.disp) {
        ir_lea(tr->ir, type, d, p.base, p.index, p.shift, (int32_t)p.disp);
    } else {
        IrRef v = sum_parts(tr, &p, &rest);

        ir_lea(tr->ir, type, d, v, IR_NONE, 0, rest);
    }
}

unsigned x86tr_override(const X86Tr *tr, unsigned seg)
{
    static const struct { uint8_t prefix, seg;
    } overrides[] = {
        { 0x26, R_ES }, { 0x2e, R_CS }, { 0x36, R_SS },
        { 0x3e, R_DS }, { 0x64, R_FS }, { 0x65, R_GS },
    };

    for (unsigned n = 0; n < tr->insn.raw.prefix_count; n++) {
        for (unsigned k = tr->code64 ? 4 : 0; k < G_N_ELEMENTS(overrides); k++) {
            if (tr->insn.raw.prefixes[n].value == overrides[k].prefix) {
                seg = overrides[k].seg;
            }
        }
    }
    return seg;
}

IrRef x86tr_segment(X86Tr *tr, unsigned seg, IrRef offset, unsigned size, X86Access access)
{
    IrBlock *b = tr->ir;
    IrRef t;

    if (tr->code64) {
        if (seg != R_FS && seg != R_GS) {
            return offset;
        }
        t = ir_temp(b);
        ir_lds(b, t, MO_64, offsetof(X86State, seg[seg].base));
        ir_op2(b, IR_ADD, IR_I64, t, t, offset);
        return t;
    }
    if ((tr->mode & X86_MODE_FLAT) && (seg == R_DS || seg == R_ES || seg == R_SS)) {
        return offset;
    }
    t = ir_temp(b);
    ir_call(b, IR_CALL_READS | IR_CALL_RAISES, t, (void *)x86_helper_seg_check, offset,
            ir_const(b, seg | size << 8 | (access == X86_WRITE) << 16), IR_NONE, IR_NONE);
    return t;
}

static unsigned segment_of(const ZydisDecodedOperand *o)
{
    return (unsigned)(o->mem.segment - ZYDIS_REGISTER_ES);
}

X86Addr x86tr_addr(X86Tr *tr, const ZydisDecodedOperand *o, unsigned size, X86Access access)
{
    Parts p = address_parts(tr, o);
    unsigned seg = segment_of(o);
    X86Addr a;

    if (tr->code64 && seg >= R_FS && !p.base && !p.index && p.disp == (int32_t)p.disp &&
        tr->adsize == 8) {
        a = (X86Addr){ ir_temp(tr->ir), (int32_t)p.disp };
        ir_lds(tr->ir, a.base, MO_64, offsetof(X86State, seg[seg].base));
        return a;
    }
    a.base = sum_parts(tr, &p, &a.disp);
    a.base = x86tr_segment(tr, seg, a.base, size, access);
    return a;
}

IrRef x86tr_linear(X86Tr *tr, const ZydisDecodedOperand *o, unsigned size, X86Access access)
{
    X86Addr a = x86tr_addr(tr, o, size, access);
    IrRef t;

    if (!a.disp) {
        return a.base;
    }
    t = ir_temp(tr->ir);
    ir_lea(tr->ir, IR_I64, t, a.base, IR_NONE, 0, a.disp);
    return t;
}

unsigned x86tr_mop(const X86Tr *tr, unsigned mop)
{
    bool checked = (tr->mode & X86_MODE_AC) && (mop & MO_SIZE) != MO_8;

    return checked ? mop | MO_ALIGN : mop;
}

void x86tr_load(X86Tr *tr, IrRef d, X86Addr a, unsigned mop)
{
    ir_ld(tr->ir, d, a.base, a.disp, x86tr_mop(tr, mop), tr->mmu);
}

void x86tr_store(X86Tr *tr, X86Addr a, IrRef value, unsigned mop)
{
    ir_st(tr->ir, a.base, a.disp, value, x86tr_mop(tr, mop), tr->mmu);
}

/* ---- operands ---- */

static IrRef op_load(X86Tr *tr, const ZydisDecodedOperand *o, unsigned mop)
{
    X86Addr a = x86tr_addr(tr, o, o->size / 8u, X86_READ);
    IrRef t = ir_temp(tr->ir);

    x86tr_load(tr, t, a, mop);
    return t;
}

IrRef x86tr_op_read(X86Tr *tr, unsigned n)
{
    const ZydisDecodedOperand *o = &tr->op[n];

    switch (o->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        return x86tr_reg_read(tr, o->reg.value);
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        return ir_const(tr->ir, o->imm.value.u);
    default:
        return op_load(tr, o, x86tr_log2(o->size / 8u));
    }
}

IrRef x86tr_op_read_ext(X86Tr *tr, unsigned n, bool sign)
{
    const ZydisDecodedOperand *o = &tr->op[n];

    switch (o->type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
        return x86tr_reg_read_ext(tr, o->reg.value, sign);
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
        return ir_const(tr->ir, o->imm.value.u);
    default:
        return op_load(tr, o, x86tr_log2(o->size / 8u) | (sign ? MO_SIGN : 0));
    }
}

void x86tr_op_write(X86Tr *tr, unsigned n, IrRef value)
{
    const ZydisDecodedOperand *o = &tr->op[n];
    unsigned size = o->size / 8u;

    if (x86tr_is_reg(o)) {
        x86tr_reg_write(tr, o->reg.value, value);
    } else {
        x86tr_store(tr, x86tr_addr(tr, o, size, X86_WRITE), value, x86tr_log2(size));
    }
}

IrRef x86tr_modify_read(X86Tr *tr, unsigned n, X86Addr *a)
{
    const ZydisDecodedOperand *o = &tr->op[n];
    unsigned size = o->size / 8u;
    IrRef t;

    if (x86tr_is_reg(o)) {
        *a = (X86Addr){ 0 };
        return x86tr_reg_read(tr, o->reg.value);
    }
    *a = x86tr_addr(tr, o, size, X86_WRITE);
    t = ir_temp(tr->ir);
    x86tr_load(tr, t, *a, x86tr_log2(size) | MO_WRITE);
    return t;
}

void x86tr_modify_write(X86Tr *tr, unsigned n, const X86Addr *a, IrRef value)
{
    const ZydisDecodedOperand *o = &tr->op[n];

    if (x86tr_is_reg(o)) {
        x86tr_reg_write(tr, o->reg.value, value);
    } else {
        x86tr_store(tr, *a, value, x86tr_log2(o->size / 8u));
    }
}

IrRef x86tr_dest(X86Tr *tr, unsigned n)
{
    const ZydisDecodedOperand *o = &tr->op[n];
    bool high;

    return x86tr_is_reg(o) && o->size >= 32 ? G_REG(x86tr_reg_num(o->reg.value, &high))
                                            : ir_temp(tr->ir);
}

void x86tr_dest_write(X86Tr *tr, unsigned n, const X86Addr *a, IrRef value)
{
    if (!ir_is_global(value)) {
        x86tr_modify_write(tr, n, a, value);
    }
}

/* ---- stack ---- */

/* The offset rsp + n, cut to the width of the stack, outside 64-bit mode. */
static IrRef stack_offset(X86Tr *tr, int32_t n)
{
    IrRef t = ir_temp(tr->ir);

    ir_op2i(tr->ir, IR_ADD, IR_I32, t, G_REG(R_RSP), (uint64_t)(int64_t)n);
    if (tr->stsize == 2) {
        ir_op1(tr->ir, IR_EXT16U, IR_I64, t, t);
    }
    return t;
}

void x86tr_push(X86Tr *tr, IrRef value, unsigned size)
{
    unsigned mop = x86tr_mop(tr, x86tr_log2(size));
    IrRef t;

    if (tr->code64) {
        ir_st(tr->ir, G_REG(R_RSP), -(int32_t)size, value, mop, tr->mmu);
        ir_op2i(tr->ir, IR_SUB, IR_I64, G_REG(R_RSP), G_REG(R_RSP), size);
        return;
    }
    t = stack_offset(tr, -(int32_t)size);
    ir_st(tr->ir, x86tr_segment(tr, R_SS, t, size, X86_WRITE), 0, value, mop, tr->mmu);
    x86tr_gpr_write(tr, R_RSP, tr->stsize, t);
}

void x86tr_stack_load_at(X86Tr *tr, IrRef d, unsigned size, int32_t offset)
{
    unsigned mop = x86tr_mop(tr, x86tr_log2(size));
    IrRef t;

    if (tr->code64) {
        ir_ld(tr->ir, d, G_REG(R_RSP), offset, mop, tr->mmu);
        return;
    }
    t = stack_offset(tr, offset);
    ir_ld(tr->ir, d, x86tr_segment(tr, R_SS, t, size, X86_READ), 0, mop, tr->mmu);
}

void x86tr_stack_load(X86Tr *tr, IrRef d, unsigned size)
{
    x86tr_stack_load_at(tr, d, size, 0);
}

void x86tr_stack_add(X86Tr *tr, int32_t n)
{
    if (tr->code64) {
        ir_op2i(tr->ir, IR_ADD, IR_I64, G_REG(R_RSP), G_REG(R_RSP), (uint64_t)(int64_t)n);
    } else {
        x86tr_gpr_write(tr, R_RSP, tr->stsize, stack_offset(tr, n));
    }
}
