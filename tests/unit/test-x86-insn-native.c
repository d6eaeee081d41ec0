/* What insn.h says of an instruction's memory, against the host's processor: it runs on memory
 * without rights, which it gets page by page as it faults.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <asm/prctl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "fake-x86.h"
#include "target/i386/insn.h"

#define PAGE 4096u
#define SLOT 8u                 /* pages; pointers point into the middle one */
#define SLOTS 6u
#define PAGES (SLOT * SLOTS)
#define GS_BASE 0x1000

/* Pointers: rbx, rsp, rbp, rsi, rdi and r8, each into a slot of its own, and all with the same
 * offset in their page. r9 is 8, the others 0 unless the row says. */
typedef struct Row {
    const char *name;
    uint8_t code[15];
    uint8_t len, align;         /* align: what the processor asks of its operand, or 0 */
    uint64_t rax, rcx, rdx;
    bool df;
} Row;

#define I(...) { __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ })

static const Row rows[] = {
    { "mov eax, [rbx]", I(0x8b, 0x03) },
    { "mov [rbx], al", I(0x88, 0x03) },
    { "mov [rbx], ax", I(0x66, 0x89, 0x03) },
    { "mov [rbx+r9*8+0x123], rax", I(0x4a, 0x89, 0x84, 0xcb, 0x23, 0x01, 0, 0) },
    { "mov eax, gs:[rbx]", I(0x65, 0x8b, 0x03) },
    { "mov eax, [rip+0x4800]", I(0x8b, 0x05, 0, 0x48, 0, 0) },
    { "mov dword [rip+0x4801], imm", I(0xc7, 0x05, 1, 0x48, 0, 0, 1, 2, 3, 4) },
    { "movzx eax, word [rsp+16]", I(0x0f, 0xb7, 0x44, 0x24, 0x10) },
    { "lea rax, [rbx]", I(0x48, 0x8d, 0x03) },
    { "nop [rbx]", I(0x0f, 0x1f, 0x03) },
    { "prefetcht0 [rbx]", I(0x0f, 0x18, 0x0b) },
    { "add [rbx], eax", I(0x01, 0x03) },
    { "cmp [rbx], rax", I(0x48, 0x39, 0x03) },
    { "test byte [rbx], 1", I(0xf6, 0x03, 0x01) },
    { "inc word [rbx]", I(0x66, 0xff, 0x03) },
    { "lock xadd [rbx], eax", I(0xf0, 0x0f, 0xc1, 0x03), 4 },
    { "xchg [rbx], cx", I(0x66, 0x87, 0x0b), 2 },
    { "cmpxchg [rbx], ecx, alike", I(0x0f, 0xb1, 0x0b) },
    { "cmpxchg [rbx], ecx, not alike", I(0x0f, 0xb1, 0x0b), 0, 1, 0, 0 },
    { "cmpxchg8b [rbx], not alike", I(0x0f, 0xc7, 0x0b), 8, 1, 0, 0 },
    { "cmpxchg16b [rbx], not alike", I(0x48, 0x0f, 0xc7, 0x0b), 16, 1, 0, 0 },
    { "setz [rbx]", I(0x0f, 0x94, 0x03) },
    { "cmovz eax, [rbx]", I(0x0f, 0x44, 0x03) },
    { "bt [rbx], edx", I(0x0f, 0xa3, 0x13), 0, 0, 0, 0x12345 },
    { "bts [rbx], rdx, negative", I(0x48, 0x0f, 0xab, 0x13), 0, 0, 0, (uint64_t)-30000 },
    { "btr [rbx], dx, negative", I(0x66, 0x0f, 0xb3, 0x13), 0, 0, 0, 0xfff0 },
    { "btc dword [rbx], 33", I(0x0f, 0xba, 0x3b, 33) },
    { "shld [rbx], eax, cl", I(0x0f, 0xa5, 0x03), 0, 0, 1, 0 },
    { "xlat", I(0xd7), 0, 0x81, 0, 0 },
    { "push rax", I(0x50) },
    { "push ax", I(0x66, 0x50) },
    { "push 1", I(0x6a, 0x01) },
    { "push [rbx]", I(0xff, 0x33) },
    { "push [rsp+0x1000]", I(0xff, 0xb4, 0x24, 0, 0x10, 0, 0) },
    { "push fs", I(0x0f, 0xa0) },
    { "mov [rbx], fs", I(0x8c, 0x23) },
    { "pushfq", I(0x9c) },
    { "pop rax", I(0x58) },
    { "pop ax", I(0x66, 0x58) },
    { "pop [rbx]", I(0x8f, 0x03) },
    { "pop [rsp+0x1000]", I(0x8f, 0x84, 0x24, 0, 0x10, 0, 0) },
    { "popfq", I(0x9d) },
    { "call $+0", I(0xe8, 0, 0, 0, 0) },
    { "call [rbx]", I(0xff, 0x13) },
    { "jmp [rbx]", I(0xff, 0x23) },
    { "ret", I(0xc3) },
    { "ret 0x1000", I(0xc2, 0, 0x10) },
    { "leave", I(0xc9) },
    { "enter 0, 0", I(0xc8, 0, 0, 0) },
    { "enter 0, 1", I(0xc8, 0, 0, 1) },
    { "enter 0x2000, 0", I(0xc8, 0, 0x20, 0) },
    { "enter 0, 31", I(0xc8, 0, 0, 31) },
    { "movsb", I(0xa4) },
    { "rep movsq, one", I(0xf3, 0x48, 0xa5), 0, 0, 1, 0 },
    { "rep movsq, none", I(0xf3, 0x48, 0xa5) },
    { "movsd gs:", I(0x65, 0xa5) },
    { "rep stosd, one", I(0xf3, 0xab), 0, 0, 1, 0 },
    { "stosw", I(0x66, 0xab) },
    { "stosw down", I(0x66, 0xab), 0, 0, 0, 0, true },
    { "movsq down", I(0x48, 0xa5), 0, 0, 0, 0, true },
    { "rep movsd down, one", I(0xf3, 0xa5), 0, 0, 1, 0, true },
    { "lodsq", I(0x48, 0xad) },
    { "scasw", I(0x66, 0xaf) },
    { "repe cmpsb, one", I(0xf3, 0xa6), 0, 0, 1, 0 },
    { "cmpsd", I(0xa7) },
    { "movups xmm0, [rbx]", I(0x0f, 0x10, 0x03) },
    { "movaps [rbx], xmm0", I(0x0f, 0x29, 0x03), 16 },
    { "movss [rbx], xmm0", I(0xf3, 0x0f, 0x11, 0x03) },
    { "movhps [rbx], xmm0", I(0x0f, 0x17, 0x03) },
    { "movddup xmm0, [rbx]", I(0xf2, 0x0f, 0x12, 0x03) },
    { "cvtdq2pd xmm0, [rbx]", I(0xf3, 0x0f, 0xe6, 0x03) },
    { "pmovsxbq xmm0, [rbx]", I(0x66, 0x0f, 0x38, 0x22, 0x03) },
    { "pextrw [rbx], xmm0, 1", I(0x66, 0x0f, 0x3a, 0x15, 0x03, 1) },
    { "maskmovdqu xmm1, xmm2", I(0x66, 0x0f, 0xf7, 0xca) },
    { "vmovups [rbx], ymm0", I(0xc5, 0xfc, 0x11, 0x03) },
    { "vbroadcastf128 ymm0, [rbx]", I(0xc4, 0xe2, 0x7d, 0x1a, 0x03) },
    { "vmaskmovps [rbx], xmm1, xmm2", I(0xc4, 0xe2, 0x71, 0x2e, 0x13) },
    { "vpgatherdd xmm0, [rbx+xmm1*4], xmm2", I(0xc4, 0xe2, 0x69, 0x90, 0x04, 0x8b) },
    { "vpgatherqd xmm0, [rbx+xmm1*8], xmm2", I(0xc4, 0xe2, 0x69, 0x91, 0x04, 0xcb) },
    { "vpgatherdq xmm0, [rbx+xmm1], xmm3", I(0xc4, 0xe2, 0xe1, 0x90, 0x04, 0x0b) },
    { "vmovups [rbx], zmm1", I(0x62, 0xf1, 0x7c, 0x48, 0x11, 0x0b) },
    { "vmovups [rbx]{k1}, zmm1", I(0x62, 0xf1, 0x7c, 0x49, 0x11, 0x0b) },
    { "vaddps zmm0, zmm0, [rbx]{1to16}", I(0x62, 0xf1, 0x7c, 0x58, 0x58, 0x03) },
    { "vmovups zmm0, [rbx+0x40]", I(0x62, 0xf1, 0x7c, 0x48, 0x10, 0x43, 0x01) },
    { "fld tbyte [rbx]", I(0xdb, 0x2b) },
    { "fnstcw [rbx]", I(0xd9, 0x3b) },
    { "fnstenv [rbx]", I(0xd9, 0x33) },
    { "fnsave [rbx]", I(0xdd, 0x33) },
    { "fnsave [rbx], 16 bits", I(0x66, 0xdd, 0x33) },
    { "fxsave [rbx]", I(0x0f, 0xae, 0x03), 16 },
    { "fxrstor [rbx]", I(0x0f, 0xae, 0x0b), 16 },
    { "stmxcsr [rbx]", I(0x0f, 0xae, 0x1b) },
    { "xsave [rbx], x87 and SSE", I(0x0f, 0xae, 0x23), 64, 3, 0, 0 },
    { "xsave [rbx], and AVX", I(0x0f, 0xae, 0x23), 64, 7, 0, 0 },
    { "xsave [rbx], all", I(0x0f, 0xae, 0x23), 64, 0xffffffff, 0, 0 },
    { "xrstor [rbx], all", I(0x0f, 0xae, 0x2b), 64, 0xffffffff, 0, 0 },
    { "xsavec [rbx], all", I(0x0f, 0xc7, 0x23), 64, 0xffffffff, 0, 0 },
    { "movnti [rbx], eax", I(0x0f, 0xc3, 0x03) },
    { "movbe eax, [rbx]", I(0x0f, 0x38, 0xf0, 0x03) },
    { "movdir64b r8, [rbx]", I(0x66, 0x44, 0x0f, 0x38, 0xf8, 0x03), 64 },
};

