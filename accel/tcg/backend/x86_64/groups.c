/* Accesses of a block that one check of the TLB can serve.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Addresses that are a constant apart (a stack frame, fields of a structure) lie in one page nearly
 * always. The first of such a group asks the TLB for the whole stretch, and keeps the page's addend
 * for the others; where the answer is no (also because the stretch crosses a page) the addend is 0
 * and each access takes its own slow path. A mapping cannot change within a block but by a call,
 * which ends all groups; so does a label. */
#include "accel/tcg/backend/x86_64/jit.h"

#define MAX_STRETCH 512         /* bytes */
#define FAR (1ll << 62)         /* no arithmetic with offsets beyond */

/* What is known of a value: some unknown number (its root) plus a constant. Root 1 is zero. */
typedef struct Place {
    uint32_t root;
    int64_t off;
} Place;

struct JitGrouping {
    Place place[IR_MAX_VALUES];
    uint16_t open[JIT_MAX_ROOTS][2];    /* the group for reads, for writes; 0: none */
    uint32_t nroots;
    uint32_t epoch;
    uint32_t branch;            /* counts BRCONDs */
};

static uint32_t root_new(struct JitGrouping *s)
{
    uint32_t r = s->nroots < JIT_MAX_ROOTS - 1 ? s->nroots++ : JIT_MAX_ROOTS - 1;

    s->open[r][0] = s->open[r][1] = 0;
    return r;
}

static Place place_of(struct JitGrouping *s, const IrBlock *ir, IrRef r)
{
    if (ir_is_const(ir, r)) {
        return (Place){ 1, (int64_t)ir->value[r].value };
    }
    if (!s->place[r].root) {
        s->place[r] = (Place){ root_new(s), 0 };
    }
    return s->place[r];
}

static void move_place(Place *p, uint64_t by)
{
    p->off = (int64_t)((uint64_t)p->off + by);
}

/* Where the result of an instruction is, if it is a constant away from an operand. */
static bool derive(struct JitGrouping *s, const IrBlock *ir, const IrInsn *in, Place *p)
{
    if (in->type != IR_I64) {
        return false;
    }
    switch (in->op) {
    case IR_MOV:
        *p = place_of(s, ir, in->a);
        return true;
    case IR_ADD:
    case IR_SUB:
        if (!ir_is_const(ir, in->b)) {
            return false;
        }
        *p = place_of(s, ir, in->a);
        move_place(p, in->op == IR_ADD ? ir->value[in->b].value : 0 - ir->value[in->b].value);
        return true;
    case IR_LEA:
        if (in->b || !in->a) {
            return false;
        }
        *p = place_of(s, ir, in->a);
        move_place(p, (uint64_t)(int64_t)(int32_t)in->imm);
        return true;
    default:
        return false;
    }
}

/* The low bits of an access's address that must be 0. */
static unsigned align_of(const IrInsn *in)
{
    return in->mop & MO_ALIGN ? (1u << (in->mop & MO_SIZE)) - 1 : 0;
}

/* One check does for several aligned accesses if they are aligned to each other. */
static bool extend_align(JitGroup *grp, unsigned align, int64_t from)
{
    if ((uint64_t)(from - grp->align_at) & MIN(align, grp->align)) {
        return false;
    }
    if (align > grp->align) {
        grp->align = (uint8_t)align;
        grp->align_at = from;
    }
    return true;
}

static bool extend_group(Jit *j, struct JitGrouping *s, unsigned g, int64_t from, int64_t to,
                         unsigned at, const IrInsn *in)
{
    JitGroup *grp = &j->group[g];
    int64_t first = MIN(grp->first, from), end = MAX(grp->end, to);

    if (!g || grp->epoch != s->epoch || grp->mmu != in->sub || end - first > MAX_STRETCH ||
        !extend_align(grp, align_of(in), from)) {
        return false;
    }
    grp->first = first;
    grp->end = end;
    grp->last_insn = at;
    grp->count++;
    j->group_of[at] = (uint16_t)g;
    return true;
}

static void add_access(Jit *j, struct JitGrouping *s, const IrInsn *in, unsigned at, Place p)
{
    bool write = in->op == IR_ST || in->mop & MO_WRITE;
    uint16_t *open = s->open[p.root];
    int64_t disp = (int32_t)in->imm, from, to;

    if (p.root == JIT_MAX_ROOTS - 1 || p.off >= FAR || p.off <= -FAR ||
        disp >= INT32_MAX - 4096 || disp <= INT32_MIN + 4096) {
        return;
    }
    from = p.off + disp;
    to = from + (1 << (in->mop & MO_SIZE));
    /* What may be written may be read. A group of reads that is sure to get to a write asks for
     * that at once; not if the write may be skipped: a page that is only read would go the slow way
     * each time. */
    if (extend_group(j, s, open[1], from, to, at, in)) {
        return;
    }
    if ((!write || j->group[open[0]].branch == s->branch) &&
        extend_group(j, s, open[0], from, to, at, in)) {
        if (write) {
            j->group[open[0]].write = true;
            open[1] = open[0];
        }
        return;
    }
    if (j->ngroups == JIT_MAX_GROUPS) {
        return;
    }
    open[write] = (uint16_t)j->ngroups;
    j->group_of[at] = (uint16_t)j->ngroups;
    j->group[j->ngroups++] = (JitGroup){ .first = from,
                                         .end = to,
                                         .leader = from,
                                         .epoch = s->epoch,
                                         .branch = s->branch,
                                         .last_insn = at,
                                         .count = 1,
                                         .mmu = in->sub,
                                         .write = write,
                                         .align = (uint8_t)align_of(in),
                                         .align_at = from };
}

void jit_find_groups(Jit *j, const IrBlock *ir)
{
    struct JitGrouping *s = j->grouping;

    if (!s) {
        s = j->grouping = g_new0(struct JitGrouping, 1);
    }
    memset(s->place, 0, ir->nvalues * sizeof(Place));
    memset(s->open[1], 0, sizeof(s->open[1]));
    s->nroots = 2;
    s->epoch = 1;
    s->branch = 0;
    j->ngroups = 1;
    for (unsigned n = 0; n < ir->ninsns; n++) {
        const IrInsn *in = &ir->insn[n];
        Place p;

        switch (in->op) {
        case IR_LABEL:
            s->epoch++;
            continue;
        case IR_BRCOND:
            s->branch++;
            break;
        case IR_CALL:
            if (in->cond != IR_CALL_PURE) {
                s->epoch++;
            }
            break;
        case IR_LD:
        case IR_ST:
            j->group_of[n] = 0;
            add_access(j, s, in, n, place_of(s, ir, in->a));
            break;
        case IR_STS:
            if ((int32_t)in->imm - JIT_BIAS < j->globals_end &&
                (int32_t)in->imm - JIT_BIAS + 16 > j->globals_first) {
                memset(s->place + 1, 0, ir->nglobals * sizeof(Place));
            }
            break;
        default:
            break;
        }
        /* Globals that a call may write are other numbers afterwards. */
        if (in->op == IR_CALL && in->cond & IR_CALL_WRITES) {
            memset(s->place + 1, 0, ir->nglobals * sizeof(Place));
        }
        if (in->d) {
            if (!derive(s, ir, in, &p) || ir->value[in->d].type != IR_I64) {
                p = (Place){ 0, 0 };
            }
            s->place[in->d] = p;
        }
    }
}
