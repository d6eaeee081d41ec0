/* x86 CPUs without an executor, for tests of the target's system part: memory behind paging,
 * exceptions that a test catches.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_FAKE_X86_H
#define GLASSBOX_TESTS_UNIT_FAKE_X86_H

#include <setjmp.h>

#include "fake-vm.h"
#include "target/i386/system.h"
#include "target/i386/x86.h"

/* Locals of tests are not changed between FAKE_TRY's sigsetjmp and the leap, but by a statement
 * that then did not leap. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wclobbered"
#endif

#define FAKE_X86_RAM (16u << 20)

typedef enum FakeLeft { FAKE_DONE, FAKE_RAISED, FAKE_LEFT, FAKE_EXITED } FakeLeft;

typedef struct FakeX86 {
    Cpu *cpu[VM_MAX_CPUS];
    uint8_t *ram;
    sigjmp_buf unwind;
    unsigned flushes, page_flushes, loads, stores;
    bool kept_global;
    TcgGuestWatch watch[8];
    unsigned nwatch;
    uint32_t guest_hits;
    uint32_t port;
    uint64_t port_value;
    VcpuExit exit;
    DebugEvent event;           /* the last that was told */
    unsigned events;
    int cas_fails;              /* so many times an entry changes under the walk */
} FakeX86;

extern FakeX86 fx;

/* A machine with this many CPUs and 16 MiB of RAM at 0. */
void fake_x86_init(const char *model, unsigned ncpus);
void fake_x86_done(void);

static inline X86State *fake_x86_state(unsigned i)
{
    return x86_state(fx.cpu[i]);
}

/* Memory by physical address. */
void fake_x86_put(paddr_t at, unsigned size, uint64_t v);
uint64_t fake_x86_get(paddr_t at, unsigned size);

/* Evaluates to how the statement ended. After FAKE_RAISED the exception is in the state. */
#define FAKE_TRY(result, statement)                     \
    do {                                                \
        int left_ = sigsetjmp(fx.unwind, 0);            \
        if (!left_) {                                   \
            statement;                                  \
        }                                               \
        (result) = (FakeLeft)left_;                     \
    } while (0)

/* Runs the delivery loop until nothing is left to deliver; how it ended. */
FakeLeft fake_x86_deliver(unsigned i);

#endif
