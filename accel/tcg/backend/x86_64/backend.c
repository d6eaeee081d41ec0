/* The x86-64 host's backend: code buffer, compilation, running, linking, disassembly.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The buffer is one anonymous mapping that is readable, writable and executable: jumps are patched
 * all the time while other threads run, so two views of it would be open all the time as well, and
 * an anonymous mapping can have huge pages, which spares the host most of its misses for
 * instruction addresses. It is put near our own code if there is room, so that calls reach C
 * functions directly. */
#include <capstone/capstone.h>
#include <cpuid.h>
#include <errno.h>
#include <sys/mman.h>

#include "accel/tcg/backend/x86_64/jit.h"
#include "util/error.h"

#define DEFAULT_SIZE (192u << 20)
#define ROOM 8192               /* for the worst instruction, in each half */

/* What pinned globals get, best first: registers that C functions keep, then others. */
static const uint8_t pin_order[JIT_MAX_PIN] = { RBX, R12, R13, R14, R15, R9, R10, R11 };

static JitOp *const op_table[IR_NUM_OPS] = {
    [IR_LABEL] = jit_label,    [IR_MOV] = jit_mov,         [IR_ADD] = jit_add,
    [IR_SUB] = jit_alu_op,     [IR_AND] = jit_alu_op,      [IR_OR] = jit_alu_op,
    [IR_XOR] = jit_alu_op,     [IR_ANDC] = jit_andc,       [IR_MUL] = jit_mul,
    [IR_MULHU] = jit_mulh,     [IR_MULHS] = jit_mulh,      [IR_NEG] = jit_neg_not,
    [IR_NOT] = jit_neg_not,    [IR_SHL] = jit_shift,       [IR_SHR] = jit_shift,
    [IR_SAR] = jit_shift,      [IR_ROTL] = jit_shift,      [IR_ROTR] = jit_shift,
    [IR_CLZ] = jit_count_bits, [IR_CTZ] = jit_count_bits,  [IR_POPCNT] = jit_count_bits,
    [IR_BSWAP] = jit_bswap,    [IR_EXT8U] = jit_ext,       [IR_EXT16U] = jit_ext,
    [IR_EXT32U] = jit_ext,     [IR_EXT8S] = jit_ext,       [IR_EXT16S] = jit_ext,
    [IR_EXT32S] = jit_ext,     [IR_DEPOSIT] = jit_deposit, [IR_EXTRACT] = jit_extract,
    [IR_LEA] = jit_lea,        [IR_SETCOND] = jit_setcond, [IR_MOVCOND] = jit_movcond,
    [IR_LDS] = jit_lds,        [IR_STS] = jit_sts,         [IR_LD] = jit_ld,
    [IR_ST] = jit_st,          [IR_AMO] = jit_amo,         [IR_CAS] = jit_cas,
    [IR_CALL] = jit_call,      [IR_BR] = jit_br,           [IR_BRCOND] = jit_brcond,
    [IR_JUMP] = jit_jump,      [IR_JUMPR] = jit_jumpr,     [IR_EXIT] = jit_exit,
    [IR_VOP1] = jit_vop1,      [IR_VOP2] = jit_vop2,       [IR_VTOI] = jit_vtoi,
    [IR_ITOV] = jit_itov,      [IR_VCMPF] = jit_vcmpf,
};

/* ---- the host ---- */

static bool find_features(Jit *j, bool plain, GError **errp)
{
    const unsigned v2 =
        bit_SSE3 | bit_SSSE3 | bit_SSE4_1 | bit_SSE4_2 | bit_POPCNT | bit_CMPXCHG16B;
    unsigned a, b, c, d, c1;

    if (!__get_cpuid(1, &a, &b, &c1, &d) || (c1 & v2) != v2) {
        return error_set(errp, UNSUPPORTED,
                         "TCG needs a host CPU with SSE4.2 and POPCNT (x86-64-v2)");
    }
    if (plain) {
        return true;
    }
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) {
        j->bmi1 = b & bit_BMI;
        j->bmi2 = b & bit_BMI2;
    }
    if (__get_cpuid(0x80000001, &a, &b, &c, &d)) {
        j->lzcnt = c & bit_LZCNT;
    }
    if (c1 & bit_OSXSAVE && c1 & bit_AVX) {
        unsigned lo, hi;

        __asm__("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
        j->avx = (lo & 6) == 6;
    }
    if (!j->avx) {
        /* VEX-encoded integer instructions ask for the same support. */
        j->bmi1 = j->bmi2 = false;
    }
    return true;
}

