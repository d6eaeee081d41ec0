/* The log of -d and -D, and messages to the user.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "util/error.h"
#include "util/log.h"
#include "util/thread.h"
#include "util/trace.h"

/* What a guest that errs in a loop may write: lines within one second. */
#define LOG_GUEST_LINES_PER_SEC 2000

typedef struct LogName {
    const char *name;
    uint32_t bit;
    const char *help;
} LogName;

static const LogName log_names[] = {
    { "guest_errors", LOG_GUEST_ERRORS, "what the guest did that hardware leaves undefined" },
    { "unimp", LOG_UNIMP, "what the guest asked for that is not there" },
    { "in_asm", LOG_IN_ASM, "guest code as it is translated" },
    { "op", LOG_OP, "intermediate code of each block" },
    { "op_opt", LOG_OP_OPT, "intermediate code after optimisation" },
    { "out_asm", LOG_OUT_ASM, "host code of each block" },
    { "int", LOG_INT, "interrupts and exceptions" },
    { "exec", LOG_EXEC, "a line for each block executed" },
    { "cpu", LOG_CPU, "registers before each block executed" },
    { "cpu_reset", LOG_CPU_RESET, "registers at each reset" },
    { "mmu", LOG_MMU, "TLB flushes and failed page walks" },
};

uint32_t log_mask_now;

/* stdio's own lock of the stream guards each write; this pointer changes at start and end only. */
static FILE *log_stream;
static int64_t log_guest_window;
static uint32_t log_guest_count;

static FILE *log_out(void)
{
    FILE *f = atomic_get_acquire(&log_stream);
    return f ? f : stderr;
}

static bool log_parse_item(const char *item, uint32_t *mask, GError **errp)
{
    if (g_str_has_prefix(item, "trace:")) {
        return trace_enable(item + strlen("trace:"), true, errp);
    }
    if (g_str_equal(item, "all")) {
        for (size_t i = 0; i < G_N_ELEMENTS(log_names); i++) {
            *mask |= log_names[i].bit;
        }
        return true;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(log_names); i++) {
        if (g_str_equal(item, log_names[i].name)) {
            *mask |= log_names[i].bit;
            return true;
        }
    }
    return error_set(errp, NOT_FOUND, "there is no log item '%s' (try -d help)", item);
}

bool log_parse_items(const char *list, uint32_t *mask, GError **errp)
{
    g_auto(GStrv) items = g_strsplit(list, ",", -1);

    *mask = 0;
    for (char **i = items; *i; i++) {
        if (!log_parse_item(*i, mask, errp)) {
            return false;
        }
    }
    return true;
}

char *log_items_help(void)
{
    GString *s = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(log_names); i++) {
        g_string_append_printf(s, "%-13s %s\n", log_names[i].name, log_names[i].help);
    }
    g_string_append_printf(s, "%-13s %s\n%-13s %s\n", "all", "all of these", "trace:PATTERN",
                           "trace events whose name matches");
    return g_string_free(s, FALSE);
}

void log_set_mask(uint32_t mask)
{
    atomic_put(&log_mask_now, mask);
}

bool log_set_file(const char *path, GError **errp)
{
    FILE *f = NULL, *old;

    if (path) {
        f = fopen(path, "we");
        if (!f) {
            return error_set(errp, FAILED, "cannot write '%s': %s", path, g_strerror(errno));
        }
        setvbuf(f, NULL, _IOFBF, 1 << 16);
    }
    old = atomic_swap(&log_stream, f);
    if (old) {
        fclose(old);
    }
    return true;
}

void log_close(void)
{
    FILE *old = atomic_swap(&log_stream, NULL);

    if (old) {
        fclose(old);
    }
}

void log_printf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(log_out(), fmt, ap);
    va_end(ap);
}

FILE *log_lock(void)
{
    FILE *f = log_out();

    flockfile(f);
    return f;
}

void log_unlock(void)
{
    funlockfile(log_out());
}

/* True if one more line of this second may be written; says once when it may not. */
static bool log_guest_allowed(void)
{
    int64_t now = host_monotonic_ns() / 1000000000;
    uint32_t n;

    if (atomic_get_relaxed(&log_guest_window) != now) {
        atomic_put_relaxed(&log_guest_window, now);
        atomic_put_relaxed(&log_guest_count, 0);
    }
    n = __atomic_add_fetch(&log_guest_count, 1, __ATOMIC_RELAXED);
    if (n == LOG_GUEST_LINES_PER_SEC + 1) {
        log_printf("guest: (more of these within this second are not shown)\n");
    }
    return n <= LOG_GUEST_LINES_PER_SEC;
}

void log_guest_line(const char *fmt, ...)
{
    va_list ap;
    FILE *f;

    if (!log_guest_allowed()) {
        return;
    }
    f = log_lock();
    fputs("guest: ", f);
    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    fputc('\n', f);
    log_unlock();
}

static void report(const char *kind, const char *fmt, va_list ap)
{
    g_autofree char *text = g_strdup_vprintf(fmt, ap);

    fprintf(stderr, "glassbox: %s%s\n", kind, text);
}

void warn_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("warning: ", fmt, ap);
    va_end(ap);
}

void error_report(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report("", fmt, ap);
    va_end(ap);
}
