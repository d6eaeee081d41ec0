/* Guest memory accesses that generated code does not do itself: TLB misses, devices, pages with code or data
 * points, accesses across pages, and those of helpers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/tcg/blocks.h"
#include "accel/tcg/exec.h"
#include "accel/tcg/guest_ram.h"
#include "accel/tcg/tlb.h"
#include "accel/tcg/watch.h"
#include "vm/vm.h"

/* One access that lies within a page, checked and ready to be made. */
typedef struct Access {
    Cpu *cpu;
    vaddr_t va;
    paddr_t pa;
    unsigned size;
    void *host;         /* RAM or ROM; NULL: device or nothing */
    uint8_t *flags;     /* the RAM page's flags */
    bool ram;           /* a write to RAM: it ends with ram_written() */
} Access;

static uint64_t entry_tag(const TcgTlbEntry *e, TcgAccess access)
{
    return access == TCG_STORE ? __atomic_load_n(&e->write, __ATOMIC_RELAXED) : e->read;
}

/* Compares with data points, and turns back to run the instruction alone where it must not go on like this. */
static void check_points(Cpu *cpu, const TcgTlbEntry *e, const Access *a, TcgAccess access)
{
    TcgCpu *tc = tcg_cpu(cpu);
    bool touches = e->watch && watch_touches(e->watch, a->va, a->size);

    if (tc->careful) {
        if (touches) {
            watch_record(cpu, a->va, a->pa, a->size, access == TCG_STORE);
        }
    } else if (touches || !a->host) {
        /* A device access is made only when it is sure that the instruction is not begun anew. */
        tcg_restart_careful(cpu, tc->slow_pc);
    }
}

static void access_check(Cpu *cpu, Access *a, vaddr_t va, unsigned size, TcgAccess access, unsigned mmu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgTlbEntry *e = &tc->tlb[mmu][tlb_index(va)];
    TcgTlbInfo *info = &tc->tlb_info[mmu][tlb_index(va)];

    if (!tlb_tag_is(entry_tag(e, access), va)) {
        tlb_fill(cpu, va, access, mmu);
    }
    *a = (Access){ .cpu = cpu, .va = va, .pa = info->phys | (va & ~TCG_PAGE_MASK), .size = size };
    if (info->flags) {
        a->host = (void *)(uintptr_t)(va + e->addend);
    }
    if (tc->has_watch) {
        check_points(cpu, e, a, access);
    }
    if (access != TCG_STORE || !a->host) {
        return;
    }
    a->flags = info->flags;
    if (!(entry_tag(e, access) & TCG_TLB_SLOW)) {
        a->ram = true;
    } else if (mem_flags_get(info->flags) & MEM_PAGE_CODE) {
        a->ram = true;
        if (!tc->careful && blocks_would_hit_pc(tc->tcg, a->pa, size, tc->slow_pc)) {
            tcg_restart_careful(cpu, tc->slow_pc);
        }
    } else {
        /* The code went away, or it is ROM: looking again tells which. */
        MemSection sec;

        a->ram = mem_find(cpu->vm->memory, a->pa, &sec) && sec.writable;
        if (a->ram) {
            tlb_fill(cpu, va, access, mmu);
        }
    }
}

/* After the bytes of a RAM access have been written. The flag is tested now and not before: another vCPU that is
 * just making the page's first code sets the flag first and reads the bytes then, so one of us sees the other. */
static void ram_written(const Access *a)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    if (mem_flags_get(a->flags) & MEM_PAGE_CODE) {
        blocks_written(tcg_state(a->cpu), a->pa, a->size);
    }
}

/* Devices run with the host's floating-point control. True: the guest's was in force, and comes back at the end;
 * it is not when an exception's delivery or a page walk comes here. */
static bool fp_suspend(Cpu *cpu)
{
    bool guest = tcg_cpu(cpu)->guest_fp;

    tcg_fp_leave(cpu);
    return guest;
}

static void fp_resume(Cpu *cpu, bool guest)
{
    if (guest) {
        tcg_fp_enter(cpu);
    }
}

static bool device_begin(Cpu *cpu)
{
    bool fp = fp_suspend(cpu);

    vm_lock(cpu->vm);
    return fp;
}

