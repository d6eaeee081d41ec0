/* ELF files: their symbols, and bytes by address.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/elf_int.h"

#include <elf.h>
#include <gelf.h>
#include <string.h>

#include "symbols/unwind_int.h"
#include "util/error.h"

/* ---- contents ---- */

bool sym_elf_read(Elf *elf, uint64_t addr, void *buf, size_t len)
{
    size_t n = 0;

    elf_getphdrnum(elf, &n);
    for (size_t i = 0; i < n; i++) {
        GElf_Phdr p;

        if (!gelf_getphdr(elf, (int)i, &p) || p.p_type != PT_LOAD || addr < p.p_vaddr ||
            addr - p.p_vaddr > p.p_filesz || len > p.p_filesz - (addr - p.p_vaddr)) {
            continue;
        }
        Elf_Data *raw = elf_getdata_rawchunk(elf, (int64_t)(p.p_offset + (addr - p.p_vaddr)), len,
                                             ELF_T_BYTE);

        if (raw && raw->d_buf && raw->d_size >= len) {
            memcpy(buf, raw->d_buf, len);
            return true;
        }
    }
    return false;
}

const uint8_t *sym_elf_section(Elf *elf, const char *name, size_t *len, uint64_t *addr)
{
    Elf_Scn *scn = NULL;
    size_t names;

    if (elf_getshdrstrndx(elf, &names) < 0) {
        return NULL;
    }
    while ((scn = elf_nextscn(elf, scn))) {
        GElf_Shdr h;
        const char *text;
        Elf_Data *data;

        if (!gelf_getshdr(scn, &h) || h.sh_type == SHT_NOBITS) {
            continue;
        }
        text = elf_strptr(elf, names, h.sh_name);
        if (text && !strcmp(text, name)) {
            data = elf_rawdata(scn, NULL);
            if (!data || !data->d_buf) {
                return NULL;
            }
            *len = data->d_size;
            *addr = h.sh_addr;
            return data->d_buf;
        }
    }
    return NULL;
}

/* ---- symbols ---- */

typedef struct ElfFile {
    SymFile *f;
    Elf *elf;
    GElf_Ehdr head;
    size_t text_section;    /* of a relocatable object */
    bool high;              /* has places in the upper half: a kernel's, which alone move */
} ElfFile;

/* Marks of code and data in the text, not names: $a, $d, $t, $x, perhaps with ".something". */
static bool mapping_symbol(const ElfFile *e, const char *name)
{
    switch (e->head.e_machine) {
    case EM_ARM:
    case EM_AARCH64:
    case EM_RISCV:
        return name[0] == '$' && name[1] && strchr("adtx", name[1]) &&
               (!name[2] || name[2] == '.' || e->head.e_machine == EM_RISCV);
    default:
        return false;
    }
}

static bool wanted(const ElfFile *e, const GElf_Sym *sym, size_t section, const char *name)
{
    unsigned type = GELF_ST_TYPE(sym->st_info);

    if (type == STT_SECTION || type == STT_FILE || type == STT_TLS || section == SHN_UNDEF ||
        section == SHN_COMMON || !name[0] || !strncmp(name, ".L", 2) || mapping_symbol(e, name)) {
        return false;
    }
    return e->head.e_type != ET_REL || section == e->text_section;
}

static unsigned bind_of(const GElf_Sym *sym)
{
    switch (GELF_ST_BIND(sym->st_info)) {
    case STB_GLOBAL:
    case STB_GNU_UNIQUE:
        return SYM_GLOBAL;
    case STB_WEAK:
        return SYM_WEAK;
    default:
        return SYM_LOCAL;
    }
}

static void add(ElfFile *e, const GElf_Sym *sym, size_t section, const char *name)
{
    Symbol row = { .addr = sym->st_value, .size = sym->st_size, .bind = (uint8_t)bind_of(sym) };
    Elf_Scn *scn = section < SHN_LORESERVE ? elf_getscn(e->elf, section) : NULL;
    GElf_Shdr h;

    row.rank = (uint8_t)(row.bind | (row.size ? 0 : SYM_UNSIZED));
    row.shown = section != SHN_ABS;
    if (scn && gelf_getshdr(scn, &h)) {
        row.limit = h.sh_addr + h.sh_size;
        row.shown = (h.sh_flags & SHF_ALLOC) && !(h.sh_flags & SHF_TLS);
    }
    if (row.shown) {
        e->high |= row.addr >> 63;
    }
    sym_file_add(e->f, name, strnlen(name, SYM_NAME_LIMIT), row);
}

