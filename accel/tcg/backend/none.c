/* Hosts without a code generator: an empty table, so that the interpreter is chosen.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/tcg/tcg_int.h"

const TcgBackend tcg_backend_native;
