/* How values, memory and instructions are shown.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "monitor/monitor_int.h"
#include "util/error.h"

#define LINE_BYTES 16
#define STRING_MAX 200
#define COUNT_MAX 100000

/* ---- addresses ---- */

void put_symbol(Monitor *m, uint64_t at, GString *out)
{
    g_autoptr(GString) name = g_string_new(NULL);

    if (symbols_format(m->host->symbols, at, name)) {
        g_string_append_printf(out, " <%s>", name->str);
    }
}

void put_address(Monitor *m, uint64_t at, GString *out)
{
    g_string_append_printf(out, "0x%016" PRIx64, at);
    put_symbol(m, at, out);
}

/* ---- values ---- */

static void put_binary(uint64_t v, unsigned bits, GString *out)
{
    while (bits > 1 && !(v >> (bits - 1) & 1)) {
        bits--;
    }
    while (bits--) {
        g_string_append_c(out, v >> bits & 1 ? '1' : '0');
    }
}

static void put_char(uint64_t v, GString *out)
{
    uint8_t ch = (uint8_t)v;

    g_string_append_printf(out, "%u '", ch);
    if (ch == '\'' || ch == '\\') {
        g_string_append_printf(out, "\\%c", ch);
    } else if (g_ascii_isprint(ch)) {
        g_string_append_c(out, (char)ch);
    } else {
        g_string_append_printf(out, "\\%03o", ch);
    }
    g_string_append_c(out, '\'');
}

static void put_float(uint64_t v, unsigned size, GString *out)
{
    float f;
    double d;

    if (size == 4) {
        uint32_t bits = (uint32_t)v;

        memcpy(&f, &bits, 4);
        d = (double)f;
    } else {
        memcpy(&d, &v, 8);
    }
    g_string_append_printf(out, "%.*g", size == 4 ? 9 : 17, d);
}

static int64_t as_signed(uint64_t v, unsigned size)
{
    unsigned gone = 64 - size * 8;

    return (int64_t)(v << gone) >> gone;
}

void format_value(Monitor *m, const Format *f, uint64_t v, GString *out)
{
    unsigned size = f->size ? f->size : 8;

    v = size < 8 ? v & ((UINT64_C(1) << size * 8) - 1) : v;
    switch (f->letter) {
    case 'd': g_string_append_printf(out, "%" PRId64, as_signed(v, size)); break;
    case 'u': g_string_append_printf(out, "%" PRIu64, v); break;
    case 'o': g_string_append_printf(out, "0%" PRIo64, v); break;
    case 't': put_binary(v, size * 8, out); break;
    case 'a': put_address(m, v, out); break;
    case 'c': put_char(v, out); break;
    case 'f': put_float(v, size, out); break;
    case 'z': g_string_append_printf(out, "0x%0*" PRIx64, (int)size * 2, v); break;
    default: g_string_append_printf(out, "0x%" PRIx64, v); break;
    }
}

/* ---- instructions ---- */

/* The first address in an instruction's text that has a name. */
static void put_operand_symbol(Monitor *m, const char *text, GString *out)
{
    for (const char *p = strstr(text, "0x"); p; p = strstr(p + 2, "0x")) {
        gsize before = out->len;

        put_symbol(m, g_ascii_strtoull(p, NULL, 16), out);
        if (out->len > before) {
            return;
        }
    }
}

unsigned put_instruction(Monitor *m, AddrKind kind, uint64_t at, GString *out)
{
    g_autoptr(GString) text = g_string_new(NULL);
    DebugInsn insn;

    if (!debug_disassemble(m->debug, m->cpu, kind, at, &insn, text)) {
        return 0;
    }
    g_string_append(out, insn.valid ? text->str : "(bad)");
    put_operand_symbol(m, text->str, out);
    return insn.len;
}

static bool unreadable(AddrKind kind, uint64_t at, GError **errp)
{
    return error_set(errp, FAILED, "cannot read memory at %s address 0x%" PRIx64,
                     kind == ADDR_PHYS ? "physical" : "virtual", at);
}

