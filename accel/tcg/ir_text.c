/* IR blocks as text, and the check of their rules.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/ir.h"

#include <string.h>

static const char *const vop_name[VOP_NUM] = {
#define VEC_OP(name, ...) [VOP_##name] = #name,
#include "accel/tcg/vec.def"
};
static const char *const type_name[] = { "i8", "i16", "i32", "i64", "v128" };
static const char *const cond_name[] = { "eq", "ne", "ltu", "geu", "leu", "gtu", "lt", "ge", "le", "gt",
                                         "tsteq", "tstne" };
static const char *const amo_name[] = { "add", "and", "or", "xor", "xchg" };

static void dump_ref(const IrBlock *b, IrRef r, GString *out)
{
    const IrValue *v = &b->value[r];

    if (!r) {
        g_string_append(out, "-");
        return;
    }
    switch (v->kind) {
    case IR_VAL_GLOBAL:
        g_string_append(out, b->global[r - 1].name);
        break;
    case IR_VAL_CONST:
        g_string_append_printf(out, "$0x%" G_GINT64_MODIFIER "x", v->value);
        break;
    default:
        g_string_append_printf(out, "%s%u", v->kind == IR_VAL_LOCAL ? "l" : v->type == IR_V128 ? "v" : "t",
                               r - IR_MAX_GLOBALS);
        break;
    }
}

static void dump_mop(unsigned mop, GString *out)
{
    g_string_append_printf(out, ".%u%s%s%s%s", 8u << (mop & MO_SIZE), mop & MO_SIGN ? "s" : "",
                           mop & MO_VEC ? "v" : "", mop & MO_WRITE ? "w" : "", mop & MO_ALIGN ? "a" : "");
}

void ir_dump(const IrBlock *b, GString *out)
{
    for (unsigned n = 0; n < b->ninsns; n++) {
        const IrInsn *i = &b->insn[n];
        const IrRef arg[4] = { i->a, i->b, i->c, i->e };

        if (i->op == IR_INSN) {
            g_string_append_printf(out, " ---- 0x%" G_GINT64_MODIFIER "x\n", i->imm);
            continue;
        }
        if (i->op == IR_LABEL) {
            g_string_append_printf(out, " L%u:\n", (unsigned)i->imm);
            continue;
        }
        g_string_append_printf(out, "  %s.%s", ir_op_info[i->op].name, type_name[i->type]);
        if (i->op >= IR_VOP1 && i->op <= IR_VCMPF) {
            g_string_append_printf(out, ".%s[%u]", vop_name[(uint32_t)i->imm], (unsigned)(i->imm >> 32));
        } else if (i->op == IR_SETCOND || i->op == IR_MOVCOND || i->op == IR_BRCOND) {
            g_string_append_printf(out, ".%s", cond_name[i->cond]);
        } else if (i->op == IR_AMO) {
            g_string_append_printf(out, ".%s", amo_name[i->cond]);
        } else if (i->op == IR_CALL) {
            g_string_append_printf(out, "[%x]", i->cond);
        }
        if (i->op == IR_LDS || i->op == IR_STS || (i->op >= IR_LD && i->op <= IR_CAS)) {
            dump_mop(i->mop, out);
        }
        g_string_append_c(out, ' ');
        if (ir_op_info[i->op].nres) {
            dump_ref(b, i->d, out);
            g_string_append(out, " =");
        }
        for (unsigned k = 0; k < ir_op_info[i->op].nargs; k++) {
            g_string_append_c(out, ' ');
            dump_ref(b, arg[k], out);
        }
        if (i->imm && !(i->op >= IR_VOP1 && i->op <= IR_VCMPF)) {
            g_string_append_printf(out, i->op == IR_BR || i->op == IR_BRCOND ? " L%" G_GINT64_MODIFIER "u"
                                   : " #0x%" G_GINT64_MODIFIER "x", i->imm);
        }
        if (i->sub) {
            g_string_append_printf(out, " /%u", i->sub);
        }
        g_string_append_c(out, '\n');
    }
}

static bool is_vector(const IrBlock *b, IrRef r)
{
    return b->value[r].type == IR_V128;
}

/* Which operands of an instruction must be vectors: bit 0..3 arguments, bit 7 result. */
static unsigned vector_mask(const IrBlock *b, const IrInsn *i)
{
    bool vec_mem = (i->mop & MO_VEC) || (i->mop & MO_SIZE) == MO_128;

    switch (i->op) {
    case IR_VOP1: return 0x81;
    case IR_VOP2: return 0x83;
    case IR_VTOI: return 0x01;
    case IR_ITOV: return i->a ? 0x81 : 0x80;
    case IR_VCMPF: return 0x03;
    case IR_MOV: return i->type == IR_V128 ? 0x81 : 0;
    case IR_LDS: case IR_LD: return vec_mem ? 0x80 : 0;
    case IR_STS: return vec_mem ? 0x01 : 0;
    case IR_ST: return vec_mem ? 0x02 : 0;
    default: return 0;
    }
}

static char *validate_insn(const IrBlock *b, unsigned n, uint8_t *defined)
{
    const IrInsn *i = &b->insn[n];
    const IrRef arg[5] = { i->a, i->b, i->c, i->e, i->d };
    unsigned vec = i->op < IR_NUM_OPS ? vector_mask(b, i) : 0;

    if (i->op >= IR_NUM_OPS) {
        return g_strdup_printf("insn %u: unknown operation %u", n, i->op);
    }
    for (unsigned k = 0; k < 5; k++) {
        bool want = vec >> (k == 4 ? 7 : k) & 1;

        if (arg[k] >= b->nvalues || (arg[k] > b->nglobals && arg[k] <= IR_MAX_GLOBALS)) {
            return g_strdup_printf("insn %u (%s): bad value %u", n, ir_op_info[i->op].name, arg[k]);
        }
        if (arg[k] && want != is_vector(b, arg[k])) {
            return g_strdup_printf("insn %u (%s): operand %u mixes integer and vector", n,
                                   ir_op_info[i->op].name, k);
        }
        if (k < 4 && arg[k] && b->value[arg[k]].kind == IR_VAL_TEMP && !defined[arg[k]]) {
            return g_strdup_printf("insn %u (%s): temporary %u has no value here", n,
                                   ir_op_info[i->op].name, arg[k] - IR_MAX_GLOBALS);
        }
    }
    if (i->d && b->value[i->d].kind == IR_VAL_CONST) {
        return g_strdup_printf("insn %u (%s): writes a constant", n, ir_op_info[i->op].name);
    }
    if ((i->op == IR_BR || i->op == IR_BRCOND || i->op == IR_LABEL) && i->imm >= b->nlabels) {
        return g_strdup_printf("insn %u: no label %u", n, (unsigned)i->imm);
    }
    if (i->d) {
        defined[i->d] = 1;
    }
    return NULL;
}

char *ir_validate(const IrBlock *b)
{
    g_autofree uint8_t *defined = g_malloc0(IR_MAX_VALUES);
    bool open = true;

    for (unsigned n = 0; n < b->ninsns; n++) {
        unsigned flags = ir_op_info[b->insn[n].op < IR_NUM_OPS ? b->insn[n].op : 0].flags;
        char *bad = validate_insn(b, n, defined);

        if (bad) {
            return bad;
        }
        if (flags & IR_F_BB) {
            memset(defined, 0, IR_MAX_VALUES);
        }
        open = !(flags & IR_F_EXIT) && b->insn[n].op != IR_BR;
    }
    return open ? g_strdup("the block does not end in an exit") : NULL;
}
