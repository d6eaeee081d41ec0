/* Repeated string instructions (Intel SDM vol. 1, 7.3.9): element by element where it must be, and
 * as much of a page at a time as lies in plain memory.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * After each piece the registers in the state are what the architecture says they are at that
 * point, so that a fault, an interrupt or a stop finds them exact and the instruction can be run
 * again from there. */
#include <string.h>

#include "accel/tcg/frontend.h"
#include "target/i386/event.h"
#include "target/i386/helper.h"
#include "target/i386/tcg_helper.h"
#include "target/i386/x86.h"
#include "util/thread.h"

#define PAGE 4096u

/* One instruction's parameters. */
typedef struct Str {
    Cpu *cpu;
    X86State *s;
    unsigned size, mop, adsize, seg, mmu;
    bool rep, once, repne;
    bool bulk;          /* forward, and no segment limits to look at */
    uint64_t mask;      /* of an address */
    int64_t step;
} Str;

static Str str_make(void *env, uint64_t how)
{
    X86State *s = env;
    Str r = { .cpu = cpu_from_env(env), .s = s };

    r.size = X86_STR_SIZE(how);
    r.mop = (unsigned)__builtin_ctz(r.size);
    if ((s->mode & X86_MODE_AC) && r.size > 1) {
        r.mop |= MO_ALIGN;
    }
    r.adsize = X86_STR_ADSIZE(how);
    r.seg = X86_STR_SEG(how);
    r.mmu = x86_mmu(s->mode);
    r.rep = !(how & X86_STR_NOREP);
    r.once = how & X86_STR_ONCE;
    r.repne = how & X86_STR_REPNE;
    r.mask = r.adsize == 8 ? ~0ull : (1ull << r.adsize * 8) - 1;
    r.step = s->eflags & X86_DF ? -(int64_t)r.size : (int64_t)r.size;
    r.bulk =
        r.step > 0 && !r.once && !(s->mode & X86_MODE_AC) &&
        (s->mode & X86_MODE_CS64 || (s->mode & X86_MODE_FLAT && r.seg != R_CS && r.seg < R_FS));
    return r;
}

static uint64_t get(const Str *r, unsigned reg)
{
    return r->s->gpr[reg] & r->mask;
}

static void put(const Str *r, unsigned reg, uint64_t v)
{
    uint64_t keep = r->adsize == 2 ? r->s->gpr[reg] & ~0xffffull : 0;

    r->s->gpr[reg] = keep | (v & r->mask);
}

static void move(const Str *r, unsigned reg, uint64_t elements)
{
    put(r, reg, r->s->gpr[reg] + elements * (uint64_t)r->step);
}

static void count(const Str *r, uint64_t elements)
{
    if (r->rep) {
        put(r, R_RCX, r->s->gpr[R_RCX] - elements);
    }
}

/* Linear address of an element, its segment checked. */
static vaddr_t linear(const Str *r, unsigned seg, uint64_t off, bool write)
{
    if (r->s->mode & X86_MODE_CS64) {
        return seg >= R_FS ? r->s->seg[seg].base + off : off;
    }
    if (r->s->mode & X86_MODE_FLAT && seg != R_CS && seg < R_FS) {
        return off;
    }
    return x86_helper_seg_check(r->s, off, seg | r->size << 8 | (unsigned)write << 16);
}

static vaddr_t source(const Str *r)
{
    return linear(r, r->seg, get(r, R_RSI), false);
}

static vaddr_t destination(const Str *r, bool write)
{
    return linear(r, R_ES, get(r, R_RDI), write);
}

/* Nothing (more) to do? */
static bool finished(const Str *r)
{
    return r->rep && get(r, R_RCX) == 0;
}

/* Between two pieces: must the instruction be left for now? */
static bool interrupted(const Str *r)
{
    return r->rep && (r->once || atomic_get_relaxed(&r->cpu->attn));
}

/* Bytes that one piece may have at this address: to the page's end, to the offset's wrap, whole
 * elements. */
