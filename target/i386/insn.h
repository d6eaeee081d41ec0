/* What one instruction at the CPU's pc is about to do, told from its bytes and the registers: its
 * kind, the memory it touches, where it leads. For debuggers on accelerators that run by themselves.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nothing here changes or raises anything. Everything is told as if the instruction did not fault:
 * privilege, limits, CPUID and rights are not looked at. The CPU's state is current. Owner's thread. */
#ifndef GLASSBOX_TARGET_I386_INSN_H
#define GLASSBOX_TARGET_I386_INSN_H

#include "cpu/cpu.h"

/* Instructions that a debugger has to treat by themselves. */
typedef enum X86InsnKind {
    X86_INSN_PLAIN,
    X86_INSN_PUSHF,
    X86_INSN_POPF,
    X86_INSN_IRET,
    X86_INSN_INT,           /* INT n */
    X86_INSN_INT3,          /* the one-byte form */
    X86_INSN_INTO,
    X86_INSN_ICEBP,         /* INT1, F1 */
    X86_INSN_SYSCALL,
    X86_INSN_SYSRET,
    X86_INSN_SYSENTER,
    X86_INSN_SYSEXIT,
    X86_INSN_FAR,           /* far JMP, CALL and RET */
    X86_INSN_STI,
    X86_INSN_CLI,
    X86_INSN_LOAD_SS,       /* MOV SS and POP SS, which hold events for one instruction; not LSS */
    X86_INSN_MOV_DR,
    X86_INSN_HLT,
    X86_INSN_IO,            /* IN, OUT, INS, OUTS */
    X86_INSN_SYSTEM,        /* others that hypervisors execute for their guests: CPUID, RDMSR, MOV CR... */
} X86InsnKind;

/* Memory that an instruction touches, by linear address; outside 64-bit mode it may wrap at 4 GiB. */
typedef struct X86MemRef {
    vaddr_t addr;
    uint32_t size;
    bool read, write;
    bool maybe;             /* any part of it may be left alone: masks, XSAVE's components, ENTER's probe */
    bool stack;             /* by SS */
} X86MemRef;

#define X86_INSN_REFS 8

typedef struct X86Insn {
    X86InsnKind kind;
    uint8_t len;
    uint8_t op_size;        /* operand size in bytes: 1, 2, 4, 8 */
    uint8_t vector;         /* INT, INT3, INTO, ICEBP */
    uint8_t dr, gpr;        /* MOV_DR, as encoded */
    bool dr_write;
    bool rep;               /* a string instruction with a REP prefix: pc stays until its last iteration */
    vaddr_t next;           /* linear pc of what follows it */
    /* Its memory, in no order. Of a REP string instruction: of its next iteration alone; none if the
     * count is 0. False refs_complete: there is or may be more than what is listed, because of
     * segments loaded in protected mode (a descriptor is read, its accessed bit may be written), a
     * transfer through a gate or to another stack, or registers that are not in X86State.
     * Never counted: the fetch, page tables, and the TSS's I/O permissions. */
    unsigned nref;
    X86MemRef ref[X86_INSN_REFS];
    bool refs_complete;
} X86Insn;

/* Decodes what lies in code[0..len) as what lies at the CPU's pc. False: no valid instruction, or
 * more bytes are needed (15 are always enough). */
bool x86_insn_decode(const Cpu *cpu, const uint8_t *code, size_t len, X86Insn *out);

/* The same with the bytes that lie at the CPU's pc. False also if they cannot be read. */
bool x86_insn_at_pc(const Cpu *cpu, X86Insn *out);

/* Linear address at which control arrives if this instruction does not fault: of SYSCALL, SYSRET,
 * SYSENTER, SYSEXIT, IRET, INT, INT3, INTO, ICEBP. False: another kind, it will fault (system calls
 * switched off, non-canonical, no usable gate), what says where cannot be read, or a task switch. */
bool x86_insn_target(const Cpu *cpu, const X86Insn *insn, vaddr_t *linear);

#endif
