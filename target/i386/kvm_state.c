/* The state of a vCPU between X86State and KVM, by groups of registers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "mem/mem.h"
#include "target/i386/flags.h"
#include "target/i386/kvm_chips.h"
#include "target/i386/lapic.h"
#include "target/i386/mmu.h"
#include "target/i386/msr.h"
#include "util/bytes.h"
#include "vm/vm.h"

void x86_kvm_do(Cpu *cpu, unsigned long request, void *arg, const char *what)
{
    int err = kvm_ioctl(kvm_cpu(cpu)->fd, request, arg);

    if (err < 0) {
        g_error("KVM: CPU %u: %s: %s", cpu->index, what, g_strerror(-err));
    }
}

/* ---- general registers ---- */

/* In the order of their encoding. */
static __u64 *gpr_of(struct kvm_regs *r, unsigned i)
{
    __u64 *const at[16] = {
        &r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
        &r->r8, &r->r9, &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
    };

    return at[i];
}

static void get_regs(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_regs r;

    x86_kvm_do(cpu, KVM_GET_REGS, &r, "reading registers");
    for (unsigned i = 0; i < 16; i++) {
        s->gpr[i] = *gpr_of(&r, i);
    }
    s->rip = r.rip;
    x86_eflags_set(s, r.rflags);
}

void x86_kvm_put_regs(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_regs r;

    for (unsigned i = 0; i < 16; i++) {
        *gpr_of(&r, i) = s->gpr[i];
    }
    r.rip = s->rip;
    r.rflags = x86_eflags_get(s);
    x86_kvm_do(cpu, KVM_SET_REGS, &r, "writing registers");
    x86_kvm(cpu)->ready_unknown = true;
}

/* ---- segments and control registers ---- */

static void get_seg(X86Seg *out, const struct kvm_segment *k)
{
    out->selector = k->selector;
    out->base = k->base;
    out->limit = k->limit;
    out->flags = (uint32_t)k->type << X86_SEG_TYPE_SHIFT | (uint32_t)k->dpl << X86_SEG_DPL_SHIFT |
                 (k->s ? X86_SEG_S : 0) | (k->present && !k->unusable ? X86_SEG_P : 0) |
                 (k->avl ? X86_SEG_AVL : 0) | (k->l ? X86_SEG_L : 0) | (k->db ? X86_SEG_B : 0) |
                 (k->g ? X86_SEG_G : 0);
}

static void put_seg(struct kvm_segment *k, const X86Seg *seg)
{
    *k = (struct kvm_segment){
        .selector = (uint16_t)seg->selector, .base = seg->base, .limit = seg->limit,
        .type = seg->flags >> X86_SEG_TYPE_SHIFT & 15, .dpl = seg->flags >> X86_SEG_DPL_SHIFT & 3,
        .s = !!(seg->flags & X86_SEG_S), .present = !!(seg->flags & X86_SEG_P),
        .avl = !!(seg->flags & X86_SEG_AVL), .l = !!(seg->flags & X86_SEG_L),
        .db = !!(seg->flags & X86_SEG_B), .g = !!(seg->flags & X86_SEG_G),
        .unusable = !(seg->flags & X86_SEG_P),
    };
}

static struct kvm_segment *seg_of(struct kvm_sregs *r, unsigned i)
{
    struct kvm_segment *const at[X86_NUM_SEGS] = { &r->es, &r->cs, &r->ss, &r->ds, &r->fs, &r->gs };

    return at[i];
}

/* With PAE the CPU keeps the four entries that it loaded with CR3; here they are read again. */
static void read_pdptes(Cpu *cpu)
{
    X86State *s = cpu->env;
    uint8_t b[32] = { 0 };

    if ((s->cr0 & X86_CR0_PG) && (s->cr4 & X86_CR4_PAE) && !(s->efer & X86_EFER_LMA)) {
        mem_peek(cpu->vm->memory, s->cr3 & 0xffffffe0u, b, sizeof(b));
        for (unsigned i = 0; i < 4; i++) {
            s->pdpte[i] = load_le64(b + 8 * i);
        }
    }
}

