/* Mode 'bench': a loop that keeps one page of data hot, beside a variable that it never touches; and code that
 * calls small functions all the time, beside others that nobody calls. */
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#define SLOTS 256

typedef struct HotPage {
    uint64_t slot[SLOTS];
    uint64_t untouched[SLOTS];  /* a debugger may watch these */
} HotPage;

HotPage hot_page __attribute__((aligned(4096)));

static __attribute__((noinline)) uint64_t bench_mix(uint64_t v, unsigned n)
{
    return (v ^ n) * 0x9E3779B97F4A7C15ull >> 1;
}

/* Room for breakpoints that are never met, among the hot code. */
__attribute__((noinline, used)) void bench_untouched(void)
{
    __asm__ volatile(".skip 4200, 0x90");
}

static __attribute__((noinline)) uint64_t bench_sum(unsigned from)
{
    uint64_t sum = 0;

    for (unsigned n = 0; n < SLOTS; n++) {
        sum += hot_page.slot[(from + n) % SLOTS];
    }
    return sum;
}

unsigned bench_run(void)
{
    unsigned rounds = (unsigned)option_number("rounds", 100000);
    uint64_t sum = 0;

    for (unsigned round = 0; round < rounds; round++) {
        for (unsigned n = 0; n < SLOTS; n++) {
            volatile uint64_t *p = &hot_page.slot[(n * 7 + round) % SLOTS];

            *p = *p + bench_mix(sum, n);
        }
        sum += bench_sum(round);
    }
    print("guest: sum ");
    print_hex((unsigned long)(uint32_t)sum);
    print("\n");
    return 0;
}
