/* The debug core: what every front end (gdbstub, monitor, QMP) sees of points, stops, resumes,
 * memory and registers.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Everything here runs on the control thread, unless marked otherwise. Callbacks of clients come
 * on the control thread, from the main loop, never from inside a call made by that client,
 * except where marked. */
#ifndef GLASSBOX_DEBUG_DEBUG_H
#define GLASSBOX_DEBUG_DEBUG_H

#include <glib.h>
#include "accel/point.h"
#include "cpu/cpu.h"
#include "vm/stop.h"
#include "vm/vm.h"

typedef struct Debug Debug;
typedef struct DebugClient DebugClient;
typedef uint32_t PointId;               /* never 0, never used twice */

/* ---- stops ---- */

#define STOP_CPU_NONE UINT32_MAX

/* Why and where the machine stopped, as one client is told. Valid during the callback, or until
 * the next resume when it came from debug_stop_info. */
typedef struct StopInfo {
    StopKind kind;
    unsigned cpu;               /* index */
    vaddr_t pc;
    /* STOP_POINT, and STOP_STEP that ended on points: */
    PointKind point_kind;       /* of hit[0] */
    bool hard;                  /* hit[0] was asked for as a hardware point */
    vaddr_t access;             /* data: first address touched that lies in the point */
    vaddr_t point_addr;         /* hit[0]'s own address, as its owner gave it */
    bool write;
    bool has_values;            /* old and now are the watched bytes before and after */
    uint64_t old, now;
    unsigned nhit;              /* the client's own points first */
    unsigned nmine;             /* how many of them are its own; 0: others' point */
    PointId hit[VCPU_HITS];
    bool step_done;             /* a step this client asked for is complete */
    /* STOP_EVENT */
    DebugEvent event;
    /* STOP_SHUTDOWN, STOP_PANIC, a caught reset or triple fault */
    VmCause cause;
    int status;
    const char *text;           /* STOP_ERROR, and any stop that has more to say; or NULL */
} StopInfo;

/* What a client wants to hear. Each may be NULL. */
typedef struct DebugClientOps {
    /* All-stop: everything is parked. Once per resume. */
    void (*stopped)(void *opaque, const StopInfo *stop);
    /* Non-stop clients: one vCPU parked. Those of others are told later, each once. */
    void (*cpu_stopped)(void *opaque, const StopInfo *stop);
    /* Somebody resumed the machine (by: its name). Not told to the one who did. */
    void (*resumed)(void *opaque, const char *by);
    /* The machine ended; process will exit when all clients' output is flushed. */
    void (*ended)(void *opaque, VmCause cause, int status);
    void (*reset)(void *opaque, VmCause cause);     /* the machine was reset (and runs on) */
    /* Text of a point's printf commands. */
    void (*output)(void *opaque, const char *text);
    /* Another client took, or gave back, control. */
    void (*control)(void *opaque, const char *holder);      /* NULL: nobody */
} DebugClientOps;

/* ---- life ---- */

/* One per machine, after vm_start... the VM must outlive it. */
Debug *debug_new(Vm *vm);
void debug_free(Debug *d);
Vm *debug_vm(Debug *d);

/* A new client. Attaching stops nothing: see debug_interrupt. `name` is for people ("gdb on
 * 127.0.0.1:4000", "monitor"). */
DebugClient *debug_client_new(Debug *d, const char *name, const DebugClientOps *ops,
                              void *opaque);
/* The client goes: its points go. If it held control and `resume` is set, everything that is
 * stopped goes on; a client without control resumes nothing. */
void debug_client_free(DebugClient *c, bool resume);
const char *debug_client_name(const DebugClient *c);
/* Walks the clients: NULL first, then the last one given; NULL at the end. */
const DebugClient *debug_client_next(const Debug *d, const DebugClient *after);
/* The numbering that this client's agent expressions use for registers: by default that of the
 * CPU class's own register set. `set` must be one of the class's. */
void debug_client_set_regs(DebugClient *c, const RegSet *set);
const RegLayout *debug_client_regs(const DebugClient *c);

/* Control: the right to resume. One client at a time has it; when nobody has, everybody may.
 * False when another has it, with a sentence that names it. */
bool debug_control_take(DebugClient *c, GError **errp);
void debug_control_release(DebugClient *c);
/* Takes control from whoever has it: for a user who insists. The former holder is told (control),
 * keeps its points, and hears of stops like everybody. */
