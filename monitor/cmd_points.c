/* Commands that set, change and remove points.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <string.h>

#include "monitor/monitor_int.h"
#include "util/error.h"
#include "util/keyval.h"

#define DATA_LEN 8              /* bytes that a watchpoint watches if nothing says how many */

/* ---- what all kinds share: scope in front, condition behind ---- */

static bool take_cpu(Monitor *m, const char *text, PointSpec *s, GError **errp)
{
    unsigned n = debug_vm(m->debug)->ncpus;
    uint64_t v;

    if (!parse_uint(text, UINT32_MAX, &v, errp)) {
        return false;
    }
    if (v >= n || v >= 64) {
        return error_set(errp, NOT_FOUND, "there is no CPU %u (0 to %u)", (unsigned)v, n - 1);
    }
    s->scope.cpus |= UINT64_C(1) << v;
    return true;
}

/* space=here or a page-table root. */
static bool take_space(Monitor *m, const char *text, PointSpec *s, GError **errp)
{
    Cpu *cpu = debug_vm(m->debug)->cpus[m->cpu];

    if (!cpu->class->address_space) {
        return error_set(errp, UNSUPPORTED, "these CPUs have no address spaces");
    }
    if (!strcmp(text, "here")) {
        if (!debug_stopped(m->debug)) {
            return error_set(errp, BUSY, "space=here: the machine is running, so that 'here' "
                             "means nothing");
        }
        cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
        s->scope.aspace = cpu->class->address_space(cpu);
    } else if (!parse_uint(text, UINT64_MAX, &s->scope.aspace, errp)) {
        return false;
    }
    s->scope.by_aspace = true;
    return true;
}

static bool take_level(Monitor *m, const char *text, PointSpec *s, GError **errp)
{
    uint64_t v;

    if (!parse_uint(text, 7, &v, errp)) {
        return false;
    }
    s->scope.levels |= (uint8_t)(1u << v);
    return true;
}

static const struct {
    const char *key;
    bool (*take)(Monitor *m, const char *text, PointSpec *s, GError **errp);
} scope_keys[] = {
    { "cpu=", take_cpu }, { "space=", take_space }, { "level=", take_level },
};

/* cpu=N, space=ROOT, level=N, phys, change: any number, in any order, in front. */
static bool take_scope(Args *a, PointSpec *s, GError **errp)
{
    for (bool more = true; more && !args_end(a);) {
        more = false;
        if (args_take(a, "phys")) {
            s->akind = ADDR_PHYS;
            more = true;
        } else if (args_take(a, "change")) {
            s->on_change = more = true;
        }
        for (size_t i = 0; !more && i < G_N_ELEMENTS(scope_keys); i++) {
            if (!g_str_has_prefix(a->p, scope_keys[i].key)) {
                continue;
            }
            g_autofree char *word = args_word(a);

            if (!scope_keys[i].take(a->m, word + strlen(scope_keys[i].key), s, errp)) {
                g_prefix_error(errp, "%s ", scope_keys[i].key);
                return false;
            }
            more = true;
        }
    }
    return true;
}

/* "if EXPRESSION" at the end, or nothing; *cond stays NULL then. */
static bool take_condition(Args *a, GBytes **cond, GError **errp)
{
    if (args_take(a, "if")) {
        a->apart = false;
        *cond = args_code(a, "condition", errp);
        if (!*cond) {
            return false;
        }
    }
    return args_done(a, errp);
}

/* Reads what is left of the line, sets the point, says what it is. */
static bool add_point(Monitor *m, Args *a, PointSpec *s, GString *out, GError **errp)
{
    g_autoptr(GBytes) cond = NULL;
    GBytes *conds[1];
    PointInfo info;
    PointId id;

    if (!take_condition(a, &cond, errp)) {
        return false;
    }
    conds[0] = cond;
    s->cond = conds;
    s->ncond = cond != NULL;
    if (!debug_point_add(m->client, s, &id, errp) || !debug_point_info(m->debug, id, &info)) {
        return false;
    }
    g_string_append_printf(out, "%s %u: ", s->once ? "temporary point" : "point", id);
    put_point(m, s, out);
    g_string_append(out, info.pending ? ", pending\n" : "\n");
    return true;
}

/* ---- places ---- */

static bool set_exec(Monitor *m, Args *a, PointWish wish, bool once, GString *out, GError **errp)
{
    PointSpec s = { .kind = POINT_EXEC, .wish = wish, .once = once };

    a->apart = true;            /* "if" is no operand either */
    if (!take_scope(a, &s, errp)) {
        return false;
    }
    if (s.on_change) {
        return error_set(errp, INVALID, "change: only a watchpoint can wait for a change");
    }
    if (args_end(a) && s.akind == ADDR_VIRT) {
        g_autofree char *pc = g_strdup("$pc");
        Args here = { .m = m, .p = pc };

        if (!args_value(&here, "address", &s.addr, errp)) {
            return false;
        }
    } else if (!args_value(a, "address", &s.addr, errp)) {
        return false;
    }
    return add_point(m, a, &s, out, errp);
}