static void get_sregs(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_sregs *r = &x86_kvm(cpu)->sregs;

    x86_kvm_do(cpu, KVM_GET_SREGS, r, "reading system registers");
    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        get_seg(&s->seg[i], seg_of(r, i));
    }
    get_seg(&s->ldt, &r->ldt);
    get_seg(&s->tr, &r->tr);
    s->gdt.base = r->gdt.base;
    s->gdt.limit = r->gdt.limit;
    s->idt.base = r->idt.base;
    s->idt.limit = r->idt.limit;
    s->cr0 = r->cr0;
    s->cr2 = r->cr2;
    s->cr3 = r->cr3;
    s->cr4 = r->cr4;
    s->efer = r->efer;
    if (kvm_of(cpu)->irqchip) {
        s->apic_base = r->apic_base;
        s->lapic->tpr = x86_lapic_cr8(s->lapic) == r->cr8 ? s->lapic->tpr : (uint32_t)r->cr8 << 4;
    }
    read_pdptes(cpu);
}

static void put_sregs(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_sregs *r = &x86_kvm(cpu)->sregs;

    for (unsigned i = 0; i < X86_NUM_SEGS; i++) {
        put_seg(seg_of(r, i), &s->seg[i]);
    }
    put_seg(&r->ldt, &s->ldt);
    put_seg(&r->tr, &s->tr);
    r->gdt.base = s->gdt.base;
    r->gdt.limit = (uint16_t)s->gdt.limit;
    r->idt.base = s->idt.base;
    r->idt.limit = (uint16_t)s->idt.limit;
    r->cr0 = s->cr0;
    r->cr2 = s->cr2;
    r->cr3 = s->cr3;
    r->cr4 = s->cr4;
    r->cr8 = x86_lapic_cr8(s->lapic);
    r->efer = s->efer;
    r->apic_base = s->apic_base;
    memset(r->interrupt_bitmap, 0, sizeof(r->interrupt_bitmap));   /* told by the events */
    x86_kvm_do(cpu, KVM_SET_SREGS, r, "writing system registers");
}

/* A change of CR4.PGE is what empties all of a processor's translations (SDM vol. 3, 4.10.4.1), and has KVM walk
 * nested ones anew. Shadow page tables (a module's ept=0, npt=0) it keeps. */
void x86_kvm_flush(Cpu *cpu)
{
    struct kvm_sregs r;

    x86_kvm_do(cpu, KVM_GET_SREGS, &r, "reading system registers");
    memset(r.interrupt_bitmap, 0, sizeof(r.interrupt_bitmap));
    for (unsigned i = 0; i < 2; i++) {
        r.cr4 ^= X86_CR4_PGE;
        x86_kvm_do(cpu, KVM_SET_SREGS, &r, "having translations forgotten");
    }
}

/* ---- x87, SSE, AVX: the XSAVE image in its standard format (SDM vol. 1, 13.4) ---- */

#define XSAVE_BV 512
#define XSAVE_AVX 576

static void get_x87(X86Fpu *f, const uint8_t *b)
{
    f->control = load_le16(b);
    f->status = load_le16(b + 2) & ~(7u << 11);
    f->top = load_le16(b + 2) >> 11 & 7;
    f->tags = b[4];
    f->opcode = load_le16(b + 6);
    f->ip = load_le64(b + 8);
    f->dp = load_le64(b + 16);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(f->st[(f->top + i) & 7], b + 32 + 16 * i, 10);
    }
}

static void put_x87(const X86Fpu *f, uint8_t *b)
{
    store_le16(b, f->control);
    store_le16(b + 2, (uint16_t)(f->status | f->top << 11));
    b[4] = f->tags;
    store_le16(b + 6, f->opcode);
    store_le64(b + 8, f->ip);
    store_le64(b + 16, f->dp);
    for (unsigned i = 0; i < 8; i++) {
        memcpy(b + 32 + 16 * i, f->st[(f->top + i) & 7], 10);
    }
}

