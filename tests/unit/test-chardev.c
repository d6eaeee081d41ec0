/* Byte streams: sockets, files, mux keys, back pressure, the bounded queue, listeners.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "chardev/chardev.h"
#include "util/mainloop.h"
#include "util/thread.h"

static char *dir;

/* A front end that keeps what it gets. */
typedef struct Front {
    GString *got, *events;
    size_t room;
    Chardev *c, *free_on_input;
} Front;

static size_t front_can_receive(void *opaque)
{
    return ((Front *)opaque)->room;
}

static void front_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Front *f = opaque;

    g_assert_cmpuint(len, <=, f->room);
    g_string_append_len(f->got, (const char *)buf, len);
    if (f->room != SIZE_MAX) {
        f->room -= len;
    }
    if (f->free_on_input) {
        chardev_free(f->free_on_input);
        f->free_on_input = NULL;
    }
}

static void front_event(void *opaque, ChardevEvent event)
{
    g_string_append_c(((Front *)opaque)->events, "OCBF"[event]);
}

static const ChardevHandlers front_handlers = { front_can_receive, front_receive, front_event };

static void front_init(Front *f, Chardev *c)
{
    GError *err = NULL;

    *f = (Front){ g_string_new(NULL), g_string_new(NULL), SIZE_MAX, c, NULL };
    chardev_attach(c, &front_handlers, f, &err);
    g_assert_no_error(err);
}

static void front_clear(Front *f)
{
    g_string_free(f->got, TRUE);
    g_string_free(f->events, TRUE);
}

/* Run the main loop until something holds; the test's own time-out ends a hang. */
#define RUN_UNTIL(cond)              \
    while (!(cond)) {                \
        mainloop_iterate(true);      \
    }

static void run_idle(void)
{
    for (int i = 0; i < 20; i++) {
        mainloop_iterate(false);
    }
}

static void test_pair(void)
{
    Chardev *a, *b;
    Front fa, fb;

    chardev_new_pair(&a, &b);
    front_init(&fa, a);
    front_init(&fb, b);
    g_assert_cmpuint(chardev_write(a, "hello", 5), ==, 5);
    g_assert_cmpuint(chardev_write(b, "you", 3), ==, 3);
    RUN_UNTIL(fb.got->len == 5 && fa.got->len == 3);
    g_assert_cmpstr(fb.got->str, ==, "hello");
    g_assert_cmpstr(fa.events->str, ==, "O");

    /* no room: nothing is read; then one byte at a time */
    fb.room = 0;
    chardev_write(a, "xyz", 3);
    run_idle();
    g_assert_cmpuint(fb.got->len, ==, 5);
    for (size_t n = 6; n <= 8; n++) {
        fb.room = 1;
        chardev_accept_input(b);
        RUN_UNTIL(fb.got->len == n);
        run_idle();
        g_assert_cmpuint(fb.got->len, ==, n);
    }
    g_assert_cmpstr(fb.got->str, ==, "helloxyz");

    /* freed within its own callback */
    fb.room = SIZE_MAX;
    chardev_accept_input(b);
    fb.free_on_input = b;
    chardev_write(a, "!", 1);
    RUN_UNTIL(fa.events->len == 2);
    g_assert_cmpstr(fa.events->str, ==, "OC");
    chardev_free(a);
    front_clear(&fa);
    front_clear(&fb);
}

static void test_queue_bound(void)
{
    Chardev *a, *b;
    Front fb;
    g_autofree char *block = g_malloc0(65536);
    size_t sent = 0, n;

    chardev_new_pair(&a, &b);
    chardev_set_queue_limit(a, 300000);
    for (;;) {   /* nobody reads: the kernel's buffer fills, then the queue, then no more */
        n = chardev_write(a, block, 65536);
        sent += n;
        if (n < 65536) {
            break;
        }
    }
    g_assert_cmpuint(chardev_write(a, block, 10), ==, 0);
    g_assert_cmpuint(chardev_queued(a), ==, 300000);
    front_init(&fb, b);
    RUN_UNTIL(fb.got->len == sent);
    g_assert_cmpuint(chardev_queued(a), ==, 0);
    chardev_free(a);
    chardev_free(b);
    front_clear(&fb);
}

