/* Packets about threads: a vCPU is a thread, numbered from 1, of process 1.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

enum { PROCESS = 1 };

unsigned session_ncpus(const GdbSession *s)
{
    return debug_vm(s->debug)->ncpus;
}

Cpu *session_cpu(const GdbSession *s, unsigned cpu)
{
    return debug_vm(s->debug)->cpus[cpu];
}

static bool our_process(const ThreadName *name)
{
    return !name->has_pid || name->pid == PROCESS || name->pid == THREAD_ANY ||
           name->pid == THREAD_ALL;
}

bool session_means_all(const ThreadName *name)
{
    return our_process(name) && name->tid == THREAD_ALL;
}

bool session_find_thread(const GdbSession *s, const ThreadName *name, unsigned *cpu)
{
    if (!our_process(name) || name->tid == THREAD_ALL || name->tid > session_ncpus(s)) {
        return false;
    }
    *cpu = name->tid == THREAD_ANY ? s->g_cpu : name->tid - 1;
    return true;
}

void put_thread(const GdbSession *s, GString *out, unsigned cpu)
{
    if (s->features & CLIENT_MULTIPROCESS) {
        g_string_append_printf(out, "p%x.", PROCESS);
    }
    g_string_append_printf(out, "%x", cpu + 1);
}

/* H op thread: 'g' for registers and memory, 'c' for running. */
Reply cmd_H(GdbSession *s, Cursor *args)
{
    int op = cursor_peek(args);
    ThreadName name;
    unsigned cpu;

    if ((op != 'g' && op != 'c') || !cursor_char(args, op) || !cursor_thread(args, &name) ||
        !args_done(args)) {
        return reply_malformed(s);
    }
    if (session_means_all(&name)) {
        if (op == 'c') {
            s->c_cpu = THREAD_ALL;
        }
        return REPLY_OK;
    }
    if (!session_find_thread(s, &name, &cpu)) {
        return reply_error(s, ESRCH, "no such thread");
    }
    if (op == 'g') {
        s->g_cpu = cpu;
    } else {
        s->c_cpu = name.tid == THREAD_ANY ? THREAD_ALL : (int)cpu;
    }
    return REPLY_OK;
}

/* T thread: is it alive? */
Reply cmd_T(GdbSession *s, Cursor *args)
{
    ThreadName name;
    unsigned cpu;

    if (!cursor_thread(args, &name) || !args_done(args)) {
        return reply_malformed(s);
    }
    return session_find_thread(s, &name, &cpu) ? REPLY_OK
                                               : reply_error(s, ESRCH, "no such thread");
}

Reply cmd_qC(GdbSession *s, Cursor *args)
{
    g_string_append(s->out, "QC");
    put_thread(s, s->out, s->g_cpu);
    return REPLY_TEXT;
}

/* As many threads as a packet takes; 'l' alone is the end. */
static Reply thread_list(GdbSession *s)
{
    unsigned n = session_ncpus(s);

    if (s->thread_pos >= n) {
        g_string_append_c(s->out, 'l');
        return REPLY_TEXT;
    }
    g_string_append_c(s->out, 'm');
    while (s->thread_pos < n && s->out->len < GDB_PACKET_SIZE - 32) {
        if (s->out->len > 1) {
            g_string_append_c(s->out, ',');
        }
        put_thread(s, s->out, s->thread_pos++);
    }
    return REPLY_TEXT;
}

Reply cmd_thread_first(GdbSession *s, Cursor *args)
{
    s->thread_pos = 0;
    return thread_list(s);
}

Reply cmd_thread_next(GdbSession *s, Cursor *args)
{
    return thread_list(s);
}

static void describe(Cpu *cpu, void *out)
{
    g_string_append_printf(out, "CPU#%u [%s]", cpu->index, cpu_power_name(cpu->power));
    if (cpu->class->describe) {
        g_string_append_c(out, ' ');
        cpu_fetch(cpu, REGS_ALL);
        cpu->class->describe(cpu, out);
    }
}

GString *session_describe_cpu(GdbSession *s, unsigned cpu)
{
    GString *text = g_string_new(NULL);

    debug_on_cpu(s->debug, cpu, describe, text);
    return text;
}

Reply cmd_thread_extra(GdbSession *s, Cursor *args)
{
    g_autoptr(GString) text = NULL;
    ThreadName name;
    unsigned cpu;

    if (!cursor_thread(args, &name) || !args_done(args)) {
        return reply_malformed(s);
    }
    if (!session_find_thread(s, &name, &cpu)) {
        return reply_error(s, ESRCH, "no such thread");
    }
    text = session_describe_cpu(s, cpu);
    put_hex(s->out, text->str, text->len);
    return REPLY_TEXT;
}
