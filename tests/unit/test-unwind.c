/* Unwinding on stacks made here: chains of frame pointers, ORC tables of both ways of counting, and
 * what ends a backtrace.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <elf.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "symbols/unwind.h"
#include "util/bytes.h"

#define FRAMES 16
#define STACK UINT64_C(0xffffc90000010000)
#define STACK_BYTES 0x1000u
#define CODE UINT64_C(0x400000)

static uint8_t stack[STACK_BYTES];
static uint64_t stack_at = STACK;

/* Memory is the stack, and code anywhere below 16 MiB and in a kernel's text. */
static bool read_stack(void *opaque, vaddr_t at, void *buf, size_t len)
{
    if (len == 1 && (at < 0x1000000 || at >> 31 == 0x1ffffffff)) {
        return true;
    }
    if (at < stack_at || at - stack_at > STACK_BYTES - len) {
        return false;
    }
    memcpy(buf, stack + (at - stack_at), len);
    return true;
}

static void word(uint64_t at, uint64_t v)
{
    store_le64(stack + (at - stack_at), v);
}

static const UnwindArch x86_64 = { .word = 8, .call_pushes = true, .pc = 16, .sp = 7, .fp = 6,
                                   .n = 17 };
static const UnwindArch i386 = { .word = 4, .call_pushes = true, .pc = 8, .sp = 4, .fp = 5,
                                 .n = 9 };

static UnwindRegs regs(const UnwindArch *a, uint64_t pc, uint64_t sp, uint64_t fp)
{
    UnwindRegs r = { .known = mask_bits(a->n) };

    r.v[a->pc] = pc;
    r.v[a->sp] = sp;
    r.v[a->fp] = fp;
    return r;
}

/* Compares pcs, and words of the reason (NULL: there must be none). */
static void check(const Symbols *s, const UnwindArch *a, UnwindRegs r, const uint64_t *pc,
                  unsigned n, const char *reason)
{
    UnwindFrame out[FRAMES];
    g_autofree char *why = NULL;
    unsigned got = symbols_backtrace(s, a, &r, read_stack, NULL, out, FRAMES, &why);

    for (unsigned i = 0; i < MIN(got, n); i++) {
        g_assert_cmphex(out[i].pc, ==, pc[i]);
    }
    g_assert_cmpuint(got, ==, n);
    g_assert_cmpint(why != NULL, ==, reason != NULL);
    if (reason && !strstr(why, reason)) {
        g_test_message("'%s' is not in: %s", reason, why);
        g_test_fail();
    }
}
#define CHECK(s, a, r, why, ...) \
    check(s, a, r, (const uint64_t[]){ __VA_ARGS__ }, \
          sizeof((const uint64_t[]){ __VA_ARGS__ }) / 8, why)

/* ---- frame pointers ---- */

static void test_chain(void)
{
    Symbols *s = symbols_new();
    UnwindFrame out[2];
    char *why = NULL;
    UnwindRegs r = regs(&x86_64, CODE, STACK, STACK + 0x40);

    memset(stack, 0, sizeof(stack));
    word(STACK + 0x40, STACK + 0x80);
    word(STACK + 0x48, CODE + 0x10);
    word(STACK + 0x80, 0);
    word(STACK + 0x88, CODE + 0x20);
    CHECK(s, &x86_64, r, NULL, CODE, CODE + 0x10, CODE + 0x20);
    /* No room for all. */
    g_assert_cmpuint(symbols_backtrace(s, &x86_64, &r, read_stack, NULL, out, 2, &why), ==, 2);
    g_assert_nonnull(strstr(why, "more than 2"));
    g_clear_pointer(&why, g_free);
    g_assert_cmpuint(symbols_backtrace(s, &x86_64, &r, read_stack, NULL, out, 0, NULL), ==, 0);
    g_assert_true(symbols_backtrace(s, &x86_64, &r, read_stack, NULL, out, 1, NULL) == 1);
    g_assert_cmphex(out[0].sp, ==, STACK);
    g_assert_true(out[0].exact);
    /* A return address of zero ends it too. */
    word(STACK + 0x88, 0);
    CHECK(s, &x86_64, r, NULL, CODE, CODE + 0x10);
    symbols_free(s);
}

