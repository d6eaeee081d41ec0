/* The unwind tables of x86-64 Linux kernels.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stock kernels have neither frame pointers nor DWARF. For every range of code ORC tells how to
 * find the caller's stack pointer, frame pointer and return address, through exceptions, interrupts
 * and stack switches too. Two tables lie beside each other: the ranges' starts, as 32-bit offsets
 * from the place of the number itself, and six bytes for each: two offsets, two register numbers
 * and a kind. The kernel's build sorts them.
 *
 * Kinds counted from another start before 6.4 (0: call, 1: all registers saved, 2: only those of
 * the interrupt frame). Which way a table counts shows in what most of its entries are: calls. */
#include "symbols/elf_int.h"
#include "symbols/unwind_int.h"

#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"

#define ENTRY_BYTES 6u

/* DWARF numbers of x86-64. */
enum { DW_RDX = 1, DW_RDI = 5, DW_RBP = 6, DW_RSP = 7, DW_R10 = 10, DW_R13 = 13, DW_RIP = 16 };

/* Base registers, as the tables count them. */
enum { BASE_UNDEFINED, BASE_PREV_SP, BASE_DX, BASE_DI, BASE_BP, BASE_SP, BASE_R10, BASE_R13,
       BASE_BP_INDIRECT, BASE_SP_INDIRECT, BASES };

static const uint8_t base_dwarf[BASES] = {
    [BASE_DX] = DW_RDX, [BASE_DI] = DW_RDI, [BASE_BP] = DW_RBP, [BASE_SP] = DW_RSP,
    [BASE_R10] = DW_R10, [BASE_R13] = DW_R13, [BASE_BP_INDIRECT] = DW_RBP,
    [BASE_SP_INDIRECT] = DW_RSP,
};

typedef enum OrcKind { ORC_STOP, ORC_CALL, ORC_REGS, ORC_PARTIAL } OrcKind;

static const uint8_t kinds_old[8] = { ORC_CALL, ORC_REGS, ORC_PARTIAL };
static const uint8_t kinds_new[8] = { ORC_STOP, ORC_STOP, ORC_CALL, ORC_REGS, ORC_PARTIAL };
#define KIND_MASK_OLD 3u
#define KIND_MASK_NEW 7u

/* What an exception saves, in memory order, by DWARF number; 255: not a register. The last five are
 * there in any case. */
#define SAVED 21u
#define SAVED_PARTIAL 16u
static const uint8_t saved_dwarf[SAVED] = {
    15, 14, 13, 12, DW_RBP, 3, 11, 10, 9, 8, 0, 2, 1, 4, 5, 255, DW_RIP, 255, 255, DW_RSP, 255,
};

typedef struct OrcEntry {
    uint64_t start;
    int16_t sp_offset, bp_offset;
    uint16_t word;
} OrcEntry;

struct SymOrc {
    uint64_t low, high;
    bool old;
    size_t n;
    OrcEntry *entry;
};

/* ---- reading the tables ---- */

static int by_start(const void *a, const void *b)
{
    const OrcEntry *x = a, *y = b;

    return x->start < y->start ? -1 : x->start > y->start;
}

/* The bytes between two symbols. NULL if they are not there. */
static uint8_t *between(const SymFile *f, Elf *elf, const char *from, const char *to, size_t *len,
                        uint64_t *addr)
{
    const Symbol *start = sym_file_find(f, from), *end = sym_file_find(f, to);
    uint8_t *p;

    if (!start || !end || end->addr <= start->addr || end->addr - start->addr > (1u << 28)) {
        return NULL;
    }
    *len = (size_t)(end->addr - start->addr);
    *addr = start->addr;
    p = g_malloc(*len);
    if (!sym_elf_read(elf, *addr, p, *len)) {
        g_free(p);
        return NULL;
    }
    return p;
}

static void entries_fill(SymOrc *o, const uint8_t *ips, uint64_t ips_at, const uint8_t *raw)
{
    size_t first_calls[8] = { 0 };
    bool sorted = true;

    for (size_t i = 0; i < o->n; i++) {
        const uint8_t *p = raw + ENTRY_BYTES * i;
        OrcEntry *e = &o->entry[i];

        e->start = ips_at + 4 * i + (uint64_t)(int32_t)load_le32(ips + 4 * i);
        e->sp_offset = (int16_t)load_le16(p);
        e->bp_offset = (int16_t)load_le16(p + 2);
        e->word = load_le16(p + 4);
        sorted &= !i || e[-1].start <= e->start;
        first_calls[e->word >> 8 & KIND_MASK_NEW]++;
    }
    if (!sorted) {
        qsort(o->entry, o->n, sizeof(o->entry[0]), by_start);
    }
    o->old = first_calls[0] > first_calls[2];
}

SymOrc *sym_orc_new(const uint8_t *ips, uint64_t ips_at, const uint8_t *raw, size_t n,
                    uint64_t low, uint64_t high, const SymOrc *kernel)
{
    SymOrc *o = g_new0(SymOrc, 1);

    o->low = low;
    o->high = high;
    o->n = n;
    o->entry = g_new(OrcEntry, n);
    entries_fill(o, ips, ips_at, raw);
    if (kernel) {
        o->old = kernel->old;       /* a small table has no majority to go by */
    }
    return o;
}

