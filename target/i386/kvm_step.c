/* One instruction at a time under KVM, leaving no trace of it in the guest.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Most instructions are stepped with KVM's single step, that is, with TF set. Those that would show
 * TF to the guest (PUSHF, INT, SYSCALL...), and those that KVM executes (IN, CPUID...), run without it,
 * to an execute breakpoint where they lead.
 * An instruction that faults would run on in the guest's handler: for the length of the step the page
 * of the guest's interrupt table is barred, so that the exception comes out, named, before it is
 * delivered; it is then delivered to a breakpoint on its handler. In a step the guest's own debug
 * registers are merged with ours and TF is kept here, whatever was in force before. */
#include <string.h>

#include "target/i386/excp.h"
#include "target/i386/flags.h"
#include "target/i386/gate.h"
#include "target/i386/kvm_chips.h"
#include "target/i386/mmu.h"
#include "util/bytes.h"

#define SPURIOUS_MAX 16     /* exits that executed nothing: seen with emulated VMX, up to five */

typedef struct Step {
    Cpu *cpu;
    X86Kvm *k;
    X86State *s;
    VcpuExit *e;
    uint32_t control;       /* KVM_GUESTDBG_* */
    bool block;             /* KVM's own controllers hold their interrupts */
    X86DrMerge m;           /* registers for the step */
    uint32_t stops;         /* those of them that end it */
    X86DrMerge evicted;     /* what had to make room: bit per register in gone */
    uint32_t gone;
    bool tf;                /* the guest's own, as it was */
    bool tf_after;          /* ... as the instruction leaves it */
    bool was_if;
    vaddr_t pc;
    uint64_t gpr[16];
    uint64_t flags;
    bool open;              /* the interrupt table is not barred: the instruction itself uses its page */
    uint64_t rep_left;      /* iterations that REP INS or OUTS has left after this one */
    bool patched;           /* a temporary breakpoint instruction lies behind it */
    uint8_t saved[4];
} Step;

/* What a run of the guest ended with, for the step. */
typedef enum Ran { RAN_ON, RAN_END, RAN_FAULT, RAN_KICK, RAN_EXIT } Ran;

/* ---- registers for the step ---- */

/* The guest's and our data points; execute breakpoints are no matter for one instruction: ours are
 * found at the next pc by the core, the guest's are looked at before. */
static void registers_begin(Step *st)
{
    X86DrWish wish[X86_KVM_ROWS];
    uint64_t index[X86_KVM_ROWS];
    uint64_t dr7 = st->s->dr[7];
    unsigned n = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if (x86_dr_get(dr7, st->s->dr[i], i).kind == X86_DR_EXEC) {
            dr7 &= ~(UINT64_C(3) << (2 * i));
        }
    }
    for (unsigned i = 0; i < st->k->nrow; i++) {
        if (st->k->wish[i].kind != POINT_EXEC) {
            index[n] = i;
            wish[n++] = st->k->wish[i];
        }
    }
    x86_dr_merge(wish, n, st->s->dr, dr7, &st->m);
    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        uint64_t rows = 0;

        for (unsigned b = 0; b < n; b++) {
            rows |= (st->m.wish[i] >> b & 1) << index[b];
        }
        st->m.wish[i] = rows;
    }
    if (!x86_kvm_vm(st->cpu)->caps.cause) {
        x86_kvm_note_values(st->cpu, &st->m);
    }
}

/* Takes a register for a breakpoint at which the step ends. */
static void stop_at(Step *st, vaddr_t at)
{
    X86DrPoint p = { .on = true, .kind = X86_DR_EXEC, .len = 1, .addr = at };
    int slot = -1;

    for (int i = 0; i < X86_DR_SLOTS; i++) {
        if (!st->m.slot[i].on) {
            slot = i;
            break;
        }
        if (!(st->stops >> i & 1) && (slot < 0 || !st->m.guest[i])) {
            slot = i;       /* the last one of ours makes room rather than one of the guest's */
        }
    }
    if (slot < 0) {
        return;
    }
    if (st->m.slot[slot].on) {
        st->gone |= 1u << slot;
        st->evicted.slot[slot] = st->m.slot[slot];
        st->evicted.guest[slot] = st->m.guest[slot];
        st->evicted.wish[slot] = st->m.wish[slot];
    }
    st->m.slot[slot] = p;
    st->m.guest[slot] = 0;
    st->m.wish[slot] = 0;
    st->m.dr7 = x86_dr_put(st->m.dr7, (unsigned)slot, &p);
    st->stops |= 1u << slot;
}

