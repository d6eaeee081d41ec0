/* A mux: several front ends on one byte stream, with keys behind Ctrl-A.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "chardev/chardev_int.h"
#include "util/error.h"

#define MUX_CHANNELS 8
#define MUX_ESCAPE 1           /* Ctrl-A */
#define MUX_BUFFER 4096        /* input kept for a front end that has no room */

typedef struct Mux Mux;

typedef struct MuxChannel {
    Chardev base;
    Mux *mux;
    GByteArray *waiting;
} MuxChannel;

struct Mux {
    Chardev base;
    Chardev *below;
    MuxChannel *channel[MUX_CHANNELS];
    unsigned n, focus;
    bool escape;               /* the last key was Ctrl-A */
    void (*quit)(void *opaque);
    void *quit_opaque;
};

/* ---- channels --------------------------------------------------------------------------- */

static size_t channel_write(Chardev *c, const void *buf, size_t len)
{
    return chardev_write(((MuxChannel *)c)->mux->below, buf, len);
}

/* The front end has room: what waits here first, then what the mux's own back end holds. */
static void channel_input(Chardev *c)
{
    MuxChannel *ch = (MuxChannel *)c;
    size_t n;

    chardev_hold(c);
    n = chardev_deliver(c, ch->waiting->data, ch->waiting->len);
    if (!c->dead) {
        if (n) {
            g_byte_array_remove_range(ch->waiting, 0, n);
        }
        chardev_accept_input(ch->mux->below);
    }
    chardev_release(c);
}

static void channel_free(Chardev *c)
{
    MuxChannel *ch = (MuxChannel *)c;

    g_byte_array_free(ch->waiting, TRUE);
}

static Chardev *channel_below(const Chardev *c)
{
    return ((const MuxChannel *)c)->mux->below;
}

static const ChardevOps channel_ops = {
    .below = channel_below, .write = channel_write, .input = channel_input, .free = channel_free,
};

/* One byte of input for a channel; lost if the front end is stuck and the buffer is full. */
static void channel_put(MuxChannel *ch, uint8_t byte)
{
    if (ch->waiting->len == 0 && chardev_deliver(&ch->base, &byte, 1)) {
        return;
    }
    if (!ch->base.dead && ch->waiting->len < MUX_BUFFER) {
        g_byte_array_append(ch->waiting, &byte, 1);
    }
}

/* ---- keys ------------------------------------------------------------------------------- */

static void mux_say(Mux *m, const char *text)
{
    chardev_write(m->below, text, strlen(text));
}

static void mux_key_help(Mux *m)
{
    mux_say(m, "\r\n"
               "C-a h    print this help\r\n"
               "C-a x    exit glassbox\r\n"
               "C-a b    send break\r\n"
               "C-a c    switch between the streams on this terminal\r\n"
               "C-a C-a  send C-a\r\n");
}

static void mux_key_quit(Mux *m)
{
    mux_say(m, "\r\nglassbox: ended by C-a x\r\n");
    if (m->quit) {
        m->quit(m->quit_opaque);
    } else {
        mainloop_quit(0);
    }
}

static void mux_key_break(Mux *m)
{
    if (m->n) {
        chardev_tell(&m->channel[m->focus]->base, CHARDEV_EVENT_BREAK);
    }
}

static void mux_key_switch(Mux *m)
{
    g_autofree char *text = NULL;

    if (m->n < 2) {
        mux_say(m, "\r\nglassbox: there is only one stream on this terminal\r\n");
        return;
    }
    m->focus = (m->focus + 1) % m->n;
    text = g_strdup_printf("\r\nglassbox: now '%s'\r\n", m->channel[m->focus]->base.label);
    mux_say(m, text);
    chardev_tell(&m->channel[m->focus]->base, CHARDEV_EVENT_FOCUS);
}

static void mux_key_literal(Mux *m)
{
    if (m->n) {
        channel_put(m->channel[m->focus], MUX_ESCAPE);
    }
}

static const struct {
    uint8_t key;
    void (*fn)(Mux *m);
} mux_keys[] = {
    { 'h', mux_key_help }, { '?', mux_key_help }, { 'x', mux_key_quit }, { 'b', mux_key_break },
    { 'c', mux_key_switch }, { MUX_ESCAPE, mux_key_literal },
};

