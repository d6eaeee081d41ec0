/* The table of names: what is loaded, and the questions it answers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/symbols_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols/unwind_int.h"
#include "util/error.h"

#define HEAD_BYTES 0x210u           /* enough to tell what a file is */
#define TEXT_LIMIT (256u << 20)
#define IMAGE_LIMIT (1u << 30)
#define CHUNK (1u << 20)
#define NAMES_LIMIT (512u << 20)

/* ---- life ---- */

static void kernel_free(SymKernel *k)
{
    if (k) {
        g_array_unref(k->entries);
        g_free(k->modules);
        g_free(k);
    }
}

void sym_file_free(void *opaque)
{
    SymFile *f = opaque;

    sym_cfi_free(f->cfi);
    sym_orc_free(f->orc);
    kernel_free(f->kernel);
    g_array_unref(f->symbols);
    g_byte_array_unref(f->names);
    g_free(f->path);
    g_free(f);
}

SymFile *sym_file_new(const char *path)
{
    SymFile *f = g_new0(SymFile, 1);

    f->path = g_strdup(path);
    f->symbols = g_array_new(FALSE, FALSE, sizeof(Symbol));
    f->names = g_byte_array_new();
    return f;
}

Symbols *symbols_new(void)
{
    Symbols *s = g_new0(Symbols, 1);

    s->files = g_ptr_array_new_with_free_func(sym_file_free);
    sym_tables_build(s);
    return s;
}

void symbols_free(Symbols *s)
{
    if (!s) {
        return;
    }
    sym_tables_clear(s);
    g_ptr_array_unref(s->files);
    g_free(s);
}

void symbols_clear(Symbols *s)
{
    g_ptr_array_set_size(s->files, 0);
    s->slide = 0;
    sym_tables_build(s);
}

/* ---- filling ---- */

bool sym_file_error(const SymFile *f, GError **errp, const char *fmt, ...)
{
    va_list ap;
    g_autofree char *text = NULL;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return error_set(errp, INVALID, "symbol file '%s' %s", f->path, text);
}

/* Names go to terminals and into JSON: nothing but printable text stays in them. */
static void make_harmless(char *name, size_t len)
{
    bool high = false;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];

        high |= c >= 0x80;
        if (c < 0x20 || c == 0x7f) {
            name[i] = '?';
        }
    }
    if (high && !g_utf8_validate(name, (gssize)len, NULL)) {
        for (size_t i = 0; i < len; i++) {
            if ((unsigned char)name[i] >= 0x80) {
                name[i] = '?';
            }
        }
    }
}

void sym_file_add(SymFile *f, const char *name, size_t len, Symbol row)
{
    guint at = f->names->len;

    len = MIN(len, SYM_NAME_LIMIT);
    if (!len || at > NAMES_LIMIT - SYM_NAME_LIMIT - 1) {
        return;
    }
    g_byte_array_append(f->names, (const uint8_t *)name, (guint)len);
    make_harmless((char *)f->names->data + at, len);
    g_byte_array_append(f->names, (const uint8_t *)"", 1);
    row.name = GUINT_TO_POINTER(at);
    row.order = f->symbols->len;
    row.addr += f->bias;
    if (row.limit) {
        row.limit += f->bias;
    }
    g_array_append_val(f->symbols, row);
}

const Symbol *sym_file_find(const SymFile *f, const char *name)
{
    for (guint i = 0; i < f->symbols->len; i++) {
        const Symbol *sym = &g_array_index(f->symbols, Symbol, i);
        const char *text = (const char *)f->names->data + GPOINTER_TO_UINT(sym->name);

        if (!strcmp(text, name)) {
            return sym;
        }
    }
    return NULL;
}

static int by_address(const void *a, const void *b)
{
    const Symbol *x = *(const Symbol *const *)a, *y = *(const Symbol *const *)b;

    return x->addr < y->addr ? -1 : x->addr > y->addr;
}