static void test_broken_chain(void)
{
    Symbols *s = symbols_new();
    UnwindRegs r = regs(&x86_64, CODE, STACK, STACK + 0x40);

    memset(stack, 0, sizeof(stack));
    word(STACK + 0x48, CODE + 0x10);
    word(STACK + 0x40, STACK + 0x40);       /* to itself */
    CHECK(s, &x86_64, r, "points to no frame", CODE, CODE + 0x10);
    word(STACK + 0x40, STACK + 0x83);
    CHECK(s, &x86_64, r, "points to no frame", CODE, CODE + 0x10);
    word(STACK + 0x40, STACK - 0x100);
    CHECK(s, &x86_64, r, "points to no frame", CODE, CODE + 0x10);
    word(STACK + 0x40, STACK + 0x2000);
    CHECK(s, &x86_64, r, "cannot be read", CODE, CODE + 0x10);
    word(STACK + 0x40, UINT64_MAX - 7);
    CHECK(s, &x86_64, r, "", CODE, CODE + 0x10);
    word(STACK + 0x48, UINT64_C(0x700000000000));
    CHECK(s, &x86_64, r, "not mapped", CODE);
    r.known &= ~(UINT64_C(1) << 6);
    CHECK(s, &x86_64, r, "nothing tells", CODE);
    symbols_free(s);
}

static void test_narrow(void)
{
    Symbols *s = symbols_new();

    stack_at = 0x10000;
    memset(stack, 0, sizeof(stack));
    store_le32(stack + 0x40, 0x10080);
    store_le32(stack + 0x44, CODE + 0x10);
    store_le32(stack + 0x84, CODE + 0x20);
    CHECK(s, &i386, regs(&i386, CODE, 0x10000, 0x10040), NULL, CODE, CODE + 0x10, CODE + 0x20);
    stack_at = STACK;
    symbols_free(s);
}

/* ---- a kernel with ORC tables ---- */

#define TEXT UINT64_C(0xffffffff81000000)
#define SEGMENT 0x2000u
#define BANNER 0x1000u
#define IPS 0x1100u
#define ENTRIES 0x1200u
#define NORC 7u

/* sp register and offset, bp register and offset, kind: 0 call, 1 all registers, 2 some, 3 end */
typedef struct Orc {
    unsigned at;
    int sp_offset, bp_offset;
    unsigned sp_reg, bp_reg, kind;
} Orc;

static const Orc orc[NORC] = {
    { 0x000, 0, 0, 0, 0, 3 },
    { 0x100, 0x10, -0x10, 5, 1, 0 },        /* sp + 16; bp saved below the return address */
    { 0x200, 8, 0, 5, 0, 0 },
    { 0x300, 0, 0, 5, 0, 1 },               /* an exception's registers at sp */
    { 0x400, 0, 0, 5, 0, 2 },
    { 0x500, 8, 0, 9, 0, 0 },               /* the word at sp, plus 8 */
    { 0x600, 8, 0, 12, 0, 0 },              /* no such register */
};

static const struct {
    const char *name;
    unsigned at;
} kernel_names[] = {
    { "_text", 0 }, { "f100", 0x100 }, { "f200", 0x200 }, { "f300", 0x300 }, { "f400", 0x400 },
    { "linux_banner", BANNER }, { "__start_orc_unwind_ip", IPS },
    { "__stop_orc_unwind_ip", IPS + 4 * NORC }, { "__start_orc_unwind", ENTRIES },
    { "__stop_orc_unwind", ENTRIES + 6 * NORC }, { "_end", SEGMENT },
};

