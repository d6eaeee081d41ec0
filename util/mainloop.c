/* The main loop's thread: calls from other threads, descriptors, timers. Sits on GLib's main
 * context.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include "util/mainloop.h"
#include "util/thread.h"

typedef struct Call {
    MainloopFn *fn;
    void *opaque;
} Call;

typedef struct CallSource {
    GSource source;
    Mutex lock;
    GQueue queue;
} CallSource;

/* The process has one main loop, as it has one main thread. */
static struct {
    bool ready, quit;
    int status;
    pthread_t thread;
    CallSource *calls;
} mainloop;

/* ---- calls ------------------------------------------------------------------------------ */

static bool calls_waiting(CallSource *c)
{
    bool any;

    mutex_lock(&c->lock);
    any = !g_queue_is_empty(&c->queue);
    mutex_unlock(&c->lock);
    return any;
}

static gboolean calls_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    return calls_waiting((CallSource *)source);
}

static gboolean calls_check(GSource *source)
{
    return calls_waiting((CallSource *)source);
}

/* Runs what was queued when it began: a call that asks for itself again cannot starve the rest. */
static gboolean calls_dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
    CallSource *c = (CallSource *)source;
    guint n;

    mutex_lock(&c->lock);
    n = g_queue_get_length(&c->queue);
    while (n-- > 0) {
        Call *call = g_queue_pop_head(&c->queue);
        if (!call) {
            break;
        }
        mutex_unlock(&c->lock);
        call->fn(call->opaque);
        g_free(call);
        mutex_lock(&c->lock);
    }
    mutex_unlock(&c->lock);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs calls_funcs = {
    .prepare = calls_prepare, .check = calls_check, .dispatch = calls_dispatch,
};

/* Ends the loop's sleep. Who is on its thread needs not: it looks before it sleeps. */
static void wake(void)
{
    if (!mainloop_is_current()) {
        g_main_context_wakeup(NULL);
    }
}

void mainloop_call(MainloopFn *fn, void *opaque)
{
    CallSource *c = mainloop.calls;
    Call *call = g_new(Call, 1);

    g_assert(mainloop.ready);
    *call = (Call){ .fn = fn, .opaque = opaque };
    mutex_lock(&c->lock);
    g_queue_push_tail(&c->queue, call);
    mutex_unlock(&c->lock);
    wake();
}

void mainloop_call_cancel(MainloopFn *fn, void *opaque)
{
    CallSource *c = mainloop.calls;

    mutex_lock(&c->lock);
    for (GList *l = c->queue.head, *next; l; l = next) {
        Call *call = l->data;
        next = l->next;
        if (call->fn == fn && call->opaque == opaque) {
            g_free(call);
            g_queue_delete_link(&c->queue, l);
        }
    }
    mutex_unlock(&c->lock);
}

/* ---- the loop --------------------------------------------------------------------------- */

void mainloop_init(void)
{
    g_assert(!mainloop.ready);
    mainloop.thread = pthread_self();
    mainloop.calls = (CallSource *)g_source_new(&calls_funcs, sizeof(CallSource));
    mutex_init(&mainloop.calls->lock);
    g_queue_init(&mainloop.calls->queue);
    g_source_attach(&mainloop.calls->source, NULL);
    mainloop.ready = true;
}

bool mainloop_is_current(void)
{
    return mainloop.ready && pthread_equal(mainloop.thread, pthread_self());
}

int mainloop_run(void)
{
    g_assert(mainloop_is_current());
    while (!atomic_get(&mainloop.quit)) {
        g_main_context_iteration(NULL, TRUE);
    }
    atomic_put(&mainloop.quit, false);
    return mainloop.status;
}

void mainloop_quit(int status)
{
    mutex_lock(&mainloop.calls->lock);
    if (!mainloop.quit) {
        mainloop.status = status;
        atomic_put(&mainloop.quit, true);
    }
    mutex_unlock(&mainloop.calls->lock);
    wake();
}

bool mainloop_quitting(void)
{
    return atomic_get(&mainloop.quit);
}

bool mainloop_iterate(bool block)
{
    return g_main_context_iteration(NULL, block);
}

