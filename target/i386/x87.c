/* The x87 unit on the host's x87: each instruction runs on the guest's whole state, so results, stack faults,
 * tags and condition codes are the hardware's own.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/x87.h"

#include <string.h>

#include "accel/tcg/frontend.h"
#include "target/i386/excp.h"
#include "target/i386/x86.h"
#include "util/host_x87.h"

#define X87_ES 0x80u
#define X87_B 0x8000u
#define X87_TOP 0x3800u

uint16_t x87_status(const X86Fpu *f)
{
    return (uint16_t)((f->status & ~X87_TOP) | (unsigned)f->top << 11);
}

void x87_set_status(X86Fpu *f, uint16_t status)
{
    f->top = status >> 11 & 7;
    f->status = (uint16_t)(status & ~X87_TOP);
}

static unsigned tag_of(const uint8_t *st)
{
    uint64_t mantissa;
    uint16_t exponent;

    memcpy(&mantissa, st, 8);
    memcpy(&exponent, st + 8, 2);
    exponent &= 0x7fff;
    if (!exponent && !mantissa) {
        return 1;
    }
    return exponent == 0x7fff || !exponent || !(mantissa >> 63) ? 2 : 0;
}

uint16_t x87_tag_word(const X86Fpu *f)
{
    unsigned word = 0;

    for (unsigned n = 0; n < 8; n++) {
        word |= (f->tags >> n & 1 ? tag_of(f->st[n]) : 3) << (2 * n);
    }
    return (uint16_t)word;
}

void x87_set_tag_word(X86Fpu *f, uint16_t tags)
{
    f->tags = 0;
    for (unsigned n = 0; n < 8; n++) {
        if ((tags >> (2 * n) & 3) != 3) {
            f->tags |= (uint8_t)(1u << n);
        }
    }
}

void x87_init(X86Fpu *f)
{
    f->control = 0x37f;
    f->status = 0;
    f->top = 0;
    f->tags = 0;
    f->opcode = f->ip_sel = f->dp_sel = 0;
    f->ip = f->dp = 0;
}

/* ---- the host's image ---- */

static void to_host(const X86Fpu *f, HostX87 *h)
{
    memset(h, 0, offsetof(HostX87, st));
    h->control = f->control;
    h->status = x87_status(f);
    h->tag = x87_tag_word(f);
    for (unsigned n = 0; n < 8; n++) {
        memcpy(h->st[n], f->st[(f->top + n) & 7], 10);
    }
}

static void from_host(X86Fpu *f, const HostX87 *h)
{
    x87_set_status(f, h->status);
    x87_set_tag_word(f, h->tag);
    for (unsigned n = 0; n < 8; n++) {
        memcpy(f->st[(f->top + n) & 7], h->st[n], 10);
    }
}

static X86State *state(void *env)
{
    return env;
}

uint64_t x86_helper_x87_wait(void *env)
{
    const X86Fpu *f = &state(env)->fpu;

    if (f->status & X87_ES) {
        /* FERR# is wired to no interrupt pin here: without CR0.NE it is the same exception. */
        x86_raise(cpu_from_env(env), X86_EXC_MF);
    }
    return 0;
}

static void remember(X86State *s, uint64_t code, uint64_t pc)
{
    s->fpu.opcode = (uint16_t)(code & 0x7ff);
    s->fpu.ip = pc;
    s->fpu.ip_sel = (uint16_t)s->seg[R_CS].selector;
}

uint64_t x86_helper_x87_reg(void *env, uint64_t code, uint64_t eflags, uint64_t pc)
{
    X86State *s = env;
    HostX87 h;

    x86_helper_x87_wait(env);
    to_host(&s->fpu, &h);
    eflags = host_x87_reg(&h, (unsigned)(code >> 8 & 0xff), (unsigned)(code & 0xff), eflags);
    from_host(&s->fpu, &h);
    remember(s, code, pc);
    return eflags;
}

