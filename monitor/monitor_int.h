/* Inside monitor/: what the commands share.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_MONITOR_MONITOR_INT_H
#define GLASSBOX_MONITOR_MONITOR_INT_H

#include "monitor/expr.h"
#include "monitor/monitor.h"

/* How `x` and `print` show values: count, format letter, bytes of each. */
typedef struct Format {
    uint64_t count;
    char letter;
    unsigned size;              /* 0: not said */
} Format;

struct Monitor {
    MonitorHost *host;
    Debug *debug;
    DebugClient *client;
    const MonitorOps *ops;
    void *opaque;
    unsigned cpu;
    Format format;              /* of the last x */
    uint64_t next;              /* where a bare x goes on */
    AddrKind next_kind;
    GPtrArray *history;         /* lines run, oldest first */
    /* A step under way (run.c). */
    bool busy;
    uint64_t steps_left;
    bool over;                  /* next: calls are passed over */
    PointId over_point;         /* behind the call that is under way; 0: none */
};

/* The rest of the line being run. */
typedef struct Args {
    Monitor *m;
    const char *p;
    bool apart;                 /* the command takes several values: ExprScope.apart */
} Args;

/* What a command's arguments are, for completion. */
typedef enum MonitorWord {
    WORD_NONE, WORD_COMMAND, WORD_INFO, WORD_EXPR, WORD_FILE, WORD_POINT, WORD_CATCH, WORD_LOG,
    WORD_TRACE, WORD_DEVICE,
} MonitorWord;

typedef bool MonitorFn(Monitor *m, Args *a, GString *out, GError **errp);

typedef struct MonitorCommand {
    const char *name;
    const char *alias;          /* a short form; NULL: none */
    const char *params;         /* for the usage line; "" when it takes none */
    const char *help;           /* one line */
    MonitorFn *run;
    MonitorWord word;
} MonitorCommand;

/* The tables, each ended by a NULL name. */
extern const MonitorCommand monitor_commands[];
extern const MonitorCommand monitor_infos[];

/* ---- args.c ---- */
bool args_end(Args *a);                         /* only blanks are left */
/* Everything is used up, or an error that names what is left. */
bool args_done(Args *a, GError **errp);
/* The next word, or "quoted text"; NULL at the end. The caller frees. */
char *args_word(Args *a);
/* Takes this word if it is the next one. */
bool args_take(Args *a, const char *word);
/* A word that must be there; NULL with an error that calls it `what`. */
char *args_need(Args *a, const char *what, GError **errp);
/* An expression, evaluated now on the monitor's vCPU. A comma behind it is taken. */
bool args_value(Args *a, const char *what, uint64_t *value, GError **errp);
/* The same if anything is left; *value stays otherwise. */
bool args_value_opt(Args *a, const char *what, uint64_t *value, GError **errp);
/* An expression for later; NULL with a reason. */
GBytes *args_code(Args *a, const char *what, GError **errp);
/* "/8xw" directly behind the command's name. */
bool args_format(Args *a, Format *f, GError **errp);
/* "cpu=N" if it is next: *cpu. */
bool args_cpu(Args *a, unsigned *cpu, GError **errp);
void args_scope(const Monitor *m, ExprScope *scope);

/* ---- format.c ---- */
/* Appends one value of f->size bytes as f->letter says. */
void format_value(Monitor *m, const Format *f, uint64_t value, GString *out);
/* Prints f->count values from memory, 16 bytes a line; *at moves on. */
bool format_memory(Monitor *m, const Format *f, AddrKind kind, uint64_t *at, GString *out,
                   GError **errp);
/* "0x0000000000001000 <name+0x10>" */
void put_address(Monitor *m, uint64_t at, GString *out);
/* " <name+0x10>" or nothing. */
void put_symbol(Monitor *m, uint64_t at, GString *out);
/* One disassembled instruction, with the names of addresses in it; its length, 0: unreadable. */
unsigned put_instruction(Monitor *m, AddrKind kind, uint64_t at, GString *out);

/* ---- stop_text.c ---- */
/* One line (or two) for people: why and where the machine stopped. */
void put_stop(Monitor *m, const StopInfo *stop, GString *out);
/* "#PF (14), error 0x2, address 0x..." */
void put_event(const Monitor *m, const DebugEvent *e, GString *out);
/* "exec 0x1000 <main>", "write 0x2000 len 8", "exception #PF" */
void put_point(Monitor *m, const PointSpec *spec, GString *out);

/* ---- cmd_run.c ---- */
/* A stop has been told. False while a step of this monitor's goes on behind it; else *stop becomes
 * what the user should hear. */
bool mon_run_stopped(Monitor *m, StopInfo *stop);
void mon_run_fini(Monitor *m);

/* ---- the commands, by file ---- */
MonitorFn mon_help, mon_info, mon_history, mon_cpu, mon_log, mon_logfile, mon_trace;  /* cmd_misc.c */
MonitorFn mon_quit, mon_system_reset, mon_system_powerdown, mon_nmi, mon_gdbserver;
MonitorFn mon_x, mon_xp, mon_print, mon_gva2gpa, mon_gpa2hva;        /* cmd_memory.c */
MonitorFn mon_memsave, mon_pmemsave, mon_sum, mon_dump;
MonitorFn mon_stop, mon_cont, mon_cont_force, mon_step, mon_next;             /* cmd_run.c */
MonitorFn mon_break, mon_tbreak, mon_hbreak, mon_watch, mon_rwatch, mon_awatch;   /* cmd_points.c */
MonitorFn mon_catch, mon_delete, mon_enable, mon_disable, mon_condition, mon_ignore;
MonitorFn mon_symbols, mon_backtrace;                                         /* cmd_symbols.c */
MonitorFn info_registers, info_all_registers, info_cpus, info_mtree, info_breakpoints;
MonitorFn info_debug, info_clients, info_status, info_version, info_trace, info_symbols;
MonitorFn info_devices, info_name;                                            /* cmd_info.c */

/* ---- mon_catch words, for completion ---- */
extern const char *const catch_words[];

/* ---- suggest.c ---- */
/* The word of `known` (NULL-ended) that is nearest to `word`, if it is near enough; else NULL. */
const char *suggest(const char *word, const char *const *known);

/* A view of a CPU or a device that `info` shows. False: there is none of this name. */
bool monitor_view(Monitor *m, const char *name, GString *out);
/* Calls fn with name and help of each view, each name once. */
void monitor_views_foreach(Monitor *m, void (*fn)(void *opaque, const char *name,
                                                  const char *help), void *opaque);

#endif
