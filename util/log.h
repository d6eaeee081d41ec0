/* The log that -d and -D govern: what the guest did wrong, translated code, and so on.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_UTIL_LOG_H
#define GLASSBOX_UTIL_LOG_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/*
 * The log belongs to the process, not to a machine: it is the one place, with the trace ring, where
 * state outside the machine is wanted. All functions may be called on any thread.
 */

/* The items of -d, as bits. Names and descriptions: the table in log.c. */
enum LogItem {
    LOG_GUEST_ERRORS = 1u << 0,  /* the guest did something that hardware leaves undefined */
    LOG_UNIMP = 1u << 1,         /* the guest asked for something that we lack */
    LOG_IN_ASM = 1u << 2,        /* guest code as it is translated */
    LOG_OP = 1u << 3,            /* IR of each block */
    LOG_OP_OPT = 1u << 4,        /* IR after optimisation */
    LOG_OUT_ASM = 1u << 5,       /* host code of each block */
    LOG_INT = 1u << 6,           /* interrupts and exceptions */
    LOG_EXEC = 1u << 7,          /* a line for each block executed */
    LOG_CPU = 1u << 8,           /* registers before each block executed */
    LOG_CPU_RESET = 1u << 9,     /* registers at each reset */
    LOG_MMU = 1u << 10,          /* TLB flushes and page walks that fail */
};

/* Bits that are on. Read it by log_enabled() only. */
extern uint32_t log_mask_now;

/* True if one of the items is wanted: cheap, for hot paths. */
static inline bool log_enabled(uint32_t items)
{
    return G_UNLIKELY(__atomic_load_n(&log_mask_now, __ATOMIC_RELAXED) & items);
}

/*
 * Turn the list of a -d option ("in_asm,int", also "help") into bits. Trace patterns in the list
 * ("trace:gdb_*") are switched on as they are met. False with an error that names the bad item.
 */
bool log_parse_items(const char *list, uint32_t *mask, GError **errp);

/* One line for each item: "in_asm      guest code as it is translated\n". Free with g_free(). */
char *log_items_help(void);

/* Set which items are wanted. */
void log_set_mask(uint32_t mask);

/* Log into this file (truncated) instead of stderr; NULL goes back to stderr. */
bool log_set_file(const char *path, GError **errp);

/* Flush and close; the log goes to stderr afterwards. At the end of the program. */
void log_close(void);

/* Write to the log, whatever the mask says: test log_enabled() first. */
void log_printf(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/* Log if one of the items is on. */
#define log_item(items, ...) \
    do { \
        if (log_enabled(items)) { \
            log_printf(__VA_ARGS__); \
        } \
    } while (0)

/*
 * For output of many lines that belong together: the stream, locked for this thread until
 * log_unlock(). log_printf() may be called between them.
 */
FILE *log_lock(void);
void log_unlock(void);

/*
 * The guest did something odd (LOG_GUEST_ERRORS). A line feed is added. Costs next to nothing when
 * the item is off; when on, a guest that errs in a loop is cut off after some thousand lines a
 * second, and the log says so.
 */
#define log_guest(...) \
    do { \
        if (log_enabled(LOG_GUEST_ERRORS)) { \
            log_guest_line(__VA_ARGS__); \
        } \
    } while (0)
void log_guest_line(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

/*
 * Tell the user: "glassbox: warning: ..." or "glassbox: ..." as one line on stderr. For things that
 * happen while running; what fails at start travels as GError.
 */
void warn_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);
void error_report(const char *fmt, ...) G_GNUC_PRINTF(1, 2);

#endif
