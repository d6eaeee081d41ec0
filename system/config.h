/* What the command line says.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYSTEM_CONFIG_H
#define GLASSBOX_SYSTEM_CONFIG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "hw/machine.h"

typedef struct AccelOps AccelOps;

/* What becomes of a guest's panic. */
typedef enum PanicPolicy { PANIC_BY_VIEWERS, PANIC_STOPS, PANIC_ENDS } PanicPolicy;

typedef struct AccelChoice {
    const AccelOps *ops;
    const char *options;           /* what followed its name, or NULL */
} AccelChoice;

/* Strings point into argv, or are owned by `strings`. */
typedef struct Config {
    const MachineClass *machine;
    GArray *accels;                /* of AccelChoice: -accel, the first that works; none: the default */
    MachineOptions opt;            /* all that needs no chardev is filled in */
    bool have_ram, cpu_help;
    GPtrArray *chardevs;           /* -chardev */
    GPtrArray *serials;            /* -serial */
    GPtrArray *gdb;                /* -gdb, -s */
    GPtrArray *monitors;           /* -monitor: streams */
    GPtrArray *mons;               /* -mon: KeyVal text */
    GPtrArray *qmp, *qmp_pretty;   /* -qmp, -qmp-pretty: streams */
    bool no_monitor;               /* -monitor none: none on the default serial port either */
    GPtrArray *devices;            /* -device */
    const char *debugcon;          /* -debugcon */
    const char *qtest, *qtest_log; /* -qtest, -qtest-log; NULL: not given */
    bool nographic, display_none, nodefaults;
    bool stopped;                  /* -S */
    int panic;                     /* PanicPolicy: -action panic= */
    int reboot_ends, shutdown_stops;   /* -no-reboot, -no-shutdown, -action */
    uint32_t log_mask;
    const char *log_file;
    GPtrArray *strings;
} Config;

void config_init(Config *c);
void config_clear(Config *c);

typedef enum CommandLine {
    COMMAND_LINE_RUN,              /* go on */
    COMMAND_LINE_DONE,             /* -help, -version and so on have printed what was asked for */
    COMMAND_LINE_BAD,              /* errp says why, beginning with the option */
} CommandLine;

/* Read the command line into c. */
CommandLine config_parse(Config *c, int argc, char **argv, GError **errp);

#endif
