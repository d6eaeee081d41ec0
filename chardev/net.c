/* Socket addresses, listening and connecting.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

void net_address_clear(NetAddress *a)
{
    g_free(a->path);
    g_free(a->host);
    g_free(a->port);
    memset(a, 0, sizeof(*a));
}

bool net_address_parse_tcp(NetAddress *a, const char *text, GError **errp)
{
    const char *colon = strrchr(text, ':');
    uint64_t port;
    size_t n;

    memset(a, 0, sizeof(*a));
    if (!colon || !colon[1]) {
        return error_set(errp, INVALID, "'%s' has no port: HOST:PORT or :PORT is needed", text);
    }
    if (!parse_uint(colon + 1, 65535, &port, errp)) {
        g_prefix_error(errp, "port: ");
        return false;
    }
    n = colon - text;
    if (n >= 2 && text[0] == '[' && text[n - 1] == ']') {
        text++;
        n -= 2;
    }
    a->host = g_strndup(text, n);
    a->port = g_strdup_printf("%u", (unsigned)port);
    return true;
}

static bool unix_fill(const NetAddress *a, struct sockaddr_un *un, GError **errp)
{
    memset(un, 0, sizeof(*un));
    un->sun_family = AF_UNIX;
    if (!*a->path || strlen(a->path) >= sizeof(un->sun_path)) {
        return error_set(errp, INVALID, "a socket's path has 1 to %zu characters, '%s' has %zu",
                         sizeof(un->sun_path) - 1, a->path, strlen(a->path));
    }
    strcpy(un->sun_path, a->path);
    return true;
}

/*
 * Makes way for a new socket file: removes one that nobody has open any more. The test is made with
 * a socket of another type: it is refused in one way if the socket lives and in another if it does
 * not, and its owner notices nothing.
 */
static bool unix_clear_path(const struct sockaddr_un *un, GError **errp)
{
    struct stat st;
    int fd, res;

    if (lstat(un->sun_path, &st) < 0) {
        return true;
    }
    if (!S_ISSOCK(st.st_mode)) {
        return error_set(errp, FAILED, "'%s' exists and is not a socket", un->sun_path);
    }
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    res = connect(fd, (const struct sockaddr *)un, sizeof(*un));
    if (res == 0 || errno != ECONNREFUSED) {
        close(fd);
        return error_set(errp, BUSY, "socket '%s' is in use already", un->sun_path);
    }
    close(fd);
    unlink(un->sun_path);
    return true;
}

static int unix_listen(const NetAddress *a, char **name, GError **errp)
{
    struct sockaddr_un un;
    int fd;

    if (!unix_fill(a, &un, errp) || !unix_clear_path(&un, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        /* Whoever can connect can do everything to the machine: its owner only. Linux gives the
         * file the socket's own mode, so that there is no moment in which others could come. */
        fchmod(fd, 0600);
    }
    if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
        error_set(errp, FAILED, "cannot make the socket '%s': %s", a->path, g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    if (listen(fd, 4) < 0) {
        error_set(errp, FAILED, "cannot listen on '%s': %s", a->path, g_strerror(errno));
        unlink(a->path);
        close(fd);
        return -1;
    }
    *name = g_strdup(a->path);
    return fd;
}

void net_unlink(const NetAddress *a)
{
    struct stat st;

    if (a->is_unix && lstat(a->path, &st) == 0 && S_ISSOCK(st.st_mode)) {
        unlink(a->path);
    }
}

static char *tcp_name(int fd)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);
    char host[NI_MAXHOST], port[NI_MAXSERV];

    if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
        getnameinfo((struct sockaddr *)&ss, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        return g_strdup("tcp");
    }
    return g_strdup_printf(strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

static struct addrinfo *tcp_resolve(const NetAddress *a, bool passive, GError **errp)
{
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0),
    };
    struct addrinfo *list = NULL;
    const char *host = *a->host ? a->host : "127.0.0.1";
    int res = getaddrinfo(g_str_equal(host, "*") ? NULL : host, a->port, &hints, &list);

    if (res) {
        error_set(errp, FAILED, "there is no host '%s': %s", host, gai_strerror(res));
        return NULL;
    }
    return list;
}

static int tcp_listen_one(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, err;

    if (fd < 0) {
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 4) == 0) {
        return fd;
    }
    err = errno;
    close(fd);
    errno = err;
    return -1;
}

static int tcp_connect_one(const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

    if (fd >= 0 && connect(fd, ai->ai_addr, ai->ai_addrlen) == 0) {
        return fd;
    }
    err = errno;
    if (fd >= 0) {
        close(fd);
    }
    errno = err;
    return -1;
}

/* Tries each address of the name in turn. */
static int tcp_open(const NetAddress *a, bool server, char **name, GError **errp)
{
    struct addrinfo *list = tcp_resolve(a, server, errp);
    int fd = -1, err = 0;

    if (!list) {
        return -1;
    }
    for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
        fd = server ? tcp_listen_one(ai) : tcp_connect_one(ai);
        err = errno;
    }
    freeaddrinfo(list);
    if (fd >= 0) {
        *name = tcp_name(fd);
    } else if (server && err == EADDRINUSE) {
        error_set(errp, BUSY, "port %s is in use already", a->port);
    } else {
        error_set(errp, FAILED, "cannot %s %s:%s: %s", server ? "listen on" : "connect to",
                  *a->host ? a->host : "127.0.0.1", a->port, g_strerror(err));
    }
    return fd;
}

int net_listen(const NetAddress *a, char **name, GError **errp)
{
    return a->is_unix ? unix_listen(a, name, errp) : tcp_open(a, true, name, errp);
}

static int unix_connect(const NetAddress *a, char **name, GError **errp)
{
    struct sockaddr_un un;
    int fd;

    if (!unix_fill(a, &un, errp)) {
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0) {
        error_set(errp, FAILED, "cannot connect to '%s': %s", a->path, g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    *name = g_strdup(a->path);
    return fd;
}

int net_connect(const NetAddress *a, char **name, GError **errp)
{
    return a->is_unix ? unix_connect(a, name, errp) : tcp_open(a, false, name, errp);
}

void net_setup(int fd, bool nodelay)
{
    int on = nodelay;

    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));   /* fails for unix: no matter */
}

int net_accept(int listen_fd)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd >= 0) {
        net_setup(fd, true);
    }
    return fd;
}
