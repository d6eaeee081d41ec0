/* Tests of devices: starts the emulator with -qtest and speaks the protocol.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "libqtest.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_MS 60000
#define LINES_MAX 64

struct QTest {
    GPid pid;
    char *dir;
    int fd;
    GString *in;            /* bytes that are not yet lines, from `at` on */
    gsize at;
    GString *line;          /* the last one */
    bool level[LINES_MAX];
    unsigned rises[LINES_MAX];
};

static struct {
    int argc;
    char **argv;
} arguments;

void qtest_init(int *argc, char ***argv)
{
    g_test_init(argc, argv, NULL);
    arguments.argc = *argc;
    arguments.argv = *argv;
    if (*argc < 2) {
        g_error("usage: %s EMULATOR", (*argv)[0]);
    }
    signal(SIGPIPE, SIG_IGN);
}

const char *qtest_argument(unsigned n)
{
    g_assert_cmpint((int)n + 1, <, arguments.argc);
    return arguments.argv[n + 1];
}

char *qtest_path(QTest *q, const char *name)
{
    return g_build_filename(q->dir, name, NULL);
}

/* ---- failing ---------------------------------------------------------------------------- */

static void folder_remove(QTest *q)
{
    GDir *d = g_dir_open(q->dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = qtest_path(q, name);
        g_unlink(path);
    }
    g_clear_pointer(&d, g_dir_close);
    g_rmdir(q->dir);
}

G_GNUC_NORETURN static void fail(QTest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void fail(QTest *q, const char *fmt, ...)
{
    g_autofree char *path = qtest_path(q, "stderr");
    g_autofree char *said = NULL, *text = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    kill(q->pid, SIGKILL);
    g_file_get_contents(path, &said, NULL, NULL);
    folder_remove(q);
    g_error("%s; the emulator's standard error: %s", text, said && *said ? said : "(nothing)");
}

/* ---- life ------------------------------------------------------------------------------- */

static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpuint(strlen(path), <, sizeof(a.sun_path));
    strcpy(a.sun_path, path);
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0) {
        g_error("%s: %s", path, g_strerror(errno));
    }
    return fd;
}

/* The emulator's connection; closes the listener. */
static int accept_from(QTest *q, int listener)
{
    struct pollfd p = { .fd = listener, .events = POLLIN };
    int64_t end = g_get_monotonic_time() + LIMIT_MS * 1000;

    while (poll(&p, 1, 100) <= 0) {
        if (waitpid(q->pid, NULL, WNOHANG) == q->pid) {
            fail(q, "the emulator has ended at once");
        }
        if (g_get_monotonic_time() > end) {
            fail(q, "the emulator does not connect");
        }
    }
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    close(listener);
    return fd;
}

/* In the child: it ends when the test does, however that comes. */
static void child_setup(gpointer stderr_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(GPOINTER_TO_INT(stderr_fd), 2);
}

/* {NAME} becomes a path in the folder. */
static char *expand(QTest *q, const char *args)
{
    GString *out = g_string_new(NULL);

    while (*args) {
        const char *end = *args == '{' ? strchr(args, '}') : NULL;

        if (end) {
            g_autofree char *name = g_strndup(args + 1, (gsize)(end - args - 1));
            g_autofree char *path = qtest_path(q, name);

            g_string_append(out, path);
            args = end + 1;
        } else {
            g_string_append_c(out, *args++);
        }
    }
    return g_string_free(out, FALSE);
}

static void spawn(QTest *q, const char *args)
{
    g_autofree char *err_path = qtest_path(q, "stderr");
    g_autofree char *expanded = expand(q, args);
    g_autofree char *line = g_strdup_printf("%s %s", qtest_argument(0), expanded);
    g_auto(GStrv) argv = NULL;
    FILE *err_file = fopen(err_path, "we");
    GError *err = NULL;

    g_assert_nonnull(err_file);
    g_shell_parse_argv(line, NULL, &argv, &err);
    g_assert_no_error(err);
    g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                  child_setup, GINT_TO_POINTER(fileno(err_file)), &q->pid, &err);
    g_assert_no_error(err);
    fclose(err_file);
}

static QTest *test_new(void)
{
    QTest *q = g_new0(QTest, 1);
    GError *err = NULL;

    q->dir = g_dir_make_tmp("glassbox-qtest-XXXXXX", &err);
    g_assert_no_error(err);
    q->in = g_string_new(NULL);
    q->line = g_string_new(NULL);
    q->fd = -1;
    return q;
}

