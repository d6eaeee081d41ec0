/* A target with registers and nothing else, and the slow paths of its memory.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/tcg-fake.h"

#include <stdio.h>
#include <string.h>

/* ---- a target with registers and nothing else ---- */

IrGlobal fake_globals[NGPR + 3 + 2 + NXMM + 1];
TcgFrontend fake_frontend;

static const char *const gpr_name[NGPR] = { "g0", "g1", "g2",  "g3",  "g4",  "g5",  "g6",  "g7",
                                            "g8", "g9", "g10", "g11", "g12", "g13", "g14", "g15" };

void fake_target_init(unsigned npin)
{
    unsigned n = 0;

    for (unsigned i = 0; i < NGPR; i++) {
        fake_globals[n++] = (IrGlobal){ gpr_name[i], (uint32_t)(offsetof(Env, gpr) + 8 * i), IR_I64,
                                        (uint8_t)(i < npin ? i + 1 : 0) };
    }
    for (unsigned i = 0; i < 3; i++) {
        fake_globals[n++] = (IrGlobal){ "cc", (uint32_t)(offsetof(Env, cc) + 8 * i), IR_I64, 0 };
    }
    fake_globals[n++] = (IrGlobal){ "cc_op", offsetof(Env, cc_op), IR_I32, 0 };
    fake_globals[n++] = (IrGlobal){ "word", offsetof(Env, word), IR_I32, 0 };
    for (unsigned i = 0; i < NXMM; i++) {
        fake_globals[n++] =
            (IrGlobal){ "xmm", (uint32_t)(offsetof(Env, xmm) + 16 * i), IR_V128, 0 };
    }
    fake_globals[n++] = (IrGlobal){ "count", offsetof(Env, count), IR_I64, 0 };
    fake_frontend = (TcgFrontend){
        .globals = fake_globals, .nglobals = n, .nmmu = 2, .pc_offset = offsetof(Env, pc)
    };
}

/* ---- guest memory: 16 pages of different nature, seen at two addresses ---- */

const uint64_t fake_base[2] = { 0x10000, 0xffff888000000000ull };
Side *fake_now;

static uint64_t hash(const void *p, size_t n, uint64_t h)
{
    for (size_t i = 0; i < n; i++) {
        h = (h ^ ((const uint8_t *)p)[i]) * 0x100000001b3ull;
    }
    return h;
}

/* All that C code may look at; the pc only where it was promised. */
static void note(uint64_t what, uint64_t addr, uint64_t value, uint64_t pc)
{
    if (fake_now->nlog < G_N_ELEMENTS(fake_now->log)) {
        fake_now->log[fake_now->nlog] = (LogEntry){ what, addr, value, pc, *fake_now->env };
        fake_now->log[fake_now->nlog++].env.pc = 0;
    }
}

/* Which part of the state differs; NULL if none does. */
const char *fake_env_difference(const Env *x, const Env *y)
{
    static char text[100];
    const uint64_t *a = (const void *)x, *b = (const void *)y;

    for (unsigned i = 0; i < sizeof(Env) / 8; i++) {
        if (a[i] != b[i] && i * 8 != offsetof(Env, pc)) {
            snprintf(text, sizeof(text), "state at offset %u: %llx, %llx", i * 8,
                     (unsigned long long)a[i], (unsigned long long)b[i]);
            return text;
        }
    }
    return NULL;
}

static unsigned page_of(uint64_t addr)
{
    return addr >> 12 & (PAGES - 1);
}

static void guest_bytes(uint64_t addr, void *buf, unsigned n, bool write)
{
    for (unsigned i = 0; i < n; i++) {
        uint8_t *p = &fake_now->ram[(addr + i) & (RAM - 1)];

        if (write) {
            *p = ((uint8_t *)buf)[i];
        } else {
            ((uint8_t *)buf)[i] = *p;
        }
    }
}

