/* The execution loop of a vCPU: interrupts and exceptions between blocks, finding and linking blocks, steps,
 * careful instructions, points.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/exec.h"

#include <sched.h>
#include <string.h>

#include "accel/tcg/blocks.h"
#include "accel/tcg/events.h"
#include "accel/tcg/gate.h"
#include "accel/tcg/tlb.h"
#include "accel/tcg/translate.h"
#include "accel/tcg/watch.h"
#include "util/log.h"
#include "vm/vm.h"

/* Why the loop was entered through its sigsetjmp. */
enum { UNWIND_NONE, UNWIND_RAISE, UNWIND_LEAVE, UNWIND_CAREFUL, UNWIND_EXIT };

/* ---- leaving generated code ---- */

static void unwind(Cpu *cpu, int why) __attribute__((noreturn));
static void unwind(Cpu *cpu, int why)
{
    siglongjmp(tcg_cpu(cpu)->unwind, why);
}

void tcg_raise(Cpu *cpu)
{
    unwind(cpu, UNWIND_RAISE);
}

void tcg_leave(Cpu *cpu, TcgExit why)
{
    tcg_cpu(cpu)->leave = why;
    unwind(cpu, UNWIND_LEAVE);
}

void tcg_exit(Cpu *cpu, const VcpuExit *exit)
{
    tcg_cpu(cpu)->exit = *exit;
    unwind(cpu, UNWIND_EXIT);
}

void tcg_restart_careful(Cpu *cpu, vaddr_t pc)
{
    *(uint64_t *)((char *)cpu->env + tcg_state(cpu)->fe->pc_offset) = pc;
    unwind(cpu, UNWIND_CAREFUL);
}

bool tcg_in_single(const Cpu *cpu)
{
    return tcg_cpu(cpu)->careful;
}

/* ---- the loop ---- */

/* What the loop carries from turn to turn; not in registers over sigsetjmp. */
typedef struct Loop {
    const RunArgs *args;
    bool skip;              /* do not report exec points for the next instruction, and let no interrupt in */
    bool passed;            /* the point at the pc was passed already: the instruction was begun and is run anew */
    bool counted;
    uint64_t left;          /* of the budget, beyond TcgCpu.budget */
    TcgBlock *from;         /* whose slot wants to be linked */
    unsigned slot;
    uint64_t flushes;       /* from is void when this has changed */
} Loop;

static vaddr_t state_pc(Cpu *cpu)
{
    return *(uint64_t *)((char *)cpu->env + tcg_state(cpu)->fe->pc_offset);
}

static uint32_t state_mode(Cpu *cpu)
{
    return *(uint32_t *)((char *)cpu->env + tcg_state(cpu)->fe->mode_offset);
}

/* An instruction of a counted block did not finish: gives back what was counted for it and those after it. */
static void uncount(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    const TcgBlock *tb = tc->current;
    vaddr_t off = state_pc(cpu) - tb->pc;
    unsigned n = 0;

    while (n < tb->ninsns && tb->insn_at[n] < off) {
        n++;
    }
    tc->budget += (int32_t)(tb->ninsns - n);
}

/* Exec points at the present pc, as hits. */
static unsigned collect_points(Cpu *cpu, VcpuExit *exit)
{
    const DebugPlan *plan = tcg_state(cpu)->plan;
    vaddr_t va = tcg_state(cpu)->fe->fetch_addr(cpu, state_pc(cpu));
    Translation t;
    bool mapped = cpu->class->translate(cpu, va, &t);

    exit->nhit = 0;
    for (unsigned i = 0; plan && i < plan->n && exit->nhit < VCPU_HITS; i++) {
        const PlanPoint *p = &plan->point[i];

        if (p->kind == POINT_EXEC && scope_has(&p->scope, cpu) &&
            (p->akind == ADDR_PHYS ? mapped && t.paddr == p->addr : p->addr == va)) {
            exit->hit[exit->nhit++] = (VcpuHit){ .loc = p->loc, .access = p->addr };
        }
    }
    return exit->nhit;
}

static void jump_enter(Cpu *cpu, TcgBlock *tb)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgJumpEntry *e = &tc->jump[tcg_jc_index(tb->pc)];

    if (e->block == tb && atomic_get(&e->pc) == tb->pc) {
        return;
    }
    if (tb->mode & TCG_MODE_SINGLE || log_enabled(LOG_EXEC | LOG_CPU)) {
        return;
    }
    mutex_lock(&tc->tlb_lock);
    if (!atomic_get(&tb->invalid)) {
        e->mode = tb->mode;
        e->code = tb->code;
        e->block = tb;
        __atomic_store_n(&e->pc, tb->pc, __ATOMIC_RELEASE);
        tlb_jump_filled(cpu, tb);
    }
    mutex_unlock(&tc->tlb_lock);
}

