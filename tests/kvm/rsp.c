/* A small debugger: packets, stops, registers, memory.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "rsp.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "expect.h"
#include "giveup.h"

#define PIECE 2048              /* bytes of memory in one packet */
#define LIMIT_SECONDS 180       /* a slow emulated computer may run this */

typedef struct Register {
    char *name;
    unsigned number, bytes;
} Register;

struct Rsp {
    int fd;
    GString *in, *packet;
    GHashTable *registers;      /* name: Register */
    GPtrArray *names;
    unsigned next_number;       /* of a register whose description gives none */
    char pc_field[8];           /* as rip begins in a stop reply */
};

static int limit_ms(void)
{
    return (int)expect_setting("GLASSBOX_TEST_LIMIT", LIMIT_SECONDS) * 1000;
}

G_GNUC_NORETURN static void die(const char *why)
{
    test_give_up("the debugger's connection: %s", why);
}

/* ---- packets ---------------------------------------------------------------------------- */

static void send_all(Rsp *r, const char *text, size_t len)
{
    if (send(r->fd, text, len, MSG_NOSIGNAL) != (gssize)len) {
        die("it is closed");
    }
}

void rsp_send(Rsp *r, const char *packet)
{
    g_autofree char *text = NULL;
    uint8_t sum = 0;

    for (const char *p = packet; *p; p++) {
        sum = (uint8_t)(sum + (uint8_t)*p);
    }
    text = g_strdup_printf("$%s#%02x", packet, sum);
    send_all(r, text, strlen(text));
}

void rsp_interrupt(Rsp *r)
{
    send_all(r, "\x03", 1);
}

/* One more piece of what comes in. */
static void fill(Rsp *r)
{
    struct pollfd p = { .fd = r->fd, .events = POLLIN };
    char buf[4096];
    ssize_t n;

    if (poll(&p, 1, limit_ms()) != 1) {
        die("no answer comes");
    }
    n = recv(r->fd, buf, sizeof(buf), 0);
    if (n <= 0) {
        die("the emulator has closed it");
    }
    g_string_append_len(r->in, buf, n);
}

/* Undoes run lengths ("0* " is four zeroes) and escapes. */
static void decode(GString *out, const char *from, gsize n)
{
    g_string_truncate(out, 0);
    for (gsize i = 0; i < n; i++) {
        if (from[i] == '}' && i + 1 < n) {
            g_string_append_c(out, (char)(from[++i] ^ 0x20));
        } else if (from[i] == '*' && i + 1 < n && out->len) {
            char c = out->str[out->len - 1];

            for (int k = from[++i] - 29; k > 0; k--) {
                g_string_append_c(out, c);
            }
        } else {
            g_string_append_c(out, from[i]);
        }
    }
}

const char *rsp_receive(Rsp *r)
{
    const char *from, *end;

    for (;;) {
        from = memchr(r->in->str, '$', r->in->len);
        end = from ? memchr(from, '#', r->in->len - (gsize)(from - r->in->str)) : NULL;
        if (end && (gsize)(end - r->in->str) + 3 <= r->in->len) {
            break;
        }
        fill(r);
    }
    decode(r->packet, from + 1, (gsize)(end - from - 1));
    g_string_erase(r->in, 0, end - r->in->str + 3);
    return r->packet->str;
}

static const char *ask_va(Rsp *r, const char *fmt, va_list ap)
{
    g_autofree char *packet = g_strdup_vprintf(fmt, ap);

    rsp_send(r, packet);
    return rsp_receive(r);
}

const char *rsp_ask(Rsp *r, const char *fmt, ...)
{
    const char *answer;
    va_list ap;

    va_start(ap, fmt);
    answer = ask_va(r, fmt, ap);
    va_end(ap);
    return answer;
}

bool rsp_ask_ok(Rsp *r, const char *fmt, ...)
{
    const char *answer;
    va_list ap;

    va_start(ap, fmt);
    answer = ask_va(r, fmt, ap);
    va_end(ap);
    return g_str_equal(answer, "OK");
}

