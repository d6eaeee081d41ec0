/* Prints what symbols/ makes of files, for tests to compare.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: symbols-dump FILE... [< QUERIES]
 * First each name once, "ADDRESS SIZE NAME" in hexadecimal; then for each line of standard input,
 * an address, what lies there. Says on stderr how long loading took. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "symbols/symbols.h"

static bool print(void *opaque, const char *name)
{
    vaddr_t addr = 0;
    uint64_t size = 0;

    symbols_find(opaque, name, &addr, &size);
    printf("%016" PRIx64 " %" PRIx64 " %s\n", addr, size, name);
    return true;
}

static void answer(const Symbols *s)
{
    char line[64];
    GString *text = g_string_new(NULL);

    while (fgets(line, sizeof(line), stdin)) {
        g_string_truncate(text, 0);
        if (!symbols_format(s, strtoull(line, NULL, 16), text)) {
            g_string_append(text, "??");
        }
        puts(text->str);
    }
    g_string_free(text, TRUE);
}

int main(int argc, char **argv)
{
    Symbols *s = symbols_new();
    gint64 start = g_get_monotonic_time();
    int status = 0;

    for (int i = 1; i < argc && !status; i++) {
        GError *err = NULL;

        if (!symbols_load(s, argv[i], &err)) {
            fprintf(stderr, "%s\n", err->message);
            g_error_free(err);
            status = 1;
        }
    }
    if (!status) {
        fprintf(stderr, "%u names in %.3f s\n", symbols_count(s),
                (double)(g_get_monotonic_time() - start) / 1e6);
        symbols_complete(s, "", print, s);
        answer(s);
    }
    symbols_free(s);
    return status;
}