static void orc_tables(uint8_t *image, bool old)
{
    for (unsigned i = 0; i < NORC; i++) {
        const Orc *o = &orc[i];
        unsigned kind = old ? o->kind & 3 : o->kind == 3 ? 1 : o->kind + 2;

        if (old && o->kind == 3) {
            kind = 0 | 4;                   /* a call with the mark of the end */
        }
        store_le32(image + IPS + 4 * i, o->at - (IPS + 4 * i));
        store_le16(image + ENTRIES + 6 * i, (uint16_t)o->sp_offset);
        store_le16(image + ENTRIES + 6 * i + 2, (uint16_t)o->bp_offset);
        store_le16(image + ENTRIES + 6 * i + 4,
                   (uint16_t)(o->sp_reg | o->bp_reg << 4 | kind << 8));
    }
}

/* One loaded segment and one symbol table. */
static void kernel_write(const char *path, bool old)
{
    const unsigned n = G_N_ELEMENTS(kernel_names);
    size_t text_at = 0x1000, syms_at = text_at + SEGMENT, names_at = syms_at + 24 * (n + 1);
    size_t size = names_at + 0x400, sections_at = names_at + 0x200, used = 1;
    g_autofree uint8_t *file = g_malloc0(size);
    Elf64_Ehdr *head = (void *)file;
    Elf64_Phdr *ph = (void *)(file + sizeof(*head));
    Elf64_Shdr *sec = (void *)(file + (sections_at & ~(size_t)7));

    *head = (Elf64_Ehdr){ .e_ident = ELFMAG "\2\1\1", .e_type = ET_EXEC, .e_machine = EM_X86_64,
                          .e_version = 1, .e_phoff = sizeof(*head), .e_phnum = 1,
                          .e_phentsize = sizeof(*ph), .e_ehsize = sizeof(*head), .e_shnum = 4,
                          .e_shentsize = sizeof(*sec), .e_shoff = sections_at & ~(size_t)7 };
    *ph = (Elf64_Phdr){ .p_type = PT_LOAD, .p_flags = PF_X, .p_offset = text_at, .p_vaddr = TEXT,
                        .p_filesz = SEGMENT, .p_memsz = SEGMENT };
    sec[1] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC, .sh_addr = TEXT,
                           .sh_offset = text_at, .sh_size = SEGMENT };
    sec[2] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB, .sh_offset = syms_at, .sh_size = 24 * (n + 1),
                           .sh_link = 3, .sh_entsize = 24, .sh_info = 1 };
    sec[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB, .sh_offset = names_at, .sh_size = 0x200 };
    for (unsigned i = 0; i < n; i++) {
        Elf64_Sym *sym = (void *)(file + syms_at + 24 * (i + 1));

        *sym = (Elf64_Sym){ .st_name = (Elf64_Word)used, .st_value = TEXT + kernel_names[i].at,
                            .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_NOTYPE), .st_shndx = 1 };
        strcpy((char *)file + names_at + used, kernel_names[i].name);
        used += strlen(kernel_names[i].name) + 1;
    }
    strcpy((char *)file + text_at + BANNER, "Linux version 6.1 (a test)");
    orc_tables(file + text_at, old);
    g_assert_true(g_file_set_contents(path, (char *)file, (gssize)size, NULL));
}

#define SLIDE UINT64_C(0x3000000)

