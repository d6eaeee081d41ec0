/* The qtest accelerator: vCPUs that execute nothing, for tests that are the CPU themselves.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_QTEST_QTEST_H
#define GLASSBOX_ACCEL_QTEST_QTEST_H

#include "accel/accel.h"

/* Runs any CPU class: its threads park, serve work items, are reset and end as others do. */
extern const AccelOps qtest_accel_ops;

#endif
