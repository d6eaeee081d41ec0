/* Runs 32-bit and 16-bit code on the host's own CPU: a stub in compatibility mode loads every
 * register through a flat GS, jumps into the segment under test, and stores them again.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/tcg/native-legacy.h"

#include <asm/ldt.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BASE 0x22000000ul
#define SEQUENCE BASE               /* base of the 16-bit code segment */
#define STUB (BASE + 0x1000)
#define AREA (BASE + 0x2000)        /* an Area */
#define STACK_TOP (BASE + 0x3f00)

/* Linux's selectors of flat user segments. */
#define USER_CS32 0x23
#define USER_CS64 0x33
#define USER_DS 0x2b
#define LDT_SELECTOR(n) ((n) * 8 + 7)

typedef struct FarPointer {
    uint32_t offset;
    uint16_t selector, unused;
} FarPointer;

/* What the stub works on, at a fixed address. */
typedef struct Area {
    uint32_t gpr[8];
    uint32_t flags, data_selector;
    FarPointer enter, code, stack;
    uint64_t rsp;
} Area;

static sigjmp_buf escape;

static void on_signal(int sig)
{
    siglongjmp(escape, sig);
}

static bool make_segment(unsigned n, uint32_t base, uint32_t limit, bool code)
{
    struct user_desc d = {
        .entry_number = n, .base_addr = base, .limit = limit, .contents = code ? 2 : 0, .useable = 1
    };

    return syscall(SYS_modify_ldt, 1, &d, sizeof(d)) == 0;
}

bool native_legacy_init(void)
{
    static const int signals[] = { SIGILL, SIGFPE, SIGSEGV, SIGBUS, SIGTRAP };
    struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER };

    for (unsigned n = 0; n < sizeof(signals) / sizeof(signals[0]); n++) {
        sigaction(signals[n], &sa, NULL);
    }
    return mmap((void *)BASE, 0x4000, PROT_READ | PROT_WRITE | PROT_EXEC,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)BASE &&
           make_segment(0, SEQUENCE, 0xfff, true) &&
           make_segment(1, INSN_BUFFER, LEGACY_LIMIT, false);
}

static uint8_t *put(uint8_t *p, const void *bytes, unsigned n)
{
    memcpy(p, bytes, n);
    return p + n;
}

static uint8_t *put32(uint8_t *p, uint64_t v)
{
    uint32_t x = (uint32_t)v;

    return put(p, &x, 4);
}

/* Bytes that end in the absolute address of a field of the area. */
#define PUT_FIELD(p, bytes, field) \
    put32(put(p, bytes, sizeof(bytes) - 1), AREA + offsetof(Area, field))

/* Flat stack, whatever the registers say; eax is lost. */
static uint8_t *put_flat_stack(uint8_t *p)
{
    p = put32(put(p, "\xb8", 1), USER_DS);                      /* mov eax, imm */
    p = put(p, "\x8e\xd0", 2);                                  /* mov ss, eax */
    return put32(put(p, "\xbc", 1), STACK_TOP);                 /* mov esp, imm */
}

static uint8_t *put_far_jump(uint8_t *p, uint64_t to, uint16_t selector)
{
    p = put32(put(p, "\xea", 1), to);
    return put(p, &selector, 2);
}

/* Into the code under test. */
static uint8_t *put_enter(uint8_t *p)
{
    p = put32(put(p, "\xb8", 1), USER_DS);
    p = put(p, "\x8e\xe8", 2);                                  /* mov gs, eax */
    p = put_flat_stack(p);
    p = PUT_FIELD(p, "\x65\xff\x35", flags);                    /* push */
    p = put(p, "\x9d", 1);                                      /* popf */
    p = PUT_FIELD(p, "\x65\x8e\x05", data_selector);            /* mov es */
    p = PUT_FIELD(p, "\x65\x8e\x1d", data_selector);            /* mov ds */
    p = PUT_FIELD(p, "\x65\x0f\xb2\x25", stack);                /* lss esp */
    for (unsigned n = 0; n < 8; n++) {
        const uint8_t mov[] = { 0x65, 0x8b, (uint8_t)(0x05 | n << 3) };

        if (n != 4) {
            p = put32(put(p, mov, 3), AREA + offsetof(Area, gpr) + 4 * n);
        }
    }
    return PUT_FIELD(p, "\x65\xff\x2d", code);                  /* jmp far */
}

/* Back to 64-bit code at `back`. */
static uint8_t *put_leave(uint8_t *p, uint64_t back)
{
    for (unsigned n = 0; n < 8; n++) {
        const uint8_t mov[] = { 0x65, 0x89, (uint8_t)(0x05 | n << 3) };

        p = put32(put(p, mov, 3), AREA + offsetof(Area, gpr) + 4 * n);
    }
    p = put_flat_stack(p);
    p = put(p, "\x9c", 1);                                      /* pushf */
    p = PUT_FIELD(p, "\x65\x8f\x05", flags);                    /* pop */
    p = put(p, "\x31\xc0\x8e\xd8\x8e\xc0\x8e\xe8", 8);          /* ds, es, gs: null */
    return put_far_jump(p, back, USER_CS64);
}

/* Returns the entry, 64-bit code. */
static uint8_t *assemble(const uint8_t *bytes, unsigned len, unsigned bits)
{
    Area *area = (Area *)AREA;
    uint8_t *p = (uint8_t *)STUB, *leave, *entry;
    uint64_t back = STUB + 0x800;

    put_enter(p);
    leave = p + 0x400;
    put_leave(leave, back);
    /* 64 bits: back to C; callee-saved registers were pushed by the entry. */
    p = PUT_FIELD((uint8_t *)back, "\x48\x8b\x24\x25", rsp);
    put(p, "\x41\x5f\x41\x5e\x41\x5d\x41\x5c\x5d\x5b\xfc\xc3", 12);
    entry = (uint8_t *)back + 0x100;
    p = put(entry, "\x53\x55\x41\x54\x41\x55\x41\x56\x41\x57", 10);
    p = PUT_FIELD(p, "\x48\x89\x24\x25", rsp);
    PUT_FIELD(p, "\xff\x2c\x25", enter);
    /* The code under test. */
    p = put((uint8_t *)SEQUENCE, bytes, len);
    put_far_jump(bits == 16 ? put(p, "\x66", 1) : p, (uint64_t)leave, USER_CS32);
    area->enter = (FarPointer){ STUB, USER_CS32, 0 };
    area->code =
        bits == 16 ? (FarPointer){ 0, LDT_SELECTOR(0), 0 } : (FarPointer){ SEQUENCE, USER_CS32, 0 };
    area->data_selector = bits == 16 ? LDT_SELECTOR(1) : USER_DS;
    area->stack = (FarPointer){ area->gpr[4], (uint16_t)area->data_selector, 0 };
    return entry;
}

int native_legacy_run(InsnState *s, const uint8_t *bytes, unsigned len, unsigned bits)
{
    Area *area = (Area *)AREA;
    uint8_t *entry;
    volatile int sig;

    for (unsigned n = 0; n < 8; n++) {
        area->gpr[n] = (uint32_t)s->gpr[n];
    }
    area->flags = (uint32_t)s->flags;
    entry = assemble(bytes, len, bits);
    sig = sigsetjmp(escape, 1);
    if (sig) {
        __asm__ volatile("cld");
        return sig;
    }
    ((void (*)(void))(uintptr_t)entry)();
    for (unsigned n = 0; n < 8; n++) {
        s->gpr[n] = area->gpr[n];
    }
    s->flags = area->flags;
    return 0;
}