/* No walk, no translation, no exception: what needs one goes through the loop. */
const void *tcg_code_find(void *env, uint64_t mode)
{
    Cpu *cpu = cpu_from_env(env);
    TcgCpu *tc = tcg_cpu(cpu);
    const TcgFrontend *fe = tc->tcg->fe;
    vaddr_t pc = state_pc(cpu), va = fe->fetch_addr(cpu, pc);
    const TcgTlbInfo *info = &tc->tlb_info[fe->fetch_mmu(mode)][tlb_index(va)];
    TcgBlock *tb;

    if (!tlb_tag_is(info->exec, va) || va - pc != tc->fetch_base || log_enabled(LOG_EXEC | LOG_CPU)) {
        return NULL;
    }
    tb = blocks_find(tc->tcg, info->phys | (va & ~TCG_PAGE_MASK), pc, va - pc, mode);
    if (!tb || tb->page[1] != TCG_NO_PAGE) {
        return NULL;
    }
    jump_enter(cpu, tb);
    return tb->code;
}

static void check_fetch_base(Cpu *cpu)
{
    TcgCpu *tc = tcg_cpu(cpu);
    vaddr_t pc = state_pc(cpu), base = tc->tcg->fe->fetch_addr(cpu, pc) - pc;

    if (base != tc->fetch_base) {
        tc->fetch_base = base;
        mutex_lock(&tc->tlb_lock);
        tcg_jump_flush(cpu);
        mutex_unlock(&tc->tlb_lock);
    }
}

/* Finds the next block; NULL: an exception is in the state. */
static TcgBlock *next_block(Cpu *cpu, Loop *l)
{
    TcgCpu *tc = tcg_cpu(cpu);
    uint64_t mode = state_mode(cpu);
    vaddr_t pc = state_pc(cpu);
    TcgJumpEntry *e = &tc->jump[tcg_jc_index(pc)];

    if (tc->careful || l->skip) {
        mode |= TCG_MODE_SINGLE;
    }
    if (l->skip || l->passed) {
        mode |= TCG_MODE_NOPOINT;
    }
    if (l->counted) {
        mode |= TCG_MODE_COUNTED;
    }
    if (atomic_get(&e->pc) == pc && e->mode == mode) {
        return e->block;
    }
    return tcg_block_get(cpu, pc, mode);
}

/* Makes the way to a block shorter for the next time. In code, so that no flush comes between. */
static void remember(Cpu *cpu, Loop *l, TcgBlock *tb)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgBlock *from = l->from;

    jump_enter(cpu, tb);
    if (from && from->patch[l->slot] && from->mode == tb->mode && from->base == tb->base &&
        tb->page[1] == TCG_NO_PAGE && from->jump_pc[l->slot] == tb->pc) {
        blocks_link(tc->tcg, from, l->slot, tb);
    }
    l->from = NULL;
}

/* Runs from a block on; the state's pc says where it came to. */
static TcgExit run_blocks(Cpu *cpu, Loop *l, TcgBlock *tb)
{
    TcgCpu *tc = tcg_cpu(cpu);
    TcgRunResult r;

    if (log_enabled(LOG_EXEC | LOG_CPU)) {
        log_printf("EXEC: cpu %u pc 0x%016" G_GINT64_MODIFIER "x mode 0x%" G_GINT64_MODIFIER "x\n",
                   cpu->index, tb->pc, tb->mode);
    }
    if (log_enabled(LOG_CPU)) {
        cpu_log(cpu);
    }
    tcg_fp_enter(cpu);
    r = tc->tcg->backend->run(cpu, tb);
    tcg_fp_leave(cpu);
    l->from = r.from;
    l->slot = r.slot;
    return r.why;
}

/* An instruction or a delivery has ended: gives what there is to tell (an event, data points, the
 * end of a step) as the exit. False: nothing. */
static bool ended(Cpu *cpu, bool step, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);

    events_ended(cpu);
    if (!events_tell(cpu, exit)) {
        if (!tc->exit.nhit && !step) {
            return false;
        }
        *exit = (VcpuExit){ .kind = tc->exit.nhit ? EXIT_POINT : EXIT_STEP };
    }
    events_add_hits(cpu, exit);
    exit->step_done = tc->step;
    return true;
}

