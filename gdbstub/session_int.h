/* What the packet handlers share: the session's state, replies, helpers.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GDBSTUB_SESSION_INT_H
#define GLASSBOX_GDBSTUB_SESSION_INT_H

#include "gdbstub/cursor.h"
#include "gdbstub/rsp_codec.h"
#include "gdbstub/session.h"

#include <errno.h>
#include "cpu/regs.h"

/* What a handler says; the dispatcher makes exactly one answer from it. */
typedef enum Reply {
    REPLY_TEXT,         /* s->out */
    REPLY_OK,
    REPLY_ERROR,        /* s->error_code, s->error_text: by reply_error() */
    REPLY_UNSUPPORTED,  /* the empty packet */
    REPLY_LATER,        /* owed: sent when the machine stops */
    REPLY_NONE,         /* this packet has no answer */
} Reply;

/* What the client said of itself in qSupported and by asking. */
enum {
    CLIENT_MULTIPROCESS = 1 << 0,
    CLIENT_SWBREAK = 1 << 1,
    CLIENT_HWBREAK = 1 << 2,
    CLIENT_ERROR_MESSAGE = 1 << 3,      /* E.text */
    CLIENT_ERROR_STRINGS = 1 << 4,      /* LLDB: Exx;hex */
    CLIENT_THREAD_SUFFIX = 1 << 5,      /* LLDB: ;thread:N; behind register packets */
    CLIENT_LIST_THREADS = 1 << 6,       /* LLDB: threads in stop replies */
    CLIENT_LLDB = 1 << 7,               /* speaks LLDB's dialect */
};

/* qqemu.sstep's bits, as QEMU numbers them. */
enum { SSTEP_ENABLE = 1, SSTEP_NOIRQ = 2, SSTEP_NOTIMER = 4 };

struct GdbSession {
    const GdbConfig *config;
    Debug *debug;
    DebugClient *client;
    const GdbTransport *io;
    void *io_opaque;
    RegLayout *layout;
    RspDecoder in;
    GByteArray *pending;        /* input while held */
    GByteArray *last;           /* the last packet sent, for a '-' */
    GString *out;               /* text of the reply being made */
    unsigned error_code;
    GString *error_text;
    GString *console;           /* printf output that the client cannot take now */
    uint32_t features;          /* CLIENT_* */
    unsigned g_cpu;             /* Hg: whose registers and memory */
    int c_cpu;                  /* Hc: who runs; -1: all */
    unsigned thread_pos;        /* qsThreadInfo goes on here */
    unsigned owed;              /* stop replies that are due */
    bool hold;                  /* input waits for them */
    bool no_ack;
    bool attached;
    bool talked;                /* a packet has come */
    bool found_stopped;         /* the machine stood when the session began */
    bool has_run;               /* this client has resumed since it attached */
    bool extended;
    bool nonstop;
    GQueue stops;               /* nonstop.c: stops to be told */
    GQueue late;                /* ... and those for after the first packet behind '?' */
    bool late_asked;
    bool ended;
    VmCause end_cause;
    int end_status;
    bool phys_mem;
    uint8_t sstep;
    Monitor *monitor;           /* made when first used */
    unsigned save_next;
    GHashTable *saves;          /* QSaveRegisterState: id -> GBytes */
};

typedef Reply PacketFn(GdbSession *s, Cursor *args);

/* ---- replies ---- */
Reply reply_error(GdbSession *s, unsigned code, const char *fmt, ...) G_GNUC_PRINTF(3, 4);
/* Takes the GError. */
Reply reply_gerror(GdbSession *s, unsigned code, GError *err);
/* The packet's arguments make no sense. */
Reply reply_malformed(GdbSession *s);
/* True if nothing is left of the arguments. */
static inline bool args_done(const Cursor *args)
{
    return cursor_at_end(args);
}

void put_hex(GString *out, const void *bytes, size_t len);
void put_hex_text(GString *out, const char *text);

/* ---- session.c ---- */
/* Sends one packet at once, outside the answer of a handler. */
void session_send(GdbSession *s, const char *data, size_t len);
/* Sends a notification: name (with its colon) and text. */
void session_notify(GdbSession *s, const char *name, const GString *text);
/* Console output: an O packet now if the client can take it, else later. */
void session_console(GdbSession *s, const char *text, bool now);
/* An answer with the next stop; hold: no input is looked at until then. */
Reply session_owe_stop(GdbSession *s, bool hold);
/* Gets control if nobody has it. */
bool session_control(GdbSession *s, GError **errp);
/* Ctrl-C. */
void session_interrupt(GdbSession *s);
/* Stops the machine as attaching does. */
void session_attach(GdbSession *s);
void session_detach(GdbSession *s, bool resume);
/* Settings that belong to one attachment. */
void session_reset_settings(GdbSession *s);