bool mon_break(Monitor *m, Args *a, GString *out, GError **errp)
{
    return set_exec(m, a, WISH_ANY, false, out, errp);
}

bool mon_tbreak(Monitor *m, Args *a, GString *out, GError **errp)
{
    return set_exec(m, a, WISH_ANY, true, out, errp);
}

bool mon_hbreak(Monitor *m, Args *a, GString *out, GError **errp)
{
    return set_exec(m, a, WISH_HARD, false, out, errp);
}

static bool set_data(Monitor *m, Args *a, PointKind kind, GString *out, GError **errp)
{
    PointSpec s = { .kind = kind, .len = DATA_LEN };
    ExprScope scope;
    vaddr_t addr;
    uint64_t size;

    a->apart = true;
    args_scope(m, &scope);
    scope.apart = true;
    if (!take_scope(a, &s, errp)) {
        return false;
    }
    if (s.on_change && kind != POINT_WRITE) {
        return error_set(errp, INVALID, "change: only what is written changes; use watch");
    }
    if (expr_is_symbol(&scope, a->p, &addr, &size) && size) {
        s.len = size;
    }
    if (!args_value(a, "address", &s.addr, errp)) {
        return false;
    }
    if (!args_end(a) && strncmp(a->p, "if ", 3) && !args_value(a, "length", &s.len, errp)) {
        return false;
    }
    return add_point(m, a, &s, out, errp);
}

bool mon_watch(Monitor *m, Args *a, GString *out, GError **errp)
{
    return set_data(m, a, POINT_WRITE, out, errp);
}

bool mon_rwatch(Monitor *m, Args *a, GString *out, GError **errp)
{
    return set_data(m, a, POINT_READ, out, errp);
}

bool mon_awatch(Monitor *m, Args *a, GString *out, GError **errp)
{
    return set_data(m, a, POINT_ACCESS, out, errp);
}

/* ---- events ---- */

typedef struct CatchRow {
    const char *word;
    PointKind kind;
    bool numbers;               /* which ones may follow; none: all */
    bool rw;                    /* r, w or rw may follow */
} CatchRow;

static const CatchRow catch_rows[] = {
    { "exception", POINT_EXCEPTION, true, false }, { "interrupt", POINT_INTERRUPT, true, false },
    { "msr", POINT_MSR, true, true }, { "cr", POINT_CR, true, false },
    { "io", POINT_IO, true, true }, { "aspace", POINT_ASPACE, false, false },
    { "mode", POINT_MODE, false, false }, { "triple-fault", POINT_TRIPLE, false, false },
    { "reset", POINT_RESET, false, false },
};

const char *const catch_words[] = {
    "exception", "interrupt", "msr", "cr", "io", "aspace", "mode", "triple-fault", "reset", NULL
};

static const CatchRow *catch_row(const char *word)
{
    for (size_t i = 0; i < G_N_ELEMENTS(catch_rows); i++) {
        if (g_str_equal(catch_rows[i].word, word)) {
            return &catch_rows[i];
        }
    }
    return NULL;
}

/* One number or name: "14", "0xd", "#PF", "pf", "IA32_EFER". */
static bool event_number(Monitor *m, PointKind kind, const char *text, uint64_t *v, GError **errp)
{
    const CpuClass *class = debug_vm(m->debug)->cpus[0]->class;

    if (class->event_number && class->event_number(kind, text, v)) {
        return true;
    }
    return parse_uint(text, UINT64_MAX, v, NULL) ||
           error_set(errp, INVALID, "'%s' is neither a number nor the name of a%s", text,
                     kind == POINT_EXCEPTION ? "n exception" : kind == POINT_MSR ? "n MSR"
                     : kind == POINT_CR ? " control register" : "n event of this kind");
}

/* "14" or "8-14" */
static bool take_numbers(Monitor *m, const char *text, PointSpec *s, GError **errp)
{
    const char *dash = g_ascii_isdigit(*text) ? strchr(text, '-') : NULL;
    g_autofree char *first = dash ? g_strndup(text, (gsize)(dash - text)) : g_strdup(text);
    uint64_t last;

    if (!event_number(m, s->kind, first, &s->addr, errp)) {
        return false;
    }
    last = s->addr;
    if (dash && !event_number(m, s->kind, dash + 1, &last, errp)) {
        return false;
    }
    if (last < s->addr) {
        return error_set(errp, INVALID, "'%s' ends before it begins", text);
    }
    s->len = last - s->addr + 1;
    return true;
}

static uint8_t rw_of(const char *word)
{
    static const struct {
        const char *word;
        uint8_t rw;
    } words[] = {
        { "r", POINT_RW_READ }, { "w", POINT_RW_WRITE }, { "rw", POINT_RW_READ | POINT_RW_WRITE },
        { "read", POINT_RW_READ }, { "write", POINT_RW_WRITE },
    };

    for (size_t i = 0; word && i < G_N_ELEMENTS(words); i++) {
        if (g_str_equal(words[i].word, word)) {
            return words[i].rw;
        }
    }
    return 0;
}

