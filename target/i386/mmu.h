/* Paging: the walk of the page tables, with and without side effects.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_MMU_H
#define GLASSBOX_TARGET_I386_MMU_H

#include "cpu/cpu.h"
#include "target/i386/state.h"

/* Bits that a physical address in a page-table entry must not have: up to bit 51, up to bit 63. */
uint64_t x86_phys_reserved(const X86State *s);
uint64_t x86_phys_reserved_all(const X86State *s);

/* How the walk reads page tables. */
typedef struct X86WalkMem {
    void *opaque;
    uint64_t (*load)(void *opaque, paddr_t at, unsigned size);
} X86WalkMem;

/* What a walk found: the entries, the rights they give together, the size of the mapping. */
typedef struct X86Walk {
    unsigned n, size;           /* entries read, and their size in bytes */
    paddr_t at[4];
    uint64_t entry[4];
    bool present, reserved;     /* reserved: present, but with reserved bits set */
    bool user, write, nx, global, dirty;
    uint8_t bits;               /* page size; without present: what the empty entry would cover */
    paddr_t phys;
} X86Walk;

/* Walks for a linear address, by the state's control registers; no side effects. Paging off is a
 * mapping of everything to itself. The address is canonical. Pure but for mem->load. */
void x86_walk(const X86State *s, const X86WalkMem *mem, vaddr_t va, X86Walk *w);

/* The same on a CPU's own memory, as a debugger looks. Owner's thread. */
void x86_walk_peek(const Cpu *cpu, vaddr_t va, X86Walk *w);

typedef enum X86MmuAccess { X86_ACCESS_READ, X86_ACCESS_WRITE, X86_ACCESS_FETCH } X86MmuAccess;
/* May an access in this MMU context (X86_MMU_*) be made by this walk? If not, *error is the page
 * fault's error code. */
bool x86_walk_allows(const X86State *s, const X86Walk *w, X86MmuAccess access, unsigned mmu,
                     uint32_t *error);

/* CpuClass.translate. Owner's thread. */
bool x86_translate(const Cpu *cpu, vaddr_t va, Translation *t);
/* Copies code or data by virtual address for decoding, without side effects; returns how many
 * bytes could be read. Owner's thread. */
unsigned x86_peek(const Cpu *cpu, vaddr_t va, void *buf, unsigned len);

#endif
