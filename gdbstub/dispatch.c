/* Which handler a packet goes to: the table of packets, longest name first, and qSupported from it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

/* What may follow a packet's name. */
enum {
    ROW_ARGS,               /* anything: the handler looks */
    ROW_EXACT = 1,          /* nothing */
    ROW_ATTACHED = 2,       /* only while attached */
};

typedef struct PacketRow {
    const char *name;
    PacketFn *fn;
    uint8_t flags;
    const char *feature;    /* what qSupported says of it; NULL: nothing */
} PacketRow;

static const PacketRow packet_rows[] = {
    { "!", cmd_extended, ROW_EXACT },
    { "?", cmd_stop_query, ROW_EXACT },
    { "C", cmd_C, ROW_ATTACHED },
    { "D", cmd_D, ROW_ARGS },
    { "G", cmd_G, ROW_ARGS },
    { "H", cmd_H, ROW_ARGS },
    { "M", cmd_M, ROW_ARGS },
    { "P", cmd_P, ROW_ARGS },
    { "R", cmd_R, ROW_ATTACHED },
    { "S", cmd_S, ROW_ATTACHED },
    { "T", cmd_T, ROW_ARGS },
    { "X", cmd_X, ROW_ARGS },
    { "Z", cmd_Z, ROW_ATTACHED },
    { "c", cmd_c, ROW_ATTACHED },
    { "g", cmd_g, ROW_ARGS },
    { "k", cmd_k, ROW_ARGS },
    { "m", cmd_m, ROW_ARGS },
    { "p", cmd_p, ROW_ARGS },
    { "s", cmd_s, ROW_ATTACHED },
    { "x", cmd_x, ROW_ARGS, "binary-upload+" },
    { "z", cmd_z, ROW_ATTACHED },
    { "QEnableErrorStrings", cmd_error_strings, ROW_EXACT },
    { "QListThreadsInStopReply", cmd_list_threads, ROW_EXACT },
    { "QNonStop:", cmd_nonstop, ROW_ATTACHED, "QNonStop+" },
    { "QRestoreRegisterState:", cmd_restore_registers, ROW_ARGS },
    { "QSaveRegisterState", cmd_save_registers, ROW_ARGS },
    { "QStartNoAckMode", cmd_noack, ROW_EXACT, "QStartNoAckMode+" },
    { "QThreadSuffixSupported", cmd_thread_suffix, ROW_EXACT },
    { "Qqemu.PhyMemMode:", cmd_phys_set, ROW_ARGS },
    { "Qqemu.sstep=", cmd_sstep_set, ROW_ARGS },
    { "jThreadsInfo", cmd_threads_json, ROW_EXACT },
    { "qAttached", cmd_attached, ROW_ARGS },
    { "qC", cmd_qC, ROW_EXACT },
    { "qCRC:", cmd_crc, ROW_ARGS },
    { "qGDBServerVersion", cmd_server_version, ROW_EXACT },
    { "qHostInfo", cmd_host_info, ROW_EXACT },
    { "qMemoryRegionInfo:", cmd_region_info, ROW_ARGS },
    { "qProcessInfo", cmd_process_info, ROW_EXACT },
    { "qRcmd,", cmd_rcmd, ROW_ARGS },
    { "qRegisterInfo", cmd_register_info, ROW_ARGS },
    { "qSearch:memory:", cmd_search, ROW_ARGS },
    { "qSupported", cmd_qsupported, ROW_ARGS },
    { "qSymbol:", cmd_symbol, ROW_ARGS },
    { "qThreadExtraInfo,", cmd_thread_extra, ROW_ARGS },
    { "qThreadStopInfo", cmd_thread_stop_info, ROW_ARGS },
    { "qWatchpointSupportInfo", cmd_watch_info, ROW_ARGS },
    { "qXfer:", cmd_xfer, ROW_ARGS },
    { "qfThreadInfo", cmd_thread_first, ROW_EXACT },
    { "qqemu.PhyMemMode", cmd_phys_get, ROW_EXACT },
    { "qqemu.sstep", cmd_sstep_get, ROW_EXACT },
    { "qqemu.sstepbits", cmd_sstep_bits, ROW_EXACT },
    { "qsThreadInfo", cmd_thread_next, ROW_EXACT },
    { "vAttach;", cmd_vattach, ROW_ARGS },
    { "vCont;", cmd_vcont, ROW_ATTACHED },
    { "vCont?", cmd_vcont_query, ROW_EXACT, "vContSupported+" },
    { "vCtrlC", cmd_vctrlc, ROW_EXACT | ROW_ATTACHED },
    { "vKill;", cmd_vkill, ROW_ARGS },
    { "vStopped", cmd_vstopped, ROW_EXACT },
};

