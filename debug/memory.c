/* The debugger's view of memory and registers: RAM and ROM as the guest has them, without
 * patches, and never a device.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "debug/debug_int.h"
#include "mem/mem.h"
#include "util/error.h"

static size_t phys_read(Vm *vm, paddr_t at, void *buf, size_t len)
{
    size_t n = (size_t)mem_peek(vm->memory, at, buf, len);

    if (vm->accel->mem_unpatch) {
        vm->accel->mem_unpatch(vm, at, buf, n);
    }
    return n;
}

/* Calls fn for each physical piece of a range until it says that it did not do all of it or the
 * translation ends. Returns how many bytes were done. Owner's thread for ADDR_VIRT. */
static size_t for_pieces(Vm *vm, Cpu *cpu, AddrKind kind, uint64_t at, size_t len,
                         size_t (*fn)(Vm *vm, paddr_t pa, size_t done, size_t n, void *opaque),
                         void *opaque)
{
    size_t done = 0;

    while (done < len) {
        Translation t = { .paddr = at + done, .left = len - done };

        if (kind == ADDR_VIRT && !cpu->class->translate(cpu, at + done, &t)) {
            break;
        }
        size_t piece = (size_t)MIN(t.left, len - done);
        size_t n = fn(vm, t.paddr, done, piece, opaque);

        done += n;
        if (n < piece) {
            break;
        }
    }
    return done;
}

static size_t read_piece(Vm *vm, paddr_t pa, size_t done, size_t n, void *opaque)
{
    return phys_read(vm, pa, (char *)opaque + done, n);
}

size_t view_read(Cpu *cpu, AddrKind kind, uint64_t at, void *buf, size_t len)
{
    if (kind == ADDR_VIRT) {
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    }
    return for_pieces(cpu->vm, cpu, kind, at, len, read_piece, buf);
}

/* ---- running something on a CPU's state ---- */

void debug_on_cpu(Debug *d, unsigned cpu, void (*fn)(Cpu *cpu, void *data), void *data)
{
    Cpu *c = d->vm->cpus[cpu];

    if (vm_cpu_running(c)) {
        vm_run_on_cpu(c, fn, data);
    } else {
        fn(c, data);
    }
}

typedef struct Access {
    AddrKind kind;
    uint64_t at;
    uint8_t *buf;
    size_t len, done;
} Access;

static void access_read(Cpu *cpu, void *data)
{
    Access *a = data;

    a->done = view_read(cpu, a->kind, a->at, a->buf, a->len);
}

static bool cpu_exists(const Debug *d, unsigned cpu)
{
    return cpu < d->vm->ncpus;
}

size_t debug_read_some(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, void *buf,
                       size_t len)
{
    Access a = { .kind = kind, .at = at, .buf = buf, .len = len };

    if (kind == ADDR_PHYS) {
        return phys_read(d->vm, at, buf, len);
    }
    if (cpu_exists(d, cpu)) {
        debug_on_cpu(d, cpu, access_read, &a);
    }
    return a.done;
}

static bool cannot(const char *what, AddrKind kind, uint64_t at, GError **errp)
{
    return error_set(errp, FAILED, "cannot %s memory at %s address 0x%" PRIx64, what,
                     kind == ADDR_PHYS ? "physical" : "virtual", at);
}

bool debug_read(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, void *buf, size_t len,
                GError **errp)
{
    size_t n = debug_read_some(d, cpu, kind, at, buf, len);

    return n == len || cannot("read", kind, at + n, errp);
}

/* ---- writing: first where everything goes, then the bytes ---- */

typedef struct Piece {
    paddr_t pa;
    size_t at, n;
} Piece;

typedef struct WritePlan {
    AddrKind kind;
    uint64_t at;
    size_t len, done;
    bool rom;
    GArray *pieces;
} WritePlan;

static size_t plan_piece(Vm *vm, paddr_t pa, size_t done, size_t n, void *opaque)
{
    WritePlan *w = opaque;
    size_t ok = 0;
    MemSection sec;

    while (ok < n && mem_find(vm->memory, pa + ok, &sec) && sec.host &&
           (sec.writable || w->rom)) {
        Piece p = { .pa = pa + ok, .at = done + ok, .n = (size_t)MIN(sec.avail, n - ok) };

        g_array_append_val(w->pieces, p);
        ok += p.n;
    }
    return ok;
}

static void write_plan(Cpu *cpu, void *data)
{
    WritePlan *w = data;

    if (w->kind == ADDR_VIRT) {
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    }
    w->done = for_pieces(cpu->vm, cpu, w->kind, w->at, w->len, plan_piece, w);
}

typedef struct WriteDo {
    Debug *d;
    const WritePlan *plan;
    const uint8_t *buf;
} WriteDo;

/* With patches in memory, they are lifted around the write, so that a new byte under a patch
 * becomes its shadow. */
static void write_do(void *opaque)
{
    const WriteDo *w = opaque;
    Debug *d = w->d;
    static const DebugPlan no_plan;
    bool lift = d->vm->caps.patch_exec && d->plan;

    if (lift) {
        vm_set_plan(d->vm, &no_plan, NULL);
    }
    for (unsigned i = 0; i < w->plan->pieces->len; i++) {
        const Piece *p = &g_array_index(w->plan->pieces, Piece, i);

        mem_poke(d->vm->memory, p->pa, w->buf + p->at, p->n,
                 w->plan->rom ? MEM_POKE_ROM : 0);
    }
    if (lift) {
        vm_set_plan(d->vm, d->plan, NULL);
    }
}

