/* Test helper: a debugger's side of the protocol, on a session in this process.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef GLASSBOX_TESTS_UNIT_GDB_CLIENT_H
#define GLASSBOX_TESTS_UNIT_GDB_CLIENT_H

#include "gdbstub/rsp_codec.h"
#include "gdbstub/session.h"
#include "monitor-host.h"
#include "script-machine.h"

typedef struct GdbClient {
    ScriptMachine *m;
    GdbConfig config;
    TestHost host;
    GdbSession *session;
    RspDecoder in;
    GQueue packets;             /* GString: replies not yet taken; notifications begin with '%' */
    GString *reply;             /* the one last taken */
    unsigned acks, naks;
    bool full;                  /* the transport has no room */
} GdbClient;

/* A client of the machine's debug core; the session begins. */
void gc_init(GdbClient *c, ScriptMachine *m, Debug *debug);
/* Hangs up. */
void gc_fini(GdbClient *c);

/* Sends raw bytes; sends a packet with its frame. */
void gc_raw(GdbClient *c, const void *bytes, size_t len);
void gc_send(GdbClient *c, const char *packet);
void gc_send_bytes(GdbClient *c, const void *packet, size_t len);

/* Waits for the next packet (the test fails after 30 seconds). Its text is good until the next
 * call. */
const char *gc_next(GdbClient *c);
/* Sends and waits. */
const char *gc_ask(GdbClient *c, const char *packet);
/* Sends, and asserts what is answered. */
#define gc_expect(c, packet, want) g_assert_cmpstr(gc_ask(c, packet), ==, want)
/* Asserts that the answer is an error in form. */
void gc_expect_error(GdbClient *c, const char *packet);
/* Asserts that no further packet comes of what is ready now. */
void gc_expect_nothing(GdbClient *c);

/* Asserts the beginning of the answer; of a text, that it has or lacks a part. */
void gc_expect_prefix(GdbClient *c, const char *packet, const char *want);
void gc_expect_has(const char *reply, const char *part);
void gc_expect_lacks(const char *reply, const char *part);
/* The value of a 64-bit register by number. */
uint64_t gc_reg(GdbClient *c, unsigned num);

/* The script CPU's registers as gdb numbers them. */
enum { REG_R0 = 0, REG_R1 = 1, REG_PC = 16, REG_ASID = 17, REG_LEVEL = 18, REG_RESET_PC = 19 };

/* A machine with a program, and a client of it. CPU i, from 0x1000 + 0x100 * i:
 *   +0 r1 = 0x2000 + 0x100 * i;  +4 r0++;  +8 [r1] = r0;  +c r2 = [r1 + 8];  +10 to +4
 * At 0x1800: the end with status 7. At 0x1810: halt. */
typedef struct GdbFixture {
    ScriptMachine m;
    Debug *debug;
    GdbClient c;
} GdbFixture;

enum { LOOP = 0x1000, STEP = 0x100, DATA = 0x2000 };

void gf_setup_options(GdbFixture *f, unsigned ncpus, const char *options);
/* Two CPUs. */
void gf_setup(GdbFixture *f, gconstpointer data);
void gf_teardown(GdbFixture *f, gconstpointer data);
bool gf_running(GdbFixture *f);

#endif