/* Takes it only if nothing has to make room. */
static void stop_at_if_free(Step *st, unsigned vector)
{
    vaddr_t at;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        if (!st->m.slot[i].on) {
            if (x86_gate_target(st->cpu, vector, &at)) {
                stop_at(st, at);
            }
            return;
        }
    }
}

/* Which of these registers the operands of the instruction meet. */
static uint32_t operand_hits(const Step *st, const X86DrMerge *m, uint32_t which)
{
    uint32_t b = 0;

    for (unsigned i = 0; i < X86_DR_SLOTS; i++) {
        const X86DrPoint *p = &m->slot[i];
        uint64_t dr[X86_DR_SLOTS] = { 0 };

        dr[i] = p->addr;
        for (unsigned r = 0; (which >> i & 1) && st->k->insn_known && r < st->k->insn.nref; r++) {
            const X86MemRef *ref = &st->k->insn.ref[r];

            b |= x86_dr_match_data(dr, x86_dr_put(0, i, p), ref->addr, ref->size, ref->write);
        }
    }
    return b;
}

/* What was met, beside the ends of the step. Where KVM does not tell, what changed, and what the
 * instruction touches if it was executed. */
static uint32_t cause(const Step *st, uint32_t dr6, bool executed)
{
    uint32_t b = dr6 & 15;

    if (!x86_kvm_vm(st->cpu)->caps.cause) {
        b |= x86_kvm_changed(st->cpu, &st->m) | (executed ? operand_hits(st, &st->m, 15) : 0);
    }
    return b & ~st->stops;
}

/* ---- running ---- */

static void arm(Step *st)
{
    x86_kvm_arm_with(st->cpu, st->control | KVM_GUESTDBG_USE_HW_BP | (st->block ? KVM_GUESTDBG_BLOCKIRQ : 0),
                     &st->m, x86_kvm_vm(st->cpu)->caps.gd);
}

static bool table_range(const X86State *s, vaddr_t *at, uint64_t *len)
{
    *at = s->idt.base;
    *len = (uint64_t)s->idt.limit + 1;
    return *len > 1;
}

static void bar_table(Step *st)
{
    vaddr_t at;
    uint64_t len;

    if (x86_kvm_vm(st->cpu)->caps.bar && !st->open && table_range(st->s, &at, &len)) {
        kvm_bar(st->cpu, at, len);
    } else {
        kvm_bar(st->cpu, 0, 0);
    }
}

/* For an instruction that itself uses that page: it may fault all the same. */
static void open_table(Step *st)
{
    st->open = true;
    kvm_bar(st->cpu, 0, 0);
    stop_at_if_free(st, X86_EXC_PF);
    stop_at_if_free(st, X86_EXC_GP);
}

/* Is an exception, interrupt or NMI on its way, and which? */
static int pending_vector(const Cpu *cpu)
{
    const struct kvm_vcpu_events *v = &x86_kvm(cpu)->events;

    if (v->exception.injected || v->exception.pending) {
        return v->exception.nr;
    }
    if (v->nmi.injected || (v->nmi.pending && !v->nmi.masked && !x86_kvm(cpu)->hold)) {
        return X86_EXC_NMI;
    }
    return v->interrupt.injected ? v->interrupt.nr : -1;
}

static bool moved(const Step *st)
{
    return cpu_pc(st->cpu) != st->pc || memcmp(st->gpr, st->s->gpr, sizeof(st->gpr));
}

/* KVM's emulator has done the last iteration, and will only look once more that there is none. */
static bool rep_over(const Step *st)
{
    return st->k->insn_known && st->k->insn.rep && cpu_pc(st->cpu) == st->pc && st->gpr[R_RCX] &&
           !st->s->gpr[R_RCX];
}

/* A device's access: finished at once, which ends the step if it ended the instruction. */
static Ran served(Step *st)
{
    kvm_settle(st->cpu, st->e);
    if (kvm_cpu(st->cpu)->held) {
        return RAN_EXIT;
    }
    cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM);
    atomic_put(&kvm_cpu(st->cpu)->run->immediate_exit, 0);
    return moved(st) && !rep_over(st) ? RAN_END : RAN_ON;
}

