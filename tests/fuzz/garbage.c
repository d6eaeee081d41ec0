/* Random guests.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "garbage.h"

#include <string.h>

#include "target/i386/flags.h"
#include "target/i386/lapic.h"
#include "util/bytes.h"

/* Where things lie; all of it below 1 MiB, so that every mode reaches it. */
enum {
    AT_IVT = 0, AT_GDT = 0x1000, AT_IDT = 0x2000, AT_TSS = 0x4000, AT_LDT = 0x7000, AT_HANDLERS = 0x8000,
    AT_PAGES = 0x10000, AT_CODE = 0x20000, CODE_SIZE = 0x10000, AT_STACKS = 0x38000, AT_DATA = 0x40000,
};

enum { SEL_CODE = 0x08, SEL_DATA = 0x10, SEL_CODE3 = 0x18, SEL_DATA3 = 0x20, SEL_TSS = 0x28, SEL_LDT = 0x38,
       SEL_RANDOM = 0x48, GDT_SIZE = 0x100 };

typedef enum Mode { MODE_REAL, MODE_VM86, MODE_PROT16, MODE_PROT32, MODE_PAGED32, MODE_PAE, MODE_COMPAT, MODE_64,
                    MODE_NUM } Mode;

typedef struct Maker {
    GRand *r;
    uint8_t *ram;
    X86State *s;
    const Garbage *g;
    Mode mode;
    unsigned cpl;
    bool tame;                  /* tables are in order, and handlers go on behind what faulted */
} Maker;

static unsigned pick(Maker *m, unsigned n)
{
    return (unsigned)g_rand_int_range(m->r, 0, (gint32)n);
}

static bool chance(Maker *m, unsigned percent)
{
    return pick(m, 100) < percent;
}

static uint64_t rnd64(Maker *m)
{
    return (uint64_t)g_rand_int(m->r) << 32 | g_rand_int(m->r);
}

/* ---- code ---- */

static uint8_t *put(uint8_t *p, uint64_t v, unsigned size)
{
    store_le(p, v, size);
    return p + size;
}

/* Opcodes worth more than their share: those that do not just compute. */
static const uint16_t special[] = {
    0x06, 0x07, 0x0e, 0x16, 0x17, 0x1e, 0x1f, 0x60, 0x61, 0x62, 0x63, 0x6c, 0x6d, 0x6e, 0x6f, 0x8c, 0x8e, 0x8f,
    0x9a, 0x9b, 0x9c, 0x9d, 0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xae, 0xaf, 0xc2, 0xc3, 0xc4, 0xc5, 0xc8, 0xc9,
    0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf, 0xd4, 0xd7, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe2,
    0xe3, 0xe4, 0xe6, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xee, 0xf1, 0xf6, 0xf7, 0xfa, 0xfb, 0xfe, 0xff,
    0xf00, 0xf01, 0xf02, 0xf03, 0xf05, 0xf06, 0xf07, 0xf08, 0xf09, 0xf0d, 0xf18, 0xf20, 0xf21, 0xf22, 0xf23,
    0xf30, 0xf31, 0xf32, 0xf33, 0xf34, 0xf35, 0xfa0, 0xfa1, 0xfa2, 0xfa8, 0xfa9, 0xfae, 0xfb1, 0xfb2, 0xfb4,
    0xfb5, 0xfc1, 0xfc7, 0xff8,
};

/* One instruction with its prefixes; the bytes behind the opcode are random and right for most. */
static uint8_t *shaped(Maker *m, uint8_t *p)
{
    static const uint8_t prefixes[] = { 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };
    unsigned op = chance(m, 35) ? special[pick(m, G_N_ELEMENTS(special))]
                  : chance(m, 50) ? pick(m, 256) : 0xf00 + pick(m, 256);

    while (chance(m, 25)) {
        *p++ = prefixes[pick(m, G_N_ELEMENTS(prefixes))];
    }
    if (m->mode == MODE_64 && chance(m, 40)) {
        *p++ = (uint8_t)(0x40 | pick(m, 16));
    }
    if (op >= 0xf00) {
        *p++ = 0x0f;
        if (chance(m, 10)) {
            *p++ = chance(m, 50) ? 0x38 : 0x3a;
        }
    }
    *p++ = (uint8_t)op;
    /* Operands: registers, or memory at a register with a small displacement. */
    *p++ = (uint8_t)(chance(m, 50) ? 0xc0 | pick(m, 64) : (chance(m, 60) ? 0x40 : 0) | pick(m, 64));
    if (chance(m, 30)) {
        p = put(p, rnd64(m), pick(m, 5));
    }
    return p;
}

