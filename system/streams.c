/* The byte streams of the command line: made, found by their ids, shared by muxes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "system/system_int.h"
#include "util/error.h"
#include "util/mainloop.h"

/* Ctrl-A x */
static void streams_quit(void *opaque)
{
    System *s = opaque;

    if (s->vm && s->debug) {
        vm_request_shutdown(s->vm, VM_CAUSE_HOST_QUIT, 0);
    } else {
        mainloop_quit(0);
    }
}

/* Keep a new chardev, tell where it is if nobody could know, and wait for its peer if it is to. */
static bool streams_add(System *s, Chardev *c, GError **errp)
{
    if (!c) {
        return false;
    }
    g_ptr_array_add(s->chardevs, c);
    if (chardev_is_mux(c)) {
        chardev_mux_set_quit(c, streams_quit, s);
    }
    if (chardev_address(c) && g_str_has_prefix(chardev_address(c), "/dev/")) {
        fprintf(stderr, "char device redirected to %s (label %s)\n", chardev_address(c),
                chardev_label(c));
    }
    if (chardev_must_wait(c)) {
        fprintf(stderr, "glassbox: waiting for a connection to %s\n", chardev_address(c));
    }
    return chardev_wait_connected(c, errp);
}

Chardev *streams_find(System *s, const char *id)
{
    for (unsigned i = 0; i < s->chardevs->len; i++) {
        Chardev *c = g_ptr_array_index(s->chardevs, i);
        if (g_str_equal(chardev_label(c), id)) {
            return c;
        }
    }
    return NULL;
}

/* What a front end attaches to: the chardev, or a new channel of a mux. */
Chardev *streams_front(Chardev *c, const char *label, GError **errp)
{
    return chardev_is_mux(c) ? chardev_mux_channel(c, label, errp) : c;
}

Chardev *streams_find_front(void *opaque, const char *id)
{
    Chardev *c = streams_find(opaque, id);

    return c ? streams_front(c, id, NULL) : NULL;
}

bool streams_make_chardevs(System *s, GError **errp)
{
    for (unsigned i = 0; i < s->config->chardevs->len; i++) {
        Chardev *c = chardev_new_option(g_ptr_array_index(s->config->chardevs, i), errp);
        if (c && streams_find(s, chardev_label(c))) {
            error_set(errp, INVALID, "there are two chardevs '%s'", chardev_label(c));
            chardev_free(c);
            c = NULL;
        }
        if (!streams_add(s, c, errp)) {
            g_prefix_error(errp, "-chardev: ");
            return false;
        }
    }
    return true;
}

/* The stream of a -serial or -debugcon argument; *out stays NULL for "none". */
bool streams_make(System *s, const char *spec, const char *label, Chardev **out,
                               GError **errp)
{
    Chardev *c;

    if (g_str_equal(spec, "none")) {
        return true;
    }
    if (g_str_has_prefix(spec, "chardev:")) {
        const char *id = spec + strlen("chardev:");
        c = streams_find(s, id);
        if (!c) {
            return error_set(errp, NOT_FOUND, "there is no chardev '%s'", id);
        }
    } else {
        c = chardev_new(spec, label, errp);
        if (!streams_add(s, c, errp)) {
            return false;
        }
    }
    *out = streams_front(c, label, errp);
    if (*out && g_str_has_prefix(spec, "mon:")) {
        Chardev *channel = chardev_mux_channel(c, "monitor", errp);

        if (channel) {
            g_ptr_array_add(s->implied, channel);
        }
        return channel != NULL;
    }
    return *out != NULL;
}

static bool any_on_stdio(const GPtrArray *specs)
{
    for (unsigned i = 0; i < specs->len; i++) {
        if (g_str_has_prefix(g_ptr_array_index(specs, i), "stdio")) {
            return true;
        }
    }
    return false;
}

/*
 * What a machine has if no serial port was asked for. There are no graphics, so that the first port
 * is on the terminal, as with -nographic, unless the terminal is not to be used.
 */
static const char *default_serial(const Config *c)
{
    if (c->nodefaults) {
        return "none";
    }
    if (any_on_stdio(c->gdb) || any_on_stdio(c->monitors) || any_on_stdio(c->qmp) ||
        any_on_stdio(c->qmp_pretty) || any_on_stdio(c->chardevs) ||
        (c->qtest && g_str_has_prefix(c->qtest, "stdio")) ||
        (c->display_none && !c->nographic)) {
        return "null";
    }
    return c->no_monitor ? "stdio" : "mon:stdio";
}

bool streams_make_serials(System *s, GError **errp)
{
    Config *c = s->config;

    if (c->serials->len == 0) {
        g_ptr_array_add(c->serials, (gpointer)default_serial(c));
    }
    for (unsigned i = 0; i < c->serials->len; i++) {
        g_autofree char *label = g_strdup_printf("serial%u", i);
        if (!streams_make(s, g_ptr_array_index(c->serials, i), label, &c->opt.serial[i],
                                errp)) {
            g_prefix_error(errp, "-serial: ");
            return false;
        }
    }
    if (c->debugcon && !streams_make(s, c->debugcon, "debugcon", &c->opt.debugcon, errp)) {
        g_prefix_error(errp, "-debugcon: ");
        return false;
    }
    return true;
}
