/* Delivery of exceptions and interrupts: real, protected, virtual-8086 and long mode.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Nothing of the state changes before everything that can fault has been done, so that a fault
 * during delivery finds the state of the interrupted instruction (SDM vol. 3, chapter 6). */
#include <inttypes.h>

#include "accel/tcg/frontend.h"
#include "target/i386/event.h"
#include "target/i386/flags.h"
#include "target/i386/seg_int.h"
#include "target/i386/system.h"
#include "util/log.h"

/* An event under delivery. */
typedef struct Event {
    unsigned vector, kind;
    bool has_error;
    uint32_t error;
    uint64_t rip;           /* to be saved */
    uint32_t flags;         /* to be saved */
} Event;

/* A gate of the IDT, decoded. */
typedef struct Gate {
    X86Desc d;
    unsigned type, ist;
    uint32_t sel;
    uint64_t offset;
} Gate;

static uint32_t event_error(const Event *e)
{
    return e->vector * 8 + 2;
}

static void gate_fetch(Cpu *cpu, const Event *e, Gate *g)
{
    const X86State *s = cpu->env;
    bool lm = s->efer & X86_EFER_LMA;
    unsigned size = lm ? 16 : 8;
    vaddr_t addr = s->idt.base + (uint64_t)e->vector * size;

    if (e->vector * size + size - 1 > s->idt.limit) {
        x86_raise_error(cpu, X86_EXC_GP, event_error(e));
    }
    if (!lm) {
        addr &= 0xffffffffu;
    }
    uint64_t v = sys_load(cpu, addr, 8);
    g->d = (X86Desc){ .lo = (uint32_t)v, .hi = (uint32_t)(v >> 32), .addr = addr };
    g->type = g->d.hi & X86_SEG_S ? 16 : desc_type(&g->d);
    g->sel = desc_gate_sel(&g->d);
    g->offset = desc_gate_offset(&g->d);
    g->ist = 0;
    if (lm) {
        g->offset |= sys_load(cpu, addr + 8, 4) << 32;
        g->ist = g->d.hi & 7;
    } else if (g->type == X86_SYS_INT16 || g->type == X86_SYS_TRAP16) {
        g->offset &= 0xffff;
    }
}

static bool gate_type_ok(const X86State *s, unsigned type)
{
    if (type == X86_SYS_INT || type == X86_SYS_TRAP) {
        return true;
    }
    return !(s->efer & X86_EFER_LMA) &&
           (type == X86_SYS_INT16 || type == X86_SYS_TRAP16 || type == X86_SYS_TASK_GATE);
}

static void gate_check(Cpu *cpu, const Event *e, const Gate *g)
{
    const X86State *s = cpu->env;

    if (!gate_type_ok(s, g->type) ||
        (e->kind == X86_EVENT_SOFT && desc_dpl(&g->d) < x86_cpl(s))) {
        x86_raise_error(cpu, X86_EXC_GP, event_error(e));
    }
    if (!(g->d.hi & X86_SEG_P)) {
        x86_raise_error(cpu, X86_EXC_NP, event_error(e));
    }
}

/* The handler's code segment; returns the new CPL. */
static unsigned handler_fetch(Cpu *cpu, const Gate *g, X86Desc *cs)
{
    const X86State *s = cpu->env;
    unsigned cpl = x86_cpl(s);

    if (sel_is_null(g->sel)) {
        x86_raise_gp0(cpu);
    }
    desc_fetch_or_raise(cpu, g->sel, cs, X86_EXC_GP);
    if (!desc_is_code(cs) || desc_dpl(cs) > cpl) {
        x86_raise_sel(cpu, X86_EXC_GP, g->sel);
    }
    if (s->efer & X86_EFER_LMA) {
        if ((cs->hi & (X86_SEG_L | X86_SEG_B)) != X86_SEG_L) {
            x86_raise_sel(cpu, X86_EXC_GP, g->sel);
        }
    }
    if (!(cs->hi & X86_SEG_P)) {
        x86_raise_sel(cpu, X86_EXC_NP, g->sel);
    }
    unsigned now = cs->hi & X86_SEG_C ? cpl : desc_dpl(cs);
    if (x86_in_vm86(s) && now != 0) {
        x86_raise_sel(cpu, X86_EXC_GP, g->sel);
    }
    return now;
}

/* Flags as a handler starts. */
static void handler_flags(Cpu *cpu, unsigned type)
{
    uint32_t mask = X86_TF | X86_NT | X86_RF | X86_VM;

    if (type == X86_SYS_INT || type == X86_SYS_INT16) {
        mask |= X86_IF;
    }
    flags_put(cpu, 0, mask);
}