/* A debug exit. *dr6: what it met. */
static Ran debug_exit(Step *st, uint32_t *dr6)
{
    const struct kvm_run *run = kvm_cpu(st->cpu)->run;

    cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM);
    if (run->debug.arch.exception == X86_EXC_BP) {
        return st->patched ? RAN_END : RAN_ON;
    }
    *dr6 = (uint32_t)run->debug.arch.dr6;
    if ((!moved(st) && (*dr6 & 15) == 0 && !(st->control & KVM_GUESTDBG_SINGLESTEP)) || rep_over(st)) {
        return RAN_ON;
    }
    return RAN_END;
}

static Ran other_exit(Step *st)
{
    struct kvm_run *run = kvm_cpu(st->cpu)->run;

    switch (run->exit_reason) {
    case KVM_EXIT_SET_TPR:
        cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM);
        return moved(st) ? RAN_END : RAN_ON;
    case KVM_EXIT_IRQ_WINDOW_OPEN:
        return RAN_ON;
    default:
        kvm_of(st->cpu)->arch->exit(st->cpu, st->e);
        return RAN_EXIT;
    }
}

/* Enters until there is something to say. */
static Ran run(Step *st, uint32_t *dr6)
{
    Ran r = RAN_ON;

    *dr6 = 0;
    for (unsigned i = 0; r == RAN_ON; i++) {
        if (i > SPURIOUS_MAX) {
            kvm_error(st->cpu, st->e, "KVM does not step this instruction");
            return RAN_EXIT;
        }
        arm(st);
        switch (kvm_enter(st->cpu, st->e)) {
        case KVM_ENTER_KICK:
            return RAN_KICK;
        case KVM_ENTER_ERROR:
            return RAN_EXIT;
        case KVM_ENTER_FAULT:
            return RAN_FAULT;
        case KVM_ENTER_EXIT:
            if (kvm_cpu(st->cpu)->run->exit_reason == KVM_EXIT_DEBUG) {
                r = debug_exit(st, dr6);
            } else {
                r = kvm_serve(st->cpu, st->e) ? served(st) : other_exit(st);
            }
        }
    }
    return r;
}

/* ---- the end of a step ---- */

/* KVM executes all iterations of REP INS that it can at once: a step lets it see one. Counts beyond what
 * every address size holds are left alone. */
static void rep_io_begin(Step *st)
{
    uint64_t count = st->s->gpr[R_RCX];

    if (st->k->insn.rep && count > 1 && count <= 0xffff) {
        st->rep_left = count - 1;
        st->s->gpr[R_RCX] = st->gpr[R_RCX] = 1;
        x86_kvm_put_regs(st->cpu);
    }
}

static void rep_io_end(Step *st)
{
    if (!st->rep_left) {
        return;
    }
    cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
    if (cpu_pc(st->cpu) == st->pc) {
        st->s->gpr[R_RCX] += st->rep_left;      /* nothing was done */
    } else {
        st->s->gpr[R_RCX] = st->rep_left;
        x86_cpu_class.set_pc(st->cpu, st->pc);
    }
    st->rep_left = 0;
    x86_kvm_put_regs(st->cpu);
    x86_kvm_put_events(st->cpu);
}

/* Debugging as it is outside of steps, and the guest's TF back in its place. */
static void disarm(Step *st, bool tf)
{
    if (st->patched) {
        kvm_temporary_patch(st->cpu, st->k->insn.next, st->saved, false);
        st->patched = false;
    }
    rep_io_end(st);
    if (st->control & KVM_GUESTDBG_SINGLESTEP) {
        cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
        x86_kvm_arm_with(st->cpu, 0, NULL, false);
        st->control = 0;
        if (tf) {
            st->s->eflags |= X86_TF;
            x86_mode_update(st->s);
            x86_kvm_put_regs(st->cpu);
            x86_kvm_put_events(st->cpu);
        }
    }
}

/* The step ends, and perhaps nothing was executed. */
static KvmStep give_up(Step *st, KvmStep r)
{
    disarm(st, st->tf);
    if (st->flags & X86_RF) {       /* taken out, or lost */
        cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
        if (!moved(st)) {
            st->s->eflags |= X86_RF;
            x86_kvm_put_regs(st->cpu);
            x86_kvm_put_events(st->cpu);
        }
    }
    return r;
}

