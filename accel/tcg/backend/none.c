/* No code generator for this host: a table with no name says so.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/tcg_int.h"

const TcgBackend tcg_backend_native = { .name = NULL };
const TcgBackend tcg_backend_plain = { .name = NULL };
