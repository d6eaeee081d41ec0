/* Line editing by readline, which has one terminal in its global variables: before each key the
 * terminal that it was typed on is put there, and the one before is taken out.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/line_edit.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <readline/history.h>
#include <readline/readline.h>

#define HISTORY_LINES 500
#define BUFFER_START 256
#define COLUMNS 80
#define SEQUENCE_MAX 8          /* keys of the longest sequence */
#define NO_KEY 7                /* Ctrl-G, which nothing is bound to */

struct LineEdit {
    const char *prompt;
    const LineEditOps *ops;
    void *opaque;
    struct readline_state state;    /* while another terminal is in */
    HISTORY_STATE *history;
    bool begun;
};

/* Readline's own state is the process's, and so is who is in it. */
static struct {
    LineEdit *now;
    bool ready;
    FILE *out;                  /* readline keeps more pointers to its stream than it lets us
                                   change: one for all, which writes to `now` */
    int key;                    /* what was typed; EOF: taken */
    bool muted;                 /* what is written is for nobody */
    Keymap keys;
} editor = { .key = EOF };

/* ---- what readline calls ---- */

static int get_key(FILE *in)
{
    int key = editor.key;

    editor.key = EOF;
    return key;
}

static int no_more_keys(void)
{
    return 0;
}

static void leave_terminal_alone(int meta)
{
}

static void leave_terminal(void)
{
}

static void on_line(char *line)
{
    LineEdit *e = editor.now;

    if (line && *line) {
        add_history(line);
    }
    if (line) {
        e->ops->line(e->opaque, line);
        free(line);
    } else {
        e->ops->write(e->opaque, "\n", 1);      /* Ctrl-D */
    }
}

/* ---- completion ---- */

static size_t common_prefix(char **words)
{
    size_t n = strlen(words[0]);

    for (char **w = words + 1; *w; w++) {
        size_t i = 0;

        while (i < n && (*w)[i] == words[0][i]) {
            i++;
        }
        n = i;
    }
    return n;
}

static void list_words(LineEdit *e, char **words)
{
    g_autoptr(GString) text = g_string_new("\n");
    size_t width = 0, column = 0;

    for (char **w = words; *w; w++) {
        width = MAX(width, strlen(*w) + 2);
    }
    for (char **w = words; *w; w++) {
        if (column && column + width > COLUMNS) {
            g_string_append_c(text, '\n');
            column = 0;
        }
        g_string_append_printf(text, "%-*s", (int)width, *w);
        column += width;
    }
    g_string_append_c(text, '\n');
    e->ops->write(e->opaque, text->str, text->len);
    rl_on_new_line();
    rl_redisplay();
}

static int complete_key(int count, int key)
{
    LineEdit *e = editor.now;
    g_autofree char *text = g_strndup(rl_line_buffer, (gsize)rl_point);
    size_t start = 0, typed, prefix;
    char **words = e->ops->complete(e->opaque, text, &start);

    if (words[0]) {
        typed = (size_t)rl_point - start;
        prefix = common_prefix(words);
        if (prefix > typed) {
            g_autofree char *more = g_strndup(words[0] + typed, prefix - typed);

            rl_insert_text(more);
        }
        if (!words[1] && !g_str_has_suffix(words[0], "/")) {
            rl_insert_text(" ");
        } else if (words[1] && prefix <= typed) {
            list_words(e, words);
        }
    }
    g_strfreev(words);
    return 0;
}

/* ---- keys ---- */

/* Those that begin no mode: searches, quoting, arguments and macros live in readline's variables,
 * not in a terminal's state, and would be another's at the next key. Nor those that search history
 * without a mode: readline 8.2 then has two lines own one list of changes, and frees it twice. */
static const struct {
    const char *keys;           /* as readline spells them */
    rl_command_func_t *fn;
} bindings[] = {
    { "\\C-a", rl_beg_of_line }, { "\\C-e", rl_end_of_line }, { "\\e[H", rl_beg_of_line },
    { "\\e[F", rl_end_of_line }, { "\\eOH", rl_beg_of_line }, { "\\eOF", rl_end_of_line },
    { "\\e[1~", rl_beg_of_line }, { "\\e[4~", rl_end_of_line }, { "\\C-b", rl_backward_char },
    { "\\C-f", rl_forward_char }, { "\\e[D", rl_backward_char }, { "\\e[C", rl_forward_char },
    { "\\eOD", rl_backward_char }, { "\\eOC", rl_forward_char }, { "\\eb", rl_backward_word },
    { "\\ef", rl_forward_word }, { "\\e[1;5D", rl_backward_word },
    { "\\e[1;5C", rl_forward_word }, { "\\C-p", rl_get_previous_history },
    { "\\C-n", rl_get_next_history }, { "\\e[A", rl_get_previous_history },
    { "\\e[B", rl_get_next_history }, { "\\eOA", rl_get_previous_history },
    { "\\eOB", rl_get_next_history }, { "\\e<", rl_beginning_of_history },
    { "\\e>", rl_end_of_history },
    { "\\C-h", rl_rubout }, { "\\C-?", rl_rubout },
    { "\\C-d", rl_delete }, { "\\e[3~", rl_delete }, { "\\C-k", rl_kill_line },
    { "\\C-u", rl_unix_line_discard }, { "\\C-w", rl_unix_word_rubout }, { "\\ed", rl_kill_word },
    { "\\C-y", rl_yank }, { "\\C-t", rl_transpose_chars }, { "\\C-l", rl_refresh_line },
    { "\\C-i", complete_key }, { "\\C-j", rl_newline }, { "\\C-m", rl_newline },
};

