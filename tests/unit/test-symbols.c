/* Symbols: places that overlap, labels, what moves, completion, and finding a moved kernel.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "symbols/symbols.h"

static char *dir, *path;

static void write_file(const void *data, size_t len)
{
    GError *err = NULL;

    g_file_set_contents(path, data, (gssize)len, &err);
    g_assert_no_error(err);
}

static void load(Symbols *s)
{
    GError *err = NULL;

    symbols_load(s, path, &err);
    g_assert_no_error(err);
}

static void load_map(Symbols *s, const char *text)
{
    write_file(text, strlen(text));
    load(s);
}

static void at(const Symbols *s, vaddr_t addr, const char *want)
{
    g_autoptr(GString) text = g_string_new("<");

    g_assert_cmpint(symbols_format(s, addr, text), ==, want != NULL);
    g_assert_cmpstr(text->str + 1, ==, want ? want : "");
}

static void named(const Symbols *s, const char *name, vaddr_t addr, uint64_t size)
{
    vaddr_t got = 0;
    uint64_t got_size = 1;

    g_assert_true(symbols_find(s, name, &got, &got_size));
    g_assert_cmphex(got, ==, addr);
    g_assert_cmphex(got_size, ==, size);
}

/* ---- an ELF file of one section, 0x1000 to 0x3000, with these symbols ---- */

typedef struct Row {
    const char *name;
    uint64_t value, size;
    unsigned char info;
    unsigned shndx;
} Row;

#define FUNC(bind) ELF64_ST_INFO(bind, STT_FUNC)
#define LABEL ELF64_ST_INFO(STB_LOCAL, STT_NOTYPE)

static void elf_write(const Row *rows, unsigned n, unsigned type)
{
    GByteArray *b = g_byte_array_new(), *names = g_byte_array_new();
    Elf64_Ehdr head = { .e_ident = ELFMAG "\2\1\1", .e_type = (Elf64_Half)type,
                        .e_machine = EM_X86_64, .e_version = 1, .e_ehsize = sizeof(head),
                        .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 5, .e_shstrndx = 3 };
    static const char section_names[] = "\0.text\0.symtab\0.shstrtab";
    Elf64_Shdr sec[5] = {
        [1] = { .sh_name = 1, .sh_type = SHT_NOBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                .sh_addr = type == ET_REL ? 0 : 0x1000, .sh_size = 0x2000 },
        [2] = { .sh_name = 7, .sh_type = SHT_SYMTAB, .sh_entsize = sizeof(Elf64_Sym), .sh_link = 4,
                .sh_info = 1, .sh_addralign = 8 },
        [3] = { .sh_name = 15, .sh_type = SHT_STRTAB, .sh_size = sizeof(section_names) },
        [4] = { .sh_type = SHT_STRTAB },
    };

    g_byte_array_append(b, (uint8_t *)&head, sizeof(head));
    sec[2].sh_offset = b->len;
    g_byte_array_append(names, (const uint8_t *)"", 1);
    for (unsigned i = 0; i <= n; i++) {
        Elf64_Sym sym = { 0 };

        if (i) {
            const Row *r = &rows[i - 1];

            sym = (Elf64_Sym){ .st_name = names->len, .st_value = r->value, .st_size = r->size,
                               .st_info = r->info, .st_shndx = (Elf64_Section)r->shndx };
            g_byte_array_append(names, (const uint8_t *)r->name, (guint)strlen(r->name) + 1);
        }
        g_byte_array_append(b, (uint8_t *)&sym, sizeof(sym));
    }
    sec[2].sh_size = b->len - sec[2].sh_offset;
    sec[4].sh_offset = b->len;
    sec[4].sh_size = names->len;
    g_byte_array_append(b, names->data, names->len);
    sec[3].sh_offset = b->len;
    g_byte_array_append(b, (const uint8_t *)section_names, sizeof(section_names));
    g_byte_array_set_size(b, (b->len + 7) & ~7u);
    ((Elf64_Ehdr *)(void *)b->data)->e_shoff = b->len;
    g_byte_array_append(b, (uint8_t *)sec, sizeof(sec));
    write_file(b->data, b->len);
    g_byte_array_unref(b);
    g_byte_array_unref(names);
}

