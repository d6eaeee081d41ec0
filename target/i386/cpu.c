/* The class of x86-64 CPUs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "cpu/cpu.h"

#include "target/i386/code.h"
#include "target/i386/core_dump.h"
#include "target/i386/cpuid.h"
#include "target/i386/disas.h"
#include "target/i386/event_names.h"
#include "target/i386/kvm_pin.h"
#include "target/i386/lapic.h"
#include "target/i386/mmu.h"
#include "target/i386/regs.h"
#include "target/i386/reset.h"
#include "target/i386/views.h"
#include "target/i386/x86.h"
#include "target/i386/x86_state.h"
#include "vm/state.h"
#include "vm/vm.h"

extern const struct TcgFrontend x86_tcg_frontend;

static bool x86_init(Cpu *cpu, const char *model, GError **errp)
{
    X86Full *f = cpu->env;

    f->s.model = x86_model_new(model, cpu->vm->cpu_host, errp);
    if (!f->s.model) {
        return false;
    }
    f->s.lapic = &f->lapic;
    x86_lapic_init(&f->lapic, cpu);
    return true;
}

static void x86_fini(Cpu *cpu)
{
    X86Full *f = cpu->env;

    x86_lapic_fini(&f->lapic);
    g_free((void *)(uintptr_t)f->s.model);
}

/* The pc that debuggers see is linear. */
static vaddr_t x86_get_pc(const Cpu *cpu)
{
    const X86State *s = cpu->env;

    return x86_in_64(s) ? s->rip : (s->seg[R_CS].base + s->rip) & 0xffffffffu;
}

static void x86_set_pc(Cpu *cpu, vaddr_t pc)
{
    X86State *s = cpu->env;

    s->rip = x86_in_64(s) ? pc : (pc - s->seg[R_CS].base) & 0xffffffffu;
}

static bool x86_has_work(const Cpu *cpu)
{
    const X86State *s = cpu->env;
    uint32_t pending = cpu_interrupt_pending(cpu);

    if (pending & X86_IRQ_INIT) {
        return true;
    }
    if (cpu->power == CPU_POWER_WAIT) {
        return pending & X86_IRQ_SIPI;
    }
    if (cpu->power == CPU_POWER_OFF) {
        return false;
    }
    if ((pending & X86_IRQ_NMI) && !s->nmi_blocked) {
        return true;
    }
    if (!(s->eflags & X86_IF)) {
        return false;
    }
    return ((pending & X86_IRQ_HARD) && x86_lapic_pending(s->lapic) >= 0) ||
           ((pending & X86_IRQ_EXTINT) && x86_lapic_extint(s->lapic));
}

static uint64_t x86_address_space(const Cpu *cpu)
{
    const X86State *s = cpu->env;
    bool pae32 = (s->cr4 & X86_CR4_PAE) && !(s->efer & X86_EFER_LMA);

    if (!(s->cr0 & X86_CR0_PG)) {
        return 0;
    }
    return s->cr3 & (pae32 ? UINT64_C(0xffffffe0) : UINT64_C(0x000ffffffffff000));
}

static unsigned x86_privilege(const Cpu *cpu)
{
    return x86_cpl(cpu->env);
}

static void x86_describe(const Cpu *cpu, GString *out)
{
    x86_mode_text(x86_mode_code(cpu), out);
}

const CpuClass x86_cpu_class = {
    .name = "x86_64",
    .regs = &x86_regs_64,
    .regs_for_arch = x86_regs_for_arch,
    .state_size = sizeof(X86Full),
    .addr_bits = 48,
    .insn_max = 15,
    .insn_min = 1,
    .brk_len = 1,
    .brk = { 0xcc },
    .init = x86_init,
    .fini = x86_fini,
    .reset = x86_cpu_reset,
    .get_pc = x86_get_pc,
    .set_pc = x86_set_pc,
    .translate = x86_translate,
    .disas = x86_disas,
    .call_length = x86_call_length,
    .has_work = x86_has_work,
    /* Addresses compare as they are: a point for 64-bit code may be set while the CPU is still in
     * a 32-bit mode. */
    .canonical = NULL,
    .address_space = x86_address_space,
    .privilege = x86_privilege,
    .describe = x86_describe,
    .code_regs = x86_code_regs,
    .code_entries = x86_code_entries,
    .mode = x86_mode_code,
    .mode_text = x86_mode_text,
    .event_name = x86_event_name,
    .event_number = x86_event_number,
    .state = x86_state_fields,
    .core = &x86_core_dump,
    .views = x86_views,
    .tcg = &x86_tcg_frontend,
    .kvm = &x86_kvm_pin,
};