/* Delivers the exception or interrupt that is on its way, to the first instruction of its handler. */
static KvmStep deliver(Step *st, int vector)
{
    static const uint8_t nested[] = { X86_EXC_DF, X86_EXC_PF, X86_EXC_GP };
    vaddr_t at;
    uint32_t dr6, met, guest;
    uint64_t rows;

    disarm(st, st->tf);
    registers_begin(st);
    st->stops = st->gone = 0;
    kvm_bar(st->cpu, 0, 0);
    if (x86_gate_target(st->cpu, (unsigned)vector, &at)) {
        stop_at(st, at);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(nested); i++) {
        stop_at_if_free(st, nested[i]);     /* it may fault in turn */
    }
    for (;;) {
        switch (run(st, &dr6)) {
        case RAN_KICK:
            return KVM_STEP_KICK;
        case RAN_EXIT:
            return KVM_STEP_EXIT;
        case RAN_FAULT:
            if (!kvm_unprotect(kvm_of(st->cpu))) {
                kvm_error(st->cpu, st->e, "KVM cannot deliver vector %d: bad address", vector);
                return KVM_STEP_EXIT;
            }
            continue;
        default:
            break;
        }
        met = cause(st, dr6, false);
        x86_dr_merge_hits(&st->m, met, &guest, &rows);
        x86_kvm_row_hits(st->cpu, rows, &st->m, met, st->e);
        if (guest) {
            x86_kvm_inject_db(st->cpu, guest);
        }
        return KVM_STEP_DONE;
    }
}

/* The shadows that KVM drops when it steps. */
static void restore_shadow(Step *st)
{
    const X86Insn *in = &st->k->insn;
    uint32_t shadow = 0;

    if (!st->k->insn_known || cpu_pc(st->cpu) != in->next) {
        return;
    }
    if (in->kind == X86_INSN_STI && !st->was_if && (st->s->eflags & X86_IF)) {
        shadow = X86_MODE_SHADOW;
    } else if (in->kind == X86_INSN_LOAD_SS) {
        shadow = X86_MODE_SS_SHADOW;
    }
    if (shadow) {
        cpu_fetch(st->cpu, REGS_EVENTS);
        st->s->mode |= shadow;
        st->k->shadow = true;
        x86_kvm_put_events(st->cpu);
    }
}

/* The instruction was executed. Whatever of it is the guest's own debugging goes to the guest, at
 * once unless there is something to tell. */
static KvmStep finish(Step *st, uint32_t dr6)
{
    uint32_t met, guest, gone_guest;
    uint64_t rows, gone_rows;
    bool trap = st->tf && (st->control & KVM_GUESTDBG_SINGLESTEP || (dr6 & X86_DR6_BS));

    disarm(st, st->tf_after);
    restore_shadow(st);
    met = cause(st, dr6, true);
    x86_dr_merge_hits(&st->m, met, &guest, &rows);
    x86_dr_merge_hits(&st->evicted, operand_hits(st, &st->evicted, st->gone), &gone_guest, &gone_rows);
    x86_kvm_row_hits(st->cpu, rows | gone_rows, &st->m, met, st->e);
    guest |= gone_guest | (trap ? X86_DR6_BS : 0);
    if (!guest) {
        return KVM_STEP_DONE;
    }
    x86_kvm_inject_db(st->cpu, guest);
    if (st->e->nhit) {
        return KVM_STEP_DONE;
    }
    st->tf = st->tf_after;
    return deliver(st, X86_EXC_DB);
}

/* ---- the beginning: how this instruction is to be stepped ---- */

/* TF in the image of the flags that POPF or IRET is about to load. */
static bool image_tf(const Step *st)
{
    const X86State *s = st->s;
    const X86Insn *in = &st->k->insn;
    uint64_t sp = s->gpr[R_RSP];
    vaddr_t at = x86_in_64(s) ? sp : s->seg[R_SS].base + (s->mode & X86_MODE_SS32 ? (uint32_t)sp
                                                                                 : (uint16_t)sp);
    uint8_t b[2] = { 0 };

    at += in->kind == X86_INSN_IRET ? 2u * in->op_size : 0;
    x86_peek(st->cpu, x86_in_64(s) ? at : (uint32_t)at, b, sizeof(b));
    return load_le16(b) & X86_TF;
}

