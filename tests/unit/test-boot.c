/* Boot loaders: images made here in every format, loaded into memory and looked at; and everything
 * that can be wrong with them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include "hw/i386/boot.h"
#include "hw/i386/pc_layout.h"
#include "util/bytes.h"

#define MIB (UINT64_C(1) << 20)
#define RSDP UINT64_C(0xf0000)

static char *dir, *kernel_path, *initrd_path;
static MemSpace *mem;
static MemRegion *ram;
static BootImage img;

static void write_file(const char *path, const void *data, size_t len)
{
    GError *err = NULL;

    g_file_set_contents(path, data, (gssize)len, &err);
    g_assert_no_error(err);
}

static void machine_new(uint64_t size)
{
    uint64_t low = MIN(size, PC_HOLE);

    mem = mem_space_new("memory", UINT64_C(0xfffffffff));
    ram = mem_region_new_ram("ram", size, NULL);
    mem_space_map(mem, 0, ram, 0, low, 0);
    if (size > low) {
        mem_space_map(mem, PC_HOLE_END, ram, low, size - low, 0);
    }
    boot_image_init(&img, size);
}

static void machine_free(void)
{
    boot_image_clear(&img);
    mem_space_free(mem);
    mem_region_free(ram);
}

static bool load(const void *kernel, size_t len, const char *initrd, const char *append,
                 uint64_t ram_size, GError **errp)
{
    BootConfig c = {
        .kernel = kernel_path, .initrd = initrd, .append = append, .ram_size = ram_size,
        .rsdp = RSDP,
    };

    write_file(kernel_path, kernel, len);
    machine_new(ram_size);
    return boot_load(&img, &c, errp);
}

static void load_ok(const void *kernel, size_t len, const char *initrd, const char *append,
                    uint64_t ram_size)
{
    GError *err = NULL;
    bool ok = load(kernel, len, initrd, append, ram_size, &err);

    g_assert_no_error(err);
    g_assert_true(ok);
    boot_image_write(&img, mem);
}

/* Loading fails with a sentence that holds these words. */
static void load_bad(const void *kernel, size_t len, const char *initrd, const char *append,
                     uint64_t ram_size, const char *words)
{
    GError *err = NULL;

    g_assert_false(load(kernel, len, initrd, append, ram_size, &err));
    g_assert_nonnull(err);
    if (!strstr(err->message, words) || strchr(err->message, '\n')) {
        g_test_message("'%s' is not in: %s", words, err->message);
        g_test_fail();
    }
    g_error_free(err);
    machine_free();
}

static uint8_t *peek(uint64_t addr, uint64_t len)
{
    static uint8_t buf[8192];

    g_assert_cmpuint(len, <=, sizeof(buf));
    g_assert_cmpuint(mem_peek(mem, addr, buf, len), ==, len);
    return buf;
}

static uint64_t peek_le(uint64_t addr, unsigned size)
{
    return load_le(peek(addr, size), size);
}

static void check_text(uint64_t addr, const char *want)
{
    g_assert_cmpstr((char *)peek(addr, strlen(want) + 1), ==, want);
}

static void check_flat_gdt(bool long_mode)
{
    g_assert_cmphex(peek_le(img.entry.gdt_base + 0x10, 8), ==,
                    long_mode ? 0x00af9b000000ffff : 0x00cf9b000000ffff);
    g_assert_cmphex(peek_le(img.entry.gdt_base + 0x18, 8), ==, 0x00cf93000000ffff);
    g_assert_cmpuint(img.entry.gdt_limit, >=, 0x1f);
}

/* The page tables map an address below 4 GiB onto itself. */
static void check_identity(uint64_t addr)
{
    uint64_t e = peek_le(img.entry.cr3 + (addr >> 39 & 511) * 8, 8);

    g_assert_cmphex(e & 0x83, ==, 0x03);
    e = peek_le((e & ~0xfffull) + (addr >> 30 & 511) * 8, 8);
    g_assert_cmphex(e & 0x83, ==, 0x03);
    e = peek_le((e & ~0xfffull) + (addr >> 21 & 511) * 8, 8);
    g_assert_cmphex(e & 0x83, ==, 0x83);
    g_assert_cmphex(e & ~0x1fffffull, ==, addr & ~0x1fffffull);
}

/* ---- bzImage ------------------------------------------------------------------------------- */

