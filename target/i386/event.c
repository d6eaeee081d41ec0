/* What the target tells a debugger that catches events: MSRs, control registers, ports. Exceptions
 * and interrupts are told where they are delivered (deliver.c), new modes and page tables by the
 * JIT.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/event.h"

#include "accel/tcg/frontend.h"
#include "mem/mem.h"
#include "target/i386/lapic.h"
#include "target/i386/msr.h"
#include "target/i386/x86.h"
#include "vm/vm.h"

static uint64_t msr_value(Cpu *cpu, uint32_t num)
{
    uint64_t v = 0;

    return x86_msr_read(cpu, num, &v) ? v : 0;
}

void x86_event_msr_read(Cpu *cpu, uint32_t num)
{
    if (tcg_event_wanted(cpu, POINT_MSR)) {
        uint64_t v = msr_value(cpu, num);

        tcg_event(cpu, &(DebugEvent){ .kind = POINT_MSR, .number = num, .old = v, .now = v });
    }
}

void x86_event_msr_write(Cpu *cpu, uint32_t num, uint64_t value)
{
    if (tcg_event_wanted(cpu, POINT_MSR)) {
        tcg_event(cpu, &(DebugEvent){ .kind = POINT_MSR, .number = num, .write = true,
                                      .old = msr_value(cpu, num), .now = value });
    }
}

static uint64_t cr_value(const X86State *s, unsigned n)
{
    const uint64_t v[] = { [0] = s->cr0, [2] = s->cr2, [3] = s->cr3, [4] = s->cr4 };

    return n < G_N_ELEMENTS(v) ? v[n] : x86_lapic_cr8(s->lapic);
}

void x86_event_cr(Cpu *cpu, unsigned n, uint64_t value)
{
    if (tcg_event_wanted(cpu, POINT_CR)) {
        tcg_event(cpu, &(DebugEvent){ .kind = POINT_CR, .number = n, .write = true,
                                      .old = cr_value(cpu->env, n), .now = value });
    }
}

static DebugEvent port_event(uint32_t port, unsigned size, bool write, uint64_t value)
{
    return (DebugEvent){ .kind = POINT_IO, .number = port, .size = (uint8_t)size, .write = write,
                         .now = value };
}

void x86_event_port_write(Cpu *cpu, uint32_t port, unsigned size, uint64_t value)
{
    if (tcg_event_wanted(cpu, POINT_IO)) {
        DebugEvent e = port_event(port, size, true, value);

        tcg_event(cpu, &e);
    }
}

void x86_event_port_outs(Cpu *cpu, uint32_t port, unsigned size, vaddr_t from)
{
    uint64_t value = 0;
    unsigned done = 0;
    Translation t;

    if (!tcg_event_wanted(cpu, POINT_IO)) {
        return;
    }
    while (done < size) {
        uint64_t n;

        if (!cpu->class->translate(cpu, from + done, &t)) {
            return;             /* the load's page fault comes first */
        }
        n = MIN(t.left, size - done);
        mem_peek(cpu->vm->memory, t.paddr, (uint8_t *)&value + done, n);
        done += (unsigned)n;
    }
    x86_event_port_write(cpu, port, size, value);
}

bool x86_event_port_read_expected(Cpu *cpu, uint32_t port, unsigned size)
{
    DebugEvent e = port_event(port, size, false, 0);

    return tcg_event_wanted(cpu, POINT_IO) && tcg_event_expected(cpu, &e);
}

void x86_event_port_read_done(Cpu *cpu, uint32_t port, unsigned size, uint64_t value)
{
    DebugEvent e = port_event(port, size, false, value);

    tcg_event_done(cpu, &e);
}

void x86_event_vm86_int(Cpu *cpu, unsigned vector)
{
    tcg_event(cpu, &(DebugEvent){ .kind = POINT_INTERRUPT, .number = vector, .software = true });
}
