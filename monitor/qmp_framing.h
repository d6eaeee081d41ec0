/* QMP's framing: a stream of bytes becomes JSON values, one after the other.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Pure: no input or output. Values are not separated by anything but their own structure, so that
 * the framer counts brackets and knows strings; what it hands over is balanced text, nothing more
 * (monitor/qmp_json.h reads it). */
#ifndef GLASSBOX_MONITOR_QMP_FRAMING_H
#define GLASSBOX_MONITOR_QMP_FRAMING_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QMP_DEPTH_MAX 1024
#define QMP_SIZE_MAX (64u << 20)

typedef enum QmpFrameEvent {
    QMP_FRAME_NONE,         /* all bytes used, nothing complete */
    QMP_FRAME_VALUE,        /* `text` is a value */
    QMP_FRAME_ERROR,        /* `error` says what is wrong; the framer goes on by itself */
} QmpFrameEvent;

typedef struct QmpFramer {
    GString *text;          /* the value so far, or the complete one until the next call */
    const char *error;
    unsigned state;         /* qmp_framing.c's own from here */
    bool done;
    char quote;             /* what ends the string */
    char last;              /* what came last within brackets: punctuation, a value, part of a word */
    bool again;             /* the byte that showed an error may begin a value: not used */
    size_t size_max;
    unsigned depth;
    uint8_t square[QMP_DEPTH_MAX / 8];      /* a bit per open bracket: [ or { */
} QmpFramer;

/* size_max: bytes of one value, QMP_SIZE_MAX but for tests. */
void qmp_framer_init(QmpFramer *f, size_t size_max);
void qmp_framer_clear(QmpFramer *f);

/* Takes bytes until something is to be told; *used says how many. Call again with the rest.
 *
 * A broken value is told once. What follows it is dropped up to a place where a new one may begin:
 * a line's end or another control character, a '{', or the byte FFh, which clients send to be sure
 * of a fresh start. FFh ends whatever was begun at any time (with an error if something was). */
QmpFrameEvent qmp_framer_feed(QmpFramer *f, const uint8_t *buf, size_t len, size_t *used);

#endif
