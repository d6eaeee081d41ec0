/* Stops on accesses to ports, which KVM hands out anyway.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A write is told before it is made: the access stays with us (KvmCpu.held), the vCPU leaves, and its next run
 * makes it, unless the pc was changed meanwhile. A read is told when KVM has finished its instruction. */
#include "accel/kvm/kvm_int.h"

#include <string.h>

#include "accel/event.h"
#include "util/bytes.h"

static DebugEvent port_event(const struct kvm_run *run)
{
    const uint8_t *data = (const uint8_t *)run + run->io.data_offset;

    return (DebugEvent){
        .kind = POINT_IO, .number = run->io.port, .size = run->io.size,
        .write = run->io.direction == KVM_EXIT_IO_OUT,
        .now = run->io.size == 1 ? data[0] : run->io.size == 2 ? load_le16(data) : load_le32(data),
    };
}

/* Does a row ask for it? Then *e is an event, whose rows come before other hits. */
static bool tell(Cpu *cpu, const DebugEvent *event, VcpuExit *e)
{
    const DebugPlan *plan = kvm_points_planned(kvm_of(cpu));
    VcpuExit told = { .nhit = 0 };

    for (unsigned i = 0; i < plan->n; i++) {
        event_add_hit(cpu, &plan->point[i], event, &told);
    }
    if (!told.nhit || e->kind == EXIT_EVENT) {
        return false;
    }
    for (unsigned i = 0; i < e->nhit; i++) {
        kvm_add_hit(&told, &e->hit[i]);
    }
    memcpy(e->hit, told.hit, sizeof(told.hit));
    e->nhit = told.nhit;
    e->kind = EXIT_EVENT;
    e->event = *event;
    return true;
}

static bool is_wanted(Cpu *cpu)
{
    if (!kvm_points_any_event(kvm_of(cpu))) {
        return false;
    }
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);     /* for scopes */
    return true;
}

bool kvm_port_hold(Cpu *cpu, VcpuExit *e)
{
    DebugEvent event = port_event(kvm_cpu(cpu)->run);

    if (!event.write || !is_wanted(cpu) || !tell(cpu, &event, e)) {
        return false;
    }
    if (!kvm_of(cpu)->arch->at_port_access(cpu)) {
        /* KVM has ended the instruction already (OUTS), so that the next one's points are told with it. */
        kvm_points_exec_at(cpu, true, e);
        kvm_points_exec_at(cpu, false, e);
    }
    kvm_cpu(cpu)->held = true;
    return true;
}

void kvm_port_done(Cpu *cpu, VcpuExit *e)
{
    DebugEvent event = port_event(kvm_cpu(cpu)->run);

    if (!event.write && is_wanted(cpu)) {
        tell(cpu, &event, e);
    }
}
