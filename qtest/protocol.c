/* The commands: a table of names, arguments and handlers, and the reading of a line.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "qtest/qtest_int.h"
#include "util/error.h"
#include "util/keyval.h"

/* What an argument's letter stands for. */
typedef struct ArgKind {
    char letter;
    const char *name;
    bool number;
    uint64_t max;           /* 0: what fits into the command's size */
} ArgKind;

static const ArgKind arg_kinds[] = {
    { 'p', "PORT", true, 0xffff },
    { 'a', "ADDRESS", true, UINT64_MAX },
    { 'v', "VALUE", true, 0 },
    { 'n', "SIZE", true, QTEST_DATA_MAX },
    { 'm', "SIZE", true, QTEST_SET_MAX },
    { 'b', "BYTE", true, 0xff },
    { 'd', "DATA", false, 0 },
    { 't', "NANOSECONDS", true, INT64_MAX },
    { 'u', "MILLISECONDS", true, 3600 * 1000 },
    { 'w', "DEVICE", false, 0 },
    { 'l', "NAME", false, 0 },
    { 'i', "NUMBER", true, UINT32_MAX },
    { 'o', "LEVEL", true, 1 },
    { 'c', "CPU", false, 0 },
};

static const QtestCommand commands[] = {
    { "inb", "p", 1, qtest_cmd_in },
    { "inw", "p", 2, qtest_cmd_in },
    { "inl", "p", 4, qtest_cmd_in },
    { "outb", "pv", 1, qtest_cmd_out },
    { "outw", "pv", 2, qtest_cmd_out },
    { "outl", "pv", 4, qtest_cmd_out },
    { "readb", "a", 1, qtest_cmd_load },
    { "readw", "a", 2, qtest_cmd_load },
    { "readl", "a", 4, qtest_cmd_load },
    { "readq", "a", 8, qtest_cmd_load },
    { "writeb", "av", 1, qtest_cmd_store },
    { "writew", "av", 2, qtest_cmd_store },
    { "writel", "av", 4, qtest_cmd_store },
    { "writeq", "av", 8, qtest_cmd_store },
    { "read", "an", 0, qtest_cmd_read },
    { "write", "and", 0, qtest_cmd_write },
    { "b64read", "an", 0, qtest_cmd_b64read },
    { "b64write", "and", 0, qtest_cmd_b64write },
    { "memset", "amb", 0, qtest_cmd_memset },
    { "endianness", "", 0, qtest_cmd_endianness },
    { "access_as", "c", 0, qtest_cmd_access_as },
    { "clock_step", "?t", 0, qtest_cmd_clock_step },
    { "clock_set", "t", 0, qtest_cmd_clock_set },
    { "wait_idle", "?u", 0, qtest_cmd_wait_idle },
    { "wait_halted", "?u", 0, qtest_cmd_wait_halted },
    { "irq_intercept_in", "w?l", 0, qtest_cmd_irq_intercept_in },
    { "irq_intercept_out", "w?l", 0, qtest_cmd_irq_intercept_out },
    { "set_irq_in", "wlio", 0, qtest_cmd_set_irq_in },
};

static const QtestCommand *command_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name)) {
            return &commands[i];
        }
    }
    return NULL;
}

static const ArgKind *kind_of(char letter)
{
    for (size_t i = 0; i < G_N_ELEMENTS(arg_kinds); i++) {
        if (arg_kinds[i].letter == letter) {
            return &arg_kinds[i];
        }
    }
    g_assert_not_reached();
}

/* "PORT VALUE", "[NANOSECONDS]" */
static void usage(const QtestCommand *c, GString *out)
{
    bool optional = false;

    for (const char *p = c->args; *p; p++) {
        if (*p == '?') {
            optional = true;
        } else {
            g_string_append_printf(out, optional ? " [%s]" : " %s", kind_of(*p)->name);
        }
    }
}

static bool wrong_count(const QtestCommand *c, GError **errp)
{
    g_autoptr(GString) text = g_string_new(NULL);

    usage(c, text);
    return error_set(errp, INVALID, "the wrong number of arguments: it is %s%s", c->name,
                     text->str);
}

static bool arg_parse(const QtestCommand *c, const ArgKind *k, const char *word, uint64_t *num,
                      GError **errp)
{
    uint64_t max = k->max ? k->max : UINT64_MAX >> (64 - 8 * (c->size ? c->size : 8));

    if (k->number && !parse_uint(word, max, num, errp)) {
        g_prefix_error(errp, "%s: ", k->name);
        return false;
    }
    return true;
}

static bool args_parse(const QtestCommand *c, QtestArgs *a, GError **errp)
{
    bool optional = false;
    unsigned n = 0;

    for (const char *p = c->args; *p; p++) {
        if (*p == '?') {
            optional = true;
            continue;
        }
        if (n == a->n) {
            return optional || wrong_count(c, errp);
        }
        if (!arg_parse(c, kind_of(*p), a->word[n], &a->num[n], errp)) {
            return false;
        }
        n++;
    }
    return n == a->n || wrong_count(c, errp);
}

/* Cuts a line into words at its blanks. False: more than a command has. */
static bool words_split(char *line, const char **name, QtestArgs *a)
{
    char *save = NULL;

    *name = strtok_r(line, " \t", &save);
    for (char *w; *name && (w = strtok_r(NULL, " \t", &save)); a->n++) {
        if (a->n == QTEST_ARGS_MAX) {
            return false;
        }
        a->word[a->n] = w;
    }
    return true;
}

QtestAnswer qtest_run(QtestServer *s, char *line, GString *out, GError **errp)
{
    const QtestCommand *c;
    const char *name;
    QtestArgs a = { 0 };
    bool fits = words_split(line, &name, &a);
    QtestAnswer answer;

    if (!name) {
        error_set(errp, INVALID, "the line is empty");
        return QTEST_FAIL;
    }
    c = command_find(name);
    if (!c) {
        error_set(errp, NOT_FOUND, "there is no command '%s'", name);
        return QTEST_FAIL;
    }
    if (fits) {
        fits = args_parse(c, &a, errp);
    } else {
        wrong_count(c, errp);
    }
    answer = fits ? c->fn(s, c, &a, out, errp) : QTEST_FAIL;
    if (answer == QTEST_FAIL) {
        g_prefix_error(errp, "%s: ", c->name);
    }
    return answer;
}
