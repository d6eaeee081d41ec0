/* Byte streams: front ends, the output queue, descriptors.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "chardev/chardev_int.h"
#include "chardev/trace.h"
#include "util/error.h"

/* From this fill on a writer helps to empty the queue, should the main loop be slow. */
#define CHARDEV_HELP_AT (128u << 10)
/* What may be written at once to a descriptor that blocks, once poll(2) says that there is room. */
#define CHARDEV_SMALL_WRITE 512
#define CHARDEV_FLUSH_MS 500

/* ---- life ------------------------------------------------------------------------------- */

Chardev *chardev_alloc(size_t size, const ChardevOps *ops, const char *label)
{
    Chardev *c = g_malloc0(size);

    c->ops = ops;
    c->label = g_strdup(label);
    c->in_fd = c->out_fd = -1;
    c->limit = CHARDEV_QUEUE_LIMIT;
    c->queue = g_byte_array_new();
    mutex_init(&c->lock);
    return c;
}

static void chardev_destroy(Chardev *c)
{
    g_byte_array_free(c->queue, TRUE);
    mutex_destroy(&c->lock);
    g_free(c->label);
    g_free(c->address);
    g_free(c);
}

void chardev_hold(Chardev *c)
{
    c->busy++;
}

void chardev_release(Chardev *c)
{
    if (--c->busy == 0 && c->dead) {
        chardev_destroy(c);
    }
}

static void chardev_call_resume(void *opaque);
static void chardev_call_opened(void *opaque);
static void chardev_call_broken(void *opaque);

void chardev_free(Chardev *c)
{
    if (!c || c->dead) {
        return;
    }
    chardev_detach(c);
    chardev_flush(c, CHARDEV_FLUSH_MS);
    chardev_hold(c);
    c->dead = true;
    if (c->ops->free) {
        c->ops->free(c);
    }
    chardev_close_fds(c);
    mainloop_call_cancel(chardev_call_resume, c);
    mainloop_call_cancel(chardev_call_opened, c);
    mainloop_call_cancel(chardev_call_broken, c);
    chardev_release(c);
}

const char *chardev_label(const Chardev *c)
{
    return c->label;
}

const char *chardev_address(const Chardev *c)
{
    return c->address;
}

/* ---- front end -------------------------------------------------------------------------- */

void chardev_tell(Chardev *c, ChardevEvent event)
{
    if (c->handlers && c->handlers->event && !c->dead) {
        chardev_hold(c);
        c->handlers->event(c->opaque, event);
        chardev_release(c);
    }
}

static void chardev_tell_opened(Chardev *c)
{
    if (c->handlers && !c->told_open) {
        c->told_open = true;
        chardev_tell(c, CHARDEV_EVENT_OPENED);
    }
}

static void chardev_call_opened(void *opaque)
{
    Chardev *c = opaque;

    if (chardev_is_open(c)) {
        chardev_tell_opened(c);
    }
}

void chardev_set_open(Chardev *c, bool open)
{
    bool was;

    mutex_lock(&c->lock);
    was = c->open;
    c->open = open;
    mutex_unlock(&c->lock);
    if (open && !was) {
        trace_text(chardev_opened, "%s", c->label);
    } else if (was && !open) {
        trace_text(chardev_closed, "%s", c->label);
    }
    if (open) {
        chardev_tell_opened(c);
    } else if (c->told_open) {
        c->told_open = false;
        chardev_tell(c, CHARDEV_EVENT_CLOSED);
    }
}

bool chardev_is_open(Chardev *c)
{
    bool open;

    mutex_lock(&c->lock);
    open = c->open;
    mutex_unlock(&c->lock);
    return open;
}

bool chardev_attach(Chardev *c, const ChardevHandlers *h, void *opaque, GError **errp)
{
    g_assert(!chardev_is_mux(c));
    if (c->handlers) {
        return error_set(errp, BUSY, "chardev '%s' is used by something else already", c->label);
    }
    c->handlers = h;
    c->opaque = opaque;
    c->told_open = false;
    mainloop_call(chardev_call_opened, c);
    mainloop_call(chardev_call_resume, c);
    return true;
}

void chardev_detach(Chardev *c)
{
    c->handlers = NULL;
    c->opaque = NULL;
    c->told_open = false;
    if (c->in_watch) {
        fd_watch_set(c->in_watch, 0);
    }
}

/*
 * How much the front end takes now. Before it is believed that there is no room, `stalled` is set
 * and the question put again: whoever makes room in between sees the flag and calls us.
 */
