/* The table of a vCPU's state: what checkpoints save and comparisons compare.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/x86_state.h"

static const StateField seg_fields[] = {
    STATE_X(X86Seg, selector), STATE_X(X86Seg, flags), STATE_X(X86Seg, base),
    STATE_X(X86Seg, limit), STATE_LAST,
};

static const StateField fpu_fields[] = {
    STATE_RAW(X86Fpu, st), STATE_X(X86Fpu, control), STATE_X(X86Fpu, status), STATE_U(X86Fpu, top),
    STATE_X(X86Fpu, tags), STATE_X(X86Fpu, opcode), STATE_X(X86Fpu, ip_sel),
    STATE_X(X86Fpu, dp_sel), STATE_X(X86Fpu, ip), STATE_X(X86Fpu, dp), STATE_LAST,
};

static const StateField lapic_fields[] = {
    STATE_XA(X86Lapic, irr), STATE_XA(X86Lapic, tmr), STATE_XA(X86Lapic, isr),
    STATE_U(X86Lapic, mode), STATE_X(X86Lapic, id), STATE_X(X86Lapic, tpr), STATE_X(X86Lapic, ldr),
    STATE_X(X86Lapic, dfr), STATE_X(X86Lapic, svr), STATE_X(X86Lapic, esr),
    STATE_X(X86Lapic, esr_new), STATE_X(X86Lapic, icr), STATE_X(X86Lapic, icr_dest),
    STATE_XA(X86Lapic, lvt), STATE_U(X86Lapic, extint), STATE_X(X86Lapic, divide),
    STATE_X(X86Lapic, initial), STATE_I(X86Lapic, start_ns), STATE_I(X86Lapic, expire_ns),
    STATE_X(X86Lapic, deadline), STATE_T(X86Lapic, timer), STATE_LAST,
};

const StateField x86_state_fields[] = {
    STATE_XA(X86State, gpr), STATE_X(X86State, rip), STATE_X(X86State, cc_dst),
    STATE_X(X86State, cc_src), STATE_X(X86State, cc_src2), STATE_X(X86State, cc_over), STATE_X(X86State, cc_step),
    STATE_U(X86State, cc_op),
    STATE_X(X86State, eflags), STATE_X(X86State, mode), STATE_X(X86State, mxcsr),
    STATE_RAW(X86State, xmm), STATE_RAW(X86State, ymm_high), STATE_SUB(X86State, fpu, fpu_fields),
    STATE_SUBA(X86State, seg, seg_fields), STATE_SUB(X86State, ldt, seg_fields),
    STATE_SUB(X86State, tr, seg_fields), STATE_SUB(X86State, gdt, seg_fields),
    STATE_SUB(X86State, idt, seg_fields), STATE_X(X86State, cr0), STATE_X(X86State, cr2),
    STATE_X(X86State, cr3), STATE_X(X86State, cr4), STATE_XA(X86State, dr),
    STATE_X(X86State, efer), STATE_X(X86State, xcr0), STATE_X(X86State, star),
    STATE_X(X86State, lstar), STATE_X(X86State, cstar), STATE_X(X86State, sfmask),
    STATE_X(X86State, kernel_gs_base), STATE_X(X86State, tsc_aux), STATE_X(X86State, sysenter_cs),
    STATE_X(X86State, sysenter_esp), STATE_X(X86State, sysenter_eip), STATE_X(X86State, pat),
    STATE_X(X86State, apic_base), STATE_X(X86State, misc_enable), STATE_X(X86State, tsc_adjust),
    STATE_X(X86State, mtrr_deftype), STATE_XA(X86State, mtrr_fixed), STATE_XA(X86State, mtrr_var),
    STATE_X(X86State, kvm_system_time), STATE_X(X86State, mcg_status), STATE_XA(X86State, pdpte), STATE_I(X86State, exc_vector),
    STATE_X(X86State, exc_error), STATE_B(X86State, exc_has_error), STATE_U(X86State, exc_kind),
    STATE_U(X86State, exc_nest), STATE_X(X86State, exc_next_rip), STATE_X(X86State, exc_dr6),
    STATE_X(X86State, pending_dr6), STATE_B(X86State, nmi_blocked), STATE_U(X86State, sipi_vector),
    STATE_SUB(X86Full, lapic, lapic_fields), STATE_LAST,
};
