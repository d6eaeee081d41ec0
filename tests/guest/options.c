/* The guest's command line: words of the form name=value. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

static char command_line[512];

/* Keeps a copy of the loader's command line; the first word may be the image's own path. */
void options_set(const char *line)
{
    unsigned n = 0;

    while (line && line[n] && n < sizeof(command_line) - 1) {
        command_line[n] = line[n];
        n++;
    }
    command_line[n] = 0;
}

/* The text after "name=", or NULL. */
static const char *option_find(const char *name)
{
    for (const char *p = command_line; *p;) {
        const char *a = p, *b = name;
        while (*b && *a == *b) {
            a++, b++;
        }
        if (!*b && *a == '=') {
            return a + 1;
        }
        while (*p && *p != ' ') {
            p++;
        }
        while (*p == ' ') {
            p++;
        }
    }
    return NULL;
}

unsigned long option_number(const char *name, unsigned long otherwise)
{
    const char *p = option_find(name);
    unsigned long v = 0;

    if (!p || *p < '0' || *p > '9') {
        return otherwise;
    }
    while (*p >= '0' && *p <= '9') {
        v = v * 10 + (unsigned long)(*p++ - '0');
    }
    return v;
}

bool option_is(const char *name, const char *value)
{
    const char *p = option_find(name);

    while (p && *value && *p == *value) {
        p++, value++;
    }
    return p && !*value && (*p == 0 || *p == ' ');
}

bool text_equal(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++, b++;
    }
    return *a == *b;
}
