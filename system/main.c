/* glassbox: the program.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include "chardev/chardev.h"
#include "system/config.h"
#include "system/registry.h"
#include "system/system.h"
#include "util/log.h"
#include "util/mainloop.h"
#include "util/trace.h"

static int fail(GError *err)
{
    error_report("%s", err->message);
    g_error_free(err);
    return EXIT_FAILURE;
}

static int run(Config *c)
{
    GError *err = NULL;
    int status = EXIT_FAILURE;

    if (c->log_file && !log_set_file(c->log_file, &err)) {
        g_prefix_error(&err, "-D: ");
        return fail(err);
    }
    log_set_mask(c->log_mask);
    mainloop_init();
    return system_run(c, &status, &err) ? status : fail(err);
}

int main(int argc, char **argv)
{
    GError *err = NULL;
    int status = EXIT_SUCCESS;
    Config c;

    trace_set_groups(registry_traces);
    trace_on_abort(terminal_restore);
    config_init(&c);
    switch (config_parse(&c, argc, argv, &err)) {
    case COMMAND_LINE_RUN:
        status = run(&c);
        break;
    case COMMAND_LINE_DONE:
        break;
    case COMMAND_LINE_BAD:
        status = fail(err);
        break;
    }
    config_clear(&c);
    log_close();
    return status;
}