/* Vector registers 1, 2, 3: indices, a mask of all, a mask of the upper half. */
static const uint64_t vectors[][2] = {
    { 0, 0 }, { 4, (uint64_t)-48 }, { UINT64_MAX, UINT64_MAX }, { 0, UINT64_MAX },
};

/* ---- the run ---- */

typedef enum Touch { UNTOUCHED, READ, WRITTEN } Touch;
typedef enum Ended { RUNNING, AT_TRAP, GONE, UNKNOWN_INSN } Ended;

/* Signal handlers work on it. */
static struct Run {
    uint8_t *code, *data;
    uint64_t gpr[16];
    uint32_t flags;
    ucontext_t back;
    struct _libc_fpstate fp;
    Ended ended;
    unsigned len;
    Touch touched[PAGES];
} run = { .ended = GONE };

static const int greg_of[16] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                 REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15 };

/* Leaves the test for the instruction. */
static void on_enter(int sig, siginfo_t *info, void *opaque)
{
    ucontext_t *u = opaque;

    run.back = *u;
    run.fp = *u->uc_mcontext.fpregs;
    for (unsigned i = 0; i < 16; i++) {
        u->uc_mcontext.gregs[greg_of[i]] = (greg_t)run.gpr[i];
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(vectors); i++) {
        memcpy(&u->uc_mcontext.fpregs->_xmm[i], vectors[i], 16);
    }
    u->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)run.code;
    u->uc_mcontext.gregs[REG_EFL] |= run.flags;
}