/* Something with a port or a device's memory. The immediate values come into registers first. */
static uint8_t *device_access(Maker *m, uint8_t *p)
{
    static const struct {
        uint16_t first, n;
    } ports[] = { { 0x20, 2 }, { 0xa0, 2 }, { 0x4d0, 2 }, { 0x40, 4 }, { 0x60, 5 }, { 0x61, 1 }, { 0x70, 2 },
                  { 0x80, 1 }, { 0x92, 1 }, { 0xcf9, 1 }, { 0x3f8, 8 }, { 0x2f8, 8 }, { 0x3e8, 8 }, { 0x2e8, 8 },
                  { 0x402, 1 }, { 0x505, 1 }, { 0x600, 0x40 }, { 0, 0 } };
    static const uint8_t io[] = { 0xec, 0xed, 0xee, 0xef, 0xee, 0xef, 0x6c, 0x6d, 0x6e, 0x6f };
    static const uint32_t mmio[] = { 0xfee00000, 0xfec00000, 0xfee00000, 0xfed00000 };
    unsigned which = pick(m, G_N_ELEMENTS(ports));
    unsigned port = ports[which].n ? ports[which].first + pick(m, ports[which].n) : pick(m, 0x10000);

    if (chance(m, 3)) {
        *p++ = 0xfb;
    }
    if (m->mode <= MODE_PROT16 || chance(m, 60)) {
        bool wide = m->mode <= MODE_PROT16;

        if (wide) {
            *p++ = 0x66;
        }
        *p++ = 0xb8;                            /* mov eax, v */
        p = put(p, chance(m, 60) ? pick(m, 256) : g_rand_int(m->r), 4);
        if (wide) {
            *p++ = 0x66;
        }
        *p++ = 0xba;                            /* mov edx, port */
        p = put(p, port, 4);
        if (chance(m, 20)) {
            *p++ = chance(m, 50) ? 0x66 : 0xf3;
        }
        *p++ = io[pick(m, G_N_ELEMENTS(io))];
        return p;
    }
    *p++ = 0xb8;
    p = put(p, chance(m, 60) ? pick(m, 256) : g_rand_int(m->r), 4);
    *p++ = 0xba;
    p = put(p, mmio[pick(m, G_N_ELEMENTS(mmio))] + (chance(m, 90) ? pick(m, 0x40) << 4 : pick(m, 0x1000)), 4);
    if (chance(m, 10)) {
        *p++ = 0x66;
    }
    /* mov [rdx], eax; mov eax, [rdx]; with bytes; add [rdx], eax; xchg */
    *p++ = (uint8_t[]){ 0x89, 0x89, 0x8b, 0x8b, 0x88, 0x8a, 0x01, 0x87 }[pick(m, 8)];
    *p++ = 0x02;
    return p;
}

static void mutated(Maker *m, uint8_t *p, size_t len)
{
    while (len) {
        size_t n = 16 + pick(m, 400);

        n = MIN(n, len);
        memcpy(p, m->g->text + (size_t)(g_rand_double(m->r) * (double)(m->g->text_len - n)), n);
        while (chance(m, 60)) {
            p[pick(m, (unsigned)n)] ^= (uint8_t)(chance(m, 50) ? 1u << pick(m, 8) : pick(m, 256));
        }
        p += n;
        len -= n;
    }
}

static void make_code(Maker *m)
{
    uint8_t *p = m->ram + AT_CODE, *end = p + CODE_SIZE - 64;

    switch (m->g->code) {
    case GARBAGE_BYTES:
        for (; p < end; p += 4) {
            store_le(p, g_rand_int(m->r), 4);
        }
        break;
    case GARBAGE_MUTATED:
        mutated(m, p, CODE_SIZE);
        break;
    case GARBAGE_DEVICES:
        /* A part of it is enough: it goes round. */
        while (p < m->ram + AT_CODE + 0x2000) {
            p = chance(m, 90) ? device_access(m, p) : shaped(m, p);
        }
        break;
    default:
        while (p < end) {
            p = shaped(m, p);
        }
        break;
    }
}

/* ---- tables ---- */