#define SETUP_SECTS 4
#define BZ_PAYLOAD 20000
#define BZ_SIZE ((SETUP_SECTS + 1) * 512 + BZ_PAYLOAD)

static uint8_t *bzimage(void)
{
    uint8_t *p = g_malloc0(BZ_SIZE);

    p[0x1f1] = SETUP_SECTS;
    store_le32(p + 0x1f4, (BZ_PAYLOAD + 15) / 16);
    store_le16(p + 0x1fe, 0xaa55);
    p[0x200] = 0xeb;
    p[0x201] = 0x66;                             /* header up to 268h */
    memcpy(p + 0x202, "HdrS", 4);
    store_le16(p + 0x206, 0x020f);
    p[0x211] = 1;
    store_le32(p + 0x214, 0x100000);
    store_le32(p + 0x22c, 0x7fffffff);
    store_le32(p + 0x230, 0x200000);
    p[0x234] = 1;
    p[0x236] = 0x7f;
    store_le32(p + 0x238, 2047);
    store_le64(p + 0x258, 0x1000000);
    store_le32(p + 0x260, 0x400000);
    for (unsigned i = 0; i < BZ_PAYLOAD; i++) {
        p[(SETUP_SECTS + 1) * 512 + i] = (uint8_t)(i * 7 + (i >> 8));
    }
    return p;
}

static void make_initrd(size_t len)
{
    g_autofree uint8_t *p = g_malloc(len + 1);

    memset(p, 0x5a, len);
    write_file(initrd_path, p, len);
}

static void test_bzimage(void)
{
    g_autofree uint8_t *k = bzimage();
    uint64_t zp, initrd;

    make_initrd(5000);
    load_ok(k, BZ_SIZE, initrd_path, "console=ttyS0 quiet", 256 * MIB);
    g_assert_true(img.entry.long_mode);
    g_assert_cmphex(img.entry.rip, ==, 0x1000200);
    check_flat_gdt(true);
    check_identity(0);
    check_identity(0x1000200);
    check_identity(0xfee00000);
    g_assert_cmpmem(peek(0x1000000, 4096), 4096, k + (SETUP_SECTS + 1) * 512, 4096);
    zp = img.entry.rsi;
    g_assert_cmphex(peek_le(zp + 0x202, 4), ==, 0x53726448);
    g_assert_cmphex(peek_le(zp + 0x1ef, 1), ==, 0);          /* the sentinel */
    g_assert_cmphex(peek_le(zp + 0x210, 1), ==, 0xff);
    g_assert_cmphex(peek_le(zp + 0x070, 8), ==, RSDP);
    check_text(peek_le(zp + 0x228, 4), "console=ttyS0 quiet");
    initrd = peek_le(zp + 0x218, 4);
    g_assert_cmpuint(peek_le(zp + 0x21c, 4), ==, 5000);
    g_assert_cmphex(initrd, ==, 256 * MIB - 8192);           /* as high as possible */
    g_assert_cmphex(peek_le(initrd + 4999, 1), ==, 0x5a);
    g_assert_cmpuint(peek_le(zp + 0x1e8, 1), ==, 4);
    g_assert_cmphex(peek_le(zp + 0x2d0, 8), ==, 0);
    g_assert_cmphex(peek_le(zp + 0x2d0 + 8, 8), ==, 0x9fc00);
    g_assert_cmphex(peek_le(zp + 0x2d0 + 60, 8), ==, 0x100000);
    g_assert_cmphex(peek_le(zp + 0x2d0 + 68, 8), ==, 255 * MIB);
    g_assert_cmphex(peek_le(0x40e, 2), ==, 0x9fc0);
    g_assert_cmphex(peek_le(0x413, 2), ==, 639);
    machine_free();
}

static void test_bzimage_memory(void)
{
    g_autofree uint8_t *k = bzimage();
    uint64_t zp;

    make_initrd(5000);
    load_ok(k, BZ_SIZE, initrd_path, NULL, UINT64_C(6) << 30);
    zp = img.entry.rsi;
    g_assert_cmpuint(peek_le(zp + 0x1e8, 1), ==, 5);
    g_assert_cmphex(peek_le(zp + 0x2d0 + 80, 8), ==, UINT64_C(1) << 32);
    g_assert_cmphex(peek_le(zp + 0x2d0 + 88, 8), ==, UINT64_C(3) << 30);
    g_assert_cmphex(peek_le(zp + 0x218, 4), ==, 0x7fffe000);  /* below initrd_addr_max */
    machine_free();
    /* Too little memory for the preferred address, but it can be moved. */
    load_ok(k, BZ_SIZE, NULL, NULL, 12 * MIB);
    g_assert_cmphex(img.entry.rip, ==, 0x200200);
    machine_free();
    k[0x234] = 0;
    load_bad(k, BZ_SIZE, NULL, NULL, 12 * MIB, "give it more with -m");
}

