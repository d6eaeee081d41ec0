/* Loaded before the program: a /dev/kvm that lacks something, or that cannot be had.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The environment says what is odd: ODD_KVM is a list of WORD=NUMBER.
 *   open=ERRNO       opening fails
 *   none=1           there is no KVM behind it: it opens, and everything but what is odd fails with ENODEV
 *   version=N        KVM_GET_API_VERSION
 *   create=ERRNO     KVM_CREATE_VM fails
 *   cpuid=ERRNO      KVM_GET_SUPPORTED_CPUID fails
 *   cap=N            KVM_CHECK_EXTENSION of N is 0; any number of them
 *   has=N            ... is 1
 *   stuck=1          the first vCPU that runs does not come out before it is asked to
 *   control=BITS     KVM_SET_GUEST_DEBUG does without these bits
 *   dr7=BITS         ... and its DR7 without these */
#undef _FILE_OFFSET_BITS        /* else open is another name of open64 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...) __attribute__((alias("open")));
int ioctl(int fd, unsigned long request, ...);

/* The value of the first WORD=; `otherwise` if there is none. With `value` only one that has it counts. */
static long setting(const char *word, const long *value, long otherwise)
{
    const char *at = getenv("ODD_KVM");
    size_t n = strlen(word);

    for (; at && *at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL) {
        if (!strncmp(at, word, n) && at[n] == '=') {
            long v = strtol(at + n + 1, NULL, 0);

            if (!value || *value == v) {
                return v;
            }
        }
    }
    return otherwise;
}

static bool said(const char *word, long value)
{
    return setting(word, &value, -1) == value;
}

static int fail(long err)
{
    errno = (int)err;
    return -1;
}

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    bool kvm = !strcmp(path, "/dev/kvm");
    va_list ap;

    va_start(ap, flags);
    mode_t mode = va_arg(ap, mode_t);
    va_end(ap);
    if (kvm && setting("open", NULL, 0)) {
        return fail(setting("open", NULL, 0));
    }
    return real(kvm && setting("none", NULL, 0) ? "/dev/null" : path, flags, mode);
}

/* As a processor that executes an endless loop: nothing but a kick gets it out. */
static int stuck(void)
{
    while (pause() == 0) {
    }
    return fail(EINTR);
}

int ioctl(int fd, unsigned long request, ...)
{
    int (*real)(int, unsigned long, ...) = (int (*)(int, unsigned long, ...))dlsym(RTLD_NEXT, "ioctl");
    struct kvm_guest_debug debug;
    va_list ap;

    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    switch (request) {
    case KVM_GET_API_VERSION:
        if (setting("version", NULL, -1) >= 0) {
            return (int)setting("version", NULL, -1);
        }
        break;
    case KVM_CREATE_VM:
        if (setting("create", NULL, 0)) {
            return fail(setting("create", NULL, 0));
        }
        break;
    case KVM_GET_SUPPORTED_CPUID:
        if (setting("cpuid", NULL, 0)) {
            return fail(setting("cpuid", NULL, 0));
        }
        break;
    case KVM_CHECK_EXTENSION:
        if (said("cap", (long)arg) || said("has", (long)arg)) {
            return said("has", (long)arg);
        }
        break;
    case KVM_RUN:
        if (setting("stuck", NULL, 0)) {
            return stuck();
        }
        break;
    case KVM_SET_GUEST_DEBUG:
        debug = *(const struct kvm_guest_debug *)arg;
        debug.control &= ~(unsigned)setting("control", NULL, 0);
        debug.arch.debugreg[7] &= ~(unsigned long)setting("dr7", NULL, 0);
        return real(fd, request, &debug);
    }
    return setting("none", NULL, 0) && _IOC_TYPE(request) == KVMIO ? fail(ENODEV) : real(fd, request, arg);
}
