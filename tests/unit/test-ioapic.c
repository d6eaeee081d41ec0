/* The I/O APIC: registers, edges, levels, ends of interrupt.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-vm.h"
#include "hw/intc/ioapic.h"

static Device *ioapic;
static IrqLine *in;
static unsigned sent;
static IntcMessage last;
static bool accept = true;

static bool deliver(Vm *vm, const IntcMessage *msg)
{
    sent++;
    last = *msg;
    return accept;
}

static const IntcCpuOps cpu_ops = { .deliver = deliver };

static void begin(void)
{
    fake_vm_init();
    ioapic = fake_vm_device(&ioapic_class);
    ioapic_set_cpu_ops(ioapic, &cpu_ops);
    in = ioapic_inputs(ioapic);
    sent = 0;
    accept = true;
}

static void end(void)
{
    device_free(ioapic);
    fake_vm_done();
}

static uint32_t ioapic_reg(uint8_t index)
{
    uint64_t v;

    mem_store(fake.mem, IOAPIC_BASE, MEM_ATTRS_CPU(0), 4, index);
    mem_load(fake.mem, IOAPIC_BASE + 0x10, MEM_ATTRS_CPU(0), 4, &v);
    return (uint32_t)v;
}

static void ioapic_set(uint8_t index, uint32_t v)
{
    mem_store(fake.mem, IOAPIC_BASE, MEM_ATTRS_CPU(0), 1, index);    /* a byte is enough */
    mem_store(fake.mem, IOAPIC_BASE + 0x10, MEM_ATTRS_CPU(0), 4, v);
}

static void entry_write(unsigned pin, uint64_t v)
{
    ioapic_set((uint8_t)(0x11 + 2 * pin), (uint32_t)(v >> 32));
    ioapic_set((uint8_t)(0x10 + 2 * pin), (uint32_t)v);
}

static void test_registers(void)
{
    begin();
    g_assert_cmphex(ioapic_reg(1), ==, 0x00170020);
    ioapic_set(0, 0xff000000);
    g_assert_cmphex(ioapic_reg(0), ==, 0x0f000000);
    for (unsigned pin = 0; pin < IOAPIC_PINS; pin++) {
        g_assert_cmphex(ioapic_reg((uint8_t)(0x10 + 2 * pin)), ==, 0x10000);
    }
    entry_write(23, UINT64_MAX);
    g_assert_cmphex(ioapic_reg(0x10 + 46), ==, 0x1afff);    /* read-only bits stay 0 */
    g_assert_cmphex(ioapic_reg(0x11 + 46), ==, 0xff000000);
    ioapic_set(0x40, 0xffffffff);
    g_assert_cmphex(ioapic_reg(0x40), ==, 0);
    end();
}

static void test_edge(void)
{
    begin();
    irq_raise(&in[4]);                           /* masked: lost */
    entry_write(4, UINT64_C(2) << 56 | 0x0941);
    g_assert_cmpuint(sent, ==, 0);
    irq_raise(&in[4]);                           /* no edge */
    g_assert_cmpuint(sent, ==, 0);
    irq_lower(&in[4]);
    irq_raise(&in[4]);
    g_assert_cmpuint(sent, ==, 1);
    g_assert_cmphex(last.vector, ==, 0x41);
    g_assert_cmphex(last.dest, ==, 2);
    g_assert_true(last.logical);
    g_assert_cmpint(last.mode, ==, INTC_MODE_LOWEST);
    g_assert_cmpint(last.trigger, ==, INTC_TRIGGER_EDGE);
    g_assert_false(ioapic_reg(0x18) & 1u << 14);
    end();
}

static void test_level(void)
{
    begin();
    irq_raise(&in[9]);
    entry_write(9, 0x8039);
    g_assert_cmpuint(sent, ==, 1);               /* levels don't get lost */
    g_assert_true(ioapic_reg(0x22) & 1u << 14);
    irq_raise(&in[9]);
    g_assert_cmpuint(sent, ==, 1);
    ioapic_eoi(ioapic, 0x40);                    /* another vector */
    g_assert_cmpuint(sent, ==, 1);
    ioapic_eoi(ioapic, 0x39);
    g_assert_cmpuint(sent, ==, 2);               /* still asserted */
    irq_lower(&in[9]);
    mem_store(fake.mem, IOAPIC_BASE + 0x40, MEM_ATTRS_CPU(0), 4, 0x39);
    g_assert_cmpuint(sent, ==, 2);
    g_assert_false(ioapic_reg(0x22) & 1u << 14);
    end();
}

static void test_mask_holds_level(void)
{
    begin();
    entry_write(9, 0x18039);
    irq_raise(&in[9]);
    g_assert_cmpuint(sent, ==, 0);
    entry_write(9, 0x8039);
    g_assert_cmpuint(sent, ==, 1);
    entry_write(9, 0x18039);
    ioapic_eoi(ioapic, 0x39);
    g_assert_cmpuint(sent, ==, 1);
    entry_write(9, 0x8039);
    g_assert_cmpuint(sent, ==, 2);
    entry_write(9, 0x10039);                     /* to an edge and back ends it, too */
    entry_write(9, 0x8039);
    g_assert_cmpuint(sent, ==, 3);
    end();
}

static void test_not_accepted(void)
{
    begin();
    accept = false;
    entry_write(9, 0x8039);
    irq_raise(&in[9]);
    g_assert_cmpuint(sent, ==, 1);
    g_assert_false(ioapic_reg(0x22) & 1u << 14);
    entry_write(3, 0x0340);                      /* a reserved mode is not sent */
    irq_raise(&in[3]);
    g_assert_cmpuint(sent, ==, 1);
    end();
}

static void disturb(Device *dev)
{
    ioapic_set(0, 0x05000000);
    entry_write(9, 0x8039);
    irq_raise(&in[9]);
    irq_lower(&in[9]);
}

static void test_reset(void)
{
    begin();
    fake_vm_check_reset(ioapic, disturb);
    end();
}

static void test_views(void)
{
    begin();
    g_autofree char *nothing = fake_vm_view(ioapic, "irq");
    g_assert_cmpstr(nothing, ==, "");
    entry_write(4, 0x34);
    entry_write(9, UINT64_C(3) << 56 | 0x8000 | 0x800 | 0x39);
    irq_pulse(&in[4]);
    irq_pulse(&in[4]);
    irq_raise(&in[9]);
    accept = false;
    irq_pulse(&in[4]);
    g_autofree char *counts = fake_vm_view(ioapic, "irq");
    g_assert_cmpstr(counts, ==, "ioapic pin  4: 2\nioapic pin  9: 1\n");
    g_autofree char *text = fake_vm_view(ioapic, "pic");
    g_assert_nonnull(strstr(text, "pin  4: vector 0x34 fixed    edge  open   to APIC 0x00\n"));
    g_assert_nonnull(strstr(text, "pin  9: vector 0x39 fixed    level open   to logical 0x03 "
                                  "being served asserted\n"));
    end();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ioapic/registers", test_registers);
    g_test_add_func("/ioapic/edge", test_edge);
    g_test_add_func("/ioapic/level", test_level);
    g_test_add_func("/ioapic/mask-holds-level", test_mask_holds_level);
    g_test_add_func("/ioapic/not-accepted", test_not_accepted);
    g_test_add_func("/ioapic/reset", test_reset);
    g_test_add_func("/ioapic/views", test_views);
    return g_test_run();
}
