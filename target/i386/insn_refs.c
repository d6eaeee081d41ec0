/* The memory that one instruction touches, from its operands and the registers.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Zydis lists implicit operands too, but of those on the stack neither the address nor always the
 * size, and some addresses depend on values it does not know: these are worked out here. */
#include "target/i386/flags.h"
#include "target/i386/gate.h"
#include "target/i386/insn_int.h"
#include "target/i386/x86.h"
#include "util/bytes.h"

#define CACHE_LINE 64u

typedef struct Work {
    const Cpu *cpu;
    const X86State *s;
    const X86InsnZydis *z;
    X86Insn *out;
} Work;

uint64_t x86_insn_stack_mask(const X86State *s)
{
    return x86_in_64(s) ? UINT64_MAX : s->mode & X86_MODE_SS32 ? 0xffffffffu : 0xffff;
}

vaddr_t x86_insn_linear(const X86State *s, unsigned seg, uint64_t offset)
{
    if (!x86_in_64(s)) {
        return (s->seg[seg].base + offset) & 0xffffffffu;
    }
    return seg == R_FS || seg == R_GS ? s->seg[seg].base + offset : offset;
}

static void add(Work *w, X86MemRef r)
{
    if (w->out->nref == X86_INSN_REFS) {
        w->out->refs_complete = false;
        return;
    }
    w->out->ref[w->out->nref++] = r;
}

/* ---- the stack ---- */

/* Elements of the operand size on the stack, from the offset lo up. Each by itself wraps around
 * with SP; neighbours make one ref. */
static void add_stack(Work *w, uint64_t lo, unsigned count, bool write)
{
    unsigned size = w->out->op_size;

    for (unsigned i = 0; i < count; i++) {
        vaddr_t at = x86_insn_linear(w->s, R_SS, (lo + i * size) & x86_insn_stack_mask(w->s));
        X86MemRef *last = i ? &w->out->ref[w->out->nref - 1] : NULL;

        if (last && last->addr + last->size == at) {
            last->size += size;
        } else {
            add(w, (X86MemRef){ .addr = at, .size = size, .read = !write, .write = write, .stack = true });
        }
    }
}

static void add_push(Work *w, unsigned count)
{
    add_stack(w, w->s->gpr[R_RSP] - count * w->out->op_size, count, true);
}

/* The frame pointer, those of the outer levels (read from below it), and the new one. What lies at
 * the new stack pointer is not changed, but checked for whether it could be. */
static void add_enter(Work *w)
{
    unsigned level = w->z->op[1].imm.value.u & 31, size = w->out->op_size;
    uint64_t sp = w->s->gpr[R_RSP] - (1 + level) * size - w->z->op[0].imm.value.u;

    if (level > 1) {
        add_stack(w, w->s->gpr[R_RBP] - (level - 1) * size, level - 1, false);
    }
    add_push(w, 1 + level);
    add(w, (X86MemRef){ .addr = x86_insn_linear(w->s, R_SS, sp & x86_insn_stack_mask(w->s)), .size = size,
                        .write = true, .maybe = true, .stack = true });
}

static unsigned popped(const Work *w)
{
    switch (w->z->insn.mnemonic) {
    case ZYDIS_MNEMONIC_POPA: case ZYDIS_MNEMONIC_POPAD: return 8;
    case ZYDIS_MNEMONIC_IRET: case ZYDIS_MNEMONIC_IRETD: case ZYDIS_MNEMONIC_IRETQ:
        return x86_in_64(w->s) ? 5 : 3;
    default: return w->out->kind == X86_INSN_FAR ? 2 : 1;
    }
}

static bool is_sp(ZydisRegister r)
{
    return r == ZYDIS_REGISTER_RSP || r == ZYDIS_REGISTER_ESP || r == ZYDIS_REGISTER_SP;
}

static bool is_implicit_stack(const Work *w, const ZydisDecodedOperand *o)
{
    return o->visibility == ZYDIS_OPERAND_VISIBILITY_HIDDEN &&
           (is_sp(o->mem.base) || w->z->insn.mnemonic == ZYDIS_MNEMONIC_LEAVE);
}