static uint32_t mmu_at_cpl(const X86State *s, unsigned cpl)
{
    bool smap = (s->cr4 & X86_CR4_SMAP) && !(s->eflags & X86_AC);

    return cpl == 3 ? X86_MMU_USER : smap ? X86_MMU_SMAP : X86_MMU_KERNEL;
}

static void deliver_long(Cpu *cpu, const Event *e)
{
    X86State *s = cpu->env;
    Gate g;
    X86Desc cs;

    gate_fetch(cpu, e, &g);
    gate_check(cpu, e, &g);
    unsigned cpl = handler_fetch(cpu, &g, &cs);
    bool inner = cpl != x86_cpl(s);
    X86Stack st = { .cpu = cpu, .mask = UINT64_MAX, .mmu = mmu_at_cpl(s, cpl) };

    st.sp = g.ist ? tss_stack64(cpu, 3 + g.ist) : inner ? tss_stack64(cpu, cpl) : s->gpr[R_RSP];
    st.sp &= ~UINT64_C(15);
    rip_check(cpu, &cs, g.offset);
    stack_push(&st, 8, s->seg[R_SS].selector);
    stack_push(&st, 8, s->gpr[R_RSP]);
    stack_push(&st, 8, e->flags);
    stack_push(&st, 8, s->seg[R_CS].selector);
    stack_push(&st, 8, e->rip);
    if (e->has_error) {
        stack_push(&st, 8, e->error);
    }
    desc_set_accessed(cpu, &cs);
    if (inner) {
        seg_put_null(&s->seg[R_SS], cpl, cpl);
    }
    s->gpr[R_RSP] = st.sp;
    s->rip = g.offset;
    handler_flags(cpu, g.type);
    seg_put_cs(cpu, g.sel, cpl, &cs);
}

/* What a handler of an inner or equal level finds on its stack. */
static void push_frame(X86Stack *st, unsigned size, const X86State *s, const Event *e, bool inner)
{
    static const uint8_t data[] = { R_GS, R_FS, R_DS, R_ES };

    if (x86_in_vm86(s)) {
        for (unsigned i = 0; i < sizeof(data); i++) {
            stack_push(st, size, s->seg[data[i]].selector);
        }
    }
    if (inner) {
        stack_push(st, size, s->seg[R_SS].selector);
        stack_push(st, size, s->gpr[R_RSP]);
    }
    stack_push(st, size, e->flags);
    stack_push(st, size, s->seg[R_CS].selector);
    stack_push(st, size, e->rip);
    if (e->has_error) {
        stack_push(st, size, e->error);
    }
}

static void deliver_task(Cpu *cpu, const Event *e, const Gate *g)
{
    X86State *s = cpu->env;

    task_gate(cpu, &g->d, X86_TASK_GATE, e->rip, e->has_error, e->error);
    if (s->eflags & X86_TF) {
        flags_put(cpu, 0, X86_TF);
    }
}

static void deliver_protected(Cpu *cpu, const Event *e)
{
    static const uint8_t data[] = { R_GS, R_FS, R_DS, R_ES };
    X86State *s = cpu->env;
    Gate g;
    X86Desc cs;
    X86Seg ss;

    gate_fetch(cpu, e, &g);
    gate_check(cpu, e, &g);
    if (g.type == X86_SYS_TASK_GATE) {
        deliver_task(cpu, e, &g);
        return;
    }
    unsigned cpl = handler_fetch(cpu, &g, &cs);
    bool inner = cpl != x86_cpl(s), vm86 = x86_in_vm86(s);
    unsigned size = g.type == X86_SYS_INT || g.type == X86_SYS_TRAP ? 4 : 2;
    X86Stack st = stack_now(cpu);

    if (inner) {
        uint32_t sel, esp;

        tss_inner_stack(cpu, cpl, &sel, &esp);
        seg_check_stack(cpu, sel, cpl, X86_EXC_TS, &ss);
        st = (X86Stack){ .cpu = cpu, .ss = &ss, .sp = esp, .mmu = mmu_at_cpl(s, cpl),
                         .mask = ss.flags & X86_SEG_B ? 0xffffffffu : 0xffff,
                         .error = sel & 0xfffc };
    }
    rip_check(cpu, &cs, g.offset);
    push_frame(&st, size, s, e, inner);
    desc_set_accessed(cpu, &cs);
    s->gpr[R_RSP] = stack_rsp(&st, inner ? st.sp : s->gpr[R_RSP]);
    if (inner) {
        s->seg[R_SS] = ss;
    }
    for (unsigned i = 0; vm86 && i < sizeof(data); i++) {
        seg_put_null(&s->seg[data[i]], 0, 0);
    }
    s->rip = g.offset;
    handler_flags(cpu, g.type);
    seg_put_cs(cpu, g.sel, cpl, &cs);
}

