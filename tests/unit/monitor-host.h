/* Test helper: what a monitor needs of a machine that has CPUs and memory but no devices.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_MONITOR_HOST_H
#define GLASSBOX_TESTS_UNIT_MONITOR_HOST_H

#include "monitor/monitor.h"

typedef struct TestHost {
    MonitorHost host;
    Machine machine;
    unsigned buttons, nmis;     /* pressed */
} TestHost;

void test_host_init(TestHost *h, Debug *debug);
void test_host_fini(TestHost *h);

#endif