uint32_t tcg_guest_hits_take(Cpu *cpu)
{
    uint32_t tags = tcg_cpu(cpu)->guest_hits;

    tcg_cpu(cpu)->guest_hits = 0;
    return tags;
}

/* The instruction that ran alone has ended. True: *exit tells what to return. */
static bool single_done(Cpu *cpu, Loop *l, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);
    uint32_t tags = tcg_guest_hits_take(cpu);

    if (tags) {
        tc->tcg->fe->guest_watch(cpu, tags);    /* may raise: unwound() reports our own hits then */
    }
    tc->careful = tc->step;
    l->skip = l->passed = false;
    return ended(cpu, tc->step, exit);
}

/* The target's callbacks that deliver push frames: no instruction is under way that could be begun anew, so
 * their accesses are compared with the data points at once. A point of the guest's own that they hit is told
 * when the frame is complete. */
static void delivery_begin(TcgCpu *tc)
{
    tc->careful = true;
}

static void delivery_end(Cpu *cpu)
{
    uint32_t tags = tcg_guest_hits_take(cpu);

    tcg_cpu(cpu)->careful = tcg_cpu(cpu)->step;
    if (tags) {
        tcg_cpu(cpu)->tcg->fe->guest_watch(cpu, tags);
    }
}

/* Asks the target for an interrupt; with `hold` it only sees to what is not the guest's to see. */
static bool take_interrupt(Cpu *cpu, bool hold)
{
    TcgCpu *tc = tcg_cpu(cpu);
    bool careful = tc->careful, took;

    delivery_begin(tc);
    took = tc->tcg->fe->interrupt(cpu, hold);
    if (took) {
        delivery_end(cpu);
    } else {
        tc->careful = careful;
    }
    return took;
}

/* Interrupts and the like, before an instruction. True: return *exit. */
static bool before_block(Cpu *cpu, Loop *l, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);
    uint32_t attn = atomic_and_old(&cpu->attn, ~(uint32_t)(CPU_ATTN_IRQ | CPU_ATTN_ACCEL));

    if (attn & CPU_ATTN_EXIT) {
        *exit = (VcpuExit){ .kind = EXIT_KICK, .skip_left = l->skip };
        return true;
    }
    if (cpu_interrupt_pending(cpu) &&
        take_interrupt(cpu, tc->mask_irq || (l->skip && cpu->power == CPU_POWER_ON))) {
        l->from = NULL;
        if (ended(cpu, tc->step && cpu->power == CPU_POWER_ON, exit)) {
            return true;
        }
    }
    if (cpu->power != CPU_POWER_ON) {
        *exit = (VcpuExit){ .kind = EXIT_HALT, .step_done = tc->step, .skip_left = l->skip };
        return true;
    }
    return false;
}

static bool budget_over(Cpu *cpu, Loop *l)
{
    TcgCpu *tc = tcg_cpu(cpu);

    if (tc->budget == 0 && l->left) {
        tc->budget = (int32_t)MIN(l->left, G_MAXINT32);
        l->left -= (uint64_t)tc->budget;
    }
    return tc->budget == 0;
}

/* One turn: something delivered or blocks run. True: return *exit. */
static bool turn(Cpu *cpu, Loop *l, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);
    uint64_t flushes;
    TcgBlock *tb;

    tc->current = NULL;
    if (before_block(cpu, l, exit)) {
        return true;
    }
    if (l->counted && budget_over(cpu, l)) {
        *exit = (VcpuExit){ .kind = EXIT_BUDGET };
        return true;
    }
    check_fetch_base(cpu);
    flushes = atomic_get(&tc->tcg->flushes);
    tb = next_block(cpu, l);
    if (!tb) {
        /* A breakpoint comes before the fault of fetching its instruction (SDM vol. 3, table 6-2; gdb puts the
         * return of a called function on the stack, which may not be executable). */
        if (!l->skip && !l->passed && collect_points(cpu, exit)) {
            exit->kind = EXIT_POINT;
            return true;
        }
        unwind(cpu, UNWIND_RAISE);
    }
    gate_enter(cpu);
    if (flushes != atomic_get(&tc->tcg->flushes)) {
        l->from = NULL;     /* everything was thrown away between the look-up and now */
        gate_leave(cpu);
        return false;
    }
    if (l->flushes != flushes) {
        l->from = NULL;
    }
    l->flushes = flushes;
    remember(cpu, l, tb);
    switch (run_blocks(cpu, l, tb)) {
    case TCG_EXIT_POINT:
        gate_leave(cpu);
        if (l->counted) {
            uncount(cpu);
        }
        if (collect_points(cpu, exit)) {
            exit->kind = EXIT_POINT;
            return true;
        }
        l->skip = true;     /* out of scope, or of another address space */
        return false;
    case TCG_EXIT_BUDGET:
        gate_leave(cpu);
        if (tc->budget > 0) {
            tc->careful = true;     /* fewer than the block has: one by one */
        }
        return false;
    case TCG_EXIT_REQUEST:
        gate_leave(cpu);
        return false;
    case TCG_EXIT_YIELD:
        gate_leave(cpu);
        sched_yield();
        break;
    default:
        gate_leave(cpu);
        break;
    }
    if (tb->mode & TCG_MODE_SINGLE) {
        return single_done(cpu, l, exit);
    }
    /* What changes the mode or the address space ends its block. */
    return cpu->events && ended(cpu, false, exit);
}

