/* Backtraces of the guest's CPUs, and where its kernel lies.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/unwind.h"

#include "debug/debug_int.h"
#include "util/bytes.h"
#include "util/error.h"

#define ENTRIES_MAX 16u

static bool read_virt(void *opaque, vaddr_t at, void *buf, size_t len)
{
    return view_read(opaque, ADDR_VIRT, at, buf, len) == len;
}

static bool check_cpu(const Debug *d, unsigned cpu, GError **errp)
{
    return cpu < d->vm->ncpus || error_set(errp, NOT_FOUND, "there is no CPU %u", cpu);
}

/* ---- backtraces ---- */

/* What the rows of a register set say: numbers of the three, and values. */
static void take_register(Cpu *cpu, const RegDesc *r, UnwindArch *arch, UnwindRegs *regs)
{
    unsigned n = (unsigned)r->dwarf - 1;

    if (r->generic && !g_strcmp0(r->generic, "ra")) {
        arch->call_pushes = false;
    }
    if (!r->dwarf || n >= UNWIND_REGS || r->bits > 64) {
        return;
    }
    regs->v[n] = reg_read_u64(cpu, r);
    regs->known |= UINT64_C(1) << n;
    if (!g_strcmp0(r->generic, "pc")) {
        arch->pc = (uint8_t)n;
        arch->word = (uint8_t)reg_bytes(r);
        regs->v[n] = cpu_pc(cpu);
    } else if (!g_strcmp0(r->generic, "sp")) {
        arch->sp = (uint8_t)n;
    } else if (!g_strcmp0(r->generic, "fp")) {
        arch->fp = (uint8_t)n;
    }
}

/* Frames hold the registers up to those three; what comes after is no one's to save. */
static void take_registers(Cpu *cpu, const RegSet *set, UnwindArch *arch, UnwindRegs *regs)
{
    *arch = (UnwindArch){ .big_endian = cpu->class->big_endian, .call_pushes = true };
    regs->known = 0;
    for (unsigned i = 0; set->features[i]; i++) {
        const RegFeature *f = set->features[i];

        for (unsigned j = 0; j < f->n && (!f->present || f->present(cpu)); j++) {
            take_register(cpu, &f->regs[j], arch, regs);
        }
    }
    arch->n = MAX(MAX(arch->pc, arch->sp), arch->fp) + 1;
    regs->known &= mask_bits(arch->n);
}

typedef struct Trace {
    const Symbols *s;
    UnwindFrame *out;
    unsigned max, n;
    char *why;
} Trace;

static void trace(Cpu *cpu, void *data)
{
    const CpuClass *class = cpu->class;
    Trace *t = data;
    const RegSet *set;
    UnwindArch arch;
    UnwindRegs regs;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    set = class->code_regs ? class->code_regs(cpu) : class->regs;
    if (!set) {
        t->out[0] = (UnwindFrame){ .pc = cpu_pc(cpu), .exact = true };
        t->n = 1;
        t->why = g_strdup("frames of 16-bit code cannot be followed");
        return;
    }
    take_registers(cpu, set, &arch, &regs);
    t->n = symbols_backtrace(t->s, &arch, &regs, read_virt, cpu, t->out, t->max, &t->why);
}

unsigned debug_backtrace(Debug *d, unsigned cpu, const Symbols *s, UnwindFrame *out, unsigned max,
                         char **why, GError **errp)
{
    Trace t = { .s = s, .out = out, .max = max };

    if (why) {
        *why = NULL;
    }
    if (!max || !check_cpu(d, cpu, errp)) {
        return 0;
    }
    debug_on_cpu(d, cpu, trace, &t);
    if (why) {
        *why = g_steal_pointer(&t.why);
    }
    g_free(t.why);
    return t.n;
}

/* ---- the kernel's place ---- */

typedef struct Place {
    Symbols *s;
    unsigned *n;
    bool ok;
    GError **errp;
} Place;

static void place(Cpu *cpu, void *data)
{
    Place *p = data;
    vaddr_t at[ENTRIES_MAX + 1];
    unsigned n = 0;

    cpu_fetch(cpu, REGS_ALL);
    if (cpu->class->code_entries) {
        n = cpu->class->code_entries(cpu, at, ENTRIES_MAX);
    }
    at[n++] = cpu_pc(cpu);
    for (unsigned i = 0; i < n && !p->ok; i++) {
        p->ok = symbols_find_slide(p->s, at[i], read_virt, cpu, i + 1 < n ? NULL : p->errp);
    }
}

bool debug_find_slide(Debug *d, unsigned cpu, Symbols *s, GError **errp)
{
    Place p = { .s = s, .errp = errp };

    if (!check_cpu(d, cpu, errp)) {
        return false;
    }
    debug_on_cpu(d, cpu, place, &p);
    return p.ok;
}

static void modules(Cpu *cpu, void *data)
{
    Place *p = data;

    p->ok = symbols_load_modules(p->s, read_virt, cpu, p->n, p->errp);
}

bool debug_load_modules(Debug *d, unsigned cpu, Symbols *s, unsigned *n, GError **errp)
{
    Place p = { .s = s, .n = n, .errp = errp };

    if (!check_cpu(d, cpu, errp)) {
        return false;
    }
    debug_on_cpu(d, cpu, modules, &p);
    return p.ok;
}
