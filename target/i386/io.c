/* Ports: who may use them, and the accesses.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/frontend.h"
#include "target/i386/event.h"
#include "target/i386/helper.h"
#include "target/i386/seg_int.h"
#include "target/i386/system.h"

/* The permission bitmap of the task state: every bit of the access must be clear. */
static void check_bitmap(Cpu *cpu, uint32_t port, unsigned size)
{
    const X86State *s = cpu->env;
    bool wide = s->tr.flags >> 8 & 8;

    if (!wide || s->tr.limit < 103) {
        x86_raise_gp0(cpu);
    }
    uint32_t at = (uint32_t)sys_load(cpu, s->tr.base + 102, 2) + port / 8;
    if (at + 1 > s->tr.limit) {
        x86_raise_gp0(cpu);
    }
    uint32_t bits = (uint32_t)sys_load(cpu, s->tr.base + at, 2) >> (port & 7);
    if (bits & ((1u << size) - 1)) {
        x86_raise_gp0(cpu);
    }
}

uint64_t x86_helper_io_check(void *env, uint64_t port, uint64_t size)
{
    X86State *s = env;

    if (!(s->mode & X86_MODE_IOPL_OK) || x86_in_vm86(s)) {
        check_bitmap(cpu_from_env(env), (uint32_t)port & 0xffff, (unsigned)size);
    }
    return 0;
}

static void note_breakpoint(Cpu *cpu, uint32_t port, unsigned size)
{
    X86State *s = cpu->env;

    if (s->mode & X86_MODE_IOBP) {
        x86_debug_io(cpu, port, size);
    }
}

/* A read whose checks are done. A debugger that asks for it is told when the instruction has
 * ended, with the data: the device is read once. */
static uint64_t port_load(Cpu *cpu, uint32_t port, unsigned size)
{
    bool told = x86_event_port_read_expected(cpu, port, size);
    uint64_t v;

    note_breakpoint(cpu, port, size);
    v = tcg_io_load(cpu, port, size);
    if (told) {
        x86_event_port_read_done(cpu, port, size, v);
    }
    return v;
}

uint64_t x86_helper_in(void *env, uint64_t port, uint64_t size)
{
    Cpu *cpu = cpu_from_env(env);

    port &= 0xffff;
    x86_helper_io_check(env, port, size);
    return port_load(cpu, (uint32_t)port, (unsigned)size);
}

uint64_t x86_helper_out(void *env, uint64_t port, uint64_t size, uint64_t value)
{
    Cpu *cpu = cpu_from_env(env);

    port &= 0xffff;
    x86_helper_io_check(env, port, size);
    x86_event_port_write(cpu, (uint32_t)port, (unsigned)size, value);
    note_breakpoint(cpu, (uint32_t)port, (unsigned)size);
    tcg_io_store(cpu, (uint32_t)port, (unsigned)size, value);
    return 0;
}

uint64_t x86_helper_ins(void *env, uint64_t port, uint64_t size, uint64_t addr)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    unsigned mmu = x86_mmu(s->mode);

    port &= 0xffff;
    x86_helper_io_check(env, port, size);
    tcg_probe_write(cpu, addr, (unsigned)size, mmu);
    uint64_t v = port_load(cpu, (uint32_t)port, (unsigned)size);
    tcg_store(cpu, addr, v, size == 4 ? MO_32 : size == 2 ? MO_16 : MO_8, mmu);
    return 0;
}
