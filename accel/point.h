/* Word header: what a debug point is, for everyone from the front ends to the executors.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_POINT_H
#define GLASSBOX_ACCEL_POINT_H

#include "util/types.h"

/* What makes a point hit. From POINT_EXCEPTION on it is an event, not a place in memory: addr is
 * the first number (vector, MSR, port, control register) and len how many of them. */
typedef enum PointKind {
    POINT_EXEC,         /* an instruction that begins at addr is about to be executed */
    POINT_WRITE,        /* a byte of addr..addr+len is written */
    POINT_READ,         /* ... read */
    POINT_ACCESS,       /* ... read or written */
    POINT_EXCEPTION,    /* a CPU exception is about to be delivered: vectors */
    POINT_INTERRUPT,    /* an external or software interrupt is about to be delivered: vectors */
    POINT_MSR,          /* MSR access: numbers, by rw */
    POINT_CR,           /* control register about to be written: numbers */
    POINT_IO,           /* port access: ports, by rw */
    POINT_ASPACE,       /* the page-table root changed */
    POINT_MODE,         /* the CPU's mode or privilege changed */
    POINT_TRIPLE,       /* triple fault */
    POINT_RESET,        /* the machine is about to be reset */
    POINT_KINDS
} PointKind;

static inline bool point_kind_is_data(PointKind k)
{
    return k >= POINT_WRITE && k <= POINT_ACCESS;
}

static inline bool point_kind_is_event(PointKind k)
{
    return k >= POINT_EXCEPTION;
}

/* Have addr and len a meaning? The others are events without a number: addr 0, len 1. */
static inline bool point_kind_has_number(PointKind k)
{
    return k < POINT_ASPACE;
}

/* Is a hit void when a debugger then moves the pc away, because it belongs to the instruction
 * there? */
static inline bool point_kind_at_insn(PointKind k)
{
    return k == POINT_EXEC || (k >= POINT_EXCEPTION && k <= POINT_IO && k != POINT_INTERRUPT);
}

enum { POINT_RW_READ = 1, POINT_RW_WRITE = 2 };     /* PlanPoint.rw: which accesses count */

typedef enum AddrKind { ADDR_VIRT, ADDR_PHYS } AddrKind;

/* What realises a location. */
typedef enum Backing {
    BACKING_NATIVE,     /* the executor knows points of its own (TCG): unlimited, exact */
    BACKING_SLOT,       /* a debug register of the host's CPU */
    BACKING_PATCH,      /* a breakpoint instruction in guest memory, by physical address */
    BACKING_PROTECT,    /* write-protected pages */
    BACKING_CORE,       /* nothing to arm: the machine's core sees the event itself */
} Backing;

/* Where a point counts. All zero: everywhere. */
typedef struct Scope {
    uint64_t cpus;      /* bit per vCPU index; 0: all */
    uint64_t aspace;    /* page-table root, as CpuClass.address_space gives it */
    bool by_aspace;     /* ... counts only there */
    uint8_t levels;     /* bit per privilege level; 0: all */
} Scope;

/* Condition, ignore count and commands of a location: opaque here. Executors report each hit;
 * the run loop asks the debug core, on the vCPU's thread, whether the hit passes. */
typedef struct Filter Filter;

const char *point_kind_name(PointKind k);       /* "exec", "write", ... */
const char *backing_name(Backing b);

#endif
