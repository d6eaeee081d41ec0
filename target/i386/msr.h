/* Model-specific registers: one table for RDMSR, WRMSR, and the register table.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_MSR_H
#define GLASSBOX_TARGET_I386_MSR_H

#include "cpu/cpu.h"
#include "target/i386/x86.h"

/* Reads an MSR; false: this CPU has none of that number. Owner's thread. */
bool x86_msr_read(const Cpu *cpu, uint32_t num, uint64_t *v);
/* Writes it; false with a reason in *why (a sentence), nothing changed. *flush: what the TLB has
 * to forget. Owner's thread. */
bool x86_msr_write(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush, const char **why);
/* Its name for people ("IA32_EFER"), NULL if there is none. */
const char *x86_msr_name(uint32_t num);
/* The (first) number of a name, given without "IA32_", in any case. False: there is none. */
bool x86_msr_number(const char *name, uint64_t *number);

enum {
    X86_MSR_TSC = 0x10, X86_MSR_PLATFORM_ID = 0x17, X86_MSR_APIC_BASE = 0x1b,
    X86_MSR_TSC_ADJUST = 0x3b, X86_MSR_UCODE_REV = 0x8b, X86_MSR_MTRR_CAP = 0xfe,
    X86_MSR_SYSENTER_CS = 0x174, X86_MSR_SYSENTER_ESP, X86_MSR_SYSENTER_EIP,
    X86_MSR_MCG_CAP = 0x179, X86_MSR_MCG_STATUS = 0x17a,
    X86_MSR_MISC_ENABLE = 0x1a0, X86_MSR_DEBUGCTL = 0x1d9, X86_MSR_MTRR_VAR = 0x200,
    X86_MSR_PAT = 0x277, X86_MSR_MTRR_DEFTYPE = 0x2ff, X86_MSR_TSC_DEADLINE = 0x6e0,
    X86_MSR_X2APIC = 0x800, X86_MSR_X2APIC_LAST = 0x83f,
};
#define X86_MSR_EFER 0xc0000080u
#define X86_MSR_STAR 0xc0000081u
#define X86_MSR_LSTAR 0xc0000082u
#define X86_MSR_CSTAR 0xc0000083u
#define X86_MSR_SFMASK 0xc0000084u
#define X86_MSR_FS_BASE 0xc0000100u
#define X86_MSR_GS_BASE 0xc0000101u
#define X86_MSR_KERNEL_GS_BASE 0xc0000102u
#define X86_MSR_TSC_AUX 0xc0000103u
#define X86_MSR_SYSCFG 0xc0010010u
#define X86_MSR_HWCR 0xc0010015u
#define X86_MSR_INT_PENDING 0xc0010055u

#endif
