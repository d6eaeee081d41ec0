/* Time stands still while the machine is stopped, for every clock that the guest can read.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

enum { TSC, APIC, PIT, PM, CLOCKS };

#define PM_HZ 3579545.0
#define PIT_HZ 1193182.0
#define LIMIT_MS 10.0           /* that a clock may go on over a stop */

static const char *const clock_name[] = { "time stamp counter", "APIC timer", "8254", "ACPI timer" };

/* Ticks per millisecond; the first two as measured. */
static double rate[CLOCKS] = { [PIT] = PIT_HZ / 1000, [PM] = PM_HZ / 1000 };

typedef struct Sample {
    uint64_t v[CLOCKS];
} Sample;

static void sample(Machine *m, Sample *s)
{
    machine_call(m, "pt_sample", sym("pup_data"), 0, 0);
    rsp_read(machine_rsp(m), sym("pup_data"), s, sizeof(*s));
}

/* Ticks between two samples: two clocks count down, three go round. */
static double ticks(const Sample *a, const Sample *b, unsigned clock)
{
    switch (clock) {
    case APIC:
        return (uint32_t)(a->v[APIC] - b->v[APIC]);
    case PIT:
        return (uint16_t)(a->v[PIT] - b->v[PIT]);
    case PM:
        return (b->v[PM] - a->v[PM]) & 0xffffff;
    default:
        return (double)(int64_t)(b->v[TSC] - a->v[TSC]);
    }
}

static double ms(const Sample *a, const Sample *b, unsigned clock)
{
    return ticks(a, b, clock) / rate[clock];
}

/* 20 ms by the ACPI timer. */
static void measure(Machine *m, double *tsc, double *apic)
{
    Sample a, b;
    double took;

    machine_call(m, "pt_start", 0, 0, 0);
    sample(m, &a);
    machine_call(m, "pt_wait", (uint64_t)(PM_HZ / 50), 0, 0);
    sample(m, &b);
    took = ms(&a, &b, PM);
    *tsc = ticks(&a, &b, TSC) / took;
    *apic = ticks(&a, &b, APIC) / took;
    g_test_message("%.1f ms; per ms: %.0f of the time stamp counter, %.0f of the APIC's timer",
                   took, *tsc, *apic);
}

/* From one sample to the next, with nothing between but the stop that all calls end with. */
static double overhead(Machine *m, unsigned clock)
{
    double most = 0;
    Sample a, b;

    sample(m, &a);
    for (unsigned i = 0; i < 3; i++) {
        sample(m, &b);
        most = MAX(most, ms(&a, &b, clock));
        a = b;
    }
    return most;
}

/* The sleep is what is tested: the host's time goes on, the guest's must not. */
static void test_stopped(Machine *m)
{
    double without[CLOCKS];
    uint64_t tsc;
    Sample a, b;
    unsigned seconds = expect_setting("GLASSBOX_TEST_STOP", 3);

    measure(m, &rate[TSC], &rate[APIC]);
    g_assert_cmpfloat(rate[TSC], >, 0);
    g_assert_cmpfloat(rate[APIC], >, 0);
    for (unsigned i = 0; i < CLOCKS; i++) {
        without[i] = overhead(m, i);
    }
    sample(m, &a);
    tsc = rsp_get(machine_rsp(m), "tsc");
    g_usleep(seconds * G_USEC_PER_SEC);
    g_assert_cmphex(rsp_get(machine_rsp(m), "tsc"), ==, tsc);
    sample(m, &b);
    for (unsigned i = 0; i < CLOCKS; i++) {
        double went = ms(&a, &b, i);

        g_test_message("%s: %.3f ms over %u s, %.3f without", clock_name[i], went, seconds,
                       without[i]);
        if (went < 0 || went > without[i] + LIMIT_MS) {
            test_fail("%s: %.3f ms over a stop of %u s", clock_name[i], went, seconds);
        }
    }
}

/* After the stop the clocks go as fast as before, all of them. */
static void test_goes_on(Machine *m)
{
    double tsc, apic, tsc2, apic2;

    measure(m, &tsc, &apic);
    g_usleep(G_USEC_PER_SEC / 2);
    measure(m, &tsc2, &apic2);
    g_assert_cmpfloat(tsc2, >, tsc * 0.7);
    g_assert_cmpfloat(tsc2, <, tsc * 1.4);
    g_assert_cmpfloat(apic2, >, apic * 0.7);
    g_assert_cmpfloat(apic2, <, apic * 1.4);
}

