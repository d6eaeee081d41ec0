/* Inside the JIT: stops on events.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_EVENTS_H
#define GLASSBOX_ACCEL_TCG_EVENTS_H

#include "accel/tcg/tcg_state.h"

/* The plan changed: which kinds of events vCPUs look out for. All parked. */
void events_plan(TcgState *tcg, const DebugPlan *plan);
/* Nothing that was told or is to be told holds any more. Parked. */
void events_forget(Cpu *cpu);
/* A run begins: drops what a move of the pc has made void, and looks how things are. */
void events_begin(Cpu *cpu);
/* Notes what an instruction or a delivery has changed. */
void events_look(Cpu *cpu);
/* The instruction or delivery has ended: what it was allowed to do is over. */
static inline void events_ended(Cpu *cpu)
{
    tcg_cpu(cpu)->events.ntold = 0;
    if (cpu->events) {
        events_look(cpu);
    }
}
/* Takes the next event that has happened and is still to be told; false if there is none. *exit:
 * it and its rows. */
bool events_tell(Cpu *cpu, VcpuExit *exit);
/* Appends the data points that have been hit. */
void events_add_hits(Cpu *cpu, VcpuExit *exit);

#endif
