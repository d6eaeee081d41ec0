/* Model-specific registers (SDM vol. 4). A number that is not in the table is #GP.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/msr.h"

#include <string.h>

#include "target/i386/cpuid.h"
#include "target/i386/event.h"
#include "target/i386/helper.h"
#include "target/i386/lapic.h"
#include "target/i386/system.h"
#include "util/bytes.h"
#include "util/log.h"
#include "vm/vm.h"

typedef struct Msr Msr;
struct Msr {
    uint32_t num, count;        /* numbers num..num+count-1; the state's are an array */
    const char *name;
    uint16_t feature;           /* needed, or X86_FEATURE_NONE */
    uint8_t check;              /* CHECK_*: of values that may be written */
    uint32_t off;               /* in the state, where get and set are NULL */
    uint64_t (*get)(const Cpu *cpu, uint32_t num);
    const char *(*set)(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush);   /* the reason of a no */
};

enum { CHECK_ANY, CHECK_CANONICAL, CHECK_32, CHECK_PAT, CHECK_MTRR_TYPES, CHECK_PHYS, CHECK_ZERO,
       CHECK_READONLY };

/* ---- registers with effects ---- */

uint64_t x86_tsc(const Cpu *cpu)
{
    const X86State *s = cpu->env;

    return (uint64_t)vm_clock_ns(cpu->vm) + s->tsc_adjust;
}

static uint64_t tsc_get(const Cpu *cpu, uint32_t num)
{
    return x86_tsc(cpu);
}

/* A write of the counter shows in IA32_TSC_ADJUST, as the manual wants it. */
static const char *tsc_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;

    s->tsc_adjust += v - x86_tsc(cpu);
    x86_lapic_tsc_changed(s->lapic);
    return NULL;
}

static const char *tsc_adjust_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;

    s->tsc_adjust = v;
    x86_lapic_tsc_changed(s->lapic);
    return NULL;
}

static uint64_t deadline_get(const Cpu *cpu, uint32_t num)
{
    return x86_lapic_deadline(((const X86State *)cpu->env)->lapic);
}

static const char *deadline_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    x86_lapic_set_deadline(((X86State *)cpu->env)->lapic, v);
    return NULL;
}

static const char *apic_base_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    return x86_lapic_set_base(((X86State *)cpu->env)->lapic, v);
}

static const char *efer_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    const char *no = x86_efer_refuse(cpu->env, v);

    if (!no) {
        x86_efer_put(cpu, v, flush);
    }
    return no;
}

static uint64_t base_get(const Cpu *cpu, uint32_t num)
{
    const X86State *s = cpu->env;

    return s->seg[num == X86_MSR_FS_BASE ? R_FS : R_GS].base;
}

static const char *base_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;

    s->seg[num == X86_MSR_FS_BASE ? R_FS : R_GS].base = v;
    return NULL;
}

static uint64_t ucode_get(const Cpu *cpu, uint32_t num)
{
    return ((const X86State *)cpu->env)->model->amd ? 0x01000065 : UINT64_C(1) << 32;
}

/* Intel's way to read the revision begins with a write of zero. */
static const char *ucode_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    return v ? "microcode cannot be loaded" : NULL;
}

#define MISC_ENABLE_FIXED 0x1801u       /* fast strings; no BTS, no PEBS */

static const char *misc_enable_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    X86State *s = cpu->env;

    if ((v ^ s->misc_enable) & ~UINT64_C(1)) {
        return "only the fast-strings bit of IA32_MISC_ENABLE can be changed";
    }
    s->misc_enable = v;
    return NULL;
}

static uint64_t mtrr_cap_get(const Cpu *cpu, uint32_t num)
{
    return 0x508;       /* 8 variable ranges, fixed ranges, write combining */
}

static uint64_t zero_get(const Cpu *cpu, uint32_t num)
{
    return 0;
}

static const char *zero_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    return NULL;        /* CHECK_ZERO has seen that it is 0 */
}

static const char *mtrr_deftype_set(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush)
{
    if ((v & ~UINT64_C(0xcff)) || !(0x73 >> MIN(v & 0xff, 15) & 1)) {
        return "IA32_MTRR_DEF_TYPE has reserved bits set";
    }
    ((X86State *)cpu->env)->mtrr_deftype = v;
    return NULL;
}

