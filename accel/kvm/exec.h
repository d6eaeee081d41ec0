/* Running a vCPU, for the table of operations.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_KVM_EXEC_H
#define GLASSBOX_ACCEL_KVM_EXEC_H

#include "accel/kvm/kvm_int.h"

/* AccelOps.vcpu_run. */
VcpuExit kvm_vcpu_run(Cpu *cpu, const RunArgs *args);

#endif
