/* Events in words: vectors, MSRs, control registers, modes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/event_names.h"

#include <string.h>

#include "accel/point.h"
#include "target/i386/excp.h"
#include "target/i386/msr.h"
#include "target/i386/x86.h"

/* ---- modes ---- */

enum { MODE_REAL, MODE_VM86, MODE_PROT16, MODE_PROT32, MODE_COMPAT, MODE_64 };

static const char *const mode_names[] = {
    [MODE_REAL] = "real mode",
    [MODE_VM86] = "virtual-8086 mode",
    [MODE_PROT16] = "16-bit protected mode",
    [MODE_PROT32] = "32-bit",
    [MODE_COMPAT] = "compatibility mode",
    [MODE_64] = "64-bit",
};

static unsigned mode_sort(const X86State *s)
{
    return x86_in_real(s) ? MODE_REAL
           : x86_in_vm86(s) ? MODE_VM86
           : x86_in_64(s) ? MODE_64
           : s->mode & X86_MODE_LMA ? MODE_COMPAT
           : s->mode & X86_MODE_CS32 ? MODE_PROT32 : MODE_PROT16;
}

uint64_t x86_mode_code(const Cpu *cpu)
{
    const X86State *s = cpu->env;

    return mode_sort(s) << 2 | x86_cpl(s);
}

void x86_mode_text(uint64_t mode, GString *out)
{
    bool known = mode >> 2 < G_N_ELEMENTS(mode_names);

    g_string_append_printf(out, "%s, ring %u", known ? mode_names[mode >> 2] : "unknown mode",
                           (unsigned)mode & 3);
}

/* ---- numbers ---- */

static const char *interrupt_name(uint64_t number)
{
    return number == X86_EXC_NMI ? "NMI" : NULL;
}

static const char *exception_name(uint64_t number)
{
    return number == X86_EXC_NMI || number > 255 ? NULL : x86_exc_name((unsigned)number);
}

static const char *cr_name(uint64_t number)
{
    static const char *const cr[] = { "CR0", NULL, "CR2", "CR3", "CR4", NULL, NULL, NULL, "CR8" };

    return number < G_N_ELEMENTS(cr) ? cr[number] : NULL;
}

static const char *msr_name(uint64_t number)
{
    return number <= UINT32_MAX ? x86_msr_name((uint32_t)number) : NULL;
}

static const char *(*const namers[POINT_KINDS])(uint64_t number) = {
    [POINT_EXCEPTION] = exception_name,
    [POINT_INTERRUPT] = interrupt_name,
    [POINT_MSR] = msr_name,
    [POINT_CR] = cr_name,
};

const char *x86_event_name(unsigned kind, uint64_t number)
{
    return kind < POINT_KINDS && namers[kind] ? namers[kind](number) : NULL;
}

/* Without what people leave out: "#" of an exception, the prefixes of an MSR. */
static const char *bare(const char *name)
{
    static const char *const prefix[] = { "#", "IA32_", "MSR_" };

    for (unsigned i = 0; i < G_N_ELEMENTS(prefix); i++) {
        size_t n = strlen(prefix[i]);

        if (!g_ascii_strncasecmp(name, prefix[i], n) && name[n]) {
            return name + n;
        }
    }
    return name;
}

bool x86_event_number(unsigned kind, const char *name, uint64_t *number)
{
    if (kind == POINT_MSR) {
        return x86_msr_number(bare(name), number);
    }
    for (uint64_t n = 0; n < 256; n++) {
        const char *its = x86_event_name(kind, n);

        if (its && !g_ascii_strcasecmp(bare(its), bare(name))) {
            *number = n;
            return true;
        }
    }
    return false;
}