static void test_bzimage_old(void)
{
    g_autofree uint8_t *k = bzimage();

    store_le16(k + 0x206, 0x0204);
    k[0x201] = 0x2e;
    load_ok(k, BZ_SIZE, NULL, "x", 64 * MIB);
    g_assert_false(img.entry.long_mode);
    g_assert_cmphex(img.entry.rip, ==, 0x100000);
    check_flat_gdt(false);
    machine_free();
}

static void test_bzimage_bad(void)
{
    g_autofree uint8_t *k = bzimage();
    g_autofree char *longline = g_strnfill(2048, 'a');

    load_bad(k, BZ_SIZE - 1000, NULL, NULL, 64 * MIB, "truncated");
    load_bad(k, 1000, NULL, NULL, 64 * MIB, "truncated");
    load_bad(k, BZ_SIZE, NULL, longline, 64 * MIB, "command line of 2047");
    load_bad(k, BZ_SIZE, "/nonexistent/initrd", NULL, 64 * MIB, "initrd '/nonexistent/initrd'");
    load_bad(k, BZ_SIZE, dir, NULL, 64 * MIB, "is a directory");
    make_initrd(0);
    load_bad(k, BZ_SIZE, initrd_path, NULL, 64 * MIB, "is empty");
    make_initrd(50 * MIB);
    load_bad(k, BZ_SIZE, initrd_path, NULL, 64 * MIB, "do not fit");
    make_initrd(80 * MIB);
    load_bad(k, BZ_SIZE, initrd_path, NULL, 64 * MIB, "do not fit");
    load_bad(k, BZ_SIZE, NULL, NULL, 2 * MIB, "give it more with -m");
    k[0x211] = 0;
    load_bad(k, BZ_SIZE, NULL, NULL, 64 * MIB, "zImage");
    k[0x211] = 1;
    store_le16(k + 0x206, 0x0200);
    load_bad(k, BZ_SIZE, NULL, NULL, 64 * MIB, "too old");
    load_bad("hello", 5, NULL, NULL, 64 * MIB, "neither");
    load_bad("", 0, NULL, NULL, 64 * MIB, "is empty");
}

/* ---- ELF ------------------------------------------------------------------------------------ */

#define ELF_SIZE 0x2000
#define NOTE_AT 0x800
#define CODE_AT 0x1000

typedef struct ElfWish {
    bool is_64, pvh, multiboot;
    uint64_t vaddr, paddr, entry, memsz;
} ElfWish;

static void put_phdr(uint8_t *p, bool is_64, uint32_t type, uint64_t off, uint64_t vaddr,
                     uint64_t paddr, uint64_t filesz, uint64_t memsz)
{
    if (is_64) {
        Elf64_Phdr h = { type, 7, off, vaddr, paddr, filesz, memsz, 4 };

        memcpy(p, &h, sizeof(h));
    } else {
        Elf32_Phdr h = { type, (Elf32_Off)off, (Elf32_Addr)vaddr, (Elf32_Addr)paddr,
                         (Elf32_Word)filesz, (Elf32_Word)memsz, 7, 4 };

        memcpy(p, &h, sizeof(h));
    }
}

