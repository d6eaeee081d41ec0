/* QMP's framing: a stream of bytes becomes JSON values, one after the other.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_framing.h"

#include <string.h>

enum { RESYNC = 0xff };

/* QmpFramer.last, beside the punctuation itself. */
enum { VALUE = 'v', WORD = 'w' };

typedef enum FrameState {
    STATE_START,            /* between values */
    STATE_INSIDE,           /* within brackets */
    STATE_STRING,
    STATE_ESCAPE,           /* behind a backslash in a string */
    STATE_WORD,             /* a number or a name outside of all brackets */
    STATE_SKIP,             /* dropping what follows an error */
} FrameState;

void qmp_framer_init(QmpFramer *f, size_t size_max)
{
    memset(f, 0, sizeof(*f));
    f->text = g_string_new(NULL);
    f->size_max = size_max;
}

void qmp_framer_clear(QmpFramer *f)
{
    g_string_free(f->text, TRUE);
    f->text = NULL;
}

static QmpFrameEvent frame_error(QmpFramer *f, FrameState next, const char *why)
{
    f->error = why;
    f->state = next;
    f->depth = 0;
    f->done = true;
    return QMP_FRAME_ERROR;
}

static QmpFrameEvent frame_value(QmpFramer *f)
{
    f->state = STATE_START;
    f->done = true;
    return QMP_FRAME_VALUE;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(uint8_t c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '+' || c == '.' || c == '_';
}

static QmpFrameEvent open_string(QmpFramer *f, uint8_t c)
{
    f->quote = (char)c;
    f->state = STATE_STRING;
    return QMP_FRAME_NONE;
}

/* ---- what may follow what ----
 *
 * Only as much of the grammar as shows at once that a value will never be whole: a client that lost
 * a bracket gets its error with the next command, which is not swallowed as a part of the old one.
 * The rest is left to the reader of the whole. */

static bool in_array(const QmpFramer *f)
{
    return f->square[(f->depth - 1) / 8] & 1u << (f->depth - 1) % 8;
}

static bool value_fits(const QmpFramer *f)
{
    return f->last == ':' || f->last == '[' || (f->last == ',' && in_array(f));
}

static bool name_fits(const QmpFramer *f)
{
    return f->last == '{' || (f->last == ',' && !in_array(f));
}

/* The byte, if it is a bracket, may begin the next value. */
static QmpFrameEvent misplaced(QmpFramer *f)
{
    f->again = true;
    return frame_error(f, STATE_SKIP, "the JSON value is broken, or one before it is not complete");
}

static QmpFrameEvent open_bracket(QmpFramer *f, uint8_t c)
{
    if (f->depth == QMP_DEPTH_MAX) {
        return frame_error(f, STATE_SKIP, "the JSON value is nested too deeply");
    }
    if (c == '[') {
        f->square[f->depth / 8] |= 1u << f->depth % 8;
    } else {
        f->square[f->depth / 8] &= ~(1u << f->depth % 8);
    }
    f->depth++;
    f->last = (char)c;
    f->state = STATE_INSIDE;
    return QMP_FRAME_NONE;
}

static QmpFrameEvent close_bracket(QmpFramer *f, uint8_t c)
{
    bool square;

    f->depth--;
    square = f->square[f->depth / 8] & 1u << f->depth % 8;
    if (square != (c == ']')) {
        return frame_error(f, STATE_SKIP, "the JSON value closes a bracket that it did not open");
    }
    f->last = VALUE;
    return f->depth ? QMP_FRAME_NONE : frame_value(f);
}

/* The byte is part of the value, unless an error comes of it. */
static QmpFrameEvent byte_start(QmpFramer *f, uint8_t c)
{
    if (c == '{' || c == '[') {
        return open_bracket(f, c);
    }
    if (c == '"' || c == '\'') {
        return open_string(f, c);
    }
    if (is_word(c)) {
        f->state = STATE_WORD;
        return QMP_FRAME_NONE;
    }
    return frame_error(f, STATE_SKIP, "there is no JSON value that begins like this");
}

static QmpFrameEvent byte_inside(QmpFramer *f, uint8_t c)
{
    if (f->last == WORD && !is_word(c)) {
        f->last = VALUE;
    }
    switch (c) {
    case '{':
    case '[':
        return value_fits(f) ? open_bracket(f, c) : misplaced(f);
    case '}':
    case ']':
        return close_bracket(f, c);
    case '"':
    case '\'':
        return value_fits(f) || name_fits(f) ? open_string(f, c) : misplaced(f);
    case ':':
    case ',':
        f->last = (char)c;
        return QMP_FRAME_NONE;
    default:
        break;
    }
    if (is_word(c)) {
        if (f->last != WORD && !value_fits(f)) {
            return misplaced(f);
        }
        f->last = WORD;
    } else if (c < ' ' && !is_space(c)) {
        return frame_error(f, STATE_START, "a control character is in the JSON value");
    }
    return QMP_FRAME_NONE;
}

static QmpFrameEvent byte_string(QmpFramer *f, uint8_t c)
{
    if (c < ' ') {
        return frame_error(f, STATE_START, "a control character, or a line's end, is in a JSON "
                           "string");
    }
    if (f->state == STATE_ESCAPE) {
        f->state = STATE_STRING;
    } else if (c == '\\') {
        f->state = STATE_ESCAPE;
    } else if (c == (uint8_t)f->quote) {
        f->state = STATE_INSIDE;
        f->last = VALUE;
        return f->depth ? QMP_FRAME_NONE : frame_value(f);
    }
    return QMP_FRAME_NONE;
}

static QmpFrameEvent frame_byte(QmpFramer *f, uint8_t c)
{
    QmpFrameEvent ev = QMP_FRAME_NONE;

    switch ((FrameState)f->state) {
    case STATE_START:
        ev = byte_start(f, c);
        break;
    case STATE_INSIDE:
        ev = byte_inside(f, c);
        break;
    case STATE_STRING:
    case STATE_ESCAPE:
        ev = byte_string(f, c);
        break;
    case STATE_WORD:
    case STATE_SKIP:
        break;
    }
    if (ev != QMP_FRAME_ERROR) {
        g_string_append_c(f->text, (char)c);
        if (ev == QMP_FRAME_NONE && f->text->len >= f->size_max) {
            return frame_error(f, STATE_SKIP, "the JSON value is too long");
        }
    }
    return ev;
}

/* Does the byte come before, or end, a value without being part of it? */
static bool frame_passes(QmpFramer *f, uint8_t c)
{
    if (f->state == STATE_START) {
        return is_space(c);
    }
    if (f->state != STATE_SKIP) {
        return false;
    }
    if (c == '{' || (c < ' ' && c != '\t')) {
        f->state = STATE_START;
    }
    return c != '{';
}

QmpFrameEvent qmp_framer_feed(QmpFramer *f, const uint8_t *buf, size_t len, size_t *used)
{
    if (f->done) {
        f->done = false;
        g_string_truncate(f->text, 0);
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = buf[i];
        QmpFrameEvent ev;

        *used = i + 1;
        if (c == RESYNC) {
            bool begun = f->state != STATE_START && f->state != STATE_SKIP;

            f->state = STATE_START;
            if (begun) {
                return frame_error(f, STATE_START, "the JSON value is not complete");
            }
            continue;
        }
        if (f->state == STATE_WORD && !is_word(c)) {
            *used = i;
            return frame_value(f);
        }
        if (frame_passes(f, c)) {
            continue;
        }
        ev = frame_byte(f, c);
        if (ev != QMP_FRAME_NONE) {
            *used -= f->again;
            f->again = false;
            return ev;
        }
    }
    *used = len;
    return QMP_FRAME_NONE;
}