/* ---- the table ---- */

#define ST(field) .off = offsetof(X86State, field)
#define NEED(f) .feature = X86_F_##f
#define PLAIN .feature = X86_FEATURE_NONE

static const Msr table[] = {
    { X86_MSR_TSC, 1, "IA32_TIME_STAMP_COUNTER", NEED(TSC), .get = tsc_get, .set = tsc_set },
    { X86_MSR_PLATFORM_ID, 1, "IA32_PLATFORM_ID", PLAIN, CHECK_READONLY, .get = zero_get },
    { X86_MSR_APIC_BASE, 1, "IA32_APIC_BASE", NEED(APIC), ST(apic_base), .set = apic_base_set },
    { X86_MSR_TSC_ADJUST, 1, "IA32_TSC_ADJUST", NEED(TSC_ADJUST), ST(tsc_adjust),
      .set = tsc_adjust_set },
    { X86_MSR_UCODE_REV, 1, "IA32_BIOS_SIGN_ID", PLAIN, .get = ucode_get, .set = ucode_set },
    { X86_MSR_MTRR_CAP, 1, "IA32_MTRRCAP", NEED(MTRR), CHECK_READONLY, .get = mtrr_cap_get },
    { X86_MSR_SYSENTER_CS, 1, "IA32_SYSENTER_CS", NEED(SEP), CHECK_32, ST(sysenter_cs) },
    { X86_MSR_SYSENTER_ESP, 1, "IA32_SYSENTER_ESP", NEED(SEP), CHECK_CANONICAL, ST(sysenter_esp) },
    { X86_MSR_SYSENTER_EIP, 1, "IA32_SYSENTER_EIP", NEED(SEP), CHECK_CANONICAL, ST(sysenter_eip) },
    { X86_MSR_MCG_CAP, 1, "IA32_MCG_CAP", NEED(MCA), CHECK_READONLY, .get = zero_get },
    { X86_MSR_MCG_STATUS, 1, "IA32_MCG_STATUS", NEED(MCA), CHECK_ZERO, ST(mcg_status) },
    { X86_MSR_MISC_ENABLE, 1, "IA32_MISC_ENABLE", PLAIN, ST(misc_enable), .set = misc_enable_set },
    { X86_MSR_DEBUGCTL, 1, "IA32_DEBUGCTL", PLAIN, CHECK_ZERO, .get = zero_get, .set = zero_set },
    { X86_MSR_MTRR_VAR, 16, "IA32_MTRR_PHYS", NEED(MTRR), CHECK_PHYS, ST(mtrr_var) },
    { 0x250, 1, "IA32_MTRR_FIX64K_00000", NEED(MTRR), CHECK_MTRR_TYPES, ST(mtrr_fixed[0]) },
    { 0x258, 2, "IA32_MTRR_FIX16K", NEED(MTRR), CHECK_MTRR_TYPES, ST(mtrr_fixed[1]) },
    { 0x268, 8, "IA32_MTRR_FIX4K", NEED(MTRR), CHECK_MTRR_TYPES, ST(mtrr_fixed[3]) },
    { X86_MSR_PAT, 1, "IA32_PAT", NEED(PAT), CHECK_PAT, ST(pat) },
    { X86_MSR_MTRR_DEFTYPE, 1, "IA32_MTRR_DEF_TYPE", NEED(MTRR), ST(mtrr_deftype),
      .set = mtrr_deftype_set },
    { X86_MSR_TSC_DEADLINE, 1, "IA32_TSC_DEADLINE", NEED(TSC_DEADLINE), .get = deadline_get,
      .set = deadline_set },
    { X86_MSR_EFER, 1, "IA32_EFER", PLAIN, ST(efer), .set = efer_set },
    { X86_MSR_STAR, 1, "IA32_STAR", NEED(SYSCALL), ST(star) },
    { X86_MSR_LSTAR, 1, "IA32_LSTAR", NEED(SYSCALL), CHECK_CANONICAL, ST(lstar) },
    { X86_MSR_CSTAR, 1, "IA32_CSTAR", NEED(SYSCALL), CHECK_CANONICAL, ST(cstar) },
    { X86_MSR_SFMASK, 1, "IA32_FMASK", NEED(SYSCALL), CHECK_32, ST(sfmask) },
    { X86_MSR_FS_BASE, 1, "IA32_FS_BASE", NEED(LM), CHECK_CANONICAL, .get = base_get,
      .set = base_set },
    { X86_MSR_GS_BASE, 1, "IA32_GS_BASE", NEED(LM), CHECK_CANONICAL, .get = base_get,
      .set = base_set },
    { X86_MSR_KERNEL_GS_BASE, 1, "IA32_KERNEL_GS_BASE", NEED(LM), CHECK_CANONICAL,
      ST(kernel_gs_base) },
    { X86_MSR_TSC_AUX, 1, "IA32_TSC_AUX", NEED(RDTSCP), CHECK_32, ST(tsc_aux) },
};

