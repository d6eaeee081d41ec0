/* `info mem` and `info tlb`: what the page tables map, by walking them address by address.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>

#include "target/i386/mmu.h"
#include "target/i386/views.h"
#include "target/i386/x86.h"
#include "util/bytes.h"

#define HOLE_BEGIN UINT64_C(0x0000800000000000)
#define HOLE_END UINT64_C(0xffff800000000000)

/* A walk over all linear addresses. */
typedef struct Sweep {
    const Cpu *cpu;
    const X86State *s;
    vaddr_t va;                 /* the next to look at */
    bool over;
    unsigned walks;             /* left */
} Sweep;

static Sweep sweep_begin(const Cpu *cpu, unsigned walks)
{
    return (Sweep){ .cpu = cpu, .s = cpu->env, .walks = walks };
}

static void sweep_advance(Sweep *sw, unsigned bits)
{
    bool lm = sw->s->efer & X86_EFER_LMA;

    sw->va = (sw->va | mask_bits(bits)) + 1;
    if (lm && sw->va == HOLE_BEGIN) {
        sw->va = HOLE_END;
    }
    sw->over = sw->va == 0 || (!lm && sw->va >> 32);
}

/* The next page that is mapped, at *va. False: there is none, or no more walks are allowed. */
static bool sweep_next(Sweep *sw, vaddr_t *va, X86Walk *w)
{
    while (!sw->over && sw->walks) {
        *va = sw->va;
        sw->walks--;
        x86_walk_peek(sw->cpu, *va, w);
        sweep_advance(sw, w->bits);
        if (w->present && !w->reserved) {
            return true;
        }
    }
    return false;
}

static bool paging_off(const X86State *s, GString *out)
{
    if (s->cr0 & X86_CR0_PG) {
        return false;
    }
    g_string_append(out, "paging is off: each linear address is the physical one\n");
    return true;
}

/* Says what is missing. */
static void print_rest(const Sweep *sw, uint64_t more, const char *what, GString *out)
{
    if (more) {
        g_string_append_printf(out, "... and %s%" PRIu64 " more %s\n", sw->over ? "" : "at least ",
                               more, what);
    }
    if (!sw->over) {
        g_string_append_printf(out, "... not looked at from %016" PRIx64 " on: the page tables map "
                               "too much\n", sw->va);
    }
}

static int address_digits(const X86State *s)
{
    return s->efer & X86_EFER_LMA ? 16 : 8;
}

/* ---- info mem ---- */

/* Neighbouring pages with the same rights. */
typedef struct Range {
    vaddr_t from;
    uint64_t size;              /* 0: none yet */
    bool user, write, nx;
} Range;

static void range_print(const X86State *s, const Range *r, GString *out)
{
    int digits = address_digits(s);

    g_string_append_printf(out, "%0*" PRIx64 "-%0*" PRIx64 " %0*" PRIx64 " %cr%c%c\n", digits,
                           r->from, digits, r->from + (r->size - 1), digits, r->size,
                           r->user ? 'u' : '-', r->write ? 'w' : '-', r->nx ? '-' : 'x');
}

static bool range_takes(const Range *r, vaddr_t va, const X86Walk *w)
{
    return r->size && va == r->from + r->size && w->user == r->user && w->write == r->write &&
           w->nx == r->nx;
}

void x86_view_mem(const Cpu *cpu, GString *out, unsigned lines, unsigned walks)
{
    Sweep sw = sweep_begin(cpu, walks);
    Range r = { .size = 0 };
    uint64_t n = 0;
    X86Walk w;
    vaddr_t va;

    if (paging_off(sw.s, out)) {
        return;
    }
    while (sweep_next(&sw, &va, &w)) {
        if (!range_takes(&r, va, &w)) {
            if (r.size && n++ < lines) {
                range_print(sw.s, &r, out);
            }
            r = (Range){ .from = va, .user = w.user, .write = w.write, .nx = w.nx };
        }
        r.size += mask_bits(w.bits) + 1;
    }
    if (r.size && n++ < lines) {
        range_print(sw.s, &r, out);
    }
    print_rest(&sw, n > lines ? n - lines : 0, "ranges", out);
}

/* ---- info tlb ---- */

/* Bits of the entry that maps the page; U, W and X are what all levels leave of them. */
static void page_print(const X86State *s, vaddr_t va, const X86Walk *w, GString *out)
{
    static const struct { unsigned bit; char name; } flags[] = {
        { 8, 'G' }, { 7, 'P' }, { 6, 'D' }, { 5, 'A' }, { 4, 'C' }, { 3, 'T' },
    };
    uint64_t e = w->entry[w->n - 1];
    static const char *const sizes[] = { [12] = "4K", [21] = "2M", [22] = "4M", [30] = "1G" };

    g_string_append_printf(out, "%0*" PRIx64 ": %016" PRIx64 " %s ", address_digits(s), va, w->phys,
                           sizes[w->bits]);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        /* Bit 7 of a small page's entry is its PAT bit. */
        bool on = flags[i].bit == 7 ? w->bits > 12 : e >> flags[i].bit & 1;

        g_string_append_c(out, on ? flags[i].name : '-');
    }
    g_string_append_printf(out, "%c%c%c\n", w->user ? 'U' : '-', w->write ? 'W' : '-',
                           w->nx ? '-' : 'X');
}

void x86_view_tlb(const Cpu *cpu, GString *out, unsigned lines, unsigned walks)
{
    Sweep sw = sweep_begin(cpu, walks);
    uint64_t n = 0;
    X86Walk w;
    vaddr_t va;

    if (paging_off(sw.s, out)) {
        return;
    }
    while (sweep_next(&sw, &va, &w)) {
        if (n++ < lines) {
            page_print(sw.s, va, &w, out);
        }
    }
    print_rest(&sw, n > lines ? n - lines : 0, "pages", out);
}
