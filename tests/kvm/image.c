/* The guest's ELF file (64-bit, little-endian, ours): symbols and bytes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine_int.h"

#include <elf.h>
#include <string.h>

static char *file;

void image_load(const char *path)
{
    GError *err = NULL;

    g_file_get_contents(path, &file, NULL, &err);
    if (err) {
        g_error("%s", err->message);
    }
}

static const Elf64_Ehdr *header(void)
{
    return (const Elf64_Ehdr *)(void *)file;
}

/* Calls fn with each symbol until it returns true. */
static bool symbols_each(bool (*fn)(const Elf64_Sym *s, const char *name, void *data), void *data)
{
    const Elf64_Shdr *sh = (const Elf64_Shdr *)(void *)(file + header()->e_shoff);

    for (unsigned i = 0; i < header()->e_shnum; i++) {
        const Elf64_Sym *s = (const Elf64_Sym *)(void *)(file + sh[i].sh_offset);
        const char *names = file + sh[sh[i].sh_link].sh_offset;

        for (uint64_t k = 0; sh[i].sh_type == SHT_SYMTAB && k < sh[i].sh_size / sizeof(*s); k++) {
            if (fn(&s[k], names + s[k].st_name, data)) {
                return true;
            }
        }
    }
    return false;
}

typedef struct Search {
    const char *name;
    uint64_t at, found;
} Search;

static bool by_name(const Elf64_Sym *s, const char *name, void *data)
{
    Search *search = data;

    search->found = s->st_value;
    return g_str_equal(name, search->name);
}

uint64_t sym(const char *name)
{
    Search search = { .name = name };

    if (!symbols_each(by_name, &search)) {
        g_error("the guest has no symbol '%s'", name);
    }
    return search.found;
}

static bool by_address(const Elf64_Sym *s, const char *name, void *data)
{
    Search *search = data;

    if (s->st_shndx != SHN_UNDEF && s->st_shndx < SHN_LORESERVE && name[0] &&
        ELF64_ST_TYPE(s->st_info) != STT_SECTION && s->st_value <= search->at &&
        (!search->name || s->st_value > search->found)) {
        search->name = name;
        search->found = s->st_value;
    }
    return false;
}

const char *place(uint64_t at)
{
    static char text[4][80];
    static unsigned turn;
    Search search = { .at = at };
    char *to = text[turn = (turn + 1) % G_N_ELEMENTS(text)];

    symbols_each(by_address, &search);
    if (!search.name || at - search.found > 0x1000) {
        g_snprintf(to, sizeof(text[0]), "0x%" G_GINT64_MODIFIER "x", at);
    } else {
        g_snprintf(to, sizeof(text[0]), "%s+%u", search.name, (unsigned)(at - search.found));
    }
    return to;
}

static const Elf64_Phdr *segment(uint64_t at)
{
    const Elf64_Phdr *ph = (const Elf64_Phdr *)(void *)(file + header()->e_phoff);

    for (unsigned i = 0; i < header()->e_phnum; i++) {
        if (ph[i].p_type == PT_LOAD && at - ph[i].p_vaddr < ph[i].p_filesz) {
            return &ph[i];
        }
    }
    g_error("the guest's file has nothing at %" G_GINT64_MODIFIER "x", at);
}

const uint8_t *image_bytes(uint64_t at, unsigned n)
{
    const Elf64_Phdr *ph = segment(at);

    g_assert_cmpuint(at - ph->p_vaddr + n, <=, ph->p_filesz);
    return (const uint8_t *)file + ph->p_offset + (at - ph->p_vaddr);
}

void image_text(uint64_t *at, uint64_t *n)
{
    const Elf64_Phdr *ph = segment(sym("pup_idle"));

    *at = ph->p_vaddr;
    *n = ph->p_filesz;
}

uint32_t image_sum(void)
{
    uint32_t h = 2166136261u;
    const uint8_t *p;
    uint64_t at, n;

    image_text(&at, &n);
    p = image_bytes(at, (unsigned)n);
    for (uint64_t i = 0; i < n; i++) {
        h = (h ^ p[i]) * 16777619u;
    }
    return h;
}
