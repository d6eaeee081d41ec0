/* Test helper: a debugger's side of the protocol.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdb-client.h"

#include <string.h>

/* Answers may expand to a lot: target.xml pieces of 64K with every character escaped. */
enum { REPLY_MAX = 4 * GDB_PACKET_SIZE };

static void client_take(void *opaque, const uint8_t *buf, size_t len)
{
    GdbClient *c = opaque;

    while (len) {
        size_t used;
        RspEvent ev = rsp_decoder_feed(&c->in, buf, len, &used);

        buf += used;
        len -= used;
        switch (ev) {
        case RSP_EVENT_PACKET:
            g_queue_push_tail(&c->packets, g_string_new_len((char *)c->in.data, c->in.len));
            break;
        case RSP_EVENT_NOTIFICATION:
            g_queue_push_tail(&c->packets, g_string_new_len((char *)c->in.data, c->in.len));
            g_string_prepend_c(c->packets.tail->data, '%');
            break;
        case RSP_EVENT_ACK:
            c->acks++;
            break;
        case RSP_EVENT_NAK:
            c->naks++;
            break;
        case RSP_EVENT_NONE:
            break;
        default:
            g_error("the stub sent nonsense");
        }
    }
}

static bool client_ready(void *opaque)
{
    return !((GdbClient *)opaque)->full;
}

static void client_resume_input(void *opaque)
{
}

static const GdbTransport transport = {
    .write = client_take, .ready = client_ready, .resume_input = client_resume_input,
};

void gc_init(GdbClient *c, ScriptMachine *m, Debug *debug)
{
    GError *err = NULL;

    memset(c, 0, sizeof(*c));
    c->m = m;
    test_host_init(&c->host, debug);
    c->config.debug = debug;
    c->config.monitor = &c->host.host;
    g_queue_init(&c->packets);
    rsp_decoder_init(&c->in, REPLY_MAX, true);
    c->session = gdb_session_new(&c->config, "test", &transport, c, &err);
    g_assert_no_error(err);
}

static void string_free(void *s)
{
    g_string_free(s, TRUE);
}

void gc_fini(GdbClient *c)
{
    gdb_session_free(c->session);
    g_queue_clear_full(&c->packets, string_free);
    g_clear_pointer(&c->reply, string_free);
    rsp_decoder_clear(&c->in);
    test_host_fini(&c->host);
}

void gc_raw(GdbClient *c, const void *bytes, size_t len)
{
    gdb_session_receive(c->session, bytes, len);
}

void gc_send_bytes(GdbClient *c, const void *packet, size_t len)
{
    GByteArray *wire = g_byte_array_new();

    rsp_encode(wire, '$', packet, len, false);
    gc_raw(c, wire->data, wire->len);
    g_byte_array_unref(wire);
}

void gc_send(GdbClient *c, const char *packet)
{
    gc_send_bytes(c, packet, strlen(packet));
}

const char *gc_next(GdbClient *c)
{
    main_timer_set(c->m->guard, 30 * NS_PER_SEC);
    while (g_queue_is_empty(&c->packets)) {
        mainloop_iterate(true);
    }
    main_timer_set(c->m->guard, -1);
    g_clear_pointer(&c->reply, string_free);
    c->reply = g_queue_pop_head(&c->packets);
    return c->reply->str;
}

const char *gc_ask(GdbClient *c, const char *packet)
{
    gc_send(c, packet);
    return gc_next(c);
}

void gc_expect_error(GdbClient *c, const char *packet)
{
    const char *reply = gc_ask(c, packet);

    if (!(reply[0] == 'E' && g_ascii_isxdigit(reply[1]) && g_ascii_isxdigit(reply[2]) &&
          !reply[3]) && !g_str_has_prefix(reply, "E.")) {
        g_error("'%.100s' was answered '%.100s', not with an error", packet, reply);
    }
}

void gc_expect_nothing(GdbClient *c)
{
    sm_flush(c->m);
    if (!g_queue_is_empty(&c->packets)) {
        g_error("unexpected packet '%.200s'", ((GString *)c->packets.head->data)->str);
    }
}

static void load_program(GdbFixture *f)
{
    for (unsigned i = 0; i < f->m.vm->ncpus; i++) {
        SM_CODE(&f->m, LOOP + STEP * i,
                SCRIPT_INSN_I(SCRIPT_LI, 1, DATA + 0x100 * i),
                SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1),
                SCRIPT_INSN(SCRIPT_ST, 0, 1, 0),
                SCRIPT_INSN(SCRIPT_LD, 2, 1, 8),
                SCRIPT_INSN_I(SCRIPT_JMP, 0, -3));
    }
    SM_CODE(&f->m, 0x1800, SCRIPT_INSN(SCRIPT_OFF, 7, 0, 0));
    SM_CODE(&f->m, 0x1810, SCRIPT_INSN(SCRIPT_HLT, 0, 0, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, 0));
}

void gf_setup_options(GdbFixture *f, unsigned ncpus, const char *options)
{
    sm_init(&f->m, ncpus, NULL, options);
    load_program(f);
    f->debug = debug_new(f->m.vm);
    gc_init(&f->c, &f->m, f->debug);
}

void gf_setup(GdbFixture *f, gconstpointer data)
{
    gf_setup_options(f, 2, NULL);
}

void gf_teardown(GdbFixture *f, gconstpointer data)
{
    gc_fini(&f->c);
    sm_flush(&f->m);
    debug_free(f->debug);
    sm_fini(&f->m);
}

void gc_expect_prefix(GdbClient *c, const char *packet, const char *want)
{
    const char *got = gc_ask(c, packet);

    if (!g_str_has_prefix(got, want)) {
        g_error("'%.100s' was answered '%.200s', not '%s...'", packet, got, want);
    }
}

void gc_expect_has(const char *reply, const char *part)
{
    if (!strstr(reply, part)) {
        g_error("'%s' lacks '%s'", reply, part);
    }
}

void gc_expect_lacks(const char *reply, const char *part)
{
    if (strstr(reply, part)) {
        g_error("'%s' has '%s'", reply, part);
    }
}

uint64_t gc_reg(GdbClient *c, unsigned num)
{
    g_autofree char *packet = g_strdup_printf("p%x", num);
    const char *hex = gc_ask(c, packet);
    uint64_t v = 0;

    g_assert_cmpuint(strlen(hex), ==, 16);
    for (unsigned i = 0; i < 8; i++) {
        v |= (uint64_t)(g_ascii_xdigit_value(hex[2 * i]) << 4 |
                        g_ascii_xdigit_value(hex[2 * i + 1])) << (8 * i);
    }
    return v;
}

bool gf_running(GdbFixture *f)
{
    sm_flush(&f->m);
    return !debug_stopped(f->debug);
}
