/* KVM as an accelerator.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_KVM_KVM_H
#define GLASSBOX_ACCEL_KVM_KVM_H

#include "accel/accel.h"

extern const AccelOps kvm_accel_ops;

#endif