static void mux_key(Mux *m, uint8_t key)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mux_keys); i++) {
        if (mux_keys[i].key == key) {
            mux_keys[i].fn(m);
            return;
        }
    }
}

/* ---- the stream below ------------------------------------------------------------------- */

/*
 * A person must always be able to press Ctrl-A x, so a terminal is read even if the front end is
 * stuck. A pipe is held back instead, so that nothing of it is lost.
 */
static size_t mux_can_receive(void *opaque)
{
    Mux *m = opaque;

    if (m->below->interactive || m->n == 0) {
        return CHARDEV_READ_SIZE;
    }
    return MUX_BUFFER - MIN(m->channel[m->focus]->waiting->len, MUX_BUFFER);
}

static void mux_receive(void *opaque, const uint8_t *buf, size_t len)
{
    Mux *m = opaque;

    chardev_hold(&m->base);
    for (size_t i = 0; i < len && !m->base.dead; i++) {
        if (m->escape) {
            m->escape = false;
            mux_key(m, buf[i]);
        } else if (buf[i] == MUX_ESCAPE) {
            m->escape = true;
        } else if (m->n) {
            channel_put(m->channel[m->focus], buf[i]);
        }
    }
    chardev_release(&m->base);
}

static void mux_event(void *opaque, ChardevEvent event)
{
    Mux *m = opaque;

    chardev_hold(&m->base);
    for (unsigned i = 0; i < m->n && !m->base.dead; i++) {
        if (event == CHARDEV_EVENT_BREAK) {
            chardev_tell(&m->channel[i]->base, event);
        } else {
            chardev_set_open(&m->channel[i]->base, event == CHARDEV_EVENT_OPENED);
        }
    }
    chardev_release(&m->base);
}

static const ChardevHandlers mux_handlers = {
    .can_receive = mux_can_receive, .receive = mux_receive, .event = mux_event,
};

static size_t mux_write(Chardev *c, const void *buf, size_t len)
{
    return chardev_write(((Mux *)c)->below, buf, len);
}

static void mux_free(Chardev *c)
{
    Mux *m = (Mux *)c;

    for (unsigned i = 0; i < m->n; i++) {
        chardev_free(&m->channel[i]->base);
    }
    chardev_free(m->below);
}

static Chardev *mux_below(const Chardev *c)
{
    return ((const Mux *)c)->below;
}

static const ChardevOps mux_ops = { .below = mux_below, .write = mux_write, .free = mux_free };

Chardev *chardev_new_mux(Chardev *below, void (*quit)(void *opaque), void *opaque)
{
    Mux *m = (Mux *)chardev_alloc(sizeof(*m), &mux_ops, below->label);
    bool ok;

    m->below = below;
    m->base.address = g_strdup(below->address);
    m->quit = quit;
    m->quit_opaque = opaque;
    ok = chardev_attach(below, &mux_handlers, m, NULL);
    g_assert(ok);
    return &m->base;
}

bool chardev_is_mux(const Chardev *c)
{
    return c->ops == &mux_ops;
}

Chardev *chardev_mux_channel(Chardev *mux, const char *label, GError **errp)
{
    Mux *m = (Mux *)mux;
    MuxChannel *ch;

    g_assert(chardev_is_mux(mux));
    if (m->n == MUX_CHANNELS) {
        error_set(errp, BUSY, "chardev '%s' has %d users already", mux->label, MUX_CHANNELS);
        return NULL;
    }
    ch = (MuxChannel *)chardev_alloc(sizeof(*ch), &channel_ops, label);
    ch->mux = m;
    ch->waiting = g_byte_array_new();
    m->channel[m->n++] = ch;
    chardev_set_open(&ch->base, chardev_is_open(m->below));
    return &ch->base;
}

bool chardev_has_focus(const Chardev *c)
{
    const Mux *m = c->ops == &channel_ops ? ((const MuxChannel *)c)->mux : NULL;

    return !m || &m->channel[m->focus]->base == c;
}

void chardev_mux_set_quit(Chardev *mux, void (*quit)(void *opaque), void *opaque)
{
    Mux *m = (Mux *)mux;

    g_assert(chardev_is_mux(mux));
    m->quit = quit;
    m->quit_opaque = opaque;
}
