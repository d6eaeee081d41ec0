/* What `info` shows of an x86 CPU: its local APIC, the ranges and pages that its tables map.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake-x86.h"
#include "mem/mem.h"
#include "target/i386/lapic.h"
#include "target/i386/views.h"

#define P 1u
#define W 2u
#define U 4u
#define PWT 8u
#define PCD 0x10u
#define A 0x20u
#define D 0x40u
#define PS 0x80u
#define G 0x100u
#define NX (UINT64_C(1) << 63)

enum { PML4 = 0x1000, PDPT = 0x2000, PD = 0x3000, PT = 0x4000, PDPT_HIGH = 0x5000 };

static char *view(const char *name)
{
    GString *out = g_string_new(NULL);

    for (const CpuView *v = x86_cpu_class.views; v->name; v++) {
        if (!strcmp(v->name, name)) {
            v->print(fx.cpu[0], out);
            return g_string_free(out, FALSE);
        }
    }
    g_assert_not_reached();
}

static void expect(const char *name, const char *text)
{
    g_autofree char *got = view(name);

    g_assert_cmpstr(got, ==, text);
}

/* ---- page tables ---- */

static void test_off(void)
{
    fake_x86_init(NULL, 1);
    expect("mem", "paging is off: each linear address is the physical one\n");
    expect("tlb", "paging is off: each linear address is the physical one\n");
    fake_x86_done();
}

/* Pages of all sizes, in both halves of the address space. */
static void map_long(void)
{
    X86Entry e = { .cr3 = PML4, .gdt_limit = 0xff };

    x86_enter_long64(fx.cpu[0], &e);
    fake_x86_state(0)->efer |= X86_EFER_NXE;
    fake_x86_state(0)->cr4 |= X86_CR4_PGE;
    fake_x86_put(PML4, 8, PDPT | P | W | U);
    fake_x86_put(PML4 + 511 * 8, 8, PDPT_HIGH | P | W);
    fake_x86_put(PDPT, 8, PD | P | W | U);
    fake_x86_put(PDPT + 8, 8, 0x40000000 | PS | P | W | A | D);
    fake_x86_put(PDPT_HIGH + 511 * 8, 8, 0x80000000 | PS | P | W | G | NX);
    fake_x86_put(PD, 8, PT | P | W | U);
    fake_x86_put(PD + 8, 8, 0x600000 | PS | P | W | U | 0x1000);
    fake_x86_put(PT + 5 * 8, 8, 0x7000 | P | W | U | A | D);
    fake_x86_put(PT + 6 * 8, 8, 0x9000 | P | W | U | A | PS);     /* here bit 7 is PAT */
    fake_x86_put(PT + 7 * 8, 8, 0xa000 | P | PCD | PWT);
    fake_x86_put(PT + 9 * 8, 8, UINT64_C(1) << 50 | P | W);       /* reserved: faults */
}

static void test_long(void)
{
    fake_x86_init("max,+pdpe1gb", 1);
    map_long();
    expect("tlb",
           "0000000000005000: 0000000000007000 4K --DA--UWX\n"
           "0000000000006000: 0000000000009000 4K ---A--UWX\n"
           "0000000000007000: 000000000000a000 4K ----CT--X\n"
           "0000000000200000: 0000000000600000 2M -P----UWX\n"
           "0000000040000000: 0000000040000000 1G -PDA---WX\n"
           "ffffffffc0000000: 0000000080000000 1G GP-----W-\n");
    expect("mem",
           "0000000000005000-0000000000006fff 0000000000002000 urwx\n"
           "0000000000007000-0000000000007fff 0000000000001000 -r-x\n"
           "0000000000200000-00000000003fffff 0000000000200000 urwx\n"
           "0000000040000000-000000007fffffff 0000000040000000 -rwx\n"
           "ffffffffc0000000-ffffffffffffffff 0000000040000000 -rw-\n");
    fake_x86_done();
}

static void test_bounds(void)
{
    g_autoptr(GString) out = g_string_new(NULL);

    fake_x86_init("max,+pdpe1gb", 1);
    map_long();
    x86_view_tlb(fx.cpu[0], out, 1, 10000);
    g_assert_cmpstr(out->str, ==, "0000000000005000: 0000000000007000 4K --DA--UWX\n"
                                  "... and 5 more pages\n");
    g_string_truncate(out, 0);
    x86_view_mem(fx.cpu[0], out, 2, 10000);
    g_assert_nonnull(strstr(out->str, "\n... and 3 more ranges\n"));
    /* Tables that map themselves: more than anyone wants to know. */
    for (unsigned i = 0; i < 512; i++) {
        fake_x86_put(PML4 + i * 8, 8, PML4 | P | W);
    }
    g_string_truncate(out, 0);
    x86_view_tlb(fx.cpu[0], out, 3, 1000);
    g_assert_nonnull(strstr(out->str, "0000000000002000: 0000000000001000 4K -------WX\n"
                                      "... and at least 997 more pages\n"
                                      "... not looked at from 00000000003e8000 on: the page tables "
                                      "map too much\n"));
    fake_x86_done();
}

