/* What this host's KVM can do for a debugger, found out by trying it in a scratch virtual machine: a
 * few instructions in long mode, each run under one kind of debugging.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/kvm/kick.h"
#include "target/i386/kvm_x86.h"
#include "util/bytes.h"

enum {
    MEMORY = 0x20000, PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, HANDLER = 0x8000, CODE = 0x10000,
    IDT = 0x11000, STACK = 0x13000, DATA = 0x14000, PAGE = 0x1000,
};

typedef struct Scratch {
    int vm, vcpu;
    uint8_t *mem;
    struct kvm_run *run;
    size_t run_size;
    int last;               /* errno of the last run, 0 for an exit */
} Scratch;

static bool scratch_vcpu(KvmVm *kvm, Scratch *t)
{
    struct kvm_userspace_memory_region r = {
        .memory_size = MEMORY, .userspace_addr = (uintptr_t)t->mem,
    };
    uint64_t identity = UINT64_C(0xfffbc000);

    ioctl(t->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity);
    ioctl(t->vm, KVM_SET_TSS_ADDR, 0xfffbd000u);
    if (ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &r) < 0) {
        return false;
    }
    t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
    if (t->vcpu < 0) {
        return false;
    }
    t->run_size = kvm->run_size;
    t->run = mmap(NULL, t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
    return t->run != MAP_FAILED;
}

/* Flat long mode, identity mapped; every vector leads to a HLT. */
static void scratch_tables(Scratch *t)
{
    store_le64(t->mem + PML4, PDPT | 3);
    store_le64(t->mem + PDPT, PD | 3);
    store_le64(t->mem + PD, 0x83);
    t->mem[HANDLER] = 0xf4;
    for (unsigned i = 0; i < 256; i++) {
        uint8_t *gate = t->mem + IDT + 16 * i;

        store_le16(gate, HANDLER & 0xffff);
        store_le16(gate + 2, 8);
        gate[5] = 0x8e;
        store_le16(gate + 6, HANDLER >> 16);
    }
    store_le64(t->mem + PAGE * 4 + 8, UINT64_C(0x00af9b000000ffff));    /* the descriptor of selector 8 */
}

static void scratch_close(Scratch *t)
{
    if (t->run && t->run != MAP_FAILED) {
        munmap(t->run, t->run_size);
    }
    if (t->vcpu >= 0) {
        close(t->vcpu);
    }
    if (t->vm >= 0) {
        close(t->vm);
    }
    munmap(t->mem, MEMORY);
}

static bool scratch_open(KvmVm *kvm, Scratch *t)
{
    *t = (Scratch){ .vm = -1, .vcpu = -1 };
    t->mem = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert(t->mem != MAP_FAILED);
    t->vm = ioctl(kvm->dev, KVM_CREATE_VM, 0);
    if (t->vm < 0 || !scratch_vcpu(kvm, t)) {
        scratch_close(t);
        return false;
    }
    scratch_tables(t);
    return true;
}

static bool scratch_registers(Scratch *t)
{
    struct kvm_segment code = { .selector = 8, .limit = 0xffffffffu, .type = 11, .present = 1, .s = 1, .l = 1,
                                .g = 1 };
    struct kvm_segment data = { .selector = 16, .limit = 0xffffffffu, .type = 3, .present = 1, .s = 1, .db = 1,
                                .g = 1 };
    struct kvm_regs r = { .rip = CODE, .rsp = STACK + PAGE, .rflags = 2, .rdi = DATA };
    struct kvm_sregs s;

    if (ioctl(t->vcpu, KVM_GET_SREGS, &s) < 0) {
        return false;
    }
    s.cs = code;
    s.ds = s.es = s.fs = s.gs = s.ss = data;
    s.gdt = (struct kvm_dtable){ .base = PAGE * 4, .limit = 23 };
    s.idt = (struct kvm_dtable){ .base = IDT, .limit = 4095 };
    s.cr0 = X86_CR0_PE | X86_CR0_ET | X86_CR0_NE | X86_CR0_PG;
    s.cr3 = PML4;
    s.cr4 = X86_CR4_PAE;
    s.efer = X86_EFER_LME | X86_EFER_LMA;
    return ioctl(t->vcpu, KVM_SET_SREGS, &s) == 0 && ioctl(t->vcpu, KVM_SET_REGS, &r) == 0;
}