static void get_xsave(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_xcrs x = { 0 };
    uint8_t *b = (uint8_t *)x86_kvm(cpu)->xsave->region;

    x86_kvm_do(cpu, KVM_GET_XSAVE, b, "reading floating-point registers");
    get_x87(&s->fpu, b);
    s->mxcsr = load_le32(b + 24);
    memcpy(s->xmm, b + 160, sizeof(s->xmm));
    memset(s->ymm_high, 0, sizeof(s->ymm_high));
    if (x86_has(s, X86_F_AVX) && (load_le64(b + XSAVE_BV) & 4)) {
        memcpy(s->ymm_high, b + XSAVE_AVX, sizeof(s->ymm_high));
    }
    if (x86_has(s, X86_F_XSAVE) && kvm_ioctl(kvm_cpu(cpu)->fd, KVM_GET_XCRS, &x) == 0) {
        s->xcr0 = x.xcrs[0].value;
    }
}

static void put_xsave(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_xcrs x = { .nr_xcrs = 1, .xcrs[0].value = s->xcr0 };
    uint8_t *b = (uint8_t *)x86_kvm(cpu)->xsave->region;

    put_x87(&s->fpu, b);
    store_le32(b + 24, s->mxcsr);
    memcpy(b + 160, s->xmm, sizeof(s->xmm));
    memcpy(b + XSAVE_AVX, s->ymm_high, sizeof(s->ymm_high));
    store_le64(b + XSAVE_BV, load_le64(b + XSAVE_BV) | 3 | (x86_has(s, X86_F_AVX) ? 4 : 0));
    x86_kvm_do(cpu, KVM_SET_XSAVE, b, "writing floating-point registers");
    if (x86_has(s, X86_F_XSAVE)) {
        x86_kvm_do(cpu, KVM_SET_XCRS, &x, "writing XCR0");
    }
}

/* ---- debug registers ---- */

static void get_debugregs(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_debugregs d;

    x86_kvm_do(cpu, KVM_GET_DEBUGREGS, &d, "reading debug registers");
    s->dr[6] = d.dr6;       /* KVM itself raises #DB behind instructions that it emulates */
    if (x86_kvm(cpu)->hw && x86_kvm_vm(cpu)->caps.gd) {
        return;             /* the guest's others are here */
    }
    for (unsigned i = 0; i < 4; i++) {
        s->dr[i] = d.db[i];
    }
    s->dr[7] = d.dr7;
}

void x86_kvm_put_debugregs(Cpu *cpu)
{
    const X86State *s = cpu->env;
    struct kvm_debugregs d = { .dr6 = s->dr[6], .dr7 = s->dr[7] };

    for (unsigned i = 0; i < 4; i++) {
        d.db[i] = s->dr[i];
    }
    x86_kvm_do(cpu, KVM_SET_DEBUGREGS, &d, "writing debug registers");
}

/* ---- MSRs ---- */

typedef struct MsrRow {
    uint32_t num, count;
    uint16_t off;           /* in X86State */
    uint16_t feature;       /* needed, or X86_FEATURE_NONE */
} MsrRow;

#define MSR(num, field) { num, 1, offsetof(X86State, field), X86_FEATURE_NONE }
#define MSR_IF(num, field, f) { num, 1, offsetof(X86State, field), X86_F_##f }

static const MsrRow rows[] = {
    MSR(X86_MSR_STAR, star), MSR(X86_MSR_LSTAR, lstar), MSR(X86_MSR_CSTAR, cstar),
    MSR(X86_MSR_SFMASK, sfmask), MSR(X86_MSR_KERNEL_GS_BASE, kernel_gs_base),
    MSR_IF(X86_MSR_TSC_AUX, tsc_aux, RDTSCP),
    MSR(X86_MSR_SYSENTER_CS, sysenter_cs), MSR(X86_MSR_SYSENTER_ESP, sysenter_esp),
    MSR(X86_MSR_SYSENTER_EIP, sysenter_eip),
    MSR_IF(0x4b564d01, kvm_system_time, KVMCLOCK),
    MSR(X86_MSR_PAT, pat), MSR(X86_MSR_MISC_ENABLE, misc_enable),
    MSR_IF(X86_MSR_TSC_ADJUST, tsc_adjust, TSC_ADJUST), MSR_IF(0x48, spec_ctrl, SPEC_CTRL),
    MSR(X86_MSR_MTRR_DEFTYPE, mtrr_deftype), MSR(X86_MSR_MCG_STATUS, mcg_status),
    { X86_MSR_MTRR_VAR, 16, offsetof(X86State, mtrr_var), X86_FEATURE_NONE },
    { 0x250, 1, offsetof(X86State, mtrr_fixed[0]), X86_FEATURE_NONE },
    { 0x258, 2, offsetof(X86State, mtrr_fixed[1]), X86_FEATURE_NONE },
    { 0x268, 8, offsetof(X86State, mtrr_fixed[3]), X86_FEATURE_NONE },
};