/* AMD's, without which its kernels' set-up code complains. */
static const Msr table_amd[] = {
    { X86_MSR_SYSCFG, 1, "SYSCFG", PLAIN, CHECK_ZERO, .get = zero_get, .set = zero_set },
    { X86_MSR_HWCR, 1, "HWCR", PLAIN, CHECK_ZERO, .get = zero_get, .set = zero_set },
    { X86_MSR_INT_PENDING, 1, "INT_PENDING_MSG", PLAIN, CHECK_ZERO, .get = zero_get,
      .set = zero_set },
};

static const Msr *row_find(const Msr *t, unsigned n, uint32_t num)
{
    for (unsigned i = 0; i < n; i++) {
        if (num - t[i].num < t[i].count) {
            return &t[i];
        }
    }
    return NULL;
}

static const Msr *msr_find(const X86State *s, uint32_t num)
{
    const Msr *m = row_find(table, G_N_ELEMENTS(table), num);

    if (!m && s->model->amd) {
        m = row_find(table_amd, G_N_ELEMENTS(table_amd), num);
    }
    if (m && m->feature != X86_FEATURE_NONE && !x86_has(s, (X86Feature)m->feature)) {
        return NULL;
    }
    return m;
}

const char *x86_msr_name(uint32_t num)
{
    const Msr *m = row_find(table, G_N_ELEMENTS(table), num);

    m = m ? m : row_find(table_amd, G_N_ELEMENTS(table_amd), num);
    return m ? m->name : num >= X86_MSR_X2APIC && num <= X86_MSR_X2APIC_LAST ? "IA32_X2APIC" : NULL;
}

static bool name_find(const Msr *t, unsigned n, const char *name, uint64_t *number)
{
    for (unsigned i = 0; i < n; i++) {
        const char *its = t[i].name + (g_str_has_prefix(t[i].name, "IA32_") ? strlen("IA32_") : 0);

        if (!g_ascii_strcasecmp(its, name)) {
            *number = t[i].num;
            return true;
        }
    }
    return false;
}

bool x86_msr_number(const char *name, uint64_t *number)
{
    return name_find(table, G_N_ELEMENTS(table), name, number) ||
           name_find(table_amd, G_N_ELEMENTS(table_amd), name, number);
}

static bool is_x2apic(const X86State *s, uint32_t num)
{
    return num >= X86_MSR_X2APIC && num <= X86_MSR_X2APIC_LAST && x86_has(s, X86_F_X2APIC);
}

/* ---- access ---- */

static uint64_t *msr_at(X86State *s, const Msr *m, uint32_t num)
{
    return (uint64_t *)((char *)s + m->off) + (num - m->num);
}

bool x86_msr_read(const Cpu *cpu, uint32_t num, uint64_t *v)
{
    X86State *s = cpu->env;
    const Msr *m = msr_find(s, num);

    if (!m) {
        return is_x2apic(s, num) && x86_lapic_msr_read(s->lapic, num - X86_MSR_X2APIC, v);
    }
    *v = m->get ? m->get(cpu, num) : *msr_at(s, m, num);
    return true;
}

