/* The stream: lines in, answers out, the log of both.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "qtest/qtest_int.h"
#include "util/error.h"
#include "util/log.h"

/* With so much unsent output a client's further lines wait until it has read some. One clock step
 * can make many more IRQ lines, which wait in the queue: the main loop does nothing meanwhile. */
#define QUEUE_READY (256u << 10)
#define QUEUE_LIMIT (512u << 20)
#define RECEIVE_MAX (64u << 10)
#define DRAIN_POLL_NS (5 * NS_PER_MS)
/* How much of a line, or of a reason, is shown. */
#define SHOWN_MAX 200

/* ---- output ----------------------------------------------------------------------------- */

/* A line into the log; its bytes may be anything. Under out_lock. */
static void log_locked(QtestServer *s, char kind, const char *text, size_t len)
{
    if (!s->log) {
        return;
    }
    fprintf(s->log, "[%c] ", kind);
    for (size_t i = 0; i < MIN(len, SHOWN_MAX); i++) {
        fputc(g_ascii_isprint(text[i]) || text[i] == '\t' ? text[i] : '?', s->log);
    }
    if (len > SHOWN_MAX) {
        fprintf(s->log, "... (%zu bytes)", len);
    }
    fputc('\n', s->log);
    fflush(s->log);
}

static void log_line(QtestServer *s, char kind, const char *text, size_t len)
{
    mutex_lock(&s->out_lock);
    log_locked(s, kind, text, len);
    mutex_unlock(&s->out_lock);
}

static void hang_up(void *opaque)
{
    QtestServer *s = opaque;

    warn_report("qtest: the client does not read what it is told");
    chardev_disconnect(s->chr);
}

/* Sends a whole line or nothing. */
static void send_line(QtestServer *s, GString *line)
{
    mutex_lock(&s->out_lock);
    log_locked(s, 'S', line->str, line->len);
    g_string_append_c(line, '\n');
    if (chardev_queued(s->chr) + line->len <= QUEUE_LIMIT && !s->lost) {
        chardev_write(s->chr, line->str, line->len);
    } else if (!s->lost) {
        s->lost = true;
        mainloop_call(hang_up, s);
    }
    mutex_unlock(&s->out_lock);
}

void qtest_tell(QtestServer *s, const char *fmt, ...)
{
    g_autoptr(GString) line = g_string_new(NULL);
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(line, fmt, ap);
    va_end(ap);
    send_line(s, line);
}

static void send_answer(QtestServer *s, bool ok, const char *text)
{
    g_autoptr(GString) line = g_string_new(ok ? "OK" : "FAIL");

    if (*text) {
        g_string_append_c(line, ' ');
        g_string_append_len(line, text, ok ? -1 : (gssize)MIN(strlen(text), SHOWN_MAX));
    }
    send_line(s, line);
}

/* ---- input ------------------------------------------------------------------------------ */

/* May the next line be handled? */
static bool ready(QtestServer *s)
{
    if (s->waiting) {
        return false;
    }
    if (chardev_queued(s->chr) >= QUEUE_READY) {
        main_timer_set(s->drain, DRAIN_POLL_NS);
        return false;
    }
    return true;
}

static bool is_text(const char *line, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!g_ascii_isprint(line[i]) && line[i] != '\t') {
            return false;
        }
    }
    return true;
}

/* An OK may promise that a reset which the command has caused is done: it waits for that. */
static void answer_settled(QtestServer *s, GString *text)
{
    unsigned cpu;

    if (vm_activity(s->m->vm, &cpu) == VM_ACTIVITY_CHANGES) {
        s->held = g_string_new(text->str);
        qtest_settle(s);
    } else {
        send_answer(s, true, text->str);
    }
}

static void handle_line(QtestServer *s, char *line, size_t len)
{
    g_autoptr(GString) out = g_string_new(NULL);
    GError *err = NULL;
    QtestAnswer answer = QTEST_FAIL;

    if (len && line[len - 1] == '\r') {
        line[--len] = '\0';
    }
    log_line(s, 'R', line, len);
    if (is_text(line, len)) {
        answer = qtest_run(s, line, out, &err);
    } else {
        error_set(&err, INVALID, "the line has bytes that are no text");
    }
    switch (answer) {
    case QTEST_OK:
        answer_settled(s, out);
        break;
    case QTEST_FAIL:
        send_answer(s, false, err->message);
        g_error_free(err);
        break;
    case QTEST_LATER:
        break;
    }
}

static void line_too_long(QtestServer *s)
{
    g_autofree char *text = g_strdup_printf("a line has at most %u bytes", QTEST_LINE_MAX);

    log_line(s, 'R', s->in->str, s->in->len);
    send_answer(s, false, text);
    g_string_truncate(s->in, 0);
    s->skip_line = true;
}