void sym_sizes_by_next(SymFile *f, guint from)
{
    g_autoptr(GPtrArray) order = g_ptr_array_new();
    bool sorted = true;
    uint64_t next = 0, at = 0;

    for (guint i = from; i < f->symbols->len; i++) {
        Symbol *sym = &g_array_index(f->symbols, Symbol, i);

        if (sym->shown) {
            sorted &= at <= sym->addr;
            at = sym->addr;
            g_ptr_array_add(order, sym);
        }
    }
    if (!sorted) {
        qsort(order->pdata, order->len, sizeof(order->pdata[0]), by_address);
    }
    for (guint i = order->len; i-- > 0;) {
        Symbol *sym = order->pdata[i];

        if (i + 1 < order->len && ((Symbol *)order->pdata[i + 1])->addr != sym->addr) {
            next = ((Symbol *)order->pdata[i + 1])->addr;
        }
        sym->size = next ? next - sym->addr : 0;
    }
}

/* Offsets become pointers. */
void sym_file_seal(SymFile *f)
{
    for (guint i = 0; i < f->symbols->len; i++) {
        Symbol *sym = &g_array_index(f->symbols, Symbol, i);

        sym->name = (const char *)f->names->data + GPOINTER_TO_UINT(sym->name);
    }
}

/* ---- reading files ---- */

/* Files of /proc have no size, so all are read to their end. */
static GBytes *read_all(const SymFile *f, int fd, size_t limit, GError **errp)
{
    g_autoptr(GByteArray) b = g_byte_array_new();
    ssize_t n;

    if (lseek(fd, 0, SEEK_SET) < 0) {
        sym_file_error(f, errp, "cannot be read: %s", g_strerror(errno));
        return NULL;
    }
    do {
        guint at = b->len;

        g_byte_array_set_size(b, at + CHUNK);
        n = read(fd, b->data + at, CHUNK);
        if (n < 0) {
            g_byte_array_set_size(b, at);
            if (errno == EINTR) {
                n = 1;
                continue;
            }
            sym_file_error(f, errp, "cannot be read: %s", g_strerror(errno));
            return NULL;
        }
        g_byte_array_set_size(b, at + (guint)n);
        if (b->len > limit) {
            sym_file_error(f, errp, "is longer than %zu MiB", limit >> 20);
            return NULL;
        }
    } while (n > 0);
    return g_byte_array_free_to_bytes(g_steal_pointer(&b));
}

static int file_open(const SymFile *f, GError **errp)
{
    int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        error_set(errp, FAILED, "symbol file '%s' cannot be opened: %s", f->path,
                  g_strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        sym_file_error(f, errp, "is not a regular file");
    } else {
        return fd;
    }
    if (fd >= 0) {
        close(fd);
    }
    return -1;
}

static bool load_image(SymFile *f, int fd, GError **errp)
{
    g_autoptr(GBytes) all = read_all(f, fd, IMAGE_LIMIT, errp);

    return all && sym_image_load(f, all, errp);
}

static bool load_map(SymFile *f, int fd, GError **errp)
{
    g_autoptr(GBytes) all = read_all(f, fd, TEXT_LIMIT, errp);

    return all && sym_map_load(f, all, errp);
}

static bool load_elf(SymFile *f, int fd, GError **errp)
{
    if (!sym_elf_load(f, fd, errp)) {
        return false;
    }
    return f->symbols->len || f->cfi || load_image(f, fd, errp);
}

typedef struct FileKind {
    unsigned at;
    const char *magic;
    unsigned len;
    bool (*load)(SymFile *f, int fd, GError **errp);
} FileKind;

static const FileKind kinds[] = {
    { 0, "\177ELF", 4, load_elf },
    { 0x202, "HdrS", 4, load_image },
};

