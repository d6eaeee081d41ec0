/* Commands that look at memory and values.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "monitor/monitor_int.h"
#include "monitor/save.h"
#include "util/error.h"

#define CHUNK (1u << 20)

/* ---- x, xp, print ---- */

/* What a letter takes when no size was given, and the size of the last time does not fit. */
static unsigned default_size(const Format *last, char letter)
{
    switch (letter) {
    case 'c': return 1;
    case 'a': return 8;
    case 'f': return last->size >= 4 ? last->size : 8;
    default: return last->size ? last->size : 4;
    }
}

static bool examine(Monitor *m, Args *a, AddrKind kind, GString *out, GError **errp)
{
    Format f = { .count = 1, .letter = m->format.letter };
    uint64_t at = m->next_kind == kind ? m->next : 0;

    if (!args_format(a, &f, errp)) {
        return false;
    }
    if (f.letter == 'f' && f.size && f.size < 4) {
        return error_set(errp, INVALID, "format: there are no floating-point numbers of %u bytes",
                         f.size);
    }
    f.size = f.size ? f.size : default_size(&m->format, f.letter);
    if (!args_value_opt(a, "address", &at, errp) || !args_done(a, errp)) {
        return false;
    }
    m->format = f;
    m->next_kind = kind;
    bool ok = format_memory(m, &f, kind, &at, out, errp);
    m->next = at;
    return ok;
}

bool mon_x(Monitor *m, Args *a, GString *out, GError **errp)
{
    return examine(m, a, ADDR_VIRT, out, errp);
}

bool mon_xp(Monitor *m, Args *a, GString *out, GError **errp)
{
    return examine(m, a, ADDR_PHYS, out, errp);
}

bool mon_print(Monitor *m, Args *a, GString *out, GError **errp)
{
    Format f = { .count = 1, .letter = 'x' };
    uint64_t v;

    if (!args_format(a, &f, errp)) {
        return false;
    }
    if (strchr("is", f.letter) || f.count != 1) {
        return error_set(errp, INVALID, "format: print shows one value; x shows memory");
    }
    if (f.letter == 'f' && f.size && f.size < 4) {
        return error_set(errp, INVALID, "format: there are no floating-point numbers of %u bytes",
                         f.size);
    }
    if (!args_value(a, "value", &v, errp) || !args_done(a, errp)) {
        return false;
    }
    format_value(m, &f, v, out);
    g_string_append_c(out, '\n');
    return true;
}

/* ---- addresses ---- */

bool mon_gva2gpa(Monitor *m, Args *a, GString *out, GError **errp)
{
    Translation t = { 0 };
    uint64_t va;

    if (!args_value(a, "address", &va, errp) || !args_done(a, errp)) {
        return false;
    }
    if (!debug_translate(m->debug, m->cpu, va, &t)) {
        return error_set(errp, FAILED, "0x%" PRIx64 " is not mapped on CPU %u", va, m->cpu);
    }
    g_string_append_printf(out, "gpa: 0x%" PRIx64 "\n", t.paddr);
    return true;
}

bool mon_gpa2hva(Monitor *m, Args *a, GString *out, GError **errp)
{
    return error_set(errp, UNSUPPORTED, "addresses of this process are nobody's business: they "
                     "change from run to run, and who writes there goes behind the machine's back; "
                     "use xp, pmemsave, or a debugger on the guest");
}

/* ---- into files ---- */

static bool save(Monitor *m, Args *a, AddrKind kind, GError **errp)
{
    g_autofree char *path = NULL;
    uint64_t at, size;

    a->apart = true;
    if (!args_value(a, "address", &at, errp) || !args_value(a, "size", &size, errp)) {
        return false;
    }
    path = args_need(a, "file", errp);
    return path && args_done(a, errp) &&
           save_memory(m->debug, m->cpu, kind, at, size, path, errp);
}

bool mon_memsave(Monitor *m, Args *a, GString *out, GError **errp)
{
    return save(m, a, ADDR_VIRT, errp);
}

bool mon_pmemsave(Monitor *m, Args *a, GString *out, GError **errp)
{
    return save(m, a, ADDR_PHYS, errp);
}

bool mon_dump(Monitor *m, Args *a, GString *out, GError **errp)
{
    DumpOptions o = { .paging = args_take(a, "-p") };
    g_autofree char *path = args_need(a, "file", errp);

    return path && args_done(a, errp) && save_core(m->debug, &o, path, errp);
}

/* The sum of System V's and BSD's `sum`: rotated right by one bit before each byte is added. */
bool mon_sum(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autofree uint8_t *buf = g_malloc(CHUNK);
    uint64_t at, len;
    uint16_t sum = 0;

    a->apart = true;
    if (!args_value(a, "address", &at, errp) || !args_value(a, "size", &len, errp) ||
        !args_done(a, errp)) {
        return false;
    }
    while (len) {
        size_t n = (size_t)MIN(len, CHUNK);

        if (!debug_read(m->debug, m->cpu, ADDR_PHYS, at, buf, n, errp)) {
            return false;
        }
        for (size_t i = 0; i < n; i++) {
            sum = (uint16_t)((sum >> 1 | sum << 15) + buf[i]);
        }
        at += n;
        len -= n;
    }
    g_string_append_printf(out, "%05u\n", sum);
    return true;
}