/* Features of packets and replies that have a row already, or need none. */
typedef struct FeatureRow {
    const char *name;
    uint32_t client;        /* the flag that the client's "name+" sets */
    bool answer;            /* told back: 0 never, 1 always unless on_offer */
    bool on_offer;          /* told back only to a client that said it first */
} FeatureRow;

static const FeatureRow feature_rows[] = {
    { "multiprocess", CLIENT_MULTIPROCESS, true, true },
    { "swbreak", CLIENT_SWBREAK, true, false },
    { "hwbreak", CLIENT_HWBREAK, true, false },
    { "error-message", CLIENT_ERROR_MESSAGE, true, true },
    { "ConditionalBreakpoints", 0, true, false },
    { "BreakpointCommands", 0, true, false },
};

static const PacketRow *row_find(const char *data, size_t len)
{
    const PacketRow *best = NULL;
    size_t best_len = 0;

    for (unsigned i = 0; i < G_N_ELEMENTS(packet_rows); i++) {
        const PacketRow *row = &packet_rows[i];
        size_t n = strlen(row->name);

        if (n > len || n <= best_len || memcmp(data, row->name, n) ||
            (row->flags & ROW_EXACT && n != len)) {
            continue;
        }
        best = row;
        best_len = n;
    }
    return best;
}

Reply dispatch_packet(GdbSession *s, const char *data, size_t len)
{
    const PacketRow *row = row_find(data, len);
    Cursor args;

    if (!row) {
        return REPLY_UNSUPPORTED;
    }
    if (row->flags & ROW_ATTACHED && !s->attached) {
        return reply_error(s, ESRCH, "this client has detached");
    }
    args = cursor_make(data + strlen(row->name), len - strlen(row->name));
    return row->fn(s, &args);
}

/* One item of the client's list: "name+", "name-", "name?" or "name=value". */
static void feature_take(GdbSession *s, Cursor item)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        const FeatureRow *row = &feature_rows[i];
        Cursor c = item;

        if (cursor_text(&c, row->name) && cursor_is(&c, "+")) {
            s->features |= row->client;
        }
    }
}

Reply cmd_qsupported(GdbSession *s, Cursor *args)
{
    if (!args_done(args) && !cursor_char(args, ':')) {
        return REPLY_UNSUPPORTED;
    }
    while (!args_done(args)) {
        feature_take(s, cursor_until(args, ';'));
        cursor_char(args, ';');
    }
    g_string_printf(s->out, "PacketSize=%x", GDB_PACKET_SIZE);
    for (unsigned i = 0; i < G_N_ELEMENTS(feature_rows); i++) {
        const FeatureRow *row = &feature_rows[i];

        if (row->answer && (!row->on_offer || s->features & row->client)) {
            g_string_append_printf(s->out, ";%s+", row->name);
        }
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(packet_rows); i++) {
        if (packet_rows[i].feature) {
            g_string_append_printf(s->out, ";%s", packet_rows[i].feature);
        }
    }
    xfer_put_features(s, s->out);
    return REPLY_TEXT;
}
