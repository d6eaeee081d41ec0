/* The plug of the JIT: what a target provides so that its instructions can be translated and run.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_FRONTEND_H
#define GLASSBOX_ACCEL_TCG_FRONTEND_H

#include "accel/tcg/ir.h"
#include "accel/accel.h"
#include "cpu/cpu.h"

typedef enum TcgAccess { TCG_LOAD, TCG_STORE, TCG_FETCH } TcgAccess;

/* Why generated code came back to the execution loop (IR_EXIT's imm). The state's pc is right in all cases. */
typedef enum TcgExit {
    TCG_EXIT_NEXT,          /* go on with the block for the state's pc and mode (also: mode or mapping changed) */
    TCG_EXIT_REQUEST,       /* something wants attention: interrupts, kick, work */
    TCG_EXIT_BUDGET,        /* the instruction budget ran out */
    TCG_EXIT_HALT,          /* the CPU sleeps until an interrupt */
    TCG_EXIT_POINT,         /* an exec point at the state's pc */
    TCG_EXIT_YIELD,         /* the guest spins (PAUSE): give others the host core */
} TcgExit;

/* Bit of TcgTranslate.mode: instructions are counted, and every iteration of a REP instruction is one. */
#define TCG_MODE_COUNTED (1ull << 32)

/* A block being translated. The generic translator calls the front end once an instruction. */
typedef struct TcgTranslate {
    IrBlock *ir;
    Cpu *cpu;               /* read only: CPUID and the like; what matters must be in mode */
    uint64_t mode;          /* the block's key beside its pc */
    vaddr_t pc;             /* of the instruction to translate */
    vaddr_t first_pc;       /* of the block */
    unsigned ninsns;        /* already in the block */
    bool single;            /* the block is one instruction long (step, careful access): REP does one iteration */
    const uint8_t *bytes;   /* at pc */
    unsigned nbytes;        /* how many can be read: fewer than a whole instruction only at an unreadable page */
    uint64_t own[4];        /* the front end's own between the instructions of a block; zero at its first */
} TcgTranslate;

typedef enum TcgNext {
    TCG_NEXT_GO,            /* the block goes on at pc + *len */
    TCG_NEXT_END,           /* it ended: an exit was built */
    TCG_NEXT_SHORT,         /* nbytes do not hold a whole instruction: nothing was built. The translator ends the
                               block before it, or raises the fetch fault if it is the first. */
} TcgNext;

/* What a page walk found. */
typedef struct TcgPage {
    paddr_t phys;           /* of the byte asked for */
    bool write;             /* may be written without another walk (dirty bit set already) */
    bool exec;
    bool global;
    uint8_t page_bits;      /* the size of the mapping: 12, 21, 22, 30 */
} TcgPage;

/* Data points of the guest's own debug registers, per vCPU. */
typedef struct TcgGuestWatch { vaddr_t addr; uint32_t len; bool on_read, on_write; uint8_t tag; } TcgGuestWatch;

typedef struct TcgFrontend {
    const IrGlobal *globals;
    unsigned nglobals;
    unsigned nmmu;                      /* MMU contexts: at most TCG_MAX_MMU */
    uint32_t pc_offset;                 /* of the pc in env: 64 bits */
    uint32_t mode_offset;               /* of the 32-bit mode word in env (the block key) */
    uint32_t fp_control_offset;         /* 32-bit SSE-like control word that the host loads while guest code runs,
                                           or 0 */
    unsigned max_insn_bytes;
    /* The virtual address that the block's pc is fetched from (x86: CS.base + rip). */
    vaddr_t (*fetch_addr)(const Cpu *, vaddr_t pc);
    unsigned (*fetch_mmu)(uint64_t mode);
    TcgNext (*insn)(TcgTranslate *, unsigned *len);
    /* Ends a block that was cut at pc (too long, page end, point): builds the exit to pc. */
    void (*end)(TcgTranslate *, vaddr_t pc);
    /* Walks the page tables with their side effects (accessed, dirty). False: the exception is in the state,
     * for tcg_raise(). */
    bool (*page)(Cpu *, vaddr_t, TcgAccess, unsigned mmu, TcgPage *);
    /* An access not aligned as MO_ALIGN asks: sets the exception. */
    void (*misaligned)(Cpu *, vaddr_t, TcgAccess, unsigned mmu);
    /* Delivers the exception that is in the state, or an interrupt that is pending and open. All run on the
     * vCPU's thread outside generated code, may themselves raise. */
    void (*deliver)(Cpu *);             /* exception in the state; VcpuExit for a triple fault by tcg_exit() */
    bool (*interrupt)(Cpu *, bool hold);   /* takes one if open (and not held by the debugger); true if it did */
    /* A debugger moved the pc while the exception or interrupt in the state was told as an event
     * (tcg_event_pending): forgets it if it belongs to the instruction where the pc was. True: it is
     * still to be delivered. */
    bool (*moved)(Cpu *);
    /* A guest data watch hit at the end of an instruction: the tags that were hit, as a bit mask. */
    void (*guest_watch)(Cpu *, uint32_t tags);
    /* Called when an instruction run by the debugger's step has ended and no exception is pending. */
    void (*step_done)(Cpu *);
} TcgFrontend;

