/* KVM's own interrupt controllers: lines and messages that lead to them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/kvm_int.h"

static void irqchip_set_line(Vm *vm, unsigned line, int level)
{
    struct kvm_irq_level l = { .irq = line, .level = level != 0 };
    int err = kvm_ioctl(kvm_of_vm(vm)->fd, KVM_IRQ_LINE, &l);

    if (err < 0) {
        g_error("KVM: interrupt line %u: %s", line, g_strerror(-err));
    }
}

static bool irqchip_message(Vm *vm, uint64_t address, uint32_t data)
{
    struct kvm_msi m = {
        .address_lo = (uint32_t)address, .address_hi = (uint32_t)(address >> 32), .data = data,
    };

    return kvm_ioctl(kvm_of_vm(vm)->fd, KVM_SIGNAL_MSI, &m) > 0;
}

static void irqchip_nmi(Vm *vm)
{
    kvm_of_vm(vm)->arch->chips_nmi(kvm_of_vm(vm));
}

static void irqchip_get(Vm *vm, AccelIrqchipState *state)
{
    kvm_of_vm(vm)->arch->chips_get(kvm_of_vm(vm), state);
}

static void irqchip_set(Vm *vm, const AccelIrqchipState *state)
{
    kvm_of_vm(vm)->arch->chips_set(kvm_of_vm(vm), state);
}

const AccelIrqchipOps kvm_irqchip_ops = {
    .set_line = irqchip_set_line,
    .message = irqchip_message,
    .nmi = irqchip_nmi,
    .get = irqchip_get,
    .set = irqchip_set,
};
