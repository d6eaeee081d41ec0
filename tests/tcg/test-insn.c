/* Random instructions on random operands: our CPU against the host's own, on both backends. An instruction is
 * compared in all registers, flags that the manual defines, x87/MMX/SSE state and memory; where the host
 * faults, ours must.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <Zydis/Zydis.h>
#include <glib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "accel/tcg/tcg.h"
#include "mem/mem.h"
#include "target/i386/flags.h"
#include "target/i386/x86.h"
#include "target/i386/x87.h"
#include "tests/tcg/insn-native.h"
#include "util/mainloop.h"
#include "vm/vm.h"

#define GUEST_RAM 0x30000000ul
#define GUEST_CODE 0x100000ul
#define GUEST_TABLES 0x10000ul

/* ---- the guest ---- */

typedef struct Guest {
    Vm *vm;
    Cpu *cpu;
    MemRegion *ram;
    uint8_t *host;
} Guest;

static void guest_init(Guest *g, const char *options)
{
    GError *err = NULL;
    uint64_t *t;

    g->vm = vm_new();
    g->vm->memory = mem_space_new("memory", ~0ull >> 16);
    g->vm->io = mem_space_new("io", 0xffff);
    g->ram = mem_region_new_ram("ram", GUEST_RAM, &err);
    g_assert_no_error(err);
    mem_space_map_all(g->vm->memory, 0, g->ram, 0);
    g->host = mem_region_host(g->ram);
    vm_set_accel(g->vm, &tcg_accel_ops, &x86_cpu_class, options, &err);
    g_assert_no_error(err);
    g->cpu = vm_add_cpu(g->vm, &x86_cpu_class, NULL, &err);
    g_assert_no_error(err);
    g_assert_true(tcg_accel_ops.vcpu_init(g->cpu, &err));
    /* The first GiB identity-mapped by one large page. */
    t = (uint64_t *)(g->host + GUEST_TABLES);
    t[0] = (GUEST_TABLES + 0x1000) | 7;
    t[512] = 0x87;
}

static void guest_enter(Guest *g)
{
    X86Entry e = { .rip = GUEST_CODE, .cr3 = GUEST_TABLES, .cs = 0x10, .ds = 0x18 };
    X86State *s = x86_state(g->cpu);

    g->cpu->class->reset(g->cpu);
    atomic_put(&g->cpu->power, CPU_POWER_ON);
    x86_enter_long64(g->cpu, &e);
    s->cr4 |= X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
    s->cr0 |= X86_CR0_NE | X86_CR0_MP;
    x86_mode_update(s);
}

static void guest_load(Guest *g, const InsnState *in)
{
    X86State *s = x86_state(g->cpu);
    uint16_t status;

    memcpy(s->gpr, in->gpr, sizeof(s->gpr));
    x86_eflags_set(s, (uint32_t)in->flags | 2);
    memcpy(&s->fpu.control, in->fx, 2);
    memcpy(&status, in->fx + 2, 2);
    x87_set_status(&s->fpu, status);
    s->fpu.tags = in->fx[4];
    for (unsigned n = 0; n < 8; n++) {
        memcpy(x87_st(&s->fpu, n), in->fx + 32 + 16 * n, 10);
    }
    memcpy(&s->mxcsr, in->fx + 24, 4);
    memcpy(s->xmm, in->fx + 160, 256);
    x86_mode_update(s);
}

static void guest_store(Guest *g, InsnState *out)
{
    X86State *s = x86_state(g->cpu);
    uint16_t status = x87_status(&s->fpu);

    memcpy(out->gpr, s->gpr, sizeof(s->gpr));
    out->flags = x86_eflags_get(s);
    memcpy(out->fx, &s->fpu.control, 2);
    memcpy(out->fx + 2, &status, 2);
    out->fx[4] = s->fpu.tags;
    for (unsigned n = 0; n < 8; n++) {
        memcpy(out->fx + 32 + 16 * n, x87_st(&s->fpu, n), 10);
    }
    memcpy(out->fx + 24, &s->mxcsr, 4);
    memcpy(out->fx + 160, s->xmm, 256);
}

