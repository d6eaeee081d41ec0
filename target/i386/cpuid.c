/* CPU models: the table of features, -cpu's argument, and CPUID's answers (SDM vol. 2, CPUID).
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `max` is a GenuineIntel family 6 CPU with the model number of a core that does not speculate
 * (0x1C): guests then leave out work-arounds for faults that this CPU does not have, and learn the
 * frequencies of TSC and APIC timer from leaf 0x15. */
#include "target/i386/cpuid.h"

#include <string.h>

#include "target/i386/x86.h"
#include "util/error.h"

typedef struct FeatureRow {
    const char *name;
    uint8_t word, bit;
    bool works;
} FeatureRow;

static const FeatureRow feature[X86_F_NUM] = {
#define FEATURE_ROW(sym, nm, w, b, ok) [X86_F_##sym] = { nm, X86_W_##w, b, ok },
    X86_FEATURES(FEATURE_ROW)
#undef FEATURE_ROW
};

/* What -cpu can name. features: NULL means all that work. */
typedef struct ModelRow {
    const char *name, *vendor, *brand, *about;
    bool amd;
    uint8_t family, model, stepping;
    uint32_t level;
    const uint8_t *features;
    unsigned nfeatures;
} ModelRow;

static const uint8_t qemu64_features[] = {
    X86_F_FPU, X86_F_DE, X86_F_PSE, X86_F_TSC, X86_F_MSR, X86_F_PAE, X86_F_MCE, X86_F_CX8,
    X86_F_APIC, X86_F_SEP, X86_F_MTRR, X86_F_PGE, X86_F_MCA, X86_F_CMOV, X86_F_PAT, X86_F_PSE36,
    X86_F_CLFLUSH, X86_F_MMX, X86_F_FXSR, X86_F_SSE, X86_F_SSE2, X86_F_CX16, X86_F_SYSCALL,
    X86_F_NX, X86_F_LM, X86_F_LAHF_LM,
};

static const ModelRow models[] = {
    { .name = "max", .vendor = "GenuineIntel", .brand = "Glassbox CPU @ 1.00GHz",
      .about = "everything that this emulator implements (default)",
      .family = 6, .model = 0x1c, .stepping = 10, .level = 0x16 },
    { .name = "qemu64", .vendor = "AuthenticAMD", .brand = "Glassbox CPU (qemu64)", .amd = true,
      .about = "a plain 64-bit CPU: SSE2 and little more",
      .family = 15, .model = 107, .stepping = 1, .level = 0xd,
      .features = qemu64_features, .nfeatures = G_N_ELEMENTS(qemu64_features) },
};

/* Features that mean nothing without another one. */
static const struct { uint8_t f, needs; } depends[] = {
    { X86_F_X2APIC, X86_F_APIC }, { X86_F_TSC_DEADLINE, X86_F_APIC },
    { X86_F_TSC_DEADLINE, X86_F_TSC }, { X86_F_TSC_ADJUST, X86_F_TSC },
    { X86_F_INVTSC, X86_F_TSC }, { X86_F_RDTSCP, X86_F_TSC }, { X86_F_SYSCALL, X86_F_LM },
    { X86_F_LM, X86_F_PAE }, { X86_F_NX, X86_F_PAE }, { X86_F_PDPE1GB, X86_F_LM },
    { X86_F_PCID, X86_F_LM }, { X86_F_FSGSBASE, X86_F_LM }, { X86_F_CX16, X86_F_LM },
    { X86_F_XSAVE, X86_F_FXSR }, { X86_F_SSE, X86_F_FXSR }, { X86_F_SSE2, X86_F_SSE },
    { X86_F_XSAVEOPT, X86_F_XSAVE }, { X86_F_XSAVEC, X86_F_XSAVE }, { X86_F_XGETBV1, X86_F_XSAVE },
    { X86_F_RDPID, X86_F_RDTSCP }, { X86_F_KVMCLOCK_STABLE, X86_F_KVMCLOCK },
};

