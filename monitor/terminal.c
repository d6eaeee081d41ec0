/* The monitor on a byte stream.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/terminal.h"

#include <string.h>

#include "monitor/line_edit.h"
#include "util/mainloop.h"

#define PROMPT "(glassbox) "
#define QUEUE_LIMIT ((size_t)64 << 20)      /* output that waits for a slow peer */
#define LINE_LIMIT 16384
#define PATIENCE_NS (INT64_C(10) * 1000000000)

struct MonitorTerminal {
    MonitorHost *host;
    Chardev *chr;
    char *name;
    bool edit;
    bool running;               /* a line is being run: its output is not a notice */
    bool fresh;                 /* nobody has been greeted on this channel of a mux */
    bool leaving;               /* the peer is gone, but lines that it left are still to be run */
    Monitor *monitor;           /* while somebody is at the other end */
    LineEdit *editor;
    GByteArray *input;          /* bytes that wait for the end of a step */
    GString *line;              /* without editing: the line so far */
    MainTimer *patience;        /* with who has hung up while a step was under way */
};

/* ---- out ---- */

/* A terminal needs a carriage return with each line feed. */
static void terminal_write(MonitorTerminal *t, const char *text, size_t len)
{
    const char *end = text + len;

    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        size_t n = nl ? (size_t)(nl - text) : (size_t)(end - text);

        if (nl && t->edit && (n == 0 || text[n - 1] != '\r')) {
            chardev_write(t->chr, text, n);
            chardev_write(t->chr, "\r\n", 2);
        } else {
            chardev_write(t->chr, text, n + (nl != NULL));
        }
        text += n + (nl != NULL);
    }
}

static void show_prompt(MonitorTerminal *t)
{
    if (t->edit) {
        line_edit_show(t->editor);
    } else {
        terminal_write(t, PROMPT, strlen(PROMPT));
    }
}

/* Text that nobody asked for just now. */
static void on_notice(void *opaque, const char *text)
{
    MonitorTerminal *t = opaque;

    if (t->fresh || !chardev_has_focus(t->chr)) {
        return;                 /* the terminal shows something else */
    }
    if (t->edit && !t->running) {
        line_edit_say(t->editor, text);
    } else {
        terminal_write(t, text, strlen(text));
    }
}

/* ---- in ---- */

static void run_line(MonitorTerminal *t, const char *line)
{
    g_autoptr(GString) out = g_string_new(NULL);

    t->running = true;
    monitor_run(t->monitor, line, out);
    t->running = false;
    terminal_write(t, out->str, out->len);
    if (!t->edit && !monitor_busy(t->monitor)) {
        show_prompt(t);
    }
}

static void on_edited_line(void *opaque, const char *line)
{
    run_line(opaque, line);
}

static void on_edit_write(void *opaque, const char *text, size_t len)
{
    terminal_write(opaque, text, len);
}

static char **on_complete(void *opaque, const char *text, size_t *start)
{
    return monitor_complete(((MonitorTerminal *)opaque)->monitor, text, start);
}

static const LineEditOps edit_ops = {
    .write = on_edit_write, .line = on_edited_line, .complete = on_complete,
};

static void take_plain(MonitorTerminal *t, uint8_t byte)
{
    if (byte == '\n') {
        g_autofree char *line = g_strdup(t->line->str);

        g_string_truncate(t->line, 0);
        run_line(t, line);
    } else if (byte != '\r' && byte && t->line->len < LINE_LIMIT) {
        g_string_append_c(t->line, (char)byte);
    }
}

/* Takes what waits, until a line begins a step, whose end must come first. */
static void take_input(MonitorTerminal *t)
{
    g_autoptr(GByteArray) bytes = t->input;
    guint i = 0;

    t->input = g_byte_array_new();
    while (i < bytes->len && !monitor_busy(t->monitor)) {
        if (t->edit) {
            line_edit_feed(t->editor, bytes->data[i++]);
        } else {
            take_plain(t, bytes->data[i++]);
        }
    }
    g_byte_array_append(t->input, bytes->data + i, bytes->len - i);
}

static void peer_leave(MonitorTerminal *t);

/* All that the peer asked for has been answered. */
static void hang_up(void *opaque)
{
    MonitorTerminal *t = opaque;

    peer_leave(t);
    chardev_disconnect(t->chr);
}

static void take_input_later(void *opaque)
{
    MonitorTerminal *t = opaque;

    if (t->monitor && !monitor_busy(t->monitor)) {
        take_input(t);
    }
    if (t->leaving && t->monitor && t->input->len == 0 && !monitor_busy(t->monitor)) {
        hang_up(t);
    }
}

