/* Inside the JIT: per-vCPU data that generated code reaches, translated blocks, and the backend's contract.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_TCG_INT_H
#define GLASSBOX_ACCEL_TCG_TCG_INT_H

#include <setjmp.h>

#include "accel/accel.h"
#include "accel/tcg/frontend.h"
#include "mem/mem.h"
#include "util/thread.h"

/* --- Software TLB --- */
#define TCG_PAGE_BITS 12
#define TCG_PAGE_SIZE (1ull << TCG_PAGE_BITS)
#define TCG_PAGE_MASK (~(TCG_PAGE_SIZE - 1))
#define TCG_TLB_BITS 10
#define TCG_TLB_SIZE (1u << TCG_TLB_BITS)

/* A tag is the page's virtual address plus flags in its low 12 bits; any flag makes the inline comparison
 * with the bare page address fail. An empty tag is all ones. Bits 0..3 are never flags: a comparison that asks
 * for alignment keeps those of the address. */
#define TCG_TLB_SLOW 0x400ull       /* device, ROM being written, code in the page, misfit: C decides */
#define TCG_TLB_WATCH 0x800ull      /* data points in the page: generated code may test where */

/* Where data points lie in a page: a byte for each 8 bytes, not zero where one does; 8 more that are zero, so that
 * neighbours can be tested together. With what else an access wants to know, in one place. */
typedef struct TcgWatchPage {
    uint64_t addend;            /* as in the TLB entry */
    uint8_t map[TCG_PAGE_SIZE / 8 + 8];
} TcgWatchPage;

typedef struct TcgTlbEntry {
    uint64_t read, write;       /* tags */
    uint64_t addend;            /* host address minus guest virtual address (RAM only) */
    const TcgWatchPage *watch;  /* with TCG_TLB_WATCH */
} TcgTlbEntry;                  /* 32 bytes: the index scales by a shift of 5 */

/* What C knows of the same entry. */
typedef struct TcgTlbInfo {
    uint64_t exec;              /* tag for fetches */
    paddr_t phys;               /* of the page */
    bool global;
    uint8_t *flags;             /* the RAM page's flags, or NULL */
} TcgTlbInfo;

/* Virtual pc to block, for indirect jumps. */
#define TCG_JC_BITS 12
#define TCG_JC_SIZE (1u << TCG_JC_BITS)
typedef struct TcgJumpEntry {
    vaddr_t pc;
    uint64_t mode;              /* 0 with pc all ones: empty */
    const void *code;           /* host entry, or the interpreter's block */
    struct TcgBlock *block;
} TcgJumpEntry;                 /* 32 bytes */
/* Index of a pc; backends compute the same: (pc ^ (pc >> TCG_JC_BITS)) & (TCG_JC_SIZE - 1). */
static inline unsigned tcg_jc_index(vaddr_t pc)
{
    return (pc ^ (pc >> TCG_JC_BITS)) & (TCG_JC_SIZE - 1);
}

/* What is between an event's telling and its course (events.c). */
#define TCG_EVENTS 4
typedef struct TcgEvents {
    vaddr_t pc;                 /* where the events below were told: void elsewhere */
    unsigned ntold, nlate;
    DebugEvent told[TCG_EVENTS];    /* by the instruction at pc, or the exception in the state:
                                       they may pass */
    DebugEvent late[TCG_EVENTS];    /* have happened and are still to be told */
    bool deliver;               /* the exception in the state was told, not delivered yet */
    uint64_t mode, aspace;      /* as last seen */
} TcgEvents;

