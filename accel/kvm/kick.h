/* Getting a thread out of KVM_RUN. A kick sets immediate_exit and sends a signal: the one gets a thread
 * out that is about to enter, the other one that is in. Whoever clears immediate_exit looks at the wishes
 * afterwards.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_ACCEL_KVM_KICK_H
#define GLASSBOX_ACCEL_KVM_KICK_H

#include <linux/kvm.h>
#include <pthread.h>

/* The calling thread can be kicked from now on. */
void kvm_kick_enable(void);
/* Kicks a thread that is in KVM_RUN, or about to enter. [any] */
void kvm_kick_thread(pthread_t thread, struct kvm_run *run);
/* KVM_RUN on a vCPU of the caller's own, for at most that many milliseconds. 0: an exit; -EINTR: it
 * was still running; else another negative errno. */
int kvm_run_limited(int fd, struct kvm_run *run, unsigned ms);

#endif
