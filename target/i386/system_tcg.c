/* Interrupts, INIT and start-up as the JIT's execution loop asks for them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/lapic.h"
#include "target/i386/reset.h"
#include "target/i386/system.h"

static void resync(Cpu *cpu)
{
    cpu_interrupt_clear(cpu, X86_IRQ_RESYNC);
    x86_tcg_flush(cpu, X86_FLUSH_ALL);
    x86_debug_arm(cpu);
}

/* INIT and SIPI. True if one was taken. */
static bool take_message(Cpu *cpu, uint32_t pending)
{
    X86State *s = cpu->env;

    if (pending & X86_IRQ_INIT) {
        x86_cpu_init(cpu);
        resync(cpu);
        return true;
    }
    if (pending & X86_IRQ_SIPI) {
        cpu_interrupt_clear(cpu, X86_IRQ_SIPI);
        if (cpu->power == CPU_POWER_WAIT) {
            x86_cpu_startup(cpu, atomic_get(&s->sipi_vector));
            return true;
        }
    }
    return false;
}

/* A vector to deliver now, or -1. The bit is cleared before the APIC is looked at: a request that
 * comes in between sets it again. */
static int take_vector(Cpu *cpu, uint32_t pending)
{
    X86State *s = cpu->env;

    if (pending & X86_IRQ_HARD) {
        cpu_interrupt_clear(cpu, X86_IRQ_HARD);
        int v = x86_lapic_take(s->lapic);

        if (v >= 0) {
            return v;
        }
    }
    if ((pending & X86_IRQ_EXTINT) && x86_lapic_extint(s->lapic)) {
        return x86_lapic_acknowledge(s->lapic);
    }
    return -1;
}

static void deliver(Cpu *cpu, unsigned vector)
{
    atomic_put(&cpu->power, (uint32_t)CPU_POWER_ON);
    x86_deliver_external(cpu, vector);
}

bool x86_tcg_interrupt(Cpu *cpu, bool hold)
{
    X86State *s = cpu->env;
    uint32_t pending = cpu_interrupt_pending(cpu);

    if (pending & X86_IRQ_RESYNC) {
        resync(cpu);
    }
    /* A step that holds interrupts does not hold these: a CPU that waits for its start-up could never begin. */
    if ((pending & (X86_IRQ_INIT | X86_IRQ_SIPI)) && take_message(cpu, pending)) {
        return true;
    }
    if (hold || (s->mode & (X86_MODE_SHADOW | X86_MODE_SS_SHADOW))) {
        return false;
    }
    if (cpu->power == CPU_POWER_WAIT || cpu->power == CPU_POWER_OFF) {
        return false;
    }
    if ((pending & X86_IRQ_NMI) && !s->nmi_blocked) {
        cpu_interrupt_clear(cpu, X86_IRQ_NMI);
        s->nmi_blocked = true;
        deliver(cpu, X86_EXC_NMI);
        return true;
    }
    if ((pending & (X86_IRQ_HARD | X86_IRQ_EXTINT)) && (s->eflags & X86_IF)) {
        int v = take_vector(cpu, pending);

        if (v >= 0) {
            deliver(cpu, (unsigned)v);
            return true;
        }
    }
    return false;
}
