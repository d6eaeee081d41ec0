/* Guests of random garbage, on both backends, compared. Nothing may crash, and both must end in the same state.
 * usage: test-garbage GUEST (an x86-64 ELF file whose bytes are taken and changed)
 * GLASSBOX_GARBAGE_RUNS (how many guests of each kind) and GLASSBOX_GARBAGE_SEED (of the first) may be set.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>

#include "garbage.h"
#include "mem/mem.h"
#include "util/mainloop.h"

static GuestPair pair;
static char *text;
static size_t text_len;

static unsigned setting(const char *name, unsigned or_else)
{
    const char *v = g_getenv(name);

    return v ? (unsigned)strtoul(v, NULL, 0) : or_else;
}

static const struct Kind {
    const char *name;
    GarbageCode code;
    unsigned runs;              /* by default */
    unsigned budget;            /* instructions of each */
    bool step;
} kinds[] = {
    { "bytes", GARBAGE_BYTES, 300, 3000, false },
    { "bytes by steps", GARBAGE_BYTES, 60, 1000, true },
    { "shaped", GARBAGE_SHAPED, 600, 3000, false },
    { "shaped by steps", GARBAGE_SHAPED, 100, 1000, true },
    { "mutated", GARBAGE_MUTATED, 300, 3000, false },
    { "devices", GARBAGE_DEVICES, 200, 5000, false },
    { "faults", GARBAGE_FAULTS, 200, 2000, false },
    { "faults by steps", GARBAGE_FAULTS, 60, 1000, true },
};

static void run_kind(const void *opaque)
{
    static const char *const names[] = { "budget", "halt", "reset", "shutdown", "endless" };
    const struct Kind *k = opaque;
    Garbage g = { .code = k->code, .text = (const uint8_t *)text, .text_len = text_len };
    unsigned runs = setting("GLASSBOX_GARBAGE_RUNS", k->runs), first = setting("GLASSBOX_GARBAGE_SEED", 1);
    unsigned ends[5] = { 0 };

    for (unsigned n = 0; n < runs && !g_test_failed(); n++) {
        ends[pair_run(&pair, garbage_setup, first + n, &g, k->budget, k->step)]++;
    }
    for (unsigned n = 0; n < G_N_ELEMENTS(ends); n++) {
        g_test_message("%s: %u", names[n], ends[n]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_true(argc > 1 && g_file_get_contents(argv[1], &text, &text_len, NULL) && text_len > 8192);
    mainloop_init();
    pair_init(&pair);
    for (unsigned n = 0; n < G_N_ELEMENTS(kinds); n++) {
        g_autofree char *path = g_strdup_printf("/fuzz/garbage/%s", kinds[n].name);

        g_test_add_data_func(path, &kinds[n], run_kind);
    }
    int status = g_test_run();
    pair_done(&pair);
    g_free(text);
    return status;
}
