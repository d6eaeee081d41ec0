/* Listeners: a chardev for each connection.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include "chardev/chardev_int.h"
#include "util/error.h"
#include "util/keyval.h"

struct ChardevListener {
    ChardevAccepted *accepted;
    void *opaque;
    NetAddress address;
    char *name;
    unsigned count;          /* connections so far, for their labels */
    int fd;
    FdWatch *watch;
    Chardev *stdio;          /* not handed over yet */
};

static void listener_hand_over(ChardevListener *l, Chardev *c)
{
    l->accepted(l->opaque, c);
}

static void listener_ready(void *opaque, int fd, unsigned revents)
{
    ChardevListener *l = opaque;
    int peer = net_accept(fd);

    if (peer >= 0) {
        g_autofree char *label = g_strdup_printf("%s#%u", l->name, ++l->count);
        listener_hand_over(l, chardev_new_fd(peer, peer, label));
    }
}

static void listener_call_stdio(void *opaque)
{
    ChardevListener *l = opaque;
    Chardev *c = l->stdio;

    l->stdio = NULL;
    listener_hand_over(l, c);
}

/* The address of "tcp:..." or "unix:..."; the options behind a comma are all defaults. */
static bool listener_parse(const char *spec, NetAddress *a, GError **errp)
{
    static const char *const negatable[] = { "wait", NULL };
    g_autoptr(KeyVal) kv = keyval_parse(spec, "address", negatable, errp);
    bool server = true, wait = false, nodelay = true;
    const char *text;

    if (!kv) {
        return false;
    }
    text = keyval_get(kv, "address");
    if (!text || !keyval_get_bool(kv, "server", &server, errp) ||
        !keyval_get_bool(kv, "wait", &wait, errp) ||
        !keyval_get_bool(kv, "nodelay", &nodelay, errp) || !keyval_check_used(kv, errp)) {
        return text ? false : error_set(errp, INVALID, "there is no address in '%s'", spec);
    }
    if (!server || wait) {
        return error_set(errp, UNSUPPORTED, "only a server that does not wait is possible here");
    }
    if (g_str_has_prefix(text, "unix:")) {
        *a = (NetAddress){ .is_unix = true, .path = g_strdup(text + strlen("unix:")) };
        return true;
    }
    if (g_str_has_prefix(text, "tcp:")) {
        return net_address_parse_tcp(a, text + strlen("tcp:"), errp);
    }
    return error_set(errp, INVALID, "'%s' is none of tcp:HOST:PORT, unix:PATH, stdio", text);
}

ChardevListener *chardev_listen(const char *spec, ChardevAccepted *accepted, void *opaque,
                                GError **errp)
{
    ChardevListener *l = g_new0(ChardevListener, 1);

    l->accepted = accepted;
    l->opaque = opaque;
    l->fd = -1;
    if (g_str_equal(spec, "stdio")) {
        l->stdio = chardev_new_stdio(true, "stdio", errp);
        l->name = g_strdup("stdio");
        if (l->stdio) {
            mainloop_call(listener_call_stdio, l);
            return l;
        }
    } else if (listener_parse(spec, &l->address, errp)) {
        l->fd = net_listen(&l->address, &l->name, errp);
        if (l->fd >= 0) {
            l->watch = fd_watch_new(l->fd, POLLIN, listener_ready, l);
            return l;
        }
    }
    chardev_listener_free(l);
    return NULL;
}

const char *chardev_listener_address(const ChardevListener *l)
{
    return l->name;
}

void chardev_listener_free(ChardevListener *l)
{
    if (!l) {
        return;
    }
    mainloop_call_cancel(listener_call_stdio, l);
    chardev_free(l->stdio);
    fd_watch_free(l->watch);
    if (l->fd >= 0) {
        close(l->fd);
        net_unlink(&l->address);
    }
    net_address_clear(&l->address);
    g_free(l->name);
    g_free(l);
}
