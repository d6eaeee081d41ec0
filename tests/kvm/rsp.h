/* A small debugger: the gdb remote protocol over a unix socket.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * If no answer comes in time, or one that makes no sense, the test gives up (giveup.h). */
#ifndef GLASSBOX_TESTS_KVM_RSP_H
#define GLASSBOX_TESTS_KVM_RSP_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Rsp Rsp;


/* Why the machine stopped. */
typedef struct RspStop {
    unsigned signal;            /* 0: the machine has ended */
    char reason[12];            /* swbreak, hwbreak, watch, rwatch, awatch, or empty */
    uint64_t address;           /* of a watchpoint's access */
    unsigned thread;            /* from 1 */
    uint64_t pc;
    bool ended;                 /* a W packet; status */
    unsigned status;
} RspStop;

/* Stops the machine, if it runs. */
Rsp *rsp_connect(const char *path);
void rsp_close(Rsp *r);

void rsp_send(Rsp *r, const char *packet);
const char *rsp_receive(Rsp *r);        /* good until the next call */
const char *rsp_ask(Rsp *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
bool rsp_ask_ok(Rsp *r, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
void rsp_interrupt(Rsp *r);
/* The next packet, which must tell of a stop. */
RspStop rsp_wait(Rsp *r);

/* Registers by name, of the thread that rsp_thread chose; n bytes. Writing tells whether it was
 * taken. */
void rsp_thread(Rsp *r, unsigned thread);
bool rsp_has_register(const Rsp *r, const char *name);
/* All names in the order of their numbers, NULL-terminated. */
const char *const *rsp_register_names(const Rsp *r);
unsigned rsp_register_bytes(const Rsp *r, const char *name);
void rsp_register_read(Rsp *r, const char *name, void *value, unsigned n);
bool rsp_register_write(Rsp *r, const char *name, const void *value, unsigned n);
uint64_t rsp_get(Rsp *r, const char *name);
void rsp_set(Rsp *r, const char *name, uint64_t v);     /* must be taken */

/* Virtual memory; all of it must be there. */
void rsp_read(Rsp *r, uint64_t at, void *buf, unsigned n);
void rsp_write(Rsp *r, uint64_t at, const void *buf, unsigned n);
uint64_t rsp_read_u64(Rsp *r, uint64_t at);
uint32_t rsp_read_u32(Rsp *r, uint64_t at);
void rsp_write_u64(Rsp *r, uint64_t at, uint64_t v);

/* Z and z packets; type is their digit. */
bool rsp_point(Rsp *r, int type, uint64_t at, unsigned len);
void rsp_unpoint(Rsp *r, int type, uint64_t at, unsigned len);

/* The monitor's answer to a command, for g_free. */
char *rsp_monitor(Rsp *r, const char *command);

#endif