/* Is it an access that the interpreter makes by C and the code generator without? */
static bool is_private(uint64_t addr, unsigned mop, unsigned mmu, bool atomic)
{
    unsigned size = 1u << (mop & MO_SIZE), p = page_of(addr);
    const TcgWatchPage *watch = &fake_now->watch[0][p == P_WATCH2];

    if (mmu || (addr & 4095) + size > 4096 || (mop & MO_ALIGN && addr & (size - 1))) {
        return false;
    }
    if (atomic && (p < P_READ_ONLY || p > P_WATCH2)) {
        return true;
    }
    if ((p != P_WATCH && p != P_WATCH2) || atomic) {
        return false;
    }
    for (unsigned i = (addr & 4095) / 8; i <= ((addr & 4095) + size - 1) / 8; i++) {
        if (watch->map[i]) {
            return false;
        }
    }
    return true;
}

/* Log, and sometimes an exception. */
static void slow(uint64_t kind, void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu,
                 uint64_t pc, bool atomic)
{
    g_assert(env == fake_now->env);
    if (!is_private(addr, mop_mmu & 0xff, mop_mmu >> 16 & 0xff, atomic)) {
        note(kind << 32 | mop_mmu, addr, value, pc);
        if (page_of(addr) == P_FAULT && (addr & 0x70) == 0x70) {
            fake_now->unwound = true;
            siglongjmp(fake_now->unwind, 1);
        }
    }
}

static uint64_t extend(uint64_t v, unsigned mop)
{
    unsigned drop = 64 - (8u << (mop & MO_SIZE));

    if (mop & MO_SIGN) {
        v = (uint64_t)((int64_t)(v << drop) >> drop);
        return mop & MO_SIGN32 ? (uint32_t)v : v;
    }
    return v << drop >> drop;
}

/* C code may use every vector register and all flags. */
static void spoil_registers(void)
{
    __asm__ volatile(
        "pcmpeqd %%xmm0, %%xmm0\n movaps %%xmm0, %%xmm1\n movaps %%xmm0, %%xmm2\n"
        "movaps %%xmm0, %%xmm3\n movaps %%xmm0, %%xmm4\n movaps %%xmm0, %%xmm5\n"
        "movaps %%xmm0, %%xmm6\n movaps %%xmm0, %%xmm7\n movaps %%xmm0, %%xmm8\n"
        "movaps %%xmm0, %%xmm9\n movaps %%xmm0, %%xmm10\n movaps %%xmm0, %%xmm11\n"
        "movaps %%xmm0, %%xmm12\n movaps %%xmm0, %%xmm13\n movaps %%xmm0, %%xmm14\n"
        "movaps %%xmm0, %%xmm15\n mov $-1, %%rax\n mov %%rax, %%rcx\n mov %%rax, %%rdx\n"
        "mov %%rax, %%rsi\n mov %%rax, %%rdi\n mov %%rax, %%r8\n mov %%rax, %%r9\n"
        "mov %%rax, %%r10\n mov %%rax, %%r11\n" ::
            : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",
              "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
              "xmm13", "xmm14", "xmm15", "cc", "memory");
}

uint64_t tcg_slow_load(void *env, uint64_t addr, uint32_t mop_mmu, uint64_t pc)
{
    uint64_t v = 0;

    slow(1, env, addr, 0, mop_mmu, pc, false);
    guest_bytes(addr, &v, 1u << (mop_mmu & MO_SIZE), false);
    spoil_registers();
    return extend(v, mop_mmu & 0xff);
}

void tcg_slow_store(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu, uint64_t pc)
{
    slow(2, env, addr, extend(value, mop_mmu & MO_SIZE), mop_mmu, pc, false);
    guest_bytes(addr, &value, 1u << (mop_mmu & MO_SIZE), true);
    spoil_registers();
}

void tcg_slow_load_v(void *env, uint64_t addr, V128 *v, uint32_t mop_mmu, uint64_t pc)
{
    slow(3, env, addr, 0, mop_mmu, pc, false);
    memset(v, 0, 16);
    guest_bytes(addr, v, 1u << (mop_mmu & MO_SIZE), false);
    spoil_registers();
}