/* Steps take no time but their own. */
static void test_steps(Machine *m)
{
    enum { STEPS = 60 };
    Sample a, b;
    double limit = LIMIT_MS;

    measure(m, &rate[TSC], &rate[APIC]);
    for (unsigned i = 0; i < CLOCKS; i++) {
        limit = MAX(limit, LIMIT_MS + STEPS * overhead(m, i));
    }
    sample(m, &a);
    machine_enter(m, 1, sym("pm_steps"), 0, 0, 0);
    for (unsigned i = 0; i < STEPS; i++) {
        g_usleep(20000);        /* a person would be slower */
        machine_step(m);
    }
    sample(m, &b);
    for (unsigned i = 0; i < CLOCKS; i++) {
        g_test_message("%s: %.3f ms over %d steps", clock_name[i], ms(&a, &b, i), STEPS);
        if (i != PIT) {         /* it goes round every 55 ms */
            g_assert_cmpfloat(ms(&a, &b, i), >=, 0);
            g_assert_cmpfloat(ms(&a, &b, i), <, limit);
        }
    }
}

/* KVM's clock as the guest has it in its memory (Linux, Documentation/virt/kvm/x86/msr.rst). */
typedef struct PvClock {
    uint32_t version, pad;
    uint64_t tsc, ns;
    uint32_t mul;
    int8_t shift;
    uint8_t flags, pad2[2];
} PvClock;

#define PVCLOCK_GUEST_STOPPED 2

static double pvclock_ms(Machine *m, uint8_t *flags)
{
    PvClock c;
    Sample s;
    uint64_t ticks;

    sample(m, &s);      /* KVM writes its part at the entry */
    rsp_read(machine_rsp(m), sym("pup_data") + PAGE, &c, sizeof(c));
    ticks = s.v[TSC] - c.tsc;
    ticks = c.shift >= 0 ? ticks << c.shift : ticks >> -c.shift;
    *flags = c.flags;
    return ((double)c.ns + (double)ticks * c.mul / 4294967296.0) / 1e6;
}

/* It stands with the machine, and tells the guest that it stood. */
static void test_kvmclock(Machine *first)
{
    g_autofree char *accel = g_strdup_printf("%s -cpu max,kvmclock=on", expect_accel);
    Machine *m = machine_start_other(accel);
    unsigned seconds = expect_setting("GLASSBOX_TEST_STOP", 3);
    double a, b, without = 0;
    uint8_t flags;

    machine_to_idle(m);
    machine_call(m, "pt_kvmclock", (sym("pup_data") + PAGE) | 1, 0, 0);
    for (unsigned i = 0; i < 3; i++) {
        a = pvclock_ms(m, &flags);
        b = pvclock_ms(m, &flags);
        without = MAX(without, b - a);
    }
    g_usleep(seconds * G_USEC_PER_SEC);
    a = pvclock_ms(m, &flags);
    g_test_message("%.3f ms over %u s, %.3f without", a - b, seconds, without);
    g_assert_cmpfloat(a, >, b);
    g_assert_cmpfloat(a - b, <, without + LIMIT_MS);
    g_assert_true(flags & PVCLOCK_GUEST_STOPPED);
    machine_call(m, "pt_wait", (uint64_t)(PM_HZ / 50), 0, 0);
    b = pvclock_ms(m, &flags);
    g_test_message("%.3f ms while 20 ms pass", b - a);
    g_assert_cmpfloat(b - a, >=, 20);
    g_assert_cmpfloat(b - a, <, 20 + 3 * without + LIMIT_MS);
}

int main(int argc, char **argv)
{
    machine_init(&argc, &argv);
    machine_case("/time/stopped", test_stopped, 1, 1);
    machine_case("/time/goes-on", test_goes_on, 1, 1);
    machine_case("/time/steps", test_steps, 1, 1);
    if (expect->kvmclock) {
        machine_case("/time/kvmclock", test_kvmclock, 1, 1);
    }
    return machine_run_cases();
}
