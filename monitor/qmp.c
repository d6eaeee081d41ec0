/* QMP's server: a byte stream, and a session for each client that comes.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include "util/error.h"
#include "util/log.h"
#include "util/mainloop.h"

/* With so much unsent output a client's further commands wait until it has read some. The limit
 * holds that and the largest answers: only events can fill it further, for a client that does not
 * read at all. */
enum { QUEUE_READY = 256 << 10, QUEUE_LIMIT = 32 << 20 };

/* How often a client that does not read is looked at. */
enum { DRAIN_POLL_NS = 5 * 1000 * 1000 };

enum { LAST_WORDS_MS = 500 };

struct QmpServer {
    MonitorHost *host;
    Chardev *chr;
    bool pretty;
    unsigned count;             /* sessions so far, for their names */
    QmpSession *session;        /* NULL: nobody is there */
    VmObserver *observer;
    bool fresh;                 /* reset since it last ran */
    MainTimer *drain;
};

bool qmp_server_pretty(const QmpServer *q)
{
    return q->pretty;
}

bool qmp_server_fresh(const QmpServer *q)
{
    return q->fresh;
}

/* ---- output ---- */

static void server_hang_up(void *opaque)
{
    QmpServer *q = opaque;

    qmp_session_free(g_steal_pointer(&q->session));
    chardev_drop(q->chr);
}

void qmp_server_write(QmpServer *q, const char *text, size_t len)
{
    if (q->session && q->session->closing) {
        return;
    }
    if (chardev_queued(q->chr) + len <= QUEUE_LIMIT &&
        chardev_write(q->chr, text, len) == len) {
        return;
    }
    warn_report("QMP client of '%s': it does not read what it is sent, and was hung up on",
                chardev_label(q->chr));
    if (q->session) {
        q->session->closing = true;
    }
    mainloop_call(server_hang_up, q);
}

bool qmp_server_ready(QmpServer *q)
{
    if (chardev_queued(q->chr) < QUEUE_READY) {
        return true;
    }
    main_timer_set(q->drain, DRAIN_POLL_NS);
    return false;
}

void qmp_server_accept(QmpServer *q)
{
    chardev_accept_input(q->chr);
}

static void drain_poll(void *opaque)
{
    QmpServer *q = opaque;

    if (q->session && qmp_server_ready(q)) {
        qmp_session_go_on(q->session);
    }
}

/* ---- the chardev's front end ---- */

static size_t front_can_receive(void *opaque)
{
    QmpServer *q = opaque;

    return q->session && qmp_server_ready(q) ? qmp_session_room(q->session) : 0;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t len)
{
    QmpServer *q = opaque;

    qmp_session_receive(q->session, buf, len);
}

static void front_event(void *opaque, ChardevEvent event)
{
    QmpServer *q = opaque;
    g_autofree char *name = NULL;

    if (event == CHARDEV_EVENT_BREAK) {
        return;
    }
    if (event == CHARDEV_EVENT_CLOSED && q->session && q->session->quit) {
        return;     /* input has ended, output has not: the machine's end is still to be told */
    }
    mainloop_call_cancel(server_hang_up, q);
    qmp_session_free(g_steal_pointer(&q->session));
    if (event == CHARDEV_EVENT_OPENED) {
        name = g_strdup_printf("QMP client %u of %s", ++q->count, chardev_label(q->chr));
        q->session = qmp_session_new(q, q->host, name);
        qmp_server_accept(q);
    }
}

static const ChardevHandlers front = {
    .can_receive = front_can_receive, .receive = front_receive, .event = front_event,
};

/* ---- what the machine tells ---- */

static void on_running(void *opaque)
{
    QmpServer *q = opaque;

    q->fresh = false;
}

static void on_reset(void *opaque, VmCause cause)
{
    QmpServer *q = opaque;

    q->fresh = true;
}

static void on_powerdown(void *opaque)
{
    QmpServer *q = opaque;

    if (q->session) {
        qmp_event_powerdown(q->session);
    }
}

static const VmObserverOps observer_ops = {
    .running = on_running, .reset = on_reset, .powerdown = on_powerdown,
};

/* ---- life ---- */

QmpServer *qmp_server_new(MonitorHost *host, Chardev *chr, bool pretty, GError **errp)
{
    QmpServer *q = g_new0(QmpServer, 1);

    q->host = host;
    q->chr = chr;
    q->pretty = pretty;
    chardev_set_queue_limit(chr, QUEUE_LIMIT);
    if (!chardev_attach(chr, &front, q, errp)) {
        g_free(q);
        return NULL;
    }
    q->drain = main_timer_new(drain_poll, q);
    q->observer = vm_add_observer(debug_vm(host->debug), &observer_ops, q);
    return q;
}

void qmp_server_free(QmpServer *q)
{
    if (!q) {
        return;
    }
    if (q->session) {
        qmp_event_last(q->session);
        chardev_flush(q->chr, LAST_WORDS_MS);
    }
    chardev_detach(q->chr);
    mainloop_call_cancel(server_hang_up, q);
    qmp_session_free(q->session);
    vm_remove_observer(debug_vm(q->host->debug), q->observer);
    main_timer_free(q->drain);
    g_free(q);
}
