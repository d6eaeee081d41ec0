/* The guest's own debug registers at work: MOV DR, execute, data and I/O breakpoints, single step.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/frontend.h"
#include "target/i386/dr7.h"
#include "target/i386/helper.h"
#include "target/i386/seg_int.h"
#include "target/i386/system.h"

/* The checks that all moves to and from debug registers share; returns the register's number. */
static unsigned dr_check(Cpu *cpu, uint64_t n)
{
    X86State *s = cpu->env;

    if (n > 7 || (n >= 4 && n <= 5 && (s->cr4 & X86_CR4_DE))) {
        x86_raise(cpu, X86_EXC_UD);
    }
    if (x86_cpl(s) != 0) {
        x86_raise_gp0(cpu);
    }
    if (s->dr[7] & X86_DR7_GD) {
        x86_raise_db(cpu, X86_EVENT_FAULT, X86_DR6_BD);
    }
    return n == 4 || n == 5 ? (unsigned)n + 2 : (unsigned)n;
}

uint64_t x86_helper_read_dr(void *env, uint64_t n)
{
    return ((X86State *)env)->dr[dr_check(cpu_from_env(env), n)];
}

uint64_t x86_helper_write_dr(void *env, uint64_t n, uint64_t value)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    unsigned i = dr_check(cpu, n);

    if (i >= 6 && value >> 32) {
        x86_raise_gp0(cpu);
    }
    if (i == 6) {
        s->dr[6] = (value & X86_DR6_BITS) | X86_DR6_FIXED;
        return 0;
    }
    s->dr[i] = i == 7 ? x86_dr7_legal(value) : value;
    x86_mode_update(s);
    x86_debug_arm(cpu);
    return 0;
}

void x86_debug_arm(Cpu *cpu)
{
    X86State *s = cpu->env;
    TcgGuestWatch w[X86_DR_SLOTS];
    unsigned n = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        X86DrPoint p = x86_dr_get(s->dr[7], s->dr[i], i);

        if (p.on && (p.kind == X86_DR_WRITE || p.kind == X86_DR_RW)) {
            w[n++] = (TcgGuestWatch){ .addr = p.addr, .len = p.len, .on_write = true,
                                      .on_read = p.kind == X86_DR_RW, .tag = (uint8_t)i };
        }
    }
    tcg_guest_watch_set(cpu, w, n);
}

void x86_debug_io(Cpu *cpu, uint32_t port, unsigned size)
{
    X86State *s = cpu->env;

    s->pending_dr6 |= x86_dr_match_io(s->dr, s->dr[7], port, size);
}

uint64_t x86_helper_check_exec_bp(void *env, uint64_t linear)
{
    X86State *s = env;
    uint32_t b = x86_dr_match_exec(s->dr, s->dr[7], linear);

    if (b) {
        x86_raise_db(cpu_from_env(env), X86_EVENT_FAULT, b);
    }
    return 0;
}

/* Raises the trap for what has been met, unless the instruction was a load of SS: then the next
 * one's end does. */
static void trap_pending(Cpu *cpu)
{
    X86State *s = cpu->env;
    uint64_t dr6 = s->pending_dr6;

    if (dr6 && !(s->mode & X86_MODE_SS_SHADOW)) {
        s->pending_dr6 = 0;
        x86_raise_db(cpu, X86_EVENT_TRAP, dr6);
    }
}

uint64_t x86_helper_insn_end(void *env, uint64_t mode)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t over = (uint32_t)mode & (X86_MODE_SHADOW | X86_MODE_SS_SHADOW);

    if (over) {
        s->mode &= ~over;
        x86_irq_recheck(cpu);
    }
    if (mode & X86_MODE_RF) {
        s->eflags &= ~X86_RF;
        s->mode &= ~X86_MODE_RF;
    }
    s->pending_dr6 |= tcg_guest_hits_take(cpu);
    if (mode & X86_MODE_TF) {
        s->pending_dr6 |= X86_DR6_BS;
    }
    trap_pending(cpu);
    return 0;
}

void x86_tcg_guest_watch(Cpu *cpu, uint32_t tags)
{
    X86State *s = cpu->env;

    s->pending_dr6 |= tags;
    trap_pending(cpu);
}

void x86_tcg_step_done(Cpu *cpu)
{
    /* Nothing of the debugger's step is kept in the guest's state. */
}
