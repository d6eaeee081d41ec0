/* Contract of a machine: what the command line gives it and what it offers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_MACHINE_H
#define GLASSBOX_HW_MACHINE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include "hw/device.h"

typedef struct Vm Vm;
typedef struct AccelOps AccelOps;
typedef struct CpuClass CpuClass;
typedef struct Machine Machine;
typedef struct MachineClass MachineClass;

#define MACHINE_SERIAL_MAX 4

/* What the user asked for. Lives as long as the machine; strings may be NULL. */
typedef struct MachineOptions {
    const char *cpu_model;            /* -cpu, with its flags: "max,-avx"; NULL: the machine's */
    uint64_t ram_size;                /* -m, in bytes */
    unsigned ncpus;                   /* -smp */
    const char *kernel, *initrd, *append;
    Chardev *serial[MACHINE_SERIAL_MAX];   /* -serial; NULL: that port is not there */
    Chardev *debugcon;                /* -debugcon; NULL: none */
    bool rtc_localtime;               /* -rtc base=localtime */
    bool rtc_fixed;                   /* -rtc base=DATE: rtc_base counts, not the host's date */
    int64_t rtc_base;                 /* what the clock shows at the start, in seconds since 1970 */
    const char *name;                 /* -name */
    Chardev *(*chardev_find)(void *opaque, const char *id);   /* for DeviceHost */
    void *opaque;
} MachineOptions;

struct MachineClass {
    const char *name;                 /* as -machine names it */
    const char *alias;                /* or NULL */
    const char *desc;
    const CpuClass *cpu_class;        /* what its CPUs are */
    const char *default_cpu;          /* -cpu if not given */
    char *(*cpu_help)(void);          /* text of `-cpu help`, for g_free(); NULL: there is none */
    uint64_t default_ram;
    unsigned max_cpus;
    size_t size;                      /* of the machine's struct, which begins with a Machine */
    /*
     * Build everything into m: spaces, RAM, chips, CPUs (cpu_new), devices; load nothing yet. The
     * fields of Machine above `devices` are filled in already. On failure destroy is called.
     */
    bool (*create)(Machine *m, GError **errp);
    /*
     * Read kernel, initrd and so on from the host's files, once, and check them: all that can be
     * wrong with them is said here.
     */
    bool (*load)(Machine *m, GError **errp);
    /*
     * Power-on or reset: RAM images and tables written anew, devices reset, the boot CPU pointed at
     * the kernel. All vCPUs are parked and have been reset already (whoever owns the machine calls
     * this from a reset handler of order VM_RESET_LOADER); VM lock held. Also before the first run.
     */
    void (*reset)(Machine *m);
    /* Somebody presses the power button. VM lock held. NULL: there is none. */
    void (*power_button)(Machine *m);
    /* Somebody presses the NMI button. VM lock held. NULL: there is none. */
    void (*nmi)(Machine *m);
    /*
     * Undo create, as far as it got. Its devices are freed already, and so is the Vm with its
     * threads and CPUs (which needed memory until then): m->vm must not be touched.
     */
    void (*destroy)(Machine *m);
};

struct Machine {
    const MachineClass *cls;
    const MachineOptions *opt;
    Vm *vm;
    DeviceHost host;                  /* create fills in mem, io, isa_irq; the rest is there */
    const char *gdb_arch;             /* set by load: gdb's name for what the image is made for, if
                                         that is not what the CPUs are described as; else NULL */
    DeviceList devices;               /* the machine's own and the user's */
};

#endif
