/* Listens for debuggers and gives each connection a session.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/server.h"

#include <string.h>

#include "chardev/chardev.h"
#include "gdbstub/session.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"
#include "util/mainloop.h"

/* With so much unsent output a client's further packets wait until it has read some. The queue
 * holds more than that and the largest answers: only a client that stopped reading in the middle of
 * a monitor command's output can fill it, and is hung up on. */
enum { QUEUE_READY = 256 << 10, QUEUE_LIMIT = 16 << 20, RECEIVE_MAX = 64 << 10 };

/* How often a client that does not read is looked at. */
enum { DRAIN_POLL_NS = 5 * 1000 * 1000 };

struct GdbServer {
    GdbConfig config;
    char *arch, *exec_file;
    ChardevListener *listener;
    GPtrArray *connections;
    unsigned accepted;
};

typedef struct Connection {
    GdbServer *server;
    Chardev *chr;
    GdbSession *session;
    MainTimer *drain;
    bool closing;
} Connection;

static void connection_close(void *opaque);

static void connection_free(Connection *c)
{
    mainloop_call_cancel(connection_close, c);
    main_timer_free(c->drain);
    if (c->session) {
        gdb_session_free(c->session);
    }
    chardev_free(c->chr);
    g_free(c);
}

static void connection_close(void *opaque)
{
    Connection *c = opaque;

    g_ptr_array_remove(c->server->connections, c);      /* frees it */
}

/* The end comes from the main loop, never from within a call of the session or the chardev. */
static void connection_close_later(Connection *c)
{
    if (!c->closing) {
        c->closing = true;
        mainloop_call(connection_close, c);
    }
}

/* ---- the session's transport ---- */

static void transport_write(void *opaque, const uint8_t *buf, size_t len)
{
    Connection *c = opaque;

    if (!c->closing && chardev_write(c->chr, buf, len) != len) {
        connection_close_later(c);
    }
}

static bool transport_ready(void *opaque)
{
    Connection *c = opaque;

    if (chardev_queued(c->chr) < QUEUE_READY) {
        return true;
    }
    main_timer_set(c->drain, DRAIN_POLL_NS);
    return false;
}

static void transport_resume_input(void *opaque)
{
    Connection *c = opaque;

    chardev_accept_input(c->chr);
}

static const GdbTransport transport = {
    .write = transport_write,
    .ready = transport_ready,
    .resume_input = transport_resume_input,
};

static void drain_poll(void *opaque)
{
    Connection *c = opaque;

    if (!c->closing && transport_ready(c)) {
        gdb_session_continue(c->session);
    }
}

/* ---- the chardev's front end ---- */

static size_t front_can_receive(void *opaque)
{
    Connection *c = opaque;

    return c->closing || gdb_session_held(c->session) ? 0 : RECEIVE_MAX;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Connection *c = opaque;

    if (!c->closing) {
        gdb_session_receive(c->session, buf, len);
    }
}

static void front_event(void *opaque, ChardevEvent event)
{
    if (event == CHARDEV_EVENT_CLOSED) {
        connection_close_later(opaque);
    }
}

static const ChardevHandlers front = {
    .can_receive = front_can_receive,
    .receive = front_receive,
    .event = front_event,
};

static void accepted(void *opaque, Chardev *chr)
{
    GdbServer *server = opaque;
    Connection *c = g_new0(Connection, 1);
    g_autofree char *name = g_strdup_printf("gdb client %u on %s", ++server->accepted,
                                            gdb_server_address(server));
    GError *err = NULL;

    c->server = server;
    c->chr = chr;
    chardev_set_queue_limit(chr, QUEUE_LIMIT);
    c->drain = main_timer_new(drain_poll, c);
    c->session = gdb_session_new(&server->config, name, &transport, c, &err);
    if (!c->session || !chardev_attach(chr, &front, c, &err)) {
        warn_report("%s: %s", name, err->message);
        g_error_free(err);
        connection_free(c);
        return;
    }
    g_ptr_array_add(server->connections, c);
}

/* ---- the server ---- */

/* Takes our own options out of the spec; the rest is the listener's. */
static bool options_parse(GdbServer *server, const char *spec, GString *where, GError **errp)
{
    g_auto(GStrv) parts = g_strsplit(spec, ",", -1);

    for (char **p = parts; *p; p++) {
        if (g_str_has_prefix(*p, "arch=")) {
            g_free(server->arch);
            server->arch = g_strdup(*p + strlen("arch="));
        } else if (g_str_has_prefix(*p, "stay=")) {
            if (!parse_bool(*p + strlen("stay="), &server->config.stay, errp)) {
                g_prefix_error(errp, "stay: ");
                return false;
            }
        } else {
            g_string_append_printf(where, "%s%s", p == parts ? "" : ",", *p);
        }
    }
    server->config.arch = server->arch;
    return !server->arch || gdb_arch_check(server->config.debug, server->arch, errp);
}

GdbServer *gdb_server_new(Debug *debug, const char *spec, const GdbServerOptions *options,
                          GError **errp)
{
    g_autoptr(GString) where = g_string_new(NULL);
    GdbServer *server = g_new0(GdbServer, 1);

    server->config.debug = debug;
    server->connections = g_ptr_array_new_with_free_func((GDestroyNotify)connection_free);
    if (options) {
        server->exec_file = g_strdup(options->exec_file);
        server->config.exec_file = server->exec_file;
        server->config.monitor = options->monitor;
    }
    if (!options_parse(server, spec, where, errp)) {
        gdb_server_free(server);
        return NULL;
    }
    server->listener = chardev_listen(where->str, accepted, server, errp);
    if (!server->listener) {
        gdb_server_free(server);
        return NULL;
    }
    return server;
}

const char *gdb_server_address(const GdbServer *server)
{
    return chardev_listener_address(server->listener);
}

void gdb_server_free(GdbServer *server)
{
    if (!server) {
        return;
    }
    chardev_listener_free(server->listener);
    g_ptr_array_unref(server->connections);
    g_free(server->exec_file);
    g_free(server->arch);
    g_free(server);
}
