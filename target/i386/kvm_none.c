/* The pin of KVM on hosts that cannot run x86 guests with it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/i386/kvm_pin.h"

const struct KvmArch *const x86_kvm_pin = NULL;
