/* Reading a command's arguments.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "monitor/monitor_int.h"
#include "util/error.h"
#include "util/keyval.h"

static void skip_blanks(Args *a)
{
    while (g_ascii_isspace(*a->p)) {
        a->p++;
    }
}

bool args_end(Args *a)
{
    skip_blanks(a);
    return !*a->p;
}

bool args_done(Args *a, GError **errp)
{
    return args_end(a) || error_set(errp, INVALID, "what is '%s' for?", a->p);
}

char *args_word(Args *a)
{
    const char *from;
    GString *word;

    if (args_end(a)) {
        return NULL;
    }
    if (*a->p != '"') {
        for (from = a->p; *a->p && !g_ascii_isspace(*a->p); a->p++) {
        }
        return g_strndup(from, (gsize)(a->p - from));
    }
    word = g_string_new(NULL);
    for (a->p++; *a->p && *a->p != '"'; a->p++) {
        if (*a->p == '\\' && a->p[1]) {
            a->p++;
        }
        g_string_append_c(word, *a->p);
    }
    a->p += *a->p == '"';
    return g_string_free(word, FALSE);
}

bool args_take(Args *a, const char *word)
{
    size_t n = strlen(word);

    skip_blanks(a);
    if (strncmp(a->p, word, n) || (a->p[n] && !g_ascii_isspace(a->p[n]))) {
        return false;
    }
    a->p += n;
    return true;
}

char *args_need(Args *a, const char *what, GError **errp)
{
    char *word = args_word(a);

    if (!word) {
        error_set(errp, INVALID, "%s is missing", what);
    }
    return word;
}

void args_scope(const Monitor *m, ExprScope *scope)
{
    *scope = (ExprScope){
        .regs = debug_client_regs(m->client),
        .symbols = m->host->symbols,
    };
}

GBytes *args_code(Args *a, const char *what, GError **errp)
{
    ExprScope scope;
    GBytes *code;

    if (args_end(a)) {
        error_set(errp, INVALID, "%s is missing", what);
        return NULL;
    }
    args_scope(a->m, &scope);
    scope.apart = a->apart;
    code = expr_compile(&scope, &a->p, errp);
    if (!code) {
        g_prefix_error(errp, "%s: ", what);
        return NULL;
    }
    if (*a->p == ',') {
        a->p++;
    }
    return code;
}

bool args_value(Args *a, const char *what, uint64_t *value, GError **errp)
{
    g_autoptr(GBytes) code = args_code(a, what, errp);

    if (!code) {
        return false;
    }
    if (!debug_eval(a->m->client, a->m->cpu, code, value, errp)) {
        g_prefix_error(errp, "%s: ", what);
        return false;
    }
    return true;
}

bool args_value_opt(Args *a, const char *what, uint64_t *value, GError **errp)
{
    return args_end(a) || args_value(a, what, value, errp);
}

bool args_format(Args *a, Format *f, GError **errp)
{
    static const char letters[] = "xduotcaiszf", sizes[] = "bhwg";
    const char *size;

    if (*a->p != '/') {
        return true;
    }
    a->p++;
    if (g_ascii_isdigit(*a->p)) {
        char *end;

        f->count = g_ascii_strtoull(a->p, &end, 10);
        a->p = end;
    }
    for (; *a->p && !g_ascii_isspace(*a->p); a->p++) {
        if ((size = strchr(sizes, *a->p))) {
            f->size = 1u << (size - sizes);
        } else if (strchr(letters, *a->p)) {
            f->letter = *a->p;
        } else {
            return error_set(errp, INVALID, "format: '%c' is none of the formats %s and sizes %s",
                             *a->p, letters, sizes);
        }
    }
    return true;
}

bool args_cpu(Args *a, unsigned *cpu, GError **errp)
{
    unsigned n = debug_vm(a->m->debug)->ncpus;
    g_autofree char *word = NULL;
    uint64_t v;

    skip_blanks(a);
    if (!g_str_has_prefix(a->p, "cpu=")) {
        return true;
    }
    word = args_word(a);
    if (!parse_uint(word + strlen("cpu="), UINT32_MAX, &v, errp)) {
        return false;
    }
    if (v >= n) {
        return error_set(errp, NOT_FOUND, "there is no CPU %u (0 to %u)", (unsigned)v, n - 1);
    }
    *cpu = (unsigned)v;
    return true;
}