/* --- Per-vCPU data (AccelOps' part of the Cpu allocation, before env) --- */
typedef struct TcgCpu {
    TcgTlbEntry tlb[TCG_MAX_MMU][TCG_TLB_SIZE];
    TcgJumpEntry jump[TCG_JC_SIZE];
    uint64_t jump_used[TCG_JC_SIZE / 64];       /* entries that may hold something: bit by index */
    uint64_t jump_global[TCG_JC_SIZE / 64];     /* of them, on a page whose mapping is global */
    uint64_t jump_pages[TCG_JC_SIZE / 64];      /* pages that entries lie on: bit by the page number's low bits */
    TcgTlbInfo tlb_info[TCG_MAX_MMU][TCG_TLB_SIZE];

    int32_t budget;             /* instructions left, in counted mode */
    uint32_t host_fp_control;   /* of C code on this thread, while the guest's is loaded */
    bool guest_fp;              /* the guest's is loaded */
    uint32_t in_code;           /* 1 while this thread may be in generated code (atomic) */
    uint64_t slow_pc;           /* pc of the instruction in a slow path or raising helper */

    Mutex tlb_lock;             /* entries are written under it; generated code reads without */
    Cpu *cpu;
    struct TcgState *tcg;
    struct TcgBlock *current;   /* the block being run, where known (interpreter: always) */
    sigjmp_buf unwind;          /* where tcg_raise() and friends go */
    int leave;                  /* TcgExit for tcg_leave() */
    bool careful;               /* running a one-instruction block in which watch hits are recorded */
    bool step, mask_irq;        /* the debugger steps; and holds interrupts */
    bool has_watch;             /* some data point is armed */
    bool exclusive;             /* between tcg_exclusive_begin and _end */
    bool was_in_code;           /* ... and was in generated code before */
    bool delivering;            /* an exception is being delivered */
    vaddr_t fetch_base;         /* that the jump entries are for */
    vaddr_t large_first, large_last;    /* where entries of pages beyond 4 KiB may lie */
    VcpuExit exit;              /* being collected: hits of this instruction */
    bool exit_valid;
    TcgEvents events;
    uint32_t guest_hits;        /* tags of guest watches hit */
    TcgGuestWatch guest_watch[8];
    unsigned nguest_watch;
    GPtrArray *watched;         /* the maps that TLB entries point at */
    uint64_t ninsns;            /* executed in counted mode */
    V128 frame[IR_MAX_VALUES];  /* the interpreter's values */
} TcgCpu;

static inline TcgCpu *tcg_cpu(const Cpu *cpu)
{
    return (TcgCpu *)cpu->accel;
}
/* Offset from env of Cpu.attn: generated code leaves at block entry when it is not zero. */
#define TCG_ATTN_OFFSET ((int64_t)offsetof(Cpu, attn) - (int64_t)CPU_ENV_OFFSET)
/* Offset from env of a field of TcgCpu; the same for every vCPU of a machine. */
#define TCG_ENV_OFFSET(cpu, field) \
    ((int64_t)((char *)(cpu)->accel - (char *)(cpu)->env) + (int64_t)offsetof(TcgCpu, field))

/* --- Blocks --- */
/* Bits of the key above the target's 32 mode bits, beside TCG_MODE_COUNTED (frontend.h). */
#define TCG_MODE_SINGLE (1ull << 33)    /* one instruction: steps, careful accesses */
#define TCG_MODE_NOPOINT (1ull << 34)   /* exec points are not built in (the one at pc is being skipped) */
#define TCG_MAX_INSNS 512
#define TCG_NO_PAGE (~0ull)

typedef struct TcgBlock {
    vaddr_t pc;
    uint64_t mode;
    paddr_t phys;               /* of the first byte */
    paddr_t page[2];            /* the physical pages it was made from; [1] may be TCG_NO_PAGE */
    uint32_t size;              /* bytes of guest code */
    uint16_t ninsns;
    bool invalid;               /* unlinked; waits to be freed */
    bool has_point;
    const void *code;           /* host entry point (JIT), or NULL */
    uint32_t code_size;
    void *interp;               /* the interpreter's form, or NULL */
    /* Direct jumps: slot n leaves to the block jump[n] when that is linked. */
    void *patch[2];             /* backend's place to patch, or NULL where the slot is unused */
    const void *unlinked[2];    /* backend's own: where the jump goes when not linked */
    vaddr_t jump_pc[2];         /* where the slot goes; the translator's */
    struct TcgBlock *jump[2];
    uintptr_t in_list;          /* blocks linked to this one: block pointer | slot; 0 ends the list */
    uintptr_t in_next[2];       /* next in the list that jump[n]'s target heads */
    struct TcgBlock *hash_next;
    struct TcgBlock *page_next[2];  /* other blocks of page[n] */
    struct TcgBlock *virt_next, **virt_prev;    /* blocks of the same virtual page, more or less */
    vaddr_t base;               /* fetch address minus pc */
    uint16_t *insn_at;          /* offset of each instruction from pc; counted blocks only */
} TcgBlock;

