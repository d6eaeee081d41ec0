/* Saving and restoring x87 and SSE state (FXSAVE, XSAVE and kin), MXCSR, and what SSE operations need in C.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "accel/tcg/frontend.h"
#include "target/i386/excp.h"
#include "target/i386/x86.h"
#include "target/i386/x87.h"
#include "util/host_fp.h"

#define MXCSR_VALID 0xffffu     /* with denormals-are-zeros */
#define XSAVE_X87 1u
#define XSAVE_SSE 2u
#define XSAVE_AREA 576u         /* legacy region and header */

static void check_align(X86State *s, uint64_t linear, unsigned align)
{
    if (linear & (align - 1)) {
        x86_raise_gp0(cpu_from_env(s));
    }
}

/* ---- MXCSR ---- */

static void mxcsr_write(X86State *s, uint32_t value)
{
    bool was = s->mode & X86_MODE_FPEXC, now = (value & HOST_FP_MASKS) != HOST_FP_MASKS;

    s->mxcsr = value;
    if (was != now) {
        s->mode ^= X86_MODE_FPEXC;
    }
    tcg_fp_control_changed(cpu_from_env(s));
}

uint64_t x86_helper_ldmxcsr(void *env, uint64_t value)
{
    if (value & ~(uint64_t)MXCSR_VALID) {
        x86_raise_gp0(cpu_from_env(env));
    }
    mxcsr_write(env, (uint32_t)value);
    return 0;
}

uint64_t x86_helper_stmxcsr(void *env)
{
    tcg_fp_control_sync(cpu_from_env(env));
    return ((X86State *)env)->mxcsr;
}

uint64_t x86_helper_sse_begin(void *env)
{
    tcg_fp_control_sync(cpu_from_env(env));
    host_fp_set(host_fp_get() & ~HOST_FP_FLAGS);
    return 0;
}

uint64_t x86_helper_sse_end(void *env)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t flags = host_fp_get() & HOST_FP_FLAGS;

    /* Invalid, denormal and zero-divide are found before the operation and hide what comes after. */
    if (flags & ~(s->mxcsr >> 7) & 7) {
        flags &= 7;
    }
    s->mxcsr |= flags;
    tcg_fp_control_changed(cpu);
    if (flags & ~(s->mxcsr >> 7) & HOST_FP_FLAGS) {
        x86_raise(cpu, s->cr4 & X86_CR4_OSXMMEXCPT ? X86_EXC_XM : X86_EXC_UD);
    }
    return 0;
}

/* ---- the legacy region (SDM vol. 1, 10.5.1) ---- */

static unsigned xmm_count(const X86State *s)
{
    return s->mode & X86_MODE_CS64 ? 16 : 8;
}

static void x87_image(const X86State *s, uint8_t *p, bool wide)
{
    const X86Fpu *f = &s->fpu;
    uint16_t status = x87_status(f);

    memcpy(p, &f->control, 2);
    memcpy(p + 2, &status, 2);
    p[4] = f->tags;
    p[5] = 0;
    memcpy(p + 6, &f->opcode, 2);
    memcpy(p + 8, &f->ip, 8);
    memcpy(p + 16, &f->dp, 8);
    if (!wide) {
        memcpy(p + 12, &f->ip_sel, 2);
        memset(p + 14, 0, 2);
        memcpy(p + 20, &f->dp_sel, 2);
        memset(p + 22, 0, 2);
    }
    for (unsigned n = 0; n < 8; n++) {
        memcpy(p + 32 + 16 * n, f->st[(f->top + n) & 7], 10);
        memset(p + 32 + 16 * n + 10, 0, 6);
    }
}

static void x87_restore(X86State *s, const uint8_t *p, bool wide)
{
    X86Fpu *f = &s->fpu;
    uint16_t status;

    memcpy(&f->control, p, 2);
    f->control = (uint16_t)((f->control & 0x1f3f) | 0x40);
    memcpy(&status, p + 2, 2);
    x87_set_status(f, status);
    f->tags = p[4];
    memcpy(&f->opcode, p + 6, 2);
    f->opcode &= 0x7ff;
    f->ip = f->dp = 0;
    memcpy(&f->ip, p + 8, wide ? 8 : 4);
    memcpy(&f->dp, p + 16, wide ? 8 : 4);
    f->ip_sel = f->dp_sel = 0;
    if (!wide) {
        memcpy(&f->ip_sel, p + 12, 2);
        memcpy(&f->dp_sel, p + 20, 2);
    }
    for (unsigned n = 0; n < 8; n++) {
        memcpy(f->st[(f->top + n) & 7], p + 32 + 16 * n, 10);
    }
    f->status &= 0x7f7f;
    if (f->status & ~f->control & 0x3f) {
        f->status |= 0x8080;
    }
}