/* Runs the instruction by steps until rip has left it; false if it faulted (no IDT: the machine wants a reset). */
static bool guest_run(Guest *g, InsnState *st, const uint8_t *bytes, unsigned len)
{
    X86State *s = x86_state(g->cpu);
    RunArgs args = { .step = true };

    guest_enter(g);
    guest_load(g, st);
    mem_poke(g->vm->memory, GUEST_CODE, bytes, len, 0);
    for (unsigned n = 0; s->rip == GUEST_CODE && n < 100000; n++) {
        VcpuExit e = tcg_accel_ops.vcpu_run(g->cpu, &args);

        if (e.kind != EXIT_STEP) {
            return false;
        }
    }
    g_assert_cmphex(s->rip, ==, GUEST_CODE + len);
    guest_store(g, st);
    return true;
}

/* ---- what is tested ---- */

typedef struct Rule {
    ZydisMnemonic mnemonic;
    uint32_t undefined;     /* flags the manual leaves undefined */
} Rule;

#define U(m, f) { ZYDIS_MNEMONIC_##m, f }
#define OSZAPC (X86_OF | X86_SF | X86_ZF | X86_AF | X86_PF | X86_CF)
static const Rule rules[] = {
    U(ADD, 0), U(ADC, 0), U(SUB, 0), U(SBB, 0), U(CMP, 0), U(INC, 0), U(DEC, 0), U(NEG, 0), U(NOT, 0),
    U(AND, X86_AF), U(OR, X86_AF), U(XOR, X86_AF), U(TEST, X86_AF), U(XADD, 0), U(CMPXCHG, 0), U(XCHG, 0),
    U(MOV, 0), U(MOVZX, 0), U(MOVSX, 0), U(MOVSXD, 0), U(LEA, 0), U(BSWAP, 0),
    U(SHL, X86_AF | X86_OF), U(SHR, X86_AF | X86_OF), U(SAR, X86_AF | X86_OF),
    U(ROL, X86_OF), U(ROR, X86_OF), U(RCL, X86_OF), U(RCR, X86_OF),
    U(SHLD, X86_AF | X86_OF), U(SHRD, X86_AF | X86_OF),
    U(MUL, X86_SF | X86_ZF | X86_AF | X86_PF), U(IMUL, X86_SF | X86_ZF | X86_AF | X86_PF),
    U(DIV, OSZAPC), U(IDIV, OSZAPC), U(CBW, 0), U(CWDE, 0), U(CDQE, 0), U(CWD, 0), U(CDQ, 0), U(CQO, 0),
    U(BT, OSZAPC & ~(X86_CF | X86_ZF)), U(BTS, OSZAPC & ~(X86_CF | X86_ZF)),
    U(BTR, OSZAPC & ~(X86_CF | X86_ZF)), U(BTC, OSZAPC & ~(X86_CF | X86_ZF)),
    U(BSF, OSZAPC & ~X86_ZF), U(BSR, OSZAPC & ~X86_ZF), U(CMPXCHG8B, 0), U(CMPXCHG16B, 0),
    U(CLC, 0), U(STC, 0), U(CMC, 0), U(CLD, 0), U(LAHF, 0), U(SAHF, 0), U(NOP, 0), U(XLAT, 0),
    U(PUSH, 0), U(POP, 0), U(LEAVE, 0),
    U(MOVSB, 0), U(MOVSW, 0), U(MOVSD, 0), U(MOVSQ, 0), U(STOSB, 0), U(STOSW, 0), U(STOSD, 0), U(STOSQ, 0),
    U(LODSB, 0), U(LODSW, 0), U(LODSD, 0), U(LODSQ, 0), U(SCASB, 0), U(SCASW, 0), U(SCASD, 0), U(SCASQ, 0),
    U(CMPSB, 0), U(CMPSW, 0), U(CMPSD, 0), U(CMPSQ, 0),
};

