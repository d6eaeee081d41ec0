/* CPU models: which features a CPU offers, and what CPUID tells of them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_CPUID_H
#define GLASSBOX_TARGET_I386_CPUID_H

#include <glib.h>
#include "target/i386/state.h"

/* X(symbol, name as QEMU spells it, word, bit, works). Words: where CPUID tells it. `works` says
 * that this emulator does all that the feature promises; the others can be named, but not had.
 * Decoder rows ask x86_has(state, X86_F_symbol). */
#define X86_FEATURES(X) \
    X(FPU, "fpu", 1_EDX, 0, 1) X(VME, "vme", 1_EDX, 1, 1) X(DE, "de", 1_EDX, 2, 1) \
    X(PSE, "pse", 1_EDX, 3, 1) X(TSC, "tsc", 1_EDX, 4, 1) X(MSR, "msr", 1_EDX, 5, 1) \
    X(PAE, "pae", 1_EDX, 6, 1) X(MCE, "mce", 1_EDX, 7, 1) X(CX8, "cx8", 1_EDX, 8, 1) \
    X(APIC, "apic", 1_EDX, 9, 1) X(SEP, "sep", 1_EDX, 11, 1) X(MTRR, "mtrr", 1_EDX, 12, 1) \
    X(PGE, "pge", 1_EDX, 13, 1) X(MCA, "mca", 1_EDX, 14, 1) X(CMOV, "cmov", 1_EDX, 15, 1) \
    X(PAT, "pat", 1_EDX, 16, 1) X(PSE36, "pse36", 1_EDX, 17, 1) \
    X(CLFLUSH, "clflush", 1_EDX, 19, 1) X(MMX, "mmx", 1_EDX, 23, 1) \
    X(FXSR, "fxsr", 1_EDX, 24, 1) X(SSE, "sse", 1_EDX, 25, 1) X(SSE2, "sse2", 1_EDX, 26, 1) \
    X(HT, "ht", 1_EDX, 28, 1) \
    X(SSE3, "sse3", 1_ECX, 0, 0) X(PCLMULQDQ, "pclmulqdq", 1_ECX, 1, 0) \
    X(MONITOR, "monitor", 1_ECX, 3, 0) X(SSSE3, "ssse3", 1_ECX, 9, 0) \
    X(FMA, "fma", 1_ECX, 12, 0) X(CX16, "cx16", 1_ECX, 13, 1) X(PCID, "pcid", 1_ECX, 17, 1) \
    X(SSE4_1, "sse4.1", 1_ECX, 19, 0) X(SSE4_2, "sse4.2", 1_ECX, 20, 0) \
    X(X2APIC, "x2apic", 1_ECX, 21, 1) X(MOVBE, "movbe", 1_ECX, 22, 1) \
    X(POPCNT, "popcnt", 1_ECX, 23, 1) X(TSC_DEADLINE, "tsc-deadline", 1_ECX, 24, 1) \
    X(AES, "aes", 1_ECX, 25, 0) X(XSAVE, "xsave", 1_ECX, 26, 1) X(AVX, "avx", 1_ECX, 28, 0) \
    X(F16C, "f16c", 1_ECX, 29, 0) X(RDRAND, "rdrand", 1_ECX, 30, 0) \
    X(HYPERVISOR, "hypervisor", 1_ECX, 31, 1) \
    X(FSGSBASE, "fsgsbase", 7_EBX, 0, 1) X(TSC_ADJUST, "tsc-adjust", 7_EBX, 1, 1) \
    X(BMI1, "bmi1", 7_EBX, 3, 1) X(AVX2, "avx2", 7_EBX, 5, 0) X(SMEP, "smep", 7_EBX, 7, 1) \
    X(BMI2, "bmi2", 7_EBX, 8, 1) X(ERMS, "erms", 7_EBX, 9, 1) \
    X(INVPCID, "invpcid", 7_EBX, 10, 1) X(MPX, "mpx", 7_EBX, 14, 0) \
    X(AVX512F, "avx512f", 7_EBX, 16, 0) X(RDSEED, "rdseed", 7_EBX, 18, 0) \
    X(ADX, "adx", 7_EBX, 19, 1) X(SMAP, "smap", 7_EBX, 20, 1) \
    X(CLFLUSHOPT, "clflushopt", 7_EBX, 23, 1) X(CLWB, "clwb", 7_EBX, 24, 1) \
    X(SHA_NI, "sha-ni", 7_EBX, 29, 0) \
    X(UMIP, "umip", 7_ECX, 2, 1) X(PKU, "pku", 7_ECX, 3, 0) X(LA57, "la57", 7_ECX, 16, 0) \
    X(RDPID, "rdpid", 7_ECX, 22, 1) \
    X(FSRM, "fsrm", 7_EDX, 4, 1) X(SERIALIZE, "serialize", 7_EDX, 14, 1) \
    X(SPEC_CTRL, "spec-ctrl", 7_EDX, 26, 0) \
    X(ARCH_CAPABILITIES, "arch-capabilities", 7_EDX, 29, 0) \
    X(XSAVEOPT, "xsaveopt", D1_EAX, 0, 0) X(XSAVEC, "xsavec", D1_EAX, 1, 0) \
    X(XGETBV1, "xgetbv1", D1_EAX, 2, 0) X(XSAVES, "xsaves", D1_EAX, 3, 0) \
    X(ARAT, "arat", 6_EAX, 2, 1) \
    X(SYSCALL, "syscall", 81_EDX, 11, 1) X(NX, "nx", 81_EDX, 20, 1) \
    X(MMXEXT, "mmxext", 81_EDX, 22, 0) X(PDPE1GB, "pdpe1gb", 81_EDX, 26, 1) \
    X(RDTSCP, "rdtscp", 81_EDX, 27, 1) X(LM, "lm", 81_EDX, 29, 1) \
    X(DNOW3EXT, "3dnowext", 81_EDX, 30, 0) X(DNOW3, "3dnow", 81_EDX, 31, 0) \
    X(LAHF_LM, "lahf-lm", 81_ECX, 0, 1) X(CMP_LEGACY, "cmp-legacy", 81_ECX, 1, 0) \
    X(SVM, "svm", 81_ECX, 2, 0) X(ABM, "abm", 81_ECX, 5, 1) X(SSE4A, "sse4a", 81_ECX, 6, 0) \
    X(DNOWPREFETCH, "3dnowprefetch", 81_ECX, 8, 1) \
    X(INVTSC, "invtsc", 87_EDX, 8, 1) X(KVMCLOCK, "kvmclock", KVM_EAX, 3, 0) \
    X(KVMCLOCK_STABLE, "kvmclock-stable-bit", KVM_EAX, 24, 0)