static void model_put(X86Model *m, X86Feature f, bool on)
{
    uint64_t bit = UINT64_C(1) << (f % 64);

    m->has[f / 64] = on ? m->has[f / 64] | bit : m->has[f / 64] & ~bit;
}

/* `host` is another name of `max` where a real processor executes. */
static const ModelRow *model_find(const char *name, const X86ModelHost *host)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        if (!strcmp(models[i].name, host && !strcmp(name, "host") ? "max" : name)) {
            return &models[i];
        }
    }
    return NULL;
}

/* Can a guest have this feature? */
static bool feature_works(X86Feature f, const X86ModelHost *host)
{
    return host ? host->word[feature[f].word] >> feature[f].bit & 1 : feature[f].works;
}

/* By name; - and _ are the same. */
static int feature_find(const char *name)
{
    g_autofree char *plain = g_strdelimit(g_strdup(name), "_", '-');

    for (unsigned i = 0; i < X86_F_NUM; i++) {
        if (!strcmp(feature[i].name, plain)) {
            return (int)i;
        }
    }
    return -1;
}

const char *x86_feature_name(X86Feature f)
{
    return feature[f].name;
}

/* `max` is the processor itself where there is a real one. */
static void model_host(X86Model *m, const X86ModelHost *host)
{
    m->vendor = host->vendor;
    m->brand = host->brand;
    m->amd = !strcmp(host->vendor, "AuthenticAMD");
    m->family = host->family;
    m->model = host->model;
    m->stepping = host->stepping;
    m->level = m->amd ? 0xd : 0x16;
}

/* What has to be asked for. */
static bool is_extra(X86Feature f)
{
    return f == X86_F_HYPERVISOR || f == X86_F_HT || f == X86_F_KVMCLOCK;
}

static void model_base(X86Model *m, const ModelRow *row, const X86ModelHost *host)
{
    m->name = row->name;
    m->vendor = row->vendor;
    m->brand = row->brand;
    m->amd = row->amd;
    m->family = row->family;
    m->model = row->model;
    m->stepping = row->stepping;
    m->phys_bits = host ? host->phys_bits : 40;
    m->level = row->level;
    m->xlevel = 0x80000008u;
    m->tsc_khz = host ? host->tsc_khz : X86_TSC_HZ / 1000;
    if (host && !row->features) {
        model_host(m, host);
    }
    for (unsigned i = 0; i < X86_F_NUM && !row->features; i++) {
        model_put(m, (X86Feature)i, feature_works((X86Feature)i, host) && !is_extra((X86Feature)i));
    }
    for (unsigned i = 0; i < row->nfeatures; i++) {
        X86Feature f = (X86Feature)row->features[i];

        model_put(m, f, feature_works(f, host));
    }
}

/* One item after the model's name: +f, -f, f=on, f=off, f. */
static bool model_apply(X86Model *m, const char *item, const X86ModelHost *host, GError **errp)
{
    g_auto(GStrv) part = g_strsplit(item, "=", 2);
    const char *name = part[0], *value = part[0] ? part[1] : NULL;
    bool on = true;

    if (!name || !*name) {
        return error_set(errp, INVALID, "empty item in -cpu");
    }
    if ((*name == '+' || *name == '-') && !value) {
        on = *name++ == '+';
    } else if (value && (!strcmp(value, "on") || !strcmp(value, "off"))) {
        on = !strcmp(value, "on");
    } else if (value) {
        return error_set(errp, INVALID, "-cpu: '%s' must be on or off, not '%s'", name, value);
    }
    int f = feature_find(name);
    if (f < 0) {
        return error_set(errp, NOT_FOUND, "-cpu: there is no CPU flag '%s'", name);
    }
    if (on && !feature_works((X86Feature)f, host)) {
        return error_set(errp, UNSUPPORTED, host ? "-cpu: the host cannot give its guests the flag '%s'"
                         : "-cpu: the flag '%s' is not implemented", name);
    }
    model_put(m, (X86Feature)f, on);
    return true;
}

