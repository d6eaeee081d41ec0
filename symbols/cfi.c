/* Call frame information: .eh_frame and .debug_frame, read by libdw.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/elf_int.h"
#include "symbols/unwind_int.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "util/bytes.h"

#define DEPTH 32u               /* of an expression's stack */

struct SymCfi {
    int fd;
    bool open;                  /* has been tried */
    unsigned word;
    Elf *elf;
    Dwarf *dwarf;
    Dwarf_CFI *eh, *debug;      /* NULL: none */
    uint64_t low, high;         /* code of the file */
};

/* ---- life ---- */

static void code_span(SymCfi *c, Elf *elf)
{
    size_t n = 0;

    c->low = UINT64_MAX;
    elf_getphdrnum(elf, &n);
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr p;

        if (gelf_getphdr(elf, (int)i, &p) && p.p_type == PT_LOAD &&
            p.p_memsz <= UINT64_MAX - p.p_vaddr) {
            c->low = MIN(c->low, p.p_vaddr);
            c->high = MAX(c->high, p.p_vaddr + p.p_memsz);
        }
    }
}

SymCfi *sym_cfi_new(Elf *elf, int fd)
{
    size_t len;
    uint64_t addr;
    SymCfi *c;

    if (!sym_elf_section(elf, ".eh_frame", &len, &addr) &&
        !sym_elf_section(elf, ".debug_frame", &len, &addr)) {
        return NULL;
    }
    fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return NULL;
    }
    c = g_new0(SymCfi, 1);
    c->fd = fd;
    c->word = gelf_getclass(elf) == ELFCLASS64 ? 8 : 4;
    code_span(c, elf);
    return c;
}

static void cfi_open(SymCfi *c)
{
    c->open = true;
    c->elf = elf_begin(c->fd, ELF_C_READ, NULL);
    if (c->elf) {
        c->eh = dwarf_getcfi_elf(c->elf);
        c->dwarf = dwarf_begin_elf(c->elf, DWARF_C_READ, NULL);
        c->debug = c->dwarf ? dwarf_getcfi(c->dwarf) : NULL;
    }
}

void sym_cfi_free(SymCfi *c)
{
    if (!c) {
        return;
    }
    if (c->eh) {
        dwarf_cfi_end(c->eh);
    }
    if (c->dwarf) {
        dwarf_end(c->dwarf);
    }
    elf_end(c->elf);
    close(c->fd);
    g_free(c);
}

/* ---- expressions ---- */

typedef struct Eval {
    Unwind *u;
    uint64_t cfa;
    bool has_cfa;
    uint64_t stack[DEPTH];
    unsigned n;
    bool value;                 /* the result is the value itself, not where it lies */
} Eval;

static bool push(Eval *e, uint64_t v)
{
    if (e->n == DEPTH) {
        return false;
    }
    e->stack[e->n++] = v & mask_bytes(e->u->arch->word);
    return true;
}

static bool push_register(Eval *e, uint64_t reg, uint64_t add)
{
    return reg < UNWIND_REGS && unwind_knows(&e->u->regs, (unsigned)reg) &&
           push(e, e->u->regs.v[reg] + add);
}

static bool deref(Eval *e, unsigned size)
{
    uint8_t raw[8];
    uint64_t at = e->n ? e->stack[e->n - 1] : 0, v;

    if (!e->n || size > sizeof(raw) || !e->u->read(e->u->opaque, at, raw, size)) {
        return false;
    }
    v = load_le(raw, size);
    e->stack[e->n - 1] = e->u->arch->big_endian ? GUINT64_SWAP_LE_BE(v) >> (64 - 8 * size) : v;
    return true;
}

static bool binary(Eval *e, unsigned op)
{
    unsigned bits = e->u->arch->word * 8u;
    uint64_t a, b, v;
    int64_t sa, sb;

    if (e->n < 2) {
        return false;
    }
    b = e->stack[--e->n];
    a = e->stack[--e->n];
    sa = sign_extend(a, bits);
    sb = sign_extend(b, bits);
    switch (op) {
    case DW_OP_and: v = a & b; break;
    case DW_OP_or: v = a | b; break;
    case DW_OP_xor: v = a ^ b; break;
    case DW_OP_plus: v = a + b; break;
    case DW_OP_minus: v = a - b; break;
    case DW_OP_mul: v = a * b; break;
    case DW_OP_shl: v = b < bits ? a << b : 0; break;
    case DW_OP_shr: v = b < bits ? a >> b : 0; break;
    case DW_OP_shra: v = (uint64_t)(sa >> MIN(b, bits - 1)); break;
    case DW_OP_eq: v = a == b; break;
    case DW_OP_ne: v = a != b; break;
    case DW_OP_ge: v = sa >= sb; break;
    case DW_OP_gt: v = sa > sb; break;
    case DW_OP_le: v = sa <= sb; break;
    case DW_OP_lt: v = sa < sb; break;
    default: return false;
    }
    return push(e, v);
}

/* Operations on the stack's top. */
static bool shuffle(Eval *e, unsigned op, uint64_t arg)
{
    uint64_t *top = e->stack + (e->n ? e->n - 1 : 0);

    switch (op) {
    case DW_OP_nop:
        return true;
    case DW_OP_dup:
        return e->n && push(e, *top);
    case DW_OP_over:
        return e->n >= 2 && push(e, top[-1]);
    case DW_OP_pick:
        return arg < e->n && push(e, top[-(int64_t)arg]);
    case DW_OP_drop:
        return e->n && e->n--;
    case DW_OP_neg:
        return e->n && e->n-- && push(e, -*top);
    case DW_OP_not:
        return e->n && e->n-- && push(e, ~*top);
    case DW_OP_plus_uconst:
        return e->n && e->n-- && push(e, *top + arg);
    case DW_OP_swap: {
        uint64_t v;

        if (e->n < 2) {
            return false;
        }
        v = top[-1];
        top[-1] = *top;
        *top = v;
        return true;
    }
    default:
        return binary(e, op);
    }
}

