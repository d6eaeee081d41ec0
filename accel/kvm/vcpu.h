/* A vCPU's making and end, for the table of operations.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_KVM_VCPU_H
#define GLASSBOX_ACCEL_KVM_VCPU_H

#include "accel/kvm/kvm_int.h"

bool kvm_vcpu_init(Cpu *cpu, GError **errp);
void kvm_vcpu_fini(Cpu *cpu);

#endif