static void add_implicit_stack(Work *w, const ZydisDecodedOperand *o)
{
    switch (w->z->insn.mnemonic) {
    case ZYDIS_MNEMONIC_ENTER: add_enter(w); return;
    case ZYDIS_MNEMONIC_LEAVE: add_stack(w, w->s->gpr[R_RBP], 1, false); return;
    case ZYDIS_MNEMONIC_PUSHA: case ZYDIS_MNEMONIC_PUSHAD: add_push(w, 8); return;
    default: break;
    }
    if (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) {
        add_push(w, w->out->kind == X86_INSN_FAR ? 2 : 1);
    } else {
        add_stack(w, w->s->gpr[R_RSP], popped(w), false);
    }
}

/* ---- other memory ---- */

/* POP has moved the stack pointer when it forms the address of its destination. */
static uint64_t sp_in_address(const Work *w)
{
    uint64_t sp = w->s->gpr[R_RSP], mask = x86_insn_stack_mask(w->s);

    if (w->z->insn.mnemonic == ZYDIS_MNEMONIC_POP) {
        sp = (sp & ~mask) | ((sp + w->out->op_size) & mask);
    }
    return sp;
}

/* A register as it is in an address; wider than it is. None and vectors: 0. */
static uint64_t reg_value(const Work *w, ZydisRegister r)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(r);

    if (class == ZYDIS_REGCLASS_IP) {
        return w->out->next;        /* only in 64-bit mode, where it is rip */
    }
    if (class != ZYDIS_REGCLASS_GPR64 && class != ZYDIS_REGCLASS_GPR32 && class != ZYDIS_REGCLASS_GPR16) {
        return 0;
    }
    return is_sp(r) ? sp_in_address(w) : w->s->gpr[ZydisRegisterGetId(r)];
}

/* How far from its operand's address a bit test looks: with the bit's number in a register, anywhere. */
static int64_t bit_distance(const Work *w)
{
    const ZydisDecodedOperand *bit = &w->z->op[1];
    unsigned size = w->out->op_size;

    if (bit->type != ZYDIS_OPERAND_TYPE_REGISTER) {
        return 0;
    }
    uint64_t v = w->s->gpr[ZydisRegisterGetId(bit->reg.value)];
    int64_t n = size == 2 ? (int16_t)v : size == 4 ? (int32_t)v : (int64_t)v;

    return (n >> (size == 2 ? 4 : size == 4 ? 5 : 6)) * (int64_t)size;
}

static int64_t distance(const Work *w)
{
    switch (w->z->insn.mnemonic) {
    case ZYDIS_MNEMONIC_BT: case ZYDIS_MNEMONIC_BTS: case ZYDIS_MNEMONIC_BTR: case ZYDIS_MNEMONIC_BTC:
        return bit_distance(w);
    case ZYDIS_MNEMONIC_XLAT: return (uint8_t)w->s->gpr[R_RAX];
    default: return 0;
    }
}

/* Linear address of an operand, index being the vector element's in a gather. */
static vaddr_t address(const Work *w, const ZydisDecodedOperand *o, int64_t index)
{
    uint64_t a = reg_value(w, o->mem.base) + (reg_value(w, o->mem.index) + (uint64_t)index) * o->mem.scale;

    if (o->mem.disp.has_displacement) {
        a += (uint64_t)o->mem.disp.value;
    }
    a += (uint64_t)distance(w);
    return x86_insn_linear(w->s, (unsigned)ZydisRegisterGetId(o->mem.segment),
                           a & mask_bits(w->z->insn.address_width));
}

static void vector_bytes(const X86State *s, ZydisRegister r, uint8_t out[32])
{
    unsigned n = (unsigned)ZydisRegisterGetId(r) & 15;

    memcpy(out, &s->xmm[n], 16);
    memcpy(out + 16, &s->ymm_high[n], 16);
}

/* AVX2's gathers, element by element. AVX-512's have masks that X86State does not. */
static void add_gather(Work *w, const ZydisDecodedOperand *o)
{
    const ZydisDecodedOperand *dest = &w->z->op[0], *mask = &w->z->op[2];
    ZydisMnemonic m = w->z->insn.mnemonic;
    bool quad = m == ZYDIS_MNEMONIC_VGATHERQPS || m == ZYDIS_MNEMONIC_VGATHERQPD ||
                m == ZYDIS_MNEMONIC_VPGATHERQD || m == ZYDIS_MNEMONIC_VPGATHERQQ;
    unsigned size = o->size / 8u, index_size = quad ? 8 : 4;
    uint8_t index[32], on[32];

    if (w->z->insn.meta.category != ZYDIS_CATEGORY_AVX2GATHER) {
        w->out->refs_complete = false;
        return;
    }
    unsigned index_bytes = ZydisRegisterGetClass(o->mem.index) == ZYDIS_REGCLASS_YMM ? 32 : 16;
    vector_bytes(w->s, o->mem.index, index);
    vector_bytes(w->s, mask->reg.value, on);
    for (unsigned i = 0; i < MIN(dest->size / 8u / size, index_bytes / index_size); i++) {
        uint64_t v = load_le(index + i * index_size, index_size);

        if (on[i * size + size - 1] & 0x80) {
            add(w, (X86MemRef){ .addr = address(w, o, quad ? (int64_t)v : (int32_t)v), .size = size,
                                .read = true });
        }
    }
}

