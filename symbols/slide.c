/* Where a running Linux kernel lies.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * An x86-64 kernel is moved by a multiple of 2 MiB within the gigabyte of its address space. So
 * there are few candidates, and its banner, constant and unique, tells the right one. While user
 * space's page tables are in force (page table isolation) the banner can't be read; but then the
 * code of entries can, and a system register that names one names the slide as well. */
#include "symbols/symbols_int.h"

#include <string.h>

#include "util/error.h"

#define STEP UINT64_C(0x200000)
#define SPACE_END UINT64_C(0xffffffffc0000000)

/* The kernel's own patching (alternatives, relocation) changes some bytes of an entry. */
#define ALIKE (SYM_ENTRY_BYTES * 3 / 4)

typedef struct Search {
    const SymKernel *k;
    SymbolsRead *read;
    void *opaque;
} Search;

static bool possible(const SymKernel *k, uint64_t slide)
{
    return slide % STEP == 0 && slide < SPACE_END && k->high <= SPACE_END &&
           slide <= SPACE_END - k->high;
}

static bool banner_at(const Search *s, uint64_t slide)
{
    char text[SYM_BANNER_BYTES];

    return s->read(s->opaque, s->k->banner + slide, text, s->k->banner_len) &&
           !memcmp(text, s->k->banner_text, s->k->banner_len);
}

static bool entry_at(const Search *s, const SymEntry *e, uint64_t at)
{
    uint8_t code[SYM_ENTRY_BYTES];
    unsigned same = 0;

    if (!s->read(s->opaque, at, code, sizeof(code))) {
        return false;
    }
    for (unsigned i = 0; i < sizeof(code); i++) {
        same += code[i] == e->code[i];
    }
    return same >= ALIKE;
}

static bool by_entry(const Search *s, vaddr_t pc, uint64_t *slide)
{
    for (guint i = 0; i < s->k->entries->len; i++) {
        const SymEntry *e = &g_array_index(s->k->entries, SymEntry, i);

        if (possible(s->k, pc - e->addr) && entry_at(s, e, pc)) {
            *slide = pc - e->addr;
            return true;
        }
    }
    return false;
}

/* Slides from `first` to `last`. */
static bool by_banner(const Search *s, uint64_t first, uint64_t last, uint64_t *slide)
{
    for (*slide = first; *slide <= last && possible(s->k, *slide); *slide += STEP) {
        if (banner_at(s, *slide)) {
            return true;
        }
    }
    return false;
}

static bool search(const Search *s, vaddr_t pc, uint64_t now, uint64_t *slide)
{
    const SymKernel *k = s->k;

    *slide = now;
    if (possible(k, now) && banner_at(s, now)) {
        return true;
    }
    if (by_entry(s, pc, slide)) {
        return true;
    }
    /* Where pc is in the kernel's text, first the slides that can bring it there. */
    if (pc >= k->text && pc < SPACE_END) {
        uint64_t least = pc >= k->text_end ? (pc - k->text_end) / STEP * STEP : 0;

        if (by_banner(s, least, pc - k->text, slide)) {
            return true;
        }
    }
    return by_banner(s, 0, SPACE_END, slide);
}

bool symbols_find_slide(Symbols *s, vaddr_t pc, SymbolsRead *read, void *opaque, GError **errp)
{
    const SymFile *f = NULL;
    Search what = { .read = read, .opaque = opaque };
    uint64_t slide;

    for (guint i = 0; i < s->files->len && !what.k; i++) {
        f = g_ptr_array_index(s->files, i);
        what.k = f->kernel;
    }
    if (!what.k) {
        return error_set(errp, UNSUPPORTED, "no Linux kernel's symbols are loaded");
    }
    if (!possible(what.k, 0)) {
        return error_set(errp, UNSUPPORTED, "the kernel '%s' is none of x86-64, whose place could "
                         "be found", f->path);
    }
    if (!search(&what, pc, (uint64_t)s->slide, &slide)) {
        return error_set(errp, NOT_FOUND, "the kernel '%s' is not in the guest's memory, or not "
                         "started yet", f->path);
    }
    s->slide = (int64_t)slide;
    return true;
}
