/* Packets that resume, stop, leave and end the machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include "util/error.h"

/* ---- resuming ---- */

/* What one resume packet asks for, before it is a plan: an action for each vCPU. */
typedef struct Wanted {
    bool chosen[VM_MAX_CPUS];
    ResumeAction action[VM_MAX_CPUS];
} Wanted;

static void wanted_set(Wanted *w, unsigned cpu, ResumeKind kind, vaddr_t lo, vaddr_t hi)
{
    if (!w->chosen[cpu]) {      /* the leftmost action that names a thread counts */
        w->chosen[cpu] = true;
        w->action[cpu] = (ResumeAction){ .cpu = cpu, .kind = kind, .lo = lo, .hi = hi };
    }
}

/* While another client has control and the machine runs, 'continue' can only mean: tell me when it
 * stops. */
static Reply follow(GdbSession *s, GError *err)
{
    if (debug_stopped(s->debug)) {
        if (!(s->features & (CLIENT_ERROR_MESSAGE | CLIENT_ERROR_STRINGS))) {
            g_autofree char *text = g_strdup_printf("%s\n", err->message);

            session_console(s, text, true);     /* a bare number tells a person nothing */
        }
        return reply_gerror(s, EBUSY, err);
    }
    g_clear_error(&err);
    return session_owe_stop(s, false);
}

static bool wants_to_run(const Wanted *w, unsigned ncpus)
{
    for (unsigned i = 0; i < ncpus; i++) {
        if (w->chosen[i] && w->action[i].kind != RESUME_STAY) {
            return true;
        }
    }
    return false;
}

/* Nothing is to run: the answer is why it stands. */
static Reply stay(GdbSession *s)
{
    const StopInfo *stop = debug_stop_info(s->client);

    if (!stop) {
        session_interrupt(s);
        return session_owe_stop(s, true);
    }
    stop_reply_build(s, stop, s->out);
    return REPLY_TEXT;
}

/* Somebody else let the machine go, which this client thinks stopped: 'continue' waits for its next
 * stop. A step cannot be had where the client believes to be: it ends at once, wherever that is. */
static Reply join(GdbSession *s, const Wanted *w)
{
    for (unsigned i = 0; i < session_ncpus(s); i++) {
        if (w->chosen[i] && (w->action[i].kind == RESUME_STEP ||
                             w->action[i].kind == RESUME_RANGE)) {
            s->has_run = false;     /* told as the end of the step, not as a user's Ctrl-C */
            debug_interrupt(s->client);
            break;
        }
    }
    return session_owe_stop(s, false);
}

static Reply resume(GdbSession *s, const Wanted *w)
{
    unsigned ncpus = session_ncpus(s);
    ResumeAction action[VM_MAX_CPUS];
    ResumePlan plan = {
        .mask_irq = s->sstep & SSTEP_NOIRQ,
        .freeze_timers = s->sstep & SSTEP_NOTIMER,
        .others = RESUME_STAY,
        .action = action,
    };
    GError *err = NULL;

    if (s->ended) {
        return reply_error(s, ESRCH, "the machine has ended");
    }
    if (!session_control(s, &err)) {
        return follow(s, err);
    }
    for (unsigned i = 0; i < ncpus; i++) {
        if (w->chosen[i]) {
            action[plan.n++] = w->action[i];
        }
    }
    if (s->nonstop) {
        return nonstop_resume(s, action, plan.n);
    }
    if (s->owed) {
        return reply_error(s, EBUSY, "the machine is running already");
    }
    if (!debug_stopped(s->debug)) {
        return join(s, w);
    }
    if (!wants_to_run(w, ncpus)) {
        return stay(s);
    }
    if (!debug_resume(s->client, &plan, &err)) {
        return reply_gerror(s, EPERM, err);
    }
    s->has_run = true;
    return session_owe_stop(s, false);
}

/* c, s and their forms with a signal, which has no meaning for a machine. A thread chosen by Hc
 * runs alone; otherwise the current one steps while all others run. */
static Reply resume_simple(GdbSession *s, Cursor *args, ResumeKind kind)
{
    unsigned cpu = s->c_cpu < 0 ? s->g_cpu : (unsigned)s->c_cpu;
    Wanted w = { 0 };
    GError *err = NULL;
    uint64_t pc;

    if (!args_done(args)) {
        if (!cursor_hex(args, &pc) || !args_done(args)) {
            return reply_malformed(s);
        }
        if (!session_control(s, &err)) {
            return follow(s, err);
        }
        if (!debug_pc_write(s->debug, cpu, pc, &err)) {
            return reply_gerror(s, EPERM, err);
        }
    }
    wanted_set(&w, cpu, kind, 0, 0);
    for (unsigned i = 0; s->c_cpu < 0 && i < session_ncpus(s); i++) {
        wanted_set(&w, i, RESUME_CONT, 0, 0);
    }
    return resume(s, &w);
}

/* "sig" or "sig;addr" */
static bool skip_signal(Cursor *args)
{
    uint64_t sig;

    return cursor_hex_max(args, 255, &sig) &&
           (args_done(args) || (cursor_char(args, ';') && !args_done(args)));
}

Reply cmd_c(GdbSession *s, Cursor *args)
{
    return resume_simple(s, args, RESUME_CONT);
}

Reply cmd_s(GdbSession *s, Cursor *args)
{
    return resume_simple(s, args, RESUME_STEP);
}

Reply cmd_C(GdbSession *s, Cursor *args)
{
    return skip_signal(args) ? resume_simple(s, args, RESUME_CONT) : reply_malformed(s);
}

Reply cmd_S(GdbSession *s, Cursor *args)
{
    return skip_signal(args) ? resume_simple(s, args, RESUME_STEP) : reply_malformed(s);
}

