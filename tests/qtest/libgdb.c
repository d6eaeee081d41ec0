/* A debugger beside a test: the few packets of the gdb remote protocol that a stop needs.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libgdb.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT_MS 60000

struct Gdb {
    int fd;
    GString *in, *packet;
};

Gdb *gdb_connect(QTest *q, const char *name)
{
    g_autofree char *path = qtest_path(q, name);
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    Gdb *g = g_new0(Gdb, 1);

    g->in = g_string_new(NULL);
    g->packet = g_string_new(NULL);
    g->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpuint(strlen(path), <, sizeof(a.sun_path));
    strcpy(a.sun_path, path);
    /* An answer of qtest means that everything is set up. */
    qtest_ok(q, "endianness");
    g_assert_cmpint(connect(g->fd, (struct sockaddr *)&a, sizeof(a)), ==, 0);
    g_assert_true(g_str_has_prefix(gdb_ask(g, "qSupported:swbreak+"), "PacketSize"));
    g_assert_cmpstr(gdb_ask(g, "QStartNoAckMode"), ==, "OK");
    return g;
}

void gdb_close(Gdb *g)
{
    close(g->fd);
    g_string_free(g->in, TRUE);
    g_string_free(g->packet, TRUE);
    g_free(g);
}

static void send_all(Gdb *g, const char *text, size_t len)
{
    g_assert_cmpint(send(g->fd, text, len, MSG_NOSIGNAL), ==, (gssize)len);
}

void gdb_send(Gdb *g, const char *packet)
{
    g_autofree char *text = NULL;
    uint8_t sum = 0;

    for (const char *p = packet; *p; p++) {
        sum = (uint8_t)(sum + (uint8_t)*p);
    }
    text = g_strdup_printf("$%s#%02x", packet, sum);
    send_all(g, text, strlen(text));
}

void gdb_interrupt(Gdb *g)
{
    send_all(g, "\x03", 1);
}

/* Acknowledgements and all else outside of packets is skipped. */
const char *gdb_receive(Gdb *g)
{
    const char *from, *end;

    while (!(from = memchr(g->in->str, '$', g->in->len)) ||
           !(end = memchr(from, '#', g->in->len - (size_t)(from - g->in->str))) ||
           (size_t)(end - g->in->str) + 3 > g->in->len) {
        struct pollfd p = { .fd = g->fd, .events = POLLIN };
        char buf[4096];
        ssize_t n;

        g_assert_cmpint(poll(&p, 1, LIMIT_MS), ==, 1);
        n = recv(g->fd, buf, sizeof(buf), 0);
        g_assert_cmpint(n, >, 0);
        g_string_append_len(g->in, buf, n);
    }
    g_string_truncate(g->packet, 0);
    g_string_append_len(g->packet, from + 1, end - from - 1);
    g_string_erase(g->in, 0, end - g->in->str + 3);
    return g->packet->str;
}

const char *gdb_ask(Gdb *g, const char *fmt, ...)
{
    g_autofree char *packet = NULL;
    va_list ap;

    va_start(ap, fmt);
    packet = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    gdb_send(g, packet);
    return gdb_receive(g);
}
