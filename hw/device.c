/* Devices: creation, properties, and lists of them.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "hw/device.h"
#include "util/error.h"
#include "util/keyval.h"

static void *prop_field(Device *dev, const DeviceProp *p)
{
    return (uint8_t *)dev + p->offset;
}

static const DeviceProp *prop_find(const DeviceClass *cls, const char *name)
{
    for (const DeviceProp *p = cls->props; p && p->name; p++) {
        if (g_str_equal(p->name, name)) {
            return p;
        }
    }
    return NULL;
}

static bool prop_set_uint(Device *dev, const DeviceProp *p, const char *value, GError **errp)
{
    static const uint64_t max[] = {
        [PROP_TYPE_UINT8] = UINT8_MAX, [PROP_TYPE_UINT16] = UINT16_MAX,
        [PROP_TYPE_UINT32] = UINT32_MAX, [PROP_TYPE_UINT64] = UINT64_MAX,
    };
    void *field = prop_field(dev, p);
    uint64_t v;

    if (!parse_uint(value, max[p->type], &v, errp)) {
        return false;
    }
    switch (p->type) {
    case PROP_TYPE_UINT8:
        *(uint8_t *)field = v;
        break;
    case PROP_TYPE_UINT16:
        *(uint16_t *)field = v;
        break;
    case PROP_TYPE_UINT32:
        *(uint32_t *)field = v;
        break;
    default:
        *(uint64_t *)field = v;
        break;
    }
    return true;
}

static bool prop_set_chardev(Device *dev, const DeviceProp *p, const char *value, GError **errp)
{
    const DeviceHost *host = dev->host;
    Chardev *c = host->chardev_find ? host->chardev_find(host->opaque, value) : NULL;

    if (!c) {
        return error_set(errp, NOT_FOUND, "there is no chardev '%s'", value);
    }
    *(Chardev **)prop_field(dev, p) = c;
    return true;
}

static bool prop_set(Device *dev, const DeviceProp *p, const char *value, GError **errp)
{
    char **str;

    switch (p->type) {
    case PROP_TYPE_BOOL:
        return parse_bool(value, prop_field(dev, p), errp);
    case PROP_TYPE_UINT8:
    case PROP_TYPE_UINT16:
    case PROP_TYPE_UINT32:
    case PROP_TYPE_UINT64:
        return prop_set_uint(dev, p, value, errp);
    case PROP_TYPE_SIZE:
        return parse_size(value, 1, prop_field(dev, p), errp);
    case PROP_TYPE_STRING:
        str = prop_field(dev, p);
        g_free(*str);
        *str = g_strdup(value);
        return true;
    case PROP_TYPE_CHARDEV:
        return prop_set_chardev(dev, p, value, errp);
    }
    g_assert_not_reached();
}

Device *device_new(const DeviceClass *cls, const DeviceHost *host, const char *id)
{
    Device *dev;

    g_assert(cls->size >= sizeof(Device));
    dev = g_malloc0(cls->size);
    dev->cls = cls;
    dev->host = host;
    dev->id = g_strdup(id);
    for (const DeviceProp *p = cls->props; p && p->name; p++) {
        if (p->initial) {
            GError *err = NULL;
            bool ok = prop_set(dev, p, p->initial, &err);
            g_assert_no_error(err);
            g_assert(ok);
        }
    }
    return dev;
}

bool device_set(Device *dev, const char *prop, const char *value, GError **errp)
{
    const DeviceProp *p = prop_find(dev->cls, prop);

    g_assert(!dev->realized);
    if (!p) {
        return error_set(errp, NOT_FOUND, "device '%s' has no property '%s'", dev->cls->name, prop);
    }
    if (!prop_set(dev, p, value, errp)) {
        g_prefix_error(errp, "property '%s' of device '%s': ", prop, dev->cls->name);
        return false;
    }
    return true;
}

void device_set_chardev(Device *dev, const char *prop, Chardev *chr)
{
    const DeviceProp *p = prop_find(dev->cls, prop);

    g_assert(p && p->type == PROP_TYPE_CHARDEV && !dev->realized);
    *(Chardev **)prop_field(dev, p) = chr;
}

bool device_realize(Device *dev, GError **errp)
{
    g_assert(!dev->realized);
    if (dev->cls->realize && !dev->cls->realize(dev, errp)) {
        return false;
    }
    dev->realized = true;
    return true;
}

void device_free(Device *dev)
{
    if (!dev) {
        return;
    }
    if (dev->realized && dev->cls->destroy) {
        dev->cls->destroy(dev);
    }
    for (const DeviceProp *p = dev->cls->props; p && p->name; p++) {
        if (p->type == PROP_TYPE_STRING) {
            g_free(*(char **)prop_field(dev, p));
        }
    }
    g_free(dev->id);
    g_free(dev);
}

IrqLine *device_line(const Device *dev, const DeviceLine *row, unsigned n)
{
    IrqLine *const *at;

    g_assert(n < row->count);
    if (row->kind == DEVICE_LINE_ISA) {
        return dev->host->isa_irq ? dev->host->isa_irq[row->where] : NULL;
    }
    at = (IrqLine *const *)(const void *)((const uint8_t *)dev + row->where);
    return *at ? *at + n : NULL;
}

void device_list_init(DeviceList *list)
{
    list->dev = g_ptr_array_new();
}

void device_list_free_all(DeviceList *list)
{
    if (!list->dev) {
        return;
    }
    for (unsigned i = list->dev->len; i-- > 0;) {
        device_free(g_ptr_array_index(list->dev, i));
    }
    g_ptr_array_free(list->dev, TRUE);
    list->dev = NULL;
}

Device *device_list_find(const DeviceList *list, const char *id)
{
    for (unsigned i = 0; i < list->dev->len; i++) {
        Device *dev = g_ptr_array_index(list->dev, i);
        if (g_str_equal(dev->id, id)) {
            return dev;
        }
    }
    return NULL;
}

Device *device_list_find_name(const DeviceList *list, const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    Device *dev = device_list_find(list, name);

    dev = dev ? dev : device_list_find(list, last);
    for (unsigned i = 0; !dev && i < list->dev->len; i++) {
        Device *d = g_ptr_array_index(list->dev, i);

        dev = g_str_equal(d->cls->name, last) ? d : NULL;
    }
    return dev;
}

/* A name for a device that the user did not name: its class's, with the first free number. */
static char *device_list_make_id(const DeviceList *list, const DeviceClass *cls)
{
    for (unsigned n = 0;; n++) {
        char *id = g_strdup_printf("%s.%u", cls->name, n);
        if (!device_list_find(list, id)) {
            return id;
        }
        g_free(id);
    }
}

