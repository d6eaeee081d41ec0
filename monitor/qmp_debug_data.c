/* QMP's x-debug-* commands about memory, registers and code.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor/qmp_int.h"

#include <limits.h>
#include <string.h>
#include "util/error.h"

enum { READ_MAX = 4 << 20, DISASSEMBLE_MAX = 1000 };

/* ---- memory ---- */

/* Where memory commands look: "address", "space", "cpu-index". */
typedef struct Place {
    unsigned cpu;
    AddrKind kind;
    uint64_t at;
} Place;

static bool take_place(QmpSession *s, JsonObject *args, Place *p, GError **errp)
{
    p->kind = qmp_arg_enum(args, "space", &qmp_type_XDebugSpace, ADDR_VIRT);
    return qmp_arg_cpu(s, args, s->cpu, &p->cpu, errp) &&
           qmp_arg_number(args, "address", &p->at, errp);
}

static bool is_base64(JsonObject *args)
{
    return qmp_arg_enum(args, "format", &qmp_type_XDebugFormat, QMP_XDEBUG_FORMAT_HEX) ==
           QMP_XDEBUG_FORMAT_BASE64;
}

static bool fits(const Place *p, uint64_t size, GError **errp)
{
    return !size || p->at + (size - 1) >= p->at ||
           error_set(errp, INVALID, "the range wraps around the end of memory");
}