static const Rule *find_rule(const ZydisDecodedInstruction *i)
{
    static const Rule none;

    for (unsigned n = 0; n < G_N_ELEMENTS(rules); n++) {
        if (rules[n].mnemonic == i->mnemonic) {
            return &rules[n];
        }
    }
    switch (i->meta.category) {
    case ZYDIS_CATEGORY_CMOV: case ZYDIS_CATEGORY_SETCC: case ZYDIS_CATEGORY_FCMOV:
        return &none;
    /* SYSENTER counts as Pentium Pro's; AMD's CPUs refuse it in 64-bit mode, Intel's enter the host's kernel. */
    case ZYDIS_CATEGORY_SYSCALL: case ZYDIS_CATEGORY_SYSRET: case ZYDIS_CATEGORY_SYSTEM:
        return NULL;
    default:
        break;
    }
    switch (i->meta.isa_set) {
    case ZYDIS_ISA_SET_SSE: case ZYDIS_ISA_SET_SSE2: case ZYDIS_ISA_SET_SSE2MMX: case ZYDIS_ISA_SET_PENTIUMMMX:
    case ZYDIS_ISA_SET_SSEMXCSR:
        return i->mnemonic == ZYDIS_MNEMONIC_LDMXCSR ? NULL : &none;
    case ZYDIS_ISA_SET_X87: case ZYDIS_ISA_SET_FCMOV: case ZYDIS_ISA_SET_PPRO:
        break;
    default:
        return NULL;
    }
    switch (i->mnemonic) {
    /* Environments hold addresses of the instruction, which differ. */
    case ZYDIS_MNEMONIC_FNSAVE: case ZYDIS_MNEMONIC_FNSTENV: case ZYDIS_MNEMONIC_FRSTOR:
    case ZYDIS_MNEMONIC_FLDENV: case ZYDIS_MNEMONIC_FLDCW: case ZYDIS_MNEMONIC_RDPMC:
        return NULL;
    default:
        return &none;
    }
}

/* ---- making instructions ---- */