static bool is_xsave(const Work *w)
{
    ZydisInstructionCategory c = w->z->insn.meta.category;

    return c == ZYDIS_CATEGORY_XSAVE || c == ZYDIS_CATEGORY_XSAVEOPT;
}

/* How far an XSAVE area goes with the components asked for. Where they lie is the processor's to
 * say (CPUID leaf 0Dh); these are Intel's places, behind which no other's are. */
static unsigned xsave_size(Work *w)
{
    static const struct { uint8_t bit; uint16_t end; } components[] = {
        { 0, 576 }, { 1, 576 }, { 2, 832 }, { 5, 1152 }, { 6, 1664 }, { 7, 2688 }, { 9, 2696 },
        { 17, 2816 }, { 18, 11008 },
    };
    const uint64_t *gpr = w->s->gpr;
    uint64_t asked = ((uint32_t)gpr[R_RAX] | gpr[R_RDX] << 32) & w->s->xcr0;
    unsigned size = 576;

    for (unsigned i = 0; i < G_N_ELEMENTS(components); i++) {
        if (asked >> components[i].bit & 1) {
            size = components[i].end;
            asked &= ~(UINT64_C(1) << components[i].bit);
        }
    }
    if (asked || w->z->insn.meta.isa_set == ZYDIS_ISA_SET_XSAVES) {
        w->out->refs_complete = false;      /* IA32_XSS is not in X86State */
    }
    return size;
}

/* May the operand be touched in part, or not at all? */
static bool is_masked(const X86InsnZydis *z)
{
    switch (z->insn.mnemonic) {
    case ZYDIS_MNEMONIC_MASKMOVQ: case ZYDIS_MNEMONIC_MASKMOVDQU: case ZYDIS_MNEMONIC_VMASKMOVDQU:
    case ZYDIS_MNEMONIC_VMASKMOVPS: case ZYDIS_MNEMONIC_VMASKMOVPD:
    case ZYDIS_MNEMONIC_VPMASKMOVD: case ZYDIS_MNEMONIC_VPMASKMOVQ:
        return true;
    default: return z->insn.avx.mask.mode > ZYDIS_MASK_MODE_DISABLED;
    }
}

static void add_plain(Work *w, const ZydisDecodedOperand *o)
{
    unsigned size = is_xsave(w) ? xsave_size(w) : o->size / 8u;

    if (!size) {
        w->out->refs_complete = false;
        return;
    }
    add(w, (X86MemRef){ .addr = address(w, o, 0), .size = size,
                        .read = o->actions & ZYDIS_OPERAND_ACTION_MASK_READ,
                        .write = o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE,
                        .maybe = is_xsave(w) || is_masked(w->z),
                        .stack = o->mem.segment == ZYDIS_REGISTER_SS });
}

/* ---- the whole ---- */

/* Instructions with an operand in memory that they do not access. */
static bool only_names(const ZydisDecodedInstruction *insn)
{
    switch (insn->meta.category) {
    case ZYDIS_CATEGORY_NOP: case ZYDIS_CATEGORY_WIDENOP: case ZYDIS_CATEGORY_PREFETCH:
    case ZYDIS_CATEGORY_PREFETCHWT1: case ZYDIS_CATEGORY_CLFLUSHOPT: case ZYDIS_CATEGORY_CLWB:
        return true;
    default: break;
    }
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_CLFLUSH: case ZYDIS_MNEMONIC_INVLPG: case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
        return true;
    default: return false;
    }
}