/* Real mode, and a virtual-8086 program's own handler (table at linear address 0). */
static void deliver_real(Cpu *cpu, const Event *e, bool vme)
{
    X86State *s = cpu->env;
    uint64_t table = vme ? 0 : s->idt.base;

    if (!vme && e->vector * 4 + 3 > s->idt.limit) {
        x86_raise_error(cpu, X86_EXC_GP, event_error(e));
    }
    uint32_t entry = vme ? (uint32_t)tcg_load(cpu, table + e->vector * 4, MO_32, x86_mmu(s->mode))
                         : (uint32_t)sys_load(cpu, (table + e->vector * 4) & 0xffffffffu, 4);
    X86Stack st = stack_now(cpu);

    stack_push(&st, 2, e->flags);
    stack_push(&st, 2, s->seg[R_CS].selector);
    stack_push(&st, 2, e->rip);
    s->gpr[R_RSP] = stack_rsp(&st, s->gpr[R_RSP]);
    s->rip = entry & 0xffff;
    if (vme) {
        seg_put_vm86(&s->seg[R_CS], entry >> 16);
    } else {
        seg_put_real(&s->seg[R_CS], entry >> 16);
    }
}

/* INT n in virtual-8086 mode. With VME the TSS's bitmap says which go to the program itself. */
bool x86_vm86_int(Cpu *cpu, unsigned vector, uint64_t next)
{
    X86State *s = cpu->env;
    bool iopl3 = (s->eflags & X86_IOPL) == X86_IOPL;
    uint32_t flags = (uint32_t)x86_eflags_get(s);

    if (s->cr4 & X86_CR4_VME) {
        uint32_t map;

        if (s->tr.limit < 103) {
            x86_raise_gp0(cpu);
        }
        map = (uint32_t)sys_load(cpu, s->tr.base + 102, 2);
        if (map < 32 || map - 32 + vector / 8 > s->tr.limit) {
            x86_raise_gp0(cpu);
        }
        if (!(sys_load(cpu, s->tr.base + map - 32 + vector / 8, 1) >> (vector & 7) & 1)) {
            x86_event_vm86_int(cpu, vector);
            if (!iopl3) {
                flags = (flags & ~X86_IF) | X86_IOPL | (flags & X86_VIF ? X86_IF : 0);
            }
            deliver_real(cpu, &(Event){ .vector = vector, .rip = next, .flags = flags }, true);
            flags_put(cpu, 0, X86_TF | X86_NT | (iopl3 ? X86_IF : X86_VIF));
            return true;
        }
    }
    if (!iopl3) {
        x86_raise_gp0(cpu);
    }
    return false;
}

/* RF in the saved flags: a fault sets it, but for an execute breakpoint's. */
static uint32_t saved_flags(const X86State *s, const Event *e)
{
    uint32_t flags = (uint32_t)x86_eflags_get(s);
    bool own_rf = e->vector == X86_EXC_DB || e->vector == X86_EXC_DF || e->vector == X86_EXC_MC;

    return e->kind == X86_EVENT_FAULT && !own_rf ? flags | X86_RF : flags;
}

static void event_log(const Cpu *cpu, const Event *e)
{
    const X86State *s = cpu->env;
    const char *name = e->kind == X86_EVENT_EXTERNAL && e->vector != X86_EXC_NMI
                           ? NULL : x86_exc_name(e->vector);
    static const char *const kinds[] = { "fault", "trap", "icebp", "soft", "external" };

    log_printf("cpu %u: %s %u%s%s at %04x:%016" PRIx64 " sp %016" PRIx64 " error %x cr2 %016"
               PRIx64 " cpl %u\n", cpu->index, kinds[e->kind], e->vector, name ? " " : "",
               name ? name : "", s->seg[R_CS].selector, s->rip, s->gpr[R_RSP],
               e->has_error ? e->error : 0, s->cr2, x86_cpl(s));
}

/* What the class of this event is while it is delivered. */
static uint8_t event_nest(const Event *e)
{
    unsigned class = e->kind == X86_EVENT_FAULT ? x86_exc_class(e->vector) : X86_NEST_BENIGN;

    return (uint8_t)(class | (e->kind == X86_EVENT_SOFT ? 0 : X86_NEST_EXT));
}

