/* The error domain of all user-visible failures.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_ERROR_H
#define GLASSBOX_UTIL_ERROR_H

#include <glib.h>
#include <stdbool.h>

/*
 * One domain for everything the user or the host said no to. The code says what sort of no it is;
 * the message is one clear sentence without a full stop at its end and without a program name.
 */
#define GLASSBOX_ERROR glassbox_error_quark()

typedef enum GlassboxError {
    GLASSBOX_ERROR_FAILED,       /* the host refused: file, socket, memory */
    GLASSBOX_ERROR_INVALID,      /* the user wrote something that makes no sense */
    GLASSBOX_ERROR_NOT_FOUND,    /* a name that we don't have */
    GLASSBOX_ERROR_UNSUPPORTED,  /* we know it, but cannot do it here */
    GLASSBOX_ERROR_BUSY,         /* not now: resource in use */
} GlassboxError;

/* The quark behind GLASSBOX_ERROR. Any thread. */
GQuark glassbox_error_quark(void);

/*
 * error_set(errp, CODE, fmt, ...): set an error of our domain and return false, so that a failing
 * function can end with `return error_set(errp, INVALID, "...")`.
 */
#define error_set(errp, CODE, ...) error_set_code(errp, GLASSBOX_ERROR_##CODE, __VA_ARGS__)
bool error_set_code(GError **errp, GlassboxError code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

#endif
