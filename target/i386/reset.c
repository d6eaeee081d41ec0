/* Power-on, reset, INIT and start-up states (SDM vol. 3, table 10-1), and those of loaders.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/reset.h"

#include <string.h>

#include "target/i386/cpuid.h"
#include "target/i386/dr7.h"
#include "target/i386/flags.h"
#include "target/i386/lapic.h"
#include "target/i386/system.h"
#include "util/log.h"

#define REAL_DATA (X86_SEG_P | X86_SEG_S | X86_SEG_W | X86_SEG_A)
#define REAL_CODE (REAL_DATA | X86_SEG_CODE)
#define TYPE_LDT (2u << 8)
#define TYPE_TSS_BUSY (11u << 8)

/* What reset and INIT have in common. */
static void reset_core(X86State *s)
{
    memset(s->gpr, 0, sizeof(s->gpr));
    s->gpr[R_RDX] = x86_cpuid(s, 0, 1, 1, 0).eax;
    s->rip = 0xfff0;
    x86_eflags_set(s, 2);
    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        x86_seg_put(&s->seg[i], 0, 0, 0xffff, REAL_DATA);
    }
    x86_seg_put(&s->seg[R_CS], 0xf000, 0xffff0000u, 0xffff, REAL_CODE);
    x86_seg_put(&s->gdt, 0, 0, 0xffff, 0);
    x86_seg_put(&s->idt, 0, 0, 0xffff, 0);
    x86_seg_put(&s->ldt, 0, 0, 0xffff, X86_SEG_P | TYPE_LDT);
    x86_seg_put(&s->tr, 0, 0, 0xffff, X86_SEG_P | TYPE_TSS_BUSY);
    s->cr0 = (s->cr0 & (X86_CR0_CD | X86_CR0_NW)) | X86_CR0_ET;
    s->cr2 = s->cr3 = s->cr4 = s->efer = 0;
    memset(s->dr, 0, sizeof(s->dr));
    memset(s->pdpte, 0, sizeof(s->pdpte));
    s->dr[6] = X86_DR6_FIXED;
    s->dr[7] = X86_DR7_FIXED;
    s->exc_vector = -1;
    s->exc_nest = X86_NEST_NONE;
    s->exc_dr6 = s->pending_dr6 = 0;
    s->nmi_blocked = false;
    s->mode = 0;
    x86_mode_update(s);
}

/* What only a reset touches. */
static void reset_cold(X86State *s)
{
    s->cr0 = X86_CR0_CD | X86_CR0_NW | X86_CR0_ET;
    s->mxcsr = 0x1f80;
    memset(s->xmm, 0, sizeof(s->xmm));
    memset(s->ymm_high, 0, sizeof(s->ymm_high));
    memset(&s->fpu, 0, sizeof(s->fpu));
    s->fpu.control = 0x40;
    s->fpu.tags = 0xff;         /* all hold +0.0 */
    s->xcr0 = 1;
    s->star = s->lstar = s->cstar = s->sfmask = s->kernel_gs_base = s->tsc_aux = 0;
    s->sysenter_cs = s->sysenter_esp = s->sysenter_eip = 0;
    s->pat = UINT64_C(0x0007040600070406);
    s->misc_enable = 0x1801;
    s->tsc_adjust = s->tsc_deadline = s->spec_ctrl = s->smbase = 0;
    s->kvm_system_time = 0;
    /* Memory is write-back, as firmware leaves it. */
    s->mtrr_deftype = 0x806;
    memset(s->mtrr_fixed, 0, sizeof(s->mtrr_fixed));
    memset(s->mtrr_var, 0, sizeof(s->mtrr_var));
    s->mcg_status = s->mcg_ctl = 0;
    s->sipi_vector = 0;
    s->pause_count = 0;
}

static void set_power(Cpu *cpu, CpuPower power)
{
    atomic_put(&cpu->power, (uint32_t)power);
}

void x86_cpu_reset(Cpu *cpu)
{
    X86State *s = cpu->env;

    reset_cold(s);
    reset_core(s);
    x86_lapic_reset(s->lapic, false);
    atomic_put(&cpu->irq_pending, (uint32_t)X86_IRQ_RESYNC);
    set_power(cpu, cpu->index == 0 ? CPU_POWER_ON : CPU_POWER_WAIT);
    if (log_enabled(LOG_CPU_RESET)) {
        log_printf("cpu %u: reset\n", cpu->index);
        cpu_log(cpu);
    }
}

void x86_cpu_init(Cpu *cpu)
{
    X86State *s = cpu->env;

    reset_core(s);
    x86_lapic_reset(s->lapic, true);
    cpu_interrupt_clear(cpu, X86_IRQ_INIT | X86_IRQ_NMI | X86_IRQ_HARD);
    set_power(cpu, s->apic_base & X86_APIC_BASE_BSP ? CPU_POWER_ON : CPU_POWER_WAIT);
}

void x86_cpu_startup(Cpu *cpu, uint8_t vector)
{
    X86State *s = cpu->env;

    x86_seg_put(&s->seg[R_CS], (uint32_t)vector << 8, (uint64_t)vector << 12, 0xffff, REAL_CODE);
    s->rip = 0;
    x86_mode_update(s);
    set_power(cpu, CPU_POWER_ON);
}

/* ---- for loaders ---- */

static void enter_segments(X86State *s, const X86Entry *e, uint32_t code)
{
    uint32_t cs = e->cs ? e->cs : 0x10, ds = e->ds ? e->ds : 0x18;

    x86_seg_put(&s->gdt, 0, e->gdt_base, e->gdt_limit, 0);
    x86_seg_put(&s->idt, 0, 0, 0, 0);
    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        x86_seg_put(&s->seg[i], ds, 0, 0xffffffffu, X86_FLAT_DATA32);
    }
    x86_seg_put(&s->seg[R_CS], cs, 0, 0xffffffffu, code);
    s->rip = e->rip;
    x86_eflags_set(s, 2);
}

void x86_enter_flat32(Cpu *cpu, const X86Entry *e)
{
    X86State *s = cpu->env;

    s->cr0 = X86_CR0_PE | X86_CR0_ET;
    s->cr4 = 0;
    s->efer = 0;
    enter_segments(s, e, X86_FLAT_CODE32);
    x86_resync(cpu);
}

void x86_enter_long64(Cpu *cpu, const X86Entry *e)
{
    X86State *s = cpu->env;

    s->cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_PG;
    s->cr3 = e->cr3;
    s->cr4 = X86_CR4_PAE;
    s->efer = X86_EFER_LME | X86_EFER_LMA;
    enter_segments(s, e, X86_FLAT_CODE64);
    x86_resync(cpu);
}
