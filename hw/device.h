/* Contract of a device: class, properties, life from creation to destruction.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_HW_DEVICE_H
#define GLASSBOX_HW_DEVICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "hw/irq.h"
#include "mem/mem.h"

typedef struct Vm Vm;
typedef struct StateField StateField;   /* vm/state.h */
typedef struct Chardev Chardev;         /* chardev/chardev.h */
typedef struct Device Device;
typedef struct DeviceClass DeviceClass;

/*
 * A device is one allocation of cls->size bytes, zeroed, that begins with a Device. Its life:
 * device_new() -> properties -> realize -> (reset, pause, resume, accesses)* -> destroy.
 * All of it with the VM lock held, or before the machine runs.
 */

/* What the machine lends its devices. Lives as long as they do. */
typedef struct DeviceHost {
    Vm *vm;
    MemSpace *mem;                 /* guest physical memory */
    MemSpace *io;                  /* ports; NULL if the machine has none */
    IrqLine *const *isa_irq;       /* 16 lines, entries may be NULL; NULL if there is no ISA */
    Chardev *(*chardev_find)(void *opaque, const char *id);   /* a chardev by its -chardev id */
    void *opaque;
} DeviceHost;

typedef enum PropType {
    PROP_TYPE_BOOL,      /* bool */
    PROP_TYPE_UINT8,
    PROP_TYPE_UINT16,
    PROP_TYPE_UINT32,
    PROP_TYPE_UINT64,
    PROP_TYPE_SIZE,      /* uint64_t, with units */
    PROP_TYPE_STRING,    /* char *, the device's copy */
    PROP_TYPE_CHARDEV,   /* Chardev *, by id */
} PropType;

/* One property of -device name,prop=value. A table of these ends with a NULL name. */
typedef struct DeviceProp {
    const char *name;
    PropType type;
    uint32_t offset;     /* of the field within the device's struct */
    const char *initial; /* as the user would write it; NULL leaves zero */
    const char *help;
} DeviceProp;

/* What `info NAME` shows of a device. Several devices may answer to the same word: each adds its
 * lines, in the order of the machine's list. VM lock held. */
typedef struct DeviceView {
    const char *name;              /* the word behind `info`; NULL ends a table */
    const char *help;              /* one line */
    void (*print)(const Device *dev, GString *out);
} DeviceView;

typedef enum DeviceLineKind {
    DEVICE_LINE_INPUT,             /* where: offset of an IrqLine *, an array of the device's own */
    DEVICE_LINE_OUTPUT,            /* where: offset of an IrqLine * that the device drives */
    DEVICE_LINE_ISA,               /* an output too; where: the number of the host's ISA line */
} DeviceLineKind;

/* Interrupt lines (and the like) of a device under a name, for those who watch or drive them from
 * outside: tests, `info`. */
typedef struct DeviceLine {
    const char *name;              /* NULL ends a table */
    DeviceLineKind kind;
    uint32_t where;
    unsigned count;                /* of an array; else 1 */
} DeviceLine;

struct DeviceClass {
    const char *name;              /* as -device names it */
    const char *desc;              /* one line for -device help */
    const char *fdt_compatible;    /* what a device tree calls it; NULL if it can't be in one */
    size_t size;                   /* of the whole struct */
    const StateField *state;       /* everything that a reset sets and a checkpoint keeps */
    const DeviceProp *props;       /* may be NULL */
    bool user_creatable;           /* -device may make one */
    /* Map regions, take lines. On failure nothing is left mapped; destroy is not called. */
    bool (*realize)(Device *dev, GError **errp);
    /* To the state after power-on. Called once after realize by the machine, and at every reset. */
    void (*reset)(Device *dev);
    /* The machine stops or goes on: stop taking input, take it again. May be NULL. */
    void (*pause)(Device *dev);
    void (*resume)(Device *dev);
    /* After a checkpoint was loaded into the state fields: recompute what hangs on them. May be
     * NULL. */
    void (*loaded)(Device *dev);
    /* Undo realize. May be NULL. */
    void (*destroy)(Device *dev);
    const DeviceView *views;       /* what `info` shows of it; may be NULL */
    const DeviceLine *lines;       /* its lines by name; may be NULL */
};

struct Device {
    const DeviceClass *cls;
    const DeviceHost *host;
    char *id;                      /* unique; the class's name and a number if the user gave none */
    bool realized;
};

/* A device with its properties at their initial values. id may be NULL. */
Device *device_new(const DeviceClass *cls, const DeviceHost *host, const char *id);

/* Set a property from text; before realize. False for a name or value that is not good. */
bool device_set(Device *dev, const char *prop, const char *value, GError **errp);

/* Set a chardev property directly (the machine's own serial ports). Our bug if there is none
 * such. */
void device_set_chardev(Device *dev, const char *prop, Chardev *chr);

/* Realize. On failure the device can only be freed. */
bool device_realize(Device *dev, GError **errp);

/* Destroy (if realized) and free. NULL is fine. */
void device_free(Device *dev);

/* Line n of a row of its class's table; NULL: it leads nowhere. */
IrqLine *device_line(const Device *dev, const DeviceLine *row, unsigned n);

/* The devices of a machine in the order of creation. */
typedef struct DeviceList {
    GPtrArray *dev;
} DeviceList;

/* An empty list; free_all destroys the devices, last first. */
void device_list_init(DeviceList *list);
void device_list_free_all(DeviceList *list);

/* Create with text properties "prop=value" (NULL-ended array, may be NULL), realize and append.
 * NULL with an error, and nothing left. */
Device *device_list_create(DeviceList *list, const DeviceClass *cls, const DeviceHost *host,
                           const char *id, const char *const *props, GError **errp);

/* Take over a device that is realized already. */
void device_list_append(DeviceList *list, Device *dev);

/* The device that somebody means by a name: an id; a class's name, for its first device; what
 * follows the last slash of a path, likewise. NULL: none. */
Device *device_list_find_name(const DeviceList *list, const char *name);

/* The device of this id, or NULL. */
Device *device_list_find(const DeviceList *list, const char *id);

/* All of them: reset and resume in order, pause in reverse order. */
void device_list_reset(DeviceList *list);
void device_list_pause(DeviceList *list);
void device_list_resume(DeviceList *list);
void device_list_loaded(DeviceList *list);

#endif
