/* CPUs under KVM: what the host can give, and CPUID as the guest reads it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "target/i386/kvm_x86.h"
#include "util/error.h"
#include "vm/vm.h"

#define ENTRIES_MAX 256

static struct kvm_cpuid2 *entries_new(void)
{
    struct kvm_cpuid2 *c = g_malloc0(sizeof(*c) + ENTRIES_MAX * sizeof(c->entries[0]));

    c->nent = ENTRIES_MAX;
    return c;
}

static X86Cpuid leaf(const struct kvm_cpuid2 *c, uint32_t function, uint32_t index)
{
    for (unsigned i = 0; i < c->nent; i++) {
        const struct kvm_cpuid_entry2 *e = &c->entries[i];

        if (e->function == function &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index)) {
            return (X86Cpuid){ e->eax, e->ebx, e->ecx, e->edx };
        }
    }
    return (X86Cpuid){ 0 };
}

static void put_string(char *out, const uint32_t *word, unsigned n)
{
    memcpy(out, word, n * sizeof(*word));
    out[n * sizeof(*word)] = 0;
}

static void host_identity(const struct kvm_cpuid2 *c, X86ModelHost *h)
{
    X86Cpuid v = leaf(c, 0, 0), sig = leaf(c, 1, 0), size = leaf(c, 0x80000008u, 0);
    uint32_t vendor[3] = { v.ebx, v.edx, v.ecx }, brand[12];

    put_string(h->vendor, vendor, 3);
    for (unsigned i = 0; i < 3; i++) {
        X86Cpuid b = leaf(c, 0x80000002u + i, 0);

        memcpy(brand + 4 * i, (uint32_t[]){ b.eax, b.ebx, b.ecx, b.edx }, 16);
    }
    put_string(h->brand, brand, 12);
    h->family = (sig.eax >> 8 & 15) == 15 ? (uint8_t)(15 + (sig.eax >> 20 & 255)) : sig.eax >> 8 & 15;
    h->model = (sig.eax >> 4 & 15) | (sig.eax >> 12 & 0xf0);
    h->stepping = sig.eax & 15;
    h->phys_bits = size.eax & 0xff ? size.eax & 0xff : 36;
}

/* What a guest may have: what KVM supports, less what hangs on an interrupt controller in the kernel
 * (x2APIC, TSC deadlines) unless that is there, on states that X86State does not hold (AVX-512, MPX, protection keys, XSAVES),
 * or on walks that we do not make (five levels), and no virtualisation in it. */
static void host_features(KvmVm *kvm, const struct kvm_cpuid2 *c, X86ModelHost *h)
{
    static const struct {
        uint8_t word;
        uint32_t bits;
    } without[] = {
        { X86_W_1_ECX, 1u << 3 | 1u << 5 | 1u << 21 | 1u << 24 },       /* MONITOR, VMX, x2APIC, deadline */
        { X86_W_7_EBX, 1u << 14 | 1u << 16 },                           /* MPX, AVX-512 */
        { X86_W_7_ECX, 1u << 3 | 1u << 16 },                            /* PKU, LA57 */
        { X86_W_D1_EAX, 1u << 3 },                                      /* XSAVES */
        { X86_W_81_ECX, 1u << 2 },                                      /* SVM */
    };
    X86Cpuid l1 = leaf(c, 1, 0), l7 = leaf(c, 7, 0), d1 = leaf(c, 0xd, 1), e1 = leaf(c, 0x80000001u, 0);
    uint32_t *w = h->word;

    w[X86_W_1_EDX] = l1.edx;
    w[X86_W_1_ECX] = l1.ecx | 1u << 31;
    w[X86_W_7_EBX] = l7.ebx;
    w[X86_W_7_ECX] = l7.ecx;
    w[X86_W_7_EDX] = l7.edx;
    w[X86_W_D1_EAX] = d1.eax;
    w[X86_W_6_EAX] = 1u << 2;       /* our APIC timer always runs */
    w[X86_W_81_EDX] = e1.edx;
    w[X86_W_81_ECX] = e1.ecx;
    w[X86_W_87_EDX] = leaf(c, 0x80000007u, 0).edx;
    w[X86_W_KVM_EAX] = kvm_check(kvm, KVM_CAP_ADJUST_CLOCK) ? leaf(c, 0x40000001u, 0).eax : 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(without); i++) {
        w[without[i].word] &= ~without[i].bits;
    }
    if (kvm->irqchip) {
        w[X86_W_1_ECX] |= l1.ecx & 1u << 21;
        w[X86_W_1_ECX] |= kvm_check(kvm, KVM_CAP_TSC_DEADLINE_TIMER) ? 1u << 24 : 0;
    }
}

