/* Asking KVM.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/kvm_arch.h"

#include <errno.h>
#include <sys/ioctl.h>

int kvm_ioctl(int fd, unsigned long request, void *arg)
{
    int ret;

    do {
        ret = ioctl(fd, request, arg);
    } while (ret < 0 && errno == EINTR);
    return ret < 0 ? -errno : ret;
}

int kvm_check(const KvmVm *kvm, int cap)
{
    int ret = ioctl(kvm->fd, KVM_CHECK_EXTENSION, cap);

    return MAX(ret, 0);
}
