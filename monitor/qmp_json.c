/* JSON as QMP has it: strict reading, and writing.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_json.h"

#include <errno.h>
#include <string.h>
#include "monitor/qmp_framing.h"
#include "util/error.h"

/* ---- reading ---------------------------------------------------------------------------- */

/* Checks the text by the standard's grammar and makes a copy without white space. */
typedef struct Reader {
    const char *begin, *p, *end;
    GString *out;
    unsigned depth;
    size_t id_at, id_len;       /* the top object's id within out; 0: none */
    GError **errp;
} Reader;

static bool bad(const Reader *r, const char *what)
{
    return error_set(r->errp, INVALID, "this is no JSON: %s at byte %zu", what,
                     (size_t)(r->p - r->begin));
}

static void skip_space(Reader *r)
{
    while (r->p < r->end && strchr(" \t\r\n", *r->p) && *r->p) {
        r->p++;
    }
}

static int peek(const Reader *r)
{
    return r->p < r->end ? (unsigned char)*r->p : -1;
}

/* Copies one character. */
static void take(Reader *r)
{
    g_string_append_c(r->out, *r->p++);
}

static bool accept_char(Reader *r, char c)
{
    if (peek(r) != c) {
        return false;
    }
    take(r);
    return true;
}

/* Four digits behind \u; their value, or -1. */
static int hex4(const Reader *r, const char *p)
{
    int v = 0;

    for (unsigned i = 0; i < 4; i++) {
        if (p + i >= r->end || !g_ascii_isxdigit(p[i])) {
            return -1;
        }
        v = v << 4 | g_ascii_xdigit_value(p[i]);
    }
    return v;
}

static bool read_unicode(Reader *r)
{
    int v = hex4(r, r->p + 1), low;
    unsigned n = 5;

    if (v < 0) {
        return bad(r, "four hexadecimal digits must follow \\u");
    }
    if (v == 0) {
        return bad(r, "character 0 cannot be in a string");
    }
    if (v >= 0xdc00 && v <= 0xdfff) {
        return bad(r, "the second half of a character comes first");
    }
    if (v >= 0xd800 && v <= 0xdbff) {
        low = r->end - r->p > 7 && r->p[5] == '\\' && r->p[6] == 'u' ? hex4(r, r->p + 7) : -1;
        if (low < 0xdc00 || low > 0xdfff) {
            return bad(r, "the second half of a character is missing");
        }
        n = 11;
    }
    while (n--) {
        take(r);
    }
    return true;
}

/* What follows a backslash, which is not copied yet. */
static bool read_escape(Reader *r)
{
    int c;

    r->p++;
    c = peek(r);
    if (c == '\'') {            /* has no need of it in a copy with double quotes */
        take(r);
        return true;
    }
    g_string_append_c(r->out, '\\');
    if (c == 'u') {
        return read_unicode(r);
    }
    if (c <= 0 || !strchr("\"\\/bfnrt", c)) {
        return bad(r, "there is no such escape");
    }
    take(r);
    return true;
}

/* Whatever the quotes, the copy has double ones. */
static bool read_string(Reader *r)
{
    int quote = peek(r), c;

    if (quote != '"' && quote != '\'') {
        return bad(r, "a string is missing");
    }
    r->p++;
    g_string_append_c(r->out, '"');
    while ((c = peek(r)) != quote) {
        if (c < ' ') {
            return bad(r, "a string does not end");
        }
        if (c == '\\') {
            if (!read_escape(r)) {
                return false;
            }
            continue;
        }
        if (c == '"') {
            g_string_append_c(r->out, '\\');
        }
        take(r);
    }
    r->p++;
    g_string_append_c(r->out, '"');
    return true;
}

static bool read_digits(Reader *r)
{
    if (!g_ascii_isdigit(peek(r))) {
        return bad(r, "a digit is missing");
    }
    while (g_ascii_isdigit(peek(r))) {
        take(r);
    }
    return true;
}