static size_t chardev_room(Chardev *c)
{
    size_t room;

    if (!c->handlers || c->dead) {
        return 0;
    }
    if (!c->handlers->can_receive) {
        return SIZE_MAX;
    }
    room = c->handlers->can_receive(c->opaque);
    if (room == 0) {
        atomic_put(&c->stalled, true);
        room = c->handlers->can_receive(c->opaque);
    }
    return room;
}

size_t chardev_deliver(Chardev *c, const uint8_t *buf, size_t len)
{
    size_t done = 0;

    while (done < len) {
        size_t n = MIN(chardev_room(c), len - done);
        if (n == 0) {
            break;
        }
        c->handlers->receive(c->opaque, buf + done, n);
        done += n;
    }
    return done;
}

static void chardev_call_resume(void *opaque)
{
    Chardev *c = opaque;

    if (!c->handlers) {
        return;
    }
    if (c->ops->input) {
        c->ops->input(c);
    } else if (c->in_watch && !c->input_over) {
        fd_watch_set(c->in_watch, POLLIN);
    }
}

void chardev_accept_input(Chardev *c)
{
    if (atomic_swap(&c->stalled, false)) {
        mainloop_call(chardev_call_resume, c);
    }
}

/* ---- input from a descriptor ------------------------------------------------------------ */

static void chardev_lost(Chardev *c)
{
    if (c->dead) {
        return;
    }
    if (c->ops->lost) {
        c->ops->lost(c);
        return;
    }
    c->input_over = true;
    if (c->in_watch) {
        fd_watch_set(c->in_watch, 0);
    }
    if (c->told_open) {
        c->told_open = false;
        chardev_tell(c, CHARDEV_EVENT_CLOSED);
    }
}

/* The end of what a peer sends; it may still read. */
static void chardev_input_over(Chardev *c)
{
    if (c->out_is_socket) {
        if (c->handlers->input_over && c->handlers->input_over(c->opaque)) {
            c->input_over = true;
            if (c->in_watch) {
                fd_watch_set(c->in_watch, 0);
            }
            return;
        }
        chardev_flush(c, CHARDEV_FLUSH_MS);
    }
    chardev_lost(c);
}

static void chardev_read(Chardev *c, size_t room)
{
    uint8_t buf[CHARDEV_READ_SIZE];
    ssize_t n = read(c->in_fd, buf, MIN(room, sizeof(buf)));

    if (n > 0) {
        c->handlers->receive(c->opaque, buf, n);
    } else if (n == 0) {
        chardev_input_over(c);
    } else if (errno != EAGAIN && errno != EINTR) {
        chardev_lost(c);
    }
}

static void chardev_in_ready(void *opaque, int fd, unsigned revents)
{
    Chardev *c = opaque;
    size_t room;

    chardev_hold(c);
    if (chardev_is_open(c)) {
        chardev_tell_opened(c);   /* must not come after the first byte */
    }
    room = chardev_room(c);
    if (c->dead || !c->in_watch) {
        /* the front end has let go of it */
    } else if (room) {
        chardev_read(c, room);
    } else {
        fd_watch_set(c->in_watch, 0);
    }
    chardev_release(c);
}

/* ---- output ----------------------------------------------------------------------------- */

static size_t queue_length(const Chardev *c)
{
    return c->queue->len - c->head;
}

static void queue_clear(Chardev *c)
{
    g_byte_array_set_size(c->queue, 0);
    c->head = 0;
}