/* Runs this code from its start, under this debugging. */
static bool start(Scratch *t, const char *code, size_t len, uint32_t control, uint64_t dr0, uint64_t dr7)
{
    struct kvm_guest_debug d = { .control = control ? control | KVM_GUESTDBG_ENABLE : 0 };
    struct kvm_vcpu_events none = { 0 };

    memset(t->mem + CODE, 0xf4, 64);
    memcpy(t->mem + CODE, code, len);
    ioctl(t->vcpu, KVM_SET_GUEST_DEBUG, &(struct kvm_guest_debug){ 0 });
    ioctl(t->vcpu, KVM_SET_VCPU_EVENTS, &none);
    d.arch.debugreg[0] = dr0;
    d.arch.debugreg[7] = dr7;
    return scratch_registers(t) && ioctl(t->vcpu, KVM_SET_GUEST_DEBUG, &d) == 0;
}

/* Each of the tries is a few instructions: a KVM that needs so long has gone astray, and is tried no more. */
#define LIMIT_MS 10000

static void go(Scratch *t)
{
    if (t->last != EINTR) {
        t->last = -kvm_run_limited(t->vcpu, t->run, LIMIT_MS);
    }
}

static uint64_t pc(Scratch *t)
{
    struct kvm_regs r = { 0 };

    ioctl(t->vcpu, KVM_GET_REGS, &r);
    return r.rip;
}

static bool stopped(Scratch *t, uint32_t exception, uint64_t at)
{
    return !t->last && t->run->exit_reason == KVM_EXIT_DEBUG && t->run->debug.arch.exception == exception &&
           pc(t) == at;
}

static bool halted(Scratch *t, uint64_t at)
{
    return !t->last && t->run->exit_reason == KVM_EXIT_HLT && pc(t) == at + 1;
}

/* mov %al,(%rdi) */
#define STORE "\x88\x07"

/* An emulated processor may come out a few times before it has executed anything (kvm_step.c). */
static bool try_step(Scratch *t)
{
    bool ok = start(t, "\x90\x90", 2, KVM_GUESTDBG_SINGLESTEP, 0, 0x400);

    for (unsigned i = 0; ok && i < 16; i++) {
        go(t);
        if (!stopped(t, 1, CODE)) {
            break;
        }
    }
    return ok && stopped(t, 1, CODE + 1);
}

static void try_points(Scratch *t, X86KvmCaps *c)
{
    bool ok;

    c->step = try_step(t);
    ok = start(t, "\x90\x90", 2, KVM_GUESTDBG_USE_HW_BP, CODE + 1, 0x402);
    go(t);
    c->exec = ok && stopped(t, 1, CODE + 1);
    c->cause = c->exec && (t->run->debug.arch.dr6 & 1);
    ok = start(t, STORE "\x90", 3, KVM_GUESTDBG_USE_HW_BP, DATA, 0x402 | 1u << 16);
    go(t);
    c->data = ok && stopped(t, 1, CODE + 2);
    ok = start(t, "\xcc", 1, KVM_GUESTDBG_USE_SW_BP, 0, 0x400);
    go(t);
    c->sw = ok && stopped(t, 3, CODE);
    ok = start(t, "\x0f\x23\xc0", 3, KVM_GUESTDBG_USE_HW_BP, 0, 0x402 | X86_DR7_GD);    /* mov %rax,%dr0 */
    go(t);
    c->gd = ok && c->exec && stopped(t, 1, CODE);
}

