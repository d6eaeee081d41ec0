/* KVM on hosts that cannot have it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/kvm.h"
#include "util/error.h"

static bool none_probe(const CpuClass *class, GError **errp)
{
    return error_set(errp, UNSUPPORTED, "KVM is a part of Linux, which this host does not run; use -accel tcg");
}

static bool none_init(Vm *vm, const CpuClass *class, const char *options, AccelCaps *caps, GError **errp)
{
    return none_probe(class, errp);
}

const AccelOps kvm_accel_ops = { .name = "kvm", .probe = none_probe, .init = none_init };
