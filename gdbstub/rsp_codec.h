/* The framing of the gdb remote protocol: bytes <-> packets. Pure: no I/O, no session, no machine.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_GDBSTUB_RSP_CODEC_H
#define GLASSBOX_GDBSTUB_RSP_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

/* What the decoder found in the bytes it was fed. */
typedef enum RspEvent {
    RSP_EVENT_NONE,         /* all bytes consumed, nothing complete yet */
    RSP_EVENT_PACKET,       /* a whole packet with a right checksum: see data, len */
    RSP_EVENT_NOTIFICATION, /* the same for a '%' packet, which is never acknowledged */
    RSP_EVENT_BAD_CHECKSUM, /* a packet whose checksum is wrong or is no hex number */
    RSP_EVENT_TOO_LONG,     /* a packet with a right checksum, longer than max: its data are lost */
    RSP_EVENT_ACK,          /* '+' between packets */
    RSP_EVENT_NAK,          /* '-' between packets */
    RSP_EVENT_INTERRUPT,    /* 0x03 between packets */
} RspEvent;

typedef struct RspDecoder {
    uint8_t *data;          /* the packet's contents, a NUL added behind (not counted) */
    size_t len;             /* valid from PACKET or NOTIFICATION to the next feed */
    /* The decoder's own. */
    size_t max, raw;
    uint8_t state, sum, want;
    bool expand_runs, escaped, notification, overflow, bad_digit;
} RspDecoder;

/* Makes a decoder for packets of up to max characters between '$' and '#' (escapes counted as they
 * travel). expand_runs: undo run-length encoding, which only replies may use; in a request '*' is
 * an ordinary character. Free with rsp_decoder_clear(). */
void rsp_decoder_init(RspDecoder *d, size_t max, bool expand_runs);
void rsp_decoder_clear(RspDecoder *d);

/* Eats bytes up to and including the end of the first event, tells in *used how many; call again
 * with the rest. Bytes that belong to nothing are skipped. Never fails, whatever the bytes are. */
RspEvent rsp_decoder_feed(RspDecoder *d, const uint8_t *buf, size_t len, size_t *used);

/* True while the decoder is between packets (nothing half received). */
bool rsp_decoder_idle(const RspDecoder *d);

/* Appends one framed packet to out: lead ('$' or '%'), the escaped and (if runs) run-length encoded
 * data, '#' and the checksum. */
void rsp_encode(GByteArray *out, char lead, const uint8_t *data, size_t len, bool runs);

/* The number of characters that len bytes take when escaped, not run-length encoded. */
size_t rsp_escaped_size(const uint8_t *data, size_t len);

/* The sum modulo 256 of bytes, as it stands behind '#'. */
uint8_t rsp_checksum(const uint8_t *data, size_t len);

#endif