void debug_control_force(DebugClient *c);
bool debug_control_has(const DebugClient *c);           /* this client holds it */
const char *debug_control_holder(const Debug *d);       /* NULL: nobody */

/* Non-stop or all-stop: a policy of the whole machine, set by the holder of control. Switching
 * to all-stop parks everything first (a stop is told). */
bool debug_set_nonstop(DebugClient *c, bool on, GError **errp);
bool debug_nonstop(const Debug *d);

/* ---- running and stopping ---- */

typedef enum ResumeKind {
    RESUME_STAY,        /* stays parked */
    RESUME_CONT,
    RESUME_STEP,        /* one instruction */
    RESUME_RANGE,       /* steps while pc is in [lo, hi) */
} ResumeKind;

typedef struct ResumeAction {
    unsigned cpu;
    ResumeKind kind;
    vaddr_t lo, hi;
} ResumeAction;

typedef struct ResumePlan {
    bool backward;              /* refused unless the machine records (replay) */
    bool mask_irq;              /* stepping CPUs take no interrupts */
    bool freeze_timers;         /* the VM clock stands while only stepping CPUs run */
    ResumeKind others;          /* for vCPUs without an action: RESUME_CONT or RESUME_STAY */
    unsigned n;
    const ResumeAction *action;
} ResumePlan;

/* Resumes. All-stop: the machine is stopped, and c has control or nobody has. Stops that other
 * CPUs had meanwhile are told now instead, if their points still exist. In non-stop only parked
 * CPUs named by an action are concerned. False with a reason: nothing was resumed. */
bool debug_resume(DebugClient *c, const ResumePlan *plan, GError **errp);
/* All CPUs continue: {.others = RESUME_CONT}. */
bool debug_continue(DebugClient *c, GError **errp);
/* Stops the machine; the stop is told from the main loop (to all). When it is stopped already,
 * nothing is told. Any client may. */
void debug_interrupt(DebugClient *c);
/* Non-stop: stops one vCPU; told by cpu_stopped as STOP_INTERRUPT, once. */
void debug_interrupt_cpu(DebugClient *c, unsigned cpu);

bool debug_stopped(const Debug *d);                 /* all parked and told */
bool debug_cpu_stopped(const Debug *d, unsigned cpu);
/* The last stop as this client sees it; NULL while running. */
const StopInfo *debug_stop_info(DebugClient *c);
/* Non-stop, or the threads of a stop: why this vCPU is stopped (kind STOP_NONE: parked without
 * a reason of its own). False while it runs. */
bool debug_cpu_stop_info(DebugClient *c, unsigned cpu, StopInfo *out);

/* ---- points ---- */

typedef enum PointWish {
    WISH_ANY,           /* whatever works best */
    WISH_SOFT,          /* gdb's Z0: free of slots where possible */
    WISH_HARD,          /* gdb's Z1: told back as `hard` */
} PointWish;

typedef struct PointSpec {
    PointKind kind;
    PointWish wish;
    AddrKind akind;
    vaddr_t addr;
    uint64_t len;               /* bytes; exec: the length gdb gives, not compared by; 0 is 1 */
    uint8_t rw;                 /* POINT_RW_*, for POINT_MSR and POINT_IO; 0 is both */
    Scope scope;
    bool once;                  /* goes with its first stop */
    bool on_change;             /* write points: only when the bytes' value changed */
    bool disabled;              /* kept, but not armed */
    uint64_t ignore;            /* hits to let pass first */
    /* Agent expressions (debug/agent.h): a hit passes when there are none or one gives non-zero. */
    GBytes *const *cond;
    unsigned ncond;
    /* Agent expressions run at each hit that passes. With commands the machine does not stop,
     * unless stop_too. */
    GBytes *const *command;
    unsigned ncommand;
    bool stop_too;
} PointSpec;

/* What is known of a point. Pointers are valid until the point changes. */
typedef struct PointInfo {
    PointId id;
    PointSpec spec;
    const DebugClient *owner;
    const char *owner_name;
    Backing backing;
    bool pending;               /* its page is not mapped yet and the backing needs that */
    PointNow now;               /* CPUs on which the guest's own debug registers have displaced it */
    uint64_t hits;              /* that passed scope and condition */
    uint64_t ignore_left;
} PointInfo;

