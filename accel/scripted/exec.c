/* The script CPU's interpreter: executes until something is to be told.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/scripted/scripted_int.h"
#include "mem/mem.h"
#include "vm/vm.h"

/* One trip into the guest. */
typedef struct Trip {
    Cpu *cpu;
    ScriptState *s;
    const ScriptVm *sv;
    const RunArgs *args;
    VcpuExit exit;
    bool leave;             /* exit is filled in */
} Trip;

static VcpuHit *trip_hit(Trip *t, const PlanPoint *p)
{
    for (unsigned i = 0; i < t->exit.nhit; i++) {
        if (t->exit.hit[i].loc == p->loc) {
            return NULL;
        }
    }
    if (t->exit.nhit == VCPU_HITS) {
        return NULL;
    }
    VcpuHit *h = &t->exit.hit[t->exit.nhit++];
    *h = (VcpuHit){ .loc = p->loc };
    t->exit.kind = EXIT_POINT;
    return h;
}

static void trip_error(Trip *t, char *text)
{
    t->exit = (VcpuExit){ .kind = EXIT_ERROR, .error = text };
    t->leave = true;
}

/* The host's pointer to n bytes; NULL and an error exit if they are not in RAM. */
static uint8_t *trip_host(Trip *t, vaddr_t va, unsigned n, paddr_t *pa)
{
    Translation tr;
    MemSection sec;

    if (script_cpu_class.translate(t->cpu, va, &tr) && tr.left >= n &&
        mem_find(t->cpu->vm->memory, tr.paddr, &sec) && sec.host && sec.avail >= n) {
        *pa = tr.paddr;
        return sec.host;
    }
    trip_error(t, g_strdup_printf("no memory at 0x%" G_GINT64_MODIFIER "x", va));
    return NULL;
}

/* Loads and stores are atomic where they are aligned, as on a real machine. */
static uint64_t host_load(const uint8_t *p, unsigned n)
{
    uint64_t v = 0;

    if (n == 8 && !((uintptr_t)p & 7)) {
        return atomic_get_relaxed((const uint64_t *)(const void *)p);
    }
    for (unsigned i = 0; i < n; i++) {
        v |= (uint64_t)atomic_get_relaxed(p + i) << 8 * i;
    }
    return v;
}

static void host_store(uint8_t *p, unsigned n, uint64_t v)
{
    if (n == 8 && !((uintptr_t)p & 7)) {
        atomic_put_relaxed((uint64_t *)(void *)p, v);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        atomic_put_relaxed(p + i, (uint8_t)(v >> 8 * i));
    }
}

/* The watched bytes' values, where they overlap the access. */
static void hit_values(VcpuHit *h, uint64_t access, unsigned n, uint64_t old, uint64_t now)
{
    h->has_values = true;
    h->old = old;
    h->now = now;
    h->access = access;
    h->len = n;
}

static void check_data(Trip *t, vaddr_t va, paddr_t pa, unsigned n, bool write, uint64_t old,
                       uint64_t now)
{
    const DebugPlan *plan = t->sv->plan;

    for (unsigned i = 0; i < plan->n; i++) {
        const PlanPoint *p = &plan->point[i];
        uint64_t at = p->akind == ADDR_PHYS ? pa : va;

        if (!point_kind_is_data(p->kind) || at + n <= p->addr || at >= p->addr + p->len ||
            (p->kind == POINT_WRITE && !write) || (p->kind == POINT_READ && write)) {
            continue;
        }
        VcpuHit *h = trip_hit(t, p);
        if (h) {
            hit_values(h, at, n, old, now);
            h->write = write;
        }
    }
}

static void do_load(Trip *t, unsigned reg, vaddr_t va, unsigned n)
{
    paddr_t pa;
    const uint8_t *p = trip_host(t, va, n, &pa);

    if (p) {
        uint64_t v = host_load(p, n);

        t->s->r[reg] = v;
        check_data(t, va, pa, n, false, v, v);
    }
}