static void test_narrow(void)
{
    X86Entry e = { .rip = 0 };
    X86State *s;

    fake_x86_init(NULL, 1);
    s = fake_x86_state(0);
    x86_enter_flat32(fx.cpu[0], &e);
    s->cr3 = PD;
    s->cr4 = X86_CR4_PSE;
    s->cr0 |= X86_CR0_PG;
    fake_x86_put(PD, 4, PT | P | W | U);
    fake_x86_put(PD + 1023 * 4, 4, 0xc00000 | PS | P | W);
    fake_x86_put(PT + 4, 4, 0x8000 | P | U);
    expect("tlb", "00001000: 0000000000008000 4K ------U-X\n"
                  "ffc00000: 0000000000c00000 4M -P-----WX\n");
    expect("mem", "00001000-00001fff 00001000 ur-x\n"
                  "ffc00000-ffffffff 00400000 -rwx\n");
    fake_x86_done();
}

static void test_pae(void)
{
    X86Entry e = { .rip = 0 };
    X86State *s;

    fake_x86_init(NULL, 1);
    s = fake_x86_state(0);
    x86_enter_flat32(fx.cpu[0], &e);
    s->cr4 = X86_CR4_PAE;
    s->cr0 |= X86_CR0_PG;
    s->efer |= X86_EFER_NXE;
    s->pdpte[3] = PD | P;
    fake_x86_put(PD + 511 * 8, 8, 0x200000 | PS | P | W | NX);
    expect("tlb", "ffe00000: 0000000000200000 2M -P-----W-\n");
    expect("mem", "ffe00000-ffffffff 00200000 -rw-\n");
    fake_x86_done();
}

/* ---- the local APIC ---- */

static void test_lapic(void)
{
    X86Lapic *l;

    fake_x86_init(NULL, 1);
    l = fake_x86_state(0)->lapic;
    l->svr = 0x1ff;
    l->lvt[X86_LVT_TIMER] = 0x20000 | 0xec;
    l->lvt[X86_LVT_ERROR] = 0xfe;
    l->initial = 1000;
    l->divide = 3;
    l->irr[1] = 1u << 4;
    l->isr[7] = 1u << 31 | 1u << 12;
    l->tmr[1] = 1u << 4 | 1u << 5;
    l->icr = 0x4600;
    l->icr_dest = 1;
    expect("lapic",
           "local APIC 0: xAPIC, base 00000000fee00000, boot CPU\n"
           "SVR 000001ff: enabled by software, spurious vector 0xff\n"
           "TPR 00  PPR f0  LDR 00000000  DFR ffffffff  ESR 00\n"
           "ICR 00004600 to 00000001\n"
           "LVT timer    000200ec: vector 0xec periodic\n"
           "LVT thermal  00010000: vector 0x00 fixed masked\n"
           "LVT counters 00010000: vector 0x00 fixed masked\n"
           "LVT LINT0    00000700: vector 0x00 ExtINT edge\n"
           "LVT LINT1    00000400: vector 0x00 NMI edge\n"
           "LVT error    000000fe: vector 0xfe\n"
           "timer: count 0 of 1000, clock divided by 16\n"
           "in service: 0xec 0xff\n"
           "requested:  0x24\n"
           "level:      0x24 0x25\n");
    l->lvt[X86_LVT_TIMER] = 0x50000 | 0xec;
    l->deadline = 0x1234;
    memset(l->isr, 0, sizeof(l->isr));
    g_autofree char *text = view("lapic");
    g_assert_nonnull(strstr(text, "vector 0xec TSC deadline masked\n"));
    g_assert_nonnull(strstr(text, "timer: deadline 0000000000001234, TSC "));
    g_assert_nonnull(strstr(text, "in service: none\n"));
    fake_x86_done();
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86/views/paging-off", test_off);
    g_test_add_func("/x86/views/long", test_long);
    g_test_add_func("/x86/views/bounds", test_bounds);
    g_test_add_func("/x86/views/32-bit", test_narrow);
    g_test_add_func("/x86/views/pae", test_pae);
    g_test_add_func("/x86/views/lapic", test_lapic);
    return g_test_run();
}