/* An integer that 64 bits can't hold becomes floating point. */
static void widen(Reader *r, const char *from)
{
    g_autofree char *text = g_strndup(from, r->p - from);
    bool fits;

    errno = 0;
    if (*text == '-') {
        g_ascii_strtoll(text, NULL, 10);
    } else {
        g_ascii_strtoull(text, NULL, 10);
    }
    fits = errno == 0;
    if (!fits) {
        g_string_append(r->out, "e0");
    }
}

static bool read_number(Reader *r)
{
    const char *from = r->p;
    bool whole = true;

    accept_char(r, '-');
    if (!accept_char(r, '0') && !read_digits(r)) {
        return false;
    }
    if (accept_char(r, '.')) {
        whole = false;
        if (!read_digits(r)) {
            return false;
        }
    }
    if (accept_char(r, 'e') || accept_char(r, 'E')) {
        whole = false;
        if (!accept_char(r, '-')) {
            accept_char(r, '+');
        }
        if (!read_digits(r)) {
            return false;
        }
    }
    if (whole) {
        widen(r, from);
    }
    return true;
}

static bool read_word(Reader *r)
{
    static const char *const words[] = { "true", "false", "null" };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        size_t n = strlen(words[i]);

        if ((size_t)(r->end - r->p) >= n && !memcmp(r->p, words[i], n)) {
            while (n--) {
                take(r);
            }
            return true;
        }
    }
    return bad(r, "a value is missing");
}

static bool read_value(Reader *r);

static bool read_member(Reader *r)
{
    size_t key = r->out->len, value;

    if (!read_string(r)) {
        return false;
    }
    skip_space(r);
    if (!accept_char(r, ':')) {
        return bad(r, "a colon is missing");
    }
    value = r->out->len;
    if (!read_value(r)) {
        return false;
    }
    if (r->depth == 1 && g_str_has_prefix(r->out->str + key, "\"id\":")) {
        r->id_at = value;
        r->id_len = r->out->len - value;
    }
    return true;
}

/* What stands in brackets, each part read by `part`. */
static bool read_list(Reader *r, char close, bool (*part)(Reader *r), const char *wrong)
{
    take(r);
    if (r->depth++ == QMP_DEPTH_MAX) {
        return bad(r, "the value is nested too deeply");
    }
    skip_space(r);
    if (!accept_char(r, close)) {
        do {
            skip_space(r);
            if (!part(r)) {
                return false;
            }
            skip_space(r);
        } while (accept_char(r, ','));
        if (!accept_char(r, close)) {
            return bad(r, wrong);
        }
    }
    r->depth--;
    return true;
}

static bool read_value(Reader *r)
{
    skip_space(r);
    switch (peek(r)) {
    case '{':
        return read_list(r, '}', read_member, "a comma or } is missing");
    case '[':
        return read_list(r, ']', read_value, "a comma or ] is missing");
    case '"':
    case '\'':
        return read_string(r);
    case '-':
    case '0' ... '9':
        return read_number(r);
    default:
        return read_word(r);
    }
}

static bool read_text(Reader *r)
{
    if (!g_utf8_validate(r->begin, r->end - r->begin, NULL)) {
        return error_set(r->errp, INVALID, "this is no JSON: it is not UTF-8");
    }
    if (!read_value(r)) {
        return false;
    }
    skip_space(r);
    return r->p == r->end ? true : bad(r, "something follows the value");
}

JsonNode *qmp_json_parse(const char *text, size_t len, char **id, GError **errp)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    Reader r = {
        .begin = text, .p = text, .end = text + len, .errp = errp,
        .out = g_string_sized_new(len + 16),
    };
    g_autoptr(GString) out = r.out;
    g_autoptr(GError) err = NULL;

    *id = NULL;
    if (!read_text(&r)) {
        return NULL;
    }
    if (!json_parser_load_from_data(parser, out->str, (gssize)out->len, &err)) {
        error_set(errp, INVALID, "this is no JSON: %s", err->message);
        return NULL;
    }
    if (r.id_len) {
        *id = g_strndup(out->str + r.id_at, r.id_len);
    }
    return json_parser_steal_root(parser);
}

/* ---- writing ---------------------------------------------------------------------------- */

