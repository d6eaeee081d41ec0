/* What the user may have meant: the known word with the fewest slips of the finger.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "monitor/monitor_int.h"

#define WORD_MAX 32

/* Insertions, deletions, replacements, and swaps of neighbours that make one word the other (the
 * restricted Damerau-Levenshtein distance). */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[WORD_MAX + 1][WORD_MAX + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > WORD_MAX || nb > WORD_MAX) {
        return WORD_MAX;
    }
    for (size_t i = 0; i <= na; i++) {
        for (size_t j = 0; j <= nb; j++) {
            if (!i || !j) {
                d[i][j] = (unsigned)(i + j);
                continue;
            }
            d[i][j] = MIN(MIN(d[i - 1][j], d[i][j - 1]) + 1,
                          d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[na][nb];
}

const char *suggest(const char *word, const char *const *known)
{
    unsigned best = (unsigned)strlen(word) / 3 + 2;     /* as many slips are no slip any more */
    const char *found = NULL;

    for (; *known; known++) {
        unsigned d = distance(word, *known);

        if (d < best) {
            best = d;
            found = *known;
        }
    }
    return found;
}
