/* The guest's ELF file (64-bit, little-endian, ours): symbols and bytes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine_int.h"

#include <elf.h>
#include <string.h>

static char *file;
static GHashTable *symbols;     /* name: address */

static const Elf64_Ehdr *header(void)
{
    return (const Elf64_Ehdr *)(void *)file;
}

static void symbols_read(void)
{
    const Elf64_Shdr *sh = (const Elf64_Shdr *)(void *)(file + header()->e_shoff);

    symbols = g_hash_table_new(g_str_hash, g_str_equal);
    for (unsigned i = 0; i < header()->e_shnum; i++) {
        const Elf64_Sym *s = (const Elf64_Sym *)(void *)(file + sh[i].sh_offset);
        char *names = file + sh[sh[i].sh_link].sh_offset;

        for (uint64_t k = 0; sh[i].sh_type == SHT_SYMTAB && k < sh[i].sh_size / sizeof(*s); k++) {
            if (s[k].st_shndx != SHN_UNDEF && s[k].st_shndx < SHN_LORESERVE && s[k].st_name) {
                g_hash_table_insert(symbols, names + s[k].st_name,
                                    GSIZE_TO_POINTER(s[k].st_value));
            }
        }
    }
}

void image_load(const char *path)
{
    GError *err = NULL;

    g_file_get_contents(path, &file, NULL, &err);
    if (err) {
        g_error("%s", err->message);
    }
    symbols_read();
}

uint64_t sym(const char *name)
{
    gpointer at;

    if (!g_hash_table_lookup_extended(symbols, name, NULL, &at)) {
        g_error("the guest has no symbol '%s'", name);
    }
    return GPOINTER_TO_SIZE(at);
}

const char *place(uint64_t at)
{
    static char text[4][80];
    static unsigned turn;
    char *to = text[turn = (turn + 1) % G_N_ELEMENTS(text)];
    gpointer name, value, best_name = NULL;
    GHashTableIter i;
    uint64_t best = 0;

    g_hash_table_iter_init(&i, symbols);
    while (g_hash_table_iter_next(&i, &name, &value)) {
        if (GPOINTER_TO_SIZE(value) <= at && GPOINTER_TO_SIZE(value) >= best) {
            best = GPOINTER_TO_SIZE(value);
            best_name = name;
        }
    }
    if (!best_name || at - best > 0x10000) {
        g_snprintf(to, sizeof(text[0]), "0x%" G_GINT64_MODIFIER "x", at);
    } else {
        g_snprintf(to, sizeof(text[0]), "%s+%u", (char *)best_name, (unsigned)(at - best));
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
