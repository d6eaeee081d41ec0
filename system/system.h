/* The whole program behind the command line: makes it, runs it, takes it apart.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_SYSTEM_SYSTEM_H
#define GLASSBOX_SYSTEM_SYSTEM_H

#include "system/config.h"

/*
 * Make what the configuration says and run it to its end. *status becomes the exit status. False
 * with an error if it could not be made; then nothing is left. mainloop_init() has been called.
 */
bool system_run(Config *c, int *status, GError **errp);

#endif
