/* Inside the JIT: what all vCPUs of a machine share.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_TCG_STATE_H
#define GLASSBOX_ACCEL_TCG_TCG_STATE_H

#include "accel/tcg/tcg_int.h"

#define TCG_HASH_BITS 16
#define TCG_HASH_SIZE (1u << TCG_HASH_BITS)
#define TCG_VIRT_SIZE 4096u
#define TCG_MAX_BLOCKS 400000u  /* then everything is thrown away */

/* Where a block's bytes come from. */
typedef struct TcgSource {
    vaddr_t va;                 /* fetch address of the first instruction */
    paddr_t page[2];            /* physical pages; [1] only if the first instruction reaches into it */
    unsigned n;                 /* readable from va */
    uint8_t bytes[TCG_PAGE_SIZE + 64];
} TcgSource;

typedef struct TcgState {
    struct Vm *vm;
    const TcgBackend *backend;
    void *backend_data;
    const TcgFrontend *fe;
    uint64_t code_size;         /* bytes of host code to reserve */

    /* Blocks: lookups read without the lock; everything else is under it. */
    Mutex lock;
    Mutex guard_lock;           /* held while a page is being guarded; taken before lock */
    TcgBlock *hash[TCG_HASH_SIZE];
    GHashTable *pages;          /* physical page number -> TcgCodePage */
    GPtrArray *dead;            /* dropped blocks, freed with the next flush: someone may still be in them */
    IrBlock *ir;                /* the translator's, under the lock */
    TcgSource source;           /* the same */
    GPtrArray *limbo;           /* those of the last flush */
    uint64_t nblocks;

    TcgBlock *virt[TCG_VIRT_SIZE];  /* by virtual page of the first byte, for exec points */
    uint64_t flushes;           /* [atomic] counts blocks_flush: block pointers from before are void */

    /* Exclusive sections: no vCPU but the owner is in generated code or a helper. */
    Mutex exclusive;            /* held by the one who has it */
    Mutex gate_lock;
    Cond gate;
    uint32_t closed;            /* [atomic] vCPUs must not enter generated code */

    const DebugPlan *plan;
    GHashTable *exec_virt, *exec_phys;  /* addresses of exec points */
    GPtrArray *event_rows;      /* the plan's rows of events */
} TcgState;

/* All code of one physical page. */
typedef struct TcgCodePage {
    paddr_t page;
    TcgBlock *first;            /* chained by page_next[] of the slot that names this page */
    uint64_t lines;             /* bit n: 64-byte line n has (or had) code */
    bool guarded;               /* every write to it is noticed: blocks may be made */
} TcgCodePage;

static inline TcgState *tcg_state(const Cpu *cpu)
{
    return tcg_cpu(cpu)->tcg;
}

#endif