static void try_pages(Scratch *t, X86KvmCaps *c)
{
    struct kvm_vcpu_events v = { 0 };
    bool ok;

    ok = start(t, STORE, 2, 0, 0, 0);
    t->mem[DATA] = 0x55;
    mprotect(t->mem + DATA, PAGE, PROT_READ);
    go(t);
    ok = ok && t->last == EFAULT && pc(t) == CODE && t->mem[DATA] == 0x55;
    mprotect(t->mem + DATA, PAGE, PROT_READ | PROT_WRITE);
    if (ok) {
        go(t);
        c->fault = halted(t, CODE + 2) && t->mem[DATA] == 0;
    }
    ok = start(t, "\x0f\x0b", 2, 0, 0, 0);      /* ud2 */
    mprotect(t->mem + IDT, PAGE, PROT_NONE);
    go(t);
    ok = ok && t->last == EFAULT && pc(t) == CODE && ioctl(t->vcpu, KVM_GET_VCPU_EVENTS, &v) == 0 &&
         v.exception.injected && v.exception.nr == X86_EXC_UD;
    mprotect(t->mem + IDT, PAGE, PROT_READ | PROT_WRITE);
    if (ok) {
        go(t);
        c->bar = halted(t, HANDLER);
    }
}

/* An exception without an interrupt table to find its handler in. */
static void try_triple_fault(Scratch *t, X86KvmCaps *c)
{
    struct kvm_sregs s;
    bool ok = start(t, "\x0f\x0b", 2, 0, 0, 0) && ioctl(t->vcpu, KVM_GET_SREGS, &s) == 0;     /* ud2 */

    s.idt.limit = 0;
    if (ok && ioctl(t->vcpu, KVM_SET_SREGS, &s) == 0) {
        go(t);
        c->triple = !t->last && t->run->exit_reason == KVM_EXIT_SHUTDOWN && pc(t) == CODE;
    }
}

/* Each capability with what its lack means. */
typedef struct CapRow {
    size_t off;
    const char *name, *without;
} CapRow;

#define CAP(field, name, without) { offsetof(X86KvmCaps, field), name, without }

static const CapRow cap_rows[] = {
    CAP(step, "single step", "no steps, and no going on from a breakpoint"),
    CAP(exec, "execute breakpoints in debug registers", "breakpoints are written into memory"),
    CAP(data, "watchpoints in debug registers", "watchpoints by page protection only"),
    CAP(cause, "DR6 names the register that was hit", "watchpoints are told by what changed"),
    CAP(sw, "breakpoint instructions come out", "breakpoints in debug registers only"),
    CAP(gd, "the guest's moves to debug registers come out", "the guest's own debug registers do nothing while "
        "one is the debugger's"),
    CAP(block_irq, "steps hold interrupts of the kernel's controllers", "kernel-irqchip=on cannot be had"),
    CAP(fault, "stores to protected pages come out", "no more watchpoints than debug registers"),
    CAP(bar, "exceptions come out before they are delivered", "a step into an exception may run on"),
    CAP(triple, "a triple fault leaves the registers", "when one is told, they are those after a reset"),
};

void x86_kvm_describe(KvmVm *kvm, GString *out)
{
    const X86KvmVm *v = kvm->arch_data;

    g_string_append_printf(out, "KVM: the interrupt controllers are %s\n",
                           kvm->irqchip ? "its own (kernel-irqchip=on)" : "in this process (kernel-irqchip=off)");
    if (!v->caps.tried) {
        g_string_append(out, "KVM: its debugging could not be tried; none is used\n");
    }
    for (unsigned i = 0; v->caps.tried && i < G_N_ELEMENTS(cap_rows); i++) {
        const CapRow *r = &cap_rows[i];
        bool has = *(const bool *)((const char *)&v->caps + r->off);

        g_string_append_printf(out, "KVM: %s %s%s%s\n", has ? "yes:" : "no: ", r->name, has ? "" : "; ",
                               has ? "" : r->without);
    }
}

void x86_kvm_try(KvmVm *kvm, X86KvmCaps *c)
{
    Scratch t;

    c->block_irq = kvm_check(kvm, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ;
    if (kvm_check(kvm, KVM_CAP_SET_GUEST_DEBUG) && scratch_open(kvm, &t)) {
        c->tried = true;
        try_points(&t, c);
        try_pages(&t, c);
        try_triple_fault(&t, c);
        scratch_close(&t);
    }
}