int x86_kvm_msrs(Cpu *cpu, bool set, struct kvm_msr_entry *entry, unsigned n)
{
    g_autofree struct kvm_msrs *m = g_malloc0(sizeof(*m) + n * sizeof(*entry));

    m->nmsrs = n;
    memcpy(m->entries, entry, n * sizeof(*entry));
    int ret = kvm_ioctl(kvm_cpu(cpu)->fd, set ? KVM_SET_MSRS : KVM_GET_MSRS, m);
    memcpy(entry, m->entries, n * sizeof(*entry));
    return MAX(ret, 0);
}

static bool msr_known(const X86KvmVm *v, uint32_t num)
{
    for (unsigned i = 0; i < v->nmsr; i++) {
        if (v->msr[i] == num) {
            return true;
        }
    }
    return false;
}

/* Those that this KVM has and this CPU offers; where each lies in the state. */
static unsigned msr_list(Cpu *cpu, struct kvm_msr_entry *list, uint64_t **at)
{
    X86State *s = cpu->env;
    unsigned n = 0;

    memset(list, 0, X86_KVM_MSRS * sizeof(*list));
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        const MsrRow *r = &rows[i];

        for (unsigned k = 0; k < r->count; k++) {
            if (msr_known(x86_kvm_vm(cpu), r->num + k) &&
                (r->feature == X86_FEATURE_NONE || x86_has(s, (X86Feature)r->feature))) {
                at[n] = (uint64_t *)((char *)s + r->off) + k;
                list[n++].index = r->num + k;
            }
        }
    }
    return n;
}

/* KVM's index list names what is worth saving; MTRRs are not in it, but there. */
void x86_kvm_find_msrs(KvmVm *kvm)
{
    X86KvmVm *v = kvm->arch_data;
    g_autofree struct kvm_msr_list *list = g_malloc0(sizeof(*list) + 4096 * sizeof(uint32_t));

    list->nmsrs = 4096;
    if (kvm_ioctl(kvm->dev, KVM_GET_MSR_INDEX_LIST, list) < 0) {
        list->nmsrs = 0;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (unsigned k = 0; k < rows[i].count; k++) {
            uint32_t num = rows[i].num + k;
            bool mtrr = num >= X86_MSR_MTRR_VAR && num <= X86_MSR_MTRR_DEFTYPE && num != X86_MSR_PAT;
            bool known = mtrr || num == X86_MSR_PAT;

            for (unsigned n = 0; n < list->nmsrs; n++) {
                known |= list->indices[n] == num;
            }
            if (known && v->nmsr < X86_KVM_MSRS) {
                v->msr[v->nmsr++] = num;
            }
        }
    }
}

static void get_msrs(Cpu *cpu)
{
    uint64_t *at[X86_KVM_MSRS];
    struct kvm_msr_entry list[X86_KVM_MSRS];
    unsigned n = msr_list(cpu, list, at), got = (unsigned)x86_kvm_msrs(cpu, false, list, n);

    for (unsigned i = 0; i < got && i < n; i++) {
        *at[i] = list[i].data;
    }
}

static void put_msrs(Cpu *cpu)
{
    uint64_t *at[X86_KVM_MSRS];
    struct kvm_msr_entry list[X86_KVM_MSRS];
    unsigned n = msr_list(cpu, list, at);

    for (unsigned i = 0; i < n; i++) {
        list[i].data = *at[i];
    }
    /* KVM stops at the first that it refuses: that one and no other is left out. */
    for (unsigned done = 0; done < n; done++) {
        done += (unsigned)x86_kvm_msrs(cpu, true, list + done, n - done);
    }
}