typedef enum X86Feature {
#define X86_FEATURE_ENUM(sym, name, word, bit, works) X86_F_##sym,
    X86_FEATURES(X86_FEATURE_ENUM)
#undef X86_FEATURE_ENUM
    X86_F_NUM,
    X86_FEATURE_NONE = X86_F_NUM,   /* in the decoder's rows: always there */
} X86Feature;

/* The 32-bit words of CPUID that hold features. */
enum {
    X86_W_1_EDX, X86_W_1_ECX, X86_W_7_EBX, X86_W_7_ECX, X86_W_7_EDX, X86_W_D1_EAX, X86_W_6_EAX,
    X86_W_81_EDX, X86_W_81_ECX, X86_W_87_EDX,
    X86_W_KVM_EAX,      /* leaf 0x40000001 of KVM */
    X86_W_NUM,
};

/* What one CPU is; made by x86_model_new, immutable afterwards. */
typedef struct X86Model {
    const char *name;
    const char *vendor;         /* 12 characters */
    const char *brand;
    bool amd;                   /* behaves as AMD's where vendors differ (SYSCALL, SYSENTER) */
    uint8_t family, model, stepping, phys_bits;
    uint32_t level, xlevel;     /* highest leaves */
    uint64_t has[(X86_F_NUM + 63) / 64];
    uint32_t word[X86_W_NUM];
    uint32_t tsc_khz;           /* what the time stamp counter counts */
} X86Model;

/* The processor that executes where it is a real one (KVM): Vm.cpu_host. Lives as long as the
 * machine. */
typedef struct X86ModelHost {
    char vendor[13], brand[49];
    uint8_t family, model, stepping, phys_bits;
    uint32_t word[X86_W_NUM];   /* the features that a guest can have */
    uint32_t tsc_khz;
} X86ModelHost;

/* -cpu's argument, "model,+flag,-flag,flag=on|off"; NULL is "max". host: NULL where this emulator
 * executes. NULL with an error that names what is unknown or cannot be had. Free with g_free; it
 * refers to host. */
X86Model *x86_model_new(const char *arg, const X86ModelHost *host, GError **errp);
/* One line for each model, and the flags, for `-cpu help`. Free with g_free. */
char *x86_model_help(void);

static inline bool x86_model_has(const X86Model *m, X86Feature f)
{
    return m->has[f / 64] >> (f % 64) & 1;
}
/* Does this CPU offer the feature? Fixed for its life. */
static inline bool x86_has(const X86State *s, X86Feature f)
{
    return x86_model_has(s->model, f);
}
static inline unsigned x86_phys_bits(const X86State *s)
{
    return s->model->phys_bits;
}
const char *x86_feature_name(X86Feature f);

typedef struct X86Cpuid { uint32_t eax, ebx, ecx, edx; } X86Cpuid;
/* CPUID as this CPU answers now: some bits follow CR4, XCR0 and the APIC. `ncpus` and `index`
 * place it in the topology (one package, one thread per core). Owner's thread. */
X86Cpuid x86_cpuid(const X86State *s, unsigned index, unsigned ncpus, uint32_t leaf, uint32_t sub);

/* XCR0 bits that this CPU allows. */
uint64_t x86_xcr0_mask(const X86State *s);
/* Bytes of the standard-format XSAVE area for these components. */
uint32_t x86_xsave_size(uint64_t xcr0);

#endif
