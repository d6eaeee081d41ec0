/* A vCPU that would run for ever comes out when its time is up; one that ends by itself says so. On this
 * host's KVM, whatever that is.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/kvm/kick.h"

#define ROM 0xfffff000u
#define PAGE 4096u

typedef struct Tiny {
    int dev, vm, vcpu;
    uint8_t *rom;
    struct kvm_run *run;
    size_t run_size;
} Tiny;

/* One page of code below the first instruction of a reset CPU, which is at its end. */
static bool tiny_open(Tiny *t, const char *code, size_t len)
{
    struct kvm_userspace_memory_region r = { .guest_phys_addr = ROM, .memory_size = PAGE };

    *t = (Tiny){ .dev = open("/dev/kvm", O_RDWR | O_CLOEXEC) };
    if (t->dev < 0) {
        g_test_skip("no /dev/kvm");
        return false;
    }
    t->rom = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(t->rom + 0xff0, code, len);
    r.userspace_addr = (uintptr_t)t->rom;
    t->vm = ioctl(t->dev, KVM_CREATE_VM, 0);
    g_assert_cmpint(t->vm, >=, 0);
    ioctl(t->vm, KVM_SET_TSS_ADDR, 0xfffbd000u);
    g_assert_cmpint(ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &r), ==, 0);
    t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
    g_assert_cmpint(t->vcpu, >=, 0);
    t->run_size = (size_t)ioctl(t->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
    t->run = mmap(NULL, t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
    g_assert_true(t->run != MAP_FAILED);
    return true;
}

static void tiny_close(Tiny *t)
{
    munmap(t->run, t->run_size);
    close(t->vcpu);
    close(t->vm);
    close(t->dev);
    munmap(t->rom, PAGE);
}

static void test_late(void)
{
    Tiny t;

    if (!tiny_open(&t, "\xeb\xfe", 2)) {        /* jmp . */
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        g_assert_cmpint(kvm_run_limited(t.vcpu, t.run, 50), ==, -EINTR);
        g_assert_cmpuint(t.run->immediate_exit, ==, 0);
    }
    tiny_close(&t);
}

static void test_ends(void)
{
    Tiny t;

    if (!tiny_open(&t, "\xe6\x80\xf4", 3)) {    /* out %al, $0x80; hlt */
        return;
    }
    g_assert_cmpint(kvm_run_limited(t.vcpu, t.run, 60000), ==, 0);
    g_assert_cmpuint(t.run->exit_reason, ==, KVM_EXIT_IO);
    g_assert_cmpint(kvm_run_limited(t.vcpu, t.run, 60000), ==, 0);
    g_assert_cmpuint(t.run->exit_reason, ==, KVM_EXIT_HLT);
    tiny_close(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/kvm-kick/late", test_late);
    g_test_add_func("/kvm-kick/ends", test_ends);
    return g_test_run();
}
