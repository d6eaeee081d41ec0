/* The gdb server on real sockets: connections that come and go, clients that do not read.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "gdbstub/rsp_codec.h"
#include "gdbstub/server.h"
#include "script-machine.h"

typedef struct Fixture {
    ScriptMachine m;
    Debug *debug;
    GdbServer *server;
} Fixture;

static void setup(Fixture *f, gconstpointer data)
{
    GError *err = NULL;

    sm_init(&f->m, 1, NULL, NULL);
    SM_CODE(&f->m, 0x1000, SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1), SCRIPT_INSN_I(SCRIPT_JMP, 0, -1));
    f->debug = debug_new(f->m.vm);
    f->server = gdb_server_new(f->debug, "tcp::0", NULL, &err);
    g_assert_no_error(err);
}

static void teardown(Fixture *f, gconstpointer data)
{
    gdb_server_free(f->server);
    sm_flush(&f->m);
    debug_free(f->debug);
    sm_fini(&f->m);
}

static int dial(Fixture *f)
{
    const char *colon = strrchr(gdb_server_address(f->server), ':');
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(colon + 1)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
    return fd;
}

/* Sends a packet, turning the main loop while the socket is full; false if it stays full. */
static bool send_packet(Fixture *f, int fd, const char *text, bool patient)
{
    GByteArray *wire = g_byte_array_new();
    size_t at = 0;

    rsp_encode(wire, '$', (const uint8_t *)text, strlen(text), false);
    for (unsigned idle = 0; at < wire->len && idle < 100; ) {
        ssize_t n = write(fd, wire->data + at, wire->len - at);

        if (n > 0) {
            at += n;
            idle = 0;
        } else if (!patient) {
            idle++;
        }
        mainloop_iterate(false);
    }
    g_byte_array_unref(wire);
    return at;
}

/* Waits for one packet; NULL when the peer hung up. Free it. */
static char *receive(Fixture *f, int fd, RspDecoder *d)
{
    main_timer_set(f->m.guard, 30 * NS_PER_SEC);
    for (;;) {
        uint8_t c;
        ssize_t n = read(fd, &c, 1);
        size_t used;

        if (!n || (n < 0 && errno != EAGAIN)) {
            return NULL;
        }
        if (n < 0) {
            mainloop_iterate(false);
            continue;
        }
        if (rsp_decoder_feed(d, &c, 1, &used) == RSP_EVENT_PACKET) {
            main_timer_set(f->m.guard, -1);
            return g_strndup((char *)d->data, d->len);
        }
    }
}

static void expect(Fixture *f, int fd, const char *packet, const char *want)
{
    g_autofree char *got = NULL;
    RspDecoder d;

    rsp_decoder_init(&d, 1 << 20, true);
    g_assert_true(send_packet(f, fd, packet, true));
    got = receive(f, fd, &d);
    g_assert_nonnull(got);
    if (!g_str_has_prefix(got, want)) {
        g_error("'%s' was answered '%.200s', not '%s'", packet, got, want);
    }
    rsp_decoder_clear(&d);
}

static void wait_stopped(Fixture *f, bool stopped)
{
    main_timer_set(f->m.guard, 30 * NS_PER_SEC);
    while (debug_stopped(f->debug) != stopped) {
        mainloop_iterate(true);
    }
    main_timer_set(f->m.guard, -1);
}

static void test_connect(Fixture *f, gconstpointer data)
{
    int fd = dial(f);

    expect(f, fd, "qAttached", "1");
    expect(f, fd, "?", "T05");
    expect(f, fd, "D", "OK");
    wait_stopped(f, false);
    expect(f, fd, "qC", "QC1");
    close(fd);
    /* Without a byte: the guest goes on. */
    for (unsigned i = 0; i < 20; i++) {
        close(dial(f));
        sm_flush(&f->m);
    }
    wait_stopped(f, false);
    fd = dial(f);
    wait_stopped(f, true);
    close(fd);
    wait_stopped(f, false);
    /* Lost in the middle of things: points go, the guest goes on. */
    for (unsigned i = 0; i < 20; i++) {
        PointInfo info;

        fd = dial(f);
        expect(f, fd, "?", "T05");
        expect(f, fd, "Z0,1004,1", "OK");
        expect(f, fd, "c", "T05");
        g_assert_cmpint(write(fd, "$Z0,", 4), ==, 4);
        close(fd);
        wait_stopped(f, false);
        g_assert_false(debug_point_next(f->debug, 0, &info));
    }
}