void tcg_slow_store_v(void *env, uint64_t addr, const V128 *v, uint32_t mop_mmu, uint64_t pc)
{
    slow(4, env, addr, hash(v, 1u << (mop_mmu & MO_SIZE), 7), mop_mmu, pc, false);
    guest_bytes(addr, (void *)(uintptr_t)v, 1u << (mop_mmu & MO_SIZE), true);
    spoil_registers();
}

uint64_t tcg_slow_amo(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu_amo, uint64_t pc)
{
    unsigned size = 1u << (mop_mmu_amo & MO_SIZE);
    uint64_t old = 0, new;

    slow(5, env, addr, extend(value, mop_mmu_amo & MO_SIZE), mop_mmu_amo, pc, true);
    guest_bytes(addr, &old, size, false);
    switch (mop_mmu_amo >> 24) {
    case IR_AMO_ADD: new = old + value; break;
    case IR_AMO_AND: new = old & value; break;
    case IR_AMO_OR: new = old | value; break;
    case IR_AMO_XOR: new = old ^ value; break;
    default: new = value; break;
    }
    guest_bytes(addr, &new, size, true);
    spoil_registers();
    return extend(old, mop_mmu_amo & 0xff);
}

uint64_t tcg_slow_cas(void *env, uint64_t addr, uint64_t expect, uint64_t value, uint32_t mop_mmu,
                      uint64_t pc)
{
    unsigned size = 1u << (mop_mmu & MO_SIZE);
    uint64_t old = 0;

    slow(6, env, addr, extend(expect, mop_mmu & MO_SIZE) ^ extend(value, mop_mmu & MO_SIZE) * 3,
         mop_mmu, pc, true);
    guest_bytes(addr, &old, size, false);
    if (old == extend(expect, mop_mmu & MO_SIZE)) {
        guest_bytes(addr, &value, size, true);
    }
    spoil_registers();
    return extend(old, mop_mmu & 0xff);
}

/* Knows what the jump entries know, when the test has made them forget. */
const void *tcg_code_find(void *env, uint64_t mode)
{
    const Env *e = env;
    const void *code = e->pc == PC_HIT && fake_now->second_mode == mode ? fake_now->second : NULL;

    g_assert(env == fake_now->env);
    spoil_registers();
    return code;
}

/* ---- functions that blocks call ---- */

uint64_t fake_fn_pure(void *env, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    spoil_registers();
    return a * 3 + b * 5 + c * 7 + d * 11;
}

uint64_t fake_fn_pure0(void *env)
{
    spoil_registers();
    return 0x123456789abcdefull;
}

uint64_t fake_fn_reads(void *env, uint64_t a, uint64_t b)
{
    note(100, a, b, 0);
    spoil_registers();
    return hash(env, offsetof(Env, pc), 1);
}

uint64_t fake_fn_looks(void *env, uint64_t a)
{
    spoil_registers();
    return hash(env, offsetof(Env, pc), a);
}

uint64_t fake_fn_writes(void *env, uint64_t a, uint64_t b, uint64_t c)
{
    Env *e = env;

    note(101, a, b, c);
    e->gpr[a & 15] += b;
    e->xmm[b & 15].q[1] ^= c;
    e->cc[c % 3] = a;
    e->cc_op ^= (uint32_t)a;
    spoil_registers();
    return e->gpr[c & 15];
}

uint64_t fake_fn_raises(void *env, uint64_t a)
{
    Env *e = env;

    note(102, a, 0, e->pc);
    if ((a & 31) == 5) {
        fake_now->unwound = true;
        siglongjmp(fake_now->unwind, 1);
    }
    spoil_registers();
    return a ^ 0x5555;
}

uint64_t fake_fn_effect(void *env, uint64_t a)
{
    if (fake_now->nlog < G_N_ELEMENTS(fake_now->log)) {
        fake_now->log[fake_now->nlog++] = (LogEntry){ 103, a };
    }
    spoil_registers();
    return ~a;
}
