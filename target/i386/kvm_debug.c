/* Debug registers under KVM: who has which, the guest's own use of them, and debug exits.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * While any register is ours, the guest's own are virtual: X86State.dr is their truth, each of the
 * guest's moves comes out (DR7.GD) and is executed here, and what it has armed is merged with ours.
 * Otherwise the guest has the registers to itself, in KVM. */
#include <string.h>

#include "target/i386/flags.h"
#include "target/i386/kvm_x86.h"
#include "target/i386/mmu.h"

/* ---- what is armed ---- */

void x86_kvm_arm_with(Cpu *cpu, uint32_t control, const X86DrMerge *m, bool gd)
{
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_guest_debug d = { .control = control ? control | KVM_GUESTDBG_ENABLE : 0 };

    if (control & KVM_GUESTDBG_USE_HW_BP) {
        for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
            d.arch.debugreg[i] = m->slot[i].addr;
        }
        d.arch.debugreg[7] = (m->dr7 & ~(uint64_t)X86_DR7_GD) | (gd ? X86_DR7_GD : 0);
    }
    if (!(control & KVM_GUESTDBG_SINGLESTEP) && !memcmp(&d, &k->armed, sizeof(d))) {
        return;
    }
    k->armed = d;
    x86_kvm_do(cpu, KVM_SET_GUEST_DEBUG, &d, "setting up debugging");
}

/* Distributes the registers between the guest and our rows; tells of rows that got none. */
static void merge(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    const X86State *s = cpu->env;
    static const uint64_t none[X86_DR_SLOTS];
    bool share = x86_kvm_vm(cpu)->caps.gd;
    const PlanPoint *spilled[X86_KVM_ROWS];
    unsigned n = 0;

    x86_dr_merge(k->wish, k->nrow, share ? s->dr : none, share ? s->dr[7] : X86_DR7_FIXED, &k->merge);
    for (unsigned i = 0; i < k->nrow; i++) {
        if (k->merge.spill >> i & 1) {
            spilled[n++] = k->row[i];
        }
    }
    kvm_points_spill(cpu, spilled, n);
    k->dr_dirty = false;
}

/* Our registers come or go: the guest's own move between KVM and here. */
static void set_hw(Cpu *cpu, bool hw)
{
    X86Kvm *k = x86_kvm(cpu);

    if (hw == k->hw) {
        return;
    }
    cpu_fetch(cpu, REGS_DEBUG);
    if (!hw) {
        x86_kvm_put_debugregs(cpu);
    }
    k->hw = hw;
}

void x86_kvm_plan(Cpu *cpu, const DebugPlan *plan)
{
    X86Kvm *k = x86_kvm(cpu);

    k->plan = plan;
    k->nrow = 0;
    for (unsigned i = 0; i < plan->n && k->nrow < X86_KVM_ROWS; i++) {
        const PlanPoint *p = &plan->point[i];

        if (p->backing == BACKING_SLOT && (!p->scope.cpus || p->scope.cpus >> cpu->index & 1)) {
            k->wish[k->nrow] = (X86DrWish){ .kind = p->kind, .addr = p->addr, .len = p->len };
            k->row[k->nrow++] = p;
        }
    }
    set_hw(cpu, k->nrow != 0);
    merge(cpu);
}

/* What a register watches, now. */
static uint64_t slot_value(Cpu *cpu, const X86DrPoint *p)
{
    uint64_t v = 0;

    x86_peek(cpu, p->addr, &v, p->len);
    return v;
}

static bool slot_is_data(const X86DrPoint *p)
{
    return p->on && (p->kind == X86_DR_WRITE || p->kind == X86_DR_RW);
}

void x86_kvm_note_values(Cpu *cpu, const X86DrMerge *m)
{
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if (slot_is_data(&m->slot[i])) {
            cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
            x86_kvm(cpu)->held[i] = slot_value(cpu, &m->slot[i]);
        }
    }
}

uint32_t x86_kvm_changed(Cpu *cpu, const X86DrMerge *m)
{
    uint32_t b = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        const X86DrPoint *p = &m->slot[i];

        b |= (uint32_t)(slot_is_data(p) && slot_value(cpu, p) != x86_kvm(cpu)->held[i]) << i;
    }
    return b;
}