static void device_end(Cpu *cpu, bool fp)
{
    vm_unlock(cpu->vm);
    fp_resume(cpu, fp);
}

/* Devices that need no lock of the machine are called without it: each interrupt ends with such an access. */
static bool device_lockless(const Access *a, MemSection *sec)
{
    return mem_find(a->cpu->vm->memory, a->pa, sec) && sec->kind == MEM_KIND_MMIO && sec->avail >= a->size &&
           mem_region_ops(sec->region)->lockless;
}

static uint64_t access_load(const Access *a)
{
    MemSection sec;
    uint64_t v = 0;
    bool fp;

    if (a->host) {
        if ((a->size & (a->size - 1)) == 0) {
            return guest_ram_load(a->host, a->size);
        }
        memcpy(&v, a->host, a->size);
        return v;
    }
    if (device_lockless(a, &sec)) {
        fp = fp_suspend(a->cpu);
        mem_section_load(&sec, MEM_ATTRS_CPU(a->cpu->index), a->size, &v);
        fp_resume(a->cpu, fp);
        return v;
    }
    fp = device_begin(a->cpu);
    if (mem_load(a->cpu->vm->memory, a->pa, MEM_ATTRS_CPU(a->cpu->index), a->size, &v) & MEM_UNASSIGNED) {
        v = ~0ull;
    }
    device_end(a->cpu, fp);
    return v;
}

static void access_store(const Access *a, uint64_t v)
{
    MemSection sec;
    bool fp;

    if (a->ram) {
        if ((a->size & (a->size - 1)) == 0) {
            guest_ram_store(a->host, a->size, v);
        } else {
            memcpy(a->host, &v, a->size);
        }
        ram_written(a);
        return;
    }
    if (device_lockless(a, &sec)) {
        fp = fp_suspend(a->cpu);
        mem_section_store(a->cpu->vm->memory, a->pa, &sec, MEM_ATTRS_CPU(a->cpu->index), a->size, v);
        fp_resume(a->cpu, fp);
        return;
    }
    fp = device_begin(a->cpu);
    mem_store(a->cpu->vm->memory, a->pa, MEM_ATTRS_CPU(a->cpu->index), a->size, v);
    device_end(a->cpu, fp);
}

static unsigned first_part(vaddr_t va, unsigned size)
{
    return (unsigned)MIN(size, TCG_PAGE_SIZE - (va & ~TCG_PAGE_MASK));
}

/* Up to 8 bytes, in one or two pages. */
static uint64_t load_any(Cpu *cpu, vaddr_t va, unsigned size, TcgAccess access, unsigned mmu)
{
    unsigned n = first_part(va, size);
    Access a, b;
    uint64_t v;

    access_check(cpu, &a, va, n, access, mmu);
    if (n == size) {
        return access_load(&a);
    }
    access_check(cpu, &b, va + n, size - n, access, mmu);
    v = access_load(&a) & ((1ull << (8 * n)) - 1);
    return v | access_load(&b) << (8 * n);
}

static void store_any(Cpu *cpu, vaddr_t va, uint64_t v, unsigned size, unsigned mmu)
{
    unsigned n = first_part(va, size);
    Access a, b;

    access_check(cpu, &a, va, n, TCG_STORE, mmu);
    if (n == size) {
        access_store(&a, v);
        return;
    }
    access_check(cpu, &b, va + n, size - n, TCG_STORE, mmu);
    access_store(&a, v & ((1ull << (8 * n)) - 1));
    access_store(&b, v >> (8 * n));
}

static void check_aligned(Cpu *cpu, vaddr_t va, unsigned mop, TcgAccess access, unsigned mmu)
{
    if (mop & MO_ALIGN && va & ((1u << (mop & MO_SIZE)) - 1)) {
        tcg_state(cpu)->fe->misaligned(cpu, va, access, mmu);
        tcg_raise(cpu);
    }
}

/* ---- slow paths of generated code ---- */

static Cpu *slow_begin(void *env, uint64_t pc)
{
    Cpu *cpu = cpu_from_env(env);
    TcgCpu *tc = tcg_cpu(cpu);

    tc->slow_pc = pc;
    *(uint64_t *)((char *)env + tc->tcg->fe->pc_offset) = pc;
    return cpu;
}

