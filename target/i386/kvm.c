/* The x86 pin of KVM: setting up, and exits that are neither a device's nor a debugger's.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm_arch.h"
#include "target/i386/kvm_chips.h"
#include "target/i386/kvm_pin.h"
#include "target/i386/kvm_x86.h"
#include "util/error.h"
#include "vm/vm.h"

/* Three pages and one that Intel's processors need for real mode, where no memory lies. */
#define TSS_ADDRESS 0xfffbd000u
#define IDENTITY_MAP_ADDRESS UINT64_C(0xfffbc000)

static bool set_addresses(KvmVm *kvm, GError **errp)
{
    uint64_t identity = IDENTITY_MAP_ADDRESS;
    int err = 0;

    if (kvm_check(kvm, KVM_CAP_SET_IDENTITY_MAP_ADDR)) {
        err = kvm_ioctl(kvm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    }
    if (err == 0 && kvm_check(kvm, KVM_CAP_SET_TSS_ADDR)) {
        err = kvm_ioctl(kvm->fd, KVM_SET_TSS_ADDR, (void *)(uintptr_t)TSS_ADDRESS);
    }
    return err == 0 || error_set(errp, FAILED, "KVM refuses its own pages: %s", g_strerror(-err));
}

/* What the core may count on. */
static void caps_fill(const X86KvmCaps *c, AccelCaps *caps)
{
    caps->exec_slots = c->exec ? X86_DR_SLOTS : 0;
    caps->data_slots = c->data ? X86_DR_SLOTS : 0;
    caps->shared_slots = c->exec && c->data;
    caps->data_max_len = 8;
    caps->patch_exec = c->sw;
    caps->protect_data = c->fault && c->step;
    caps->step = caps->step_masks_irq = caps->resume_skips_point = c->step;
    caps->guest_debug = c->gd ? GUEST_DEBUG_FULL : GUEST_DEBUG_LOST;
}

static bool x86_vm_init(KvmVm *kvm, AccelCaps *caps, GError **errp)
{
    X86KvmVm *v = g_new0(X86KvmVm, 1);

    kvm->arch_data = v;
    if (!set_addresses(kvm, errp) || (kvm->irqchip && !x86_kvm_chips_create(kvm, errp)) ||
        !x86_kvm_host(kvm, &v->host, errp)) {
        g_clear_pointer(&kvm->arch_data, g_free);
        return false;
    }
    kvm->vm->cpu_host = &v->host;
    x86_kvm_find_msrs(kvm);
    x86_kvm_try(kvm, &v->caps);
    caps_fill(&v->caps, caps);
    return true;
}

static void x86_vm_fini(KvmVm *kvm)
{
    g_clear_pointer(&kvm->arch_data, g_free);
}

static bool x86_vcpu_init(Cpu *cpu, GError **errp)
{
    X86Kvm *k = g_new0(X86Kvm, 1);

    k->xsave = g_new0(struct kvm_xsave, 1);
    k->requeue = -1;
    kvm_cpu(cpu)->arch = k;
    x86_kvm_do(cpu, KVM_GET_VCPU_EVENTS, &k->events, "reading events");
    k->can_shadow = k->events.flags & KVM_VCPUEVENT_VALID_SHADOW;
    return x86_kvm_set_cpuid(cpu, errp);
}

static void x86_vcpu_fini(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);

    g_free(k->xsave);
    g_free(k);
}

static void x86_reset(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);

    k->events = (struct kvm_vcpu_events){ 0 };
    k->requeue = -1;
    memset(k->xsave, 0, sizeof(*k->xsave));
    if (kvm_of(cpu)->irqchip) {
        x86_kvm_lapic_reset(cpu);
    }
}

/* ---- exits ---- */

static bool exit_halt(Cpu *cpu, VcpuExit *e)
{
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM | REGS_EVENTS);
    atomic_put(&cpu->power, (uint32_t)CPU_POWER_HALTED);
    e->kind = EXIT_HALT;
    return true;
}

static bool exit_internal(Cpu *cpu, VcpuExit *e)
{
    static const char *const why[] = {
        [KVM_INTERNAL_ERROR_EMULATION] = "an instruction that it cannot emulate",
        [KVM_INTERNAL_ERROR_SIMUL_EX] = "two exceptions at once",
        [KVM_INTERNAL_ERROR_DELIVERY_EV] = "an event that cannot be delivered",
        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an exit that it does not know",
    };
    uint32_t sub = kvm_cpu(cpu)->run->internal.suberror;

    kvm_error(cpu, e, "KVM internal error %u: %s", sub, sub < G_N_ELEMENTS(why) && why[sub] ? why[sub] : "unknown");
    return true;
}

static bool x86_exit(Cpu *cpu, VcpuExit *e)
{
    const struct kvm_run *run = kvm_cpu(cpu)->run;

    switch (run->exit_reason) {
    case KVM_EXIT_IRQ_WINDOW_OPEN:
    case KVM_EXIT_SET_TPR:
    case KVM_EXIT_INTR:
        return false;
    case KVM_EXIT_HLT:
        return exit_halt(cpu, e);
    case KVM_EXIT_DEBUG:
        return x86_kvm_debug_exit(cpu, e);
    case KVM_EXIT_SHUTDOWN:
        e->kind = EXIT_RESET;
        return true;
    case KVM_EXIT_INTERNAL_ERROR:
        return exit_internal(cpu, e);
    case KVM_EXIT_FAIL_ENTRY:
        kvm_error(cpu, e, "KVM cannot enter the guest: hardware reason 0x%" G_GINT64_MODIFIER "x",
                  (guint64)run->fail_entry.hardware_entry_failure_reason);
        return true;
    default:
        kvm_error(cpu, e, "KVM exit %u is unknown", run->exit_reason);
        return true;
    }
}

/* IN and OUT; strings are done by KVM's emulator, registers and all, before they come out. */
static bool x86_at_port_access(Cpu *cpu)
{
    X86Insn in;

    return x86_insn_at_pc(cpu, &in) && in.kind == X86_INSN_IO && !in.nref;
}

static const KvmArch x86_kvm_arch = {
    .vm_init = x86_vm_init,
    .vm_fini = x86_vm_fini,
    .vcpu_init = x86_vcpu_init,
    .vcpu_fini = x86_vcpu_fini,
    .fetch = x86_kvm_fetch,
    .store = x86_kvm_store,
    .flush = x86_kvm_flush,
    .reset = x86_reset,
    .freeze = x86_kvm_freeze,
    .plan = x86_kvm_plan,
    .prepare = x86_kvm_prepare,
    .left = x86_kvm_left,
    .exit = x86_exit,
    .step = x86_kvm_step,
    .step_wrote = x86_kvm_step_wrote,
    .at_port_access = x86_at_port_access,
    .describe = x86_kvm_describe,
    .chips_nmi = x86_kvm_chips_nmi,
    .chips_get = x86_kvm_chips_get,
    .chips_set = x86_kvm_chips_set,
};

const KvmArch *const x86_kvm_pin = &x86_kvm_arch;