static void orc_walks(const Symbols *s)
{
    const uint64_t base = TEXT + SLIDE;
    UnwindRegs r = regs(&x86_64, base + 0x110, STACK + 0x100, 0x1234);

    memset(stack, 0, sizeof(stack));
    /* f100 called by f200, that interrupted from f300 (all registers saved), there f200, the end. */
    word(STACK + 0x100, 0xabcd);
    word(STACK + 0x108, base + 0x210);
    word(STACK + 0x110, base + 0x300 + 1);          /* f300's call of f200 */
    word(STACK + 0x118 + 16 * 8, base + 0x200);     /* interrupted at the start of f200 */
    word(STACK + 0x118 + 19 * 8, STACK + 0x400);
    word(STACK + 0x400, base + 0x401);              /* called from f400 */
    word(STACK + 0x408, CODE);                      /* an interrupt's frame: user space */
    word(STACK + 0x408 + 24, 0x7000);
    CHECK(s, &x86_64, r, "nothing tells who called the code at 0x400000", base + 0x110,
          base + 0x210, base + 0x301, base + 0x200, base + 0x401, CODE);
    /* From an interrupt on another stack, at the start of the kernel: there it ends. */
    word(STACK + 0x408, base + 0x10);
    word(STACK + 0x408 + 24, STACK + 0x50);
    CHECK(s, &x86_64, r, NULL, base + 0x110, base + 0x210, base + 0x301, base + 0x200,
          base + 0x401, base + 0x10);
    /* For ever the same frame. */
    word(STACK + 0x408, base + 0x401);
    word(STACK + 0x408 + 24, STACK + 0x408);
    CHECK(s, &x86_64, r, "is not above", base + 0x110, base + 0x210, base + 0x301, base + 0x200,
          base + 0x401);
    /* A stack switch through the word that the stack pointer names. */
    word(STACK + 0x200, STACK + 0x600);
    word(STACK + 0x600, base + 0x20);
    CHECK(s, &x86_64, regs(&x86_64, base + 0x510, STACK + 0x200, 0), NULL, base + 0x510,
          base + 0x20);
    CHECK(s, &x86_64, regs(&x86_64, base + 0x510, 0, 0), "cannot be read", base + 0x510);
    CHECK(s, &x86_64, regs(&x86_64, base + 0x610, STACK, 0), "base register 12", base + 0x610);
    /* Outside the image, in a module: frame pointers would lead astray. */
    CHECK(s, &x86_64, regs(&x86_64, UINT64_C(0xffffffffc0000000), STACK, STACK + 0x40),
          "nothing tells", UINT64_C(0xffffffffc0000000));
}

static void test_orc(void)
{
    g_autofree char *dir = g_dir_make_tmp("unwind-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "vmlinux", NULL);
    GError *err = NULL;

    for (unsigned old = 0; old < 2; old++) {
        Symbols *s = symbols_new();

        kernel_write(path, old);
        symbols_load(s, path, &err);
        g_assert_no_error(err);
        symbols_set_slide(s, (int64_t)SLIDE);
        orc_walks(s);
        symbols_free(s);
    }
    g_unlink(path);
    g_rmdir(dir);
}

/* Random registers and stacks: an answer, whatever it is. */
static void test_nonsense(void)
{
    g_autofree char *dir = g_dir_make_tmp("unwind-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "vmlinux", NULL);
    Symbols *s = symbols_new();

    kernel_write(path, true);
    g_assert_true(symbols_load(s, path, NULL));
    for (unsigned i = 0; i < 20000; i++) {
        UnwindRegs r = { .known = g_test_rand_int_range(0, 4) ? UINT64_MAX : 0x100c0 };
        UnwindFrame out[FRAMES];
        unsigned n;

        for (unsigned k = 0; k < UNWIND_REGS; k++) {
            r.v[k] = g_test_rand_int_range(0, 2) ? STACK + (unsigned)g_test_rand_int_range(0, 4096)
                                                 : (uint64_t)g_test_rand_int() << 32;
        }
        r.v[16] = TEXT + (unsigned)g_test_rand_int_range(0, 0x700);
        for (unsigned k = 0; k < STACK_BYTES; k += 8) {
            word(STACK + k, g_test_rand_int_range(0, 2)
                            ? TEXT + (unsigned)g_test_rand_int_range(0, 0x700)
                            : STACK + (unsigned)g_test_rand_int_range(0, 4096));
        }
        n = symbols_backtrace(s, &x86_64, &r, read_stack, NULL, out, FRAMES, NULL);
        g_assert_true(n >= 1 && n <= FRAMES);
    }
    symbols_free(s);
    g_unlink(path);
    g_rmdir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/unwind/chain", test_chain);
    g_test_add_func("/unwind/broken-chain", test_broken_chain);
    g_test_add_func("/unwind/narrow", test_narrow);
    g_test_add_func("/unwind/orc", test_orc);
    g_test_add_func("/unwind/nonsense", test_nonsense);
    return g_test_run();
}
