/* KVM as an accelerator: opening it, its options, its operations.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "accel/kvm/exec.h"
#include "accel/kvm/vcpu.h"
#include "util/error.h"
#include "util/keyval.h"
#include "vm/vm.h"

#define KVM_DEVICE "/dev/kvm"

/* Opens the device; the error says what to do. */
static int device_open(GError **errp)
{
    int fd = open(KVM_DEVICE, O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        return fd;
    }
    switch (errno) {
    case ENOENT:
        error_set(errp, UNSUPPORTED, "there is no " KVM_DEVICE ": load the module kvm-intel or kvm-amd, "
                  "switch on virtualisation in the firmware, or use -accel tcg");
        break;
    case EACCES:
    case EPERM:
        error_set(errp, UNSUPPORTED, KVM_DEVICE " may not be opened by this user: join its group (kvm), or "
                  "use -accel tcg");
        break;
    case EBUSY:
        error_set(errp, BUSY, KVM_DEVICE " is in use by another hypervisor: end it, or use -accel tcg");
        break;
    default:
        error_set(errp, UNSUPPORTED, KVM_DEVICE ": %s; use -accel tcg", g_strerror(errno));
    }
    return -1;
}

static bool version_check(int fd, GError **errp)
{
    int version = ioctl(fd, KVM_GET_API_VERSION, 0);

    if (version < 0) {
        return error_set(errp, UNSUPPORTED, KVM_DEVICE " is not KVM: %s; use -accel tcg", g_strerror(errno));
    }
    if (version != KVM_API_VERSION) {
        return error_set(errp, UNSUPPORTED, "this kernel's KVM has interface version %d, needed is %d; use -accel "
                         "tcg", version, KVM_API_VERSION);
    }
    return true;
}

/* What nothing works without. */
static bool capabilities_check(int fd, GError **errp)
{
    static const struct {
        int cap;
        const char *name;
    } needed[] = {
        { KVM_CAP_USER_MEMORY, "user memory" },
        { KVM_CAP_IMMEDIATE_EXIT, "immediate exit (Linux 4.13)" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].cap) <= 0) {
            return error_set(errp, UNSUPPORTED, "this kernel's KVM has no %s: use a newer kernel, or -accel tcg",
                             needed[i].name);
        }
    }
    return true;
}

static bool kvm_probe(const CpuClass *class, GError **errp)
{
    if (!class->kvm || !*class->kvm) {
        return error_set(errp, UNSUPPORTED, "KVM on this host cannot run a %s CPU; use -accel tcg", class->name);
    }
    int fd = device_open(errp);
    if (fd < 0) {
        return false;
    }
    bool ok = version_check(fd, errp) && capabilities_check(fd, errp);
    close(fd);
    return ok;
}

static bool vm_create(KvmVm *kvm, GError **errp)
{
    kvm->dev = device_open(errp);
    if (kvm->dev < 0) {
        return false;
    }
    kvm->run_size = MAX(ioctl(kvm->dev, KVM_GET_VCPU_MMAP_SIZE, 0), 4096);
    kvm->fd = kvm_ioctl(kvm->dev, KVM_CREATE_VM, NULL);
    if (kvm->fd < 0) {
        return error_set(errp, UNSUPPORTED, "KVM cannot make a virtual machine: %s%s; use -accel tcg",
                         g_strerror(-kvm->fd),
                         kvm->fd == -EBUSY ? " (another hypervisor has the processor)" : "");
    }
    return true;
}

static void kvm_free(KvmVm *kvm)
{
    if (kvm->fd >= 0) {
        close(kvm->fd);
    }
    if (kvm->dev >= 0) {
        close(kvm->dev);
    }
    cond_destroy(&kvm->gate);
    mutex_destroy(&kvm->gate_lock);
    mutex_destroy(&kvm->exclusive);
    g_free(kvm);
}