static uint8_t *elf_image(const ElfWish *w)
{
    uint8_t *p = g_malloc0(ELF_SIZE), *ph = p + 64;
    size_t phsize = w->is_64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

    memcpy(p, ELFMAG, 4);
    p[4] = w->is_64 ? ELFCLASS64 : ELFCLASS32;
    p[5] = ELFDATA2LSB;
    p[6] = 1;
    store_le16(p + 16, ET_EXEC);
    store_le16(p + 18, w->is_64 ? EM_X86_64 : EM_386);
    if (w->is_64) {
        store_le64(p + 24, w->entry);
        store_le64(p + 32, 64);
    } else {
        store_le32(p + 24, (uint32_t)w->entry);
        store_le32(p + 28, 64);
    }
    store_le16(p + (w->is_64 ? 54 : 42), (uint16_t)phsize);
    store_le16(p + (w->is_64 ? 56 : 44), w->pvh ? 2 : 1);
    put_phdr(ph, w->is_64, PT_LOAD, CODE_AT, w->vaddr, w->paddr, 0x800, w->memsz);
    if (w->pvh) {
        put_phdr(ph + phsize, w->is_64, PT_NOTE, NOTE_AT, 0, 0, 48, 48);
        store_le32(p + NOTE_AT, 4);              /* another note first */
        store_le32(p + NOTE_AT + 4, 5);
        store_le32(p + NOTE_AT + 8, 18);
        memcpy(p + NOTE_AT + 12, "GNU", 4);
        store_le32(p + NOTE_AT + 24, 4);
        store_le32(p + NOTE_AT + 28, 8);
        store_le32(p + NOTE_AT + 32, 18);
        memcpy(p + NOTE_AT + 36, "Xen", 4);
        store_le64(p + NOTE_AT + 40, w->paddr + 0x20);
    }
    if (w->multiboot) {
        store_le32(p + 0x400, 0x1badb002);
        store_le32(p + 0x404, 3);
        store_le32(p + 0x408, -(0x1badb002u + 3));
    }
    memset(p + CODE_AT, 0x90, 0x800);
    return p;
}

static const ElfWish plain32 = { false, false, false, 0xc0100000, 0x100000, 0xc0100010, 0x3000 };
static const ElfWish plain64 = {
    true, false, false, 0xffffffff81000000, 0x1000000, 0x1000040, 0x3000
};
static const ElfWish pvh64 = { true, true, true, 0x100000, 0x100000, 0x100000, 0x3000 };
static const ElfWish pvh32 = { false, true, false, 0x100000, 0x100000, 0, 0x3000 };
static const ElfWish mb32 = { false, true, true, 0x100000, 0x100000, 0x100004, 0x3000 };
static const ElfWish mb64 = { true, false, true, 0x100000, 0x100000, 0x100004, 0x3000 };

static void test_elf_plain(void)
{
    g_autofree uint8_t *k32 = elf_image(&plain32), *k64 = elf_image(&plain64);

    make_initrd(100);
    load_ok(k32, ELF_SIZE, initrd_path, "a b", 32 * MIB);
    g_assert_false(img.entry.long_mode);
    g_assert_true(img.is_32bit);
    g_assert_cmphex(img.entry.rip, ==, 0x100010);            /* virtual made physical */
    check_flat_gdt(false);
    check_text(peek_le(img.entry.rsi + 0x228, 4), "a b");
    g_assert_cmpuint(peek_le(img.entry.rsi + 0x21c, 4), ==, 100);
    g_assert_cmphex(peek_le(0x100010, 1), ==, 0x90);
    machine_free();
    load_ok(k64, ELF_SIZE, NULL, NULL, 32 * MIB);
    g_assert_true(img.entry.long_mode);
    g_assert_false(img.is_32bit);
    g_assert_cmphex(img.entry.rip, ==, 0x1000040);           /* physical as it is */
    check_flat_gdt(true);
    check_identity(0x1000040);
    g_assert_cmpuint(peek_le(img.entry.rsi + 0x1e8, 1), ==, 4);
    machine_free();
}

static void test_elf_pvh(void)
{
    const ElfWish *wish[] = { &pvh64, &pvh32 };

    make_initrd(5000);
    for (unsigned i = 0; i < 2; i++) {
        g_autofree uint8_t *k = elf_image(wish[i]);
        uint64_t si, mod, map;

        load_ok(k, ELF_SIZE, initrd_path, "root=none", 32 * MIB);
        g_assert_false(img.entry.long_mode);
        g_assert_cmphex(img.entry.rip, ==, 0x100020);
        si = img.entry.rbx;
        g_assert_cmphex(peek_le(si, 4), ==, 0x336ec578);
        g_assert_cmpuint(peek_le(si + 4, 4), ==, 1);
        g_assert_cmpuint(peek_le(si + 12, 4), ==, 1);
        mod = peek_le(si + 16, 8);
        g_assert_cmpuint(peek_le(mod + 8, 8), ==, 5000);
        g_assert_cmphex(peek_le(peek_le(mod, 8), 1), ==, 0x5a);
        check_text(peek_le(si + 24, 8), "root=none");
        g_assert_cmphex(peek_le(si + 32, 8), ==, RSDP);
        map = peek_le(si + 40, 8);
        g_assert_cmpuint(peek_le(si + 48, 4), ==, 4);
        g_assert_cmphex(peek_le(map + 3 * 24, 8), ==, 0x100000);
        g_assert_cmphex(peek_le(map + 3 * 24 + 8, 8), ==, 31 * MIB);
        g_assert_cmphex(peek_le(map + 3 * 24 + 16, 4), ==, 1);
        machine_free();
    }
}

