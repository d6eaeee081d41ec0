/* KVM's 8259 pair and I/O APIC: making them, where lines lead, their state.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "target/i386/kvm_chips.h"
#include "util/error.h"

#define ISA_LINES 16
#define LINE_TIMER 0
#define LINE_CASCADE 2
#define PIN_TIMER 2

static void add_route(struct kvm_irq_routing *r, unsigned line, unsigned chip, unsigned pin)
{
    r->entries[r->nr++] = (struct kvm_irq_routing_entry){
        .gsi = line, .type = KVM_IRQ_ROUTING_IRQCHIP, .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* Lines of the ISA bus lead to both kinds of chips, the timer's to another pin of the I/O APIC. */
static int set_routes(KvmVm *kvm)
{
    g_autofree struct kvm_irq_routing *r =
        g_malloc0(sizeof(*r) + (ISA_LINES + ACCEL_IOAPIC_PINS) * sizeof(r->entries[0]));

    for (unsigned n = 0; n < ACCEL_IOAPIC_PINS; n++) {
        if (n == LINE_CASCADE) {
            continue;
        }
        if (n < ISA_LINES) {
            add_route(r, n, n < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, n % 8);
        }
        add_route(r, n, KVM_IRQCHIP_IOAPIC, n == LINE_TIMER ? PIN_TIMER : n);
    }
    return kvm_ioctl(kvm->fd, KVM_SET_GSI_ROUTING, r);
}

bool x86_kvm_chips_create(KvmVm *kvm, GError **errp)
{
    static const struct {
        int cap;
        const char *name;
    } needed[] = {
        { KVM_CAP_IRQCHIP, "interrupt controllers" }, { KVM_CAP_IRQ_ROUTING, "interrupt routing" },
        { KVM_CAP_SIGNAL_MSI, "message-signalled interrupts" }, { KVM_CAP_MP_STATE, "states of halted CPUs" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (!kvm_check(kvm, needed[i].cap)) {
            return error_set(errp, UNSUPPORTED, "this kernel's KVM has no %s: use kernel-irqchip=off",
                             needed[i].name);
        }
    }
    if (!(kvm_check(kvm, KVM_CAP_SET_GUEST_DEBUG2) & KVM_GUESTDBG_BLOCKIRQ)) {
        return error_set(errp, UNSUPPORTED, "this kernel's KVM cannot hold interrupts of its own controllers "
                         "while a debugger steps (Linux 5.15 can): use kernel-irqchip=off");
    }
    int err = kvm_ioctl(kvm->fd, KVM_CREATE_IRQCHIP, NULL);
    if (err == 0) {
        err = set_routes(kvm);
    }
    return err == 0 || error_set(errp, FAILED, "KVM cannot make interrupt controllers: %s; use "
                                 "kernel-irqchip=off", g_strerror(-err));
}

/* ---- state ---- */

static void chip_ioctl(KvmVm *kvm, unsigned long request, struct kvm_irqchip *c)
{
    int err = kvm_ioctl(kvm->fd, request, c);

    if (err < 0) {
        g_error("KVM: interrupt controller %u: %s", c->chip_id, g_strerror(-err));
    }
}

static void get_pic(KvmVm *kvm, unsigned id, AccelPic *p)
{
    struct kvm_irqchip c = { .chip_id = id };
    const struct kvm_pic_state *k = &c.chip.pic;

    chip_ioctl(kvm, KVM_GET_IRQCHIP, &c);
    *p = (AccelPic){
        .irr = k->irr, .imr = k->imr, .isr = k->isr, .inputs = k->last_irr, .level = k->elcr,
        .base = k->irq_base, .first = k->priority_add, .auto_eoi = k->auto_eoi,
        .special_mask = k->special_mask, .nested = k->special_fully_nested_mode,
    };
}

/* All that is not named is as after the initialisation. */
static void set_pic(KvmVm *kvm, unsigned id, const AccelPic *p)
{
    struct kvm_irqchip c = { .chip_id = id };
    struct kvm_pic_state *k = &c.chip.pic;

    chip_ioctl(kvm, KVM_GET_IRQCHIP, &c);
    *k = (struct kvm_pic_state){
        .irr = p->irr, .imr = p->imr, .isr = p->isr, .last_irr = p->inputs, .elcr = p->level,
        .irq_base = p->base, .priority_add = p->first, .auto_eoi = p->auto_eoi,
        .special_mask = p->special_mask, .special_fully_nested_mode = p->nested, .init4 = 1,
        .elcr_mask = k->elcr_mask,
    };
    chip_ioctl(kvm, KVM_SET_IRQCHIP, &c);
}

void x86_kvm_chips_get(KvmVm *kvm, AccelIrqchipState *s)
{
    struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

    get_pic(kvm, KVM_IRQCHIP_PIC_MASTER, &s->pic[0]);
    get_pic(kvm, KVM_IRQCHIP_PIC_SLAVE, &s->pic[1]);
    chip_ioctl(kvm, KVM_GET_IRQCHIP, &c);
    s->ioapic_id = (uint8_t)c.chip.ioapic.id;
    s->ioapic_inputs = c.chip.ioapic.irr;
    for (unsigned n = 0; n < ACCEL_IOAPIC_PINS; n++) {
        s->pin[n] = c.chip.ioapic.redirtbl[n].bits;
    }
}

void x86_kvm_chips_set(KvmVm *kvm, const AccelIrqchipState *s)
{
    struct kvm_irqchip c = { .chip_id = KVM_IRQCHIP_IOAPIC };

    set_pic(kvm, KVM_IRQCHIP_PIC_MASTER, &s->pic[0]);
    set_pic(kvm, KVM_IRQCHIP_PIC_SLAVE, &s->pic[1]);
    chip_ioctl(kvm, KVM_GET_IRQCHIP, &c);
    c.chip.ioapic = (struct kvm_ioapic_state){
        .base_address = c.chip.ioapic.base_address, .id = s->ioapic_id,
    };
    for (unsigned n = 0; n < ACCEL_IOAPIC_PINS; n++) {
        c.chip.ioapic.redirtbl[n].bits = s->pin[n];
    }
    chip_ioctl(kvm, KVM_SET_IRQCHIP, &c);
}

/* ---- what the 8259s would hand out ---- */

/* The input whose request comes through, or -1: of those requested the first in the chip's order, if it is
 * before all that are being served. `aside`: inputs that do not count as served. */
static int pic_winner(const AccelPic *p, uint8_t aside)
{
    uint8_t wanted = p->irr & (uint8_t)~p->imr;
    uint8_t served = p->isr & (uint8_t)~aside & (uint8_t)~(p->special_mask ? p->imr : 0);

    for (unsigned i = 0; i < 8; i++) {
        unsigned n = (p->first + i) & 7;

        if (served >> n & 1) {
            return -1;
        }
        if (wanted >> n & 1) {
            return (int)n;
        }
    }
    return -1;
}

int x86_kvm_pic_vector(KvmVm *kvm)
{
    AccelIrqchipState s;
    int n, slave;

    x86_kvm_chips_get(kvm, &s);
    n = pic_winner(&s.pic[0], s.pic[0].nested ? 1u << LINE_CASCADE : 0);
    if (n != LINE_CASCADE) {
        return n < 0 ? -1 : s.pic[0].base + n;
    }
    slave = pic_winner(&s.pic[1], 0);
    return s.pic[1].base + (slave < 0 ? 7 : slave);
}