QmpResult qmp_cmd_x_debug_read_memory(QmpSession *s, JsonObject *args, JsonOut *out,
                                      GError **errp)
{
    bool partial = qmp_arg_bool(args, "partial", false);
    uint64_t size = qmp_arg_uint(args, "size", 0);
    g_autofree uint8_t *buf = NULL;
    Place p = { 0 };

    if (size > READ_MAX) {
        error_set(errp, INVALID, "the parameter 'size' must be at most %d", READ_MAX);
        return QMP_FAILED;
    }
    if (!take_place(s, args, &p, errp) || !fits(&p, size, errp)) {
        return QMP_FAILED;
    }
    buf = g_malloc(size + 1);
    if (partial) {
        size = debug_read_some(s->debug, p.cpu, p.kind, p.at, buf, size);
    } else if (size && !debug_read(s->debug, p.cpu, p.kind, p.at, buf, size, errp)) {
        return QMP_FAILED;
    }
    json_out_object(out, "return");
    json_out_uint(out, "address", p.at);
    json_out_uint(out, "size", size);
    if (is_base64(args)) {
        g_autofree char *text = g_base64_encode(buf, size);
        json_out_str(out, "data", text);
    } else {
        json_out_hex(out, "data", buf, size);
    }
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_x_debug_write_memory(QmpSession *s, JsonObject *args, JsonOut *out,
                                       GError **errp)
{
    g_autoptr(GBytes) data = qmp_decode(qmp_arg_str(args, "data"), is_base64(args), "data", errp);
    bool rom = qmp_arg_bool(args, "rom", false);
    Place p = { 0 };
    const void *bytes;
    gsize n;

    if (!data || !take_place(s, args, &p, errp)) {
        return QMP_FAILED;
    }
    bytes = g_bytes_get_data(data, &n);
    if (!fits(&p, n, errp) ||
        (n && !debug_write(s->debug, p.cpu, p.kind, p.at, bytes, n, rom, errp))) {
        return QMP_FAILED;
    }
    return QMP_RETURN;
}

QmpResult qmp_cmd_x_debug_search_memory(QmpSession *s, JsonObject *args, JsonOut *out,
                                        GError **errp)
{
    g_autoptr(GBytes) pattern = qmp_decode(qmp_arg_str(args, "pattern"), is_base64(args),
                                           "pattern", errp);
    uint64_t len = 0, where = 0;
    bool found = false;
    Place p = { 0 };
    const void *bytes;
    gsize n;

    if (!pattern || !take_place(s, args, &p, errp) ||
        !qmp_arg_number(args, "length", &len, errp) || !fits(&p, len, errp)) {
        return QMP_FAILED;
    }
    bytes = g_bytes_get_data(pattern, &n);
    if (!n) {
        error_set(errp, INVALID, "the parameter 'pattern' is empty");
        return QMP_FAILED;
    }
    if (n <= len && !debug_search(s->debug, p.cpu, p.kind, p.at, len, bytes, n, &found, &where,
                                  errp)) {
        return QMP_FAILED;
    }
    json_out_object(out, "return");
    json_out_bool(out, "found", found);
    if (found) {
        json_out_uint(out, "address", where);
    }
    json_out_end(out);
    return QMP_RETURN;
}

QmpResult qmp_cmd_x_debug_translate(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    Translation t = { 0 };
    Place p = { 0 };
    bool mapped;

    if (!take_place(s, args, &p, errp)) {
        return QMP_FAILED;
    }
    mapped = debug_translate(s->debug, p.cpu, p.at, &t);
    json_out_object(out, "return");
    json_out_bool(out, "mapped", mapped);
    if (mapped) {
        json_out_uint(out, "physical", t.paddr);
    }
    json_out_uint(out, "left", t.left);
    if (mapped) {
        json_out_uint(out, "page-size", t.page_size);
        json_out_bool(out, "read", t.read);
        json_out_bool(out, "write", t.write);
        json_out_bool(out, "exec", t.exec);
        json_out_bool(out, "user", t.user);
    }
    json_out_end(out);
    return QMP_RETURN;
}

/* ---- registers ---- */

static bool put_register(QmpSession *s, JsonOut *out, unsigned cpu, const RegDesc *r,
                         GError **errp)
{
    uint8_t le[REG_MAX_BYTES] = { 0 }, be[REG_MAX_BYTES];
    unsigned n = reg_bytes(r);
    uint64_t value = 0;

    if (!debug_reg_read(s->debug, cpu, r, le, errp)) {
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        be[i] = le[n - 1 - i];
    }
    for (unsigned i = 8; i-- > 0;) {
        value = value << 8 | le[i];
    }
    json_out_object(out, NULL);
    json_out_str(out, "name", r->name);
    json_out_uint(out, "bits", r->bits);
    if (r->group) {
        json_out_str(out, "group", r->group);
    }
    if (r->bits <= 64) {
        json_out_uint(out, "value", value);
    }
    json_out_hex(out, "hex", be, n);
    json_out_end(out);
    return true;
}

static const RegDesc *find_register(QmpSession *s, const char *name, GError **errp)
{
    const RegLayout *l = debug_client_regs(s->client);
    int num = reg_layout_find(l, name);

    if (num < 0) {
        error_set(errp, NOT_FOUND, "there is no register '%s'", name);
        return NULL;
    }
    return reg_layout_get(l, (unsigned)num);
}

static bool put_named(QmpSession *s, JsonOut *out, unsigned cpu, JsonArray *names, GError **errp)
{
    for (unsigned i = 0; i < json_array_get_length(names); i++) {
        const RegDesc *r = find_register(s, json_array_get_string_element(names, i), errp);

        if (!r || !put_register(s, out, cpu, r, errp)) {
            return false;
        }
    }
    return true;
}

static bool put_group(QmpSession *s, JsonOut *out, unsigned cpu, const char *group, GError **errp)
{
    const RegLayout *l = debug_client_regs(s->client);
    bool any = false;

    for (unsigned n = 0; n < reg_layout_count(l); n++) {
        const RegDesc *r = reg_layout_get(l, n);

        if (!r || (group && g_strcmp0(r->group, group))) {
            continue;
        }
        any = true;
        if (!put_register(s, out, cpu, r, errp)) {
            return false;
        }
    }
    return any || error_set(errp, NOT_FOUND, "there is no set of registers '%s'",
                            group ? group : "");
}

QmpResult qmp_cmd_x_debug_registers(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    JsonNode *names = json_object_get_member(args, "names");
    const char *group = qmp_arg_str(args, "group");
    unsigned cpu;
    bool ok;

    if (!qmp_arg_cpu(s, args, s->cpu, &cpu, errp)) {
        return QMP_FAILED;
    }
    if (names && group) {
        error_set(errp, INVALID, "'names' and 'group' do not go together");
        return QMP_FAILED;
    }
    json_out_array(out, "return");
    ok = names ? put_named(s, out, cpu, json_node_get_array(names), errp)
               : put_group(s, out, cpu, group, errp);
    json_out_end(out);
    return ok ? QMP_RETURN : QMP_FAILED;
}

/* Hexadecimal digits of any number; how many bits the value needs, or -1. */
static int value_hex(const char *digits, uint8_t *le)
{
    size_t n = strlen(digits);
    int bits = 0;

    if (!n || digits[strspn(digits, "0123456789abcdefABCDEF")]) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned digit = (unsigned)g_ascii_xdigit_value(digits[n - 1 - i]);

        if (digit && i >= 2 * REG_MAX_BYTES) {
            return INT_MAX;
        }
        if (digit) {
            le[i / 2] |= (uint8_t)(digit << (4 * (i % 2)));
            bits = (int)(4 * i) + 32 - __builtin_clz(digit);
        }
    }
    return bits;
}