/* --- Backend --- */
/* What run() returns: a TcgExit, and for an unlinked direct jump also which slot of which block it was. */
typedef struct TcgRunResult {
    TcgExit why;
    TcgBlock *from;             /* unlinked JUMP: the block, else NULL */
    unsigned slot;
} TcgRunResult;

typedef struct TcgBackend {
    const char *name;
    /* Once for the machine, before any vCPU runs; cpu is any of its vCPUs (for offsets). */
    bool (*init)(struct TcgState *, const Cpu *cpu, GError **);
    void (*fini)(struct TcgState *);
    /* Makes code for an analysed block. Called under the translation lock. False: the code buffer is full (the
     * caller empties it and tries again). Fills code, code_size, patch[]. */
    bool (*compile)(struct TcgState *, const Cpu *cpu, const IrBlock *, TcgBlock *);
    /* Frees what compile hung on the block besides code in the buffer. May be NULL. */
    void (*block_free)(TcgBlock *);
    /* Runs from this block on until something leaves. On the vCPU's thread; may be left by siglongjmp. The
     * caller has loaded the guest's floating-point control into the host, and takes it out again. */
    TcgRunResult (*run)(Cpu *, TcgBlock *);
    /* Makes slot of `from` jump to `to` straight, or back to its unlinked exit (to = NULL): one aligned atomic
     * store, while other threads may be running `from`. */
    void (*link)(TcgBlock *from, unsigned slot, TcgBlock *to);
    /* Forgets all code. No vCPU is in generated code. */
    void (*reset)(struct TcgState *);
    /* Host code as text, for -d out_asm. */
    void (*disas)(const TcgBlock *, GString *out);
} TcgBackend;
extern const TcgBackend tcg_backend_interp;
extern const TcgBackend tcg_backend_native;     /* of the host; a null table (name NULL) where there is none */
extern const TcgBackend tcg_backend_plain;      /* the same without the host's optional instructions: for tests */

/* --- Slow paths that backends call (their `env` is the target state of the vCPU) --- */
/* All store pc as the instruction's pc, perform the access with all checks, and may leave by siglongjmp.
 * Integer loads return the value extended as mop says. 128-bit accesses and MO_VEC go through *v. */
uint64_t tcg_slow_load(void *env, uint64_t addr, uint32_t mop_mmu, uint64_t pc);
void tcg_slow_store(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu, uint64_t pc);
void tcg_slow_load_v(void *env, uint64_t addr, V128 *v, uint32_t mop_mmu, uint64_t pc);
void tcg_slow_store_v(void *env, uint64_t addr, const V128 *v, uint32_t mop_mmu, uint64_t pc);
/* cond = IrAmo; returns the old value. */
uint64_t tcg_slow_amo(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu_amo, uint64_t pc);
uint64_t tcg_slow_cas(void *env, uint64_t addr, uint64_t expect, uint64_t value, uint32_t mop_mmu, uint64_t pc);
#define TCG_MOP_MMU(mop, mmu) ((uint32_t)(mop) | (uint32_t)(mmu) << 16)
/* In tcg_slow_amo the IrAmo is in bits 24..31. */
/* For an indirect jump that missed the jump entries: the code of a known block for the state's pc and this mode
 * (now also in the entries), or NULL: leave with TCG_EXIT_NEXT. Never raises. */
const void *tcg_code_find(void *env, uint64_t mode);

/* Vector operations in C: the interpreter's, and the backend's where it has no instruction. */
typedef void VecFn(V128 *d, const V128 *a, const V128 *b, unsigned imm8);
typedef uint64_t VecToIntFn(const V128 *a, const V128 *b, unsigned imm8);
typedef void VecFromIntFn(V128 *d, const V128 *a, uint64_t x, unsigned imm8);
typedef struct VecOpImpl { const char *name; VecFn *v; VecToIntFn *vi; VecFromIntFn *iv; } VecOpImpl;
extern const VecOpImpl vec_op_impl[VOP_NUM];

#endif
