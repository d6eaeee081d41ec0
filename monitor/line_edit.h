/* Line editing, history and completion for several terminals, by the readline library.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MONITOR_LINE_EDIT_H
#define GLASSBOX_MONITOR_LINE_EDIT_H

#include <stddef.h>
#include <stdint.h>

typedef struct LineEdit LineEdit;

typedef struct LineEditOps {
    /* Text for the terminal. */
    void (*write)(void *opaque, const char *text, size_t len);
    /* A whole line. */
    void (*line)(void *opaque, const char *line);
    /* Words that may stand at the end of text: NULL-ended, for g_strfreev; *start is where the
     * word begins. */
    char **(*complete)(void *opaque, const char *text, size_t *start);
} LineEditOps;

/* A terminal; nothing is shown yet. Control thread, like all of it. */
LineEdit *line_edit_new(const char *prompt, const LineEditOps *ops, void *opaque);
void line_edit_free(LineEdit *e);
/* Takes one byte that was typed. May call ops->line. */
void line_edit_feed(LineEdit *e, uint8_t byte);
/* Shows the prompt and what has been typed so far on a new line. */
void line_edit_show(LineEdit *e);
/* Shows whole lines of text in front of the line that is being typed. */
void line_edit_say(LineEdit *e, const char *text);

#endif