/* ---- descriptors ------------------------------------------------------------------------ */

struct FdWatch {
    GSource source;
    int fd;
    unsigned wanted;     /* atomic: what the owner asks for */
    unsigned polled;     /* what GLib has been told; the loop's thread only */
    gpointer tag;
    FdWatchFn *fn;
    void *opaque;
};

/*
 * Brings GLib's idea of the events up to date. Done here and not in fd_watch_set(), because that
 * may run on any thread. A descriptor of which nothing is wanted leaves the poll set: poll(2) would
 * report its hang-up for ever.
 */
static gboolean fd_watch_prepare(GSource *source, gint *timeout)
{
    FdWatch *w = (FdWatch *)source;
    unsigned wanted = atomic_get(&w->wanted);

    *timeout = -1;
    if (wanted == w->polled) {
        return FALSE;
    }
    if (!wanted) {
        g_source_remove_unix_fd(source, w->tag);
        w->tag = NULL;
    } else if (!w->tag) {
        w->tag = g_source_add_unix_fd(source, w->fd, (GIOCondition)wanted);
    } else {
        g_source_modify_unix_fd(source, w->tag, (GIOCondition)wanted);
    }
    w->polled = wanted;
    return FALSE;
}

static unsigned fd_watch_ready(FdWatch *w)
{
    unsigned always = G_IO_HUP | G_IO_ERR | G_IO_NVAL;

    if (!w->tag) {
        return 0;
    }
    return g_source_query_unix_fd(&w->source, w->tag) & (atomic_get(&w->wanted) | always);
}

static gboolean fd_watch_check(GSource *source)
{
    FdWatch *w = (FdWatch *)source;

    return atomic_get(&w->wanted) && fd_watch_ready(w);
}

static gboolean fd_watch_dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
    FdWatch *w = (FdWatch *)source;
    unsigned ready = fd_watch_ready(w);

    if (ready && atomic_get(&w->wanted)) {
        w->fn(w->opaque, w->fd, ready);
    }
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs fd_watch_funcs = {
    .prepare = fd_watch_prepare, .check = fd_watch_check, .dispatch = fd_watch_dispatch,
};

FdWatch *fd_watch_new(int fd, unsigned events, FdWatchFn *fn, void *opaque)
{
    FdWatch *w = (FdWatch *)g_source_new(&fd_watch_funcs, sizeof(FdWatch));

    w->fd = fd;
    w->wanted = events;
    w->fn = fn;
    w->opaque = opaque;
    /* Else GLib takes the descriptor out of the poll set while fn runs, and wakes us for it. */
    g_source_set_can_recurse(&w->source, TRUE);
    g_source_attach(&w->source, NULL);
    return w;
}

void fd_watch_set(FdWatch *w, unsigned events)
{
    if (atomic_swap(&w->wanted, events) != events) {
        wake();
    }
}

void fd_watch_free(FdWatch *w)
{
    if (w) {
        g_source_destroy(&w->source);
        g_source_unref(&w->source);
    }
}

/* ---- timers ----------------------------------------------------------------------------- */

struct MainTimer {
    GSource source;
    MainloopFn *fn;
    void *opaque;
};

static gboolean main_timer_dispatch(GSource *source, GSourceFunc unused, gpointer data)
{
    MainTimer *t = (MainTimer *)source;

    g_source_set_ready_time(source, -1);
    t->fn(t->opaque);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs main_timer_funcs = { .dispatch = main_timer_dispatch };

MainTimer *main_timer_new(MainloopFn *fn, void *opaque)
{
    MainTimer *t = (MainTimer *)g_source_new(&main_timer_funcs, sizeof(MainTimer));

    t->fn = fn;
    t->opaque = opaque;
    g_source_attach(&t->source, NULL);
    return t;
}

void main_timer_set(MainTimer *t, int64_t ns)
{
    g_source_set_ready_time(&t->source, ns < 0 ? -1 : g_get_monotonic_time() + ns / 1000);
}

void main_timer_free(MainTimer *t)
{
    if (t) {
        g_source_destroy(&t->source);
        g_source_unref(&t->source);
    }
}
