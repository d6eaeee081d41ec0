/* The CPU object: making, kicking, interrupting, fetching its state.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cpu.h"

#include <stdlib.h>
#include <string.h>
#include "util/log.h"

static __thread Cpu *current;

Cpu *cpu_current(void)
{
    return current;
}

void cpu_set_current(Cpu *cpu)
{
    current = cpu;
}

static size_t accel_room(size_t accel_size)
{
    return (accel_size + CPU_ALIGN - 1) / CPU_ALIGN * CPU_ALIGN;
}

Cpu *cpu_new(const CpuClass *class, Vm *vm, unsigned index, size_t accel_size,
             const char *model, GError **errp)
{
    size_t front = accel_room(accel_size);
    size_t size = front + CPU_ENV_OFFSET + class->state_size;
    char *base = aligned_alloc(4096, (size + 4095) / 4096 * 4096);

    g_assert(base);
    memset(base, 0, size);
    Cpu *cpu = (Cpu *)(base + front);
    cpu->class = class;
    cpu->vm = vm;
    cpu->index = index;
    cpu->env = (char *)cpu + CPU_ENV_OFFSET;
    cpu->accel = accel_size ? (char *)cpu - front : NULL;
    cpu->fetched = REGS_ALL;
    if (class->init && !class->init(cpu, model, errp)) {
        free(base);
        return NULL;
    }
    if (class->reset) {
        class->reset(cpu);
    }
    return cpu;
}

void cpu_free(Cpu *cpu)
{
    if (!cpu) {
        return;
    }
    if (cpu->class->fini) {
        cpu->class->fini(cpu);
    }
    free(cpu->accel ? cpu->accel : (void *)cpu);
}

void cpu_interrupt(Cpu *cpu, uint32_t mask)
{
    atomic_or_old(&cpu->irq_pending, mask);
    atomic_or_old(&cpu->attn, CPU_ATTN_IRQ);
    if (current != cpu && cpu->wake) {
        cpu->wake(cpu);
    }
}

void cpu_interrupt_clear(Cpu *cpu, uint32_t mask)
{
    atomic_and_old(&cpu->irq_pending, ~mask);
}

void cpu_kick(Cpu *cpu)
{
    atomic_or_old(&cpu->attn, CPU_ATTN_EXIT);
    if (current != cpu && cpu->kick) {
        cpu->kick(cpu);
    }
}

void cpu_fetch(Cpu *cpu, RegGroups groups)
{
    if (cpu->fetch && (groups & ~cpu->fetched)) {
        cpu->fetch(cpu, groups & ~cpu->fetched);
        cpu->fetched |= groups;
    }
}

void cpu_touch(Cpu *cpu)
{
    cpu_fetch(cpu, REGS_ALL);
    cpu->dirty = true;
}

vaddr_t cpu_pc(const Cpu *cpu)
{
    return cpu->class->get_pc(cpu);
}

vaddr_t cpu_canonical(const Cpu *cpu, vaddr_t va)
{
    return cpu->class->canonical ? cpu->class->canonical(cpu, va) : va;
}

static const char *const power_names[] = {
    [CPU_POWER_ON] = "running",
    [CPU_POWER_HALTED] = "halted",
    [CPU_POWER_OFF] = "off",
    [CPU_POWER_WAIT] = "waiting for start-up",
};

const char *cpu_power_name(CpuPower power)
{
    return (unsigned)power < G_N_ELEMENTS(power_names) ? power_names[power] : "?";
}

void cpu_log(const Cpu *cpu)
{
    const RegSet *set = cpu->class->regs;
    GString *text = g_string_new(NULL);
    unsigned column = 0;

    g_string_printf(text, "CPU %u (%s)\n", cpu->index, cpu_power_name((CpuPower)cpu->power));
    for (unsigned f = 0; set->features[f]; f++) {
        for (unsigned n = 0; n < set->features[f]->n; n++) {
            const RegDesc *r = &set->features[f]->regs[n];

            if (r->bits <= 64) {
                g_string_append_printf(text, "%16s=%0*" G_GINT64_MODIFIER "x%s", r->name, (int)reg_bytes(r) * 2,
                                       reg_read_u64(cpu, r), ++column % 4 ? "" : "\n");
            }
        }
    }
    log_printf("%s%s", text->str, column % 4 ? "\n" : "");
    g_string_free(text, TRUE);
}