/* Delivers the exception that was raised. True: return *exit. */
static bool raised(Cpu *cpu, Loop *l, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);
    /* A trap comes after its instruction, whose accesses then count; a fault undoes it. */
    bool trap = tc->current && state_pc(cpu) != tc->current->pc;

    if (!trap && !tc->delivering) {
        tc->exit.nhit = 0;
        tc->guest_hits = 0;
        tc->events.nlate = 0;
    } else if (cpu->events) {
        events_look(cpu);
    }
    tc->careful = tc->step;
    l->skip = l->passed = false;
    tc->delivering = true;
    delivery_begin(tc);
    tc->tcg->fe->deliver(cpu);      /* may raise another one, which comes here again */
    tc->delivering = false;
    delivery_end(cpu);
    return ended(cpu, tc->step, exit);
}

/* After an unwinding: brings locks and modes in order. True: return *exit. */
static bool unwound(Cpu *cpu, Loop *l, int why, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);

    tcg_fp_leave(cpu);
    if (tc->exclusive) {
        tc->was_in_code = false;
        tcg_exclusive_end(cpu);
    }
    gate_leave(cpu);
    l->from = NULL;
    if (why != UNWIND_LEAVE && l->counted && tc->current && !tc->delivering) {
        uncount(cpu);
    }
    switch (why) {
    case UNWIND_CAREFUL:
        tc->careful = l->passed = true;
        return false;
    case UNWIND_EXIT:
        *exit = tc->exit;
        tc->exit.nhit = 0;
        return true;
    case UNWIND_LEAVE:
        if (tc->leave == TCG_EXIT_YIELD) {
            sched_yield();
        }
        if (tc->careful || l->skip) {
            return single_done(cpu, l, exit);
        }
        return cpu->events && ended(cpu, false, exit);
    default:
        return raised(cpu, l, exit);
    }
}

/* Goes on after the event that the last run ended with. True: return *exit. */
static bool begun(Cpu *cpu, Loop *l, VcpuExit *exit)
{
    TcgCpu *tc = tcg_cpu(cpu);

    events_begin(cpu);
    if (events_tell(cpu, exit)) {
        return true;
    }
    if (tc->events.deliver) {
        tc->events.deliver = false;
        return raised(cpu, l, exit);
    }
    l->skip = l->skip || tc->events.ntold;
    return false;
}

VcpuExit tcg_vcpu_run(Cpu *cpu, const RunArgs *args)
{
    TcgCpu *tc = tcg_cpu(cpu);
    Loop loop = { .args = args, .skip = args->skip_here, .counted = args->budget != 0, .left = args->budget };
    Loop *volatile l = &loop;
    VcpuExit exit = { .kind = EXIT_KICK };
    VcpuExit *volatile out = &exit;
    int why;

    tc->step = tc->careful = args->step;
    tc->mask_irq = args->mask_irq;
    tc->budget = 0;
    tc->current = NULL;
    tc->exit.nhit = 0;
    tc->guest_hits = 0;
    tc->delivering = false;
    loop.flushes = atomic_get(&tc->tcg->flushes);
    why = sigsetjmp(tc->unwind, 0);
    if (why == UNWIND_NONE ? !begun(cpu, l, out) : !unwound(cpu, l, why, out)) {
        while (!turn(cpu, l, out)) {
        }
    }
    cpu->insns += l->counted ? args->budget - l->left - (uint64_t)tc->budget : 0;
    return *out;
}