/* A register's new value: like any number, but after 0x as wide as the register. */
static bool take_value(JsonObject *args, const RegDesc *r, uint8_t *le, GError **errp)
{
    JsonNode *node = json_object_get_member(args, "value");
    const char *text = json_node_get_value_type(node) == G_TYPE_STRING
                       ? json_node_get_string(node) : NULL;
    uint64_t value = 0;
    int bits;

    if (text && g_str_has_prefix(text, "0x")) {
        bits = value_hex(text + 2, le);
        if (bits < 0) {
            return error_set(errp, INVALID, "the parameter 'value' is no number");
        }
    } else {
        if (!qmp_arg_number(args, "value", &value, errp)) {
            return false;
        }
        for (unsigned i = 0; i < 8; i++) {
            le[i] = (uint8_t)(value >> (8 * i));
        }
        bits = value ? 64 - __builtin_clzll(value) : 0;
    }
    return bits <= r->bits || error_set(errp, INVALID, "the register '%s' has %u bits only",
                                        r->name, r->bits);
}

QmpResult qmp_cmd_x_debug_write_register(QmpSession *s, JsonObject *args, JsonOut *out,
                                         GError **errp)
{
    const RegDesc *r = find_register(s, qmp_arg_str(args, "name"), errp);
    uint8_t le[REG_MAX_BYTES] = { 0 };
    unsigned cpu;

    return r && qmp_arg_cpu(s, args, s->cpu, &cpu, errp) && take_value(args, r, le, errp) &&
           debug_reg_write(s->debug, cpu, r, le, errp) ? QMP_RETURN : QMP_FAILED;
}

/* ---- code ---- */

static void read_pc(Cpu *cpu, void *data)
{
    cpu_fetch(cpu, REGS_GENERAL | REGS_SYSTEM);
    *(uint64_t *)data = cpu_pc(cpu);
}

/* One instruction; its length. False where nothing can be read. */
static bool put_instruction(QmpSession *s, JsonOut *out, Place *p, GError **errp)
{
    g_autoptr(GString) text = g_string_new(NULL);
    DebugInsn insn;

    if (!debug_disassemble(s->debug, p->cpu, p->kind, p->at, &insn, text)) {
        return error_set(errp, FAILED, "no memory is at 0x%" G_GINT64_MODIFIER "x", p->at);
    }
    json_out_object(out, NULL);
    json_out_uint(out, "address", p->at);
    json_out_uint(out, "length", insn.len);
    json_out_hex(out, "bytes", insn.code, insn.len);
    if (insn.valid) {
        json_out_str(out, "text", text->str);
    }
    json_out_end(out);
    p->at += insn.len;
    return true;
}

QmpResult qmp_cmd_x_debug_disassemble(QmpSession *s, JsonObject *args, JsonOut *out,
                                      GError **errp)
{
    uint64_t count = qmp_arg_uint(args, "count", 1);
    Place p = { 0 };
    bool ok = true;

    if (count > DISASSEMBLE_MAX) {
        error_set(errp, INVALID, "the parameter 'count' must be at most %d", DISASSEMBLE_MAX);
        return QMP_FAILED;
    }
    if (!take_place(s, args, &p, errp)) {
        return QMP_FAILED;
    }
    if (!json_object_has_member(args, "address")) {
        debug_on_cpu(s->debug, p.cpu, read_pc, &p.at);
    }
    json_out_array(out, "return");
    for (uint64_t i = 0; i < count; i++) {
        if (!put_instruction(s, out, &p, i ? NULL : errp)) {
            ok = i > 0;     /* what could be read is told */
            break;
        }
        if (p.at == 0) {
            break;
        }
    }
    json_out_end(out);
    return ok ? QMP_RETURN : QMP_FAILED;
}

QmpResult qmp_cmd_x_debug_evaluate(QmpSession *s, JsonObject *args, JsonOut *out, GError **errp)
{
    g_autoptr(GBytes) code = qmp_decode(qmp_arg_str(args, "code"), false, "code", errp);
    uint64_t value;
    unsigned cpu;

    if (!code || !qmp_arg_cpu(s, args, s->cpu, &cpu, errp) ||
        !debug_eval(s->client, cpu, code, &value, errp)) {
        return QMP_FAILED;
    }
    json_out_object(out, "return");
    json_out_uint(out, "value", value);
    json_out_end(out);
    return QMP_RETURN;
}