static void put_desc(Maker *m, unsigned sel, uint32_t base, uint32_t limit, uint32_t flags)
{
    uint8_t *p = m->ram + AT_GDT + sel;

    if (flags & X86_SEG_G) {
        limit >>= 12;
    }
    store_le(p, (limit & 0xffff) | base << 16, 4);
    store_le(p + 4, (base & 0xff000000) | (base >> 16 & 0xff) | (limit & 0xf0000) | flags, 4);
}

static uint32_t code_flags(const Maker *m)
{
    return m->mode == MODE_64 ? X86_FLAT_CODE64 : m->mode <= MODE_PROT16 ? X86_FLAT_CODE32 & ~X86_SEG_B
                                                                        : X86_FLAT_CODE32;
}

static void make_gdt(Maker *m)
{
    uint32_t code = code_flags(m), data = m->mode <= MODE_PROT16 ? X86_FLAT_DATA32 & ~X86_SEG_B : X86_FLAT_DATA32;
    uint32_t limit = m->mode == MODE_PROT16 && !m->tame ? 0xfffff : 0xffffffff;
    bool lm = m->mode >= MODE_COMPAT;

    memset(m->ram + AT_GDT, 0, GDT_SIZE);
    /* Handlers of long mode are 64-bit code whatever is interrupted. */
    put_desc(m, SEL_CODE, 0, limit, lm ? X86_FLAT_CODE64 : code);
    put_desc(m, SEL_DATA, 0, limit, data);
    put_desc(m, SEL_CODE3, 0, limit, code | X86_SEG_DPL);
    put_desc(m, SEL_DATA3, 0, limit, data | X86_SEG_DPL);
    put_desc(m, SEL_TSS, AT_TSS, 0x2fff, X86_SEG_P | 0x900);
    put_desc(m, SEL_LDT, AT_LDT, 0xff, X86_SEG_P | 0x200);
    for (unsigned sel = SEL_RANDOM; sel < GDT_SIZE; sel += 8) {
        put_desc(m, sel, chance(m, 70) ? 0 : g_rand_int(m->r), g_rand_int(m->r),
                 (chance(m, 85) ? X86_SEG_P : 0) | (chance(m, 70) ? X86_SEG_S : 0) | (rnd64(m) & 0xf06f00));
        put_desc(m, AT_LDT - AT_GDT + (sel & 0xf8), 0, g_rand_int(m->r), rnd64(m) & 0xf0ff00);
    }
}

/* A handler that goes on behind the faulting byte, in the mode's own width. */
static unsigned put_handler(Maker *m, uint8_t *p, bool has_error)
{
    static const uint8_t h16[] = { 0x55, 0x89, 0xe5, 0x83, 0x46, 0x02, 0x01, 0x5d, 0xcf };
    static const uint8_t h32[] = { 0x83, 0x04, 0x24, 0x01, 0xcf };
    static const uint8_t h64[] = { 0x48, 0x83, 0x04, 0x24, 0x01, 0x48, 0xcf };
    uint8_t *q = p;

    if (m->mode >= MODE_COMPAT) {
        q = has_error ? put(q, 0x08c48348, 4) : q;
        memcpy(q, h64, sizeof(h64));
        return (unsigned)(q - p + (int)sizeof(h64));
    }
    if (m->mode > MODE_PROT16) {
        q = has_error ? put(q, 0x04c483, 3) : q;
        memcpy(q, h32, sizeof(h32));
        return (unsigned)(q - p + (int)sizeof(h32));
    }
    q = has_error && m->mode == MODE_PROT16 ? put(q, 0x02c483, 3) : q;
    memcpy(q, h16, sizeof(h16));
    return (unsigned)(q - p + (int)sizeof(h16));
}

static uint64_t wild_address(Maker *m)
{
    static const uint64_t some[] = { 0, 0xfff, 0xffff, 0x9fffe, 0xa0000, 0xbfffd, 0x3ffffe, 0x400000, 0xfee00000,
                                     0xfec00000, 0xfffffffe, 0x100000000, 0x7fffffffffff, 0x800000000000,
                                     0xffff800000000000, ~0ull };

    return chance(m, 50) ? some[pick(m, G_N_ELEMENTS(some))] + pick(m, 8)
           : chance(m, 70) ? pick(m, PAIR_RAM) : rnd64(m);
}

