/* Byte streams: serial lines, monitor, gdb connections.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_CHARDEV_CHARDEV_H
#define GLASSBOX_CHARDEV_CHARDEV_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A Chardev has a back end (terminal, file, socket, ...) and at most one front end (a UART, a gdb
 * session). Input is delivered on the main-loop thread by the handlers, *without* the VM lock: a
 * device's front end takes it itself (hw/char/frontend.h does so once for all). Output may be
 * written from any thread: it goes into a bounded queue that the main loop empties, so that
 * nobody ever waits for a slow terminal.
 */
typedef struct Chardev Chardev;

typedef enum ChardevEvent {
    CHARDEV_EVENT_OPENED,   /* somebody is at the other end */
    CHARDEV_EVENT_CLOSED,   /* nobody is any more; input is over until OPENED */
    CHARDEV_EVENT_BREAK,    /* serial break */
    CHARDEV_EVENT_FOCUS,    /* a mux gives this channel the keyboard */
} ChardevEvent;

typedef struct ChardevHandlers {
    /* How many bytes the front end can take now; NULL: any number. */
    size_t (*can_receive)(void *opaque);
    /* At most as many bytes as can_receive said; may free the chardev. */
    void (*receive)(void *opaque, const uint8_t *buf, size_t len);
    /* May be NULL; may free the chardev. */
    void (*event)(void *opaque, ChardevEvent event);
    /* The peer at a socket sends nothing more, but may still read answers. True: the front end will
     * call chardev_disconnect when it has given them all. Else, or where this is NULL, what is
     * queued is sent and the connection hung up. */
    bool (*input_over)(void *opaque);
} ChardevHandlers;

/*
 * Make a chardev from QEMU's short spelling: "stdio", "file:PATH", "null", "pty",
 * "unix:PATH[,...]", "tcp:HOST:PORT[,...]" (with server=on, wait=off), and "mon:SPEC", which puts
 * a mux with its Ctrl-A keys on it. label is for messages. Sockets with server=on and wait=on
 * (the default for servers) return at once, too: chardev_wait_connected() waits. NULL with an
 * error, nothing left.
 */
Chardev *chardev_new(const char *spec, const char *label, GError **errp);

/* Make one from the -chardev spelling: "socket,id=x,path=...,server=on", "stdio,id=x,mux=on". The
 * id is its label. */
Chardev *chardev_new_option(const char *text, GError **errp);

/* A chardev on descriptors that are open already (which it then owns; may be the same one). */
Chardev *chardev_new_fd(int in_fd, int out_fd, const char *label);

/* Two chardevs that talk to each other, for tests: what one writes the other receives. */
void chardev_new_pair(Chardev **a, Chardev **b);

/* Flush for a moment, close, unlink, restore the terminal, free. Main-loop thread. NULL is fine. */
void chardev_free(Chardev *c);

/* Its id or what it was made from. */
const char *chardev_label(const Chardev *c);

/* Where it can be reached, for the user ("/dev/pts/3", "127.0.0.1:4444"); NULL if that is plain. */
const char *chardev_address(const Chardev *c);

/*
 * Attach a front end. If the other end is there already, OPENED is told from the main loop soon
 * after. False (with an error) if there is a front end already. Not for a mux: attach to a channel.
 * Main-loop thread, or before the machine runs.
 */
bool chardev_attach(Chardev *c, const ChardevHandlers *h, void *opaque, GError **errp);
void chardev_detach(Chardev *c);

/*
 * Queue bytes for output; returns how many fitted. With nobody at the other end all are swallowed,
 * as a serial line does. Any thread, never waits.
 */
size_t chardev_write(Chardev *c, const void *buf, size_t len);

/* How many bytes may wait in the output queue (1 MiB if never set). Before use. */
void chardev_set_queue_limit(Chardev *c, size_t bytes);

/* Bytes waiting now. Any thread. */
size_t chardev_queued(Chardev *c);

/* Write out what waits, giving up after `ms` milliseconds of no progress, or ten times as long in all.
 * Main-loop thread. */
void chardev_flush(Chardev *c, unsigned ms);

/* can_receive may have grown: deliver what waits, soon. Any thread. */
void chardev_accept_input(Chardev *c);

/* Is somebody at the other end? Any thread. */
bool chardev_is_open(Chardev *c);

/* Hang up on the peer (a server listens again). Main-loop thread. */
void chardev_disconnect(Chardev *c);

/* The same without a moment for what is queued: for a peer that does not read. */
void chardev_drop(Chardev *c);

/* True if this is a server that is to wait for its peer, who has not come yet. */
bool chardev_must_wait(Chardev *c);

/* If so, run the main loop until someone has connected. False if the program is to end. */
bool chardev_wait_connected(Chardev *c, GError **errp);

/* Put the terminal back as it was before a stdio chardev came. Safe in a signal handler. */
void terminal_restore(void);

/* ---- mux ---------------------------------------------------------------------------------- */

/*
 * A mux is a chardev that several front ends share: each attaches to a channel of its own, input
 * goes to the one that has the focus. Ctrl-A h prints help, x ends the program, c moves the
 * focus, b sends a break, Ctrl-A twice sends Ctrl-A.
 */

/* Put a mux on a chardev, which it then owns. quit is called by Ctrl-A x. */
Chardev *chardev_new_mux(Chardev *below, void (*quit)(void *opaque), void *opaque);

/* True if this is a mux, whose front ends attach to channels. */
bool chardev_is_mux(const Chardev *c);

/* A channel of the mux, a Chardev to attach to; owned by the mux. NULL with an error if all are
 * used. */
Chardev *chardev_mux_channel(Chardev *mux, const char *label, GError **errp);

/* Does what is typed arrive here? A channel of a mux: if it has the focus; others: always. */
bool chardev_has_focus(const Chardev *c);

/* Is there a terminal at the other end, where keys come one by one and nobody else edits lines or
 * echoes? stdio on a terminal, a pty, and what is muxed on them. */
bool chardev_is_terminal(const Chardev *c);

/* What Ctrl-A x does for muxes made by "mon:" or mux=on. NULL: ends the main loop with status 0. */
void chardev_mux_set_quit(Chardev *mux, void (*quit)(void *opaque), void *opaque);

/* ---- listeners ---------------------------------------------------------------------------- */

/* Listens, and makes a Chardev of each connection. */
typedef struct ChardevListener ChardevListener;

/* A connection; the receiver owns the chardev and attaches to it. Main-loop thread. */
typedef void ChardevAccepted(void *opaque, Chardev *c);

/*
 * Listen at "tcp:HOST:PORT", "tcp::PORT" (loopback; port 0: any free one), "unix:PATH" (a stale
 * socket file is replaced, one in use is not) or "stdio" (one connection, told at once from the
 * main loop). Trailing ",server=on", ",wait=off", ",nodelay=on" are accepted. NULL with one clear
 * sentence.
 */
ChardevListener *chardev_listen(const char *spec, ChardevAccepted *accepted, void *opaque,
                                GError **errp);

/* "127.0.0.1:1234", with the real port; the socket's path; "stdio". */
const char *chardev_listener_address(const ChardevListener *l);

/* Stop listening; unlinks a socket's file. Connections live on. NULL is fine. */
void chardev_listener_free(ChardevListener *l);

#endif
