/* Non-stop mode: vCPUs stop and go one by one, stops are told by notifications.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A stop is queued with its text, made while its vCPU is parked. The first in the queue is
 * announced by '%Stop'; the client then takes one after the other by vStopped until it hears OK.
 * The answer to '?' is one stop only; the others are announced when the client has gone on to other
 * things, because gdb 13 fails an assertion of its own when they come at once. */
#include "gdbstub/session_int.h"

#include <string.h>

typedef struct PendingStop {
    unsigned cpu;           /* STOP_CPU_NONE: the machine's end */
    GString *text;
} PendingStop;

static void pending_free(void *opaque)
{
    PendingStop *p = opaque;

    g_string_free(p->text, TRUE);
    g_free(p);
}

static PendingStop *pending_new(unsigned cpu)
{
    PendingStop *p = g_new0(PendingStop, 1);

    p->cpu = cpu;
    p->text = g_string_new(NULL);
    return p;
}

static bool is_in(const GQueue *queue, unsigned cpu)
{
    for (const GList *l = queue->head; l; l = l->next) {
        if (((const PendingStop *)l->data)->cpu == cpu) {
            return true;
        }
    }
    return false;
}

static bool is_pending(const GdbSession *s, unsigned cpu)
{
    return is_in(&s->stops, cpu) || is_in(&s->late, cpu);
}

static void queue_announce(GdbSession *s, PendingStop *p)
{
    g_queue_push_tail(&s->stops, p);
    if (s->stops.length == 1) {
        session_notify(s, "Stop:", p->text);
    }
}

void nonstop_cpu_stopped(GdbSession *s, const StopInfo *stop)
{
    PendingStop *p;

    if (stop->cpu >= session_ncpus(s) || is_pending(s, stop->cpu)) {
        return;
    }
    p = pending_new(stop->cpu);
    stop_reply_build(s, stop, p->text);
    queue_announce(s, p);
}

void nonstop_ended(GdbSession *s)
{
    PendingStop *p = pending_new(STOP_CPU_NONE);

    stop_reply_exit(s, p->text);
    queue_announce(s, p);
}

void nonstop_clear(GdbSession *s)
{
    g_queue_clear_full(&s->stops, pending_free);
    g_queue_clear_full(&s->late, pending_free);
}

/* Takes the one that has been told, tells the next. */
Reply cmd_vstopped(GdbSession *s, Cursor *args)
{
    PendingStop *told = g_queue_pop_head(&s->stops);
    PendingStop *next = g_queue_peek_head(&s->stops);

    if (told) {
        pending_free(told);
    }
    if (!next) {
        s->late_asked = true;
        return REPLY_OK;
    }
    g_string_append_len(s->out, next->text->str, next->text->len);
    return REPLY_TEXT;
}

void nonstop_after_packet(GdbSession *s)
{
    PendingStop *p;

    if (s->late_asked || s->stops.length) {
        s->late_asked = false;
        return;
    }
    while ((p = g_queue_pop_head(&s->late))) {
        queue_announce(s, p);
    }
}

/* '?': the stop of the first stopped vCPU; the others are for later. */
Reply nonstop_query(GdbSession *s)
{
    PendingStop *first;

    nonstop_clear(s);
    for (unsigned i = 0; i < session_ncpus(s); i++) {
        StopInfo stop = { .kind = STOP_NONE };

        if (debug_cpu_stop_info(s->client, i, &stop)) {
            PendingStop *p = pending_new(i);

            stop.cpu = i;
            stop_reply_build(s, &stop, p->text);
            g_queue_push_tail(s->stops.length ? &s->late : &s->stops, p);
        }
    }
    first = g_queue_peek_head(&s->stops);
    if (!first) {
        return REPLY_OK;
    }
    g_string_append_len(s->out, first->text->str, first->text->len);
    return REPLY_TEXT;
}

Reply nonstop_resume(GdbSession *s, const ResumeAction *wanted, unsigned n)
{
    ResumeAction action[VM_MAX_CPUS];
    ResumePlan plan = {
        .mask_irq = s->sstep & SSTEP_NOIRQ,
        .others = RESUME_STAY,
        .action = action,
    };
    GError *err = NULL;

    for (unsigned i = 0; i < n; i++) {
        unsigned cpu = wanted[i].cpu;
        bool stopped = debug_cpu_stopped(s->debug, cpu);

        if (wanted[i].kind == RESUME_STAY) {
            if (!stopped) {
                debug_interrupt_cpu(s->client, cpu);
            }
        } else if (stopped && !is_pending(s, cpu)) {    /* what is not told yet cannot be resumed */
            action[plan.n++] = wanted[i];
        }
    }
    if (plan.n && !debug_resume(s->client, &plan, &err)) {
        return reply_gerror(s, EPERM, err);
    }
    s->has_run = true;
    return REPLY_OK;
}

void nonstop_interrupt(GdbSession *s)
{
    for (unsigned i = 0; i < session_ncpus(s); i++) {
        if (!debug_cpu_stopped(s->debug, i)) {
            debug_interrupt_cpu(s->client, i);
        }
    }
}

/* QNonStop:0 or 1 */
Reply cmd_nonstop(GdbSession *s, Cursor *args)
{
    GError *err = NULL;
    uint64_t on;

    if (!cursor_hex_max(args, 1, &on) || !args_done(args)) {
        return reply_malformed(s);
    }
    /* gdb asks for all-stop whenever it connects: who finds it so need not be in control. */
    if (on != debug_nonstop(s->debug) &&
        (!session_control(s, &err) || !debug_set_nonstop(s->client, on, &err))) {
        return reply_gerror(s, EPERM, err);
    }
    nonstop_clear(s);
    s->nonstop = on;
    return REPLY_OK;
}