uint64_t tcg_slow_load(void *env, uint64_t addr, uint32_t mop_mmu, uint64_t pc)
{
    Cpu *cpu = slow_begin(env, pc);
    unsigned mop = mop_mmu & 0xff, mmu = mop_mmu >> 16 & 0xff;
    unsigned size = 1u << (mop & MO_SIZE);

    check_aligned(cpu, addr, mop, mop & MO_WRITE ? TCG_STORE : TCG_LOAD, mmu);
    if (mop & MO_WRITE) {
        tcg_probe_write(cpu, addr, size, mmu);
    }
    return ir_mem_extend(load_any(cpu, addr, size, TCG_LOAD, mmu), mop);
}

void tcg_slow_store(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu, uint64_t pc)
{
    Cpu *cpu = slow_begin(env, pc);
    unsigned mop = mop_mmu & 0xff, mmu = mop_mmu >> 16 & 0xff;

    check_aligned(cpu, addr, mop, TCG_STORE, mmu);
    store_any(cpu, addr, value, 1u << (mop & MO_SIZE), mmu);
}

void tcg_slow_load_v(void *env, uint64_t addr, V128 *v, uint32_t mop_mmu, uint64_t pc)
{
    Cpu *cpu = slow_begin(env, pc);
    unsigned mop = mop_mmu & 0xff, mmu = mop_mmu >> 16 & 0xff;
    V128 out = { .q = { 0, 0 } };

    check_aligned(cpu, addr, mop, TCG_LOAD, mmu);
    tcg_load_bytes(cpu, addr, &out, 1u << (mop & MO_SIZE), mmu);
    *v = out;
}

void tcg_slow_store_v(void *env, uint64_t addr, const V128 *v, uint32_t mop_mmu, uint64_t pc)
{
    Cpu *cpu = slow_begin(env, pc);
    unsigned mop = mop_mmu & 0xff, mmu = mop_mmu >> 16 & 0xff;

    check_aligned(cpu, addr, mop, TCG_STORE, mmu);
    tcg_store_bytes(cpu, addr, v, 1u << (mop & MO_SIZE), mmu);
}

static uint64_t amo_value(IrAmo op, uint64_t old, uint64_t x)
{
    switch (op) {
    case IR_AMO_ADD: return old + x;
    case IR_AMO_AND: return old & x;
    case IR_AMO_OR: return old | x;
    case IR_AMO_XOR: return old ^ x;
    case IR_AMO_XCHG: return x;
    }
    return x;
}

/* The host's atomics work at any alignment, too. Clang would call a library for a type that says so, which takes
 * a lock that generated code knows nothing of: hence natural types, and no check of alignment. */