void x86_kvm_arm(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    bool gd = x86_kvm_vm(cpu)->caps.gd;
    uint32_t control = kvm_patches_any(kvm_of(cpu)) ? KVM_GUESTDBG_USE_SW_BP : 0;

    if (k->hw && k->dr_dirty) {
        cpu_fetch(cpu, REGS_DEBUG | REGS_GENERAL | REGS_SYSTEM);
        merge(cpu);
        control = kvm_patches_any(kvm_of(cpu)) ? KVM_GUESTDBG_USE_SW_BP : 0;
    }
    if (k->hw && !x86_kvm_vm(cpu)->caps.cause) {
        x86_kvm_note_values(cpu, &k->merge);
    }
    x86_kvm_arm_with(cpu, control | (k->hw ? KVM_GUESTDBG_USE_HW_BP : 0), &k->merge, gd);
}

/* ---- exceptions for the guest ---- */

void x86_kvm_inject(Cpu *cpu, unsigned vector, int64_t error)
{
    X86Kvm *k = x86_kvm(cpu);

    cpu_fetch(cpu, REGS_EVENTS);
    k->events.exception.injected = 1;
    k->events.exception.nr = (uint8_t)vector;
    k->events.exception.has_error_code = error >= 0;
    k->events.exception.error_code = error >= 0 ? (uint32_t)error : 0;
    k->events.exception.pending = 0;
    x86_kvm_put_events(cpu);
}

/* A debug exception may clear B0-3 of earlier ones (SDM vol. 3, 18.2.3): the processors do. Its
 * delivery clears GD. */
void x86_kvm_inject_db(Cpu *cpu, uint32_t bits)
{
    X86Kvm *k = x86_kvm(cpu);
    X86State *s = cpu->env;

    cpu_fetch(cpu, REGS_DEBUG);
    s->dr[6] = (s->dr[6] & ~(uint64_t)15) | bits | X86_DR6_FIXED;
    s->dr[7] &= ~(uint64_t)X86_DR7_GD;
    x86_kvm_put_debugregs(cpu);
    k->dr_dirty = true;
    x86_kvm_inject(cpu, X86_EXC_DB, -1);
}

/* ---- the guest's moves to and from its debug registers (SDM vol. 2, MOV; vol. 3, 18.2) ---- */

/* The vector of the exception that a move raises, with its error code; -1: none. */
static int mov_dr_fault(const X86State *s, const X86Insn *in, int64_t *error)
{
    *error = -1;
    if (in->dr > 7 || (in->dr >= 4 && in->dr <= 5 && (s->cr4 & X86_CR4_DE))) {
        return X86_EXC_UD;
    }
    if (x86_cpl(s) != 0) {
        *error = 0;
        return X86_EXC_GP;
    }
    if (s->dr[7] & X86_DR7_GD) {
        return X86_EXC_DB;
    }
    if (in->dr_write && in->dr >= 4 && s->gpr[in->gpr] >> 32 && x86_in_64(s)) {
        *error = 0;
        return X86_EXC_GP;
    }
    return -1;
}

static void mov_dr_write(X86State *s, unsigned n, uint64_t v)
{
    if (n == 6) {
        s->dr[6] = (v & X86_DR6_BITS) | X86_DR6_FIXED;
    } else {
        s->dr[n] = n == 7 ? x86_dr7_legal(v) : v;
    }
}

bool x86_kvm_mov_dr(Cpu *cpu, const X86Insn *in)
{
    X86Kvm *k = x86_kvm(cpu);
    X86State *s = cpu->env;
    uint64_t mask = x86_in_64(s) ? UINT64_MAX : UINT32_MAX;
    int64_t error;

    cpu_fetch(cpu, REGS_DEBUG | REGS_GENERAL | REGS_SYSTEM);
    int vector = mov_dr_fault(s, in, &error);
    if (vector >= 0) {
        if (vector == X86_EXC_DB) {
            s->eflags |= X86_RF;
            x86_kvm_put_regs(cpu);
            x86_kvm_inject_db(cpu, X86_DR6_BD);
        } else {
            s->eflags |= X86_RF;
            x86_kvm_put_regs(cpu);
            x86_kvm_inject(cpu, (unsigned)vector, error);
        }
        return true;
    }
    unsigned n = in->dr == 4 || in->dr == 5 ? in->dr + 2u : in->dr;
    if (in->dr_write) {
        mov_dr_write(s, n, s->gpr[in->gpr] & mask);
        x86_kvm_put_debugregs(cpu);
        k->dr_dirty = true;
    } else {
        s->gpr[in->gpr] = s->dr[n] & mask;
    }
    s->rip += in->len;
    s->eflags &= ~X86_RF;
    s->mode &= ~(X86_MODE_SHADOW | X86_MODE_SS_SHADOW);
    x86_mode_update(s);
    x86_kvm_put_regs(cpu);
    return false;
}

