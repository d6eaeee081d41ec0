/* Word header: the register table. One row per register drives the target description, the
 * packets, `info registers`, expressions and tests.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_CPU_REGS_H
#define GLASSBOX_CPU_REGS_H

#include <glib.h>
#include "util/types.h"

typedef struct Cpu Cpu;
typedef struct RegDesc RegDesc;

/* How the bits are to be understood. */
typedef enum RegType {
    REG_INT,            /* an unsigned integer of `bits` */
    REG_CODE_PTR,       /* address of code */
    REG_DATA_PTR,       /* address of data */
    REG_FLOAT,          /* IEEE binary32, binary64 or x87 extended, by `bits` */
    REG_VECTOR,         /* bytes of a vector register; ftype says the union */
    REG_FLAGS,          /* bit fields, ftype names the flags type in types_xml */
} RegType;

/* RegDesc.flags */
enum {
    REG_F_READONLY = 1, /* writing is refused with a reason, by everyone */
    REG_F_EXPEDITE = 2, /* told with every stop (pc, sp, fp, flags) */
    REG_F_IN_G = 4,     /* in the g packet: what gdb's ABI code needs; the rest by p */
    REG_F_HIDDEN = 8,   /* readable by name, but in no target description */
    REG_F_NO_SAVE = 16, /* save-restore="no": gdb must not save it around a call of a function */
};

/* Which parts of the state an accelerator has to fetch before a row can be read. */
typedef uint32_t RegGroups;
enum {
    REGS_GENERAL = 1,   /* integer registers, pc, flags */
    REGS_SYSTEM = 2,    /* segments, control registers, descriptor tables, paging */
    REGS_FLOAT = 4,     /* x87, MMX */
    REGS_VECTOR = 8,    /* SSE, AVX */
    REGS_DEBUG = 16,    /* debug registers */
    REGS_MSR = 32,      /* model-specific registers */
    REGS_EVENTS = 64,   /* pending interrupts and exceptions, power state, local APIC */
    REGS_ALL = 127,
};

#define REG_NUM_AUTO 0xffff     /* RegDesc.gdbnum: the number after the row before it */
#define REG_MAX_BYTES 64        /* the widest register: 512 bits */

struct RegDesc {
    const char *name;
    uint16_t bits;
    uint8_t type;               /* RegType */
    uint8_t flags;              /* REG_F_* */
    uint16_t gdbnum;            /* REG_NUM_AUTO, or fixed where a protocol demands it */
    uint32_t off;               /* from env, when get is NULL */
    uint8_t size;               /* bytes stored at off; fewer or more than `bits` is cut or
                                   zero-extended */
    uint8_t fetch;              /* REGS_* bits; 0 means REGS_GENERAL */
    const char *group;          /* gdb's and LLDB's register set: "general", "float", ... */
    const char *ftype;          /* type's name in the description; NULL: by `type` and `bits` */
    const char *generic;        /* LLDB: "pc", "sp", "fp", "flags", "arg1"...; else NULL */
    const char *altname;        /* LLDB: other name; else NULL */
    int16_t dwarf, ehframe;     /* numbers plus one; 0: none */
    uint64_t arg;               /* for get and set: an MSR's number, an index */
    /* Both or none. Values are little endian, (bits + 7) / 8 bytes. set may refuse with a
     * reason; then nothing was changed. */
    void (*get)(const Cpu *cpu, const RegDesc *r, uint8_t *le);
    bool (*set)(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp);
};

typedef struct RegFeature {
    const char *name;           /* "org.gnu.gdb.i386.core" */
    const char *types_xml;      /* <vector>, <union>, <flags> elements of it; NULL: none */
    const RegDesc *regs;
    unsigned n;
    bool (*present)(const Cpu *cpu);    /* NULL: always. Fixed for the CPU's whole life. */
} RegFeature;

typedef struct RegSet {
    const char *arch;           /* <architecture> of the description: "i386:x86-64" */
    const RegFeature *const *features;  /* ends with NULL */
} RegSet;

/* Bytes a register's value takes in packets and buffers. */
static inline unsigned reg_bytes(const RegDesc *r)
{
    return (r->bits + 7u) / 8u;
}

/* Reads a register into le[reg_bytes(r)]. The caller owns the CPU's state: it is the vCPU's
 * thread, or the control thread while the CPU is parked, and the row's groups are fetched. */
void reg_read(const Cpu *cpu, const RegDesc *r, uint8_t *le);
/* Writes it. False with a reason when the register is read-only or the target refuses. */
bool reg_write(Cpu *cpu, const RegDesc *r, const uint8_t *le, GError **errp);
/* The low 64 bits of a register. */
uint64_t reg_read_u64(const Cpu *cpu, const RegDesc *r);

/* The registers a CPU has, numbered: rows of the present features in order. */
typedef struct RegLayout RegLayout;

/* Makes the layout of a CPU for a register set (normally cpu_regs(cpu)). Free with
 * reg_layout_free. Numbers must not clash: asserted. */
RegLayout *reg_layout_new(const Cpu *cpu, const RegSet *set);
void reg_layout_free(RegLayout *l);
const RegSet *reg_layout_set(const RegLayout *l);
/* One more than the highest number. Numbers in between may be unused. */
unsigned reg_layout_count(const RegLayout *l);
/* NULL for a number not in use. */
const RegDesc *reg_layout_get(const RegLayout *l, unsigned num);
/* The feature a number belongs to; NULL for a number not in use. */
const RegFeature *reg_layout_feature(const RegLayout *l, unsigned num);
/* By name or altname, without a leading $. Returns -1 when there is none. */
int reg_layout_find(const RegLayout *l, const char *name);

#endif