static const Row overlaps[] = {
    { "outer", 0x1100, 0x100, FUNC(STB_GLOBAL), 1 },
    { "inside", 0x1140, 0x20, FUNC(STB_LOCAL), 1 },
    { "label_in", 0x1110, 0, LABEL, 1 },
    { "beyond", 0x11f0, 0x30, FUNC(STB_LOCAL), 1 },
    { "label", 0x1300, 0, LABEL, 1 },
    { "label2", 0x1310, 0, LABEL, 1 },
    { "weak", 0x1400, 0x10, FUNC(STB_WEAK), 1 },
    { "strong", 0x1400, 0x10, FUNC(STB_GLOBAL), 1 },
    { "twice", 0x1500, 0x10, FUNC(STB_LOCAL), 1 },
    { "twice", 0x1600, 0x10, FUNC(STB_GLOBAL), 1 },
    { "number", 0x1708, 0, ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), SHN_ABS },
    { "", 0x1800, 0x10, FUNC(STB_GLOBAL), 1 },
    { "undefined", 0, 0, FUNC(STB_GLOBAL), SHN_UNDEF },
    { "file.c", 0, 0, ELF64_ST_INFO(STB_LOCAL, STT_FILE), SHN_ABS },
    { "last", 0x2ff0, 0, LABEL, 1 },
};

static void test_overlaps(void)
{
    Symbols *s = symbols_new();

    elf_write(overlaps, G_N_ELEMENTS(overlaps), ET_EXEC);
    load(s);
    at(s, 0x10ff, NULL);
    at(s, 0x1100, "outer");
    at(s, 0x1112, "outer+0x12");
    at(s, 0x1140, "inside");
    at(s, 0x115f, "inside+0x1f");
    at(s, 0x1160, "outer+0x60");
    at(s, 0x11ef, "outer+0xef");
    at(s, 0x11f8, "beyond+0x8");
    at(s, 0x121f, "beyond+0x2f");
    at(s, 0x1220, NULL);
    at(s, 0x130f, "label+0xf");
    at(s, 0x1310, "label2");
    at(s, 0x1404, "strong+0x4");
    at(s, 0x1708, NULL);
    at(s, 0x2fff, "last+0xf");
    at(s, 0x3000, NULL);
    at(s, UINT64_MAX, NULL);
    named(s, "twice", 0x1600, 0x10);
    named(s, "number", 0x1708, 0);
    named(s, "label_in", 0x1110, 0);
    g_assert_false(symbols_find(s, "undefined", &(vaddr_t){ 0 }, NULL));
    g_assert_cmpuint(symbols_count(s), ==, 12);
    symbols_free(s);
}

static void test_elsewhere(void)
{
    static const Row module[] = { { "init", 0x10, 8, FUNC(STB_GLOBAL), 1 },
                                  { "other", 0x10, 8, FUNC(STB_GLOBAL), 3 } };
    Symbols *s = symbols_new();
    GError *err = NULL;

    elf_write(overlaps, G_N_ELEMENTS(overlaps), ET_DYN);
    g_assert_true(symbols_load_at(s, path, 0x70000, &err));
    symbols_set_slide(s, 0x100000);
    at(s, 0x71142, "inside+0x2");
    at(s, 0x72fff, "last+0xf");
    named(s, "outer", 0x71100, 0x100);
    elf_write(module, G_N_ELEMENTS(module), ET_REL);
    g_assert_false(symbols_load(s, path, &err));
    g_assert_nonnull(strstr(err->message, "relocatable"));
    g_clear_error(&err);
    g_assert_true(symbols_load_at(s, path, UINT64_C(0xffffffffc0000000), &err));
    at(s, UINT64_C(0xffffffffc0000011), "init+0x1");
    g_assert_false(symbols_find(s, "other", &(vaddr_t){ 0 }, NULL));
    symbols_clear(s);
    at(s, 0x71142, NULL);
    g_assert_cmpuint(symbols_count(s), ==, 0);
    g_assert_cmpint(symbols_slide(s), ==, 0);
    symbols_free(s);
}

#define TEXT UINT64_C(0xffffffff81000000)
static const char map[] =
    "0000000000000000 D per_cpu_data\n"
    "0000000000001000 A size_of_it\n"
    "ffffffff81000000 T _text\n"
    "ffffffff81000000 T startup_64\n"
    "ffffffff81000040 t helper\n"
    "ffffffff81200000 D linux_banner\n"
    "ffffffff81200100 d helper\n"
    "ffffffff82000000 B _end\n";