static unsigned piece(const Str *r, vaddr_t lin, uint64_t off, unsigned most)
{
    uint64_t left = PAGE - (lin & (PAGE - 1)), wrap = r->mask - off;

    left = MIN(left, most);
    left = wrap < left ? wrap + 1 : left;
    return (unsigned)(left / r->size * r->size);
}

static unsigned wanted(const Str *r)
{
    uint64_t n = get(r, R_RCX);

    return n > PAGE / r->size ? PAGE : (unsigned)n * r->size;
}

/* Host memory of *len bytes at most, whole elements; NULL: go on by elements. */
static uint8_t *host_piece(const Str *r, vaddr_t lin, unsigned *len, TcgAccess access)
{
    uint8_t *p = *len ? tcg_host(r->cpu, lin, len, access, r->mmu) : NULL;

    *len = *len / r->size * r->size;
    return *len ? p : NULL;
}

/* ---- the common case, at once ---- */

/* Most repetitions are short and run forward in flat 64-bit memory within a page: nothing but
 * looking up the host's memory. Returns the bytes of all elements if the instruction is of that
 * kind, else 0. */
static unsigned short_run(const X86State *s, uint64_t how, uint64_t *limit)
{
    const unsigned plain = X86_STR_ONCE | X86_STR_NOREP;
    uint64_t n = s->gpr[R_RCX];

    if (how & plain || X86_STR_ADSIZE(how) != 8 || s->eflags & X86_DF ||
        (s->mode & (X86_MODE_CS64 | X86_MODE_AC)) != X86_MODE_CS64 || n > PAGE / 8) {
        return 0;
    }
    *limit = PAGE - n * X86_STR_SIZE(how);
    return (unsigned)n * X86_STR_SIZE(how);
}

/* All len bytes at va, or NULL. */
static uint8_t *host_all(X86State *s, vaddr_t va, unsigned len, TcgAccess access)
{
    unsigned got = len;
    uint8_t *p = tcg_host(cpu_from_env(s), va, &got, access, x86_mmu(s->mode));

    return got == len ? p : NULL;
}

/* ---- MOVS ---- */

/* Forward, as the instruction does: where the ranges overlap so, what was written is read again. */
static void copy(uint8_t *to, const uint8_t *from, unsigned len, unsigned size)
{
    if (to <= from || to >= from + len) {
        memmove(to, from, len);
        return;
    }
    for (unsigned n = 0; n < len; n += size) {
        memmove(to + n, from + n, size);
    }
}

static bool movs_piece(const Str *r)
{
    vaddr_t from = source(r), to = destination(r, true);
    unsigned len = piece(r, from, get(r, R_RSI), wanted(r));
    uint8_t *a, *b;

    len = piece(r, to, get(r, R_RDI), len);
    a = host_piece(r, from, &len, TCG_LOAD);
    b = a ? host_piece(r, to, &len, TCG_STORE) : NULL;
    if (!b) {
        return false;
    }
    copy(b, a, len, r->size);
    move(r, R_RSI, len / r->size);
    move(r, R_RDI, len / r->size);
    count(r, len / r->size);
    return true;
}

static bool movs_short(X86State *s, uint64_t how)
{
    uint64_t from = s->gpr[R_RSI], to = s->gpr[R_RDI], limit;
    unsigned len = short_run(s, how, &limit);
    uint8_t *a, *b;

    if (!len || X86_STR_SEG(how) >= R_FS || (from & (PAGE - 1)) > limit ||
        (to & (PAGE - 1)) > limit) {
        return false;
    }
    a = host_all(s, from, len, TCG_LOAD);
    b = a ? host_all(s, to, len, TCG_STORE) : NULL;
    if (!b) {
        return false;
    }
    copy(b, a, len, X86_STR_SIZE(how));
    s->gpr[R_RSI] = from + len;
    s->gpr[R_RDI] = to + len;
    s->gpr[R_RCX] = 0;
    return true;
}