static Keymap make_keys(void)
{
    Keymap map = rl_make_bare_keymap();

    for (int key = ' '; key < 256; key++) {
        rl_bind_key_in_map(key, rl_insert, map);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bindings); i++) {
        rl_bind_keyseq_in_map(bindings[i].keys, bindings[i].fn, map);
    }
    return map;
}

/* ---- terminals in and out ---- */

static ssize_t out_write(void *cookie, const char *buf, size_t len)
{
    LineEdit *e = editor.now;

    if (e && !editor.muted) {
        e->ops->write(e->opaque, buf, len);
    }
    return (ssize_t)len;
}

static void editor_init(void)
{
    cookie_io_functions_t io = { .write = out_write };

    if (editor.ready) {
        return;
    }
    editor.ready = true;
    editor.out = fopencookie(NULL, "w", io);
    g_assert(editor.out);
    rl_outstream = editor.out;
    rl_readline_name = "glassbox";
    rl_catch_signals = 0;
    rl_catch_sigwinch = 0;
    rl_change_environment = 0;
    rl_prep_term_function = leave_terminal_alone;
    rl_deprep_term_function = leave_terminal;
    rl_getc_function = get_key;
    rl_input_available_hook = no_more_keys;
    rl_tty_set_echoing(1);      /* the terminal does not */
    rl_variable_bind("bell-style", "none");     /* it would ring on stderr */
    editor.keys = make_keys();
    using_history();
    stifle_history(HISTORY_LINES);
}

static void no_history(void)
{
    static HISTORY_STATE none;

    history_set_history_state(&none);
}

/* The first time of a terminal: an empty line, and no history yet. `orphan`: the line buffer that
 * readline has is nobody's, so it serves. */
static void begin(LineEdit *e, bool orphan)
{
    struct readline_state s;

    e->begun = true;
    if (!rl_line_buffer) {
        rl_initialize();
        orphan = true;
    }
    rl_save_state(&s);
    if (!orphan) {
        s.buffer = calloc(1, BUFFER_START);
        s.buflen = BUFFER_START;
    }
    s.buffer[0] = 0;
    s.point = s.end = s.mark = 0;
    s.ul = NULL;
    rl_restore_state(&s);
    no_history();
    using_history();
    stifle_history(HISTORY_LINES);
    rl_callback_handler_install(e->prompt, on_line);
    rl_set_keymap(editor.keys);
}

/* Ends a sequence of keys that is under way: readline keeps it where no terminal's state does. */
static void settle(void)
{
    fflush(editor.out);
    editor.muted = true;
    for (unsigned i = 0; i < SEQUENCE_MAX && RL_ISSTATE(RL_STATE_MULTIKEY); i++) {
        editor.key = NO_KEY;
        rl_callback_read_char();
    }
    fflush(editor.out);
    editor.muted = false;
}

static void leave(LineEdit *e)
{
    settle();
    rl_save_state(&e->state);
    e->history = history_get_history_state();
}

static void enter(LineEdit *e)
{
    bool orphan = !editor.now;
    char *old = orphan ? rl_line_buffer : NULL;

    if (editor.now == e) {
        return;
    }
    if (editor.now) {
        leave(editor.now);
    }
    editor.now = e;
    if (!e->begun) {
        begin(e, orphan);
        return;
    }
    /* The prompt is the same for all, and readline's to free. */
    e->state.prompt = rl_prompt;
    rl_restore_state(&e->state);
    free(old);
    history_set_history_state(e->history);
    g_clear_pointer(&e->history, free);
    e->ops->write(e->opaque, "\r\033[K", 4);
    rl_on_new_line();
    rl_redisplay();
}

/* ---- the outside ---- */

LineEdit *line_edit_new(const char *prompt, const LineEditOps *ops, void *opaque)
{
    LineEdit *e = g_new0(LineEdit, 1);

    editor_init();
    e->prompt = prompt;
    e->ops = ops;
    e->opaque = opaque;
    return e;
}

/* The line buffer of a terminal that goes stays with readline, as nobody's. */
void line_edit_free(LineEdit *e)
{
    HISTORY_STATE *history;

    if (!e) {
        return;
    }
    if (e->begun) {
        enter(e);
        settle();
        rl_clear_history();         /* with what undoes changes of its lines: the present one's too */
        rl_free_undo_list();        /* what is left of it */
        history = history_get_history_state();
        free(history->entries);
        free(history);
        no_history();
        fflush(editor.out);
        editor.now = NULL;
    }
    g_free(e);
}

void line_edit_feed(LineEdit *e, uint8_t byte)
{
    enter(e);
    editor.key = byte;
    rl_callback_read_char();
    fflush(editor.out);
}

void line_edit_show(LineEdit *e)
{
    if (!e->begun) {
        enter(e);
    } else {
        enter(e);
        rl_on_new_line();
        rl_redisplay();
    }
    fflush(editor.out);
}

void line_edit_say(LineEdit *e, const char *text)
{
    enter(e);
    rl_clear_visible_line();
    fflush(editor.out);
    e->ops->write(e->opaque, text, strlen(text));
    rl_on_new_line();
    rl_redisplay();
    fflush(editor.out);
}