/* ---- cmd_monitor.c ---- */
/* Says on the console why the machine stopped, where a stop reply cannot: another's point, an
 * event. Before the stop reply. */
void session_explain_stop(GdbSession *s, const StopInfo *stop);
void session_monitor_free(GdbSession *s);

/* ---- dispatch.c ---- */
Reply dispatch_packet(GdbSession *s, const char *data, size_t len);

/* ---- stop_reply.c ---- */
/* The stop reply (T, W) for a stop as the client should hear it. */
void stop_reply_build(GdbSession *s, const StopInfo *stop, GString *out);
/* The same for one thread: LLDB's qThreadStopInfo. */
void stop_reply_cpu(GdbSession *s, unsigned cpu, GString *out);
void stop_reply_exit(GdbSession *s, GString *out);
/* LLDB's word for why: "breakpoint", "trace"...; NULL: no reason. */
const char *stop_reason_name(const StopInfo *stop);

/* ---- cmd_threads.c ---- */
unsigned session_ncpus(const GdbSession *s);
Cpu *session_cpu(const GdbSession *s, unsigned cpu);
/* The vCPU a name means: "any" is the current one. False (all threads, or none such) otherwise. */
bool session_find_thread(const GdbSession *s, const ThreadName *name, unsigned *cpu);
/* A name that means all threads of our process. */
bool session_means_all(const ThreadName *name);
void put_thread(const GdbSession *s, GString *out, unsigned cpu);
/* What a person wants to know of a vCPU. */
GString *session_describe_cpu(GdbSession *s, unsigned cpu);

/* ---- cmd_regs.c ---- */
/* Appends one register in the target's byte order; false: unreadable. */
bool put_register(GdbSession *s, GString *out, unsigned cpu, const RegDesc *r, GError **errp);
/* The offset of a register in the g packet; -1: not in it. */
int64_t g_packet_offset(const GdbSession *s, unsigned num);
/* LLDB's ";thread:N;" at the end of a register packet; leaves cpu alone if there is none. */
bool take_thread_suffix(GdbSession *s, Cursor *args, unsigned *cpu);

/* ---- nonstop.c ---- */
void nonstop_cpu_stopped(GdbSession *s, const StopInfo *stop);
void nonstop_ended(GdbSession *s);
/* Forgets stops that have not been told. */
void nonstop_clear(GdbSession *s);
Reply nonstop_query(GdbSession *s);
Reply nonstop_resume(GdbSession *s, const ResumeAction *wanted, unsigned n);
void nonstop_interrupt(GdbSession *s);
/* A packet has been answered. */
void nonstop_after_packet(GdbSession *s);

/* ---- handlers, by file ---- */
/* nonstop.c */
PacketFn cmd_nonstop, cmd_vstopped;
/* cmd_regs.c */
PacketFn cmd_g, cmd_G, cmd_p, cmd_P, cmd_save_registers, cmd_restore_registers;
/* cmd_mem.c */
PacketFn cmd_m, cmd_M, cmd_x, cmd_X, cmd_search, cmd_crc;
/* cmd_points.c */
PacketFn cmd_Z, cmd_z;
/* cmd_run.c */
PacketFn cmd_c, cmd_C, cmd_s, cmd_S, cmd_vcont, cmd_vcont_query, cmd_vctrlc, cmd_stop_query, cmd_D,
    cmd_k, cmd_vkill, cmd_R, cmd_vattach, cmd_extended;
/* cmd_threads.c */
PacketFn cmd_H, cmd_T, cmd_qC, cmd_thread_first, cmd_thread_next, cmd_thread_extra;
/* cmd_query.c */
PacketFn cmd_qsupported, cmd_noack, cmd_attached, cmd_sstep_bits, cmd_sstep_get, cmd_sstep_set,
    cmd_phys_get, cmd_phys_set, cmd_symbol;
/* cmd_xfer.c */
PacketFn cmd_xfer;
/* cmd_monitor.c */
PacketFn cmd_rcmd;
/* cmd_lldb.c */
PacketFn cmd_thread_suffix, cmd_list_threads, cmd_error_strings, cmd_host_info, cmd_process_info,
    cmd_server_version, cmd_register_info, cmd_region_info, cmd_thread_stop_info, cmd_threads_json,
    cmd_watch_info;

/* Names of the objects that qXfer reads, each as a feature for qSupported. */
void xfer_put_features(GdbSession *s, GString *out);

#endif