/* Without TF: to where the instruction leads. */
static void plan_targets(Step *st)
{
    const X86Insn *in = &st->k->insn;
    vaddr_t at;

    st->control = 0;
    if (in->kind == X86_INSN_PUSHF || in->kind == X86_INSN_INTO) {
        stop_at(st, in->next);
    }
    if (in->kind != X86_INSN_PUSHF && x86_insn_target(st->cpu, in, &at)) {
        stop_at(st, at);
    }
    if (in->kind == X86_INSN_INT || in->kind == X86_INSN_INT3) {
        open_table(st);
    }
}

/* What leaves the guest to be executed by KVM goes without TF, too: emulated processors keep TF's trap over
 * such an exit, and raise it at the next entry, or, those with SVM, in the host. KVM may leave RF set behind
 * the instruction, where it would hide the breakpoint. */
static void plan_left(Step *st)
{
    const X86Insn *in = &st->k->insn;
    bool sleeps = in->kind == X86_INSN_HLT && kvm_of(st->cpu)->irqchip;     /* inside KVM */
    bool many = in->rep && st->s->gpr[R_RCX] > 1;

    if (st->tf || sleeps || many) {
        return;
    }
    st->control = 0;
    stop_at(st, in->next);
    if (st->flags & X86_RF) {
        st->s->eflags &= ~X86_RF;
        x86_kvm_put_regs(st->cpu);
    }
}

static void plan_step(Step *st)
{
    const X86Insn *in = &st->k->insn;

    st->control = KVM_GUESTDBG_SINGLESTEP;
    st->tf_after = st->tf;
    if (!st->k->insn_known) {
        return;
    }
    switch (in->kind) {
    case X86_INSN_PUSHF:
    case X86_INSN_INT:
    case X86_INSN_INT3:
    case X86_INSN_INTO:
    case X86_INSN_SYSCALL:
    case X86_INSN_SYSRET:
    case X86_INSN_SYSENTER:
    case X86_INSN_SYSEXIT:
        plan_targets(st);
        break;
    case X86_INSN_IO:
        rep_io_begin(st);
        plan_left(st);
        break;
    case X86_INSN_HLT:
    case X86_INSN_SYSTEM:
        plan_left(st);
        break;
    case X86_INSN_POPF:
    case X86_INSN_IRET:
        st->tf_after = image_tf(st);
        break;
    case X86_INSN_LOAD_SS:
        /* Its shadow hides both TF and debug registers from the next instruction, but not int3. */
        st->patched = kvm_temporary_patch(st->cpu, in->next, st->saved, true);
        st->control = st->patched ? KVM_GUESTDBG_USE_SW_BP : st->control;
        break;
    default:
        break;
    }
}

/* The pages that the instruction's operands write to, as far as they are known. */
static bool open_operands(Step *st)
{
    const X86Insn *in = &st->k->insn;
    bool any = false;

    for (unsigned i = 0; st->k->insn_known && i < in->nref; i++) {
        any |= in->ref[i].write && kvm_unprotect_at(st->cpu, in->ref[i].addr, in->ref[i].size);
    }
    return any;
}

/* EFAULT: an exception is on its way, or the instruction itself met a page that is protected or
 * barred. *vector: of the exception. False: nobody knows why. */