static uint64_t rnd(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

/* Values that meet the corners more often than chance. */
static uint64_t operand_value(GRand *r)
{
    static const uint64_t corner[] = {
        0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
        0x7fffffffffffffff, 0x8000000000000000, ~0ull, 0x3ff0000000000000, 0x7ff0000000000000,
        0x7ff8000000000001, 0x7ff0000000000001, 0x3f8000003f800000, 0x7f8000007fc00001, 0x000fffffffffffff,
    };

    return g_rand_int_range(r, 0, 3) ? rnd(r) : corner[g_rand_int_range(r, 0, G_N_ELEMENTS(corner))];
}

static void random_state(GRand *r, InsnState *s)
{
    memset(s, 0, sizeof(*s));
    for (unsigned n = 0; n < 16; n++) {
        s->gpr[n] = operand_value(r);
    }
    /* Pointers into the middle of the buffer where memory operands are based. */
    s->gpr[R_RSP] = INSN_BUFFER + 0x2000 + 8 * (uint64_t)g_rand_int_range(r, 0, 16);
    s->gpr[R_RBX] = INSN_BUFFER + 0x2000 + (uint64_t)g_rand_int_range(r, 0, 64);
    s->gpr[R_RBP] = INSN_BUFFER + 0x2000 + 16 * (uint64_t)g_rand_int_range(r, 0, 64);
    s->gpr[R_RSI] = INSN_BUFFER + 0x1800 + (uint64_t)g_rand_int_range(r, 0, 64);
    s->gpr[R_RDI] = INSN_BUFFER + 0x2800 + (uint64_t)g_rand_int_range(r, 0, 64);
    s->flags = (rnd(r) & (OSZAPC)) | 0x202;
    if (!g_rand_int_range(r, 0, 4)) {
        s->flags |= X86_DF;
    }
    s->fx[0] = 0x7f;
    s->fx[1] = (uint8_t)(g_rand_int_range(r, 0, 16));
    s->fx[3] = (uint8_t)(g_rand_int_range(r, 0, 8) << 3);
    s->fx[4] = (uint8_t)rnd(r);
    for (unsigned n = 0; n < 8; n++) {
        uint64_t m = operand_value(r);
        uint16_t e = (uint16_t)(g_rand_int_range(r, 0, 3) ? 0x3ff0 + g_rand_int_range(r, 0, 64) : (int)rnd(r));

        m |= g_rand_int_range(r, 0, 4) ? 1ull << 63 : 0;
        memcpy(s->fx + 32 + 16 * n, &m, 8);
        memcpy(s->fx + 40 + 16 * n, &e, 2);
    }
    s->fx[24] = 0x80;
    s->fx[25] = (uint8_t)(0x1f | g_rand_int_range(r, 0, 4) << 5 | (g_rand_int_range(r, 0, 4) ? 0 : 0x80));
    for (unsigned n = 0; n < 32; n++) {
        uint64_t v = operand_value(r);

        memcpy(s->fx + 160 + 8 * n, &v, 8);
    }
}

/* Registers as memory bases: only those that point into the buffer. */
static bool memory_is_ours(const ZydisDecodedOperand *op, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        if (op[k].type != ZYDIS_OPERAND_TYPE_MEMORY) {
            continue;
        }
        if (op[k].mem.type == ZYDIS_MEMOP_TYPE_AGEN) {
            if (op[k].mem.base == ZYDIS_REGISTER_RIP || op[k].mem.base == ZYDIS_REGISTER_EIP) {
                return false;   /* the code lies elsewhere on the host */
            }
            continue;
        }
        switch (op[k].mem.base) {
        case ZYDIS_REGISTER_RSP: case ZYDIS_REGISTER_RBX: case ZYDIS_REGISTER_RBP: case ZYDIS_REGISTER_RSI:
        case ZYDIS_REGISTER_RDI:
            break;
        default:
            return false;
        }
        if (op[k].mem.index != ZYDIS_REGISTER_NONE || llabs(op[k].mem.disp.value) > 0x400 ||
            op[k].mem.segment == ZYDIS_REGISTER_FS || op[k].mem.segment == ZYDIS_REGISTER_GS) {
            return false;
        }
    }
    return true;
}

/* What cannot be compared: vendors differ, or bit offsets in registers reach far out of the buffer. */
static bool not_comparable(const ZydisDecodedInstruction *i, const ZydisDecodedOperand *op)
{
    if (i->mnemonic == ZYDIS_MNEMONIC_CMPXCHG && op[0].type == ZYDIS_OPERAND_TYPE_REGISTER && op[0].size == 32) {
        return true;    /* whether a failing one zero-extends its destination depends on the vendor */
    }
    if (i->mnemonic == ZYDIS_MNEMONIC_NOP && i->opcode == 0x0d) {
        return true;    /* PREFETCHW with a register: undefined on AMD, nothing on Intel */
    }
    return (i->meta.category == ZYDIS_CATEGORY_BITBYTE && op[0].type == ZYDIS_OPERAND_TYPE_MEMORY &&
            op[1].type == ZYDIS_OPERAND_TYPE_REGISTER) || i->mnemonic == ZYDIS_MNEMONIC_XLAT;
}

typedef struct Made {
    uint8_t bytes[16];
    ZydisDecodedInstruction insn;
    ZydisDecodedOperand op[ZYDIS_MAX_OPERAND_COUNT];
    const Rule *rule;
} Made;

