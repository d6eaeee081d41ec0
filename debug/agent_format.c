/* printf of agent expressions, and number formats.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "debug/agent_int.h"
#include "util/error.h"

#define STRING_MAX 4096         /* longest guest string that %s prints */

double agent_double_from_x87(uint64_t mantissa, uint16_t sign_exponent)
{
    int exponent = sign_exponent & 0x7fff;
    double d;

    if (exponent == 0x7fff) {
        d = mantissa << 1 ? (double)NAN : (double)INFINITY;
    } else {
        d = ldexp((double)mantissa, (exponent ? exponent : 1) - 16383 - 63);
    }
    return sign_exponent & 0x8000 ? -d : d;
}

typedef struct Format {
    const char *p;
    const uint64_t *args;
    unsigned nargs, used;
    bool (*read)(void *opaque, vaddr_t at, void *buf, size_t len);
    void *opaque;
    GString *out;
    GError **errp;
} Format;

static const struct { char name, value; } escapes[] = {
    { 'a', '\a' }, { 'b', '\b' }, { 'e', 27 }, { 'f', '\f' }, { 'n', '\n' }, { 'r', '\r' },
    { 't', '\t' }, { 'v', '\v' }, { '\\', '\\' }, { '"', '"' }, { '\'', '\'' }, { '?', '?' },
};

/* p points behind the backslash. */
static bool format_escape(Format *f)
{
    unsigned value = 0, n = 0;

    for (; n < 3 && *f->p >= '0' && *f->p <= '7'; n++) {
        value = value * 8 + (unsigned)(*f->p++ - '0');
    }
    if (n) {
        g_string_append_c(f->out, (char)value);
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(escapes); i++) {
        if (*f->p == escapes[i].name) {
            g_string_append_c(f->out, escapes[i].value);
            f->p++;
            return true;
        }
    }
    return error_set(f->errp, INVALID, "format: unknown escape \\%c", *f->p);
}

/* One conversion, cut into its parts. */
typedef struct Conversion {
    char spec[40];              /* "%-08" */
    int bits;                   /* of an integer argument */
    char type;
} Conversion;

static bool format_next_arg(Format *f, uint64_t *arg)
{
    if (f->used == f->nargs) {
        return error_set(f->errp, INVALID, "format: too few arguments");
    }
    *arg = f->args[f->used++];
    return true;
}

static void copy_while(Format *f, const char *set, char *spec, size_t *n, size_t max)
{
    while (*f->p && strchr(set, *f->p) && *n < max) {
        spec[(*n)++] = *f->p++;
    }
}

static int length_bits(Format *f)
{
    static const struct { const char *name; int bits; } lengths[] = {
        { "hh", 8 }, { "h", 16 }, { "ll", 64 }, { "l", 64 }, { "j", 64 }, { "z", 64 },
        { "t", 64 }, { "q", 64 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
        if (g_str_has_prefix(f->p, lengths[i].name)) {
            f->p += strlen(lengths[i].name);
            return lengths[i].bits;
        }
    }
    return 32;
}

static bool format_parse(Format *f, Conversion *c)
{
    size_t n = 0;

    c->spec[n++] = '%';
    copy_while(f, "-+ #0'", c->spec, &n, 8);
    copy_while(f, "0123456789", c->spec, &n, 12);
    if (*f->p == '.') {
        c->spec[n++] = *f->p++;
        copy_while(f, "0123456789", c->spec, &n, 17);
    }
    c->spec[n] = '\0';
    c->bits = length_bits(f);
    c->type = *f->p;
    if (!c->type || !strchr("diuoxXcsp", c->type)) {
        return error_set(f->errp, INVALID, "format: unknown conversion %%%c",
                         c->type ? c->type : ' ');
    }
    f->p++;
    return true;
}

/* Width and precision come from a client: kept small enough to be harmless. */
static bool conversion_is_sane(const Conversion *c)
{
    const char *p = c->spec + strspn(c->spec, "%-+ #0'");
    const char *dot = strchr(p, '.');

    return strtoul(p, NULL, 10) <= 1000 && (!dot || strtoul(dot + 1, NULL, 10) <= 1000);
}

static bool guest_string(Format *f, vaddr_t at, GString *s)
{
    char ch;

    while (s->len < STRING_MAX) {
        if (!f->read(f->opaque, at + s->len, &ch, 1)) {
            return error_set(f->errp, FAILED, "format: no string at 0x%" PRIx64, at);
        }
        if (!ch) {
            return true;
        }
        g_string_append_c(s, ch);
    }
    return true;
}

/* The format given to the C library is made of parts that were checked one by one. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void print_int(Format *f, const Conversion *c, uint64_t arg)
{
    g_autofree char *spec = NULL;

    if (strchr("di", c->type)) {
        int shift = 64 - c->bits;

        spec = g_strconcat(c->spec, PRId64, NULL);
        g_string_append_printf(f->out, spec, (int64_t)(arg << shift) >> shift);
        return;
    }
    if (c->bits < 64) {
        arg &= (UINT64_C(1) << c->bits) - 1;
    }
    const char *length = c->type == 'u' ? PRIu64 : c->type == 'o' ? PRIo64
                         : c->type == 'x' ? PRIx64 : PRIX64;
    spec = g_strconcat(c->spec, length, NULL);
    g_string_append_printf(f->out, spec, arg);
}

static bool print_string(Format *f, const Conversion *c, uint64_t arg)
{
    g_autofree char *spec = g_strconcat(c->spec, "s", NULL);
    GString *s = g_string_new(NULL);
    bool ok = guest_string(f, arg, s);

    if (ok) {
        g_string_append_printf(f->out, spec, s->str);
    }
    g_string_free(s, TRUE);
    return ok;
}
#pragma GCC diagnostic pop

static bool format_conversion(Format *f)
{
    Conversion c;
    uint64_t arg = 0;

    if (*f->p == '%') {
        g_string_append_c(f->out, *f->p++);
        return true;
    }
    if (!format_parse(f, &c)) {
        return false;
    }
    if (!conversion_is_sane(&c)) {
        return error_set(f->errp, INVALID, "format: width above 1000");
    }
    if (!format_next_arg(f, &arg)) {
        return false;
    }
    switch (c.type) {
    case 'c':
        g_string_append_c(f->out, (char)arg);
        return true;
    case 's':
        return print_string(f, &c, arg);
    case 'p':
        g_string_append_printf(f->out, "0x%" PRIx64, arg);
        return true;
    default:
        print_int(f, &c, arg);
        return true;
    }
}

char *agent_format(const char *format, const uint64_t *args, unsigned nargs,
                   bool (*read)(void *opaque, vaddr_t at, void *buf, size_t len), void *opaque,
                   GError **errp)
{
    Format f = {
        .p = format, .args = args, .nargs = nargs, .read = read, .opaque = opaque,
        .out = g_string_new(NULL), .errp = errp,
    };
    bool ok = true;

    while (ok && *f.p) {
        char ch = *f.p++;

        if (ch == '\\') {
            ok = format_escape(&f);
        } else if (ch == '%') {
            ok = format_conversion(&f);
        } else {
            g_string_append_c(f.out, ch);
        }
    }
    return g_string_free(f.out, !ok);
}