/* ---- events ---- */

static void get_events(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_vcpu_events *v = &x86_kvm(cpu)->events;

    x86_kvm_do(cpu, KVM_GET_VCPU_EVENTS, v, "reading events");
    x86_kvm(cpu)->events_rip = s->rip;
    s->nmi_blocked = v->nmi.masked;
    s->mode &= ~(X86_MODE_SHADOW | X86_MODE_SS_SHADOW);
    s->mode |= v->interrupt.shadow & KVM_X86_SHADOW_INT_STI ? X86_MODE_SHADOW : 0;
    s->mode |= v->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? X86_MODE_SS_SHADOW : 0;
}

void x86_kvm_put_events(Cpu *cpu)
{
    X86State *s = cpu->env;
    struct kvm_vcpu_events *v = &x86_kvm(cpu)->events;

    v->nmi.masked = s->nmi_blocked;
    v->interrupt.shadow = (s->mode & X86_MODE_SHADOW ? KVM_X86_SHADOW_INT_STI : 0) |
                          (s->mode & X86_MODE_SS_SHADOW ? KVM_X86_SHADOW_INT_MOV_SS : 0);
    v->flags = KVM_VCPUEVENT_VALID_NMI_PENDING | (x86_kvm(cpu)->can_shadow ? KVM_VCPUEVENT_VALID_SHADOW : 0);
    x86_kvm_do(cpu, KVM_SET_VCPU_EVENTS, v, "writing events");
    x86_kvm(cpu)->ready_unknown = true;
}

/* ---- all ---- */

void x86_kvm_fetch(Cpu *cpu, RegGroups groups)
{
    X86State *s = cpu->env;
    bool irqchip = kvm_of(cpu)->irqchip;

    if (irqchip && !cpu->fetched) {
        x86_kvm_power_fetch(cpu);
    }
    if (groups & (REGS_GENERAL | REGS_SYSTEM)) {
        get_regs(cpu);
        get_sregs(cpu);
        cpu->fetched |= REGS_GENERAL | REGS_SYSTEM;     /* what the one means hangs on the other */
    }
    if (groups & (REGS_FLOAT | REGS_VECTOR)) {
        get_xsave(cpu);
        cpu->fetched |= REGS_FLOAT | REGS_VECTOR;
    }
    if (groups & REGS_DEBUG) {
        get_debugregs(cpu);
    }
    if (groups & REGS_MSR) {
        get_msrs(cpu);
    }
    if (groups & REGS_EVENTS) {
        if (!(cpu->fetched & REGS_GENERAL)) {
            get_regs(cpu);      /* they tell which instruction an exception belongs to */
            get_sregs(cpu);
            cpu->fetched |= REGS_GENERAL | REGS_SYSTEM;
        }
        get_events(cpu);
    }
    if (irqchip && (groups & (REGS_EVENTS | REGS_MSR))) {
        x86_kvm_lapic_fetch(cpu);
    }
    x86_mode_update(s);
}

/* A debugger has moved the pc: a fault or software interrupt of the instruction there is void. */
static void drop_void_events(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);
    struct kvm_vcpu_events *v = &k->events;

    if (((const X86State *)cpu->env)->rip == k->events_rip) {
        return;
    }
    if (k->passed) {
        ((X86State *)cpu->env)->eflags &= ~X86_RF;
        k->passed = false;
    }
    if (v->exception.nr != X86_EXC_DB) {
        v->exception.injected = v->exception.pending = 0;
    }
    if (v->interrupt.soft) {
        v->interrupt.injected = 0;
    }
}

void x86_kvm_store(Cpu *cpu)
{
    X86Kvm *k = x86_kvm(cpu);

    drop_void_events(cpu);

    put_sregs(cpu);
    put_xsave(cpu);
    put_msrs(cpu);
    if (kvm_of(cpu)->irqchip) {
        x86_kvm_lapic_store(cpu);
    }
    x86_kvm_put_debugregs(cpu);
    x86_kvm_put_regs(cpu);
    x86_kvm_put_events(cpu);        /* last: writing registers drops a pending exception */
    k->dr_dirty = true;
}