void json_out_init(JsonOut *o, bool pretty)
{
    *o = (JsonOut){
        .text = g_string_new(NULL), .open = g_string_new(NULL), .pretty = pretty,
    };
}

void json_out_clear(JsonOut *o)
{
    g_string_free(o->text, TRUE);
    g_string_free(o->open, TRUE);
}

static void new_line(JsonOut *o)
{
    if (o->pretty && o->open->len) {
        g_string_append_printf(o->text, "\n%*s", (int)(4 * o->open->len), "");
    }
}

/* A character of a string; what is not ASCII goes as \u, so that no byte can mean something to
 * whatever carries the stream. */
static void put_char(GString *text, gunichar c)
{
    static const struct {
        char c;
        const char *escape;
    } rows[] = {
        { '"', "\\\"" }, { '\\', "\\\\" }, { '\n', "\\n" }, { '\r', "\\r" }, { '\t', "\\t" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (c == (gunichar)rows[i].c) {
            g_string_append(text, rows[i].escape);
            return;
        }
    }
    if (c >= ' ' && c < 0x7f) {
        g_string_append_c(text, (char)c);
    } else if (c < 0x10000) {
        g_string_append_printf(text, "\\u%04x", c);
    } else {
        c -= 0x10000;
        g_string_append_printf(text, "\\u%04x\\u%04x", 0xd800 + (c >> 10), 0xdc00 + (c & 0x3ff));
    }
}

static void put_string(GString *text, const char *value)
{
    g_autofree char *valid = g_utf8_make_valid(value ? value : "", -1);

    g_string_append_c(text, '"');
    for (const char *p = valid; *p; p = g_utf8_next_char(p)) {
        put_char(text, g_utf8_get_char(p));
    }
    g_string_append_c(text, '"');
}

/* What comes before a value. */
static void begin(JsonOut *o, const char *key)
{
    if (o->some) {
        g_string_append(o->text, o->pretty ? "," : ", ");
    }
    new_line(o);
    if (key) {
        put_string(o->text, key);
        g_string_append(o->text, ": ");
    }
    o->some = true;
}

static void open_with(JsonOut *o, const char *key, char open, char close)
{
    begin(o, key);
    g_string_append_c(o->text, open);
    g_string_append_c(o->open, close);
    o->some = false;
}

void json_out_object(JsonOut *o, const char *key)
{
    open_with(o, key, '{', '}');
}

void json_out_array(JsonOut *o, const char *key)
{
    open_with(o, key, '[', ']');
}

void json_out_end(JsonOut *o)
{
    char close = o->open->str[o->open->len - 1];

    g_string_truncate(o->open, o->open->len - 1);
    if (o->some) {
        if (o->open->len) {
            new_line(o);
        } else if (o->pretty) {
            g_string_append_c(o->text, '\n');
        }
    }
    g_string_append_c(o->text, close);
    o->some = true;
}

void json_out_str(JsonOut *o, const char *key, const char *value)
{
    begin(o, key);
    put_string(o->text, value);
}

void json_out_uint(JsonOut *o, const char *key, uint64_t value)
{
    begin(o, key);
    g_string_append_printf(o->text, "%" G_GUINT64_FORMAT, value);
}

void json_out_int(JsonOut *o, const char *key, int64_t value)
{
    begin(o, key);
    g_string_append_printf(o->text, "%" G_GINT64_FORMAT, value);
}

void json_out_bool(JsonOut *o, const char *key, bool value)
{
    begin(o, key);
    g_string_append(o->text, value ? "true" : "false");
}

void json_out_hex(JsonOut *o, const char *key, const uint8_t *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    begin(o, key);
    g_string_append_c(o->text, '"');
    for (size_t i = 0; i < len; i++) {
        g_string_append_c(o->text, digits[bytes[i] >> 4]);
        g_string_append_c(o->text, digits[bytes[i] & 15]);
    }
    g_string_append_c(o->text, '"');
}

void json_out_raw(JsonOut *o, const char *key, const char *text)
{
    begin(o, key);
    g_string_append(o->text, text);
}