static void leave(ucontext_t *u, Ended how)
{
    run.ended = how;
    memcpy(u->uc_mcontext.gregs, run.back.uc_mcontext.gregs, sizeof(gregset_t));
    *u->uc_mcontext.fpregs = run.fp;
}

static void on_fault(int sig, siginfo_t *info, void *opaque)
{
    ucontext_t *u = opaque;
    uint64_t page = ((uint64_t)u->uc_mcontext.gregs[REG_CR2] - (uintptr_t)run.data) / PAGE;
    Touch t = u->uc_mcontext.gregs[REG_ERR] & 2 ? WRITTEN : READ;

    if (run.ended != RUNNING) {
        signal(sig, SIG_DFL);   /* the test's own failure */
    } else if (sig == SIGTRAP) {
        run.len = (unsigned)((uint64_t)u->uc_mcontext.gregs[REG_RIP] - 1 - (uintptr_t)run.code);
        leave(u, AT_TRAP);
    } else if (sig == SIGILL) {
        leave(u, UNKNOWN_INSN);
    } else if (u->uc_mcontext.gregs[REG_TRAPNO] != X86_EXC_PF || page >= PAGES || run.touched[page] >= t) {
        leave(u, GONE);         /* a jump to 0 */
    } else {
        run.touched[page] = t;
        mprotect(run.data + page * PAGE, PAGE, t == WRITTEN ? PROT_READ | PROT_WRITE : PROT_READ);
    }
}