/* Written again, as at a reset: what the guest changed is as it was, the rest of memory stays. */
static void test_rewrite(void)
{
    g_autofree uint8_t *k = elf_image(&plain32);
    uint8_t junk[0x4000];

    memset(junk, 0xcc, sizeof(junk));
    load_ok(k, ELF_SIZE, NULL, NULL, 32 * MIB);
    mem_poke(mem, 0x100000, junk, sizeof(junk), 0);
    boot_image_write(&img, mem);
    g_assert_cmphex(peek_le(0x100000, 1), ==, 0x90);
    g_assert_cmphex(peek_le(0x100800, 1), ==, 0);            /* bss */
    g_assert_cmphex(peek_le(0x102fff, 1), ==, 0);
    g_assert_cmphex(peek_le(0x103000, 1), ==, 0xcc);
    machine_free();
}

static void test_elf_bad(void)
{
    static const struct {
        unsigned at;
        uint64_t value;
        unsigned size;
        const char *words;
    } row[] = {
        { 4, 7, 1, "class" },
        { 5, 2, 1, "byte order" },
        { 16, 1, 2, "not an executable" },
        { 18, 40, 2, "another machine" },
        { 28, 0x10000, 4, "truncated" },                     /* e_phoff */
        { 28, 0xfffffff0, 4, "truncated" },
        { 42, 4, 2, "malformed" },                           /* e_phentsize */
        { 44, 0xffff, 2, "malformed" },                      /* e_phnum */
        { 44, 0, 2, "nothing to load" },
        { 24, 0x50, 4, "lies in no segment" },
        { 64 + 4, 0x1f00, 4, "truncated" },                  /* p_offset */
        { 64 + 4, 0xffffff00, 4, "truncated" },
        { 64 + 12, 0xfff00000, 4, "does not fit" },          /* p_paddr */
        { 64 + 12, 0xf0000, 4, "does not fit" },
        { 64 + 16, 0x4000, 4, "longer in the file" },        /* p_filesz */
        { 64 + 20, 0xff000000, 4, "does not fit" },          /* p_memsz */
    };

    for (size_t i = 0; i < G_N_ELEMENTS(row); i++) {
        g_autofree uint8_t *k = elf_image(&plain32);

        store_le(k + row[i].at, row[i].value, row[i].size);
        load_bad(k, ELF_SIZE, NULL, NULL, 32 * MIB, row[i].words);
    }
}

static void test_elf_overlap(void)
{
    g_autofree uint8_t *k = elf_image(&plain32);

    store_le16(k + 44, 2);
    put_phdr(k + 64 + sizeof(Elf32_Phdr), false, PT_LOAD, CODE_AT, 0, 0x102000, 16, 16);
    load_bad(k, ELF_SIZE, NULL, NULL, 32 * MIB, "overlaps");
}

/* ---- multiboot ------------------------------------------------------------------------------ */

static void check_multiboot(const char *cmdline)
{
    g_autofree char *want = g_strconcat(kernel_path, cmdline, NULL);
    uint64_t mbi = img.entry.rbx;

    g_assert_false(img.entry.long_mode);
    g_assert_cmphex(img.entry.rax, ==, 0x2badb002);
    g_assert_cmphex(peek_le(mbi, 4) & 0x45, ==, 0x45);
    g_assert_cmpuint(peek_le(mbi + 4, 4), ==, 639);
    g_assert_cmpuint(peek_le(mbi + 8, 4), ==, 31 * 1024);
    check_text(peek_le(mbi + 16, 4), want);
    g_assert_cmpuint(peek_le(mbi + 44, 4), ==, 4 * 24);
    g_assert_cmpuint(peek_le(peek_le(mbi + 48, 4), 4), ==, 20);
    g_assert_cmphex(peek_le(peek_le(mbi + 48, 4) + 3 * 24 + 4, 8), ==, 0x100000);
}