static void make_gate(Maker *m, unsigned vector, uint64_t at)
{
    unsigned type = m->mode == MODE_PROT16 || (m->mode < MODE_COMPAT && chance(m, 5)) ? 0x600 : 0xe00;
    unsigned sel = SEL_CODE, wild = m->tame ? 0 : m->g->code == GARBAGE_FAULTS ? 20 : 3;
    uint32_t high = X86_SEG_P | type | (chance(m, 30) ? 0x100 : 0) | (chance(m, 50) ? X86_SEG_DPL : 0);
    uint8_t *p;

    if (m->mode == MODE_REAL) {
        store_le(m->ram + AT_IVT + vector * 4, chance(m, wild) ? rnd64(m) : (at & 0xf) | (at >> 4) << 16, 4);
        return;
    }
    if (chance(m, wild)) {
        at = wild_address(m);
    }
    if (chance(m, wild)) {
        sel = pick(m, GDT_SIZE);
    }
    if (chance(m, wild)) {
        high = rnd64(m) & 0xffff;
    }
    p = m->ram + AT_IDT + vector * (m->mode >= MODE_COMPAT ? 16u : 8u);
    store_le(p, (at & 0xffff) | sel << 16, 4);
    store_le(p + 4, (at & 0xffff0000) | high | (m->mode >= MODE_COMPAT && chance(m, wild) ? pick(m, 8) : 0), 4);
    if (m->mode >= MODE_COMPAT) {
        store_le(p + 8, at >> 32, 8);
    }
}

static void make_handlers(Maker *m)
{
    uint32_t errors = 1u << 8 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13 | 1u << 14 | 1u << 17;
    uint64_t at = AT_HANDLERS;

    for (unsigned v = 0; v < 256; v++) {
        uint64_t to = at;

        if (m->tame || chance(m, 70)) {
            at += put_handler(m, m->ram + at, v < 32 && (errors >> v & 1));
            at += 16 - at % 16;
        } else {
            to = AT_CODE + pick(m, CODE_SIZE);
        }
        make_gate(m, v, to);
    }
}

static void make_tss(Maker *m)
{
    uint8_t *p = m->ram + AT_TSS;

    memset(p, 0, 0x3000);
    if (m->mode >= MODE_COMPAT) {
        for (unsigned n = 0; n < 10; n++) {
            store_le(p + 4 + n * 8, chance(m, m->tame ? 0 : 5) ? wild_address(m) : AT_STACKS + 0x400 * n, 8);
        }
    } else if (m->mode == MODE_PROT16) {
        store_le(p + 4, AT_STACKS, 4);
        store_le(p + 8, SEL_DATA, 4);
    } else {
        store_le(p + 4, AT_STACKS, 4);
        store_le(p + 8, SEL_DATA, 4);
    }
    store_le(p + 0x66, 0x68, 2);
    for (unsigned n = 0x68; n < 0x2000 && chance(m, 50); n++) {
        p[n] = (uint8_t)pick(m, 256);           /* I/O permission map */
    }
}

/* An entry for a page of RAM, mostly to itself. */
static uint64_t make_pte(Maker *m, unsigned page, bool nx)
{
    uint64_t pte = (uint64_t)page << 12 | 7;

    if (!m->tame && chance(m, 8)) {
        static const uint32_t to[] = { 0xfee00000, 0xfec00000, 0xa0000, AT_CODE, AT_PAGES, 0xfff00000 };

        pte = (chance(m, 50) ? to[pick(m, G_N_ELEMENTS(to))] : pick(m, PAIR_RAM >> 12) << 12) | 7;
    }
    if (!m->tame && page >= AT_CODE >> 12 && chance(m, 10)) {
        pte ^= 1u << pick(m, 9);
    }
    if (!m->tame && nx && chance(m, 4)) {
        pte ^= 1ull << (chance(m, 50) ? 63 : pick(m, 64));
    }
    return pte;
}

