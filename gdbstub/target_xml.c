/* The target description: the register table as XML, for gdb and in LLDB's dialect.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdbstub/target_xml.h"

#include <string.h>

/* The types that both debuggers know by name. Plain numbers are signed in gdb's own features, as
 * its ABI code expects them there, and unsigned elsewhere. */
typedef struct TypeRow {
    uint8_t type;
    uint16_t bits;
    const char *own, *other;
} TypeRow;

static const TypeRow type_rows[] = {
    { REG_INT, 8, "int8", "uint8" },
    { REG_INT, 16, "int16", "uint16" },
    { REG_INT, 32, "int32", "uint32" },
    { REG_INT, 64, "int64", "uint64" },
    { REG_INT, 128, "int128", "uint128" },
    { REG_FLAGS, 8, "int8", "uint8" },
    { REG_FLAGS, 16, "int16", "uint16" },
    { REG_FLAGS, 32, "int32", "uint32" },
    { REG_FLAGS, 64, "int64", "uint64" },
    { REG_VECTOR, 64, "uint64", "uint64" },
    { REG_VECTOR, 128, "uint128", "uint128" },
    { REG_FLOAT, 32, "ieee_single", "ieee_single" },
    { REG_FLOAT, 64, "ieee_double", "ieee_double" },
    { REG_FLOAT, 80, "i387_ext", "i387_ext" },
};

const char *target_reg_type(const RegDesc *r, const RegFeature *feature)
{
    bool own = feature && g_str_has_prefix(feature->name, "org.gnu.gdb.");

    if (r->ftype) {
        return r->ftype;
    }
    if (r->type == REG_CODE_PTR || r->type == REG_DATA_PTR) {
        return r->type == REG_CODE_PTR ? "code_ptr" : "data_ptr";
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(type_rows); i++) {
        if (type_rows[i].type == r->type && type_rows[i].bits == r->bits) {
            return own ? type_rows[i].own : type_rows[i].other;
        }
    }
    return r->type == REG_FLOAT ? "float" : "int";
}

/* LLDB's words for how a register's bits are encoded and shown. */
static const struct { const char *encoding, *format; } lldb_words[] = {
    [REG_INT] = { "uint", "hex" },
    [REG_CODE_PTR] = { "uint", "hex" },
    [REG_DATA_PTR] = { "uint", "hex" },
    [REG_FLOAT] = { "ieee754", "float" },
    [REG_VECTOR] = { "vector", "vector-uint8" },
    [REG_FLAGS] = { "uint", "hex" },
};

static void attr_text(GString *out, const char *name, const char *value)
{
    if (value) {
        g_autofree char *safe = g_markup_escape_text(value, -1);

        g_string_append_printf(out, " %s=\"%s\"", name, safe);
    }
}

static void xml_lldb_attributes(GString *out, const RegDesc *r)
{
    attr_text(out, "altname", r->altname);
    attr_text(out, "generic", r->generic);
    attr_text(out, "encoding", lldb_words[r->type].encoding);
    attr_text(out, "format", lldb_words[r->type].format);
    if (r->dwarf) {
        g_string_append_printf(out, " dwarf_regnum=\"%d\"", r->dwarf - 1);
    }
    if (r->ehframe) {
        g_string_append_printf(out, " ehframe_regnum=\"%d\"", r->ehframe - 1);
    }
}

static void xml_register(GString *out, const RegDesc *r, const RegFeature *f, unsigned num,
                         bool lldb)
{
    g_string_append(out, "<reg");
    attr_text(out, "name", r->name);
    g_string_append_printf(out, " bitsize=\"%u\" regnum=\"%u\"", r->bits, num);
    attr_text(out, "type", target_reg_type(r, f));
    attr_text(out, "group", r->group);
    if (r->flags & (REG_F_NO_SAVE | REG_F_READONLY)) {
        attr_text(out, "save-restore", "no");
    }
    if (lldb) {
        xml_lldb_attributes(out, r);
    }
    g_string_append(out, "/>\n");
}

static void xml_feature(GString *out, const RegLayout *layout, const RegFeature *f, bool lldb)
{
    g_string_append(out, "<feature");
    attr_text(out, "name", f->name);
    g_string_append(out, ">\n");
    if (f->types_xml) {
        g_string_append(out, f->types_xml);
    }
    for (unsigned n = 0; n < reg_layout_count(layout); n++) {
        const RegDesc *r = reg_layout_get(layout, n);

        if (r && reg_layout_feature(layout, n) == f && !(r->flags & REG_F_HIDDEN)) {
            xml_register(out, r, f, n, lldb);
        }
    }
    g_string_append(out, "</feature>\n");
}

GString *target_xml_build(const RegLayout *layout, bool lldb)
{
    const RegSet *set = reg_layout_set(layout);
    GString *out = g_string_new("<?xml version=\"1.0\"?>\n"
                                "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
                                "<target version=\"1.0\">\n");

    g_string_append_printf(out, "<architecture>%s</architecture>\n", set->arch);
    for (const RegFeature *const *f = set->features; *f; f++) {
        bool present = false;

        for (unsigned n = 0; n < reg_layout_count(layout) && !present; n++) {
            present = reg_layout_get(layout, n) && reg_layout_feature(layout, n) == *f;
        }
        if (present) {
            xml_feature(out, layout, *f, lldb);
        }
    }
    g_string_append(out, "</target>\n");
    return out;
}

void target_register_info(GString *out, const RegDesc *r, unsigned num, int64_t offset)
{
    g_string_append_printf(out, "name:%s;", r->name);
    if (r->altname) {
        g_string_append_printf(out, "alt-name:%s;", r->altname);
    }
    g_string_append_printf(out, "bitsize:%u;", r->bits);
    if (offset >= 0) {
        g_string_append_printf(out, "offset:%" G_GINT64_FORMAT ";", offset);
    }
    g_string_append_printf(out, "encoding:%s;format:%s;", lldb_words[r->type].encoding,
                           lldb_words[r->type].format);
    g_string_append_printf(out, "set:%s;", r->group ? r->group : "general");
    if (r->ehframe) {
        g_string_append_printf(out, "ehframe:%d;", r->ehframe - 1);
    }
    if (r->dwarf) {
        g_string_append_printf(out, "dwarf:%d;", r->dwarf - 1);
    }
    if (r->generic) {
        g_string_append_printf(out, "generic:%s;", r->generic);
    }
}