/* What was written may have been a page table. */
static void forget_translations(Cpu *cpu, void *data)
{
    const Vm *vm = cpu->vm;

    if (vm->accel->vcpu_flush) {
        vm->accel->vcpu_flush(cpu);
    }
}

bool debug_write(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, const void *buf,
                 size_t len, bool rom, GError **errp)
{
    WritePlan w = { .kind = kind, .at = at, .len = len, .rom = rom };
    WriteDo go = { .d = d, .plan = &w, .buf = buf };
    bool ok = false;

    w.pieces = g_array_new(FALSE, FALSE, sizeof(Piece));
    if (kind == ADDR_PHYS) {
        w.done = for_pieces(d->vm, NULL, kind, at, len, plan_piece, &w);
    } else if (cpu_exists(d, cpu)) {
        debug_on_cpu(d, cpu, write_plan, &w);
    }
    if (w.done < len) {
        cannot("write", kind, at + w.done, errp);
    } else {
        if (d->vm->caps.patch_exec) {
            points_quiesce(d, write_do, &go);
        } else {
            write_do(&go);
        }
        for (unsigned i = 0; i < d->vm->ncpus; i++) {
            debug_on_cpu(d, i, forget_translations, NULL);
        }
        ok = true;
    }
    g_array_free(w.pieces, TRUE);
    return ok;
}

typedef struct Walk {
    vaddr_t va;
    Translation *out;
    bool ok;
} Walk;

static void walk(Cpu *cpu, void *data)
{
    Walk *w = data;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    w->ok = cpu->class->translate(cpu, w->va, w->out);
}

bool debug_translate(Debug *d, unsigned cpu, vaddr_t va, Translation *out)
{
    Walk w = { .va = va, .out = out };

    if (cpu_exists(d, cpu)) {
        debug_on_cpu(d, cpu, walk, &w);
    }
    return w.ok;
}

#define SEARCH_CHUNK 65536u

bool debug_search(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, uint64_t len,
                  const uint8_t *pattern, size_t plen, bool *found, uint64_t *where,
                  GError **errp)
{
    size_t size = SEARCH_CHUNK + plen;
    g_autofree uint8_t *buf = g_malloc(size);
    size_t have = 0;
    uint64_t done = 0;          /* bytes of the range that are, or were, in buf */

    *found = false;
    if (plen == 0 || plen > len) {
        return plen != 0 || error_set(errp, INVALID, "nothing to search for");
    }
    while (done < len) {
        size_t n = (size_t)MIN(size - have, len - done);
        size_t got = debug_read_some(d, cpu, kind, at + done, buf + have, n);

        done += got;
        have += got;
        const uint8_t *hit = memmem(buf, have, pattern, plen);
        if (hit) {
            *found = true;
            *where = at + done - have + (uint64_t)(hit - buf);
            return true;
        }
        if (got < n) {
            return cannot("read", kind, at + done, errp);
        }
        /* What is left could be the beginning of a match. */
        size_t keep = MIN(have, plen - 1);
        memmove(buf, buf + have - keep, keep);
        have = keep;
    }
    return true;
}

/* ---- registers ---- */

typedef struct RegAccess {
    Debug *d;
    const RegDesc *r;
    uint8_t *out;
    const uint8_t *in;
    bool ok;
    GError **errp;
} RegAccess;

static void reg_get(Cpu *cpu, void *data)
{
    RegAccess *a = data;

    cpu_fetch(cpu, a->r->fetch ? a->r->fetch : REGS_GENERAL);
    reg_read(cpu, a->r, a->out);
}

/* The present place stops being where the CPU was stopped if a debugger writes the pc. */
static void reg_put(Cpu *cpu, void *data)
{
    RegAccess *a = data;

    cpu_touch(cpu);
    vaddr_t before = cpu_pc(cpu);
    a->ok = reg_write(cpu, a->r, a->in, a->errp);
    if (a->ok && (cpu_pc(cpu) != before || !g_strcmp0(a->r->generic, "pc"))) {
        cpu->pc_written = true;
    }
}

static bool cpu_check(const Debug *d, unsigned cpu, GError **errp)
{
    return cpu_exists(d, cpu) || error_set(errp, NOT_FOUND, "there is no CPU %u", cpu);
}

bool debug_reg_read(Debug *d, unsigned cpu, const RegDesc *r, uint8_t *le, GError **errp)
{
    RegAccess a = { .d = d, .r = r, .out = le };

    if (!cpu_check(d, cpu, errp)) {
        return false;
    }
    debug_on_cpu(d, cpu, reg_get, &a);
    return true;
}

bool debug_reg_write(Debug *d, unsigned cpu, const RegDesc *r, const uint8_t *le, GError **errp)
{
    RegAccess a = { .d = d, .r = r, .in = le, .errp = errp };

    if (!cpu_check(d, cpu, errp)) {
        return false;
    }
    debug_on_cpu(d, cpu, reg_put, &a);
    return a.ok;
}

static void pc_put(Cpu *cpu, void *data)
{
    cpu_touch(cpu);
    cpu->class->set_pc(cpu, *(vaddr_t *)data);
    cpu->pc_written = true;
}

bool debug_pc_write(Debug *d, unsigned cpu, vaddr_t pc, GError **errp)
{
    if (!cpu_check(d, cpu, errp)) {
        return false;
    }
    debug_on_cpu(d, cpu, pc_put, &pc);
    return true;
}
