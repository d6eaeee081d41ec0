/* A vCPU: its descriptor, entering and leaving the guest, serving ports and devices.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/vcpu.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/kvm/kick.h"
#include "util/error.h"
#include "vm/vm.h"

/* ---- making ---- */

bool kvm_vcpu_init(Cpu *cpu, GError **errp)
{
    KvmVm *kvm = kvm_of(cpu);
    KvmCpu *kc = kvm_cpu(cpu);

    kvm_kick_enable();
    if (cpu->index == 0 && !kvm_memory_attach(kvm, errp)) {
        return false;
    }
    kc->fd = kvm_ioctl(kvm->fd, KVM_CREATE_VCPU, (void *)(uintptr_t)cpu->index);
    if (kc->fd < 0) {
        return error_set(errp, FAILED, "KVM cannot make CPU %u: %s", cpu->index,
                         g_strerror(-kc->fd));
    }
    void *run = mmap(NULL, kvm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, kc->fd, 0);
    if (run == MAP_FAILED) {
        return error_set(errp, FAILED, "KVM cannot share CPU %u's state: %s", cpu->index,
                         g_strerror(errno));
    }
    atomic_put(&kc->run, run);
    return kvm->arch->vcpu_init(cpu, errp);
}

void kvm_vcpu_fini(Cpu *cpu)
{
    KvmVm *kvm = kvm_of(cpu);
    KvmCpu *kc = kvm_cpu(cpu);
    struct kvm_run *run = kc->run;

    kvm->arch->vcpu_fini(cpu);
    if (run) {
        atomic_put(&kc->run, NULL);
        munmap(run, kvm->run_size);
    }
    if (kc->fd >= 0) {
        close(kc->fd);
    }
}

/* ---- entering ---- */

void kvm_sync(Cpu *cpu)
{
    if (cpu->dirty) {
        kvm_of(cpu)->arch->store(cpu);
        cpu->dirty = false;
    }
    if (kvm_cpu(cpu)->stale) {
        kvm_of(cpu)->arch->flush(cpu);
        kvm_cpu(cpu)->stale = false;
    }
    cpu->fetched = 0;
}

KvmEnter kvm_enter(Cpu *cpu, VcpuExit *e)
{
    KvmCpu *kc = kvm_cpu(cpu);
    int err = 0;

    kvm_sync(cpu);
    kvm_gate_enter(cpu);
    kc->incomplete = false;
    if (ioctl(kc->fd, KVM_RUN, 0) < 0) {
        err = errno;
    }
    kvm_gate_leave(cpu);
    kvm_of(cpu)->arch->left(cpu);
    switch (err) {
    case 0:
        return KVM_ENTER_EXIT;
    case EINTR:
    case EAGAIN:
        return KVM_ENTER_KICK;
    case EFAULT:
        return KVM_ENTER_FAULT;
    default:
        kvm_error(cpu, e, "KVM_RUN: %s", g_strerror(err));
        return KVM_ENTER_ERROR;
    }
}

bool kvm_complete(Cpu *cpu)
{
    KvmCpu *kc = kvm_cpu(cpu);

    if (!kc->incomplete) {
        return true;
    }
    kvm_sync(cpu);
    kc->incomplete = false;
    atomic_put(&kc->run->immediate_exit, 1);
    bool done = ioctl(kc->fd, KVM_RUN, 0) < 0;
    kvm_of(cpu)->arch->left(cpu);
    return done;
}

/* ---- ports and devices ---- */

/* Is this a device that may be used without the VM's lock? */
static bool is_lockless(MemSpace *space, paddr_t at)
{
    MemSection sec;

    return mem_find(space, at, &sec) && sec.kind == MEM_KIND_MMIO &&
           mem_region_ops(sec.region)->lockless;
}

static void device_access(Cpu *cpu, MemSpace *space, paddr_t at, void *data, unsigned len, bool write)
{
    bool lock = !is_lockless(space, at);
    MemAttrs attrs = MEM_ATTRS_CPU(cpu->index);

    if (lock) {
        vm_lock(cpu->vm);
    }
    if (write) {
        mem_write(space, at, attrs, data, len);
    } else {
        mem_read(space, at, attrs, data, len);
    }
    if (lock) {
        vm_unlock(cpu->vm);
    }
}

static bool is_ram(const Cpu *cpu, paddr_t at)
{
    MemSection sec;

    return mem_find(cpu->vm->memory, at, &sec) && sec.kind == MEM_KIND_RAM;
}

static void serve_mmio(Cpu *cpu, VcpuExit *e)
{
    struct kvm_run *run = kvm_cpu(cpu)->run;

    if (run->mmio.is_write && is_ram(cpu, run->mmio.phys_addr)) {
        kvm_points_store(cpu, run->mmio.phys_addr, run->mmio.data, run->mmio.len, e);
    } else {
        device_access(cpu, cpu->vm->memory, run->mmio.phys_addr, run->mmio.data, run->mmio.len,
                      run->mmio.is_write);
    }
}

static void serve_port(Cpu *cpu)
{
    struct kvm_run *run = kvm_cpu(cpu)->run;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;

    for (uint32_t i = 0; i < run->io.count; i++) {
        device_access(cpu, cpu->vm->io, run->io.port, data + i * run->io.size, run->io.size,
                      run->io.direction == KVM_EXIT_IO_OUT);
    }
}

bool kvm_serve(Cpu *cpu, VcpuExit *e)
{
    KvmCpu *kc = kvm_cpu(cpu);

    switch (kc->run->exit_reason) {
    case KVM_EXIT_MMIO:
        serve_mmio(cpu, e);
        break;
    case KVM_EXIT_IO:
        if (kvm_port_hold(cpu, e)) {
            return true;
        }
        serve_port(cpu);
        kvm_port_done(cpu, e);
        break;
    default:
        return false;
    }
    kc->incomplete = true;
    return true;
}

bool kvm_port_release(Cpu *cpu)
{
    KvmCpu *kc = kvm_cpu(cpu);

    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    kc->held = false;
    kc->incomplete = true;
    if (cpu_pc(cpu) != kc->held_pc) {
        return false;
    }
    serve_port(cpu);
    return true;
}

/* ---- errors ---- */

void kvm_error(Cpu *cpu, VcpuExit *e, const char *fmt, ...)
{
    GString *s = g_string_new(NULL);
    uint8_t code[16];
    va_list ap;
    size_t n = 0;
    Translation t;

    va_start(ap, fmt);
    g_string_vprintf(s, fmt, ap);
    va_end(ap);
    cpu_fetch(cpu, REGS_ALL);
    if (cpu->class->translate(cpu, cpu_pc(cpu), &t)) {
        n = mem_peek(cpu->vm->memory, t.paddr, code, MIN(sizeof(code), t.left));
    }
    g_string_append_printf(s, "; CPU %u, pc 0x%" G_GINT64_MODIFIER "x, code", cpu->index,
                           (guint64)cpu_pc(cpu));
    for (size_t i = 0; i < n; i++) {
        g_string_append_printf(s, " %02x", code[i]);
    }
    g_string_append(s, n ? "" : " cannot be read");
    e->kind = EXIT_ERROR;
    g_free(e->error);
    e->error = g_string_free(s, FALSE);
}
