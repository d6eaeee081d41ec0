/* Fuzz target: a whole debugger session over a scripted machine that runs.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The input is lines: each is sent as a packet with a right frame, or as it is behind a '!'. '@' and a
 * digit at the beginning choose the accelerator's abilities. */
#include "gdbstub/session.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/script-machine.h"

#include <string.h>

#include "gdbstub/rsp_codec.h"

typedef struct FuzzMachine {
    ScriptMachine m;
    Debug *debug;
    GdbConfig config;
    bool made;
    unsigned abilities;
} FuzzMachine;

static const char *const abilities[] = {
    NULL, "patch", "slots=2,maxlen=8", "slots=4,maxlen=8,readonly,noskip", "patch,slots=2,noskip",
};

static void machine_make(FuzzMachine *f, unsigned choice)
{
    sm_init(&f->m, 2, NULL, abilities[choice]);
    f->abilities = choice;
    for (unsigned i = 0; i < 2; i++) {
        SM_CODE(&f->m, 0x1000 + 0x100 * i,
                SCRIPT_INSN_I(SCRIPT_LI, 1, 0x2000 + 0x100 * i),
                SCRIPT_INSN(SCRIPT_ADDI, 0, 0, 1),
                SCRIPT_INSN(SCRIPT_ST, 0, 1, 0),
                SCRIPT_INSN(SCRIPT_LD, 2, 1, 8),
                SCRIPT_INSN_I(SCRIPT_JMP, 0, -3));
    }
    f->debug = debug_new(f->m.vm);
    f->config = (GdbConfig){ .debug = f->debug, .exec_file = "/guest" };
    f->made = true;
}

static void machine_free(FuzzMachine *f)
{
    sm_flush(&f->m);
    debug_free(f->debug);
    sm_fini(&f->m);
    f->made = false;
}

/* What the stub sends must decode without a fault. */
static void check_output(void *opaque, const uint8_t *buf, size_t len)
{
    RspDecoder *d = opaque;

    while (len) {
        size_t used;
        RspEvent ev = rsp_decoder_feed(d, buf, len, &used);

        g_assert(ev != RSP_EVENT_BAD_CHECKSUM && ev != RSP_EVENT_TOO_LONG &&
                 ev != RSP_EVENT_INTERRUPT);
        buf += used;
        len -= used;
    }
}

static void resume_input(void *opaque)
{
}

static void send_line(GdbSession *s, const uint8_t *line, size_t len)
{
    GByteArray *wire;

    if (len && line[0] == '!') {
        gdb_session_receive(s, line + 1, len - 1);
        return;
    }
    wire = g_byte_array_new();
    rsp_encode(wire, '$', line, len, false);
    gdb_session_receive(s, wire->data, wire->len);
    g_byte_array_unref(wire);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const GdbTransport transport = { .write = check_output, .resume_input = resume_input };
    static FuzzMachine f;
    unsigned choice = f.abilities;
    GdbSession *s;
    RspDecoder d;

    if (size >= 2 && data[0] == '@') {
        choice = (uint8_t)(data[1] - '0') % G_N_ELEMENTS(abilities);
        data += 2;
        size -= 2;
    }
    if (f.made && (vm_ended(f.m.vm) || choice != f.abilities)) {
        machine_free(&f);
    }
    if (!f.made) {
        machine_make(&f, choice);
    }
    rsp_decoder_init(&d, 4 * GDB_PACKET_SIZE, true);
    s = gdb_session_new(&f.config, "fuzz", &transport, &d, NULL);
    while (size) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t n = end ? (size_t)(end - data) : size;

        send_line(s, data, n);
        sm_flush(&f.m);
        data += MIN(n + 1, size);
        size -= MIN(n + 1, size);
    }
    gdb_session_free(s);
    sm_flush(&f.m);
    rsp_decoder_clear(&d);
    return 0;
}
