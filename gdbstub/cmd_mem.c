/* Packets that read, write, search and sum up memory; RAM and ROM only, never a device.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

static AddrKind address_kind(const GdbSession *s)
{
    return s->phys_mem ? ADDR_PHYS : ADDR_VIRT;
}

/* "addr,len" */
static bool take_range(Cursor *args, uint64_t *addr, uint64_t *len)
{
    return cursor_hex(args, addr) && cursor_char(args, ',') && cursor_hex(args, len);
}

/* Reads up to len bytes, as far as there are any, never over the end of all addresses. */
static size_t read_some(GdbSession *s, uint64_t addr, uint8_t *buf, size_t len)
{
    if (addr && len > -addr) {
        len = -addr;
    }
    return debug_read_some(s->debug, s->g_cpu, address_kind(s), addr, buf, len);
}

static Reply no_memory(GdbSession *s, uint64_t addr)
{
    return reply_error(s, EFAULT, "no memory is at 0x%" G_GINT64_MODIFIER "x", addr);
}

Reply cmd_m(GdbSession *s, Cursor *args)
{
    uint8_t buf[GDB_PACKET_SIZE / 2];
    uint64_t addr, len;
    size_t got;

    if (!take_range(args, &addr, &len) || !args_done(args) || !len) {
        return reply_malformed(s);
    }
    got = read_some(s, addr, buf, MIN(len, sizeof(buf)));
    if (!got) {
        return no_memory(s, addr);
    }
    put_hex(s->out, buf, got);
    return REPLY_TEXT;
}

/* Binary read: LLDB takes the bytes alone (and asks for none to see if we know this packet), gdb
 * wants a 'b' before them. */
Reply cmd_x(GdbSession *s, Cursor *args)
{
    bool lldb = s->features & CLIENT_LLDB;
    uint8_t buf[GDB_PACKET_SIZE / 2];
    uint64_t addr, len;
    size_t got;

    if (!take_range(args, &addr, &len) || !args_done(args)) {
        return reply_malformed(s);
    }
    if (!len && lldb) {
        return REPLY_OK;
    }
    got = len ? read_some(s, addr, buf, MIN(len, sizeof(buf) - 1)) : 0;
    if (!got && len) {
        return no_memory(s, addr);
    }
    if (!lldb) {
        g_string_append_c(s->out, 'b');
    }
    g_string_append_len(s->out, (const char *)buf, got);
    return REPLY_TEXT;
}

static Reply write_all(GdbSession *s, uint64_t addr, const void *buf, size_t len)
{
    GError *err = NULL;

    if (len && addr + (len - 1) < addr) {
        return reply_error(s, EFAULT, "the range wraps around the end of memory");
    }
    if (len && !debug_write(s->debug, s->g_cpu, address_kind(s), addr, buf, len, false, &err)) {
        return reply_gerror(s, EFAULT, err);
    }
    return REPLY_OK;
}

Reply cmd_M(GdbSession *s, Cursor *args)
{
    uint8_t buf[GDB_PACKET_SIZE / 2];
    uint64_t addr, len;

    if (!take_range(args, &addr, &len) || !cursor_char(args, ':') || len > sizeof(buf) ||
        !cursor_bytes(args, buf, len) || !args_done(args)) {
        return reply_malformed(s);
    }
    return write_all(s, addr, buf, len);
}

Reply cmd_X(GdbSession *s, Cursor *args)
{
    uint64_t addr, len;

    if (!take_range(args, &addr, &len) || !cursor_char(args, ':') || len != cursor_left(args)) {
        return reply_malformed(s);
    }
    return write_all(s, addr, args->p, len);
}

/* qSearch:memory:addr;len;pattern, the pattern in binary. */
Reply cmd_search(GdbSession *s, Cursor *args)
{
    uint64_t addr, len, where;
    GError *err = NULL;
    bool found;

    if (!cursor_hex(args, &addr) || !cursor_char(args, ';') || !cursor_hex(args, &len) ||
        !cursor_char(args, ';') || args_done(args)) {
        return reply_malformed(s);
    }
    if (addr && len > -addr) {
        len = -addr;
    }
    if (len < cursor_left(args)) {
        g_string_append_c(s->out, '0');
        return REPLY_TEXT;
    }
    if (!debug_search(s->debug, s->g_cpu, address_kind(s), addr, len, (const uint8_t *)args->p,
                      cursor_left(args), &found, &where, &err)) {
        return reply_gerror(s, EFAULT, err);
    }
    if (found) {
        g_string_append_printf(s->out, "1,%" G_GINT64_MODIFIER "x", where);
    } else {
        g_string_append_c(s->out, '0');
    }
    return REPLY_TEXT;
}

/* gdb's checksum: polynomial 0x04c11db7, first bit highest, from all ones; by half bytes. */
static uint32_t crc_add(uint32_t crc, const uint8_t *p, size_t len)
{
    static const uint32_t table[16] = {
        0x00000000, 0x04c11db7, 0x09823b6e, 0x0d4326d9, 0x130476dc, 0x17c56b6b, 0x1a864db2,
        0x1e475005, 0x2608edb8, 0x22c9f00f, 0x2f8ad6d6, 0x2b4bcb61, 0x350c9b64, 0x31cd86d3,
        0x3c8ea00a, 0x384fbdbd,
    };

    while (len--) {
        crc ^= (uint32_t)*p++ << 24;
        crc = crc << 4 ^ table[crc >> 28];
        crc = crc << 4 ^ table[crc >> 28];
    }
    return crc;
}

Reply cmd_crc(GdbSession *s, Cursor *args)
{
    uint32_t crc = UINT32_MAX;
    uint64_t addr, len;
    uint8_t buf[4096];

    if (!take_range(args, &addr, &len) || !args_done(args) || (addr && len > -addr)) {
        return reply_malformed(s);
    }
    while (len) {
        size_t want = MIN(len, sizeof(buf));
        size_t got = read_some(s, addr, buf, want);

        if (got != want) {
            return no_memory(s, addr + got);
        }
        crc = crc_add(crc, buf, got);
        addr += got;
        len -= got;
    }
    g_string_append_printf(s->out, "C%08x", crc);
    return REPLY_TEXT;
}
