/* `info` of CPUs and devices: the rows that their classes bring along.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/monitor_int.h"

typedef struct ViewShow {
    const CpuView *view;
    GString *out;
} ViewShow;

static void show_cpu_view(Cpu *cpu, void *data)
{
    ViewShow *s = data;

    cpu_fetch(cpu, s->view->fetch);
    s->view->print(cpu, s->out);
}

static bool device_view(Monitor *m, const char *name, GString *out)
{
    const DeviceList *list = &m->host->machine->devices;
    Vm *vm = debug_vm(m->debug);
    bool found = false;

    vm_lock(vm);
    for (unsigned i = 0; i < list->dev->len; i++) {
        const Device *dev = list->dev->pdata[i];

        for (const DeviceView *v = dev->cls->views; v && v->name; v++) {
            if (g_str_equal(v->name, name)) {
                g_string_append_printf(out, "%s:\n", dev->id);
                v->print(dev, out);
                found = true;
            }
        }
    }
    vm_unlock(vm);
    return found;
}

bool monitor_view(Monitor *m, const char *name, GString *out)
{
    const CpuClass *class = debug_vm(m->debug)->cpus[0]->class;

    for (const CpuView *v = class->views; v && v->name; v++) {
        if (g_str_equal(v->name, name)) {
            ViewShow s = { v, out };

            debug_on_cpu(m->debug, m->cpu, show_cpu_view, &s);
            return true;
        }
    }
    return device_view(m, name, out);
}

void monitor_views_foreach(Monitor *m, void (*fn)(void *opaque, const char *name,
                                                  const char *help), void *opaque)
{
    const CpuClass *class = debug_vm(m->debug)->cpus[0]->class;
    const DeviceList *list = &m->host->machine->devices;
    g_autoptr(GHashTable) told = g_hash_table_new(g_str_hash, g_str_equal);

    for (const CpuView *v = class->views; v && v->name; v++) {
        fn(opaque, v->name, v->help);
    }
    for (unsigned i = 0; i < list->dev->len; i++) {
        const Device *dev = list->dev->pdata[i];

        for (const DeviceView *v = dev->cls->views; v && v->name; v++) {
            if (g_hash_table_add(told, (gpointer)v->name)) {
                fn(opaque, v->name, v->help);
            }
        }
    }
}