static void do_store(Trip *t, vaddr_t va, unsigned n, uint64_t v)
{
    paddr_t pa;
    uint8_t *p = trip_host(t, va, n, &pa);

    if (p) {
        uint64_t old = host_load(p, n);

        host_store(p, n, v);
        check_data(t, va, pa, n, true, old, v);
    }
}

static void do_xadd(Trip *t, unsigned reg, vaddr_t va, uint64_t add)
{
    paddr_t pa;
    uint8_t *p = trip_host(t, va & ~UINT64_C(7), 8, &pa);

    if (p) {
        uint64_t old = atomic_add_old((uint64_t *)(void *)p, add);

        t->s->r[reg] = old;
        check_data(t, va & ~UINT64_C(7), pa, 8, true, old, old + add);
    }
}

/* Reports an event if the plan asks for it. */
static void check_event(Trip *t, PointKind kind, uint64_t number, DebugEvent e)
{
    const DebugPlan *plan = t->sv->plan;

    for (unsigned i = 0; i < plan->n; i++) {
        const PlanPoint *p = &plan->point[i];

        if (p->kind == kind && number - p->addr < p->len && trip_hit(t, p)) {
            e.kind = kind;
            e.number = number;
            t->exit.event = e;
            t->exit.kind = EXIT_EVENT;
        }
    }
}

/* Executes the instruction at pc. */
static void execute(Trip *t, uint32_t insn)
{
    ScriptState *s = t->s;
    unsigned op = insn & 0xff, a = insn >> 8 & 15, b = insn >> 16 & 15, c = insn >> 24;
    int16_t i = (int16_t)(insn >> 16);
    uint64_t next = s->pc + 4, old;

    switch (op) {
    case SCRIPT_NOP: break;
    case SCRIPT_LI: s->r[a] = (uint64_t)(int64_t)i; break;
    case SCRIPT_ADDI: s->r[a] = s->r[b] + (uint64_t)(int8_t)c; break;
    case SCRIPT_ADD: s->r[a] = s->r[b] + s->r[c & 15]; break;
    case SCRIPT_SHL: s->r[a] = s->r[b] << (c & 63); break;
    case SCRIPT_LD: do_load(t, a, s->r[b] + c, 8); break;
    case SCRIPT_ST: do_store(t, s->r[b] + c, 8, s->r[a]); break;
    case SCRIPT_LDB: do_load(t, a, s->r[b] + c, 1); break;
    case SCRIPT_STB: do_store(t, s->r[b] + c, 1, s->r[a] & 0xff); break;
    case SCRIPT_XADD: do_xadd(t, a, s->r[b], s->r[c & 15]); break;
    case SCRIPT_JMP: next = s->pc + 4 * (uint64_t)(int64_t)i; break;
    case SCRIPT_BNZ: next = s->r[a] ? s->pc + 4 * (uint64_t)(int64_t)i : next; break;
    case SCRIPT_JR: next = s->r[a]; break;
    case SCRIPT_HLT:
        atomic_put(&t->cpu->power, CPU_POWER_HALTED);
        t->exit.kind = EXIT_HALT;
        t->leave = true;
        break;
    case SCRIPT_EXC:
        s->r[14]++;
        check_event(t, POINT_EXCEPTION, a, (DebugEvent){ .has_error = true, .error = b });
        break;
    case SCRIPT_RESET: vm_request_reset(t->cpu->vm, VM_CAUSE_GUEST_RESET); break;
    case SCRIPT_OFF: vm_request_shutdown(t->cpu->vm, VM_CAUSE_GUEST_SHUTDOWN, (int)a); break;
    case SCRIPT_IO:
        check_event(t, POINT_IO, (uint16_t)i, (DebugEvent){ .write = true, .now = s->r[a] });
        break;
    case SCRIPT_ASID:
        old = s->asid;
        s->asid = s->r[a];
        s->level = b & 3;
        check_event(t, POINT_ASPACE, 0, (DebugEvent){ .old = old, .now = s->asid });
        break;
    case SCRIPT_CYCLES: s->r[a] = (uint64_t)vm_clock_ns(t->cpu->vm); break;
    case SCRIPT_BRK: s->r[13]++; break;
    default:
        trip_error(t, g_strdup_printf("unknown instruction 0x%08x", insn));
        break;
    }
    if (t->exit.kind != EXIT_ERROR) {
        s->pc = next;
        t->cpu->insns++;
    }
}

