/* Trace events and the ring of the last ones.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"
#include "util/trace.h"

#define TRACE_RING_SIZE 1024   /* a power of two */
#define TRACE_TEXT_SIZE 72

/*
 * A slot is claimed by a counter and written without a lock. `seq` is the number of the event that
 * the slot holds, 0 while it is being written: a reader that sees it change drops the slot. Fields
 * are accessed by atomics of whole words, so that a race is harmless.
 */
typedef struct TraceSlot {
    uint64_t seq;
    TraceEvent *event;
    int64_t ns;
    uint64_t tid;
    union {
        uint64_t arg[4];
        uint64_t word[TRACE_TEXT_SIZE / 8];   /* a text, in words */
    };
} TraceSlot;

static TraceSlot trace_ring[TRACE_RING_SIZE];
static uint64_t trace_next = 1;
static const TraceGroup *const *trace_groups;

void trace_set_groups(const TraceGroup *const *groups)
{
    trace_groups = groups;
}

bool trace_enable(const char *pattern, bool on, GError **errp)
{
    unsigned found = 0;

    for (const TraceGroup *const *g = trace_groups; g && *g; g++) {
        for (unsigned i = 0; i < (*g)->n; i++) {
            if (g_pattern_match_simple(pattern, (*g)->event[i]->name)) {
                atomic_put_relaxed(&(*g)->event[i]->on, on);
                found++;
            }
        }
    }
    if (!found) {
        return error_set(errp, NOT_FOUND, "no trace event matches '%s'", pattern);
    }
    return true;
}

void trace_list(GString *out)
{
    for (const TraceGroup *const *g = trace_groups; g && *g; g++) {
        for (unsigned i = 0; i < (*g)->n; i++) {
            g_string_append_printf(out, "%s\n", (*g)->event[i]->name);
        }
    }
}

static uint64_t trace_tid(void)
{
    static __thread uint64_t tid;

    if (!tid) {
        tid = (uint64_t)syscall(SYS_gettid);
    }
    return tid;
}

/* Claim a slot; trace_slot_publish() makes it visible. */
static TraceSlot *trace_slot_claim(TraceEvent *ev, uint64_t *seq)
{
    TraceSlot *s;

    *seq = __atomic_fetch_add(&trace_next, 1, __ATOMIC_RELAXED);
    s = &trace_ring[*seq % TRACE_RING_SIZE];
    atomic_swap(&s->seq, 0);   /* as a read-modify-write it keeps what follows behind it */
    atomic_put_relaxed(&s->event, ev);
    atomic_put_relaxed(&s->ns, host_monotonic_ns());
    atomic_put_relaxed(&s->tid, trace_tid());
    return s;
}

static void trace_slot_publish(TraceSlot *s, uint64_t seq)
{
    atomic_put_release(&s->seq, seq);
}