static bool fault_resolve(Step *st, int *vector)
{
    cpu_fetch(st->cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
    *vector = pending_vector(st->cpu);
    if (*vector >= 0 || open_operands(st) || kvm_unprotect(kvm_of(st->cpu))) {
        return true;
    }
    if (!st->open) {
        open_table(st);
        return true;
    }
    kvm_error(st->cpu, st->e, "KVM_RUN: bad address");
    return false;
}

/* Did nothing happen? With emulated VMX some exits leave a trap behind that ends the next entry; RF, which
 * such a trap clears, is no matter for a step: none of the guest's execute breakpoints is armed. */
static bool spurious(const Step *st, uint32_t dr6)
{
    const uint64_t lost = X86_TF | X86_RF;

    return (st->control & KVM_GUESTDBG_SINGLESTEP) && !(dr6 & 15) && !moved(st) &&
           (x86_eflags_get(st->s) & ~lost) == (st->flags & ~lost);
}

static KvmStep step_insn(Step *st)
{
    uint32_t dr6;
    int vector;

    for (unsigned tries = 0;;) {
        bar_table(st);
        switch (run(st, &dr6)) {
        case RAN_KICK:
            return give_up(st, KVM_STEP_KICK);
        case RAN_EXIT:
            return give_up(st, KVM_STEP_EXIT);
        case RAN_FAULT:
            if (!fault_resolve(st, &vector)) {
                return give_up(st, KVM_STEP_EXIT);
            }
            if (vector >= 0) {
                return deliver(st, vector);
            }
            continue;
        default:
            if (spurious(st, dr6) && tries++ < SPURIOUS_MAX) {
                continue;
            }
            return finish(st, dr6);
        }
    }
}

/* What is executed here rather than by the processor. True: *r is the step's end. */
static bool step_here(Step *st, KvmStep *r)
{
    const X86Insn *in = &st->k->insn;
    uint32_t b = x86_dr_match_exec(st->s->dr, st->s->dr[7], st->pc);

    if (b && !(st->s->eflags & X86_RF) && !(st->s->mode & X86_MODE_SS_SHADOW)) {
        st->s->eflags |= X86_RF;
        x86_kvm_put_regs(st->cpu);
        x86_kvm_inject_db(st->cpu, b);
        *r = deliver(st, X86_EXC_DB);
        return true;
    }
    if (!st->k->insn_known) {
        return false;
    }
    if (in->kind == X86_INSN_ICEBP) {
        st->s->rip += in->len;
        st->s->eflags &= ~X86_RF;
        x86_kvm_put_regs(st->cpu);
        x86_kvm_inject_db(st->cpu, 0);
        *r = deliver(st, X86_EXC_DB);
        return true;
    }
    if (in->kind == X86_INSN_MOV_DR) {
        if (x86_kvm_mov_dr(st->cpu, in)) {
            cpu_fetch(st->cpu, REGS_EVENTS);
            *r = deliver(st, pending_vector(st->cpu));
        } else {
            *r = finish(st, st->tf ? X86_DR6_BS : 0);
        }
        return true;
    }
    return false;
}

/* What is delivered before anything is executed; -1: nothing. Interrupts of KVM's own controllers are held
 * unless it is one of them. */
static int first_event(Step *st)
{
    bool irqchip = kvm_of(st->cpu)->irqchip;
    const struct kvm_vcpu_events *v = &st->k->events;
    int vector = pending_vector(st->cpu);

    if (irqchip && vector < 0 && !st->k->hold) {
        vector = x86_kvm_next_interrupt(st->cpu);
    }
    st->block = irqchip && (vector < 0 || v->exception.injected || v->exception.pending);
    return vector;
}

KvmStep x86_kvm_step(Cpu *cpu, VcpuExit *e)
{
    Step st = { .cpu = cpu, .k = x86_kvm(cpu), .s = cpu->env, .e = e };
    KvmStep r;

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS | REGS_DEBUG);
    st.pc = cpu_pc(cpu);
    st.flags = x86_eflags_get(st.s);
    st.tf = st.flags & X86_TF;
    st.was_if = st.flags & X86_IF;
    memcpy(st.gpr, st.s->gpr, sizeof(st.gpr));
    registers_begin(&st);
    int vector = first_event(&st);
    st.k->insn_known = vector < 0 && x86_insn_at_pc(cpu, &st.k->insn);
    if (vector >= 0) {
        r = deliver(&st, vector);
    } else if (!step_here(&st, &r)) {
        plan_step(&st);
        r = step_insn(&st);
    }
    st.k->since_step = 0;
    if (r == KVM_STEP_DONE && kvm_of(cpu)->irqchip) {
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        if (cpu->power == CPU_POWER_HALTED && !e->nhit) {
            e->kind = EXIT_HALT;
            return KVM_STEP_EXIT;
        }
    }
    return r;
}

KvmWrote x86_kvm_step_wrote(Cpu *cpu, vaddr_t at, uint64_t len)
{
    const X86Kvm *k = x86_kvm(cpu);
    KvmWrote w = k->insn_known && k->insn.refs_complete ? KVM_WROTE_NO : KVM_WROTE_PERHAPS;

    for (unsigned i = 0; k->insn_known && i < k->insn.nref; i++) {
        const X86MemRef *r = &k->insn.ref[i];

        if (r->write && (r->addr - at < len || at - r->addr < r->size)) {
            if (!r->maybe) {
                return KVM_WROTE_YES;
            }
            w = KVM_WROTE_PERHAPS;
        }
    }
    return w;
}