/* ---- exits ---- */

/* Where a row was met: its range may have taken several registers. */
static vaddr_t met_at(const X86Kvm *k, unsigned row, const X86DrMerge *m, uint32_t met)
{
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if ((met >> i & 1) && (m->wish[i] >> row & 1)) {
            return MAX(m->slot[i].addr, k->row[row]->addr);
        }
    }
    return k->row[row]->addr;
}

void x86_kvm_row_hits(Cpu *cpu, uint64_t rows, const X86DrMerge *m, uint32_t met, VcpuExit *e)
{
    const X86Kvm *k = x86_kvm(cpu);

    for (unsigned i = 0; i < k->nrow; i++) {
        const PlanPoint *p = k->row[i];

        if ((rows >> i & 1) && scope_has(&p->scope, cpu)) {
            VcpuHit hit = { .loc = p->loc, .access = met_at(k, i, m, met), .write = p->kind == POINT_WRITE };

            kvm_add_hit(e, &hit);
        }
    }
}

/* Is a debug exception here the guest's own single step? It shows TF, or POPF has just cleared it. */
static bool steps_itself(const Cpu *cpu)
{
    const X86State *s = cpu->env;
    uint8_t before = 0;

    x86_peek(cpu, cpu_pc(cpu) - 1, &before, 1);
    return (s->eflags & X86_TF) || before == 0x9d;
}

/* What was met, in DR6's bits, where this KVM does not say it. Execution is seen by the pc. */
static uint32_t guess_exec(Cpu *cpu)
{
    const X86Kvm *k = x86_kvm(cpu);
    uint64_t addr[X86_DR_SLOTS];

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        addr[i] = k->merge.slot[i].addr;
    }
    return x86_dr_match_exec(addr, k->merge.dr7, cpu_pc(cpu));
}

/* A write is seen by the value; an access that changed nothing may have been of any register that watches
 * data. */
static uint32_t guess_rest(Cpu *cpu, uint32_t exec)
{
    const X86Kvm *k = x86_kvm(cpu);
    uint32_t data = 0, met = exec | x86_kvm_changed(cpu, &k->merge);

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        data |= (uint32_t)slot_is_data(&k->merge.slot[i]) << i;
    }
    if (met) {
        return met;
    }
    return steps_itself(cpu) ? X86_DR6_BS : data;
}

/* Is this the guest's move to or from a debug register? Then it is done. */
static bool served_mov_dr(Cpu *cpu, uint32_t dr6)
{
    const X86Kvm *k = x86_kvm(cpu);
    X86Insn in;

    if (!(k->armed.arch.debugreg[7] & X86_DR7_GD) || !((dr6 & X86_DR6_BD) || !(dr6 & 15)) ||
        !x86_insn_at_pc(cpu, &in) || in.kind != X86_INSN_MOV_DR) {
        return false;
    }
    x86_kvm_mov_dr(cpu, &in);
    return true;
}

/* ICEBP comes out with the pc at it and no cause: the guest gets its exception behind it. */
static bool served_icebp(Cpu *cpu, uint32_t dr6)
{
    X86State *s = cpu->env;
    X86Insn in;

    if ((dr6 & (15 | X86_DR6_BS)) || !x86_insn_at_pc(cpu, &in) || in.kind != X86_INSN_ICEBP) {
        return false;
    }
    s->rip += in.len;
    s->eflags &= ~X86_RF;
    x86_kvm_put_regs(cpu);
    x86_kvm_inject_db(cpu, 0);
    return true;
}