QTest *qtest_start_stream(const char *args, const char *name, int *fd)
{
    QTest *q = test_new();
    g_autofree char *all = g_strconcat("-qtest unix:{qtest} -qtest-log none ", args, NULL);
    g_autofree char *path = NULL, *stream_path = NULL;
    int listener, stream = -1;

    path = qtest_path(q, "qtest");
    listener = listen_at(path);
    if (name) {
        stream_path = qtest_path(q, name);
        stream = listen_at(stream_path);
    }
    spawn(q, all);
    if (name) {
        *fd = accept_from(q, stream);
    }
    q->fd = accept_from(q, listener);
    return q;
}

QTest *qtest_start(const char *args)
{
    return qtest_start_stream(args, NULL, NULL);
}

QTest *qtest_start_listening(const char *args, const char *name)
{
    QTest *q = test_new();
    g_autofree char *path = qtest_path(q, name);
    int64_t limit = g_get_monotonic_time() + LIMIT_MS * 1000;

    spawn(q, args);
    while (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        if (waitpid(q->pid, NULL, WNOHANG) == q->pid || g_get_monotonic_time() > limit) {
            fail(q, "the emulator does not listen");
        }
        g_usleep(2000);
    }
    return q;
}

QTest *qtest_start_bare(const char *more)
{
    g_autofree char *args = g_strdup_printf("-accel qtest -display none -nodefaults %s",
                                            more ? more : "");

    return qtest_start(args);
}