/* Points at the present pc: true when there is one. A patch counts where memory has it. */
static bool check_exec(Trip *t)
{
    const DebugPlan *plan = t->sv->plan;
    Translation tr;

    for (unsigned i = 0; i < plan->n; i++) {
        const PlanPoint *p = &plan->point[i];
        uint64_t at = t->s->pc;

        if (p->kind != POINT_EXEC) {
            continue;
        }
        if (p->akind == ADDR_PHYS && script_cpu_class.translate(t->cpu, at, &tr)) {
            at = tr.paddr;
        }
        if (p->addr == at) {
            trip_hit(t, p);
        }
    }
    return t->exit.nhit != 0;
}

/* Delivers a pending interrupt. */
static void take_irq(Trip *t)
{
    atomic_and_old(&t->cpu->attn, ~(uint32_t)CPU_ATTN_IRQ);
    if (cpu_interrupt_pending(t->cpu) & SCRIPT_IRQ) {
        cpu_interrupt_clear(t->cpu, SCRIPT_IRQ);
        t->s->r[15]++;
        check_event(t, POINT_INTERRUPT, 32, (DebugEvent){ 0 });
    }
}

/* The instruction at p without our patch: at an alias of a patched address, where no point is,
 * the guest's own byte is executed. */
static uint32_t fetch(const Trip *t, const uint8_t *p, paddr_t pa)
{
    uint32_t insn = atomic_get_relaxed((const uint32_t *)(const void *)p);

    for (unsigned i = 0; i < t->sv->patches->len; i++) {
        const ScriptPatch *patch = &g_array_index(t->sv->patches, ScriptPatch, i);

        if (patch->at == pa && (insn & 0xff) == SCRIPT_BRK) {
            insn = (insn & ~0xffu) | patch->shadow;
        }
    }
    return insn;
}

/* One instruction and all that comes with it. */
static void trip_one(Trip *t, bool skip)
{
    paddr_t pa;

    if (!skip && !t->args->mask_irq) {
        take_irq(t);
        if (t->exit.nhit) {
            t->leave = true;
            return;
        }
    }
    if (!skip && check_exec(t)) {
        t->leave = true;
        return;
    }
    const uint8_t *p = trip_host(t, t->s->pc, 4, &pa);
    if (!p) {
        return;
    }
    execute(t, fetch(t, p, pa));
    if (t->exit.kind == EXIT_ERROR) {
        return;
    }
    t->exit.step_done = t->args->step;
    t->leave |= t->exit.nhit > 0 || t->args->step;
    if (t->exit.kind == EXIT_KICK && t->args->step) {
        t->exit.kind = EXIT_STEP;
    }
}

VcpuExit scripted_vcpu_run(Cpu *cpu, const RunArgs *args)
{
    ScriptCpu *sc = cpu->accel;
    Trip t = { .cpu = cpu, .s = cpu->env, .sv = cpu->vm->accel_data, .args = args };
    bool skip = args->skip_here && cpu->vm->caps.resume_skips_point;
    uint64_t left = args->budget;

    sc->runs++;
    VcpuExit *forced = g_queue_pop_head(sc->forced);
    if (forced) {
        VcpuExit e = *forced;

        g_free(forced);
        return e;
    }
    if (cpu->power != CPU_POWER_ON) {
        if (!script_cpu_class.has_work(cpu)) {
            return (VcpuExit){ .kind = EXIT_HALT, .skip_left = skip };
        }
        atomic_put(&cpu->power, CPU_POWER_ON);
    }
    while (!t.leave) {
        if (atomic_get(&cpu->attn) & CPU_ATTN_EXIT) {
            t.exit.skip_left = skip;
            return t.exit;
        }
        trip_one(&t, skip);
        skip = false;
        if (!t.leave && args->budget && --left == 0) {
            t.exit.kind = EXIT_BUDGET;
            t.leave = true;
        }
    }
    return t.exit;
}