/* ---- hex -------------------------------------------------------------------------------- */

static void hex_put(GString *out, const void *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_string_append_printf(out, "%02x", ((const uint8_t *)bytes)[i]);
    }
}

static bool hex_take(const char *text, void *bytes, unsigned n)
{
    memset(bytes, 0, n);
    for (unsigned i = 0; i < n; i++) {
        if (!g_ascii_isxdigit(text[2 * i]) || !g_ascii_isxdigit(text[2 * i + 1])) {
            return false;
        }
        ((uint8_t *)bytes)[i] = (uint8_t)(g_ascii_xdigit_value(text[2 * i]) << 4 |
                                          g_ascii_xdigit_value(text[2 * i + 1]));
    }
    return true;
}

/* ---- stops ------------------------------------------------------------------------------ */

static void take_field(Rsp *r, RspStop *stop, const char *field)
{
    static const char *const reasons[] = { "swbreak", "hwbreak", "watch", "rwatch", "awatch" };
    const char *value = strchr(field, ':');

    if (!value) {
        return;
    }
    if (g_str_has_prefix(field, "thread:")) {
        stop->thread = (unsigned)strtoul(value + 1, NULL, 16);
    } else if (g_str_has_prefix(field, r->pc_field)) {
        hex_take(value + 1, &stop->pc, 8);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (strlen(reasons[i]) == (size_t)(value - field) && g_str_has_prefix(field, reasons[i])) {
            g_strlcpy(stop->reason, reasons[i], sizeof(stop->reason));
            stop->address = g_ascii_strtoull(value + 1, NULL, 16);
        }
    }
}

RspStop rsp_wait(Rsp *r)
{
    const char *text = rsp_receive(r);
    g_auto(GStrv) field = NULL;
    RspStop stop = { 0 };

    while (text[0] == 'O' && !g_str_equal(text, "OK")) {
        text = rsp_receive(r);      /* a message for people */
    }
    if (text[0] == 'W') {
        stop.ended = true;
        stop.status = (unsigned)strtoul(text + 1, NULL, 16);
        return stop;
    }
    if (text[0] != 'T' || strlen(text) < 3) {
        test_give_up("'%s' tells of no stop", text);
    }
    stop.signal = (unsigned)(g_ascii_xdigit_value(text[1]) << 4 | g_ascii_xdigit_value(text[2]));
    field = g_strsplit(text + 3, ";", -1);
    for (unsigned i = 0; field[i]; i++) {
        take_field(r, &stop, field[i]);
    }
    return stop;
}

/* ---- registers -------------------------------------------------------------------------- */

static void register_free(gpointer data)
{
    Register *reg = data;

    g_free(reg->name);
    g_free(reg);
}

/* An attribute of one element of the description. */
static char *attribute(const char *element, const char *end, const char *name)
{
    g_autofree char *key = g_strdup_printf(" %s=\"", name);
    const char *at = g_strstr_len(element, end - element, key), *to;

    at = at ? at + strlen(key) : NULL;
    to = at ? memchr(at, '"', (size_t)(end - at)) : NULL;
    return to ? g_strndup(at, (gsize)(to - at)) : NULL;
}

static void registers_parse(Rsp *r, const char *xml)
{
    for (const char *p = xml; (p = strstr(p, "<reg ")); p++) {
        const char *end = strchr(p, '>');
        g_autofree char *name = attribute(p, end, "name");
        g_autofree char *bits = attribute(p, end, "bitsize");
        g_autofree char *num = attribute(p, end, "regnum");
        Register *reg = g_new0(Register, 1);

        reg->number = num ? (unsigned)atoi(num) : r->next_number;
        r->next_number = reg->number + 1;
        reg->bytes = bits ? (unsigned)(atoi(bits) + 7) / 8 : 0;
        reg->name = g_strdup(name ? name : "");
        g_hash_table_insert(r->registers, reg->name, reg);
        g_ptr_array_add(r->names, reg->name);
        if (g_str_equal(reg->name, "rip")) {
            g_snprintf(r->pc_field, sizeof(r->pc_field), "%02x:", reg->number);
        }
    }
}