static bool make(GRand *r, const ZydisDecoder *d, Made *m)
{
    static const uint8_t prefix[] = { 0x66, 0xf2, 0xf3, 0xf0 };
    unsigned n = 0;

    while (!g_rand_int_range(r, 0, 3) && n < 2) {
        m->bytes[n++] = prefix[g_rand_int_range(r, 0, G_N_ELEMENTS(prefix))];
    }
    if (g_rand_boolean(r)) {
        m->bytes[n++] = (uint8_t)(0x40 | g_rand_int_range(r, 0, 16));
    }
    if (g_rand_int_range(r, 0, 3)) {
        m->bytes[n++] = 0x0f;
    }
    while (n < 15) {
        m->bytes[n++] = (uint8_t)g_rand_int(r);
    }
    /* Small displacements find the buffer. */
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(d, m->bytes, 15, &m->insn, m->op))) {
        return false;
    }
    m->rule = find_rule(&m->insn);
    if (!m->rule || m->insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY ||
        !memory_is_ours(m->op, m->insn.operand_count) || not_comparable(&m->insn, m->op)) {
        return false;
    }
    for (unsigned k = 0; k < m->insn.operand_count; k++) {
        /* Segment and control registers are not for user code. */
        if (m->op[k].type == ZYDIS_OPERAND_TYPE_REGISTER &&
            ((m->op[k].reg.value >= ZYDIS_REGISTER_ES && m->op[k].reg.value <= ZYDIS_REGISTER_GS) ||
             m->op[k].reg.value >= ZYDIS_REGISTER_CR0) && k < m->insn.operand_count_visible &&
            !(m->op[k].reg.value >= ZYDIS_REGISTER_ST0 && m->op[k].reg.value <= ZYDIS_REGISTER_XMM31)) {
            return false;
        }
    }
    return true;
}

/* ---- comparing ---- */

static uint32_t undefined_flags(const Made *m, const InsnState *before)
{
    unsigned size = m->insn.operand_width, mask = size == 64 ? 63 : 31, count = 0xff;
    bool shift = m->insn.meta.category == ZYDIS_CATEGORY_SHIFT || m->insn.meta.category == ZYDIS_CATEGORY_ROTATE;
    unsigned arg = m->insn.mnemonic == ZYDIS_MNEMONIC_SHLD || m->insn.mnemonic == ZYDIS_MNEMONIC_SHRD ? 2 : 1;

    if (!shift && arg == 1) {
        return m->rule->undefined;
    }
    if (arg >= m->insn.operand_count_visible) {
        count = 1;
    } else if (m->op[arg].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
        count = m->op[arg].imm.value.u & mask;
    } else {
        count = before->gpr[R_RCX] & mask;
    }
    if (count == 0) {
        return 0;
    }
    if (m->op[0].size <= 16 && count >= m->op[0].size) {
        return OSZAPC;
    }
    return count == 1 ? m->rule->undefined & ~X86_OF : m->rule->undefined;
}

/* SHLD and SHRD of words by more than 16, and BSF/BSR of 0, leave the destination undefined. */
static bool result_undefined(const Made *m, const InsnState *before)
{
    unsigned count;

    if (m->insn.mnemonic != ZYDIS_MNEMONIC_SHLD && m->insn.mnemonic != ZYDIS_MNEMONIC_SHRD) {
        return false;
    }
    count = m->op[2].type == ZYDIS_OPERAND_TYPE_IMMEDIATE ? (unsigned)m->op[2].imm.value.u
                                                         : (unsigned)before->gpr[R_RCX];
    return m->op[0].size == 16 && (count & 31) > 16;
}

static char *text_of(const Made *m)
{
    ZydisFormatter f;
    char text[128], hex[64] = "";

    ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
    ZydisFormatterFormatInstruction(&f, &m->insn, m->op, m->insn.operand_count_visible, text, sizeof(text), 0, NULL);
    for (unsigned n = 0; n < m->insn.length; n++) {
        g_snprintf(hex + 3 * n, 4, "%02x ", m->bytes[n]);
    }
    return g_strconcat(hex, text, NULL);
}