SymOrc *sym_orc_load(const SymFile *f, Elf *elf)
{
    size_t ips_len = 0, raw_len = 0;
    uint64_t ips_at = 0, raw_at;
    g_autofree uint8_t *ips = between(f, elf, "__start_orc_unwind_ip", "__stop_orc_unwind_ip",
                                      &ips_len, &ips_at);
    g_autofree uint8_t *raw = between(f, elf, "__start_orc_unwind", "__stop_orc_unwind", &raw_len,
                                      &raw_at);

    if (!ips || !raw || ips_len / 4 != raw_len / ENTRY_BYTES) {
        return NULL;
    }
    return sym_orc_new(ips, ips_at, raw, ips_len / 4, f->kernel->low, f->kernel->high, NULL);
}

void sym_orc_free(SymOrc *o)
{
    if (o) {
        g_free(o->entry);
        g_free(o);
    }
}

/* ---- stepping ---- */

bool sym_orc_covers(const SymOrc *o, uint64_t pc)
{
    return pc >= o->low && pc < o->high;
}

static const OrcEntry *find(const SymOrc *o, uint64_t pc)
{
    size_t low = 0, high = o->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (o->entry[mid].start <= pc) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low ? &o->entry[low - 1] : NULL;
}

/* The caller's stack pointer, or where an exception's registers lie. */
static bool stack_pointer(Unwind *u, const OrcEntry *e, uint64_t *sp)
{
    unsigned base = e->word & 15;
    uint64_t v;

    if (base >= BASES || !base_dwarf[base]) {
        unwind_broken(u, "the ORC entry names base register %u, which there is not", base);
        return false;
    }
    if (!unwind_knows(&u->regs, base_dwarf[base])) {
        unwind_broken(u, "the register that leads to the caller is not known any more");
        return false;
    }
    v = u->regs.v[base_dwarf[base]];
    switch (base) {
    case BASE_SP_INDIRECT:
        if (!unwind_word(u, v, sp)) {
            return false;
        }
        *sp += (uint64_t)(int64_t)e->sp_offset;
        return true;
    case BASE_BP_INDIRECT:
        return unwind_word(u, v + (uint64_t)(int64_t)e->sp_offset, sp);
    default:
        *sp = v + (uint64_t)(int64_t)e->sp_offset;
        return true;
    }
}

/* The registers that an exception has saved from `at` on; the first of them is number `first`. */
static bool saved_registers(Unwind *u, uint64_t at, unsigned first, UnwindRegs *out)
{
    for (unsigned i = first; i < SAVED; i++) {
        uint64_t v;

        if (saved_dwarf[i] == 255) {
            continue;
        }
        if (!unwind_word(u, at + 8 * (i - first), &v)) {
            return false;
        }
        unwind_put(out, saved_dwarf[i], v);
    }
    return true;
}

static void keep(const Unwind *u, UnwindRegs *out, unsigned n)
{
    if (unwind_knows(&u->regs, n)) {
        unwind_put(out, n, u->regs.v[n]);
    }
}

static bool frame_pointer(Unwind *u, const OrcEntry *e, uint64_t sp, UnwindRegs *out)
{
    unsigned base = e->word >> 4 & 15;
    uint64_t v, offset = (uint64_t)(int64_t)e->bp_offset;

    if (base == BASE_PREV_SP || (base == BASE_BP && unwind_knows(&u->regs, DW_RBP))) {
        if (!unwind_word(u, (base == BASE_BP ? u->regs.v[DW_RBP] : sp) + offset, &v)) {
            return false;
        }
        unwind_put(out, DW_RBP, v);
    }
    return true;
}

static bool callers_registers(Unwind *u, OrcKind kind, uint64_t sp, UnwindRegs *out)
{
    uint64_t pc;

    switch (kind) {
    case ORC_REGS:
        return saved_registers(u, sp, 0, out);
    case ORC_PARTIAL:
        keep(u, out, DW_RBP);
        return saved_registers(u, sp, SAVED_PARTIAL, out);
    default:
        if (!unwind_word(u, sp - 8, &pc)) {
            return false;
        }
        keep(u, out, DW_RBP);
        unwind_put(out, DW_RIP, pc);
        unwind_put(out, DW_RSP, sp);
        return true;
    }
}

StepResult sym_orc_step(const SymOrc *o, uint64_t pc, Unwind *u)
{
    const OrcEntry *e = find(o, pc);
    UnwindRegs out = { .known = 0 };
    OrcKind kind;
    uint64_t sp;

    if (!e) {
        return STEP_UNKNOWN;
    }
    kind = o->old ? kinds_old[e->word >> 8 & KIND_MASK_OLD]
                  : kinds_new[e->word >> 8 & KIND_MASK_NEW];
    if (kind == ORC_STOP || (e->word & 15) == BASE_UNDEFINED) {
        return STEP_END;
    }
    if (!stack_pointer(u, e, &sp) || !callers_registers(u, kind, sp, &out) ||
        !frame_pointer(u, e, sp, &out)) {
        return STEP_BROKEN;
    }
    u->switched = true;
    u->exact = kind != ORC_CALL;
    u->regs = out;
    return STEP_DONE;
}