static void test_slide(void)
{
    Symbols *s = symbols_new();

    load_map(s, map);
    symbols_set_slide(s, 0x5000000);
    at(s, TEXT + 0x5000000, "_text");
    at(s, TEXT + 0x5000041, "helper+0x1");
    at(s, TEXT, NULL);
    at(s, 4, NULL);
    named(s, "per_cpu_data", 0, 0);
    named(s, "size_of_it", 0x1000, 0);
    named(s, "startup_64", TEXT + 0x5000000, 0x40);
    named(s, "helper", TEXT + 0x5000040, 0x1fffc0);
    symbols_set_slide(s, 0);
    at(s, TEXT + 0x1fffff, "helper+0x1fffbf");
    symbols_free(s);
}

static bool collect(void *opaque, const char *name)
{
    GString *text = opaque;

    g_string_append_printf(text, "%s ", name);
    return text->len < 30;
}

static void test_complete(void)
{
    Symbols *s = symbols_new();
    g_autoptr(GString) text = g_string_new(NULL);

    symbols_complete(s, "", collect, text);
    g_assert_cmpstr(text->str, ==, "");
    load_map(s, map);
    symbols_complete(s, "h", collect, text);
    g_assert_cmpstr(text->str, ==, "helper ");
    symbols_complete(s, "_", collect, text);
    g_assert_cmpstr(text->str, ==, "helper _end _text ");
    symbols_complete(s, "zz", collect, text);
    symbols_complete(s, "helperr", collect, text);
    symbols_complete(s, "", collect, text);
    g_assert_cmpstr(text->str, ==, "helper _end _text _end _text helper ");
    symbols_free(s);
}

/* ---- the slide ---- */

typedef struct Guest {
    vaddr_t banner;
    const char *text;
    unsigned reads;
} Guest;

static bool guest_read(void *opaque, vaddr_t addr, void *buf, size_t len)
{
    Guest *g = opaque;

    g->reads++;
    if (addr < g->banner || addr + len > g->banner + strlen(g->text)) {
        return false;
    }
    memcpy(buf, g->text + (addr - g->banner), len);
    return true;
}

static void test_find_slide(void)
{
    Symbols *s = symbols_new();
    Guest g = { .text = "Linux version 6.1" };
    GError *err = NULL;
    const uint64_t banner = TEXT + 0x200000, slides[] = { 0, 0x200000, 0x12400000, 0x3e200000 };

    g_assert_false(symbols_find_slide(s, 0, guest_read, &g, &err));
    g_assert_nonnull(strstr(err->message, "no Linux kernel"));
    g_clear_error(&err);
    load_map(s, map);
    symbols_set_slide(s, 0x400000);
    for (unsigned i = 0; i < G_N_ELEMENTS(slides); i++) {
        g.banner = banner + slides[i];
        g_assert_true(symbols_find_slide(s, 0x400000, guest_read, &g, &err) == (i < 3));
        if (i < 3) {
            g_assert_cmphex((uint64_t)symbols_slide(s), ==, slides[i]);
        }
    }
    g_assert_nonnull(strstr(err->message, "not in the guest"));
    g_clear_error(&err);
    g_assert_cmphex((uint64_t)symbols_slide(s), ==, slides[2]);
    /* With an address in the text few places have to be looked at. */
    g.banner = banner + 0x6000000;
    g.reads = 0;
    g_assert_true(symbols_find_slide(s, TEXT + 0x6000123, guest_read, &g, &err));
    g_assert_cmpuint(g.reads, <=, 12);
    symbols_free(s);
}

static void test_several_files(void)
{
    Symbols *s = symbols_new();
    g_autoptr(GString) text = g_string_new(NULL);

    load_map(s, map);
    elf_write(overlaps, G_N_ELEMENTS(overlaps), ET_EXEC);
    load(s);
    symbols_describe(s, text);
    g_assert_nonnull(strstr(text->str, "System.map, 8 names\n"));
    g_assert_nonnull(strstr(text->str, "ELF, 12 names\n"));
    at(s, TEXT, "_text");
    at(s, 0x1100, "outer");
    symbols_free(s);
    symbols_free(NULL);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("symbols-XXXXXX", NULL);
    path = g_build_filename(dir, "file", NULL);
    g_test_add_func("/symbols/overlaps", test_overlaps);
    g_test_add_func("/symbols/elsewhere", test_elsewhere);
    g_test_add_func("/symbols/slide", test_slide);
    g_test_add_func("/symbols/complete", test_complete);
    g_test_add_func("/symbols/find-slide", test_find_slide);
    g_test_add_func("/symbols/several-files", test_several_files);
    status = g_test_run();
    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
    return status;
}
