/* Making byte streams from what the user wrote: "-serial SPEC" and "-chardev KIND,id=...".
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

/*
 * One row for each kind. Its options come as a KeyVal, from -chardev directly, from the short
 * spelling with the part before the first comma under the key named by `address`.
 */
typedef struct ChardevKind {
    const char *name;        /* in -chardev */
    const char *prefix;      /* in the short spelling, "unix:"; or the whole word */
    const char *address;     /* what follows the prefix; NULL: nothing does */
    Chardev *(*create)(KeyVal *kv, const char *label, GError **errp);
} ChardevKind;

static Chardev *create_null(KeyVal *kv, const char *label, GError **errp)
{
    return keyval_check_used(kv, errp) ? chardev_new_null(label) : NULL;
}

static Chardev *create_pty(KeyVal *kv, const char *label, GError **errp)
{
    return keyval_check_used(kv, errp) ? chardev_new_pty(label, errp) : NULL;
}

static Chardev *create_file(KeyVal *kv, const char *label, GError **errp)
{
    const char *path = keyval_get(kv, "path");
    bool append = false;

    if (!keyval_get_bool(kv, "append", &append, errp) || !keyval_check_used(kv, errp)) {
        return NULL;
    }
    if (!path || !*path) {
        error_set(errp, INVALID, "a file needs a path");
        return NULL;
    }
    return chardev_new_file(path, append, label, errp);
}

static Chardev *create_stdio(KeyVal *kv, const char *label, GError **errp)
{
    bool signals = true;

    if (!keyval_get_bool(kv, "signal", &signals, errp) || !keyval_check_used(kv, errp)) {
        return NULL;
    }
    return chardev_new_stdio(signals, label, errp);
}

/* Where a socket is: path=..., or host=... and port=..., or the short spelling's tcp=HOST:PORT. */
static bool socket_address(KeyVal *kv, NetAddress *a, GError **errp)
{
    const char *path = keyval_get(kv, "path"), *tcp = keyval_get(kv, "tcp");
    const char *host = keyval_get(kv, "host"), *port = keyval_get(kv, "port");
    g_autofree char *text = NULL;

    memset(a, 0, sizeof(*a));
    if (path && !tcp && !host && !port) {
        *a = (NetAddress){ .is_unix = true, .path = g_strdup(path) };
        return true;
    }
    if (tcp && !path && !host && !port) {
        return net_address_parse_tcp(a, tcp, errp);
    }
    if (path || tcp || !port) {
        return error_set(errp, INVALID, "a socket needs path, or host and port");
    }
    text = g_strdup_printf("%s:%s", host ? host : "", port);
    return net_address_parse_tcp(a, text, errp);
}

static Chardev *create_socket(KeyVal *kv, const char *label, GError **errp)
{
    bool server = false, wait = true, nodelay = true, has_wait = keyval_get(kv, "wait") != NULL;
    NetAddress a;

    if (!keyval_get_bool(kv, "server", &server, errp) ||
        !keyval_get_bool(kv, "wait", &wait, errp) ||
        !keyval_get_bool(kv, "nodelay", &nodelay, errp) || !socket_address(kv, &a, errp)) {
        return NULL;
    }
    if (!keyval_check_used(kv, errp)) {
        net_address_clear(&a);
        return NULL;
    }
    if (has_wait && !server) {
        net_address_clear(&a);
        error_set(errp, INVALID, "wait is for servers only (server=on)");
        return NULL;
    }
    return chardev_new_socket(&a, server, wait, nodelay, label, errp);
}

static const ChardevKind chardev_kinds[] = {
    { "null", "null", NULL, create_null },
    { "pty", "pty", NULL, create_pty },
    { "stdio", "stdio", NULL, create_stdio },
    { "file", "file:", "path", create_file },
    { "socket", "unix:", "path", create_socket },
    { "socket", "tcp:", "tcp", create_socket },
};

static const char *const chardev_negatable[] = { "wait", "server", "signal", NULL };

/* The row of a short spelling; *rest is what follows its prefix. */
static const ChardevKind *kind_of_spec(const char *spec, const char **rest)
{
    for (size_t i = 0; i < G_N_ELEMENTS(chardev_kinds); i++) {
        const ChardevKind *k = &chardev_kinds[i];
        size_t n = strlen(k->prefix);
        if (g_str_has_prefix(spec, k->prefix) && (k->address || !spec[n] || spec[n] == ',')) {
            *rest = spec + n;
            return k;
        }
    }
    return NULL;
}

static Chardev *chardev_new_plain(const char *spec, const char *label, GError **errp)
{
    const char *rest;
    const ChardevKind *k = kind_of_spec(spec, &rest);
    g_autoptr(KeyVal) kv = NULL;

    if (!k) {
        error_set(errp, NOT_FOUND, "there is no byte stream '%s' (stdio, file:PATH, null, pty, "
                  "unix:PATH, tcp:HOST:PORT)", spec);
        return NULL;
    }
    if (!k->address && *rest == ',') {
        rest++;
    }
    kv = keyval_parse(rest, k->address, chardev_negatable, errp);
    return kv ? k->create(kv, label, errp) : NULL;
}

Chardev *chardev_new(const char *spec, const char *label, GError **errp)
{
    bool mon = g_str_has_prefix(spec, "mon:");
    Chardev *c;

    if (!mon) {
        return chardev_new_plain(spec, label, errp);
    }
    spec += strlen("mon:");
    /* Behind a mux Ctrl-C is the guest's: there is Ctrl-A x to end the program. */
    if (g_str_equal(spec, "stdio")) {
        c = chardev_new_stdio(false, label, errp);
    } else {
        c = chardev_new_plain(spec, label, errp);
    }
    return c ? chardev_new_mux(c, NULL, NULL) : NULL;
}

Chardev *chardev_new_option(const char *text, GError **errp)
{
    g_autoptr(KeyVal) kv = keyval_parse(text, "backend", chardev_negatable, errp);
    const char *name, *id;
    bool mux = false;

    if (!kv || !keyval_get_bool(kv, "mux", &mux, errp)) {
        return NULL;
    }
    name = keyval_get(kv, "backend");
    id = keyval_get(kv, "id");
    if (!id || !*id) {
        error_set(errp, INVALID, "a chardev needs an id");
        return NULL;
    }
    for (size_t i = 0; name && i < G_N_ELEMENTS(chardev_kinds); i++) {
        if (g_str_equal(chardev_kinds[i].name, name)) {
            Chardev *c = chardev_kinds[i].create(kv, id, errp);
            return c && mux ? chardev_new_mux(c, NULL, NULL) : c;
        }
    }
    error_set(errp, NOT_FOUND, "there is no kind of chardev '%s' (null, pty, stdio, file, socket)",
              name ? name : "");
    return NULL;
}
