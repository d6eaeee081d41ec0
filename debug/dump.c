/* PLACEHOLDER: core dumps are made in another branch.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "debug/dump.h"

#include "util/error.h"

bool debug_dump_core(Debug *d, int fd, const DumpOptions *o, GError **errp)
{
    return error_set(errp, UNSUPPORTED, "core dumps are not there yet");
}
