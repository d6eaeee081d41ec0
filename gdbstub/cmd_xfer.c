/* qXfer: objects that are read in pieces (target description, memory map, threads, executable).
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/session_int.h"

#include <string.h>

#include "gdbstub/target_xml.h"
#include "mem/mem.h"

typedef struct XferRow {
    const char *object;
    /* The whole object, or NULL if there is none by this annex. */
    GString *(*build)(GdbSession *s, const Cursor *annex);
    bool (*have)(const GdbSession *s);      /* NULL: always */
} XferRow;

static GString *build_features(GdbSession *s, const Cursor *annex)
{
    return cursor_is(annex, "target.xml")
               ? target_xml_build(s->layout, s->features & CLIENT_LLDB) : NULL;
}

/* ---- memory map ---- */

typedef struct MapBuild {
    GString *out;
    paddr_t at;             /* all below is written */
    paddr_t start, end;     /* the range being collected; end is exclusive, 0: beyond the last */
    const char *type;
} MapBuild;

static void map_put(GString *out, const char *type, paddr_t start, uint64_t len)
{
    g_string_append_printf(out, "<memory type=\"%s\" start=\"0x%" G_GINT64_MODIFIER "x\" "
                           "length=\"0x%" G_GINT64_MODIFIER "x\"/>\n", type, start, len);
}

static void map_close(MapBuild *m)
{
    if (m->type) {
        if (m->start > m->at) {
            map_put(m->out, "ram", m->at, m->start - m->at);
        }
        map_put(m->out, m->type, m->start, m->end - m->start);
        m->at = m->end;
        m->type = NULL;
    }
}

static bool map_section(void *opaque, paddr_t addr, const MemSection *sec)
{
    MapBuild *m = opaque;
    const char *type = sec->kind == MEM_KIND_RAM ? "ram" : "rom";

    if (sec->kind == MEM_KIND_MMIO || !sec->region) {
        return true;
    }
    if (m->type != type || m->end != addr) {
        map_close(m);
        m->start = addr;
        m->type = type;
    }
    m->end = addr + sec->avail;
    return true;
}

/* gdb takes the map for one of the addresses it uses, which are virtual, and refuses to touch what
 * is in no range of it. So what is neither RAM nor ROM is named, too. */
static GString *build_memory_map(GdbSession *s, const Cursor *annex)
{
    MapBuild m = { .out = g_string_new("<?xml version=\"1.0\"?>\n"
        "<!DOCTYPE memory-map PUBLIC \"+//IDN gnu.org//DTD GDB Memory Map V1.0//EN\" "
        "\"http://sourceware.org/gdb/gdb-memory-map.dtd\">\n<memory-map>\n") };

    if (!cursor_at_end(annex)) {
        g_string_free(m.out, TRUE);
        return NULL;
    }
    if (debug_vm(s->debug)->memory) {
        mem_space_foreach(debug_vm(s->debug)->memory, map_section, &m);
    }
    map_close(&m);
    if (!m.at) {
        m.at = UINT64_C(1) << 63;
        map_put(m.out, "ram", 0, m.at);
    }
    map_put(m.out, "ram", m.at, -m.at);
    g_string_append(m.out, "</memory-map>\n");
    return m.out;
}

/* ---- threads, executable ---- */

static GString *build_threads(GdbSession *s, const Cursor *annex)
{
    GString *out;

    if (!cursor_at_end(annex)) {
        return NULL;
    }
    out = g_string_new("<?xml version=\"1.0\"?>\n<threads>\n");
    for (unsigned i = 0; i < session_ncpus(s); i++) {
        g_autoptr(GString) text = session_describe_cpu(s, i);
        g_autofree char *safe = g_markup_escape_text(text->str, text->len);

        g_string_append(out, "<thread id=\"");
        put_thread(s, out, i);
        g_string_append_printf(out, "\" core=\"%u\" name=\"CPU#%u\">%s</thread>\n", i, i, safe);
    }
    g_string_append(out, "</threads>\n");
    return out;
}

static bool have_exec_file(const GdbSession *s)
{
    return s->config->exec_file;
}

static GString *build_exec_file(GdbSession *s, const Cursor *annex)
{
    Cursor c = *annex;
    uint64_t pid;

    if (!cursor_at_end(&c) && (!cursor_hex(&c, &pid) || pid != 1 || !cursor_at_end(&c))) {
        return NULL;
    }
    return g_string_new(s->config->exec_file);
}

static const XferRow xfer_rows[] = {
    { "features", build_features },
    { "memory-map", build_memory_map },
    { "threads", build_threads },
    { "exec-file", build_exec_file, have_exec_file },
};

static bool row_there(const GdbSession *s, const XferRow *row)
{
    return !row->have || row->have(s);
}

void xfer_put_features(GdbSession *s, GString *out)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(xfer_rows); i++) {
        if (row_there(s, &xfer_rows[i])) {
            g_string_append_printf(out, ";qXfer:%s:read+", xfer_rows[i].object);
        }
    }
}

/* A piece of the object, as much as a packet takes with its escapes. */
static Reply put_piece(GdbSession *s, const GString *all, uint64_t offset, uint64_t len)
{
    const uint8_t *p;

    if (offset > all->len) {
        return reply_error(s, EINVAL, "the object ends before this offset");
    }
    p = (const uint8_t *)all->str + offset;
    len = MIN(MIN(len, all->len - offset), GDB_PACKET_SIZE - 1);
    while (rsp_escaped_size(p, len) > GDB_PACKET_SIZE - 1) {
        len -= len / 16 + 1;
    }
    g_string_append_c(s->out, offset + len == all->len ? 'l' : 'm');
    g_string_append_len(s->out, (const char *)p, len);
    return REPLY_TEXT;
}

/* object:read:annex:offset,length */
Reply cmd_xfer(GdbSession *s, Cursor *args)
{
    Cursor object = cursor_until(args, ':');
    g_autoptr(GString) all = NULL;
    const XferRow *row = NULL;
    uint64_t offset, len;
    Cursor annex;

    for (unsigned i = 0; i < G_N_ELEMENTS(xfer_rows); i++) {
        if (cursor_is(&object, xfer_rows[i].object) && row_there(s, &xfer_rows[i])) {
            row = &xfer_rows[i];
        }
    }
    if (!row || !cursor_text(args, ":read:")) {
        return REPLY_UNSUPPORTED;
    }
    annex = cursor_until(args, ':');
    if (!cursor_char(args, ':') || !cursor_hex(args, &offset) || !cursor_char(args, ',') ||
        !cursor_hex(args, &len) || !args_done(args) || !len) {
        return reply_error(s, 0, "malformed packet");
    }
    all = row->build(s, &annex);
    if (!all) {
        return reply_error(s, 0, "no such annex");
    }
    return put_piece(s, all, offset, len);
}
