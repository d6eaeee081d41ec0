/* x86 CPUs without an executor: what the target asks of the JIT, on plain memory.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-x86.h"

#include <string.h>

#include "mem/mem.h"
#include "util/bytes.h"

FakeX86 fx;
static MemRegion *ram;

void fake_x86_init(const char *model, unsigned ncpus)
{
    GError *err = NULL;

    memset(&fx, 0, sizeof(fx));
    fake_vm_init();
    ram = mem_region_new_ram("ram", FAKE_X86_RAM, &err);
    g_assert_no_error(err);
    mem_space_map_all(fake.mem, 0, ram, 0);
    fx.ram = mem_region_host(ram);
    fake.vm.memory = fake.mem;
    fake.vm.ncpus = ncpus;
    for (unsigned i = 0; i < ncpus; i++) {
        fx.cpu[i] = cpu_new(&x86_cpu_class, &fake.vm, i, 0, model, &err);
        g_assert_no_error(err);
        fake.vm.cpus[i] = fx.cpu[i];
    }
}

void fake_x86_done(void)
{
    for (unsigned i = 0; i < fake.vm.ncpus; i++) {
        cpu_free(fx.cpu[i]);
    }
    fake_vm_done();
    mem_region_free(ram);
}

void fake_x86_put(paddr_t at, unsigned size, uint64_t v)
{
    store_le(fx.ram + at, v, size);
}

uint64_t fake_x86_get(paddr_t at, unsigned size)
{
    return load_le(fx.ram + at, size);
}

FakeLeft fake_x86_deliver(unsigned i)
{
    FakeLeft left;

    do {
        FAKE_TRY(left, x86_tcg_deliver(fx.cpu[i]));
    } while (left == FAKE_RAISED);
    return left;
}

/* ---- the JIT's services ---- */

void tcg_raise(Cpu *cpu)
{
    siglongjmp(fx.unwind, FAKE_RAISED);
}

void tcg_leave(Cpu *cpu, TcgExit why)
{
    siglongjmp(fx.unwind, FAKE_LEFT);
}

void tcg_exit(Cpu *cpu, const VcpuExit *exit)
{
    fx.exit = *exit;
    siglongjmp(fx.unwind, FAKE_EXITED);
}

/* Events are noted, and take their course at once. */
void tcg_event(Cpu *cpu, const DebugEvent *e)
{
    if (tcg_event_wanted(cpu, e->kind)) {
        fx.event = *e;
        fx.events++;
    }
}

void tcg_event_pending(Cpu *cpu, const DebugEvent *e)
{
    tcg_event(cpu, e);
}

bool tcg_event_expected(Cpu *cpu, const DebugEvent *e)
{
    return true;
}

void tcg_event_done(Cpu *cpu, const DebugEvent *e)
{
    tcg_event(cpu, e);
}

static uint8_t *byte_at(Cpu *cpu, vaddr_t va, TcgAccess access, unsigned mmu)
{
    static uint8_t nowhere;
    TcgPage page;

    if (!x86_tcg_page(cpu, va, access, mmu, &page)) {
        tcg_raise(cpu);
    }
    nowhere = 0xff;
    return page.phys < FAKE_X86_RAM ? fx.ram + page.phys : &nowhere;
}

uint64_t tcg_load(Cpu *cpu, vaddr_t va, unsigned mop, unsigned mmu)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 1u << (mop & MO_SIZE); i++) {
        v |= (uint64_t)*byte_at(cpu, va + i, TCG_LOAD, mmu) << (8 * i);
    }
    fx.loads++;
    return v;
}

void tcg_store(Cpu *cpu, vaddr_t va, uint64_t value, unsigned mop, unsigned mmu)
{
    unsigned size = 1u << (mop & MO_SIZE);

    byte_at(cpu, va + size - 1, TCG_STORE, mmu);
    for (unsigned i = 0; i < size; i++) {
        *byte_at(cpu, va + i, TCG_STORE, mmu) = (uint8_t)(value >> (8 * i));
    }
    fx.stores++;
}

void tcg_probe_write(Cpu *cpu, vaddr_t va, unsigned len, unsigned mmu)
{
    for (unsigned i = 0; i < len; i++) {
        byte_at(cpu, va + i, TCG_STORE, mmu);
    }
}

uint64_t tcg_phys_load(Cpu *cpu, paddr_t pa, unsigned size)
{
    return pa + size <= FAKE_X86_RAM ? fake_x86_get(pa, size) : UINT64_MAX;
}

bool tcg_phys_cas(Cpu *cpu, paddr_t pa, unsigned size, uint64_t expect, uint64_t value)
{
    if (fx.cas_fails) {
        fx.cas_fails--;
        fake_x86_put(pa, size, fake_x86_get(pa, size) | 0x200);
        return false;
    }
    if (pa + size > FAKE_X86_RAM) {
        return true;
    }
    if (fake_x86_get(pa, size) != expect) {
        return false;
    }
    fake_x86_put(pa, size, value);
    return true;
}

uint64_t tcg_io_load(Cpu *cpu, uint32_t port, unsigned size)
{
    fx.port = port;
    return fx.port_value;
}

void tcg_io_store(Cpu *cpu, uint32_t port, unsigned size, uint64_t value)
{
    fx.port = port;
    fx.port_value = value;
}

void tcg_tlb_flush(Cpu *cpu, bool keep_global)
{
    fx.flushes++;
    fx.kept_global = keep_global;
}

void tcg_tlb_flush_page(Cpu *cpu, vaddr_t va)
{
    fx.page_flushes++;
}

void tcg_guest_watch_set(Cpu *cpu, const TcgGuestWatch *w, unsigned n)
{
    memcpy(fx.watch, w, n * sizeof(*w));
    fx.nwatch = n;
}

uint32_t tcg_guest_hits_take(Cpu *cpu)
{
    uint32_t tags = fx.guest_hits;

    fx.guest_hits = 0;
    return tags;
}

/* What only instructions use: no test here runs one. */
void tcg_load_bytes(Cpu *cpu, vaddr_t va, void *buf, unsigned len, unsigned mmu)
{
    for (unsigned i = 0; i < len; i++) {
        ((uint8_t *)buf)[i] = *byte_at(cpu, va + i, TCG_LOAD, mmu);
    }
}

void tcg_store_bytes(Cpu *cpu, vaddr_t va, const void *buf, unsigned len, unsigned mmu)
{
    for (unsigned i = 0; i < len; i++) {
        *byte_at(cpu, va + i, TCG_STORE, mmu) = ((const uint8_t *)buf)[i];
    }
}

void *tcg_host(Cpu *cpu, vaddr_t va, unsigned *len, TcgAccess access, unsigned mmu)
{
    return NULL;
}

void tcg_fp_control_changed(Cpu *cpu)
{
}

void tcg_fp_control_sync(Cpu *cpu)
{
}

bool tcg_in_single(const Cpu *cpu)
{
    return false;
}

void tcg_exclusive_begin(Cpu *cpu)
{
}

void tcg_exclusive_end(Cpu *cpu)
{
}