static void *writer(void *arg)
{
    for (int i = 0; i < 20000; i++) {
        while (chardev_write(arg, "abcdefghij", 10) == 0) {
            g_usleep(100);
        }
    }
    return NULL;
}

static void test_other_thread(void)
{
    Chardev *a, *b;
    Front fb;
    Thread t;

    chardev_new_pair(&a, &b);
    front_init(&fb, b);
    thread_start(&t, "writer", writer, a);
    RUN_UNTIL(fb.got->len == 200000);
    thread_join(&t);
    for (size_t i = 0; i < 200000; i++) {
        g_assert_cmpint(fb.got->str[i], ==, 'a' + i % 10);
    }
    chardev_free(a);
    chardev_free(b);
    front_clear(&fb);
}

static void test_file(void)
{
    g_autofree char *path = g_build_filename(dir, "out", NULL);
    g_autofree char *spec = g_strconcat("file:", path, NULL);
    g_autofree char *text = NULL;
    GError *err = NULL;
    Chardev *c = chardev_new(spec, "serial0", &err);

    g_assert_no_error(err);
    g_assert_true(chardev_is_open(c));
    chardev_write(c, "line\n", 5);
    chardev_free(c);   /* flushes */
    g_assert_true(g_file_get_contents(path, &text, NULL, &err));
    g_assert_cmpstr(text, ==, "line\n");
    g_unlink(path);
    g_assert_null(chardev_new("file:/nonexistent/dir/x", "s", &err));
    g_assert_nonnull(strstr(err->message, "/nonexistent/dir/x"));
    g_clear_error(&err);
}

static int unix_client(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    g_assert_cmpint(connect(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    return fd;
}

static void test_unix_server(void)
{
    g_autofree char *path = g_build_filename(dir, "sock", NULL);
    g_autofree char *spec = g_strdup_printf("unix:%s,server=on,wait=off", path);
    GError *err = NULL;
    Chardev *c = chardev_new(spec, "serial0", &err);
    Front f;
    char buf[8];
    int fd;

    g_assert_no_error(err);
    front_init(&f, c);
    run_idle();
    g_assert_cmpstr(f.events->str, ==, "");
    g_assert_cmpuint(chardev_write(c, "lost", 4), ==, 4);   /* nobody there: swallowed */
    g_assert_null(chardev_new(spec, "serial1", &err));      /* in use */
    g_clear_error(&err);
    for (int round = 0; round < 3; round++) {
        fd = unix_client(path);
        g_assert_cmpint(write(fd, "hi", 2), ==, 2);
        RUN_UNTIL(f.got->len == 2);
        chardev_write(c, "yo", 2);
        chardev_flush(c, 1000);
        g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 2);
        g_assert_true(chardev_is_open(c));
        close(fd);
        RUN_UNTIL(!chardev_is_open(c));
        g_string_truncate(f.got, 0);
    }
    g_assert_cmpstr(f.events->str, ==, "OCOCOC");
    chardev_free(c);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    front_clear(&f);
}

static void test_bad_specs(void)
{
    static const char *const bad[] = {
        "bogus", "unix:", "tcp:host", "tcp::99999", "tcp:1.2.3.4:5x", "stdio:x",
        "unix:/tmp/x,server=maybe", "null,x=1", "tcp::1,wait=on",
    };
    static const char *const bad_options[] = {
        "null", "bogus,id=x", "file,id=x", "socket,id=x", "socket,id=x,path=a,host=b,port=1",
        "null,id=x,id=y", "null,id=", "file,id=x,path=/nonexistent/a/b",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *err = NULL;
        g_assert_null(chardev_new(bad[i], "l", &err));
        g_assert_nonnull(err);
        g_assert_null(strchr(err->message, '\n'));
        g_clear_error(&err);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad_options); i++) {
        GError *err = NULL;
        g_assert_null(chardev_new_option(bad_options[i], &err));
        g_assert_nonnull(err);
        g_clear_error(&err);
    }
}

