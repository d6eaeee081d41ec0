/* What the KVM tests stand on: that /dev/kvm runs a guest, and stops it as a debugger wants. Knows nothing of Glassbox.
   SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <glib.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define RAM 0x1000          /* where the guest's only page lies, for it */
#define DATA (RAM + 0x800)

typedef struct Guest {
    int kvm, vm, cpu;
    size_t run_size;
    struct kvm_run *run;
    guint8 *page;
} Guest;

static int checked(int fd, unsigned long request, void *argument)
{
    int result = ioctl(fd, request, argument);

    g_assert_cmpint(result, >=, 0);
    return result;
}

/* A guest in real mode about to run `code`, with al = 'x' and bx = the address of data. */
static void guest_start(Guest *g, const char *code, size_t size)
{
    struct kvm_userspace_memory_region region = { .guest_phys_addr = RAM, .memory_size = 4096 };
    struct kvm_regs regs = { .rip = RAM, .rflags = 2, .rax = 'x', .rbx = DATA };
    struct kvm_sregs sregs;

    g->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    g_assert_cmpint(g->kvm, >=, 0);
    g->vm = checked(g->kvm, KVM_CREATE_VM, NULL);
    g->page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert_true(g->page != MAP_FAILED);
    memcpy(g->page, code, size);
    region.userspace_addr = (guintptr) g->page;
    checked(g->vm, KVM_SET_USER_MEMORY_REGION, &region);
    g->cpu = checked(g->vm, KVM_CREATE_VCPU, NULL);
    g->run_size = checked(g->kvm, KVM_GET_VCPU_MMAP_SIZE, NULL);
    g->run = mmap(NULL, g->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, g->cpu, 0);
    g_assert_true(g->run != MAP_FAILED);
    checked(g->cpu, KVM_GET_SREGS, &sregs);
    sregs.cs.base = sregs.cs.selector = 0;
    checked(g->cpu, KVM_SET_SREGS, &sregs);
    checked(g->cpu, KVM_SET_REGS, &regs);
}

static void guest_end(Guest *g)
{
    munmap(g->run, g->run_size);
    munmap(g->page, 4096);
    close(g->cpu);
    close(g->vm);
    close(g->kvm);
}

static guint32 guest_run(Guest *g)
{
    checked(g->cpu, KVM_RUN, NULL);
    return g->run->exit_reason;
}

static void guest_debug(Guest *g, guint32 control, guint64 dr0, guint64 dr7)
{
    struct kvm_guest_debug debug = { .control = control | KVM_GUESTDBG_ENABLE };

    debug.arch.debugreg[0] = dr0;
    debug.arch.debugreg[7] = dr7;
    checked(g->cpu, KVM_SET_GUEST_DEBUG, &debug);
}

static void expect_stop(Guest *g, guint32 exception, guint64 pc)
{
    g_assert_cmpuint(guest_run(g), ==, KVM_EXIT_DEBUG);
    g_assert_cmpuint(g->run->debug.arch.exception, ==, exception);
    g_assert_cmphex(g->run->debug.arch.pc, ==, pc);
}

static void test_exits(void)
{
    Guest g;

    guest_start(&g, "\xba\xf8\x03\xee\xf4", 5);         /* mov $0x3f8, %dx; out %al, (%dx); hlt */
    g_assert_cmpuint(guest_run(&g), ==, KVM_EXIT_IO);
    g_assert_cmphex(g.run->io.port, ==, 0x3f8);
    g_assert_cmpint(*((char *) g.run + g.run->io.data_offset), ==, 'x');
    g_assert_cmpuint(guest_run(&g), ==, KVM_EXIT_HLT);
    guest_end(&g);
}

static void test_step(void)
{
    struct kvm_regs regs;
    Guest g;

    guest_start(&g, "\x90\x88\x07\x90\xf4", 5);         /* nop; mov %al, (%bx); nop; hlt */
    checked(g.cpu, KVM_GET_REGS, &regs);
    g_assert_cmpuint(guest_run(&g), ==, KVM_EXIT_HLT);  /* in the lab a step that touches a new page is none */
    g.page[DATA - RAM] = 0;
    checked(g.cpu, KVM_SET_REGS, &regs);
    guest_debug(&g, KVM_GUESTDBG_SINGLESTEP, 0, 0x400);
    expect_stop(&g, 1, RAM + 1);
    expect_stop(&g, 1, RAM + 3);
    expect_stop(&g, 1, RAM + 4);
    g_assert_cmpint(g.page[DATA - RAM], ==, 'x');
    guest_end(&g);
}

static void test_int3(void)
{
    Guest g;

    guest_start(&g, "\x90\xcc\xf4", 3);
    guest_debug(&g, KVM_GUESTDBG_USE_SW_BP, 0, 0x400);
    expect_stop(&g, 3, RAM + 1);
    guest_end(&g);
}

static void test_breakpoint(void)
{
    Guest g;

    guest_start(&g, "\x90\x90\x90\xf4", 4);
    guest_debug(&g, KVM_GUESTDBG_USE_HW_BP, RAM + 2, 0x402);
    expect_stop(&g, 1, RAM + 2);
    guest_end(&g);
}

static void test_watchpoint(void)
{
    Guest g;

    guest_start(&g, "\x90\x88\x07\x90\xf4", 5);
    guest_debug(&g, KVM_GUESTDBG_USE_HW_BP, DATA, 0x10402);
    expect_stop(&g, 1, RAM + 3);
    guest_end(&g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/lab/exits", test_exits);
    g_test_add_func("/lab/step", test_step);
    g_test_add_func("/lab/int3", test_int3);
    g_test_add_func("/lab/breakpoint", test_breakpoint);
    g_test_add_func("/lab/watchpoint", test_watchpoint);
    return g_test_run();
}