static void test_multiboot_elf(void)
{
    g_autofree uint8_t *k32 = elf_image(&mb32), *k64 = elf_image(&mb64), *both = elf_image(&pvh64);

    load_ok(k32, ELF_SIZE, NULL, "x=1", 32 * MIB);
    g_assert_cmphex(img.entry.rip, ==, 0x100004);
    check_multiboot(" x=1");
    machine_free();
    load_ok(k64, ELF_SIZE, NULL, NULL, 32 * MIB);
    g_assert_cmphex(img.entry.rip, ==, 0x100004);
    check_multiboot("");
    machine_free();
    load_ok(both, ELF_SIZE, NULL, NULL, 32 * MIB);           /* 64-bit: PVH goes first */
    g_assert_cmphex(img.entry.rax, ==, 0);
    machine_free();
}

static void test_multiboot_modules(void)
{
    g_autofree uint8_t *k = elf_image(&mb32);
    g_autofree char *two = g_build_filename(dir, "two,x", NULL);
    g_autofree char *spec = g_strdup_printf("%s one  1,%s/two,,x", initrd_path, dir);
    g_autofree char *name1 = g_strdup_printf("%s one  1", initrd_path);
    uint64_t mods;

    make_initrd(5000);
    write_file(two, "second", 6);
    load_ok(k, ELF_SIZE, spec, NULL, 32 * MIB);
    g_assert_cmphex(peek_le(img.entry.rbx, 4) & 8, ==, 8);
    g_assert_cmpuint(peek_le(img.entry.rbx + 20, 4), ==, 2);
    mods = peek_le(img.entry.rbx + 24, 4);
    g_assert_cmphex(peek_le(mods, 4), ==, 0x103000);
    g_assert_cmpuint(peek_le(mods + 4, 4) - peek_le(mods, 4), ==, 5000);
    check_text(peek_le(mods + 8, 4), name1);
    g_assert_cmphex(peek_le(mods + 16, 4) % 4096, ==, 0);
    g_assert_cmpmem(peek(peek_le(mods + 16, 4), 6), 6, "second", 6);
    check_text(peek_le(mods + 24, 4), two);
    machine_free();
    load_bad(k, ELF_SIZE, "", NULL, 32 * MIB, "no file name");
    load_bad(k, ELF_SIZE, "/nonexistent", NULL, 32 * MIB, "module '/nonexistent'");
    make_initrd(40 * MIB);
    load_bad(k, ELF_SIZE, initrd_path, NULL, 32 * MIB, "more than the machine's memory");
    make_initrd(31 * MIB);
    load_bad(k, ELF_SIZE, initrd_path, NULL, 32 * MIB, "do not fit");
    g_unlink(two);
}

#define KLUDGE_SIZE 0x800

static uint8_t *kludge(uint32_t header, uint32_t load_at, uint32_t load_end, uint32_t bss_end)
{
    uint8_t *p = g_malloc0(KLUDGE_SIZE);
    uint32_t flags = 0x10003;

    store_le32(p + 0x100, 0x1badb002);
    store_le32(p + 0x104, flags);
    store_le32(p + 0x108, -(0x1badb002u + flags));
    store_le32(p + 0x10c, header);
    store_le32(p + 0x110, load_at);
    store_le32(p + 0x114, load_end);
    store_le32(p + 0x118, bss_end);
    store_le32(p + 0x11c, 0x200040);
    p[0x7ff] = 0x77;
    return p;
}

