/* The error domain.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdarg.h>
#include "util/error.h"

G_DEFINE_QUARK(glassbox-error-quark, glassbox_error)

bool error_set_code(GError **errp, GlassboxError code, const char *fmt, ...)
{
    va_list ap;

    if (errp) {
        va_start(ap, fmt);
        g_assert(*errp == NULL);
        *errp = g_error_new_valist(GLASSBOX_ERROR, code, fmt, ap);
        va_end(ap);
    }
    return false;
}
