/* Inside of chardev/: what back ends are made of.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_CHARDEV_CHARDEV_INT_H
#define GLASSBOX_CHARDEV_CHARDEV_INT_H

#include "chardev/chardev.h"
#include "util/keyval.h"
#include "util/mainloop.h"
#include "util/thread.h"

#define CHARDEV_QUEUE_LIMIT (1u << 20)
#define CHARDEV_READ_SIZE 4096

/* What a kind of back end does differently; every pointer may be NULL. */
typedef struct ChardevOps {
    /* Take output elsewhere than to out_fd. Any thread. */
    size_t (*write)(Chardev *c, const void *buf, size_t len);
    /* The front end can take input (again): NULL wakes in_fd's watch. Main-loop thread. */
    void (*input)(Chardev *c);
    /* End of file, or an error, on in_fd or out_fd. NULL: input is over, CLOSED is told. */
    void (*lost)(Chardev *c);
    void (*disconnect)(Chardev *c);
    /* Whose queue its output goes through. NULL: its own. */
    Chardev *(*below)(const Chardev *c);
    /* Free what the kind has besides the descriptors. */
    void (*free)(Chardev *c);
} ChardevOps;

/* A back end's struct begins with this. */
struct Chardev {
    const ChardevOps *ops;
    char *label, *address;

    /* For the main-loop thread only. */
    const ChardevHandlers *handlers;
    void *opaque;
    unsigned busy;             /* calls of the front end under way */
    bool dead;                 /* freed during one of them */
    bool told_open;
    bool input_over;           /* in_fd ended, but output goes on */
    bool interactive;          /* a person types here */
    bool terminal;             /* ... key by key, without echo */
    int in_fd;
    FdWatch *in_watch;

    bool stalled;              /* atomic: the front end had no room when asked last */

    /* Under lock. */
    Mutex lock;
    bool open;
    int out_fd;
    bool out_is_socket;
    bool out_blocks;           /* a write may block: only small ones, after poll */
    FdWatch *out_watch;
    GByteArray *queue;
    size_t head;               /* bytes of the queue that are written already */
    size_t limit;
};

/* A closed chardev of `size` bytes. */
Chardev *chardev_alloc(size_t size, const ChardevOps *ops, const char *label);

/* Give it descriptors, which it then owns; -1 for none. Doesn't open it. */
void chardev_set_fds(Chardev *c, int in_fd, int out_fd);

/* Close the descriptors and forget what was queued. */
void chardev_close_fds(Chardev *c);

/* Say whether somebody is at the other end; tells the front end if that is news. */
void chardev_set_open(Chardev *c, bool open);

/* Hand over input that the back end holds; returns how much was taken. c may be dead afterwards:
 * the caller brackets this with chardev_hold()/chardev_release(). */
size_t chardev_deliver(Chardev *c, const uint8_t *buf, size_t len);

/* Tell an event to the front end, if there is one that listens. */
void chardev_tell(Chardev *c, ChardevEvent event);

/* Keep the memory of c alive over a call of the front end. */
void chardev_hold(Chardev *c);
void chardev_release(Chardev *c);

/* ---- kinds: NULL with an error if they can't be had ---------------------------------------- */

Chardev *chardev_new_null(const char *label);
Chardev *chardev_new_file(const char *path, bool append, const char *label, GError **errp);
Chardev *chardev_new_pty(const char *label, GError **errp);
Chardev *chardev_new_stdio(bool signals, const char *label, GError **errp);

/* ---- sockets ------------------------------------------------------------------------------- */

/* A place in the net or in the file system. */
typedef struct NetAddress {
    bool is_unix;
    char *path;              /* unix */
    char *host, *port;       /* tcp; an empty host is the loopback address */
} NetAddress;

void net_address_clear(NetAddress *a);

/* "HOST:PORT", ":PORT", "[v6]:PORT" (the part behind "tcp:"). */
bool net_address_parse_tcp(NetAddress *a, const char *text, GError **errp);

/* A listening socket, close-on-exec, non-blocking; *name becomes the real address. -1 on error. */
int net_listen(const NetAddress *a, char **name, GError **errp);

/* A connected socket. Waits for the connection. */
int net_connect(const NetAddress *a, char **name, GError **errp);

/* Take a connection: close-on-exec, non-blocking, without delay. -1 if there is none after all. */
int net_accept(int listen_fd);

/* Make a connection's descriptor ready for a chardev: non-blocking, without delay. */
void net_setup(int fd, bool nodelay);

/* Remove the file of a listening unix socket. */
void net_unlink(const NetAddress *a);

/* Takes over *a's strings. */
Chardev *chardev_new_socket(NetAddress *a, bool server, bool wait, bool nodelay, const char *label,
                            GError **errp);

#endif
