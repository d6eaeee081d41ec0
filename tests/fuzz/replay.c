/* Plain driver of a fuzz target: replays a corpus and then random mutations of it.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: REPLAY [--runs N] [--seed S] FILE-OR-FOLDER...
 * A text file is a corpus of one input per line ("\n", "\\" and "\xNN" stand for bytes, '#' begins
 * a comment line). Prints TAP and the seed, so that a failure can be repeated. */
#include "tests/fuzz/fuzz.h"

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_LIMIT = 4096 };
enum { INPUT_SECONDS = 120 };

static GBytes *line_parse(const char *line)
{
    GByteArray *out = g_byte_array_new();

    for (const char *p = line; *p; p++) {
        uint8_t c = *p;

        if (c == '\\' && p[1] == 'x' && g_ascii_isxdigit(p[2]) && g_ascii_isxdigit(p[3])) {
            c = g_ascii_xdigit_value(p[2]) << 4 | g_ascii_xdigit_value(p[3]);
            p += 3;
        } else if (c == '\\' && p[1]) {
            c = p[1] == 'n' ? '\n' : p[1];
            p++;
        }
        g_byte_array_append(out, &c, 1);
    }
    return g_byte_array_free_to_bytes(out);
}

static void corpus_load(GPtrArray *corpus, const char *path)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    const char *name;
    GDir *dir = g_dir_open(path, 0, NULL);

    if (dir) {
        while ((name = g_dir_read_name(dir))) {
            g_autofree char *sub = g_build_filename(path, name, NULL);

            corpus_load(corpus, sub);
        }
        g_dir_close(dir);
        return;
    }
    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        fprintf(stderr, "cannot read %s\n", path);
        exit(1);
    }
    lines = g_strsplit(text, "\n", -1);
    for (char **l = lines; *l; l++) {
        if (**l && **l != '#') {
            g_ptr_array_add(corpus, line_parse(*l));
        }
    }
}

static void splice(GByteArray *in, GBytes *other, GRand *rand)
{
    gsize n;
    const uint8_t *p = g_bytes_get_data(other, &n);

    if (n && in->len + n < INPUT_LIMIT) {
        guint at = g_rand_int_range(rand, 0, in->len + 1);
        guint old = in->len;

        g_byte_array_set_size(in, old + n);
        memmove(in->data + at + n, in->data + at, old - at);
        memcpy(in->data + at, p, n);
    }
}

/* One small change, of the kinds that upset parsers. */
static void mutate(GByteArray *in, GPtrArray *corpus, GRand *rand)
{
    static const char odd[] = "$#%+-*}\x03:;,.=pZz0fFgG-1\xff\0";
    guint at = in->len ? g_rand_int_range(rand, 0, in->len) : 0;

    switch (in->len ? g_rand_int_range(rand, 0, 7) : 6) {
    case 0:
        in->data[at] ^= 1 << g_rand_int_range(rand, 0, 8);
        break;
    case 1:
        in->data[at] = odd[g_rand_int_range(rand, 0, sizeof(odd))];
        break;
    case 2:
        g_byte_array_remove_index(in, at);
        break;
    case 3:
        g_byte_array_set_size(in, at);
        break;
    case 4:
        in->data[at] = g_rand_int(rand);
        break;
    case 5:
        if (in->len < INPUT_LIMIT) {
            uint8_t twin = in->data[at];    /* appending may move the bytes */

            g_byte_array_append(in, &twin, 1);
        }
        break;
    default:
        splice(in, corpus->pdata[g_rand_int_range(rand, 0, corpus->len)], rand);
        break;
    }
}

/* An input that hangs dies here, with a stack to look at, before the whole test is ended from outside. */
static void try_input(const uint8_t *p, gsize n)
{
    alarm(INPUT_SECONDS);
    LLVMFuzzerTestOneInput(p, n);
    alarm(0);
}

static void on_alarm(int sig)
{
    static const char text[] = "# an input hangs\n";

    if (write(1, text, sizeof(text) - 1) < 0) {
        _exit(2);
    }
    abort();
}

static void run_random(GPtrArray *corpus, unsigned long runs, uint32_t seed)
{
    GRand *rand = g_rand_new_with_seed(seed);

    for (unsigned long i = 0; i < runs; i++) {
        GBytes *from = corpus->pdata[g_rand_int_range(rand, 0, corpus->len)];
        GByteArray *in = g_byte_array_new();
        gsize n;
        const uint8_t *p = g_bytes_get_data(from, &n);

        g_byte_array_append(in, p, MIN(n, INPUT_LIMIT));
        for (int k = g_rand_int_range(rand, 1, 9); k; k--) {
            mutate(in, corpus, rand);
        }
        try_input(in->data, in->len);
        g_byte_array_unref(in);
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    GPtrArray *corpus = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    unsigned long runs = 0;
    uint32_t seed = time(NULL);

    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--runs") && i + 1 < argc) {
            runs = strtoul(argv[++i], NULL, 0);
        } else if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
            seed = strtoul(argv[++i], NULL, 0);
        } else {
            corpus_load(corpus, argv[i]);
        }
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    signal(SIGALRM, on_alarm);
    printf("1..2\n# seed %u\n", seed);
    if (!corpus->len) {
        printf("not ok 1 - the corpus is empty\n");
        return 1;
    }
    for (guint i = 0; i < corpus->len; i++) {
        gsize n;
        const uint8_t *p = g_bytes_get_data(corpus->pdata[i], &n);

        try_input(p, n);
    }
    printf("ok 1 - %u inputs replayed\n", corpus->len);
    run_random(corpus, runs, seed);
    printf("ok 2 - %lu mutations survived\n", runs);
    g_ptr_array_unref(corpus);
    return 0;
}