/* Jumps are left out: no frame needs them, and so every expression ends. */
static bool eval_op(Eval *e, const Dwarf_Op *op)
{
    unsigned a = op->atom;

    if (a >= DW_OP_lit0 && a <= DW_OP_lit31) {
        return push(e, a - DW_OP_lit0);
    }
    if (a >= DW_OP_breg0 && a <= DW_OP_breg31) {
        return push_register(e, a - DW_OP_breg0, op->number);
    }
    if (a >= DW_OP_reg0 && a <= DW_OP_reg31) {
        e->value = true;
        return push_register(e, a - DW_OP_reg0, 0);
    }
    switch (a) {
    case DW_OP_addr: case DW_OP_const1u: case DW_OP_const1s: case DW_OP_const2u: case DW_OP_const2s:
    case DW_OP_const4u: case DW_OP_const4s: case DW_OP_const8u: case DW_OP_const8s:
    case DW_OP_constu: case DW_OP_consts:
        return push(e, op->number);
    case DW_OP_bregx:
        return push_register(e, op->number, op->number2);
    case DW_OP_regx:
        e->value = true;
        return push_register(e, op->number, 0);
    case DW_OP_call_frame_cfa:
        return e->has_cfa && push(e, e->cfa);
    case DW_OP_deref:
        return deref(e, e->u->arch->word);
    case DW_OP_deref_size:
        return deref(e, (unsigned)op->number);
    case DW_OP_stack_value:
        e->value = true;
        return true;
    default:
        return shuffle(e, a, op->number);
    }
}

static bool eval(Eval *e, const Dwarf_Op *ops, size_t n, uint64_t *out)
{
    e->n = 0;
    e->value = false;
    for (size_t i = 0; i < n; i++) {
        if (!eval_op(e, &ops[i])) {
            return false;
        }
    }
    if (!e->n) {
        return false;
    }
    *out = e->stack[e->n - 1];
    return true;
}

/* ---- stepping ---- */

/* The caller's value of a register. False: broken; *known tells whether it has one. */
static bool caller_register(Eval *e, Dwarf_Frame *frame, unsigned reg, uint64_t *v, bool *known)
{
    Dwarf_Op mem[3], *ops;
    size_t n;

    *known = false;
    if (dwarf_frame_register(frame, (int)reg, mem, &ops, &n) < 0) {
        return true;                            /* not a register of this CPU's frames */
    }
    if (!n) {
        if (!ops && unwind_knows(&e->u->regs, reg)) {       /* the same */
            *v = e->u->regs.v[reg];
            *known = true;
        }
        return true;
    }
    if (!eval(e, ops, n, v)) {
        return false;
    }
    *known = true;
    return e->value || (e->n = 1, e->stack[0] = *v, deref(e, e->u->arch->word) &&
                        (*v = e->stack[0], true));
}

static StepResult leave_frame(Unwind *u, Dwarf_Frame *frame)
{
    const UnwindArch *arch = u->arch;
    Eval e = { .u = u };
    UnwindRegs out = { .known = 0 };
    Dwarf_Op *ops;
    size_t n;
    bool signal = false, known;
    int ra = dwarf_frame_info(frame, NULL, NULL, &signal);
    uint64_t v;

    if (ra < 0 || ra >= (int)UNWIND_REGS || dwarf_frame_cfa(frame, &ops, &n) < 0 || !n ||
        !eval(&e, ops, n, &e.cfa)) {
        return unwind_broken(u, "the frame's address cannot be computed from its unwind table");
    }
    e.has_cfa = true;
    for (unsigned reg = 0; reg < MIN(arch->n, UNWIND_REGS); reg++) {
        if (!caller_register(&e, frame, reg, &v, &known)) {
            return unwind_broken(u, "the frame's saved registers at 0x%" PRIx64 " cannot be read",
                                 e.cfa);
        }
        if (reg == arch->sp && (!known || v == u->regs.v[reg])) {
            v = e.cfa;                          /* what it is where nothing is said */
            known = true;
        }
        if (known) {
            unwind_put(&out, reg, v);
        }
    }
    if (!caller_register(&e, frame, (unsigned)ra, &v, &known)) {
        return unwind_broken(u, "the return address cannot be read");
    }
    if (!known) {
        return STEP_END;
    }
    unwind_put(&out, arch->pc, v);
    u->regs = out;
    u->exact = u->switched = signal;
    return STEP_DONE;
}

StepResult sym_cfi_step(SymCfi *c, uint64_t pc, Unwind *u)
{
    Dwarf_Frame *frame = NULL;
    StepResult r;

    if (c->word != u->arch->word || pc < c->low || pc >= c->high) {
        return STEP_UNKNOWN;
    }
    if (!c->open) {
        cfi_open(c);
    }
    if ((!c->eh || dwarf_cfi_addrframe(c->eh, pc, &frame)) &&
        (!c->debug || dwarf_cfi_addrframe(c->debug, pc, &frame))) {
        return STEP_UNKNOWN;
    }
    r = leave_frame(u, frame);
    free(frame);
    return r;
}