/* What may stand between the event's name and "if". */
static bool take_catch_args(Monitor *m, Args *a, const CatchRow *row, PointSpec *s, GError **errp)
{
    bool numbers = false;

    while (!args_end(a) && strncmp(a->p, "if ", 3)) {
        g_autofree char *word = args_word(a);
        uint8_t rw = row->rw ? rw_of(word) : 0;

        if (rw) {
            s->rw = rw;
        } else if (row->numbers && !numbers) {
            numbers = true;
            if (strcmp(word, "any") && !take_numbers(m, word, s, errp)) {
                return false;
            }
        } else {
            return error_set(errp, INVALID, "what is '%s' for?", word);
        }
    }
    return true;
}

bool mon_catch(Monitor *m, Args *a, GString *out, GError **errp)
{
    PointSpec s = { 0 };
    g_autofree char *word = NULL;
    const CatchRow *row;

    if (!take_scope(a, &s, errp)) {
        return false;
    }
    if (s.akind == ADDR_PHYS || s.on_change) {
        return error_set(errp, INVALID, "events have no address: 'phys' and 'change' mean "
                         "nothing");
    }
    word = args_need(a, "the event", errp);
    if (!word) {
        return false;
    }
    row = catch_row(word);
    if (!row) {
        const char *near = suggest(word, catch_words);
        g_autofree char *all = g_strjoinv(", ", (char **)catch_words);

        return error_set(errp, NOT_FOUND, "there is no event '%s'%s%s%s (%s)", word,
                         near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", all);
    }
    s.kind = row->kind;
    s.len = row->numbers ? UINT64_MAX : 1;
    return take_catch_args(m, a, row, &s, errp) && add_point(m, a, &s, out, errp);
}

/* ---- points that are there ---- */

/* Calls fn for each number that is named; for all of this monitor's, when none is. */
static bool for_points(Monitor *m, Args *a, bool (*fn)(Monitor *m, PointId id, GError **errp),
                       GError **errp)
{
    PointInfo info;
    PointId id = 0;

    if (!args_end(a)) {
        a->apart = true;
        while (!args_end(a)) {
            uint64_t v;

            if (!args_value(a, "point", &v, errp)) {
                return false;
            }
            if (v == 0 || v > UINT32_MAX) {
                return error_set(errp, NOT_FOUND, "there is no point number %" PRIu64, v);
            }
            if (!fn(m, (PointId)v, errp)) {
                return false;
            }
        }
        return true;
    }
    while (debug_point_next(m->debug, id, &info)) {
        id = info.id;
        if (info.owner == m->client && !fn(m, id, errp)) {
            return false;
        }
    }
    return true;
}

static bool do_delete(Monitor *m, PointId id, GError **errp)
{
    return debug_point_remove(m->debug, id, errp);
}

static bool do_enable(Monitor *m, PointId id, GError **errp)
{
    return debug_point_enable(m->debug, id, true, errp);
}

static bool do_disable(Monitor *m, PointId id, GError **errp)
{
    return debug_point_enable(m->debug, id, false, errp);
}

bool mon_delete(Monitor *m, Args *a, GString *out, GError **errp)
{
    return for_points(m, a, do_delete, errp);
}

bool mon_enable(Monitor *m, Args *a, GString *out, GError **errp)
{
    return for_points(m, a, do_enable, errp);
}

bool mon_disable(Monitor *m, Args *a, GString *out, GError **errp)
{
    return for_points(m, a, do_disable, errp);
}

/* Only its owner's registers have the numbers that a condition would use. */
static bool need_own(Monitor *m, uint64_t id, GError **errp)
{
    PointInfo info;

    if (id > UINT32_MAX || !debug_point_info(m->debug, (PointId)id, &info)) {
        return error_set(errp, NOT_FOUND, "there is no point number %" PRIu64, id);
    }
    return info.owner == m->client ||
           error_set(errp, BUSY, "point %u is %s's, which alone can change its condition",
                     info.id, info.owner_name);
}

bool mon_condition(Monitor *m, Args *a, GString *out, GError **errp)
{
    g_autoptr(GBytes) cond = NULL;
    GBytes *conds[1];
    uint64_t id;

    a->apart = true;
    if (!args_value(a, "point", &id, errp) || !need_own(m, id, errp)) {
        return false;
    }
    a->apart = false;
    args_take(a, "if");
    if (!args_end(a)) {
        cond = args_code(a, "condition", errp);
        if (!cond || !args_done(a, errp)) {
            return false;
        }
    }
    conds[0] = cond;
    return debug_point_set_cond(m->debug, (PointId)id, conds, cond != NULL, errp);
}

bool mon_ignore(Monitor *m, Args *a, GString *out, GError **errp)
{
    uint64_t id, count;

    a->apart = true;
    if (!args_value(a, "point", &id, errp) || !args_value(a, "count", &count, errp) ||
        !args_done(a, errp)) {
        return false;
    }
    if (id == 0 || id > UINT32_MAX) {
        return error_set(errp, NOT_FOUND, "there is no point number %" PRIu64, id);
    }
    return debug_point_set_ignore(m->debug, (PointId)id, count, errp);
}