/* Memory forms by opcode and reg: bytes of the operand, negative when it is written; 0: not an operand of ours
 * (control words, environments, and what does not exist). */
static const int8_t mem_size[8][8] = {
    { 4, 4, 4, 4, 4, 4, 4, 4 },
    { 4, 0, -4, -4, 0, 0, 0, 0 },
    { 4, 4, 4, 4, 4, 4, 4, 4 },
    { 4, -4, -4, -4, 0, 10, 0, -10 },
    { 8, 8, 8, 8, 8, 8, 8, 8 },
    { 8, -8, -8, -8, 0, 0, 0, 0 },
    { 2, 2, 2, 2, 2, 2, 2, 2 },
    { 2, -2, -2, -2, 10, 8, -10, -8 },
};

uint64_t x86_helper_x87_mem(void *env, uint64_t code, uint64_t linear, uint64_t offset, uint64_t pc)
{
    Cpu *cpu = cpu_from_env(env);
    X86State *s = env;
    unsigned opcode = code >> 8 & 0xff, reg = code >> 3 & 7;
    int size = mem_size[opcode - 0xd8][reg];
    uint8_t mem[16] = { 0 };
    HostX87 h;

    x86_helper_x87_wait(env);
    if (size > 0) {
        tcg_load_bytes(cpu, linear, mem, (unsigned)size, x86_mmu(s->mode));
    } else {
        tcg_probe_write(cpu, linear, (unsigned)-size, x86_mmu(s->mode));
    }
    to_host(&s->fpu, &h);
    host_x87_mem(&h, opcode, reg, mem);
    /* With an unmasked exception other than precision pending, the operand was not written. */
    if (size < 0 && !(h.status & ~h.control & 0x1f)) {
        tcg_store_bytes(cpu, linear, mem, (unsigned)-size, x86_mmu(s->mode));
    }
    from_host(&s->fpu, &h);
    remember(s, code, pc);
    s->fpu.dp = offset;
    s->fpu.dp_sel = (uint16_t)s->seg[code >> 16 & 7].selector;
    return 0;
}

/* ---- control ---- */

uint64_t x86_helper_x87_fninit(void *env)
{
    x87_init(&state(env)->fpu);
    return 0;
}

uint64_t x86_helper_x87_fnclex(void *env)
{
    state(env)->fpu.status &= (uint16_t)~(0x7fu | X87_ES | X87_B);
    return 0;
}

/* ES and B follow the flags and the masks. */
static void update_es(X86Fpu *f)
{
    f->status &= (uint16_t)~(X87_ES | X87_B);
    if (f->status & ~f->control & 0x3f) {
        f->status |= (uint16_t)(X87_ES | X87_B);
    }
}

uint64_t x86_helper_x87_fldcw(void *env, uint64_t control)
{
    X86Fpu *f = &state(env)->fpu;

    x86_helper_x87_wait(env);
    f->control = (uint16_t)((control & 0x1f3f) | 0x40);
    update_es(f);
    return 0;
}

uint64_t x86_helper_x87_status(void *env)
{
    return x87_status(&state(env)->fpu);
}

/* ---- environments (SDM vol. 1, figures 8-9 to 8-12) ---- */

static unsigned env_size(uint64_t form)
{
    return form >= 2 ? 28 : 14;
}

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static unsigned get16(const uint8_t *p)
{
    return p[0] | (unsigned)p[1] << 8;
}