static void event_deliver(Cpu *cpu, Event *e)
{
    X86State *s = cpu->env;

    s->exc_vector = -1;
    s->exc_nest = event_nest(e);
    e->flags = saved_flags(s, e);
    if (log_enabled(LOG_INT)) {
        event_log(cpu, e);
    }
    if (x86_in_real(s)) {
        deliver_real(cpu, e, false);
        flags_put(cpu, 0, X86_TF | X86_IF | X86_AC | X86_RF);
    } else if (s->efer & X86_EFER_LMA) {
        deliver_long(cpu, e);
    } else {
        deliver_protected(cpu, e);
    }
    s->exc_nest = X86_NEST_NONE;
    /* An instruction held back by MOV SS has met its debug conditions: told after this event. */
    s->mode &= ~(X86_MODE_SHADOW | X86_MODE_SS_SHADOW);
}

/* One #DB tells everything: what MOV SS held back does not make another at its handler. */
static uint64_t debug_status(const X86State *s)
{
    return ((s->dr[6] | s->exc_dr6 | s->pending_dr6) & X86_DR6_BITS) | X86_DR6_FIXED;
}

static void debug_event(Cpu *cpu)
{
    X86State *s = cpu->env;

    s->dr[6] = debug_status(s);
    s->dr[7] &= ~(uint64_t)X86_DR7_GD;
    s->exc_dr6 = s->pending_dr6 = 0;
}

/* Is it a #DB, whatever brought it about? */
static bool is_debug(const X86State *s)
{
    return s->exc_vector == X86_EXC_DB &&
           (s->exc_kind != X86_EVENT_SOFT && s->exc_kind != X86_EVENT_EXTERNAL);
}

/* Tells a debugger that asks for it what is about to be delivered. Nothing has been changed. */
static void tell(Cpu *cpu)
{
    const X86State *s = cpu->env;
    DebugEvent e = { .kind = POINT_EXCEPTION, .number = (unsigned)s->exc_vector };

    if (s->exc_vector == X86_EXC_TRIPLE) {
        e.kind = POINT_TRIPLE;
        e.number = 0;
    } else if (x86_exc_is_interrupt(s)) {
        e.kind = POINT_INTERRUPT;
        e.software = s->exc_kind == X86_EVENT_SOFT;
    } else {
        e.has_error = s->exc_has_error;
        e.error = s->exc_has_error ? s->exc_error : 0;
        e.address = s->exc_vector == X86_EXC_PF ? s->cr2 : 0;
        e.old = is_debug(s) ? s->dr[6] : 0;
        e.now = is_debug(s) ? debug_status(s) : 0;
    }
    tcg_event_pending(cpu, &e);
}

bool x86_tcg_moved(Cpu *cpu)
{
    X86State *s = cpu->env;

    if (s->exc_vector != X86_EXC_TRIPLE &&
        (s->exc_kind == X86_EVENT_TRAP || s->exc_kind == X86_EVENT_EXTERNAL)) {
        return true;
    }
    s->exc_vector = -1;
    s->exc_nest = X86_NEST_NONE;
    s->exc_dr6 = s->pending_dr6 = 0;
    return false;
}

void x86_tcg_deliver(Cpu *cpu)
{
    X86State *s = cpu->env;
    Event e = { .vector = (unsigned)s->exc_vector, .kind = s->exc_kind,
                .has_error = s->exc_has_error, .error = s->exc_error, .rip = s->rip };

    if (s->exc_vector < 0) {
        return;
    }
    if (cpu->events) {
        tell(cpu);
    }
    if (s->exc_vector == X86_EXC_TRIPLE) {
        static const VcpuExit triple = { .kind = EXIT_RESET };

        log_item(LOG_INT, "cpu %u: triple fault at rip %016" PRIx64 "\n", cpu->index, s->rip);
        s->exc_vector = -1;
        s->exc_nest = X86_NEST_NONE;
        tcg_exit(cpu, &triple);
    }
    if (e.kind == X86_EVENT_SOFT || e.kind == X86_EVENT_ICEBP) {
        e.rip = s->exc_next_rip;
    }
    if (is_debug(s)) {
        debug_event(cpu);
    } else if (e.kind == X86_EVENT_FAULT) {
        s->pending_dr6 = 0;     /* a fault drops what its instruction met */
    }
    event_deliver(cpu, &e);
    if (s->pending_dr6 && e.kind != X86_EVENT_EXTERNAL) {
        /* INT n after MOV SS from a watched place: #DB at the handler's first instruction. */
        s->exc_dr6 = s->pending_dr6;
        s->pending_dr6 = 0;
        x86_exc_set(cpu, X86_EVENT_TRAP, X86_EXC_DB, false, 0);
        x86_tcg_deliver(cpu);
    }
}

void x86_deliver_external(Cpu *cpu, unsigned vector)
{
    X86State *s = cpu->env;

    s->exc_vector = (int32_t)vector;
    s->exc_kind = X86_EVENT_EXTERNAL;
    s->exc_has_error = false;
    x86_tcg_deliver(cpu);
}