static bool show_instructions(Monitor *m, const Format *f, AddrKind kind, uint64_t *at,
                              GString *out, GError **errp)
{
    for (uint64_t i = 0; i < f->count; i++) {
        g_autoptr(GString) text = g_string_new(NULL);
        unsigned len = put_instruction(m, kind, *at, text);

        if (!len) {
            return unreadable(kind, *at, errp);
        }
        put_address(m, *at, out);
        g_string_append_printf(out, ":  %s\n", text->str);
        *at += len;
    }
    return true;
}

/* ---- strings ---- */

static void put_string_char(uint8_t ch, GString *out)
{
    if (ch == '"' || ch == '\\') {
        g_string_append_c(out, '\\');
    }
    if (g_ascii_isprint(ch)) {
        g_string_append_c(out, (char)ch);
    } else if (ch == '\n') {
        g_string_append(out, "\\n");
    } else {
        g_string_append_printf(out, "\\%03o", ch);
    }
}

static bool show_strings(Monitor *m, const Format *f, AddrKind kind, uint64_t *at, GString *out,
                         GError **errp)
{
    for (uint64_t i = 0; i < f->count; i++) {
        uint8_t buf[STRING_MAX];
        size_t n = debug_read_some(m->debug, m->cpu, kind, *at, buf, sizeof(buf));
        size_t len = strnlen((const char *)buf, n);

        if (n == 0) {
            return unreadable(kind, *at, errp);
        }
        put_address(m, *at, out);
        g_string_append(out, ":  \"");
        for (size_t k = 0; k < len; k++) {
            put_string_char(buf[k], out);
        }
        g_string_append(out, len < n ? "\"\n" : "\"...\n");
        *at += len < n ? len + 1 : len;
    }
    return true;
}

/* ---- numbers ---- */

static uint64_t load(const Monitor *m, const uint8_t *b, unsigned size)
{
    bool big = debug_vm(m->debug)->cpus[m->cpu]->class->big_endian;
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++) {
        v = v << 8 | b[big ? i : size - 1 - i];
    }
    return v;
}

static unsigned per_line(const Format *f)
{
    if (f->letter == 'a') {
        return 1;
    }
    return f->letter == 't' || f->letter == 'c' ? 8 / f->size ? 8 / f->size : 1
                                               : LINE_BYTES / f->size;
}

static bool show_numbers(Monitor *m, const Format *f, AddrKind kind, uint64_t *at, GString *out,
                         GError **errp)
{
    unsigned line = per_line(f);
    Format column = *f;

    column.letter = f->letter == 'x' ? 'z' : f->letter;     /* columns of one width */
    for (uint64_t done = 0; done < f->count;) {
        unsigned n = (unsigned)MIN(f->count - done, line);
        uint8_t buf[64];
        size_t got = debug_read_some(m->debug, m->cpu, kind, *at, buf, n * f->size);
        unsigned whole = (unsigned)(got / f->size);

        if (whole) {
            put_address(m, *at, out);
            g_string_append_c(out, ':');
        }
        for (unsigned i = 0; i < whole; i++) {
            g_string_append_c(out, ' ');
            format_value(m, &column, load(m, buf + i * f->size, f->size), out);
        }
        g_string_append(out, whole ? "\n" : "");
        *at += whole * f->size;
        done += whole;
        if (whole < n) {
            return unreadable(kind, *at, errp);
        }
    }
    return true;
}

bool format_memory(Monitor *m, const Format *f, AddrKind kind, uint64_t *at, GString *out,
                   GError **errp)
{
    if (f->count > COUNT_MAX) {
        return error_set(errp, INVALID, "%" PRIu64 " values are too many (%u at most)", f->count,
                         COUNT_MAX);
    }
    switch (f->letter) {
    case 'i': return show_instructions(m, f, kind, at, out, errp);
    case 's': return show_strings(m, f, kind, at, out, errp);
    default: return show_numbers(m, f, kind, at, out, errp);
    }
}