uint64_t x86_helper_rep_movs(void *env, uint64_t how)
{
    Str r;

    if (movs_short(env, how)) {
        return true;
    }
    r = str_make(env, how);
    while (!finished(&r)) {
        if (!r.bulk || !movs_piece(&r)) {
            vaddr_t from = source(&r), to = destination(&r, true);

            tcg_store(r.cpu, to, tcg_load(r.cpu, from, r.mop, r.mmu), r.mop, r.mmu);
            move(&r, R_RSI, 1);
            move(&r, R_RDI, 1);
            count(&r, 1);
        }
        if (interrupted(&r)) {
            return finished(&r);
        }
    }
    return true;
}

/* ---- STOS ---- */

static void fill(uint8_t *p, unsigned len, uint64_t v, unsigned size)
{
    switch (size) {
    case 1:
        memset(p, (int)(v & 0xff), len);
        break;
    case 2:
        for (unsigned n = 0; n < len; n += 2) {
            memcpy(p + n, &(uint16_t){ (uint16_t)v }, 2);
        }
        break;
    case 4:
        for (unsigned n = 0; n < len; n += 4) {
            memcpy(p + n, &(uint32_t){ (uint32_t)v }, 4);
        }
        break;
    default:
        for (unsigned n = 0; n < len; n += 8) {
            memcpy(p + n, &v, 8);
        }
        break;
    }
}

static bool stos_piece(const Str *r)
{
    vaddr_t to = destination(r, true);
    unsigned len = piece(r, to, get(r, R_RDI), wanted(r));
    uint8_t *p = host_piece(r, to, &len, TCG_STORE);

    if (!p) {
        return false;
    }
    fill(p, len, r->s->gpr[R_RAX], r->size);
    move(r, R_RDI, len / r->size);
    count(r, len / r->size);
    return true;
}

static bool stos_short(X86State *s, uint64_t how)
{
    uint64_t to = s->gpr[R_RDI], limit;
    unsigned len = short_run(s, how, &limit);
    uint8_t *p;

    if (!len || (to & (PAGE - 1)) > limit) {
        return false;
    }
    p = host_all(s, to, len, TCG_STORE);
    if (!p) {
        return false;
    }
    fill(p, len, s->gpr[R_RAX], X86_STR_SIZE(how));
    s->gpr[R_RDI] = to + len;
    s->gpr[R_RCX] = 0;
    return true;
}

uint64_t x86_helper_rep_stos(void *env, uint64_t how)
{
    Str r;

    if (stos_short(env, how)) {
        return true;
    }
    r = str_make(env, how);
    while (!finished(&r)) {
        if (!r.bulk || !stos_piece(&r)) {
            tcg_store(r.cpu, destination(&r, true), r.s->gpr[R_RAX], r.mop, r.mmu);
            move(&r, R_RDI, 1);
            count(&r, 1);
        }
        if (interrupted(&r)) {
            return finished(&r);
        }
    }
    return true;
}

/* ---- LODS ---- */

uint64_t x86_helper_rep_lods(void *env, uint64_t how)
{
    Str r = str_make(env, how);

    while (!finished(&r)) {
        uint64_t v = tcg_load(r.cpu, source(&r), r.mop, r.mmu), keep = 0;

        if (r.size < 4) {
            keep = r.s->gpr[R_RAX] & ~((1ull << r.size * 8) - 1);
        }
        r.s->gpr[R_RAX] = keep | v;
        move(&r, R_RSI, 1);
        count(&r, 1);
        if (interrupted(&r)) {
            return finished(&r);
        }
    }
    return true;
}

/* ---- CMPS and SCAS ---- */

static uint64_t element(const uint8_t *p, unsigned size)
{
    uint64_t v = 0;

    memcpy(&v, p, size);
    return v;
}

/* The comparison that ended it (or was interrupted after): the flags are its difference's. */
static bool compared(const Str *r, uint64_t a, uint64_t b, bool done)
{
    r->s->cc_op = X86_CC_SUBB + (r->mop & MO_SIZE);
    r->s->cc_dst = a;
    r->s->cc_src = b;
    return done;
}

