/* System.map, and /proc/kallsyms, which has the same lines and modules behind.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/symbols_int.h"

#include <string.h>

#include "util/error.h"

/* One line: "ffffffff81000000 T _text", perhaps with "\t[module]". */
typedef struct MapLine {
    uint64_t addr;
    char type;
    const char *name, *module;      /* module: NULL, or the text in the brackets */
    size_t name_len, module_len;
} MapLine;

/* Cuts the next word off [*p, end). */
static size_t word(const char **p, const char *end, const char **start)
{
    while (*p < end && (**p == ' ' || **p == '\t')) {
        (*p)++;
    }
    *start = *p;
    while (*p < end && **p != ' ' && **p != '\t') {
        (*p)++;
    }
    return (size_t)(*p - *start);
}

static bool parse_hex(const char *p, size_t len, uint64_t *value)
{
    *value = 0;
    if (!len || len > 16) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = g_ascii_xdigit_value(p[i]);

        if (digit < 0) {
            return false;
        }
        *value = *value << 4 | (unsigned)digit;
    }
    return true;
}

static bool parse_line(const char *p, const char *end, MapLine *out)
{
    const char *text;
    size_t len = word(&p, end, &text);

    if (!parse_hex(text, len, &out->addr) || word(&p, end, &text) != 1) {
        return false;
    }
    out->type = *text;
    out->name_len = word(&p, end, &out->name);
    out->module_len = word(&p, end, &out->module);
    if (!out->module_len) {
        out->module = NULL;
    } else if (out->module_len < 3 || out->module[0] != '[' ||
               out->module[out->module_len - 1] != ']') {
        return false;
    }
    return out->name_len && g_ascii_isalpha(out->type) && word(&p, end, &text) == 0;
}

static bool same_module(const MapLine *a, const MapLine *b)
{
    return a->module_len == b->module_len &&
           (!a->module_len || !memcmp(a->module, b->module, a->module_len));
}

/* Debian ships a file of one line that says where the real one is. */
static bool malformed(const SymFile *f, const char *line, const char *end, unsigned number,
                      GError **errp)
{
    const char *p = line, *text;
    g_autofree char *words = NULL;
    uint64_t addr;
    size_t len;

    if (number == 1 && f->symbols->len == 0) {
        len = word(&p, end, &text);
        if (parse_hex(text, len, &addr) && word(&p, end, &text) == 1 && word(&p, end, &text)) {
            words = g_strndup(text, (gsize)MIN(end - text, 200));
            for (char *c = words; *c; c++) {
                *c = *c < 0x20 || *c == 0x7f ? '?' : *c;
            }
            if (g_utf8_validate(words, -1, NULL)) {
                return sym_file_error(f, errp, "holds no symbols, it only says '%s'", words);
            }
        }
    }
    return sym_file_error(f, errp, "is no System.map: line %u is not 'ADDRESS TYPE NAME'", number);
}

/* Addresses of a 64-bit kernel lie in the upper half; what lies below is per-CPU or a number. */
static Symbol map_row(const MapLine *l, bool high)
{
    return (Symbol){
        .addr = l->addr,
        .bind = g_ascii_isupper(l->type) ? SYM_GLOBAL : SYM_LOCAL,
        .moves = !high || l->addr >> 63,
        .shown = (!high || l->addr >> 63) && (l->type != 'a' && l->type != 'A'),
    };
}

static bool map_line(SymFile *f, const char *p, const char *end, bool high, MapLine *before,
                     guint *group)
{
    MapLine l = { 0 };

    if (!parse_line(p, end, &l)) {
        return false;
    }
    if (!same_module(&l, before)) {
        sym_sizes_by_next(f, *group);
        *group = f->symbols->len;
    }
    *before = l;
    sym_file_add(f, l.name, l.name_len, map_row(&l, high));
    return true;
}

static const char *line_end(const char *p, const char *end)
{
    const char *nl = memchr(p, '\n', (size_t)(end - p));

    return nl ? nl : end;
}

/* Whether any line's address is in the upper half of 64 bits, and whether all are zero. */
static void survey(const char *p, const char *end, bool *high, bool *zero)
{
    *high = false;
    *zero = true;
    while (p < end) {
        const char *nl = line_end(p, end);
        MapLine l;

        if (parse_line(p, nl, &l)) {
            *high |= l.addr >> 63;
            *zero &= l.addr == 0;
        }
        p = nl + 1;
    }
}

static void find_kernel(SymFile *f)
{
    const Symbol *banner = sym_file_find(f, "linux_banner");
    const Symbol *text = sym_file_find(f, "_text"), *end = sym_file_find(f, "_end");

    if (banner && banner->shown && text && end && end->addr > text->addr && text->addr >> 63) {
        f->kernel = g_new0(SymKernel, 1);
        f->kernel->entries = g_array_new(FALSE, FALSE, sizeof(SymEntry));
        f->kernel->banner = banner->addr;
        f->kernel->banner_len = strlen(SYM_BANNER);
        memcpy(f->kernel->banner_text, SYM_BANNER, strlen(SYM_BANNER));
        f->kernel->low = f->kernel->text = text->addr;
        f->kernel->high = f->kernel->text_end = end->addr;
    }
}

bool sym_map_load(SymFile *f, GBytes *text, GError **errp)
{
    gsize len;
    const char *p = g_bytes_get_data(text, &len), *end = p + len;
    MapLine before = { 0 };
    unsigned number = 0;
    guint group = 0;
    bool high, zero;

    f->kind = "System.map";
    survey(p, end, &high, &zero);
    while (p < end) {
        const char *nl = line_end(p, end), *stop = nl;

        if (stop > p && stop[-1] == '\r') {
            stop--;
        }
        number++;
        if (stop > p && !map_line(f, p, stop, high, &before, &group)) {
            return malformed(f, p, stop, number, errp);
        }
        p = nl + 1;
    }
    if (!f->symbols->len) {
        return sym_file_error(f, errp, "has no symbols");
    }
    if (zero) {
        return sym_file_error(f, errp, "has addresses that are all zero: the kernel shows them to "
                              "root only");
    }
    sym_sizes_by_next(f, group);
    find_kernel(f);
    return true;
}