/* The text of an event's arguments. The format is a row of a trace.def, checked by its author. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static void trace_format(char *buf, size_t size, const TraceEvent *ev, const uint64_t a[4])
{
    switch (ev->nargs) {
    case 0:
        g_strlcpy(buf, ev->fmt, size);
        break;
    case 1:
        snprintf(buf, size, ev->fmt, a[0]);
        break;
    case 2:
        snprintf(buf, size, ev->fmt, a[0], a[1]);
        break;
    case 3:
        snprintf(buf, size, ev->fmt, a[0], a[1], a[2]);
        break;
    default:
        snprintf(buf, size, ev->fmt, a[0], a[1], a[2], a[3]);
        break;
    }
}
#pragma GCC diagnostic pop

void trace_emit(TraceEvent *ev, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t arg[4] = { a, b, c, d };
    uint64_t seq;
    TraceSlot *s = trace_slot_claim(ev, &seq);

    for (int i = 0; i < 4; i++) {
        atomic_put_relaxed(&s->arg[i], arg[i]);
    }
    trace_slot_publish(s, seq);
    if (G_UNLIKELY(atomic_get_relaxed(&ev->on))) {
        char text[256];
        trace_format(text, sizeof(text), ev, arg);
        log_printf("%s: %s\n", ev->name, text);
    }
}

void trace_emit_text(TraceEvent *ev, const char *fmt, ...)
{
    uint64_t word[TRACE_TEXT_SIZE / 8] = { 0 };
    uint64_t seq;
    TraceSlot *s = trace_slot_claim(ev, &seq);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf((char *)word, sizeof(word), fmt, ap);
    va_end(ap);
    for (size_t i = 0; i < G_N_ELEMENTS(word); i++) {
        atomic_put_relaxed(&s->word[i], word[i]);
    }
    trace_slot_publish(s, seq);
    if (G_UNLIKELY(atomic_get_relaxed(&ev->on))) {
        FILE *f = log_lock();
        fprintf(f, "%s: ", ev->name);
        va_start(ap, fmt);
        vfprintf(f, fmt, ap);
        va_end(ap);
        fputc('\n', f);
        log_unlock();
    }
}

/* Copy the slot of event number seq; false if it holds another by now. */
static bool trace_slot_read(uint64_t seq, TraceSlot *out)
{
    TraceSlot *s = &trace_ring[seq % TRACE_RING_SIZE];

    if (atomic_get_acquire(&s->seq) != seq) {
        return false;
    }
    out->event = atomic_get_acquire(&s->event);
    out->ns = atomic_get_acquire(&s->ns);
    out->tid = atomic_get_acquire(&s->tid);
    for (size_t i = 0; i < G_N_ELEMENTS(s->word); i++) {
        out->word[i] = atomic_get_acquire(&s->word[i]);
    }
    return atomic_get_relaxed(&s->seq) == seq;
}

/* One line, without allocating: also for a process that is about to die. */
static void trace_slot_line(const TraceSlot *s, char *line, size_t size)
{
    char text[256];

    if (s->event->fmt) {
        trace_format(text, sizeof(text), s->event, s->arg);
    } else {
        memcpy(text, s->word, TRACE_TEXT_SIZE);
        text[TRACE_TEXT_SIZE - 1] = 0;
    }
    snprintf(line, size, "%" PRId64 ".%06d [%" PRIu64 "] %s: %s\n", s->ns / 1000000000,
             (int)(s->ns / 1000 % 1000000), s->tid, s->event->name, text);
}

static void trace_ring_walk(unsigned n, void (*fn)(const char *line, void *opaque), void *opaque)
{
    uint64_t end = __atomic_load_n(&trace_next, __ATOMIC_ACQUIRE);
    uint64_t have = MIN(end - 1, (uint64_t)TRACE_RING_SIZE);
    char line[384];
    TraceSlot s;

    for (uint64_t seq = end - MIN(have, n); seq < end; seq++) {
        if (trace_slot_read(seq, &s)) {
            trace_slot_line(&s, line, sizeof(line));
            fn(line, opaque);
        }
    }
}

static void line_append(const char *line, void *opaque)
{
    g_string_append(opaque, line);
}

void trace_ring_print(GString *out, unsigned n)
{
    trace_ring_walk(n, line_append, out);
}

static void line_write(const char *line, void *opaque)
{
    ssize_t ignored = write(STDERR_FILENO, line, strlen(line));
    (void)ignored;
}

static void (*trace_abort_first)(void);

/* The process is lost: formatting in a signal handler is worth its small risk. */
static void trace_abort_handler(int sig)
{
    static int entered;

    if (!__atomic_exchange_n(&entered, 1, __ATOMIC_SEQ_CST)) {
        if (trace_abort_first) {
            trace_abort_first();
        }
        line_write("glassbox: the last trace events before this:\n", NULL);
        trace_ring_walk(32, line_write, NULL);
    }
    raise(sig);   /* with the default action now, as soon as we return */
}

void trace_on_abort(void (*first)(void))
{
    struct sigaction sa = { .sa_handler = trace_abort_handler, .sa_flags = SA_RESETHAND };

    trace_abort_first = first;
    sigemptyset(&sa.sa_mask);
    sigaction(SIGABRT, &sa, NULL);
}