/* One document of the description, and behind its own registers those that it includes. */
static void registers_fetch(Rsp *r, const char *document)
{
    g_autoptr(GString) xml = g_string_new(NULL);
    const char *part;

    do {
        part = rsp_ask(r, "qXfer:features:read:%s:%zx,1000", document, xml->len);
        g_string_append(xml, part[0] ? part + 1 : "");
    } while (part[0] == 'm');
    registers_parse(r, xml->str);
    for (const char *p = xml->str; (p = strstr(p, "<xi:include ")); p++) {
        g_autofree char *name = attribute(p, p + strcspn(p, ">"), "href");

        if (name) {
            registers_fetch(r, name);
        }
    }
}

static const Register *find(Rsp *r, const char *name)
{
    const Register *reg = g_hash_table_lookup(r->registers, name);

    if (!reg) {
        test_give_up("there is no register %s", name);
    }
    return reg;
}

bool rsp_has_register(const Rsp *r, const char *name)
{
    return g_hash_table_contains(r->registers, name);
}

const char *const *rsp_register_names(const Rsp *r)
{
    return (const char *const *)r->names->pdata;
}

unsigned rsp_register_bytes(const Rsp *r, const char *name)
{
    const Register *reg = g_hash_table_lookup(r->registers, name);

    return reg ? reg->bytes : 0;
}

void rsp_thread(Rsp *r, unsigned thread)
{
    if (!rsp_ask_ok(r, "Hg%x", thread)) {
        test_give_up("there is no thread %u", thread);
    }
}

void rsp_register_read(Rsp *r, const char *name, void *value, unsigned n)
{
    const Register *reg = find(r, name);
    uint8_t all[64] = { 0 };
    const char *text = rsp_ask(r, "p%x", reg->number);

    if (!hex_take(text, all, reg->bytes)) {
        test_give_up("reading %s: '%s'", name, text);
    }
    memcpy(value, all, n);
}

bool rsp_register_write(Rsp *r, const char *name, const void *value, unsigned n)
{
    const Register *reg = find(r, name);
    g_autoptr(GString) packet = g_string_new(NULL);
    uint8_t all[64] = { 0 };

    memcpy(all, value, MIN(n, reg->bytes));
    g_string_append_printf(packet, "P%x=", reg->number);
    hex_put(packet, all, reg->bytes);
    return rsp_ask_ok(r, "%s", packet->str);
}

uint64_t rsp_get(Rsp *r, const char *name)
{
    uint64_t v;

    rsp_register_read(r, name, &v, 8);
    return v;
}

void rsp_set(Rsp *r, const char *name, uint64_t v)
{
    if (!rsp_register_write(r, name, &v, 8)) {
        test_give_up("%s does not take %" G_GINT64_MODIFIER "x: %s", name, v, r->packet->str);
    }
}

/* ---- memory ----------------------------------------------------------------------------- */

void rsp_read(Rsp *r, uint64_t at, void *buf, unsigned n)
{
    uint8_t *to = buf;

    while (n) {
        unsigned piece = MIN(n, (unsigned)PIECE);
        const char *text = rsp_ask(r, "m%" G_GINT64_MODIFIER "x,%x", at, piece);

        if (!hex_take(text, to, piece)) {
            test_give_up("reading %" G_GINT64_MODIFIER "x: '%.20s'", at, text);
        }
        at += piece;
        to += piece;
        n -= piece;
    }
}