static void make_pages(Maker *m)
{
    unsigned size = m->mode == MODE_PAGED32 ? 4 : 8, per = 4096 / size, tables = (PAIR_RAM >> 12) / per;
    uint8_t *p = m->ram + AT_PAGES;
    bool devices = m->mode >= MODE_PAE;

    memset(p, 0, 0x8000);
    for (unsigned n = 0; n < PAIR_RAM >> 12; n++) {
        store_le(p + 0x4000 + n * size, make_pte(m, n, size == 8), size);
    }
    for (unsigned n = 0; n < tables; n++) {
        store_le(p + 0x2000 + n * size, (AT_PAGES + 0x4000 + n * 0x1000) | 7, size);
    }
    if (size == 4) {
        store_le(p + 0x2000 + (0xfee00000u >> 22) * 4, 0xfec00087, 4);
        return;
    }
    /* 2 MiB pages of the devices; and page directories of nonsense */
    store_le(p + 0x3000 + (0xfee00000u >> 21 & 511) * 8, 0xfee00087, 8);
    store_le(p + 0x3000 + (0xfec00000u >> 21 & 511) * 8, 0xfec00087, 8);
    for (unsigned n = 0; n < 4 && !m->tame; n++) {
        store_le(p + 0x3000 + pick(m, 512) * 8, rnd64(m) & 0x80000000ffffffff, 8);
    }
    store_le(p + 0x1000, (AT_PAGES + 0x2000) | (m->mode == MODE_PAE ? 1 : 7), 8);
    store_le(p + 0x1000 + 3 * 8, devices ? (AT_PAGES + 0x3000) | (m->mode == MODE_PAE ? 1 : 7) : 0, 8);
    store_le(p, (AT_PAGES + 0x1000) | 7, 8);
    store_le(p + 511 * 8, (AT_PAGES + 0x1000) | 7, 8);
    if (m->mode != MODE_PAE && !m->tame) {
        store_le(p + 0x1000 + 8, rnd64(m) & 0x8000000000ffffff, 8);
        store_le(p + 256 * 8, AT_PAGES | 7, 8);         /* the tables themselves */
    }
}

/* ---- state ---- */

static void set_control(Maker *m)
{
    X86State *s = m->s;

    s->cr0 = X86_CR0_ET | (m->mode != MODE_REAL ? X86_CR0_PE : 0) | (m->mode >= MODE_PAGED32 ? X86_CR0_PG : 0) |
             (rnd64(m) & (X86_CR0_MP | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM)) |
             (chance(m, 10) ? X86_CR0_TS : 0) | (chance(m, 5) ? X86_CR0_EM : 0);
    s->cr4 = (rnd64(m) & (X86_CR4_VME | X86_CR4_PVI | X86_CR4_TSD | X86_CR4_DE | X86_CR4_PGE | X86_CR4_UMIP |
                          X86_CR4_FSGSBASE)) | X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT | X86_CR4_OSXSAVE |
             X86_CR4_PSE | (m->mode >= MODE_PAE ? X86_CR4_PAE : 0);
    s->efer = (chance(m, 80) ? X86_EFER_SCE : 0) | (chance(m, 80) || m->tame ? X86_EFER_NXE : 0) |
              (m->mode >= MODE_COMPAT ? X86_EFER_LME | X86_EFER_LMA : 0);
    s->cr3 = m->mode == MODE_PAGED32 ? AT_PAGES + 0x2000 : m->mode == MODE_PAE ? AT_PAGES + 0x1000 : AT_PAGES;
    for (unsigned n = 0; n < 4; n++) {
        s->pdpte[n] = m->mode == MODE_PAE ? load_le(m->ram + AT_PAGES + 0x1000 + n * 8, 8) : 0;
    }
    s->xcr0 = 3;
    s->star = (uint64_t)(SEL_CODE3 - 8) << 48 | (uint64_t)SEL_CODE << 32;
    s->lstar = s->cstar = AT_CODE + pick(m, CODE_SIZE);
    s->sfmask = rnd64(m) & 0x47700;
    s->sysenter_cs = chance(m, 80) ? SEL_CODE : pick(m, 0x10000);
    s->sysenter_esp = AT_STACKS;
    s->sysenter_eip = AT_CODE + pick(m, CODE_SIZE);
    s->kernel_gs_base = AT_DATA + pick(m, 0x1000);
    if (!m->tame && chance(m, 15)) {
        s->dr[7] = 0x400 | (rnd64(m) & 0xffff03ff);
        for (unsigned n = 0; n < 4; n++) {
            s->dr[n] = chance(m, 50) ? AT_CODE + pick(m, 0x400) : AT_DATA + pick(m, 0x2000);
        }
    }
}

