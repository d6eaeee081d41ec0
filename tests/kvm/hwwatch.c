/* For a guest: a program that has a hardware watchpoint of its own count its writes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WRITES 1000

static volatile uint32_t watched;

/* System calls between the writes, so that the kernel runs too. */
static void look_around(void)
{
    char line[64];
    FILE *f = fopen("/proc/uptime", "r");

    if (!f || !fgets(line, sizeof(line), f)) {
        perror("/proc/uptime");
        exit(1);
    }
    fclose(f);
}

int main(void)
{
    struct perf_event_attr a = {
        .type = PERF_TYPE_BREAKPOINT, .size = sizeof(a), .bp_type = HW_BREAKPOINT_W,
        .bp_addr = (uintptr_t)&watched, .bp_len = HW_BREAKPOINT_LEN_4, .exclude_kernel = 1, .exclude_hv = 1,
    };
    int fd = (int)syscall(SYS_perf_event_open, &a, 0, -1, -1, 0);
    uint64_t n = 0;

    if (fd < 0) {
        perror("perf_event_open");
        return 1;
    }
    for (uint32_t i = 0; i < WRITES; i++) {
        watched = i;
        if (i % 100 == 0) {
            look_around();
        }
    }
    if (read(fd, &n, sizeof(n)) != sizeof(n)) {
        perror("read");
        return 1;
    }
    printf("hwwatch: %d writes, the guest's own watchpoint counted %llu\n", WRITES, (unsigned long long)n);
    return n != WRITES;
}