/* The frequency that guests' TSCs have. Kernels before 5.19 tell it of a vCPU only. */
static uint32_t host_tsc_khz(KvmVm *kvm)
{
    int khz = ioctl(kvm->fd, KVM_GET_TSC_KHZ, 0);

    if (khz <= 0) {
        int vm = ioctl(kvm->dev, KVM_CREATE_VM, 0);
        int vcpu = vm >= 0 ? ioctl(vm, KVM_CREATE_VCPU, 0) : -1;

        khz = vcpu >= 0 ? ioctl(vcpu, KVM_GET_TSC_KHZ, 0) : 0;
        if (vcpu >= 0) {
            close(vcpu);
        }
        if (vm >= 0) {
            close(vm);
        }
    }
    return khz > 0 ? (uint32_t)khz : X86_TSC_HZ / 1000;
}

bool x86_kvm_host(KvmVm *kvm, X86ModelHost *host, GError **errp)
{
    g_autofree struct kvm_cpuid2 *c = entries_new();
    int err = kvm_ioctl(kvm->dev, KVM_GET_SUPPORTED_CPUID, c);

    if (err < 0) {
        return error_set(errp, UNSUPPORTED, "KVM does not tell what CPUs it can offer: %s; use -accel tcg",
                         g_strerror(-err));
    }
    host_identity(c, host);
    host_features(kvm, c, host);
    host->tsc_khz = host_tsc_khz(kvm);
    return true;
}

/* ---- what a vCPU gets ---- */

static void add(struct kvm_cpuid2 *c, const Cpu *cpu, uint32_t function, uint32_t index, bool indexed)
{
    const X86State *s = cpu->env;
    X86Cpuid r = x86_cpuid(s, cpu->index, cpu->vm->ncpus, function, index);

    if (function == 0x80000001u) {
        r.edx = s->model->word[X86_W_81_EDX];   /* KVM's answer does not follow the mode */
    }
    if (c->nent < ENTRIES_MAX) {
        c->entries[c->nent++] = (struct kvm_cpuid_entry2){
            .function = function, .index = index, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
            .eax = r.eax, .ebx = r.ebx, .ecx = r.ecx, .edx = r.edx,
        };
    }
}

/* Leaves whose answer depends on ECX, and how many of them to give. */
static unsigned subleaves(uint32_t function)
{
    return function == 4 ? 4 : function == 7 ? 1 : function == 0xb ? 3 : function == 0xd ? 3 : 0;
}

bool x86_kvm_set_cpuid(Cpu *cpu, GError **errp)
{
    const X86State *s = cpu->env;
    g_autofree struct kvm_cpuid2 *c = entries_new();

    c->nent = 0;
    for (uint32_t f = 0; f <= s->model->level; f++) {
        unsigned n = subleaves(f);

        for (unsigned i = 0; i < MAX(n, 1); i++) {
            add(c, cpu, f, i, n != 0);
        }
    }
    if (x86_has(s, X86_F_HYPERVISOR)) {
        add(c, cpu, 0x40000000u, 0, false);
        add(c, cpu, 0x40000001u, 0, false);
    }
    for (uint32_t f = 0x80000000u; f <= s->model->xlevel; f++) {
        add(c, cpu, f, 0, false);
    }
    int err = kvm_ioctl(kvm_cpu(cpu)->fd, KVM_SET_CPUID2, c);
    return err == 0 || error_set(errp, FAILED, "KVM refuses this CPU model: %s", g_strerror(-err));
}