/* Each byte of a PAT or fixed MTRR is a memory type: bit n of ok says which. */
static bool types_ok(uint64_t v, unsigned ok)
{
    for (unsigned i = 0; i < 64; i += 8) {
        unsigned type = v >> i & 0xff;

        if (type > 7 || !(ok >> type & 1)) {
            return false;
        }
    }
    return true;
}

static const char *value_refuse(const X86State *s, unsigned check, uint64_t v)
{
    switch (check) {
    case CHECK_CANONICAL:
        return x86_canonical(v) ? NULL : "the address is not canonical";
    case CHECK_32:
        return v >> 32 ? "the upper half is reserved" : NULL;
    case CHECK_PAT:
        return types_ok(v, 0xf3) ? NULL : "there is no such memory type";
    case CHECK_MTRR_TYPES:
        return types_ok(v, 0x73) ? NULL : "there is no such memory type";
    case CHECK_PHYS:
        return v >> x86_phys_bits(s) ? "bits above the physical address width are set" : NULL;
    case CHECK_ZERO:
        return v ? "only zero can be written here" : NULL;
    case CHECK_READONLY:
        return "it is read-only";
    default:
        return NULL;
    }
}

bool x86_msr_write(Cpu *cpu, uint32_t num, uint64_t v, X86Flush *flush, const char **why)
{
    X86State *s = cpu->env;
    const Msr *m = msr_find(s, num);

    if (!m) {
        *why = "there is no such MSR";
        return is_x2apic(s, num) && x86_lapic_msr_write(s->lapic, num - X86_MSR_X2APIC, v, why);
    }
    *why = value_refuse(s, m->check, v);
    if (!*why && m->set) {
        *why = m->set(cpu, num, v, flush);
    } else if (!*why) {
        *msr_at(s, m, num) = v;
    }
    return !*why;
}

uint64_t x86_helper_rdmsr(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t num = (uint32_t)s->gpr[R_RCX];
    uint64_t v;

    if (x86_cpl(s) == 0) {
        x86_event_msr_read(cpu, num);
    }
    if (x86_cpl(s) != 0 || !x86_msr_read(cpu, num, &v)) {
        log_guest("cpu %u: read of MSR %x is #GP", cpu->index, num);
        x86_raise_gp0(cpu);
    }
    s->gpr[R_RAX] = (uint32_t)v;
    s->gpr[R_RDX] = v >> 32;
    return 0;
}

uint64_t x86_helper_wrmsr(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t num = (uint32_t)s->gpr[R_RCX];
    uint64_t v = (uint32_t)s->gpr[R_RAX] | s->gpr[R_RDX] << 32;
    X86Flush flush = X86_FLUSH_NONE;
    const char *why = "needs ring 0";

    if (x86_cpl(s) == 0) {
        x86_event_msr_write(cpu, num, v);
    }
    if (x86_cpl(s) != 0 || !x86_msr_write(cpu, num, v, &flush, &why)) {
        log_guest("cpu %u: write of MSR %x is #GP: %s", cpu->index, num, why);
        x86_raise_gp0(cpu);
    }
    x86_tcg_flush(cpu, flush);
    return 0;
}

static void check_tsd(Cpu *cpu)
{
    const X86State *s = cpu->env;

    if ((s->cr4 & X86_CR4_TSD) && x86_cpl(s) != 0) {
        x86_raise_gp0(cpu);
    }
}

uint64_t x86_helper_rdtsc(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);

    check_tsd(cpu);
    uint64_t v = x86_tsc(cpu);
    s->gpr[R_RAX] = (uint32_t)v;
    s->gpr[R_RDX] = v >> 32;
    return 0;
}

uint64_t x86_helper_rdtscp(void *env)
{
    x86_helper_rdtsc(env);
    ((X86State *)env)->gpr[R_RCX] = (uint32_t)((X86State *)env)->tsc_aux;
    return 0;
}

uint64_t x86_helper_rdpid(void *env)
{
    return ((X86State *)env)->tsc_aux;
}

uint64_t x86_helper_rdpmc(void *env)
{
    x86_raise_gp0(cpu_from_env(env));   /* there are no counters */
}
