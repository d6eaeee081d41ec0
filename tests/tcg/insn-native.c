/* Runs one instruction on the host's own CPU: a page of code is put together around it that loads every
 * register from fixed addresses, and stores them again.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/tcg/insn-native.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#define CODE 0x21000000ul
#define STATE 0x21001000ul      /* an InsnState, then the stack pointer of C */
#define SAVED_RSP (STATE + sizeof(InsnState))

static sigjmp_buf escape;
static uint8_t alternate[65536];

static void on_signal(int sig)
{
    siglongjmp(escape, sig);
}

bool native_init(void)
{
    static const int signals[] = { SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP };
    const int prot = PROT_READ | PROT_WRITE, flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
    stack_t ss = { .ss_sp = alternate, .ss_size = sizeof(alternate) };
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER };
    static bool done;

    if (done) {
        return true;
    }
    sigaltstack(&ss, NULL);
    for (unsigned n = 0; n < sizeof(signals) / sizeof(signals[0]); n++) {
        sigaction(signals[n], &sa, NULL);
    }
    done = mmap((void *)INSN_BUFFER, INSN_BUFFER_SIZE, prot, flags, -1, 0) == (void *)INSN_BUFFER &&
           mmap((void *)CODE, 0x3000, prot | PROT_EXEC, flags, -1, 0) == (void *)CODE;
    return done;
}

static uint8_t *put(uint8_t *p, const void *bytes, unsigned n)
{
    memcpy(p, bytes, n);
    return p + n;
}

/* An instruction with the absolute address of a 32-bit displacement at its end. */
static uint8_t *put_abs(uint8_t *p, const char *bytes, unsigned n, uint64_t address)
{
    uint32_t a = (uint32_t)address;

    p = put(p, bytes, n);
    return put(p, &a, 4);
}

/* mov between register n and STATE.gpr[n]: opcode 8b loads, 89 stores. */
static uint8_t *put_mov(uint8_t *p, uint8_t opcode, unsigned n, uint64_t address)
{
    const char bytes[4] = { (char)(n >= 8 ? 0x4c : 0x48), (char)opcode, (char)(0x04 | (n & 7) << 3), 0x25 };

    return put_abs(p, bytes, 4, address);
}

static void assemble(const uint8_t *bytes, unsigned len)
{
    uint8_t *p = (uint8_t *)CODE;

    /* Callee-saved registers, then C's stack pointer. */
    p = put(p, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10);
    p = put_mov(p, 0x89, 4, SAVED_RSP);
    p = put_abs(p, "\x48\x0f\xae\x0c\x25", 5, STATE + offsetof(InsnState, fx));       /* fxrstor64 */
    p = put_abs(p, "\xff\x34\x25", 3, STATE + offsetof(InsnState, flags));            /* push */
    p = put(p, "\x9d", 1);                                                            /* popfq */
    for (unsigned n = 0; n < 16; n++) {
        p = put_mov(p, 0x8b, n, STATE + 8 * n);
    }
    p = put(p, bytes, len);
    for (unsigned n = 0; n < 16; n++) {
        p = put_mov(p, 0x89, n, STATE + 8 * n);
    }
    p = put_mov(p, 0x8b, 4, SAVED_RSP);
    p = put(p, "\x9c", 1);                                                            /* pushfq */
    p = put_abs(p, "\x8f\x04\x25", 3, STATE + offsetof(InsnState, flags));            /* pop */
    p = put_abs(p, "\x48\x0f\xae\x04\x25", 5, STATE + offsetof(InsnState, fx));       /* fxsave64 */
    p = put(p, "\xdb\xe3\xfc", 3);                                                    /* fninit, cld */
    put(p, "\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xc3", 11);
}

int native_run(InsnState *s, const uint8_t *bytes, unsigned len)
{
    uint32_t mxcsr = 0x1f80, old;
    volatile int sig;

    assemble(bytes, len);
    *(InsnState *)STATE = *s;
    __asm__ volatile("stmxcsr %0" : "=m"(old));
    sig = sigsetjmp(escape, 1);
    if (!sig) {
        ((void (*)(void))CODE)();
        *s = *(InsnState *)STATE;
    } else {
        __asm__ volatile("fninit; cld");
    }
    __asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
    return sig;
}