static bool load_any(SymFile *f, int fd, GError **errp)
{
    uint8_t head[HEAD_BYTES] = { 0 };
    ssize_t n = pread(fd, head, sizeof(head), 0);

    if (n <= 0) {
        return n < 0 ? sym_file_error(f, errp, "cannot be read: %s", g_strerror(errno))
                     : sym_file_error(f, errp, "is empty");
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        const FileKind *k = &kinds[i];

        if ((size_t)n >= k->at + k->len && !memcmp(head + k->at, k->magic, k->len)) {
            return k->load(f, fd, errp);
        }
    }
    if (g_ascii_isxdigit(head[0])) {
        return load_map(f, fd, errp);
    }
    return sym_file_error(f, errp, "is neither an ELF file nor a System.map nor a Linux image");
}

static bool load(Symbols *s, SymFile *f, GError **errp)
{
    int fd = file_open(f, errp);
    bool ok = fd >= 0 && load_any(f, fd, errp);

    if (fd >= 0) {
        close(fd);
    }
    if (!ok) {
        sym_file_free(f);
        return false;
    }
    sym_file_seal(f);
    g_ptr_array_add(s->files, f);
    sym_tables_build(s);
    return true;
}

bool symbols_load(Symbols *s, const char *path, GError **errp)
{
    return load(s, sym_file_new(path), errp);
}

bool symbols_load_at(Symbols *s, const char *path, vaddr_t at, GError **errp)
{
    SymFile *f = sym_file_new(path);

    f->biased = true;
    f->bias = at;
    return load(s, f, errp);
}

/* ---- questions ---- */

unsigned symbols_count(const Symbols *s)
{
    unsigned n = 0;

    for (guint i = 0; i < s->files->len; i++) {
        n += ((const SymFile *)g_ptr_array_index(s->files, i))->symbols->len;
    }
    return n;
}

void symbols_describe(const Symbols *s, GString *out)
{
    for (guint i = 0; i < s->files->len; i++) {
        const SymFile *f = g_ptr_array_index(s->files, i);

        g_string_append_printf(out, "%s: %s, %u names", f->path, f->kind, f->symbols->len);
        if (f->biased) {
            g_string_append_printf(out, ", at 0x%" PRIx64, f->bias);
        }
        g_string_append(out, f->orc ? ", ORC unwind tables\n"
                             : f->cfi ? ", DWARF unwind tables\n" : "\n");
    }
}

void symbols_set_slide(Symbols *s, int64_t slide)
{
    s->slide = slide;
}

int64_t symbols_slide(const Symbols *s)
{
    return s->slide;
}

bool symbols_find(const Symbols *s, const char *name, vaddr_t *addr, uint64_t *size)
{
    const Symbol *sym = g_hash_table_lookup(s->by_name, name);

    if (!sym) {
        return false;
    }
    *addr = sym->addr + (sym->moves ? (uint64_t)s->slide : 0);
    if (size) {
        *size = sym->size;
    }
    return true;
}

const char *symbols_at(const Symbols *s, vaddr_t addr, uint64_t *offset)
{
    uint64_t linked = addr - (uint64_t)s->slide;
    const SymRange *r = sym_range_find(s->moving, linked);

    if (!r) {
        linked = addr;
        r = sym_range_find(s->fixed, linked);
    }
    if (!r) {
        return NULL;
    }
    *offset = linked - r->sym->addr;
    return r->sym->name;
}

bool symbols_format(const Symbols *s, vaddr_t addr, GString *out)
{
    uint64_t offset;
    const char *name = symbols_at(s, addr, &offset);

    if (!name) {
        return false;
    }
    g_string_append(out, name);
    if (offset) {
        g_string_append_printf(out, "+0x%" PRIx64, offset);
    }
    return true;
}

void symbols_complete(const Symbols *s, const char *prefix,
                      bool (*fn)(void *opaque, const char *name), void *opaque)
{
    size_t len = strlen(prefix);
    guint low = 0, high = s->sorted->len;

    while (low < high) {
        guint mid = low + (high - low) / 2;

        if (strcmp(s->sorted->pdata[mid], prefix) < 0) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    for (; low < s->sorted->len; low++) {
        const char *name = s->sorted->pdata[low];

        if (strncmp(name, prefix, len) || !fn(opaque, name)) {
            return;
        }
    }
}