static void model_finish(X86Model *m)
{
    if (x86_model_has(m, X86_F_KVMCLOCK)) {
        model_put(m, X86_F_HYPERVISOR, true);   /* it is found in the hypervisor's leaves */
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(depends); i++) {
        if (!x86_model_has(m, (X86Feature)depends[i].needs)) {
            model_put(m, (X86Feature)depends[i].f, false);
        }
    }
    for (unsigned i = 0; i < X86_F_NUM; i++) {
        if (x86_model_has(m, (X86Feature)i)) {
            m->word[feature[i].word] |= 1u << feature[i].bit;
        }
    }
}

X86Model *x86_model_new(const char *arg, const X86ModelHost *host, GError **errp)
{
    g_auto(GStrv) item = g_strsplit(arg && *arg ? arg : "max", ",", -1);
    const ModelRow *row = model_find(item[0], host);

    if (!row) {
        error_set(errp, NOT_FOUND, "-cpu: there is no CPU model '%s'; -cpu help lists them", item[0]);
        return NULL;
    }
    X86Model *m = g_new0(X86Model, 1);
    model_base(m, row, host);
    for (unsigned i = 1; item[i]; i++) {
        if (!model_apply(m, item[i], host, errp)) {
            g_free(m);
            return NULL;
        }
    }
    model_finish(m);
    return m;
}

char *x86_model_help(void)
{
    GString *s = g_string_new("Available CPUs:\n");

    for (unsigned i = 0; i < G_N_ELEMENTS(models); i++) {
        g_string_append_printf(s, "  %-10s %s\n", models[i].name, models[i].about);
    }
    g_string_append(s, "\nCPU flags:\n ");
    for (unsigned i = 0; i < X86_F_NUM; i++) {
        if (feature[i].works) {
            g_string_append_printf(s, " %s", feature[i].name);
        }
    }
    g_string_append_c(s, '\n');
    return g_string_free(s, FALSE);
}

/* ---- CPUID ---- */

uint64_t x86_xcr0_mask(const X86State *s)
{
    return x86_has(s, X86_F_AVX) ? 7 : 3;
}

uint32_t x86_xsave_size(uint64_t xcr0)
{
    return xcr0 & 4 ? 512 + 64 + 256 : 512 + 64;
}

static uint32_t le32(const char *s)
{
    return (uint32_t)(uint8_t)s[0] | (uint32_t)(uint8_t)s[1] << 8 | (uint32_t)(uint8_t)s[2] << 16 |
           (uint32_t)(uint8_t)s[3] << 24;
}

static uint32_t signature(const X86Model *m)
{
    return (uint32_t)m->stepping | (m->model & 15u) << 4 | (uint32_t)m->family << 8 |
           (m->model & 0xf0u) << 12;
}

/* Bits that number this many things. */
static unsigned bits_for(unsigned n)
{
    unsigned b = 0;

    while ((1u << b) < n) {
        b++;
    }
    return b;
}

static X86Cpuid leaf_1(const X86State *s, unsigned index, unsigned ncpus)
{
    const X86Model *m = s->model;
    X86Cpuid r = { .eax = signature(m), .ecx = m->word[X86_W_1_ECX], .edx = m->word[X86_W_1_EDX] };

    r.ebx = 8u << 8 | 1u << (16 + bits_for(ncpus)) | index << 24;
    r.ecx |= s->cr4 & X86_CR4_OSXSAVE ? 1u << 27 : 0;
    r.edx |= ncpus > 1 ? 1u << 28 : 0;
    if (!(s->apic_base & 0x800)) {
        r.edx &= ~(1u << 9);
    }
    return r;
}

/* Caches: 32 KiB for data and code, 1 MiB for both. */
static X86Cpuid leaf_4(unsigned ncpus, uint32_t sub)
{
    static const struct { uint8_t type, level, ways; uint16_t sets; } cache[] = {
        { 1, 1, 8, 64 }, { 2, 1, 8, 64 }, { 3, 2, 16, 1024 },
    };
    X86Cpuid r = { 0 };

    if (sub < G_N_ELEMENTS(cache)) {
        r.eax = cache[sub].type | (uint32_t)cache[sub].level << 5 | 1u << 8 |
                ((1u << bits_for(ncpus)) - 1) << 26;
        r.ebx = 63u | (cache[sub].ways - 1u) << 22;
        r.ecx = cache[sub].sets - 1u;
    }
    return r;
}

