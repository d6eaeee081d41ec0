/* The modules of a running Linux kernel: names and unwind tables, read from its memory.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel's list of modules, and the symbol table that each keeps, are found by the places that
 * its type information (BTF) gives to the members of its structures. */
#include "symbols/modules.h"

#include <elf.h>
#include <inttypes.h>
#include <string.h>

#include "symbols/btf.h"
#include "symbols/unwind_int.h"
#include "util/bytes.h"
#include "util/error.h"

#define MODULES_MAX 4096u
#define NAME_BYTES 56u              /* module.name, with its NUL */
#define CODE_MAX (1u << 28)
/* Of all modules together: what a guest that was made for it could cost us. */
#define SYMBOLS_MAX (1u << 19)
#define STRINGS_MAX (1u << 26)
#define ORC_MAX (1u << 22)
#define PAGE UINT64_C(4096)
#define TEXT_MORE 512u              /* the longest name */

static const char kind[] = "Linux module";

/* Offsets in struct module, and in what its pointers name. */
struct SymModuleLayout {
    uint32_t list, name, base, size, kallsyms;
    uint32_t symtab, num_symtab, strtab;
    uint32_t num_orcs, orc_ip, orc;
    bool has_orc;
};

/* ---- the layout ---- */

/* A member of a structure that is a member. */
static bool inner(const SymBtf *b, const char *member, const char *type, const char *of_it,
                  uint32_t *offset)
{
    uint32_t outer, in;

    if (!sym_btf_offset(b, "module", member, &outer) || !sym_btf_offset(b, type, of_it, &in)) {
        return false;
    }
    *offset = outer + in;
    return true;
}

/* Base and size of the code have moved in 6.4: the first of several areas is the code now. */
static bool find_layout(const SymBtf *b, SymModuleLayout *l)
{
    static const char arch[] = "mod_arch_specific";

    l->has_orc = inner(b, "arch", arch, "num_orcs", &l->num_orcs) &&
                 inner(b, "arch", arch, "orc_unwind_ip", &l->orc_ip) &&
                 inner(b, "arch", arch, "orc_unwind", &l->orc);
    return sym_btf_offset(b, "module", "list", &l->list) &&
           sym_btf_offset(b, "module", "name", &l->name) &&
           sym_btf_offset(b, "module", "kallsyms", &l->kallsyms) &&
           sym_btf_offset(b, "mod_kallsyms", "symtab", &l->symtab) &&
           sym_btf_offset(b, "mod_kallsyms", "num_symtab", &l->num_symtab) &&
           sym_btf_offset(b, "mod_kallsyms", "strtab", &l->strtab) &&
           ((inner(b, "core_layout", "module_layout", "base", &l->base) &&
             inner(b, "core_layout", "module_layout", "size", &l->size)) ||
            (inner(b, "mem", "module_memory", "base", &l->base) &&
             inner(b, "mem", "module_memory", "size", &l->size)));
}

SymModuleLayout *sym_modules_layout(Elf *elf)
{
    g_autofree SymModuleLayout *l = g_new0(SymModuleLayout, 1);
    uint64_t addr;
    size_t len;
    const uint8_t *p = sym_elf_section(elf, ".BTF", &len, &addr);
    SymBtf b;

    if (!p || !sym_btf_open(&b, p, len) || !find_layout(&b, l)) {
        return NULL;
    }
    return g_steal_pointer(&l);
}

/* ---- reading ---- */

typedef struct Guest {
    const SymModuleLayout *l;
    const SymFile *kernel;
    SymbolsRead *read;
    void *opaque;
    uint32_t symbols_left, strings_left, orc_left;
} Guest;

static bool get64(const Guest *g, vaddr_t at, uint64_t *v)
{
    uint8_t raw[8];
    bool ok = g->read(g->opaque, at, raw, sizeof(raw));

    *v = ok ? load_le64(raw) : 0;
    return ok;
}

static bool get32(const Guest *g, vaddr_t at, uint32_t *v)
{
    uint8_t raw[4];
    bool ok = g->read(g->opaque, at, raw, sizeof(raw));

    *v = ok ? load_le32(raw) : 0;
    return ok;
}

/* As many of the bytes as can be read, page by page; a NUL behind them. */
static char *get_text(const Guest *g, vaddr_t at, size_t len, size_t *got)
{
    char *p = g_malloc(len + 1);

    for (*got = 0; *got < len;) {
        size_t n = (size_t)MIN(len - *got, PAGE - (at + *got) % PAGE);

        if (!g->read(g->opaque, at + *got, p + *got, n)) {
            break;
        }
        *got += n;
    }
    p[*got] = 0;
    return p;
}

/* ---- one module ---- */

static void add_symbol(SymFile *f, const uint8_t *raw, const char *strings, size_t strings_len)
{
    uint32_t name = load_le32(raw);
    unsigned type = raw[4] & 15, bind = raw[4] >> 4, section = load_le16(raw + 6);
    Symbol row = { .addr = load_le64(raw + 8), .size = load_le64(raw + 16),
                   .shown = section != SHN_ABS };

    if (!name || name >= strings_len || section == SHN_UNDEF || !(row.addr >> 63) ||
        type == STT_SECTION || type == STT_FILE) {
        return;
    }
    row.bind = bind == STB_GLOBAL ? SYM_GLOBAL : bind == STB_WEAK ? SYM_WEAK : SYM_LOCAL;
    row.rank = (uint8_t)(row.bind | (row.size ? 0 : SYM_UNSIZED));
    sym_file_add(f, strings + name, strnlen(strings + name, TEXT_MORE), row);
}

