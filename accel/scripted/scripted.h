/* The scripted accelerator: a tiny CPU of our own and an executor whose capabilities can be
 * chosen, so that run control, the debug core and front ends are tested without a real target.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The CPU ("script") has 16 registers of 64 bits, a pc, an address-space number and a privilege
 * level. Instructions are four bytes in guest memory: op, a, b, c; i = (int16_t)(b | c << 8).
 * Memory: addresses below 4 GiB are physical; those from SCRIPT_HIGH on show physical memory
 * again; [hole_lo, hole_hi) of the CPU's state is not mapped.
 *
 * Options of -accel (vm_set_accel), comma separated: native (points without limit, the default),
 * patch (breakpoint instructions), slots=N (N shared debug registers), maxlen=N (bytes one of
 * them watches), readonly (they can trap reads alone), noskip (cannot skip a point at resume),
 * noevents. Any of patch or slots turns native off. */
#ifndef GLASSBOX_ACCEL_SCRIPTED_SCRIPTED_H
#define GLASSBOX_ACCEL_SCRIPTED_SCRIPTED_H

#include "accel/accel.h"

typedef enum ScriptOp {
    SCRIPT_NOP,
    SCRIPT_LI,          /* r[a] = i */
    SCRIPT_ADDI,        /* r[a] = r[b] + (int8_t)c */
    SCRIPT_ADD,         /* r[a] = r[b] + r[c] */
    SCRIPT_SHL,         /* r[a] = r[b] << c */
    SCRIPT_LD,          /* r[a] = 8 bytes at r[b] + c; unaligned allowed */
    SCRIPT_ST,          /* 8 bytes at r[b] + c = r[a] */
    SCRIPT_LDB,         /* the same with one byte */
    SCRIPT_STB,
    SCRIPT_XADD,        /* atomic: 8 aligned bytes at r[b] += r[c]; r[a] = the old value */
    SCRIPT_JMP,         /* pc += 4 * i, from this instruction */
    SCRIPT_BNZ,         /* the same if r[a] != 0 */
    SCRIPT_JR,          /* pc = r[a] */
    SCRIPT_HLT,         /* waits for an interrupt */
    SCRIPT_EXC,         /* exception with vector a, error code b: counted in r[14] */
    SCRIPT_RESET,       /* asks for a reset of the machine */
    SCRIPT_OFF,         /* asks for its end with status a */
    SCRIPT_IO,          /* port i written with r[a]: seen by event points only */
    SCRIPT_ASID,        /* address space = r[a], level = b */
    SCRIPT_CYCLES,      /* r[a] = the VM's clock */
    SCRIPT_BRK = 0xbb,  /* breakpoint: ours if patched, else counted in r[13] */
} ScriptOp;

#define SCRIPT_INSN(op, a, b, c) \
    ((uint32_t)(op) | (uint32_t)((a) & 0xff) << 8 | (uint32_t)((b) & 0xff) << 16 | \
     (uint32_t)((c) & 0xff) << 24)
#define SCRIPT_INSN_I(op, a, i) SCRIPT_INSN(op, a, (i) & 0xff, ((i) >> 8) & 0xff)

#define SCRIPT_HIGH UINT64_C(0xffff800000000000)
#define SCRIPT_IRQ 1u           /* cpu_interrupt: counted in r[15], ends a HLT */

typedef struct ScriptState {
    uint64_t r[16];
    uint64_t pc;
    uint64_t asid;
    uint32_t level;
    uint64_t hole_lo, hole_hi;
    uint64_t reset_pc;          /* survives a reset */
} ScriptState;

extern const CpuClass script_cpu_class;
extern const AccelOps scripted_accel_ops;

static inline ScriptState *script_state(const Cpu *cpu)
{
    return cpu->env;
}

/* The next vcpu_run of this CPU returns this exit instead of executing; several queue up.
 * All parked. */
void scripted_queue_exit(Cpu *cpu, const VcpuExit *exit);
/* How many times vcpu_run was called. All parked. */
uint64_t scripted_run_count(const Cpu *cpu);

#endif