void rsp_write(Rsp *r, uint64_t at, const void *buf, unsigned n)
{
    const uint8_t *from = buf;

    while (n) {
        unsigned piece = MIN(n, (unsigned)PIECE);
        g_autoptr(GString) packet = g_string_new(NULL);

        g_string_append_printf(packet, "M%" G_GINT64_MODIFIER "x,%x:", at, piece);
        hex_put(packet, from, piece);
        if (!rsp_ask_ok(r, "%s", packet->str)) {
            test_give_up("writing %" G_GINT64_MODIFIER "x: '%s'", at, r->packet->str);
        }
        at += piece;
        from += piece;
        n -= piece;
    }
}

uint64_t rsp_read_u64(Rsp *r, uint64_t at)
{
    uint64_t v;

    rsp_read(r, at, &v, 8);
    return v;
}

uint32_t rsp_read_u32(Rsp *r, uint64_t at)
{
    uint32_t v;

    rsp_read(r, at, &v, 4);
    return v;
}

void rsp_write_u64(Rsp *r, uint64_t at, uint64_t v)
{
    rsp_write(r, at, &v, 8);
}

/* ---- points and the monitor ------------------------------------------------------------- */

bool rsp_point(Rsp *r, int type, uint64_t at, unsigned len)
{
    return rsp_ask_ok(r, "Z%d,%" G_GINT64_MODIFIER "x,%x", type, at, len);
}

void rsp_unpoint(Rsp *r, int type, uint64_t at, unsigned len)
{
    if (!rsp_ask_ok(r, "z%d,%" G_GINT64_MODIFIER "x,%x", type, at, len)) {
        test_give_up("removing a point: %s", r->packet->str);
    }
}

char *rsp_monitor(Rsp *r, const char *command)
{
    g_autoptr(GString) hex = g_string_new(NULL);
    g_autoptr(GString) said = g_string_new(NULL);
    const char *text;

    hex_put(hex, command, (unsigned)strlen(command));
    for (text = rsp_ask(r, "qRcmd,%s", hex->str); text[0] == 'O' && text[1] != 'K';
         text = rsp_receive(r)) {
        gsize n = (strlen(text) - 1) / 2;
        g_autofree char *part = g_malloc0(n + 1);

        hex_take(text + 1, part, (unsigned)n);
        g_string_append(said, part);
    }
    if (!g_str_equal(text, "OK")) {
        g_string_append_printf(said, "[%s]", text);
    }
    return g_strdup(said->str);
}

/* ---- life ------------------------------------------------------------------------------- */

/* The socket's file is there a moment before somebody listens. */
static bool connect_soon(int fd, const struct sockaddr_un *a)
{
    int64_t end = g_get_monotonic_time() + limit_ms() * INT64_C(1000);

    while (connect(fd, (const struct sockaddr *)a, sizeof(*a)) != 0) {
        if (errno != ECONNREFUSED || g_get_monotonic_time() > end) {
            return false;
        }
        g_usleep(2000);
    }
    return true;
}

Rsp *rsp_connect(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    Rsp *r = g_new0(Rsp, 1);

    r->in = g_string_new(NULL);
    r->packet = g_string_new(NULL);
    r->registers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, register_free);
    r->names = g_ptr_array_new();
    r->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpuint(strlen(path), <, sizeof(a.sun_path));
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    if (!connect_soon(r->fd, &a)) {
        die("nobody listens");
    }
    if (rsp_ask(r, "qSupported:swbreak+;hwbreak+;qXfer:features:read+")[0] == 'T') {
        rsp_receive(r);         /* some tell unasked that they have stopped */
    }
    rsp_ask(r, "QStartNoAckMode");
    registers_fetch(r, "target.xml");
    if (!rsp_has_register(r, "rip")) {
        die("the description of registers has no rip");
    }
    g_ptr_array_add(r->names, NULL);
    rsp_ask(r, "?");
    return r;
}

void rsp_close(Rsp *r)
{
    close(r->fd);
    g_string_free(r->in, TRUE);
    g_string_free(r->packet, TRUE);
    g_hash_table_unref(r->registers);
    g_ptr_array_free(r->names, TRUE);
    g_free(r);
}