typedef struct Accepted {
    Chardev *c[4];
    unsigned n;
} Accepted;

static void accepted(void *opaque, Chardev *c)
{
    Accepted *a = opaque;

    a->c[a->n++] = c;
}

static void test_listener_tcp(void)
{
    GError *err = NULL;
    Accepted a = { 0 };
    ChardevListener *l = chardev_listen("tcp::0", accepted, &a, &err), *l2;
    g_autofree char *spec = NULL;
    Chardev *client;
    Front f, g;

    g_assert_no_error(err);
    g_assert_true(g_str_has_prefix(chardev_listener_address(l), "127.0.0.1:"));
    spec = g_strdup_printf("tcp:%s", chardev_listener_address(l));
    l2 = chardev_listen(spec, accepted, &a, &err);
    g_assert_null(l2);
    g_assert_nonnull(strstr(err->message, "in use"));
    g_clear_error(&err);
    client = chardev_new(spec, "client", &err);
    g_assert_no_error(err);
    front_init(&g, client);
    RUN_UNTIL(a.n == 1);
    front_init(&f, a.c[0]);
    chardev_write(client, "+$?#3f", 6);
    RUN_UNTIL(f.got->len == 6);
    chardev_write(a.c[0], "+", 1);
    RUN_UNTIL(g.got->len == 1);
    chardev_listener_free(l);   /* connections live on */
    chardev_write(client, "x", 1);
    RUN_UNTIL(f.got->len == 7);
    chardev_free(client);
    RUN_UNTIL(f.events->len == 2);
    chardev_free(a.c[0]);
    front_clear(&f);
    front_clear(&g);
    client = chardev_new(spec, "client", &err);   /* nobody listens any more */
    g_assert_null(client);
    g_clear_error(&err);
}

static void test_listener_unix(void)
{
    g_autofree char *path = g_build_filename(dir, "gdb", NULL);
    g_autofree char *spec = g_strconcat("unix:", path, NULL);
    GError *err = NULL;
    Accepted a = { 0 };
    ChardevListener *l = chardev_listen(spec, accepted, &a, &err);
    int fd[2];

    g_assert_no_error(err);
    fd[0] = unix_client(path);
    fd[1] = unix_client(path);
    RUN_UNTIL(a.n == 2);
    chardev_free(a.c[0]);
    chardev_free(a.c[1]);
    close(fd[0]);
    close(fd[1]);
    chardev_listener_free(l);
    g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
    /* a stale file is replaced, a plain file is not */
    fd[0] = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    g_assert_cmpint(bind(fd[0], (struct sockaddr *)&un, sizeof(un)), ==, 0);
    close(fd[0]);
    l = chardev_listen(spec, accepted, &a, &err);
    g_assert_no_error(err);
    chardev_listener_free(l);
    g_assert_true(g_file_set_contents(path, "data", -1, &err));
    g_assert_null(chardev_listen(spec, accepted, &a, &err));
    g_clear_error(&err);
    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    g_unlink(path);
}

static int quits;

static void note_quit(void *opaque)
{
    quits++;
}

