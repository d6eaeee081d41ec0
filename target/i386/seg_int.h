/* Inside segmentation: descriptors, stacks and transfers, shared by the seg_*.c files.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything here runs on the vCPU's thread, reads guest memory through tcg_load and may leave by
 * an exception. State is changed only by functions that say so. */
#ifndef GLASSBOX_TARGET_I386_SEG_INT_H
#define GLASSBOX_TARGET_I386_SEG_INT_H

#include "cpu/cpu.h"
#include "target/i386/excp.h"
#include "target/i386/x86.h"

/* The second bits of a system descriptor's type. */
enum {
    X86_SYS_TSS16 = 1, X86_SYS_LDT = 2, X86_SYS_TSS16_BUSY = 3, X86_SYS_CALL16 = 4,
    X86_SYS_TASK_GATE = 5, X86_SYS_INT16 = 6, X86_SYS_TRAP16 = 7, X86_SYS_TSS = 9,
    X86_SYS_TSS_BUSY = 11, X86_SYS_CALL = 12, X86_SYS_INT = 14, X86_SYS_TRAP = 15,
};

/* A descriptor as it lies in memory, and where. */
typedef struct X86Desc {
    uint32_t lo, hi;
    vaddr_t addr;
} X86Desc;

static inline unsigned desc_type(const X86Desc *d)     /* of a system descriptor */
{
    return d->hi >> 8 & 15;
}
static inline unsigned desc_dpl(const X86Desc *d)
{
    return d->hi >> X86_SEG_DPL_SHIFT & 3;
}
static inline bool desc_is_code(const X86Desc *d)
{
    return (d->hi & (X86_SEG_S | X86_SEG_CODE)) == (X86_SEG_S | X86_SEG_CODE);
}
static inline bool desc_is_data(const X86Desc *d)
{
    return (d->hi & (X86_SEG_S | X86_SEG_CODE)) == X86_SEG_S;
}
static inline uint32_t desc_base(const X86Desc *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000u);
}
uint32_t desc_limit(const X86Desc *d);
static inline uint32_t desc_gate_offset(const X86Desc *d)
{
    return (d->hi & 0xffff0000u) | (d->lo & 0xffff);
}
static inline uint32_t desc_gate_sel(const X86Desc *d)
{
    return d->lo >> 16;
}
/* The hidden part of a segment register from a descriptor. */
void desc_to_seg(X86Seg *seg, uint32_t selector, const X86Desc *d);

static inline bool sel_is_null(uint32_t sel)
{
    return (sel & 0xfffc) == 0;
}

/* Reads a selector's descriptor; false if it is beyond its table (or there is no LDT). */
bool desc_fetch(Cpu *cpu, uint32_t sel, X86Desc *d);
/* The same, raising `vector` with the selector. */
void desc_fetch_or_raise(Cpu *cpu, uint32_t sel, X86Desc *d, unsigned vector);
/* The upper 8 bytes of a 16-byte system descriptor: its base's high half. Raises `vector`(sel) if
 * they lie beyond the table or their type field is not zero. */
uint32_t desc_fetch_high(Cpu *cpu, uint32_t sel, const X86Desc *d, unsigned vector);
/* Sets the accessed bit in memory (and in d) if it is clear. */
void desc_set_accessed(Cpu *cpu, X86Desc *d);
/* Marks a TSS descriptor busy or not, in memory. */
void desc_set_busy(Cpu *cpu, X86Desc *d, bool busy);

/* Processor's own access to tables and task states. */
uint64_t sys_load(Cpu *cpu, vaddr_t addr, unsigned size);
void sys_store(Cpu *cpu, vaddr_t addr, unsigned size, uint64_t value);

/* Checks and loads a data or stack segment as a move to the register would: changes it. */
void seg_load(Cpu *cpu, unsigned seg, uint32_t sel);
/* The checks of SS for a stack of privilege `cpl`, raising `vector`(sel); fills seg. */
void seg_check_stack(Cpu *cpu, uint32_t sel, unsigned cpl, unsigned vector, X86Seg *seg);
/* An unusable segment register after a null selector, keeping what 64-bit mode keeps. */
void seg_put_null(X86Seg *seg, uint32_t sel, unsigned dpl);
/* Segment as in real or virtual-8086 mode. */
void seg_put_vm86(X86Seg *seg, uint32_t sel);
/* Real mode: base and selector, the rest stays. */
void seg_put_real(X86Seg *seg, uint32_t sel);
/* Are len bytes from off within the segment's limits? */
bool seg_limit_ok(const X86Seg *seg, uint64_t off, unsigned len);
/* CS from a descriptor with this RPL, and the mode with it: changes the state. */
void seg_put_cs(Cpu *cpu, uint32_t sel, unsigned cpl, const X86Desc *d);
/* A return to an outer level makes data segments of inner levels unusable. */
void seg_drop_inner(X86State *s, unsigned cpl);

/* A stack under work: pushed and popped on a copy of SP, put into the state at the end. */
typedef struct X86Stack {
    Cpu *cpu;
    const X86Seg *ss;       /* NULL: 64-bit, flat */
    uint64_t sp, mask;
    unsigned mmu;
    uint32_t error;         /* of the #SS that it raises */
} X86Stack;
/* The present stack. */
X86Stack stack_now(Cpu *cpu);
void stack_push(X86Stack *st, unsigned size, uint64_t v);
uint64_t stack_pop(X86Stack *st, unsigned size);
/* rsp with this stack's SP in it. */
uint64_t stack_rsp(const X86Stack *st, uint64_t old);

/* Stack pointers of the TSS for an inner level (not 64-bit): #TS if beyond the limit. */
void tss_inner_stack(Cpu *cpu, unsigned cpl, uint32_t *ss, uint32_t *esp);
/* 64-bit TSS: RSPn (slot 0..2) or ISTn (slot 4..10). */
uint64_t tss_stack64(Cpu *cpu, unsigned slot);

/* Hardware task switch. */
typedef enum X86TaskCause { X86_TASK_JMP, X86_TASK_CALL, X86_TASK_IRET, X86_TASK_GATE } X86TaskCause;
/* Switches to the task of a TSS descriptor that has been checked for type and presence; `next` is
 * the rip to be saved. With an error code it is pushed on the new stack. */
void task_switch(Cpu *cpu, uint32_t sel, X86Desc *d, X86TaskCause why, uint64_t next, bool has_error,
                 uint32_t error);
/* Through a task gate or TSS descriptor of a JMP, CALL or event: does the checks, then the above. */
void task_gate(Cpu *cpu, const X86Desc *gate, X86TaskCause why, uint64_t next, bool has_error,
               uint32_t error);
/* IRET with NT set. */
void task_return(Cpu *cpu, uint64_t next);
/* LLDT's checks and effect; vector for what is wrong. */
void ldt_load(Cpu *cpu, uint32_t sel, unsigned vector);

/* Has the state's rip been set by a far transfer to an address beyond its segment? Raises #GP(0). */
void rip_check(Cpu *cpu, const X86Desc *cs, uint64_t rip);

/* INT n in virtual-8086 mode: #GP by IOPL, or (true) done through the 8086 program's own vectors. */
bool x86_vm86_int(Cpu *cpu, unsigned vector, uint64_t next);

/* EFLAGS that a pop may change, by privilege. */
uint32_t flags_mask(const X86State *s, unsigned cpl, unsigned size);
/* Changes flags by mask, and the mode. */
void flags_put(Cpu *cpu, uint64_t value, uint32_t mask);

#endif