/* ---- vCont ---- */

typedef struct VcontRow {
    char letter;
    bool signal, range;
    ResumeKind kind;
} VcontRow;

static const VcontRow vcont_rows[] = {
    { 'c', false, false, RESUME_CONT },
    { 'C', true, false, RESUME_CONT },
    { 's', false, false, RESUME_STEP },
    { 'S', true, false, RESUME_STEP },
    { 't', false, false, RESUME_STAY },
    { 'r', false, true, RESUME_RANGE },
};

Reply cmd_vcont_query(GdbSession *s, Cursor *args)
{
    g_string_append(s->out, "vCont");
    for (unsigned i = 0; i < G_N_ELEMENTS(vcont_rows); i++) {
        g_string_append_printf(s->out, ";%c", vcont_rows[i].letter);
    }
    return REPLY_TEXT;
}

static bool take_action(Cursor *args, ResumeAction *action)
{
    int letter = cursor_peek(args);
    uint64_t sig;

    for (unsigned i = 0; i < G_N_ELEMENTS(vcont_rows); i++) {
        const VcontRow *row = &vcont_rows[i];

        if (row->letter != letter) {
            continue;
        }
        cursor_char(args, letter);
        action->kind = row->kind;
        if (row->range) {
            return cursor_hex(args, &action->lo) && cursor_char(args, ',') &&
                   cursor_hex(args, &action->hi);
        }
        return !row->signal || cursor_hex_max(args, 255, &sig);
    }
    return false;
}

/* action[:thread], for a set of threads; REPLY_OK or what to answer. */
static Reply take_vcont_action(GdbSession *s, Cursor *args, Wanted *w)
{
    ThreadName name = { .tid = THREAD_ALL };
    ResumeAction action = { 0 };
    unsigned cpu;

    if (!take_action(args, &action) ||
        (cursor_char(args, ':') && !cursor_thread(args, &name))) {
        return reply_malformed(s);
    }
    if (session_means_all(&name)) {
        for (unsigned i = 0; i < session_ncpus(s); i++) {
            wanted_set(w, i, action.kind, action.lo, action.hi);
        }
        return REPLY_OK;
    }
    if (!session_find_thread(s, &name, &cpu)) {
        return reply_error(s, ESRCH, "no such thread");
    }
    wanted_set(w, cpu, action.kind, action.lo, action.hi);
    return REPLY_OK;
}

Reply cmd_vcont(GdbSession *s, Cursor *args)
{
    Wanted w = { 0 };

    do {
        Reply reply = take_vcont_action(s, args, &w);

        if (reply != REPLY_OK) {
            return reply;
        }
    } while (cursor_char(args, ';'));
    return args_done(args) ? resume(s, &w) : reply_malformed(s);
}

/* ---- stopping and asking ---- */

Reply cmd_vctrlc(GdbSession *s, Cursor *args)
{
    session_interrupt(s);
    return REPLY_OK;
}

Reply cmd_stop_query(GdbSession *s, Cursor *args)
{
    if (s->ended) {
        stop_reply_exit(s, s->out);
        return REPLY_TEXT;
    }
    if (!s->attached) {
        g_string_append(s->out, "W00");
        return REPLY_TEXT;
    }
    return s->nonstop ? nonstop_query(s) : stay(s);
}

/* ---- leaving and ending ---- */

/* D, D;pid; LLDB's D1 leaves the machine stopped. */
Reply cmd_D(GdbSession *s, Cursor *args)
{
    bool resume_it = !cursor_char(args, '1');
    ThreadName name = { .has_pid = true };
    uint64_t pid;

    if (cursor_char(args, ';')) {
        if (!cursor_hex_max(args, INT64_MAX, &pid)) {
            return reply_malformed(s);
        }
        name.pid = pid;
        name.tid = THREAD_ALL;
        if (!session_means_all(&name)) {
            return reply_error(s, ESRCH, "no such process");
        }
    }
    if (!args_done(args)) {
        return reply_malformed(s);
    }
    session_detach(s, resume_it);
    return REPLY_OK;
}

/* gdb waits for no answer, LLDB for word that its process is gone. */
Reply cmd_k(GdbSession *s, Cursor *args)
{
    debug_request_quit(s->client, 0);
    if (s->features & CLIENT_LLDB) {
        g_string_append(s->out, "X09");
        return REPLY_TEXT;
    }
    return REPLY_NONE;
}

static bool take_our_pid(GdbSession *s, Cursor *args)
{
    ThreadName name = { .has_pid = true, .tid = THREAD_ALL };
    uint64_t pid;

    if (!cursor_hex_max(args, INT64_MAX, &pid) || !args_done(args) || !pid) {
        return false;
    }
    name.pid = pid;
    return session_means_all(&name);
}

Reply cmd_vkill(GdbSession *s, Cursor *args)
{
    if (!take_our_pid(s, args)) {
        return reply_error(s, ESRCH, "no such process");
    }
    debug_request_quit(s->client, 0);
    return REPLY_OK;
}

Reply cmd_extended(GdbSession *s, Cursor *args)
{
    s->extended = true;
    return REPLY_OK;
}

/* Restart, in extended mode only; it has no answer. */
Reply cmd_R(GdbSession *s, Cursor *args)
{
    if (!s->extended) {
        return REPLY_UNSUPPORTED;
    }
    debug_request_reset(s->client);
    return REPLY_NONE;
}

Reply cmd_vattach(GdbSession *s, Cursor *args)
{
    if (!take_our_pid(s, args)) {
        return reply_error(s, ESRCH, "no such process");
    }
    if (s->ended) {
        return reply_error(s, ESRCH, "the machine has ended");
    }
    session_attach(s);
    return stay(s);
}