static void test_mux(void)
{
    GError *err = NULL;
    Chardev *a, *b, *mux, *c1, *c2;
    Front term, f1, f2;

    chardev_new_pair(&a, &b);
    mux = chardev_new_mux(a, note_quit, NULL);
    c1 = chardev_mux_channel(mux, "serial0", &err);
    c2 = chardev_mux_channel(mux, "monitor", &err);
    front_init(&term, b);
    front_init(&f1, c1);
    front_init(&f2, c2);
    chardev_write(b, "ab\001\001c", 5);
    RUN_UNTIL(f1.got->len == 4);
    g_assert_cmpstr(f1.got->str, ==, "ab\001c");
    chardev_write(b, "\001cmon\001c\001b\001h\001x", 13);
    RUN_UNTIL(quits == 1);
    g_assert_cmpstr(f2.got->str, ==, "mon");
    g_assert_cmpstr(f1.events->str, ==, "OFB");
    g_assert_cmpstr(f2.events->str, ==, "OF");
    g_assert_true(chardev_has_focus(c1) && !chardev_has_focus(c2));
    RUN_UNTIL(strstr(term.got->str, "ended by C-a x"));
    g_assert_nonnull(strstr(term.got->str, "print this help"));
    g_assert_nonnull(strstr(term.got->str, "now 'monitor'"));
    chardev_write(c1, "out1", 4);
    chardev_write(c2, "out2", 4);
    RUN_UNTIL(strstr(term.got->str, "out1out2"));
    /* a front end without room: what it missed comes later, in order, and keys still work */
    f1.room = 0;
    chardev_write(b, "123\001x", 5);
    RUN_UNTIL(quits == 2);
    f1.room = 2;
    chardev_accept_input(c1);
    RUN_UNTIL(g_str_has_suffix(f1.got->str, "12"));
    f1.room = SIZE_MAX;
    chardev_accept_input(c1);
    RUN_UNTIL(g_str_has_suffix(f1.got->str, "123"));
    chardev_free(b);
    RUN_UNTIL(g_str_has_suffix(f2.events->str, "C"));
    chardev_free(mux);
    front_clear(&term);
    front_clear(&f1);
    front_clear(&f2);
}

static void test_pty(void)
{
    GError *err = NULL;
    Chardev *c = chardev_new("pty", "serial0", &err);
    Front f;
    char buf[8];
    int fd;

    g_assert_no_error(err);
    front_init(&f, c);
    g_assert_cmpuint(chardev_write(c, "lost", 4), ==, 4);
    for (int round = 0; round < 2; round++) {
        fd = open(chardev_address(c), O_RDWR | O_NOCTTY | O_CLOEXEC);
        g_assert_cmpint(fd, >=, 0);
        RUN_UNTIL(chardev_is_open(c));
        chardev_write(c, "a\n", 2);
        chardev_flush(c, 1000);
        g_assert_cmpint(read(fd, buf, sizeof(buf)), ==, 2);   /* raw: no carriage return */
        g_assert_cmpint(buf[1], ==, '\n');
        g_assert_cmpint(write(fd, "\003\r", 2), ==, 2);
        RUN_UNTIL(f.got->len == 2);
        g_assert_cmpint(f.got->str[1], ==, '\r');
        close(fd);
        RUN_UNTIL(!chardev_is_open(c));
        g_string_truncate(f.got, 0);
    }
    chardev_free(c);
    front_clear(&f);
}

int main(int argc, char **argv)
{
    int res;

    g_test_init(&argc, &argv, NULL);
    mainloop_init();
    dir = g_dir_make_tmp("glassbox-chardev-XXXXXX", NULL);
    g_test_add_func("/chardev/pair", test_pair);
    g_test_add_func("/chardev/queue-bound", test_queue_bound);
    g_test_add_func("/chardev/other-thread", test_other_thread);
    g_test_add_func("/chardev/file", test_file);
    g_test_add_func("/chardev/unix-server", test_unix_server);
    g_test_add_func("/chardev/bad-specs", test_bad_specs);
    g_test_add_func("/chardev/listener-tcp", test_listener_tcp);
    g_test_add_func("/chardev/listener-unix", test_listener_unix);
    g_test_add_func("/chardev/mux", test_mux);
    g_test_add_func("/chardev/pty", test_pty);
    res = g_test_run();
    g_rmdir(dir);
    g_free(dir);
    return res;
}