uint64_t x86_helper_fxsave(void *env, uint64_t linear, uint64_t wide)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint32_t mask = MXCSR_VALID;
    uint8_t image[416];

    check_align(s, linear, 16);
    tcg_fp_control_sync(cpu);
    x87_image(s, image, wide);
    memcpy(image + 24, &s->mxcsr, 4);
    memcpy(image + 28, &mask, 4);
    memcpy(image + 160, s->xmm, 16 * xmm_count(s));
    tcg_store_bytes(cpu, linear, image, 160 + 16 * xmm_count(s), x86_mmu(s->mode));
    return 0;
}

static uint32_t mxcsr_from(X86State *s, const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    if (v & ~MXCSR_VALID) {
        x86_raise_gp0(cpu_from_env(s));
    }
    return v;
}

uint64_t x86_helper_fxrstor(void *env, uint64_t linear, uint64_t wide)
{
    X86State *s = env;
    uint32_t mxcsr;
    uint8_t image[416];

    check_align(s, linear, 16);
    tcg_load_bytes(cpu_from_env(env), linear, image, 160 + 16 * xmm_count(s), x86_mmu(s->mode));
    mxcsr = mxcsr_from(s, image + 24);
    x87_restore(s, image, wide);
    memcpy(s->xmm, image + 160, 16 * xmm_count(s));
    mxcsr_write(s, mxcsr);
    return 0;
}

/* ---- XSAVE (SDM vol. 1, 13.7 to 13.9): components 0 and 1, standard format ---- */

static uint64_t requested(const X86State *s)
{
    return s->xcr0 & ((uint32_t)s->gpr[R_RAX] | s->gpr[R_RDX] << 32);
}

uint64_t x86_helper_xsave(void *env, uint64_t linear, uint64_t wide, uint64_t optimised)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint64_t rfbm = requested(s), bv;
    unsigned mmu = x86_mmu(s->mode);
    uint32_t mask = MXCSR_VALID;
    uint8_t image[160];

    check_align(s, linear, 64);
    tcg_probe_write(cpu, linear, XSAVE_AREA, mmu);
    bv = tcg_load(cpu, linear + 512, MO_64, mmu);
    tcg_fp_control_sync(cpu);
    if (rfbm & XSAVE_X87) {
        x87_image(s, image, wide);
        tcg_store_bytes(cpu, linear, image, 24, mmu);
        tcg_store_bytes(cpu, linear + 32, image + 32, 128, mmu);
    }
    if (rfbm & XSAVE_SSE) {
        tcg_store(cpu, linear + 24, s->mxcsr, MO_32, mmu);
        tcg_store(cpu, linear + 28, mask, MO_32, mmu);
        tcg_store_bytes(cpu, linear + 160, s->xmm, 16 * xmm_count(s), mmu);
    }
    tcg_store(cpu, linear + 512, (bv & ~rfbm) | rfbm, MO_64, mmu);
    return 0;
}

uint64_t x86_helper_xrstor(void *env, uint64_t linear, uint64_t wide)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    uint64_t rfbm = requested(s), header[8], bad = 0;
    uint32_t mxcsr = s->mxcsr;
    uint8_t image[416];

    check_align(s, linear, 64);
    tcg_load_bytes(cpu, linear + 512, header, sizeof(header), x86_mmu(s->mode));
    for (unsigned n = 1; n < 8; n++) {
        bad |= header[n];
    }
    if (bad || header[0] & ~s->xcr0) {
        x86_raise_gp0(cpu);
    }
    tcg_load_bytes(cpu, linear, image, 160 + 16 * xmm_count(s), x86_mmu(s->mode));
    if (rfbm & XSAVE_SSE) {
        mxcsr = mxcsr_from(s, image + 24);
    }
    if (rfbm & XSAVE_X87) {
        if (header[0] & XSAVE_X87) {
            x87_restore(s, image, wide);
        } else {
            x87_init(&s->fpu);
            memset(s->fpu.st, 0, sizeof(s->fpu.st));
        }
    }
    if (rfbm & XSAVE_SSE) {
        if (header[0] & XSAVE_SSE) {
            memcpy(s->xmm, image + 160, 16 * xmm_count(s));
        } else {
            memset(s->xmm, 0, 16 * xmm_count(s));
        }
        mxcsr_write(s, mxcsr);
    }
    return 0;
}

uint64_t x86_helper_maskmov(void *env, uint64_t linear, uint64_t data, uint64_t mask, uint64_t count)
{
    X86State *s = env;
    Cpu *cpu = cpu_from_env(env);
    const uint8_t *d = (const uint8_t *)env + data, *m = (const uint8_t *)env + mask;

    tcg_probe_write(cpu, linear, (unsigned)count, x86_mmu(s->mode));
    for (unsigned n = 0; n < count; n++) {
        if (m[n] & 0x80) {
            tcg_store(cpu, linear + n, d[n], MO_8, x86_mmu(s->mode));
        }
    }
    return 0;
}