static bool module_symbols(Guest *g, SymFile *f, vaddr_t mod)
{
    g_autofree uint8_t *raw = NULL;
    g_autofree char *strings = NULL;
    uint64_t info, symtab, strtab;
    uint32_t n, last = 0;
    size_t len;

    if (!get64(g, mod + g->l->kallsyms, &info) || !info ||
        !get64(g, info + g->l->symtab, &symtab) || !get32(g, info + g->l->num_symtab, &n) ||
        !get64(g, info + g->l->strtab, &strtab) || n > g->symbols_left) {
        return false;
    }
    g->symbols_left -= n;
    raw = g_malloc(n ? n * sizeof(Elf64_Sym) : 1);
    if (!g->read(g->opaque, symtab, raw, n * sizeof(Elf64_Sym))) {
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        last = MAX(last, load_le32(raw + i * sizeof(Elf64_Sym)));
    }
    if (last > g->strings_left) {
        return false;
    }
    g->strings_left -= last;
    strings = get_text(g, strtab, last + TEXT_MORE, &len);
    for (uint32_t i = 0; i < n; i++) {
        add_symbol(f, raw + i * sizeof(Elf64_Sym), strings, len);
    }
    return true;
}

static void module_orc(Guest *g, SymFile *f, vaddr_t mod, uint64_t base, uint32_t size)
{
    g_autofree uint8_t *ips = NULL, *raw = NULL;
    uint64_t ips_at, raw_at;
    uint32_t n;

    if (!g->l->has_orc || !g->kernel->orc || !get32(g, mod + g->l->num_orcs, &n) || !n ||
        n > g->orc_left || !get64(g, mod + g->l->orc_ip, &ips_at) ||
        !get64(g, mod + g->l->orc, &raw_at)) {
        return;
    }
    g->orc_left -= n;
    ips = g_malloc(4 * (size_t)n);
    raw = g_malloc(6 * (size_t)n);
    if (g->read(g->opaque, ips_at, ips, 4 * (size_t)n) &&
        g->read(g->opaque, raw_at, raw, 6 * (size_t)n)) {
        f->orc = sym_orc_new(ips, ips_at, raw, n, base, base + size, g->kernel->orc);
    }
}

/* NULL: its bytes make no sense. */
static SymFile *module_read(Guest *g, vaddr_t mod)
{
    char name[NAME_BYTES];
    uint64_t base;
    uint32_t size;
    SymFile *f;

    if (!g->read(g->opaque, mod + g->l->name, name, sizeof(name)) || !name[0] ||
        !memchr(name, 0, sizeof(name)) || !g_str_is_ascii(name) ||
        !get64(g, mod + g->l->base, &base) || !get32(g, mod + g->l->size, &size) ||
        !(base >> 63) || size > CODE_MAX || base > UINT64_MAX - size) {
        return NULL;
    }
    f = sym_file_new(name);
    f->kind = kind;
    f->word = 8;
    f->biased = true;
    if (!module_symbols(g, f, mod)) {
        sym_file_free(f);
        return NULL;
    }
    module_orc(g, f, mod, base, size);
    sym_file_seal(f);
    return f;
}

/* ---- all of them ---- */

static bool walk(Guest *g, vaddr_t head, GPtrArray *out, GError **errp)
{
    uint64_t at;

    if (!get64(g, head, &at)) {
        return error_set(errp, FAILED, "the kernel's list of modules at 0x%" PRIx64 " cannot be "
                         "read", head);
    }
    while (at != head) {
        SymFile *f = out->len < MODULES_MAX ? module_read(g, at - g->l->list) : NULL;

        if (!f) {
            return error_set(errp, FAILED, "the kernel's list of modules makes no sense at 0x%"
                             PRIx64, at);
        }
        g_ptr_array_add(out, f);
        if (!get64(g, at, &at)) {
            return error_set(errp, FAILED, "the kernel's list of modules cannot be read");
        }
    }
    return true;
}

static const SymFile *find_kernel(const Symbols *s)
{
    for (guint i = 0; i < s->files->len; i++) {
        const SymFile *f = g_ptr_array_index(s->files, i);

        if (f->kernel && f->kernel->modules) {
            return f;
        }
    }
    return NULL;
}

/* Those of the last time go, the new ones come. */
static void replace(Symbols *s, GPtrArray *files)
{
    for (guint i = s->files->len; i-- > 0;) {
        if (((const SymFile *)g_ptr_array_index(s->files, i))->kind == kind) {
            g_ptr_array_remove_index(s->files, i);
        }
    }
    for (guint i = 0; i < files->len; i++) {
        g_ptr_array_add(s->files, g_ptr_array_index(files, i));
    }
    g_ptr_array_set_free_func(files, NULL);
    sym_tables_build(s);
}

bool symbols_load_modules(Symbols *s, SymbolsRead *read, void *opaque, unsigned *n, GError **errp)
{
    g_autoptr(GPtrArray) files = g_ptr_array_new_with_free_func(sym_file_free);
    Guest g = { .kernel = find_kernel(s), .read = read, .opaque = opaque,
                .symbols_left = SYMBOLS_MAX, .strings_left = STRINGS_MAX, .orc_left = ORC_MAX };
    vaddr_t head;

    if (!g.kernel) {
        return error_set(errp, UNSUPPORTED, "no Linux image with type information is loaded");
    }
    g.l = g.kernel->kernel->modules;
    if (!symbols_find(s, "modules", &head, NULL)) {
        return error_set(errp, UNSUPPORTED, "the kernel has no modules");
    }
    if (!walk(&g, head, files, errp)) {
        return false;
    }
    *n = files->len;
    replace(s, files);
    return true;
}