static void run_init(void)
{
    static uint8_t stack[64 * 1024];
    const stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
    static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGTRAP };
    struct sigaction sa = { .sa_sigaction = on_enter, .sa_flags = SA_SIGINFO | SA_ONSTACK };

    sigaltstack(&alt, NULL);
    sigaction(SIGUSR1, &sa, NULL);
    sa.sa_sigaction = on_fault;
    for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++) {
        sigaction(faults[i], &sa, NULL);
    }
    syscall(SYS_arch_prctl, ARCH_SET_GS, GS_BASE);
    run.code = mmap(NULL, (1 + PAGES) * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(run.code != MAP_FAILED);
    run.data = run.code + PAGE;
    mprotect(run.code, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static void run_row(const Row *r)
{
    memset(run.code, 0xcc, 64);
    memcpy(run.code, r->code, r->len);
    mprotect(run.data, PAGES * PAGE, PROT_NONE);
    madvise(run.data, PAGES * PAGE, MADV_DONTNEED);
    memset(run.touched, 0, sizeof(run.touched));
    run.ended = RUNNING;
    raise(SIGUSR1);
    g_assert_cmpint(run.ended, !=, RUNNING);
}

/* ---- the comparison ---- */

/* Registers as the row wants them, the pointers moved by delta. */
static void set_registers(const Row *r, int64_t delta)
{
    static const uint8_t pointers[SLOTS] = { R_RBX, R_RSP, R_RBP, R_RSI, R_RDI, R_R8 };
    X86State *s = fake_x86_state(0);

    memset(run.gpr, 0, sizeof(run.gpr));
    run.gpr[R_RAX] = r->rax;
    run.gpr[R_RCX] = r->rcx;
    run.gpr[R_RDX] = r->rdx;
    run.gpr[R_R9] = 8;
    run.flags = r->df ? X86_DF : 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        run.gpr[pointers[i]] = (uintptr_t)run.data + (SLOT * i + SLOT / 2) * PAGE + PAGE / 2;
        run.gpr[pointers[i]] += (uint64_t)delta;
    }
    memcpy(s->gpr, run.gpr, sizeof(s->gpr));
    memcpy(s->xmm, vectors, sizeof(vectors));
    s->rip = (uintptr_t)run.code;
}

/* What each page is told to be: at least, and at most. */
typedef struct Told {
    Touch least[PAGES], most[PAGES];
} Told;

static void predict(const Row *r, X86Insn *insn, Told *told)
{
    g_assert_true(x86_insn_decode(fx.cpu[0], r->code, r->len, insn));
    memset(told, 0, sizeof(*told));
    for (unsigned i = 0; i < insn->nref; i++) {
        const X86MemRef *m = &insn->ref[i];
        uint64_t first = (m->addr - (uintptr_t)run.data) / PAGE;
        uint64_t last = (m->addr + m->size - 1 - (uintptr_t)run.data) / PAGE;
        Touch t = m->write ? WRITTEN : READ;

        for (uint64_t p = first; p <= last; p++) {
            if (p >= PAGES) {
                g_error("%s: ref %u at 0x%" PRIx64, r->name, i, m->addr);
            }
            told->most[p] = MAX(told->most[p], t);
            told->least[p] = m->maybe ? told->least[p] : MAX(told->least[p], t);
        }
    }
}

/* False: this processor does not have the instruction. */
static bool compare(const Row *r, int64_t delta)
{
    Told told;
    X86Insn insn;

    set_registers(r, delta);
    predict(r, &insn, &told);
    run_row(r);
    if (run.ended == UNKNOWN_INSN) {
        return false;
    }
    if (insn.len != r->len || (run.ended == AT_TRAP && run.len != insn.len)) {
        g_error("%s: %u bytes long, %u are told", r->name, run.len, insn.len);
    }
    for (unsigned p = 0; p < PAGES; p++) {
        if (run.touched[p] < told.least[p] || run.touched[p] > told.most[p]) {
            g_error("%s, moved by %d: page %u touched %u, %u to %u is told", r->name, (int)delta, p,
                    run.touched[p], told.least[p], told.most[p]);
        }
    }
    return true;
}

/* Moved so that each end of each ref is once at the end of a page, and once just beyond it. */
static void compare_ends(const Row *r)
{
    X86Insn insn;

    set_registers(r, 0);
    g_assert_true(x86_insn_decode(fx.cpu[0], r->code, r->len, &insn));
    g_assert_true(insn.refs_complete);
    for (unsigned i = 0; i < 2 * insn.nref; i++) {
        const X86MemRef *m = &insn.ref[i / 2];
        int64_t end = (int64_t)((m->addr + (i % 2 ? m->size : 0)) % PAGE), align = MAX(r->align, 1);
        int64_t delta = (PAGE - end) / align * align;

        for (int64_t n = -1; n <= 1; n++) {
            compare(r, delta + n * align);
        }
    }
}

static void test_rows(void)
{
    unsigned unknown = 0;

    fake_x86_init("max", 1);
    x86_enter_long64(fx.cpu[0], &(X86Entry){ .gdt_limit = 0xff });
    fake_x86_state(0)->seg[R_GS].base = GS_BASE;
    fake_x86_state(0)->xcr0 = 0x602e7;
    run_init();
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (compare(&rows[i], 0)) {
            compare_ends(&rows[i]);
        } else {
            unknown++;
        }
    }
    g_test_message("%u of %u instructions are not this processor's", unknown, (unsigned)G_N_ELEMENTS(rows));
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86-insn-native/memory", test_rows);
    return g_test_run();
}