static void test_multiboot_kludge(void)
{
    static const uint32_t bad[][4] = {
        { 0x200000, 0x200100, 0, 0 },            /* header before the load address */
        { 0x200200, 0x200000, 0, 0 },            /* file begins before its own start */
        { 0x200100, 0x200000, 0x1fff00, 0 },
        { 0x200100, 0x200000, 0x200800, 0x200700 },
        { 0x200100, 0x200000, 0x200801, 0 },     /* truncated */
        { 0x200100, 0x200000, 0, 0xfff00000 },   /* no such memory */
        { 0x100, 0, 0, 0x100000 },
        { 0x200100, 0x200000, 0, 0x200001 },
        { 0x200100, 0x200000, 0x200000, 0 },     /* nothing */
    };
    g_autofree uint8_t *k = kludge(0x200100, 0x200000, 0, 0x201000);

    load_ok(k, KLUDGE_SIZE, NULL, NULL, 32 * MIB);
    g_assert_cmphex(img.entry.rip, ==, 0x200040);
    g_assert_cmphex(peek_le(0x2007ff, 1), ==, 0x77);
    check_multiboot("");
    machine_free();
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autofree uint8_t *b = kludge(bad[i][0], bad[i][1], bad[i][2], bad[i][3]);

        load_bad(b, KLUDGE_SIZE, NULL, NULL, 32 * MIB, "kernel '");
    }
    store_le32(k + 0x104, 0x10008);
    store_le32(k + 0x108, -(0x1badb002u + 0x10008));
    load_bad(k, KLUDGE_SIZE, NULL, NULL, 32 * MIB, "flags 0x8");
    store_le32(k + 0x104, 3);
    store_le32(k + 0x108, -(0x1badb002u + 3));
    load_bad(k, KLUDGE_SIZE, NULL, NULL, 32 * MIB, "without addresses");
}

/* ---- whatever else a file may hold ---------------------------------------------------------- */

/* Images with some bytes changed or cut off: each loads, or is refused with a sentence. */
static void test_mutations(void)
{
    const struct {
        uint8_t *p;
        size_t len, head;
    } seed[] = {
        { bzimage(), BZ_SIZE, 0x270 },
        { elf_image(&pvh64), ELF_SIZE, 0x100 },
        { elf_image(&mb32), ELF_SIZE, 0x100 },
        { elf_image(&plain64), ELF_SIZE, 0x100 },
        { kludge(0x200100, 0x200000, 0, 0x201000), KLUDGE_SIZE, 0x120 },
    };

    make_initrd(3000);
    for (unsigned round = 0; round < 3000; round++) {
        unsigned which = (unsigned)g_test_rand_int_range(0, G_N_ELEMENTS(seed));
        g_autofree uint8_t *k = g_memdup2(seed[which].p, seed[which].len);
        size_t len = seed[which].len;
        GError *err = NULL;
        int n = g_test_rand_int_range(1, 6);

        while (n--) {
            size_t at = (size_t)g_test_rand_int_range(0, (gint32)seed[which].head);
            static const uint8_t nasty[] = { 0, 1, 0x7f, 0x80, 0xff, 4 };

            if (which == 1 && g_test_rand_bit()) {
                at = NOTE_AT + at % 48;
            }
            k[at] = nasty[g_test_rand_int_range(0, sizeof(nasty))];
        }
        if (g_test_rand_int_range(0, 4) == 0) {
            len = (size_t)g_test_rand_int_range(0, (gint32)len);
        }
        if (load(k, len, initrd_path, "x", 24 * MIB, &err)) {
            g_assert_no_error(err);
            boot_image_write(&img, mem);
            boot_image_write(&img, mem);
        } else {
            g_assert_nonnull(err);
            g_error_free(err);
        }
        machine_free();
    }
    for (size_t i = 0; i < G_N_ELEMENTS(seed); i++) {
        g_free(seed[i].p);
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    dir = g_dir_make_tmp("glassbox-boot-XXXXXX", NULL);
    g_assert_nonnull(dir);
    kernel_path = g_build_filename(dir, "kernel", NULL);
    initrd_path = g_build_filename(dir, "initrd", NULL);
    g_test_add_func("/boot/bzimage", test_bzimage);
    g_test_add_func("/boot/bzimage-memory", test_bzimage_memory);
    g_test_add_func("/boot/bzimage-old", test_bzimage_old);
    g_test_add_func("/boot/bzimage-bad", test_bzimage_bad);
    g_test_add_func("/boot/elf-plain", test_elf_plain);
    g_test_add_func("/boot/elf-pvh", test_elf_pvh);
    g_test_add_func("/boot/rewrite", test_rewrite);
    g_test_add_func("/boot/elf-bad", test_elf_bad);
    g_test_add_func("/boot/elf-overlap", test_elf_overlap);
    g_test_add_func("/boot/multiboot-elf", test_multiboot_elf);
    g_test_add_func("/boot/multiboot-modules", test_multiboot_modules);
    g_test_add_func("/boot/multiboot-kludge", test_multiboot_kludge);
    g_test_add_func("/boot/mutations", test_mutations);
    status = g_test_run();
    g_unlink(kernel_path);
    g_unlink(initrd_path);
    g_rmdir(dir);
    return status;
}