static void set_segments(Maker *m)
{
    X86State *s = m->s;
    uint32_t dpl = m->cpl << X86_SEG_DPL_SHIFT;
    uint32_t limit = m->mode <= MODE_VM86 ? 0xffff : 0xffffffff;
    uint32_t code = m->mode <= MODE_VM86 ? 0x9b00 : code_flags(m);
    uint32_t data = m->mode <= MODE_VM86 ? 0x9300 : m->mode == MODE_PROT16 ? X86_FLAT_DATA32 & ~X86_SEG_B
                                                                           : X86_FLAT_DATA32;

    for (unsigned n = 0; n < X86_NUM_SEGS; n++) {
        bool cs = n == R_CS;
        uint32_t base = m->mode > MODE_VM86 ? 0 : cs ? AT_CODE : n == R_SS ? AT_STACKS - 0x8000 : AT_DATA;
        uint32_t sel = m->mode <= MODE_VM86 ? base >> 4
                       : (cs ? m->cpl ? SEL_CODE3 : SEL_CODE : m->cpl ? SEL_DATA3 : SEL_DATA) | m->cpl;

        x86_seg_put(&s->seg[n], sel, base, limit, (cs ? code : data) | dpl);
        if (m->mode > MODE_VM86 && !cs && n != R_SS && chance(m, m->tame ? 5 : 15)) {
            /* not flat */
            x86_seg_put(&s->seg[n], sel, pick(m, 0x2000), 0xfffff, (data & ~X86_SEG_G) | dpl);
        }
    }
    x86_seg_put(&s->gdt, 0, AT_GDT, GDT_SIZE - 1, 0);
    x86_seg_put(&s->idt, 0, m->mode == MODE_REAL ? AT_IVT : AT_IDT,
                m->tame || chance(m, 90) ? 0xfff : pick(m, 0x1000), 0);
    x86_seg_put(&s->tr, SEL_TSS, AT_TSS, 0x2fff, X86_SEG_P | 0xb00);
    x86_seg_put(&s->ldt, SEL_LDT, AT_LDT, 0xff, X86_SEG_P | 0x200);
}

static void set_registers(Maker *m)
{
    X86State *s = m->s;
    uint32_t flags = 2 | ((uint32_t)rnd64(m) & X86_ARITH) | (chance(m, 30) ? X86_DF : 0) |
                     (chance(m, 60) ? X86_IF : 0) | (chance(m, 40) ? X86_IOPL : 0) | (chance(m, 5) ? X86_TF : 0) |
                     (chance(m, 10) ? X86_AC : 0) | (chance(m, 10) ? X86_NT : 0);
    bool real = m->mode <= MODE_VM86;

    for (unsigned n = 0; n < 16; n++) {
        s->gpr[n] = chance(m, 70) ? (real ? pick(m, 0xf000) : AT_DATA + pick(m, 0x40000))
                    : chance(m, 50) ? pick(m, 300) : m->mode == MODE_64 ? wild_address(m) : g_rand_int(m->r);
        for (unsigned k = 0; k < 2; k++) {
            s->xmm[n].q[k] = rnd64(m);
        }
    }
    s->gpr[R_RSP] = real ? 0x7000u : (uint64_t)AT_STACKS - 0x1000;
    s->rip = real ? 0 : AT_CODE;
    s->rip += m->g->code == GARBAGE_DEVICES ? 0 : pick(m, 0x1000);
    s->mxcsr = chance(m, 70) ? 0x1f80 : rnd64(m) & 0xffc0;
    x86_eflags_set(s, flags | (m->mode == MODE_VM86 ? X86_VM : 0));
}

void garbage_setup(GuestRig *r, uint32_t seed, void *opaque)
{
    static uint8_t *noise;
    Maker m = { .r = g_rand_new_with_seed(seed), .ram = r->ram, .s = x86_state(r->cpu), .g = opaque };

    if (!noise) {
        GRand *rand = g_rand_new_with_seed(1);

        noise = g_malloc(PAIR_RAM);
        for (unsigned n = 0; n < PAIR_RAM; n += 4) {
            store_le(noise + n, g_rand_int(rand), 4);
        }
        g_rand_free(rand);
    }
    memcpy(m.ram, noise, PAIR_RAM);
    m.mode = (Mode)pick(&m, MODE_NUM);
    m.tame = m.g->code == GARBAGE_FAULTS ? false : chance(&m, 60);
    m.cpl = m.mode == MODE_REAL ? 0 : m.mode == MODE_VM86 ? 3 : chance(&m, 60) ? 0 : 3;
    if (m.g->code == GARBAGE_MUTATED) {
        m.mode = MODE_64;
    }
    make_code(&m);
    make_gdt(&m);
    make_handlers(&m);
    make_tss(&m);
    if (m.mode >= MODE_PAGED32) {
        make_pages(&m);
    }
    set_control(&m);
    set_segments(&m);
    set_registers(&m);
    g_rand_free(m.r);
}