/* Compares elements in host memory until one says stop; returns how many were looked at. */
static unsigned run(const Str *r, const uint8_t *a, unsigned a_step, const uint8_t *b, unsigned len,
                    bool *stop)
{
    unsigned n = 0;

    *stop = false;
    while (n < len && !*stop) {
        *stop = (element(a + (a_step ? n : 0), r->size) == element(b + n, r->size)) == r->repne;
        n += r->size;
    }
    return n / r->size;
}

/* Returns elements done (0: none, go on singly); the last pair of values is in *a and *b. */
static unsigned compare_piece(const Str *r, bool scas, uint64_t *a, uint64_t *b, bool *stop)
{
    vaddr_t to = destination(r, false), from = scas ? 0 : source(r);
    unsigned len = piece(r, to, get(r, R_RDI), wanted(r)), n;
    uint64_t acc = r->s->gpr[R_RAX];
    const uint8_t *p = (const uint8_t *)&acc, *q;

    if (!scas) {
        len = piece(r, from, get(r, R_RSI), len);
        p = host_piece(r, from, &len, TCG_LOAD);
    }
    q = p ? host_piece(r, to, &len, TCG_LOAD) : NULL;
    if (!q) {
        return 0;
    }
    n = run(r, p, !scas, q, len, stop);
    *a = element(scas ? p : p + (n - 1) * r->size, r->size);
    *b = element(q + (n - 1) * r->size, r->size);
    return n;
}

static bool compare(Str *r, bool scas)
{
    uint64_t a = 0, b = 0;
    bool any = false, stop = false;

    while (!finished(r)) {
        unsigned n = r->bulk ? compare_piece(r, scas, &a, &b, &stop) : 0;

        if (!n) {
            n = 1;
            a = scas ? r->s->gpr[R_RAX] : tcg_load(r->cpu, source(r), r->mop, r->mmu);
            b = tcg_load(r->cpu, destination(r, false), r->mop, r->mmu);
            stop = (((a ^ b) << (64 - r->size * 8)) == 0) == r->repne;
        }
        any = true;
        if (!scas) {
            move(r, R_RSI, n);
        }
        move(r, R_RDI, n);
        count(r, n);
        if (stop || interrupted(r)) {
            return compared(r, a, b, stop || finished(r));
        }
    }
    return any ? compared(r, a, b, true) : true;
}

uint64_t x86_helper_rep_cmps(void *env, uint64_t how)
{
    Str r = str_make(env, how);

    return compare(&r, false);
}

uint64_t x86_helper_rep_scas(void *env, uint64_t how)
{
    Str r = str_make(env, how);

    return compare(&r, true);
}

/* ---- INS and OUTS: the plain forms come here, too ---- */

uint64_t x86_helper_rep_ins(void *env, uint64_t how)
{
    Str r = str_make(env, how);

    while (!finished(&r)) {
        x86_helper_ins(env, r.s->gpr[R_RDX] & 0xffff, r.size, destination(&r, true));
        move(&r, R_RDI, 1);
        count(&r, 1);
        if (!r.rep || interrupted(&r)) {
            return finished(&r);
        }
    }
    return true;
}

uint64_t x86_helper_rep_outs(void *env, uint64_t how)
{
    Str r = str_make(env, how);

    while (!finished(&r)) {
        uint64_t port = r.s->gpr[R_RDX] & 0xffff;

        x86_helper_io_check(env, port, r.size);
        x86_event_port_outs(r.cpu, (uint32_t)port, r.size, source(&r));
        x86_helper_out(env, port, r.size, tcg_load(r.cpu, source(&r), r.mop, r.mmu));
        move(&r, R_RSI, 1);
        count(&r, 1);
        if (!r.rep || interrupted(&r)) {
            return finished(&r);
        }
    }
    return true;
}