void device_list_append(DeviceList *list, Device *dev)
{
    if (!dev->id) {
        dev->id = device_list_make_id(list, dev->cls);
    }
    g_ptr_array_add(list->dev, dev);
}

static bool device_set_all(Device *dev, const char *const *props, GError **errp)
{
    for (; props && *props; props++) {
        const char *eq = strchr(*props, '=');
        g_autofree char *name = eq ? g_strndup(*props, eq - *props) : g_strdup(*props);
        if (!device_set(dev, name, eq ? eq + 1 : "on", errp)) {
            return false;
        }
    }
    return true;
}

Device *device_list_create(DeviceList *list, const DeviceClass *cls, const DeviceHost *host,
                           const char *id, const char *const *props, GError **errp)
{
    Device *dev;

    if (id && device_list_find(list, id)) {
        error_set(errp, INVALID, "there is a device '%s' already", id);
        return NULL;
    }
    dev = device_new(cls, host, id);
    if (!device_set_all(dev, props, errp) || !device_realize(dev, errp)) {
        device_free(dev);
        return NULL;
    }
    device_list_append(list, dev);
    return dev;
}

typedef void DeviceMethod(Device *);

static void device_list_call(DeviceList *list, size_t method_offset, bool backward)
{
    unsigned n = list->dev->len;

    for (unsigned i = 0; i < n; i++) {
        Device *dev = g_ptr_array_index(list->dev, backward ? n - 1 - i : i);
        DeviceMethod *method = G_STRUCT_MEMBER(DeviceMethod *, dev->cls, method_offset);
        if (method) {
            method(dev);
        }
    }
}

void device_list_reset(DeviceList *list)
{
    device_list_call(list, G_STRUCT_OFFSET(DeviceClass, reset), false);
}

void device_list_pause(DeviceList *list)
{
    device_list_call(list, G_STRUCT_OFFSET(DeviceClass, pause), true);
}

void device_list_resume(DeviceList *list)
{
    device_list_call(list, G_STRUCT_OFFSET(DeviceClass, resume), false);
}

void device_list_loaded(DeviceList *list)
{
    device_list_call(list, G_STRUCT_OFFSET(DeviceClass, loaded), false);
}