static bool symbols_of(ElfFile *e, Elf_Scn *scn, const GElf_Shdr *h, GError **errp)
{
    Elf_Data *data = elf_getdata(scn, NULL), *shndx = NULL;
    size_t entry = gelf_fsize(e->elf, ELF_T_SYM, 1, EV_CURRENT), n;
    int extended = elf_scnshndx(scn);

    if (!data || !entry || data->d_type != ELF_T_SYM) {
        return sym_file_error(e->f, errp, "has a damaged symbol table");
    }
    if (extended > 0) {
        Elf_Scn *x = elf_getscn(e->elf, (size_t)extended);

        shndx = x ? elf_getdata(x, NULL) : NULL;
    }
    n = data->d_size / entry;
    for (size_t i = 1; i < n && i < G_MAXINT32; i++) {
        Elf32_Word section = 0;
        GElf_Sym sym;
        const char *name;

        if (!gelf_getsymshndx(data, shndx, (int)i, &sym, &section)) {
            return sym_file_error(e->f, errp, "has a damaged symbol table");
        }
        if (sym.st_shndx != SHN_XINDEX) {
            section = sym.st_shndx;
        }
        name = elf_strptr(e->elf, h->sh_link, sym.st_name);
        if (name && wanted(e, &sym, section, name)) {
            add(e, &sym, section, name);
        }
    }
    return true;
}

/* The first section of a type. */
static Elf_Scn *section_of_type(Elf *elf, unsigned type, GElf_Shdr *h)
{
    Elf_Scn *scn = NULL;

    while ((scn = elf_nextscn(elf, scn))) {
        if (gelf_getshdr(scn, h) && h->sh_type == type) {
            return scn;
        }
    }
    return NULL;
}

/* What moves is known when all are seen: a kernel's per-CPU offsets, near zero, do not. */
static void mark_moving(ElfFile *e)
{
    for (guint i = 0; i < e->f->symbols->len; i++) {
        Symbol *sym = &g_array_index(e->f->symbols, Symbol, i);
        bool place = e->f->biased || !e->high || sym->addr >> 63;

        sym->shown &= place;
        sym->moves = sym->shown && !e->f->biased;
    }
}

static bool read_symbols(ElfFile *e, GError **errp)
{
    GElf_Shdr h;
    Elf_Scn *scn = section_of_type(e->elf, SHT_SYMTAB, &h);

    if (!scn) {
        scn = section_of_type(e->elf, SHT_DYNSYM, &h);
    }
    if (scn && !symbols_of(e, scn, &h, errp)) {
        return false;
    }
    mark_moving(e);
    return true;
}

static bool check_object(ElfFile *e, GError **errp)
{
    Elf_Scn *scn = NULL;
    size_t names;

    if (!e->f->biased) {
        return sym_file_error(e->f, errp, "is a relocatable object: where its .text lies has to be "
                              "said");
    }
    if (elf_getshdrstrndx(e->elf, &names) < 0) {
        return sym_file_error(e->f, errp, "has damaged sections");
    }
    while ((scn = elf_nextscn(e->elf, scn))) {
        GElf_Shdr h;
        const char *text = gelf_getshdr(scn, &h) ? elf_strptr(e->elf, names, h.sh_name) : NULL;

        if (text && !strcmp(text, ".text")) {
            e->text_section = elf_ndxscn(scn);
            return true;
        }
    }
    return sym_file_error(e->f, errp, "is a relocatable object without .text");
}

static bool load_open(ElfFile *e, int fd, GError **errp)
{
    SymFile *f = e->f;

    if (elf_kind(e->elf) != ELF_K_ELF || !gelf_getehdr(e->elf, &e->head)) {
        return sym_file_error(f, errp, "is a damaged ELF file");
    }
    f->word = e->head.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
    if ((e->head.e_type == ET_REL && !check_object(e, errp)) || !read_symbols(e, errp)) {
        return false;
    }
    sym_elf_find_kernel(f, e->elf);
    if (e->head.e_type != ET_REL) {
        f->cfi = sym_cfi_new(e->elf, fd);
    }
    return true;
}

bool sym_elf_load(SymFile *f, int fd, GError **errp)
{
    ElfFile e = { .f = f };
    bool ok;

    f->kind = "ELF";
    elf_version(EV_CURRENT);
    e.elf = elf_begin(fd, ELF_C_READ, NULL);
    if (!e.elf) {
        return sym_file_error(f, errp, "is a damaged ELF file");
    }
    ok = load_open(&e, fd, errp);
    elf_end(e.elf);
    return ok;
}
