/* The embedded guest in all its builds, 32 and 64 bits, with and without firmware's help: what it does by
 * itself goes as it should.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * usage: PROGRAM EMULATOR GUEST... [GLib's test options] */
#include <glib.h>
#include <string.h>
#include <sys/wait.h>

#include "expect.h"

#define SECONDS 120u

static const char *const modes[] = { "tour", "smp", "stress", "rewrite", "faults", "events" };

typedef struct Case {
    const char *emulator, *guest, *mode;
} Case;

/* What the guest says on its serial line; *status: of its exit. Ends by itself when it hangs. */
static char *run(const Case *c, int *status)
{
    g_autofree char *line = g_strdup_printf(
        "timeout %u %s -accel %s -m 64M -smp 2 -display none -serial stdio -no-reboot -device isa-debug-exit "
        "-kernel %s -append 'mode=%s cpus=2'", expect_setting("GLASSBOX_TEST_LIMIT", SECONDS), c->emulator,
        expect_accel, c->guest, c->mode);
    g_auto(GStrv) argv = NULL;
    g_autofree char *err = NULL;
    char *out = NULL;
    GError *error = NULL;

    g_shell_parse_argv(line, NULL, &argv, &error);
    g_assert_no_error(error);
    g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, &out, &err, status, &error);
    g_assert_no_error(error);
    if (err && *err) {
        g_test_message("%s", err);
    }
    return out;
}

static void test_mode(gconstpointer data)
{
    const Case *c = data;
    g_autofree char *first = g_strdup_printf("guest: mode %s", c->mode);
    int status = -1;
    g_autofree char *out = run(c, &status);

    /* isa-debug-exit's word for 0 is 1. */
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 1 || !strstr(out, first) || !strstr(out, "guest: exit 0")) {
        g_test_message("status %d: %s", status, out);
        g_test_fail();
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    expect_init();
    for (int g = 2; g < argc; g++) {
        g_autofree char *name = g_path_get_basename(argv[g]);

        name[strcspn(name, ".")] = 0;
        for (unsigned i = 0; i < G_N_ELEMENTS(modes); i++) {
            g_autofree char *path = g_strdup_printf("/modes/%s/%s", name, modes[i]);
            Case *c = g_new(Case, 1);

            *c = (Case){ argv[1], argv[g], modes[i] };
            g_test_add_data_func_full(path, c, test_mode, g_free);
        }
    }
    return g_test_run();
}