static void test_many(Fixture *f, gconstpointer data)
{
    int fd[8];

    for (unsigned i = 0; i < 8; i++) {
        fd[i] = dial(f);
        expect(f, fd[i], "qAttached", "1");
    }
    expect(f, fd[0], "?", "T05");
    for (unsigned i = 1; i < 8; i++) {
        expect(f, fd[i], "?", "T05");
        expect(f, fd[i], "c", "O");     /* the first has control: said in words, then as a number */
    }
    close(fd[0]);
    wait_stopped(f, false);
    for (unsigned i = 1; i < 8; i++) {
        close(fd[i]);
    }
}

/* One asks for megabytes and reads nothing: the machine and another client do not notice. */
static void test_deaf(Fixture *f, gconstpointer data)
{
    int deaf = dial(f), other;
    g_autofree char *packet = g_strdup_printf("m%04096d,8000", 0);  /* to fill its socket soon */
    unsigned sent = 0;

    while (sent < 100000 && send_packet(f, deaf, packet, false)) {
        sent++;
    }
    g_assert_cmpuint(sent, <, 100000);      /* at last its packets wait */
    other = dial(f);
    expect(f, other, "?", "T05");
    expect(f, other, "g", "0");
    close(deaf);
    wait_stopped(f, false);
    expect(f, other, "?", "T05");
    close(other);
    wait_stopped(f, false);
}

/* It reads after all: every answer comes, in full. */
static void test_slow(Fixture *f, gconstpointer data)
{
    int fd = dial(f);
    RspDecoder d;

    rsp_decoder_init(&d, 1 << 20, true);
    for (unsigned i = 0; i < 100; i++) {
        send_packet(f, fd, "m0,8000", true);
    }
    for (unsigned i = 0; i < 100; i++) {
        g_autofree char *got = receive(f, fd, &d);

        g_assert_nonnull(got);
        g_assert_cmpuint(strlen(got), ==, 0x10000);
    }
    rsp_decoder_clear(&d);
    close(fd);
}

static void expect_refused(Fixture *f, const char *spec, const char *word)
{
    GError *err = NULL;

    g_assert_null(gdb_server_new(f->debug, spec, NULL, &err));
    g_assert_nonnull(err);
    if (!strstr(err->message, word) || strchr(err->message, '\n')) {
        g_error("'%s' was refused with '%s'", spec, err->message);
    }
    g_error_free(err);
}

static void test_refused(Fixture *f, gconstpointer data)
{
    const char *colon = strrchr(gdb_server_address(f->server), ':');
    g_autofree char *same = g_strdup_printf("tcp:%s", colon);

    expect_refused(f, "tcp::0,arch=vax", "vax");
    expect_refused(f, "tcp::0,stay=perhaps", "perhaps");
    expect_refused(f, "tcp::99999", "99999");
    expect_refused(f, "carrier-pigeon:x", "carrier-pigeon");
    expect_refused(f, "unix:/nonexistent/folder/socket", "/nonexistent/folder/socket");
    expect_refused(f, same, colon + 1);
}

static void test_unix(Fixture *f, gconstpointer data)
{
    g_autofree char *folder = g_dir_make_tmp("gdbserverXXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "sock", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,stay=on", path);
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    GError *err = NULL;
    GdbServer *server = gdb_server_new(f->debug, spec, NULL, &err);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    g_assert_no_error(err);
    g_strlcpy(to.sun_path, path, sizeof(to.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&to, sizeof(to)), ==, 0);
    g_assert_cmpint(fcntl(fd, F_SETFL, O_NONBLOCK), ==, 0);
    expect(f, fd, "?", "T05");
    close(fd);
    sm_flush(&f->m);
    g_assert_true(debug_stopped(f->debug));     /* stay=on */
    gdb_server_free(server);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(rmdir(folder), ==, 0);
}

/* The machine ends: the waiting client is told before the connection closes. */
static void test_end(Fixture *f, gconstpointer data)
{
    g_autofree char *got = NULL;
    int fd = dial(f);
    RspDecoder d;

    SM_CODE(&f->m, 0x1000, SCRIPT_INSN(SCRIPT_OFF, 11, 0, 0));
    rsp_decoder_init(&d, 1 << 16, true);
    expect(f, fd, "?", "T05");
    send_packet(f, fd, "c", true);
    got = receive(f, fd, &d);
    g_assert_cmpstr(got, ==, "W0b");
    rsp_decoder_clear(&d);
    close(fd);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*fn)(Fixture *, gconstpointer); } rows[] = {
        { "connect", test_connect }, { "many", test_many }, { "deaf", test_deaf },
        { "slow", test_slow }, { "refused", test_refused }, { "unix", test_unix },
        { "end", test_end },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/gdb-server/", rows[i].name, NULL);

        g_test_add(path, Fixture, NULL, setup, rows[i].fn, teardown);
    }
    return g_test_run();
}
