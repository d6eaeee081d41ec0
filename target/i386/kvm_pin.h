/* The pin of KVM, for the table of the class.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TARGET_I386_KVM_PIN_H
#define GLASSBOX_TARGET_I386_KVM_PIN_H

struct KvmArch;

/* NULL where the host cannot run x86 guests with KVM. */
extern const struct KvmArch *const x86_kvm_pin;

#endif