static ssize_t chardev_write_some(Chardev *c)
{
    const uint8_t *p = c->queue->data + c->head;
    size_t n = queue_length(c);

    if (c->out_is_socket) {
        return send(c->out_fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    return write(c->out_fd, p, c->out_blocks ? MIN(n, CHARDEV_SMALL_WRITE) : n);
}

/*
 * Writes what can be written now, and sees to it that the watch waits for room as long as there is
 * something to write. False if the other end is broken (then the queue is empty). Under the lock.
 */
static bool queue_drain(Chardev *c)
{
    while (queue_length(c) > 0) {
        ssize_t n = chardev_write_some(c);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            break;
        }
        if (n < 0) {
            queue_clear(c);
            fd_watch_set(c->out_watch, 0);
            return false;
        }
        c->head += n;
        if (c->out_blocks) {
            break;
        }
    }
    if (queue_length(c) == 0) {
        queue_clear(c);
    } else if (c->head > c->queue->len / 2) {
        g_byte_array_remove_range(c->queue, 0, c->head);
        c->head = 0;
    }
    fd_watch_set(c->out_watch, queue_length(c) ? POLLOUT : 0);
    return true;
}

/* Output is broken: nobody is there any more. Main-loop thread. */
static void chardev_call_broken(void *opaque)
{
    Chardev *c = opaque;

    chardev_hold(c);
    if (c->ops->lost) {
        chardev_lost(c);
    } else {
        chardev_set_open(c, false);   /* a pipe's reader went away: swallow from now on */
    }
    chardev_release(c);
}

static void chardev_out_ready(void *opaque, int fd, unsigned revents)
{
    Chardev *c = opaque;
    bool ok;

    mutex_lock(&c->lock);
    ok = queue_drain(c);
    mutex_unlock(&c->lock);
    if (!ok) {
        chardev_call_broken(c);
    }
}

size_t chardev_write(Chardev *c, const void *buf, size_t len)
{
    size_t n;

    if (c->ops->write) {
        return c->ops->write(c, buf, len);
    }
    mutex_lock(&c->lock);
    if (!c->open || !c->out_watch) {
        mutex_unlock(&c->lock);
        return len;
    }
    n = MIN(len, c->limit - MIN(queue_length(c), c->limit));
    g_byte_array_append(c->queue, buf, n);
    /* The loop's own thread would only come back for it, so an answer to a debugger goes out at
     * once. What a CPU writes byte by byte is collected. */
    if (!c->out_blocks && (mainloop_is_current() || queue_length(c) >= CHARDEV_HELP_AT)) {
        if (!queue_drain(c)) {
            mainloop_call(chardev_call_broken, c);
        }
    } else if (n) {
        fd_watch_set(c->out_watch, POLLOUT);
    }
    mutex_unlock(&c->lock);
    if (n < len) {
        trace_text(chardev_full, "%s lost %zu bytes", c->label, len - n);
    }
    return n;
}

/* The one whose queue this one's output goes through. */
static const Chardev *carrier_of(const Chardev *c)
{
    while (c->ops->below) {
        c = c->ops->below(c);
    }
    return c;
}

void chardev_set_queue_limit(Chardev *c, size_t bytes)
{
    ((Chardev *)carrier_of(c))->limit = bytes;
}

bool chardev_is_terminal(const Chardev *c)
{
    return carrier_of(c)->terminal;
}

size_t chardev_queued(Chardev *c)
{
    size_t n;

    mutex_lock(&c->lock);
    n = queue_length(c);
    mutex_unlock(&c->lock);
    return n;
}

void chardev_flush(Chardev *c, unsigned ms)
{
    gint64 end = g_get_monotonic_time() + (gint64)ms * 10 * 1000;

    while (g_get_monotonic_time() < end) {
        struct pollfd p = { .events = POLLOUT };
        size_t before, after;
        bool ok;

        mutex_lock(&c->lock);
        before = queue_length(c);
        p.fd = c->out_fd;
        mutex_unlock(&c->lock);
        if (before == 0 || p.fd < 0 || poll(&p, 1, (int)ms) <= 0) {
            return;
        }
        mutex_lock(&c->lock);
        ok = queue_drain(c);
        after = queue_length(c);
        mutex_unlock(&c->lock);
        if (!ok || after >= before) {
            return;
        }
    }
}

/* ---- descriptors ------------------------------------------------------------------------ */

void chardev_set_fds(Chardev *c, int in_fd, int out_fd)
{
    struct stat st;

    c->input_over = false;
    c->in_fd = in_fd;
    if (in_fd >= 0) {
        c->in_watch = fd_watch_new(in_fd, c->handlers ? POLLIN : 0, chardev_in_ready, c);
    }
    mutex_lock(&c->lock);
    queue_clear(c);
    c->out_fd = out_fd;
    c->out_is_socket = out_fd >= 0 && fstat(out_fd, &st) == 0 && S_ISSOCK(st.st_mode);
    if (out_fd >= 0) {
        c->out_watch = fd_watch_new(out_fd, 0, chardev_out_ready, c);
    }
    mutex_unlock(&c->lock);
}

void chardev_close_fds(Chardev *c)
{
    int in_fd = c->in_fd, out_fd;

    fd_watch_free(c->in_watch);
    c->in_watch = NULL;
    c->in_fd = -1;
    mutex_lock(&c->lock);
    fd_watch_free(c->out_watch);
    c->out_watch = NULL;
    out_fd = c->out_fd;
    c->out_fd = -1;
    queue_clear(c);
    mutex_unlock(&c->lock);
    if (in_fd >= 0) {
        close(in_fd);
    }
    if (out_fd >= 0 && out_fd != in_fd) {
        close(out_fd);
    }
}

void chardev_drop(Chardev *c)
{
    if (c->ops->disconnect) {
        c->ops->disconnect(c);
    }
}

void chardev_disconnect(Chardev *c)
{
    if (c->ops->disconnect) {
        chardev_flush(c, CHARDEV_FLUSH_MS);
        c->ops->disconnect(c);
    }
}
