/* Fuzz target: a QMP session on a script machine, from bytes to answers.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The input is what a client sends. Whatever it is, the session ends in order, and another one that
 * asks gets its answer. */
#include <string.h>
#include "../unit/monitor-host.h"
#include "../unit/script-machine.h"
#include "fuzz.h"
#include "monitor/qmp.h"

typedef struct Client {
    Chardev *ours, *theirs;
    GString *got;
} Client;

static void client_receive(void *opaque, const uint8_t *buf, size_t len)
{
    g_string_append_len(((Client *)opaque)->got, (const char *)buf, len);
}

static const ChardevHandlers handlers = { .receive = client_receive };

static QmpServer *client_new(Client *c, MonitorHost *host)
{
    c->got = g_string_new(NULL);
    chardev_new_pair(&c->theirs, &c->ours);
    chardev_attach(c->ours, &handlers, c, NULL);
    return qmp_server_new(host, c->theirs, false, NULL);
}

static void client_free(Client *c, QmpServer *q)
{
    qmp_server_free(q);
    chardev_free(c->theirs);
    chardev_free(c->ours);
    g_string_free(c->got, TRUE);
}

/* Files would be written all over the place, and streams opened. */
static bool harmless(const uint8_t *data, size_t len)
{
    static const char *const words[] = { "file", "save", "log", "gdbserver", "symbols" };

    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        if (memmem(data, len, words[i], strlen(words[i]))) {
            return false;
        }
    }
    return true;
}

static void turn(ScriptMachine *m, unsigned times)
{
    while (times-- && mainloop_iterate(false)) {
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char ask[] = "{\"execute\": \"qmp_capabilities\"}{\"execute\": \"query-status\"}";
    ScriptMachine m;
    TestHost host;
    Client c[2];
    QmpServer *q[2];
    Debug *d;

    if (!harmless(data, len)) {
        return 0;
    }
    sm_init(&m, 2, NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        SM_CODE(&m, 0x1000 + 0x100 * i, SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1),
                SCRIPT_INSN(SCRIPT_ST, 0, 2, 0), SCRIPT_INSN_I(SCRIPT_JMP, 0, -2));
    }
    d = debug_new(m.vm);
    test_host_init(&host, d);
    for (unsigned i = 0; i < 2; i++) {
        q[i] = client_new(&c[i], &host.host);
    }
    turn(&m, 10);
    chardev_write(c[0].ours, data, len);
    turn(&m, 200);
    chardev_write(c[1].ours, ask, strlen(ask));
    while (!strstr(c[1].got->str, "\"status\"")) {
        mainloop_iterate(true);
    }
    for (unsigned i = 0; i < 2; i++) {
        client_free(&c[i], q[i]);
    }
    turn(&m, 200);
    test_host_fini(&host);
    debug_free(d);
    sm_fini(&m);
    return 0;
}
