/* What `info` shows of an x86 CPU beyond its registers: its local APIC, its page tables.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/views.h"

#include <inttypes.h>

#include "target/i386/lapic_int.h"
#include "target/i386/x86.h"
#include "util/thread.h"

/* ---- the local APIC ---- */

static void print_head(const X86Lapic *l, const X86State *s, GString *out)
{
    static const char *const modes[] = {
        [X86_APIC_OFF] = "off", [X86_APIC_X1] = "xAPIC", [X86_APIC_X2] = "x2APIC",
    };

    g_string_append_printf(out, "local APIC %u: %s, base %016" PRIx64 "%s\n", l->id,
                           modes[l->mode], s->apic_base & ~UINT64_C(0xfff),
                           s->apic_base & X86_APIC_BASE_BSP ? ", boot CPU" : "");
    g_string_append_printf(out, "SVR %08x: %s by software, spurious vector 0x%02x\n", l->svr,
                           l->svr & SVR_ENABLE ? "enabled" : "disabled", l->svr & 0xff);
    g_string_append_printf(out, "TPR %02x  PPR %02x  LDR %08x  DFR %08x  ESR %02x\n", l->tpr,
                           lapic_ppr(l), l->ldr, l->dfr, l->esr);
    g_string_append_printf(out, "ICR %08x to %08x\n", l->icr, l->icr_dest);
}

static const char *const delivery[8] = {
    "fixed", "lowest", "SMI", "reserved", "NMI", "INIT", "startup", "ExtINT",
};

static const char *timer_mode(uint32_t lvt)
{
    static const char *const names[4] = { "one-shot", "periodic", "TSC deadline", "reserved" };

    return names[lvt >> 17 & 3];
}

static void print_lvt(const X86Lapic *l, unsigned n, GString *out)
{
    static const char *const names[X86_NUM_LVT] = {
        [X86_LVT_TIMER] = "timer", [X86_LVT_THERMAL] = "thermal", [X86_LVT_PERF] = "counters",
        [X86_LVT_LINT0] = "LINT0", [X86_LVT_LINT1] = "LINT1", [X86_LVT_ERROR] = "error",
    };
    uint32_t v = atomic_get_relaxed(&l->lvt[n]);
    bool pin = n == X86_LVT_LINT0 || n == X86_LVT_LINT1;

    g_string_append_printf(out, "LVT %-8s %08x: vector 0x%02x", names[n], v, v & 0xff);
    if (n == X86_LVT_TIMER) {
        g_string_append_printf(out, " %s", timer_mode(v));
    } else if (n != X86_LVT_ERROR) {
        g_string_append_printf(out, " %s", delivery[v >> 8 & 7]);
    }
    if (pin) {
        g_string_append_printf(out, " %s", v & 1u << 15 ? "level" : "edge");
    }
    g_string_append_printf(out, "%s%s\n", v & LVT_MASKED ? " masked" : "",
                           n == X86_LVT_LINT0 && atomic_get(&l->extint) ? " asserted" : "");
}

static void print_timer(const X86Lapic *l, GString *out)
{
    unsigned code = (l->divide & 3) | (l->divide >> 1 & 4);
    uint32_t lvt = atomic_get_relaxed(&l->lvt[X86_LVT_TIMER]);

    if ((lvt & LVT_TIMER_MODE) == LVT_TIMER_DEADLINE) {
        g_string_append_printf(out, "timer: deadline %016" PRIx64 ", TSC %016" PRIx64 "\n",
                               x86_lapic_deadline(l), x86_tsc(l->cpu));
        return;
    }
    g_string_append_printf(out, "timer: count %u of %u, clock divided by %u\n",
                           lapic_timer_current((X86Lapic *)(uintptr_t)l), l->initial,
                           1u << ((code + 1) & 7));
}

/* The vectors whose bits are set. */
static void print_map(const char *name, const uint32_t *map, GString *out)
{
    bool any = false;

    g_string_append(out, name);
    for (unsigned v = 0; v < 256; v++) {
        if (atomic_get_relaxed(&map[v / 32]) >> v % 32 & 1) {
            g_string_append_printf(out, " 0x%02x", v);
            any = true;
        }
    }
    g_string_append(out, any ? "\n" : " none\n");
}

static void lapic_print(const Cpu *cpu, GString *out)
{
    const X86State *s = cpu->env;
    const X86Lapic *l = s->lapic;

    print_head(l, s, out);
    for (unsigned n = 0; n < X86_NUM_LVT; n++) {
        print_lvt(l, n, out);
    }
    print_timer(l, out);
    print_map("in service:", l->isr, out);
    print_map("requested: ", l->irr, out);
    print_map("level:     ", l->tmr, out);
}

/* ---- the table ---- */

static void mem_print(const Cpu *cpu, GString *out)
{
    x86_view_mem(cpu, out, X86_VIEW_LINES, X86_VIEW_WALKS);
}

static void tlb_print(const Cpu *cpu, GString *out)
{
    x86_view_tlb(cpu, out, X86_VIEW_LINES, X86_VIEW_WALKS);
}

const CpuView x86_views[] = {
    { "lapic", "the local interrupt controller", REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS, lapic_print },
    { "mem", "mapped ranges of virtual addresses, with their rights", REGS_GENERAL | REGS_SYSTEM,
      mem_print },
    { "tlb", "mapped pages, with the flags of their entries", REGS_GENERAL | REGS_SYSTEM,
      tlb_print },
    { NULL }
};