#define HOST_AMO(bits) \
__attribute__((no_sanitize("alignment"))) static uint64_t host_amo##bits(void *p, IrAmo op, uint64_t x) \
{ \
    typedef uint##bits##_t __attribute__((may_alias)) T; \
    switch (op) { \
    case IR_AMO_ADD: return __atomic_fetch_add((T *)p, (T)x, __ATOMIC_SEQ_CST); \
    case IR_AMO_AND: return __atomic_fetch_and((T *)p, (T)x, __ATOMIC_SEQ_CST); \
    case IR_AMO_OR: return __atomic_fetch_or((T *)p, (T)x, __ATOMIC_SEQ_CST); \
    case IR_AMO_XOR: return __atomic_fetch_xor((T *)p, (T)x, __ATOMIC_SEQ_CST); \
    default: return __atomic_exchange_n((T *)p, (T)x, __ATOMIC_SEQ_CST); \
    } \
} \
__attribute__((no_sanitize("alignment"))) static uint64_t host_cas##bits(void *p, uint64_t expect, uint64_t x) \
{ \
    typedef uint##bits##_t __attribute__((may_alias)) T; \
    uint##bits##_t e = (uint##bits##_t)expect; \
    __atomic_compare_exchange_n((T *)p, &e, (T)x, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    return e; \
}
HOST_AMO(8)
HOST_AMO(16)
HOST_AMO(32)
HOST_AMO(64)

static uint64_t (*const host_amo[4])(void *, IrAmo, uint64_t) = { host_amo8, host_amo16, host_amo32, host_amo64 };
static uint64_t (*const host_cas[4])(void *, uint64_t, uint64_t) = { host_cas8, host_cas16, host_cas32, host_cas64 };

/* Is it RAM in one page, so that the host's own atomics do? Checks the write, and the read for points. */
static bool atomic_in_ram(Cpu *cpu, Access *a, vaddr_t va, unsigned size, unsigned mmu)
{
    if (first_part(va, size) != size) {
        tcg_probe_write(cpu, va, size, mmu);
        return false;
    }
    access_check(cpu, a, va, size, TCG_STORE, mmu);
    if (tcg_cpu(cpu)->has_watch) {
        Access r;

        access_check(cpu, &r, va, size, TCG_LOAD, mmu);
    }
    return a->ram;
}

uint64_t tcg_slow_amo(void *env, uint64_t addr, uint64_t value, uint32_t mop_mmu_amo, uint64_t pc)
{
    Cpu *cpu = slow_begin(env, pc);
    unsigned mop = mop_mmu_amo & 0xff, mmu = mop_mmu_amo >> 16 & 0xff, sz = mop & MO_SIZE;
    IrAmo op = (IrAmo)(mop_mmu_amo >> 24);
    uint64_t old;
    Access a;

    check_aligned(cpu, addr, mop, TCG_STORE, mmu);
    if (atomic_in_ram(cpu, &a, addr, 1u << sz, mmu)) {
        old = host_amo[sz](a.host, op, value);
        ram_written(&a);
    } else {
        tcg_exclusive_begin(cpu);
        old = load_any(cpu, addr, 1u << sz, TCG_LOAD, mmu);
        store_any(cpu, addr, amo_value(op, old, value), 1u << sz, mmu);
        tcg_exclusive_end(cpu);
    }
    return ir_mem_extend(old, mop);
}

uint64_t tcg_slow_cas(void *env, uint64_t addr, uint64_t expect, uint64_t value, uint32_t mop_mmu, uint64_t pc)
{
    Cpu *cpu = slow_begin(env, pc);
    unsigned mop = mop_mmu & 0xff, mmu = mop_mmu >> 16 & 0xff, sz = mop & MO_SIZE;
    uint64_t old;
    Access a;

    check_aligned(cpu, addr, mop, TCG_STORE, mmu);
    if (atomic_in_ram(cpu, &a, addr, 1u << sz, mmu)) {
        old = host_cas[sz](a.host, expect, value);
        ram_written(&a);
    } else {
        tcg_exclusive_begin(cpu);
        old = load_any(cpu, addr, 1u << sz, TCG_LOAD, mmu);
        store_any(cpu, addr, ir_mem_extend(old, sz) == ir_mem_extend(expect, sz) ? value : old, 1u << sz, mmu);
        tcg_exclusive_end(cpu);
    }
    return ir_mem_extend(old, mop);
}

/* ---- for helpers ---- */

/* Helpers have stored the instruction's pc in the state. */
static void helper_begin(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);

    tc->slow_pc = *(uint64_t *)((char *)cpu->env + tc->tcg->fe->pc_offset);
}

uint64_t tcg_load(Cpu *cpu, vaddr_t va, unsigned mop, unsigned mmu)
{
    helper_begin(cpu);
    return ir_mem_extend(load_any(cpu, va, 1u << (mop & MO_SIZE), TCG_LOAD, mmu), mop);
}

void tcg_store(Cpu *cpu, vaddr_t va, uint64_t value, unsigned mop, unsigned mmu)
{
    helper_begin(cpu);
    store_any(cpu, va, value, 1u << (mop & MO_SIZE), mmu);
}

void tcg_load_bytes(Cpu *cpu, vaddr_t va, void *buf, unsigned len, unsigned mmu)
{
    uint8_t *p = buf;
    Access a;

    helper_begin(cpu);
    for (unsigned n; len; len -= n, va += n, p += n) {
        n = first_part(va, len);
        access_check(cpu, &a, va, n, TCG_LOAD, mmu);
        if (a.host) {
            memcpy(p, a.host, n);
        } else {
            for (unsigned k = 0, s; k < n; k += s) {
                uint64_t v;

                s = n - k >= 8 ? 8 : n - k >= 4 ? 4 : n - k >= 2 ? 2 : 1;
                a.size = s;
                v = access_load(&a);
                memcpy(p + k, &v, s);
                a.pa += s;
            }
        }
    }
}