static X86Cpuid leaf_b(unsigned index, unsigned ncpus, uint32_t sub)
{
    X86Cpuid r = { .ecx = sub & 0xff, .edx = index };

    if (sub == 0) {
        r.ebx = 1;
        r.ecx |= 1u << 8;
    } else if (sub == 1) {
        r.eax = bits_for(ncpus);
        r.ebx = ncpus;
        r.ecx |= 2u << 8;
    }
    return r;
}

static X86Cpuid leaf_d(const X86State *s, uint32_t sub)
{
    if (!x86_has(s, X86_F_XSAVE)) {
        return (X86Cpuid){ 0 };
    }
    if (sub == 0) {
        return (X86Cpuid){ .eax = (uint32_t)x86_xcr0_mask(s), .ebx = x86_xsave_size(s->xcr0),
                           .ecx = x86_xsave_size(x86_xcr0_mask(s)) };
    }
    if (sub == 1) {
        return (X86Cpuid){ .eax = s->model->word[X86_W_D1_EAX] };
    }
    if (sub == 2 && x86_has(s, X86_F_AVX)) {
        return (X86Cpuid){ .eax = 256, .ebx = 576 };
    }
    return (X86Cpuid){ 0 };
}

static X86Cpuid leaf_7(const X86Model *m, uint32_t sub)
{
    return sub ? (X86Cpuid){ 0 }
               : (X86Cpuid){ .ebx = m->word[X86_W_7_EBX], .ecx = m->word[X86_W_7_ECX],
                             .edx = m->word[X86_W_7_EDX] };
}

/* The ratio of the TSC to the APIC timer's crystal of 1 GHz as a fraction. Linux multiplies the crystal's kHz
 * with the numerator in 32 bits, which bounds it; the nearest such fraction (by the Stern-Brocot tree) is
 * less than a millionth off. */
#define RATIO_MAX 4294u

static X86Cpuid leaf_15(const X86Model *m)
{
    uint64_t lo_n = 0, lo_d = 1, hi_n = 1, hi_d = 0, n = 1, d = 1;
    uint64_t khz = m->tsc_khz, crystal = X86_TSC_HZ / 1000;

    while (lo_n + hi_n <= RATIO_MAX && lo_d + hi_d <= RATIO_MAX) {
        n = lo_n + hi_n;
        d = lo_d + hi_d;
        if (n * crystal == khz * d) {
            break;
        }
        if (n * crystal < khz * d) {
            lo_n = n;
            lo_d = d;
        } else {
            hi_n = n;
            hi_d = d;
        }
    }
    return (X86Cpuid){ (uint32_t)d, (uint32_t)n, (uint32_t)X86_TSC_HZ, 0 };
}

static X86Cpuid basic(const X86State *s, unsigned index, unsigned ncpus, uint32_t leaf, uint32_t sub)
{
    const X86Model *m = s->model;

    switch (leaf) {
    case 0:
        return (X86Cpuid){ m->level, le32(m->vendor), le32(m->vendor + 8), le32(m->vendor + 4) };
    case 1:
        return leaf_1(s, index, ncpus);
    case 2:     /* one round; 0xff: leaf 4 tells */
        return m->amd ? (X86Cpuid){ 0 } : (X86Cpuid){ .eax = 0x0000ff01 };
    case 4:
        return m->amd ? (X86Cpuid){ 0 } : leaf_4(ncpus, sub);
    case 6:
        return (X86Cpuid){ .eax = m->word[X86_W_6_EAX] };
    case 7:
        return leaf_7(m, sub);
    case 0xb:
        return leaf_b(index, ncpus, sub);
    case 0xd:
        return leaf_d(s, sub);
    case 0x15:  /* TSC = crystal * ebx / eax; the APIC timer counts the crystal */
        return leaf_15(m);
    case 0x16:
        return (X86Cpuid){ MAX(m->tsc_khz / 1000, 1), MAX(m->tsc_khz / 1000, 1), 100, 0 };
    default:
        return (X86Cpuid){ 0 };
    }
}