/* Instructions that access memory which Zydis does not tell of. */
static bool touches_more(const ZydisDecodedInstruction *insn)
{
    switch (insn->meta.category) {
    case ZYDIS_CATEGORY_VTX: case ZYDIS_CATEGORY_SGX: case ZYDIS_CATEGORY_PADLOCK:
    case ZYDIS_CATEGORY_AMX_TILE: case ZYDIS_CATEGORY_UINTR: case ZYDIS_CATEGORY_ENQCMD:
    case ZYDIS_CATEGORY_PCONFIG: case ZYDIS_CATEGORY_LEGACY:
        return true;
    case ZYDIS_CATEGORY_CET:
        return insn->mnemonic != ZYDIS_MNEMONIC_ENDBR32 && insn->mnemonic != ZYDIS_MNEMONIC_ENDBR64;
    default: break;
    }
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_RSM: case ZYDIS_MNEMONIC_VMRUN: case ZYDIS_MNEMONIC_VMLOAD:
    case ZYDIS_MNEMONIC_VMSAVE: case ZYDIS_MNEMONIC_SKINIT: case ZYDIS_MNEMONIC_GETSEC:
        return true;
    default: return false;
    }
}

/* Does it look at a descriptor (in protected mode)? */
static bool uses_descriptor(const Work *w)
{
    switch (w->z->insn.mnemonic) {
    case ZYDIS_MNEMONIC_LLDT: case ZYDIS_MNEMONIC_LTR: case ZYDIS_MNEMONIC_LAR: case ZYDIS_MNEMONIC_LSL:
    case ZYDIS_MNEMONIC_VERR: case ZYDIS_MNEMONIC_VERW:
        return true;
    case ZYDIS_MNEMONIC_SYSCALL: case ZYDIS_MNEMONIC_SYSRET: case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_SYSEXIT:
        return false;               /* these load segments without one */
    default: break;
    }
    for (unsigned i = 0; i < w->z->insn.operand_count; i++) {
        const ZydisDecodedOperand *o = &w->z->op[i];

        if (o->type == ZYDIS_OPERAND_TYPE_REGISTER && (o->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
            ZydisRegisterGetClass(o->reg.value) == ZYDIS_REGCLASS_SEGMENT) {
            return true;
        }
    }
    return w->out->kind == X86_INSN_FAR || w->out->kind == X86_INSN_IRET;
}

/* INT n and kin: in real mode all is known. */
static void add_interrupt(Work *w)
{
    vaddr_t entry;
    unsigned size;

    if (w->out->kind == X86_INSN_INTO && !(x86_flags_compute(w->s) & X86_OF)) {
        return;
    }
    w->out->refs_complete = x86_in_real(w->s) && x86_gate_address(w->cpu, w->out->vector, &entry, &size);
    if (w->out->refs_complete) {
        w->out->op_size = 2;        /* the frame's, whatever the code segment's size */
        add_push(w, 3);
        add(w, (X86MemRef){ .addr = entry, .size = size, .read = true });
    }
}

/* Is it a string instruction with nothing left to do? */
static bool count_is_zero(const Work *w)
{
    return w->out->rep && !(w->s->gpr[R_RCX] & mask_bits(w->z->insn.address_width));
}

static void add_operands(Work *w)
{
    for (unsigned i = 0; i < w->z->insn.operand_count; i++) {
        const ZydisDecodedOperand *o = &w->z->op[i];

        if (o->type != ZYDIS_OPERAND_TYPE_MEMORY || o->mem.type == ZYDIS_MEMOP_TYPE_AGEN) {
            continue;
        }
        if (o->mem.type == ZYDIS_MEMOP_TYPE_VSIB) {
            add_gather(w, o);
        } else if (is_implicit_stack(w, o)) {
            add_implicit_stack(w, o);
        } else {
            add_plain(w, o);
        }
    }
}

void x86_insn_refs(const Cpu *cpu, const X86InsnZydis *z, X86Insn *out)
{
    const X86State *s = x86_state(cpu);
    Work w = { .cpu = cpu, .s = s, .z = z, .out = out };

    out->nref = 0;
    out->refs_complete = !touches_more(&z->insn) && !(x86_in_prot(s) && uses_descriptor(&w));
    if (only_names(&z->insn) || count_is_zero(&w)) {
        return;
    }
    switch (out->kind) {
    case X86_INSN_INT: case X86_INSN_INT3: case X86_INSN_INTO: case X86_INSN_ICEBP:
        add_interrupt(&w);
        return;
    default: break;
    }
    if (z->insn.mnemonic == ZYDIS_MNEMONIC_CLZERO) {
        uint64_t at = s->gpr[R_RAX] & mask_bits(z->insn.address_width) & ~(uint64_t)(CACHE_LINE - 1);

        add(&w, (X86MemRef){ .addr = x86_insn_linear(s, R_DS, at), .size = CACHE_LINE, .write = true });
    }
    add_operands(&w);
}
