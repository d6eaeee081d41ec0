/* The machine under test: the embedded guest in its mode 'puppet' (tests/guest/puppet.c), its
 * symbols, and a debugger that makes it do things.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One machine serves all cases that want the same kind, one after the other; after a case that
 * failed the next one gets a new machine. GLib's assertions are not fatal: the later cases run too.
 *
 * GLASSBOX_TEST_LIMIT is how many seconds to wait for an answer. Cases that want points which the
 * accelerator says it hasn't got are skipped; GLASSBOX_TEST_ALL makes that a failure. */
#ifndef GLASSBOX_TESTS_KVM_MACHINE_H
#define GLASSBOX_TESTS_KVM_MACHINE_H

#include "expect.h"
#include "giveup.h"
#include "rsp.h"

#define PAGE 4096u
#define WINDOW 0xA0000000ull    /* the guest's addresses for window_map */

typedef struct Machine Machine;
typedef void MachineCase(Machine *m);

/* usage: PROGRAM EMULATOR GUEST [GLib's test options] */
void machine_init(int *argc, char ***argv);
/* A test case on a machine with `cpus`, of which `started` execute pup_idle when it begins. It
 * begins stopped, without points but the one at pup_done, with no trap noted and pup_data zero. */
void machine_case(const char *path, MachineCase *fn, unsigned cpus, unsigned started);
/* The same function for several cases. */
void machine_case_with(const char *path, MachineCase *fn, const void *data);
const void *machine_data(const Machine *m);
int machine_run_cases(void);

/* The debugger's connection; another one after a detach or disconnect. */
Rsp *machine_rsp(Machine *m);
void machine_disconnect(Machine *m);    /* without a word */
void machine_detach(Machine *m);        /* by D */
void machine_connect(Machine *m);        /* sets the point at pup_done */
/* What the guest prints next that begins with this; without it, for g_free. */
char *machine_line(Machine *m, const char *prefix);
/* What the emulator itself has said so far, for g_free. */
char *machine_errors(const Machine *m);
/* A further emulator, stopped before its first instruction; connected. It ends with the case. */
Machine *machine_start_other(const char *accel);

/* The guest's file: a symbol's address; the bytes that belong to an address; all that is loaded
 * read-only, of which the guest makes the checksum of puppet_report. */
uint64_t sym(const char *name);
const uint8_t *image_bytes(uint64_t at, unsigned n);
void image_text(uint64_t *at, uint64_t *n);
uint32_t image_sum(void);
/* NAME, NAME+0x12 or a number, for messages; good for a while. */
const char *place(uint64_t at);

/* Points that the end of the case removes. */
void machine_point(Machine *m, int type, uint64_t at, unsigned len);
void machine_unpoint(Machine *m, int type, uint64_t at, unsigned len);
void machine_unpoint_all(Machine *m);   /* but the one at pup_done */

/* Sets a CPU (the first thread is 1) to the beginning of a routine: arguments, return address
 * pup_done, r15 pup_lost, all other general registers and flags to values that are always the same. */
void machine_enter(Machine *m, unsigned thread, uint64_t at, uint64_t a, uint64_t b, uint64_t c);
/* All CPUs run until a stop; one CPU steps and the others stand; the same with words of vCont. */
RspStop machine_go(Machine *m);
RspStop machine_step(Machine *m);
RspStop machine_resume(Machine *m, const char *vcont);
/* Runs; the stop must be at this place and for this reason (NULL: any). */
void machine_go_to(Machine *m, uint64_t at, const char *reason);
/* A guest that begins anew runs until it rests in pup_idle. */
void machine_to_idle(Machine *m);
/* Runs to pup_done, without a stop or an unexpected fault before; rax. */
uint64_t machine_finish(Machine *m);
/* Enters on the first CPU and finishes. */
uint64_t machine_call(Machine *m, const char *name, uint64_t a, uint64_t b, uint64_t c);
/* The guest's page `page` of WINDOW shows the RAM at `to`, in the first CPU's view. */
void machine_map(Machine *m, unsigned page, uint64_t to, bool writable);

/* A trap that the guest has noted. */
typedef struct Trap {
    uint64_t vector, error, ip, cs, flags, sp, ss, dr6;
} Trap;
unsigned machine_traps(Machine *m);             /* how many */
Trap machine_trap(Machine *m, unsigned n);
void machine_clear(Machine *m);                 /* traps and pup_data */

/* Assertions that say what is where; the first gives up. */
#define assert_at(stop_, name_) assert_place((stop_).pc, sym(name_), __FILE__, __LINE__)
void assert_place(uint64_t pc, uint64_t want, const char *file, int line);
#define assert_reason(stop_, name_) g_assert_cmpstr((stop_).reason, ==, name_)

#endif
