/* The JIT accelerator.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_TCG_TCG_H
#define GLASSBOX_ACCEL_TCG_TCG_H

#include "accel/accel.h"

extern const AccelOps tcg_accel_ops;

#endif
