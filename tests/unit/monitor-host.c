/* Test helper: what a monitor needs of a machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor-host.h"

static TestHost *host_of(Machine *m)
{
    return (TestHost *)((char *)m - offsetof(TestHost, machine));
}

static void press_power(Machine *m)
{
    host_of(m)->buttons++;
}

static void press_nmi(Machine *m)
{
    host_of(m)->nmis++;
}

static const MachineClass machine_class = {
    .name = "test", .power_button = press_power, .nmi = press_nmi,
};

void test_host_init(TestHost *h, Debug *debug)
{
    *h = (TestHost){
        .machine = { .cls = &machine_class, .vm = debug_vm(debug) },
        .host = { .debug = debug, .symbols = symbols_new(), .version = "9.9" },
    };
    h->host.machine = &h->machine;
    device_list_init(&h->machine.devices);
}

void test_host_fini(TestHost *h)
{
    device_list_free_all(&h->machine.devices);
    symbols_free(h->host.symbols);
}