/* The guest's share of a debug exception: B0-3 in its own numbering, and its own single step. */
static void give_guest(Cpu *cpu, uint32_t bits)
{
    const X86Kvm *k = x86_kvm(cpu);
    X86State *s = cpu->env;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if ((bits >> i & 1) && x86_dr_get(s->dr[7], s->dr[i], i).kind == X86_DR_EXEC) {
            s->eflags |= X86_RF;        /* a fault: its frame has RF set */
            x86_kvm_put_regs(cpu);
            break;
        }
    }
    g_assert(k->hw);
    x86_kvm_inject_db(cpu, bits);
}

/* Behind a step an emulated processor may come out of one of the next entries with a trap that nothing
 * has caused. */
#define LEFTOVER_ENTRIES 8

static bool is_leftover(const Cpu *cpu)
{
    return x86_kvm(cpu)->since_step <= LEFTOVER_ENTRIES && !steps_itself(cpu);
}

static bool debug_exception(Cpu *cpu, VcpuExit *e)
{
    X86Kvm *k = x86_kvm(cpu);
    const X86State *s = cpu->env;
    uint32_t dr6 = (uint32_t)kvm_cpu(cpu)->run->debug.arch.dr6, b, guest;
    bool guess = !x86_kvm_vm(cpu)->caps.cause && !(dr6 & (15 | X86_DR6_BS));
    uint64_t rows;

    dr6 |= guess ? guess_exec(cpu) : 0;
    if (served_mov_dr(cpu, dr6) || served_icebp(cpu, dr6)) {
        return false;
    }
    dr6 |= guess ? guess_rest(cpu, dr6 & 15) : 0;
    b = dr6 & 15;
    x86_dr_merge_hits(&k->merge, b, &guest, &rows);
    x86_kvm_row_hits(cpu, rows, &k->merge, b, e);
    guest |= (dr6 & X86_DR6_BS) && !is_leftover(cpu) ? X86_DR6_BS : 0;
    if (e->nhit && x86_dr_match_exec(s->dr, s->dr[7], cpu_pc(cpu)) == (guest & 15)) {
        guest &= ~15u;      /* at the same instruction: the guest's turn is when it goes on from ours */
    }
    if (guest) {
        give_guest(cpu, guest);
    }
    if (!e->nhit && !guest && rows) {
        return kvm_step(cpu, e) == KVM_STEP_EXIT;       /* out of scope: pass what would hit again */
    }
    e->kind = e->nhit ? EXIT_POINT : e->kind;
    return e->nhit != 0;
}

/* Debug registers come before INT3: if the guest has an execute breakpoint where a patch was met, it has
 * passed it, with RF set, which KVM does not tell. */
static void keep_rf(Cpu *cpu)
{
    X86State *s = cpu->env;

    cpu_fetch(cpu, REGS_DEBUG);
    if (x86_dr_match_exec(s->dr, s->dr[7], cpu_pc(cpu)) && !(s->eflags & X86_RF)) {
        x86_kvm(cpu)->passed = true;
        s->eflags |= X86_RF;
        x86_mode_update(s);
        x86_kvm_put_regs(cpu);
    }
}

/* An int3: ours, or one that the guest wrote itself, or a patch seen through another mapping. The
 * latter two are executed with the patches lifted. */
static bool breakpoint_exception(Cpu *cpu, VcpuExit *e)
{
    if (kvm_patch_at_pc(cpu) && kvm_points_exec_at(cpu, true, e)) {
        keep_rf(cpu);
        kvm_points_exec_at(cpu, false, e);
        e->kind = EXIT_POINT;
        return true;
    }
    switch (kvm_step(cpu, e)) {
    case KVM_STEP_EXIT:
        return true;
    default:
        if (e->nhit) {
            e->kind = EXIT_POINT;
        }
        return e->nhit != 0;
    }
}

bool x86_kvm_debug_exit(Cpu *cpu, VcpuExit *e)
{
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    return kvm_cpu(cpu)->run->debug.arch.exception == X86_EXC_BP ? breakpoint_exception(cpu, e)
                                                                : debug_exception(cpu, e);
}
