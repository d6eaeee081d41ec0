/* Start and end of an emulator, and the streams to it.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine_int.h"

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

#include "giveup.h"

#define LIMIT_US (300 * G_USEC_PER_SEC)

static const char *emulator_path, *guest_path;

void machine_program(const char *emulator, const char *guest)
{
    emulator_path = emulator;
    guest_path = guest;
}

static char *path_in(const Machine *m, const char *name)
{
    return g_build_filename(m->dir, name, NULL);
}

char *machine_errors(const Machine *m)
{
    g_autofree char *path = path_in(m, "stderr");
    char *said = NULL;

    g_file_get_contents(path, &said, NULL, NULL);
    return said ? said : g_strdup("");
}

/* Has it ended? If nobody asked for that, or in a test that fails, what it said is told. */
static bool has_ended(Machine *m)
{
    int status;

    if (!m->ended && waitpid(m->pid, &status, WNOHANG) == m->pid) {
        m->ended = true;
        if (m->end_asked && !status && !m->tell) {
            return true;
        }
        g_autofree char *said = machine_errors(m);

        g_test_message("the emulator has ended with status 0x%x: %s", status, said);
    }
    return m->ended;
}

/* ---- streams ---------------------------------------------------------------------------- */

static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpuint(strlen(path), <, sizeof(a.sun_path));
    g_strlcpy(a.sun_path, path, sizeof(a.sun_path));
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 1) != 0) {
        g_error("%s: %s", path, g_strerror(errno));
    }
    return fd;
}

/* Until there is something to read, the emulator has ended, or time is up. */
static bool readable(Machine *m, int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int64_t end = g_get_monotonic_time() + LIMIT_US;

    while (poll(&p, 1, 200) <= 0) {
        if (has_ended(m) || g_get_monotonic_time() > end) {
            return false;
        }
    }
    return true;
}

/* The next piece of the guest's output; false when there will be none. */
static bool hear(Machine *m)
{
    char buf[1024];
    ssize_t n;

    if (!readable(m, m->serial)) {
        return false;
    }
    n = recv(m->serial, buf, sizeof(buf), 0);
    if (n > 0) {
        g_string_append_len(m->said, buf, n);
    }
    return n > 0;
}

char *machine_line(Machine *m, const char *prefix)
{
    for (;;) {
        char *nl = memchr(m->said->str, '\n', m->said->len);

        if (!nl) {
            if (!hear(m)) {
                test_give_up("the guest does not say '%s'", prefix);
            }
            continue;
        }
        g_autofree char *line = g_strndup(m->said->str, (gsize)(nl - m->said->str));

        g_string_erase(m->said, 0, nl - m->said->str + 1);
        g_strchomp(line);
        if (g_str_has_prefix(line, prefix)) {
            return g_strdup(line + strlen(prefix));
        }
    }
}

/* ---- start ------------------------------------------------------------------------------ */

/* In the child: it ends when the test does, however that comes. */
static void child_setup(gpointer stderr_fd)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(GPOINTER_TO_INT(stderr_fd), 2);
}

static void spawn(Machine *m, const char *accel, const char *serial, bool held)
{
    g_autofree char *err_path = path_in(m, "stderr"), *gdb = path_in(m, "gdb"), *line = NULL;
    g_auto(GStrv) argv = NULL;
    FILE *err_file = fopen(err_path, "we");
    GError *err = NULL;

    g_assert_nonnull(err_file);
    line = g_strdup_printf("%s -accel %s -m 32M -smp %u -display none -serial unix:%s "
                           "-gdb unix:%s,server=on,wait=off %s -kernel %s "
                           "-append 'mode=puppet cpus=%u'", emulator_path, accel, m->cpus, serial,
                           gdb, held ? "-S" : "", guest_path, m->started);
    g_shell_parse_argv(line, NULL, &argv, &err);
    g_assert_no_error(err);
    if (!g_spawn_async(NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL,
                       child_setup, GINT_TO_POINTER(fileno(err_file)), &m->pid, &err)) {
        g_error("%s", err->message);
    }
    fclose(err_file);
}

static void until_listening(Machine *m)
{
    g_autofree char *gdb = path_in(m, "gdb");
    int64_t end = g_get_monotonic_time() + LIMIT_US;

    while (!g_file_test(gdb, G_FILE_TEST_EXISTS) && !has_ended(m) &&
           g_get_monotonic_time() < end) {
        g_usleep(2000);
    }
}

Machine *machine_start(const char *accel, unsigned cpus, unsigned started, bool held)
{
    Machine *m = g_new0(Machine, 1);
    g_autofree char *path = NULL;
    GError *err = NULL;

    m->cpus = cpus;
    m->started = started;
    m->held = held;
    m->serial = -1;
    m->said = g_string_new(NULL);
    m->points = g_array_new(FALSE, FALSE, sizeof(Point));
    m->dir = g_dir_make_tmp("glassbox-kvm-XXXXXX", &err);
    g_assert_no_error(err);
    path = path_in(m, "serial");
    m->listener = listen_at(path);
    spawn(m, accel, path, held);
    return m;
}

void machine_await(Machine *m)
{
    if (!readable(m, m->listener)) {
        test_give_up("the emulator does not start");
    }
    m->serial = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
    if (m->held) {
        until_listening(m);
    } else {
        g_free(machine_line(m, "puppet: ready"));
    }
}

/* ---- end -------------------------------------------------------------------------------- */

static void folder_remove(Machine *m)
{
    GDir *d = g_dir_open(m->dir, 0, NULL);
    const char *name;

    while (d && (name = g_dir_read_name(d))) {
        g_autofree char *path = path_in(m, name);

        g_unlink(path);
    }
    g_clear_pointer(&d, g_dir_close);
    g_rmdir(m->dir);
}

/* By SIGTERM, as a user would; by SIGKILL if that does not help, which is an error. */
static void process_end(Machine *m)
{
    int64_t end = g_get_monotonic_time() + LIMIT_US;

    if (has_ended(m)) {
        return;
    }
    m->end_asked = true;
    kill(m->pid, SIGTERM);
    while (!has_ended(m)) {
        if (g_get_monotonic_time() > end) {
            test_fail("the emulator does not end by SIGTERM");
            kill(m->pid, SIGKILL);
            waitpid(m->pid, NULL, 0);
            m->ended = true;
        }
        g_usleep(2000);
    }
}

void machine_end(Machine *m)
{
    if (m->rsp) {
        rsp_close(m->rsp);
    }
    process_end(m);
    g_spawn_close_pid(m->pid);
    if (m->serial >= 0) {
        close(m->serial);
    }
    close(m->listener);
    folder_remove(m);
    g_array_free(m->points, TRUE);
    g_string_free(m->said, TRUE);
    g_free(m->dir);
    g_free(m);
}

/* ---- the debugger ----------------------------------------------------------------------- */

void machine_connect(Machine *m)
{
    g_autofree char *path = path_in(m, "gdb");

    g_assert_null(m->rsp);
    m->rsp = rsp_connect(path);
    g_assert_true(rsp_point(m->rsp, 1, sym("pup_done"), 1));
}

void machine_disconnect(Machine *m)
{
    g_clear_pointer(&m->rsp, rsp_close);
    g_array_set_size(m->points, 0);
}

void machine_detach(Machine *m)
{
    g_assert_true(rsp_ask_ok(m->rsp, "D"));
    machine_disconnect(m);
}

Rsp *machine_rsp(Machine *m)
{
    return m->rsp;
}