static X86Cpuid extended(const X86State *s, unsigned ncpus, uint32_t leaf)
{
    const X86Model *m = s->model;
    char brand[48] = { 0 };
    const char *b;
    X86Cpuid r = { 0 };

    switch (leaf) {
    case 0x80000000u:
        r.eax = m->xlevel;
        if (m->amd) {
            r = (X86Cpuid){ m->xlevel, le32(m->vendor), le32(m->vendor + 8), le32(m->vendor + 4) };
        }
        return r;
    case 0x80000001u:
        r.eax = m->amd ? signature(m) : 0;
        r.ecx = m->word[X86_W_81_ECX];
        r.edx = m->word[X86_W_81_EDX];
        if (m->amd) {   /* these repeat leaf 1 */
            r.edx |= m->word[X86_W_1_EDX] & 0x0183f3ffu;
        } else if (!x86_in_64(s)) {
            r.edx &= ~(1u << 11);   /* Intel's SYSCALL exists in 64-bit mode only */
        }
        return r;
    case 0x80000002u:
    case 0x80000003u:
    case 0x80000004u:
        g_strlcpy(brand, m->brand, sizeof(brand));
        b = brand + (leaf - 0x80000002u) * 16;
        return (X86Cpuid){ le32(b), le32(b + 4), le32(b + 8), le32(b + 12) };
    case 0x80000005u:
        return m->amd ? (X86Cpuid){ .ecx = 32u << 24 | 8u << 16 | 1u << 8 | 64,
                                    .edx = 32u << 24 | 8u << 16 | 1u << 8 | 64 } : r;
    case 0x80000006u:
        r.ecx = 1024u << 16 | 8u << 12 | 1u << 8 | 64;
        return r;
    case 0x80000007u:
        r.edx = m->word[X86_W_87_EDX];
        return r;
    case 0x80000008u:
        r.eax = m->phys_bits | (x86_has(s, X86_F_LM) ? 48u : 32u) << 8;
        r.ecx = m->amd ? bits_for(ncpus) << 12 | (ncpus - 1) : 0;
        return r;
    default:
        return r;
    }
}

#define KVMCLOCK_OLD 1u     /* the clock's first two MSRs, which KVM serves as well */

/* The hypervisor's range: a signature of our own, and nothing offered; or KVM's, which a guest looks for before
 * it uses KVM's clock (Linux, Documentation/virt/kvm/x86/cpuid.rst). */
static X86Cpuid hypervisor(const X86State *s, uint32_t leaf)
{
    bool kvm = x86_has(s, X86_F_KVMCLOCK);
    const char *sign = kvm ? "KVMKVMKVM\0\0" : "Glassbox DBG";

    switch (leaf) {
    case 0x40000000u:
        return (X86Cpuid){ kvm ? leaf + 1 : leaf, le32(sign), le32(sign + 4), le32(sign + 8) };
    case 0x40000001u:
        return (X86Cpuid){ kvm ? s->model->word[X86_W_KVM_EAX] | KVMCLOCK_OLD : 0 };
    default:
        return (X86Cpuid){ 0 };
    }
}

X86Cpuid x86_cpuid(const X86State *s, unsigned index, unsigned ncpus, uint32_t leaf, uint32_t sub)
{
    const X86Model *m = s->model;

    if (leaf >= 0x80000000u && leaf <= m->xlevel) {
        return extended(s, ncpus, leaf);
    }
    if (leaf >> 28 == 4 && x86_has(s, X86_F_HYPERVISOR)) {
        return hypervisor(s, leaf);
    }
    if (leaf > m->level) {
        if (m->amd) {
            return (X86Cpuid){ 0 };
        }
        leaf = m->level;    /* Intel: beyond the last leaf stands what the last basic one says */
    }
    return basic(s, index, ncpus, leaf, sub);
}
