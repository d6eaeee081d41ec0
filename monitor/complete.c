/* What may stand at the end of a line that is being typed.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "monitor/monitor_int.h"

#define WORDS_MAX 200

typedef struct Found {
    const char *prefix;
    GPtrArray *words;           /* char * */
} Found;

static void offer(Found *f, const char *word)
{
    if (f->words->len < WORDS_MAX && g_str_has_prefix(word, f->prefix)) {
        g_ptr_array_add(f->words, g_strdup(word));
    }
}

static void offer_table(Found *f, const MonitorCommand *table)
{
    for (; table->name; table++) {
        offer(f, table->name);
    }
}

static void offer_view(void *opaque, const char *name, const char *help)
{
    offer(opaque, name);
}

static bool offer_symbol(void *opaque, const char *name)
{
    Found *f = opaque;

    offer(f, name);
    return f->words->len < WORDS_MAX;
}

/* Names of registers keep the $ in front. */
static void offer_registers(Monitor *m, Found *f)
{
    const RegLayout *l = debug_client_regs(m->client);

    for (unsigned i = 0; i < reg_layout_count(l); i++) {
        const RegDesc *r = reg_layout_get(l, i);

        if (r) {
            g_autofree char *name = g_strconcat("$", r->name, NULL);

            offer(f, name);
        }
    }
}

static void offer_expr(Monitor *m, Found *f)
{
    if (*f->prefix == '$') {
        offer_registers(m, f);
    } else if (*f->prefix) {
        symbols_complete(m->host->symbols, f->prefix, offer_symbol, f);
    }
}

static void offer_files(Monitor *m, Found *f)
{
    const char *slash = strrchr(f->prefix, '/');
    g_autofree char *folder = slash ? g_strndup(f->prefix, (gsize)(slash - f->prefix) + 1)
                                    : g_strdup("");
    g_autoptr(GDir) dir = g_dir_open(*folder ? folder : ".", 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_strconcat(folder, name, NULL);
        g_autofree char *full = g_file_test(path, G_FILE_TEST_IS_DIR)
                                ? g_strconcat(path, "/", NULL) : g_strdup(path);

        offer(f, full);
    }
}

static void offer_points(Monitor *m, Found *f)
{
    PointInfo info;
    PointId id = 0;

    while (debug_point_next(m->debug, id, &info)) {
        g_autofree char *text = g_strdup_printf("%u", info.id);

        id = info.id;
        offer(f, text);
    }
}

static void offer_catch(Monitor *m, Found *f)
{
    for (const char *const *w = catch_words; *w; w++) {
        offer(f, *w);
    }
}

static void offer_devices(Monitor *m, Found *f)
{
    const DeviceList *list = &m->host->machine->devices;

    for (unsigned i = 0; i < list->dev->len; i++) {
        offer(f, ((const Device *)list->dev->pdata[i])->id);
    }
}

static void offer_commands(Monitor *m, Found *f)
{
    offer_table(f, monitor_commands);
}

static void offer_infos(Monitor *m, Found *f)
{
    offer_table(f, monitor_infos);
    monitor_views_foreach(m, offer_view, f);
}

static void (*const offers[])(Monitor *m, Found *f) = {
    [WORD_COMMAND] = offer_commands, [WORD_INFO] = offer_infos, [WORD_EXPR] = offer_expr,
    [WORD_FILE] = offer_files, [WORD_POINT] = offer_points, [WORD_CATCH] = offer_catch,
    [WORD_DEVICE] = offer_devices,
};

/* The row that a line's first word names. */
static const MonitorCommand *row_of(const MonitorCommand *table, const char *word, size_t len)
{
    for (; table->name; table++) {
        if ((strlen(table->name) == len && !strncmp(table->name, word, len)) ||
            (table->alias && strlen(table->alias) == len && !strncmp(table->alias, word, len))) {
            return table;
        }
    }
    return NULL;
}

/* Where the word at the end begins: in an expression behind any operator too. */
static size_t word_start(const char *line, bool expr)
{
    size_t at = strlen(line);

    while (at && !g_ascii_isspace(line[at - 1]) && !(expr && strchr("+-*/%&|^~!()<>=?:,{}",
                                                                    line[at - 1]))) {
        at--;
    }
    return at;
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **monitor_complete(Monitor *m, const char *line, size_t *start)
{
    Found f = { .words = g_ptr_array_new() };
    size_t skip = strspn(line, " \t"), len = strcspn(line + skip, " \t/");
    bool first = !line[skip + len];
    const MonitorCommand *row = first ? NULL : row_of(monitor_commands, line + skip, len);
    MonitorWord word = first ? WORD_COMMAND : row ? row->word : WORD_NONE;

    if (word == WORD_INFO) {
        size_t at = skip + len + strspn(line + skip + len, " \t");
        size_t info_len = strcspn(line + at, " \t");

        row = line[at + info_len] ? row_of(monitor_infos, line + at, info_len) : row;
        word = row ? row->word : WORD_NONE;
    }
    *start = word_start(line, word == WORD_EXPR);
    f.prefix = line + *start;
    if (word < G_N_ELEMENTS(offers) && offers[word]) {
        offers[word](m, &f);
    }
    g_ptr_array_sort(f.words, by_name);
    g_ptr_array_add(f.words, NULL);
    return (char **)g_ptr_array_free(f.words, FALSE);
}