static bool make_buffer(Jit *j, size_t size, GError **errp)
{
    uintptr_t near = ((uintptr_t)&tcg_backend_native & ~(uintptr_t)0x1fffff) - size - (64u << 20);

    j->size = size;
    j->buffer = mmap((void *)near, size, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (j->buffer == MAP_FAILED) {
        return error_set(errp, FAILED, "cannot reserve %zu MiB for translated code: %s", size >> 20,
                         g_strerror(errno));
    }
    madvise(j->buffer, size, MADV_HUGEPAGE);
    return true;
}

/* ---- the target ---- */

/* Gives host registers to the globals that most want one. */
static void choose_pins(Jit *j)
{
    for (unsigned wish = 1; wish < 256 && j->npin < JIT_MAX_PIN; wish++) {
        for (unsigned n = 0; n < j->fe->nglobals && j->npin < JIT_MAX_PIN; n++) {
            const IrGlobal *g = &j->fe->globals[n];

            if (g->pin == wish && g->type == IR_I64) {
                JitVal *v = &j->template[IR_GLOBAL(n)];

                v->pinned = true;
                v->reg = pin_order[j->npin];
                j->pin[j->npin].reg = v->reg;
                j->pin[j->npin++].global = IR_GLOBAL(n);
                j->pinned |= 1ull << n;
                j->pin_regs |= REG_BIT(v->reg);
            }
        }
    }
    j->temp_regs = GPR_MASK & ~j->pin_regs & ~(REG_BIT(RSP) | REG_BIT(RBP));
}

static void describe_target(Jit *j, const TcgFrontend *fe, const Cpu *cpu)
{
    j->fe = fe;
    j->pc_disp = (int32_t)fe->pc_offset - JIT_BIAS;
    j->attn_disp = (int32_t)TCG_ATTN_OFFSET - JIT_BIAS;
    j->budget_disp = (int32_t)TCG_ENV_OFFSET(cpu, budget) - JIT_BIAS;
    j->jump_disp = (int32_t)TCG_ENV_OFFSET(cpu, jump) - JIT_BIAS;
    for (unsigned m = 0; m < TCG_MAX_MMU; m++) {
        j->tlb_disp[m] =
            (int32_t)(TCG_ENV_OFFSET(cpu, tlb) + m * (int64_t)sizeof(((TcgCpu *)0)->tlb[0])) -
            JIT_BIAS;
    }
    j->globals_first = INT32_MAX;
    j->globals_end = INT32_MIN;
    for (unsigned n = 0; n < fe->nglobals; n++) {
        const IrGlobal *g = &fe->globals[n];
        int32_t home = (int32_t)g->offset - JIT_BIAS;

        j->template[IR_GLOBAL(n)] =
            (JitVal){ .reg = NO_REG, .kind = IR_VAL_GLOBAL, .type = g->type, .home = home };
        j->globals_first = MIN(j->globals_first, home);
        j->globals_end = MAX(j->globals_end, home + 16);
    }
    choose_pins(j);
}

static void jit_reset(TcgState *tcg)
{
    Jit *j = tcg->backend_data;

    j->e.p = j->hot_start;
    j->cold = j->cold_start;
}

static bool init(TcgState *tcg, const Cpu *cpu, bool plain, GError **errp)
{
    Jit *j = g_new0(Jit, 1);

    if (!find_features(j, plain, errp) ||
        !make_buffer(j, tcg->code_size ? tcg->code_size : DEFAULT_SIZE, errp)) {
        g_free(j);
        return false;
    }
    describe_target(j, tcg->fe, cpu);
    j->e.p = j->buffer;
    jit_make_thunks(j);
    j->hot_start = (uint8_t *)(((uintptr_t)j->e.p + 4095) & ~(uintptr_t)4095);
    j->hot_end = j->buffer + j->size / 2;
    j->cold_start = j->hot_end;
    j->cold_end = j->buffer + j->size;
    tcg->backend_data = j;
    jit_reset(tcg);
    return true;
}

static bool jit_init(TcgState *tcg, const Cpu *cpu, GError **errp)
{
    return init(tcg, cpu, false, errp);
}

static bool jit_init_plain(TcgState *tcg, const Cpu *cpu, GError **errp)
{
    return init(tcg, cpu, true, errp);
}

static void jit_fini(TcgState *tcg)
{
    Jit *j = tcg->backend_data;

    if (j) {
        munmap(j->buffer, j->size);
        g_free(j->local);
        g_free(j->label);
        g_free(j->grouping);
        g_free(j);
        tcg->backend_data = NULL;
    }
}

/* ---- compiling ---- */

/* Finds labels that one branch leads to and nothing else: they need no canonical state. */
static void prepare_labels(Jit *j, const IrBlock *ir)
{
    bool left = false;

    if (ir->nlabels > j->label_cap) {
        j->label_cap = ir->nlabels * 2;
        j->label = g_renew(JitLabel, j->label, j->label_cap);
    }
    if (ir->nlabels) {
        memset(j->label, 0, ir->nlabels * sizeof(JitLabel));
    }
    for (unsigned i = 0; i < JIT_SNAPSHOTS; i++) {
        j->snapshot[i].label = -1;
    }
    if (!ir->nlabels) {
        return;
    }
    for (unsigned n = 0; n < ir->ninsns; n++) {
        const IrInsn *in = &ir->insn[n];
        JitLabel *l;

        if (in->op == IR_BRCOND || in->op == IR_BR) {
            l = &j->label[in->imm];
            l->refs++;
            l->single = false;
            if (in->op == IR_BR) {
                l->refs++;
            }
        } else if (in->op == IR_LABEL) {
            l = &j->label[in->imm];
            l->single = left && l->refs == 1;
        }
        if (in->op != IR_INSN) {
            left = in->op == IR_BR || ir_op_info[in->op].flags & IR_F_EXIT;
        }
    }
}

static bool has_room(const Jit *j)
{
    return j->hot_end - j->e.p > ROOM && j->cold_end - j->cold > ROOM;
}

static void compile_insn(Jit *j, const IrInsn *in)
{
    j->locked = 0;
    if (in->op == IR_INSN) {
        j->pc = in->imm;
        return;
    }
    if (!j->reachable && in->op != IR_LABEL) {
        return;
    }
    op_table[in->op](j, in);
    if (in->d && in->life & IR_LIFE_D_DEAD) {
        val_kill(j, in->d);
    }
}

static bool jit_compile(TcgState *tcg, const Cpu *cpu, const IrBlock *ir, TcgBlock *tb)
{
    Jit *j = tcg->backend_data;
    uint8_t *hot = j->e.p, *cold = j->cold;
    JitHeader *header;

    j->ir = ir;
    j->tb = tb;
    j->pc = tb->pc;
    j->reachable = true;
    tb->patch[0] = tb->patch[1] = NULL;
    val_begin(j, ir);
    prepare_labels(j, ir);
    jit_find_groups(j, ir);
    header = (JitHeader *)(((uintptr_t)j->e.p + 15) & ~(uintptr_t)15);
    if (!has_room(j)) {
        return false;
    }
    j->e.p = (uint8_t *)(header + 1);
    tb->code = j->e.p;
    jit_entry(j);
    for (j->at = 0; j->at < ir->ninsns; j->at++) {
        if (!has_room(j)) {
            j->e.p = hot;
            j->cold = cold;
            return false;
        }
        compile_insn(j, &ir->insn[j->at]);
    }
    g_assert(!j->reachable);
    tb->code_size = (uint32_t)(j->e.p - (uint8_t *)tb->code);
    header->cold = cold;
    header->cold_size = (uint32_t)(j->cold - cold);
    header->loop = (uint8_t)(j->loop.at - (const uint8_t *)tb->code);
    header->loop_slots = j->loop.slots;
    header->body = 0;
    if (!j->loop.slots && !(tb->mode & (TCG_MODE_COUNTED | TCG_MODE_SINGLE))) {
        header->body = (uint8_t)(j->body - (const uint8_t *)tb->code);
    }
    return true;
}

/* ---- running and linking ---- */

static TcgRunResult jit_run(Cpu *cpu, TcgBlock *tb)
{
    Jit *j = tcg_state(cpu)->backend_data;
    uint64_t from;
    TcgExit why = (TcgExit)j->enter(cpu->env, tb->code, &from);

    return (TcgRunResult){ why, (TcgBlock *)(uintptr_t)(from & ~1ull), (unsigned)(from & 1) };
}

static void jit_link(TcgBlock *from, unsigned slot, TcgBlock *to)
{
    uint8_t *rel32 = from->patch[slot];
    const JitHeader *header = (const JitHeader *)from->code - 1;
    const uint8_t *target = to ? to->code : from->unlinked[slot];

    /* Whoever jumps forward need not look whether something wants attention: within a page that
     * ends soon. */
    if (to && to->pc > from->pc) {
        target += ((const JitHeader *)to->code - 1)->body;
    }
    /* A jump back keeps values in registers, where only the block itself looks for them. */
    if (to && header->loop_slots >> slot & 1) {
        target = to == from ? target + header->loop : from->unlinked[slot];
    }
    __atomic_store_n((int32_t *)(void *)rel32, (int32_t)(target - (rel32 + 4)), __ATOMIC_RELEASE);
}

/* ---- for people ---- */

static void disas_range(csh handle, const uint8_t *code, size_t size, GString *out)
{
    uint64_t address = (uintptr_t)code;
    cs_insn *insn = cs_malloc(handle);

    while (cs_disasm_iter(handle, &code, &size, &address, insn)) {
        g_string_append_printf(out, "  %" G_GINT64_MODIFIER "x:  %s %s\n", insn->address,
                               insn->mnemonic, insn->op_str);
    }
    cs_free(insn, 1);
}

static void jit_disas(const TcgBlock *tb, GString *out)
{
    const JitHeader *header = (const JitHeader *)tb->code - 1;
    csh handle;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK) {
        g_string_append(out, "  (no disassembler)\n");
        return;
    }
    disas_range(handle, tb->code, tb->code_size, out);
    g_string_append(out, "  -- out of line --\n");
    disas_range(handle, header->cold, header->cold_size, out);
    cs_close(&handle);
}

#define FUNCTIONS                                                                                  \
    .fini = jit_fini, .compile = jit_compile, .run = jit_run, .link = jit_link,                    \
    .reset = jit_reset, .disas = jit_disas

const TcgBackend tcg_backend_native = { .name = "x86_64", .init = jit_init, FUNCTIONS };
const TcgBackend tcg_backend_plain = { .name = "x86_64-v2", .init = jit_init_plain, FUNCTIONS };