/* kernel-irqchip=on|off|split, as QEMU spells it. */
static bool options_parse(const char *options, bool *irqchip, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(options ? options : "", NULL, NULL, errp);
    const char *where;

    if (!kv) {
        return false;
    }
    where = keyval_get(kv, "kernel-irqchip");
    if (where && !strcmp(where, "split")) {
        return error_set(errp, UNSUPPORTED, "'kernel-irqchip=split' is not there: it is all (on) or nothing "
                         "(off)");
    }
    *irqchip = false;
    if (!keyval_get_bool(kv, "kernel-irqchip", irqchip, errp)) {
        return false;
    }
    return keyval_check_used(kv, errp);
}

static bool kvm_init(Vm *vm, const CpuClass *class, const char *options, AccelCaps *caps, GError **errp)
{
    KvmVm *kvm;
    bool irqchip;

    if (!options_parse(options, &irqchip, errp)) {
        return false;
    }
    kvm = g_new0(KvmVm, 1);
    *kvm = (KvmVm){
        .vm = vm, .class = class, .arch = *class->kvm, .irqchip = irqchip, .dev = -1, .fd = -1,
    };
    mutex_init(&kvm->exclusive);
    mutex_init(&kvm->gate_lock);
    cond_init(&kvm->gate);
    vm->accel_data = kvm;
    /* KVM's own controllers serve their ports unseen. */
    *caps = (AccelCaps){ .executes = true, .irqchip = irqchip, .events = irqchip ? 0 : 1u << POINT_IO };
    if (!vm_create(kvm, errp) || !kvm->arch->vm_init(kvm, caps, errp)) {
        kvm_free(kvm);
        vm->accel_data = NULL;
        *caps = (AccelCaps){ 0 };
        return false;
    }
    kvm_memory_init(kvm);
    kvm_protect_init(kvm);
    kvm_points_init(kvm);
    return true;
}

static void kvm_fini(Vm *vm)
{
    KvmVm *kvm = kvm_of_vm(vm);

    kvm_points_fini(kvm);
    kvm_protect_fini(kvm);
    kvm_memory_fini(kvm);
    kvm->arch->vm_fini(kvm);
    kvm_free(kvm);
    vm->accel_data = NULL;
}

static void kvm_fetch(Cpu *cpu, RegGroups groups)
{
    kvm_of(cpu)->arch->fetch(cpu, groups);
}

static void kvm_store(Cpu *cpu)
{
    kvm_of(cpu)->arch->store(cpu);
}

static void kvm_flush(Cpu *cpu)
{
    kvm_cpu(cpu)->stale = true;
}

static bool kvm_vcpu_plan(Cpu *cpu, const DebugPlan *plan, GError **errp)
{
    kvm_of(cpu)->arch->plan(cpu, plan);
    return true;
}

static void kvm_reset(Vm *vm)
{
    for (unsigned i = 0; i < vm->ncpus; i++) {
        kvm_cpu(vm->cpus[i])->held = false;
        kvm_of_vm(vm)->arch->reset(vm->cpus[i]);
    }
}

static void kvm_clock_freeze(Vm *vm, bool frozen)
{
    kvm_of_vm(vm)->arch->freeze(kvm_of_vm(vm), frozen);
}

static void kvm_describe(Vm *vm, GString *out)
{
    kvm_of_vm(vm)->arch->describe(kvm_of_vm(vm), out);
}

const AccelOps kvm_accel_ops = {
    .name = "kvm",
    .vcpu_size = sizeof(KvmCpu),
    .probe = kvm_probe,
    .init = kvm_init,
    .fini = kvm_fini,
    .vcpu_init = kvm_vcpu_init,
    .vcpu_fini = kvm_vcpu_fini,
    .vcpu_run = kvm_vcpu_run,
    .vcpu_kick = kvm_kick,
    .vcpu_irq = kvm_kick,
    .vcpu_fetch = kvm_fetch,
    .vcpu_store = kvm_store,
    .vcpu_flush = kvm_flush,
    .plan = kvm_points_plan,
    .vcpu_plan = kvm_vcpu_plan,
    .point_now = kvm_points_now,
    .mem_unpatch = kvm_points_unpatch,
    .reset = kvm_reset,
    .clock_freeze = kvm_clock_freeze,
    .describe = kvm_describe,
    .irqchip = &kvm_irqchip_ops,
};
