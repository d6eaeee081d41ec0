/* Unwinds for tests: registers come on standard input, memory is asked for.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: unwind-dump FILE...
 * Requests, all numbers hexadecimal:
 *   slide PC                      -> "slide S", or "error TEXT"
 *   modules                       -> "modules N", or "error TEXT"
 *   backtrace R0 R1 ... R16       -> x86-64 registers by DWARF number (i386: R0 ... R8)
 *                                 -> "frame PC SP HOW NAME" for each, then "end" or "end REASON"
 * On the way it prints "read ADDRESS LENGTH"; the answer is a line of hexadecimal digits, or "-".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/unwind.h"

#define LINE (16u << 20)        /* tables of modules come in one piece */
#define FRAMES 100

static bool next_line(char *line)
{
    fflush(stdout);
    if (!fgets(line, LINE, stdin)) {
        return false;
    }
    line[strcspn(line, "\n")] = 0;
    return true;
}

static bool ask(void *opaque, vaddr_t at, void *buf, size_t len)
{
    static char line[LINE];     /* apart from the request's */
    uint8_t *out = buf;

    printf("read %" PRIx64 " %zx\n", at, len);
    if (!next_line(line) || strlen(line) != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        out[i] = (uint8_t)(g_ascii_xdigit_value(line[2 * i]) << 4 |
                           g_ascii_xdigit_value(line[2 * i + 1]));
    }
    return true;
}

static void backtrace(const Symbols *s, char *words)
{
    static const UnwindArch x86_64 = { .word = 8, .call_pushes = true, .pc = 16, .sp = 7, .fp = 6,
                                       .n = 17 };
    static const UnwindArch i386 = { .word = 4, .call_pushes = true, .pc = 8, .sp = 4, .fp = 5,
                                     .n = 9 };
    UnwindRegs regs = { .known = 0 };
    UnwindFrame frame[FRAMES];
    g_autofree char *why = NULL;
    unsigned n = 0, frames;

    for (char *w = strtok(words, " "); w && n < UNWIND_REGS; w = strtok(NULL, " ")) {
        regs.v[n] = strtoull(w, NULL, 16);
        regs.known |= UINT64_C(1) << n++;
    }
    frames = symbols_backtrace(s, n == 9 ? &i386 : &x86_64, &regs, ask, NULL, frame, FRAMES, &why);
    for (unsigned i = 0; i < frames; i++) {
        g_autoptr(GString) name = g_string_new(NULL);

        if (!symbols_format_frame(s, &frame[i], name)) {
            g_string_append(name, "??");
        }
        printf("frame %" PRIx64 " %" PRIx64 " %s %s\n", frame[i].pc, frame[i].sp,
               unwind_how_name(frame[i].how), name->str);
    }
    printf(why ? "end %s\n" : "end\n", why);
}

static void slide(Symbols *s, const char *words)
{
    g_autoptr(GError) err = NULL;

    if (symbols_find_slide(s, strtoull(words, NULL, 16), ask, NULL, &err)) {
        printf("slide %" PRIx64 "\n", (uint64_t)symbols_slide(s));
    } else {
        printf("error %s\n", err->message);
    }
}

static void modules(Symbols *s)
{
    g_autoptr(GError) err = NULL;
    unsigned n;

    if (symbols_load_modules(s, ask, NULL, &n, &err)) {
        printf("modules %u\n", n);
    } else {
        printf("error %s\n", err->message);
    }
}

int main(int argc, char **argv)
{
    static char line[LINE];
    Symbols *s = symbols_new();

    for (int i = 1; i < argc; i++) {
        GError *err = NULL;

        if (!symbols_load(s, argv[i], &err)) {
            fprintf(stderr, "%s\n", err->message);
            return 1;
        }
    }
    while (next_line(line)) {
        if (g_str_has_prefix(line, "slide ")) {
            slide(s, line + 6);
        } else if (!strcmp(line, "modules")) {
            modules(s);
        } else if (g_str_has_prefix(line, "backtrace ")) {
            backtrace(s, line + 10);
        } else {
            printf("error no such request\n");
        }
    }
    symbols_free(s);
    return 0;
}
