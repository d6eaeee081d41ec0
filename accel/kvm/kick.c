/* Getting a thread out of KVM_RUN.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/kvm/kick.h"

#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "accel/kvm/kvm_arch.h"

#define KICK_SIGNAL SIGUSR1
#define AGAIN_NS INT64_C(10000000)

static void on_kick(int sig)
{
}

/* The signal does nothing but interrupt KVM_RUN. */
void kvm_kick_enable(void)
{
    struct sigaction sa = { .sa_handler = on_kick };
    sigset_t set;

    sigaction(KICK_SIGNAL, &sa, NULL);
    sigemptyset(&set);
    sigaddset(&set, KICK_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void kvm_kick_thread(pthread_t thread, struct kvm_run *run)
{
    atomic_put(&run->immediate_exit, 1);
    pthread_kill(thread, KICK_SIGNAL);
}

void kvm_kick(Cpu *cpu)
{
    KvmCpu *kc = kvm_cpu(cpu);

    if (kc->run) {
        atomic_put(&kc->run->immediate_exit, 1);
        if (atomic_get(&kc->in_guest)) {
            kvm_kick_thread(cpu->thread.t, kc->run);
        }
    }
}

typedef struct Limit {
    Mutex lock;
    Cond ended;
    bool over;              /* KVM_RUN has returned for good */
    uint32_t late;          /* [atomic] the time is up */
    int64_t deadline;
    pthread_t runner;
    struct kvm_run *run;
} Limit;

/* The other thread: kicks when the time is up, and again until that was heard. */
static void *watch_time(void *arg)
{
    Limit *l = arg;

    mutex_lock(&l->lock);
    while (!l->over) {
        if (!cond_wait_until(&l->ended, &l->lock, l->deadline)) {
            atomic_put(&l->late, 1);
            kvm_kick_thread(l->runner, l->run);
            l->deadline = host_monotonic_ns() + AGAIN_NS;
        }
    }
    mutex_unlock(&l->lock);
    return NULL;
}

int kvm_run_limited(int fd, struct kvm_run *run, unsigned ms)
{
    Limit l = { .deadline = host_monotonic_ns() + ms * INT64_C(1000000), .runner = pthread_self(), .run = run };
    Thread watcher = { 0 };
    int err;

    kvm_kick_enable();
    mutex_init(&l.lock);
    cond_init(&l.ended);
    atomic_put(&run->immediate_exit, 0);
    thread_start(&watcher, "kvm-limit", watch_time, &l);
    do {
        err = ioctl(fd, KVM_RUN, 0) < 0 ? -errno : 0;
    } while (err == -EINTR && !atomic_get(&l.late));
    mutex_lock(&l.lock);
    l.over = true;
    cond_signal(&l.ended);
    mutex_unlock(&l.lock);
    thread_join(&watcher);
    atomic_put(&run->immediate_exit, 0);
    cond_destroy(&l.ended);
    mutex_destroy(&l.lock);
    return err;
}