static void on_done(void *opaque)
{
    MonitorTerminal *t = opaque;

    if (!t->edit) {
        show_prompt(t);
    }
    mainloop_call(take_input_later, t);     /* not from within the telling of a stop */
}

static const MonitorOps monitor_ops = { .notice = on_notice, .done = on_done };

static size_t on_can_receive(void *opaque)
{
    MonitorTerminal *t = opaque;

    return t->input->len < LINE_LIMIT ? LINE_LIMIT - t->input->len : 0;
}

static void on_receive(void *opaque, const uint8_t *buf, size_t len)
{
    MonitorTerminal *t = opaque;

    if (t->monitor) {
        g_byte_array_append(t->input, buf, (guint)len);
        take_input(t);
        chardev_accept_input(t->chr);
    }
}

/* ---- peers ---- */

static void greet(MonitorTerminal *t)
{
    g_autofree char *text = g_strdup_printf("Glassbox %s monitor: 'help' lists commands\n",
                                            t->host->version);

    t->fresh = false;
    terminal_write(t, text, strlen(text));
    show_prompt(t);
}

static void peer_leave(MonitorTerminal *t)
{
    if (!t->monitor) {
        return;
    }
    mainloop_call_cancel(take_input_later, t);
    monitor_free(t->monitor);
    line_edit_free(t->editor);
    t->monitor = NULL;
    t->editor = NULL;
    t->leaving = false;
    main_timer_set(t->patience, -1);
    g_byte_array_set_size(t->input, 0);
    g_string_truncate(t->line, 0);
}

static void peer_come(MonitorTerminal *t)
{
    peer_leave(t);
    t->monitor = monitor_new(t->host, t->name, &monitor_ops, t);
    if (t->edit) {
        t->editor = line_edit_new(PROMPT, &edit_ops, t);
    }
    t->fresh = true;
    if (chardev_has_focus(t->chr)) {
        greet(t);
    }
}

static void on_event(void *opaque, ChardevEvent event)
{
    MonitorTerminal *t = opaque;

    switch (event) {
    case CHARDEV_EVENT_OPENED:
        peer_come(t);
        break;
    case CHARDEV_EVENT_CLOSED:
        t->leaving = t->monitor != NULL;
        take_input_later(t);
        break;
    case CHARDEV_EVENT_FOCUS:
        if (t->monitor && t->fresh) {
            greet(t);
        } else if (t->monitor) {
            show_prompt(t);
        }
        break;
    case CHARDEV_EVENT_BREAK:
        break;
    }
}

/* A script may send its lines, end its side, and wait for what comes of them. A step that has no end
 * does not keep the place from others for ever. */
static bool on_input_over(void *opaque)
{
    MonitorTerminal *t = opaque;

    t->leaving = t->monitor && (t->input->len || monitor_busy(t->monitor));
    if (t->leaving) {
        main_timer_set(t->patience, PATIENCE_NS);
    }
    return t->leaving;
}

static const ChardevHandlers handlers = {
    .can_receive = on_can_receive, .receive = on_receive, .event = on_event,
    .input_over = on_input_over,
};

/* ---- life ---- */

MonitorTerminal *monitor_terminal_new(MonitorHost *host, Chardev *chr, const char *name,
                                      MonitorEdit edit, GError **errp)
{
    MonitorTerminal *t = g_new0(MonitorTerminal, 1);

    t->host = host;
    t->chr = chr;
    t->name = g_strdup(name);
    t->edit = edit == MONITOR_EDIT_ON || (edit == MONITOR_EDIT_AUTO && chardev_is_terminal(chr));
    t->input = g_byte_array_new();
    t->line = g_string_new(NULL);
    t->patience = main_timer_new(hang_up, t);
    if (!chardev_attach(chr, &handlers, t, errp)) {
        t->chr = NULL;
        monitor_terminal_free(t);
        return NULL;
    }
    chardev_set_queue_limit(chr, QUEUE_LIMIT);
    return t;
}

void monitor_terminal_free(MonitorTerminal *t)
{
    if (!t) {
        return;
    }
    if (t->chr) {
        chardev_detach(t->chr);
    }
    peer_leave(t);
    g_byte_array_unref(t->input);
    g_string_free(t->line, TRUE);
    main_timer_free(t->patience);
    g_free(t->name);
    g_free(t);
}