void qtest_wait_end(QTest *q)
{
    int64_t limit = g_get_monotonic_time() + LIMIT_MS * 1000;
    siginfo_t info = { 0 };

    while (waitid(P_PID, (id_t)q->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && !info.si_pid) {
        if (g_get_monotonic_time() > limit) {
            fail(q, "the emulator does not end");
        }
        g_usleep(2000);
    }
}

static int end(QTest *q)
{
    int status;

    qtest_wait_end(q);
    g_assert_cmpint(waitpid(q->pid, &status, 0), ==, q->pid);
    if (!WIFEXITED(status)) {
        fail(q, "the emulator was ended by signal %d", WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

void qtest_free(QTest *q)
{
    folder_remove(q);
    if (q->fd >= 0) {
        close(q->fd);
    }
    g_string_free(q->in, TRUE);
    g_string_free(q->line, TRUE);
    g_free(q->dir);
    g_free(q);
}

int qtest_wait_exit(QTest *q)
{
    int status = end(q);

    qtest_free(q);
    return status;
}

void qtest_stop(QTest *q)
{
    kill(q->pid, SIGTERM);
    g_assert_cmpint(end(q), ==, 0);
}

void qtest_quit(QTest *q)
{
    qtest_stop(q);
    qtest_free(q);
}

/* ---- lines ------------------------------------------------------------------------------ */

void qtest_send_raw(QTest *q, const void *bytes, size_t len)
{
    const char *p = bytes;

    while (len) {
        ssize_t n = send(q->fd, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR) {
            fail(q, "sending: %s", g_strerror(errno));
        }
        p += MAX(n, 0);
        len -= (size_t)MAX(n, 0);
    }
}

static void fill(QTest *q)
{
    struct pollfd p = { .fd = q->fd, .events = POLLIN };
    char buf[65536];
    ssize_t n;

    if (poll(&p, 1, LIMIT_MS) == 0) {
        fail(q, "no answer");
    }
    g_string_erase(q->in, 0, (gssize)q->at);
    q->at = 0;
    n = recv(q->fd, buf, sizeof(buf), 0);
    if (n <= 0) {
        fail(q, "the emulator has closed the connection");
    }
    g_string_append_len(q->in, buf, n);
}

const char *qtest_line(QTest *q)
{
    const char *from, *nl;
    gsize seen = 0;

    while (!(nl = memchr(q->in->str + q->at + seen, '\n', q->in->len - q->at - seen))) {
        seen = q->in->len - q->at;
        fill(q);
    }
    from = q->in->str + q->at;
    g_string_truncate(q->line, 0);
    g_string_append_len(q->line, from, nl - from);
    q->at += (gsize)(nl - from) + 1;
    return q->line->str;
}

static bool take_irq(QTest *q, const char *line)
{
    bool raise = g_str_has_prefix(line, "IRQ raise ");
    guint64 n;

    if (!raise && !g_str_has_prefix(line, "IRQ lower ")) {
        return false;
    }
    n = g_ascii_strtoull(line + strlen("IRQ raise "), NULL, 10);
    g_assert_cmpuint(n, <, LINES_MAX);
    g_assert_true(q->level[n] != raise);        /* only changes are told */
    q->level[n] = raise;
    q->rises[n] += raise;
    return true;
}

/* The answer of a command; IRQ lines on the way are taken note of. */
static const char *ask(QTest *q, const char *fmt, va_list ap)
{
    g_autofree char *line = g_strdup_vprintf(fmt, ap);
    g_autofree char *text = g_strconcat(line, "\n", NULL);
    const char *answer;

    qtest_send_raw(q, text, strlen(text));
    while (take_irq(q, answer = qtest_line(q))) {
    }
    return answer;
}

static const char *behind(QTest *q, const char *answer, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(answer, word, n) != 0 || (answer[n] && answer[n] != ' ')) {
        fail(q, "the answer is '%.300s', not %s", answer, word);
    }
    return answer + n + (answer[n] == ' ');
}

const char *qtest_ok(QTest *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    const char *answer = ask(q, fmt, ap);
    va_end(ap);
    return behind(q, answer, "OK");
}

const char *qtest_fail(QTest *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    const char *answer = ask(q, fmt, ap);
    va_end(ap);
    return behind(q, answer, "FAIL");
}

/* ---- the commands ----------------------------------------------------------------------- */

static uint64_t number(QTest *q, const char *text)
{
    char *end_of;
    uint64_t v = g_ascii_strtoull(text, &end_of, 0);

    if (!*text || *end_of) {
        fail(q, "'%s' is no number", text);
    }
    return v;
}

uint8_t qtest_inb(QTest *q, uint16_t port)
{
    return (uint8_t)number(q, qtest_ok(q, "inb 0x%x", port));
}

uint16_t qtest_inw(QTest *q, uint16_t port)
{
    return (uint16_t)number(q, qtest_ok(q, "inw 0x%x", port));
}

uint32_t qtest_inl(QTest *q, uint16_t port)
{
    return (uint32_t)number(q, qtest_ok(q, "inl 0x%x", port));
}

void qtest_outb(QTest *q, uint16_t port, uint8_t v)
{
    qtest_ok(q, "outb 0x%x 0x%x", port, v);
}

void qtest_outw(QTest *q, uint16_t port, uint16_t v)
{
    qtest_ok(q, "outw 0x%x 0x%x", port, v);
}

void qtest_outl(QTest *q, uint16_t port, uint32_t v)
{
    qtest_ok(q, "outl 0x%x 0x%x", port, v);
}

uint32_t qtest_readl(QTest *q, uint64_t addr)
{
    return (uint32_t)number(q, qtest_ok(q, "readl 0x%" G_GINT64_MODIFIER "x", addr));
}

uint64_t qtest_readq(QTest *q, uint64_t addr)
{
    return number(q, qtest_ok(q, "readq 0x%" G_GINT64_MODIFIER "x", addr));
}

void qtest_writel(QTest *q, uint64_t addr, uint32_t v)
{
    qtest_ok(q, "writel 0x%" G_GINT64_MODIFIER "x 0x%x", addr, v);
}

void qtest_writeq(QTest *q, uint64_t addr, uint64_t v)
{
    qtest_ok(q, "writeq 0x%" G_GINT64_MODIFIER "x 0x%" G_GINT64_MODIFIER "x", addr, v);
}

int64_t qtest_clock_step(QTest *q, int64_t ns)
{
    return (int64_t)number(q, qtest_ok(q, "clock_step %" G_GINT64_FORMAT, ns));
}

int64_t qtest_clock_next(QTest *q)
{
    return (int64_t)number(q, qtest_ok(q, "clock_step"));
}

int64_t qtest_clock(QTest *q)
{
    return qtest_clock_step(q, 0);
}

void qtest_intercept_in(QTest *q, const char *device)
{
    qtest_ok(q, "irq_intercept_in %s", device);
}

void qtest_intercept_out(QTest *q, const char *device)
{
    qtest_ok(q, "irq_intercept_out %s", device);
}

bool qtest_irq(QTest *q, unsigned n)
{
    g_assert_cmpuint(n, <, LINES_MAX);
    return q->level[n];
}

unsigned qtest_irq_rises(QTest *q, unsigned n)
{
    g_assert_cmpuint(n, <, LINES_MAX);
    return q->rises[n];
}

void qtest_set_irq_in(QTest *q, const char *device, const char *name, unsigned n, bool level)
{
    qtest_ok(q, "set_irq_in %s %s %u %d", device, name, n, level);
}

void qtest_wait_port(QTest *q, uint16_t port, uint8_t mask, uint8_t want)
{
    int64_t limit = g_get_monotonic_time() + LIMIT_MS * 1000;

    while ((qtest_inb(q, port) & mask) != want) {
        if (g_get_monotonic_time() > limit) {
            fail(q, "port 0x%x does not become 0x%02x (of 0x%02x)", port, want, mask);
        }
        g_usleep(1000);
    }
}
