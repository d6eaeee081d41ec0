/* Commands that give addresses names, and follow calls back.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "debug/unwind.h"
#include "monitor/monitor_int.h"
#include "util/error.h"
#include "util/keyval.h"

/* "auto", or a number with a sign. */
static bool take_slide(Monitor *m, const char *text, GError **errp)
{
    bool minus = *text == '-';
    uint64_t v;

    if (!strcmp(text, "auto")) {
        return debug_find_slide(m->debug, m->cpu, m->host->symbols, errp);
    }
    if (!parse_uint(text + minus, UINT64_MAX, &v, errp)) {
        return false;
    }
    symbols_set_slide(m->host->symbols, (int64_t)(minus ? -v : v));
    return true;
}

/* The names of what the running kernel has loaded. */
static bool load_modules(Monitor *m, GString *out, GError **errp)
{
    unsigned n;

    if (!debug_load_modules(m->debug, m->cpu, m->host->symbols, &n, errp)) {
        return false;
    }
    g_string_append_printf(out, "%u modules\n", n);
    return true;
}

/* symbols FILE [slide=N|slide=auto], symbols slide=..., symbols modules, symbols none */
bool mon_symbols(Monitor *m, Args *a, GString *out, GError **errp)
{
    Symbols *s = m->host->symbols;
    g_autofree char *path = NULL, *slide = NULL;
    g_autoptr(GError) not_there = NULL;
    bool later = false;

    if (args_end(a)) {
        return info_symbols(m, a, out, errp);
    }
    if (!g_str_has_prefix(a->p, "slide=")) {
        path = args_word(a);
    }
    slide = args_word(a);
    if (!args_done(a, errp)) {
        return false;
    }
    if (slide && !g_str_has_prefix(slide, "slide=")) {
        return error_set(errp, INVALID, "what is '%s' for?", slide);
    }
    if (path && !slide && !strcmp(path, "none")) {
        symbols_clear(s);
        return true;
    }
    if (path && !slide && !strcmp(path, "modules")) {
        return load_modules(m, out, errp);
    }
    if (path && !symbols_load(s, path, errp)) {
        return false;
    }
    if (slide && !take_slide(m, slide + strlen("slide="), errp)) {
        return false;
    }
    /* A kernel that is up already tells where it is; one that is not may do so later. */
    if (!slide && !debug_find_slide(m->debug, m->cpu, s, &not_there)) {
        later = g_error_matches(not_there, GLASSBOX_ERROR, GLASSBOX_ERROR_NOT_FOUND);
    }
    info_symbols(m, a, out, errp);
    if (later) {
        g_string_append(out, "(not seen in the guest yet: 'symbols slide=auto' looks again)\n");
    }
    return true;
}

/* ---- backtrace ---- */

#define FRAMES_MAX 256

bool mon_backtrace(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree UnwindFrame *frame = NULL;
    g_autofree char *why = NULL;
    uint64_t max = 64;
    unsigned n;

    if (!args_value_opt(a, "count", &max, errp) || !args_done(a, errp)) {
        return false;
    }
    if (max < 1 || max > FRAMES_MAX) {
        return error_set(errp, INVALID, "count: 1 to %u", FRAMES_MAX);
    }
    frame = g_new0(UnwindFrame, max);
    n = debug_backtrace(m->debug, m->cpu, m->host->symbols, frame, (unsigned)max, &why, errp);
    for (unsigned i = 0; i < n; i++) {
        g_autoptr(GString) name = g_string_new(NULL);

        g_string_append_printf(out, "#%-3u 0x%016" PRIx64, i, frame[i].pc);
        if (symbols_format_frame(m->host->symbols, &frame[i], name)) {
            g_string_append_printf(out, " <%s>", name->str);
        }
        g_string_append_printf(out, i ? "  (%s)\n" : "\n", unwind_how_name(frame[i].how));
    }
    if (why) {
        g_string_append_printf(out, "(%s)\n", why);
    }
    return n > 0;
}