static void env_image(const X86Fpu *f, uint64_t form, uint8_t *p)
{
    unsigned step = form >= 2 ? 4 : 2;
    uint32_t ip = (uint32_t)f->ip, dp = (uint32_t)f->dp;

    memset(p, 0, 28);
    if (form >= 2) {
        for (unsigned n = 0; n < 3; n++) {
            put16(p + 4 * n + 2, 0xffff);
        }
    }
    put16(p, f->control);
    put16(p + step, x87_status(f));
    put16(p + 2 * step, x87_tag_word(f));
    switch (form) {
    case 3:
        memcpy(p + 12, &ip, 4);
        put16(p + 16, f->ip_sel);
        put16(p + 18, f->opcode);
        memcpy(p + 20, &dp, 4);
        put16(p + 24, f->dp_sel);
        put16(p + 26, 0xffff);
        break;
    case 1:
        put16(p + 6, ip);
        put16(p + 8, f->ip_sel);
        put16(p + 10, dp);
        put16(p + 12, f->dp_sel);
        break;
    default:
        ip += (uint32_t)f->ip_sel << 4;
        dp += (uint32_t)f->dp_sel << 4;
        put16(p + 3 * step, ip);
        put16(p + 4 * step, f->opcode | (ip >> 16 & 0xf) << 12);
        put16(p + 5 * step, dp);
        put16(p + 6 * step, (dp >> 16 & 0xf) << 12);
        break;
    }
}

static void env_restore(X86Fpu *f, uint64_t form, const uint8_t *p)
{
    unsigned step = form >= 2 ? 4 : 2;
    uint32_t v;

    f->control = (uint16_t)((get16(p) & 0x1f3f) | 0x40);
    x87_set_status(f, (uint16_t)get16(p + step));
    x87_set_tag_word(f, (uint16_t)get16(p + 2 * step));
    switch (form) {
    case 3:
        memcpy(&v, p + 12, 4);
        f->ip = v;
        f->ip_sel = (uint16_t)get16(p + 16);
        f->opcode = get16(p + 18) & 0x7ff;
        memcpy(&v, p + 20, 4);
        f->dp = v;
        f->dp_sel = (uint16_t)get16(p + 24);
        break;
    case 1:
        f->ip = get16(p + 6);
        f->ip_sel = (uint16_t)get16(p + 8);
        f->dp = get16(p + 10);
        f->dp_sel = (uint16_t)get16(p + 12);
        break;
    default:
        f->ip = get16(p + 3 * step) | (get16(p + 4 * step) & 0xf000) << 4;
        f->opcode = get16(p + 4 * step) & 0x7ff;
        f->dp = get16(p + 5 * step) | (get16(p + 6 * step) & 0xf000) << 4;
        f->ip_sel = f->dp_sel = 0;
        break;
    }
    update_es(f);
}

uint64_t x86_helper_x87_fstenv(void *env, uint64_t linear, uint64_t form)
{
    X86State *s = env;
    uint8_t image[28];

    env_image(&s->fpu, form, image);
    tcg_store_bytes(cpu_from_env(env), linear, image, env_size(form), x86_mmu(s->mode));
    s->fpu.control |= 0x3f;
    update_es(&s->fpu);
    return 0;
}

uint64_t x86_helper_x87_fldenv(void *env, uint64_t linear, uint64_t form)
{
    X86State *s = env;
    uint8_t image[28];

    x86_helper_x87_wait(env);
    tcg_load_bytes(cpu_from_env(env), linear, image, env_size(form), x86_mmu(s->mode));
    env_restore(&s->fpu, form, image);
    return 0;
}

uint64_t x86_helper_x87_fsave(void *env, uint64_t linear, uint64_t form)
{
    X86State *s = env;
    uint8_t image[108];
    unsigned n = env_size(form);

    env_image(&s->fpu, form, image);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(image + n + 10 * i, x87_st(&s->fpu, i), 10);
    }
    tcg_store_bytes(cpu_from_env(env), linear, image, n + 80, x86_mmu(s->mode));
    x87_init(&s->fpu);
    return 0;
}

uint64_t x86_helper_x87_frstor(void *env, uint64_t linear, uint64_t form)
{
    X86State *s = env;
    uint8_t image[108];
    unsigned n = env_size(form);

    x86_helper_x87_wait(env);
    tcg_load_bytes(cpu_from_env(env), linear, image, n + 80, x86_mmu(s->mode));
    env_restore(&s->fpu, form, image);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(x87_st(&s->fpu, i), image + n + 10 * i, 10);
    }
    return 0;
}