#define TCG_MAX_MMU 4

/* --- What the JIT offers to a target's helpers; all on the vCPU's thread. --- */

/* Leaves the running instruction: the exception is in the state, the pc is that of the instruction (helpers
 * called with IR_CALL_RAISES have it in the state). Never returns. */
void tcg_raise(Cpu *) __attribute__((noreturn));
/* Leaves to the execution loop with the state as it is. Never returns. */
void tcg_leave(Cpu *, TcgExit) __attribute__((noreturn));
/* Ends vcpu_run with this exit (triple fault, shutdown) after the instruction. Never returns. */
void tcg_exit(Cpu *, const VcpuExit *) __attribute__((noreturn));

/* Events that a debugger may have points for. Cheap when it has none of this kind. */
static inline bool tcg_event_wanted(const Cpu *cpu, PointKind kind)
{
    return cpu->events >> kind & 1;
}
/* The running instruction is about to do this, and has changed nothing yet: if a point asks for it,
 * ends vcpu_run. The instruction is begun again later, and passes here then. The pc in the state is
 * the instruction's. */
void tcg_event(Cpu *, const DebugEvent *);
/* The same of the exception or interrupt in the state: `deliver` is called again. */
void tcg_event_pending(Cpu *, const DebugEvent *);
/* The running instruction is about to do something that is told when it has ended: true if a point
 * asks for it. If it does not run alone yet, it is begun again so. Call tcg_event_done with the
 * details when it is done. */
bool tcg_event_expected(Cpu *, const DebugEvent *);
void tcg_event_done(Cpu *, const DebugEvent *);

/* Guest memory by virtual address, as the instruction under way would access it: they raise. */
uint64_t tcg_load(Cpu *, vaddr_t, unsigned mop, unsigned mmu);
void tcg_store(Cpu *, vaddr_t, uint64_t value, unsigned mop, unsigned mmu);
void tcg_load_bytes(Cpu *, vaddr_t, void *, unsigned len, unsigned mmu);
void tcg_store_bytes(Cpu *, vaddr_t, const void *, unsigned len, unsigned mmu);
/* Raises what a write of len bytes would raise, writes nothing (for instructions with several stores). */
void tcg_probe_write(Cpu *, vaddr_t, unsigned len, unsigned mmu);
/* Host address for at least one byte and at most *len bytes of the page, or NULL if it must be accessed piece
 * by piece (device, watched, code); *len is cut to what is usable. Raises. For string instructions. */
void *tcg_host(Cpu *, vaddr_t, unsigned *len, TcgAccess, unsigned mmu);
/* Physical memory, for page tables and descriptor reads by the walk: no debug points, no exceptions. */
uint64_t tcg_phys_load(Cpu *, paddr_t, unsigned size);
/* Atomic compare-and-swap in a page-table entry; false if it changed meanwhile. */
bool tcg_phys_cas(Cpu *, paddr_t, unsigned size, uint64_t expect, uint64_t value);

/* I/O ports (or any second address space). They take the VM lock. */
uint64_t tcg_io_load(Cpu *, uint32_t port, unsigned size);
void tcg_io_store(Cpu *, uint32_t port, unsigned size, uint64_t value);

/* The TLB of this vCPU. Flushing also forgets the virtual pc lookups. */
void tcg_tlb_flush(Cpu *, bool keep_global);
void tcg_tlb_flush_page(Cpu *, vaddr_t);
/* After a write of the floating-point control word: loads it into the host. */
void tcg_fp_control_changed(Cpu *);
/* Reads the accumulated exception flags back into the state's control word. */
void tcg_fp_control_sync(Cpu *);
/* The guest's own data watches, whole set; replaces the earlier one. */
void tcg_guest_watch_set(Cpu *, const TcgGuestWatch *, unsigned n);
/* Takes the tags of guest watches that the present instruction has hit so far, for a trap that reports them
 * together with something else. */
uint32_t tcg_guest_hits_take(Cpu *);
/* True in an instruction that runs alone because the debugger or guest TF wants it so. */
bool tcg_in_single(const Cpu *);
/* Stops all other vCPUs until tcg_exclusive_end(): for locked accesses that cross pages or lie in devices. */
void tcg_exclusive_begin(Cpu *);
void tcg_exclusive_end(Cpu *);

#endif