static char *difference(const Made *m, const InsnState *before, const InsnState *host, const InsnState *ours)
{
    uint32_t flags = (OSZAPC | X86_DF) & ~undefined_flags(m, before);

    for (unsigned n = 0; n < 16; n++) {
        if (host->gpr[n] != ours->gpr[n]) {
            return g_strdup_printf("register %u: host %#" G_GINT64_MODIFIER "x, ours %#" G_GINT64_MODIFIER "x, "
                                   "before %#" G_GINT64_MODIFIER "x", n, host->gpr[n], ours->gpr[n],
                                   before->gpr[n]);
        }
    }
    if ((host->flags ^ ours->flags) & flags) {
        return g_strdup_printf("flags: host %#x, ours %#x, before %#x", (unsigned)host->flags & flags,
                               (unsigned)ours->flags & flags, (unsigned)before->flags);
    }
    for (unsigned n = 0; n < 416; n++) {
        bool skip = (n >= 5 && n < 24) || (n >= 28 && n < 32) || (n >= 32 && n < 160 && n % 16 >= 10);

        if (!skip && host->fx[n] != ours->fx[n]) {
            return g_strdup_printf("FXSAVE byte %u: host %#x, ours %#x, before %#x", n, host->fx[n], ours->fx[n],
                                   before->fx[n]);
        }
    }
    return NULL;
}

static void one(Guest *g, const Made *m, GRand *r)
{
    static uint8_t start[INSN_BUFFER_SIZE], host_after[INSN_BUFFER_SIZE];
    InsnState before, host, ours;
    g_autofree char *text = text_of(m), *diff = NULL;
    bool ok;
    int sig;

    random_state(r, &before);
    if (m->insn.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) {
        before.gpr[R_RCX] = (uint64_t)g_rand_int_range(r, 0, 20);
    }
    for (unsigned n = 0; n < INSN_BUFFER_SIZE; n += 8) {
        uint64_t v = operand_value(r);

        memcpy(start + n, &v, 8);
    }
    memcpy((void *)INSN_BUFFER, start, INSN_BUFFER_SIZE);
    host = ours = before;
    sig = native_run(&host, m->bytes, m->insn.length);
    memcpy(host_after, (void *)INSN_BUFFER, INSN_BUFFER_SIZE);
    memcpy(g->host + INSN_BUFFER, start, INSN_BUFFER_SIZE);
    ok = guest_run(g, &ours, m->bytes, m->insn.length);
    if (ok != !sig) {
        g_test_message("%s: host's signal %d, ours %s", text, sig, ok ? "ran" : "faulted");
        g_test_fail();
        return;
    }
    if (sig) {
        return;
    }
    diff = result_undefined(m, &before) ? NULL : difference(m, &before, &host, &ours);
    if (!diff && !result_undefined(m, &before)) {
        for (unsigned n = 0; n < INSN_BUFFER_SIZE && !diff; n++) {
            if (host_after[n] != g->host[INSN_BUFFER + n]) {
                diff = g_strdup_printf("memory +%#x: host %#x, ours %#x, before %#x", n, host_after[n],
                                       g->host[INSN_BUFFER + n], start[n]);
            }
        }
    }
    if (diff) {
        g_test_message("%s: %s", text, diff);
        g_test_fail();
    }
}

static void random_instructions(gconstpointer options)
{
    const char *seed = g_getenv("INSN_SEED"), *count = g_getenv("INSN_COUNT");
    GRand *r = g_rand_new_with_seed(seed ? (guint32)atoi(seed) : 20261121);
    unsigned wanted = count ? (unsigned)atoi(count) : 60000, done = 0;
    ZydisDecoder d;
    Guest g;
    Made m;

    if (!native_init()) {
        g_test_skip("the addresses of the test's buffer are taken on this host");
        return;
    }
    guest_init(&g, options);
    ZydisDecoderInit(&d, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
    while (done < wanted) {
        if (make(r, &d, &m)) {
            one(&g, &m, r);
            done++;
        }
    }
    g_rand_free(r);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_set_nonfatal_assertions();
    mainloop_init();
    g_test_add_data_func("/tcg/insn/interp", "backend=interp", random_instructions);
    g_test_add_data_func("/tcg/insn/jit", "backend=jit", random_instructions);
    return g_test_run();
}