/* Sets a point. Bytes are copied (GBytes referenced). False with the reason when it is
 * impossible, and nothing has changed: GLASSBOX_ERROR_UNSUPPORTED when this accelerator never
 * can (gdb may then try another way), _BUSY for lack of debug registers, _INVALID for nonsense.
 * While running it takes effect before this returns. */
bool debug_point_add(DebugClient *c, const PointSpec *spec, PointId *id, GError **errp);
/* Any client may remove any point by number (monitor); by its owner it is silent. */
bool debug_point_remove(Debug *d, PointId id, GError **errp);
bool debug_point_enable(Debug *d, PointId id, bool on, GError **errp);
bool debug_point_set_ignore(Debug *d, PointId id, uint64_t ignore, GError **errp);
/* Replaces the conditions (n == 0: none). */
bool debug_point_set_cond(Debug *d, PointId id, GBytes *const *cond, unsigned n, GError **errp);
/* The client's own point of this kind, wish, address and length; 0: none. For z packets, and for
 * making Z idempotent. */
PointId debug_point_find(DebugClient *c, PointKind kind, PointWish wish, AddrKind akind,
                         vaddr_t addr, uint64_t len);
/* Walks all points in the order of their ids: pass 0 first, then the last id; false at the end. */
bool debug_point_next(const Debug *d, PointId after, PointInfo *out);
bool debug_point_info(const Debug *d, PointId id, PointInfo *out);
/* Points of one client; for "remove all". */
void debug_points_remove_all(DebugClient *c);

/* ---- memory: RAM and ROM only, never a device ---- */

/* Reads by virtual (as this CPU sees it now) or physical address, page by page; returns how many
 * bytes were readable from the start. Works while running: the translation is then made on the
 * vCPU's thread. */
size_t debug_read_some(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, void *buf,
                       size_t len);
/* All or an error that names the first bad address. */
bool debug_read(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, void *buf, size_t len,
                GError **errp);

/* An instruction as debug_disassemble found it. */
typedef struct DebugInsn {
    uint8_t code[16];           /* its bytes: the first len */
    unsigned len;               /* at least 1; the shortest possible where it is none */
    bool valid;                 /* the bytes are an instruction of this CPU in its present mode */
} DebugInsn;

/* Disassembles the instruction at a virtual or physical address; appends its text, nothing where
 * it is none. False: nothing is readable there. The vCPU must exist; may be called as
 * debug_read_some may. */
bool debug_disassemble(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, DebugInsn *insn,
                       GString *text);
/* Writes RAM; ROM only with `rom`. Everything is checked first: on an error nothing was
 * written. */
bool debug_write(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, const void *buf,
                 size_t len, bool rom, GError **errp);
/* The page-table walk of a CPU. */
bool debug_translate(Debug *d, unsigned cpu, vaddr_t va, Translation *out);
/* Searches [at, at+len) for a pattern; stops at the first unreadable byte with an error.
 * *found: whether, *where: first address. */
bool debug_search(Debug *d, unsigned cpu, AddrKind kind, uint64_t at, uint64_t len,
                  const uint8_t *pattern, size_t plen, bool *found, uint64_t *where,
                  GError **errp);

/* ---- registers: le is little endian, reg_bytes(r) long ---- */

bool debug_reg_read(Debug *d, unsigned cpu, const RegDesc *r, uint8_t *le, GError **errp);
bool debug_reg_write(Debug *d, unsigned cpu, const RegDesc *r, const uint8_t *le,
                     GError **errp);
bool debug_pc_write(Debug *d, unsigned cpu, vaddr_t pc, GError **errp);
/* Runs fn on the CPU's state: directly when it is parked, else on its thread. Waits. */
void debug_on_cpu(Debug *d, unsigned cpu, void (*fn)(Cpu *cpu, void *data), void *data);

/* ---- expressions ---- */

/* Runs agent code (debug/agent.h) on a CPU's state, with the client's numbering of registers and
 * its variables. Works while running: on the vCPU's thread then. False with the reason. */
bool debug_eval(DebugClient *c, unsigned cpu, GBytes *code, uint64_t *value, GError **errp);

/* ---- machine ---- */

/* Reset or end by a client's wish (gdb's R, k; monitor). A stopped machine stays stopped after a
 * reset, and clients are told `reset`. */
void debug_request_reset(DebugClient *c);
void debug_request_quit(DebugClient *c, int status);

#endif
