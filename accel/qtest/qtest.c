/* The qtest accelerator: vCPUs that execute nothing, for tests that are the CPU themselves.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "accel/qtest/qtest.h"

#include "util/error.h"
#include "util/thread.h"

/* A thread in here waits for a kick and for nothing else: interrupts don't wake it. */
typedef struct QtestCpu {
    Mutex lock;
    Cond kicked;
} QtestCpu;

static bool qtest_init(Vm *vm, const CpuClass *class, const char *options, AccelCaps *caps, GError **errp)
{
    if (options) {
        return error_set(errp, INVALID, "'qtest' has no option '%s'", options);
    }
    *caps = (AccelCaps){ .executes = false };
    return true;
}

static bool qtest_vcpu_init(Cpu *cpu, GError **errp)
{
    QtestCpu *q = cpu->accel;

    mutex_init(&q->lock);
    cond_init(&q->kicked);
    return true;
}

static void qtest_vcpu_fini(Cpu *cpu)
{
    QtestCpu *q = cpu->accel;

    cond_destroy(&q->kicked);
    mutex_destroy(&q->lock);
}

static VcpuExit qtest_vcpu_run(Cpu *cpu, const RunArgs *args)
{
    QtestCpu *q = cpu->accel;

    mutex_lock(&q->lock);
    while (!(atomic_get(&cpu->attn) & CPU_ATTN_EXIT)) {
        cond_wait(&q->kicked, &q->lock);
    }
    mutex_unlock(&q->lock);
    return (VcpuExit){ .kind = EXIT_KICK, .skip_left = args->skip_here };
}

/* The bit was set before the call: taking the lock is enough that the waiter can't miss it. */
static void qtest_vcpu_kick(Cpu *cpu)
{
    QtestCpu *q = cpu->accel;

    mutex_lock(&q->lock);
    cond_signal(&q->kicked);
    mutex_unlock(&q->lock);
}

const AccelOps qtest_accel_ops = {
    .name = "qtest",
    .vcpu_size = sizeof(QtestCpu),
    .init = qtest_init,
    .vcpu_init = qtest_vcpu_init,
    .vcpu_fini = qtest_vcpu_fini,
    .vcpu_run = qtest_vcpu_run,
    .vcpu_kick = qtest_vcpu_kick,
};