void tcg_store_bytes(Cpu *cpu, vaddr_t va, const void *buf, unsigned len, unsigned mmu)
{
    const uint8_t *p = buf;
    Access a;

    helper_begin(cpu);
    if (first_part(va, len) != len) {
        tcg_probe_write(cpu, va, len, mmu);
    }
    for (unsigned n; len; len -= n, va += n, p += n) {
        n = first_part(va, len);
        access_check(cpu, &a, va, n, TCG_STORE, mmu);
        if (a.ram) {
            memcpy(a.host, p, n);
            ram_written(&a);
            continue;
        }
        for (unsigned k = 0, s; k < n; k += s, a.pa += s) {
            uint64_t v = 0;

            s = n - k >= 8 ? 8 : n - k >= 4 ? 4 : n - k >= 2 ? 2 : 1;
            memcpy(&v, p + k, s);
            a.size = s;
            access_store(&a, v);
        }
    }
}

void tcg_probe_write(Cpu *cpu, vaddr_t va, unsigned len, unsigned mmu)
{
    TcgCpu *tc = tcg_cpu(cpu);

    helper_begin(cpu);
    for (unsigned n; len; len -= n, va += n) {
        const TcgTlbEntry *e = &tc->tlb[mmu][tlb_index(va)];

        n = first_part(va, len);
        if (!tlb_tag_is(__atomic_load_n(&e->write, __ATOMIC_RELAXED), va)) {
            tlb_fill(cpu, va, TCG_STORE, mmu);
        }
        /* The store will turn back for a data point: better now, before the instruction has done anything. */
        if (tc->has_watch && !tc->careful && e->watch && watch_touches(e->watch, va, n)) {
            tcg_restart_careful(cpu, tc->slow_pc);
        }
    }
}

void *tcg_host(Cpu *cpu, vaddr_t va, unsigned *len, TcgAccess access, unsigned mmu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgTlbEntry *e = &tc->tlb[mmu][tlb_index(va)];

    helper_begin(cpu);
    if (!tlb_tag_is(entry_tag(e, access), va)) {
        tlb_fill(cpu, va, access, mmu);
    }
    if (entry_tag(e, access) & ~TCG_PAGE_MASK) {
        return NULL;
    }
    *len = first_part(va, *len);
    return (void *)(uintptr_t)(va + e->addend);
}

uint64_t tcg_phys_load(Cpu *cpu, paddr_t pa, unsigned size)
{
    uint64_t v = 0;

    if (mem_peek(cpu->vm->memory, pa, &v, size) != size) {
        return ~0ull;
    }
    return v;
}

bool tcg_phys_cas(Cpu *cpu, paddr_t pa, unsigned size, uint64_t expect, uint64_t value)
{
    MemSection sec;
    bool done;

    if (!mem_find(cpu->vm->memory, pa, &sec) || !sec.host || !sec.writable) {
        return true;    /* page tables in ROM keep no accessed bits */
    }
    if (size == 8) {
        done = host_cas64(sec.host, expect, value) == expect;
    } else {
        done = host_cas32(sec.host, expect, value) == (uint32_t)expect;
    }
    if (done && mem_flags_get(sec.flags) & MEM_PAGE_CODE) {
        blocks_written(tcg_state(cpu), pa, size);
    }
    return done;
}

uint64_t tcg_io_load(Cpu *cpu, uint32_t port, unsigned size)
{
    uint64_t v = ~0ull;
    bool fp = device_begin(cpu);

    mem_load(cpu->vm->io, port, MEM_ATTRS_CPU(cpu->index), size, &v);
    device_end(cpu, fp);
    return size == 8 ? v : v & ((1ull << (8 * size)) - 1);
}

void tcg_io_store(Cpu *cpu, uint32_t port, unsigned size, uint64_t value)
{
    bool fp = device_begin(cpu);

    mem_store(cpu->vm->io, port, MEM_ATTRS_CPU(cpu->index), size, value);
    device_end(cpu, fp);
}