/* Handles the whole lines that are there, as far as answers can be given. */
static void handle_lines(QtestServer *s)
{
    size_t at = 0;
    char *end = NULL;

    if (s->in_lines) {
        return;         /* an answer that came at once: the loop below goes on by itself */
    }
    s->in_lines = true;
    while (ready(s) && (end = memchr(s->in->str + at, '\n', s->in->len - at))) {
        char *line = s->in->str + at;

        *end = '\0';
        at = (size_t)(end - s->in->str) + 1;
        if (s->skip_line) {
            s->skip_line = false;
        } else {
            handle_line(s, line, (size_t)(end - line));
        }
    }
    g_string_erase(s->in, 0, (gssize)at);
    if (s->skip_line && !memchr(s->in->str, '\n', s->in->len)) {
        g_string_truncate(s->in, 0);
    }
    s->in_lines = false;
}

void qtest_answer(QtestServer *s, bool ok, const char *text)
{
    send_answer(s, ok, text);
    handle_lines(s);
    chardev_accept_input(s->chr);
}

static void drain_poll(void *opaque)
{
    QtestServer *s = opaque;

    if (ready(s)) {
        handle_lines(s);
        chardev_accept_input(s->chr);
    }
}

/* ---- the front end ---------------------------------------------------------------------- */

static size_t front_can_receive(void *opaque)
{
    return ready(opaque) ? RECEIVE_MAX : 0;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t len)
{
    QtestServer *s = opaque;

    g_string_append_len(s->in, (const char *)buf, (gssize)len);
    handle_lines(s);
    if (s->in->len > QTEST_LINE_MAX && !memchr(s->in->str, '\n', s->in->len)) {
        line_too_long(s);
    }
}

/* Each client begins anew: nothing of the one before is left but what it did to the machine. */
static void front_event(void *opaque, ChardevEvent event)
{
    QtestServer *s = opaque;

    if (event == CHARDEV_EVENT_BREAK) {
        return;
    }
    log_line(s, 'I', event == CHARDEV_EVENT_OPENED ? "OPENED" : "CLOSED", 6);
    qtest_wait_cancel(s);
    qtest_irq_clear(s);
    s->as_cpu = QTEST_AS_DEVICE;
    g_string_truncate(s->in, 0);
    s->skip_line = false;
    mutex_lock(&s->out_lock);
    s->lost = false;
    mutex_unlock(&s->out_lock);
}

static const ChardevHandlers front = {
    .can_receive = front_can_receive, .receive = front_receive, .event = front_event,
};

/* ---- life ------------------------------------------------------------------------------- */

static bool log_open(QtestServer *s, const char *path, GError **errp)
{
    if (!path) {
        s->log = stderr;
    } else if (!g_str_equal(path, "none")) {
        s->log = fopen(path, "we");
        if (!s->log) {
            return error_set(errp, FAILED, "log file '%s': %s", path, g_strerror(errno));
        }
    }
    return true;
}

QtestServer *qtest_server_new(Machine *m, Chardev *chr, const char *log, GError **errp)
{
    QtestServer *s = g_new0(QtestServer, 1);

    g_assert(vm_clock_is_manual(m->vm));
    s->m = m;
    s->chr = chr;
    s->as_cpu = QTEST_AS_DEVICE;
    s->in = g_string_new(NULL);
    s->taps = g_ptr_array_new();
    s->levels = g_array_new(FALSE, TRUE, sizeof(bool));
    mutex_init(&s->out_lock);
    s->drain = main_timer_new(drain_poll, s);
    s->timeout = main_timer_new(qtest_wait_timeout, s);
    chardev_set_queue_limit(chr, QUEUE_LIMIT);
    if (!log_open(s, log, errp) || !chardev_attach(chr, &front, s, errp)) {
        s->chr = NULL;
        qtest_server_free(s);
        return NULL;
    }
    return s;
}

void qtest_server_free(QtestServer *s)
{
    if (!s) {
        return;
    }
    mainloop_call_cancel(hang_up, s);
    qtest_wait_cancel(s);
    qtest_irq_clear(s);
    if (s->chr) {
        chardev_detach(s->chr);
    }
    main_timer_free(s->drain);
    main_timer_free(s->timeout);
    mutex_destroy(&s->out_lock);
    if (s->log && s->log != stderr) {
        fclose(s->log);
    }
    g_string_free(s->in, TRUE);
    g_ptr_array_free(s->taps, TRUE);
    g_array_free(s->levels, TRUE);
    g_free(s);
}
